import Causality

/// Orders that one site takes and another one ships.
///
/// The quantities are rows of the site that ships, where the promise binds stock. The site that took
/// the order keeps what it knows of them (``RemoteLineRow``) and its nodes' promise rights there
/// (``RemoteRightsRow``), so that it can promise, finally, while it is cut off. A claim is posted at
/// both; a copy that holds one of the sites posts its half.
extension Current {
    /// The event as the site sees it that ships the goods.
    fileprivate func seen(at supplier: SiteCode) -> Current {
        var current = self
        current.event.site = supplier
        return current
    }
}

extension StockState {
    /// Posts an order that another site ships.
    ///
    /// Two orders of one number cannot both stand here, as pair 22 lets them at one site: the site
    /// that ships could not tell which of the two is meant. The hub turns the later one down.
    mutating func postRemoteConfirmed(
        _ current: Current,
        _ body: OrderConfirmation,
        by supplier: SiteCode
    ) throws(EngineError) -> Verdict {
        let home = current.site
        guard try cache.sites.row(SiteRow.Key(code: supplier), from: reader) != nil else {
            throw .refused("unknown_site", "The site \(supplier) is not in the network.")
        }
        if holds(home) {
            let key = OrderRow.Key(home: home, orderSite: home, order: body.order)
            guard try cache.orders.row(key, from: reader) == nil else {
                throw .refused("order_exists", "There is an order called \(body.order) already.")
            }
            var order = OrderRow(
                confirmedBy: current.ref,
                confirmedAt: current.effective,
                shipFrom: supplier
            )
            order.channel = body.channel
            order.customer = body.customer
            order.priority = body.priority
            try cache.orders.set(key, to: order, from: reader)
        }
        var isFinal = true
        for line in body.lines {
            try knownItem(line)
            let granted = min(line.granted ?? .zero, line.quantity)
            var progress = LineProgress()
            progress.ordered = line.quantity
            progress.reserved = granted
            progress.backordered = try line.quantity.minus(granted)
            if progress.backordered.units > 0 { isFinal = false }
            guard holds(home) else { continue }
            let number = line.line ?? 1
            let key = RemoteLineRow.Key(
                home: home,
                order: body.order,
                line: number,
                shipFrom: supplier
            )
            guard try cache.remoteLines.row(key, from: reader) == nil else {
                throw .refused("line_repeated", "Line \(number) is there twice.")
            }
            let row = RemoteLineRow(sku: line.sku, progress: progress)
            try cache.remoteLines.set(key, to: row, from: reader)
            if !holds(supplier) {
                try notePromised(StockKey(home: supplier, sku: line.sku), granted)
            }
        }
        report.isFinal = isFinal
        guard holds(supplier) else { return .accepted }
        report.seenAt = supplier
        defer { report.seenAt = nil }
        return try keepOrder(current.seen(at: supplier), body, takenBy: home)
    }

    /// Posts a claim about an order at its own site and at each other one that ships some of it.
    ///
    /// - Parameters:
    ///   - current: The claim.
    ///   - body: What it says.
    ///   - here: Posts the lines of one site, the event seen from there.
    ///   - known: Does the same to what the order's site knows of a line of another site; returns
    ///     what is promised by it.
    /// - Returns: What the hub says of it.
    /// - Throws: ``EngineError`` where a line is not known, and what the two throw.
    mutating func postClaim(
        _ current: Current,
        _ body: OrderWork,
        here: (inout StockState, Current, OrderWork) throws(EngineError) -> Verdict,
        known: (inout LineProgress, EventLine) throws(EngineError) -> Quantity
    ) throws(EngineError) -> Verdict {
        guard !body.elsewhere.isEmpty else { return try here(&self, current, body) }
        var verdict = Verdict.accepted
        if !body.lines.isEmpty {
            var own = body
            own.elsewhere = []
            verdict = try here(&self, current, own)
        }
        for part in body.elsewhere {
            let supplier = part.shipFrom
            guard supplier != current.site else {
                throw .refused("ships_here", "\(supplier) ships these lines itself.")
            }
            for line in part.lines where holds(current.site) {
                let key = RemoteLineRow.Key(
                    home: current.site,
                    order: body.order,
                    line: line.line ?? 1,
                    shipFrom: supplier
                )
                guard var row = try cache.remoteLines.row(key, from: reader), row.sku == line.sku
                else { throw .refused("unknown_order", "Order \(body.order) has no such line.") }
                let waiting = row.progress.backordered
                let promised = try known(&row.progress, line)
                let waits = row.progress.backordered > waiting
                if waits || promised.units > 0 {
                    report.isFinal = (report.isFinal ?? true) && !waits
                }
                try cache.remoteLines.set(key, to: row, from: reader)
                if !holds(supplier) {
                    try notePromised(StockKey(home: supplier, sku: line.sku), promised)
                }
            }
            guard holds(supplier) else { continue }
            var work = body
            work.elsewhere = []
            work.orderSite = current.site
            work.lines = part.lines
            report.seenAt = supplier
            defer { report.seenAt = nil }
            let raisedBefore = report.exceptions.count
            let answer = try here(&self, current.seen(at: supplier), work)
            if answer != .accepted { verdict = answer }
            for exception in report.exceptions.dropFirst(raisedBefore) {
                noteNotice(
                    OrderRow.Key(home: supplier, orderSite: current.site, order: body.order),
                    exception.code,
                    exception.sku,
                    exception.sentence
                )
            }
        }
        return verdict
    }

    mutating func postCancellation(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) -> Verdict {
        try postClaim(
            current,
            body,
            here: { (state, current, work) throws(EngineError) in
                try state.postOrderCancelled(current, work)
            },
            known: { (progress, line) throws(EngineError) in
                let open = try progress.cancelOpen(atMost: line.quantity)
                let onHand = try progress.picked.plus(progress.packed).minus(progress.toPutBack)
                let back = min(onHand.clampedToZero, try line.quantity.minus(open))
                progress.toPutBack = try progress.toPutBack.plus(back)
                return .zero
            }
        )
    }

    mutating func postRelease(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) -> Verdict {
        try postClaim(
            current,
            body,
            here: { (state, current, work) throws(EngineError) in
                try state.postReservationReleased(current, work)
            },
            known: { (progress, line) throws(EngineError) in
                _ = try progress.cancelOpen(atMost: line.quantity)
                return .zero
            }
        )
    }

    mutating func postAmendment(
        _ current: Current,
        _ body: OrderWork
    ) throws(EngineError) -> Verdict {
        try postClaim(
            current,
            body,
            here: { (state, current, work) throws(EngineError) in
                try state.postOrderAmended(current, work)
                return .accepted
            },
            known: { (progress, line) throws(EngineError) in
                try progress.amend(to: line.quantity, granted: line.granted ?? .zero)
            }
        )
    }

    /// Remembers what the recorder promises of another site's stock: its balance there falls by
    /// just that.
    mutating func notePromised(
        _ stock: StockKey,
        _ quantity: Quantity
    ) throws(EngineError) {
        guard !quantity.isZero else { return }
        let before = report.promisedElsewhere[stock] ?? .zero
        report.promisedElsewhere[stock] = try before.plus(quantity)
    }

    /// Lowers the balances of the recorder by what it has promised of stock that this copy does not
    /// hold.
    mutating func settleRemoteRights(_ current: Current) throws(EngineError) {
        guard !report.promisedElsewhere.isEmpty else { return }
        for stock in report.promisedElsewhere.keys.sorted() where !holds(stock.home) {
            let promised = report.promisedElsewhere[stock] ?? .zero
            try moveRights(stock, .node(current.event.id.node), by: -promised)
        }
    }

    /// What a claim of another site does to the rights of a stock: its recorder bears just what it
    /// has promised, and what is freed is frozen; the rest would be for the stock's site to bear.
    ///
    /// - Returns: Whether the recorder is a node of another site.
    mutating func settleRightsElsewhere(
        _ current: Current,
        _ stock: StockKey,
        by delta: Quantity
    ) throws(EngineError) -> Bool {
        let recorder = Holder.node(current.event.id.node)
        guard try remoteHome(of: recorder, stock.home) != nil else { return false }
        let promised = report.promisedElsewhere[stock] ?? .zero
        if !promised.isZero { try moveRights(stock, recorder, by: -promised) }
        let freed = try delta.plus(promised)
        guard freed.units >= 0 else {
            throw EngineError(
                .identityBroken,
                "A claim of another site takes more than its recorder has promised."
            )
        }
        if freed.units > 0 {
            try freeze(stock, freed, current)
            dues.risen.insert(stock)
        }
        return true
    }

    /// The site of a holder that is a node of another site than the stock's; nil for the hub, for
    /// what is frozen, and for the stock's own nodes.
    package mutating func remoteHome(
        of holder: Holder,
        _ site: SiteCode
    ) throws(EngineError) -> SiteCode? {
        guard case .node(let node) = holder,
            let row = try cache.nodes.row(NodeRow.Key(node: node), from: reader),
            let home = row.homeSite, home != site
        else { return nil }
        return home
    }

    // MARK: What the hub tells and moves

    /// Takes over how far lines have come that another site ships.
    mutating func postOrderProgressed(
        _ current: Current,
        _ body: OrderProgress
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        for line in body.lines {
            let key = RemoteLineRow.Key(
                home: current.site,
                order: body.order,
                line: line.line,
                shipFrom: body.shipFrom
            )
            let row = RemoteLineRow(sku: line.sku, progress: line.progress)
            let isGone = line.progress == LineProgress()
            try cache.remoteLines.set(key, to: isGone ? nil : row, from: reader)
        }
        for notice in body.notices { raise(notice.code, notice.sku, notice.sentence) }
        for conflict in body.conflicts { try keep(conflict, current) }
    }

    private mutating func keep(
        _ notice: ConflictNotice,
        _ current: Current
    ) throws(EngineError) {
        guard let rule = ConflictRow.Rule(rawValue: notice.rule) else {
            throw EngineError(.unknownType, "This version does not know conflicts of that rule.")
        }
        let row = ConflictRow(
            rule: rule,
            isResolved: notice.isResolved,
            sku: notice.sku,
            subject: notice.subject,
            sides: notice.sides.map {
                ConflictRow.Side(
                    event: EventRef(id: $0.event, position: $0.position),
                    context: $0.context
                )
            },
            resolution: notice.resolution,
            before: notice.before,
            after: notice.after,
            compensation: notice.compensation,
            decidedBy: "rule",
            raisedAt: current.receivedAt ?? current.effective,
            sites: notice.sites
        )
        let key = ConflictRow.Key(home: current.site, id: notice.id)
        try cache.conflicts.set(key, to: row, from: reader)
    }

    /// Moves units that wait at one site to another site, where they wait from now on.
    mutating func postOrderResourced(
        _ current: Current,
        _ body: OrderResourcing
    ) throws(EngineError) {
        let (orderSite, number) = (body.orderSite ?? current.site, body.line.line ?? 1)
        func key(_ home: SiteCode) -> OrderLineRow.Key {
            OrderLineRow.Key(home: home, orderSite: orderSite, order: body.order, line: number)
        }
        guard body.shipFrom != current.site else {
            throw .refused("ships_here", "\(body.shipFrom) is to ship these units already.")
        }
        try knownItem(body.line)
        if holds(current.site) {
            guard var row = try cache.orderLines.row(key(current.site), from: reader),
                row.sku == body.line.sku
            else { throw .refused("unknown_order", "Order \(body.order) has no such line.") }
            guard body.line.quantity.units > 0, body.line.quantity <= row.backordered else {
                throw .refused("nothing_waits", "So much of \(body.order) does not wait.")
            }
            row.ordered = try row.ordered.minus(body.line.quantity)
            row.backordered = try row.backordered.minus(body.line.quantity)
            try setOrderLine(key(current.site), to: row)
        }
        raise(
            "promise_resourced",
            body.line.sku,
            "\(body.line.sku) for \(body.order) is to come from \(body.shipFrom): "
                + "\(current.site) has none.",
            at: orderSite
        )
        guard holds(body.shipFrom) else { return }
        let orderKey = OrderRow.Key(home: body.shipFrom, orderSite: orderSite, order: body.order)
        var order =
            try cache.orders.row(orderKey, from: reader)
            ?? OrderRow(
                confirmedBy: body.promise.ref,
                confirmedAt: body.promise.time,
                shipFrom: body.shipFrom
            )
        order.priority = body.promise.priority
        if !order.lines.contains(number) {
            order.lines.append(number)
            order.lines.sort()
        }
        try cache.orders.set(orderKey, to: order, from: reader)
        let promise = OrderLineRow.Promise(
            priority: body.promise.priority,
            time: body.promise.time,
            event: body.promise.ref
        )
        var row =
            try cache.orderLines.row(key(body.shipFrom), from: reader)
            ?? OrderLineRow(sku: body.line.sku, promise: promise)
        guard row.sku == body.line.sku else {
            throw .refused("line_differs", "Line \(number) is about \(row.sku).")
        }
        row.ordered = try row.ordered.plus(body.line.quantity)
        row.backordered = try row.backordered.plus(body.line.quantity)
        try setOrderLine(key(body.shipFrom), to: row)
    }
}

// MARK: What is due

/// What the site of an order has to be told of another site that ships it.
struct ProgressDue {
    var lines: Set<Int32> = []
    var notices: [OrderProgress.Notice] = []
    var conflicts: [ConflictRow.Key] = []
}

extension StockState {
    /// Takes what has happened to lines of orders of other sites than those that ship them.
    ///
    /// - Returns: One body per order and shipping site, in a fixed order, for the order's site.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(lines that have changed).
    public mutating func takeDueProgress() throws(EngineError) -> [(
        site: SiteCode, body: EventBody
    )] {
        guard !dues.progress.isEmpty else { return [] }
        let due = dues.progress
        dues.progress = [:]
        var bodies: [(site: SiteCode, body: EventBody)] = []
        for order in due.keys.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            guard let news = due[order] else { continue }
            var lines: [OrderProgress.Line] = []
            for number in news.lines.sorted() {
                let lineKey = OrderLineRow.Key(
                    home: order.home,
                    orderSite: order.orderSite,
                    order: order.order,
                    line: number
                )
                guard let row = try cache.orderLines.row(lineKey, from: reader) else { continue }
                let known = RemoteLineRow.Key(
                    home: order.orderSite,
                    order: order.order,
                    line: number,
                    shipFrom: order.home
                )
                let progress = LineProgress(row)
                if try cache.remoteLines.row(known, from: reader)?.progress == progress {
                    continue
                }
                let item = try cache.items.row(ItemRow.Key(sku: row.sku), from: reader)
                lines.append(
                    OrderProgress.Line(
                        line: number,
                        sku: row.sku,
                        scale: item?.properties.scale ?? 0,
                        progress: progress
                    )
                )
            }
            var conflicts: [ConflictNotice] = []
            for key in news.conflicts {
                guard let row = try cache.conflicts.row(key, from: reader) else { continue }
                conflicts.append(ConflictNotice(key.id, row))
            }
            guard !lines.isEmpty || !conflicts.isEmpty || !news.notices.isEmpty else { continue }
            let body = OrderProgress(
                order: order.order,
                shipFrom: order.home,
                lines: lines,
                notices: news.notices,
                conflicts: conflicts
            )
            bodies.append((order.orderSite, .orderProgressed(body)))
        }
        return bodies
    }

    /// Notes at the hub that the site of an order has to hear of one of its lines.
    mutating func noteProgress(_ key: OrderLineRow.Key) {
        guard key.orderSite != key.home, settings.scope == .everything else { return }
        let order = OrderRow.Key(home: key.home, orderSite: key.orderSite, order: key.order)
        dues.progress[order, default: ProgressDue()].lines.insert(key.line)
    }

    /// Notes at the hub that the site of an order has to hear of something that was raised elsewhere.
    mutating func noteNotice(
        _ order: OrderRow.Key,
        _ code: String,
        _ sku: SKU?,
        _ sentence: String
    ) {
        guard order.orderSite != order.home, settings.scope == .everything else { return }
        let notice = OrderProgress.Notice(code: code, sku: sku, sentence: sentence)
        dues.progress[order, default: ProgressDue()].notices.append(notice)
    }

    /// Notes at the hub that the site of an order has to hear of a conflict at another site.
    mutating func noteConflict(_ order: OrderRow.Key, _ key: ConflictRow.Key) {
        guard order.orderSite != order.home, settings.scope == .everything else { return }
        var due = dues.progress[order] ?? ProgressDue()
        if !due.conflicts.contains(key) { due.conflicts.append(key) }
        dues.progress[order] = due
    }
}

extension EventBody {
    /// The order that an event of a site is about, and the site that took it.
    func order(at origin: SiteCode) -> (site: SiteCode, order: DocumentID)? {
        switch self {
        case .orderConfirmed(let order): (origin, order.order)
        case .orderAmended(let work), .orderCancelled(let work), .reservationReleased(let work),
            .backorderPromised(let work), .allocated(let work), .pickCompleted(let work),
            .unpicked(let work), .packCompleted(let work), .shipmentDispatched(let work):
            (work.orderSite ?? origin, work.order)
        default: nil
        }
    }
}

extension ConflictNotice {
    fileprivate init(_ id: String, _ row: ConflictRow) {
        self.init(id: id, rule: row.rule.rawValue, isResolved: row.isResolved)
        sku = row.sku
        subject = row.subject
        sides = row.sides.map {
            Side(event: $0.event.id, position: $0.event.position, context: $0.context)
        }
        resolution = row.resolution
        before = row.before
        after = row.after
        compensation = row.compensation
        sites = row.sites
    }
}
