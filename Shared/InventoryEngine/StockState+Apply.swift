public import Causality

/// How an event comes to be applied.
public enum Ordering: Sendable {
    /// A command that is being recorded here: anything wrong refuses it.
    case recording
    /// A pending event folded again over a base that has changed: what is wrong parks it.
    case pending
    /// The hub gives it a position.
    case ordering(at: HubPosition, receivedAt: Instant)
    /// A command that is being recorded at the hub, which gives it a position at once: anything
    /// wrong refuses it.
    case deciding(at: HubPosition, receivedAt: Instant)
    /// The hub has decided: obey.
    case ordered(at: HubPosition, Ruling)
}

extension Ordering {
    /// Whether an event that cannot be applied is refused rather than kept and parked.
    var refuses: Bool {
        switch self {
        case .recording, .deciding: true
        case .pending, .ordering, .ordered: false
        }
    }
}

/// What applying one event has brought about.
public struct Outcome: Sendable {
    /// What the hub records of it; for a pending event what is predicted.
    public var ruling: Ruling
    /// Whether a promise was final; nil for what promises nothing.
    public var isFinal: Bool?
    /// The codes of the exceptions that it raised.
    public var exceptions: [String]
    /// Whether a copy that obeyed computed something else than the hub: an alarm.
    public var differsFromHub: Bool
}

/// What the event at hand has brought about so far.
struct Report {
    var exceptions: [(code: String, sku: SKU?, sentence: String, home: SiteCode?)] = []
    var carried: [Money] = []
    var carriedRead = 0
    var journal: [JournalLine] = []
    var freeBefore: [StockKey: Quantity] = [:]
    /// The stock that was touched last: mostly the next one that is touched, too.
    var lastTouched: StockKey?
    var movements: UInt32 = 0
    var isFinal: Bool?
    var valuedAt: Instant?
    /// The site that ships the part of a claim that is being posted, where that is not the recorder's.
    var seenAt: SiteCode?
    /// What the recorder has promised of the stock of other sites.
    var promisedElsewhere: [StockKey: Quantity] = [:]
    /// The holder whose balance the event moves, where that is not its recorder.
    var holder: NodeID?
    /// Units that were picked although they were cancelled.
    var revived: [StockKey: [Revival]] = [:]
    /// What the event moved, by stock.
    var moves: [StockKey: [PostingRow.Line]] = [:]
    /// What the lines of a fact about an order did besides the plain step.
    var orderSteps: [OrderEffectRow.Step] = []
    /// The retired items, and with a location the retired locations, that the event is about, with
    /// the retirement.
    var retired: [(sku: SKU, place: LocationRow.Key?, by: EventRef)] = []
    /// The items kept by serial number that the event is about.
    var serialTracked: Set<SKU> = []
    /// Whether the event's effect on promise rights is spelled out by itself.
    var movesRightsItself = false
    /// In a fixed order: exceptions are numbered in the order in which they are raised.
    var stocksTouched: [StockKey] {
        freeBefore.count > 1 ? freeBefore.keys.sorted() : Array(freeBefore.keys)
    }
}

/// Units of an order that were picked although they were cancelled.
struct Revival {
    var order: FreezeRow.Order
    /// Who cancelled last.
    var cancel: EventID
    var quantity: Quantity
}

/// What later entries of the same commit have to follow up.
struct Dues {
    /// Movements whose replayed value is not posted yet, with the event that caused it.
    var corrections: [StockKey: (cause: EventID, movements: Set<MovementKey>)] = [:]
    /// Transfer lines of which something may have arrived at another value than is known now, with
    /// the event that caused it.
    var flows: [TransferLineRow.Key: EventID] = [:]
    /// Stocks whose promise rights rose while orders wait, or where orders began to wait.
    var risen: Set<StockKey> = []
    /// Stocks of the own site of which a holder has more or fewer promise rights.
    var shifted: Set<StockKey> = []
    /// Counts recorded here whose variance may be approved by itself.
    var counted: [CountRow.Key] = []
    /// Items that are in the catalogue since now, so that parked events may be released.
    var arrived: [SKU] = []
    /// Stocks where orders began to wait: the other holders may be asked.
    var wanting: Set<StockKey> = []
    /// Stocks of which the hub has heard something, and where orders may wait in vain.
    var unserved: Set<StockKey> = []
    /// What the sites of orders have to be told of the sites that ship them; the hub's.
    var progress: [OrderRow.Key: ProgressDue] = [:]
}

/// The event at hand, with what follows from how it is ordered.
struct Current {
    var event: InventoryEvent
    let position: HubPosition?
    let receivedAt: Instant?
    let effective: Instant
    /// The values that the hub computed; empty while nobody has.
    let carried: [Money]
    /// Whether the event names more sites than one, so that values travel with it.
    let isShared: Bool
    /// The sites whose rows the event changes.
    let namedSites: [SiteCode]
    /// The event's own site, also while it is looked at as another site sees it.
    let origin: SiteCode
    /// The entry that releases the event, which was parked; nil for any other.
    let release: InventoryEvent?

    var ref: EventRef { EventRef(id: event.id, position: position) }

    /// The place of one of its movements in the history of a stock; while it is pending, behind all
    /// that the hub has ordered of the same time.
    func place(_ index: UInt32 = 0) -> MovementKey {
        MovementKey(
            effective: effective,
            position: position ?? HubPosition(UInt64.max),
            sequence: event.id.sequence,
            index: index
        )
    }

    var site: SiteCode { event.site }

    /// The event; of a release the one that is released, which takes effect at the position of the
    /// release and at its own time.
    init(event recorded: InventoryEvent, ordering: Ordering) {
        var event = recorded
        var releasedAt: Instant?
        if case .parkedReleased(let release) = recorded.body, let content = release.content {
            event = content
            releasedAt = release.receivedAt
        }
        self.event = event
        self.release = releasedAt == nil ? nil : recorded
        switch ordering {
        case .recording, .pending:
            self.position = nil
            self.receivedAt = nil
            self.carried = []
        case .ordering(let position, let receivedAt), .deciding(let position, let receivedAt):
            self.position = position
            self.receivedAt = receivedAt
            self.carried = []
        case .ordered(let position, let ruling):
            self.position = position
            self.receivedAt = ruling.receivedAt
            self.carried = ruling.carried
        }
        self.effective = event.effective(receivedAt: releasedAt ?? receivedAt)
        self.namedSites = event.namedSites
        self.isShared = namedSites.count > 1
        self.origin = event.site
    }
}

extension InventoryEvent {
    /// When it takes effect: when it happened as its recorder says, but not after it was received.
    ///
    /// - Parameter receivedAt: When the hub received it; nil while it has not.
    /// - Returns: The moment.
    public func effective(receivedAt: Instant?) -> Instant {
        let claimed = at?.instant ?? recordedAt.wall
        return receivedAt.map { min($0, claimed) } ?? claimed
    }
}

extension StockState {
    /// Folds one event into every layer that it touches, or into none.
    ///
    /// - Parameters:
    ///   - event: A decided event.
    ///   - ordering: How it comes to be applied; says whether trouble refuses or parks it.
    /// - Returns: What has come about.
    /// - Throws: ``EngineError``: while recording whatever is wrong, else only `storage_failed`
    ///   and `damaged`. The state is then unchanged.
    /// - Complexity: O(lines of the event), and for a late fact O(later movements of its items).
    public mutating func apply(
        _ event: InventoryEvent,
        ordering: Ordering
    ) throws(EngineError) -> Outcome {
        var current = Current(event: event, ordering: ordering)
        // The others only say where to look again, which is right for an event that fails, too; to
        // keep a copy of them would let each event that adds to them copy all that is in them.
        let (corrections, flows, progress) = (dues.corrections, dues.flows, dues.progress)
        report = Report()
        do {
            if case .ordered(_, let ruling) = ordering, ruling.verdict.hasNoPostings {
                try closeReleased(current)
                try noteUnapplied(current, ruling.verdict, ruling.reason, at: ruling.sites)
                keepAll()
                return outcome(current, ruling.verdict, ruling.reason, obeying: ordering)
            }
            if let verdict = try repeatedOperation(current) {
                try closeReleased(current)
                try noteUnapplied(current, verdict, nil)
                keepAll()
                return outcome(current, verdict, nil, obeying: ordering)
            }
            try current.event.body.checkShape()
            current = try naming(current)
            try checkSerials(current)
            let verdict = try post(current)
            try moveSerials(current)
            try releaseUncovered(current)
            let stocks = report.stocksTouched
            try settleRights(current, of: stocks)
            try settleRemoteRights(current)
            try writeRecords(current)
            try closeReleased(current)
            try checkIdentities(of: stocks)
            keepAll()
            return outcome(current, verdict, nil, obeying: ordering)
        } catch {
            rollBackAll()
            (dues.corrections, dues.flows, dues.progress) = (corrections, flows, progress)
            if ordering.refuses { throw error }
            guard error.code != .storage, error.code != .damaged else { throw error }
            report = Report()
            current = Current(event: event, ordering: ordering)
            let verdict: Verdict = error.rejectsClaim ? .rejected : .parked
            let reason = VerdictReason(code: error.code.text, sentence: error.message)
            try noteUnapplied(current, verdict, reason)
            keepAll()
            return outcome(current, verdict, reason, obeying: ordering)
        }
    }

    private func outcome(
        _ current: Current,
        _ verdict: Verdict,
        _ reason: VerdictReason?,
        obeying ordering: Ordering
    ) -> Outcome {
        let ruling = Ruling(
            verdict: verdict,
            reason: reason,
            sites: current.namedSites,
            carried: current.isShared ? report.carried : [],
            receivedAt: current.receivedAt ?? current.effective
        )
        var differs = false
        if case .ordered(_, let decided) = ordering, current.namedSites.allSatisfy(holds) {
            differs = decided.verdict != verdict
        }
        return Outcome(
            ruling: ruling,
            isFinal: report.isFinal,
            exceptions: report.exceptions.map(\.code),
            differsFromHub: differs
        )
    }

    /// Recognises an op that another event of the site carried before, and remembers a new one.
    ///
    /// - Returns: `.duplicate` when the same command was recorded before, else nil.
    private mutating func repeatedOperation(
        _ current: Current
    ) throws(EngineError) -> Verdict? {
        guard let op = current.event.op else { return nil }
        guard settings.scope.holds(current.site) else { return nil }
        let key = OperationRow.Key(home: current.site, op: op)
        let hash = current.event.commandHash ?? .zero
        if let first = try cache.operations.row(key, from: reader), first.event != current.event.id
        {
            if first.contentHash == hash { return .duplicate }
            try raiseConflict(
                .operationReused,
                current,
                with: EventRef(id: first.event, position: nil),
                sku: nil,
                subject: op.text,
                resolution: "Both events stand; the op belongs to the first.",
                before: "",
                after: "",
                compensation: "Check whether one of them is a mistake.",
                isResolved: false
            )
            return nil
        }
        try cache.operations.set(
            key,
            to: OperationRow(event: current.event.id, contentHash: hash, isFinal: nil),
            from: reader
        )
        return nil
    }

    /// Writes the journal, the exceptions, and the finality of a promise.
    private mutating func writeRecords(_ current: Current) throws(EngineError) {
        try noteRetired(current)
        try writePostings(current)
        if !report.journal.isEmpty {
            let day = try postingDay(current)
            try noteLate(current, day)
            try writeJournal(current, day)
        }
        if !report.orderSteps.isEmpty, settings.scope.holds(current.site) {
            let key = OrderEffectRow.Key(home: current.site, event: current.event.id)
            let row = OrderEffectRow(steps: report.orderSteps)
            try cache.orderEffects.set(key, to: row, from: reader)
        }
        var counts: [SiteCode?: UInt32] = [:]
        for exception in report.exceptions {
            let own = current.event.body.isNetworkWide ? nil : current.site
            let home = exception.home ?? own
            let key = ExceptionRow.Key(
                home: home,
                event: current.event.id,
                index: counts[home, default: 0]
            )
            counts[home, default: 0] += 1
            guard settings.scope.holds(home) else { continue }
            try cache.exceptions.set(
                key,
                to: ExceptionRow(
                    code: exception.code,
                    sku: exception.sku,
                    sentence: exception.sentence,
                    raisedAt: current.receivedAt ?? current.effective
                ),
                from: reader
            )
        }
        if let isFinal = report.isFinal, let op = current.event.op,
            settings.scope.holds(current.site)
        {
            let key = OperationRow.Key(home: current.site, op: op)
            if var row = try cache.operations.row(key, from: reader),
                row.event == current.event.id
            {
                row.isFinal = isFinal
                try cache.operations.set(key, to: row, from: reader)
            }
        }
    }

    private mutating func writeJournal(
        _ current: Current,
        _ day: PostingDay
    ) throws(EngineError) {
        var total = Money.zero
        for line in report.journal { total = try total.plus(line.amount) }
        guard total.isZero else {
            throw EngineError(.identityBroken, "The journal entry does not balance.")
        }
        // What concerns the whole network is posted at every site that has something to post.
        for home in Set(report.journal.map(\.site)).sorted() where settings.scope.holds(home) {
            let lines = report.journal.filter { $0.site == home }
            guard !lines.isEmpty else { continue }
            let key = JournalRow.Key(
                home: home,
                position: current.position ?? HubPosition(UInt64.max),
                event: current.event.id
            )
            var row =
                try cache.journals.row(key, from: reader)
                ?? JournalRow(
                    valuedAt: report.valuedAt ?? current.effective,
                    postedAt: current.effective,
                    lines: []
                )
            if day.posted != row.postedAt.date { row.postedOn = day.posted }
            row.isLate = day.closing != nil
            row.lines.append(contentsOf: lines)
            try noteMonth(day, lines, at: home)
            try cache.journals.set(key, to: row, from: reader)
        }
    }

    /// The identities that hold after every event, in release too.
    private mutating func checkIdentities(of stocks: [StockKey]) throws(EngineError) {
        for stock in stocks {
            guard let summary = try cache.summaries.row(stock, from: reader) else { continue }
            guard try summary.rights == summary.free() else {
                throw EngineError(
                    .identityBroken,
                    "Promise rights do not add up to what is free to promise."
                )
            }
            let valuation = try cache.valuations.row(stock, from: reader) ?? ValuationRow()
            guard try valuation.pool.quantity() == summary.onHand() else {
                throw EngineError(
                    .identityBroken,
                    "The financial quantity is not the physical quantity."
                )
            }
            guard try summary.value.plus(valuation.unposted) == valuation.pool.value() else {
                throw EngineError(
                    .identityBroken,
                    "The inventory account is not the value of the cost layers."
                )
            }
            guard !valuation.pool.held.isZero || valuation.pool.heldValue.isZero else {
                throw EngineError(.identityBroken, "No units are left, but some value is.")
            }
        }
    }
}

extension Verdict {
    /// Whether an event with this verdict leaves the layers as they are.
    var hasNoPostings: Bool {
        switch self {
        case .accepted, .adjusted: false
        case .rejected, .parked, .duplicate: true
        }
    }
}

extension EngineError {
    /// Whether the hub answers a claim that fails so by rejecting it, rather than parking it.
    var rejectsClaim: Bool {
        switch code.text {
        case "cancel_too_late", "already_decided", "transfer_already_dispatched",
            "unknown_adjustment", "insufficient_rights", "order_exists":
            true
        default: false
        }
    }
}
