import Causality

/// The few ways in which any event changes rows. Each keeps the sums in the same step.
extension StockState {
    func holds(_ site: SiteCode) -> Bool { settings.scope.holds(site) }

    /// Notes what was free to promise before the event first touched the stock.
    mutating func touch(_ stock: StockKey) throws(EngineError) {
        guard report.lastTouched != stock else { return }
        report.lastTouched = stock
        guard report.freeBefore[stock] == nil else { return }
        let free = try cache.summaries.row(stock, from: reader)?.free() ?? .zero
        report.freeBefore[stock] = free
    }

    /// Changes the sums of one item at one site.
    mutating func changeSummary(
        _ stock: StockKey,
        _ change: (inout StockSummary) throws(EngineError) -> Void
    ) throws(EngineError) {
        guard holds(stock.home) else { return }
        try touch(stock)
        var summary = try cache.summaries.row(stock, from: reader) ?? StockSummary()
        try change(&summary)
        try cache.summaries.set(stock, to: summary, from: reader)
    }

    /// Adds units to a bucket; a negative result is accepted with an exception.
    mutating func moveStock(
        _ stock: StockKey,
        _ location: LocationID,
        _ lot: LotID?,
        _ status: StockStatus,
        by delta: Quantity
    ) throws(EngineError) {
        guard holds(stock.home), !delta.isZero else { return }
        let key = BucketRow.Key(
            home: stock.home,
            sku: stock.sku,
            location: location,
            lot: lot,
            status: status
        )
        let before = try cache.buckets.row(key, from: reader)?.quantity ?? .zero
        let after = try before.plus(delta)
        if location != .stock, location != .staging { try noteIfRetired(stock, location) }
        report.moves[stock, default: []].append(
            PostingRow.Line(location: location, lot: lot, status: status, delta: delta)
        )
        try cache.buckets.set(key, to: BucketRow(quantity: after), from: reader)
        if let lot, status == .sellable, location != .staging {
            try changeLot(stock, lot) { (row) throws(EngineError) in try row.sellable.add(delta) }
        }
        try changeSummary(stock) { (summary) throws(EngineError) in
            if status == .sellable {
                try summary.sellable.add(delta)
            } else {
                try summary.unsellable.add(delta)
            }
        }
        if after.units < 0, delta.units < 0 {
            raise(
                "negative_stock",
                stock.sku,
                "\(stock.sku) at \(location) is below zero: more left than was known to be there.",
                at: stock.home
            )
        }
    }

    private mutating func noteIfRetired(
        _ stock: StockKey,
        _ location: LocationID
    ) throws(EngineError) {
        let key = LocationRow.Key(home: stock.home, location: location)
        guard let row = try cache.locations.row(key, from: reader), let retired = row.retiredBy
        else { return }
        report.retired.append((stock.sku, key, retired))
    }

    /// Raises an exception on the event at hand, once per code and item.
    ///
    /// The site `home` shows it; nil means the event's own. It must be a site whose rows alone tell
    /// whether the rule is broken, so that every copy that holds it agrees.
    mutating func raise(
        _ code: String,
        _ sku: SKU?,
        _ sentence: String,
        at place: SiteCode? = nil
    ) {
        let home = place ?? report.seenAt
        let isKnown = report.exceptions.contains {
            $0.code == code && $0.sku == sku && $0.home == home
        }
        if !isKnown { report.exceptions.append((code, sku, sentence, home)) }
    }

    /// Replaces an order line, keeping the sums, the queue of waiting promises, and where it is set
    /// aside: `place` is where the event at hand sets aside or takes.
    mutating func setOrderLine(
        _ key: OrderLineRow.Key,
        to newLine: OrderLineRow,
        at place: AllocatedPlace? = nil
    ) throws(EngineError) {
        guard holds(key.home) else { return }
        let old = try cache.orderLines.row(key, from: reader)
        var line = newLine
        if !line.allocated.isZero || !line.places.isEmpty {
            try line.fitPlaces(preferring: place)
            try keepAllocations(key, from: old, to: line)
        }
        guard try line.isBalanced() else {
            throw EngineError(.identityBroken, "The quantities of the order line do not add up.")
        }
        for part in [
            line.reserved, line.allocated, line.picked, line.packed, line.shipped,
            line.backordered, line.cancelled,
        ] where part.units < 0 {
            throw EngineError(.identityBroken, "A quantity of the order line is below zero.")
        }
        try cache.orderLines.set(key, to: line, from: reader)
        noteProgress(key)
        let stock = StockKey(home: key.home, sku: line.sku)
        try changeSummary(stock) { (summary) throws(EngineError) in
            try summary.reserved.add(line.reserved.minus(old?.reserved ?? .zero))
            try summary.allocated.add(line.allocated.minus(old?.allocated ?? .zero))
            try summary.picked.add(line.picked.minus(old?.picked ?? .zero))
            try summary.packed.add(line.packed.minus(old?.packed ?? .zero))
            try summary.backordered.add(line.backordered.minus(old?.backordered ?? .zero))
        }
        if line.backordered > old?.backordered ?? .zero {
            dues.wanting.insert(stock)
            if settings.scope == .everything { dues.risen.insert(stock) }
        }
        let wasWaiting = old.map { $0.backordered.units > 0 } ?? false
        let isWaiting = line.backordered.units > 0
        if wasWaiting != isWaiting {
            let waiting = BackorderRow.Key(
                home: key.home,
                sku: line.sku,
                promise: line.promise,
                orderSite: key.orderSite,
                order: key.order,
                line: key.line
            )
            try cache.backorders.set(
                waiting,
                to: BackorderRow(isWaiting: isWaiting),
                from: reader
            )
        }
    }

    /// Replaces the surplus of an order, keeping the sums and the task to put it back.
    mutating func setSurplus(
        _ key: SurplusRow.Key,
        to surplus: SurplusRow
    ) throws(EngineError) {
        guard holds(key.home) else { return }
        let old = try cache.surpluses.row(key, from: reader) ?? SurplusRow()
        try cache.surpluses.set(key, to: surplus, from: reader)
        try changeSummary(StockKey(home: key.home, sku: key.sku)) {
            (summary) throws(EngineError) in
            try summary.surplus.add(
                surplus.picked.plus(surplus.packed).minus(old.picked).minus(old.packed)
            )
        }
        try keepUnpickTask(key, surplus)
    }

    /// What is picked beyond a known order has to go back to its place; for an order that is not
    /// known yet it may be just what the order asks for.
    private mutating func keepUnpickTask(
        _ key: SurplusRow.Key,
        _ surplus: SurplusRow
    ) throws(EngineError) {
        let order = OrderRow.Key(home: key.home, orderSite: key.orderSite, order: key.order)
        let isKnown = try cache.orders.row(order, from: reader) != nil
        let task = TaskRow.Key(
            home: key.home,
            purpose: .unpick,
            subject: key.order.text,
            sku: key.sku
        )
        let row = TaskRow(quantity: isKnown ? surplus.picked.clampedToZero : .zero)
        try cache.tasks.set(task, to: row, from: reader)
    }

    /// Replaces a purchase order line, keeping the sums.
    mutating func setPurchaseLine(
        _ key: PurchaseLineRow.Key,
        to line: PurchaseLineRow
    ) throws(EngineError) {
        guard holds(key.home) else { return }
        let old = try cache.purchaseLines.row(key, from: reader)
        try cache.purchaseLines.set(key, to: line, from: reader)
        let delta = try line.expected().minus(old?.expected() ?? .zero)
        try changeSummary(StockKey(home: key.home, sku: line.sku)) {
            (summary) throws(EngineError) in try summary.onOrder.add(delta)
        }
    }

    /// Replaces one site's copy of a transfer line, keeping the sums.
    mutating func setTransferLine(
        _ key: TransferLineRow.Key,
        to line: TransferLineRow
    ) throws(EngineError) {
        guard holds(key.home) else { return }
        let old = try cache.transferLines.row(key, from: reader)
        try cache.transferLines.set(key, to: line, from: reader)
        let delta = try line.inTransit().minus(old?.inTransit() ?? .zero)
        try changeSummary(StockKey(home: key.home, sku: line.sku)) {
            (summary) throws(EngineError) in
            if key.home == key.source {
                try summary.inTransitOut.add(delta)
            } else {
                try summary.inTransitIn.add(delta)
            }
        }
    }

    /// Adds to a task's quantity; at zero the task is done.
    mutating func addTask(
        _ purpose: TaskRow.Purpose,
        _ subject: String,
        _ stock: StockKey,
        _ delta: Quantity,
        askedBy: EventRef? = nil
    ) throws(EngineError) {
        guard holds(stock.home), !delta.isZero else { return }
        let key = TaskRow.Key(
            home: stock.home,
            purpose: purpose,
            subject: subject,
            sku: stock.sku
        )
        let before = try cache.tasks.row(key, from: reader)
        let after = try (before?.quantity ?? .zero).plus(delta).clampedToZero
        let row = TaskRow(quantity: after, askedBy: askedBy ?? before?.askedBy)
        try cache.tasks.set(key, to: row, from: reader)
    }

    // MARK: Causality

    /// Whether the event at hand and an earlier one were recorded without knowing of each other.
    ///
    /// The earlier one was ordered first, so it cannot know the later one; what is left to ask is
    /// whether the later one's context holds it.
    func isConcurrent(_ current: Current, with other: EventRef) -> Bool {
        guard other.id != current.event.id else { return false }
        return !current.event.context.knows(
            other.id,
            at: other.position,
            in: settings.epoch,
            recordedBy: current.event.id
        )
    }

    /// Writes a conflict with its proof at the site `home`, or with nil at every site that the event
    /// touches, as far as they are held.
    mutating func raiseConflict(
        _ rule: ConflictRow.Rule,
        _ current: Current,
        with other: EventRef,
        sku: SKU?,
        subject: String,
        resolution: String,
        before: String,
        after: String,
        compensation: String,
        isResolved: Bool,
        at home: SiteCode? = nil
    ) throws(EngineError) {
        var sides: [ConflictRow.Side] = []
        do {
            if let located = try reader.source.located(other.id) {
                let known = EventRef(
                    id: other.id,
                    position: other.position ?? located.entry?.position
                )
                sides.append(ConflictRow.Side(event: known, context: located.event.context))
            } else {
                sides.append(ConflictRow.Side(event: other, context: .empty))
            }
        } catch {
            throw .storage(error)
        }
        sides.append(ConflictRow.Side(event: current.ref, context: current.event.context))
        var name = ByteWriter()
        name.byte(rule.rawValue)
        name.event(other.id)
        name.event(current.event.id)
        name.text(subject)
        let id = "c-" + String(ContentHash.of(name.bytes).description.prefix(16))
        let order = current.event.body.order(at: current.origin)
        // About an order only the site that ships can tell; the hub tells the order's site.
        let homes: [SiteCode?] =
            if let home {
                [home]
            } else if order != nil {
                [current.site]
            } else {
                current.event.body.isNetworkWide ? [nil] : current.namedSites.map { $0 }
            }
        let row = ConflictRow(
            rule: rule,
            isResolved: isResolved,
            sku: sku,
            subject: subject,
            sides: sides,
            resolution: resolution,
            before: before,
            after: after,
            compensation: compensation,
            decidedBy: "rule",
            raisedAt: current.receivedAt ?? current.effective,
            sites: Set(homes.compactMap(\.self) + [order?.site].compactMap(\.self)).sorted()
        )
        for home in homes where settings.scope.holds(home) {
            let key = ConflictRow.Key(home: home, id: id)
            try cache.conflicts.set(key, to: row, from: reader)
            if let home, let order {
                let orderKey = OrderRow.Key(home: home, orderSite: order.site, order: order.order)
                noteConflict(orderKey, key)
            }
        }
    }
}
