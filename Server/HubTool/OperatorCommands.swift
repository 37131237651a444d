import ArgumentParser
import Causality
import Hub
import Interchange
import InventoryEngine
import Reports

/// Lets a node join.
struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite",
        abstract: "Prints a token by which one node can join, once, within 24 hours.",
        discussion: "Example: plumbline-hub invite --site LON --node lon-1"
    )
    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Option(help: "The node's site, such as LON.")
    var site: String
    @Option(help: "The node's name, such as lon-1.")
    var node: String

    func run() async throws {
        guard let code = SiteCode(site) else { throw ValidationError("--site is no site code.") }
        guard let name = Label(node) else { throw ValidationError("--node is no name.") }
        try await output.run {
            let (token, expiry) = try await invite(code, name)
            guard output.json else {
                Console.print(token)
                return 0
            }
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("token", token)
                writer.member("expires_at", expiry)
            }
            Console.print(writer.bytes)
            return 0
        }
    }

    private func invite(
        _ site: SiteCode,
        _ name: Label
    ) async throws -> (token: String, expiry: String) {
        var writer = JSONWriter()
        writer.object { json in
            json.member("site", site.text)
            json.member("node", name.text)
        }
        if let reply = try await target.ask("/api/v1/invitations", body: writer.bytes) {
            let value = try JSONReader.read(reply.body)
            return (value["token"]?.text ?? "", value["expires_at"]?.text ?? "")
        }
        let token = HubSecret.text(of: HubSecret.draw())
        let expiry = Console.now().adding(microseconds: Invitation.lifetimeMicroseconds)
        let invitation = Invitation(site: site, name: name, expiresAt: expiry)
        try await target.directory.open().invite(invitation, token: token)
        return (token, expiry.rfc3339)
    }
}

/// Says where the hub stands.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows how the hub and its nodes stand.",
        discussion: """
            Exits with 0 in sync, 10 behind, recovering or with a silent node, 4 attention,
            5 damage; the worst wins. A hub that does not run hears of nobody: all nodes are silent.

            Example: plumbline-hub status --json
            """
    )
    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await output.run {
            var report: [UInt8]
            if let asked = try await target.ask("/api/v1/status") {
                report = asked.body
            } else {
                var writer = JSONWriter()
                try await target.directory.open().status(at: Console.now()).encode(to: &writer)
                report = writer.bytes
            }
            let status = try JSONReader.read(report)
            if output.json {
                Console.print(report)
            } else {
                show(status)
                try showNodes(status)
            }
            return HubStatus.State(rawValue: status["state"]?.text ?? "")?.exitCode
                ?? Failure.Exit.internal.rawValue
        }
    }

    private func show(_ status: JSONValue) {
        func text(_ path: String...) -> String {
            var value: JSONValue? = status
            for key in path { value = value?[key] }
            switch value {
            case .string(let text): return text
            case .number(let number): return number.text
            case nil, .null, .bool, .array, .object: return "-"
            }
        }
        Console.print("hub: \(text("state"))")
        Console.print("  epoch \(text("epoch")), head \(text("head")), durable \(text("durable"))")
        let attention = ["conflicts", "exceptions", "parked"].map {
            "\(text("attention", $0)) \($0)"
        }
        Console.print("  attention  \(attention.joined(separator: ", "))")
        let rate = text("ingest", "events_per_second")
        Console.print("  ingest     \(rate) events/s, \(text("ingest", "queue_depth")) queued")
    }

    private func showNodes(_ status: JSONValue) throws {
        guard case .array(let nodes)? = status["nodes"], !nodes.isEmpty else { return }
        var table = ReportTable(ReportQuery(.nodes))
        let rows = nodes.map { node in
            var writer = JSONWriter()
            writer.value(node)
            return writer.bytes
        }
        for line in try table.lines(of: rows) { Console.print(line) }
    }
}
