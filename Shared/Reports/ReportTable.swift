public import Interchange

/// Rows as people read them: columns chosen for each list, numbers to the right.
///
/// The widths follow the rows seen so far, so that a long list can be shown while it is read.
public struct ReportTable: Sendable {
    private struct Column {
        var name: String
        var isNumber = false

        init(_ name: String) { self.name = name }

        init(number name: String) {
            self.name = name
            isNumber = true
        }

        /// What stands above the column.
        var title: String { name == "provisional" || name == "pending" ? "" : name }
    }

    /// How many characters of a text a cell shows.
    private static let cellLengthMax = 80

    private let columns: [Column]
    private var widths: [Int]
    private var hasTitles = false

    /// Makes the table of a list.
    public init(_ query: ReportQuery) {
        columns = Self.columns(of: query)
        widths = columns.map(\.title.count)
    }

    private static func columns(of query: ReportQuery) -> [Column] {
        func texts(_ names: String...) -> [Column] { names.map { Column($0) } }
        func numbers(_ names: String...) -> [Column] { names.map { Column(number: $0) } }
        switch (query.kind, query.grouping) {
        case (.stock, nil):
            return texts("site", "sku")
                + numbers(
                    "on_hand",
                    "reserved",
                    "allocated",
                    "picked",
                    "packed",
                    "backordered",
                    "available",
                    "value"
                ) + texts("provisional")
        case (.stock, .location):
            return texts("site", "sku", "location", "lot", "status") + numbers("on_hand")
        case (.stock, .lot):
            return texts("site", "sku", "lot", "expiry", "status") + numbers("on_hand")
        case (.orders, _):
            return texts("site", "order") + numbers("line") + texts("sku")
                + numbers(
                    "ordered",
                    "reserved",
                    "allocated",
                    "picked",
                    "packed",
                    "shipped",
                    "backordered",
                    "cancelled"
                ) + texts("finality", "provisional")
        case (.transfers, _):
            return texts("transfer", "from_site", "to_site") + numbers("line") + texts("sku")
                + numbers("requested", "dispatched", "received", "in_transit", "settled")
                + texts("state", "provisional")
        case (.journal, _):
            return numbers("entry") + texts("posting_date", "event", "account", "site", "sku")
                + numbers("debit", "credit") + texts("late", "provisional")
        case (.trialBalance, _):
            return texts("account") + numbers("opening", "debit", "credit", "closing")
                + texts("currency")
        case (.periods, _):
            return texts("period", "state", "closed_at", "event", "actor", "silent", "override")
        case (.events, _):
            return numbers("position") + texts("event", "type", "site", "at", "actor", "op")
                + texts("verdict", "reason", "pending")
        case (.conflicts, _):
            return texts("id", "state", "rule", "site", "sku", "events", "resolution")
        case (.exceptions, _): return texts("id", "state", "code", "site", "sku", "message")
        case (.parked, _):
            return texts("event", "state", "type", "site", "verdict", "code", "message")
        case (.tasks, _):
            return texts("site", "task", "subject", "sku") + numbers("quantity")
                + texts("provisional")
        case (.lots, _):
            return texts("site", "sku", "lot", "expiry", "order_site", "order")
                + numbers("staged", "quarantined", "shipped") + texts("provisional")
        case (.serials, _):
            return texts("site", "sku", "serial", "state", "location", "lot", "status")
                + texts("order_site", "order", "event") + numbers("step") + texts("provisional")
        case (.people, _):
            return texts("person", "role", "state", "has_token") + numbers("version")
                + texts("changed_by")
        case (.policies, _): return texts("policy", "value", "standard", "choices", "set_by")
        case (.rights, _): return texts("site", "sku", "holder") + numbers("balance")
        case (.nodes, _):
            return texts("node", "site", "state", "active")
                + numbers("acknowledged", "applied", "pending", "clock_offset_ms")
                + texts("last_seen", "watermark", "digest_agrees", "version")
        }
    }

    /// The lines of some rows, the titles above the first of all.
    ///
    /// - Parameter rows: JSON objects, as a ``ReportPage`` has them.
    /// - Returns: Lines without line breaks, and without blanks at their ends.
    /// - Throws: ``InterchangeError`` if a row is no JSON.
    public mutating func lines(of rows: [[UInt8]]) throws(InterchangeError) -> [String] {
        var lines: [[String]] = []
        if !hasTitles { lines.append(columns.map(\.title)) }
        hasTitles = true
        for row in rows {
            let value = try JSONReader.read(row)
            lines.append(columns.map { Self.cell($0.name, value[$0.name]) })
        }
        for line in lines {
            for (index, cell) in line.enumerated() {
                widths[index] = max(widths[index], cell.count)
            }
        }
        return lines.map { line in
            var text = ""
            for (index, cell) in line.enumerated() {
                if index > 0 { text += "  " }
                let blanks = String(repeating: " ", count: widths[index] - cell.count)
                text += columns[index].isNumber ? blanks + cell : cell + blanks
            }
            while text.hasSuffix(" ") { text.removeLast() }
            return text
        }
    }

    private static func cell(_ name: String, _ value: JSONValue?) -> String {
        switch value {
        case nil, .null: "-"
        case .bool(let flag):
            switch name {
            case "provisional", "pending": flag ? "pending" : ""
            case "late": flag ? "late" : ""
            default: flag ? "yes" : "no"
            }
        case .number(let number): number.text
        case .string(let text): text.isEmpty ? "-" : text.shown(max: cellLengthMax)
        case .array(let values):
            values.compactMap { ($0["event"]?.text ?? $0.text)?.shown }.joined(separator: " ")
        case .object: value?["code"]?.text?.shown ?? "-"
        }
    }
}
