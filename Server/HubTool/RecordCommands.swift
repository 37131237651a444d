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
    @OptionGroup var output: OutputOptions
    @Argument(help: "The file; - for the standard input.", completion: .file())
    var file = "-"
    @Flag(help: "Stops at the first command that is refused.")
    var stopOnError = false

    func run() async throws {
        try await output.run {
            var reader = LineReader(try file == "-" ? .standardInput : open())
            let recorder = HubRecorder(target)
            let limit = stopOnError ? 1 : CommandBatch.commandsMax
            var isRefused = false
            while !(stopOnError && isRefused) {
                let lines = try reader.nextBatch(limit: limit)
                guard !lines.isEmpty else { break }
                for result in try await recorder.record(lines) {
                    isRefused = isRefused || result.status == .refused
                    Console.print(ResultFormat.encode(result))
                }
            }
            return isRefused ? 1 : 0
        }
    }

    private func open() throws -> FileHandle {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw Failure.fileNotRead(file)
        }
        return handle
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
                return try LineReader.lines(of: reply.body).map { try ResultFormat.decode($0) }
            }
        }
        let files = if let service { service } else { try await target.directory.open() }
        service = files
        return try await files.record(lines, now: Console.now())
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
    @OptionGroup var output: OutputOptions
    @Argument(help: "The site's code.")
    var site: String
    @Option(help: "What people call it.")
    var name: String?

    func run() async throws {
        try await output.record("site_registered", at: target) { command in
            command.member("site", site)
            if let name { command.member("name", name) }
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
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await output.run {
            let asked = try await target.ask("/api/v1/sites")?.body
            let report =
                if let asked { asked } else { try await target.directory.open().siteReport() }
            guard !output.json else {
                Console.print(report)
                return 0
            }
            guard case .array(let sites) = try JSONReader.read(report) else { return 0 }
            for site in sites {
                Console.print("\(site["site"]?.text ?? "-")\t\(site["name"]?.text ?? "-")")
            }
            return 0
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
    @OptionGroup var output: OutputOptions
    @Argument(help: "The new file, on the hub's machine.", completion: .file())
    var file: String

    func run() async throws {
        try await output.run {
            // The hub that runs may have been started elsewhere: it needs the whole path.
            let path = URL(fileURLWithPath: file).path
            var writer = JSONWriter()
            writer.object { json in json.member("path", path) }
            var report: [UInt8]
            if let asked = try await target.ask("/api/v1/backups", body: writer.bytes) {
                report = asked.body
            } else {
                writer = JSONWriter()
                try await target.directory.open().backUp(to: path).encode(to: &writer)
                report = writer.bytes
            }
            guard !output.json else {
                Console.print(report)
                return 0
            }
            let backup = try JSONReader.read(report)
            let (bytes, position) = (backup["bytes"]?.text, backup["position"]?.text)
            Console.print(
                "\(path): \(bytes ?? "?") bytes, complete up to position \(position ?? "?")"
            )
            return 0
        }
    }
}
