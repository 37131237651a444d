import Causality
import InventoryEngine
import Replication
import SQLiteStorage
import TestSupport
import Testing

extension Cluster {
    /// Records commands at the hub.
    fileprivate mutating func recordAtHub(
        _ commands: [InventoryCommand]
    ) async throws -> [Recording] {
        now = now.adding(microseconds: 1_000_000)
        let (ledger, at) = (ledger, now)
        return try await hub.write { try ledger.record(commands, in: $0, at: at) }
    }

    /// Everything that the hub holds: its rows, the ends of its two chains.
    fileprivate func hubContents() async throws -> [String: [UInt8]] {
        let node = ledger.identity.node
        return try await hub.read { log in
            let head = try log.head(in: nil)
            var contents = [
                "head": head.rawValue.description.utf8.map(\.self),
                "chain": try log.entry(at: head)?.chainHash.bytes ?? [],
                "own": try log.lastEvent(of: node)?.chainHash.bytes ?? [],
            ]
            for kind in RowKind.allCases {
                let rows = try log.source(.base).rows(
                    kind,
                    from: [],
                    to: Array(repeating: 0xFF, count: 200),
                    limit: .max,
                    descending: false
                )
                for row in rows { contents["\(kind) \(row.key)"] = row.value }
            }
            return contents
        }
    }
}

@Suite(.tags(.simulation))
struct HubRecordTests {
    private let names = ["LON", "MAN", "GLA"]

    private func item(_ sku: SKU) -> InventoryCommand {
        var properties = ItemProperties(name: sku.text)
        properties.standardCost = ExactDecimal(mantissa: 125, scale: 2)
        return InventoryCommand(
            body: .itemRegistered(ItemRegistration(sku: sku, properties: properties))
        )
    }

    private func receipt(_ sku: SKU, _ units: Int64, at site: SiteCode?) -> InventoryCommand {
        var line = EventLine(sku: sku, quantity: Quantity(units: units))
        line.unitCost = ExactDecimal(mantissa: 3, scale: 0)
        return InventoryCommand(body: .goodsReceived(GoodsReceipt(lines: [line])), site: site)
    }

    private func order(_ number: String, _ sku: SKU, _ units: Int64) throws -> OrderConfirmation {
        OrderConfirmation(
            order: try #require(DocumentID(number)),
            lines: [EventLine(sku: sku, quantity: Quantity(units: units))]
        )
    }

    /// A random command about a site; orders, transfers and items are few, so that they meet.
    private func command(
        _ random: inout SeededGenerator,
        _ sku: SKU,
        at site: SiteCode,
        other: SiteCode
    ) throws -> InventoryCommand {
        let units = Int64.random(in: 1...9, using: &random)
        var line = EventLine(sku: sku, quantity: Quantity(units: units))
        let number = Int.random(in: 1...9, using: &random)
        let order = try #require(DocumentID("SO-\(number)"))
        let transfer = try #require(DocumentID("T-\(number)"))
        let body: EventBody
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1, 2: return receipt(sku, units, at: site)
        case 3, 4: body = .orderConfirmed(OrderConfirmation(order: order, lines: [line]))
        case 5: body = .pickCompleted(OrderWork(order: order))
        case 6: body = .packCompleted(OrderWork(order: order))
        case 7: body = .shipmentDispatched(OrderWork(order: order))
        case 8: body = .orderCancelled(OrderWork(order: order))
        case 9:
            body = .transferDispatched(Transfer(transfer: transfer, toSite: other, lines: [line]))
        case 10:
            body = .transferReceived(Transfer(transfer: transfer, fromSite: other, lines: [line]))
        default:
            line.status = .sellable
            body = .scrapped(StockChange(reason: "broken", lines: [line]))
        }
        return InventoryCommand(body: body, site: site)
    }

    @Test(arguments: Seeds.forThisRun)
    func `what the hub records for a site reaches its node, and both agree by digest`(
        seed: UInt64
    ) async throws {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: seed)
            let sites = try names.map { try #require(SiteCode($0)) }
            let skus = try ["A", "a", "B-1"].map { try #require(SKU($0)) }
            var cluster = try await Cluster(sites: names, in: directory, seed: seed)
            for result in try await cluster.recordAtHub(skus.map(item)) {
                #expect(result.refusal == nil)
            }
            for index in names.indices { try await cluster.sync(index) }
            var recordedAtHub = 0
            for _ in 0..<80 {
                let index = Int.random(in: 0..<names.count, using: &random)
                if Int.random(in: 0..<10, using: &random) == 0 { try await cluster.sync(index) }
                let other = (index + Int.random(in: 1..<names.count, using: &random)) % names.count
                let sku = skus[Int.random(in: 0..<skus.count, using: &random)]
                let command = try command(&random, sku, at: sites[index], other: sites[other])
                if Bool.random(using: &random) {
                    let results = try await cluster.recordAtHub([command])
                    recordedAtHub += results.count { $0.event != nil }
                } else {
                    _ = try await cluster.record(index, [command])
                }
            }
            #expect(recordedAtHub > 0, "Replay with SEED=\(seed)")
            for _ in 0..<3 {
                for index in names.indices { try await cluster.sync(index) }
            }
            let entries = try await cluster.hub.read {
                try $0.entries(after: .start, in: nil, limit: .max)
            }
            let hub = cluster.ledger.identity.node
            for entry in entries where entry.event.node == hub {
                #expect(
                    entry.ruling.verdict == .accepted || entry.ruling.verdict == .adjusted,
                    "\(entry.event) is \(entry.ruling.verdict); replay with SEED=\(seed)"
                )
            }
            for (log, node, _) in cluster.nodes {
                let progress = try await log.read { try $0.progress() }
                #expect(progress.digestAgrees, "\(node.site), replay with SEED=\(seed)")
                let differing = try await cluster.differingRows(of: log, at: node.site)
                #expect(differing.isEmpty, "\(node.site), replay with SEED=\(seed)")
                #expect(progress.differences == 0, "\(node.site), replay with SEED=\(seed)")
            }
        }
    }

    @Test func `a command that the hub refuses leaves its rows and both chains as they were`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            var cluster = try await Cluster(sites: ["LON"], in: directory, seed: 1)
            let lon = try #require(SiteCode("LON"))
            let sku = try #require(SKU("A"))
            let unknown = try #require(SKU("NONE"))
            let paris = SiteCode("PAR")
            _ = try await cluster.recordAtHub([item(sku), receipt(sku, 5, at: lon)])
            let before = try await cluster.hubContents()
            var tooMuch = try order("SO-1", sku, 9)
            tooMuch.refusesBackorder = true
            let nothing = OrderWork(order: try #require(DocumentID("SO-9")))
            let subject = "\(EventID(node: cluster.ledger.identity.node, sequence: 1))/7"
            let decision = Decision(subject: subject, choice: "seen", reason: nil)
            let future = EventID(node: cluster.ledger.identity.node, sequence: 99)
            let commands: [(code: String, command: InventoryCommand)] = [
                ("missing_field", receipt(sku, 5, at: nil)),
                ("unknown_site", receipt(sku, 5, at: paris)),
                ("unknown_sku", receipt(unknown, 5, at: lon)),
                ("quantity_not_positive", receipt(sku, 0, at: lon)),
                ("insufficient_stock", InventoryCommand(body: .orderConfirmed(tooMuch), site: lon)),
                (
                    "unknown_order",
                    InventoryCommand(body: .shipmentDispatched(nothing), op: OpKey("s"), site: lon)
                ),
                // These pass the decision, and only their ordering finds what is wrong.
                (
                    "unknown_exception",
                    InventoryCommand(
                        body: .exceptionAcknowledged(decision),
                        op: OpKey("x"),
                        site: lon
                    )
                ),
                (
                    "unknown_conflict",
                    InventoryCommand(body: .conflictResolved(decision), op: OpKey("c"), site: lon)
                ),
                (
                    "unknown_event",
                    InventoryCommand(
                        body: .reversed(Reversal(event: future, reason: "x")),
                        site: lon
                    )
                ),
                ("not_a_command", InventoryCommand(body: .unknown(type: "future"), site: lon)),
            ]
            for (code, command) in commands {
                let results = try await cluster.recordAtHub([command])
                #expect(results.map(\.refusal?.code.text) == [code])
                #expect(results.first?.event == nil)
                let differing = try await cluster.hubContents()
                #expect(differing == before, "\(code) changed something")
            }
            // One refusal among others takes nothing with it.
            let results = try await cluster.recordAtHub(
                [receipt(sku, 1, at: lon)] + commands.map(\.command) + [receipt(sku, 1, at: lon)]
            )
            #expect(results.count { $0.event != nil } == 2)
            try await cluster.sync(0)
            #expect(try await cluster.nodes[0].log.read { try $0.progress().digestAgrees })
        }
    }

    @Test func `a repeated op gives the hub's first result, also when a node repeats it`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            var cluster = try await Cluster(sites: ["LON"], in: directory, seed: 1)
            let lon = try #require(SiteCode("LON"))
            let sku = try #require(SKU("A"))
            var command = receipt(sku, 5, at: lon)
            command.op = OpKey("scan-1")
            _ = try await cluster.recordAtHub([item(sku)])
            try await cluster.sync(0)
            let first = try await cluster.recordAtHub([command])
            let second = try await cluster.recordAtHub([command, command])
            #expect(second.map(\.event) == [first[0].event, first[0].event])
            #expect(second.allSatisfy { $0.isDuplicate })
            #expect(!first[0].isDuplicate)
            var other = command
            other.note = "something else"
            let refused = try await cluster.recordAtHub([other])
            #expect(refused[0].refusal?.code.text == "op_reused")
            // The node has not heard of it, and need not name its site.
            command.site = nil
            let late = try await cluster.record(0, [command])
            #expect(late[0].refusal == nil)
            try await cluster.sync(0)
            let event = try #require(late[0].event)
            let verdict = try await cluster.hub.read { try $0.entry(of: event)?.ruling.verdict }
            #expect(verdict == .duplicate)
            #expect(try await cluster.nodes[0].log.read { try $0.progress().digestAgrees })
        }
    }

    @Test func `the hub promises from its own rights only, and the rest waits for them`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            var cluster = try await Cluster(sites: ["LON"], in: directory, seed: 1)
            let lon = try #require(SiteCode("LON"))
            let sku = try #require(SKU("A"))
            _ = try await cluster.recordAtHub([item(sku)])
            try await cluster.sync(0)
            _ = try await cluster.record(0, [receipt(sku, 10, at: nil)])
            try await cluster.sync(0)
            let confirmation = InventoryCommand(
                body: .orderConfirmed(try order("SO-1", sku, 4)),
                site: lon
            )
            let promised = try await cluster.recordAtHub([confirmation])
            #expect(promised[0].isFinal == false, "the ten units are the node's to promise")
            func waiting() async throws -> Quantity? {
                let key = StockKey(home: lon, sku: sku).bytes
                let hub = cluster.hub
                return try await hub.read { log in
                    try log.source(.base).row(.summary, key)
                        .map { try StockSummary(bytes: $0).backordered }
                }
            }
            #expect(try await waiting() == Quantity(units: 4))
            // What arrives is the hub's, since the hub recorded it, and goes to who waits.
            _ = try await cluster.recordAtHub([receipt(sku, 3, at: lon)])
            #expect(try await waiting() == Quantity(units: 1))
            let second = try await cluster.recordAtHub([
                receipt(sku, 6, at: lon),
                InventoryCommand(body: .orderConfirmed(try order("SO-2", sku, 5)), site: lon),
                InventoryCommand(body: .orderConfirmed(try order("SO-3", sku, 1)), site: lon),
            ])
            #expect(second.map(\.isFinal) == [nil, true, false])
            try await cluster.sync(0)
            #expect(try await cluster.nodes[0].log.read { try $0.progress().digestAgrees })
            let differing = try await cluster.differingRows(of: cluster.nodes[0].log, at: lon)
            #expect(differing.isEmpty)
        }
    }

    @Test func `a page is cut between two commands of the hub when it is full`() async throws {
        try await withTemporaryDirectory { directory in
            var cluster = try await Cluster(sites: ["LON"], in: directory, seed: 1)
            let lon = try #require(SiteCode("LON"))
            let sku = try #require(SKU("A"))
            _ = try await cluster.recordAtHub(
                [item(sku)] + (1...200).map { receipt(sku, $0, at: lon) }
            )
            let request = PullRequest(
                node: cluster.nodes[0].ledger.identity.node,
                epoch: cluster.ledger.epoch,
                after: .start,
                bytesMax: 2_000,
                waitMilliseconds: 0,
                summariesAfter: nil
            )
            let ledger = cluster.ledger
            let page = try await cluster.hub.read { try ledger.page(request, for: lon, in: $0) }
            #expect(page.hasMore)
            #expect(page.entries.count < 50)
            try await cluster.sync(0)
            #expect(try await cluster.nodes[0].log.read { try $0.progress().digestAgrees })
        }
    }
}
