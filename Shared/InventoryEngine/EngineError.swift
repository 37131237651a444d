/// Why the engine refused a command or could not apply an event.
///
/// The state is unchanged whenever this is thrown.
public struct EngineError: Error, Sendable, CustomStringConvertible {
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

        /// An amount or quantity leaves the range that can be represented.
        public static let overflow = Code("overflow")
        /// An identity of the layers would not hold: the event is parked and an alarm raised.
        public static let identityBroken = Code("identity_broken")
        /// The rows that the engine reads could not be had; see ``EngineError/cause``.
        public static let storage = Code("storage_failed")
        /// A stored row or event cannot be read.
        public static let damaged = Code("damaged")
        /// The SKU is not in the catalogue.
        public static let unknownSKU = Code("unknown_sku")
        /// The event's type or version is not known to this engine.
        public static let unknownType = Code("unknown_type")
    }

    /// Decides what the caller does next.
    public var code: Code
    /// One sentence that tells a person what happened.
    public var message: String
    /// The field of the command that is at fault, such as `lines[0].quantity`.
    public var field: String?
    /// What to do next.
    public var hint: String
    /// The storage error underneath, if any.
    public var cause: (any Error)?

    /// Makes a refusal.
    public init(
        _ code: Code,
        _ message: String,
        field: String? = nil,
        hint: String = "",
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.field = field
        self.hint = hint
        self.cause = cause
    }

    /// The code and the sentence.
    public var description: String { "\(code): \(message)" }

    static func overflow(_ message: String) -> EngineError {
        EngineError(.overflow, message, hint: "Check the quantity and the unit cost.")
    }

    static func damaged(_ what: String) -> EngineError {
        EngineError(.damaged, what, hint: "Run `verify` and restore from the other side.")
    }
}

extension EngineError {
    /// A refusal of a command, with a stable code.
    static func refused(
        _ code: String,
        _ message: String,
        field: String? = nil,
        hint: String = ""
    ) -> EngineError {
        EngineError(Code(code), message, field: field, hint: hint)
    }
}
