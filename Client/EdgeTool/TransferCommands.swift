import ArgumentParser
import Interchange

struct TransferCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer",
        abstract: "Moves stock from one site to another.",
        discussion: """
            Example:
              plumbline transfer request T-1 85123A 20 --to MAN
              plumbline transfer dispatch T-1
              plumbline transfer receive T-1 85123A 19 --from LON     (at MAN)
              plumbline transfer settle T-1 85123A 1 --reason "lost on the way"
            """,
        subcommands: [
            TransferRequestCommand.self, TransferDispatchCommand.self,
            TransferReceiveCommand.self, TransferSettleCommand.self, TransferCancelCommand.self,
        ]
    )
}

/// The number of the transfer that a command is about.
struct TransferArgument: ParsableArguments {
    @Argument(help: "The transfer's number.")
    var transfer: String
}

struct TransferRequestCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "request",
        abstract: "Asks for a transfer.",
        discussion: "Example: plumbline transfer request T-1 85123A 20 --to MAN"
    )
    static let records = CommandType.transferRequested

    @OptionGroup var transfer: TransferArgument
    @OptionGroup var lines: RequiredLines
    @Option(help: ArgumentHelp("The site that receives.", valueName: "site"))
    var to: String
    @Option(help: ArgumentHelp("The site that sends; default: this one.", valueName: "site"))
    var from: String?
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("transfer", transfer.transfer)
        command.member("from_site", ifAny: from)
        command.member("to_site", to)
        lines.write(to: &command)
    }
}

struct TransferDispatchCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "dispatch",
        abstract: "Records that units left for another site.",
        discussion: """
            Examples:
              plumbline transfer dispatch T-1
              plumbline transfer dispatch T-2 85123A 20 --to MAN --at A-01-03
            """
    )
    static let records = CommandType.transferDispatched

    @OptionGroup var transfer: TransferArgument
    @OptionGroup var lines: OptionalLines
    @Option(help: ArgumentHelp("The site that receives; default: as requested.", valueName: "site"))
    var to: String?
    @OptionGroup var place: PlaceOption
    @OptionGroup var recording: RecordingOptions

    func validate() throws { try place.requireLines(in: lines) }

    func write(to command: inout JSONWriter) {
        command.member("transfer", transfer.transfer)
        command.member("to_site", ifAny: to)
        lines.write(to: &command, of: place.goods, ["location": place.at])
    }
}

struct TransferReceiveCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive",
        abstract: "Records that units arrived from another site.",
        discussion: "Example: plumbline transfer receive T-1 85123A 20 --from LON"
    )
    static let records = CommandType.transferReceived

    @OptionGroup var transfer: TransferArgument
    @OptionGroup var lines: RequiredLines
    @Option(help: ArgumentHelp("The site that sent.", valueName: "site"))
    var from: String
    @OptionGroup var place: PlaceOption
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("transfer", transfer.transfer)
        command.member("from_site", from)
        lines.write(to: &command, of: place.goods, ["location": place.at])
    }
}

struct TransferSettleCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "settle",
        abstract: "Ends the difference between what was sent and what arrived.",
        discussion: """
            Examples, for a unit that never arrived and for one that came beyond:
              plumbline transfer settle T-1 85123A=1 --reason "lost on the way"
              plumbline transfer settle T-1 85123A=-1 --reason "counted wrong at LON"
            """
    )
    static let records = CommandType.transferSettled

    @OptionGroup var transfer: TransferArgument
    @OptionGroup var lines: RequiredLines
    @Option(help: ArgumentHelp("The site that sent; default: this one.", valueName: "site"))
    var from: String?
    @OptionGroup var reason: ReasonOption
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("transfer", transfer.transfer)
        command.member("from_site", ifAny: from)
        command.member("reason", reason.reason)
        lines.write(to: &command)
    }
}

struct TransferCancelCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancels a transfer that has not left.",
        discussion: "Example: plumbline transfer cancel T-1"
    )
    static let records = CommandType.transferCancelled

    @OptionGroup var transfer: TransferArgument
    @Option(help: ArgumentHelp("The site that sends; default: this one.", valueName: "site"))
    var from: String?
    @Option(help: ArgumentHelp("The site that receives; default: as requested.", valueName: "site"))
    var to: String?
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("transfer", transfer.transfer)
        command.member("from_site", ifAny: from)
        command.member("to_site", ifAny: to)
    }
}
