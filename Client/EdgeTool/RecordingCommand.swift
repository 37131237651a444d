import ArgumentParser
import Foundation
import Interchange

/// A command of the program that records one command of the engine.
///
/// The values go to the decoder as they were typed, so that a person and a program that writes
/// JSON are refused alike, with the same codes.
protocol RecordingCommand: AsyncParsableCommand {
    /// The type of what is recorded.
    static var records: CommandType { get }
    /// What every such command takes.
    var recording: RecordingOptions { get }

    /// Writes the members besides the common ones.
    func write(to command: inout JSONWriter)
}

extension RecordingCommand {
    func run() async throws {
        try await recording.recordOne(Self.records, write)
    }
}

/// What every command that records takes.
struct RecordingOptions: ParsableArguments {
    @OptionGroup var common: CommonOptions
    @Option(
        help: ArgumentHelp(
            "Names the command, so that a repeat gives the first result and records nothing.",
            valueName: "key"
        )
    )
    var op: String?
    @Option(
        help: ArgumentHelp(
            "When it happened, with its zone: 2026-11-23T10:15:00+01:00; default: now.",
            valueName: "time"
        )
    )
    var atTime: String?
    @Option(help: ArgumentHelp("Who did it.", valueName: "person"))
    var actor: String?
    @Option(
        help: ArgumentHelp(
            "What proves who did it; default: PLUMBLINE_TOKEN. It is recorded nowhere.",
            valueName: "token"
        )
    )
    var token: String?
    @Option(help: ArgumentHelp("A remark that stays with it.", valueName: "text"))
    var note: String?
    @Option(
        help: ArgumentHelp(
            "The reversed event, such as lon-1:42, whose place in time this one takes.",
            valueName: "event"
        )
    )
    var corrects: String?
    @Flag(help: "Records a fact that looks like a typing error.")
    var force = false

    /// Records one command and prints its result: the only way in for the commands for people.
    ///
    /// - Parameters:
    ///   - type: What is recorded.
    ///   - members: Writes the members that only this type has.
    /// - Throws: `ExitCode` 1 when the command is refused; see ``CommonOptions/run(_:)``.
    func recordOne(
        _ type: CommandType,
        _ members: (inout JSONWriter) -> Void
    ) async throws {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("type", type.rawValue)
            writer.member("op", ifAny: op)
            writer.member("at", ifAny: atTime)
            writer.member("actor", ifAny: actor)
            let given = ProcessInfo.processInfo.environment["PLUMBLINE_TOKEN"]
            if actor != nil { writer.member("token", ifAny: token ?? given) }
            writer.member("note", ifAny: note)
            if force { writer.member("force", true) }
            writer.member("corrects", ifAny: corrects)
            members(&writer)
        }
        let line = writer.bytes
        try await common.run {
            for result in try await common.door().record([line]) {
                if let refusal = result.refusal { throw Failure(refusal) }
                result.show(json: common.json)
            }
            return 0
        }
    }
}

extension CommandResult {
    /// Prints what became of a command that was recorded.
    fileprivate func show(json: Bool) {
        guard !json else { return Console.print(ResultFormat.encode(self)) }
        let promise = finality.map { ", \($0.rawValue)" } ?? ""
        Console.print("\(status.rawValue) \(event ?? "")\(promise)")
        for exception in exceptions { Console.print("  \(exception)") }
    }
}

extension JSONWriter {
    /// Writes a member, unless there is nothing to write.
    mutating func member(_ key: String, ifAny text: String?) {
        if let text { member(key, text) }
    }
}
