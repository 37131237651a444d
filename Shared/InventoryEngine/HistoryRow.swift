import Causality

/// A row in the history of the stock of one item at one site, which is written once and seldom
/// read.
///
/// The rows of a site lie in the order of time, whatever their item, so that a commit writes to the
/// end of the table and not to the last page of every item's own history. Each row names the one
/// before it of the same stock; where the newest is, the stock's own row says.
package protocol HistoryRow: Row where Key == HistoryKey<Self> {
    /// The place of the row before it in the history of the stock; nil for the first.
    var previous: MovementKey? { get set }
}

/// The place of a row in the history of a site: time first.
package struct HistoryKey<Kind: Sendable>: RowKey {
    package var stock: StockKey
    package var place: MovementKey
    package var site: SiteCode? { stock.home }

    package init(stock: StockKey, place: MovementKey) {
        self.stock = stock
        self.place = place
    }

    package func encode(into writer: inout ByteWriter) {
        writer.id(stock.home)
        writer.movement(place)
        writer.id(stock.sku)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        let home: SiteCode = try reader.id()
        self.place = try reader.movement()
        self.stock = StockKey(home: home, sku: try reader.id())
    }

    /// The bytes below those of every row of a site at a place or after it.
    static func lowerBound(_ home: SiteCode, _ place: MovementKey) -> [UInt8] {
        var writer = ByteWriter()
        writer.id(home)
        writer.movement(place)
        return writer.bytes
    }
}

extension ByteWriter {
    /// A place in history in few bytes; their order means nothing.
    mutating func place(_ place: MovementKey?) {
        bool(place != nil)
        guard let place else { return }
        signed(place.effective.microseconds)
        varint(place.position.rawValue &+ 1)  // pending is the largest number: one byte
        varint(place.sequence)
        varint(UInt64(place.index))
    }
}

extension ByteReader {
    mutating func place() throws(EngineError) -> MovementKey? {
        guard try bool() else { return nil }
        return MovementKey(
            effective: Instant(microseconds: try signed()),
            position: HubPosition(try varint() &- 1),
            sequence: try varint(),
            index: UInt32(truncatingIfNeeded: try varint())
        )
    }
}
