package import Causality

/// How much of one item lies in one place, in one lot and status.
package struct BucketRow: Row {
    package static let kind = RowKind.bucket
    package static let layer: Layer? = .physical

    package struct Key: RowKey {
        package var home: SiteCode
        package var sku: SKU
        package var location: LocationID
        package var lot: LotID?
        package var status: StockStatus
        package var site: SiteCode? { home }

        package init(
            home: SiteCode,
            sku: SKU,
            location: LocationID,
            lot: LotID?,
            status: StockStatus
        ) {
            self.home = home
            self.sku = sku
            self.location = location
            self.lot = lot
            self.status = status
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(sku)
            writer.id(location)
            writer.id(lot)
            writer.byte(status.rawValue)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.sku = try reader.id()
            self.location = try reader.id()
            self.lot = try reader.optionalID()
            self.status = try reader.raw(StockStatus.self)
        }
    }

    package var quantity: Quantity
    package var isVacant: Bool { quantity.isZero }

    package init(quantity: Quantity) { self.quantity = quantity }

    package func encode(into writer: inout ByteWriter) { writer.quantity(quantity) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.quantity = try reader.quantity()
    }
}

/// The key of what is kept per site and item.
package struct StockKey: RowKey, Comparable {
    package var home: SiteCode
    package var sku: SKU
    package var site: SiteCode? { home }

    package init(home: SiteCode, sku: SKU) {
        self.home = home
        self.sku = sku
    }

    package func encode(into writer: inout ByteWriter) {
        writer.id(home)
        writer.id(sku)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.home = try reader.id()
        self.sku = try reader.id()
    }

    package static func < (left: StockKey, right: StockKey) -> Bool {
        (left.home, left.sku) < (right.home, right.sku)
    }
}

/// The sums over the rows of all layers for one item at one site, kept by difference in the same
/// transaction as those rows, and proved from nothing by `verify`.
package struct StockSummary: Row {
    package typealias Key = StockKey
    package static let kind = RowKind.summary

    /// On hand with status sellable.
    package var sellable = Quantity.zero
    /// On hand with any other status.
    package var unsellable = Quantity.zero
    package var reserved = Quantity.zero
    package var allocated = Quantity.zero
    package var picked = Quantity.zero
    package var packed = Quantity.zero
    package var backordered = Quantity.zero
    package var surplus = Quantity.zero
    package var onOrder = Quantity.zero
    package var inTransitIn = Quantity.zero
    package var inTransitOut = Quantity.zero
    /// The sum of the promise rights of all holders.
    package var rights = Quantity.zero
    /// The sum of those of them that are negative.
    package var rightsOwed = Quantity.zero
    /// Promise rights of holders that are not nodes of the site.
    package var rightsGranted = Quantity.zero
    /// The value that the journal's inventory account carries for the item.
    package var value = Money.zero
    /// The latest moment as of which the item was counted.
    package var countedAt: Instant?
    /// The newest place in the history of what was moved.
    package var lastPosting: MovementKey?
    /// Who moved it last, for a retirement of the item that does not know of it.
    package var movedBy = Latest()
    /// Who last promised units of it.
    package var promisedBy = Latest()
    /// Who last took units of it that were free, or were counted on by promises.
    package var takenBy = Latest()
    /// What of the units in staging is quarantined, by order.
    package var quarantined = Quantity.zero

    package init() {}

    /// On hand, whatever the status.
    package func onHand() throws(EngineError) -> Quantity { try sellable.plus(unsellable) }

    /// What is bound to customers and still on hand.
    package func committed() throws(EngineError) -> Quantity {
        try reserved.plus(allocated).plus(picked).plus(packed).plus(surplus)
    }

    /// Sellable less committed: what promise rights add up to.
    package func free() throws(EngineError) -> Quantity { try sellable.minus(committed()) }

    package var isVacant: Bool { self == StockSummary() }

    package func encode(into writer: inout ByteWriter) {
        writer.quantity(sellable)
        writer.quantity(unsellable)
        writer.quantity(reserved)
        writer.quantity(allocated)
        writer.quantity(picked)
        writer.quantity(packed)
        writer.quantity(backordered)
        writer.quantity(surplus)
        writer.quantity(onOrder)
        writer.quantity(inTransitIn)
        writer.quantity(inTransitOut)
        writer.quantity(rights)
        writer.quantity(rightsOwed)
        writer.quantity(rightsGranted)
        writer.money(value)
        writer.optional(countedAt) { $0.signed($1.microseconds) }
        writer.place(lastPosting)
        writer.latest(movedBy)
        writer.quantity(quarantined)
        writer.latest(promisedBy)
        writer.latest(takenBy)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.sellable = try reader.quantity()
        self.unsellable = try reader.quantity()
        self.reserved = try reader.quantity()
        self.allocated = try reader.quantity()
        self.picked = try reader.quantity()
        self.packed = try reader.quantity()
        self.backordered = try reader.quantity()
        self.surplus = try reader.quantity()
        self.onOrder = try reader.quantity()
        self.inTransitIn = try reader.quantity()
        self.inTransitOut = try reader.quantity()
        self.rights = try reader.quantity()
        self.rightsOwed = try reader.quantity()
        self.rightsGranted = try reader.quantity()
        self.value = try reader.money()
        self.countedAt = try reader.optional { (r) throws(EngineError) in
            Instant(microseconds: try r.signed())
        }
        self.lastPosting = try reader.place()
        self.movedBy = try reader.latest()
        self.quarantined = try reader.quantity()
        self.promisedBy = try reader.latest()
        self.takenBy = try reader.latest()
    }
}
