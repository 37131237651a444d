import Causality
import CurlTransport
import Edge
import InventoryEngine
import Logging
import Replication
import SQLiteStorage
import ServiceLifecycle

/// P3 and P10: sixteen callers at once, each waiting for its own command to be durable.
enum ConcurrentBenchmark {
    private static let callerCount = 16
    private static let skuCount = 1_000
    private static let roundDuration = Duration.seconds(4)
    private static let roundCount = 3

    /// P3: one durable command each, in process and through the local API.
    static func run(_ bench: Workbench) async throws -> [Measurement] {
        var latencies: [Double] = []
        let recorded = try await rounds(roundCount, "commands/s") { _ in
            let (node, log) = try await stocked(bench, skuCount: skuCount, units: 1_000_000)
            let calls = try await callers(roundDuration) { caller, number in
                let random = SeededRandom(seed: UInt64(caller) << 32 | UInt64(number))
                let command = confirmation(
                    order: "O-\(caller)-\(number)",
                    sku: sku(random.first(below: skuCount)),
                    refusesBackorder: false
                )
                return try await isAccepted(command, by: node)
            }
            try log.close()
            latencies += calls.latencies
            return Double(calls.latencies.count) / calls.seconds
        }
        latencies.sort()
        let called = try await rounds(roundCount, "commands/s") { _ in
            try await commandsThroughAPI(bench)
        }
        let peer = try await Postgres.transactions(bench, roundCount: roundCount)
        return [
            Measurement(
                "P3 one durable command each from 16 callers, in process",
                recorded,
                peer: peer.map { ("PostgreSQL, 16 clients", $0) },
                goal: .ratio(atLeast: 8)
            ),
            Measurement(
                "P3 the same through the local API on a Unix socket, one call each",
                called,
                peer: peer.map { ("PostgreSQL, 16 clients", $0) },
                goal: .ratio(atLeast: 3)
            ),
            Measurement(
                "P3 the time a caller in process waits, p99",
                Figure([latencies.percentile(0.99) * 1_000], "ms"),
                goal: .figure(atMost: 10)
            ),
        ]
    }

    /// One round of callers that talk to the node's agent by HTTP, as the programs of a site do.
    private static func commandsThroughAPI(_ bench: Workbench) async throws -> Double {
        let (node, log) = try await stocked(bench, skuCount: skuCount, units: 1_000_000)
        var logger = Logger(label: "agent")
        logger.logLevel = .critical  // stopping by cancellation is no news
        let agent = EdgeAgent(node: node, key: .generate(), logger: logger) { url in
            try CurlPeer(address: url)
        }
        let socketPath = bench.newPath("s")
        let (signals, signal) = AsyncStream.makeStream(of: Void.self)
        let service = LocalAPI(agent: agent, logger: logger).service(socketPath: socketPath) {
            signal.finish()
        }
        let rate = try await withThrowingTaskGroup(of: Double?.self) { group in
            group.addTask {
                try await service.run()
                return nil
            }
            group.addTask {
                for await _ in signals {}
                let peer = try CurlPeer(
                    address: "http://localhost",
                    unixSocketPath: socketPath
                )
                defer { peer.shutdown() }
                let calls = try await callers(roundDuration) { caller, number in
                    let sku = sku((caller * 97 + number) % skuCount)
                    let json = """
                        {"type":"order_confirmed","op":"O-\(caller)-\(number)",\
                        "order":"O-\(caller)-\(number)",\
                        "lines":[{"line":1,"sku":"\(sku)","quantity":1}]}
                        """
                    let reply = try await peer.exchange(
                        PeerRequest(
                            path: "/api/v1/commands",
                            body: Array(json.utf8),
                            contentType: "application/x-ndjson"
                        )
                    )
                    let text = String(decoding: reply.body, as: UTF8.self)
                    guard reply.status == 200, text.contains("\"event\"") else {
                        throw BenchmarkError("The local API answered \(reply.status): \(text)")
                    }
                    return true
                }
                return Double(calls.latencies.count) / calls.seconds
            }
            defer { group.cancelAll() }
            while let rate = try await group.next() {
                if let rate { return rate }
            }
            throw BenchmarkError("The agent ended before its callers.")
        }
        try log.close()
        return rate
    }

    /// P10: confirmations on one SKU, more than there is, and none oversold.
    static func runHotSKU(_ bench: Workbench) async throws -> [Measurement] {
        var oversold = 0
        let recorded = try await rounds(roundCount, "commands/s") { _ in
            let units = 20_000
            let (node, log) = try await stocked(bench, skuCount: 1, units: Int64(units))
            let calls = try await callers(roundDuration) { caller, number in
                let command = confirmation(
                    order: "O-\(caller)-\(number)",
                    sku: sku(0),
                    refusesBackorder: true
                )
                return try await isAccepted(command, by: node)
            }
            try log.close()
            oversold += max(0, calls.acceptedCount - units)
            if calls.latencies.count > units, calls.acceptedCount < units {
                throw BenchmarkError("Refused although \(units - calls.acceptedCount) were free.")
            }
            return Double(calls.latencies.count) / calls.seconds
        }
        return [
            Measurement(
                "P10 confirmations on one SKU from 16 callers, to beyond the last unit",
                recorded,
                goal: .figure(atLeast: 20_000)
            ),
            Measurement(
                "P10 units oversold",
                Figure([Double(oversold)], "units"),
                goal: .figure(atMost: 0)
            ),
        ]
    }

    // MARK: Callers

    /// What the callers of one round saw.
    private struct Calls: Sendable {
        var acceptedCount = 0
        /// Seconds that each call took.
        var latencies: [Double] = []
        var seconds = 0.0
    }

    /// Calls from several tasks for a while, each task one call after the other.
    private static func callers(
        _ duration: Duration,
        _ call: @escaping @Sendable (_ caller: Int, _ number: Int) async throws -> Bool
    ) async throws -> Calls {
        let start = ContinuousClock.now
        let end = start.advanced(by: duration)
        var all = Calls()
        try await withThrowingTaskGroup(of: Calls.self) { group in
            for caller in 0..<callerCount {
                group.addTask {
                    var calls = Calls()
                    var begun = ContinuousClock.now
                    while begun < end {
                        if try await call(caller, calls.latencies.count) {
                            calls.acceptedCount += 1
                        }
                        let done = ContinuousClock.now
                        calls.latencies.append(begun.duration(to: done).seconds)
                        begun = done
                    }
                    return calls
                }
            }
            for try await calls in group {
                all.acceptedCount += calls.acceptedCount
                all.latencies += calls.latencies
            }
        }
        all.seconds = start.duration(to: .now).seconds
        return all
    }

    private static func isAccepted(
        _ command: InventoryCommand,
        by node: EdgeNode
    ) async throws -> Bool {
        let recording = try await node.record([command])[0]
        guard let refusal = recording.refusal else { return true }
        guard refusal.code.text == "insufficient_stock" else {
            throw BenchmarkError("Refused: \(refusal.code.text): \(refusal.message)")
        }
        return false
    }

    // MARK: Stock and orders

    private static func sku(_ number: Int) -> SKU { identifier("SKU-\(number)") }

    private static func stocked(
        _ bench: Workbench,
        skuCount: Int,
        units: Int64
    ) async throws -> (node: EdgeNode, log: SQLiteEventLog) {
        let (node, log) = try await bench.newNode("callers")
        var commands: [InventoryCommand] = []
        for number in 0..<skuCount {
            let item = ItemRegistration(
                sku: sku(number),
                properties: ItemProperties(name: "Item \(number)")
            )
            var line = EventLine(sku: sku(number), quantity: Quantity(units: units))
            line.unitCost = ExactDecimal(mantissa: 125, scale: 2)
            let receipt = GoodsReceipt(currency: BenchmarkSite.currency, lines: [line])
            commands.append(InventoryCommand(body: .itemRegistered(item)))
            commands.append(InventoryCommand(body: .goodsReceived(receipt)))
        }
        try await node.recordInBulk(commands)
        return (node, log)
    }

    private static func confirmation(
        order: String,
        sku: SKU,
        refusesBackorder: Bool
    ) -> InventoryCommand {
        let line = EventLine(sku: sku, quantity: Quantity(units: 1), line: 1)
        var confirmation = OrderConfirmation(order: identifier(order), lines: [line])
        confirmation.refusesBackorder = refusesBackorder
        return InventoryCommand(body: .orderConfirmed(confirmation), op: identifier(order))
    }
}

extension SeededRandom {
    /// The first number of the sequence, from zero to below a bound.
    func first(below bound: Int) -> Int {
        var copy = self
        return copy.number(below: bound)
    }
}
