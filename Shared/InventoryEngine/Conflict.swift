package import Causality

/// A rule that concurrent events broke, and how it was resolved.
package struct ConflictRow: Row {
    package static let kind = RowKind.conflict

    /// Which pair of concurrent events it is.
    ///
    /// Raw values are the numbers of the pairs.
    package enum Rule: UInt8, CaseIterable, Sendable {
        case lastUnit = 1
        case cancelTooLate = 3
        case cancelledAfterPick = 4
        case receivedTwice = 5
        case countedAndMoved = 2
        case adjustedAndCounted = 6
        case countedTwice = 7
        case itemEdits = 8
        case transferCancelledTooLate = 9
        case returnedAfterWriteOff = 10
        case pickedTwice = 11
        case serialTakenTwice = 12
        case receivedAgainstChange = 13
        case expiredAndPicked = 14
        case quarantinedAndTaken = 15
        case transferDiffers = 16
        case receivedBeforeDispatch = 17
        case lateForPeriod = 18
        case amendedAfterPick = 19
        case movedAfterRetirement = 20
        case sameDocument = 22
        case factBeforeOrder = 23
        case decidedTwice = 21
        case operationReused = 100
        case strandedPromise = 101

        /// The stable text.
        package var text: String {
            switch self {
            case .lastUnit: "last_unit"
            case .cancelTooLate: "cancel_too_late"
            case .cancelledAfterPick: "cancelled_after_pick"
            case .receivedTwice: "received_twice"
            case .countedAndMoved: "counted_and_moved"
            case .adjustedAndCounted: "adjusted_and_counted"
            case .countedTwice: "counted_twice"
            case .itemEdits: "item_edits"
            case .transferCancelledTooLate: "transfer_cancelled_too_late"
            case .returnedAfterWriteOff: "returned_after_write_off"
            case .pickedTwice: "picked_twice"
            case .serialTakenTwice: "serial_taken_twice"
            case .receivedAgainstChange: "received_against_change"
            case .expiredAndPicked: "expired_and_picked"
            case .quarantinedAndTaken: "quarantined_and_taken"
            case .transferDiffers: "transfer_differs"
            case .receivedBeforeDispatch: "received_before_dispatch"
            case .lateForPeriod: "late_for_period"
            case .amendedAfterPick: "amended_after_pick"
            case .movedAfterRetirement: "moved_after_retirement"
            case .sameDocument: "same_document"
            case .factBeforeOrder: "fact_before_order"
            case .decidedTwice: "decided_twice"
            case .operationReused: "operation_reused"
            case .strandedPromise: "stranded_promise"
            }
        }
    }

    package struct Key: RowKey {
        /// The site that is touched; nil for one of the network's catalogue.
        package var home: SiteCode?
        /// A name derived from rule, events and subject: the same on every machine.
        package var id: String
        package var site: SiteCode? { home }

        package init(home: SiteCode?, id: String) {
            self.home = home
            self.id = id
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.terminated(id)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.optionalID()
            self.id = try reader.terminated()
        }
    }

    /// One of the concurrent events with the context that proves it.
    package struct Side: Equatable, Sendable {
        package var event: EventRef
        package var context: CausalContext
    }

    package var rule: Rule
    package var isResolved: Bool
    package var sku: SKU?
    /// The document or field that it is about.
    package var subject: String
    package var sides: [Side]
    package var resolution: String
    package var before: String
    package var after: String
    package var compensation: String
    package var decidedBy: String
    package var raisedAt: Instant
    /// The sites that show it, ascending; empty for one of the network's catalogue.
    package var sites: [SiteCode]
    /// What a person chose; nil while nobody has.
    package var choice: String?
    /// Why that person did.
    package var reason: String?

    package func encode(into writer: inout ByteWriter) {
        writer.byte(rule.rawValue)
        writer.bool(isResolved)
        writer.id(sku)
        writer.text(subject)
        writer.varint(UInt64(sides.count))
        for side in sides {
            writer.reference(side.event)
            writer.context(side.context)
        }
        for text in [resolution, before, after, compensation, decidedBy] { writer.text(text) }
        writer.signed(raisedAt.microseconds)
        writer.varint(UInt64(sites.count))
        for site in sites { writer.id(site) }
        writer.optional(choice) { $0.text($1) }
        writer.optional(reason) { $0.text($1) }
    }

    package init(
        rule: Rule,
        isResolved: Bool,
        sku: SKU?,
        subject: String,
        sides: [Side],
        resolution: String,
        before: String,
        after: String,
        compensation: String,
        decidedBy: String,
        raisedAt: Instant,
        sites: [SiteCode],
        choice: String? = nil,
        reason: String? = nil
    ) {
        self.rule = rule
        self.isResolved = isResolved
        self.sku = sku
        self.subject = subject
        self.sides = sides
        self.resolution = resolution
        self.before = before
        self.after = after
        self.compensation = compensation
        self.decidedBy = decidedBy
        self.raisedAt = raisedAt
        self.sites = sites
        self.choice = choice
        self.reason = reason
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.rule = try reader.raw(Rule.self)
        self.isResolved = try reader.bool()
        self.sku = try reader.optionalID()
        self.subject = try reader.text()
        self.sides = []
        for _ in 0..<(try reader.varint()) {
            sides.append(Side(event: try reader.reference(), context: try reader.context()))
        }
        self.resolution = try reader.text()
        self.before = try reader.text()
        self.after = try reader.text()
        self.compensation = try reader.text()
        self.decidedBy = try reader.text()
        self.raisedAt = Instant(microseconds: try reader.signed())
        self.sites = []
        for _ in 0..<(try reader.varint()) { sites.append(try reader.id()) }
        self.choice = try reader.optional { (r) throws(EngineError) in try r.text() }
        self.reason = try reader.optional { (r) throws(EngineError) in try r.text() }
    }
}

extension ByteWriter {
    mutating func context(_ context: CausalContext) {
        epoch(context.epoch)
        varint(context.position.rawValue)
        let entries = context.extra.entries
        varint(UInt64(entries.count))
        for entry in entries {
            node(entry.node)
            varint(entry.count)
        }
    }

    package mutating func epoch(_ epoch: Epoch) {
        varint(epoch.counter)
        ordered(epoch.high)
        ordered(epoch.low)
    }
}

extension ByteReader {
    mutating func context() throws(EngineError) -> CausalContext {
        let epoch = try epoch()
        let position = HubPosition(try varint())
        var extra = VectorClock()
        for _ in 0..<(try varint()) {
            extra.record(EventID(node: try node(), sequence: try varint()))
        }
        return CausalContext(epoch: epoch, position: position, extra: extra)
    }

    package mutating func epoch() throws(EngineError) -> Epoch {
        Epoch(counter: try varint(), high: try ordered(), low: try ordered())
    }
}

/// A rule that ordered events broke: somebody knew, or erred.
package struct ExceptionRow: Row {
    package static let kind = RowKind.exception

    package struct Key: RowKey {
        package var home: SiteCode?
        package var event: EventID
        package var index: UInt32
        package var site: SiteCode? { home }

        package init(home: SiteCode?, event: EventID, index: UInt32) {
            self.home = home
            self.event = event
            self.index = index
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.event(event)
            writer.ordered(UInt64(index))
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.optionalID()
            self.event = try reader.event()
            self.index = UInt32(truncatingIfNeeded: try reader.ordered())
        }
    }

    package var code: String
    package var sku: SKU?
    package var sentence: String
    package var raisedAt: Instant
    package var acknowledgedBy: EventRef?

    package init(code: String, sku: SKU?, sentence: String, raisedAt: Instant) {
        self.code = code
        self.sku = sku
        self.sentence = sentence
        self.raisedAt = raisedAt
    }

    package func encode(into writer: inout ByteWriter) {
        writer.text(code)
        writer.id(sku)
        writer.text(sentence)
        writer.signed(raisedAt.microseconds)
        writer.optional(acknowledgedBy) { $0.reference($1) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.code = try reader.text()
        self.sku = try reader.optionalID()
        self.sentence = try reader.text()
        self.raisedAt = Instant(microseconds: try reader.signed())
        self.acknowledgedBy = try reader.optional { (r) throws(EngineError) in
            try r.reference()
        }
    }
}

/// The event that first carried an op at a site; kept for good.
package struct OperationRow: Row {
    package static let kind = RowKind.operation

    package struct Key: RowKey {
        package var home: SiteCode
        package var op: OpKey
        package var site: SiteCode? { home }

        package init(home: SiteCode, op: OpKey) {
            self.home = home
            self.op = op
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(op)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.op = try reader.id()
        }
    }

    package var event: EventID
    package var contentHash: ContentHash
    package var isFinal: Bool?

    package init(event: EventID, contentHash: ContentHash, isFinal: Bool?) {
        self.event = event
        self.contentHash = contentHash
        self.isFinal = isFinal
    }

    package func encode(into writer: inout ByteWriter) {
        writer.event(event)
        writer.raw(contentHash.bytes)
        writer.optional(isFinal) { $0.bool($1) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.event = try reader.event()
        guard let hash = ContentHash(bytes: try reader.raw(32)) else {
            throw .damaged("A stored hash has the wrong length.")
        }
        self.contentHash = hash
        self.isFinal = try reader.optional { (r) throws(EngineError) in try r.bool() }
    }
}

/// The sum of the row hashes of one layer of one site.
package struct DigestRow: Row {
    package static let kind = RowKind.digest

    package struct Key: RowKey {
        package var home: SiteCode?
        package var layer: Layer
        package var site: SiteCode? { home }

        package init(home: SiteCode?, layer: Layer) {
            self.home = home
            self.layer = layer
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.byte(layer.rawValue)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.optionalID()
            self.layer = try reader.raw(Layer.self)
        }
    }

    package var sum: DigestSum
    package var isVacant: Bool { sum == .zero }

    package init(sum: DigestSum) { self.sum = sum }

    package func encode(into writer: inout ByteWriter) { writer.raw(sum.bytes) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        guard let sum = DigestSum(bytes: try reader.raw(32)) else {
            throw .damaged("A stored digest has the wrong length.")
        }
        self.sum = sum
    }
}
