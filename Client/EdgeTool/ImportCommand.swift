import ArgumentParser
import Causality
import Edge
import Foundation
import Interchange
import InventoryEngine
import Replication

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Records the history of another system.",
        discussion: "Example: plumbline import online-retail online-retail.csv.gz",
        subcommands: [OnlineRetailCommand.self, SampleCommand.self]
    )
}

struct OnlineRetailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "online-retail",
        abstract: "Records what the Online Retail file says; may be repeated after a stop.",
        discussion: """
            Example: plumbline import online-retail online-retail.csv.gz --receipts restock
            """
    )

    /// How issues are valued.
    enum Costing: String, ExpressibleByArgument, CaseIterable {
        case average
        case fifo

        var method: CostingMethod {
            switch self {
            case .average: .average
            case .fifo: .fifo
            }
        }
    }

    /// Where the goods come from.
    enum Receipts: String, ExpressibleByArgument, CaseIterable {
        case opening
        case restock
        case none

        var plan: OnlineRetailReceipts {
            switch self {
            case .opening: .opening
            case .restock: .restock
            case .none: .none
            }
        }
    }

    @OptionGroup var options: CommonOptions
    @Argument(help: "The CSV file, packed by gzip or not.", completion: .file())
    var file: String
    @Flag(help: "Keeps only what the published rule gives to this site.") var atSite = false
    @Option(help: "Where the goods come from.") var receipts: Receipts = .opening
    @Option(help: "How issues are valued.") var costing: Costing = .average
    @Option(help: "The last day, such as 2011-03-31.") var until: String?

    func run() async throws {
        let until = try until.map { text in
            guard let date = CivilDate(text) else { throw ValidationError("--until is no date.") }
            return date
        }
        try await options.run {
            let door = try await options.door()
            let status = try await JSONReader.read(door.status())
            guard let site = status["site"]?.text.flatMap({ SiteCode($0) }),
                let moneyScale = status["money_scale"]?.integer.flatMap(UInt8.init(exactly:))
            else {
                throw InterchangeError(.resultMalformed, "The node does not say where it is.")
            }
            let history = try OnlineRetailHistory(file: read())
            let plan = try history.plan(
                atSite: atSite ? site : nil,
                receipts: receipts.plan,
                costing: costing.method,
                until: until
            )
            var tally = Tally(total: plan.commandCount)
            var lines: [[UInt8]] = []
            for command in plan {
                lines.append(try CommandFormat.encode(command, moneyScale: moneyScale))
                if lines.count == CommandBatch.commandsMax {
                    try await tally.add(door.record(lines))
                    lines.removeAll(keepingCapacity: true)
                }
            }
            try await tally.add(door.record(lines))
            tally.show(json: options.json, issues: history.report.issueCount)
            return tally.refused > 0 ? 1 : 0
        }
    }

    private func read() throws -> [UInt8] {
        do {
            return [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        } catch {
            throw Failure.fileNotRead(file)
        }
    }
}

struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract:
            "Writes an order file made from a seed, for trying the import without a real one.",
        discussion: "Example: plumbline import sample --seed 7 --days 8 > orders.csv"
    )

    @Option(help: "Decides everything that is left to chance.") var seed: UInt64 = 7
    @Option(help: "How many days there are, from \(OnlineRetailSample.firstDay) on.")
    var days = 8
    @Option(help: "How many orders each day has.") var ordersPerDay = 60

    func validate() throws {
        guard 1...OnlineRetailSample.daysMax ~= days else {
            throw ValidationError("--days is 1 to \(OnlineRetailSample.daysMax).")
        }
        guard 1...OnlineRetailSample.ordersPerDayMax ~= ordersPerDay else {
            throw ValidationError(
                "--orders-per-day is 1 to \(OnlineRetailSample.ordersPerDayMax)."
            )
        }
    }

    func run() throws {
        let sample = OnlineRetailSample(seed: seed, days: days, ordersPerDay: ordersPerDay)
        try FileHandle.standardOutput.write(contentsOf: Data(sample.csv))
    }
}
