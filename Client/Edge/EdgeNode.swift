public import Causality
public import InventoryEngine
public import Replication
import Synchronization

/// A node at a site: records commands without asking anybody, and replicates when it can.
public final class EdgeNode: Sendable {
    /// The node's store.
    public let log: any EventLog

    let now: @Sendable () -> Instant
    private let current: Mutex<NodeIdentity>

    /// Who the node is; its name changes when it joins.
    public var identity: NodeIdentity { current.withLock { $0 } }

    /// Binds a node to its store.
    ///
    /// - Parameters:
    ///   - log: The store that ``initialise(log:site:name:currency:moneyScale:)`` made.
    ///   - identity: What the store holds as its identity.
    ///   - now: The wall clock.
    public init(
        log: any EventLog,
        identity: NodeIdentity,
        now: @escaping @Sendable () -> Instant
    ) {
        self.log = log
        self.now = now
        self.current = Mutex(identity)
    }

    /// Opens the node that a store belongs to.
    ///
    /// - Throws: ``ReplicationError`` with the code `storage_failed` if the store is no node's.
    public static func open(
        log: any EventLog,
        now: @escaping @Sendable () -> Instant
    ) async throws -> EdgeNode {
        let identity = try await log.read { log in try log.identity() }
        return EdgeNode(log: log, identity: identity, now: now)
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

    /// Records commands in one durable transaction, each whole or not at all.
    ///
    /// - Returns: One result per command, in order.
    /// - Throws: A storage error; then nothing was recorded.
    public func record(_ commands: [InventoryCommand]) async throws -> [Recording] {
        let ledger = try NodeLedger(identity: identity)
        let instant = now()
        return try await log.write { log in
            try ledger.record(commands, in: log, at: instant)
        }
    }

    /// How people read an event: by the node's name if it is this node's.
    public func text(of event: EventID) -> String {
        let identity = identity
        guard event.node == identity.node else { return event.description }
        return "\(identity.name):\(event.sequence)"
    }

    func rename(to identity: NodeIdentity) {
        current.withLock { $0 = identity }
    }
}

extension LogSetting {
    /// Up to which hub position the node holds the summary rows of other sites.
    static let summaries = LogSetting(rawValue: "summaries")
    /// What came of the last attempt to reach the hub: a ``HubContact``.
    static let contact = LogSetting(rawValue: "contact")
}

/// What came of the last attempt to reach the hub.
public enum HubContact: String, CaseIterable, Hashable, Sendable {
    /// The hub answered.
    case connected
    /// The hub did not answer, or was never asked.
    case unreachable
    /// The node has no hub.
    case neverJoined = "never_joined"
    /// The hub turned the node down.
    case refused
}
