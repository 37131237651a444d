import Causality
import Interchange
import InventoryEngine
import Replication

/// Orders and transfers, line by line.
extension ReportReader {
    /// Whether a line is of the items and in the state that are asked for.
    private func wants(_ sku: SKU, isOpen: Bool) -> Bool {
        guard query.skus.isEmpty || query.skus.contains(sku) else { return false }
        return query.state == nil || query.state == (isOpen ? "open" : "closed")
    }

    // MARK: Orders

    mutating func orders() throws -> ReportPage {
        try pageOfRows(rangesByDocument(.orderLine)) { (reader, _, bytes, value) throws in
            let line = try OrderLineRow(bytes: value)
            guard reader.wants(line.sku, isOpen: line.isOpen) else { return nil }
            let key = try OrderLineRow.Key(bytes: bytes)
            let isProvisional = try reader.isProvisional(.orderLine, bytes, value)
            return try reader.row(key, line, isProvisional: isProvisional)
        }
    }

    private mutating func row(
        _ key: OrderLineRow.Key,
        _ line: OrderLineRow,
        isProvisional: Bool
    ) throws -> [UInt8] {
        let orderKey = OrderRow.Key(home: key.home, orderSite: key.orderSite, order: key.order)
        let order = try source.row(OrderRow.self, orderKey)
        let confirmedBy = try order.map { try text(of: $0.confirmedBy.id) }
        let scale = try scale(line.sku)
        let identity = identity
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("order", key.order.text)
            writer.member("order_site", key.orderSite.text)
            writer.member("site", key.home.text)
            writer.member("line", number: key.line)
            writer.member("sku", line.sku.text)
            writer.member("ordered", units: line.ordered.units, scale: scale)
            writer.member("reserved", units: line.reserved.units, scale: scale)
            writer.member("allocated", units: line.allocated.units, scale: scale)
            writer.member("picked", units: line.picked.units, scale: scale)
            writer.member("packed", units: line.packed.units, scale: scale)
            writer.member("shipped", units: line.shipped.units, scale: scale)
            writer.member("backordered", units: line.backordered.units, scale: scale)
            writer.member("cancelled", units: line.cancelled.units, scale: scale)
            writer.member("to_put_back", units: line.toPutBack.units, scale: scale)
            writer.member("returned", units: line.returned.units, scale: scale)
            // What is promised beyond the rights of the one who promised is backordered.
            writer.member("finality", line.backordered.isZero ? "final" : "provisional")
            writer.member("state", line.isOpen ? "open" : "closed")
            writer.member(
                "shipped_value",
                units: line.shippedValue.units,
                scale: identity.moneyScale
            )
            writer.member("currency", identity.currency.text)
            writer.member("channel", orNull: order?.channel?.text)
            writer.member("customer", orNull: order?.customer?.text)
            writer.member("priority", number: line.promise.priority)
            writer.member("confirmed_at", orNull: order?.confirmedAt.rfc3339)
            writer.member("confirmed_by", orNull: confirmedBy)
            writer.member("hold_until", orNull: order?.holdUntil?.rfc3339)
            writer.key("places")
            writer.array { writer in
                for place in line.places {
                    writer.object { writer in
                        writer.member("location", place.location.text)
                        writer.member("lot", orNull: place.lot?.text)
                        writer.member("quantity", units: place.quantity.units, scale: scale)
                    }
                }
            }
            writer.member("provisional", isProvisional)
        }
        return writer.bytes
    }

    // MARK: Transfers

    mutating func transfers() throws -> ReportPage {
        try pageOfRows(rangesByDocument(.transferLine)) { (reader, _, bytes, value) throws in
            let line = try TransferLineRow(bytes: value)
            guard reader.wants(line.sku, isOpen: line.isOpen) else { return nil }
            let key = try TransferLineRow.Key(bytes: bytes)
            guard try reader.isFirstCopy(key) else { return nil }
            let isProvisional = try reader.isProvisional(.transferLine, bytes, value)
            return try reader.row(key, line, isProvisional: isProvisional)
        }
    }

    /// Whether a transfer line is the copy to show: each of the two sites keeps the same row, and
    /// the hub, which holds both, shows the source's unless one site is asked for.
    private func isFirstCopy(_ key: TransferLineRow.Key) throws -> Bool {
        guard site == nil, key.home != key.source else { return true }
        var first = key
        first.home = key.source
        return try source.row(.transferLine, first.bytes) == nil
    }

    private mutating func row(
        _ key: TransferLineRow.Key,
        _ line: TransferLineRow,
        isProvisional: Bool
    ) throws -> [UInt8] {
        let transferKey = TransferRow.Key(
            home: key.home,
            source: key.source,
            transfer: key.transfer,
            destination: key.destination
        )
        let transfer = try source.row(TransferRow.self, transferKey)
        let requestedBy = try transfer?.requestedBy.map { try text(of: $0.id) }
        let cancelledBy = try transfer?.cancelledBy.event.map { try text(of: $0.id) }
        let dispatchedBy = try line.dispatchedBy.event.map { try text(of: $0.id) }
        let receivedBy = try line.lastReceipt.event.map { try text(of: $0.id) }
        let scale = try scale(line.sku)
        let inTransit =
            Int128(line.dispatched.units) - Int128(line.received.units)
            - Int128(line.settled.units)
        let identity = identity
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("transfer", key.transfer.text)
            writer.member("from_site", key.source.text)
            writer.member("to_site", key.destination.text)
            writer.member("line", number: key.line)
            writer.member("sku", line.sku.text)
            writer.member("requested", units: line.requested.units, scale: scale)
            writer.member("dispatched", units: line.dispatched.units, scale: scale)
            writer.member("received", units: line.received.units, scale: scale)
            writer.member("in_transit", unitsOrNull: Int64(exactly: inTransit), scale: scale)
            writer.member("settled", units: line.settled.units, scale: scale)
            writer.member("state", line.isOpen ? "open" : "closed")
            writer.member(
                "transit_value",
                units: line.transitValue.units,
                scale: identity.moneyScale
            )
            writer.member("currency", identity.currency.text)
            writer.member("requested_by", orNull: requestedBy)
            writer.member("cancelled_by", orNull: cancelledBy)
            writer.member("dispatched_by", orNull: dispatchedBy)
            writer.member("received_by", orNull: receivedBy)
            writer.member("provisional", isProvisional)
        }
        return writer.bytes
    }
}
