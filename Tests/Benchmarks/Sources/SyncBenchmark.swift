import Causality
import Edge
import InventoryEngine
import Replication
import SQLiteStorage

/// P4, P8 and P14: a backlog, a sync with nothing to say, and what goes over the wire.
enum SyncBenchmark {
    private static let roundCount = 3
    private static let backlogEvents = 10_000
    private static let offlineEvents = 50_000

    /// P4: an edge's backlog until the hub has it on its disk and the edge knows it.
    static func runBacklog(_ bench: Workbench) async throws -> [Measurement] {
        let pushed = try await rounds(roundCount, "events/s") { _ in
            let backlog = try await backlog(bench, eventCount: backlogEvents)
            return Double(backlog.eventCount) / backlog.acknowledgedSeconds
        }
        let peer = try await Postgres.replication(bench, roundCount: roundCount)
        return [
            Measurement(
                "P4 backlog of events of two lines to the hub, on its disk, acknowledged",
                pushed,
                peer: peer.map { ("PostgreSQL, logical replication", $0) },
                goal: .ratio(atLeast: 1)
            )
        ]
    }

    /// P6: three days without the hub.
    static func runReconnection(_ bench: Workbench) async throws -> [Measurement] {
        let backlog = try await backlog(bench, eventCount: offlineEvents)
        return [
            Measurement(
                "P6 \(Double(backlog.eventCount).figureText) events of two lines offline,"
                    + " then in sync, nobody else active",
                Figure([backlog.inSyncSeconds], "s"),
                goal: .figure(atMost: 3)
            )
        ]
    }

    private struct Backlog: Sendable {
        var eventCount: Int
        /// Until the hub had acknowledged all of it.
        var acknowledgedSeconds: Double
        /// Until the node had folded what the hub ordered, too, and the digests agreed.
        var inSyncSeconds: Double
    }

    private static func backlog(_ bench: Workbench, eventCount: Int) async throws -> Backlog {
        try await LoopbackHub.with(bench) { hub in
            let (node, log) = try await bench.newNode("backlog")
            var stories = TwoLineCommands(seed: 4, skuCount: 1_000)
            var commands = stories.preparation()
            while commands.count < eventCount { commands += stories.next() }
            try await node.recordInBulk(commands)

            let peer = try MeasuringPeer(address: hub.address)
            defer { peer.shutdown() }
            let replicator = try await hub.join(node, over: peer)
            let start = ContinuousClock.now
            var isInSync = false
            for _ in 0..<100 where !isInSync { isInSync = try await replicator.syncOnce() }
            let inSyncSeconds = start.duration(to: .now).seconds
            guard isInSync, let pushed = peer.takeExchanges().last(where: { $0.isPush }) else {
                throw BenchmarkError("The node did not come in sync.")
            }
            try log.close()
            return Backlog(
                eventCount: commands.count,
                acknowledgedSeconds: start.duration(to: pushed.endedAt).seconds,
                inSyncSeconds: inSyncSeconds
            )
        }
    }

    /// P8: a sync with nothing to say, at two sizes of the database.
    static func runQuiet(_ bench: Workbench) async throws -> [Measurement] {
        var measurements: [Measurement] = []
        for size in [1_000, 20_000] {
            let exchanges = try await LoopbackHub.with(bench) { hub in
                let (node, log) = try await bench.newNode("quiet")
                var stories = TwoLineCommands(seed: 8, skuCount: 500)
                var commands = stories.preparation()
                while commands.count < size { commands += stories.next() }
                try await node.recordInBulk(commands)
                let peer = try MeasuringPeer(address: hub.address)
                defer { peer.shutdown() }
                let replicator = try await hub.join(node, over: peer)
                var isInSync = false
                for _ in 0..<10 where !isInSync {
                    isInSync = try await replicator.syncOnce()
                }
                guard isInSync else { throw BenchmarkError("The node did not come in sync.") }
                _ = peer.takeExchanges()
                _ = try await replicator.syncOnce()
                try log.close()
                return peer.takeExchanges()
            }
            let events = Double(size).figureText
            measurements += [
                Measurement(
                    "P8 sync with nothing to say, \(events) events: round trips",
                    Figure([Double(exchanges.count)], "round trips"),
                    goal: .figure(atMost: 1)
                ),
                Measurement(
                    "P8 the same: bodies to the hub",
                    Figure([Double(exchanges.reduce(0) { $0 + $1.requestBytes })], "bytes"),
                    goal: .figure(atMost: 1_024)
                ),
                Measurement(
                    "P8 the same: bodies from the hub",
                    Figure([Double(exchanges.reduce(0) { $0 + $1.replyBytes })], "bytes"),
                    goal: .figure(atMost: 1_024)
                ),
            ]
        }
        return measurements
    }

    /// P14: bytes on the wire for each event of real orders.
    static func runWire(_ bench: Workbench) async throws -> [Measurement] {
        let (preparation, orders) = try bench.orders(limit: 6_000)
        let bytes = try await LoopbackHub.with(bench) { hub in
            let (node, log) = try await bench.newNode("wire")
            try await node.recordInBulk(preparation)
            let peer = try MeasuringPeer(address: hub.address)
            defer { peer.shutdown() }
            let replicator = try await hub.join(node, over: peer)
            _ = try await replicator.syncOnce()
            _ = peer.takeExchanges()
            try await node.recordInBulk(orders)
            _ = try await replicator.syncOnce()
            try log.close()
            return Double(try peer.pushedBytes()) / Double(orders.count)
        }
        let lines = Double(orders.reduce(0) { $0 + $1.body.lineCount }) / Double(orders.count)
        return [
            Measurement(
                "P14 bytes on the wire per event of \(bench.ordersText),"
                    + " \(lines.figureText) lines, compressed",
                Figure([bytes], "bytes"),
                goal: .figure(atMost: 100)
            )
        ]
    }
}
