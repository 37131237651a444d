import Causality
import InventoryEngine
import TestSupport
import Testing

/// Numbers at the edge of what can be represented are refused with a code, never trapped.
struct OverflowTests {
    private static let most = Quantity.magnitudeMax

    @Test
    func `the largest quantity fits, and one more is refused`() throws {
        var edge = soloNode()
        try edge.record(.item("P"))
        try edge.record(.receive([line("P", Self.most, amount: 0)]))
        let before = edge.allRows
        let error = #expect(throws: EngineError.self) {
            try edge.record(.receive([line("P", 1, amount: 0)]))
        }
        #expect(error?.code == .overflow)
        #expect(edge.allRows == before)
        try edge.record(.scrap([line("P", Self.most)]))
        #expect(try Recount(edge.rows).faults == [])
    }

    @Test
    func `the largest amount fits, and one more is refused`() throws {
        var edge = soloNode()
        try edge.record(.item("P"))
        try edge.record(.receive([line("P", 1, amount: Money.magnitudeMax)]))
        for amount in [1, Money.magnitudeMax, Int64.max] {
            let error = #expect(throws: EngineError.self) {
                try edge.record(.receive([line("P", 1, amount: amount)]))
            }
            #expect(error?.code == .overflow)
        }
        try edge.record(.scrap([line("P", 1)]))
    }

    @Test
    func `what overflows at the hub is parked, and changes nothing else`() throws {
        var network = try Network(["W", "W"])
        try network.nodes[0].record(.item("P"))
        try network.settle()
        try network.nodes[0].record(.receive([line("P", Self.most, amount: 0)]))
        try network.nodes[1].record(.receive([line("P", Self.most, amount: 0)]))
        try network.settle()
        let verdicts = network.hub.entries.suffix(2).compactMap(\.entry?.ruling.verdict)
        #expect(verdicts == [.accepted, .parked])
        let parked = try network.hub.rows.typed(ParkedRow.self)
        #expect(parked.map(\.row.code) == ["overflow"])
        #expect(try Recount(network.hub.rows).faults == [])
        #expect(try network.nodes[1].rows.typed(ParkedRow.self).count == 1)
    }

    /// Commands of a random day with extreme numbers put in.
    @Test(arguments: Seeds.forThisRun)
    func `extreme numbers are recorded or refused, never trapped`(seed: UInt64) throws {
        var edge = soloNode(moneyScale: 6)
        try edge.record(.item("P", scale: 6, standardCost: "999999999.999999999"))
        try edge.record(.item("Q"))
        try edge.record(.location("A"))
        try edge.record(.location("B"))
        var day = RandomDay(seed: seed, skus: ["P", "Q"])
        var overflows = 0
        for _ in 0..<200 {
            var command = try day.command(edge)
            command.isForced = true
            Self.exaggerate(&command.body, &day.random)
            let before = edge.allRows
            do {
                try edge.record(command)
                let faults = try Recount(edge.rows).faults
                try #require(faults.isEmpty, "\(faults) \(command.body) SEED=\(seed)")
            } catch let error as EngineError {
                #expect(error.code != .identityBroken, "\(error) \(command.body) SEED=\(seed)")
                #expect(edge.allRows == before, "\(command.body) SEED=\(seed)")
                if error.code == .overflow { overflows += 1 }
            }
        }
        #expect(overflows > 0, "SEED=\(seed)")
    }

    private static func exaggerate(_ body: inout EventBody, _ random: inout SeededGenerator) {
        func number() -> Int64 {
            let base =
                [most, most / 2, 1 << 62, .max, .min, 1_000_000, 7, most - 1]
                .randomElement(using: &random) ?? 1
            return base &- Int64.random(in: 0...2, using: &random)
        }
        func lines(_ lines: [EventLine]) -> [EventLine] {
            lines.map { entered in
                var line = entered
                if Bool.random(using: &random) { line.quantity = Quantity(units: number()) }
                if Bool.random(using: &random) {
                    line.scale = UInt8.random(in: 0...12, using: &random)
                }
                if line.amount != nil { line.amount = Money(units: number()) }
                if line.unitCost != nil {
                    line.unitCost = ExactDecimal(
                        mantissa: number(),
                        scale: UInt8.random(in: 0...255, using: &random)
                    )
                }
                if line.short != nil { line.short = Quantity(units: number()) }
                return line
            }
        }
        switch body {
        case .goodsReceived(var value):
            value.lines = lines(value.lines)
            body = .goodsReceived(value)
        case .orderConfirmed(var value):
            value.lines = lines(value.lines)
            body = .orderConfirmed(value)
        case .orderAmended(var value):
            value.lines = lines(value.lines)
            body = .orderAmended(value)
        case .orderCancelled(var value):
            value.lines = lines(value.lines)
            body = .orderCancelled(value)
        case .pickCompleted(var value):
            value.lines = lines(value.lines)
            body = .pickCompleted(value)
        case .packCompleted(var value):
            value.lines = lines(value.lines)
            body = .packCompleted(value)
        case .shipmentDispatched(var value):
            value.lines = lines(value.lines)
            body = .shipmentDispatched(value)
        case .returnReceived(var value):
            value.lines = lines(value.lines)
            body = .returnReceived(value)
        case .moved(var value):
            value.lines = lines(value.lines)
            body = .moved(value)
        case .supplierReturnDispatched(var value):
            value.lines = lines(value.lines)
            body = .supplierReturnDispatched(value)
        case .scrapped(var value):
            value.lines = lines(value.lines)
            body = .scrapped(value)
        case .countRecorded(var value):
            value.lines = lines(value.lines)
            body = .countRecorded(value)
        case .adjustmentProposed(var value):
            value.lines = lines(value.lines)
            body = .adjustmentProposed(value)
        case .purchaseOrderPlaced(var value):
            value.lines = lines(value.lines)
            body = .purchaseOrderPlaced(value)
        case .purchaseOrderAmended(var value):
            value.lines = lines(value.lines)
            body = .purchaseOrderAmended(value)
        case .itemChanged(var value):
            if value.standardCost != nil {
                value.standardCost = ExactDecimal(mantissa: number(), scale: 255)
            }
            if value.safetyStock != nil {
                value.safetyStock = ExactDecimal(mantissa: number(), scale: 255)
            }
            body = .itemChanged(value)
        default: break
        }
    }
}
