import ArgumentParser
import Interchange
import InventoryEngine

struct CountCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "count",
        abstract: "Records a count; the variance becomes a proposed adjustment of its number.",
        discussion: """
            Counting is blind: neither this command nor its result tells what the book says. A
            variance within the network's tolerance (`plumbline policy`) is approved by itself, any
            other by another person than the one who counted.

            Example:
              plumbline count C-1 85123A 118 --at A-01-03 --actor mary
              plumbline adjust approve C-1 --actor john
            """
    )
    static let records = CommandType.countRecorded

    @Argument(help: "The count's number.")
    var count: String
    @OptionGroup var lines: RequiredLines
    @OptionGroup var place: PlaceOption
    @Option(
        help: "Only the units of this status; default: all of them.",
        completion: .stockStatuses
    )
    var status: String?
    @Flag(help: "Records the count alone, without a proposed adjustment.")
    var noPropose = false
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("count", count)
        if noPropose { command.member("propose", false) }
        lines.write(to: &command, of: place.goods, ["location": place.at, "status": status])
    }
}

struct AdjustCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adjust",
        abstract: "Proposes, approves or rejects an adjustment of stock.",
        discussion: """
            Example:
              plumbline adjust propose ADJ-1 85123A=-2 --reason broken --actor mary
              plumbline adjust approve ADJ-1 --actor john
            """,
        subcommands: [
            AdjustProposeCommand.self, AdjustApproveCommand.self, AdjustRejectCommand.self,
        ]
    )
}

struct AdjustProposeCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "propose",
        abstract: "Proposes to add units, or with SKU=-QUANTITY to take some away.",
        discussion: """
            Example: plumbline adjust propose ADJ-1 85123A=-2 --reason broken --actor mary
            """
    )
    static let records = CommandType.adjustmentProposed

    @Argument(help: "The adjustment's number.")
    var adjustment: String
    @OptionGroup var lines: RequiredLines
    @OptionGroup var reason: ReasonOption
    @OptionGroup var place: PlaceOption
    @OptionGroup var stock: StatusOption
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("adjustment", adjustment)
        command.member("reason", reason.reason)
        lines.write(to: &command, of: place.goods, ["location": place.at, "status": stock.status])
    }
}

/// An adjustment that is decided, and why.
struct AdjustmentDecision: ParsableArguments {
    @Argument(help: "The number of the adjustment or of its count.")
    var adjustment: String
    @Option(help: ArgumentHelp("Why.", valueName: "text"))
    var reason: String?

    func write(to command: inout JSONWriter) {
        command.member("adjustment", adjustment)
        command.member("reason", ifAny: reason)
    }
}

struct AdjustApproveCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Approves an adjustment that another person proposed: it is posted.",
        discussion: "Example: plumbline adjust approve ADJ-1 --actor john"
    )
    static let records = CommandType.adjustmentApproved

    @OptionGroup var decision: AdjustmentDecision
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) { decision.write(to: &command) }
}

struct AdjustRejectCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject",
        abstract: "Rejects an adjustment.",
        discussion: "Example: plumbline adjust reject ADJ-1 --actor john --reason \"found again\""
    )
    static let records = CommandType.adjustmentRejected

    @OptionGroup var decision: AdjustmentDecision
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) { decision.write(to: &command) }
}

struct MoveCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Records that units were moved within the site.",
        discussion: "Example: plumbline move 85123A 20 --from STOCK --to A-01-03"
    )
    static let records = CommandType.moved

    @OptionGroup var lines: RequiredLines
    @Option(help: ArgumentHelp("Where they were.", valueName: "location"))
    var from: String
    @Option(help: ArgumentHelp("Where they are now.", valueName: "location"))
    var to: String
    @OptionGroup var stock: StatusOption
    @OptionGroup var goods: GoodsOption
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        lines.write(to: &command, of: goods, ["from": from, "to": to, "status": stock.status])
    }
}

struct StatusChangeCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "status-change",
        abstract: "Changes the status of units, which alone says whether they can be sold.",
        discussion: """
            Example: plumbline status-change 85123A 3 --from sellable --to damaged --reason wet
            """
    )
    static let records = CommandType.statusChanged

    @OptionGroup var lines: RequiredLines
    @Option(
        help: ArgumentHelp("The status they had.", valueName: "status"),
        completion: .stockStatuses
    )
    var from: String
    @Option(
        help: ArgumentHelp("The status they have now.", valueName: "status"),
        completion: .stockStatuses
    )
    var to: String
    @OptionGroup var reason: ReasonOption
    @OptionGroup var place: PlaceOption
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("reason", reason.reason)
        lines.write(
            to: &command,
            of: place.goods,
            ["from_status": from, "to_status": to, "location": place.at]
        )
    }
}

struct ScrapCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrap",
        abstract: "Records that units were thrown away.",
        discussion: "Example: plumbline scrap 85123A 2 --reason broken --status damaged"
    )
    static let records = CommandType.scrapped

    @OptionGroup var lines: RequiredLines
    @OptionGroup var reason: ReasonOption
    @OptionGroup var place: PlaceOption
    @Option(
        help: "The status that the units had; default: sellable.",
        completion: .stockStatuses
    )
    var status: String?
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("reason", reason.reason)
        lines.write(to: &command, of: place.goods, ["location": place.at, "status": status])
    }
}

struct RepackCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "repack",
        abstract: "Records that units were put from one unit of measure into another.",
        discussion: "Example: plumbline repack 85123A 2 --from BOX --to EA --at A-01-03"
    )
    static let records = CommandType.repacked

    @OptionGroup var lines: UnitlessLines
    @Option(help: ArgumentHelp("The unit of the quantities.", valueName: "uom"))
    var from: String
    @Option(help: ArgumentHelp("The unit that they are in now.", valueName: "uom"))
    var to: String
    @OptionGroup var place: PlaceOption
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        lines.write(
            to: &command,
            of: place.goods,
            ["from_uom": from, "to_uom": to, "location": place.at]
        )
    }
}

struct ReverseCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "reverse",
        abstract: "Undoes an event that should not have been recorded.",
        discussion: """
            Example:
              plumbline reverse lon-1:42 --reason "wrong item"
              plumbline receive 22423 120 --corrects lon-1:42
            """
    )
    static let records = CommandType.reversed

    @Argument(help: "The event, such as lon-1:42.")
    var event: String
    @OptionGroup var reason: ReasonOption
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("event", event)
        command.member("reason", reason.reason)
    }
}
