package import Causality

/// A document that was given the id of another one by a node that did not know of it.
package struct Namesake: Equatable, Sendable {
    /// The node that recorded it.
    package var node: NodeID
    /// What it is called since.
    package var document: DocumentID

    package init(node: NodeID, document: DocumentID) {
        self.node = node
        self.document = document
    }
}

extension ByteWriter {
    mutating func namesakes(_ namesakes: [Namesake]) {
        varint(UInt64(namesakes.count))
        for namesake in namesakes {
            node(namesake.node)
            id(namesake.document)
        }
    }
}

extension ByteReader {
    mutating func namesakes() throws(EngineError) -> [Namesake] {
        var namesakes: [Namesake] = []
        for _ in 0..<(try varint()) {
            namesakes.append(Namesake(node: try node(), document: try id()))
        }
        return namesakes
    }
}

/// Pair 22: two documents with one id at one site. Both stand; the later by position is called
/// `SO-7~lon-2`, and what its node records without knowing of the first means it.
extension StockState {
    /// The most names that are tried for a second document.
    private static let namesMax = 100

    /// A new name for a document whose id is taken by another one that its recorder did not know.
    ///
    /// - Parameters:
    ///   - current: The event that records it.
    ///   - document: The id that it was given.
    ///   - first: Who recorded the other document of that id.
    ///   - namesakes: Those of the other document; the new one is added.
    ///   - isTaken: Whether there is a document of a name.
    /// - Returns: The new name; nil where the recorder did know of the other one.
    /// - Throws: ``EngineError`` with the code `name_taken`, `storage_failed` or `damaged`.
    mutating func newName(
        _ current: Current,
        _ document: DocumentID,
        first: EventRef,
        _ namesakes: inout [Namesake],
        _ isTaken: (inout StockState, DocumentID) throws(EngineError) -> Bool
    ) throws(EngineError) -> DocumentID? {
        let node = current.event.id.node
        guard first.id.node != node, isConcurrent(current, with: first),
            !namesakes.contains(where: { $0.node == node })
        else { return nil }
        let row = try cache.nodes.row(NodeRow.Key(node: node), from: reader)
        var mark = row?.name.text ?? node.description
        // A number after the mark tells the corrections of a count.
        if mark.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            mark = "node-" + mark
        }
        for number in 1...Self.namesMax {
            let end = String(String.UnicodeScalarView(mark.unicodeScalars.prefix(32)))
            let suffix = "~" + end + (number == 1 ? "" : "-\(number)")
            let room = DocumentID.lengthMax - suffix.unicodeScalars.count
            let base = String(String.UnicodeScalarView(document.text.unicodeScalars.prefix(room)))
            guard let name = DocumentID(base + suffix), try !isTaken(&self, name) else { continue }
            namesakes.append(Namesake(node: node, document: name))
            try raiseConflict(
                .sameDocument,
                current,
                with: first,
                sku: nil,
                subject: document.text,
                resolution: "Both stand; the later one by the hub's order is called \(name).",
                before: "two documents called \(document)",
                after: "\(document) and \(name)",
                compensation:
                    "Use \(name) for the one that \(row?.name.text ?? "the other node") recorded.",
                isResolved: true
            )
            return name
        }
        throw .refused("name_taken", "There is no free name for a second \(document).")
    }

    /// What a document is called that the event at hand names: another name where its recorder has
    /// recorded a second one of that id and did not know of the first.
    private mutating func meant<R: NamedDocument>(
        _ current: Current,
        _ document: DocumentID,
        _ table: WritableKeyPath<RowCache, Table<R>>,
        _ key: R.Key
    ) throws(EngineError) -> DocumentID {
        guard holds(current.site), let row = try cache[keyPath: table].row(key, from: reader),
            let own = row.namesakes.first(where: { $0.node == current.event.id.node }),
            let first = row.namedBy, isConcurrent(current, with: first)
        else { return document }
        return own.document
    }

    private mutating func order(
        _ current: Current,
        _ site: SiteCode?,
        _ order: DocumentID
    ) throws(EngineError) -> DocumentID {
        let key = OrderRow.Key(
            home: current.site,
            orderSite: site ?? current.site,
            order: order
        )
        return try meant(current, order, \.orders, key)
    }

    private mutating func purchaseOrder(
        _ current: Current,
        _ order: DocumentID
    ) throws(EngineError) -> DocumentID {
        let key = DocumentKey<PurchaseOrderRow>(home: current.site, document: order)
        return try meant(current, order, \.purchaseOrders, key)
    }

    private mutating func adjustment(
        _ current: Current,
        _ id: DocumentID
    ) throws(EngineError) -> DocumentID {
        let key = DocumentKey<AdjustmentRow>(home: current.site, document: id)
        let name = try meant(current, id, \.adjustments, key)
        guard name == id else { return name }
        let count = DocumentKey<CountRow>(home: current.site, document: id)
        return try meant(current, id, \.counts, count)
    }

    private mutating func customerReturn(
        _ current: Current,
        _ id: DocumentID
    ) throws(EngineError) -> DocumentID {
        let key = DocumentKey<ReturnRow>(home: current.site, document: id)
        return try meant(current, id, \.returns, key)
    }

    /// The event at hand with the documents that it means.
    mutating func naming(_ current: Current) throws(EngineError) -> Current {
        var named = current
        func renamed(
            _ work: OrderWork,
            _ state: inout StockState
        ) throws(EngineError) -> OrderWork {
            var work = work
            work.order = try state.order(current, work.orderSite, work.order)
            return work
        }
        switch current.event.body {
        case .orderAmended(let work): named.event.body = .orderAmended(try renamed(work, &self))
        case .orderCancelled(let work):
            named.event.body = .orderCancelled(try renamed(work, &self))
        case .reservationReleased(let work):
            named.event.body = .reservationReleased(try renamed(work, &self))
        case .backorderPromised(let work):
            named.event.body = .backorderPromised(try renamed(work, &self))
        case .allocated(let work): named.event.body = .allocated(try renamed(work, &self))
        case .pickCompleted(let work): named.event.body = .pickCompleted(try renamed(work, &self))
        case .unpicked(let work): named.event.body = .unpicked(try renamed(work, &self))
        case .packCompleted(let work): named.event.body = .packCompleted(try renamed(work, &self))
        case .shipmentDispatched(let work):
            named.event.body = .shipmentDispatched(try renamed(work, &self))
        case .returnReceived(var goods):
            guard let name = goods.order, goods.orderSite == nil else { break }
            goods.order = try order(current, nil, name)
            named.event.body = .returnReceived(goods)
        case .returnDispositioned(var goods):
            goods.returnID = try customerReturn(current, goods.returnID)
            named.event.body = .returnDispositioned(goods)
        case .purchaseOrderAmended(var placed):
            placed.purchaseOrder = try purchaseOrder(current, placed.purchaseOrder)
            named.event.body = .purchaseOrderAmended(placed)
        case .purchaseOrderClosed(var placed):
            placed.purchaseOrder = try purchaseOrder(current, placed.purchaseOrder)
            named.event.body = .purchaseOrderClosed(placed)
        case .goodsReceived(var receipt):
            guard let name = receipt.purchaseOrder else { break }
            receipt.purchaseOrder = try purchaseOrder(current, name)
            named.event.body = .goodsReceived(receipt)
        case .supplierReturnDispatched(var goods):
            guard let name = goods.purchaseOrder else { break }
            goods.purchaseOrder = try purchaseOrder(current, name)
            named.event.body = .supplierReturnDispatched(goods)
        case .adjustmentApproved(var decision):
            decision.adjustment = try adjustment(current, decision.adjustment)
            named.event.body = .adjustmentApproved(decision)
        case .adjustmentRejected(var decision):
            decision.adjustment = try adjustment(current, decision.adjustment)
            named.event.body = .adjustmentRejected(decision)
        default: break
        }
        return named
    }

    // MARK: New documents

    /// The id of a new document: its own, or another where that is taken by one that its recorder
    /// did not know.
    ///
    /// - Throws: ``EngineError`` with the code `taken` where the recorder did know of it; nothing if
    ///   that is nil.
    private mutating func name<R: NamedDocument>(
        _ current: Current,
        _ document: DocumentID,
        in table: WritableKeyPath<RowCache, Table<R>>,
        _ key: (DocumentID) -> R.Key,
        taken code: String?
    ) throws(EngineError) -> DocumentID {
        guard holds(current.site),
            var row = try cache[keyPath: table].row(key(document), from: reader),
            let first = row.namedBy
        else { return document }
        guard
            let name = try newName(
                current,
                document,
                first: first,
                &row.namesakes,
                { (state, name) throws(EngineError) in
                    try state.cache[keyPath: table].row(key(name), from: state.reader) != nil
                }
            )
        else {
            guard let code else { return document }
            throw .refused(code, "There is a document called \(document) already.")
        }
        try cache[keyPath: table].set(key(document), to: row, from: reader)
        return name
    }

    /// The id of an order that is confirmed.
    mutating func nameOrder(
        _ current: Current,
        _ order: DocumentID
    ) throws(EngineError) -> DocumentID {
        let site = current.site
        return try name(
            current,
            order,
            in: \.orders,
            { OrderRow.Key(home: site, orderSite: site, order: $0) },
            taken: "order_exists"
        )
    }

    /// The id of a purchase order that is placed.
    mutating func namePurchaseOrder(
        _ current: Current,
        _ order: DocumentID
    ) throws(EngineError) -> DocumentID {
        let site = current.site
        return try name(
            current,
            order,
            in: \.purchaseOrders,
            { DocumentKey(home: site, document: $0) },
            taken: "purchase_order_exists"
        )
    }

    /// The number of a return that comes in; one that is known already may come in parts.
    mutating func nameReturn(
        _ current: Current,
        _ id: DocumentID
    ) throws(EngineError) -> DocumentID {
        let site = current.site
        return try name(
            current,
            id,
            in: \.returns,
            { DocumentKey(home: site, document: $0) },
            taken: nil
        )
    }

    /// The number of a count or of a proposed adjustment; a count and its adjustment share one.
    mutating func nameAdjustment(
        _ current: Current,
        _ id: DocumentID
    ) throws(EngineError) -> DocumentID {
        let site = current.site
        let name = try name(
            current,
            id,
            in: \.counts,
            { DocumentKey(home: site, document: $0) },
            taken: "count_exists"
        )
        guard name == id else { return name }
        return try self.name(
            current,
            id,
            in: \.adjustments,
            { DocumentKey(home: site, document: $0) },
            taken: "adjustment_exists"
        )
    }
}

/// A document that people give an id.
private protocol NamedDocument: Row {
    /// Who gave it its id; nil where that is not known.
    var namedBy: EventRef? { get }
    /// Other documents that were given its id.
    var namesakes: [Namesake] { get set }
}

extension OrderRow: NamedDocument {
    fileprivate var namedBy: EventRef? { confirmedBy }
}

extension PurchaseOrderRow: NamedDocument {
    fileprivate var namedBy: EventRef? { placedBy }
}

extension ReturnRow: NamedDocument {
    fileprivate var namedBy: EventRef? { receivedBy }
}

extension CountRow: NamedDocument {
    fileprivate var namedBy: EventRef? { recordedBy }
}

extension AdjustmentRow: NamedDocument {
    fileprivate var namedBy: EventRef? { proposedBy }
}
