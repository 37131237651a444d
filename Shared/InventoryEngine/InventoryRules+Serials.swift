import Causality

/// Decisions about units that are kept by serial number.
///
/// A unit is in one place, and the rules know which: so a fact that names it needs no place, lot
/// or status, and one that says otherwise is a mistake. Before a command is decided its lines are
/// split so that each names one unit; afterwards what was left out is filled in, where it can only
/// be these units, and lines that differ in nothing else are joined again.
extension Decider {
    /// A refusal about one line's serial numbers.
    private func refused(
        _ code: String,
        _ sentence: String,
        _ index: Int,
        hint: String = "Check the serial numbers."
    ) -> EngineError {
        .refused(code, sentence, field: "lines[\(index)].serials", hint: hint)
    }

    private mutating func isSerialTracked(_ sku: SKU) throws(EngineError) -> Bool {
        let key = ItemRow.Key(sku: sku)
        return try state.cache.items.row(key, from: state.reader)?.properties.isSerialTracked
            ?? false
    }

    /// The site's row of each unit, as the recorder knows it.
    private mutating func known(
        _ serial: SerialNumber,
        _ sku: SKU
    ) throws(EngineError) -> SerialRow? {
        try state.serial(StockKey(home: site, sku: sku), serial)
    }

    // MARK: Before

    /// Checks the units that a command names, and gives each a line of its own with the place where
    /// it is.
    ///
    /// - Throws: ``EngineError`` if a unit is named twice, is not where the command has it, or if
    ///   there are more or fewer than the quantity says.
    mutating func placingSerials(_ body: EventBody) throws(EngineError) -> EventBody {
        guard let use = body.serialUse else {
            try refuseSerials(body)
            return body
        }
        let lines = body.unitLines
        guard lines.contains(where: { !$0.serials.isEmpty }) else { return body }
        guard lines.reduce(0, { $0 + $1.serials.count }) <= InventoryRules.serialsMax else {
            throw .refused(
                "too_many_serials",
                "At most \(InventoryRules.serialsMax) units can be named in one event.",
                field: "lines",
                hint: "Split it into several."
            )
        }
        var named: Set<SerialRow.Key> = []
        var placed: [EventLine] = []
        let order = body.workOrder(at: site)
        for (index, entered) in lines.enumerated() {
            guard !entered.serials.isEmpty else {
                placed.append(entered)
                continue
            }
            let line = try checked(entered, use, index)
            for serial in line.serials {
                let key = SerialRow.Key(
                    stock: StockKey(home: site, sku: line.sku),
                    serial: serial
                )
                guard named.insert(key).inserted else {
                    throw refused("serial_repeated", "\(serial) is named twice.", index)
                }
            }
            placed += try parts(of: line, use, body, order, index)
        }
        var body = body
        body.unitLines = placed
        return body
    }

    /// An intention is about a quantity; which units it will be is said by who has them in hand.
    private func refuseSerials(_ body: EventBody) throws(EngineError) {
        guard let index = body.claimedLines.firstIndex(where: { !$0.serials.isEmpty }) else {
            return
        }
        throw refused(
            "serials_not_taken",
            "Events of type \(body.type) are about quantities, not about single units.",
            index,
            hint: "Name the units when they are picked, moved or shipped."
        )
    }

    private mutating func checked(
        _ entered: EventLine,
        _ use: SerialUse,
        _ index: Int
    ) throws(EngineError) -> EventLine {
        guard try item(entered.sku, field: "lines[\(index)].sku").properties.isSerialTracked else {
            throw refused(
                "serial_not_tracked",
                "\(entered.sku) is not kept by serial number.",
                index
            )
        }
        let sign: Sign =
            switch use {
            case .proposed, .adjusted: .signed
            case .seen, .picked: .zeroOrMore
            default: .positive
            }
        let line = try resolve(entered, sign, "lines[\(index)]", isClaim: false)
        guard line.quantity.units.magnitude == UInt64(line.serials.count) else {
            throw refused(
                "serials_differ_from_quantity",
                "The line is about \(line.quantity.units.magnitude) units and names "
                    + "\(line.serials.count).",
                index
            )
        }
        return line
    }

    /// The lines of the units that one line names.
    private mutating func parts(
        of line: EventLine,
        _ use: SerialUse,
        _ body: EventBody,
        _ order: SerialPlace.Order?,
        _ index: Int
    ) throws(EngineError) -> [EventLine] {
        if use == .seen { return [line] }
        let isArriving =
            use == .arrives || use == .adjusted || (use == .proposed && line.quantity.units > 0)
        var parts: [EventLine] = []
        for serial in line.serials {
            var part = line
            part.serials = [serial]
            part.quantity = Quantity(units: line.quantity.units.signum())
            if !parts.isEmpty { part.short = nil }
            let row = try known(serial, line.sku)
            if isArriving {
                guard !(row?.place.isHere ?? false) else {
                    throw refused(
                        "serial_present",
                        "\(serial) \(row?.place.sentence ?? "is here") already.",
                        index,
                        hint: "Check the number; a unit can be in one place only."
                    )
                }
            } else {
                try place(&part, serial, row, use, order, index)
            }
            parts.append(part)
        }
        switch body {
        // These have a cost or a variance for all of their units, or get their numbers first.
        case .goodsReceived, .transferDispatched, .transferReceived: return [line]
        // What is in staging goes first, so that what skips a step is what is beyond it.
        case .packCompleted, .shipmentDispatched:
            return parts.filter { $0.location == nil } + parts.filter { $0.location != nil }
        default: return parts
        }
    }

    /// Fills in where a unit is, or refuses a line that has it elsewhere.
    private mutating func place(
        _ part: inout EventLine,
        _ serial: SerialNumber,
        _ row: SerialRow?,
        _ use: SerialUse,
        _ order: SerialPlace.Order?,
        _ index: Int
    ) throws(EngineError) {
        guard let place = row?.place else {
            throw refused(
                "unknown_serial",
                "\(serial) of \(part.sku) was never at \(site).",
                index,
                hint: "Check the number; look with: plumbline serials --sku \(part.sku)"
            )
        }
        let isForOrder = place.isStaged && place.order == order
        let mayBeStaged = use == .unpicked || use == .packed || use == .shipped
        if mayBeStaged, isForOrder {
            guard part.lot == nil || part.lot == place.lot else {
                throw elsewhere(serial, place, index)
            }
            part.lot = place.lot
            return
        }
        guard place.standing == .available, use != .unpicked else {
            throw refused(
                "serial_taken",
                "\(serial) of \(part.sku) \(place.sentence).",
                index,
                hint: "Check the number; look with: plumbline serials \(serial)"
            )
        }
        let mustBeSellable = mayBeStaged || use == .picked || use == .leaves && part.status == nil
        guard part.location == nil || part.location == place.location,
            part.lot == nil || part.lot == place.lot,
            part.status == nil || part.status == place.status,
            !mustBeSellable || place.status == .sellable
        else { throw elsewhere(serial, place, index) }
        part.location = place.location
        part.lot = place.lot
        if use != .picked, !mayBeStaged { part.status = place.status }
    }

    private func elsewhere(
        _ serial: SerialNumber,
        _ place: SerialPlace,
        _ index: Int
    ) -> EngineError {
        let lot = place.lot.map { " of lot \($0)" } ?? ""
        return refused(
            "serial_elsewhere",
            "\(serial)\(lot) \(place.sentence).",
            index,
            hint: "Leave place, lot and status out, or record first what happened to it."
        )
    }

    /// Gives each unit of a transfer's lines a line of its own, with the place and lot that it
    /// leaves.
    mutating func splittingUnits(_ lines: [EventLine]) throws(EngineError) -> [EventLine] {
        var parts: [EventLine] = []
        for line in lines {
            guard !line.serials.isEmpty else {
                parts.append(line)
                continue
            }
            for serial in line.serials {
                var part = line
                part.serials = [serial]
                part.quantity = Quantity(units: 1)
                if let place = try known(serial, line.sku)?.place, place.isHere {
                    (part.location, part.lot) = (place.location, place.lot)
                }
                parts.append(part)
            }
        }
        return parts
    }

    // MARK: After

    /// Names the units of lines that do not, where it can only be these, and joins lines that differ
    /// in nothing but their units.
    ///
    /// - Throws: ``EngineError`` with the code `serials_missing` where others could be meant.
    mutating func namingSerials(_ body: EventBody) throws(EngineError) -> EventBody {
        guard let use = body.serialUse else { return body }
        if case .adjustmentApproved(let approval) = body {
            return .adjustmentApproved(try approved(approval))
        }
        var lines = body.unitLines
        var tracked: [Int] = []
        for index in lines.indices where try isSerialTracked(lines[index].sku) {
            tracked.append(index)
        }
        guard !tracked.isEmpty else { return body }
        var named: Set<SerialRow.Key> = []
        var wanted: [SerialPool: Int64] = [:]
        for index in tracked {
            let line = lines[index]
            let stock = StockKey(home: site, sku: line.sku)
            for serial in line.serials { named.insert(SerialRow.Key(stock: stock, serial: serial)) }
            if line.serials.isEmpty, !line.quantity.isZero {
                wanted[SerialPool(line, use), default: 0] += line.quantity.units
            }
        }
        for index in tracked where lines[index].serials.isEmpty && !lines[index].quantity.isZero {
            let line = lines[index]
            let stock = StockKey(home: site, sku: line.sku)
            let units = wanted[SerialPool(line, use)] ?? 0
            var found: [SerialNumber] = []
            for serial in try candidates(line, use, body, units)
            where !named.contains(SerialRow.Key(stock: stock, serial: serial)) {
                found.append(serial)
            }
            guard Int64(found.count) == units, line.quantity.units > 0 else {
                throw serialsMissing(line, found.count, index)
            }
            wanted[SerialPool(line, use)] = units - line.quantity.units
            lines[index].serials = Array(found.prefix(Int(line.quantity.units)))
            for serial in lines[index].serials {
                named.insert(SerialRow.Key(stock: stock, serial: serial))
            }
        }
        var body = body
        body.unitLines = joined(lines)
        return body
    }

    private func serialsMissing(_ line: EventLine, _ found: Int, _ index: Int) -> EngineError {
        let could = found > 0 ? " \(found) units could be meant." : ""
        return refused(
            "serials_missing",
            "\(line.sku) is kept by serial number, and the line names no units.\(could)",
            index,
            hint: "Name them as serials, as many as the quantity."
        )
    }

    /// The units that a line may mean which names none.
    private mutating func candidates(
        _ line: EventLine,
        _ use: SerialUse,
        _ body: EventBody,
        _ units: Int64
    ) throws(EngineError) -> [SerialNumber] {
        let stock = StockKey(home: site, sku: line.sku)
        func fitting(_ serials: [(serial: SerialNumber, place: SerialPlace)]) -> [SerialNumber] {
            serials.filter { line.lot == nil || $0.place.lot == line.lot }.map(\.serial)
        }
        switch use {
        case .seen, .proposed, .adjusted: return []
        case .arrives:
            guard case .transferReceived(let transfer) = body else { return [] }
            return try sent(line, transfer)
        case .unpicked, .packed, .shipped:
            guard let order = body.workOrder(at: site) else { return [] }
            let picked = fitting(try state.serials(of: stock, .picked, for: order))
            if use != .shipped { return picked }
            let packed = fitting(try state.serials(of: stock, .packed, for: order))
            return Int64(packed.count) == units ? packed : packed + picked
        case .leaves, .moves, .changesStatus, .disposed, .picked:
            let location = line.location ?? .stock
            return fitting(
                try state.serials(of: stock, .available, at: location).filter {
                    $0.place.status == line.status ?? .sellable
                }
            )
        }
    }

    /// The units that were sent with a transfer's line and have not arrived.
    private mutating func sent(
        _ line: EventLine,
        _ transfer: Transfer
    ) throws(EngineError) -> [SerialNumber] {
        guard let event = try known(transfer)?.dispatchedBy.event,
            case .transferDispatched(let dispatch) = try state.located(event.id)?.event.body
        else { return [] }
        var found: [SerialNumber] = []
        for part in dispatch.lines
        where part.sku == line.sku && part.line == line.line
            && (line.lot == nil || part.lot == line.lot)
        {
            for serial in part.serials {
                guard try known(serial, line.sku)?.place.isHere ?? false else {
                    found.append(serial)
                    continue
                }
            }
        }
        return found
    }

    /// Joins neighbours that differ in their units only.
    private func joined(_ lines: [EventLine]) -> [EventLine] {
        var joined: [EventLine] = []
        for line in lines {
            if let last = joined.last, last.isAlike(line),
                let quantity = try? last.quantity.plus(line.quantity)
            {
                var both = last
                both.quantity = quantity
                both.serials += line.serials
                if let amount = last.amount, let more = line.amount {
                    guard let sum = try? amount.plus(more) else {
                        joined.append(line)
                        continue
                    }
                    both.amount = sum
                }
                joined[joined.count - 1] = both
            } else {
                joined.append(line)
            }
        }
        return joined
    }

    // MARK: Approvals

    /// Says which units an approval posts: those that the proposal names, or of a count those that it
    /// missed, and those that it saw and that are nowhere.
    private mutating func approved(_ approval: Adjustment) throws(EngineError) -> Adjustment {
        let key = DocumentKey<AdjustmentRow>(home: site, document: approval.adjustment)
        guard let row = try state.cache.adjustments.row(key, from: state.reader) else {
            return approval
        }
        var approval = approval
        approval.lines = []
        let proposal = try state.located(row.proposedBy.id)?.event.body
        var proposed = proposal?.unitLines ?? []
        for line in row.lines where try isSerialTracked(line.sku) {
            var part = EventLine(sku: line.sku, quantity: line.quantity, location: line.location)
            (part.lot, part.status) = (line.lot, line.status ?? .sellable)
            switch proposal {
            case .adjustmentProposed:
                guard let index = proposed.firstIndex(where: { $0.isSameStock(as: part) }) else {
                    break
                }
                part.serials = proposed.remove(at: index).serials
                if part.quantity.units < 0 {
                    for serial in part.serials where try !isThere(serial, part) {
                        part.serials = []
                        break
                    }
                }
            case .countRecorded(let count):
                part.serials = try differing(from: count, part)
            default: break
            }
            guard UInt64(part.serials.count) == part.quantity.units.magnitude else {
                throw .refused(
                    "serials_unclear",
                    "Which \(part.quantity.units.magnitude) units of \(part.sku) at "
                        + "\(line.location) it is about, \(approval.adjustment) does not tell.",
                    field: "adjustment",
                    hint: "Propose an adjustment that names them."
                )
            }
            approval.lines.append(part)
        }
        return approval
    }

    private mutating func isThere(
        _ serial: SerialNumber,
        _ part: EventLine
    ) throws(EngineError) -> Bool {
        guard let place = try known(serial, part.sku)?.place else { return false }
        return place.standing == .available && place.location == part.location
            && place.status == part.status
    }

    /// The units that a count missed in a place, or those that it saw there and that are nowhere.
    private mutating func differing(
        from count: StockCount,
        _ part: EventLine
    ) throws(EngineError) -> [SerialNumber] {
        var seen: [SerialNumber] = []
        for line in count.lines
        where line.sku == part.sku && line.location ?? .stock == part.location
            && (line.lot == nil || line.lot == part.lot)
        {
            seen += line.serials
        }
        if part.quantity.units > 0 {
            var found: [SerialNumber] = []
            for serial in seen {
                guard try known(serial, part.sku)?.place.isHere ?? false else {
                    found.append(serial)
                    continue
                }
            }
            return found
        }
        let stock = StockKey(home: site, sku: part.sku)
        let missed = Set(seen)
        return try state.serials(of: stock, .available, at: part.location).filter {
            $0.place.lot == part.lot && $0.place.status == part.status
                && !missed.contains($0.serial)
        }.map(\.serial)
    }
}

/// Lines that may mean the same units.
private struct SerialPool: Hashable {
    var sku: SKU
    var line: Int32?
    var location: LocationID?
    var lot: LotID?
    var status: StockStatus?

    init(_ line: EventLine, _ use: SerialUse) {
        self.sku = line.sku
        self.lot = line.lot
        switch use {
        case .unpicked, .packed, .shipped: return
        case .arrives: self.line = line.line
        default:
            self.location = line.location
            self.status = line.status
        }
    }
}

extension EventLine {
    /// Whether another line says the same of other units.
    fileprivate func isAlike(_ other: EventLine) -> Bool {
        guard !serials.isEmpty, !other.serials.isEmpty, other.short == nil,
            (amount == nil) == (other.amount == nil),
            quantity.units.signum() == other.quantity.units.signum()
        else { return false }
        var copy = other
        (copy.quantity, copy.serials, copy.amount) = (quantity, serials, amount)
        copy.short = short
        return copy == self
    }

    /// Whether another line is about as many units of the same stock.
    fileprivate func isSameStock(as other: EventLine) -> Bool {
        sku == other.sku && quantity == other.quantity
            && location ?? .stock == other.location ?? .stock && lot == other.lot
            && status ?? .sellable == other.status ?? .sellable
    }
}

extension EventBody {
    /// The lines of an intention or promise.
    fileprivate var claimedLines: [EventLine] {
        switch self {
        case .purchaseOrderPlaced(let body), .purchaseOrderAmended(let body): body.lines
        case .orderConfirmed(let body): body.lines
        case .orderAmended(let body), .orderCancelled(let body), .reservationReleased(let body),
            .allocated(let body):
            body.lines
        case .transferRequested(let body), .transferCancelled(let body),
            .transferSettled(let body):
            body.lines
        default: []
        }
    }
}
