import Causality

/// Reservations that end before the goods are picked: they expire, or somebody gives them up.
extension StockState {
    /// Ends what of an order is not yet picked.
    ///
    /// A pick wins, whichever of the two comes first.
    mutating func postReservationReleased(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) -> Verdict {
        guard holds(current.site) else { return .accepted }
        guard let (orderKey, known) = try orderRow(current, body) else {
            throw .refused("unknown_order", "Order \(body.order) is not known.")
        }
        var order = known
        var isWhole = true
        for line in body.lines {
            guard let (key, old) = try orderLine(current, body, line) else {
                throw .refused("unknown_order", "Order \(body.order) has no such line.")
            }
            var row = old
            let released = try cancelOpen(&row, atMost: line.quantity)
            row.released = try row.released.plus(released)
            try setOrderLine(key, to: row)
            let missed = try line.quantity.minus(released)
            guard missed.units > 0 else { continue }
            isWhole = false
            if let pick = unknown(order.pickedBy, to: current) {
                let subject = "\(body.order)/\(key.line)"
                try raisePickWins(current, with: pick, subject, line.sku, missed)
            }
        }
        order.releasedBy.note(current.ref)
        try cache.orders.set(orderKey, to: order, from: reader)
        try keepHold(orderKey, order)
        return isWhole ? .accepted : .adjusted
    }

    /// Units whose reservation had ended were picked: they are the order's all the same.
    mutating func pickedAfterRelease(
        _ current: Current,
        _ work: OrderWork,
        _ key: OrderLineRow.Key,
        _ sku: SKU,
        _ quantity: Quantity
    ) throws(EngineError) {
        guard quantity.units > 0 else { return }
        if let (_, order) = try orderRow(current, work),
            let release = unknown(order.releasedBy, to: current)
        {
            let subject = "\(work.order)/\(key.line)"
            try raisePickWins(current, with: release, subject, sku, quantity)
        } else {
            raise(
                "picked_after_release",
                sku,
                "\(sku) was picked for \(work.order), whose reservation had ended."
            )
        }
    }

    private mutating func raisePickWins(
        _ current: Current,
        with other: EventRef,
        _ subject: String,
        _ sku: SKU,
        _ quantity: Quantity
    ) throws(EngineError) {
        try raiseConflict(
            .expiredAndPicked,
            current,
            with: other,
            sku: sku,
            subject: subject,
            resolution: "The pick wins: what was picked is the order's.",
            before: "released and picked, neither knowing of the other",
            after: "\(quantity.units) units are picked for the order",
            compensation: "None is needed: go on with the order, or cancel it.",
            isResolved: true
        )
    }
}
