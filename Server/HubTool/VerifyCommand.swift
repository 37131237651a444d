import ArgumentParser
import Foundation
import Interchange
import Replication
import SQLiteStorage

/// Proves the hub's database.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Folds everything again from nothing, and proves the hub's database.",
        discussion: """
            The hub must not run. Exits with 0 if all is as it should be, and with 5 if damage was
            found.

            Example: plumbline-hub verify --json
            """
    )
    @OptionGroup var directory: HubDirectory
    @Flag(help: "Prints JSON.")
    var json = false

    private static let damage: Int32 = 5
    private static let locked: Int32 = 6
    private static let internalError: Int32 = 70

    func run() async throws {
        let verification: Verification
        do {
            verification = try await prove()
        } catch let error as StorageError {
            try show(error)
            throw ExitCode(Self.exit(of: error))
        }
        if json {
            var writer = JSONWriter()
            writer.value(verification)
            print(writer.text)
        } else {
            for line in verification.lines { print(line) }
        }
        if !verification.isClean { throw ExitCode(Self.damage) }
    }

    private func prove() async throws -> Verification {
        let log = try SQLiteEventLog(path: "\(directory.path)/hub.sqlite", create: false)
        var verification = try await log.read { log in try Verification.ofStore(log) }
        for problem in try await log.integrityProblems() {
            verification.add(.fileDamaged, problem, at: "the database file")
        }
        return verification
    }

    private static func exit(of error: StorageError) -> Int32 {
        switch error.code {
        case .locked: locked
        case .damaged: damage
        case .missing: 1
        default: internalError
        }
    }

    private func show(_ error: StorageError) throws {
        var code = "\(error.code)"
        var message = error.message
        var hint = error.hint
        if error.code == .locked {
            code = "hub_running"
            message = "The hub in \(directory.path) runs, and holds its database."
            hint = "Stop the hub, or verify a backup of it."
        }
        var text = "Error: \(message)\nTry: \(hint)\n"
        if json {
            var writer = JSONWriter()
            writer.object { writer in
                writer.key("error")
                writer.object { writer in
                    writer.member("code", code)
                    writer.member("message", message)
                    writer.member("hint", hint)
                }
            }
            text = writer.text + "\n"
        }
        try FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
