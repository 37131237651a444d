import Foundation

/// PostgreSQL on this machine, driven by `postgres.sh` beside this package's manifest.
enum Postgres {
    /// Durable transactions/s of 16 clients, each with one insert and one upsert.
    ///
    /// - Returns: One value per round; nil if PostgreSQL cannot be had here.
    static func transactions(_ bench: Workbench, roundCount: Int) async throws -> Figure? {
        try await measure(bench, "transactions", size: 1_000, roundCount, "transactions/s")
    }

    /// Events/s in bulk, replicated logically, until a second server shows them.
    ///
    /// - Returns: One value per round; nil if PostgreSQL cannot be had here.
    static func replication(_ bench: Workbench, roundCount: Int) async throws -> Figure? {
        try await measure(bench, "replication", size: 100_000, roundCount, "events/s")
    }

    private static func measure(
        _ bench: Workbench,
        _ work: String,
        size: Int,
        _ roundCount: Int,
        _ unit: String
    ) async throws -> Figure? {
        var values: [Double] = []
        for _ in 0..<roundCount {
            guard let value = try run([work, bench.newPath("postgres"), "\(size)"]) else {
                return nil
            }
            values.append(value)
        }
        return Figure(values, unit)
    }

    private static var script: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "postgres.sh")
    }

    private static func run(_ arguments: [String]) throws -> Double? {
        let process = Process()
        let output = Pipe()
        process.executableURL = script
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            say(
                "(PostgreSQL was not measured: postgres.sh ended with \(process.terminationStatus).)"
            )
            return nil
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let value = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw BenchmarkError("postgres.sh printed no number but \(text).")
        }
        return value
    }
}
