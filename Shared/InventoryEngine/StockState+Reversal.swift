import Causality

/// The undoing of one event: the exact negation of what it posted, at its own value.
extension StockState {
    private static func markKey(of event: EventID, at site: SiteCode) -> OperationRow.Key {
        OperationRow.Key(home: site, op: OpKey(trusted: "reversed:\(event)"))
    }

    /// What remembers that an event is reversed; nil if it is not.
    mutating func reversalMark(
        of event: EventID,
        at site: SiteCode
    ) throws(EngineError) -> OperationRow? {
        try cache.operations.row(Self.markKey(of: event, at: site), from: reader)
    }

    mutating func postReversed(
        _ current: Current,
        _ body: Reversal
    ) throws(EngineError) -> Verdict {
        guard holds(current.site) else { return .accepted }
        let mark = Self.markKey(of: body.event, at: current.site)
        if let first = try reversalMark(of: body.event, at: current.site),
            first.event != current.event.id
        {
            return .duplicate
        }
        guard let located = try located(body.event) else {
            throw .refused("unknown_event", "The event \(body.event) is not known here.")
        }
        guard located.event.site == current.site else {
            throw .refused("other_site", "The event belongs to \(located.event.site).")
        }
        try checkPosted(located)
        let original = try orderedAsKnown(located)
        report.holder = located.event.id.node
        report.valuedAt = original.effective
        try undo(current, original)
        for line in original.event.body.unitLines where !line.serials.isEmpty {
            report.serialTracked.insert(line.sku)
        }
        try cache.operations.set(
            mark,
            to: OperationRow(event: current.event.id, contentHash: .zero, isFinal: nil),
            from: reader
        )
        return .accepted
    }

    /// Refuses the reversal of an event that posted nothing where the log has it: it is parked or was
    /// turned down, or it was a repetition; what was released later has posted in another place.
    mutating func checkPosted(_ located: LocatedEvent) throws(EngineError) {
        var verdict = located.entry?.ruling.verdict
        if verdict == nil {
            let key = ParkedRow.Key(home: located.event.site, event: located.event.id)
            verdict = try cache.parked.row(key, from: reader)?.verdict
        }
        guard let verdict, verdict.hasNoPostings else { return }
        throw .refused(
            "not_reversible",
            "The event \(located.event.id) is \(verdict.text): where it stands it posted nothing.",
            field: "event",
            hint: "Record the opposite event instead, if there is anything to undo."
        )
    }

    private mutating func undo(
        _ current: Current,
        _ original: Current
    ) throws(EngineError) {
        switch original.event.body {
        case .goodsReceived(let receipt): try undoReceipt(current, original, receipt)
        case .shipmentDispatched(let work): try undoDispatch(current, original, work)
        case .packCompleted(let work): try undoPack(current, original, work)
        case .pickCompleted(let work): try undoPick(current, original, work)
        case .unpicked(let work): try undoUnpick(current, original, work)
        case .allocated(let work): try undoAllocation(current, work)
        case .returnReceived(let customerReturn) where customerReturn.orderSite == nil:
            try undoReturn(current, original, customerReturn)
        case .returnDispositioned(let customerReturn):
            try undoDisposition(current, original, customerReturn)
        case .moved(let change), .statusChanged(let change):
            try undoMove(current, original, change)
        case .scrapped(let change):
            try undoPostings(current, original, of: change.lines.map(\.sku))
            for line in change.lines {
                try void(current, StockKey(home: current.site, sku: line.sku), original)
            }
        case .supplierReturnDispatched(let goods):
            try undoSupplierReturn(current, original, goods)
        case .supplierInvoiceMatched(let invoice):
            try postInvoice(current, invoice, isUndone: true)
        case .landedCostAllocated(let cost):
            try postLandedCost(current, cost, isUndone: true)
        case .stockRevalued(let body), .writtenDown(let body):
            try void(current, StockKey(home: current.site, sku: body.sku), original)
        case .repacked: return  // it moved nothing in any layer
        case .adjustmentApproved(let adjustment):
            try undoAdjustment(current, original, adjustment)
        case .itemRegistered, .itemChanged, .itemRetired, .siteRegistered, .policySet,
            .periodClosed, .personRegistered, .personChanged, .personRetired,
            .locationRegistered,
            .locationChanged, .locationRetired, .purchaseOrderPlaced, .purchaseOrderAmended,
            .purchaseOrderClosed, .orderConfirmed, .orderAmended, .orderCancelled,
            .reservationReleased, .backorderPromised, .orderResourced, .orderProgressed,
            .returnReceived, .transferRequested,
            .transferCancelled, .transferDispatched,
            .transferReceived, .transferSettled, .countRecorded, .adjustmentProposed,
            .adjustmentRejected, .reversed, .rightsGranted, .rightsRequested, .rightsReclaimed,
            .rightsThawed, .nodeRegistered, .nodeActivated, .nodeRetired, .conflictResolved,
            .parkedReleased, .parkedCompensated,
            .exceptionAcknowledged, .costAdjusted, .standardCostSet, .costingChanged, .unknown:
            throw .refused(
                "not_reversible",
                "Events of type \(original.event.body.type) cannot be reversed.",
                field: "event",
                hint: "Record the opposite event instead."
            )
        }
    }

    /// Takes back what the history says that the original moved, not what its lines say: units may
    /// have been put on hold, or taken from another status, without its recorder knowing.
    mutating func undoPostings(
        _ current: Current,
        _ original: Current,
        of skus: [SKU]
    ) throws(EngineError) {
        for sku in Set(skus).sorted() {
            let stock = StockKey(home: current.site, sku: sku)
            for posted in try posted(original, stock) {
                try moveStock(stock, posted.location, posted.lot, posted.status, by: -posted.delta)
            }
        }
    }

    /// Moves units back to where they were, and as what.
    private mutating func undoMove(
        _ current: Current,
        _ original: Current,
        _ change: StockChange
    ) throws(EngineError) {
        var undone: Set<SKU> = []
        for line in change.lines where undone.insert(line.sku).inserted {
            let stock = StockKey(home: current.site, sku: line.sku)
            let places = Set(change.lines.flatMap { [$0.location ?? .stock, $0.toLocation] })
            for posted in try posted(original, stock) {
                guard places.contains(posted.location) else {
                    throw .refused(
                        "not_reversible",
                        "The change followed units of \(line.sku) to where they had been taken.",
                        field: "event",
                        hint: "Record the opposite change of status instead."
                    )
                }
                try moveStock(stock, posted.location, posted.lot, posted.status, by: -posted.delta)
            }
        }
    }

    /// What an event moved of a stock, as the history has it.
    mutating func posted(
        _ original: Current,
        _ stock: StockKey
    ) throws(EngineError) -> [PostingRow.Line] {
        let place = original.place()
        let key = PostingRow.Key(stock: stock, place: place)
        return try cache.postings.row(key, from: reader)?.lines ?? []
    }

    private mutating func undoReceipt(
        _ current: Current,
        _ original: Current,
        _ receipt: GoodsReceipt
    ) throws(EngineError) {
        try undoPostings(current, original, of: receipt.lines.map(\.sku))
        for (index, line) in receipt.lines.enumerated() {
            let stock = StockKey(home: current.site, sku: line.sku)
            if let order = receipt.purchaseOrder, let number = line.line {
                let key = PurchaseLineRow.Key(
                    home: current.site,
                    purchaseOrder: order,
                    line: number
                )
                let place = PurchaseReceiptRow.Key(
                    home: current.site,
                    purchaseOrder: order,
                    line: number,
                    receipt: original.event.id,
                    index: UInt32(index)
                )
                try cache.purchaseReceipts.set(place, to: nil, from: reader)
                if var row = try cache.purchaseLines.row(key, from: reader) {
                    row.received = try row.received.minus(line.quantity)
                    let value = try receiptValue(line, at: receipt.rate) ?? .zero
                    row.receivedValue = try row.receivedValue.minus(value)
                    try setPurchaseLine(key, to: row)
                }
            }
            try void(current, stock, original)
        }
    }

    private mutating func undoReturn(
        _ current: Current,
        _ original: Current,
        _ customerReturn: CustomerReturn
    ) throws(EngineError) {
        try undoPostings(current, original, of: customerReturn.lines.map(\.sku))
        for line in customerReturn.lines {
            let stock = StockKey(home: current.site, sku: line.sku)
            if let order = customerReturn.order, let number = line.line {
                let key = OrderLineRow.Key(
                    home: current.site,
                    orderSite: current.site,
                    order: order,
                    line: number
                )
                if var row = try cache.orderLines.row(key, from: reader) {
                    let back = min(row.returned, line.quantity)
                    row.returned = try row.returned.minus(back)
                    try setOrderLine(key, to: row)
                }
            }
            try void(current, stock, original)
        }
    }

    /// Makes returned units wait for a decision again.
    private mutating func undoDisposition(
        _ current: Current,
        _ original: Current,
        _ body: CustomerReturn
    ) throws(EngineError) {
        let key = DocumentKey<ReturnRow>(home: current.site, document: body.returnID)
        guard var row = try cache.returns.row(key, from: reader) else {
            throw .refused("unknown_return", "Return \(body.returnID) is not known.")
        }
        try undoPostings(current, original, of: body.lines.map(\.sku))
        for line in body.lines {
            let stock = StockKey(home: current.site, sku: line.sku)
            if line.disposition == .scrap { try void(current, stock, original) }
            var left = line.quantity
            for index in row.lines.indices.reversed() where row.lines[index].sku == line.sku {
                let back = min(row.lines[index].other, left)
                row.lines[index].other = try row.lines[index].other.minus(back)
                left = try left.minus(back)
            }
        }
        try cache.returns.set(key, to: row, from: reader)
    }

    private mutating func undoAdjustment(
        _ current: Current,
        _ original: Current,
        _ adjustment: Adjustment
    ) throws(EngineError) {
        let key = DocumentKey<AdjustmentRow>(
            home: current.site,
            document: adjustment.adjustment
        )
        guard let row = try cache.adjustments.row(key, from: reader) else {
            throw .refused(
                "unknown_adjustment",
                "Adjustment \(adjustment.adjustment) is not known."
            )
        }
        try undoPostings(current, original, of: row.lines.map(\.sku))
        for line in row.lines {
            try void(current, StockKey(home: current.site, sku: line.sku), original)
        }
    }

    /// Takes an event's movements of one item out of the valuation: posts the negation of what
    /// they posted, and values what came after them as if they had not been.
    mutating func void(
        _ current: Current,
        _ stock: StockKey,
        _ original: Current
    ) throws(EngineError) {
        // The movements of one event lie side by side.
        func bound(_ index: UInt32) -> [UInt8] {
            let place = original.place(index)
            return MovementRow.Key.lowerBound(stock.home, place)
        }
        let rows = try cache.movements.rows(
            from: bound(0),
            to: upperBound(ofPrefix: bound(.max)),
            limit: .max,
            source: reader
        ).filter {
            $0.key.stock == stock && $0.row.event == original.event.id && !$0.row.isVoid
        }
        guard let first = rows.first else { return }
        var valuation = try cache.valuations.row(stock, from: reader) ?? ValuationRow()
        for (rowKey, old) in rows {
            var row = old
            let posted = row.isInward ? row.posted : -row.posted
            let unposted = try row.value.minus(row.posted)
            valuation.unposted = try valuation.unposted.minus(
                row.isInward ? unposted : -unposted
            )
            let paid = row.paid.map { row.isInward ? $0 : -$0 } ?? posted
            try post(stock.home, .inventory, stock.sku, -posted)
            try post(stock.home, row.account, stock.sku, paid.minus(row.landed))
            // What the goods had cost besides their price waits for others.
            try post(stock.home, .landedCostClearing, stock.sku, row.landed)
            try post(stock.home, .purchasePriceVariance, stock.sku, posted.minus(paid))
            if case .orderLine(let site, let order, let number) = row.reference {
                let line = OrderLineRow.Key(
                    home: stock.home,
                    orderSite: site,
                    order: order,
                    line: number
                )
                if var served = try cache.orderLines.row(line, from: reader) {
                    if row.rule == .issue {
                        served.shippedValue = try served.shippedValue.minus(row.value)
                    } else {
                        served.returnedValue = try served.returnedValue.minus(row.value)
                    }
                    try setOrderLine(line, to: served)
                }
            }
            row.isVoid = true
            row.posted = .zero
            row.value = .zero
            row.paid = nil
            row.landed = .zero
            try cache.movements.set(rowKey, to: row, from: reader)
            dues.corrections[stock]?.movements.remove(rowKey.place)
        }
        try cache.valuations.set(stock, to: valuation, from: reader)
        try replay(current, stock, from: first.key.place)
    }
}
