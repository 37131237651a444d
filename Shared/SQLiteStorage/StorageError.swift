import Foundation
import GRDB
import GRDBSQLite
public import Replication

/// Why the store could not be opened, read or written.
///
/// Nothing of the transaction that throws this was kept; what was committed before is untouched.
public struct StorageError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure that callers answer differently.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name: String {
            case locked
            case missing
            case exists
            case unrecognized
            case newerSchema = "newer_schema"
            case damaged
            case diskFull = "disk_full"
            case ioFailed = "io_failed"
            case readOnly = "read_only"
            case alreadyStored = "already_stored"
            case outOfOrder = "out_of_order"
            case outOfRange = "out_of_range"
            case closed
            case failed
        }
        private let name: Name
        /// Another process owns the store; talk to it, or stop it.
        public static let locked = Code(name: .locked)
        /// There is no store at that path, and none was to be created.
        public static let missing = Code(name: .missing)
        /// There is a file already where a backup was to be written.
        public static let exists = Code(name: .exists)
        /// The file is no store of this program; name the right one.
        public static let unrecognized = Code(name: .unrecognized)
        /// A newer program wrote the store; upgrade this one.
        public static let newerSchema = Code(name: .newerSchema)
        /// Pages or rows of the file cannot be read; restore a backup.
        public static let damaged = Code(name: .damaged)
        /// The disk is full; the same transaction may be tried again when there is space.
        public static let diskFull = Code(name: .diskFull)
        /// The disk failed to read or write; the store proves it before it writes again.
        public static let ioFailed = Code(name: .ioFailed)
        /// The file or its disk cannot be written to.
        public static let readOnly = Code(name: .readOnly)
        /// The event, position or entry is stored already.
        public static let alreadyStored = Code(name: .alreadyStored)
        /// A node's entries would not follow its sequence.
        public static let outOfOrder = Code(name: .outOfOrder)
        /// A sequence or position is zero, or larger than a store can hold.
        public static let outOfRange = Code(name: .outOfRange)
        /// The log was closed.
        public static let closed = Code(name: .closed)
        /// Anything else; see ``StorageError/message``.
        public static let failed = Code(name: .failed)

        /// The stable text, in `snake_case`.
        public var description: String { name.rawValue }

        private init(name: Name) {
            self.name = name
        }
    }

    /// Decides what the caller does next.
    public var code: Code
    /// Tells a person what happened, and to which file.
    public var message: String
    /// Tells a person what to try next.
    public var hint: String
    /// The database error underneath, if any.
    public var cause: (any Error)?

    /// Whether the same transaction may succeed later without a change to the program.
    public var isRetryable: Bool {
        code == .locked || code == .diskFull || code == .ioFailed
    }

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: Decides what the caller does next.
    ///   - message: What happened, as a sentence.
    ///   - hint: What to try next, as a sentence.
    ///   - cause: The error underneath.
    public init(
        _ code: Code,
        _ message: String,
        hint: String = "",
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    /// The code and the sentence.
    public var description: String { "\(code): \(message)" }
}

extension StorageError: EventLogFailure {
    /// What a caller can do about it.
    public var kind: EventLogFailureKind {
        switch code {
        case .locked: .locked
        case .damaged: .damaged
        default: .failed
        }
    }

    /// The stable code, in `snake_case`.
    public var stableCode: String { code.description }
}

extension StorageError {
    /// What SQLite said, as what the caller should do.
    ///
    /// - Parameters:
    ///   - extendedCode: SQLite's extended result code.
    ///   - text: SQLite's own words.
    ///   - cause: The error underneath, if there is one.
    init(extendedCode: CInt, text: String, cause: (any Error)? = nil) {
        let (code, hint) = Self.meaning(of: extendedCode)
        self.init(code, "The database said: \(text) (\(extendedCode)).", hint: hint, cause: cause)
    }

    /// An error that went through GRDB.
    init(_ error: DatabaseError) {
        self.init(
            extendedCode: error.extendedResultCode.rawValue,
            text: error.message ?? "no message",
            cause: error
        )
    }

    /// Any error of opening or of GRDB: its own kind if it has one.
    init(wrapping error: any Error) {
        switch error {
        case let error as StorageError: self = error
        case let error as DatabaseError: self.init(error)
        default: self.init(.failed, "The database could not be used: \(error)", cause: error)
        }
    }

    private static func meaning(of extendedCode: CInt) -> (code: Code, hint: String) {
        switch extendedCode {
        case SQLITE_CONSTRAINT | (6 << 8), SQLITE_CONSTRAINT | (8 << 8),
            SQLITE_CONSTRAINT | (10 << 8):  // primary key, unique, row id
            return (.alreadyStored, "Read what is stored before writing it again.")
        default:
            break
        }
        switch extendedCode & 0xFF {
        case SQLITE_FULL:
            return (.diskFull, "Free some space on the disk, then try again.")
        case SQLITE_IOERR:
            return (.ioFailed, "Check the disk and the system's log, then run `verify`.")
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_CANTOPEN:
            return (.readOnly, "Check who owns the file and its folder, and how it is mounted.")
        case SQLITE_CORRUPT:
            return (.damaged, "Run `verify`, then restore a backup.")
        case SQLITE_NOTADB:
            return (.unrecognized, "Name the file of a Plumbline store.")
        case SQLITE_BUSY, SQLITE_LOCKED:
            return (.locked, "Close other programs that have the file open.")
        case SQLITE_MISUSE:
            return (.closed, "Open the log again.")
        default:
            return (.failed, "Run `verify`, and report it as a fault.")
        }
    }

    /// A row of the store that says what no row may say.
    static func damaged(_ what: String) -> StorageError {
        StorageError(.damaged, what, hint: "Run `verify`, then restore a backup.")
    }

    /// A failed call to the system.
    ///
    /// - Parameters:
    ///   - number: The call's `errno`.
    ///   - what: What was tried, such as `open the folder /var/lib/plumbline`.
    init(errorNumber number: CInt, doing what: String) {
        let code: Code
        let hint: String
        switch number {
        case ENOENT, ENOTDIR:
            (code, hint) = (.missing, "Check the path.")
        case EEXIST:
            (code, hint) = (.exists, "Choose another name, or remove the file first.")
        case ENOSPC, EDQUOT:
            (code, hint) = (.diskFull, "Free some space on the disk, then try again.")
        case EACCES, EPERM, EROFS:
            (code, hint) = (.readOnly, "Check who owns the file and its folder.")
        default:
            (code, hint) = (.ioFailed, "Check the disk and the system's log.")
        }
        self.init(code, "Could not \(what): \(errorText(number)).", hint: hint)
    }
}
