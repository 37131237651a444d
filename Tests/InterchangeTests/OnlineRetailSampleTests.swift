import InventoryEngine
import TestSupport
import Testing

@testable import Interchange

struct OnlineRetailSampleTests {
    @Test func `the same seed gives the same bytes and another seed gives others`() {
        let sample = OnlineRetailSample(seed: 7, days: 3, ordersPerDay: 20)
        #expect(sample.csv == OnlineRetailSample(seed: 7, days: 3, ordersPerDay: 20).csv)
        #expect(sample.csv != OnlineRetailSample(seed: 8, days: 3, ordersPerDay: 20).csv)
    }

    @Test func `a sample holds every kind of line and reads without an issue`() throws {
        let csv = OnlineRetailSample(seed: 1, days: 40, ordersPerDay: 60).csv
        let history = try OnlineRetailHistory(file: csv)
        #expect(history.report.issueCount == 0, "\(history.report.issues)")
        for kind in OnlineRetailKind.allCases {
            #expect(history.report[kind].lineCount > 0, "\(kind)")
        }
        #expect(history.report.rowCount > 40 * 60 * 8)

        // Few items make most of the lines: the first tenth of them more than half.
        var counts = [Int](repeating: 0, count: history.codes.count)
        for line in history.lines { counts[Int(line.code)] += 1 }
        let hot = counts.sorted(by: >).prefix(counts.count / 10).reduce(0, +)
        #expect(hot * 2 > history.lines.count)

        let texts = history.items.map { $0.sku.text.lowercased() }
        #expect(Set(texts).count < texts.count)
        for index in history.invoices.indices {
            #expect(history.lines(ofInvoice: index).count <= 90)
        }
    }

    @Test func `an empty sample is a header and absurd sizes are cut`() {
        let header = OnlineRetailSample(seed: 1, days: 0, ordersPerDay: 5).csv
        #expect(header == OnlineRetailSample(seed: 1, days: -1, ordersPerDay: 5).csv)
        #expect(header.count { $0 == UInt8(ascii: "\n") } == 1)
        #expect(header == OnlineRetailSample(seed: 1, days: 5, ordersPerDay: .min).csv)
    }

    @Test(arguments: Seeds.forThisRun)
    func `every plan of a sample can be carried out at every site`(seed: UInt64) throws {
        let csv = OnlineRetailSample(seed: seed, days: 35, ordersPerDay: 4).csv
        let history = try OnlineRetailHistory(file: csv)
        for site in OnlineRetailHistory.sites.map(Optional.some) + [nil] {
            for receipts in [OnlineRetailReceipts.opening, .restock] {
                let plan = try history.plan(atSite: site, receipts: receipts)
                var fold = OnlineRetailFold()
                var count = 0
                for command in plan {
                    try fold.apply(command)
                    count += 1
                }
                #expect(count == plan.commandCount, "Replay with SEED=\(seed)")
                #expect(fold.isComplete, "Replay with SEED=\(seed)")
            }
        }
    }

    @Test(arguments: Seeds.forThisRun)
    func `a file may be cut into parts anywhere`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let csv = OnlineRetailSample(seed: seed, days: 1, ordersPerDay: 5).csv
        let whole = try OnlineRetailHistory(file: csv)
        var reader = OnlineRetailReader()
        var rest = csv[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...300, using: &generator)
            try reader.read(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        let parts = try reader.finish()
        let one = Array(try whole.plan(atSite: nil, receipts: .restock))
        let other = Array(try parts.plan(atSite: nil, receipts: .restock))
        #expect(one == other, "Replay with SEED=\(seed)")
    }
}
