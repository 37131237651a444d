public import Causality
public import InventoryEngine

/// Recording at the hub: a command is decided and ordered in one step.
extension HubLedger {
    /// Records commands in order, each whole or not at all; a refusal does not stop the others.
    ///
    /// What the hub records has its position and verdict at once. A command that would be parked
    /// or rejected there is refused instead, and leaves rows and chains as they were. A promise is
    /// made from the rights that the hub itself holds; what goes beyond them waits.
    ///
    /// - Parameters:
    ///   - commands: What is asked; each names its site, unless it concerns the whole network.
    ///   - log: The transaction; the caller commits it before it answers anybody.
    ///   - now: The wall clock.
    /// - Returns: One result per command, in order. Codes that only the hub gives: `missing_field`
    ///   for a command without its site, `unknown_site`.
    /// - Throws: A storage error; then the transaction must be given up.
    public func record(
        _ commands: [InventoryCommand],
        in log: any LogTransaction,
        at now: Instant
    ) throws -> [Recording] {
        var state = state(in: log, cache: log.takeRows(of: .base))
        var tail = try Tail(log: log)
        var clock = Clock(log: log, identity: identity)
        var results: [Recording] = []
        for command in commands {
            var result = Recording(op: command.op)
            var event: InventoryEvent?
            do {
                event = try recordOne(command, in: log, &state, &tail, &clock, now, &result)
            } catch let error as EngineError where error.isRefusal {
                result.refusal = error
            }
            if let event {
                for body in try state.takeDueApprovals() {
                    try recordOwn(
                        body,
                        at: event.site,
                        in: log,
                        &state,
                        &tail,
                        &clock,
                        now,
                        as: NodeLedger.tolerance
                    )
                }
                try followUp(event, in: log, &state, &tail, &clock, now)
            }
            results.append(result)
        }
        try finish(state, in: log, tail)
        return results
    }

    /// Decides, orders and keeps one command.
    ///
    /// - Returns: The event; nil if the command is the repeat of an earlier one.
    /// - Throws: `EngineError` before anything is kept; or a storage error.
    private func recordOne(
        _ command: InventoryCommand,
        in log: any LogTransaction,
        _ state: inout StockState,
        _ tail: inout Tail,
        _ clock: inout Clock,
        _ now: Instant,
        _ result: inout Recording
    ) throws -> InventoryEvent? {
        var command = try completed(command, in: log, &state)
        let site = try site(of: command, &state)
        try identity.checkCurrency(of: command)
        let hash = command.hashAtItsSite
        if let first = try state.repeated(command.op, hash, at: site) {
            result.repeats(first)
            return nil
        }
        state.decidesAt = now
        // After the hash: who is silent may have changed when the command is repeated.
        if case .periodClosed(let closing) = command.body {
            command.body = .periodClosed(try completed(closing, in: log, &state))
        }
        let body = try InventoryRules.decide(command, in: &state, by: identity.node, at: site)
        let tip = try clock.current()
        var event = InventoryEvent(
            id: EventID(node: identity.node, sequence: tip.sequence + 1),
            site: site,
            at: command.at,
            recordedAt: HybridTimestamp(wall: now, counter: 0),
            op: command.op,
            actor: command.actor,
            device: command.device,
            note: command.note,
            context: CausalContext(epoch: epoch, position: tail.position, extra: VectorClock()),
            corrects: command.corrects,
            isForced: command.isForced,
            commandHash: command.op == nil ? nil : hash,
            body: body
        )
        event.isActorVerified = try state.isVerified(command.actor, by: command.token)
        let bytes = try WireFormat.encodeWithinBounds(event)
        let position = try tail.next()
        let outcome = try state.apply(event, ordering: .deciding(at: position, receivedAt: now))
        let chainHash = HashChain.link(tip.chainHash, bytes)
        try log.append(SealedEvent(id: event.id, bytes: bytes, chainHash: chainHash))
        try tail.append(event.id, outcome.ruling, at: position, to: log)
        clock.tip = (event.id.sequence, chainHash)
        result.event = event.id
        result.isFinal = outcome.isFinal
        result.exceptions = outcome.exceptions
        return event
    }

    /// The site whose stock a command is about.
    private func site(
        of command: InventoryCommand,
        _ state: inout StockState
    ) throws(EngineError) -> SiteCode {
        if let site = command.site {
            if site == Self.bookkeepingSite { return site }
            guard try state.knowsSite(site) else {
                throw EngineError(
                    EngineError.Code("unknown_site"),
                    "The site \(site) is not in the network.",
                    field: "site",
                    hint: "Check the code, or register it with site_registered."
                )
            }
            return site
        }
        guard command.body.isNetworkWide, let site = Self.bookkeepingSite else {
            throw EngineError(
                EngineError.Code("missing_field"),
                "At the hub a command of type \(command.body.type) names its site.",
                field: "site",
                hint: "Add the site, such as LON."
            )
        }
        return site
    }
}

extension EngineError {
    /// Whether the command is at fault, not the store.
    var isRefusal: Bool { code != .storage && code != .damaged }
}
