import Causality

/// How movements get their values: at once in the order of events, by replay when a fact is late.
extension StockState {
    /// Adds one line to the journal entry of the event at hand; a debit is positive.
    mutating func post(
        _ site: SiteCode,
        _ account: Account,
        _ sku: SKU,
        _ amount: Money,
        valuedAt: Instant? = nil
    ) throws(EngineError) {
        guard !amount.isZero else { return }
        report.journal.append(
            JournalLine(site: site, account: account, sku: sku, amount: amount, valuedAt: valuedAt)
        )
        guard holds(site) else { return }
        let key = AccountRow.Key(home: site, account: account)
        var row = try cache.accounts.row(key, from: reader) ?? AccountRow()
        if amount.units > 0 {
            row.debit = try row.debit.plus(amount)
        } else {
            row.credit = try row.credit.minus(amount)
        }
        try cache.accounts.set(key, to: row, from: reader)
        if account == .inventory {
            try changeSummary(StockKey(home: site, sku: sku)) { (summary) throws(EngineError) in
                summary.value = try summary.value.plus(amount)
            }
        }
    }

    /// The place of the next valued movement of the event at hand.
    private mutating func nextMovement(_ current: Current) -> MovementKey {
        defer { report.movements += 1 }
        return MovementKey(
            effective: current.effective,
            position: current.position ?? HubPosition(UInt64.max),
            sequence: current.event.id.sequence,
            index: report.movements
        )
    }

    /// The next value that the hub computed, for a site whose rows are not held here.
    private mutating func nextCarried(_ current: Current) -> Money {
        defer { report.carriedRead += 1 }
        guard report.carriedRead < current.carried.count else { return .zero }
        return current.carried[report.carriedRead]
    }

    /// Units enter the stock of a site.
    ///
    /// Under the rules `given` and `ofIssue` their value is `given`; without one it is the current
    /// cost. The other side of inventory is `account`, at `accountSite`.
    mutating func enter(
        _ current: Current,
        _ stock: StockKey,
        _ quantity: Quantity,
        rule: MovementRow.Rule,
        given: Money?,
        account: Account,
        accountSite: SiteCode? = nil,
        reference: MovementReference? = nil,
        carries: Bool = false
    ) throws(EngineError) -> (value: Money, movement: MovementKey?) {
        guard !quantity.isZero else { return (.zero, nil) }
        guard holds(stock.home) else {
            let value = carries ? nextCarried(current) : given ?? .zero
            try post(stock.home, .inventory, stock.sku, value)
            try post(accountSite ?? stock.home, account, stock.sku, -value)
            return (value, nextMovement(current))
        }
        try touch(stock)
        var valuation = try cache.valuations.row(stock, from: reader) ?? ValuationRow()
        let movement = nextMovement(current)
        var value = given ?? .zero
        if given == nil { value = try currentValue(valuation.pool, stock, quantity) }
        let isLate = valuation.lastMovement.map { movement < $0 } ?? false
        if isLate || !valuation.pool.shortfalls.isEmpty {
            value = try insertAndReplay(
                current,
                stock,
                movement,
                rule,
                quantity,
                value,
                account,
                reference
            )
        } else {
            _ = try valuation.pool.receive(
                quantity,
                worth: value,
                isReceipt: rule == .given && account != .costOfGoodsSold
            )
            try addMovement(
                &valuation,
                stock,
                movement,
                MovementRow(
                    rule: rule,
                    event: current.event.id,
                    quantity: quantity,
                    posted: value,
                    value: value,
                    account: account,
                    reference: reference,
                    after: valuation.pool
                )
            )
            try cache.valuations.set(stock, to: valuation, from: reader)
        }
        if carries, current.isShared { report.carried.append(value) }
        if carries { report.carriedRead += 1 }
        try post(stock.home, .inventory, stock.sku, value)
        try post(accountSite ?? stock.home, account, stock.sku, -value)
        return (value, movement)
    }

    /// Units leave the stock of a site at what the costing method says.
    ///
    /// The other side of inventory is `account`; with `settling` a fixed amount goes to an account
    /// of its own, and `account` takes the difference.
    ///
    /// - Returns: What they cost.
    mutating func issue(
        _ current: Current,
        _ stock: StockKey,
        _ quantity: Quantity,
        account: Account,
        settling: (account: Account, amount: Money)? = nil,
        reference: MovementReference? = nil,
        carries: Bool = false
    ) throws(EngineError) -> Money {
        guard !quantity.isZero else { return .zero }
        guard holds(stock.home) else {
            let value = carries ? nextCarried(current) : .zero
            _ = nextMovement(current)
            try post(stock.home, .inventory, stock.sku, -value)
            try postIssue(stock, value, account, settling)
            return value
        }
        try touch(stock)
        var valuation = try cache.valuations.row(stock, from: reader) ?? ValuationRow()
        let movement = nextMovement(current)
        var value = Money.zero
        if let last = valuation.lastMovement, movement < last {
            value = try insertAndReplay(
                current,
                stock,
                movement,
                .issue,
                quantity,
                .zero,
                account,
                reference
            )
        } else {
            let standard = try standardCost(of: stock.sku)
            let moneyScale = settings.moneyScale
            value = try valuation.pool.issue(quantity, by: movement) {
                (beyond) throws(EngineError) in
                try standard?.cost.value(
                    of: beyond,
                    quantityScale: standard?.scale ?? 0,
                    moneyScale: moneyScale
                ) ?? .zero
            }
            if valuation.pool.lastIssue == nil, standard == nil {
                raise(
                    "cost_unknown",
                    stock.sku,
                    "\(stock.sku) left at no known cost.",
                    at: stock.home
                )
            }
            try addMovement(
                &valuation,
                stock,
                movement,
                MovementRow(
                    rule: .issue,
                    event: current.event.id,
                    quantity: quantity,
                    posted: value,
                    value: value,
                    account: account,
                    reference: reference,
                    after: valuation.pool
                )
            )
            try cache.valuations.set(stock, to: valuation, from: reader)
        }
        if carries, current.isShared { report.carried.append(value) }
        if carries { report.carriedRead += 1 }
        try post(stock.home, .inventory, stock.sku, -value)
        try postIssue(stock, value, account, settling)
        return value
    }

    private mutating func postIssue(
        _ stock: StockKey,
        _ value: Money,
        _ account: Account,
        _ settling: (account: Account, amount: Money)?
    ) throws(EngineError) {
        if let settling {
            try post(stock.home, settling.account, stock.sku, settling.amount)
        }
        let rest = try value.minus(settling?.amount ?? .zero)
        try post(stock.home, account, stock.sku, rest)
    }

    /// What units are worth that enter without a cost: current, else last held, else standard,
    /// else nothing with an exception.
    mutating func currentValue(
        _ pool: CostPool,
        _ stock: StockKey,
        _ quantity: Quantity,
        isSilent: Bool = false
    ) throws(EngineError) -> Money {
        if let value = try pool.currentValue(of: quantity) { return value }
        guard let standard = try standardCost(of: stock.sku) else {
            if !isSilent {
                raise(
                    "cost_unknown",
                    stock.sku,
                    "\(stock.sku) entered at no known cost.",
                    at: stock.home
                )
            }
            return .zero
        }
        return try standard.cost.value(
            of: quantity,
            quantityScale: standard.scale,
            moneyScale: settings.moneyScale
        )
    }

    private mutating func standardCost(
        of sku: SKU
    ) throws(EngineError) -> (cost: ExactDecimal, scale: UInt8)? {
        guard let item = try cache.items.row(ItemRow.Key(sku: sku), from: reader),
            let cost = item.properties.standardCost
        else { return nil }
        return (cost, item.properties.scale)
    }

    /// Adds a movement of the event at hand to the history; the caller stores the valuation.
    private mutating func addMovement(
        _ valuation: inout ValuationRow,
        _ stock: StockKey,
        _ movement: MovementKey,
        _ row: MovementRow
    ) throws(EngineError) {
        valuation.lastMovement = try insert(
            row,
            into: \.movements,
            stock,
            at: movement,
            after: valuation.lastMovement
        )
    }

    private mutating func setMovement(
        _ stock: StockKey,
        _ movement: MovementKey,
        _ row: MovementRow
    ) throws(EngineError) {
        try cache.movements.set(
            MovementRow.Key(stock: stock, place: movement),
            to: row,
            from: reader
        )
    }

    /// Puts a late movement into its place in time and values all that comes after it anew.
    ///
    /// - Returns: What the new movement is worth.
    private mutating func insertAndReplay(
        _ current: Current,
        _ stock: StockKey,
        _ movement: MovementKey,
        _ rule: MovementRow.Rule,
        _ quantity: Quantity,
        _ value: Money,
        _ account: Account,
        _ reference: MovementReference?
    ) throws(EngineError) -> Money {
        var row = MovementRow(
            rule: rule,
            event: current.event.id,
            quantity: quantity,
            posted: value,
            value: value,
            account: account,
            reference: reference,
            after: CostPool()
        )
        var before = try cache.valuations.row(stock, from: reader) ?? ValuationRow()
        try addMovement(&before, stock, movement, row)
        try cache.valuations.set(stock, to: before, from: reader)
        try replay(current, stock, from: movement, inserted: movement)
        let key = MovementRow.Key(stock: stock, place: movement)
        guard let replayed = try cache.movements.row(key, from: reader) else {
            throw .damaged("A movement is missing from the history.")
        }
        // The event posts its own movement at once, and notes what it cost at its document line;
        // the others wait for a *cost adjusted* entry.
        let unposted = try replayed.value.minus(replayed.posted)
        try correctOrderLine(replayed, stock, -unposted)
        row = replayed
        row.posted = replayed.value
        try setMovement(stock, movement, row)
        var valuation = try cache.valuations.row(stock, from: reader) ?? ValuationRow()
        valuation.unposted = try valuation.unposted.minus(
            row.isInward ? unposted : -unposted
        )
        try cache.valuations.set(stock, to: valuation, from: reader)
        dues.corrections[stock]?.movements.remove(movement)
        if dues.corrections[stock]?.movements.isEmpty == true { dues.corrections[stock] = nil }
        return row.value
    }

    /// Values the history of one item anew from a movement on, in effective order.
    ///
    /// Replay starts at the last movement before that left no shortfall, since a shortfall's
    /// provisional cost is settled by what covers it. What changes is noted as due; posted values
    /// are left to a *cost adjusted* entry.
    ///
    /// `inserted` is a movement that its document line does not count yet. The cost is O(movements
    /// of the item from there on).
    mutating func replay(
        _ current: Current,
        _ stock: StockKey,
        from movement: MovementKey,
        inserted: MovementKey? = nil
    ) throws(EngineError) {
        // Back to the movement, and on to the last one before it that left no shortfall.
        var start = movement
        var pool = CostPool()
        let last = try cache.valuations.row(stock, from: reader)?.lastMovement
        var rows = try history(\.movements, stock, from: last) { (place, row) in
            guard place < start else { return true }
            guard let first = row.after.shortfalls.first else {
                pool = row.after
                return false
            }
            start = first.movement
            return true
        }
        var issues = try issuesServed(by: rows, at: stock, inserted: inserted)
        let standard = try standardCost(of: stock.sku)
        let moneyScale = settings.moneyScale
        var places: [MovementKey: Int] = [:]
        var values = rows.map(\.row.value)
        for index in rows.indices {
            places[rows[index].key.place] = index
            let row = rows[index].row
            guard !row.isVoid else {
                rows[index].row.after = pool
                continue
            }
            switch row.rule {
            case .given, .current, .ofIssue:
                var value = row.value
                if row.rule == .current {
                    value = try currentValue(pool, stock, row.quantity)
                } else if row.rule == .ofIssue, let reference = row.reference,
                    var issue = issues[reference], issue.quantity >= row.quantity
                {
                    value = try issue.value.share(row.quantity, of: issue.quantity)
                    issue.value = try issue.value.minus(value)
                    issue.quantity = try issue.quantity.minus(row.quantity)
                    issues[reference] = issue
                }
                values[index] = value
                let covers = try pool.receive(
                    row.quantity,
                    worth: value,
                    isReceipt: row.rule == .given && row.account != .costOfGoodsSold
                )
                for cover in covers {
                    guard let place = places[cover.movement] else {
                        throw .damaged("A shortfall's movement is missing from the history.")
                    }
                    values[place] = try values[place].plus(cover.difference)
                    if let reference = rows[place].row.reference, var issue = issues[reference] {
                        issue.value = try issue.value.plus(cover.difference)
                        issues[reference] = issue
                    }
                }
            case .issue:
                let value = try pool.issue(row.quantity, by: rows[index].key.place) {
                    (beyond) throws(EngineError) in
                    try standard?.cost.value(
                        of: beyond,
                        quantityScale: standard?.scale ?? 0,
                        moneyScale: moneyScale
                    ) ?? .zero
                }
                values[index] = value
                if let reference = row.reference {
                    var issue = issues[reference] ?? CostRatio(value: .zero, quantity: .zero)
                    issue.value = try issue.value.plus(value)
                    issue.quantity = try issue.quantity.plus(row.quantity)
                    issues[reference] = issue
                }
            }
            rows[index].row.after = pool
        }
        try writeReplayed(current, stock, rows, values, pool)
    }

    /// What had been shipped and not come back for each order line before the replayed movements.
    private mutating func issuesServed(
        by rows: [(key: MovementRow.Key, row: MovementRow)],
        at stock: StockKey,
        inserted: MovementKey?
    ) throws(EngineError) -> [MovementReference: CostRatio] {
        var issues: [MovementReference: CostRatio] = [:]
        for (key, row) in rows where !row.isVoid {
            guard let reference = row.reference,
                case .orderLine(let site, let order, let number) = reference
            else { continue }
            if issues[reference] == nil {
                let lineKey = OrderLineRow.Key(
                    home: stock.home,
                    orderSite: site,
                    order: order,
                    line: number
                )
                if let line = try cache.orderLines.row(lineKey, from: reader) {
                    issues[reference] = CostRatio(
                        value: try line.shippedValue.minus(line.returnedValue),
                        quantity: try line.shipped.minus(line.returned)
                    )
                }
            }
            guard let issue = issues[reference] else { continue }
            // A return that is being received is not yet among what came back.
            if row.isInward, key.place == inserted { continue }
            let sign: (Money, Quantity) =
                row.rule == .issue ? (-row.value, -row.quantity) : (row.value, row.quantity)
            issues[reference] = CostRatio(
                value: try issue.value.plus(sign.0),
                quantity: try issue.quantity.plus(sign.1)
            )
        }
        return issues
    }

    private mutating func writeReplayed(
        _ current: Current,
        _ stock: StockKey,
        _ rows: [(key: MovementRow.Key, row: MovementRow)],
        _ values: [Money],
        _ pool: CostPool
    ) throws(EngineError) {
        var valuation = try cache.valuations.row(stock, from: reader) ?? ValuationRow()
        for index in rows.indices {
            var row = rows[index].row
            let movement = rows[index].key.place
            let delta = try values[index].minus(row.value)
            row.value = values[index]
            if !delta.isZero {
                valuation.unposted = try valuation.unposted.plus(row.isInward ? delta : -delta)
                try correctOrderLine(row, stock, delta)
            }
            if row.value != row.posted {
                dues.corrections[stock, default: (current.event.id, [])].movements.insert(movement)
            } else {
                dues.corrections[stock]?.movements.remove(movement)
            }
            try cache.movements.set(rows[index].key, to: row, from: reader)
        }
        if dues.corrections[stock]?.movements.isEmpty == true { dues.corrections[stock] = nil }
        valuation.pool = pool
        try cache.valuations.set(stock, to: valuation, from: reader)
    }

    /// Keeps what an order line's units cost in step with the movement that shipped them.
    private mutating func correctOrderLine(
        _ row: MovementRow,
        _ stock: StockKey,
        _ delta: Money
    ) throws(EngineError) {
        switch row.reference {
        case .orderLine(let site, let order, let number):
            let key = OrderLineRow.Key(
                home: stock.home,
                orderSite: site,
                order: order,
                line: number
            )
            guard var line = try cache.orderLines.row(key, from: reader) else { return }
            if row.rule == .issue {
                line.shippedValue = try line.shippedValue.plus(delta)
            } else {
                line.returnedValue = try line.returnedValue.plus(delta)
            }
            try cache.orderLines.set(key, to: line, from: reader)
        case .transferLine, nil: break
        }
    }
}
