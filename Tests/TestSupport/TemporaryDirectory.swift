public import Foundation

/// An empty folder of its own for one test; who opens it removes it.
///
/// The folder lives as long as the scope of ``withTemporaryDirectory(_:)``, not as long as the
/// last use of a value: a database in it stays readable until the test is done with it.
public struct TemporaryDirectory: Sendable {
    /// Where the folder is; it exists, and was empty at the start.
    public let url: URL

    /// The folder as a path of the file system.
    public var path: String { url.path }

    /// Names a file in the folder; the file itself is not created.
    ///
    /// - Parameter name: A file name, or a path relative to the folder.
    /// - Returns: Where the file is, or will be.
    public func file(_ name: String) -> URL { url.appending(path: name) }

    fileprivate init() throws {
        url = FileManager.default.temporaryDirectory
            .appending(path: "plumbline-\(UUID().uuidString)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    }

    fileprivate func remove() throws {
        try FileManager.default.removeItem(at: url)
    }
}

/// Runs a test with a folder of its own, and removes the folder and all in it afterwards.
///
/// - Parameter body: What to do with the folder; when it throws, the folder is removed as well.
/// - Returns: What `body` returns.
/// - Throws: What `body` throws, or why the folder could not be created or removed.
public func withTemporaryDirectory<Result>(
    _ body: (TemporaryDirectory) async throws -> Result
) async throws -> Result {
    let directory = try TemporaryDirectory()
    let result: Result
    do {
        result = try await body(directory)
    } catch {
        try? directory.remove()  // the test's own error is the one to report
        throw error
    }
    try directory.remove()
    return result
}
