import Causality
import Foundation
import InventoryEngine
import Replication
import SQLiteStorage
import TestSupport
import Testing

/// Rows stay in memory from one transaction to the next; what is there must be what is stored,
/// whatever became of the transactions in between.
@Suite(.tags(.simulation), .timeLimit(.minutes(20)))
struct RowsKeptTests {
    /// What a test throws after all work of a transaction is done.
    private struct Planted: Error {}

    private static let skus = ["A", "a", "B-1"].compactMap { SKU($0) }

    private func receipt(_ random: inout SeededGenerator) -> InventoryCommand {
        let sku = Self.skus[Int.random(in: 0..<Self.skus.count, using: &random)]
        let quantity = Quantity(units: Int64.random(in: 1...9, using: &random))
        var line = EventLine(sku: sku, quantity: quantity)
        let pence = Int64.random(in: 1...997, using: &random)
        line.unitCost = ExactDecimal(mantissa: pence, scale: 2)
        return InventoryCommand(body: .goodsReceived(GoodsReceipt(lines: [line])))
    }

    private func command(_ random: inout SeededGenerator) -> InventoryCommand {
        let sku = Self.skus[Int.random(in: 0..<Self.skus.count, using: &random)]
        let line = EventLine(
            sku: sku,
            quantity: Quantity(units: Int64.random(in: 1...5, using: &random))
        )
        guard let order = DocumentID("SO-\(Int.random(in: 1...9, using: &random))") else {
            return receipt(&random)
        }
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: return receipt(&random)
        case 2:
            let confirmation = OrderConfirmation(order: order, lines: [line])
            return InventoryCommand(body: .orderConfirmed(confirmation))
        case 3: return InventoryCommand(body: .pickCompleted(OrderWork(order: order)))
        case 4: return InventoryCommand(body: .shipmentDispatched(OrderWork(order: order)))
        default:
            let change = StockChange(reason: "broken", lines: [line])
            return InventoryCommand(body: .scrapped(change))
        }
    }

    private func items() -> [InventoryCommand] {
        Self.skus.map { sku in
            let properties = ItemProperties(name: sku.text)
            let registration = ItemRegistration(sku: sku, properties: properties)
            return InventoryCommand(body: .itemRegistered(registration))
        }
    }

    /// Every row of the base and of the overlay.
    private func rows(of log: SQLiteEventLog) async throws -> [String: [UInt8]] {
        try await log.read { log in
            var found: [String: [UInt8]] = [:]
            for view in [StateView.base, .overlay] {
                for kind in RowKind.allCases {
                    let all = try log.source(view).rows(
                        kind,
                        from: [],
                        to: Array(repeating: 0xFF, count: 200),
                        limit: .max,
                        descending: false
                    )
                    for row in all { found["\(view) \(kind) \(row.key)"] = row.value }
                }
            }
            return found
        }
    }

    /// Makes a copy of a store that has nothing in memory yet.
    private func copy(
        of log: SQLiteEventLog,
        in directory: TemporaryDirectory
    ) async throws -> SQLiteEventLog {
        let path = directory.file("copy-\(UUID().uuidString).sqlite").path
        try await log.backUp(to: path)
        return try SQLiteEventLog(path: path, create: false)
    }

    @Test(arguments: Seeds.forThisRun.prefix(Nightly.size(12, nightly: 1_000)))
    func `a transaction that is given up leaves in memory what is stored`(seed: UInt64)
        async throws
    {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: seed)
            var cluster = try await Cluster(sites: ["LON", "MAN"], in: directory, seed: seed)
            for index in 0...1 { _ = try await cluster.record(index, items()) }
            for step in 0..<30 {
                let index = Int.random(in: 0...1, using: &random)
                let (log, ledger, _) = cluster.nodes[index]
                let at = cluster.now
                let lost = [receipt(&random), command(&random)]
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    await #expect(throws: Planted.self) {
                        try await log.write { log in
                            _ = try ledger.record(lost, in: log, at: at)
                            throw Planted()
                        }
                    }
                case 1: try await losePush(of: index, in: cluster)
                case 2: try await losePage(of: index, in: cluster)
                default: break
                }
                if step % 7 == 6 { try await cluster.sync(index) }
                // The next transaction works on what the last one left.
                _ = try await cluster.record(index, [command(&random)])
            }
            try await compareWithCopies(cluster, directory, receipt(&random), seed: seed)
            for _ in 0..<3 {
                for index in 0...1 { try await cluster.sync(index) }
            }
            for (log, _, _) in cluster.nodes {
                let progress = try await log.read { try $0.progress() }
                #expect(progress.digestAgrees, "Replay with SEED=\(seed)")
            }
        }
    }

    /// The hub does all the work of a batch, and then its disk says no.
    private func losePush(of index: Int, in cluster: Cluster) async throws {
        let (log, node, key) = cluster.nodes[index]
        let batch = try await log.read { try node.nextBatch(in: $0, limit: 7, bytesMax: 1 << 20) }
        guard var batch else { return }
        try batch.sign(with: key)
        let signed = batch
        let checked = try HubLedger.CheckedBatch(signed, chain: signed.chain(), site: node.site)
        let (ledger, at) = (cluster.ledger, cluster.now)
        await #expect(throws: Planted.self) {
            try await cluster.hub.write { log in
                _ = try ledger.ingest(checked, in: log, receivedAt: at)
                throw Planted()
            }
        }
    }

    /// The node applies a page, and then its disk says no.
    private func losePage(of index: Int, in cluster: Cluster) async throws {
        let (log, node, _) = cluster.nodes[index]
        let (ledger, at) = (cluster.ledger, cluster.now)
        let applied = try await log.read { try $0.progress().applied }
        let page = try await cluster.hub.read { log in
            try ledger.page(
                PullRequest(
                    node: node.identity.node,
                    epoch: ledger.epoch,
                    after: applied,
                    bytesMax: 2_000,
                    waitMilliseconds: 0,
                    summariesAfter: nil
                ),
                for: node.site,
                in: log
            )
        }
        await #expect(throws: Planted.self) {
            try await log.write { log in
                try node.apply(page, after: applied, in: log, at: at)
                throw Planted()
            }
        }
    }

    /// The same transaction on a store with rows in memory and on a copy that reads them anew
    /// writes the same rows, at the nodes and at the hub.
    private func compareWithCopies(
        _ cluster: Cluster,
        _ directory: TemporaryDirectory,
        _ command: InventoryCommand,
        seed: UInt64
    ) async throws {
        let at = cluster.now.adding(microseconds: 1_000_000)
        for (log, node, key) in cluster.nodes {
            let fresh = try await copy(of: log, in: directory)
            for store in [log, fresh] {
                _ = try await store.write { try node.record([command], in: $0, at: at) }
            }
            let own = try await rows(of: log)
            let reread = try await rows(of: fresh)
            #expect(own == reread, "Replay with SEED=\(seed)")

            let hub = cluster.hub
            let freshHub = try await copy(of: hub, in: directory)
            var batch = try #require(
                try await log.read { try node.nextBatch(in: $0, limit: 99, bytesMax: 1 << 20) }
            )
            try batch.sign(with: key)
            let signed = batch
            let checked = try HubLedger.CheckedBatch(
                signed,
                chain: signed.chain(),
                site: node.site
            )
            let ledger = cluster.ledger
            for store in [hub, freshHub] {
                _ = try await store.write { try ledger.ingest(checked, in: $0, receivedAt: at) }
            }
            let atHub = try await rows(of: hub)
            let rereadAtHub = try await rows(of: freshHub)
            #expect(atHub == rereadAtHub, "Replay with SEED=\(seed)")
        }
    }
}
