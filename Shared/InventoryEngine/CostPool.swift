/// Units issued beyond the cost layers, at provisional cost until a receipt covers them.
package struct ShortfallLayer: Hashable, Sendable {
    /// The movement that issued them.
    package var movement: MovementKey
    package var quantity: Quantity
    /// What they are taken to cost until they are covered.
    package var value: Money
}

/// A value with the quantity that it is for: a part of a stock, or a unit cost that is never
/// rounded.
public struct CostPart: Hashable, Sendable {
    /// What the units are worth, at the money scale.
    public var value: Money
    /// Base units at the item's scale.
    public var quantity: Quantity

    /// Makes a part of its value and its quantity.
    public init(value: Money, quantity: Quantity) {
        self.value = value
        self.quantity = quantity
    }

    /// What a quantity costs at this ratio.
    func value(of other: Quantity) throws(EngineError) -> Money {
        try value.share(other, of: quantity)
    }
}

/// How the stock of one item at one site is valued at a time.
package struct Costing: Hashable, Sendable {
    package var method: CostingMethod
    /// What a unit costs by the standard, in the network's currency; nil where none is known.
    ///
    /// By the method `standard` goods enter at it; by the others it is what they are taken to cost
    /// where nothing better is known.
    package var standard: ExactDecimal?

    /// The standard cost at which goods enter; nil where they enter at what was paid.
    package var entryCost: ExactDecimal? { method == .standard ? standard : nil }

    package init(method: CostingMethod = .average, standard: ExactDecimal? = nil) {
        self.method = method
        self.standard = standard
    }
}

/// The cost layers of one (site, SKU): how many units they hold, what those are worth together, and
/// the shortfall layers.
///
/// Under weighted average and standard cost there is one layer, which the pool is; under first in,
/// first out the layers are rows of their own (``CostLayerRow``), and the pool has their totals.
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
    package private(set) var lastHeld: CostPart?
    package private(set) var lastIssue: CostPart?
    package private(set) var lastReceipt: CostPart?
    /// How movements are valued from here on; stored beside the pool.
    package var costing: Costing
    /// What of the original cost of the held units is written down; stored beside the pool.
    package private(set) var writtenDown = Money.zero

    package init(costing: Costing = Costing()) {
        self.costing = costing
    }

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

    /// Adds units that enter together, part by part; what is short is covered first, oldest first.
    ///
    /// - Returns: What the covered shortfalls turned out to cost, empty when nothing was short; and
    ///   what is held of the units.
    mutating func receive(
        _ parts: [CostPart],
        isReceipt: Bool
    ) throws(EngineError) -> (covers: [Cover], held: [CostPart]) {
        var covers: [Cover] = []
        var held: [CostPart] = []
        var all = CostPart(value: .zero, quantity: .zero)
        for part in parts {
            let outcome = try receive(part.quantity, worth: part.value)
            covers += outcome.covers
            if !outcome.held.quantity.isZero { held.append(outcome.held) }
            all.value = try all.value.plus(part.value)
            all.quantity = try all.quantity.plus(part.quantity)
        }
        if isReceipt, !all.quantity.isZero { lastReceipt = all }
        if self.held.units > 0 { lastHeld = nil }
        return (covers, held)
    }

    private mutating func receive(
        _ quantity: Quantity,
        worth value: Money
    ) throws(EngineError) -> (covers: [Cover], held: CostPart) {
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
        return (covers, CostPart(value: leftValue, quantity: left))
    }

    /// What units cost that leave, no more than are held, if all have one cost.
    func averageCost(of quantity: Quantity) throws(EngineError) -> Money {
        quantity.isZero ? .zero : try heldValue.share(quantity, of: held)
    }

    /// Takes units out that are held, at what they cost.
    mutating func take(_ quantity: Quantity, costing cost: Money) throws(EngineError) {
        guard quantity.units > 0 else { return }
        if !writtenDown.isZero {
            writtenDown = try writtenDown.minus(writtenDown.share(quantity, of: held))
        }
        if quantity == held { lastHeld = CostPart(value: heldValue, quantity: held) }
        held = try held.minus(quantity)
        heldValue = try heldValue.minus(cost)
        lastIssue = CostPart(value: cost, quantity: quantity)
    }

    /// Changes what the held units are worth, and never to less than nothing.
    ///
    /// A write-down may be taken back as far as it was made (IAS 2, paragraph 33).
    ///
    /// - Returns: By how much it has changed.
    mutating func revalue(by change: Money, isWriteDown: Bool) throws(EngineError) -> Money {
        guard held.units > 0 else { return .zero }
        var delta = max(change, -heldValue)
        if isWriteDown {
            delta = min(delta, writtenDown)
            writtenDown = try writtenDown.minus(delta)
        }
        heldValue = try heldValue.plus(delta)
        return delta
    }

    /// Takes over what is stored beside the pool.
    package mutating func setBeside(_ costing: Costing, writtenDown: Money) {
        self.costing = costing
        self.writtenDown = writtenDown
    }

    /// What units are taken to cost that leave beyond what is held: as the last issue, else as the
    /// last receipt; nil if there was neither.
    func provisionalCost(of quantity: Quantity) throws(EngineError) -> Money? {
        try (lastIssue ?? lastReceipt)?.value(of: quantity)
    }

    /// Takes units out beyond what is held, which are then short.
    mutating func fallShort(_ shortfall: ShortfallLayer) {
        shortfalls.append(shortfall)
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
        self.costing = Costing()
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
        func ratio(_ reader: inout ByteReader) throws(EngineError) -> CostPart? {
            try reader.optional { (r) throws(EngineError) in
                CostPart(value: try r.money(), quantity: try r.quantity())
            }
        }
        self.lastHeld = try ratio(&reader)
        self.lastIssue = try ratio(&reader)
        self.lastReceipt = try ratio(&reader)
    }
}
