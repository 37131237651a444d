public import Causality
import InventoryEngine

/// A node's calls to its hub: signed on the way out, checked on the way in.
///
/// It stores nothing; every call may be repeated.
public struct HubCaller: Sendable {
    /// The node that calls.
    public let node: NodeID
    private let peer: any ReplicationPeer
    private let key: NodeKey
    private let now: @Sendable () -> Instant

    /// Makes the calls of a node.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - peer: The way to the hub.
    ///   - key: The node's key.
    ///   - now: The wall clock.
    public init(
        node: NodeID,
        peer: any ReplicationPeer,
        key: NodeKey,
        now: @escaping @Sendable () -> Instant
    ) {
        self.node = node
        self.peer = peer
        self.key = key
        self.now = now
    }

    /// Asks to join; the reply is trusted as it is, since nothing is known of the hub yet.
    ///
    /// - Throws: ``ReplicationError``.
    public func join(_ request: JoinRequest) async throws(ReplicationError) -> JoinReply {
        try WireFormat.decodeJoinReply(
            await call(SyncProtocol.joinPath, WireFormat.encode(request))
        )
    }

    /// Says hello.
    ///
    /// - Throws: ``ReplicationError``.
    public func hello(_ request: HelloRequest) async throws(ReplicationError) -> HelloReply {
        try WireFormat.decodeHelloReply(
            await call(SyncProtocol.helloPath, WireFormat.encode(request))
        )
    }

    /// Signs a batch and hands it to the hub; the receipt is verified.
    ///
    /// - Throws: ``ReplicationError``.
    public func push(
        _ batch: EventBatch,
        to hub: NodeLink
    ) async throws(ReplicationError) -> PushReply {
        var batch = batch
        try batch.sign(with: key)
        let reply = try WireFormat.decodePushReply(
            await call(SyncProtocol.pushPath, WireFormat.encode(batch))
        )
        try BatchSignature.acknowledgement(
            hub: hub.hub,
            node: node,
            epoch: batch.epoch,
            acknowledged: reply.acknowledged,
            hash: reply.acknowledgedHash
        ).verify(reply.receipt, signedBy: hub.hubPublicKey)
        return reply
    }

    /// Takes a page of the hub's log; its signature is verified.
    ///
    /// - Throws: ``ReplicationError``.
    public func pull(
        _ request: PullRequest,
        from hub: NodeLink
    ) async throws(ReplicationError) -> PullReply {
        let body = try await call(
            SyncProtocol.pullPath,
            WireFormat.encode(request),
            patience: .milliseconds(Int64(request.waitMilliseconds))
        )
        let page = try WireFormat.decodePullReply(body)
        try page.verify(signedBy: hub.hubPublicKey, hub: hub.hub, node: node)
        return page
    }

    /// Sends one signed call and returns the body of a successful reply.
    private func call(
        _ path: String,
        _ body: [UInt8],
        patience: Duration = .zero
    ) async throws(ReplicationError) -> [UInt8] {
        let signature = try RequestSignature(
            method: "POST",
            path: path,
            body: body,
            node: node,
            at: now(),
            with: key
        )
        let reply: PeerReply
        do {
            reply = try await peer.exchange(
                PeerRequest(
                    path: path,
                    headers: signature.headers,
                    body: body,
                    patience: patience
                )
            )
        } catch {
            throw ReplicationError(
                .hubUnreachable,
                error.message,
                hint: error.hint,
                cause: error
            )
        }
        guard 200..<300 ~= reply.status else { throw refusal(in: reply) }
        return reply.body
    }

    private func refusal(in reply: PeerReply) -> ReplicationError {
        do {
            var error = ReplicationError(refusal: try WireFormat.decodeSyncRefusal(reply.body))
            error.retryAfter = reply.retryAfter
            return error
        } catch {
            var unknown = ReplicationError(
                .hubUnreachable,
                "Something other than a hub answered with the status \(reply.status).",
                hint: "Check the hub's address and the proxies before it.",
                cause: error
            )
            unknown.retryAfter = reply.retryAfter
            return unknown
        }
    }
}
