public import Causality
import Foundation
public import Interchange
import InventoryEngine
public import Replication
public import Reports

/// How a node stands, as people and programs read it.
public struct EdgeStatus: Sendable {
    /// The worst that is true of a node, from the worst on.
    public enum State: String, CaseIterable, Hashable, Sendable {
        /// What was computed here is not what the hub computed.
        case damage
        /// A conflict, exception or parked event is open.
        case attention
        /// The hub did not answer, turned the node down, or was never joined.
        case offline
        /// Something is not acknowledged, not applied or not compared.
        case behind
        /// Everything is acknowledged, applied and equal, and nothing is open.
        case inSync = "in_sync"

        /// What `status` exits with.
        public var exitCode: Int32 {
            switch self {
            case .damage: 5
            case .attention: 4
            case .offline: 3
            case .behind: 10
            case .inSync: 0
            }
        }
    }

    /// The worst that is true.
    public let state: State
    /// Who the node is.
    public let identity: NodeIdentity
    /// The hub, if the node has joined one.
    public let link: NodeLink?
    /// What came of the last attempt to reach it.
    public let contact: HubContact
    /// How far the node has come.
    public let progress: NodeProgress
    /// The last own sequence.
    public let recorded: UInt64
    /// The last own sequence that is in a verified backup of the hub.
    public let durable: UInt64
    /// How many events wait.
    public let pending: UInt64
    /// How long the oldest of them has waited, in seconds.
    public let oldestPendingSeconds: UInt64
    /// What waits for a person.
    public let attention: Attention
    /// The digests of the base, by layer.
    public let digests: [(layer: String, sum: String)]
    /// Bytes of the database.
    public let databaseBytes: UInt64
    /// Bytes that are free on its disk.
    public let freeBytes: UInt64

    /// When the agent tries to reach the hub again; nil while it does, or without an agent.
    public let nextAttempt: Instant?
    /// What the agent's last failure was; nil after a success, or without an agent.
    public let failure: String?
    /// The process of the agent that answers; nil if none runs.
    public let agentProcess: Int32?

    /// Reads how a node stands.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - replication: What its agent knows of the hub, if there is one and it has joined.
    ///   - isAgent: Whether this process is the agent.
    /// - Returns: The status.
    /// - Throws: A storage error.
    public static func read(
        from node: EdgeNode,
        replication: Replicator.State? = nil,
        isAgent: Bool = false
    ) async throws -> EdgeStatus {
        let identity = node.identity
        let instant = node.now()
        let space = try node.log.storageSpace()
        return try await node.log.read { log in
            try EdgeStatus(
                in: log,
                identity: identity,
                at: instant,
                space: space,
                replication: replication,
                agentProcess: isAgent ? ProcessInfo.processInfo.processIdentifier : nil
            )
        }
    }

    private init(
        in log: any LogReading,
        identity: NodeIdentity,
        at now: Instant,
        space: (databaseBytes: UInt64, freeBytes: UInt64),
        replication: Replicator.State?,
        agentProcess: Int32?
    ) throws {
        nextAttempt = replication?.nextAttempt
        failure = replication?.failure
        self.agentProcess = agentProcess
        self.identity = identity
        link = try log.link()
        progress = try log.progress()
        recorded = try log.lastEvent(of: identity.node)?.sequence ?? 0
        durable = try log.acknowledged(of: identity.node, at: progress.durable)
        pending = recorded - min(recorded, progress.acknowledged)
        attention = try Attention(in: log.source(.overlay))
        (databaseBytes, freeBytes) = space
        contact = try replication?.contact ?? log.contact()
        oldestPendingSeconds = try Self.age(
            of: EventID(node: identity.node, sequence: progress.acknowledged &+ 1),
            in: log,
            at: now
        )
        let source = log.source(.base)
        digests = try [Layer.physical, .commitment, .financial].map { layer in
            let key = DigestRow.Key(home: identity.site, layer: layer)
            let row = try source.row(.digest, key.bytes).map { try DigestRow(bytes: $0) }
            return (layer.text, (row?.sum ?? .zero).description)
        }
        let isUpToDate = pending == 0 && progress.applied >= progress.head
        let wasCompared = progress.applied > .start
        state =
            if progress.differences > 0 || (isUpToDate && wasCompared && !progress.digestAgrees) {
                .damage
            } else if attention.conflicts + attention.exceptions + attention.parked > 0 {
                .attention
            } else if contact != .connected {
                .offline
            } else if !isUpToDate || !progress.digestAgrees {
                .behind
            } else {
                .inSync
            }
    }

    static func age(
        of event: EventID,
        in log: any LogReading,
        at now: Instant
    ) throws -> UInt64 {
        guard let sealed = try log.event(event) else { return 0 }
        let recordedAt = try WireFormat.decodeEvent(sealed.bytes).recordedAt.wall
        let (age, overflow) = now.microseconds.subtractingReportingOverflow(
            recordedAt.microseconds
        )
        return overflow ? 0 : UInt64(max(0, age)) / 1_000_000
    }

    /// How far the own clock may be off before anybody is told: 2 min; 15 min is an alarm.
    private var clockQuality: String {
        switch progress.clockOffsetMilliseconds.magnitude {
        case ..<120_000: "ok"
        case ..<900_000: "warn"
        default: "alarm"
        }
    }

    /// Writes the status as one JSON object.
    ///
    /// What is not known is `null`.
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("state", state.rawValue)
            writer.member("site", orNull: identity.site?.text)
            writer.member("node", identity.name.text)
            writer.member("node_id", identity.node.description)
            writer.member("currency", identity.currency.text)
            writer.member("money_scale", number: identity.moneyScale)
            writer.key("hub")
            writer.object { encodeHub(to: &$0) }
            writer.key("events")
            writer.object { writer in
                writer.member("recorded", number: recorded)
                writer.member("acknowledged", number: progress.acknowledged)
                writer.member("durable", number: durable)
                writer.member("pending", number: pending)
                writer.member("oldest_pending_seconds", number: oldestPendingSeconds)
            }
            writer.key("position")
            writer.object { writer in
                writer.member("applied", number: progress.applied.rawValue)
                writer.member("hub_head", number: progress.head.rawValue)
            }
            writer.key("digest")
            writer.object { writer in
                for digest in digests { writer.member(digest.layer, digest.sum) }
                writer.member("agrees_with_hub", progress.digestAgrees)
            }
            writer.key("attention")
            writer.object { writer in
                writer.member("conflicts", number: attention.conflicts)
                writer.member("exceptions", number: attention.exceptions)
                writer.member("parked", number: attention.parked)
                writer.member("provisional_orders", number: attention.provisionalOrders)
            }
            writer.key("clock")
            writer.object { writer in
                writer.member("offset_ms", number: progress.clockOffsetMilliseconds)
                writer.member("quality", clockQuality)
            }
            writer.key("storage")
            writer.object { writer in
                writer.member("database_bytes", number: databaseBytes)
                writer.member("free_bytes", number: freeBytes)
            }
            writer.key("agent")
            writer.object { writer in
                writer.member("running", agentProcess != nil)
                if let agentProcess {
                    writer.member("pid", number: agentProcess)
                } else {
                    writer.member("pid", orNull: nil)
                }
            }
        }
    }

    private func encodeHub(to writer: inout JSONWriter) {
        let lastContact = progress.lastContact.microseconds == 0 ? nil : progress.lastContact
        writer.member("url", orNull: link?.url)
        writer.member("state", contact.rawValue)
        writer.member("epoch", number: progress.epoch.counter)
        writer.member("last_contact", orNull: lastContact?.rfc3339)
        writer.member("next_attempt", orNull: nextAttempt?.rfc3339)
        writer.member("failure", orNull: failure)
    }
}
