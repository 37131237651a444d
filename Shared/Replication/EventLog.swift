public import Causality
public import InventoryEngine

/// The store of one edge node or of the hub: events, the hub's order, rows, settings.
///
/// A PORT.
///
/// One process owns a store. There is one writer; a write transaction is one durable commit, on the
/// disk before ``write(_:)`` returns. Readers see the last commit and never wait for the writer.
public protocol EventLog: Sendable {
    /// Runs a transaction that may write, and commits it durably; on a throw nothing is kept.
    ///
    /// - Throws: What the body throws, or a storage error; then nothing was written.
    func write<Result: Sendable>(
        _ body: @escaping @Sendable (any LogTransaction) throws -> Result
    ) async throws -> Result

    /// Runs a transaction that only reads, on the last commit.
    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any LogReading) throws -> Result
    ) async throws -> Result

    /// Bytes of the database, and bytes that are free on its disk.
    func storageSpace() throws -> (databaseBytes: UInt64, freeBytes: UInt64)

    /// Writes a consistent copy of the store to a new file while work goes on, and verifies it.
    func backUp(to path: String) async throws

    /// Checks the file itself: pages, constraints. Returns what is wrong, empty if nothing is.
    func integrityProblems() async throws -> [String]
}

/// What a store says when it fails: enough for a program to tell people and to exit.
public protocol EventLogFailure: Error {
    /// What a caller can do about it.
    var kind: EventLogFailureKind { get }
    /// The stable code, in `snake_case`.
    var stableCode: String { get }
    /// Tells a person what happened.
    var message: String { get }
    /// Tells a person what to try next.
    var hint: String { get }
}

/// What a caller can do about a failure of the store.
public enum EventLogFailureKind: Hashable, Sendable {
    /// Another process owns it: ask that one.
    case locked
    /// It cannot be read: restore it.
    case damaged
    /// The disk, the system or the program failed.
    case failed
}

/// Which rows a source reads and a transaction writes.
public enum StateView: UInt8, Hashable, Sendable {
    /// The hub's log in scope, folded.
    case base = 0
    /// The pending events on top of the base: reads fall through to the base.
    case overlay = 1
    /// Summary rows of other sites, outside the digest.
    case network = 2
}

/// What a store keeps besides events, entries and rows.
public struct LogSetting: Hashable, Sendable, RawRepresentable {
    /// The stable name.
    public var rawValue: String

    /// Makes a setting of its stable name.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }
}

/// What can be read in a transaction.
public protocol LogReading {
    /// The rows of one view.
    func source(_ view: StateView) -> any RowSource

    /// A setting's bytes, or nil if it was never set.
    func setting(_ setting: LogSetting) throws -> [UInt8]?
    /// All settings whose names begin with a prefix, in order of name.
    func settings(prefix: String) throws -> [(setting: LogSetting, value: [UInt8])]

    /// One event, or nil if it is not held.
    func event(_ id: EventID) throws -> SealedEvent?
    /// A node's events after a sequence, in order, at most so many events and (but for the first)
    /// bytes.
    func events(
        of node: NodeID,
        after sequence: UInt64,
        limit: Int,
        bytesMax: Int
    ) throws -> [SealedEvent]
    /// A node's last event, or nil if none is held. Its bytes may be left empty.
    func lastEvent(of node: NodeID) throws -> (sequence: UInt64, chainHash: ContentHash)?

    /// The entry at a position, or nil.
    func entry(at position: HubPosition) throws -> Entry?
    /// The entry of an event, or nil while it is pending or not held.
    func entry(of event: EventID) throws -> Entry?
    /// The entries after a position in a scope (nil: all), in order, at most so many.
    func entries(after position: HubPosition, in site: SiteCode?, limit: Int) throws -> [Entry]
    /// The entries below a position in a scope (nil: all), newest first, at most so many.
    func entriesDescending(
        below position: HubPosition,
        in site: SiteCode?,
        limit: Int
    ) throws -> [Entry]
    /// The last position in a scope (nil: all); `.start` if there is none.
    func head(in site: SiteCode?) throws -> HubPosition
    /// A node's last sequence that has an entry at or below a position; 0 if none.
    func acknowledged(of node: NodeID, at position: HubPosition) throws -> UInt64

    /// The stocks whose summary rows changed after a position, oldest change first, at most so
    /// many, without those of one site.
    func summaryChanges(
        after position: HubPosition,
        excluding site: SiteCode?,
        limit: Int
    ) throws -> [(site: SiteCode, sku: SKU, position: HubPosition)]
}

/// What can be written in a transaction.
public protocol LogTransaction: LogReading {
    /// Stores an event; the same id must not be stored twice.
    func append(_ event: SealedEvent) throws
    /// Stores an entry; the same position or event must not be stored twice.
    func append(_ entry: Entry) throws
    /// Sets a setting, or removes it with nil.
    func set(_ setting: LogSetting, to value: [UInt8]?) throws
    /// Writes rows of a view. In the overlay a removed row hides the base's, and `sequence` notes
    /// the pending event up to which the row is folded.
    func apply(_ changes: [RowChange], to view: StateView, sequence: UInt64) throws
    /// Drops the overlay rows that no event after a sequence has touched.
    func dropOverlay(through sequence: UInt64) throws
    /// Whether the overlay holds any row with one of the keys of a list of changes.
    func overlayTouches(_ changes: [RowChange]) throws -> Bool
    /// Notes that summary rows changed at a position, for the network view of others.
    func noteSummaryChanges(_ stocks: [(site: SiteCode, sku: SKU)], at position: HubPosition) throws

    /// Takes the rows of a view that were kept in memory when an earlier transaction became
    /// durable; empty if none were.
    ///
    /// Until ``keepRows(_:of:)`` puts them back there are none: a transaction that is given up, or
    /// that changes a view by other means, makes the next one read them anew.
    func takeRows(of view: StateView) -> RowCache
    /// Keeps rows in memory for the next transaction, if this one becomes durable.
    ///
    /// All changes to them must have been handed out and written.
    func keepRows(_ rows: RowCache, of view: StateView)
}
