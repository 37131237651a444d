import Causality
public import Logging
public import Replication
public import ServiceLifecycle
import Synchronization

/// A node that runs: it replicates for as long as the program does, from the moment it joins.
public final class EdgeAgent: Service, Sendable {
    /// How long a wait lasts at most before the hub is asked again how far it is.
    private static let askAgain = Duration.seconds(1)
    /// How long to wait before a failed question is put again.
    private static let askPause = Duration.milliseconds(200)

    /// How long to wait at most between two looks at the reservations.
    private static let expiryLook = Duration.seconds(5)

    /// The node.
    public let node: EdgeNode

    private let key: NodeKey
    private let logger: Logger
    private let connect: @Sendable (_ url: String) throws -> any ReplicationPeer
    private let current = Mutex<Replicator?>(nil)

    /// Makes the agent of a node.
    ///
    /// - Parameters:
    ///   - node: The node, whose store this process owns.
    ///   - key: The node's key.
    ///   - logger: Where failures go.
    ///   - connect: Makes the way to a hub of its address.
    public init(
        node: EdgeNode,
        key: NodeKey,
        logger: Logger,
        connect: @escaping @Sendable (_ url: String) throws -> any ReplicationPeer
    ) {
        self.node = node
        self.key = key
        self.logger = logger
        self.connect = connect
    }

    /// How the node stands with its hub; nil before it has joined.
    public var replication: Replicator.State? { current.withLock { $0?.state } }

    /// Replicates until the program stops, and lets reservations end when their time has passed.
    ///
    /// - Throws: What making the way to the hub throws, such as an address that cannot be used.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.replicate() }
            group.addTask { try await self.expire() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Looks for reservations whose time has passed, every few seconds and when the next one ends.
    private func expire() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                var wait = Self.expiryLook
                if let next = try await self.node.expire() {
                    let left = next.microseconds(since: self.node.now())
                    // What is due already waits for another node, or cannot be recorded now.
                    wait = min(wait, left > 0 ? .microseconds(left) : .seconds(1))
                }
                do {
                    try await Task.sleep(for: wait)
                } catch {
                    return  // the program stops
                }
            }
        }
    }

    private func replicate() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let ticket = self.node.commits.begin()
                defer { self.node.commits.end(ticket) }
                guard let link = try await self.node.log.read({ log in try log.link() }) else {
                    _ = await self.node.commits.wait(ticket, atMost: .seconds(60))
                    continue
                }
                let replicator = self.node.replicator(
                    to: link,
                    over: try self.connect(link.url),
                    key: self.key,
                    logger: self.logger
                )
                self.current.withLock { $0 = replicator }
                try await replicator.run()
            }
        }
    }

    /// How the node stands.
    ///
    /// - Throws: A storage error.
    public func status() async throws -> EdgeStatus {
        try await EdgeStatus.read(from: node, replication: replication, isAgent: true)
    }

    /// Enrols the node at a hub.
    ///
    /// - Throws: ``ReplicationError``; then nothing has changed.
    public func join(url: String, token: String) async throws -> NodeIdentity {
        try await node.join(url: url, token: token, peer: connect(url), key: key)
    }

    /// Asks the hub at once how far it is, and waits until the node is in sync.
    ///
    /// - Parameters:
    ///   - persists: Whether to go on when the hub does not answer.
    ///   - timeout: How long to wait.
    /// - Returns: Whether everything is acknowledged, applied and equal.
    /// - Throws: ``ReplicationError`` if the hub does not answer or turns the node down; if it
    ///   persists, only what an operator must see to, or when the time has passed.
    public func sync(persists: Bool, timeout: Duration) async throws -> Bool {
        _ = try await node.joinedHub()
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: timeout)
        while true {
            let left = clock.now.duration(to: deadline)
            do {
                guard let replicator = current.withLock(\.self) else {
                    throw ReplicationError(.hubUnreachable, "The agent is about to begin.")
                }
                // At least a moment: a time-out of nothing still asks once.
                let patience = max(left, Self.askPause)
                guard try await within(patience, { try await replicator.refresh() }) != nil else {
                    replicator.noteSilence()
                    throw ReplicationError.silentHub
                }
                replicator.hurry()
                let wait = min(left, Self.askAgain)
                if try await isInSync(replicator, within: wait) { return true }
                if left <= .zero { return false }
            } catch let error as ReplicationError {
                guard persists, error.isRetryable, left > .zero else { throw error }
                try await Task.sleep(for: min(left, Self.askPause), clock: clock)
            }
        }
    }

    private func isInSync(_ replicator: Replicator, within duration: Duration) async throws -> Bool
    {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: duration)
        while true {
            let ticket = node.commits.begin()
            defer { node.commits.end(ticket) }
            if try await replicator.isInSync() { return true }
            let left = clock.now.duration(to: end)
            guard left > .zero else { return false }
            _ = await node.commits.wait(ticket, atMost: left)
            try Task.checkCancellation()
        }
    }
}
