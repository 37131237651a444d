import Causality
import Edge
import Foundation
import Interchange
import InventoryEngine
import Replication
import SQLiteStorage

/// What all benchmarks of a run share: a folder of their own, and the orders that they replay.
final class Workbench: Sendable {
    /// Where the benchmarks may write; removed at the end.
    let folder: URL
    /// The file of real orders; nil replays a sample that the program makes.
    let ordersPath: String?

    /// Makes a folder.
    init(ordersPath: String?) throws {
        let base =
            ProcessInfo.processInfo.environment["BENCH_FOLDER"]
            .map { URL(filePath: $0, directoryHint: .isDirectory) }
            ?? FileManager.default.temporaryDirectory
        folder = base.appending(path: "plumbline-bench-\(getpid())", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.ordersPath = ordersPath
    }

    /// Removes the folder.
    func close() throws {
        try FileManager.default.removeItem(at: folder)
    }

    /// What the orders are, for the table.
    var ordersText: String {
        ordersPath.map { "real orders (\(URL(filePath: $0).lastPathComponent))" }
            ?? "a sample of orders (seed 1)"
    }

    /// The commands of the orders at one site, the catalogue and the first receipts before them.
    ///
    /// - Returns: Commands that only prepare, then those of the orders, at most `limit` of these.
    func orders(limit: Int) throws -> (preparation: [InventoryCommand], orders: [InventoryCommand])
    {
        let bytes: [UInt8]
        if let ordersPath {
            bytes = [UInt8](try Data(contentsOf: URL(filePath: ordersPath)))
        } else {
            bytes = OnlineRetailSample(seed: 1, days: 30, ordersPerDay: 400).csv
        }
        let plan = try OnlineRetailHistory(file: bytes).plan(atSite: nil, receipts: .opening)
        var preparation: [InventoryCommand] = []
        var orders: [InventoryCommand] = []
        for command in plan {
            switch command.body {
            case .itemRegistered, .goodsReceived: preparation.append(command)
            default:
                orders.append(command)
                if orders.count == limit { return (preparation, orders) }
            }
        }
        return (preparation, orders)
    }

    /// A path in the folder that nothing has yet.
    func newPath(_ name: String) -> String {
        folder.appending(path: "\(name)-\(UInt64.random(in: .min ... .max))").path
    }

    /// A new node on a database of its own.
    func newNode(
        _ name: String,
        site: SiteCode = BenchmarkSite.code
    ) async throws -> (node: EdgeNode, log: SQLiteEventLog) {
        let log = try SQLiteEventLog(path: newPath(name) + ".sqlite", create: true)
        _ = try await EdgeNode.initialise(
            log: log,
            site: site,
            name: BenchmarkSite.name,
            currency: BenchmarkSite.currency,
            moneyScale: 4
        )
        return (try await EdgeNode.open(log: log, now: wallClock), log)
    }
}

/// The site at which the benchmarks record.
enum BenchmarkSite {
    /// A second one, that looks on.
    static let other = identifier("MAN", SiteCode.self)
    static let code = identifier("LON", SiteCode.self)
    static let name = identifier("lon-1", Label.self)
    static let currency = identifier("GBP", Label.self)
}

/// An identifier of a text that the benchmarks wrote themselves.
func identifier<Tag>(_ text: String, _: Identifier<Tag>.Type = Identifier<Tag>.self)
    -> Identifier<Tag>
{
    guard let identifier = Identifier<Tag>(text) else {
        preconditionFailure("\(text) is no identifier.")
    }
    return identifier
}

/// The wall clock.
@Sendable func wallClock() -> Instant {
    Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
}

/// Times work.
func seconds(_ body: () async throws -> Void) async rethrows -> Double {
    let start = ContinuousClock.now
    try await body()
    return start.duration(to: .now).seconds
}

/// What a benchmark found that makes its figure worthless.
struct BenchmarkError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

extension EdgeNode {
    /// Records commands in bulk, as many in a transaction as the program's own import.
    ///
    /// - Throws: ``BenchmarkError`` if the node refuses one.
    func recordInBulk(_ commands: some Collection<InventoryCommand>) async throws {
        var rest = commands[...]
        while !rest.isEmpty {
            let part = rest.prefix(CommandBatch.commandsMax)
            rest = rest.dropFirst(part.count)
            for recording in try await record(Array(part)) {
                if let refusal = recording.refusal {
                    throw BenchmarkError("Refused: \(refusal.code.text): \(refusal.message)")
                }
            }
        }
    }
}
