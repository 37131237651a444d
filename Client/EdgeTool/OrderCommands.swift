import ArgumentParser
import Interchange
import InventoryEngine

struct OrderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "order",
        abstract: "Confirms, amends, cancels or releases a customer's order.",
        discussion: """
            Example:
              plumbline order confirm SO-1 85123A=6 22423=1
              plumbline pick SO-1
              plumbline pack SO-1
              plumbline ship SO-1
            """,
        subcommands: [
            OrderConfirmCommand.self, OrderAmendCommand.self, OrderCancelCommand.self,
            OrderReleaseCommand.self,
        ]
    )
}

struct OrderConfirmCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm",
        abstract: "Promises the lines of an order.",
        discussion: """
            Examples:
              plumbline order confirm SO-1 85123A 6 --price 2.55
              plumbline order confirm SO-2 85123A=6@2.55 22423=1@12.75 --customer C-17850
              plumbline order confirm SO-3 85123A 2 --ship-from PAR

            What another site ships is promised finally on promise rights that this node
            holds for that site's stock: see `plumbline rights --help`. Without them the
            promise waits until the hub, or a node of that site, has settled it.
            """
    )
    static let records = CommandType.orderConfirmed

    @Argument(help: "The order's number.")
    var order: String
    @OptionGroup var lines: PricedLines
    @Option(help: "The price of one unit, in lines without one of their own.")
    var price: String?
    @Option(help: "Where the order came from.")
    var channel: String?
    @Option(help: "A reference to the customer; no name.")
    var customer: String?
    @Option(help: "Its rank when stock is short; more goes first, default: 0.")
    var priority: String?
    @Option(help: ArgumentHelp("The site that ships; default: this one.", valueName: "site"))
    var shipFrom: String?
    @Option(help: ArgumentHelp("Until when the promise holds.", valueName: "time"))
    var holdUntil: String?
    @Option(
        help: "What becomes of what is not there: allow (default) or refuse.",
        completion: .list(["allow", "refuse"])
    )
    var backorder: String?
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("order", order)
        command.member("channel", ifAny: channel)
        command.member("customer", ifAny: customer)
        command.member("priority", ifAny: priority)
        command.member("ship_from", ifAny: shipFrom)
        command.member("hold_until", ifAny: holdUntil)
        command.member("backorder", ifAny: backorder)
        lines.write(to: &command, price: ("unit_price", price))
    }
}

/// The order that a command is about.
struct OrderArgument: ParsableArguments {
    @Argument(help: "The order's number.")
    var order: String
    @Option(
        help: ArgumentHelp("The site that took the order; default: this one.", valueName: "site")
    )
    var orderSite: String?

    func write(to command: inout JSONWriter) {
        command.member("order", order)
        command.member("order_site", ifAny: orderSite)
    }
}

struct OrderAmendCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "amend",
        abstract: "Sets new totals for lines of an order; the other lines stay.",
        discussion: "Example: plumbline order amend SO-1 1=4 2=0"
    )
    static let records = CommandType.orderAmended

    @OptionGroup var order: OrderArgument
    @Argument(help: ArgumentHelp("The lines, each NUMBER=TOTAL.", valueName: "line"))
    var lines: [String]
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        order.write(to: &command)
        command.numberedLines(lines)
    }
}

/// The lines of an order that are given up.
struct OrderLineNumbers: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The lines, each NUMBER or NUMBER=QUANTITY; default: all that is not yet picked.",
            valueName: "line"
        )
    )
    var lines: [String] = []
}

struct OrderCancelCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancels an order or lines of it.",
        discussion: """
            Examples:
              plumbline order cancel SO-1
              plumbline order cancel SO-1 1=2 3
            """
    )
    static let records = CommandType.orderCancelled

    @OptionGroup var order: OrderArgument
    @OptionGroup var numbers: OrderLineNumbers
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        order.write(to: &command)
        command.numberedLines(numbers.lines)
    }
}

struct OrderReleaseCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Gives the stock of an order free that nobody waits for.",
        discussion: "Example: plumbline order release SO-1 2"
    )
    static let records = CommandType.reservationReleased

    @OptionGroup var order: OrderArgument
    @OptionGroup var numbers: OrderLineNumbers
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        order.write(to: &command)
        command.numberedLines(numbers.lines)
    }
}

/// The line of an order, where its item alone does not tell which.
struct OrderLineOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The order's line; for a single line whose item is there twice.",
            valueName: "number"
        )
    )
    var line: String?
}

struct AllocateCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocate",
        abstract: "Sets reserved units of an order aside in a location.",
        discussion: """
            What names no location and no lot is set aside where it should be taken from:
            first what expires first, never what is past its date, set aside for others, or
            in a place where something was not found and nobody has counted since.

            Examples:
              plumbline allocate SO-1
              plumbline allocate SO-1 85123A 6 --at A-01-03
            """
    )
    static let records = CommandType.allocated

    @OptionGroup var order: OrderArgument
    @OptionGroup var lines: OptionalLines
    @OptionGroup var place: PlaceOption
    @OptionGroup var number: OrderLineOption
    @OptionGroup var recording: RecordingOptions

    func validate() throws {
        try lines.requireOneLine(for: "--line", number.line)
        try place.requireLines(in: lines)
    }

    func write(to command: inout JSONWriter) {
        order.write(to: &command)
        lines.write(to: &command, of: place.goods, ["location": place.at, "line": number.line])
    }
}

struct PickCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "pick",
        abstract: "Records that units of an order were taken to staging.",
        discussion: """
            What names no location is taken from where it is set aside, else from STOCK; of
            an item that is kept by lot, what expires first is taken first.

            Examples:
              plumbline pick SO-1
              plumbline pick SO-1 85123A 4 --short 2 --at A-01-03
            """
    )
    static let records = CommandType.pickCompleted

    @OptionGroup var order: OrderArgument
    @OptionGroup var lines: OptionalLines
    @OptionGroup var place: PlaceOption
    @Option(help: "How much was not found; for a single line, of which 0 may be picked.")
    var short: String?
    @OptionGroup var number: OrderLineOption
    @OptionGroup var recording: RecordingOptions

    func validate() throws {
        try lines.requireOneLine(for: "--short", short)
        try lines.requireOneLine(for: "--line", number.line)
        try place.requireLines(in: lines)
    }

    func write(to command: inout JSONWriter) {
        order.write(to: &command)
        lines.write(
            to: &command,
            of: place.goods,
            ["location": place.at, "short": short, "line": number.line]
        )
    }
}

struct UnpickCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpick",
        abstract: "Records that picked units were put back.",
        discussion: "Example: plumbline unpick SO-1 85123A 1 --at A-01-03"
    )
    static let records = CommandType.unpicked

    @OptionGroup var order: OrderArgument
    @OptionGroup var lines: OptionalLines
    @OptionGroup var place: PlaceOption
    @OptionGroup var number: OrderLineOption
    @OptionGroup var recording: RecordingOptions

    func validate() throws {
        try lines.requireOneLine(for: "--line", number.line)
        try place.requireLines(in: lines)
    }

    func write(to command: inout JSONWriter) {
        order.write(to: &command)
        lines.write(to: &command, of: place.goods, ["location": place.at, "line": number.line])
    }
}

struct PackCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Records that picked units were closed in a container.",
        discussion: "Example: plumbline pack SO-1 --container BOX-1"
    )
    static let records = CommandType.packCompleted

    @OptionGroup var order: OrderArgument
    @OptionGroup var lines: OptionalLines
    @Option(help: "The container.")
    var container: String?
    @OptionGroup var goods: GoodsOption
    @OptionGroup var number: OrderLineOption
    @OptionGroup var recording: RecordingOptions

    func validate() throws {
        try lines.requireOneLine(for: "--line", number.line)
        try goods.requireLines(in: lines)
    }

    func write(to command: inout JSONWriter) {
        order.write(to: &command)
        command.member("container", ifAny: container)
        lines.write(to: &command, of: goods, ["line": number.line])
    }
}

struct ShipCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "ship",
        abstract: "Records that units of an order left the site.",
        discussion: "Example: plumbline ship SO-1 --shipment SH-1"
    )
    static let records = CommandType.shipmentDispatched

    @OptionGroup var order: OrderArgument
    @OptionGroup var lines: OptionalLines
    @Option(help: "The shipment's number.")
    var shipment: String?
    @OptionGroup var goods: GoodsOption
    @OptionGroup var number: OrderLineOption
    @OptionGroup var recording: RecordingOptions

    func validate() throws {
        try lines.requireOneLine(for: "--line", number.line)
        try goods.requireLines(in: lines)
    }

    func write(to command: inout JSONWriter) {
        order.write(to: &command)
        command.member("shipment", ifAny: shipment)
        lines.write(to: &command, of: goods, ["line": number.line])
    }
}

struct ReturnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "return",
        abstract: "Records what a customer sent back, and what becomes of it.",
        discussion: """
            Example:
              plumbline return R-1 85123A 2 --order SO-1
              plumbline return disposition R-1 85123A 2 --as restock
            """,
        subcommands: [ReturnReceiveCommand.self, ReturnDispositionCommand.self],
        defaultSubcommand: ReturnReceiveCommand.self
    )
}

struct ReturnReceiveCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive",
        abstract: "Records units that came back.",
        discussion: "Example: plumbline return receive R-1 85123A 2 --order SO-1"
    )
    static let records = CommandType.returnReceived

    @Argument(help: "The return's number.")
    var number: String
    @OptionGroup var lines: RequiredLines
    @Option(help: "The order by which they left.")
    var order: String?
    @Option(
        help: ArgumentHelp("The site that took the order; default: this one.", valueName: "site")
    )
    var orderSite: String?
    @Option(help: "The shipment by which they left.")
    var shipment: String?
    @OptionGroup var place: PlaceOption
    @Option(
        help: "The status of the units; default: returned.",
        completion: .stockStatuses
    )
    var status: String?
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("return", number)
        command.member("order", ifAny: order)
        command.member("order_site", ifAny: orderSite)
        command.member("shipment", ifAny: shipment)
        lines.write(to: &command, of: place.goods, ["location": place.at, "status": status])
    }
}

struct ReturnDispositionCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "disposition",
        abstract: "Says what becomes of returned units.",
        discussion: "Example: plumbline return disposition R-1 85123A 2 --as restock"
    )
    static let records = CommandType.returnDispositioned

    @Argument(help: "The return's number.")
    var number: String
    @OptionGroup var lines: RequiredLines
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "restock, refurbish, scrap or supplier.",
            valueName: "disposition"
        ),
        completion: .list(Disposition.allCases.map(\.text))
    )
    var disposition: String
    @Option(help: ArgumentHelp("The location; default: where they came in.", valueName: "location"))
    var at: String?
    @OptionGroup var goods: GoodsOption
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("return", number)
        lines.write(
            to: &command,
            of: goods,
            ["disposition": disposition, "location": at]
        )
    }
}
