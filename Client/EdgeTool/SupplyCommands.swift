import ArgumentParser
import Interchange
import InventoryEngine

struct ReceiveCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive",
        abstract: "Records goods that arrived.",
        discussion: """
            Examples:
              plumbline receive 85123A 120 --at A-01-03 --unit-cost 1.53 --po PO-7
              plumbline receive 85123A=120@1.53 22423=6@10.20
              plumbline receive MILK 200 --lot L7 --expiry 2026-12-24 --unit-cost 0.60
            """
    )
    static let records = CommandType.goodsReceived

    @OptionGroup var lines: PricedLines
    @OptionGroup var place: PlaceOption
    @Option(help: "What one unit cost, in lines without a price of their own.")
    var unitCost: String?
    @Option(help: "What the whole line cost; for a single line.")
    var amount: String?
    @Option(help: ArgumentHelp("The currency of the costs, ISO 4217; the network's if left out."))
    var currency: String?
    @Option(help: "What one unit of that currency is worth in the network's, such as 0.86.")
    var rate: String?
    @Option(help: "The purchase order.")
    var po: String?
    @Option(help: "Who sent the goods.")
    var supplier: String?
    @Option(
        help: ArgumentHelp("The last day on which the lot may be sold.", valueName: "date")
    )
    var expiry: String?
    @OptionGroup var stock: StatusOption
    @OptionGroup var recording: RecordingOptions

    func validate() throws { try lines.requireOneLine(for: "--amount", amount) }

    func write(to command: inout JSONWriter) {
        command.member("purchase_order", ifAny: po)
        command.member("supplier", ifAny: supplier)
        command.member("currency", ifAny: currency)
        command.member("rate", ifAny: rate)
        lines.write(
            to: &command,
            price: ("unit_cost", unitCost),
            of: place.goods,
            [
                "location": place.at, "expiry": expiry, "status": stock.status,
                "amount": amount,
            ]
        )
    }
}

struct SupplierReturnCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "supplier-return",
        abstract: "Records goods that went back to their supplier.",
        discussion: """
            Examples:
              plumbline supplier-return 85123A 5 --po PO-7 --status damaged
              plumbline supplier-return 85123A 5 --receipt lon-1:42
            """
    )
    static let records = CommandType.supplierReturnDispatched

    @OptionGroup var lines: RequiredLines
    @OptionGroup var place: PlaceOption
    @Option(help: "The purchase order that they came on.")
    var po: String?
    @Option(
        help: ArgumentHelp("The receipt that they came with, as lon-1:42.", valueName: "event")
    )
    var receipt: String?
    @OptionGroup var stock: StatusOption
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("purchase_order", ifAny: po)
        command.member("event", ifAny: receipt)
        lines.write(to: &command, of: place.goods, ["location": place.at, "status": stock.status])
    }
}

struct PurchaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purchase",
        abstract: "Places, amends or closes a purchase order.",
        discussion: "Example: plumbline purchase place PO-7 85123A=120@1.53 --supplier ACME",
        subcommands: [
            PurchasePlaceCommand.self, PurchaseAmendCommand.self, PurchaseCloseCommand.self,
        ]
    )
}

struct PurchasePlaceCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "place",
        abstract: "Places a purchase order.",
        discussion: "Example: plumbline purchase place PO-7 85123A=120@1.53 --supplier ACME"
    )
    static let records = CommandType.purchaseOrderPlaced

    @Argument(help: "The purchase order's number.")
    var purchaseOrder: String
    @OptionGroup var lines: PricedLines
    @Option(help: "What one unit costs, in lines without a price of their own.")
    var unitCost: String?
    @Option(help: "Who is to send the goods.")
    var supplier: String?
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("purchase_order", purchaseOrder)
        command.member("supplier", ifAny: supplier)
        lines.write(to: &command, price: ("unit_cost", unitCost))
    }
}

struct PurchaseAmendCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "amend",
        abstract: "Sets a line of a purchase order anew: quantity and cost.",
        discussion: "Example: plumbline purchase amend PO-7 85123A=100@1.60 --line 1"
    )
    static let records = CommandType.purchaseOrderAmended

    @Argument(help: "The purchase order's number.")
    var purchaseOrder: String
    @OptionGroup var lines: PricedLines
    @Option(help: "The number of the line.")
    var line: String
    @Option(help: "What one unit costs, if the line has no price of its own.")
    var unitCost: String?
    @OptionGroup var recording: RecordingOptions

    func validate() throws { try lines.requireOneLine(for: "--line", line) }

    func write(to command: inout JSONWriter) {
        command.member("purchase_order", purchaseOrder)
        lines.write(to: &command, price: ("unit_cost", unitCost), ["line": line])
    }
}

struct PurchaseCloseCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "close",
        abstract: "Closes a purchase order: nothing more is on order.",
        discussion: "Example: plumbline purchase close PO-7"
    )
    static let records = CommandType.purchaseOrderClosed

    @Argument(help: "The purchase order's number.")
    var purchaseOrder: String
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) { command.member("purchase_order", purchaseOrder) }
}
