import Foundation
import GRDB

/// Who customers are, by the opaque references that events hold: a file of its own beside the event
/// log, from which a person can be erased.
///
/// Events are for ever and replicate; this is neither. Erasing overwrites what was stored
/// (`secure_delete`), and leaves the reference with the day, so that nobody fills it in again by
/// mistake. Each call opens and closes the file; processes take turns.
public struct CustomerTable: Sendable {
    /// One customer.
    public struct Customer: Hashable, Sendable {
        /// The reference that events hold.
        public var reference: String
        /// The name; nil once it is erased.
        public var name: String?
        /// How to reach the customer; nil if unknown or erased.
        public var contact: String?
        /// When it was erased, as RFC 3339 in UTC; nil if it was not.
        public var erasedAt: String?
    }

    private static let applicationID = 0x504C_4355  // "PLCU"
    private static let busySeconds: Double = 10

    private let path: String

    /// Names the file, which need not exist yet.
    public init(path: String) { self.path = path }

    private func open() throws(StorageError) -> DatabaseQueue {
        let isThere = try SystemFile.size(of: path) != nil
        do {
            if !isThere {
                let isMade = FileManager.default.createFile(
                    atPath: path,
                    contents: nil,
                    attributes: [.posixPermissions: 0o600]
                )
                guard isMade else {
                    throw StorageError(
                        .readOnly,
                        "The file \(path) cannot be written.",
                        hint: "Check the directory's permissions and the space on its disk."
                    )
                }
            }
            var configuration = Configuration()
            configuration.busyMode = .timeout(Self.busySeconds)
            configuration.prepareDatabase { database in
                // No copy of what was erased stays in a log of the file.
                try database.execute(
                    sql: """
                        PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;
                        PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF;
                        """
                )
            }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.write { try prepare($0) }
            return queue
        } catch {
            throw StorageError(wrapping: error)
        }
    }

    private func prepare(_ database: Database) throws {
        let mark = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
        guard mark == Self.applicationID || tables == 0 else {
            throw StorageError(
                .unrecognized,
                "The file \(path) is not a table of customers.",
                hint: "Move it away, or restore a backup."
            )
        }
        guard tables == 0 else { return }
        try database.execute(
            sql: """
                PRAGMA application_id = \(Self.applicationID);
                CREATE TABLE customer (
                    reference TEXT PRIMARY KEY NOT NULL,
                    name TEXT, contact TEXT, erased_at TEXT
                ) STRICT, WITHOUT ROWID;
                """
        )
    }

    private static func customer(_ row: GRDB.Row) -> Customer {
        Customer(
            reference: row["reference"],
            name: row["name"],
            contact: row["contact"],
            erasedAt: row["erased_at"]
        )
    }

    /// Finds a customer; nil if nothing was ever stored.
    ///
    /// - Throws: ``StorageError`` if the file cannot be read.
    public func customer(_ reference: String) throws(StorageError) -> Customer? {
        guard try SystemFile.size(of: path) != nil else { return nil }
        let queue = try open()
        do {
            return try queue.read { database in
                try GRDB.Row.fetchOne(
                    database,
                    sql: "SELECT * FROM customer WHERE reference = ?",
                    arguments: [reference]
                ).map(Self.customer)
            }
        } catch {
            throw StorageError(wrapping: error)
        }
    }

    /// Lists customers by reference, at most `limit` after one.
    ///
    /// - Throws: ``StorageError`` if the file cannot be read.
    public func customers(
        after reference: String? = nil,
        limit: Int
    ) throws(StorageError) -> [Customer] {
        guard try SystemFile.size(of: path) != nil else { return [] }
        let queue = try open()
        do {
            return try queue.read { database in
                try GRDB.Row.fetchAll(
                    database,
                    sql: "SELECT * FROM customer WHERE reference > ? ORDER BY reference LIMIT ?",
                    arguments: [reference ?? "", limit]
                ).map(Self.customer)
            }
        } catch {
            throw StorageError(wrapping: error)
        }
    }

    /// Stores who a customer is; what is nil stays.
    ///
    /// - Returns: Whether it was stored; not if the customer was erased.
    /// - Throws: ``StorageError`` if the file cannot be written.
    public func store(
        _ reference: String,
        name: String?,
        contact: String?
    ) throws(StorageError) -> Bool {
        let queue = try open()
        do {
            return try queue.write { database in
                try database.execute(
                    sql: """
                        INSERT INTO customer (reference, name, contact) VALUES (?, ?, ?)
                        ON CONFLICT (reference) DO UPDATE
                        SET name = coalesce(excluded.name, name),
                            contact = coalesce(excluded.contact, contact)
                        WHERE erased_at IS NULL
                        """,
                    arguments: [reference, name, contact]
                )
                return database.changesCount > 0
            }
        } catch {
            throw StorageError(wrapping: error)
        }
    }

    /// Erases who a customer is, or notes that nobody may be stored under a reference.
    ///
    /// - Parameters:
    ///   - reference: The reference, which stays.
    ///   - time: When, as RFC 3339 in UTC.
    /// - Returns: Whether there was something to erase.
    /// - Throws: ``StorageError`` if the file cannot be written.
    public func erase(_ reference: String, at time: String) throws(StorageError) -> Bool {
        let queue = try open()
        do {
            let wasThere = try queue.write { database in
                let held =
                    try Bool.fetchOne(
                        database,
                        sql: """
                            SELECT name IS NOT NULL OR contact IS NOT NULL
                            FROM customer WHERE reference = ?
                            """,
                        arguments: [reference]
                    ) ?? false
                try database.execute(
                    sql: """
                        INSERT INTO customer (reference, erased_at) VALUES (?, ?)
                        ON CONFLICT (reference) DO UPDATE
                        SET name = NULL, contact = NULL,
                            erased_at = coalesce(erased_at, excluded.erased_at)
                        """,
                    arguments: [reference, time]
                )
                return held
            }
            // What lay in pages that were freed before goes too.
            try queue.vacuum()
            return wasThere
        } catch {
            throw StorageError(wrapping: error)
        }
    }
}
