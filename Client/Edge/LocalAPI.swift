import Causality
import Compression
public import Hummingbird
public import Interchange
import InventoryEngine
public import Logging
public import Replication
import Reports
public import ServiceLifecycle

/// The node's own HTTP interface, for the command line and for programs of its site: bytes in, one
/// call, bytes out.
///
/// | Call                    | Does                                                       |
/// | ----------------------- | ---------------------------------------------------------- |
/// | `GET /livez`            | says that the agent runs                                   |
/// | `GET /api/v1/status`    | how the node stands                                        |
/// | `GET /api/v1/stock` …   | the lists of ``ReportKind``, its own site and what it has heard |
/// | `POST /api/v1/commands` | records one command per line, and answers a result per line |
/// | `POST /api/v1/conflicts/ID/resolve` | records what was decided: `{"choice":…,"reason":…}` |
/// | `POST /api/v1/sync`     | replicates now: `{"wait":true,"timeout":60}`               |
/// | `POST /api/v1/join`     | enrols the node: `{"url":…,"token":…}`                     |
public struct LocalAPI: Sendable {
    /// The largest body that is read, before and after decompression: 16 MiB, more than
    /// ``CommandBatch/commandsMax`` usual commands.
    static let bodyBytesMax = 16 << 20
    /// The longest that a call may ask to wait for the hub, in seconds.
    static let timeoutMax: Int64 = 86_400

    private let agent: EdgeAgent
    private let logger: Logger

    /// Makes the interface of an agent.
    public init(agent: EdgeAgent, logger: Logger) {
        self.agent = agent
        self.logger = logger
    }

    /// The routes.
    public func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/livez") { _, _ in "ok\n" }
        router.get("/api/v1/status") { request, _ in
            try await answer(request) { _ throws in
                var writer = JSONWriter()
                try await agent.status().encode(to: &writer)
                return writer.bytes
            }
        }
        for kind in ReportKind.allCases {
            router.get("\(ReportHTTP.pathPrefix)\(kind.rawValue)") { request, _ in
                try await report(kind, request)
            }
        }
        router.post("/api/v1/commands") { request, _ in
            try await answer(request, as: ReportHTTP.linesContentType) { body throws in
                try await record(body)
            }
        }
        router.post("/api/v1/conflicts/:id/resolve") { request, context in
            let conflict = try context.parameters.require("id")
            return try await answer(request) { body throws in try await resolve(conflict, body) }
        }
        router.post("/api/v1/sync") { request, _ in
            try await answer(request) { body throws in try await sync(body) }
        }
        router.post("/api/v1/join") { request, _ in
            try await answer(request) { body throws in try await join(body) }
        }
        return router
    }

    /// What serves the routes on a Unix socket.
    ///
    /// - Parameters:
    ///   - socketPath: Where nothing lies yet.
    ///   - onListening: Is called once requests are accepted.
    /// - Returns: A service that serves until the program stops.
    public func service(
        socketPath: String,
        onListening: @escaping @Sendable () -> Void = {}
    ) -> any Service {
        service(at: .unixDomainSocket(path: socketPath), onListening)
    }

    /// What serves the routes on the machine's own network.
    ///
    /// - Parameters:
    ///   - host: A name or address of this machine that no other can reach.
    ///   - port: The port.
    ///   - onListening: Is called once requests are accepted.
    /// - Returns: A service that serves until the program stops.
    public func service(
        host: String,
        port: Int,
        onListening: @escaping @Sendable () -> Void = {}
    ) -> any Service {
        service(at: .hostname(host, port: port), onListening)
    }

    private func service(
        at address: BindAddress,
        _ onListening: @escaping @Sendable () -> Void
    ) -> any Service {
        Application(
            router: router(),
            configuration: ApplicationConfiguration(address: address, serverName: "plumbline"),
            onServerRunning: { _ in onListening() },
            logger: logger
        )
    }

    // MARK: Calls

    private func report(_ kind: ReportKind, _ request: Request) async throws -> Response {
        do {
            let parameters = request.uri.queryParameters.map { parameter in
                (name: String(parameter.key), value: String(parameter.value))
            }
            let page = try await agent.node.report(ReportQuery(kind, parameters: parameters))
            let reply = ReportHTTP.reply(with: page, accept: request.headers[.accept])
            var response = Self.response(.ok, reply.body, reply.contentType)
            for header in reply.headers {
                if let name = HTTPFields.Element.Name(header.name) {
                    response.headers[name] = header.value
                }
            }
            return response
        } catch {
            return problem(error)
        }
    }

    private func record(_ body: [UInt8]) async throws -> [UInt8] {
        let desk = CommandDesk(agent.node)
        var lines = LineReader.lines(of: body)[...]
        var output: [UInt8] = []
        while !lines.isEmpty {
            for result in try await desk.record(Array(lines.prefix(CommandBatch.commandsMax))) {
                output += ResultFormat.encode(result)
                output.append(UInt8(ascii: "\n"))
            }
            lines = lines.dropFirst(CommandBatch.commandsMax)
        }
        return output
    }

    private func resolve(_ conflict: String, _ body: [UInt8]) async throws -> [UInt8] {
        let command = try ResolutionFormat.command(resolving: conflict, body: body)
        var reply: [UInt8] = []
        for result in try await CommandDesk(agent.node).record([command]) {
            if let refusal = result.refusal { throw Failure(refusal) }
            reply = ResultFormat.encode(result)
        }
        return reply
    }

    private func sync(_ body: [UInt8]) async throws -> [UInt8] {
        let message = body.isEmpty ? .object([]) : try JSONReader.read(body)
        let persists = message["wait"] == .bool(true)
        let seconds = message["timeout"]?.integer ?? 60
        guard 0...Self.timeoutMax ~= seconds else {
            throw EngineError(
                EngineError.Code("malformed"),
                "The timeout is not between 0 and \(Self.timeoutMax) seconds.",
                field: "timeout"
            )
        }
        let isInSync = try await agent.sync(persists: persists, timeout: .seconds(seconds))
        let status = try await agent.status()
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("in_sync", isInSync)
            writer.key("status")
            status.encode(to: &writer)
        }
        return writer.bytes
    }

    private func join(_ body: [UInt8]) async throws -> [UInt8] {
        let message = try JSONReader.read(body)
        guard let url = message["url"]?.text, let token = message["token"]?.text else {
            throw EngineError(
                EngineError.Code("malformed"),
                "The members url and token are needed."
            )
        }
        var writer = JSONWriter()
        try await agent.join(url: url, token: token).encode(to: &writer)
        return writer.bytes
    }

    // MARK: Answers

    /// Reads a request, makes the call, and answers whatever comes of it.
    private func answer(
        _ request: Request,
        as contentType: String = "application/json",
        _ call: ([UInt8]) async throws -> [UInt8]
    ) async throws -> Response {
        do {
            let body = try await Self.body(of: request)
            return Self.response(.ok, try await call(body), contentType)
        } catch {
            return problem(error)
        }
    }

    /// Reads a body; large ones are sent compressed, also over a socket of this machine.
    private static func body(of request: Request) async throws -> [UInt8] {
        let tooLarge = EngineError(
            EngineError.Code("body_too_large"),
            "The body is larger than \(bodyBytesMax) bytes.",
            hint: "Send fewer commands at once."
        )
        var body: [UInt8] = []
        for try await part in request.body {
            guard body.count + part.readableBytes <= bodyBytesMax else { throw tooLarge }
            body += part.readableBytesView
        }
        switch request.headers[.contentEncoding]?.lowercased() {
        case nil, "identity": return body
        case "gzip":
            do {
                return try GzipCodec.decompress(body, sizeMax: bodyBytesMax)
            } catch  where error.code == .tooLarge {
                throw tooLarge
            } catch {
                throw EngineError(
                    EngineError.Code("malformed"),
                    "The body is not gzip, as its header says.",
                    hint: "Send it as it is, or compress it whole."
                )
            }
        default:
            throw EngineError(
                EngineError.Code("unsupported_media_type"),
                "The content encoding must be gzip or identity.",
                hint: "Send the body as it is."
            )
        }
    }

    private func problem(_ error: any Error) -> Response {
        let failure = Failure(error)
        if failure.exit == .internal {
            logger.error("A call failed.", metadata: ["error": "\(error)"])
        }
        return Self.response(
            HTTPResponse.Status(code: ProblemFormat.status(of: failure)),
            ProblemFormat.encode(failure),
            ProblemFormat.contentType
        )
    }

    private static func response(
        _ status: HTTPResponse.Status,
        _ bytes: [UInt8],
        _ contentType: String
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }
}

extension NodeIdentity {
    /// Writes who a node is as one JSON object.
    public func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("site", orNull: site?.text)
            writer.member("node", name.text)
            writer.member("node_id", node.description)
            writer.member("currency", currency.text)
            writer.member("money_scale", number: moneyScale)
        }
    }
}
