import ArgumentParser
import Causality
import Edge
import Foundation
import Interchange
import Logging
import Replication
import Reports
import SQLiteStorage

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: "The node's directory; PLUMBLINE_DATA if it is not given, else ./plumbline-data.",
        completion: .directory
    )
    var directory: String =
        ProcessInfo.processInfo.environment["PLUMBLINE_DATA"] ?? "./plumbline-data"

    @Flag(help: "Prints JSON.")
    var json = false

    @Option(help: "The least that goes to the log, on the standard error.")
    var logLevel: LogLevel = .warning

    /// The longest path that a Unix socket can have.
    static let socketPathBytesMax = 104

    /// Where the agent answers.
    var socketPath: String { "\(directory)/agent.sock" }
    private var databasePath: String { "\(directory)/node.sqlite" }
    private var keyPath: String { "\(directory)/node.key" }

    /// Runs a command and shows its errors.
    ///
    /// - Parameter work: Returns what the process exits with.
    /// - Throws: `ExitCode`, or what the argument parser shows by itself.
    func run(_ work: () async throws -> Int32) async throws {
        let level = logLevel.level
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        let code: Int32
        do {
            code = try await work()
        } catch let error as ValidationError {
            throw error
        } catch {
            let failure = Failure(error)
            Console.note(failure.text(json: json))
            code = failure.exit.rawValue
        }
        guard code == 0 else { throw ExitCode(code) }
    }

    /// Opens the store, a new one if it is to be created.
    func openLog(create: Bool) throws -> any EventLog {
        if create {
            try FileManager.default.createDirectory(
                atPath: directory,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } else if !FileManager.default.fileExists(atPath: databasePath) {
            throw Failure(
                CommandResult.Refusal(
                    code: "not_initialised",
                    message: "There is no node in \(directory).",
                    hint: "Run `plumbline init --site SITE`, or name the directory with --data."
                )
            )
        }
        return try SQLiteEventLog(path: databasePath, create: create)
    }

    /// Opens the node by its agent, or by its file if none runs.
    func door() async throws -> NodeDoor { try await NodeDoor(self) }

    /// Opens the node by its file.
    func openNode() async throws -> EdgeNode {
        try await EdgeNode.open(log: openLog(create: false), now: Console.now)
    }

    /// Reads one page of a list: the one way in for every command that shows one.
    func report(_ query: ReportQuery) async throws -> ReportPage {
        try await door().report(query)
    }

    /// Reads the node's key.
    func key() throws -> NodeKey {
        try NodeKey(rawRepresentation: [UInt8](Data(contentsOf: URL(fileURLWithPath: keyPath))))
    }

    /// Makes the node's key, unless an `init` that was cut short has made it.
    func makeKey() throws {
        guard !FileManager.default.fileExists(atPath: keyPath) else {
            _ = try key()
            return
        }
        let isWritten = FileManager.default.createFile(
            atPath: keyPath,
            contents: Data(NodeKey.generate().rawRepresentation),
            attributes: [.posixPermissions: 0o600]
        )
        guard isWritten else {
            throw Failure(
                CommandResult.Refusal(
                    code: "key_not_written",
                    message: "The file \(keyPath) cannot be written.",
                    hint: "Check the directory's permissions and the space on its disk."
                ),
                exit: .internal
            )
        }
    }
}

/// The standard streams and the wall clock.
enum Console {
    /// Whether somebody watches the standard error.
    static var isWatched: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes bytes to the standard output.
    static func write(_ bytes: [UInt8]) { FileHandle.standardOutput.write(Data(bytes)) }

    /// Writes a line to the standard output.
    static func print(_ bytes: [UInt8]) { write(bytes + [UInt8(ascii: "\n")]) }

    /// Writes a line to the standard output.
    static func print(_ text: String) { print(Array(text.utf8)) }

    /// Writes a line to the standard error.
    static func note(_ text: String, terminator: String = "\n") {
        FileHandle.standardError.write(Data((text + terminator).utf8))
    }

    /// The wall clock.
    static func now() -> Instant {
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }
}

/// How much goes to the log.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case trace, debug, info, notice, warning, error

    var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        }
    }
}
