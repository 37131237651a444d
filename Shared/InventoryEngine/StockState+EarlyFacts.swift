import Causality

/// A line of a fact that is undone, with what it did besides the plain step.
struct StepBack {
    var line: EventLine
    var step: OrderEffectRow.Step
    /// Whether an order has claimed since what the fact did.
    var isClaimed = false
}

/// Facts about an order whose recorder did not know the order.
extension StockState {
    /// The lines of a fact about an order, each with the step that it begins.
    ///
    /// A recorder that did not know the order could not say which of its lines a unit is for: such
    /// a fact is taken by SKU, line by line as far as there is room, and the rest stands outside.
    /// So it does the same as if it had come before the order and had been claimed by it.
    ///
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`, and what `room` throws.
    mutating func stepsAhead(
        _ current: Current,
        _ work: OrderWork,
        _ room: (OrderLineRow) throws(EngineError) -> Quantity
    ) throws(EngineError) -> [(line: EventLine, step: OrderEffectRow.Step)] {
        var steps: [(line: EventLine, step: OrderEffectRow.Step)] = []
        steps.reserveCapacity(work.lines.count)
        guard let order = try unknownOrder(current, work) else {
            for (index, line) in work.lines.enumerated() {
                steps.append((line, OrderEffectRow.Step(index: UInt32(index))))
            }
            return steps
        }
        try raiseFactBeforeOrder(current, with: order.confirmedBy, work.order)
        var used: [Int32: Quantity] = [:]
        for (index, line) in work.lines.enumerated() {
            var left = line.quantity
            var rest = line
            func append(_ number: Int32?, _ quantity: Quantity) {
                var step = OrderEffectRow.Step(index: UInt32(index))
                step.piece = OrderEffectRow.Step.Piece(line: number, quantity: quantity)
                let isFirst = steps.last?.step.index != step.index
                steps.append((rest.takePiece(step.piece, isFirst: isFirst), step))
            }
            for number in order.lines where left.units > 0 {
                let key = lineKey(current, work, number)
                guard let row = try cache.orderLines.row(key, from: reader), row.sku == line.sku
                else { continue }
                let taken = min(left, try room(row).minus(used[number] ?? .zero).clampedToZero)
                guard taken.units > 0 else { continue }
                used[number] = try (used[number] ?? .zero).plus(taken)
                left = try left.minus(taken)
                append(number, taken)
            }
            if left.units > 0 || line.quantity.isZero { append(nil, left) }
        }
        return steps
    }

    /// The order that a fact is about, if it is known here and was not to the recorder.
    private mutating func unknownOrder(
        _ current: Current,
        _ work: OrderWork
    ) throws(EngineError) -> OrderRow? {
        guard holds(current.site), let (_, order) = try orderRow(current, work),
            isConcurrent(current, with: order.confirmedBy)
        else { return nil }
        return order
    }

    /// Remembers who worked on an order that is not known yet, for its confirmation.
    mutating func noteBringer(
        _ current: Current,
        _ work: OrderWork,
        _ surplus: inout SurplusRow
    ) throws(EngineError) {
        if try orderRow(current, work) == nil { surplus.broughtBy.note(current.ref) }
    }

    /// The lines that the reversal of an early fact is about, where the order has claimed since
    /// what the fact did: what still stands outside first, then what its lines have.
    mutating func claimedSince(
        _ original: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ step: OrderEffectRow.Step,
        beyond: KeyPath<SurplusRow, Quantity>,
        there: (OrderLineRow) throws(EngineError) -> Quantity
    ) throws(EngineError) -> [StepBack] {
        guard step.piece == nil, let order = try unknownOrder(original, work) else {
            return [StepBack(line: line, step: step)]
        }
        let key = surplusKey(original, work, line.sku)
        let outside = try cache.surpluses.row(key, from: reader)?[keyPath: beyond] ?? .zero
        var left = line.quantity
        var rest = line
        var steps: [StepBack] = []
        func append(_ number: Int32?, _ quantity: Quantity) throws(EngineError) {
            guard quantity.units > 0 else { return }
            left = try left.minus(quantity)
            var part = step
            part.piece = OrderEffectRow.Step.Piece(line: number, quantity: quantity)
            part.pickSkipped = min(step.pickSkipped, quantity)
            part.packSkipped = min(step.packSkipped, quantity)
            part.toSurplus = number == nil ? min(step.toSurplus, quantity) : .zero
            part.packedBeyond = number == nil ? min(step.packedBeyond, quantity) : .zero
            part.shippedBeyond = number == nil ? min(step.shippedBeyond, quantity) : .zero
            var back = StepBack(
                line: rest.takePiece(part.piece, isFirst: steps.isEmpty),
                step: part
            )
            back.isClaimed = number != nil
            steps.append(back)
        }
        try append(nil, min(left, outside))
        for number in order.lines {
            guard
                let row = try cache.orderLines.row(
                    lineKey(original, work, number),
                    from: reader
                ), row.sku == line.sku
            else { continue }
            try append(number, min(left, try there(row).clampedToZero))
        }
        try append(nil, left)
        return steps
    }

    /// What was done for an order before it was known is the order's, whichever comes first.
    mutating func raiseFactBeforeOrder(
        _ current: Current,
        with other: EventRef,
        _ order: DocumentID
    ) throws(EngineError) {
        try raiseConflict(
            .factBeforeOrder,
            current,
            with: other,
            sku: nil,
            subject: order.text,
            resolution: "What was done for the order counts for its lines.",
            before: "\(order) was confirmed, and worked on where it was not known",
            after: "the work is part of the order; what it does not ask for is surplus",
            compensation: "None is needed, unless there is surplus to put back.",
            isResolved: true
        )
    }
}

extension EventLine {
    /// Takes the part of a line that a step is about: what was short is told with the first part,
    /// and the units go to the parts one after the other.
    mutating func takePiece(_ piece: OrderEffectRow.Step.Piece?, isFirst: Bool) -> EventLine {
        guard let piece else { return self }
        var part = self
        if !serials.isEmpty {
            let count = Int(clamping: max(0, piece.quantity.units))
            part.serials = Array(serials.prefix(count))
            serials.removeFirst(part.serials.count)
        }
        if !isFirst { part.short = nil }
        part.line = piece.line
        part.quantity = piece.quantity
        return part
    }
}
