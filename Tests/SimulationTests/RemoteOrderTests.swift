import Causality
import InventoryEngine
import TestSupport
import Testing

@testable import Replication

/// Orders that one site takes and another one ships: promised finally on rights for the other's
/// stock, in any outage, and seen by both.
@Suite(.tags(.simulation), .timeLimit(.minutes(20)))
struct RemoteOrderTests {
    private let lon = 0
    private let par = 1

    private func sku() throws -> SKU { try #require(RightsCluster.sku) }
    private func order(_ text: String) throws -> DocumentID { try #require(DocumentID(text)) }
    private func site(_ text: String) throws -> SiteCode { try #require(SiteCode(text)) }

    /// LON takes orders and has nothing; PAR has so many units.
    private func network(units: Int64, _ sites: [String] = ["LON", "PAR"]) async throws
        -> RightsCluster
    {
        var cluster = try await RightsCluster(sites)
        try await cluster.record(lon, .item(sku()))
        try await cluster.settle()
        if units > 0 { try await cluster.record(par, .receipt(sku(), units)) }
        try await cluster.settle()
        return cluster
    }

    /// LON asks PAR for rights, and PAR answers by policy: half of what it can spare.
    private func grant(_ units: Int64, in cluster: inout RightsCluster) async throws {
        var request = RightsRequest(
            sku: try sku(),
            quantity: Quantity(units: units),
            to: cluster.nodes[par].id
        )
        request.stockSite = try site("PAR")
        #expect(try await cluster.record(lon, .rightsRequested(request)).refusal == nil)
        try await cluster.settle()
    }

    private func confirm(_ name: String, _ units: Int64) throws -> EventBody {
        let line = EventLine(sku: try sku(), quantity: Quantity(units: units))
        var body = OrderConfirmation(order: try order(name), lines: [line])
        body.shipFrom = try site("PAR")
        return .orderConfirmed(body)
    }

    /// Work of PAR on an order of LON.
    private func work(_ name: String) throws -> OrderWork {
        OrderWork(order: try order(name), orderSite: try site("LON"))
    }

    /// What LON knows of a line that another site ships.
    private func known(
        _ name: String,
        from supplier: String = "PAR",
        _ cluster: RightsCluster
    ) async throws -> LineProgress? {
        let (name, supplier) = (try order(name), try site(supplier))
        return try await cluster.rows(RemoteLineRow.self).first {
            $0.key.order == name && $0.key.shipFrom == supplier
        }?.row.progress
    }

    private func expectAgreed(
        _ cluster: RightsCluster,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for site in Set(cluster.nodes.map(\.ledger.site.text)) {
            let summary = try await cluster.summary(at: site)
            #expect(try summary.rights == summary.free(), sourceLocation: sourceLocation)
        }
        let disagreements = try await cluster.disagreements()
        #expect(
            disagreements.isEmpty,
            "\(disagreements.joined(separator: "\n"))",
            sourceLocation: sourceLocation
        )
        #expect(try await cluster.identityFaults() == [], sourceLocation: sourceLocation)
    }

    private func exceptions(at text: String, _ cluster: RightsCluster) async throws -> [String] {
        let site = try site(text)
        return try await cluster.rows(ExceptionRow.self).filter { $0.key.home == site }
            .map(\.row.code)
    }

    @Test func `row 1b: another site's stock is promised finally while both are cut off`()
        async throws
    {
        var cluster = try await network(units: 10)
        try await grant(4, in: &cluster)
        #expect(try await cluster.balance(cluster.nodes[lon].id, at: "PAR") == 4)
        #expect(try await cluster.balance(cluster.nodes[par].id, at: "PAR") == 6)
        // From here nobody hears of anybody.
        let first = try await cluster.record(lon, confirm("SO-1", 3))
        #expect(first.isFinal == true)
        let beyond = try await cluster.record(lon, confirm("SO-2", 2))
        #expect(beyond.isFinal == false, "one right is left")
        let own = try await cluster.record(par, .confirm(order("SO-1"), sku(), 6))
        #expect(own.isFinal == true)
        try await cluster.settle()
        let line = try await cluster.line("SO-1", at: "PAR", takenBy: "LON")
        #expect(line.reserved.units == 3)
        #expect(try await cluster.line("SO-1", at: "PAR").reserved.units == 6)
        #expect(try await cluster.summary(at: "LON").reserved.isZero)
        #expect(try await known("SO-1", cluster)?.reserved.units == 3)
        #expect(try await known("SO-2", cluster)?.backordered.units == 1)
        try await expectAgreed(cluster)
    }

    @Test func `what is done where it ships is seen where the order was taken`() async throws {
        var cluster = try await network(units: 10)
        try await grant(5, in: &cluster)
        try await cluster.record(lon, confirm("SO-1", 4))
        try await cluster.settle()
        #expect(try await cluster.record(par, .pickCompleted(work("SO-1"))).refusal == nil)
        try await cluster.settle()
        #expect(try await known("SO-1", cluster)?.picked.units == 4)
        try await cluster.record(par, .packCompleted(work("SO-1")))
        try await cluster.record(par, .shipmentDispatched(work("SO-1")))
        try await cluster.settle()
        #expect(try await known("SO-1", cluster)?.shipped.units == 4)
        #expect(try await known("SO-1", cluster)?.isOpen == false)
        let here = try await cluster.record(lon, .pick(order("SO-1")))
        #expect(here.refusal?.code.text == "ships_elsewhere")
        try await expectAgreed(cluster)
    }

    @Test func `without rights a promise waits, and is settled where the stock lies`()
        async throws
    {
        var cluster = try await network(units: 10)
        #expect(try await cluster.record(lon, confirm("SO-1", 3)).isFinal == false)
        try await cluster.settle()
        #expect(try await known("SO-1", cluster)?.reserved.units == 3)
        var refused = OrderConfirmation(
            order: try order("SO-2"),
            lines: [EventLine(sku: try sku(), quantity: Quantity(units: 1))]
        )
        refused.shipFrom = try site("PAR")
        refused.refusesBackorder = true
        let none = try await cluster.record(lon, .orderConfirmed(refused))
        #expect(none.refusal?.code.text == "insufficient_stock")
        refused.shipFrom = try site("ROM")
        let unknown = try await cluster.record(lon, .orderConfirmed(refused))
        #expect(unknown.refusal?.code.text == "unknown_site")
        try await expectAgreed(cluster)
    }

    @Test func `what its site cancels goes to the hub once the shipping site has been heard`()
        async throws
    {
        var cluster = try await network(units: 10)
        try await grant(5, in: &cluster)
        try await cluster.record(lon, confirm("SO-1", 4))
        try await cluster.settle()
        #expect(try await cluster.record(lon, .cancel(order("SO-1"))).refusal == nil)
        try await cluster.push(lon)
        #expect(try await cluster.balance(nil, at: "PAR") == 4, "PAR might just be picking")
        try await cluster.settle()
        #expect(try await cluster.balance(nil, at: "PAR") == 0)
        let hub = cluster.ledger.identity.node
        #expect(try await cluster.balance(hub, at: "PAR") == 4)
        #expect(try await cluster.balance(cluster.nodes[lon].id, at: "PAR") == 1)
        #expect(try await known("SO-1", cluster)?.cancelled.units == 4)
        try await expectAgreed(cluster)
    }

    @Test func `pair 3 across sites: the dispatch wins, and both sites see the conflict`()
        async throws
    {
        var cluster = try await network(units: 10)
        try await grant(5, in: &cluster)
        try await cluster.record(lon, confirm("SO-1", 4))
        try await cluster.settle()
        try await cluster.record(par, .pickCompleted(work("SO-1")))
        try await cluster.record(par, .packCompleted(work("SO-1")))
        try await cluster.record(par, .shipmentDispatched(work("SO-1")))
        #expect(try await cluster.record(lon, .cancel(order("SO-1"))).refusal == nil)
        try await cluster.settle()
        let conflicts = try await cluster.rows(ConflictRow.self)
            .filter { $0.row.rule == .cancelTooLate }
        #expect(Set(conflicts.compactMap(\.key.home?.text)) == ["LON", "PAR"])
        #expect(Set(conflicts.map(\.key.id)).count == 1)
        #expect(try await known("SO-1", cluster)?.shipped.units == 4)
        #expect(try await cluster.summary(at: "PAR").onHand().units == 6)
        try await expectAgreed(cluster)
    }

    @Test func `pair 4 across sites: the cancellation stands, and what is picked is put back`()
        async throws
    {
        var cluster = try await network(units: 10)
        try await grant(5, in: &cluster)
        try await cluster.record(lon, confirm("SO-1", 4))
        try await cluster.settle()
        try await cluster.record(par, .pickCompleted(work("SO-1")))
        try await cluster.record(lon, .cancel(order("SO-1")))
        try await cluster.settle()
        #expect(try await known("SO-1", cluster)?.toPutBack.units == 4)
        try await cluster.record(par, .unpicked(work("SO-1")))
        try await cluster.settle()
        let line = try await cluster.line("SO-1", at: "PAR", takenBy: "LON")
        #expect(line.cancelled.units == 4)
        #expect(try await known("SO-1", cluster)?.cancelled.units == 4)
        try await expectAgreed(cluster)
    }

    @Test func `row 2b across sites: an order is amended where it was taken`() async throws {
        var cluster = try await network(units: 10)
        try await grant(5, in: &cluster)
        try await cluster.record(lon, confirm("SO-1", 2))
        var work = OrderWork(order: try order("SO-1"))
        work.lines = [EventLine(sku: try sku(), quantity: Quantity(units: 4), line: 1)]
        #expect(try await cluster.record(lon, .orderAmended(work)).isFinal == true)
        #expect(try await known("SO-1", cluster) == nil, "the hub has not heard of it")
        try await cluster.settle()
        #expect(try await cluster.balance(cluster.nodes[lon].id, at: "PAR") == 1)
        #expect(try await known("SO-1", cluster)?.reserved.units == 4)
        work.lines[0].quantity = Quantity(units: 1)
        #expect(try await cluster.record(lon, .orderAmended(work)).refusal == nil)
        try await cluster.settle()
        let line = try await cluster.line("SO-1", at: "PAR", takenBy: "LON")
        #expect(line.ordered.units == 1 && line.reserved.units == 1)
        #expect(try await known("SO-1", cluster) == LineProgress(line))
        try await expectAgreed(cluster)
    }

    @Test func `two orders of one number, one of them shipped elsewhere: the later is turned down`()
        async throws
    {
        var cluster = try await network(units: 10, ["LON", "PAR", "LON"])
        try await cluster.record(2, .confirm(order("SO-1"), sku(), 1))
        try await cluster.record(lon, confirm("SO-1", 2))
        try await cluster.push(2)
        try await cluster.settle()
        #expect(try await known("SO-1", cluster) == nil)
        #expect(try await cluster.line("SO-1", at: "LON").ordered.units == 1)
        let turnedDown = try await cluster.rows(ParkedRow.self).map(\.row)
        #expect(turnedDown.allSatisfy { $0.code == "order_exists" && $0.verdict == .rejected })
        #expect(turnedDown.count == 2, "at the site that took it, and at the one that was to ship")
        try await expectAgreed(cluster)
    }

    @Test func `goods come back to the other site at what they cost when they left`()
        async throws
    {
        var cluster = try await network(units: 10)
        try await cluster.record(lon, confirm("SO-1", 4))
        try await cluster.settle()
        try await cluster.record(par, .pickCompleted(work("SO-1")))
        try await cluster.record(par, .packCompleted(work("SO-1")))
        try await cluster.record(par, .shipmentDispatched(work("SO-1")))
        try await cluster.settle()
        let line = EventLine(sku: try sku(), quantity: Quantity(units: 3))
        var goods = CustomerReturn(
            returnID: try order("R-1"),
            order: try order("SO-1"),
            lines: [line]
        )
        #expect(try await cluster.record(lon, .returnReceived(goods)).refusal == nil)
        try await cluster.settle()
        let value = try await cluster.summary(at: "LON").value
        #expect(value.units == 30_000, "three at 1.00")
        #expect(try await known("SO-1", cluster)?.returned.units == 3)
        goods.returnID = try order("R-2")
        let tooMuch = try await cluster.record(lon, .returnReceived(goods))
        #expect(tooMuch.refusal?.code.text == "over_return")
        // At the site that shipped, the order is named with its site.
        goods.orderSite = try site("LON")
        goods.lines[0].quantity = Quantity(units: 1)
        #expect(try await cluster.record(par, .returnReceived(goods)).refusal == nil)
        try await cluster.settle()
        #expect(try await known("SO-1", cluster)?.returned.units == 4)
        try await expectAgreed(cluster)
    }

    @Test func `a node that says otherwise than its program would is not believed`()
        async throws
    {
        let cluster = try await network(units: 10)
        // A grant that does not name the receiver's site, as a tampered program may write it.
        var grant = RightsGrant(
            sku: try sku(),
            quantity: Quantity(units: 2),
            to: cluster.nodes[lon].id
        )
        let hub = cluster.ledger
        let event = InventoryEvent(
            id: EventID(node: cluster.nodes[par].id, sequence: 1),
            site: try site("PAR"),
            recordedAt: HybridTimestamp(wall: cluster.now, counter: 0),
            context: .empty,
            body: .rightsGranted(grant)
        )
        let par = try site("PAR")
        let believed = try await cluster.hub.write { log in
            var state = hub.state(in: log)
            return try hub.vetted(event, par, &state)
        }
        #expect(believed.body == .unknown(type: "rights_granted for another site"))
        grant.toSite = try site("LON")
        var honest = event
        honest.body = .rightsGranted(grant)
        let told = honest
        let heard = try await cluster.hub.write { log in
            var state = hub.state(in: log)
            return try hub.vetted(told, par, &state)
        }
        #expect(heard.body == told.body)
    }

    // MARK: Another site as the compensation

    private func ask(_ policy: String, _ cluster: inout RightsCluster) async throws {
        let change = PolicyChange(policy: "backorder_compensation", value: policy)
        #expect(try await cluster.recordAtHub(nil, .policySet(change)).refusal == nil)
        try await cluster.settle()
    }

    @Test func `what nobody of a site can promise is asked of another site, once`() async throws {
        var cluster = try await network(units: 5)
        try await ask("other_site", &cluster)
        #expect(try await cluster.record(lon, .confirm(order("SO-1"), sku(), 3)).isFinal == false)
        try await cluster.settle()
        let own = try await cluster.line("SO-1", at: "LON")
        #expect(own.ordered.isZero && own.backordered.isZero)
        let line = try await cluster.line("SO-1", at: "PAR", takenBy: "LON")
        #expect(line.reserved.units == 3)
        #expect(try await known("SO-1", cluster)?.reserved.units == 3)
        let told = try await exceptions(at: "LON", cluster)
        #expect(told.filter { $0 == "promise_resourced" }.count == 1)
        // Both parts are cancelled where the order was taken.
        try await cluster.record(lon, .cancel(order("SO-1")))
        try await cluster.settle()
        #expect(try await known("SO-1", cluster)?.cancelled.units == 3)
        try await expectAgreed(cluster)
    }

    @Test func `where no other site has it either, it waits, and nothing is asked twice`()
        async throws
    {
        var cluster = try await network(units: 2, ["LON", "PAR", "ROM"])
        try await ask("other_site", &cluster)
        try await cluster.record(2, .receipt(sku(), 1))
        try await cluster.settle()
        try await cluster.record(lon, .confirm(order("SO-1"), sku(), 6))
        // What PAR has goes to somebody else before it hears of it.
        try await cluster.record(par, .confirm(order("SO-9"), sku(), 2))
        try await cluster.push(lon)
        try await cluster.push(par)
        try await cluster.settle()
        let own = try await cluster.line("SO-1", at: "LON")
        let romes = try await cluster.line("SO-1", at: "ROM", takenBy: "LON")
        #expect(romes.reserved.units == 1)
        let pars = try await known("SO-1", cluster)
        #expect(pars?.reserved.units == 0)
        #expect(own.ordered.units + romes.ordered.units + (pars?.ordered.units ?? 0) == 6)
        try await expectAgreed(cluster)
        let told = try await exceptions(at: "LON", cluster).filter { $0 == "promise_resourced" }
        try await cluster.settle()
        let later = try await exceptions(at: "LON", cluster).filter { $0 == "promise_resourced" }
        #expect(told.count == later.count)
        // PAR gets more, and keeps what it owes; the rest of the line is not asked there again.
        try await cluster.record(par, .receipt(sku(), 10))
        try await cluster.settle()
        try await cluster.record(lon, .confirm(order("SO-2"), sku(), 1))
        try await cluster.settle()
        #expect(try await known("SO-1", cluster)?.reserved.units == pars?.ordered.units)
        #expect(try await known("SO-1", cluster)?.ordered.units == pars?.ordered.units)
        #expect(try await known("SO-2", cluster)?.reserved.units == 1)
        try await expectAgreed(cluster)
    }

    // MARK: At random

    @Test(arguments: Seeds.forThisRun)
    func `three sites promise each other's few units while links are cut, and nothing is oversold`(
        seed: UInt64
    ) async throws {
        var random = SeededGenerator(seed: seed)
        var cluster = try await RightsCluster(["LON", "PAR", "ROM", "LON"], seed: seed)
        try await cluster.record(0, .item(sku()))
        try await cluster.settle()
        if Bool.random(using: &random) { try await ask("other_site", &cluster) }
        for index in 1..<3 { try await cluster.record(index, .receipt(sku(), 6)) }
        try await cluster.settle()
        let sites = ["LON", "PAR", "ROM", "LON"]
        var orders: [(name: DocumentID, by: Int)] = []
        var finals: [DocumentID: Int64] = [:]
        for step in 0..<40 {
            let index = Int.random(in: 0..<4, using: &random)
            switch Int.random(in: 0..<9, using: &random) {
            case 0, 1:
                let name = try order("SO-\(step)")
                let units = Int64.random(in: 1...3, using: &random)
                let line = EventLine(sku: try sku(), quantity: Quantity(units: units))
                var body = OrderConfirmation(order: name, lines: [line])
                let other = sites.randomElement(using: &random) ?? "PAR"
                if other != sites[index] { body.shipFrom = try site(other) }
                let done = try await cluster.record(index, .orderConfirmed(body))
                #expect(done.refusal == nil)
                if done.isFinal == true { finals[name] = units }
                orders.append((name, index))
            case 2:
                guard let taken = orders.randomElement(using: &random) else { continue }
                let body = EventBody.cancel(taken.name)
                if try await cluster.record(taken.by, body).refusal == nil {
                    finals[taken.name] = nil
                }
            case 3:
                var request = RightsRequest(
                    sku: try sku(),
                    quantity: Quantity(units: 2),
                    to: cluster.nodes[(index + 1) % 3].id
                )
                request.stockSite = try site(sites[(index + 1) % 3])
                guard request.to != cluster.nodes[index].id else { continue }
                try await cluster.record(index, .rightsRequested(request))
            case 4:
                guard let taken = orders.randomElement(using: &random) else { continue }
                let orderSite = sites[taken.by] == sites[index] ? nil : try site(sites[taken.by])
                let work = OrderWork(order: taken.name, orderSite: orderSite)
                try await cluster.record(index, .pickCompleted(work))
            case 5, 6: try await cluster.push(index)
            default: try await cluster.pull(index)
            }
        }
        try await cluster.settle()
        try await cluster.settle()
        try await expectAgreed(cluster)
        var promised: [DocumentID: Int64] = [:]
        for (key, line) in try await cluster.rows(OrderLineRow.self) {
            let held = line.reserved.units + line.allocated.units + line.picked.units
            promised[key.order, default: 0] += held
        }
        for (name, units) in finals {
            #expect(promised[name] == units, "the final promise \(name) was not kept")
        }
        for (key, row) in try await cluster.rows(RightsRow.self) {
            #expect(row.balance.units >= 0, "\(key.home) owes \(row.balance.units)")
        }
        for (_, line) in try await cluster.rows(RemoteLineRow.self) {
            let progress = line.progress
            let sum = [
                progress.reserved, progress.allocated, progress.picked, progress.packed,
                progress.shipped, progress.backordered, progress.cancelled,
            ].reduce(0) { $0 + $1.units }
            #expect(sum == progress.ordered.units)
        }
    }
}
