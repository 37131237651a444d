internal import CCurl
internal import Replication

/// What libcurl said about a transfer that failed.
struct CurlError: Error, CustomStringConvertible {
    /// The result of the transfer.
    let result: CURLcode
    /// libcurl's own words about this transfer, possibly empty.
    let detail: String
    /// Whether the transfer got as far as sending the request.
    let wasConnected: Bool

    /// libcurl itself failed, for all transfers at once.
    static let broken = CurlError(result: CURLE_FAILED_INIT, detail: "", wasConnected: false)
    /// There was no memory for a transfer.
    static let outOfMemory = CurlError(result: CURLE_OUT_OF_MEMORY, detail: "", wasConnected: false)

    var description: String {
        let name = unsafe String(cString: curl_easy_strerror(result))
        return detail.isEmpty ? name : "\(name): \(detail)"
    }

    /// The same failure in the words of the port.
    ///
    /// A handshake that broke off counts as unreachable, since a lost network looks the same; only
    /// a hub that answered and could not prove who it is counts as a failure of TLS.
    ///
    /// - Parameter place: The address asked, for the message.
    /// - Returns: An error whose cause is this one.
    func peerError(at place: String) -> PeerError {
        switch result {
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED,
            CURLE_USE_SSL_FAILED:
            PeerError(
                code: .tlsFailed,
                message: "\(place) could not prove who it is: \(self).",
                hint: "Check the hub's certificate, the trusted authorities and the clock.",
                cause: self
            )
        case CURLE_OPERATION_TIMEDOUT where wasConnected:
            PeerError(
                code: .timedOut,
                message: "\(place) was too slow: \(self).",
                hint: "It is tried again with less at once; check the line if it persists.",
                cause: self
            )
        case CURLE_WEIRD_SERVER_REPLY,
            // What answers without headers counts for libcurl as HTTP/0.9, a protocol not allowed.
            CURLE_UNSUPPORTED_PROTOCOL where wasConnected:
            .malformedReply("\(place) does not answer as a hub: \(self).", cause: self)
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_FUNCTION_ARGUMENT,
            CURLE_UNKNOWN_OPTION, CURLE_NOT_BUILT_IN:
            PeerError(
                code: .invalidRequest,
                message: "The request to \(place) cannot be sent: \(self).",
                hint: "Correct the hub's address in the configuration.",
                cause: self
            )
        case CURLE_FILESIZE_EXCEEDED:
            PeerError(
                code: .replyTooLarge,
                message: "The reply of \(place) is too large: \(self).",
                hint: "Ask for less at once.",
                cause: self
            )
        default:  // libcurl's codes are C integers; all others are troubles on the way
            PeerError(
                code: .unreachable,
                message: "\(place) cannot be reached: \(self).",
                hint: "It is tried again by itself; check the network if it persists.",
                cause: self
            )
        }
    }
}

extension PeerError {
    static let cancelledExchange = PeerError(
        code: .cancelled,
        message: "The exchange was cancelled before the hub replied.",
        hint: "Nothing needs doing; the same request may be sent again."
    )

    static func invalidRequest(_ message: String, hint: String) -> PeerError {
        PeerError(code: .invalidRequest, message: message, hint: hint)
    }

    static func malformedReply(_ message: String, cause: (any Error)? = nil) -> PeerError {
        PeerError(
            code: .malformedReply,
            message: message,
            hint: "Check that the address is the hub's and that no proxy answers for it.",
            cause: cause
        )
    }

    static func replyTooLarge(bytesMax: Int) -> PeerError {
        PeerError(
            code: .replyTooLarge,
            message: "The reply is larger than the \(bytesMax) bytes accepted.",
            hint: "Ask for less at once."
        )
    }

    static func redirected(status: Int, to target: String?) -> PeerError {
        PeerError(
            code: .redirected,
            message: "The hub's address leads elsewhere (status \(status)): "
                + "\(target ?? "no target named").",
            hint: "Put the hub's final address into the configuration; redirects are not followed."
        )
    }
}
