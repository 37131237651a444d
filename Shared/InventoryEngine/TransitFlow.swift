import Causality

/// What happened to the value of one transfer line, in the order in which it was posted.
///
/// The goods on their way are a queue of cost parts: a dispatch adds the layers that it took at the
/// source, a receipt takes the oldest, and so does a loss. What arrives beyond what is on its way is
/// short, at a provisional value, until a dispatch covers it. Because the steps are kept, a later
/// correction of a dispatch reaches what of it has arrived, what is lost, and what is on its way:
/// ``valued()`` says what every step would have been worth had the dispatch been right at once.
///
/// | Step         | Quantity | Value | Then in transit     |
/// | ------------ | -------: | ----: | ------------------- |
/// | sent         |       10 |   100 | 10 for 100          |
/// | received     |        4 |    40 | 6 for 60            |
/// | sent is 150  |          |       | 6 for 90, received 60 |
package struct TransitFlow: Hashable, Sendable {
    /// What a step does to the goods on their way.
    package enum Kind: UInt8, Sendable {
        /// They leave the source.
        case sent = 0
        /// They arrive.
        case received = 1
        /// They are settled as lost.
        case lost = 2
        /// They were settled as lost, and have arrived.
        case found = 3
        /// What arrived beyond them is settled as gained.
        case gained = 4
        /// It was settled as gained, and was sent.
        case regained = 5
    }

    package struct Step: Hashable, Sendable {
        package var kind: Kind
        package var quantity: Quantity
        /// The valued movement at the source, or at the destination; nil for a settlement.
        package var movement: MovementKey?
        /// What is posted for it, part by part.
        package var parts: [CostPart]
        /// What units that arrived beyond what was on its way were taken to be worth.
        package var beyond: CostPart?

        package init(
            _ kind: Kind,
            _ quantity: Quantity,
            movement: MovementKey? = nil,
            parts: [CostPart] = [],
            beyond: CostPart? = nil
        ) {
            self.kind = kind
            self.quantity = quantity
            self.movement = movement
            self.parts = parts
            self.beyond = beyond
        }
    }

    /// How many steps are kept: the oldest are then taken as they stand.
    package static let stepsMax = 64
    /// How many parts of different cost travel on one line: the rest travels as one.
    package static let partsMax = 32

    package private(set) var steps: [Step] = []
    /// What steps that are kept no more have left on its way.
    package private(set) var opening: [CostPart] = []
    /// Corrections of dispatches that are kept no more, and of which nothing was left.
    package private(set) var corrections = Money.zero
    /// Whether units lose their identity on their way, as their stock has one cost.
    package var isPooled = true

    package init() {}

    package var isEmpty: Bool { steps.isEmpty && opening.isEmpty && corrections.isZero }

    /// A flow that begins with goods on their way whose steps nobody kept.
    package init(opening: CostPart) {
        if !opening.quantity.isZero || !opening.value.isZero { self.opening = [opening] }
    }

    // MARK: Valuing

    /// The goods on their way, what is short, and what every step is worth.
    private struct Run {
        let isPooled: Bool
        var queue: [CostPart]
        var worth: [[CostPart]] = []
        /// What is short, oldest first, by step.
        var shorts: [(step: Int, part: CostPart)] = []
        var lost: [CostPart] = []
        var gained: [(step: Int, part: CostPart)] = []

        /// Units go on their way; what is short is covered first.
        mutating func enter(_ parts: [CostPart]) throws(EngineError) {
            for part in parts {
                var left = part
                while left.quantity.units > 0, let first = shorts.first {
                    let covered = min(left.quantity, first.part.quantity)
                    let cost = try left.take(covered)
                    let provisional = try shorts[0].part.take(covered)
                    if shorts[0].part.quantity.isZero { shorts.removeFirst() }
                    var paid = worth[first.step]
                    var rest = paid.removeLast()
                    rest.quantity = try rest.quantity.minus(covered)
                    rest.value = try rest.value.minus(provisional.value)
                    paid.append(cost)
                    if !rest.quantity.isZero { paid.append(rest) }
                    worth[first.step] = paid
                }
                if !left.quantity.isZero { try append(left) }
            }
        }

        private mutating func append(_ part: CostPart) throws(EngineError) {
            guard isPooled, let last = queue.last else { return queue.append(part) }
            queue[queue.count - 1] = CostPart(
                value: try last.value.plus(part.value),
                quantity: try last.quantity.plus(part.quantity)
            )
        }

        /// Takes units that are on their way, the oldest first.
        mutating func take(_ quantity: Quantity) throws(EngineError) -> [CostPart] {
            try Self.take(quantity, from: &queue)
        }

        private static func take(
            _ quantity: Quantity,
            from parts: inout [CostPart]
        ) throws(EngineError) -> [CostPart] {
            var taken: [CostPart] = []
            var left = quantity
            while left.units > 0, let first = parts.first {
                let units = min(left, first.quantity)
                taken.append(try parts[0].take(units))
                if parts[0].quantity.isZero { parts.removeFirst() }
                left = try left.minus(units)
            }
            return taken
        }

        mutating func run(_ step: Step) throws(EngineError) {
            let index = worth.count
            switch step.kind {
            case .sent:
                worth.append(step.parts)
                try enter(step.parts)
                try revalueShorts(step)
            case .received:
                var parts = try take(step.quantity)
                let missing = try step.quantity.minus(Self.quantity(of: parts))
                if missing.units > 0 {
                    let ratio = step.beyond ?? CostPart(value: .zero, quantity: missing)
                    let short = CostPart(value: try ratio.value(of: missing), quantity: missing)
                    parts.append(short)
                    shorts.append((index, short))
                }
                worth.append(parts)
            case .lost:
                let parts = try take(step.quantity)
                lost = parts + lost
                worth.append(parts)
            case .found:
                var parts = try Self.take(step.quantity, from: &lost)
                if try Self.quantity(of: parts) != step.quantity { parts = step.parts }
                worth.append(parts)
                try enter(parts)
            case .gained: worth.append(try gain(step))
            case .regained: worth.append(try regain(step))
            }
        }

        /// Units that are short still are taken to be worth what those of the last dispatch are, as
        /// when it is known before they arrive.
        private mutating func revalueShorts(_ step: Step) throws(EngineError) {
            let total = CostPart(value: try step.parts.total(), quantity: step.quantity)
            for index in shorts.indices {
                let (step, short) = shorts[index]
                let value: Money
                do {
                    value = try total.value(of: short.quantity)
                } catch {
                    continue  // too large a number: the fact is not turned down for it
                }
                shorts[index].part.value = value
                guard let last = worth[step].indices.last else { continue }
                let delta = try value.minus(short.value)
                worth[step][last].value = try worth[step][last].value.plus(delta)
            }
        }

        /// What is short is there for good: it stays at what it was taken to be worth.
        private mutating func gain(_ step: Step) throws(EngineError) -> [CostPart] {
            var parts: [CostPart] = []
            var left = step.quantity
            while left.units > 0, let first = shorts.first {
                let units = min(left, first.part.quantity)
                let part = try shorts[0].part.take(units)
                if shorts[0].part.quantity.isZero { shorts.removeFirst() }
                parts.append(part)
                gained.append((first.step, part))
                left = try left.minus(units)
            }
            return parts
        }

        /// What was gained is short again: its dispatch is at hand.
        private mutating func regain(_ step: Step) throws(EngineError) -> [CostPart] {
            var parts: [CostPart] = []
            var left = step.quantity
            while left.units > 0, let last = gained.last {
                let units = min(left, last.part.quantity)
                let part = try gained[gained.count - 1].part.take(units)
                if gained[gained.count - 1].part.quantity.isZero { gained.removeLast() }
                parts.append(part)
                shorts.insert((last.step, part), at: 0)
                left = try left.minus(units)
            }
            return parts
        }

        static func quantity(of parts: [CostPart]) throws(EngineError) -> Quantity {
            var sum = Quantity.zero
            for part in parts { sum = try sum.plus(part.quantity) }
            return sum
        }
    }

    private func run() throws(EngineError) -> Run {
        var run = Run(isPooled: isPooled, queue: opening)
        for step in steps { try run.run(step) }
        guard !corrections.isZero else { return run }
        // What nobody knows the goods of any more goes with what is left, else with the last that
        // arrived.
        if !run.queue.isEmpty {
            let last = run.queue.count - 1
            run.queue[last].value = try run.queue[last].value.plus(corrections)
        } else if let last = steps.lastIndex(where: { $0.kind == .received }),
            let part = run.worth[last].indices.last
        {
            run.worth[last][part].value = try run.worth[last][part].value.plus(corrections)
        }
        return run
    }

    /// What every step is worth, part by part, by what is known now.
    func valued() throws(EngineError) -> [[CostPart]] {
        try run().worth
    }

    /// What units would be worth that arrived now, as far as they are on their way.
    func worth(of quantity: Quantity) throws(EngineError) -> [CostPart] {
        var run = try run()
        return try run.take(quantity)
    }

    /// What a next step would be worth.
    func worth(of step: Step) throws(EngineError) -> [CostPart] {
        var run = try run()
        try run.run(step)
        return run.worth[run.worth.count - 1]
    }

    /// What is lost for good, by what is known now.
    func lossValue() throws(EngineError) -> Money {
        let worth = try valued()
        var sum = Money.zero
        for (index, step) in steps.enumerated() {
            switch step.kind {
            case .lost: sum = try sum.plus(worth[index].total())
            case .found: sum = try sum.minus(worth[index].total())
            case .sent, .received, .gained, .regained: break
            }
        }
        return sum
    }

    // MARK: Changing

    /// Adds a step.
    package mutating func add(_ step: Step) throws(EngineError) {
        if steps.count >= Self.stepsMax { try forget() }
        steps.append(step)
    }

    /// Takes the older half of the steps as they stand, unless something is short by them.
    private mutating func forget() throws(EngineError) {
        var run = Run(isPooled: isPooled, queue: opening)
        for step in steps.prefix(Self.stepsMax / 2) { try run.run(step) }
        guard run.shorts.isEmpty else { return }
        opening = run.queue
        steps.removeFirst(Self.stepsMax / 2)
    }

    /// Says anew what a dispatch was worth; what was lost of it is posted with it.
    ///
    /// The whole difference counts if the dispatch is kept no more.
    mutating func correct(
        _ movement: MovementKey,
        to parts: [CostPart],
        difference: Money
    ) throws(EngineError) {
        let index = steps.firstIndex { $0.kind == .sent && $0.movement == movement }
        if let index {
            steps[index].parts = parts.isEmpty ? try corrected(index, difference) : parts
        } else if let last = opening.indices.last {
            opening[last].value = try opening[last].value.plus(difference)
        } else {
            corrections = try corrections.plus(difference)
        }
        let worth = try valued()
        for index in steps.indices where steps[index].kind == .lost || steps[index].kind == .found {
            steps[index].parts = worth[index]
        }
    }

    private func corrected(
        _ index: Int,
        _ difference: Money
    ) throws(EngineError) -> [CostPart] {
        var parts = steps[index].parts
        guard let last = parts.indices.last else { return parts }
        parts[last].value = try parts[last].value.plus(difference)
        return parts
    }

    /// What of a dispatch is posted; nil if it is kept no more.
    func sent(by movement: MovementKey) -> [CostPart]? {
        steps.first { $0.kind == .sent && $0.movement == movement }?.parts
    }

    /// Notes what is posted for the receipt of a movement.
    mutating func setReceived(by movement: MovementKey, to parts: [CostPart]) {
        guard
            let index = steps.firstIndex(where: { $0.kind == .received && $0.movement == movement })
        else { return }
        steps[index].parts = parts
    }

    // MARK: Storing

    package func encode(into writer: inout ByteWriter) {
        writer.bool(isPooled)
        writer.money(corrections)
        writer.parts(opening)
        writer.varint(UInt64(steps.count))
        for step in steps {
            writer.byte(step.kind.rawValue)
            writer.quantity(step.quantity)
            writer.place(step.movement)
            writer.parts(step.parts)
            writer.optional(step.beyond) {
                $0.money($1.value)
                $0.quantity($1.quantity)
            }
        }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.isPooled = try reader.bool()
        self.corrections = try reader.money()
        self.opening = try reader.parts()
        for _ in 0..<(try reader.varint()) {
            steps.append(
                Step(
                    try reader.raw(Kind.self),
                    try reader.quantity(),
                    movement: try reader.place(),
                    parts: try reader.parts(),
                    beyond: try reader.optional { (r) throws(EngineError) in
                        CostPart(value: try r.money(), quantity: try r.quantity())
                    }
                )
            )
        }
    }
}

extension CostPart {
    /// Takes units out with their share; the last unit takes what rounding left over.
    mutating func take(_ units: Quantity) throws(EngineError) -> CostPart {
        let share = try value.share(units, of: quantity)
        quantity = try quantity.minus(units)
        value = try value.minus(share)
        return CostPart(value: share, quantity: units)
    }
}

extension [CostPart] {
    /// What all parts are worth.
    func total() throws(EngineError) -> Money {
        var sum = Money.zero
        for part in self { sum = try sum.plus(part.value) }
        return sum
    }

    /// At most so many parts: those beyond travel as one.
    func limited(to count: Int) throws(EngineError) -> [CostPart] {
        guard self.count > count else { return self }
        var parts = Array(prefix(count))
        for part in dropFirst(count) {
            parts[count - 1].value = try parts[count - 1].value.plus(part.value)
            parts[count - 1].quantity = try parts[count - 1].quantity.plus(part.quantity)
        }
        return parts
    }
}

extension ByteWriter {
    mutating func parts(_ parts: [CostPart]) {
        varint(UInt64(parts.count))
        for part in parts {
            quantity(part.quantity)
            money(part.value)
        }
    }
}

extension ByteReader {
    mutating func parts() throws(EngineError) -> [CostPart] {
        var parts: [CostPart] = []
        for _ in 0..<(try varint()) {
            let quantity = try quantity()
            parts.append(CostPart(value: try money(), quantity: quantity))
        }
        return parts
    }
}
