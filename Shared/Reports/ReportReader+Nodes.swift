import Causality
import Interchange
import InventoryEngine
import Replication

/// Who may promise how much, and the nodes that do.
extension ReportReader {
    mutating func rights() throws -> ReportPage {
        // The hub lists each balance once, at the site of the stock.
        let remote = site == nil ? [] : ranges(.remoteRights)
        return try pageOfRows(rangesBySKU(.rights), then: remote) {
            (reader, isRemote, bytes, value) throws in
            var (key, kind) = (bytes, RowKind.rights)
            if isRemote {
                let place = try RemoteRightsRow.Key(bytes: bytes)
                let skus = reader.query.skus
                guard skus.isEmpty || skus.contains(place.stock.sku) else { return nil }
                kind = .remoteRights
                let (site, sku) = (place.stock.home, place.stock.sku)
                key = RightsRow.Key(home: site, sku: sku, holder: .node(place.holder)).bytes
            }
            return try reader.rightsRow(key, value, kind, stored: bytes)
        }
    }

    /// One balance; the row of a holder at another site has the same value.
    private mutating func rightsRow(
        _ bytes: [UInt8],
        _ value: [UInt8],
        _ kind: RowKind,
        stored: [UInt8]
    ) throws -> [UInt8] {
        let key = try RightsRow.Key(bytes: bytes)
        let balance = try RightsRow(bytes: value).balance
        let isProvisional = try isProvisional(kind, stored, value)
        let scale = try scale(key.sku)
        var holder = "frozen"
        var node: String?
        if case .node(let id) = key.holder {
            holder = try text(of: id)
            node = id.description
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("site", key.home.text)
            writer.member("sku", key.sku.text)
            writer.member("holder", holder)
            writer.member("node_id", orNull: node)
            writer.member("balance", units: balance.units, scale: scale)
            writer.member("provisional", isProvisional)
        }
        return writer.bytes
    }

    mutating func people() throws -> ReportPage {
        let all = [RowRange(view, .person, from: [], to: RowRange.end)]
        return try pageOfRows(all) { (reader, _, bytes, value) throws in
            let key = try PersonRow.Key(bytes: bytes)
            let row = try PersonRow(bytes: value)
            let changedBy = try reader.text(of: row.changedBy.id)
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("person", key.person.text)
                writer.member("role", row.role.text)
                writer.member("state", row.isRetired ? "retired" : "active")
                writer.member("has_token", row.credential != nil)
                writer.member("version", quoted: row.version)
                writer.member("changed_by", changedBy)
            }
            return writer.bytes
        }
    }

    mutating func policies() throws -> ReportPage {
        var rows: [[UInt8]] = []
        var last: [UInt8]?
        let after = try startKey()
        let policies = NetworkPolicy.allCases.sorted { $0.rawValue < $1.rawValue }
        for policy in policies {
            let key = PolicyRow.Key(name: policy.rawValue).bytes
            if let after, !after.lexicographicallyPrecedes(key) { continue }
            guard rows.count < query.limit else {
                let cursor = last.map { ReportCursor(kind: query.kind, key: $0).text }
                return ReportPage(rows: rows, next: cursor)
            }
            last = key
            let row = try source.row(PolicyRow.self, PolicyRow.Key(name: policy.rawValue))
            let setBy = try row.map { try text(of: $0.setBy.id) }
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("policy", policy.rawValue)
                writer.member("value", row?.value ?? policy.standard)
                writer.member("standard", policy.standard)
                writer.member("choices", policy.choices)
                writer.member("set_by", orNull: setBy)
            }
            rows.append(writer.bytes)
        }
        return ReportPage(rows: rows, next: nil)
    }

    mutating func nodes() throws -> ReportPage {
        let ranges = [RowRange(view, .node, from: [], to: Array(repeating: 0xFF, count: 17))]
        return try pageOfRows(ranges) { (reader, _, bytes, value) throws in
            let node = try NodeRow.Key(bytes: bytes).node
            let row = try NodeRow(bytes: value)
            // The hub holds rights like a node and is none.
            guard let home = row.homeSite else { return nil }
            if let site = reader.site, home != site { return nil }
            let standing = try NodeStanding(node, row, in: reader.log, as: reader.viewer)
            var writer = JSONWriter()
            standing.encode(to: &writer, withIdentity: true)
            return writer.bytes
        }
    }
}

/// How one node stands, as the hub knows it; a node knows of others only that they joined.
struct NodeStanding {
    /// How a node stands, from the best on.
    enum State: String {
        case inSync = "in_sync"
        case behind
        case silent
        /// It was taken out of the network: nobody waits for it.
        case retired
    }

    let node: NodeID
    let row: NodeRow
    /// The last sequence that is in the log here.
    let acknowledged: UInt64
    let contact: NodeContact?
    /// Nil where nobody told, because this is no hub.
    let state: State?
    /// When it last held nothing back, as far as the hub has stored it.
    let watermark: Instant?
    /// How many events wait, as far as it told.
    let pending: UInt64?
    /// Whether it has folded all that it is to fold and found something else than the hub.
    let isDamaged: Bool

    init(
        _ node: NodeID,
        _ row: NodeRow,
        in log: any LogReading,
        as viewer: ReportViewer
    ) throws {
        self.node = node
        self.row = row
        acknowledged = try log.lastEvent(of: node)?.sequence ?? 0
        watermark = try HubLedger.watermark(of: node, in: log)
        guard case .hub(_, let contacts, let now) = viewer else {
            contact = nil
            state = nil
            pending = nil
            isDamaged = false
            return
        }
        let contact = contacts[node]
        self.contact = contact
        let held = acknowledged
        let pending = contact?.lastSequence.map { $0 - min($0, held) }
        self.pending = pending
        let applied = contact?.applied ?? .start
        let isAtHead = try applied >= log.head(in: row.homeSite)
        isDamaged = isAtHead && contact?.digestAgrees == false
        guard !row.isRetired else {
            state = .retired
            return
        }
        guard let contact, !contact.isSilent(at: now) else {
            state = .silent
            return
        }
        state = isAtHead && pending == 0 && contact.digestAgrees == true ? .inSync : .behind
    }

    /// Writes the node as one JSON object; what nobody told is `null`.
    func encode(to writer: inout JSONWriter, withIdentity: Bool = false) {
        writer.object { writer in
            writer.member("node", row.name.text)
            if withIdentity {
                writer.member("node_id", node.description)
                writer.member("active", row.isActive)
            }
            writer.member("site", orNull: row.homeSite?.text)
            writer.member("state", orNull: state?.rawValue)
            writer.member("acknowledged", number: acknowledged)
            writer.member("applied", orNull: contact?.applied?.rawValue)
            writer.member("pending", orNull: pending)
            writer.member(
                "oldest_pending_seconds",
                orNull: pending == 0 ? 0 : contact?.oldestPendingSeconds
            )
            writer.member("last_seen", orNull: contact?.lastSeen.rfc3339)
            writer.member("watermark", orNull: watermark?.rfc3339)
            writer.member("clock_offset_ms", orNull: contact?.clockOffsetMilliseconds)
            writer.key("digest_agrees")
            if let agrees = contact?.digestAgrees { writer.bool(agrees) } else { writer.null() }
            writer.member("version", orNull: contact?.version)
        }
    }
}

extension JSONWriter {
    /// Writes a member that is a plain JSON number, or `null` where there is none.
    fileprivate mutating func member<Number: FixedWidthInteger>(
        _ name: String,
        orNull number: Number?
    ) {
        key(name)
        if let number { self.number(number) } else { null() }
    }
}
