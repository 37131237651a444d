import Hummingbird
import Interchange
import Reports

/// What an operator reads: one route for each list, and the status.
extension HubApplication {
    func addReportRoutes(to router: Router<BasicRequestContext>) {
        for kind in ReportKind.allCases {
            router.get("\(ReportHTTP.pathPrefix)\(kind.rawValue)") { request, _ in
                try await answerOperator(request) { _ throws in
                    let parameters = request.uri.queryParameters.map { parameter in
                        (name: String(parameter.key), value: String(parameter.value))
                    }
                    let query = try ReportQuery(kind, parameters: parameters)
                    return reply(to: request, with: try await service.report(query, at: now()))
                }
            }
        }
        router.get("/api/v1/status") { request, _ in
            try await answerOperator(request) { _ throws in
                var writer = JSONWriter()
                try await service.status(at: now()).encode(to: &writer)
                return Self.json(writer.bytes)
            }
        }
    }

    private func reply(to request: Request, with page: ReportPage) -> Response {
        let reply = ReportHTTP.reply(with: page, accept: request.headers[.accept])
        var headers: HTTPFields = [.contentType: reply.contentType]
        for header in reply.headers {
            if let name = HTTPFields.Element.Name(header.name) { headers[name] = header.value }
        }
        return Response(
            status: .ok,
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: reply.body))
        )
    }
}
