import ArgumentParser
import Edge
import Interchange
import InventoryEngine
import Replication

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes the node's database; works without a hub.",
        discussion: "Example: plumbline init --site LON"
    )

    @OptionGroup var options: CommonOptions
    @Option(help: "The code of the node's site.") var site: String
    @Option(help: "The node's name; SITE-1 in lower case if it is not given.") var node: String?
    @Option(help: "The network's currency, ISO 4217.") var currency = "GBP"
    @Option(help: "The decimals of amounts, 0 to 6.") var moneyScale: UInt8 = 4

    func run() async throws {
        guard let site = SiteCode(site) else { throw ValidationError("--site is no site code.") }
        guard let name = Label(node ?? "\(site.text.lowercased())-1") else {
            throw ValidationError("--node is no name.")
        }
        let isCode = currency.utf8.count == 3 && currency.utf8.allSatisfy { 65...90 ~= $0 }
        guard isCode, let currency = Label(currency) else {
            throw ValidationError("--currency is no code of three capital letters.")
        }
        guard moneyScale <= 6 else { throw ValidationError("--money-scale is above 6.") }
        try await options.run {
            let log = try options.openLog(create: true)
            try options.makeKey()
            let identity = try await EdgeNode.initialise(
                log: log,
                site: site,
                name: name,
                currency: currency,
                moneyScale: moneyScale
            )
            var writer = JSONWriter()
            identity.encode(to: &writer)
            try showIdentity(writer.bytes, json: options.json)
            return 0
        }
    }
}

struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Enrols the node at a hub.",
        discussion: "Example: plumbline join https://hub.example --token TOKEN"
    )

    @OptionGroup var options: CommonOptions
    @Argument(help: "Where the hub answers.") var url: String
    @Option(help: "The one-time token of the hub's `invite`.") var token: String

    func run() async throws {
        try await options.run {
            let identity = try await options.door().join(url: url, token: token)
            try showIdentity(identity, json: options.json)
            return 0
        }
    }
}

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows how the node stands.",
        discussion: """
            Exits with 0 in sync, 10 behind, 3 offline, 4 attention, 5 damage; the worst wins.

            Example: plumbline status --json
            """
    )

    @OptionGroup var options: CommonOptions

    func run() async throws {
        try await options.run {
            let status = try await NodeStatus(json: options.door().status())
            status.show(json: options.json)
            return status.exitCode
        }
    }
}

struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Pushes and pulls once, now.",
        discussion: "Example: plumbline sync --wait"
    )

    @OptionGroup var options: CommonOptions
    @Flag(help: "Goes on until the node is in sync.") var wait = false
    @Option(help: "How many seconds --wait goes on.") var timeout: UInt32 = 60

    func run() async throws {
        try await options.run {
            let (isInSync, json) = try await options.door().sync(
                persists: wait,
                timeout: timeout
            )
            let status = try NodeStatus(json: json)
            status.show(json: options.json)
            guard wait else { return 0 }
            return isInSync ? status.exitCode : EdgeStatus.State.behind.exitCode
        }
    }
}

/// Prints who a node is.
private func showIdentity(_ bytes: [UInt8], json: Bool) throws {
    guard !json else { return Console.print(bytes) }
    let identity = try JSONReader.read(bytes)
    let parts = ["node", "site", "currency"].map { identity[$0]?.text ?? "-" }
    Console.print("\(parts[0]) at \(parts[1]), \(parts[2])")
}
