import Foundation
import Synchronization
import TestSupport
import Testing

/// Why a program that was to run does not.
struct ProgramEnded: Error, CustomStringConvertible {
    let name: String
    let status: Int32
    let errors: String

    var description: String { "\(name) ended with \(status): \(errors)" }
}

/// One process of a program that goes on until it is stopped or killed.
///
/// Its lines are read as they come, so that a test waits for what it says and never for a time.
final class RunningProgram: Sendable {
    /// How a process ended.
    enum End: Hashable {
        /// It exited by itself with a status.
        case exited(Int32)
        /// A signal ended it.
        case killed(Int32)
    }

    private let name: String
    private let process: Process
    private let errorsFile: URL
    private let lines: AsyncStream<String>
    private let ended: AsyncStream<End>

    /// Starts one of the programs under test; its standard error goes to a file of that name.
    init(_ program: String, _ arguments: [String], name: String, in folder: URL) throws {
        self.name = name
        process = Process()
        process.executableURL = Programs.folder.appending(path: program)
        process.arguments = arguments
        process.currentDirectoryURL = folder
        errorsFile = folder.appending(path: "\(name).errors")
        if !FileManager.default.fileExists(atPath: errorsFile.path) {
            _ = FileManager.default.createFile(atPath: errorsFile.path, contents: nil)
        }
        let errors = try FileHandle(forWritingTo: errorsFile)
        try errors.seekToEnd()
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors

        let (lines, lineSink) = AsyncStream.makeStream(of: String.self)
        let (ended, endSink) = AsyncStream.makeStream(of: End.self)
        self.lines = lines
        self.ended = ended
        let rest = Mutex(Data())
        output.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                lineSink.finish()
            }
            rest.withLock { rest in
                rest += data
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    lineSink.yield(String(decoding: rest[..<end], as: UTF8.self))
                    rest = rest[(end + 1)...]
                }
            }
        }
        process.terminationHandler = { process in
            endSink.yield(
                process.terminationReason == .exit
                    ? .exited(process.terminationStatus) : .killed(process.terminationStatus)
            )
            endSink.finish()
        }
        try Programs.start(process)
        try errors.close()
    }

    var processIdentifier: Int32 { process.processIdentifier }

    var isRunning: Bool { process.isRunning }

    /// What the program, and those before it under the same name, wrote to the standard error.
    var errors: String {
        get throws { String(decoding: try Data(contentsOf: errorsFile), as: UTF8.self) }
    }

    /// Waits for a line of the standard output.
    ///
    /// - Throws: ``ProgramEnded`` if it ends without having written one.
    func line(containing part: String) async throws -> String {
        for await line in lines where line.contains(part) { return line }
        let end = await wait()
        let status: Int32 =
            switch end {
            case .exited(let status): status
            case .killed(let signal): 128 + signal
            case nil: -1
            }
        throw ProgramEnded(name: name, status: status, errors: try errors)
    }

    /// Waits for the end; nil if somebody else has waited for it already.
    @discardableResult
    func wait() async -> End? {
        for await end in ended { return end }
        return nil
    }

    /// Sends a signal.
    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }
}
