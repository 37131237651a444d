import Causality
import Edge
import InventoryEngine
import Replication
import SQLiteStorage

/// P2: recording real orders in bulk, durably, against SQLite's own limit.
enum RecordBenchmark {
    private static let ordersMax = 6_000
    private static let roundCount = 3

    static func run(_ bench: Workbench) async throws -> [Measurement] {
        let (preparation, orders) = try bench.orders(limit: ordersMax)

        // Once with a log that notes what is written, to have the same again for the limit.
        let (_, log) = try await bench.newNode("capture")
        let capturing = CapturingLog(log)
        let node = try await EdgeNode.open(log: capturing, now: wallClock)
        try await node.recordInBulk(preparation)
        let preparationCount = capturing.transactions.count
        try await node.recordInBulk(orders)
        let transactions = capturing.transactions
        try log.close()

        let recorded = try await rounds(roundCount, "events/s") { _ in
            let (node, log) = try await bench.newNode("record")
            try await node.recordInBulk(preparation)
            let seconds = try await seconds { try await node.recordInBulk(orders) }
            try log.close()
            return Double(orders.count) / seconds
        }
        let limit = try await rounds(roundCount, "events/s") { _ in
            let (_, log) = try await bench.newNode("limit")
            try log.close()
            let replay = try RawReplay(path: log.path)
            for writes in transactions[..<preparationCount] { try replay.write(writes) }
            let start = ContinuousClock.now
            for writes in transactions[preparationCount...] { try replay.write(writes) }
            return Double(orders.count) / start.duration(to: .now).seconds
        }

        let writeCount = transactions[preparationCount...].reduce(0) { $0 + $1.count }
        let lineCount = orders.reduce(0) { $0 + $1.body.lineCount }
        let rows = Double(writeCount) / Double(orders.count)
        let lines = Double(lineCount) / Double(orders.count)
        return [
            Measurement(
                "P2 record \(bench.ordersText), 500 per commit:"
                    + " \(lines.figureText) lines, \(rows.figureText) rows an event",
                recorded,
                peer: ("the same rows by the C API", limit),
                goal: .ratio(atLeast: 0.5)
            ),
            Measurement(
                "P2 the same in rows",
                Figure(recorded.values.map { $0 * rows }, "rows/s"),
                peer: ("C API", Figure(limit.values.map { $0 * rows }, "rows/s"))
            ),
        ]
    }
}
