import Causality
import Foundation
import InventoryEngine
import TestSupport
import Testing

@testable import Interchange

/// The published order file, read once for all tests, and the figures that stand beside it.
private enum Published {
    static let folder = "online-retail"
    static let orders = "online-retail/orders.csv.gz"

    static let history = Result { try OnlineRetailHistory(file: bytes("orders.csv.gz")) }

    static func bytes(_ name: String) throws -> [UInt8] {
        let url = try #require(SharedData.url("\(folder)/\(name)"))
        return [UInt8](try Data(contentsOf: url))
    }

    /// The rows of a file as dictionaries by column.
    static func table(_ name: String) throws -> [[String: String]] {
        var reader = CSVReader()
        reader.append(try bytes(name))
        reader.finish()
        let header = try #require(try reader.next())
        var table: [[String: String]] = []
        while let row = try reader.next() {
            var cells: [String: String] = [:]
            for index in 0..<header.count {
                cells[try #require(header.text(at: index))] = row.text(at: index)
            }
            table.append(cells)
        }
        return table
    }

    static func totals() throws -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: try table("expected_totals.csv").map {
                ($0["metric"] ?? "", $0["expected"] ?? "")
            }
        )
    }

    /// Ten-thousandths as the files print them.
    static func pounds(_ units: Int64) -> String {
        let digits = String(units.magnitude % 10_000)
        let padded = String(repeating: "0", count: 4 - digits.count) + digits
        return (units < 0 ? "-" : "") + "\(units.magnitude / 10_000).\(padded)"
    }
}

@Suite(.sharedData(Published.orders), .timeLimit(.minutes(20)))
struct OnlineRetailPublishedTests {
    private let history: OnlineRetailHistory

    init() throws {
        history = try Published.history.get()
    }

    private func name(_ kind: OnlineRetailKind) -> String {
        kind == .customerReturn ? "return" : "\(kind)"
    }

    @Test func `kinds, units and values of all lines are the published totals`() throws {
        let totals = try Published.totals()
        #expect(history.report.rowCount == 209_029)
        #expect(history.report.issueCount == 0, "\(history.report.issues)")
        #expect(totals["invoices"] == "\(history.invoices.count)")
        #expect(totals["skus"] == "\(history.codes.count)")
        #expect(totals["stock_skus"] == "\(history.items.count)")
        let costless = history.items.count { $0.unitCost.mantissa == 0 }
        #expect(totals["stock_skus_without_positive_price"] == "\(costless)")
        for kind in OnlineRetailKind.allCases {
            let tally = history.report[kind]
            #expect(totals["\(name(kind))_lines"] == "\(tally.lineCount)")
            #expect(totals["\(name(kind))_units"] == "\(tally.units)")
            var value: Int64 = 0
            for line in history.lines where line.kind == kind {
                value += try Self.value(of: line)
            }
            #expect(totals["\(name(kind))_value"] == Published.pounds(value))
        }
    }

    private static func value(of line: OnlineRetailLine) throws -> Int64 {
        let isNegative = line.kind == .customerReturn || line.kind == .writeoff
        let money = try line.price.value(
            of: Quantity(units: Int64(line.units)),
            quantityScale: 0,
            moneyScale: 4
        )
        return isNegative ? -money.units : money.units
    }

    @Test func `every item has the published units, effect, unit cost and name rule`() throws {
        var units = [[Int64]](repeating: [0, 0, 0, 0, 0, 0], count: history.codes.count)
        var counts = [Int](repeating: 0, count: history.codes.count)
        for line in history.lines {
            units[Int(line.code)][Int(line.kind.rawValue)] += Int64(line.units)
            counts[Int(line.code)] += 1
        }
        var costs: [SKU: ExactDecimal] = [:]
        for item in history.items {
            costs[item.sku] = item.unitCost
            #expect(!item.name.isEmpty)
        }
        let indices = Dictionary(
            uniqueKeysWithValues: history.codes.enumerated().map { ($0.element.sku, $0.offset) }
        )
        let openings = try openings(atSite: nil)
        let rows = try Published.table("expected_sku.csv")
        #expect(rows.count == history.codes.count)
        for row in rows {
            let sku = try #require(SKU(row["StockCode"] ?? ""))
            let index = try #require(indices[sku])
            #expect(row["lines"] == "\(counts[index])", "\(sku)")
            for kind in OnlineRetailKind.allCases {
                let own = units[index][Int(kind.rawValue)]
                #expect(row["\(name(kind))_units"] == "\(own)", "\(sku)")
            }
            let cost = costs[sku].map { Published.pounds($0.mantissa) } ?? ""
            #expect(row["unit_cost"] == cost, "\(sku)")
            #expect(row["min_opening"] == "\(openings[sku] ?? 0)", "\(sku)")
        }
    }

    private func openings(atSite site: SiteCode?) throws -> [SKU: Int64] {
        let plan = try history.plan(atSite: site, receipts: .opening)
        return Dictionary(
            uniqueKeysWithValues: plan.receipts.map { ($0.sku, $0.quantity.units) }
        )
    }

    @Test func `every invoice is at its published site`() throws {
        let rows = try Published.table("expected_invoice.csv")
        #expect(rows.count == history.invoices.count)
        for (row, invoice) in zip(rows, history.invoices) {
            #expect(row["InvoiceNo"] == invoice.number.text)
            #expect(row["site"] == OnlineRetailHistory.site(of: invoice.number).text)
            #expect(row["first"]?.replacing(" ", with: "T").appending("Z") == invoice.at.rfc3339)
        }
    }

    @Test func `opening stock of the three sites is the published one`() throws {
        var openings: [String: [SKU: Int64]] = [:]
        for site in OnlineRetailHistory.sites {
            openings[site.text] = try self.openings(atSite: site)
        }
        for row in try Published.table("expected_site_sku.csv") {
            let sku = try #require(SKU(row["StockCode"] ?? ""))
            let own = openings[row["site"] ?? ""]?[sku] ?? 0
            #expect(row["min_opening"] == "\(own)", "\(row)")
        }
        #expect(openings.values.reduce(0) { $0 + $1.count } == 9_387)
    }

    @Test func `restock receipts are the published ones, all 27,404`() throws {
        var own: Set<String> = []
        for site in OnlineRetailHistory.sites {
            for receipt in try history.plan(atSite: site, receipts: .restock).receipts {
                let cost = Published.pounds(receipt.unitCost.mantissa)
                let time = "\(receipt.date) 00:00:00"
                own.insert("\(site),\(receipt.sku),\(time),\(receipt.quantity.units),\(cost)")
            }
        }
        let columns = ["site", "StockCode", "time", "qty", "unit_cost"]
        let rows = try Published.table("restock_receipts.csv")
        let published = Set(
            rows.map { row in
                columns.map { row[$0] ?? "" }.joined(separator: ",")
            }
        )
        #expect(published.count == 27_404)
        #expect(own == published)
    }

    @Test(arguments: [
        (OnlineRetailReceipts.opening, CostingMethod.average, "expected_valuation.csv"),
        (.restock, .average, "expected_valuation_restock.csv"),
        (.restock, .fifo, "expected_valuation_restock_fifo.csv"),
    ])
    func `folding the commands of each site gives the published quantities and values`(
        receipts: OnlineRetailReceipts,
        costing: CostingMethod,
        file: String
    ) throws {
        var folds: [String: OnlineRetailFold] = [:]
        var (orderCount, returnCount, adjustmentCount) = (0, 0, 0)
        for site in OnlineRetailHistory.sites {
            let plan = try history.plan(atSite: site, receipts: receipts, costing: costing)
            var fold = OnlineRetailFold(by: costing)
            var count = 0
            for command in plan {
                try fold.apply(command)
                count += 1
            }
            #expect(count == plan.commandCount)
            #expect(fold.isComplete)
            #expect(fold.costs.count == 3_499)
            #expect(fold.orderCount == plan.orderCount)
            #expect(fold.returnCount == plan.returnCount)
            #expect(fold.adjustmentCount == plan.adjustmentCount)
            orderCount += plan.orderCount
            returnCount += plan.returnCount
            adjustmentCount += plan.adjustmentCount
            folds[site.text] = fold
        }
        #expect(adjustmentCount == 651 + 624)
        let invoices = try Published.table("expected_invoice.csv")
        #expect(
            orderCount == invoices.count { $0["sale_units"] != "0" || $0["free_units"] != "0" }
        )
        #expect(returnCount == invoices.count { $0["return_units"] != "0" })

        let rows = try Published.table(file)
        #expect(rows.count == folds.values.reduce(0) { $0 + $1.pools.count })
        for row in rows {
            let sku = try #require(SKU(row["StockCode"] ?? ""))
            let pool = try #require(folds[row["site"] ?? ""]?.pools[sku])
            let own = [
                "received_qty": "\(pool.received)",
                "receipt_value": Published.pounds(pool.receipt),
                "sale_value": Published.pounds(pool.sale),
                "free_value": Published.pounds(pool.free),
                "return_value": Published.pounds(pool.returned),
                "writeoff_value": Published.pounds(pool.writeoff),
                "found_value": Published.pounds(pool.found),
                "final_qty": "\(pool.quantity)",
                "final_value": Published.pounds(pool.value),
            ]
            for (column, cell) in own {
                #expect(row[column] == cell, "\(row["site"] ?? "") \(sku) \(column)")
            }
        }
    }

    @Test func `all lines at one site never run short of the common opening stock`() throws {
        var fold = OnlineRetailFold()
        let plan = try history.plan(atSite: nil, receipts: .opening)
        for command in plan {
            try fold.apply(command)
        }
        #expect(plan.receipts.reduce(0) { $0 + $1.quantity.units } == 2_130_301)
        #expect(plan.receipts.count == 3_444)
        let final = fold.pools.values.reduce(0) { $0 + $1.quantity }
        #expect(final == 2_130_301 - 2_031_703)
    }
}
