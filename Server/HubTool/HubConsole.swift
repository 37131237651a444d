import ArgumentParser
import Causality
import Foundation
import Interchange

/// What every command of the hub's program takes that prints a result.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Prints JSON.")
    var json = false

    /// Runs a command and shows its errors.
    ///
    /// - Parameter work: Returns what the process exits with.
    /// - Throws: `ExitCode`, or what the argument parser shows by itself.
    func run(_ work: () async throws -> Int32) async throws {
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
}

/// The standard streams and the wall clock.
enum Console {
    /// Writes bytes to the standard output, at once.
    static func write(_ bytes: [UInt8]) { FileHandle.standardOutput.write(Data(bytes)) }

    /// Writes a line to the standard output.
    static func print(_ bytes: [UInt8]) { write(bytes + [UInt8(ascii: "\n")]) }

    /// Writes a line to the standard output.
    static func print(_ text: String) { print(Array(text.utf8)) }

    /// Writes a line to the standard error.
    static func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    /// The wall clock.
    static func now() -> Instant {
        Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }
}
