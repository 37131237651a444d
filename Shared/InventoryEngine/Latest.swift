import Causality

/// Who did something last, and who did it last of the other nodes.
///
/// What a node knows of others is a prefix of the hub's order: an event that knows the last thing
/// that others did knows all that they did. So two references are enough to find whether anything
/// was done that an event did not know of, however long ago.
package struct Latest: Equatable, Sendable {
    /// The last of all; nil while nobody did it.
    package private(set) var event: EventRef?
    /// The last by another node than that of ``event``.
    package private(set) var other: EventRef?

    package init(event: EventRef? = nil, other: EventRef? = nil) {
        self.event = event
        self.other = other
    }

    /// Notes that it was done again.
    mutating func note(_ reference: EventRef) {
        if let event, event.id.node != reference.id.node { other = event }
        event = reference
    }

    /// The last that a node did not record itself.
    func notBy(_ node: NodeID) -> EventRef? { event?.id.node == node ? other : event }
}

extension StockState {
    /// What others did last, if the event at hand did not know of it.
    func unknown(_ latest: Latest, to current: Current) -> EventRef? {
        guard let other = latest.notBy(current.event.id.node), isConcurrent(current, with: other)
        else { return nil }
        return other
    }
}

extension ByteWriter {
    mutating func latest(_ latest: Latest) {
        optional(latest.event) { $0.reference($1) }
        optional(latest.other) { $0.reference($1) }
    }
}

extension ByteReader {
    mutating func optionalReference() throws(EngineError) -> EventRef? {
        try optional { (reader) throws(EngineError) in try reader.reference() }
    }

    mutating func latest() throws(EngineError) -> Latest {
        Latest(event: try optionalReference(), other: try optionalReference())
    }
}
