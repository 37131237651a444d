public import Causality
public import InventoryEngine

/// Commands as people and programs write them: one JSON object per line.
///
/// | Command                                                    | Answer                      |
/// | ---------------------------------------------------------- | --------------------------- |
/// | `{"type":"moved","lines":[{"sku":"A","quantity":"1.50",…}]}`| 150 units at scale 2        |
/// | … `"quantity":12` …                                        | 12 units at scale 0         |
/// | … `"quantity":1.5` …                                       | `number_not_exact`          |
/// | … `"qty":12` …                                             | `unknown_field`             |
///
/// What is decoded is well formed; whether it makes sense is for the rules to say. Two things that
/// a line may leave out have no nil in ``EventLine``: a SKU is then ``skuLeftOut``, and a quantity
/// is zero in the types of which ``CommandType/mayLeaveOutQuantity`` is true, which therefore
/// refuse a written zero.
public enum CommandFormat {
    /// The most bytes of one command: 4 MiB, which is ``InventoryRules/linesMax`` lines of 400
    /// bytes each.
    public static let bytesMax = 4 << 20

    /// What ``EventLine/sku`` is where a command names a document's line by its number alone.
    public static let skuLeftOut = EventLine.skuLeftOut

    /// Reads one command.
    ///
    /// - Parameters:
    ///   - line: One JSON object in UTF-8, with or without a line break at its end.
    ///   - moneyScale: The network's money scale, 0 to 6.
    ///   - nodeNamed: Finds the node that a text such as `lon-1` or `hub` names; not asked for a
    ///     text of 32 hexadecimal digits, which is a node's id.
    /// - Returns: The command, with ``InventoryCommand/contentHash`` still zero.
    /// - Throws: ``InterchangeError``, with the field where one is at fault.
    public static func decode(
        _ line: [UInt8],
        moneyScale: UInt8,
        nodeNamed: (String) -> NodeID? = { _ in nil }
    ) throws(InterchangeError) -> InventoryCommand {
        let value = try JSONReader.read(line, bytesMax: bytesMax)
        return try decode(value, moneyScale: moneyScale, nodeNamed: nodeNamed)
    }

    /// Reads one command that is already parsed; see ``decode(_:moneyScale:nodeNamed:)``.
    public static func decode(
        _ value: JSONValue,
        moneyScale: UInt8,
        nodeNamed: (String) -> NodeID? = { _ in nil }
    ) throws(InterchangeError) -> InventoryCommand {
        let type = try CommandType(of: value)
        let fields = try CommandFields(value, known: type.schema.fields, of: type)
        let body = try type.body(fields, moneyScale: moneyScale, nodeNamed: nodeNamed)
        var command = InventoryCommand(
            body: body,
            op: try fields.identifier("op"),
            at: try fields.time("at"),
            actor: try fields.identifier("actor"),
            device: try fields.identifier("device"),
            note: try fields.remark("note"),
            isForced: try fields.flag("force") ?? false,
            corrects: try fields.event("corrects", nodeNamed: nodeNamed),
            site: type == .siteRegistered ? nil : try fields.identifier("site")
        )
        command.token = try fields.remark("token", mayBeEmpty: false)
        return command
    }

    /// The idempotency key of a command that may be malformed otherwise, so that its refusal can
    /// repeat it; nil where there is no text.
    public static func op(of value: JSONValue) -> String? { value["op"]?.text }

    /// Writes a command as one JSON object, with its fields in the documented order.
    ///
    /// Decoding gives the same command again. Node names are written as ids.
    ///
    /// - Parameters:
    ///   - command: What is asked.
    ///   - moneyScale: The network's money scale, 0 to 6.
    /// - Returns: UTF-8 without a line break.
    /// - Throws: ``InterchangeError`` with the code `unknown_type` for a body that only the system
    ///   itself records, such as a cost adjustment.
    public static func encode(
        _ command: InventoryCommand,
        moneyScale: UInt8
    ) throws(InterchangeError) -> [UInt8] {
        guard let type = CommandType(of: command.body) else {
            throw InterchangeError(
                .unknownType,
                "Events of this type are recorded by the system itself, not by a command.",
                field: "type",
                hint: "Write it as an event."
            )
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("type", type.rawValue)
            writer.member("op", command.op)
            if let at = command.at { writer.member("at", at.rfc3339) }
            writer.member("actor", command.actor)
            writer.member("device", command.device)
            writer.member("note", ifAny: command.note)
            if command.isForced { writer.member("force", true) }
            if let corrects = command.corrects { writer.member("corrects", corrects.description) }
            writer.member("site", command.site)
            writer.members(of: command.body, type: type, moneyScale: moneyScale)
        }
        return writer.bytes
    }
}

extension InterchangeError.Code {
    /// The command's type is not known to this version.
    public static let unknownType = Self("unknown_type")
    /// The command's type has no such field.
    public static let unknownField = Self("unknown_field")
    /// A field that the command's type needs is absent.
    public static let missingField = Self("missing_field")
    /// A field holds another kind of JSON value than it should.
    public static let typeMismatch = Self("type_mismatch")
    /// A line states both a unit cost and an amount.
    public static let costTwice = Self("cost_twice")
    /// The field is known, but this version cannot record it.
    public static let notSupportedYet = Self("not_supported_yet")
    /// A list of lines is there, but empty.
    public static let linesMissing = Self("lines_missing")
    /// A text is not one of those that the field accepts.
    public static let choiceUnknown = Self("choice_unknown")
    /// An identifier is empty, too long, or holds a control character.
    public static let identifierInvalid = Self("identifier_invalid")
    /// A text is empty where it must not be, or holds a control character.
    public static let textInvalid = Self("text_invalid")
    /// A text is longer than a note may be.
    public static let textTooLong = Self("text_too_long")
    /// A JSON number has a fraction or an exponent.
    public static let numberNotExact = Self("number_not_exact")
    /// A text is not a whole number.
    public static let integerMalformed = Self("integer_malformed")
    /// A whole number lies outside what the field accepts.
    public static let integerOutOfRange = Self("integer_out_of_range")
    /// A text is not a decimal number.
    public static let quantityMalformed = Self("quantity_malformed")
    /// A quantity lies beyond ±2^53 base units.
    public static let quantityOutOfRange = Self("quantity_out_of_range")
    /// A quantity has more decimals than can be.
    public static let quantityNotExact = Self("quantity_not_exact")
    /// A quantity is zero where leaving it out means "all".
    public static let quantityNotPositive = Self("quantity_not_positive")
    /// A text is not an amount of money.
    public static let amountMalformed = Self("amount_malformed")
    /// An amount has too many digits.
    public static let amountOutOfRange = Self("amount_out_of_range")
    /// An amount has more decimals than can be.
    public static let amountScale = Self("amount_scale")
    /// An amount is below zero.
    public static let amountNegative = Self("amount_negative")
    /// A text is not a time of RFC 3339 with its zone.
    public static let timeMalformed = Self("time_malformed")
    /// A text is no hash of a token.
    public static let credentialMalformed = Self("credential_malformed")
    /// A text is no day of the calendar.
    public static let dateMalformed = Self("date_malformed")
    /// A text is not an event's id.
    public static let eventMalformed = Self("event_malformed")
    /// No node has the name.
    public static let unknownNode = Self("unknown_node")
    /// A text is not a GTIN of 8, 12, 13 or 14 digits.
    public static let gtinMalformed = Self("gtin_malformed")
    /// The last digit of a GTIN does not follow from the others.
    public static let checkDigitWrong = Self("check_digit_wrong")
    /// A text is not a month such as `2026-11`.
    public static let periodInvalid = Self("period_invalid")
    /// A rate of exchange is not more than zero.
    public static let rateInvalid = Self("rate_invalid")
    /// A text is not a currency code of three capital letters.
    public static let currencyUnknown = Self("currency_unknown")
}
