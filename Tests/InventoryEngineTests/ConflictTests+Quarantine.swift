import Causality
import InventoryEngine
import TestSupport
import Testing

/// Pair 15: a quarantine, and what was taken meanwhile.
extension ConflictTests {
    /// What is done with the goods where the quarantine is not known.
    enum Taking: String, CaseIterable {
        case allocated, picked, packed, shipped, partlyShipped, moved

        func record(at node: inout EdgeHarness, lot: LotID?) throws {
            let lines = [line("P", 4, at: "A", lot: lot)]
            switch self {
            case .allocated: try node.record(.allocate("SO-1", lines))
            case .picked: try node.record(.pick("SO-1", lines))
            case .packed:
                try node.record(.pick("SO-1", lines))
                try node.record(.pack("SO-1"))
            case .shipped:
                try node.record(.pick("SO-1", lines))
                try node.record(.dispatch("SO-1", [line("P", 4, lot: lot)]))
            case .partlyShipped:
                try node.record(.pick("SO-1", lines))
                try node.record(.dispatch("SO-1", [line("P", 3, lot: lot)]))
            case .moved: try node.record(.move([line("P", 4, at: "A", to: "B", lot: lot)]))
            }
        }

        /// How many of the four have left.
        var left: Int64 {
            switch self {
            case .shipped: 4
            case .partlyShipped: 3
            case .allocated, .picked, .packed, .moved: 0
            }
        }

        /// Where those are that have not.
        var place: String {
            switch self {
            case .allocated: "A"
            case .moved: "B"
            case .picked, .packed, .shipped, .partlyShipped: "STAGING"
            }
        }
    }

    /// 5 at A of which SO-1 wants 4, and 6 in STOCK for another order, partly picked.
    private func shelf(lot: LotID?) throws -> Network {
        var network = try Network(["W", "W"])
        try network.nodes[0].record(.item("P", isLotTracked: lot != nil))
        try network.nodes[0].record(.location("A"))
        try network.nodes[0].record(.location("B"))
        try network.nodes[0].record(
            .receive([
                line("P", 5, at: "A", lot: lot, amount: 50_000),
                line("P", 6, lot: lot, amount: 60_000),
            ])
        )
        try network.nodes[0].record(.confirm("SO-1", [line("P", 4)]))
        try network.nodes[0].record(.confirm("SO-9", [line("P", 6)]))
        try network.nodes[0].record(
            .pick("SO-9", [line("P", 5, at: "STOCK", lot: lot)])
        )
        try network.settle()
        return network
    }

    @Test(arguments: Taking.allCases, [nil, "L"] as [LotID?])
    func `pair 15: a quarantine holds for all that has not left, in either order`(
        taking: Taking,
        lot: LotID?
    ) throws {
        var outcomes: [[String: Int64]] = []
        let suffix = lot.map { " \($0)" } ?? ""
        for first in [0, 1] {
            var network = try shelf(lot: lot)
            try network.nodes[0].record(
                .status([
                    line("P", 5, at: "A", lot: lot, status: .sellable, toStatus: .hold)
                ])
            )
            try taking.record(at: &network.nodes[1], lot: lot)
            try deliver(&network, first: first)
            let found = try conflicts(.quarantinedAndTaken, network.hub.rows, at: "W")
            #expect(!found.isEmpty, "\(first)")
            for node in network.nodes {
                #expect(
                    try conflicts(.quarantinedAndTaken, node.rows, at: "W").count == found.count
                )
                #expect(node.differenceCount == 0)
            }
            let codes = try exceptions(network.hub.rows)
            #expect(!codes.contains("negative_stock"), "\(codes)")
            var rows = try layers(network, at: "W")
            let held = rows.filter { $0.key.hasSuffix(" hold") }.values.reduce(0, +)
            #expect(held == 5 - taking.left, "\(first) \(rows)")
            if taking.left < 4 {
                let there = rows["P \(taking.place)\(suffix) hold"]
                #expect(there == (taking == .allocated ? 5 : 4 - taking.left), "\(first)")
            }
            #expect(
                rows["task recall SO-1 P"] == (taking.left > 0 ? taking.left : nil),
                "\(first)"
            )
            // What another order has in staging is none of it.
            #expect(rows["P STAGING\(suffix) sellable"] == 5, "\(first)")
            #expect(rows["SO-1/1 allocated"] == nil)
            rows = rows.filter { !$0.key.contains("rights") }
            outcomes.append(rows)
        }
        #expect(outcomes[0] == outcomes[1])
    }

    @Test(arguments: [nil, "L"] as [LotID?])
    func `pair 15: what is quarantined in staging goes back as it is`(lot: LotID?) throws {
        var network = try shelf(lot: lot)
        try network.nodes[0].record(
            .status([line("P", 5, at: "A", lot: lot, status: .sellable, toStatus: .hold)])
        )
        try network.nodes[1].record(.pick("SO-1", [line("P", 4, at: "A", lot: lot)]))
        try deliver(&network, first: 1)
        try network.nodes[0].record(.unpick("SO-1", [line("P", 4, at: "A", lot: lot)]))
        try network.settle()
        let rows = try layers(network, at: "W")
        let suffix = lot.map { " \($0)" } ?? ""
        #expect(rows["P A\(suffix) hold"] == 5)
        #expect(rows["P STAGING\(suffix) hold"] == nil)
        #expect(rows["P STAGING\(suffix) sellable"] == 5)
        #expect(try Recount(network.hub.rows).faults.isEmpty)
    }

    @Test
    func `pair 15: a dispatch that knows of the quarantine is an exception, and recalled`() throws {
        var network = try shelf(lot: "L")
        try network.nodes[0].record(
            .status([line("P", 5, at: "A", lot: "L", status: .sellable, toStatus: .hold)])
        )
        try network.nodes[1].record(.pick("SO-1", [line("P", 4, at: "A", lot: "L")]))
        try deliver(&network, first: 1)
        let dispatch = try network.nodes[1].record(.dispatch("SO-1", [line("P", 4, lot: "L")]))
        #expect(dispatch.outcome.exceptions.contains("quarantined_dispatched"))
        try network.settle()
        #expect(try layers(network, at: "W")["task recall SO-1 P"] == 4)
        try network.nodes[1].record(.reverse(dispatch.event.id))
        try network.settle()
        let rows = try layers(network, at: "W")
        #expect(rows["task recall SO-1 P"] == nil)
        #expect(rows["P STAGING L hold"] == 4)
        #expect(rows["SO-1 P L quarantined"] == 4)
        #expect(try Recount(network.hub.rows).faults.isEmpty)
    }

    @Test
    func `a quarantine that followed the goods is not undone by a reversal`() throws {
        var network = try shelf(lot: "L")
        let hold = try network.nodes[0].record(
            .status([line("P", 5, at: "A", lot: "L", status: .sellable, toStatus: .hold)])
        )
        try network.nodes[1].record(.pick("SO-1", [line("P", 4, at: "A", lot: "L")]))
        try deliver(&network, first: 1)
        let refused = #expect(throws: EngineError.self) {
            try network.nodes[0].record(.reverse(hold.event.id))
        }
        #expect(refused?.code.text == "not_reversible")
    }
}
