import Causality
public import InventoryEngine

extension JSONWriter {
    /// Writes what an event says as an object, with the names and the order of the command's
    /// fields.
    ///
    /// What only the system itself records has no command: a promise kept later is written like an
    /// allocation, a node by its name, a cost adjustment by its items; a landed cost has its shares
    /// besides. A body that this version cannot interpret is an empty object.
    ///
    /// - Parameters:
    ///   - body: What the event says.
    ///   - moneyScale: The network's money scale, 0 to 6.
    public mutating func eventBody(_ body: EventBody, moneyScale: UInt8) {
        object { writer in
            if let type = CommandType(of: body) {
                writer.members(of: body, type: type, moneyScale: moneyScale)
                switch body {
                case .landedCostAllocated(let cost):
                    writer.shares(of: cost, moneyScale: moneyScale)
                case .supplierInvoiceMatched(let invoice):
                    writer.shares(of: invoice, moneyScale: moneyScale)
                default: break
                }
                return
            }
            switch body {
            case .backorderPromised:
                writer.members(of: body, type: .allocated, moneyScale: moneyScale)
            case .nodeRegistered(let registration):
                writer.member("node", registration.name)
                writer.member("node_id", registration.node.description)
                writer.member("site", orNull: registration.site?.text)
                writer.member("active", registration.isActive)
            case .periodClosed(let closing):
                guard !closing.silent.isEmpty else { return }
                writer.key("silent")
                writer.array { writer in
                    for node in closing.silent { writer.string(node.description) }
                }
            case .rightsThawed(let thaw):
                writer.key("items")
                writer.array { writer in
                    for item in thaw.items {
                        writer.object { writer in
                            writer.member("event", item.event.description)
                            writer.member("sku", item.sku)
                        }
                    }
                }
            case .costAdjusted(let adjustment):
                writer.members(of: adjustment, moneyScale: moneyScale)
            case .orderProgressed(let progress): writer.members(of: progress)
            case .orderResourced(let resourcing):
                writer.member("order", resourcing.order)
                writer.member("order_site", resourcing.orderSite)
                writer.member("ship_from", resourcing.shipFrom)
                writer.member("line", number: resourcing.line.line ?? 1)
                writer.member("sku", resourcing.line.sku)
                writer.member(
                    "quantity",
                    units: resourcing.line.quantity.units,
                    scale: resourcing.line.scale
                )
            case .itemRegistered, .itemChanged, .itemRetired, .siteRegistered, .policySet,
                .personRegistered, .personChanged, .personRetired,
                .locationRegistered, .locationChanged, .locationRetired, .purchaseOrderPlaced,
                .purchaseOrderAmended, .purchaseOrderClosed, .goodsReceived, .orderConfirmed,
                .orderAmended, .orderCancelled, .reservationReleased, .allocated,
                .pickCompleted, .unpicked, .packCompleted, .shipmentDispatched,
                .returnReceived, .returnDispositioned, .transferRequested,
                .transferCancelled, .transferDispatched, .transferReceived, .transferSettled,
                .countRecorded, .adjustmentProposed, .adjustmentApproved, .adjustmentRejected,
                .moved, .statusChanged, .scrapped, .supplierReturnDispatched, .repacked,
                .reversed, .rightsGranted,
                .rightsRequested, .rightsReclaimed, .nodeActivated, .nodeRetired,
                .conflictResolved, .exceptionAcknowledged, .parkedReleased,
                .parkedCompensated, .supplierInvoiceMatched, .landedCostAllocated, .stockRevalued,
                .writtenDown,
                .standardCostSet,
                .costingChanged, .unknown:
                return
            }
        }
    }

    private mutating func members(of progress: OrderProgress) {
        member("order", progress.order)
        member("ship_from", progress.shipFrom)
        key("lines")
        array { writer in
            for line in progress.lines {
                writer.object { writer in
                    writer.member("line", number: line.line)
                    writer.member("sku", line.sku)
                    writer.members(of: line.progress, scale: line.scale)
                }
            }
        }
        if !progress.notices.isEmpty {
            key("notices")
            array { writer in
                for notice in progress.notices {
                    writer.object { writer in
                        writer.member("code", notice.code)
                        writer.member("sku", orNull: notice.sku?.text)
                        writer.member("message", notice.sentence)
                    }
                }
            }
        }
        guard !progress.conflicts.isEmpty else { return }
        key("conflicts")
        array { writer in
            for conflict in progress.conflicts {
                writer.object { writer in
                    writer.member("id", conflict.id)
                    writer.member("state", conflict.isResolved ? "resolved" : "open")
                    writer.member("subject", conflict.subject)
                    writer.member("resolution", conflict.resolution)
                }
            }
        }
    }

    /// The receipts' lines that are invoiced, and what was expected for them.
    private mutating func shares(of invoice: InvoiceMatch, moneyScale: UInt8) {
        key("shares")
        array { writer in
            for share in invoice.shares {
                let line = invoice.lines.first { $0.sku == share.sku }
                writer.object { writer in
                    writer.member("event", share.receipt.description)
                    writer.member("line", number: UInt64(share.line) + 1)
                    writer.member("sku", share.sku)
                    writer.member(
                        "quantity",
                        units: share.quantity.units,
                        scale: line?.scale ?? 0
                    )
                    writer.member("amount", units: share.amount.units, scale: moneyScale)
                    writer.member("expected", units: share.expected.units, scale: moneyScale)
                }
            }
        }
    }

    /// What each line of the receipts gets.
    private mutating func shares(of cost: LandedCost, moneyScale: UInt8) {
        key("shares")
        array { writer in
            for share in cost.shares {
                writer.object { writer in
                    writer.member("event", share.receipt.description)
                    writer.member("line", number: UInt64(share.line) + 1)
                    writer.member("sku", share.sku)
                    writer.member("amount", units: share.amount.units, scale: moneyScale)
                }
            }
        }
    }

    private mutating func members(of adjustment: CostAdjustment, moneyScale: UInt8) {
        member("cause", adjustment.cause.description)
        member("site", adjustment.site)
        member("sku", adjustment.sku)
        key("items")
        array { writer in
            for item in adjustment.items {
                writer.object { writer in
                    writer.member("account", item.account.code)
                    writer.member("delta", units: item.delta.units, scale: moneyScale)
                }
            }
        }
    }
}

extension JSONWriter {
    /// Writes how far a line of an order has come, each quantity at the item's scale.
    package mutating func members(of progress: LineProgress, scale: UInt8) {
        member("ordered", units: progress.ordered.units, scale: scale)
        member("reserved", units: progress.reserved.units, scale: scale)
        member("allocated", units: progress.allocated.units, scale: scale)
        member("picked", units: progress.picked.units, scale: scale)
        member("packed", units: progress.packed.units, scale: scale)
        member("shipped", units: progress.shipped.units, scale: scale)
        member("backordered", units: progress.backordered.units, scale: scale)
        member("cancelled", units: progress.cancelled.units, scale: scale)
        member("to_put_back", units: progress.toPutBack.units, scale: scale)
        member("returned", units: progress.returned.units, scale: scale)
    }
}
