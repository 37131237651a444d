import Causality

/// What lies in staging for an order of one lot, or was shipped of it: the list of a recall.
///
/// Of items without lots it is kept only while something of it is quarantined.
package struct StagedRow: Row {
    package static let kind = RowKind.staged
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        package var stock: StockKey
        package var lot: LotID?
        package var orderSite: SiteCode
        package var order: DocumentID
        package var site: SiteCode? { stock.home }

        package init(stock: StockKey, lot: LotID?, orderSite: SiteCode, order: DocumentID) {
            self.stock = stock
            self.lot = lot
            self.orderSite = orderSite
            self.order = order
        }

        package func encode(into writer: inout ByteWriter) {
            stock.encode(into: &writer)
            writer.id(lot)
            writer.id(orderSite)
            writer.id(order)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.stock = try StockKey(from: &reader)
            self.lot = try reader.optionalID()
            self.orderSite = try reader.id()
            self.order = try reader.id()
        }
    }

    /// What is picked or packed; kept for lots only, since else the order's lines say it.
    package var staged = Quantity.zero
    /// What has left; kept for lots only.
    package var shipped = Quantity.zero
    /// What of the staged units is quarantined.
    package var held = Quantity.zero
    /// The status of those units.
    package var heldAs = StockStatus.hold
    /// Who quarantined them last.
    package var heldBy = Latest()

    package init() {}

    package var isVacant: Bool { staged.isZero && shipped.isZero && held.isZero }
    package var isOpen: Bool { !staged.isZero || !held.isZero }

    package func encode(into writer: inout ByteWriter) {
        writer.quantity(staged)
        writer.quantity(shipped)
        writer.quantity(held)
        writer.byte(heldAs.rawValue)
        writer.latest(heldBy)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.staged = try reader.quantity()
        self.shipped = try reader.quantity()
        self.held = try reader.quantity()
        self.heldAs = try reader.raw(StockStatus.self)
        self.heldBy = try reader.latest()
    }
}

extension StockState {
    func stagedKey(
        _ stock: StockKey,
        _ lot: LotID?,
        _ orderSite: SiteCode,
        _ order: DocumentID
    ) -> StagedRow.Key {
        StagedRow.Key(stock: stock, lot: lot, orderSite: orderSite, order: order)
    }

    /// Brings units of a stock to staging for an order; `held` of them are quarantined.
    mutating func stage(
        _ current: Current,
        _ work: OrderWork,
        _ stock: StockKey,
        _ lot: LotID?,
        _ quantity: Quantity,
        held: Quarantine? = nil
    ) throws(EngineError) {
        let followed = held?.quantity ?? .zero
        try moveStock(stock, .staging, lot, .sellable, by: quantity.minus(followed))
        guard lot != nil || held != nil else { return }
        let key = stagedKey(stock, lot, work.orderSite ?? current.site, work.order)
        var row = try cache.staged.row(key, from: reader) ?? StagedRow()
        if let held, followed.units > 0 { try hold(&row, stock, followed, as: held) }
        if let held { try moveStock(stock, .staging, lot, row.heldAs, by: held.quantity) }
        if lot != nil { row.staged = try row.staged.plus(quantity) }
        try setStaged(key, to: row)
    }

    /// Takes units of an order out of staging, the sellable ones first unless `heldFirst`.
    ///
    /// - Returns: How many of them were quarantined, and as what.
    mutating func unstage(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ quantity: Quantity,
        heldFirst: Bool = false,
        isShipped: Bool = false
    ) throws(EngineError) -> Quarantine? {
        let stock = StockKey(home: current.site, sku: line.sku)
        guard holds(stock.home) else { return nil }
        let summary = try cache.summaries.row(stock, from: reader)
        guard line.lot != nil || summary?.quarantined.isZero == false else {
            try moveStock(stock, .staging, nil, .sellable, by: -quantity)
            return nil
        }
        let key = stagedKey(stock, line.lot, work.orderSite ?? current.site, work.order)
        var row = try cache.staged.row(key, from: reader) ?? StagedRow()
        let free = try staged(key, row).minus(row.held).clampedToZero
        var held = min(row.held, heldFirst ? quantity : try quantity.minus(free).clampedToZero)
        if !line.serials.isEmpty {
            held = min(row.held, try quarantinedUnits(stock, line)?.quantity ?? .zero)
        }
        let status = row.heldAs
        try moveStock(stock, .staging, line.lot, .sellable, by: -(quantity.minus(held)))
        try moveStock(stock, .staging, line.lot, status, by: -held)
        row.held = try row.held.minus(held)
        if line.lot != nil {
            row.staged = try row.staged.minus(quantity)
            if isShipped { row.shipped = try row.shipped.plus(quantity) }
        }
        let by = row.heldBy
        try setStaged(key, to: row)
        guard held.units > 0 else { return nil }
        return Quarantine(quantity: held, status: status, by: by)
    }

    /// Takes a dispatch of quarantined units back.
    mutating func restage(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        held: Quantity
    ) throws(EngineError) {
        let stock = StockKey(home: current.site, sku: line.sku)
        let key = stagedKey(stock, line.lot, work.orderSite ?? current.site, work.order)
        var row = try cache.staged.row(key, from: reader) ?? StagedRow()
        try moveStock(stock, .staging, line.lot, .sellable, by: line.quantity.minus(held))
        guard line.lot != nil || held.units > 0 else { return }
        try moveStock(stock, .staging, line.lot, row.heldAs, by: held)
        row.held = try row.held.plus(held)
        if line.lot != nil {
            row.staged = try row.staged.plus(line.quantity)
            row.shipped = try row.shipped.minus(line.quantity)
        }
        try setStaged(key, to: row)
    }

    /// What of an order lies in staging.
    ///
    /// - Complexity: O(lines of the order) for an item without lots.
    private mutating func staged(
        _ key: StagedRow.Key,
        _ row: StagedRow
    ) throws(EngineError) -> Quantity {
        guard key.lot == nil else { return row.staged }
        let home = key.stock.home
        var sum = Quantity.zero
        let order = OrderRow.Key(home: home, orderSite: key.orderSite, order: key.order)
        for number in try cache.orders.row(order, from: reader)?.lines ?? [] {
            let line = OrderLineRow.Key(
                home: home,
                orderSite: key.orderSite,
                order: key.order,
                line: number
            )
            guard let row = try cache.orderLines.row(line, from: reader), row.sku == key.stock.sku
            else { continue }
            sum = try sum.plus(row.picked).plus(row.packed)
        }
        let beyond = SurplusRow.Key(
            home: home,
            orderSite: key.orderSite,
            order: key.order,
            sku: key.stock.sku
        )
        guard let surplus = try cache.surpluses.row(beyond, from: reader) else { return sum }
        return try sum.plus(surplus.picked).plus(surplus.packed)
    }

    private mutating func setStaged(
        _ key: StagedRow.Key,
        to row: StagedRow
    ) throws(EngineError) {
        let old = try cache.staged.row(key, from: reader)?.held ?? .zero
        try cache.staged.set(key, to: row, from: reader)
        guard row.held != old else { return }
        try changeSummary(key.stock) { (summary) throws(EngineError) in
            summary.quarantined = try summary.quarantined.plus(row.held).minus(old)
        }
    }

    /// Notes that units of an order are quarantined; all of an order have one status.
    private func hold(
        _ row: inout StagedRow,
        _ stock: StockKey,
        _ quantity: Quantity,
        as held: Quarantine
    ) throws(EngineError) {
        if row.held.isZero { row.heldAs = held.status }
        row.held = try row.held.plus(quantity)
        if let by = held.by.event { row.heldBy.note(by) }
    }

    // MARK: Pair 15: a quarantine and what was taken meanwhile

    /// The most movements of a stock that are searched for those that a quarantine did not know.
    static let quarantineSearchMax = 1_000

    /// Units that a fact takes from a place where a change of status, which it did not know of,
    /// says there are none any more: they are quarantined wherever they are.
    mutating func quarantined(
        _ current: Current,
        _ stock: StockKey,
        _ location: LocationID,
        _ lot: LotID?,
        _ quantity: Quantity
    ) throws(EngineError) -> Quarantine? {
        guard holds(stock.home) else { return nil }
        let there = try bucket(stock, location, lot, .sellable)
        let missing = try quantity.minus(there.clampedToZero)
        guard missing.units > 0 else { return nil }
        for (row, _) in try unknownMoves(current, stock) {
            guard let located = try located(row.event),
                case .statusChanged = located.event.body
            else { continue }
            for line in row.lines
            where line.location == location && line.lot == lot && line.delta.units > 0
                && line.status != .sellable
            {
                let held = min(
                    missing,
                    line.delta,
                    try bucket(stock, location, lot, line.status).clampedToZero
                )
                guard held.units > 0 else { continue }
                let by = EventRef(id: row.event, position: located.entry?.position)
                return Quarantine(quantity: held, status: line.status, by: Latest(event: by))
            }
        }
        return nil
    }

    /// Follows units that were taken from a place before their change of status was known: what is
    /// still in staging, or was moved, changes its status there, and what has left is recalled.
    ///
    /// - Returns: How many units of the line it has found elsewhere.
    mutating func follow(
        _ current: Current,
        _ line: EventLine,
        to status: StockStatus
    ) throws(EngineError) -> Quantity {
        let stock = StockKey(home: current.site, sku: line.sku)
        let location = line.location ?? .stock
        guard holds(stock.home) else { return .zero }
        let there = try bucket(stock, location, line.lot, .sellable)
        var missing = try line.quantity.minus(there.clampedToZero)
        var followed = Quantity.zero
        guard missing.units > 0 else { return .zero }
        for (row, _) in try unknownMoves(current, stock) {
            var taken = Quantity.zero
            for part in row.lines
            where part.location == location && part.lot == line.lot && part.status == .sellable {
                taken = try taken.minus(part.delta)
            }
            taken = min(taken, missing)
            guard taken.units > 0, let located = try located(row.event) else { continue }
            let other = EventRef(id: row.event, position: located.entry?.position)
            switch located.event.body {
            case .pickCompleted(let work), .packCompleted(let work), .shipmentDispatched(let work):
                try followOrder(current, line, taken, to: status, work, other)
            case .moved(let change):
                taken = try followMove(current, line, taken, to: status, change, other)
            case .transferDispatched(let transfer):
                let subject = transfer.transfer.text
                try addTask(.recall, subject, stock, taken)
                try raiseQuarantined(current, with: other, stock.sku, subject, gone: taken)
            default: continue
            }
            missing = try missing.minus(taken)
            followed = try followed.plus(taken)
            if missing.isZero { break }
        }
        return followed
    }

    mutating func followOrder(
        _ current: Current,
        _ line: EventLine,
        _ quantity: Quantity,
        to status: StockStatus,
        _ work: OrderWork,
        _ other: EventRef
    ) throws(EngineError) {
        let stock = StockKey(home: current.site, sku: line.sku)
        let key = stagedKey(stock, line.lot, work.orderSite ?? current.site, work.order)
        var row = try cache.staged.row(key, from: reader) ?? StagedRow()
        let free = try staged(key, row).minus(row.held).clampedToZero
        let held = min(free, quantity)
        if held.units > 0 {
            let by = Latest(event: current.ref)
            try hold(&row, stock, held, as: Quarantine(quantity: held, status: status, by: by))
            try moveStock(stock, .staging, line.lot, .sellable, by: -held)
            try moveStock(stock, .staging, line.lot, row.heldAs, by: held)
            try setStaged(key, to: row)
        }
        let gone = try quantity.minus(held)
        let subject = work.order.text
        try addTask(.recall, subject, stock, gone)
        try raiseQuarantined(current, with: other, stock.sku, subject, held: held, gone: gone)
    }

    private mutating func followMove(
        _ current: Current,
        _ line: EventLine,
        _ quantity: Quantity,
        to status: StockStatus,
        _ change: StockChange,
        _ other: EventRef
    ) throws(EngineError) -> Quantity {
        let stock = StockKey(home: current.site, sku: line.sku)
        var left = quantity
        for moved in change.lines where moved.sku == line.sku && moved.lot == line.lot {
            guard let place = moved.toLocation else { continue }
            let there = try bucket(stock, place, line.lot, .sellable).clampedToZero
            let held = min(left, moved.quantity, there)
            guard held.units > 0 else { continue }
            try moveStock(stock, place, line.lot, .sellable, by: -held)
            try moveStock(stock, place, line.lot, status, by: held)
            left = try left.minus(held)
            try raiseQuarantined(current, with: other, stock.sku, place.text, held: held)
        }
        return try quantity.minus(left)
    }

    /// Puts quarantined units that leave at the event at hand on the list of those to call back.
    mutating func recall(
        _ current: Current,
        _ stock: StockKey,
        _ subject: String,
        _ held: Quarantine
    ) throws(EngineError) {
        try addTask(.recall, subject, stock, held.quantity)
        guard let other = unknown(held.by, to: current) else {
            raise(
                "quarantined_dispatched",
                stock.sku,
                "\(stock.sku) left for \(subject) although it is quarantined."
            )
            return
        }
        try raiseQuarantined(current, with: other, stock.sku, subject, gone: held.quantity)
    }

    /// The quarantine holds for what has not left, whichever of the two comes first.
    mutating func raiseQuarantined(
        _ current: Current,
        with other: EventRef,
        _ sku: SKU,
        _ subject: String,
        held: Quantity = .zero,
        gone: Quantity = .zero
    ) throws(EngineError) {
        var after: [String] = []
        if held.units > 0 { after.append("\(held.units) units are set aside where they are now") }
        if gone.units > 0 {
            after.append("\(gone.units) units have left and are on the recall list")
        }
        try raiseQuarantine(
            current,
            with: other,
            sku,
            subject,
            after: after.joined(separator: "; "),
            compensation: gone.units > 0 ? "Call the units back." : "Take others for the order."
        )
    }

    mutating func raiseQuarantine(
        _ current: Current,
        with other: EventRef,
        _ sku: SKU,
        _ subject: String,
        after: String,
        compensation: String
    ) throws(EngineError) {
        try raiseConflict(
            .quarantinedAndTaken,
            current,
            with: other,
            sku: sku,
            subject: subject,
            resolution: "The quarantine stands for all that has not left.",
            before: "quarantined and taken, neither knowing of the other",
            after: after,
            compensation: compensation,
            isResolved: true,
            at: current.site
        )
    }

    /// What moved units of a stock without the event at hand knowing of it, the newest first.
    ///
    /// - Complexity: O(1): at most ``quarantineSearchMax`` movements are searched.
    private mutating func unknownMoves(
        _ current: Current,
        _ stock: StockKey
    ) throws(EngineError) -> [(row: PostingRow, key: PostingRow.Key)] {
        let last = try cache.summaries.row(stock, from: reader)?.lastPosting
        var count = 0
        let recent = try history(\.postings, stock, from: last) { _, _ in
            count += 1
            return count <= Self.quarantineSearchMax
        }
        var unknown: [(row: PostingRow, key: PostingRow.Key)] = []
        for (key, row) in recent.reversed() where row.count == nil {
            guard row.event.node != current.event.id.node else { continue }
            let position: HubPosition? =
                key.place.position.rawValue == .max ? nil : key.place.position
            if isConcurrent(current, with: EventRef(id: row.event, position: position)) {
                unknown.append((row, key))
            }
        }
        return unknown
    }

    private mutating func bucket(
        _ stock: StockKey,
        _ location: LocationID,
        _ lot: LotID?,
        _ status: StockStatus
    ) throws(EngineError) -> Quantity {
        let key = BucketRow.Key(
            home: stock.home,
            sku: stock.sku,
            location: location,
            lot: lot,
            status: status
        )
        return try cache.buckets.row(key, from: reader)?.quantity ?? .zero
    }
}

/// Units that are not sellable any more, wherever they are.
struct Quarantine {
    var quantity: Quantity
    var status: StockStatus
    /// Who quarantined them.
    var by: Latest
}
