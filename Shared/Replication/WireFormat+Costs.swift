import Causality
import InventoryEngine
import SwiftProtobuf

/// What moves money alone, on the wire.
extension WireRevaluation {
    init(_ body: Revaluation) {
        self.init()
        sku = body.sku.text
        if let cost = body.unitCost { unitCost = WireDecimal(cost) }
        if let amount = body.amount { self.amount = amount.units }
        if let reason = body.reason { self.reason = reason }
    }

    func value() throws(ReplicationError) -> Revaluation {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return Revaluation(
            sku: try WireField.identifier(sku, "sku"),
            unitCost: hasUnitCost ? try unitCost.value("unit_cost") : nil,
            amount: hasAmount ? try WireField.money(amount, "amount") : nil,
            reason: hasReason ? reason : nil
        )
    }
}

extension WireCostingChange {
    init(_ body: CostingChange) {
        self.init()
        sku = body.sku.text
        if let method = body.costing { costing = WireCostingMethod(method) }
        if let cost = body.standardCost { standardCost = WireDecimal(cost) }
    }

    func value() throws(ReplicationError) -> CostingChange {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return CostingChange(
            sku: try WireField.identifier(sku, "sku"),
            costing: hasCosting ? try WireField.choice(costing, "costing") : nil,
            standardCost: hasStandardCost ? try standardCost.value("standard_cost") : nil
        )
    }
}

extension WireLandedCost {
    init(_ body: LandedCost) {
        self.init()
        purchaseOrder = body.purchaseOrder?.text ?? ""
        receipts = body.receipts.map { WireEventId($0) }
        amount = body.amount.units
        basis = WireLandedCostBasis(body.basis)
        shares = body.shares.map { share in
            var wire = Share()
            wire.receipt = WireEventId(share.receipt)
            wire.line = share.line
            wire.sku = share.sku.text
            wire.amount = share.amount.units
            return wire
        }
    }

    func value() throws(ReplicationError) -> LandedCost {
        try WireField.expectNothing(in: unknownFields, of: "body")
        guard receipts.count <= WireFormat.linesMax, shares.count <= WireFormat.linesMax else {
            throw .malformed("shares", "has more than \(WireFormat.linesMax) entries")
        }
        var body = LandedCost(
            purchaseOrder: try WireField.identifierIfAny(purchaseOrder, "purchase_order"),
            amount: try WireField.money(amount, "amount"),
            basis: try WireField.choice(basis, "basis")
        )
        for receipt in receipts { body.receipts.append(try receipt.value("receipts")) }
        for share in shares {
            try WireField.expectNothing(in: share.unknownFields, of: "shares")
            body.shares.append(
                LandedCost.Share(
                    receipt: try share.receipt.value("shares.receipt"),
                    line: share.line,
                    sku: try WireField.identifier(share.sku, "shares.sku"),
                    amount: try WireField.money(share.amount, "shares.amount")
                )
            )
        }
        return body
    }
}

extension WireInvoiceMatch {
    init(_ body: InvoiceMatch) {
        self.init()
        purchaseOrder = body.purchaseOrder?.text ?? ""
        if let receipt = body.receipt { self.receipt = WireEventId(receipt) }
        if let lines = WireLines(body.lines) { self.lines = lines }
        shares = body.shares.map { share in
            var wire = Share()
            wire.receipt = WireEventId(share.receipt)
            wire.line = share.line
            wire.sku = share.sku.text
            wire.quantity = share.quantity.units
            wire.amount = share.amount.units
            wire.expected = share.expected.units
            return wire
        }
    }

    func value() throws(ReplicationError) -> InvoiceMatch {
        try WireField.expectNothing(in: unknownFields, of: "body")
        guard shares.count <= WireFormat.linesMax else {
            throw .malformed("shares", "has more than \(WireFormat.linesMax) entries")
        }
        var body = InvoiceMatch(
            purchaseOrder: try WireField.identifierIfAny(purchaseOrder, "purchase_order"),
            receipt: hasReceipt ? try receipt.value("receipt") : nil,
            lines: try lines.values()
        )
        for share in shares {
            try WireField.expectNothing(in: share.unknownFields, of: "shares")
            body.shares.append(
                InvoiceMatch.Share(
                    receipt: try share.receipt.value("shares.receipt"),
                    line: share.line,
                    sku: try WireField.identifier(share.sku, "shares.sku"),
                    quantity: try WireField.quantity(share.quantity, "shares.quantity"),
                    amount: try WireField.money(share.amount, "shares.amount"),
                    expected: try WireField.money(share.expected, "shares.expected")
                )
            )
        }
        return body
    }
}
