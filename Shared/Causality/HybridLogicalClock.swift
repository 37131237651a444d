/// A clock that stays near wall time and never goes back, however the wall clock is set.
///
/// Its timestamps serve people and break ties. What happened before what is decided by contexts
/// and hub positions, not here.
///
/// Source: S. Kulkarni et al., *Logical Physical Clocks* (2014).
public struct HybridLogicalClock: Hashable, Sendable {
    /// How far ahead of our wall clock a remote timestamp may be and still be merged.
    ///
    /// Five minutes, in microseconds: more than an honest clock drifts between two corrections,
    /// and little enough that a wrong one cannot drag the network into its future.
    public static let aheadMicrosecondsMax: Int64 = 5 * 60 * 1_000_000

    /// The last timestamp that was given out or merged.
    public private(set) var last: HybridTimestamp

    /// Makes a clock that continues after a timestamp, by default from the very beginning.
    public init(
        last: HybridTimestamp = HybridTimestamp(wall: Instant(microseconds: 0), counter: 0)
    ) {
        self.last = last
    }

    /// Gives out the timestamp of a new event: later than every one given out or merged before.
    ///
    /// A full counter moves the wall time on by a microsecond. At the last timestamp that 64 bits
    /// can name, 292,277 years from 1970, the clock stands still.
    ///
    /// - Parameter now: The wall clock; it may have been set back.
    /// - Returns: The wall clock with counter 0 if it is ahead of ``last``, else what follows `last`.
    public mutating func tick(at now: Instant) -> HybridTimestamp {
        if now > last.wall {
            last = HybridTimestamp(wall: now, counter: 0)
        } else if last.counter < .max {
            last = HybridTimestamp(wall: last.wall, counter: last.counter + 1)
        } else if last.wall.microseconds < .max {
            last = HybridTimestamp(wall: last.wall.adding(microseconds: 1), counter: 0)
        }
        return last
    }

    /// Takes notice of a timestamp from another node, so that ours come after it.
    ///
    /// - Parameters:
    ///   - remote: The other node's timestamp.
    ///   - now: Our wall clock.
    /// - Returns: `false` if the timestamp is more than ``aheadMicrosecondsMax`` ahead of our wall
    ///   clock; this clock is then unchanged.
    public mutating func merge(_ remote: HybridTimestamp, at now: Instant) -> Bool {
        guard remote.wall <= now.adding(microseconds: Self.aheadMicrosecondsMax) else {
            return false
        }
        last = max(last, remote)
        return true
    }
}
