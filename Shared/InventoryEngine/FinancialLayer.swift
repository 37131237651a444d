package import Causality

/// The cost layers of one item at one site.
package struct ValuationRow: Row {
    package typealias Key = StockKey
    package static let kind = RowKind.valuation
    package static let layer: Layer? = .financial

    package var pool: CostPool
    /// The last movement by effective time; an earlier one is late and starts a replay.
    package var lastMovement: MovementKey?
    /// What replay has found and no *cost adjusted* entry has posted yet; zero after each commit.
    package var unposted = Money.zero
    /// How the stock was valued before its first movement.
    package let origin: Costing
    /// The oldest and the youngest cost layer under first in, first out.
    package var layers = LayerEnds()

    package init(origin: Costing = Costing()) {
        self.origin = origin
        self.pool = CostPool(costing: origin)
    }

    package var isOpen: Bool {
        pool.held.units != 0 || !pool.shortfalls.isEmpty || !unposted.isZero
    }

    package func encode(into writer: inout ByteWriter) {
        pool.encode(into: &writer)
        writer.optional(lastMovement) { $0.movement($1) }
        writer.money(unposted)
        guard
            origin != Costing() || pool.costing != Costing() || !pool.writtenDown.isZero
                || layers != LayerEnds()
        else { return }
        writer.costing(origin)
        writer.costing(pool.costing)
        writer.money(pool.writtenDown)
        writer.layers(layers)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.pool = try CostPool(from: &reader)
        self.lastMovement = try reader.optional { (r) throws(EngineError) in try r.movement() }
        self.unposted = try reader.money()
        guard !reader.isAtEnd else {
            self.origin = Costing()
            return
        }
        self.origin = try reader.costing()
        let costing = try reader.costing()
        self.pool.setBeside(costing, writtenDown: try reader.money())
        self.layers = try reader.layers()
    }
}

/// The totals of one account at one site.
package struct AccountRow: Row {
    package static let kind = RowKind.account
    package static let layer: Layer? = .financial

    package struct Key: RowKey {
        package var home: SiteCode
        package var account: Account
        package var site: SiteCode? { home }

        package init(home: SiteCode, account: Account) {
            self.home = home
            self.account = account
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.byte(account.rawValue)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.account = try reader.raw(Account.self)
        }
    }

    package var debit = Money.zero
    package var credit = Money.zero

    package init() {}

    package func encode(into writer: inout ByteWriter) {
        writer.money(debit)
        writer.money(credit)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.debit = try reader.money()
        self.credit = try reader.money()
    }
}

/// One valued movement in the history of an item at a site: what replay works on.
package struct MovementRow: HistoryRow {
    package typealias Key = HistoryKey<MovementRow>
    package static let kind = RowKind.movement

    /// How the value of a movement comes about.
    package enum Rule: UInt8, Sendable {
        /// Goods enter at a value that the event gives.
        case given = 0
        /// Goods enter at the current cost.
        case current = 1
        /// Goods come back at their share of what the issue cost.
        case ofIssue = 2
        /// Goods leave by the costing method.
        case issue = 3
        /// What is held is worth something else; no goods move.
        case revalued = 4
        /// The costing method or the standard cost changes; no goods move.
        case costing = 5
    }

    package var rule: Rule
    /// The event that moved the goods.
    package var event: EventID
    /// Units, zero or more; the rule says in which direction.
    package var quantity: Quantity
    /// What is posted for it, zero or more.
    package var posted: Money
    /// What replay says it is worth; the difference to ``posted`` awaits a *cost adjusted* entry.
    package var value: Money
    /// The account on the other side of inventory.
    package var account: Account
    /// The document line that it served.
    package var reference: MovementReference?
    /// Whether a reversal took it, and itself, out of the valuation.
    package var isVoid: Bool
    /// The cost layers after it.
    package var after: CostPool
    package var previous: MovementKey?
    /// What was paid for goods that entered at a standard cost; nil where that is ``value``.
    package var paid: Money?
    /// The receipt whose layer an issue takes first: goods that go back to their supplier.
    package var receipt: EventID?
    /// What enters in parts of different cost; empty where all has one.
    package var parts: [CostPart] = []
    /// How many cost layers it made.
    package var layersMade: UInt32 = 0
    /// What it took out of cost layers.
    package var takings: [LayerTaking] = []
    /// What of ``paid``, or of ``value``, is landed cost that was allocated to a receipt.
    package var landed = Money.zero
    /// What of a receipt is invoiced: units, and what was expected for them.
    package var invoiced = CostPart(value: .zero, quantity: .zero)
    /// What suppliers asked beyond what was expected, in ``paid`` or in ``value``.
    package var invoicedBeyond = Money.zero
    /// What of the costing changes from here on.
    package var sets: CostingTerms?
    /// What a revaluation says.
    package var terms: RevaluationTerms?

    package var isInward: Bool { rule != .issue }

    /// What is outstanding of a receipt: units that nobody has invoiced, and what is expected for
    /// them.
    package func outstanding() throws(EngineError) -> CostPart {
        let expected = try (paid ?? value).minus(landed).minus(invoicedBeyond)
        return CostPart(
            value: try expected.minus(invoiced.value),
            quantity: try quantity.minus(invoiced.quantity)
        )
    }

    /// Whether goods left by transfer.
    package var isSent: Bool {
        if rule == .issue, case .transferLine = reference { true } else { false }
    }

    /// The transfer line that goods left on, at their source; nil for any other movement.
    func sentLine(from home: SiteCode) -> TransferLineRow.Key? {
        guard rule == .issue,
            case .transferLine(let source, let destination, let transfer, let line) = reference
        else { return nil }
        return TransferLineRow.Key(
            home: home,
            source: source,
            transfer: transfer,
            destination: destination,
            line: line
        )
    }

    /// What left, part by part: one for each layer that it was taken from, and one for what was not
    /// held; so many parts at most that they can travel together.
    package func partsTaken() throws(EngineError) -> [CostPart] {
        var parts: [CostPart] = []
        var rest = CostPart(value: value, quantity: quantity)
        for taking in takings {
            parts.append(CostPart(value: taking.value, quantity: taking.quantity))
            rest.value = try rest.value.minus(taking.value)
            rest.quantity = try rest.quantity.minus(taking.quantity)
        }
        if !rest.quantity.isZero { parts.append(rest) }
        return try parts.limited(to: TransitFlow.partsMax)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.byte(rule.rawValue)
        writer.event(event)
        writer.quantity(quantity)
        writer.money(posted)
        writer.money(value)
        writer.byte(account.rawValue)
        switch reference {
        case nil: writer.byte(0)
        case .orderLine(let site, let order, let line):
            writer.byte(1)
            writer.id(site)
            writer.id(order)
            writer.signed(Int64(line))
        case .transferLine(let source, let destination, let transfer, let line):
            writer.byte(2)
            writer.id(source)
            writer.id(destination)
            writer.id(transfer)
            writer.signed(Int64(line))
        }
        writer.bool(isVoid)
        after.encode(into: &writer)
        writer.place(previous)
        guard
            after.costing != Costing() || !after.writtenDown.isZero || paid != nil
                || receipt != nil || !parts.isEmpty || layersMade > 0 || !takings.isEmpty
                || terms != nil || sets != nil || !landed.isZero || !invoiced.quantity.isZero
        else { return }
        writer.costing(after.costing)
        writer.money(after.writtenDown)
        writer.optional(paid) { $0.money($1) }
        writer.optional(receipt) { $0.event($1) }
        writer.parts(parts)
        writer.varint(UInt64(layersMade))
        writer.varint(UInt64(takings.count))
        for taking in takings { writer.taking(taking) }
        writer.money(landed)
        writer.optional(sets) { $1.encode(into: &$0) }
        writer.optional(terms) { $1.encode(into: &$0) }
        writer.quantity(invoiced.quantity)
        writer.money(invoiced.value)
        writer.money(invoicedBeyond)
    }

    package init(
        rule: Rule,
        event: EventID,
        quantity: Quantity,
        account: Account,
        reference: MovementReference?
    ) {
        self.rule = rule
        self.event = event
        self.quantity = quantity
        self.posted = .zero
        self.value = .zero
        self.account = account
        self.reference = reference
        self.isVoid = false
        self.after = CostPool()
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.rule = try reader.raw(Rule.self)
        self.event = try reader.event()
        self.quantity = try reader.quantity()
        self.posted = try reader.money()
        self.value = try reader.money()
        self.account = try reader.raw(Account.self)
        switch try reader.byte() {
        case 0: self.reference = nil
        case 1:
            self.reference = .orderLine(
                site: try reader.id(),
                order: try reader.id(),
                line: Int32(truncatingIfNeeded: try reader.signed())
            )
        case 2:
            self.reference = .transferLine(
                source: try reader.id(),
                destination: try reader.id(),
                transfer: try reader.id(),
                line: Int32(truncatingIfNeeded: try reader.signed())
            )
        default: throw .damaged("A stored movement refers to an unknown kind of document.")
        }
        self.isVoid = try reader.bool()
        self.after = try CostPool(from: &reader)
        self.previous = try reader.place()
        guard !reader.isAtEnd else { return }
        let costing = try reader.costing()
        self.after.setBeside(costing, writtenDown: try reader.money())
        self.paid = try reader.optional { (r) throws(EngineError) in try r.money() }
        self.receipt = try reader.optional { (r) throws(EngineError) in try r.event() }
        self.parts = try reader.parts()
        self.layersMade = UInt32(truncatingIfNeeded: try reader.varint())
        for _ in 0..<(try reader.varint()) { takings.append(try reader.taking()) }
        self.landed = try reader.money()
        self.sets = try reader.optional { (r) throws(EngineError) in
            try CostingTerms(from: &r)
        }
        self.terms = try reader.optional { (r) throws(EngineError) in
            try RevaluationTerms(from: &r)
        }
        self.invoiced.quantity = try reader.quantity()
        self.invoiced.value = try reader.money()
        self.invoicedBeyond = try reader.money()
    }
}

/// What of the costing of a stock changes; what is nil stays as it is.
package struct CostingTerms: Hashable, Sendable {
    package var method: CostingMethod?
    package var standard: ExactDecimal?

    package init(method: CostingMethod? = nil, standard: ExactDecimal? = nil) {
        self.method = method
        self.standard = standard
    }

    package func encode(into writer: inout ByteWriter) {
        writer.optional(method) { $0.byte($1.rawValue) }
        writer.optional(standard) { $0.decimal($1) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.method = try reader.optional { (r) throws(EngineError) in
            try r.raw(CostingMethod.self)
        }
        self.standard = try reader.optional { (r) throws(EngineError) in try r.decimal() }
    }
}

/// What a revaluation says, and of how many units.
package struct RevaluationTerms: Hashable, Sendable {
    package var unitCost: ExactDecimal?
    /// What is added to the value.
    package var amount: Money?
    /// The units that were there when it was first posted; what had left by then has no part of it.
    package var units: Quantity?

    package init(unitCost: ExactDecimal? = nil, amount: Money? = nil, units: Quantity? = nil) {
        self.unitCost = unitCost
        self.amount = amount
        self.units = units
    }

    package func encode(into writer: inout ByteWriter) {
        writer.optional(unitCost) { $0.decimal($1) }
        writer.optional(amount) { $0.money($1) }
        writer.optional(units) { $0.quantity($1) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.unitCost = try reader.optional { (r) throws(EngineError) in try r.decimal() }
        self.amount = try reader.optional { (r) throws(EngineError) in try r.money() }
        self.units = try reader.optional { (r) throws(EngineError) in try r.quantity() }
    }
}

/// One line of the double-entry journal: a debit is positive, a credit negative.
package struct JournalLine: Equatable, Sendable {
    package var site: SiteCode
    package var account: Account
    package var sku: SKU?
    package var amount: Money
    /// When the goods moved, where that differs from the entry's date.
    package var valuedAt: Instant?

    package init(
        site: SiteCode,
        account: Account,
        sku: SKU?,
        amount: Money,
        valuedAt: Instant? = nil
    ) {
        self.site = site
        self.account = account
        self.sku = sku
        self.amount = amount
        self.valuedAt = valuedAt
    }
}

/// What one event posted to the journal of one site.
package struct JournalRow: Row {
    package static let kind = RowKind.journal

    package struct Key: RowKey {
        package var home: SiteCode
        /// The hub's position; the largest number while pending.
        package var position: HubPosition
        package var event: EventID
        package var site: SiteCode? { home }

        package init(home: SiteCode, position: HubPosition, event: EventID) {
            self.home = home
            self.position = position
            self.event = event
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.ordered(position.rawValue)
            writer.event(event)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.position = HubPosition(try reader.ordered())
            self.event = try reader.event()
        }
    }

    package var valuedAt: Instant
    /// The event's own time.
    package var postedAt: Instant
    package var lines: [JournalLine]
    /// The day on which it is posted; nil where that is the day of ``postedAt`` in UTC.
    package var postedOn: CivilDate?
    /// Whether its own day is in a month that was closed before.
    package var isLate = false

    /// The day on which it is posted.
    package var postingDate: CivilDate { postedOn ?? postedAt.date }

    package init(valuedAt: Instant, postedAt: Instant, lines: [JournalLine]) {
        self.valuedAt = valuedAt
        self.postedAt = postedAt
        self.lines = lines
    }

    package func encode(into writer: inout ByteWriter) {
        writer.signed(valuedAt.microseconds)
        writer.signed(postedAt.microseconds)
        writer.varint(UInt64(lines.count))
        for line in lines {
            writer.id(line.site)
            writer.byte(line.account.rawValue)
            writer.id(line.sku)
            writer.money(line.amount)
            writer.optional(line.valuedAt) { $0.signed($1.microseconds) }
        }
        guard postedOn != nil || isLate else { return }
        writer.optional(postedOn) { $0.date($1) }
        writer.bool(isLate)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.valuedAt = Instant(microseconds: try reader.signed())
        self.postedAt = Instant(microseconds: try reader.signed())
        self.lines = []
        for _ in 0..<(try reader.varint()) {
            lines.append(
                JournalLine(
                    site: try reader.id(),
                    account: try reader.raw(Account.self),
                    sku: try reader.optionalID(),
                    amount: try reader.money(),
                    valuedAt: try reader.optional { (r) throws(EngineError) in
                        Instant(microseconds: try r.signed())
                    }
                )
            )
        }
        guard !reader.isAtEnd else { return }
        postedOn = try reader.optional { (r) throws(EngineError) in try r.date() }
        isLate = try reader.bool()
    }
}
