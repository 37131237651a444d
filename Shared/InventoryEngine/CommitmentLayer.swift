package import Causality

/// The quantities of one order line, kept at the site that ships it.
///
/// `ordered = reserved + allocated + picked + packed + shipped + backordered + cancelled`, always.
package struct OrderLineRow: Row {
    package static let kind = RowKind.orderLine
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        /// The site that ships.
        package var home: SiteCode
        /// The site that took the order.
        package var orderSite: SiteCode
        package var order: DocumentID
        package var line: Int32
        package var site: SiteCode? { home }

        package init(home: SiteCode, orderSite: SiteCode, order: DocumentID, line: Int32) {
            self.home = home
            self.orderSite = orderSite
            self.order = order
            self.line = line
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(orderSite)
            writer.id(order)
            writer.ordered(signed: Int64(line))
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.orderSite = try reader.id()
            self.order = try reader.id()
            self.line = Int32(truncatingIfNeeded: try reader.orderedSigned())
        }
    }

    package var sku: SKU
    package var ordered = Quantity.zero
    package var reserved = Quantity.zero
    package var allocated = Quantity.zero
    package var picked = Quantity.zero
    package var packed = Quantity.zero
    package var shipped = Quantity.zero
    package var backordered = Quantity.zero
    package var cancelled = Quantity.zero
    /// What of ``picked`` and ``packed`` was cancelled and has to go back to its place.
    package var toPutBack = Quantity.zero
    /// What of ``cancelled`` gave promise rights free: what was reserved or allocated until then.
    package var freed = Quantity.zero
    /// What amendments took of what was reserved or allocated; a pick that did not know of them takes
    /// its promise rights back from there.
    package var withdrawn = Quantity.zero
    /// What of the shipped units was cancelled too late, so that it is asked back.
    package var askedBack = Quantity.zero
    /// What of ``cancelled`` was a reservation that expired or was released: a pick that did not
    /// know of it wins.
    package var released = Quantity.zero
    /// What the shipped units cost, with later adjustments.
    package var shippedValue = Money.zero
    /// What came back of the shipped units.
    package var returned = Quantity.zero
    /// What the returned units were worth when they came back.
    package var returnedValue = Money.zero
    /// Who promised the backordered units, and when; the rank among provisional promises.
    package var promise: Promise
    /// Where ``allocated`` is set aside, in the order in which it was.
    package var places: [AllocatedPlace] = []

    /// The rank of a provisional promise: priority, then time, then event.
    package struct Promise: Hashable, Sendable {
        package var priority: Int32
        package var time: Instant
        package var event: EventRef
    }

    package init(sku: SKU, promise: Promise) {
        self.sku = sku
        self.promise = promise
    }

    /// What is not yet picked.
    package func open() throws(EngineError) -> Quantity {
        try reserved.plus(allocated).plus(backordered)
    }

    /// What is promised and not yet picked.
    package func promised() throws(EngineError) -> Quantity { try reserved.plus(allocated) }

    package func isBalanced() throws(EngineError) -> Bool {
        try reserved.plus(allocated).plus(picked).plus(packed).plus(shipped)
            .plus(backordered).plus(cancelled) == ordered
    }

    package var isOpen: Bool {
        !(reserved.isZero && allocated.isZero && picked.isZero && packed.isZero
            && backordered.isZero)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.id(sku)
        writer.quantity(ordered)
        writer.quantity(reserved)
        writer.quantity(allocated)
        writer.quantity(picked)
        writer.quantity(packed)
        writer.quantity(shipped)
        writer.quantity(backordered)
        writer.quantity(cancelled)
        writer.quantity(toPutBack)
        writer.money(shippedValue)
        writer.quantity(returned)
        writer.money(returnedValue)
        writer.signed(Int64(promise.priority))
        writer.signed(promise.time.microseconds)
        writer.reference(promise.event)
        writer.quantity(freed)
        writer.quantity(withdrawn)
        writer.quantity(askedBack)
        writer.quantity(released)
        writer.varint(UInt64(places.count))
        for place in places {
            writer.id(place.location)
            writer.id(place.lot)
            writer.quantity(place.quantity)
        }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.sku = try reader.id()
        self.ordered = try reader.quantity()
        self.reserved = try reader.quantity()
        self.allocated = try reader.quantity()
        self.picked = try reader.quantity()
        self.packed = try reader.quantity()
        self.shipped = try reader.quantity()
        self.backordered = try reader.quantity()
        self.cancelled = try reader.quantity()
        self.toPutBack = try reader.quantity()
        self.shippedValue = try reader.money()
        self.returned = try reader.quantity()
        self.returnedValue = try reader.money()
        self.promise = Promise(
            priority: Int32(truncatingIfNeeded: try reader.signed()),
            time: Instant(microseconds: try reader.signed()),
            event: try reader.reference()
        )
        self.freed = try reader.quantity()
        self.withdrawn = try reader.quantity()
        self.askedBack = try reader.quantity()
        self.released = try reader.quantity()
        for _ in 0..<(try reader.varint()) {
            places.append(
                AllocatedPlace(
                    location: try reader.id(),
                    lot: try reader.optionalID(),
                    quantity: try reader.quantity()
                )
            )
        }
    }
}

/// An order, kept at the site that took it and at the site that ships it.
package struct OrderRow: Row {
    package static let kind = RowKind.order

    package struct Key: RowKey {
        package var home: SiteCode
        package var orderSite: SiteCode
        package var order: DocumentID
        package var site: SiteCode? { home }

        package init(home: SiteCode, orderSite: SiteCode, order: DocumentID) {
            self.home = home
            self.orderSite = orderSite
            self.order = order
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(orderSite)
            writer.id(order)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.orderSite = try reader.id()
            self.order = try reader.id()
        }
    }

    package var confirmedBy: EventRef
    package var confirmedAt: Instant
    package var channel: Label?
    package var customer: Label?
    package var priority: Int32
    /// The site that ships.
    package var shipFrom: SiteCode
    /// The numbers of the lines, ascending.
    package var lines: [Int32]
    package var cancelledBy = Latest()
    package var dispatchedBy = Latest()
    package var pickedBy = Latest()
    package var amendedBy = Latest()
    /// When its reservation ends; nil if it does not.
    package var holdUntil: Instant?
    /// Who last released its reservation, or let it expire.
    package var releasedBy = Latest()
    package var allocatedBy = Latest()
    /// Other orders that were given its id.
    package var namesakes: [Namesake] = []

    package init(confirmedBy: EventRef, confirmedAt: Instant, shipFrom: SiteCode) {
        self.confirmedBy = confirmedBy
        self.confirmedAt = confirmedAt
        self.priority = 0
        self.shipFrom = shipFrom
        self.lines = []
    }

    package func encode(into writer: inout ByteWriter) {
        writer.reference(confirmedBy)
        writer.signed(confirmedAt.microseconds)
        writer.id(channel)
        writer.id(customer)
        writer.signed(Int64(priority))
        writer.id(shipFrom)
        writer.varint(UInt64(lines.count))
        var previous: Int32 = 0
        for line in lines {
            writer.signed(Int64(line) - Int64(previous))
            previous = line
        }
        writer.optional(cancelledBy.event) { $0.reference($1) }
        writer.optional(dispatchedBy.event) { $0.reference($1) }
        writer.latest(pickedBy)
        writer.optional(cancelledBy.other) { $0.reference($1) }
        writer.optional(dispatchedBy.other) { $0.reference($1) }
        writer.latest(amendedBy)
        writer.optional(holdUntil) { $0.signed($1.microseconds) }
        writer.latest(releasedBy)
        writer.latest(allocatedBy)
        writer.namesakes(namesakes)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.confirmedBy = try reader.reference()
        self.confirmedAt = Instant(microseconds: try reader.signed())
        self.channel = try reader.optionalID()
        self.customer = try reader.optionalID()
        self.priority = Int32(truncatingIfNeeded: try reader.signed())
        self.shipFrom = try reader.id()
        self.lines = []
        var previous: Int64 = 0
        for _ in 0..<(try reader.varint()) {
            previous = previous &+ (try reader.signed())
            lines.append(Int32(truncatingIfNeeded: previous))
        }
        let cancelledBy = try reader.optionalReference()
        let dispatchedBy = try reader.optionalReference()
        self.pickedBy = try reader.latest()
        self.cancelledBy = Latest(event: cancelledBy, other: try reader.optionalReference())
        self.dispatchedBy = Latest(event: dispatchedBy, other: try reader.optionalReference())
        self.amendedBy = try reader.latest()
        self.holdUntil = try reader.optional { (r) throws(EngineError) in
            Instant(microseconds: try r.signed())
        }
        self.releasedBy = try reader.latest()
        self.allocatedBy = try reader.latest()
        self.namesakes = try reader.namesakes()
    }
}

/// Units that were picked, packed or shipped for an order beyond its lines.
package struct SurplusRow: Row {
    package static let kind = RowKind.surplus
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        package var home: SiteCode
        package var orderSite: SiteCode
        package var order: DocumentID
        package var sku: SKU
        package var site: SiteCode? { home }

        package init(home: SiteCode, orderSite: SiteCode, order: DocumentID, sku: SKU) {
            self.home = home
            self.orderSite = orderSite
            self.order = order
            self.sku = sku
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(orderSite)
            writer.id(order)
            writer.id(sku)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.orderSite = try reader.id()
            self.order = try reader.id()
            self.sku = try reader.id()
        }
    }

    package var picked = Quantity.zero
    package var packed = Quantity.zero
    package var shippedBeyond = Quantity.zero
    package var shippedValue = Money.zero
    /// Who last brought units here, for an order that is confirmed without knowing of it.
    package var broughtBy = Latest()

    package var isVacant: Bool {
        picked.isZero && packed.isZero && shippedBeyond.isZero && shippedValue.isZero
    }
    package var isOpen: Bool { !(picked.isZero && packed.isZero) }

    package init() {}

    package func encode(into writer: inout ByteWriter) {
        writer.quantity(picked)
        writer.quantity(packed)
        writer.quantity(shippedBeyond)
        writer.money(shippedValue)
        writer.latest(broughtBy)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.picked = try reader.quantity()
        self.packed = try reader.quantity()
        self.shippedBeyond = try reader.quantity()
        self.shippedValue = try reader.money()
        self.broughtBy = try reader.latest()
    }
}

/// A provisional promise that waits for promise rights, in the order in which they are served.
package struct BackorderRow: Row {
    package static let kind = RowKind.backorder

    package struct Key: RowKey {
        package var home: SiteCode
        package var sku: SKU
        package var promise: OrderLineRow.Promise
        package var orderSite: SiteCode
        package var order: DocumentID
        package var line: Int32
        package var site: SiteCode? { home }

        package init(
            home: SiteCode,
            sku: SKU,
            promise: OrderLineRow.Promise,
            orderSite: SiteCode,
            order: DocumentID,
            line: Int32
        ) {
            self.home = home
            self.sku = sku
            self.promise = promise
            self.orderSite = orderSite
            self.order = order
            self.line = line
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(sku)
            writer.ordered(signed: -Int64(promise.priority))
            writer.ordered(signed: promise.time.microseconds)
            writer.event(promise.event.id)
            writer.ordered(promise.event.position?.rawValue ?? 0)
            writer.id(orderSite)
            writer.id(order)
            writer.ordered(signed: Int64(line))
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.sku = try reader.id()
            let priority = Int32(truncatingIfNeeded: 0 &- (try reader.orderedSigned()))
            let time = Instant(microseconds: try reader.orderedSigned())
            let event = try reader.event()
            let position = try reader.ordered()
            self.promise = OrderLineRow.Promise(
                priority: priority,
                time: time,
                event: EventRef(id: event, position: position == 0 ? nil : HubPosition(position))
            )
            self.orderSite = try reader.id()
            self.order = try reader.id()
            self.line = Int32(truncatingIfNeeded: try reader.orderedSigned())
        }
    }

    package var isWaiting: Bool
    package var isVacant: Bool { !isWaiting }

    package init(isWaiting: Bool) { self.isWaiting = isWaiting }

    package func encode(into writer: inout ByteWriter) { writer.bool(isWaiting) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.isWaiting = try reader.bool()
    }
}

/// The quantities of one transfer line; each of the two sites keeps the same row.
///
/// `dispatched = received + in transit + settled`, always; what is in transit may be negative
/// while a receipt is known and its dispatch is not.
package struct TransferLineRow: Row {
    package static let kind = RowKind.transferLine
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        package var home: SiteCode
        package var source: SiteCode
        package var transfer: DocumentID
        /// The site that the goods are for; goods that arrive elsewhere are a line of their own.
        package var destination: SiteCode
        package var line: Int32
        package var site: SiteCode? { home }

        package init(
            home: SiteCode,
            source: SiteCode,
            transfer: DocumentID,
            destination: SiteCode,
            line: Int32
        ) {
            self.home = home
            self.source = source
            self.transfer = transfer
            self.destination = destination
            self.line = line
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(source)
            writer.id(transfer)
            writer.id(destination)
            writer.ordered(signed: Int64(line))
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.source = try reader.id()
            self.transfer = try reader.id()
            self.destination = try reader.id()
            self.line = Int32(truncatingIfNeeded: try reader.orderedSigned())
        }
    }

    package var sku: SKU
    package var requested = Quantity.zero
    /// What of ``requested`` was cancelled, line by line.
    package var cancelled = Quantity.zero
    package var dispatched = Quantity.zero
    package var received = Quantity.zero
    /// Signed: short is positive, over is negative.
    package var settled = Quantity.zero
    /// What the units in transit are worth; goods in transit of the source.
    package var transitValue = Money.zero
    package var lastReceipt = Latest()
    package var lastReceiptMovement: MovementKey?
    package var dispatchedBy = Latest()
    /// Who last cancelled units of the line.
    package var cancelledBy = Latest()
    /// Who last wrote units off as lost.
    package var writtenOffBy = Latest()
    /// What of ``settled`` was written off as lost.
    package var writtenOff = Quantity.zero
    /// What the units of ``writtenOff`` were worth then.
    package var writtenOffValue = Money.zero
    /// Who last settled units as gained.
    package var gainedBy = Latest()
    /// What of ``settled`` was gained, a positive number.
    package var gained = Quantity.zero
    /// What the units of ``gained`` were worth then.
    package var gainedValue = Money.zero
    /// What of ``dispatched`` the sender asks back, because it was cancelled meanwhile.
    package var askedBack = Quantity.zero
    /// Who sent, cancelled and settled how much, the newest last; at most ``stepsMax``.
    package private(set) var steps: [TransferStep] = []
    /// What the goods were and are worth on their way.
    package var flow = TransitFlow()

    /// How many steps a line remembers; what is older counts as known to all.
    package static let stepsMax = 8

    package init(sku: SKU) { self.sku = sku }

    /// Remembers a step.
    package mutating func note(_ kind: TransferStep.Kind, _ by: EventRef, _ quantity: Quantity) {
        if steps.count == Self.stepsMax { steps.removeFirst() }
        steps.append(TransferStep(kind: kind, by: by, quantity: quantity))
    }

    /// What is asked for and has not left.
    package func open() throws(EngineError) -> Quantity {
        try requested.minus(cancelled).minus(dispatched).clampedToZero
    }

    /// What was cancelled and left nevertheless.
    package func lost() throws(EngineError) -> Quantity {
        min(cancelled, try dispatched.minus(requested.minus(cancelled)).clampedToZero)
    }

    package func inTransit() throws(EngineError) -> Quantity {
        try dispatched.minus(received).minus(settled)
    }

    /// The way of the goods up to now; where nobody kept it, it begins with what is on its way.
    func flowSoFar(isPooled: Bool) throws(EngineError) -> TransitFlow {
        guard flow.isEmpty else { return flow }
        var flow = TransitFlow(
            opening: CostPart(value: transitValue, quantity: try inTransit().clampedToZero)
        )
        flow.isPooled = isPooled
        return flow
    }

    package var isOpen: Bool {
        dispatched.units &- received.units &- settled.units != 0 || !transitValue.isZero
    }

    package func encode(into writer: inout ByteWriter) {
        writer.id(sku)
        writer.quantity(requested)
        writer.quantity(cancelled)
        writer.quantity(dispatched)
        writer.quantity(received)
        writer.quantity(settled)
        writer.money(transitValue)
        writer.optional(lastReceipt.event) { $0.reference($1) }
        writer.optional(lastReceiptMovement) { $0.movement($1) }
        writer.optional(dispatchedBy.event) { $0.reference($1) }
        writer.optional(cancelledBy.event) { $0.reference($1) }
        writer.optional(lastReceipt.other) { $0.reference($1) }
        writer.optional(dispatchedBy.other) { $0.reference($1) }
        writer.optional(cancelledBy.other) { $0.reference($1) }
        writer.latest(writtenOffBy)
        writer.quantity(writtenOff)
        writer.money(writtenOffValue)
        guard gainedBy.event != nil || !steps.isEmpty || !flow.isEmpty else { return }
        writer.latest(gainedBy)
        writer.quantity(gained)
        writer.money(gainedValue)
        guard !steps.isEmpty || !flow.isEmpty else { return }
        writer.quantity(askedBack)
        writer.varint(UInt64(steps.count))
        for step in steps {
            writer.byte(step.kind.rawValue)
            writer.reference(step.by)
            writer.quantity(step.quantity)
        }
        if !flow.isEmpty { flow.encode(into: &writer) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.sku = try reader.id()
        self.requested = try reader.quantity()
        self.cancelled = try reader.quantity()
        self.dispatched = try reader.quantity()
        self.received = try reader.quantity()
        self.settled = try reader.quantity()
        self.transitValue = try reader.money()
        let lastReceipt = try reader.optionalReference()
        self.lastReceiptMovement = try reader.optional { (r) throws(EngineError) in
            try r.movement()
        }
        let dispatchedBy = try reader.optionalReference()
        let cancelledBy = try reader.optionalReference()
        self.lastReceipt = Latest(event: lastReceipt, other: try reader.optionalReference())
        self.dispatchedBy = Latest(event: dispatchedBy, other: try reader.optionalReference())
        self.cancelledBy = Latest(event: cancelledBy, other: try reader.optionalReference())
        self.writtenOffBy = try reader.latest()
        self.writtenOff = try reader.quantity()
        self.writtenOffValue = try reader.money()
        guard !reader.isAtEnd else { return }
        self.gainedBy = try reader.latest()
        self.gained = try reader.quantity()
        self.gainedValue = try reader.money()
        guard !reader.isAtEnd else { return }
        self.askedBack = try reader.quantity()
        let count = try reader.varint()
        guard (0...UInt64(Self.stepsMax)).contains(count) else {
            throw .damaged("A stored line of a transfer has \(count) steps.")
        }
        for _ in 0..<count {
            steps.append(
                TransferStep(
                    kind: try reader.raw(TransferStep.Kind.self),
                    by: try reader.reference(),
                    quantity: try reader.quantity()
                )
            )
        }
        if !reader.isAtEnd {
            self.flow = try TransitFlow(from: &reader)
        } else if count == 0 {
            throw .damaged("A stored line of a transfer has no steps.")
        }
    }
}

/// Something that was done to a line of a transfer, for whoever may not have known of it.
package struct TransferStep: Equatable, Sendable {
    /// What was done.
    package enum Kind: UInt8, Sendable {
        /// Units left the source.
        case sent = 0
        /// Units were cancelled, line by line.
        case cancelled = 1
        /// Units were written off as lost.
        case lost = 2
        /// Units were settled as gained.
        case gained = 3
    }

    package var kind: Kind
    package var by: EventRef
    /// How many units, more than zero.
    package var quantity: Quantity

    package init(kind: Kind, by: EventRef, quantity: Quantity) {
        self.kind = kind
        self.by = by
        self.quantity = quantity
    }
}

/// A transfer; each of the two sites keeps the same row.
package struct TransferRow: Row {
    package static let kind = RowKind.transfer

    package struct Key: RowKey {
        package var home: SiteCode
        package var source: SiteCode
        package var transfer: DocumentID
        package var destination: SiteCode
        package var site: SiteCode? { home }

        package init(home: SiteCode, source: SiteCode, transfer: DocumentID, destination: SiteCode)
        {
            self.home = home
            self.source = source
            self.transfer = transfer
            self.destination = destination
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(source)
            writer.id(transfer)
            writer.id(destination)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.source = try reader.id()
            self.transfer = try reader.id()
            self.destination = try reader.id()
        }
    }

    package var destination: SiteCode
    package var lines: [Int32]
    package var requestedBy: EventRef?
    package var cancelledBy = Latest()
    package var dispatchedBy = Latest()

    package init(destination: SiteCode) {
        self.destination = destination
        self.lines = []
    }

    package func encode(into writer: inout ByteWriter) {
        writer.id(destination)
        writer.varint(UInt64(lines.count))
        for line in lines { writer.signed(Int64(line)) }
        writer.optional(requestedBy) { $0.reference($1) }
        writer.optional(cancelledBy.event) { $0.reference($1) }
        writer.optional(dispatchedBy.event) { $0.reference($1) }
        writer.optional(cancelledBy.other) { $0.reference($1) }
        writer.optional(dispatchedBy.other) { $0.reference($1) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.destination = try reader.id()
        self.lines = []
        for _ in 0..<(try reader.varint()) {
            lines.append(Int32(truncatingIfNeeded: try reader.signed()))
        }
        self.requestedBy = try reader.optional { (r) throws(EngineError) in try r.reference() }
        let cancelledBy = try reader.optionalReference()
        let dispatchedBy = try reader.optionalReference()
        self.cancelledBy = Latest(event: cancelledBy, other: try reader.optionalReference())
        self.dispatchedBy = Latest(event: dispatchedBy, other: try reader.optionalReference())
    }
}

/// The key of a document that belongs to one site: a purchase order, return, count, adjustment.
package struct DocumentKey<Document: Sendable>: RowKey {
    package var home: SiteCode
    package var document: DocumentID
    package var site: SiteCode? { home }

    package init(home: SiteCode, document: DocumentID) {
        self.home = home
        self.document = document
    }

    package func encode(into writer: inout ByteWriter) {
        writer.id(home)
        writer.id(document)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.home = try reader.id()
        self.document = try reader.id()
    }
}

/// A purchase order.
package struct PurchaseOrderRow: Row {
    package typealias Key = DocumentKey<PurchaseOrderRow>
    package static let kind = RowKind.purchaseOrder

    package var supplier: Label?
    package var lines: [Int32]
    package var closedBy: EventRef?
    /// Who placed it; nil where only an amendment is known.
    package var placedBy: EventRef?
    /// Other purchase orders that were given its id.
    package var namesakes: [Namesake] = []

    package init(supplier: Label?) {
        self.supplier = supplier
        self.lines = []
    }

    package func encode(into writer: inout ByteWriter) {
        writer.id(supplier)
        writer.varint(UInt64(lines.count))
        for line in lines { writer.signed(Int64(line)) }
        writer.optional(closedBy) { $0.reference($1) }
        writer.optional(placedBy) { $0.reference($1) }
        writer.namesakes(namesakes)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.supplier = try reader.optionalID()
        self.lines = []
        for _ in 0..<(try reader.varint()) {
            lines.append(Int32(truncatingIfNeeded: try reader.signed()))
        }
        self.closedBy = try reader.optional { (r) throws(EngineError) in try r.reference() }
        self.placedBy = try reader.optional { (r) throws(EngineError) in try r.reference() }
        self.namesakes = try reader.namesakes()
    }
}

/// What one line of a purchase order still brings.
package struct PurchaseLineRow: Row {
    package static let kind = RowKind.purchaseLine
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        package var home: SiteCode
        package var purchaseOrder: DocumentID
        package var line: Int32
        package var site: SiteCode? { home }

        package init(home: SiteCode, purchaseOrder: DocumentID, line: Int32) {
            self.home = home
            self.purchaseOrder = purchaseOrder
            self.line = line
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(purchaseOrder)
            writer.ordered(signed: Int64(line))
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.purchaseOrder = try reader.id()
            self.line = Int32(truncatingIfNeeded: try reader.orderedSigned())
        }
    }

    package var sku: SKU
    package var ordered = Quantity.zero
    package var received = Quantity.zero
    package var unitCost: ExactDecimal?
    package var isClosed = false
    package var lastReceipt = Latest()
    /// Who last amended the line or closed its order.
    package var changedBy = Latest()
    /// What the received units cost when they arrived.
    package var receivedValue = Money.zero
    /// What went back to the supplier of them.
    package var returned = Quantity.zero
    /// The share of ``receivedValue`` that went back with it.
    package var returnedValue = Money.zero

    package init(sku: SKU) { self.sku = sku }

    /// What is still expected.
    package func expected() throws(EngineError) -> Quantity {
        isClosed ? .zero : try ordered.minus(received).clampedToZero
    }

    package var isOpen: Bool { !isClosed && ordered > received }

    package func encode(into writer: inout ByteWriter) {
        writer.id(sku)
        writer.quantity(ordered)
        writer.quantity(received)
        writer.optional(unitCost) { $0.decimal($1) }
        writer.bool(isClosed)
        writer.latest(lastReceipt)
        writer.latest(changedBy)
        writer.money(receivedValue)
        writer.quantity(returned)
        writer.money(returnedValue)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.sku = try reader.id()
        self.ordered = try reader.quantity()
        self.received = try reader.quantity()
        self.unitCost = try reader.optional { (r) throws(EngineError) in try r.decimal() }
        self.isClosed = try reader.bool()
        self.lastReceipt = try reader.latest()
        self.changedBy = try reader.latest()
        self.receivedValue = try reader.money()
        self.returned = try reader.quantity()
        self.returnedValue = try reader.money()
    }
}

/// Who holds promise rights.
package enum Holder: Hashable, Sendable {
    case node(NodeID)
    /// What claims freed, until every node of the site has seen them.
    case frozen
}

/// The promise rights of one holder for one item of one site's stock.
///
/// Negative: it owes.
package struct RightsRow: Row {
    package static let kind = RowKind.rights
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        package var home: SiteCode
        package var sku: SKU
        package var holder: Holder
        package var site: SiteCode? { home }

        package init(home: SiteCode, sku: SKU, holder: Holder) {
            self.home = home
            self.sku = sku
            self.holder = holder
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(sku)
            switch holder {
            case .frozen: writer.byte(0)
            case .node(let node):
                writer.byte(1)
                writer.node(node)
            }
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.sku = try reader.id()
            self.holder = try reader.byte() == 0 ? .frozen : .node(try reader.node())
        }
    }

    package var balance: Quantity
    package var isVacant: Bool { balance.isZero }

    package init(balance: Quantity) { self.balance = balance }

    package func encode(into writer: inout ByteWriter) { writer.quantity(balance) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.balance = try reader.quantity()
    }
}

/// Work that an event left for somebody: units to put back, a recount, a return to ask for.
package struct TaskRow: Row {
    package static let kind = RowKind.task
    package static let layer: Layer? = .commitment

    package enum Purpose: UInt8, Sendable {
        case putBack = 0
        case recount = 1
        case requestReturn = 2
        case returnTransfer = 3
        case recall = 4
        case unpick = 30

        /// The stable text.
        package var text: String {
            switch self {
            case .putBack: "put_back"
            case .recount: "recount"
            case .requestReturn: "request_return"
            case .returnTransfer: "return_transfer"
            case .recall: "recall"
            case .unpick: "unpick"
            }
        }
    }

    package struct Key: RowKey {
        package var home: SiteCode
        package var purpose: Purpose
        package var subject: String
        package var sku: SKU
        package var site: SiteCode? { home }

        package init(home: SiteCode, purpose: Purpose, subject: String, sku: SKU) {
            self.home = home
            self.purpose = purpose
            self.subject = subject
            self.sku = sku
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.byte(purpose.rawValue)
            writer.terminated(subject)
            writer.id(sku)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.purpose = try reader.raw(Purpose.self)
            self.subject = try reader.terminated()
            self.sku = try reader.id()
        }
    }

    package var quantity: Quantity
    /// Who last asked for it, where somebody who knows of that can do it by one event.
    package var askedBy: EventRef?
    package var isVacant: Bool { quantity.isZero }

    package init(quantity: Quantity, askedBy: EventRef? = nil) {
        self.quantity = quantity
        self.askedBy = askedBy
    }

    package func encode(into writer: inout ByteWriter) {
        writer.quantity(quantity)
        writer.optional(askedBy) { $0.reference($1) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.quantity = try reader.quantity()
        self.askedBy = try reader.optionalReference()
    }
}
