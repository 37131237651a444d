import Causality
import Interchange
import InventoryEngine
public import Replication

/// Reads lists out of an event log, a page at a time.
///
/// A page costs what it shows: rows are read by ranges of their keys, entries by their positions,
/// and a filter that no range serves gives up after a fixed number of rows, with a cursor to go on
/// from. Pages are not one snapshot: each shows the log as it is when it is read.
public enum Reports {
    /// Reads one page.
    ///
    /// | List       | Order                                                                |
    /// | ---------- | -------------------------------------------------------------------- |
    /// | stock      | site, item, and then location or lot                                 |
    /// | orders     | site that ships, site that took the order, order, line               |
    /// | transfers  | site that holds the row, source, transfer, destination, line         |
    /// | journal    | site, then the hub's position; pending entries last                  |
    /// | events     | the hub's position; pending events last                              |
    /// | the others | site, then their own key                                             |
    ///
    /// The cursor of the events is the position of the last one, so that a feed which has come to
    /// the end can go on from there later.
    ///
    /// - Parameters:
    ///   - query: Which rows.
    ///   - log: The transaction to read in.
    ///   - viewer: Who reads.
    /// - Returns: The rows and the cursor of the next page.
    /// - Throws: ``InterchangeError`` with the code `cursor_invalid`, `cursor_ahead`, `not_found`,
    ///   `unknown_site` or `other_site`; `EngineError` with the code `damaged`; a storage error.
    public static func page(
        _ query: ReportQuery,
        in log: any LogReading,
        as viewer: ReportViewer
    ) throws -> ReportPage {
        var reader = ReportReader(query: query, log: log, viewer: viewer)
        try reader.checkSite()
        switch query.kind {
        case .stock: return try reader.stock()
        case .orders: return try reader.orders()
        case .transfers: return try reader.transfers()
        case .journal: return try reader.journal()
        case .events: return try reader.events()
        case .conflicts: return try reader.conflicts()
        case .exceptions: return try reader.exceptions()
        case .parked: return try reader.parked()
        case .rights: return try reader.rights()
        case .nodes: return try reader.nodes()
        case .policies: return try reader.policies()
        case .people: return try reader.people()
        case .tasks: return try reader.tasks()
        case .lots: return try reader.lots()
        case .serials: return try reader.serials()
        case .periods: return try reader.periods()
        case .trialBalance: return try reader.trialBalance()
        }
    }
}

/// One query at work.
struct ReportReader {
    let query: ReportQuery
    let log: any LogReading
    let viewer: ReportViewer
    var page: PageBuilder
    /// What the node's progress says, read once in a page.
    var acknowledgedOnce: UInt64?
    private var items: [SKU: ItemRow?] = [:]
    private var nodeNames: [NodeID: String] = [:]

    init(query: ReportQuery, log: any LogReading, viewer: ReportViewer) {
        self.query = query
        self.log = log
        self.viewer = viewer
        page = PageBuilder(limit: query.limit)
    }

    var identity: NodeIdentity { viewer.identity }
    var view: StateView { viewer.view }
    /// The rows that the viewer sees.
    var source: any RowSource { log.source(view) }

    // MARK: Scope

    /// Refuses a site that does not exist, or of which a node holds nothing.
    func checkSite() throws {
        guard let site = query.site, site != viewer.ownSite else { return }
        if viewer.ownSite != nil, query.kind != .stock || query.grouping != nil {
            throw InterchangeError(
                .otherSite,
                "This node holds the rows of its own site alone, not those of \(site).",
                field: ReportParameter.site.rawValue,
                hint: "Ask the hub, or a node of \(site)."
            )
        }
        guard try log.source(.base).row(SiteRow.self, SiteRow.Key(code: site)) == nil else {
            return
        }
        throw InterchangeError(
            .unknownSite,
            "There is no site \(site).",
            field: ReportParameter.site.rawValue,
            hint: "Check its code."
        )
    }

    /// The one site whose rows are asked for; nil for all that there are.
    var site: SiteCode? { query.site ?? viewer.ownSite }

    /// The prefixes of the keys of the sites in question: the home site comes first in each key.
    func homes(_ kind: RowKind) throws -> [[UInt8]] {
        if let site { return [keyPrefix(site.text)] }
        return try source.prefixes(kind, below: [])
    }

    /// The ranges of keys `(home, …)`, by site.
    ///
    /// Rows of the network, which have no home, belong to every list that names no site.
    func ranges(_ kind: RowKind, withNetwork: Bool = false) -> [RowRange] {
        guard let site else { return [RowRange(view, kind, from: [], to: RowRange.end)] }
        let own = RowRange(view, kind, prefix: keyPrefix(site.text))
        return withNetwork && query.site == nil
            ? [RowRange(view, kind, prefix: keyPrefix("")), own] : [own]
    }

    /// The ranges of keys `(home, sku, …)`.
    func rangesBySKU(_ kind: RowKind) throws -> [RowRange] {
        guard !query.skus.isEmpty else { return ranges(kind) }
        let skus = query.skus.sorted()
        return try homes(kind).flatMap { home in
            skus.map { RowRange(view, kind, prefix: home + keyPrefix($0.text)) }
        }
    }

    /// The ranges of keys `(home, other site, document, …)`.
    func rangesByDocument(_ kind: RowKind) throws -> [RowRange] {
        guard let id = query.id else { return ranges(kind) }
        let source = source
        return try homes(kind).flatMap { home in
            try source.prefixes(kind, below: home).map { pair in
                RowRange(view, kind, prefix: pair + keyPrefix(id))
            }
        }
    }

    // MARK: Pages

    /// The key after which the page begins.
    func startKey() throws -> [UInt8]? {
        try query.after.map { try ReportCursor($0, kind: query.kind).key }
    }

    /// The page as it stands.
    func finished(lastKey: [UInt8]?) -> ReportPage {
        ReportPage(
            rows: page.rows,
            next: lastKey.map { ReportCursor(kind: query.kind, key: $0).text }
        )
    }

    /// Scans ranges and gives the page that the visits fill.
    mutating func pageOfRows(
        _ ranges: [RowRange],
        _ visit: (inout ReportReader, _ view: StateView, _ key: [UInt8], _ value: [UInt8]) throws
            -> [UInt8]?
    ) throws -> ReportPage {
        var reader = self
        var page = self.page
        let lastKey = try log.scan(ranges, after: startKey(), into: &page) {
            view,
            key,
            value,
            page in
            if let row = try visit(&reader, view, key, value) { page.add(row) }
        }
        if page.rows.isEmpty, lastKey == nil, query.after == nil, let id = query.id {
            throw notFound(id)
        }
        reader.page = page
        return reader.finished(lastKey: lastKey)
    }

    /// Scans ranges of one kind of row and then of another, as one list.
    ///
    /// - Parameters:
    ///   - ranges: Of the first kind.
    ///   - others: Of the second kind; a cursor tells them by the byte before the key, which is none
    ///     that an identifier begins with.
    ///   - visit: Writes a row of the first kind, or of the second; nil for one to leave out.
    /// - Returns: The page.
    /// - Throws: ``InterchangeError`` if there is no row of the id that is asked for, what the visits
    ///   throw, or a storage error.
    mutating func pageOfRows(
        _ ranges: [RowRange],
        then others: [RowRange],
        _ visit: (
            inout ReportReader, _ isSecond: Bool, _ key: [UInt8], _ value: [UInt8]
        ) throws -> [UInt8]?
    ) throws -> ReportPage {
        let secondMark: UInt8 = 0xFF
        let start = try startKey()
        var reader = self
        var page = self.page
        var last: [UInt8]?
        if start?.first != secondMark {
            last = try log.scan(ranges, after: start, into: &page) { (_, key, value, page) throws in
                if let row = try visit(&reader, false, key, value) { page.add(row) }
            }
        }
        if last == nil, let first = others.first {
            let upper = others.last?.upper ?? first.upper
            let isThere = try !log.source(first.view)
                .rows(first.kind, from: first.lower, to: upper, limit: 1, descending: false)
                .isEmpty
            if isThere, page.isFull {
                last = [secondMark]
            } else if isThere {
                let after = start?.first == secondMark ? start.map { Array($0.dropFirst()) } : nil
                last = try log.scan(others, after: after, into: &page) {
                    (_, key, value, page) throws in
                    if let row = try visit(&reader, true, key, value) { page.add(row) }
                }.map { [secondMark] + $0 }
            }
        }
        if page.rows.isEmpty, last == nil, query.after == nil, let id = query.id {
            throw notFound(id)
        }
        reader.page = page
        return reader.finished(lastKey: last)
    }

    private func notFound(_ id: String) -> InterchangeError {
        let what =
            switch query.kind {
            case .orders: "order"
            case .transfers: "transfer"
            case .conflicts: "conflict"
            case .lots: "order with units of lot"
            case .serials: "unit with the serial number"
            case .stock, .journal, .events, .exceptions, .parked, .rights, .nodes,
                .policies, .people, .tasks, .periods, .trialBalance:
                "row"
            }
        let isNarrowed = query.state != nil || !query.skus.isEmpty || query.site != nil
        return InterchangeError(
            .notFound,
            "There is no \(what) \(id.shown)\(isNarrowed ? " of that kind" : "").",
            field: ReportParameter.id.rawValue,
            hint: "List them all to see their ids."
        )
    }

    // MARK: Words

    /// Whether pending events have changed a row: the base says something else of it.
    func isProvisional(_ kind: RowKind, _ key: [UInt8], _ value: [UInt8]) throws -> Bool {
        guard view == .overlay else { return false }
        return try log.source(.base).row(kind, key) != value
    }

    /// What is known of an item.
    mutating func item(_ sku: SKU) throws -> ItemRow? {
        if let known = items[sku] { return known }
        let item = try source.row(ItemRow.self, ItemRow.Key(sku: sku))
        items[sku] = .some(item)
        return item
    }

    /// The decimals of an item's quantities.
    mutating func scale(_ sku: SKU) throws -> UInt8 {
        try item(sku)?.properties.scale ?? 0
    }

    /// How people read a node: by its name if the network knows it, else by its id.
    mutating func text(of node: NodeID) throws -> String {
        if node == identity.node { return identity.name.text }
        if let known = nodeNames[node] { return known }
        var text = node.description
        if let row = try source.row(NodeRow.self, NodeRow.Key(node: node)) {
            text = row.name.text
        } else if case .node = viewer, try log.link()?.hub == node {
            text = "hub"
        }
        nodeNames[node] = text
        return text
    }

    /// How people read an event, such as `lon-1:42`.
    mutating func text(of event: EventID) throws -> String {
        "\(try text(of: event.node)):\(event.sequence)"
    }

    /// The event that a text such as `lon-1:42` names, its node by name or id.
    func event(named text: String) throws -> EventID {
        if let event = EventID(text) { return event }
        let parts = text.split(separator: ":")
        if parts.count == 2, let sequence = UInt64(parts[1]), sequence > 0 {
            let name = String(parts[0])
            if name == identity.name.text {
                return EventID(node: identity.node, sequence: sequence)
            }
            if name == "hub", case .node = viewer, let hub = try log.link()?.hub {
                return EventID(node: hub, sequence: sequence)
            }
            var found: NodeID?
            try source.scan(.node) { key, value in
                if try NodeRow(bytes: value).name.text.utf8.elementsEqual(name.utf8) {
                    found = try NodeRow.Key(bytes: key).node
                }
            }
            if let found { return EventID(node: found, sequence: sequence) }
        }
        throw unknownEvent(text)
    }

    func unknownEvent(_ text: String) -> InterchangeError {
        InterchangeError(
            .notFound,
            "There is no event \(text.shown).",
            field: ReportParameter.event.rawValue,
            hint: "Name it as `events` shows it, such as lon-1:42."
        )
    }
}
