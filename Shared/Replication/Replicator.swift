public import Causality
import InventoryEngine
public import Logging
public import ServiceLifecycle
import Synchronization

/// Keeps a node and its hub one: says hello, then pushes and pulls side by side.
///
/// Commits wake it and the hub's news reach it while it waits, so nothing hangs on a timer. Push
/// never waits for pull, nor pull for push. A failed call needs no write to be repeated; whatever
/// fails, it begins again with a hello after a pause, and never gives up.
public final class Replicator: Service, Sendable {
    /// How the node stands with its hub at the moment.
    public struct State: Hashable, Sendable {
        /// What came of the last attempt to reach the hub.
        public var contact: HubContact
        /// When the hub is tried again; nil while it is being reached.
        public var nextAttempt: Instant?
        /// What the last failure was, for people; nil after a success.
        public var failure: String?
    }

    /// How long a rest lasts at most, although every commit ends it: a safety net.
    private static let restMax = Duration.seconds(60)

    private let log: any EventLog
    private let ledger: NodeLedger
    private let link: NodeLink
    private let caller: HubCaller
    private let commits: CommitSignal
    private let logger: Logger
    private let now: @Sendable () -> Instant
    private let describe: @Sendable (any LogReading, inout HelloRequest) throws -> Void
    private let urgent = CommitSignal()
    private let current: Mutex<State>

    /// Makes a replicator that has not reached its hub yet.
    ///
    /// - Parameters:
    ///   - log: The node's store.
    ///   - ledger: The node's rules.
    ///   - link: The hub that the node has joined.
    ///   - caller: The calls to it.
    ///   - commits: Is raised after every commit to the store, here too.
    ///   - logger: Where failures go.
    ///   - now: The wall clock.
    ///   - describe: Fills in what a hello tells of the node's program and health.
    public init(
        log: any EventLog,
        ledger: NodeLedger,
        link: NodeLink,
        caller: HubCaller,
        commits: CommitSignal,
        logger: Logger,
        now: @escaping @Sendable () -> Instant,
        describe: @escaping @Sendable (any LogReading, inout HelloRequest) throws -> Void
    ) {
        self.log = log
        self.ledger = ledger
        self.link = link
        self.caller = caller
        self.commits = commits
        self.logger = logger
        self.now = now
        self.describe = describe
        self.current = Mutex(State(contact: .unreachable))
    }

    /// How the node stands with its hub.
    public var state: State { current.withLock { $0 } }

    /// Notes that the hub did not answer somebody who waited for it.
    public func noteSilence() {
        current.withLock { state in
            state.contact = .unreachable
            state.failure = ReplicationError.silentHub.message
        }
    }

    /// Notes that the hub answered.
    private func heard() {
        current.withLock { state in
            state.contact = .connected
            state.failure = nil
        }
    }

    /// Tries at once if it is waiting before the next attempt.
    public func hurry() { urgent.raise() }

    // MARK: Running

    /// Replicates until the program stops.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var random = SystemRandomNumberGenerator()
            var backoff = BackoffPolicy()
            while !Task.isCancelled {
                do {
                    try await self.exchange { backoff.reset() }
                } catch {
                    if Task.isCancelled { return }
                    let asked = (error as? ReplicationError)?.retryAfter
                    await self.pause(backoff.delay(asked: asked, using: &random), after: error)
                }
            }
        }
    }

    /// Says hello, then pushes and pulls until one of the two fails.
    private func exchange(onHello: () -> Void) async throws {
        let epoch = try await greet().epoch
        onHello()
        try await note(.connected, failure: nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.push(epoch: epoch, untilRest: false) }
            group.addTask { try await self.pull(epoch: epoch, untilHead: false) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Waits before the next attempt, less long if somebody is in a hurry.
    private func pause(_ delay: Duration, after error: any Error) async {
        let ticket = urgent.begin()
        defer { urgent.end(ticket) }
        let failure = (error as? ReplicationError)?.message ?? "\(error)"
        let contact: HubContact =
            (error as? ReplicationError)?.code == .hubUnreachable ? .unreachable : .refused
        logger.notice(
            "The hub is tried again later.",
            metadata: ["error": "\(error)", "seconds": "\(delay)"]
        )
        do {
            try await note(contact, failure: failure)
        } catch {
            logger.error("The state was not stored.", metadata: ["error": "\(error)"])
        }
        let next = now().adding(microseconds: Int64(delay / .microseconds(1)))
        current.withLock { $0.nextAttempt = next }
        _ = await urgent.wait(ticket, atMost: delay)
        current.withLock { $0.nextAttempt = nil }
    }

    /// Notes how the node stands with its hub, in the store only if that is news.
    private func note(_ contact: HubContact, failure: String?) async throws {
        current.withLock { state in
            state.contact = contact
            state.failure = failure
            state.nextAttempt = nil
        }
        let isNews = try await log.read { log in try log.contact() != contact }
        if isNews {
            try await log.write { log in try log.set(contact) }
        }
        commits.raise()
    }

    // MARK: One exchange

    /// Says hello, pushes all that waits and pulls all that is new, once.
    ///
    /// - Returns: Whether everything is acknowledged, applied and equal now.
    /// - Throws: ``ReplicationError`` or a storage error; what was stored before it stays.
    public func syncOnce() async throws -> Bool {
        do {
            let reply = try await greet()
            try await push(epoch: reply.epoch, untilRest: true)
            let isNews = try await log.read { log in
                let progress = try log.progress()
                return progress.head > progress.applied || !progress.digestAgrees
            }
            if isNews || reply.summariesChanged {
                try await pull(epoch: reply.epoch, untilHead: true)
            }
        } catch let error as ReplicationError where error.code != .storage {
            try await note(
                error.code == .hubUnreachable ? .unreachable : .refused,
                failure: error.message
            )
            throw error
        }
        try await note(.connected, failure: nil)
        return try await isInSync()
    }

    /// Asks the hub how far it is, beside whatever else goes on.
    ///
    /// - Throws: ``ReplicationError`` or a storage error.
    public func refresh() async throws {
        _ = try await greet()
    }

    /// Whether everything is acknowledged, applied and equal.
    ///
    /// - Throws: A storage error.
    public func isInSync() async throws -> Bool {
        let node = ledger.identity.node
        return try await log.read { log in
            let progress = try log.progress()
            let last = try log.lastEvent(of: node)?.sequence ?? 0
            return last <= progress.acknowledged && progress.applied >= progress.head
                && progress.digestAgrees
        }
    }

    /// Says hello, and stores what the hub tells of itself.
    private func greet() async throws -> HelloReply {
        let sentAt = now()
        let space = try log.storageSpace()
        let ledger = ledger
        let describe = describe
        let request = try await log.read { log in
            var request = try ledger.hello(in: log, at: sentAt)
            request.freeBytes = space.freeBytes
            request.summariesAfter = try log.summariesCursor()
            try describe(log, &request)
            return request
        }
        let reply = try await caller.hello(request)
        let receivedAt = now()
        heard()
        guard reply.action == .proceed else {
            throw ReplicationError(
                .refused,
                reply.reason.isEmpty ? "The hub asks for \(reply.action)." : reply.reason,
                hint: "An operator must look at this node and its hub."
            )
        }
        // Halves first: the sum of two instants may not fit.
        let own = sentAt.microseconds / 2 + receivedAt.microseconds / 2
        let hub = reply.receivedAt.microseconds / 2 + reply.sentAt.microseconds / 2
        let offset = own.subtractingReportingOverflow(hub).partialValue / 1_000
        try await log.write { log in
            var progress = try log.progress()
            progress.epoch = reply.epoch
            progress.head = max(progress.applied, reply.head)
            progress.durable = reply.durable
            progress.lastContact = receivedAt
            progress.clockOffsetMilliseconds = offset
            try log.set(.progress, to: progress.bytes)
        }
        return reply
    }

    /// Performs what a push line says.
    private func push(epoch: Epoch, untilRest: Bool) async throws {
        let ledger = ledger
        var session = PushSession()
        // Taken before reading: a commit after that is not missed.
        var ticket = commits.begin()
        defer { commits.end(ticket) }
        var action = session.wake()
        while true {
            switch action {
            case .read(let eventsMax):
                var batch = try await log.read { log in
                    try ledger.nextBatch(
                        in: log,
                        limit: eventsMax,
                        bytesMax: SyncProtocol.batchBytesMax
                    )
                }
                batch?.epoch = epoch
                action = session.read(batch)
            case .send(let batch):
                let clock = ContinuousClock()
                let start = clock.now
                do throws(ReplicationError) {
                    let reply = try await caller.push(batch, to: link)
                    heard()
                    action = session.received(reply, after: start.duration(to: clock.now))
                } catch {
                    action = session.failed(error)
                }
            case .store(let reply):
                let instant = now()
                try await log.write { log in
                    try ledger.acknowledge(reply, epoch: epoch, in: log, at: instant)
                }
                commits.raise()
                action = session.stored()
            case .rest:
                if untilRest { return }
                _ = await commits.wait(ticket, atMost: Self.restMax)
                try Task.checkCancellation()
                commits.end(ticket)
                ticket = commits.begin()
                action = session.wake()
            case .sayHello(let error):
                throw error
            }
        }
    }

    /// Performs what a pull line says.
    private func pull(epoch: Epoch, untilHead: Bool) async throws {
        let ledger = ledger
        var (after, summariesAfter, agrees) = try await log.read { log in
            let progress = try log.progress()
            return (progress.applied, try log.summariesCursor(), progress.digestAgrees)
        }
        var session = PullSession(after: after)
        var action = session.next()
        while true {
            switch action {
            case .request(let bytesMax, let waitMilliseconds):
                let recorded = try await log.read { log in
                    try log.lastEvent(of: ledger.identity.node)?.sequence ?? 0
                }
                let request = PullRequest(
                    node: ledger.identity.node,
                    epoch: epoch,
                    after: after,
                    bytesMax: bytesMax,
                    waitMilliseconds: waitMilliseconds,
                    summariesAfter: summariesAfter,
                    digestAgrees: agrees,
                    recorded: recorded
                )
                do throws(ReplicationError) {
                    let page = try await caller.pull(request, from: link)
                    heard()
                    action = session.received(page)
                } catch {
                    action = session.failed(error)
                }
            case .apply(let page):
                let start = after
                let instant = now()
                // A page without news is not worth a commit.
                if page.cursor > start || !page.entries.isEmpty || !page.summaries.isEmpty
                    || !agrees
                {
                    agrees = try await log.write { log in
                        try ledger.apply(page, after: start, in: log, at: instant)
                        try log.setSummariesCursor(page.summariesCursor)
                        return try log.progress().digestAgrees
                    }
                }
                after = page.cursor
                summariesAfter = page.summariesCursor
                commits.raise()
                if untilHead, session.isAtHead { return }
                action = session.next()
            case .sayHello(let error):
                throw error
            }
        }
    }
}
