import Causality
import Foundation
import InventoryEngine
import Replication
import SQLiteStorage
import TestSupport
import Testing

/// What is SQLite's alone: the file, its lock, its schema, and the plans of its statements.
@Suite(.timeLimit(.minutes(2)))
struct SQLiteEventLogTests {
    private func withLog(
        _ body: (SQLiteEventLog, TemporaryDirectory) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let log = try SQLiteEventLog(path: directory.file("log.db").path, create: true)
            try await body(log, directory)
            try log.close()
        }
    }

    private func code(_ body: () throws -> Void) -> StorageError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? StorageError)?.code
        }
    }

    @Test func `no statement scans a table or sorts what it reads`() async throws {
        try await withLog { log, _ in
            #expect(SQLiteEventLog.statements.count > 20)
            for (name, sql) in SQLiteEventLog.statements {
                let bound = (1...11).reversed().reduce(sql) { text, number in
                    text.replacingOccurrences(of: "?\(number)", with: "1")
                }
                let plan = try log.texts(ofSQL: "EXPLAIN QUERY PLAN \(bound)", column: "detail")
                // What is derived is as small as its limit; one row of constants is one row.
                let isDerived = plan.contains { $0.contains("scope") }
                let costly = plan.filter { step in
                    step.hasPrefix("SCAN") && !step.contains("scope")
                        && !step.contains("CONSTANT ROW")
                        || step.contains("TEMP B-TREE") && !isDerived
                }
                #expect(costly.isEmpty, "\(name): \(plan)")
            }
        }
    }

    @Test func `one process, and one log of it, owns a file`() async throws {
        try await withLog { log, directory in
            let second = code {
                _ = try SQLiteEventLog(path: directory.file("log.db").path, create: false)
            }
            #expect(second == .locked)
            try log.close()
            let again = try SQLiteEventLog(path: directory.file("log.db").path, create: false)
            try again.close()
        }
    }

    @Test func `a store that is not there, or is none, is refused and left as it is`() async throws
    {
        try await withTemporaryDirectory { directory in
            let missing = directory.file("none.db").path
            #expect(code { _ = try SQLiteEventLog(path: missing, create: false) } == .missing)
            #expect(!FileManager.default.fileExists(atPath: missing))
            let text = directory.file("notes.txt")
            let bytes = Data("Buy milk, and then some more of it.".utf8)
            try bytes.write(to: text)
            #expect(
                code { _ = try SQLiteEventLog(path: text.path, create: true) } == .unrecognized
            )
            #expect(try Data(contentsOf: text) == bytes)
        }
    }

    @Test func `a store that a newer program wrote is refused`() async throws {
        try await withLog { log, directory in
            _ = try log.texts(
                ofSQL: "INSERT INTO grdb_migrations VALUES ('Add what nobody knows today')"
            )
            try log.close()
            let path = directory.file("log.db").path
            #expect(code { _ = try SQLiteEventLog(path: path, create: false) } == .newerSchema)
        }
    }

    @Test func `what is committed is there after the file was closed and opened`() async throws {
        try await withLog { log, directory in
            let id = EventID(node: NodeID(high: 1, low: 1), sequence: 1)
            let event = SealedEvent(id: id, bytes: [1, 2, 3], chainHash: ContentHash.of([9]))
            try await log.write { try $0.append(event) }
            try log.close()
            await #expect(throws: StorageError.self) { try await log.read { _ in } }
            let again = try SQLiteEventLog(path: directory.file("log.db").path, create: false)
            let found = try await again.read { try $0.event(id) }
            #expect(found == event)
            let problems = try await again.integrityProblems()
            #expect(problems.isEmpty)
            try again.close()
        }
    }

    @Test func `a backup is a store of its own, and never overwrites a file`() async throws {
        try await withLog { log, directory in
            let id = EventID(node: NodeID(high: 1, low: 1), sequence: 1)
            let event = SealedEvent(id: id, bytes: [1, 2, 3], chainHash: ContentHash.of([9]))
            try await log.write { try $0.append(event) }
            let path = directory.file("backup.db").path
            try await log.backUp(to: path)
            await #expect(throws: StorageError.self) { try await log.backUp(to: path) }
            let copy = try SQLiteEventLog(path: path, create: false)
            let found = try await copy.read { try $0.event(id) }
            #expect(found == event)
            try copy.close()
        }
    }
}
