import ArgumentParser
import Causality
import Hub
import Interchange
import InventoryEngine
import Replication

/// Makes a hub.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes a new hub.",
        discussion: "Example: plumbline-hub init --currency GBP"
    )
    @OptionGroup var directory: HubDirectory
    @OptionGroup var output: OutputOptions
    @Option(help: "The network's currency, ISO 4217.")
    var currency = "GBP"
    @Option(help: "The decimals of an amount, 0 to 6.")
    var moneyScale: UInt8 = 4

    func validate() throws {
        guard moneyScale <= 6 else { throw ValidationError("--money-scale is 0 to 6.") }
        let isCode = currency.utf8.count == 3 && currency.utf8.allSatisfy { 65...90 ~= $0 }
        guard isCode else { throw ValidationError("--currency is three capital letters.") }
    }

    func run() async throws {
        guard let currency = Label(currency), let name = Label("hub") else {
            throw ValidationError("--currency is three capital letters.")
        }
        try await output.run {
            try await make(currency, name)
            return 0
        }
    }

    private func make(_ currency: Label, _ name: Label) async throws {
        var generator = SystemRandomNumberGenerator()
        let identity = NodeIdentity(
            node: .random(using: &generator),
            site: nil,
            name: name,
            currency: currency,
            moneyScale: moneyScale
        )
        let epoch = Epoch(counter: 1, high: generator.next(), low: generator.next())
        let log = try directory.create(.generate())
        try await HubService.initialise(log, identity: identity, epoch: epoch)
        guard output.json else {
            return Console.print("hub \(identity.node) in \(directory.path)")
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("node_id", identity.node.description)
            writer.member("currency", currency.text)
            writer.member("money_scale", number: moneyScale)
            writer.member("data", directory.path)
        }
        Console.print(writer.bytes)
    }
}
