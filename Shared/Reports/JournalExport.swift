public import Interchange
import InventoryEngine

/// Writes the journal for another program, entry by entry, so that it is never held whole.
///
/// What is pending is left out where nobody asks for it: its values may still change. An entry that concerns several sites is
/// written once for each, balanced by the account `between_sites`, which is zero over the network.
public struct JournalExport: Sendable {
    /// The programs.
    public enum Format: String, CaseIterable, Sendable {
        /// Beancount, version 2 or later.
        case beancount
        /// Ledger and hledger.
        case ledger
        /// A table for spreadsheets: no cell of text can be read as a formula.
        case csv
    }

    /// One debit or credit as the list of the journal has it.
    private struct Line {
        var values: [String: String]

        init(_ json: [UInt8]) throws(InterchangeError) {
            let row = try JSONReader.read(json)
            values = [:]
            for name in [
                "entry", "posting_date", "valuation_date", "event", "account", "site", "sku",
                "debit", "credit", "currency",
            ] {
                values[name] = row[name]?.text
            }
            isLate = row["late"] == .bool(true)
            isPending = row["provisional"] == .bool(true)
        }

        let isLate: Bool
        let isPending: Bool

        subscript(name: String) -> String { values[name] ?? "" }

        /// Debits positive, credits negative.
        var amount: String {
            let isZero = self["debit"].allSatisfy { $0 == "0" || $0 == "." }
            return isZero ? "-" + self["credit"] : self["debit"]
        }

        /// Whether two lines belong to one entry at one site.
        func belongs(with other: Line) -> Bool {
            self["event"] == other["event"] && self["site"] == other["site"]
        }
    }

    private let format: Format
    private let chart: AccountChart
    private let includesPending: Bool
    private var entry: [Line] = []
    private var opened: Set<String> = []
    private var hasHead = false
    /// How many lines of pending entries were left out.
    public private(set) var pendingCount = 0

    /// Begins an export.
    public init(
        as format: Format,
        chart: AccountChart = AccountChart(),
        includesPending: Bool = false
    ) {
        self.format = format
        self.chart = chart
        self.includesPending = includesPending
    }

    /// Takes the next rows of the list of the journal.
    ///
    /// - Parameter rows: JSON objects, as a ``ReportPage`` has them.
    /// - Returns: What can be written by now.
    /// - Throws: ``InterchangeError`` if a row is no JSON or its amount no number.
    public mutating func add(_ rows: [[UInt8]]) throws(InterchangeError) -> [UInt8] {
        var text = head()
        for row in rows {
            let line = try Line(row)
            guard includesPending || !line.isPending else {
                pendingCount += 1
                continue
            }
            if let last = entry.last, !last.belongs(with: line) { text += try takeEntry() }
            entry.append(line)
        }
        return Array(text.utf8)
    }

    /// Ends the export.
    ///
    /// - Returns: The rest.
    /// - Throws: ``InterchangeError`` as ``add(_:)``.
    public mutating func finish() throws(InterchangeError) -> [UInt8] {
        Array((head() + (try takeEntry())).utf8)
    }

    private mutating func head() -> String {
        guard !hasHead else { return "" }
        hasHead = true
        switch format {
        case .beancount: return "option \"title\" \"Plumbline\"\n"
        case .ledger: return "; Plumbline\n"
        case .csv:
            return "entry,posting_date,valuation_date,event,account,name,site,sku,debit,credit,"
                + "currency,late\r\n"
        }
    }

    private mutating func takeEntry() throws(InterchangeError) -> String {
        let lines = entry
        entry = []
        guard let first = lines.first else { return "" }
        switch format {
        case .csv: return lines.map(row).joined()
        case .beancount: return try beancount(lines, first)
        case .ledger: return try ledger(lines, first)
        }
    }

    // MARK: Programs

    private mutating func beancount(
        _ lines: [Line],
        _ first: Line
    ) throws(InterchangeError) -> String {
        var text = ""
        var postings = ""
        func open(_ name: String) -> String {
            opened.insert(name).inserted ? "1900-01-01 open \(name)\n" : ""
        }
        for line in lines {
            let name = chart.name(line["account"], at: line["site"])
            text += open(name)
            postings += "  \(name)  \(line.amount) \(line["currency"])\n"
            postings += "    sku: \(Self.quoted(line["sku"]))\n"
            postings += "    valuation-date: \(line["valuation_date"])\n"
        }
        if let rest = try Self.rest(of: lines) {
            let name = chart.name(AccountChart.betweenSites, at: first["site"])
            text += open(name)
            postings += "  \(name)  \(rest) \(first["currency"])\n"
        }
        text += "\n\(first["posting_date"]) * \(Self.quoted(first["event"]))\n"
        if !first["entry"].isEmpty { text += "  entry: \(Self.quoted(first["entry"]))\n" }
        if first.isLate { text += "  late: TRUE\n" }
        return text + postings
    }

    private func ledger(_ lines: [Line], _ first: Line) throws(InterchangeError) -> String {
        let number = first["entry"].isEmpty ? "" : "(\(first["entry"])) "
        var text = "\n\(first["posting_date"]) * \(number)\(Self.plain(first["event"]))\n"
        if first.isLate { text += "    ; late: yes\n" }
        for line in lines {
            let name = chart.name(line["account"], at: line["site"])
            text +=
                "    \(name)  \(line.amount) \(line["currency"])  ; sku: \(Self.plain(line["sku"]))"
            text += ", valuation: \(line["valuation_date"])\n"
        }
        if let rest = try Self.rest(of: lines) {
            let name = chart.name(AccountChart.betweenSites, at: first["site"])
            text += "    \(name)  \(rest) \(first["currency"])\n"
        }
        return text
    }

    private func row(_ line: Line) -> String {
        let cells = [
            line["entry"], line["posting_date"], line["valuation_date"], line["event"],
            line["account"], chart.name(line["account"], at: line["site"]), line["site"],
            line["sku"], line["debit"], line["credit"], line["currency"], line.isLate ? "late" : "",
        ]
        return cells.map(Self.cell).joined(separator: ",") + "\r\n"
    }

    /// What an entry lacks at its site to balance; nil where it does.
    private static func rest(of lines: [Line]) throws(InterchangeError) -> String? {
        var sum: Int128 = 0
        var decimals = 0
        for line in lines {
            let (sign, digits) =
                line.amount.hasPrefix("-")
                ? (Int128(-1), line.amount.dropFirst()) : (1, line.amount[...])
            let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
            decimals = parts.count == 2 ? parts[1].utf8.count : 0
            guard 1...2 ~= parts.count, let units = Int64(parts.joined()) else {
                throw InterchangeError(
                    InterchangeError.Code("amount_invalid"),
                    "An amount of the journal is no number.",
                    field: "debit",
                    hint: "Run verify."
                )
            }
            sum -= sign * Int128(units)
        }
        guard sum != 0 else { return nil }
        let digits = String(sum.magnitude)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        let whole = padded.dropLast(decimals)
        let fraction = decimals == 0 ? "" : "." + padded.suffix(decimals)
        return (sum < 0 ? "-" : "") + whole + fraction
    }

    // MARK: Texts

    private static func quoted(_ text: String) -> String {
        "\"" + text.shown(max: 400).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            + "\""
    }

    /// Without what ends a description or a tag.
    private static func plain(_ text: String) -> String {
        String(text.shown(max: 400).map { ";|,".contains($0) ? "_" : $0 })
    }

    /// A cell that no spreadsheet takes for a formula.
    ///
    /// Source: OWASP, *CSV Injection*: a text that begins with `=`, `+`, `-`, `@`, a tab or a return
    /// gets an apostrophe before it.
    private static func cell(_ text: String) -> String {
        var cell = text
        if let first = text.unicodeScalars.first,
            "=+-@\t\r\u{FF1D}\u{FF0B}\u{FF0D}\u{FF20}".unicodeScalars.contains(first)
        {
            cell = "'" + text
        }
        guard cell.unicodeScalars.contains(where: { ",\"\r\n'".unicodeScalars.contains($0) }) else {
            return cell
        }
        return "\"" + cell.replacing("\"", with: "\"\"") + "\""
    }
}

extension ReportPrinter {
    /// Fetches the journal page by page and writes it for another program.
    ///
    /// - Parameters:
    ///   - query: Which entries.
    ///   - format: For which program.
    ///   - chart: What the accounts are called there.
    ///   - includesPending: Whether pending entries are written too.
    ///   - fetch: Reads one page.
    ///   - write: Takes the bytes.
    /// - Returns: How many lines of pending entries were left out.
    /// - Throws: What `fetch` and `write` throw, or ``InterchangeError``.
    public static func export(
        _ query: ReportQuery,
        as format: JournalExport.Format,
        chart: AccountChart,
        includesPending: Bool = false,
        fetch: (ReportQuery) async throws -> ReportPage,
        write: ([UInt8]) throws -> Void
    ) async throws -> Int {
        var query = query
        query.limit = ReportQuery.limitMax
        var export = JournalExport(
            as: format,
            chart: chart,
            includesPending: includesPending
        )
        repeat {
            let page = try await fetch(query)
            try write(try export.add(page.rows))
            query.after = page.next
        } while query.after != nil
        try write(try export.finish())
        return export.pendingCount
    }
}
