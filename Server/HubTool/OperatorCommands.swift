import ArgumentParser
import Causality
import Foundation
import Hub
import Interchange
import InventoryEngine

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A hub that an operator asks: the one that runs, or else its files.
struct OperatorTarget: ParsableArguments {
    @OptionGroup var directory: HubDirectory
    @Option(name: .customLong("hub"), help: "The URL of the hub; default: the one that runs here.")
    var url: String?

    /// Asks the hub that runs; nil if none does.
    func ask(
        _ path: String,
        query: [URLQueryItem] = [],
        body: [UInt8]? = nil
    ) async throws -> [UInt8]? {
        guard let base = url ?? directory.runningHub() else { return nil }
        guard var parts = URLComponents(string: base) else {
            throw ValidationError("--hub is a URL.")
        }
        parts.path = path
        if !query.isEmpty { parts.queryItems = query }
        guard let address = parts.url else { throw ValidationError("--hub is a URL.") }
        var request = URLRequest(url: address)
        let token = try directory.operatorToken()
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        if let body {
            request.httpMethod = "POST"
            request.httpBody = Data(body)
        }
        let data: Data
        let response: URLResponse
        do {
            (data, response) = try await URLSession.shared.data(for: request)
        } catch let error as URLError where error.code == .cannotConnectToHost {
            // The address may be left over from a hub that was killed; then its files answer.
            guard url != nil else { return nil }
            try FileHandle.standardError.write(
                contentsOf: Data(
                    "Error: No hub answers at \(base).\nTry: start it with `serve`.\n".utf8
                )
            )
            throw ExitCode(3)
        }
        let text = String(decoding: data, as: UTF8.self)
        guard (response as? HTTPURLResponse)?.statusCode == 200 else {
            throw ValidationError("The hub refused: \(text)")
        }
        return [UInt8](data)
    }
}

/// Lets a node join.
struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite",
        abstract: "Prints a token by which one node can join, once, within 24 hours."
    )
    @OptionGroup var target: OperatorTarget
    @Option(help: "The node's site, such as LON.")
    var site: String
    @Option(help: "The node's name, such as lon-1.")
    var node: String

    func run() async throws {
        guard let code = SiteCode(site) else { throw ValidationError("--site is no site code.") }
        guard let name = Label(node) else { throw ValidationError("--node is no name.") }
        var writer = JSONWriter()
        writer.object { json in
            json.member("site", code.text)
            json.member("node", name.text)
        }
        if let reply = try await target.ask("/api/v1/invitations", body: writer.bytes) {
            print(try JSONReader.read(reply)["token"]?.text ?? "")
            return
        }
        let token = HubSecret.text(of: HubSecret.draw())
        let expiry = HubSecret.now().adding(microseconds: Invitation.lifetimeMicroseconds)
        let invitation = Invitation(site: code, name: name, expiresAt: expiry)
        try await target.directory.open().invite(invitation, token: token)
        print(token)
    }
}

/// Says where the hub stands.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Says where the hub stands."
    )
    @OptionGroup var target: OperatorTarget
    @Flag(help: "Prints JSON.")
    var json = false

    func run() async throws {
        let asked = try await target.ask("/api/v1/status")
        let report =
            if let asked { asked } else { try await target.directory.open().statusReport() }
        if json { return print(String(decoding: report, as: UTF8.self)) }
        let status = try JSONReader.read(report)
        print("epoch \(status["epoch"]?.text ?? "?"), head \(status["head"]?.text ?? "?")")
        guard case .array(let nodes)? = status["nodes"] else { return }
        for node in nodes {
            let fields = ["node", "site", "acknowledged"].map { node[$0]?.text ?? "-" }
            print(fields.joined(separator: "\t"))
        }
    }
}

/// Says what there is.
struct StockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stock",
        abstract: "Prints the stock of items at the sites."
    )
    @OptionGroup var target: OperatorTarget
    @Argument(help: "The items; all of them if none is named.")
    var skus: [String] = []
    @Option(help: "Only this site.")
    var site: String?
    @Flag(help: "Prints JSON.")
    var json = false

    func run() async throws {
        let items = try skus.map { text in
            guard let sku = SKU(text) else { throw ValidationError("\(text) is no SKU.") }
            return sku
        }
        let code = try site.map { text in
            guard let code = SiteCode(text) else { throw ValidationError("\(text) is no site.") }
            return code
        }
        var query = items.map { URLQueryItem(name: "sku", value: $0.text) }
        if let code { query.append(URLQueryItem(name: "site", value: code.text)) }
        let asked = try await target.ask("/api/v1/stock", query: query)
        let report =
            if let asked {
                asked
            } else {
                try await target.directory.open().stockReport(skus: items, site: code)
            }
        if json { return print(String(decoding: report, as: UTF8.self)) }
        let columns = ["site", "sku", "on_hand", "sellable", "reserved", "backordered", "value"]
        print(columns.joined(separator: "\t"))
        guard case .array(let rows) = try JSONReader.read(report) else { return }
        for row in rows {
            print(columns.map { row[$0]?.text ?? "-" }.joined(separator: "\t"))
        }
    }
}
