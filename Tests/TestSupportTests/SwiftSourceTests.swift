import Testing

@Suite struct SwiftSourceTests {
    private func words(_ text: String) -> [String] {
        SwiftSource(path: "A.swift", text: text).tokens.filter { $0.kind == .word }.map(\.text)
    }

    @Test(
        arguments: [
            ("a // b\nc", ["a", "c"]),
            ("a /* b /* c */ d */ e", ["a", "e"]),
            ("a \"b \\\" c\" d", ["a", "d"]),
            ("a \"b \\(c(\"d\")) e\" f", ["a", "c", "f"]),
            ("a #\"b \\(c) \" \\#(d) \"# e", ["a", "d", "e"]),
            ("a \"\" b", ["a", "b"]),
            ("a \"\"\"\n  b \"c\" \\\n  \\(d)\n  \"\"\" e", ["a", "d", "e"]),
            ("a = /b\"/ c", ["a", "c"]),
            ("a = #/b\"/# c", ["a", "c"]),
            ("a / b / c", ["a", "b", "c"]),
            ("(a) / b \"/c\"", ["a", "b"]),
            ("`a b` `class` c", ["c"]),
            ("a \"b\nc", ["a", "c"]),
            ("a /* b", ["a"]),
            ("é \"ü\" ß", ["é", "ß"]),
            ("a #if b\n#endif", ["a", "if", "b", "endif"]),
        ] as [(String, [String])]
    )
    func `code is told from comments, literals and quoted names`(text: String, expected: [String]) {
        #expect(words(text) == expected)
    }

    @Test func `each token knows its line`() {
        let text = "a\n/* \n */ b \"\"\"\n x\n \\(c)\n \"\"\" d\ne"
        let source = SwiftSource(path: "A.swift", text: text)
        let lines = source.tokens.filter { $0.kind == .word }.map { "\($0.text)\($0.line)" }
        #expect(lines == ["a1", "b3", "c5", "d6", "e7"])
        #expect(source.comments.map(\.line) == [2, 3])
    }

    @Test(arguments: [
        "\"", "\"\"\"", "#\"", "/*", "`", "#", "\\", "\"\\(", "\"\\", "#/", "/", "1.",
    ])
    func `broken code is read to its end`(text: String) {
        _ = SwiftSource(path: "A.swift", text: text)
        _ = SwiftSource(path: "A.swift", text: "a = " + text)
    }
}
