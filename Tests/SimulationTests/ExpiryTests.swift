import Causality
import InventoryEngine
import Replication
import TestSupport
import Testing

/// Reservations that end at a time.
@Suite(.tags(.simulation))
struct ExpiryTests {
    private static let minute: Int64 = 60_000_000

    private func order(_ name: String, _ units: Int64, until: Instant) throws -> EventBody {
        let sku = try #require(RightsCluster.sku)
        var line = EventLine(sku: sku, quantity: Quantity(units: units))
        line.line = 1
        let order = try #require(DocumentID(name))
        var confirmation = OrderConfirmation(order: order, lines: [line])
        confirmation.holdUntil = until
        return .orderConfirmed(confirmation)
    }

    /// Two nodes at one site, ten units, and five of them held for SO-1 for a minute by the first.
    private func cluster() async throws -> RightsCluster {
        var cluster = try await RightsCluster(["LON", "LON"])
        let sku = try #require(RightsCluster.sku)
        try await cluster.record(0, .item(sku))
        try await cluster.record(0, .receipt(sku, 10))
        try await cluster.settle()
        let until = cluster.now.adding(microseconds: Self.minute)
        let held = try await cluster.record(0, order("SO-1", 5, until: until))
        #expect(held.isFinal == true)
        try await cluster.settle()
        return cluster
    }

    private func pick(_ cluster: inout RightsCluster, _ index: Int, force: Bool = false)
        async throws
    {
        let order = try #require(DocumentID("SO-1"))
        let picked = try await cluster.record(index, .pick(order))
        #expect(picked.refusal == nil)
    }

    @Test func `a reservation ends when its time has passed, once, also after a restart`()
        async throws
    {
        var cluster = try await cluster()
        #expect(try await cluster.expire(0) == 0, "its time has not come")
        #expect(try await cluster.rows(HoldRow.self).count == 1)
        cluster.now = cluster.now.adding(microseconds: Self.minute)
        #expect(try await cluster.expire(1) == 0, "the node that took the order comes first")
        #expect(try await cluster.expire(0) == 1)
        #expect(try await cluster.expire(0) == 0)
        try await cluster.settle()
        let line = try await cluster.line("SO-1", at: "LON")
        #expect([line.reserved, line.cancelled, line.released].map(\.units) == [0, 5, 5])
        #expect(try await cluster.rows(HoldRow.self).isEmpty)
        let rights = try await cluster.summary(at: "LON")
        #expect(try rights.free().units == 10)
        #expect(try await cluster.balance(nil, at: "LON") == 0, "nothing stays frozen")
        #expect(try await cluster.disagreements() == [])
        cluster.now = cluster.now.adding(microseconds: 5 * Self.minute)
        #expect(try await cluster.expire(1) == 0)
    }

    @Test func `another node lets it expire where the one that took the order is gone`()
        async throws
    {
        var cluster = try await cluster()
        cluster.now = cluster.now.adding(microseconds: 3 * Self.minute)
        #expect(try await cluster.expire(1) == 1)
        // The first comes back and has not heard of it: the second release is a duplicate.
        #expect(try await cluster.expire(0) == 1)
        try await cluster.settle()
        let line = try await cluster.line("SO-1", at: "LON")
        #expect([line.reserved, line.cancelled].map(\.units) == [0, 5])
        #expect(try await cluster.disagreements() == [])
        #expect(try await cluster.rows(ConflictRow.self).isEmpty)
    }

    @Test(arguments: [true, false])
    func `pair 14: a pick wins over the expiry that did not know of it, in either order`(
        pickComesFirst: Bool
    ) async throws {
        var cluster = try await cluster()
        cluster.now = cluster.now.adding(microseconds: 2 * Self.minute)
        #expect(try await cluster.expire(0) == 1)
        try await pick(&cluster, 1)
        for index in pickComesFirst ? [1, 0] : [0, 1] { try await cluster.push(index) }
        try await cluster.settle()
        let line = try await cluster.line("SO-1", at: "LON")
        #expect([line.picked, line.cancelled, line.released].map(\.units) == [5, 0, 0])
        #expect(line.toPutBack.isZero, "the pick wins: nothing goes back")
        #expect(try await cluster.rows(TaskRow.self).isEmpty)
        let conflicts = try await cluster.rows(ConflictRow.self)
        #expect(conflicts.map(\.row.rule) == [.expiredAndPicked])
        #expect(conflicts.map(\.row.isResolved) == [true])
        let summary = try await cluster.summary(at: "LON")
        #expect(try summary.free().units == 5)
        #expect(summary.rights.units == 5)
        for index in 0...1 {
            #expect(try await cluster.balance(cluster.nodes[index].id, at: "LON") >= 0)
        }
        #expect(try await cluster.disagreements() == [])
        // The order goes on as if nothing had been released.
        let ship = EventBody.ship(try #require(DocumentID("SO-1")))
        _ = try await cluster.record(1, .packCompleted(OrderWork(order: document("SO-1"))))
        #expect(try await cluster.record(1, ship).refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.line("SO-1", at: "LON").shipped.units == 5)
    }

    private func document(_ text: String) throws -> DocumentID { try #require(DocumentID(text)) }

    @Test func `a pick that knows of the expiry is an exception, and its reversal ends it again`()
        async throws
    {
        var cluster = try await cluster()
        cluster.now = cluster.now.adding(microseconds: 2 * Self.minute)
        try await cluster.expire(0)
        try await cluster.settle()
        let sku = try #require(RightsCluster.sku)
        let line = EventLine(sku: sku, quantity: Quantity(units: 5), line: 1)
        let work = OrderWork(order: try document("SO-1"), lines: [line])
        let refused = try await cluster.record(1, .pickCompleted(work))
        #expect(refused.refusal?.code.text == "over_pick", "nothing is open")
        let forced = try await cluster.record(1, .pickCompleted(work), isForced: true)
        #expect(forced.exceptions == ["picked_after_release"])
        try await cluster.settle()
        #expect(try await cluster.line("SO-1", at: "LON").picked.units == 5)
        let reversal = Reversal(event: try #require(forced.event), reason: "mistake")
        #expect(try await cluster.record(1, .reversed(reversal)).refusal == nil)
        try await cluster.settle()
        let after = try await cluster.line("SO-1", at: "LON")
        #expect([after.picked, after.cancelled, after.released].map(\.units) == [0, 5, 5])
        #expect(try await cluster.disagreements() == [])
    }

    @Test func `what is picked before the time is not held any more`() async throws {
        var cluster = try await cluster()
        try await pick(&cluster, 0)
        try await cluster.settle()
        #expect(try await cluster.rows(HoldRow.self).isEmpty)
        cluster.now = cluster.now.adding(microseconds: 9 * Self.minute)
        for index in 0...1 { #expect(try await cluster.expire(index) == 0) }
        // A release of what is picked is refused: it would have no effect.
        let sku = try #require(RightsCluster.sku)
        let line = EventLine(sku: sku, quantity: Quantity(units: 1), line: 1)
        let release = OrderWork(order: try document("SO-1"), lines: [line])
        let refused = try await cluster.record(0, .reservationReleased(release))
        #expect(refused.refusal?.code.text == "nothing_to_release")
    }

    @Test(arguments: [Int64.min, -1, Int64.max])
    func `a time beyond all times is no trap`(microseconds: Int64) async throws {
        var cluster = try await cluster()
        let until = Instant(microseconds: microseconds)
        try await cluster.record(0, order("SO-2", 1, until: until))
        try await cluster.settle()
        for index in 0...1 { _ = try await cluster.expire(index) }
        try await cluster.settle()
        let line = try await cluster.line("SO-2", at: "LON")
        #expect(line.reserved.units == (microseconds == .max ? 1 : 0))
        #expect(try await cluster.disagreements() == [])
    }

    @Test func `a wrong clock of a node does not end a reservation before its time`() async throws {
        var cluster = try await cluster()
        // The node's clock is an hour ahead of the hub's, which has told it.
        try await cluster.nodes[0].log.write { log in
            var progress = try log.progress()
            progress.clockOffsetMilliseconds = 3_600_000
            try log.set(.progress, to: progress.bytes)
        }
        cluster.now = cluster.now.adding(microseconds: 60 * Self.minute)
        #expect(try await cluster.expire(0) == 0)
        cluster.now = cluster.now.adding(microseconds: 2 * Self.minute)
        #expect(try await cluster.expire(0) == 1)
    }

    @Test func `two nodes that let a lot expire at once do so once`() async throws {
        var cluster = try await RightsCluster(["LON", "LON"])
        let sku = try #require(SKU("MILK"))
        let lot = try #require(LotID("L1"))
        let properties = ItemProperties(name: "Milk", isLotTracked: true)
        let item = ItemRegistration(sku: sku, properties: properties)
        try await cluster.record(0, .itemRegistered(item))
        var line = EventLine(sku: sku, quantity: Quantity(units: 5))
        line.lot = lot
        line.expiry = cluster.now.adding(microseconds: 86_400_000_000).date
        try await cluster.record(0, .goodsReceived(GoodsReceipt(lines: [line])))
        try await cluster.settle()
        #expect(try await cluster.expire(0) == 0, "the day is not over")
        cluster.now = cluster.now.adding(microseconds: 2 * 86_400_000_000)
        #expect(try await cluster.expire(0) == 1)
        #expect(try await cluster.expire(0) == 0)
        #expect(try await cluster.expire(1) == 1)
        try await cluster.settle()
        #expect(try await cluster.disagreements() == [])
        let buckets = try await cluster.rows(BucketRow.self).filter { $0.key.sku == sku }
        #expect(buckets.map(\.key.status) == [.expired])
        #expect(buckets.map(\.row.quantity.units) == [5])
        let rows = try await cluster.rows(LotRow.self)
        #expect(rows.map(\.row.expiries) == [1], "the second is a duplicate")
        #expect(try await cluster.expire(1) == 0)
    }
}
