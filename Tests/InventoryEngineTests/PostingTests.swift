import Causality
import InventoryEngine
import TestSupport
import Testing

/// The posting table, row by row: the exact effect of each event on every layer.
///
/// Effects are in base units, and in units of money at scale 4.
struct PostingTests {
    /// A node with ten of P for 10.0000 in STOCK.
    private func stocked() throws -> EdgeHarness {
        var edge = soloNode()
        try edge.record(.item("P"))
        try edge.record(.location("A"))
        try edge.record(.receive([line("P", 10, amount: 100_000)]))
        return edge
    }

    /// … and an order for some of them.
    private func ordered(_ quantity: Int64 = 6) throws -> EdgeHarness {
        var edge = try stocked()
        try edge.record(.confirm("SO-1", [line("P", quantity)]))
        return edge
    }

    // MARK: Promises

    @Test
    func `row 1: a confirmation reserves what is free and backorders the rest`() throws {
        var edge = try stocked()
        let first = try edge.effect(of: .confirm("SO-1", [line("P", 4)]))
        #expect(first == ["SO-1/1 ordered": 4, "SO-1/1 reserved": 4, "P rights": -4])
        let second = try edge.effect(of: .confirm("SO-2", [line("P", 8)]))
        #expect(
            second == [
                "SO-2/1 ordered": 8, "SO-2/1 reserved": 6, "SO-2/1 backordered": 2,
                "P rights": -6,
            ]
        )
    }

    @Test
    func `a promise is final only when all of it is covered`() throws {
        var edge = try stocked()
        #expect(try edge.record(.confirm("SO-1", [line("P", 10)])).outcome.isFinal == true)
        #expect(try edge.record(.confirm("SO-2", [line("P", 1)])).outcome.isFinal == false)
    }

    @Test
    func `several lines of one item are checked on the sum`() throws {
        var edge = try stocked()
        let effect = try edge.effect(of: .confirm("SO-1", [line("P", 7), line("P", 7)]))
        #expect(
            effect == [
                "SO-1/1 ordered": 7, "SO-1/1 reserved": 7,
                "SO-1/2 ordered": 7, "SO-1/2 reserved": 3, "SO-1/2 backordered": 4,
                "P rights": -10,
            ]
        )
    }

    @Test
    func `safety stock is not promised`() throws {
        var edge = soloNode()
        try edge.record(.item("P", safetyStock: 3))
        try edge.record(.receive([line("P", 10, amount: 0)]))
        let effect = try edge.effect(of: .confirm("SO-1", [line("P", 10)]))
        #expect(effect["SO-1/1 reserved"] == 7)
        #expect(effect["SO-1/1 backordered"] == 3)
    }

    @Test
    func `row 1c: backorders are promised oldest first when stock arrives`() throws {
        var edge = try ordered(12)
        try edge.record(.confirm("SO-2", [line("P", 3)]))
        try edge.record(.confirm("SO-3", [line("P", 1)], priority: 5))
        let effect = try edge.effect(of: .receive([line("P", 4, amount: 0)]))
        #expect(
            effect == [
                "P STOCK sellable": 4,
                "SO-3/1 reserved": 1, "SO-3/1 backordered": -1,
                "SO-1/1 reserved": 2, "SO-1/1 backordered": -2,
                "SO-2/1 reserved": 1, "SO-2/1 backordered": -1,
            ]
        )
    }

    @Test
    func `row 2: a cancellation frees what is open, and only that`() throws {
        var edge = try ordered(13)
        try edge.record(.allocate("SO-1", [line("P", 4)]))
        try edge.record(.pick("SO-1", [line("P", 1)]))
        let effect = try edge.effect(of: .cancel("SO-1"))
        #expect(
            effect == [
                "SO-1/1 reserved": -6, "SO-1/1 allocated": -3, "SO-1/1 backordered": -3,
                "SO-1/1 cancelled": 12, "SO-1/1 at STOCK": -3, "P rights": 9,
            ]
        )
    }

    @Test
    func `row 2: a release is a cancellation in part`() throws {
        var edge = try ordered(6)
        let effect = try edge.effect(of: .release("SO-1", [line("P", 2, number: 1)]))
        #expect(effect == ["SO-1/1 reserved": -2, "SO-1/1 cancelled": 2, "P rights": 2])
    }

    @Test
    func `row 2: what is cancelled after its pick is remembered, and stays picked`() throws {
        var edge = try ordered(6)
        try edge.record(.pick("SO-1", [line("P", 5)]))
        let effect = try edge.effect(of: .cancel("SO-1", [line("P", 3, number: 1)]))
        #expect(
            effect == [
                "SO-1/1 reserved": -1, "SO-1/1 cancelled": 1, "SO-1/1 to put back": 2,
                "P rights": 1, "task put_back SO-1/1 P": 2,
            ]
        )
    }

    @Test
    func `row 2b: an amendment up promises more, one down gives back`() throws {
        var edge = try ordered(6)
        let up = try edge.effect(of: .amend("SO-1", [line("P", 12, number: 1)]))
        #expect(
            up == [
                "SO-1/1 ordered": 6, "SO-1/1 reserved": 4, "SO-1/1 backordered": 2,
                "P rights": -4,
            ]
        )
        try edge.record(.allocate("SO-1", [line("P", 5)]))
        let down = try edge.effect(of: .amend("SO-1", [line("P", 3, number: 1)]))
        #expect(
            down == [
                "SO-1/1 ordered": -9, "SO-1/1 backordered": -2, "SO-1/1 reserved": -5,
                "SO-1/1 allocated": -2, "SO-1/1 at STOCK": -2, "P rights": 7,
            ]
        )
    }

    @Test
    func `row 2b: an amendment below what is picked leaves surplus`() throws {
        var edge = try ordered(6)
        try edge.record(.pick("SO-1"))
        let effect = try edge.effect(of: .amend("SO-1", [line("P", 4, number: 1)]))
        #expect(
            effect == [
                "SO-1/1 ordered": -2, "SO-1/1 picked": -2, "SO-1 P surplus picked": 2,
                "task unpick SO-1 P": 2,
            ]
        )
    }

    @Test
    func `row 2b: an amendment up claims what was done beyond what the order asked for`() throws {
        var edge = try ordered(6)
        try edge.record(.pick("SO-1", [line("P", 8, number: 1)]).with(forced: true))
        let effect = try edge.effect(of: .amend("SO-1", [line("P", 7, number: 1)]))
        #expect(
            effect == [
                "SO-1/1 ordered": 1, "SO-1/1 picked": 1, "SO-1 P surplus picked": -1,
                "task unpick SO-1 P": -1,
            ]
        )
    }

    @Test
    func `row 3: an allocation names what is reserved`() throws {
        var edge = try ordered(6)
        try edge.record(.move([line("P", 3, at: "STOCK", to: "A")]))
        let effect = try edge.effect(of: .allocate("SO-1", [line("P", 2, at: "A")]))
        #expect(effect == ["SO-1/1 reserved": -2, "SO-1/1 allocated": 2, "SO-1/1 at A": 2])
        let refused = #expect(throws: EngineError.self) {
            try edge.record(.allocate("SO-1", [line("P", 2, at: "A")]))
        }
        #expect(refused?.code.text == "insufficient_in_place")
        // What names no place is set aside where something is free.
        let rest = try edge.effect(of: .allocate("SO-1", []))
        #expect(
            rest == [
                "SO-1/1 reserved": -4, "SO-1/1 allocated": 4, "SO-1/1 at A": 1,
                "SO-1/1 at STOCK": 3,
            ]
        )
    }

    // MARK: Pick, pack, ship

    @Test
    func `row 4: a pick takes from allocated, then reserved, then backordered`() throws {
        var edge = try ordered(12)
        try edge.record(.allocate("SO-1", [line("P", 3)]))
        let moved: [String: Int64] = ["P STOCK sellable": -4, "P STAGING sellable": 4]
        let first = try edge.effect(of: .pick("SO-1", [line("P", 4)]))
        let own: [String: Int64] = [
            "SO-1/1 allocated": -3, "SO-1/1 reserved": -1, "SO-1/1 picked": 4,
            "SO-1/1 at STOCK": -3,
        ]
        #expect(first == moved.merging(own) { $1 })
        let recorded = try edge.record(.pick("SO-1", [line("P", 8)]))
        #expect(Set(recorded.outcome.exceptions) == ["negative_stock", "promise_shortage"])
        let after = try edge.figures().values
        #expect(after["P STOCK sellable"] == -2)
        #expect(after["P STAGING sellable"] == 12)
        #expect(after["SO-1/1 picked"] == 12)
        #expect(after["P rights"] == -2)
    }

    @Test
    func `row 4: a pick of what is cancelled is to be put back`() throws {
        var edge = try ordered(4)
        try edge.record(.cancel("SO-1"))
        let before = try edge.figures()
        let recorded = try edge.record(
            .pick("SO-1", [line("P", 3, number: 1)]).with(forced: true)
        )
        #expect(recorded.outcome.exceptions == ["picked_after_cancel"])
        #expect(
            try edge.figures().since(before) == [
                "P STOCK sellable": -3, "P STAGING sellable": 3,
                "SO-1/1 cancelled": -3, "SO-1/1 picked": 3, "SO-1/1 to put back": 3,
                "P rights": -3, "task put_back SO-1/1 P": 3,
            ]
        )
    }

    @Test
    func `row 4: what is picked beyond the order is surplus, outside the line`() throws {
        var edge = try ordered(6)
        let before = try edge.figures()
        let recorded = try edge.record(.pick("SO-1", [line("P", 8)]).with(forced: true))
        #expect(recorded.outcome.exceptions == ["over_pick"])
        #expect(
            try edge.figures().since(before) == [
                "P STOCK sellable": -8, "P STAGING sellable": 8,
                "SO-1/1 reserved": -6, "SO-1/1 picked": 6, "SO-1 P surplus picked": 2,
                "task unpick SO-1 P": 2, "P rights": -2,
            ]
        )
    }

    @Test
    func `row 5: a short pick frees what was allocated, and asks for a count`() throws {
        var edge = try ordered(6)
        try edge.record(.move([line("P", 5, at: "STOCK", to: "A")]))
        try edge.record(.allocate("SO-1", [line("P", 5, at: "A")]))
        let part = try edge.effect(of: .pick("SO-1", [line("P", 2, at: "A", short: 2)]))
        #expect(
            part == [
                "P A sellable": -2, "P STAGING sellable": 2,
                "SO-1/1 allocated": -4, "SO-1/1 reserved": 2, "SO-1/1 picked": 2,
                "SO-1/1 at A": -4, "task recount A P": 2,
            ]
        )
        let none = try edge.effect(of: .pick("SO-1", [line("P", 0, at: "A", short: 1)]))
        #expect(
            none == [
                "SO-1/1 allocated": -1, "SO-1/1 reserved": 1, "SO-1/1 at A": -1,
                "task recount A P": 1,
            ]
        )
        // Where something was not found nobody is sent any more, until it is counted.
        try edge.record(.allocate("SO-1", []))
        #expect(try edge.figures().values["SO-1/1 at A"] == nil)
        #expect(try edge.figures().values["SO-1/1 at STOCK"] == 4)
    }

    @Test
    func `row 6: an unpick takes from surplus, then what is to be put back, then picked`() throws {
        var edge = try ordered(6)
        try edge.record(.pick("SO-1", [line("P", 7)]).with(forced: true))
        try edge.record(.cancel("SO-1", [line("P", 2, number: 1)]))
        func back(_ quantity: Int64) throws -> [String: Int64] {
            try edge.effect(of: .unpick("SO-1", [line("P", quantity, at: "A")]))
        }
        #expect(
            try back(1) == [
                "P STAGING sellable": -1, "P A sellable": 1, "SO-1 P surplus picked": -1,
                "task unpick SO-1 P": -1, "P rights": 1,
            ]
        )
        #expect(
            try back(3) == [
                "P STAGING sellable": -3, "P A sellable": 3,
                "SO-1/1 to put back": -2, "SO-1/1 cancelled": 2, "SO-1/1 picked": -3,
                "SO-1/1 reserved": 1, "P rights": 2, "task put_back SO-1/1 P": -2,
            ]
        )
    }

    @Test
    func `row 7: packing takes part by part`() throws {
        var edge = try ordered(6)
        try edge.record(.pick("SO-1", [line("P", 5)]))
        #expect(
            try edge.effect(of: .pack("SO-1", [line("P", 2)]))
                == ["SO-1/1 picked": -2, "SO-1/1 packed": 2]
        )
        #expect(
            try edge.effect(of: .pack("SO-1")) == ["SO-1/1 picked": -3, "SO-1/1 packed": 3]
        )
    }

    @Test
    func `row 8: a dispatch takes units and their cost out`() throws {
        var edge = try ordered(6)
        try edge.record(.pick("SO-1"))
        try edge.record(.pack("SO-1", [line("P", 4)]))
        let effect = try edge.effect(of: .dispatch("SO-1", [line("P", 3)]))
        #expect(
            effect == [
                "P STAGING sellable": -3, "SO-1/1 packed": -3, "SO-1/1 shipped": 3,
                "SO-1/1 shipped value": 30_000, "P value": -30_000, "inventory": -30_000,
                "cogs": 30_000,
            ]
        )
    }

    @Test
    func `row 8: surplus may be packed and shipped, outside the line`() throws {
        var edge = try ordered(6)
        try edge.record(.pick("SO-1", [line("P", 7)]).with(forced: true))
        let packed = try edge.effect(of: .pack("SO-1", [line("P", 7)]).with(forced: true))
        #expect(
            packed == [
                "SO-1/1 picked": -6, "SO-1/1 packed": 6,
                "SO-1 P surplus picked": -1, "SO-1 P surplus packed": 1,
                "task unpick SO-1 P": -1,
            ]
        )
        let shipped = try edge.effect(of: .dispatch("SO-1", [line("P", 7)]).with(forced: true))
        #expect(
            shipped == [
                "P STAGING sellable": -7, "SO-1/1 packed": -6, "SO-1/1 shipped": 6,
                "SO-1/1 shipped value": 60_000, "SO-1 P surplus packed": -1,
                "SO-1 P shipped beyond": 1, "SO-1 P value beyond": 10_000,
                "P value": -70_000, "inventory": -70_000, "cogs": 70_000,
            ]
        )
    }

    @Test
    func `skipped steps are posted in the same event, each with an exception`() throws {
        var edge = try ordered(6)
        let before = try edge.figures()
        let packed = try edge.record(.pack("SO-1", [line("P", 2)]).with(forced: true))
        #expect(packed.outcome.exceptions == ["pick_skipped"])
        #expect(
            try edge.figures().since(before) == [
                "P STOCK sellable": -2, "P STAGING sellable": 2,
                "SO-1/1 reserved": -2, "SO-1/1 packed": 2,
            ]
        )
        let middle = try edge.figures()
        let shipped = try edge.record(.dispatch("SO-1", [line("P", 3)]))
        #expect(Set(shipped.outcome.exceptions) == ["pick_skipped", "pack_skipped"])
        #expect(
            try edge.figures().since(middle) == [
                "P STOCK sellable": -1, "P STAGING sellable": -2,
                "SO-1/1 reserved": -1, "SO-1/1 packed": -2, "SO-1/1 shipped": 3,
                "SO-1/1 shipped value": 30_000, "P value": -30_000, "inventory": -30_000,
                "cogs": 30_000,
            ]
        )
    }

    @Test
    func `what is to be put back does not keep the rest from leaving`() throws {
        var edge = try ordered(5)
        try edge.record(.pick("SO-1"))
        try edge.record(.pack("SO-1"))
        try edge.record(.cancel("SO-1", [line("P", 2, number: 1)]))
        let rest = try edge.record(.dispatch("SO-1", [line("P", 3)]))
        #expect(rest.outcome.exceptions.isEmpty)
        #expect(try edge.figures().values["SO-1/1 to put back"] == 2)
        let late = try edge.record(.dispatch("SO-1", [line("P", 1)]))
        #expect(late.outcome.exceptions == ["dispatched_after_cancel"])
        #expect(try edge.figures().values["SO-1/1 to put back"] == 1)
    }

    @Test
    func `facts on an order that is not known yet become its line's when it arrives`() throws {
        var edge = try stocked()
        let picked = try edge.record(.pick("SO-9", [line("P", 3)]).with(forced: true))
        #expect(picked.outcome.exceptions.contains("unknown_order"))
        try edge.record(.pack("SO-9", [line("P", 2)]).with(forced: true))
        try edge.record(.dispatch("SO-9", [line("P", 1)]).with(forced: true))
        let effect = try edge.effect(of: .confirm("SO-9", [line("P", 5)]))
        #expect(
            effect == [
                "SO-9/1 ordered": 5, "SO-9/1 reserved": 2, "SO-9/1 picked": 1,
                "SO-9/1 packed": 1, "SO-9/1 shipped": 1, "SO-9/1 shipped value": 10_000,
                "SO-9 P surplus picked": -1, "SO-9 P surplus packed": -1,
                "SO-9 P shipped beyond": -1, "SO-9 P value beyond": -10_000,
                "P rights": -2,
            ]
        )
    }

    // MARK: Supply

    @Test
    func `row 9: a purchase order is on order until it is closed`() throws {
        var edge = try stocked()
        #expect(
            try edge.effect(of: .placePO("PO-1", [line("P", 5, cost: "2")]))
                == ["PO-1/1 on order": 5]
        )
        #expect(
            try edge.effect(of: .amendPO("PO-1", [line("P", 8, number: 1)]))
                == ["PO-1/1 on order": 3]
        )
        #expect(try edge.effect(of: .closePO("PO-1")) == ["PO-1/1 on order": -8])
    }

    @Test
    func `row 10: a receipt fills stock, rights, the order and the books`() throws {
        var edge = try stocked()
        try edge.record(.placePO("PO-1", [line("P", 5, cost: "2")]))
        let part = try edge.effect(of: .receive([line("P", 3, at: "A")], po: "PO-1"))
        #expect(
            part == [
                "P A sellable": 3, "P rights": 3, "PO-1/1 on order": -3, "PO-1/1 received": 3,
                "P value": 60_000, "inventory": 60_000, "grni": -60_000,
            ]
        )
        let held = try edge.effect(of: .receive([line("P", 1, status: .hold, cost: "2")]))
        #expect(
            held == [
                "P STOCK hold": 1, "P value": 20_000, "inventory": 20_000, "grni": -20_000,
            ]
        )
        let over = try edge.record(.receive([line("P", 4)], po: "PO-1"))
        #expect(over.outcome.exceptions == ["over_delivery"])
        #expect(try edge.figures().values["PO-1/1 on order"] == nil)
    }

    @Test
    func `row 11: a move changes the place only`() throws {
        var edge = try stocked()
        #expect(
            try edge.effect(of: .move([line("P", 4, at: "STOCK", to: "A")]))
                == ["P STOCK sellable": -4, "P A sellable": 4]
        )
    }

    // MARK: Transfers

    private func twoSites() throws -> Network {
        var network = try Network(["A", "B"])
        try network.nodes[0].record(.item("P"))
        try network.nodes[0].record(.receive([line("P", 10, amount: 100_000)]))
        try network.settle()
        return network
    }

    @Test
    func `row 15: a part of a transfer is cancelled by its lines, and the rest is sent`() throws {
        var network = try twoSites()
        try network.nodes[0].record(
            .transfer(EventBody.transferRequested, "T-1", to: "B", [line("P", 4)])
        )
        let cancelled = try network.nodes[0].effect(
            of: .transfer(EventBody.transferCancelled, "T-1", [line("P", 3)])
        )
        #expect(cancelled == ["T-1/1 cancelled": 3])
        let sent = try network.nodes[0].effect(of: .transfer(EventBody.transferDispatched, "T-1"))
        #expect(sent["T-1/1 dispatched"] == 1)
        let late = try network.nodes[0].exceptions(
            of: .transfer(EventBody.transferDispatched, "T-1", [line("P", 1)])
        )
        #expect(late == ["dispatched_after_cancel"])
        #expect(throws: EngineError.self) {
            try network.nodes[0].record(
                .transfer(EventBody.transferCancelled, "T-1", [line("P", 1)])
            )
        }
        try network.settle()
        #expect(try Recount(network.hub.rows).faults == [])
    }

    @Test
    func `rows 15 to 17: goods and their value travel, and what is short is settled`() throws {
        var network = try twoSites()
        try network.nodes[0].record(
            .transfer(EventBody.transferRequested, "T-1", to: "B", [line("P", 4)])
        )
        let sent = try network.nodes[0].effect(of: .transfer(EventBody.transferDispatched, "T-1"))
        #expect(
            sent == [
                "P STOCK sellable": -4, "P rights": -4, "P value": -40_000,
                "T-1/1 dispatched": 4, "T-1/1 in transit": 4, "T-1/1 transit value": 40_000,
                "inventory": -40_000, "goods_in_transit": 40_000,
            ]
        )
        try network.settle()
        let before = try network.nodes[0].figures()
        let arrived = try network.nodes[1].effect(
            of: .transfer(EventBody.transferReceived, "T-1", from: "A", [line("P", 3)])
        )
        #expect(
            arrived == [
                "P STOCK sellable": 3, "P rights": 3, "P value": 30_000,
                "T-1/1 received": 3, "T-1/1 in transit": -3, "T-1/1 transit value": -30_000,
                "inventory": 30_000,
            ]
        )
        try network.settle()
        #expect(
            try network.nodes[0].figures().since(before) == [
                "T-1/1 received": 3, "T-1/1 in transit": -3, "T-1/1 transit value": -30_000,
                "goods_in_transit": -30_000,
            ]
        )
        let lost = try network.nodes[0].effect(
            of: .transfer(
                EventBody.transferSettled,
                "T-1",
                reason: "lost",
                [line("P", 1, number: 1)]
            )
        )
        #expect(
            lost == [
                "T-1/1 settled": 1, "T-1/1 in transit": -1, "T-1/1 transit value": -10_000,
                "goods_in_transit": -10_000, "transit_loss": 10_000,
            ]
        )
    }

    @Test
    func `row 17: what came over is a gain of the source`() throws {
        var network = try twoSites()
        try network.nodes[0].record(
            .transfer(EventBody.transferDispatched, "T-1", to: "B", [line("P", 4)])
        )
        try network.settle()
        try network.nodes[1].record(
            .transfer(EventBody.transferReceived, "T-1", from: "A", [line("P", 5)])
        )
        try network.settle()
        #expect(try network.nodes[1].figures().values["P value"] == 50_000)
        let over = try network.nodes[0].effect(
            of: .transfer(
                EventBody.transferSettled,
                "T-1",
                reason: "miscounted",
                [line("P", -1, number: 1)]
            )
        )
        #expect(
            over == [
                "T-1/1 settled": -1, "T-1/1 in transit": 1, "T-1/1 transit value": 10_000,
                "goods_in_transit": 10_000, "transit_gain": -10_000,
            ]
        )
    }

    @Test
    func `a cost that turns up late follows the goods to the other site and its customers`() throws
    {
        var network = try twoSites()
        let late = network.nodes[0].now.adding(microseconds: -3_600_000_000)
        try network.nodes[0].record(
            .transfer(EventBody.transferDispatched, "T-1", to: "B", [line("P", 5)])
        )
        try network.settle()
        try network.nodes[1].record(
            .transfer(EventBody.transferReceived, "T-1", from: "A", [line("P", 5)])
        )
        try network.nodes[1].record(.confirm("SO-1", [line("P", 5)]))
        try network.nodes[1].record(.dispatch("SO-1", [line("P", 2)]))
        try network.settle()
        // Ten more for 30.0000 before all that: a unit costs 2.0000, not 1.0000.
        try network.nodes[0].record(.receive([line("P", 10, amount: 300_000)]).with(at: late))
        try network.settle()
        #expect(try network.nodes[0].figures().values["P value"] == 300_000)
        #expect(try network.nodes[0].figures().values["goods_in_transit"] == nil)
        let there = try network.nodes[1].figures().values
        #expect(there["P value"] == 60_000)
        #expect(there["cogs"] == 40_000)
        #expect(there["SO-1/1 shipped value"] == 40_000)
        let faults = try Recount(network.hub.rows).faults
        #expect(faults.isEmpty, "\(faults)")
    }

    @Test
    func `the late cost of what was lost on the way is a loss too`() throws {
        var network = try twoSites()
        let late = network.nodes[0].now.adding(microseconds: -3_600_000_000)
        try network.nodes[0].record(
            .transfer(EventBody.transferDispatched, "T-1", to: "B", [line("P", 5)])
        )
        try network.nodes[0].record(
            .transfer(
                EventBody.transferSettled,
                "T-1",
                to: "B",
                reason: "lost",
                [line("P", 5, number: 1)]
            )
        )
        try network.nodes[0].record(.receive([line("P", 10, amount: 300_000)]).with(at: late))
        try network.settle()
        let figures = try network.nodes[0].figures().values
        #expect(figures["transit_loss"] == 100_000)
        #expect(figures["goods_in_transit"] == nil)
    }

    // MARK: Returns and the rest of the day

    private func shipped() throws -> EdgeHarness {
        var edge = try ordered(6)
        try edge.record(.dispatch("SO-1", [line("P", 6)]))
        return edge
    }

    @Test
    func `row 18: a return comes back at the cost of its issue`() throws {
        var edge = try shipped()
        try edge.record(.receive([line("P", 4, amount: 400_000)]))
        let effect = try edge.effect(of: .giveBack("R-1", [line("P", 2)], order: "SO-1"))
        #expect(
            effect == [
                "P STOCK returned": 2, "SO-1/1 returned": 2, "SO-1/1 returned value": 20_000,
                "P value": 20_000, "inventory": 20_000, "cogs": -20_000,
            ]
        )
        let unknown = try edge.effect(
            of: .giveBack("R-2", [line("P", 1, status: .sellable)])
        )
        // 8 for 44.0000 and 2 for 2.0000 make 4.6000 each.
        #expect(
            unknown == [
                "P STOCK sellable": 1, "P rights": 1, "P value": 46_000, "inventory": 46_000,
                "cogs": -46_000,
            ]
        )
    }

    @Test(arguments: [
        (Disposition.restock, ["P STOCK sellable": 1, "P rights": 1]),
        (.refurbish, ["P STOCK hold": 1]),
        (.supplier, ["P STOCK hold": 1]),
        (.scrap, ["P value": -10_000, "inventory": -10_000, "scrap": 10_000]),
    ])
    func `row 19: a disposition decides what returned goods become`(
        disposition: Disposition,
        gain: [String: Int64]
    ) throws {
        var edge = try shipped()
        try edge.record(.giveBack("R-1", [line("P", 2)], order: "SO-1"))
        let effect = try edge.effect(
            of: .disposition("R-1", [line("P", 1, disposition: disposition)])
        )
        #expect(effect == gain.merging(["P STOCK returned": -1]) { $1 })
    }

    @Test
    func `row 20: scrap is an expense`() throws {
        var edge = try stocked()
        #expect(
            try edge.effect(of: .scrap([line("P", 3)])) == [
                "P STOCK sellable": -3, "P rights": -3, "P value": -30_000,
                "inventory": -30_000, "scrap": 30_000,
            ]
        )
    }

    @Test
    func `row 21: a change of status may strand a promise, which is kept`() throws {
        var edge = try ordered(6)
        let change = InventoryCommand.status([
            line("P", 5, at: "STOCK", status: .sellable, toStatus: .hold)
        ])
        let before = try edge.figures()
        let recorded = try edge.record(change)
        #expect(recorded.outcome.exceptions == ["promise_shortage"])
        #expect(
            try edge.figures().since(before)
                == ["P STOCK sellable": -5, "P STOCK hold": 5, "P rights": -5]
        )
    }

    @Test
    func `row 22: a count moves nothing, and proposes its variance`() throws {
        var edge = try stocked()
        #expect(try edge.effect(of: .count("C-1", [line("P", 7)])).isEmpty)
        #expect(
            try edge.effect(of: .approve("C-1")) == [
                "P STOCK sellable": -3, "P rights": -3, "P value": -30_000,
                "inventory": -30_000, "adjustment": 30_000,
            ]
        )
        #expect(try edge.effect(of: .count("C-2", [line("P", 7)])).isEmpty)
        #expect(throws: EngineError.self) { try edge.record(.approve("C-2")) }
    }

    @Test
    func `a loss beyond what is sellable takes returned, hold and damaged stock, in that order`()
        throws
    {
        var edge = soloNode()
        try edge.record(.item("P"))
        for status in [StockStatus.sellable, .damaged, .hold, .returned] {
            try edge.record(.receive([line("P", 2, status: status, amount: 20_000)]))
        }
        try edge.record(.count("C-1", [line("P", 1)]))
        #expect(
            try edge.effect(of: .approve("C-1")) == [
                "P STOCK sellable": -2, "P STOCK returned": -2, "P STOCK hold": -2,
                "P STOCK damaged": -1, "P rights": -2, "P value": -70_000,
                "inventory": -70_000, "adjustment": 70_000,
            ]
        )
    }

    @Test
    func `row 23: an approved adjustment posts at current cost, a rejected one nothing`() throws {
        var edge = try stocked()
        try edge.record(.propose("ADJ-1", [line("P", 2)]))
        #expect(
            try edge.effect(of: .approve("ADJ-1")) == [
                "P STOCK sellable": 2, "P rights": 2, "P value": 20_000, "inventory": 20_000,
                "adjustment": -20_000,
            ]
        )
        try edge.record(.propose("ADJ-2", [line("P", -2)]))
        #expect(try edge.effect(of: .reject("ADJ-2")).isEmpty)
    }

    @Test
    func `row 27: rights move from the giver to the receiver, and back`() throws {
        var network = try twoSites()
        #expect(
            try network.nodes[0].effect(of: .grant("P", 3, to: network.hub.node))
                == ["P rights": -3, "P rights of 9": 3]
        )
        let confirmed = try network.nodes[0].effect(of: .confirm("SO-1", [line("P", 10)]))
        #expect(confirmed["SO-1/1 reserved"] == 7)
    }

    @Test
    func `an op that comes again has no postings`() throws {
        var edge = try stocked()
        let hash = ContentHash.of([1])
        let command = InventoryCommand.scrap([line("P", 1)])
        try edge.record(command.with(op: "k", hash: hash))
        let before = try edge.figures()
        let again = try edge.record(command.with(op: "k", hash: hash))
        #expect(again.outcome.ruling.verdict == .duplicate)
        #expect(try edge.figures() == before)
        let other = try edge.record(command.with(op: "k", hash: ContentHash.of([2])))
        #expect(other.outcome.ruling.verdict == .accepted)
        let conflicts = try edge.rows.typed(ConflictRow.self)
        #expect(conflicts.map(\.row.rule) == [.operationReused])
    }
}
