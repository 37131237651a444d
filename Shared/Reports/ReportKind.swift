/// The lists that people and programs can read, the same at a node and at the hub.
public enum ReportKind: String, CaseIterable, Hashable, Sendable {
    /// What is on hand, bound and free: a row for each item at each site.
    case stock
    /// A row for each line of an order.
    case orders
    /// A row for each line of a transfer.
    case transfers
    /// A row for each debit and credit.
    case journal
    /// A row for each event, in the hub's order, what is pending last.
    case events
    /// Rules that concurrent events broke.
    case conflicts
    /// Rules that ordered events broke.
    case exceptions
    /// Events that are kept but not applied.
    case parked
    /// Who may promise how much: a row for each item, site and holder.
    case rights
    /// The nodes that have joined.
    case nodes
    /// What the network has decided about how its rules work.
    case policies
    /// Who may record, and what.
    case people
    /// What somebody has to do: count a place, put units back, call others back.
    case tasks
    /// The orders for which units of a lot were taken or shipped: whom a recall concerns.
    case lots
    /// Where each unit is that is kept by serial number, and with an id where it was before.
    case serials
    /// The months whose books are closed.
    case periods
    /// What each account had, got and has: a row for each account.
    case trialBalance = "trial-balance"

    /// The parameters that narrow the list, besides `limit` and `after`.
    var parameters: [ReportParameter] {
        switch self {
        case .stock: [.sku, .site, .network, .by, .below]
        case .orders, .transfers, .conflicts: [.id, .sku, .site, .state]
        case .journal: [.sku, .site, .account, .event, .period, .late, .newest]
        case .events: [.site, .type, .event, .newest]
        case .exceptions: [.sku, .site, .state]
        case .parked: [.event, .site, .state]
        case .nodes: [.site]
        case .policies, .people, .periods: []
        case .trialBalance: [.site, .period]
        case .tasks: [.sku, .site]
        case .lots: [.id, .sku, .site]
        case .serials: [.id, .sku, .site, .state]
        case .rights: [.sku, .site]
        }
    }

    /// What `state` may be; empty where there is no such parameter.
    ///
    /// The first is the state of what still waits for somebody.
    var states: [String] {
        switch self {
        case .orders, .transfers: ["open", "closed"]
        case .conflicts: ["open", "resolved"]
        case .exceptions: ["open", "acknowledged"]
        case .parked: ["open", "closed"]
        case .serials: ["here", "away"]
        case .stock, .journal, .events, .rights, .nodes, .policies, .people, .tasks, .lots,
            .periods, .trialBalance:
            []
        }
    }
}

/// What narrows a list: the names are those of a URL's query.
enum ReportParameter: String, CaseIterable {
    case id
    case sku
    case site
    case network
    case by
    case below
    case state
    case account
    case event
    case period
    case type
    case newest
    case late
    case limit
    case after
}
