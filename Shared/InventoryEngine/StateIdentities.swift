import Causality

/// The identities of the three layers, counted from the rows with plain sums.
///
/// The engine keeps sums by difference and asserts them after every event; this counts them again
/// from nothing, so that it finds what both the rows and the sums would agree to hide.
package struct StateIdentities: Sendable {
    /// One identity that does not hold.
    package struct Fault: Sendable {
        /// What it is about: an item at a site, an account, an order line.
        package var place: String
        package var sentence: String
    }

    private struct Sums {
        var summary = StockSummary()
        var sellable: Int128 = 0
        var unsellable: Int128 = 0
        var reserved: Int128 = 0
        var allocated: Int128 = 0
        var picked: Int128 = 0
        var packed: Int128 = 0
        var backordered: Int128 = 0
        var surplus: Int128 = 0
        var onOrder: Int128 = 0
        var inTransitIn: Int128 = 0
        var inTransitOut: Int128 = 0
        var rights: Int128 = 0
        var rightsOwed: Int128 = 0
        var valuedUnits: Int128 = 0
        var layerValue: Int128 = 0
        var quarantined: Int128 = 0
        var frozen: Int128 = 0
        var freezes: Int128 = 0
        var unposted: Int128 = 0
        /// Units that are named by serial number.
        var named: Int128 = 0
        var lastMovement: MovementKey?
        var movements = Chain()
        var postings = Chain()
        var held = CostPart(value: .zero, quantity: .zero)
        var isFirstInFirstOut = false
        var layerEnds = LayerEnds()
        var layers: [LayerID: CostLayerRow] = [:]

        /// Whether the cost layers are one list that holds what the pool says, under first in,
        /// first out; by other methods there are none.
        var areLayersWhole: Bool {
            guard isFirstInFirstOut else { return layers.isEmpty }
            var (units, value): (Int128, Int128) = (0, 0)
            var (seen, older) = (0, LayerID?.none)
            var next = layerEnds.older
            while let id = next, seen <= layers.count, let row = layers[id] {
                guard row.neighbours.older == older, row.quantity.units > 0 else { return false }
                units += Int128(row.quantity.units)
                value += Int128(row.value.units)
                (seen, older, next) = (seen + 1, id, row.neighbours.younger)
            }
            return next == nil && older == layerEnds.younger && seen == layers.count
                && units == Int128(held.quantity.units) && value == Int128(held.value.units)
        }
    }

    /// A history as its rows in order tell it.
    private struct Chain {
        var last: MovementKey?
        var isWhole = true

        mutating func add(_ place: MovementKey, after previous: MovementKey?) {
            isWhole = isWhole && previous == last
            last = place
        }
    }

    private struct Totals {
        var debit: Int128 = 0
        var credit: Int128 = 0
        var journalDebit: Int128 = 0
        var journalCredit: Int128 = 0
        var periodDebit: Int128 = 0
        var periodCredit: Int128 = 0
    }

    private var stocks: [StockKey: Sums] = [:]
    private var accounts: [AccountRow.Key: Totals] = [:]
    private var transitValues: [SiteCode: Int128] = [:]
    private var buckets: [BucketRow.Key: Int128] = [:]
    private var lots: [LotRow.Key: Int128] = [:]
    private var allocations: [AllocationRow.Key: Int128] = [:]
    /// What is kept at two sites; an edge has one of the two, and there is nothing to compare.
    private var shippedElsewhere: [OrderLineRow.Key: LineProgress] = [:]
    private var remoteLines: [OrderLineRow.Key: LineProgress] = [:]
    private var balances: [RightsRow.Key: Quantity] = [:]
    private var remoteRights: [RightsRow.Key: Quantity] = [:]
    private var serialTracked: Set<SKU> = []
    private var lineFaults: [Fault] = []

    package init() {}

    /// Counts one row of the base; those of one kind come in the order of their keys.
    ///
    /// - Throws: ``EngineError`` with the code `damaged` if the bytes are no row of the kind.
    package mutating func add(
        _ kind: RowKind,
        key: [UInt8],
        value: [UInt8]
    ) throws(EngineError) {
        switch kind {
        case .bucket: add(try BucketRow.Key(bytes: key), try BucketRow(bytes: value))
        case .posting: add(try PostingRow.Key(bytes: key), try PostingRow(bytes: value))
        case .orderLine: add(try OrderLineRow.Key(bytes: key), try OrderLineRow(bytes: value))
        case .surplus:
            let (place, row) = (try SurplusRow.Key(bytes: key), try SurplusRow(bytes: value))
            stocks[StockKey(home: place.home, sku: place.sku), default: Sums()].surplus +=
                Int128(row.picked.units) + Int128(row.packed.units)
        case .purchaseLine:
            let place = try PurchaseLineRow.Key(bytes: key)
            let row = try PurchaseLineRow(bytes: value)
            stocks[StockKey(home: place.home, sku: row.sku), default: Sums()].onOrder +=
                Int128(try row.expected().units)
        case .transferLine:
            add(try TransferLineRow.Key(bytes: key), try TransferLineRow(bytes: value))
        case .rights:
            let (place, row) = (try RightsRow.Key(bytes: key), try RightsRow(bytes: value))
            let stock = StockKey(home: place.home, sku: place.sku)
            stocks[stock, default: Sums()].rights += Int128(row.balance.units)
            stocks[stock, default: Sums()].rightsOwed += Int128(min(row.balance.units, 0))
            balances[place] = row.balance
            if place.holder == .frozen {
                stocks[stock, default: Sums()].frozen += Int128(row.balance.units)
            }
        case .freeze:
            let (place, row) = (try FreezeRow.Key(bytes: key), try FreezeRow(bytes: value))
            stocks[place.stock, default: Sums()].freezes += Int128(row.quantity.units)
        case .valuation:
            let (stock, row) = (try StockKey(bytes: key), try ValuationRow(bytes: value))
            stocks[stock, default: Sums()].valuedUnits = Int128(try row.pool.quantity().units)
            stocks[stock, default: Sums()].layerValue = Int128(try row.pool.value().units)
            stocks[stock, default: Sums()].unposted = Int128(row.unposted.units)
            stocks[stock, default: Sums()].lastMovement = row.lastMovement
            stocks[stock, default: Sums()].held = CostPart(
                value: row.pool.heldValue,
                quantity: row.pool.held
            )
            stocks[stock, default: Sums()].isFirstInFirstOut = row.pool.costing.method == .fifo
            stocks[stock, default: Sums()].layerEnds = row.layers
            if row.pool.held.isZero, !row.pool.heldValue.isZero {
                lineFaults.append(Fault(place: name(stock), sentence: "No units have a value."))
            }
        case .costLayer:
            let (place, row) = (try CostLayerRow.Key(bytes: key), try CostLayerRow(bytes: value))
            stocks[place.stock, default: Sums()].layers[place.id] = row
        case .account:
            let (place, row) = (try AccountRow.Key(bytes: key), try AccountRow(bytes: value))
            accounts[place, default: Totals()].debit = Int128(row.debit.units)
            accounts[place, default: Totals()].credit = Int128(row.credit.units)
        case .periodTotal:
            let place = try PeriodTotalRow.Key(bytes: key)
            let row = try PeriodTotalRow(bytes: value)
            let account = AccountRow.Key(home: place.home, account: place.account)
            accounts[account, default: Totals()].periodDebit += Int128(row.debit.units)
            accounts[account, default: Totals()].periodCredit += Int128(row.credit.units)
        case .journal:
            for line in try JournalRow(bytes: value).lines {
                let place = AccountRow.Key(home: line.site, account: line.account)
                if line.amount.units > 0 {
                    accounts[place, default: Totals()].journalDebit += Int128(line.amount.units)
                } else {
                    accounts[place, default: Totals()].journalCredit -= Int128(line.amount.units)
                }
            }
        case .movement:
            let (place, row) = (try MovementRow.Key(bytes: key), try MovementRow(bytes: value))
            stocks[place.stock, default: Sums()].movements.add(place.place, after: row.previous)
        case .summary:
            stocks[try StockKey(bytes: key), default: Sums()].summary =
                try StockSummary(bytes: value)
        case .lot:
            let (place, row) = (try LotRow.Key(bytes: key), try LotRow(bytes: value))
            lots[place, default: 0] -= Int128(row.sellable.units)
        case .allocation:
            let (place, row) = (try AllocationRow.Key(bytes: key), try AllocationRow(bytes: value))
            allocations[place, default: 0] -= Int128(row.quantity.units)
        case .staged:
            let (place, row) = (try StagedRow.Key(bytes: key), try StagedRow(bytes: value))
            stocks[place.stock, default: Sums()].quarantined += Int128(row.held.units)
        case .remoteLine:
            let place = try RemoteLineRow.Key(bytes: key)
            let line = OrderLineRow.Key(
                home: place.shipFrom,
                orderSite: place.home,
                order: place.order,
                line: place.line
            )
            remoteLines[line] = try RemoteLineRow(bytes: value).progress
        case .remoteRights:
            let place = try RemoteRightsRow.Key(bytes: key)
            let balance = RightsRow.Key(
                home: place.stock.home,
                sku: place.stock.sku,
                holder: .node(place.holder)
            )
            remoteRights[balance] = try RemoteRightsRow(bytes: value).balance
        case .serial:
            let (place, row) = (try SerialRow.Key(bytes: key), try SerialRow(bytes: value))
            if place.step == 0, row.place.isHere { stocks[place.stock, default: Sums()].named += 1 }
        case .item:
            let item = try ItemRow(bytes: value)
            if item.properties.isSerialTracked {
                serialTracked.insert(try ItemRow.Key(bytes: key).sku)
            }
        case .serialPlace, .lotDue, .site, .node, .policy, .person, .period, .location, .task,
            .order,
            .purchaseOrder, .purchaseReceipt,
            .transfer,
            .customerReturn, .count, .countedPlace, .adjustment, .backorder, .conflict, .exception,
            .parked,
            .operation, .orderEffect, .rightsRequest, .hold, .returnedReceipt, .digest,
            .awaited:
            break
        }
    }

    private mutating func add(_ key: BucketRow.Key, _ row: BucketRow) {
        let stock = StockKey(home: key.home, sku: key.sku)
        if key.status == .sellable {
            stocks[stock, default: Sums()].sellable += Int128(row.quantity.units)
        } else {
            stocks[stock, default: Sums()].unsellable += Int128(row.quantity.units)
        }
        buckets[key, default: 0] += Int128(row.quantity.units)
        if let lot = key.lot, key.status == .sellable, key.location != .staging {
            lots[LotRow.Key(stock: stock, lot: lot), default: 0] += Int128(row.quantity.units)
        }
    }

    private mutating func add(_ key: PostingRow.Key, _ row: PostingRow) {
        stocks[key.stock, default: Sums()].postings.add(key.place, after: row.previous)
        for line in row.lines {
            let bucket = BucketRow.Key(
                home: key.stock.home,
                sku: key.stock.sku,
                location: line.location,
                lot: line.lot,
                status: line.status
            )
            buckets[bucket, default: 0] -= Int128(line.delta.units)
        }
    }

    private mutating func add(_ key: OrderLineRow.Key, _ row: OrderLineRow) {
        let stock = StockKey(home: key.home, sku: row.sku)
        if key.orderSite != key.home { shippedElsewhere[key] = LineProgress(row) }
        stocks[stock, default: Sums()].reserved += Int128(row.reserved.units)
        stocks[stock, default: Sums()].allocated += Int128(row.allocated.units)
        stocks[stock, default: Sums()].picked += Int128(row.picked.units)
        stocks[stock, default: Sums()].packed += Int128(row.packed.units)
        stocks[stock, default: Sums()].backordered += Int128(row.backordered.units)
        var placed: Int128 = 0
        for place in row.places {
            placed += Int128(place.quantity.units)
            let kept = AllocationRow.Key(
                stock: stock,
                location: place.location,
                lot: place.lot,
                orderSite: key.orderSite,
                order: key.order,
                line: key.line
            )
            allocations[kept, default: 0] += Int128(place.quantity.units)
        }
        if placed != Int128(row.allocated.units) {
            lineFaults.append(
                Fault(
                    place: "order \(key.order), line \(key.line) at \(key.home)",
                    sentence: "What is set aside in places is not what is allocated."
                )
            )
        }
        let parts = [
            row.reserved, row.allocated, row.picked, row.packed, row.shipped, row.backordered,
            row.cancelled,
        ].map { Int128($0.units) }
        if parts.contains(where: { $0 < 0 }) || parts.reduce(0, +) != Int128(row.ordered.units) {
            lineFaults.append(
                Fault(
                    place: "order \(key.order), line \(key.line) at \(key.home)",
                    sentence: "The parts of the line do not add up to what is ordered."
                )
            )
        }
    }

    private mutating func add(_ key: TransferLineRow.Key, _ row: TransferLineRow) {
        let stock = StockKey(home: key.home, sku: row.sku)
        let inTransit =
            Int128(row.dispatched.units) - Int128(row.received.units) - Int128(row.settled.units)
        if key.home == key.source {
            stocks[stock, default: Sums()].inTransitOut += inTransit
            transitValues[key.home, default: 0] += Int128(row.transitValue.units)
        } else {
            stocks[stock, default: Sums()].inTransitIn += inTransit
        }
    }

    private func name(_ stock: StockKey) -> String { "\(stock.sku) at \(stock.home)" }

    /// The identities that do not hold, in a fixed order.
    ///
    /// - Complexity: O(*n* log *n*) in the number of stocks, buckets and accounts.
    package func faults() -> [Fault] {
        var faults = lineFaults
        for (stock, sums) in stocks.sorted(by: { $0.key < $1.key }) {
            for sentence in self.faults(of: sums) {
                faults.append(Fault(place: name(stock), sentence: sentence))
            }
            if serialTracked.contains(stock.sku), sums.named != sums.sellable + sums.unsellable {
                faults.append(
                    Fault(
                        place: name(stock),
                        sentence: "\(sums.named) serial numbers are here, of "
                            + "\(sums.sellable + sums.unsellable) units."
                    )
                )
            }
        }
        for (key, difference) in buckets where difference != 0 {
            faults.append(
                Fault(
                    place: "\(key.sku) in \(key.location) at \(key.home), \(key.status.text)",
                    sentence: "The quantity is not the sum of its postings."
                )
            )
        }
        for (key, difference) in lots where difference != 0 {
            faults.append(
                Fault(
                    place: "lot \(key.lot) of \(name(key.stock))",
                    sentence: "The sellable quantity is not the sum of its places."
                )
            )
        }
        for (key, difference) in allocations where difference != 0 {
            faults.append(
                Fault(
                    place: "\(key.stock.sku) in \(key.location) at \(key.stock.home)",
                    sentence: "What is set aside there is not what order \(key.order) says."
                )
            )
        }
        for (key, known) in remoteLines where shippedElsewhere[key] ?? known != known {
            faults.append(
                Fault(
                    place: "order \(key.order), line \(key.line) of \(key.orderSite)",
                    sentence: "It stands otherwise than at \(key.home), which ships it."
                )
            )
        }
        for (key, known) in remoteRights where balances[key] ?? known != known {
            faults.append(
                Fault(
                    place: "promise rights for \(key.sku) at \(key.home)",
                    sentence: "A holder's own site says another balance."
                )
            )
        }
        var layerValues: [SiteCode: Int128] = [:]
        for (stock, sums) in stocks {
            layerValues[stock.home, default: 0] += sums.layerValue - sums.unposted
        }
        for (key, totals) in accounts {
            let isJournal =
                totals.debit == totals.journalDebit && totals.credit == totals.journalCredit
            if totals.debit != totals.periodDebit || totals.credit != totals.periodCredit {
                faults.append(
                    Fault(
                        place: "account \(key.account.code) at \(key.home)",
                        sentence: "The totals are not those of the months."
                    )
                )
            }
            if !isJournal {
                faults.append(
                    Fault(
                        place: "account \(key.account.code) at \(key.home)",
                        sentence: "The totals are not those of the journal."
                    )
                )
            }
            let held: Int128
            switch key.account {
            case .goodsInTransit: held = transitValues[key.home] ?? 0
            case .inventory: held = layerValues[key.home] ?? 0
            case .goodsReceivedNotInvoiced, .costOfGoodsSold, .adjustment, .scrap, .transitLoss,
                .transitGain, .purchasePriceVariance, .revaluation, .writeDown,
                .landedCostClearing, .payable:
                continue
            }
            if totals.debit - totals.credit != held {
                faults.append(
                    Fault(
                        place: "account \(key.account.code) at \(key.home)",
                        sentence: "The balance is not the value of the layers that it stands for."
                    )
                )
            }
        }
        return faults.sorted { ($0.place, $0.sentence) < ($1.place, $1.sentence) }
    }

    private func faults(of sums: Sums) -> [String] {
        let kept = sums.summary
        let pairs: [(Quantity, Int128, String)] = [
            (kept.sellable, sums.sellable, "sellable"),
            (kept.unsellable, sums.unsellable, "unsellable"),
            (kept.reserved, sums.reserved, "reserved"),
            (kept.allocated, sums.allocated, "allocated"),
            (kept.picked, sums.picked, "picked"), (kept.packed, sums.packed, "packed"),
            (kept.backordered, sums.backordered, "backordered"),
            (kept.surplus, sums.surplus, "surplus"), (kept.onOrder, sums.onOrder, "on order"),
            (kept.inTransitIn, sums.inTransitIn, "in transit to here"),
            (kept.inTransitOut, sums.inTransitOut, "in transit from here"),
            (kept.rights, sums.rights, "promise rights"),
            (kept.rightsOwed, sums.rightsOwed, "promise rights owed"),
            (kept.quarantined, sums.quarantined, "quarantined in staging"),
        ]
        var faults: [String] = []
        for (quantity, sum, what) in pairs where Int128(quantity.units) != sum {
            faults.append("The summary says \(quantity.units) \(what), the rows add up to \(sum).")
        }
        let committed =
            sums.reserved + sums.allocated + sums.picked + sums.packed + sums.surplus
        if sums.rights != sums.sellable - committed {
            faults.append("Promise rights do not add up to what is free to promise.")
        }
        if sums.frozen != sums.freezes {
            faults.append("What is frozen is not what claims have frozen.")
        }
        if sums.valuedUnits != sums.sellable + sums.unsellable {
            faults.append("The financial quantity is not the physical quantity.")
        }
        if Int128(kept.value.units) + sums.unposted != sums.layerValue {
            faults.append("The inventory value is not the value of the cost layers.")
        }
        if !sums.areLayersWhole {
            faults.append("The cost layers are not one list of what is held.")
        }
        if !sums.movements.isWhole || sums.movements.last != sums.lastMovement {
            faults.append("The history of its value is not one list in the order of time.")
        }
        if !sums.postings.isWhole || sums.postings.last != kept.lastPosting {
            faults.append("The history of what was moved is not one list in the order of time.")
        }
        return faults
    }
}
