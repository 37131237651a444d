import Causality
import Hummingbird
import Interchange
import InventoryEngine
import Replication

/// What an operator asks of a hub that runs; always JSON.
extension HubApplication {
    func addOperatorRoutes(to router: Router<BasicRequestContext>) {
        router.get("/api/v1/status") { request, _ in
            try await answerOperator(request) { _ throws in try await service.statusReport() }
        }
        router.get("/api/v1/stock") { request, _ in
            let query = request.uri.queryParameters
            let skus = query.getAll("sku").compactMap { SKU(String($0)) }
            let site = query.get("site").flatMap { SiteCode($0) }
            return try await answerOperator(request) { _ throws in
                try await service.stockReport(skus: skus, site: site)
            }
        }
        router.post("/api/v1/invitations") { request, _ in
            try await answerOperator(request) { call throws in try await invite(call.body) }
        }
    }

    func answerOperator(
        _ request: Request,
        _ call: (Call) async throws -> [UInt8]
    ) async throws -> Response {
        try await answer(request, as: .json) { message throws in
            guard isOperator(message.headers[.authorization]) else {
                throw SyncRefusal(
                    code: "unauthenticated",
                    message: "The header Authorization must carry the operator's token."
                )
            }
            return try await call(message)
        }
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
