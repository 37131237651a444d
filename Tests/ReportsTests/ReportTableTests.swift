import Interchange
import Reports
import Testing

/// Lists as people see them.
@Suite struct ReportTableTests {
    @Test func `numbers stand to the right, marks are words, and nothing is a dash`() throws {
        var table = ReportTable(ReportQuery(.rights))
        let rows = [
            #"{"site":"LON","sku":"A","holder":"lon-1","balance":"7","provisional":false}"#,
            #"{"site":"LON","sku":"LONG","holder":null,"balance":"-12.50","provisional":true}"#,
        ]
        let lines = try table.lines(of: rows.map { Array($0.utf8) })
        #expect(
            lines == [
                "site  sku   holder  balance",
                "LON   A     lon-1         7",
                "LON   LONG  -        -12.50",
            ]
        )
        let later = try table.lines(of: [Array(rows[0].utf8)])
        #expect(later == ["LON   A     lon-1         7"], "the titles stand once")
    }

    @Test func `what could steer a terminal is replaced, and long texts are cut`() throws {
        var table = ReportTable(ReportQuery(.exceptions))
        let long = String(repeating: "x", count: 200)
        let row = #"{"id":"1","state":"open","code":"\u001b[2J\u009b","message":"\#(long)"}"#
        let text = try table.lines(of: [Array(row.utf8)]).joined()
        #expect(!text.unicodeScalars.contains { $0.value < 32 || 0x7F...0x9F ~= $0.value })
        #expect(text.contains("\u{FFFD}[2J\u{FFFD}"))
        #expect(text.contains("…") && !text.contains(long))
    }

    /// A list of so many rows in pages of at most three.
    private func fetch(_ count: Int) -> (ReportQuery) async throws -> ReportPage {
        { query in
            let start = query.after.flatMap { Int($0) } ?? 0
            let end = min(count, start + min(query.limit, 3))
            let rows = (start..<end).map { Array(#"{"sku":"S\#($0)"}"#.utf8) }
            return ReportPage(rows: rows, next: end < count ? String(end) : nil)
        }
    }

    @Test(arguments: [0, 1, 3, 4, 10], [nil, 1, 3, 5] as [Int?])
    func `a list printed in pages is one array, and one object on each line`(
        count: Int,
        limit: Int?
    ) async throws {
        for format in [ReportPrinter.Format.array, .lines, .table] {
            var output: [UInt8] = []
            let next = try await ReportPrinter.show(
                ReportQuery(.stock),
                limit: limit,
                as: format,
                fetch: fetch(count),
                write: { output += $0 }
            )
            let shown = min(count, limit ?? count)
            #expect(next == (shown < count ? String(shown) : nil))
            switch format {
            case .array:
                guard case .array(let rows) = try JSONReader.read(output) else {
                    Issue.record("It is no array.")
                    return
                }
                #expect(rows.map { $0["sku"]?.text } == (0..<shown).map { "S\($0)" })
            case .lines:
                let page = try ReportPage(lines: output, next: nil)
                #expect(page.rows.count == shown)
            case .table:
                let lines = output.split(separator: UInt8(ascii: "\n"))
                #expect(lines.count == shown + 1, "titles, or a word that there is nothing")
            }
        }
    }
}
