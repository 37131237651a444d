import Foundation
import Synchronization
import TestSupport
import Testing

/// The real programs, run as a person runs them.
struct Programs {
    let directory: TemporaryDirectory

    /// Where the programs are.
    static var folder: URL {
        // The test bundle lies beside the programs, however it is started.
        let environment = ProcessInfo.processInfo.environment["PLUMBLINE_PROGRAMS"]
        if let environment { return URL(filePath: environment) }
        return Checkout.root.appending(path: ".build/debug")
    }

    private static let starting = Mutex(())

    /// Starts a process, one at a time: `Process.run()` reads beyond its memory when two of them
    /// start at once (seen with Swift 6.3 on Linux).
    static func start(_ process: Process) throws {
        try starting.withLock { _ in try process.run() }
    }

    private func process(_ program: String, _ arguments: [String]) -> Process {
        let process = Process()
        // Nothing that hangs may hold up the others.
        process.executableURL = URL(filePath: "/usr/bin/timeout")
        process.arguments = ["60", Self.folder.appending(path: program).path] + arguments
        process.currentDirectoryURL = directory.url
        return process
    }

    struct Output {
        var status: Int32
        var text: String
        /// What the standard error received.
        var errors: String
        var lines: [String] { text.split(separator: "\n").map(String.init) }
    }

    @discardableResult
    func run(_ program: String, _ arguments: String..., input: String = "") throws -> Output {
        try run(program, arguments, input: input)
    }

    func run(_ program: String, _ arguments: [String], input: String = "") throws -> Output {
        try run(program, arguments, bytes: Array(input.utf8))
    }

    func run(_ program: String, _ arguments: [String], bytes: [UInt8]) throws -> Output {
        let process = process(program, arguments)
        let output = Pipe()
        // Files, so that neither side waits for the other however much there is.
        let name = UUID().uuidString
        let inputFile = directory.url.appending(path: ".input-\(name)")
        let errorsFile = directory.url.appending(path: ".errors-\(name)")
        try Data(bytes).write(to: inputFile)
        try Data().write(to: errorsFile)
        defer {
            for file in [inputFile, errorsFile] {
                try? FileManager.default.removeItem(at: file)  // goes with the directory
            }
        }
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: errorsFile)
        process.standardInput = try FileHandle(forReadingFrom: inputFile)
        try Self.start(process)
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Output(
            status: process.terminationStatus,
            text: String(decoding: data, as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: errorsFile), as: UTF8.self)
        )
    }

    /// Starts the hub on a free port and returns it with its address.
    func serve() throws -> (process: Process, url: String) {
        let process = Process()
        process.executableURL = Self.folder.appending(path: "plumbline-hub")
        process.arguments = ["serve", "--data", "hub", "--listen", "127.0.0.1:0", "--insecure"]
        process.currentDirectoryURL = directory.url
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try Self.start(process)
        // The first line says where the hub listens; until then there is nothing to connect to.
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let address = try #require(line.split(whereSeparator: \.isWhitespace).last)
        return (process, "http://\(address)")
    }
}

@Suite(.tags(.process), .serialized, .timeLimit(.minutes(5)))
struct SliceTests {
    @Test func `a receipt recorded offline is ordered by the hub and equal on both sides`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let programs = Programs(directory: directory)
            #expect(try programs.run("plumbline-hub", "init", "--data", "hub").status == 0)
            let token = try #require(
                try programs.run(
                    "plumbline-hub",
                    "invite",
                    "--data",
                    "hub",
                    "--site",
                    "LON",
                    "--node",
                    "lon-1"
                ).lines.last
            )
            #expect(
                try programs.run(
                    "plumbline",
                    "init",
                    "--data",
                    "lon",
                    "--site",
                    "LON",
                    "--node",
                    "lon-1"
                ).status == 0
            )
            let recorded = try programs.run(
                "plumbline",
                "record",
                "--data",
                "lon",
                input: """
                    {"type":"item_registered","sku":"85123A","name":"Holder","op":"i-1"}
                    {"type":"goods_received","op":"r-1","lines":[{"sku":"85123A","quantity":120,"unit_cost":"1.53"}]}
                    {"type":"goods_received","op":"r-1","lines":[{"sku":"85123A","quantity":120,"unit_cost":"1.53"}]}

                    """
            )
            #expect(recorded.status == 0)
            #expect(recorded.lines.count == 3)
            #expect(recorded.lines.last?.contains("\"duplicate\":true") == true)
            #expect(try programs.run("plumbline", "status", "--data", "lon").status == 3)

            let (hub, url) = try programs.serve()
            defer {
                if hub.isRunning { hub.terminate() }
            }
            #expect(
                try programs.run("plumbline", "join", url, "--data", "lon", "--token", token).status
                    == 0
            )
            #expect(try programs.run("plumbline", "sync", "--data", "lon").status == 0)
            let status = try programs.run("plumbline", "status", "--data", "lon", "--json")
            #expect(status.status == 0, "\(status.text)")
            #expect(status.text.contains("\"state\":\"in_sync\""))
            let stock = try programs.run("plumbline", "stock", "--data", "lon", "--json")
            #expect(stock.text.contains("\"on_hand\":\"120\""))
            #expect(stock.text.contains("\"value\":\"183.6000\""))
            hub.terminate()
            hub.waitUntilExit()
            #expect(hub.terminationStatus == 0, "a hub that is told to stop stops in order")
        }
    }

    @Test func `a hub that was killed can be asked through its files`() async throws {
        try await withTemporaryDirectory { directory in
            let programs = Programs(directory: directory)
            try programs.run("plumbline-hub", "init", "--data", "hub")
            let (hub, url) = try programs.serve()
            kill(hub.processIdentifier, SIGKILL)
            hub.waitUntilExit()
            let status = try programs.run("plumbline-hub", "status", "--data", "hub")
            #expect(status.status == 0)
            #expect(status.text.contains("epoch 1"))
            let asked = try programs.run(
                "plumbline-hub",
                "status",
                "--data",
                "hub",
                "--hub",
                url
            )
            #expect(asked.status == 3, "a hub that was named and does not answer is unreachable")
        }
    }

    @Test func `a refused line exits with 1, names its code, and the rest is recorded`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let programs = Programs(directory: directory)
            try programs.run("plumbline", "init", "--data", "lon", "--site", "LON")
            let output = try programs.run(
                "plumbline",
                "record",
                "--data",
                "lon",
                input: """
                    {"type":"goods_received","lines":[{"sku":"NO","quantity":1}]}
                    not json
                    {"type":"item_registered","sku":"A","name":"A"}

                    """
            )
            #expect(output.status == 1)
            #expect(output.lines.count == 3)
            #expect(output.lines.first?.contains("unknown_sku") == true)
            #expect(output.lines.last?.contains("\"recorded\"") == true)
        }
    }
}
