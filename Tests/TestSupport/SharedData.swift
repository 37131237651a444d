public import Foundation
public import Testing

/// The optional folder of reference data: real sales lines, valuation cases, hostile texts.
///
/// It is large and has licences of its own, so it is not part of the checkout. It is the folder
/// that the environment variable `PLUMBLINE_SHARED_DATA` names, else `../shared/data` beside the
/// checkout. A test that needs a file of it carries the trait
/// ``Testing/Trait/sharedData(_:)`` and is skipped, with a message, where the file is absent.
public enum SharedData {
    /// The variable that names the folder in place of the default.
    public static let environmentVariable = "PLUMBLINE_SHARED_DATA"

    /// Finds a file or folder of the reference data.
    ///
    /// - Parameter relative: A path inside the folder, such as `valuation/README.md`.
    /// - Returns: Where it is, or nil when this machine does not have it.
    public static func url(_ relative: String) -> URL? {
        url(relative, environment: ProcessInfo.processInfo.environment, checkout: Checkout.root)
    }

    package static func url(
        _ relative: String,
        environment: [String: String],
        checkout: URL
    ) -> URL? {
        let folder =
            if let named = environment[environmentVariable], !named.isEmpty {
                URL(filePath: named, directoryHint: .isDirectory)
            } else {
                checkout.deletingLastPathComponent().appending(path: "shared/data")
            }
        let url = folder.appending(path: relative)
        return FileManager.default.fileExists(atPath: url.path) ? url : nil
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips a test, with a message, on a machine without a file of the reference data.
    ///
    /// - Parameter relative: A path inside the folder, as in ``SharedData/url(_:)``.
    /// - Returns: A trait for a test or a suite.
    public static func sharedData(_ relative: String) -> Self {
        .enabled(
            if: SharedData.url(relative) != nil,
            """
            Needs \(relative) of the reference data: set \(SharedData.environmentVariable) to its \
            folder.
            """
        )
    }
}
