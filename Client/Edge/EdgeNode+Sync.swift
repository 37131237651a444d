import Causality
import InventoryEngine
public import Replication

extension EdgeNode {
    /// The version that the program tells of itself.
    public static let programVersion = "1.0.0"

    /// How many events the first batch carries: small, so that a slow line shows soon.
    private static let batchEventsFirst = 256
    /// How many events a batch carries at most.
    private static let batchEventsMax = 4_096
    /// How many bytes of events a batch carries at most, but for its first event.
    private static let batchBytesMax = 4 << 20
    /// How many bytes of entries a page may carry.
    private static let pageBytesMax: UInt32 = 4 << 20

    // MARK: Joining

    /// Enrols the node at a hub.
    ///
    /// - Parameters:
    ///   - url: Where the hub answers; kept for later.
    ///   - token: The one-time token of the hub's `invite`.
    ///   - peer: The way to that hub.
    ///   - key: The node's key.
    /// - Returns: The node's identity, with the name that the token gives it.
    /// - Throws: ``ReplicationError``; then nothing has changed.
    public func join(
        url: String,
        token: String,
        peer: any ReplicationPeer,
        key: NodeKey
    ) async throws -> NodeIdentity {
        let identity = identity
        let site = try NodeLedger(identity: identity).site
        guard try await log.read({ log in try log.link() }) == nil else {
            throw ReplicationError(
                .refused,
                "The node has joined a hub already.",
                hint: "Run `plumbline status` to see which."
            )
        }
        let request = JoinRequest(
            token: token,
            node: identity.node,
            site: site,
            publicKey: key.publicKey,
            currency: identity.currency,
            moneyScale: identity.moneyScale,
            name: identity.name
        )
        let body = try await call(
            SyncProtocol.joinPath,
            WireFormat.encode(request),
            peer: peer,
            key: key
        )
        let reply = try WireFormat.decodeJoinReply(body)
        var joined = identity
        joined.name = reply.name
        let stored = joined
        let link = NodeLink(url: url, hub: reply.hub, hubPublicKey: reply.hubPublicKey)
        let instant = now()
        try await log.write { log in
            var progress = try log.progress()
            progress.epoch = reply.epoch
            progress.lastContact = instant
            try log.set(.link, to: link.bytes)
            try log.set(.identity, to: stored.bytes)
            try log.set(.progress, to: progress.bytes)
            try log.set(.contact, to: Array(HubContact.connected.rawValue.utf8))
        }
        rename(to: joined)
        return joined
    }

    // MARK: Replicating

    /// Says hello, pushes all that waits and pulls all that is new, and notes how it went.
    ///
    /// - Returns: Whether everything is acknowledged, applied and equal now.
    /// - Throws: ``ReplicationError``; what was pushed or pulled before it stays.
    public func sync(peer: any ReplicationPeer, key: NodeKey) async throws -> Bool {
        guard let link = try await log.read({ log in try log.link() }) else {
            throw ReplicationError(
                .hubUnreachable,
                "The node has not joined a hub.",
                hint: "Run `plumbline join` with a token of the hub's `invite`."
            )
        }
        do {
            let epoch = try await greet(peer: peer, key: key)
            try await push(link: link, epoch: epoch, peer: peer, key: key)
            try await pull(link: link, epoch: epoch, peer: peer, key: key)
        } catch let error as ReplicationError where error.code != .storage {
            try await note(error.code == .hubUnreachable ? .unreachable : .refused)
            throw error
        }
        try await note(.connected)
        let node = identity.node
        return try await log.read { log in
            let progress = try log.progress()
            let last = try log.lastEvent(of: node)?.sequence ?? 0
            return last <= progress.acknowledged && progress.applied >= progress.head
                && progress.digestAgrees
        }
    }

    private func note(_ contact: HubContact) async throws {
        try await log.write { log in
            try log.set(.contact, to: Array(contact.rawValue.utf8))
        }
    }

    private func greet(peer: any ReplicationPeer, key: NodeKey) async throws -> Epoch {
        let ledger = try NodeLedger(identity: identity)
        let sentAt = now()
        let space = try log.storageSpace()
        let request = try await log.read { log in
            var request = try ledger.hello(
                in: log,
                programVersion: Self.programVersion,
                at: sentAt
            )
            let attention = try EdgeStatus.Attention(in: log)
            request.openConflicts = attention.conflicts
            request.freeBytes = space.freeBytes
            return request
        }
        let body = try await call(
            SyncProtocol.helloPath,
            WireFormat.encode(request),
            peer: peer,
            key: key
        )
        let receivedAt = now()
        let reply = try WireFormat.decodeHelloReply(body)
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
        return reply.epoch
    }

    private func push(
        link: NodeLink,
        epoch: Epoch,
        peer: any ReplicationPeer,
        key: NodeKey
    ) async throws {
        let identity = identity
        let ledger = try NodeLedger(identity: identity)
        var limit = Self.batchEventsFirst
        while true {
            let count = limit
            let next = try await log.read { log in
                try ledger.nextBatch(in: log, limit: count, bytesMax: Self.batchBytesMax)
            }
            guard var batch = next else { return }
            batch.epoch = epoch
            try batch.sign(with: key)
            let body = try await call(
                SyncProtocol.pushPath,
                WireFormat.encode(batch),
                peer: peer,
                key: key
            )
            let reply = try WireFormat.decodePushReply(body)
            try BatchSignature.acknowledgement(
                hub: link.hub,
                node: identity.node,
                epoch: epoch,
                acknowledged: reply.acknowledged,
                hash: reply.acknowledgedHash
            ).verify(reply.receipt, signedBy: link.hubPublicKey)
            guard reply.acknowledged >= batch.last else {
                throw ReplicationError(
                    .sequenceGap,
                    "The hub holds events up to \(reply.acknowledged), not up to \(batch.last).",
                    hint: "Try again."
                )
            }
            let instant = now()
            try await log.write { log in
                try ledger.acknowledge(reply, epoch: epoch, in: log, at: instant)
            }
            limit = min(limit * 2, Self.batchEventsMax)
        }
    }

    private func pull(
        link: NodeLink,
        epoch: Epoch,
        peer: any ReplicationPeer,
        key: NodeKey
    ) async throws {
        let identity = identity
        let ledger = try NodeLedger(identity: identity)
        while true {
            let request = try await log.read { log in
                PullRequest(
                    node: identity.node,
                    epoch: epoch,
                    after: try log.progress().applied,
                    bytesMax: Self.pageBytesMax,
                    waitMilliseconds: 0,
                    summariesAfter: try log.summariesCursor()
                )
            }
            let body = try await call(
                SyncProtocol.pullPath,
                WireFormat.encode(request),
                peer: peer,
                key: key
            )
            let page = try WireFormat.decodePullReply(body)
            try page.verify(signedBy: link.hubPublicKey, hub: link.hub, node: identity.node)
            let instant = now()
            try await log.write { log in
                try ledger.apply(page, after: request.after, in: log, at: instant)
                try log.setSummariesCursor(page.summariesCursor)
            }
            guard page.hasMore else { return }
            guard page.cursor > request.after else {
                throw ReplicationError(
                    .cursorMismatch,
                    "The hub has more entries but its page does not move on.",
                    hint: "Try again."
                )
            }
        }
    }

    // MARK: Calling

    /// Sends one signed call and returns the body of a successful reply.
    private func call(
        _ path: String,
        _ body: [UInt8],
        peer: any ReplicationPeer,
        key: NodeKey
    ) async throws -> [UInt8] {
        let signature = try RequestSignature(
            method: "POST",
            path: path,
            body: body,
            node: identity.node,
            at: now(),
            with: key
        )
        let reply: PeerReply
        do {
            reply = try await peer.exchange(
                PeerRequest(path: path, headers: signature.headers, body: body)
            )
        } catch {
            throw ReplicationError(
                .hubUnreachable,
                error.message,
                hint: error.hint,
                cause: error
            )
        }
        guard 200..<300 ~= reply.status else {
            let refusal: SyncRefusal
            do {
                refusal = try WireFormat.decodeSyncRefusal(reply.body)
            } catch {
                throw ReplicationError(
                    .hubUnreachable,
                    "Something other than a hub answered with the status \(reply.status).",
                    hint: "Check the hub's address and the proxies before it.",
                    cause: error
                )
            }
            throw ReplicationError(refusal: refusal)
        }
        return reply.body
    }
}

extension LogReading {
    /// Up to where the node holds the summary rows of other sites.
    fileprivate func summariesCursor() throws -> HubPosition {
        guard let bytes = try setting(.summaries) else { return .start }
        return HubPosition(bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }
}

extension LogTransaction {
    fileprivate func setSummariesCursor(_ position: HubPosition) throws {
        let value = position.rawValue
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
        try set(.summaries, to: bytes)
    }
}
