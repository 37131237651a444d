import ArgumentParser
import Interchange
import Reports

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes the journal or the events for other programs.",
        discussion: """
            Forms: beancount, ledger (for Ledger and hledger), csv, events (JSON lines).
            A chart gives the accounts the names of your own books, a line for each:
            cogs = Expenses:Goods:{site}. What one entry moves between two sites is
            balanced at each by Equity:BetweenSites. Pending entries are left out, unless
            --pending asks for them.

            Examples:
              plumbline export beancount --period 2026-11 --out 2026-11.beancount
              plumbline export csv --chart chart.txt > journal.csv
            """
    )

    @OptionGroup var common: CommonOptions
    @Argument(
        help: "beancount, ledger, csv or events.",
        transform: { text in
            guard let form = ExportFormat(rawValue: text) else {
                throw ValidationError("The forms are beancount, ledger, csv and events.")
            }
            return form
        }
    )
    var form: ExportFormat
    @Option(help: ArgumentHelp("A new file; default: the standard output.", valueName: "file"))
    var out: String?
    @Option(help: ArgumentHelp("What the accounts are called.", valueName: "file"))
    var chart: String?
    @Option(help: ArgumentHelp("What was posted in this month.", valueName: "YYYY-MM"))
    var period: String?
    @Flag(help: "Writes pending entries too, whose values may still change.")
    var pending = false

    func validate() throws {
        guard form == .events else { return }
        if chart != nil || period != nil {
            throw ValidationError("--chart and --period are for the journal.")
        }
    }

    func run() async throws {
        let (common, out, chart, form) = (common, out, chart, form)
        let (period, pending) = (period, pending)
        try await common.run {
            let names = try AccountChart(
                text: chart.map { try ExportFile.chartText(path: $0) } ?? ""
            )
            let file = try ExportFile(path: out)
            let count: Int
            do {
                count = try await form.write(
                    [("period", period)],
                    chart: names,
                    includesPending: pending,
                    fetch: { query in try await common.report(query) },
                    write: file.write
                )
            } catch {
                file.discard()
                throw error
            }
            if count > 0 { Console.note("Left out: \(count) lines that are pending.") }
            return 0
        }
    }
}
