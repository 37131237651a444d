import Causality
import GRDBSQLite
import InventoryEngine
import Replication

/// SQLite by its own C calls, with nothing in between: the limit of what a store can do here.
@safe final class RawSQLite {  // safe: the only owner, closed once
    private let connection: OpaquePointer

    /// Opens or creates a database that keeps a durable write-ahead log, set up as the store's
    /// own connections are.
    init(path: String) throws {
        var opened: OpaquePointer?
        let status = unsafe sqlite3_open(path, &opened)
        guard status == SQLITE_OK, let connection = unsafe opened else {
            throw BenchmarkError("SQLite did not open \(path): \(status).")
        }
        unsafe self.connection = unsafe connection
        try execute("PRAGMA journal_mode = WAL")
        try execute("PRAGMA synchronous = FULL")
        try execute("PRAGMA foreign_keys = ON")
        try execute("PRAGMA cell_size_check = ON")
        try execute("PRAGMA cache_size = -16384")
    }

    deinit { unsafe sqlite3_close_v2(connection) }

    /// Runs statements that return nothing.
    func execute(_ sql: String) throws {
        let status = unsafe sqlite3_exec(connection, sql, nil, nil, nil)
        guard status == SQLITE_OK else { throw failure(sql) }
    }

    /// Prepares a statement.
    func prepare(_ sql: String) throws -> RawStatement {
        var prepared: OpaquePointer?
        let status = unsafe sqlite3_prepare_v2(connection, sql, -1, &prepared, nil)
        guard status == SQLITE_OK, let statement = unsafe prepared else { throw failure(sql) }
        return unsafe RawStatement(statement)
    }

    private func failure(_ sql: String) -> BenchmarkError {
        let text = unsafe sqlite3_errmsg(connection).map { unsafe String(cString: $0) } ?? ""
        return BenchmarkError("\(text): \(sql)")
    }
}

/// A prepared statement that is bound and stepped by hand.
@safe final class RawStatement {  // safe: the only owner, finalized once
    private let statement: OpaquePointer

    init(_ statement: OpaquePointer) { unsafe self.statement = unsafe statement }

    deinit { unsafe sqlite3_finalize(statement) }

    func bind(_ number: Int64, at index: CInt) {
        unsafe sqlite3_bind_int64(statement, index, number)
    }

    /// Binds a copy of bytes; nil is NULL.
    func bind(_ bytes: [UInt8]?, at index: CInt) {
        guard let bytes else {
            unsafe sqlite3_bind_null(statement, index)
            return
        }
        guard !bytes.isEmpty else {
            unsafe sqlite3_bind_zeroblob(statement, index, 0)
            return
        }
        unsafe bytes.withUnsafeBytes { buffer in
            _ = unsafe sqlite3_bind_blob64(
                statement,
                index,
                buffer.baseAddress,
                UInt64(buffer.count),
                unsafeBitCast(-1, to: sqlite3_destructor_type.self)  // copied
            )
        }
    }

    func bind(_ text: String, at index: CInt) {
        unsafe sqlite3_bind_text(
            statement,
            index,
            text,
            -1,
            unsafeBitCast(-1, to: sqlite3_destructor_type.self)  // copied
        )
    }

    func run() throws {
        let status = unsafe sqlite3_step(statement)
        unsafe sqlite3_reset(statement)
        guard status == SQLITE_DONE else { throw BenchmarkError("A step ended with \(status).") }
    }
}

/// Writes again what an event log has written: the same rows by the same statements in the same
/// transactions.
struct RawReplay {
    private let database: RawSQLite
    private let insertEvent: RawStatement
    private let putRow: RawStatement
    private let removeRow: RawStatement
    private let putSetting: RawStatement
    private let removeSetting: RawStatement

    /// Opens a store that `SQLiteEventLog` has made, so that the schema is the same.
    init(path: String) throws {
        database = try RawSQLite(path: path)
        insertEvent = try database.prepare(
            "INSERT INTO event (node, sequence, chain, bytes) VALUES (?1, ?2, ?3, ?4)"
        )
        putRow = try database.prepare(
            """
            INSERT INTO layer_row (view, kind, key, value, sequence) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (view, kind, key)
            DO UPDATE SET value = excluded.value, sequence = excluded.sequence
            """
        )
        removeRow = try database.prepare(
            "DELETE FROM layer_row WHERE view = ?1 AND kind = ?2 AND key = ?3"
        )
        putSetting = try database.prepare(
            """
            INSERT INTO setting (name, value) VALUES (?1, ?2)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """
        )
        removeSetting = try database.prepare("DELETE FROM setting WHERE name = ?1")
    }

    /// Writes one transaction durably.
    func write(_ writes: [CapturedWrite]) throws {
        try database.execute("BEGIN IMMEDIATE")
        for write in writes {
            switch write {
            case .event(let event):
                insertEvent.bind(event.id.node.bytes, at: 1)
                insertEvent.bind(Int64(event.id.sequence), at: 2)
                insertEvent.bind(event.chainHash.bytes, at: 3)
                insertEvent.bind(event.bytes, at: 4)
                try insertEvent.run()
            case .row(let view, let change, let sequence):
                let isRemoval = change.value == nil && view != StateView.overlay.rawValue
                let statement = isRemoval ? removeRow : putRow
                statement.bind(Int64(view), at: 1)
                statement.bind(Int64(change.kind.rawValue), at: 2)
                statement.bind(change.key, at: 3)
                if !isRemoval {
                    statement.bind(change.value, at: 4)
                    statement.bind(Int64(sequence), at: 5)
                }
                try statement.run()
            case .setting(let name, let value):
                let statement = value == nil ? removeSetting : putSetting
                statement.bind(name, at: 1)
                if let value { statement.bind(value, at: 2) }
                try statement.run()
            }
        }
        try database.execute("COMMIT")
    }
}
