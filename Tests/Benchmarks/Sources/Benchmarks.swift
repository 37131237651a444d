import Foundation

/// The benchmarks, each beside the work of the design's table that it measures.
struct Benchmark: Sendable {
    /// The number in the table of goals.
    var id: String
    var run: @Sendable (Workbench) async throws -> [Measurement]

    static let all: [Benchmark] = [
        Benchmark(id: "P1", run: EngineBenchmark.run),
        Benchmark(id: "P2", run: RecordBenchmark.run),
        Benchmark(id: "P3", run: ConcurrentBenchmark.run),
        Benchmark(id: "P4", run: SyncBenchmark.runBacklog),
        Benchmark(id: "P5", run: VisibilityBenchmark.run),
        Benchmark(id: "P6", run: SyncBenchmark.runReconnection),
        Benchmark(id: "P8", run: SyncBenchmark.runQuiet),
        Benchmark(id: "P10", run: ConcurrentBenchmark.runHotSKU),
        Benchmark(id: "P14", run: SyncBenchmark.runWire),
        Benchmark(id: "P15", run: GrowthBenchmark.run),
    ]
}

@main
enum Benchmarks {
    static func main() async throws {
        let arguments = CommandLine.arguments
        if arguments.count == 3, arguments[1] == GrowthBenchmark.residentMode {
            return try await GrowthBenchmark.holdNode(at: arguments[2])
        }
        let environment = ProcessInfo.processInfo.environment
        let only = environment["ONLY"].flatMap { $0.isEmpty ? nil : $0 }
            .map { Set($0.split(separator: ",").map(String.init)) }
        let known = Set(Benchmark.all.map(\.id))
        guard only?.isSubset(of: known) ?? true else {
            say("Error: ONLY names a benchmark that is not there.")
            say("  Try: ONLY=\(known.sorted().joined(separator: ","))")
            exit(64)
        }
        let orders = environment["ORDERS"].flatMap { $0.isEmpty ? nil : $0 }
        let bench = try Workbench(ordersPath: orders)
        var report = Report()
        for benchmark in Benchmark.all where only?.contains(benchmark.id) ?? true {
            do {
                let measurements = try await benchmark.run(bench)
                for measurement in measurements { report.add(measurement) }
            } catch {
                report.addFailure(of: benchmark.id, error)
            }
        }
        try bench.close()
        try report.write(to: environment["BENCH_JSON"] ?? "bench.json")
        exit(report.hasFailed ? 1 : 0)
    }
}
