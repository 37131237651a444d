package import Causality

/// What one event moved of one item at one site: the history that a count is compared with.
///
/// A bucket is the sum of its postings.
package struct PostingRow: HistoryRow {
    package typealias Key = HistoryKey<PostingRow>
    package static let kind = RowKind.posting

    /// One change of one bucket.
    package struct Line: Equatable, Sendable {
        package var location: LocationID
        package var lot: LotID?
        package var status: StockStatus
        package var delta: Quantity

        package init(location: LocationID, lot: LotID?, status: StockStatus, delta: Quantity) {
            self.location = location
            self.lot = lot
            self.status = status
            self.delta = delta
        }
    }

    package var event: EventID
    /// In the order of the event; a bucket may be there twice.
    package var lines: [Line]
    /// The count that was recorded here, which moved nothing.
    package var count: DocumentID?
    package var previous: MovementKey?

    package init(event: EventID, lines: [Line], count: DocumentID? = nil) {
        self.event = event
        self.lines = lines
        self.count = count
    }

    package func encode(into writer: inout ByteWriter) {
        writer.event(event)
        writer.id(count)
        writer.varint(UInt64(lines.count))
        for line in lines {
            writer.id(line.location)
            writer.id(line.lot)
            writer.byte(line.status.rawValue)
            writer.quantity(line.delta)
        }
        writer.place(previous)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.event = try reader.event()
        self.count = try reader.optionalID()
        self.lines = []
        for _ in 0..<(try reader.varint()) {
            lines.append(
                Line(
                    location: try reader.id(),
                    lot: try reader.optionalID(),
                    status: try reader.raw(StockStatus.self),
                    delta: try reader.quantity()
                )
            )
        }
        self.previous = try reader.place()
    }
}
