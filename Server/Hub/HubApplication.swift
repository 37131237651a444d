public import Causality
import Compression
public import Hummingbird
import Interchange
import InventoryEngine
public import Logging
import Replication
import Reports

/// The hub's HTTP interface: bytes in, one call, bytes out.
public struct HubApplication: Sendable {
    /// The version that the program tells of itself.
    public static let programVersion = "1.0.0"

    /// The largest body that is read.
    static let bodyBytesMax = 16 << 20
    /// The largest body after decompression.
    static let contentBytesMax = 64 << 20

    let service: HubService
    let authenticator: NodeAuthenticator
    let operatorToken: String
    let logger: Logger
    let now: @Sendable () -> Instant
    let drawToken: @Sendable () -> String

    /// Makes the interface of a hub.
    ///
    /// - Parameters:
    ///   - service: The hub.
    ///   - operatorToken: What `Authorization: Bearer` must carry for `/api`, in hexadecimal.
    ///   - logger: Where failures go.
    ///   - now: The wall clock.
    ///   - drawToken: Draws a secret token for an invitation.
    public init(
        service: HubService,
        operatorToken: String,
        logger: Logger,
        now: @escaping @Sendable () -> Instant,
        drawToken: @escaping @Sendable () -> String
    ) {
        self.service = service
        self.authenticator = NodeAuthenticator(log: service.log, ledger: service.ledger)
        self.operatorToken = operatorToken
        self.logger = logger
        self.now = now
        self.drawToken = drawToken
    }

    /// The routes.
    public func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/livez") { _, _ in "ok\n" }
        router.post("/v1/join") { request, _ in
            try await answer(request) { call throws in
                let message = try WireFormat.decodeJoinRequest(call.body, as: call.encoding)
                let reply = try await service.join(message, now: now())
                return WireFormat.encode(reply, as: call.encoding)
            }
        }
        router.post("/v1/sync/hello") { request, _ in
            try await answer(request) { call throws in
                let node = try await authenticate(call)
                let message = try WireFormat.decodeHelloRequest(call.body, as: call.encoding)
                var reply = try await service.hello(message, from: node, now: now())
                reply.sentAt = now()
                return WireFormat.encode(reply, as: call.encoding)
            }
        }
        router.post("/v1/sync/push") { request, _ in
            try await answer(request) { call throws in
                let node = try await authenticate(call)
                let message = try WireFormat.decodeEventBatch(call.body, as: call.encoding)
                let reply = try await service.push(message, from: node, now: now())
                return WireFormat.encode(reply, as: call.encoding)
            }
        }
        router.post("/v1/sync/pull") { request, _ in
            try await answer(request) { call throws in
                let node = try await authenticate(call)
                let message = try WireFormat.decodePullRequest(call.body, as: call.encoding)
                // Before and after: a pull may wait as long as a node may be silent.
                let hear = { (instant: Instant) in
                    service.contacts.note(node.node, at: instant) { contact in
                        contact.hear(message, at: instant)
                    }
                }
                hear(now())
                let reply = try await service.pull(message, from: node, now: now())
                hear(now())
                return WireFormat.encode(reply, as: call.encoding)
            }
        }
        addOperatorRoutes(to: router)
        addRecordRoutes(to: router)
        return router
    }

    // MARK: Calls

    /// A request that was read.
    struct Call: Sendable {
        let method: String
        let path: String
        let headers: HTTPFields
        let body: [UInt8]
        let encoding: WireEncoding
    }

    private func authenticate(_ call: Call) async throws -> AuthenticatedNode {
        try await authenticator.authenticate(
            method: call.method,
            path: call.path,
            body: call.body
        ) { name in
            call.headers.first { $0.name.canonicalName == name }?.value
        }
    }

    /// Reads a request, makes the call, and answers whatever comes of it.
    private func answer(
        _ request: Request,
        _ call: (Call) async throws -> [UInt8]
    ) async throws -> Response {
        var encoding = WireEncoding.protobuf
        do {
            encoding = try Self.encoding(of: request)
            let body = try await Self.body(of: request)
            let reply = try await call(
                Call(
                    method: request.method.rawValue,
                    path: request.uri.string,
                    headers: request.headers,
                    body: body,
                    encoding: encoding
                )
            )
            return Self.response(.ok, reply, encoding)
        } catch {
            let (status, refusal) = refusal(for: error)
            return Self.response(status, WireFormat.encode(refusal, as: encoding), encoding)
        }
    }

    private static func encoding(of request: Request) throws -> WireEncoding {
        let type = request.headers[.contentType] ?? WireEncoding.protobuf.contentType
        let name = type.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard let encoding = WireEncoding(contentType: name) else {
            throw SyncRefusal(
                code: "unsupported_media_type",
                message: "The content type must be application/x-protobuf or application/json."
            )
        }
        return encoding
    }

    static func body(of request: Request) async throws -> [UInt8] {
        let tooLarge = SyncRefusal(code: "body_too_large", message: "The body is too large.")
        var bytes: [UInt8] = []
        for try await part in request.body {
            guard bytes.count + part.readableBytes <= bodyBytesMax else { throw tooLarge }
            bytes += part.readableBytesView
        }
        switch request.headers[.contentEncoding]?.lowercased() {
        case nil, "identity": return bytes
        case "gzip":
            do {
                return try GzipCodec.decompress(bytes, sizeMax: contentBytesMax)
            } catch  where error.code == .tooLarge {
                throw tooLarge
            } catch {
                throw SyncRefusal(code: "malformed", message: "The body is not gzip.")
            }
        default:
            throw SyncRefusal(
                code: "unsupported_media_type",
                message: "The content encoding must be gzip or identity."
            )
        }
    }

    private func refusal(for error: any Error) -> (HTTPResponse.Status, SyncRefusal) {
        switch error {
        case let refusal as SyncRefusal:
            let status: HTTPResponse.Status =
                switch refusal.code {
                case "unauthenticated": .unauthorized
                case "other_node": .forbidden
                case "malformed", "batch_malformed": .badRequest
                case "body_too_large": .contentTooLarge
                case "unsupported_media_type": .unsupportedMediaType
                default: .conflict
                }
            return (status, refusal)
        case let error as ReplicationError where error.code == .malformed:
            return (.badRequest, SyncRefusal(code: "malformed", message: error.message))
        case let error as InterchangeError:
            return (.badRequest, SyncRefusal(code: "malformed", message: error.message))
        default:
            logger.error("A call failed.", metadata: ["error": "\(error)"])
            let message = "The hub failed; its log says why."
            return (.internalServerError, SyncRefusal(code: "internal", message: message))
        }
    }

    private static func response(
        _ status: HTTPResponse.Status,
        _ bytes: [UInt8],
        _ encoding: WireEncoding
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: encoding.contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }
}

extension HubApplication {
    /// Serves until the process is told to stop.
    ///
    /// - Parameters:
    ///   - host: The address to bind.
    ///   - port: The port; 0 takes a free one.
    ///   - onListening: Is told the port once requests are accepted.
    /// - Throws: What the server throws when it cannot bind.
    public func run(
        host: String,
        port: Int,
        onListening: @escaping @Sendable (Int) throws -> Void
    ) async throws {
        let logger = logger
        let application = Application(
            router: router(),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in
                do {
                    try onListening(channel.localAddress?.port ?? port)
                } catch {
                    logger.error("The address was not noted.", metadata: ["error": "\(error)"])
                }
            },
            logger: logger
        )
        try await application.runService()
    }
}
