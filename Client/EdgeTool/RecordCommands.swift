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
            let limit = stopOnError ? 1 : CommandBatch.commandsMax
            var isRefused = false
            while true {
                let lines = try reader.nextBatch(limit: limit)
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
