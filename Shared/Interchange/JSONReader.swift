/// Reads a JSON text strictly: what RFC 8259 does not allow is refused, and never guessed at.
///
/// It is a reader of our own because Plumbline needs what general ones do not give together:
///
/// - numbers are kept as they are written, so a quantity never becomes floating point;
/// - an object that names a key twice is refused: two readers would pick different values;
/// - texts keep their bytes: nothing is normalized, and what is no valid Unicode is refused, not
///   repaired, so the edge and the hub always agree;
/// - nesting and size are bounded, so no text exhausts the stack or the memory.
///
/// | Text              | Answer                                                   |
/// | ----------------- | -------------------------------------------------------- |
/// | `{"a":1.50}`      | a number of the digits `1.50`                            |
/// | `{"a":1,"a":1}`   | `json_duplicate_key`                                     |
/// | `[1,]`, `01`, `+1`| `json_malformed`                                         |
/// | `"\ud800"`        | `json_invalid_text`: half of a surrogate pair            |
/// | 65 times `[`      | `json_too_deep`                                          |
///
/// Source: RFC 8259, *The JavaScript Object Notation (JSON) Data Interchange Format* (2017).
public struct JSONReader {
    /// How deep arrays and objects may be nested.
    ///
    /// Commands need 3 levels and replies need 5; 64 calls of the reader need little stack.
    public static let nestingMax = 64

    /// The most bytes of a text, unless the caller allows another number: 16 MiB.
    ///
    /// The smallest values take two bytes (`0,`), so the values of such a text take at most some
    /// 200 MB of memory.
    public static let bytesMaxDefault = 16 << 20

    /// In an object of more keys than this, repeated keys are looked for in a table.
    private static let keysComparedMax = 12

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads one JSON text; blanks may stand around it, nothing else.
    ///
    /// - Parameters:
    ///   - bytes: The text in UTF-8, without a byte order mark.
    ///   - bytesMax: The most bytes that are accepted.
    /// - Returns: The value.
    /// - Throws: ``InterchangeError`` with the code `json_malformed`, `json_invalid_text`,
    ///   `json_duplicate_key`, `json_too_deep` or `json_too_large`, and the offset.
    /// - Complexity: O(*n*) in the number of bytes.
    public static func read(
        _ bytes: [UInt8],
        bytesMax: Int = JSONReader.bytesMaxDefault
    ) throws(InterchangeError) -> JSONValue {
        guard bytes.count <= bytesMax else {
            throw InterchangeError(
                .jsonTooLarge,
                "The text has \(bytes.count) bytes; at most \(bytesMax) are accepted.",
                hint: "Send it in smaller pieces.",
                offset: bytesMax
            )
        }
        var reader = JSONReader(bytes)
        try reader.refuseByteOrderMark()
        reader.skipBlanks()
        let value = try reader.value(depth: 0)
        reader.skipBlanks()
        guard reader.position == bytes.count else {
            throw reader.malformed("Something stands behind the end of the JSON text")
        }
        return value
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(InterchangeError) -> JSONValue {
        guard position < bytes.count else { throw malformed("The JSON text ends too early") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(try number())
        default: throw malformed("A JSON value was expected")
        }
    }

    private mutating func object(depth: Int) throws(InterchangeError) -> JSONValue {
        try open(depth: depth)
        if take(UInt8(ascii: "}")) { return .object([]) }
        var members: [JSONValue.Member] = []
        var keys = KeySet()
        while true {
            let offset = position
            guard next == UInt8(ascii: "\"") else { throw malformed("A quoted key was expected") }
            let key = try string()
            guard keys.insert(key, among: members, comparedMax: Self.keysComparedMax) else {
                throw InterchangeError(
                    .jsonDuplicateKey,
                    "The key `\(InterchangeError.shown(key))` stands twice in one object.",
                    field: InterchangeError.shown(key),
                    hint: "Keep the one that is meant.",
                    offset: offset
                )
            }
            skipBlanks()
            guard take(UInt8(ascii: ":")) else { throw malformed("A colon was expected") }
            skipBlanks()
            let value = try value(depth: depth)
            members.append(JSONValue.Member(key: key, value: value))
            skipBlanks()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else {
                throw malformed("A comma or a closing brace was expected")
            }
            skipBlanks()
        }
    }

    private mutating func array(depth: Int) throws(InterchangeError) -> JSONValue {
        try open(depth: depth)
        if take(UInt8(ascii: "]")) { return .array([]) }
        var values: [JSONValue] = []
        while true {
            values.append(try value(depth: depth))
            skipBlanks()
            if take(UInt8(ascii: "]")) { return .array(values) }
            guard take(UInt8(ascii: ",")) else {
                throw malformed("A comma or a closing bracket was expected")
            }
            skipBlanks()
        }
    }

    /// Takes an opening bracket and the blanks behind it.
    private mutating func open(depth: Int) throws(InterchangeError) {
        guard depth <= Self.nestingMax else {
            throw InterchangeError(
                .jsonTooDeep,
                "The JSON text is nested deeper than \(Self.nestingMax) levels.",
                hint: "Send the data in a flatter form.",
                offset: position
            )
        }
        position += 1
        skipBlanks()
    }

    private mutating func literal(
        _ text: StaticString,
        _ value: JSONValue
    ) throws(InterchangeError) -> JSONValue {
        for byte in text.description.utf8 {
            guard next == byte else { throw malformed("A JSON value was expected") }
            position += 1
        }
        return value
    }

    private mutating func number() throws(InterchangeError) -> JSONNumber {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        if next == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if next == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        return JSONNumber(trusted: String(decoding: bytes[start..<position], as: UTF8.self))
    }

    /// Takes one digit or more.
    private mutating func digits() throws(InterchangeError) {
        let start = position
        while let byte = next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
        guard position > start else { throw malformed("A digit was expected") }
    }

    // MARK: Texts

    private mutating func string() throws(InterchangeError) -> String {
        position += 1
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                let text = String(validating: bytes[start..<position], as: UTF8.self)
                guard let text else { throw invalidUTF8(startingAt: start) }
                position += 1
                return text
            case UInt8(ascii: "\\"): return try stringWithEscapes(startingAt: start)
            case 0..<0x20: throw malformed("A control character stands in a text")
            default: position += 1
            }
        }
        throw malformed("A text has no closing quote")
    }

    /// Goes on with a text at its first backslash.
    private mutating func stringWithEscapes(
        startingAt start: Int
    ) throws(InterchangeError) -> String {
        var unescaped = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: unescaped, as: UTF8.self) else {
                    throw invalidUTF8(startingAt: start)
                }
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                try escape(to: &unescaped)
            case 0..<0x20: throw malformed("A control character stands in a text")
            default:
                unescaped.append(byte)
                position += 1
            }
        }
        throw malformed("A text has no closing quote")
    }

    /// Takes what stands behind a backslash.
    private mutating func escape(to text: inout [UInt8]) throws(InterchangeError) {
        guard let byte = next else { throw malformed("A text has no closing quote") }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            position += 1
            text.append(contentsOf: String(try escapedScalar()).utf8)
            return
        default: throw malformed("A backslash is followed by a character it cannot escape")
        }
        position += 1
    }

    /// Takes four hexadecimal digits, and a second escape where they are half of a pair.
    private mutating func escapedScalar() throws(InterchangeError) -> Character {
        let offset = position - 2
        var code = try hexadecimalDigits()
        if 0xD800...0xDBFF ~= code, next == UInt8(ascii: "\\") {
            position += 1
            guard take(UInt8(ascii: "u")) else { throw loneSurrogate(at: offset) }
            let low = try hexadecimalDigits()
            guard 0xDC00...0xDFFF ~= low else { throw loneSurrogate(at: offset) }
            code = 0x1_0000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw loneSurrogate(at: offset) }
        return Character(scalar)
    }

    private mutating func hexadecimalDigits() throws(InterchangeError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            let digit: UInt8? =
                switch next {
                case .some(let byte) where UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte:
                    byte - UInt8(ascii: "0")
                case .some(let byte) where UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte:
                    byte - UInt8(ascii: "a") + 10
                case .some(let byte) where UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte:
                    byte - UInt8(ascii: "A") + 10
                default: nil
                }
            guard let digit else { throw malformed("Four hexadecimal digits were expected") }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    // MARK: Bytes

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                position += 1
            default: return
            }
        }
    }

    private func refuseByteOrderMark() throws(InterchangeError) {
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
            throw InterchangeError(
                .jsonInvalidText,
                "The JSON text starts with a byte order mark.",
                hint: "Save it as UTF-8 without a byte order mark.",
                offset: 0
            )
        }
    }

    // MARK: Errors

    private func malformed(_ problem: String) -> InterchangeError {
        InterchangeError(
            .jsonMalformed,
            "\(problem), at byte \(position).",
            hint: "Send one JSON text as RFC 8259 defines it.",
            offset: position
        )
    }

    private func invalidUTF8(startingAt start: Int) -> InterchangeError {
        InterchangeError(
            .jsonInvalidText,
            "The text that starts at byte \(start) is not valid UTF-8.",
            hint: "Send UTF-8; it may come from a file in another encoding.",
            offset: start
        )
    }

    private func loneSurrogate(at offset: Int) -> InterchangeError {
        InterchangeError(
            .jsonInvalidText,
            "The escape at byte \(offset) is half of a surrogate pair.",
            hint: "Write both halves of the pair, or the character itself in UTF-8.",
            offset: offset
        )
    }
}

/// The keys of one object, to find one that stands twice.
private struct KeySet {
    /// A key by its bytes.
    ///
    /// The hash is of the bytes too: otherwise many texts that are canonically equivalent, but
    /// different, would share one place in the table.
    private struct Key: Hashable {
        let text: String

        static func == (left: Key, right: Key) -> Bool { left.text.hasSameBytes(as: right.text) }

        func hash(into hasher: inout Hasher) {
            var word: UInt64 = 0
            var count = 0
            for byte in text.utf8 {
                word = word << 8 | UInt64(byte)
                count += 1
                if count % 8 == 0 {
                    hasher.combine(word)
                    word = 0
                }
            }
            hasher.combine(word)
            hasher.combine(count)
        }
    }

    /// Empty while the object has few keys.
    private var keys: Set<Key> = []

    /// Adds a key, or returns false when it is there already.
    mutating func insert(
        _ key: String,
        among members: [JSONValue.Member],
        comparedMax: Int
    ) -> Bool {
        if members.count < comparedMax {
            return !members.contains { $0.key.hasSameBytes(as: key) }
        }
        if keys.isEmpty {
            keys = Set(members.map { Key(text: $0.key) })
        }
        return keys.insert(Key(text: key)).inserted
    }
}

extension InterchangeError.Code {
    /// The text is not JSON.
    public static let jsonMalformed = Self("json_malformed")
    /// The text holds what is not valid Unicode in UTF-8, or starts with a byte order mark.
    public static let jsonInvalidText = Self("json_invalid_text")
    /// A key stands twice in one object.
    public static let jsonDuplicateKey = Self("json_duplicate_key")
    /// The nesting is deeper than ``JSONReader/nestingMax``.
    public static let jsonTooDeep = Self("json_too_deep")
    /// The text is longer than the caller allows.
    public static let jsonTooLarge = Self("json_too_large")
}
