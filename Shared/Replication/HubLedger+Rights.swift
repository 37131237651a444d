public import Causality
public import InventoryEngine

/// What the hub has heard of the nodes: how far each had come when nothing of it was on its way.
public struct HeardNodes: Sendable {
    private struct Notice {
        var applied: HubPosition
        var recorded: UInt64
    }

    /// What was told first and is not covered yet, and what was told last.
    private var notices: [NodeID: (first: Notice, last: Notice)] = [:]
    /// Per node the position that it had applied when it had recorded nothing that the hub lacks.
    public private(set) var through: [NodeID: HubPosition] = [:]

    /// Nothing is heard yet.
    public init() {}

    /// Notes what a node tells of itself.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - applied: The hub position that it has applied.
    ///   - recorded: The last sequence that it had recorded then, or later.
    ///   - acknowledged: The last of its events that the hub holds.
    /// - Returns: Whether the node is heard further than before.
    public mutating func note(
        _ node: NodeID,
        applied: HubPosition,
        recorded: UInt64,
        acknowledged: UInt64
    ) -> Bool {
        let notice = Notice(applied: applied, recorded: recorded)
        // The first stays until it is covered: a node that records without a pause is heard too.
        notices[node] = (notices[node]?.first ?? notice, notice)
        return note(node, acknowledged: acknowledged)
    }

    /// Notes that the hub holds more of a node's events.
    ///
    /// - Returns: Whether the node is heard further than before.
    public mutating func note(_ node: NodeID, acknowledged: UInt64) -> Bool {
        guard let (first, last) = notices[node], acknowledged >= first.recorded else {
            return false
        }
        let isCovered = acknowledged >= last.recorded
        notices[node] = isCovered ? nil : (last, last)
        let before = through[node] ?? .start
        let applied = max(before, first.applied, isCovered ? last.applied : .start)
        through[node] = applied
        return applied > before
    }
}

extension HubLedger {
    /// Whether something at a site waits until its nodes have been heard.
    public func waitsForNodes(at site: SiteCode, in log: any LogReading) throws -> Bool {
        var state = state(in: log)
        return try state.waitsForNodes(at: site)
    }

    /// The last of a node's events that the hub holds; 0 for none.
    public func acknowledged(of node: NodeID, in log: any LogReading) throws -> UInt64 {
        try log.lastEvent(of: node)?.sequence ?? 0
    }

    /// Records what is due at a site because its nodes have been heard so far: newcomers become
    /// active, and what claims froze goes to those who recorded them.
    ///
    /// - Returns: How many entries were recorded, without what followed from them.
    /// - Throws: A storage error; then the transaction must be given up.
    /// - Complexity: O(frozen claims of the site).
    @discardableResult
    public func settleRights(
        at site: SiteCode,
        heard: [NodeID: HubPosition],
        in log: any LogTransaction,
        at now: Instant
    ) throws -> Int {
        var state = state(in: log, cache: log.takeRows(of: .base))
        var tail = try Tail(log: log)
        var clock = Clock(log: log, identity: identity)
        let bodies = try state.dueRights(at: site, heard: heard)
        for body in bodies {
            guard let home = body.isNetworkWide ? Self.bookkeepingSite : site else { continue }
            let event = try recordOwn(body, at: home, in: log, &state, &tail, &clock, now)
            try followUp(event, in: log, &state, &tail, &clock, now)
        }
        try finish(state, in: log, tail)
        return bodies.count
    }
}
