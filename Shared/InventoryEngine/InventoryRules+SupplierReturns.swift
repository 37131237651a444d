import Causality

/// What goods had cost that go back to their supplier.
extension Decider {
    /// What came and has not gone back, and what it had cost.
    private struct Arrived {
        var received = CostPart(value: .zero, quantity: .zero)
        var returned = CostPart(value: .zero, quantity: .zero)
    }

    /// Freezes the original cost of each line: of the receipt that is named, else of the purchase
    /// order's line, else of the item's last receipt, else the standard cost.
    mutating func returned(_ goods: SupplierReturn) throws(EngineError) -> SupplierReturn {
        var goods = goods
        goods.lines = try resolve(goods.lines)
        try place(&goods.lines, status: .sellable)
        try fillLots(&goods.lines)
        let receipt = try receipt(of: &goods)
        if receipt == nil, let order = goods.purchaseOrder {
            try matchPurchaseLines(&goods.lines, order)
        }
        var sources: [SKU: Arrived] = [:]
        for index in goods.lines.indices {
            var line = goods.lines[index]
            if let receipt { line.line = line.line ?? number(of: line.sku, in: receipt) }
            var source: Arrived?
            if let known = sources[line.sku] {
                source = known
            } else if let receipt, let event = goods.receipt {
                source = try arrived(line.sku, in: receipt, event)
            } else if let order = goods.purchaseOrder, let number = line.line {
                source = try arrived(line.sku, on: order, number)
            }
            if var source {
                line.amount = try amount(of: line, from: &source, "lines[\(index)]")
                sources[line.sku] = source
            } else {
                if receipt != nil || goods.purchaseOrder != nil, !isForced {
                    throw notReceived(line.sku, "lines[\(index)].sku")
                }
                line.amount = try usualCost(of: line)
            }
            goods.lines[index] = line
        }
        return goods
    }

    /// The receipt that a return names, with its purchase order filled in.
    private mutating func receipt(
        of goods: inout SupplierReturn
    ) throws(EngineError) -> GoodsReceipt? {
        guard let event = goods.receipt else { return nil }
        guard let located = try state.located(event), located.event.site == site,
            case .goodsReceived(let receipt) = located.event.body
        else {
            throw .refused(
                "unknown_receipt",
                "The event \(event) is not a receipt of \(site).",
                field: "event",
                hint: "Look it up with the events of type goods_received."
            )
        }
        guard try state.reversalMark(of: event, at: site) == nil else {
            throw .refused(
                "already_reversed",
                "The receipt \(event) is reversed: nothing came with it.",
                field: "event"
            )
        }
        guard goods.purchaseOrder == nil || goods.purchaseOrder == receipt.purchaseOrder else {
            throw .refused(
                "receipt_differs",
                "The receipt \(event) is not of that purchase order.",
                field: "purchase_order",
                hint: "Leave one of the two out."
            )
        }
        goods.purchaseOrder = receipt.purchaseOrder
        return receipt
    }

    private func number(of sku: SKU, in receipt: GoodsReceipt) -> Int32? {
        receipt.lines.first { $0.sku == sku }?.line
    }

    private mutating func arrived(
        _ sku: SKU,
        in receipt: GoodsReceipt,
        _ event: EventID
    ) throws(EngineError) -> Arrived? {
        var found = Arrived()
        for line in receipt.lines where line.sku == sku {
            let value = try state.receiptValue(line, at: receipt.rate) ?? .zero
            found.received.value = try found.received.value.plus(value)
            found.received.quantity = try found.received.quantity.plus(line.quantity)
        }
        guard !found.received.quantity.isZero else { return nil }
        let key = ReturnedReceiptRow.Key(home: site, receipt: event, sku: sku)
        if let row = try state.cache.returnedReceipts.row(key, from: state.reader) {
            found.returned = CostPart(value: row.value, quantity: row.quantity)
        }
        return found
    }

    private mutating func arrived(
        _ sku: SKU,
        on order: DocumentID,
        _ number: Int32
    ) throws(EngineError) -> Arrived? {
        let key = PurchaseLineRow.Key(home: site, purchaseOrder: order, line: number)
        guard let row = try state.cache.purchaseLines.row(key, from: state.reader),
            row.sku == sku, row.received.units > 0
        else { return nil }
        return Arrived(
            received: CostPart(value: row.receivedValue, quantity: row.received),
            returned: CostPart(value: row.returnedValue, quantity: row.returned)
        )
    }

    /// The line's share of what is left, so that the last unit takes what rounding left over.
    private func amount(
        of line: EventLine,
        from source: inout Arrived,
        _ field: String
    ) throws(EngineError) -> Money {
        let left = try source.received.quantity.minus(source.returned.quantity)
        let value: Money
        if line.quantity <= left {
            let rest = try source.received.value.minus(source.returned.value)
            value = try rest.share(line.quantity, of: left)
        } else if isForced {
            value = try source.received.value(of: line.quantity)
        } else {
            throw .refused(
                "over_return",
                "Only \(left.units) units of \(line.sku) are left of what arrived.",
                field: "\(field).quantity",
                hint: "Check the quantity, or insist with force."
            )
        }
        source.returned.quantity = try source.returned.quantity.plus(line.quantity)
        source.returned.value = try source.returned.value.plus(value)
        return value
    }

    private func notReceived(_ sku: SKU, _ field: String) -> EngineError {
        .refused(
            "not_received",
            "\(sku) did not come with that receipt or purchase order.",
            field: field,
            hint: "Check the item, or insist with force."
        )
    }

    /// What goods cost whose receipt nobody names.
    private mutating func usualCost(of line: EventLine) throws(EngineError) -> Money? {
        let stock = StockKey(home: site, sku: line.sku)
        if let last = try state.cache.valuations.row(stock, from: state.reader)?.pool.lastReceipt,
            !last.quantity.isZero
        {
            return try last.value(of: line.quantity)
        }
        return try item(line.sku, field: "sku").properties.standardCost?.value(
            of: line.quantity,
            quantityScale: line.scale,
            moneyScale: state.settings.moneyScale
        )
    }
}
