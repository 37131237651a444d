import Causality
import InventoryEngine
import Replication
import TestSupport
import Testing

/// Few units, two nodes at one site, one at another, links cut and healed at random: no unit is
/// promised finally twice, and nobody waits for units that somebody could promise.
@Suite(.tags(.simulation), .timeLimit(.minutes(30)))
struct RightsStormTests {
    private static let steps = 120

    @Test(arguments: Seeds.forThisRun)
    func `no final promise is ever taken back, and every promise can be kept`(
        seed: UInt64
    ) async throws {
        let storm = try await Storm(seed: seed)
        let outcome = try await storm.run(steps: Self.steps)
        #expect(outcome.faults.isEmpty, "Replay with SEED=\(seed): \(outcome.faults.prefix(3))")
    }

    /// The storm must notice when the hub thaws what claims free without having heard the others.
    @Test func `a hub that waits for nobody is found out`() async throws {
        var isFound = false
        for seed in 1...64 as ClosedRange<UInt64> where !isFound {
            var storm = try await Storm(seed: seed)
            storm.cluster.waitsForNobody = true
            isFound = try await !storm.run(steps: Self.steps).faults.isEmpty
        }
        #expect(isFound)
    }
}

/// One run of the storm.
struct Storm {
    struct Outcome {
        var faults: [String] = []
    }

    var cluster: RightsCluster
    private var random: SeededGenerator
    private var orders: [DocumentID] = []
    private var finals: [DocumentID: Int64] = [:]
    private let sku: SKU

    init(seed: UInt64) async throws {
        cluster = try await RightsCluster(["LON", "LON", "LON", "MAN"], seed: seed)
        random = SeededGenerator(seed: seed)
        sku = try #require(RightsCluster.sku)
        try await cluster.record(0, .item(sku))
        try await cluster.settle()
    }

    private mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    consuming func run(steps: Int) async throws -> Outcome {
        var storm = self
        for _ in 0..<steps { try await storm.step() }
        try await storm.cluster.settle()
        try await storm.putBackSurplus()
        return try await storm.judge()
    }

    /// One thing that a node does, or that passes between it and the hub.
    private mutating func step() async throws {
        let index = Int.random(in: 0..<cluster.nodes.count, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<12:
            try await cluster.record(index, .receipt(sku, .random(in: 1...3, using: &random)))
        case 12..<34: try await confirm(index)
        case 34..<48:
            // Cancel and pick the same few orders, so that they collide.
            if let order = recent() { try await cluster.record(index, .cancel(order)) }
        case 48..<64:
            if let order = recent() { try await cluster.record(index, .pick(order)) }
        case 64..<70:
            if let order = recent() { try await cluster.record(index, .ship(order)) }
        case 70..<76:
            let hub = cluster.ledger.identity.node
            let others = cluster.nodes.prefix(3).map(\.id) + [hub]
            let other = others[Int.random(in: 0..<others.count, using: &random)]
            let units = Quantity(units: .random(in: 1...3, using: &random))
            if chance(50) {
                let grant = RightsGrant(sku: sku, quantity: units, to: other)
                try await cluster.record(index, .rightsGranted(grant))
            } else {
                let request = RightsRequest(sku: sku, quantity: units, to: other)
                try await cluster.record(index, .rightsRequested(request))
            }
        case 76..<88: try await cluster.push(index, limit: .random(in: 1...4, using: &random))
        default: try await cluster.pull(index, bytesMax: chance(30) ? 1 : 1 << 20)
        }
    }

    private mutating func confirm(_ index: Int) async throws {
        let number = orders.count + 1
        guard let order = DocumentID("SO-\(number)") else { return }
        orders.append(order)
        let units = Int64.random(in: 1...4, using: &random)
        let priority = Int32.random(in: 0...1, using: &random)
        let recording = try await cluster.record(
            index,
            .confirm(order, sku, units, priority: priority)
        )
        if recording.isFinal == true { finals[order] = units }
    }

    private mutating func recent() -> DocumentID? {
        guard !orders.isEmpty else { return nil }
        let first = max(0, orders.count - 4)
        return orders[Int.random(in: first..<orders.count, using: &random)]
    }

    /// Where two nodes picked the same units, somebody puts back what is too many.
    private mutating func putBackSurplus() async throws {
        for row in try await cluster.rows(SurplusRow.self) where row.row.picked.units > 0 {
            let line = EventLine(sku: row.key.sku, quantity: row.row.picked)
            let work = OrderWork(order: row.key.order, lines: [line])
            try await cluster.record(row.key.home.text == "LON" ? 0 : 3, .unpicked(work))
        }
        try await cluster.settle()
    }

    /// What is wrong after all links have healed.
    private mutating func judge() async throws -> Outcome {
        var outcome = Outcome()
        outcome.faults += try await cluster.disagreements()
        for site in ["LON", "MAN"] {
            let summary = try await cluster.summary(at: site)
            if try summary.rights != summary.free() {
                outcome.faults.append("\(site): rights are not what is free")
            }
            if try summary.free().units < 0 {
                outcome.faults.append("\(site): more is promised than is there")
            }
            if try await cluster.balance(nil, at: site) != 0 {
                outcome.faults.append("\(site): something is frozen for ever")
            }
            var spare: [String] = []
            for row in try await cluster.rows(RightsRow.self) where row.key.home.text == site {
                if row.row.balance.units < 0 {
                    outcome.faults.append("\(site): \(row.key.holder) has promised too much")
                }
                // What another site's node was granted is its own until it gives it back.
                let isElsewhere = cluster.nodes.contains {
                    row.key.holder == .node($0.id) && $0.ledger.site.text != site
                }
                if row.row.balance.units > 0, !isElsewhere {
                    spare.append("\(row.key.holder): \(row.row.balance.units)")
                }
            }
            if !spare.isEmpty, summary.backordered.units > 0 {
                outcome.faults.append(
                    "\(site): \(summary.backordered.units) wait, \(spare) could be promised"
                )
            }
        }
        // No final promise has become a backorder.
        for row in try await cluster.rows(OrderLineRow.self) {
            if let units = finals[row.key.order], row.row.backordered.units > 0 {
                outcome.faults.append("\(row.key.order) was final for \(units), and waits")
            }
        }
        try await keepPromises(&outcome)
        return outcome
    }

    /// Every unit that is promised can be picked and shipped: nothing goes below zero.
    private mutating func keepPromises(_ outcome: inout Outcome) async throws {
        for row in try await cluster.rows(OrderLineRow.self)
        where row.row.reserved.units + row.row.picked.units > 0 {
            let index = row.key.home.text == "LON" ? 0 : 3
            if row.row.reserved.units > 0 {
                let picked = try await cluster.record(index, .pick(row.key.order))
                if picked.exceptions.contains("negative_stock") {
                    outcome.faults.append("\(row.key.order) cannot be picked")
                }
            }
        }
    }
}
