import Foundation
import GRDB
public import Replication
import Synchronization

/// The event log of an edge node or of the hub, in one SQLite file.
///
/// | Rule                           | How it is kept                                              |
/// | ------------------------------ | ----------------------------------------------------------- |
/// | One process owns the store     | A lock on `<path>.lock`, which holds the owner's number     |
/// | One writer                     | One connection writes, and runs every WAL checkpoint        |
/// | Commits are on the disk        | `journal_mode=WAL`, `synchronous=FULL`, read back on opening |
/// | Readers never wait             | Read-only connections, each on a snapshot of the last commit |
/// | Nothing is acknowledged wrongly | After a failed disk the store proves it before it writes on |
///
/// All work runs on threads of the database, never on the cooperative pool. The file, its lock and
/// its backups are readable by their owner alone.
public final class SQLiteEventLog: EventLog {
    /// The file, whichever links led to it.
    public let path: String

    private let pool: DatabasePool
    private let lock: StoreLock
    private let shelf: RowShelf
    /// Whether a write met a failing disk, and the disk has not been proved since.
    private let isDiskSuspect = Mutex(false)

    /// How long the write-ahead log may stay after a checkpoint: 64 MiB, some 16,000 pages, far
    /// above what grows between two checkpoints while no reader holds them up.
    private static let journalBytesMax = 64 << 20

    /// The page cache of one connection: 16 MiB, so that the rows that are at work stay in memory.
    private static let cacheKibibytes = 16 << 10

    /// How long a connection waits for another one of this process: far longer than any holds a lock.
    private static let busySeconds: Double = 10

    /// Opens a store.
    ///
    /// It reads and writes the disk on the calling thread.
    ///
    /// - Parameters:
    ///   - path: The database file; its folder must exist.
    ///   - create: Whether to create the store if there is none.
    ///   - rowsKeptMax: How many rows stay in memory between transactions, some 500 bytes each.
    /// - Throws: ``StorageError`` with the code `locked` if another process owns the store,
    ///   `missing` if there is none and none was to be created, `newer_schema`, `unrecognized`,
    ///   `damaged`, or what the disk has to say; then nothing was changed.
    public convenience init(
        path: String,
        create: Bool,
        rowsKeptMax: Int = 20_000
    ) throws(StorageError) {
        try self.init(
            path: path,
            create: create,
            rowsKeptMax: rowsKeptMax,
            migrations: SchemaMigrations.all
        )
    }

    init(
        path: String,
        create: Bool,
        rowsKeptMax: Int = 20_000,
        migrations: DatabaseMigrator
    ) throws(StorageError) {
        shelf = RowShelf(rowsMax: rowsKeptMax)
        let path = try SystemFile.canonicalPath(path)
        let isThere = try SystemFile.size(of: path) != nil
        guard isThere || create else {
            throw StorageError(
                .missing,
                "There is no store at \(path).",
                hint: "Check the path, or initialize a new store."
            )
        }
        let lock = try StoreLock(of: path)
        if isThere {
            try Self.checkHeader(of: path, create: create)
        } else {
            _ = try SystemFile(path, flags: O_RDWR | O_CREAT | O_EXCL)
        }
        do {
            pool = try DatabasePool(path: path, configuration: Self.configuration(lock))
            try Self.prepare(pool, migrations: migrations)
            if !isThere {
                try SystemFile(SystemFile.folder(of: path), flags: O_RDONLY).synchronize()
            }
        } catch {
            if !isThere { SystemFile.removeDatabase(at: path) }
            throw StorageError(wrapping: error)
        }
        self.path = path
        self.lock = lock
    }

    // MARK: - Opening

    /// Refuses a file that is no store before SQLite touches it.
    private static func checkHeader(of path: String, create: Bool) throws(StorageError) {
        let header = try SystemFile(path, flags: O_RDONLY).prefix(100)
        // An empty file is a store whose creation was interrupted.
        if header.isEmpty, create { return }
        let magic = Array("SQLite format 3\0".utf8)
        let isDatabase = header.count == 100 && header.starts(with: magic)
        // The mark reaches the file with the first checkpoint; until then it reads as zero.
        let mark = header.dropFirst(68).prefix(4).reduce(0) { $0 << 8 | Int($1) }
        guard isDatabase, mark == 0 || mark == SchemaMigrations.applicationID else {
            throw unrecognized(path)
        }
    }

    private static func unrecognized(_ path: String) -> StorageError {
        StorageError(
            .unrecognized,
            "The file \(path) is not a Plumbline store.",
            hint: "Name the right file; if it was one, restore a backup."
        )
    }

    /// How each connection is set up.
    ///
    /// The connections hold the lock, so that it never ends before the last of them is closed.
    private static func configuration(_ lock: StoreLock) -> Configuration {
        var configuration = Configuration()
        configuration.label = "EventLog"
        configuration.foreignKeysEnabled = true
        // Nobody else may hold the file; but a reader of ours that meets the index of the write-ahead
        // log half written locks the writer out while it looks again.
        configuration.busyMode = .timeout(busySeconds)
        configuration.prepareDatabase { database in
            guard lock.isHeld else {
                throw StorageError(.closed, "The event log is closed.", hint: "Open it again.")
            }
            try database.execute(
                sql: """
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA mmap_size = 0;
                    PRAGMA journal_size_limit = \(journalBytesMax);
                    PRAGMA cache_size = -\(cacheKibibytes);
                    """
            )
        }
        return configuration
    }

    /// Brings the schema up to date, and makes sure that commits will be durable.
    private static func prepare(_ pool: DatabasePool, migrations: DatabaseMigrator) throws {
        let isNew = try pool.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
            let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode")
            let level = try Int.fetchOne(database, sql: "PRAGMA synchronous")
            guard mode == "wal", level == 2 else {
                throw StorageError(
                    .failed,
                    "The database does not keep a durable write-ahead log.",
                    hint: "Put the store on a local disk."
                )
            }
            let mark = try Int.fetchOne(database, sql: "PRAGMA application_id")
            let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema")
            guard mark == SchemaMigrations.applicationID || tables == 0 else {
                throw unrecognized(pool.path)
            }
            guard try !migrations.hasBeenSuperseded(database) else {
                throw StorageError(
                    .newerSchema,
                    "A newer program wrote the store at \(pool.path).",
                    hint: "Upgrade this program."
                )
            }
            return tables == 0
        }
        try migrations.migrate(pool)
        if isNew {
            try pool.writeWithoutTransaction { database in
                _ = try database.checkpoint(.truncate)
            }
        }
    }

    // MARK: - Closing

    /// Closes the store and lets another process have it; later calls fail with the code `closed`.
    ///
    /// A log that is dropped closes by itself. This waits for transactions that run.
    ///
    /// - Throws: ``StorageError`` if the database could not be closed; it is then still open.
    public func close() throws(StorageError) {
        do {
            try pool.close()
        } catch {
            throw StorageError(wrapping: error)
        }
        lock.release()
    }

    // MARK: - Transactions

    /// Runs a transaction that may write, and commits it durably; on a throw nothing is kept.
    public func write<Result: Sendable>(
        _ body: @escaping @Sendable (any LogTransaction) throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        if isDiskSuspect.withLock({ $0 }) { try await proveDisk() }
        // A transaction that has begun runs to its end whatever becomes of the task, so that no
        // commit is ever half known.
        return try await withCheckedThrowingContinuation { continuation in
            pool.asyncWriteWithoutTransaction { database in
                do {
                    continuation.resume(returning: try self.commit(body, on: database))
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    /// Runs a transaction that only reads, on the last commit.
    public func read<Result: Sendable>(
        _ body: @escaping @Sendable (any LogReading) throws -> Result
    ) async throws -> Result {
        do {
            return try await pool.read { database in try body(LogReader(database)) }
        } catch let error as DatabaseError {
            throw StorageError(error)
        } catch let error as StorageError where Task.isCancelled && error.code == .failed {
            throw CancellationError()  // the statement was interrupted
        }
    }

    /// Runs a transaction on the writer.
    private func commit<Result>(
        _ body: (any LogTransaction) throws -> Result,
        on database: Database
    ) throws -> Result {
        guard !isDiskSuspect.withLock({ $0 }) else { throw Self.suspectDisk }
        var writer: LogWriter?
        do {
            try database.beginTransaction(.immediate)
            let transaction = LogWriter(database, shelf: shelf)
            writer = transaction
            let result = try body(transaction)
            if let failure = transaction.failure { throw failure }
            try database.commit()
            transaction.didCommit()
            return result
        } catch {
            try? database.rollback()  // SQLite may have done it already
            let failure = writer?.failure
            let own = (error as? DatabaseError).map(StorageError.init)
            if [failure?.code, own?.code].contains(.ioFailed) {
                isDiskSuspect.withLock { $0 = true }
            }
            throw own ?? error
        }
    }

    private static var suspectDisk: StorageError {
        StorageError(
            .ioFailed,
            "An earlier commit met a failing disk.",
            hint: "Try again: the next transaction proves the disk first."
        )
    }

    /// After a failed write: brings all that was committed into the database file, flushes it, and
    /// checks it.
    ///
    /// What was not committed is gone afterwards, so nothing is assumed.
    private func proveDisk() async throws {
        do {
            try await pool.barrierWriteWithoutTransaction { database in
                guard self.isDiskSuspect.withLock({ $0 }) else { return }
                _ = try database.checkpoint(.truncate)
                let problems = try String.fetchAll(database, sql: "PRAGMA quick_check")
                guard problems == ["ok"] else {
                    let list = problems.joined(separator: "; ")
                    throw StorageError.damaged("The database is damaged: \(list).")
                }
                self.isDiskSuspect.withLock { $0 = false }
            }
        } catch {
            throw StorageError(wrapping: error)
        }
    }

    // MARK: - Care of the file

    /// Bytes of the database, and bytes that are free on its disk.
    public func storageSpace() throws -> (databaseBytes: UInt64, freeBytes: UInt64) {
        let file = try SystemFile.size(of: path) ?? 0
        let journal = try SystemFile.size(of: "\(path)-wal") ?? 0
        return (file + journal, try SystemFile.freeBytes(at: path))
    }

    /// Checks the file itself: pages, constraints.
    ///
    /// Returns what is wrong, empty if nothing is.
    public func integrityProblems() async throws -> [String] {
        do {
            return try await pool.read { database in
                let pages = try String.fetchAll(database, sql: "PRAGMA integrity_check")
                let references = try Row.fetchAll(database, sql: "PRAGMA foreign_key_check")
                return pages.filter { $0 != "ok" }
                    + references.map { "A row refers to one that is not there: \($0)" }
            }
        } catch let error as DatabaseError {
            let error = StorageError(error)
            guard error.code == .damaged else { throw error }
            return [error.message]
        }
    }

    /// Writes a consistent copy to a new file while work goes on, and verifies it.
    public func backUp(to path: String) async throws {
        let backup = try StoreBackup(to: path)
        do {
            try await pool.read { database in try backup.write(from: database) }
        } catch {
            throw StorageError(wrapping: error)
        }
    }

    /// Runs SQL on the writer, for tests.
    ///
    /// Of several statements the rows are those of the last; of each row the text of `column`, or
    /// of the first one.
    package func texts(ofSQL sql: String, column: String? = nil) throws(StorageError) -> [String] {
        do {
            return try pool.writeWithoutTransaction { database in
                try Row.fetchAll(database, sql: sql).map { row in
                    let value: DatabaseValue? = column.map { row[$0] } ?? row[0]
                    return value.map { value in
                        String.fromDatabaseValue(value)
                            ?? Int64.fromDatabaseValue(value).map { "\($0)" } ?? ""
                    } ?? ""
                }
            }
        } catch {
            throw StorageError(wrapping: error)
        }
    }

    /// The names and texts of all statements, for tests of their plans.
    package static var statements: [(name: String, sql: String)] {
        LogStatement.allCases.map { ("\($0)", $0.sql) }
    }
}
