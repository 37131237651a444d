import ArgumentParser
import Interchange
import InventoryEngine

/// One line of a document as a person types it.
///
/// | Typed                       | Item     | Quantity  | Price |
/// | --------------------------- | -------- | --------- | ----- |
/// | `85123A=6`                  | `85123A` | `6`       |       |
/// | `85123A 6`                  | `85123A` | `6`       |       |
/// | `85123A=6@2.55`             | `85123A` | `6`       | 2.55  |
/// | `A=B=6`                     | `A=B`    | `6`       |       |
/// | `85123A`, and nothing after | `85123A` |           |       |
///
/// Nothing is checked here: the decoder refuses what is wrong, with its code and the line.
struct EnteredLine: Equatable {
    /// The item, or the number of a document's line.
    var name: String
    /// The quantity, if there is one.
    var quantity: String?
    /// The cost or price of one unit, if there is one.
    var price: String?

    /// Reads lines that name items.
    ///
    /// - Parameters:
    ///   - arguments: Each `ITEM=QUANTITY`; one without `=` takes the next as its quantity.
    ///   - hasPrices: Whether `@PRICE` may follow a quantity.
    /// - Returns: The lines in their order.
    static func items(_ arguments: [String], hasPrices: Bool) -> [EnteredLine] {
        var lines: [EnteredLine] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            var line = EnteredLine(argument)
            if line.quantity == nil { line.quantity = rest.popFirst() }
            if hasPrices { line.splitPrice() }
            lines.append(line)
        }
        return lines
    }

    /// Reads lines that name lines of a document by number, each `LINE=QUANTITY` or `LINE`.
    static func numbers(_ arguments: [String]) -> [EnteredLine] { arguments.map(EnteredLine.init) }

    /// Splits at the last `=`: a quantity holds none, an item may.
    private init(_ argument: String) {
        guard let equals = argument.utf8.lastIndex(of: UInt8(ascii: "=")) else {
            name = argument
            return
        }
        name = String(argument[..<equals])
        quantity = String(argument[argument.utf8.index(after: equals)...])
    }

    private mutating func splitPrice() {
        guard let text = quantity, let at = text.utf8.firstIndex(of: UInt8(ascii: "@")) else {
            return
        }
        quantity = String(text[..<at])
        price = String(text[text.utf8.index(after: at)...])
    }
}

/// The lines of a command, with what holds for all of them.
protocol LineArguments {
    /// The arguments as they were typed.
    var lines: [String] { get }
    /// The unit of the quantities.
    var uom: String? { get }
}

extension LineArguments {
    /// Writes the lines, if there are any.
    ///
    /// - Parameters:
    ///   - command: The command that is being written.
    ///   - price: The field of a line's own price, and the price of the lines without one.
    ///   - goods: The lot and the units; as many units are the quantity of a line without one.
    ///   - members: What every line has besides.
    func write(
        to command: inout JSONWriter,
        price: (field: String, value: String?)? = nil,
        of goods: GoodsOption? = nil,
        _ members: KeyValuePairs<String, String?> = [:]
    ) {
        guard !lines.isEmpty else { return }
        let serials = goods?.serials ?? []
        let count = serials.isEmpty ? nil : String(serials.count)
        command.lines(EnteredLine.items(lines, hasPrices: price != nil)) { json, line in
            json.member("sku", line.name)
            json.member("quantity", ifAny: line.quantity ?? count)
            json.member("lot", ifAny: goods?.lot)
            if !serials.isEmpty { json.member("serials", serials) }
            json.member("uom", ifAny: uom)
            if let price { json.member(price.field, ifAny: line.price ?? price.value) }
            for (field, value) in members { json.member(field, ifAny: value) }
        }
    }

    /// Refuses an option that would be lost where no lines are written.
    func requireLines(for option: String, _ value: String?) throws {
        guard value != nil, lines.isEmpty else { return }
        throw ValidationError("\(option) needs lines: write which units it is about.")
    }

    /// Refuses an option that makes sense for a single line only.
    func requireOneLine(for option: String, _ value: String?) throws {
        let count = EnteredLine.items(lines, hasPrices: false).count
        guard value != nil, count != 1 else { return }
        throw ValidationError("\(option) is for a single line: write one line only.")
    }
}

extension JSONWriter {
    /// Writes the member `lines`.
    mutating func lines(
        _ lines: [EnteredLine],
        _ members: (inout JSONWriter, EnteredLine) -> Void
    ) {
        key("lines")
        array { json in
            for line in lines {
                json.object { json in members(&json, line) }
            }
        }
    }

    /// Writes the member `lines` with lines that are named by their numbers, if there are any.
    mutating func numberedLines(_ arguments: [String]) {
        guard !arguments.isEmpty else { return }
        lines(EnteredLine.numbers(arguments)) { json, line in
            json.member("line", line.name)
            json.member("quantity", ifAny: line.quantity)
        }
    }
}

private let uomHelp: ArgumentHelp = "The unit of the quantities; default: the item's base unit."

/// One line or more.
struct RequiredLines: ParsableArguments, LineArguments {
    @Argument(
        help: ArgumentHelp(
            "The lines, each SKU=QUANTITY or SKU QUANTITY.",
            valueName: "line"
        )
    )
    var lines: [String]
    @Option(help: uomHelp)
    var uom: String?
}

/// One line or more, whose unit the command says by itself.
struct UnitlessLines: ParsableArguments, LineArguments {
    @Argument(
        help: ArgumentHelp(
            "The lines, each SKU=QUANTITY or SKU QUANTITY.",
            valueName: "line"
        )
    )
    var lines: [String]
    var uom: String? { nil }
}

/// One line or more, of which each may have a price.
struct PricedLines: ParsableArguments, LineArguments {
    @Argument(
        help: ArgumentHelp(
            "The lines, each SKU=QUANTITY or SKU QUANTITY; @PRICE may follow a quantity.",
            valueName: "line"
        )
    )
    var lines: [String]
    @Option(help: uomHelp)
    var uom: String?
}

/// Lines that may be left out, which then means all that applies.
struct OptionalLines: ParsableArguments, LineArguments {
    @Argument(
        help: ArgumentHelp(
            "The lines, each SKU=QUANTITY or SKU QUANTITY; default: all that is open.",
            valueName: "line"
        )
    )
    var lines: [String] = []
    @Option(help: uomHelp)
    var uom: String?
}

/// A reason, which the command needs.
struct ReasonOption: ParsableArguments {
    @Option(help: ArgumentHelp("Why.", valueName: "text"))
    var reason: String
}

/// Where the units are, and of which lot.
struct PlaceOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The location; default: STOCK, or where an order's units are set aside.",
            valueName: "location"
        )
    )
    var at: String?
    @OptionGroup var goods: GoodsOption

    /// Refuses the options where no lines are written, to which they would be lost.
    func requireLines(in lines: some LineArguments) throws {
        try lines.requireLines(for: "--at", at)
        try goods.requireLines(in: lines)
    }
}

/// Which units, of items that are kept by lot or by serial number.
struct GoodsOption: ParsableArguments {
    @Option(help: "The lot, of an item that is kept by lot.")
    var lot: String?
    @Option(
        name: .customLong("serial"),
        help: ArgumentHelp(
            "A unit, of an item that is kept by serial number; repeatable.",
            valueName: "serial"
        )
    )
    var serials: [String] = []

    /// Refuses the options where no lines are written, to which they would be lost.
    func requireLines(in lines: some LineArguments) throws {
        try lines.requireLines(for: "--lot", lot)
        try lines.requireLines(for: "--serial", serials.first)
    }
}

/// Which units, where most are sellable.
struct StatusOption: ParsableArguments {
    @Option(help: "The status of the units; default: sellable.", completion: .stockStatuses)
    var status: String?
}

extension CompletionKind {
    /// The statuses that units can have.
    static var stockStatuses: CompletionKind { .list(StockStatus.allCases.map(\.text)) }
}
