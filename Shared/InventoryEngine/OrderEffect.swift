package import Causality

/// What a fact about an order did besides the plain step, so that its reversal is exact.
///
/// A plain step takes all units from the container before: a pick from reserved, a pack from
/// picked, a dispatch from packed, each of the order's line. A fact whose lines are all plain has
/// no row.
package struct OrderEffectRow: Row {
    package static let kind = RowKind.orderEffect

    package struct Key: RowKey {
        package var home: SiteCode
        package var event: EventID
        package var site: SiteCode? { home }

        package init(home: SiteCode, event: EventID) {
            self.home = home
            self.event = event
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.event(event)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.event = try reader.event()
        }
    }

    /// What one line of the event did.
    package struct Step: Equatable, Sendable {
        /// The place of the line in the event, from 0.
        package var index: UInt32
        /// Of the units picked: what had been allocated.
        package var fromAllocated = Quantity.zero
        /// Of the units picked: what had been backordered.
        package var fromBackordered = Quantity.zero
        /// Of the units picked: what had been cancelled; of those put back: what is so again.
        package var fromCancelled = Quantity.zero
        /// Of the units picked, or put back: what no line had asked for.
        package var toSurplus = Quantity.zero
        /// What was allocated, was not found and went back to reserved.
        package var unallocated = Quantity.zero
        /// What a pack, or a dispatch, picked in the same step.
        package var pickSkipped = Quantity.zero
        /// What a dispatch packed in the same step.
        package var packSkipped = Quantity.zero
        /// Of the units packed: what was surplus.
        package var packedBeyond = Quantity.zero
        /// Of the units shipped: what was surplus.
        package var shippedBeyond = Quantity.zero
        /// Of the units shipped: what should have been put back.
        package var lostToPutBack = Quantity.zero
        /// Of the units that had been cancelled: those whose reservation had only ended.
        package var fromReleased = Quantity.zero
        /// Of the units shipped: what was quarantined.
        package var shippedHeld = Quantity.zero
        /// The part of the event's line that the step is about, where its recorder did not know the
        /// order; nil for the whole line as the event has it.
        package var piece: Piece?

        /// A part of a line, and the order's line that it went to.
        package struct Piece: Equatable, Sendable {
            /// Nil if it went to none.
            package var line: Int32?
            package var quantity: Quantity

            package init(line: Int32?, quantity: Quantity) {
                self.line = line
                self.quantity = quantity
            }
        }

        package init(index: UInt32) { self.index = index }

        /// Whether the step says nothing that the event does not say.
        package var isPlain: Bool { self == Step(index: index) }
    }

    package var steps: [Step]
    package var isVacant: Bool { steps.isEmpty }

    package init(steps: [Step]) { self.steps = steps }

    package func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(steps.count))
        for step in steps {
            writer.varint(UInt64(step.index))
            writer.quantity(step.fromAllocated)
            writer.quantity(step.fromBackordered)
            writer.quantity(step.fromCancelled)
            writer.quantity(step.toSurplus)
            writer.quantity(step.unallocated)
            writer.quantity(step.pickSkipped)
            writer.quantity(step.packSkipped)
            writer.quantity(step.packedBeyond)
            writer.quantity(step.shippedBeyond)
            writer.quantity(step.lostToPutBack)
            writer.quantity(step.fromReleased)
            writer.quantity(step.shippedHeld)
            writer.optional(step.piece) { writer, piece in
                writer.optional(piece.line) { $0.signed(Int64($1)) }
                writer.quantity(piece.quantity)
            }
        }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.steps = []
        for _ in 0..<(try reader.varint()) {
            var step = Step(index: UInt32(truncatingIfNeeded: try reader.varint()))
            step.fromAllocated = try reader.quantity()
            step.fromBackordered = try reader.quantity()
            step.fromCancelled = try reader.quantity()
            step.toSurplus = try reader.quantity()
            step.unallocated = try reader.quantity()
            step.pickSkipped = try reader.quantity()
            step.packSkipped = try reader.quantity()
            step.packedBeyond = try reader.quantity()
            step.shippedBeyond = try reader.quantity()
            step.lostToPutBack = try reader.quantity()
            step.fromReleased = try reader.quantity()
            step.shippedHeld = try reader.quantity()
            step.piece = try reader.optional { (reader) throws(EngineError) in
                let line = try reader.optional { (reader) throws(EngineError) in
                    Int32(truncatingIfNeeded: try reader.signed())
                }
                return Step.Piece(line: line, quantity: try reader.quantity())
            }
            steps.append(step)
        }
    }
}
