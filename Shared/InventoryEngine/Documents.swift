import Causality

/// A line of a return, count or adjustment as the document's row keeps it.
package struct DocumentLine: Equatable, Sendable {
    package var sku: SKU
    package var quantity: Quantity
    /// For a return what was disposed of; for a count the variance.
    package var other: Quantity
    package var location: LocationID
    package var lot: LotID?
    package var status: StockStatus?

    package init(
        sku: SKU,
        quantity: Quantity,
        other: Quantity = .zero,
        location: LocationID,
        lot: LotID? = nil,
        status: StockStatus? = nil
    ) {
        self.sku = sku
        self.quantity = quantity
        self.other = other
        self.location = location
        self.lot = lot
        self.status = status
    }

    func encode(into writer: inout ByteWriter) {
        writer.id(sku)
        writer.quantity(quantity)
        writer.quantity(other)
        writer.id(location)
        writer.id(lot)
        writer.byte(status?.rawValue ?? 0xFF)
    }

    init(from reader: inout ByteReader) throws(EngineError) {
        self.sku = try reader.id()
        self.quantity = try reader.quantity()
        self.other = try reader.quantity()
        self.location = try reader.id()
        self.lot = try reader.optionalID()
        self.status = StockStatus(rawValue: try reader.byte())
    }
}

extension ByteWriter {
    mutating func lines(_ lines: [DocumentLine]) {
        varint(UInt64(lines.count))
        for line in lines { line.encode(into: &self) }
    }
}

extension ByteReader {
    mutating func lines() throws(EngineError) -> [DocumentLine] {
        var lines: [DocumentLine] = []
        for _ in 0..<(try varint()) { lines.append(try DocumentLine(from: &self)) }
        return lines
    }
}

/// A customer's return.
package struct ReturnRow: Row {
    package typealias Key = DocumentKey<ReturnRow>
    package static let kind = RowKind.customerReturn

    package var receivedBy: EventRef
    package var lines: [DocumentLine]

    package init(receivedBy: EventRef, lines: [DocumentLine]) {
        self.receivedBy = receivedBy
        self.lines = lines
    }

    package func encode(into writer: inout ByteWriter) {
        writer.reference(receivedBy)
        writer.lines(lines)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.receivedBy = try reader.reference()
        self.lines = try reader.lines()
    }
}

/// A cycle count and the variance that it showed.
package struct CountRow: Row {
    package typealias Key = DocumentKey<CountRow>
    package static let kind = RowKind.count

    package var recordedBy: EventRef
    package var lines: [DocumentLine]

    package init(recordedBy: EventRef, lines: [DocumentLine]) {
        self.recordedBy = recordedBy
        self.lines = lines
    }

    package func encode(into writer: inout ByteWriter) {
        writer.reference(recordedBy)
        writer.lines(lines)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.recordedBy = try reader.reference()
        self.lines = try reader.lines()
    }
}

/// A proposed adjustment and what was decided.
package struct AdjustmentRow: Row {
    package typealias Key = DocumentKey<AdjustmentRow>
    package static let kind = RowKind.adjustment

    /// Where a proposal stands.
    package enum State: UInt8, Sendable {
        case proposed = 0
        case approved = 1
        case rejected = 2

        /// The stable text.
        package var text: String {
            switch self {
            case .proposed: "proposed"
            case .approved: "approved"
            case .rejected: "rejected"
            }
        }
    }

    package var state: State
    package var proposedBy: EventRef
    package var proposer: ActorID?
    package var reason: String
    package var decidedBy: EventRef?
    package var lines: [DocumentLine]

    package init(proposedBy: EventRef, proposer: ActorID?, reason: String, lines: [DocumentLine]) {
        self.state = .proposed
        self.proposedBy = proposedBy
        self.proposer = proposer
        self.reason = reason
        self.lines = lines
    }

    package func encode(into writer: inout ByteWriter) {
        writer.byte(state.rawValue)
        writer.reference(proposedBy)
        writer.id(proposer)
        writer.text(reason)
        writer.optional(decidedBy) { $0.reference($1) }
        writer.lines(lines)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.state = try reader.raw(State.self)
        self.proposedBy = try reader.reference()
        self.proposer = try reader.optionalID()
        self.reason = try reader.text()
        self.decidedBy = try reader.optional { (r) throws(EngineError) in try r.reference() }
        self.lines = try reader.lines()
    }
}
