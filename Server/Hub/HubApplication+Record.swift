import Hummingbird
import Interchange
import InventoryEngine
import Replication
import Reports

/// What an operator records at a hub that runs.
extension HubApplication {
    func addRecordRoutes(to router: Router<BasicRequestContext>) {
        // Answers with one line for each command, in order; refused commands are results too.
        router.post("/api/v1/commands") { request, _ in
            try await answerOperator(request) { body throws in
                var response = Self.json(try await record(body))
                response.headers[.contentType] = ReportHTTP.linesContentType
                return response
            }
        }
        // Answers with the result of one decision, or with the problem that refused it.
        router.post("/api/v1/conflicts/:id/resolve") { request, context in
            let conflict = try context.parameters.require("id")
            return try await answerOperator(request) { body throws in
                Self.json(try await resolve(conflict, body))
            }
        }
        router.get("/api/v1/sites") { request, _ in
            try await answerOperator(request) { _ throws in
                Self.json(try await service.siteReport())
            }
        }
        router.post("/api/v1/backups") { request, _ in
            try await answerOperator(request) { body throws in
                guard let path = try JSONReader.read(body)["path"]?.text else {
                    throw SyncRefusal(code: "malformed", message: "The member path is needed.")
                }
                var writer = JSONWriter()
                try await service.backUp(to: path).encode(to: &writer)
                return Self.json(writer.bytes)
            }
        }
    }

    private func record(_ body: [UInt8]) async throws -> [UInt8] {
        var reply: [UInt8] = []
        for result in try await service.record(Self.commands(in: body), now: now()) {
            reply += ResultFormat.encode(result) + [UInt8(ascii: "\n")]
        }
        return reply
    }

    private func resolve(_ conflict: String, _ body: [UInt8]) async throws -> [UInt8] {
        let command = try ResolutionFormat.command(resolving: conflict, body: body)
        var reply: [UInt8] = []
        for result in try await service.record([command], now: now()) {
            if let refusal = result.refusal { throw Failure(refusal) }
            reply = ResultFormat.encode(result)
        }
        return reply
    }

    /// The commands of a body: one object, which may have line breaks, or one to a line.
    private static func commands(in body: [UInt8]) -> [[UInt8]] {
        do throws(InterchangeError) {
            _ = try JSONReader.read(body, bytesMax: CommandFormat.bytesMax)
            return [body]
        } catch {
            return LineReader.lines(of: body)  // each line that is wrong gets its own refusal
        }
    }
}
