import Foundation

/// The seeds that the randomized tests of this run go through.
///
/// | Environment              | Seeds                                     |
/// | ------------------------ | ----------------------------------------- |
/// | nothing set              | 1 to 32: fixed, the same on every machine |
/// | `SEED=7`                 | 7 alone: replays a failure                |
/// | `SEEDS=100`              | 1 to 100                                  |
/// | `SEED_FIRST=5000`        | 5000 to 5031                              |
///
/// Numbers are decimal, or hexadecimal after `0x`. A test prints its seed when it fails:
///
/// ```swift
/// @Test(arguments: Seeds.forThisRun)
/// func `nodes and hub agree once every partition has healed`(seed: UInt64) throws {
///     …
///     #expect(cluster.distinctStates.count == 1, "Replay with SEED=\(seed)")
/// }
/// ```
public enum Seeds {
    /// How many seeds a run tries that asks for no other number.
    ///
    /// The default is 32: at under a second each, a property stays within half a minute.
    public static let countDefault = 32

    /// The most seeds that one run accepts, far above a night's work; more is a mistyped number.
    public static let countMax = 1_000_000

    /// The seeds of this run, never empty, each once, ascending.
    ///
    /// A mistyped variable ends the run at once: it must not pass on other seeds than were meant.
    public static let forThisRun: [UInt64] = {
        do throws(SeedsError) {
            return try list(environment: ProcessInfo.processInfo.environment)
        } catch {
            preconditionFailure(error.message)
        }
    }()

    package static func list(environment: [String: String]) throws(SeedsError) -> [UInt64] {
        if let seed = try number("SEED", in: environment) { return [seed] }
        let first = try number("SEED_FIRST", in: environment) ?? 1
        let count = try number("SEEDS", in: environment) ?? UInt64(countDefault)
        guard (1...UInt64(countMax)).contains(count) else {
            throw SeedsError(message: "SEEDS is \(count); it must be 1 to \(countMax).")
        }
        let (last, overflows) = first.addingReportingOverflow(count - 1)
        guard !overflows else {
            throw SeedsError(message: "SEED_FIRST is \(first), which leaves no \(count) seeds.")
        }
        return Array(first...last)
    }

    private static func number(
        _ name: String,
        in environment: [String: String]
    ) throws(SeedsError) -> UInt64? {
        guard let text = environment[name], !text.isEmpty else { return nil }
        let number = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
        guard let number else {
            throw SeedsError(message: "\(name) is \"\(text)\", which is not a number.")
        }
        return number
    }
}

package struct SeedsError: Error, Hashable {
    package var message: String
}
