import Causality
import InventoryEngine
import TestSupport
import Testing

/// The pairs that are about documents and facts: an order, a purchase order, a transfer, an item.
extension ConflictTests {
    /// Lets two nodes act without knowing of each other, delivers in both orders, and expects the
    /// same layers and one record of the rule at every site; returns the layers, by site.
    ///
    /// The sum of the promise rights is always the same; `leavesHolders` says whether those of each
    /// holder are.
    private func inBothOrders(
        _ rule: ConflictRow.Rule,
        at sites: [SiteCode] = ["W"],
        count: Int = 1,
        leavesHolders: Bool = true,
        from start: @autoclosure () throws -> Network,
        _ act: (inout Network) throws -> Void
    ) throws -> [[String: Int64]] {
        var outcomes: [[[String: Int64]]] = []
        for first in [0, 1] {
            var network = try start()
            try act(&network)
            try deliver(&network, first: first)
            for site in sites {
                let found = try conflicts(rule, network.hub.rows, at: site)
                #expect(found.count == count, "first \(first) at \(site)")
                for node in network.nodes where node.site == site {
                    #expect(try conflicts(rule, node.rows, at: site) == found)
                    #expect(node.differenceCount == 0)
                }
            }
            outcomes.append(
                try sites.map { site in
                    let all = try layers(network, at: site)
                    guard !leavesHolders else { return all }
                    var rights = all.filter { $0.key.contains(" rights") }
                    let rest = all.filter { rights[$0.key] == nil }
                    rights = ["all rights": rights.values.reduce(0, +)]
                    return rest.merging(rights) { $1 }
                }
            )
        }
        #expect(outcomes[0] == outcomes[1])
        return outcomes[0]
    }

    private func purchaseOrderPlaced() throws -> Network {
        var network = try oneSite()
        try network.nodes[0].record(.placePO("PO-1", [line("P", 5, cost: "2")]))
        try network.settle()
        return network
    }

    private func transferOnItsWay() throws -> Network {
        var network = try twoSites()
        try network.nodes[0].record(
            .transfer(EventBody.transferDispatched, "T-1", to: "B", [line("P", 4)])
        )
        try network.settle()
        return network
    }

    // MARK: 3 and 5: a node's own event hides nobody else's

    @Test
    func `pair 3: a dispatch of its own does not hide another's from a cancellation`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.dispatch("SO-1", [line("P", 3, number: 1)]))
        try network.nodes[1].record(.dispatch("SO-1", [line("P", 1, number: 1)]))
        try network.nodes[1].record(.cancel("SO-1", [line("P", 3, number: 1)]))
        try deliver(&network, first: 0)
        #expect(try conflicts(.cancelTooLate, network.hub.rows, at: "W").count == 1)
        #expect(!(try exceptions(network.hub.rows).contains("cancel_too_late")))
    }

    @Test
    func `pair 3: two cancellations of what was shipped ask for its return once`() throws {
        var network = try Network(["W", "W", "W"])
        try network.nodes[0].record(.item("P"))
        try network.nodes[0].record(.receive([line("P", 10, amount: 100_000)]))
        try network.nodes[0].record(.confirm("SO-1", [line("P", 4)]))
        try network.settle()
        try network.nodes[0].record(.dispatch("SO-1", [line("P", 4)]))
        try network.nodes[1].record(.cancel("SO-1"))
        try network.nodes[2].record(.cancel("SO-1"))
        try network.settle()
        #expect(try layers(network, at: "W")["task request_return SO-1/1 P"] == 4)
        #expect(try conflicts(.cancelTooLate, network.hub.rows, at: "W").count == 1)
    }

    @Test
    func `pair 5: the reversal of what is held back takes it from there`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.placePO("PO-1", [line("P", 5, cost: "2")]))
        try network.settle()
        let before = try layers(network, at: "W")
        let known = try network.nodes[0].record(.receive([line("P", 4)], po: "PO-1"))
        let beyond = try network.nodes[1].record(.receive([line("P", 3)], po: "PO-1"))
        try deliver(&network, first: 0)
        try network.nodes[1].record(.reverse(beyond.event.id))
        try deliver(&network, first: 1)
        #expect(try layers(network, at: "W")["P STOCK hold"] == nil)
        #expect(try layers(network, at: "W")["P STOCK sellable"] == 14)
        try network.nodes[0].record(.reverse(known.event.id))
        try deliver(&network, first: 0)
        #expect(try layers(network, at: "W") == before)
    }

    @Test
    func `pair 5: a receipt of its own does not hide another's from the next`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.placePO("PO-1", [line("P", 5, cost: "2")]))
        try network.settle()
        try network.nodes[0].record(.receive([line("P", 4)], po: "PO-1"))
        try network.nodes[1].record(.receive([line("P", 1)], po: "PO-1"))
        try network.nodes[1].record(.receive([line("P", 3)], po: "PO-1"))
        try deliver(&network, first: 0)
        #expect(try conflicts(.receivedTwice, network.hub.rows, at: "W").count == 1)
        #expect(try layers(network, at: "W")["P STOCK hold"] == 3)
    }

    // MARK: 10

    @Test
    func `pair 10: goods that arrive are not written off, at the write-off's own value`() throws {
        let rows = try inBothOrders(
            .returnedAfterWriteOff,
            at: ["A", "B"],
            from: transferOnItsWay()
        ) { network in
            try network.nodes[0].record(
                .transfer(
                    EventBody.transferSettled,
                    "T-1",
                    to: "B",
                    reason: "lost",
                    [line("P", 4)]
                )
            )
            try network.nodes[1].record(
                .transfer(EventBody.transferReceived, "T-1", from: "A", [line("P", 3)])
            )
        }
        #expect(rows[1]["T-1/1 settled"] == 1)
        #expect(rows[1]["P STOCK sellable"] == 3)
        #expect(rows[0]["transit_loss"] == 10_000)
        #expect(rows[0]["goods_in_transit"] == nil)
    }

    @Test
    func `pair 10: goods that arrive after a known write-off are an exception`() throws {
        var network = try twoSites()
        try network.nodes[0].record(
            .transfer(EventBody.transferDispatched, "T-1", to: "B", [line("P", 4)])
        )
        try network.nodes[0].record(
            .transfer(EventBody.transferSettled, "T-1", to: "B", reason: "lost", [line("P", 4)])
        )
        try network.settle()
        try network.nodes[1].record(
            .transfer(EventBody.transferReceived, "T-1", from: "A", [line("P", 3)])
                .with(forced: true)
        )
        try network.settle()
        #expect(try conflicts(.returnedAfterWriteOff, network.hub.rows, at: "B").isEmpty)
        #expect(try exceptions(network.hub.rows).contains("over_receipt"))
        #expect(try layers(network, at: "B")["T-1/1 settled"] == 4)
    }

    // MARK: 11

    @Test
    func `pair 11: what two nodes pick for one line beyond it is surplus, to be put back`() throws {
        let rows = try inBothOrders(
            .pickedTwice,
            leavesHolders: false,
            from: oneSite()
        ) { network in
            try network.nodes[0].record(.pick("SO-1"))
            try network.nodes[1].record(.pick("SO-1", [line("P", 3, number: 1)]))
        }
        #expect(rows[0]["SO-1/1 picked"] == 4)
        #expect(rows[0]["SO-1 P surplus picked"] == 3)
        #expect(rows[0]["task unpick SO-1 P"] == 3)
    }

    @Test(arguments: [0, 1])
    func `pair 11: a pick within a dispatch is a pick, too`(first: Int) throws {
        var network = try oneSite()
        try network.nodes[0].record(.dispatch("SO-1", [line("P", 4)]))
        try network.nodes[1].record(.pick("SO-1"))
        try deliver(&network, first: first)
        let rows = try layers(network, at: "W")
        if first == 0 {
            #expect(try conflicts(.pickedTwice, network.hub.rows, at: "W").count == 1)
            #expect(rows["task unpick SO-1 P"] == 4)
        } else {
            // The dispatch has taken what was picked by the other.
            #expect(rows["task unpick SO-1 P"] == nil)
        }
        #expect(rows["SO-1/1 shipped"] == 4)
    }

    @Test
    func `pair 11: a pick beyond the line that knew of the other is an exception`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.pick("SO-1"))
        try network.settle()
        try network.nodes[1].record(
            .pick("SO-1", [line("P", 3, number: 1)]).with(forced: true)
        )
        try network.settle()
        #expect(try conflicts(.pickedTwice, network.hub.rows, at: "W").isEmpty)
        #expect(try exceptions(network.hub.rows).contains("over_pick"))
        try network.nodes[1].record(
            .unpick("SO-1", [line("P", 3, number: 1)])
        )
        try network.settle()
        #expect(try layers(network, at: "W")["task unpick SO-1 P"] == nil)
    }

    // MARK: 13

    @Test(arguments: [true, false])
    func `pair 13: a receipt stands against a concurrent change of its purchase order`(
        isClosed: Bool
    ) throws {
        let rows = try inBothOrders(
            .receivedAgainstChange,
            from: purchaseOrderPlaced()
        ) { network in
            try network.nodes[0].record(.receive([line("P", 4)], po: "PO-1"))
            try network.nodes[1].record(
                isClosed ? .closePO("PO-1") : .amendPO("PO-1", [line("P", 3, number: 1)])
            )
        }
        #expect(rows[0]["P STOCK sellable"] == 14)
        #expect(rows[0]["PO-1/1 received"] == 4)
        #expect(rows[0]["PO-1/1 on order"] == nil)
    }

    @Test
    func `pair 13: a receipt that fits the amended order is no conflict`() throws {
        for first in [0, 1] {
            var network = try oneSite()
            try network.nodes[0].record(.placePO("PO-1", [line("P", 5, cost: "2")]))
            try network.settle()
            try network.nodes[0].record(.receive([line("P", 4)], po: "PO-1"))
            try network.nodes[1].record(.amendPO("PO-1", [line("P", 6, number: 1)]))
            try deliver(&network, first: first)
            #expect(try network.hub.rows.typed(ConflictRow.self).isEmpty)
        }
    }

    @Test
    func `pair 13: a receipt that knew of the closing is an exception`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.placePO("PO-1", [line("P", 5, cost: "2")]))
        try network.nodes[0].record(.closePO("PO-1"))
        try network.settle()
        try network.nodes[1].record(.receive([line("P", 4)], po: "PO-1").with(forced: true))
        try network.settle()
        #expect(try conflicts(.receivedAgainstChange, network.hub.rows, at: "W").isEmpty)
        #expect(try exceptions(network.hub.rows).contains("over_delivery"))
    }

    // MARK: 16

    @Test
    func `pair 16: what was sent and what arrived both stand; the rest stays in transit`() throws {
        let rows = try inBothOrders(
            .transferDiffers,
            at: ["A", "B"],
            from: twoSites()
        ) { network in
            try network.nodes[0].record(
                .transfer(EventBody.transferDispatched, "T-1", to: "B", [line("P", 4)])
            )
            try network.nodes[1].record(
                .transfer(EventBody.transferReceived, "T-1", from: "A", [line("P", 3)])
            )
        }
        #expect(rows[0]["T-1/1 in transit"] == 1)
        #expect(rows[1]["P STOCK sellable"] == 3)
        #expect(rows[0]["goods_in_transit"] == 10_000)
    }

    @Test
    func `pair 16: more than is on its way is an exception for who knew of the dispatch`() throws {
        var network = try twoSites()
        try network.nodes[0].record(
            .transfer(EventBody.transferDispatched, "T-1", to: "B", [line("P", 4)])
        )
        try network.settle()
        try network.nodes[1].record(
            .transfer(EventBody.transferReceived, "T-1", from: "A", [line("P", 5)])
                .with(forced: true)
        )
        try network.settle()
        #expect(try network.hub.rows.typed(ConflictRow.self).isEmpty)
        #expect(try exceptions(network.hub.rows).contains("over_receipt"))
    }

    // MARK: 19

    @Test(arguments: [0, 1, 2])
    func `pair 19: what was picked, packed or shipped stands against a concurrent amendment`(
        steps: Int
    ) throws {
        let rows = try inBothOrders(
            .amendedAfterPick,
            from: oneSite()
        ) { network in
            try network.nodes[1].record(.amend("SO-1", [line("P", 2, number: 1)]))
            try network.nodes[0].record(.pick("SO-1"))
            if steps > 0 { try network.nodes[0].record(.pack("SO-1")) }
        }
        let part = steps == 0 ? "picked" : "packed"
        #expect(rows[0]["SO-1/1 ordered"] == 2)
        #expect(rows[0]["SO-1/1 \(part)"] == 2)
        #expect(rows[0]["SO-1 P surplus \(part)"] == 2)
        #expect(rows[0]["task unpick SO-1 P"] == (steps == 0 ? 2 : nil))
        #expect(rows[0]["P rights"] == 6)
        #expect(rows[0]["P frozen rights"] == nil)
    }

    @Test
    func `pair 19: what was shipped stands outside the amended line at its own value`() throws {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try oneSite()
            try network.nodes[0].record(.dispatch("SO-1", [line("P", 4)]))
            try network.nodes[1].record(.amend("SO-1", [line("P", 1, number: 1)]))
            try deliver(&network, first: first)
            #expect(try !conflicts(.amendedAfterPick, network.hub.rows, at: "W").isEmpty)
            let verdicts = network.hub.entries.compactMap(\.entry?.ruling.verdict)
            #expect(!verdicts.contains(.parked))
            outcomes.append(try layers(network, at: "W"))
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0]["SO-1/1 shipped"] == 1)
        #expect(outcomes[0]["SO-1/1 shipped value"] == 10_000)
        #expect(outcomes[0]["SO-1 P shipped beyond"] == 3)
        #expect(outcomes[0]["SO-1 P value beyond"] == 30_000)
    }

    @Test
    func `pair 19: an amendment that knew of the pick is an exception`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.pick("SO-1"))
        try network.settle()
        try network.nodes[1].record(.amend("SO-1", [line("P", 2, number: 1)]))
        try network.settle()
        #expect(try conflicts(.amendedAfterPick, network.hub.rows, at: "W").isEmpty)
        #expect(try exceptions(network.hub.rows).contains("amended_after_pick"))
    }

    @Test
    func `pair 19: a cancellation and an amendment of one line need no third party`() throws {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try oneSite()
            try network.nodes[0].record(.cancel("SO-1"))
            try network.nodes[1].record(.amend("SO-1", [line("P", 2, number: 1)]))
            try deliver(&network, first: first)
            let verdicts = network.hub.entries.compactMap(\.entry?.ruling.verdict)
            #expect(!verdicts.contains(.parked) && !verdicts.contains(.rejected))
            var rows = try layers(network, at: "W")
            for holder in ["rights", "frozen rights"] { rows["P \(holder)"] = nil }
            outcomes.append(rows)
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0]["SO-1/1 cancelled"] == 2)
        #expect(outcomes[0]["task request_return SO-1/1 P"] == nil)
    }

    // MARK: 20

    @Test
    func `pair 20: what moved while its item was retired stands`() throws {
        let rows = try inBothOrders(.movedAfterRetirement, from: oneSite()) { network in
            try network.nodes[0].record(.move([line("P", 1, to: "STAGING")]))
            try network.nodes[1].record(.retire(sku: "P", version: 1))
        }
        #expect(rows[0]["P STOCK sellable"] == 9)
    }

    @Test
    func `pair 20: the retirement of an item meets movements at another site`() throws {
        for first in [0, 1] {
            var network = try twoSites()
            try network.nodes[0].record(.scrap([line("P", 1)]))
            try network.nodes[1].record(.retire(sku: "P", version: 1))
            try deliver(&network, first: first)
            let found = try conflicts(.movedAfterRetirement, network.hub.rows, at: "A")
            #expect(found.count == 1)
            #expect(
                try conflicts(.movedAfterRetirement, network.nodes[0].rows, at: "A") == found
            )
            #expect(try conflicts(.movedAfterRetirement, network.hub.rows, at: "B").isEmpty)
            #expect(!(try exceptions(network.hub.rows).contains("item_retired")))
        }
    }

    @Test
    func `pair 20: a retirement that knew of the movements is no conflict`() throws {
        var network = try oneSite()
        try network.nodes[1].record(.retire(sku: "P", version: 1))
        try network.settle()
        #expect(try network.hub.rows.typed(ConflictRow.self).isEmpty)
        try network.nodes[0].record(.scrap([line("P", 1)]))
        try network.settle()
        #expect(try network.hub.rows.typed(ConflictRow.self).isEmpty)
        #expect(try exceptions(network.hub.rows).contains("item_retired"))
    }

    @Test
    func `pair 20: a movement into a retired location stands`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.location("BIN"))
        try network.settle()
        try network.nodes[1].record(.retire(location: "BIN", version: 1))
        try network.nodes[0].record(.move([line("P", 1, to: "BIN")]))
        try deliver(&network, first: 1)
        let found = try conflicts(.movedAfterRetirement, network.hub.rows, at: "W")
        #expect(found.map(\.subject) == ["W/BIN"])
        #expect(try layers(network, at: "W")["P BIN sellable"] == 1)
        try network.nodes[0].record(.move([line("P", 1, to: "BIN")]).with(forced: true))
        try network.settle()
        #expect(try conflicts(.movedAfterRetirement, network.hub.rows, at: "W") == found)
        #expect(try exceptions(network.hub.rows).contains("location_retired"))
    }
}
