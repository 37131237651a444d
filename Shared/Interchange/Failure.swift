import InventoryEngine
import Replication

/// An error as both command lines show it, with its exit code.
///
/// It is the one place where an error of any layer becomes what a person or a script reads.
public struct Failure: Error, Hashable, Sendable {
    /// What a process exits with; stable for scripts.
    public enum Exit: Int32, CaseIterable, Hashable, Sendable {
        /// A rule of the business or bad input.
        case refused = 1
        /// The hub did not answer.
        case hubUnreachable = 3
        /// Something open needs a person.
        case attention = 4
        /// Something stored cannot be read, or is not what it was.
        case damage = 5
        /// Another process owns the store.
        case locked = 6
        /// The command line itself is wrong.
        case usage = 64
        /// A fault of the program or of the machine.
        case `internal` = 70
    }

    /// What happened, and what to do next.
    public let refusal: CommandResult.Refusal
    /// What the process exits with.
    public let exit: Exit

    /// Makes a failure of its parts.
    public init(_ refusal: CommandResult.Refusal, exit: Exit = .refused) {
        self.refusal = refusal
        self.exit = exit
    }

    /// What a command says of a file that it was told to read.
    public static func fileNotRead(_ path: String) -> Failure {
        Failure(
            CommandResult.Refusal(
                code: "file_not_read",
                message: "The file \(path) cannot be read.",
                hint: "Check its name and permissions."
            )
        )
    }

    /// Finds out what an error means to the one who typed the command.
    public init(_ error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as InterchangeError: self.init(CommandResult.Refusal(error))
        case let error as EngineError: self.init(error)
        case let error as ImportError: self.init(error)
        case let error as ReplicationError: self.init(error)
        case let error as SyncRefusal:
            self.init(CommandResult.Refusal(code: error.code, message: error.message))
        case let error as PeerError: self.init(error)
        case let error as any EventLogFailure: self.init(storage: error)
        default:
            self.init(
                CommandResult.Refusal(
                    code: "internal",
                    message: "\(error)",
                    hint: "Report it as a fault if it happens again."
                ),
                exit: .internal
            )
        }
    }

    private init(_ error: EngineError) {
        let exit: Exit =
            switch error.code {
            case .damaged: .damage
            case .storage: .internal
            default: .refused
            }
        self.init(CommandResult.Refusal(error), exit: exit)
    }

    private init(_ error: ImportError) {
        self.init(
            CommandResult.Refusal(
                code: error.code.description,
                message: error.message,
                field: error.line.map { "line \($0)" },
                hint: error.hint
            )
        )
    }

    private init(_ error: ReplicationError) {
        let exit: Exit =
            switch error.code {
            case .hubUnreachable: .hubUnreachable
            case .chainBroken: .damage
            case .storage: .internal
            default: .refused
            }
        self.init(
            CommandResult.Refusal(
                code: error.refusal?.code ?? error.code.description,
                message: error.message,
                hint: error.hint
            ),
            exit: exit
        )
    }

    private init(_ error: PeerError) {
        let isOurs = error.code == .invalidRequest
        self.init(
            CommandResult.Refusal(
                code: isOurs ? "invalid_address" : "hub_unreachable",
                message: error.message,
                hint: error.hint
            ),
            exit: isOurs ? .refused : .hubUnreachable
        )
    }

    private init(storage error: any EventLogFailure) {
        let exit: Exit =
            switch error.kind {
            case .locked: .locked
            case .damaged: .damage
            case .failed: .internal
            }
        self.init(
            CommandResult.Refusal(
                code: error.stableCode,
                message: error.message,
                hint: error.hint
            ),
            exit: exit
        )
    }

    /// The failure as a program prints it on its standard error, without a last line break.
    ///
    /// - Parameter json: Whether programs read it: `{"error":{…}}`, else `Error: …` and `Try: …`.
    /// - Returns: One line of JSON, or two lines for people.
    public func text(json: Bool) -> String {
        guard json else {
            let place = refusal.field.map { ", \($0)" } ?? ""
            let hint = refusal.hint.isEmpty ? "look at the command's --help." : refusal.hint
            return "Error: \(refusal.message) [\(refusal.code)\(place)]\nTry: \(hint)"
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("error")
            ResultFormat.encode(refusal, to: &writer)
        }
        return writer.text
    }
}
