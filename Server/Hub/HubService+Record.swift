public import Causality
import Foundation
public import Interchange
import InventoryEngine
import Replication
import Reports
import Synchronization

/// What an operator does at the hub besides reading.
extension HubService {
    /// Records commands at the hub, in transactions of at most ``CommandBatch/commandsMax``.
    ///
    /// - Parameters:
    ///   - lines: One JSON object each.
    ///   - now: The wall clock.
    /// - Returns: One result per line, in order; a refusal does not stop the others.
    /// - Throws: A storage error; what earlier transactions recorded then stands, and lines with an
    ///   op may be repeated.
    public func record(_ lines: [[UInt8]], now: Instant) async throws -> [CommandResult] {
        let ledger = ledger
        let identity = ledger.identity
        var results: [CommandResult] = []
        var rest = lines[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(CommandBatch.commandsMax))
            rest.removeFirst(part.count)
            let heard = watermarks.withLock(\.all)
            let partResults = try await log.write { log in
                let nodes = try Self.nodes(in: log)
                var names = Dictionary(
                    nodes.map { ($0.node, $0.row.name.text) },
                    uniquingKeysWith: { first, _ in first }
                )
                names[identity.node] = identity.name.text
                var ids = Dictionary(
                    names.map { ($0.value, $0.key) },
                    uniquingKeysWith: { first, _ in first }
                )
                ids[identity.name.text] = identity.node
                ids.merge(try NodeNames.all(in: log)) { own, _ in own }
                let batch = CommandBatch(
                    lines: part,
                    moneyScale: identity.moneyScale,
                    nodeNamed: { ids[$0] }
                )
                if batch.commands.contains(where: \.closesPeriod) {
                    try HubLedger.keep(heard, in: log)
                }
                let recordings = try ledger.record(batch.commands, in: log, at: now)
                return batch.results(of: recordings) { event in
                    names[event.node].map { "\($0):\(event.sequence)" } ?? event.description
                }
            }
            raiseCommit()
            results += partResults
        }
        return results
    }

    /// Releases the parked events whose reason is gone, when the hub starts.
    ///
    /// - Parameter now: The wall clock.
    /// - Returns: How many took effect.
    /// - Throws: A storage error.
    @discardableResult
    public func releaseParked(now: Instant) async throws -> Int {
        let ledger = ledger
        let count = try await log.write { try ledger.releaseParked(in: $0, at: now) }
        if count > 0 { raiseCommit() }
        return count
    }

    /// What a backup holds.
    public struct Backup: Hashable, Sendable {
        /// The file.
        public var path: String
        /// Its size.
        public var bytes: UInt64
        /// The last position that it holds for certain; entries of the same moment may follow.
        public var position: HubPosition
    }

    /// Writes a verified copy of the hub's store to a new file while work goes on.
    ///
    /// - Parameter path: An absolute path on the hub's machine.
    /// - Returns: What the file holds.
    /// - Throws: `SyncRefusal` with the code `path_not_absolute`, `folder_missing` or
    ///   `backup_exists`, or a storage error; then no file is left behind.
    public func backUp(to path: String) async throws -> Backup {
        let files = FileManager.default
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw SyncRefusal(
                code: "path_not_absolute",
                message: "A backup needs a path that begins with /."
            )
        }
        guard !files.fileExists(atPath: path) else {
            throw SyncRefusal(
                code: "backup_exists",
                message: "There is a file \(path) already, which is left as it is."
            )
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard files.fileExists(atPath: "\(folder)/.") else {
            throw SyncRefusal(code: "folder_missing", message: "There is no folder \(folder).")
        }
        let head = try await log.read { log in try log.head(in: nil) }
        try await log.backUp(to: path)
        let size = try files.attributesOfItem(atPath: path)[.size] as? NSNumber
        return Backup(path: path, bytes: size?.uint64Value ?? 0, position: head)
    }
}

extension HubService.Backup {
    /// Writes the backup as an operator reads it.
    public func encode(to writer: inout JSONWriter) {
        writer.object { json in
            json.member("path", path)
            json.member("bytes", quoted: bytes)
            json.member("position", quoted: position.rawValue)
        }
    }
}

extension HubService {
    /// The sites, in order of their codes, as JSON.
    public func siteReport() async throws -> [UInt8] {
        try await log.read { log in
            let rows = try log.source(.base).rows(
                .site,
                from: [],
                to: [UInt8](repeating: 0xFF, count: 2 * SiteCode.lengthMax),
                limit: .max,
                descending: false
            )
            var writer = JSONWriter()
            try writer.array { (json) throws in
                for row in rows {
                    let site = try SiteRow.Key(bytes: row.key).code
                    let name = try SiteRow(bytes: row.value).name
                    json.object { json in
                        json.member("site", site.text)
                        json.member("name", orNull: name)
                    }
                }
            }
            return writer.bytes
        }
    }
}

extension InventoryCommand {
    /// Whether it asks to close a month of the books.
    fileprivate var closesPeriod: Bool {
        if case .periodClosed = body { true } else { false }
    }
}
