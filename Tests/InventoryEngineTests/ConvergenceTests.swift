import Causality
import InventoryEngine
import TestSupport
import Testing

@Suite(.tags(.simulation))
struct ConvergenceTests {
    private static let skus: [SKU] = ["P", "Q", "R"]

    /// How an item is valued in a history: all methods occur, beside each other.
    private static func method(of sku: SKU, seed: UInt64) -> CostingMethod {
        switch sku {
        case "P": [.average, .fifo, .standard][Int(seed % 3)]
        case "Q": seed % 2 == 0 ? .fifo : .average
        default: [.fifo, .standard, .average][Int(seed / 2 % 3)]
        }
    }

    /// Runs a random history: offline phases, pushes in a random order, pulls now and then.
    private func history(
        seed: UInt64,
        followsUpEachEvent: Bool,
        named: Set<SKU> = []
    ) throws -> Network {
        let sites: [SiteCode] =
            if !named.isEmpty {
                ["A", "A", "B"]
            } else {
                seed % 3 == 0 ? ["A", "B", "C"] : ["A", "B"]
            }
        // In some histories the nodes work before they have heard of the network.
        var network = try Network(sites, pulls: seed % 4 != 1)
        let nodes = network.nodes.map(\.node)
        for index in network.nodes.indices {
            network.nodes[index].keepsCache = (seed >> 1) % 2 == 0
            for sku in Self.skus where index == 0 || seed % 4 == 1 {
                let isNamed = named.contains(sku)
                let cost = sku == "Q" ? nil : "1.25"
                try network.nodes[index].record(
                    .item(
                        sku,
                        costing: Self.method(of: sku, seed: seed),
                        standardCost: cost,
                        isSerialTracked: isNamed
                    )
                )
            }
            try network.nodes[index].record(.location("A"))
            try network.nodes[index].record(.location("B"))
        }
        network.hub.keepsCache = seed % 2 == 0
        if seed % 4 != 1 { try network.settle() }
        var day = RandomDay(seed: seed, skus: Self.skus, sites: sites, nodes: nodes)
        day.serialTracked = named
        for _ in 0..<Nightly.size(100, nightly: 240) {
            let index = Int.random(in: sites.indices, using: &day.random)
            let count = Int.random(in: 1...6, using: &day.random)
            for _ in 0..<count {
                let command = try day.command(network.nodes[index])
                do {
                    try network.nodes[index].record(command)
                } catch let error as EngineError {
                    let isFault = [EngineError.Code.identityBroken, .damaged, .storage].contains(
                        error.code
                    )
                    try #require(!isFault, "\(error) \(command.body) SEED=\(seed)")
                }
            }
            if day.chance(25) {
                let limit = Int.random(in: 1...12, using: &day.random)
                try network.push(index, limit: limit, followsUpEachEvent: followsUpEachEvent)
            }
            if day.chance(12) {
                let limit = Int.random(in: 1...9, using: &day.random)
                try network.nodes[index].pull(from: network.hub, transactionLimit: limit)
            }
        }
        try network.settle()
        try network.settle()
        return network
    }

    /// The rows that two copies hold differently, at most a few.
    private func differences(
        _ first: [RowName: [UInt8]],
        _ second: [RowName: [UInt8]]
    ) -> [String] {
        let names = Set(first.keys).union(second.keys)
        return names.filter { first[$0] != second[$0] }.map(\.description).sorted()
    }

    @Test(arguments: Seeds.forThisRun)
    func `every node's base is the hub's, byte for byte`(seed: UInt64) throws {
        try checkEqual(try history(seed: seed, followsUpEachEvent: seed % 2 == 0), seed)
    }

    @Test(arguments: Seeds.forThisRun.prefix(Nightly.size(12, nightly: .max)))
    func `units with serial numbers are in one place each, at every node alike`(
        seed: UInt64
    ) throws {
        // Two nodes of one site, which take the same units without knowing of each other.
        let network = try history(
            seed: seed &+ 20_000,
            followsUpEachEvent: seed % 2 == 0,
            named: ["P", "R"]
        )
        try checkEqual(network, seed)
        let unclear = try network.hub.rows.typed(ParkedRow.self).filter {
            $0.row.code == "serials_unclear"
        }
        let events = unclear.map { network.hub.rows.located($0.key.event)?.event.body }
        #expect(unclear.isEmpty, "\(events) \(unclear.map(\.row.sentence)) SEED=\(seed)")
    }

    private func checkEqual(_ network: Network, _ seed: UInt64) throws {
        let hub = network.hub.rows
        for node in network.nodes {
            #expect(node.pending.isEmpty)
            #expect(node.differenceCount == 0, "\(node.site) SEED=\(seed)")
            for site in [nil, node.site] {
                let odd = differences(node.base.source.rows(of: site), hub.rows(of: site))
                guard !odd.isEmpty else { continue }
                let first = try Self.firstDifference(network, at: node.site) ?? "\(odd.prefix(5))"
                Issue.record("\(first) SEED=\(seed)")
            }
            let digests = node.base.source.rows(of: node.site).filter { $0.key.kind == .digest }
            #expect(digests.count == 3, "SEED=\(seed)")
            let faults = try Recount(node.base.source).faults
            #expect(faults.isEmpty, "\(node.site) \(faults.prefix(5)) SEED=\(seed)")
        }
        let faults = try Recount(hub).faults
        if !faults.isEmpty {
            let first = try Self.firstFault(network) ?? "\(faults.prefix(5))"
            Issue.record("\(first) SEED=\(seed)")
        }
        let all = hub.rows(of: nil).merging(
            network.nodes.reduce(into: [:]) { rows, node in
                rows.merge(hub.rows(of: node.site)) { first, _ in first }
            }
        ) { first, _ in first }
        let digests = all.filter { $0.key.kind == .digest }
        #expect(try digestsFromNothing(of: hub) == digests, "SEED=\(seed)")
        let broken = try hub.typed(ParkedRow.self).filter { $0.row.code == "identity_broken" }
        #expect(broken.isEmpty, "\(broken) SEED=\(seed)")
    }

    @Test(arguments: Seeds.forThisRun)
    func `a fold from nothing is the incremental state`(seed: UInt64) throws {
        let network = try history(seed: seed &+ 10_000, followsUpEachEvent: seed % 2 == 1)
        var fold = EngineCopy(source: InMemoryRowSource(), settings: network.hub.copy.settings)
        let entries = network.hub.entries
        let source = fold.source
        try fold.transact { state in
            for located in entries {
                guard let entry = located.entry else { continue }
                source.note(located)
                let outcome = try state.apply(
                    located.event,
                    ordering: .ordered(at: entry.position, entry.ruling)
                )
                #expect(!outcome.differsFromHub, "\(located.event) SEED=\(seed)")
            }
        }
        for site in [nil] + network.nodes.map(\.site) {
            let odd = differences(fold.source.rows(of: site), network.hub.rows.rows(of: site))
            #expect(odd.isEmpty, "\(odd.prefix(5)) SEED=\(seed)")
        }
    }
}

extension ConvergenceTests {
    /// Folds a hub's log entry by entry, and tells which event first breaks an identity that holds
    /// after every event.
    private static func firstFault(_ network: Network) throws -> String? {
        var hub = EngineCopy(source: InMemoryRowSource(), settings: network.hub.copy.settings)
        for located in network.hub.entries {
            guard let entry = located.entry else { continue }
            hub.source.note(located)
            let order = Ordering.ordered(at: entry.position, entry.ruling)
            _ = try hub.transact { try $0.apply(located.event, ordering: order) }
            let faults = try Recount(hub.source, isSettled: false).faults
            guard !faults.isEmpty else { continue }
            var text = "\(entry.position) \(located.event.body): \(faults)"
            if case .reversed(let reversal) = located.event.body {
                text += " undoes \(hub.source.located(reversal.event)?.event.body as Any)"
            }
            return text
        }
        return nil
    }

    /// Folds a hub's log entry by entry, at the hub and at one site, and tells where they part.
    static func firstDifference(_ network: Network, at site: SiteCode) throws -> String? {
        var hub = EngineCopy(source: InMemoryRowSource(), settings: network.hub.copy.settings)
        guard let node = network.nodes.first(where: { $0.site == site }) else { return nil }
        var edge = EngineCopy(source: InMemoryRowSource(), settings: node.base.settings)
        for located in network.hub.entries {
            guard let entry = located.entry else { continue }
            hub.source.note(located)
            edge.source.note(located)
            let isScoped = entry.ruling.sites.isEmpty || entry.ruling.sites.contains(site)
            let order = Ordering.ordered(at: entry.position, entry.ruling)
            _ = try hub.transact { try $0.apply(located.event, ordering: order) }
            if isScoped { _ = try edge.transact { try $0.apply(located.event, ordering: order) } }
            for place in [nil, site] {
                let own = edge.source.rows(of: place)
                let theirs = hub.source.rows(of: place)
                for name in Set(own.keys).union(theirs.keys) where own[name] != theirs[name] {
                    guard name.kind != .digest else { continue }
                    return "\(site) \(entry.position) \(located.event) makes \(name) differ:\n"
                        + "\(describe(name, own[name]))\n\(describe(name, theirs[name]))"
                }
            }
        }
        return nil
    }

    private static func describe(_ name: RowName, _ bytes: [UInt8]?) -> String {
        guard let bytes else { return "none" }
        switch name.kind {
        case .movement:
            return "\((try? MovementRow(bytes: bytes)).map(String.init(describing:)) ?? "")"
        case .exception:
            return "\((try? ExceptionRow(bytes: bytes)).map(String.init(describing:)) ?? "")"
        case .account:
            return "\((try? AccountRow(bytes: bytes)).map(String.init(describing:)) ?? "")"
        case .journal:
            return "\((try? JournalRow(bytes: bytes)).map(String.init(describing:)) ?? "")"
        default: return "\(bytes)"
        }
    }
}
