public import Causality
import Interchange
public import InventoryEngine
public import Logging
public import Replication
import Reports
import Synchronization

/// A node at a site: records commands without asking anybody, and replicates when it can.
public final class EdgeNode: Sendable {
    /// The node's store.
    public let log: any EventLog
    /// Is raised after every commit to the store.
    public let commits = CommitSignal()

    let now: @Sendable () -> Instant
    private let current: Mutex<NodeLedger>
    private let recordings: GroupCommit<[InventoryCommand], [Recording]>

    /// The node's rules, bound to who it is.
    var ledger: NodeLedger { current.withLock { $0 } }
    /// Who the node is; its name changes when it joins.
    public var identity: NodeIdentity { ledger.identity }

    private init(
        log: any EventLog,
        ledger: NodeLedger,
        now: @escaping @Sendable () -> Instant
    ) {
        self.log = log
        self.now = now
        self.current = Mutex(ledger)
        recordings = GroupCommit(
            weightMax: CommandBatch.commandsMax,
            weight: { $0.count },
            perform: { groups in
                let instant = now()
                let recordings = try await log.write { log in
                    try ledger.record(groups.flatMap(\.self), in: log, at: instant)
                }
                var rest = recordings[...]
                return groups.map { group in
                    defer { rest = rest.dropFirst(group.count) }
                    return .success(Array(rest.prefix(group.count)))
                }
            }
        )
    }

    /// Opens the node that a store belongs to.
    ///
    /// - Parameters:
    ///   - log: The store that ``initialise(log:site:name:currency:moneyScale:)`` made.
    ///   - now: The wall clock.
    /// - Returns: The node.
    /// - Throws: ``ReplicationError`` with the code `storage_failed` if the store is no node's.
    public static func open(
        log: any EventLog,
        now: @escaping @Sendable () -> Instant
    ) async throws -> EdgeNode {
        let identity = try await log.read { log in try log.identity() }
        return EdgeNode(log: log, ledger: try NodeLedger(identity: identity), now: now)
    }

    /// Makes a store the store of a new node.
    ///
    /// - Returns: The node's identity, drawn at random.
    /// - Throws: `EngineError` with the code `already_initialised` if the store has an owner.
    public static func initialise(
        log: any EventLog,
        site: SiteCode,
        name: Label,
        currency: Label,
        moneyScale: UInt8
    ) async throws -> NodeIdentity {
        var random = SystemRandomNumberGenerator()
        let identity = NodeIdentity(
            node: NodeID(high: random.next(), low: random.next()),
            site: site,
            name: name,
            currency: currency,
            moneyScale: moneyScale
        )
        try await log.write { log in
            guard try log.setting(.identity) == nil else {
                throw EngineError(
                    EngineError.Code("already_initialised"),
                    "The database belongs to a node already.",
                    hint: "Choose another data directory."
                )
            }
            try log.set(.identity, to: identity.bytes)
        }
        return identity
    }

    // MARK: Recording

    /// Records commands durably, each whole or not at all; what others record at the same time
    /// shares the wait for the disk.
    ///
    /// It asks nobody: a hub that is slow, hung or gone does not delay it.
    ///
    /// - Parameter commands: Recorded in order, with nothing of others between them.
    /// - Returns: One result per command, in order.
    /// - Throws: A storage error; then nothing was recorded.
    public func record(_ commands: [InventoryCommand]) async throws -> [Recording] {
        let results = try await recordings.run(commands)
        commits.raise()
        return results
    }

    /// Lets the reservations end whose time has passed, and takes out the lots past their date.
    ///
    /// - Returns: When the next one ends, by the own clock; nil if none does.
    /// - Throws: A storage error.
    public func expire() async throws -> Instant? {
        let (ledger, instant) = (ledger, now())
        guard let next = try await log.read({ try ledger.nextExpiry(in: $0) }) else { return nil }
        guard next <= instant else { return next }
        let count = try await log.write { try ledger.recordExpired(in: $0, at: instant) }
        if count > 0 { commits.raise() }
        return try await log.read { try ledger.nextExpiry(in: $0) }
    }

    /// How people read an event: by the node's name if it is this node's.
    public func text(of event: EventID) -> String {
        let identity = identity
        guard event.node == identity.node else { return event.description }
        return "\(identity.name):\(event.sequence)"
    }

    // MARK: Replicating

    /// Enrols the node at a hub.
    ///
    /// - Parameters:
    ///   - url: Where the hub answers; kept for later.
    ///   - token: The one-time token of the hub's `invite`.
    ///   - peer: The way to that hub.
    ///   - key: The node's key.
    /// - Returns: The node's identity, with the name that the token gives it.
    /// - Throws: ``ReplicationError``; then nothing has changed.
    public func join(
        url: String,
        token: String,
        peer: any ReplicationPeer,
        key: NodeKey
    ) async throws -> NodeIdentity {
        let ledger = ledger
        guard try await log.read({ log in try log.link() }) == nil else {
            throw ReplicationError(
                .refused,
                "The node has joined a hub already.",
                hint: "Run `plumbline status` to see which."
            )
        }
        let identity = ledger.identity
        let caller = HubCaller(node: identity.node, peer: peer, key: key, now: now)
        let reply = try await caller.join(
            JoinRequest(
                token: token,
                node: identity.node,
                site: ledger.site,
                publicKey: key.publicKey,
                currency: identity.currency,
                moneyScale: identity.moneyScale,
                name: identity.name
            )
        )
        var joined = identity
        joined.name = reply.name
        let stored = joined
        let link = NodeLink(url: url, hub: reply.hub, hubPublicKey: reply.hubPublicKey)
        let instant = now()
        try await log.write { log in
            var progress = try log.progress()
            progress.epoch = reply.epoch
            progress.lastContact = instant
            try log.set(.link, to: link.bytes)
            try log.set(.identity, to: stored.bytes)
            try log.set(.progress, to: progress.bytes)
            try log.set(.connected)
        }
        let renamed = try NodeLedger(identity: joined)
        current.withLock { $0 = renamed }
        commits.raise()
        return joined
    }

    /// The hub that the node has joined.
    ///
    /// - Throws: ``ReplicationError`` with the code `hub_unreachable` if it has joined none.
    public func joinedHub() async throws -> NodeLink {
        guard let link = try await log.read({ log in try log.link() }) else {
            throw ReplicationError(
                .hubUnreachable,
                "The node has not joined a hub.",
                hint: "Run `plumbline join` with a token of the hub's `invite`."
            )
        }
        return link
    }

    /// What keeps the node and its hub one.
    ///
    /// - Parameters:
    ///   - link: The hub that the node has joined.
    ///   - peer: The way to it.
    ///   - key: The node's key.
    ///   - logger: Where failures go.
    /// - Returns: A replicator that has not reached the hub yet.
    public func replicator(
        to link: NodeLink,
        over peer: any ReplicationPeer,
        key: NodeKey,
        logger: Logger
    ) -> Replicator {
        let ledger = ledger
        let now = now
        return Replicator(
            log: log,
            ledger: ledger,
            link: link,
            caller: HubCaller(node: ledger.identity.node, peer: peer, key: key, now: now),
            commits: commits,
            logger: logger,
            now: now
        ) { log, request in
            request.programVersion = EdgeNode.programVersion
            request.openConflicts = try Attention(in: log.source(.overlay)).conflicts
            request.oldestPendingSeconds = try EdgeStatus.age(
                of: EventID(node: request.node, sequence: request.acknowledged &+ 1),
                in: log,
                at: request.sentAt
            )
        }
    }

    /// The version that the program tells of itself.
    public static let programVersion = "1.0.0"
}
