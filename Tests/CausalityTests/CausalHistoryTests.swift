import Causality
import TestSupport
import Testing

/// Holds the compact form to classical vector time, on random histories.
@Suite
struct CausalHistoryTests {
    @Test(arguments: Seeds.forThisRun)
    func `comparing contexts gives what comparing full vector clocks gives`(seed: UInt64) {
        let history = RandomHistory(seed: seed, stepCount: 220)
        let positions = history.positions
        var found: Set<CausalOrder> = []
        for first in history.events.values {
            for second in history.events.values {
                let expected = bruteForceOrder(of: first.seen, to: second.seen)
                found.insert(expected)
                #expect(
                    order(of: first, to: second, positions, history.epoch) == expected,
                    "\(first.id) and \(second.id)"
                )
            }
        }
        #expect(found == [.equal, .before, .after, .concurrent])
    }

    @Test(arguments: Seeds.forThisRun)
    func `an event is known exactly if it was delivered`(seed: UInt64) {
        let history = RandomHistory(seed: seed, stepCount: 220)
        let positions = history.positions
        for own in history.events.values {
            for event in history.events.keys where event != own.id {
                let isKnown = own.context.knows(
                    event,
                    at: positions[event],
                    in: history.epoch,
                    recordedBy: own.id
                )
                #expect(isKnown == (event.sequence <= own.seen[event.node, default: 0]))
            }
        }
    }

    @Test(arguments: Seeds.forThisRun)
    func `a context expands to the full vector clock of its event`(seed: UInt64) {
        let history = RandomHistory(seed: seed, stepCount: 220)
        for event in history.events.values {
            let clock = event.context.expand(own: event.id, frontier: history.frontier(at:))
            #expect(clock.counts == event.seen, "\(event.id)")
        }
    }

    @Test(arguments: Seeds.forThisRun)
    func `a new epoch may hide knowledge but never invents it`(seed: UInt64) {
        let history = RandomHistory(seed: seed, stepCount: 220, restores: true)
        let positions = history.positions
        for own in history.events.values {
            for event in history.events.keys where event != own.id {
                let isKnown = own.context.knows(
                    event,
                    at: positions[event],
                    in: history.epoch,
                    recordedBy: own.id
                )
                if isKnown {
                    #expect(event.sequence <= own.seen[event.node, default: 0])
                }
            }
        }
    }

    @Test
    func `the histories with a forgetful hub do make it forget`() {
        let restores = (UInt64(1)...48).map {
            RandomHistory(seed: $0, stepCount: 220, restores: true).restoreCount
        }
        #expect(restores.filter { $0 > 0 }.count > 40)
    }

    /// The order of two events by their contexts alone: who was known to whom.
    private func order(
        of first: RandomHistory.Event,
        to second: RandomHistory.Event,
        _ positions: [EventID: HubPosition],
        _ epoch: Epoch
    ) -> CausalOrder {
        if first.id == second.id { return .equal }
        let firstIsKnown = second.context.knows(
            first.id,
            at: positions[first.id],
            in: epoch,
            recordedBy: second.id
        )
        let secondIsKnown = first.context.knows(
            second.id,
            at: positions[second.id],
            in: epoch,
            recordedBy: first.id
        )
        #expect(!(firstIsKnown && secondIsKnown))
        if firstIsKnown { return .before }
        return secondIsKnown ? .after : .concurrent
    }
}

/// The order of two clocks, decided count by count over every node.
func bruteForceOrder(of first: [NodeID: UInt64], to second: [NodeID: UInt64]) -> CausalOrder {
    let nodes = Set(first.keys).union(second.keys)
    let isWithin = nodes.allSatisfy { first[$0, default: 0] <= second[$0, default: 0] }
    let covers = nodes.allSatisfy { first[$0, default: 0] >= second[$0, default: 0] }
    switch (isWithin, covers) {
    case (true, true): return .equal
    case (true, false): return .before
    case (false, true): return .after
    case (false, false): return .concurrent
    }
}

extension VectorClock {
    var counts: [NodeID: UInt64] {
        Dictionary(uniqueKeysWithValues: entries.map { ($0.node, $0.count) })
    }
}
