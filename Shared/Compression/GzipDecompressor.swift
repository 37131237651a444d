internal import CZlib

/// Decompresses a gzip stream that arrives in parts.
///
/// Parts may be cut anywhere. A stream may have several members one after another, as `cat` and
/// parallel compressors make them; their contents are joined. After the last part, ``finish()``
/// says whether the stream was whole: content is not to be trusted before that.
///
/// The caller owns the value; it holds about 110 KB until it goes away.
///
/// Source: RFC 1952, *GZIP file format specification*, section 2.2 (members).
@safe
public struct GzipDecompressor: ~Copyable {  // safe: the only owner of its memory, freed once
    private enum State {
        case beforeStream
        case insideMember
        case afterMember
        case failed(CompressionError)
    }

    private let stream: UnsafeMutablePointer<z_stream>
    private let scratch: UnsafeMutableBufferPointer<UInt8>
    private let sizeMax: Int
    private var size = 0
    private var memberCount = 0
    private var state = State.beforeStream

    /// How many bytes leave zlib in one step: 64 KiB, two of its windows.
    private static let scratchBytes = 64 * 1024
    /// The shortest header of a member; what fails within it was no member at all.
    private static let memberHeaderBytes = 10
    /// The byte that each member begins with.
    private static let memberFirstByte: UInt8 = 0x1F

    /// Makes a decompressor for one stream.
    ///
    /// - Parameter sizeMax: The largest content to accept in all, in bytes; less than zero counts
    ///   as zero.
    /// - Throws: ``CompressionError`` with the code `outOfMemory`.
    public init(sizeMax: Int) throws(CompressionError) {
        self.sizeMax = max(0, sizeMax)
        // The stream lives on the heap: zlib keeps a pointer to it, so it must not move.
        let started = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe started.initialize(to: z_stream())
        guard unsafe plumbline_inflate_start(started) == Z_OK else {
            unsafe started.deallocate()
            throw .outOfMemory
        }
        unsafe stream = started
        unsafe scratch = .allocate(capacity: Self.scratchBytes)
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
        unsafe scratch.deallocate()
    }

    /// Decompresses the next part of the stream.
    ///
    /// - Parameter chunk: The next bytes of the stream; may be empty.
    /// - Returns: The content that became known, possibly empty. One byte of gzip can stand for
    ///   1,032 bytes of content, so a part of 64 KiB gives up to 64 MiB, within `sizeMax`.
    /// - Throws: As ``decompress(_:into:)``.
    public mutating func decompress(_ chunk: [UInt8]) throws(CompressionError) -> [UInt8] {
        var output: [UInt8] = []
        try decompress(chunk.span, into: &output)
        return output
    }

    /// Decompresses the next part of the stream onto the end of an array.
    ///
    /// - Parameters:
    ///   - chunk: The next bytes of the stream; may be empty.
    ///   - output: Grows by the content that became known; its room grows by no more than what
    ///     is left of the limit.
    /// - Throws: ``CompressionError`` with the code `malformed`, `trailingJunk`, `tooLarge` or
    ///   `outOfMemory`. `output` may then hold content from before the fault, and every later
    ///   call throws the same error.
    /// - Complexity: O(*n*) in the size of the new content.
    public mutating func decompress(
        _ chunk: Span<UInt8>,
        into output: inout [UInt8]
    ) throws(CompressionError) {
        var offset = 0
        while offset < chunk.count {
            let count = min(chunk.count - offset, ZlibInput.pieceBytesMax)
            let piece = chunk.extracting(offset..<offset + count)
            do {
                try inflatePiece(piece, into: &output)
            } catch {
                state = .failed(error)
                throw error
            }
            offset += count
        }
    }

    /// Checks that the stream was whole.
    ///
    /// - Throws: ``CompressionError`` with the code `truncated` when the stream is empty or ends
    ///   inside a member, or the error of an earlier call.
    public func finish() throws(CompressionError) {
        switch state {
        case .afterMember: return
        case .beforeStream, .insideMember: throw .truncated
        case .failed(let error): throw error
        }
    }

    private mutating func inflatePiece(
        _ piece: Span<UInt8>,
        into output: inout [UInt8]
    ) throws(CompressionError) {
        try unsafe piece.withUnsafeBufferPointer { input throws(CompressionError) in
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.pointee.avail_in = UInt32(input.count)
            defer {  // the pointer must not outlive the piece
                unsafe stream.pointee.next_in = nil
                unsafe stream.pointee.avail_in = 0
            }
            var isOutputFull = false
            while unsafe stream.pointee.avail_in > 0 || isOutputFull {
                try enterMember()
                isOutputFull = try inflateStep(into: &output)
            }
        }
    }

    /// Moves into the next member if the last one has ended.
    private mutating func enterMember() throws(CompressionError) {
        switch state {
        case .insideMember: return
        case .failed(let error): throw error
        case .beforeStream:
            guard isAtMember else { throw .malformed }
            state = .insideMember
        case .afterMember:
            guard isAtMember else { throw .trailingJunk }
            guard unsafe inflateReset(stream) == Z_OK else { throw .malformed }
            state = .insideMember
        }
    }

    /// Whether the next byte can begin a member; zlib would ask for another one to say so.
    private var isAtMember: Bool {
        guard let next = unsafe stream.pointee.next_in else { return false }
        return unsafe next.pointee == Self.memberFirstByte
    }

    /// Runs zlib once; true when it may hold more content than had room.
    private mutating func inflateStep(
        into output: inout [UInt8]
    ) throws(CompressionError) -> Bool {
        // One byte more than may come shows that too much comes, without storing it.
        let remaining = sizeMax - size
        let room = min(remaining, Self.scratchBytes - 1) + 1
        unsafe stream.pointee.next_out = scratch.baseAddress
        unsafe stream.pointee.avail_out = UInt32(room)
        let status = unsafe inflate(stream, Z_NO_FLUSH)
        let produced = unsafe room - Int(stream.pointee.avail_out)
        guard produced <= remaining else { throw .tooLarge(sizeMax: sizeMax) }
        append(produced, to: &output)
        switch status {
        case Z_OK, Z_BUF_ERROR:  // a buffer error only says that zlib waits for more input
            return produced == room
        case Z_STREAM_END:
            memberCount += 1
            state = .afterMember
            return false
        case Z_MEM_ERROR:
            throw .outOfMemory
        default:  // zlib's codes are C integers; all others mean that the bytes are wrong
            let isHeader = unsafe stream.pointee.total_in < UInt(Self.memberHeaderBytes)
            throw memberCount > 0 && isHeader ? .trailingJunk : .malformed
        }
    }

    private mutating func append(_ count: Int, to output: inout [UInt8]) {
        let needed = output.count + count
        if needed > output.capacity {
            // Doubling, as an array does by itself, but never past the limit.
            let limit = output.count + (sizeMax - size)
            output.reserveCapacity(min(limit, max(needed, 2 * output.capacity)))
        }
        unsafe output.append(contentsOf: scratch[..<count])
        size += count
    }
}

/// The memory has one owner, and a value that cannot be copied has one user at a time, so moving
/// it to another thread moves all that it points to.
extension GzipDecompressor: @unchecked Sendable {}
