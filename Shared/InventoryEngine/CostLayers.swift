package import Causality

/// What tells one cost layer of an item at a site from the others: the movement that made it.
///
/// An event keeps its identity when the hub orders it, so that a layer has one key all its life.
package struct LayerID: Hashable, Sendable {
    /// The event that brought the goods.
    package var event: EventID
    /// The index of its movement.
    package var index: UInt32
    /// The index among the parts of the movement: goods of several costs may arrive together.
    package var part: UInt32

    package init(event: EventID, index: UInt32, part: UInt32) {
        self.event = event
        self.index = index
        self.part = part
    }
}

/// One cost layer under first in, first out: units that entered together, with their own value.
///
/// The layers of a stock are a list from the oldest to the youngest; ``ValuationRow/layers`` names
/// its ends. An issue takes from the oldest, so that it costs O(layers that it touches) however
/// many are open.
package struct CostLayerRow: Row {
    package static let kind = RowKind.costLayer
    package static let layer: Layer? = .financial

    package struct Key: RowKey {
        package var stock: StockKey
        package var id: LayerID
        package var site: SiteCode? { stock.home }

        package init(stock: StockKey, id: LayerID) {
            self.stock = stock
            self.id = id
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(stock.home)
            writer.id(stock.sku)
            writer.event(id.event)
            writer.ordered(UInt64(id.index))
            writer.ordered(UInt64(id.part))
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            let home: SiteCode = try reader.id()
            self.stock = StockKey(home: home, sku: try reader.id())
            self.id = LayerID(
                event: try reader.event(),
                index: UInt32(truncatingIfNeeded: try reader.ordered()),
                part: UInt32(truncatingIfNeeded: try reader.ordered())
            )
        }

        /// The bytes that the keys of all layers begin with which one event made.
        static func prefix(_ stock: StockKey, _ event: EventID) -> [UInt8] {
            var writer = ByteWriter()
            writer.id(stock.home)
            writer.id(stock.sku)
            writer.event(event)
            return writer.bytes
        }
    }

    /// Units, more than zero.
    package var quantity: Quantity
    package var value: Money
    package var neighbours: LayerEnds
    package var isVacant: Bool { quantity.isZero }

    package init(quantity: Quantity, value: Money, neighbours: LayerEnds = LayerEnds()) {
        self.quantity = quantity
        self.value = value
        self.neighbours = neighbours
    }

    package func encode(into writer: inout ByteWriter) {
        writer.quantity(quantity)
        writer.money(value)
        writer.layers(neighbours)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.quantity = try reader.quantity()
        self.value = try reader.money()
        self.neighbours = try reader.layers()
    }
}

/// Two places in the list of layers: the ends of the list, or the neighbours of a layer.
package struct LayerEnds: Hashable, Sendable {
    /// The oldest layer, or the next older one.
    package var older: LayerID?
    /// The youngest layer, or the next younger one.
    package var younger: LayerID?

    package init(older: LayerID? = nil, younger: LayerID? = nil) {
        self.older = older
        self.younger = younger
    }
}

/// What a movement took out of one layer: enough to give it back, last taken first.
package struct LayerTaking: Hashable, Sendable {
    package var layer: LayerID
    package var quantity: Quantity
    package var value: Money
    /// Where the layer stood in the list, if nothing was left of it.
    package var removedFrom: LayerEnds?

    package init(
        layer: LayerID,
        quantity: Quantity,
        value: Money,
        removedFrom: LayerEnds? = nil
    ) {
        self.layer = layer
        self.quantity = quantity
        self.value = value
        self.removedFrom = removedFrom
    }
}

extension ByteWriter {
    mutating func layer(_ id: LayerID) {
        event(id.event)
        varint(UInt64(id.index))
        varint(UInt64(id.part))
    }

    mutating func layers(_ ends: LayerEnds) {
        optional(ends.older) { $0.layer($1) }
        optional(ends.younger) { $0.layer($1) }
    }

    mutating func taking(_ taking: LayerTaking) {
        layer(taking.layer)
        quantity(taking.quantity)
        money(taking.value)
        optional(taking.removedFrom) { $0.layers($1) }
    }

    mutating func costing(_ costing: Costing) {
        byte(costing.method.rawValue)
        optional(costing.standard) { $0.decimal($1) }
    }
}

extension ByteReader {
    mutating func layer() throws(EngineError) -> LayerID {
        LayerID(
            event: try event(),
            index: UInt32(truncatingIfNeeded: try varint()),
            part: UInt32(truncatingIfNeeded: try varint())
        )
    }

    mutating func layers() throws(EngineError) -> LayerEnds {
        let older = try optional { (r) throws(EngineError) in try r.layer() }
        return LayerEnds(
            older: older,
            younger: try optional { (r) throws(EngineError) in try r.layer() }
        )
    }

    mutating func taking() throws(EngineError) -> LayerTaking {
        LayerTaking(
            layer: try layer(),
            quantity: try quantity(),
            value: try money(),
            removedFrom: try optional { (r) throws(EngineError) in try r.layers() }
        )
    }

    mutating func costing() throws(EngineError) -> Costing {
        let method = try raw(CostingMethod.self)
        return Costing(
            method: method,
            standard: try optional { (r) throws(EngineError) in try r.decimal() }
        )
    }
}
