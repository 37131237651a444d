public import InventoryEngine

/// What waits for a person.
public struct Attention: Hashable, Sendable {
    /// Open conflicts, each once however many sites it touches.
    public private(set) var conflicts: UInt64 = 0
    /// Exceptions that nobody has acknowledged.
    public private(set) var exceptions: UInt64 = 0
    /// Events that are kept but not applied, and claims turned down, which nobody has closed.
    public private(set) var parked: UInt64 = 0
    /// Promises that are not final.
    public private(set) var provisionalOrders: UInt64 = 0

    /// Whether anything is open that somebody must look at.
    public var isNeeded: Bool { conflicts > 0 || exceptions > 0 || parked > 0 }

    /// Counts what is open.
    ///
    /// - Throws: `EngineError` with the code `damaged`, or a storage error.
    /// - Complexity: O(*n*) in the conflicts, exceptions and parked events, the closed ones too.
    public init(in source: any RowSource) throws {
        var open: Set<String> = []
        try source.scan(.conflict) { key, value in
            if try !ConflictRow(bytes: value).isResolved {
                open.insert(try ConflictRow.Key(bytes: key).id)
            }
        }
        conflicts = UInt64(open.count)
        try source.scan(.exception) { _, value in
            if try ExceptionRow(bytes: value).acknowledgedBy == nil { exceptions += 1 }
        }
        try source.scan(.parked) { _, value in
            if try !ParkedRow(bytes: value).isClosed { parked += 1 }
        }
        try source.scan(.backorder) { _, _ in provisionalOrders += 1 }
    }
}
