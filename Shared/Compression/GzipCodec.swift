internal import CZlib

/// How much work to spend on making bytes smaller.
public enum GzipLevel: Sendable, CaseIterable {
    /// zlib's level 1, for bytes that cross a fast network once.
    case fastest
    /// zlib's level 6, the default: near the smallest at a third of its cost.
    case balanced
    /// zlib's level 9, for bytes that are stored, or sent to many.
    case smallest

    var zlibLevel: Int32 {
        switch self {
        case .fastest: 1
        case .balanced: 6
        case .smallest: 9
        }
    }
}

/// Turns byte arrays into gzip and back.
///
/// For content that arrives in parts, such as a large file, see ``GzipDecompressor``.
///
/// Source: RFC 1952, *GZIP file format specification*.
public enum GzipCodec {
    /// Compresses bytes into one gzip member.
    ///
    /// The result depends on nothing but the arguments and zlib's version: the header carries no
    /// time and no name. Empty content gives a valid stream of 20 bytes.
    ///
    /// - Parameters:
    ///   - bytes: The content, of any size.
    ///   - level: The work to spend; the default is `.balanced`.
    /// - Returns: The gzip stream; for content that does not shrink it is a little larger.
    /// - Throws: ``CompressionError`` with the code `outOfMemory`.
    /// - Complexity: O(*n*) in the size of the content.
    public static func compress(
        _ bytes: [UInt8],
        level: GzipLevel = .balanced
    ) throws(CompressionError) -> [UInt8] {
        let stream = try DeflateStream(level: level)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count / 4 + 64)
        try stream.compress(bytes.span, into: &output)
        return output
    }

    /// Decompresses a whole gzip stream of one or more members.
    ///
    /// - Parameters:
    ///   - bytes: The whole stream.
    ///   - sizeMax: The largest content to accept, in bytes; less than zero counts as zero.
    /// - Returns: The content, at most `sizeMax` bytes.
    /// - Throws: ``CompressionError`` with the code `malformed`, `truncated`, `trailingJunk`,
    ///   `outOfMemory`, or `tooLarge`: then no more than `sizeMax` bytes were ever held, whatever
    ///   the stream says about itself.
    /// - Complexity: O(*n*) in the size of the content.
    public static func decompress(
        _ bytes: [UInt8],
        sizeMax: Int
    ) throws(CompressionError) -> [UInt8] {
        var decompressor = try GzipDecompressor(sizeMax: sizeMax)
        var output: [UInt8] = []
        try decompressor.decompress(bytes.span, into: &output)
        try decompressor.finish()
        return output
    }
}

/// Owns one zlib stream that compresses.
@safe struct DeflateStream: ~Copyable {  // safe: the only owner, freed once
    private let stream: UnsafeMutablePointer<z_stream>
    private let scratch: UnsafeMutableBufferPointer<UInt8>

    /// How many bytes leave zlib in one step: 32 KiB, its own window.
    private static let scratchBytes = 32 * 1024

    init(level: GzipLevel) throws(CompressionError) {
        // The stream lives on the heap: zlib keeps a pointer to it, so it must not move.
        let started = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe started.initialize(to: z_stream())
        guard unsafe plumbline_deflate_start(started, level.zlibLevel) == Z_OK else {
            unsafe started.deallocate()
            throw .outOfMemory
        }
        unsafe stream = started
        unsafe scratch = .allocate(capacity: Self.scratchBytes)
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
        unsafe scratch.deallocate()
    }

    /// Compresses all the content and closes the stream; to be called once.
    func compress(_ bytes: Span<UInt8>, into output: inout [UInt8]) throws(CompressionError) {
        var offset = 0
        repeat {
            let count = min(bytes.count - offset, ZlibInput.pieceBytesMax)
            let isLast = offset + count == bytes.count
            let piece = bytes.extracting(offset..<offset + count)
            var status = Z_OK
            unsafe piece.withUnsafeBufferPointer { input in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(input.count)
                repeat {
                    unsafe stream.pointee.next_out = scratch.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(scratch.count)
                    status = unsafe deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                    let produced = unsafe scratch.count - Int(stream.pointee.avail_out)
                    unsafe output.append(contentsOf: scratch[..<produced])
                } while unsafe status == Z_OK && stream.pointee.avail_out == 0
            }
            // Without an end there was no memory left; between pieces zlib just wants the next.
            let isGood = isLast ? status == Z_STREAM_END : status == Z_OK || status == Z_BUF_ERROR
            guard isGood else { throw .outOfMemory }
            offset += count
        } while offset < bytes.count
    }
}

/// How zlib is fed.
enum ZlibInput {
    /// The most bytes handed over at once: 1 GiB, since zlib counts in 32 bits.
    static let pieceBytesMax = 1 << 30
}
