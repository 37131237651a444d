public import Causality

/// Goods that went back to their supplier.
public struct SupplierReturn: Hashable, Sendable {
    /// The purchase order that they came on.
    public var purchaseOrder: DocumentID?
    /// The receipt that they came with.
    public var receipt: EventID?
    /// `sku`, `quantity`, `location`, `lot`, `status`, the purchase order's `line`, and in an event
    /// the `amount`: what the goods had cost when they arrived.
    public var lines: [EventLine]

    /// Makes a return to a supplier.
    public init(
        purchaseOrder: DocumentID? = nil,
        receipt: EventID? = nil,
        lines: [EventLine]
    ) {
        self.purchaseOrder = purchaseOrder
        self.receipt = receipt
        self.lines = lines
    }
}

/// What of one item of a receipt went back to the supplier, so that all of it gets back exactly
/// what it had cost, in however many parts.
package struct ReturnedReceiptRow: Row {
    package static let kind = RowKind.returnedReceipt
    package static let layer: Layer? = .commitment

    package struct Key: RowKey {
        package var home: SiteCode
        package var receipt: EventID
        package var sku: SKU
        package var site: SiteCode? { home }

        package init(home: SiteCode, receipt: EventID, sku: SKU) {
            self.home = home
            self.receipt = receipt
            self.sku = sku
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.event(receipt)
            writer.id(sku)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.receipt = try reader.event()
            self.sku = try reader.id()
        }
    }

    package var quantity = Quantity.zero
    package var value = Money.zero
    package var isVacant: Bool { quantity.isZero && value.isZero }

    package init(quantity: Quantity = .zero, value: Money = .zero) {
        self.quantity = quantity
        self.value = value
    }

    package func encode(into writer: inout ByteWriter) {
        writer.quantity(quantity)
        writer.money(value)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.quantity = try reader.quantity()
        self.value = try reader.money()
    }
}
