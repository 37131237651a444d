internal import Compression
internal import Replication

/// A reply that is being received: what libcurl hands over becomes a ``PeerReply``, or an error.
///
/// It is stricter than libcurl, which takes a reply for whole when the connection ends within the
/// headers, when nothing says how long the body is, or when a compressed body lacks its end.
struct CurlReply: ~Copyable {
    private enum Coding {
        case unknown
        case plain
        case gzip
    }

    /// The most that all headers of a reply may hold: 64 KiB, eight times what a hub sends.
    private static let headerBytesMax = 64 * 1024

    private let bytesMax: Int
    private var headers: [PeerHeader] = []
    private var headerBytes = 0
    private var areHeadersWhole = false
    private var body: [UInt8] = []
    private var coding = Coding.unknown
    private var decompressor: GzipDecompressor?
    private var failure: PeerError?

    init(bytesMax: Int) {
        self.bytesMax = max(0, bytesMax)
    }

    /// Takes one header line with its line end; false when the transfer must end.
    mutating func receiveHeaderLine(_ line: Span<UInt8>) -> Bool {
        headerBytes += line.count
        guard headerBytes <= Self.headerBytesMax else {
            return fail(.replyTooLarge(bytesMax: Self.headerBytesMax))
        }
        var bytes: [UInt8] = []
        for index in line.indices where line[index] != 0x0D && line[index] != 0x0A {
            bytes.append(line[index])
        }
        // A status line begins a reply: first an interim one (1xx), then the one that counts.
        if bytes.starts(with: "HTTP/".utf8) {
            headers = []
            areHeadersWhole = false
            return true
        }
        guard !areHeadersWhole else { return true }  // a trailer, after the body
        guard !bytes.isEmpty else {
            areHeadersWhole = true
            return true
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return true }
        headers.append(
            PeerHeader(
                name: String(decoding: bytes[..<colon], as: UTF8.self),
                value: Self.trimmed(bytes[(colon + 1)...])
            )
        )
        return true
    }

    /// Takes bytes of the body as they were sent; false when the transfer must end.
    mutating func receiveBody(_ bytes: Span<UInt8>) -> Bool {
        guard failure == nil else { return false }
        do {
            if coding == .unknown { try beginBody() }
            if decompressor != nil {
                try decompressor?.decompress(bytes, into: &body)
            } else {
                guard bytes.count <= bytesMax - body.count else {
                    return fail(.replyTooLarge(bytesMax: bytesMax))
                }
                unsafe bytes.withUnsafeBufferPointer { unsafe body.append(contentsOf: $0) }
            }
            return true
        } catch let error as CompressionError {
            return fail(peerError(error))
        } catch let error as PeerError {
            return fail(error)
        } catch {
            return fail(.malformedReply("The body cannot be read.", cause: error))
        }
    }

    /// Why the reply was refused while it arrived, if it was.
    var refusal: PeerError? { failure }

    /// Ends a reply that libcurl takes for whole.
    ///
    /// - Parameters:
    ///   - status: The status of the reply.
    ///   - isHTTP1: Whether only headers say how long the body is.
    /// - Returns: The whole reply, or why it is none.
    mutating func finish(status: Int, isHTTP1: Bool) -> Result<PeerReply, PeerError> {
        if let failure { return .failure(failure) }
        guard areHeadersWhole else {
            return .failure(
                PeerError(
                    code: .unreachable,
                    message: "The connection ended within the headers of the reply.",
                    hint: "It is tried again by itself; check the network if it persists."
                )
            )
        }
        if Self.redirectStatuses.contains(status) {
            return .failure(.redirected(status: status, to: value(of: "location")))
        }
        if isHTTP1, status != 204, status != 304, value(of: "content-length") == nil,
            value(of: "transfer-encoding")?.lowercased().hasSuffix("chunked") != true
        {
            return .failure(.malformedReply("The reply does not say how long it is."))
        }
        if decompressor != nil {
            do throws(CompressionError) {
                try decompressor?.finish()
            } catch {
                return .failure(peerError(error))
            }
        }
        return .success(PeerReply(status: status, headers: headers, body: body))
    }

    /// The statuses that lead elsewhere; 304 does not, it says that nothing has changed.
    private static let redirectStatuses: Set<Int> = [300, 301, 302, 303, 305, 307, 308]

    private mutating func beginBody() throws {
        let name = value(of: "content-encoding")?.lowercased() ?? "identity"
        switch name {
        case "", "identity":
            coding = .plain
            guard let text = value(of: "content-length"), let count = Int(text) else { return }
            guard count <= bytesMax else { throw PeerError.replyTooLarge(bytesMax: bytesMax) }
            body.reserveCapacity(max(0, count))
        case "gzip", "x-gzip":
            coding = .gzip
            decompressor = try GzipDecompressor(sizeMax: bytesMax)
        default:  // an open set: any name may come
            throw PeerError.malformedReply(
                "The body is encoded as \(name), which was not asked for."
            )
        }
    }

    private func peerError(_ error: CompressionError) -> PeerError {
        if error.code == .tooLarge { return .replyTooLarge(bytesMax: bytesMax) }
        return .malformedReply("The compressed body is broken: \(error.message)", cause: error)
    }

    /// The value of the first header of this name, given in lower case.
    private func value(of name: String) -> String? {
        headers.first { $0.name.lowercased() == name }?.value
    }

    private mutating func fail(_ error: PeerError) -> Bool {
        failure = error
        return false
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        var value = bytes.drop(while: isBlank)
        while let last = value.last, isBlank(last) { value.removeLast() }
        return String(decoding: value, as: UTF8.self)
    }
}
