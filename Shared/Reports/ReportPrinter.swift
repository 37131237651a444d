import Interchange

/// Shows a list on a standard output, page by page, so that none is ever held whole.
public enum ReportPrinter {
    /// How rows are written.
    public enum Format: Hashable, Sendable {
        /// For people.
        case table
        /// One JSON array.
        case array
        /// A JSON object on each line.
        case lines
    }

    /// Fetches the pages of a list and writes them.
    ///
    /// - Parameters:
    ///   - query: Which rows; its limit is that of a page, and is set here.
    ///   - limit: How many rows at most; nil for all.
    ///   - format: How rows are written.
    ///   - fetch: Reads one page.
    ///   - write: Takes bytes for the standard output, line breaks and all.
    /// - Returns: The cursor of what follows if the limit cut the list, else nil.
    /// - Throws: What `fetch` throws; what was written before it stays.
    public static func show(
        _ query: ReportQuery,
        limit: Int?,
        as format: Format,
        fetch: (ReportQuery) async throws -> ReportPage,
        write: ([UInt8]) -> Void
    ) async throws -> String? {
        var query = query
        var table = ReportTable(query)
        var left = limit
        var count = 0
        var isOpened = false
        repeat {
            query.limit = min(left ?? ReportQuery.limitMax, ReportQuery.limitMax)
            let page = try await fetch(query)
            left = left.map { $0 - min($0, page.rows.count) }
            switch format {
            case .table:
                if !page.rows.isEmpty {
                    let lines =
                        query.kind == .conflicts && query.id != nil
                        ? try explained(page.rows) : try table.lines(of: page.rows)
                    write(Array(lines.map { $0 + "\n" }.joined().utf8))
                }
            case .array:
                // The brackets of the pages become those of one array.
                if !isOpened { write([UInt8(ascii: "[")]) }
                isOpened = true
                let rows = page.array.dropFirst().dropLast()
                if count > 0, !rows.isEmpty { write([UInt8(ascii: ",")]) }
                write(Array(rows))
            case .lines: write(page.lines)
            }
            count += page.rows.count
            query.after = page.next
        } while query.after != nil && left != 0
        if format == .array { write(Array("]\n".utf8)) }
        if format == .table, count == 0 {
            let what = query.kind == .parked ? "parked events" : query.kind.rawValue
            write(Array("No \(what).\n".utf8))
        }
        return query.after
    }

    /// One conflict in sentences, at each site that shows it.
    private static func explained(_ rows: [[UInt8]]) throws -> [String] {
        var lines: [String] = []
        for row in rows {
            let conflict = try JSONReader.read(row)
            func text(_ name: String) -> String { (conflict[name]?.text ?? "").shown(max: 400) }
            let place = conflict["site"]?.text ?? "the network"
            if !lines.isEmpty { lines.append("") }
            lines.append(
                "Conflict \(text("id")), \(text("rule")), \(text("state")): "
                    + "\(text("subject")) at \(place)"
            )
            guard case .array(let sentences)? = conflict["explanation"] else { continue }
            lines += sentences.map { ($0.text ?? "").shown(max: 1_000) }
        }
        return lines
    }
}
