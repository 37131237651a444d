import Interchange
import TestSupport
import Testing

struct CSVReaderTests {
    private func rows(_ text: String, partBytes: Int = .max) throws(ImportError) -> [[String?]] {
        try rows(Array(text.utf8), partBytes: partBytes).map { row in
            (0..<row.count).map { row.text(at: $0) }
        }
    }

    private func rows(_ bytes: [UInt8], partBytes: Int = .max) throws(ImportError) -> [CSVRow] {
        var reader = CSVReader()
        var rows: [CSVRow] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            reader.append(Array(rest.prefix(partBytes)))
            rest = rest.dropFirst(partBytes)
            while let row = try reader.next() { rows.append(row) }
        }
        reader.finish()
        while let row = try reader.next() { rows.append(row) }
        return rows
    }

    private func error(_ text: String) -> ImportError? {
        do {
            _ = try rows(text)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        ("", []),
        ("a", [["a"]]),
        ("a,b\n", [["a", "b"]]),
        ("a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
        (",\n", [["", ""]]),
        ("a,,\n", [["a", "", ""]]),
        ("\"\"\n", [[""]]),
        ("\n\na\n\r\nb", [["a"], ["b"]]),
        ("a,\"b \"\"c\"\"\"\n", [["a", "b \"c\""]]),
        ("\"a,b\",\"c\nd\"\r\ne,f", [["a,b", "c\nd"], ["e", "f"]]),
        ("\u{FEFF}\"a\",b\n", [["a", "b"]]),
        ("\u{FEFF}", []),
        (" a , \"\n".replacing("\"", with: "b"), [[" a ", " b"]]),
        ("£,é\n", [["£", "é"]]),
    ])
    func `rows are read as RFC 4180 writes them`(text: String, expected: [[String]]) throws {
        #expect(try rows(text) == expected)
        #expect(try rows(text, partBytes: 1) == expected)
    }

    @Test func `a row knows the line on which it begins`() throws {
        let lines = try rows(Array("a\n\n\"b\nc\"\r\nd\n".utf8)).map(\.line)
        #expect(lines == [1, 3, 5])
    }

    @Test(arguments: [
        ("a\nb\"c\n", 2),
        ("a\n\"b\"c\n", 2),
        ("a\n\"b\nc\n", 2),
        ("a\rb\n", 1),
        ("a\r", 1),
        ("\r\rb", 1),
    ])
    func `bytes that the format does not allow end the reading at their line`(
        text: String,
        line: Int
    ) {
        #expect(error(text)?.code == .malformed)
        #expect(error(text)?.line == line)
    }

    @Test func `an error is thrown again and again`() throws {
        var reader = CSVReader()
        reader.append(Array("a\"\nb\n".utf8))
        for _ in 1...3 {
            #expect(throws: ImportError.self) { try reader.next() }
        }
    }

    @Test func `a field, a row and a number of fields at the limit pass and one more does not`()
        throws
    {
        let field = String(repeating: "x", count: CSVReader.fieldBytesMax)
        #expect(try rows(field) == [[field]])
        #expect(error(field + "x")?.code == .tooLarge)
        #expect(error("\"" + field + "x\"")?.code == .tooLarge)

        let fieldsMax = CSVReader.rowBytesMax / CSVReader.fieldBytesMax
        let row = Array(repeating: field, count: fieldsMax).joined(separator: ",")
        #expect(try rows(row).first?.count == fieldsMax)
        #expect(error(row + ",x")?.code == .tooLarge)

        let commas = String(repeating: ",", count: CSVReader.fieldCountMax - 1)
        #expect(try rows(commas).first?.count == CSVReader.fieldCountMax)
        #expect(error(commas + ",")?.code == .tooLarge)
    }

    @Test func `a field that is not UTF-8 has bytes and no text`() throws {
        let row = try #require(try rows([0x41, 0x2C, 0xA3, 0x31]).first)
        #expect(row.text(at: 0) == "A")
        #expect(row.text(at: 1) == nil)
        #expect(row[1] == [0xA3, 0x31])
        #expect(row.text(at: 2) == nil)
    }

    @Test(arguments: Seeds.forThisRun)
    func `what is written with quotes is read back, however it is cut`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let alphabet = ["a", "\"", ",", "\n", "\r\n", "\r", "é", ""]
        var expected: [[String]] = []
        var text = ""
        for _ in 0..<20 {
            let row = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                    alphabet.randomElement(using: &generator) ?? ""
                }
                .joined()
            }
            expected.append(row)
            text += row.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(
                separator: ","
            )
            text += Bool.random(using: &generator) ? "\n" : "\r\n"
        }
        let partBytes = Int.random(in: 1...9, using: &generator)
        let read = try rows(text, partBytes: partBytes)
        #expect(read == expected, "Replay with SEED=\(seed)")
    }
}
