import Causality

/// What two sites did to one transfer without knowing of each other.
extension StockState {
    private func subject(_ body: Transfer, _ line: EventLine) -> String {
        "\(body.transfer)/\(line.line ?? 1)"
    }

    /// A receipt that did not know of the dispatch stands; the dispatch says what it cost.
    mutating func raiseReceivedEarly(
        _ current: Current,
        _ body: Transfer,
        _ line: EventLine,
        with other: EventRef
    ) throws(EngineError) {
        try raiseConflict(
            .receivedBeforeDispatch,
            current,
            with: other,
            sku: line.sku,
            subject: subject(body, line),
            resolution: "The dispatch settles the receipt at what the goods cost the sender.",
            before: "received without knowing of the dispatch",
            after: "received at the sender's cost",
            compensation: "None is needed.",
            isResolved: true
        )
    }

    /// What one site sent and what the other received without knowing of it both stand.
    mutating func raiseDifference(
        _ current: Current,
        _ body: Transfer,
        _ line: EventLine,
        _ row: TransferLineRow,
        with other: EventRef
    ) throws(EngineError) {
        guard row.dispatched != row.received else { return }
        let open = try row.inTransit()
        try raiseConflict(
            .transferDiffers,
            current,
            with: other,
            sku: line.sku,
            subject: subject(body, line),
            resolution: "Both stand; the difference stays in transit until it is settled.",
            before: "dispatched and received, neither knowing of the other",
            after: "dispatched \(row.dispatched.units), received \(row.received.units), "
                + "in transit \(open.units)",
            compensation: "Count what has arrived, then settle the difference.",
            isResolved: true
        )
    }

    /// Goods that were written off as lost without knowing of their arrival have arrived: the
    /// write-off is taken back at its own value.
    mutating func takeBackWriteOff(
        _ current: Current,
        _ body: Transfer,
        _ line: EventLine,
        _ row: inout TransferLineRow
    ) throws(EngineError) {
        guard row.writtenOff.units > 0 else { return }
        let beyond = try line.quantity.minus(row.inTransit().clampedToZero)
        guard beyond.units > 0, let settlement = unknown(row.writtenOffBy, to: current) else {
            return
        }
        let (source, _) = sites(current, body)
        // What the receiver knew to be written off is for people to settle.
        let back = min(
            beyond,
            try unknownUnits(.lost, of: row, current, atMost: row.writtenOff)
        )
        guard back.units > 0 else { return }
        var step = TransitFlow.Step(.found, back)
        // Where nobody kept what was lost, it is worth its share of all that was.
        let share = try row.writtenOffValue.share(back, of: row.writtenOff)
        step.parts = [CostPart(value: share, quantity: back)]
        step.parts = try row.flow.worth(of: step)
        try row.flow.add(step)
        let value = try step.parts.total()
        row.writtenOff = try row.writtenOff.minus(back)
        row.writtenOffValue = try row.writtenOffValue.minus(value)
        row.settled = try row.settled.minus(back)
        row.transitValue = try row.transitValue.plus(value)
        try post(source, .goodsInTransit, line.sku, value)
        try post(source, .transitLoss, line.sku, -value)
        try raiseWriteOff(current, body, line, back, with: settlement)
    }

    /// What of a line the event at hand did not know to be sent, cancelled, lost or gained, and no
    /// more than is left of it.
    func unknownUnits(
        _ kind: TransferStep.Kind,
        of row: TransferLineRow,
        _ current: Current,
        atMost most: Quantity
    ) throws(EngineError) -> Quantity {
        var sum = Quantity.zero
        for step in row.steps where step.kind == kind && isConcurrent(current, with: step.by) {
            sum = try sum.plus(step.quantity)
        }
        return min(sum, most)
    }

    /// Goods that were settled as gained without knowing of their dispatch were sent: the gain is
    /// taken back at its own value.
    mutating func takeBackGain(
        _ current: Current,
        _ body: Transfer,
        _ line: EventLine,
        _ row: inout TransferLineRow
    ) throws(EngineError) {
        guard row.gained.units > 0, let settlement = unknown(row.gainedBy, to: current) else {
            return
        }
        let after = try row.inTransit().plus(line.quantity)
        let back = min(
            after,
            try unknownUnits(.gained, of: row, current, atMost: row.gained)
        )
        guard back.units > 0 else { return }
        let (source, _) = sites(current, body)
        var step = TransitFlow.Step(.regained, back)
        step.parts = try row.flow.worth(of: step)
        try row.flow.add(step)
        let value = try step.parts.total()
        row.gained = try row.gained.minus(back)
        row.gainedValue = try row.gainedValue.minus(value)
        row.settled = try row.settled.plus(back)
        row.transitValue = try row.transitValue.minus(value)
        try post(source, .goodsInTransit, line.sku, -value)
        try post(source, .transitGain, line.sku, value)
        try raiseNoGain(current, body, line, back, with: settlement)
    }

    /// The dispatch wins over the gain, whichever comes first.
    mutating func raiseNoGain(
        _ current: Current,
        _ body: Transfer,
        _ line: EventLine,
        _ quantity: Quantity,
        with other: EventRef
    ) throws(EngineError) {
        try raiseConflict(
            .receivedBeforeDispatch,
            current,
            with: other,
            sku: line.sku,
            subject: subject(body, line),
            resolution: "The goods were sent; they are not gained.",
            before: "dispatched and settled as gained, neither knowing of the other",
            after: "\(quantity.units) units were sent and not gained",
            compensation: "None is needed: the gain is taken back at its own value.",
            isResolved: true
        )
    }

    /// The arrival wins over the write-off, whichever comes first.
    mutating func raiseWriteOff(
        _ current: Current,
        _ body: Transfer,
        _ line: EventLine,
        _ quantity: Quantity,
        with other: EventRef
    ) throws(EngineError) {
        try raiseConflict(
            .returnedAfterWriteOff,
            current,
            with: other,
            sku: line.sku,
            subject: subject(body, line),
            resolution: "The goods are there; they are not written off.",
            before: "received and written off as lost, neither knowing of the other",
            after: "\(quantity.units) units are received and not lost",
            compensation: "None is needed: the loss is taken back at its own value.",
            isResolved: true
        )
    }
}
