import Causality
import InventoryEngine
import Replication
import TestSupport
import Testing

/// Promise rights among several nodes: what each may promise while it is cut off, and what the hub
/// settles when it has been heard.
@Suite(.tags(.simulation), .timeLimit(.minutes(20)))
struct RightsTests {
    private func sku() throws -> SKU { try #require(RightsCluster.sku) }
    private func order(_ text: String) throws -> DocumentID { try #require(DocumentID(text)) }

    /// Two nodes at LON, both active, with so many units whose rights the first one holds.
    private func twoNodes(units: Int64) async throws -> RightsCluster {
        var cluster = try await RightsCluster(["LON", "LON"])
        try await cluster.record(0, .item(sku()))
        try await cluster.record(0, .receipt(sku(), units))
        try await cluster.settle()
        return cluster
    }

    private func expectConserved(
        _ cluster: RightsCluster,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for site in Set(cluster.nodes.map(\.ledger.site.text)) {
            let summary = try await cluster.summary(at: site)
            #expect(try summary.rights == summary.free(), sourceLocation: sourceLocation)
        }
        #expect(try await cluster.disagreements() == [], sourceLocation: sourceLocation)
    }

    // MARK: Joining

    @Test func `a newcomer promises provisionally until the others know of it`() async throws {
        var cluster = try await RightsCluster(["LON"])
        try await cluster.record(0, .item(sku()))
        try await cluster.settle()
        var random = SeededGenerator(seed: 2)
        try await cluster.join("LON", using: &random)
        let newcomer = cluster.nodes[1].id
        try await cluster.pull(1)
        try await cluster.record(1, .receipt(sku(), 5))
        let early = try await cluster.record(1, .confirm(order("SO-1"), sku(), 1))
        #expect(early.isFinal == false, "the first node has not heard of the newcomer")
        try await cluster.settle()
        let active = try await cluster.rows(NodeRow.self).first { $0.key.node == newcomer }
        #expect(active?.row.isActive == true)
        let late = try await cluster.record(1, .confirm(order("SO-2"), sku(), 2))
        #expect(late.isFinal == true)
        try await cluster.settle()
        #expect(try await cluster.line("SO-1", at: "LON").reserved.units == 1)
        try await expectConserved(cluster)
    }

    @Test func `a retired node is waited for no longer, and only then loses its rights`()
        async throws
    {
        var cluster = try await twoNodes(units: 10)
        let (first, second) = (cluster.nodes[0].id, cluster.nodes[1].id)
        let reclaim = EventBody.rightsReclaimed(
            RightsReclaim(sku: try sku(), quantity: Quantity(units: 10), from: first, to: second)
        )
        let early = try await cluster.recordAtHub("LON", reclaim)
        #expect(early.refusal?.code.text == "node_active")
        try await cluster.recordAtHub("LON", .nodeRetired(NodeChange(node: first)))
        let done = try await cluster.recordAtHub("LON", reclaim)
        #expect(done.refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.balance(second, at: "LON") == 10)
        let final = try await cluster.record(1, .confirm(order("SO-1"), sku(), 10))
        #expect(final.isFinal == true)
        let again = try await cluster.recordAtHub("LON", .nodeRetired(NodeChange(node: first)))
        #expect(again.refusal?.code.text == "node_retired")
    }

    @Test func `a node cannot thaw, activate, retire or reclaim`() async throws {
        var cluster = try await twoNodes(units: 3)
        let node = cluster.nodes[1].id
        for body: EventBody in [
            .nodeActivated(NodeChange(node: node)), .nodeRetired(NodeChange(node: node)),
            .rightsReclaimed(
                RightsReclaim(sku: try sku(), quantity: Quantity(units: 1), from: node)
            ),
            .rightsThawed(RightsThaw(items: [])),
        ] {
            let refused = try await cluster.record(0, body)
            #expect(["hub_only", "not_a_command"].contains(refused.refusal?.code.text))
        }
    }

    // MARK: Granting

    @Test func `rights that are granted are usable once they arrive, and gone at once`()
        async throws
    {
        var cluster = try await twoNodes(units: 10)
        let second = cluster.nodes[1].id
        let none = try await cluster.record(1, .confirm(order("SO-0"), sku(), 1))
        #expect(none.isFinal == false)
        try await cluster.settle()
        // The hub has asked for it, and the first node gave it.
        #expect(try await cluster.line("SO-0", at: "LON").reserved.units == 1)
        let grant = RightsGrant(sku: try sku(), quantity: Quantity(units: 4), to: second)
        #expect(try await cluster.record(0, .rightsGranted(grant)).refusal == nil)
        let tooMuch = try await cluster.record(0, .confirm(order("SO-1"), sku(), 6))
        #expect(tooMuch.isFinal == false, "five are left")
        #expect(try await cluster.record(1, .confirm(order("SO-2"), sku(), 4)).isFinal == false)
        try await cluster.settle()
        // What was granted serves the oldest promise first, whoever made it.
        #expect(try await cluster.line("SO-1", at: "LON").reserved.units == 6)
        #expect(try await cluster.line("SO-2", at: "LON").reserved.units == 3)
        try await expectConserved(cluster)
    }

    @Test func `nobody grants more than it may promise`() async throws {
        var cluster = try await twoNodes(units: 10)
        let grant = RightsGrant(
            sku: try sku(),
            quantity: Quantity(units: 11),
            to: cluster.nodes[1].id
        )
        let refused = try await cluster.record(0, .rightsGranted(grant))
        #expect(refused.refusal?.code.text == "insufficient_rights")
        let own = RightsGrant(sku: try sku(), quantity: Quantity(units: 1), to: cluster.nodes[0].id)
        let toSelf = try await cluster.record(0, .rightsGranted(own))
        #expect(toSelf.refusal?.code.text == "unknown_node")
    }

    @Test func `a request of another node gets half of what can be spared, and is answered once`()
        async throws
    {
        var cluster = try await twoNodes(units: 10)
        let (first, second) = (cluster.nodes[0].id, cluster.nodes[1].id)
        let request = RightsRequest(sku: try sku(), quantity: Quantity(units: 9), to: first)
        #expect(try await cluster.record(1, .rightsRequested(request)).refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.balance(second, at: "LON") == 5)
        #expect(try await cluster.rows(RightsRequestRow.self).isEmpty)
        #expect(try await cluster.record(1, .confirm(order("SO-1"), sku(), 5)).isFinal == true)
        try await cluster.settle()
        try await expectConserved(cluster)
    }

    @Test func `by policy a node brings the others up to their part before anybody asks`()
        async throws
    {
        var cluster = try await twoNodes(units: 1)
        let (one, two) = (cluster.nodes[0].id, cluster.nodes[1].id)
        let hub = cluster.ledger.identity.node
        func balances() async throws -> [Int64] {
            var found: [Int64] = []
            for holder in [one, two, hub] {
                found.append(try await cluster.balance(holder, at: "LON"))
            }
            return found
        }
        for (policy, value) in [("rights_topup_node", "40"), ("rights_topup_hub", "10")] {
            let change = PolicyChange(policy: policy, value: value)
            try await cluster.recordAtHub(nil, .policySet(change))
        }
        try await cluster.settle()
        try await cluster.record(0, .receipt(sku(), 99))
        let lon = cluster.nodes[0].ledger.site
        let key = RightsRow.Key(home: lon, sku: try sku(), holder: .node(one))
        let held = try await cluster.nodes[0].log.read { log in
            try log.source(.overlay).row(.rights, key.bytes)
        }
        #expect(try held.map { try RightsRow(bytes: $0).balance.units } == 100, "while cut off")
        try await cluster.settle()
        #expect(try await balances() == [54, 40, 6])

        // What the second node promises brings it below half of its part only in the end.
        try await cluster.record(1, .confirm(order("SO-1"), sku(), 15))
        try await cluster.settle()
        #expect(try await balances()[1] == 25)
        let final = try await cluster.record(1, .confirm(order("SO-2"), sku(), 20))
        #expect(final.isFinal == true)
        try await cluster.settle()
        // 5 and 54 are 59, of which 40 in a hundred are 23.
        #expect(try await balances() == [36, 23, 6])
        // Cut off, both can promise.
        for (node, name, units) in [(0, "SO-3", 36), (1, "SO-4", 23)] as [(Int, String, Int64)] {
            let promise = try await cluster.record(node, .confirm(order(name), sku(), units))
            #expect(promise.isFinal == true)
        }
        try await cluster.settle()
        try await expectConserved(cluster)
    }

    @Test func `nobody asks for what it could not promise`() async throws {
        var cluster = try await RightsCluster(["LON", "MAN"])
        try await cluster.record(0, .item(sku()))
        try await cluster.record(0, .receipt(sku(), 4))
        try await cluster.settle()
        var request = RightsRequest(
            sku: try sku(),
            quantity: Quantity(units: 2),
            to: cluster.nodes[0].id
        )
        let unnamed = try await cluster.record(1, .rightsRequested(request))
        #expect(unnamed.refusal?.code.text == "holder_elsewhere")
        request.stockSite = SiteCode("LON")
        let named = try await cluster.record(1, .rightsRequested(request))
        #expect(named.refusal == nil, "it can promise what LON ships for it")
        try await cluster.settle()
        #expect(try await cluster.balance(cluster.nodes[0].id, at: "LON") == 2)
        #expect(try await cluster.balance(cluster.nodes[1].id, at: "LON") == 2)
    }

    @Test func `the hub promises from rights of its own`() async throws {
        var cluster = try await twoNodes(units: 10)
        let hub = cluster.ledger.identity.node
        let grant = RightsGrant(sku: try sku(), quantity: Quantity(units: 3), to: hub)
        #expect(try await cluster.record(0, .rightsGranted(grant)).refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.summary(at: "LON").rightsGranted.units == 3)
        let web = try await cluster.recordAtHub("LON", .confirm(order("WEB-1"), sku(), 3))
        #expect(web.isFinal == true)
        let more = try await cluster.recordAtHub("LON", .confirm(order("WEB-2"), sku(), 1))
        #expect(more.isFinal == false)
        try await cluster.settle()
        #expect(try await cluster.line("WEB-2", at: "LON").reserved.units == 1, "it was asked for")
        try await expectConserved(cluster)
    }

    // MARK: The last units

    @Test func `two nodes that are cut off never promise one unit twice`() async throws {
        var cluster = try await twoNodes(units: 10)
        let second = cluster.nodes[1].id
        let grant = RightsGrant(sku: try sku(), quantity: Quantity(units: 4), to: second)
        try await cluster.record(0, .rightsGranted(grant))
        try await cluster.settle()
        // No link: each promises up to what it holds, and the rest provisionally.
        let one = try await cluster.record(0, .confirm(order("SO-1"), sku(), 8))
        let two = try await cluster.record(1, .confirm(order("SO-2"), sku(), 5))
        #expect(one.isFinal == false && two.isFinal == false)
        try await cluster.settle()
        #expect(try await cluster.line("SO-1", at: "LON").reserved.units == 6)
        #expect(try await cluster.line("SO-1", at: "LON").backordered.units == 2)
        #expect(try await cluster.line("SO-2", at: "LON").reserved.units == 4)
        #expect(try await cluster.line("SO-2", at: "LON").backordered.units == 1)
        // What comes in goes to the older promise first, and to the higher priority before it.
        try await cluster.record(1, .receipt(sku(), 2))
        try await cluster.settle()
        #expect(try await cluster.line("SO-1", at: "LON").backordered.units == 0)
        #expect(try await cluster.line("SO-2", at: "LON").backordered.units == 1)
        try await expectConserved(cluster)
    }

    @Test func `safety stock is promised by nobody of the site`() async throws {
        var cluster = try await RightsCluster(["LON", "LON"])
        var properties = ItemProperties(name: "P")
        properties.safetyStock = Quantity(units: 3)
        let registration = ItemRegistration(sku: try sku(), properties: properties)
        try await cluster.record(0, .itemRegistered(registration))
        try await cluster.record(0, .receipt(sku(), 5))
        try await cluster.settle()
        #expect(try await cluster.record(0, .confirm(order("SO-1"), sku(), 3)).isFinal == false)
        try await cluster.settle()
        #expect(try await cluster.line("SO-1", at: "LON").reserved.units == 2)
    }

    /// The receipt and the promise that follows leave the balance as it was; while the node has
    /// pulled only the receipt, the base says otherwise.
    @Test func `what is pending hides what the base says of rows that it left as they were`()
        async throws
    {
        var cluster = try await RightsCluster(["LON"])
        try await cluster.record(0, .item(sku()))
        try await cluster.settle()
        try await cluster.record(0, .confirm(order("SO-1"), sku(), 2))
        try await cluster.record(0, .receipt(sku(), 2))
        try await cluster.push(0)
        try await cluster.pull(0, bytesMax: 1)
        try await cluster.pull(0, bytesMax: 1)
        let second = try await cluster.record(0, .confirm(order("SO-2"), sku(), 2))
        #expect(second.isFinal == false, "the two units are promised to SO-1")
        try await cluster.settle()
        #expect(try await cluster.line("SO-1", at: "LON").reserved.units == 2)
        #expect(try await cluster.line("SO-2", at: "LON").backordered.units == 2)
        try await expectConserved(cluster)
    }

    // MARK: What claims free

    @Test func `what a cancellation frees is frozen until the other node has been heard`()
        async throws
    {
        var cluster = try await twoNodes(units: 10)
        let first = cluster.nodes[0].id
        try await cluster.record(0, .confirm(order("SO-1"), sku(), 10))
        try await cluster.settle()
        try await cluster.record(0, .cancel(order("SO-1")))
        let early = try await cluster.record(0, .confirm(order("SO-2"), sku(), 10))
        #expect(early.isFinal == false)
        try await cluster.push(0)
        #expect(try await cluster.balance(nil, at: "LON") == 10)
        // The other node picks without knowing of the cancellation: it takes the units back.
        let pick = try await cluster.record(1, .pick(order("SO-1")))
        #expect(pick.refusal == nil)
        try await cluster.pull(1)
        try await cluster.pull(1)
        #expect(try await cluster.balance(nil, at: "LON") == 10, "its pick is on its way")
        try await cluster.settle()
        #expect(try await cluster.balance(nil, at: "LON") == 0)
        #expect(try await cluster.balance(first, at: "LON") == 0)
        #expect(try await cluster.line("SO-2", at: "LON").backordered.units == 10)
        #expect(try await cluster.rows(FreezeRow.self).isEmpty)
        try await expectConserved(cluster)
    }

    @Test func `what nobody picked thaws, and is promised to who waits`() async throws {
        var cluster = try await twoNodes(units: 10)
        try await cluster.record(0, .confirm(order("SO-1"), sku(), 10))
        try await cluster.record(0, .confirm(order("SO-2"), sku(), 4))
        try await cluster.settle()
        try await cluster.record(0, .cancel(order("SO-1")))
        try await cluster.settle()
        #expect(try await cluster.line("SO-2", at: "LON").reserved.units == 4)
        #expect(try await cluster.balance(cluster.nodes[0].id, at: "LON") == 6)
        #expect(try await cluster.rows(FreezeRow.self).isEmpty)
        try await expectConserved(cluster)
    }

    @Test func `a node that is silent holds up its own site alone`() async throws {
        var cluster = try await RightsCluster(["LON", "LON", "MAN", "MAN"])
        try await cluster.record(0, .item(sku()))
        try await cluster.settle()
        for index in [0, 2] {
            try await cluster.record(index, .receipt(sku(), 5))
            try await cluster.record(index, .confirm(order("SO-1"), sku(), 5))
        }
        try await cluster.settle()
        for index in [0, 2] { try await cluster.record(index, .cancel(order("SO-1"))) }
        for _ in 0..<4 {
            for index in [0, 2, 3] {
                try await cluster.push(index)
                try await cluster.pull(index)
            }
        }
        #expect(try await cluster.balance(nil, at: "LON") == 5, "LON-2 says nothing")
        #expect(try await cluster.balance(nil, at: "MAN") == 0)
        try await cluster.settle()
        #expect(try await cluster.balance(nil, at: "LON") == 0)
        try await expectConserved(cluster)
    }

    @Test func `the only node of a site waits for nobody`() async throws {
        var cluster = try await RightsCluster(["LON", "MAN"])
        try await cluster.record(0, .item(sku()))
        try await cluster.record(0, .receipt(sku(), 5))
        try await cluster.record(0, .confirm(order("SO-1"), sku(), 5))
        try await cluster.settle()
        try await cluster.record(0, .cancel(order("SO-1")))
        #expect(try await cluster.record(0, .confirm(order("SO-2"), sku(), 5)).isFinal == true)
        try await cluster.settle()
        #expect(try await cluster.balance(nil, at: "LON") == 0)
        try await expectConserved(cluster)
    }

    @Test func `what another holder owes is not promised`() async throws {
        var cluster = try await RightsCluster(["LON", "LON"])
        let sku = try #require(RightsCluster.sku)
        try await cluster.record(0, .item(sku))
        try await cluster.record(0, .receipt(sku, 10))
        try await cluster.settle()
        // The second node holds nothing, and writes off what the first one could promise.
        let lost = EventLine(sku: sku, quantity: Quantity(units: 4))
        let scrap = EventBody.scrapped(StockChange(reason: "broken", lines: [lost]))
        #expect(try await cluster.record(1, scrap).refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.balance(cluster.nodes[1].id, at: "LON") == -4)
        let order = try #require(DocumentID("SO-1"))
        let promise = try await cluster.record(0, .confirm(order, sku, 10))
        #expect(promise.isFinal == false)
        try await cluster.settle()
        let line = try await cluster.line("SO-1", at: "LON")
        #expect([line.reserved.units, line.backordered.units] == [6, 4])
        #expect(try await cluster.disagreements() == [])
    }
}
