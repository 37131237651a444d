import Causality
import InventoryEngine
import TestSupport
import Testing

/// Goods that go back to their supplier, and goods in other packs.
struct GoodsTests {
    /// 10 for 10.0000 on PO-1, and then 10 for 30.0000 from elsewhere: 2.0000 each on average.
    private func bought() throws -> (edge: EdgeHarness, receipt: EventID) {
        var edge = soloNode()
        try edge.record(.item("P"))
        try edge.record(.placePO("PO-1", [line("P", 10, cost: "1")]))
        let receipt = try edge.record(.receive([line("P", 10)], po: "PO-1")).event.id
        try edge.record(.receive([line("P", 10, amount: 300_000)]))
        return (edge, receipt)
    }

    @Test
    func `row 14: a supplier return gives back the receipt's cost; the rest is price variance`()
        throws
    {
        var (edge, receipt) = try bought()
        let byEvent: [String: Int64] = [
            "P STOCK sellable": -4, "P rights": -4, "P value": -80_000, "inventory": -80_000,
            "grni": 40_000, "purchase_price_variance": 40_000,
            "PO-1/1 sent back": 4, "PO-1/1 sent back value": 40_000,
        ]
        let effect = try edge.effect(of: .sendBack([line("P", 4)], receipt: receipt))
        let noted = [
            "\(receipt.sequence) P sent back": Int64(4),
            "\(receipt.sequence) P sent back value": 40_000,
        ]
        #expect(effect == byEvent.merging(noted) { $1 })
        #expect(try edge.effect(of: .sendBack([line("P", 4)], po: "PO-1")) == byEvent)
    }

    @Test
    func `row 14: without a receipt the last one's cost counts, else the standard cost`() throws {
        var (edge, _) = try bought()
        let effect = try edge.effect(of: .sendBack([line("P", 1)]))
        #expect(effect["grni"] == 30_000)
        #expect(effect["purchase_price_variance"] == -10_000)
        try edge.record(.item("S", standardCost: "5"))
        try edge.record(.propose("ADJ-1", [line("S", 2)]))
        try edge.record(.approve("ADJ-1"))
        let standard = try edge.effect(of: .sendBack([line("S", 1)]))
        #expect(standard["grni"] == 50_000)
        #expect(standard["purchase_price_variance"] == nil)
    }

    @Test
    func `row 14: what goes back in parts gives back exactly what came`() throws {
        var edge = soloNode()
        try edge.record(.item("P"))
        let receipt = try edge.record(.receive([line("P", 3, amount: 100_000)])).event.id
        for _ in 0..<3 { try edge.record(.sendBack([line("P", 1)], receipt: receipt)) }
        let values = try edge.figures().values
        for account in ["grni", "inventory", "purchase_price_variance"] {
            #expect(values[account] == nil, "\(account)")
        }
        #expect(throws: EngineError.self) {
            try edge.record(.sendBack([line("P", 1)], receipt: receipt))
        }
    }

    @Test
    func `row 14: more than arrived, or what never came, is refused unless it is forced`() throws {
        var (edge, receipt) = try bought()
        try edge.record(.item("Q"))
        let scrap = try edge.record(.scrap([line("P", 1)])).event.id
        func refusal(_ command: InventoryCommand) -> String? {
            do {
                try edge.record(command)
                return nil
            } catch { return (error as? EngineError)?.code.text }
        }
        let before = try edge.figures()
        #expect(refusal(.sendBack([line("P", 11)], receipt: receipt)) == "over_return")
        #expect(refusal(.sendBack([line("P", 6), line("P", 5)], po: "PO-1")) == "over_return")
        #expect(refusal(.sendBack([line("Q", 1)], receipt: receipt)) == "not_received")
        #expect(refusal(.sendBack([line("P", 1)], po: "PO-9")) == "unknown_purchase_order")
        #expect(refusal(.sendBack([line("P", 1)], receipt: scrap)) == "unknown_receipt")
        #expect(
            refusal(.sendBack([line("P", 1)], po: "PO-9", receipt: receipt)) == "receipt_differs"
        )
        #expect(try edge.figures() == before)
        let forced = InventoryCommand.sendBack([line("P", 11)], po: "PO-1").with(forced: true)
        #expect(try edge.exceptions(of: forced) == ["over_return"])
        try edge.record(.reverse(receipt))
        #expect(refusal(.sendBack([line("P", 1)], receipt: receipt)) == "already_reversed")
    }

    @Test
    func `row 14: a receipt that comes late changes the variance, never what the supplier owes`()
        throws
    {
        var network = try Network(["W"])
        try network.nodes[0].record(.item("P"))
        let early = startOfTests.adding(microseconds: -1_000_000_000)
        let receipt = try network.nodes[0].record(.receive([line("P", 10, amount: 100_000)]))
            .event.id
        try network.nodes[0].record(.sendBack([line("P", 4)], receipt: receipt))
        try network.settle()
        try network.nodes[0].record(.receive([line("P", 10, amount: 300_000)]).with(at: early))
        try network.settle()
        let values = try network.nodes[0].figures().values
        #expect(values["grni"] == -360_000)
        #expect(values["purchase_price_variance"] == 40_000)
        #expect(values["inventory"] == 320_000)
        #expect(try Recount(network.hub.rows).faults == [])
    }

    private func boxed() throws -> EdgeHarness {
        var edge = soloNode()
        let units = [
            UnitConversion(uom: "BOX", numerator: 12, denominator: 1),
            UnitConversion(uom: "ROLL", numerator: 5, denominator: 2),
        ]
        try edge.record(.item("P", conversions: units))
        try edge.record(.receive([line("P", 24, amount: 240_000)]))
        return edge
    }

    @Test
    func `row 25: repacking moves no base unit and no value`() throws {
        var edge = try boxed()
        for command in [
            InventoryCommand.repack("P", 2, from: "BOX", to: .each),
            .repack("P", 12, from: .each, to: "BOX"),
            .repack("P", 4, from: "ROLL", to: .each),
            .repack("P", 25, scale: 1, from: "BOX", to: "ROLL"),
        ] {
            #expect(try edge.effect(of: command).isEmpty)
        }
        let recorded = try edge.record(.repack("P", 2, from: "BOX", to: "EA"))
        guard case .repacked(let body) = recorded.event.body else {
            Issue.record("Not a repacking.")
            return
        }
        #expect(body.lines.first?.baseQuantity == Quantity(units: 24))
        #expect(
            body.lines.first?.from == UnitConversion(uom: "BOX", numerator: 12, denominator: 1)
        )
        #expect(try edge.effect(of: .reverse(recorded.event.id)).isEmpty)
    }

    @Test
    func `row 25: an inexact repacking is refused`() throws {
        var edge = try boxed()
        for (command, code) in [
            (InventoryCommand.repack("P", 5, from: .each, to: "BOX"), "quantity_not_exact"),
            (.repack("P", 1, from: "ROLL", to: .each), "quantity_not_exact"),
            (.repack("P", 1, from: "BOX", to: "ROLL"), "quantity_not_exact"),
            (.repack("P", 1, from: "BOX", to: "BOX"), "same_unit"),
            (.repack("P", 1, from: "BOX", to: "PAL"), "unknown_unit"),
            (.repack("P", 1, from: "PAL", to: "BOX"), "unknown_unit"),
            (.repack("P", 0, from: "BOX", to: .each), "quantity_not_positive"),
        ] {
            do {
                try edge.record(command)
                Issue.record("\(command) was recorded.")
            } catch let error as EngineError {
                #expect(error.code.text == code)
            }
        }
    }
}
