/// How long a node waits before it tries to reach its hub again.
///
/// The delay is drawn from the whole range below a limit that doubles, so that a fleet whose hub
/// comes back does not return as one.
///
/// | Failures in a row | Delay            |
/// | ----------------: | ---------------- |
/// |                 1 | 0 … 1 s          |
/// |                 2 | 0 … 2 s          |
/// |                 5 | 0 … 16 s         |
/// |       10 and more | 0 … 300 s        |
///
/// Source: M. Brooker, *Exponential Backoff and Jitter* (AWS Architecture Blog, 2015), "full
/// jitter".
public struct BackoffPolicy: Sendable {
    /// The limit after the first failure: 1 s by default.
    public var first: Duration
    /// The limit that is never exceeded: 300 s by default.
    public var last: Duration
    /// How often in a row the hub was not reached.
    public private(set) var failures = 0

    /// Makes a policy that has seen no failure.
    public init(first: Duration = .seconds(1), last: Duration = .seconds(300)) {
        self.first = first
        self.last = last
    }

    /// Notes a success: the next failure waits as briefly as the first one.
    public mutating func reset() {
        failures = 0
    }

    /// Notes a failure, and says how long to wait.
    ///
    /// - Parameters:
    ///   - asked: What the hub asked for, if it did; never less than that is waited.
    ///   - random: Draws the delay.
    /// - Returns: Between zero and ``last``, or what the hub asked for if that is longer.
    public mutating func delay(
        asked: Duration? = nil,
        using random: inout some RandomNumberGenerator
    ) -> Duration {
        failures = min(failures + 1, 30)
        let limit = min(first * (1 << (failures - 1)), last)
        let thousandths = Int.random(in: 0...1_000, using: &random)
        return max(limit * thousandths / 1_000, asked ?? .zero)
    }
}
