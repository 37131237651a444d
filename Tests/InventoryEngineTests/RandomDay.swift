import Causality
import InventoryEngine
import TestSupport

/// Draws the commands of a warehouse's day: every type, often partial, sometimes wrong or late.
struct RandomDay {
    var random: SeededGenerator
    let skus: [SKU]
    let sites: [SiteCode]
    let nodes: [NodeID]
    /// The items of which some commands name single units.
    var serialTracked: Set<SKU> = []
    private var counter = 0

    init(seed: UInt64, skus: [SKU], sites: [SiteCode] = [], nodes: [NodeID] = []) {
        random = SeededGenerator(seed: seed)
        self.skus = skus
        self.sites = sites
        self.nodes = nodes
    }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    mutating func pick<T>(_ values: [T]) -> T? { values.randomElement(using: &random) }

    private mutating func units(_ most: Int64 = 9) -> Int64 {
        Int64.random(in: 1...max(1, most), using: &random)
    }

    private mutating func name(_ prefix: String, _ edge: EdgeHarness) -> DocumentID {
        counter += 1
        // Sometimes two sites give the same number to different documents.
        let suffix = chance(20) ? "" : "-\(edge.site)"
        return DocumentID(trustedForTests: "\(prefix)\(counter)\(suffix)")
    }

    private mutating func place() -> LocationID? {
        let places: [LocationID?] = [nil, nil, nil, "A", "B", "STAGING"]
        return places.randomElement(using: &random) ?? nil
    }

    private mutating func stockLine(_ edge: EdgeHarness) -> EventLine {
        let sku = skus.randomElement(using: &random) ?? "P"
        return line(sku, units(), at: place())
    }

    private mutating func some(_ edge: EdgeHarness, _ most: Int = 2) -> [EventLine] {
        (0..<Int.random(in: 1...most, using: &random)).map { _ in stockLine(edge) }
    }

    /// The next command; it may be refused.
    mutating func command(_ edge: EdgeHarness) throws -> InventoryCommand {
        var command = try body(edge)
        if !serialTracked.isEmpty { try nameUnits(&command, edge) }
        if chance(12) {
            let back = Int64.random(in: 1...200, using: &random) * 1_000_000
            command.at = wallTime(edge.now.adding(microseconds: -back))
        }
        if chance(15) { command.isForced = true }
        if chance(30) {
            counter += 1
            command.op = OpKey(trustedForTests: "op-\(edge.site)-\(counter)")
            command.contentHash = ContentHash.of([UInt8(truncatingIfNeeded: counter)])
        }
        return command
    }

    private mutating func body(_ edge: EdgeHarness) throws -> InventoryCommand {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<16: return receipt(try poLine(edge), edge)
        case 16..<20: return .placePO(name("PO", edge), priced(some(edge)))
        case 20..<22:
            guard let (key, row) = pick(try edge.rows.typed(PurchaseLineRow.self)) else {
                fallthrough
            }
            return .amendPO(
                key.purchaseOrder,
                [line(row.sku, units(15), number: key.line, cost: "1.23")]
            )
        case 22..<23:
            guard let (key, _) = pick(try edge.rows.typed(PurchaseOrderRow.self)) else {
                fallthrough
            }
            return .closePO(key.document)
        case 23..<26: return try worth(edge)
        case 26..<38: return confirmation(edge)
        case 38..<66: return try orderWork(edge)
        case 66..<70: return try customerReturn(edge)
        case 70..<80: return try transfer(edge)
        case 80..<90: return try insideSite(edge)
        case 90..<95: return try correction(edge)
        default: return try administration(edge)
        }
    }

    /// Money that moves alone.
    private mutating func worth(_ edge: EdgeHarness) throws -> InventoryCommand {
        let sku = pick(skus) ?? "P"
        let cost = ExactDecimal(mantissa: Int64.random(in: 0...500, using: &random), scale: 2)
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1:
            let receipts = try edge.rows.typed(MovementRow.self).filter {
                $0.key.stock.home == edge.site && $0.row.account == .goodsReceivedNotInvoiced
                    && $0.row.rule == .given
            }
            guard let (_, row) = pick(receipts) else { fallthrough }
            return InventoryCommand(
                body: .landedCostAllocated(
                    LandedCost(
                        receipts: [row.event],
                        amount: Money(units: Int64.random(in: 1...9_999, using: &random)),
                        basis: chance(50) ? .value : .quantity
                    )
                )
            )
        case 2:
            let amount = Int64.random(in: -5_000...5_000, using: &random)
            let worth =
                chance(50)
                ? Revaluation(sku: sku, unitCost: cost)
                : Revaluation(sku: sku, amount: Money(units: amount))
            return InventoryCommand(body: .stockRevalued(worth))
        case 3:
            return InventoryCommand(body: .writtenDown(Revaluation(sku: sku, unitCost: cost)))
        case 4:
            return InventoryCommand(
                body: .standardCostSet(CostingChange(sku: sku, standardCost: cost))
            )
        default:
            let change = CostingChange(
                sku: sku,
                costing: pick(CostingMethod.allCases),
                standardCost: chance(50) ? cost : nil
            )
            return InventoryCommand(body: .costingChanged(change))
        }
    }

    /// Names units of the items that are kept by serial number: mostly such as can be meant.
    private mutating func nameUnits(
        _ command: inout InventoryCommand,
        _ edge: EdgeHarness
    ) throws {
        var lines = command.body.unitLines
        for index in lines.indices where serialTracked.contains(lines[index].sku) {
            guard !chance(15) else { continue }
            let wanted = Int(lines[index].quantity.units.magnitude)
            let known = try edge.rows.typed(SerialRow.self).filter {
                $0.key.step == 0 && $0.key.stock == StockKey(home: edge.site, sku: lines[index].sku)
            }
            var names: [SerialNumber] = []
            switch command.body {
            case .goodsReceived, .returnReceived, .transferReceived:
                let gone = known.filter { $0.row.place.standing == .away || chance(3) }
                names = gone.shuffled(using: &random).prefix(chance(30) ? 2 : 0).map(\.key.serial)
                while names.count < wanted {
                    counter += 1
                    // Two nodes may read the same label.
                    let suffix = chance(90) ? "-\(edge.node.low)" : ""
                    names.append(SerialNumber(trustedForTests: "S\(counter)\(suffix)"))
                }
            default:
                let order = work(command.body)
                let fitting = known.filter {
                    ($0.row.place.order?.order == order && $0.row.place.standing != .away)
                        || chance(4)
                }
                names = fitting.shuffled(using: &random).prefix(wanted).map(\.key.serial)
                if chance(90) { (lines[index].location, lines[index].status) = (nil, nil) }
                let count = Int64(names.count)
                guard count > 0 else { continue }
                lines[index].quantity = Quantity(
                    units: lines[index].quantity.units < 0 ? -count : count
                )
            }
            lines[index].serials = Array(names.prefix(wanted))
        }
        command.body.unitLines = lines
    }

    /// The order for which units must have been picked; nil if they must not.
    private func work(_ body: EventBody) -> DocumentID? {
        switch body {
        case .unpicked(let work), .packCompleted(let work), .shipmentDispatched(let work):
            work.order
        default: nil
        }
    }

    private mutating func priced(_ lines: [EventLine]) -> [EventLine] {
        lines.map { entered in
            var line = entered
            line.location = nil
            let cents = Int64.random(in: 1...999, using: &random)
            line.unitCost = ExactDecimal(mantissa: cents, scale: 2)
            return line
        }
    }

    private mutating func poLine(
        _ edge: EdgeHarness
    ) throws -> (PurchaseLineRow.Key, PurchaseLineRow)? {
        guard chance(40) else { return nil }
        return pick(try edge.rows.typed(PurchaseLineRow.self)).map { ($0.key, $0.row) }
    }

    private mutating func receipt(
        _ order: (PurchaseLineRow.Key, PurchaseLineRow)?,
        _ edge: EdgeHarness
    ) -> InventoryCommand {
        if let (key, row) = order {
            return .receive([line(row.sku, units(), at: place())], po: key.purchaseOrder)
        }
        let lines = some(edge).map { entered in
            var line = entered
            line.quantity = Quantity(units: line.quantity.units * 2)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: break
            case 1: line.amount = Money(units: Int64.random(in: 0...99_999, using: &random))
            default:
                line.unitCost = ExactDecimal(
                    mantissa: Int64.random(in: 0...99_999, using: &random),
                    scale: 4
                )
            }
            if chance(15) { line.status = StockStatus.allCases.randomElement(using: &random) }
            return line
        }
        return .receive(lines)
    }

    private mutating func confirmation(_ edge: EdgeHarness) -> InventoryCommand {
        let lines = some(edge, 3).map { entered in
            var line = entered
            line.location = nil
            return line
        }
        return .confirm(
            name("SO", edge),
            lines,
            priority: Int32.random(in: 0...1, using: &random),
            refusesBackorder: chance(10)
        )
    }

    private mutating func orderWork(_ edge: EdgeHarness) throws -> InventoryCommand {
        let lines = try edge.rows.typed(OrderLineRow.self).filter { $0.row.isOpen || chance(5) }
        guard let (key, row) = pick(lines) else { return .pick("SO-unknown", [stockLine(edge)]) }
        let part = line(row.sku, units(row.ordered.units), number: chance(70) ? key.line : nil)
        let isWhole = chance(50)
        let order = key.order
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<6:
            return .amend(order, [line(row.sku, units(12), number: key.line)])
        case 6..<16:
            return isWhole
                ? .cancel(order)
                : .cancel(order, [line(row.sku, part.quantity.units, number: key.line)])
        case 16..<20: return .release(order, isWhole ? [] : [part])
        case 20..<28:
            var line = part
            line.location = place()
            return .allocate(order, [line])
        case 28..<56:
            guard !isWhole else { return .pick(order) }
            var line = part
            line.location = place()
            if chance(20) {
                line.short = Quantity(units: units(3))
                if chance(30) { line.quantity = .zero }
            }
            return .pick(order, [line])
        case 56..<64: return .unpick(order, isWhole ? [] : [part])
        case 64..<80: return .pack(order, isWhole ? [] : [part])
        default: return .dispatch(order, isWhole ? [] : [part])
        }
    }

    private mutating func customerReturn(_ edge: EdgeHarness) throws -> InventoryCommand {
        if chance(30), let (key, row) = pick(try edge.rows.typed(ReturnRow.self)),
            let first = pick(row.lines)
        {
            return .disposition(
                key.document,
                [line(first.sku, units(4), disposition: pick(Disposition.allCases))]
            )
        }
        let id = name("R", edge)
        if chance(20), let other = pick(sites.filter { $0 != edge.site }) {
            counter += 0
            let order = DocumentID(
                trustedForTests: "SO\(max(1, counter - Int(units(12))))-\(other)"
            )
            var entered = stockLine(edge)
            entered.line = 1
            return .giveBack(id, [entered], order: order, orderSite: other)
        }
        let shipped = try edge.rows.typed(OrderLineRow.self).filter { $0.row.shipped.units > 0 }
        guard chance(80), let (key, row) = pick(shipped) else {
            return .giveBack(id, [stockLine(edge)])
        }
        var entered = line(row.sku, units(row.shipped.units), number: key.line, at: place())
        if chance(50) { entered.status = .sellable }
        return .giveBack(id, [entered], order: key.order)
    }

    private mutating func transfer(_ edge: EdgeHarness) throws -> InventoryCommand {
        guard let other = pick(sites.filter { $0 != edge.site }) else {
            return receipt(nil, edge)
        }
        if chance(30) {
            return .transfer(EventBody.transferRequested, name("T", edge), to: other, some(edge))
        }
        guard let (key, row) = pick(try edge.rows.typed(TransferLineRow.self)) else {
            return .transfer(EventBody.transferDispatched, name("T", edge), to: other, some(edge))
        }
        let isSource = key.source == edge.site
        switch Int.random(in: 0..<10, using: &random) {
        case 0:
            return .transfer(
                EventBody.transferCancelled,
                key.transfer,
                from: key.source,
                chance(50) ? [] : [line(row.sku, Int64.random(in: 1...2, using: &random))]
            )
        case 1:
            let inTransit = row.dispatched.units - row.received.units - row.settled.units
            return .transfer(
                EventBody.transferSettled,
                key.transfer,
                from: key.source,
                reason: "lost",
                [line(row.sku, chance(70) ? inTransit : inTransit / 2, number: key.line)]
            )
        case 2 where !isSource:
            // What the sender has not told yet may arrive.
            return .transfer(
                EventBody.transferReceived,
                DocumentID(trustedForTests: "T\(counter + 1)-\(key.source)"),
                from: key.source,
                [stockLine(edge)]
            )
        default:
            if isSource {
                let lines =
                    chance(50) ? [] : [line(row.sku, units(), number: key.line, at: place())]
                return .transfer(EventBody.transferDispatched, key.transfer, lines)
            }
            return .transfer(
                EventBody.transferReceived,
                key.transfer,
                from: key.source,
                [line(row.sku, units(), number: key.line, at: place())]
            )
        }
    }

    private mutating func insideSite(_ edge: EdgeHarness) throws -> InventoryCommand {
        let known = pick(try edge.rows.typed(BucketRow.self))
        func atBucket(_ quantity: Int64) -> EventLine {
            guard let (key, _) = known else { return line("P", quantity) }
            return line(key.sku, quantity, at: key.location, status: key.status)
        }
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1:
            var line = atBucket(units())
            line.toLocation = place() ?? .stock
            return .move([line])
        case 2:
            var line = atBucket(units())
            line.toStatus = StockStatus.allCases.randomElement(using: &random)
            return .status([line])
        case 3:
            let lines = [atBucket(units(4))]
            return chance(60) ? .scrap(lines) : .sendBack(lines)
        case 4:
            var line = atBucket(Int64.random(in: 0...20, using: &random))
            if chance(60) { line.status = nil }
            return .count(name("C", edge), proposes: chance(80), [line])
        case 5:
            let quantity = units(6) * (chance(50) ? 1 : -1)
            return .propose(name("ADJ", edge), [atBucket(quantity)])
        default:
            let open = try edge.rows.typed(AdjustmentRow.self).filter { $0.row.state == .proposed }
            guard let (key, _) = pick(open) else { return .approve("ADJ-unknown") }
            return chance(75) ? .approve(key.document) : .reject(key.document)
        }
    }

    private mutating func correction(_ edge: EdgeHarness) throws -> InventoryCommand {
        if chance(20), let (key, _) = pick(try edge.rows.typed(ExceptionRow.self)) {
            let decision = Decision(subject: "\(key.event)/\(key.index)")
            return InventoryCommand(body: .exceptionAcknowledged(decision))
        }
        if chance(20), let (key, _) = pick(try edge.rows.typed(ConflictRow.self)) {
            let decision = Decision(subject: key.id, choice: "keep", reason: "seen")
            return InventoryCommand(body: .conflictResolved(decision), actor: "ann")
        }
        let valued = try edge.rows.typed(MovementRow.self).map(\.row.event)
        if chance(70), let event = pick(valued) { return .reverse(event) }
        guard let event = pick(edge.pending) else { return receipt(nil, edge) }
        return .reverse(event.id)
    }

    private mutating func administration(_ edge: EdgeHarness) throws -> InventoryCommand {
        let sku = skus.randomElement(using: &random) ?? "P"
        let version = try edge.rows.typed(ItemRow.self).first { $0.key.sku == sku }?.row.version
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1:
            let choice = Int.random(in: 0..<3, using: &random)
            let number = Int64.random(in: 0...5, using: &random)
            return .change(sku, version: version ?? 1) { change in
                if choice == 0 { change.name = "name \(number)" }
                if choice == 1 { change.standardCost = ExactDecimal(mantissa: number, scale: 1) }
                if choice == 2 { change.safetyStock = ExactDecimal(mantissa: number, scale: 0) }
            }
        case 2: return .location(chance(50) ? "A" : "B")
        case 3:
            let change = LocationChange(location: chance(50) ? "A" : "B", kind: .bin)
            return InventoryCommand(
                body: chance(80) ? .locationChanged(change) : .locationRetired(change)
            )
        default:
            guard let node = pick(nodes.filter { $0 != edge.node }) else {
                return .location("A")
            }
            return .grant(sku, units(3), to: node)
        }
    }
}
