import Causality
import InventoryEngine
import Replication
import TestSupport
import Testing

/// What a network decides about how its rules work.
@Suite(.tags(.simulation))
struct PolicyTests {
    private func document(_ text: String) throws -> DocumentID { try #require(DocumentID(text)) }

    /// Two nodes of one site with ten units at 1.00.
    private func cluster() async throws -> RightsCluster {
        var cluster = try await RightsCluster(["LON", "LON"])
        let sku = try #require(RightsCluster.sku)
        try await cluster.record(0, .item(sku))
        try await cluster.record(0, .receipt(sku, 10))
        try await cluster.settle()
        return cluster
    }

    private func set(
        _ cluster: inout RightsCluster,
        _ policy: String,
        _ value: String
    ) async throws -> Recording {
        let change = EventBody.policySet(PolicyChange(policy: policy, value: value))
        let result = try await cluster.recordAtHub(nil, change)
        try await cluster.settle()
        return result
    }

    private func count(
        _ cluster: inout RightsCluster,
        _ name: String,
        _ units: Int64
    ) async throws -> AdjustmentRow? {
        let sku = try #require(RightsCluster.sku)
        let line = EventLine(sku: sku, quantity: Quantity(units: units))
        let body = EventBody.countRecorded(StockCount(count: try document(name), lines: [line]))
        #expect(try await cluster.record(0, body).refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.disagreements() == [])
        let rows = try await cluster.rows(AdjustmentRow.self)
        return try rows.first { try $0.key.document == document(name) }?.row
    }

    @Test func `a policy reaches every node, and only the hub sets it`() async throws {
        var cluster = try await cluster()
        #expect(try await set(&cluster, "approval", "single").refusal == nil)
        #expect(try await cluster.disagreements() == [])
        for node in cluster.nodes {
            let key = PolicyRow.Key(name: "approval").bytes
            let bytes = try await node.log.read { try $0.source(.base).row(.policy, key) }
            #expect(try PolicyRow(bytes: #require(bytes)).value == "single")
        }
        let own = EventBody.policySet(PolicyChange(policy: "approval", value: "single"))
        #expect(try await cluster.record(0, own).refusal?.code.text == "hub_only")
        for (policy, value, code) in [
            ("colour", "red", "unknown_policy"), ("approval", "nobody", "policy_invalid"),
            ("count_tolerance_quantity", "-1", "policy_invalid"),
            ("count_tolerance_quantity", "1.", "policy_invalid"),
            ("count_tolerance_value", "1e9", "policy_invalid"),
            ("count_tolerance_value", "99999999999999999999", "policy_invalid"),
            ("count_guard_seconds", "3601", "policy_invalid"),
            ("rights_share_hub", "101", "policy_invalid"),
            ("rights_share_node", "", "policy_invalid"),
        ] {
            let refused = try await set(&cluster, policy, value)
            #expect(refused.refusal?.code.text == code, "\(policy) \(value)")
        }
    }

    @Test func `an adjustment is approved by another than its proposer, unless one is enough`()
        async throws
    {
        var cluster = try await cluster()
        let sku = try #require(RightsCluster.sku)
        let line = EventLine(sku: sku, quantity: Quantity(units: -1))
        let adjustment = try document("J-1")
        let proposal = Adjustment(adjustment: adjustment, reason: "broken", lines: [line])
        let approval = EventBody.adjustmentApproved(Adjustment(adjustment: adjustment))
        try await cluster.record(0, .adjustmentProposed(proposal), actor: "ann")
        let own = try await cluster.record(0, approval, actor: "ann")
        #expect(own.refusal?.code.text == "approver_is_proposer")
        _ = try await set(&cluster, "approval", "single")
        #expect(try await cluster.record(0, approval, actor: "ann").refusal == nil)
    }

    private func order(
        _ cluster: inout RightsCluster,
        _ node: Int,
        _ name: String,
        _ units: Int64
    ) async throws {
        let sku = try #require(RightsCluster.sku)
        let line = EventLine(sku: sku, quantity: Quantity(units: units))
        let order = OrderConfirmation(order: try document(name), lines: [line])
        #expect(try await cluster.record(node, .orderConfirmed(order)).refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.disagreements() == [])
    }

    private func line(_ cluster: RightsCluster, _ name: String) async throws -> OrderLineRow {
        let rows = try await cluster.rows(OrderLineRow.self)
        return try #require(try rows.first { try $0.key.order == document(name) }?.row)
    }

    private func rejections(_ cluster: RightsCluster) async throws -> Int {
        try await cluster.rows(ExceptionRow.self).count { $0.row.code == "promise_rejected" }
    }

    @Test func `a promise that nobody can keep waits, or is rejected once, as the network says`()
        async throws
    {
        var cluster = try await cluster()
        try await order(&cluster, 0, "SO-1", 12)
        #expect(try await line(cluster, "SO-1").backordered.units == 2, "it waits by default")
        _ = try await set(&cluster, "backorder_compensation", "reject")
        #expect(try await line(cluster, "SO-1").backordered.units == 2, "that is decided already")
        try await order(&cluster, 0, "SO-2", 3)
        for name in ["SO-1", "SO-2"] {
            let row = try await line(cluster, name)
            #expect(row.backordered.isZero && row.cancelled.units > 0, "\(name)")
            #expect(row.reserved.units == (name == "SO-1" ? 10 : 0))
        }
        #expect(try await rejections(cluster) == 2)
        try await cluster.settle()
        #expect(try await rejections(cluster) == 2, "once each")
        // Only the hub rejects, whoever a person claims to be.
        let cancel = OrderWork(order: try document("SO-1"))
        let claimed = try await cluster.record(0, .orderCancelled(cancel), actor: "compensation")
        #expect(claimed.refusal == nil)
        try await cluster.settle()
        #expect(try await rejections(cluster) == 2)
    }

    @Test func `what another node can spare is promised before anything is rejected`()
        async throws
    {
        var cluster = try await cluster()
        _ = try await set(&cluster, "backorder_compensation", "reject")
        let sku = try #require(RightsCluster.sku)
        let grant = RightsGrant(
            sku: sku,
            quantity: Quantity(units: 4),
            to: cluster.nodes[1].id
        )
        #expect(try await cluster.record(0, .rightsGranted(grant)).refusal == nil)
        try await cluster.settle()
        try await order(&cluster, 0, "SO-1", 8)
        #expect(try await line(cluster, "SO-1").reserved.units == 8)
        #expect(try await rejections(cluster) == 0)
        try await order(&cluster, 0, "SO-2", 5)
        let row = try await line(cluster, "SO-2")
        #expect(row.reserved.units == 2)
        #expect(row.cancelled.units == 3)
        #expect(try await rejections(cluster) == 1)
    }

    @Test func `a variance within the tolerance is approved by itself, beyond it by a person`()
        async throws
    {
        var cluster = try await cluster()
        #expect(try await count(&cluster, "C-0", 9)?.state == .proposed, "none by default")
        _ = try await set(&cluster, "count_tolerance_quantity", "2")
        let within = try await count(&cluster, "C-1", 8)
        #expect(within?.state == .approved)
        let decided = try #require(within?.decidedBy)
        #expect(decided.id.node == cluster.nodes[0].id)
        #expect(try await cluster.summary(at: "LON").onHand().units == 8)
        #expect(try await count(&cluster, "C-2", 5)?.state == .proposed)
        // Both limits hold where both are set: one unit is worth 1.00.
        _ = try await set(&cluster, "count_tolerance_value", "0.99")
        #expect(try await count(&cluster, "C-3", 7)?.state == .proposed)
        _ = try await set(&cluster, "count_tolerance_value", "1")
        #expect(try await count(&cluster, "C-4", 7)?.state == .approved)
        _ = try await set(&cluster, "count_tolerance_value", "100")
        #expect(try await count(&cluster, "C-7", 4)?.state == .proposed, "three units")
        _ = try await set(&cluster, "count_tolerance_value", "1")
        _ = try await set(&cluster, "count_tolerance_quantity", "none")
        #expect(try await count(&cluster, "C-5", 5)?.state == .proposed, "worth 2.00")
        _ = try await set(&cluster, "count_tolerance_value", "none")
        #expect(try await count(&cluster, "C-6", 6)?.state == .proposed)
    }

    @Test func `a count recorded at the hub is approved there`() async throws {
        var cluster = try await cluster()
        _ = try await set(&cluster, "count_tolerance_quantity", "1")
        let sku = try #require(RightsCluster.sku)
        let line = EventLine(sku: sku, quantity: Quantity(units: 11))
        let body = EventBody.countRecorded(StockCount(count: try document("C-1"), lines: [line]))
        #expect(try await cluster.recordAtHub("LON", body).refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.summary(at: "LON").onHand().units == 11)
        #expect(try await cluster.disagreements() == [])
    }

    @Test func `a wider guard window makes more counts doubtful`() async throws {
        for (seconds, tasks) in [("60", 0), ("600", 1)] {
            var cluster = try await cluster()
            _ = try await set(&cluster, "count_guard_seconds", seconds)
            let sku = try #require(RightsCluster.sku)
            let line = EventLine(sku: sku, quantity: Quantity(units: 10))
            let count = StockCount(count: try document("C-1"), lines: [line])
            try await cluster.record(0, .countRecorded(count))
            cluster.now = cluster.now.adding(microseconds: 300_000_000)
            try await cluster.record(1, .receipt(sku, 3))
            try await cluster.settle()
            let found = try await cluster.rows(TaskRow.self).filter { $0.key.purpose == .recount }
            #expect(found.count == tasks, "a window of \(seconds) seconds")
            #expect(try await cluster.disagreements() == [])
        }
    }

    @Test func `nodes give others as much of what they can spare as the policy says`() async throws
    {
        for (share, given) in [("0", 0), ("30", 3), ("100", 10)] as [(String, Int64)] {
            var cluster = try await cluster()
            _ = try await set(&cluster, "rights_share_node", share)
            let sku = try #require(RightsCluster.sku)
            let ask = RightsRequest(
                sku: sku,
                quantity: Quantity(units: 10),
                to: cluster.nodes[0].id
            )
            try await cluster.record(1, .rightsRequested(ask))
            try await cluster.settle()
            #expect(try await cluster.balance(cluster.nodes[1].id, at: "LON") == given)
        }
    }
}
