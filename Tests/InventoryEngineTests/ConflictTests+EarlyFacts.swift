import Causality
import InventoryEngine
import TestSupport
import Testing

/// Pair 23: a fact on an order that its recorder does not know yet.
extension ConflictTests {
    /// What is done for an order where it is not known.
    enum EarlyWork: String, CaseIterable {
        case picked, packed, shipped, shippedAtOnce

        func record(_ order: DocumentID, _ quantity: Int64, at node: inout EdgeHarness) throws {
            let lines = [line("P", quantity)]
            let steps: [InventoryCommand] =
                switch self {
                case .picked: [.pick(order, lines)]
                case .packed: [.pick(order, lines), .pack(order, lines)]
                case .shipped:
                    [.pick(order, lines), .pack(order, lines), .dispatch(order, lines)]
                case .shippedAtOnce: [.dispatch(order, lines)]
                }
            for step in steps { try node.record(step.with(forced: true)) }
        }

        /// The figure that shows where the units of a line are.
        var part: String {
            switch self {
            case .picked: "picked"
            case .packed: "packed"
            case .shipped, .shippedAtOnce: "shipped"
            }
        }
    }

    private func withoutHolders(_ rows: [String: Int64]) -> [String: Int64] {
        var rest = rows.filter { !$0.key.contains(" rights") }
        rest["all rights"] = rows.filter { $0.key.contains(" rights") }.values.reduce(0, +)
        return rest
    }

    @Test(arguments: EarlyWork.allCases)
    func `pair 23: what was done for an order not known yet is the order's, in either order`(
        work: EarlyWork
    ) throws {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try oneSite()
            try network.nodes[0].record(.confirm("SO-2", [line("P", 2), line("P", 1)]))
            try work.record("SO-2", 4, at: &network.nodes[1])
            let early = try exceptions(network.nodes[1].rows)
            #expect(early.contains("unknown_order"))
            try deliver(&network, first: first)
            let found = try conflicts(.factBeforeOrder, network.hub.rows, at: "W")
            #expect(!found.isEmpty)
            #expect(try conflicts(.factBeforeOrder, network.nodes[0].rows, at: "W") == found)
            let codes = try exceptions(network.hub.rows)
            #expect(!codes.contains("over_pick") && !codes.contains("over_ship"))
            #expect(network.nodes.allSatisfy { $0.differenceCount == 0 })
            outcomes.append(withoutHolders(try layers(network, at: "W")))
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0]["SO-2/1 \(work.part)"] == 2)
        #expect(outcomes[0]["SO-2/2 \(work.part)"] == 1)
        let beyond =
            work.part == "shipped" ? "SO-2 P shipped beyond" : "SO-2 P surplus \(work.part)"
        #expect(outcomes[0][beyond] == 1)
        #expect(outcomes[0]["task unpick SO-2 P"] == (work == .picked ? 1 : nil))
    }

    @Test(arguments: EarlyWork.allCases, [0, 1])
    func `pair 23: what was done for an order not known yet is undone exactly`(
        work: EarlyWork,
        first: Int
    ) throws {
        var network = try oneSite()
        try network.nodes[0].record(.confirm("SO-2", [line("P", 2), line("P", 1)]))
        let start = withoutHolders(try network.nodes[0].figures().values)
        try work.record("SO-2", 4, at: &network.nodes[1])
        let events = network.nodes[1].pending.map(\.id)
        try deliver(&network, first: first)
        for event in events.reversed() {
            try network.nodes[1].record(.reverse(event))
            try network.settle()
        }
        let faults = try Recount(network.hub.rows).faults
        #expect(faults.isEmpty, "\(faults)")
        let verdicts = network.hub.entries.compactMap(\.entry?.ruling.verdict)
        #expect(!verdicts.contains(.parked))
        #expect(withoutHolders(try layers(network, at: "W")) == start)
    }

    @Test
    func `pair 23: goods of a SKU that the order does not name stay outside, to be put back`()
        throws
    {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try oneSite()
            try network.nodes[0].record(.item("Q"))
            try network.nodes[0].record(.receive([line("Q", 5, amount: 5)]))
            try network.settle()
            try network.nodes[0].record(.confirm("SO-2", [line("P", 2)]))
            try network.nodes[1].record(.pick("SO-2", [line("Q", 3)]).with(forced: true))
            try deliver(&network, first: first)
            outcomes.append(withoutHolders(try layers(network, at: "W")))
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0]["SO-2 Q surplus picked"] == 3)
        #expect(outcomes[0]["task unpick SO-2 Q"] == 3)
    }

    @Test
    func `pair 23: an order confirmed by who knew of the pick is an exception alone`() throws {
        var network = try oneSite()
        try network.nodes[1].record(.pick("SO-2", [line("P", 2)]).with(forced: true))
        try network.settle()
        try network.nodes[0].record(.confirm("SO-2", [line("P", 2)]))
        try network.settle()
        #expect(try network.hub.rows.typed(ConflictRow.self).isEmpty)
        #expect(try exceptions(network.hub.rows).contains("unknown_order"))
        #expect(try layers(network, at: "W")["SO-2/1 picked"] == 2)
    }
}
