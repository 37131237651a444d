public import Causality
public import InventoryEngine

/// A node's event as it is stored and sent: the bytes that were hashed, never encoded again.
public struct SealedEvent: Hashable, Sendable {
    /// The event's identity.
    public var id: EventID
    /// The encoded event.
    public var bytes: [UInt8]
    /// The node's chain after this event.
    public var chainHash: ContentHash

    /// Makes a sealed event.
    public init(id: EventID, bytes: [UInt8], chainHash: ContentHash) {
        self.id = id
        self.bytes = bytes
        self.chainHash = chainHash
    }
}

/// How a node joins the network: `POST /v1/join`.
public struct JoinRequest: Hashable, Sendable {
    /// The one-time token.
    public var token: String
    /// The node's identity.
    public var node: NodeID
    /// The site that the node believes it belongs to.
    public var site: SiteCode
    /// The node's Ed25519 public key, 32 bytes.
    public var publicKey: [UInt8]
    /// The node's currency, ISO 4217.
    public var currency: Label
    /// The node's money scale.
    public var moneyScale: UInt8
    /// The name that the node goes by until it joins.
    public var name: Label

    /// Makes a request.
    public init(
        token: String,
        node: NodeID,
        site: SiteCode,
        publicKey: [UInt8],
        currency: Label,
        moneyScale: UInt8,
        name: Label
    ) {
        self.token = token
        self.node = node
        self.site = site
        self.publicKey = publicKey
        self.currency = currency
        self.moneyScale = moneyScale
        self.name = name
    }
}

/// What a node learns when it joins.
public struct JoinReply: Hashable, Sendable {
    /// The hub's identity.
    public var hub: NodeID
    /// The hub's Ed25519 public key, 32 bytes.
    public var hubPublicKey: [UInt8]
    /// The hub's epoch.
    public var epoch: Epoch
    /// The node's name from now on, as the token says.
    public var name: Label

    /// Makes a reply.
    public init(hub: NodeID, hubPublicKey: [UInt8], epoch: Epoch, name: Label) {
        self.hub = hub
        self.hubPublicKey = hubPublicKey
        self.epoch = epoch
        self.name = name
    }
}

/// What a node tells of itself: `POST /v1/sync/hello`.
public struct HelloRequest: Hashable, Sendable {
    /// The protocol version that the node speaks.
    public var protocolVersion: UInt32
    /// The version of the node's rules.
    public var rulesVersion: UInt32
    /// The node.
    public var node: NodeID
    /// The program's version, for people.
    public var programVersion: String
    /// The epoch that the node knows.
    public var epoch: Epoch
    /// The hub position that the node has applied.
    public var applied: HubPosition
    /// The hub's chain at ``applied``, as the node holds it.
    public var appliedHash: ContentHash
    /// The last sequence that the node recorded.
    public var lastSequence: UInt64
    /// The node's chain after ``lastSequence``.
    public var tip: ContentHash
    /// The last sequence that the hub acknowledged.
    public var acknowledged: UInt64
    /// The hub's signed receipt for that acknowledgement; empty before the first.
    public var ackReceipt: [UInt8]
    /// How many events wait.
    public var pending: UInt64
    /// How long the oldest of them has waited, in seconds.
    public var oldestPendingSeconds: UInt64
    /// Free bytes on the node's disk.
    public var freeBytes: UInt64
    /// Open conflicts that the node sees.
    public var openConflicts: UInt64
    /// Whether the node's digests agreed with the hub's when it last compared.
    public var digestAgrees: Bool
    /// When the node sent this, by its wall clock.
    public var sentAt: Instant
    /// Up to where the node holds the summary rows of other sites; nil if it wants none.
    public var summariesAfter: HubPosition?

    /// Makes a request with everything at its start.
    public init(node: NodeID, programVersion: String, sentAt: Instant) {
        self.protocolVersion = SyncProtocol.version
        self.rulesVersion = InventoryRules.version
        self.node = node
        self.programVersion = programVersion
        self.epoch = .none
        self.applied = .start
        self.appliedHash = .zero
        self.lastSequence = 0
        self.tip = .zero
        self.acknowledged = 0
        self.ackReceipt = []
        self.pending = 0
        self.oldestPendingSeconds = 0
        self.freeBytes = 0
        self.openConflicts = 0
        self.digestAgrees = false
        self.sentAt = sentAt
    }
}

/// What the hub asks a node to do next.
public enum HelloAction: UInt8, CaseIterable, Hashable, Sendable {
    /// Go on.
    case proceed = 0
    /// Push again from the acknowledged sequence on.
    case rewindPush = 1
    /// Hand back the entries above the last common position.
    case handBack = 2
    /// Become a new node.
    case reincarnate = 3
    /// Take a snapshot.
    case bootstrap = 4
    /// Upgrade the program.
    case upgrade = 5
    /// Stop: an operator must act.
    case refuse = 6
}

/// What the hub answers to a hello.
public struct HelloReply: Hashable, Sendable {
    /// What the node should do.
    public var action: HelloAction
    /// Why, when the action is not to proceed.
    public var reason: String
    /// The hub's epoch.
    public var epoch: Epoch
    /// The last position in the node's scope.
    public var head: HubPosition
    /// The node's last sequence that the hub holds.
    public var acknowledged: UInt64
    /// The node's chain at ``acknowledged``, as the hub holds it.
    public var acknowledgedHash: ContentHash
    /// The position that is also in the oldest verified backup.
    public var durable: HubPosition
    /// The most events that the hub takes in one batch.
    public var batchEventsMax: UInt32
    /// Whether summary rows of other sites have changed since the node last asked.
    public var summariesChanged: Bool
    /// When the hub received the hello, by its wall clock.
    public var receivedAt: Instant
    /// When the hub sent the reply, by its wall clock.
    public var sentAt: Instant

    /// Makes a reply.
    public init(
        action: HelloAction,
        reason: String = "",
        epoch: Epoch,
        head: HubPosition,
        acknowledged: UInt64,
        acknowledgedHash: ContentHash,
        durable: HubPosition,
        batchEventsMax: UInt32,
        summariesChanged: Bool = false,
        receivedAt: Instant,
        sentAt: Instant
    ) {
        self.action = action
        self.reason = reason
        self.epoch = epoch
        self.head = head
        self.acknowledged = acknowledged
        self.acknowledgedHash = acknowledgedHash
        self.durable = durable
        self.batchEventsMax = batchEventsMax
        self.summariesChanged = summariesChanged
        self.receivedAt = receivedAt
        self.sentAt = sentAt
    }
}

/// A bounded run of one node's events in sequence, signed over the chain tip:
/// `POST /v1/sync/push`.
public struct EventBatch: Hashable, Sendable {
    /// The node that recorded the events.
    public var node: NodeID
    /// The epoch that the node knows.
    public var epoch: Epoch
    /// The sequence of the first event.
    public var first: UInt64
    /// The node's chain before the first event.
    public var previousHash: ContentHash
    /// The encoded events, in sequence, at least one.
    public var events: [[UInt8]]
    /// The node's Ed25519 signature over the chain after the last event; see ``BatchSignature``.
    public var signature: [UInt8]

    /// Makes a batch.
    public init(
        node: NodeID,
        epoch: Epoch,
        first: UInt64,
        previousHash: ContentHash,
        events: [[UInt8]],
        signature: [UInt8]
    ) {
        self.node = node
        self.epoch = epoch
        self.first = first
        self.previousHash = previousHash
        self.events = events
        self.signature = signature
    }
}

/// The verdict on one event of a batch.
public struct EventVerdict: Hashable, Sendable {
    /// The event's sequence.
    public var sequence: UInt64
    /// The hub's answer.
    public var verdict: Verdict
    /// Why, when the event was not simply accepted.
    public var reason: VerdictReason?

    /// Makes a verdict.
    public init(sequence: UInt64, verdict: Verdict, reason: VerdictReason?) {
        self.sequence = sequence
        self.verdict = verdict
        self.reason = reason
    }
}

/// What the hub answers to a batch, after its commit has reached the disk.
public struct PushReply: Hashable, Sendable {
    /// The node's last sequence that the hub holds.
    public var acknowledged: UInt64
    /// The node's chain there.
    public var acknowledgedHash: ContentHash
    /// The hub's signature over the acknowledgement.
    public var receipt: [UInt8]
    /// The position that is also in the oldest verified backup.
    public var durable: HubPosition
    /// The last position in the node's scope.
    public var head: HubPosition
    /// The verdicts other than accepted.
    public var verdicts: [EventVerdict]
    /// How many events the next batch should carry.
    public var nextBatchEvents: UInt32

    /// Makes a reply.
    public init(
        acknowledged: UInt64,
        acknowledgedHash: ContentHash,
        receipt: [UInt8],
        durable: HubPosition,
        head: HubPosition,
        verdicts: [EventVerdict],
        nextBatchEvents: UInt32
    ) {
        self.acknowledged = acknowledged
        self.acknowledgedHash = acknowledgedHash
        self.receipt = receipt
        self.durable = durable
        self.head = head
        self.verdicts = verdicts
        self.nextBatchEvents = nextBatchEvents
    }
}

/// What a node asks of the hub's log: `POST /v1/sync/pull`.
public struct PullRequest: Hashable, Sendable {
    /// The node that asks.
    public var node: NodeID
    /// The epoch that the node knows.
    public var epoch: Epoch
    /// The position that the node has applied.
    public var after: HubPosition
    /// The most bytes of entries that the page may carry.
    public var bytesMax: UInt32
    /// How long the hub may wait for news, in milliseconds; 0 answers at once.
    public var waitMilliseconds: UInt32
    /// The position of the last summary row that the node holds; nil means no network view.
    public var summariesAfter: HubPosition?
    /// Whether the page should carry the digests when it reaches the head.
    public var wantsDigests: Bool
    /// Whether the node's digests agreed with the hub's when it last compared them.
    public var digestAgrees: Bool
    /// The last sequence that the node had recorded when it had applied so much.
    public var recorded: UInt64

    /// Makes a request.
    public init(
        node: NodeID,
        epoch: Epoch,
        after: HubPosition,
        bytesMax: UInt32,
        waitMilliseconds: UInt32,
        summariesAfter: HubPosition?,
        wantsDigests: Bool = true,
        digestAgrees: Bool = false,
        recorded: UInt64 = 0
    ) {
        self.node = node
        self.epoch = epoch
        self.after = after
        self.bytesMax = bytesMax
        self.waitMilliseconds = waitMilliseconds
        self.summariesAfter = summariesAfter
        self.wantsDigests = wantsDigests
        self.digestAgrees = digestAgrees
        self.recorded = recorded
    }
}

/// One entry of a page; own events come as references, without their bytes.
public struct PulledEntry: Hashable, Sendable {
    /// The entry.
    public var entry: Entry
    /// The event's bytes; nil when the asking node recorded it.
    public var eventBytes: [UInt8]?

    /// Makes a pulled entry.
    public init(entry: Entry, eventBytes: [UInt8]?) {
        self.entry = entry
        self.eventBytes = eventBytes
    }
}

/// How another site stands with one item: outside the digest, for the network view.
public struct SummaryRow: Hashable, Sendable {
    /// The site.
    public var site: SiteCode
    /// The item.
    public var sku: SKU
    /// The encoded ``StockSummary``.
    public var value: [UInt8]

    /// Makes a row.
    public init(site: SiteCode, sku: SKU, value: [UInt8]) {
        self.site = site
        self.sku = sku
        self.value = value
    }
}

/// One digest of one layer, in the hub's state at a page's cursor.
public struct LayerDigest: Hashable, Sendable {
    /// The site; nil for the network's catalogue, people, policy and periods.
    public var site: SiteCode?
    /// Which layer.
    public var layer: Layer
    /// The sum.
    public var sum: DigestSum

    /// Makes a digest.
    public init(site: SiteCode?, layer: Layer, sum: DigestSum) {
        self.site = site
        self.layer = layer
        self.sum = sum
    }
}

/// A page of the hub's log in a node's scope.
public struct PullReply: Hashable, Sendable {
    /// The hub's epoch.
    public var epoch: Epoch
    /// The entries in scope, in order.
    public var entries: [PulledEntry]
    /// Where to go on; it moves past filtered entries.
    public var cursor: HubPosition
    /// The log's chain at the cursor.
    public var cursorHash: ContentHash
    /// The asking node's last sequence that is in the log at the cursor.
    public var acknowledgedAtCursor: UInt64
    /// Whether more entries wait.
    public var hasMore: Bool
    /// The last position in the node's scope.
    public var head: HubPosition
    /// The position that is also in the oldest verified backup.
    public var durable: HubPosition
    /// The digests at the cursor; empty unless the page reaches the head.
    public var digests: [LayerDigest]
    /// Summary rows of other sites.
    public var summaries: [SummaryRow]
    /// The position up to which ``summaries`` are complete.
    public var summariesCursor: HubPosition
    /// The hub's Ed25519 signature over the page; see ``BatchSignature``.
    public var signature: [UInt8]

    /// Makes an empty page.
    public init(epoch: Epoch, cursor: HubPosition, cursorHash: ContentHash) {
        self.epoch = epoch
        self.entries = []
        self.cursor = cursor
        self.cursorHash = cursorHash
        self.acknowledgedAtCursor = 0
        self.hasMore = false
        self.head = cursor
        self.durable = .start
        self.digests = []
        self.summaries = []
        self.summariesCursor = .start
        self.signature = []
    }
}

/// Why the hub turned a sync call down; the body of every reply that is not a success.
public struct SyncRefusal: Error, Hashable, Sendable {
    /// The stable code, such as `sequence_gap` or `hello_first`.
    public var code: String
    /// One sentence for people.
    public var message: String
    /// The sequence that the hub expects next, for a gap.
    public var expectedSequence: UInt64

    /// Makes a refusal.
    public init(code: String, message: String, expectedSequence: UInt64 = 0) {
        self.code = code
        self.message = message
        self.expectedSequence = expectedSequence
    }
}

/// Constants of the protocol.
public enum SyncProtocol {
    /// The version that this program speaks.
    public static let version: UInt32 = 1
    /// How many bytes of events a batch carries at most, but for its first event.
    public static let batchBytesMax = 4 << 20
    /// The path of join.
    public static let joinPath = "/v1/join"
    /// The path of hello.
    public static let helloPath = "/v1/sync/hello"
    /// The path of push.
    public static let pushPath = "/v1/sync/push"
    /// The path of pull.
    public static let pullPath = "/v1/sync/pull"
}
