import Causality
import Replication
import Reports
import Synchronization

/// What the nodes told last, and how much the hub takes in.
///
/// It lives in memory alone, and after a restart every node is silent until it is heard of; only
/// ``HubService/Watermarks`` are stored, at intervals.
final class NodeContacts: Sendable {
    /// Over how many seconds the rate of events is measured.
    private static let secondsMax: Int64 = 60

    private struct Table {
        var contacts: [NodeID: NodeContact] = [:]
        /// How many events were ordered in each of the last seconds, by the second.
        var ordered: [Int64: UInt64] = [:]
        var queueDepth: UInt64 = 0
    }
    private let table = Mutex(Table())

    /// Notes what a node says.
    func note(
        _ node: NodeID,
        at now: Instant,
        _ hear: (inout NodeContact) -> Void
    ) {
        table.withLock { table in
            hear(&table.contacts[node, default: NodeContact(at: now)])
        }
    }

    /// What the nodes told last.
    var all: [NodeID: NodeContact] { table.withLock(\.contacts) }

    /// Runs the ordering of a batch, which counts as queued until it is done.
    ///
    /// - Parameters:
    ///   - count: How many events it orders.
    ///   - now: The hub's wall clock.
    ///   - order: Orders them and commits.
    /// - Returns: What `order` returns.
    /// - Throws: What `order` throws; then the batch does not count.
    func ordering<Result>(
        _ count: Int,
        at now: Instant,
        _ order: () async throws -> Result
    ) async throws -> Result {
        table.withLock { $0.queueDepth += 1 }
        defer { table.withLock { $0.queueDepth -= 1 } }
        let result = try await order()
        let second = now.microseconds / 1_000_000
        table.withLock { table in
            table.ordered[second, default: 0] += UInt64(count)
            if table.ordered.count > 2 * Int(Self.secondsMax) {
                table.ordered = table.ordered.filter { $0.key > second - Self.secondsMax }
            }
        }
        return result
    }

    /// How much the hub takes in.
    func rate(at now: Instant) -> IngestRate {
        let second = now.microseconds / 1_000_000
        return table.withLock { table in
            let recent = table.ordered.filter { second - Self.secondsMax < $0.key }
            let count = recent.values.reduce(0, +)
            let seconds = UInt64(Self.secondsMax)
            return IngestRate(
                eventsPerSecond: (count + seconds / 2) / seconds,
                queueDepth: table.queueDepth
            )
        }
    }
}
