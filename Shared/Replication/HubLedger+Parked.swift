public import Causality
import InventoryEngine

/// Parked events: the hub releases them when their reason is gone, or an operator closes them.
extension HubLedger {
    /// Releases the parked events whose reason may be gone.
    ///
    /// That is when their items have come, or this version of the program knows their type. Called
    /// when the hub starts.
    ///
    /// - Parameters:
    ///   - log: The transaction.
    ///   - now: The wall clock.
    /// - Returns: How many took effect.
    /// - Throws: A storage error; then the transaction must be given up.
    /// - Complexity: O(parked events that wait).
    @discardableResult
    public func releaseParked(in log: any LogTransaction, at now: Instant) throws -> Int {
        var state = state(in: log, cache: log.takeRows(of: .base))
        let events = try state.releasable()
        guard !events.isEmpty else {
            log.keepRows(state.intoCache(), of: .base)
            return 0
        }
        var tail = try Tail(log: log)
        var clock = Clock(log: log, identity: identity)
        var released = 0
        for event in events {
            guard let entry = try release(event, in: log, &state, &tail, &clock, now) else {
                continue
            }
            released += 1
            try followUp(entry, in: log, &state, &tail, &clock, now)
        }
        try finish(state, in: log, tail)
        return released
    }

    /// Lets a parked event take effect, if it can.
    ///
    /// - Returns: The entry; nil if the event still cannot be applied.
    @discardableResult
    func release(
        _ event: EventID,
        in log: any LogTransaction,
        _ state: inout StockState,
        _ tail: inout Tail,
        _ clock: inout Clock,
        _ now: Instant
    ) throws -> InventoryEvent? {
        guard let (content, entry) = try parked(event, in: log, &state) else { return nil }
        if case .unknown = content.body { return nil }
        let tip = try clock.current()
        let body = EventBody.parkedReleased(
            ParkedRelease(
                event: event,
                content: content,
                receivedAt: entry.ruling.receivedAt,
                sites: entry.ruling.sites
            )
        )
        let own = ownEvent(body, at: content.site, after: tip.sequence, tail, now)
        let bytes: [UInt8]
        let outcome: Outcome
        do {
            bytes = try WireFormat.encodeWithinBounds(own)
            outcome = try state.apply(
                own,
                ordering: .deciding(at: try tail.next(), receivedAt: now)
            )
        } catch let error as EngineError where error.isRefusal {
            return nil
        }
        let hash = HashChain.link(tip.chainHash, bytes)
        try log.append(SealedEvent(id: own.id, bytes: bytes, chainHash: hash))
        clock.tip = (own.id.sequence, hash)
        try tail.append(own.id, outcome.ruling, at: try tail.next(), to: log)
        return own
    }

    /// A parked event as this version of the program reads it, with its entry.
    private func parked(
        _ event: EventID,
        in log: any LogReading,
        _ state: inout StockState
    ) throws -> (event: InventoryEvent, entry: Entry)? {
        guard let sealed = try log.event(event), let entry = try log.entry(of: event) else {
            return nil
        }
        let home = try state.knownNode(event.node)?.homeSite
        guard let site = home ?? entry.ruling.sites.first ?? Self.bookkeepingSite else {
            return nil
        }
        let content = try Self.decoded(sealed.bytes, id: event, site: site)
        return (event.node == identity.node ? content : try vetted(content, site, &state), entry)
    }

    /// Fills in what an operator need not say of a parked event or a conflict.
    ///
    /// - Throws: `EngineError` with the code `unknown_parked`, `unknown_conflict` or
    ///   `unknown_exception`.
    func completed(
        _ command: InventoryCommand,
        in log: any LogReading,
        _ state: inout StockState
    ) throws -> InventoryCommand {
        var command = command
        switch command.body {
        case .parkedReleased(let release):
            guard let (content, entry) = try parked(release.event, in: log, &state) else {
                throw Self.unknown("parked", "event", "The event \(release.event) is not parked.")
            }
            command.body = .parkedReleased(
                ParkedRelease(
                    event: release.event,
                    content: content,
                    receivedAt: entry.ruling.receivedAt,
                    sites: entry.ruling.sites
                )
            )
            command.site = content.site
        case .parkedCompensated(var compensation):
            guard let entry = try log.entry(of: compensation.event) else {
                throw Self.unknown(
                    "parked",
                    "event",
                    "The event \(compensation.event) is not parked."
                )
            }
            compensation.sites = entry.ruling.sites
            command.body = .parkedCompensated(compensation)
            command.site = entry.ruling.sites.first
        case .conflictResolved(let decision) where command.site == nil:
            command.site = try state.siteOfConflict(decision.subject) ?? Self.bookkeepingSite
        case .exceptionAcknowledged(let decision) where command.site == nil:
            let event = decision.subject.split(separator: "/").first.flatMap { EventID(String($0)) }
            guard let event, let entry = try log.entry(of: event) else {
                throw Self.unknown(
                    "exception",
                    "exception",
                    "Exception \(decision.subject) is not known."
                )
            }
            command.site =
                try state.siteOfException(decision.subject, among: entry.ruling.sites)
                ?? Self.bookkeepingSite
        default: break
        }
        return command
    }

    private static func unknown(_ what: String, _ field: String, _ sentence: String) -> EngineError
    {
        EngineError(
            EngineError.Code("unknown_\(what)"),
            sentence,
            field: field,
            hint: "List what is open, and check the id."
        )
    }
}
