import ArgumentParser
import Interchange
import InventoryEngine
import Replication
import SQLiteStorage

/// An error as the command line shows it, with its exit code.
struct Failure: Error {
    /// What a process exits with; stable for scripts.
    enum Exit: Int32 {
        case refused = 1
        case hubUnreachable = 3
        case damage = 5
        case locked = 6
        case usage = 64
        case `internal` = 70
    }

    let refusal: CommandResult.Refusal
    let exit: Exit

    init(_ refusal: CommandResult.Refusal, exit: Exit = .refused) {
        self.refusal = refusal
        self.exit = exit
    }

    /// What a command says of a file that it was told to read.
    static func fileNotRead(_ path: String) -> Failure {
        Failure(
            CommandResult.Refusal(
                code: "file_not_read",
                message: "The file \(path) cannot be read.",
                hint: "Check its name and permissions."
            )
        )
    }

    /// Finds out what an error means to the one who typed the command.
    init(_ error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as InterchangeError: self.init(CommandResult.Refusal(error))
        case let error as EngineError:
            self.init(CommandResult.Refusal(error), exit: Self.exit(of: error))
        case let error as ImportError:
            self.init(
                CommandResult.Refusal(
                    code: error.code.description,
                    message: error.message,
                    field: error.line.map { "line \($0)" },
                    hint: error.hint
                )
            )
        case let error as ReplicationError:
            self.init(
                CommandResult.Refusal(
                    code: error.refusal?.code ?? error.code.description,
                    message: error.message,
                    hint: error.hint
                ),
                exit: Self.exit(of: error)
            )
        case let error as PeerError:
            self.init(
                CommandResult.Refusal(
                    code: error.code == .invalidRequest ? "invalid_address" : "hub_unreachable",
                    message: error.message,
                    hint: error.hint
                ),
                exit: error.code == .invalidRequest ? .refused : .hubUnreachable
            )
        case let error as StorageError:
            self.init(
                CommandResult.Refusal(
                    code: "\(error.code)",
                    message: error.message,
                    hint: error.hint
                ),
                exit: Self.exit(of: error)
            )
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

    private static func exit(of error: EngineError) -> Exit {
        switch error.code {
        case .damaged: .damage
        case .storage: .internal
        default: .refused
        }
    }

    private static func exit(of error: ReplicationError) -> Exit {
        switch error.code {
        case .hubUnreachable: .hubUnreachable
        case .chainBroken: .damage
        case .storage: .internal
        default: .refused
        }
    }

    private static func exit(of error: StorageError) -> Exit {
        switch error.code {
        case .locked: .locked
        case .damaged: .damage
        default: .internal
        }
    }
}
