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
