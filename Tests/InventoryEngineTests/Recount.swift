import Causality
import InventoryEngine
import TestSupport

/// Recomputes from the rows, from nothing and with plain arithmetic, what the engine keeps by
/// difference, and lists every identity that does not hold.
struct Recount {
    private struct Stock: Hashable {
        var site: SiteCode
        var sku: SKU
    }

    private struct Sums {
        var sellable: Int64 = 0
        var unsellable: Int64 = 0
        var reserved: Int64 = 0
        var allocated: Int64 = 0
        var picked: Int64 = 0
        var packed: Int64 = 0
        var backordered: Int64 = 0
        var surplus: Int64 = 0
        var onOrder: Int64 = 0
        var inTransitIn: Int64 = 0
        var inTransitOut: Int64 = 0
        var rights: Int64 = 0
        var rightsOwed: Int64 = 0
        var rightsGranted: Int64 = 0
        var value: Int64 = 0
        var movedUnits: Int64 = 0
        var movedValue: Int64 = 0
        var postedValue: Int64 = 0
    }

    private(set) var faults: [String] = []
    private var sums: [Stock: Sums] = [:]
    private let rows: InMemoryRowSource

    /// Recounts rows; `isSettled` says whether all *cost adjusted* entries have been applied.
    init(_ rows: InMemoryRowSource, isSettled: Bool = true) throws {
        self.rows = rows
        try countStock()
        try countCommitments()
        try countRights()
        try countMoney(isSettled: isSettled)
        try compare(isSettled: isSettled)
        try checkOrders()
        try checkHistories()
    }

    /// Every history is one list: sorted by time, each row names the one before it.
    private mutating func checkHistories() throws {
        var lists: [String: (kept: MovementKey?, rows: [(MovementKey, MovementKey?)])] = [:]
        for (key, row) in try rows.typed(ValuationRow.self) {
            lists["value of \(key)", default: (nil, [])].kept = row.lastMovement
        }
        for (key, row) in try rows.typed(StockSummary.self) {
            lists["moves of \(key)", default: (nil, [])].kept = row.lastPosting
        }
        for (key, row) in try rows.typed(MovementRow.self) {
            lists["value of \(key.stock)", default: (nil, [])].rows.append(
                (key.place, row.previous)
            )
        }
        for (key, row) in try rows.typed(PostingRow.self) {
            lists["moves of \(key.stock)", default: (nil, [])].rows.append(
                (key.place, row.previous)
            )
        }
        for (name, list) in lists {
            let sorted = list.rows.sorted { $0.0 < $1.0 }
            let before = [nil] + sorted.dropLast().map { Optional($0.0) }
            expect(
                sorted.map(\.1) == Array(before.prefix(sorted.count))
                    && sorted.last?.0 == list.kept,
                "the \(name) are not one list: \(list)"
            )
        }
    }

    private mutating func expect(_ holds: Bool, _ fault: @autoclosure () -> String) {
        if !holds { faults.append(fault()) }
    }

    private mutating func add(
        _ site: SiteCode,
        _ sku: SKU,
        _ part: WritableKeyPath<Sums, Int64>,
        _ units: Int64
    ) {
        sums[Stock(site: site, sku: sku), default: Sums()][keyPath: part] += units
    }

    private mutating func countStock() throws {
        for (key, row) in try rows.typed(BucketRow.self) {
            let part: WritableKeyPath<Sums, Int64> =
                key.status == .sellable ? \.sellable : \.unsellable
            add(key.home, key.sku, part, row.quantity.units)
        }
        var posted: [BucketRow.Key: Int64] = [:]
        for (key, row) in try rows.typed(PostingRow.self) {
            for line in row.lines {
                let bucket = BucketRow.Key(
                    home: key.stock.home,
                    sku: key.stock.sku,
                    location: line.location,
                    lot: line.lot,
                    status: line.status
                )
                posted[bucket, default: 0] += line.delta.units
            }
        }
        var kept: [BucketRow.Key: Int64] = [:]
        for (key, row) in try rows.typed(BucketRow.self) { kept[key] = row.quantity.units }
        expect(posted.filter { $0.value != 0 } == kept, "buckets are not the sums of postings")
        try countLots(kept)
        try countSerials(kept)
    }

    /// The units of an item kept by serial number are where its quantities are, place by place, and
    /// each remembers every place where it was.
    private mutating func countSerials(_ buckets: [BucketRow.Key: Int64]) throws {
        var tracked: Set<SKU> = []
        for (key, row) in try rows.typed(ItemRow.self) where row.properties.isSerialTracked {
            tracked.insert(key.sku)
        }
        var named: [BucketRow.Key: Int64] = [:]
        var here: Set<SerialPlaceRow.Key> = []
        var steps: [SerialRow.Key: UInt64] = [:]
        var pasts: [SerialRow.Key: Set<UInt64>] = [:]
        for (key, row) in try rows.typed(SerialRow.self) {
            let now = SerialRow.Key(stock: key.stock, serial: key.serial)
            guard key.step == 0 else {
                expect(row.steps == key.step, "\(key) says that it is step \(row.steps)")
                pasts[now, default: []].insert(key.step)
                continue
            }
            steps[now] = row.steps
            guard row.place.standing != .away else { continue }
            here.insert(
                SerialPlaceRow.Key(stock: key.stock, place: row.place, serial: key.serial)
            )
            // All quarantined units of an order have one status in staging, that of the first.
            let isStaged = row.place.location ?? "STAGING" == "STAGING"
            let bucket = BucketRow.Key(
                home: key.stock.home,
                sku: key.stock.sku,
                location: row.place.location ?? "STAGING",
                lot: row.place.lot,
                status: isStaged && row.place.status != .sellable ? .hold : row.place.status
            )
            named[bucket, default: 0] += 1
        }
        for (key, count) in steps {
            expect(pasts[key] ?? [] == Set(1..<count), "\(key) has forgotten where it was")
        }
        expect(
            Set(try rows.typed(SerialPlaceRow.self).map(\.key)) == here,
            "the units that are here are not listed where they are"
        )
        var counted: [BucketRow.Key: Int64] = [:]
        for (key, units) in buckets where tracked.contains(key.sku) {
            var bucket = key
            if key.location == "STAGING", key.status != .sellable { bucket.status = .hold }
            counted[bucket, default: 0] += units
        }
        for bucket in Set(named.keys).union(counted.keys)
        where named[bucket, default: 0] != counted[bucket, default: 0] {
            let place = "\(bucket.sku) at \(bucket.home) \(bucket.location) \(bucket.status.text)"
            let (units, there) = (named[bucket, default: 0], counted[bucket, default: 0])
            expect(false, "\(units) units are named in \(place), \(there) are there")
        }
    }

    private mutating func countLots(_ buckets: [BucketRow.Key: Int64]) throws {
        var sellable: [LotRow.Key: Int64] = [:]
        for (key, units) in buckets where key.status == .sellable && key.location != "STAGING" {
            guard let lot = key.lot else { continue }
            let stock = StockKey(home: key.home, sku: key.sku)
            sellable[LotRow.Key(stock: stock, lot: lot), default: 0] += units
        }
        var due: Set<LotDueRow.Key> = []
        var kept: [LotRow.Key: Int64] = [:]
        for (key, row) in try rows.typed(LotRow.self) {
            kept[key] = row.sellable.units
            guard let expiry = row.expiry, row.sellable.units > 0 else { continue }
            let stock = key.stock
            due.insert(
                LotDueRow.Key(home: stock.home, expiry: expiry, sku: stock.sku, lot: key.lot)
            )
        }
        expect(
            sellable.filter { $0.value != 0 } == kept.filter { $0.value != 0 },
            "lots are not the sums of their places"
        )
        expect(
            Set(try rows.typed(LotDueRow.self).map(\.key)) == due,
            "the lots that are due differ"
        )
        var placed: [AllocationRow.Key: Int64] = [:]
        for (key, row) in try rows.typed(OrderLineRow.self) {
            expect(
                row.places.reduce(0) { $0 + $1.quantity.units } == row.allocated.units,
                "\(key.order)/\(key.line) is set aside elsewhere than it is allocated"
            )
            for place in row.places {
                let allocation = AllocationRow.Key(
                    stock: StockKey(home: key.home, sku: row.sku),
                    location: place.location,
                    lot: place.lot,
                    orderSite: key.orderSite,
                    order: key.order,
                    line: key.line
                )
                placed[allocation, default: 0] += place.quantity.units
            }
        }
        var allocated: [AllocationRow.Key: Int64] = [:]
        for (key, row) in try rows.typed(AllocationRow.self) { allocated[key] = row.quantity.units }
        expect(placed == allocated, "allocations by place are not those of the order lines")
    }

    private mutating func countCommitments() throws {
        var waiting: Set<String> = []
        for (key, row) in try rows.typed(OrderLineRow.self) {
            let parts = [
                row.reserved, row.allocated, row.picked, row.packed, row.shipped,
                row.backordered, row.cancelled,
            ].map(\.units)
            expect(parts.reduce(0, +) == row.ordered.units, "\(key.order)/\(key.line): \(row)")
            expect(parts.allSatisfy { $0 >= 0 }, "\(key.order)/\(key.line) is negative: \(row)")
            expect(
                row.toPutBack >= .zero
                    && row.toPutBack.units <= row.picked.units + row.packed.units,
                "\(key.order)/\(key.line) puts back more than there is: \(row)"
            )
            expect(
                row.returned >= .zero && row.returned <= row.shipped,
                "\(key.order)/\(key.line) came back more than was shipped: \(row)"
            )
            add(key.home, row.sku, \.reserved, row.reserved.units)
            add(key.home, row.sku, \.allocated, row.allocated.units)
            add(key.home, row.sku, \.picked, row.picked.units)
            add(key.home, row.sku, \.packed, row.packed.units)
            add(key.home, row.sku, \.backordered, row.backordered.units)
            if row.backordered.units > 0 {
                waiting.insert("\(key.home) \(row.sku) \(key.order)/\(key.line) \(row.promise)")
            }
        }
        let queued = try rows.typed(BackorderRow.self).map {
            "\($0.key.home) \($0.key.sku) \($0.key.order)/\($0.key.line) \($0.key.promise)"
        }
        expect(Set(queued) == waiting, "queued \(queued), waiting \(waiting)")
        for (key, row) in try rows.typed(SurplusRow.self) {
            expect(
                row.picked >= .zero && row.packed >= .zero && row.shippedBeyond >= .zero,
                "surplus of \(key.order) is negative: \(row)"
            )
            add(key.home, key.sku, \.surplus, row.picked.units + row.packed.units)
        }
        for (key, row) in try rows.typed(PurchaseLineRow.self) where !row.isClosed {
            add(key.home, row.sku, \.onOrder, max(0, row.ordered.units - row.received.units))
        }
        for (key, row) in try rows.typed(TransferLineRow.self) {
            let inTransit = row.dispatched.units - row.received.units - row.settled.units
            let part: WritableKeyPath<Sums, Int64> =
                key.home == key.source ? \.inTransitOut : \.inTransitIn
            add(key.home, row.sku, part, inTransit)
        }
    }

    private mutating func countRights() throws {
        var homes: [NodeID: SiteCode?] = [:]
        for (key, row) in try rows.typed(NodeRow.self) { homes[key.node] = row.homeSite }
        for (key, row) in try rows.typed(RightsRow.self) {
            add(key.home, key.sku, \.rights, row.balance.units)
            add(key.home, key.sku, \.rightsOwed, min(0, row.balance.units))
            if case .node(let node) = key.holder, let home = homes[node], home != key.home {
                add(key.home, key.sku, \.rightsGranted, row.balance.units)
            }
        }
    }

    private mutating func countMoney(isSettled: Bool) throws {
        struct Entry: Hashable {
            var site: SiteCode
            var account: Account
        }
        var debits: [Entry: Int64] = [:]
        var credits: [Entry: Int64] = [:]
        var total: [EventID: Int64] = [:]
        var sites: Set<SiteCode> = []
        for (key, row) in try rows.typed(JournalRow.self) {
            for line in row.lines {
                expect(
                    line.site == key.home,
                    "a line of \(line.site) in the journal of \(key.home)"
                )
                total[key.event, default: 0] += line.amount.units
                let entry = Entry(site: line.site, account: line.account)
                debits[entry, default: 0] += max(0, line.amount.units)
                credits[entry, default: 0] += max(0, -line.amount.units)
                if line.account == .inventory, let sku = line.sku {
                    add(line.site, sku, \.value, line.amount.units)
                }
                sites.insert(line.site)
            }
        }
        for (key, row) in try rows.typed(AccountRow.self) {
            let entry = Entry(site: key.home, account: key.account)
            expect(
                debits.removeValue(forKey: entry) ?? 0 == row.debit.units
                    && credits.removeValue(forKey: entry) ?? 0 == row.credit.units,
                "\(key.account.code) of \(key.home) is not the sum of its journal"
            )
        }
        expect(
            debits.values.allSatisfy { $0 == 0 } && credits.values.allSatisfy { $0 == 0 },
            "an account is missing"
        )
        let homes = Set(try rows.typed(SummaryHome.self).map(\.key.home))
        if homes.count > 1 {  // the hub: entries of several sites balance as a whole
            for (event, amount) in total { expect(amount == 0, "\(event) does not balance") }
        }
        for (key, row) in try rows.typed(MovementRow.self) {
            let sign: Int64 = row.rule == .issue ? -1 : 1
            if isSettled {
                expect(row.posted == row.value, "\(key.place) is not posted: \(row)")
            }
            guard !row.isVoid else {
                expect(row.posted.isZero && row.value.isZero, "a void movement has a value")
                continue
            }
            add(key.stock.home, key.stock.sku, \.movedUnits, sign * row.quantity.units)
            add(key.stock.home, key.stock.sku, \.movedValue, sign * row.value.units)
            add(key.stock.home, key.stock.sku, \.postedValue, sign * row.posted.units)
        }
        try checkTransit(isSettled: isSettled)
    }

    private typealias SummaryHome = StockSummary

    private mutating func checkTransit(isSettled: Bool) throws {
        struct Name: Hashable {
            var source: SiteCode
            var transfer: DocumentID
            var destination: SiteCode
            var line: Int32
        }
        var values: [SiteCode: Int64] = [:]
        var copies: [Name: TransferLineRow] = [:]
        for (key, row) in try rows.typed(TransferLineRow.self) {
            let name = Name(
                source: key.source,
                transfer: key.transfer,
                destination: key.destination,
                line: key.line
            )
            if let other = copies[name] {
                expect(other == row, "the two copies of \(key.transfer)/\(key.line) differ")
            }
            copies[name] = row
            if key.home == key.source {
                values[key.home, default: 0] += row.transitValue.units
            }
            let inTransit = row.dispatched.units - row.received.units - row.settled.units
            if isSettled, inTransit == 0 {
                expect(
                    row.transitValue.isZero,
                    "\(key.transfer)/\(key.line) has arrived and is worth \(row.transitValue.units): \(row)"
                )
            }
        }
        for (key, row) in try rows.typed(AccountRow.self) where key.account == .goodsInTransit {
            expect(
                row.debit.units - row.credit.units == values[key.home] ?? 0,
                "goods in transit of \(key.home) are not the transit values"
            )
        }
    }

    private mutating func compare(isSettled: Bool) throws {
        var summaries: [Stock: StockSummary] = [:]
        for (key, row) in try rows.typed(StockSummary.self) {
            summaries[Stock(site: key.home, sku: key.sku)] = row
        }
        var pools: [Stock: ValuationRow] = [:]
        for (key, row) in try rows.typed(ValuationRow.self) {
            pools[Stock(site: key.home, sku: key.sku)] = row
        }
        for stock in Set(sums.keys).union(summaries.keys).union(pools.keys) {
            let own = sums[stock] ?? Sums()
            let row = summaries[stock] ?? StockSummary()
            let name = "\(stock.sku) at \(stock.site)"
            let kept = [
                row.sellable, row.unsellable, row.reserved, row.allocated, row.picked, row.packed,
                row.backordered, row.surplus, row.onOrder, row.inTransitIn, row.inTransitOut,
                row.rights, row.rightsOwed, row.rightsGranted,
            ].map(\.units)
            let counted = [
                own.sellable, own.unsellable, own.reserved, own.allocated, own.picked, own.packed,
                own.backordered, own.surplus, own.onOrder, own.inTransitIn, own.inTransitOut,
                own.rights, own.rightsOwed, own.rightsGranted,
            ]
            expect(kept == counted, "\(name): kept \(kept), counted \(counted)")
            expect(
                row.value.units == own.value,
                "\(name): value \(row.value), journal \(own.value)"
            )
            let committed =
                own.reserved + own.allocated + own.picked + own.packed + own.surplus
            expect(
                own.rights == own.sellable - committed,
                "\(name): rights \(own.rights), free \(own.sellable - committed)"
            )
            let pool = pools[stock]?.pool ?? CostPool()
            let onHand = own.sellable + own.unsellable
            let units = pool.held.units - pool.shortfalls.reduce(0) { $0 + $1.quantity.units }
            let value = pool.heldValue.units - pool.shortfalls.reduce(0) { $0 + $1.value.units }
            expect(units == onHand, "\(name): \(units) valued, \(onHand) on hand")
            expect(units == own.movedUnits, "\(name): \(units) valued, \(own.movedUnits) moved")
            expect(value == own.movedValue, "\(name): worth \(value), moved \(own.movedValue)")
            expect(
                own.postedValue == own.value,
                "\(name): posted \(own.postedValue), journal \(own.value)"
            )
            expect(
                pool.held.isZero || pool.shortfalls.isEmpty,
                "\(name): held and short at once"
            )
            expect(!pool.held.isZero || pool.heldValue.isZero, "\(name): value of nothing")
            if isSettled {
                expect(value == own.value, "\(name): worth \(value), inventory \(own.value)")
                expect(pools[stock]?.unposted.isZero ?? true, "\(name): not all is posted")
            }
        }
    }

    /// What an order line's units cost is what its movements cost.
    private mutating func checkOrders() throws {
        var shipped: [MovementReference: (Int64, Int64)] = [:]
        var returned: [MovementReference: (Int64, Int64)] = [:]
        for (_, row) in try rows.typed(MovementRow.self) where !row.isVoid {
            guard let reference = row.reference, case .orderLine = reference else { continue }
            if row.rule == .issue {
                shipped[reference, default: (0, 0)].0 += row.quantity.units
                shipped[reference, default: (0, 0)].1 += row.value.units
            } else {
                returned[reference, default: (0, 0)].0 += row.quantity.units
                returned[reference, default: (0, 0)].1 += row.value.units
            }
        }
        for (key, row) in try rows.typed(OrderLineRow.self) {
            let reference = MovementReference.orderLine(
                site: key.orderSite,
                order: key.order,
                line: key.line
            )
            guard row.returned.units == returned[reference]?.0 ?? 0 else { continue }
            expect(
                row.returnedValue.units == returned[reference]?.1 ?? 0,
                "\(key.order)/\(key.line): returned value \(row.returnedValue.units), "
                    + "moved \(returned[reference]?.1 ?? 0)"
            )
            guard row.shipped.units == shipped[reference]?.0 ?? 0 else { continue }
            expect(
                row.shippedValue.units == shipped[reference]?.1 ?? 0,
                "\(key.order)/\(key.line): shipped value \(row.shippedValue.units), "
                    + "moved \(shipped[reference]?.1 ?? 0)"
            )
        }
    }
}

extension InMemoryRowSource {
    /// What the proof of a store would find in its rows.
    func identityFaults() throws -> [String] {
        var identities = StateIdentities()
        for kind in RowKind.allCases {
            for (key, value) in rows(kind) { try identities.add(kind, key: key, value: value) }
        }
        return identities.faults().map { "\($0.place): \($0.sentence)" }
    }
}

/// Recomputes the digests of rows from nothing.
func digestsFromNothing(of rows: InMemoryRowSource) throws -> [RowName: [UInt8]] {
    var sums: [RowName: DigestSum] = [:]
    func add<R: Row>(_ type: R.Type) throws {
        guard let layer = R.layer else { return }
        for (bytes, value) in rows.rows(R.kind) {
            let key = try R.Key(bytes: bytes)
            guard try R(bytes: value).isOpen else { continue }
            let place = DigestRow.Key(home: key.site, layer: layer)
            let name = RowName(kind: .digest, key: place.bytes)
            sums[name, default: .zero].add(rowHash(R.kind, bytes, value))
        }
    }
    try add(ItemRow.self)
    try add(SiteRow.self)
    try add(NodeRow.self)
    try add(PolicyRow.self)
    try add(PersonRow.self)
    try add(LocationRow.self)
    try add(BucketRow.self)
    try add(LotRow.self)
    try add(LotDueRow.self)
    try add(SerialRow.self)
    try add(SerialPlaceRow.self)
    try add(ReturnedReceiptRow.self)
    try add(OrderLineRow.self)
    try add(SurplusRow.self)
    try add(TransferLineRow.self)
    try add(PurchaseLineRow.self)
    try add(RightsRow.self)
    try add(RemoteLineRow.self)
    try add(RemoteRightsRow.self)
    try add(TaskRow.self)
    try add(FreezeRow.self)
    try add(RightsRequestRow.self)
    try add(HoldRow.self)
    try add(AllocationRow.self)
    try add(StagedRow.self)
    try add(ValuationRow.self)
    try add(AccountRow.self)
    try add(CostLayerRow.self)
    return sums.filter { $0.value != .zero }.mapValues(\.bytes)
}
