import Compression
import Testing

/// A small repeatable generator (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Bytes that compress somewhat: runs of random length.
private func content(size: Int, seed: UInt64) -> [UInt8] {
    var generator = Seeded(state: seed)
    var bytes: [UInt8] = []
    while bytes.count < size {
        let byte = UInt8.random(in: 0...255, using: &generator)
        let count = Int.random(in: 1...9, using: &generator)
        bytes.append(contentsOf: repeatElement(byte, count: min(count, size - bytes.count)))
    }
    return bytes
}

private func failure(
    _ work: () throws(CompressionError) -> Void
) -> CompressionError.Code? {
    do throws(CompressionError) {
        try work()
        return nil
    } catch {
        return error.code
    }
}

/// "golden\n" as Python's gzip module wrote it, with time 0.
private let golden: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4B, 0xCF, 0xCF, 0x49, 0x49, 0xCD,
    0xE3, 0x02, 0x00, 0x7E, 0x4C, 0xEE, 0x97, 0x07, 0x00, 0x00, 0x00,
]

@Suite(.timeLimit(.minutes(1)))
struct GzipTests {
    @Test(
        arguments: [0, 1, 2, 1_023, 1_024, 32_768, 65_535, 65_536, 65_537, 1_000_000],
        GzipLevel.allCases
    )
    func `what was compressed comes back`(size: Int, level: GzipLevel) throws {
        let bytes = content(size: size, seed: UInt64(size))
        let compressed = try GzipCodec.compress(bytes, level: level)
        #expect(try GzipCodec.decompress(compressed, sizeMax: size) == bytes)
    }

    @Test func `bytes of another compressor are understood`() throws {
        let text = try GzipCodec.decompress(golden, sizeMax: 100)
        #expect(String(decoding: text, as: UTF8.self) == "golden\n")
    }

    @Test func `the same content gives the same bytes`() throws {
        let bytes = content(size: 10_000, seed: 1)
        #expect(try GzipCodec.compress(bytes) == GzipCodec.compress(bytes))
    }

    @Test func `a stream cut anywhere is truncated`() throws {
        let compressed = try GzipCodec.compress(content(size: 300, seed: 2))
        for count in 0..<compressed.count {
            let code = failure { () throws(CompressionError) in
                _ = try GzipCodec.decompress(Array(compressed[..<count]), sizeMax: 1_000)
            }
            #expect(code == .truncated, "cut after \(count) bytes")
        }
    }

    @Test func `a changed byte never gives other content`() throws {
        let bytes = content(size: 300, seed: 3)
        let compressed = try GzipCodec.compress(bytes)
        for index in compressed.indices {
            var changed = compressed
            changed[index] ^= 0x10
            // Time, level hint and system in the header say nothing about the content.
            let content = try? GzipCodec.decompress(changed, sizeMax: 1_000)
            #expect(content == nil || content == bytes, "byte \(index) changed")
        }
    }

    private static let broken: [(bytes: [UInt8], code: CompressionError.Code)] = {
        let zlibFormat: [UInt8] = [0x78, 0x9C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]
        let noCheckSum: [UInt8] = golden.dropLast(8) + [0, 0, 0, 0, 7, 0, 0, 0]
        return [
            ([], .truncated),
            ([0x00], .malformed),
            (Array("{\"plain\": true}".utf8), .malformed),
            (zlibFormat, .malformed),
            (noCheckSum, .malformed),
            (golden + [0x00] as [UInt8], .trailingJunk),
            (golden + [0x1F] as [UInt8], .truncated),
            (golden + [0x1F, 0x8C] as [UInt8], .trailingJunk),
            (golden + Array("junk".utf8), .trailingJunk),
        ]
    }()

    @Test(arguments: broken)
    func `bytes that are no gzip stream are refused`(
        bytes: [UInt8],
        code: CompressionError.Code
    ) {
        let found = failure { () throws(CompressionError) in
            _ = try GzipCodec.decompress(bytes, sizeMax: 1_000)
        }
        #expect(found == code)
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 99_999])
    func `content above the limit is refused`(sizeMax: Int) throws {
        let compressed = try GzipCodec.compress(content(size: 100_000, seed: 4))
        let code = failure { () throws(CompressionError) in
            _ = try GzipCodec.decompress(compressed, sizeMax: sizeMax)
        }
        #expect(code == .tooLarge)
    }

    @Test func `a bomb never takes more room than the limit`() throws {
        let bomb = try GzipCodec.compress([UInt8](repeating: 0, count: 64 << 20))
        let sizeMax = 100_000
        var decompressor = try GzipDecompressor(sizeMax: sizeMax)
        var output: [UInt8] = []
        do {
            try decompressor.decompress(bomb.span, into: &output)
            Issue.record("The bomb was accepted.")
        } catch {
            #expect(error.code == .tooLarge)
        }
        #expect(output.count <= sizeMax)
        #expect(output.capacity <= sizeMax + 4_096)  // the allocator rounds up
    }

    @Test func `a limit below zero counts as zero`() throws {
        #expect(try GzipCodec.decompress(GzipCodec.compress([]), sizeMax: -1) == [])
        let code = failure { () throws(CompressionError) in
            _ = try GzipCodec.decompress(golden, sizeMax: .min)
        }
        #expect(code == .tooLarge)
    }

    @Test func `the largest limit does not overflow`() throws {
        #expect(try GzipCodec.decompress(golden, sizeMax: .max).count == 7)
    }

    @Test func `several members are one content`() throws {
        let bytes = content(size: 5_000, seed: 5)
        let members = try golden + GzipCodec.compress(bytes) + golden
        let text = Array("golden\n".utf8)
        #expect(try GzipCodec.decompress(members, sizeMax: 10_000) == text + bytes + text)
    }

    @Test func `the limit counts all members`() throws {
        #expect(try GzipCodec.decompress(golden + golden, sizeMax: 14).count == 14)
        let code = failure { () throws(CompressionError) in
            _ = try GzipCodec.decompress(golden + golden, sizeMax: 13)
        }
        #expect(code == .tooLarge)
    }
}

@Suite(.timeLimit(.minutes(1)))
struct GzipDecompressorTests {
    @Test(arguments: 1...16 as ClosedRange<UInt64>)
    func `it does not matter where a stream is cut into parts`(seed: UInt64) throws {
        var generator = Seeded(state: seed)
        let bytes = content(size: 200_000, seed: seed)
        let stream = try golden + GzipCodec.compress(bytes) + golden
        var decompressor = try GzipDecompressor(sizeMax: 300_000)
        var output: [UInt8] = []
        var rest = stream[...]
        while !rest.isEmpty {
            let count = min(
                rest.count,
                Int.random(in: 0...(seed < 4 ? 3 : 20_000), using: &generator)
            )
            output += try decompressor.decompress(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        try decompressor.finish()
        let text = Array("golden\n".utf8)
        #expect(output == text + bytes + text, "Replay with seed \(seed)")
    }

    @Test func `an error stays`() throws {
        var decompressor = try GzipDecompressor(sizeMax: 10)
        #expect(throws: CompressionError.self) { _ = try decompressor.decompress([1, 2, 3]) }
        #expect(throws: CompressionError.self) { _ = try decompressor.decompress(golden) }
        #expect(throws: CompressionError.self) { try decompressor.finish() }
    }

    @Test func `a stream is whole only at the end of a member`() throws {
        var decompressor = try GzipDecompressor(sizeMax: 100)
        #expect(throws: CompressionError.self) { try decompressor.finish() }
        _ = try decompressor.decompress(Array(golden.dropLast()))
        #expect(throws: CompressionError.self) { try decompressor.finish() }
        _ = try decompressor.decompress(Array(golden.suffix(1)))
        try decompressor.finish()
    }

    @Test func `bytes that cannot be read are not retried`() {
        let code = failure { () throws(CompressionError) in
            _ = try GzipCodec.decompress([0], sizeMax: 1)
        }
        #expect(code == .malformed)
        do throws(CompressionError) {
            _ = try GzipCodec.decompress([0], sizeMax: 1)
        } catch {
            #expect(!error.isRetryable)
            #expect(!error.hint.isEmpty)
        }
    }
}
