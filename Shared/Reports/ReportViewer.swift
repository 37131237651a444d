public import Causality
import InventoryEngine
public import Replication

/// Who reads: it decides which rows there are and what is provisional among them.
public enum ReportViewer: Sendable {
    /// A node: its own site with what is pending on top, and others as they were last heard of.
    case node(NodeIdentity)
    /// The hub: everything, as it was ordered, and what its nodes told at a given time.
    case hub(NodeIdentity, contacts: [NodeID: NodeContact], now: Instant)

    /// Who holds the store.
    var identity: NodeIdentity {
        switch self {
        case .node(let identity), .hub(let identity, _, _): identity
        }
    }

    /// The site whose rows alone are held; nil for all.
    var ownSite: SiteCode? {
        switch self {
        case .node(let identity): identity.site
        case .hub: nil
        }
    }

    /// Which rows the viewer sees.
    var view: StateView {
        switch self {
        case .node: .overlay
        case .hub: .base
        }
    }
}

/// What a node last told the hub about itself.
///
/// The hub keeps it in memory: after its start a node is silent until it is heard of.
public struct NodeContact: Hashable, Sendable {
    /// After how long without a word a node counts as silent: 60 s, in microseconds.
    ///
    /// A waiting pull comes back within that time.
    public static let silenceMicroseconds: Int64 = 60_000_000

    /// When the node was last heard of, by the hub's clock.
    public private(set) var lastSeen: Instant
    /// The position that its base has folded; nil until it told.
    public private(set) var applied: HubPosition?
    /// The last sequence that it recorded, as far as it told; nil until it told.
    public private(set) var lastSequence: UInt64?
    /// How long its oldest pending event had waited, in seconds; nil until it told.
    public private(set) var oldestPendingSeconds: UInt64?
    /// The node's clock less the hub's, in milliseconds, with the time of the way in it.
    public private(set) var clockOffsetMilliseconds: Int64?
    /// Whether its digests agreed when it last compared; nil if it is not known.
    public private(set) var digestAgrees: Bool?
    /// The version of its program.
    public private(set) var version: String?

    /// Notes that a node was heard of.
    public init(at now: Instant) { lastSeen = now }

    /// Notes what a node said in a hello.
    public mutating func hear(_ hello: HelloRequest, at now: Instant) {
        lastSeen = now
        applied = hello.applied
        lastSequence = hello.lastSequence
        oldestPendingSeconds = hello.oldestPendingSeconds
        // Before its first page a node has compared nothing.
        digestAgrees = hello.applied > .start ? hello.digestAgrees : nil
        version = hello.programVersion
        let (offset, overflow) = hello.sentAt.microseconds.subtractingReportingOverflow(
            now.microseconds
        )
        clockOffsetMilliseconds = overflow ? nil : offset / 1_000
    }

    /// Notes that a node pushed events up to a sequence.
    public mutating func hear(pushedThrough sequence: UInt64, at now: Instant) {
        lastSeen = now
        lastSequence = max(lastSequence ?? 0, sequence)
    }

    /// Notes what a node said when it asked for a page: it has folded all before.
    public mutating func hear(_ request: PullRequest, at now: Instant) {
        lastSeen = now
        applied = request.after
        // Before its first page a node has compared nothing.
        digestAgrees = request.after > .start ? request.digestAgrees : nil
    }

    /// Whether the node has not been heard of for too long.
    func isSilent(at now: Instant) -> Bool {
        let (age, overflow) = now.microseconds.subtractingReportingOverflow(
            lastSeen.microseconds
        )
        return overflow || age > Self.silenceMicroseconds
    }
}
