import Causality
import GRDB
import InventoryEngine
import Replication

/// What a transaction reads and writes, on the one connection that writes.
///
/// After a write that failed the transaction cannot be committed, even if its body goes on as if
/// nothing had happened: SQLite may have taken back all or a part of it.
final class LogWriter: LogReader, LogTransaction {
    /// The first write that failed.
    private(set) var failure: StorageError?
    /// Rows that are kept in memory between transactions.
    private let shelf: RowShelf
    /// The last entry of each node whose entries this transaction has appended at their end.
    private var lastEntries: [NodeID: (sequence: Int64, position: Int64)] = [:]
    /// Rows to keep once the transaction is durable.
    private var kept: [(rows: RowCache, view: StateView)] = []

    init(_ database: Database, shelf: RowShelf) {
        self.shelf = shelf
        super.init(database)
    }

    /// The largest sequence or position of a store; one more is SQLite's largest number, which
    /// stands for "after all" in a range.
    static let numberMax = Int64.max - 1

    /// Runs a write, and notes its failure.
    private func writing(_ body: () throws(StorageError) -> Void) throws(StorageError) {
        if let failure { throw failure }
        do {
            try body()
        } catch {
            failure = error
            throw error
        }
    }

    func takeRows(of view: StateView) -> RowCache {
        kept.removeAll { $0.view == view }
        return shelf.take(view)
    }

    func keepRows(_ rows: RowCache, of view: StateView) {
        kept.append((rows, view))
    }

    /// Keeps the rows, since all that they hold is on the disk now.
    func didCommit() {
        for (rows, view) in kept { shelf.put(back: rows, of: view) }
        kept = []
    }

    private func stored(_ value: UInt64, _ what: String) throws(StorageError) -> Int64 {
        guard let number = Int64(exactly: value), 1...Self.numberMax ~= number else {
            throw StorageError(
                .outOfRange,
                "The \(what) \(value) is not between 1 and \(Self.numberMax).",
                hint: "Report it as a fault."
            )
        }
        return number
    }

    func append(_ event: SealedEvent) throws {
        try writing { () throws(StorageError) in
            let statement = try statement(.insertEvent)
            try statement.bind(event.id.node, at: 1)
            try statement.bind(try stored(event.id.sequence, "sequence"), at: 2)
            try statement.bind(event.chainHash, at: 3)
            try statement.withBound(event.bytes, at: 4) { () throws(StorageError) in
                try statement.run()
            }
        }
    }

    func append(_ entry: Entry) throws {
        try writing { () throws(StorageError) in
            let position = try stored(entry.position.rawValue, "position")
            let sequence = try stored(entry.event.sequence, "sequence")
            try checkOrder(of: entry.event.node, sequence: sequence, at: position)

            let ruling = entry.ruling
            let statement = try statement(.insertEntry)
            try statement.bind(position, at: 1)
            try statement.bind(entry.event.node, at: 2)
            try statement.bind(sequence, at: 3)
            try statement.bind(Int64(ruling.verdict.rawValue), at: 4)
            try statement.bind(ruling.reason?.code, at: 5)
            try statement.bind(ruling.reason?.sentence, at: 6)
            try statement.bind(EntryColumns.text(of: ruling.sites), at: 7)
            try statement.bind(EntryColumns.bytes(of: ruling.carried), at: 8)
            try statement.bind(Int64(ruling.rulesVersion), at: 9)
            try statement.bind(ruling.receivedAt.microseconds, at: 10)
            try statement.bind(entry.chainHash, at: 11)
            try statement.run()

            if ruling.sites.isEmpty { try appendScope("", at: position) }
            for (index, site) in ruling.sites.enumerated()
            where !ruling.sites[..<index].contains(site) {
                try appendScope(site.text, at: position)
            }
        }
    }

    private func appendScope(_ site: String, at position: Int64) throws(StorageError) {
        let statement = try statement(.insertEntrySite)
        try statement.bind(site, at: 1)
        try statement.bind(position, at: 2)
        try statement.run()
    }

    /// Refuses an entry out of its node's order, on which ``acknowledged(of:at:)`` relies.
    private func checkOrder(
        of node: NodeID,
        sequence: Int64,
        at position: Int64
    ) throws(StorageError) {
        if let last = lastEntries[node], sequence > last.sequence, position > last.position {
            lastEntries[node] = (sequence, position)  // it follows what follows all others
            return
        }
        let statement = try statement(.neighbours)
        try statement.bind(node, at: 1)
        try statement.bind(position, at: 2)
        defer { statement.reset() }
        lastEntries[node] = nil
        guard try statement.step() else { return }
        if statement.isNull(1) { lastEntries[node] = (sequence, position) }
        let isAfterLower = statement.isNull(0) || statement.number(0) < sequence
        let isBeforeHigher = statement.isNull(1) || sequence < statement.number(1)
        guard isAfterLower, isBeforeHigher else {
            // The same event twice is told as what it is.
            let isStored = try isEntryStored(of: node, sequence: sequence)
            throw StorageError(
                isStored ? .alreadyStored : .outOfOrder,
                isStored
                    ? "The event \(node):\(sequence) has an entry already."
                    : "The entry at position \(position) breaks the order of its node's sequence.",
                hint: "Read what is stored before writing."
            )
        }
    }

    private func isEntryStored(of node: NodeID, sequence: Int64) throws(StorageError) -> Bool {
        let statement = try statement(.entryOfEvent)
        try statement.bind(node, at: 1)
        try statement.bind(sequence, at: 2)
        defer { statement.reset() }
        return try statement.step()
    }

    func set(_ setting: LogSetting, to value: [UInt8]?) throws {
        try writing { () throws(StorageError) in
            let statement = try statement(value == nil ? .removeSetting : .putSetting)
            try statement.bind(setting.rawValue, at: 1)
            if let value { try statement.bind(value, at: 2) }
            try statement.run()
        }
    }

    func apply(_ changes: [RowChange], to view: StateView, sequence: UInt64) throws {
        try writing { () throws(StorageError) in
            guard let folded = Int64(exactly: sequence), folded <= Self.numberMax else {
                throw StorageError(
                    .outOfRange,
                    "The sequence \(sequence) is above \(Self.numberMax).",
                    hint: "Report it as a fault."
                )
            }
            let number = view == .overlay ? folded : 0
            let put = try statement(.putRow)
            let remove = try statement(.removeRow)
            try put.bind(Int64(view.rawValue), at: 1)
            try put.bind(number, at: 5)
            try remove.bind(Int64(view.rawValue), at: 1)
            for change in changes {
                if change.value == nil, view != .overlay {
                    try remove.bind(Int64(change.kind.rawValue), at: 2)
                    try remove.withBound(change.key, at: 3) { () throws(StorageError) in
                        try remove.run()
                    }
                } else {
                    try put.bind(Int64(change.kind.rawValue), at: 2)
                    try put.withBound(change.key, at: 3) { () throws(StorageError) in
                        try put.withBound(change.value, at: 4) { () throws(StorageError) in
                            try put.run()
                        }
                    }
                }
            }
        }
    }

    func dropOverlay(through sequence: UInt64) throws {
        try writing { () throws(StorageError) in
            let statement = try statement(.dropOverlay)
            try statement.bind(Int64(clamping: sequence), at: 1)
            try statement.run()
        }
    }

    func overlayTouches(_ changes: [RowChange]) throws -> Bool {
        let overlay = try statement(.overlayIsInUse)
        defer { overlay.reset() }
        guard try overlay.step() else { return false }
        let statement = try statement(.isInOverlay)
        for change in changes {
            try statement.bind(Int64(change.kind.rawValue), at: 1)
            let isThere = try statement.withBound(change.key, at: 2) { () throws(StorageError) in
                try statement.step()
            }
            if isThere { return true }
        }
        return false
    }

    func noteSummaryChanges(
        _ stocks: [(site: SiteCode, sku: SKU)],
        at position: HubPosition
    ) throws {
        try writing { () throws(StorageError) in
            let number = try stored(position.rawValue, "position")
            let statement = try statement(.putSummaryChange)
            for stock in stocks {
                try statement.bind(stock.site.text, at: 1)
                try statement.bind(stock.sku.text, at: 2)
                try statement.bind(number, at: 3)
                try statement.run()
            }
        }
    }
}
