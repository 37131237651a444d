/// Names one event for ever: the node that recorded it, and its place among that node's events.
///
/// In the literature this pair is called a *dot*.
@frozen
public struct EventID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The node that recorded the event.
    public let node: NodeID
    /// The event's place among its node's events: contiguous from 1; 0 names no event.
    public let sequence: UInt64

    /// Makes an identifier from a node and a sequence.
    @inlinable
    public init(node: NodeID, sequence: UInt64) {
        self.node = node
        self.sequence = sequence
    }

    /// Reads what ``description`` writes, such as `0123456789abcdef0123456789abcdef:42`.
    ///
    /// A sequence of zero, a sign, a leading zero and a sequence above 64 bits are refused, so an
    /// event has one text only, but for the case of the hexadecimal digits.
    public init?(_ text: String) {
        var rest = text[...].utf8
        guard
            let high = Hexadecimal.takeWord(from: &rest),
            let low = Hexadecimal.takeWord(from: &rest),
            rest.popFirst() == UInt8(ascii: ":"),
            let first = rest.first, UInt8(ascii: "1")...UInt8(ascii: "9") ~= first,
            let sequence = UInt64(Substring(rest))
        else { return nil }
        self.init(node: NodeID(high: high, low: low), sequence: sequence)
    }

    /// The node's 32 hexadecimal digits, a colon, and the sequence in decimal.
    public var description: String { "\(node):\(sequence)" }

    /// Orders by node, then by sequence: a fixed order for listings, not an order in time.
    @inlinable
    public static func < (first: EventID, second: EventID) -> Bool {
        first.node != second.node ? first.node < second.node : first.sequence < second.sequence
    }
}
