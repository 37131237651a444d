public import Causality

/// What has to be recorded, or predicted, after an event in the same commit.
extension StockState {
    /// Takes the *cost adjusted* entries that are due: one per item and site whose history was
    /// valued anew, and one per transfer line of which something arrived at another value.
    ///
    /// Applying one may make others due; call again until there are none. The hub records them as
    /// entries; a node applies them to its overlay as a prediction.
    ///
    /// - Returns: The bodies in a fixed order: the same on every machine.
    public mutating func takeCostAdjustments() throws(EngineError) -> [EventBody] {
        var bodies: [EventBody] = []
        let corrections = dues.corrections.sorted {
            ($0.key.home, $0.key.sku) < ($1.key.home, $1.key.sku)
        }
        dues.corrections = [:]
        for (stock, due) in corrections {
            var items: [CostAdjustment.Item] = []
            for movement in due.movements.sorted() {
                let key = MovementRow.Key(stock: stock, place: movement)
                guard let row = try cache.movements.row(key, from: reader) else { continue }
                items += try unposted(of: row, at: movement, stock)
            }
            guard !items.isEmpty else { continue }
            bodies.append(
                .costAdjusted(
                    CostAdjustment(
                        cause: due.cause,
                        site: stock.home,
                        sku: stock.sku,
                        items: items
                    )
                )
            )
        }
        return bodies + (try takeFlowCorrections())
    }

    /// What of a movement is not posted yet.
    private mutating func unposted(
        of row: MovementRow,
        at movement: MovementKey,
        _ stock: StockKey
    ) throws(EngineError) -> [CostAdjustment.Item] {
        let delta = try row.value.minus(row.posted)
        if row.isSent { return try unpostedSent(of: row, at: movement, delta, stock) }
        guard !delta.isZero else { return [] }
        // What the supplier gets stays; only what of it is a variance can have changed.
        let isPaid = row.rule == .given && row.account == .goodsReceivedNotInvoiced
        return [
            CostAdjustment.Item(
                movement: movement,
                delta: row.isInward ? delta : -delta,
                account: isPaid ? .purchasePriceVariance : row.account,
                reference: row.reference
            )
        ]
    }

    /// What of a dispatch is not posted yet: the share of what was lost on the way is a loss, the
    /// rest follows the goods.
    private mutating func unpostedSent(
        of row: MovementRow,
        at movement: MovementKey,
        _ delta: Money,
        _ stock: StockKey
    ) throws(EngineError) -> [CostAdjustment.Item] {
        let parts = try row.partsTaken()
        var lost = Money.zero
        if let key = row.sentLine(from: stock.home),
            let line = try cache.transferLines.row(key, from: reader)
        {
            if delta.isZero, line.flow.sent(by: movement) == parts { return [] }
            var flow = line.flow
            try flow.correct(movement, to: parts, difference: delta)
            lost = try flow.lossValue().minus(line.flow.lossValue())
        }
        let rest = try delta.minus(lost)
        let amounts: [(Money, Account)] = [(lost, .transitLoss), (rest, row.account)]
        return amounts.filter { !$0.0.isZero || ($0.1 == row.account && delta.isZero) }.map {
            CostAdjustment.Item(
                movement: movement,
                delta: -$0.0,
                account: $0.1,
                reference: row.reference,
                parts: parts
            )
        }
    }

    /// What has arrived by transfer at another value than its dispatch turns out to have had.
    private mutating func takeFlowCorrections() throws(EngineError) -> [EventBody] {
        let flows = dues.flows.sorted { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }
        dues.flows = [:]
        var bodies: [EventBody] = []
        for (key, cause) in flows {
            guard let line = try cache.transferLines.row(key, from: reader) else { continue }
            let worth = try line.flow.valued()
            var items: [CostAdjustment.Item] = []
            for (step, parts) in zip(line.flow.steps, worth) {
                guard step.kind == .received, step.parts != parts, let movement = step.movement
                else { continue }
                items.append(
                    CostAdjustment.Item(
                        movement: movement,
                        delta: try parts.total().minus(step.parts.total()),
                        account: .goodsInTransit,
                        reference: .transferLine(
                            source: key.source,
                            destination: key.destination,
                            transfer: key.transfer,
                            line: key.line
                        ),
                        parts: parts
                    )
                )
            }
            guard !items.isEmpty else { continue }
            bodies.append(
                .costAdjusted(
                    CostAdjustment(
                        cause: cause,
                        site: key.destination,
                        sku: line.sku,
                        items: items
                    )
                )
            )
        }
        return bodies
    }

    /// Takes the waiting promises that a recorder can now make final, oldest first among equals of
    /// priority, from its own rights.
    ///
    /// - Parameter recorder: The node that records, or the hub.
    /// - Returns: One `backorder_promised` body per order and risen item.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(promises that become final), and one look at the queue per risen item.
    public mutating func takeDuePromises(
        by recorder: NodeID
    ) throws(EngineError) -> [(site: SiteCode, body: EventBody)] {
        let risen = dues.risen.sorted()
        dues.risen = []
        if settings.scope == .everything { dues.unserved.formUnion(risen) }
        var bodies: [(site: SiteCode, body: EventBody)] = []
        for stock in risen {
            guard let summary = try cache.summaries.row(stock, from: reader),
                summary.backordered.units > 0
            else { continue }
            var usable = try usableRights(recorder, stock)
            guard usable.units > 0 else { continue }
            let item = try cache.items.row(ItemRow.Key(sku: stock.sku), from: reader)
            for key in try waiting(for: stock) where usable.units > 0 {
                guard let row = try line(of: key) else { continue }
                let promised = min(row.backordered, usable)
                usable = try usable.minus(promised)
                var line = EventLine(
                    sku: stock.sku,
                    quantity: promised,
                    scale: item?.properties.scale ?? 0
                )
                line.line = key.line
                bodies.append(
                    (
                        stock.home,
                        .backorderPromised(
                            OrderWork(
                                order: key.order,
                                orderSite: key.orderSite == stock.home ? nil : key.orderSite,
                                lines: [line]
                            )
                        )
                    )
                )
            }
        }
        return bodies
    }

    /// The promises that wait for a stock, the first to be served first.
    ///
    /// - Complexity: O(lines that wait), at most ``InventoryRules/promisesAtOnceMax``.
    mutating func waiting(for stock: StockKey) throws(EngineError) -> [BackorderRow.Key] {
        let prefix = stock.bytes
        return try cache.backorders.rows(
            from: prefix,
            to: upperBound(ofPrefix: prefix),
            limit: InventoryRules.promisesAtOnceMax,
            source: reader
        ).map(\.key)
    }

    /// The order line of a promise that waits.
    mutating func line(of key: BackorderRow.Key) throws(EngineError) -> OrderLineRow? {
        let line = OrderLineRow.Key(
            home: key.home,
            orderSite: key.orderSite,
            order: key.order,
            line: key.line
        )
        return try cache.orderLines.row(line, from: reader)
    }
}
