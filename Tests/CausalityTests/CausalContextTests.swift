import Causality
import Testing

@Suite
struct CausalContextTests {
    private let london = NodeID(high: 0, low: 1)
    private let paris = NodeID(high: 0, low: 2)
    private let epoch = Epoch(counter: 3, high: 7, low: 9)

    private var context: CausalContext {
        var extra = VectorClock()
        extra.record(EventID(node: paris, sequence: 5))
        return CausalContext(epoch: epoch, position: HubPosition(10), extra: extra)
    }

    @Test(arguments: [(1, true), (10, true), (11, false), (UInt64.max, false)])
    func `an event at or below the position of the same epoch is known`(
        position: UInt64,
        isKnown: Bool
    ) {
        let event = EventID(node: london, sequence: 99)
        #expect(context.knows(event, at: HubPosition(position), in: epoch) == isKnown)
    }

    @Test
    func `a position of another epoch says nothing`() {
        let event = EventID(node: london, sequence: 99)
        let newer = Epoch(counter: 4, high: 7, low: 9)
        let twin = Epoch(counter: 3, high: 7, low: 10)
        for other in [newer, twin, Epoch.none] {
            #expect(!context.knows(event, at: HubPosition(1), in: other))
        }
    }

    @Test
    func `an extra dot counts in any epoch, ordered or not`() {
        let known = EventID(node: paris, sequence: 5)
        let unknown = EventID(node: paris, sequence: 6)
        for epoch in [epoch, Epoch.none] {
            for position in [nil, HubPosition(11)] {
                #expect(context.knows(known, at: position, in: epoch))
                #expect(!context.knows(unknown, at: position, in: epoch))
            }
        }
    }

    @Test
    func `an event that the hub has not ordered is not known`() {
        #expect(!context.knows(EventID(node: london, sequence: 1), at: nil, in: epoch))
    }

    @Test
    func `a node knows its own earlier events and no other of its own`() {
        let own = EventID(node: london, sequence: 4)
        for (sequence, isKnown) in [(1, true), (3, true), (4, false), (5, false)] {
            let event = EventID(node: london, sequence: UInt64(sequence))
            let answer = CausalContext.empty.knows(event, at: nil, in: .none, recordedBy: own)
            #expect(answer == isKnown)
        }
    }

    @Test
    func `the empty context knows nothing`() {
        let event = EventID(node: london, sequence: 1)
        #expect(!CausalContext.empty.knows(event, at: nil, in: .none))
        #expect(!CausalContext.empty.knows(event, at: .start, in: .none))
        #expect(!CausalContext.empty.knows(event, at: HubPosition(1), in: epoch))
    }

    @Test
    func `the empty context expands to its own event without asking the hub`() {
        let own = EventID(node: london, sequence: 4)
        let clock = CausalContext.empty.expand(own: own) { _ in
            Issue.record("The hub was asked.")
            return VectorClock()
        }
        #expect(clock.counts == [london: 4])
    }
}
