import Causality
import InventoryEngine

/// Rows of one kind in key order, in memory.
///
/// They lie in chunks of bounded length, so that a row is found by two binary searches and put in
/// at the cost of moving one chunk.
struct SortedRows {
    /// The most rows of a chunk: moving 512 references is 4 KiB.
    private static let chunkRowsMax = 512

    private struct Chunk {
        var keys: [[UInt8]]
        var values: [[UInt8]?]
    }

    /// Never empty chunks, in key order.
    private var chunks: [Chunk] = []
    private(set) var count = 0

    /// The first index at which a test no longer holds.
    private static func partition(_ count: Int, _ precedes: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if precedes(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The chunk that a key belongs to, and its place there; the place may be the chunk's end.
    private func place(_ key: [UInt8]) -> (chunk: Int, index: Int) {
        let after = Self.partition(chunks.count) { index in
            !key.lexicographicallyPrecedes(chunks[index].keys[0])
        }
        let chunk = max(0, after - 1)
        guard chunk < chunks.count else { return (0, 0) }
        let keys = chunks[chunk].keys
        return (chunk, Self.partition(keys.count) { keys[$0].lexicographicallyPrecedes(key) })
    }

    /// The value of a key: nil if there is none, a nil inside if the key is hidden.
    subscript(key: [UInt8]) -> [UInt8]?? {
        guard !chunks.isEmpty else { return nil }
        let (chunk, index) = place(key)
        guard index < chunks[chunk].keys.count, chunks[chunk].keys[index] == key else { return nil }
        return .some(chunks[chunk].values[index])
    }

    /// Sets a row; with a nil value it hides what lies below.
    mutating func set(_ key: [UInt8], to value: [UInt8]?) {
        guard !chunks.isEmpty else {
            chunks.append(Chunk(keys: [key], values: [value]))
            count = 1
            return
        }
        let (chunk, index) = place(key)
        if index < chunks[chunk].keys.count, chunks[chunk].keys[index] == key {
            chunks[chunk].values[index] = value
            return
        }
        chunks[chunk].keys.insert(key, at: index)
        chunks[chunk].values.insert(value, at: index)
        count += 1
        let length = chunks[chunk].keys.count
        guard length > Self.chunkRowsMax else { return }
        // A run that grows at its end leaves full chunks behind.
        let cut = chunk == chunks.count - 1 && index == length - 1 ? length - 1 : length / 2
        let tail = Chunk(
            keys: Array(chunks[chunk].keys[cut...]),
            values: Array(chunks[chunk].values[cut...])
        )
        chunks[chunk].keys.removeSubrange(cut...)
        chunks[chunk].values.removeSubrange(cut...)
        chunks.insert(tail, at: chunk + 1)
    }

    /// Removes a row.
    mutating func remove(_ key: [UInt8]) {
        guard !chunks.isEmpty else { return }
        let (chunk, index) = place(key)
        guard index < chunks[chunk].keys.count, chunks[chunk].keys[index] == key else { return }
        chunks[chunk].keys.remove(at: index)
        chunks[chunk].values.remove(at: index)
        if chunks[chunk].keys.isEmpty { chunks.remove(at: chunk) }
        count -= 1
    }

    /// Visits the rows of `lower ..< upper` in key order, or against it, while the body says so.
    func visit(
        from lower: [UInt8],
        to upper: [UInt8],
        descending: Bool,
        _ body: (_ key: [UInt8], _ value: [UInt8]?) -> Bool
    ) {
        guard !chunks.isEmpty, lower.lexicographicallyPrecedes(upper) else { return }
        var (chunk, index) = place(descending ? upper : lower)
        while true {
            if descending {
                index -= 1
                while index < 0 {
                    chunk -= 1
                    guard chunk >= 0 else { return }
                    index = chunks[chunk].keys.count - 1
                }
                let key = chunks[chunk].keys[index]
                guard !key.lexicographicallyPrecedes(lower) else { return }
                guard body(key, chunks[chunk].values[index]) else { return }
            } else {
                while index >= chunks[chunk].keys.count {
                    chunk += 1
                    index = 0
                    guard chunk < chunks.count else { return }
                }
                let key = chunks[chunk].keys[index]
                guard key.lexicographicallyPrecedes(upper) else { return }
                guard body(key, chunks[chunk].values[index]) else { return }
                index += 1
            }
        }
    }
}

/// Rows that were folded from nothing, in memory: the base, or what lies on top of one.
///
/// One task uses it, within one transaction of the log that it was folded from.
final class FoldedRows: RowSource {
    private let below: FoldedRows?
    private var tables: [RowKind: SortedRows] = [:]
    private let locate: (EventID) throws -> LocatedEvent?

    /// Makes an empty source.
    ///
    /// - Parameters:
    ///   - below: The rows that show through; nil for none.
    ///   - locate: Finds an event and its entry, as far as the fold has come.
    init(over below: FoldedRows? = nil, locate: @escaping (EventID) throws -> LocatedEvent?) {
        self.below = below
        self.locate = locate
    }

    func row(_ kind: RowKind, _ key: [UInt8]) -> [UInt8]? {
        if let own = tables[kind]?[key] { return own }
        return below?.row(kind, key)
    }

    /// Whether a row, or its removal, lies here and not only below.
    func isOwn(_ kind: RowKind, _ key: [UInt8]) -> Bool {
        guard let table = tables[kind] else { return false }
        return table[key] != nil
    }

    func rows(
        _ kind: RowKind,
        from lower: [UInt8],
        to upper: [UInt8],
        limit: Int,
        descending: Bool
    ) -> [(key: [UInt8], value: [UInt8])] {
        guard limit > 0 else { return [] }
        var own: [(key: [UInt8], value: [UInt8]?)] = []
        var hiddenCount = 0
        tables[kind]?.visit(from: lower, to: upper, descending: descending) { key, value in
            own.append((key, value))
            if value == nil { hiddenCount += 1 }
            return own.count - hiddenCount < limit
        }
        guard let below else {
            return own.compactMap { row in row.value.map { (row.key, $0) } }
        }
        let (most, overflow) = limit.addingReportingOverflow(own.count)
        let others = below.rows(
            kind,
            from: lower,
            to: upper,
            limit: overflow ? limit : most,
            descending: descending
        )
        return merged(own, others, limit: limit, descending: descending)
    }

    /// Two runs in one order; of equal keys the first run's row counts, and hides if it is nil.
    private func merged(
        _ own: [(key: [UInt8], value: [UInt8]?)],
        _ others: [(key: [UInt8], value: [UInt8])],
        limit: Int,
        descending: Bool
    ) -> [(key: [UInt8], value: [UInt8])] {
        var found: [(key: [UInt8], value: [UInt8])] = []
        var (index, other) = (0, 0)
        while found.count < limit, index < own.count || other < others.count {
            guard index < own.count else {
                found.append(others[other])
                other += 1
                continue
            }
            let (key, value) = own[index]
            if other < others.count, others[other].key != key,
                others[other].key.lexicographicallyPrecedes(key) != descending
            {
                found.append(others[other])
                other += 1
                continue
            }
            if other < others.count, others[other].key == key { other += 1 }
            if let value { found.append((key, value)) }
            index += 1
        }
        return found
    }

    func located(_ id: EventID) throws -> LocatedEvent? { try locate(id) }

    /// Writes what a fold changed.
    func apply(_ changes: [RowChange]) {
        for change in changes {
            if change.value == nil, below == nil {
                tables[change.kind]?.remove(change.key)
            } else {
                tables[change.kind, default: SortedRows()].set(change.key, to: change.value)
            }
        }
    }
}
