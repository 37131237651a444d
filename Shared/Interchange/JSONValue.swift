/// A JSON text as it was written: numbers keep their digits, objects keep their order.
public enum JSONValue: Equatable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number, not yet interpreted.
    case number(JSONNumber)
    /// A text; its UTF-8 bytes are those that were written, never normalized.
    case string(String)
    /// Values in order.
    case array([JSONValue])
    /// Members in the order in which they were written; no key stands twice.
    case object([Member])

    /// One member of an object.
    public struct Member: Equatable, Sendable {
        /// The key.
        public var key: String
        /// The value.
        public var value: JSONValue

        /// Makes a member.
        public init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }

        /// Compares keys byte by byte, not by canonical equivalence as `String` does.
        public static func == (left: Self, right: Self) -> Bool {
            left.key.hasSameBytes(as: right.key) && left.value == right.value
        }
    }

    /// Compares texts byte by byte, not by canonical equivalence as `String` does, and numbers by
    /// their digits: `1` and `1.0` differ.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        case (.null, _), (.bool, _), (.number, _), (.string, _), (.array, _), (.object, _): false
        }
    }

    /// The value of a member of an object, or nil where there is none.
    ///
    /// - Complexity: O(*n*) in the number of members.
    public subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key.hasSameBytes(as: key) }?.value
    }

    /// The text of a string, or nil for any other value.
    public var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The whole number that a number or a text says, or nil for any other value.
    public var integer: Int64? {
        switch self {
        case .number(let number) where number.isPlainInteger: Int64(number.text)
        case .string(let text): Int64(text)
        case .null, .bool, .number, .array, .object: nil
        }
    }

    /// What a message calls a value of this kind.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .string: "a text"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// A JSON number as it was written, digit by digit, so that nothing is rounded.
public struct JSONNumber: Equatable, Sendable {
    /// The number as RFC 8259 writes it, such as `-0.50` or `1e400`.
    public let text: String

    /// Makes a number of a text that the reader has checked.
    init(trusted text: String) {
        self.text = text
    }

    /// Makes a whole number.
    public init(_ number: Int64) {
        text = String(number)
    }

    /// Whether it is written with digits alone, without a decimal point and an exponent.
    public var isPlainInteger: Bool {
        text.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "-") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
        }
    }
}

extension String {
    /// Whether two texts are the same byte by byte.
    func hasSameBytes(as other: String) -> Bool {
        // Equal bytes are always canonically equivalent, and that answer is quicker for most.
        self == other && utf8.elementsEqual(other.utf8)
    }
}
