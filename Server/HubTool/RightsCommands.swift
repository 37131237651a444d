import ArgumentParser
import Interchange
import Reports

/// Who may promise how much, and moving it between those who may.
struct RightsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rights",
        abstract: "Shows who may promise how much without asking, and moves it.",
        discussion: """
            The hub holds rights like a node: it gives of its own, and asks others for theirs. It
            takes them away only from a node that was retired because it is lost.

            Examples:
              plumbline-hub rights show --sku 85123A
              plumbline-hub rights request 85123A 10 --site LON --from lon-1
              plumbline-hub rights grant 85123A 5 --site LON --to lon-2
              plumbline-hub rights reclaim 85123A 12 --site LON --from lon-3 --to lon-1
            """,
        subcommands: [
            RightsShowCommand.self, RightsRequestCommand.self, RightsGrantCommand.self,
            RightsReclaimCommand.self,
        ],
        defaultSubcommand: RightsShowCommand.self
    )
}

struct RightsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows who may promise how much; `frozen` waits for nodes to be heard.",
        discussion: """
            Example: plumbline-hub rights show --sku 85123A
            """
    )

    @OptionGroup var list: ListOptions
    @Option(help: "This item alone; may be repeated.") var sku: [String] = []
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?

    func run() async throws {
        let items = sku.map { (name: "sku", value: Optional($0)) }
        try await list.show(.rights, items + [("site", site)])
    }
}

/// The stock whose rights move, and how many.
struct RightsArguments: ParsableArguments {
    @Argument(help: "The item.") var sku: String
    @Argument(help: "Units, at the item's decimals.") var quantity: String
    @Option(help: ArgumentHelp("The site whose stock it is.", valueName: "site"))
    var site: String
    @Option(help: ArgumentHelp("Who decides it.", valueName: "person"))
    var actor: String?

    func write(to command: inout JSONWriter) {
        command.member("site", site)
        command.member("sku", sku)
        command.member("quantity", quantity)
        if let actor { command.member("actor", actor) }
    }
}

struct RightsRequestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "request",
        abstract: "Asks a node for promise rights; its agent answers when it hears of it.",
        discussion: "Example: plumbline-hub rights request 85123A 10 --site LON --from lon-1"
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @OptionGroup var rights: RightsArguments
    @Option(help: ArgumentHelp("The node that is asked.", valueName: "node"))
    var from: String

    func run() async throws {
        try await output.record("rights_requested", at: target) { command in
            rights.write(to: &command)
            command.member("to", from)
        }
    }
}

struct RightsGrantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grant",
        abstract: "Gives promise rights of the hub to a node.",
        discussion: "Example: plumbline-hub rights grant 85123A 5 --site LON --to lon-2"
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @OptionGroup var rights: RightsArguments
    @Option(help: ArgumentHelp("The node that gets them.", valueName: "node"))
    var to: String

    func run() async throws {
        try await output.record("rights_granted", at: target) { command in
            rights.write(to: &command)
            command.member("to", to)
        }
    }
}

struct RightsReclaimCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reclaim",
        abstract: "Takes promise rights from a node that is lost and was retired.",
        discussion: """
            What the lost node promised and never told may lack units then: make sure that no copy
            of it runs.

            Example: plumbline-hub rights reclaim 85123A 12 --site LON --from lon-3 --to lon-1
            """
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @OptionGroup var rights: RightsArguments
    @Option(help: ArgumentHelp("The retired node.", valueName: "node"))
    var from: String
    @Option(help: ArgumentHelp("The node that gets them; default: the hub.", valueName: "node"))
    var to: String?

    func run() async throws {
        try await output.record("rights_reclaimed", at: target) { command in
            rights.write(to: &command)
            command.member("from", from)
            if let to { command.member("to", to) }
        }
    }
}

/// What an operator does about one node.
struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "Lets a node promise, or takes one out of the network.",
        discussion: """
            Examples:
              plumbline-hub nodes
              plumbline-hub node activate lon-2
              plumbline-hub node retire lon-3
            """,
        subcommands: [NodeActivateCommand.self, NodeRetireCommand.self]
    )
}

struct NodeActivateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activate",
        abstract: "Lets a newcomer promise before all others of its site have heard of it.",
        discussion: """
            By itself it may promise once they have; until then it records, and promises
            provisionally. Override that only when a node of the site does not answer any more.

            Example: plumbline-hub node activate lon-2
            """
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: "The node's name.") var node: String

    func run() async throws {
        try await output.record("node_activated", at: target) { command in
            command.member("node", node)
        }
    }
}

struct NodeRetireCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire",
        abstract: "Takes a node out of the network for good: nobody waits for it any more.",
        discussion: """
            Its events stay. What it may still promise is taken back by `rights reclaim`.

            Example: plumbline-hub node retire lon-3
            """
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: "The node's name.") var node: String

    func run() async throws {
        try await output.record("node_retired", at: target) { command in
            command.member("node", node)
        }
    }
}

extension OutputOptions {
    /// Records one command at the hub and prints what came of it.
    func record(
        _ type: String,
        at target: OperatorTarget,
        _ members: (inout JSONWriter) -> Void
    ) async throws {
        try await run {
            var writer = JSONWriter()
            writer.object { json in
                json.member("type", type)
                members(&json)
            }
            for result in try await HubRecorder(target).record([writer.bytes]) {
                if let refusal = result.refusal { throw Failure(refusal) }
                if json {
                    Console.print(ResultFormat.encode(result))
                } else {
                    Console.print("\(result.status.rawValue) \(result.event ?? "")")
                }
            }
            return 0
        }
    }
}
