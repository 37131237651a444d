import Causality

/// Decisions about what goods are worth.
extension Decider {
    mutating func revalued(
        _ body: Revaluation,
        isWriteDown: Bool
    ) throws(EngineError) -> Revaluation {
        let item = try item(body.sku, field: "sku")
        try InventoryRules.checkText(body.reason, field: "reason")
        try InventoryRules.checkDecimals(body.unitCost, field: "unit_cost")
        guard (body.unitCost == nil) != (body.amount == nil) else {
            throw .refused(
                body.amount == nil ? "missing_field" : "cost_twice",
                "Say either what a unit is worth, or by how much the stock changes.",
                field: "amount"
            )
        }
        guard isWriteDown || item.properties.costing != .standard else {
            throw .refused(
                "valued_at_standard",
                "\(body.sku) is valued at its standard cost.",
                field: "sku",
                hint: "Set another standard cost instead."
            )
        }
        let stock = StockKey(home: site, sku: body.sku)
        let pool = try state.cache.valuations.row(stock, from: state.reader)?.pool
        guard let pool, pool.held.units > 0 else {
            throw .refused(
                "nothing_on_hand",
                "There is no \(body.sku) at \(site) that could be worth something else.",
                field: "sku"
            )
        }
        if let amount = body.amount {
            let after =
                try isWriteDown
                ? pool.heldValue.minus(amount) : pool.heldValue.plus(amount)
            guard after.units >= 0 else {
                throw .refused(
                    "value_negative",
                    "The stock would be worth less than nothing.",
                    field: "amount",
                    hint: "It is worth \(pool.heldValue.units) units of the money scale."
                )
            }
        }
        try checkWriteUp(body, pool, isWriteDown)
        return body
    }

    /// A write-down is taken back as far as there was one, and no further (IAS 2, paragraph 33).
    private mutating func checkWriteUp(
        _ body: Revaluation,
        _ pool: CostPool,
        _ isWriteDown: Bool
    ) throws(EngineError) {
        guard isWriteDown, !isForced else { return }
        var up = body.amount.map { -$0 } ?? .zero
        if let unitCost = body.unitCost {
            let item = try state.cache.items.row(ItemRow.Key(sku: body.sku), from: state.reader)
            up = try unitCost.value(
                of: pool.held,
                quantityScale: item?.properties.scale ?? 0,
                moneyScale: state.settings.moneyScale
            ).minus(pool.heldValue)
        }
        guard up > pool.writtenDown else { return }
        throw .refused(
            "above_cost",
            "Only what was written down can be taken back.",
            field: body.amount == nil ? "unit_cost" : "amount",
            hint: "With force, it is taken back as far as it was."
        )
    }

    mutating func decidedStandard(_ body: CostingChange) throws(EngineError) -> CostingChange {
        _ = try item(body.sku, field: "sku")
        try InventoryRules.checkDecimals(body.standardCost, field: "standard_cost")
        guard body.standardCost != nil else {
            throw .refused(
                "missing_field",
                "Say what a unit costs by the standard.",
                field: "standard_cost"
            )
        }
        return CostingChange(sku: body.sku, standardCost: body.standardCost)
    }

    mutating func decidedMethod(_ body: CostingChange) throws(EngineError) -> CostingChange {
        let item = try item(body.sku, field: "sku")
        try InventoryRules.checkDecimals(body.standardCost, field: "standard_cost")
        guard let method = body.costing else {
            throw .refused("missing_field", "Say which method.", field: "costing")
        }
        guard method != item.properties.costing else {
            throw .refused(
                "already_so",
                "\(body.sku) is valued by \(method.text) already.",
                field: "costing"
            )
        }
        return body
    }

    /// Splits a landed cost over the lines of receipts.
    mutating func allocated(_ body: LandedCost) throws(EngineError) -> LandedCost {
        guard body.amount.units > 0 else {
            throw .refused(
                "amount_not_positive",
                "A landed cost is more than zero.",
                field: "amount",
                hint: "To take one back, reverse its event."
            )
        }
        guard (body.purchaseOrder == nil) != body.receipts.isEmpty else {
            throw .refused(
                "missing_field",
                "Name either the purchase order or the receipts.",
                field: body.receipts.isEmpty ? "events" : "purchase_order"
            )
        }
        var shares: [LandedCost.Share] = []
        var weights: [(value: Int128, quantity: Int128)] = []
        func add(
            _ share: LandedCost.Share,
            _ line: EventLine,
            at rate: ExactDecimal?
        ) throws(EngineError) {
            shares.append(share)
            let value = try state.receiptValue(line, at: rate) ?? .zero
            weights.append(
                (
                    Int128(value.units),
                    Int128(line.quantity.units) * powerOfTen(6 - min(line.scale, 6))
                )
            )
        }
        if let order = body.purchaseOrder {
            for key in try receipts(on: order) {
                let receipt = try receipt(key.receipt, "purchase_order")
                guard let line = receipt.lines.dropFirst(Int(key.index)).first else { continue }
                try add(
                    LandedCost.Share(
                        receipt: key.receipt,
                        line: key.index,
                        sku: line.sku,
                        amount: .zero
                    ),
                    line,
                    at: receipt.rate
                )
            }
        }
        for (index, event) in body.receipts.enumerated() {
            guard !body.receipts.prefix(index).contains(event) else {
                throw .refused(
                    "receipt_repeated",
                    "\(event) is named twice.",
                    field: "events[\(index)]"
                )
            }
            let receipt = try receipt(event, "events[\(index)]")
            for (number, line) in receipt.lines.enumerated() {
                let share = LandedCost.Share(
                    receipt: event,
                    line: UInt32(number),
                    sku: line.sku,
                    amount: .zero
                )
                try add(share, line, at: receipt.rate)
            }
        }
        guard !shares.isEmpty, shares.count <= InventoryRules.linesMax else {
            throw .refused(
                "nothing_received",
                "Nothing has been received there that could share the cost.",
                field: body.receipts.isEmpty ? "purchase_order" : "events"
            )
        }
        var keys = weights.map { body.basis == .value ? $0.value : $0.quantity }
        // What cost nothing shares by its quantity.
        if keys.allSatisfy({ $0 == 0 }) { keys = weights.map(\.quantity) }
        var decided = body
        for (index, amount) in try body.amount.split(by: keys).enumerated() {
            shares[index].amount = amount
        }
        decided.shares = shares
        return decided
    }

    /// The receipts of a purchase order.
    private mutating func receipts(
        on order: DocumentID
    ) throws(EngineError) -> [PurchaseReceiptRow.Key] {
        let prefix = PurchaseReceiptRow.Key.prefix(site, order)
        return try state.cache.purchaseReceipts.rows(
            from: prefix,
            to: upperBound(ofPrefix: prefix),
            limit: InventoryRules.linesMax,
            source: state.reader
        ).map(\.key)
    }

    // MARK: Invoices

    /// What of a receipt's line nobody has invoiced yet.
    private struct Outstanding {
        var receipt: EventID
        var line: UInt32
        /// The line of the purchase order.
        var number: Int32?
        var sku: SKU
        var place: MovementKey
        var left: CostPart
    }

    /// Finds the receipts that an invoice is for, the oldest first, and what was expected for them.
    mutating func matched(_ invoice: InvoiceMatch) throws(EngineError) -> InvoiceMatch {
        guard (invoice.purchaseOrder == nil) != (invoice.receipt == nil) else {
            throw .refused(
                "missing_field",
                "Name either the purchase order or the receipt.",
                field: invoice.receipt == nil ? "event" : "purchase_order"
            )
        }
        var decided = invoice
        decided.lines = try resolve(invoice.lines)
        var open = try outstanding(invoice)
        decided.shares = []
        for (index, line) in decided.lines.enumerated() {
            try InventoryRules.checkDecimals(line.unitCost, field: "lines[\(index)].unit_cost")
            guard (line.unitCost == nil) != (line.amount == nil) else {
                throw .refused(
                    line.amount == nil ? "missing_field" : "cost_twice",
                    "Say either what a unit costs, or what the line does.",
                    field: "lines[\(index)].amount"
                )
            }
            var left = CostPart(
                value: try state.receiptValue(line, at: nil) ?? .zero,
                quantity: line.quantity
            )
            for place in open.indices where open[place].sku == line.sku && left.quantity.units > 0 {
                guard line.line == nil || open[place].number == line.line else { continue }
                let units = min(left.quantity, open[place].left.quantity)
                guard units.units > 0 else { continue }
                let expected = try open[place].left.take(units)
                let asked = try left.take(units)
                decided.shares.append(
                    InvoiceMatch.Share(
                        receipt: open[place].receipt,
                        line: open[place].line,
                        sku: line.sku,
                        quantity: units,
                        amount: asked.value,
                        expected: expected.value
                    )
                )
            }
            guard left.quantity.isZero else {
                throw .refused(
                    "over_invoiced",
                    "\(left.quantity.units) units of \(line.sku) were not received, or are invoiced.",
                    field: "lines[\(index)].quantity",
                    hint: "Record what has arrived first, or ask the supplier."
                )
            }
        }
        return decided
    }

    private mutating func outstanding(
        _ invoice: InvoiceMatch
    ) throws(EngineError) -> [Outstanding] {
        var open: [Outstanding] = []
        func add(_ receipt: EventID, _ index: UInt32, _ line: EventLine) throws(EngineError) {
            guard let located = try state.located(receipt),
                let (place, row) = try state.receiptMovement(located, index, line.sku)
            else { return }
            open.append(
                Outstanding(
                    receipt: receipt,
                    line: index,
                    number: line.line,
                    sku: line.sku,
                    place: place,
                    left: try row.outstanding()
                )
            )
        }
        if let receipt = invoice.receipt {
            for (index, line) in try self.receipt(receipt, "event").lines.enumerated() {
                try add(receipt, UInt32(index), line)
            }
        } else if let order = invoice.purchaseOrder {
            for key in try receipts(on: order) {
                let lines = try receipt(key.receipt, "purchase_order").lines
                guard let line = lines.dropFirst(Int(key.index)).first else { continue }
                try add(key.receipt, key.index, line)
            }
        }
        return open.sorted { $0.place < $1.place }
    }

    /// The lines of a receipt that stands.
    private mutating func receipt(
        _ receipt: EventID,
        _ field: String
    ) throws(EngineError) -> GoodsReceipt {
        guard let located = try state.located(receipt), located.event.site == site,
            case .goodsReceived(let goods) = located.event.body
        else {
            throw .refused(
                "not_received",
                "\(receipt) is no receipt of \(site).",
                field: field
            )
        }
        guard try state.reversalMark(of: receipt, at: site) == nil else {
            throw .refused("already_reversed", "\(receipt) is reversed.", field: field)
        }
        try state.checkPosted(located)
        return goods
    }
}
