public import Causality

/// The hub's answer to one event.
public enum Verdict: UInt8, CaseIterable, Hashable, Sendable {
    /// The event stands as it is.
    case accepted = 0
    /// A claim was granted in part.
    case adjusted = 1
    /// A claim was turned down; see ``Entry/reason``.
    case rejected = 2
    /// The event cannot be interpreted or applied yet; it is kept and shown.
    case parked = 3
    /// The event repeats another one with the same op; it has no postings.
    case duplicate = 4

    /// The stable text.
    public var text: String {
        switch self {
        case .accepted: "accepted"
        case .adjusted: "adjusted"
        case .rejected: "rejected"
        case .parked: "parked"
        case .duplicate: "duplicate"
        }
    }
}

/// Why a claim was turned down or an event parked.
public struct VerdictReason: Hashable, Sendable {
    /// The stable code.
    public var code: String
    /// One sentence for people.
    public var sentence: String

    /// Makes a reason.
    public init(code: String, sentence: String) {
        self.code = code
        self.sentence = sentence
    }
}

/// What the hub decided about one event when it gave it a position: everything of an ``Entry`` but
/// the event and the chain.
public struct Ruling: Hashable, Sendable {
    /// The answer.
    public var verdict: Verdict
    /// Why, for a claim turned down or an event parked.
    public var reason: VerdictReason?
    /// The sites whose rows the entry changes; empty for a network-wide entry.
    public var sites: [SiteCode]
    /// The values that a named site may be unable to compute, one per line, in line order.
    ///
    /// Of a line whose goods come from several cost layers there is, instead of one value, the number
    /// of its parts less 2^62, and then the quantity and the value of each.
    public var carried: [Money]
    /// The version of the rules that decided.
    public var rulesVersion: UInt32
    /// When the hub received the event.
    public var receivedAt: Instant

    /// Makes a ruling.
    public init(
        verdict: Verdict,
        reason: VerdictReason? = nil,
        sites: [SiteCode] = [],
        carried: [Money] = [],
        rulesVersion: UInt32 = InventoryRules.version,
        receivedAt: Instant
    ) {
        self.verdict = verdict
        self.reason = reason
        self.sites = sites
        self.carried = carried
        self.rulesVersion = rulesVersion
        self.receivedAt = receivedAt
    }
}

/// One line of the hub's log: an event, its place in the total order, and what was decided.
public struct Entry: Hashable, Sendable {
    /// The place in the hub's total order, from 1 without gaps.
    public var position: HubPosition
    /// The event's identity.
    public var event: EventID
    /// What was decided.
    public var ruling: Ruling
    /// The hub's chain after this entry.
    public var chainHash: ContentHash

    /// Makes an entry.
    public init(
        position: HubPosition,
        event: EventID,
        ruling: Ruling,
        chainHash: ContentHash
    ) {
        self.position = position
        self.event = event
        self.ruling = ruling
        self.chainHash = chainHash
    }
}
