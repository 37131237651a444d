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
        return current.place(report.movements)
    }

    /// The next value that the hub computed, for a site whose rows are not held here.
    private mutating func nextCarried(_ current: Current) -> Money {
        defer { report.carriedRead += 1 }
        guard report.carriedRead < current.carried.count else { return .zero }
        return current.carried[report.carriedRead]
    }

    /// The number that stands for a count of parts among carried values: far below any value.
    private static let partCount = -Money.magnitudeMax

    /// Notes what the entry has to say for sites that do not hold the layers: one value where all has
    /// one cost, else how many parts there are and the quantity and the value of each.
    private mutating func carry(_ parts: [CostPart]) {
        guard parts.count > 1 else {
            report.carried.append(parts.first?.value ?? .zero)
            return
        }
        report.carried.append(Money(units: Self.partCount + Int64(parts.count)))
        for part in parts {
            report.carried.append(Money(units: part.quantity.units))
            report.carried.append(part.value)
        }
    }

    /// The parts that the entry says come next; one of nothing if it says nothing.
    private mutating func nextCarriedParts(
        _ current: Current,
        _ quantity: Quantity
    ) -> [CostPart] {
        let first = nextCarried(current)
        guard first.units <= Self.partCount + Int64(TransitFlow.partsMax) else {
            return [CostPart(value: first, quantity: quantity)]
        }
        return (0..<max(0, first.units - Self.partCount)).map { _ in
            let quantity = Quantity(units: nextCarried(current).units)
            return CostPart(value: nextCarried(current), quantity: quantity)
        }
    }

    /// Units enter the stock of a site.
    ///
    /// Under the rules `given` and `ofIssue` their value is `given`, which may be that of several
    /// parts; without one it is the current cost. The other side of inventory is `account`, at
    /// `accountSite`.
    mutating func enter(
        _ current: Current,
        _ stock: StockKey,
        _ quantity: Quantity,
        rule: MovementRow.Rule,
        given: Money?,
        account: Account,
        accountSite: SiteCode? = nil,
        reference: MovementReference? = nil,
        in parts: [CostPart] = [],
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
        let valuation = try valuation(of: stock)
        let movement = nextMovement(current)
        var row = MovementRow(
            rule: rule,
            event: current.event.id,
            quantity: quantity,
            account: account,
            reference: reference
        )
        if parts.count > 1 { row.parts = parts }
        if rule != .current {
            if let given {
                row.value = given
            } else {
                row.value = try currentValue(valuation.pool, stock, quantity)
            }
        }
        try settleOrReplay(current, stock, movement, &row)
        if carries, current.isShared { report.carried.append(row.value) }
        if carries { report.carriedRead += 1 }
        let paid = row.paid ?? row.value
        try post(stock.home, .inventory, stock.sku, row.value)
        try post(accountSite ?? stock.home, account, stock.sku, -paid)
        try post(stock.home, .purchasePriceVariance, stock.sku, paid.minus(row.value))
        return (row.value, movement)
    }

    /// Units leave the stock of a site at what the costing method says.
    ///
    /// The other side of inventory is `account`; with `settling` a fixed amount goes to an account
    /// of its own, and `account` takes the difference. Under first in, first out the units of
    /// `receipt` leave first, if one is named and holds some.
    ///
    /// - Returns: What they cost.
    mutating func issue(
        _ current: Current,
        _ stock: StockKey,
        _ quantity: Quantity,
        account: Account,
        settling: (account: Account, amount: Money)? = nil,
        reference: MovementReference? = nil,
        of receipt: EventID? = nil,
        carries: Bool = false
    ) throws(EngineError) -> Issued {
        guard !quantity.isZero else { return Issued(value: .zero, movement: nil, parts: []) }
        guard holds(stock.home) else {
            let parts = carries ? nextCarriedParts(current, quantity) : []
            let value = try parts.total()
            let movement = nextMovement(current)
            try post(stock.home, .inventory, stock.sku, -value)
            try postIssue(stock, value, account, settling)
            return Issued(value: value, movement: movement, parts: parts)
        }
        try touch(stock)
        var valuation = try valuation(of: stock)
        let movement = nextMovement(current)
        var row = MovementRow(
            rule: .issue,
            event: current.event.id,
            quantity: quantity,
            account: account,
            reference: reference
        )
        row.receipt = receipt
        if let last = valuation.lastMovement, movement < last {
            try insertAndReplay(current, stock, movement, &row)
        } else {
            _ = try settle(&row, at: movement, of: stock, in: &valuation)
            row.posted = row.value
            if valuation.pool.lastIssue == nil, valuation.pool.costing.standard == nil {
                raise(
                    "cost_unknown",
                    stock.sku,
                    "\(stock.sku) left at no known cost.",
                    at: stock.home
                )
            }
            try addMovement(&valuation, stock, movement, row)
            try cache.valuations.set(stock, to: valuation, from: reader)
        }
        var parts: [CostPart] = []
        if carries {
            parts = try row.partsTaken()
            if current.isShared { carry(parts) }
            _ = nextCarriedParts(current, quantity)
        }
        try post(stock.home, .inventory, stock.sku, -row.value)
        try postIssue(stock, row.value, account, settling)
        return Issued(value: row.value, movement: movement, parts: parts)
    }

    /// What units cost that have left.
    struct Issued {
        var value: Money
        /// The movement; nil if nothing has left.
        var movement: MovementKey?
        /// The value by the layers that it was taken from, of goods that travel.
        var parts: [CostPart]
    }

    /// Values a movement that brings something: at once, unless it is late or covers what is short.
    mutating func settleOrReplay(
        _ current: Current,
        _ stock: StockKey,
        _ movement: MovementKey,
        _ row: inout MovementRow
    ) throws(EngineError) {
        var valuation = try valuation(of: stock)
        let isLate = valuation.lastMovement.map { movement < $0 } ?? false
        guard !isLate, valuation.pool.shortfalls.isEmpty else {
            return try insertAndReplay(current, stock, movement, &row)
        }
        _ = try settle(&row, at: movement, of: stock, in: &valuation)
        row.posted = row.value
        try addMovement(&valuation, stock, movement, row)
        try cache.valuations.set(stock, to: valuation, from: reader)
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

    /// The valuation of a stock; before its first movement the item's costing says how it begins.
    private mutating func valuation(of stock: StockKey) throws(EngineError) -> ValuationRow {
        if let row = try cache.valuations.row(stock, from: reader) { return row }
        guard let item = try cache.items.row(ItemRow.Key(sku: stock.sku), from: reader) else {
            return ValuationRow()
        }
        let properties = item.properties
        return ValuationRow(
            origin: Costing(method: properties.costing, standard: properties.standardCost)
        )
    }

    /// What units are worth that enter without a cost: current, else last held, else standard,
    /// else nothing with an exception.
    ///
    /// Under standard cost the standard comes before what was last held.
    mutating func currentValue(
        _ pool: CostPool,
        _ stock: StockKey,
        _ quantity: Quantity,
        isSilent: Bool = false
    ) throws(EngineError) -> Money {
        if pool.held.isZero, let standard = pool.costing.entryCost {
            return try value(of: quantity, at: standard, stock.sku)
        }
        if let value = try pool.currentValue(of: quantity) { return value }
        guard let standard = pool.costing.standard else {
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
        return try value(of: quantity, at: standard, stock.sku)
    }

    /// What units of an item cost at so much a unit.
    private mutating func value(
        of quantity: Quantity,
        at unitCost: ExactDecimal,
        _ sku: SKU
    ) throws(EngineError) -> Money {
        let item = try cache.items.row(ItemRow.Key(sku: sku), from: reader)
        return try unitCost.value(
            of: quantity,
            quantityScale: item?.properties.scale ?? 0,
            moneyScale: settings.moneyScale
        )
    }

    /// Values a movement by its rule, and does to pool and layers what it does.
    ///
    /// Of what enters at a value that is not found here, `row` has the value: it is what was paid
    /// where a standard cost says otherwise.
    ///
    /// - Returns: What shortfalls turned out to cost that it covers.
    private mutating func settle(
        _ row: inout MovementRow,
        at place: MovementKey,
        of stock: StockKey,
        in valuation: inout ValuationRow
    ) throws(EngineError) -> [CostPool.Cover] {
        defer { row.after = valuation.pool }
        if row.rule == .revalued || row.rule == .costing {
            try settleMoney(&row, of: stock, in: &valuation)
            return []
        }
        let costing = valuation.pool.costing
        guard row.isInward else {
            let taken = min(row.quantity, valuation.pool.held)
            var cost = try valuation.pool.averageCost(of: taken)
            if costing.method == .fifo {
                row.takings = try takeLayers(
                    taken,
                    of: row.receipt,
                    from: stock,
                    &valuation.layers
                )
                cost = .zero
                for taking in row.takings { cost = try cost.plus(taking.value) }
            }
            try valuation.pool.take(taken, costing: cost)
            let beyond = try row.quantity.minus(taken)
            if beyond.units > 0 {
                let provisional = try provisionalCost(of: beyond, stock, valuation.pool)
                valuation.pool.fallShort(
                    ShortfallLayer(movement: place, quantity: beyond, value: provisional)
                )
                cost = try cost.plus(provisional)
            }
            row.value = cost
            return []
        }
        if row.rule == .current {
            row.value = try currentValue(valuation.pool, stock, row.quantity)
        } else if row.rule == .given, row.account == .goodsReceivedNotInvoiced {
            let paid = row.paid ?? row.value
            if let standard = costing.entryCost {
                row.value = try value(of: row.quantity, at: standard, stock.sku)
            } else {
                row.value = paid
            }
            row.paid = paid == row.value ? nil : paid
        }
        let one = CostPart(value: row.value, quantity: row.quantity)
        let (covers, held) = try valuation.pool.receive(
            row.parts.isEmpty ? [one] : row.parts,
            isReceipt: row.rule == .given && row.account != .costOfGoodsSold
        )
        if costing.method == .fifo {
            try addLayers(held, by: row.event, place.index, to: stock, &valuation.layers)
            row.layersMade = UInt32(held.count)
        }
        return covers
    }

    /// Values a movement of money alone: it changes what is held is worth, or how it is valued.
    private mutating func settleMoney(
        _ row: inout MovementRow,
        of stock: StockKey,
        in valuation: inout ValuationRow
    ) throws(EngineError) {
        let pool = valuation.pool
        var change = Money.zero
        if let sets = row.sets {
            let old = pool.costing
            var new = old
            if let method = sets.method { new.method = method }
            if let standard = sets.standard { new.standard = standard }
            // Another standard cost revalues the stock, another method does not.
            if old.method == .standard, let standard = new.entryCost, standard != old.standard,
                !pool.held.isZero
            {
                change = try value(of: pool.held, at: standard, stock.sku).minus(pool.heldValue)
            }
            if old.method == .fifo, new.method != .fifo {
                row.takings = try takeLayers(pool.held, of: nil, from: stock, &valuation.layers)
            } else if old.method != .fifo, new.method == .fifo, !pool.held.isZero {
                let all = CostPart(value: pool.heldValue, quantity: pool.held)
                try addLayers([all], by: row.event, 0, to: stock, &valuation.layers)
                row.layersMade = 1
            }
            valuation.pool.costing = new
        } else if let unitCost = row.terms?.unitCost, !pool.held.isZero {
            change = try value(of: pool.held, at: unitCost, stock.sku).minus(pool.heldValue)
        } else if let amount = row.terms?.amount {
            let units = row.terms?.units ?? pool.held
            row.terms?.units = units
            if !units.isZero { change = try amount.share(min(pool.held, units), of: units) }
        }
        row.value = try valuation.pool.revalue(
            by: change,
            isWriteDown: row.account == .writeDown
        )
        if valuation.pool.costing.method == .fifo, !row.value.isZero {
            row.takings = try spread(row.value, over: stock, valuation.layers)
        }
    }

    /// What units are taken to cost that leave beyond what is held: by the standard under standard
    /// cost, else as the last issue or receipt, else by the item's standard cost, else nothing.
    private mutating func provisionalCost(
        of quantity: Quantity,
        _ stock: StockKey,
        _ pool: CostPool
    ) throws(EngineError) -> Money {
        if let standard = pool.costing.entryCost {
            return try value(of: quantity, at: standard, stock.sku)
        }
        if let cost = try pool.provisionalCost(of: quantity) { return cost }
        guard let standard = pool.costing.standard else { return .zero }
        return try value(of: quantity, at: standard, stock.sku)
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
    private mutating func insertAndReplay(
        _ current: Current,
        _ stock: StockKey,
        _ movement: MovementKey,
        _ row: inout MovementRow
    ) throws(EngineError) {
        row.posted = row.value
        var before = try valuation(of: stock)
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
        var valuation = try valuation(of: stock)
        valuation.unposted = try valuation.unposted.minus(
            row.isInward ? unposted : -unposted
        )
        try cache.valuations.set(stock, to: valuation, from: reader)
        dues.corrections[stock]?.movements.remove(movement)
        if dues.corrections[stock]?.movements.isEmpty == true { dues.corrections[stock] = nil }
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
        var valuation = try valuation(of: stock)
        var pool = CostPool(costing: valuation.origin)
        var rows = try history(\.movements, stock, from: valuation.lastMovement) { (place, row) in
            guard place < start else { return true }
            guard let first = row.after.shortfalls.first else {
                pool = row.after
                return false
            }
            start = first.movement
            return true
        }
        var issues = try issuesServed(by: rows, at: stock, inserted: inserted)
        let old = rows.map(\.row)
        for index in rows.indices.reversed() {
            try unwind(&rows[index].row, at: rows[index].key.place, stock, &valuation.layers)
        }
        valuation.pool = pool
        var places: [MovementKey: Int] = [:]
        for index in rows.indices {
            let place = rows[index].key.place
            places[place] = index
            guard !rows[index].row.isVoid else {
                rows[index].row.after = valuation.pool
                continue
            }
            let row = rows[index].row
            if row.rule == .ofIssue, let reference = row.reference,
                var issue = issues[reference], issue.quantity >= row.quantity
            {
                let share = try issue.value.share(row.quantity, of: issue.quantity)
                rows[index].row.value = share
                issue.value = try issue.value.minus(share)
                issue.quantity = try issue.quantity.minus(row.quantity)
                issues[reference] = issue
            }
            let covers = try settle(&rows[index].row, at: place, of: stock, in: &valuation)
            for cover in covers {
                guard let place = places[cover.movement] else {
                    throw .damaged("A shortfall's movement is missing from the history.")
                }
                rows[place].row.value = try rows[place].row.value.plus(cover.difference)
                if let reference = rows[place].row.reference, var issue = issues[reference] {
                    issue.value = try issue.value.plus(cover.difference)
                    issues[reference] = issue
                }
            }
            if row.rule == .issue, let reference = row.reference {
                var issue = issues[reference] ?? CostPart(value: .zero, quantity: .zero)
                issue.value = try issue.value.plus(rows[index].row.value)
                issue.quantity = try issue.quantity.plus(row.quantity)
                issues[reference] = issue
            }
        }
        try writeReplayed(current, stock, rows, old, valuation)
    }

    /// What had been shipped and not come back for each order line before the replayed movements.
    private mutating func issuesServed(
        by rows: [(key: MovementRow.Key, row: MovementRow)],
        at stock: StockKey,
        inserted: MovementKey?
    ) throws(EngineError) -> [MovementReference: CostPart] {
        var issues: [MovementReference: CostPart] = [:]
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
                    issues[reference] = CostPart(
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
            issues[reference] = CostPart(
                value: try issue.value.plus(sign.0),
                quantity: try issue.quantity.plus(sign.1)
            )
        }
        return issues
    }

    /// Writes what was valued anew; what differs from before is noted as due.
    private mutating func writeReplayed(
        _ current: Current,
        _ stock: StockKey,
        _ rows: [(key: MovementRow.Key, row: MovementRow)],
        _ old: [MovementRow],
        _ replayed: ValuationRow
    ) throws(EngineError) {
        var valuation = replayed
        for (index, (key, row)) in rows.enumerated() {
            let delta = try row.value.minus(old[index].value)
            if !delta.isZero {
                valuation.unposted = try valuation.unposted.plus(row.isInward ? delta : -delta)
                try correctOrderLine(row, stock, delta)
            }
            // Goods that left by transfer take their layers along: other ones are a correction too.
            var isOther = false
            if row.isSent { isOther = try row.partsTaken() != old[index].partsTaken() }
            if row.value != row.posted || isOther {
                dues.corrections[stock, default: (current.event.id, [])].movements
                    .insert(key.place)
            } else if !row.isSent {
                dues.corrections[stock]?.movements.remove(key.place)
            }
            try cache.movements.set(key, to: row, from: reader)
        }
        if dues.corrections[stock]?.movements.isEmpty == true { dues.corrections[stock] = nil }
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
