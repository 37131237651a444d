/// How many events of each node are known: decides before, after and concurrent.
///
/// A count of 5 means the node's events 1 to 5. A node without an entry counts as zero, and a
/// count of zero is never stored, so two clocks that know the same events are equal values.
public struct VectorClock: Hashable, Sendable {
    /// Sorted by node, each node once, each count above zero.
    ///
    /// A sorted array and not a dictionary: clocks are small, and are compared and merged far
    /// more often than they grow; one walk along both does either without allocating for it.
    private var sorted: [Entry]

    private struct Entry: Hashable, Sendable {
        var node: NodeID
        var count: UInt64
    }

    /// Makes a clock that knows no event.
    public init() {
        sorted = []
    }

    /// Whether no event is known.
    public var isEmpty: Bool { sorted.isEmpty }

    /// The nodes of which an event is known, with their counts, in ascending order of node.
    ///
    /// - Complexity: O(*n*) in the number of entries: the array is made anew.
    public var entries: [(node: NodeID, count: UInt64)] {
        sorted.map { (node: $0.node, count: $0.count) }
    }

    /// How many events of a node are known; 0 for a node without an entry.
    ///
    /// - Complexity: O(log *n*) in the number of entries.
    public subscript(node: NodeID) -> UInt64 {
        let index = index(of: node)
        return index < sorted.count && sorted[index].node == node ? sorted[index].count : 0
    }

    /// Whether an event is known.
    ///
    /// - Complexity: O(log *n*) in the number of entries.
    public func contains(_ event: EventID) -> Bool {
        event.sequence > 0 && event.sequence <= self[event.node]
    }

    /// Makes an event known, and with it all earlier events of its node.
    ///
    /// The count becomes the larger of the two, so an event may be recorded again, or late. A
    /// sequence of zero names no event and changes nothing.
    ///
    /// - Complexity: O(log *n*) in the number of entries; O(*n*) for the first event of a node.
    public mutating func record(_ event: EventID) {
        guard event.sequence > 0 else { return }
        let index = index(of: event.node)
        if index < sorted.count, sorted[index].node == event.node {
            if sorted[index].count < event.sequence {
                sorted[index].count = event.sequence
            }
        } else {
            sorted.insert(Entry(node: event.node, count: event.sequence), at: index)
        }
    }

    /// Makes known all that another clock knows: the larger count of each node.
    ///
    /// Memory is allocated only when the two are concurrent.
    ///
    /// - Parameter other: The other clock; it may name other nodes, and may be empty.
    /// - Complexity: O(*n* + *m*), the numbers of entries in the two clocks.
    public mutating func merge(_ other: VectorClock) {
        switch compare(to: other) {
        case .equal, .after: return
        case .before: sorted = other.sorted
        case .concurrent: sorted = Self.union(sorted, other.sorted)
        }
    }

    private static func union(_ first: [Entry], _ second: [Entry]) -> [Entry] {
        var union: [Entry] = []
        union.reserveCapacity(first.count + second.count)
        var ours = first[...]
        var theirs = second[...]
        while let our = ours.first, let their = theirs.first {
            if our.node == their.node {
                union.append(Entry(node: our.node, count: max(our.count, their.count)))
                ours.removeFirst()
                theirs.removeFirst()
            } else if our.node < their.node {
                union.append(our)
                ours.removeFirst()
            } else {
                union.append(their)
                theirs.removeFirst()
            }
        }
        union.append(contentsOf: ours)
        union.append(contentsOf: theirs)
        return union
    }

    /// Returns a clock that knows all that this one or another one knows.
    ///
    /// - Parameter other: The other clock; it may name other nodes, and may be empty.
    /// - Returns: The larger count of each node.
    /// - Complexity: O(*n* + *m*), the numbers of entries in the two clocks.
    public func merging(_ other: VectorClock) -> VectorClock {
        var merged = self
        merged.merge(other)
        return merged
    }

    /// Says how this clock relates to another one: equal, before, after, or concurrent.
    ///
    /// A clock counts the events known of each node; a node without an entry counts as zero, so the
    /// empty clock is before every other. Wall time plays no part.
    ///
    /// | `a`      | `b`      | `a.compare(to: b)` | Meaning                                  |
    /// | -------- | -------- | ------------------ | ---------------------------------------- |
    /// | A 2, B 1 | A 2, B 1 | `.equal`           | both know the same events                |
    /// | A 2      | A 2, B 1 | `.before`          | `b` knows all that `a` knows, and more   |
    /// | A 3, B 1 | A 2, B 1 | `.after`           | `a` knows all that `b` knows, and more   |
    /// | A 3      | A 2, B 1 | `.concurrent`      | each knows an event unknown to the other |
    ///
    /// Source: C. J. Fidge, *Timestamps in Message-Passing Systems That Preserve the Partial
    /// Ordering* (1988); F. Mattern, *Virtual Time and Global States of Distributed Systems* (1989).
    ///
    /// - Parameter other: The right-hand clock; it may name other nodes, and may be empty.
    /// - Returns: This clock's place relative to `other`; swapping the two swaps before and after.
    /// - Complexity: O(*n* + *m*), the numbers of entries in the two clocks.
    public func compare(to other: VectorClock) -> CausalOrder {
        var weKnowMore = false
        var theyKnowMore = false
        var our = 0
        var their = 0
        while our < sorted.count, their < other.sorted.count {
            let ours = sorted[our]
            let theirs = other.sorted[their]
            if ours.node == theirs.node {
                if ours.count > theirs.count { weKnowMore = true }
                if ours.count < theirs.count { theyKnowMore = true }
                our += 1
                their += 1
            } else if ours.node < theirs.node {
                weKnowMore = true
                our += 1
            } else {
                theyKnowMore = true
                their += 1
            }
            if weKnowMore, theyKnowMore { return .concurrent }
        }
        if our < sorted.count { weKnowMore = true }
        if their < other.sorted.count { theyKnowMore = true }
        switch (weKnowMore, theyKnowMore) {
        case (false, false): return .equal
        case (false, true): return .before
        case (true, false): return .after
        case (true, true): return .concurrent
        }
    }

    /// The place of the first entry whose node is not before the given one.
    private func index(of node: NodeID) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = low + (high - low) / 2
            if sorted[middle].node < node {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
