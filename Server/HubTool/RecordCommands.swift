import ArgumentParser
import Foundation
import Hub
import Interchange
import InventoryEngine
import Replication

/// Records commands at the hub.
struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Records commands, one JSON object per line; prints one result per line.",
        discussion: """
            A command names its site, unless it concerns the whole network.
            Exits with 1 if any line was refused.

            Example: plumbline-hub record commands.jsonl
            """
    )
    @OptionGroup var target: OperatorTarget
    @Argument(help: "The file; - for the standard input.", completion: .file())
    var file = "-"
    @Flag(help: "Stops at the first command that is refused.")
    var stopOnError = false

    func run() async throws {
        var reader = LineReader(try file == "-" ? .standardInput : open())
        let recorder = HubRecorder(target)
        let limit = stopOnError ? 1 : CommandBatch.commandsMax
        var isRefused = false
        while !(stopOnError && isRefused) {
            let lines = try reader.nextBatch(limit: limit)
            guard !lines.isEmpty else { break }
            for result in try await recorder.record(lines) {
                isRefused = isRefused || result.status == .refused
                let line = ResultFormat.encode(result) + [UInt8(ascii: "\n")]
                try FileHandle.standardOutput.write(contentsOf: Data(line))
            }
        }
        if isRefused { throw ExitCode(1) }
    }

    private func open() throws -> FileHandle {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw try CommandResult.Refusal(
                code: "file_not_read",
                message: "The file \(file) cannot be read.",
                hint: "Check its name and permissions."
            ).shown(json: false)
        }
        return handle
    }
}

extension CommandResult.Refusal {
    /// Shows why something was refused, and gives what to exit with.
    fileprivate func shown(json: Bool) throws -> ExitCode {
        var text = "Error: \(message) [\(code)]\nTry: \(hint)\n"
        if json {
            var writer = JSONWriter()
            writer.object { json in
                json.key("error")
                ResultFormat.encode(self, to: &json)
            }
            text = "\(writer.text)\n"
        }
        try FileHandle.standardError.write(contentsOf: Data(text.utf8))
        return ExitCode(1)
    }
}

/// Records at the hub that runs, or in its files when none does.
final class HubRecorder {
    private let target: OperatorTarget
    /// The hub's files, once it is known that no hub runs.
    private var service: HubService?

    init(_ target: OperatorTarget) { self.target = target }

    /// Records lines of JSON.
    ///
    /// - Returns: One result per line, in order.
    func record(_ lines: [[UInt8]]) async throws -> [CommandResult] {
        if service == nil {
            let body = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
            if let reply = try await target.ask("/api/v1/commands", body: body) {
                return try LineReader.lines(of: reply).map { try ResultFormat.decode($0) }
            }
        }
        let files = if let service { service } else { try await target.directory.open() }
        service = files
        return try await files.record(lines, now: HubSecret.now())
    }
}

/// Registers and lists sites.
struct SiteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site",
        abstract: "Registers a site, or lists the sites.",
        discussion: "Example: plumbline-hub site add LON --name \"London\"",
        subcommands: [SiteAddCommand.self, SiteListCommand.self]
    )
}

struct SiteAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Registers a site before any node has joined.",
        discussion: "Example: plumbline-hub site add LON --name \"London\""
    )
    @OptionGroup var target: OperatorTarget
    @Argument(help: "The site's code.")
    var site: String
    @Option(help: "What people call it.")
    var name: String?
    @Flag(help: "Prints JSON.")
    var json = false

    func run() async throws {
        var writer = JSONWriter()
        writer.object { json in
            json.member("type", "site_registered")
            json.member("site", site)
            if let name { json.member("name", name) }
        }
        for result in try await HubRecorder(target).record([writer.bytes]) {
            if let refusal = result.refusal { throw try refusal.shown(json: json) }
            if json {
                print(String(decoding: ResultFormat.encode(result), as: UTF8.self))
            } else {
                print("\(result.status.rawValue) \(result.event ?? "")")
            }
        }
    }
}

struct SiteListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the sites.",
        discussion: "Example: plumbline-hub site list --json"
    )
    @OptionGroup var target: OperatorTarget
    @Flag(help: "Prints JSON.")
    var json = false

    func run() async throws {
        let asked = try await target.ask("/api/v1/sites")
        let report = if let asked { asked } else { try await target.directory.open().siteReport() }
        if json { return print(String(decoding: report, as: UTF8.self)) }
        guard case .array(let sites) = try JSONReader.read(report) else { return }
        for site in sites {
            print("\(site["site"]?.text ?? "-")\t\(site["name"]?.text ?? "-")")
        }
    }
}

/// Writes a backup.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Writes a verified copy of the hub's database to a new file, while it runs.",
        discussion: """
            The hub's key and the operator's token are not in it: keep copies of those apart.

            Example: plumbline-hub backup /srv/backups/hub-monday.sqlite
            """
    )
    @OptionGroup var target: OperatorTarget
    @Argument(help: "The new file, on the hub's machine.", completion: .file())
    var file: String
    @Flag(help: "Prints JSON.")
    var json = false

    func run() async throws {
        // The hub that runs may have been started elsewhere: it needs the whole path.
        let path = URL(fileURLWithPath: file).path
        var writer = JSONWriter()
        writer.object { json in json.member("path", path) }
        var report: [UInt8]
        if let asked = try await target.ask("/api/v1/backups", body: writer.bytes) {
            report = asked
        } else {
            let backup: HubService.Backup
            do {
                backup = try await target.directory.open().backUp(to: path)
            } catch let refusal as SyncRefusal {
                throw try CommandResult.Refusal(
                    code: refusal.code,
                    message: refusal.message,
                    hint: "Name a new file in a folder that is there."
                ).shown(json: json)
            }
            writer = JSONWriter()
            backup.encode(to: &writer)
            report = writer.bytes
        }
        if json { return print(String(decoding: report, as: UTF8.self)) }
        let backup = try JSONReader.read(report)
        let (bytes, position) = (backup["bytes"]?.text, backup["position"]?.text)
        print("\(path): \(bytes ?? "?") bytes, complete up to position \(position ?? "?")")
    }
}
