import Causality
public import Interchange
public import InventoryEngine

/// Which rows of which list somebody asks for.
///
/// It is read from the query of a URL or from what stands on a command line, and can be written
/// back; what it holds is well formed. Whether the document or site that it names exists is for
/// the page to say.
///
/// | Parameter  | Lists                                             | Meaning                     |
/// | ---------- | ------------------------------------------------- | --------------------------- |
/// | `limit`    | all                                               | 1 to 10,000 rows; 1,000     |
/// | `after`    | all                                               | the cursor of the page before |
/// | `site`     | all                                               | this site alone             |
/// | `sku`      | stock, orders, transfers, journal, conflicts, exceptions, rights | may be repeated |
/// | `id`       | orders, transfers, conflicts                      | this document alone         |
/// | `state`    | orders, transfers, conflicts, exceptions          | `open`, or what it becomes  |
/// | `network`  | stock                                             | `true` adds the other sites |
/// | `by`       | stock                                             | `location` or `lot`         |
/// | `below`    | stock                                             | available is less than this |
/// | `account`  | journal                                           | such as `cogs`              |
/// | `period`   | journal                                           | month of posting, `2026-11` |
/// | `event`    | journal, events, parked                           | such as `lon-1:42`          |
/// | `type`     | events                                            | such as `goods_received`    |
/// | `newest`   | journal, events                                   | `true` turns the order round |
public struct ReportQuery: Hashable, Sendable {
    /// How many rows a page has at most if nothing is said.
    public static let limitDefault = 1_000
    /// How many rows a page may have at most.
    ///
    /// At about 400 bytes a row, such a page stays near 4 MB.
    public static let limitMax = 10_000
    /// How many items may be named.
    public static let skusMax = 1_000

    /// How stock is grouped, where not by item alone.
    public enum Grouping: String, CaseIterable, Hashable, Sendable {
        /// A row for each location, lot and status.
        case location
        /// A row for each lot and status.
        case lot
    }

    /// Which list.
    public var kind: ReportKind
    /// How many rows the page has at most, 1 to ``limitMax``.
    public var limit = limitDefault
    /// Where the page before ended; nil for the first.
    public var after: String?
    /// The document or conflict; nil for all.
    public var id: String?
    /// The items, each once; empty for all.
    public var skus: [SKU] = []
    /// The site; nil for all that are held.
    public var site: SiteCode?
    /// Whether a node adds the other sites.
    public var includesNetwork = false
    /// How stock is grouped; nil means by item.
    public var grouping: Grouping?
    /// What the available stock must be below.
    public var below: ExactDecimal?
    /// One of the states of the kind; nil for all.
    public var state: String?
    /// The account; nil for all.
    public var account: Account?
    /// The event, by the name or id of its node and its sequence; nil for all.
    public var event: String?
    /// The month of posting; nil for all.
    public var period: Period?
    /// The type of event; nil for all.
    public var type: String?
    /// Whether the newest comes first.
    public var isNewestFirst = false
    /// Whether only what belongs to a closed month and was posted later is shown.
    public var isLateOnly = false

    /// Asks for a whole list.
    public init(_ kind: ReportKind) { self.kind = kind }

    /// Reads what a URL or a command line says.
    ///
    /// - Parameters:
    ///   - kind: Which list.
    ///   - parameters: Names and values, in any order; only `sku` may be repeated.
    /// - Throws: ``InterchangeError`` with the code `unknown_parameter`, `parameter_repeated`,
    ///   `parameter_invalid` or `parameters_conflict`, and the parameter's name as its field.
    public init(
        _ kind: ReportKind,
        parameters: [(name: String, value: String)]
    ) throws(InterchangeError) {
        self.kind = kind
        var seen: Set<ReportParameter> = []
        for (name, value) in parameters {
            guard
                let parameter = ReportParameter(rawValue: name),
                [.limit, .after].contains(parameter) || kind.parameters.contains(parameter)
            else {
                let known = (kind.parameters + [.limit, .after]).map { "`\($0.rawValue)`" }
                throw InterchangeError(
                    .unknownParameter,
                    "The list of \(kind.rawValue) has no parameter `\(name.shown)`.",
                    field: name.shown,
                    hint: "It has \(known.joined(separator: ", "))."
                )
            }
            guard seen.insert(parameter).inserted || parameter == .sku else {
                throw InterchangeError(
                    .parameterRepeated,
                    "The parameter `\(name)` is given twice.",
                    field: name,
                    hint: "Keep the one that is meant."
                )
            }
            try set(parameter, to: value)
        }
        try checkTogether()
    }

    private mutating func set(
        _ parameter: ReportParameter,
        to value: String
    ) throws(InterchangeError) {
        func read<Value>(_ result: Value?, _ what: String) throws(InterchangeError) -> Value {
            guard let result else { throw .invalid(parameter, value, what) }
            return result
        }
        switch parameter {
        case .id:
            id = try read(DocumentID(value), "a number of a document").text
        case .sku:
            let sku = try read(SKU(value), "an item code")
            if !skus.contains(sku) { skus.append(sku) }
            guard skus.count <= Self.skusMax else {
                throw .invalid(parameter, value, "among the first \(Self.skusMax) items")
            }
        case .site: site = try read(SiteCode(value), "a site code")
        case .network: includesNetwork = try read(Bool(value), "`true` or `false`")
        case .by: grouping = try read(Grouping(rawValue: value), "`location` or `lot`")
        case .below:
            do throws(DecimalText.Problem) {
                let number = try DecimalText.parse(value, scaleMax: 6)
                below = ExactDecimal(mantissa: number.units, scale: number.scale)
            } catch {
                throw .invalid(parameter, value, "a number with at most 6 decimals")
            }
        case .state:
            guard kind.states.contains(value) else {
                throw .invalid(
                    parameter,
                    value,
                    kind.states.map { "`\($0)`" }.joined(separator: " or ")
                )
            }
            state = value
        case .account:
            let codes = Account.allCases.map(\.code).joined(separator: ", ")
            account = try read(Account(code: value), "one of \(codes)")
        case .event:
            let isName = value.split(separator: ":").count == 2 && value.utf8.count <= 300
            guard isName, value.shown == value else {
                throw .invalid(parameter, value, "an event such as lon-1:42")
            }
            event = value
        case .period: period = try read(Period(value), "a month such as 2026-11")
        case .type: type = try read(Label(value), "a type such as goods_received").text
        case .newest: isNewestFirst = try read(Bool(value), "`true` or `false`")
        case .late: isLateOnly = try read(Bool(value), "`true` or `false`")
        case .limit:
            let number = try read(Int(value), "a number from 1 to \(Self.limitMax)")
            guard 1...Self.limitMax ~= number else {
                throw .invalid(parameter, value, "a number from 1 to \(Self.limitMax)")
            }
            limit = number
        case .after: after = value
        }
    }

    private func checkTogether() throws(InterchangeError) {
        guard grouping != nil else { return }
        let other: ReportParameter? =
            if includesNetwork { .network } else if below != nil { .below } else { nil }
        guard let other else { return }
        throw InterchangeError(
            .parametersConflict,
            "The parameters `by` and `\(other.rawValue)` cannot be combined.",
            field: other.rawValue,
            hint:
                "Leave out one of them: places are known of the own site, availability of an item."
        )
    }

    /// The query as names and values, as ``init(_:parameters:)`` reads them.
    public var parameters: [(name: String, value: String)] {
        var found: [(ReportParameter, String)] = skus.map { (.sku, $0.text) }
        func add(_ parameter: ReportParameter, _ value: String?) {
            if let value { found.append((parameter, value)) }
        }
        add(.id, id)
        add(.site, site?.text)
        add(.network, includesNetwork ? "true" : nil)
        add(.by, grouping?.rawValue)
        add(.below, below?.description)
        add(.state, state)
        add(.account, account?.code)
        add(.event, event)
        add(.period, period?.description)
        add(.late, isLateOnly ? "true" : nil)
        add(.type, type)
        add(.newest, isNewestFirst ? "true" : nil)
        add(.limit, limit == Self.limitDefault ? nil : String(limit))
        add(.after, after)
        return found.map { ($0.0.rawValue, $0.1) }
    }

    /// The query as a URL has it behind its question mark; empty where nothing is asked.
    ///
    /// Every byte that is not plain in RFC 3986 is escaped: a `+` is a plus, never a blank.
    public var urlQuery: String {
        parameters.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }
            .joined(separator: "&")
    }

    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension InterchangeError.Code {
    /// The list has no such parameter.
    public static let unknownParameter = Self("unknown_parameter")
    /// A parameter that can be given once is given twice.
    public static let parameterRepeated = Self("parameter_repeated")
    /// A parameter's value is not of its kind.
    public static let parameterInvalid = Self("parameter_invalid")
    /// Two parameters exclude each other.
    public static let parametersConflict = Self("parameters_conflict")
    /// A cursor is none of this list.
    public static let cursorInvalid = Self("cursor_invalid")
    /// A cursor is ahead of the hub's log; see the hint for where to go on.
    public static let cursorAhead = Self("cursor_ahead")
    /// There is no document, conflict or event of that name.
    public static let notFound = Self("not_found")
    /// There is no such site.
    public static let unknownSite = Self("unknown_site")
    /// The node holds another site than the one that is asked for.
    public static let otherSite = Self("other_site")
}

extension InterchangeError {
    static func invalid(
        _ parameter: ReportParameter,
        _ value: String,
        _ what: String
    ) -> InterchangeError {
        InterchangeError(
            .parameterInvalid,
            "The parameter `\(parameter.rawValue)` is `\(value.shown)`, which is not \(what).",
            field: parameter.rawValue,
            hint: "Write \(what)."
        )
    }

    static let invalidCursor = InterchangeError(
        .cursorInvalid,
        "The cursor is none of this list.",
        field: ReportParameter.after.rawValue,
        hint: "Use the cursor of the page before as it is, or leave it out to start again."
    )
}

extension String {
    /// The text as a message or a table may show it: bounded, without control characters.
    var shown: String { shown(max: 64) }

    /// The text with control characters replaced, and cut after a number of characters.
    func shown(max: Int) -> String {
        var result = UnicodeScalarView()
        for (index, scalar) in unicodeScalars.enumerated() {
            guard index < max else {
                result.append("…")
                break
            }
            switch scalar.value {
            case 0...0x1F, 0x7F...0x9F, 0x2028, 0x2029, 0x200E, 0x200F, 0x202A...0x202E,
                0x2066...0x2069:
                result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}
