import Compression
import CurlTransport
import Replication
import Synchronization

/// The way to a hub by libcurl, with a note of each exchange.
final class MeasuringPeer: ReplicationPeer {
    /// What one exchange carried: bodies before compression, not headers.
    struct Exchange: Sendable {
        var path: String
        var requestBytes: Int
        var replyBytes: Int
        var endedAt: ContinuousClock.Instant
        var isPush: Bool { path == SyncProtocol.pushPath }
    }

    private let peer: CurlPeer
    private let noted = Mutex<[Exchange]>([])

    init(address: String) throws { peer = try CurlPeer(address: address) }

    func exchange(_ request: PeerRequest) async throws(PeerError) -> PeerReply {
        let reply = try await peer.exchange(request)
        let exchange = Exchange(
            path: request.path,
            requestBytes: request.body.count,
            replyBytes: reply.body.count,
            endedAt: .now
        )
        let body = exchange.isPush ? request.body : []
        noted.withLock { $0.append(exchange) }
        bodies.withLock { $0.append(body) }
        return reply
    }

    private let bodies = Mutex<[[UInt8]]>([])

    /// Hands out the exchanges since the last call.
    func takeExchanges() -> [Exchange] {
        bodies.withLock { $0 = [] }
        return noted.withLock { noted in
            defer { noted = [] }
            return noted
        }
    }

    /// How many bytes the pushed bodies have since the last ``takeExchanges()``, compressed as the
    /// peer compresses them: those above 1 KiB.
    func pushedBytes() throws -> Int {
        try bodies.withLock { bodies in
            try bodies.reduce(0) { sum, body in
                try sum + (body.count > 1_024 ? GzipCodec.compress(body).count : body.count)
            }
        }
    }

    func shutdown() { peer.shutdown() }
}
