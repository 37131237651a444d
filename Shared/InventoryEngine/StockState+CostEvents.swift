import Causality

/// Money that moves where no goods do: revaluations, changes of costing, landed costs.
extension StockState {
    // MARK: Revaluation

    mutating func postRevaluation(
        _ current: Current,
        _ body: Revaluation,
        account: Account
    ) throws(EngineError) {
        guard try cache.items.row(ItemRow.Key(sku: body.sku), from: reader) != nil else {
            throw EngineError(.unknownSKU, "The SKU \(body.sku) is not in the catalogue.")
        }
        let stock = StockKey(home: current.site, sku: body.sku)
        guard holds(stock.home) else { return }
        var row = MovementRow(
            rule: .revalued,
            event: current.event.id,
            quantity: .zero,
            account: account,
            reference: nil
        )
        let sign = account == .writeDown ? body.amount.map { -$0 } : body.amount
        row.terms = RevaluationTerms(unitCost: body.unitCost, amount: sign)
        try move(current, stock, &row)
    }

    /// Puts a movement of money alone into the history of a stock, and posts it.
    private mutating func move(
        _ current: Current,
        _ stock: StockKey,
        _ row: inout MovementRow
    ) throws(EngineError) {
        try touch(stock)
        let place = current.place()
        try settleOrReplay(current, stock, place, &row)
        try post(stock.home, .inventory, stock.sku, row.value)
        try post(stock.home, row.account, stock.sku, -row.value)
    }

    // MARK: Costing

    /// Another standard cost: stock that is valued by it is revalued at every site that is held.
    mutating func postStandardCostSet(
        _ current: Current,
        _ body: CostingChange
    ) throws(EngineError) {
        var change = ItemChange(sku: body.sku, baseVersion: 0)
        change.standardCost = body.standardCost
        try postItemChanged(current, change)
    }

    /// Tells every stock of an item that is held: what is valued at standard cost is revalued.
    mutating func standardCostChanged(
        _ current: Current,
        _ sku: SKU,
        to cost: ExactDecimal?
    ) throws(EngineError) {
        try setCosting(current, sku, CostingTerms(standard: cost))
    }

    /// Another method, from its time on: what the stock is worth stays as it is.
    mutating func postCostingChanged(
        _ current: Current,
        _ body: CostingChange
    ) throws(EngineError) {
        let key = ItemRow.Key(sku: body.sku)
        guard var item = try cache.items.row(key, from: reader) else {
            throw EngineError(.unknownSKU, "The SKU \(body.sku) is not in the catalogue.")
        }
        guard let method = body.costing else {
            throw .refused("missing_field", "The change names no method.", field: "costing")
        }
        var change = ItemChange(sku: body.sku, baseVersion: 0)
        change.standardCost = body.standardCost
        let old = item.properties.costing
        try edit(current, &item, change, isPosted: old == method)
        item.properties.costing = method
        if old != method { item.version += 1 }
        try cache.items.set(key, to: item, from: reader)
        guard old != method else { return }
        let terms = CostingTerms(method: method, standard: body.standardCost)
        try setCosting(current, body.sku, terms)
    }

    private mutating func setCosting(
        _ current: Current,
        _ sku: SKU,
        _ terms: CostingTerms
    ) throws(EngineError) {
        for stock in try stocks(of: sku) {
            var row = MovementRow(
                rule: .costing,
                event: current.event.id,
                quantity: .zero,
                account: .revaluation,
                reference: nil
            )
            row.sets = terms
            try move(current, stock, &row)
        }
    }

    /// The stocks of an item that have a history here.
    private mutating func stocks(of sku: SKU) throws(EngineError) -> [StockKey] {
        var homes: [SiteCode]
        switch settings.scope {
        case .site(let own): homes = [own]
        case .everything:
            homes = try cache.sites.rows(
                from: [],
                to: upperBound(ofPrefix: []),
                limit: .max,
                source: reader
            ).map(\.key.code)
        }
        var found: [StockKey] = []
        for home in homes {
            let stock = StockKey(home: home, sku: sku)
            if try cache.valuations.row(stock, from: reader) != nil { found.append(stock) }
        }
        return found
    }

    // MARK: Landed cost

    /// Adds to what receipts cost, as of their own time; what this changes in issues is due.
    mutating func postLandedCost(
        _ current: Current,
        _ body: LandedCost,
        isUndone: Bool = false
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        var first: [StockKey: MovementKey] = [:]
        for share in body.shares where !share.amount.isZero {
            let found = try receiptMovement(current, share.receipt, share.line, share.sku)
            guard let (place, old) = found else {
                if isUndone { continue }  // the receipt is reversed, and the cost with it
                throw Self.notReceived(share.receipt, share.line, share.sku)
            }
            var row = old
            let amount = isUndone ? -share.amount : share.amount
            row.landed = try row.landed.plus(amount)
            try addCost(current, share.sku, place, &row, amount, against: .landedCostClearing)
            let stock = StockKey(home: current.site, sku: share.sku)
            first[stock] = min(first[stock] ?? place, place)
        }
        try replay(current, from: first)
    }

    /// A supplier's invoice: what was expected is not outstanding any more, and what it asks beyond
    /// changes what the receipt has cost, as of its own time.
    mutating func postInvoice(
        _ current: Current,
        _ body: InvoiceMatch,
        isUndone: Bool = false
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        var first: [StockKey: MovementKey] = [:]
        for share in body.shares {
            let stock = StockKey(home: current.site, sku: share.sku)
            let found = try receiptMovement(current, share.receipt, share.line, share.sku)
            guard let (place, old) = found else {
                guard isUndone else {
                    throw Self.notReceived(share.receipt, share.line, share.sku)
                }
                // The receipt is reversed: what was invoiced of it stands as owed for nothing.
                try post(stock.home, .goodsReceivedNotInvoiced, stock.sku, -share.amount)
                try post(stock.home, .payable, stock.sku, share.amount)
                continue
            }
            var row = old
            let sign: (Money) -> Money = { isUndone ? -$0 : $0 }
            let units = isUndone ? -share.quantity : share.quantity
            let left = try row.outstanding().quantity
            guard isUndone || units <= left else {
                throw .refused(
                    "already_decided",
                    "Line \(share.line &+ 1) of \(share.receipt) is invoiced already."
                )
            }
            let beyond = sign(try share.amount.minus(share.expected))
            row.invoiced.quantity = try row.invoiced.quantity.plus(units)
            row.invoiced.value = try row.invoiced.value.plus(sign(share.expected))
            row.invoicedBeyond = try row.invoicedBeyond.plus(beyond)
            let expected = sign(share.expected)
            try post(stock.home, .goodsReceivedNotInvoiced, stock.sku, expected)
            try post(stock.home, .payable, stock.sku, -expected)
            try addCost(current, share.sku, place, &row, beyond, against: .payable)
            guard !beyond.isZero else { continue }
            first[stock] = min(first[stock] ?? place, place)
        }
        try replay(current, from: first)
    }

    /// Adds to what a receipt has cost; at standard cost that is a variance.
    private mutating func addCost(
        _ current: Current,
        _ sku: SKU,
        _ place: MovementKey,
        _ row: inout MovementRow,
        _ amount: Money,
        against account: Account
    ) throws(EngineError) {
        let stock = StockKey(home: current.site, sku: sku)
        try touch(stock)
        if row.after.costing.entryCost != nil {
            row.paid = try (row.paid ?? row.value).plus(amount)
            try post(stock.home, .purchasePriceVariance, stock.sku, amount)
        } else {
            row.value = try row.value.plus(amount)
            row.posted = try row.posted.plus(amount)
            try post(stock.home, .inventory, stock.sku, amount, valuedAt: place.effective)
        }
        try post(stock.home, account, stock.sku, -amount, valuedAt: place.effective)
        try cache.movements.set(MovementRow.Key(stock: stock, place: place), to: row, from: reader)
    }

    /// Values stocks anew, each from a movement on.
    private mutating func replay(
        _ current: Current,
        from first: [StockKey: MovementKey]
    ) throws(EngineError) {
        for (stock, place) in first.sorted(by: { $0.key < $1.key }) {
            try replay(current, stock, from: place)
        }
    }

    private static func notReceived(_ receipt: EventID, _ line: UInt32, _ sku: SKU) -> EngineError {
        .refused(
            "not_received",
            "Line \(line &+ 1) of \(receipt) is no receipt of \(sku) that stands."
        )
    }

    /// The movement of a receipt's line; nil if it is not known, or does not stand.
    private mutating func receiptMovement(
        _ current: Current,
        _ receipt: EventID,
        _ line: UInt32,
        _ sku: SKU
    ) throws(EngineError) -> (place: MovementKey, row: MovementRow)? {
        guard let located = try located(receipt), located.event.site == current.site else {
            return nil
        }
        return try receiptMovement(located, line, sku)
    }

    /// The movement of a receipt's line, where the log has the receipt.
    mutating func receiptMovement(
        _ located: LocatedEvent,
        _ line: UInt32,
        _ sku: SKU
    ) throws(EngineError) -> (place: MovementKey, row: MovementRow)? {
        let original = try orderedAsKnown(located)
        let place = original.place(line)
        let stock = StockKey(home: located.event.site, sku: sku)
        let key = MovementRow.Key(stock: stock, place: place)
        guard let row = try cache.movements.row(key, from: reader),
            row.event == located.event.id,
            row.rule == .given, row.account == .goodsReceivedNotInvoiced, !row.isVoid
        else { return nil }
        return (place, row)
    }

    /// An event of the log with its place, as it was posted.
    mutating func orderedAsKnown(_ located: LocatedEvent) throws(EngineError) -> Current {
        let ordering: Ordering =
            if let entry = located.entry {
                .ordered(at: entry.position, entry.ruling)
            } else {
                .pending
            }
        return try naming(Current(event: located.event, ordering: ordering))
    }
}
