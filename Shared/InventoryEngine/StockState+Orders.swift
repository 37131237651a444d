import Causality

/// Orders: from the promise to the shipment and back.
extension StockState {
    func lineKey(_ current: Current, _ work: OrderWork, _ line: Int32) -> OrderLineRow.Key {
        OrderLineRow.Key(
            home: current.site,
            orderSite: work.orderSite ?? current.site,
            order: work.order,
            line: line
        )
    }

    func surplusKey(_ current: Current, _ work: OrderWork, _ sku: SKU) -> SurplusRow.Key {
        SurplusRow.Key(
            home: current.site,
            orderSite: work.orderSite ?? current.site,
            order: work.order,
            sku: sku
        )
    }

    mutating func orderRow(
        _ current: Current,
        _ work: OrderWork
    ) throws(EngineError) -> (key: OrderRow.Key, row: OrderRow)? {
        let key = OrderRow.Key(
            home: current.site,
            orderSite: work.orderSite ?? current.site,
            order: work.order
        )
        guard let row = try cache.orders.row(key, from: reader) else { return nil }
        return (key, row)
    }

    /// The order line that a line of work is about; nil if the order or the line is not known.
    mutating func orderLine(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine
    ) throws(EngineError) -> (key: OrderLineRow.Key, row: OrderLineRow)? {
        guard let number = line.line else { return nil }
        let key = lineKey(current, work, number)
        guard let row = try cache.orderLines.row(key, from: reader), row.sku == line.sku else {
            return nil
        }
        return (key, row)
    }

    // MARK: Claims

    mutating func postOrderConfirmed(
        _ current: Current,
        _ confirmation: OrderConfirmation
    ) throws(EngineError) -> Verdict {
        if let supplier = confirmation.shipFrom, supplier != current.site {
            return try postRemoteConfirmed(current, confirmation, by: supplier)
        }
        guard holds(current.site) else { return .accepted }
        var body = confirmation
        body.order = try nameOrder(current, body.order)
        return try keepOrder(current, body, takenBy: current.site)
    }

    /// Keeps a new order at the site that ships it.
    mutating func keepOrder(
        _ current: Current,
        _ body: OrderConfirmation,
        takenBy orderSite: SiteCode
    ) throws(EngineError) -> Verdict {
        let key = OrderRow.Key(home: current.site, orderSite: orderSite, order: body.order)
        if orderSite != current.site, try cache.orders.row(key, from: reader) != nil {
            throw .refused("order_exists", "There is an order called \(body.order) already.")
        }
        var order = OrderRow(
            confirmedBy: current.ref,
            confirmedAt: current.effective,
            shipFrom: current.site
        )
        order.channel = body.channel
        order.customer = body.customer
        order.priority = body.priority
        order.holdUntil = body.holdUntil
        var isFinal = true
        for line in body.lines {
            try knownItem(line)
            let number = line.line ?? 1
            let granted = min(line.granted ?? .zero, line.quantity)
            var row = OrderLineRow(
                sku: line.sku,
                promise: OrderLineRow.Promise(
                    priority: body.priority,
                    time: current.effective,
                    event: current.ref
                )
            )
            row.ordered = line.quantity
            row.reserved = granted
            row.backordered = try line.quantity.minus(granted)
            if row.backordered.units > 0 { isFinal = false }
            let lineKey = OrderLineRow.Key(
                home: current.site,
                orderSite: orderSite,
                order: body.order,
                line: number
            )
            cache.orderLines.noteAbsent(lineKey)  // as its order is: nothing to read
            guard try cache.orderLines.row(lineKey, from: reader) == nil else {
                throw .refused("line_repeated", "Line \(number) is there twice.")
            }
            try setOrderLine(lineKey, to: row)
            if report.seenAt != nil {
                try notePromised(StockKey(home: current.site, sku: line.sku), granted)
            }
            order.lines.append(number)
        }
        order.lines.sort()
        try cache.orders.set(key, to: order, from: reader)
        report.isFinal = isFinal
        try claimSurplus(current, body, takenBy: orderSite)
        try keepHold(key, order)
        return .accepted
    }

    /// Gives an order what was picked, packed or shipped for it before it was known.
    private mutating func claimSurplus(
        _ current: Current,
        _ body: OrderConfirmation,
        takenBy orderSite: SiteCode
    ) throws(EngineError) {
        var prefix = ByteWriter()
        prefix.id(current.site)
        prefix.id(orderSite)
        prefix.id(body.order)
        let early = try cache.surpluses.rows(
            from: prefix.bytes,
            to: upperBound(ofPrefix: prefix.bytes),
            limit: .max,
            source: reader
        )
        for (key, found) in early {
            var surplus = found
            for line in body.lines where line.sku == key.sku {
                let lineKey = OrderLineRow.Key(
                    home: current.site,
                    orderSite: orderSite,
                    order: body.order,
                    line: line.line ?? 1
                )
                guard var row = try cache.orderLines.row(lineKey, from: reader) else { continue }
                try claim(&surplus, for: &row)
                try setOrderLine(lineKey, to: row)
            }
            try setSurplus(key, to: surplus)
            if let fact = unknown(found.broughtBy, to: current) {
                try raiseFactBeforeOrder(current, with: fact, body.order)
            }
        }
    }

    /// Moves units from what stands outside the lines to a line, as far as the line asks for them.
    func claim(
        _ surplus: inout SurplusRow,
        for row: inout OrderLineRow
    ) throws(EngineError) {
        let shipped = try takeFromOpen(&row, surplus.shippedBeyond)
        if shipped.units > 0 {
            let value = try surplus.shippedValue.share(shipped, of: surplus.shippedBeyond)
            row.shipped = try row.shipped.plus(shipped)
            row.shippedValue = try row.shippedValue.plus(value)
            surplus.shippedBeyond = try surplus.shippedBeyond.minus(shipped)
            surplus.shippedValue = try surplus.shippedValue.minus(value)
        }
        let packed = try takeFromOpen(&row, surplus.packed)
        row.packed = try row.packed.plus(packed)
        surplus.packed = try surplus.packed.minus(packed)
        let picked = try takeFromOpen(&row, surplus.picked)
        row.picked = try row.picked.plus(picked)
        surplus.picked = try surplus.picked.minus(picked)
    }

    /// Takes units from what is not yet picked: allocated, then reserved, then backordered.
    private func takeFromOpen(
        _ row: inout OrderLineRow,
        _ quantity: Quantity
    ) throws(EngineError) -> Quantity {
        var left = quantity
        func take(_ part: inout Quantity) throws(EngineError) {
            let taken = min(part, left)
            part = try part.minus(taken)
            left = try left.minus(taken)
        }
        try take(&row.allocated)
        try take(&row.reserved)
        try take(&row.backordered)
        return try quantity.minus(left)
    }

    mutating func postOrderCancelled(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) -> Verdict {
        guard holds(current.site) else { return .accepted }
        guard let (orderKey, known) = try orderRow(current, body) else {
            throw .refused("unknown_order", "Order \(body.order) is not known.")
        }
        var order = known
        var asked = Quantity.zero
        var missed = Quantity.zero
        var late = Quantity.zero
        for line in body.lines {
            guard let (key, old) = try orderLine(current, body, line) else {
                throw .refused("unknown_order", "Order \(body.order) has no such line.")
            }
            var row = old
            if current.event.actor == Self.compensation, try isHub(current.event.id.node) {
                let sentence =
                    "Nobody has \(line.sku) for \(body.order): what was backordered is rejected."
                raise("promise_rejected", line.sku, sentence)
                noteNotice(orderKey, "promise_rejected", line.sku, sentence)
            }
            var left = line.quantity
            asked = try asked.plus(left)
            left = try left.minus(cancelOpen(&row, atMost: left))
            // Picked stays picked until somebody puts it back; it is only remembered.
            let onHand = try row.picked.plus(row.packed).minus(row.toPutBack)
            let toPutBack = min(onHand.clampedToZero, left)
            if toPutBack.units > 0 {
                row.toPutBack = try row.toPutBack.plus(toPutBack)
                left = try left.minus(toPutBack)
                try addTask(
                    .putBack,
                    "\(body.order)/\(key.line)",
                    StockKey(home: current.site, sku: line.sku),
                    toPutBack
                )
                if let pick = unknown(order.pickedBy, to: current) {
                    let subject = "\(body.order)/\(key.line)"
                    try raiseCancelledAfterPick(current, with: pick, subject, line.sku, toPutBack)
                }
            }
            missed = try missed.plus(left)
            // What is left has been shipped, or somebody else has cancelled or amended it away.
            let shipped = min(left, try row.shipped.minus(row.askedBack).clampedToZero)
            if shipped.units > 0 {
                late = try late.plus(shipped)
                row.askedBack = try row.askedBack.plus(shipped)
                try addTask(
                    .requestReturn,
                    "\(body.order)/\(key.line)",
                    StockKey(home: current.site, sku: line.sku),
                    shipped
                )
            }
            try setOrderLine(key, to: row)
        }
        // Who cancels what others have cancelled already takes nothing from them.
        if missed < asked || order.cancelledBy.event == nil {
            order.cancelledBy.note(current.ref)
        }
        try cache.orders.set(orderKey, to: order, from: reader)
        try keepHold(orderKey, order)
        guard missed.units > 0 else { return .accepted }
        if late.isZero {
            // Nothing is to be done: what was asked is as good as done.
        } else if let dispatch = unknown(order.dispatchedBy, to: current) {
            try raiseTooLate(current, with: dispatch, body.order, late)
        } else {
            raise(
                "cancel_too_late",
                nil,
                "Order \(body.order) had been dispatched when it was cancelled."
            )
        }
        return missed == asked ? .rejectedInEffect : .adjusted
    }

    /// Ends units that are not yet picked: backordered first, then reserved, then allocated.
    ///
    /// - Returns: How many.
    func cancelOpen(
        _ row: inout OrderLineRow,
        atMost most: Quantity
    ) throws(EngineError) -> Quantity {
        var left = most
        for part in [
            \OrderLineRow.backordered, \OrderLineRow.reserved, \OrderLineRow.allocated,
        ] {
            let taken = min(row[keyPath: part], left)
            row[keyPath: part] = try row[keyPath: part].minus(taken)
            row.cancelled = try row.cancelled.plus(taken)
            left = try left.minus(taken)
            if part != \.backordered { row.freed = try row.freed.plus(taken) }
        }
        return try most.minus(left)
    }

    /// The dispatch wins over a cancellation that did not know of it, whichever comes first.
    private mutating func raiseTooLate(
        _ current: Current,
        with other: EventRef,
        _ order: DocumentID,
        _ quantity: Quantity
    ) throws(EngineError) {
        try raiseConflict(
            .cancelTooLate,
            current,
            with: other,
            sku: nil,
            subject: order.text,
            resolution: "The dispatch stands; the cancellation came too late.",
            before: "cancelled and dispatched, neither knowing of the other",
            after: "\(quantity.units) units were shipped and not cancelled",
            compensation: "Ask the customer to return the goods.",
            isResolved: true
        )
    }

    /// Promises waiting units finally, from rights that have risen.
    mutating func postBackorderPromised(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        for line in body.lines {
            guard let (key, old) = try orderLine(current, body, line) else {
                throw .refused("unknown_order", "Order \(body.order) has no such line.")
            }
            var row = old
            let promised = min(line.quantity, row.backordered)
            row.backordered = try row.backordered.minus(promised)
            row.reserved = try row.reserved.plus(promised)
            try setOrderLine(key, to: row)
            try nameLosers(current, winner: old, key)
        }
        report.isFinal = true
    }

    /// Ranking has losers where promises were made concurrently: each sees why it waits.
    private mutating func nameLosers(
        _ current: Current,
        winner: OrderLineRow,
        _ key: OrderLineRow.Key
    ) throws(EngineError) {
        let prefix = StockKey(home: key.home, sku: winner.sku).bytes
        let waiting = try cache.backorders.rows(
            from: prefix,
            to: upperBound(ofPrefix: prefix),
            limit: InventoryRules.losersNamedMax,
            source: reader
        )
        for (other, _) in waiting where other.order != key.order {
            guard
                let first = try located(winner.promise.event.id),
                let second = try located(other.promise.event.id),
                // Of what another site has promised here only the hub has the event.
                first.event.namedSites.contains(key.home),
                second.event.namedSites.contains(key.home)
            else { continue }
            let knew =
                second.event.context.knows(
                    first.event.id,
                    at: winner.promise.event.position,
                    in: settings.epoch,
                    recordedBy: second.event.id
                )
                || first.event.context.knows(
                    second.event.id,
                    at: other.promise.event.position,
                    in: settings.epoch,
                    recordedBy: first.event.id
                )
            guard !knew else { continue }
            var name = ByteWriter()
            name.byte(ConflictRow.Rule.lastUnit.rawValue)
            name.event(first.event.id)
            name.event(second.event.id)
            name.id(winner.sku)
            let id = "c-" + String(ContentHash.of(name.bytes).description.prefix(16))
            let row = ConflictRow(
                rule: .lastUnit,
                isResolved: true,
                sku: winner.sku,
                subject: "\(key.order) / \(other.order)",
                sides: [
                    ConflictRow.Side(event: winner.promise.event, context: first.event.context),
                    ConflictRow.Side(event: other.promise.event, context: second.event.context),
                ],
                resolution: "Ranked by priority, promise time and event.",
                before: "both promised provisionally",
                after: "\(key.order) is promised finally",
                compensation: "\(other.order) stays backordered.",
                decidedBy: "rule",
                raisedAt: current.receivedAt ?? current.effective,
                sites: Set([key.home, key.orderSite, other.orderSite]).sorted()
            )
            let conflict = ConflictRow.Key(home: key.home, id: id)
            try cache.conflicts.set(conflict, to: row, from: reader)
            for order in [
                OrderRow.Key(home: key.home, orderSite: key.orderSite, order: key.order),
                OrderRow.Key(home: other.home, orderSite: other.orderSite, order: other.order),
            ] { noteConflict(order, conflict) }
        }
    }

    func located(_ id: EventID) throws(EngineError) -> LocatedEvent? {
        do {
            return try reader.source.located(id)
        } catch {
            throw .storage(error)
        }
    }

    mutating func postAllocated(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        for line in body.lines {
            guard let (key, old) = try orderLine(current, body, line) else {
                throw .refused("unknown_order", "Order \(body.order) has no such line.")
            }
            var row = old
            var place = line.allocatedPlace
            let asked = min(row.reserved, line.quantity)
            let lost = try quarantinedMeanwhile(current, key, old.sku, place, asked)
            let taken = try asked.minus(lost)
            row.reserved = try row.reserved.minus(taken)
            row.allocated = try row.allocated.plus(taken)
            if asked < line.quantity {
                raise(
                    "allocated_less",
                    line.sku,
                    "Less of \(line.sku) is reserved for \(body.order) than was allocated."
                )
            }
            place.quantity = taken
            try setOrderLine(key, to: row, at: place)
        }
        if let (key, known) = try orderRow(current, body) {
            var order = known
            order.allocatedBy.note(current.ref)
            try cache.orders.set(key, to: order, from: reader)
        }
    }

    /// What cannot be set aside in a place because it was quarantined there meanwhile.
    private mutating func quarantinedMeanwhile(
        _ current: Current,
        _ key: OrderLineRow.Key,
        _ sku: SKU,
        _ place: AllocatedPlace,
        _ quantity: Quantity
    ) throws(EngineError) -> Quantity {
        let stock = StockKey(home: current.site, sku: sku)
        let free = try unallocated(stock, place.location, place.lot).clampedToZero
        let missing = try quantity.minus(free)
        guard missing.units > 0 else { return .zero }
        var set = Quantity.zero
        for (_, row) in try allocations(stock, place.location, place.lot) {
            set = try set.plus(row.quantity)
        }
        guard
            let held = try quarantined(
                current,
                stock,
                place.location,
                place.lot,
                set.plus(quantity)
            ), let other = held.by.event
        else { return .zero }
        let lost = min(held.quantity, missing)
        try raiseAllocationLost(current, with: other, key, stock.sku, lost)
        return lost
    }

    // MARK: Facts

    /// A pick takes units from their place to staging, and from what was promised to picked: from
    /// allocated, reserved, backordered and cancelled, in that order; the rest is surplus.
    mutating func postPickCompleted(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) {
        let steps = try stepsAhead(current, body) { (row) throws(EngineError) in
            try row.open().plus(row.cancelled)
        }
        for (line, first) in steps {
            try knownItem(line)
            let stock = StockKey(home: current.site, sku: line.sku)
            let location = line.location ?? .stock
            let held =
                line.serials.isEmpty
                ? try quarantined(current, stock, location, line.lot, line.quantity)
                : try quarantinedUnits(stock, line)
            try moveStock(
                stock,
                location,
                line.lot,
                .sellable,
                by: -(line.quantity.minus(held?.quantity ?? .zero))
            )
            if let held {
                try moveStock(stock, location, line.lot, held.status, by: -held.quantity)
                if let other = held.by.event {
                    try raiseQuarantined(
                        current,
                        with: other,
                        line.sku,
                        body.order.text,
                        held: held.quantity
                    )
                }
            }
            try stage(current, body, stock, line.lot, line.quantity, held: held)
            var step = first
            if let short = line.short, short.units > 0 {
                try pickShort(current, body, line, short, &step)
            }
            try pick(current, body, line, line.quantity, &step)
            note(step)
        }
        try notePick(current, body)
    }

    /// Remembers what a reversal could not tell from the event.
    private mutating func note(_ step: OrderEffectRow.Step) {
        if !step.isPlain { report.orderSteps.append(step) }
    }

    /// What was allocated and not found goes back to reserved, and somebody counts the place.
    private mutating func pickShort(
        _ current: Current,
        _ body: OrderWork,
        _ line: EventLine,
        _ short: Quantity,
        _ step: inout OrderEffectRow.Step
    ) throws(EngineError) {
        if let (key, old) = try orderLine(current, body, line) {
            var row = old
            let beyondPick = try row.allocated.minus(min(row.allocated, line.quantity))
            let back = min(beyondPick, short)
            row.allocated = try row.allocated.minus(back)
            row.reserved = try row.reserved.plus(back)
            step.unallocated = back
            try setOrderLine(key, to: row, at: line.allocatedPlace)
        }
        try addTask(
            .recount,
            (line.location ?? .stock).text,
            StockKey(home: current.site, sku: line.sku),
            short,
            askedBy: current.ref
        )
    }

    mutating func pick(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ quantity: Quantity,
        _ step: inout OrderEffectRow.Step
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        var left = quantity
        if let (key, old) = try orderLine(current, work, line) {
            var row = old
            let taken = try takeFromOpen(&row, left)
            left = try left.minus(taken)
            let revived = min(row.cancelled, left)
            row.cancelled = try row.cancelled.minus(revived)
            // What freed nothing when it was cancelled is picked on the recorder's own rights.
            let freed = min(row.freed, revived)
            row.freed = try row.freed.minus(freed)
            left = try left.minus(revived)
            row.picked = try row.picked.plus(taken).plus(revived)
            // What was only released is the order's again; what was cancelled goes back.
            let reclaimed = min(row.released, revived)
            row.released = try row.released.minus(reclaimed)
            let toPutBack = try revived.minus(reclaimed)
            row.toPutBack = try row.toPutBack.plus(toPutBack)
            step.fromReleased = reclaimed
            step.fromAllocated = try old.allocated.minus(row.allocated)
            step.fromBackordered = try old.backordered.minus(row.backordered)
            step.fromCancelled = revived
            try setOrderLine(key, to: row, at: line.allocatedPlace)
            if revived.units > 0 {
                let stock = StockKey(home: current.site, sku: line.sku)
                if freed.units > 0, let known = try orderRow(current, work)?.row,
                    let cancel = known.cancelledBy.event ?? known.releasedBy.event
                {
                    let order = FreezeRow.Order(site: key.orderSite, order: key.order)
                    report.revived[stock, default: []].append(
                        Revival(order: order, cancel: cancel.id, quantity: freed)
                    )
                }
                try pickedAfterRelease(current, work, key, line.sku, reclaimed)
                try pickedAfterCancel(current, work, key, line.sku, toPutBack)
            }
        } else if try orderRow(current, work) == nil {
            raise(
                "unknown_order",
                line.sku,
                "Goods were picked for \(work.order), not known yet."
            )
        }
        guard left.units > 0 else { return }
        let key = surplusKey(current, work, line.sku)
        var surplus = try cache.surpluses.row(key, from: reader) ?? SurplusRow()
        surplus.picked = try surplus.picked.plus(left)
        try noteBringer(current, work, &surplus)
        step.toSurplus = left
        try setSurplus(key, to: surplus)
        try pickedBeyond(current, work, line, left)
    }

    private mutating func pickedAfterCancel(
        _ current: Current,
        _ work: OrderWork,
        _ key: OrderLineRow.Key,
        _ sku: SKU,
        _ quantity: Quantity
    ) throws(EngineError) {
        guard quantity.units > 0 else { return }
        try addTask(
            .putBack,
            "\(work.order)/\(key.line)",
            StockKey(home: current.site, sku: sku),
            quantity
        )
        guard let (_, order) = try orderRow(current, work),
            let cancel = unknown(order.cancelledBy, to: current)
        else {
            raise("picked_after_cancel", sku, "\(sku) was picked for \(work.order), cancelled.")
            return
        }
        try raiseCancelledAfterPick(
            current,
            with: cancel,
            "\(work.order)/\(key.line)",
            sku,
            quantity
        )
    }

    /// The cancellation stands whichever comes first, and what was picked goes back.
    private mutating func raiseCancelledAfterPick(
        _ current: Current,
        with other: EventRef,
        _ subject: String,
        _ sku: SKU,
        _ quantity: Quantity
    ) throws(EngineError) {
        try raiseConflict(
            .cancelledAfterPick,
            current,
            with: other,
            sku: sku,
            subject: subject,
            resolution: "The cancellation stands; what was picked goes back to its place.",
            before: "cancelled and picked, neither knowing of the other",
            after: "\(quantity.units) units are picked and to be put back",
            compensation: "Put the units back; until then nobody can be promised them.",
            isResolved: true
        )
    }

    /// Remembers who picked last, for a cancellation that does not know of it.
    private mutating func notePick(
        _ current: Current,
        _ work: OrderWork
    ) throws(EngineError) {
        guard holds(current.site), let (key, known) = try orderRow(current, work) else { return }
        var order = known
        order.pickedBy.note(current.ref)
        try cache.orders.set(key, to: order, from: reader)
        try keepHold(key, order)
    }

    mutating func postUnpicked(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) {
        for (line, first) in try stepsAhead(current, body, { $0.picked }) {
            try knownItem(line)
            var step = first
            try unstageBack(current, body, line, line.quantity)
            try putBack(current, body, line, line.quantity, &step)
            note(step)
        }
    }

    /// Takes units from staging back to the place that a line names; what is quarantined goes first,
    /// and stays so.
    mutating func unstageBack(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ quantity: Quantity,
        to location: LocationID? = nil
    ) throws(EngineError) {
        let stock = StockKey(home: current.site, sku: line.sku)
        let place = location ?? line.location ?? .stock
        let held = try unstage(current, work, line, quantity, heldFirst: true)
        let heldQuantity = held?.quantity ?? .zero
        try moveStock(stock, place, line.lot, .sellable, by: quantity.minus(heldQuantity))
        if let held { try moveStock(stock, place, line.lot, held.status, by: heldQuantity) }
    }

    /// What was put back is no longer picked: surplus first, then what was to be put back, then
    /// what is still promised.
    mutating func putBack(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ quantity: Quantity,
        _ step: inout OrderEffectRow.Step
    ) throws(EngineError) {
        var left = quantity
        let surplusKey = surplusKey(current, work, line.sku)
        if var surplus = try cache.surpluses.row(surplusKey, from: reader) {
            let taken = min(surplus.picked, left)
            step.toSurplus = taken
            surplus.picked = try surplus.picked.minus(taken)
            left = try left.minus(taken)
            try setSurplus(surplusKey, to: surplus)
        }
        if left.units > 0, let (key, old) = try orderLine(current, work, line) {
            var row = old
            let back = min(row.toPutBack, row.picked, left)
            row.toPutBack = try row.toPutBack.minus(back)
            row.picked = try row.picked.minus(back)
            row.cancelled = try row.cancelled.plus(back)
            step.fromCancelled = back
            left = try left.minus(back)
            let undone = min(row.picked, left)
            row.picked = try row.picked.minus(undone)
            row.reserved = try row.reserved.plus(undone)
            left = try left.minus(undone)
            try setOrderLine(key, to: row)
            let stock = StockKey(home: current.site, sku: line.sku)
            try addTask(.putBack, "\(work.order)/\(key.line)", stock, -back)
        }
        if left.units > 0 {
            raise("over_unpick", line.sku, "More of \(line.sku) was put back than was picked.")
        }
    }

    mutating func postPackCompleted(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) {
        var hasPicked = false
        let steps = try stepsAhead(current, body) { (row) throws(EngineError) in
            try row.ordered.minus(row.packed).minus(row.shipped)
        }
        for (line, first) in steps {
            try knownItem(line)
            var step = first
            try pack(current, body, line, line.quantity, &step)
            if step.pickSkipped.units > 0 { hasPicked = true }
            note(step)
        }
        if hasPicked { try notePick(current, body) }
    }

    /// Packs what is picked; what nobody picked is picked in the same step, with an exception.
    private mutating func pack(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ quantity: Quantity,
        _ step: inout OrderEffectRow.Step
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        let surplusKey = surplusKey(current, work, line.sku)
        let pickedOfLine = try orderLine(current, work, line)?.row.picked ?? .zero
        let pickedBeyond = try cache.surpluses.row(surplusKey, from: reader)?.picked ?? .zero
        var missing = try quantity.minus(pickedOfLine).minus(pickedBeyond).clampedToZero
        let stock = StockKey(home: current.site, sku: line.sku)
        if !line.serials.isEmpty {
            missing = try unitsThat(\.isFree, stock, line, atLeast: missing)
        }
        if missing.units > 0 {
            var held = line.serials.isEmpty ? nil : try quarantinedUnits(stock, line)
            if let units = held?.quantity { held?.quantity = min(missing, units) }
            let sellable = try missing.minus(held?.quantity ?? .zero)
            try moveStock(stock, line.location ?? .stock, line.lot, .sellable, by: -sellable)
            if let held {
                let place = line.location ?? .stock
                try moveStock(stock, place, line.lot, held.status, by: -held.quantity)
            }
            try stage(current, work, stock, line.lot, missing, held: held)
            try pick(current, work, line, missing, &step)
            step.pickSkipped = missing
            raise("pick_skipped", line.sku, "\(line.sku) was packed before it was picked.")
        }
        var left = quantity
        if let (key, old) = try orderLine(current, work, line) {
            var row = old
            let packed = min(row.picked, left)
            row.picked = try row.picked.minus(packed)
            row.packed = try row.packed.plus(packed)
            left = try left.minus(packed)
            try setOrderLine(key, to: row)
        }
        guard left.units > 0 else { return }
        var surplus = try cache.surpluses.row(surplusKey, from: reader) ?? SurplusRow()
        surplus.picked = try surplus.picked.minus(left)
        surplus.packed = try surplus.packed.plus(left)
        try noteBringer(current, work, &surplus)
        step.packedBeyond = left
        try setSurplus(surplusKey, to: surplus)
    }

    /// A dispatch takes units out of staging and their cost out of inventory.
    mutating func postShipmentDispatched(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) {
        var revived = Quantity.zero
        var hasPicked = false
        let steps = try stepsAhead(current, body) { (row) throws(EngineError) in
            try row.ordered.minus(row.shipped)
        }
        for (line, first) in steps {
            try knownItem(line)
            var step = first
            defer { note(step) }
            let stock = StockKey(home: current.site, sku: line.sku)
            let surplusKey = surplusKey(current, body, line.sku)
            let packedOfLine = try orderLine(current, body, line)?.row.packed ?? .zero
            let packedBeyond = try cache.surpluses.row(surplusKey, from: reader)?.packed ?? .zero
            var missing = try line.quantity.minus(packedOfLine).minus(packedBeyond).clampedToZero
            if !line.serials.isEmpty, holds(current.site) {
                missing = try unitsThat(\.isNotPacked, stock, line, atLeast: missing)
            }
            if missing.units > 0, holds(current.site) {
                try pack(current, body, line, missing, &step)
                step.packSkipped = missing
                if step.pickSkipped.units > 0 { hasPicked = true }
                raise("pack_skipped", line.sku, "\(line.sku) was dispatched before it was packed.")
            }
            try takeToShip(current, body, line, &step)
            var left = line.quantity
            if let (key, old) = try orderLine(current, body, line) {
                var row = old
                let shipped = min(row.packed, left)
                row.packed = try row.packed.minus(shipped)
                row.shipped = try row.shipped.plus(shipped)
                // What is to be put back leaves last.
                let back = try row.toPutBack.minus(row.picked).minus(row.packed).clampedToZero
                row.toPutBack = try row.toPutBack.minus(back)
                row.askedBack = try row.askedBack.plus(back)
                step.lostToPutBack = back
                revived = try revived.plus(back)
                left = try left.minus(shipped)
                try setOrderLine(key, to: row)
                let issued = try issue(
                    current,
                    stock,
                    shipped,
                    account: .costOfGoodsSold,
                    reference: .orderLine(site: key.orderSite, order: key.order, line: key.line)
                )
                row = try cache.orderLines.row(key, from: reader) ?? row
                row.shippedValue = try row.shippedValue.plus(issued.value)
                try setOrderLine(key, to: row)
                try addTask(.putBack, "\(body.order)/\(key.line)", stock, -back)
                try addTask(.requestReturn, "\(body.order)/\(key.line)", stock, back)
            }
            guard left.units > 0, holds(current.site) else { continue }
            var surplus = try cache.surpluses.row(surplusKey, from: reader) ?? SurplusRow()
            surplus.packed = try surplus.packed.minus(left)
            surplus.shippedBeyond = try surplus.shippedBeyond.plus(left)
            try noteBringer(current, body, &surplus)
            step.shippedBeyond = left
            let issued = try issue(current, stock, left, account: .costOfGoodsSold)
            surplus.shippedValue = try surplus.shippedValue.plus(issued.value)
            try setSurplus(surplusKey, to: surplus)
            try shippedBeyond(current, body, line, left)
        }
        if hasPicked { try notePick(current, body) }
        try noteDispatch(current, body, revived)
    }

    /// Takes shipped units out of staging; what of them is quarantined is on the recall list.
    private mutating func takeToShip(
        _ current: Current,
        _ work: OrderWork,
        _ line: EventLine,
        _ step: inout OrderEffectRow.Step
    ) throws(EngineError) {
        let stock = StockKey(home: current.site, sku: line.sku)
        let held = try unstage(current, work, line, line.quantity, isShipped: true)
        if let held {
            step.shippedHeld = held.quantity
            try recall(current, stock, work.order.text, held)
        }
        if let expiry = try expiry(of: line.lot, stock), expiry < current.effective.date {
            raise(
                "expired_dispatched",
                line.sku,
                "\(line.sku) left for \(work.order) after the date of its lot, \(expiry)."
            )
        }
    }

    private mutating func noteDispatch(
        _ current: Current,
        _ body: OrderWork,
        _ revived: Quantity
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        guard let (key, known) = try orderRow(current, body) else {
            raise("unknown_order", nil, "Goods left for \(body.order), which is not known yet.")
            return
        }
        var order = known
        if revived.units > 0 {
            if let cancel = unknown(order.cancelledBy, to: current) {
                try raiseTooLate(current, with: cancel, body.order, revived)
            } else {
                raise("dispatched_after_cancel", nil, "\(body.order) left although cancelled.")
            }
        }
        order.dispatchedBy.note(current.ref)
        try cache.orders.set(key, to: order, from: reader)
    }

    // MARK: Returns

    /// Goods come back at their share of what their issue cost; without a known issue at the
    /// current cost.
    mutating func postReturnReceived(
        _ current: Current,
        _ goods: CustomerReturn
    ) throws(EngineError) {
        var body = goods
        body.returnID = try nameReturn(current, body.returnID)
        var lines: [DocumentLine] = []
        let orderSite = body.orderSite ?? current.site
        for line in body.lines {
            try knownItem(line)
            let stock = StockKey(home: current.site, sku: line.sku)
            let location = line.location ?? .stock
            let status = line.status ?? .returned
            try noteExpiry(stock, line)
            try moveStock(stock, location, line.lot, status, by: line.quantity)
            lines.append(
                DocumentLine(
                    sku: line.sku,
                    quantity: line.quantity,
                    location: location,
                    lot: line.lot,
                    status: status
                )
            )
            try enterReturned(current, body, line, stock, orderSite)
        }
        guard holds(current.site) else { return }
        let key = DocumentKey<ReturnRow>(home: current.site, document: body.returnID)
        if var old = try cache.returns.row(key, from: reader) {
            old.lines += lines
            try cache.returns.set(key, to: old, from: reader)
            raise("return_repeated", nil, "Return \(body.returnID) was received before.")
        } else {
            try cache.returns.set(
                key,
                to: ReturnRow(receivedBy: current.ref, lines: lines),
                from: reader
            )
        }
    }

    private mutating func enterReturned(
        _ current: Current,
        _ body: CustomerReturn,
        _ line: EventLine,
        _ stock: StockKey,
        _ orderSite: SiteCode
    ) throws(EngineError) {
        guard let order = body.order, let number = line.line else {
            if let order = body.order {
                raise(
                    "unknown_order",
                    line.sku,
                    "\(line.sku) came back for \(order), which does not name it.",
                    at: orderSite == current.site ? nil : orderSite
                )
            }
            _ = try enter(
                current,
                stock,
                line.quantity,
                rule: .current,
                given: nil,
                account: .costOfGoodsSold
            )
            return
        }
        let shipped = body.shipFrom ?? orderSite
        guard holds(shipped) else {
            // Only the site that shipped and the hub know what the goods cost when they left.
            let carried = current.carried
            let given = report.carriedRead < carried.count ? carried[report.carriedRead] : nil
            report.carriedRead += 1
            _ = try enter(
                current,
                stock,
                line.quantity,
                rule: given == nil ? .current : .given,
                given: given,
                account: .costOfGoodsSold
            )
            return
        }
        let key = OrderLineRow.Key(
            home: shipped,
            orderSite: orderSite,
            order: order,
            line: number
        )
        let isOwn = shipped == current.site
        guard var row = try cache.orderLines.row(key, from: reader), row.sku == line.sku else {
            raise(
                "unknown_order",
                line.sku,
                "\(line.sku) came back for \(order), not known here.",
                at: isOwn ? nil : shipped
            )
            try enterUnexplained(current, stock, line.quantity, isOwn: isOwn)
            return
        }
        let left = try row.shipped.minus(row.returned)
        guard line.quantity <= left else {
            raise(
                "over_return",
                line.sku,
                "More of \(line.sku) came back than was shipped.",
                at: isOwn ? nil : shipped
            )
            try enterUnexplained(current, stock, line.quantity, isOwn: isOwn)
            return
        }
        let leftValue = try row.shippedValue.minus(row.returnedValue)
        let share = try leftValue.share(line.quantity, of: left)
        let (value, _) = try enter(
            current,
            stock,
            line.quantity,
            rule: isOwn ? .ofIssue : .given,
            given: share,
            account: .costOfGoodsSold,
            reference: isOwn ? .orderLine(site: orderSite, order: order, line: number) : nil,
            carries: true
        )
        row = try cache.orderLines.row(key, from: reader) ?? row
        row.returned = try row.returned.plus(line.quantity)
        row.returnedValue = try row.returnedValue.plus(value)
        try setOrderLine(key, to: row)
    }

    /// What no known shipment explains comes back at the current cost; for another site's order the
    /// hub says what that is, and the value travels as data.
    private mutating func enterUnexplained(
        _ current: Current,
        _ stock: StockKey,
        _ quantity: Quantity,
        isOwn: Bool
    ) throws(EngineError) {
        var given: Money?
        if !isOwn, holds(stock.home) {
            let pool = try cache.valuations.row(stock, from: reader)?.pool ?? CostPool()
            given = try currentValue(pool, stock, quantity, isSilent: true)
        }
        _ = try enter(
            current,
            stock,
            quantity,
            rule: isOwn ? .current : .given,
            given: given,
            account: .costOfGoodsSold,
            carries: true
        )
    }

    mutating func postReturnDispositioned(
        _ current: Current,
        _ body: CustomerReturn
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        let key = DocumentKey<ReturnRow>(home: current.site, document: body.returnID)
        guard var row = try cache.returns.row(key, from: reader) else {
            throw .refused("unknown_return", "Return \(body.returnID) is not known.")
        }
        for line in body.lines {
            try knownItem(line)
            let stock = StockKey(home: current.site, sku: line.sku)
            var left = line.quantity
            for index in row.lines.indices where row.lines[index].sku == line.sku {
                let open = try row.lines[index].quantity.minus(row.lines[index].other)
                let taken = min(open, left)
                row.lines[index].other = try row.lines[index].other.plus(taken)
                left = try left.minus(taken)
            }
            guard left.isZero else {
                throw .refused(
                    "already_decided",
                    "All of \(line.sku) in \(body.returnID) is decided."
                )
            }
            let location = line.location ?? .stock
            let from = line.status ?? .returned
            let to: StockStatus? =
                switch line.disposition ?? .restock {
                case .restock: .sellable
                case .refurbish, .supplier: .hold
                case .scrap: nil
                }
            if let to, !line.serials.isEmpty {
                try changeUnits(current, stock, line, to: to)
                continue
            }
            try takeOut(stock, line, from)
            if let to {
                try moveStock(stock, location, line.lot, to, by: line.quantity)
            } else {
                _ = try issue(current, stock, line.quantity, account: .scrap)
            }
        }
        try cache.returns.set(key, to: row, from: reader)
    }
}

extension Verdict {
    /// A claim of which nothing could be granted any more, but which leaves a trace in its layers:
    /// a return to ask for.
    static var rejectedInEffect: Verdict { .adjusted }
}
