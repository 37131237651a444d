public import Causality

/// The kinds of row that state consists of.
///
/// Raw values are stored: they never change.
public enum RowKind: UInt8, CaseIterable, Hashable, Sendable {
    // Network: catalogue, people, sites and nodes.
    case item = 1
    case site = 2
    case node = 3
    case policy = 4
    case person = 5
    case period = 6
    // Physical layer.
    case location = 10
    case bucket = 11
    case returnedReceipt = 12
    case lot = 13
    case lotDue = 14
    case serial = 15
    case serialPlace = 16
    // Commitment layer.
    case orderLine = 20
    case surplus = 21
    case transferLine = 22
    case purchaseLine = 23
    case rights = 24
    case task = 25
    case freeze = 26
    case rightsRequest = 27
    case hold = 28
    case allocation = 29
    case staged = 32
    case remoteLine = 33
    case remoteRights = 34
    // Financial layer.
    case valuation = 30
    case account = 31
    case costLayer = 35
    case periodTotal = 36
    // Documents: what the layers' rows refer to.
    case order = 40
    case purchaseOrder = 41
    case transfer = 42
    case customerReturn = 43
    case count = 44
    case adjustment = 45
    case backorder = 46
    case countedPlace = 48
    case purchaseReceipt = 49
    // Derived in the same transaction.
    case summary = 50
    // History.
    case movement = 60
    case journal = 61
    case conflict = 62
    case exception = 63
    case parked = 64
    case operation = 65
    case orderEffect = 66
    case posting = 67
    // Sums over the rows above.
    case digest = 70
    // The hub's own indexes.
    case awaited = 71
}

/// One of the views that each event moves together; a digest stands for one layer of one site.
public enum Layer: UInt8, CaseIterable, Hashable, Sendable {
    /// What exists in a location.
    case physical = 0
    /// What is reserved, allocated, picked, packed, on order or in transit.
    case commitment = 1
    /// What it is worth, and the accounts.
    case financial = 2
    /// The network's catalogue, people, sites, nodes, policy and periods.
    case network = 3

    /// The stable text.
    public var text: String {
        switch self {
        case .physical: "physical"
        case .commitment: "commitment"
        case .financial: "financial"
        case .network: "network"
        }
    }
}

/// The key of a row.
///
/// Its bytes sort like its parts, so that all rows of one site, of one SKU or of one document lie
/// side by side.
package protocol RowKey: Hashable, Sendable {
    /// The site whose row it is; nil for a row of the network.
    var site: SiteCode? { get }
    func encode(into writer: inout ByteWriter)
    init(from reader: inout ByteReader) throws(EngineError)
}

extension RowKey {
    /// The key's canonical bytes.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.bytes
    }

    /// Reads a key, all of it.
    package init(bytes: [UInt8]) throws(EngineError) {
        var reader = ByteReader(bytes)
        self = try Self(from: &reader)
        guard reader.isAtEnd else { throw .damaged("A stored key is longer than it should be.") }
    }
}

/// The value of a row.
package protocol Row: Equatable, Sendable {
    associatedtype Key: RowKey
    static var kind: RowKind { get }
    /// The layer whose digest counts the row; nil for what is derived or history.
    static var layer: Layer? { get }
    /// Whether the row says nothing and is not stored.
    var isVacant: Bool { get }
    /// Whether the row counts in its layer's digest: what is closed does not, since a node may
    /// prune it.
    var isOpen: Bool { get }
    func encode(into writer: inout ByteWriter)
    init(from reader: inout ByteReader) throws(EngineError)
}

extension Row {
    package static var layer: Layer? { nil }
    package var isVacant: Bool { false }
    package var isOpen: Bool { !isVacant }

    /// The row's canonical bytes.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.bytes
    }

    /// Reads a row, all of it.
    package init(bytes: [UInt8]) throws(EngineError) {
        var reader = ByteReader(bytes)
        self = try Self(from: &reader)
        guard reader.isAtEnd else { throw .damaged("A stored row is longer than it should be.") }
    }
}

/// Where the engine reads rows that it does not hold: a port, implemented by the storage.
///
/// The rows are those of one view: base alone, or base with the overlay on top.
public protocol RowSource {
    /// The bytes of one row, or nil if there is none.
    func row(_ kind: RowKind, _ key: [UInt8]) throws -> [UInt8]?
    /// The rows of a kind whose keys lie in `lower ..< upper`, at most `limit`, in key order or,
    /// descending, against it.
    func rows(
        _ kind: RowKind,
        from lower: [UInt8],
        to upper: [UInt8],
        limit: Int,
        descending: Bool
    ) throws -> [(key: [UInt8], value: [UInt8])]
    /// A stored event and its place in the hub's order, or nil if it is not held here.
    func located(_ id: EventID) throws -> LocatedEvent?
}

/// An event with its place in the hub's order.
public struct LocatedEvent: Sendable {
    /// The event.
    public var event: InventoryEvent
    /// What the hub decided and where; nil while pending.
    public var entry: Entry?

    /// Makes a located event.
    public init(event: InventoryEvent, entry: Entry?) {
        self.event = event
        self.entry = entry
    }
}

/// A row that a commit must write.
public struct RowChange: Sendable {
    /// The kind of row.
    public var kind: RowKind
    /// The key's canonical bytes.
    public var key: [UInt8]
    /// The row's canonical bytes; nil if the row goes.
    public var value: [UInt8]?

    /// Makes a change.
    public init(kind: RowKind, key: [UInt8], value: [UInt8]?) {
        self.kind = kind
        self.key = key
        self.value = value
    }
}

/// An event as rows refer to it.
package struct EventRef: Hashable, Sendable {
    package var id: EventID
    /// The hub's position; nil while pending.
    package var position: HubPosition?

    package init(id: EventID, position: HubPosition?) {
        self.id = id
        self.position = position
    }
}

/// The smallest byte string that is above every string with a prefix.
package func upperBound(ofPrefix prefix: [UInt8]) -> [UInt8] {
    var bound = prefix
    while let last = bound.last {
        if last < 0xFF {
            bound[bound.count - 1] = last + 1
            return bound
        }
        bound.removeLast()
    }
    return [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
}
