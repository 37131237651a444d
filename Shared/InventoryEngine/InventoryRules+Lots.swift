import Causality

/// Decisions about where units are taken from: places, and lots in the order of their dates.
extension Decider {
    /// Units that lie in one place and are free to take.
    private struct Lying {
        var location: LocationID
        var lot: LotID?
        var expiry: CivilDate?
        var free: Quantity

        /// First expired, first out; what has no date goes last.
        static func goesFirst(_ one: Lying, _ other: Lying) -> Bool {
            switch (one.expiry, other.expiry) {
            case (let first?, let second?) where first != second: return first < second
            case (.some, nil): return true
            case (nil, .some): return false
            default: break
            }
            if one.lot != other.lot { return (one.lot?.text ?? "") < (other.lot?.text ?? "") }
            return one.location < other.location
        }
    }

    private mutating func isLotTracked(_ sku: SKU) throws(EngineError) -> Bool {
        try item(sku, field: "sku").properties.isLotTracked
    }

    private func lotMissing(_ sku: SKU, _ index: Int, _ hint: String) -> EngineError {
        .refused(
            "lot_missing",
            "\(sku) is kept by lot, and the line names none.",
            field: "lines[\(index)].lot",
            hint: hint
        )
    }

    /// Demands the lot of what comes in or is counted, where it is kept by lot.
    mutating func requireLots(_ lines: [EventLine]) throws(EngineError) {
        for (index, line) in lines.enumerated() where line.lot == nil {
            guard try isLotTracked(line.sku) else { continue }
            throw lotMissing(line.sku, index, "Name the lot that is printed on the goods.")
        }
    }

    /// Fills in the lot of what is moved inside a site, where only one lies in the place.
    mutating func fillLots(_ lines: inout [EventLine]) throws(EngineError) {
        for index in lines.indices where lines[index].lot == nil {
            let line = lines[index]
            guard try isLotTracked(line.sku) else { continue }
            let stock = StockKey(home: site, sku: line.sku)
            var lots: Set<LotID> = []
            for (bucket, _) in try state.buckets(of: stock, line.status ?? .sellable)
            where bucket.location == line.location ?? .stock {
                if let lot = bucket.lot { lots.insert(lot) }
            }
            guard lots.count == 1, let lot = lots.first else {
                let there = lots.isEmpty ? "none is there" : "\(lots.count) are there"
                throw lotMissing(line.sku, index, "Name the lot: \(there).")
            }
            lines[index].lot = lot
        }
    }

    /// A receipt says until when its lots may be promised; what is past that date already is not
    /// sellable unless the command says so.
    mutating func checkExpiry(_ lines: inout [EventLine]) throws(EngineError) {
        for (index, line) in lines.enumerated() {
            guard let expiry = line.expiry else { continue }
            guard line.lot != nil else {
                throw .refused(
                    "lot_missing",
                    "A date belongs to a lot, and the line names none.",
                    field: "lines[\(index)].expiry"
                )
            }
            if line.status == nil, let now = state.decidesAt, expiry < now.date {
                lines[index].status = .expired
            }
        }
    }

    // MARK: Suggestions

    /// Where units of an item are free to take, in the order in which they should be taken.
    ///
    /// Left out are staging, what is past its date, what is set aside for others, and places where
    /// something was not found and nobody has counted yet.
    private mutating func lying(
        _ sku: SKU,
        at location: LocationID?,
        _ lot: LotID?
    ) throws(EngineError) -> [Lying] {
        let stock = StockKey(home: site, sku: sku)
        var found: [Lying] = []
        for (bucket, _) in try state.buckets(of: stock, .sellable)
        where bucket.location != .staging && (location == nil || bucket.location == location)
            && (lot == nil || bucket.lot == lot)
        {
            let expiry = try state.expiry(of: bucket.lot, stock)
            if let expiry, let now = state.decidesAt, expiry < now.date { continue }
            if location == nil, try isHeld(bucket.location, sku) { continue }
            let free = try state.unallocated(stock, bucket.location, bucket.lot)
            guard free.units > 0 else { continue }
            found.append(
                Lying(location: bucket.location, lot: bucket.lot, expiry: expiry, free: free)
            )
        }
        return found.sorted(by: Lying.goesFirst)
    }

    /// Whether a place waits for a count of an item.
    private mutating func isHeld(_ location: LocationID, _ sku: SKU) throws(EngineError) -> Bool {
        let task = TaskRow.Key(home: site, purpose: .recount, subject: location.text, sku: sku)
        return try state.cache.tasks.row(task, from: state.reader) != nil
    }

    /// Takes units from what lies somewhere, place after place.
    ///
    /// - Returns: The lines, one a place, and what was not found.
    private func taken(
        _ line: EventLine,
        from lying: inout [Lying]
    ) throws(EngineError) -> (lines: [EventLine], left: Quantity) {
        var lines: [EventLine] = []
        var left = line.quantity
        for index in lying.indices where left.units > 0 && lying[index].free.units > 0 {
            var part = line
            part.quantity = min(lying[index].free, left)
            part.location = lying[index].location
            part.lot = lying[index].lot
            if !lines.isEmpty { part.short = nil }
            lying[index].free = try lying[index].free.minus(part.quantity)
            left = try left.minus(part.quantity)
            lines.append(part)
        }
        return (lines, left)
    }

    /// Gives each line of an allocation its place and lot.
    ///
    /// - Throws: ``EngineError`` where less is free than the line asks for, unless it `mayBeLess`.
    mutating func allocationPlaces(
        _ lines: [EventLine],
        mayBeLess: Bool
    ) throws(EngineError) -> [EventLine] {
        var placed: [EventLine] = []
        var known: [StockPlace: [Lying]] = [:]
        for (index, line) in lines.enumerated() {
            if let location = line.location {
                try checkLocation(location, field: "lines[\(index)].location")
            }
            let place = StockPlace(sku: line.sku, location: line.location, lot: line.lot)
            var free: [Lying]
            if let before = known[place] {
                free = before
            } else {
                free = try lying(line.sku, at: line.location, line.lot)
            }
            let (parts, left) = try taken(line, from: &free)
            guard left.isZero || mayBeLess else {
                let found = try line.quantity.minus(left)
                throw .refused(
                    "insufficient_in_place",
                    "Only \(found.units) units of \(line.sku) are free to allocate"
                        + (line.location.map { " at \($0)." } ?? "."),
                    field: "lines[\(index)].quantity",
                    hint: "Look with: plumbline stock \(line.sku) --by location"
                )
            }
            known[place] = free
            placed += parts
        }
        return placed
    }

    /// What lines that name the same place share.
    private struct StockPlace: Hashable {
        var sku: SKU
        var location: LocationID?
        var lot: LotID?
    }

    /// Gives each line of a pick its place and lot: first where the order's line is set aside, then
    /// where the first lot to expire lies, and else the site's default location.
    mutating func pickPlaces(
        _ lines: [EventLine],
        _ work: OrderWork
    ) throws(EngineError) -> [EventLine] {
        var placed: [EventLine] = []
        for (index, line) in lines.enumerated() {
            guard line.location == nil || line.lot == nil, !line.quantity.isZero else {
                placed.append(line)
                continue
            }
            let isTracked = try isLotTracked(line.sku)
            guard line.location == nil || isTracked else {
                placed.append(line)
                continue
            }
            var allocated: [Lying] = []
            if let number = line.line, let row = try orderLine(work, number) {
                for place in row.places
                where (line.location == nil || place.location == line.location)
                    && (line.lot == nil || place.lot == line.lot)
                {
                    allocated.append(
                        Lying(location: place.location, lot: place.lot, free: place.quantity)
                    )
                }
            }
            var (parts, left) = try taken(line, from: &allocated)
            if left.units > 0 {
                var rest = line
                rest.quantity = left
                if !parts.isEmpty { rest.short = nil }
                if isTracked {
                    var free = try lying(line.sku, at: line.location, line.lot)
                    let (more, missing) = try taken(rest, from: &free)
                    guard missing.isZero else {
                        throw lotMissing(
                            line.sku,
                            index,
                            "Name the lot in hand: less than that is known to be there."
                        )
                    }
                    parts += more
                } else {
                    parts.append(rest)
                }
            }
            placed += parts
        }
        return placed
    }

    /// Gives each line that leaves the site by transfer its place and lot.
    mutating func transferLots(_ lines: [EventLine]) throws(EngineError) -> [EventLine] {
        var placed: [EventLine] = []
        for (index, entered) in lines.enumerated() {
            guard try isLotTracked(entered.sku) else {
                placed.append(entered)
                continue
            }
            var parts = [entered]
            if entered.lot == nil {
                var free = try lying(entered.sku, at: entered.location, nil)
                let (found, missing) = try taken(entered, from: &free)
                guard missing.isZero else {
                    throw lotMissing(
                        entered.sku,
                        index,
                        "Name the lot in hand: less than that is known to be free."
                    )
                }
                parts = found
            }
            for part in parts {
                var part = part
                let stock = StockKey(home: site, sku: part.sku)
                part.expiry = try state.expiry(of: part.lot, stock)
                placed.append(part)
            }
        }
        return placed
    }

    /// Gives lines of goods that lie in staging for an order their lots, the first to expire first.
    mutating func stagedLots(
        _ lines: [EventLine],
        _ work: OrderWork
    ) throws(EngineError) -> [EventLine] {
        var placed: [EventLine] = []
        var used: [StagedRow.Key: Quantity] = [:]
        for (index, line) in lines.enumerated() {
            guard line.lot == nil, try isLotTracked(line.sku) else {
                placed.append(line)
                continue
            }
            let stock = StockKey(home: site, sku: line.sku)
            var free: [Lying] = []
            for lot in try stagedLots(of: stock) {
                let key = state.stagedKey(stock, lot, work.orderSite ?? site, work.order)
                guard let row = try state.cache.staged.row(key, from: state.reader) else {
                    continue
                }
                let expiry = try state.expiry(of: lot, stock)
                let quantity = try row.staged.minus(used[key] ?? .zero)
                free.append(
                    Lying(location: .staging, lot: lot, expiry: expiry, free: quantity)
                )
            }
            free.sort(by: Lying.goesFirst)
            let (parts, missing) = try taken(line, from: &free)
            guard missing.isZero else {
                throw lotMissing(
                    line.sku,
                    index,
                    "Name the lot in hand: less than that was picked for the order."
                )
            }
            for part in parts {
                var part = part
                let key = state.stagedKey(stock, part.lot, work.orderSite ?? site, work.order)
                used[key] = try (used[key] ?? .zero).plus(part.quantity)
                part.location = line.location
                placed.append(part)
            }
        }
        return placed
    }

    /// The lots of an item that lie in staging, whatever their status.
    private mutating func stagedLots(of stock: StockKey) throws(EngineError) -> Set<LotID> {
        var lots: Set<LotID> = []
        for (bucket, _) in try state.buckets(of: stock) where bucket.location == .staging {
            if let lot = bucket.lot { lots.insert(lot) }
        }
        return lots
    }
}
