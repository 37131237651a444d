import Causality

/// Decisions about orders of which another site ships some lines.
extension Decider {
    /// What one site ships of one line of an order.
    struct OrderPart {
        var line: Int32
        var sku: SKU
        var shipFrom: SiteCode
        var progress: LineProgress

        /// What can still be cancelled.
        func cancellable() throws(EngineError) -> Quantity {
            try progress.open().plus(progress.picked).plus(progress.packed)
                .minus(progress.toPutBack)
        }
    }

    /// Refuses a site that does not ship for this one: it is not in the network, or this node has
    /// not joined, so that nobody could tell the site.
    mutating func checkSupplier(_ supplier: SiteCode) throws(EngineError) {
        let key = SiteRow.Key(code: supplier)
        guard try state.cache.sites.row(key, from: state.reader) != nil else {
            throw .refused(
                "unknown_site",
                "The site \(supplier) is not in the network.",
                field: "ship_from",
                hint: "Check the code, or join the hub first."
            )
        }
    }

    /// Refuses work on an order that another site ships: what is done there is recorded there.
    func checkShipsHere(_ order: OrderRow, _ work: OrderWork) throws(EngineError) {
        guard order.shipFrom != site, order.lines.isEmpty, !isForced else { return }
        throw .refused(
            "ships_elsewhere",
            "Order \(work.order) is shipped by \(order.shipFrom).",
            field: "order",
            hint: "Record it there, with order_site \(work.orderSite ?? site)."
        )
    }

    /// What each site ships of each line of an own order, if another site ships some of it.
    ///
    /// - Returns: By line, the own part first; nil if all of it is shipped here.
    mutating func parts(
        _ work: OrderWork,
        _ order: OrderRow
    ) throws(EngineError) -> [OrderPart]? {
        guard work.orderSite == nil || work.orderSite == site else { return nil }
        var prefix = ByteWriter()
        prefix.id(site)
        prefix.id(work.order)
        let remote = try state.cache.remoteLines.rows(
            from: prefix.bytes,
            to: upperBound(ofPrefix: prefix.bytes),
            limit: InventoryRules.linesMax,
            source: state.reader
        )
        guard !remote.isEmpty else { return nil }
        var parts: [OrderPart] = []
        for number in order.lines {
            guard let row = try orderLine(work, number) else { continue }
            let progress = LineProgress(row)
            parts.append(OrderPart(line: number, sku: row.sku, shipFrom: site, progress: progress))
        }
        for (key, row) in remote {
            parts.append(
                OrderPart(
                    line: key.line,
                    sku: row.sku,
                    shipFrom: key.shipFrom,
                    progress: row.progress
                )
            )
        }
        // A stable order: the number of a line, then the own part, then as the keys are sorted.
        return parts.enumerated().sorted {
            ($0.element.line, $0.offset) < ($1.element.line, $1.offset)
        }
        .map(\.element)
    }

    /// Puts lines to the sites that ship them.
    private mutating func assign(
        _ lines: [(part: OrderPart, line: EventLine)],
        _ work: OrderWork
    ) -> OrderWork {
        var work = work
        work.lines = []
        work.elsewhere = []
        for (part, line) in lines {
            if part.shipFrom == site {
                work.lines.append(line)
            } else if let index = work.elsewhere.firstIndex(where: { $0.shipFrom == part.shipFrom })
            {
                work.elsewhere[index].lines.append(line)
            } else {
                work.elsewhere.append(RemoteLines(shipFrom: part.shipFrom, lines: [line]))
            }
        }
        return work
    }

    private mutating func line(
        _ part: OrderPart,
        _ quantity: Quantity
    ) throws(EngineError) -> EventLine {
        let scale = try item(part.sku, field: "sku").properties.scale
        return EventLine(sku: part.sku, quantity: quantity, scale: scale, line: part.line)
    }

    /// The parts of the line that an entered line names, and the line with its item.
    private mutating func named(
        _ entered: EventLine,
        _ parts: [OrderPart],
        _ work: OrderWork,
        _ index: Int
    ) throws(EngineError) -> (parts: [OrderPart], line: EventLine) {
        let own = parts.filter { $0.line == entered.line }
        guard let first = own.first else {
            throw .refused(
                "unknown_order_line",
                "Order \(work.order) has no such line.",
                field: "lines[\(index)]"
            )
        }
        guard entered.sku == first.sku || entered.sku == EventLine.skuLeftOut else {
            throw .refused(
                "line_differs",
                "Line \(first.line) is about \(first.sku), not \(entered.sku).",
                field: "lines[\(index)].sku",
                hint: "Check the line's number, or leave the SKU out."
            )
        }
        var line = entered
        line.sku = first.sku
        return (own, line)
    }

    /// Cancels, or releases, what each site ships: first what is not yet picked.
    ///
    /// With `onlyOpen` only that may be named.
    mutating func cancelledElsewhere(
        _ work: OrderWork,
        _ parts: [OrderPart],
        onlyOpen: Bool
    ) throws(EngineError) -> OrderWork {
        var lines: [(part: OrderPart, line: EventLine)] = []
        if work.lines.isEmpty {
            for part in parts where try part.progress.open().units > 0 {
                lines.append((part, try line(part, try part.progress.open())))
            }
            guard !lines.isEmpty else {
                throw .refused(
                    "nothing_to_cancel",
                    "Nothing of order \(work.order) is left to cancel.",
                    field: "order",
                    hint: "What is picked must be named by its line."
                )
            }
            return assign(lines, work)
        }
        for (index, entered) in work.lines.enumerated() {
            let (own, named) = try named(entered, parts, work, index)
            var open = Quantity.zero
            var most = Quantity.zero
            for part in own {
                open = try open.plus(part.progress.open())
                most = try most.plus(onlyOpen ? part.progress.open() : part.cancellable())
            }
            let asked =
                entered.quantity.isZero ? open : try resolve([named])[0].quantity
            guard asked.units > 0, asked <= most else {
                throw .refused(
                    onlyOpen ? "nothing_to_release" : "nothing_to_cancel",
                    "Only \(most.units) units are left.",
                    field: "lines[\(index)].quantity"
                )
            }
            var left = asked
            var taken = [Quantity](repeating: .zero, count: own.count)
            for pass in 0..<2 {
                for (place, part) in own.enumerated() {
                    let room = pass == 0 ? try part.progress.open() : try part.cancellable()
                    let more = min(left, try room.minus(taken[place]).clampedToZero)
                    taken[place] = try taken[place].plus(more)
                    left = try left.minus(more)
                }
            }
            for (place, part) in own.enumerated() where taken[place].units > 0 {
                lines.append((part, try line(part, taken[place])))
            }
        }
        return assign(lines, work)
    }

    /// Amends what each site ships: more is promised where the line begins, less is taken from who
    /// came last.
    mutating func amendedElsewhere(
        _ work: OrderWork,
        _ parts: [OrderPart]
    ) throws(EngineError) -> OrderWork {
        guard !work.lines.isEmpty else {
            throw .refused("lines_missing", "At least one line is needed.", field: "lines")
        }
        var lines: [(part: OrderPart, line: EventLine)] = []
        var usable: [StockKey: Quantity] = [:]
        for (index, entered) in work.lines.enumerated() {
            let (own, named) = try named(entered, parts, work, index)
            let total = try resolve([named], .zeroOrMore)[0].quantity
            var ordered = Quantity.zero
            var fixed = Quantity.zero
            func fixedPart(_ part: OrderPart) throws(EngineError) -> Quantity {
                try part.progress.packed.plus(part.progress.shipped).plus(part.progress.cancelled)
            }
            for part in own {
                ordered = try ordered.plus(part.progress.ordered)
                fixed = try fixed.plus(fixedPart(part))
            }
            guard total >= fixed else {
                throw .refused(
                    "amend_too_late",
                    "\(fixed.units) units are packed, shipped or cancelled.",
                    field: "lines[\(index)].quantity"
                )
            }
            if total >= ordered, let part = own.first {
                let more = try total.minus(ordered)
                let stock = StockKey(home: part.shipFrom, sku: part.sku)
                var left = usable[stock]
                if left == nil { left = try state.usableRights(recorder, stock) }
                let free = left ?? .zero
                var line = try line(part, try part.progress.ordered.plus(more))
                let granted = min(free, more)
                line.granted = granted
                usable[stock] = try free.minus(granted)
                lines.append((part, line))
                continue
            }
            var less = try ordered.minus(total)
            for part in own.reversed() where less.units > 0 {
                let room = try part.progress.ordered.minus(fixedPart(part))
                let taken = min(less, room)
                guard taken.units > 0 else { continue }
                less = try less.minus(taken)
                lines.append((part, try line(part, try part.progress.ordered.minus(taken))))
            }
        }
        return assign(lines, work)
    }

    /// Goods that another site has shipped and that come back here: their lines, so that they are
    /// worth what they cost when they left.
    mutating func returnedElsewhere(
        _ body: CustomerReturn,
        _ parts: [OrderPart],
        _ supplier: SiteCode
    ) throws(EngineError) -> CustomerReturn {
        var body = body
        body.shipFrom = supplier
        for (index, line) in body.lines.enumerated() where line.line == nil {
            var found: Int32?
            for part in parts
            where found == nil && part.sku == line.sku && part.shipFrom == supplier {
                let left = try part.progress.shipped.minus(part.progress.returned)
                if left >= line.quantity { found = part.line }
            }
            guard found != nil || isForced else {
                throw .refused(
                    "over_return",
                    "So much of \(line.sku) was not shipped for \(body.order?.text ?? "it").",
                    field: "lines[\(index)].quantity",
                    hint: "Check it, or insist with force."
                )
            }
            body.lines[index].line = found
        }
        return body
    }
}
