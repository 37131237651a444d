import Foundation
import Interchange
import TestSupport
import Testing

@Suite struct JSONReaderTests {
    private static let hostile = "adversarial/json"

    /// Texts that RFC 8259 lets a reader accept or refuse, and what ours does.
    ///
    /// Numbers are kept as they are written, so none is too large; texts that are no valid Unicode
    /// are refused.
    private static let free: [String: String] = [
        "i_number_pos_double_huge_exp.json": "accepted",
        "i_number_real_pos_overflow.json": "accepted",
        "i_number_real_underflow.json": "accepted",
        "i_number_too_big_pos_int.json": "accepted",
        "i_object_key_lone_2nd_surrogate.json": "json_invalid_text",
        "i_string_1st_valid_surrogate_2nd_invalid.json": "json_invalid_text",
        "i_string_UTF-16LE_with_BOM.json": "json_malformed",
        "i_string_UTF-8_invalid_sequence.json": "json_invalid_text",
        "i_string_incomplete_surrogate_pair.json": "json_invalid_text",
        "i_string_incomplete_surrogates_escape_valid.json": "json_invalid_text",
        "i_string_invalid_lonely_surrogate.json": "json_invalid_text",
        "i_string_invalid_utf-8.json": "json_invalid_text",
        "i_string_iso_latin_1.json": "json_invalid_text",
        "i_string_lone_second_surrogate.json": "json_invalid_text",
        "i_string_lone_utf8_continuation_byte.json": "json_invalid_text",
        "i_string_overlong_sequence_6_bytes_null.json": "json_invalid_text",
        "i_string_truncated-utf-8.json": "json_invalid_text",
        "i_string_utf16LE_no_BOM.json": "json_malformed",
    ]

    private static func outcome(_ bytes: [UInt8]) -> String {
        do {
            _ = try JSONReader.read(bytes)
            return "accepted"
        } catch {
            return error.code.text
        }
    }

    private static func outcome(_ text: String) -> String { outcome(Array(text.utf8)) }

    @Test(.sharedData(hostile))
    func `every hostile text is accepted or refused as its name says`() throws {
        let folder = try #require(SharedData.url(Self.hostile))
        let files = try FileManager.default.contentsOfDirectory(
            at: folder,
            includingPropertiesForKeys: nil
        )
        var count = 0
        for file in files where file.pathExtension == "json" {
            let name = file.lastPathComponent
            let outcome = Self.outcome([UInt8](try Data(contentsOf: file)))
            count += 1
            switch name.prefix(2) {
            case "y_" where name.hasPrefix("y_object_duplicated_key"):
                #expect(outcome == "json_duplicate_key", "\(name)")
            case "y_": #expect(outcome == "accepted", "\(name)")
            case "n_": #expect(outcome != "accepted", "\(name)")
            default: #expect(outcome == Self.free[name], "\(name)")
            }
        }
        #expect(count == 160)
    }

    @Test func `values keep their digits, their bytes and their order`() throws {
        let text = #" {"b":[1.50,-0,1e400,true,false,null],"a":"e\u0301é\u0000\ud83d\ude00\/"} "#
        let value = try JSONReader.read(Array(text.utf8))
        guard case .object(let members) = value else {
            Issue.record("no object")
            return
        }
        #expect(members.map(\.key) == ["b", "a"])
        guard case .array(let values) = members[0].value else {
            Issue.record("no array")
            return
        }
        let numbers = values.compactMap { value -> String? in
            guard case .number(let number) = value else { return nil }
            return number.text
        }
        #expect(numbers == ["1.50", "-0", "1e400"])
        #expect(values.suffix(3) == [.bool(true), .bool(false), .null])
        let read = try #require(members[1].value.text)
        #expect(Array(read.utf8) == Array("e\u{301}\u{e9}\0😀/".utf8))
    }

    @Test func `keys that are canonically equivalent but different are two keys`() throws {
        let value = try JSONReader.read(Array("{\"\u{e9}\":1,\"e\u{301}\":2}".utf8))
        #expect(value["\u{e9}"] == .number(JSONNumber(1)))
        #expect(value["e\u{301}"] == .number(JSONNumber(2)))
        #expect(JSONValue.string("\u{e9}") != .string("e\u{301}"))
    }

    @Test(arguments: [1, 5, 11, 12, 13, 14, 100])
    func `a key that stands twice is found in objects of any size`(count: Int) throws {
        let members = (0..<count).map { "\"k\($0)\":\($0)" }
        #expect(Self.outcome("{\(members.joined(separator: ","))}") == "accepted")
        for repeated in [0, count / 2, count - 1] {
            let text = "{\((members + ["\"k\(repeated)\":0"]).joined(separator: ","))}"
            #expect(Self.outcome(text) == "json_duplicate_key")
        }
        // An escape does not hide it.
        #expect(Self.outcome(#"{"a":1,"\u0061":1}"#) == "json_duplicate_key")
    }

    @Test func `nesting is accepted up to the limit and refused beyond it, however deep`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(Self.outcome(nested(JSONReader.nestingMax)) == "accepted")
        #expect(Self.outcome(nested(JSONReader.nestingMax + 1)) == "json_too_deep")
        #expect(Self.outcome(nested(100_000)) == "json_too_deep")
        #expect(Self.outcome(String(repeating: #"{"a":"#, count: 100_000)) == "json_too_deep")
    }

    @Test func `a number of a million digits is kept digit by digit`() throws {
        let digits = String(repeating: "7", count: 1_000_000)
        let value = try JSONReader.read(Array(digits.utf8))
        guard case .number(let number) = value else {
            Issue.record("no number")
            return
        }
        #expect(number.text == digits)
    }

    @Test func `an object of a million keys is read, and a repeated one among them found`() {
        var text = "{"
        for index in 0..<1_000_000 { text += "\"\(index)\":0," }
        #expect(Self.outcome(text + #""x":0}"#) == "accepted")
        #expect(Self.outcome(text + #""500000":0}"#) == "json_duplicate_key")
    }

    @Test func `a text above the size limit is refused before it is read`() {
        #expect(throws: InterchangeError.self) {
            try JSONReader.read(Array("[1,2]".utf8), bytesMax: 4)
        }
        #expect(Self.outcome([UInt8](repeating: 0x20, count: 17 << 20)) == "json_too_large")
    }

    @Test(arguments: [
        ("\u{FEFF}1", "json_invalid_text"), (#""\ud800""#, "json_invalid_text"),
        (#""\udc00\ud800""#, "json_invalid_text"), (#""\ud800\n""#, "json_invalid_text"),
        ("", "json_malformed"), ("1 2", "json_malformed"), ("01", "json_malformed"),
        ("\u{a0}1", "json_malformed"), ("'a'", "json_malformed"), ("[1,]", "json_malformed"),
        ("nul", "json_malformed"), ("-", "json_malformed"), (#"{"a"}"#, "json_malformed"),
        ("\"a\tb\"", "json_malformed"), ("\"\\u12\"", "json_malformed"), ("1.", "json_malformed"),
    ])
    func `what is no JSON is refused with a code and an offset`(text: String, code: String) {
        do {
            _ = try JSONReader.read(Array(text.utf8))
            Issue.record("accepted")
        } catch {
            #expect(error.code.text == code)
            #expect((0...text.utf8.count).contains(error.offset ?? -1))
            #expect(!error.hint.isEmpty)
        }
    }

    @Test func `every prefix of a text is refused, and none crashes`() {
        let text = Array(#"{"a":[1.5e-3,"é\ud83d\ude00\n",{"b":null}],"c":true}"#.utf8)
        #expect(Self.outcome(text) == "accepted")
        for length in 0..<text.count {
            #expect(Self.outcome(Array(text.prefix(length))) != "accepted")
        }
    }
}
