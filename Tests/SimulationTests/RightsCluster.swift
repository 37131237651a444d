import Causality
import InventoryEngine
import TestSupport
import Testing

@testable import Replication

/// A hub and nodes in one process, several of them at one site, on stores in memory, whose links
/// can be cut: what a node and the hub tell each other passes only when the test says so.
struct RightsCluster {
    struct Node {
        let log: InMemoryEventLog
        let ledger: NodeLedger
        let key: NodeKey
        var id: NodeID { ledger.identity.node }
    }

    let hub = InMemoryEventLog()
    let ledger: HubLedger
    private(set) var nodes: [Node] = []
    var now = Instant(microseconds: 1_300_000_000_000_000)
    /// What the hub has heard of the nodes.
    var heard = HeardNodes()
    /// A bug that is planted: the hub waits for nobody.
    var waitsForNobody = false
    /// What the hub's program can read; an older one cannot read everything.
    var hubReads: @Sendable (EventBody) -> Bool = { _ in true }

    static let sku = SKU("P")

    /// Makes a network with nodes at these sites; the first of a site is active at once.
    init(_ sites: [String], seed: UInt64 = 1) async throws {
        var random = SeededGenerator(seed: seed)
        let currency = try #require(Label("GBP"))
        let hubName = try #require(Label("hub"))
        let identity = NodeIdentity(
            node: NodeID.random(using: &random),
            site: nil,
            name: hubName,
            currency: currency,
            moneyScale: 4
        )
        ledger = HubLedger(identity: identity, epoch: Epoch(counter: 1, high: 7, low: seed))
        try await register(
            NodeRegistration(
                node: identity.node,
                name: hubName,
                site: nil,
                publicKey: [UInt8](repeating: 9, count: 32),
                isActive: true
            )
        )
        for name in sites { try await join(name, using: &random) }
    }

    private func register(_ node: NodeRegistration) async throws {
        var bodies: [EventBody] = [.nodeRegistered(node)]
        if let site = node.site {
            bodies.insert(.siteRegistered(SiteRegistration(site: site)), at: 0)
        }
        let (ledger, now, all) = (ledger, now, bodies)
        try await hub.write { try ledger.record(all, in: $0, at: now) }
    }

    /// Lets one more node join.
    mutating func join(_ name: String, using random: inout SeededGenerator) async throws {
        let site = try #require(SiteCode(name))
        let identity = NodeIdentity(
            node: NodeID.random(using: &random),
            site: site,
            name: try #require(Label("\(name)-\(nodes.count + 1)")),
            currency: try #require(Label("GBP")),
            moneyScale: 4
        )
        let node = Node(
            log: InMemoryEventLog(),
            ledger: try NodeLedger(identity: identity),
            key: NodeKey.generate()
        )
        let ledger = ledger
        let isFirst = try await hub.read { log in
            try !ledger.registered(identity.node, site: site, in: log).siteIsActive
        }
        try await register(
            NodeRegistration(
                node: identity.node,
                name: identity.name,
                site: site,
                publicKey: node.key.publicKey,
                isActive: isFirst
            )
        )
        nodes.append(node)
    }

    // MARK: Working

    @discardableResult
    mutating func record(
        _ index: Int,
        _ body: EventBody,
        isForced: Bool = false,
        actor: String? = nil,
        token: String? = nil,
        at: String? = nil
    ) async throws -> Recording {
        now = now.adding(microseconds: 1_000_000)
        let (node, now) = (nodes[index], now)
        var given = InventoryCommand(
            body: body,
            actor: actor.flatMap { ActorID($0) },
            isForced: isForced
        )
        given.token = token
        given.at = at.flatMap { WallTime(rfc3339: $0) }
        let command = given
        let results = try await node.log.write {
            try node.ledger.record([command], in: $0, at: now)
        }
        return try #require(results.first)
    }

    @discardableResult
    mutating func recordAtHub(
        _ site: String?,
        _ body: EventBody,
        actor: String? = nil,
        op: OpKey? = nil
    ) async throws -> Recording {
        now = now.adding(microseconds: 1_000_000)
        let (ledger, now) = (ledger, now)
        var command = InventoryCommand(body: body, actor: actor.flatMap { ActorID($0) })
        command.op = op
        command.site = site.flatMap { SiteCode($0) }
        let commands = [command]
        let results = try await hub.write { try ledger.record(commands, in: $0, at: now) }
        return try #require(results.first)
    }

    /// Lets a node look for reservations whose time has passed.
    @discardableResult
    func expire(_ index: Int) async throws -> Int {
        let (node, now) = (nodes[index], now)
        return try await node.log.write { try node.ledger.recordExpired(in: $0, at: now) }
    }

    /// Pushes what a node has recorded, at most so many events.
    mutating func push(_ index: Int, limit: Int = 1_000) async throws {
        now = now.adding(microseconds: 1_000)
        let (node, now, ledger) = (nodes[index], now, ledger)
        guard
            var batch = try await node.log.read({
                try node.ledger.nextBatch(in: $0, limit: limit, bytesMax: 1 << 20)
            })
        else { return }
        try batch.sign(with: node.key)
        let chain = try batch.verifiedChain(
            after: batch.previousHash,
            signedBy: node.key.publicKey
        )
        var read = try HubLedger.CheckedBatch(batch, chain: chain, site: node.ledger.site)
        for index in read.events.indices where !hubReads(read.events[index].body) {
            read.events[index].body = .unknown(type: read.events[index].body.type)
        }
        let checked = read
        let ingest = try await hub.write { try ledger.ingest(checked, in: $0, receivedAt: now) }
        let reply = PushReply(
            acknowledged: ingest.acknowledged,
            acknowledgedHash: ingest.acknowledgedHash,
            receipt: [],
            durable: .start,
            head: ingest.head,
            verdicts: ingest.verdicts,
            nextBatchEvents: 256
        )
        try await node.log.write {
            try node.ledger.acknowledge(reply, epoch: ledger.epoch, in: $0, at: now)
        }
        if heard.note(node.id, acknowledged: ingest.acknowledged) {
            try await settleRights(at: node.ledger.site)
        }
    }

    /// Tells the hub how far a node is, and pulls one page of what it orders.
    mutating func pull(_ index: Int, bytesMax: UInt32 = 1 << 20) async throws {
        now = now.adding(microseconds: 1_000)
        let (node, now, ledger) = (nodes[index], now, ledger)
        let (applied, recorded) = try await node.log.read { log in
            (try log.progress().applied, try log.lastEvent(of: node.id)?.sequence ?? 0)
        }
        let acknowledged = try await hub.read { try ledger.acknowledged(of: node.id, in: $0) }
        let isNews = heard.note(
            node.id,
            applied: applied,
            recorded: waitsForNobody ? 0 : recorded,
            acknowledged: acknowledged
        )
        if isNews || waitsForNobody { try await settleRights(at: node.ledger.site) }
        let request = PullRequest(
            node: node.id,
            epoch: ledger.epoch,
            after: applied,
            bytesMax: bytesMax,
            waitMilliseconds: 0,
            summariesAfter: nil,
            recorded: recorded
        )
        let page = try await hub.read { try ledger.page(request, for: node.ledger.site, in: $0) }
        try await node.log.write { try node.ledger.apply(page, after: applied, in: $0, at: now) }
    }

    private mutating func settleRights(at site: SiteCode) async throws {
        var through = heard.through
        if waitsForNobody {
            for node in nodes { through[node.id] = HubPosition(UInt64.max) }
        }
        let (ledger, now, heard) = (ledger, now, through)
        _ = try await hub.write { try ledger.settleRights(at: site, heard: heard, in: $0, at: now) }
    }

    /// Heals all links: all push and pull until nobody has news.
    mutating func settle() async throws {
        for _ in 0..<12 {
            for index in nodes.indices {
                try await push(index)
                try await pull(index)
            }
        }
    }

    // MARK: Looking

    /// What a holder may promise of the item at a site, as the hub has it; nil means frozen.
    func balance(_ holder: NodeID?, at site: String) async throws -> Int64 {
        let key = RightsRow.Key(
            home: try #require(SiteCode(site)),
            sku: try #require(Self.sku),
            holder: holder.map { .node($0) } ?? .frozen
        )
        let bytes = try await hub.read { try $0.source(.base).row(.rights, key.bytes) }
        return try bytes.map { try RightsRow(bytes: $0).balance.units } ?? 0
    }

    /// The sums of the item at a site, as the hub has them.
    func summary(at site: String) async throws -> StockSummary {
        let key = StockKey(home: try #require(SiteCode(site)), sku: try #require(Self.sku))
        let bytes = try await hub.read { try $0.source(.base).row(.summary, key.bytes) }
        return try bytes.map { try StockSummary(bytes: $0) } ?? StockSummary()
    }

    /// All rows of a kind at the hub.
    func rows<R: Row>(_ type: R.Type) async throws -> [(key: R.Key, row: R)] {
        let rows = try await hub.read { log in
            try log.source(.base).rows(
                R.kind,
                from: [],
                to: [UInt8](repeating: 0xFF, count: 64),
                limit: .max,
                descending: false
            )
        }
        return try rows.map { (try R.Key(bytes: $0.key), try R(bytes: $0.value)) }
    }

    /// The quantities of an order's line at the hub.
    func line(
        _ order: String,
        at site: String,
        takenBy orderSite: String? = nil
    ) async throws -> OrderLineRow {
        let home = try #require(SiteCode(site))
        let key = OrderLineRow.Key(
            home: home,
            orderSite: try #require(SiteCode(orderSite ?? site)),
            order: try #require(DocumentID(order)),
            line: 1
        )
        let bytes = try await hub.read { try $0.source(.base).row(.orderLine, key.bytes) }
        return try OrderLineRow(bytes: try #require(bytes))
    }

    /// The identities that the hub's rows break, counted from nothing.
    func identityFaults() async throws -> [String] {
        var identities = StateIdentities()
        for kind in RowKind.allCases {
            let rows = try await hub.read { log in
                try log.source(.base).rows(
                    kind,
                    from: [],
                    to: [UInt8](repeating: 0xFF, count: 64),
                    limit: .max,
                    descending: false
                )
            }
            for row in rows { try identities.add(kind, key: row.key, value: row.value) }
        }
        return identities.faults().map { "\($0.place): \($0.sentence)" }
    }

    /// What the nodes hold otherwise than the hub: empty if all agree, by digest too.
    func disagreements() async throws -> [String] {
        var found: [String] = []
        for node in nodes {
            let name = node.ledger.identity.name
            let progress = try await node.log.read { try $0.progress() }
            if progress.differences > 0 {
                found.append("\(name): \(progress.differences) verdicts differ")
            }
            if !progress.digestAgrees { found.append("\(name): the digests differ") }
            for kind in RowKind.allCases where kind != .digest {
                let own = try await rows(kind, of: node.log, at: node.ledger.site)
                let theirs = try await rows(kind, of: hub, at: node.ledger.site)
                for (key, value) in theirs where own[key] != value {
                    let shown = own[key].map { "\($0)" } ?? "nothing"
                    let place = String(decoding: key, as: UTF8.self).debugDescription
                    found.append("\(name): \(kind) \(place) is \(shown), not \(value)")
                }
                for key in own.keys where theirs[key] == nil {
                    let place = String(decoding: key, as: UTF8.self).debugDescription
                    found.append("\(name): \(kind) \(place) is too many")
                }
            }
        }
        return found
    }

    private func rows(
        _ kind: RowKind,
        of log: InMemoryEventLog,
        at site: SiteCode
    ) async throws -> [[UInt8]: [UInt8]] {
        let network: Set<RowKind> = [.item, .site, .node, .policy]
        let rows = try await log.read { log in
            try log.source(.base).rows(
                kind,
                from: [],
                to: [UInt8](repeating: 0xFF, count: 64),
                limit: .max,
                descending: false
            )
        }
        let prefix = Array(site.text.utf8) + [0]
        let own = rows.filter { network.contains(kind) || $0.key.starts(with: prefix) }
        return Dictionary(uniqueKeysWithValues: own.map { ($0.key, $0.value) })
    }
}

// Commands of a day, in short.
extension EventBody {
    static func item(_ sku: SKU) -> EventBody {
        .itemRegistered(ItemRegistration(sku: sku, properties: ItemProperties(name: sku.text)))
    }

    static func receipt(_ sku: SKU, _ units: Int64) -> EventBody {
        var line = EventLine(sku: sku, quantity: Quantity(units: units))
        line.unitCost = ExactDecimal(mantissa: 100, scale: 2)
        return .goodsReceived(GoodsReceipt(lines: [line]))
    }

    static func confirm(
        _ order: DocumentID,
        _ sku: SKU,
        _ units: Int64,
        priority: Int32 = 0
    ) -> EventBody {
        let line = EventLine(sku: sku, quantity: Quantity(units: units))
        var confirmation = OrderConfirmation(order: order, lines: [line])
        confirmation.priority = priority
        return .orderConfirmed(confirmation)
    }

    static func cancel(_ order: DocumentID) -> EventBody {
        .orderCancelled(OrderWork(order: order))
    }

    static func pick(_ order: DocumentID) -> EventBody { .pickCompleted(OrderWork(order: order)) }

    static func ship(_ order: DocumentID) -> EventBody {
        .shipmentDispatched(OrderWork(order: order))
    }
}
