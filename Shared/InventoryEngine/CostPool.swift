/// Units issued beyond the cost layers, at provisional cost until a receipt covers them.
package struct ShortfallLayer: Hashable, Sendable {
    /// The movement that issued them.
    package var movement: MovementKey
    package var quantity: Quantity
    /// What they are taken to cost until they are covered.
    package var value: Money
}

/// A value with the quantity that it was for: a unit cost that is never rounded.
package struct CostRatio: Hashable, Sendable {
    package var value: Money
    package var quantity: Quantity

    /// What a quantity costs at this ratio.
    func value(of other: Quantity) throws(EngineError) -> Money {
        try value.share(other, of: quantity)
    }
}

/// The cost layers of one (site, SKU) under weighted average: one layer that carries its whole
/// value, and the shortfall layers.
///
/// The pool carries value, never a unit cost. An issue of *q* out of *Q* takes
/// `round_half_up(V × q ÷ Q)`; the last unit takes the remainder, so nothing is left over.
///
/// | Held before  | Issued | Cost    | Held after   |
/// | ------------ | -----: | ------: | ------------ |
/// | 3 for 10     |      1 |  3.3333 | 2 for 6.6667 |
/// | 2 for 6.6667 |      1 |  3.3334 | 1 for 3.3333 |
/// | 1 for 3.3333 |      1 |  3.3333 | none for 0   |
///
/// Source: IAS 2 *Inventories*, paragraphs 25 and 27 (the weighted average cost formula).
package struct CostPool: Hashable, Sendable {
    /// Units in the cost layer, zero or more.
    package private(set) var held = Quantity.zero
    /// What they are worth, zero when there are none.
    package private(set) var heldValue = Money.zero
    /// Oldest first; empty whenever ``held`` is more than zero.
    package private(set) var shortfalls: [ShortfallLayer] = []
    /// What was held before the issue that emptied the pool.
    package private(set) var lastHeld: CostRatio?
    package private(set) var lastIssue: CostRatio?
    package private(set) var lastReceipt: CostRatio?

    package init() {}

    /// Units held less units short.
    package func quantity() throws(EngineError) -> Quantity {
        var total = held
        for shortfall in shortfalls { total = try total.minus(shortfall.quantity) }
        return total
    }

    /// Value held less the provisional value of what is short.
    package func value() throws(EngineError) -> Money {
        var total = heldValue
        for shortfall in shortfalls { total = try total.minus(shortfall.value) }
        return total
    }

    /// What `quantity` units that enter without a cost of their own are worth: at the current
    /// ratio; at quantity zero at the last ratio held; nil if the pool never held any.
    func currentValue(of quantity: Quantity) throws(EngineError) -> Money? {
        if held.units > 0 { return try heldValue.share(quantity, of: held) }
        if let lastHeld { return try lastHeld.value(of: quantity) }
        return nil
    }

    /// What one shortfall layer turned out to cost.
    struct Cover {
        var movement: MovementKey
        /// What the covered units cost less what they were taken to cost.
        var difference: Money
    }

    /// Adds units with their value; what is short is covered first, oldest first.
    ///
    /// - Returns: What the covered shortfalls turned out to cost; empty when nothing was short.
    mutating func receive(
        _ quantity: Quantity,
        worth value: Money,
        isReceipt: Bool
    ) throws(EngineError) -> [Cover] {
        var left = quantity
        var leftValue = value
        var covers: [Cover] = []
        while left.units > 0, let first = shortfalls.first {
            let covered = min(left, first.quantity)
            let cost = try leftValue.share(covered, of: left)
            let provisional = try first.value.share(covered, of: first.quantity)
            covers.append(
                Cover(movement: first.movement, difference: try cost.minus(provisional))
            )
            left = try left.minus(covered)
            leftValue = try leftValue.minus(cost)
            if covered == first.quantity {
                shortfalls.removeFirst()
            } else {
                shortfalls[0].quantity = try first.quantity.minus(covered)
                shortfalls[0].value = try first.value.minus(provisional)
            }
        }
        held = try held.plus(left)
        heldValue = try heldValue.plus(leftValue)
        if isReceipt, !quantity.isZero {
            lastReceipt = CostRatio(value: value, quantity: quantity)
        }
        if held.units > 0 { lastHeld = nil }
        return covers
    }

    /// Takes units out, beyond what is held into a shortfall layer.
    ///
    /// The part beyond has a provisional cost: that of the last issue, else of the last receipt,
    /// else what `fallback` says of it.
    mutating func issue(
        _ quantity: Quantity,
        by movement: MovementKey,
        fallback: (Quantity) throws(EngineError) -> Money
    ) throws(EngineError) -> Money {
        let taken = min(quantity, held)
        var cost = Money.zero
        if taken.units > 0 {
            cost = try heldValue.share(taken, of: held)
            if taken == held { lastHeld = CostRatio(value: heldValue, quantity: held) }
            held = try held.minus(taken)
            heldValue = try heldValue.minus(cost)
            lastIssue = CostRatio(value: cost, quantity: taken)
        }
        let beyond = try quantity.minus(taken)
        guard beyond.units > 0 else { return cost }
        let provisional =
            if let lastIssue {
                try lastIssue.value(of: beyond)
            } else if let lastReceipt {
                try lastReceipt.value(of: beyond)
            } else {
                try fallback(beyond)
            }
        shortfalls.append(
            ShortfallLayer(movement: movement, quantity: beyond, value: provisional)
        )
        return try cost.plus(provisional)
    }

    func encode(into writer: inout ByteWriter) {
        writer.quantity(held)
        writer.money(heldValue)
        writer.varint(UInt64(shortfalls.count))
        for shortfall in shortfalls {
            writer.movement(shortfall.movement)
            writer.quantity(shortfall.quantity)
            writer.money(shortfall.value)
        }
        for ratio in [lastHeld, lastIssue, lastReceipt] {
            writer.optional(ratio) {
                $0.money($1.value)
                $0.quantity($1.quantity)
            }
        }
    }

    init(from reader: inout ByteReader) throws(EngineError) {
        self.held = try reader.quantity()
        self.heldValue = try reader.money()
        for _ in 0..<(try reader.varint()) {
            shortfalls.append(
                ShortfallLayer(
                    movement: try reader.movement(),
                    quantity: try reader.quantity(),
                    value: try reader.money()
                )
            )
        }
        func ratio(_ reader: inout ByteReader) throws(EngineError) -> CostRatio? {
            try reader.optional { (r) throws(EngineError) in
                CostRatio(value: try r.money(), quantity: try r.quantity())
            }
        }
        self.lastHeld = try ratio(&reader)
        self.lastIssue = try ratio(&reader)
        self.lastReceipt = try ratio(&reader)
    }
}
