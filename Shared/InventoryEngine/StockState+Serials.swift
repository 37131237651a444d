import Causality

/// What an event does to units that it names by serial number.
enum SerialUse {
    case arrives, leaves, moves, changesStatus, disposed
    case picked, unpicked, packed, shipped
    /// Somebody saw them, or wants to post them; nothing moves.
    case seen, proposed
    /// An approval: what its lines add arrives, what they take leaves.
    case adjusted
}

extension EventBody {
    /// What the event does to units that its lines name; nil for what names quantities alone.
    var serialUse: SerialUse? {
        switch self {
        case .goodsReceived, .returnReceived, .transferReceived: .arrives
        case .scrapped, .supplierReturnDispatched, .transferDispatched: .leaves
        case .moved: .moves
        case .statusChanged: .changesStatus
        case .returnDispositioned: .disposed
        case .pickCompleted: .picked
        case .unpicked: .unpicked
        case .packCompleted: .packed
        case .shipmentDispatched: .shipped
        case .countRecorded: .seen
        case .adjustmentProposed: .proposed
        case .adjustmentApproved: .adjusted
        default: nil
        }
    }

    /// The lines of an event that says what happened to units; none of any other.
    package var unitLines: [EventLine] {
        get {
            switch self {
            case .goodsReceived(let body): body.lines
            case .returnReceived(let body), .returnDispositioned(let body): body.lines
            case .transferDispatched(let body), .transferReceived(let body): body.lines
            case .supplierReturnDispatched(let body): body.lines
            case .moved(let body), .statusChanged(let body), .scrapped(let body): body.lines
            case .pickCompleted(let body), .unpicked(let body), .packCompleted(let body),
                .shipmentDispatched(let body):
                body.lines
            case .countRecorded(let body): body.lines
            case .adjustmentProposed(let body), .adjustmentApproved(let body): body.lines
            default: []
            }
        }
        set {
            switch self {
            case .goodsReceived(var body):
                body.lines = newValue
                self = .goodsReceived(body)
            case .returnReceived(var body):
                body.lines = newValue
                self = .returnReceived(body)
            case .returnDispositioned(var body):
                body.lines = newValue
                self = .returnDispositioned(body)
            case .transferDispatched(var body):
                body.lines = newValue
                self = .transferDispatched(body)
            case .transferReceived(var body):
                body.lines = newValue
                self = .transferReceived(body)
            case .supplierReturnDispatched(var body):
                body.lines = newValue
                self = .supplierReturnDispatched(body)
            case .moved(var body):
                body.lines = newValue
                self = .moved(body)
            case .statusChanged(var body):
                body.lines = newValue
                self = .statusChanged(body)
            case .scrapped(var body):
                body.lines = newValue
                self = .scrapped(body)
            case .pickCompleted(var body):
                body.lines = newValue
                self = .pickCompleted(body)
            case .unpicked(var body):
                body.lines = newValue
                self = .unpicked(body)
            case .packCompleted(var body):
                body.lines = newValue
                self = .packCompleted(body)
            case .shipmentDispatched(var body):
                body.lines = newValue
                self = .shipmentDispatched(body)
            case .adjustmentApproved(var body):
                body.lines = newValue
                self = .adjustmentApproved(body)
            case .countRecorded(var body):
                body.lines = newValue
                self = .countRecorded(body)
            case .adjustmentProposed(var body):
                body.lines = newValue
                self = .adjustmentProposed(body)
            default: return
            }
        }
    }

    /// The order that work is about, as units in staging name it.
    func workOrder(at site: SiteCode) -> SerialPlace.Order? {
        switch self {
        case .pickCompleted(let work), .unpicked(let work), .packCompleted(let work),
            .shipmentDispatched(let work):
            SerialPlace.Order(site: work.orderSite ?? site, order: work.order)
        default: nil
        }
    }
}

/// A unit that is not where an event has it.
struct SerialClash {
    var stock: StockKey
    var serial: SerialNumber
    /// What is known of it; nil if nothing is.
    var row: SerialRow?
    /// Where somebody has to look.
    var location: LocationID
}

/// One unit that an event names, and where that event brings it.
private struct SerialStep {
    var stock: StockKey
    var serial: SerialNumber
    var line: EventLine
    var row: SerialRow?
    /// Whether the unit was where the event has it.
    var isPossible: Bool
    /// Where it is then; nil where it stays.
    var place: SerialPlace?
}

extension StockState {
    /// The most units of one event that are named in conflicts.
    static let clashesNamedMax = 16

    /// Checks that the units which the event at hand names are where it takes them from.
    ///
    /// A unit can be in one place only, so an event whose unit another has taken meanwhile cannot
    /// be posted: it is parked, for people to look.
    ///
    /// - Throws: ``EngineError`` with the code `serial_taken`.
    mutating func checkSerials(_ current: Current) throws(EngineError) {
        guard let clash = try serialClashes(current).first else { return }
        throw .refused(
            "serial_taken",
            "\(clash.serial) of \(clash.stock.sku) "
                + "\(clash.row?.place.sentence ?? "was never here").",
            hint: "Look for the unit, count its place, and record where it is."
        )
    }

    /// Brings the units that the event at hand names to where it has them, and checks that as many
    /// units are named as have come and gone.
    ///
    /// - Throws: ``EngineError`` with the code `serials_unclear`.
    mutating func moveSerials(_ current: Current) throws(EngineError) {
        guard !report.serialTracked.isEmpty else { return }
        var change: [StockKey: Int64] = [:]
        if case .reversed(let reversal) = current.event.body {
            try moveSerialsBack(current, reversal, &change)
        } else {
            var arrivals = self.arrivals()
            for step in try serialSteps(current) {
                guard var place = step.place else { continue }
                if place.isHere, !(step.row?.place.isHere ?? false) {
                    take(step, &place, from: &arrivals)
                }
                note(step.row?.place, place, step.stock, &change)
                try put(current, step.stock, step.serial, place)
            }
        }
        for (stock, lines) in report.moves where report.serialTracked.contains(stock.sku) {
            var sum = Quantity.zero
            for line in lines { sum = try sum.plus(line.delta) }
            guard sum.units == change[stock] ?? 0 else {
                throw .refused(
                    "serials_unclear",
                    "It moves \(sum.units) units of \(stock.sku), and names "
                        + "\(change[stock] ?? 0) by serial number."
                )
            }
        }
    }

    private func note(
        _ old: SerialPlace?,
        _ new: SerialPlace?,
        _ stock: StockKey,
        _ change: inout [StockKey: Int64]
    ) {
        let (was, isHere) = (old?.isHere ?? false, new?.isHere ?? false)
        if was != isHere { change[stock, default: 0] += isHere ? 1 : -1 }
    }

    /// Where goods came to, by item: what is beyond an order may lie elsewhere than its line says.
    private func arrivals() -> [StockKey: [PostingRow.Line]] {
        var found: [StockKey: [PostingRow.Line]] = [:]
        for (stock, lines) in report.moves where report.serialTracked.contains(stock.sku) {
            found[stock] = lines.filter { $0.delta.units > 0 }
        }
        return found
    }

    private func take(
        _ step: SerialStep,
        _ place: inout SerialPlace,
        from arrivals: inout [StockKey: [PostingRow.Line]]
    ) {
        guard var lines = arrivals[step.stock],
            let index = lines.firstIndex(where: { $0.lot == place.lot && $0.delta.units > 0 })
        else { return }
        place.location = lines[index].location
        place.status = lines[index].status
        lines[index].delta = Quantity(units: lines[index].delta.units - 1)
        arrivals[step.stock] = lines
    }

    /// The site at which the units are that an event names.
    private func serialHome(_ current: Current) -> SiteCode {
        switch current.event.body {
        case .transferDispatched(let transfer): transfer.fromSite ?? current.site
        case .transferReceived(let transfer): transfer.toSite ?? current.site
        default: current.site
        }
    }

    /// What the event at hand does to each unit that it names.
    private mutating func serialSteps(_ current: Current) throws(EngineError) -> [SerialStep] {
        let body = current.event.body
        let home = serialHome(current)
        guard let use = body.serialUse, holds(home) else { return [] }
        let order = body.workOrder(at: current.site)
        var steps: [SerialStep] = []
        var named: Set<SerialRow.Key> = []
        for line in body.unitLines where !line.serials.isEmpty {
            let stock = StockKey(home: home, sku: line.sku)
            let item = try cache.items.row(ItemRow.Key(sku: line.sku), from: reader)
            guard item?.properties.isSerialTracked ?? false else { continue }
            for serial in line.serials {
                let row = try self.serial(stock, serial)
                var step = SerialStep(
                    stock: stock,
                    serial: serial,
                    line: line,
                    row: row,
                    isPossible: true
                )
                settle(&step, use, order)
                let key = SerialRow.Key(stock: stock, serial: serial)
                if !named.insert(key).inserted { step.isPossible = false }
                steps.append(step)
            }
        }
        return steps
    }

    /// Says whether a unit can be where an event has it, and where it is then.
    private func settle(
        _ step: inout SerialStep,
        _ use: SerialUse,
        _ order: SerialPlace.Order?
    ) {
        let line = step.line
        let known = step.row?.place
        let location = line.location ?? .stock
        let isThere = known?.standing == .available && known?.location == location
        let isForOrder = known.map { $0.isStaged && $0.order == order } ?? false
        let isArriving = SerialPlace(
            .available,
            at: location,
            lot: line.lot,
            status: line.status ?? .sellable
        )
        switch use {
        case .arrives:
            step.isPossible = !(known?.isHere ?? false)
            step.place = isArriving
        case .adjusted where line.quantity.units > 0:
            step.isPossible = !(known?.isHere ?? false)
            step.place = isArriving
        case .leaves, .adjusted:
            step.isPossible = isThere
            step.place = SerialPlace(.away, lot: known?.lot)
        case .moves:
            step.isPossible = isThere
            step.place = known
            step.place?.location = line.toLocation ?? .stock
        case .changesStatus: changeStatus(&step, to: line.toStatus ?? .sellable)
        case .disposed:
            switch line.disposition ?? .restock {
            case .restock: changeStatus(&step, to: .sellable)
            case .refurbish, .supplier: changeStatus(&step, to: .hold)
            case .scrap:
                step.isPossible = isThere
                step.place = SerialPlace(.away, lot: known?.lot)
            }
        case .picked:
            step.isPossible = isThere
            step.place = staged(known, .picked, order)
        case .unpicked:
            step.isPossible = isForOrder
            step.place = SerialPlace(
                .available,
                at: location,
                lot: known?.lot,
                status: known?.status ?? .sellable
            )
        case .packed:
            step.isPossible = isForOrder || isThere
            step.place = staged(known, .packed, order)
        case .shipped:
            step.isPossible = isForOrder || isThere
            step.place = SerialPlace(.away, lot: known?.lot)
        case .seen, .proposed: break
        }
    }

    private func staged(
        _ known: SerialPlace?,
        _ standing: SerialPlace.Standing,
        _ order: SerialPlace.Order?
    ) -> SerialPlace {
        SerialPlace(standing, lot: known?.lot, status: known?.status ?? .sellable, for: order)
    }

    /// A change of status follows a unit to where it is; what has left is on the list of a recall.
    private func changeStatus(_ step: inout SerialStep, to status: StockStatus) {
        step.isPossible = step.row != nil
        guard let known = step.row?.place, known.isHere else { return }
        step.place = known
        step.place?.status = status
    }

    // MARK: Where its quantity is

    /// How many units of a line are in each status now, where it names them and a change that its
    /// recorder did not know of may have come before it; else all of them in one.
    ///
    /// - Returns: Quantities of more than zero.
    mutating func byStatus(
        _ stock: StockKey,
        _ line: EventLine,
        _ status: StockStatus
    ) throws(EngineError) -> [(status: StockStatus, quantity: Quantity, by: EventRef?)] {
        guard !line.serials.isEmpty, holds(stock.home) else {
            return [(status, line.quantity, nil)]
        }
        var parts: [(status: StockStatus, quantity: Quantity, by: EventRef?)] = []
        for serial in line.serials {
            let row = try self.serial(stock, serial)
            let isHere = row?.place.isHere ?? false
            let now = isHere ? row?.place.status ?? status : status
            if let index = parts.firstIndex(where: { $0.status == now }) {
                parts[index].quantity = try parts[index].quantity.plus(Quantity(units: 1))
            } else {
                parts.append((now, Quantity(units: 1), now == status ? nil : row?.by))
            }
        }
        return parts
    }

    /// How many units of a line stand so: they say which steps are skipped, where the line names
    /// them.
    ///
    /// At least `least` are missing in the order's line. Where fewer units stand so, they were picked
    /// for another line of the order, which is refused as `serials_unclear`.
    mutating func unitsThat(
        _ standing: KeyPath<SerialPlace, Bool>,
        _ stock: StockKey,
        _ line: EventLine,
        atLeast least: Quantity
    ) throws(EngineError) -> Quantity {
        var count: Int64 = 0
        for serial in line.serials {
            if try self.serial(stock, serial)?.place[keyPath: standing] ?? false { count += 1 }
        }
        guard count >= least.units else {
            throw .refused(
                "serials_unclear",
                "The units of \(line.sku) were picked for another line of the order.",
                hint: "Name that line."
            )
        }
        return Quantity(units: count)
    }

    /// Takes the units of a line out of a place, each from the status in which it is.
    mutating func takeOut(
        _ stock: StockKey,
        _ line: EventLine,
        _ status: StockStatus
    ) throws(EngineError) {
        for part in try byStatus(stock, line, status) {
            let location = line.location ?? .stock
            try moveStock(stock, location, line.lot, part.status, by: -part.quantity)
        }
    }

    /// The units of a line that are not sellable any more, as far as it names them.
    mutating func quarantinedUnits(
        _ stock: StockKey,
        _ line: EventLine
    ) throws(EngineError) -> Quarantine? {
        let held = try byStatus(stock, line, .sellable).first { $0.status != .sellable }
        return held.map {
            Quarantine(quantity: $0.quantity, status: $0.status, by: Latest(event: $0.by))
        }
    }

    /// Changes the status of each unit that a line names, wherever it is by now.
    mutating func changeUnits(
        _ current: Current,
        _ stock: StockKey,
        _ line: EventLine,
        to status: StockStatus
    ) throws(EngineError) {
        guard holds(stock.home) else { return }
        let one = Quantity(units: 1)
        for serial in line.serials {
            guard let row = try self.serial(stock, serial) else { continue }
            let place = row.place
            let other = unknown(Latest(event: row.by), to: current)
            switch place.standing {
            case .available:
                let location = place.location ?? .stock
                try moveStock(stock, location, place.lot, place.status, by: -one)
                try moveStock(stock, location, place.lot, status, by: one)
                if let other, location != line.location ?? .stock {
                    try raiseQuarantined(current, with: other, stock.sku, location.text, held: one)
                }
            case .picked, .packed:
                guard let order = place.order, status != .sellable else { continue }
                var part = line
                (part.lot, part.quantity) = (place.lot, one)
                let work = OrderWork(order: order.order, orderSite: order.site)
                try followOrder(current, part, one, to: status, work, row.by)
            case .away: try recallUnit(current, stock, serial, other)
            }
        }
    }

    /// Puts the units of a line that leave although they are quarantined on the list of those to call
    /// back, as when the quarantine comes after them.
    mutating func recallQuarantined(
        _ current: Current,
        _ stock: StockKey,
        _ line: EventLine
    ) throws(EngineError) {
        guard holds(stock.home) else { return }
        for serial in line.serials {
            guard let row = try self.serial(stock, serial), row.place.status != .sellable else {
                continue
            }
            let other = unknown(Latest(event: row.by), to: current)
            try recallUnit(current, stock, serial, other)
        }
    }

    private mutating func recallUnit(
        _ current: Current,
        _ stock: StockKey,
        _ serial: SerialNumber,
        _ other: EventRef?
    ) throws(EngineError) {
        let one = Quantity(units: 1)
        try addTask(.recall, serial.text, stock, one)
        guard let other else { return }
        try raiseQuarantined(current, with: other, stock.sku, serial.text, gone: one)
    }

    // MARK: Undoing

    private mutating func moveSerialsBack(
        _ current: Current,
        _ reversal: Reversal,
        _ change: inout [StockKey: Int64]
    ) throws(EngineError) {
        guard let original = try located(reversal.event)?.event else { return }
        for line in original.body.unitLines where original.body.movesUnits {
            let stock = StockKey(home: current.site, sku: line.sku)
            for serial in line.serials.reversed() {
                guard let row = try self.serial(stock, serial) else { continue }
                try putBack(stock, serial)
                let now = try self.serial(stock, serial)?.place
                note(row.place, now, stock, &change)
            }
        }
    }

    // MARK: Pair 12

    /// The units for which the event at hand cannot be posted.
    private mutating func serialClashes(_ current: Current) throws(EngineError) -> [SerialClash] {
        if case .reversed(let reversal) = current.event.body {
            guard try reversalMark(of: reversal.event, at: current.site) == nil,
                let original = try located(reversal.event)?.event
            else { return [] }
            var found: [SerialClash] = []
            for line in original.body.unitLines where original.body.movesUnits {
                let stock = StockKey(home: current.site, sku: line.sku)
                for serial in line.serials {
                    let row = try self.serial(stock, serial)
                    guard row?.by.id != original.id else { continue }
                    found.append(
                        SerialClash(
                            stock: stock,
                            serial: serial,
                            row: row,
                            location: row?.place.location ?? line.location ?? .stock
                        )
                    )
                }
            }
            return found
        }
        return try serialSteps(current).filter { !$0.isPossible }.map { step in
            SerialClash(
                stock: step.stock,
                serial: step.serial,
                row: step.row,
                location: step.row?.place.location ?? step.line.location ?? .stock
            )
        }
    }

    /// Pair 12: two events have one unit in two places; the later is parked, and somebody looks.
    mutating func raiseSerialsTaken(_ current: Current) throws(EngineError) {
        guard holds(current.site) else { return }
        for clash in try serialClashes(current).prefix(Self.clashesNamedMax) {
            try addTask(
                .recount,
                clash.location.text,
                clash.stock,
                Quantity(units: 1),
                askedBy: current.ref
            )
            guard let other = clash.row?.by, isConcurrent(current, with: other) else { continue }
            try raiseConflict(
                .serialTakenTwice,
                current,
                with: other,
                sku: clash.stock.sku,
                subject: "\(clash.stock.sku) \(clash.serial)",
                resolution: "The first by hub position stands; the later is parked.",
                before: "\(clash.serial) moved twice, neither knowing of the other",
                after: "\(clash.serial) \(clash.row?.place.sentence ?? "is nowhere")",
                compensation: "Count \(clash.location), then compensate the parked event.",
                isResolved: false,
                at: clash.stock.home
            )
        }
    }

    // MARK: Counts

    /// Tells which units a count has missed, and which it saw that should not be there.
    mutating func compareSerials(
        _ stock: StockKey,
        _ line: EventLine
    ) throws(EngineError) {
        let location = line.location ?? .stock
        guard location != .staging else { return }
        let seen = Set(line.serials)
        var expected: Set<SerialNumber> = []
        for (serial, place) in try serials(of: stock, .available, at: location)
        where (line.lot == nil || place.lot == line.lot)
            && (line.status == nil || place.status == line.status)
        {
            expected.insert(serial)
        }
        func listed(_ serials: Set<SerialNumber>) -> String {
            let names = serials.sorted().prefix(5).map(\.text).joined(separator: ", ")
            return serials.count > 5 ? "\(names) and \(serials.count - 5) more" : names
        }
        var parts: [String] = []
        let missing = expected.subtracting(seen)
        if !missing.isEmpty { parts.append("not found: \(listed(missing))") }
        let found = seen.subtracting(expected)
        if !found.isEmpty { parts.append("not expected: \(listed(found))") }
        guard !parts.isEmpty else { return }
        raise(
            "serials_differ",
            stock.sku,
            "The count of \(stock.sku) at \(location) differs; \(parts.joined(separator: "; ")).",
            at: stock.home
        )
    }
}

extension EventLine {
    /// Whether a line of an approval is about what a proposal's line is.
    func isSameStock(as other: DocumentLine) -> Bool {
        sku == other.sku && quantity == other.quantity && location == other.location
            && lot == other.lot && status ?? .sellable == other.status ?? .sellable
    }
}

extension EventBody {
    /// Whether the units that the event names are elsewhere after it.
    var movesUnits: Bool {
        switch serialUse {
        case nil, .seen, .proposed: false
        default: true
        }
    }
}
