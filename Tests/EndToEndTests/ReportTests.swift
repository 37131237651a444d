import Foundation
import Interchange
import TestSupport
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The lists of a node and of a hub that runs, read as people and programs read them.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(5)))
struct ReportTests {
    private static let commands = """
        {"type":"item_registered","sku":"A","name":"Apple"}
        {"type":"goods_received","lines":[{"sku":"A","quantity":12,"unit_cost":"1.53"}]}
        {"type":"order_confirmed","order":"SO-1","lines":[{"sku":"A","quantity":5}]}
        {"type":"scrapped","reason":"broken","lines":[{"sku":"A","quantity":1}]}

        """

    /// Runs a hub that has ordered what a joined node recorded.
    private func withNetwork(
        _ body: (_ programs: Programs, _ url: String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let programs = Programs(directory: directory)
            try programs.run("plumbline-hub", "init", "--data", "hub")
            let invited = try programs.run(
                "plumbline-hub",
                "invite",
                "--data",
                "hub",
                "--site",
                "LON",
                "--node",
                "lon-1"
            )
            let token = try #require(invited.lines.last)
            try programs.run("plumbline", "init", "--data", "lon", "--site", "LON")
            try programs.run("plumbline", "record", "--data", "lon", input: Self.commands)
            let (hub, url) = try programs.serve()
            defer {
                if hub.isRunning { hub.terminate() }
            }
            try programs.run("plumbline", "join", url, "--data", "lon", "--token", token)
            #expect(try programs.run("plumbline", "sync", "--data", "lon").status == 0)
            try await body(programs, url)
            hub.terminate()
            hub.waitUntilExit()  // so that nobody writes to the folder while it is removed
        }
    }

    private func rows(_ text: String) throws -> [JSONValue] {
        guard case .array(let rows) = try JSONReader.read(Array(text.utf8)) else {
            throw CocoaError(.coderReadCorrupt)
        }
        return rows
    }

    @Test func `node and hub give the same rows, whole or page by page`() async throws {
        try await withNetwork { programs, _ in
            for list in ["orders", "transfers", "journal", "events", "conflicts", "exceptions"] {
                let node = try programs.run("plumbline", list, "--data", "lon", "--json")
                let hub = try programs.run("plumbline-hub", list, "--data", "hub", "--json")
                #expect(node.status == 0 && hub.status == 0, "\(list)")
                let theirs = try rows(hub.text)
                let ours = try rows(node.text)
                #expect(ours == theirs, "\(list)")
                let lines = try programs.run("plumbline-hub", list, "--data", "hub", "--ndjson")
                #expect(lines.lines.count == theirs.count, "\(list)")
            }
            let events = try programs.run(
                "plumbline-hub",
                "events",
                "--data",
                "hub",
                "--json",
                "--limit",
                "2"
            )
            let first = try rows(events.text)
            #expect(first.count == 2)
            let rest = try programs.run(
                "plumbline-hub",
                "events",
                "--data",
                "hub",
                "--json",
                "--after",
                "2"
            )
            #expect(try rows(rest.text).first?["position"] == .string("3"))
            let stock = try programs.run("plumbline-hub", "stock", "A", "--data", "hub", "--json")
            let row = try #require(try rows(stock.text).first)
            #expect(row["available"] == .string("6"))
            #expect(row["rights_held"] == .string("6"))
        }
    }

    @Test func `the hub's status follows what its nodes tell`() async throws {
        try await withNetwork { programs, _ in
            let before = try programs.run("plumbline-hub", "status", "--data", "hub", "--json")
            #expect(before.status == 10, "the node has not told yet that it folded the last page")
            #expect(try programs.run("plumbline", "sync", "--data", "lon").status == 0)
            let output = try programs.run("plumbline-hub", "status", "--data", "hub", "--json")
            #expect(output.status == 0, "\(output.text)")
            let status = try JSONReader.read(Array(output.text.utf8))
            #expect(status["state"] == .string("in_sync"))
            guard case .array(let nodes)? = status["nodes"] else {
                Issue.record("The status has no nodes.")
                return
            }
            let node = try #require(nodes.first)
            #expect(node["state"] == .string("in_sync"))
            #expect(node["digest_agrees"] == .bool(true))
            #expect(node["pending"] == .number(JSONNumber(0)))
            #expect(node["acknowledged"] == .number(JSONNumber(4)))
        }
    }

    @Test func `the hub's lists over HTTP page by a header and refuse with problem details`()
        async throws
    {
        try await withNetwork { programs, url in
            let secret = try Data(contentsOf: programs.directory.file("hub/operator.token"))
            let token = secret.map { String(format: "%02x", $0) }.joined()
            func get(
                _ path: String,
                token: String
            ) async throws -> (status: Int, type: String?, next: String?, body: JSONValue) {
                var request = URLRequest(url: try #require(URL(string: url + path)))
                request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
                let (data, response) = try await URLSession.shared.data(for: request)
                let http = try #require(response as? HTTPURLResponse)
                return (
                    http.statusCode, http.value(forHTTPHeaderField: "Content-Type"),
                    http.value(forHTTPHeaderField: "Next-Cursor"),
                    try JSONReader.read([UInt8](data))
                )
            }
            var cursor: String?
            var seen: [JSONValue] = []
            repeat {
                let after = cursor.map { "&after=\($0)" } ?? ""
                let page = try await get("/api/v1/journal?limit=1\(after)", token: token)
                #expect(page.status == 200)
                #expect(page.type == "application/json")
                guard case .array(let rows) = page.body else {
                    Issue.record("The page is no array.")
                    return
                }
                seen += rows
                cursor = page.next
            } while cursor != nil
            #expect(seen.count == 4)
            let refused: [(path: String, token: String, status: Int, code: String)] = [
                ("/api/v1/stock", "wrong", 401, "unauthenticated"),
                ("/api/v1/stock?limit=0", token, 400, "parameter_invalid"),
                ("/api/v1/stock?colour=red", token, 400, "unknown_parameter"),
                ("/api/v1/orders?id=SO-9", token, 404, "not_found"),
                ("/api/v1/stock?site=NYC", token, 404, "unknown_site"),
                ("/api/v1/journal?after=%00", token, 400, "cursor_invalid"),
                ("/api/v1/events?after=999", token, 409, "cursor_ahead"),
            ]
            for (path, token, status, code) in refused {
                let reply = try await get(path, token: token)
                #expect(reply.status == status, "\(path)")
                #expect(reply.type == "application/problem+json")
                #expect(reply.body["code"] == .string(code), "\(path)")
                #expect(reply.body["status"] == .number(JSONNumber(Int64(status))))
            }
        }
    }

    @Test func `refusals of the hub's program are errors with a code, not usage errors`()
        async throws
    {
        try await withNetwork { programs, _ in
            for (arguments, status) in [
                (["orders", "SO-9", "--data", "hub"], 1), (["init", "--data", "hub"], 1),
                (["stock", "--data", "nowhere"], 1),
                (["stock", "--site", "NYC", "--data", "hub"], 1),
                (["status", "--data", "hub", "--hub", "http://127.0.0.1:9"], 3),
                (["stock", "--limit", "0", "--data", "hub"], 64), (["nonsense"], 64),
                (["--version"], 0), (["--help"], 0),
            ] as [([String], Int32)] {
                let output = try programs.run("plumbline-hub", arguments)
                #expect(output.status == status, "\(arguments)")
            }
        }
    }
}
