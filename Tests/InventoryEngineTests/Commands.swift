import Causality
public import InventoryEngine
import TestSupport

extension Identifier: ExpressibleByUnicodeScalarLiteral {}
extension Identifier: ExpressibleByExtendedGraphemeClusterLiteral {}
extension Identifier: ExpressibleByStringLiteral {
    /// Makes an identifier of a constant of a test.
    public init(stringLiteral text: String) {
        guard let identifier = Self.init(text) else {
            preconditionFailure("\(text) is not an identifier.")
        }
        self = identifier
    }
}

/// A time at which tests start, later than every date in them.
let startOfTests = Instant(microseconds: 1_800_000_000_000_000)

/// A number with decimals, such as `1.53`.
func decimal(_ text: String) -> ExactDecimal {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let fraction = parts.count > 1 ? String(parts[1]) : ""
    guard parts.count <= 2, let mantissa = Int64(String(parts[0]) + fraction) else {
        preconditionFailure("\(text) is not a number.")
    }
    return ExactDecimal(mantissa: mantissa, scale: UInt8(fraction.count))
}

/// A wall time in UTC.
func wallTime(_ instant: Instant) -> WallTime {
    guard let time = WallTime(instant: instant, offsetMinutes: 0) else {
        preconditionFailure("\(instant) cannot be written.")
    }
    return time
}

/// A command line with an integer quantity.
func line(
    _ sku: SKU = "P",
    _ quantity: Int64,
    number: Int32? = nil,
    at location: LocationID? = nil,
    to toLocation: LocationID? = nil,
    lot: LotID? = nil,
    expiry: String? = nil,
    status: StockStatus? = nil,
    toStatus: StockStatus? = nil,
    cost: String? = nil,
    amount: Int64? = nil,
    short: Int64? = nil,
    disposition: Disposition? = nil,
    serials: [SerialNumber] = [],
    scale: UInt8 = 0
) -> EventLine {
    var line = EventLine(
        sku: sku,
        quantity: Quantity(units: quantity),
        scale: scale,
        line: number,
        location: location
    )
    line.toLocation = toLocation
    line.lot = lot
    line.expiry = expiry.flatMap(CivilDate.init)
    line.status = status
    line.toStatus = toStatus
    line.unitCost = cost.map(decimal)
    line.amount = amount.map(Money.init(units:))
    line.short = short.map(Quantity.init(units:))
    line.disposition = disposition
    line.serials = serials
    return line
}

extension InventoryCommand {
    /// The command with other metadata.
    func with(
        at: Instant? = nil,
        forced: Bool = false,
        actor: ActorID? = nil,
        op: OpKey? = nil,
        hash: ContentHash = .zero
    ) -> InventoryCommand {
        var command = self
        command.at = at.map(wallTime)
        command.isForced = forced
        command.actor = actor
        command.op = op
        command.contentHash = hash
        return command
    }

    static func item(
        _ sku: SKU,
        scale: UInt8 = 0,
        costing: CostingMethod = .average,
        standardCost: String? = nil,
        isLotTracked: Bool = false,
        isSerialTracked: Bool = false,
        safetyStock: Int64 = 0,
        conversions: [UnitConversion] = []
    ) -> InventoryCommand {
        InventoryCommand(
            body: .itemRegistered(
                ItemRegistration(
                    sku: sku,
                    properties: ItemProperties(
                        name: sku.text,
                        scale: scale,
                        costing: costing,
                        standardCost: standardCost.map(decimal),
                        isLotTracked: isLotTracked,
                        isSerialTracked: isSerialTracked,
                        safetyStock: Quantity(units: safetyStock),
                        conversions: conversions
                    )
                )
            )
        )
    }

    static func change(
        _ sku: SKU,
        version: UInt64,
        _ edit: (inout ItemChange) -> Void
    ) -> InventoryCommand {
        var change = ItemChange(sku: sku, baseVersion: version)
        edit(&change)
        return InventoryCommand(body: .itemChanged(change))
    }

    static func location(_ location: LocationID) -> InventoryCommand {
        InventoryCommand(body: .locationRegistered(LocationChange(location: location, kind: .bin)))
    }

    static func retire(sku: SKU, version: UInt64) -> InventoryCommand {
        InventoryCommand(body: .itemRetired(ItemRetirement(sku: sku, baseVersion: version)))
    }

    static func retire(location: LocationID, version: UInt64) -> InventoryCommand {
        InventoryCommand(
            body: .locationRetired(LocationChange(location: location, baseVersion: version))
        )
    }

    static func placePO(_ id: DocumentID, _ lines: [EventLine]) -> InventoryCommand {
        InventoryCommand(
            body: .purchaseOrderPlaced(
                PurchaseOrder(purchaseOrder: id, supplier: "ACME", lines: lines)
            )
        )
    }

    static func amendPO(_ id: DocumentID, _ lines: [EventLine]) -> InventoryCommand {
        InventoryCommand(
            body: .purchaseOrderAmended(PurchaseOrder(purchaseOrder: id, lines: lines))
        )
    }

    static func closePO(_ id: DocumentID) -> InventoryCommand {
        InventoryCommand(body: .purchaseOrderClosed(PurchaseOrder(purchaseOrder: id)))
    }

    static func receive(_ lines: [EventLine], po: DocumentID? = nil) -> InventoryCommand {
        InventoryCommand(body: .goodsReceived(GoodsReceipt(purchaseOrder: po, lines: lines)))
    }

    static func confirm(
        _ order: DocumentID,
        _ lines: [EventLine],
        priority: Int32 = 0,
        refusesBackorder: Bool = false
    ) -> InventoryCommand {
        var confirmation = OrderConfirmation(order: order, lines: lines)
        confirmation.priority = priority
        confirmation.refusesBackorder = refusesBackorder
        return InventoryCommand(body: .orderConfirmed(confirmation))
    }

    /// A step of work on an order, such as `EventBody.pickCompleted`.
    static func work(
        _ body: (OrderWork) -> EventBody,
        _ order: DocumentID,
        _ lines: [EventLine] = []
    ) -> InventoryCommand {
        InventoryCommand(body: body(OrderWork(order: order, lines: lines)))
    }

    static func amend(_ order: DocumentID, _ lines: [EventLine]) -> InventoryCommand {
        work(EventBody.orderAmended, order, lines)
    }

    static func cancel(_ order: DocumentID, _ lines: [EventLine] = []) -> InventoryCommand {
        work(EventBody.orderCancelled, order, lines)
    }

    static func release(_ order: DocumentID, _ lines: [EventLine] = []) -> InventoryCommand {
        work(EventBody.reservationReleased, order, lines)
    }

    static func allocate(_ order: DocumentID, _ lines: [EventLine]) -> InventoryCommand {
        work(EventBody.allocated, order, lines)
    }

    static func pick(_ order: DocumentID, _ lines: [EventLine] = []) -> InventoryCommand {
        work(EventBody.pickCompleted, order, lines)
    }

    static func unpick(_ order: DocumentID, _ lines: [EventLine] = []) -> InventoryCommand {
        work(EventBody.unpicked, order, lines)
    }

    static func pack(_ order: DocumentID, _ lines: [EventLine] = []) -> InventoryCommand {
        work(EventBody.packCompleted, order, lines)
    }

    static func dispatch(_ order: DocumentID, _ lines: [EventLine] = []) -> InventoryCommand {
        work(EventBody.shipmentDispatched, order, lines)
    }

    static func giveBack(
        _ id: DocumentID,
        _ lines: [EventLine],
        order: DocumentID? = nil,
        orderSite: SiteCode? = nil
    ) -> InventoryCommand {
        InventoryCommand(
            body: .returnReceived(
                CustomerReturn(returnID: id, order: order, orderSite: orderSite, lines: lines)
            )
        )
    }

    static func disposition(_ id: DocumentID, _ lines: [EventLine]) -> InventoryCommand {
        InventoryCommand(body: .returnDispositioned(CustomerReturn(returnID: id, lines: lines)))
    }

    /// A step of a transfer, such as `EventBody.transferDispatched`.
    static func transfer(
        _ body: (Transfer) -> EventBody,
        _ id: DocumentID,
        from: SiteCode? = nil,
        to: SiteCode? = nil,
        reason: String? = nil,
        _ lines: [EventLine] = []
    ) -> InventoryCommand {
        InventoryCommand(
            body: body(
                Transfer(transfer: id, fromSite: from, toSite: to, reason: reason, lines: lines)
            )
        )
    }

    static func count(
        _ id: DocumentID,
        proposes: Bool = true,
        _ lines: [EventLine]
    ) -> InventoryCommand {
        InventoryCommand(
            body: .countRecorded(StockCount(count: id, proposes: proposes, lines: lines))
        )
    }

    static func propose(_ id: DocumentID, _ lines: [EventLine]) -> InventoryCommand {
        InventoryCommand(
            body: .adjustmentProposed(Adjustment(adjustment: id, reason: "found", lines: lines)),
            actor: "ann"
        )
    }

    static func approve(_ id: DocumentID) -> InventoryCommand {
        InventoryCommand(body: .adjustmentApproved(Adjustment(adjustment: id)), actor: "ben")
    }

    static func reject(_ id: DocumentID) -> InventoryCommand {
        InventoryCommand(body: .adjustmentRejected(Adjustment(adjustment: id)), actor: "ben")
    }

    static func move(_ lines: [EventLine]) -> InventoryCommand {
        InventoryCommand(body: .moved(StockChange(lines: lines)))
    }

    static func status(_ lines: [EventLine]) -> InventoryCommand {
        InventoryCommand(body: .statusChanged(StockChange(reason: "look", lines: lines)))
    }

    static func scrap(_ lines: [EventLine]) -> InventoryCommand {
        InventoryCommand(body: .scrapped(StockChange(reason: "broken", lines: lines)))
    }

    static func sendBack(
        _ lines: [EventLine],
        po: DocumentID? = nil,
        receipt: EventID? = nil
    ) -> InventoryCommand {
        InventoryCommand(
            body: .supplierReturnDispatched(
                SupplierReturn(purchaseOrder: po, receipt: receipt, lines: lines)
            )
        )
    }

    static func repack(
        _ sku: SKU,
        _ quantity: Int64,
        scale: UInt8 = 0,
        from: UnitCode,
        to: UnitCode
    ) -> InventoryCommand {
        InventoryCommand(
            body: .repacked(
                Repack(lines: [
                    Repack.Line(
                        sku: sku,
                        quantity: Quantity(units: quantity),
                        scale: scale,
                        from: from,
                        to: to
                    )
                ])
            )
        )
    }

    static func reverse(_ event: EventID) -> InventoryCommand {
        InventoryCommand(body: .reversed(Reversal(event: event, reason: "wrong")))
    }

    static func grant(
        _ sku: SKU,
        _ quantity: Int64,
        to node: NodeID
    ) -> InventoryCommand {
        InventoryCommand(
            body: .rightsGranted(
                RightsGrant(sku: sku, quantity: Quantity(units: quantity), to: node)
            )
        )
    }
}

/// A node that never joined, with the digests kept of what it shows.
func soloNode(_ site: SiteCode = "W", moneyScale: UInt8 = 4) -> EdgeHarness {
    EdgeHarness(
        node: NodeID(high: 1, low: 1),
        site: site,
        moneyScale: moneyScale,
        epoch: .none,
        now: startOfTests,
        keepsDigestsOfOverlay: true
    )
}

/// A hub and nodes at some sites, all joined; only the first node of a site may promise.
struct Network {
    var hub: HubHarness
    var nodes: [EdgeHarness]
    var now = startOfTests

    static let epoch = Epoch(counter: 1, high: 7, low: 7)

    init(_ sites: [SiteCode], moneyScale: UInt8 = 4, pulls: Bool = true) throws {
        hub = HubHarness(
            node: NodeID(high: 9, low: 9),
            epoch: Self.epoch,
            moneyScale: moneyScale
        )
        nodes = sites.enumerated().map { index, site in
            EdgeHarness(
                node: NodeID(high: 1, low: UInt64(index + 1)),
                site: site,
                moneyScale: moneyScale,
                epoch: Self.epoch,
                now: startOfTests
            )
        }
        var bodies: [EventBody] = [
            .nodeRegistered(
                NodeRegistration(
                    node: hub.node,
                    name: "hub",
                    site: nil,
                    publicKey: [UInt8](repeating: 9, count: 32),
                    isActive: false
                )
            )
        ]
        var active: Set<SiteCode> = []
        for (index, node) in nodes.enumerated() {
            bodies.append(.siteRegistered(SiteRegistration(site: node.site)))
            bodies.append(
                .nodeRegistered(
                    NodeRegistration(
                        node: node.node,
                        name: Label(trustedForTests: "\(node.site)-\(index + 1)"),
                        site: node.site,
                        publicKey: [UInt8](repeating: 1, count: 32),
                        isActive: active.insert(node.site).inserted
                    )
                )
            )
        }
        try hub.record(bodies, at: now)
        if pulls { try pullAll() }
    }

    /// Pushes what a node has, at most `limit` events.
    mutating func push(_ index: Int, limit: Int = .max, followsUpEachEvent: Bool = false) throws {
        now = now.adding(microseconds: 1_000_000)
        for node in nodes where node.now > now { now = node.now }
        let events = nodes[index].send(limit: limit)
        guard !events.isEmpty else { return }
        try hub.receive(events, at: now, followsUpEachEvent: followsUpEachEvent)
    }

    /// A network of its own that stands where this one does.
    func copied() -> Network {
        var copy = self
        copy.hub = hub.copied()
        copy.nodes = nodes.map { $0.copied() }
        return copy
    }

    mutating func pullAll() throws {
        for index in nodes.indices { try nodes[index].pull(from: hub) }
    }

    /// Pushes and pulls until all know all.
    mutating func settle() throws {
        for index in nodes.indices { try push(index) }
        try pullAll()
        for index in nodes.indices { nodes[index].now = max(nodes[index].now, now) }
    }
}

extension Identifier {
    /// Makes an identifier of a text that a test puts together.
    init(trustedForTests text: String) {
        self.init(stringLiteral: text)
    }
}
