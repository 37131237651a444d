package import Causality

/// What one claim has freed of one item, until all who might have used the same units have been
/// heard.
///
/// Its holder meanwhile is `frozen`: a pick of cancelled units that nobody here knows of yet takes
/// them back.
package struct FreezeRow: Row {
    package static let kind = RowKind.freeze
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        package var stock: StockKey
        /// The claim.
        package var event: EventID
        package var site: SiteCode? { stock.home }

        package init(stock: StockKey, event: EventID) {
            self.stock = stock
            self.event = event
        }

        package func encode(into writer: inout ByteWriter) {
            stock.encode(into: &writer)
            writer.event(event)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.stock = try StockKey(from: &reader)
            self.event = try reader.event()
        }
    }

    /// Units, more than zero.
    package var quantity: Quantity
    /// Where the hub ordered the claim; nil while it is pending.
    package var position: HubPosition?
    /// The order that the units were promised to, where it was one.
    package var order: Order?
    package var isVacant: Bool { quantity.isZero }

    /// An order by the site that took it.
    package struct Order: Hashable, Sendable {
        package var site: SiteCode
        package var order: DocumentID

        package init(site: SiteCode, order: DocumentID) {
            self.site = site
            self.order = order
        }
    }

    package init(quantity: Quantity, position: HubPosition?, order: Order? = nil) {
        self.quantity = quantity
        self.position = position
        self.order = order
    }

    package func encode(into writer: inout ByteWriter) {
        writer.quantity(quantity)
        writer.varint(position?.rawValue ?? 0)
        writer.optional(order) {
            $0.id($1.site)
            $0.id($1.order)
        }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.quantity = try reader.quantity()
        let position = try reader.varint()
        self.position = position == 0 ? nil : HubPosition(position)
        self.order = try reader.optional { (r) throws(EngineError) in
            Order(site: try r.id(), order: try r.id())
        }
    }
}

/// A request for promise rights that its holder has not answered.
package struct RightsRequestRow: Row {
    package static let kind = RowKind.rightsRequest
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        /// The stock that is asked for.
        package var stock: StockKey
        /// Who is asked.
        package var holder: NodeID
        /// The request; its node gets what is granted.
        package var event: EventID
        package var site: SiteCode? { stock.home }

        package init(stock: StockKey, holder: NodeID, event: EventID) {
            self.stock = stock
            self.holder = holder
            self.event = event
        }

        package func encode(into writer: inout ByteWriter) {
            stock.encode(into: &writer)
            writer.node(holder)
            writer.event(event)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.stock = try StockKey(from: &reader)
            self.holder = try reader.node()
            self.event = try reader.event()
        }
    }

    /// Units, more than zero.
    package var quantity: Quantity
    package var isVacant: Bool { quantity.isZero }

    package init(quantity: Quantity) { self.quantity = quantity }

    package func encode(into writer: inout ByteWriter) { writer.quantity(quantity) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.quantity = try reader.quantity()
    }
}
