import Causality
import InventoryEngine
import TestSupport
import Testing

@testable import Replication

/// Events that no rule of ours would have recorded, by a node whose program is broken or whose
/// owner is not honest: fields left out, repeated and exchanged in the bytes of real events.
///
/// Whatever of it the wire format lets through, the hub parks it, turns it down or applies it; no
/// event brings a program down, breaks an identity, or makes two programs disagree.
@Suite(.timeLimit(.minutes(30)))
struct HostileEventTests {
    private let ledger: HubLedger

    init() {
        let identity = NodeIdentity(
            node: NodeID(high: 9, low: 9),
            site: nil,
            name: "hub",
            currency: "GBP",
            moneyScale: 4
        )
        ledger = HubLedger(identity: identity, epoch: Network.epoch)
    }

    /// Two honest nodes and one that is not, which has recorded `sent` events.
    private struct Day {
        var network: Network
        var day: RandomDay
        var mutator: WireMutator
        var sent: UInt64 = 0
        var taken = 0
        var unreadable = 0
        var verdicts: [Verdict: Int] = [:]
    }

    /// The index of the node that is not honest.
    private static let hostile = 2

    private func day(seed: UInt64) throws -> Day {
        let skus: [SKU] = ["P", "Q", "LOT", "S"]
        var network = try Network(["W", "L", "W"])
        try network.nodes[0].record(.item("P", standardCost: "2"))
        try network.nodes[0].record(.item("Q", scale: 2, safetyStock: 100))
        try network.nodes[0].record(.item("LOT", isLotTracked: true))
        try network.nodes[0].record(.item("S", isSerialTracked: true))
        try network.nodes[0].record(.receive([line("P", 20, cost: "1"), line("Q", 9, cost: "2")]))
        try network.nodes[1].record(.location("A"))
        try network.settle()
        var random = RandomDay(
            seed: seed,
            skus: skus,
            sites: ["W", "L"],
            nodes: network.nodes.map(\.node)
        )
        random.serialTracked = ["S"]
        return Day(network: network, day: random, mutator: WireMutator(seed: seed ^ 0xBAD))
    }

    /// Records a command at an honest node; it may be refused.
    private func honest(_ day: inout Day, _ index: Int) throws {
        let command = try day.day.command(day.network.nodes[index])
        do {
            try day.network.nodes[index].record(command)
        } catch let error as EngineError {
            guard error.code != .identityBroken, error.code != .damaged else { throw error }
        }
    }

    /// Sends an event of the hostile node: one that its rules have decided, and then changed.
    private func strike(_ day: inout Day) throws {
        var twin = day.network.nodes[Self.hostile].copied()
        let command = try day.day.command(twin)
        let recorded: InventoryEvent
        do {
            recorded = try twin.record(command).event
        } catch let error as EngineError {
            guard error.code != .identityBroken, error.code != .damaged else { throw error }
            return
        }
        var event = recorded
        event.id = EventID(node: recorded.id.node, sequence: day.sent + 1)
        var bytes = WireFormat.encode(event)
        for _ in 0..<Int.random(in: 1...3, using: &day.mutator.random) {
            bytes = day.mutator.changed(bytes)
        }
        guard let read = try? WireFormat.decodeEvent(bytes), read.id == event.id else {
            day.unreadable += 1
            return
        }
        // What the hub does before it applies: it knows the site of the node that sent it, and
        // refuses a batch that knows of positions which it does not have.
        let head = HubPosition(UInt64(day.network.hub.entries.count))
        guard read.context.epoch != Network.epoch || read.context.position <= head else { return }
        var hub = day.network.hub.copied().copy
        let vetted = try hub.transact { try ledger.vetted(read, "W", &$0) }
        day.sent += 1
        day.taken += 1
        let outcomes = try day.network.hub.receive([vetted], at: twin.now)
        for outcome in outcomes { day.verdicts[outcome.ruling.verdict, default: 0] += 1 }
    }

    private func faults(_ day: Day) throws -> [String] {
        var faults = try Recount(day.network.hub.rows).faults.map { "\($0)" }
        for node in day.network.nodes {
            if node.differenceCount > 0 { faults.append("\(node.node.low) decided otherwise") }
            let own = try Figures(node.rows, at: node.site, node: node.node).values
            let theirs = try Figures(day.network.hub.rows, at: node.site, node: node.node).values
            let differing = Set(own.keys).union(theirs.keys).filter { own[$0] != theirs[$0] }
            if !differing.isEmpty { faults.append("\(node.node.low) shows other \(differing)") }
        }
        return faults
    }

    @Test(arguments: 1...UInt64(Nightly.size(24, nightly: 400)))
    func `no event of a hostile node brings the hub down or makes the nodes disagree`(
        seed: UInt64
    ) throws {
        var day = try day(seed: seed)
        for _ in 0..<12 {
            for _ in 0..<6 {
                try honest(&day, Int.random(in: 0...1, using: &day.mutator.random))
            }
            for _ in 0..<12 { try strike(&day) }
            try day.network.settle()
        }
        try day.network.settle()
        let faults = try faults(day)
        #expect(faults.isEmpty, "seed \(seed): \(faults)")
        #expect(day.taken > 20, "\(day.unreadable) could not be read")
    }
}

/// Events by hand that would have made something out of nothing.
extension HostileEventTests {
    /// Orders an event that a node of a site is supposed to have recorded.
    private func order(
        _ body: EventBody,
        in network: inout Network
    ) throws -> (verdict: Verdict, code: String?) {
        let event = InventoryEvent(
            id: EventID(node: network.nodes[2].node, sequence: 1),
            site: "W",
            recordedAt: HybridTimestamp(wall: network.now, counter: 0),
            context: CausalContext(epoch: Network.epoch, position: .start, extra: VectorClock()),
            body: body
        )
        let outcome = try #require(try network.hub.receive([event], at: network.now).first)
        #expect(try Recount(network.hub.rows).faults.map { "\($0)" } == [])
        return (outcome.ruling.verdict, outcome.ruling.reason?.code)
    }

    private static let wrong: [(body: EventBody, code: String)] = [
        (.landedCostAllocated(LandedCost(amount: Money(units: 10))), "shares_differ"),
        (.landedCostAllocated(LandedCost(amount: .zero)), "shares_differ"),
        (
            .supplierInvoiceMatched(
                InvoiceMatch(
                    lines: [],
                    shares: [
                        InvoiceMatch.Share(
                            receipt: EventID(node: NodeID(high: 9, low: 9), sequence: 1),
                            line: .max,
                            sku: "P",
                            quantity: Quantity(units: -1),
                            amount: .zero,
                            expected: .zero
                        )
                    ]
                )
            ), "quantity_negative"
        ),
        (.writtenDown(Revaluation(sku: "P")), "cost_twice"),
        (
            .stockRevalued(
                Revaluation(sku: "P", unitCost: ExactDecimal(mantissa: -1, scale: 0))
            ), "cost_negative"
        ),
        (
            .standardCostSet(
                CostingChange(sku: "P", standardCost: ExactDecimal(mantissa: -1, scale: 0))
            ), "cost_negative"
        ),
        (.orderConfirmed(OrderConfirmation(order: "SO-1", lines: [promise(-9)])), quantity),
        (.orderConfirmed(OrderConfirmation(order: "SO-1", lines: [promise(0)])), quantity),
        (.goodsReceived(GoodsReceipt(lines: [line("P", -3, cost: "1")])), quantity),
        (.goodsReceived(GoodsReceipt(lines: [line("P", 3, cost: "-1")])), "cost_negative"),
        (.goodsReceived(GoodsReceipt(lines: [line("P", 3, amount: -1)])), "cost_negative"),
        (.scrapped(StockChange(reason: "theft", lines: [line("P", -3)])), quantity),
        (.moved(StockChange(lines: [line("P", -3, at: "A", to: .stock)])), quantity),
        (
            .transferDispatched(
                Transfer(transfer: "T-1", fromSite: "W", toSite: "L", lines: [line("P", -3)])
            ), quantity
        ),
        (
            .transferDispatched(
                Transfer(transfer: "T-1", fromSite: "W", toSite: "W", lines: [line("P", 3)])
            ), "same_site"
        ),
        (
            .countRecorded(StockCount(count: "C-1", lines: [line("P", -3)])),
            "quantity_negative"
        ),
        (
            .pickCompleted(OrderWork(order: "SO-1", lines: [line("P", 0, number: 1, short: -3)])),
            "quantity_negative"
        ),
        (
            .pickCompleted(OrderWork(order: "SO-1", lines: [line("P", 3, number: 0)])),
            "line_number_invalid"
        ),
        (
            .rightsGranted(
                RightsGrant(
                    sku: "P",
                    quantity: Quantity(units: -9),
                    to: NodeID(high: 1, low: 1)
                )
            ), "quantity_negative"
        ),
        (
            .itemChanged(itemChange), "quantity_negative"
        ),
        (
            .goodsReceived(
                GoodsReceipt(lines: [line("P", 3, cost: "1", serials: ["N-1", "N-2"])])
            ), "serials_differ_from_quantity"
        ),
    ]

    private static let quantity = "quantity_not_positive"

    private static let itemChange: ItemChange = {
        var change = ItemChange(sku: "P", baseVersion: 1)
        change.safetyStock = ExactDecimal(mantissa: -9, scale: 0)
        return change
    }()

    private static func promise(_ quantity: Int64) -> EventLine {
        var line = line("P", quantity, number: 1)
        line.granted = Quantity(units: quantity)
        return line
    }

    private static func work(_ order: DocumentID, _ number: Int32) -> OrderWork {
        OrderWork(order: order, lines: [line("P", 1, number: number)])
    }

    /// Events about documents, lines and items that nobody knows, or that are about something else.
    private static let strange: [(body: EventBody, code: String)] = [
        (
            .landedCostAllocated(
                LandedCost(
                    amount: Money(units: 10),
                    shares: [
                        LandedCost.Share(
                            receipt: EventID(node: NodeID(high: 9, low: 9), sequence: 1),
                            line: 0,
                            sku: "P",
                            amount: Money(units: 10)
                        )
                    ]
                )
            ), "not_received"
        ),
        (
            .supplierInvoiceMatched(
                InvoiceMatch(
                    lines: [],
                    shares: [
                        InvoiceMatch.Share(
                            receipt: EventID(node: NodeID(high: 9, low: 9), sequence: 1),
                            line: .max,
                            sku: "P",
                            quantity: Quantity(units: 1),
                            amount: Money(units: 5),
                            expected: Money(units: 4)
                        )
                    ]
                )
            ), "not_received"
        ),
        (.stockRevalued(Revaluation(sku: "X", amount: .zero)), "unknown_sku"),
        (.writtenDown(Revaluation(sku: "X", amount: .zero)), "unknown_sku"),
        (.standardCostSet(CostingChange(sku: "X", standardCost: .zero)), "unknown_sku"),
        (.costingChanged(CostingChange(sku: "X", costing: .fifo)), "unknown_sku"),
        (.costingChanged(CostingChange(sku: "P")), "missing_field"),
        (
            .goodsReceived(GoodsReceipt(currency: "EUR", rate: .zero, lines: [])), "rate_invalid"
        ),
        (
            .goodsReceived(
                GoodsReceipt(rate: ExactDecimal(mantissa: 2, scale: 0), lines: [])
            ), "rate_invalid"
        ),
        (.orderCancelled(work("SO-9", 1)), "unknown_order"),
        (.orderAmended(work("SO-9", 1)), "unknown_order"),
        (.reservationReleased(work("SO-9", 1)), "unknown_order"),
        (.allocated(work("SO-9", 1)), "unknown_order"),
        (.backorderPromised(work("SO-9", 1)), "unknown_order"),
        (.orderCancelled(work("SO-1", 7)), "unknown_order"),
        (.orderAmended(work("SO-1", 7)), "unknown_order"),
        (.reservationReleased(work("SO-1", 7)), "unknown_order"),
        (.allocated(work("SO-1", 7)), "unknown_order"),
        (.backorderPromised(work("SO-1", 7)), "unknown_order"),
        (
            .orderConfirmed(OrderConfirmation(order: "SO-2", lines: [promise(1), promise(1)])),
            "line_repeated"
        ),
        (
            .returnDispositioned(CustomerReturn(returnID: "R-9", lines: [line("P", 1)])),
            "unknown_return"
        ),
        (.adjustmentApproved(Adjustment(adjustment: "J-9")), "unknown_adjustment"),
        (.adjustmentRejected(Adjustment(adjustment: "J-9")), "unknown_adjustment"),
        (
            .goodsReceived(GoodsReceipt(lines: [line("P", 1, cost: "1", scale: 3)])),
            "scale_mismatch"
        ),
        (.goodsReceived(GoodsReceipt(lines: [line("Z", 1, cost: "1")])), "unknown_sku"),
        (.itemChanged(ItemChange(sku: "Z", baseVersion: 1)), "unknown_sku"),
        (.itemRetired(ItemRetirement(sku: "Z", baseVersion: 1)), "unknown_sku"),
        (
            .purchaseOrderAmended(
                PurchaseOrder(purchaseOrder: "PO-1", lines: [line("Q", 1, number: 1, cost: "1")])
            ), "line_differs"
        ),
        (
            .reversed(
                Reversal(
                    event: EventID(node: NodeID(high: 7, low: 7), sequence: 7),
                    reason: "wrong"
                )
            ),
            "unknown_event"
        ),
        (
            .reversed(
                Reversal(
                    event: EventID(node: NodeID(high: 1, low: 2), sequence: 1),
                    reason: "wrong"
                )
            ),
            "other_site"
        ),
        (
            .rightsGranted(
                RightsGrant(sku: "P", quantity: Quantity(units: 99), to: NodeID(high: 1, low: 1))
            ), "insufficient_rights"
        ),
        (
            .orderResourced(
                OrderResourcing(
                    order: "SO-1",
                    shipFrom: "W",
                    line: line("P", 1, number: 1),
                    promise: OrderResourcing.Promise(
                        priority: 0,
                        time: startOfTests,
                        event: EventID(node: NodeID(high: 1, low: 1), sequence: 1),
                        position: nil
                    )
                )
            ), "ships_here"
        ),
    ]

    @Test(arguments: strange.indices)
    func `an event about what nobody knows is kept with its reason, and changes nothing`(
        index: Int
    ) throws {
        let (body, code) = Self.strange[index]
        var network = try Network(["W", "L", "W"])
        try network.nodes[0].record(.item("P"))
        try network.nodes[0].record(.item("Q"))
        try network.nodes[0].record(.receive([line("P", 5, cost: "1")]))
        try network.nodes[0].record(.confirm("SO-1", [line("P", 2)]))
        try network.nodes[0].record(.placePO("PO-1", [line("P", 5, number: 1, cost: "1")]))
        try network.nodes[1].record(.location("A"))
        try network.settle()
        let before = try Figures(network.hub.rows, at: "W", node: network.nodes[0].node)
        let (verdict, found) = try order(body, in: &network)
        #expect(verdict == .parked || verdict == .rejected)
        #expect(found == code)
        try network.pullAll()
        #expect(try network.nodes[0].figures() == before)
    }

    @Test(arguments: wrong.indices)
    func `an event that would make something of nothing is parked, and changes nothing`(
        index: Int
    ) throws {
        let (body, code) = Self.wrong[index]
        var network = try Network(["W", "L", "W"])
        try network.nodes[0].record(.item("P"))
        try network.nodes[0].record(.receive([line("P", 5, cost: "1")]))
        try network.settle()
        let before = try Figures(network.hub.rows, at: "W", node: network.nodes[0].node)
        let (verdict, found) = try order(body, in: &network)
        #expect(verdict == .parked)
        #expect(found == code)
        try network.pullAll()
        #expect(try network.nodes[0].figures() == before)
    }

    @Test func `a negative cost is refused at entry`() throws {
        var network = try Network(["W"])
        try network.nodes[0].record(.item("P"))
        let error = #expect(throws: EngineError.self) {
            try network.nodes[0].record(.receive([line("P", 5, cost: "-1")]))
        }
        #expect(error?.code.text == "cost_negative")
        #expect(error?.field == "lines[0].unit_cost")
    }
}

/// Changes the fields of an encoded message, so that it may still be read as one.
///
/// The encoding: <https://protobuf.dev/programming-guides/encoding/>.
struct WireMutator {
    var random: SeededGenerator
    /// Texts of messages that were changed before: names of orders, places, units.
    private var seen: [[UInt8]] = []

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private struct Field {
        var tag: UInt64
        var varint: UInt64 = 0
        var bytes: [UInt8] = []

        var type: UInt64 { tag & 7 }
    }

    private static let texts = [
        "P", "Q", "LOT", "S", "W", "L", "A", "STOCK", "STAGING", "SO1", "SO2-W", "nobody", "",
    ]
    private static let numbers: [UInt64] = [0, 1, 2, 3, 7, 255, 1 << 31, 1 << 52, .max, .max - 1]

    /// The message with one field of it, or of a message in it, changed.
    mutating func changed(_ bytes: [UInt8]) -> [UInt8] {
        guard var fields = Self.fields(bytes), !fields.isEmpty else { return bytes }
        let index = Int.random(in: fields.indices, using: &random)
        var field = fields[index]
        if field.type == 2, Self.fields(field.bytes)?.isEmpty == false, chance(80) {
            field.bytes = changed(field.bytes)
            fields[index] = field
            return Self.encoded(fields)
        }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: fields.remove(at: index)
        case 1: fields.insert(field, at: Int.random(in: 0...index, using: &random))
        default:
            if field.type == 2 {
                let own = field.bytes
                field.bytes =
                    chance(60)
                    ? seen.randomElement(using: &random) ?? []
                    : Array((Self.texts.randomElement(using: &random) ?? "").utf8)
                if own.count < 20 { remember(own) }
            } else if field.type == 0 {
                let small = UInt64.random(in: 0..<40, using: &random)
                field.varint =
                    chance(70) ? small : Self.numbers.randomElement(using: &random) ?? 0
            }
            fields[index] = field
        }
        return Self.encoded(fields)
    }

    private mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    private mutating func remember(_ text: [UInt8]) {
        if seen.count < 200 {
            seen.append(text)
        } else {
            seen[Int.random(in: seen.indices, using: &random)] = text
        }
    }

    private static func varint(_ bytes: ArraySlice<UInt8>) -> (UInt64, ArraySlice<UInt8>)? {
        var value: UInt64 = 0
        for (offset, byte) in bytes.enumerated() {
            guard offset < 10 else { return nil }
            value |= UInt64(byte & 0x7F) << (7 * UInt64(offset))
            if byte < 0x80 { return (value, bytes.dropFirst(offset + 1)) }
        }
        return nil
    }

    private static func fields(_ bytes: [UInt8]) -> [Field]? {
        var fields: [Field] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let (tag, afterTag) = varint(rest), tag >> 3 > 0, tag >> 3 < 1_000 else {
                return nil
            }
            var field = Field(tag: tag)
            switch tag & 7 {
            case 0:
                guard let (value, after) = varint(afterTag) else { return nil }
                field.varint = value
                rest = after
            case 1, 5:
                let width = tag & 7 == 1 ? 8 : 4
                guard afterTag.count >= width else { return nil }
                field.bytes = Array(afterTag.prefix(width))
                rest = afterTag.dropFirst(width)
            case 2:
                guard let (length, after) = varint(afterTag), length <= UInt64(after.count) else {
                    return nil
                }
                field.bytes = Array(after.prefix(Int(length)))
                rest = after.dropFirst(Int(length))
            default: return nil
            }
            fields.append(field)
        }
        return fields
    }

    private static func encoded(_ fields: [Field]) -> [UInt8] {
        var bytes: [UInt8] = []
        func add(_ number: UInt64) {
            var number = number
            while number > 0x7F {
                bytes.append(UInt8(truncatingIfNeeded: number) | 0x80)
                number >>= 7
            }
            bytes.append(UInt8(number))
        }
        for field in fields {
            add(field.tag)
            switch field.type {
            case 0: add(field.varint)
            case 2:
                add(UInt64(field.bytes.count))
                bytes += field.bytes
            default: bytes += field.bytes
            }
        }
        return bytes
    }
}
