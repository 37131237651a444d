package import Causality

/// What a recorder asks of the state besides decisions.
extension StockState {
    /// The event that first carried an op at a site, or nil if none did.
    package mutating func recordedOperation(
        _ op: OpKey,
        at site: SiteCode
    ) throws(EngineError) -> OperationRow? {
        try cache.operations.row(OperationRow.Key(home: site, op: op), from: reader)
    }

    /// What the network knows of a node, or nil if it never joined.
    package mutating func knownNode(_ node: NodeID) throws(EngineError) -> NodeRow? {
        try cache.nodes.row(NodeRow.Key(node: node), from: reader)
    }

    /// Whether the network knows a site.
    package mutating func knowsSite(_ site: SiteCode) throws(EngineError) -> Bool {
        try cache.sites.row(SiteRow.Key(code: site), from: reader) != nil
    }
}
