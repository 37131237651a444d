import Causality
import InventoryEngine
import TestSupport

/// Draws rows and keys of every kind.
struct RowSamples {
    var random: SeededGenerator

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    mutating func bool() -> Bool { Bool.random(using: &random) }

    mutating func text() -> String {
        let letters = Array("ABZabz019-/ é€😀\u{301}")
        return String(
            (0..<Int.random(in: 1...9, using: &random)).map { _ in
                letters.randomElement(using: &random) ?? "A"
            }
        )
    }

    mutating func id<Tag>() -> Identifier<Tag> { Identifier(stringLiteral: text()) }

    mutating func maybe<T>(_ make: (inout RowSamples) -> T) -> T? { bool() ? make(&self) : nil }

    mutating func many<T>(_ make: (inout RowSamples) -> T) -> [T] {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in make(&self) }
    }

    mutating func number() -> UInt64 {
        [0, 1, 127, 128, 1 << 32, .max, random.next()].randomElement(using: &random) ?? 0
    }

    mutating func signed() -> Int64 {
        [0, 1, -1, 64, -65, Int64(1) << 53, -(Int64(1) << 53), 999].randomElement(using: &random)
            ?? 0
    }

    mutating func small() -> Int32 {
        [1, 2, 3, 300, .max].randomElement(using: &random) ?? 1
    }

    mutating func quantity() -> Quantity { Quantity(units: signed()) }
    mutating func money() -> Money { Money(units: bool() ? signed() : (1 << 62) - Int64(small())) }
    mutating func node() -> NodeID { NodeID(high: number(), low: number()) }
    mutating func event() -> EventID { EventID(node: node(), sequence: number()) }
    mutating func instant() -> Instant { Instant(microseconds: signed() &* 1_000_003) }
    mutating func position() -> HubPosition { HubPosition(number()) }
    mutating func decimal() -> ExactDecimal {
        ExactDecimal(mantissa: signed(), scale: UInt8.random(in: 0...12, using: &random))
    }
    mutating func hash() -> ContentHash {
        ContentHash(words: (number(), number(), number(), number()))
    }

    mutating func reference() -> EventRef {
        EventRef(id: event(), position: maybe { HubPosition($0.number() | 1) })
    }

    mutating func latest() -> Latest {
        Latest(event: maybe { $0.reference() }, other: maybe { $0.reference() })
    }

    mutating func movement() -> MovementKey {
        MovementKey(
            effective: instant(),
            position: position(),
            sequence: number(),
            index: UInt32.random(in: 0...9, using: &random)
        )
    }

    mutating func promise() throws -> OrderLineRow.Promise {
        // A promise is made only by a confirmation, so a key is written here by hand.
        var writer = ByteWriter()
        writer.terminated("W")
        writer.terminated("P")
        writer.ordered(signed: Int64.random(in: (-3)...3, using: &random))
        writer.ordered(signed: instant().microseconds)
        writer.event(event())
        writer.ordered(number())
        writer.terminated("W")
        writer.terminated("SO")
        writer.ordered(signed: 1)
        return try BackorderRow.Key(bytes: writer.bytes).promise
    }

    mutating func pool() throws -> CostPool {
        // A pool is made only of movements, so its bytes are written here by hand.
        var writer = ByteWriter()
        let isShort = bool()
        writer.quantity(isShort ? .zero : Quantity(units: 7))
        writer.money(isShort ? .zero : money())
        writer.varint(isShort ? 2 : 0)
        for _ in 0..<(isShort ? 2 : 0) {
            writer.movement(movement())
            writer.quantity(Quantity(units: 3))
            writer.money(money())
        }
        for _ in 0..<3 {
            let isThere = bool()
            writer.bool(isThere)
            if isThere {
                writer.money(money())
                writer.quantity(quantity())
            }
        }
        writer.bool(false)
        writer.money(.zero)
        return try ValuationRow(bytes: writer.bytes).pool
    }

    mutating func documentLine() -> DocumentLine {
        DocumentLine(
            sku: id(),
            quantity: quantity(),
            other: quantity(),
            location: id(),
            lot: maybe { $0.id() },
            status: maybe { StockStatus.allCases.randomElement(using: &$0.random) ?? .hold }
        )
    }

    mutating func status() -> StockStatus {
        StockStatus.allCases.randomElement(using: &random) ?? .hold
    }

    mutating func countLine() -> CountRow.Line {
        var line = CountRow.Line(
            sku: id(),
            counted: quantity(),
            location: id(),
            lot: maybe { $0.id() },
            status: maybe { $0.status() }
        )
        for status in StockStatus.allCases where bool() {
            line.book[status] = Quantity(units: signed() | 1)
        }
        line.withdrawnBy = maybe { $0.reference() }
        line.isDisputed = bool()
        return line
    }

    mutating func orderStep() -> OrderEffectRow.Step {
        var step = OrderEffectRow.Step(index: UInt32.random(in: 0...300, using: &random))
        step.fromAllocated = quantity()
        step.fromBackordered = quantity()
        step.fromCancelled = quantity()
        step.toSurplus = quantity()
        step.unallocated = quantity()
        step.pickSkipped = quantity()
        step.packSkipped = quantity()
        step.packedBeyond = quantity()
        step.shippedBeyond = quantity()
        step.lostToPutBack = quantity()
        step.fromReleased = quantity()
        step.shippedHeld = quantity()
        step.piece = maybe { samples in
            OrderEffectRow.Step.Piece(
                line: samples.maybe { $0.small() },
                quantity: samples.quantity()
            )
        }
        return step
    }

    mutating func postingLine() -> PostingRow.Line {
        PostingRow.Line(
            location: id(),
            lot: maybe { $0.id() },
            status: status(),
            delta: quantity()
        )
    }

    /// One row of each kind, as bytes.
    mutating func all() throws -> [(name: RowName, value: [UInt8])] {
        let sink = Sink()
        let add = Adder { sink.rows.append((name: $0, value: $1)) }
        var properties = ItemProperties(name: text())
        properties.uom = id()
        properties.scale = UInt8.random(in: 0...6, using: &random)
        properties.costing = CostingMethod.allCases.randomElement(using: &random) ?? .average
        properties.standardCost = maybe { $0.decimal() }
        properties.gtin = maybe { $0.text() }
        properties.isLotTracked = bool()
        properties.isSerialTracked = bool()
        properties.isLotCosted = bool()
        properties.safetyStock = quantity()
        properties.conversions = many {
            UnitConversion(uom: $0.id(), numerator: $0.signed(), denominator: $0.signed())
        }
        var item = ItemRow(properties: properties, by: reference())
        item.version = number()
        item.isRetired = bool()
        item.lastEdits = ItemRow.Field.allCases.map { _ in reference() }
        add(ItemRow.Key(sku: id()), item)
        var site = SiteRow(name: maybe { $0.text() })
        site.activeNodes = many { $0.node() }
        add(SiteRow.Key(code: id()), site)
        add(
            NodeRow.Key(node: node()),
            NodeRow(
                name: id(),
                homeSite: maybe { $0.id() },
                publicKey: (0..<32).map { UInt8($0) },
                isActive: bool()
            )
        )
        var location = LocationRow(
            purpose: LocationKind.allCases.randomElement(using: &random) ?? .bin
        )
        location.version = number()
        location.isRetired = bool()
        location.retiredBy = maybe { $0.reference() }
        add(LocationRow.Key(home: id(), location: id()), location)
        add(bucketKey(), BucketRow(quantity: quantity()))
        try addCommitments(add)
        try addMoney(add)
        try addDocuments(add)
        try addHistory(add)
        try addLater(add)
        return sink.rows
    }

    private final class Sink {
        var rows: [(name: RowName, value: [UInt8])] = []
    }

    mutating func bucketKey() -> BucketRow.Key {
        BucketRow.Key(
            home: id(),
            sku: id(),
            location: id(),
            lot: maybe { $0.id() },
            status: StockStatus.allCases.randomElement(using: &random) ?? .sellable
        )
    }

    mutating func transferLineKey() -> TransferLineRow.Key {
        TransferLineRow.Key(
            home: id(),
            source: id(),
            transfer: id(),
            destination: id(),
            line: small()
        )
    }

    mutating func orderLineKey() -> OrderLineRow.Key {
        OrderLineRow.Key(home: id(), orderSite: id(), order: id(), line: small())
    }

    mutating func backorderKey() throws -> BackorderRow.Key {
        BackorderRow.Key(
            home: id(),
            sku: id(),
            promise: try promise(),
            orderSite: id(),
            order: id(),
            line: small()
        )
    }

    private mutating func addRights(_ add: Adder) {
        add(
            FreezeRow.Key(stock: StockKey(home: id(), sku: id()), event: event()),
            FreezeRow(
                quantity: quantity(),
                position: maybe { HubPosition($0.number() | 1) },
                order: maybe { FreezeRow.Order(site: $0.id(), order: $0.id()) }
            )
        )
        let asked = event()
        add(
            RightsRequestRow.Key(
                stock: StockKey(home: id(), sku: id()),
                holder: asked.node,
                event: event()
            ),
            RightsRequestRow(quantity: quantity())
        )
        add(
            HoldRow.Key(home: id(), until: instant(), orderSite: id(), order: id()),
            HoldRow(isHeld: true)
        )
        add(
            ReturnedReceiptRow.Key(home: id(), receipt: event(), sku: id()),
            ReturnedReceiptRow(quantity: quantity(), value: money())
        )
    }

    mutating func namesakes() -> [Namesake] {
        many { Namesake(node: $0.node(), document: $0.id()) }
    }

    mutating func date() -> CivilDate {
        CivilDate(year: Int.random(in: 1...9_999, using: &random), month: 2, day: 28)
            ?? Instant(microseconds: 0).date
    }

    private mutating func serialPlace() -> SerialPlace {
        SerialPlace(
            SerialPlace.Standing.allCases.randomElement(using: &random) ?? .away,
            at: maybe { $0.id() },
            lot: maybe { $0.id() },
            status: StockStatus.allCases.randomElement(using: &random) ?? .sellable,
            for: maybe { SerialPlace.Order(site: $0.id(), order: $0.id()) }
        )
    }

    private mutating func addLater(_ add: Adder) throws {
        let stock = StockKey(home: id(), sku: id())
        var gained = TransferLineRow(sku: id())
        gained.gainedBy = Latest(event: reference(), other: maybe { $0.reference() })
        gained.gained = quantity()
        gained.gainedValue = money()
        add(
            transferLineKey(),
            gained
        )
        let serial: SerialNumber = id()
        add(
            SerialRow.Key(stock: stock, serial: serial, step: number()),
            SerialRow(place: serialPlace(), by: reference(), steps: number())
        )
        add(
            SerialPlaceRow.Key(stock: stock, place: serialPlace(), serial: serial),
            SerialPlaceRow(isHere: true)
        )
        var sent = TransferLineRow(sku: id())
        sent.askedBack = quantity()
        sent.note(.sent, reference(), quantity())
        sent.note(.lost, reference(), quantity())
        add(
            transferLineKey(),
            sent
        )
        try addCosting(add, stock)
    }

    private mutating func layerID() -> LayerID {
        LayerID(event: event(), index: UInt32(number() % 9), part: UInt32(number() % 5))
    }

    private mutating func layerEnds() -> LayerEnds {
        LayerEnds(older: maybe { $0.layerID() }, younger: maybe { $0.layerID() })
    }

    private mutating func costing() -> Costing {
        Costing(
            method: CostingMethod.allCases.randomElement(using: &random) ?? .fifo,
            standard: maybe { $0.decimal() }
        )
    }

    private mutating func addCosting(_ add: Adder, _ stock: StockKey) throws {
        add(
            CostLayerRow.Key(stock: stock, id: layerID()),
            CostLayerRow(quantity: quantity(), value: money(), neighbours: layerEnds())
        )
        var valuation = ValuationRow(origin: Costing(method: .fifo))
        valuation.pool = try pool()
        valuation.pool.setBeside(costing(), writtenDown: money())
        valuation.layers = layerEnds()
        add(stock, valuation)
        var moved = MovementRow(
            rule: .issue,
            event: event(),
            quantity: quantity(),
            account: .scrap,
            reference: nil
        )
        moved.after.setBeside(costing(), writtenDown: money())
        moved.paid = maybe { $0.money() }
        moved.receipt = maybe { $0.event() }
        moved.landed = money()
        moved.invoiced = part()
        moved.invoicedBeyond = money()
        moved.sets = maybe { samples in
            CostingTerms(
                method: samples.maybe { $0.bool() ? .fifo : .standard },
                standard: samples.maybe { $0.decimal() }
            )
        }
        moved.terms = maybe {
            RevaluationTerms(
                unitCost: $0.maybe { $0.decimal() },
                amount: $0.maybe { $0.money() },
                units: $0.maybe { $0.quantity() }
            )
        }
        moved.parts = [part(), part()]
        moved.layersMade = 2
        moved.takings = many {
            LayerTaking(
                layer: $0.layerID(),
                quantity: $0.quantity(),
                value: $0.money(),
                removedFrom: $0.maybe { $0.layerEnds() }
            )
        }
        add(MovementRow.Key(stock: stock, place: movement()), moved)
        var sent = TransferLineRow(sku: id())
        sent.flow.isPooled = bool()
        try sent.flow.add(
            TransitFlow.Step(.sent, quantity(), movement: movement(), parts: [part(), part()])
        )
        try sent.flow.add(
            TransitFlow.Step(.received, quantity(), parts: [part()], beyond: maybe { $0.part() })
        )
        add(transferLineKey(), sent)
        add(
            PurchaseReceiptRow.Key(
                home: id(),
                purchaseOrder: id(),
                line: small(),
                receipt: event(),
                index: UInt32(number() % 9)
            ),
            PurchaseReceiptRow(quantity: quantity())
        )
        addPeriods(add)
    }

    private mutating func addPeriods(_ add: Adder) {
        let period = Period(date())
        var closing = PeriodClosing(period: period)
        closing.override = maybe { _ in "burnt down" }
        closing.silent = many { $0.event().node }
        var row = PeriodRow(closing, by: EventRef(id: event(), position: nil), at: instant())
        row.actor = maybe { $0.id() }
        add(PeriodRow.Key(period: bool() ? period : nil), row)
        var total = PeriodTotalRow()
        total.debit = money()
        total.credit = money()
        add(PeriodTotalRow.Key(home: id(), account: .payable, period: period), total)
        var entry = JournalRow(valuedAt: instant(), postedAt: instant(), lines: [])
        entry.postedOn = maybe { $0.date() }
        entry.isLate = true
        add(JournalRow.Key(home: id(), position: HubPosition(number()), event: event()), entry)
    }

    private mutating func part() -> CostPart {
        CostPart(value: money(), quantity: quantity())
    }

    private mutating func addLots(_ add: Adder) {
        let stock = StockKey(home: id(), sku: id())
        var lot = LotRow()
        lot.expiry = maybe { $0.date() }
        lot.sellable = quantity()
        lot.expiries = number()
        add(LotRow.Key(stock: stock, lot: id()), lot)
        add(
            LotDueRow.Key(home: id(), expiry: date(), sku: id(), lot: id()),
            LotDueRow(isDue: bool())
        )
        add(
            AllocationRow.Key(
                stock: stock,
                location: id(),
                lot: maybe { $0.id() },
                orderSite: id(),
                order: id(),
                line: small()
            ),
            AllocationRow(quantity: quantity())
        )
        var staged = StagedRow()
        staged.staged = quantity()
        staged.shipped = quantity()
        staged.held = quantity()
        staged.heldAs = status()
        staged.heldBy = latest()
        add(
            StagedRow.Key(stock: stock, lot: maybe { $0.id() }, orderSite: id(), order: id()),
            staged
        )
        var progress = LineProgress()
        for part in LineProgress.parts { progress[keyPath: part] = quantity() }
        add(
            RemoteLineRow.Key(home: id(), order: id(), line: small(), shipFrom: id()),
            RemoteLineRow(sku: id(), progress: progress)
        )
        add(
            RemoteRightsRow.Key(home: id(), stock: stock, holder: node()),
            RemoteRightsRow(balance: quantity())
        )
    }

    private mutating func addCommitments(_ add: Adder) throws {
        addRights(add)
        addLots(add)
        var orderLine = OrderLineRow(sku: id(), promise: try promise())
        orderLine.ordered = quantity()
        orderLine.reserved = quantity()
        orderLine.allocated = quantity()
        orderLine.picked = quantity()
        orderLine.packed = quantity()
        orderLine.shipped = quantity()
        orderLine.backordered = quantity()
        orderLine.cancelled = quantity()
        orderLine.toPutBack = quantity()
        orderLine.freed = quantity()
        orderLine.withdrawn = quantity()
        orderLine.askedBack = quantity()
        orderLine.released = quantity()
        orderLine.places = many {
            AllocatedPlace(location: $0.id(), lot: $0.maybe { $0.id() }, quantity: $0.quantity())
        }
        orderLine.shippedValue = money()
        orderLine.returned = quantity()
        orderLine.returnedValue = money()
        add(orderLineKey(), orderLine)
        var surplus = SurplusRow()
        surplus.picked = quantity()
        surplus.packed = quantity()
        surplus.shippedBeyond = quantity()
        surplus.shippedValue = money()
        surplus.broughtBy = latest()
        add(SurplusRow.Key(home: id(), orderSite: id(), order: id(), sku: id()), surplus)
        var transfer = TransferLineRow(sku: id())
        transfer.requested = quantity()
        transfer.cancelled = quantity()
        transfer.dispatched = quantity()
        transfer.received = quantity()
        transfer.settled = quantity()
        transfer.transitValue = money()
        transfer.lastReceipt = latest()
        transfer.lastReceiptMovement = maybe { $0.movement() }
        transfer.dispatchedBy = latest()
        transfer.cancelledBy = latest()
        transfer.writtenOffBy = latest()
        transfer.writtenOff = quantity()
        transfer.writtenOffValue = money()
        add(
            transferLineKey(),
            transfer
        )
        var purchase = PurchaseLineRow(sku: id())
        purchase.ordered = quantity()
        purchase.received = quantity()
        purchase.unitCost = maybe { $0.decimal() }
        purchase.isClosed = bool()
        purchase.lastReceipt = latest()
        purchase.changedBy = latest()
        purchase.receivedValue = money()
        purchase.returned = quantity()
        purchase.returnedValue = money()
        add(PurchaseLineRow.Key(home: id(), purchaseOrder: id(), line: small()), purchase)
        add(
            RightsRow.Key(home: id(), sku: id(), holder: bool() ? .frozen : .node(node())),
            RightsRow(balance: quantity())
        )
        let purposes: [TaskRow.Purpose] = [
            .putBack, .recount, .requestReturn, .returnTransfer, .recall, .unpick,
        ]
        add(
            TaskRow.Key(
                home: id(),
                purpose: purposes.randomElement(using: &random) ?? .recount,
                subject: text(),
                sku: id()
            ),
            TaskRow(quantity: quantity(), askedBy: maybe { $0.reference() })
        )
        add(try backorderKey(), BackorderRow(isWaiting: bool()))
    }

    private mutating func addMoney(_ add: Adder) throws {
        var valuation = ValuationRow()
        valuation.pool = try pool()
        valuation.lastMovement = maybe { $0.movement() }
        valuation.unposted = money()
        add(StockKey(home: id(), sku: id()), valuation)
        var account = AccountRow()
        account.debit = money()
        account.credit = money()
        let code = Account.allCases.randomElement(using: &random) ?? .scrap
        add(AccountRow.Key(home: id(), account: code), account)
        var summary = StockSummary()
        summary.sellable = quantity()
        summary.unsellable = quantity()
        summary.reserved = quantity()
        summary.allocated = quantity()
        summary.picked = quantity()
        summary.packed = quantity()
        summary.backordered = quantity()
        summary.surplus = quantity()
        summary.onOrder = quantity()
        summary.inTransitIn = quantity()
        summary.inTransitOut = quantity()
        summary.rights = quantity()
        summary.rightsOwed = quantity()
        summary.rightsGranted = quantity()
        summary.value = money()
        summary.countedAt = maybe { $0.instant() }
        summary.lastPosting = maybe { $0.movement() }
        summary.movedBy = latest()
        summary.quarantined = quantity()
        summary.promisedBy = latest()
        summary.takenBy = latest()
        add(StockKey(home: id(), sku: id()), summary)
        let rules: [MovementRow.Rule] = [.given, .current, .ofIssue, .issue]
        let references: [MovementReference?] = [
            nil, .orderLine(site: id(), order: id(), line: small()),
            .transferLine(source: id(), destination: id(), transfer: id(), line: small()),
        ]
        let rule = rules.randomElement(using: &random) ?? .given
        let (event, quantity) = (event(), quantity())
        let (posted, value) = (money(), money())
        var moved = MovementRow(
            rule: rule,
            event: event,
            quantity: quantity,
            account: code,
            reference: references.randomElement(using: &random) ?? nil
        )
        (moved.posted, moved.value) = (posted, value)
        moved.after = try pool()
        moved.isVoid = bool()
        moved.previous = maybe { $0.movement() }
        add(MovementRow.Key(stock: StockKey(home: id(), sku: id()), place: movement()), moved)
        let lines = many {
            JournalLine(
                site: $0.id(),
                account: .inventory,
                sku: $0.maybe { $0.id() },
                amount: $0.money(),
                valuedAt: $0.maybe { $0.instant() }
            )
        }
        add(
            JournalRow.Key(home: id(), position: position(), event: self.event()),
            JournalRow(valuedAt: instant(), postedAt: instant(), lines: lines)
        )
    }

    private mutating func addDocuments(_ add: Adder) throws {
        var order = OrderRow(confirmedBy: reference(), confirmedAt: instant(), shipFrom: id())
        order.channel = maybe { $0.id() }
        order.customer = maybe { $0.id() }
        order.priority = Int32.random(in: .min ... .max, using: &random)
        order.lines = many { $0.small() }.sorted()
        order.pickedBy = latest()
        order.cancelledBy = latest()
        order.dispatchedBy = latest()
        order.amendedBy = latest()
        order.holdUntil = maybe { $0.instant() }
        order.releasedBy = latest()
        order.allocatedBy = latest()
        order.namesakes = namesakes()
        add(OrderRow.Key(home: id(), orderSite: id(), order: id()), order)
        var purchase = PurchaseOrderRow(supplier: maybe { $0.id() })
        purchase.lines = many { $0.small() }
        purchase.closedBy = maybe { $0.reference() }
        purchase.placedBy = maybe { $0.reference() }
        purchase.namesakes = namesakes()
        add(DocumentKey(home: id(), document: id()), purchase)
        var transfer = TransferRow(destination: id())
        transfer.lines = many { $0.small() }
        transfer.cancelledBy = latest()
        transfer.requestedBy = maybe { $0.reference() }
        transfer.dispatchedBy = latest()
        add(TransferRow.Key(home: id(), source: id(), transfer: id(), destination: id()), transfer)
        var goods = ReturnRow(receivedBy: reference(), lines: many { $0.documentLine() })
        goods.namesakes = namesakes()
        add(DocumentKey(home: id(), document: id()), goods)
        var count = CountRow(recordedBy: reference(), actor: maybe { $0.id() }, proposes: bool())
        count.hasOwnTime = bool()
        count.lines = many { $0.countLine() }
        count.replaces = many { $0.id() }
        count.namesakes = namesakes()
        add(
            CountedPlaceRow.Key(stock: StockKey(home: id(), sku: id()), location: id()),
            CountedPlaceRow(counts: many { $0.id() })
        )
        add(DocumentKey(home: id(), document: id()), count)
        var adjustment = AdjustmentRow(
            proposedBy: reference(),
            proposer: maybe { $0.id() },
            reason: text(),
            lines: many { $0.documentLine() }
        )
        let states: [AdjustmentRow.State] = [.proposed, .approved, .rejected]
        adjustment.state = states.randomElement(using: &random) ?? .proposed
        adjustment.decidedBy = maybe { $0.reference() }
        adjustment.namesakes = namesakes()
        add(DocumentKey(home: id(), document: id()), adjustment)
    }

    private mutating func addHistory(_ add: Adder) throws {
        // The sides of a conflict are written by hand.
        var writer = ByteWriter()
        writer.byte((ConflictRow.Rule.allCases.randomElement(using: &random) ?? .lastUnit).rawValue)
        writer.bool(bool())
        writer.id(maybe { $0.id() as SKU })
        writer.text(text())
        writer.varint(2)
        for _ in 0..<2 {
            writer.reference(reference())
            writer.epoch(Epoch(counter: number(), high: number(), low: number()))
            writer.varint(number())
            writer.varint(1)
            writer.node(node())
            writer.varint(number() | 1)
        }
        for _ in 0..<5 { writer.text(text()) }
        writer.signed(instant().microseconds)
        writer.varint(1)
        writer.id(id() as SiteCode)
        writer.optional(maybe { $0.text() }) { $0.text($1) }
        writer.optional(maybe { $0.text() }) { $0.text($1) }
        add(
            ConflictRow.Key(home: maybe { $0.id() }, id: text()),
            try ConflictRow(bytes: writer.bytes)
        )
        var exception = ExceptionRow(
            code: text(),
            sku: maybe { $0.id() },
            sentence: text(),
            raisedAt: instant()
        )
        exception.acknowledgedBy = maybe { $0.reference() }
        let index = UInt32.random(in: 0...300, using: &random)
        add(ExceptionRow.Key(home: maybe { $0.id() }, event: event(), index: index), exception)
        var parked = ParkedRow(
            verdict: Verdict.allCases.randomElement(using: &random) ?? .parked,
            code: text(),
            sentence: text(),
            raisedAt: instant()
        )
        parked.position = maybe { HubPosition(UInt64.random(in: 1...9_000, using: &$0.random)) }
        parked.closing = maybe { samples in
            ParkedRow.Closing(
                outcome: samples.bool() ? .released : .compensated,
                event: samples.reference(),
                actor: samples.maybe { $0.id() },
                reason: samples.text()
            )
        }
        add(PolicyRow.Key(name: text()), PolicyRow(value: text(), setBy: reference()))
        var person = PersonRow(
            role: PersonRole.allCases.randomElement(using: &random) ?? .worker,
            credential: maybe { $0.hash() },
            changedBy: reference()
        )
        person.version = number()
        person.isRetired = bool()
        add(PersonRow.Key(person: id()), person)
        add(ParkedRow.Key(home: maybe { $0.id() }, event: event()), parked)
        add(
            AwaitedRow.Key(
                cause: bool() ? .program : .item(id()),
                position: HubPosition(UInt64.random(in: 1...9_000, using: &random)),
                event: event()
            ),
            AwaitedRow(isWaiting: true)
        )
        add(
            OperationRow.Key(home: id(), op: id()),
            OperationRow(event: event(), contentHash: hash(), isFinal: maybe { $0.bool() })
        )
        add(
            OrderEffectRow.Key(home: id(), event: event()),
            OrderEffectRow(steps: many { $0.orderStep() })
        )
        add(
            PostingRow.Key(stock: StockKey(home: id(), sku: id()), place: movement()),
            PostingRow(
                event: event(),
                lines: many { $0.postingLine() },
                count: maybe { $0.id() }
            )
        )
        add(
            DigestRow.Key(
                home: maybe { $0.id() },
                layer: Layer.allCases.randomElement(using: &random) ?? .physical
            ),
            DigestRow(sum: DigestSum(words: (number(), number(), number(), number())))
        )
    }
}

/// Takes a key and a row of any kind.
struct Adder {
    private let body: (RowName, [UInt8]) -> Void

    init(_ body: @escaping (RowName, [UInt8]) -> Void) {
        self.body = body
    }

    func callAsFunction<R: Row>(_ key: R.Key, _ row: R) {
        body(RowName(kind: R.kind, key: key.bytes), row.bytes)
    }
}

/// Reads a row and its key and writes both again.
func rewritten(_ name: RowName, _ value: [UInt8]) throws -> (key: [UInt8], value: [UInt8]) {
    func again<R: Row>(_ type: R.Type) throws -> (key: [UInt8], value: [UInt8]) {
        let row = try R(bytes: value)
        _ = (row.isOpen, row.isVacant, "\(row)")
        return (try R.Key(bytes: name.key).bytes, row.bytes)
    }
    switch name.kind {
    case .item: return try again(ItemRow.self)
    case .site: return try again(SiteRow.self)
    case .node: return try again(NodeRow.self)
    case .policy: return try again(PolicyRow.self)
    case .person: return try again(PersonRow.self)
    case .period: return try again(PeriodRow.self)
    case .location: return try again(LocationRow.self)
    case .bucket: return try again(BucketRow.self)
    case .orderLine: return try again(OrderLineRow.self)
    case .surplus: return try again(SurplusRow.self)
    case .transferLine: return try again(TransferLineRow.self)
    case .purchaseLine: return try again(PurchaseLineRow.self)
    case .returnedReceipt: return try again(ReturnedReceiptRow.self)
    case .lot: return try again(LotRow.self)
    case .lotDue: return try again(LotDueRow.self)
    case .serial: return try again(SerialRow.self)
    case .serialPlace: return try again(SerialPlaceRow.self)
    case .allocation: return try again(AllocationRow.self)
    case .staged: return try again(StagedRow.self)
    case .remoteLine: return try again(RemoteLineRow.self)
    case .remoteRights: return try again(RemoteRightsRow.self)
    case .rights: return try again(RightsRow.self)
    case .task: return try again(TaskRow.self)
    case .freeze: return try again(FreezeRow.self)
    case .rightsRequest: return try again(RightsRequestRow.self)
    case .hold: return try again(HoldRow.self)
    case .valuation: return try again(ValuationRow.self)
    case .account: return try again(AccountRow.self)
    case .costLayer: return try again(CostLayerRow.self)
    case .periodTotal: return try again(PeriodTotalRow.self)
    case .order: return try again(OrderRow.self)
    case .purchaseOrder: return try again(PurchaseOrderRow.self)
    case .purchaseReceipt: return try again(PurchaseReceiptRow.self)
    case .transfer: return try again(TransferRow.self)
    case .customerReturn: return try again(ReturnRow.self)
    case .count: return try again(CountRow.self)
    case .countedPlace: return try again(CountedPlaceRow.self)
    case .adjustment: return try again(AdjustmentRow.self)
    case .backorder: return try again(BackorderRow.self)
    case .summary: return try again(StockSummary.self)
    case .movement: return try again(MovementRow.self)
    case .journal: return try again(JournalRow.self)
    case .conflict: return try again(ConflictRow.self)
    case .exception: return try again(ExceptionRow.self)
    case .parked: return try again(ParkedRow.self)
    case .operation: return try again(OperationRow.self)
    case .orderEffect: return try again(OrderEffectRow.self)
    case .posting: return try again(PostingRow.self)
    case .digest: return try again(DigestRow.self)
    case .awaited: return try again(AwaitedRow.self)
    }
}
