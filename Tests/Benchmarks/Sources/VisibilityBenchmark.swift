import Causality
import CurlTransport
import Edge
import InventoryEngine
import Logging
import Replication
import SQLiteStorage
import ServiceLifecycle

/// P5: from a commit at one site to the layers of another, both agents running.
enum VisibilityBenchmark {
    private static let eventCount = 500

    static func run(_ bench: Workbench) async throws -> [Measurement] {
        let delays = try await LoopbackHub.with(bench) { hub in
            let (sender, senderLog) = try await bench.newNode("sender")
            let (watcher, watcherLog) = try await bench.newNode(
                "watcher",
                site: BenchmarkSite.other
            )
            var services: [any Service] = []
            for (node, site, name) in [
                (sender, BenchmarkSite.code, BenchmarkSite.name),
                (watcher, BenchmarkSite.other, identifier("man-1", Label.self)),
            ] {
                let peer = try CurlPeer(address: hub.address)
                services.append(try await hub.join(node, as: name, at: site, over: peer))
            }
            let delays = try await withThrowingTaskGroup(of: [Double]?.self) { group in
                for service in services {
                    group.addTask {
                        try await service.run()
                        return nil
                    }
                }
                group.addTask { try await measureDelays(from: sender, to: watcher) }
                defer { group.cancelAll() }
                while let delays = try await group.next() {
                    if let delays { return delays }
                }
                throw BenchmarkError("An agent ended before its work was done.")
            }
            try senderLog.close()
            try watcherLog.close()
            return delays.sorted()
        }
        return [
            Measurement(
                "P5 from a commit at one site to the layers of another, p50",
                Figure([delays.percentile(0.5) * 1_000], "ms"),
                goal: .figure(atMost: 5)
            ),
            Measurement(
                "P5 the same, p99",
                Figure([delays.percentile(0.99) * 1_000], "ms"),
                goal: .figure(atMost: 25)
            ),
        ]
    }

    /// Dispatches transfers one at a time, and waits until the other site sees each in transit.
    private static func measureDelays(from sender: EdgeNode, to watcher: EdgeNode) async throws
        -> [Double]
    {
        let sku: SKU = identifier("SKU")
        let item = ItemRegistration(sku: sku, properties: ItemProperties(name: "Item"))
        var line = EventLine(sku: sku, quantity: Quantity(units: 1_000_000))
        line.unitCost = ExactDecimal(mantissa: 125, scale: 2)
        let receipt = GoodsReceipt(currency: BenchmarkSite.currency, lines: [line])
        try await sender.recordInBulk([
            InventoryCommand(body: .itemRegistered(item)),
            InventoryCommand(body: .goodsReceived(receipt)),
        ])
        var delays: [Double] = []
        for number in 0..<eventCount {
            let ticket = watcher.commits.begin()
            defer { watcher.commits.end(ticket) }
            let transfer = Transfer(
                transfer: identifier("T-\(number)"),
                toSite: BenchmarkSite.other,
                lines: [EventLine(sku: sku, quantity: Quantity(units: 1), line: 1)]
            )
            try await sender.recordInBulk([InventoryCommand(body: .transferRequested(transfer))])
            let start = ContinuousClock.now
            while try await transferCount(at: watcher) <= number {
                if await watcher.commits.wait(ticket, atMost: .seconds(30)) == .stopped {
                    throw BenchmarkError("Transfer \(number) did not arrive in 30 seconds.")
                }
            }
            delays.append(start.duration(to: .now).seconds)
        }
        return delays
    }

    private static func transferCount(at node: EdgeNode) async throws -> Int {
        try await node.log.read { log in
            try log.source(.base).rows(
                .transfer,
                from: [],
                to: [UInt8](repeating: 0xFF, count: 64),
                limit: .max,
                descending: false
            ).count
        }
    }
}
