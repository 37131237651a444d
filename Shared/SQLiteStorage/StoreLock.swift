import Foundation
import Synchronization

/// The right of this process to use a store, until it is released or nobody holds it any more.
///
/// It is a lock of the system on a file beside the database, so it ends with the process however
/// that ends. The file stays; it holds the number of the process that took it last.
final class StoreLock: Sendable {
    private let file: Mutex<SystemFile?>

    /// The most bytes of a process number and its line break.
    private static let holderBytesMax = 20

    /// Takes the lock.
    ///
    /// - Parameter path: The canonical path of the database.
    /// - Throws: ``StorageError`` with the code `locked` if another log has it, in this process or
    ///   in another.
    init(of path: String) throws(StorageError) {
        let file = try SystemFile("\(path).lock", flags: O_RDWR | O_CREAT)
        guard try file.lock() else {
            let text = String(decoding: try file.prefix(Self.holderBytesMax), as: UTF8.self)
            let holder = Int(text.prefix { $0.isNumber }).map { "Process \($0)" }
            throw StorageError(
                .locked,
                "\(holder ?? "Another process") owns the store at \(path).",
                hint: "Talk to the running node, or stop it first."
            )
        }
        try file.replaceContent(with: "\(getpid())\n")
        self.file = Mutex(file)
    }

    /// Whether the store may still be opened.
    var isHeld: Bool {
        file.withLock { file in
            switch file {
            case nil: false
            case .some: true
            }
        }
    }

    /// Lets others have the store.
    ///
    /// The database must be closed.
    func release() {
        file.withLock { $0 = nil }
    }
}
