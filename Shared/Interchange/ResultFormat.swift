public import InventoryEngine

/// What became of one command.
public struct CommandResult: Hashable, Sendable {
    /// What the node did.
    public enum Status: String, CaseIterable, Hashable, Sendable {
        /// The event is in the event log.
        case recorded
        /// The idempotency key was used before with the same content; this is the first result.
        case duplicate
        /// Nothing was recorded; see ``CommandResult/refusal``.
        case refused
    }

    /// Whether later news can change what was promised.
    public enum Finality: String, CaseIterable, Hashable, Sendable {
        /// No later news changes it.
        case final
        /// The hub still ranks it.
        case provisional
    }

    /// Why a command was refused.
    public struct Refusal: Hashable, Sendable {
        /// The stable code.
        public var code: String
        /// One sentence that tells a person what happened.
        public var message: String
        /// The field that is at fault.
        public var field: String?
        /// What to do next.
        public var hint: String

        /// Makes a refusal of its parts.
        public init(code: String, message: String, field: String? = nil, hint: String = "") {
            self.code = code
            self.message = message
            self.field = field
            self.hint = hint
        }

        /// The refusal of a text that is no well-formed command.
        public init(_ error: InterchangeError) {
            self.init(
                code: error.code.text,
                message: error.message,
                field: error.field,
                hint: error.hint
            )
        }

        /// The refusal of a command by the rules.
        public init(_ error: EngineError) {
            self.init(
                code: error.code.text,
                message: error.message,
                field: error.field,
                hint: error.hint
            )
        }
    }

    /// The command's idempotency key, if it had one.
    public var op: String?
    /// The event, such as `lon-1:42`; nil if the command was refused.
    public var event: String?
    /// What the node did.
    public var status: Status
    /// Whether later news can change what was promised; nil where nothing was.
    public var finality: Finality?
    /// The exceptions that the event raised, in the order in which it raised them.
    public var exceptions: [String]
    /// Why the command was refused; nil if it was not.
    public var refusal: Refusal?

    /// The result of a command that is recorded, now or before.
    public init(
        op: String?,
        event: String,
        isDuplicate: Bool = false,
        finality: Finality? = nil,
        exceptions: [String] = []
    ) {
        self.op = op
        self.event = event
        self.status = isDuplicate ? .duplicate : .recorded
        self.finality = finality
        self.exceptions = exceptions
    }

    /// The result of a command that was refused.
    public init(op: String?, refusal: Refusal) {
        self.op = op
        self.status = .refused
        self.exceptions = []
        self.refusal = refusal
    }
}

/// Results as programs read them: one JSON object per line, in the order of the commands.
///
/// ```json
/// {"op":"A-1","event":"lon-1:42","status":"recorded","finality":"final","exceptions":[]}
/// {"op":"A-1","event":"lon-1:42","status":"duplicate","duplicate":true,"finality":"final",…}
/// {"op":null,"status":"refused","error":{"code":"unknown_sku","message":…,"field":…,"hint":…}}
/// ```
///
/// A field whose value is not known is there and `null`, so that programs find every field.
public enum ResultFormat {
    /// Writes one result, without a line break.
    public static func encode(_ result: CommandResult) -> [UInt8] {
        var writer = JSONWriter()
        encode(result, to: &writer)
        return writer.bytes
    }

    /// Writes one result as a value of a larger text.
    public static func encode(_ result: CommandResult, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("op", orNull: result.op)
            if result.status != .refused { writer.member("event", orNull: result.event) }
            writer.member("status", result.status.rawValue)
            if result.status == .duplicate { writer.member("duplicate", true) }
            if let refusal = result.refusal {
                writer.key("error")
                encode(refusal, to: &writer)
            } else {
                writer.member("finality", orNull: result.finality?.rawValue)
                writer.member("exceptions", result.exceptions)
            }
        }
    }

    /// Writes the object that stands behind `"error":`, here and wherever a program fails.
    public static func encode(_ refusal: CommandResult.Refusal, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("code", refusal.code)
            writer.member("message", refusal.message)
            writer.member("field", orNull: refusal.field)
            writer.member("hint", refusal.hint)
        }
    }

    /// Reads one result.
    ///
    /// Fields that are not known are ignored: a later version may add some.
    ///
    /// - Parameter line: One JSON object in UTF-8, with or without a line break at its end.
    /// - Returns: The result.
    /// - Throws: ``InterchangeError`` with a code of ``JSONReader``, or `result_malformed`.
    public static func decode(_ line: [UInt8]) throws(InterchangeError) -> CommandResult {
        try decode(JSONReader.read(line, bytesMax: CommandFormat.bytesMax))
    }

    /// Reads one result that is already parsed; see ``decode(_:)-([UInt8])``.
    public static func decode(_ value: JSONValue) throws(InterchangeError) -> CommandResult {
        let op = try optionalText("op", in: value)
        let status = try optionalText("status", in: value).flatMap(CommandResult.Status.init)
        guard let status else { throw malformed("status") }
        if status == .refused {
            guard let error = value["error"] else { throw malformed("error") }
            return CommandResult(op: op, refusal: try refusal(error))
        }
        guard let event = try optionalText("event", in: value) else { throw malformed("event") }
        var finality: CommandResult.Finality?
        if let text = try optionalText("finality", in: value) {
            finality = CommandResult.Finality(rawValue: text)
            guard finality != nil else { throw malformed("finality") }
        }
        return CommandResult(
            op: op,
            event: event,
            isDuplicate: status == .duplicate,
            finality: finality,
            exceptions: try exceptions(value["exceptions"])
        )
    }

    /// Reads the object that stands behind `"error":`.
    public static func refusal(
        _ value: JSONValue
    ) throws(InterchangeError) -> CommandResult.Refusal {
        guard let code = try optionalText("code", in: value) else { throw malformed("error.code") }
        return CommandResult.Refusal(
            code: code,
            message: try optionalText("message", in: value) ?? "",
            field: try optionalText("field", in: value),
            hint: try optionalText("hint", in: value) ?? ""
        )
    }

    private static func exceptions(_ value: JSONValue?) throws(InterchangeError) -> [String] {
        guard let value, value != .null else { return [] }
        guard case .array(let values) = value else { throw malformed("exceptions") }
        var texts: [String] = []
        for value in values {
            guard let text = value.text else { throw malformed("exceptions") }
            texts.append(text)
        }
        return texts
    }

    /// A text that may be absent or `null`.
    private static func optionalText(
        _ name: String,
        in value: JSONValue
    ) throws(InterchangeError) -> String? {
        guard let member = value[name], member != .null else { return nil }
        guard let text = member.text else { throw malformed(name) }
        return text
    }

    private static func malformed(_ field: String) -> InterchangeError {
        InterchangeError(
            .resultMalformed,
            "The reply is not the result of a command: its field `\(field)` is absent or unknown.",
            field: field,
            hint: "Check that both programs are of the same version."
        )
    }
}

extension InterchangeError.Code {
    /// A reply is not the result of a command.
    public static let resultMalformed = Self("result_malformed")
}
