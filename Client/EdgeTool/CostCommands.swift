import ArgumentParser
import Interchange
import InventoryEngine

struct LandedCostCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "landed-cost",
        abstract: "Adds freight, duty and the like to what received goods have cost.",
        discussion: """
            What has been sold of the goods is corrected as cost of goods sold;
            what has gone to another site is corrected there.

            Examples:
              plumbline landed-cost 120.00 --receipt lon-1:42 --receipt lon-1:43
              plumbline landed-cost 120.00 --po PO-7 --by quantity
            """
    )
    static let records = CommandType.landedCostAllocated

    @Argument(help: "The whole cost.")
    var amount: String
    @Option(
        name: .customLong("receipt"),
        help: ArgumentHelp("A receipt that shares it, as lon-1:42; repeatable.", valueName: "event")
    )
    var receipts: [String] = []
    @Option(help: "The purchase order whose receipts share it.")
    var po: String?
    @Option(help: "By what it is shared: value or quantity; default: value.")
    var by: String?
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("purchase_order", ifAny: po)
        if !receipts.isEmpty { command.member("events", receipts) }
        command.member("amount", amount)
        command.member("by", ifAny: by)
    }
}

/// What stock is worth from now on.
struct WorthOptions: ParsableArguments {
    @Argument(help: "The item's code.")
    var sku: String
    @Option(help: "What one unit is worth.")
    var unitCost: String?
    @Option(help: "By how much all that is there changes, in place of --unit-cost.")
    var amount: String?
    @Option(help: "Why.")
    var reason: String?

    func write(to command: inout JSONWriter) {
        command.member("sku", sku)
        command.member("unit_cost", ifAny: unitCost)
        command.member("amount", ifAny: amount)
        command.member("reason", ifAny: reason)
    }
}

struct RevalueCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "revalue",
        abstract: "Changes what stock on hand is worth.",
        discussion: """
            Examples:
              plumbline revalue 85123A --unit-cost 1.60 --reason "exchange rate"
              plumbline revalue 85123A --amount=-4.00
            """
    )
    static let records = CommandType.stockRevalued

    @OptionGroup var worth: WorthOptions
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) { worth.write(to: &command) }
}

struct WriteDownCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "write-down",
        abstract: "Writes stock down to what it can be sold for, as an expense.",
        discussion: """
            A unit cost says what a unit can be sold for, an amount by how much the stock
            is written down. A negative amount takes a write-down back, as far as there
            was one.

            Examples:
              plumbline write-down 85123A --unit-cost 0.80 --reason "out of fashion"
              plumbline write-down 85123A --amount=-2.00 --reason "sold better than thought"
            """
    )
    static let records = CommandType.writtenDown

    @OptionGroup var worth: WorthOptions
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) { worth.write(to: &command) }
}

struct CostingCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "costing",
        abstract: "Changes how an item is valued, at every site: average, fifo or standard.",
        discussion: """
            What the stock is worth stays as it is.

            Example: plumbline costing 85123A fifo
            """
    )
    static let records = CommandType.costingChanged

    @Argument(help: "The item's code.")
    var sku: String
    @Argument(help: "The method: average, fifo or standard.")
    var method: String
    @Option(help: "What one unit costs by the standard.")
    var standardCost: String?
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("sku", sku)
        command.member("costing", method)
        command.member("standard_cost", ifAny: standardCost)
    }
}

struct StandardCostCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "standard-cost",
        abstract: "Sets what one unit costs by the standard.",
        discussion: """
            Stock that is valued at standard cost is worth that from then on, at every site.
            Of other stock it is what a unit is taken to cost where nothing better is known.

            Example: plumbline standard-cost 85123A 1.53
            """
    )
    static let records = CommandType.standardCostSet

    @Argument(help: "The item's code.")
    var sku: String
    @Argument(help: "What one unit costs.")
    var cost: String
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("sku", sku)
        command.member("standard_cost", cost)
    }
}

struct InvoiceCommand: RecordingCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoice",
        abstract: "Matches a supplier's invoice with what was received.",
        discussion: """
            What it asks beyond what was expected changes what the goods have cost: of what
            is on hand, sold and sent.

            Examples:
              plumbline invoice 85123A=120@1.60 --po PO-7
              plumbline invoice 85123A=120 --amount 190.00 --receipt lon-1:42
            """
    )
    static let records = CommandType.supplierInvoiceMatched

    @OptionGroup var lines: PricedLines
    @Option(help: "What the whole line costs, in place of a price.")
    var amount: String?
    @Option(help: "The purchase order whose receipts it is for, the oldest first.")
    var po: String?
    @Option(help: ArgumentHelp("The receipt that it is for, as lon-1:42.", valueName: "event"))
    var receipt: String?
    @OptionGroup var recording: RecordingOptions

    func write(to command: inout JSONWriter) {
        command.member("purchase_order", ifAny: po)
        command.member("event", ifAny: receipt)
        lines.write(to: &command, price: ("unit_cost", nil), ["amount": amount])
    }
}
