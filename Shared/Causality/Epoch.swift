/// One history of the hub's order.
///
/// The hub starts the next epoch whenever entries may have been lost, as after a restore or a
/// fail-over. Positions mean something within one epoch only. The counter says which of two
/// epochs is newer; the 128 random bits tell apart two that took the same count.
@frozen
public struct Epoch: Hashable, Comparable, Sendable {
    /// How many histories there have been, this one included; 0 for ``none`` only.
    public let counter: UInt64
    /// The first half of the 128 random bits.
    public let high: UInt64
    /// The second half of the 128 random bits.
    public let low: UInt64

    /// The epoch of a node that has never met a hub: older than every other.
    public static let none = Epoch(counter: 0, high: 0, low: 0)

    /// Makes an epoch from its counter and the two halves of its random bits.
    @inlinable
    public init(counter: UInt64, high: UInt64, low: UInt64) {
        self.counter = counter
        self.high = high
        self.low = low
    }

    /// Orders by counter, then by the random bits, so that every two epochs have an order.
    @inlinable
    public static func < (first: Epoch, second: Epoch) -> Bool {
        if first.counter != second.counter { return first.counter < second.counter }
        if first.high != second.high { return first.high < second.high }
        return first.low < second.low
    }
}
