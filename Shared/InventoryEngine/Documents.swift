import Causality

/// A line of a return or adjustment as the document's row keeps it.
package struct DocumentLine: Equatable, Sendable {
    package var sku: SKU
    package var quantity: Quantity
    /// For a return what was disposed of.
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
    /// Other returns that were given its number.
    package var namesakes: [Namesake] = []

    package init(receivedBy: EventRef, lines: [DocumentLine]) {
        self.receivedBy = receivedBy
        self.lines = lines
    }

    package func encode(into writer: inout ByteWriter) {
        writer.reference(receivedBy)
        writer.lines(lines)
        writer.namesakes(namesakes)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.receivedBy = try reader.reference()
        self.lines = try reader.lines()
        self.namesakes = try reader.namesakes()
    }
}

/// A cycle count and the book that it is compared with.
package struct CountRow: Row {
    package typealias Key = DocumentKey<CountRow>
    package static let kind = RowKind.count

    /// The most adjustments that correct the posted variance of one count.
    static let correctionsMax = 100

    /// What was counted in one place.
    package struct Line: Equatable, Sendable {
        package var sku: SKU
        package var counted: Quantity
        package var location: LocationID
        package var lot: LotID?
        /// Nil if units of all statuses were counted together.
        package var status: StockStatus?
        /// What the book says was there then, by status, without zeros.
        package var book: [StockStatus: Quantity] = [:]
        /// Another count of the same place, for which this one proposes nothing any more.
        package var withdrawnBy: EventRef?
        /// Whether the other count was concurrent and found something else.
        package var isDisputed = false

        package init(
            sku: SKU,
            counted: Quantity,
            location: LocationID,
            lot: LotID?,
            status: StockStatus?
        ) {
            self.sku = sku
            self.counted = counted
            self.location = location
            self.lot = lot
            self.status = status
        }

        /// What is there beyond the book; negative if something is missing.
        package func variance() throws(EngineError) -> Quantity {
            var variance = counted
            for quantity in book.values { variance = try variance.minus(quantity) }
            return variance
        }

        /// Whether a posting changed what was counted.
        func covers(_ posting: PostingRow.Line) -> Bool {
            posting.location == location && posting.lot == lot
                && (status == nil || posting.status == status)
        }

        mutating func add(_ delta: Quantity, _ status: StockStatus) throws(EngineError) {
            let sum = try (book[status] ?? .zero).plus(delta)
            book[status] = sum.isZero ? nil : sum
        }

        /// The variance as an adjustment posts it: without a status a gain is sellable, and a loss
        /// takes what is sellable, then returned, hold and damaged, and the rest from sellable.
        func varianceLines() throws(EngineError) -> [DocumentLine] {
            var left = try variance()
            var parts: [DocumentLine] = []
            func part(_ quantity: Quantity, _ status: StockStatus) -> DocumentLine {
                DocumentLine(
                    sku: sku,
                    quantity: quantity,
                    location: location,
                    lot: lot,
                    status: status
                )
            }
            if left.units < 0, status == nil {
                for status in [StockStatus.sellable, .returned, .hold, .damaged] {
                    let taken = min((book[status] ?? .zero).clampedToZero, -left)
                    guard taken.units > 0 else { continue }
                    parts.append(part(-taken, status))
                    left = try left.plus(taken)
                }
            }
            if !left.isZero { parts.append(part(left, status ?? .sellable)) }
            return parts
        }
    }

    package var recordedBy: EventRef
    /// Who counted.
    package var actor: ActorID?
    /// Whether the variance becomes a proposed adjustment.
    package var proposes: Bool
    /// Whether the command said when the count was taken, so that only time decides what is part
    /// of its book.
    package var hasOwnTime = false
    package var lines: [Line] = []
    /// The counts in whose place this one is: what they have posted is part of its book.
    package var replaces: [DocumentID] = []
    /// Other counts and adjustments that were given its number.
    package var namesakes: [Namesake] = []

    package init(recordedBy: EventRef, actor: ActorID?, proposes: Bool) {
        self.recordedBy = recordedBy
        self.actor = actor
        self.proposes = proposes
    }

    /// What an adjustment has to post, by line and status.
    func varianceLines() throws(EngineError) -> [DocumentLine] {
        var variance: [DocumentLine] = []
        for line in lines where line.withdrawnBy == nil { variance += try line.varianceLines() }
        return variance
    }

    package func encode(into writer: inout ByteWriter) {
        writer.reference(recordedBy)
        writer.id(actor)
        writer.bool(proposes)
        writer.bool(hasOwnTime)
        writer.varint(UInt64(lines.count))
        for line in lines {
            writer.id(line.sku)
            writer.quantity(line.counted)
            writer.id(line.location)
            writer.id(line.lot)
            writer.byte(line.status?.rawValue ?? 0xFF)
            for status in StockStatus.allCases { writer.quantity(line.book[status] ?? .zero) }
            writer.optional(line.withdrawnBy) { $0.reference($1) }
            writer.bool(line.isDisputed)
        }
        writer.varint(UInt64(replaces.count))
        for document in replaces { writer.id(document) }
        writer.namesakes(namesakes)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.recordedBy = try reader.reference()
        self.actor = try reader.optionalID()
        self.proposes = try reader.bool()
        self.hasOwnTime = try reader.bool()
        for _ in 0..<(try reader.varint()) {
            var line = Line(
                sku: try reader.id(),
                counted: try reader.quantity(),
                location: try reader.id(),
                lot: try reader.optionalID(),
                status: StockStatus(rawValue: try reader.byte())
            )
            for status in StockStatus.allCases {
                let quantity = try reader.quantity()
                if !quantity.isZero { line.book[status] = quantity }
            }
            line.withdrawnBy = try reader.optionalReference()
            line.isDisputed = try reader.bool()
            lines.append(line)
        }
        for _ in 0..<(try reader.varint()) { replaces.append(try reader.id()) }
        self.namesakes = try reader.namesakes()
    }
}

/// The last counts of one item in one place.
package struct CountedPlaceRow: Row {
    package static let kind = RowKind.countedPlace

    /// How many counts are remembered: those whose variance may still be open.
    static let countsMax = 8

    package struct Key: RowKey {
        package var stock: StockKey
        package var location: LocationID
        package var site: SiteCode? { stock.home }

        package init(stock: StockKey, location: LocationID) {
            self.stock = stock
            self.location = location
        }

        package func encode(into writer: inout ByteWriter) {
            stock.encode(into: &writer)
            writer.id(location)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.stock = try StockKey(from: &reader)
            self.location = try reader.id()
        }
    }

    /// The counts, in the order in which they were folded.
    package var counts: [DocumentID]

    package init(counts: [DocumentID]) { self.counts = counts }

    package func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(counts.count))
        for count in counts { writer.id(count) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.counts = []
        for _ in 0..<(try reader.varint()) { counts.append(try reader.id()) }
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
    /// Other adjustments that were given its number.
    package var namesakes: [Namesake] = []

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
        writer.namesakes(namesakes)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.state = try reader.raw(State.self)
        self.proposedBy = try reader.reference()
        self.proposer = try reader.optionalID()
        self.reason = try reader.text()
        self.decidedBy = try reader.optional { (r) throws(EngineError) in try r.reference() }
        self.lines = try reader.lines()
        self.namesakes = try reader.namesakes()
    }
}
