import Causality
import Interchange
public import InventoryEngine
import Replication

/// What an operator reads, as JSON.
extension HubService {
    /// Where the hub stands: its epoch and head, its nodes, and the digests of its sites.
    public func statusReport() async throws -> [UInt8] {
        let epoch = ledger.epoch
        return try await log.read { log in
            let head = try log.head(in: nil)
            let nodes = try Self.nodes(in: log)
            var writer = JSONWriter()
            try writer.object { (json) throws in
                json.member("state", "serving")
                json.member("epoch", quoted: epoch.counter)
                json.member("head", quoted: head.rawValue)
                json.member("durable", quoted: HubPosition.start.rawValue)
                json.key("nodes")
                try json.array { (json) throws in
                    for (node, row) in nodes {
                        let last = try log.lastEvent(of: node)?.sequence ?? 0
                        json.object { json in
                            json.member("node", row.name.text)
                            json.member("site", orNull: row.homeSite?.text)
                            json.member("acknowledged", quoted: last)
                        }
                    }
                }
                json.key("digests")
                let sites = Set(nodes.compactMap(\.row.homeSite)).sorted()
                try json.object { (json) throws in
                    for site in sites {
                        json.key(site.text)
                        try Self.writeDigests(of: site, from: log.source(.base), to: &json)
                    }
                }
            }
            return writer.bytes
        }
    }

    private static func writeDigests(
        of site: SiteCode,
        from source: any RowSource,
        to writer: inout JSONWriter
    ) throws {
        try writer.object { (json) throws in
            for layer in [Layer.physical, .commitment, .financial] {
                let key = DigestRow.Key(home: site, layer: layer)
                let sum = try source.row(.digest, key.bytes).map { try DigestRow(bytes: $0).sum }
                json.member(layer.text, (sum ?? .zero).description)
            }
        }
    }

    /// The stock of items at a site; of all of them if none are named.
    public func stockReport(skus: [SKU], site: SiteCode?) async throws -> [UInt8] {
        let moneyScale = ledger.identity.moneyScale
        return try await log.read { log in
            let source = log.source(.base)
            var prefix = ByteWriter()
            if let site { prefix.id(site) }
            let upper =
                site == nil
                ? [UInt8](repeating: 0xFF, count: 2 * SiteCode.lengthMax + 8)
                : upperBound(ofPrefix: prefix.bytes)
            let rows = try source.rows(
                .summary,
                from: prefix.bytes,
                to: upper,
                limit: .max,
                descending: false
            )
            var writer = JSONWriter()
            try writer.array { (json) throws in
                for (bytes, value) in rows {
                    let key = try StockKey(bytes: bytes)
                    guard skus.isEmpty || skus.contains(key.sku) else { continue }
                    let item = try source.row(.item, ItemRow.Key(sku: key.sku).bytes)
                        .map { try ItemRow(bytes: $0) }
                    try Self.write(
                        try StockSummary(bytes: value),
                        key,
                        scale: item?.properties.scale ?? 0,
                        moneyScale: moneyScale,
                        to: &json
                    )
                }
            }
            return writer.bytes
        }
    }

    private static func write(
        _ stock: StockSummary,
        _ key: StockKey,
        scale: UInt8,
        moneyScale: UInt8,
        to writer: inout JSONWriter
    ) throws {
        let onHand = try stock.onHand()
        writer.object { json in
            json.member("site", key.home.text)
            json.member("sku", key.sku.text)
            json.member("on_hand", units: onHand.units, scale: scale)
            json.member("sellable", units: stock.sellable.units, scale: scale)
            json.member("reserved", units: stock.reserved.units, scale: scale)
            json.member("allocated", units: stock.allocated.units, scale: scale)
            json.member("picked", units: stock.picked.units, scale: scale)
            json.member("packed", units: stock.packed.units, scale: scale)
            json.member("backordered", units: stock.backordered.units, scale: scale)
            json.member("value", units: stock.value.units, scale: moneyScale)
        }
    }
}
