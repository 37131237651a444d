import InventoryEngine

/// The types of command that this version understands.
package enum CommandType: String, CaseIterable, Sendable {
    case itemRegistered = "item_registered"
    case itemChanged = "item_changed"
    case itemRetired = "item_retired"
    case siteRegistered = "site_registered"
    case policySet = "policy_set"
    case periodClosed = "period_closed"
    case personRegistered = "person_registered"
    case personChanged = "person_changed"
    case personRetired = "person_retired"
    case locationRegistered = "location_registered"
    case locationChanged = "location_changed"
    case locationRetired = "location_retired"
    case purchaseOrderPlaced = "purchase_order_placed"
    case purchaseOrderAmended = "purchase_order_amended"
    case purchaseOrderClosed = "purchase_order_closed"
    case goodsReceived = "goods_received"
    case orderConfirmed = "order_confirmed"
    case orderAmended = "order_amended"
    case orderCancelled = "order_cancelled"
    case reservationReleased = "reservation_released"
    case allocated = "allocated"
    case pickCompleted = "pick_completed"
    case unpicked = "unpicked"
    case packCompleted = "pack_completed"
    case shipmentDispatched = "shipment_dispatched"
    case returnReceived = "return_received"
    case returnDispositioned = "return_dispositioned"
    case transferRequested = "transfer_requested"
    case transferCancelled = "transfer_cancelled"
    case transferDispatched = "transfer_dispatched"
    case transferReceived = "transfer_received"
    case transferSettled = "transfer_settled"
    case countRecorded = "count_recorded"
    case adjustmentProposed = "adjustment_proposed"
    case adjustmentApproved = "adjustment_approved"
    case adjustmentRejected = "adjustment_rejected"
    case moved = "moved"
    case statusChanged = "status_changed"
    case scrapped = "scrapped"
    case supplierReturnDispatched = "supplier_return_dispatched"
    case supplierInvoiceMatched = "supplier_invoice_matched"
    case landedCostAllocated = "landed_cost_allocated"
    case stockRevalued = "stock_revalued"
    case writtenDown = "written_down"
    case standardCostSet = "standard_cost_set"
    case costingChanged = "costing_changed"
    case repacked = "repacked"
    case reversed = "reversed"
    case rightsGranted = "rights_granted"
    case rightsRequested = "rights_requested"
    case rightsReclaimed = "rights_reclaimed"
    case nodeActivated = "node_activated"
    case nodeRetired = "node_retired"
    case conflictResolved = "conflict_resolved"
    case exceptionAcknowledged = "exception_acknowledged"
    case parkedReleased = "parked_released"
    case parkedCompensated = "parked_compensated"

    /// Whether a line of such a command may have no quantity, which then means all that applies.
    package var mayLeaveOutQuantity: Bool {
        schema.lineFields.contains(CommandField("quantity?"))
    }

    /// Reads the type of a command.
    init(of value: JSONValue) throws(InterchangeError) {
        guard case .object = value else {
            throw InterchangeError(
                .typeMismatch,
                "A command is an object, but this is \(value.kind).",
                hint: #"Write {"type":…, …}."#
            )
        }
        guard let member = value["type"] else {
            throw InterchangeError(
                .missingField,
                "The command has no type.",
                field: "type",
                hint: #"Add the type, such as "type":"goods_received"."#
            )
        }
        guard let text = member.text else {
            throw InterchangeError(
                .typeMismatch,
                "The type must be a text, but it is \(member.kind).",
                field: "type",
                hint: #"Write it in quotes, such as "type":"goods_received"."#
            )
        }
        guard let type = CommandType(rawValue: text) else {
            let near = NearestName.hint(for: text, among: Self.allCases.map(\.rawValue))
            throw InterchangeError(
                .unknownType,
                "The type `\(InterchangeError.shown(text))` is not known to this version.",
                field: "type",
                hint: near ?? "Look up the types of command, or update this program."
            )
        }
        self = type
    }

    /// The type of a command with this body; nil for bodies that no command has.
    init?(of body: EventBody) {
        switch body {
        case .itemRegistered: self = .itemRegistered
        case .itemChanged: self = .itemChanged
        case .itemRetired: self = .itemRetired
        case .siteRegistered: self = .siteRegistered
        case .policySet: self = .policySet
        case .periodClosed: self = .periodClosed
        case .personRegistered: self = .personRegistered
        case .personChanged: self = .personChanged
        case .personRetired: self = .personRetired
        case .locationRegistered: self = .locationRegistered
        case .locationChanged: self = .locationChanged
        case .locationRetired: self = .locationRetired
        case .purchaseOrderPlaced: self = .purchaseOrderPlaced
        case .purchaseOrderAmended: self = .purchaseOrderAmended
        case .purchaseOrderClosed: self = .purchaseOrderClosed
        case .goodsReceived: self = .goodsReceived
        case .orderConfirmed: self = .orderConfirmed
        case .orderAmended: self = .orderAmended
        case .orderCancelled: self = .orderCancelled
        case .reservationReleased: self = .reservationReleased
        case .allocated: self = .allocated
        case .pickCompleted: self = .pickCompleted
        case .unpicked: self = .unpicked
        case .packCompleted: self = .packCompleted
        case .shipmentDispatched: self = .shipmentDispatched
        case .returnReceived: self = .returnReceived
        case .returnDispositioned: self = .returnDispositioned
        case .transferRequested: self = .transferRequested
        case .transferCancelled: self = .transferCancelled
        case .transferDispatched: self = .transferDispatched
        case .transferReceived: self = .transferReceived
        case .transferSettled: self = .transferSettled
        case .countRecorded: self = .countRecorded
        case .adjustmentProposed: self = .adjustmentProposed
        case .adjustmentApproved: self = .adjustmentApproved
        case .adjustmentRejected: self = .adjustmentRejected
        case .moved: self = .moved
        case .statusChanged: self = .statusChanged
        case .scrapped: self = .scrapped
        case .supplierReturnDispatched: self = .supplierReturnDispatched
        case .supplierInvoiceMatched: self = .supplierInvoiceMatched
        case .landedCostAllocated: self = .landedCostAllocated
        case .stockRevalued: self = .stockRevalued
        case .writtenDown: self = .writtenDown
        case .standardCostSet: self = .standardCostSet
        case .costingChanged: self = .costingChanged
        case .repacked: self = .repacked
        case .reversed: self = .reversed
        case .rightsGranted: self = .rightsGranted
        case .rightsRequested: self = .rightsRequested
        case .rightsReclaimed: self = .rightsReclaimed
        case .nodeActivated: self = .nodeActivated
        case .nodeRetired: self = .nodeRetired
        case .conflictResolved: self = .conflictResolved
        case .exceptionAcknowledged: self = .exceptionAcknowledged
        case .parkedReleased: self = .parkedReleased
        case .parkedCompensated: self = .parkedCompensated
        case .backorderPromised, .orderResourced, .orderProgressed, .rightsThawed, .nodeRegistered,
            .costAdjusted, .unknown:
            return nil
        }
    }
}

/// A field that a type of command has.
struct CommandField: Hashable, Sendable {
    /// The name, in `snake_case`.
    let name: String
    /// Whether the command is refused without it.
    let isRequired: Bool

    /// Reads the notation of the tables: a name, followed by a question mark if it may be absent.
    init(_ notation: some StringProtocol) {
        isRequired = !notation.hasSuffix("?")
        name = String(isRequired ? notation[...] : notation.dropLast())
    }
}

/// The fields that a type of command has, and those of its lines.
struct CommandSchema: Sendable {
    /// The fields of the command, with the common ones.
    let fields: [CommandField]
    /// The fields of each of its lines; empty if it has no lines.
    let lineFields: [CommandField]

    /// Makes a schema of two lists of fields in the notation of ``CommandField/init(_:)``.
    ///
    /// `linesHaveUnits` says whether lines may name a unit and serial numbers, as most do.
    init(_ fields: String, lines: String = "", linesHaveUnits: Bool = true) {
        let common = "type op? at? actor? token? device? note? force? corrects? site?"
        var list = fields.split(separator: " ").map { CommandField($0) }
        list += common.split(separator: " ").map { CommandField($0) }
            .filter { field in !list.contains { $0.name == field.name } }
        self.fields = list
        let units = lines.isEmpty || !linesHaveUnits ? "" : " uom? serials?"
        lineFields = (lines + units).split(separator: " ").map { CommandField($0) }
    }
}

extension CommandType {
    private static let schemas: [CommandType: CommandSchema] = Dictionary(
        uniqueKeysWithValues: allCases.map { ($0, $0.makeSchema()) }
    )

    /// The fields of such a command.
    var schema: CommandSchema { Self.schemas[self] ?? makeSchema() }

    // The tables follow the published contract, and leave out what the rules can fill in: all
    // lines that are open, the SKU of an order's line whose number is given, the other site of a
    // transfer that is known.
    private func makeSchema() -> CommandSchema {
        switch self {
        case .itemRegistered:
            CommandSchema(
                """
                sku name uom? scale? costing? standard_cost? gtin? lot_tracked? serial_tracked? \
                lot_costed? safety_stock? conversions?
                """
            )
        case .itemChanged:
            CommandSchema("sku base_version name? standard_cost? gtin? safety_stock?")
        case .itemRetired: CommandSchema("sku base_version")
        case .siteRegistered: CommandSchema("site name?")
        case .policySet: CommandSchema("policy value")
        case .periodClosed: CommandSchema("period override?")
        case .personRegistered: CommandSchema("person role? credential?")
        case .personChanged: CommandSchema("person role? credential? base_version?")
        case .personRetired: CommandSchema("person base_version?")
        case .locationRegistered, .locationChanged, .locationRetired:
            CommandSchema("location kind? base_version?")
        case .purchaseOrderPlaced, .purchaseOrderAmended:
            CommandSchema(
                "purchase_order supplier? lines",
                lines: "line? sku quantity unit_cost"
            )
        case .purchaseOrderClosed: CommandSchema("purchase_order supplier?")
        case .goodsReceived:
            CommandSchema(
                "lines purchase_order? supplier? currency? rate?",
                lines: "sku quantity location? lot? expiry? status? unit_cost? amount? line?"
            )
        case .orderConfirmed:
            CommandSchema(
                "order lines channel? customer? priority? ship_from? hold_until? backorder?",
                lines: "line? sku quantity unit_price?"
            )
        case .orderAmended:
            CommandSchema("order order_site? lines", lines: "line sku? quantity")
        case .orderCancelled, .reservationReleased:
            CommandSchema("order order_site? lines?", lines: "line sku? quantity?")
        case .allocated:
            CommandSchema(
                "order order_site? lines?",
                lines: "line? sku quantity location? lot?"
            )
        case .pickCompleted:
            CommandSchema(
                "order order_site? lines?",
                lines: "line? sku quantity location? lot? short?"
            )
        case .unpicked:
            CommandSchema(
                "order order_site? lines?",
                lines: "line? sku quantity location? lot?"
            )
        case .packCompleted:
            CommandSchema(
                "order order_site? container? lines?",
                lines: "line? sku quantity lot?"
            )
        case .shipmentDispatched:
            CommandSchema(
                "order order_site? shipment? lines?",
                lines: "line? sku quantity lot?"
            )
        case .returnReceived:
            CommandSchema(
                "return order? order_site? shipment? lines",
                lines: "sku quantity location? lot? status? line?"
            )
        case .returnDispositioned:
            CommandSchema("return lines", lines: "sku quantity disposition location? lot?")
        case .transferRequested:
            CommandSchema("transfer from_site? to_site lines", lines: "line? sku quantity")
        case .transferCancelled:
            CommandSchema("transfer from_site? to_site? lines?", lines: "line? sku quantity")
        case .transferDispatched:
            CommandSchema(
                "transfer to_site? lines?",
                lines: "line? sku quantity location? lot? expiry?"
            )
        case .transferReceived:
            CommandSchema(
                "transfer from_site lines",
                lines: "line? sku quantity location? lot? expiry?"
            )
        case .transferSettled:
            CommandSchema("transfer from_site? lines reason", lines: "line? sku quantity")
        case .countRecorded:
            CommandSchema("count lines propose?", lines: "sku quantity location? lot? status?")
        case .adjustmentProposed:
            CommandSchema(
                "adjustment reason lines",
                lines: "sku quantity location? lot? status?"
            )
        case .adjustmentApproved, .adjustmentRejected:
            CommandSchema("adjustment reason?")
        case .moved: CommandSchema("lines", lines: "sku quantity from to lot? status?")
        case .statusChanged:
            CommandSchema(
                "lines reason",
                lines: "sku quantity from_status to_status location? lot?"
            )
        case .scrapped:
            CommandSchema("lines reason", lines: "sku quantity location? lot? status?")
        case .supplierReturnDispatched:
            CommandSchema(
                "purchase_order? event? lines",
                lines: "line? sku quantity location? lot? status?"
            )
        case .supplierInvoiceMatched:
            CommandSchema(
                "purchase_order? event? lines",
                lines: "line? sku quantity unit_cost? amount? uom?",
                linesHaveUnits: false
            )
        case .landedCostAllocated: CommandSchema("purchase_order? events? amount by?")
        case .stockRevalued, .writtenDown:
            CommandSchema("sku unit_cost? amount? reason?")
        case .standardCostSet: CommandSchema("sku standard_cost")
        case .costingChanged: CommandSchema("sku costing standard_cost?")
        case .repacked:
            CommandSchema(
                "lines",
                lines: "sku from_uom to_uom quantity location? lot?",
                linesHaveUnits: false
            )
        case .reversed: CommandSchema("event reason")
        case .rightsGranted: CommandSchema("sku quantity stock_site? to request?")
        case .rightsRequested: CommandSchema("sku quantity stock_site? to")
        case .rightsReclaimed: CommandSchema("sku quantity stock_site? from to?")
        case .nodeActivated, .nodeRetired: CommandSchema("node")
        case .conflictResolved: CommandSchema("conflict choice reason?")
        case .exceptionAcknowledged: CommandSchema("exception choice? reason?")
        case .parkedReleased: CommandSchema("event")
        case .parkedCompensated: CommandSchema("event reason")
        }
    }
}

/// Finds the known name that somebody may have meant.
enum NearestName {
    /// Names longer than this are not compared: the work grows with the square of the length.
    private static let lengthMax = 40

    /// A sentence that suggests a known name, or nil where none is near.
    static func hint(for text: String, among names: [String]) -> String? {
        let letters = Array(text.lowercased().utf8)
        guard !letters.isEmpty, letters.count <= lengthMax else { return nil }
        var nearest: (name: String, distance: Int)?
        for name in names {
            let distance = distance(letters, Array(name.utf8))
            if distance < nearest?.distance ?? .max { nearest = (name, distance) }
        }
        guard let nearest, nearest.distance <= max(2, letters.count / 2) else { return nil }
        return "Did you mean `\(nearest.name)`?"
    }

    /// How many letters must change; an abbreviation, such as `qty` of `quantity`, counts as one.
    private static func distance(_ text: [UInt8], _ name: [UInt8]) -> Int {
        if text.count >= 3, text.first == name.first, isSubsequence(text, of: name) { return 1 }
        var previous = Array(0...name.count)
        for (row, letter) in text.enumerated() {
            var current = [row + 1]
            for column in name.indices {
                let replaced = previous[column] + (letter == name[column] ? 0 : 1)
                current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[name.count]
    }

    private static func isSubsequence(_ text: [UInt8], of name: [UInt8]) -> Bool {
        var rest = text[...]
        for letter in name where letter == rest.first { rest.removeFirst() }
        return rest.isEmpty
    }
}
