/// What an export is made of.
public enum ExportFormat: String, CaseIterable, Sendable {
    /// The journal for Beancount.
    case beancount
    /// The journal for Ledger and hledger.
    case ledger
    /// The journal as a table.
    case csv
    /// All events, a JSON object on each line.
    case events

    /// The form of the journal; nil for events.
    private var journal: JournalExport.Format? { JournalExport.Format(rawValue: rawValue) }

    /// Writes an export.
    ///
    /// - Parameters:
    ///   - filters: What narrows the journal, by the names of ``ReportQuery``.
    ///   - chart: What the accounts are called; of no use for events.
    ///   - includesPending: Whether pending entries are written too.
    ///   - fetch: Reads one page of a list.
    ///   - write: Takes the bytes.
    /// - Returns: How many lines of pending entries were left out.
    /// - Throws: What `fetch` and `write` throw, or ``InterchangeError``.
    public func write(
        _ filters: [(name: String, value: String?)],
        chart: AccountChart,
        includesPending: Bool = false,
        fetch: (ReportQuery) async throws -> ReportPage,
        write: ([UInt8]) throws -> Void
    ) async throws -> Int {
        let parameters = filters.compactMap { filter in
            filter.value.map { (name: filter.name, value: $0) }
        }
        let kind = journal == nil ? ReportKind.events : .journal
        var query = try ReportQuery(kind, parameters: parameters)
        if let journal {
            return try await ReportPrinter.export(
                query,
                as: journal,
                chart: chart,
                includesPending: includesPending,
                fetch: fetch,
                write: write
            )
        }
        query.limit = ReportQuery.limitMax
        repeat {
            let page = try await fetch(query)
            try write(page.lines)
            query.after = page.next
        } while query.after != nil
        return 0
    }
}
