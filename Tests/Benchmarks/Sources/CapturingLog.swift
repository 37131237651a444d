import Causality
import InventoryEngine
import Replication
import Synchronization

/// What one transaction wrote, as the store was told.
enum CapturedWrite: Sendable {
    case event(SealedEvent)
    case row(view: UInt8, RowChange, sequence: UInt64)
    case setting(String, [UInt8]?)
}

/// A real event log that also notes what is written, so that the same can be written again by
/// other means.
final class CapturingLog: EventLog {
    private let log: any EventLog
    private let captured = Mutex<[[CapturedWrite]]>([])

    /// The writes of each transaction since the log was opened.
    var transactions: [[CapturedWrite]] { captured.withLock { $0 } }

    init(_ log: any EventLog) { self.log = log }

    func write<Result: Sendable>(
        _ body: @escaping @Sendable (any LogTransaction) throws -> Result
    ) async throws -> Result {
        try await log.write { transaction in
            let capturing = CapturingTransaction(transaction)
            let result = try body(capturing)
            self.captured.withLock { $0.append(capturing.writes) }
            return result
        }
    }

    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any LogReading) throws -> Result
    ) async throws -> Result {
        try await log.read(body)
    }

    func storageSpace() throws -> (databaseBytes: UInt64, freeBytes: UInt64) {
        try log.storageSpace()
    }

    func backUp(to path: String) async throws { try await log.backUp(to: path) }

    func integrityProblems() async throws -> [String] { try await log.integrityProblems() }
}

/// Passes everything on, and notes the writes of a node's recording.
private final class CapturingTransaction: LogTransaction {
    private let log: any LogTransaction
    private(set) var writes: [CapturedWrite] = []

    init(_ log: any LogTransaction) { self.log = log }

    func append(_ event: SealedEvent) throws {
        writes.append(.event(event))
        try log.append(event)
    }

    func append(_ entry: Entry) throws { try log.append(entry) }

    func set(_ setting: LogSetting, to value: [UInt8]?) throws {
        writes.append(.setting(setting.rawValue, value))
        try log.set(setting, to: value)
    }

    func apply(_ changes: [RowChange], to view: StateView, sequence: UInt64) throws {
        for change in changes {
            writes.append(.row(view: view.rawValue, change, sequence: sequence))
        }
        try log.apply(changes, to: view, sequence: sequence)
    }

    func dropOverlay(through sequence: UInt64) throws { try log.dropOverlay(through: sequence) }

    func overlayTouches(_ changes: [RowChange]) throws -> Bool {
        try log.overlayTouches(changes)
    }

    func noteSummaryChanges(
        _ stocks: [(site: SiteCode, sku: SKU)],
        at position: HubPosition
    ) throws {
        try log.noteSummaryChanges(stocks, at: position)
    }

    func takeRows(of view: StateView) -> RowCache { log.takeRows(of: view) }

    func keepRows(_ rows: RowCache, of view: StateView) { log.keepRows(rows, of: view) }

    func source(_ view: StateView) -> any RowSource { log.source(view) }

    func setting(_ setting: LogSetting) throws -> [UInt8]? { try log.setting(setting) }

    func settings(prefix: String) throws -> [(setting: LogSetting, value: [UInt8])] {
        try log.settings(prefix: prefix)
    }

    func event(_ id: EventID) throws -> SealedEvent? { try log.event(id) }

    func events(
        of node: NodeID,
        after sequence: UInt64,
        limit: Int,
        bytesMax: Int
    ) throws -> [SealedEvent] {
        try log.events(of: node, after: sequence, limit: limit, bytesMax: bytesMax)
    }

    func lastEvent(of node: NodeID) throws -> (sequence: UInt64, chainHash: ContentHash)? {
        try log.lastEvent(of: node)
    }

    func entry(at position: HubPosition) throws -> Entry? { try log.entry(at: position) }

    func entry(of event: EventID) throws -> Entry? { try log.entry(of: event) }

    func entries(after position: HubPosition, in site: SiteCode?, limit: Int) throws -> [Entry] {
        try log.entries(after: position, in: site, limit: limit)
    }

    func entriesDescending(
        below position: HubPosition,
        in site: SiteCode?,
        limit: Int
    ) throws -> [Entry] {
        try log.entriesDescending(below: position, in: site, limit: limit)
    }

    func head(in site: SiteCode?) throws -> HubPosition { try log.head(in: site) }

    func acknowledged(of node: NodeID, at position: HubPosition) throws -> UInt64 {
        try log.acknowledged(of: node, at: position)
    }

    func summaryChanges(
        after position: HubPosition,
        excluding site: SiteCode?,
        limit: Int
    ) throws -> [(site: SiteCode, sku: SKU, position: HubPosition)] {
        try log.summaryChanges(after: position, excluding: site, limit: limit)
    }
}
