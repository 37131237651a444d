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
        // The hub lists what other sites ship there, unless it is asked for one site's orders.
        let remote = site == nil ? [] : try rangesOfRemoteLines()
        return try pageOfRows(rangesByDocument(.orderLine), then: remote) {
            (reader, isRemote, bytes, value) throws in
            if isRemote { return try reader.remoteRow(bytes, value) }
            let line = try OrderLineRow(bytes: value)
            guard reader.wants(line.sku, isOpen: line.isOpen) else { return nil }
            let key = try OrderLineRow.Key(bytes: bytes)
            let isProvisional = try reader.isProvisional(.orderLine, bytes, value)
            return try reader.row(key, line, isProvisional: isProvisional)
        }
    }

    private func rangesOfRemoteLines() throws -> [RowRange] {
        guard let id = query.id else { return ranges(.remoteLine) }
        return try homes(.remoteLine).map { home in
            RowRange(view, .remoteLine, prefix: home + keyPrefix(id))
        }
    }

    /// A line of an own order that another site ships, as the hub has told it last.
    private mutating func remoteRow(_ bytes: [UInt8], _ value: [UInt8]) throws -> [UInt8]? {
        let line = try RemoteLineRow(bytes: value)
        guard wants(line.sku, isOpen: line.isOpen) else { return nil }
        let key = try RemoteLineRow.Key(bytes: bytes)
        let isProvisional = try isProvisional(.remoteLine, bytes, value)
        let orderKey = OrderRow.Key(home: key.home, orderSite: key.home, order: key.order)
        let order = try source.row(OrderRow.self, orderKey)
        let confirmedBy = try order.map { try text(of: $0.confirmedBy.id) }
        let scale = try scale(line.sku)
        let currency = identity.currency.text
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("order", key.order.text)
            writer.member("order_site", key.home.text)
            writer.member("site", key.shipFrom.text)
            writer.member("line", number: key.line)
            writer.member("sku", line.sku.text)
            writer.members(of: line.progress, scale: scale)
            writer.member("finality", line.progress.backordered.isZero ? "final" : "provisional")
            writer.member("state", line.isOpen ? "open" : "closed")
            writer.member("shipped_value", orNull: String?.none)
            writer.member("currency", currency)
            writer.member("channel", orNull: order?.channel?.text)
            writer.member("customer", orNull: order?.customer?.text)
            writer.member("priority", number: order?.priority ?? 0)
            writer.member("confirmed_at", orNull: order?.confirmedAt.rfc3339)
            writer.member("confirmed_by", orNull: confirmedBy)
            writer.member("hold_until", orNull: String?.none)
            writer.key("places")
            writer.array { _ in }
            writer.member("provisional", isProvisional)
        }
        return writer.bytes
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
            writer.members(of: LineProgress(line), scale: scale)
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
