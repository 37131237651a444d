/// Why a text from outside was refused: a command, a reply, a file of another system.
///
/// Nothing has been recorded and nothing has changed whenever this is thrown.
public struct InterchangeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of refusal.
    ///
    /// Their texts are stable: programs are written against them.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The stable text, in `snake_case`.
        public let text: String

        /// Makes a code of its stable text.
        public init(_ text: String) {
            self.text = text
        }

        /// The stable text.
        public var description: String { text }
    }

    /// Decides what the caller does next.
    public var code: Code
    /// One sentence that tells a person what happened.
    public var message: String
    /// The field that is at fault, such as `lines[0].quantity`.
    public var field: String?
    /// What to do next.
    public var hint: String
    /// Where in the text, in bytes from its start, if the text itself is at fault.
    public var offset: Int?

    /// Makes a refusal.
    public init(
        _ code: Code,
        _ message: String,
        field: String? = nil,
        hint: String = "",
        offset: Int? = nil
    ) {
        self.code = code
        self.message = message
        self.field = field
        self.hint = hint
        self.offset = offset
    }

    /// The code and the sentence.
    public var description: String { "\(code): \(message)" }
}

extension InterchangeError {
    /// The most characters of a foreign text that a message repeats.
    private static let shownLengthMax = 64

    /// A foreign text as a message may show it: bounded, and without control characters, so that
    /// it can do nothing to the terminal or log that it reaches.
    static func shown(_ text: String) -> String {
        var shown = String.UnicodeScalarView()
        for (index, scalar) in text.unicodeScalars.enumerated() {
            guard index < shownLengthMax else {
                shown.append("…")
                break
            }
            shown.append(scalar.isControl ? "\u{FFFD}" : scalar)
        }
        return String(shown)
    }
}

extension Unicode.Scalar {
    /// Whether it is a control character or ends a line, as ``InventoryEngine`` refuses them in
    /// identifiers.
    var isControl: Bool {
        switch value {
        case 0...0x1F, 0x7F...0x9F, 0x2028, 0x2029: true
        default: false
        }
    }
}
