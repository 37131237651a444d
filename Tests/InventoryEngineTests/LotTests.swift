import Causality
import InventoryEngine
import TestSupport
import Testing

/// Stock that is kept by lot: dates, what is taken first, what is no longer sellable.
struct LotTests {
    /// 5 of L1 until the 10th, 5 of L2 until the 5th, 5 of L3 without a date, in STOCK; 2 of L2 at A.
    private func dairy() throws -> EdgeHarness {
        var edge = soloNode()
        try edge.record(.item("P", isLotTracked: true))
        try edge.record(.location("A"))
        try edge.record(
            .receive([
                line("P", 5, lot: "L1", expiry: day(10), amount: 5),
                line("P", 5, lot: "L2", expiry: day(5), amount: 5),
                line("P", 5, lot: "L3", amount: 5),
                line("P", 2, at: "A", lot: "L2", amount: 2),
            ])
        )
        return edge
    }

    /// A day that is so many days after the tests begin.
    private func day(_ number: Int64) -> String {
        startOfTests.adding(microseconds: number * 86_400_000_000).date.description
    }

    private func code(_ body: () throws -> Void) -> String? {
        #expect(throws: EngineError.self) { try body() }?.code.text
    }

    @Test
    func `row 3: what expires first is set aside first`() throws {
        var edge = try dairy()
        try edge.record(.confirm("SO-1", [line("P", 9)]))
        let effect = try edge.effect(of: .allocate("SO-1", []))
        #expect(
            effect == [
                "SO-1/1 reserved": -9, "SO-1/1 allocated": 9, "SO-1/1 at A L2": 2,
                "SO-1/1 at STOCK L2": 5, "SO-1/1 at STOCK L1": 2,
            ]
        )
        // What is set aside for one is not offered to another.
        try edge.record(.confirm("SO-2", [line("P", 5)]))
        let second = try edge.effect(of: .allocate("SO-2", []))
        #expect(second["SO-2/1 at STOCK L1"] == 3)
        #expect(second["SO-2/1 at STOCK L3"] == 2)
        // A pick takes what is set aside for it, and a dispatch what was picked.
        let pick = try edge.effect(of: .pick("SO-1"))
        #expect(pick["P STAGING L2 sellable"] == 7)
        #expect(pick["P STAGING L1 sellable"] == 2)
        #expect(pick["P A L2 sellable"] == -2)
        #expect(pick["SO-1 P L2 in staging"] == 7)
        try edge.record(.pack("SO-1"))
        let ship = try edge.effect(of: .dispatch("SO-1"))
        #expect(ship["P STAGING L2 sellable"] == -7)
        #expect(ship["SO-1 P L2 left"] == 7)
        #expect(ship["SO-1 P L1 left"] == 2)
    }

    @Test
    func `row 11: what is set aside goes along with a move, and is not where nothing is`() throws {
        var edge = soloNode()
        try edge.record(.item("P"))
        try edge.record(.location("A"))
        try edge.record(.location("B"))
        try edge.record(.receive([line("P", 6, at: "A", amount: 6)]))
        try edge.record(.confirm("SO-1", [line("P", 4)]))
        try edge.record(.allocate("SO-1", []))
        let free = try edge.effect(of: .move([line("P", 2, at: "A", to: "B")]))
        #expect(free == ["P A sellable": -2, "P B sellable": 2], "what is free goes first")
        let bound = try edge.effect(of: .move([line("P", 3, at: "A", to: "B")]))
        #expect(bound["SO-1/1 at A"] == -3)
        #expect(bound["SO-1/1 at B"] == 3)
        // Its pick takes it from where it is now.
        let pick = try edge.effect(of: .pick("SO-1"))
        #expect(pick["P A sellable"] == -1)
        #expect(pick["P B sellable"] == -3)

        try edge.record(.confirm("SO-2", [line("P", 2)]))
        try edge.record(.allocate("SO-2", []))
        let scrap = try edge.record(.scrap([line("P", 1, at: "B")]))
        #expect(scrap.outcome.exceptions.contains("allocation_lost"))
        let after = try edge.figures().values
        #expect(after["SO-2/1 at B"] == 1)
        #expect(after["SO-2/1 reserved"] == 1)
    }

    @Test
    func `row 4: a pick that names no lot takes what expires first`() throws {
        var edge = try dairy()
        try edge.record(.confirm("SO-1", [line("P", 8)]))
        let effect = try edge.effect(of: .pick("SO-1"))
        #expect(effect["P STAGING L2 sellable"] == 7)
        #expect(effect["P STAGING L1 sellable"] == 1)
        let named = try edge.effect(of: .pick("SO-1", [line("P", 1, lot: "L3")]).with(forced: true))
        #expect(named["P STAGING L3 sellable"] == 1)
        // More than is known to be there: only a lot in hand can be recorded.
        #expect(
            code { try edge.record(.pick("SO-1", [line("P", 90)]).with(forced: true)) }
                == "lot_missing"
        )
    }

    @Test
    func `row 6: an unpick, and a reversal, bring each lot back to where it was`() throws {
        var edge = try dairy()
        try edge.record(.confirm("SO-1", [line("P", 8)]))
        let before = try edge.figures()
        let pick = try edge.record(.pick("SO-1")).event.id
        try edge.record(.reverse(pick))
        #expect(try edge.figures().since(before).isEmpty)
        try edge.record(.pick("SO-1"))
        try edge.record(.unpick("SO-1", [line("P", 8)]))
        let after = try edge.figures().values
        #expect(after["P STOCK L2 sellable"] == 7)
        #expect(after["P STOCK L1 sellable"] == 5)
        #expect(after["SO-1 P L2 in staging"] == nil)
        try edge.record(.pick("SO-1"))
        try edge.record(.pack("SO-1"))
        let packed = try edge.figures()
        let dispatch = try edge.record(.dispatch("SO-1")).event.id
        try edge.record(.reverse(dispatch))
        #expect(try edge.figures().since(packed).isEmpty)
    }

    @Test
    func `what is kept by lot names its lot, where more than one can be meant`() throws {
        var edge = try dairy()
        #expect(code { try edge.record(.receive([line("P", 1)])) } == "lot_missing")
        #expect(code { try edge.record(.count("C-1", [line("P", 1)])) } == "lot_missing")
        #expect(code { try edge.record(.scrap([line("P", 1)])) } == "lot_missing")
        #expect(code { try edge.record(.propose("ADJ-1", [line("P", 1)])) } == "lot_missing")
        let effect = try edge.effect(of: .scrap([line("P", 1, at: "A")]))
        #expect(effect["P A L2 sellable"] == -1)
        try edge.record(.item("Q"))
        #expect(code { try edge.record(.receive([line("Q", 1, lot: "L")])) } == "lot_not_tracked")
        #expect(
            code { try edge.record(.receive([line("Q", 1, expiry: day(1))])) } == "lot_missing"
        )
    }

    @Test
    func `of two dates of a lot the earlier one holds, and somebody is told`() throws {
        for dates in [[5, 9], [9, 5]] {
            var edge = soloNode()
            try edge.record(.item("P", isLotTracked: true))
            for date in dates {
                let goods = line("P", 1, lot: "L", expiry: day(Int64(date)), amount: 1)
                let recorded = try edge.record(.receive([goods]))
                #expect(
                    recorded.outcome.exceptions
                        == (date == dates[0] ? [] : ["lot_expiry_differs"])
                )
            }
            let lot = try #require(try edge.rows.typed(LotRow.self).first?.row)
            #expect(lot.expiry?.description == day(5))
        }
    }

    @Test
    func `what is past its date is not promised, and an agent takes it out`() throws {
        var edge = try dairy()
        try edge.record(.confirm("SO-1", [line("P", 3)]))
        try edge.record(.allocate("SO-1", [line("P", 3, lot: "L2")]))
        edge.now = startOfTests.adding(microseconds: 6 * 86_400_000_000)
        // 17 are there, 3 are promised, and 7 are past their date.
        try edge.record(.confirm("SO-2", [line("P", 20)]))
        #expect(try edge.figures().values["SO-2/1 reserved"] == 7)
        let now = edge.now
        let due = try edge.reading { try $0.dueLotExpiries(at: "W", now: now) }
        try #require(due.count == 1)
        #expect(due[0].op == "expire:P/L2")
        let effect = try edge.effect(of: InventoryCommand(body: .statusChanged(due[0].change)))
        #expect(
            effect == [
                "P A L2 sellable": -2, "P A L2 expired": 2, "P STOCK L2 sellable": -5,
                "P STOCK L2 expired": 5, "P rights": -7,
                "SO-1/1 allocated": -3, "SO-1/1 reserved": 3, "SO-1/1 at A L2": -2,
                "SO-1/1 at STOCK L2": -1,
            ]
        )
        #expect(try edge.reading { try $0.dueLotExpiries(at: "W", now: now) }.isEmpty)
        // The next lot of that name that comes in is another expiry.
        try edge.record(.receive([line("P", 1, lot: "L2", status: .sellable, amount: 1)]))
        #expect(
            try edge.reading { try $0.dueLotExpiries(at: "W", now: now) }.map(\.op)
                == ["expire:P/L2/2"]
        )
        // What comes in past its date is not sellable.
        let late = line("P", 1, lot: "L9", expiry: day(1), amount: 1)
        let received = try edge.effect(of: .receive([late]))
        #expect(received["P STOCK L9 expired"] == 1)
    }

    @Test
    func `row 8: a dispatch after the date of its lot is an exception`() throws {
        var edge = try dairy()
        try edge.record(.confirm("SO-1", [line("P", 3)]))
        try edge.record(.pick("SO-1"))
        edge.now = startOfTests.adding(microseconds: 6 * 86_400_000_000)
        let recorded = try edge.record(.dispatch("SO-1", [line("P", 3)]))
        #expect(recorded.outcome.exceptions.contains("expired_dispatched"))
    }

    @Test
    func `rows 15 and 16: a lot and its date travel with a transfer`() throws {
        var network = try Network(["A", "B"])
        try network.nodes[0].record(.item("P", isLotTracked: true))
        try network.nodes[0].record(
            .receive([
                line("P", 2, lot: "L1", expiry: day(9), amount: 2),
                line("P", 4, lot: "L2", expiry: day(4), amount: 4),
            ])
        )
        try network.nodes[0].record(
            .transfer(EventBody.transferDispatched, "T-1", to: "B", [line("P", 5)])
        )
        let left = try network.nodes[0].figures().values
        #expect(left["P STOCK L1 sellable"] == 1)
        #expect(left["P STOCK L2 sellable"] == nil)
        try network.settle()
        try network.nodes[1].record(
            .transfer(EventBody.transferReceived, "T-1", from: "A", [line("P", 5)])
        )
        let came = try network.nodes[1].figures().values
        #expect(came["P STOCK L1 sellable"] == 1)
        #expect(came["P STOCK L2 sellable"] == 4)
        let lots = try network.nodes[1].rows.typed(LotRow.self).filter { $0.key.stock.home == "B" }
        #expect(lots.map { $0.row.expiry?.description } == [day(9), day(4)])
        try network.settle()
        #expect(try Recount(network.hub.rows).faults.isEmpty)
    }
}
