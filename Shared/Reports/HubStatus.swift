public import Causality
public import Interchange
import InventoryEngine
public import Replication

/// How much the hub takes in.
public struct IngestRate: Hashable, Sendable {
    /// Events that it ordered in the last minute, by the second, rounded to the nearest.
    public var eventsPerSecond: UInt64
    /// Batches that were received and are not yet committed.
    public var queueDepth: UInt64

    /// Makes a rate of its parts.
    public init(eventsPerSecond: UInt64, queueDepth: UInt64) {
        self.eventsPerSecond = eventsPerSecond
        self.queueDepth = queueDepth
    }
}

/// How the hub and its nodes stand, as people and programs read it.
public struct HubStatus: Sendable {
    /// The worst that is true of the network, from the worst on.
    public enum State: String, CaseIterable, Hashable, Sendable {
        /// A node that has folded everything computed something else than the hub.
        case damage
        /// A conflict, exception or parked event is open.
        case attention
        /// Entries that a restore has lost are being collected from the nodes.
        case recovering
        /// A node is silent, or has not pushed, folded or compared everything.
        case behind
        /// Every node holds what the hub holds, and nothing is open.
        case inSync = "in_sync"

        /// What `status` exits with.
        public var exitCode: Int32 {
            switch self {
            case .damage: 5
            case .attention: 4
            case .recovering, .behind: 10
            case .inSync: 0
            }
        }
    }

    /// The worst that is true.
    public let state: State
    /// What waits for a person, at all sites.
    public let attention: Attention

    private let epoch: Epoch
    private let head: HubPosition
    private let durable: HubPosition
    private let nodes: [NodeStanding]
    private let ingest: IngestRate
    private let digests: [(site: String, sums: [(layer: String, sum: String)])]

    /// Reads how the hub stands.
    ///
    /// - Parameters:
    ///   - log: The transaction to read in.
    ///   - identity: The hub.
    ///   - epoch: The hub's history.
    ///   - durable: The position that is also in the oldest verified backup.
    ///   - contacts: What the nodes told last.
    ///   - ingest: How much the hub takes in.
    ///   - now: The hub's wall clock.
    /// - Throws: `EngineError` with the code `damaged`, or a storage error.
    public init(
        in log: any LogReading,
        identity: NodeIdentity,
        epoch: Epoch,
        durable: HubPosition = .start,
        contacts: [NodeID: NodeContact],
        ingest: IngestRate,
        at now: Instant
    ) throws {
        let source = log.source(.base)
        let viewer = ReportViewer.hub(identity, contacts: contacts, now: now)
        self.epoch = epoch
        self.durable = durable
        self.ingest = ingest
        head = try log.head(in: nil)
        attention = try Attention(in: source)
        var nodes: [NodeStanding] = []
        try source.scan(.node) { key, value in
            let row = try NodeRow(bytes: value)
            guard row.homeSite != nil else { return }
            nodes.append(
                try NodeStanding(NodeRow.Key(bytes: key).node, row, in: log, as: viewer)
            )
        }
        self.nodes = nodes.sorted { $0.row.name < $1.row.name }
        digests = try Set(nodes.compactMap(\.row.homeSite)).sorted().map { site in
            let sums = try [Layer.physical, .commitment, .financial].map { layer in
                let key = DigestRow.Key(home: site, layer: layer)
                let row = try source.row(DigestRow.self, key)
                return (layer.text, (row?.sum ?? .zero).description)
            }
            return (site.text, sums)
        }
        state =
            if nodes.contains(where: { $0.isDamaged && $0.state != .retired }) {
                .damage
            } else if attention.isNeeded {
                .attention
            } else if nodes.contains(where: { $0.state != .inSync && $0.state != .retired }) {
                .behind
            } else {
                .inSync
            }
    }

    /// Writes the status as one JSON object.
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("state", state.rawValue)
            writer.member("epoch", number: epoch.counter)
            writer.member("head", number: head.rawValue)
            writer.member("durable", number: durable.rawValue)
            writer.key("nodes")
            writer.array { writer in
                for node in nodes { node.encode(to: &writer) }
            }
            writer.key("attention")
            writer.object { writer in
                writer.member("conflicts", number: attention.conflicts)
                writer.member("exceptions", number: attention.exceptions)
                writer.member("parked", number: attention.parked)
                writer.member("provisional_orders", number: attention.provisionalOrders)
            }
            writer.key("ingest")
            writer.object { writer in
                writer.member("events_per_second", number: ingest.eventsPerSecond)
                writer.member("queue_depth", number: ingest.queueDepth)
            }
            writer.key("digests")
            writer.object { writer in
                for digest in digests {
                    writer.key(digest.site)
                    writer.object { writer in
                        for (layer, sum) in digest.sums { writer.member(layer, sum) }
                    }
                }
            }
        }
    }
}
