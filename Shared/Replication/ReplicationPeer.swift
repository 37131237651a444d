/// The port through which a node reaches its hub, byte for byte.
///
/// It knows nothing of what the bytes mean: one request, one whole reply. Sessions decide what to
/// send and what an answer means; an adapter only carries. An exchange that throws may or may not
/// have reached the hub, so every call behind it is safe to repeat.
public protocol ReplicationPeer: Sendable {
    /// Sends one request to the hub and returns its whole reply, whatever its status.
    ///
    /// Several exchanges may run at once, and a slow one does not delay the others. Cancelling
    /// the task ends the exchange with the code `cancelled`.
    ///
    /// - Parameter request: What to send, and how much to accept.
    /// - Returns: The reply, never a part of it.
    /// - Throws: ``PeerError`` and nothing else.
    func exchange(_ request: PeerRequest) async throws(PeerError) -> PeerReply
}

/// One header of a request or a reply.
public struct PeerHeader: Hashable, Sendable {
    /// The header's name; upper and lower case mean the same.
    public var name: String
    /// The header's value, without spaces around it.
    public var value: String

    /// Makes a header.
    ///
    /// - Parameters:
    ///   - name: A token such as `X-Plumbline-Node`.
    ///   - value: One line of text, possibly empty.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// One request to the hub.
public struct PeerRequest: Sendable {
    /// How many bytes of a reply are accepted unless the request says otherwise: 64 MiB.
    ///
    /// It is eight times the largest page a hub sends (8 MiB), and small beside the memory of the
    /// smallest machine that runs a node (512 MiB).
    public static let replyBytesMaxDefault = 64 * 1024 * 1024

    /// The HTTP method; `POST` by default, since every call of the exchange is one.
    public var method: String
    /// The path below the hub's address, with its query, such as `/v1/sync/push`.
    public var path: String
    /// Headers beside those that the adapter sets itself; empty by default.
    public var headers: [PeerHeader]
    /// The body before compression; empty by default.
    public var body: [UInt8]
    /// What the body is; `application/x-protobuf` by default.
    public var contentType: String
    /// The largest reply body to accept, in bytes after decompression.
    public var replyBytesMax: Int
    /// How long the hub may keep silent on purpose, as in a long poll; zero by default.
    ///
    /// The time after which a slow connection is given up begins when this has passed.
    public var patience: Duration

    /// Makes a request.
    ///
    /// - Parameters:
    ///   - path: Begins with `/`.
    ///   - headers: Sent in this order, after the adapter's own.
    ///   - body: The bytes before compression.
    ///   - contentType: What the body is.
    ///   - replyBytesMax: Bytes after decompression; a larger reply fails with `replyTooLarge`.
    ///   - patience: How long the hub may keep silent on purpose.
    ///   - method: An HTTP method in upper case.
    public init(
        path: String,
        headers: [PeerHeader] = [],
        body: [UInt8] = [],
        contentType: String = "application/x-protobuf",
        replyBytesMax: Int = PeerRequest.replyBytesMaxDefault,
        patience: Duration = .zero,
        method: String = "POST"
    ) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.contentType = contentType
        self.replyBytesMax = replyBytesMax
        self.patience = patience
    }
}

/// The hub's whole reply to one request.
public struct PeerReply: Sendable {
    /// The longest wait that ``retryAfter`` reports: a day, whatever the hub asks for.
    public static let retryAfterMax = Duration.seconds(24 * 60 * 60)

    /// The HTTP status, such as 200 or 503; never a redirect.
    public var status: Int
    /// The headers in the order received; a name may repeat.
    public var headers: [PeerHeader]
    /// The whole body after decompression; may be empty.
    public var body: [UInt8]

    /// Makes a reply.
    ///
    /// - Parameters:
    ///   - status: The HTTP status.
    ///   - headers: In the order received.
    ///   - body: After decompression.
    public init(status: Int, headers: [PeerHeader] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Returns the value of a header, of the first one if the name repeats.
    ///
    /// - Parameter name: In upper or lower case.
    /// - Returns: The value, or `nil` when there is no such header.
    public func header(named name: String) -> String? {
        let lowercased = name.lowercased()
        return headers.first { $0.name.lowercased() == lowercased }?.value
    }

    /// What the body is, without parameters and in lower case: `application/json`.
    public var contentType: String? {
        guard let value = header(named: "Content-Type") else { return nil }
        let type = value.prefix { $0 != ";" && $0 != " " && $0 != "\t" }
        return type.isEmpty ? nil : type.lowercased()
    }

    /// How long the hub asks to wait before the next try.
    ///
    /// Only the form in whole seconds counts, since a date would have to trust two clocks; `nil`
    /// without the header and for any other form. At most ``retryAfterMax``.
    public var retryAfter: Duration? {
        guard let value = header(named: "Retry-After"), !value.isEmpty,
            value.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
        else { return nil }
        guard let seconds = Int64(value) else { return Self.retryAfterMax }  // out of range
        return min(.seconds(seconds), Self.retryAfterMax)
    }
}

/// Why an exchange with the hub brought no reply, and whether trying again can help.
public struct PeerError: Error {
    /// The kinds of failure that callers answer differently.
    public struct Code: Hashable, Sendable {
        private enum Name {
            case unreachable
            case timedOut
            case tlsFailed
            case replyTooLarge
            case malformedReply
            case redirected
            case invalidRequest
            case cancelled
        }
        private let name: Name
        /// No connection, or it broke before the reply was whole; send the same request again.
        public static let unreachable = Code(name: .unreachable)
        /// Connected, then too slow or silent; send a smaller request.
        public static let timedOut = Code(name: .timedOut)
        /// The hub could not prove who it is; an operator must look at the certificates.
        public static let tlsFailed = Code(name: .tlsFailed)
        /// The reply is larger than the request accepts; ask for less.
        public static let replyTooLarge = Code(name: .replyTooLarge)
        /// Something answered that does not speak as a hub does, such as a proxy's login page.
        public static let malformedReply = Code(name: .malformedReply)
        /// The hub's address leads elsewhere, which is never followed; an operator must correct it.
        public static let redirected = Code(name: .redirected)
        /// The address, path or a header cannot be sent at all; correct the configuration.
        public static let invalidRequest = Code(name: .invalidRequest)
        /// The task was cancelled or the transport was shut down; stop.
        public static let cancelled = Code(name: .cancelled)
    }
    /// Decides what the caller does next.
    public var code: Code
    /// Tells a person what happened, and to which request.
    public var message: String
    /// Tells a person what to try next.
    public var hint: String
    /// The transport's own error underneath.
    public var cause: (any Error)?
    /// Whether the same request may succeed later without an operator.
    public var isRetryable: Bool {
        code == .unreachable || code == .timedOut || code == .malformedReply
    }

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: Decides what the caller does next.
    ///   - message: What happened, as a sentence.
    ///   - hint: What to try next, as a sentence.
    ///   - cause: The transport's own error.
    public init(code: Code, message: String, hint: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
    }
}
