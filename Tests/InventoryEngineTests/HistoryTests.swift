import Causality
import InventoryEngine
import TestSupport
import Testing

/// Histories that run from row to row while events are pending, ordered, and late.
@Suite struct HistoryTests {
    /// One node's overlay after its first events were ordered and left it, while later ones are
    /// pending still: what those wrote names the first ones as pending.
    private struct HalfAcknowledged {
        let base = InMemoryRowSource()
        let overlay: InMemoryRowSource
        var settings: StateSettings
        let node = NodeID(high: 7, low: 7)
        var sequence: UInt64 = 0

        init() {
            overlay = InMemoryRowSource(over: base)
            settings = StateSettings(
                scope: .site("W"),
                moneyScale: 4,
                node: node,
                epoch: .none,
                keepsDigests: false
            )
        }

        mutating func event(_ body: EventBody, _ seconds: Int64) -> InventoryEvent {
            sequence += 1
            let instant = startOfTests.adding(microseconds: seconds * 1_000_000)
            return InventoryEvent(
                id: EventID(node: node, sequence: sequence),
                site: "W",
                at: wallTime(instant),
                recordedAt: HybridTimestamp(wall: startOfTests, counter: 0),
                context: .empty,
                body: body
            )
        }

        /// Folds an event and returns what it changed.
        func fold(_ event: InventoryEvent, _ source: InMemoryRowSource, _ ordering: Ordering)
            throws -> [RowChange]
        {
            source.note(LocatedEvent(event: event, entry: nil))
            var state = StockState(cache: RowCache(), source: source, settings: settings)
            let outcome = try state.apply(event, ordering: ordering)
            #expect(outcome.ruling.verdict == .accepted)
            _ = try state.takeCostAdjustments()
            let changes = try state.takeChanges()
            source.apply(changes)
            return changes
        }
    }

    private static func receipt(_ quantity: Int64, _ amount: Int64) -> EventBody {
        .goodsReceived(GoodsReceipt(lines: [line("P", quantity, amount: amount)]))
    }

    private static func scrap(_ quantity: Int64) -> EventBody {
        .scrapped(StockChange(reason: "broken", lines: [line("P", quantity)]))
    }

    /// Hub time less than the event's own: the hub's clock is behind the node's, or is not.
    @Test(arguments: [1_000, 15])
    func `a late fact finds what was ordered meanwhile under what is pending`(
        hubSeconds: Int64
    ) throws {
        var copy = HalfAcknowledged()
        let item = copy.event(
            .itemRegistered(ItemRegistration(sku: "P", properties: ItemProperties(name: "P"))),
            0
        )
        let first = copy.event(Self.receipt(10, 100_000), 10)
        let second = copy.event(Self.receipt(10, 300_000), 20)
        let third = copy.event(Self.scrap(5), 40)
        let late = copy.event(Self.scrap(5), 30)
        _ = try copy.fold(item, copy.overlay, .pending)
        _ = try copy.fold(first, copy.overlay, .pending)
        _ = try copy.fold(second, copy.overlay, .pending)
        let kept = try copy.fold(third, copy.overlay, .pending)

        // The hub orders the first three; the overlay keeps only what the fourth has touched.
        let received = startOfTests.adding(microseconds: hubSeconds * 1_000_000)
        let ruling = Ruling(verdict: .accepted, sites: ["W"], receivedAt: received)
        for (index, event) in [item, first, second].enumerated() {
            let position = HubPosition(UInt64(index + 1))
            _ = try copy.fold(event, copy.base, .ordered(at: position, ruling))
        }
        copy.overlay.removeRows()
        copy.overlay.apply(kept)
        _ = try copy.fold(late, copy.overlay, .pending)

        // The same, folded over the base from nothing.
        let fresh = InMemoryRowSource(over: copy.base)
        _ = try copy.fold(third, fresh, .pending)
        _ = try copy.fold(late, fresh, .pending)
        let stock = StockKey(home: "W", sku: "P")
        let shown = try #require(copy.overlay.row(.valuation, stock.bytes))
        let expected = try #require(fresh.row(.valuation, stock.bytes))
        #expect(try ValuationRow(bytes: shown) == ValuationRow(bytes: expected))
        #expect(copy.overlay.row(.summary, stock.bytes) == fresh.row(.summary, stock.bytes))
        let costs = try copy.overlay.typed(MovementRow.self).map { ($0.key.place, $0.row.value) }
        let freshCosts = try fresh.typed(MovementRow.self).map { ($0.key.place, $0.row.value) }
        #expect(costs.elementsEqual(freshCosts) { $0 == $1 })
        #expect(costs.map(\.1.units).sorted() == [100_000, 100_000, 100_000, 300_000])
    }

    @Test func `rows of all items of a site lie in the order of time`() throws {
        var edge = soloNode()
        for sku in ["Z", "A", "M"] as [SKU] {
            try edge.record(.item(sku))
            try edge.record(.receive([line(sku, 5, cost: "1")]))
        }
        let rows = try edge.overlay.source.typed(MovementRow.self)
        #expect(rows.map(\.key.stock.sku) == ["Z", "A", "M"])
    }

    @Test func `a count with two lines of one item is one row of its history`() throws {
        var edge = soloNode()
        try edge.record(.item("P"))
        try edge.record(.location("A"))
        try edge.record(.receive([line("P", 5, cost: "1")]))
        try edge.record(.count("C-1", [line("P", 5), line("P", 0, at: "A")]))
        try edge.record(.receive([line("P", 2, cost: "1")]))
        #expect(try Recount(edge.overlay.source).faults == [])
        #expect(try edge.overlay.source.typed(PostingRow.self).count == 3)
    }
}
