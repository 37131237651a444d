public import Causality
public import InventoryEngine

/// Who a node is: decided at `init`, never changed but for its name at `join`.
public struct NodeIdentity: Hashable, Sendable {
    /// The node, or the hub itself.
    public var node: NodeID
    /// The node's site; nil for the hub.
    public var site: SiteCode?
    /// The name people read.
    public var name: Label
    /// The network's currency, ISO 4217.
    public var currency: Label
    /// The network's money scale, 0 to 6.
    public var moneyScale: UInt8

    /// Makes an identity.
    public init(
        node: NodeID,
        site: SiteCode?,
        name: Label,
        currency: Label,
        moneyScale: UInt8
    ) {
        self.node = node
        self.site = site
        self.name = name
        self.currency = currency
        self.moneyScale = moneyScale
    }

    /// The bytes that a store keeps.
    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.node(node)
        writer.id(site)
        writer.id(name)
        writer.id(currency)
        writer.byte(moneyScale)
        return writer.bytes
    }

    /// Reads what ``bytes`` wrote.
    ///
    /// - Throws: `EngineError` with the code `damaged`.
    public init(bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        self.node = try reader.node()
        self.site = try reader.optionalID()
        self.name = try reader.id()
        self.currency = try reader.id()
        self.moneyScale = try reader.byte()
    }
}

/// The hub that a node has joined.
public struct NodeLink: Hashable, Sendable {
    /// Where the hub answers.
    public var url: String
    /// The hub.
    public var hub: NodeID
    /// The hub's Ed25519 public key.
    public var hubPublicKey: [UInt8]

    /// Makes a link.
    public init(url: String, hub: NodeID, hubPublicKey: [UInt8]) {
        self.url = url
        self.hub = hub
        self.hubPublicKey = hubPublicKey
    }

    /// The bytes that a store keeps.
    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.text(url)
        writer.node(hub)
        writer.varint(UInt64(hubPublicKey.count))
        writer.raw(hubPublicKey)
        return writer.bytes
    }

    /// Reads what ``bytes`` wrote.
    ///
    /// - Throws: `EngineError` with the code `damaged`.
    public init(bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        self.url = try reader.text()
        self.hub = try reader.node()
        let count = try reader.varint()
        self.hubPublicKey = try reader.raw(Int(min(count, 1_024)))
    }
}

/// How far a node has come with its hub.
///
/// Moves in the transaction of what it counts.
public struct NodeProgress: Hashable, Sendable {
    /// The hub's history.
    public var epoch = Epoch(counter: 0, high: 0, low: 0)
    /// The hub position that the base has folded.
    public var applied = HubPosition.start
    /// The hub's chain there.
    public var appliedHash = ContentHash.zero
    /// The last sequence that the hub has committed.
    public var acknowledged: UInt64 = 0
    /// The last own sequence that the base has folded.
    public var retired: UInt64 = 0
    /// The hub's signed receipt for ``acknowledged``.
    public var receipt: [UInt8] = []
    /// The position that is also in the oldest verified backup.
    public var durable = HubPosition.start
    /// The last position in scope that the hub has told of.
    public var head = HubPosition.start
    /// Whether the digests agreed when they were last compared.
    public var digestAgrees = false
    /// Whether pulled entries have changed rows on which pending events stand, so that these must be
    /// folded again before anything is decided on them.
    public var overlayIsStale = false
    /// The node's hybrid logical clock.
    public var clock = HybridTimestamp(wall: Instant(microseconds: 0), counter: 0)
    /// How many entries were computed otherwise here than at the hub: more than none is damage.
    public var differences: UInt64 = 0
    /// When the hub last answered, by the own clock.
    public var lastContact = Instant(microseconds: 0)
    /// The own clock less the hub's, in milliseconds.
    public var clockOffsetMilliseconds: Int64 = 0
    /// How many own events the hub has parked that are neither released nor closed.
    public var parked: UInt64 = 0

    /// Makes the progress of a node that has never met a hub.
    public init() {}

    /// The bytes that a store keeps.
    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.epoch(epoch)
        writer.varint(applied.rawValue)
        writer.raw(appliedHash.bytes)
        writer.varint(acknowledged)
        writer.varint(retired)
        writer.varint(UInt64(receipt.count))
        writer.raw(receipt)
        writer.varint(durable.rawValue)
        writer.varint(head.rawValue)
        writer.bool(digestAgrees)
        writer.bool(overlayIsStale)
        writer.signed(clock.wall.microseconds)
        writer.varint(UInt64(clock.counter))
        writer.varint(differences)
        writer.signed(lastContact.microseconds)
        writer.signed(clockOffsetMilliseconds)
        writer.varint(parked)
        return writer.bytes
    }

    /// Reads what ``bytes`` wrote.
    ///
    /// - Throws: `EngineError` with the code `damaged`.
    public init(bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        self.epoch = try reader.epoch()
        self.applied = HubPosition(try reader.varint())
        self.appliedHash = ContentHash(bytes: try reader.raw(32)) ?? .zero
        self.acknowledged = try reader.varint()
        self.retired = try reader.varint()
        let count = try reader.varint()
        self.receipt = try reader.raw(Int(min(count, 1_024)))
        self.durable = HubPosition(try reader.varint())
        self.head = HubPosition(try reader.varint())
        self.digestAgrees = try reader.bool()
        self.overlayIsStale = try reader.bool()
        self.clock = HybridTimestamp(
            wall: Instant(microseconds: try reader.signed()),
            counter: UInt32(truncatingIfNeeded: try reader.varint())
        )
        self.differences = try reader.varint()
        self.lastContact = Instant(microseconds: try reader.signed())
        self.clockOffsetMilliseconds = try reader.signed()
        if !reader.isAtEnd { self.parked = try reader.varint() }
    }
}

extension LogSetting {
    /// The ``NodeIdentity``.
    public static let identity = LogSetting(rawValue: "identity")
    /// The ``NodeLink``; absent until the node joins.
    public static let link = LogSetting(rawValue: "link")
    /// The ``NodeProgress``.
    public static let progress = LogSetting(rawValue: "progress")
    /// Up to which hub position the node holds the summary rows of other sites.
    static let summaries = LogSetting(rawValue: "summaries")
    /// What came of the last attempt to reach the hub: a ``HubContact``.
    static let contact = LogSetting(rawValue: "contact")
    /// The hub position at which the overlay was last folded on top of the base as it was there.
    static let overlayPosition = LogSetting(rawValue: "overlay_position")
    /// At the hub: its epoch.
    public static let epoch = LogSetting(rawValue: "epoch")

    /// At the hub: an invitation, by the hash of its token.
    public static func invitation(_ token: ContentHash) -> LogSetting {
        LogSetting(rawValue: "invitation:\(token)")
    }
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

extension LogReading {
    /// Who the store belongs to.
    ///
    /// - Throws: ``ReplicationError`` with the code `storage_failed` if the store was never made.
    public func identity() throws -> NodeIdentity {
        guard let bytes = try setting(.identity) else {
            throw ReplicationError(
                .storage,
                "The database was never initialised.",
                hint: "Run `init` first."
            )
        }
        return try NodeIdentity(bytes: bytes)
    }

    /// The hub that the node has joined; nil before.
    public func link() throws -> NodeLink? {
        try setting(.link).map { try NodeLink(bytes: $0) }
    }

    /// The hub position at which the overlay stood on the base as it was there.
    ///
    /// Behind the base's own position it may still refer to acknowledged events as pending.
    func overlayPosition() throws -> HubPosition {
        guard let bytes = try setting(.overlayPosition) else { return .start }
        var reader = ByteReader(bytes)
        return HubPosition(try reader.varint())
    }

    /// How far the node has come.
    public func progress() throws -> NodeProgress {
        try setting(.progress).map { try NodeProgress(bytes: $0) } ?? NodeProgress()
    }

    /// What came of the last attempt to reach the hub.
    public func contact() throws -> HubContact {
        guard try link() != nil else { return .neverJoined }
        let text = try setting(.contact).map { String(decoding: $0, as: UTF8.self) }
        return text.flatMap(HubContact.init) ?? .unreachable
    }

    /// Up to where the node holds the summary rows of other sites.
    func summariesCursor() throws -> HubPosition {
        guard let bytes = try setting(.summaries) else { return .start }
        return HubPosition(bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }
}

extension LogTransaction {
    /// Notes what came of an attempt to reach the hub.
    public func set(_ contact: HubContact) throws {
        try set(.contact, to: Array(contact.rawValue.utf8))
    }

    /// Notes up to where the node holds the summary rows of other sites.
    func setSummariesCursor(_ position: HubPosition) throws {
        let value = position.rawValue
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
        try set(.summaries, to: bytes)
    }
}

extension LogTransaction {
    /// Notes that the overlay stands on the base as it is at a position.
    func setOverlayPosition(_ position: HubPosition) throws {
        var writer = ByteWriter()
        writer.varint(position.rawValue)
        try set(.overlayPosition, to: writer.bytes)
    }
}

extension NodeIdentity {
    /// Refuses costs in another currency than the network's that do not say at what rate, which
    /// would be taken for its own.
    ///
    /// - Throws: `EngineError` with the code `currency_mismatch` or `rate_not_needed`.
    func checkCurrency(of command: InventoryCommand) throws(EngineError) {
        guard case .goodsReceived(let receipt) = command.body else { return }
        guard let given = receipt.currency, given != currency else {
            guard receipt.rate != nil else { return }
            throw EngineError(
                EngineError.Code("rate_not_needed"),
                "The costs are in \(currency), the network's own currency.",
                field: "rate",
                hint: "Name the currency of the costs, or leave the rate out."
            )
        }
        guard receipt.rate == nil else { return }
        throw EngineError(
            EngineError.Code("currency_mismatch"),
            "The network counts in \(currency), not in \(given).",
            field: "currency",
            hint:
                "Give the cost in \(currency), or the rate: how many \(currency) one \(given) is worth."
        )
    }
}
