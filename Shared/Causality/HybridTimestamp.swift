/// A moment of a ``HybridLogicalClock``: wall time, and a counter where wall time stood still.
@frozen
public struct HybridTimestamp: Hashable, Comparable, Sendable {
    /// The wall time, never behind any timestamp that was seen before.
    public let wall: Instant
    /// Tells apart timestamps of one wall time, from 0.
    public let counter: UInt32

    /// Makes a timestamp from its parts.
    @inlinable
    public init(wall: Instant, counter: UInt32) {
        self.wall = wall
        self.counter = counter
    }

    /// Orders by wall time, then by counter.
    @inlinable
    public static func < (first: HybridTimestamp, second: HybridTimestamp) -> Bool {
        first.wall != second.wall ? first.wall < second.wall : first.counter < second.counter
    }
}
