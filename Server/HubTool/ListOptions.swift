import ArgumentParser
import Interchange
import Reports

/// What every command that shows a list takes.
struct ListOptions: ParsableArguments {
    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Flag(help: "Prints a JSON object on each line.")
    var ndjson = false
    @Option(help: "How many rows at most; all if it is not given.")
    var limit: Int?
    @Option(
        help: ArgumentHelp(
            "Goes on where a list with --limit ended, by the cursor that it printed.",
            valueName: "cursor"
        )
    )
    var after: String?

    func validate() throws {
        if output.json, ndjson { throw ValidationError("Choose --json or --ndjson.") }
        if let limit, limit < 1 { throw ValidationError("--limit is a number from 1 on.") }
    }

    /// Shows a list.
    ///
    /// - Parameters:
    ///   - kind: Which list.
    ///   - filters: What narrows it, by the names of ``ReportQuery``; nil narrows nothing.
    /// - Throws: `ExitCode`; see ``OutputOptions/run(_:)``.
    func show(_ kind: ReportKind, _ filters: [(name: String, value: String?)]) async throws {
        let parameters = (filters + [("after", after)]).compactMap { filter in
            filter.value.map { (name: filter.name, value: $0) }
        }
        let target = target
        try await output.run {
            let next = try await ReportPrinter.show(
                ReportQuery(kind, parameters: parameters),
                limit: limit,
                as: output.json ? .array : ndjson ? .lines : .table,
                fetch: { query in try await target.report(query) },
                write: Console.write
            )
            if let next { Console.note("More: --after \(next)") }
            return 0
        }
    }
}
