package import Causality

/// One receipt of a line of a purchase order.
package struct PurchaseReceiptRow: Row {
    package static let kind = RowKind.purchaseReceipt
    package static let layer: Layer? = nil

    package struct Key: RowKey {
        package var home: SiteCode
        package var purchaseOrder: DocumentID
        package var line: Int32
        package var receipt: EventID
        /// The index among the receipt's lines.
        package var index: UInt32
        package var site: SiteCode? { home }

        package init(
            home: SiteCode,
            purchaseOrder: DocumentID,
            line: Int32,
            receipt: EventID,
            index: UInt32
        ) {
            self.home = home
            self.purchaseOrder = purchaseOrder
            self.line = line
            self.receipt = receipt
            self.index = index
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(purchaseOrder)
            writer.ordered(signed: Int64(line))
            writer.event(receipt)
            writer.ordered(UInt64(index))
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.purchaseOrder = try reader.id()
            self.line = Int32(truncatingIfNeeded: try reader.orderedSigned())
            self.receipt = try reader.event()
            self.index = UInt32(truncatingIfNeeded: try reader.ordered())
        }

        /// The bytes that the keys of all receipts of an order begin with.
        static func prefix(_ home: SiteCode, _ order: DocumentID) -> [UInt8] {
            var writer = ByteWriter()
            writer.id(home)
            writer.id(order)
            return writer.bytes
        }
    }

    package var quantity: Quantity
    package var isVacant: Bool { quantity.isZero }

    package init(quantity: Quantity) { self.quantity = quantity }

    package func encode(into writer: inout ByteWriter) { writer.quantity(quantity) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.quantity = try reader.quantity()
    }
}
