import ArgumentParser
import Foundation
import Hub
import Interchange
import Replication
import SQLiteStorage

/// Where a hub keeps its database and its secrets.
struct HubDirectory: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: "The hub's directory; PLUMBLINE_HUB_DATA if it is not given, else ./hub-data.",
        completion: .directory
    )
    var path: String =
        ProcessInfo.processInfo.environment["PLUMBLINE_HUB_DATA"] ?? "./hub-data"

    private var keyPath: String { "\(path)/hub.key" }
    private var tokenPath: String { "\(path)/operator.token" }
    private var listenPath: String { "\(path)/listen" }

    /// Makes the directory, the secrets and the empty database.
    func create(_ key: NodeKey) throws -> any EventLog {
        let files = FileManager.default
        try files.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        guard !files.fileExists(atPath: keyPath) else {
            throw Failure(
                CommandResult.Refusal(
                    code: "already_initialised",
                    message: "There is a hub in \(path) already.",
                    hint: "Choose another directory with --data."
                )
            )
        }
        let log = try SQLiteEventLog(path: "\(path)/hub.sqlite", create: true)
        try writeSecret(HubSecret.draw(), to: tokenPath)
        try writeSecret(key.rawRepresentation, to: keyPath)
        return log
    }

    private func writeSecret(_ bytes: [UInt8], to path: String) throws {
        let isWritten = FileManager.default.createFile(
            atPath: path,
            contents: Data(bytes),
            attributes: [.posixPermissions: 0o600]
        )
        guard isWritten else {
            throw Failure(
                CommandResult.Refusal(
                    code: "file_not_written",
                    message: "The file \(path) cannot be written.",
                    hint: "Check the directory's permissions and the space on its disk."
                ),
                exit: .internal
            )
        }
    }

    /// Opens the hub; only one process can.
    func open() async throws -> HubService {
        guard FileManager.default.fileExists(atPath: keyPath) else {
            throw Failure(
                CommandResult.Refusal(
                    code: "not_initialised",
                    message: "There is no hub in \(path).",
                    hint: "Run `plumbline-hub init`, or name the directory with --data."
                )
            )
        }
        let log = try SQLiteEventLog(path: "\(path)/hub.sqlite", create: false)
        let key = try NodeKey(rawRepresentation: read(keyPath))
        return try await HubService.open(log, key: key)
    }

    /// What an operator's request carries.
    func operatorToken() throws -> String { HubSecret.text(of: try read(tokenPath)) }

    /// Notes where the hub answers, for the other commands; nil when it no longer does.
    func noteListening(_ address: String?) throws {
        if let address {
            try Data(address.utf8).write(to: URL(fileURLWithPath: listenPath))
        } else if FileManager.default.fileExists(atPath: listenPath) {
            try FileManager.default.removeItem(atPath: listenPath)
        }
    }

    /// Where the hub that runs answers; nil if none does.
    func runningHub() -> String? {
        guard let bytes = try? read(listenPath) else { return nil }  // absent while it is stopped
        return "http://\(String(decoding: bytes, as: UTF8.self))"
    }

    private func read(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

/// Secrets of the system's secure source.
enum HubSecret {
    /// Draws 32 bytes.
    static func draw() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Writes bytes in hexadecimal.
    static func text(of bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
