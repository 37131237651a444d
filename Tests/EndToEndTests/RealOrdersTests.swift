import Causality
import Foundation
import Interchange
import InventoryEngine
import TestSupport
import Testing

/// Half a year of a wholesaler's real orders, imported at three warehouses that have no hub yet,
/// and then brought together.
///
/// `make test` takes the first days, compared with a fold by plain arithmetic; `make nightly` takes
/// the whole file, compared with the published figures.
@Suite(
    .tags(.process),
    .serialized,
    .sharedData("online-retail/orders.csv.gz"),
    .timeLimit(.minutes(120))
)
struct RealOrdersTests {
    /// Units and value of an item at a site; the value in ten-thousandths, as text.
    private struct Figure: Hashable {
        var units: String
        var value: String

        static let nothing = Figure(units: "0", value: "0.0000")
    }

    /// The last day of the part that `make test` takes.
    private static let until = "2010-12-02"

    /// What `make test` takes is enough to see each method and each plan once.
    private static let runs = [
        (OnlineRetailReceipts.opening, CostingMethod.average, "expected_valuation.csv"),
        (.restock, .fifo, "expected_valuation_restock_fifo.csv"),
        (.restock, .average, "expected_valuation_restock.csv"),
    ].prefix(Nightly.isOn ? 3 : 2)

    @Test(arguments: runs)
    func `three nodes and the hub have the published units and values, to the last unit and cent`(
        receipts: OnlineRetailReceipts,
        costing: CostingMethod,
        file: String
    ) async throws {
        let expected = try Nightly.isOn ? published(file) : folded(receipts, costing)
        try await withRunningNetwork(["LON", "MAN", "GLA"]) { network in
            let start = ContinuousClock.now
            var recorded: [Int64] = []
            for site in network.sites {
                let tally = try await importOrders(receipts, costing, network, site)
                #expect(tally["refused"]?.integer == 0)
                #expect(tally["not_interpreted"]?.integer == 0)
                #expect(tally["duplicates"]?.integer == 0)
                recorded.append(tally["recorded"]?.integer ?? 0)
            }
            let imported = ContinuousClock.now
            for site in network.sites {
                try compare(
                    network.plumbline(site, "stock", "--json", "--limit", "10000"),
                    expected,
                    [site.code]
                )
            }

            // From here on through the agents, the second import too.
            try await network.startAll()
            let statuses = try network.settle(seconds: 3_600)
            let synced = ContinuousClock.now
            try checkDigests(network, statuses)
            try compare(
                network.plumblineHub("stock", "--json", "--limit", "10000"),
                expected,
                network.sites.map(\.code)
            )
            for (site, count) in zip(network.sites, recorded) {
                try compare(
                    network.plumbline(site, "stock", "--json", "--limit", "10000"),
                    expected,
                    [site.code]
                )
                let again = try await importOrders(receipts, costing, network, site)
                #expect(again["recorded"]?.integer == 0)
                #expect(again["duplicates"]?.integer == count)
            }
            await network.stopAll()

            // Every store is folded again from nothing, and is what its events make of it.
            let stopped = ContinuousClock.now
            for site in network.sites {
                let proof = try network.plumbline(site, "verify", "--json")
                try expectClean(proof)
            }
            try expectClean(network.plumblineHub("verify", "--json"))
            print(
                "RealOrdersTests: \(receipts), \(costing), \(recorded.reduce(0, +)) commands, imported in"
                    + " \(imported - start), in sync after \(synced - imported) more, four"
                    + " stores verified in \(ContinuousClock.now - stopped)"
            )
        }
    }

    /// A proof that found nothing wrong, and looked at something.
    private func expectClean(_ output: Programs.Output) throws {
        let proof = try JSONReader.read(Array(output.text.utf8))
        #expect(proof["clean"] == .bool(true), "\(output.text)")
        #expect(proof.at("checked", "events")?.integer ?? 0 > 1_000)
    }

    /// Imports what belongs to a site, and returns the counts.
    private func importOrders(
        _ receipts: OnlineRetailReceipts,
        _ costing: CostingMethod,
        _ network: RunningNetwork,
        _ site: Site
    ) async throws -> JSONValue {
        let orders = try #require(SharedData.url("online-retail/orders.csv.gz"))
        var arguments = [
            "import", "online-retail", orders.path, "--at-site", "--json",
            "--receipts", receipts.rawValue, "--costing", costing.text, "--data", site.name,
        ]
        if !Nightly.isOn { arguments += ["--until", Self.until] }
        let program = try RunningProgram(
            "plumbline",
            arguments,
            name: "import \(site.name)",
            in: network.folder
        )
        let line = try await program.line(containing: "recorded")
        #expect(await program.wait() == .exited(0))
        return try JSONReader.read(Array(line.utf8))
    }

    private func checkDigests(_ network: RunningNetwork, _ statuses: [JSONValue]) throws {
        let hub = try JSONReader.read(Array(network.plumblineHub("status", "--json").text.utf8))
        for (site, status) in zip(network.sites, statuses) {
            #expect(status["state"]?.text == "in_sync", "\(status)")
            #expect(status.at("attention", "conflicts")?.integer == 0, "nothing was concurrent")
            #expect(status.at("attention", "parked")?.integer == 0)
            for layer in ["physical", "commitment", "financial"] {
                let sum = status.at("digest", layer)?.text
                #expect(sum != nil)
                #expect(hub.at("digests", site.code, layer)?.text == sum)
            }
        }
    }

    /// Compares a list of stock with what is expected at some sites.
    private func compare(
        _ output: Programs.Output,
        _ expected: [String: [String: Figure]],
        _ sites: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var own: [String: [String: Figure]] = [:]
        for row in try JSONReader.read(Array(output.text.utf8)).elements {
            guard let site = row["site"]?.text, let sku = row["sku"]?.text else { continue }
            own[site, default: [:]][sku] = Figure(
                units: row["on_hand"]?.text ?? "",
                value: row["value"]?.text ?? ""
            )
        }
        for site in sites {
            let expected = expected[site] ?? [:]
            let own = own[site] ?? [:]
            #expect(expected.count > 100, sourceLocation: sourceLocation)
            let skus = Set(expected.keys).union(own.keys)
            let wrong = skus.filter { own[$0] ?? .nothing != expected[$0] ?? .nothing }
            let example = wrong.sorted().first.map { sku in
                "\(sku): \(String(describing: own[sku])), not \(String(describing: expected[sku]))"
            }
            #expect(
                wrong.isEmpty,
                "\(wrong.count) of \(skus.count) at \(site): \(example ?? "")",
                sourceLocation: sourceLocation
            )
        }
    }

    /// The published figures of the whole file.
    private func published(_ file: String) throws -> [String: [String: Figure]] {
        let url = try #require(SharedData.url("online-retail/\(file)"))
        var reader = CSVReader()
        reader.append([UInt8](try Data(contentsOf: url)))
        reader.finish()
        let header = try #require(try reader.next())
        let columns = try (0..<header.count).map { try #require(header.text(at: $0)) }
        var figures: [String: [String: Figure]] = [:]
        while let row = try reader.next() {
            var cells: [String: String] = [:]
            for (index, column) in columns.enumerated() { cells[column] = row.text(at: index) }
            let site = try #require(cells["site"])
            figures[site, default: [:]][try #require(cells["StockCode"])] = Figure(
                units: try #require(cells["final_qty"]),
                value: try #require(cells["final_value"])
            )
        }
        return figures
    }

    /// The figures of the first days, by arithmetic that shares no code with the engine.
    private func folded(
        _ receipts: OnlineRetailReceipts,
        _ costing: CostingMethod
    ) throws -> [String: [String: Figure]] {
        let url = try #require(SharedData.url("online-retail/orders.csv.gz"))
        let history = try OnlineRetailHistory(file: [UInt8](try Data(contentsOf: url)))
        let until = try #require(CivilDate(Self.until))
        var figures: [String: [String: Figure]] = [:]
        for site in OnlineRetailHistory.sites {
            var fold = OnlineRetailFold(by: costing)
            let plan = try history.plan(
                atSite: site,
                receipts: receipts,
                costing: costing,
                until: until
            )
            for command in plan { try fold.apply(command) }
            #expect(fold.isComplete)
            #expect(fold.orderCount > 20)
            for (sku, pool) in fold.pools {
                let digits = String(pool.value % 10_000)
                let decimals = String(repeating: "0", count: 4 - digits.count) + digits
                figures[site.text, default: [:]][sku.text] = Figure(
                    units: "\(pool.quantity)",
                    value: "\(pool.value / 10_000).\(decimals)"
                )
            }
        }
        return figures
    }
}
