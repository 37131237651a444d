import ServiceLifecycle
import Synchronization

/// Wakes those who wait for news when a transaction has committed.
public final class CommitSignal: Sendable {
    private struct Waiters {
        var nextID: UInt64 = 0
        var continuations: [UInt64: AsyncStream<Void>.Continuation] = [:]
    }
    private let waiters = Mutex(Waiters())

    /// One place among those that wait; commits since it was taken are not missed.
    public struct Ticket: Sendable {
        fileprivate let id: UInt64
        fileprivate let stream: AsyncStream<Void>
    }

    /// How a wait ended.
    public enum Wakening: Sendable {
        /// Something was committed.
        case committed
        /// The time passed, the task was cancelled, or the program stops.
        case stopped
    }

    /// Makes a signal that nobody waits for.
    public init() {}

    /// Begins to note commits; ``end(_:)`` ends it.
    public func begin() -> Ticket {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        let id = waiters.withLock { waiters in
            waiters.nextID += 1
            waiters.continuations[waiters.nextID] = continuation
            return waiters.nextID
        }
        return Ticket(id: id, stream: stream)
    }

    /// Waits for a commit since the ticket was taken, for the time, or for the program to stop.
    public func wait(_ ticket: Ticket, atMost duration: Duration) async -> Wakening {
        let stream = ticket.stream
        return await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Wakening.self) { group in
                group.addTask {
                    for await _ in stream { return .committed }
                    return .stopped
                }
                group.addTask {
                    try? await Task.sleep(for: duration)  // ends early if cancelled
                    return .stopped
                }
                let first = await group.next()
                group.cancelAll()
                return first ?? .stopped
            }
        }
    }

    /// Gives a ticket back.
    public func end(_ ticket: Ticket) {
        let continuation = waiters.withLock { $0.continuations.removeValue(forKey: ticket.id) }
        continuation?.finish()
    }

    /// Wakes everybody who waits.
    public func raise() {
        let continuations = waiters.withLock { Array($0.continuations.values) }
        for continuation in continuations { continuation.yield() }
    }
}
