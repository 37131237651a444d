import Causality
import Interchange
import InventoryEngine
import Replication

/// What is on hand, bound and free.
extension ReportReader {
    mutating func stock() throws -> ReportPage {
        switch query.grouping {
        case nil: try stockByItem()
        case .location: try stockByLocation()
        case .lot: try stockByLot()
        }
    }

    // MARK: By item

    private func summaryRanges() throws -> [RowRange] {
        guard let own = viewer.ownSite, query.site != own else {
            return try rangesBySKU(.summary)
        }
        // Other sites are known to a node by their summaries alone, in a view of their own.
        if let other = query.site { return try networkRanges(of: keyPrefix(other.text)) }
        let ours = try rangesBySKU(.summary)
        guard query.includesNetwork else { return ours }
        let prefix = keyPrefix(own.text)
        guard query.skus.isEmpty else {
            let others = try log.source(.network).prefixes(.summary, below: [])
            let before = others.filter { $0.lexicographicallyPrecedes(prefix) }
            let after = others.filter { prefix.lexicographicallyPrecedes($0) }
            return try before.flatMap(networkRanges) + ours + after.flatMap(networkRanges)
        }
        return [RowRange(.network, .summary, from: [], to: prefix)] + ours + [
            RowRange(.network, .summary, from: upperBound(ofPrefix: prefix), to: RowRange.end)
        ]
    }

    private func networkRanges(of home: [UInt8]) throws -> [RowRange] {
        guard !query.skus.isEmpty else { return [RowRange(.network, .summary, prefix: home)] }
        return query.skus.sorted().map {
            RowRange(.network, .summary, prefix: home + keyPrefix($0.text))
        }
    }

    private mutating func stockByItem() throws -> ReportPage {
        try pageOfRows(summaryRanges()) { (reader, view, key, value) throws in
            let stock = try StockKey(bytes: key)
            let summary = try StockSummary(bytes: value)
            return try reader.row(
                stock,
                summary,
                isOwn: view != .network,
                isProvisional: view != .network && reader.isProvisional(.summary, key, value)
            )
        }
    }

    private mutating func row(
        _ stock: StockKey,
        _ summary: StockSummary,
        isOwn: Bool,
        isProvisional: Bool
    ) throws -> [UInt8]? {
        let item = try item(stock.sku)
        let scale = item?.properties.scale ?? 0
        let safetyStock = item?.properties.safetyStock ?? .zero
        let sum = Sum(summary)
        let available = sum.free - Int128(summary.rightsGranted.units) - Int128(safetyStock.units)
        if let below = query.below, !below.exceeds(available, scale: scale) { return nil }
        var here: Int64?
        var held: Int64?
        if isOwn {
            here = try rights(stock, .node(identity.node))
            let frozen = try rights(stock, .frozen)
            held = Int64(
                exactly: Int128(summary.rights.units) - Int128(summary.rightsGranted.units)
                    - Int128(frozen)
            )
        }
        let quantities: [(name: String, units: Int64?)] = [
            ("on_hand", Int64(exactly: sum.onHand)),
            ("sellable", summary.sellable.units),
            ("reserved", summary.reserved.units),
            ("allocated", summary.allocated.units),
            ("picked", summary.picked.units),
            ("packed", summary.packed.units),
            ("backordered", summary.backordered.units),
            ("in_transit_in", summary.inTransitIn.units),
            ("in_transit_out", summary.inTransitOut.units),
            ("surplus", summary.surplus.units),
            ("safety_stock", safetyStock.units),
            ("on_order", summary.onOrder.units),
            ("rights_here", here),
            ("rights_held", held),
            ("rights_granted", summary.rightsGranted.units),
            ("available", Int64(exactly: available)),
        ]
        let identity = identity
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("site", stock.home.text)
            writer.member("sku", stock.sku.text)
            for quantity in quantities {
                writer.member(quantity.name, unitsOrNull: quantity.units, scale: scale)
            }
            writer.member("value", units: summary.value.units, scale: identity.moneyScale)
            writer.member(
                "unit_cost",
                unitsOrNull: summary.unitCost(onHand: sum.onHand, scale: scale),
                scale: identity.moneyScale
            )
            writer.member("currency", identity.currency.text)
            writer.member("provisional", isProvisional)
        }
        return writer.bytes
    }

    /// Sums of quantities, wide enough for whatever a row may hold.
    private struct Sum {
        let onHand: Int128
        let free: Int128

        init(_ summary: StockSummary) {
            onHand = Int128(summary.sellable.units) + Int128(summary.unsellable.units)
            let bound = [
                summary.reserved, summary.allocated, summary.picked, summary.packed,
                summary.surplus,
            ]
            free = bound.reduce(Int128(summary.sellable.units)) { $0 - Int128($1.units) }
        }
    }

    private func rights(_ stock: StockKey, _ holder: Holder) throws -> Int64 {
        let key = RightsRow.Key(home: stock.home, sku: stock.sku, holder: holder)
        return try source.row(RightsRow.self, key)?.balance.units ?? 0
    }

    // MARK: By place

    private mutating func stockByLocation() throws -> ReportPage {
        try pageOfRows(rangesBySKU(.bucket)) { (reader, _, bytes, value) throws in
            let key = try BucketRow.Key(bytes: bytes)
            let scale = try reader.scale(key.sku)
            let onHand = try BucketRow(bytes: value).quantity
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("site", key.home.text)
                writer.member("sku", key.sku.text)
                writer.member("location", key.location.text)
                writer.member("lot", orNull: key.lot?.text)
                writer.member("status", key.status.text)
                writer.member("on_hand", units: onHand.units, scale: scale)
            }
            return writer.bytes
        }
    }

    /// A lot of an item in one status, wherever it lies.
    private struct Group: Hashable {
        var stock: StockKey
        var lot: LotID?
        var status: StockStatus

        /// What a cursor says of it.
        var bytes: [UInt8] {
            var writer = ByteWriter()
            stock.encode(into: &writer)
            writer.id(lot)
            writer.byte(status.rawValue)
            return writer.bytes
        }
    }

    /// Sums the buckets of one item at a time: an item's lots lie scattered over its locations.
    ///
    /// A page that ends within an item reads that item's buckets again for the next.
    private mutating func stockByLot() throws -> ReportPage {
        let start = try startKey()
        var first: [UInt8]?
        if let start {
            var reader = ByteReader(start)
            do throws(EngineError) {
                first = try StockKey(from: &reader).bytes
            } catch {
                throw InterchangeError.invalidCursor
            }
        }
        var lastGroup: [UInt8]?
        for range in try rangesBySKU(.bucket) {
            var lower = range.lower
            if let first, lower.lexicographicallyPrecedes(first) { lower = first }
            while let next = try firstKey(from: lower, to: range.upper) {
                let stock = try BucketRow.Key(bytes: next).stock
                for (group, total) in try lots(of: stock) {
                    let bytes = group.bytes
                    if let start, !start.lexicographicallyPrecedes(bytes) { continue }
                    if page.isFull { return finished(lastKey: lastGroup) }
                    try add(group, total)
                    lastGroup = bytes
                }
                lower = upperBound(ofPrefix: stock.bytes)
            }
        }
        return finished(lastKey: nil)
    }

    private func firstKey(from lower: [UInt8], to upper: [UInt8]) throws -> [UInt8]? {
        guard lower.lexicographicallyPrecedes(upper) else { return nil }
        return try source.rows(.bucket, from: lower, to: upper, limit: 1, descending: false)
            .first?.key
    }

    private func lots(of stock: StockKey) throws -> [(Group, Int128)] {
        var totals: [Group: Int128] = [:]
        var unbounded = PageBuilder(limit: .max)
        var start: [UInt8]?
        let range = RowRange(view, .bucket, prefix: stock.bytes)
        repeat {
            unbounded = PageBuilder(limit: .max)
            start = try log.scan([range], after: start, into: &unbounded) { _, key, value, _ in
                let key = try BucketRow.Key(bytes: key)
                let group = Group(stock: stock, lot: key.lot, status: key.status)
                totals[group, default: 0] += Int128(try BucketRow(bytes: value).quantity.units)
            }
        } while start != nil
        return totals.map { ($0.key, $0.value) }.sorted {
            $0.0.bytes.lexicographicallyPrecedes($1.0.bytes)
        }
    }

    private mutating func add(_ group: Group, _ total: Int128) throws {
        let scale = try scale(group.stock.sku)
        let lot = group.lot.map { LotRow.Key(stock: group.stock, lot: $0) }
        let expiry = try lot.flatMap { try source.row(LotRow.self, $0)?.expiry }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("site", group.stock.home.text)
            writer.member("sku", group.stock.sku.text)
            writer.member("lot", orNull: group.lot?.text)
            writer.member("expiry", orNull: expiry?.description)
            writer.member("status", group.status.text)
            writer.member("on_hand", unitsOrNull: Int64(exactly: total), scale: scale)
        }
        page.add(writer.bytes)
    }
}

extension BucketRow.Key {
    fileprivate var stock: StockKey { StockKey(home: home, sku: sku) }
}

extension StockSummary {
    /// The value of one unit, rounded half up; nil when none is on hand or it has no bounds.
    fileprivate func unitCost(onHand: Int128, scale: UInt8) -> Int64? {
        guard onHand != 0, let whole = Int64(exactly: onHand), scale <= 6 else { return nil }
        let one = (0..<scale).reduce(Int64(1)) { units, _ in units * 10 }
        do throws(EngineError) {
            return try value.share(Quantity(units: one), of: Quantity(units: whole)).units
        } catch {
            return nil  // more than can be written: a fraction of a unit that is worth everything
        }
    }
}

extension ExactDecimal {
    /// Whether this number is more than so many units at a scale.
    fileprivate func exceeds(_ units: Int128, scale: UInt8) -> Bool {
        // Both scales are at most 6 and both numbers have at most 65 bits: nothing overflows.
        func power(_ exponent: UInt8) -> Int128 {
            (0..<min(exponent, 12)).reduce(Int128(1)) { power, _ in power * 10 }
        }
        return units * power(self.scale) < Int128(mantissa) * power(scale)
    }
}

extension JSONWriter {
    /// Writes a member that is an exact decimal, or `null` where there is none.
    mutating func member(_ key: String, unitsOrNull units: Int64?, scale: UInt8) {
        if let units {
            member(key, units: units, scale: scale)
        } else {
            member(key, orNull: nil)
        }
    }
}
