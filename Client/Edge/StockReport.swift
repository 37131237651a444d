public import Interchange
public import InventoryEngine
import Replication

/// The stock of one item at one site, all layers side by side.
public struct StockReportRow: Sendable {
    /// The site.
    public let site: SiteCode
    /// The item.
    public let sku: SKU
    /// The quantities in the documented order, with the names that programs read.
    public let quantities: [(name: String, units: Int64?)]
    /// The decimals of the quantities.
    public let scale: UInt8
    /// What the stock is worth.
    public let value: Money
    /// The value of one unit; nil when none is on hand.
    public let unitCost: Money?
    /// The network's currency.
    public let currency: Label
    /// The network's money scale.
    public let moneyScale: UInt8
    /// Whether pending events have changed the row.
    public let isProvisional: Bool

    /// Writes the row as one JSON object.
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("site", site.text)
            writer.member("sku", sku.text)
            for quantity in quantities {
                if let units = quantity.units {
                    writer.member(quantity.name, units: units, scale: scale)
                } else {
                    writer.member(quantity.name, orNull: nil)
                }
            }
            writer.member("value", units: value.units, scale: moneyScale)
            if let unitCost {
                writer.member("unit_cost", units: unitCost.units, scale: moneyScale)
            } else {
                writer.member("unit_cost", orNull: nil)
            }
            writer.member("currency", currency.text)
            writer.member("provisional", isProvisional)
        }
    }
}

/// How much of one item lies in one place, in one lot and status.
public struct StockBucket: Sendable {
    /// The site.
    public let site: SiteCode
    /// The item.
    public let sku: SKU
    /// The place.
    public let location: LocationID
    /// The lot, if the item has lots.
    public let lot: LotID?
    /// The status.
    public let status: StockStatus
    /// How much.
    public let onHand: Quantity
    /// The decimals of the quantity.
    public let scale: UInt8

    /// Writes the row as one JSON object.
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("site", site.text)
            writer.member("sku", sku.text)
            writer.member("location", location.text)
            writer.member("lot", orNull: lot?.text)
            writer.member("status", status.text)
            writer.member("on_hand", units: onHand.units, scale: scale)
        }
    }
}

extension EdgeNode {
    /// The stock of the node's site, and of the network as it was last heard of.
    ///
    /// - Parameters:
    ///   - skus: Which items; empty for all.
    ///   - includesNetwork: Whether to add the other sites.
    /// - Returns: The rows, by item and site.
    /// - Throws: A storage error.
    public func stock(
        of skus: Set<SKU>,
        includesNetwork: Bool
    ) async throws -> [StockReportRow] {
        let identity = identity
        return try await log.read { log in
            let overlay = log.source(.overlay)
            let base = log.source(.base)
            var rows: [StockReportRow] = []
            try overlay.scan(.summary) { key, value in
                let stock = try StockKey(bytes: key)
                guard stock.home == identity.site, skus.isEmpty || skus.contains(stock.sku)
                else { return }
                let isProvisional = try base.row(.summary, key) != value
                let summary = try StockSummary(bytes: value)
                rows.append(
                    try .own(stock, summary, identity, overlay, isProvisional: isProvisional)
                )
            }
            if includesNetwork {
                try log.source(.network).scan(.summary) { key, value in
                    let stock = try StockKey(bytes: key)
                    guard stock.home != identity.site, skus.isEmpty || skus.contains(stock.sku)
                    else { return }
                    let summary = try StockSummary(bytes: value)
                    rows.append(try .foreign(stock, summary, identity, overlay))
                }
            }
            return rows.sorted { ($0.sku, $0.site) < ($1.sku, $1.site) }
        }
    }

    /// The stock of the node's site by location, lot and status.
    ///
    /// - Parameter skus: Which items; empty for all.
    /// - Returns: The rows, by item and location.
    /// - Throws: A storage error.
    public func buckets(of skus: Set<SKU>) async throws -> [StockBucket] {
        let identity = identity
        return try await log.read { log in
            let overlay = log.source(.overlay)
            var buckets: [StockBucket] = []
            try overlay.scan(.bucket) { key, value in
                let key = try BucketRow.Key(bytes: key)
                guard key.home == identity.site, skus.isEmpty || skus.contains(key.sku)
                else { return }
                buckets.append(
                    StockBucket(
                        site: key.home,
                        sku: key.sku,
                        location: key.location,
                        lot: key.lot,
                        status: key.status,
                        onHand: try BucketRow(bytes: value).quantity,
                        scale: try overlay.item(key.sku)?.properties.scale ?? 0
                    )
                )
            }
            return buckets
        }
    }
}

extension StockReportRow {
    /// A row of the own site, with the promise rights of its holders.
    fileprivate static func own(
        _ stock: StockKey,
        _ summary: StockSummary,
        _ identity: NodeIdentity,
        _ source: any RowSource,
        isProvisional: Bool
    ) throws -> StockReportRow {
        let item = try source.item(stock.sku)
        let here = try source.rights(stock, .node(identity.node))
        let frozen = try source.rights(stock, .frozen)
        let held = try summary.rights.minus(summary.rightsGranted).minus(frozen)
        return try StockReportRow(
            stock,
            summary,
            identity,
            item,
            rights: (here.units, held.units),
            isProvisional: isProvisional
        )
    }

    /// A row of another site, of which this node knows the summary alone.
    fileprivate static func foreign(
        _ stock: StockKey,
        _ summary: StockSummary,
        _ identity: NodeIdentity,
        _ source: any RowSource
    ) throws -> StockReportRow {
        try StockReportRow(
            stock,
            summary,
            identity,
            try source.item(stock.sku),
            rights: (nil, nil),
            isProvisional: false
        )
    }

    private init(
        _ stock: StockKey,
        _ summary: StockSummary,
        _ identity: NodeIdentity,
        _ item: ItemRow?,
        rights: (here: Int64?, held: Int64?),
        isProvisional: Bool
    ) throws {
        let onHand = try summary.onHand()
        let safetyStock = item?.properties.safetyStock ?? .zero
        let available = try summary.free().minus(summary.rightsGranted).minus(safetyStock)
        site = stock.home
        sku = stock.sku
        scale = item?.properties.scale ?? 0
        value = summary.value
        currency = identity.currency
        moneyScale = identity.moneyScale
        self.isProvisional = isProvisional
        quantities = [
            ("on_hand", onHand.units),
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
            ("rights_here", rights.here),
            ("rights_held", rights.held),
            ("rights_granted", summary.rightsGranted.units),
            ("available", available.units),
        ]
        if onHand.isZero {
            unitCost = nil
        } else {
            let one = (0..<scale).reduce(Int64(1)) { units, _ in units * 10 }
            unitCost = try summary.value.share(Quantity(units: one), of: onHand)
        }
    }
}

extension RowSource {
    fileprivate func item(_ sku: SKU) throws -> ItemRow? {
        try row(.item, ItemRow.Key(sku: sku).bytes).map { try ItemRow(bytes: $0) }
    }

    fileprivate func rights(_ stock: StockKey, _ holder: Holder) throws -> Quantity {
        let key = RightsRow.Key(home: stock.home, sku: stock.sku, holder: holder)
        return try row(.rights, key.bytes).map { try RightsRow(bytes: $0).balance } ?? .zero
    }
}
