import Edge
import Foundation
import InventoryEngine
import Replication
import SQLiteStorage

/// P15 and P13: what an event costs as history grows, and the memory of a process that holds it.
enum GrowthBenchmark {
    /// Over how many events before each size the cost is taken.
    private static let windowEvents = 5_000

    /// P15, and then P13 on the store that came out.
    static func run(_ bench: Workbench) async throws -> [Measurement] {
        let eventsMax =
            ProcessInfo.processInfo.environment["EVENTS_MAX"].flatMap(Int.init)
            ?? 1_000_000
        let sizes = [10_000, 100_000, 1_000_000, 10_000_000].filter { $0 <= eventsMax }
        let (node, log) = try await bench.newNode("growth")
        var stories = TwoLineCommands(seed: 15, skuCount: 1_000)
        try await node.recordInBulk(stories.preparation())
        var count = 0
        var costs: [Figure] = []
        for size in sizes {
            while count < size - windowEvents { count += try await record(1_000, &stories, node) }
            var rounds: [Double] = []
            while count < size {
                let start = ContinuousClock.now
                let recorded = try await record(1_000, &stories, node)
                rounds.append(start.duration(to: .now).seconds * 1e6 / Double(recorded))
                count += recorded
            }
            costs.append(Figure(rounds, "µs/event"))
        }
        guard let first = costs.first, let last = costs.last else { return [] }
        var measurements = zip(sizes, costs).map { size, cost in
            Measurement("P15 cost of an event after \(Double(size).figureText)", cost)
        }
        measurements.append(
            Measurement(
                "P15 cost after \(Double(count).figureText) events",
                last,
                peer: ("after \(Double(sizes[0]).figureText)", first),
                goal: .ratio(atMost: 1.2)
            )
        )
        try log.close()
        let bytes = try residentBytes(ofNodeAt: log.path)
        measurements.append(
            Measurement(
                "P13 resident memory of a node's process, \(Double(count).figureText) events,"
                    + " 1,000 more recorded",
                Figure([bytes / 1_048_576], "MiB"),
                goal: .figure(atMost: 64)
            )
        )
        return measurements
    }

    private static func record(
        _ count: Int,
        _ stories: inout TwoLineCommands,
        _ node: EdgeNode
    ) async throws -> Int {
        var commands: [InventoryCommand] = []
        while commands.count < count { commands += stories.next() }
        try await node.recordInBulk(commands)
        return commands.count
    }

    // MARK: Memory

    /// The word that makes this program hold a node and nothing else.
    static let residentMode = "hold-node"

    /// Starts a process that opens a node, records and answers with its peak of resident memory.
    private static func residentBytes(ofNodeAt path: String) throws -> Double {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [residentMode, path]
        process.standardOutput = output
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let text = String(decoding: bytes, as: UTF8.self)
        guard let peak = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw BenchmarkError("The process that holds a node printed no number but \(text).")
        }
        return peak
    }

    /// The other process: opens the node, records 1,000 commands one by one, and says how much
    /// memory it had at most.
    static func holdNode(at path: String) async throws {
        let log = try SQLiteEventLog(path: path, create: false)
        let node = try await EdgeNode.open(log: log, now: wallClock)
        var stories = TwoLineCommands(seed: UInt64.max, skuCount: 1_000)
        var count = 0
        while count < 1_000 {
            for command in stories.next() {
                // Documents of the first stories are there already, so some are refused.
                _ = try await node.record([command])
                count += 1
            }
        }
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let kibibytes = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
        guard let kibibytes = kibibytes.flatMap({ Double($0) }) else {
            throw BenchmarkError("The system does not tell the resident memory.")
        }
        say("\(kibibytes * 1_024)")
    }
}
