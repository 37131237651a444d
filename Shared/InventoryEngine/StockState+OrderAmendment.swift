import Causality

/// Amendments of orders, and what is done for an order beyond what its lines ask for.
extension StockState {
    /// Changes what an order asks for: up as a new promise, down from what is furthest from the
    /// customer.
    ///
    /// What was picked, packed or shipped already stands: beyond the new total it is no longer the
    /// line's, and what is picked has to go back.
    mutating func postOrderAmended(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        guard let (orderKey, known) = try orderRow(current, body) else {
            throw .refused("unknown_order", "Order \(body.order) is not known.")
        }
        for line in body.lines {
            guard let (key, old) = try orderLine(current, body, line) else {
                throw .refused("unknown_order", "Order \(body.order) has no such line.")
            }
            var row = old
            let total = line.quantity
            if total > row.ordered {
                let more = try total.minus(row.ordered)
                let granted = min(line.granted ?? .zero, more)
                row.reserved = try row.reserved.plus(granted)
                row.backordered = try row.backordered.plus(more).minus(granted)
                if report.seenAt != nil {
                    try notePromised(StockKey(home: current.site, sku: line.sku), granted)
                }
                report.isFinal = (report.isFinal ?? true) && granted == more
            } else {
                let less = try row.ordered.minus(total)
                try amendDown(current, body, known, key.line, &row, by: less)
            }
            let isMore = total > row.ordered
            row.ordered = total
            if isMore { try claimBeyond(current, body, &row) }
            try setOrderLine(key, to: row)
        }
        var order = known
        order.amendedBy.note(current.ref)
        try cache.orders.set(orderKey, to: order, from: reader)
    }

    /// What was done for the order beyond what it asked for is what it asks for now.
    private mutating func claimBeyond(
        _ current: Current,
        _ body: OrderWork,
        _ row: inout OrderLineRow
    ) throws(EngineError) {
        let key = surplusKey(current, body, row.sku)
        guard var surplus = try cache.surpluses.row(key, from: reader) else { return }
        try claim(&surplus, for: &row)
        try setSurplus(key, to: surplus)
    }

    private mutating func amendDown(
        _ current: Current,
        _ body: OrderWork,
        _ order: OrderRow,
        _ number: Int32,
        _ row: inout OrderLineRow,
        by quantity: Quantity
    ) throws(EngineError) {
        var less = quantity
        func take(
            _ part: WritableKeyPath<OrderLineRow, Quantity>,
            atMost most: Quantity? = nil
        ) throws(EngineError) -> Quantity {
            let there = row[keyPath: part]
            let taken = min(there, most ?? there, less)
            row[keyPath: part] = try there.minus(taken)
            less = try less.minus(taken)
            return taken
        }
        _ = try take(\.backordered)
        let withdrawn = try take(\.reserved).plus(take(\.allocated))
        row.withdrawn = try row.withdrawn.plus(withdrawn)
        _ = try take(\.cancelled)
        row.released = min(row.released, row.cancelled)
        let freed = min(row.freed, row.cancelled)
        row.withdrawn = try row.withdrawn.plus(row.freed).minus(freed)
        row.freed = freed
        guard less.units > 0 else { return }
        let key = surplusKey(current, body, row.sku)
        var surplus = try cache.surpluses.row(key, from: reader) ?? SurplusRow()
        let picked = try take(\.picked)
        surplus.picked = try surplus.picked.plus(picked)
        let packed = try take(\.packed)
        surplus.packed = try surplus.packed.plus(packed)
        let kept = try row.shipped.minus(row.returned)
        let keptValue = try row.shippedValue.minus(row.returnedValue)
        let shipped = try take(\.shipped, atMost: kept.clampedToZero)
        if shipped.units > 0 {
            let value = try keptValue.share(shipped, of: kept)
            row.shippedValue = try row.shippedValue.minus(value)
            surplus.shippedBeyond = try surplus.shippedBeyond.plus(shipped)
            surplus.shippedValue = try surplus.shippedValue.plus(value)
        }
        guard less.isZero else {
            throw .refused("amend_too_late", "More of order \(body.order) has come back.")
        }
        try setSurplus(key, to: surplus)
        let back = try row.toPutBack.minus(row.picked).minus(row.packed).clampedToZero
        row.toPutBack = try row.toPutBack.minus(back)
        let subject = "\(body.order)/\(number)"
        try addTask(.putBack, subject, StockKey(home: current.site, sku: row.sku), -back)
        try noteAmendedTooLate(
            current,
            order,
            row.sku,
            subject,
            picked: try picked.plus(packed),
            shipped: shipped
        )
    }

    private mutating func noteAmendedTooLate(
        _ current: Current,
        _ order: OrderRow,
        _ sku: SKU,
        _ subject: String,
        picked: Quantity,
        shipped: Quantity
    ) throws(EngineError) {
        if shipped.units > 0, let other = unknown(order.dispatchedBy, to: current) {
            try raiseAmended(current, with: other, sku, subject, shipped, isShipped: true)
        } else if let other = unknown(order.pickedBy, to: current) {
            let quantity = try picked.plus(shipped)
            try raiseAmended(current, with: other, sku, subject, quantity, isShipped: false)
        } else {
            raise(
                "amended_after_pick",
                sku,
                "\(sku) of \(subject) had been picked when the order was amended."
            )
        }
    }

    // MARK: Beyond the lines

    /// Says why more was picked than the order's lines ask for.
    mutating func pickedBeyond(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ quantity: Quantity
    ) throws(EngineError) {
        guard let (_, order) = try orderRow(current, work),
            !isConcurrent(current, with: order.confirmedBy)
        else { return }
        let subject = subject(work, line)
        if let amendment = unknown(order.amendedBy, to: current) {
            try takeWithdrawn(current, work, line, quantity, amendment)
            try raiseAmended(
                current,
                with: amendment,
                line.sku,
                subject,
                quantity,
                isShipped: false
            )
        } else if let pick = unknown(order.pickedBy, to: current) {
            try raiseConflict(
                .pickedTwice,
                current,
                with: pick,
                sku: line.sku,
                subject: subject,
                resolution: "Both picks stand; what exceeds the order is surplus.",
                before: "picked twice, neither knowing of the other",
                after: "\(quantity.units) units are picked beyond the order",
                compensation: "Put the surplus back to its place.",
                isResolved: true
            )
        } else {
            raise(
                "over_pick",
                line.sku,
                "More of \(line.sku) was picked for \(work.order) than asked."
            )
        }
    }

    /// A pick that did not know of an amendment takes the units on the promise rights that the
    /// amendment freed.
    private mutating func takeWithdrawn(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ quantity: Quantity,
        _ amendment: EventRef
    ) throws(EngineError) {
        guard let (key, old) = try orderLine(current, work, line) else { return }
        let taken = min(old.withdrawn, quantity)
        guard taken.units > 0 else { return }
        var row = old
        row.withdrawn = try row.withdrawn.minus(taken)
        try setOrderLine(key, to: row)
        report.revived[StockKey(home: current.site, sku: line.sku), default: []].append(
            Revival(
                order: FreezeRow.Order(site: key.orderSite, order: key.order),
                cancel: amendment.id,
                quantity: taken
            )
        )
    }

    /// Says why more was shipped than the order's lines ask for.
    mutating func shippedBeyond(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ quantity: Quantity
    ) throws(EngineError) {
        guard let (_, order) = try orderRow(current, work),
            !isConcurrent(current, with: order.confirmedBy)
        else { return }
        if let amendment = unknown(order.amendedBy, to: current) {
            try raiseAmended(
                current,
                with: amendment,
                line.sku,
                subject(work, line),
                quantity,
                isShipped: true
            )
        } else {
            raise("over_ship", line.sku, "More of \(line.sku) left for \(work.order) than asked.")
        }
    }

    private func subject(_ work: OrderWork, _ line: EventLine) -> String {
        line.line.map { "\(work.order)/\($0)" } ?? work.order.text
    }

    /// What was picked stands, and so does the amendment, whichever comes first.
    private mutating func raiseAmended(
        _ current: Current,
        with other: EventRef,
        _ sku: SKU,
        _ subject: String,
        _ quantity: Quantity,
        isShipped: Bool
    ) throws(EngineError) {
        let what = isShipped ? "shipped" : "picked"
        try raiseConflict(
            .amendedAfterPick,
            current,
            with: other,
            sku: sku,
            subject: subject,
            resolution: "What was \(what) stands; beyond the amended order it is surplus.",
            before: "amended and \(what), neither knowing of the other",
            after: "\(quantity.units) units are \(what) beyond the order",
            compensation: isShipped
                ? "Ask the customer to return the goods, or amend the order upwards."
                : "Put the surplus back to its place, or amend the order upwards.",
            isResolved: true
        )
    }
}
