import Foundation
import Interchange
import TestSupport
import Testing

struct LineReaderTests {
    private func withReader(
        of text: [UInt8],
        _ body: (inout LineReader) throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let file = directory.file("lines")
            try Data(text).write(to: file)
            var reader = LineReader(try FileHandle(forReadingFrom: file))
            try body(&reader)
        }
    }

    @Test func `empty lines are left out, and the last one needs no break`() async throws {
        let text = Array("one\r\n\n \t\r\ntwo\nthree".utf8)
        try await withReader(of: text) { reader in
            let lines = try reader.nextBatch()
            #expect(lines == ["one\r", "two", "three"].map { Array($0.utf8) })
            let rest = try reader.nextBatch()
            #expect(rest.isEmpty)
        }
        #expect(LineReader.lines(of: text) == ["one\r", "two", "three"].map { Array($0.utf8) })
        #expect(LineReader.lines(of: []).isEmpty)
    }

    @Test func `lines keep their order across the pieces in which a file is read`() async throws {
        let lines = (0..<300).map { number in
            Array("\(number):".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: number * 37)
        }
        try await withReader(of: Array(lines.joined(separator: [10]))) { reader in
            var read: [[UInt8]] = []
            while true {
                let batch = try reader.nextBatch(limit: 7)
                #expect(batch.count <= 7)
                guard !batch.isEmpty else { break }
                read += batch
            }
            #expect(read == lines)
        }
    }

    @Test func `a batch ends with the line that brings it to 8 MiB`() async throws {
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 3 << 20)
        try await withReader(of: Array([line, line, line, line].joined(separator: [10]))) {
            reader in
            let counts = [try reader.nextBatch().count, try reader.nextBatch().count]
            #expect(counts == [3, 1])
        }
    }

    @Test func `a line without an end is refused before it fills the memory`() async throws {
        let endless = [UInt8](
            repeating: UInt8(ascii: "x"),
            count: CommandFormat.bytesMax + (2 << 20)
        )
        try await withReader(of: endless) { reader in
            let error = #expect(throws: InterchangeError.self) { try reader.next() }
            #expect(error?.code.text == "json_too_large")
        }
    }
}
