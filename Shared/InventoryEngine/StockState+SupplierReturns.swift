import Causality

/// Goods that go back to their supplier.
extension StockState {
    /// The supplier owes what the goods had cost when they arrived; they leave at what the costing
    /// method says, and the difference is purchase price variance.
    mutating func postSupplierReturn(
        _ current: Current,
        _ body: SupplierReturn
    ) throws(EngineError) {
        for line in body.lines {
            try knownItem(line)
            let stock = StockKey(home: current.site, sku: line.sku)
            try takeOut(stock, line, line.status ?? .sellable)
            if let amount = line.amount {
                _ = try issue(
                    current,
                    stock,
                    line.quantity,
                    account: .purchasePriceVariance,
                    settling: (.goodsReceivedNotInvoiced, amount),
                    of: body.receipt
                )
            } else {
                // Nothing says what the goods had cost: the supplier owes what they are worth.
                _ = try issue(
                    current,
                    stock,
                    line.quantity,
                    account: .goodsReceivedNotInvoiced,
                    of: body.receipt
                )
            }
            try noteSupplierReturn(current, body, line, line.quantity, line.amount ?? .zero)
        }
    }

    /// The exact negation; the variance, too, is gone.
    mutating func undoSupplierReturn(
        _ current: Current,
        _ original: Current,
        _ body: SupplierReturn
    ) throws(EngineError) {
        try undoPostings(current, original, of: body.lines.map(\.sku))
        for line in body.lines {
            let stock = StockKey(home: current.site, sku: line.sku)
            if let amount = line.amount {
                try post(stock.home, .goodsReceivedNotInvoiced, stock.sku, -amount)
                try post(stock.home, .purchasePriceVariance, stock.sku, amount)
            }
            try void(current, stock, original)
            try noteSupplierReturn(current, body, line, -line.quantity, -(line.amount ?? .zero))
        }
    }

    /// Remembers what has gone back of the receipt, and of the purchase order's line.
    private mutating func noteSupplierReturn(
        _ current: Current,
        _ body: SupplierReturn,
        _ line: EventLine,
        _ quantity: Quantity,
        _ value: Money
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        if let receipt = body.receipt {
            let key = ReturnedReceiptRow.Key(
                home: current.site,
                receipt: receipt,
                sku: line.sku
            )
            var row = try cache.returnedReceipts.row(key, from: reader) ?? ReturnedReceiptRow()
            row.quantity = try row.quantity.plus(quantity)
            row.value = try row.value.plus(value)
            try cache.returnedReceipts.set(key, to: row, from: reader)
        }
        guard let order = body.purchaseOrder, let number = line.line else { return }
        let key = PurchaseLineRow.Key(home: current.site, purchaseOrder: order, line: number)
        guard var row = try cache.purchaseLines.row(key, from: reader), row.sku == line.sku else {
            return
        }
        row.returned = try row.returned.plus(quantity)
        row.returnedValue = try row.returnedValue.plus(value)
        if quantity.units > 0, row.returned > row.received {
            raise(
                "over_return",
                line.sku,
                "More of \(line.sku) went back on \(order) than had arrived on it."
            )
        }
        try setPurchaseLine(key, to: row)
    }
}
