/// Writes JSON, member by member, in the order in which they are given.
///
/// ```swift
/// var writer = JSONWriter()
/// writer.object { writer in
///     writer.member("op", "A-1")
///     writer.member("quantity", units: 150, scale: 2)
/// }
/// writer.bytes  // {"op":"A-1","quantity":"1.50"}
/// ```
///
/// Only the characters that must be, and those that could harm a terminal, a log or a line-wise
/// reader, are escaped: control characters, and U+2028 and U+2029. One value without line breaks
/// is always one line, except in the pretty style.
public struct JSONWriter: Sendable {
    /// How much room the text takes.
    public enum Style: Hashable, Sendable {
        /// On one line, without blanks.
        case compact
        /// A line for each member, two blanks deeper on each level.
        case pretty
    }

    /// What has been written so far, in UTF-8.
    public private(set) var bytes: [UInt8] = []

    private let style: Style
    private var depth = 0
    private var place = Place.first

    /// What the next key or value follows.
    private enum Place {
        /// Nothing: it is the first of its array or object, or of the text.
        case first
        /// A key, to which it belongs.
        case afterKey
        /// A value, from which a comma parts it.
        case afterValue
    }

    /// Makes a writer that has written nothing.
    ///
    /// - Parameter style: Compact unless said otherwise.
    public init(style: Style = .compact) {
        self.style = style
    }

    /// What has been written so far, as a text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    // MARK: Arrays and objects

    /// Writes an object.
    ///
    /// - Parameter members: Writes the members, with the functions called `member` or with
    ///   ``key(_:)`` and a value each.
    /// - Throws: What `members` throws.
    public mutating func object<Failure: Error>(
        _ members: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        try nested(UInt8(ascii: "{"), UInt8(ascii: "}"), members)
    }

    /// Writes an array.
    ///
    /// - Parameter values: Writes the values.
    /// - Throws: What `values` throws.
    public mutating func array<Failure: Error>(
        _ values: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        try nested(UInt8(ascii: "["), UInt8(ascii: "]"), values)
    }

    /// Writes a key; the value must follow.
    public mutating func key(_ key: String) {
        separate()
        appendQuoted(key)
        bytes.append(UInt8(ascii: ":"))
        if style == .pretty { bytes.append(UInt8(ascii: " ")) }
        place = .afterKey
    }

    private mutating func nested<Failure: Error>(
        _ opening: UInt8,
        _ closing: UInt8,
        _ content: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        startValue()
        bytes.append(opening)
        depth += 1
        place = .first
        try content(&self)
        depth -= 1
        if place == .afterValue { breakLine() }
        bytes.append(closing)
        place = .afterValue
    }

    // MARK: Values

    /// Writes a text.
    public mutating func string(_ text: String) {
        startValue()
        appendQuoted(text)
    }

    /// Writes a whole number as a plain JSON number; for counts and line numbers, which are small.
    public mutating func number(_ number: some FixedWidthInteger) {
        startValue()
        bytes.append(contentsOf: String(number).utf8)
    }

    /// Writes an exact decimal, in quotes, with all decimals of its scale.
    public mutating func decimal(units: Int64, scale: UInt8) {
        startValue()
        bytes.append(UInt8(ascii: "\""))
        DecimalText.append(units: units, scale: scale, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes `true` or `false`.
    public mutating func bool(_ value: Bool) {
        startValue()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// Writes `null`.
    public mutating func null() {
        startValue()
        bytes.append(contentsOf: "null".utf8)
    }

    /// Writes a value as it was read.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .number(let number):
            startValue()
            bytes.append(contentsOf: number.text.utf8)
        case .string(let text): string(text)
        case .array(let values):
            array { writer in
                for value in values { writer.value(value) }
            }
        case .object(let members):
            object { writer in
                for member in members { writer.member(member.key, value: member.value) }
            }
        }
    }

    // MARK: Members

    /// Writes a member that is a text.
    public mutating func member(_ key: String, _ text: String) {
        self.key(key)
        string(text)
    }

    /// Writes a member that is a text, or `null` where there is none.
    public mutating func member(_ key: String, orNull text: String?) {
        self.key(key)
        if let text { string(text) } else { null() }
    }

    /// Writes a member that is `true` or `false`.
    public mutating func member(_ key: String, _ value: Bool) {
        self.key(key)
        bool(value)
    }

    /// Writes a member that is a plain JSON number; for counts and line numbers, which are small.
    public mutating func member(_ key: String, number: some FixedWidthInteger) {
        self.key(key)
        self.number(number)
    }

    /// Writes a member that is a 64-bit integer, in quotes.
    public mutating func member(_ key: String, quoted number: some FixedWidthInteger) {
        self.key(key)
        string(String(number))
    }

    /// Writes a member that is an exact decimal, in quotes, with all decimals of its scale.
    public mutating func member(_ key: String, units: Int64, scale: UInt8) {
        self.key(key)
        decimal(units: units, scale: scale)
    }

    /// Writes a member that is an array of texts.
    public mutating func member(_ key: String, _ texts: [String]) {
        self.key(key)
        array { writer in
            for text in texts { writer.string(text) }
        }
    }

    /// Writes a member as it was read.
    public mutating func member(_ key: String, value: JSONValue) {
        self.key(key)
        self.value(value)
    }

    // MARK: Bytes

    private mutating func startValue() {
        if place != .afterKey { separate() }
        place = .afterValue
    }

    private mutating func separate() {
        if place == .afterValue { bytes.append(UInt8(ascii: ",")) }
        if depth > 0 { breakLine() }
    }

    private mutating func breakLine() {
        guard style == .pretty else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    private mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.allSatisfy(Self.isPlain) {
            bytes.append(contentsOf: text.utf8)
        } else {
            for scalar in text.unicodeScalars { append(scalar) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether a byte is a character of ASCII that is never escaped.
    private static func isPlain(_ byte: UInt8) -> Bool {
        0x20..<0x7F ~= byte && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"", "\\":
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(contentsOf: String(scalar).utf8)
        case "\n": bytes.append(contentsOf: "\\n".utf8)
        case "\r": bytes.append(contentsOf: "\\r".utf8)
        case "\t": bytes.append(contentsOf: "\\t".utf8)
        case _ where scalar.isControl:
            let digits = String(scalar.value, radix: 16).utf8
            bytes.append(contentsOf: "\\u".utf8)
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.count))
            bytes.append(contentsOf: digits)
        default: bytes.append(contentsOf: String(scalar).utf8)
        }
    }
}
