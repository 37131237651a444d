import Causality
import InventoryEngine
import TestSupport
import Testing

@testable import Replication

/// The months of the books: who may close one, and what becomes of facts that come later.
@Suite(.tags(.simulation))
struct PeriodTests {
    private func month(_ text: String) throws -> Period { try #require(Period(text)) }

    private func closing(_ text: String, _ reason: String? = nil) throws -> EventBody {
        .periodClosed(PeriodClosing(period: try month(text), override: reason))
    }

    /// Two nodes of one site in March 2011, with ten units at 1.00 each.
    private func cluster() async throws -> RightsCluster {
        var cluster = try await RightsCluster(["LON", "LON"])
        let sku = try #require(RightsCluster.sku)
        try await cluster.record(0, .item(sku))
        try await cluster.record(0, .receipt(sku, 10))
        try await cluster.settle()
        return cluster
    }

    private func keep(_ node: Int, _ time: String, in cluster: RightsCluster) async throws {
        let id = cluster.nodes[node].id
        let instant = try #require(Instant(rfc3339: time))
        try await cluster.hub.write { try HubLedger.keep([id: instant], in: $0) }
    }

    private func journal(
        _ event: EventID?,
        _ cluster: RightsCluster
    ) async throws -> JournalRow? {
        let rows = try await cluster.rows(JournalRow.self)
        return rows.first { $0.key.event == event }?.row
    }

    @Test func `a month is closed when every node has shown that it holds nothing back`()
        async throws
    {
        var cluster = try await cluster()
        var refused = try await cluster.recordAtHub(nil, closing("2011-02")).refusal
        #expect(refused?.code.text == "nodes_silent")
        #expect(refused?.message.contains("never") == true)
        try await keep(0, "2011-03-01T00:00:00Z", in: cluster)
        try await keep(1, "2011-02-28T23:59:59.999999Z", in: cluster)
        refused = try await cluster.recordAtHub(nil, closing("2011-02")).refusal
        #expect(refused?.code.text == "nodes_silent")
        #expect(refused?.message.contains("last on 2011-02-28T23:59:59.999999Z") == true)
        #expect(refused?.message.contains("never") == false)
        // An older one takes nothing back.
        try await keep(0, "2011-01-01T00:00:00Z", in: cluster)
        try await keep(1, "2011-03-01T00:00:00Z", in: cluster)
        #expect(try await cluster.recordAtHub(nil, closing("2011-02")).refusal == nil)
        try await cluster.settle()
        for (text, code) in [
            ("2011-02", "period_closed"), ("2011-01", "period_closed"),
            ("2011-03", "period_not_over"), ("2999-12", "period_not_over"),
        ] {
            let refused = try await cluster.recordAtHub(nil, closing(text)).refusal
            #expect(refused?.code.text == code, "\(text)")
        }
        let own = try await cluster.record(0, closing("2011-02"))
        #expect(own.refusal?.code.text == "hub_only")
        #expect(try await cluster.disagreements() == [])
        let rows = try await cluster.rows(PeriodRow.self)
        #expect(Set(rows.map(\.key.period)) == [nil, try month("2011-02")])
        #expect(rows.allSatisfy { $0.row.silent.isEmpty && $0.row.override == nil })
    }

    @Test func `an override is signed, says why, and is kept with the nodes that were silent`()
        async throws
    {
        var cluster = try await cluster()
        try await keep(0, "2011-03-01T00:00:00Z", in: cluster)
        let body = try closing("2011-02", "lon-2 burnt down")
        #expect(try await cluster.recordAtHub(nil, body).refusal?.code.text == "actor_missing")
        let long = try closing("2011-02", String(repeating: "x", count: 1_001))
        let refused = try await cluster.recordAtHub(nil, long, actor: "ann").refusal
        #expect(refused?.code.text == "override_invalid")
        let op = try #require(OpKey("close-2"))
        let first = try await cluster.recordAtHub(nil, body, actor: "ann", op: op)
        #expect(first.refusal == nil)
        // A repeat is the same command, although the node is heard of by now.
        try await keep(1, "2011-03-02T00:00:00Z", in: cluster)
        let again = try await cluster.recordAtHub(nil, body, actor: "ann", op: op)
        #expect(again.refusal == nil && again.event == first.event)
        try await cluster.settle()
        #expect(try await cluster.disagreements() == [])
        for node in cluster.nodes {
            let key = PeriodRow.Key(period: try month("2011-02")).bytes
            let bytes = try await node.log.read { try $0.source(.base).row(.period, key) }
            let row = try PeriodRow(bytes: #require(bytes))
            #expect(row.silent == [cluster.nodes[1].id])
            #expect(row.override == "lon-2 burnt down")
            #expect(row.actor?.text == "ann")
        }
    }

    @Test func `pair 18: a late fact counts from its own time and is posted in the open month`()
        async throws
    {
        var cluster = try await cluster()
        let sku = try #require(RightsCluster.sku)
        for node in [0, 1] { try await keep(node, "2011-03-01T00:00:00Z", in: cluster) }
        let late = try await cluster.record(1, .receipt(sku, 4), at: "2011-02-20T10:00:00Z")
        // Before the closing it would have been posted on its own day.
        #expect(try await cluster.recordAtHub(nil, closing("2011-02")).refusal == nil)
        try await cluster.settle()
        let row = try #require(try await journal(late.event, cluster))
        #expect(row.isLate)
        #expect(row.postingDate.description == "2011-03-01")
        #expect(row.valuedAt.date.description == "2011-02-20")
        let conflicts = try await cluster.rows(ConflictRow.self)
        #expect(conflicts.map(\.row.rule) == [.lateForPeriod])
        #expect(conflicts.allSatisfy { $0.row.isResolved && $0.row.sides.count == 2 })
        let movements = try await cluster.rows(MovementRow.self)
        let moved = try #require(movements.first { $0.row.event == late.event })
        #expect(moved.key.place.effective.date.description == "2011-02-20")

        let knowing = try await cluster.record(0, .receipt(sku, 5), at: "2011-01-31T10:00:00Z")
        #expect(knowing.exceptions == ["period_closed"])
        let open = try await cluster.record(0, .receipt(sku, 6), at: "2011-03-02T10:00:00Z")
        #expect(open.exceptions == [])
        try await cluster.settle()
        #expect(try await journal(knowing.event, cluster)?.isLate == true)
        #expect(try await journal(open.event, cluster)?.isLate == false)
        #expect(
            try await journal(open.event, cluster)?.postingDate.description == "2011-03-02"
        )
        let totals = try await cluster.rows(PeriodTotalRow.self)
        #expect(Set(totals.map(\.key.period)) == [try month("2011-03")])
        let accounts = try await cluster.rows(AccountRow.self)
        for account in accounts {
            let months = totals.filter { $0.key.account == account.key.account }
            #expect(months.reduce(0) { $0 + $1.row.debit.units } == account.row.debit.units)
            #expect(months.reduce(0) { $0 + $1.row.credit.units } == account.row.credit.units)
        }
        #expect(try await cluster.rows(ConflictRow.self).count == 1)
        #expect(try await cluster.disagreements() == [])
        #expect(try await cluster.identityFaults() == [])
    }

    @Test func `a correction is posted on the day of what it follows from`() async throws {
        var cluster = try await cluster()
        let sku = try #require(RightsCluster.sku)
        let order = try #require(DocumentID("SO-1"))
        for body in [
            EventBody.confirm(order, sku, 10), .pick(order),
            .packCompleted(OrderWork(order: order)), .ship(order),
        ] {
            let refused = try await cluster.record(0, body).refusal
            #expect(refused == nil, "\(refused?.message ?? "")")
        }
        try await cluster.settle()
        // Dearer goods that had come before: what was shipped cost more.
        var line = EventLine(sku: sku, quantity: Quantity(units: 10))
        line.unitCost = ExactDecimal(mantissa: 3, scale: 0)
        let dear = EventBody.goodsReceived(GoodsReceipt(lines: [line]))
        try await cluster.record(1, dear, at: "2011-03-12T10:00:00Z")
        try await cluster.settle()
        let events = try await cluster.rows(JournalRow.self).filter { pair in
            pair.row.lines.contains { $0.account == .costOfGoodsSold }
        }
        let days = events.map(\.row.postingDate.description).sorted()
        #expect(days == ["2011-03-12", "2011-03-13"])
        #expect(try await cluster.disagreements() == [])
    }

    @Test func `days and months begin in the network's time zone`() async throws {
        let berlin = "CET-1CEST,M3.5.0,M10.5.0/3"
        let zone = try #require(NetworkTimeZone(berlin))
        for (time, day) in [
            ("2011-01-31T22:59:59Z", "2011-01-31"), ("2011-01-31T23:00:00Z", "2011-02-01"),
            ("2011-06-30T21:59:59Z", "2011-06-30"), ("2011-06-30T22:00:00Z", "2011-07-01"),
            ("2011-10-30T22:59:59Z", "2011-10-30"), ("2011-10-30T23:00:00Z", "2011-10-31"),
        ] {
            let instant = try #require(Instant(rfc3339: time))
            #expect(zone.date(of: instant).description == day, "\(time)")
        }
        let july = try #require(CivilDate("2011-07-01"))
        #expect(zone.start(of: july).rfc3339 == "2011-06-30T22:00:00Z")
        let sydney = try #require(NetworkTimeZone("AEST-10AEDT,M10.1.0,M4.1.0/3"))
        let january = try #require(CivilDate("2011-01-01"))
        #expect(sydney.start(of: january).rfc3339 == "2010-12-31T13:00:00Z")
        for wrong in [
            "", "Berlin", "+25:00", "+1:00", "CET", "CET-1CEST", "CET-1CEST,M13.5.0,M10.5.0",
            "CET-1CEST,M3.5.0", "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
            "CET-999", "<C>1", "CET-1CEST,J60,J300", "CET-1CEST,M3.5.0,M10.5.0/3x",
        ] {
            #expect(NetworkTimeZone(wrong) == nil, "\(wrong)")
        }
        var cluster = try await cluster()
        let sku = try #require(RightsCluster.sku)
        let change = PolicyChange(policy: "time_zone", value: berlin)
        #expect(try await cluster.recordAtHub(nil, .policySet(change)).refusal == nil)
        try await cluster.settle()
        let receipt = try await cluster.record(0, .receipt(sku, 1), at: "2011-02-28T23:30:00Z")
        try await cluster.settle()
        let row = try #require(try await journal(receipt.event, cluster))
        #expect(row.postingDate.description == "2011-03-01")
        #expect(!row.isLate)
        // The month ends in Berlin before it does in London.
        for node in [0, 1] { try await keep(node, "2011-02-28T22:59:59Z", in: cluster) }
        let early = try await cluster.recordAtHub(nil, closing("2011-02")).refusal
        #expect(early?.code.text == "nodes_silent")
        for node in [0, 1] { try await keep(node, "2011-02-28T23:00:00Z", in: cluster) }
        #expect(try await cluster.recordAtHub(nil, closing("2011-02")).refusal == nil)
        #expect(try await cluster.disagreements() == [])
    }
}
