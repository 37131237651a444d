import Causality
import InventoryEngine
import TestSupport
import Testing

/// What moves money alone: landed costs, revaluations, write-downs and changes of costing.
struct CostEventTests {
    private func landed(
        _ amount: Int64,
        _ receipts: [EventID] = [],
        po: DocumentID? = nil,
        by basis: LandedCostBasis = .value
    ) -> InventoryCommand {
        InventoryCommand(
            body: .landedCostAllocated(
                LandedCost(
                    purchaseOrder: po,
                    receipts: receipts,
                    amount: Money(units: amount),
                    basis: basis
                )
            )
        )
    }

    private func revalue(_ worth: Revaluation) -> InventoryCommand {
        InventoryCommand(body: .stockRevalued(worth))
    }

    private func writeDown(_ worth: Revaluation) -> InventoryCommand {
        InventoryCommand(body: .writtenDown(worth))
    }

    private func costing(_ change: CostingChange) -> InventoryCommand {
        InventoryCommand(
            body: change.costing == nil ? .standardCostSet(change) : .costingChanged(change)
        )
    }

    private func value(_ rows: InMemoryRowSource, _ sku: SKU, _ site: SiteCode) throws -> Int64 {
        try rows.typed(StockSummary.self).first { $0.key == StockKey(home: site, sku: sku) }?
            .row.value.units ?? 0
    }

    private func balance(
        _ rows: InMemoryRowSource,
        _ account: Account,
        _ site: SiteCode? = nil
    ) throws -> Int64 {
        try rows.typed(AccountRow.self)
            .filter { $0.key.account == account && $0.key.home == site ?? $0.key.home }
            .reduce(0) { $0 + $1.row.debit.units - $1.row.credit.units }
    }

    private func sound(_ network: Network) throws {
        #expect(try network.hub.rows.identityFaults() == [])
        #expect(try Recount(network.hub.rows).faults == [])
        for node in network.nodes {
            #expect(node.differenceCount == 0)
            #expect(try node.base.source.identityFaults() == [])
        }
    }

    // MARK: Landed cost

    @Test(arguments: [CostingMethod.average, .fifo, .standard])
    func `row 13: a landed cost follows the goods to what is held, sold and sent`(
        method: CostingMethod
    ) throws {
        var network = try Network(["A", "B"], moneyScale: 0)
        try network.nodes[0].record(.item("P", costing: method, standardCost: "10"))
        try network.settle()
        let receipt = try network.nodes[0].record(.receive([line("P", 10, amount: 100)]))
        try network.nodes[0].record(.scrap([line("P", 4)]))
        try network.nodes[0].record(
            .transfer(EventBody.transferDispatched, "T-1", to: "B", [line("P", 3)])
        )
        try network.settle()
        try network.nodes[1].record(
            .transfer(EventBody.transferReceived, "T-1", from: "A", [line("P", 2)])
        )
        try network.settle()
        let cost = try network.nodes[0].record(landed(50, [receipt.event.id]))
        try network.settle()
        let rows = network.hub.rows
        #expect(try balance(rows, .landedCostClearing) == -50)
        if method == .standard {
            #expect(try balance(rows, .purchasePriceVariance) == 50)
            #expect(try value(rows, "P", "A") == 30)
        } else {
            #expect(try value(rows, "P", "A") == 45)
            #expect(try balance(rows, .scrap) == 60)
            #expect(try value(rows, "P", "B") == 30)
            #expect(try balance(rows, .goodsInTransit) == 15)
        }
        try sound(network)

        // It is taken back at its own value.
        try network.nodes[0].record(.reverse(cost.event.id))
        try network.settle()
        #expect(try balance(network.hub.rows, .landedCostClearing) == 0)
        #expect(try value(network.hub.rows, "P", "A") == 30)
        #expect(try value(network.hub.rows, "P", "B") == 20)
        #expect(try balance(network.hub.rows, .scrap) == 40)
        #expect(try balance(network.hub.rows, .purchasePriceVariance) == 0)
        try sound(network)
    }

    @Test func `row 13: it is split over receipts by value or by quantity, to the last unit`()
        throws
    {
        var edge = soloNode(moneyScale: 0)
        for sku in ["P", "Q"] as [SKU] { try edge.record(.item(sku)) }
        try edge.record(
            .placePO(
                "PO-1",
                [line("P", 9, number: 1, cost: "1"), line("Q", 9, number: 2, cost: "5")]
            )
        )
        try edge.record(.receive([line("P", 2, number: 1, cost: "1")], po: "PO-1"))
        try edge.record(
            .receive(
                [line("P", 1, number: 1, cost: "1"), line("Q", 3, number: 2, cost: "5")],
                po: "PO-1"
            )
        )
        func shares(_ command: InventoryCommand) throws -> [Int64] {
            let event = try edge.record(command).event
            guard case .landedCostAllocated(let cost) = event.body else { return [] }
            return cost.shares.map(\.amount.units)
        }
        #expect(try shares(landed(100, po: "PO-1")) == [11, 6, 83])
        #expect(try shares(landed(100, po: "PO-1", by: .quantity)) == [33, 17, 50])
        #expect(try edge.figures().values["P value"] == 3 + 17 + 50)
        // A receipt that is reversed has no part any more, and gives its share back.
        let last = try edge.rows.typed(PurchaseReceiptRow.self).map(\.key.receipt).max()
        try edge.record(.reverse(try #require(last)))
        #expect(try shares(landed(10, po: "PO-1")) == [10])
        #expect(try edge.rows.identityFaults() == [])
    }

    @Test func `shares are floors, and the largest remainders get the rest`() throws {
        let cases: [(amount: Int64, weights: [Int128], shares: [Int64])] = [
            (100, [1, 1, 1], [34, 33, 33]), (-10, [2, 1], [-7, -3]), (1, [0, 5, 5], [0, 1, 0]),
            (7, [0, 0, 1], [0, 0, 7]), (0, [3, 4], [0, 0]),
        ]
        for (amount, weights, shares) in cases {
            #expect(try Money(units: amount).split(by: weights).map(\.units) == shares)
        }
    }

    // MARK: Invoices

    private func invoice(
        _ lines: [EventLine],
        po: DocumentID? = nil,
        of receipt: EventID? = nil
    ) -> InventoryCommand {
        InventoryCommand(
            body: .supplierInvoiceMatched(
                InvoiceMatch(purchaseOrder: po, receipt: receipt, lines: lines)
            )
        )
    }

    @Test(arguments: [CostingMethod.average, .fifo, .standard])
    func `row 12: what an invoice asks beyond the receipt follows the goods`(
        method: CostingMethod
    ) throws {
        var network = try Network(["A"], moneyScale: 0)
        try network.nodes[0].record(.item("P", costing: method, standardCost: "10"))
        try network.settle()
        let receipt = try network.nodes[0].record(.receive([line("P", 10, amount: 100)])).event.id
        try network.nodes[0].record(.scrap([line("P", 4)]))
        let part = try network.nodes[0].record(invoice([line("P", 5, cost: "12")], of: receipt))
        try network.settle()
        var rows = network.hub.rows
        #expect(try balance(rows, .goodsReceivedNotInvoiced) == -50)
        #expect(try balance(rows, .payable) == -60)
        let isStandard = method == .standard
        #expect(try balance(rows, .purchasePriceVariance) == (isStandard ? 10 : 0))
        #expect(try value(rows, "P", "A") == (isStandard ? 60 : 66))
        #expect(try balance(rows, .scrap) == (isStandard ? 40 : 44))
        try network.nodes[0].record(invoice([line("P", 5, amount: 45)], of: receipt))
        try network.settle()
        rows = network.hub.rows
        #expect(try balance(rows, .goodsReceivedNotInvoiced) == 0)
        #expect(try balance(rows, .payable) == -105)
        #expect(try value(rows, "P", "A") == (isStandard ? 60 : 63))
        try sound(network)
        let refusal = #expect(throws: EngineError.self) {
            try network.nodes[0].record(invoice([line("P", 1, cost: "1")], of: receipt))
        }
        #expect(refusal?.code.text == "over_invoiced")

        // One is taken back at its own value, then the receipt: what is owed is owed for nothing.
        try network.nodes[0].record(.reverse(part.event.id))
        try network.settle()
        #expect(try balance(network.hub.rows, .goodsReceivedNotInvoiced) == -50)
        #expect(try balance(network.hub.rows, .payable) == -45)
        try network.nodes[0].record(.reverse(receipt))
        try network.settle()
        #expect(try balance(network.hub.rows, .goodsReceivedNotInvoiced) == 45)
        try sound(network)
    }

    @Test func `row 12: an invoice for a purchase order takes the oldest receipts first`() throws {
        var edge = soloNode(moneyScale: 0)
        try edge.record(.item("P"))
        try edge.record(.placePO("PO-1", [line("P", 20, number: 1, cost: "10")]))
        try edge.record(.receive([line("P", 4, number: 1, cost: "10")], po: "PO-1"))
        try edge.record(.receive([line("P", 6, number: 1, cost: "11")], po: "PO-1"))
        let event = try edge.record(invoice([line("P", 7, number: 1, cost: "12")], po: "PO-1"))
            .event
        guard case .supplierInvoiceMatched(let match) = event.body else {
            Issue.record("\(event.body)")
            return
        }
        #expect(match.shares.map(\.quantity.units) == [4, 3])
        #expect(match.shares.map(\.amount.units) == [48, 36])
        #expect(match.shares.map(\.expected.units) == [40, 33])
        #expect(try edge.figures().values["P value"] == 106 + 11)
        #expect(try edge.rows.identityFaults() == [])
    }

    /// Odoo #187169: the invoice came after the goods had left, and made the stock's value negative.
    @Test(arguments: [CostingMethod.average, .fifo])
    func `an invoice after the delivery never drives the value below nothing`(
        method: CostingMethod
    ) throws {
        var network = try Network(["A"], moneyScale: 0)
        try network.nodes[0].record(.item("P", costing: method))
        try network.settle()
        let receipt = try network.nodes[0].record(.receive([line("P", 10, amount: 100)])).event.id
        try network.nodes[0].record(.confirm("SO-1", [line("P", 9)]))
        try network.nodes[0].record(.dispatch("SO-1", [line("P", 9)]).with(forced: true))
        try network.nodes[0].record(invoice([line("P", 10, amount: 20)], of: receipt))
        try network.settle()
        #expect(try value(network.hub.rows, "P", "A") == 2)
        #expect(try balance(network.hub.rows, .costOfGoodsSold) == 18)
        try sound(network)
    }

    @Test func `pair 21: of two invoices for the same goods the first stands`() throws {
        var network = try Network(["A", "A"], moneyScale: 0)
        try network.nodes[0].record(.item("P"))
        try network.settle()
        let receipt = try network.nodes[0].record(.receive([line("P", 10, amount: 100)])).event.id
        try network.settle()
        for index in 0...1 {
            try network.nodes[index].record(invoice([line("P", 8, amount: 96)], of: receipt))
        }
        try network.settle()
        #expect(try balance(network.hub.rows, .payable) == -96)
        #expect(try balance(network.hub.rows, .goodsReceivedNotInvoiced) == -20)
        let verdicts = network.hub.entries.suffix(2).compactMap(\.entry?.ruling)
        #expect(verdicts.map(\.verdict) == [.accepted, .rejected])
        #expect(verdicts.last?.reason?.code == "already_decided")
        try sound(network)
    }

    // MARK: Worth

    @Test(arguments: [CostingMethod.average, .fifo])
    func `row 28: stock is revalued and written down, and a write-down taken back to cost`(
        method: CostingMethod
    ) throws {
        var edge = soloNode(moneyScale: 0)
        try edge.record(.item("P", costing: method))
        try edge.record(.receive([line("P", 4, amount: 40)]))
        try edge.record(.receive([line("P", 6, amount: 120)]))
        let up = try edge.effect(of: revalue(Revaluation(sku: "P", amount: Money(units: 10))))
        #expect(up["inventory"] == 10)
        #expect(up["revaluation"] == -10)
        let down = try edge.effect(of: writeDown(Revaluation(sku: "P", unitCost: decimal("12"))))
        #expect(down["inventory"] == -50)
        #expect(down["write_down"] == 50)
        // Half of it leaves, and half of what could be taken back with it.
        try edge.record(.scrap([line("P", 5)]))
        let before = try edge.figures().values["P value"] ?? 0
        let refusal = #expect(throws: EngineError.self) {
            try edge.record(writeDown(Revaluation(sku: "P", amount: Money(units: -26))))
        }
        #expect(refusal?.code.text == "above_cost")
        let back = try edge.effect(of: writeDown(Revaluation(sku: "P", amount: Money(units: -25))))
        #expect(back["write_down"] == -25)
        #expect(try edge.figures().values["P value"] == before + 25)
        #expect(try edge.rows.identityFaults() == [])
    }

    @Test func `row 28: a new standard cost revalues the stock of every site`() throws {
        var network = try Network(["A", "B"], moneyScale: 0)
        try network.nodes[0].record(.item("P", costing: .standard, standardCost: "10"))
        try network.settle()
        try network.nodes[0].record(.receive([line("P", 3, amount: 50)]))
        try network.nodes[1].record(.receive([line("P", 5)]))
        try network.settle()
        #expect(try balance(network.hub.rows, .purchasePriceVariance) == 20)
        try network.nodes[1].record(
            costing(CostingChange(sku: "P", standardCost: decimal("12")))
        )
        try network.settle()
        for (index, site) in (["A", "B"] as [SiteCode]).enumerated() {
            let rows = network.nodes[index].rows
            #expect(try value(rows, "P", site) == [36, 60][index])
            #expect(try balance(rows, .revaluation, site) == [-6, -10][index])
        }
        #expect(try balance(network.hub.rows, .revaluation) == -16)
        try sound(network)
    }

    @Test(arguments: CostingMethod.allCases, CostingMethod.allCases)
    func `a change of method leaves what the stock is worth`(
        from: CostingMethod,
        to: CostingMethod
    ) throws {
        guard from != to else { return }
        var network = try Network(["A", "B"], moneyScale: 0)
        try network.nodes[0].record(.item("P", costing: from, standardCost: "9"))
        try network.settle()
        try network.nodes[0].record(.receive([line("P", 10, amount: 100)]))
        try network.nodes[0].record(.receive([line("P", 10, amount: 200)]))
        try network.nodes[0].record(.scrap([line("P", 1)]))
        try network.nodes[1].record(.receive([line("P", 7, amount: 70)]))
        try network.settle()
        let before = try (value(network.hub.rows, "P", "A"), value(network.hub.rows, "P", "B"))
        try network.nodes[1].record(costing(CostingChange(sku: "P", costing: to)))
        try network.settle()
        #expect(try value(network.hub.rows, "P", "A") == before.0)
        #expect(try value(network.nodes[0].rows, "P", "A") == before.0)
        #expect(try value(network.hub.rows, "P", "B") == before.1)
        // From here on the new method counts.
        try network.nodes[0].record(.receive([line("P", 1, amount: 1_000)]))
        try network.nodes[0].record(.scrap([line("P", 19)]))
        try network.settle()
        let left: Int64 =
            to == .fifo ? 1_000 : (to == .standard ? (before.0 + 9) : before.0 + 1_000)
        let expected = to == .fifo ? left : left - Int64((Double(left) * 19 / 20).rounded())
        #expect(try value(network.hub.rows, "P", "A") == expected)
        try sound(network)
    }

    // MARK: Refusals

    @Test func `what cannot be is refused with its code`() throws {
        var edge = soloNode()
        try edge.record(.item("P"))
        try edge.record(.item("S", costing: .standard, standardCost: "2"))
        let receipt = try edge.record(.receive([line("P", 5, amount: 50)])).event.id
        let scrap = try edge.record(.scrap([line("P", 1)])).event.id
        let cases: [(InventoryCommand, String)] = [
            (invoice([line("P", 1, cost: "1")]), "missing_field"),
            (invoice([line("P", 1)], of: receipt), "missing_field"),
            (invoice([line("P", 6, cost: "1")], of: receipt), "over_invoiced"),
            (invoice([line("S", 1, cost: "1")], of: receipt), "over_invoiced"),
            (invoice([line("P", 1, cost: "1")], of: scrap), "not_received"),
            (landed(0, [receipt]), "amount_not_positive"),
            (landed(5), "missing_field"),
            (landed(5, [receipt], po: "PO-1"), "missing_field"),
            (landed(5, [receipt, receipt]), "receipt_repeated"),
            (landed(5, [scrap]), "not_received"),
            (landed(5, po: "PO-1"), "nothing_received"),
            (revalue(Revaluation(sku: "P")), "missing_field"),
            (
                revalue(Revaluation(sku: "P", unitCost: decimal("1"), amount: .zero)),
                "cost_twice"
            ),
            (revalue(Revaluation(sku: "P", amount: Money(units: -41))), "value_negative"),
            (revalue(Revaluation(sku: "S", amount: .zero)), "valued_at_standard"),
            (writeDown(Revaluation(sku: "S", amount: .zero)), "nothing_on_hand"),
            (writeDown(Revaluation(sku: "P", unitCost: decimal("100"))), "above_cost"),
            (revalue(Revaluation(sku: "X", amount: .zero)), "unknown_sku"),
            (costing(CostingChange(sku: "P", costing: .average)), "already_so"),
            (costing(CostingChange(sku: "P")), "missing_field"),
            (.item("T", costing: .standard), "standard_cost_missing"),
        ]
        for (command, code) in cases {
            let error = #expect(throws: EngineError.self, "\(command.body)") {
                try edge.record(command)
            }
            #expect(error?.code.text == code, "\(command.body)")
        }
    }
}
