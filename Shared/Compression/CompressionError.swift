/// Why bytes could not be compressed or decompressed.
public struct CompressionError: Error, Hashable {
    /// The kinds of failure that callers answer differently.
    public struct Code: Hashable, Sendable {
        private enum Name {
            case malformed
            case truncated
            case trailingJunk
            case tooLarge
            case outOfMemory
        }
        private let name: Name
        /// The bytes are not gzip, or their check sum is wrong: ask for them again, or refuse them.
        public static let malformed = Code(name: .malformed)
        /// The bytes end before the gzip stream does: the sender stopped, or a file is incomplete.
        public static let truncated = Code(name: .truncated)
        /// Something that is not gzip follows the gzip stream.
        public static let trailingJunk = Code(name: .trailingJunk)
        /// The content is larger than the caller accepts; raise the limit or refuse the sender.
        public static let tooLarge = Code(name: .tooLarge)
        /// The machine had no memory for zlib's window; the same bytes may succeed later.
        public static let outOfMemory = Code(name: .outOfMemory)
    }
    /// Decides what the caller does next.
    public var code: Code
    /// Tells a person what is wrong with the bytes.
    public var message: String
    /// Tells a person what to try next.
    public var hint: String
    /// Whether the same bytes may succeed later without an operator.
    public var isRetryable: Bool { code == .outOfMemory }

    static let malformed = CompressionError(
        code: .malformed,
        message: "The bytes are not valid gzip.",
        hint: "Send them again; check a file with `gzip --test`."
    )
    static let truncated = CompressionError(
        code: .truncated,
        message: "The gzip stream ends too early.",
        hint: "Send it again, and whole; check a file with `gzip --test`."
    )
    static let trailingJunk = CompressionError(
        code: .trailingJunk,
        message: "Bytes that are not gzip follow the gzip stream.",
        hint: "Remove what follows the stream, or compress the content anew."
    )
    static func tooLarge(sizeMax: Int) -> CompressionError {
        CompressionError(
            code: .tooLarge,
            message: "The decompressed content is larger than \(sizeMax) bytes.",
            hint: "Send it in smaller parts, or raise the limit."
        )
    }
    static let outOfMemory = CompressionError(
        code: .outOfMemory,
        message: "There was no memory to compress or decompress.",
        hint: "Try again when the machine has memory to spare."
    )
}
