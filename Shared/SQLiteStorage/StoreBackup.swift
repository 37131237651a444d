import Foundation
import GRDB

/// A copy of a store on its way to a file: it gets its name only when it is known to be good.
struct StoreBackup: Sendable {
    private let target: String
    private let partial: String

    /// Plans a backup.
    ///
    /// - Parameter path: The file to be written; its folder must exist.
    /// - Throws: ``StorageError`` with the code `exists` if there is such a file.
    init(to path: String) throws(StorageError) {
        target = path
        partial = "\(path).partial-\(String(UInt32.random(in: .min ... .max), radix: 16))"
        try refuseExistingTarget()
    }

    /// Copies the state that a transaction sees, flushes and checks the copy, and names it.
    ///
    /// - Parameter source: A connection in a transaction that only reads.
    /// - Throws: ``StorageError``; then nothing is left behind.
    func write(from source: Database) throws {
        do {
            _ = try SystemFile(partial, flags: O_RDWR | O_CREAT | O_EXCL)
            try copy(from: source)
            try check()
            try SystemFile(partial, flags: O_RDONLY).synchronize()
            try refuseExistingTarget()
            guard unsafe rename(partial, target) == 0 else {
                throw StorageError(errorNumber: errno, doing: "name the backup \(target)")
            }
            try SystemFile(SystemFile.folder(of: target), flags: O_RDONLY).synchronize()
        } catch {
            SystemFile.removeDatabase(at: partial)
            throw error
        }
    }

    private func refuseExistingTarget() throws(StorageError) {
        guard try SystemFile.size(of: target) == nil else {
            throw StorageError(errorNumber: EEXIST, doing: "write the backup \(target)")
        }
    }

    private func copy(from source: Database) throws {
        let queue = try DatabaseQueue(path: partial)
        try queue.writeWithoutTransaction { destination in
            try source.backup(to: destination)
            // One file, without the write-ahead log that the source has beside it.
            try destination.execute(sql: "PRAGMA journal_mode = DELETE")
        }
        try queue.close()
    }

    private func check() throws {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: partial, configuration: configuration)
        let problems = try queue.read { database in
            try String.fetchAll(database, sql: "PRAGMA quick_check")
        }
        try queue.close()
        guard problems == ["ok"] else {
            throw StorageError.damaged(
                "The backup is damaged: \(problems.joined(separator: "; "))."
            )
        }
    }
}
