import Causality
import Hummingbird
import Interchange
import InventoryEngine
import Logging
import Replication

/// What an operator asks of a hub that runs: JSON both ways, problem details where it fails.
extension HubApplication {
    func addOperatorRoutes(to router: Router<BasicRequestContext>) {
        addReportRoutes(to: router)
        router.post("/api/v1/invitations") { request, _ in
            try await answerOperator(request) { body throws in Self.json(try await invite(body)) }
        }
    }

    /// Reads the body of an operator's request, makes the call, and answers whatever comes of it.
    func answerOperator(
        _ request: Request,
        _ call: (_ body: [UInt8]) async throws -> Response
    ) async throws -> Response {
        do {
            guard isOperator(request.headers[.authorization]) else {
                throw SyncRefusal(
                    code: "unauthenticated",
                    message: "The header Authorization must carry the operator's token."
                )
            }
            return try await call(Self.body(of: request))
        } catch {
            let failure = Failure(error)
            let status = ProblemFormat.status(of: failure)
            if status >= 500 {
                logger.error("A call failed.", metadata: ["error": "\(error)"])
            }
            return Response(
                status: HTTPResponse.Status(code: status),
                headers: [.contentType: ProblemFormat.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: ProblemFormat.encode(failure)))
            )
        }
    }

    /// A successful reply with a JSON body.
    static func json(_ bytes: [UInt8]) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }

    /// Compares hashes, so that the time taken says nothing of the token.
    private func isOperator(_ header: String?) -> Bool {
        guard let header else { return false }
        let expected = ContentHash.of(Array("Bearer \(operatorToken)".utf8))
        return ContentHash.of(Array(header.utf8)) == expected
    }

    private func invite(_ body: [UInt8]) async throws -> [UInt8] {
        let message = try JSONReader.read(body)
        guard
            let site = message["site"]?.text.flatMap({ SiteCode($0) }),
            let name = message["node"]?.text.flatMap({ Label($0) })
        else {
            throw SyncRefusal(code: "malformed", message: "The members site and node are needed.")
        }
        let token = drawToken()
        let expiry = now().adding(microseconds: Invitation.lifetimeMicroseconds)
        try await service.invite(
            Invitation(site: site, name: name, expiresAt: expiry),
            token: token
        )
        var writer = JSONWriter()
        writer.object { json in
            json.member("token", token)
            json.member("expires_at", expiry.rfc3339)
        }
        return writer.bytes
    }
}
