import Causality
import TestSupport
import Testing

@Suite
struct VectorClockTests {
    private static let nodes = (1...4).map { NodeID(high: $0 % 2, low: $0) }

    /// Few nodes and small counts, so that all four relations turn up often.
    private func randomClock(using generator: inout SeededGenerator) -> VectorClock {
        var clock = VectorClock()
        for node in Self.nodes.shuffled(using: &generator) {
            let count = UInt64.random(in: 0...2, using: &generator)
            clock.record(EventID(node: node, sequence: count))
        }
        return clock
    }

    @Test(arguments: Seeds.forThisRun)
    func `compare agrees with a count by count comparison`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var found: Set<CausalOrder> = []
        for _ in 0..<300 {
            let first = randomClock(using: &generator)
            let second = Bool.random(using: &generator) ? randomClock(using: &generator) : first
            let expected = bruteForceOrder(of: first.counts, to: second.counts)
            found.insert(expected)
            #expect(first.compare(to: second) == expected, "\(first) and \(second)")
        }
        #expect(found == [.equal, .before, .after, .concurrent])
    }

    @Test(arguments: Seeds.forThisRun)
    func `swapped clocks swap before and after, and equal means the same value`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let first = randomClock(using: &generator)
            let second = randomClock(using: &generator)
            let answer = first.compare(to: second)
            #expect(second.compare(to: first) == answer.reversed)
            #expect((answer == .equal) == (first == second))
            #expect((answer == .equal || answer == .before) == (first.merging(second) == second))
            #expect((answer == .equal || answer == .after) == (first.merging(second) == first))
        }
    }

    @Test(arguments: Seeds.forThisRun)
    func `merge is associative, commutative and idempotent`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let first = randomClock(using: &generator)
            let second = randomClock(using: &generator)
            let third = randomClock(using: &generator)
            #expect(
                first.merging(second).merging(third) == first.merging(second.merging(third))
            )
            #expect(first.merging(second) == second.merging(first))
            #expect(first.merging(first) == first)
            #expect(first.merging(VectorClock()) == first)
            #expect(
                first.merging(second).counts
                    == first.counts.merging(second.counts, uniquingKeysWith: max)
            )
        }
    }

    @Test(arguments: Seeds.forThisRun)
    func `the order in which events are recorded leaves no trace`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let events = (0..<40).map { _ in
            EventID(
                node: .random(using: &generator),
                sequence: UInt64.random(in: 1...3, using: &generator)
            )
        }
        var first = VectorClock()
        var second = VectorClock()
        for event in events { first.record(event) }
        for event in (events + events).shuffled(using: &generator) { second.record(event) }
        #expect(first == second)
        #expect(first.hashValue == second.hashValue)
        #expect(first.entries.map(\.node) == events.map(\.node).sorted())
        #expect(events.allSatisfy(first.contains))
    }

    @Test
    func `a count covers all earlier events and no later one`() {
        var clock = VectorClock()
        clock.record(EventID(node: Self.nodes[0], sequence: 5))
        clock.record(EventID(node: Self.nodes[0], sequence: 3))
        #expect(clock[Self.nodes[0]] == 5)
        #expect(clock[Self.nodes[1]] == 0)
        for sequence in UInt64(0)...7 {
            let event = EventID(node: Self.nodes[0], sequence: sequence)
            #expect(clock.contains(event) == (1...5 ~= sequence))
        }
        #expect(!clock.contains(EventID(node: Self.nodes[1], sequence: 1)))
    }

    @Test
    func `a count of zero is never stored`() {
        var clock = VectorClock()
        clock.record(EventID(node: Self.nodes[0], sequence: 0))
        #expect(clock.isEmpty)
        #expect(clock.entries.isEmpty)
        #expect(clock == VectorClock())
    }
}
