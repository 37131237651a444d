import ArgumentParser
import Reports

// The months of the books, as a node sees them.

struct PeriodsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "periods",
        abstract: "Lists the months whose books the hub has closed.",
        discussion: """
            What is recorded of a closed month is taken; its value is posted in the first
            month that is open, and `journal --late` lists it.

            Example: plumbline periods --json
            """
    )

    @OptionGroup var list: ListOptions

    func run() async throws { try await list.show(.periods, []) }
}

struct TrialBalanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trial-balance",
        abstract: "Shows what each account of the site had, got and has.",
        discussion: """
            Debits are positive.

            Example: plumbline trial-balance --period 2026-11
            """
    )

    @OptionGroup var list: ListOptions
    @Option(help: ArgumentHelp("This month, with what was before it.", valueName: "YYYY-MM"))
    var period: String?

    func run() async throws {
        try await list.show(.trialBalance, [("period", period)])
    }
}
