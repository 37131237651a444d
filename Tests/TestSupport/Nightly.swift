import Foundation

/// Whether this is a nightly run, in which tests use their larger sizes.
public enum Nightly {
    /// True when the environment variable `PLUMBLINE_NIGHTLY` is `1`, as `make nightly` sets it.
    public static let isOn = ProcessInfo.processInfo.environment["PLUMBLINE_NIGHTLY"] == "1"

    /// Chooses between two sizes of a test.
    ///
    /// - Parameters:
    ///   - usual: The size for `make test`, small enough for the inner loop.
    ///   - nightly: The size for `make nightly`.
    /// - Returns: The one that this run uses.
    public static func size(_ usual: Int, nightly: Int) -> Int { isOn ? nightly : usual }
}
