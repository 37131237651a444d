package import Causality

/// A reservation that ends at a time, as long as something of the order is not yet picked.
///
/// The site's agents look for those whose time has passed.
package struct HoldRow: Row {
    package static let kind = RowKind.hold
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        package var home: SiteCode
        /// When the reservation ends.
        package var until: Instant
        package var orderSite: SiteCode
        package var order: DocumentID
        package var site: SiteCode? { home }

        package init(home: SiteCode, until: Instant, orderSite: SiteCode, order: DocumentID) {
            self.home = home
            self.until = until
            self.orderSite = orderSite
            self.order = order
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.ordered(signed: until.microseconds)
            writer.id(orderSite)
            writer.id(order)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.until = Instant(microseconds: try reader.orderedSigned())
            self.orderSite = try reader.id()
            self.order = try reader.id()
        }
    }

    /// Whether the reservation is still held.
    package var isHeld: Bool
    package var isVacant: Bool { !isHeld }

    package init(isHeld: Bool) { self.isHeld = isHeld }

    package func encode(into writer: inout ByteWriter) { writer.bool(isHeld) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.isHeld = try reader.bool()
    }
}

extension StockState {
    /// How long the other nodes of a site wait for the one that took the order, in microseconds.
    static let expiryGraceMicroseconds: Int64 = 60_000_000
    /// The most reservations that one look returns.
    static let expiriesMax = 256

    /// Keeps in mind that an order's reservation ends, or forgets it when nothing is open any more.
    mutating func keepHold(_ key: OrderRow.Key, _ order: OrderRow) throws(EngineError) {
        guard let until = order.holdUntil else { return }
        var isHeld = false
        if order.releasedBy.event == nil {
            for number in order.lines where !isHeld {
                let line = OrderLineRow.Key(
                    home: key.home,
                    orderSite: key.orderSite,
                    order: key.order,
                    line: number
                )
                if let row = try cache.orderLines.row(line, from: reader) {
                    isHeld = try row.open().units > 0
                }
            }
        }
        let hold = HoldRow.Key(
            home: key.home,
            until: until,
            orderSite: key.orderSite,
            order: key.order
        )
        try cache.holds.set(hold, to: HoldRow(isHeld: isHeld), from: reader)
    }

    /// The orders of a site whose reservation a node has to let expire now.
    ///
    /// The node that took an order does so at once, the others a minute later, should that one be
    /// gone.
    ///
    /// - Parameters:
    ///   - node: The node that asks.
    ///   - site: Its site.
    ///   - now: The time.
    /// - Returns: What to release, the oldest first, at most ``expiriesMax``.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(reservations whose time has passed).
    package mutating func dueExpiries(
        of node: NodeID,
        at site: SiteCode,
        now: Instant
    ) throws(EngineError) -> [OrderWork] {
        var due: [OrderWork] = []
        for key in try holds(at: site, until: now, limit: .max) {
            let orderKey = OrderRow.Key(
                home: key.home,
                orderSite: key.orderSite,
                order: key.order
            )
            guard let order = try cache.orders.row(orderKey, from: reader) else { continue }
            let grace = order.confirmedBy.id.node == node ? 0 : Self.expiryGraceMicroseconds
            guard key.until.adding(microseconds: grace) <= now else { continue }
            var work = OrderWork(order: key.order)
            if key.orderSite != site { work.orderSite = key.orderSite }
            due.append(work)
            if due.count == Self.expiriesMax { break }
        }
        return due
    }

    /// When the next reservation of a site ends; nil if none does.
    package mutating func nextExpiry(at site: SiteCode) throws(EngineError) -> Instant? {
        try holds(at: site, until: nil, limit: 1).first?.until
    }

    private mutating func holds(
        at site: SiteCode,
        until: Instant?,
        limit: Int
    ) throws(EngineError) -> [HoldRow.Key] {
        var prefix = ByteWriter()
        prefix.id(site)
        var upper = upperBound(ofPrefix: prefix.bytes)
        if let until {
            var bound = prefix
            bound.ordered(signed: until.microseconds)
            upper = upperBound(ofPrefix: bound.bytes)
        }
        return try cache.holds.rows(
            from: prefix.bytes,
            to: upper,
            limit: limit,
            source: reader
        ).map(\.key)
    }
}
