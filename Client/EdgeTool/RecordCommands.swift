import ArgumentParser
import Edge
import Foundation
import Interchange

struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Records commands, one JSON object per line; prints one result per line.",
        discussion: "Example: plumbline record commands.jsonl"
    )

    @OptionGroup var options: CommonOptions
    @Argument(help: "The file; - for the standard input.", completion: .file()) var file = "-"
    @Flag(help: "Stops at the first command that is refused.") var stopOnError = false

    func run() async throws {
        try await options.run {
            let door = try await options.door()
            var reader = LineReader(try file == "-" ? .standardInput : open())
            let limit = stopOnError ? 1 : EdgeNode.commandsMax
            var isRefused = false
            while true {
                var lines: [[UInt8]] = []
                while lines.count < limit, let line = try reader.next() { lines.append(line) }
                guard !lines.isEmpty else { return isRefused ? 1 : 0 }
                var output: [UInt8] = []
                for result in try await door.record(lines) {
                    if !output.isEmpty { output.append(UInt8(ascii: "\n")) }
                    output += ResultFormat.encode(result)
                    isRefused = isRefused || result.status == .refused
                }
                Console.print(output)
                if stopOnError, isRefused { return 1 }
            }
        }
    }

    private func open() throws -> FileHandle {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw Failure.fileNotRead(file)
        }
        return handle
    }
}

/// The lines of a stream, but for the empty ones.
private struct LineReader {
    private static let pieceBytes = 1 << 20

    private let handle: FileHandle
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false

    init(_ handle: FileHandle) { self.handle = handle }

    mutating func next() throws -> [UInt8]? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = buffer[start..<end]
                start = end + 1
                searched = start
                if !line.allSatisfy(Self.isBlank) { return Array(line) }
                continue
            }
            let rest = buffer[start...]
            guard !isAtEnd else {
                start = buffer.count
                return rest.allSatisfy(Self.isBlank) ? nil : Array(rest)
            }
            guard rest.count <= CommandFormat.bytesMax else {
                throw Failure(
                    CommandResult.Refusal(
                        code: "json_too_large",
                        message: "A line is longer than \(CommandFormat.bytesMax) bytes.",
                        hint: "Write one command per line."
                    )
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

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\t")
    }
}
