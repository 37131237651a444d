import ArgumentParser
import Causality
import CurlTransport
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
            identity.show(json: options.json)
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
            let node = try await options.openNode()
            let peer = try CurlPeer(address: url)
            defer { peer.shutdown() }
            let identity = try await node.join(
                url: url,
                token: token,
                peer: peer,
                key: options.key()
            )
            identity.show(json: options.json)
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
            let status = try await EdgeStatus.read(from: options.openNode())
            status.show(json: options.json)
            return status.state.exitCode
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
            let node = try await options.openNode()
            guard let link = try await node.log.read({ log in try log.link() }) else {
                throw ReplicationError(
                    .hubUnreachable,
                    "The node has not joined a hub.",
                    hint: "Run `plumbline join` with a token of the hub's `invite`."
                )
            }
            let key = try options.key()
            let peer = try CurlPeer(address: link.url)
            defer { peer.shutdown() }
            let isInSync = try await exchange(node, peer, key)
            let status = try await EdgeStatus.read(from: node)
            status.show(json: options.json)
            guard wait else { return 0 }
            guard isInSync else { return EdgeStatus.State.behind.exitCode }
            return status.state.exitCode
        }
    }

    private func exchange(
        _ node: EdgeNode,
        _ peer: any ReplicationPeer,
        _ key: NodeKey
    ) async throws -> Bool {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: .seconds(Int64(timeout)))
        while true {
            do {
                let isInSync = try await node.sync(peer: peer, key: key)
                if isInSync || !wait || clock.now >= end { return isInSync }
            } catch let error as ReplicationError {
                guard wait, error.isRetryable, clock.now < end else { throw error }
            }
            try await Task.sleep(for: .milliseconds(500), clock: clock)
        }
    }
}

extension NodeIdentity {
    /// Prints who a node is.
    fileprivate func show(json: Bool) {
        guard json else {
            Console.print("\(name) at \(site?.text ?? "-"), \(currency)")
            return
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("site", orNull: site?.text)
            writer.member("node", name.text)
            writer.member("node_id", node.description)
            writer.member("currency", currency.text)
            writer.member("money_scale", number: moneyScale)
        }
        Console.print(writer.bytes)
    }
}

extension EdgeStatus {
    /// Prints how a node stands.
    fileprivate func show(json: Bool) {
        guard json else {
            for line in lines { Console.print(line) }
            return
        }
        var writer = JSONWriter()
        encode(to: &writer)
        Console.print(writer.bytes)
    }
}
