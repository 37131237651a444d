import Causality
import InventoryEngine
import TestSupport
import Testing

@testable import Replication

/// Events that the hub cannot apply yet: seen, kept, released, or closed by a person.
@Suite(.tags(.simulation))
struct ParkedTests {
    private static let lon = "LON"

    private func sku(_ text: String) throws -> SKU { try #require(SKU(text)) }
    private func document(_ text: String) throws -> DocumentID { try #require(DocumentID(text)) }

    /// Two nodes of one site and one of another; what registers the item Q is not known to the hub.
    private func clusterWithOldHub() async throws -> RightsCluster {
        var cluster = try await RightsCluster(["LON", "LON", "MUC"])
        try await cluster.record(0, .item(try #require(RightsCluster.sku)))
        try await cluster.record(0, .receipt(try #require(RightsCluster.sku), 5))
        try await cluster.settle()
        cluster.hubReads = { body in
            if case .itemRegistered = body { return false }
            return true
        }
        return cluster
    }

    /// What an item's sums are at a node, with what is pending and parked.
    private func summary(
        _ cluster: RightsCluster,
        _ index: Int,
        _ sku: SKU,
        _ view: StateView = .overlay
    ) async throws -> StockSummary? {
        let home = try #require(SiteCode(Self.lon))
        let key = StockKey(home: home, sku: sku)
        let bytes = try await cluster.nodes[index].log.read {
            try $0.source(view).row(.summary, key.bytes)
        }
        return try bytes.map { try StockSummary(bytes: $0) }
    }

    private func open(_ cluster: RightsCluster) async throws -> [ParkedRow] {
        try await cluster.rows(ParkedRow.self).map(\.row).filter { !$0.isClosed }
    }

    private func upgrade(_ cluster: inout RightsCluster) async throws -> Int {
        cluster.hubReads = { _ in true }
        let (ledger, now) = (cluster.ledger, cluster.now)
        return try await cluster.hub.write { try ledger.releaseParked(in: $0, at: now) }
    }

    @Test
    func `what an old hub cannot read stays visible at its author and counts once it is upgraded`()
        async throws
    {
        var cluster = try await clusterWithOldHub()
        let q = try sku("Q")
        try await cluster.record(0, .item(q))
        try await cluster.record(0, .receipt(q, 10))
        let promise = try await cluster.record(0, .confirm(document("SO-1"), q, 4))
        #expect(promise.isFinal == true)
        try await cluster.record(0, .pick(document("SO-1")))
        try await cluster.settle()

        #expect(
            try await open(cluster).map(\.code).sorted() == [
                "unknown_sku", "unknown_sku", "unknown_sku", "unknown_type",
            ]
        )
        #expect(try await cluster.disagreements() == [])
        let seen = try #require(await summary(cluster, 0, q))
        #expect(try seen.onHand().units == 10)
        #expect(seen.picked.units == 4)
        #expect(try await summary(cluster, 0, q, .base) == nil)
        #expect(try await summary(cluster, 1, q) == nil)

        // Work goes on while they are parked, on what they mean, and nothing is lost of them.
        for round in 2...4 {
            try await cluster.record(0, .confirm(document("SO-\(round)"), q, 1))
            try await cluster.record(0, .receipt(try #require(RightsCluster.sku), 1))
            try await cluster.settle()
            let later = try #require(await summary(cluster, 0, q))
            #expect(try later.onHand().units == 10)
            #expect(later.reserved.units == Int64(round - 1))
        }
        let progress = try await cluster.nodes[0].log.read { try $0.progress() }
        #expect(progress.parked == 7)

        let released = try await upgrade(&cluster)
        #expect(released == 1, "the item; what waited for it follows by itself")
        #expect(try await open(cluster).isEmpty)
        #expect(try await cluster.rows(AwaitedRow.self).isEmpty)
        try await cluster.settle()
        #expect(try await cluster.disagreements() == [])
        for index in 0...1 {
            let now = try #require(await summary(cluster, index, q, .base))
            #expect(try now.onHand().units == 10)
            #expect([now.picked.units, now.reserved.units] == [4, 3])
        }
        let after = try await cluster.nodes[0].log.read { try $0.progress() }
        #expect(after.parked == 0 && after.digestAgrees)
        let line = try await cluster.line("SO-1", at: Self.lon)
        #expect(line.picked.units == 4)
        let exceptions = try await cluster.rows(ExceptionRow.self).map(\.row.code)
        #expect(exceptions == [], "released in the order in which they were recorded")
        for index in cluster.nodes.indices {
            let (log, identity) = (
                cluster.nodes[index].log, cluster.nodes[index].ledger.identity
            )
            let proof = try await log.read { try Verification.ofNode(identity, in: $0) }
            #expect(proof.findings.isEmpty)
        }
        let ledger = cluster.ledger
        let proof = try await cluster.hub.read {
            Verification.ofHub(ledger.identity, epoch: ledger.epoch, in: $0)
        }
        #expect(proof.findings.isEmpty)
    }

    @Test func `a released fact keeps its own time, and is concurrent with what came meanwhile`()
        async throws
    {
        var cluster = try await clusterWithOldHub()
        let q = try sku("Q")
        try await cluster.record(0, .item(q))
        try await cluster.record(0, .receipt(q, 10))
        let recordedAt = cluster.now
        try await cluster.settle()
        cluster.now = cluster.now.adding(microseconds: 3_600_000_000)
        _ = try await upgrade(&cluster)
        let movements = try await cluster.rows(MovementRow.self).filter { $0.key.stock.sku == q }
        #expect(movements.map(\.key.place.effective) == [recordedAt])
        let journal = try await cluster.rows(JournalRow.self).map(\.row)
        let received = try #require(journal.last)
        #expect(received.valuedAt == recordedAt)
    }

    @Test func `a parked event that a person closes is no longer shown at its author`() async throws
    {
        var cluster = try await clusterWithOldHub()
        let q = try sku("Q")
        let item = try await cluster.record(0, .item(q))
        let receipt = try await cluster.record(0, .receipt(q, 10))
        try await cluster.settle()
        let (first, second) = (try #require(item.event), try #require(receipt.event))

        let early = try await cluster.recordAtHub(
            nil,
            .parkedReleased(ParkedRelease(event: second))
        )
        #expect(early.refusal?.code == .unknownSKU)
        let closing = ParkedCompensation(event: second, reason: "received again")
        let closed = try await cluster.recordAtHub(nil, .parkedCompensated(closing))
        #expect(closed.event != nil)
        let again = try await cluster.recordAtHub(nil, .parkedCompensated(closing))
        #expect(again.refusal?.code.text == "already_decided")
        let retried = try await cluster.recordAtHub(
            nil,
            .parkedReleased(ParkedRelease(event: second))
        )
        #expect(retried.refusal?.code.text == "already_decided")
        try await cluster.settle()
        #expect(try await summary(cluster, 0, q) == nil)
        #expect(try await cluster.disagreements() == [])

        // What was closed stays closed when the hub is upgraded.
        #expect(try await upgrade(&cluster) == 1)
        try await cluster.settle()
        #expect(try await summary(cluster, 0, q, .base) == nil)
        #expect(try await open(cluster).isEmpty)
        #expect(try await cluster.rows(AwaitedRow.self).isEmpty, "nothing waits any more")
        let rows = try await cluster.rows(ParkedRow.self)
        #expect(rows.first { $0.key.event == first }?.row.closing?.outcome == .released)
        #expect(rows.first { $0.key.event == second }?.row.closing?.reason == "received again")
    }

    @Test func `only the hub releases and closes, and only what is parked`() async throws {
        var cluster = try await clusterWithOldHub()
        let receipt = try await cluster.record(0, .receipt(try #require(RightsCluster.sku), 1))
        try await cluster.settle()
        let event = try #require(receipt.event)
        let release = EventBody.parkedReleased(ParkedRelease(event: event))
        let closing = EventBody.parkedCompensated(ParkedCompensation(event: event, reason: "x"))
        for body in [release, closing] {
            #expect(try await cluster.record(0, body).refusal?.code.text == "hub_only")
            let refused = try await cluster.recordAtHub(nil, body)
            #expect(refused.refusal?.code.text == "unknown_parked")
        }
        let nowhere = EventID(node: event.node, sequence: 99)
        let unknown = EventBody.parkedReleased(ParkedRelease(event: nowhere))
        #expect(try await cluster.recordAtHub(nil, unknown).refusal?.code.text == "unknown_parked")
        // A node that says so all the same is not believed, nor one that decides for other sites.
        let foreign = Decision(
            subject: "c-0",
            choice: "release",
            sites: [try #require(SiteCode("MUC"))]
        )
        for body in [closing, .conflictResolved(foreign)] {
            let vetted = try await vetted(body, nowhere, cluster)
            #expect(vetted.body.type == "\(body.type) for another site")
        }
    }

    /// What the hub makes of an event that a node of the site pushes.
    private func vetted(
        _ body: EventBody,
        _ id: EventID,
        _ cluster: RightsCluster
    ) async throws -> InventoryEvent {
        let site = try #require(SiteCode(Self.lon))
        let event = InventoryEvent(
            id: id,
            site: site,
            recordedAt: HybridTimestamp(wall: cluster.now, counter: 0),
            context: .empty,
            body: body
        )
        let ledger = cluster.ledger
        return try await cluster.hub.read { log in
            var state = ledger.state(in: log)
            return try ledger.vetted(event, site, &state)
        }
    }

    @Test func `a release that carries another release is refused`() throws {
        let inner = InventoryEvent(
            id: EventID(node: NodeID(high: 1, low: 2), sequence: 3),
            site: try #require(SiteCode(Self.lon)),
            recordedAt: HybridTimestamp(wall: Instant(microseconds: 5), counter: 0),
            context: .empty,
            body: .unknown(type: "x")
        )
        var event = inner
        for _ in 0..<2 {
            event.body = .parkedReleased(ParkedRelease(event: inner.id, content: event))
        }
        #expect(throws: ReplicationError.self) {
            try WireFormat.decodeEvent(WireFormat.encode(event))
        }
    }

    @Test func `a decision about a conflict closes it at every site that shows it`() async throws {
        var cluster = try await RightsCluster(["LON", "LON", "MUC", "MUC"])
        let p = try #require(RightsCluster.sku)
        let (lon, muc) = (try #require(SiteCode("LON")), try #require(SiteCode("MUC")))
        try await cluster.record(0, .item(p))
        try await cluster.record(0, .receipt(p, 9))
        let line = EventLine(sku: p, quantity: Quantity(units: 4), line: 1)
        let transfer = try document("T-1")
        try await cluster.record(
            0,
            .transferDispatched(Transfer(transfer: transfer, toSite: muc, lines: [line]))
        )
        try await cluster.settle()
        let arrival = Transfer(transfer: transfer, fromSite: lon, lines: [line])
        for index in 2...3 { try await cluster.record(index, .transferReceived(arrival)) }
        try await cluster.settle()
        let conflicts = try await cluster.rows(ConflictRow.self).filter { !$0.row.isResolved }
        #expect(conflicts.map(\.key.home) == [lon, muc])
        let id = try #require(conflicts.first?.key.id)

        // Two decide at once; the first in the hub's order stands.
        let release = Decision(subject: id, choice: "release", reason: "both are there")
        try await cluster.record(0, .conflictResolved(release))
        try await cluster.record(2, .conflictResolved(Decision(subject: id, choice: "reverse")))
        try await cluster.record(3, .conflictResolved(release))
        try await cluster.settle()
        #expect(try await cluster.disagreements() == [])
        let resolved = try await cluster.rows(ConflictRow.self).filter { $0.key.id == id }
        #expect(resolved.map(\.row.choice) == ["release", "release"])
        #expect(resolved.allSatisfy { $0.row.isResolved && !$0.row.resolution.isEmpty })
        let rejected = try await open(cluster)
        #expect(Set(rejected.map(\.code)) == ["already_decided"])
        let late = try await cluster.recordAtHub(
            nil,
            .conflictResolved(Decision(subject: id, choice: "reverse"))
        )
        #expect(late.refusal?.code.text == "already_decided")
        let unknown = Decision(subject: "c-none", choice: "x")
        let refused = try await cluster.recordAtHub(nil, .conflictResolved(unknown))
        #expect(refused.refusal?.code.text == "unknown_conflict")
    }
}
