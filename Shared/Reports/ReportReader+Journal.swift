import Causality
import Interchange
import InventoryEngine
import Replication

/// The double-entry journal, a row for each debit and credit.
extension ReportReader {
    /// The position of an entry of what is pending.
    private static var pending: HubPosition { HubPosition(UInt64.max) }

    mutating func journal() throws -> ReportPage {
        let start = try startOfJournal()
        var reader = self
        var page = self.page
        // The line at which a page was cut: the next begins in the middle of that entry.
        var cut: (key: [UInt8], line: Int)?
        var lastKey = start?.key
        let ranges = try journalRanges()
        if let start, start.line > 0, ranges.contains(where: { $0.holds(start.key) }) {
            // The rest of an entry first: its lines stay as they are, since entries never change.
            if let value = try source.row(.journal, start.key) {
                cut = try reader.addLines(of: start.key, value, from: start.line, to: &page)
            }
        }
        if cut == nil {
            lastKey = try log.scan(
                ranges,
                after: start?.key,
                isDescending: query.isNewestFirst,
                into: &page
            ) { _, key, value, page in
                // Nothing is visited once a page is full, so at most one entry is cut.
                cut = try reader.addLines(of: key, value, from: 0, to: &page)
            }
        }
        if let cut { lastKey = cut.key }
        return ReportPage(
            rows: page.rows,
            next: lastKey.map { key in
                var writer = ByteWriter()
                writer.ordered(UInt64(cut?.line ?? 0))
                return ReportCursor(kind: query.kind, key: writer.bytes + key).text
            }
        )
    }

    /// Where the page before ended: after an entry, or before one of its lines.
    private func startOfJournal() throws -> (key: [UInt8], line: Int)? {
        guard let bytes = try startKey() else { return nil }
        var reader = ByteReader(bytes)
        do throws(EngineError) {
            let line = try reader.ordered()
            guard line <= UInt64(Int32.max) else { throw EngineError(.damaged, "") }
            return (Array(bytes.dropFirst(8)), Int(line))
        } catch {
            throw InterchangeError.invalidCursor
        }
    }

    private func journalRanges() throws -> [RowRange] {
        guard let text = query.event else { return ranges(.journal) }
        let event = try event(named: text)
        let entry = try log.entry(of: event)
        guard try entry != nil || log.event(event) != nil else { throw unknownEvent(text) }
        let sites = site.map { [$0] } ?? entry?.ruling.sites.sorted() ?? []
        return sites.map { home in
            let key = JournalRow.Key(
                home: home,
                position: entry?.position ?? Self.pending,
                event: event
            )
            return RowRange(view, .journal, key: key.bytes)
        }
    }

    /// Adds the lines of one entry that the query lets through.
    ///
    /// - Returns: The line at which the page was full; nil if the entry is done.
    private mutating func addLines(
        of bytes: [UInt8],
        _ value: [UInt8],
        from first: Int,
        to page: inout PageBuilder
    ) throws -> (key: [UInt8], line: Int)? {
        let key = try JournalRow.Key(bytes: bytes)
        let row = try JournalRow(bytes: value)
        if let period = query.period, !period.contains(row.postingDate) { return nil }
        if query.isLateOnly, !row.isLate { return nil }
        for index in row.lines.indices.dropFirst(first) {
            let line = row.lines[index]
            guard query.account == nil || line.account == query.account else { continue }
            if !query.skus.isEmpty {
                guard let sku = line.sku, query.skus.contains(sku) else { continue }
            }
            if page.isFull { return (bytes, index) }
            page.add(try self.row(key, row, line))
        }
        return nil
    }

    private mutating func row(
        _ key: JournalRow.Key,
        _ row: JournalRow,
        _ line: JournalLine
    ) throws -> [UInt8] {
        let event = try text(of: key.event)
        let isPending = key.position == Self.pending
        let identity = identity
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("entry", orNull: isPending ? nil : String(key.position.rawValue))
            writer.member("posting_date", row.postingDate.description)
            writer.member("valuation_date", (line.valuedAt ?? row.valuedAt).date.description)
            writer.member("event", event)
            writer.member("account", line.account.code)
            writer.member("site", line.site.text)
            writer.member("sku", orNull: line.sku?.text)
            let debit = max(line.amount, .zero)
            let credit = max(-line.amount, .zero)
            writer.member("debit", units: debit.units, scale: identity.moneyScale)
            writer.member("credit", units: credit.units, scale: identity.moneyScale)
            writer.member("currency", identity.currency.text)
            writer.member("late", row.isLate)
            writer.member("provisional", isPending)
        }
        return writer.bytes
    }
}
