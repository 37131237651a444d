import Causality

/// Decisions about promise rights and about nodes.
extension Decider {
    mutating func granted(_ grant: RightsGrant) throws(EngineError) -> RightsGrant {
        var grant = grant
        let item = try item(grant.sku, field: "sku")
        (grant.quantity, grant.scale) = try units(grant.quantity, grant.scale, item)
        guard grant.quantity.units >= 0 else {
            throw .refused(
                "quantity_negative",
                "A grant cannot be negative.",
                field: "quantity"
            )
        }
        let stock = StockKey(home: grant.stockSite ?? site, sku: grant.sku)
        try checkHolder(grant.to, of: stock)
        let usable = try state.usableRights(recorder, stock)
        guard grant.quantity <= usable else {
            throw .refused(
                "insufficient_rights",
                "Only \(usable.units) units can be granted.",
                field: "quantity",
                hint: "See `rights \(grant.sku)` for who holds how much."
            )
        }
        if grant.stockSite == site { grant.stockSite = nil }
        let home = try state.remoteHome(of: .node(grant.to), stock.home)
        grant.toSite = home == site ? nil : home
        return grant
    }

    mutating func requested(_ request: RightsRequest) throws(EngineError) -> RightsRequest {
        var request = request
        let item = try item(request.sku, field: "sku")
        (request.quantity, request.scale) = try units(request.quantity, request.scale, item)
        try checkPositive(request.quantity)
        let stock = StockKey(home: request.stockSite ?? site, sku: request.sku)
        if stock.home != site { try checkSite(stock.home, field: "stock_site") }
        try checkHolder(request.to, of: stock, isAsked: true)
        if request.stockSite == site { request.stockSite = nil }
        return request
    }

    /// Only the hub takes rights away, and only from a node that an operator has retired.
    mutating func reclaimed(_ reclaim: RightsReclaim) throws(EngineError) -> RightsReclaim {
        try checkHub()
        var reclaim = reclaim
        let item = try item(reclaim.sku, field: "sku")
        (reclaim.quantity, reclaim.scale) = try units(reclaim.quantity, reclaim.scale, item)
        try checkPositive(reclaim.quantity)
        let row = try state.cache.nodes.row(NodeRow.Key(node: reclaim.from), from: state.reader)
        guard let row else {
            throw .refused("unknown_node", "The node has not joined.", field: "from")
        }
        guard row.isRetired else {
            throw .refused(
                "node_active",
                "\(row.name) is not retired: it may be promising these units right now.",
                field: "from",
                hint: "Make sure that no copy of it runs, retire it, and then reclaim."
            )
        }
        if let to = reclaim.to { try checkKnown(to, field: "to") }
        let stock = StockKey(home: reclaim.stockSite ?? site, sku: reclaim.sku)
        let balance = try state.rightsBalance(of: reclaim.from, stock)
        guard reclaim.quantity <= balance else {
            throw .refused(
                "insufficient_rights",
                "\(row.name) holds \(max(balance, .zero).units) units at \(stock.home).",
                field: "quantity"
            )
        }
        for node in [reclaim.from, reclaim.to].compactMap(\.self) {
            if let home = try state.remoteHome(of: .node(node), stock.home), home != site,
                !reclaim.holderSites.contains(home)
            {
                reclaim.holderSites.append(home)
            }
        }
        if reclaim.to == recorder { reclaim.to = nil }
        if reclaim.stockSite == site { reclaim.stockSite = nil }
        return reclaim
    }

    mutating func activated(_ change: NodeChange) throws(EngineError) -> NodeChange {
        try checkHub()
        let row = try state.cache.nodes.row(NodeRow.Key(node: change.node), from: state.reader)
        guard let row, row.homeSite != nil else {
            throw .refused("unknown_node", "The node has not joined.", field: "node")
        }
        guard !row.isRetired else {
            throw .refused("node_retired", "\(row.name) was retired.", field: "node")
        }
        guard !row.isActive else {
            throw .refused("node_active", "\(row.name) is active already.", field: "node")
        }
        return change
    }

    mutating func retired(_ change: NodeChange) throws(EngineError) -> NodeChange {
        try checkHub()
        let row = try state.cache.nodes.row(NodeRow.Key(node: change.node), from: state.reader)
        guard let row, row.homeSite != nil else {
            throw .refused("unknown_node", "The node has not joined.", field: "node")
        }
        guard !row.isRetired else {
            throw .refused("node_retired", "\(row.name) was retired before.", field: "node")
        }
        return change
    }

    // MARK: Checks

    private func units(
        _ quantity: Quantity,
        _ scale: UInt8,
        _ item: ItemRow
    ) throws(EngineError) -> (Quantity, UInt8) {
        let units = try InventoryRules.quantity(
            quantity.units,
            scale: scale,
            itemScale: item.properties.scale,
            field: "quantity"
        )
        return (units, item.properties.scale)
    }

    private func checkPositive(_ quantity: Quantity) throws(EngineError) {
        guard quantity.units > 0 else {
            throw .refused(
                "quantity_not_positive",
                "The quantity must be more than zero.",
                field: "quantity"
            )
        }
    }

    private mutating func checkKnown(_ node: NodeID, field: String) throws(EngineError) {
        guard try state.cache.nodes.row(NodeRow.Key(node: node), from: state.reader) != nil else {
            throw .refused("unknown_node", "The node has not joined.", field: field)
        }
    }

    /// Refuses who cannot hold rights for a stock: every node of the network can, and the hub.
    ///
    /// Asked for them are those of the stock's own site, which have them, and the hub.
    private mutating func checkHolder(
        _ node: NodeID,
        of stock: StockKey,
        isAsked: Bool = false
    ) throws(EngineError) {
        guard node != recorder else {
            throw .refused("unknown_node", "That is this node itself.", field: "to")
        }
        let key = NodeRow.Key(node: node)
        guard let row = try state.cache.nodes.row(key, from: state.reader), !row.isRetired else {
            throw .refused("unknown_node", "The node has not joined.", field: "to")
        }
        guard !isAsked || row.homeSite == nil || row.homeSite == stock.home else {
            throw .refused(
                "holder_elsewhere",
                "\(row.name) is not a node of \(stock.home), and not the hub.",
                field: "to",
                hint: "Ask a node of \(stock.home), or the hub."
            )
        }
    }

    func checkHub() throws(EngineError) {
        guard state.settings.scope == .everything else {
            throw .refused(
                "hub_only",
                "Only an operator of the hub can do that.",
                field: "type",
                hint: "Use plumbline-hub."
            )
        }
    }
}
