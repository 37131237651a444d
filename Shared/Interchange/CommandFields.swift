import Causality
import InventoryEngine

/// Reads the fields of a command or of one of its parts, and says which of them is at fault.
struct CommandFields {
    /// What the fields belong to, for the paths in errors.
    enum Place {
        /// The command itself.
        case command
        /// One element of a list of the command.
        case element(list: String, index: Int)
    }

    private let members: [JSONValue.Member]
    private let place: Place
    /// The command's type.
    let type: CommandType

    /// Takes an object, and refuses unknown and missing fields.
    ///
    /// Unknown fields come first: a misspelt field is also a missing one, and its name tells more.
    init(
        _ value: JSONValue,
        known: [CommandField],
        of type: CommandType,
        at place: Place = .command
    ) throws(InterchangeError) {
        self.type = type
        self.place = place
        guard case .object(let members) = value else {
            throw InterchangeError(
                .typeMismatch,
                "An object was expected, but this is \(value.kind).",
                field: Self.path("", at: place),
                hint: "Write it in braces."
            )
        }
        self.members = members
        for member in members where !known.contains(where: { $0.name == member.key }) {
            throw unknownField(member.key, known: known)
        }
        for field in known where field.isRequired && self[field.name] == nil {
            throw missing(field.name)
        }
    }

    /// The value of a field, or nil where it is absent.
    private subscript(_ name: String) -> JSONValue? {
        members.first { $0.key == name }?.value
    }

    /// Whether a field is there, whatever it holds.
    func has(_ name: String) -> Bool { self[name] != nil }

    // MARK: Paths and errors

    private static func path(_ name: String, at place: Place) -> String {
        switch place {
        case .command: name
        case .element(let list, let index):
            name.isEmpty ? "\(list)[\(index)]" : "\(list)[\(index)].\(name)"
        }
    }

    /// The field as errors name it, such as `lines[0].quantity`.
    func path(_ name: String) -> String { Self.path(name, at: place) }

    /// A refusal of the value of a field.
    func refused(
        _ code: InterchangeError.Code,
        _ name: String,
        _ message: String,
        hint: String
    ) -> InterchangeError {
        InterchangeError(code, message, field: path(name), hint: hint)
    }

    /// A refusal for want of a field.
    func missing(_ name: String) -> InterchangeError {
        refused(
            .missingField,
            name,
            "`\(type.rawValue)` needs the field `\(path(name))`.",
            hint: "Add it."
        )
    }

    private func unknownField(_ key: String, known: [CommandField]) -> InterchangeError {
        let names = known.map(\.name)
        let shown = InterchangeError.shown(key)
        return refused(
            .unknownField,
            shown,
            "`\(type.rawValue)` has no field `\(path(shown))`.",
            hint: NearestName.hint(for: key, among: names)
                ?? "Known here: \(names.joined(separator: ", "))."
        )
    }

    private func mismatch(
        _ name: String,
        _ value: JSONValue,
        expected: String
    ) -> InterchangeError {
        refused(
            .typeMismatch,
            name,
            "`\(path(name))` must be \(expected), but it is \(value.kind).",
            hint: value == .null ? "Leave the field out instead." : "Write \(expected)."
        )
    }

    /// The value that a field must have; the schema has checked already that it is there.
    func require<Value>(_ value: Value?, _ name: String) throws(InterchangeError) -> Value {
        guard let value else { throw missing(name) }
        return value
    }

    // MARK: Texts

    private func text(_ name: String) throws(InterchangeError) -> String? {
        guard let value = self[name] else { return nil }
        guard let text = value.text else { throw mismatch(name, value, expected: "a text") }
        return text
    }

    /// An identifier, byte for byte as it was entered.
    func identifier<Tag>(
        _ name: String,
        as tag: Tag.Type = Tag.self
    ) throws(InterchangeError) -> Identifier<Tag>? {
        guard let text = try text(name) else { return nil }
        guard let identifier = Identifier<Tag>(text) else {
            let limit = Identifier<Tag>.lengthMax
            let problem =
                if text.isEmpty {
                    "is empty"
                } else if text.unicodeScalars.contains(where: \.isControl) {
                    "holds a control character"
                } else {
                    "is longer than \(limit) characters"
                }
            throw refused(
                .identifierInvalid,
                name,
                "`\(path(name))` \(problem).",
                hint: "Use 1 to \(limit) characters, none of them a control character."
            )
        }
        return identifier
    }

    /// The SKU of a line.
    func sku(_ name: String) throws(InterchangeError) -> SKU? {
        let sku: SKU? = try identifier(name)
        guard sku != CommandFormat.skuLeftOut else {
            throw refused(
                .identifierInvalid,
                name,
                "`\(path(name))` is a noncharacter of Unicode, which stands for no SKU.",
                hint: "Use 1 to \(SKU.lengthMax) characters."
            )
        }
        return sku
    }

    /// A free text, byte for byte as it was entered.
    func remark(
        _ name: String,
        mayBeEmpty: Bool = true
    ) throws(InterchangeError) -> String? {
        guard let text = try text(name) else { return nil }
        let limit = InventoryCommand.noteLengthMax
        guard text.utf8.count <= 4 * limit, text.unicodeScalars.count <= limit else {
            throw refused(
                .textTooLong,
                name,
                "`\(path(name))` is longer than \(limit) characters.",
                hint: "Shorten it."
            )
        }
        guard mayBeEmpty || !text.isEmpty else {
            throw refused(
                .textInvalid,
                name,
                "`\(path(name))` is empty.",
                hint: "Write at least one character, or leave the field out where it may be absent."
            )
        }
        guard !text.unicodeScalars.contains(where: \.isControl) else {
            throw refused(
                .textInvalid,
                name,
                "`\(path(name))` holds a control character, such as a line break.",
                hint: "Write it on one line."
            )
        }
        return text
    }

    /// One of a few known texts.
    func choice<Value: CaseIterable>(
        _ name: String,
        _ value: (String) -> Value?,
        _ known: KeyPath<Value, String>
    ) throws(InterchangeError) -> Value? {
        guard let text = try text(name) else { return nil }
        guard let choice = value(text) else {
            throw unknownChoice(name, text, known: Value.allCases.map { $0[keyPath: known] })
        }
        return choice
    }

    /// A refusal of a text that is none of those that are known.
    private func unknownChoice(
        _ name: String,
        _ text: String,
        known: [String]
    ) -> InterchangeError {
        refused(
            .choiceUnknown,
            name,
            "`\(path(name))` cannot be `\(InterchangeError.shown(text))`.",
            hint: "Use one of: \(known.joined(separator: ", "))."
        )
    }

    /// Whether an order refuses what cannot be promised now.
    func refusesBackorder(_ name: String) throws(InterchangeError) -> Bool {
        switch try text(name) {
        case nil, "allow": return false
        case "refuse": return true
        case .some(let text): throw unknownChoice(name, text, known: ["allow", "refuse"])
        }
    }

    /// `true` or `false`.
    func flag(_ name: String) throws(InterchangeError) -> Bool? {
        guard let value = self[name] else { return nil }
        guard case .bool(let flag) = value else {
            throw mismatch(name, value, expected: "true or false")
        }
        return flag
    }

    /// A month such as `2026-11`.
    func period(_ name: String) throws(InterchangeError) -> Period? {
        guard let text = try text(name) else { return nil }
        guard let period = Period(text) else {
            throw refused(
                .periodInvalid,
                name,
                "`\(path(name))` is not a month.",
                hint: "Write the year and the month, such as 2026-11."
            )
        }
        return period
    }

    /// What one unit of a currency is worth in another: more than zero.
    func rate(_ name: String) throws(InterchangeError) -> ExactDecimal? {
        guard let rate = try cost(name) else { return nil }
        guard rate.mantissa > 0 else {
            throw refused(
                .rateInvalid,
                name,
                "`\(path(name))` must be more than zero.",
                hint: "Say what one unit of the currency is worth in the network's."
            )
        }
        return rate
    }

    /// An ISO 4217 code, of which only the shape is checked here.
    func currency(_ name: String) throws(InterchangeError) -> Label? {
        guard let text = try text(name) else { return nil }
        let isCode =
            text.utf8.count == 3
            && text.utf8.allSatisfy { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }
        guard isCode, let currency = Label(text) else {
            throw refused(
                .currencyUnknown,
                name,
                "`\(path(name))` is not a currency code.",
                hint: "Use three capital letters, such as GBP."
            )
        }
        return currency
    }

    /// A Global Trade Item Number whose check digit is right.
    ///
    /// Source: GS1 General Specifications, section 7.9, *Standard check digit calculations*.
    func gtin(_ name: String) throws(InterchangeError) -> String? {
        guard let text = try text(name) else { return nil }
        let zero = UInt8(ascii: "0")
        guard
            [8, 12, 13, 14].contains(text.utf8.count),
            text.utf8.allSatisfy({ zero...UInt8(ascii: "9") ~= $0 })
        else {
            throw refused(
                .gtinMalformed,
                name,
                "`\(path(name))` is not a GTIN.",
                hint: "Use 8, 12, 13 or 14 digits."
            )
        }
        // From the right, digits weigh 1, 3, 1, 3, …; the sum must end in zero.
        var sum = 0
        for (index, digit) in text.utf8.reversed().enumerated() {
            sum += Int(digit - zero) * (index.isMultiple(of: 2) ? 1 : 3)
        }
        guard sum.isMultiple(of: 10) else {
            throw refused(
                .checkDigitWrong,
                name,
                "The check digit of `\(path(name))` does not fit its other digits.",
                hint: "Compare it with the label; a digit may be wrong or two may be swapped."
            )
        }
        return text
    }

    // MARK: Times, events, nodes

    /// A day of the calendar.
    func date(_ name: String) throws(InterchangeError) -> CivilDate? {
        guard let text = try text(name) else { return nil }
        guard let date = CivilDate(text) else {
            throw refused(
                .dateMalformed,
                name,
                "`\(path(name))` is no day of the calendar.",
                hint: "Write it as 2027-03-31."
            )
        }
        return date
    }

    /// A time with its zone.
    func time(_ name: String) throws(InterchangeError) -> WallTime? {
        guard let text = try text(name) else { return nil }
        // The shorter forms without a zone are for people at a terminal, not for programs.
        let bytes = Array(text.utf8.suffix(6))
        let hasZone =
            bytes.last == UInt8(ascii: "Z") || bytes.last == UInt8(ascii: "z")
            || bytes.first == UInt8(ascii: "+") || bytes.first == UInt8(ascii: "-")
        guard hasZone, text.utf8.count > 19, let time = WallTime(rfc3339: text) else {
            throw refused(
                .timeMalformed,
                name,
                "`\(path(name))` is not a time with its zone.",
                hint: "Write it as RFC 3339 does, such as 2026-11-23T10:15:00+01:00."
            )
        }
        return time
    }

    /// A node, by its id or by a name.
    func node(
        _ name: String,
        nodeNamed: (String) -> NodeID?
    ) throws(InterchangeError) -> NodeID? {
        guard let text = try text(name) else { return nil }
        return try node(called: text, field: name, nodeNamed: nodeNamed)
    }

    /// An event, such as `lon-1:42`, or with the node's id in place of its name.
    func event(
        _ name: String,
        nodeNamed: (String) -> NodeID?
    ) throws(InterchangeError) -> EventID? {
        guard let text = try text(name) else { return nil }
        return try event(called: text, field: name, nodeNamed: nodeNamed)
    }

    /// A list of events; empty where the field is absent.
    func events(
        _ name: String,
        nodeNamed: (String) -> NodeID?
    ) throws(InterchangeError) -> [EventID] {
        guard let value = self[name] else { return [] }
        guard case .array(let values) = value else {
            throw mismatch(name, value, expected: "a list of texts")
        }
        var found: [EventID] = []
        for value in values {
            guard let text = value.text else {
                throw mismatch(name, value, expected: "a list of texts")
            }
            found.append(try event(called: text, field: name, nodeNamed: nodeNamed))
        }
        return found
    }

    private func event(
        called text: String,
        field name: String,
        nodeNamed: (String) -> NodeID?
    ) throws(InterchangeError) -> EventID {
        if let event = EventID(text) { return event }
        guard
            let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")), colon > text.startIndex,
            // The sequence must be well formed before the name is looked up.
            let placeholder = EventID("\(NodeID(high: 0, low: 0))\(text[colon...])")
        else {
            throw refused(
                .eventMalformed,
                name,
                "`\(path(name))` is not the id of an event.",
                hint: "Write the node and the number of the event, such as lon-1:42."
            )
        }
        let node = try node(called: String(text[..<colon]), field: name, nodeNamed: nodeNamed)
        return EventID(node: node, sequence: placeholder.sequence)
    }

    private func node(
        called text: String,
        field name: String,
        nodeNamed: (String) -> NodeID?
    ) throws(InterchangeError) -> NodeID {
        if let node = NodeID(text) ?? nodeNamed(text) { return node }
        throw refused(
            .unknownNode,
            name,
            "No node is known as `\(InterchangeError.shown(text))`.",
            hint: "Use the name of a node of this network, or its id of 32 hexadecimal digits."
        )
    }

    // MARK: Numbers

    /// The digits of a number: a text, or a plain JSON integer.
    private func digits(_ name: String) throws(InterchangeError) -> String? {
        guard let value = self[name] else { return nil }
        switch value {
        case .string(let text): return text
        case .number(let number) where number.isPlainInteger: return number.text
        case .number:
            throw refused(
                .numberNotExact,
                name,
                "`\(path(name))` is a JSON number with a fraction or an exponent.",
                hint: #"Quote it, such as "1.50": many programs round JSON numbers."#
            )
        case .null, .bool, .array, .object:
            throw mismatch(name, value, expected: "a number in quotes or a whole number")
        }
    }

    /// A whole number.
    func integer(
        _ name: String,
        in range: ClosedRange<Int64>
    ) throws(InterchangeError) -> Int64? {
        guard let text = try digits(name) else { return nil }
        let number: Int64
        do {
            number = try DecimalText.parse(text, scaleMax: 0).units
        } catch {
            switch error {
            case .malformed, .tooManyDecimals:
                throw refused(
                    .integerMalformed,
                    name,
                    "`\(path(name))` is not a whole number.",
                    hint: "Write digits only."
                )
            case .tooLarge: throw outOfRange(name, range)
            }
        }
        guard range.contains(number) else { throw outOfRange(name, range) }
        return number
    }

    private func outOfRange(_ name: String, _ range: ClosedRange<Int64>) -> InterchangeError {
        refused(
            .integerOutOfRange,
            name,
            "`\(path(name))` is outside \(range.lowerBound) to \(range.upperBound).",
            hint: "Use a number within that range."
        )
    }

    /// The version of a catalogue entry that an editor saw.
    func version(_ name: String) throws(InterchangeError) -> UInt64? {
        guard let version = try integer(name, in: 0...Int64.max) else { return nil }
        return UInt64(version)
    }

    /// A quantity with its decimals as they were entered.
    func quantity(_ name: String) throws(InterchangeError) -> (units: Int64, scale: UInt8)? {
        guard let text = try digits(name) else { return nil }
        let quantity: (units: Int64, scale: UInt8)
        do {
            quantity = try DecimalText.parse(text, scaleMax: ExactDecimal.scaleMax)
        } catch {
            switch error {
            case .malformed:
                throw refused(
                    .quantityMalformed,
                    name,
                    "`\(path(name))` is not a quantity.",
                    hint: "Write digits, with a point before the decimals if there are any."
                )
            case .tooManyDecimals: throw quantityScale(name, scaleMax: ExactDecimal.scaleMax)
            case .tooLarge: throw quantityOutOfRange(name)
            }
        }
        guard abs(quantity.units) <= Quantity.magnitudeMax else { throw quantityOutOfRange(name) }
        return quantity
    }

    /// A quantity in base units at a scale that the command itself names.
    func quantity(_ name: String, scale: UInt8) throws(InterchangeError) -> Quantity? {
        guard let quantity = try quantity(name) else { return nil }
        guard quantity.scale <= scale else { throw quantityScale(name, scaleMax: scale) }
        return try raised(name, quantity, to: scale)
    }

    /// The same quantity with zeros behind its decimals.
    private func raised(
        _ name: String,
        _ quantity: (units: Int64, scale: UInt8),
        to scale: UInt8
    ) throws(InterchangeError) -> Quantity {
        var units = quantity.units
        for _ in quantity.scale..<scale {
            // Below 2^53 times 10 is far from overflow; the bound is checked at each step.
            units *= 10
            guard abs(units) <= Quantity.magnitudeMax else { throw quantityOutOfRange(name) }
        }
        return Quantity(units: units)
    }

    private func quantityOutOfRange(_ name: String) -> InterchangeError {
        refused(
            .quantityOutOfRange,
            name,
            "`\(path(name))` is beyond ±2^53 base units.",
            hint: "Check the quantity; split it if it is right."
        )
    }

    private func quantityScale(_ name: String, scaleMax: UInt8) -> InterchangeError {
        refused(
            .quantityNotExact,
            name,
            "`\(path(name))` has more than \(scaleMax) decimals.",
            hint: "Round it to \(scaleMax) decimals."
        )
    }

    /// A cost or price of one unit, with its decimals as they were entered.
    func cost(_ name: String) throws(InterchangeError) -> ExactDecimal? {
        guard let (units, scale) = try amountDigits(name, scaleMax: ExactDecimal.scaleMax) else {
            return nil
        }
        return ExactDecimal(mantissa: units, scale: scale)
    }

    /// An amount at the network's money scale.
    func money(
        _ name: String,
        scale: UInt8,
        mayBeNegative: Bool = false
    ) throws(InterchangeError) -> Money? {
        guard
            let amount = try amountDigits(name, scaleMax: scale, mayBeNegative: mayBeNegative)
        else { return nil }
        var units = amount.units
        for _ in amount.scale..<scale {
            let (product, overflow) = units.multipliedReportingOverflow(by: 10)
            guard !overflow else { throw amountOutOfRange(name) }
            units = product
        }
        guard units.magnitude <= Money.magnitudeMax else { throw amountOutOfRange(name) }
        return Money(units: units)
    }

    private func amountDigits(
        _ name: String,
        scaleMax: UInt8,
        mayBeNegative: Bool = false
    ) throws(InterchangeError) -> (units: Int64, scale: UInt8)? {
        guard let text = try digits(name) else { return nil }
        let amount: (units: Int64, scale: UInt8)
        do {
            amount = try DecimalText.parse(text, scaleMax: scaleMax)
        } catch {
            switch error {
            case .malformed:
                throw refused(
                    .amountMalformed,
                    name,
                    "`\(path(name))` is not an amount of money.",
                    hint: "Write digits, with a point before the decimals, and no currency."
                )
            case .tooManyDecimals:
                throw refused(
                    .amountScale,
                    name,
                    "`\(path(name))` has more than \(scaleMax) decimals.",
                    hint: "Round it to \(scaleMax) decimals."
                )
            case .tooLarge: throw amountOutOfRange(name)
            }
        }
        guard mayBeNegative || amount.units >= 0 else {
            throw refused(
                .amountNegative,
                name,
                "`\(path(name))` is below zero.",
                hint: "Write it without the minus, or record what happened with another type."
            )
        }
        return amount
    }

    private func amountOutOfRange(_ name: String) -> InterchangeError {
        refused(
            .amountOutOfRange,
            name,
            "`\(path(name))` is too large to be represented.",
            hint: "Check the amount."
        )
    }

    // MARK: Lists

    /// The elements of a list.
    func list(
        _ name: String,
        known: [CommandField]
    ) throws(InterchangeError) -> [CommandFields]? {
        guard let value = self[name] else { return nil }
        guard case .array(let values) = value else {
            throw mismatch(name, value, expected: "a list")
        }
        var elements: [CommandFields] = []
        elements.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            let place = Place.element(list: name, index: index)
            elements.append(try CommandFields(value, known: known, of: type, at: place))
        }
        return elements
    }

    /// A list of identifiers; empty where the field is absent.
    private func identifiers<Tag>(
        _ name: String,
        as tag: Tag.Type = Tag.self
    ) throws(InterchangeError) -> [Identifier<Tag>] {
        guard let value = self[name] else { return [] }
        guard case .array(let values) = value else {
            throw mismatch(name, value, expected: "a list of texts")
        }
        var found: [Identifier<Tag>] = []
        found.reserveCapacity(values.count)
        for value in values {
            guard let text = value.text else {
                throw mismatch(name, value, expected: "a list of texts")
            }
            guard let identifier = Identifier<Tag>(text) else {
                throw refused(
                    .identifierInvalid,
                    name,
                    "`\(path(name))` holds `\(InterchangeError.shown(text))`.",
                    hint: "Use 1 to \(Identifier<Tag>.lengthMax) characters, none of them a "
                        + "control character."
                )
            }
            found.append(identifier)
        }
        return found
    }

    /// The lines of a document; empty where the field is absent.
    func lines(moneyScale: UInt8) throws(InterchangeError) -> [EventLine] {
        guard let elements = try list("lines", known: type.schema.lineFields) else { return [] }
        // No lines at all may mean "all that is open", which an empty list surely does not.
        guard !elements.isEmpty else {
            throw refused(
                .linesMissing,
                "lines",
                "`lines` is an empty list.",
                hint: "Name at least one line, or leave the field out where it may be absent."
            )
        }
        var lines: [EventLine] = []
        lines.reserveCapacity(elements.count)
        for element in elements {
            lines.append(try element.line(moneyScale: moneyScale))
        }
        return lines
    }

    /// Reads these fields as one line.
    ///
    /// The schema has refused already what the type does not have.
    private func line(moneyScale: UInt8) throws(InterchangeError) -> EventLine {
        let number = try integer("line", in: 1...Int64(Int32.max))
        let (quantity, short, scale) = try quantities()
        var line = EventLine(
            // Only types whose lines have a number may leave it out: the rules find it there.
            sku: try sku("sku") ?? CommandFormat.skuLeftOut,
            quantity: quantity,
            scale: scale,
            line: number.map { Int32($0) },
            location: try identifier(has("from") ? "from" : "location")
        )
        line.uom = try identifier("uom")
        line.toLocation = try identifier("to")
        line.lot = try identifier("lot")
        line.serials = try identifiers("serials")
        line.expiry = try date("expiry")
        let status = has("from_status") ? "from_status" : "status"
        line.status = try choice(status, StockStatus.init, \.text)
        line.toStatus = try choice("to_status", StockStatus.init, \.text)
        guard !(has("unit_cost") && has("amount")) else {
            throw refused(
                .costTwice,
                "amount",
                "`\(path("amount"))` and `\(path("unit_cost"))` cannot stand together.",
                hint: "Keep the one that the document states."
            )
        }
        line.unitCost = try cost("unit_cost")
        line.amount = try money("amount", scale: moneyScale)
        line.unitPrice = try cost("unit_price")
        line.short = short
        line.disposition = try choice("disposition", Disposition.init, \.text)
        return line
    }

    /// The quantities of a line, at the larger scale of the two.
    private func quantities() throws(InterchangeError) -> (Quantity, short: Quantity?, UInt8) {
        let short = try quantity("short")
        guard let quantity = try quantity("quantity") else { return (.zero, nil, 0) }
        guard quantity.units != 0 || !type.mayLeaveOutQuantity else {
            throw refused(
                .quantityNotPositive,
                "quantity",
                "`\(path("quantity"))` is zero.",
                hint: "Leave the quantity out for all that is open, or leave the line out."
            )
        }
        guard let short else { return (Quantity(units: quantity.units), nil, quantity.scale) }
        let scale = max(quantity.scale, short.scale)
        return (
            try raised("quantity", quantity, to: scale), try raised("short", short, to: scale),
            scale
        )
    }
}
