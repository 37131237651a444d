import Causality
import GRDB
import GRDBSQLite

/// A prepared statement that is bound and stepped by SQLite's own calls, with nothing in between.
///
/// The rows of a commit pass through here one by one, so nothing is boxed or looked up by name.
/// GRDB prepares, caches and finalizes the statement; its pointer is asked for in each call and
/// kept nowhere, and no bytes of ours stay bound by address after the call that binds them.
struct DirectStatement {
    private let statement: Statement

    /// Wraps a statement of the connection that is in use.
    init(_ statement: Statement) {
        self.statement = statement
    }

    // MARK: - Binding

    /// Binds a number to a parameter; the first is 1.
    func bind(_ value: Int64, at index: CInt) throws(StorageError) {
        try check(unsafe sqlite3_bind_int64(statement.sqliteStatement, index, value))
    }

    /// Binds a copy of bytes.
    func bind(_ bytes: [UInt8], at index: CInt) throws(StorageError) {
        try check(
            unsafe bytes.withUnsafeBytes { buffer in unsafe bindCopy(of: buffer, at: index) }
        )
    }

    /// Binds a copy of a text.
    func bind(_ text: String, at index: CInt) throws(StorageError) {
        var text = text
        let status = text.withUTF8 { buffer in
            // An empty buffer may have no address, which SQLite would take for NULL.
            guard let start = buffer.baseAddress, !buffer.isEmpty else {
                return unsafe sqlite3_bind_text(statement.sqliteStatement, index, "", 0, copied)
            }
            return unsafe start.withMemoryRebound(to: CChar.self, capacity: buffer.count) {
                unsafe sqlite3_bind_text64(
                    statement.sqliteStatement,
                    index,
                    $0,
                    UInt64(buffer.count),
                    copied,
                    UInt8(SQLITE_UTF8)
                )
            }
        }
        try check(status)
    }

    /// Binds a text or NULL.
    func bind(_ text: String?, at index: CInt) throws(StorageError) {
        guard let text else {
            return try check(unsafe sqlite3_bind_null(statement.sqliteStatement, index))
        }
        try bind(text, at: index)
    }

    /// Binds the 16 bytes of a node.
    func bind(_ node: NodeID, at index: CInt) throws(StorageError) {
        let words = (node.high.bigEndian, node.low.bigEndian)
        try check(
            unsafe withUnsafeBytes(of: words) { buffer in unsafe bindCopy(of: buffer, at: index) }
        )
    }

    /// Binds the 32 bytes of a hash.
    func bind(_ hash: ContentHash, at index: CInt) throws(StorageError) {
        let words = (
            hash.words.0.bigEndian, hash.words.1.bigEndian,
            hash.words.2.bigEndian, hash.words.3.bigEndian
        )
        try check(
            unsafe withUnsafeBytes(of: words) { buffer in unsafe bindCopy(of: buffer, at: index) }
        )
    }

    /// Binds bytes in place while a closure steps the statement, then resets it and binds NULL.
    ///
    /// The closure steps the statement, and reads all that it needs of the result.
    func withBound<Result>(
        _ bytes: [UInt8]?,
        at index: CInt,
        _ body: () throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        guard let bytes else {
            try check(unsafe sqlite3_bind_null(statement.sqliteStatement, index))
            defer { reset() }
            return try body()
        }
        return try unsafe bytes.withUnsafeBufferPointer { buffer throws(StorageError) -> Result in
            defer {
                reset()
                unsafe sqlite3_bind_null(statement.sqliteStatement, index)
            }
            if buffer.isEmpty {
                try check(unsafe sqlite3_bind_zeroblob(statement.sqliteStatement, index, 0))
            } else {
                try check(
                    unsafe sqlite3_bind_blob64(
                        statement.sqliteStatement,
                        index,
                        buffer.baseAddress,
                        UInt64(buffer.count),
                        nil  // static: the buffer outlives the closure
                    )
                )
            }
            return try body()
        }
    }

    private func bindCopy(of buffer: UnsafeRawBufferPointer, at index: CInt) -> CInt {
        // An empty buffer may have no address, which SQLite would take for NULL.
        if unsafe buffer.isEmpty {
            return unsafe sqlite3_bind_zeroblob(statement.sqliteStatement, index, 0)
        }
        return unsafe sqlite3_bind_blob64(
            statement.sqliteStatement,
            index,
            buffer.baseAddress,
            UInt64(buffer.count),
            copied
        )
    }

    /// Tells SQLite to copy what is bound: `SQLITE_TRANSIENT`, a macro that Swift does not see.
    private var copied: sqlite3_destructor_type {
        unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    // MARK: - Stepping

    /// Goes to the next row.
    ///
    /// - Returns: Whether there is one.
    func step() throws(StorageError) -> Bool {
        let status = unsafe sqlite3_step(statement.sqliteStatement)
        if status == SQLITE_ROW { return true }
        if status == SQLITE_DONE { return false }
        throw failure(status)
    }

    /// Makes the statement ready to run again; what is bound stays.
    func reset() {
        unsafe sqlite3_reset(statement.sqliteStatement)
    }

    /// Runs a statement that returns no rows, and resets it.
    func run() throws(StorageError) {
        defer { reset() }
        _ = try step()
    }

    private func check(_ status: CInt) throws(StorageError) {
        if status != SQLITE_OK { throw failure(status) }
    }

    private func failure(_ status: CInt) -> StorageError {
        let connection = unsafe sqlite3_db_handle(statement.sqliteStatement)
        let extended = unsafe sqlite3_extended_errcode(connection)
        let text = unsafe sqlite3_errmsg(connection).map { unsafe String(cString: $0) }
        return StorageError(
            extendedCode: extended & 0xFF == status & 0xFF ? extended : status,
            text: text ?? "no message"
        )
    }

    // MARK: - Columns of the current row

    /// Whether a column is NULL; the first is 0.
    func isNull(_ column: CInt) -> Bool {
        unsafe sqlite3_column_type(statement.sqliteStatement, column) == SQLITE_NULL
    }

    /// A number.
    func number(_ column: CInt) -> Int64 {
        unsafe sqlite3_column_int64(statement.sqliteStatement, column)
    }

    /// A number that is not negative.
    func unsigned(_ column: CInt) throws(StorageError) -> UInt64 {
        guard let value = UInt64(exactly: number(column)) else {
            throw .damaged("A stored sequence or position is negative.")
        }
        return value
    }

    /// A copy of the bytes of a BLOB.
    func bytes(_ column: CInt) -> [UInt8] {
        unsafe Array(blob(column))
    }

    /// A text.
    func text(_ column: CInt) -> String {
        guard let start = unsafe sqlite3_column_text(statement.sqliteStatement, column) else {
            return ""
        }
        let count = unsafe sqlite3_column_bytes(statement.sqliteStatement, column)
        return unsafe String(
            decoding: UnsafeBufferPointer(start: start, count: Int(count)),
            as: UTF8.self
        )
    }

    /// A node of its 16 bytes.
    func node(_ column: CInt) throws(StorageError) -> NodeID {
        let buffer = unsafe blob(column)
        guard buffer.count == 16 else { throw .damaged("A stored node has not 16 bytes.") }
        return unsafe NodeID(high: word(0, of: buffer), low: word(1, of: buffer))
    }

    /// A hash of its 32 bytes.
    func hash(_ column: CInt) throws(StorageError) -> ContentHash {
        let buffer = unsafe blob(column)
        guard buffer.count == 32 else { throw .damaged("A stored hash has not 32 bytes.") }
        return unsafe ContentHash(
            words: (
                word(0, of: buffer), word(1, of: buffer), word(2, of: buffer), word(3, of: buffer)
            )
        )
    }

    private func blob(_ column: CInt) -> UnsafeRawBufferPointer {
        let start = unsafe sqlite3_column_blob(statement.sqliteStatement, column)
        let count = unsafe sqlite3_column_bytes(statement.sqliteStatement, column)
        return unsafe UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(count))
    }

    private func word(_ index: Int, of buffer: UnsafeRawBufferPointer) -> UInt64 {
        unsafe UInt64(
            bigEndian: buffer.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
        )
    }
}
