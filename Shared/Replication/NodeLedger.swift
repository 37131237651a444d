public import Causality
public import InventoryEngine

/// A node's side of its log: records commands, folds what the hub orders.
///
/// Every function runs in one transaction of the caller, which makes it last or takes it back.
public struct NodeLedger: Sendable {
    /// How many pending events are folded again at the head although no foreign entry asks for it:
    /// a few hundredths of a second's work.
    private static let pendingFoldedAtHeadMax: UInt64 = 1_000

    /// Who approves what the network's tolerance allows.
    static let tolerance = ActorID("count-tolerance")

    /// The node.
    public let identity: NodeIdentity
    /// The node's site.
    public let site: SiteCode

    /// Binds the rules to a node.
    ///
    /// - Throws: ``ReplicationError`` with the code `storage_failed` if the identity has no site.
    public init(identity: NodeIdentity) throws(ReplicationError) {
        guard let site = identity.site else {
            throw ReplicationError(.storage, "This is the database of a hub.")
        }
        self.identity = identity
        self.site = site
    }

    private func state(
        _ view: StateView,
        in log: any LogTransaction,
        _ progress: NodeProgress
    ) -> StockState {
        StockState(
            cache: log.takeRows(of: view),
            source: log.source(view),
            settings: settings(view, progress)
        )
    }

    private func settings(_ view: StateView, _ progress: NodeProgress) -> StateSettings {
        StateSettings(
            scope: .site(site),
            moneyScale: identity.moneyScale,
            node: identity.node,
            epoch: progress.epoch,
            keepsDigests: view == .base
        )
    }

    // MARK: Recording

    /// Records commands in order, each whole or not at all; a refusal does not stop the others.
    ///
    /// - Parameters:
    ///   - commands: What is asked.
    ///   - log: The transaction; the caller commits it before it answers anybody.
    ///   - now: The wall clock.
    /// - Returns: One result per command, in order.
    /// - Throws: A storage error; then the transaction must be given up.
    public func record(
        _ commands: [InventoryCommand],
        in log: any LogTransaction,
        at now: Instant
    ) throws -> [Recording] {
        var progress = try log.progress()
        var work = try work(in: log, &progress)
        var results: [Recording] = []
        for command in commands {
            results.append(try recordOne(command, in: log, &work, at: now))
        }
        try keep(work, in: log, &progress)
        try log.set(.progress, to: progress.bytes)
        return results
    }

    /// When the next reservation of the site ends or its next lot is past its date; nil if none.
    ///
    /// - Throws: A storage error.
    public func nextExpiry(in log: any LogReading) throws -> Instant? {
        let progress = try log.progress()
        var state = StockState(
            cache: RowCache(),
            source: log.source(.overlay),
            settings: settings(.overlay, progress)
        )
        let expiries = [try state.nextExpiry(at: site), try state.nextLotExpiry(at: site)]
        return expiries.compactMap(\.self).min()
    }

    /// Lets the reservations end whose time has passed, by events with the op `expire:<order>`, and
    /// takes the lots past their date from what is sellable, with the op `expire:<sku>/<lot>`.
    ///
    /// - Parameters:
    ///   - log: The transaction.
    ///   - now: The wall clock; it is set right by what the hub has told of its own.
    /// - Returns: How many orders were released and lots taken out.
    /// - Throws: A storage error; then the transaction must be given up.
    /// - Complexity: O(reservations and lots whose time has passed).
    @discardableResult
    public func recordExpired(in log: any LogTransaction, at now: Instant) throws -> Int {
        var progress = try log.progress()
        var work = try work(in: log, &progress)
        let offset = progress.clockOffsetMilliseconds.multipliedReportingOverflow(by: -1_000)
        let time = offset.overflow ? now : now.adding(microseconds: offset.partialValue)
        var count = 0
        for due in try work.state.dueExpiries(of: identity.node, at: site, now: time) {
            // Two nodes that let one expire record the same op: the second is a duplicate.
            var command = InventoryCommand(
                body: .reservationReleased(due),
                op: OpKey("expire:\(due.order)")
            )
            command.isAutomatic = true
            let result = try recordOne(command, in: log, &work, at: now)
            if result.event != nil, !result.isDuplicate { count += 1 }
        }
        for (op, change) in try work.state.dueLotExpiries(at: site, now: time) {
            var command = InventoryCommand(body: .statusChanged(change), op: op)
            command.isAutomatic = true
            let result = try recordOne(command, in: log, &work, at: now)
            if result.event != nil, !result.isDuplicate { count += 1 }
        }
        try keep(work, in: log, &progress)
        try log.set(.progress, to: progress.bytes)
        return count
    }

    /// Begins to record on top of what is pending.
    private func work(
        in log: any LogTransaction,
        _ progress: inout NodeProgress
    ) throws -> Work {
        if progress.overlayIsStale { try foldPendingAgain(in: log, &progress) }
        return Work(
            state: state(.overlay, in: log, progress),
            clock: HybridLogicalClock(last: progress.clock),
            tip: try log.lastEvent(of: identity.node) ?? (0, .zero),
            context: CausalContext(
                epoch: progress.epoch,
                position: progress.applied,
                extra: VectorClock()
            )
        )
    }

    /// Writes what was recorded; the caller stores the progress.
    private func keep(
        _ work: consuming Work,
        in log: any LogTransaction,
        _ progress: inout NodeProgress
    ) throws {
        let sequence = work.tip.sequence
        progress.clock = work.clock.last
        try log.apply(work.state.takeChanges(), to: .overlay, sequence: sequence)
        log.keepRows(work.state.intoCache(), of: .overlay)
    }

    private struct Work {
        var state: StockState
        var clock: HybridLogicalClock
        var tip: (sequence: UInt64, chainHash: ContentHash)
        let context: CausalContext
    }

    private func recordOne(
        _ command: InventoryCommand,
        in log: any LogTransaction,
        _ work: inout Work,
        at now: Instant
    ) throws -> Recording {
        var result = Recording(op: command.op)
        do {
            if let named = command.site, named != site {
                throw EngineError(
                    EngineError.Code("other_site"),
                    "This node records for \(site), not for \(named).",
                    field: "site"
                )
            }
            work.state.decidesAt = now
            try identity.checkCurrency(of: command)
            let hash = command.hashAtItsSite
            if let first = try work.state.repeated(command.op, hash, at: site) {
                result.repeats(first)
                return result
            }
            let body = try InventoryRules.decide(
                command,
                in: &work.state,
                by: identity.node,
                at: site
            )
            let (sequence, overflow) = work.tip.sequence.addingReportingOverflow(1)
            guard !overflow else {
                throw EngineError(.overflow, "The node has recorded all the events that it can.")
            }
            var event = InventoryEvent(
                id: EventID(node: identity.node, sequence: sequence),
                site: site,
                at: command.at,
                recordedAt: work.clock.tick(at: now),
                op: command.op,
                actor: command.actor,
                device: command.device,
                note: command.note,
                context: work.context,
                corrects: command.corrects,
                isForced: command.isForced,
                commandHash: command.op == nil ? nil : hash,
                body: body
            )
            event.isActorVerified = try work.state.isVerified(command.actor, by: command.token)
            let outcome = try append(event, in: log, &work)
            result.event = event.id
            result.isFinal = outcome.isFinal
            result.exceptions = outcome.exceptions
            for body in try work.state.takeDueApprovals() {
                try recordOwn(body, in: log, &work, at: now, as: Self.tolerance)
            }
            try recordDuePromises(in: log, &work, at: now)
        } catch let error as EngineError where error.code != .storage && error.code != .damaged {
            result.refusal = error
        }
        return result
    }

    /// Applies and seals one event; throws before anything is kept if it cannot be.
    private func append(
        _ event: InventoryEvent,
        in log: any LogTransaction,
        _ work: inout Work
    ) throws -> Outcome {
        let bytes = try WireFormat.encodeWithinBounds(event)
        let outcome = try work.state.apply(event, ordering: .recording)
        let hash = HashChain.link(work.tip.chainHash, bytes)
        try log.append(SealedEvent(id: event.id, bytes: bytes, chainHash: hash))
        work.tip = (event.id.sequence, hash)
        try predictCosts(&work.state, after: event)
        return outcome
    }

    /// Promises that became final through the event are events of their own.
    private func recordDuePromises(
        in log: any LogTransaction,
        _ work: inout Work,
        at now: Instant
    ) throws {
        for (_, body) in try work.state.takeDuePromises(by: identity.node) {
            try recordOwn(body, in: log, &work, at: now)
        }
    }

    /// Records an event that nobody has commanded.
    private func recordOwn(
        _ body: EventBody,
        in log: any LogTransaction,
        _ work: inout Work,
        at now: Instant,
        as actor: ActorID? = nil
    ) throws {
        let (sequence, overflow) = work.tip.sequence.addingReportingOverflow(1)
        guard !overflow else { return }
        let event = InventoryEvent(
            id: EventID(node: identity.node, sequence: sequence),
            site: site,
            recordedAt: work.clock.tick(at: now),
            actor: actor,
            context: work.context,
            body: body
        )
        _ = try append(event, in: log, &work)
    }

    /// Records what follows from news about promise rights: orders that can be promised now, the
    /// answers to those who ask, and what goes to others unasked.
    ///
    /// The last waits for news of the hub, so that nobody gives away what the receiver cannot get.
    private func recordDue(
        _ news: RightsNews,
        in log: any LogTransaction,
        _ progress: inout NodeProgress,
        at now: Instant
    ) throws {
        guard !news.promisable.isEmpty || news.isAsked || !news.shifted.isEmpty else { return }
        var work = try work(in: log, &progress)
        work.state.decidesAt = now
        work.state.noteRisen(news.promisable)
        do {
            try recordDuePromises(in: log, &work, at: now)
            if news.isAsked {
                for body in try work.state.dueAnswers(of: identity.node, at: site) {
                    try recordOwn(body, in: log, &work, at: now)
                }
            }
            let node = identity.node
            for body in try work.state.dueTopUps(of: node, at: site, for: news.shifted) {
                try recordOwn(body, in: log, &work, at: now)
            }
        } catch let error as EngineError where error.isRefusal {
            // What cannot be recorded now is due again with the next news.
        }
        try keep(work, in: log, &progress)
    }

    /// What a page tells about promise rights.
    private struct RightsNews {
        /// The stocks where somebody else has moved rights up, or has orders that wait.
        var promisable: Set<StockKey> = []
        /// The stocks of which a holder has more or fewer rights.
        var shifted: Set<StockKey> = []
        /// Whether this node is asked for rights.
        var isAsked = false

        /// Notes what an entry means for a node.
        mutating func note(
            _ body: EventBody,
            of node: NodeID,
            in base: inout StockState,
            at site: SiteCode
        ) throws(EngineError) {
            switch body {
            case .rightsRequested(let request) where request.to == node: isAsked = true
            case .backorderPromised(let work):
                // Somebody else was first, so that rights are left.
                promisable.formUnion(work.lines.map { StockKey(home: site, sku: $0.sku) })
            case .rightsGranted(let grant):
                promisable.insert(StockKey(home: site, sku: grant.sku))
            case .nodeActivated(let change) where change.node == node:
                // What it could not promise so far.
                promisable.formUnion(try base.waitingStocks(at: site))
            default: break
            }
        }
    }

    /// Applies to the overlay what the hub will record as *cost adjusted* entries.
    func predictCosts(_ state: inout StockState, after event: InventoryEvent) throws {
        for _ in 0..<HubLedger.followUpRoundsMax {
            let bodies = try state.takeCostAdjustments()
            guard !bodies.isEmpty else { return }
            for body in bodies {
                let prediction = InventoryEvent(
                    id: EventID(node: NodeID(high: 0, low: 0), sequence: event.id.sequence),
                    site: event.site,
                    recordedAt: event.recordedAt,
                    context: event.context,
                    body: body
                )
                _ = try state.apply(prediction, ordering: .pending)
            }
        }
    }

    // MARK: Replicating

    /// The next batch of events that the hub has not acknowledged, not yet signed; nil if there
    /// are none.
    public func nextBatch(
        in log: any LogReading,
        limit: Int,
        bytesMax: Int
    ) throws -> EventBatch? {
        let progress = try log.progress()
        let events = try log.events(
            of: identity.node,
            after: progress.acknowledged,
            limit: limit,
            bytesMax: bytesMax
        )
        guard let first = events.first else { return nil }
        var previous = ContentHash.zero
        if progress.acknowledged > 0 {
            let id = EventID(node: identity.node, sequence: progress.acknowledged)
            previous = try log.event(id)?.chainHash ?? .zero
        }
        return EventBatch(
            node: identity.node,
            epoch: progress.epoch,
            first: first.id.sequence,
            previousHash: previous,
            events: events.map(\.bytes),
            signature: []
        )
    }

    /// What the node tells of its history; the rest of a hello is the program's to fill in.
    public func hello(in log: any LogReading, at now: Instant) throws -> HelloRequest {
        let progress = try log.progress()
        let tip = try log.lastEvent(of: identity.node)
        var request = HelloRequest(
            node: identity.node,
            programVersion: "",
            sentAt: now
        )
        request.epoch = progress.epoch
        request.applied = progress.applied
        request.appliedHash = progress.appliedHash
        request.lastSequence = tip?.sequence ?? 0
        request.tip = tip?.chainHash ?? .zero
        request.acknowledged = progress.acknowledged
        request.ackReceipt = progress.receipt
        request.pending = request.lastSequence - min(progress.acknowledged, request.lastSequence)
        request.digestAgrees = progress.digestAgrees
        return request
    }

    /// Notes that the hub has committed events.
    ///
    /// - Throws: ``ReplicationError`` with the code `chain_broken` if the hub holds something else.
    public func acknowledge(
        _ reply: PushReply,
        epoch: Epoch,
        in log: any LogTransaction,
        at now: Instant
    ) throws {
        var progress = try log.progress()
        let id = EventID(node: identity.node, sequence: reply.acknowledged)
        if reply.acknowledged > 0 {
            guard let own = try log.event(id), own.chainHash == reply.acknowledgedHash else {
                throw ReplicationError(
                    .chainBroken,
                    "The hub acknowledges \(id), which is not what this node recorded.",
                    hint: "Find out whether the node was cloned or restored."
                )
            }
        }
        progress.epoch = epoch
        progress.acknowledged = max(progress.acknowledged, reply.acknowledged)
        progress.receipt = reply.receipt
        progress.durable = reply.durable
        progress.head = max(progress.head, reply.head)
        progress.lastContact = now
        try log.set(.progress, to: progress.bytes)
    }

    /// Folds one page of the hub's log: entries, cursor, conflicts and the retirement of own
    /// pending events change in this one transaction.
    ///
    /// - Throws: ``ReplicationError`` with the code `cursor_mismatch` or `malformed`.
    public func apply(
        _ page: PullReply,
        after requested: HubPosition,
        in log: any LogTransaction,
        at now: Instant
    ) throws {
        var progress = try log.progress()
        guard progress.applied == requested, page.cursor >= requested else {
            throw ReplicationError(
                .cursorMismatch,
                "The page starts after \(requested.rawValue), the base ends at "
                    + "\(progress.applied.rawValue)."
            )
        }
        progress.epoch = page.epoch
        var clock = HybridLogicalClock(last: progress.clock)
        var base = state(.base, in: log, progress)
        var foreign: [RowChange] = []
        var rights = RightsNews()
        var isParkedNews = false
        let retiredBefore = progress.retired
        for pulled in page.entries {
            let isOwn = pulled.entry.event.node == identity.node
            if !isOwn {
                // What own entries changed so far was predicted and is not news to the overlay.
                try log.apply(base.takeChanges(), to: .base, sequence: 0)
            }
            let event = try storedEvent(pulled, in: log)
            try log.append(pulled.entry)
            let outcome = try base.apply(
                event,
                ordering: .ordered(at: pulled.entry.position, pulled.entry.ruling)
            )
            if outcome.differsFromHub { progress.differences += 1 }
            switch event.body {
            case .parkedReleased, .parkedCompensated: isParkedNews = true
            default: if isOwn, outcome.ruling.verdict == .parked { isParkedNews = true }
            }
            let promisable = base.takePromisable()
            if !isOwn { rights.promisable.formUnion(promisable) }
            try rights.note(event.body, of: identity.node, in: &base, at: site)
            _ = clock.merge(event.recordedAt, at: now)
            if !isOwn || pulled.entry.ruling.verdict != .accepted {
                let changes = try base.takeChanges()
                foreign += changes
                try log.apply(changes, to: .base, sequence: 0)
            }
        }
        rights.shifted = try base.takeShifted()
        if isParkedNews {
            let own = try base.parkedEvents(of: identity.node, at: site)
            progress.parked = UInt64(own.count)
        }
        try log.apply(base.takeChanges(), to: .base, sequence: 0)
        log.keepRows(base.intoCache(), of: .base)
        // The overlay stands on the base: what was read of it may have changed.
        _ = log.takeRows(of: .overlay)
        progress.applied = page.cursor
        progress.appliedHash = page.cursorHash
        progress.retired = max(progress.retired, page.acknowledgedAtCursor)
        progress.acknowledged = max(progress.acknowledged, progress.retired)
        progress.head = max(page.head, page.cursor)
        progress.durable = page.durable
        progress.lastContact = now
        progress.clock = clock.last
        if !page.digests.isEmpty { progress.digestAgrees = try agrees(page.digests, in: log) }
        try log.dropOverlay(through: progress.retired)
        // What is parked stays in the overlay, among rows that have just been dropped.
        let isRetired = progress.retired > retiredBefore
        if isParkedNews || (isRetired && progress.parked > 0) { progress.overlayIsStale = true }
        try renewOverlay(page, after: requested, foreign, in: log, &progress)
        try recordDue(rights, in: log, &progress, at: now)
        try log.set(.progress, to: progress.bytes)
        try log.apply(page.summaries.map(networkRow), to: .network, sequence: 0)
    }

    /// Folds the pending events again where the base has changed under them.
    ///
    /// Where only own events were interleaved, the overlay shows the same figures, but refers to
    /// those events as pending still: at the head it is folded again too, unless much is pending.
    /// While more pages wait, folding again would be done for nothing.
    private func renewOverlay(
        _ page: PullReply,
        after requested: HubPosition,
        _ foreign: [RowChange],
        in log: any LogTransaction,
        _ progress: inout NodeProgress
    ) throws {
        let last = try log.lastEvent(of: identity.node)?.sequence ?? 0
        guard last > progress.retired || progress.parked > 0 else {
            if progress.overlayIsStale { try log.dropOverlay(through: UInt64(Int64.max)) }
            progress.overlayIsStale = false
            return try log.setOverlayPosition(page.cursor)
        }
        if !progress.overlayIsStale, !foreign.isEmpty {
            progress.overlayIsStale = try log.overlayTouches(foreign)
        }
        let isExact =
            try !progress.overlayIsStale && page.entries.isEmpty
            && log.overlayPosition() == requested
        let isFew = last - progress.retired <= Self.pendingFoldedAtHeadMax
        if isExact {
            try log.setOverlayPosition(page.cursor)
        } else if !page.hasMore, progress.overlayIsStale || isFew {
            try foldPendingAgain(in: log, &progress)
        }
    }

    private func networkRow(_ row: SummaryRow) -> RowChange {
        RowChange(
            kind: .summary,
            key: StockKey(home: row.site, sku: row.sku).bytes,
            value: row.value.isEmpty ? nil : row.value
        )
    }

    /// The event of a pulled entry; a foreign one is stored, an own one is there already.
    private func storedEvent(
        _ pulled: PulledEntry,
        in log: any LogTransaction
    ) throws -> InventoryEvent {
        let id = pulled.entry.event
        if let bytes = pulled.eventBytes {
            if try log.event(id) == nil {
                // Its author's chain is not known here; its own hash makes damage visible.
                try log.append(
                    SealedEvent(id: id, bytes: bytes, chainHash: ContentHash.of(bytes))
                )
            }
            return try HubLedger.decoded(bytes, id: id, site: site)
        }
        guard let own = try log.event(id) else {
            throw ReplicationError(
                .malformed,
                "The hub refers to \(id), which is not held here.",
                hint: "Say hello again; the hub may hold a tail that this node has lost."
            )
        }
        return try HubLedger.decoded(own.bytes, id: id, site: site)
    }

    private func agrees(_ digests: [LayerDigest], in log: any LogReading) throws -> Bool {
        let source = log.source(.base)
        for digest in digests {
            let key = DigestRow.Key(home: digest.site, layer: digest.layer)
            let own = try source.row(.digest, key.bytes).map { try DigestRow(bytes: $0).sum }
            if own ?? .zero != digest.sum { return false }
        }
        return true
    }

    /// Folds the own events that the hub has parked: at this node they stay what they are, marked
    /// provisional, until the hub releases them or a person closes them.
    private func foldParked(
        in log: any LogTransaction,
        _ overlay: inout StockState,
        _ progress: NodeProgress
    ) throws {
        guard progress.parked > 0 else { return }
        for id in try overlay.parkedEvents(of: identity.node, at: site) {
            guard let sealed = try log.event(id) else { continue }
            let event = try HubLedger.decoded(sealed.bytes, id: id, site: site)
            _ = try overlay.apply(event, ordering: .pending)
            try predictCosts(&overlay, after: event)
        }
        try log.apply(overlay.takeChanges(), to: .overlay, sequence: UInt64(Int64.max) - 1)
    }

    /// Folds all pending events again over a base that has changed under them.
    private func foldPendingAgain(
        in log: any LogTransaction,
        _ progress: inout NodeProgress
    ) throws {
        progress.overlayIsStale = false
        try log.dropOverlay(through: UInt64(Int64.max))
        var overlay = state(.overlay, in: log, progress)
        try foldParked(in: log, &overlay, progress)
        var after = progress.retired
        while true {
            let events = try log.events(
                of: identity.node,
                after: after,
                limit: 1_000,
                bytesMax: 4 << 20
            )
            guard let last = events.last else { break }
            for sealed in events {
                let event = try HubLedger.decoded(sealed.bytes, id: sealed.id, site: site)
                _ = try overlay.apply(event, ordering: .pending)
                try predictCosts(&overlay, after: event)
                try log.apply(
                    overlay.takeChanges(),
                    to: .overlay,
                    sequence: sealed.id.sequence
                )
            }
            after = last.id.sequence
        }
        log.keepRows(overlay.intoCache(), of: .overlay)
        try log.setOverlayPosition(progress.applied)
    }
}
