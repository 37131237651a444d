package import Causality

/// A production lot of an item at a site.
package struct LotRow: Row {
    package static let kind = RowKind.lot
    package static let layer: Layer? = .physical

    package struct Key: RowKey {
        package var stock: StockKey
        package var lot: LotID
        package var site: SiteCode? { stock.home }

        package init(stock: StockKey, lot: LotID) {
            self.stock = stock
            self.lot = lot
        }

        package func encode(into writer: inout ByteWriter) {
            stock.encode(into: &writer)
            writer.id(lot)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.stock = try StockKey(from: &reader)
            self.lot = try reader.id()
        }
    }

    /// The last day on which it may be promised, in UTC; the earliest that anybody has named.
    package var expiry: CivilDate?
    /// What of it is sellable, outside of staging.
    package var sellable = Quantity.zero
    /// How often it has been let expire, which tells one expiry from the next.
    package var expiries: UInt64 = 0

    package init() {}

    package var isVacant: Bool { expiry == nil && sellable.isZero && expiries == 0 }

    /// Whether it has to be let expire once its date has passed.
    var isDue: Bool { expiry != nil && sellable.units > 0 }

    package func encode(into writer: inout ByteWriter) {
        writer.optional(expiry) { $0.date($1) }
        writer.quantity(sellable)
        writer.varint(expiries)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.expiry = try reader.optional { (reader) throws(EngineError) in try reader.date() }
        self.sellable = try reader.quantity()
        self.expiries = try reader.varint()
    }
}

/// A lot that is sellable and has a date, in the order of those dates.
package struct LotDueRow: Row {
    package static let kind = RowKind.lotDue

    package struct Key: RowKey {
        package var home: SiteCode
        package var expiry: CivilDate
        package var sku: SKU
        package var lot: LotID
        package var site: SiteCode? { home }

        package init(home: SiteCode, expiry: CivilDate, sku: SKU, lot: LotID) {
            self.home = home
            self.expiry = expiry
            self.sku = sku
            self.lot = lot
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.date(expiry)
            writer.id(sku)
            writer.id(lot)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.expiry = try reader.date()
            self.sku = try reader.id()
            self.lot = try reader.id()
        }
    }

    package var isDue: Bool
    package var isVacant: Bool { !isDue }

    package init(isDue: Bool) { self.isDue = isDue }

    package func encode(into writer: inout ByteWriter) { writer.bool(isDue) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.isDue = try reader.bool()
    }
}

extension ByteWriter {
    /// Writes a date as the number YYYYMMDD, which sorts as dates do.
    package mutating func date(_ date: CivilDate) {
        ordered(UInt64(date.year * 10_000 + date.month * 100 + date.day))
    }
}

extension ByteReader {
    package mutating func date() throws(EngineError) -> CivilDate {
        let number = try ordered()
        guard number < 100_000_000,
            let date = CivilDate(
                year: Int(number / 10_000),
                month: Int(number / 100 % 100),
                day: Int(number % 100)
            )
        else { throw .damaged("A stored date is no day of the calendar.") }
        return date
    }
}

// MARK: Keeping them

extension StockState {
    /// Changes what is known of a lot, and keeps its place in the order of dates.
    mutating func changeLot(
        _ stock: StockKey,
        _ lot: LotID,
        _ change: (inout LotRow) throws(EngineError) -> Void
    ) throws(EngineError) {
        guard holds(stock.home) else { return }
        let key = LotRow.Key(stock: stock, lot: lot)
        let old = try cache.lots.row(key, from: reader) ?? LotRow()
        var row = old
        try change(&row)
        guard row != old else { return }
        try cache.lots.set(key, to: row, from: reader)
        guard row.isDue != old.isDue || row.expiry != old.expiry else { return }
        for (lotRow, isDue) in [(old, false), (row, row.isDue)] {
            guard let expiry = lotRow.expiry else { continue }
            let due = LotDueRow.Key(home: stock.home, expiry: expiry, sku: stock.sku, lot: lot)
            try cache.lotsDue.set(due, to: LotDueRow(isDue: isDue), from: reader)
        }
    }

    /// Notes the date that a line names for its lot: the earliest that anybody names holds, so that
    /// it is the same in whatever order they arrive.
    mutating func noteExpiry(_ stock: StockKey, _ line: EventLine) throws(EngineError) {
        guard let lot = line.lot, let expiry = line.expiry, holds(stock.home) else { return }
        let known = try cache.lots.row(LotRow.Key(stock: stock, lot: lot), from: reader)?.expiry
        if let known, known != expiry {
            raise(
                "lot_expiry_differs",
                stock.sku,
                "Lot \(lot) of \(stock.sku) has the dates \(min(known, expiry)) and "
                    + "\(max(known, expiry)); the earlier one holds.",
                at: stock.home
            )
        }
        try changeLot(stock, lot) { row in row.expiry = min(known ?? expiry, expiry) }
    }

    /// The last day on which a lot may be promised; nil if nobody has named one.
    mutating func expiry(of lot: LotID?, _ stock: StockKey) throws(EngineError) -> CivilDate? {
        guard let lot else { return nil }
        return try cache.lots.row(LotRow.Key(stock: stock, lot: lot), from: reader)?.expiry
    }

    // MARK: What is past its date

    /// The most lots that one look lets expire.
    static let lotsExpiredMax = 256

    private mutating func lotsDue(
        at home: SiteCode,
        before day: CivilDate?,
        limit: Int
    ) throws(EngineError) -> [LotDueRow.Key] {
        var prefix = ByteWriter()
        prefix.id(home)
        var upper = upperBound(ofPrefix: prefix.bytes)
        if let day {
            var bound = prefix
            bound.date(day)
            upper = bound.bytes
        }
        return try cache.lotsDue.rows(
            from: prefix.bytes,
            to: upper,
            limit: limit,
            source: reader
        ).map(\.key)
    }

    /// What of a stock is still called sellable although its lot is past its date.
    ///
    /// - Complexity: O(lots of the site past their date that no agent has let expire yet).
    mutating func outOfDate(_ stock: StockKey, on day: CivilDate) throws(EngineError) -> Quantity {
        var sum = Quantity.zero
        for key in try lotsDue(at: stock.home, before: day, limit: .max) where key.sku == stock.sku
        {
            let row = try cache.lots.row(LotRow.Key(stock: stock, lot: key.lot), from: reader)
            sum = try sum.plus(row?.sellable.clampedToZero ?? .zero)
        }
        return sum
    }

    /// When the next lot of a site is past its date; nil if none will be.
    package mutating func nextLotExpiry(at site: SiteCode) throws(EngineError) -> Instant? {
        guard let key = try lotsDue(at: site, before: nil, limit: 1).first else { return nil }
        return Instant(rfc3339: "\(key.expiry)")?.adding(microseconds: 86_400_000_000)
    }

    /// The lots of a site that are past their date and still called sellable, each as the change of
    /// status to record.
    ///
    /// What is picked already is left to people: its dispatch raises an exception.
    ///
    /// - Parameters:
    ///   - site: The site of the agent that asks.
    ///   - now: The time.
    /// - Returns: Op and body each, the oldest first, at most ``lotsExpiredMax``.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(places of the lots that are due).
    package mutating func dueLotExpiries(
        at site: SiteCode,
        now: Instant
    ) throws(EngineError) -> [(op: OpKey, change: StockChange)] {
        var due: [(op: OpKey, change: StockChange)] = []
        for key in try lotsDue(at: site, before: now.date, limit: Self.lotsExpiredMax) {
            let stock = StockKey(home: site, sku: key.sku)
            let lot = LotRow.Key(stock: stock, lot: key.lot)
            guard let row = try cache.lots.row(lot, from: reader),
                let item = try cache.items.row(ItemRow.Key(sku: key.sku), from: reader)
            else { continue }
            var lines: [EventLine] = []
            for (bucket, quantity) in try buckets(of: stock, .sellable)
            where bucket.lot == key.lot && bucket.location != .staging
                && lines.count < InventoryRules.linesMax
            {
                var line = EventLine(
                    sku: key.sku,
                    quantity: quantity,
                    scale: item.properties.scale,
                    location: bucket.location
                )
                line.lot = key.lot
                line.status = .sellable
                line.toStatus = .expired
                lines.append(line)
            }
            guard !lines.isEmpty else { continue }
            due.append(
                (
                    Self.expiryOp(stock.sku, key.lot, row.expiries),
                    StockChange(reason: "past its date, \(key.expiry)", lines: lines)
                )
            )
        }
        return due
    }

    /// Two agents that let a lot expire record the same op: the second is a duplicate.
    private static func expiryOp(_ sku: SKU, _ lot: LotID, _ count: UInt64) -> OpKey {
        let name = count == 0 ? "\(sku)/\(lot)" : "\(sku)/\(lot)/\(count)"
        if let op = OpKey("expire:\(name)") { return op }
        let hash = ContentHash.of(Array(name.utf8)).description
        return OpKey(trusted: "expire:" + hash.prefix(32))
    }

    /// Where units of a stock lie, in one status or with nil in any, more than none each.
    ///
    /// - Complexity: O(buckets of the stock).
    mutating func buckets(
        of stock: StockKey,
        _ status: StockStatus? = nil
    ) throws(EngineError) -> [(key: BucketRow.Key, quantity: Quantity)] {
        let prefix = stock.bytes
        return try cache.buckets.rows(
            from: prefix,
            to: upperBound(ofPrefix: prefix),
            limit: .max,
            source: reader
        ).filter { (status == nil || $0.key.status == status) && $0.row.quantity.units > 0 }.map {
            ($0.key, $0.row.quantity)
        }
    }
}
