package import Causality

/// What a site knows of a line of its order that another site ships.
///
/// The line itself is a row of the site that ships. What happens to it there reaches the site that
/// took the order as entries of the hub, `order_progressed`; its own claims change this row at once.
package struct RemoteLineRow: Row {
    package static let kind = RowKind.remoteLine
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        /// The site that took the order.
        package var home: SiteCode
        package var order: DocumentID
        package var line: Int32
        /// The site that ships.
        package var shipFrom: SiteCode
        package var site: SiteCode? { home }

        package init(home: SiteCode, order: DocumentID, line: Int32, shipFrom: SiteCode) {
            self.home = home
            self.order = order
            self.line = line
            self.shipFrom = shipFrom
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(order)
            writer.ordered(signed: Int64(line))
            writer.id(shipFrom)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.order = try reader.id()
            self.line = Int32(truncatingIfNeeded: try reader.orderedSigned())
            self.shipFrom = try reader.id()
        }
    }

    package var sku: SKU
    package var progress: LineProgress

    package var isOpen: Bool { progress.isOpen }

    package init(sku: SKU, progress: LineProgress) {
        self.sku = sku
        self.progress = progress
    }

    package func encode(into writer: inout ByteWriter) {
        writer.id(sku)
        for part in LineProgress.parts { writer.quantity(progress[keyPath: part]) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.sku = try reader.id()
        self.progress = LineProgress()
        for part in LineProgress.parts { progress[keyPath: part] = try reader.quantity() }
    }
}

/// The promise rights that a node holds for the stock of another site, kept at its own site.
///
/// The same balance stands at the stock's site. Nobody lowers it but its holder, and the hub for a
/// node that was retired: so it is enough to know it here to promise finally in an outage.
package struct RemoteRightsRow: Row {
    package static let kind = RowKind.remoteRights
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        /// The holder's site.
        package var home: SiteCode
        package var stock: StockKey
        package var holder: NodeID
        package var site: SiteCode? { home }

        package init(home: SiteCode, stock: StockKey, holder: NodeID) {
            self.home = home
            self.stock = stock
            self.holder = holder
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            stock.encode(into: &writer)
            writer.node(holder)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.stock = try StockKey(from: &reader)
            self.holder = try reader.node()
        }
    }

    package var balance: Quantity
    package var isVacant: Bool { balance.isZero }

    package init(balance: Quantity) { self.balance = balance }

    package func encode(into writer: inout ByteWriter) { writer.quantity(balance) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.balance = try reader.quantity()
    }
}

extension LineProgress {
    /// How far a line has come at the site that ships it.
    package init(_ line: OrderLineRow) {
        self.init()
        ordered = line.ordered
        reserved = line.reserved
        allocated = line.allocated
        picked = line.picked
        packed = line.packed
        shipped = line.shipped
        backordered = line.backordered
        cancelled = line.cancelled
        toPutBack = line.toPutBack
        returned = line.returned
    }

    /// What is not yet picked.
    func open() throws(EngineError) -> Quantity {
        try reserved.plus(allocated).plus(backordered)
    }

    /// Changes what is asked for: up as a new promise, down from what is furthest from the customer,
    /// as the site that ships does it.
    ///
    /// - Returns: What is promised by it.
    mutating func amend(
        to total: Quantity,
        granted: Quantity
    ) throws(EngineError) -> Quantity {
        guard total <= ordered else {
            let more = try total.minus(ordered)
            let promised = min(granted, more)
            reserved = try reserved.plus(promised)
            backordered = try backordered.plus(more).minus(promised)
            ordered = total
            return promised
        }
        var less = try ordered.minus(total)
        for part in [
            \LineProgress.backordered, \.reserved, \.allocated, \.cancelled, \.picked, \.packed,
            \.shipped,
        ] {
            let taken = min(self[keyPath: part], less)
            self[keyPath: part] = try self[keyPath: part].minus(taken)
            less = try less.minus(taken)
        }
        ordered = total
        toPutBack = min(toPutBack, try picked.plus(packed))
        returned = min(returned, shipped)
        return .zero
    }

    /// Ends units that are not yet picked: backordered first, then reserved, then allocated.
    ///
    /// - Returns: How many.
    mutating func cancelOpen(atMost most: Quantity) throws(EngineError) -> Quantity {
        var left = most
        for part in [\LineProgress.backordered, \.reserved, \.allocated] {
            let taken = min(self[keyPath: part], left)
            self[keyPath: part] = try self[keyPath: part].minus(taken)
            cancelled = try cancelled.plus(taken)
            left = try left.minus(taken)
        }
        return try most.minus(left)
    }
}
