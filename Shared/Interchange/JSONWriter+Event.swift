import Causality
public import InventoryEngine

extension JSONWriter {
    /// Writes what an event says as an object, with the names and the order of the command's
    /// fields.
    ///
    /// What only the system itself records has no command: a promise kept later is written like an
    /// allocation, a node by its name, a cost adjustment by its items. A body that
    /// this version cannot interpret is an empty object.
    ///
    /// - Parameters:
    ///   - body: What the event says.
    ///   - moneyScale: The network's money scale, 0 to 6.
    public mutating func eventBody(_ body: EventBody, moneyScale: UInt8) {
        object { writer in
            if let type = CommandType(of: body) {
                writer.members(of: body, type: type, moneyScale: moneyScale)
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
                .parkedCompensated, .unknown:
                return
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
