import Causality
import InventoryEngine

extension CommandType {
    /// Reads what a command of this type says, apart from the common fields.
    func body(
        _ fields: CommandFields,
        moneyScale: UInt8,
        nodeNamed: (String) -> NodeID?
    ) throws(InterchangeError) -> EventBody {
        switch self {
        case .itemRegistered: return .itemRegistered(try fields.itemRegistration())
        case .itemChanged: return .itemChanged(try fields.itemChange())
        case .itemRetired:
            return .itemRetired(
                ItemRetirement(
                    sku: try fields.require(fields.sku("sku"), "sku"),
                    baseVersion: try fields.require(fields.version("base_version"), "base_version")
                )
            )
        case .siteRegistered:
            return .siteRegistered(
                SiteRegistration(
                    site: try fields.require(fields.identifier("site"), "site"),
                    name: try fields.remark("name", mayBeEmpty: false)
                )
            )
        case .policySet:
            return .policySet(
                PolicyChange(
                    policy: try fields.require(
                        fields.remark("policy", mayBeEmpty: false),
                        "policy"
                    ),
                    value: try fields.require(fields.remark("value", mayBeEmpty: false), "value")
                )
            )
        case .periodClosed:
            return .periodClosed(
                PeriodClosing(
                    period: try fields.require(fields.period("period"), "period"),
                    override: try fields.remark("override", mayBeEmpty: false)
                )
            )
        case .personRegistered: return .personRegistered(try fields.personChange())
        case .personChanged: return .personChanged(try fields.personChange())
        case .personRetired: return .personRetired(try fields.personChange())
        case .locationRegistered:
            var change = try fields.locationChange()
            change.kind = change.kind ?? .bin
            return .locationRegistered(change)
        case .locationChanged: return .locationChanged(try fields.locationChange())
        case .locationRetired: return .locationRetired(try fields.locationChange())
        case .purchaseOrderPlaced:
            return .purchaseOrderPlaced(try fields.purchaseOrder(moneyScale: moneyScale))
        case .purchaseOrderAmended:
            return .purchaseOrderAmended(try fields.purchaseOrder(moneyScale: moneyScale))
        case .purchaseOrderClosed:
            return .purchaseOrderClosed(try fields.purchaseOrder(moneyScale: moneyScale))
        case .goodsReceived:
            return .goodsReceived(
                GoodsReceipt(
                    purchaseOrder: try fields.identifier("purchase_order"),
                    supplier: try fields.identifier("supplier"),
                    currency: try fields.currency("currency"),
                    rate: try fields.rate("rate"),
                    lines: try fields.lines(moneyScale: moneyScale)
                )
            )
        case .orderConfirmed:
            return .orderConfirmed(try fields.orderConfirmation(moneyScale: moneyScale))
        case .orderAmended: return .orderAmended(try fields.orderWork(moneyScale: moneyScale))
        case .orderCancelled: return .orderCancelled(try fields.orderWork(moneyScale: moneyScale))
        case .reservationReleased:
            return .reservationReleased(try fields.orderWork(moneyScale: moneyScale))
        case .allocated: return .allocated(try fields.orderWork(moneyScale: moneyScale))
        case .pickCompleted: return .pickCompleted(try fields.orderWork(moneyScale: moneyScale))
        case .unpicked: return .unpicked(try fields.orderWork(moneyScale: moneyScale))
        case .packCompleted: return .packCompleted(try fields.orderWork(moneyScale: moneyScale))
        case .shipmentDispatched:
            return .shipmentDispatched(try fields.orderWork(moneyScale: moneyScale))
        case .returnReceived:
            return .returnReceived(try fields.customerReturn(moneyScale: moneyScale))
        case .returnDispositioned:
            return .returnDispositioned(try fields.customerReturn(moneyScale: moneyScale))
        case .transferRequested:
            return .transferRequested(try fields.transfer(moneyScale: moneyScale))
        case .transferCancelled:
            return .transferCancelled(try fields.transfer(moneyScale: moneyScale))
        case .transferDispatched:
            return .transferDispatched(try fields.transfer(moneyScale: moneyScale))
        case .transferReceived:
            return .transferReceived(try fields.transfer(moneyScale: moneyScale))
        case .transferSettled: return .transferSettled(try fields.transfer(moneyScale: moneyScale))
        case .countRecorded:
            return .countRecorded(
                StockCount(
                    count: try fields.require(fields.identifier("count"), "count"),
                    proposes: try fields.flag("propose") ?? true,
                    lines: try fields.lines(moneyScale: moneyScale)
                )
            )
        case .adjustmentProposed:
            return .adjustmentProposed(try fields.adjustment(moneyScale: moneyScale))
        case .adjustmentApproved:
            return .adjustmentApproved(try fields.adjustment(moneyScale: moneyScale))
        case .adjustmentRejected:
            return .adjustmentRejected(try fields.adjustment(moneyScale: moneyScale))
        case .moved: return .moved(try fields.stockChange(moneyScale: moneyScale))
        case .statusChanged: return .statusChanged(try fields.stockChange(moneyScale: moneyScale))
        case .scrapped: return .scrapped(try fields.stockChange(moneyScale: moneyScale))
        case .supplierReturnDispatched:
            return .supplierReturnDispatched(
                SupplierReturn(
                    purchaseOrder: try fields.identifier("purchase_order"),
                    receipt: try fields.event("event", nodeNamed: nodeNamed),
                    lines: try fields.lines(moneyScale: moneyScale)
                )
            )
        case .supplierInvoiceMatched:
            return .supplierInvoiceMatched(
                InvoiceMatch(
                    purchaseOrder: try fields.identifier("purchase_order"),
                    receipt: try fields.event("event", nodeNamed: nodeNamed),
                    lines: try fields.lines(moneyScale: moneyScale)
                )
            )
        case .landedCostAllocated:
            return .landedCostAllocated(
                LandedCost(
                    purchaseOrder: try fields.identifier("purchase_order"),
                    receipts: try fields.events("events", nodeNamed: nodeNamed),
                    amount: try fields.require(
                        fields.money("amount", scale: moneyScale),
                        "amount"
                    ),
                    basis: try fields.choice("by", LandedCostBasis.init, \.text) ?? .value
                )
            )
        case .stockRevalued: return .stockRevalued(try fields.revaluation(moneyScale: moneyScale))
        case .writtenDown: return .writtenDown(try fields.revaluation(moneyScale: moneyScale))
        case .standardCostSet: return .standardCostSet(try fields.costingChange())
        case .costingChanged: return .costingChanged(try fields.costingChange())
        case .repacked: return .repacked(try fields.repack())
        case .reversed:
            return .reversed(
                Reversal(
                    event: try fields.require(
                        fields.event("event", nodeNamed: nodeNamed),
                        "event"
                    ),
                    reason: try fields.require(fields.reason(), "reason")
                )
            )
        case .rightsGranted: return .rightsGranted(try fields.rightsGrant(nodeNamed: nodeNamed))
        case .rightsRequested:
            return .rightsRequested(try fields.rightsRequest(nodeNamed: nodeNamed))
        case .rightsReclaimed:
            return .rightsReclaimed(try fields.rightsReclaim(nodeNamed: nodeNamed))
        case .nodeActivated: return .nodeActivated(try fields.nodeChange(nodeNamed: nodeNamed))
        case .nodeRetired: return .nodeRetired(try fields.nodeChange(nodeNamed: nodeNamed))
        case .conflictResolved: return .conflictResolved(try fields.decision(on: "conflict"))
        case .exceptionAcknowledged:
            return .exceptionAcknowledged(try fields.decision(on: "exception"))
        case .parkedReleased:
            let event = try fields.event("event", nodeNamed: nodeNamed)
            return .parkedReleased(ParkedRelease(event: try fields.require(event, "event")))
        case .parkedCompensated:
            return .parkedCompensated(
                ParkedCompensation(
                    event: try fields.require(
                        fields.event("event", nodeNamed: nodeNamed),
                        "event"
                    ),
                    reason: try fields.require(fields.reason(), "reason")
                )
            )
        }
    }
}

extension CommandFields {
    /// The most decimals that an item's quantities may have.
    private static let itemScaleMax: Int64 = 6

    fileprivate func reason() throws(InterchangeError) -> String? {
        try remark("reason", mayBeEmpty: false)
    }

    fileprivate func itemRegistration() throws(InterchangeError) -> ItemRegistration {
        let sku = try require(sku("sku"), "sku")
        let name = try require(remark("name", mayBeEmpty: false), "name")
        let scale = UInt8(try integer("scale", in: 0...Self.itemScaleMax) ?? 0)
        return ItemRegistration(
            sku: sku,
            properties: ItemProperties(
                name: name,
                uom: try identifier("uom") ?? .each,
                scale: scale,
                costing: try choice("costing", CostingMethod.init, \.text) ?? .average,
                standardCost: try cost("standard_cost"),
                gtin: try gtin("gtin"),
                isLotTracked: try flag("lot_tracked") ?? false,
                isSerialTracked: try flag("serial_tracked") ?? false,
                isLotCosted: try flag("lot_costed") ?? false,
                safetyStock: try quantity("safety_stock", scale: scale) ?? .zero,
                conversions: try conversions()
            )
        )
    }

    private func conversions() throws(InterchangeError) -> [UnitConversion] {
        let known = ["uom", "numerator", "denominator"].map { CommandField($0) }
        let range = 1...Quantity.magnitudeMax
        var conversions: [UnitConversion] = []
        for element in try list("conversions", known: known) ?? [] {
            conversions.append(
                UnitConversion(
                    uom: try element.require(element.identifier("uom"), "uom"),
                    numerator: try element.require(
                        element.integer("numerator", in: range),
                        "numerator"
                    ),
                    denominator: try element.require(
                        element.integer("denominator", in: range),
                        "denominator"
                    )
                )
            )
        }
        return conversions
    }

    fileprivate func revaluation(
        moneyScale: UInt8
    ) throws(InterchangeError) -> Revaluation {
        Revaluation(
            sku: try require(sku("sku"), "sku"),
            unitCost: try cost("unit_cost"),
            amount: try money("amount", scale: moneyScale, mayBeNegative: true),
            reason: try reason()
        )
    }

    fileprivate func costingChange() throws(InterchangeError) -> CostingChange {
        CostingChange(
            sku: try require(sku("sku"), "sku"),
            costing: try choice("costing", CostingMethod.init, \.text),
            standardCost: try cost("standard_cost")
        )
    }

    fileprivate func itemChange() throws(InterchangeError) -> ItemChange {
        var change = ItemChange(
            sku: try require(sku("sku"), "sku"),
            baseVersion: try require(version("base_version"), "base_version")
        )
        change.name = try remark("name", mayBeEmpty: false)
        change.standardCost = try cost("standard_cost")
        change.gtin = try gtin("gtin")
        if let (units, scale) = try quantity("safety_stock") {
            change.safetyStock = ExactDecimal(mantissa: units, scale: scale)
        }
        return change
    }

    fileprivate func personChange() throws(InterchangeError) -> PersonChange {
        var credential: ContentHash?
        if let text = try remark("credential", mayBeEmpty: false) {
            guard let hash = ContentHash(text) else {
                throw refused(
                    .credentialMalformed,
                    "credential",
                    "`\(path("credential"))` is no SHA-256 in hexadecimal digits.",
                    hint: "Give the hash of the token, such as `sha256sum` prints it."
                )
            }
            credential = hash
        }
        return PersonChange(
            person: try require(identifier("person"), "person"),
            role: try choice("role", PersonRole.init, \.text),
            credential: credential,
            baseVersion: try version("base_version")
        )
    }

    fileprivate func locationChange() throws(InterchangeError) -> LocationChange {
        LocationChange(
            location: try require(identifier("location"), "location"),
            kind: try choice("kind", LocationKind.init, \.text),
            baseVersion: try version("base_version")
        )
    }

    fileprivate func purchaseOrder(moneyScale: UInt8) throws(InterchangeError) -> PurchaseOrder {
        PurchaseOrder(
            purchaseOrder: try require(identifier("purchase_order"), "purchase_order"),
            supplier: try identifier("supplier"),
            lines: try lines(moneyScale: moneyScale)
        )
    }

    fileprivate func orderConfirmation(
        moneyScale: UInt8
    ) throws(InterchangeError) -> OrderConfirmation {
        var confirmation = OrderConfirmation(
            order: try require(identifier("order"), "order"),
            lines: try lines(moneyScale: moneyScale)
        )
        confirmation.channel = try identifier("channel")
        confirmation.customer = try identifier("customer")
        let priorities = Int64(Int32.min)...Int64(Int32.max)
        confirmation.priority = Int32(try integer("priority", in: priorities) ?? 0)
        confirmation.shipFrom = try identifier("ship_from")
        confirmation.holdUntil = try time("hold_until")?.instant
        confirmation.refusesBackorder = try refusesBackorder("backorder")
        return confirmation
    }

    fileprivate func orderWork(moneyScale: UInt8) throws(InterchangeError) -> OrderWork {
        OrderWork(
            order: try require(identifier("order"), "order"),
            orderSite: try identifier("order_site"),
            container: try identifier("container"),
            shipment: try identifier("shipment"),
            lines: try lines(moneyScale: moneyScale)
        )
    }

    fileprivate func customerReturn(moneyScale: UInt8) throws(InterchangeError) -> CustomerReturn {
        CustomerReturn(
            returnID: try require(identifier("return"), "return"),
            order: try identifier("order"),
            orderSite: try identifier("order_site"),
            shipment: try identifier("shipment"),
            lines: try lines(moneyScale: moneyScale)
        )
    }

    fileprivate func repack() throws(InterchangeError) -> Repack {
        var lines: [Repack.Line] = []
        for element in try list("lines", known: type.schema.lineFields) ?? [] {
            let (units, scale) = try element.require(element.quantity("quantity"), "quantity")
            lines.append(
                Repack.Line(
                    sku: try element.require(element.sku("sku"), "sku"),
                    quantity: Quantity(units: units),
                    scale: scale,
                    from: try element.require(element.identifier("from_uom"), "from_uom"),
                    to: try element.require(element.identifier("to_uom"), "to_uom"),
                    location: try element.identifier("location"),
                    lot: try element.identifier("lot")
                )
            )
        }
        return Repack(lines: lines)
    }

    fileprivate func transfer(moneyScale: UInt8) throws(InterchangeError) -> Transfer {
        Transfer(
            transfer: try require(identifier("transfer"), "transfer"),
            fromSite: try identifier("from_site"),
            toSite: try identifier("to_site"),
            reason: try reason(),
            lines: try lines(moneyScale: moneyScale)
        )
    }

    fileprivate func adjustment(moneyScale: UInt8) throws(InterchangeError) -> Adjustment {
        Adjustment(
            adjustment: try require(identifier("adjustment"), "adjustment"),
            reason: try reason(),
            lines: try lines(moneyScale: moneyScale)
        )
    }

    fileprivate func stockChange(moneyScale: UInt8) throws(InterchangeError) -> StockChange {
        StockChange(reason: try reason(), lines: try lines(moneyScale: moneyScale))
    }

    fileprivate func rightsGrant(
        nodeNamed: (String) -> NodeID?
    ) throws(InterchangeError) -> RightsGrant {
        let (units, scale) = try require(quantity("quantity"), "quantity")
        var grant = RightsGrant(
            sku: try require(sku("sku"), "sku"),
            quantity: Quantity(units: units),
            scale: scale,
            stockSite: try identifier("stock_site"),
            to: try require(node("to", nodeNamed: nodeNamed), "to")
        )
        grant.request = try event("request", nodeNamed: nodeNamed)
        return grant
    }

    fileprivate func rightsRequest(
        nodeNamed: (String) -> NodeID?
    ) throws(InterchangeError) -> RightsRequest {
        let (units, scale) = try require(quantity("quantity"), "quantity")
        return RightsRequest(
            sku: try require(sku("sku"), "sku"),
            quantity: Quantity(units: units),
            scale: scale,
            stockSite: try identifier("stock_site"),
            to: try require(node("to", nodeNamed: nodeNamed), "to")
        )
    }

    fileprivate func rightsReclaim(
        nodeNamed: (String) -> NodeID?
    ) throws(InterchangeError) -> RightsReclaim {
        let (units, scale) = try require(quantity("quantity"), "quantity")
        return RightsReclaim(
            sku: try require(sku("sku"), "sku"),
            quantity: Quantity(units: units),
            scale: scale,
            stockSite: try identifier("stock_site"),
            from: try require(node("from", nodeNamed: nodeNamed), "from"),
            to: try node("to", nodeNamed: nodeNamed)
        )
    }

    fileprivate func nodeChange(
        nodeNamed: (String) -> NodeID?
    ) throws(InterchangeError) -> NodeChange {
        NodeChange(node: try require(node("node", nodeNamed: nodeNamed), "node"))
    }

    fileprivate func decision(on subject: String) throws(InterchangeError) -> Decision {
        Decision(
            subject: try require(remark(subject, mayBeEmpty: false), subject),
            choice: try remark("choice", mayBeEmpty: false),
            reason: try reason()
        )
    }
}
