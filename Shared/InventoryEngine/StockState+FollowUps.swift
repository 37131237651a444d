public import Causality

/// What has to be recorded, or predicted, after an event in the same commit.
extension StockState {
    /// Takes the *cost adjusted* entries that are due: one per item and site whose history was
    /// valued anew, and one per transfer line that is empty but still worth something.
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
                guard let row = try cache.movements.row(key, from: reader),
                    row.value != row.posted
                else { continue }
                let delta = try row.value.minus(row.posted)
                items.append(
                    CostAdjustment.Item(
                        movement: movement,
                        delta: row.isInward ? delta : -delta,
                        account: try wasLost(row, stock) ? .transitLoss : row.account,
                        reference: row.reference
                    )
                )
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
        return bodies + (try takeTransitResiduals())
    }

    /// Whether what left by transfer never arrived and was settled: its cost is a loss.
    private mutating func wasLost(
        _ row: MovementRow,
        _ stock: StockKey
    ) throws(EngineError) -> Bool {
        guard
            case .transferLine(let source, let destination, let transfer, let number) = row
                .reference,
            source == stock.home
        else { return false }
        let key = TransferLineRow.Key(
            home: source,
            source: source,
            transfer: transfer,
            destination: destination,
            line: number
        )
        guard let line = try cache.transferLines.row(key, from: reader) else { return false }
        guard line.lastReceiptMovement == nil else { return false }
        return try line.inTransit().isZero
    }

    /// What is left in transit without any units goes to the last receipt of the line, and what a
    /// late dispatch says that the units cost which had arrived before it.
    private mutating func takeTransitResiduals() throws(EngineError) -> [EventBody] {
        let residuals = dues.residuals.sorted {
            $0.key.bytes.lexicographicallyPrecedes($1.key.bytes)
        }
        dues.residuals = [:]
        var bodies: [EventBody] = []
        for (key, due) in residuals {
            guard let line = try cache.transferLines.row(key, from: reader),
                let movement = line.lastReceiptMovement,
                let kept = try line.inTransit().isZero ? Money.zero : due.kept
            else { continue }
            let delta = try line.transitValue.minus(kept)
            guard !delta.isZero else { continue }
            let reference = MovementReference.transferLine(
                source: key.source,
                destination: key.destination,
                transfer: key.transfer,
                line: key.line
            )
            bodies.append(
                .costAdjusted(
                    CostAdjustment(
                        cause: due.cause,
                        site: key.destination,
                        sku: line.sku,
                        items: [
                            CostAdjustment.Item(
                                movement: movement,
                                delta: delta,
                                account: .goodsInTransit,
                                reference: reference
                            )
                        ]
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
