public import Causality

/// What has to be recorded about promise rights because of what the nodes have been heard to know.
extension StockState {
    /// The most claims that one entry thaws.
    static let thawedAtOnceMax = 256
    /// The most requests that one look answers.
    static let answersAtOnceMax = 256
    /// The most orders that wait which one look goes through.
    static let waitingMax = 10_000
    /// The most sites that are looked at for stock that another one lacks.
    static let sitesMax = 1_000
    /// The most holders of one stock that are looked at.
    static let holdersMax = 1_000

    /// What the hub can thaw and whom it can activate, now that the nodes have been heard so far.
    ///
    /// What a claim froze thaws once every other active node of the stock's site has applied the
    /// claim and has pushed all that it recorded before: then no pick of the freed units that does
    /// not know of the claim can still come. A newcomer is active once every active node of its
    /// site has applied its registration: then each of them freezes what its claims free.
    ///
    /// - Parameters:
    ///   - site: The site whose nodes have been heard.
    ///   - heard: Per node the position that it had applied when it recorded no event that the hub
    ///     does not hold.
    /// - Returns: Bodies in a fixed order.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(frozen claims of the site).
    public mutating func dueRights(
        at site: SiteCode,
        heard: [NodeID: HubPosition]
    ) throws(EngineError) -> [EventBody] {
        var bodies: [EventBody] = []
        let known = try cache.sites.row(SiteRow.Key(code: site), from: reader)
        for node in known?.joiningNodes ?? [] {
            guard let row = try cache.nodes.row(NodeRow.Key(node: node), from: reader),
                isHeard(row.registeredAt, by: heard, of: known, but: node)
            else { continue }
            bodies.append(.nodeActivated(NodeChange(node: node)))
        }
        var items: [RightsThaw.Item] = []
        for (key, row) in try frozen(at: site, limit: .max) {
            guard let position = row.position,
                isHeard(position, by: heard, of: known, but: key.event.node)
            else { continue }
            items.append(RightsThaw.Item(event: key.event, sku: key.stock.sku))
        }
        for start in stride(from: 0, to: items.count, by: Self.thawedAtOnceMax) {
            let part = items[start..<min(start + Self.thawedAtOnceMax, items.count)]
            bodies.append(.rightsThawed(RightsThaw(items: Array(part))))
        }
        return bodies
    }

    /// Whether claims are frozen at a site, or newcomers wait there, until nodes have been heard.
    package mutating func waitsForNodes(at site: SiteCode) throws(EngineError) -> Bool {
        let row = try cache.sites.row(SiteRow.Key(code: site), from: reader)
        if let row, !row.joiningNodes.isEmpty { return true }
        return try !frozen(at: site, limit: 1).isEmpty
    }

    private mutating func frozen(
        at site: SiteCode,
        limit: Int
    ) throws(EngineError) -> [(key: FreezeRow.Key, row: FreezeRow)] {
        var prefix = ByteWriter()
        prefix.id(site)
        return try cache.freezes.rows(
            from: prefix.bytes,
            to: upperBound(ofPrefix: prefix.bytes),
            limit: limit,
            source: reader
        )
    }

    /// The stocks of a site for which orders wait.
    ///
    /// - Complexity: O(orders that wait), at most ``waitingMax``.
    package mutating func waitingStocks(at site: SiteCode) throws(EngineError) -> Set<StockKey> {
        var prefix = ByteWriter()
        prefix.id(site)
        let waiting = try cache.backorders.rows(
            from: prefix.bytes,
            to: upperBound(ofPrefix: prefix.bytes),
            limit: Self.waitingMax,
            source: reader
        )
        return Set(waiting.map { StockKey(home: $0.key.home, sku: $0.key.sku) })
    }

    /// Takes the stocks whose promise rights have risen, or where orders began to wait: somebody may
    /// be able to promise more now.
    package mutating func takePromisable() -> Set<StockKey> {
        defer {
            dues.risen = []
            dues.wanting = []
        }
        return dues.risen.union(dues.wanting)
    }

    /// Notes stocks whose promise rights have risen, so that orders that wait are looked at.
    package mutating func noteRisen(_ stocks: Set<StockKey>) {
        dues.risen.formUnion(stocks)
    }

    /// Whether every active node of a site but one has been heard up to a position.
    private func isHeard(
        _ position: HubPosition,
        by heard: [NodeID: HubPosition],
        of site: SiteRow?,
        but node: NodeID
    ) -> Bool {
        (site?.activeNodes ?? []).allSatisfy { other in
            other == node || heard[other].map { $0 >= position } ?? false
        }
    }

    /// Takes the requests by which the hub asks the holders of a stock where orders began to wait.
    ///
    /// Each holder with rights is asked for what is missing, unless it is asked already or is the
    /// one that has just promised all that it could.
    ///
    /// - Parameters:
    ///   - recorder: The hub.
    ///   - cause: The event after which orders wait.
    /// - Returns: One body per holder, in a fixed order.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(holders of the stocks where orders began to wait).
    public mutating func takeDueRequests(
        by recorder: NodeID,
        after cause: EventID
    ) throws(EngineError) -> [(site: SiteCode, body: EventBody)] {
        let wanting = dues.wanting.sorted()
        dues.wanting = []
        dues.unserved.formUnion(wanting)
        var bodies: [(site: SiteCode, body: EventBody)] = []
        for stock in wanting {
            guard let summary = try cache.summaries.row(stock, from: reader),
                summary.backordered.units > 0,
                let site = try cache.sites.row(SiteRow.Key(code: stock.home), from: reader),
                site.activeNodes.contains(where: { $0 != cause.node })
            else { continue }
            let item = try cache.items.row(ItemRow.Key(sku: stock.sku), from: reader)
            let prefix = stock.bytes
            let holders = try cache.rights.rows(
                from: prefix,
                to: upperBound(ofPrefix: prefix),
                limit: Self.holdersMax,
                source: reader
            )
            for (key, row) in holders where row.balance.units > 0 {
                guard case .node(let holder) = key.holder, holder != cause.node,
                    holder != recorder, site.activeNodes.contains(holder),
                    try !isAsked(holder, by: recorder, for: stock)
                else { continue }
                bodies.append(
                    (
                        stock.home,
                        .rightsRequested(
                            RightsRequest(
                                sku: stock.sku,
                                quantity: summary.backordered,
                                scale: item?.properties.scale ?? 0,
                                to: holder
                            )
                        )
                    )
                )
            }
        }
        return bodies
    }

    /// Who rejects what nobody can promise, as events say it.
    package static let compensation = ActorID(trusted: "compensation")

    /// Takes the compensations of promises that nobody of the stock's site can keep, as the network's
    /// policy is: the hub has no rights, has asked all holders, and nothing is frozen that may still
    /// come free.
    ///
    /// Ask only when nothing else is due, so that whatever there is has been promised before.
    ///
    /// - Parameter recorder: The hub.
    /// - Returns: Per waiting line a cancellation of just what is backordered (`reject`), or where
    ///   another site is to ship it from (`other_site`).
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(lines that wait for the stocks in question).
    public mutating func takeDueRejections(
        by recorder: NodeID
    ) throws(EngineError) -> [(site: SiteCode, body: EventBody)] {
        let unserved = dues.unserved.sorted()
        dues.unserved = []
        guard !unserved.isEmpty else { return [] }
        let policy = try value(of: .backorderCompensation)
        guard policy != "stay" else { return [] }
        var bodies: [(site: SiteCode, body: EventBody)] = []
        for stock in unserved where try isUnserved(stock, by: recorder) {
            if policy == "other_site" {
                bodies += try resourcings(of: stock)
                continue
            }
            let item = try cache.items.row(ItemRow.Key(sku: stock.sku), from: reader)
            for key in try waiting(for: stock) {
                guard let row = try line(of: key) else { continue }
                var line = EventLine(
                    sku: stock.sku,
                    quantity: row.backordered,
                    scale: item?.properties.scale ?? 0
                )
                line.line = key.line
                let site = key.orderSite == stock.home ? nil : key.orderSite
                let work = OrderWork(order: key.order, orderSite: site, lines: [line])
                bodies.append((stock.home, .orderCancelled(work)))
            }
        }
        return bodies
    }

    /// Which other sites are to ship what waits for a stock, the one with most to spare first.
    ///
    /// A site that was asked for a line before is not asked again.
    ///
    /// - Complexity: O(sites · lines that wait), for stock that nobody of its site can promise.
    private mutating func resourcings(
        of stock: StockKey
    ) throws(EngineError) -> [(site: SiteCode, body: EventBody)] {
        let item = try cache.items.row(ItemRow.Key(sku: stock.sku), from: reader)
        let all = try cache.sites.rows(from: [], to: [0xFF], limit: Self.sitesMax, source: reader)
        var spares: [(site: SiteCode, spare: Quantity)] = []
        for (key, _) in all where key.code != stock.home {
            let other = StockKey(home: key.code, sku: stock.sku)
            guard let summary = try cache.summaries.row(other, from: reader) else { continue }
            let spare = try summary.free().minus(summary.backordered)
                .minus(item?.properties.safetyStock ?? .zero)
            if spare.units > 0 { spares.append((key.code, spare)) }
        }
        spares.sort { ($1.spare, $0.site) < ($0.spare, $1.site) }
        var bodies: [(site: SiteCode, body: EventBody)] = []
        for key in try waiting(for: stock) {
            guard let row = try line(of: key) else { continue }
            var left = row.backordered
            for index in spares.indices where left.units > 0 && spares[index].spare.units > 0 {
                let supplier = spares[index].site
                let asked = OrderLineRow.Key(
                    home: supplier,
                    orderSite: key.orderSite,
                    order: key.order,
                    line: key.line
                )
                guard try cache.orderLines.row(asked, from: reader) == nil else { continue }
                let part = min(left, spares[index].spare)
                spares[index].spare = try spares[index].spare.minus(part)
                left = try left.minus(part)
                let body = OrderResourcing(
                    order: key.order,
                    orderSite: key.orderSite == stock.home ? nil : key.orderSite,
                    shipFrom: supplier,
                    line: EventLine(
                        sku: stock.sku,
                        quantity: part,
                        scale: item?.properties.scale ?? 0,
                        line: key.line
                    ),
                    promise: OrderResourcing.Promise(
                        priority: row.promise.priority,
                        time: row.promise.time,
                        event: row.promise.event.id,
                        position: row.promise.event.position
                    )
                )
                bodies.append((stock.home, .orderResourced(body)))
            }
        }
        return bodies
    }

    private mutating func isUnserved(
        _ stock: StockKey,
        by recorder: NodeID
    ) throws(EngineError) -> Bool {
        guard let summary = try cache.summaries.row(stock, from: reader),
            summary.backordered.units > 0, try usableRights(recorder, stock).isZero
        else { return false }
        let frozen = RightsRow.Key(home: stock.home, sku: stock.sku, holder: .frozen)
        if let row = try cache.rights.row(frozen, from: reader), row.balance.units > 0 {
            return false
        }
        let prefix = stock.bytes
        let open = try cache.rightsRequests.rows(
            from: prefix,
            to: upperBound(ofPrefix: prefix),
            limit: Self.holdersMax,
            source: reader
        )
        return !open.contains { $0.key.event.node == recorder }
    }

    private mutating func isAsked(
        _ holder: NodeID,
        by recorder: NodeID,
        for stock: StockKey
    ) throws(EngineError) -> Bool {
        var prefix = ByteWriter()
        stock.encode(into: &prefix)
        prefix.node(holder)
        let open = try cache.rightsRequests.rows(
            from: prefix.bytes,
            to: upperBound(ofPrefix: prefix.bytes),
            limit: Self.answersAtOnceMax,
            source: reader
        )
        return open.contains { $0.key.event.node == recorder }
    }

    /// As many percent of a quantity as a policy says, rounded down.
    private mutating func part(
        _ policy: NetworkPolicy,
        of quantity: Quantity
    ) throws(EngineError) -> Quantity {
        let (percent, units) = (try number(policy), quantity.units)
        // In two parts, so that no product overflows.
        return Quantity(units: units / 100 * percent + units % 100 * percent / 100)
    }

    /// Takes the answers of a node to the requests that are open at it.
    ///
    /// What the hub asks for goes to orders that wait, so it gets all that can be spared unless a
    /// policy says otherwise; another node gets half of it.
    ///
    /// - Parameters:
    ///   - holder: The node that answers, from its own rights.
    ///   - site: Its site.
    /// - Returns: One `rights_granted` body per request, of nothing where nothing can be spared.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(open requests at the site).
    public mutating func dueAnswers(
        of holder: NodeID,
        at site: SiteCode
    ) throws(EngineError) -> [EventBody] {
        var prefix = ByteWriter()
        prefix.id(site)
        let open = try cache.rightsRequests.rows(
            from: prefix.bytes,
            to: upperBound(ofPrefix: prefix.bytes),
            limit: Self.answersAtOnceMax,
            source: reader
        )
        var bodies: [EventBody] = []
        var spared: [StockKey: Quantity] = [:]
        for (key, row) in open where key.holder == holder {
            let stock = key.stock
            let usable: Quantity
            if let left = spared[stock] {
                usable = left
            } else {
                usable = try usableRights(holder, stock)
            }
            let asker = NodeRow.Key(node: key.event.node)
            let home = try cache.nodes.row(asker, from: reader)?.homeSite
            let share: Quantity
            if home == nil {
                share = try part(.rightsShareHub, of: usable)
            } else if home == site {
                share = try part(.rightsShareNode, of: usable)
            } else {
                share = try part(.rightsShareSite, of: usable)
            }
            let granted = min(row.quantity, share)
            spared[stock] = try usable.minus(granted)
            let item = try cache.items.row(ItemRow.Key(sku: stock.sku), from: reader)
            var grant = RightsGrant(
                sku: stock.sku,
                quantity: granted,
                scale: item?.properties.scale ?? 0,
                to: key.event.node
            )
            grant.request = key.event
            if let home, home != stock.home { grant.toSite = home }
            bodies.append(.rightsGranted(grant))
        }
        return bodies
    }

    // MARK: Topping up

    /// Takes the stocks of the own site of which a holder has more or fewer rights since the last
    /// look; none where no policy gives rights unasked.
    ///
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    package mutating func takeShifted() throws(EngineError) -> Set<StockKey> {
        defer { dues.shifted = [] }
        guard !dues.shifted.isEmpty else { return [] }
        let percents = (try number(.rightsTopUpNode), try number(.rightsTopUpHub))
        return percents == (0, 0) ? [] : dues.shifted
    }

    /// What a node gives to others without being asked, so that they can promise when they are cut
    /// off: to the other active nodes of its site, and to the hub.
    ///
    /// Who has less than half of the part that the policy says gets that part of what both have. So
    /// nothing goes back and forth, and not every promise moves rights.
    ///
    /// - Parameters:
    ///   - holder: The node that gives, from its own rights.
    ///   - site: Its site.
    ///   - stocks: The stocks whose rights have moved.
    /// - Returns: At most ``answersAtOnceMax`` `rights_granted` bodies, in a fixed order.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(stocks · active nodes of the site).
    package mutating func dueTopUps(
        of holder: NodeID,
        at site: SiteCode,
        for stocks: Set<StockKey>
    ) throws(EngineError) -> [EventBody] {
        guard !stocks.isEmpty else { return [] }
        let (toNodes, toHub) = (try number(.rightsTopUpNode), try number(.rightsTopUpHub))
        guard toNodes > 0 || toHub > 0,
            let row = try cache.sites.row(SiteRow.Key(code: site), from: reader),
            row.activeNodes.contains(holder)
        else { return [] }
        var others: [(node: NodeID, policy: NetworkPolicy)] = []
        if toNodes > 0 {
            for node in row.activeNodes where node != holder {
                others.append((node, .rightsTopUpNode))
            }
        }
        if toHub > 0, let hub = try hubNode() { others.append((hub, .rightsTopUpHub)) }
        var bodies: [EventBody] = []
        for stock in stocks.sorted() where stock.home == site {
            var usable = try usableRights(holder, stock)
            for (other, policy) in others where bodies.count < Self.answersAtOnceMax {
                let balance = try rightsBalance(of: other, stock).clampedToZero
                let wanted = try part(policy, of: usable.plus(balance))
                guard try balance.plus(balance) < wanted else { continue }
                let granted = min(usable, try wanted.minus(balance))
                guard granted.units > 0 else { continue }
                usable = try usable.minus(granted)
                let item = try cache.items.row(ItemRow.Key(sku: stock.sku), from: reader)
                bodies.append(
                    .rightsGranted(
                        RightsGrant(
                            sku: stock.sku,
                            quantity: granted,
                            scale: item?.properties.scale ?? 0,
                            to: other
                        )
                    )
                )
            }
        }
        return bodies
    }

    /// The hub, which is a holder but no node of a site.
    private mutating func hubNode() throws(EngineError) -> NodeID? {
        try cache.nodes.rows(from: [], to: upperBound(ofPrefix: []), limit: .max, source: reader)
            .first { $0.row.homeSite == nil && !$0.row.isRetired }?.key.node
    }
}
