extension EventBody {
    /// What the hub may do with the event.
    public var kind: EventKind {
        switch self {
        case .goodsReceived, .pickCompleted, .unpicked, .packCompleted, .shipmentDispatched,
            .returnReceived, .transferDispatched, .transferReceived, .moved, .statusChanged,
            .scrapped, .repacked, .supplierReturnDispatched, .reversed:
            .fact
        case .countRecorded:
            .observation
        case .itemRegistered, .itemChanged, .itemRetired, .siteRegistered, .policySet,
            .periodClosed, .personRegistered, .personChanged, .personRetired,
            .locationRegistered, .locationChanged, .locationRetired, .purchaseOrderPlaced,
            .purchaseOrderAmended, .purchaseOrderClosed, .orderConfirmed, .orderAmended,
            .orderCancelled,
            .reservationReleased, .orderResourced, .allocated, .returnDispositioned,
            .transferRequested,
            .transferCancelled, .transferSettled, .adjustmentProposed, .adjustmentApproved,
            .adjustmentRejected, .rightsGranted, .rightsRequested, .rightsReclaimed,
            .nodeRegistered, .nodeActivated, .nodeRetired, .conflictResolved,
            .exceptionAcknowledged, .parkedCompensated, .supplierInvoiceMatched,
            .landedCostAllocated, .stockRevalued, .writtenDown, .standardCostSet, .costingChanged,
            .unknown:
            .claim
        case .backorderPromised, .orderProgressed, .costAdjusted, .rightsThawed, .parkedReleased:
            .derived
        }
    }

    /// The stable name of the type.
    public var type: String {
        switch self {
        case .itemRegistered: "item_registered"
        case .itemChanged: "item_changed"
        case .itemRetired: "item_retired"
        case .siteRegistered: "site_registered"
        case .policySet: "policy_set"
        case .periodClosed: "period_closed"
        case .personRegistered: "person_registered"
        case .personChanged: "person_changed"
        case .personRetired: "person_retired"
        case .locationRegistered: "location_registered"
        case .locationChanged: "location_changed"
        case .locationRetired: "location_retired"
        case .purchaseOrderPlaced: "purchase_order_placed"
        case .purchaseOrderAmended: "purchase_order_amended"
        case .purchaseOrderClosed: "purchase_order_closed"
        case .goodsReceived: "goods_received"
        case .supplierReturnDispatched: "supplier_return_dispatched"
        case .supplierInvoiceMatched: "supplier_invoice_matched"
        case .landedCostAllocated: "landed_cost_allocated"
        case .stockRevalued: "stock_revalued"
        case .writtenDown: "written_down"
        case .standardCostSet: "standard_cost_set"
        case .costingChanged: "costing_changed"
        case .orderConfirmed: "order_confirmed"
        case .orderAmended: "order_amended"
        case .orderCancelled: "order_cancelled"
        case .reservationReleased: "reservation_released"
        case .backorderPromised: "backorder_promised"
        case .orderResourced: "order_resourced"
        case .orderProgressed: "order_progressed"
        case .allocated: "allocated"
        case .pickCompleted: "pick_completed"
        case .unpicked: "unpicked"
        case .packCompleted: "pack_completed"
        case .shipmentDispatched: "shipment_dispatched"
        case .returnReceived: "return_received"
        case .returnDispositioned: "return_dispositioned"
        case .transferRequested: "transfer_requested"
        case .transferCancelled: "transfer_cancelled"
        case .transferDispatched: "transfer_dispatched"
        case .transferReceived: "transfer_received"
        case .transferSettled: "transfer_settled"
        case .countRecorded: "count_recorded"
        case .adjustmentProposed: "adjustment_proposed"
        case .adjustmentApproved: "adjustment_approved"
        case .adjustmentRejected: "adjustment_rejected"
        case .moved: "moved"
        case .statusChanged: "status_changed"
        case .scrapped: "scrapped"
        case .repacked: "repacked"
        case .reversed: "reversed"
        case .rightsGranted: "rights_granted"
        case .rightsRequested: "rights_requested"
        case .rightsReclaimed: "rights_reclaimed"
        case .rightsThawed: "rights_thawed"
        case .nodeRegistered: "node_registered"
        case .nodeActivated: "node_activated"
        case .nodeRetired: "node_retired"
        case .conflictResolved: "conflict_resolved"
        case .exceptionAcknowledged: "exception_acknowledged"
        case .parkedReleased: "parked_released"
        case .parkedCompensated: "parked_compensated"
        case .costAdjusted: "cost_adjusted"
        case .unknown(let type): type
        }
    }

    /// Whether it is a correction of values that follows from another event.
    public var isCostAdjusted: Bool {
        if case .costAdjusted = self { true } else { false }
    }

    /// Whether the event concerns the whole network and names no site.
    public var isNetworkWide: Bool {
        switch self {
        case .itemRegistered, .itemChanged, .itemRetired, .siteRegistered, .policySet,
            .periodClosed, .personRegistered, .personChanged, .personRetired,
            .nodeRegistered, .nodeActivated, .nodeRetired, .standardCostSet, .costingChanged:
            true
        case .parkedReleased(let release): release.content?.body.isNetworkWide ?? false
        case .parkedCompensated(let compensation): compensation.sites.isEmpty
        default: false
        }
    }

    /// The sites besides the event's own whose rows it changes.
    var otherSites: [SiteCode] {
        switch self {
        case .orderConfirmed(let order): [order.shipFrom].compactMap(\.self)
        case .orderAmended(let work), .orderCancelled(let work), .reservationReleased(let work),
            .backorderPromised(let work), .allocated(let work), .pickCompleted(let work),
            .unpicked(let work), .packCompleted(let work), .shipmentDispatched(let work):
            [work.orderSite].compactMap(\.self) + work.elsewhere.map(\.shipFrom)
        case .orderResourced(let resourcing):
            [resourcing.orderSite, resourcing.shipFrom].compactMap(\.self)
        case .returnReceived(let customerReturn), .returnDispositioned(let customerReturn):
            [customerReturn.orderSite, customerReturn.shipFrom].compactMap(\.self)
        case .transferRequested(let transfer), .transferCancelled(let transfer),
            .transferDispatched(let transfer), .transferReceived(let transfer),
            .transferSettled(let transfer):
            [transfer.fromSite, transfer.toSite].compactMap(\.self)
        case .rightsGranted(let grant): [grant.stockSite, grant.toSite].compactMap(\.self)
        case .rightsRequested(let request): [request.stockSite].compactMap(\.self)
        case .rightsReclaimed(let reclaim):
            [reclaim.stockSite].compactMap(\.self) + reclaim.holderSites
        case .costAdjusted(let adjustment):
            adjustment.sites
        case .parkedReleased(let release): release.content?.namedSites ?? []
        case .parkedCompensated(let compensation): compensation.sites
        case .conflictResolved(let decision): decision.sites
        case .itemRegistered, .itemChanged, .itemRetired, .siteRegistered, .policySet,
            .periodClosed, .personRegistered, .personChanged, .personRetired,
            .locationRegistered, .locationChanged, .locationRetired, .purchaseOrderPlaced,
            .purchaseOrderAmended, .purchaseOrderClosed, .goodsReceived, .countRecorded,
            .adjustmentProposed,
            .adjustmentApproved, .adjustmentRejected, .moved, .statusChanged, .scrapped,
            .supplierReturnDispatched, .repacked, .reversed, .rightsThawed, .nodeRegistered,
            .nodeActivated, .nodeRetired, .orderProgressed, .supplierInvoiceMatched,
            .landedCostAllocated, .stockRevalued, .writtenDown, .standardCostSet, .costingChanged,
            .exceptionAcknowledged, .unknown:
            []
        }
    }
}

extension EventBody {
    /// The items that it is about, each once, in the order of its lines.
    var skus: [SKU] {
        let lines: [EventLine]
        switch self {
        case .itemChanged(let change): return [change.sku]
        case .itemRetired(let retirement): return [retirement.sku]
        case .stockRevalued(let body), .writtenDown(let body): return [body.sku]
        case .standardCostSet(let change), .costingChanged(let change): return [change.sku]
        case .supplierInvoiceMatched(let invoice): lines = invoice.lines
        case .landedCostAllocated(let cost):
            var found: [SKU] = []
            for share in cost.shares where !found.contains(share.sku) { found.append(share.sku) }
            return found
        case .rightsGranted(let grant): return [grant.sku]
        case .rightsRequested(let request): return [request.sku]
        case .rightsReclaimed(let reclaim): return [reclaim.sku]
        case .purchaseOrderPlaced(let order), .purchaseOrderAmended(let order),
            .purchaseOrderClosed(let order):
            lines = order.lines
        case .goodsReceived(let receipt): lines = receipt.lines
        case .supplierReturnDispatched(let goods): lines = goods.lines
        case .repacked(let repack):
            var found: [SKU] = []
            for line in repack.lines where !found.contains(line.sku) { found.append(line.sku) }
            return found
        case .orderConfirmed(let order): lines = order.lines
        case .orderAmended(let work), .orderCancelled(let work), .reservationReleased(let work),
            .backorderPromised(let work), .allocated(let work), .pickCompleted(let work),
            .unpicked(let work), .packCompleted(let work), .shipmentDispatched(let work):
            lines =
                work.elsewhere.isEmpty ? work.lines : work.lines + work.elsewhere.flatMap(\.lines)
        case .orderResourced(let resourcing): return [resourcing.line.sku]
        case .orderProgressed(let progress):
            var found: [SKU] = []
            for line in progress.lines where !found.contains(line.sku) { found.append(line.sku) }
            return found
        case .returnReceived(let customerReturn), .returnDispositioned(let customerReturn):
            lines = customerReturn.lines
        case .transferRequested(let transfer), .transferCancelled(let transfer),
            .transferDispatched(let transfer), .transferReceived(let transfer),
            .transferSettled(let transfer):
            lines = transfer.lines
        case .countRecorded(let count): lines = count.lines
        case .adjustmentProposed(let adjustment), .adjustmentApproved(let adjustment),
            .adjustmentRejected(let adjustment):
            lines = adjustment.lines
        case .moved(let change), .statusChanged(let change), .scrapped(let change):
            lines = change.lines
        case .itemRegistered, .siteRegistered, .policySet, .periodClosed,
            .personRegistered, .personChanged, .personRetired, .locationRegistered,
            .locationChanged,
            .locationRetired, .reversed, .rightsThawed, .nodeRegistered, .nodeActivated,
            .nodeRetired, .conflictResolved, .exceptionAcknowledged, .parkedReleased,
            .parkedCompensated, .costAdjusted, .unknown:
            return []
        }
        var found: [SKU] = []
        for line in lines where !found.contains(line.sku) { found.append(line.sku) }
        return found
    }
}

extension InventoryEvent {
    /// The sites whose rows the event changes, each once, sorted; empty if it is network-wide.
    ///
    /// A cost adjustment names the site that it corrects, not that of the hub's bookkeeping, and what
    /// is done about a parked event names the sites of that event.
    public var namedSites: [SiteCode] {
        if body.isNetworkWide { return [] }
        var sites = Set(body.otherSites)
        switch body {
        case .costAdjusted, .parkedReleased, .parkedCompensated: break
        default: sites.insert(site)
        }
        return sites.sorted()
    }
}

extension CostAdjustment {
    /// The corrected site, and both sites of every transfer line that the correction runs through.
    fileprivate var sites: [SiteCode] {
        var sites = [site]
        for item in items {
            if case .transferLine(let source, let destination, _, _) = item.reference {
                sites += [source, destination]
            }
        }
        return sites
    }
}
