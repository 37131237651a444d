public import Causality

/// What was done, asked or seen: the only way in which state changes.
///
/// Immutable once recorded.
public struct InventoryEvent: Hashable, Sendable {
    /// The version of the stored format that this engine writes.
    public static let formatVersionCurrent: UInt32 = 1

    /// The version of the stored format.
    public var formatVersion: UInt32
    /// The node that recorded it and its place in that node's chain.
    public var id: EventID
    /// The site whose stock it is about, or of the node for network-wide events.
    public var site: SiteCode
    /// When it happened, where the caller said so.
    public var at: WallTime?
    /// When it was recorded, by the node's hybrid logical clock.
    public var recordedAt: HybridTimestamp
    /// The caller's idempotency key.
    public var op: OpKey?
    /// Who acted.
    public var actor: ActorID?
    /// Whether the actor has proved to be that person, as the recording node says.
    public var isActorVerified = false
    /// The device that was used.
    public var device: Label?
    /// A free remark; at most ``InventoryCommand/noteLengthMax`` characters.
    public var note: String?
    /// What the node had seen when it recorded the event.
    public var context: CausalContext
    /// The event that this one re-records under a new identity.
    public var origin: EventID?
    /// The reversed fact whose place in time this one takes.
    public var corrects: EventID?
    /// Whether the caller insisted on a fact that looks like a typing error.
    public var isForced: Bool
    /// A hash of the command as it was given, which tells a repeated op from a reused one.
    public var commandHash: ContentHash?
    /// What happened.
    public var body: EventBody

    /// Makes an event of all its parts.
    public init(
        formatVersion: UInt32 = InventoryEvent.formatVersionCurrent,
        id: EventID,
        site: SiteCode,
        at: WallTime? = nil,
        recordedAt: HybridTimestamp,
        op: OpKey? = nil,
        actor: ActorID? = nil,
        device: Label? = nil,
        note: String? = nil,
        context: CausalContext,
        origin: EventID? = nil,
        corrects: EventID? = nil,
        isForced: Bool = false,
        commandHash: ContentHash? = nil,
        body: EventBody
    ) {
        self.formatVersion = formatVersion
        self.id = id
        self.site = site
        self.at = at
        self.recordedAt = recordedAt
        self.op = op
        self.actor = actor
        self.device = device
        self.note = note
        self.context = context
        self.origin = origin
        self.corrects = corrects
        self.isForced = isForced
        self.commandHash = commandHash
        self.body = body
    }
}

/// A request that a person or a program makes: what ``InventoryEvent`` will say once the rules have
/// accepted it and filled in what was left out.
public struct InventoryCommand: Hashable, Sendable {
    /// The most characters (Unicode scalars) of a note or a reason.
    public static let noteLengthMax = 1_000

    /// What is asked; what was left out is nil or empty.
    public var body: EventBody
    /// The caller's idempotency key.
    public var op: OpKey?
    /// When it happened; nil means now.
    public var at: WallTime?
    /// Who acts.
    public var actor: ActorID?
    /// The device that is used.
    public var device: Label?
    /// A free remark.
    public var note: String?
    /// Whether the caller insists on a fact that looks like a typing error.
    public var isForced: Bool
    /// The reversed fact whose place in time this one takes.
    public var corrects: EventID?
    /// The site; nil means the node's own, and the hub requires it.
    public var site: SiteCode?
    /// A hash of the command as it was given, without what the engine fills in.
    public var contentHash: ContentHash
    /// What proves who acts; it is checked, and recorded nowhere.
    public var token: String?
    /// Whether the program records it by itself, for nobody.
    public var isAutomatic = false

    /// Makes a command of all its parts.
    public init(
        body: EventBody,
        op: OpKey? = nil,
        at: WallTime? = nil,
        actor: ActorID? = nil,
        device: Label? = nil,
        note: String? = nil,
        isForced: Bool = false,
        corrects: EventID? = nil,
        site: SiteCode? = nil,
        contentHash: ContentHash = .zero
    ) {
        self.body = body
        self.op = op
        self.at = at
        self.actor = actor
        self.device = device
        self.note = note
        self.isForced = isForced
        self.corrects = corrects
        self.site = site
        self.contentHash = contentHash
    }
}

/// The status of stock, which alone decides what is sellable.
public enum StockStatus: UInt8, CaseIterable, Hashable, Sendable {
    /// May be promised and shipped.
    case sellable = 0
    /// Arrived, not yet put away.
    case receiving = 1
    /// Set aside until somebody decides.
    case hold = 2
    /// Broken.
    case damaged = 3
    /// Came back from a customer.
    case returned = 4
    /// Past its date.
    case expired = 5

    /// The stable text.
    public var text: String {
        switch self {
        case .sellable: "sellable"
        case .receiving: "receiving"
        case .hold: "hold"
        case .damaged: "damaged"
        case .returned: "returned"
        case .expired: "expired"
        }
    }

    /// Makes a status of its stable text.
    public init?(_ text: String) {
        guard let status = Self.allCases.first(where: { $0.text == text }) else { return nil }
        self = status
    }
}

/// One line of a document or movement.
///
/// Which fields a line may have depends on the event's type; what a command leaves out is filled in
/// when it is decided.
public struct EventLine: Hashable, Sendable {
    /// The number of the document's line, from 1.
    public var line: Int32?
    /// The item.
    public var sku: SKU
    /// In an event base units at ``scale``; in a command the digits as entered.
    ///
    /// Signed only where the type says so.
    public var quantity: Quantity
    /// In an event the item's decimal scale as the recording node knew it, 0 to 6; in a command
    /// the decimals as entered, which the rules convert exactly or refuse.
    public var scale: UInt8
    /// In a command the unit of ``quantity``; nil means the base unit.
    ///
    /// Never in an event.
    public var uom: UnitCode?
    /// Where; for a move, where from.
    public var location: LocationID?
    /// For a move, where to.
    public var toLocation: LocationID?
    /// The production lot.
    public var lot: LotID?
    /// The last day on which the lot may be promised, in UTC.
    public var expiry: CivilDate?
    /// The serial numbers of the units, as many as ``quantity`` says; empty where the item is not
    /// kept by serial number.
    public var serials: [SerialNumber] = []
    /// The status of the stock; for a change of status, the old one.
    public var status: StockStatus?
    /// For a change of status, the new one.
    public var toStatus: StockStatus?
    /// Cost of one base unit, as entered.
    public var unitCost: ExactDecimal?
    /// Cost of the whole line, at the network's money scale.
    public var amount: Money?
    /// Price of one base unit, as entered.
    public var unitPrice: ExactDecimal?
    /// For an order line: what was promised finally when it was confirmed.
    public var granted: Quantity?
    /// For a pick: what was not found.
    public var short: Quantity?
    /// For returned goods: what becomes of them.
    public var disposition: Disposition?

    /// What ``sku`` is in a command that names a document's line by its number alone.
    ///
    /// It is a noncharacter of Unicode, which no command can bring in as a SKU of its own; the
    /// rules fill in the SKU of the line.
    public static let skuLeftOut = SKU(trusted: "\u{FFFF}")

    /// Makes a line of what every line has.
    public init(
        sku: SKU,
        quantity: Quantity,
        scale: UInt8 = 0,
        line: Int32? = nil,
        location: LocationID? = nil
    ) {
        self.sku = sku
        self.quantity = quantity
        self.scale = scale
        self.line = line
        self.location = location
    }
}

/// What becomes of goods that a customer returned.
public enum Disposition: UInt8, CaseIterable, Hashable, Sendable {
    /// Back to sellable stock.
    case restock = 0
    /// Held for repair.
    case refurbish = 1
    /// Thrown away.
    case scrap = 2
    /// Held for the supplier.
    case supplier = 3

    /// The stable text.
    public var text: String {
        switch self {
        case .restock: "restock"
        case .refurbish: "refurbish"
        case .scrap: "scrap"
        case .supplier: "supplier"
        }
    }

    /// Makes a disposition of its stable text.
    public init?(_ text: String) {
        guard let value = Self.allCases.first(where: { $0.text == text }) else { return nil }
        self = value
    }
}
