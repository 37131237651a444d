public import Causality
import Synchronization

/// A wall clock that stands still until a test moves it, so that no test sleeps.
///
/// It is shared: the test moves it, the node under test reads it, each from any task.
public final class ManualTime: Sendable {
    private let instant: Mutex<Instant>

    /// Starts the clock.
    ///
    /// - Parameter start: What it shows until it is moved.
    public init(startingAt start: Instant) {
        instant = Mutex(start)
    }

    /// What the clock shows.
    public var now: Instant { instant.withLock { $0 } }

    /// Sets the clock, forwards or backwards: real clocks are set back too.
    ///
    /// - Parameter newInstant: What it shows from now on.
    public func set(to newInstant: Instant) {
        instant.withLock { $0 = newInstant }
    }

    /// Moves the clock by a span of time, backwards when the span is negative.
    ///
    /// - Parameter span: How far, up to 290,000 years; what is finer than a microsecond is cut off.
    /// - Returns: What the clock shows then.
    @discardableResult
    public func advance(by span: Duration) -> Instant {
        let (seconds, attoseconds) = span.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        return instant.withLock { instant in
            instant = instant.adding(microseconds: microseconds)
            return instant
        }
    }
}
