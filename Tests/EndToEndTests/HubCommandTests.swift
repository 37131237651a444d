import Foundation
import TestSupport
import Testing

extension Process {
    /// Ends the hub and waits for it: it still removes files of its own while it stops.
    fileprivate func stop() {
        if isRunning { terminate() }
        waitUntilExit()
    }
}

/// The hub's own commands, at a hub that runs and in the files of one that does not.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(5)))
struct HubCommandTests {
    private let commands = """
        {"type":"item_registered","sku":"85123A","name":"Holder","op":"i"}
        {"type":"goods_received","site":"LON","op":"r","lines":[{"sku":"85123A","quantity":7,"unit_cost":2}]}
        {"type":"goods_received","lines":[{"sku":"85123A","quantity":7}]}
        not json
        {"type":"goods_received","site":"LON","op":"r","lines":[{"sku":"85123A","quantity":7,"unit_cost":2}]}

        """

    private func objects(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map { line in
            let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return value as? [String: Any] ?? [:]
        }
    }

    private func onHand(_ programs: Programs) throws -> String? {
        let output = try programs.run("plumbline-hub", "stock", "--data", "hub", "--json")
        let rows = try JSONSerialization.jsonObject(with: Data(output.text.utf8))
        return (rows as? [[String: Any]])?.first?["on_hand"] as? String
    }

    /// Asks a running hub as a program does.
    private func post(
        _ body: String,
        to url: String,
        token: String?
    ) async throws -> (status: Int, type: String, text: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/curl")
        process.arguments =
            [
                "-s", "-o", "-", "-w", "\n%{http_code} %{content_type}", "--data-binary", body,
                "\(url)/api/v1/commands",
            ] + (token.map { ["-H", "Authorization: Bearer \($0)"] } ?? [])
        let output = Pipe()
        process.standardOutput = output
        try Programs.start(process)
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self)
        let last = try #require(text.split(separator: "\n").last?.split(separator: " "))
        return (Int(last[0]) ?? 0, String(last.last ?? ""), text)
    }

    @Test(arguments: [false, true])
    func `commands are recorded at the hub, line by line, whether it runs or not`(
        isRunning: Bool
    ) async throws {
        try await withTemporaryDirectory { directory in
            let programs = Programs(directory: directory)
            try programs.run("plumbline-hub", "init", "--data", "hub")
            let hub = isRunning ? try programs.serve().process : nil
            defer { hub?.stop() }
            let added = try programs.run(
                "plumbline-hub",
                ["site", "add", "LON", "--name", "London", "--data", "hub"]
            )
            #expect(added.status == 0, "\(added.errors)")
            let list = try programs.run("plumbline-hub", "site", "list", "--data", "hub", "--json")
            #expect(list.text.contains(#"[{"site":"LON","name":"London"}]"#))
            let recorded = try programs.run(
                "plumbline-hub",
                "record",
                "--data",
                "hub",
                input: commands
            )
            #expect(recorded.status == 1)
            let results = try objects(recorded.text)
            #expect(
                results.map { $0["status"] as? String }
                    == ["recorded", "recorded", "refused", "refused", "duplicate"]
            )
            #expect(
                results.map { $0["event"] as? String }
                    == ["hub:2", "hub:3", nil, nil, "hub:3"]
            )
            let codes = results.map { ($0["error"] as? [String: Any])?["code"] as? String }
            #expect(codes == [nil, nil, "missing_field", "json_malformed", nil])
            #expect(try onHand(programs) == "7")
            let stopped = try programs.run(
                "plumbline-hub",
                "record",
                "--stop-on-error",
                "--data",
                "hub",
                input: """
                    not json
                    {"type":"scrapped","site":"LON","reason":"x","lines":[{"sku":"85123A","quantity":1}]}

                    """
            )
            #expect(stopped.status == 1)
            #expect(stopped.lines.count == 1)
            #expect(try onHand(programs) == "7")
        }
    }

    @Test func `what the hub records reaches the site's node by the next sync`() async throws {
        try await withTemporaryDirectory { directory in
            let programs = Programs(directory: directory)
            try programs.run("plumbline-hub", "init", "--data", "hub")
            let invited = try programs.run(
                "plumbline-hub",
                ["invite", "--data", "hub", "--site", "LON", "--node", "lon-1"]
            )
            let token = try #require(invited.lines.last)
            try programs.run("plumbline", "init", "--data", "lon", "--site", "LON")
            let (hub, url) = try programs.serve()
            defer { hub.stop() }
            let joined = try programs.run(
                "plumbline",
                ["join", url, "--data", "lon", "--token", token]
            )
            #expect(joined.status == 0)
            try programs.run("plumbline-hub", "record", "--data", "hub", input: commands)
            #expect(try programs.run("plumbline", "sync", "--data", "lon").status == 0)
            let status = try programs.run("plumbline", "status", "--data", "lon", "--json")
            #expect(status.status == 0, "\(status.text)")
            let stock = try programs.run("plumbline", "stock", "--data", "lon", "--json")
            #expect(stock.text.contains(#""on_hand":"7""#))
            #expect(stock.text.contains(#""value":"14.0000""#))
        }
    }

    @Test func `the hub takes commands by HTTP from its operator only`() async throws {
        try await withTemporaryDirectory { directory in
            let programs = Programs(directory: directory)
            try programs.run("plumbline-hub", "init", "--data", "hub")
            let (hub, url) = try programs.serve()
            defer { hub.stop() }
            let secret = try Data(contentsOf: directory.url.appending(path: "hub/operator.token"))
            let token = secret.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            let one = "{\n  \"type\": \"item_registered\",\n  \"sku\": \"A\", \"name\": \"A\"\n}\n"
            for stranger in [nil, "00" + token.dropFirst(2)] {
                let denied = try await post(one, to: url, token: stranger)
                #expect(denied.status == 401)
            }
            let single = try await post(one, to: url, token: token)
            #expect(single.status == 200)
            #expect(single.text.contains(#""event":"hub:1","status":"recorded""#))
            let many = try await post(commands, to: url, token: token)
            #expect(many.status == 200)
            #expect(many.type == "application/x-ndjson")
            // The site is not registered here.
            let results = try objects(
                many.text.split(separator: "\n").dropLast().joined(separator: "\n")
            )
            let codes = results.map { ($0["error"] as? [String: Any])?["code"] as? String }
            #expect(
                codes == [nil, "unknown_site", "missing_field", "json_malformed", "unknown_site"]
            )
        }
    }

    @Test(arguments: [false, true])
    func `a backup is a whole hub of its own, and never overwrites a file`(
        isRunning: Bool
    ) async throws {
        try await withTemporaryDirectory { directory in
            let programs = Programs(directory: directory)
            try programs.run("plumbline-hub", "init", "--data", "hub")
            try programs.run("plumbline-hub", "site", "add", "LON", "--data", "hub")
            try programs.run("plumbline-hub", "record", "--data", "hub", input: commands)
            let hub = isRunning ? try programs.serve().process : nil
            defer { hub?.stop() }
            let backup = try programs.run(
                "plumbline-hub",
                ["backup", "copy.sqlite", "--data", "hub", "--json"]
            )
            #expect(backup.status == 0, "\(backup.errors)")
            let report = try #require(try objects(backup.text).first)
            #expect(report["position"] as? String == "3")
            let file = directory.url.appending(path: "copy.sqlite")
            let bytes = try Data(contentsOf: file)
            #expect(report["bytes"] as? String == "\(bytes.count)")
            let again = try programs.run(
                "plumbline-hub",
                ["backup", "copy.sqlite", "--data", "hub"]
            )
            #expect(again.status != 0)
            #expect(again.errors.contains("backup_exists"))
            #expect(try Data(contentsOf: file) == bytes)
            let nowhere = try programs.run(
                "plumbline-hub",
                ["backup", "no/such/folder/copy.sqlite", "--data", "hub"]
            )
            #expect(nowhere.status != 0)

            // The copy in a hub's place serves what the hub held.
            let place = directory.url.appending(path: "other")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
            for name in ["hub.key", "operator.token"] {
                try FileManager.default.copyItem(
                    at: directory.url.appending(path: "hub/\(name)"),
                    to: place.appending(path: name)
                )
            }
            try FileManager.default.copyItem(at: file, to: place.appending(path: "hub.sqlite"))
            let stock = try programs.run("plumbline-hub", "stock", "--data", "other", "--json")
            #expect(stock.text.contains(#""on_hand":"7""#))
        }
    }
}
