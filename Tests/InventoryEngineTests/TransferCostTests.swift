import Causality
import InventoryEngine
import TestSupport
import Testing

/// What goods cost that travel: their layers go along, and so does every later correction.
struct TransferCostTests {
    private typealias Part = (units: Int64, value: Int64)

    /// The layers of a stock under first in, first out, oldest first.
    private func layers(_ rows: InMemoryRowSource, _ site: SiteCode) throws -> [[Int64]] {
        let stock = StockKey(home: site, sku: "P")
        let kept = try rows.typed(ValuationRow.self).first { $0.key == stock }?.row
        var byID: [LayerID: CostLayerRow] = [:]
        for (key, row) in try rows.typed(CostLayerRow.self) where key.stock == stock {
            byID[key.id] = row
        }
        var layers: [[Int64]] = []
        var next = kept?.layers.older
        while let id = next, let row = byID[id] {
            layers.append([row.quantity.units, row.value.units])
            next = row.neighbours.younger
        }
        return layers
    }

    private func balance(_ rows: InMemoryRowSource, _ account: Account) throws -> Int64 {
        try rows.typed(AccountRow.self).filter { $0.key.account == account }
            .reduce(0) { $0 + $1.row.debit.units - $1.row.credit.units }
    }

    private func network(_ costing: CostingMethod) throws -> Network {
        var network = try Network(["A", "B"], moneyScale: 0)
        try network.nodes[0].record(.item("P", costing: costing))
        try network.settle()
        return network
    }

    private func sent(_ id: DocumentID, _ quantity: Int64) -> InventoryCommand {
        .transfer(EventBody.transferDispatched, id, to: "B", [line("P", quantity)])
    }

    private func arrived(_ id: DocumentID, _ quantity: Int64) -> InventoryCommand {
        .transfer(EventBody.transferReceived, id, from: "A", [line("P", quantity)])
    }

    @Test
    func `row 15: cost layers travel, and arrive part by part`() throws {
        var network = try network(.fifo)
        try network.nodes[0].record(.receive([line("P", 5, amount: 50)]))
        try network.nodes[0].record(.receive([line("P", 5, amount: 100)]))
        try network.nodes[0].record(sent("T-1", 8))
        try network.settle()
        #expect(try layers(network.hub.rows, "A") == [[2, 40]])
        #expect(try balance(network.hub.rows, .goodsInTransit) == 110)
        try network.nodes[1].record(arrived("T-1", 3))
        try network.settle()
        #expect(try layers(network.hub.rows, "B") == [[3, 30]])
        try network.nodes[1].record(arrived("T-1", 5))
        try network.settle()
        for rows in [network.hub.rows, network.nodes[1].rows] {
            #expect(try layers(rows, "B") == [[3, 30], [2, 20], [3, 60]])
        }
        #expect(try balance(network.hub.rows, .goodsInTransit) == 0)
        #expect(try network.hub.rows.identityFaults().isEmpty)
    }

    @Test(arguments: [CostingMethod.average, .fifo])
    func `row 24: a correction reaches what has arrived, what is lost and what is on its way`(
        costing: CostingMethod
    ) throws {
        var network = try network(costing)
        let early = network.nodes[0].now
        try network.nodes[0].record(.receive([line("P", 10, amount: 100)]))
        try network.nodes[0].record(sent("T-1", 10))
        try network.settle()
        try network.nodes[1].record(arrived("T-1", 4))
        try network.settle()
        try network.nodes[0].record(
            .transfer(EventBody.transferSettled, "T-1", to: "B", reason: "gone", [line("P", 1)])
        )
        try network.settle()
        #expect(try balance(network.hub.rows, .transitLoss) == 10)
        // Ten units that had cost twice as much were there before.
        let late = InventoryCommand.receive([line("P", 10, amount: 300)]).with(
            at: early.adding(microseconds: -1_000_000)
        )
        try network.nodes[0].record(late)
        try network.settle()
        let unit: Int64 = costing == .fifo ? 30 : 20
        for rows in [network.hub.rows, network.nodes[1].rows] {
            let summary = try rows.typed(StockSummary.self).first {
                $0.key == StockKey(home: "B", sku: "P")
            }
            #expect(summary?.row.value.units == 4 * unit)
        }
        #expect(try balance(network.hub.rows, .transitLoss) == unit)
        #expect(try balance(network.hub.rows, .goodsInTransit) == 5 * unit)
        try network.nodes[1].record(arrived("T-1", 5))
        try network.settle()
        #expect(try balance(network.hub.rows, .goodsInTransit) == 0)
        #expect(try balance(network.hub.rows, .inventory) == 400 - unit)
        #expect(try network.hub.rows.identityFaults().isEmpty)
        #expect(try Recount(network.hub.rows).faults.isEmpty)
    }

    @Test func `row 24: other layers of the same value in all are a correction too`() throws {
        var network = try network(.fifo)
        let early = network.nodes[0].now
        try network.nodes[0].record(.receive([line("P", 1, amount: 10)]))
        try network.nodes[0].record(.receive([line("P", 1, amount: 30)]))
        try network.nodes[0].record(sent("T-1", 2))
        try network.settle()
        try network.nodes[1].record(arrived("T-1", 2))
        try network.nodes[1].record(.scrap([line("P", 1)]))
        try network.settle()
        #expect(try balance(network.hub.rows, .scrap) == 10)
        let late = InventoryCommand.receive([line("P", 1, amount: 30)]).with(
            at: early.adding(microseconds: -1_000_000)
        )
        try network.nodes[0].record(late)
        try network.settle()
        // What had left first had cost 30, and what came after it 10.
        #expect(try balance(network.hub.rows, .scrap) == 30)
        for rows in [network.hub.rows, network.nodes[1].rows] {
            #expect(try layers(rows, "B") == [[1, 10]])
        }
        #expect(try layers(network.hub.rows, "A") == [[1, 30]])
        #expect(try network.hub.rows.identityFaults().isEmpty)
    }

    @Test(arguments: [CostingMethod.average, .fifo])
    func `a line that arrives in a hundred parts loses nothing to a late correction`(
        costing: CostingMethod
    ) throws {
        var network = try network(costing)
        let early = network.nodes[0].now
        try network.nodes[0].record(.receive([line("P", 120, amount: 1_200)]))
        try network.nodes[0].record(sent("T-1", 120))
        try network.settle()
        for step in 1...100 {
            try network.nodes[1].record(arrived("T-1", 1))
            if step % 40 == 0 {
                // What was sent had cost more, by something else each time.
                let late = InventoryCommand.receive([line("P", 120, amount: 1_200 + Int64(step))])
                let at = early.adding(microseconds: -Int64(step) * 1_000_000)
                try network.nodes[0].record(late.with(at: at))
            }
        }
        try network.settle()
        let rows = network.hub.rows
        let row = try #require(try rows.typed(TransferLineRow.self).first?.row)
        #expect(row.flow.steps.count <= TransitFlow.stepsMax)
        // All that was bought is somewhere.
        let all = try balance(rows, .inventory) + balance(rows, .goodsInTransit)
        #expect(all == 1_200 + 1_240 + 1_280)
        #expect(try balance(rows, .goodsInTransit) > 0)
        #expect(try rows.identityFaults() == [])
        #expect(try Recount(rows).faults == [])
        try network.nodes[1].record(arrived("T-1", 20))
        try network.settle()
        #expect(try balance(network.hub.rows, .goodsInTransit) == 0)
        #expect(try balance(network.hub.rows, .inventory) == all)
        for node in network.nodes {
            #expect(node.differenceCount == 0)
            #expect(try node.base.source.identityFaults() == [])
        }
    }

    /// A history of two sites as facts, valued from scratch by plain arithmetic.
    private struct BruteForce {
        enum Fact {
            case receipt(units: Int64, value: Int64)
            case sent(line: String, units: Int64)
            case arrived(line: String, units: Int64)
            case issue(units: Int64)
        }

        let isPooled: Bool
        /// What is held, oldest first, at a site.
        private(set) var held: [Part] = []
        private(set) var cost: Int64 = 0

        static func take(_ units: Int64, _ parts: inout [Part]) -> [Part] {
            var (left, taken) = (units, [Part]())
            while left > 0, let first = parts.first {
                let now = min(left, first.units)
                let twice = 2 * Int128(first.value) * Int128(now) + Int128(first.units)
                let value =
                    now == first.units ? first.value : Int64(twice / (2 * Int128(first.units)))
                taken.append((now, value))
                parts[0] = (first.units - now, first.value - value)
                if parts[0].units == 0 { parts.removeFirst() }
                left -= now
            }
            return taken
        }

        static func add(_ new: [Part], to parts: inout [Part], isPooled: Bool) {
            for part in new {
                if isPooled, let last = parts.last {
                    parts[parts.count - 1] = (last.units + part.units, last.value + part.value)
                } else {
                    parts.append(part)
                }
            }
        }

        /// Values the facts of one site in their order; `lines` has what is on its way.
        mutating func run(_ facts: [Fact], _ lines: inout [String: [Part]]) {
            for fact in facts {
                switch fact {
                case .receipt(let units, let value):
                    Self.add([(units, value)], to: &held, isPooled: isPooled)
                case .sent(let line, let units):
                    let parts = Self.take(units, &held)
                    Self.add(parts, to: &lines[line, default: []], isPooled: isPooled)
                case .arrived(let line, let units):
                    let parts = Self.take(units, &lines[line, default: []])
                    Self.add(parts, to: &held, isPooled: isPooled)
                case .issue(let units):
                    cost += Self.take(units, &held).reduce(0) { $0 + $1.value }
                }
            }
        }
    }

    @Test(arguments: [CostingMethod.average, .fifo], Seeds.forThisRun)
    func `what goods cost behind a transfer is what a valuation from scratch says`(
        costing: CostingMethod,
        seed: UInt64
    ) throws {
        var random = SeededGenerator(seed: seed)
        var network = try network(costing)
        var facts: [[(at: Int64, fact: BruteForce.Fact)]] = [[], []]
        var (onHand, open): ([Int64], [String: Int64]) = ([0, 0], [:])
        let start = network.nodes[0].now.microseconds
        for step in 0..<Int.random(in: 10...50, using: &random) {
            let now = max(network.nodes[0].now, network.nodes[1].now)
            let units = Int64.random(in: 1...9, using: &random)
            func record(_ site: Int, _ command: InventoryCommand, _ fact: BruteForce.Fact) throws {
                let time = command.at?.instant ?? now
                try network.nodes[site].record(command.with(at: time, forced: true))
                facts[site].append((time.microseconds, fact))
            }
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                // Late as often as not: what has left since then cost something else.
                let back = Bool.random(using: &random) ? 0 : now.microseconds - start
                let late = back == 0 ? 0 : Int64.random(in: 0...back, using: &random)
                let value = Int64.random(in: 0...200, using: &random)
                let command = InventoryCommand.receive([line("P", units, amount: value)])
                try record(
                    0,
                    command.with(at: now.adding(microseconds: -late)),
                    .receipt(units: units, value: value)
                )
                onHand[0] += units
            case 1, 2:
                guard onHand[0] >= units else { continue }
                // Several dispatches may serve one line; at one cost per line they would mingle.
                let id = "T-\(costing == .fifo ? step / 3 : step)"
                try record(
                    0,
                    sent(DocumentID(trustedForTests: id), units),
                    .sent(line: id, units: units)
                )
                (onHand[0], open[id]) = (onHand[0] - units, open[id, default: 0] + units)
            case 3:
                guard let (id, most) = open.filter({ $0.value > 0 }).min(by: { $0.key < $1.key })
                else { continue }
                try network.settle()
                let units = min(units, most)
                try record(
                    1,
                    arrived(DocumentID(trustedForTests: id), units),
                    .arrived(line: id, units: units)
                )
                (onHand[1], open[id]) = (onHand[1] + units, most - units)
            default:
                guard onHand[1] >= units else { continue }
                try record(1, .scrap([line("P", units)]), .issue(units: units))
                onHand[1] -= units
            }
            if Bool.random(using: &random) { try network.settle() }
        }
        try network.settle()

        var lines: [String: [Part]] = [:]
        var sites: [BruteForce] = []
        for site in 0...1 {
            // The facts of equal time stand in the order in which they were recorded.
            let ordered = facts[site].enumerated().sorted {
                ($0.element.at, $0.offset) < ($1.element.at, $1.offset)
            }
            var brute = BruteForce(isPooled: costing != .fifo)
            brute.run(ordered.map(\.element.fact), &lines)
            sites.append(brute)
        }
        let rows = network.hub.rows
        for (site, brute) in zip(["A", "B"] as [SiteCode], sites) {
            let summary = try rows.typed(StockSummary.self).first {
                $0.key == StockKey(home: site, sku: "P")
            }
            let value = brute.held.reduce(0) { $0 + $1.value }
            #expect(summary?.row.value.units ?? 0 == value, "\(site) SEED=\(seed)")
            guard costing == .fifo else { continue }
            #expect(
                try layers(rows, site) == brute.held.map { [$0.units, $0.value] },
                "\(site) SEED=\(seed)"
            )
        }
        #expect(try balance(rows, .scrap) == sites[1].cost, "SEED=\(seed)")
        let inTransit = lines.values.joined().reduce(0) { $0 + $1.value }
        #expect(try balance(rows, .goodsInTransit) == inTransit, "SEED=\(seed)")
        #expect(try rows.identityFaults().isEmpty, "SEED=\(seed)")
        for node in network.nodes {
            #expect(node.differenceCount == 0, "SEED=\(seed)")
            let faults = try Recount(node.base.source).faults
            #expect(faults.isEmpty, "\(node.site) \(faults.prefix(3)) SEED=\(seed)")
        }
    }
}
