import ArgumentParser
import Reports

struct StockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stock",
        abstract: "Shows what is on hand, bound and free, one row per item.",
        discussion: """
            Example: plumbline-hub stock 85123A --site LON
            """
    )

    @OptionGroup var list: ListOptions
    @Argument(help: "The items; all if none is given.") var skus: [String] = []
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?
    @Option(
        help: ArgumentHelp(
            "A row for each `location` (and lot and status), or for each `lot`.",
            valueName: "location|lot"
        )
    )
    var by: String?
    @Option(
        help: ArgumentHelp(
            "Only items of which less than this is available.",
            valueName: "quantity"
        )
    )
    var below: String?

    func run() async throws {
        let items = skus.map { (name: "sku", value: Optional($0)) }
        try await list.show(
            .stock,
            items + [("site", site), ("by", by), ("below", below)]
        )
    }
}

struct OrdersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orders",
        abstract: "Shows where orders stand, a row for each line.",
        discussion: """
            Example: plumbline-hub orders SO-1001
            """
    )

    @OptionGroup var list: ListOptions
    @Argument(help: "The order; all if none is given.") var order: String?
    @Option(help: "This item alone; may be repeated.") var sku: [String] = []
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?
    @Option(help: ArgumentHelp("Only those that are `open`, or only `closed`.", valueName: "state"))
    var state: String?

    func run() async throws {
        let items = sku.map { (name: "sku", value: Optional($0)) }
        try await list.show(
            .orders,
            items + [("id", order), ("site", site), ("state", state)]
        )
    }
}

struct TransfersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfers",
        abstract: "Shows where transfers between sites stand, a row for each line.",
        discussion: """
            Example: plumbline-hub transfers --state open
            """
    )

    @OptionGroup var list: ListOptions
    @Argument(help: "The transfer; all if none is given.") var transfer: String?
    @Option(help: "This item alone; may be repeated.") var sku: [String] = []
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?
    @Option(help: ArgumentHelp("Only those that are `open`, or only `closed`.", valueName: "state"))
    var state: String?

    func run() async throws {
        let items = sku.map { (name: "sku", value: Optional($0)) }
        try await list.show(
            .transfers,
            items + [("id", transfer), ("site", site), ("state", state)]
        )
    }
}

struct JournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Shows the double-entry journal, a row for each debit and credit.",
        discussion: """
            Example: plumbline-hub journal --site LON --period 2026-11 --account cogs
            """
    )

    @OptionGroup var list: ListOptions
    @Option(help: "This item alone; may be repeated.") var sku: [String] = []
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?
    @Option(help: ArgumentHelp("This account alone, such as cogs.", valueName: "account"))
    var account: String?
    @Option(help: ArgumentHelp("What this event posted, such as lon-1:42.", valueName: "event"))
    var event: String?
    @Option(help: ArgumentHelp("What was posted in this month.", valueName: "YYYY-MM"))
    var period: String?
    @Flag(help: "Only what belongs to a closed month and was posted later.") var late = false
    @Flag(help: "Shows the newest first.") var newest = false

    func run() async throws {
        let items = sku.map { (name: "sku", value: Optional($0)) }
        try await list.show(
            .journal,
            items + [
                ("site", site), ("account", account), ("event", event), ("period", period),
                ("late", late ? "true" : nil),
                ("newest", newest ? "true" : nil),
            ]
        )
    }
}

struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Shows what was recorded, in the hub's order.",
        discussion: """
            The position of the last row is the cursor to go on from later: --after 1234.

            Example: plumbline-hub events --newest --limit 20
            """
    )

    @OptionGroup var list: ListOptions
    @Argument(help: "The event, such as lon-1:42; all if none is given.") var event: String?
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?
    @Option(help: ArgumentHelp("Only this type, such as goods_received.", valueName: "type"))
    var type: String?
    @Flag(help: "Shows the newest first.") var newest = false

    func run() async throws {
        try await list.show(
            .events,
            [
                ("event", event), ("site", site), ("type", type),
                ("newest", newest ? "true" : nil),
            ]
        )
    }
}

struct ConflictsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conflicts",
        abstract: "Shows the rules that concurrent events broke, and what came of it.",
        discussion: "Example: plumbline-hub conflicts list --state open",
        subcommands: [
            ConflictsListCommand.self, ConflictsShowCommand.self, ConflictsResolveCommand.self,
        ],
        defaultSubcommand: ConflictsListCommand.self
    )
}

struct ConflictsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the conflicts.",
        discussion: """
            Example: plumbline-hub conflicts list --state open
            """
    )

    @OptionGroup var list: ListOptions
    @Argument(help: "The conflict; all if none is given.") var conflict: String?
    @Option(help: "This item alone; may be repeated.") var sku: [String] = []
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?
    @Option(
        help: ArgumentHelp("Only those that are `open`, or only `resolved`.", valueName: "state")
    )
    var state: String?

    func run() async throws {
        let items = sku.map { (name: "sku", value: Optional($0)) }
        try await list.show(
            .conflicts,
            items + [("id", conflict), ("site", site), ("state", state)]
        )
    }
}

struct ConflictsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows one conflict, at every site that it touches.",
        discussion: """
            Example: plumbline-hub conflicts show c-0123456789abcdef --json
            """
    )

    @OptionGroup var list: ListOptions
    @Argument(help: "The id of the conflict.") var conflict: String

    func run() async throws {
        try await list.show(.conflicts, [("id", conflict)])
    }
}

struct ExceptionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exceptions",
        abstract: "Shows the rules that were broken in knowledge of each other's events.",
        discussion: "Example: plumbline-hub exceptions list --state open",
        subcommands: [ExceptionsListCommand.self, ExceptionsAcknowledgeCommand.self],
        defaultSubcommand: ExceptionsListCommand.self
    )
}

struct ExceptionsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the exceptions.",
        discussion: """
            Example: plumbline-hub exceptions list --state open
            """
    )

    @OptionGroup var list: ListOptions
    @Option(help: "This item alone; may be repeated.") var sku: [String] = []
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?
    @Option(
        help: ArgumentHelp(
            "Only those that are `open`, or only `acknowledged`.",
            valueName: "state"
        )
    )
    var state: String?

    func run() async throws {
        let items = sku.map { (name: "sku", value: Optional($0)) }
        try await list.show(.exceptions, items + [("site", site), ("state", state)])
    }
}

struct NodesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nodes",
        abstract: "Shows the nodes that have joined, and when each was heard of.",
        discussion: """
            Example: plumbline-hub nodes
            """
    )

    @OptionGroup var list: ListOptions
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?

    func run() async throws {
        try await list.show(.nodes, [("site", site)])
    }
}

struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks",
        abstract: "Lists what somebody has to do: count, put back, call back.",
        discussion: """
            | Task             | Means                                                      |
            | ---------------- | ---------------------------------------------------------- |
            | recount          | count the item in the place that is named                  |
            | put_back         | unpick what was cancelled after its pick                   |
            | unpick           | unpick what was picked beyond the order                    |
            | request_return   | ask the customer for what was cancelled too late           |
            | return_transfer  | send back what was transferred although cancelled          |
            | recall           | call back units that left although they are quarantined    |

            A task is done by the event that does it, and then is gone.

            Example: plumbline-hub tasks
            """
    )

    @OptionGroup var list: ListOptions
    @Argument(help: ArgumentHelp("The items; all if none is given.", valueName: "sku"))
    var items: [String] = []
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?

    func run() async throws {
        try await list.show(.tasks, items.map { ("sku", $0) } + [("site", site)])
    }
}

struct LotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lots",
        abstract: "Lists the orders for which units of a lot were taken: whom a recall concerns.",
        discussion: """
            What is still in stock of a lot is shown by `stock --by lot`.

            Example: plumbline-hub lots L-2026-31
            """
    )

    @OptionGroup var list: ListOptions
    @Argument(help: "The lot; all if none is given.") var lot: String?
    @Option(help: ArgumentHelp("This item alone; repeatable.", valueName: "sku"))
    var sku: [String] = []
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?

    func run() async throws {
        try await list.show(.lots, [("id", lot), ("site", site)] + sku.map { ("sku", $0) })
    }
}
struct SerialsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serials",
        abstract: "Lists where each unit is that is kept by serial number.",
        discussion: """
            With a serial number it tells the unit's whole way: where it is now, then where it
            was, from the first place on, each with the event that brought it there.

            Example: plumbline-hub serials SN-0042
                     plumbline-hub serials --sku PUMP-3 --state here
            """
    )

    @OptionGroup var list: ListOptions
    @Argument(help: "The serial number; all units if none is given.") var serial: String?
    @Option(help: ArgumentHelp("This item alone; repeatable.", valueName: "sku"))
    var sku: [String] = []
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?
    @Option(help: ArgumentHelp("Units that are here, or away.", valueName: "here|away"))
    var state: String?

    func run() async throws {
        let filters = [("id", serial), ("site", site), ("state", state)]
        try await list.show(.serials, filters + sku.map { ("sku", $0) })
    }
}
