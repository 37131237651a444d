import Foundation
import Interchange
import TestSupport
import Testing

@testable import Reports

/// The journal for other programs, which read it here where they are installed.
@Suite struct JournalExportTests {
    private func export(
        _ history: ReportHistory,
        _ format: JournalExport.Format,
        chart: AccountChart = AccountChart(),
        node: Int? = nil
    ) async throws -> (text: String, pending: Int) {
        var bytes: [UInt8] = []
        let pending = try await ReportPrinter.export(
            ReportQuery(.journal),
            as: format,
            chart: chart,
            fetch: { query in
                if let node { return try await history.page(node, query) }
                return try await history.hubPage(query)
            },
            write: { bytes += $0 }
        )
        return (String(decoding: bytes, as: UTF8.self), pending)
    }

    private func withHistory(
        _ body: (inout ReportHistory, TemporaryDirectory) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            var history = try await ReportHistory(in: directory)
            try await history.play()
            try await body(&history, directory)
        }
    }

    /// Runs a program that is installed; nil if it is not.
    private func run(_ program: String, _ arguments: [String]) throws -> (Int32, String)? {
        let path = "/usr/bin/\(program)"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            print("\(program) is not installed: the export is not read by it.")
            return nil
        }
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    @Test func `beancount and hledger accept the journal of the hub and of each node`()
        async throws
    {
        try await withHistory { history, directory in
            for node in [nil, 0, 1] as [Int?] {
                let name = node.map(String.init) ?? "hub"
                let beancount = directory.file("\(name).beancount")
                let text = try await export(history, .beancount, node: node).text
                #expect(text.contains(" * \""))
                try text.write(to: beancount, atomically: true, encoding: .utf8)
                if let (status, output) = try run("bean-check", [beancount.path]) {
                    #expect(status == 0 && output.isEmpty, "\(output)")
                }
                let ledger = directory.file("\(name).journal")
                try await export(history, .ledger, node: node).text
                    .write(to: ledger, atomically: true, encoding: .utf8)
                if let (status, output) = try run("hledger", ["-f", ledger.path, "check"]) {
                    #expect(status == 0, "\(output)")
                }
            }
        }
    }

    @Test func `the accounts of an export are those of the trial balance`() async throws {
        try await withHistory { history, _ in
            var sums: [String: Int64] = [:]
            let lines = try await export(history, .csv).text.split(separator: "\r\n").dropFirst()
            #expect(!lines.isEmpty)
            for line in lines {
                let cells = line.split(separator: ",", omittingEmptySubsequences: false)
                let debit = try DecimalText.parse(String(cells[8]), scaleMax: 4)
                let credit = try DecimalText.parse(String(cells[9]), scaleMax: 4)
                sums[String(cells[4]), default: 0] += debit.units - credit.units
            }
            let page = try await history.hubPage(ReportQuery(.trialBalance))
            for row in page.rows {
                let row = try JSONReader.read(row)
                let text = row["closing"]?.text ?? ""
                let isCredit = text.hasPrefix("-")
                let closing = try DecimalText.parse(
                    isCredit ? String(text.dropFirst()) : text,
                    scaleMax: 4
                )
                let sum = sums[row["account"]?.text ?? ""]
                #expect(sum == (isCredit ? -closing.units : closing.units))
            }
            #expect(page.rows.count == sums.count)
            #expect(sums.values.reduce(0, +) == 0)
        }
    }

    private func row(_ sku: String, _ event: String = "lon-1:1", site: String = "LON") -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            for (name, value) in [
                ("entry", "7"), ("posting_date", "2026-11-20"), ("valuation_date", "2026-11-20"),
                ("event", event), ("account", "inventory"), ("site", site), ("sku", sku),
                ("debit", "1.50"), ("credit", "0.00"), ("currency", "GBP"),
            ] {
                writer.member(name, value)
            }
        }
        return writer.bytes
    }

    @Test(arguments: [
        ("=1+2", "\"'=1+2\""), ("+A", "\"'+A\""), ("-A", "\"'-A\""), ("@A", "\"'@A\""),
        ("A,B", "\"A,B\""), ("A\"B", "\"A\"\"B\""), ("A", "A"), ("＝1", "\"'＝1\""),
    ])
    func `no cell of a table is taken for a formula`(sku: String, cell: String) throws {
        var export = JournalExport(as: .csv)
        let text = try String(decoding: export.add([row(sku)]) + export.finish(), as: UTF8.self)
        #expect(text.contains(",LON,\(cell),1.50,0.00,GBP,\r\n"), "\(text)")
    }

    @Test func `what a text holds ends no string, tag or line of the other programs`() throws {
        let hostile = "a\"b\\c\nd;e|f,g"
        for format in [JournalExport.Format.beancount, .ledger] {
            var export = JournalExport(as: format)
            let bytes = try export.add([row(hostile, hostile, site: "L.1")]) + export.finish()
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(!text.contains("\nd"))
            #expect(text.contains("Assets:Inventory:L-2E1  1.50 GBP"))
            #expect(text.contains("Equity:BetweenSites  -1.50 GBP"))
            if format == .beancount { #expect(text.contains("sku: \"a\\\"b\\\\c")) }
            if format == .ledger { #expect(!text.contains("d;e")) }
        }
    }

    @Test func `a chart gives the accounts their names, and says what is wrong in which line`()
        throws
    {
        let chart = try AccountChart(text: "# ours\n\ninventory = Assets:Stock:{site}:Goods\n")
        #expect(chart.name("inventory", at: "LON") == "Assets:Stock:LON:Goods")
        #expect(chart.name("cogs", at: "LON") == "Expenses:CostOfGoodsSold")
        for (text, line) in [
            ("sales = Income:Sales", 1), ("\ninventory", 2), ("inventory = Stock", 1),
            ("inventory = Assets:stock", 1), ("inventory = Assets:A B", 1),
            ("inventory = Assets:A\ninventory = Assets:B", 2), ("inventory = Assets:", 1),
            ("inventory = Assets:\(String(repeating: "x", count: 300))", 1),
        ] {
            let error = #expect(throws: InterchangeError.self) { try AccountChart(text: text) }
            #expect(error?.code.text == "chart_invalid")
            #expect(error?.message.hasPrefix("Line \(line) ") == true, "\(text)")
        }
    }
}
