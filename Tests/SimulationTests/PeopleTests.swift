import Causality
import InventoryEngine
import Replication
import TestSupport
import Testing

/// Who may record, and what: people of the network, their roles, and the proof of who acts.
@Suite(.tags(.simulation))
struct PeopleTests {
    private func person(
        _ name: String,
        _ role: PersonRole? = nil,
        token: String? = nil
    ) throws -> PersonChange {
        PersonChange(
            person: try #require(ActorID(name)),
            role: role,
            credential: token.map { ContentHash.of(Array($0.utf8)) }
        )
    }

    /// A worker, an approver and a manager, each with the own name's letters as token.
    private func cluster() async throws -> RightsCluster {
        var cluster = try await RightsCluster(["LON", "LON"])
        let sku = try #require(RightsCluster.sku)
        try await cluster.record(0, .item(sku))
        try await cluster.record(0, .receipt(sku, 10))
        for (name, role) in [
            ("ann", .worker), ("bea", .approver), ("cat", .manager),
        ] as [(String, PersonRole)] {
            let change = try person(name, role, token: "token of \(name)")
            #expect(try await cluster.recordAtHub(nil, .personRegistered(change)).refusal == nil)
        }
        try await cluster.settle()
        return cluster
    }

    private func scrap() throws -> EventBody {
        let sku = try #require(RightsCluster.sku)
        let line = EventLine(sku: sku, quantity: Quantity(units: 1))
        return .scrapped(StockChange(reason: "broken", lines: [line]))
    }

    private func demand(_ cluster: inout RightsCluster, _ value: String) async throws {
        let change = EventBody.policySet(PolicyChange(policy: "actors", value: value))
        #expect(try await cluster.recordAtHub(nil, change).refusal == nil)
        try await cluster.settle()
    }

    private func code(
        _ cluster: inout RightsCluster,
        _ body: EventBody,
        _ actor: String?,
        _ token: String? = nil
    ) async throws -> String? {
        try await cluster.record(1, body, actor: actor, token: token).refusal?.code.text
    }

    @Test func `people replicate to every node, and only the hub registers them`() async throws {
        var cluster = try await cluster()
        #expect(try await cluster.disagreements() == [])
        for node in cluster.nodes {
            let key = PersonRow.Key(person: try #require(ActorID("bea"))).bytes
            let bytes = try await node.log.read { try $0.source(.base).row(.person, key) }
            #expect(try PersonRow(bytes: #require(bytes)).role == .approver)
        }
        let own = EventBody.personRegistered(try person("eve", .manager))
        #expect(try await code(&cluster, own, nil) == "hub_only")
        let again = try await cluster.recordAtHub(nil, .personRegistered(person("ann")))
        #expect(again.refusal?.code.text == "person_exists")
        let unknown = try await cluster.recordAtHub(nil, .personChanged(person("eve")))
        #expect(unknown.refusal?.code.text == "unknown_person")
        var stale = try person("ann", .manager)
        stale.baseVersion = 7
        let late = try await cluster.recordAtHub(nil, .personChanged(stale))
        #expect(late.refusal?.code.text == "version_stale")
    }

    @Test func `the token proves who acts, without any hub, and is recorded nowhere`()
        async throws
    {
        var cluster = try await cluster()
        let proved = try await cluster.record(1, scrap(), actor: "ann", token: "token of ann")
        let said = try await cluster.record(1, scrap(), actor: "ann")
        for (recording, isVerified) in [(proved, true), (said, false)] {
            let id = try #require(recording.event)
            let sealed = try await cluster.nodes[1].log.read { try $0.event(id) }
            let bytes = try #require(sealed).bytes
            #expect(try WireFormat.decodeEvent(bytes).isActorVerified == isVerified)
            #expect(!String(decoding: bytes, as: UTF8.self).contains("token of"))
        }
        #expect(try await code(&cluster, scrap(), "ann", "token of bea") == "actor_not_verified")
        #expect(try await code(&cluster, scrap(), nil, "token of ann") == "actor_not_verified")
        // Who is retired proves nothing any more, and another token replaces the old one.
        let change = try person("ann", token: "new")
        try await cluster.recordAtHub(nil, .personChanged(change))
        try await cluster.recordAtHub(nil, .personRetired(person("bea")))
        try await cluster.settle()
        #expect(try await code(&cluster, scrap(), "ann", "token of ann") == "actor_not_verified")
        #expect(try await code(&cluster, scrap(), "ann", "new") == nil)
        #expect(try await code(&cluster, scrap(), "bea", "token of bea") == "actor_not_verified")
    }

    @Test func `a network says whether it asks who acts, and for the proof`() async throws {
        var cluster = try await cluster()
        #expect(try await code(&cluster, scrap(), nil) == nil)
        #expect(try await code(&cluster, scrap(), "eve") == nil)
        try await demand(&cluster, "known")
        #expect(try await code(&cluster, scrap(), nil) == "actor_missing")
        #expect(try await code(&cluster, scrap(), "eve") == "unknown_person")
        #expect(try await code(&cluster, scrap(), "ann") == nil)
        try await demand(&cluster, "verified")
        #expect(try await code(&cluster, scrap(), "ann") == "actor_not_verified")
        #expect(try await code(&cluster, scrap(), "ann", "token of ann") == nil)
        // What the program does by itself goes on.
        let sku = try #require(RightsCluster.sku)
        let line = EventLine(sku: sku, quantity: Quantity(units: 1))
        var order = OrderConfirmation(order: try #require(DocumentID("SO-1")), lines: [line])
        order.holdUntil = cluster.now.adding(microseconds: 60_000_000)
        let confirmed = try await cluster.record(
            0,
            .orderConfirmed(order),
            actor: "ann",
            token: "token of ann"
        )
        #expect(confirmed.refusal == nil)
        cluster.now = cluster.now.adding(microseconds: 120_000_000)
        #expect(try await cluster.expire(0) == 1)
        try await cluster.settle()
        #expect(try await cluster.disagreements() == [])
    }

    @Test func `a role says what a person may do`() async throws {
        var cluster = try await cluster()
        let sku = try #require(RightsCluster.sku)
        let line = EventLine(sku: sku, quantity: Quantity(units: -1))
        let id = try #require(DocumentID("J-1"))
        let proposal = Adjustment(adjustment: id, reason: "broken", lines: [line])
        #expect(try await code(&cluster, .adjustmentProposed(proposal), "dan") == nil)
        let approval = EventBody.adjustmentApproved(Adjustment(adjustment: id))
        #expect(try await code(&cluster, approval, "ann") == "role_missing")
        let approved = try await cluster.record(1, approval, actor: "bea")
        #expect(approved.refusal == nil)
        let event = try #require(approved.event)
        let reversal = EventBody.reversed(Reversal(event: event, reason: "found"))
        #expect(try await code(&cluster, reversal, "bea") == "role_missing")
        // What stock is worth is for managers too.
        let worth = Revaluation(sku: sku, amount: Money(units: 1))
        for body in [
            EventBody.stockRevalued(worth), .writtenDown(worth),
            .standardCostSet(CostingChange(sku: sku)), .costingChanged(CostingChange(sku: sku)),
            .landedCostAllocated(LandedCost(amount: Money(units: 1))),
        ] {
            #expect(try await code(&cluster, body, "bea") == "role_missing", "\(body.type)")
        }
        #expect(try await code(&cluster, reversal, "cat") == nil)
    }
}
