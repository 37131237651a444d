import Causality
import CurlTransport
import Edge
import Foundation
import Hub
import InventoryEngine
import Logging
import Replication
import SQLiteStorage
import Synchronization

/// A real hub on loopback: its store on the disk, its HTTP interface on a port of its own.
struct LoopbackHub: Sendable {
    let service: HubService
    let log: SQLiteEventLog
    let address: String

    /// Runs a hub while a closure works with it.
    static func with<Result: Sendable>(
        _ bench: Workbench,
        _ body: @escaping @Sendable (LoopbackHub) async throws -> Result
    ) async throws -> Result {
        let log = try SQLiteEventLog(path: bench.newPath("hub") + ".sqlite", create: true)
        var random = SystemRandomNumberGenerator()
        let identity = NodeIdentity(
            node: NodeID(high: random.next(), low: random.next()),
            site: nil,
            name: identifier("hub"),
            currency: BenchmarkSite.currency,
            moneyScale: 4
        )
        let epoch = Epoch(counter: 1, high: random.next(), low: random.next())
        try await HubService.initialise(log, identity: identity, epoch: epoch)
        let service = try await HubService.open(log, key: .generate())
        var logger = Logger(label: "hub")
        logger.logLevel = .critical  // stopping by cancellation is no news
        let application = HubApplication(
            service: service,
            operatorToken: "00",
            logger: logger,
            now: wallClock,
            drawToken: { "\(UInt64.random(in: .min ... .max))" }
        )
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await application.run(host: "127.0.0.1", port: 0) { number in
                    port.yield(number)
                    port.finish()
                }
                return nil
            }
            group.addTask {
                for await number in ports {
                    let hub = LoopbackHub(
                        service: service,
                        log: log,
                        address: "http://127.0.0.1:\(number)"
                    )
                    return try await body(hub)
                }
                throw BenchmarkError("The hub did not start.")
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw BenchmarkError("The hub ended before its work was done.")
        }
    }

    /// Joins a node.
    ///
    /// - Returns: What keeps the node and the hub one.
    func join(
        _ node: EdgeNode,
        as name: Label = BenchmarkSite.name,
        at site: SiteCode = BenchmarkSite.code,
        over peer: any ReplicationPeer
    ) async throws -> Replicator {
        let key = NodeKey.generate()
        let token = "\(UInt64.random(in: .min ... .max))"
        let invitation = Invitation(
            site: site,
            name: name,
            expiresAt: Instant(microseconds: wallClock().microseconds + 3_600_000_000)
        )
        try await service.invite(invitation, token: token)
        _ = try await node.join(url: address, token: token, peer: peer, key: key)
        var logger = Logger(label: "node")
        logger.logLevel = .critical  // stopping by cancellation is no news
        return node.replicator(
            to: try await node.joinedHub(),
            over: peer,
            key: key,
            logger: logger
        )
    }
}
