import ArgumentParser
import Interchange
import Reports

/// Who may promise how much, and moving it between those who may.
struct RightsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rights",
        abstract: "Shows who may promise how much without asking, and moves it.",
        discussion: """
            What a node may promise is its alone: it can do so in any outage. It gives of its own by
            `grant`; what others hold it can only ask for.

            Rights for the stock of another site let this node promise what that site ships
            (`plumbline order confirm --ship-from PAR`). Ask for them before they are needed:
            they are usable, also in an outage, once they have come.

            Examples:
              plumbline rights --sku 85123A
              plumbline rights grant 85123A 20 --to lon-2
              plumbline rights request 85123A 10 --from lon-2
              plumbline rights request 85123A 10 --from PAR --stock-site PAR
            """,
        subcommands: [
            RightsListCommand.self, RightsGrantCommand.self, RightsRequestCommand.self,
        ],
        defaultSubcommand: RightsListCommand.self
    )
}

struct RightsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Shows who may promise how much; `frozen` waits for other nodes to be heard.",
        discussion: """
            Example: plumbline rights list --sku 85123A
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

/// The item and how much of it.
struct RightsArguments: ParsableArguments {
    @Argument(help: "The item.") var sku: String
    @Argument(help: "Units, at the item's decimals.") var quantity: String
    @Option(
        help: ArgumentHelp("Whose stock may be promised; default: this site's.", valueName: "site")
    )
    var stockSite: String?

    func write(to command: inout JSONWriter) {
        command.member("sku", sku)
        command.member("quantity", quantity)
        command.member("stock_site", ifAny: stockSite)
    }
}

struct RightsGrantCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "grant",
        abstract: "Gives promise rights of this node to another one, or to the hub.",
        discussion: "Example: plumbline rights grant 85123A 20 --to lon-2"
    )
    static let records = CommandType.rightsGranted

    @OptionGroup var rights: RightsArguments
    @Option(help: ArgumentHelp("Who gets them: a node, a site, or hub.", valueName: "node"))
    var to: String
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        rights.write(to: &command)
        command.member("to", to)
    }
}

struct RightsRequestCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "request",
        abstract: "Asks another holder for promise rights; it answers when it hears of it.",
        discussion: "Example: plumbline rights request 85123A 10 --from lon-2"
    )
    static let records = CommandType.rightsRequested

    @OptionGroup var rights: RightsArguments
    @Option(
        help: ArgumentHelp(
            "Who is asked: a node or a site that has the stock, or hub.",
            valueName: "node"
        )
    )
    var from: String
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        rights.write(to: &command)
        command.member("to", from)
    }
}
