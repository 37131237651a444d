import Causality
import InventoryEngine

// Optional members are left out where there is nothing: a command says only what it says.
extension JSONWriter {
    /// Writes a member that is an identifier, if there is one.
    mutating func member<Tag>(_ key: String, _ identifier: Identifier<Tag>?) {
        if let identifier { member(key, identifier.text) }
    }

    /// Writes a member that is a text, if there is one.
    mutating func member(_ key: String, ifAny text: String?) {
        if let text { member(key, text) }
    }

    private mutating func member(_ key: String, _ decimal: ExactDecimal?) {
        if let decimal { member(key, units: decimal.mantissa, scale: decimal.scale) }
    }

    /// Writes what the command says, apart from the common fields, in the documented order.
    mutating func members(of body: EventBody, type: CommandType, moneyScale: UInt8) {
        switch body {
        case .itemRegistered(let registration): members(of: registration)
        case .itemChanged(let change):
            member("sku", change.sku)
            member("base_version", quoted: change.baseVersion)
            member("name", ifAny: change.name)
            member("standard_cost", change.standardCost)
            member("gtin", ifAny: change.gtin)
            member("safety_stock", change.safetyStock)
        case .itemRetired(let retirement):
            member("sku", retirement.sku)
            member("base_version", quoted: retirement.baseVersion)
        case .personRegistered(let change), .personChanged(let change),
            .personRetired(let change):
            member("person", change.person)
            member("role", ifAny: change.role?.text)
            member("credential", ifAny: change.credential?.description)
            if let version = change.baseVersion { member("base_version", quoted: version) }
        case .policySet(let change):
            member("policy", change.policy)
            member("value", change.value)
        case .periodClosed(let closing):
            member("period", closing.period.description)
            member("override", ifAny: closing.override)
        case .siteRegistered(let registration):
            member("site", registration.site)
            member("name", ifAny: registration.name)
        case .locationRegistered(let change), .locationChanged(let change),
            .locationRetired(let change):
            member("location", change.location)
            member("kind", ifAny: change.kind?.text)
            if let version = change.baseVersion { member("base_version", quoted: version) }
        case .purchaseOrderPlaced(let order), .purchaseOrderAmended(let order),
            .purchaseOrderClosed(let order):
            member("purchase_order", order.purchaseOrder)
            member("supplier", order.supplier)
            members(of: order.lines, type: type, moneyScale: moneyScale)
        case .goodsReceived(let receipt):
            members(of: receipt.lines, type: type, moneyScale: moneyScale)
            member("purchase_order", receipt.purchaseOrder)
            member("supplier", receipt.supplier)
            member("currency", receipt.currency)
            member("rate", receipt.rate)
        case .orderConfirmed(let confirmation):
            member("order", confirmation.order)
            members(of: confirmation.lines, type: type, moneyScale: moneyScale)
            member("channel", confirmation.channel)
            member("customer", confirmation.customer)
            if confirmation.priority != 0 { member("priority", number: confirmation.priority) }
            member("ship_from", confirmation.shipFrom)
            member("hold_until", ifAny: confirmation.holdUntil?.rfc3339)
            if confirmation.refusesBackorder { member("backorder", "refuse") }
        case .orderAmended(let work), .orderCancelled(let work), .reservationReleased(let work),
            .backorderPromised(let work), .allocated(let work), .pickCompleted(let work),
            .unpicked(let work), .packCompleted(let work), .shipmentDispatched(let work):
            member("order", work.order)
            member("order_site", work.orderSite)
            member("container", work.container)
            member("shipment", work.shipment)
            members(of: work.lines, type: type, moneyScale: moneyScale)
            if !work.elsewhere.isEmpty {
                key("elsewhere")
                array { writer in
                    for part in work.elsewhere {
                        writer.object { writer in
                            writer.member("ship_from", part.shipFrom)
                            writer.members(of: part.lines, type: type, moneyScale: moneyScale)
                        }
                    }
                }
            }
        case .returnReceived(let goods), .returnDispositioned(let goods):
            member("return", goods.returnID)
            member("order", goods.order)
            member("order_site", goods.orderSite)
            member("shipment", goods.shipment)
            member("ship_from", goods.shipFrom)
            members(of: goods.lines, type: type, moneyScale: moneyScale)
        case .transferRequested(let transfer), .transferCancelled(let transfer),
            .transferDispatched(let transfer), .transferReceived(let transfer),
            .transferSettled(let transfer):
            member("transfer", transfer.transfer)
            member("from_site", transfer.fromSite)
            member("to_site", transfer.toSite)
            members(of: transfer.lines, type: type, moneyScale: moneyScale)
            member("reason", ifAny: transfer.reason)
        case .countRecorded(let count):
            member("count", count.count)
            members(of: count.lines, type: type, moneyScale: moneyScale)
            if !count.proposes { member("propose", false) }
        case .adjustmentProposed(let adjustment), .adjustmentApproved(let adjustment),
            .adjustmentRejected(let adjustment):
            member("adjustment", adjustment.adjustment)
            member("reason", ifAny: adjustment.reason)
            members(of: adjustment.lines, type: type, moneyScale: moneyScale)
        case .moved(let change), .statusChanged(let change), .scrapped(let change):
            members(of: change.lines, type: type, moneyScale: moneyScale)
            member("reason", ifAny: change.reason)
        case .supplierReturnDispatched(let goods):
            member("purchase_order", goods.purchaseOrder)
            member("event", ifAny: goods.receipt?.description)
            members(of: goods.lines, type: type, moneyScale: moneyScale)
        case .supplierInvoiceMatched(let invoice):
            member("purchase_order", invoice.purchaseOrder)
            member("event", ifAny: invoice.receipt?.description)
            members(of: invoice.lines, type: type, moneyScale: moneyScale)
        case .landedCostAllocated(let cost): members(of: cost, moneyScale: moneyScale)
        case .stockRevalued(let body), .writtenDown(let body):
            member("sku", body.sku)
            member("unit_cost", body.unitCost)
            if let amount = body.amount {
                member("amount", units: amount.units, scale: moneyScale)
            }
            member("reason", ifAny: body.reason)
        case .standardCostSet(let change), .costingChanged(let change):
            member("sku", change.sku)
            member("costing", ifAny: change.costing?.text)
            member("standard_cost", change.standardCost)
        case .repacked(let repack): members(of: repack)
        case .reversed(let reversal):
            member("event", reversal.event.description)
            member("reason", reversal.reason)
        case .rightsGranted(let grant):
            member("sku", grant.sku)
            member("quantity", units: grant.quantity.units, scale: grant.scale)
            member("stock_site", grant.stockSite)
            member("to", grant.to.description)
            member("request", ifAny: grant.request?.description)
            member("to_site", grant.toSite)
        case .rightsRequested(let request):
            member("sku", request.sku)
            member("quantity", units: request.quantity.units, scale: request.scale)
            member("stock_site", request.stockSite)
            member("to", request.to.description)
        case .rightsReclaimed(let reclaim):
            member("sku", reclaim.sku)
            member("quantity", units: reclaim.quantity.units, scale: reclaim.scale)
            member("stock_site", reclaim.stockSite)
            member("from", reclaim.from.description)
            member("to", ifAny: reclaim.to?.description)
        case .nodeActivated(let change), .nodeRetired(let change):
            member("node", change.node.description)
        case .conflictResolved(let decision):
            member("conflict", decision.subject)
            member("choice", ifAny: decision.choice)
            member("reason", ifAny: decision.reason)
        case .exceptionAcknowledged(let decision):
            member("exception", decision.subject)
            member("choice", ifAny: decision.choice)
            member("reason", ifAny: decision.reason)
        case .parkedReleased(let release):
            member("event", release.event.description)
        case .parkedCompensated(let compensation):
            member("event", compensation.event.description)
            member("reason", compensation.reason)
        case .nodeRegistered, .rightsThawed, .costAdjusted, .orderResourced, .orderProgressed,
            .unknown:
            return  // no command has such a body
        }
    }

    private mutating func members(of registration: ItemRegistration) {
        let properties = registration.properties
        member("sku", registration.sku)
        member("name", properties.name)
        member("uom", properties.uom)
        member("scale", number: properties.scale)
        member("costing", properties.costing.text)
        member("standard_cost", properties.standardCost)
        member("gtin", ifAny: properties.gtin)
        if properties.isLotTracked { member("lot_tracked", true) }
        if properties.isSerialTracked { member("serial_tracked", true) }
        if properties.isLotCosted { member("lot_costed", true) }
        if !properties.safetyStock.isZero {
            member("safety_stock", units: properties.safetyStock.units, scale: properties.scale)
        }
        guard !properties.conversions.isEmpty else { return }
        key("conversions")
        array { writer in
            for conversion in properties.conversions {
                writer.object { writer in
                    writer.member("uom", conversion.uom)
                    writer.member("numerator", quoted: conversion.numerator)
                    writer.member("denominator", quoted: conversion.denominator)
                }
            }
        }
    }

    private mutating func members(of cost: LandedCost, moneyScale: UInt8) {
        member("purchase_order", cost.purchaseOrder)
        if !cost.receipts.isEmpty { member("events", cost.receipts.map(\.description)) }
        member("amount", units: cost.amount.units, scale: moneyScale)
        member("by", cost.basis.text)
    }

    private mutating func members(of repack: Repack) {
        key("lines")
        array { writer in
            for line in repack.lines {
                writer.object { writer in
                    writer.member("sku", line.sku)
                    writer.member("from_uom", line.from.uom)
                    writer.member("to_uom", line.to.uom)
                    writer.member("quantity", units: line.quantity.units, scale: line.scale)
                    writer.member("location", line.location)
                    writer.member("lot", line.lot)
                }
            }
        }
    }

    private mutating func members(of lines: [EventLine], type: CommandType, moneyScale: UInt8) {
        guard !lines.isEmpty else { return }
        let fields = type.schema.lineFields
        key("lines")
        array { writer in
            for line in lines {
                writer.object { writer in
                    for field in fields {
                        writer.member(field.name, of: line, type: type, moneyScale: moneyScale)
                    }
                }
            }
        }
    }

    /// Writes one of the fields that lines of a type of command have.
    private mutating func member(
        _ name: String,
        of line: EventLine,
        type: CommandType,
        moneyScale: UInt8
    ) {
        switch name {
        case "line": if let number = line.line { member(name, number: number) }
        case "sku": if line.sku != CommandFormat.skuLeftOut { member(name, line.sku) }
        case "quantity":
            if !(line.quantity.isZero && type.mayLeaveOutQuantity) {
                member(name, units: line.quantity.units, scale: line.scale)
            }
        case "uom": member(name, line.uom)
        case "location", "from": member(name, line.location)
        case "to": member(name, line.toLocation)
        case "lot": member(name, line.lot)
        case "expiry": member(name, ifAny: line.expiry?.description)
        case "status", "from_status": member(name, ifAny: line.status?.text)
        case "to_status": member(name, ifAny: line.toStatus?.text)
        case "unit_cost": member(name, line.unitCost)
        case "amount":
            if let amount = line.amount { member(name, units: amount.units, scale: moneyScale) }
        case "unit_price": member(name, line.unitPrice)
        case "short":
            if let short = line.short { member(name, units: short.units, scale: line.scale) }
        case "disposition": member(name, ifAny: line.disposition?.text)
        case "serials":
            guard !line.serials.isEmpty else { return }
            key(name)
            array { writer in
                for serial in line.serials { writer.string(serial.text) }
            }
        default: return
        }
    }
}
