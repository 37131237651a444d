import Causality
import Foundation
import InventoryEngine
import SwiftProtobuf

/// What an event says, by type: the case's number on the wire is the type.
extension WireInventoryEvent.OneOf_Body {
    /// Writes a body; nil for one that this program does not know.
    init?(_ body: EventBody) {
        switch body {
        case .itemRegistered(let body): self = .itemRegistered(WireItemRegistration(body))
        case .itemChanged(let body): self = .itemChanged(WireItemChange(body))
        case .itemRetired(let body): self = .itemRetired(WireItemRetirement(body))
        case .siteRegistered(let body): self = .siteRegistered(WireSiteRegistration(body))
        case .policySet(let body): self = .policySet(WirePolicyChange(body))
        case .periodClosed(let body): self = .periodClosed(WirePeriodClosing(body))
        case .personRegistered(let body): self = .personRegistered(WirePersonChange(body))
        case .personChanged(let body): self = .personChanged(WirePersonChange(body))
        case .personRetired(let body): self = .personRetired(WirePersonChange(body))
        case .locationRegistered(let body): self = .locationRegistered(WireLocationChange(body))
        case .locationChanged(let body): self = .locationChanged(WireLocationChange(body))
        case .locationRetired(let body): self = .locationRetired(WireLocationChange(body))
        case .purchaseOrderPlaced(let body): self = .purchaseOrderPlaced(WirePurchaseOrder(body))
        case .purchaseOrderAmended(let body): self = .purchaseOrderAmended(WirePurchaseOrder(body))
        case .purchaseOrderClosed(let body): self = .purchaseOrderClosed(WirePurchaseOrder(body))
        case .goodsReceived(let body): self = .goodsReceived(WireGoodsReceipt(body))
        case .orderConfirmed(let body): self = .orderConfirmed(WireOrderConfirmation(body))
        case .orderAmended(let body): self = .orderAmended(WireOrderWork(body))
        case .orderCancelled(let body): self = .orderCancelled(WireOrderWork(body))
        case .reservationReleased(let body): self = .reservationReleased(WireOrderWork(body))
        case .backorderPromised(let body): self = .backorderPromised(WireOrderWork(body))
        case .orderResourced(let body): self = .orderResourced(WireOrderResourcing(body))
        case .orderProgressed(let body): self = .orderProgressed(WireOrderProgress(body))
        case .allocated(let body): self = .allocated(WireOrderWork(body))
        case .pickCompleted(let body): self = .pickCompleted(WireOrderWork(body))
        case .unpicked(let body): self = .unpicked(WireOrderWork(body))
        case .packCompleted(let body): self = .packCompleted(WireOrderWork(body))
        case .shipmentDispatched(let body): self = .shipmentDispatched(WireOrderWork(body))
        case .returnReceived(let body): self = .returnReceived(WireCustomerReturn(body))
        case .returnDispositioned(let body): self = .returnDispositioned(WireCustomerReturn(body))
        case .transferRequested(let body): self = .transferRequested(WireTransfer(body))
        case .transferCancelled(let body): self = .transferCancelled(WireTransfer(body))
        case .transferDispatched(let body): self = .transferDispatched(WireTransfer(body))
        case .transferReceived(let body): self = .transferReceived(WireTransfer(body))
        case .transferSettled(let body): self = .transferSettled(WireTransfer(body))
        case .countRecorded(let body): self = .countRecorded(WireStockCount(body))
        case .adjustmentProposed(let body): self = .adjustmentProposed(WireAdjustment(body))
        case .adjustmentApproved(let body): self = .adjustmentApproved(WireAdjustment(body))
        case .adjustmentRejected(let body): self = .adjustmentRejected(WireAdjustment(body))
        case .moved(let body): self = .moved(WireStockChange(body))
        case .statusChanged(let body): self = .statusChanged(WireStockChange(body))
        case .scrapped(let body): self = .scrapped(WireStockChange(body))
        case .repacked(let body): self = .repacked(WireRepack(body))
        case .supplierReturnDispatched(let body):
            self = .supplierReturnDispatched(WireSupplierReturn(body))
        case .reversed(let body): self = .reversed(WireReversal(body))
        case .rightsGranted(let body): self = .rightsGranted(WireRightsGrant(body))
        case .rightsRequested(let body): self = .rightsRequested(WireRightsRequest(body))
        case .rightsReclaimed(let body): self = .rightsReclaimed(WireRightsReclaim(body))
        case .rightsThawed(let body): self = .rightsThawed(WireRightsThaw(body))
        case .nodeRegistered(let body): self = .nodeRegistered(WireNodeRegistration(body))
        case .nodeActivated(let body): self = .nodeActivated(WireNodeChange(body))
        case .nodeRetired(let body): self = .nodeRetired(WireNodeChange(body))
        case .conflictResolved(let body): self = .conflictResolved(WireDecision(body))
        case .exceptionAcknowledged(let body): self = .exceptionAcknowledged(WireDecision(body))
        case .parkedReleased(let body): self = .parkedReleased(WireParkedRelease(body))
        case .parkedCompensated(let body):
            self = .parkedCompensated(WireParkedCompensation(body))
        case .costAdjusted(let body): self = .costAdjusted(WireCostAdjustment(body))
        case .landedCostAllocated(let body): self = .landedCostAllocated(WireLandedCost(body))
        case .supplierInvoiceMatched(let body):
            self = .supplierInvoiceMatched(WireInvoiceMatch(body))
        case .stockRevalued(let body): self = .stockRevalued(WireRevaluation(body))
        case .writtenDown(let body): self = .writtenDown(WireRevaluation(body))
        case .standardCostSet(let body): self = .standardCostSet(WireCostingChange(body))
        case .costingChanged(let body): self = .costingChanged(WireCostingChange(body))
        case .unknown: return nil
        }
    }

    /// Reads a body.
    ///
    /// - Throws: ``ReplicationError`` with the code `malformed`, or with the internal code
    ///   `notUnderstood` for a body with fields that this program does not know.
    func value() throws(ReplicationError) -> EventBody {
        switch self {
        case .itemRegistered(let body): .itemRegistered(try body.value())
        case .itemChanged(let body): .itemChanged(try body.value())
        case .itemRetired(let body): .itemRetired(try body.value())
        case .siteRegistered(let body): .siteRegistered(try body.value())
        case .policySet(let body): .policySet(try body.value())
        case .periodClosed(let body): .periodClosed(try body.value())
        case .personRegistered(let body): .personRegistered(try body.value())
        case .personChanged(let body): .personChanged(try body.value())
        case .personRetired(let body): .personRetired(try body.value())
        case .locationRegistered(let body): .locationRegistered(try body.value())
        case .locationChanged(let body): .locationChanged(try body.value())
        case .locationRetired(let body): .locationRetired(try body.value())
        case .purchaseOrderPlaced(let body): .purchaseOrderPlaced(try body.value())
        case .purchaseOrderAmended(let body): .purchaseOrderAmended(try body.value())
        case .purchaseOrderClosed(let body): .purchaseOrderClosed(try body.value())
        case .goodsReceived(let body): .goodsReceived(try body.value())
        case .orderConfirmed(let body): .orderConfirmed(try body.value())
        case .orderAmended(let body): .orderAmended(try body.value())
        case .orderCancelled(let body): .orderCancelled(try body.value())
        case .reservationReleased(let body): .reservationReleased(try body.value())
        case .backorderPromised(let body): .backorderPromised(try body.value())
        case .orderResourced(let body): .orderResourced(try body.value())
        case .orderProgressed(let body): .orderProgressed(try body.value())
        case .allocated(let body): .allocated(try body.value())
        case .pickCompleted(let body): .pickCompleted(try body.value())
        case .unpicked(let body): .unpicked(try body.value())
        case .packCompleted(let body): .packCompleted(try body.value())
        case .shipmentDispatched(let body): .shipmentDispatched(try body.value())
        case .returnReceived(let body): .returnReceived(try body.value())
        case .returnDispositioned(let body): .returnDispositioned(try body.value())
        case .transferRequested(let body): .transferRequested(try body.value())
        case .transferCancelled(let body): .transferCancelled(try body.value())
        case .transferDispatched(let body): .transferDispatched(try body.value())
        case .transferReceived(let body): .transferReceived(try body.value())
        case .transferSettled(let body): .transferSettled(try body.value())
        case .countRecorded(let body): .countRecorded(try body.value())
        case .adjustmentProposed(let body): .adjustmentProposed(try body.value())
        case .adjustmentApproved(let body): .adjustmentApproved(try body.value())
        case .adjustmentRejected(let body): .adjustmentRejected(try body.value())
        case .moved(let body): .moved(try body.value())
        case .statusChanged(let body): .statusChanged(try body.value())
        case .scrapped(let body): .scrapped(try body.value())
        case .repacked(let body): .repacked(try body.value())
        case .supplierReturnDispatched(let body):
            .supplierReturnDispatched(try body.value())
        case .reversed(let body): .reversed(try body.value())
        case .rightsGranted(let body): .rightsGranted(try body.value())
        case .rightsRequested(let body): .rightsRequested(try body.value())
        case .rightsReclaimed(let body): .rightsReclaimed(try body.value())
        case .rightsThawed(let body): .rightsThawed(try body.value())
        case .nodeRegistered(let body): .nodeRegistered(try body.value())
        case .nodeActivated(let body): .nodeActivated(try body.value())
        case .nodeRetired(let body): .nodeRetired(try body.value())
        case .conflictResolved(let body): .conflictResolved(try body.value())
        case .exceptionAcknowledged(let body): .exceptionAcknowledged(try body.value())
        case .costAdjusted(let body): .costAdjusted(try body.value())
        case .landedCostAllocated(let body): .landedCostAllocated(try body.value())
        case .supplierInvoiceMatched(let body): .supplierInvoiceMatched(try body.value())
        case .stockRevalued(let body): .stockRevalued(try body.value())
        case .writtenDown(let body): .writtenDown(try body.value())
        case .standardCostSet(let body): .standardCostSet(try body.value())
        case .costingChanged(let body): .costingChanged(try body.value())
        case .parkedReleased(let body): .parkedReleased(try body.value())
        case .parkedCompensated(let body): .parkedCompensated(try body.value())
        }
    }
}

extension WireItemRegistration {
    init(_ body: ItemRegistration) {
        self.init()
        let properties = body.properties
        sku = body.sku.text
        name = properties.name
        uom = properties.uom.text
        scale = UInt32(properties.scale)
        costing = WireCostingMethod(properties.costing)
        if let cost = properties.standardCost { standardCost = WireDecimal(cost) }
        if let gtin = properties.gtin { self.gtin = gtin }
        lotTracked = properties.isLotTracked
        serialTracked = properties.isSerialTracked
        lotCosted = properties.isLotCosted
        safetyStock = properties.safetyStock.units
        conversions = properties.conversions.map { WireUnitConversion($0) }
    }

    func value() throws(ReplicationError) -> ItemRegistration {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var properties = ItemProperties(name: name)
        properties.uom = try WireField.identifier(uom, "uom")
        properties.scale = try WireField.scale(scale, max: WireFormat.quantityScaleMax, "scale")
        properties.costing = try WireField.choice(costing, "costing")
        if hasStandardCost { properties.standardCost = try standardCost.value("standard_cost") }
        if hasGtin { properties.gtin = gtin }
        properties.isLotTracked = lotTracked
        properties.isSerialTracked = serialTracked
        properties.isLotCosted = lotCosted
        properties.safetyStock = try WireField.quantity(safetyStock, "safety_stock")
        for conversion in conversions {
            properties.conversions.append(try conversion.value())
        }
        return ItemRegistration(sku: try WireField.identifier(sku, "sku"), properties: properties)
    }
}

extension WireUnitConversion {
    init(_ body: UnitConversion) {
        self.init()
        uom = body.uom.text
        numerator = body.numerator
        denominator = body.denominator
    }

    func value() throws(ReplicationError) -> UnitConversion {
        try WireField.expectNothing(in: unknownFields, of: "body")
        guard numerator > 0, denominator > 0 else {
            throw .malformed("conversions", "has a factor that is not above zero")
        }
        return UnitConversion(
            uom: try WireField.identifier(uom, "conversions.uom"),
            numerator: numerator,
            denominator: denominator
        )
    }
}

extension WireItemChange {
    init(_ body: ItemChange) {
        self.init()
        sku = body.sku.text
        baseVersion = body.baseVersion
        if let name = body.name { self.name = name }
        if let cost = body.standardCost { standardCost = WireDecimal(cost) }
        if let gtin = body.gtin { self.gtin = gtin }
        if let stock = body.safetyStock { safetyStock = WireDecimal(stock) }
    }

    func value() throws(ReplicationError) -> ItemChange {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var change = ItemChange(
            sku: try WireField.identifier(sku, "sku"),
            baseVersion: baseVersion
        )
        if hasName { change.name = name }
        if hasStandardCost { change.standardCost = try standardCost.value("standard_cost") }
        if hasGtin { change.gtin = gtin }
        if hasSafetyStock { change.safetyStock = try safetyStock.value("safety_stock") }
        return change
    }
}

extension WireItemRetirement {
    init(_ body: ItemRetirement) {
        self.init()
        sku = body.sku.text
        baseVersion = body.baseVersion
    }

    func value() throws(ReplicationError) -> ItemRetirement {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return ItemRetirement(
            sku: try WireField.identifier(sku, "sku"),
            baseVersion: baseVersion
        )
    }
}

extension WireSiteRegistration {
    init(_ body: SiteRegistration) {
        self.init()
        site = body.site.text
        if let name = body.name { self.name = name }
    }

    func value() throws(ReplicationError) -> SiteRegistration {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return SiteRegistration(
            site: try WireField.identifier(site, "body.site"),
            name: hasName ? name : nil
        )
    }
}

extension WireLocationChange {
    init(_ body: LocationChange) {
        self.init()
        location = body.location.text
        if let kind = body.kind { self.kind = WireLocationKind(kind) }
        if let version = body.baseVersion { baseVersion = version }
    }

    func value() throws(ReplicationError) -> LocationChange {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return LocationChange(
            location: try WireField.identifier(location, "location"),
            kind: hasKind ? try WireField.choice(kind, "kind") : nil,
            baseVersion: hasBaseVersion ? baseVersion : nil
        )
    }
}

extension WirePurchaseOrder {
    init(_ body: PurchaseOrder) {
        self.init()
        purchaseOrder = body.purchaseOrder.text
        supplier = body.supplier?.text ?? ""
        if let lines = WireLines(body.lines) { self.lines = lines }
    }

    func value() throws(ReplicationError) -> PurchaseOrder {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return PurchaseOrder(
            purchaseOrder: try WireField.identifier(purchaseOrder, "purchase_order"),
            supplier: try WireField.identifierIfAny(supplier, "supplier"),
            lines: try lines.values()
        )
    }
}

extension WireGoodsReceipt {
    init(_ body: GoodsReceipt) {
        self.init()
        purchaseOrder = body.purchaseOrder?.text ?? ""
        supplier = body.supplier?.text ?? ""
        currency = body.currency?.text ?? ""
        if let rate = body.rate { self.rate = WireDecimal(rate) }
        if let lines = WireLines(body.lines) { self.lines = lines }
    }

    func value() throws(ReplicationError) -> GoodsReceipt {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return GoodsReceipt(
            purchaseOrder: try WireField.identifierIfAny(purchaseOrder, "purchase_order"),
            supplier: try WireField.identifierIfAny(supplier, "supplier"),
            currency: try WireField.identifierIfAny(currency, "currency"),
            rate: hasRate ? try rate.value("rate") : nil,
            lines: try lines.values()
        )
    }
}

extension WireOrderConfirmation {
    init(_ body: OrderConfirmation) {
        self.init()
        order = body.order.text
        channel = body.channel?.text ?? ""
        customer = body.customer?.text ?? ""
        priority = body.priority
        shipFrom = body.shipFrom?.text ?? ""
        if let instant = body.holdUntil { holdUntil = instant.microseconds }
        refusesBackorder = body.refusesBackorder
        if let lines = WireLines(body.lines) { self.lines = lines }
    }

    func value() throws(ReplicationError) -> OrderConfirmation {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var confirmation = OrderConfirmation(
            order: try WireField.identifier(order, "order"),
            lines: try lines.values()
        )
        confirmation.channel = try WireField.identifierIfAny(channel, "channel")
        confirmation.customer = try WireField.identifierIfAny(customer, "customer")
        confirmation.priority = priority
        confirmation.shipFrom = try WireField.identifierIfAny(shipFrom, "ship_from")
        confirmation.holdUntil = hasHoldUntil ? Instant(microseconds: holdUntil) : nil
        confirmation.refusesBackorder = refusesBackorder
        return confirmation
    }
}

extension WireOrderWork {
    init(_ body: OrderWork) {
        self.init()
        order = body.order.text
        orderSite = body.orderSite?.text ?? ""
        container = body.container?.text ?? ""
        shipment = body.shipment?.text ?? ""
        if let lines = WireLines(body.lines) { self.lines = lines }
        elsewhere = body.elsewhere.map { WireRemoteLines($0) }
    }

    func value() throws(ReplicationError) -> OrderWork {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var parts: [RemoteLines] = []
        for part in elsewhere { parts.append(try part.value()) }
        return OrderWork(
            order: try WireField.identifier(order, "order"),
            orderSite: try WireField.identifierIfAny(orderSite, "order_site"),
            container: try WireField.identifierIfAny(container, "container"),
            shipment: try WireField.identifierIfAny(shipment, "shipment"),
            lines: try lines.values(),
            elsewhere: parts
        )
    }
}

extension WireCustomerReturn {
    init(_ body: CustomerReturn) {
        self.init()
        returnID = body.returnID.text
        order = body.order?.text ?? ""
        orderSite = body.orderSite?.text ?? ""
        shipment = body.shipment?.text ?? ""
        shipFrom = body.shipFrom?.text ?? ""
        if let lines = WireLines(body.lines) { self.lines = lines }
    }

    func value() throws(ReplicationError) -> CustomerReturn {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var goods = CustomerReturn(
            returnID: try WireField.identifier(returnID, "return_id"),
            order: try WireField.identifierIfAny(order, "order"),
            orderSite: try WireField.identifierIfAny(orderSite, "order_site"),
            shipment: try WireField.identifierIfAny(shipment, "shipment"),
            lines: try lines.values()
        )
        goods.shipFrom = try WireField.identifierIfAny(shipFrom, "ship_from")
        return goods
    }
}

extension WireTransfer {
    init(_ body: Transfer) {
        self.init()
        transfer = body.transfer.text
        fromSite = body.fromSite?.text ?? ""
        toSite = body.toSite?.text ?? ""
        if let reason = body.reason { self.reason = reason }
        if let lines = WireLines(body.lines) { self.lines = lines }
    }

    func value() throws(ReplicationError) -> Transfer {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return Transfer(
            transfer: try WireField.identifier(transfer, "transfer"),
            fromSite: try WireField.identifierIfAny(fromSite, "from_site"),
            toSite: try WireField.identifierIfAny(toSite, "to_site"),
            reason: hasReason ? reason : nil,
            lines: try lines.values()
        )
    }
}

extension WireStockCount {
    init(_ body: StockCount) {
        self.init()
        count = body.count.text
        proposes = body.proposes
        if let lines = WireLines(body.lines) { self.lines = lines }
    }

    func value() throws(ReplicationError) -> StockCount {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return StockCount(
            count: try WireField.identifier(count, "count"),
            proposes: proposes,
            lines: try lines.values()
        )
    }
}

extension WireAdjustment {
    init(_ body: Adjustment) {
        self.init()
        adjustment = body.adjustment.text
        if let reason = body.reason { self.reason = reason }
        if let lines = WireLines(body.lines) { self.lines = lines }
    }

    func value() throws(ReplicationError) -> Adjustment {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return Adjustment(
            adjustment: try WireField.identifier(adjustment, "adjustment"),
            reason: hasReason ? reason : nil,
            lines: try lines.values()
        )
    }
}

extension WireStockChange {
    init(_ body: StockChange) {
        self.init()
        if let reason = body.reason { self.reason = reason }
        if let lines = WireLines(body.lines) { self.lines = lines }
    }

    func value() throws(ReplicationError) -> StockChange {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return StockChange(reason: hasReason ? reason : nil, lines: try lines.values())
    }
}

extension WireReversal {
    init(_ body: Reversal) {
        self.init()
        event = WireEventId(body.event)
        reason = body.reason
    }

    func value() throws(ReplicationError) -> Reversal {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return Reversal(event: try event.value("body.event"), reason: reason)
    }
}

extension WireDecision {
    init(_ body: Decision) {
        self.init()
        subject = body.subject
        if let choice = body.choice { self.choice = choice }
        if let reason = body.reason { self.reason = reason }
        sites = body.sites.map(\.text)
    }

    func value() throws(ReplicationError) -> Decision {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return Decision(
            subject: subject,
            choice: hasChoice ? choice : nil,
            reason: hasReason ? reason : nil,
            sites: try WireField.sites(sites)
        )
    }
}

extension WireCostAdjustment {
    init(_ body: CostAdjustment) {
        self.init()
        cause = WireEventId(body.cause)
        site = body.site.text
        sku = body.sku.text
        items = body.items.map { Item($0) }
    }

    func value() throws(ReplicationError) -> CostAdjustment {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var items: [CostAdjustment.Item] = []
        items.reserveCapacity(self.items.count)
        for item in self.items {
            items.append(try item.value())
        }
        return CostAdjustment(
            cause: try cause.value("cause"),
            site: try WireField.identifier(site, "body.site"),
            sku: try WireField.identifier(sku, "sku"),
            items: items
        )
    }
}

extension WireCostAdjustment.Item {
    init(_ item: CostAdjustment.Item) {
        self.init()
        effective = item.movement.effective.microseconds
        position = item.movement.position.rawValue
        sequence = item.movement.sequence
        index = item.movement.index
        delta = item.delta.units
        account = WireAccount(item.account)
        parts = item.parts.flatMap { [$0.quantity.units, $0.value.units] }
        switch item.reference {
        case .orderLine(let site, let order, let number):
            documentSite = site.text
            document = order.text
            line = number
        case .transferLine(let source, let other, let transfer, let number):
            documentSite = source.text
            destination = other.text
            document = transfer.text
            line = number
        case nil: break
        }
    }

    private func reference() throws(ReplicationError) -> MovementReference? {
        guard !document.isEmpty else { return nil }
        let site: SiteCode = try WireField.identifier(documentSite, "items.document_site")
        let number: DocumentID = try WireField.identifier(document, "items.document")
        guard !destination.isEmpty else {
            return .orderLine(site: site, order: number, line: line)
        }
        return .transferLine(
            source: site,
            destination: try WireField.identifier(destination, "items.destination"),
            transfer: number,
            line: line
        )
    }

    private func costParts() throws(ReplicationError) -> [CostPart] {
        guard parts.count.isMultiple(of: 2), parts.count <= 2 * TransitFlow.partsMax else {
            throw .malformed("items.parts", "has \(parts.count) numbers")
        }
        var found: [CostPart] = []
        for index in stride(from: 0, to: parts.count, by: 2) {
            found.append(
                CostPart(
                    value: try WireField.money(parts[index + 1], "items.parts"),
                    quantity: try WireField.quantity(parts[index], "items.parts")
                )
            )
        }
        return found
    }

    func value() throws(ReplicationError) -> CostAdjustment.Item {
        try WireField.expectNothing(in: unknownFields, of: "items")
        return CostAdjustment.Item(
            movement: MovementKey(
                effective: Instant(microseconds: effective),
                position: HubPosition(position),
                sequence: sequence,
                index: index
            ),
            delta: try WireField.money(delta, "items.delta"),
            account: try WireField.choice(account, "items.account"),
            reference: try reference(),
            parts: try costParts()
        )
    }
}
