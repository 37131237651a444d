/// Why a file could not be imported; nothing was recorded by whoever read it.
///
/// Single lines that cannot be interpreted are no error: they are listed in a report and the
/// import goes on.
public struct ImportError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure that callers answer differently.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name: String {
            case malformed
            case tooLarge = "too_large"
            case wrongColumns = "wrong_columns"
            case notInTimeOrder = "not_in_time_order"
            case unknownSite = "unknown_site"
        }

        private let name: Name

        /// The stable text, in `snake_case`.
        public var description: String { name.rawValue }

        /// The bytes are not what the format allows, such as a quote that is never closed.
        public static let malformed = Code(name: .malformed)
        /// A field, a row or the unpacked file is larger than the reader accepts.
        public static let tooLarge = Code(name: .tooLarge)
        /// The first row does not name the columns that this import reads.
        public static let wrongColumns = Code(name: .wrongColumns)
        /// A line is earlier than the line before it.
        public static let notInTimeOrder = Code(name: .notInTimeOrder)
        /// The published rule gives no invoice to the site that was asked for.
        public static let unknownSite = Code(name: .unknownSite)
    }

    /// Decides what the caller does next.
    public var code: Code
    /// One sentence that tells a person what is wrong.
    public var message: String
    /// The line of the file, from 1; nil where no line is at fault.
    public var line: Int?
    /// What to do next.
    public var hint: String
    /// The error underneath, such as the decompressor's.
    public var cause: (any Error)?

    /// Makes an error.
    public init(
        _ code: Code,
        _ message: String,
        line: Int? = nil,
        hint: String,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.line = line
        self.hint = hint
        self.cause = cause
    }

    /// The code, the line if there is one, and the sentence.
    public var description: String {
        guard let line else { return "\(code): \(message)" }
        return "\(code): line \(line): \(message)"
    }
}
