import Causality
import Foundation
import InventoryEngine
import TestSupport
import Testing

/// The published cases of average costing that commands can express, run through two nodes and a
/// hub.
struct ValuationCaseTests {
    static let file = "valuation/cases.json"

    /// What a case asks for that this version cannot express; nil if it can run.
    private static func obstacle(_ entry: ValuationCase) -> String? {
        let expressible: Set<String> = [
            "receive", "issue", "return_in", "transfer", "adjust", "count", "cancel",
        ]
        if entry.costing != "average" || entry.costingOf != nil {
            return "costing \(entry.costing)"
        }
        if let needs = entry.needs, !needs.isEmpty {
            return "needs \(needs.joined(separator: ", "))"
        }
        let others = Set(entry.steps.map(\.op)).subtracting(expressible)
        return others.isEmpty ? nil : "ops \(others.sorted().joined(separator: ", "))"
    }

    private static let cases: [ValuationCase] = {
        guard let url = SharedData.url(file) else { return [] }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(ValuationCases.self, from: Data(contentsOf: url)).cases
        } catch {
            preconditionFailure("\(url.path) cannot be read: \(error)")
        }
    }()

    static let expressible = cases.filter { obstacle($0) == nil }

    @Test(.sharedData(file), arguments: expressible)
    func `a published average case leads to the published numbers`(entry: ValuationCase) throws {
        var run = try ValuationRun(entry)
        try run.run()
    }

    @Test(.sharedData(file))
    func `the cases that run and those that do not are known`() {
        #expect(
            Self.expressible.map(\.id) == [
                "bc-average-backdated", "bc-rounding-average", "netsuite-underwater",
                "odoo-avco-negative-1", "odoo-avco-negative-2", "odoo-avco-normal-1",
                "odoo-avco-rereturn-delivery-1", "odoo-avco-return-delivery-1",
                "odoo-avco-return-delivery-2", "odoo-avco-rounding-svl-3",
                "odoo-avco-rounding-svl-4", "tryton-avg-transit", "tryton-count-as-of",
                "tryton-count-tolerance", "tryton-fifo-no-receipt-order",
            ]
        )
        let skipped = Self.cases.compactMap { entry in
            Self.obstacle(entry).map { "\(entry.id): \($0)" }
        }
        #expect(skipped.count == 61, "\(skipped.joined(separator: "\n"))")
    }
}

struct ValuationCases: Decodable {
    var cases: [ValuationCase]
}

struct ValuationCase: Decodable, Sendable, CustomTestStringConvertible {
    struct Expectation: Decodable, Sendable {
        var onHand: String?
        var value: String?
        var unitCost: String?
        var shortfall: String?
        var issueValue: String?
        var inValue: String?
        var stepValue: String?
        var costAdjusted: String?
        var restated: [String: String]?
        var varianceQty: String?
        var varianceValue: String?
        var cogs: String?
        var loss: String?
        var gain: String?
        var totalValue: String?
        var pools: [Pool]?
    }

    struct Pool: Decodable, Sendable {
        var site: String
        var sku: String
        var onHand: String?
        var value: String?
    }

    struct Step: Decodable, Sendable {
        var id: String
        var op: String
        var date: String
        var site: String?
        var sku: String?
        var qty: String?
        var unitCost: String?
        var value: String?
        var ref: String?
        var toSite: String?
        var counted: String?
        var `repeat`: Int?
        var expect: Expectation?
        var derived: Expectation?
    }

    struct Initial: Decodable, Sendable {
        var sku: String
        var unitCost: String
    }

    var id: String
    var costing: String
    var costingOf: [String: String]?
    var needs: [String]?
    var currencyScale: UInt8
    var unitCostScale: UInt8?
    var qtyScale: UInt8?
    var initial: [Initial]?
    var steps: [Step]
    var expectFinal: Expectation?
    var derivedFinal: Expectation?

    var testDescription: String { id }
}

/// One case on its way through commands.
private struct ValuationRun {
    let entry: ValuationCase
    let sites: [SiteCode]
    var network: Network
    private var events: [String: [EventID]] = [:]
    private var orders: [String: DocumentID] = [:]
    private var counter = 0

    init(_ entry: ValuationCase) throws {
        self.entry = entry
        let named = entry.steps.flatMap { [$0.site, $0.toSite].compactMap(\.self) }
        sites = Array(Set(named)).sorted().map { SiteCode(trustedForTests: $0) }
        network = try Network(sites, moneyScale: entry.currencyScale)
        for sku in Set(entry.steps.compactMap(\.sku)) {
            let initial = entry.initial?.first { $0.sku == sku }?.unitCost
            try network.nodes[0].record(
                .item(
                    SKU(trustedForTests: sku),
                    scale: entry.qtyScale ?? 0,
                    standardCost: initial
                )
            )
        }
        try network.settle()
    }

    private func units(_ text: String, scale: UInt8) -> Int64 {
        let number = decimal(text)
        var mantissa = number.mantissa
        for _ in number.scale..<max(number.scale, scale) { mantissa *= 10 }
        for _ in scale..<max(number.scale, scale) { mantissa /= 10 }
        return mantissa
    }

    private func entered(_ step: ValuationCase.Step) -> EventLine {
        let quantity = decimal(step.qty ?? step.counted ?? "0")
        let sku = SKU(trustedForTests: step.sku ?? "")
        var line = EventLine(
            sku: sku,
            quantity: Quantity(units: quantity.mantissa),
            scale: quantity.scale
        )
        line.unitCost = step.unitCost.map(decimal)
        if let value = step.value {
            line.amount = Money(units: units(value, scale: entry.currencyScale))
        }
        return line
    }

    mutating func run() throws {
        for step in entry.steps {
            let movedBefore = network.hub.entries.count
            for _ in 0..<(step.repeat ?? 1) { try perform(step) }
            try network.settle()
            for expectation in [step.expect, step.derived] {
                guard let expectation else { continue }
                try check(expectation, step, entriesBefore: movedBefore)
            }
        }
        let last = try #require(entry.steps.last)
        for expectation in [entry.expectFinal, entry.derivedFinal] {
            guard let expectation else { continue }
            try check(expectation, last, entriesBefore: network.hub.entries.count)
        }
        let faults = try Recount(network.hub.rows).faults
        #expect(faults.isEmpty, "\(entry.id) \(faults)")
    }

    private mutating func perform(_ step: ValuationCase.Step) throws {
        counter += 1
        let at = try #require(Instant(rfc3339: step.date))
        let index = sites.firstIndex(of: SiteCode(trustedForTests: step.site ?? "")) ?? 0
        let sku = SKU(trustedForTests: step.sku ?? "")
        let line = entered(step)
        var recorded: [EventID] = []
        func record(_ command: InventoryCommand, _ node: inout EdgeHarness) throws {
            recorded.append(try node.record(command.with(at: at, actor: command.actor)).event.id)
        }
        switch step.op {
        case "receive": try record(.receive([line]), &network.nodes[index])
        case "issue":
            let order = DocumentID(trustedForTests: "SO-\(counter)")
            orders[step.id] = order
            try record(.confirm(order, [line]), &network.nodes[index])
            try record(.pick(order, [line]), &network.nodes[index])
            try record(.pack(order), &network.nodes[index])
            try record(.dispatch(order), &network.nodes[index])
        case "return_in":
            var line = line
            line.status = .sellable
            let order = try #require(orders[step.ref ?? ""], "\(step.id)")
            let id = DocumentID(trustedForTests: "R-\(counter)")
            try record(.giveBack(id, [line], order: order), &network.nodes[index])
        case "transfer":
            let other = SiteCode(trustedForTests: step.toSite ?? "")
            let to = try #require(sites.firstIndex(of: other))
            let id = DocumentID(trustedForTests: "T-\(counter)")
            try record(
                .transfer(EventBody.transferDispatched, id, to: other, [line]),
                &network.nodes[index]
            )
            try network.settle()
            try record(
                .transfer(EventBody.transferReceived, id, from: sites[index], [line]),
                &network.nodes[to]
            )
        case "count", "adjust":
            let id = DocumentID(trustedForTests: "C-\(counter)")
            let isCount = step.op == "count"
            try record(
                isCount ? .count(id, [line]) : .propose(id, [line]),
                &network.nodes[index]
            )
            try record(.approve(id), &network.nodes[index])
        case "cancel":
            for event in events[step.ref ?? ""] ?? [] {
                try record(.reverse(event), &network.nodes[index])
            }
        default: Issue.record("\(step.op) of \(sku) cannot be expressed")
        }
        events[step.id, default: []] += recorded
    }

    private func movements(_ id: String) throws -> [MovementRow] {
        let own = Set(events[id] ?? [])
        return try network.hub.rows.typed(MovementRow.self).map(\.row).filter {
            own.contains($0.event)
        }
    }

    private func text(_ units: Int64, _ scale: UInt8) -> String {
        ExactDecimal(mantissa: units, scale: scale).description
    }

    /// What an account shows over all sites.
    private func balance(_ account: Account) throws -> Int64 {
        try network.hub.rows.typed(AccountRow.self).filter { $0.key.account == account }
            .reduce(0) { $0 + $1.row.debit.units - $1.row.credit.units }
    }

    private func check(
        _ expected: ValuationCase.Expectation,
        _ step: ValuationCase.Step,
        entriesBefore: Int
    ) throws {
        let name = "\(entry.id) \(step.id)"
        let money = entry.currencyScale
        let scale = entry.qtyScale ?? 0
        func same(_ units: Int64, _ wanted: String?, _ scale: UInt8, _ what: String) {
            guard let wanted else { return }
            #expect(units == self.units(wanted, scale: scale), "\(name): \(what) is \(units)")
        }
        let stock = StockKey(
            home: SiteCode(trustedForTests: step.site ?? ""),
            sku: SKU(trustedForTests: step.sku ?? "")
        )
        let summary = try network.hub.rows.typed(StockSummary.self).first { $0.key == stock }?.row
        let pool = try network.hub.rows.typed(ValuationRow.self).first { $0.key == stock }?.row.pool
        let onHand = (summary?.sellable.units ?? 0) + (summary?.unsellable.units ?? 0)
        let value = summary?.value.units ?? 0
        same(onHand, expected.onHand, scale, "on hand")
        same(value, expected.value, money, "value")
        same(
            pool?.shortfalls.reduce(0) { $0 + $1.quantity.units } ?? 0,
            expected.shortfall,
            scale,
            "shortfall"
        )
        if let unitCost = expected.unitCost {
            let places = entry.unitCostScale ?? money
            let ratio =
                onHand > 0
                ? (value, onHand)
                : (pool?.lastHeld?.value.units ?? 0, pool?.lastHeld?.quantity.units ?? 1)
            var numerator = Int128(ratio.0)
            for _ in 0..<(places + scale) { numerator *= 10 }
            var denominator = Int128(ratio.1)
            for _ in 0..<money { denominator *= 10 }
            let rounded = (2 * numerator + denominator) / (2 * denominator)
            same(Int64(rounded), unitCost, places, "unit cost")
        }
        let moved = try movements(step.id).reduce(0) { $0 + $1.value.units }
        same(moved, expected.issueValue, money, "issue value")
        same(moved, expected.inValue, money, "in value")
        same(moved, expected.varianceValue, money, "variance value")
        for (id, wanted) in expected.restated ?? [:] {
            let value = try movements(id).reduce(0) { $0 + $1.value.units }
            same(value, wanted, money, "restated \(id)")
        }
        if expected.costAdjusted != nil {
            var adjusted: Int64 = 0
            for located in network.hub.entries.dropFirst(entriesBefore) {
                guard case .costAdjusted(let adjustment) = located.event.body else { continue }
                for item in adjustment.items where item.account == .costOfGoodsSold {
                    adjusted -= item.delta.units
                }
            }
            same(adjusted, expected.costAdjusted, money, "cost adjusted")
        }
        if expected.varianceQty != nil {
            let own = Set(events[step.id] ?? [])
            let counts = try network.hub.rows.typed(CountRow.self).map(\.row).filter {
                own.contains($0.recordedBy.id)
            }
            let variance = try counts.flatMap(\.lines).reduce(0) { try $0 + $1.variance().units }
            same(variance, expected.varianceQty, scale, "variance")
        }
        same(try balance(.costOfGoodsSold), expected.cogs, money, "cost of goods sold")
        same(
            try balance(.inventory) + balance(.goodsInTransit),
            expected.totalValue,
            money,
            "total value"
        )
        let adjusted = try network.hub.rows.typed(MovementRow.self).map(\.row).filter {
            $0.account == .adjustment
        }
        same(
            adjusted.filter(\.isInward).reduce(0) { $0 + $1.value.units },
            expected.gain,
            money,
            "gain"
        )
        same(
            adjusted.filter { !$0.isInward }.reduce(0) { $0 + $1.value.units },
            expected.loss,
            money,
            "loss"
        )
        for wanted in expected.pools ?? [] {
            let key = StockKey(
                home: SiteCode(trustedForTests: wanted.site),
                sku: SKU(trustedForTests: wanted.sku)
            )
            let row = try network.hub.rows.typed(StockSummary.self).first { $0.key == key }?.row
            let units = (row?.sellable.units ?? 0) + (row?.unsellable.units ?? 0)
            same(units, wanted.onHand, scale, "\(wanted.site) on hand")
            same(row?.value.units ?? 0, wanted.value, money, "\(wanted.site) value")
        }
    }
}
