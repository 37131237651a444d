import Causality
import InventoryEngine
import TestSupport
import Testing

/// Concurrent pairs leave a conflict that proves itself; the same events in order leave none.
///
/// The numbers are those of the table of pairs.
struct ConflictTests {
    /// Two nodes of one site, the first of which may promise, with ten of P for 10.0000 and an
    /// order for four.
    func oneSite(stock: Int64 = 10) throws -> Network {
        var network = try Network(["W", "W"])
        try network.nodes[0].record(.item("P"))
        if stock > 0 { try network.nodes[0].record(.receive([line("P", stock, amount: 100_000)])) }
        try network.nodes[0].record(.confirm("SO-1", [line("P", 4)]))
        try network.settle()
        return network
    }

    func twoSites() throws -> Network {
        var network = try Network(["A", "B"])
        try network.nodes[0].record(.item("P"))
        try network.nodes[0].record(.receive([line("P", 10, amount: 100_000)]))
        try network.settle()
        return network
    }

    /// Delivers what both nodes have, in one order or the other.
    func deliver(_ network: inout Network, first: Int) throws {
        try network.push(first)
        try network.push(1 - first)
        try network.settle()
        let faults = try Recount(network.hub.rows).faults
        #expect(faults.isEmpty, "\(faults)")
    }

    /// The conflicts of a rule at a site; each names two events that did not know of each other.
    func conflicts(
        _ rule: ConflictRow.Rule,
        _ rows: InMemoryRowSource,
        at site: SiteCode?
    ) throws -> [ConflictRow] {
        let found = try rows.typed(ConflictRow.self).filter {
            $0.key.home == site && $0.row.rule == rule
        }.map(\.row)
        for row in found {
            try #require(row.sides.count == 2)
            for (own, other) in [(row.sides[0], row.sides[1]), (row.sides[1], row.sides[0])] {
                let event = try #require(rows.located(own.event.id)?.event)
                #expect(event.context == own.context)
                let position = rows.located(other.event.id)?.entry?.position
                #expect(position != nil)
                #expect(
                    !own.context.knows(
                        other.event.id,
                        at: position,
                        in: Network.epoch,
                        recordedBy: own.event.id
                    )
                )
            }
            #expect(!row.resolution.isEmpty && !row.compensation.isEmpty && !row.decidedBy.isEmpty)
        }
        return found
    }

    func exceptions(_ rows: InMemoryRowSource) throws -> [String] {
        try rows.typed(ExceptionRow.self).map(\.row.code)
    }

    func layers(_ network: Network, at site: SiteCode) throws -> [String: Int64] {
        try Figures(network.hub.rows, at: site, node: network.nodes[0].node).values
    }

    @Test
    func `what was backordered freed nothing when it was cancelled: who picks it bears it`()
        throws
    {
        var network = try oneSite()
        try network.nodes[0].record(.confirm("SO-2", [line("P", 8)]))
        try network.nodes[0].record(.cancel("SO-2", [line("P", 2, number: 1)]))
        try network.settle()
        try network.nodes[1].record(
            .pick("SO-2", [line("P", 8, number: 1)]).with(forced: true)
        )
        try network.settle()
        let rows = try layers(network, at: "W")
        #expect(rows["SO-2/1 picked"] == 8)
        #expect(rows["SO-2/1 to put back"] == 2)
        #expect(rows["P rights of 2"] == -2)
        #expect(rows["P rights"] == nil)
    }

    @Test
    func `surplus that somebody else puts back pays the debt of who picked it`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.pick("SO-1"))
        try network.nodes[1].record(.pick("SO-1"))
        try deliver(&network, first: 0)
        var rows = try layers(network, at: "W")
        #expect(rows["P rights of 2"] == -4)
        #expect(rows["P rights"] == 6)
        // The recorder of the putting back is not the one who picked too much.
        try network.nodes[0].record(.unpick("SO-1", [line("P", 4)]))
        #expect(try network.nodes[0].figures().values["P rights of 2"] == nil)
        try network.settle()
        rows = try layers(network, at: "W")
        #expect(rows["P rights of 2"] == nil)
        #expect(rows["P rights"] == 6)
        #expect(network.nodes.allSatisfy { $0.differenceCount == 0 })
        // All that is free can be promised again.
        let order = try network.nodes[0].record(.confirm("SO-2", [line("P", 6)]))
        #expect(order.outcome.isFinal == true)
        #expect(try Recount(network.hub.rows).faults.isEmpty)
    }

    // MARK: Stranded promises

    @Test
    func `a promise whose units were taken meanwhile stands, and is shown, in either order`()
        throws
    {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try oneSite()
            let order = try network.nodes[0].record(.confirm("SO-2", [line("P", 6)]))
            #expect(order.outcome.isFinal == true)
            try network.nodes[1].record(.scrap([line("P", 3)]))
            try deliver(&network, first: first)
            let found = try conflicts(.strandedPromise, network.hub.rows, at: "W")
            #expect(found.map(\.after) == ["3 units are promised that are not there"])
            #expect(found.map(\.isResolved) == [false])
            for node in network.nodes {
                #expect(try conflicts(.strandedPromise, node.rows, at: "W").count == 1)
                #expect(node.differenceCount == 0)
            }
            outcomes.append(try layers(network, at: "W"))
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0]["SO-2/1 reserved"] == 6)
        // Who knows of the promise breaks a rule by himself.
        var network = try oneSite()
        try network.nodes[0].record(.confirm("SO-2", [line("P", 6)]))
        try network.settle()
        try network.nodes[1].record(.scrap([line("P", 3)]))
        try network.settle()
        #expect(try conflicts(.strandedPromise, network.hub.rows, at: "W").isEmpty)
        #expect(try exceptions(network.hub.rows).contains("promise_shortage"))
    }

    // MARK: 1

    @Test(arguments: [0, 1])
    func `pair 1: of concurrent promises on the last unit the loser sees why it waits`(
        first: Int
    ) throws {
        var network = try oneSite(stock: 0)
        try network.nodes[1].record(.confirm("SO-2", [line("P", 4)]))
        try network.nodes[0].record(.confirm("SO-3", [line("P", 4)], priority: 1))
        try deliver(&network, first: first)
        try network.nodes[0].record(.receive([line("P", 4, amount: 4)]))
        try network.settle()
        let rows = try layers(network, at: "W")
        #expect(rows["SO-3/1 reserved"] == 4)
        #expect(rows["SO-2/1 backordered"] == 4)
        #expect(rows["SO-1/1 backordered"] == 4)
        let found = try conflicts(.lastUnit, network.hub.rows, at: "W")
        #expect(found.map(\.subject) == ["SO-3 / SO-2"])
        #expect(try conflicts(.lastUnit, network.nodes[1].rows, at: "W") == found)
    }

    @Test
    func `pair 1: promises in order leave no conflict`() throws {
        var network = try oneSite(stock: 0)
        try network.nodes[1].record(.confirm("SO-2", [line("P", 4)]))
        try network.settle()
        try network.nodes[0].record(.receive([line("P", 4, amount: 4)]))
        try network.settle()
        #expect(try conflicts(.lastUnit, network.hub.rows, at: "W").isEmpty)
        #expect(try layers(network, at: "W")["SO-1/1 reserved"] == 4)
    }

    @Test
    func `pair 1: a final promise stands against every concurrent claim, whoever comes first`()
        throws
    {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try oneSite(stock: 4)
            try network.nodes[1].record(.cancel("SO-1"))
            try network.nodes[1].record(.confirm("SO-2", [line("P", 4)]))
            let final = try network.nodes[0].record(.confirm("SO-3", [line("P", 4)]))
            #expect(final.outcome.isFinal == false)
            try deliver(&network, first: first)
            outcomes.append(try layers(network, at: "W"))
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0]["P frozen rights"] == 4)
    }

    // MARK: 3

    @Test(arguments: [false, true])
    func `pair 3: a dispatch wins over a concurrent cancellation, whoever comes first`(
        isPacked: Bool
    ) throws {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try oneSite()
            if isPacked {
                try network.nodes[0].record(.pick("SO-1"))
                try network.nodes[0].record(.pack("SO-1"))
                try network.settle()
            }
            try network.nodes[0].record(.dispatch("SO-1", [line("P", 4)]))
            try network.nodes[1].record(.cancel("SO-1", [line("P", 4, number: 1)]))
            try deliver(&network, first: first)
            let found = try conflicts(.cancelTooLate, network.hub.rows, at: "W")
            #expect(found.count == 1)
            #expect(try conflicts(.cancelTooLate, network.nodes[0].rows, at: "W") == found)
            let codes = try exceptions(network.hub.rows)
            #expect(!codes.contains("cancel_too_late"))
            #expect(!codes.contains("dispatched_after_cancel"))
            outcomes.append(try layers(network, at: "W"))
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0]["SO-1/1 shipped"] == 4)
        #expect(outcomes[0]["task request_return SO-1/1 P"] == 4)
        #expect(outcomes[0]["P rights"] == 6)
    }

    @Test
    func `pair 3: a dispatch that knew of the cancellation is an exception`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.pick("SO-1"))
        try network.nodes[0].record(.pack("SO-1"))
        try network.nodes[0].record(.cancel("SO-1", [line("P", 4, number: 1)]))
        try network.nodes[0].record(.dispatch("SO-1"))
        try network.settle()
        #expect(try conflicts(.cancelTooLate, network.hub.rows, at: "W").isEmpty)
        #expect(try exceptions(network.hub.rows).contains("dispatched_after_cancel"))
    }

    // MARK: 4

    @Test
    func `pair 4: what is picked against a concurrent cancellation is put back`() throws {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try oneSite()
            try network.nodes[0].record(.pick("SO-1"))
            try network.nodes[1].record(.cancel("SO-1", [line("P", 4, number: 1)]))
            try deliver(&network, first: first)
            outcomes.append(try layers(network, at: "W"))
            let found = try conflicts(.cancelledAfterPick, network.hub.rows, at: "W")
            #expect(found.count == 1)
            #expect(found.first?.sides.count == 2)
            #expect(try conflicts(.cancelledAfterPick, network.nodes[1].rows, at: "W") == found)
            #expect(!(try exceptions(network.hub.rows).contains("picked_after_cancel")))
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0]["SO-1/1 to put back"] == 4)
        #expect(outcomes[0]["task put_back SO-1/1 P"] == 4)
        #expect(outcomes[0]["P rights"] == 6)
    }

    @Test
    func `pair 4: a cancellation that knows of the pick is no conflict`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.pick("SO-1"))
        try network.settle()
        try network.nodes[1].record(.cancel("SO-1", [line("P", 4, number: 1)]))
        try network.settle()
        #expect(try conflicts(.cancelledAfterPick, network.hub.rows, at: "W").isEmpty)
    }

    /// The canceller has picked too, later than the one that it does not know of.
    @Test
    func `pair 4: a pick of its own does not hide another's from a cancellation`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.pick("SO-1", [line("P", 2, number: 1)]))
        try network.nodes[1].record(.pick("SO-1", [line("P", 1, number: 1)]))
        try network.nodes[1].record(.cancel("SO-1", [line("P", 4, number: 1)]))
        try network.push(0)
        try network.push(1)
        try network.pullAll()
        #expect(try conflicts(.cancelledAfterPick, network.hub.rows, at: "W").count == 1)
    }

    // MARK: 5

    @Test(arguments: [0, 1])
    func `pair 5: what concurrent receipts bring beyond the order is held back`(
        first: Int
    ) throws {
        var network = try oneSite()
        try network.nodes[0].record(.placePO("PO-1", [line("P", 5, cost: "2")]))
        try network.settle()
        try network.nodes[0].record(.receive([line("P", 4)], po: "PO-1"))
        try network.nodes[1].record(.receive([line("P", 3)], po: "PO-1"))
        try deliver(&network, first: first)
        let rows = try layers(network, at: "W")
        #expect(rows["P STOCK hold"] == 2)
        #expect(rows["P STOCK sellable"] == 15)
        #expect(rows["PO-1/1 received"] == 7)
        let found = try conflicts(.receivedTwice, network.hub.rows, at: "W")
        #expect(found.count == 1)
        #expect(found.first?.isResolved == false)
        #expect(try conflicts(.receivedTwice, network.nodes[0].rows, at: "W") == found)
        #expect(!(try exceptions(network.hub.rows).contains("over_delivery")))
    }

    @Test
    func `pair 5: what a receipt brings beyond one that was known is an exception`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.placePO("PO-1", [line("P", 5, cost: "2")]))
        try network.nodes[0].record(.receive([line("P", 4)], po: "PO-1"))
        try network.settle()
        try network.nodes[1].record(.receive([line("P", 3)], po: "PO-1"))
        try network.settle()
        #expect(try layers(network, at: "W")["P STOCK hold"] == nil)
        #expect(try conflicts(.receivedTwice, network.hub.rows, at: "W").isEmpty)
        #expect(try exceptions(network.hub.rows).contains("over_delivery"))
    }

    @Test
    func `pair 5: concurrent receipts whose sum can be true are accepted`() throws {
        var network = try oneSite()
        try network.nodes[0].record(.placePO("PO-1", [line("P", 5, cost: "2")]))
        try network.settle()
        try network.nodes[0].record(.receive([line("P", 2)], po: "PO-1"))
        try network.nodes[1].record(.receive([line("P", 3)], po: "PO-1"))
        try deliver(&network, first: 1)
        #expect(try network.hub.rows.typed(ConflictRow.self).isEmpty)
        #expect(try layers(network, at: "W")["P STOCK sellable"] == 15)
    }

    // MARK: 8

    @Test(arguments: [0, 1])
    func `pair 8: the last concurrent edit of a field stands, the other is kept`(
        first: Int
    ) throws {
        var network = try twoSites()
        try network.nodes[0].record(.change("P", version: 1) { $0.name = "from A" })
        try network.nodes[1].record(.change("P", version: 1) { $0.name = "from B" })
        try deliver(&network, first: first)
        let losing = first == 0 ? "from A" : "from B"
        let winning = first == 0 ? "from B" : "from A"
        let name = try network.hub.rows.typed(ItemRow.self).first?.row.properties.name
        #expect(name == winning)
        let found = try conflicts(.itemEdits, network.hub.rows, at: nil)
        #expect(found.map(\.before) == [losing])
        #expect(found.map(\.after) == [winning])
        for node in network.nodes {
            #expect(try conflicts(.itemEdits, node.rows, at: nil) == found)
        }
    }

    @Test
    func `pair 8: equal values, other fields and edits in order are no conflict`() throws {
        var network = try twoSites()
        try network.nodes[0].record(.change("P", version: 1) { $0.name = "same" })
        try network.nodes[1].record(.change("P", version: 1) { $0.name = "same" })
        try deliver(&network, first: 0)
        try network.nodes[0].record(.change("P", version: 2) { $0.name = "A" })
        try network.nodes[1].record(.change("P", version: 2) { $0.standardCost = decimal("2") })
        try deliver(&network, first: 1)
        let version = try #require(try network.nodes[1].rows.typed(ItemRow.self).first).row.version
        try network.nodes[1].record(.change("P", version: version) { $0.name = "B" })
        try network.settle()
        #expect(try network.hub.rows.typed(ConflictRow.self).isEmpty)
        let item = try network.hub.rows.typed(ItemRow.self).first?.row
        #expect(item?.properties.name == "B")
        #expect(item?.properties.standardCost == decimal("2"))
    }

    // MARK: 9

    @Test
    func `pair 9: a dispatch wins over a concurrent cancellation of its transfer`() throws {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try twoSites()
            try network.nodes[0].record(
                .transfer(EventBody.transferRequested, "T-1", to: "B", [line("P", 4)])
            )
            try network.settle()
            try network.nodes[0].record(.transfer(EventBody.transferDispatched, "T-1"))
            try network.nodes[1].record(
                .transfer(EventBody.transferCancelled, "T-1", from: "A", to: "B")
            )
            try deliver(&network, first: first)
            for (site, node) in [("A" as SiteCode, 0), ("B", 1)] {
                let found = try conflicts(.transferCancelledTooLate, network.hub.rows, at: site)
                #expect(found.count == 1)
                let own = network.nodes[node].rows
                #expect(try conflicts(.transferCancelledTooLate, own, at: site) == found)
            }
            let codes = try exceptions(network.hub.rows)
            #expect(!codes.contains("transfer_already_dispatched"))
            #expect(!codes.contains("dispatched_after_cancel"))
            outcomes.append(
                try layers(network, at: "A").merging(layers(network, at: "B")) { $0 &* 1_000 &+ $1 }
            )
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0]["task return_transfer T-1/1 P"] == 4)
    }

    @Test
    func `pair 9: a dispatch that knew of the cancellation is an exception`() throws {
        var network = try twoSites()
        try network.nodes[0].record(
            .transfer(EventBody.transferRequested, "T-1", to: "B", [line("P", 4)])
        )
        try network.nodes[0].record(.transfer(EventBody.transferCancelled, "T-1"))
        try network.nodes[0].record(.transfer(EventBody.transferDispatched, "T-1"))
        try network.settle()
        #expect(try network.hub.rows.typed(ConflictRow.self).isEmpty)
        #expect(try exceptions(network.hub.rows).contains("dispatched_after_cancel"))
    }

    @Test
    func `pair 9: a dispatch wins over a concurrent cancellation of a part, in either order`()
        throws
    {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try twoSites()
            try network.nodes[0].record(
                .transfer(EventBody.transferRequested, "T-1", to: "B", [line("P", 4)])
            )
            try network.settle()
            try network.nodes[0].record(
                .transfer(EventBody.transferDispatched, "T-1", [line("P", 2)])
            )
            try network.nodes[1].record(
                .transfer(EventBody.transferCancelled, "T-1", from: "A", to: "B", [line("P", 3)])
            )
            try deliver(&network, first: first)
            for (site, node) in [("A" as SiteCode, 0), ("B", 1)] {
                let found = try conflicts(.transferCancelledTooLate, network.hub.rows, at: site)
                #expect(found.count == 1)
                let own = network.nodes[node].rows
                #expect(try conflicts(.transferCancelledTooLate, own, at: site) == found)
            }
            outcomes.append(
                try layers(network, at: "A").merging(layers(network, at: "B")) { $0 &* 1_000 &+ $1 }
            )
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0]["task return_transfer T-1/1 P"] == 1)
    }

    // MARK: 17

    @Test
    func `pair 17: a receipt before its dispatch is settled at the sender's cost`() throws {
        var outcomes: [[String: Int64]] = []
        for first in [0, 1] {
            var network = try twoSites()
            try network.nodes[0].record(
                .transfer(EventBody.transferDispatched, "T-1", to: "B", [line("P", 4)])
            )
            let early = try network.nodes[1].record(
                .transfer(EventBody.transferReceived, "T-1", from: "A", [line("P", 4)])
            )
            #expect(early.outcome.exceptions.contains("received_before_dispatch"))
            try deliver(&network, first: first)
            for site in ["A", "B"] as [SiteCode] {
                let found = try conflicts(.receivedBeforeDispatch, network.hub.rows, at: site)
                #expect(found.count == 1)
            }
            outcomes.append(try layers(network, at: "A"))
            outcomes.append(try layers(network, at: "B"))
        }
        #expect(outcomes[0] == outcomes[2])
        #expect(outcomes[1] == outcomes[3])
        #expect(outcomes[1]["P value"] == 40_000)
        #expect(outcomes[0]["goods_in_transit"] == nil)
        #expect(outcomes[0]["T-1/1 in transit"] == nil)
    }

    // MARK: 21

    @Test(arguments: [0, 1])
    func `pair 21: the first decision by position stands`(first: Int) throws {
        var network = try oneSite()
        try network.nodes[0].record(.propose("ADJ-1", [line("P", 2)]))
        try network.settle()
        try network.nodes[0].record(.approve("ADJ-1"))
        try network.nodes[1].record(.reject("ADJ-1"))
        try deliver(&network, first: first)
        let rows = try layers(network, at: "W")
        #expect(rows["P STOCK sellable"] == (first == 0 ? 12 : 10))
        let ruling = network.hub.entries.compactMap(\.entry?.ruling).last
        #expect(ruling?.verdict == .rejected)
        #expect(ruling?.reason?.code == "already_decided")
    }
}
