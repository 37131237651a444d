import Causality
import Foundation
import InventoryEngine
import Replication
import SQLiteStorage
import TestSupport
import Testing

/// A hub and its nodes in one process, each with a real database, joined by plain calls.
struct Cluster {
    let hub: SQLiteEventLog
    let ledger: HubLedger
    var nodes: [(log: SQLiteEventLog, ledger: NodeLedger, key: NodeKey)] = []
    var now = Instant(microseconds: 1_300_000_000_000_000)

    init(sites: [String], in directory: TemporaryDirectory, seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let currency = try #require(Label("GBP"))
        let identity = NodeIdentity(
            node: NodeID.random(using: &random),
            site: nil,
            name: try #require(Label("hub")),
            currency: currency,
            moneyScale: 4
        )
        hub = try SQLiteEventLog(path: directory.file("hub.sqlite").path, create: true)
        let ledger = HubLedger(identity: identity, epoch: Epoch(counter: 1, high: 7, low: seed))
        self.ledger = ledger
        for name in sites {
            let site = try #require(SiteCode(name))
            let node = NodeIdentity(
                node: NodeID.random(using: &random),
                site: site,
                name: try #require(Label("\(name)-1")),
                currency: currency,
                moneyScale: 4
            )
            let log = try SQLiteEventLog(
                path: directory.file("\(name).sqlite").path,
                create: true
            )
            let key = NodeKey.generate()
            let at = now
            try await hub.write { log in
                try ledger.record(
                    [
                        .siteRegistered(SiteRegistration(site: site)),
                        .nodeRegistered(
                            NodeRegistration(
                                node: node.node,
                                name: node.name,
                                site: site,
                                publicKey: key.publicKey,
                                isActive: true
                            )
                        ),
                    ],
                    in: log,
                    at: at
                )
            }
            nodes.append((log, try NodeLedger(identity: node), key))
        }
    }

    mutating func record(
        _ index: Int,
        _ commands: [InventoryCommand]
    ) async throws -> [Recording] {
        now = now.adding(microseconds: 1_000_000)
        let (log, ledger, _) = nodes[index]
        let at = now
        return try await log.write { try ledger.record(commands, in: $0, at: at) }
    }

    /// The rows of a site that a node and the hub hold differently, as kind and key.
    func differingRows(of log: SQLiteEventLog, at site: SiteCode) async throws -> [String] {
        func rows(_ log: SQLiteEventLog) async throws -> [String: [UInt8]] {
            try await log.read { log in
                var found: [String: [UInt8]] = [:]
                for kind in RowKind.allCases {
                    let source = log.source(.base)
                    let all = try source.rows(
                        kind,
                        from: [],
                        to: Array(repeating: 0xFF, count: 200),
                        limit: .max,
                        descending: false
                    )
                    for row in all {
                        let first = row.key.prefix { $0 != 0 }
                        let isOwn = Array(first) == Array(site.text.utf8)
                        let network: Set<RowKind> = [.item, .site, .node]
                        guard isOwn && kind != .digest || network.contains(kind) else { continue }
                        let name = String(decoding: row.key.filter { $0 > 31 }, as: UTF8.self)
                        found["\(kind) \(name) \(row.key.count)"] = row.value
                    }
                }
                return found
            }
        }
        let own = try await rows(log)
        let theirs = try await rows(hub)
        return Set(own.keys).union(theirs.keys).filter { own[$0] != theirs[$0] }.sorted()
    }

    /// Pushes at most so many batches, then pulls all.
    mutating func sync(_ index: Int, batchesMax: Int = .max) async throws {
        now = now.adding(microseconds: 1_000_000)
        let at = now
        let (log, node, key) = nodes[index]
        let hubLedger = ledger
        var batchCount = 0
        while batchCount < batchesMax,
            var batch = try await log.read({
                try node.nextBatch(in: $0, limit: 7, bytesMax: 1 << 20)
            })
        {
            batchCount += 1
            try batch.sign(with: key)
            let signed = batch
            let chain = try signed.verifiedChain(
                after: signed.previousHash,
                signedBy: key.publicKey
            )
            let checked = try HubLedger.CheckedBatch(signed, chain: chain, site: node.site)
            let ingest = try await hub.write {
                try hubLedger.ingest(checked, in: $0, receivedAt: at)
            }
            let reply = PushReply(
                acknowledged: ingest.acknowledged,
                acknowledgedHash: ingest.acknowledgedHash,
                receipt: [],
                durable: .start,
                head: ingest.head,
                verdicts: ingest.verdicts,
                nextBatchEvents: 7
            )
            try await log.write {
                try node.acknowledge(reply, epoch: hubLedger.epoch, in: $0, at: at)
            }
        }
        var hasMore = true
        while hasMore {
            let applied = try await log.read { try $0.progress().applied }
            let request = PullRequest(
                node: node.identity.node,
                epoch: ledger.epoch,
                after: applied,
                bytesMax: 2_000,
                waitMilliseconds: 0,
                summariesAfter: nil
            )
            let site = node.site
            let page = try await hub.read {
                try hubLedger.page(request, for: site, in: $0)
            }
            try await log.write { try node.apply(page, after: applied, in: $0, at: at) }
            hasMore = page.hasMore
        }
    }
}

@Suite(.tags(.simulation))
struct ConvergenceTests {
    func item(_ sku: SKU) -> InventoryCommand {
        var properties = ItemProperties(name: sku.text)
        properties.standardCost = ExactDecimal(mantissa: 125, scale: 2)
        return InventoryCommand(
            body: .itemRegistered(ItemRegistration(sku: sku, properties: properties))
        )
    }

    /// A random command of a warehouse's day; many are refused, which is part of the day.
    func command(
        _ random: inout SeededGenerator,
        _ skus: [SKU],
        _ sites: [SiteCode],
        _ own: Int
    ) throws -> InventoryCommand {
        let sku = skus[Int.random(in: 0..<skus.count, using: &random)]
        let quantity = Quantity(units: Int64.random(in: 1...9, using: &random))
        var line = EventLine(sku: sku, quantity: quantity)
        let order = try #require(DocumentID("SO-\(Int.random(in: 1...12, using: &random))"))
        let other = sites[(own + Int.random(in: 1..<sites.count, using: &random)) % sites.count]
        // Numbers are few, so that goods also arrive where they were not sent.
        let transfer = try #require(
            DocumentID("T-\(Int.random(in: 1...6, using: &random))")
        )
        let body: EventBody
        switch Int.random(in: 0..<14, using: &random) {
        case 0, 1, 2:
            line.unitCost = ExactDecimal(
                mantissa: Int64.random(in: 1...997, using: &random),
                scale: 2
            )
            body = .goodsReceived(GoodsReceipt(lines: [line]))
        case 3, 4: body = .orderConfirmed(OrderConfirmation(order: order, lines: [line]))
        case 5: body = .pickCompleted(OrderWork(order: order))
        case 6: body = .packCompleted(OrderWork(order: order))
        case 7, 8: body = .shipmentDispatched(OrderWork(order: order))
        case 9: body = .orderCancelled(OrderWork(order: order))
        case 10:
            body = .transferDispatched(Transfer(transfer: transfer, toSite: other, lines: [line]))
        case 11:
            body = .transferReceived(Transfer(transfer: transfer, fromSite: other, lines: [line]))
        case 12: body = .scrapped(StockChange(reason: "broken", lines: [line]))
        default:
            let number = Int.random(in: 1...1_000_000, using: &random)
            body = .returnReceived(
                CustomerReturn(
                    returnID: try #require(DocumentID("R-\(number)")),
                    lines: [line]
                )
            )
        }
        return InventoryCommand(body: body)
    }

    @Test(arguments: Seeds.forThisRun)
    func `nodes and hub agree by digest once every link is up again`(seed: UInt64) async throws {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: seed)
            let names = ["LON", "MAN", "GLA"]
            let sites = try names.map { try #require(SiteCode($0)) }
            let skus = try ["A", "a", "B-1"].map { try #require(SKU($0)) }
            var cluster = try await Cluster(sites: names, in: directory, seed: seed)
            for index in names.indices {
                let results = try await cluster.record(index, skus.map(item))
                for result in results { #expect(result.refusal == nil) }
            }
            for _ in 0..<60 {
                let index = Int.random(in: 0..<names.count, using: &random)
                if Int.random(in: 0..<10, using: &random) == 0 { try await cluster.sync(index) }
                let command = try command(&random, skus, sites, index)
                _ = try await cluster.record(index, [command])
            }
            for _ in 0..<3 {
                for index in names.indices { try await cluster.sync(index) }
            }
            let entries = try await cluster.hub.read {
                try $0.entries(after: .start, in: nil, limit: .max)
            }
            let parked = entries.filter { $0.ruling.verdict == .parked }
            #expect(parked.isEmpty, "no fact of a known type is set aside; SEED=\(seed)")
            for (log, node, _) in cluster.nodes {
                let progress = try await log.read { try $0.progress() }
                #expect(progress.digestAgrees, "\(node.site), replay with SEED=\(seed)")
                let differing = try await cluster.differingRows(of: log, at: node.site)
                #expect(differing.isEmpty, "\(node.site), replay with SEED=\(seed)")
                #expect(progress.differences == 0, "\(node.site), replay with SEED=\(seed)")
                let last = try await log.read {
                    try $0.lastEvent(of: node.identity.node)?.sequence ?? 0
                }
                #expect(progress.retired == last)
            }
        }
    }

    @Test func `a repeated batch is acknowledged again and applied once`() async throws {
        try await withTemporaryDirectory { directory in
            var cluster = try await Cluster(sites: ["LON"], in: directory, seed: 1)
            let sku = try #require(SKU("A"))
            var line = EventLine(sku: sku, quantity: Quantity(units: 5))
            line.unitCost = ExactDecimal(mantissa: 2, scale: 0)
            _ = try await cluster.record(
                0,
                [item(sku), InventoryCommand(body: .goodsReceived(GoodsReceipt(lines: [line])))]
            )
            let (log, node, key) = cluster.nodes[0]
            var batch = try #require(
                try await log.read { try node.nextBatch(in: $0, limit: 9, bytesMax: 1 << 20) }
            )
            try batch.sign(with: key)
            let signed = batch
            let ledger = cluster.ledger
            let at = cluster.now
            var heads: [HubPosition] = []
            for _ in 0..<2 {
                let checked = try HubLedger.CheckedBatch(
                    signed,
                    chain: signed.chain(),
                    site: node.site
                )
                let ingest = try await cluster.hub.write {
                    try ledger.ingest(checked, in: $0, receivedAt: at)
                }
                #expect(ingest.acknowledged == 2)
                heads.append(ingest.head)
            }
            #expect(heads[0] == heads[1])
        }
    }

    @Test func `a gap in a node's sequence is refused with the number that is expected`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            var cluster = try await Cluster(sites: ["LON"], in: directory, seed: 1)
            let sku = try #require(SKU("A"))
            _ = try await cluster.record(0, [item(sku)])
            let (log, node, key) = cluster.nodes[0]
            var batch = try #require(
                try await log.read { try node.nextBatch(in: $0, limit: 9, bytesMax: 1 << 20) }
            )
            batch.first = 2
            try batch.sign(with: key)
            let late = batch
            let ledger = cluster.ledger
            let at = cluster.now
            let hub = cluster.hub
            let checked = try HubLedger.CheckedBatch(late, chain: late.chain(), site: node.site)
            let refusal = await #expect(throws: SyncRefusal.self) {
                try await hub.write {
                    try ledger.ingest(checked, in: $0, receivedAt: at)
                }
            }
            #expect(refusal?.code == "sequence_gap")
            #expect(refusal?.expectedSequence == 1)
        }
    }

    @Test func `the same op twice records once and gives the first result`() async throws {
        try await withTemporaryDirectory { directory in
            var cluster = try await Cluster(sites: ["LON"], in: directory, seed: 1)
            let sku = try #require(SKU("A"))
            var command = item(sku)
            command.op = OpKey("scan-1")
            let first = try await cluster.record(0, [command])
            let second = try await cluster.record(0, [command])
            #expect(second[0].event == first[0].event)
            #expect(second[0].isDuplicate)
            command.note = "something else"
            let third = try await cluster.record(0, [command])
            #expect(third[0].refusal?.code.text == "op_reused")
        }
    }
}
