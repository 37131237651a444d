import Interchange
import TestSupport
import Testing

@Suite struct JSONWriterTests {
    @Test func `members are written in the order given, compact and pretty`() {
        func write(_ style: JSONWriter.Style) -> String {
            var writer = JSONWriter(style: style)
            writer.object { writer in
                writer.member("b", "x")
                writer.member("a", units: 150, scale: 2)
                writer.key("list")
                writer.array { writer in
                    writer.number(1)
                    writer.object { writer in writer.member("c", true) }
                    writer.array { _ in }
                    writer.null()
                }
                writer.key("empty")
                writer.object { _ in }
                writer.member("n", number: -7)
                writer.member("q", quoted: UInt64.max)
                writer.member("none", orNull: nil)
                writer.member("texts", ["y", "z"])
            }
            return writer.text
        }
        #expect(
            write(.compact) == #"""
                {"b":"x","a":"1.50","list":[1,{"c":true},[],null],"empty":{},"n":-7,\#
                "q":"18446744073709551615","none":null,"texts":["y","z"]}
                """#
        )
        #expect(
            write(.pretty) == """
                {
                  "b": "x",
                  "a": "1.50",
                  "list": [
                    1,
                    {
                      "c": true
                    },
                    [],
                    null
                  ],
                  "empty": {},
                  "n": -7,
                  "q": "18446744073709551615",
                  "none": null,
                  "texts": [
                    "y",
                    "z"
                  ]
                }
                """
        )
    }

    @Test func `what could harm a terminal or a line-wise reader is escaped`() {
        var writer = JSONWriter()
        writer.string("a\"\\\n\r\t\0\u{1B}\u{7F}\u{85}\u{2028}\u{2029}é😀/:")
        #expect(
            writer.text
                == #""a\"\\\n\r\t\u0000\u001b\u007f\u0085\u2028\u2029é😀/:""#
        )
    }

    @Test func `a value after a text that ends like a key is parted by a comma`() {
        var writer = JSONWriter(style: .pretty)
        writer.array { writer in
            writer.string("x: ")
            writer.string(":")
        }
        #expect(writer.text == "[\n  \"x: \",\n  \":\"\n]")
    }

    @Test(arguments: Seeds.forThisRun)
    func `what is written is read back the same`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let value = Self.value(depth: 0, &generator)
            for style in [JSONWriter.Style.compact, .pretty] {
                var writer = JSONWriter(style: style)
                writer.value(value)
                let read = try JSONReader.read(writer.bytes)
                #expect(read == value, "Replay with SEED=\(seed)")
                if style == .compact { #expect(!writer.bytes.contains(0x0A)) }
            }
        }
    }

    private static func value(depth: Int, _ generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth < 4 ? 7 : 4), using: &generator) {
        case 0: .null
        case 1: .bool(Bool.random(using: &generator))
        case 2: .number(JSONNumber(Int64.random(in: .min ... .max, using: &generator)))
        case 3, 4: .string(text(&generator))
        case 5:
            .array(
                (0..<Int.random(in: 0..<5, using: &generator))
                    .map { _ in value(depth: depth + 1, &generator) }
            )
        default:
            .object(
                (0..<Int.random(in: 0..<20, using: &generator)).map { index in
                    JSONValue.Member(
                        key: "\(index)" + text(&generator),
                        value: value(depth: depth + 1, &generator)
                    )
                }
            )
        }
    }

    private static func text(_ generator: inout SeededGenerator) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<6, using: &generator) {
            let limit: UInt32 = Bool.random(using: &generator) ? 0x100 : 0x11_0000
            let code = UInt32.random(in: 0..<limit, using: &generator)
            if let scalar = Unicode.Scalar(code) { text.append(scalar) }
        }
        return String(text)
    }

    @Test(
        arguments: [
            (153, 2, "1.53"), (150, 2, "1.50"), (-5, 4, "-0.0005"), (0, 4, "0.0000"), (42, 0, "42"),
            (-42, 0, "-42"), (10, 1, "1.0"), (Int64.min, 0, "-9223372036854775808"),
            (Int64.min, 19, "-0.9223372036854775808"), (1, 20, "0.00000000000000000001"),
        ] as [(Int64, UInt8, String)]
    )
    func `decimals are printed at their full scale`(units: Int64, scale: UInt8, text: String) {
        #expect(DecimalText.format(units: units, scale: scale) == text)
    }

    @Test(arguments: Seeds.forThisRun)
    func `a decimal that is printed is read back the same`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let shift = Int64.random(in: 0..<63, using: &generator)
            let units = Int64.random(in: (-.max)...(.max), using: &generator) >> shift
            let scale = UInt8.random(in: 0...12, using: &generator)
            let text = DecimalText.format(units: units, scale: scale)
            let read = try DecimalText.parse(text, scaleMax: 12)
            #expect(read == (units, scale), "\(text); replay with SEED=\(seed)")
        }
    }

    @Test(
        arguments: [
            ("", .malformed), ("-", .malformed), ("+1", .malformed), ("01", .malformed),
            ("1.", .malformed), (".5", .malformed), ("1e3", .malformed), (" 1", .malformed),
            ("1,5", .malformed), ("1.2.3", .malformed), ("١", .malformed), ("--1", .malformed),
            ("0x1", .malformed), ("NaN", .malformed), ("1.234", .tooManyDecimals),
            ("9223372036854775808", .tooLarge), ("99999999999999999999999.5", .tooLarge),
        ] as [(String, DecimalText.Problem)]
    )
    func `what is no decimal is refused`(text: String, problem: DecimalText.Problem) {
        #expect(throws: problem) { try DecimalText.parse(text, scaleMax: 2) }
    }
}
