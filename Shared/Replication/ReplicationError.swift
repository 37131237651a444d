/// Why an exchange between a node and its hub stopped, and whether trying again can help.
///
/// Nothing was recorded, applied or acknowledged by the step that throws this.
public struct ReplicationError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure that callers answer differently.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name: String {
            case malformed
            case notUnderstood = "not_understood"
            case hubUnreachable = "hub_unreachable"
            case nodeRevoked = "node_revoked"
            case refused
            case sequenceGap = "sequence_gap"
            case helloFirst = "hello_first"
            case signatureInvalid = "signature_invalid"
            case chainBroken = "chain_broken"
            case epochMismatch = "epoch_mismatch"
            case cursorMismatch = "cursor_mismatch"
            case storage = "storage_failed"
        }
        private let name: Name
        /// The bytes are no message of this protocol; they are set aside, never sent again as is.
        public static let malformed = Code(name: .malformed)
        /// A body holds what only a newer program knows; the event becomes an unknown one.
        static let notUnderstood = Code(name: .notUnderstood)
        /// The hub did not answer; the same call may be repeated.
        public static let hubUnreachable = Code(name: .hubUnreachable)
        /// The hub no longer accepts this node; recording goes on, an operator must act.
        public static let nodeRevoked = Code(name: .nodeRevoked)
        /// The hub turned the call down; ``ReplicationError/refusal`` says why.
        public static let refused = Code(name: .refused)
        /// The batch does not continue what the hub holds; push again from where it says.
        public static let sequenceGap = Code(name: .sequenceGap)
        /// The hub wants to hear a hello before anything else.
        public static let helloFirst = Code(name: .helloFirst)
        /// A signature does not fit its content or its author; nothing of it may be applied.
        public static let signatureInvalid = Code(name: .signatureInvalid)
        /// Events do not continue the chain that is known; nothing of them may be applied.
        public static let chainBroken = Code(name: .chainBroken)
        /// The other side is in another epoch; say hello.
        public static let epochMismatch = Code(name: .epochMismatch)
        /// A page does not continue from the own cursor; pull again from there.
        public static let cursorMismatch = Code(name: .cursorMismatch)
        /// The own database failed; see ``ReplicationError/cause``.
        public static let storage = Code(name: .storage)

        /// The stable text, in `snake_case`.
        public var description: String { name.rawValue }

        /// The code that a hub's refusal asks for.
        fileprivate init(refusal code: String) {
            name =
                switch Name(rawValue: code) {
                case .some(.nodeRevoked): .nodeRevoked
                case .some(.sequenceGap): .sequenceGap
                case .some(.helloFirst): .helloFirst
                case .some(.epochMismatch): .epochMismatch
                case .malformed, .notUnderstood, .hubUnreachable, .refused, .signatureInvalid,
                    .chainBroken, .cursorMismatch, .storage, nil:
                    .refused  // what is wrong is on this side, or known to the hub alone
                }
        }

        private init(name: Name) {
            self.name = name
        }
    }

    /// Decides what the caller does next.
    public var code: Code
    /// Tells a person what happened, and to which field, batch or page.
    public var message: String
    /// Tells a person what to try next.
    public var hint: String
    /// What the hub said, when it turned the call down.
    public var refusal: SyncRefusal?
    /// The transport, database or decoding error underneath.
    public var cause: (any Error)?
    /// How long the hub asks to wait before the next try; nil if it asks for nothing.
    public var retryAfter: Duration?

    /// Whether the exchange may succeed later without an operator.
    public var isRetryable: Bool {
        code == .hubUnreachable || code == .sequenceGap || code == .helloFirst
            || code == .epochMismatch || code == .cursorMismatch
    }

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: Decides what the caller does next.
    ///   - message: What happened, as a sentence.
    ///   - hint: What to try next, as a sentence.
    ///   - cause: The error underneath.
    public init(
        _ code: Code,
        _ message: String,
        hint: String = "",
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    /// Makes the error that a hub's refusal asks for.
    ///
    /// | Refusal                                                             | Code            |
    /// | ------------------------------------------------------------------- | --------------- |
    /// | `node_revoked`, `sequence_gap`, `hello_first`, `epoch_mismatch`     | the same        |
    /// | any other, also one that this program does not know                 | ``Code/refused``|
    ///
    /// - Parameter refusal: What the hub answered; kept in ``refusal``.
    public init(refusal: SyncRefusal) {
        self.init(
            Code(refusal: refusal.code),
            refusal.message.isEmpty ? "The hub answered \(refusal.code)." : refusal.message
        )
        self.refusal = refusal
    }

    /// The error when a hub did not answer within the time that the caller gave it.
    public static var silentHub: ReplicationError {
        ReplicationError(
            .hubUnreachable,
            "The hub did not answer in time.",
            hint: "Check the hub, or wait longer with --timeout."
        )
    }

    /// The code and the sentence.
    public var description: String { "\(code): \(message)" }

    /// The error for bytes that are no message of this protocol.
    ///
    /// - Parameters:
    ///   - field: The field at fault, such as `lines[0].quantity`.
    ///   - what: What is wrong with it, to follow the field's name.
    /// - Returns: An error with the code `malformed`.
    static func malformed(_ field: String, _ what: String) -> ReplicationError {
        ReplicationError(
            .malformed,
            "The field \(field) \(what).",
            hint: "Upgrade the program that sent it, or report it as a fault."
        )
    }
}
