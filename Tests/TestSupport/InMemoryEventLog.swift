import Causality
import InventoryEngine
public import Replication
import Synchronization

/// The twin of a store on disk: an event log that keeps everything in memory.
///
/// It says what the port means in the plainest way; the conformance suite holds the real stores to
/// the same answers. A transaction works on a copy, which replaces the store at the commit.
public final class InMemoryEventLog: EventLog {
    /// A write that breaks what the port promises to its readers.
    public enum Failure: Error, Hashable {
        /// The event, position or entry is stored already.
        case alreadyStored
        /// An entry breaks the order of its node's sequence.
        case outOfOrder
        /// A sequence or position is not between 1 and 2^63 - 2.
        case outOfRange
    }

    /// The largest sequence or position that any store takes.
    static let numberMax = UInt64(Int64.max - 1)

    private let store = Mutex(Store())
    private let writer = Mutex(())

    /// Makes an empty store.
    public init() {}

    /// Runs a transaction that may write; on a throw nothing is kept.
    public func write<Result: Sendable>(
        _ body: @escaping @Sendable (any LogTransaction) throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        return try writer.withLock { _ in
            let transaction = InMemoryTransaction(store.withLock { $0 })
            let result = try body(transaction)
            if let failure = transaction.failure { throw failure }
            let committed = transaction.committed()
            store.withLock { $0 = committed }
            return result
        }
    }

    /// Runs a transaction that only reads, on the last commit.
    public func read<Result: Sendable>(
        _ body: @escaping @Sendable (any LogReading) throws -> Result
    ) async throws -> Result {
        try body(InMemoryTransaction(store.withLock { $0 }))
    }

    /// Nothing is on a disk.
    public func storageSpace() throws -> (databaseBytes: UInt64, freeBytes: UInt64) { (0, 0) }

    /// Does nothing: there is no file.
    public func backUp(to _: String) async throws {}

    /// Nothing can be wrong with a file.
    public func integrityProblems() async throws -> [String] { [] }

    /// What a store holds.
    fileprivate struct Store: Sendable {
        struct Row: Sendable {
            var value: [UInt8]?
            var sequence: UInt64
        }

        var events: [NodeID: [UInt64: SealedEvent]] = [:]
        var entries: [UInt64: Entry] = [:]
        var rows: [StateView: [RowKind: [[UInt8]: Row]]] = [:]
        var settings: [String: [UInt8]] = [:]
        var summaries: [StockKey: UInt64] = [:]
        var kept: [StateView: RowCache] = [:]
    }
}

/// One transaction on a copy of the store.
private final class InMemoryTransaction: LogTransaction {
    private var store: InMemoryEventLog.Store
    private var kept: [StateView: RowCache] = [:]
    private(set) var failure: InMemoryEventLog.Failure?

    init(_ store: InMemoryEventLog.Store) { self.store = store }

    func committed() -> InMemoryEventLog.Store {
        var result = store
        for (view, rows) in kept {
            var trimmed = rows
            trimmed.trim(rowsMax: 20_000)
            result.kept[view] = trimmed
        }
        return result
    }

    private func fail(_ failure: InMemoryEventLog.Failure) -> InMemoryEventLog.Failure {
        if self.failure == nil { self.failure = failure }
        return failure
    }

    private func check(_ number: UInt64) throws {
        if let failure { throw failure }
        guard 1...InMemoryEventLog.numberMax ~= number else { throw fail(.outOfRange) }
    }

    // MARK: Reading

    func source(_ view: StateView) -> any RowSource { Rows(transaction: self, view: view) }

    func setting(_ setting: LogSetting) -> [UInt8]? { store.settings[setting.rawValue] }

    func settings(prefix: String) -> [(setting: LogSetting, value: [UInt8])] {
        store.settings.filter { $0.key.utf8.starts(with: prefix.utf8) }
            .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { (LogSetting(rawValue: $0.key), $0.value) }
    }

    func event(_ id: EventID) -> SealedEvent? { store.events[id.node]?[id.sequence] }

    func events(
        of node: NodeID,
        after sequence: UInt64,
        limit: Int,
        bytesMax: Int
    ) -> [SealedEvent] {
        var found: [SealedEvent] = []
        var byteCount = 0
        let own = (store.events[node] ?? [:]).filter { $0.key > sequence }
        for (_, event) in own.sorted(by: { $0.key < $1.key }).prefix(max(0, limit)) {
            byteCount += event.bytes.count
            guard found.isEmpty || byteCount <= bytesMax else { break }
            found.append(event)
        }
        return found
    }

    func lastEvent(of node: NodeID) -> (sequence: UInt64, chainHash: ContentHash)? {
        store.events[node]?.max { $0.key < $1.key }.map { ($0.key, $0.value.chainHash) }
    }

    func entry(at position: HubPosition) -> Entry? { store.entries[position.rawValue] }

    func entry(of event: EventID) -> Entry? {
        store.entries.values.first { $0.event == event }
    }

    private func inScope(_ site: SiteCode?) -> [Entry] {
        store.entries.values.filter { entry in
            guard let site else { return true }
            return entry.ruling.sites.isEmpty || entry.ruling.sites.contains(site)
        }.sorted { $0.position < $1.position }
    }

    func entries(after position: HubPosition, in site: SiteCode?, limit: Int) -> [Entry] {
        Array(inScope(site).filter { $0.position > position }.prefix(max(0, limit)))
    }

    func entriesDescending(
        below position: HubPosition,
        in site: SiteCode?,
        limit: Int
    ) -> [Entry] {
        Array(inScope(site).reversed().filter { $0.position < position }.prefix(max(0, limit)))
    }

    func head(in site: SiteCode?) -> HubPosition { inScope(site).last?.position ?? .start }

    func acknowledged(of node: NodeID, at position: HubPosition) -> UInt64 {
        store.entries.values.filter { $0.event.node == node && $0.position <= position }
            .map(\.event.sequence).max() ?? 0
    }

    func summaryChanges(
        after position: HubPosition,
        excluding site: SiteCode?,
        limit: Int
    ) -> [(site: SiteCode, sku: SKU, position: HubPosition)] {
        store.summaries.filter { $0.value > position.rawValue && $0.key.home != site }
            .map { (site: $0.key.home, sku: $0.key.sku, position: HubPosition($0.value)) }
            .sorted { ($0.position, $0.site, $0.sku) < ($1.position, $1.site, $1.sku) }
            .prefix(max(0, limit)).map(\.self)
    }

    // MARK: Writing

    func append(_ event: SealedEvent) throws {
        try check(event.id.sequence)
        guard store.events[event.id.node]?[event.id.sequence] == nil else {
            throw fail(.alreadyStored)
        }
        store.events[event.id.node, default: [:]][event.id.sequence] = event
    }

    func append(_ entry: Entry) throws {
        try check(entry.position.rawValue)
        try check(entry.event.sequence)
        guard store.entries[entry.position.rawValue] == nil, self.entry(of: entry.event) == nil
        else { throw fail(.alreadyStored) }
        let isInOrder = store.entries.values.allSatisfy { other in
            other.event.node != entry.event.node
                || (other.position < entry.position)
                    == (other.event.sequence < entry.event.sequence)
        }
        guard isInOrder else { throw fail(.outOfOrder) }
        store.entries[entry.position.rawValue] = entry
    }

    func set(_ setting: LogSetting, to value: [UInt8]?) throws {
        if let failure { throw failure }
        store.settings[setting.rawValue] = value
    }

    func apply(_ changes: [RowChange], to view: StateView, sequence: UInt64) throws {
        if let failure { throw failure }
        guard sequence <= InMemoryEventLog.numberMax else { throw fail(.outOfRange) }
        for change in changes {
            let isGone = change.value == nil && view != .overlay
            store.rows[view, default: [:]][change.kind, default: [:]][change.key] =
                isGone ? nil : .init(value: change.value, sequence: sequence)
        }
    }

    func dropOverlay(through sequence: UInt64) throws {
        if let failure { throw failure }
        for (kind, rows) in store.rows[.overlay] ?? [:] {
            store.rows[.overlay]?[kind] = rows.filter { $0.value.sequence > sequence }
        }
    }

    func overlayTouches(_ changes: [RowChange]) -> Bool {
        changes.contains { store.rows[.overlay]?[$0.kind]?[$0.key] != nil }
    }

    func noteSummaryChanges(
        _ stocks: [(site: SiteCode, sku: SKU)],
        at position: HubPosition
    ) throws {
        try check(position.rawValue)
        for stock in stocks {
            store.summaries[StockKey(home: stock.site, sku: stock.sku)] = position.rawValue
        }
    }

    func takeRows(of view: StateView) -> RowCache {
        kept[view] = nil
        return store.kept.removeValue(forKey: view) ?? RowCache()
    }

    func keepRows(_ rows: RowCache, of view: StateView) { kept[view] = rows }

    // MARK: Rows

    fileprivate func shown(_ kind: RowKind, in view: StateView) -> [[UInt8]: [UInt8]] {
        var rows: [[UInt8]: [UInt8]] = [:]
        if view == .overlay { rows = shown(kind, in: .base) }
        for (key, row) in store.rows[view]?[kind] ?? [:] { rows[key] = row.value }
        return rows
    }

    private struct Rows: RowSource {
        let transaction: InMemoryTransaction
        let view: StateView

        func row(_ kind: RowKind, _ key: [UInt8]) -> [UInt8]? {
            transaction.shown(kind, in: view)[key]
        }

        func rows(
            _ kind: RowKind,
            from lower: [UInt8],
            to upper: [UInt8],
            limit: Int,
            descending: Bool
        ) -> [(key: [UInt8], value: [UInt8])] {
            let found = transaction.shown(kind, in: view).filter { row in
                !row.key.lexicographicallyPrecedes(lower)
                    && row.key.lexicographicallyPrecedes(upper)
            }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            let ordered = descending ? found.reversed() : found
            return ordered.prefix(max(0, limit)).map { ($0.key, $0.value) }
        }

        func located(_ id: EventID) throws -> LocatedEvent? {
            guard let sealed = transaction.event(id) else { return nil }
            return LocatedEvent(
                event: try WireFormat.decodeEvent(sealed.bytes),
                entry: transaction.entry(of: id)
            )
        }
    }
}
