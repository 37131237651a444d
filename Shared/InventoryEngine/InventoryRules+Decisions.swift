import Causality

/// What a person decides about what the rules could not decide.
extension Decider {
    /// A conflict is resolved at every site that shows it.
    mutating func resolved(_ decision: Decision) throws(EngineError) -> Decision {
        var decision = decision
        decision.sites = []
        for home in [nil, site] as [SiteCode?] {
            let key = ConflictRow.Key(home: home, id: decision.subject)
            guard let row = try state.cache.conflicts.row(key, from: state.reader) else { continue }
            decision.sites = row.sites.filter { $0 != site }
        }
        return decision
    }

    /// A policy is set for the whole network, by the hub's operator.
    mutating func decided(_ change: PolicyChange) throws(EngineError) -> PolicyChange {
        try checkHub()
        guard let policy = NetworkPolicy(rawValue: change.policy) else {
            throw .refused(
                "unknown_policy",
                "There is no policy of that name.",
                field: "policy",
                hint: "There are \(NetworkPolicy.allCases.map(\.rawValue).joined(separator: ", "))."
            )
        }
        guard policy.allows(change.value) else {
            throw .refused(
                "policy_invalid",
                "The policy \(policy.rawValue) cannot be that.",
                field: "value",
                hint: "It may be \(policy.choices)."
            )
        }
        return change
    }

    /// A month is closed by the hub's operator, once it is over and in the order of the calendar.
    ///
    /// Which nodes are silent is the hub's to say, which has heard them; see
    /// ``PeriodClosing/silent``.
    mutating func decided(_ closing: PeriodClosing) throws(EngineError) -> PeriodClosing {
        try checkHub()
        if let last = try state.lastClosing(), closing.period <= last.period {
            throw .refused(
                "period_closed",
                "The books of \(closing.period) are closed already.",
                field: "period",
                hint: "The first month that is open is \(last.period.next)."
            )
        }
        let end = try state.timeZone().start(of: closing.period.next.firstDay)
        guard let now = state.decidesAt, end <= now else {
            throw .refused(
                "period_not_over",
                "The month \(closing.period) is not over in the network's time zone.",
                field: "period",
                hint: "It can be closed from \(end.rfc3339) on."
            )
        }
        guard let reason = closing.override else {
            guard closing.silent.isEmpty else {
                throw .refused(
                    "nodes_silent",
                    "Nodes may hold something back of \(closing.period).",
                    field: "override"
                )
            }
            return closing
        }
        guard !reason.isEmpty, reason.utf8.count <= PeriodClosing.overrideBytesMax else {
            throw .refused(
                "override_invalid",
                "The reason of an override has 1 to \(PeriodClosing.overrideBytesMax) bytes.",
                field: "override",
                hint: "Say why the books are closed without the nodes that are silent."
            )
        }
        guard actor != nil else {
            throw .refused(
                "actor_missing",
                "An override is signed: it names who closes the month.",
                field: "actor",
                hint: "Name the person as actor."
            )
        }
        var decided = closing
        // Where nobody is silent there is nothing to override.
        if closing.silent.isEmpty { decided.override = nil }
        return decided
    }

    /// Only the hub knows what became of a parked event elsewhere.
    mutating func checkOpenParked(_ event: EventID) throws(EngineError) {
        try checkHub()
        for home in [nil, site] as [SiteCode?] {
            guard let row = try state.parkedRow(event, at: home) else { continue }
            guard let closing = row.closing else { return }
            throw .refused(
                "already_decided",
                "The event \(event) is \(closing.outcome.text) already.",
                field: "event"
            )
        }
        throw .refused(
            "unknown_parked",
            "The event \(event) is not parked.",
            field: "event",
            hint: "See `parked list` for the events that are."
        )
    }
}
