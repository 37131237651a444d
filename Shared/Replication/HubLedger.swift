public import Causality
public import InventoryEngine

/// The hub's side of the log: gives events their positions and verdicts, hands out pages.
///
/// Every function runs in one transaction of the caller, who replies after the commit.
public struct HubLedger: Sendable {
    /// How often follow-ups may bring about others before it counts as a fault.
    static let followUpRoundsMax = 64
    /// How many events a batch may carry.
    public static let batchEventsMax: UInt32 = 4_096
    /// How many entries a page may look at.
    static let pageEntriesMax = 4_096
    /// How many summary rows a page carries, unless one commit has changed more.
    static let pageSummariesMax = 2_000

    /// The site of events that belong to no site.
    static let bookkeepingSite = SiteCode("HUB")

    /// The hub.
    public let identity: NodeIdentity
    /// The hub's history.
    public let epoch: Epoch

    /// Binds the rules to a hub.
    public init(identity: NodeIdentity, epoch: Epoch) {
        self.identity = identity
        self.epoch = epoch
    }

    func state(in log: any LogReading, cache: RowCache = RowCache()) -> StockState {
        StockState(
            cache: cache,
            source: log.source(.base),
            settings: StateSettings(
                scope: .everything,
                moneyScale: identity.moneyScale,
                node: identity.node,
                epoch: epoch,
                keepsDigests: true
            )
        )
    }

    /// Decodes an event; bytes that are none become an unknown one, so that nothing is dropped.
    static func decoded(_ bytes: [UInt8], id: EventID, site: SiteCode) throws -> InventoryEvent {
        do {
            let event = try WireFormat.decodeEvent(bytes)
            if event.id == id { return event }
        } catch let error where error.code != .malformed {
            throw error
        } catch {}
        return InventoryEvent(
            id: id,
            site: site,
            recordedAt: HybridTimestamp(wall: Instant(microseconds: 0), counter: 0),
            context: .empty,
            body: .unknown(type: "malformed")
        )
    }

    // MARK: Taking in

    /// What a batch brought about.
    public struct Ingest: Sendable {
        /// The node's last sequence that the hub holds, and its chain there.
        public var acknowledged: UInt64
        /// The node's chain there.
        public var acknowledgedHash: ContentHash
        /// The verdicts other than accepted.
        public var verdicts: [EventVerdict]
        /// The last position.
        public var head: HubPosition
    }

    /// A batch whose signature and chain were verified, with its events decoded: all that can be
    /// done before the one writer has it.
    public struct CheckedBatch: Sendable {
        let batch: EventBatch
        let chain: BatchChain
        var events: [InventoryEvent]

        /// How many events it carries.
        public var count: Int { events.count }

        /// Decodes a batch.
        ///
        /// - Parameters:
        ///   - batch: As it was sent.
        ///   - chain: What the verification of its signature returned.
        ///   - site: The site of the node that sent it.
        /// - Throws: ``ReplicationError`` if an event cannot even be kept as an unknown one.
        public init(_ batch: EventBatch, chain: BatchChain, site: SiteCode) throws {
            guard batch.first > 0, UInt64(batch.events.count) <= UInt64.max - batch.first,
                chain.hashes.count == batch.events.count
            else { throw ReplicationError.malformed("first", "does not fit the batch") }
            self.batch = batch
            self.chain = chain
            var events: [InventoryEvent] = []
            events.reserveCapacity(batch.events.count)
            for (offset, bytes) in batch.events.enumerated() {
                let id = EventID(node: batch.node, sequence: batch.first + UInt64(offset))
                events.append(try HubLedger.decoded(bytes, id: id, site: site))
            }
            self.events = events
        }
    }

    /// Takes one batch; see ``ingest(_:in:receivedAt:)``.
    ///
    /// - Throws: `SyncRefusal` if the batch is refused, or a storage error.
    public func ingest(
        _ batch: CheckedBatch,
        in log: any LogTransaction,
        receivedAt: Instant
    ) throws -> Ingest {
        let answers = try ingest([batch], in: log, receivedAt: receivedAt)
        return try answers[0].get()
    }

    /// Takes batches in order: what is held already is skipped, the rest gets positions and
    /// verdicts.
    ///
    /// - Returns: For each batch what it brought about, or a `SyncRefusal` with `sequence_gap`,
    ///   `fork_detected`, `hello_first` or `node_unknown`; of a refused batch nothing is stored.
    /// - Throws: A storage error; then the transaction must be given up.
    public func ingest(
        _ batches: [CheckedBatch],
        in log: any LogTransaction,
        receivedAt: Instant
    ) throws -> [Result<Ingest, SyncRefusal>] {
        var state = state(in: log, cache: log.takeRows(of: .base))
        var clock = Clock(log: log, identity: identity)
        var tail = try Tail(log: log)
        var answers: [Result<Ingest, SyncRefusal>] = []
        for checked in batches {
            let batch = checked.batch
            let held = try log.lastEvent(of: batch.node) ?? (0, .zero)
            let site: SiteCode
            do {
                guard let known = try state.knownNode(batch.node)?.homeSite else {
                    throw SyncRefusal(code: "node_unknown", message: "The node has not joined.")
                }
                site = known
                try check(checked, continues: held, upTo: tail, in: log)
            } catch let refusal as SyncRefusal {
                answers.append(.failure(refusal))
                continue
            }
            var verdicts: [EventVerdict] = []
            for (offset, event) in checked.events.enumerated() {
                let ruling: Ruling?
                if event.id.sequence > held.sequence {
                    try log.append(
                        SealedEvent(
                            id: event.id,
                            bytes: batch.events[offset],
                            chainHash: checked.chain.hashes[offset]
                        )
                    )
                    let event = try vetted(event, site, &state)
                    ruling = try order(event, in: log, &state, &tail, receivedAt)
                    try followUp(event, in: log, &state, &tail, &clock, receivedAt)
                } else {
                    // A repeated batch gets the stored answer again.
                    ruling = try log.entry(of: event.id)?.ruling
                }
                if let ruling, ruling.verdict != .accepted {
                    verdicts.append(
                        EventVerdict(
                            sequence: event.id.sequence,
                            verdict: ruling.verdict,
                            reason: ruling.reason
                        )
                    )
                }
            }
            let last = try log.lastEvent(of: batch.node) ?? (0, .zero)
            answers.append(
                .success(
                    Ingest(
                        acknowledged: last.sequence,
                        acknowledgedHash: last.chainHash,
                        verdicts: verdicts,
                        head: tail.position
                    )
                )
            )
        }
        try finish(state, in: log, tail)
        return answers
    }

    /// Refuses a batch that does not continue what is held, or knows of what cannot be known.
    private func check(
        _ checked: CheckedBatch,
        continues held: (sequence: UInt64, chainHash: ContentHash),
        upTo tail: Tail,
        in log: any LogReading
    ) throws {
        let batch = checked.batch
        guard batch.first <= held.sequence + 1 else {
            throw SyncRefusal(
                code: "sequence_gap",
                message: "The hub holds the node's events up to \(held.sequence).",
                expectedSequence: held.sequence + 1
            )
        }
        try checkContinuity(batch, checked.chain, held, in: log)
        let isAhead = checked.events.contains { event in
            event.context.epoch == epoch && event.context.position > tail.position
        }
        guard !isAhead else {
            throw SyncRefusal(
                code: "hello_first",
                message: "An event knows of positions that this hub does not have."
            )
        }
    }

    /// The end of the hub's log while a transaction extends it.
    struct Tail {
        var position: HubPosition
        var hash: ContentHash

        init(log: any LogReading) throws {
            position = try log.head(in: nil)
            hash = try log.entry(at: position)?.chainHash ?? .zero
        }

        func next() throws -> HubPosition {
            guard let next = position.next else {
                throw SyncRefusal(code: "log_full", message: "The hub's log is full.")
            }
            return next
        }

        mutating func append(
            _ event: EventID,
            _ ruling: Ruling,
            at position: HubPosition,
            to log: any LogTransaction
        ) throws {
            let entry = Entry(position: position, event: event, ruling: ruling, chainHash: .zero)
            let hash = HashChain.link(self.hash, entry.chainedBytes)
            var chained = entry
            chained.chainHash = hash
            try log.append(chained)
            self.position = position
            self.hash = hash
        }
    }

    /// The hub's own chain and clock while a transaction records derived events.
    struct Clock {
        var tip: (sequence: UInt64, chainHash: ContentHash)?
        let log: any LogReading
        let identity: NodeIdentity

        init(log: any LogReading, identity: NodeIdentity) {
            self.log = log
            self.identity = identity
        }

        mutating func current() throws -> (sequence: UInt64, chainHash: ContentHash) {
            if let tip { return tip }
            return try log.lastEvent(of: identity.node) ?? (0, .zero)
        }
    }

    private func checkContinuity(
        _ batch: EventBatch,
        _ chain: BatchChain,
        _ held: (sequence: UInt64, chainHash: ContentHash),
        in log: any LogReading
    ) throws {
        let before = batch.first - 1
        let expected =
            try before == 0
            ? ContentHash.zero
            : log.event(EventID(node: batch.node, sequence: before))?.chainHash
        var isSame = expected == batch.previousHash
        if batch.first <= held.sequence {
            let common = min(batch.last, held.sequence)
            let own = try log.event(EventID(node: batch.node, sequence: common))?.chainHash
            isSame = isSame && own == chain.hashes[Int(common - batch.first)]
        }
        guard isSame else {
            throw SyncRefusal(
                code: "fork_detected",
                message: "The hub holds other events under the same sequence numbers."
            )
        }
    }

    /// What a node may not say is kept and parked, never applied.
    func vetted(
        _ event: InventoryEvent,
        _ site: SiteCode,
        _ state: inout StockState
    ) throws(EngineError) -> InventoryEvent {
        var event = event
        let isOwn: Bool
        switch event.body {
        case .costAdjusted, .rightsThawed, .rightsReclaimed, .nodeRegistered, .nodeActivated,
            .nodeRetired, .siteRegistered, .policySet, .periodClosed, .personRegistered,
            .personChanged,
            .personRetired, .parkedReleased, .parkedCompensated, .orderResourced,
            .orderProgressed:
            isOwn = false
        case .transferDispatched(let transfer): isOwn = transfer.fromSite == site
        case .transferReceived(let transfer): isOwn = transfer.toSite == site
        case .transferRequested(let transfer), .transferCancelled(let transfer),
            .transferSettled(let transfer):
            isOwn = transfer.fromSite == site || transfer.toSite == site
        case .itemRegistered, .itemChanged, .itemRetired, .locationRegistered, .locationChanged,
            .locationRetired, .purchaseOrderPlaced, .purchaseOrderAmended, .purchaseOrderClosed,
            .goodsReceived, .orderConfirmed, .orderAmended, .orderCancelled,
            .reservationReleased, .backorderPromised, .allocated, .pickCompleted, .unpicked,
            .packCompleted, .shipmentDispatched, .returnReceived, .returnDispositioned,
            .countRecorded, .adjustmentProposed, .adjustmentApproved, .adjustmentRejected, .moved,
            .statusChanged, .scrapped, .repacked, .supplierReturnDispatched, .reversed,
            .rightsRequested, .exceptionAcknowledged, .supplierInvoiceMatched,
            .landedCostAllocated, .stockRevalued,
            .writtenDown, .standardCostSet, .costingChanged, .unknown:
            isOwn = true
        case .rightsGranted(let grant):
            // The receiver's site has to hear of it, and no other one.
            let home = try state.remoteHome(of: .node(grant.to), grant.stockSite ?? site)
            isOwn = grant.toSite == (home == site ? nil : home)
        case .conflictResolved(let decision):
            // It closes the conflict at the other sites too, but only where that is shown.
            let shown = try state.sites(of: decision.subject, at: site)
            isOwn = decision.sites.allSatisfy { shown.contains($0) }
        }
        if event.site != site || !isOwn {
            event.site = site
            event.body = .unknown(type: "\(event.body.type) for another site")
        }
        return event
    }

    /// Gives one event its position and verdict.
    @discardableResult
    private func order(
        _ event: InventoryEvent,
        in log: any LogTransaction,
        _ state: inout StockState,
        _ tail: inout Tail,
        _ receivedAt: Instant
    ) throws -> Ruling {
        let position = try tail.next()
        let outcome = try state.apply(
            event,
            ordering: .ordering(at: position, receivedAt: receivedAt)
        )
        try tail.append(event.id, outcome.ruling, at: position, to: log)
        return outcome.ruling
    }

    /// Records what follows from an event as entries of the hub's own.
    func followUp(
        _ cause: InventoryEvent,
        in log: any LogTransaction,
        _ state: inout StockState,
        _ tail: inout Tail,
        _ clock: inout Clock,
        _ receivedAt: Instant
    ) throws {
        for _ in 0..<Self.followUpRoundsMax {
            var bodies = try state.takeCostAdjustments().map { (site: cause.site, body: $0) }
            bodies += try state.takeDuePromises(by: identity.node)
            bodies += try state.takeDueRequests(by: identity.node, after: cause.id)
            let releasable = try state.takeReleasable()
            // Told once nothing else changes any more.
            if bodies.isEmpty, releasable.isEmpty { bodies = try state.takeDueProgress() }
            guard !bodies.isEmpty || !releasable.isEmpty else {
                let rejections = try state.takeDueRejections(by: identity.node)
                guard !rejections.isEmpty else { return }
                for (site, body) in rejections {
                    try recordOwn(
                        body,
                        at: site,
                        in: log,
                        &state,
                        &tail,
                        &clock,
                        receivedAt,
                        as: StockState.compensation
                    )
                }
                continue
            }
            for (site, body) in bodies {
                try recordOwn(
                    body,
                    at: site,
                    in: log,
                    &state,
                    &tail,
                    &clock,
                    receivedAt,
                    // In the books a correction belongs to the day of what it follows from.
                    effective: body.isCostAdjusted
                        ? cause.effective(receivedAt: receivedAt) : nil
                )
            }
            for event in releasable {
                try release(event, in: log, &state, &tail, &clock, receivedAt)
            }
        }
    }

    /// An event of the hub's own, which knows all that the hub holds.
    func ownEvent(
        _ body: EventBody,
        at site: SiteCode,
        after sequence: UInt64,
        _ tail: Tail,
        _ receivedAt: Instant,
        as actor: ActorID? = nil,
        effective: Instant? = nil
    ) -> InventoryEvent {
        InventoryEvent(
            id: EventID(node: identity.node, sequence: sequence + 1),
            site: site,
            at: effective.flatMap { WallTime(instant: $0, offsetMinutes: 0) },
            recordedAt: HybridTimestamp(wall: receivedAt, counter: 0),
            actor: actor,
            context: CausalContext(
                epoch: epoch,
                position: tail.position,
                extra: VectorClock()
            ),
            body: body
        )
    }

    /// Records an event of the hub's own, and gives it its position.
    @discardableResult
    func recordOwn(
        _ body: EventBody,
        at site: SiteCode,
        in log: any LogTransaction,
        _ state: inout StockState,
        _ tail: inout Tail,
        _ clock: inout Clock,
        _ receivedAt: Instant,
        as actor: ActorID? = nil,
        effective: Instant? = nil
    ) throws -> InventoryEvent {
        let tip = try clock.current()
        let event = ownEvent(
            body,
            at: site,
            after: tip.sequence,
            tail,
            receivedAt,
            as: actor,
            effective: effective
        )
        let bytes = WireFormat.encode(event)
        let hash = HashChain.link(tip.chainHash, bytes)
        try log.append(SealedEvent(id: event.id, bytes: bytes, chainHash: hash))
        clock.tip = (event.id.sequence, hash)
        try order(event, in: log, &state, &tail, receivedAt)
        return event
    }

    /// Writes what a transaction changed, notes it for the network view of other sites, and keeps
    /// the rows in memory.
    func finish(
        _ state: consuming StockState,
        in log: any LogTransaction,
        _ tail: Tail
    ) throws {
        let changes = try state.takeChanges()
        try log.apply(changes, to: .base, sequence: 0)
        var stocks: [(site: SiteCode, sku: SKU)] = []
        for change in changes where change.kind == .summary {
            let key = try StockKey(bytes: change.key)
            stocks.append((key.home, key.sku))
        }
        try log.noteSummaryChanges(stocks, at: tail.position)
        log.keepRows(state.intoCache(), of: .base)
    }

    /// Records sites and nodes: what a join or an operator brings about.
    public func record(
        _ bodies: [EventBody],
        in log: any LogTransaction,
        at now: Instant
    ) throws {
        var state = state(in: log, cache: log.takeRows(of: .base))
        var tail = try Tail(log: log)
        var clock = Clock(log: log, identity: identity)
        for body in bodies {
            guard let site = Self.bookkeepingSite else { continue }
            try recordOwn(body, at: site, in: log, &state, &tail, &clock, now)
        }
        try finish(state, in: log, tail)
    }

    /// Whether a site has an active node, and what is known of a node.
    public func registered(
        _ node: NodeID,
        site: SiteCode,
        in log: any LogReading
    ) throws -> (isKnown: Bool, siteIsKnown: Bool, siteIsActive: Bool) {
        var state = state(in: log)
        let isKnown = try state.knownNode(node) != nil
        let siteIsKnown = try state.knowsSite(site)
        let isActive = try !state.isOnlyActive(node, at: site)
        return (isKnown, siteIsKnown, isActive)
    }

    /// The public key and site of a node that has joined; nil for any other.
    public func credentials(
        of node: NodeID,
        in log: any LogReading
    ) throws -> (publicKey: [UInt8], site: SiteCode)? {
        var state = state(in: log)
        guard let row = try state.knownNode(node), let site = row.homeSite else { return nil }
        return (row.publicKey, site)
    }

    // MARK: Handing out

    /// A page of the log in a node's scope, not yet signed.
    ///
    /// A page never ends between an entry and the hub's own entries that follow from it.
    public func page(
        _ request: PullRequest,
        for site: SiteCode,
        in log: any LogReading
    ) throws -> PullReply {
        let head = try log.head(in: nil)
        let scoped = try log.entries(
            after: request.after,
            in: site,
            limit: Self.pageEntriesMax
        )
        var page = PullReply(epoch: epoch, cursor: request.after, cursorHash: .zero)
        var bytesUsed = 0
        var isCut = false
        for entry in scoped {
            if bytesUsed > Int(request.bytesMax), try !isFollowUp(entry.event, in: log) {
                isCut = true
                break
            }
            var eventBytes: [UInt8]?
            if entry.event.node != request.node {
                eventBytes = try log.event(entry.event)?.bytes ?? []
            }
            bytesUsed += (eventBytes?.count ?? 0) + 64
            page.entries.append(PulledEntry(entry: entry, eventBytes: eventBytes))
            page.cursor = entry.position
        }
        isCut = isCut || scoped.count == Self.pageEntriesMax
        if !isCut { page.cursor = max(head, request.after) }
        page.cursorHash = try log.entry(at: page.cursor)?.chainHash ?? .zero
        page.acknowledgedAtCursor = try log.acknowledged(of: request.node, at: page.cursor)
        page.hasMore = isCut
        page.head = try log.head(in: site)
        if !isCut, request.wantsDigests { page.digests = try digests(for: site, in: log) }
        if let after = request.summariesAfter {
            try addSummaries(to: &page, after: after, for: site, in: log)
        }
        return page
    }

    /// Whether an entry belongs to the commit of the one before it.
    private func isFollowUp(_ event: EventID, in log: any LogReading) throws -> Bool {
        guard event.node == identity.node, let sealed = try log.event(event) else { return false }
        let body = try WireFormat.decodeEvent(sealed.bytes).body
        // A release stands by itself: however many there are, pages stay small.
        if case .parkedReleased = body { return false }
        return body.kind == .derived
    }

    private func digests(for site: SiteCode, in log: any LogReading) throws -> [LayerDigest] {
        let source = log.source(.base)
        var digests: [LayerDigest] = []
        let places: [(SiteCode?, Layer)] = [
            (site, .physical), (site, .commitment), (site, .financial), (nil, .network),
        ]
        for (home, layer) in places {
            let key = DigestRow.Key(home: home, layer: layer)
            let sum = try source.row(.digest, key.bytes).map { try DigestRow(bytes: $0).sum }
            digests.append(LayerDigest(site: home, layer: layer, sum: sum ?? .zero))
        }
        return digests
    }

    private func addSummaries(
        to page: inout PullReply,
        after: HubPosition,
        for site: SiteCode,
        in log: any LogReading
    ) throws {
        let source = log.source(.base)
        page.summariesCursor = after
        for change in try wholeChanges(after: after, for: site, in: log) {
            let key = StockKey(home: change.site, sku: change.sku)
            page.summaries.append(
                SummaryRow(
                    site: change.site,
                    sku: change.sku,
                    value: try source.row(.summary, key.bytes) ?? []
                )
            )
            page.summariesCursor = change.position
        }
    }

    /// The next changes of summary rows, with none left out at the position where they end: the
    /// reader goes on after that position.
    private func wholeChanges(
        after: HubPosition,
        for site: SiteCode,
        in log: any LogReading
    ) throws -> [(site: SiteCode, sku: SKU, position: HubPosition)] {
        var limit = Self.pageSummariesMax
        while true {
            let changes = try log.summaryChanges(after: after, excluding: site, limit: limit)
            guard changes.count == limit, let last = changes.last?.position else { return changes }
            let whole = Array(changes.prefix { $0.position < last })
            if !whole.isEmpty { return whole }
            // One commit has changed more than that.
            limit *= 2
        }
    }

    /// Answers a hello: whether the node's history and the hub's are one.
    public func hello(
        _ request: HelloRequest,
        for site: SiteCode,
        in log: any LogReading,
        receivedAt: Instant
    ) throws -> HelloReply {
        let held = try log.lastEvent(of: request.node) ?? (0, .zero)
        var action = HelloAction.proceed
        var reason = ""
        let isFirst = request.epoch.counter == 0
        let known = try log.entry(at: request.applied)?.chainHash ?? .zero
        if request.protocolVersion > SyncProtocol.version {
            action = .refuse
            reason = "The node speaks a newer protocol; upgrade the hub first."
        } else if !isFirst, request.epoch != epoch {
            action = .refuse
            reason = "The hub is in another epoch than the node knows."
        } else if !isFirst, request.applied > .start, known != request.appliedHash {
            action = .refuse
            reason = "The hub's log differs at the node's applied position."
        } else if !isFirst, held.sequence < request.acknowledged {
            action = .refuse
            reason = "The hub has lost events that it had acknowledged: it was restored."
        } else if held.sequence > request.lastSequence {
            action = .refuse
            reason = "The hub holds events that the node has lost."
        }
        return HelloReply(
            action: action,
            reason: reason,
            epoch: epoch,
            head: try log.head(in: site),
            acknowledged: held.sequence,
            acknowledgedHash: held.chainHash,
            durable: .start,
            batchEventsMax: Self.batchEventsMax,
            summariesChanged: try request.summariesAfter.map { after in
                try !log.summaryChanges(after: after, excluding: site, limit: 1).isEmpty
            } ?? false,
            receivedAt: receivedAt,
            sentAt: receivedAt
        )
    }
}

extension Entry {
    /// What the hub's chain runs over: position, event and ruling.
    var chainedBytes: [UInt8] {
        var writer = ByteWriter()
        writer.varint(position.rawValue)
        writer.event(event)
        writer.byte(ruling.verdict.rawValue)
        writer.text(ruling.reason?.code ?? "")
        writer.text(ruling.reason?.sentence ?? "")
        writer.varint(UInt64(ruling.sites.count))
        for site in ruling.sites { writer.id(site) }
        writer.varint(UInt64(ruling.carried.count))
        for value in ruling.carried { writer.money(value) }
        writer.varint(UInt64(ruling.rulesVersion))
        writer.signed(ruling.receivedAt.microseconds)
        return writer.bytes
    }
}
