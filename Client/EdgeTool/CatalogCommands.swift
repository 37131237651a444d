import ArgumentParser
import Interchange
import InventoryEngine

struct ItemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "item",
        abstract: "Registers, changes or retires an item.",
        discussion: "Example: plumbline item 85123A --name \"Heart T-light holder\"",
        subcommands: [
            ItemRegisterCommand.self, ItemChangeCommand.self, ItemRetireCommand.self,
        ],
        defaultSubcommand: ItemRegisterCommand.self
    )
}

struct ItemRegisterCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "register",
        abstract: "Registers an item.",
        discussion: """
            Example: plumbline item register 85123A --name "Heart T-light holder" --unit BX=12
            """
    )
    static let records = CommandType.itemRegistered

    @Argument(help: "The item's code.")
    var sku: String
    @Option(help: "What people call it.")
    var name: String
    @Option(help: "The base unit in which it is counted; default: EA.")
    var uom: String?
    @Option(help: "How many decimals its quantities have, 0 to 6; default: 0.")
    var scale: String?
    @Option(help: "How it is valued: average, fifo or standard; default: average.")
    var costing: String?
    @Option(help: "What one unit costs by the standard, or where nothing else is known.")
    var standardCost: String?
    @Option(help: "Its GTIN, with the check digit.")
    var gtin: String?
    @Option(help: "How much is held back from promises.")
    var safetyStock: String?
    @Flag(help: "Keeps its stock by lot: each receipt then names one.")
    var lotTracked = false
    @Flag(help: "Keeps its stock by serial number: each fact then names its units.")
    var serialTracked = false
    @Option(
        name: .customLong("unit"),
        help: ArgumentHelp(
            "Another unit: how many base units it is, such as BX=12 or M=1/100; repeatable.",
            valueName: "unit=units"
        )
    )
    var units: [String] = []
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("sku", sku)
        command.member("name", name)
        command.member("uom", ifAny: uom)
        command.member("scale", ifAny: scale)
        command.member("costing", ifAny: costing)
        command.member("standard_cost", ifAny: standardCost)
        command.member("gtin", ifAny: gtin)
        command.member("safety_stock", ifAny: safetyStock)
        if lotTracked { command.member("lot_tracked", true) }
        if serialTracked { command.member("serial_tracked", true) }
        guard !units.isEmpty else { return }
        command.key("conversions")
        command.array { json in
            for line in EnteredLine.numbers(units) {
                let parts = (line.quantity ?? "").split(
                    separator: "/",
                    maxSplits: 1,
                    omittingEmptySubsequences: false
                )
                json.object { json in
                    json.member("uom", line.name)
                    json.member("numerator", String(parts[0]))
                    json.member("denominator", parts.count > 1 ? String(parts[1]) : "1")
                }
            }
        }
    }
}

/// The version of an entry of the catalogue that somebody changes.
struct VersionOption: ParsableArguments {
    @Option(
        name: .customLong("version-seen"),
        help: ArgumentHelp(
            "The version that you saw; a change of another one is refused and names it.",
            valueName: "number"
        )
    )
    var version: String
}

struct ItemChangeCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "change",
        abstract: "Changes what is said of an item.",
        discussion: """
            Example: plumbline item change 85123A --version-seen 1 --safety-stock 10
            """
    )
    static let records = CommandType.itemChanged

    @Argument(help: "The item's code.")
    var sku: String
    @OptionGroup var seen: VersionOption
    @Option(help: "What people call it.")
    var name: String?
    @Option(help: "What one unit costs where nothing else is known.")
    var standardCost: String?
    @Option(help: "Its GTIN, with the check digit.")
    var gtin: String?
    @Option(help: "How much is held back from promises.")
    var safetyStock: String?
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("sku", sku)
        command.member("base_version", seen.version)
        command.member("name", ifAny: name)
        command.member("standard_cost", ifAny: standardCost)
        command.member("gtin", ifAny: gtin)
        command.member("safety_stock", ifAny: safetyStock)
    }
}

struct ItemRetireCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire",
        abstract: "Ends new promises and purchases of an item.",
        discussion: "Example: plumbline item retire 85123A --version-seen 1"
    )
    static let records = CommandType.itemRetired

    @Argument(help: "The item's code.")
    var sku: String
    @OptionGroup var seen: VersionOption
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("sku", sku)
        command.member("base_version", seen.version)
    }
}

struct LocationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "location",
        abstract: "Registers, changes or retires a location of the site.",
        discussion: "Example: plumbline location A-01-03",
        subcommands: [
            LocationRegisterCommand.self, LocationChangeCommand.self, LocationRetireCommand.self,
        ],
        defaultSubcommand: LocationRegisterCommand.self
    )
}

/// A location, and what is said of it.
struct LocationArguments: ParsableArguments {
    @Argument(help: "The location's code.")
    var location: String
    @Option(
        help: "Its kind: bin, staging, dock or hold.",
        completion: .list(LocationKind.allCases.map(\.text))
    )
    var kind: String?

    func write(to command: inout JSONWriter) {
        command.member("location", location)
        command.member("kind", ifAny: kind)
    }
}

struct LocationRegisterCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "register",
        abstract: "Registers a location; a bin if its kind is not given.",
        discussion: "Example: plumbline location register DOCK-1 --kind dock"
    )
    static let records = CommandType.locationRegistered

    @OptionGroup var location: LocationArguments
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) { location.write(to: &command) }
}

struct LocationChangeCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "change",
        abstract: "Changes the kind of a location.",
        discussion: "Example: plumbline location change A-01-03 --kind hold"
    )
    static let records = CommandType.locationChanged

    @OptionGroup var location: LocationArguments
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) { location.write(to: &command) }
}

struct LocationRetireCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire",
        abstract: "Retires a location.",
        discussion: "Example: plumbline location retire A-01-03"
    )
    static let records = CommandType.locationRetired

    @Argument(help: "The location's code.")
    var location: String
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) { command.member("location", location) }
}
