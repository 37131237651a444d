import Causality
import Foundation
import InventoryEngine
import SwiftProtobuf

/// Goods that go back to a supplier or into other packs, on the wire.
extension WireSupplierReturn {
    init(_ body: SupplierReturn) {
        self.init()
        purchaseOrder = body.purchaseOrder?.text ?? ""
        if let receipt = body.receipt { self.receipt = WireEventId(receipt) }
        if let lines = WireLines(body.lines) { self.lines = lines }
    }

    func value() throws(ReplicationError) -> SupplierReturn {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return SupplierReturn(
            purchaseOrder: try WireField.identifierIfAny(purchaseOrder, "purchase_order"),
            receipt: hasReceipt ? try receipt.value("receipt") : nil,
            lines: try lines.values()
        )
    }
}

extension WireRepack {
    init(_ body: Repack) {
        self.init()
        items = body.lines.map { line in
            var item = WireRepack.Item()
            item.sku = line.sku.text
            item.quantity = line.quantity.units
            item.scale = UInt32(line.scale)
            item.from = WireUnitConversion(line.from)
            item.to = WireUnitConversion(line.to)
            item.baseQuantity = line.baseQuantity.units
            item.baseScale = UInt32(line.baseScale)
            item.location = line.location?.text ?? ""
            item.lot = line.lot?.text ?? ""
            return item
        }
    }

    func value() throws(ReplicationError) -> Repack {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var lines: [Repack.Line] = []
        for item in items { lines.append(try item.value()) }
        return Repack(lines: lines)
    }
}

extension WireRepack.Item {
    fileprivate func value() throws(ReplicationError) -> Repack.Line {
        try WireField.expectNothing(in: unknownFields, of: "body.items")
        let (old, new) = (try from.value(), try to.value())
        var line = Repack.Line(
            sku: try WireField.identifier(sku, "items.sku"),
            quantity: try WireField.quantity(quantity, "items.quantity"),
            scale: try WireField.scale(scale, max: WireFormat.quantityScaleMax, "items.scale"),
            from: old.uom,
            to: new.uom,
            location: try WireField.identifierIfAny(location, "items.location"),
            lot: try WireField.identifierIfAny(lot, "items.lot")
        )
        line.from = old
        line.to = new
        line.baseQuantity = try WireField.quantity(baseQuantity, "items.base_quantity")
        line.baseScale = try WireField.scale(
            baseScale,
            max: WireFormat.quantityScaleMax,
            "items.base_scale"
        )
        return line
    }
}
