public import Causality

/// Which sites' rows a copy of the state holds.
public enum Scope: Hashable, Sendable {
    /// The hub: all sites.
    case everything
    /// A node: its own site, and what belongs to the whole network.
    case site(SiteCode)

    /// Whether the rows of a site are held; those of the network (nil) always are.
    func holds(_ site: SiteCode?) -> Bool {
        switch self {
        case .everything: true
        case .site(let own): site == nil || site == own
        }
    }
}

/// What the engine is told about the copy that it works on.
public struct StateSettings: Hashable, Sendable {
    /// The sites whose rows are held.
    public var scope: Scope
    /// The network's money scale, 0 to 6.
    public var moneyScale: UInt8
    /// The node that holds the copy.
    public var node: NodeID
    /// The history in which positions count.
    public var epoch: Epoch
    /// Whether digests are kept: for the base they are, for an overlay they mean nothing.
    public var keepsDigests: Bool

    /// Makes settings.
    public init(
        scope: Scope,
        moneyScale: UInt8,
        node: NodeID,
        epoch: Epoch,
        keepsDigests: Bool
    ) {
        self.scope = scope
        self.moneyScale = moneyScale
        self.node = node
        self.epoch = epoch
        self.keepsDigests = keepsDigests
    }
}

/// The state of all layers as the engine works on it: rows in memory, bound for one transaction
/// to the source of those that are not.
///
/// A state is made from a ``RowCache`` at the start of a transaction and gives it back at the end.
/// ``apply(_:ordering:)`` and the other mutating functions either succeed or leave the rows as
/// they were.
public struct StockState {
    var cache: RowCache
    let reader: SourceReader
    /// What this copy is.
    public let settings: StateSettings
    /// What the event at hand has brought about so far.
    var report = Report()
    /// What later entries of the same commit have to follow up.
    var dues = Dues()
    /// When commands are decided, which tells the lots that are past their date.
    ///
    /// The fold never reads it.
    public var decidesAt: Instant?

    /// Binds rows in memory to the source of the rest.
    public init(cache: consuming RowCache, source: any RowSource, settings: StateSettings) {
        self.cache = cache
        self.reader = SourceReader(source: source)
        self.settings = settings
    }

    /// Gives the rows in memory back.
    ///
    /// Everything must have been taken by ``takeChanges()`` first.
    public consuming func intoCache() -> RowCache { cache }

    /// The same source and settings with no rows in memory.
    func withoutRows() -> StockState {
        var state = StockState(cache: RowCache(), source: reader.source, settings: settings)
        state.decidesAt = decidesAt
        return state
    }

    /// Hands out the rows that must be written to make the state last, digests included.
    ///
    /// - Complexity: O(rows changed since the last call).
    public mutating func takeChanges() throws(EngineError) -> [RowChange] {
        var sums: [DigestRow.Key: DigestSum] = [:]
        var collector = ChangeCollector(changes: [], settings: settings)
        try cache.visitAll(&collector)
        guard settings.keepsDigests else { return collector.changes }
        for (key, delta) in collector.deltas {
            let old = try cache.digests.row(key, from: reader)?.sum ?? .zero
            var sum = old
            sum.add(delta.added)
            sum.subtract(delta.removed)
            sums[key] = sum
        }
        for (key, sum) in sums {
            try cache.digests.set(key, to: DigestRow(sum: sum), from: reader)
        }
        cache.digests.keep()
        var last = ChangeCollector(changes: collector.changes, settings: settings)
        last.visit(&cache.digests)
        return last.changes
    }

    /// Commits the event at hand to the working set.
    mutating func keepAll() {
        var keeper = Keeper()
        try? cache.visitAll(&keeper)
    }

    /// Takes back the event at hand.
    mutating func rollBackAll() {
        var undoer = Undoer()
        try? cache.visitAll(&undoer)
    }

    private struct Keeper: TableVisitor {
        mutating func visit<R: Row>(_ table: inout Table<R>) { table.keep() }
    }

    private struct Undoer: TableVisitor {
        mutating func visit<R: Row>(_ table: inout Table<R>) { table.rollBack() }
    }

    private struct ChangeCollector: TableVisitor {
        struct Delta {
            var added = DigestSum.zero
            var removed = DigestSum.zero
        }

        var changes: [RowChange]
        var deltas: [DigestRow.Key: Delta] = [:]
        let settings: StateSettings

        init(changes: [RowChange], settings: StateSettings) {
            self.changes = changes
            self.settings = settings
        }

        mutating func visit<R: Row>(_ table: inout Table<R>) {
            // A row that pending events have left as it was must be in the overlay nevertheless: it
            // hides what the base will say while some of them are acknowledged, and some are not.
            table.takeChanges(includesTouched: !settings.keepsDigests) { key, old, new in
                guard settings.scope.holds(key.site) else { return }
                let keyBytes = key.bytes
                let newBytes = new?.bytes
                changes.append(RowChange(kind: R.kind, key: keyBytes, value: newBytes))
                guard settings.keepsDigests, let layer = R.layer else { return }
                let place = DigestRow.Key(home: key.site, layer: layer)
                if let old, old.isOpen {
                    deltas[place, default: Delta()].removed.add(
                        rowHash(R.kind, keyBytes, old.bytes)
                    )
                }
                if let new, new.isOpen, let newBytes {
                    deltas[place, default: Delta()].added.add(
                        rowHash(R.kind, keyBytes, newBytes)
                    )
                }
            }
        }
    }
}

extension DigestSum {
    /// Adds another sum.
    mutating func add(_ other: DigestSum) {
        add(other.asHash)
    }

    /// Subtracts another sum.
    mutating func subtract(_ other: DigestSum) {
        subtract(other.asHash)
    }

    private var asHash: ContentHash {
        ContentHash(words: (words.3, words.2, words.1, words.0))
    }
}

/// The hash of one row as a digest counts it: kind, key and value.
package func rowHash(_ kind: RowKind, _ key: [UInt8], _ value: [UInt8]) -> ContentHash {
    var writer = ByteWriter(capacity: key.count + value.count + 6)
    writer.byte(kind.rawValue)
    writer.varint(UInt64(key.count))
    writer.raw(key)
    writer.raw(value)
    return ContentHash.of(writer.bytes)
}
