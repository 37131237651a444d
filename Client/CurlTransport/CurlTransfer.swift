internal import CCurl
internal import Replication

/// One exchange as the curl thread sees it: what to send, and whom to tell.
struct CurlOrder: Sendable {
    let number: UInt64
    let url: String
    let method: String
    let headerLines: [String]
    let body: [UInt8]
    let replyBytesMax: Int
    /// How long the transfer may be too slow before it is given up.
    let slowSecondsMax: Int
    let settings: CurlSettings
    let continuation: CheckedContinuation<Result<PeerReply, PeerError>, Never>
}

/// What all exchanges of a peer have in common.
struct CurlSettings: Sendable {
    /// The path of a Unix socket to connect to, whatever host the address names.
    var unixSocketPath: String?
    /// A file of trusted authorities instead of the system's.
    var certificateAuthorityPath: String?
    /// Whether the proxy named by the environment may be used: never for this machine itself.
    var isProxyAllowed: Bool
    var limits: CurlLimits
}

/// How long the network may try a node's patience.
package struct CurlLimits: Sendable {
    /// How long a connection may take to come up.
    package var connectTime = Duration.seconds(10)
    /// Below this many bytes in a second a transfer counts as slow.
    package var slowBytesPerSecond = 64
    /// How long a transfer may be slow; a request's patience is added.
    package var slowTime = Duration.seconds(60)

    /// Makes the limits of the exchange: 10 s to connect, then 64 B/s over 60 s.
    package init() {}

    /// The time to connect, at least 1: libcurl takes zero for its own default.
    var connectMilliseconds: Int {
        let (seconds, attoseconds) = connectTime.components
        return max(1, Int(seconds) * 1_000 + Int(attoseconds / 1_000_000_000_000_000))
    }
}

/// One transfer of the curl thread with its easy handle; used again for later exchanges.
final class CurlTransfer {
    private let handle: CurlHandle
    private var reply = CurlReply(bytesMax: 0)
    private var headerList = CurlHeaderList()
    private var order: CurlOrder?
    private var isAttached = false

    /// Makes a transfer without an exchange; `nil` when there is no memory for it.
    init?() {
        guard let made = CurlHandle() else { return nil }
        handle = made
    }

    /// Names the exchange under way; zero without one.
    var number: UInt64 { order?.number ?? 0 }

    /// Begins an exchange; if it cannot begin, its caller has been told why.
    func begin(_ order: CurlOrder, on multi: borrowing CurlMulti) -> Bool {
        self.order = order
        reply = CurlReply(bytesMax: order.replyBytesMax)
        do throws(CurlError) {
            try configure(for: order)
            guard handle.attach(to: multi) else { throw handle.error(CURLE_OUT_OF_MEMORY) }
            isAttached = true
            return true
        } catch {
            end(with: .failure(error.peerError(at: order.url)), on: multi)
            return false
        }
    }

    /// Ends the exchange with what libcurl says about it.
    func finish(_ result: CURLcode, on multi: borrowing CurlMulti) {
        guard let order else { return }
        if let refusal = reply.refusal {
            end(with: .failure(refusal), on: multi)
        } else if result == CURLE_OK {
            let status = handle.responseStatus
            end(with: reply.finish(status: status, isHTTP1: handle.isHTTP1), on: multi)
        } else {
            end(with: .failure(handle.error(result).peerError(at: order.url)), on: multi)
        }
    }

    /// Ends the exchange, wherever it stands, and tells its caller.
    func end(with result: Result<PeerReply, PeerError>, on multi: borrowing CurlMulti) {
        if isAttached { handle.detach(from: multi) }
        isAttached = false
        handle.reset()  // before the list of headers goes, and so that the body is freed
        headerList = CurlHeaderList()
        reply = CurlReply(bytesMax: 0)
        let continuation = order?.continuation
        order = nil
        continuation?.resume(returning: result)
    }

    func receiveHeaderLine(_ line: Span<UInt8>) -> Bool {
        reply.receiveHeaderLine(line)
    }

    func receiveBody(_ bytes: Span<UInt8>) -> Bool {
        reply.receiveBody(bytes)
    }

    private func configure(for order: CurlOrder) throws(CurlError) {
        handle.reset()
        try handle.setReceiver(self)
        try configureConnection(order.settings)
        try handle.set(CURLOPT_URL, order.url)
        // A connection that carries less than the limit for so long is given up. There is no
        // limit on the whole time: a large snapshot over a slow line must get through.
        try handle.set(CURLOPT_LOW_SPEED_LIMIT, order.settings.limits.slowBytesPerSecond)
        try handle.set(CURLOPT_LOW_SPEED_TIME, order.slowSecondsMax)
        // The header is sent, but the body is left to `CurlReply`: libcurl takes a compressed
        // body without its end for whole.
        try handle.set(CURLOPT_ACCEPT_ENCODING, "gzip")
        try handle.set(CURLOPT_HTTP_CONTENT_DECODING, false)
        for line in order.headerLines {
            guard headerList.append(line) else { throw handle.error(CURLE_OUT_OF_MEMORY) }
        }
        try handle.setHeaders(headerList)
        if order.method == "GET" {
            try handle.set(CURLOPT_HTTPGET, true)
        } else {
            try handle.set(CURLOPT_POST, true)
            try handle.setBody(order.body)
            if order.method != "POST" { try handle.set(CURLOPT_CUSTOMREQUEST, order.method) }
        }
    }

    private func configureConnection(_ settings: CurlSettings) throws(CurlError) {
        try handle.set(CURLOPT_PROTOCOLS_STR, "http,https")
        try handle.set(CURLOPT_FOLLOWLOCATION, false)
        try handle.set(CURLOPT_NOSIGNAL, true)
        try handle.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        try handle.set(CURLOPT_TCP_NODELAY, true)
        try handle.set(CURLOPT_TCP_KEEPALIVE, true)
        try handle.set(CURLOPT_CONNECTTIMEOUT_MS, settings.limits.connectMilliseconds)
        // A name that is still being looked up must not hold up the other transfers.
        try handle.set(CURLOPT_QUICK_EXIT, true)
        try handle.set(CURLOPT_SSL_VERIFYPEER, true)
        try handle.set(CURLOPT_SSL_VERIFYHOST, 2)
        try handle.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        try handle.set(CURLOPT_USERAGENT, "plumbline")
        if let path = settings.certificateAuthorityPath { try handle.set(CURLOPT_CAINFO, path) }
        if let path = settings.unixSocketPath { try handle.set(CURLOPT_UNIX_SOCKET_PATH, path) }
        if !settings.isProxyAllowed { try handle.set(CURLOPT_PROXY, "") }
    }
}
