import Causality
import InventoryEngine
import TestSupport
import Testing

struct ReversalTests {
    /// A day that ends with an event that can be reversed.
    struct Day: Sendable, CustomTestStringConvertible {
        var name: String
        var commands: [InventoryCommand]
        var testDescription: String { name }

        init(_ name: String, _ commands: [InventoryCommand]) {
            self.name = name
            self.commands = commands
        }
    }

    private static let start: [InventoryCommand] = [
        .item("P"), .location("A"), .receive([line("P", 10, amount: 100_001)]),
        .receive([line("P", 2, status: .damaged, amount: 7)]),
        .confirm("SO-1", [line("P", 6)]),
    ]

    static let days: [Day] = [
        Day("receipt", [.receive([line("P", 3, amount: 12_345), line("P", 2, amount: 1)])]),
        Day(
            "receipt on an order",
            [.placePO("PO-1", [line("P", 5, cost: "2")]), .receive([line("P", 3)], po: "PO-1")]
        ),
        Day("move", [.move([line("P", 3, at: "STOCK", to: "A")])]),
        Day("status", [.status([line("P", 3, at: "STOCK", status: .sellable, toStatus: .hold)])]),
        Day("scrap", [.scrap([line("P", 3), line("P", 1, status: .damaged)])]),
        Day("supplier return", [.sendBack([line("P", 3), line("P", 1, status: .damaged)])]),
        Day("supplier return beyond stock", [.sendBack([line("P", 17)])]),
        Day(
            "supplier return on an order",
            [
                .placePO("PO-1", [line("P", 5, cost: "2")]),
                .receive([line("P", 3, cost: "1.7")], po: "PO-1"),
                .sendBack([line("P", 2)], po: "PO-1"),
            ]
        ),
        Day("scrap of all", [.scrap([line("P", 12)])]),
        Day("scrap beyond stock", [.scrap([line("P", 17)])]),
        Day("gain", [.propose("ADJ-1", [line("P", 3)]), .approve("ADJ-1")]),
        Day("loss", [.propose("ADJ-1", [line("P", -3)]), .approve("ADJ-1")]),
        Day("pick of reserved", [.pick("SO-1", [line("P", 4)])]),
        Day("pick beyond", [.pick("SO-1", [line("P", 8)]).with(forced: true)]),
        Day(
            "pick of cancelled",
            [
                .cancel("SO-1", [line("P", 2, number: 1)]),
                .pick("SO-1", [line("P", 6, number: 1)]).with(forced: true),
            ]
        ),
        Day(
            "pick of allocated",
            [.allocate("SO-1", [line("P", 2)]), .pick("SO-1", [line("P", 3)])]
        ),
        Day(
            "pick of backordered",
            [.amend("SO-1", [line("P", 12, number: 1)]), .pick("SO-1", [line("P", 12)])]
        ),
        Day(
            "short pick of allocated",
            [
                .move([line("P", 4, at: "STOCK", to: "A")]),
                .allocate("SO-1", [line("P", 4, at: "A")]),
                .pick("SO-1", [line("P", 1, at: "A", short: 2)]),
            ]
        ),
        Day(
            "pick of everything there is to pick",
            [
                .allocate("SO-1", [line("P", 2)]),
                .amend("SO-1", [line("P", 12, number: 1)]),
                .cancel("SO-1", [line("P", 1, number: 1)]),
                .pick("SO-1", [line("P", 15, number: 1)]).with(forced: true),
            ]
        ),
        Day("pack of what was never picked", [.pack("SO-1", [line("P", 4)]).with(forced: true)]),
        Day(
            "dispatch of what was half picked, half packed",
            [
                .allocate("SO-1", [line("P", 3)]),
                .pick("SO-1", [line("P", 2)]), .pack("SO-1", [line("P", 1)]),
                .dispatch("SO-1", [line("P", 6)]),
            ]
        ),
        Day(
            "dispatch of what was never packed, and more",
            [
                .pick("SO-1", [line("P", 8)]).with(forced: true),
                .dispatch("SO-1", [line("P", 9)]).with(forced: true),
            ]
        ),
        Day("pack", [.pick("SO-1"), .pack("SO-1", [line("P", 4)])]),
        Day(
            "pack of surplus",
            [
                .pick("SO-1", [line("P", 8)]).with(forced: true),
                .pack("SO-1", [line("P", 8)]).with(forced: true),
            ]
        ),
        Day("dispatch", [.pick("SO-1"), .pack("SO-1"), .dispatch("SO-1", [line("P", 4)])]),
        Day(
            "dispatch of surplus",
            [
                .pick("SO-1", [line("P", 8)]).with(forced: true),
                .pack("SO-1", [line("P", 8)]).with(forced: true),
                .dispatch("SO-1", [line("P", 8)]).with(forced: true),
            ]
        ),
        Day(
            "dispatch of what was never picked",
            [.dispatch("SO-1", [line("P", 4)])]
        ),
        Day(
            "return",
            [.dispatch("SO-1", [line("P", 6)]), .giveBack("R-1", [line("P", 4)], order: "SO-1")]
        ),
        Day("return without an order", [.giveBack("R-1", [line("P", 4)])]),
        Day(
            "allocation",
            [
                .move([line("P", 2, at: "STOCK", to: "A")]),
                .allocate("SO-1", [line("P", 1, at: "A")]), .allocate("SO-1", []),
            ]
        ),
        Day("unpick", [.pick("SO-1"), .unpick("SO-1", [line("P", 4)])]),
        Day(
            "unpick of surplus",
            [
                .pick("SO-1", [line("P", 8)]).with(forced: true),
                .unpick("SO-1", [line("P", 7, at: "A")]),
            ]
        ),
        Day(
            "unpick of cancelled",
            [
                .pick("SO-1", [line("P", 6)]), .cancel("SO-1", [line("P", 2, number: 1)]),
                .unpick("SO-1", [line("P", 5)]),
            ]
        ),
        Day(
            "restock of a return",
            [
                .giveBack("R-1", [line("P", 2), line("P", 2)]),
                .disposition("R-1", [line("P", 3, disposition: .restock)]),
            ]
        ),
        Day(
            "other dispositions of a return",
            [
                .giveBack("R-1", [line("P", 4)]),
                .disposition(
                    "R-1",
                    [
                        line("P", 1, disposition: .refurbish), line("P", 1, disposition: .scrap),
                        line("P", 1, disposition: .supplier),
                    ]
                ),
            ]
        ),
    ]

    @Test
    func `what is reversed of a return can be decided again, and an allocation only once`() throws {
        var edge = soloNode()
        for command in Self.start { try edge.record(command) }
        try edge.record(.giveBack("R-1", [line("P", 4)]))
        let scrap = try edge.record(.disposition("R-1", [line("P", 4, disposition: .scrap)]))
        try edge.record(.reverse(scrap.event.id))
        try edge.record(.disposition("R-1", [line("P", 4, disposition: .restock)]))
        let allocation = try edge.record(.allocate("SO-1", []))
        try edge.record(.pick("SO-1"))
        let refused = #expect(throws: EngineError.self) {
            try edge.record(.reverse(allocation.event.id))
        }
        #expect(refused?.code.text == "already_picked")
        let order = #expect(throws: EngineError.self) {
            try edge.record(.reverse(edge.pending[4].id))
        }
        #expect(order?.code.text == "not_reversible")
    }

    @Test(arguments: days)
    func `row 26: a reversal restores every layer, and its value`(day: Day) throws {
        var edge = soloNode()
        for command in Self.start { try edge.record(command) }
        for command in day.commands.dropLast() { try edge.record(command) }
        let before = try edge.figures()
        let rows = layers(edge)
        let pool = try edge.rows.typed(ValuationRow.self).first?.row.pool
        let last = try #require(day.commands.last)
        let recorded = try edge.record(last)
        #expect(try edge.figures() != before)
        try edge.record(.reverse(recorded.event.id))
        #expect(try edge.figures().since(before).isEmpty)
        #expect(layers(edge) == rows)
        let after = try edge.rows.typed(ValuationRow.self).first?.row.pool
        #expect(after?.held == pool?.held)
        #expect(after?.heldValue == pool?.heldValue)
        #expect(try Recount(edge.rows).faults == [])
        #expect(throws: EngineError.self) { try edge.record(.reverse(recorded.event.id)) }
    }

    /// The bytes of the rows that a reversal restores: all but the books and a line's last receipt,
    /// which remember.
    private func layers(_ edge: EdgeHarness) -> [RowName: [UInt8]] {
        let kinds: Set<RowKind> = [
            .item, .location, .bucket, .orderLine, .surplus, .transferLine, .rights, .task,
            .backorder, .summary,
        ]
        var rows = edge.allRows.filter { kinds.contains($0.key.kind) }
        for (name, bytes) in rows {
            // History goes on, and who bore what stays told; the figures do not.
            if name.kind == .summary, var summary = try? StockSummary(bytes: bytes) {
                summary.lastPosting = nil
                summary.movedBy = Latest()
                summary.promisedBy = Latest()
                summary.takenBy = Latest()
                rows[name] = summary.bytes
            } else if name.kind == .orderLine, var line = try? OrderLineRow(bytes: bytes) {
                line.freed = .zero
                rows[name] = line.bytes
            }
        }
        return rows
    }

    @Test(arguments: days)
    func `a reversal that the hub orders restores every layer at both`(day: Day) throws {
        var network = try Network(["W"])
        for command in Self.start { try network.nodes[0].record(command) }
        for command in day.commands.dropLast() { try network.nodes[0].record(command) }
        try network.settle()
        let before = try network.nodes[0].figures()
        let last = try #require(day.commands.last)
        let recorded = try network.nodes[0].record(last)
        try network.settle()
        try network.nodes[0].record(.reverse(recorded.event.id))
        #expect(try network.nodes[0].figures().since(before).isEmpty)
        try network.settle()
        #expect(try network.nodes[0].figures().since(before).isEmpty)
        let hub = try Figures(network.hub.rows, at: "W", node: network.nodes[0].node)
        #expect(hub.since(before).isEmpty)
        #expect(try Recount(network.hub.rows).faults == [])
    }

    @Test
    func `after a reversal later issues cost what they would have cost without the event`() throws {
        var edge = soloNode()
        try edge.record(.item("P"))
        try edge.record(.receive([line("P", 10, amount: 100_000)]))
        let wrong = try edge.record(.receive([line("P", 10, amount: 900_000)])).event.id
        try edge.record(.scrap([line("P", 5)]))
        #expect(try edge.figures().values["scrap"] == 250_000)
        try edge.record(.reverse(wrong))
        #expect(try edge.figures().values["scrap"] == 50_000)
        #expect(try edge.figures().values["inventory"] == 50_000)
        #expect(try edge.figures().values["grni"] == -100_000)
    }

    @Test
    func `two reversals of one event count once, whoever comes first`() throws {
        for first in [0, 1] {
            var network = try Network(["W", "W"])
            try network.nodes[0].record(.item("P"))
            let scrap = try network.nodes[0].record(.scrap([line("P", 2)])).event.id
            try network.settle()
            try network.nodes[0].record(.reverse(scrap))
            try network.nodes[1].record(.reverse(scrap))
            try network.push(first)
            try network.push(1 - first)
            try network.settle()
            #expect(try network.nodes[0].figures().values["P STOCK sellable"] == nil)
            let verdicts = network.hub.entries.compactMap(\.entry?.ruling.verdict)
            #expect(verdicts.filter { $0 == .duplicate }.count == 1)
        }
    }
}
