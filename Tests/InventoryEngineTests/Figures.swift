import Causality
import InventoryEngine
import TestSupport

/// Every quantity and amount of one site's layers by a name that people can read, so that the
/// exact effect of an event is a dictionary.
struct Figures: Equatable {
    var values: [String: Int64] = [:]

    init(_ rows: InMemoryRowSource, at site: SiteCode, node: NodeID) throws {
        func add(_ name: String, _ units: Int64) { values[name, default: 0] += units }
        for (key, row) in try rows.typed(BucketRow.self) where key.home == site {
            let place = key.lot.map { "\(key.location) \($0)" } ?? key.location.text
            add("\(key.sku) \(place) \(key.status.text)", row.quantity.units)
        }
        for (key, row) in try rows.typed(OrderLineRow.self) where key.home == site {
            let name = "\(key.order)/\(key.line)"
            add("\(name) ordered", row.ordered.units)
            add("\(name) reserved", row.reserved.units)
            add("\(name) allocated", row.allocated.units)
            add("\(name) picked", row.picked.units)
            add("\(name) packed", row.packed.units)
            add("\(name) shipped", row.shipped.units)
            add("\(name) backordered", row.backordered.units)
            add("\(name) cancelled", row.cancelled.units)
            add("\(name) to put back", row.toPutBack.units)
            add("\(name) returned", row.returned.units)
            add("\(name) shipped value", row.shippedValue.units)
            add("\(name) returned value", row.returnedValue.units)
            for place in row.places {
                let lot = place.lot.map { " \($0)" } ?? ""
                add("\(name) at \(place.location)\(lot)", place.quantity.units)
            }
        }
        for (key, row) in try rows.typed(StagedRow.self) where key.stock.home == site {
            let name =
                key.lot.map { "\(key.order) \(key.stock.sku) \($0)" }
                ?? "\(key.order) \(key.stock.sku)"
            add("\(name) in staging", row.staged.units)
            add("\(name) quarantined", row.held.units)
            add("\(name) left", row.shipped.units)
        }
        for (key, row) in try rows.typed(SurplusRow.self) where key.home == site {
            add("\(key.order) \(key.sku) surplus picked", row.picked.units)
            add("\(key.order) \(key.sku) surplus packed", row.packed.units)
            add("\(key.order) \(key.sku) shipped beyond", row.shippedBeyond.units)
            add("\(key.order) \(key.sku) value beyond", row.shippedValue.units)
        }
        for (key, row) in try rows.typed(PurchaseLineRow.self) where key.home == site {
            let name = "\(key.purchaseOrder)/\(key.line)"
            add("\(name) on order", try row.expected().units)
            add("\(name) received", row.received.units)
            add("\(name) sent back", row.returned.units)
            add("\(name) sent back value", row.returnedValue.units)
        }
        for (key, row) in try rows.typed(ReturnedReceiptRow.self) where key.home == site {
            add("\(key.receipt.sequence) \(key.sku) sent back", row.quantity.units)
            add("\(key.receipt.sequence) \(key.sku) sent back value", row.value.units)
        }
        for (key, row) in try rows.typed(TransferLineRow.self) where key.home == site {
            let name = "\(key.transfer)/\(key.line)"
            add("\(name) requested", row.requested.units)
            add("\(name) cancelled", row.cancelled.units)
            add("\(name) dispatched", row.dispatched.units)
            add("\(name) received", row.received.units)
            add("\(name) settled", row.settled.units)
            add("\(name) in transit", row.dispatched.units - row.received.units - row.settled.units)
            add("\(name) transit value", row.transitValue.units)
        }
        for (key, row) in try rows.typed(RightsRow.self) where key.home == site {
            switch key.holder {
            case .frozen: add("\(key.sku) frozen rights", row.balance.units)
            case .node(let holder) where holder == node:
                add("\(key.sku) rights", row.balance.units)
            case .node(let holder): add("\(key.sku) rights of \(holder.low)", row.balance.units)
            }
        }
        for (key, row) in try rows.typed(TaskRow.self) where key.home == site {
            add("task \(key.purpose.text) \(key.subject) \(key.sku)", row.quantity.units)
        }
        for (key, row) in try rows.typed(ValuationRow.self) where key.home == site {
            add("\(key.sku) value", try row.pool.value().units)
        }
        for (key, row) in try rows.typed(AccountRow.self) where key.home == site {
            add(key.account.code, row.debit.units - row.credit.units)
        }
        values = values.filter { $0.value != 0 }
    }

    /// What was added since other figures.
    func since(_ before: Figures) -> [String: Int64] {
        var effect = values
        for (name, value) in before.values { effect[name, default: 0] -= value }
        return effect.filter { $0.value != 0 }
    }
}

extension EdgeHarness {
    /// What the node shows.
    func figures() throws -> Figures {
        try Figures(rows, at: site, node: node)
    }

    /// Records a command and tells its exact effect.
    mutating func effect(of command: InventoryCommand) throws -> [String: Int64] {
        let before = try figures()
        try record(command)
        return try figures().since(before)
    }

    /// Records a command and tells the exceptions that it raised.
    mutating func exceptions(of command: InventoryCommand) throws -> [String] {
        try record(command).outcome.exceptions
    }

    /// The bytes of every row that the node shows.
    var allRows: [RowName: [UInt8]] {
        rows.rows(of: site).merging(rows.rows(of: nil)) { own, _ in own }
    }
}

extension InMemoryRowSource {
    /// The rows of a kind, decoded.
    func typed<R: Row>(_ type: R.Type) throws -> [(key: R.Key, row: R)] {
        try rows(R.kind).map { (try R.Key(bytes: $0.key), try R(bytes: $0.value)) }
    }
}
