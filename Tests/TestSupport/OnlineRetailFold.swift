import Causality
package import InventoryEngine

/// Folds the commands of a plan with plain arithmetic.
///
/// An order with its four steps, a return, an approved adjustment and a receipt move one quantity
/// and one value per item. It shares no code with the engine, and follows the published rules.
package struct OnlineRetailFold {
    private let method: CostingMethod

    /// Makes a fold by weighted average, or by first in, first out.
    package init(by method: CostingMethod = .average) {
        self.method = method
    }

    package struct Layer: Equatable {
        package var quantity: Int64
        package var value: Int64
    }

    package struct Pool: Equatable {
        /// What entered, the oldest first, under first in, first out.
        package var layers: [Layer] = []

        package var quantity: Int64 = 0
        package var value: Int64 = 0
        package var lastQuantity: Int64 = 1
        package var lastValue: Int64
        package var received: Int64 = 0
        package var receipt: Int64 = 0
        package var sale: Int64 = 0
        package var free: Int64 = 0
        package var returned: Int64 = 0
        package var writeoff: Int64 = 0
        package var found: Int64 = 0
    }

    package struct Unexpected: Error {
        package var what: String
    }

    private enum Progress {
        case confirmed
        case picked
        case packed
        case dispatched
    }

    package private(set) var pools: [SKU: Pool] = [:]
    package private(set) var costs: [SKU: Int64] = [:]
    package private(set) var orderCount = 0
    package private(set) var returnCount = 0
    package private(set) var adjustmentCount = 0
    private var orders: [DocumentID: (lines: [EventLine], progress: Progress)] = [:]
    private var returns: Set<DocumentID> = []
    private var proposals: [DocumentID: EventLine] = [:]
    private var ops: Set<OpKey> = []
    private var timeBefore: Int64 = .min

    package mutating func apply(_ command: InventoryCommand) throws {
        guard let op = command.op, ops.insert(op).inserted else {
            throw Unexpected(what: "the op of \(command) is missing or was used before")
        }
        if case .itemRegistered(let registration) = command.body {
            guard
                costs[registration.sku] == nil, pools.isEmpty,
                registration.properties.costing == method,
                let cost = registration.properties.standardCost, cost.scale == 4
            else { throw Unexpected(what: "\(command)") }
            costs[registration.sku] = cost.mantissa
            return
        }
        guard let time = command.at?.instant.microseconds, time >= timeBefore else {
            throw Unexpected(what: "the time of \(command) is missing or goes back")
        }
        timeBefore = time
        switch command.body {
        case .goodsReceived(let receipt):
            guard receipt.currency?.text == "GBP", receipt.lines.count <= 500 else {
                throw Unexpected(what: "\(receipt)")
            }
            for line in receipt.lines { try receive(line) }
        case .orderConfirmed(let order):
            guard orders[order.order] == nil else { throw Unexpected(what: "\(order.order)") }
            orders[order.order] = (order.lines, .confirmed)
            orderCount += 1
        case .pickCompleted(let work):
            try step(work, from: .confirmed, to: .picked)
        case .packCompleted(let work):
            try step(work, from: .picked, to: .packed)
        case .shipmentDispatched(let work):
            try step(work, from: .packed, to: .dispatched)
            for line in orders[work.order]?.lines ?? [] {
                let isFree = line.unitPrice?.mantissa == 0
                let value = try issue(line.sku, line.quantity.units)
                if isFree {
                    pools[line.sku]?.free += value
                } else {
                    pools[line.sku]?.sale += value
                }
            }
        case .returnReceived(let goods):
            guard returns.insert(goods.returnID).inserted, goods.order == nil else {
                throw Unexpected(what: "\(goods.returnID)")
            }
            returnCount += 1
            for line in goods.lines {
                guard line.status == .sellable else { throw Unexpected(what: "\(line)") }
                let value = try putBack(line.sku, line.quantity.units)
                pools[line.sku]?.returned += value
            }
        case .adjustmentProposed(let adjustment):
            guard
                proposals[adjustment.adjustment] == nil, adjustment.lines.count == 1,
                adjustment.reason?.isEmpty == false, command.actor?.text == "import"
            else { throw Unexpected(what: "\(adjustment)") }
            proposals[adjustment.adjustment] = adjustment.lines.first
        case .adjustmentApproved(let adjustment):
            guard
                let line = proposals[adjustment.adjustment],
                command.actor?.text == "import-policy"
            else { throw Unexpected(what: "\(adjustment)") }
            adjustmentCount += 1
            if line.quantity.units < 0 {
                let value = try issue(line.sku, -line.quantity.units)
                pools[line.sku]?.writeoff += value
            } else {
                let value = try putBack(line.sku, line.quantity.units)
                pools[line.sku]?.found += value
            }
        default:
            throw Unexpected(what: "\(command.body)")
        }
    }

    /// Whether every order was dispatched.
    package var isComplete: Bool { orders.values.allSatisfy { $0.progress == .dispatched } }

    private mutating func step(_ work: OrderWork, from: Progress, to: Progress) throws {
        guard let order = orders[work.order], order.progress == from else {
            throw Unexpected(what: "\(work.order) is not \(from)")
        }
        let ordered = order.lines.map { [Int64($0.line ?? 0), $0.quantity.units] }
        let moved = work.lines.map { [Int64($0.line ?? 0), $0.quantity.units] }
        guard ordered == moved, order.lines.map(\.sku) == work.lines.map(\.sku) else {
            throw Unexpected(what: "\(work.order) moves other lines than were ordered")
        }
        orders[work.order]?.progress = to
    }

    private func pool(_ sku: SKU) throws -> Pool {
        if let pool = pools[sku] { return pool }
        guard let cost = costs[sku] else { throw Unexpected(what: "\(sku) is not registered") }
        return Pool(lastValue: cost)
    }

    private mutating func receive(_ line: EventLine) throws {
        guard let cost = line.unitCost, cost.scale == 4, line.quantity.units > 0 else {
            throw Unexpected(what: "\(line)")
        }
        var pool = try pool(line.sku)
        let value = cost.mantissa * line.quantity.units
        pool.received += line.quantity.units
        pool.receipt += value
        pool.add(line.quantity.units, value)
        pools[line.sku] = pool
    }

    private mutating func issue(_ sku: SKU, _ quantity: Int64) throws -> Int64 {
        var pool = try pool(sku)
        guard quantity > 0, quantity <= pool.quantity else {
            throw Unexpected(what: "\(quantity) of \(pool.quantity) of \(sku) were to leave")
        }
        var value =
            quantity == pool.quantity
            ? pool.value : Self.halfUp(pool.value, quantity, pool.quantity)
        if method == .fifo {
            value = 0
            var left = quantity
            while left > 0, let oldest = pool.layers.first {
                let taken = min(left, oldest.quantity)
                let part = Self.halfUp(oldest.value, taken, oldest.quantity)
                pool.layers[0].quantity -= taken
                pool.layers[0].value -= part
                if pool.layers[0].quantity == 0 { pool.layers.removeFirst() }
                value += part
                left -= taken
            }
        }
        pool.add(-quantity, -value)
        pools[sku] = pool
        return value
    }

    private mutating func putBack(_ sku: SKU, _ quantity: Int64) throws -> Int64 {
        var pool = try pool(sku)
        let value =
            pool.quantity > 0
            ? Self.halfUp(pool.value, quantity, pool.quantity)
            : Self.halfUp(pool.lastValue, quantity, pool.lastQuantity)
        pool.add(quantity, value)
        pools[sku] = pool
        return value
    }

    private static func halfUp(_ value: Int64, _ part: Int64, _ whole: Int64) -> Int64 {
        let product = Int128(value) * Int128(part)
        return Int64((2 * product + Int128(whole)) / (2 * Int128(whole)))
    }
}

extension OnlineRetailFold.Pool {
    fileprivate mutating func add(_ units: Int64, _ amount: Int64) {
        if units > 0 { layers.append(OnlineRetailFold.Layer(quantity: units, value: amount)) }
        quantity += units
        value += amount
        if quantity > 0 { (lastQuantity, lastValue) = (quantity, value) }
    }
}
