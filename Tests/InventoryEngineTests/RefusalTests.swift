import Causality
import InventoryEngine
import TestSupport
import Testing

/// What is refused at entry: the code and the field are stable, and nothing is left behind.
struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var command: InventoryCommand
        var code: String
        var field: String?
        var testDescription: String { "\(command.body.type) \(code) \(field ?? "")" }

        init(_ command: InventoryCommand, _ code: String, _ field: String?) {
            self.command = command
            self.code = code
            self.field = field
        }
    }

    private static func site() throws -> EdgeHarness {
        var edge = soloNode()
        let box = UnitConversion(uom: "CS", numerator: 12, denominator: 1)
        let third = UnitConversion(uom: "THD", numerator: 1, denominator: 3)
        let commands: [InventoryCommand] = [
            .item("P", conversions: [box, third]), .item("Q", scale: 2), .item("OLD"),
            .location("A"),
            InventoryCommand(body: .itemRetired(ItemRetirement(sku: "OLD", baseVersion: 1))),
            .receive([line("P", 10, amount: 100_000)]),
            .placePO("PO-1", [line("P", 5, cost: "2")]), .placePO("PO-2", [line("P", 5)]),
            .closePO("PO-2"),
            .confirm("SO-1", [line("P", 4), line("Q", 3, scale: 0)]),
            .pick("SO-1", [line("P", 2)]),
            .confirm("SO-2", [line("P", 2)]), .dispatch("SO-2", [line("P", 2)]),
            .giveBack("R-1", [line("P", 1)], order: "SO-2"),
            .disposition("R-1", [line("P", 1, disposition: .restock)]),
            .count("C-1", [line("P", 3)]),
            .propose("ADJ-1", [line("P", 1)]), .propose("ADJ-2", [line("P", 1)]),
            .reject("ADJ-2"),
            .transfer(EventBody.transferRequested, "T-1", to: "B", [line("P", 1)]),
            .transfer(EventBody.transferDispatched, "T-2", to: "B", [line("P", 1)]),
        ]
        for command in commands { try edge.record(command) }
        return edge
    }

    private static func inUnit(_ uom: UnitCode, _ quantity: Int64) -> EventLine {
        var entered = line("P", quantity)
        entered.uom = uom
        return entered
    }

    private static let tooLong = String(repeating: "x", count: 1_001)

    static let cases: [Case] = [
        // Unknown SKU, unit, location, document.
        Case(.receive([line("P", 1), line("X", 1)]), "unknown_sku", "lines[1].sku"),
        Case(.confirm("SO-9", [line("X", 1)]), "unknown_sku", "lines[0].sku"),
        Case(.count("C-9", [line("X", 1)]), "unknown_sku", "lines[0].sku"),
        Case(.change("X", version: 1) { _ in }, "unknown_sku", "sku"),
        Case(.grant("X", 1, to: NodeID(high: 5, low: 5)), "unknown_sku", "sku"),
        Case(.receive([inUnit("KG", 1)]), "unknown_unit", "lines[0].uom"),
        Case(.receive([line("P", 1, at: "Z")]), "unknown_location", "lines[0].location"),
        Case(.move([line("P", 1, at: "A", to: "Z")]), "unknown_location", "lines[0].to"),
        Case(.scrap([line("P", 1, at: "Z")]), "unknown_location", "lines[0].location"),
        Case(.pick("SO-1", [line("P", 1, at: "Z")]), "unknown_location", "lines[0].location"),
        Case(
            InventoryCommand(body: .locationChanged(LocationChange(location: "Z"))),
            "unknown_location",
            "location"
        ),
        Case(.cancel("SO-9"), "unknown_order", "order"),
        Case(.amend("SO-9", [line("P", 1, number: 1)]), "unknown_order", "order"),
        Case(.allocate("SO-9", [line("P", 1)]), "unknown_order", "order"),
        Case(.amend("SO-1", [line("P", 1, number: 9)]), "unknown_order_line", "lines[0]"),
        // Another SKU beside the number of a line.
        Case(.amend("SO-1", [line("Q", 5, number: 1)]), "line_differs", "lines[0].sku"),
        Case(
            .cancel("SO-1", [line("P", 1, number: 1), line("P", 1, number: 2)]),
            "line_differs",
            "lines[1].sku"
        ),
        Case(.release("SO-1", [line("Q", 1, number: 1)]), "line_differs", "lines[0].sku"),
        Case(.amend("SO-1", [line("X", 5, number: 1)]), "line_differs", "lines[0].sku"),
        Case(.closePO("PO-9"), "unknown_purchase_order", "purchase_order"),
        Case(.disposition("R-9", [line("P", 1, disposition: .scrap)]), "unknown_return", "return"),
        Case(.approve("ADJ-9"), "unknown_adjustment", "adjustment"),
        Case(.reject("ADJ-9"), "unknown_adjustment", "adjustment"),
        Case(
            .transfer(EventBody.transferCancelled, "T-9", to: "B"),
            "unknown_transfer",
            "transfer"
        ),
        Case(
            .transfer(EventBody.transferSettled, "T-9", reason: "r", [line("P", 1)]),
            "unknown_transfer",
            "transfer"
        ),
        Case(
            .reverse(EventID(node: NodeID(high: 1, low: 1), sequence: 999)),
            "unknown_event",
            "event"
        ),
        Case(.grant("P", 1, to: NodeID(high: 5, low: 5)), "unknown_node", "to"),
        // Quantities.
        Case(.receive([line("P", 0)]), "quantity_not_positive", "lines[0].quantity"),
        Case(.receive([line("P", -1)]), "quantity_not_positive", "lines[0].quantity"),
        Case(.confirm("SO-9", [line("P", 0)]), "quantity_not_positive", "lines[0].quantity"),
        Case(.placePO("PO-9", [line("P", -2)]), "quantity_not_positive", "lines[0].quantity"),
        Case(.move([line("P", 0, to: "A")]), "quantity_not_positive", "lines[0].quantity"),
        Case(.scrap([line("P", -1)]), "quantity_not_positive", "lines[0].quantity"),
        Case(.pick("SO-1", [line("P", 0)]), "quantity_not_positive", "lines[0].quantity"),
        Case(
            .pick("SO-1", [line("P", 1, short: -1)]),
            "quantity_not_positive",
            "lines[0].short"
        ),
        Case(.pack("SO-1", [line("P", 0)]), "quantity_not_positive", "lines[0].quantity"),
        Case(.dispatch("SO-1", [line("P", 0)]), "quantity_not_positive", "lines[0].quantity"),
        Case(.giveBack("R-9", [line("P", 0)]), "quantity_not_positive", "lines[0].quantity"),
        Case(
            .transfer(EventBody.transferRequested, "T-9", to: "B", [line("P", 0)]),
            "quantity_not_positive",
            "lines[0].quantity"
        ),
        Case(.count("C-9", [line("P", -1)]), "quantity_negative", "lines[0].quantity"),
        Case(.propose("ADJ-9", [line("P", 0)]), "quantity_zero", "lines[0].quantity"),
        Case(.receive([line("P", 15, scale: 1)]), "quantity_not_exact", "lines[0].quantity"),
        Case(.receive([line("Q", 1_234, scale: 3)]), "quantity_not_exact", "lines[0].quantity"),
        Case(.receive([inUnit("THD", 1)]), "quantity_not_exact", "lines[0].quantity"),
        Case(
            .receive([line("P", Quantity.magnitudeMax + 1)]),
            "quantity_out_of_range",
            "lines[0].quantity"
        ),
        Case(
            .receive([line("Q", Quantity.magnitudeMax)]),
            "quantity_out_of_range",
            "lines[0].quantity"
        ),
        Case(
            .receive([inUnit("CS", Quantity.magnitudeMax / 6)]),
            "quantity_out_of_range",
            "lines[0].quantity"
        ),
        Case(
            .propose("ADJ-9", [line("P", .min)]),
            "quantity_out_of_range",
            "lines[0].quantity"
        ),
        Case(.receive([]), "lines_missing", "lines"),
        Case(.confirm("SO-9", []), "lines_missing", "lines"),
        // Overflow.
        Case(
            .receive([line("P", Quantity.magnitudeMax, cost: "9223372036854775807")]),
            "overflow",
            nil
        ),
        // What is closed, decided or used.
        Case(.closePO("PO-2"), "purchase_order_closed", "purchase_order"),
        Case(
            .amendPO("PO-2", [line("P", 1, number: 1)]),
            "purchase_order_closed",
            "purchase_order"
        ),
        Case(.placePO("PO-1", [line("P", 1)]), "purchase_order_exists", "purchase_order"),
        Case(.confirm("SO-1", [line("P", 1)]), "order_exists", "order"),
        Case(.giveBack("R-1", [line("P", 1)]), "return_exists", "return"),
        Case(.count("C-1", [line("P", 1)]), "count_exists", "count"),
        Case(.propose("ADJ-1", [line("P", 1)]), "adjustment_exists", "adjustment"),
        Case(
            .transfer(EventBody.transferRequested, "T-1", to: "B", [line("P", 1)]),
            "transfer_exists",
            "transfer"
        ),
        Case(.location("STAGING"), "location_exists", "location"),
        Case(.item("P", standardCost: "9"), "sku_exists", "sku"),
        Case(.approve("ADJ-2"), "already_decided", "adjustment"),
        Case(.reject("ADJ-2"), "already_decided", "adjustment"),
        Case(
            .transfer(EventBody.transferCancelled, "T-2", to: "B"),
            "already_decided",
            "transfer"
        ),
        Case(
            .transfer(EventBody.transferCancelled, "T-1", to: "B", [line("P", 2)]),
            "nothing_to_cancel",
            "lines[0].quantity"
        ),
        Case(
            .transfer(EventBody.transferCancelled, "T-1", to: "B", [line("P", 1), line("Q", 1)]),
            "unknown_transfer_line",
            "lines[1]"
        ),
        Case(
            .transfer(EventBody.transferCancelled, "T-1", to: "B", [line("Q", 1, number: 1)]),
            "line_differs",
            "lines[0].sku"
        ),
        Case(
            .transfer(EventBody.transferCancelled, "T-2", to: "B", [line("P", 1)]),
            "nothing_to_cancel",
            "lines[0].quantity"
        ),
        Case(.amend("SO-2", [line("P", 1, number: 1)]), "amend_too_late", "lines[0].quantity"),
        Case(.cancel("SO-2"), "nothing_to_cancel", "order"),
        Case(
            .cancel("SO-2", [line("P", 1, number: 1)]),
            "nothing_to_cancel",
            "lines[0].quantity"
        ),
        Case(
            .transfer(EventBody.transferDispatched, "T-1", to: "C", [line("P", 1)]),
            "transfer_differs",
            "to_site"
        ),
        Case(.change("P", version: 7) { $0.name = "x" }, "version_stale", "base_version"),
        Case(.confirm("SO-9", [line("OLD", 1)]), "item_retired", "lines[0].sku"),
        Case(.placePO("PO-9", [line("OLD", 1)]), "item_retired", "lines[0].sku"),
        Case(
            .confirm("SO-9", [line("P", 99)], refusesBackorder: true),
            "insufficient_stock",
            "lines[0].quantity"
        ),
        // What looks like a typing error.
        Case(.pick("SO-1", [line("P", 3)]), "over_pick", "lines[0].quantity"),
        Case(.pack("SO-1", [line("P", 3)]), "over_pack", "lines[0].quantity"),
        Case(.dispatch("SO-1", [line("P", 5)]), "over_ship", "lines[0].quantity"),
        Case(.unpick("SO-1", [line("P", 3)]), "over_unpick", "lines[0].quantity"),
        Case(.allocate("SO-1", [line("P", 3)]), "over_allocated", "lines[0].quantity"),
        Case(.pick("SO-9", [line("P", 1)]), "unknown_order", "order"),
        Case(.unpick("SO-9", [line("P", 1)]), "unknown_order", "order"),
        Case(.pack("SO-9", [line("P", 1)]), "unknown_order", "order"),
        Case(.dispatch("SO-9", [line("P", 1)]), "unknown_order", "order"),
        Case(.giveBack("R-9", [line("P", 1)], order: "SO-9"), "unknown_order", "order"),
        Case(.giveBack("R-9", [line("P", 3)], order: "SO-2"), "over_return", "lines[0].quantity"),
        Case(.receive([line("P", 1)], po: "PO-9"), "unknown_purchase_order", "purchase_order"),
        Case(
            .transfer(
                EventBody.transferSettled,
                "T-2",
                reason: "lost",
                [line("P", 2, number: 1)]
            ),
            "over_settled",
            "lines[0].quantity"
        ),
        // What is missing or makes no sense.
        Case(.move([line("P", 1)]), "missing_field", "lines[0].to"),
        Case(.move([line("P", 1, at: "A", to: "A")]), "same_location", "lines[0].to"),
        Case(
            .status([line("P", 1, status: .sellable)]),
            "missing_field",
            "lines[0].to_status"
        ),
        Case(
            .status([line("P", 1, status: .hold, toStatus: .hold)]),
            "same_status",
            "lines[0].to_status"
        ),
        Case(.disposition("R-1", [line("P", 1)]), "missing_field", "lines[0].disposition"),
        Case(
            .disposition("R-1", [line("P", 1, disposition: .scrap)]),
            "already_decided",
            nil
        ),
        Case(.amendPO("PO-1", [line("P", 1)]), "missing_field", "lines[0].line"),
        Case(
            .transfer(EventBody.transferReceived, "T-9", [line("P", 1)]),
            "missing_field",
            "from_site"
        ),
        Case(
            .transfer(EventBody.transferReceived, "T-9", from: "W", [line("P", 1)]),
            "same_site",
            "from_site"
        ),
        Case(
            .transfer(EventBody.transferRequested, "T-9", to: "W", [line("P", 1)]),
            "same_site",
            "to_site"
        ),
        Case(
            .transfer(EventBody.transferSettled, "T-2", [line("P", 1)]),
            "missing_field",
            "reason"
        ),
        Case(.receive([line("P", 1, cost: "1", amount: 1)]), "cost_twice", "lines[0].amount"),
        Case(.confirm("SO-9", [line("P", 1, number: 0)]), "line_number_invalid", "lines[0].line"),
        Case(
            .confirm("SO-9", [line("P", 1, number: 2), line("P", 1, number: 2)]),
            "line_repeated",
            "lines[1].line"
        ),
        Case(.item("NEW", scale: 7), "scale_out_of_range", "scale"),
        Case(.item("NEW", safetyStock: -1), "quantity_negative", "safety_stock"),
        Case(
            .item("NEW", conversions: [UnitConversion(uom: "CS", numerator: 0, denominator: 1)]),
            "conversion_invalid",
            "conversions"
        ),
        Case(
            InventoryCommand(body: .scrapped(StockChange(reason: tooLong, lines: [line("P", 1)]))),
            "text_too_long",
            "reason"
        ),
        Case(
            InventoryCommand(
                body: .scrapped(StockChange(reason: "r", lines: [line("P", 1)])),
                note: tooLong
            ),
            "text_too_long",
            "note"
        ),
        Case(
            InventoryCommand(
                body: .adjustmentApproved(Adjustment(adjustment: "ADJ-1")),
                actor: "ann"
            ),
            "approver_is_proposer",
            "actor"
        ),
        Case(
            InventoryCommand(body: .conflictResolved(Decision(subject: "c-0", choice: "x"))),
            "unknown_conflict",
            nil
        ),
        Case(
            InventoryCommand(body: .exceptionAcknowledged(Decision(subject: "x"))),
            "unknown_exception",
            "exception"
        ),
        Case(
            InventoryCommand(
                body: .costAdjusted(
                    CostAdjustment(
                        cause: EventID(node: NodeID(high: 1, low: 1), sequence: 1),
                        site: "W",
                        sku: "P",
                        items: []
                    )
                )
            ),
            "not_a_command",
            "type"
        ),
        Case(InventoryCommand(body: .unknown(type: "later")), "not_a_command", "type"),
    ]

    @Test
    func `each refusal has its code and field, one sentence, and leaves nothing behind`() throws {
        var edge = try Self.site()
        let before = edge.allRows
        for entry in Self.cases {
            let name = entry.testDescription
            do {
                try edge.record(entry.command)
                Issue.record("\(name) was recorded")
                edge = try Self.site()
            } catch let error as EngineError {
                #expect(error.code.text == entry.code, "\(name): \(error)")
                #expect(error.field == entry.field, "\(name)")
                #expect(error.message.hasSuffix("."), "\(name): \(error.message)")
            }
            #expect(edge.allRows == before, "\(name) left a trace")
        }
    }

    @Test(arguments: [
        InventoryCommand.pick("SO-1", [line("P", 3)]), .pack("SO-1", [line("P", 3)]),
        .dispatch("SO-1", [line("P", 5)]), .pick("SO-9", [line("P", 1)]),
        .pack("SO-9", [line("P", 1)]), .dispatch("SO-9", [line("P", 1)]),
        .giveBack("R-9", [line("P", 1)], order: "SO-9"),
        .giveBack("R-9", [line("P", 3)], order: "SO-2"),
        .receive([line("P", 1)], po: "PO-9"),
    ])
    func `forced, what looks like a typing error is a fact with an exception`(
        command: InventoryCommand
    ) throws {
        var edge = try Self.site()
        #expect(throws: EngineError.self) { try edge.record(command) }
        let recorded = try edge.record(command.with(forced: true))
        #expect(!recorded.outcome.exceptions.isEmpty)
        #expect(try Recount(edge.rows).faults == [])
    }

    @Test
    func `a return for another site's order and an early receipt need no force`() throws {
        var edge = try Self.site()
        try edge.record(.giveBack("R-9", [line("P", 1)], order: "SO-77", orderSite: "B"))
        let early = try edge.record(
            .transfer(EventBody.transferReceived, "T-7", from: "B", [line("P", 1)])
        )
        #expect(early.outcome.exceptions.contains("received_before_dispatch"))
    }

    @Test
    func `once joined, a site that the network does not know is refused`() throws {
        var network = try Network(["A", "B"])
        try network.nodes[0].record(.item("P"))
        for command: InventoryCommand in [
            .transfer(EventBody.transferRequested, "T-1", to: "C", [line("P", 1)]),
            .transfer(EventBody.transferReceived, "T-1", from: "C", [line("P", 1)]),
            .giveBack("R-1", [line("P", 1)], order: "SO-1", orderSite: "C"),
        ] {
            let error = #expect(throws: EngineError.self) {
                try network.nodes[0].record(command)
            }
            #expect(error?.code.text == "unknown_site")
        }
    }

    @Test
    func `nobody grants more than is usable`() throws {
        var network = try Network(["A", "A", "B"])
        try network.nodes[0].record(.item("P", safetyStock: 2))
        try network.nodes[0].record(.receive([line("P", 5, amount: 0)]))
        let other = network.nodes[1].node
        let stranger = #expect(throws: EngineError.self) {
            try network.nodes[0].record(.grant("P", 1, to: NodeID(high: 5, low: 5)))
        }
        #expect(stranger?.code.text == "unknown_node")
        let error = #expect(throws: EngineError.self) {
            try network.nodes[0].record(.grant("P", 4, to: other))
        }
        #expect(error?.code.text == "insufficient_rights")
        try network.nodes[0].record(.grant("P", 3, to: other))
    }

    @Test(arguments: [
        "", String(repeating: "x", count: 65), "a\u{0}b", "a\nb", "\u{85}", "\u{2028}",
    ])
    func `an identifier that is empty, too long or holds control characters is none`(
        text: String
    ) {
        #expect(Identifier<IdentifierTag.SKU>(text) == nil)
    }

    @Test
    func `an identifier of sixty-four characters is one, and bytes decide`() {
        #expect(Identifier<IdentifierTag.SKU>(String(repeating: "é", count: 64)) != nil)
        let composed = Identifier<IdentifierTag.SKU>(String("\u{E9}"))
        let decomposed = Identifier<IdentifierTag.SKU>(String("e\u{301}"))
        #expect(composed != decomposed)
    }
}
