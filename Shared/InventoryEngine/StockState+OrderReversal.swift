import Causality

/// The undoing of facts about orders: each step back, at exactly what the step had taken.
///
/// What later events have moved on since is taken from where it is now.
extension StockState {
    /// The lines of a fact with what they did besides the plain step, the last line first.
    private mutating func stepsBack(
        _ current: Current,
        _ original: Current,
        _ work: OrderWork,
        beyond: KeyPath<SurplusRow, Quantity>,
        _ there: (OrderLineRow) throws(EngineError) -> Quantity
    ) throws(EngineError) -> [StepBack] {
        let key = OrderEffectRow.Key(home: current.site, event: original.event.id)
        var noted: [UInt32: [OrderEffectRow.Step]] = [:]
        for step in try cache.orderEffects.row(key, from: reader)?.steps ?? [] {
            guard step.index < work.lines.count else {
                throw .damaged("The effect of an event names a line that the event does not have.")
            }
            noted[step.index, default: []].append(step)
        }
        var back: [StepBack] = []
        back.reserveCapacity(work.lines.count)
        for (index, line) in work.lines.enumerated() {
            let plain = OrderEffectRow.Step(index: UInt32(index))
            var rest = line
            for (place, step) in (noted[UInt32(index)] ?? [plain]).enumerated() {
                back += try claimedSince(
                    original,
                    work,
                    rest.takePiece(step.piece, isFirst: place == 0),
                    step,
                    beyond: beyond,
                    there: there
                )
            }
        }
        return back.reversed()
    }

    mutating func undoPick(
        _ current: Current,
        _ original: Current,
        _ work: OrderWork
    ) throws(EngineError) {
        let steps = try stepsBack(current, original, work, beyond: \.picked) { $0.picked }
        for (line, step) in steps.map({ ($0.line, $0.step) }) {
            let stock = StockKey(home: current.site, sku: line.sku)
            let location = line.location ?? .stock
            try unstageBack(current, work, line, line.quantity)
            try undoPick(current, work, line, line.quantity, step)
            guard let short = line.short, short.units > 0 else { continue }
            if let (key, old) = try orderLine(current, work, line) {
                var row = old
                let again = min(step.unallocated, row.reserved)
                row.reserved = try row.reserved.minus(again)
                row.allocated = try row.allocated.plus(again)
                try setOrderLine(key, to: row, at: line.allocatedPlace)
            }
            try addTask(.recount, location.text, stock, -short)
        }
    }

    /// Gives picked units back to what they were taken from.
    private mutating func undoPick(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ quantity: Quantity,
        _ step: OrderEffectRow.Step
    ) throws(EngineError) {
        var left = quantity
        let surplusKey = surplusKey(current, work, line.sku)
        if step.toSurplus.units > 0,
            var surplus = try cache.surpluses.row(surplusKey, from: reader)
        {
            let back = min(surplus.picked, step.toSurplus)
            surplus.picked = try surplus.picked.minus(back)
            left = try left.minus(back)
            try setSurplus(surplusKey, to: surplus)
        }
        if let (key, old) = try orderLine(current, work, line) {
            var row = old
            let released = min(step.fromReleased, row.picked)
            row.picked = try row.picked.minus(released)
            row.cancelled = try row.cancelled.plus(released)
            row.released = try row.released.plus(released)
            left = try left.minus(released)
            let toPutBack = try step.fromCancelled.minus(step.fromReleased)
            let revived = min(toPutBack, row.toPutBack, row.picked)
            row.toPutBack = try row.toPutBack.minus(revived)
            row.picked = try row.picked.minus(revived)
            row.cancelled = try row.cancelled.plus(revived)
            let asked = try quantity.minus(step.toSurplus).minus(step.fromCancelled)
            let back = min(asked, row.picked)
            row.picked = try row.picked.minus(back)
            let waiting = min(step.fromBackordered, back)
            let chosen = min(step.fromAllocated, try back.minus(waiting))
            row.backordered = try row.backordered.plus(waiting)
            row.allocated = try row.allocated.plus(chosen)
            row.reserved = try row.reserved.plus(back).minus(waiting).minus(chosen)
            let cancelled = try cancelAgain(&row)
            left = try left.minus(revived).minus(back)
            try setOrderLine(key, to: row, at: line.allocatedPlace)
            let stock = StockKey(home: current.site, sku: line.sku)
            let task = "\(work.order)/\(key.line)"
            try addTask(.putBack, task, stock, -(revived.plus(cancelled)))
        }
        var rest = step
        if left.units > 0 { try putBack(current, work, line, left, &rest) }
    }

    /// Takes units that were put back to staging again: to what they had been before.
    mutating func undoUnpick(
        _ current: Current,
        _ original: Current,
        _ work: OrderWork
    ) throws(EngineError) {
        let key = OrderEffectRow.Key(home: current.site, event: original.event.id)
        let noted = try cache.orderEffects.row(key, from: reader)?.steps ?? []
        for (index, entered) in work.lines.enumerated().reversed() {
            let plain = OrderEffectRow.Step(index: UInt32(index))
            let steps = noted.filter { $0.index == plain.index }
            var rest = entered
            var parts: [(line: EventLine, step: OrderEffectRow.Step)] = []
            for (place, step) in (steps.isEmpty ? [plain] : steps).enumerated() {
                parts.append((rest.takePiece(step.piece, isFirst: place == 0), step))
            }
            for (line, step) in parts.reversed() {
                try undoUnpick(current, original, work, line, step)
            }
        }
    }

    private mutating func undoUnpick(
        _ current: Current,
        _ original: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ step: OrderEffectRow.Step
    ) throws(EngineError) {
        let stock = StockKey(home: current.site, sku: line.sku)
        for moved in try posted(original, stock) where moved.status != .sellable {
            throw .refused(
                "not_reversible",
                "Some of \(line.sku) was quarantined when it was put back.",
                field: "event",
                hint: "Record the pick again instead."
            )
        }
        try moveStock(stock, line.location ?? .stock, line.lot, .sellable, by: -line.quantity)
        try stage(current, work, stock, line.lot, line.quantity)
        var left = line.quantity
        if step.toSurplus.units > 0 {
            let surplusKey = surplusKey(current, work, line.sku)
            var surplus = try cache.surpluses.row(surplusKey, from: reader) ?? SurplusRow()
            surplus.picked = try surplus.picked.plus(step.toSurplus)
            try setSurplus(surplusKey, to: surplus)
            left = try left.minus(step.toSurplus)
        }
        if step.fromCancelled.units > 0, let (key, old) = try orderLine(current, work, line) {
            var row = old
            let again = min(step.fromCancelled, row.cancelled)
            row.cancelled = try row.cancelled.minus(again)
            row.picked = try row.picked.plus(again)
            row.toPutBack = try row.toPutBack.plus(again)
            left = try left.minus(again)
            try setOrderLine(key, to: row)
            try addTask(.putBack, "\(work.order)/\(key.line)", stock, again)
        }
        guard left.units > 0 else { return }
        var again = OrderEffectRow.Step(index: step.index)
        try pick(current, work, line, left, &again)
    }

    /// Sets units aside for nobody any more, as far as they are not picked since.
    mutating func undoAllocation(
        _ current: Current,
        _ work: OrderWork
    ) throws(EngineError) {
        for line in work.lines.reversed() {
            guard let (key, old) = try orderLine(current, work, line) else { continue }
            let place = line.allocatedPlace
            let there = old.places.first { $0.isAt(place) }?.quantity ?? .zero
            let back = min(there, line.quantity)
            guard back.units > 0 else {
                throw .refused(
                    "already_picked",
                    "What was set aside of \(line.sku) is picked, or set aside elsewhere.",
                    field: "event",
                    hint: "Reverse the pick first."
                )
            }
            var row = old
            row.allocated = try row.allocated.minus(back)
            row.reserved = try row.reserved.plus(back)
            try setOrderLine(key, to: row, at: place)
        }
    }

    /// Units that were cancelled after their pick are cancelled, now that they are not picked.
    ///
    /// - Returns: How many.
    private func cancelAgain(_ row: inout OrderLineRow) throws(EngineError) -> Quantity {
        let excess = try row.toPutBack.minus(row.picked).minus(row.packed).clampedToZero
        var left = excess
        for part in [\OrderLineRow.backordered, \OrderLineRow.reserved, \OrderLineRow.allocated] {
            let taken = min(row[keyPath: part], left)
            row[keyPath: part] = try row[keyPath: part].minus(taken)
            left = try left.minus(taken)
        }
        let cancelled = try excess.minus(left)
        row.cancelled = try row.cancelled.plus(cancelled)
        row.toPutBack = try row.toPutBack.minus(cancelled)
        return cancelled
    }

    mutating func undoPack(
        _ current: Current,
        _ original: Current,
        _ work: OrderWork
    ) throws(EngineError) {
        let steps = try stepsBack(current, original, work, beyond: \.packed) { $0.packed }
        for (line, step) in steps.map({ ($0.line, $0.step) }) {
            try undoPack(current, work, line, line.quantity, step)
        }
    }

    /// Takes units out of their container, and those that nobody had picked back to their place.
    private mutating func undoPack(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ quantity: Quantity,
        _ step: OrderEffectRow.Step
    ) throws(EngineError) {
        var left = quantity
        let surplusKey = surplusKey(current, work, line.sku)
        var surplus = try cache.surpluses.row(surplusKey, from: reader) ?? SurplusRow()
        func unpackBeyond(_ most: Quantity) throws(EngineError) {
            let back = min(surplus.packed, most)
            surplus.packed = try surplus.packed.minus(back)
            surplus.picked = try surplus.picked.plus(back)
            left = try left.minus(back)
        }
        try unpackBeyond(step.packedBeyond)
        if let (key, old) = try orderLine(current, work, line) {
            var row = old
            let back = min(row.packed, left)
            row.packed = try row.packed.minus(back)
            row.picked = try row.picked.plus(back)
            left = try left.minus(back)
            try setOrderLine(key, to: row)
        }
        try unpackBeyond(left)
        guard left.isZero else {
            throw .refused(
                "already_shipped",
                "Some of \(line.sku) has been shipped already.",
                field: "event",
                hint: "Reverse the dispatch first."
            )
        }
        try setSurplus(surplusKey, to: surplus)
        guard step.pickSkipped.units > 0 else { return }
        try unstageBack(current, work, line, step.pickSkipped)
        try undoPick(current, work, line, step.pickSkipped, step)
    }

    mutating func undoDispatch(
        _ current: Current,
        _ original: Current,
        _ work: OrderWork
    ) throws(EngineError) {
        let steps = try stepsBack(current, original, work, beyond: \.shippedBeyond) {
            (row) throws(EngineError) in try row.shipped.minus(row.returned)
        }
        for undone in steps {
            let (line, step) = (undone.line, undone.step)
            let stock = StockKey(home: current.site, sku: line.sku)
            try restage(current, work, line, held: step.shippedHeld)
            try addTask(.recall, work.order.text, stock, -step.shippedHeld)
            var left = line.quantity
            let surplusKey = surplusKey(current, work, line.sku)
            var surplus = try cache.surpluses.row(surplusKey, from: reader) ?? SurplusRow()
            func bringBackBeyond(_ most: Quantity) throws(EngineError) {
                let back = min(surplus.shippedBeyond, most)
                guard back.units > 0 else { return }
                let value = try surplus.shippedValue.share(back, of: surplus.shippedBeyond)
                surplus.shippedValue = try surplus.shippedValue.minus(value)
                surplus.shippedBeyond = try surplus.shippedBeyond.minus(back)
                surplus.packed = try surplus.packed.plus(back)
                left = try left.minus(back)
            }
            try bringBackBeyond(step.shippedBeyond)
            if let (key, old) = try orderLine(current, work, line) {
                var row = old
                let kept = try row.shipped.minus(row.returned)
                let back = min(kept.clampedToZero, left)
                if undone.isClaimed, back.units > 0 {
                    // The issue was no issue of the line, so that its undoing does not reach it.
                    let value = try row.shippedValue.minus(row.returnedValue).share(back, of: kept)
                    row.shippedValue = try row.shippedValue.minus(value)
                }
                row.shipped = try row.shipped.minus(back)
                row.packed = try row.packed.plus(back)
                row.toPutBack = try row.toPutBack.plus(step.lostToPutBack)
                row.askedBack = try row.askedBack.minus(step.lostToPutBack).clampedToZero
                left = try left.minus(back)
                try setOrderLine(key, to: row)
                let task = "\(work.order)/\(key.line)"
                try addTask(.putBack, task, stock, step.lostToPutBack)
                try addTask(.requestReturn, task, stock, -step.lostToPutBack)
            }
            try bringBackBeyond(left)
            guard left.isZero else {
                throw .refused(
                    "already_returned",
                    "Some of \(line.sku) has come back already.",
                    field: "event",
                    hint: "Reverse the return first."
                )
            }
            try setSurplus(surplusKey, to: surplus)
            try void(current, stock, original)
            if step.packSkipped.units > 0 {
                try undoPack(current, work, line, step.packSkipped, step)
            }
        }
    }
}
