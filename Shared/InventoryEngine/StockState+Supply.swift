import Causality

/// Purchase orders, and goods that arrive from suppliers.
extension StockState {
    mutating func postPurchaseOrder(
        _ current: Current,
        _ placed: PurchaseOrder,
        isAmended: Bool
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        var body = placed
        if !isAmended { body.purchaseOrder = try namePurchaseOrder(current, body.purchaseOrder) }
        let key = DocumentKey<PurchaseOrderRow>(
            home: current.site,
            document: body.purchaseOrder
        )
        var order =
            try cache.purchaseOrders.row(key, from: reader)
            ?? PurchaseOrderRow(supplier: body.supplier)
        if let supplier = body.supplier { order.supplier = supplier }
        if !isAmended { order.placedBy = current.ref }
        for line in body.lines {
            try knownItem(line)
            let number = line.line ?? 1
            let lineKey = PurchaseLineRow.Key(
                home: current.site,
                purchaseOrder: body.purchaseOrder,
                line: number
            )
            var row =
                try cache.purchaseLines.row(lineKey, from: reader) ?? PurchaseLineRow(sku: line.sku)
            guard row.sku == line.sku else {
                throw .refused("line_differs", "Line \(number) orders another SKU.")
            }
            let agreed = row.unitCost
            row.ordered = line.quantity
            if let cost = line.unitCost { row.unitCost = cost }
            if isAmended {
                row.changedBy.note(current.ref)
                if row.received > row.ordered || row.unitCost != agreed,
                    let receipt = unknown(row.lastReceipt, to: current)
                {
                    try raiseAgainstChange(current, with: receipt, lineKey, row)
                }
            }
            try setPurchaseLine(lineKey, to: row)
            if !order.lines.contains(number) { order.lines.append(number) }
        }
        order.lines.sort()
        try cache.purchaseOrders.set(key, to: order, from: reader)
    }

    mutating func postPurchaseOrderClosed(
        _ current: Current,
        _ body: PurchaseOrder
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        let key = DocumentKey<PurchaseOrderRow>(
            home: current.site,
            document: body.purchaseOrder
        )
        guard var order = try cache.purchaseOrders.row(key, from: reader) else {
            throw .refused(
                "unknown_purchase_order",
                "Purchase order \(body.purchaseOrder) is not known."
            )
        }
        order.closedBy = current.ref
        for number in order.lines {
            let lineKey = PurchaseLineRow.Key(
                home: current.site,
                purchaseOrder: body.purchaseOrder,
                line: number
            )
            guard var row = try cache.purchaseLines.row(lineKey, from: reader) else { continue }
            row.isClosed = true
            row.changedBy.note(current.ref)
            if let receipt = unknown(row.lastReceipt, to: current) {
                try raiseAgainstChange(current, with: receipt, lineKey, row)
            }
            try setPurchaseLine(lineKey, to: row)
        }
        try cache.purchaseOrders.set(key, to: order, from: reader)
    }

    mutating func postGoodsReceived(
        _ current: Current,
        _ body: GoodsReceipt
    ) throws(EngineError) {
        for (index, line) in body.lines.enumerated() {
            try knownItem(line)
            let stock = StockKey(home: current.site, sku: line.sku)
            var held = Quantity.zero
            if let order = body.purchaseOrder {
                held = try receiveOnOrder(current, order, line, at: body.rate)
                try noteReceipt(current, order, line, UInt32(index))
            }
            let location = line.location ?? .stock
            let status = line.status ?? .sellable
            try noteExpiry(stock, line)
            try moveStock(stock, location, line.lot, status, by: line.quantity.minus(held))
            try moveStock(stock, location, line.lot, .hold, by: held)
            let known = try receiptValue(line, at: body.rate)
            if known == nil {
                raise("cost_unknown", line.sku, "\(line.sku) was received at no known cost.")
            }
            _ = try enter(
                current,
                stock,
                line.quantity,
                rule: .given,
                given: known ?? .zero,
                account: .goodsReceivedNotInvoiced
            )
        }
    }

    /// Remembers which receipts a purchase order's line has, so that what they cost besides their
    /// price finds them.
    private mutating func noteReceipt(
        _ current: Current,
        _ order: DocumentID,
        _ line: EventLine,
        _ index: UInt32
    ) throws(EngineError) {
        guard holds(current.site), let number = line.line else { return }
        let key = PurchaseReceiptRow.Key(
            home: current.site,
            purchaseOrder: order,
            line: number,
            receipt: current.event.id,
            index: index
        )
        cache.purchaseReceipts.insert(key, PurchaseReceiptRow(quantity: line.quantity))
    }

    /// What a receipt's line says that its goods cost; nil where it says nothing.
    ///
    /// With a rate the line is in another currency.
    func receiptValue(
        _ line: EventLine,
        at rate: ExactDecimal?
    ) throws(EngineError) -> Money? {
        if let amount = line.amount {
            guard let rate else { return amount }
            return try Money(
                roundedHalfUp: Int128(amount.units) * Int128(rate.mantissa),
                dividedBy: powerOfTen(rate.scale)
            )
        }
        return try line.unitCost?.value(
            of: line.quantity,
            quantityScale: line.scale,
            moneyScale: settings.moneyScale,
            at: rate
        )
    }

    /// Counts a receipt against its purchase order line.
    ///
    /// - Returns: The units to hold back, because a concurrent receipt of the same line may be the
    ///   same goods.
    private mutating func receiveOnOrder(
        _ current: Current,
        _ order: DocumentID,
        _ line: EventLine,
        at rate: ExactDecimal?
    ) throws(EngineError) -> Quantity {
        guard holds(current.site) else { return .zero }
        guard let number = line.line else {
            raise(
                "unknown_purchase_order",
                line.sku,
                "\(line.sku) arrived on purchase order \(order), which does not name it."
            )
            return .zero
        }
        let key = PurchaseLineRow.Key(home: current.site, purchaseOrder: order, line: number)
        guard var row = try cache.purchaseLines.row(key, from: reader), row.sku == line.sku else {
            raise(
                "unknown_purchase_order",
                line.sku,
                "Line \(number) of purchase order \(order) is not known for \(line.sku)."
            )
            return .zero
        }
        let before = row.received
        row.received = try before.plus(line.quantity)
        row.receivedValue = try row.receivedValue.plus(receiptValue(line, at: rate) ?? .zero)
        let excess = min(try row.received.minus(row.ordered).clampedToZero, line.quantity)
        var held = Quantity.zero
        let last = excess.units > 0 ? unknown(row.lastReceipt, to: current) : nil
        if let last {
            held = excess
            try raiseConflict(
                .receivedTwice,
                current,
                with: last,
                sku: line.sku,
                subject: "\(order)/\(number)",
                resolution: "Both receipts stand; what exceeds the order is on hold.",
                before: "ordered \(row.ordered.units), received \(before.units)",
                after: "received \(row.received.units), on hold \(held.units)",
                compensation: "Look whether the goods are there twice, then release or reverse.",
                isResolved: false
            )
        }
        let isOther = line.unitCost != nil && line.unitCost != row.unitCost
        if row.isClosed || excess.units > 0 || isOther,
            let change = unknown(row.changedBy, to: current)
        {
            try raiseAgainstChange(current, with: change, key, row)
        } else if last == nil, row.isClosed || excess.units > 0 {
            raise(
                "over_delivery",
                line.sku,
                "More of \(line.sku) arrived on \(order) than is on order."
            )
        }
        row.lastReceipt.note(current.ref)
        try setPurchaseLine(key, to: row)
        return held
    }

    /// What arrived stands, and so does the change of the purchase order, whichever comes first.
    private mutating func raiseAgainstChange(
        _ current: Current,
        with other: EventRef,
        _ key: PurchaseLineRow.Key,
        _ row: PurchaseLineRow
    ) throws(EngineError) {
        let what = row.isClosed ? "closed" : "amended"
        try raiseConflict(
            .receivedAgainstChange,
            current,
            with: other,
            sku: row.sku,
            subject: "\(key.purchaseOrder)/\(key.line)",
            resolution: "The goods are received; the purchase order stays \(what).",
            before: "received and \(what), neither knowing of the other",
            after: "ordered \(row.ordered.units), received \(row.received.units), \(what)",
            compensation: "Agree with the supplier on what to keep, and at which price.",
            isResolved: true
        )
    }
}
