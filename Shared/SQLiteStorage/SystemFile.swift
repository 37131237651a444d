import Foundation

/// What the system says about an `errno`.
func errorText(_ number: CInt) -> String {
    guard let text = unsafe strerror(number) else { return "error \(number)" }
    return unsafe String(cString: text)
}

/// A file of the system that is open, closed when its owner goes.
struct SystemFile: ~Copyable, Sendable {
    private let descriptor: CInt

    /// Only the owner may read and write.
    private static let ownerOnly: mode_t = 0o600

    /// Opens a file.
    ///
    /// The flags are those of `open(2)`; programs that are started never inherit the file.
    init(_ path: String, flags: CInt) throws(StorageError) {
        let descriptor = unsafe open(path, flags | O_CLOEXEC, Self.ownerOnly)
        guard descriptor >= 0 else {
            throw StorageError(errorNumber: errno, doing: "open \(path)")
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Takes the file's lock, which lasts as long as the file is open.
    ///
    /// - Returns: Whether nobody else holds it.
    borrowing func lock() throws(StorageError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        if errno == EWOULDBLOCK { return false }
        throw StorageError(errorNumber: errno, doing: "lock the store")
    }

    /// Reads the file's first bytes; fewer if it is shorter.
    borrowing func prefix(_ count: Int) throws(StorageError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let read = unsafe buffer.withUnsafeMutableBytes { buffer in
            unsafe pread(descriptor, buffer.baseAddress, buffer.count, 0)
        }
        guard read >= 0 else { throw StorageError(errorNumber: errno, doing: "read a file") }
        return Array(buffer.prefix(read))
    }

    /// Replaces all that is in the file.
    borrowing func replaceContent(with text: String) throws(StorageError) {
        let bytes = Array(text.utf8)
        let written = unsafe bytes.withUnsafeBytes { buffer in
            unsafe pwrite(descriptor, buffer.baseAddress, buffer.count, 0)
        }
        guard written == bytes.count, ftruncate(descriptor, off_t(bytes.count)) == 0 else {
            throw StorageError(errorNumber: errno, doing: "write the lock file")
        }
    }

    /// Waits until the file, or the names in a folder, are on the disk.
    borrowing func synchronize() throws(StorageError) {
        guard fsync(descriptor) == 0 else {
            throw StorageError(errorNumber: errno, doing: "flush a file to the disk")
        }
    }

    /// The size of a file in bytes, or nil if there is none.
    static func size(of path: String) throws(StorageError) -> UInt64? {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw StorageError(errorNumber: errno, doing: "look at \(path)")
        }
        return UInt64(max(0, status.st_size))
    }

    /// Bytes that a user's program can still write to the disk of a file.
    static func freeBytes(at path: String) throws(StorageError) -> UInt64 {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else {
            throw StorageError(errorNumber: errno, doing: "look at the disk of \(path)")
        }
        let (bytes, overflow) = UInt64(status.f_bavail)
            .multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : bytes
    }

    /// Removes a database and what SQLite keeps beside it, as far as it is there.
    static func removeDatabase(at path: String) {
        for suffix in ["", "-journal", "-wal", "-shm"] { unsafe unlink(path + suffix) }
    }

    /// The folder that a file is in.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The one path of a file, whichever links lead to it; the file itself need not exist.
    static func canonicalPath(_ path: String) throws(StorageError) -> String {
        if let whole = resolved(path) { return whole }
        let folder = folder(of: path)
        guard let parent = resolved(folder) else {
            throw StorageError(errorNumber: errno, doing: "find the folder \(folder)")
        }
        let name = path.split(separator: "/").last ?? ""
        return parent == "/" ? "/\(name)" : "\(parent)/\(name)"
    }

    private static func resolved(_ path: String) -> String? {
        guard let text = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }
}
