internal import Compression
public import Replication

/// The hub as seen through libcurl: HTTP/1.1 or HTTP/2, over TCP, TLS or a Unix socket.
///
/// All exchanges share one libcurl multi handle on one thread of its own, so connections are used
/// again, a hanging long poll delays nothing, and no task's thread ever waits for the network.
///
/// | What            | Value                                                                 |
/// | --------------- | --------------------------------------------------------------------- |
/// | Connecting      | given up after 10 s                                                   |
/// | Sending, waiting | given up below 64 B/s over 60 s, after the request's patience        |
/// | Whole time      | no limit                                                              |
/// | Compression     | gzip: bodies above 1 KiB are sent so, replies are accepted so         |
/// | Redirects       | never followed                                                        |
/// | Certificates    | always checked, TLS 1.2 at least                                      |
/// | Proxy           | as the environment says (`https_proxy`), never for this machine       |
///
/// Its owner calls ``shutdown()``; letting go of the last reference does the same.
public final class CurlPeer: ReplicationPeer {
    /// Bodies above this many bytes are compressed: 1 KiB fits one network packet anyway.
    private static let plainBytesMax = 1_024
    /// The longest silence that a request may ask for: a day.
    private static let patienceMax = Duration.seconds(24 * 60 * 60)
    /// The methods that can be sent.
    private static let methods: Set<String> = ["GET", "POST", "PUT", "DELETE"]
    /// Headers that follow from the request and cannot be given by hand.
    private static let reservedHeaders: Set<String> = [
        "accept-encoding", "connection", "content-length", "content-type", "expect", "host",
        "transfer-encoding",
    ]

    private let baseURL: String
    private let settings: CurlSettings
    private let thread: CurlThread

    /// Makes a peer and starts its thread; nothing is sent yet.
    ///
    /// - Parameters:
    ///   - address: The hub's base URL, such as `https://hub.example` or
    ///     `http://127.0.0.1:8080`, without query; a path in it goes before each request's.
    ///   - unixSocketPath: The Unix socket to connect to, whatever host `address` names; `nil`, the
    ///     default, connects by network.
    ///   - certificateAuthorityPath: A PEM file of the authorities to trust instead of the
    ///     system's; `nil` by default.
    /// - Throws: ``PeerError`` with the code `invalidRequest` for an address that cannot be used,
    ///   or `unreachable` when the thread cannot start.
    public convenience init(
        address: String,
        unixSocketPath: String? = nil,
        certificateAuthorityPath: String? = nil
    ) throws(PeerError) {
        try self.init(
            address: address,
            unixSocketPath: unixSocketPath,
            certificateAuthorityPath: certificateAuthorityPath,
            limits: CurlLimits()
        )
    }

    /// Makes a peer with other limits; for tests, which cannot wait a minute.
    package init(
        address: String,
        unixSocketPath: String? = nil,
        certificateAuthorityPath: String? = nil,
        limits: CurlLimits
    ) throws(PeerError) {
        let host = try Self.checkedHost(of: address)
        for path in [unixSocketPath, certificateAuthorityPath].compactMap(\.self) {
            guard !path.isEmpty, !path.utf8.contains(0) else {
                throw .invalidRequest(
                    "A file name of the hub's address is empty or holds a zero byte.",
                    hint: "Correct the path in the configuration."
                )
            }
        }
        var baseURL = Substring(address)
        while baseURL.hasSuffix("/") { baseURL.removeLast() }
        self.baseURL = String(baseURL)
        let isThisMachine = host.hasPrefix("127.") || host == "localhost" || host == "[::1]"
        settings = CurlSettings(
            unixSocketPath: unixSocketPath,
            certificateAuthorityPath: certificateAuthorityPath,
            isProxyAllowed: unixSocketPath == nil && !isThisMachine,
            limits: limits
        )
        thread = try CurlThread()
    }

    deinit {
        thread.stop()
    }

    /// Ends all exchanges with the code `cancelled`, closes the connections and ends the thread.
    ///
    /// It waits for the thread, which takes milliseconds: nothing on the network is waited for.
    /// Later exchanges fail with the code `cancelled`. It may be called again, and from anywhere.
    public func shutdown() {
        thread.stop()
    }

    /// Sends one request to the hub and returns its whole reply, whatever its status.
    ///
    /// - Parameter request: The methods `GET` (without a body), `POST`, `PUT` and `DELETE` are
    ///   allowed. A body above 1 KiB is compressed unless a `Content-Encoding` is given.
    /// - Returns: The reply, decompressed and never a part of it. A reply that does not say where
    ///   it ends counts as broken.
    /// - Throws: ``PeerError``; all of its codes are possible.
    public func exchange(_ request: PeerRequest) async throws(PeerError) -> PeerReply {
        try Self.check(request)
        var body = request.body
        var lines = ["Expect:"]  // without a value: libcurl then does not wait for a "100 Continue"
        if request.method != "GET" { lines.append("Content-Type: \(request.contentType)") }
        let isEncoded = request.headers.contains { $0.name.lowercased() == "content-encoding" }
        if !isEncoded, let compressed = await Self.compressed(body) {
            body = compressed
            lines.append("Content-Encoding: gzip")
        }
        for header in request.headers {
            // libcurl's sign for a header with an empty value is a semicolon.
            lines.append(
                header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
            )
        }
        let number = thread.nextNumber()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                thread.submit(
                    CurlOrder(
                        number: number,
                        url: baseURL + request.path,
                        method: request.method,
                        headerLines: lines,
                        body: body,
                        replyBytesMax: request.replyBytesMax,
                        slowSecondsMax: slowSecondsMax(patience: request.patience),
                        settings: settings,
                        continuation: continuation
                    )
                )
                // The handler below may have run before there was anything to cancel.
                if Task.isCancelled { thread.cancel(number) }
            }
        } onCancel: {
            thread.cancel(number)
        }
        return try result.get()
    }

    /// Compresses a body if that is worth it; not on the caller's actor, which it would hold up.
    ///
    /// Without memory to compress, the body goes as it is.
    @concurrent private static func compressed(_ body: [UInt8]) async -> [UInt8]? {
        guard body.count > plainBytesMax, let compressed = try? GzipCodec.compress(body),
            compressed.count < body.count
        else { return nil }
        return compressed
    }

    private func slowSecondsMax(patience: Duration) -> Int {
        let patience = min(max(patience, .zero), Self.patienceMax)
        let (seconds, attoseconds) = (settings.limits.slowTime + patience).components
        return max(1, Int(seconds) + (attoseconds > 0 ? 1 : 0))
    }

    /// Checks the base URL and returns its host in lower case.
    private static func checkedHost(of address: String) throws(PeerError) -> String {
        let lowercased = address.lowercased()
        let schemes = ["http://", "https://"]
        guard let scheme = schemes.first(where: { lowercased.hasPrefix($0) }) else {
            throw .invalidRequest(
                "The hub's address \(address) does not begin with http:// or https://.",
                hint: "Write it like https://hub.example."
            )
        }
        let authority = lowercased.dropFirst(scheme.count).prefix { $0 != "/" }
        guard !authority.isEmpty, isPlain(address),
            !address.contains(where: { "?#@\\".contains($0) })
        else {
            throw .invalidRequest(
                "The hub's address is not a plain URL with a host.",
                hint: "Write it like https://hub.example, without user, password or query."
            )
        }
        if authority.hasPrefix("[") {
            return String(authority.prefix { $0 != "]" }) + "]"
        }
        return String(authority.prefix { $0 != ":" })
    }

    private static func check(_ request: PeerRequest) throws(PeerError) {
        guard methods.contains(request.method), request.method != "GET" || request.body.isEmpty
        else {
            throw .invalidRequest(
                "The method \(request.method) cannot be sent, or not with a body.",
                hint: "Use POST, or GET without a body."
            )
        }
        guard request.path.hasPrefix("/"), isPlain(request.path), !request.path.contains("#") else {
            throw .invalidRequest(
                "The path \(request.path.debugDescription) cannot be sent.",
                hint: "Begin it with a slash, and write other characters as %20 and so on."
            )
        }
        guard isLine(request.contentType) else {
            throw .invalidRequest("The content type is not one line.", hint: "Correct it.")
        }
        for header in request.headers {
            guard isToken(header.name), isLine(header.value),
                !reservedHeaders.contains(header.name.lowercased())
            else {
                throw .invalidRequest(
                    "The header \(header.name.debugDescription) cannot be sent.",
                    hint: "Leave it out, or write its value on one line."
                )
            }
        }
    }

    /// Whether a text has visible ASCII characters only, as a URL must.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// Whether a text has no control characters but tabs.
    private static func isLine(_ text: String) -> Bool {
        text.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }

    /// Whether a text is a token of RFC 9110, section 5.6.2.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default:  // bytes are an open set
                    "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
