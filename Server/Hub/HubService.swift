public import Causality
import InventoryEngine
public import Replication
import Reports
import Synchronization

/// The hub's calls: each runs in one transaction and answers after its commit.
public final class HubService: Sendable {
    /// The longest that a pull waits for news.
    static let waitMillisecondsMax: UInt32 = 60_000
    /// The most bytes of entries in a page, and the least that a page is cut at.
    static let pageBytes: ClosedRange<UInt32> = 64 << 10...8 << 20

    let log: any EventLog
    let ledger: HubLedger
    private let key: NodeKey
    private let commits = CommitSignal()
    private let pushes: GroupCommit<Push, (ingest: HubLedger.Ingest, head: HubPosition)>

    /// A batch that waits for its turn, with when it was received.
    private struct Push: Sendable {
        let batch: HubLedger.CheckedBatch
        let site: SiteCode
        let receivedAt: Instant
    }

    /// How many events one transaction takes on: those of the largest batch.
    private static let commitEventsMax = Int(HubLedger.batchEventsMax)

    /// Wakes the pulls that wait for news.
    func raiseCommit() { commits.raise() }
    let contacts = NodeContacts()
    /// How far the nodes have been heard; after a restart they tell it with their next call.
    private let heard = Mutex(HeardNodes())
    /// When each node last held nothing back, and which of that is in the store.
    let watermarks = Mutex(Watermarks())

    /// Opens a hub on its store.
    public init(log: any EventLog, key: NodeKey, identity: NodeIdentity, epoch: Epoch) {
        self.log = log
        self.key = key
        let ledger = HubLedger(identity: identity, epoch: epoch)
        self.ledger = ledger
        pushes = GroupCommit(
            weightMax: Self.commitEventsMax,
            weight: { $0.batch.count },
            perform: { group in
                try await log.write { log in
                    // One instant for all: the last, so that none is dated before it came.
                    let receivedAt = group.map(\.receivedAt).max() ?? Instant(microseconds: 0)
                    let answers = try ledger.ingest(
                        group.map(\.batch),
                        in: log,
                        receivedAt: receivedAt
                    )
                    return try zip(group, answers).map { push, answer in
                        switch answer {
                        case .success(let ingest):
                            .success((ingest, try log.head(in: push.site)))
                        case .failure(let refusal): .failure(refusal)
                        }
                    }
                }
            }
        )
    }

    // MARK: Joining

    /// Lets a node join by a one-time token.
    ///
    /// A node that has joined already under the same name and key gets the same answer again, so
    /// that a lost reply costs no more than another invitation.
    ///
    /// - Throws: `SyncRefusal` with the code `network_mismatch`, `invitation_unknown`,
    ///   `invitation_expired`, `site_mismatch`, `name_taken` or `node_known`; the token is kept.
    public func join(_ request: JoinRequest, now: Instant) async throws -> JoinReply {
        let ledger = ledger
        let hubKey = key.publicKey
        let name = try await log.write { log in
            let (setting, invitation) = try Self.invitation(for: request, ledger, in: log, now)
            let known = try Self.nodes(in: log)
            if let row = known.first(where: { $0.node == request.node })?.row {
                guard
                    row.publicKey == request.publicKey, row.homeSite == request.site,
                    row.name == invitation.name
                else {
                    throw SyncRefusal(code: "node_known", message: "The node has joined before.")
                }
                try log.set(setting, to: nil)
                return invitation.name
            }
            guard !known.contains(where: { $0.row.name == invitation.name }) else {
                throw SyncRefusal(
                    code: "name_taken",
                    message: "Another node has the name \(invitation.name)."
                )
            }
            let state = try ledger.registered(request.node, site: request.site, in: log)
            var bodies: [EventBody] = []
            if !known.contains(where: { $0.node == ledger.identity.node }),
                let name = Label("hub")
            {
                // The hub may hold promise rights like a node, so all have to know it.
                let own = NodeRegistration(
                    node: ledger.identity.node,
                    name: name,
                    site: nil,
                    publicKey: hubKey,
                    isActive: true
                )
                bodies.append(.nodeRegistered(own))
            }
            if !state.siteIsKnown {
                bodies.append(.siteRegistered(SiteRegistration(site: request.site)))
            }
            bodies.append(
                .nodeRegistered(
                    NodeRegistration(
                        node: request.node,
                        name: invitation.name,
                        site: request.site,
                        publicKey: request.publicKey,
                        isActive: !state.siteIsActive
                    )
                )
            )
            try ledger.record(bodies, in: log, at: now)
            try log.set(setting, to: nil)
            return invitation.name
        }
        commits.raise()
        return JoinReply(
            hub: ledger.identity.node,
            hubPublicKey: key.publicKey,
            epoch: ledger.epoch,
            name: name
        )
    }

    private static func invitation(
        for request: JoinRequest,
        _ ledger: HubLedger,
        in log: any LogReading,
        _ now: Instant
    ) throws -> (setting: LogSetting, invitation: Invitation) {
        let identity = ledger.identity
        guard request.currency == identity.currency, request.moneyScale == identity.moneyScale
        else {
            throw SyncRefusal(
                code: "network_mismatch",
                message: "The network counts in \(identity.currency) with"
                    + " \(identity.moneyScale) decimals."
            )
        }
        let setting = Invitation.setting(token: request.token)
        guard let invitation = try log.setting(setting).flatMap({ Invitation(bytes: $0) }) else {
            throw SyncRefusal(
                code: "invitation_unknown",
                message: "The token is unknown, or was used."
            )
        }
        guard now < invitation.expiresAt else {
            throw SyncRefusal(code: "invitation_expired", message: "The token has expired.")
        }
        guard invitation.site == request.site else {
            throw SyncRefusal(code: "site_mismatch", message: "The token is for another site.")
        }
        return (setting, invitation)
    }

    /// Keeps an invitation for a token that the caller drew.
    public func invite(_ invitation: Invitation, token: String) async throws {
        try await log.write { log in
            try log.set(Invitation.setting(token: token), to: invitation.bytes)
        }
    }

    /// Every node that has joined.
    static func nodes(in log: any LogReading) throws -> [(node: NodeID, row: NodeRow)] {
        let rows = try log.source(.base).rows(
            .node,
            from: [],
            to: [UInt8](repeating: 0xFF, count: 17),
            limit: .max,
            descending: false
        )
        return try rows.map { (try NodeRow.Key(bytes: $0.key).node, try NodeRow(bytes: $0.value)) }
    }

    // MARK: Synchronisation

    /// Tells a node whether its history and the hub's are one.
    public func hello(
        _ request: HelloRequest,
        from caller: AuthenticatedNode,
        now: Instant
    ) async throws -> HelloReply {
        try check(request.node, caller)
        contacts.note(caller.node, at: now) { $0.hear(request, at: now) }
        if request.epoch == ledger.epoch {
            try await hear(
                caller,
                applied: request.applied,
                recorded: request.lastSequence,
                at: now
            )
        }
        let ledger = ledger
        return try await log.read { log in
            try ledger.hello(request, for: caller.site, in: log, receivedAt: now)
        }
    }

    /// Takes a node's events; the receipt is signed after they are on the disk.
    ///
    /// - Throws: `SyncRefusal` as `HubLedger.ingest` does, or with the code `signature_invalid`,
    ///   `batch_malformed` or `epoch_mismatch`.
    public func push(
        _ batch: EventBatch,
        from caller: AuthenticatedNode,
        now: Instant
    ) async throws -> PushReply {
        try check(batch.node, caller)
        let size = UInt64(batch.events.count)
        guard
            batch.first > 0, 1...UInt64(HubLedger.batchEventsMax) ~= size,
            batch.first <= .max - size
        else {
            throw SyncRefusal(
                code: "batch_malformed",
                message: "A batch has 1 to \(HubLedger.batchEventsMax) events."
            )
        }
        let chain: BatchChain
        do {
            chain = try batch.verifiedChain(
                after: batch.previousHash,
                signedBy: caller.publicKey
            )
        } catch {
            throw SyncRefusal(code: error.code.description, message: error.message)
        }
        let checked = try HubLedger.CheckedBatch(batch, chain: chain, site: caller.site)
        let push = Push(batch: checked, site: caller.site, receivedAt: now)
        let (ingest, head) = try await contacts.ordering(batch.events.count, at: now) {
            try await pushes.run(push)
        }
        contacts.note(caller.node, at: now) { $0.hear(pushedThrough: batch.last, at: now) }
        commits.raise()
        let isNews = heard.withLock {
            $0.note(caller.node, acknowledged: ingest.acknowledged)
        }
        if isNews { try await settleRights(at: caller.site, now) }
        let receipt = try key.sign(
            BatchSignature.acknowledgement(
                hub: ledger.identity.node,
                node: batch.node,
                epoch: ledger.epoch,
                acknowledged: ingest.acknowledged,
                hash: ingest.acknowledgedHash
            )
        )
        return PushReply(
            acknowledged: ingest.acknowledged,
            acknowledgedHash: ingest.acknowledgedHash,
            receipt: receipt,
            durable: .start,
            head: head,
            verdicts: ingest.verdicts,
            nextBatchEvents: HubLedger.batchEventsMax
        )
    }

    /// Hands out a signed page; an empty one only after the time that the node lets it wait.
    public func pull(
        _ request: PullRequest,
        from caller: AuthenticatedNode,
        now: Instant
    ) async throws -> PullReply {
        try check(request.node, caller)
        if request.epoch == ledger.epoch {
            try await hear(
                caller,
                applied: request.after,
                recorded: request.recorded,
                at: now
            )
        }
        var request = request
        request.bytesMax = min(
            max(request.bytesMax, Self.pageBytes.lowerBound),
            Self.pageBytes.upperBound
        )
        let wait = Duration.milliseconds(min(request.waitMilliseconds, Self.waitMillisecondsMax))
        let deadline = ContinuousClock.now.advanced(by: wait)
        var page: PullReply
        while true {
            let ticket = commits.begin()
            defer { commits.end(ticket) }
            page = try await self.page(request, for: caller.site)
            let left = ContinuousClock.now.duration(to: deadline)
            guard page.entries.isEmpty, page.summaries.isEmpty, left > .zero, !Task.isCancelled
            else { break }
            if await commits.wait(ticket, atMost: left) == .stopped { break }
        }
        try page.sign(with: key, hub: ledger.identity.node, node: request.node)
        return page
    }

    // MARK: Promise rights

    /// Notes how far a node has come, and records what that makes due.
    private func hear(
        _ caller: AuthenticatedNode,
        applied: HubPosition,
        recorded: UInt64,
        at now: Instant
    ) async throws {
        let ledger = ledger
        let node = caller.node
        let acknowledged = try await log.read { try ledger.acknowledged(of: node, in: $0) }
        let isNews = heard.withLock {
            $0.note(node, applied: applied, recorded: recorded, acknowledged: acknowledged)
        }
        if isNews { try await settleRights(at: caller.site, now) }
        guard acknowledged >= recorded else { return }
        let due = watermarks.withLock { $0.note(node, at: now) }
        if due { try await log.write { try HubLedger.keep([node: now], in: $0) } }
    }

    /// When the nodes last held nothing back, as far as this process has heard.
    struct Watermarks {
        /// How old what is stored may be: a node that says nothing new costs a write that often.
        private static let keptMicroseconds: Int64 = 600_000_000

        private(set) var all: [NodeID: Instant] = [:]
        private var kept: [NodeID: Instant] = [:]

        /// Notes that a node holds nothing back; returns whether that has to be stored.
        mutating func note(_ node: NodeID, at now: Instant) -> Bool {
            all[node] = max(all[node] ?? now, now)
            if let last = kept[node], now.microseconds(since: last) < Self.keptMicroseconds {
                return false
            }
            kept[node] = now
            return true
        }
    }

    /// Records what waited for nodes of a site that have been heard now; writes nothing if nothing
    /// waits.
    private func settleRights(at site: SiteCode, _ now: Instant) async throws {
        let ledger = ledger
        guard try await log.read({ try ledger.waitsForNodes(at: site, in: $0) }) else { return }
        let through = heard.withLock { $0.through }
        let count = try await log.write { log in
            try ledger.settleRights(at: site, heard: through, in: log, at: now)
        }
        if count > 0 { commits.raise() }
    }

    private func page(_ request: PullRequest, for site: SiteCode) async throws -> PullReply {
        let ledger = ledger
        return try await log.read { try ledger.page(request, for: site, in: $0) }
    }

    private func check(_ node: NodeID, _ caller: AuthenticatedNode) throws {
        guard node == caller.node else {
            throw SyncRefusal(
                code: "other_node",
                message: "The body speaks for another node than the one that signed."
            )
        }
    }
}
