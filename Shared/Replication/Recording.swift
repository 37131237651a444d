public import Causality
public import InventoryEngine

/// What came of one command.
public struct Recording: Sendable {
    /// The caller's idempotency key.
    public var op: OpKey?
    /// The event, unless the command was refused.
    public var event: EventID?
    /// Whether the same command had been recorded before.
    public var isDuplicate = false
    /// Whether a promise is final; nil for what promises nothing.
    public var isFinal: Bool?
    /// The codes of the exceptions that it raised.
    public var exceptions: [String] = []
    /// Why the command was refused.
    public var refusal: EngineError?
}

extension Recording {
    /// Gives the result of the first event that carried the op.
    mutating func repeats(_ first: OperationRow) {
        event = first.event
        isDuplicate = true
        isFinal = first.isFinal
    }
}

extension InventoryCommand {
    /// The hash by which a repeat is known.
    ///
    /// It leaves out the site, which an op belongs to anyway: a node may leave it out, the hub needs
    /// it, and the command is the same.
    /// Of the hash only the first half is kept: it tells an honest repeat from a reused op, travels
    /// with every event, and cannot be compressed. Without an op there is none.
    var hashAtItsSite: ContentHash {
        guard op != nil else { return .zero }
        var command = self
        command.site = nil
        let whole = ContentHash.of(WireFormat.encodeContent(of: command)).words
        return ContentHash(words: (whole.0, whole.1, 0, 0))
    }
}

extension StockState {
    /// The first event with the same op and content, or nil.
    ///
    /// - Throws: `EngineError` with the code `op_reused` if the op belongs to another command.
    mutating func repeated(
        _ op: OpKey?,
        _ hash: ContentHash,
        at site: SiteCode
    ) throws(EngineError) -> OperationRow? {
        guard let op, let first = try recordedOperation(op, at: site) else { return nil }
        guard first.contentHash == hash else {
            throw EngineError(
                EngineError.Code("op_reused"),
                "The op \(op) was used before for another command.",
                field: "op",
                hint: "Give each command an op of its own."
            )
        }
        return first
    }
}

extension WireFormat {
    /// Encodes an event that is to be recorded.
    ///
    /// - Throws: `EngineError` with the code `event_too_large`.
    static func encodeWithinBounds(_ event: InventoryEvent) throws(EngineError) -> [UInt8] {
        let bytes = encode(event)
        guard bytes.count <= eventBytesMax else {
            throw EngineError(
                EngineError.Code("event_too_large"),
                "The event is larger than \(eventBytesMax) bytes.",
                hint: "Split it into several."
            )
        }
        return bytes
    }
}
