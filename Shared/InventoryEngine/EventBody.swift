public import Causality

/// What an event says, by type.
///
/// | Kind        | What the hub may do                                                        |
/// | ----------- | -------------------------------------------------------------------------- |
/// | fact        | acknowledge, attach an exception or a conflict; never reject               |
/// | observation | acknowledge; it yields a variance and moves nothing by itself              |
/// | claim       | accept, accept in part, rank, reject with a reason and a compensation      |
/// | derived     | authored by the hub, or predicted by a node                                |
public enum EventBody: Hashable, Sendable {
    // Catalogue and places.
    case itemRegistered(ItemRegistration)
    case itemChanged(ItemChange)
    case itemRetired(ItemRetirement)
    case siteRegistered(SiteRegistration)
    case policySet(PolicyChange)
    /// The books of a month are closed, and of all months before it.
    case periodClosed(PeriodClosing)
    case personRegistered(PersonChange)
    case personChanged(PersonChange)
    case personRetired(PersonChange)
    case locationRegistered(LocationChange)
    case locationChanged(LocationChange)
    case locationRetired(LocationChange)
    // Supply.
    case purchaseOrderPlaced(PurchaseOrder)
    case purchaseOrderAmended(PurchaseOrder)
    case purchaseOrderClosed(PurchaseOrder)
    case goodsReceived(GoodsReceipt)
    case supplierReturnDispatched(SupplierReturn)
    // Money alone.
    case supplierInvoiceMatched(InvoiceMatch)
    case landedCostAllocated(LandedCost)
    case stockRevalued(Revaluation)
    case writtenDown(Revaluation)
    case standardCostSet(CostingChange)
    case costingChanged(CostingChange)
    // Demand.
    case orderConfirmed(OrderConfirmation)
    case orderAmended(OrderWork)
    case orderCancelled(OrderWork)
    case reservationReleased(OrderWork)
    case backorderPromised(OrderWork)
    case orderResourced(OrderResourcing)
    case orderProgressed(OrderProgress)
    case allocated(OrderWork)
    case pickCompleted(OrderWork)
    case unpicked(OrderWork)
    case packCompleted(OrderWork)
    case shipmentDispatched(OrderWork)
    case returnReceived(CustomerReturn)
    case returnDispositioned(CustomerReturn)
    // Between sites.
    case transferRequested(Transfer)
    case transferCancelled(Transfer)
    case transferDispatched(Transfer)
    case transferReceived(Transfer)
    case transferSettled(Transfer)
    // Inside a site.
    case countRecorded(StockCount)
    case adjustmentProposed(Adjustment)
    case adjustmentApproved(Adjustment)
    case adjustmentRejected(Adjustment)
    case moved(StockChange)
    case statusChanged(StockChange)
    case scrapped(StockChange)
    case repacked(Repack)
    case reversed(Reversal)
    // Promises.
    case rightsGranted(RightsGrant)
    case rightsRequested(RightsRequest)
    case rightsReclaimed(RightsReclaim)
    case rightsThawed(RightsThaw)
    // People and nodes.
    case nodeRegistered(NodeRegistration)
    case nodeActivated(NodeChange)
    case nodeRetired(NodeChange)
    case conflictResolved(Decision)
    case exceptionAcknowledged(Decision)
    // Parked events. Indirect, because what is released is an event itself.
    indirect case parkedReleased(ParkedRelease)
    case parkedCompensated(ParkedCompensation)
    // Derived.
    case costAdjusted(CostAdjustment)
    // A type or version that this engine does not know; kept, shown and parked, never dropped.
    case unknown(type: String)
}

/// The four kinds of event.
public enum EventKind: Hashable, Sendable {
    /// It happened in the physical world. Never rejected.
    case fact
    /// Somebody saw something; it moves nothing by itself.
    case observation
    /// An intention, promise or decision.
    case claim
    /// It follows from others.
    case derived
}

/// The registration of an item.
public struct ItemRegistration: Hashable, Sendable {
    /// The item's code.
    public var sku: SKU
    /// The item's properties; what was left out has its default.
    public var properties: ItemProperties

    /// Makes a registration.
    public init(sku: SKU, properties: ItemProperties) {
        self.sku = sku
        self.properties = properties
    }
}

/// How issues of an item are valued.
public enum CostingMethod: UInt8, CaseIterable, Hashable, Sendable {
    /// Weighted average, renewed at each receipt.
    case average = 0
    /// First in, first out.
    case fifo = 1
    /// A standard cost; the rest is variance.
    case standard = 2

    /// The stable text.
    public var text: String {
        switch self {
        case .average: "average"
        case .fifo: "fifo"
        case .standard: "standard"
        }
    }

    /// Makes a method of its stable text.
    public init?(_ text: String) {
        guard let value = Self.allCases.first(where: { $0.text == text }) else { return nil }
        self = value
    }
}

/// One unit of measure in terms of the base unit: `numerator / denominator` base units.
public struct UnitConversion: Hashable, Sendable {
    /// The unit that is converted.
    public var uom: UnitCode
    /// Base units per ``denominator`` of this unit, more than zero.
    public var numerator: Int64
    /// More than zero.
    public var denominator: Int64

    /// Makes a conversion.
    public init(uom: UnitCode, numerator: Int64, denominator: Int64) {
        self.uom = uom
        self.numerator = numerator
        self.denominator = denominator
    }
}

/// What the catalogue knows of an item.
public struct ItemProperties: Hashable, Sendable {
    /// The name people read.
    public var name: String
    /// The base unit of measure.
    public var uom: UnitCode
    /// Decimals of a quantity, 0 to 6.
    public var scale: UInt8
    /// How issues are valued.
    public var costing: CostingMethod
    /// Cost of one base unit where nothing better is known.
    public var standardCost: ExactDecimal?
    /// Global Trade Item Number, digits.
    public var gtin: String?
    /// Whether stock is kept by lot.
    public var isLotTracked: Bool
    /// Whether stock is kept by serial number.
    public var isSerialTracked: Bool
    /// Whether each lot is costed by itself.
    public var isLotCosted: Bool
    /// Base units that are never promised.
    public var safetyStock: Quantity
    /// Other units of measure.
    public var conversions: [UnitConversion]

    /// Makes the properties of an item; everything but the name has a default.
    public init(
        name: String,
        uom: UnitCode = .each,
        scale: UInt8 = 0,
        costing: CostingMethod = .average,
        standardCost: ExactDecimal? = nil,
        gtin: String? = nil,
        isLotTracked: Bool = false,
        isSerialTracked: Bool = false,
        isLotCosted: Bool = false,
        safetyStock: Quantity = .zero,
        conversions: [UnitConversion] = []
    ) {
        self.name = name
        self.uom = uom
        self.scale = scale
        self.costing = costing
        self.standardCost = standardCost
        self.gtin = gtin
        self.isLotTracked = isLotTracked
        self.isSerialTracked = isSerialTracked
        self.isLotCosted = isLotCosted
        self.safetyStock = safetyStock
        self.conversions = conversions
    }
}

/// An edit of an item; what is nil stays.
public struct ItemChange: Hashable, Sendable {
    /// The item.
    public var sku: SKU
    /// The version that the editor saw.
    public var baseVersion: UInt64
    /// The new name.
    public var name: String?
    /// The new standard cost.
    public var standardCost: ExactDecimal?
    /// The new GTIN.
    public var gtin: String?
    /// The new safety stock, in base units with its decimals as entered.
    public var safetyStock: ExactDecimal?

    /// Makes an edit that changes nothing yet.
    public init(sku: SKU, baseVersion: UInt64) {
        self.sku = sku
        self.baseVersion = baseVersion
    }
}

/// The end of an item: no new claims, facts still count.
public struct ItemRetirement: Hashable, Sendable {
    /// The item.
    public var sku: SKU
    /// The version that the editor saw.
    public var baseVersion: UInt64

    /// Makes a retirement.
    public init(sku: SKU, baseVersion: UInt64) {
        self.sku = sku
        self.baseVersion = baseVersion
    }
}

/// The registration of a warehouse.
public struct SiteRegistration: Hashable, Sendable {
    /// The site's code.
    public var site: SiteCode
    /// The name people read.
    public var name: String?

    /// Makes a registration.
    public init(site: SiteCode, name: String? = nil) {
        self.site = site
        self.name = name
    }
}

/// A network's decision about how its rules work.
public struct PolicyChange: Hashable, Sendable {
    /// The name of a ``NetworkPolicy``.
    public var policy: String
    /// What it is set to.
    public var value: String

    /// Makes a change.
    public init(policy: String, value: String) {
        self.policy = policy
        self.value = value
    }
}

/// What a location is for.
///
/// It never decides what is sellable.
public enum LocationKind: UInt8, CaseIterable, Hashable, Sendable {
    /// A shelf or bin.
    case bin = 0
    /// Where picked goods wait.
    case staging = 1
    /// Where goods arrive and leave.
    case dock = 2
    /// Where goods are set aside.
    case hold = 3

    /// The stable text.
    public var text: String {
        switch self {
        case .bin: "bin"
        case .staging: "staging"
        case .dock: "dock"
        case .hold: "hold"
        }
    }

    /// Makes a kind of its stable text.
    public init?(_ text: String) {
        guard let value = Self.allCases.first(where: { $0.text == text }) else { return nil }
        self = value
    }
}

/// A registration, edit or retirement of a location.
public struct LocationChange: Hashable, Sendable {
    /// The location's code.
    public var location: LocationID
    /// What it is for; nil in a retirement.
    public var kind: LocationKind?
    /// The version that the editor saw; nil in a registration.
    public var baseVersion: UInt64?

    /// Makes a change of a location.
    public init(location: LocationID, kind: LocationKind? = nil, baseVersion: UInt64? = nil) {
        self.location = location
        self.kind = kind
        self.baseVersion = baseVersion
    }
}

/// A purchase order, its amendment (the new totals) or its closing (no lines).
public struct PurchaseOrder: Hashable, Sendable {
    /// The number of the purchase order.
    public var purchaseOrder: DocumentID
    /// Who supplies.
    public var supplier: Label?
    /// `line`, `sku`, `quantity` and `unitCost` each.
    public var lines: [EventLine]

    /// Makes a purchase order.
    public init(purchaseOrder: DocumentID, supplier: Label? = nil, lines: [EventLine] = []) {
        self.purchaseOrder = purchaseOrder
        self.supplier = supplier
        self.lines = lines
    }
}

/// Goods that arrived.
public struct GoodsReceipt: Hashable, Sendable {
    /// The purchase order they belong to.
    public var purchaseOrder: DocumentID?
    /// Who supplied them.
    public var supplier: Label?
    /// ISO 4217 code of the costs; nil means the network's.
    public var currency: Label?
    /// What one unit of ``currency`` is worth in the network's; nil where that is the network's.
    ///
    /// Values are computed and rounded once: quantity × unit cost × rate.
    public var rate: ExactDecimal?
    /// `sku`, `quantity`, `location`, `status`, `unitCost` or `amount`, and the order's `line`.
    public var lines: [EventLine]

    /// Makes a receipt.
    public init(
        purchaseOrder: DocumentID? = nil,
        supplier: Label? = nil,
        currency: Label? = nil,
        rate: ExactDecimal? = nil,
        lines: [EventLine]
    ) {
        self.purchaseOrder = purchaseOrder
        self.supplier = supplier
        self.currency = currency
        self.rate = rate
        self.lines = lines
    }
}

/// A promise to a customer.
public struct OrderConfirmation: Hashable, Sendable {
    /// The order's number.
    public var order: DocumentID
    /// Where the order came from.
    public var channel: Label?
    /// An opaque reference to the customer.
    public var customer: Label?
    /// Larger is served first among provisional promises.
    public var priority: Int32
    /// The site that supplies; nil means the own.
    public var shipFrom: SiteCode?
    /// Until when the reservation holds.
    public var holdUntil: Instant?
    /// Whether what cannot be promised now is refused instead of backordered.
    public var refusesBackorder: Bool
    /// `line`, `sku`, `quantity`, `unitPrice`, and in an event `granted`.
    public var lines: [EventLine]

    /// Makes a confirmation.
    public init(order: DocumentID, lines: [EventLine]) {
        self.order = order
        self.priority = 0
        self.refusesBackorder = false
        self.lines = lines
    }
}

/// Work on an order: amend, cancel, release, allocate, pick, unpick, pack, dispatch.
public struct OrderWork: Hashable, Sendable {
    /// The order's number.
    public var order: DocumentID
    /// The site that took the order; nil means the own.
    public var orderSite: SiteCode?
    /// The container that was packed.
    public var container: Label?
    /// The shipment that left.
    public var shipment: Label?
    /// The order's lines; empty in a command means all that applies.
    public var lines: [EventLine]
    /// The lines that other sites ship; filled in when a claim about an own order is decided.
    public var elsewhere: [RemoteLines]

    /// Makes work on an order.
    public init(
        order: DocumentID,
        orderSite: SiteCode? = nil,
        container: Label? = nil,
        shipment: Label? = nil,
        lines: [EventLine] = [],
        elsewhere: [RemoteLines] = []
    ) {
        self.order = order
        self.orderSite = orderSite
        self.container = container
        self.shipment = shipment
        self.lines = lines
        self.elsewhere = elsewhere
    }
}

/// Goods that came back from a customer, and what became of them.
public struct CustomerReturn: Hashable, Sendable {
    /// The number of the return.
    public var returnID: DocumentID
    /// The order they were shipped for.
    public var order: DocumentID?
    /// The site that took that order; nil means the own.
    public var orderSite: SiteCode?
    /// The site that shipped them, where that did not take the order; filled in when it is decided.
    public var shipFrom: SiteCode?
    /// The shipment they left with.
    public var shipment: Label?
    /// `sku`, `quantity`, `location`, `status`, the order's `line`; for a disposition, that.
    public var lines: [EventLine]

    /// Makes a return.
    public init(
        returnID: DocumentID,
        order: DocumentID? = nil,
        orderSite: SiteCode? = nil,
        shipment: Label? = nil,
        lines: [EventLine]
    ) {
        self.returnID = returnID
        self.order = order
        self.orderSite = orderSite
        self.shipment = shipment
        self.lines = lines
    }
}

/// A step of a transfer between two sites.
public struct Transfer: Hashable, Sendable {
    /// The transfer's number, unique per source site.
    public var transfer: DocumentID
    /// The site that sends; in a command nil means the own.
    public var fromSite: SiteCode?
    /// The site that receives; in a command nil means the own or the transfer's.
    public var toSite: SiteCode?
    /// Why a transfer is settled.
    public var reason: String?
    /// `line`, `sku`, `quantity` (signed when settled), `location`.
    public var lines: [EventLine]

    /// Makes a step of a transfer.
    public init(
        transfer: DocumentID,
        fromSite: SiteCode? = nil,
        toSite: SiteCode? = nil,
        reason: String? = nil,
        lines: [EventLine] = []
    ) {
        self.transfer = transfer
        self.fromSite = fromSite
        self.toSite = toSite
        self.reason = reason
        self.lines = lines
    }
}

/// What somebody counted.
public struct StockCount: Hashable, Sendable {
    /// The count's number.
    public var count: DocumentID
    /// Whether the variance becomes a proposed adjustment with the count's number.
    public var proposes: Bool
    /// `sku`, `quantity` (zero allowed), `location`, `status` (nil: all statuses).
    public var lines: [EventLine]

    /// Makes a count.
    public init(count: DocumentID, proposes: Bool = true, lines: [EventLine]) {
        self.count = count
        self.proposes = proposes
        self.lines = lines
    }
}

/// A proposed adjustment, its approval or its rejection.
public struct Adjustment: Hashable, Sendable {
    /// The adjustment's number.
    public var adjustment: DocumentID
    /// Why; nil in a decision.
    public var reason: String?
    /// `sku`, signed `quantity`, `location`, `status`.
    ///
    /// A decision carries the proposal's lines as the decider saw them.
    public var lines: [EventLine]

    /// Makes an adjustment.
    public init(adjustment: DocumentID, reason: String? = nil, lines: [EventLine] = []) {
        self.adjustment = adjustment
        self.reason = reason
        self.lines = lines
    }
}

/// Stock that was moved, changed its status, or was scrapped.
public struct StockChange: Hashable, Sendable {
    /// Why; nil for a move.
    public var reason: String?
    /// `sku`, `quantity`, `location`, and `toLocation` or `status` and `toStatus`.
    public var lines: [EventLine]

    /// Makes a change of stock.
    public init(reason: String? = nil, lines: [EventLine]) {
        self.reason = reason
        self.lines = lines
    }
}

/// The undoing of one event.
public struct Reversal: Hashable, Sendable {
    /// The event that is undone.
    public var event: EventID
    /// Why.
    public var reason: String

    /// Makes a reversal.
    public init(event: EventID, reason: String) {
        self.event = event
        self.reason = reason
    }
}

/// A parked event takes effect after all, at the position of its release and at its own time.
public struct ParkedRelease: Hashable, Sendable {
    /// The parked event.
    public var event: EventID
    /// What it says; nil only in a command, which the hub completes.
    public var content: InventoryEvent?
    /// When the hub received it, which its effective time never exceeds.
    public var receivedAt: Instant
    /// The sites that show it as parked; empty for an event of the whole network.
    public var sites: [SiteCode]

    /// Makes a release.
    public init(
        event: EventID,
        content: InventoryEvent? = nil,
        receivedAt: Instant = Instant(microseconds: 0),
        sites: [SiteCode] = []
    ) {
        self.event = event
        self.content = content
        self.receivedAt = receivedAt
        self.sites = sites
    }
}

/// A person closes a parked event, or a claim that was turned down: it will never take effect.
public struct ParkedCompensation: Hashable, Sendable {
    /// The parked event.
    public var event: EventID
    /// The sites that show it, which the hub fills in; empty for an event of the whole network.
    public var sites: [SiteCode]
    /// What was done about it instead.
    public var reason: String

    /// Makes a compensation.
    public init(event: EventID, sites: [SiteCode] = [], reason: String) {
        self.event = event
        self.sites = sites
        self.reason = reason
    }
}

/// Promise rights that one holder hands to another.
public struct RightsGrant: Hashable, Sendable {
    /// The item.
    public var sku: SKU
    /// In an event base units; in a command the digits as entered.
    ///
    /// 0 answers a request with "none".
    public var quantity: Quantity
    /// In an event the item's scale; in a command the decimals as entered.
    public var scale: UInt8
    /// The site whose stock may be promised; nil means the own.
    public var stockSite: SiteCode?
    /// The node that receives them.
    public var to: NodeID
    /// The request that this answers.
    public var request: EventID?
    /// The receiver's site, where that is not the stock's; filled in when it is decided.
    public var toSite: SiteCode?

    /// Makes a grant.
    public init(
        sku: SKU,
        quantity: Quantity,
        scale: UInt8 = 0,
        stockSite: SiteCode? = nil,
        to: NodeID
    ) {
        self.sku = sku
        self.quantity = quantity
        self.scale = scale
        self.stockSite = stockSite
        self.to = to
    }
}

/// A node that joined, recorded by the hub.
public struct NodeRegistration: Hashable, Sendable {
    /// The node.
    public var node: NodeID
    /// The name people read, unique in the network.
    public var name: Label
    /// The node's site; nil for the hub itself.
    public var site: SiteCode?
    /// The node's Ed25519 public key, 32 bytes.
    public var publicKey: [UInt8]
    /// Whether the node may promise at once: it is its site's first active node.
    public var isActive: Bool

    /// Makes a registration.
    public init(
        node: NodeID,
        name: Label,
        site: SiteCode?,
        publicKey: [UInt8],
        isActive: Bool
    ) {
        self.node = node
        self.name = name
        self.site = site
        self.publicKey = publicKey
        self.isActive = isActive
    }
}

/// A node that asks another holder for promise rights.
public struct RightsRequest: Hashable, Sendable {
    /// The item.
    public var sku: SKU
    /// In an event base units, more than zero; in a command the digits as entered.
    public var quantity: Quantity
    /// In an event the item's scale; in a command the decimals as entered.
    public var scale: UInt8
    /// The site whose stock may be promised; nil means the own.
    public var stockSite: SiteCode?
    /// The holder that is asked.
    public var to: NodeID

    /// Makes a request.
    public init(
        sku: SKU,
        quantity: Quantity,
        scale: UInt8 = 0,
        stockSite: SiteCode? = nil,
        to: NodeID
    ) {
        self.sku = sku
        self.quantity = quantity
        self.scale = scale
        self.stockSite = stockSite
        self.to = to
    }
}

/// An operator takes promise rights from a node that is lost.
public struct RightsReclaim: Hashable, Sendable {
    /// The item.
    public var sku: SKU
    /// In an event base units, more than zero; in a command the digits as entered.
    public var quantity: Quantity
    /// In an event the item's scale; in a command the decimals as entered.
    public var scale: UInt8
    /// The site whose stock may be promised.
    public var stockSite: SiteCode?
    /// The node that loses them; it is retired.
    public var from: NodeID
    /// The node that gets them; in a command nil means the hub.
    public var to: NodeID?
    /// The sites of the two nodes, where they are not the stock's; filled in when it is decided.
    public var holderSites: [SiteCode] = []

    /// Makes a reclaim.
    public init(
        sku: SKU,
        quantity: Quantity,
        scale: UInt8 = 0,
        stockSite: SiteCode? = nil,
        from: NodeID,
        to: NodeID? = nil
    ) {
        self.sku = sku
        self.quantity = quantity
        self.scale = scale
        self.stockSite = stockSite
        self.from = from
        self.to = to
    }
}

/// The hub gives what claims had freed to those who recorded them, since all who might have used
/// the same units without knowing have been heard.
public struct RightsThaw: Hashable, Sendable {
    /// What one claim froze of one item.
    public struct Item: Hashable, Sendable {
        /// The claim.
        public var event: EventID
        /// The item.
        public var sku: SKU

        /// Makes an item.
        public init(event: EventID, sku: SKU) {
            self.event = event
            self.sku = sku
        }
    }

    /// In a fixed order, each once.
    public var items: [Item]

    /// Makes a thaw.
    public init(items: [Item]) { self.items = items }
}

/// A node that begins or ceases to promise.
public struct NodeChange: Hashable, Sendable {
    /// The node.
    public var node: NodeID

    /// Makes a change.
    public init(node: NodeID) { self.node = node }
}

/// A person's decision on a conflict or an exception.
public struct Decision: Hashable, Sendable {
    /// The id of the conflict or exception.
    public var subject: String
    /// What was chosen; nil for an acknowledgement.
    public var choice: String?
    /// Why.
    public var reason: String?
    /// The other sites that show the conflict; the rules fill them in.
    public var sites: [SiteCode]

    /// Makes a decision.
    public init(
        subject: String,
        choice: String? = nil,
        reason: String? = nil,
        sites: [SiteCode] = []
    ) {
        self.subject = subject
        self.choice = choice
        self.reason = reason
        self.sites = sites
    }
}

/// What later news changed in values that were posted before; see `domain.md` section 5.
public struct CostAdjustment: Hashable, Sendable {
    /// One posted movement whose value is corrected.
    public struct Item: Hashable, Sendable {
        /// The place of the movement in the valuation history.
        public var movement: MovementKey
        /// What is added to the movement's signed value.
        public var delta: Money
        /// The account on the other side of inventory.
        public var account: Account
        /// The document line that the movement served.
        public var reference: MovementReference?
        /// The whole movement by the cost layers that it consists of, where goods travel: units and
        /// their value, oldest first.
        public var parts: [CostPart]

        /// Makes an item.
        public init(
            movement: MovementKey,
            delta: Money,
            account: Account,
            reference: MovementReference? = nil,
            parts: [CostPart] = []
        ) {
            self.movement = movement
            self.delta = delta
            self.account = account
            self.reference = reference
            self.parts = parts
        }
    }

    /// The event that caused it.
    public var cause: EventID
    /// The site whose values are corrected.
    public var site: SiteCode
    /// The item whose values are corrected.
    public var sku: SKU
    /// The corrected movements, in the order of the history.
    public var items: [Item]

    /// Makes a cost adjustment.
    public init(cause: EventID, site: SiteCode, sku: SKU, items: [Item]) {
        self.cause = cause
        self.site = site
        self.sku = sku
        self.items = items
    }
}
