/// What a node had seen when it recorded an event: a vector clock in compact form.
///
/// All that a node knows of others came through the hub's single order, so one number, the hub
/// position up to which it had read, says the same as a count per node. Only what came another
/// way is listed, as extra dots. The size does not grow with the network.
///
/// The context does not hold the recording node's own events: an event knows all earlier events
/// of its node, which its ``EventID`` already says.
public struct CausalContext: Hashable, Sendable {
    /// The history in which ``position`` counts.
    public var epoch: Epoch
    /// The last hub position that was known; all before it was known too.
    public var position: HubPosition
    /// What was known and had not come through the hub: per node, all events up to a count.
    public var extra: VectorClock

    /// The context of a node that has never heard of any other.
    public static let empty = CausalContext(
        epoch: .none,
        position: .start,
        extra: VectorClock()
    )

    /// Makes a context from its parts.
    public init(epoch: Epoch, position: HubPosition, extra: VectorClock) {
        self.epoch = epoch
        self.position = position
        self.extra = extra
    }

    /// Says whether an event of another node was known.
    ///
    /// A position of another epoch says nothing, so the answer is then no unless an extra dot
    /// says yes: doubt may make two events look concurrent, but never hides that they are.
    ///
    /// - Parameters:
    ///   - event: The event in question.
    ///   - position: Its hub position; `nil` while the hub has not ordered it.
    ///   - epoch: The history in which that position counts.
    /// - Returns: Whether the event is at or below ``position`` in the same epoch, or an extra dot.
    /// - Complexity: O(log *n*) in the number of nodes with extra dots, usually none.
    public func knows(_ event: EventID, at position: HubPosition?, in epoch: Epoch) -> Bool {
        if let position, position > .start, position <= self.position, epoch == self.epoch {
            return true
        }
        return extra.contains(event)
    }

    /// Says whether an event was known to the node that recorded another one in this context.
    ///
    /// Besides the context, a node knows its own earlier events. Two different events are
    /// concurrent when neither was known to the other.
    ///
    /// - Parameters:
    ///   - event: The event in question.
    ///   - position: Its hub position; `nil` while the hub has not ordered it.
    ///   - epoch: The history in which that position counts.
    ///   - own: The event that was recorded in this context.
    /// - Returns: Whether the event was known; an event is not known to itself.
    /// - Complexity: O(log *n*) in the number of nodes with extra dots, usually none.
    public func knows(
        _ event: EventID,
        at position: HubPosition?,
        in epoch: Epoch,
        recordedBy own: EventID
    ) -> Bool {
        if event.node == own.node {
            return event.sequence > 0 && event.sequence < own.sequence
        }
        return knows(event, at: position, in: epoch)
    }

    /// Writes this context out as the full vector clock of the event that was recorded in it.
    ///
    /// - Parameters:
    ///   - own: The event that was recorded in this context; the clock includes it.
    ///   - frontier: Gives the count of each node's events among the entries up to a position of
    ///     this context's epoch. It is not asked about the start.
    /// - Returns: The clock of classical vector time.
    /// - Complexity: O(*n*) in the number of nodes, besides the cost of `frontier`.
    public func expand(own: EventID, frontier: (HubPosition) -> VectorClock) -> VectorClock {
        var clock = position > .start ? frontier(position) : VectorClock()
        clock.merge(extra)
        clock.record(own)
        return clock
    }
}
