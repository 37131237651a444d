import ServiceLifecycle
import Synchronization

/// Wakes the pulls that wait for news when a transaction has committed.
final class CommitSignal: Sendable {
    private struct Waiters {
        var nextID: UInt64 = 0
        var continuations: [UInt64: AsyncStream<Void>.Continuation] = [:]
    }
    private let waiters = Mutex(Waiters())

    /// One pull's place among those that wait; commits since it was made are not missed.
    struct Ticket {
        fileprivate let id: UInt64
        fileprivate let stream: AsyncStream<Void>
    }

    /// Begins to note commits.
    func begin() -> Ticket {
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

    /// How a wait ended.
    enum Wakening: Sendable {
        /// Something was committed.
        case committed
        /// The time passed, or the hub stops.
        case stopped
    }

    /// Waits for a commit since the ticket was made, for the time, or for the hub to stop.
    func wait(_ ticket: Ticket, atMost duration: Duration) async -> Wakening {
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

    /// Gives the ticket back.
    func end(_ ticket: Ticket) {
        let continuation = waiters.withLock { $0.continuations.removeValue(forKey: ticket.id) }
        continuation?.finish()
    }

    /// Wakes every pull that waits.
    func raise() {
        let continuations = waiters.withLock { Array($0.continuations.values) }
        for continuation in continuations { continuation.yield() }
    }
}
