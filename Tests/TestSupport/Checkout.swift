public import Foundation

/// The source tree that these tests were built from.
///
/// The house rules read it, and golden files and data beside it are found through it.
public enum Checkout {
    /// The folder that holds `Package.swift`.
    ///
    /// It is found upwards from this very file, with symbolic links resolved; nothing depends on
    /// the working directory of the test run.
    public static let root: URL = {
        var folder = URL(filePath: #filePath).resolvingSymlinksInPath()
        while folder.pathComponents.count > 1 {
            folder.deleteLastPathComponent()
            let manifest = folder.appending(path: "Package.swift")
            if FileManager.default.fileExists(atPath: manifest.path) { return folder }
        }
        preconditionFailure("No folder above \(#filePath) holds a Package.swift.")
    }()
}
