import Causality

/// The posting table: what each type of event does to every layer.
extension StockState {
    /// Posts one event; throws before anything is kept if it cannot be.
    mutating func post(_ current: Current) throws(EngineError) -> Verdict {
        switch current.event.body {
        case .itemRegistered(let body): try postItemRegistered(current, body)
        case .itemChanged(let body): try postItemChanged(current, body)
        case .itemRetired(let body): try postItemRetired(current, body)
        case .siteRegistered(let body): try postSiteRegistered(body)
        case .policySet(let body): try postPolicySet(current, body)
        case .periodClosed(let body): return try postPeriodClosed(current, body)
        case .personRegistered(let body), .personChanged(let body): try postPerson(current, body)
        case .personRetired(let body): try postPerson(current, body, isRetired: true)
        case .nodeRegistered(let body): try postNodeRegistered(current, body)
        case .locationRegistered(let body), .locationChanged(let body):
            try postLocation(current, body, isRetired: false)
        case .locationRetired(let body): try postLocation(current, body, isRetired: true)
        case .purchaseOrderPlaced(let body):
            try postPurchaseOrder(current, body, isAmended: false)
        case .purchaseOrderAmended(let body):
            try postPurchaseOrder(current, body, isAmended: true)
        case .purchaseOrderClosed(let body): try postPurchaseOrderClosed(current, body)
        case .goodsReceived(let body): try postGoodsReceived(current, body)
        case .supplierReturnDispatched(let body): try postSupplierReturn(current, body)
        case .supplierInvoiceMatched(let body): try postInvoice(current, body)
        case .landedCostAllocated(let body): try postLandedCost(current, body)
        case .stockRevalued(let body):
            try postRevaluation(current, body, account: .revaluation)
        case .writtenDown(let body): try postRevaluation(current, body, account: .writeDown)
        case .standardCostSet(let body): try postStandardCostSet(current, body)
        case .costingChanged(let body): try postCostingChanged(current, body)
        case .orderConfirmed(let body): return try postOrderConfirmed(current, body)
        case .orderAmended(let body): return try postAmendment(current, body)
        case .orderCancelled(let body): return try postCancellation(current, body)
        case .reservationReleased(let body): return try postRelease(current, body)
        case .backorderPromised(let body): try postBackorderPromised(current, body)
        case .orderResourced(let body): try postOrderResourced(current, body)
        case .orderProgressed(let body): try postOrderProgressed(current, body)
        case .allocated(let body): try postAllocated(current, body)
        case .pickCompleted(let body): try postPickCompleted(current, body)
        case .unpicked(let body): try postUnpicked(current, body)
        case .packCompleted(let body): try postPackCompleted(current, body)
        case .shipmentDispatched(let body): try postShipmentDispatched(current, body)
        case .returnReceived(let body): try postReturnReceived(current, body)
        case .returnDispositioned(let body): try postReturnDispositioned(current, body)
        case .transferRequested(let body), .transferCancelled(let body),
            .transferDispatched(let body), .transferReceived(let body),
            .transferSettled(let body):
            return try postTransfer(current, body)
        case .countRecorded(let body): try postCountRecorded(current, body)
        case .adjustmentProposed(let body): try postAdjustmentProposed(current, body)
        case .adjustmentApproved(let body):
            try postAdjustmentDecided(current, body, isApproved: true)
        case .adjustmentRejected(let body):
            try postAdjustmentDecided(current, body, isApproved: false)
        case .moved(let body): try postMoved(current, body)
        case .statusChanged(let body): try postStatusChanged(current, body)
        case .scrapped(let body): try postScrapped(current, body)
        case .repacked(let body): try postRepacked(body)
        case .reversed(let body): return try postReversed(current, body)
        case .rightsGranted(let body): try postRightsGranted(current, body)
        case .rightsRequested(let body): try postRightsRequested(current, body)
        case .rightsReclaimed(let body): try postRightsReclaimed(current, body)
        case .rightsThawed(let body): try postRightsThawed(current, body)
        case .nodeActivated(let body): try postNodeActivated(body)
        case .nodeRetired(let body): try postNodeRetired(body)
        case .conflictResolved(let body): return try postConflictResolved(current, body)
        case .exceptionAcknowledged(let body): try postExceptionAcknowledged(current, body)
        case .parkedReleased:
            throw .refused("release_in_release", "A release has no event of its own to release.")
        case .parkedCompensated(let body): try postParkedCompensated(current, body)
        case .costAdjusted(let body): try postCostAdjusted(current, body)
        case .unknown(let type):
            throw EngineError(.unknownType, "This version does not know events of type \(type).")
        }
        return .accepted
    }

    /// The item of a line; without it the event waits, parked, until the catalogue has it.
    @discardableResult
    mutating func knownItem(_ line: EventLine) throws(EngineError) -> ItemRow {
        guard let item = try cache.items.row(ItemRow.Key(sku: line.sku), from: reader) else {
            throw EngineError(.unknownSKU, "The SKU \(line.sku) is not in the catalogue.")
        }
        guard item.properties.scale == line.scale else {
            throw .refused(
                "scale_mismatch",
                "The line counts \(line.sku) at \(line.scale) decimals, the catalogue at "
                    + "\(item.properties.scale)."
            )
        }
        noteIfRetired(item, line.sku)
        if item.properties.isSerialTracked { report.serialTracked.insert(line.sku) }
        return item
    }

    private mutating func noteIfRetired(_ item: ItemRow, _ sku: SKU) {
        guard item.isRetired else { return }
        let retirement = item.lastEdits[Int(ItemRow.Field.isRetired.rawValue)]
        report.retired.append((sku, nil, retirement))
    }

    // MARK: Catalogue, places, nodes

    private mutating func postItemRegistered(
        _ current: Current,
        _ body: ItemRegistration
    ) throws(EngineError) {
        let key = ItemRow.Key(sku: body.sku)
        guard var item = try cache.items.row(key, from: reader) else {
            let row = ItemRow(properties: body.properties, by: current.ref)
            try cache.items.set(key, to: row, from: reader)
            if case .everything = settings.scope { dues.arrived.append(body.sku) }
            return
        }
        let old = item.properties
        let new = body.properties
        guard old.uom == new.uom, old.scale == new.scale,
            old.isLotTracked == new.isLotTracked, old.isSerialTracked == new.isSerialTracked
        else {
            throw .refused(
                "item_differs",
                "\(body.sku) is registered with another unit, scale or tracking."
            )
        }
        var change = ItemChange(sku: body.sku, baseVersion: 0)
        if old.name != new.name { change.name = new.name }
        if old.standardCost != new.standardCost { change.standardCost = new.standardCost }
        if old.gtin != new.gtin { change.gtin = new.gtin }
        if old.safetyStock != new.safetyStock {
            change.safetyStock = ExactDecimal(mantissa: new.safetyStock.units, scale: new.scale)
        }
        try edit(current, &item, change)
        try cache.items.set(key, to: item, from: reader)
    }

    mutating func postItemChanged(
        _ current: Current,
        _ body: ItemChange
    ) throws(EngineError) {
        let key = ItemRow.Key(sku: body.sku)
        guard var item = try cache.items.row(key, from: reader) else {
            throw EngineError(.unknownSKU, "The SKU \(body.sku) is not in the catalogue.")
        }
        try edit(current, &item, body)
        try cache.items.set(key, to: item, from: reader)
    }

    private mutating func postItemRetired(
        _ current: Current,
        _ body: ItemRetirement
    ) throws(EngineError) {
        let key = ItemRow.Key(sku: body.sku)
        guard var item = try cache.items.row(key, from: reader) else {
            throw EngineError(.unknownSKU, "The SKU \(body.sku) is not in the catalogue.")
        }
        guard !item.isRetired else { return }
        item.isRetired = true
        item.version += 1
        item.lastEdits[Int(ItemRow.Field.isRetired.rawValue)] = current.ref
        try cache.items.set(key, to: item, from: reader)
        try noteMovedMeanwhile(current, body.sku)
    }

    /// Sets the fields that an edit names: the last by position wins, field by field.
    ///
    /// A concurrent edit of the same field that said something else keeps its value in a conflict.
    mutating func edit(
        _ current: Current,
        _ item: inout ItemRow,
        _ change: ItemChange,
        isPosted: Bool = true
    ) throws(EngineError) {
        let old = item.properties
        var changed: [(field: ItemRow.Field, before: String, after: String)] = []
        if let name = change.name, name != old.name {
            item.properties.name = name
            changed.append((.name, old.name, name))
        }
        if let cost = change.standardCost, cost != old.standardCost {
            item.properties.standardCost = cost
            changed.append((.standardCost, describe(old.standardCost), describe(cost)))
        }
        if let gtin = change.gtin, gtin != old.gtin {
            item.properties.gtin = gtin
            changed.append((.gtin, old.gtin ?? "none", gtin))
        }
        if let entered = change.safetyStock {
            let quantity = try InventoryRules.quantity(
                entered.mantissa,
                scale: entered.scale,
                itemScale: old.scale,
                field: "safety_stock"
            )
            if quantity != old.safetyStock {
                item.properties.safetyStock = quantity
                let before = ExactDecimal(mantissa: old.safetyStock.units, scale: old.scale)
                changed.append((.safetyStock, describe(before), describe(entered)))
            }
        }
        guard !changed.isEmpty else { return }
        item.version += 1
        if isPosted, item.properties.standardCost != old.standardCost {
            try standardCostChanged(current, change.sku, to: item.properties.standardCost)
        }
        for (field, before, after) in changed {
            let last = item.lastEdits[Int(field.rawValue)]
            if isConcurrent(current, with: last) {
                try raiseConflict(
                    .itemEdits,
                    current,
                    with: last,
                    sku: change.sku,
                    subject: "\(change.sku).\(field.text)",
                    resolution: "The last edit by hub position stands.",
                    before: before,
                    after: after,
                    compensation: "The losing value is kept here; edit again to bring it back.",
                    isResolved: true
                )
            }
            item.lastEdits[Int(field.rawValue)] = current.ref
        }
    }

    private func describe(_ decimal: ExactDecimal?) -> String {
        decimal?.description ?? "none"
    }

    private mutating func postSiteRegistered(
        _ body: SiteRegistration
    ) throws(EngineError) {
        let key = SiteRow.Key(code: body.site)
        var site = try cache.sites.row(key, from: reader) ?? SiteRow(name: nil)
        if let name = body.name { site.name = name }
        try cache.sites.set(key, to: site, from: reader)
    }

    private mutating func postLocation(
        _ current: Current,
        _ body: LocationChange,
        isRetired: Bool
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        let key = LocationRow.Key(home: current.site, location: body.location)
        var row: LocationRow
        if let old = try cache.locations.row(key, from: reader) {
            row = old
            if let purpose = body.kind { row.purpose = purpose }
            row.isRetired = isRetired
            if row != old { row.version += 1 }
        } else {
            row = LocationRow(purpose: body.kind ?? .bin)
            row.isRetired = isRetired
        }
        row.retiredBy = isRetired ? row.retiredBy ?? current.ref : nil
        try cache.locations.set(key, to: row, from: reader)
    }

    // MARK: Inside a site

    private mutating func postMoved(
        _ current: Current,
        _ body: StockChange
    ) throws(EngineError) {
        for line in body.lines {
            try knownItem(line)
            let stock = StockKey(home: current.site, sku: line.sku)
            let (from, to) = (line.location ?? .stock, line.toLocation ?? .stock)
            let status = line.status ?? .sellable
            if !line.serials.isEmpty {
                try moveUnits(current, stock, line, from: from, to: to)
                continue
            }
            var quantity = line.quantity
            if status == .sellable,
                let held = try quarantined(current, stock, from, line.lot, quantity)
            {
                try moveStock(stock, from, line.lot, held.status, by: -held.quantity)
                try moveStock(stock, to, line.lot, held.status, by: held.quantity)
                quantity = try quantity.minus(held.quantity)
                if let other = held.by.event {
                    try raiseQuarantined(
                        current,
                        with: other,
                        line.sku,
                        to.text,
                        held: held.quantity
                    )
                }
            }
            try moveStock(stock, from, line.lot, status, by: -quantity)
            try moveStock(stock, to, line.lot, status, by: quantity)
            try moveAllocations(stock, line, from: from, to: to)
        }
    }

    /// Moves the units that a line names, each in the status in which it is by now.
    private mutating func moveUnits(
        _ current: Current,
        _ stock: StockKey,
        _ line: EventLine,
        from: LocationID,
        to: LocationID
    ) throws(EngineError) {
        for part in try byStatus(stock, line, line.status ?? .sellable) {
            try moveStock(stock, from, line.lot, part.status, by: -part.quantity)
            try moveStock(stock, to, line.lot, part.status, by: part.quantity)
            guard let by = part.by, let other = unknown(Latest(event: by), to: current) else {
                continue
            }
            try raiseQuarantined(current, with: other, line.sku, to.text, held: part.quantity)
        }
        try moveAllocations(stock, line, from: from, to: to)
    }

    private mutating func postStatusChanged(
        _ current: Current,
        _ body: StockChange
    ) throws(EngineError) {
        for line in body.lines {
            try knownItem(line)
            let stock = StockKey(home: current.site, sku: line.sku)
            let location = line.location ?? .stock
            let (from, to) = (line.status ?? .sellable, line.toStatus ?? .sellable)
            if line.serials.isEmpty {
                var quantity = line.quantity
                if from == .sellable {
                    quantity = try quantity.minus(follow(current, line, to: to))
                }
                try moveStock(stock, location, line.lot, from, by: -quantity)
                try moveStock(stock, location, line.lot, to, by: quantity)
            } else {
                try changeUnits(current, stock, line, to: to)
            }
            if to == .expired, let lot = line.lot {
                try changeLot(stock, lot) { $0.expiries &+= 1 }
            }
            if from == .sellable { try releaseAllocations(current, stock, location, line.lot) }
        }
    }

    private mutating func postScrapped(
        _ current: Current,
        _ body: StockChange
    ) throws(EngineError) {
        for line in body.lines {
            try knownItem(line)
            let stock = StockKey(home: current.site, sku: line.sku)
            try takeOut(stock, line, line.status ?? .sellable)
            _ = try issue(current, stock, line.quantity, account: .scrap)
        }
    }

    private mutating func postAdjustmentProposed(
        _ current: Current,
        _ proposal: Adjustment
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        var body = proposal
        body.adjustment = try nameAdjustment(current, body.adjustment)
        var lines: [DocumentLine] = []
        for line in body.lines {
            try knownItem(line)
            lines.append(
                DocumentLine(
                    sku: line.sku,
                    quantity: line.quantity,
                    location: line.location ?? .stock,
                    lot: line.lot,
                    status: line.status ?? .sellable
                )
            )
        }
        let key = DocumentKey<AdjustmentRow>(home: current.site, document: body.adjustment)
        try cache.adjustments.set(
            key,
            to: AdjustmentRow(
                proposedBy: current.ref,
                proposer: current.event.actor,
                reason: body.reason ?? "unspecified",
                lines: lines
            ),
            from: reader
        )
    }

    private mutating func postAdjustmentDecided(
        _ current: Current,
        _ body: Adjustment,
        isApproved: Bool
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        let key = DocumentKey<AdjustmentRow>(home: current.site, document: body.adjustment)
        guard var row = try cache.adjustments.row(key, from: reader) else {
            throw .refused("unknown_adjustment", "Adjustment \(body.adjustment) is not known.")
        }
        guard row.state == .proposed else {
            throw .refused(
                "already_decided",
                "Adjustment \(body.adjustment) is \(row.state.text) already."
            )
        }
        row.state = isApproved ? .approved : .rejected
        row.decidedBy = current.ref
        try cache.adjustments.set(key, to: row, from: reader)
        guard isApproved else { return }
        for line in row.lines + (try withdrawnLines(current, body.adjustment)) {
            let stock = StockKey(home: current.site, sku: line.sku)
            if let item = try cache.items.row(ItemRow.Key(sku: line.sku), from: reader) {
                noteIfRetired(item, line.sku)
                if item.properties.isSerialTracked { report.serialTracked.insert(line.sku) }
            }
            if let named = body.lines.first(where: { $0.isSameStock(as: line) }),
                line.quantity.units < 0
            {
                try takeOut(stock, named, line.status ?? .sellable)
            } else {
                try moveStock(
                    stock,
                    line.location,
                    line.lot,
                    line.status ?? .sellable,
                    by: line.quantity
                )
            }
            if line.quantity.units > 0 {
                _ = try enter(
                    current,
                    stock,
                    line.quantity,
                    rule: .current,
                    given: nil,
                    account: .adjustment
                )
            } else {
                _ = try issue(current, stock, -line.quantity, account: .adjustment)
            }
        }
    }

    // MARK: Decisions

    /// Closes a conflict at every site that shows it and that the decision names.
    private mutating func postConflictResolved(
        _ current: Current,
        _ body: Decision
    ) throws(EngineError) -> Verdict {
        let homes = [nil] + current.event.namedSites.map { $0 } as [SiteCode?]
        var isKnown = false
        var isRepeated = false
        for home in homes where settings.scope.holds(home) {
            let key = ConflictRow.Key(home: home, id: body.subject)
            guard var row = try cache.conflicts.row(key, from: reader) else { continue }
            isKnown = true
            guard !row.isResolved else {
                guard row.choice != nil, row.choice == body.choice else {
                    throw .refused(
                        "already_decided",
                        "Conflict \(body.subject) is resolved already."
                    )
                }
                isRepeated = true
                continue
            }
            row.isResolved = true
            row.decidedBy = current.event.actor?.text ?? "person"
            row.choice = body.choice
            row.reason = body.reason
            try cache.conflicts.set(key, to: row, from: reader)
        }
        guard isKnown else {
            throw .refused("unknown_conflict", "Conflict \(body.subject) is not known.")
        }
        return isRepeated ? .duplicate : .accepted
    }

    private mutating func postExceptionAcknowledged(
        _ current: Current,
        _ body: Decision
    ) throws(EngineError) {
        let parts = body.subject.split(separator: "/")
        guard parts.count == 2, let event = EventID(String(parts[0])),
            let index = UInt32(String(parts[1]))
        else {
            throw .refused(
                "unknown_exception",
                "Exception \(body.subject) is not known.",
                field: "exception"
            )
        }
        for home in [nil, current.site] as [SiteCode?] where settings.scope.holds(home) {
            let key = ExceptionRow.Key(home: home, event: event, index: index)
            guard var row = try cache.exceptions.row(key, from: reader) else { continue }
            if row.acknowledgedBy == nil { row.acknowledgedBy = current.ref }
            try cache.exceptions.set(key, to: row, from: reader)
            return
        }
        throw .refused(
            "unknown_exception",
            "Exception \(body.subject) is not known.",
            field: "exception"
        )
    }

    // MARK: Derived

    /// Posts what replay has found: as data, exactly as the hub recorded it.
    private mutating func postCostAdjusted(
        _ current: Current,
        _ body: CostAdjustment
    ) throws(EngineError) {
        let stock = StockKey(home: body.site, sku: body.sku)
        for item in body.items {
            var source = body.site
            if case .transferLine(let site, _, _, _) = item.reference,
                item.account == .goodsInTransit
            {
                source = site
            }
            try post(
                body.site,
                .inventory,
                body.sku,
                item.delta,
                valuedAt: item.movement.effective
            )
            try post(
                source,
                item.account,
                body.sku,
                -item.delta,
                valuedAt: item.movement.effective
            )
            try flowThroughTransit(current, body.site, item)
            guard holds(body.site) else { continue }
            let key = MovementRow.Key(stock: stock, place: item.movement)
            guard var row = try cache.movements.row(key, from: reader) else {
                throw EngineError(
                    .identityBroken,
                    "A cost adjustment names a movement that is not known."
                )
            }
            let signed = row.isInward ? item.delta : -item.delta
            row.posted = try row.posted.plus(signed)
            var valuation = try cache.valuations.row(stock, from: reader) ?? ValuationRow()
            let isNews = row.value == (try row.posted.minus(signed)) && row.rule == .given
            valuation.unposted = try valuation.unposted.minus(item.delta)
            if isNews {
                row.value = row.posted
                row.parts = item.parts.count > 1 ? item.parts : []
                valuation.unposted = try valuation.unposted.plus(item.delta)
            }
            try touch(stock)
            try cache.valuations.set(stock, to: valuation, from: reader)
            try cache.movements.set(key, to: row, from: reader)
            if isNews { try replay(current, stock, from: item.movement) }
        }
    }

    /// Takes a correction out of the transit value of a transfer line, at both of its sites: one of
    /// its dispatch, or one of a receipt.
    private mutating func flowThroughTransit(
        _ current: Current,
        _ site: SiteCode,
        _ item: CostAdjustment.Item
    ) throws(EngineError) {
        guard
            case .transferLine(let source, let destination, let transfer, let number) =
                item.reference
        else { return }
        for home in current.event.namedSites where holds(home) {
            let key = TransferLineRow.Key(
                home: home,
                source: source,
                transfer: transfer,
                destination: destination,
                line: number
            )
            guard var line = try cache.transferLines.row(key, from: reader) else { continue }
            if site == source {
                let difference = -item.delta
                try line.flow.correct(item.movement, to: item.parts, difference: difference)
                if item.account == .transitLoss {
                    line.writtenOffValue = try line.writtenOffValue.plus(difference)
                }
            } else {
                line.flow.setReceived(by: item.movement, to: item.parts)
            }
            if item.account == .goodsInTransit {
                line.transitValue = try line.transitValue.minus(item.delta)
            }
            try setTransferLine(key, to: line)
            if home == source { dues.flows[key] = current.event.id }
        }
    }
}
