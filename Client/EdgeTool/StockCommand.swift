import ArgumentParser
import Edge
import Interchange
import InventoryEngine

struct StockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stock",
        abstract: "Shows what is on hand, bound and free, one row per item.",
        discussion: "Example: plumbline stock 85123A --by location"
    )

    /// What a row stands for.
    enum Grouping: String, ExpressibleByArgument, CaseIterable {
        case location
    }

    @OptionGroup var options: CommonOptions
    @Argument(help: "The items; all if none is given.") var skus: [String] = []
    @Flag(help: "Adds the other sites, as they were last heard of.") var network = false
    @Option(help: "A row for each location, lot and status.") var by: Grouping?

    func run() async throws {
        let skus = try skus.map { text in
            guard let sku = SKU(text) else { throw ValidationError("\(text) is no item code.") }
            return sku
        }
        if by != nil, network {
            throw ValidationError("Other sites' locations are not known: drop --network or --by.")
        }
        try await options.run {
            let node = try await options.openNode()
            if by == .location {
                show(try await node.buckets(of: Set(skus)))
            } else {
                show(try await node.stock(of: Set(skus), includesNetwork: network))
            }
            return 0
        }
    }

    private func show(_ rows: [StockReportRow]) {
        guard !options.json else {
            var writer = JSONWriter()
            writer.array { writer in
                for row in rows { row.encode(to: &writer) }
            }
            Console.print(writer.bytes)
            return
        }
        let shown: Set = ["on_hand", "reserved", "backordered", "in_transit_in", "available"]
        var lines = [["site", "sku"]]
        for row in rows {
            let cells = row.quantities.filter { shown.contains($0.name) }
            if lines.count == 1 { lines[0] += cells.map(\.name) + ["value", ""] }
            lines.append(
                [row.site.text, row.sku.text]
                    + cells.map { cell in
                        cell.units.map { DecimalText.format(units: $0, scale: row.scale) } ?? "-"
                    } + [
                        DecimalText.format(units: row.value.units, scale: row.moneyScale),
                        row.isProvisional ? "provisional" : "",
                    ]
            )
        }
        showTable(lines)
    }

    private func show(_ buckets: [StockBucket]) {
        guard !options.json else {
            var writer = JSONWriter()
            writer.array { writer in
                for bucket in buckets { bucket.encode(to: &writer) }
            }
            Console.print(writer.bytes)
            return
        }
        showTable(
            [["site", "sku", "location", "lot", "status", "on_hand"]]
                + buckets.map { bucket in
                    [
                        bucket.site.text, bucket.sku.text, bucket.location.text,
                        bucket.lot?.text ?? "-", bucket.status.text,
                        DecimalText.format(units: bucket.onHand.units, scale: bucket.scale),
                    ]
                }
        )
    }

    private func showTable(_ lines: [[String]]) {
        let columns = lines.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            lines.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
        }
        for line in lines {
            let cells = zip(line, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            Console.print(cells.joined(separator: "  "))
        }
    }
}
