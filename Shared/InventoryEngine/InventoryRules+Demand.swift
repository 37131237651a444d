import Causality

/// Decisions about orders and returns.
extension Decider {
    mutating func confirmed(
        _ order: OrderConfirmation
    ) throws(EngineError) -> OrderConfirmation {
        let supplier = order.shipFrom ?? site
        if supplier != site { try checkSupplier(supplier) }
        let key = OrderRow.Key(home: site, orderSite: site, order: order.order)
        guard try state.cache.orders.row(key, from: state.reader) == nil else {
            throw .refused(
                "order_exists",
                "Order \(order.order) was confirmed before.",
                field: "order",
                hint: "Use order_amended to change it."
            )
        }
        var order = order
        order.shipFrom = supplier == site ? nil : supplier
        order.lines = try resolve(order.lines, isClaim: true)
        try number(&order.lines)
        // Several lines of one SKU are checked on the sum.
        var usable: [SKU: Quantity] = [:]
        for index in order.lines.indices {
            let line = order.lines[index]
            var left: Quantity
            if let known = usable[line.sku] {
                left = known
            } else {
                left = try state.usableRights(recorder, StockKey(home: supplier, sku: line.sku))
            }
            let granted = min(left, line.quantity)
            if order.refusesBackorder, granted < line.quantity {
                throw .refused(
                    "insufficient_stock",
                    "Only \(granted.units) units of \(line.sku) can be promised.",
                    field: "lines[\(index)].quantity",
                    hint: "Order less, or allow a backorder."
                )
            }
            left = try left.minus(granted)
            usable[line.sku] = left
            order.lines[index].granted = granted
        }
        return order
    }

    private mutating func knownOrder(
        _ work: OrderWork
    ) throws(EngineError) -> OrderRow? {
        let key = OrderRow.Key(
            home: site,
            orderSite: work.orderSite ?? site,
            order: work.order
        )
        return try state.cache.orders.row(key, from: state.reader)
    }

    private mutating func requiredOrder(_ work: OrderWork) throws(EngineError) -> OrderRow {
        guard let order = try knownOrder(work) else {
            throw .refused(
                "unknown_order",
                "Order \(work.order) is not known at \(site).",
                field: "order"
            )
        }
        return order
    }

    mutating func orderLine(
        _ work: OrderWork,
        _ number: Int32
    ) throws(EngineError) -> OrderLineRow? {
        let key = OrderLineRow.Key(
            home: site,
            orderSite: work.orderSite ?? site,
            order: work.order,
            line: number
        )
        return try state.cache.orderLines.row(key, from: state.reader)
    }

    /// A line for the fold, as much as a filter finds open on an order line.
    private mutating func openLine(
        _ number: Int32,
        _ row: OrderLineRow,
        _ quantity: Quantity
    ) throws(EngineError) -> EventLine {
        let scale = try item(row.sku, field: "sku").properties.scale
        return EventLine(sku: row.sku, quantity: quantity, scale: scale, line: number)
    }

    /// Gives every line of work the order line that it is about, splitting a quantity over the
    /// lines of its SKU where no line is named.
    private mutating func match(
        _ lines: [EventLine],
        _ work: OrderWork,
        _ order: OrderRow,
        _ open: (OrderLineRow) throws(EngineError) -> Quantity,
        excess code: String
    ) throws(EngineError) -> [EventLine] {
        var matched: [EventLine] = []
        var used: [Int32: Quantity] = [:]
        for (index, entered) in lines.enumerated() {
            var left = entered.quantity
            let numbers = entered.line.map { [$0] } ?? order.lines
            var home: Int32?
            for number in numbers {
                guard let row = try orderLine(work, number), row.sku == entered.sku else {
                    continue
                }
                home = home ?? number
                let free = try open(row).minus(used[number] ?? .zero).clampedToZero
                let taken = min(free, left)
                let isFullyShort = entered.quantity.isZero && entered.short != nil
                guard taken.units > 0 || isFullyShort else { continue }
                var part = entered
                part.line = number
                part.quantity = taken
                if !matched.isEmpty, part.short != nil, left != entered.quantity {
                    part.short = nil
                }
                matched.append(part)
                used[number] = try (used[number] ?? .zero).plus(taken)
                left = try left.minus(taken)
                if isFullyShort || left.isZero { break }
            }
            guard let home else {
                guard isForced else {
                    throw .refused(
                        "unknown_order_line",
                        "Order \(work.order) has no such line.",
                        field: "lines[\(index)]",
                        hint: "Check it, or insist with force."
                    )
                }
                matched.append(entered)
                continue
            }
            guard left.units > 0 else { continue }
            guard isForced else {
                throw .refused(
                    code,
                    "That is \(left.units) units of \(entered.sku) more than is open.",
                    field: "lines[\(index)].quantity",
                    hint: "Check it, or insist with force."
                )
            }
            var beyond = entered
            beyond.line = home
            beyond.quantity = left
            beyond.short = nil
            matched.append(beyond)
        }
        return matched
    }

    /// Work on an order that is not known: only a forced fact.
    private mutating func unknownOrder(_ work: OrderWork) throws(EngineError) -> OrderWork {
        guard isForced else {
            throw .refused(
                "unknown_order",
                "Order \(work.order) is not known at \(site).",
                field: "order",
                hint: "Check the number, or insist with force."
            )
        }
        var work = work
        work.lines = try resolve(work.lines)
        try place(&work.lines)
        return work
    }

    private mutating func allLines(
        _ work: OrderWork,
        _ order: OrderRow,
        _ open: (OrderLineRow) throws(EngineError) -> Quantity
    ) throws(EngineError) -> [EventLine] {
        var lines: [EventLine] = []
        for number in order.lines {
            guard let row = try orderLine(work, number) else { continue }
            let quantity = try open(row)
            if quantity.units > 0 { lines.append(try openLine(number, row, quantity)) }
        }
        return lines
    }

    /// The SKU of an order line that a command names by its number; another SKU beside the number
    /// is a typing error in one of the two.
    private func named(
        _ entered: SKU,
        _ row: OrderLineRow,
        _ number: Int32,
        _ field: String
    ) throws(EngineError) -> SKU {
        guard entered == row.sku || entered == EventLine.skuLeftOut else {
            throw .refused(
                "line_differs",
                "Line \(number) is about \(row.sku), not \(entered).",
                field: "\(field).sku",
                hint: "Check the line's number, or leave the SKU out."
            )
        }
        return row.sku
    }

    mutating func amended(_ work: OrderWork) throws(EngineError) -> OrderWork {
        let order = try requiredOrder(work)
        if let parts = try parts(work, order) { return try amendedElsewhere(work, parts) }
        var work = work
        var usable: [SKU: Quantity] = [:]
        guard !work.lines.isEmpty else {
            throw .refused("lines_missing", "At least one line is needed.", field: "lines")
        }
        for index in work.lines.indices {
            let field = "lines[\(index)]"
            guard let number = work.lines[index].line, let row = try orderLine(work, number) else {
                throw .refused(
                    "unknown_order_line",
                    "Order \(work.order) has no such line.",
                    field: field
                )
            }
            work.lines[index].sku = try named(work.lines[index].sku, row, number, field)
            let resolved = try resolve([work.lines[index]], .zeroOrMore)
            work.lines[index] = resolved[0]
            let total = resolved[0].quantity
            let fixed = try row.packed.plus(row.shipped).plus(row.cancelled)
            guard total >= fixed else {
                throw .refused(
                    "amend_too_late",
                    "\(fixed.units) units are packed, shipped or cancelled.",
                    field: "\(field).quantity"
                )
            }
            if total > row.ordered {
                let stock = StockKey(home: site, sku: row.sku)
                let left: Quantity
                if let known = usable[row.sku] {
                    left = known
                } else {
                    left = try state.usableRights(recorder, stock)
                }
                let granted = min(left, try total.minus(row.ordered))
                usable[row.sku] = try left.minus(granted)
                work.lines[index].granted = granted
            }
        }
        return work
    }

    mutating func cancelled(
        _ work: OrderWork,
        onlyOpen: Bool = false
    ) throws(EngineError) -> OrderWork {
        let order = try requiredOrder(work)
        if let parts = try parts(work, order) {
            return try cancelledElsewhere(work, parts, onlyOpen: onlyOpen)
        }
        var work = work
        if work.lines.isEmpty {
            work.lines = try allLines(work, order) { (row) throws(EngineError) in try row.open() }
            guard !work.lines.isEmpty else {
                throw .refused(
                    "nothing_to_cancel",
                    "Nothing of order \(work.order) is left to cancel.",
                    field: "order",
                    hint: "What is picked must be named by its line."
                )
            }
            return work
        }
        for index in work.lines.indices {
            let field = "lines[\(index)]"
            guard let number = work.lines[index].line, let row = try orderLine(work, number) else {
                throw .refused(
                    "unknown_order_line",
                    "Order \(work.order) has no such line.",
                    field: field
                )
            }
            work.lines[index].sku = try named(work.lines[index].sku, row, number, field)
            if work.lines[index].quantity.isZero {
                work.lines[index] = try openLine(number, row, try row.open())
            } else {
                work.lines[index] = try resolve([work.lines[index]])[0]
            }
            let most = try row.open().plus(row.picked).plus(row.packed).minus(row.toPutBack)
            guard work.lines[index].quantity <= most, work.lines[index].quantity.units > 0 else {
                throw .refused(
                    "nothing_to_cancel",
                    "Only \(most.units) units are left to cancel.",
                    field: "\(field).quantity"
                )
            }
        }
        return work
    }

    /// A release ends what is not yet picked; what is picked is cancelled or unpicked.
    mutating func released(_ work: OrderWork) throws(EngineError) -> OrderWork {
        let work = try cancelled(work, onlyOpen: true)
        for (index, entered) in work.lines.enumerated() {
            guard let number = entered.line, let row = try orderLine(work, number) else { continue }
            let open = try row.open()
            guard entered.quantity <= open else {
                throw .refused(
                    "nothing_to_release",
                    "Only \(open.units) units of line \(number) are not yet picked.",
                    field: "lines[\(index)].quantity",
                    hint: "Cancel what is picked, or unpick it."
                )
            }
        }
        return work
    }

    mutating func allocated(_ work: OrderWork) throws(EngineError) -> OrderWork {
        let order = try requiredOrder(work)
        try checkShipsHere(order, work)
        var work = work
        let isAll = work.lines.isEmpty
        if isAll {
            work.lines = try allLines(work, order) { (row) throws(EngineError) in row.reserved }
        } else {
            work.lines = try resolve(work.lines)
            work.lines = try match(
                work.lines,
                work,
                order,
                { (row) throws(EngineError) in row.reserved },
                excess: "over_allocated"
            )
        }
        work.lines = try allocationPlaces(work.lines, mayBeLess: isAll)
        guard !work.lines.isEmpty else {
            throw .refused(
                "nothing_to_allocate",
                "Nothing of order \(work.order) is reserved, or nothing of it is free anywhere.",
                field: "order",
                hint: "Look with: plumbline orders \(work.order)"
            )
        }
        return work
    }

    mutating func picked(_ work: OrderWork) throws(EngineError) -> OrderWork {
        guard let order = try knownOrder(work) else { return try unknownOrder(work) }
        try checkShipsHere(order, work)
        var work = work
        if work.lines.isEmpty {
            // What is backordered is promised to nobody; who has it in hand names it.
            work.lines = try allLines(work, order) { (row) throws(EngineError) in
                try row.promised()
            }
            guard !work.lines.isEmpty else {
                throw .refused(
                    "nothing_to_pick",
                    "Nothing that is promised to order \(work.order) is left to pick.",
                    field: "order",
                    hint: "Name the lines to pick what is backordered."
                )
            }
        } else {
            work.lines = try resolve(work.lines, .zeroOrMore)
            for (index, line) in work.lines.enumerated()
            where line.quantity.isZero && (line.short?.units ?? 0) <= 0 {
                throw .refused(
                    "quantity_not_positive",
                    "A pick of nothing needs a shortage.",
                    field: "lines[\(index)].quantity"
                )
            }
            work.lines = try match(
                work.lines,
                work,
                order,
                { (row) throws(EngineError) in try row.open() },
                excess: "over_pick"
            )
        }
        work.lines = try pickPlaces(work.lines, work)
        try place(&work.lines)
        return work
    }

    mutating func unpicked(_ work: OrderWork) throws(EngineError) -> OrderWork {
        guard let order = try knownOrder(work) else { return try unknownOrder(work) }
        try checkShipsHere(order, work)
        var work = work
        if work.lines.isEmpty {
            work.lines = try allLines(work, order) { (row) throws(EngineError) in row.picked }
        } else {
            work.lines = try resolve(work.lines)
            var beyond: [SKU: Quantity] = [:]
            for line in work.lines {
                let key = SurplusRow.Key(
                    home: site,
                    orderSite: work.orderSite ?? site,
                    order: work.order,
                    sku: line.sku
                )
                beyond[line.sku] =
                    try state.cache.surpluses.row(key, from: state.reader)?.picked ?? .zero
            }
            work.lines = try match(
                work.lines,
                work,
                order,
                { (row) throws(EngineError) in try row.picked.plus(beyond[row.sku] ?? .zero) },
                excess: "over_unpick"
            )
        }
        guard !work.lines.isEmpty else {
            throw .refused("nothing_to_unpick", "Nothing is picked.", field: "order")
        }
        work.lines = try stagedLots(work.lines, work)
        try place(&work.lines)
        return work
    }

    mutating func packed(_ work: OrderWork) throws(EngineError) -> OrderWork {
        guard let order = try knownOrder(work) else { return try unknownOrder(work) }
        try checkShipsHere(order, work)
        var work = work
        if work.lines.isEmpty {
            work.lines = try allLines(work, order) { (row) throws(EngineError) in row.picked }
            guard !work.lines.isEmpty else {
                throw .refused(
                    "nothing_to_pack",
                    "Nothing of order \(work.order) is picked.",
                    field: "order"
                )
            }
        } else {
            work.lines = try resolve(work.lines)
            work.lines = try match(
                work.lines,
                work,
                order,
                { (row) throws(EngineError) in row.picked },
                excess: "over_pack"
            )
        }
        return work
    }

    mutating func dispatched(_ work: OrderWork) throws(EngineError) -> OrderWork {
        guard let order = try knownOrder(work) else { return try unknownOrder(work) }
        try checkShipsHere(order, work)
        var work = work
        if work.lines.isEmpty {
            work.lines = try allLines(work, order) { (row) throws(EngineError) in row.packed }
            guard !work.lines.isEmpty else {
                throw .refused(
                    "nothing_to_ship",
                    "Nothing of order \(work.order) is packed.",
                    field: "order"
                )
            }
        } else {
            work.lines = try resolve(work.lines)
            // A skipped step is a fact with an exception; more than was ordered is a typing error.
            work.lines = try match(
                work.lines,
                work,
                order,
                { (row) throws(EngineError) in try row.open().plus(row.picked).plus(row.packed) },
                excess: "over_ship"
            )
        }
        work.lines = try stagedLots(work.lines, work)
        return work
    }

    mutating func returned(_ body: CustomerReturn) throws(EngineError) -> CustomerReturn {
        var body = body
        let key = DocumentKey<ReturnRow>(home: site, document: body.returnID)
        guard try state.cache.returns.row(key, from: state.reader) == nil else {
            throw .refused(
                "return_exists",
                "Return \(body.returnID) was received before.",
                field: "return"
            )
        }
        body.lines = try resolve(body.lines)
        try place(&body.lines, status: .returned)
        try requireLots(body.lines)
        if body.orderSite == site { body.orderSite = nil }
        if let other = body.orderSite { try checkSite(other, field: "order_site") }
        guard let order = body.order else { return body }
        let work = OrderWork(order: order, orderSite: body.orderSite, lines: body.lines)
        guard let row = try knownOrder(work) else {
            guard isForced || body.orderSite != nil else {
                throw .refused(
                    "unknown_order",
                    "Order \(order) is not known at \(site).",
                    field: "order",
                    hint: "Check the number, leave it out, or insist with force."
                )
            }
            return body
        }
        if body.orderSite != nil {
            body.shipFrom = site
        } else if let parts = try parts(work, row), row.lines.isEmpty {
            return try returnedElsewhere(body, parts, row.shipFrom)
        }
        body.lines = try match(
            body.lines,
            work,
            row,
            { (row) throws(EngineError) in try row.shipped.minus(row.returned) },
            excess: "over_return"
        )
        return body
    }

    mutating func dispositioned(_ body: CustomerReturn) throws(EngineError) -> CustomerReturn {
        var body = body
        let key = DocumentKey<ReturnRow>(home: site, document: body.returnID)
        guard let row = try state.cache.returns.row(key, from: state.reader) else {
            throw .refused(
                "unknown_return",
                "Return \(body.returnID) is not known.",
                field: "return"
            )
        }
        body.lines = try resolve(body.lines)
        for index in body.lines.indices {
            let line = body.lines[index]
            guard line.disposition != nil else {
                throw .refused(
                    "missing_field",
                    "Each line needs a disposition.",
                    field: "lines[\(index)].disposition"
                )
            }
            guard let place = row.lines.first(where: { $0.sku == line.sku }) else {
                throw .refused(
                    "unknown_return_line",
                    "\(line.sku) is not in \(body.returnID).",
                    field: "lines[\(index)].sku"
                )
            }
            body.lines[index].location = line.location ?? place.location
            body.lines[index].status = place.status
            body.lines[index].lot = line.lot ?? place.lot
        }
        try place(&body.lines)
        return body
    }
}
