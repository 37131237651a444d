import ArgumentParser
import Interchange
import Reports

// The months of the books.

struct PeriodCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "period",
        abstract: "Closes the books of a month, and lists the closed ones.",
        discussion: """
            What becomes known of a closed month later keeps its quantity at its own time;
            its value is posted on the first day of the first month that is open, and
            `journal --late` lists it. Nothing that was posted is ever changed.

            Examples:
              plumbline-hub period close 2026-11 --actor ann
              plumbline-hub period list
            """,
        subcommands: [PeriodCloseCommand.self, PeriodListCommand.self],
        defaultSubcommand: PeriodListCommand.self
    )
}

struct PeriodCloseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close",
        abstract: "Closes the books of a month that is over, and of all months before it.",
        discussion: """
            It is refused while a node has not shown, since the end of the month, that it
            holds nothing back; the refusal names those nodes, and `nodes` shows the
            watermark of each. An override closes it without them: it says why, names who
            does it, and is kept with the nodes that were silent. A closed month is never
            opened again.

            Examples:
              plumbline-hub period close 2026-11 --actor ann
              plumbline-hub period close 2026-11 --actor ann --override "lon-2 burnt down"
            """
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: ArgumentHelp("The month.", valueName: "YYYY-MM")) var period: String
    @Option(
        name: .customLong("override"),
        help: ArgumentHelp("Why it is closed although nodes are silent.", valueName: "reason")
    )
    var reason: String?
    @Option(help: ArgumentHelp("Who closes it.", valueName: "person"))
    var actor: String?

    func run() async throws {
        try await output.record("period_closed", at: target) { command in
            command.member("period", period)
            if let reason { command.member("override", reason) }
            if let actor { command.member("actor", actor) }
        }
    }
}

struct PeriodListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the closed months, with who closed them and the nodes that were silent.",
        discussion: "Example: plumbline-hub period list --json"
    )

    @OptionGroup var list: ListOptions

    func run() async throws { try await list.show(.periods, []) }
}

struct TrialBalanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trial-balance",
        abstract: "Shows what each account had, got and has.",
        discussion: """
            Debits are positive. The sum of each column over all accounts of the network
            is zero; one site alone may owe another for goods in transit.

            Example: plumbline-hub trial-balance --period 2026-11 --site LON
            """
    )

    @OptionGroup var list: ListOptions
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?
    @Option(help: ArgumentHelp("This month, with what was before it.", valueName: "YYYY-MM"))
    var period: String?

    func run() async throws {
        try await list.show(.trialBalance, [("site", site), ("period", period)])
    }
}
