public import Foundation

/// The lines of a stream, but for the empty ones: one command each.
public struct LineReader {
    private static let pieceBytes = 1 << 20
    /// After how many bytes a batch ends: 8 MiB, to which the last line adds
    /// ``CommandFormat/bytesMax`` at most, so that a hub that reads 16 MiB takes it.
    private static let batchBytesMax = 8 << 20

    private let handle: FileHandle
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false

    /// Reads from where a file or pipe stands.
    public init(_ handle: FileHandle) { self.handle = handle }

    /// The next lines without their breaks, as many as fit one transaction.
    ///
    /// - Parameter limit: The most lines.
    /// - Returns: The lines in order; none at the end.
    /// - Throws: As ``next()`` does.
    public mutating func nextBatch(
        limit: Int = CommandBatch.commandsMax
    ) throws -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var bytes = 0
        while lines.count < limit, bytes < Self.batchBytesMax, let line = try next() {
            bytes += line.count
            lines.append(line)
        }
        return lines
    }

    /// The next line without its break; nil at the end.
    ///
    /// - Throws: ``InterchangeError`` with the code `json_too_large` for a line above
    ///   ``CommandFormat/bytesMax``, or what reading throws.
    public mutating func next() throws -> [UInt8]? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = buffer[start..<end]
                start = end + 1
                searched = start
                if !Self.isBlank(line) { return Array(line) }
                continue
            }
            let rest = buffer[start...]
            guard !isAtEnd else {
                start = buffer.count
                return Self.isBlank(rest) ? nil : Array(rest)
            }
            guard rest.count <= CommandFormat.bytesMax else {
                throw InterchangeError(
                    .jsonTooLarge,
                    "A line is longer than \(CommandFormat.bytesMax) bytes.",
                    hint: "Write one command per line."
                )
            }
            buffer = Array(rest)
            start = 0
            searched = buffer.count
            let piece = try handle.read(upToCount: Self.pieceBytes) ?? Data()
            isAtEnd = piece.isEmpty
            buffer += piece
        }
    }

    /// Splits a text into the same lines.
    public static func lines(of bytes: [UInt8]) -> [[UInt8]] {
        bytes.split(separator: UInt8(ascii: "\n")).filter { !isBlank($0) }.map(Array.init)
    }

    private static func isBlank(_ line: ArraySlice<UInt8>) -> Bool {
        line.allSatisfy { byte in
            byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\t")
        }
    }
}
