package import Causality

/// Promise rights: who may promise how much of a stock without asking anybody.
///
/// Rights are escrow: their sum over all holders is what is sellable and not committed, so whatever
/// an event does to that difference, it does to one holder's balance. A holder that promises no
/// more than its balance can never promise a unit twice, in any outage.
///
/// Source: P. O'Neil, *The Escrow Transactional Method* (1986); N. Krishnakumar and R. Jain,
/// *Escrow Techniques for Mobile Sales and Inventory Applications* (1997).
extension StockState {
    /// Gives the change of what is free to promise to the holder whose balance it is.
    mutating func settleRights(
        _ current: Current,
        of stocks: [StockKey]
    ) throws(EngineError) {
        for stock in stocks {
            guard let before = report.freeBefore[stock] else { continue }
            let after = try cache.summaries.row(stock, from: reader)?.free() ?? .zero
            var delta = try after.minus(before)
            if delta.units < 0 { try noteTaken(current, stock, free: after) }
            if delta.units < 0, let revived = report.revived[stock] {
                delta = try delta.plus(takeBack(revived, of: stock, atMost: -delta))
            }
            if delta.units > 0, case .unpicked = current.event.body {
                delta = try delta.minus(payDebts(of: stock, atMost: delta, but: current))
            }
            if report.holder == nil, try settleRightsElsewhere(current, stock, by: delta) {
                continue
            }
            guard !delta.isZero else { continue }
            let recorder = report.holder ?? current.event.id.node
            let frees = current.event.body.kind == .claim && delta.units > 0
            if frees, try !isOnlyActive(recorder, at: stock.home) {
                try freeze(stock, delta, current)
            } else {
                try moveRights(stock, .node(recorder), by: delta)
            }
            if delta.units > 0 { dues.risen.insert(stock) }
        }
    }

    /// Remembers who promised and who took units of a stock, and shows a promise that is kept
    /// although units that it counted on were taken without knowing of it.
    private mutating func noteTaken(
        _ current: Current,
        _ stock: StockKey,
        free: Quantity
    ) throws(EngineError) {
        guard holds(stock.home), let summary = try cache.summaries.row(stock, from: reader) else {
            return
        }
        let promises =
            switch current.event.body {
            case .orderConfirmed, .orderAmended, .backorderPromised: true
            default: false
            }
        let others = promises ? summary.takenBy : summary.promisedBy
        if free.units < 0, let other = unknown(others, to: current) {
            try raiseConflict(
                .strandedPromise,
                current,
                with: other,
                sku: stock.sku,
                subject: stock.sku.text,
                resolution: "The promise stands, and so does what happened to the units.",
                before: "promised and taken, neither knowing of the other",
                after: "\(-free.units) units are promised that are not there",
                compensation: "Get more of it, or agree with a customer.",
                isResolved: false,
                at: stock.home
            )
        }
        try changeSummary(stock) { (summary) throws(EngineError) in
            if promises {
                summary.promisedBy.note(current.ref)
            } else {
                summary.takenBy.note(current.ref)
            }
        }
    }

    /// Keeps what a claim frees from everybody until the other nodes of the site have been heard.
    mutating func freeze(
        _ stock: StockKey,
        _ quantity: Quantity,
        _ current: Current
    ) throws(EngineError) {
        guard holds(stock.home) else { return }
        let key = FreezeRow.Key(stock: stock, event: current.event.id)
        let row = FreezeRow(
            quantity: quantity,
            position: current.position,
            order: current.event.body.freedOrder(at: current.site)
        )
        try cache.freezes.set(key, to: row, from: reader)
        try moveRights(stock, .frozen, by: quantity)
    }

    /// Takes units that were picked after all from what their cancellation freed: while it is
    /// frozen from there, else from who received it.
    ///
    /// - Returns: What the recorder of the pick need not bear.
    private mutating func takeBack(
        _ revived: [Revival],
        of stock: StockKey,
        atMost most: Quantity
    ) throws(EngineError) -> Quantity {
        guard holds(stock.home) else { return .zero }
        var borne = Quantity.zero
        for revival in revived {
            let all = min(revival.quantity, try most.minus(borne))
            guard all.units > 0 else { break }
            var left = all
            for (key, frozen) in try freezes(of: stock)
            where frozen.order == revival.order && left.units > 0 {
                var row = frozen
                let taken = min(row.quantity, left)
                row.quantity = try row.quantity.minus(taken)
                try cache.freezes.set(key, to: row, from: reader)
                try moveRights(stock, .frozen, by: -taken)
                left = try left.minus(taken)
            }
            let receiver = Holder.node(revival.cancel.node)
            if left.units > 0, try remoteHome(of: receiver, stock.home) != nil {
                // What another site freed went to the hub: who picks it bears it like any other unit.
                borne = try borne.plus(all).minus(left)
                continue
            }
            if left.units > 0 { try moveRights(stock, receiver, by: -left) }
            borne = try borne.plus(all)
        }
        return borne
    }

    /// Gives units that are put back to those who picked them beyond what they held, whoever puts
    /// them back: a correction moves the balance that the corrected event had moved.
    ///
    /// Each holder counts the debts of all others as its own, so a debt that stayed with one while
    /// several held what was put back would keep them all from promising it.
    ///
    /// - Returns: How much was paid.
    private mutating func payDebts(
        of stock: StockKey,
        atMost most: Quantity,
        but current: Current
    ) throws(EngineError) -> Quantity {
        guard holds(stock.home), let summary = try cache.summaries.row(stock, from: reader),
            summary.rightsOwed.units < 0
        else { return .zero }
        let recorder = report.holder ?? current.event.id.node
        let prefix = stock.bytes
        let holders = try cache.rights.rows(
            from: prefix,
            to: upperBound(ofPrefix: prefix),
            limit: Self.holdersMax,
            source: reader
        )
        var paid = Quantity.zero
        for (key, row) in holders where row.balance.units < 0 {
            // The balance of another site's node moves only where that site can see it.
            guard case .node(let holder) = key.holder, holder != recorder,
                try remoteHome(of: key.holder, stock.home) == nil
            else { continue }
            let part = min(-row.balance, try most.minus(paid))
            guard part.units > 0 else { break }
            try moveRights(stock, key.holder, by: part)
            paid = try paid.plus(part)
        }
        return paid
    }

    /// What claims have frozen of a stock.
    private mutating func freezes(
        of stock: StockKey
    ) throws(EngineError) -> [(key: FreezeRow.Key, row: FreezeRow)] {
        let prefix = stock.bytes
        return try cache.freezes.rows(
            from: prefix,
            to: upperBound(ofPrefix: prefix),
            limit: .max,
            source: reader
        )
    }

    // MARK: Balances

    /// Adds to the balance of one holder.
    mutating func moveRights(
        _ stock: StockKey,
        _ holder: Holder,
        by delta: Quantity
    ) throws(EngineError) {
        if case .node(let node) = holder, let home = try remoteHome(of: holder, stock.home),
            holds(home)
        {
            let key = RemoteRightsRow.Key(home: home, stock: stock, holder: node)
            let before = try cache.remoteRights.row(key, from: reader)?.balance ?? .zero
            let row = RemoteRightsRow(balance: try before.plus(delta))
            try cache.remoteRights.set(key, to: row, from: reader)
        }
        guard holds(stock.home) else { return }
        let key = RightsRow.Key(home: stock.home, sku: stock.sku, holder: holder)
        let before = try cache.rights.row(key, from: reader)?.balance ?? .zero
        let after = try before.plus(delta)
        try cache.rights.set(key, to: RightsRow(balance: after), from: reader)
        if settings.scope != .everything { dues.shifted.insert(stock) }
        let isOwn = try isHome(holder, stock.home)
        try changeSummary(stock) { (summary) throws(EngineError) in
            try summary.rights.add(delta)
            try summary.rightsOwed.add(
                min(after, .zero).minus(min(before, .zero))
            )
            if !isOwn { try summary.rightsGranted.add(delta) }
        }
        if after.units < 0, delta.units < 0 {
            raise(
                "promise_shortage",
                stock.sku,
                "More of \(stock.sku) is promised at \(stock.home) than is there to promise.",
                at: stock.home
            )
        }
    }

    /// Whether a node is the hub: it is in the network and at no site.
    mutating func isHub(_ node: NodeID) throws(EngineError) -> Bool {
        guard let row = try cache.nodes.row(NodeRow.Key(node: node), from: reader) else {
            return false
        }
        return row.homeSite == nil
    }

    /// Whether a holder belongs to the stock's own site.
    private mutating func isHome(
        _ holder: Holder,
        _ site: SiteCode
    ) throws(EngineError) -> Bool {
        guard case .node(let node) = holder else { return true }
        guard let row = try cache.nodes.row(NodeRow.Key(node: node), from: reader) else {
            return true
        }
        return row.homeSite == site
    }

    /// Whether a node is the only one of a site that promises, or has joined to do so.
    package mutating func isOnlyActive(_ node: NodeID, at site: SiteCode) throws(EngineError)
        -> Bool
    {
        guard let row = try cache.sites.row(SiteRow.Key(code: site), from: reader) else {
            return true
        }
        return row.activeNodes.allSatisfy { $0 == node }
            && row.joiningNodes.allSatisfy { $0 == node }
    }

    /// Whether a node may promise finally at all: it is the hub that decides, it is active, or has
    /// not joined and its site has no active node that it knows of.
    mutating func mayPromise(_ node: NodeID, at site: SiteCode) throws(EngineError) -> Bool {
        // The hub is a holder like a node, though it is no node of a site.
        if settings.scope == .everything, node == settings.node { return true }
        if let row = try cache.nodes.row(NodeRow.Key(node: node), from: reader) {
            return row.isActive
        }
        return try isOnlyActive(node, at: site)
    }

    /// What a node may promise or grant now: its balance, less all negative balances, less at the
    /// stock's own site the safety stock.
    mutating func usableRights(
        _ node: NodeID,
        _ stock: StockKey
    ) throws(EngineError) -> Quantity {
        guard try mayPromise(node, at: stock.home) else { return .zero }
        let balance = try rightsBalance(of: node, stock)
        guard balance.units > 0 else { return .zero }
        let summary = try cache.summaries.row(stock, from: reader) ?? StockSummary()
        var usable = try balance.plus(summary.rightsOwed)
        if try isHome(.node(node), stock.home) {
            let item = try cache.items.row(ItemRow.Key(sku: stock.sku), from: reader)
            usable = try usable.minus(item?.properties.safetyStock ?? .zero)
            if let decidesAt, item?.properties.isLotTracked == true {
                usable = try usable.minus(outOfDate(stock, on: decidesAt.date))
            }
        }
        return usable.clampedToZero
    }

    /// The balance of a node, which may be negative.
    package mutating func rightsBalance(
        of node: NodeID,
        _ stock: StockKey
    ) throws(EngineError) -> Quantity {
        if case .site(let own) = settings.scope, own != stock.home {
            let key = RemoteRightsRow.Key(home: own, stock: stock, holder: node)
            return try cache.remoteRights.row(key, from: reader)?.balance ?? .zero
        }
        let key = RightsRow.Key(home: stock.home, sku: stock.sku, holder: .node(node))
        return try cache.rights.row(key, from: reader)?.balance ?? .zero
    }

    /// Whether a node holds less than a quantity; a copy that does not keep its balance does not
    /// know, and obeys.
    private mutating func lacks(
        _ quantity: Quantity,
        _ node: NodeID,
        _ stock: StockKey
    ) throws(EngineError) -> Bool {
        if !holds(stock.home) {
            guard let home = try remoteHome(of: .node(node), stock.home), holds(home) else {
                return false
            }
        }
        let balance = try rightsBalance(of: node, stock)
        return quantity > balance
    }

    // MARK: Moving rights between holders

    /// Moves rights from the giver, who records it, to the receiver.
    ///
    /// The giver's balance is moved by nobody else, but for what the hub thaws or reclaims: what it
    /// saw is there unless it was reclaimed meanwhile. Then the hub turns the grant down.
    mutating func postRightsGranted(
        _ current: Current,
        _ body: RightsGrant
    ) throws(EngineError) {
        let stock = StockKey(home: body.stockSite ?? current.site, sku: body.sku)
        let giver = current.event.id.node
        if let request = body.request, holds(stock.home) {
            let key = RightsRequestRow.Key(stock: stock, holder: giver, event: request)
            try cache.rightsRequests.set(key, to: nil, from: reader)
            if settings.scope == .everything { dues.unserved.insert(stock) }
        }
        guard !body.quantity.isZero else { return }
        guard try !lacks(body.quantity, giver, stock) else {
            throw .refused(
                "insufficient_rights",
                "The giver no longer holds that many promise rights for \(body.sku).",
                field: "quantity"
            )
        }
        try moveRights(stock, .node(giver), by: -body.quantity)
        try moveRights(stock, .node(body.to), by: body.quantity)
        if holds(stock.home) { dues.risen.insert(stock) }
    }

    mutating func postRightsRequested(
        _ current: Current,
        _ body: RightsRequest
    ) throws(EngineError) {
        let stock = StockKey(home: body.stockSite ?? current.site, sku: body.sku)
        guard holds(stock.home) else { return }
        let key = RightsRequestRow.Key(stock: stock, holder: body.to, event: current.event.id)
        let row = RightsRequestRow(quantity: body.quantity)
        try cache.rightsRequests.set(key, to: row, from: reader)
    }

    mutating func postRightsReclaimed(
        _ current: Current,
        _ body: RightsReclaim
    ) throws(EngineError) {
        let stock = StockKey(home: body.stockSite ?? current.site, sku: body.sku)
        guard try !lacks(body.quantity, body.from, stock) else {
            throw .refused(
                "insufficient_rights",
                "The node does not hold that many promise rights for \(body.sku).",
                field: "quantity"
            )
        }
        try moveRights(stock, .node(body.from), by: -body.quantity)
        try moveRights(stock, .node(body.to ?? current.event.id.node), by: body.quantity)
        if holds(stock.home) { dues.risen.insert(stock) }
        raise(
            "rights_reclaimed",
            body.sku,
            "Promise rights of a node that is lost were taken back; what it promised meanwhile "
                + "may lack units.",
            at: stock.home
        )
    }

    /// Gives what claims froze to those who recorded them.
    mutating func postRightsThawed(
        _ current: Current,
        _ body: RightsThaw
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        for item in body.items {
            let stock = StockKey(home: current.site, sku: item.sku)
            let key = FreezeRow.Key(stock: stock, event: item.event)
            guard let row = try cache.freezes.row(key, from: reader) else { continue }
            try cache.freezes.set(key, to: nil, from: reader)
            try moveRights(stock, .frozen, by: -row.quantity)
            // What another site freed goes to the hub, which promises for all sites.
            let recorder = Holder.node(item.event.node)
            let isRemote = try remoteHome(of: recorder, stock.home) != nil
            let receiver = isRemote ? .node(current.event.id.node) : recorder
            try moveRights(stock, receiver, by: row.quantity)
            dues.risen.insert(stock)
        }
    }

    // MARK: Nodes

    /// A newcomer records facts and promises provisionally, unless its site has no other node.
    mutating func postNodeRegistered(
        _ current: Current,
        _ body: NodeRegistration
    ) throws(EngineError) {
        var row = NodeRow(
            name: body.name,
            homeSite: body.site,
            publicKey: body.publicKey,
            isActive: body.isActive
        )
        row.registeredAt = current.position ?? .start
        try cache.nodes.set(NodeRow.Key(node: body.node), to: row, from: reader)
        guard let code = body.site else { return }
        try changeSite(code) { site in
            if body.isActive {
                if !site.activeNodes.contains(body.node) { site.activeNodes.append(body.node) }
            } else if !site.joiningNodes.contains(body.node) {
                site.joiningNodes.append(body.node)
            }
        }
    }

    mutating func postNodeActivated(_ body: NodeChange) throws(EngineError) {
        var row = try registeredNode(body.node)
        guard !row.isRetired else {
            throw .refused("node_retired", "The node was retired.", field: "node")
        }
        row.isActive = true
        try cache.nodes.set(NodeRow.Key(node: body.node), to: row, from: reader)
        guard let code = row.homeSite else { return }
        try changeSite(code) { site in
            site.joiningNodes.removeAll { $0 == body.node }
            if !site.activeNodes.contains(body.node) { site.activeNodes.append(body.node) }
        }
    }

    mutating func postNodeRetired(_ body: NodeChange) throws(EngineError) {
        var row = try registeredNode(body.node)
        row.isActive = false
        row.isRetired = true
        try cache.nodes.set(NodeRow.Key(node: body.node), to: row, from: reader)
        guard let code = row.homeSite else { return }
        try changeSite(code) { site in
            site.joiningNodes.removeAll { $0 == body.node }
            site.activeNodes.removeAll { $0 == body.node }
        }
    }

    private mutating func registeredNode(_ node: NodeID) throws(EngineError) -> NodeRow {
        guard let row = try cache.nodes.row(NodeRow.Key(node: node), from: reader) else {
            throw .refused("unknown_node", "The node has not joined.", field: "node")
        }
        return row
    }

    private mutating func changeSite(
        _ code: SiteCode,
        _ change: (inout SiteRow) -> Void
    ) throws(EngineError) {
        let key = SiteRow.Key(code: code)
        var site = try cache.sites.row(key, from: reader) ?? SiteRow(name: nil)
        change(&site)
        try cache.sites.set(key, to: site, from: reader)
    }
}

extension EventBody {
    /// The order whose units a claim frees, if it is about one.
    fileprivate func freedOrder(at site: SiteCode) -> FreezeRow.Order? {
        switch self {
        case .orderCancelled(let work), .reservationReleased(let work), .orderAmended(let work):
            FreezeRow.Order(site: work.orderSite ?? site, order: work.order)
        default: nil
        }
    }
}
