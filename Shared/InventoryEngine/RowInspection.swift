import Causality

/// What a proof of the store asks of a row whose type it does not know.
package struct RowInspection: Sendable {
    /// The digest that counts the row; nil for what is derived, history, or closed.
    package let digest: DigestRow.Key?

    /// Reads a stored row.
    ///
    /// - Throws: ``EngineError`` with the code `damaged` if the bytes are no row of the kind.
    package init(_ kind: RowKind, key: [UInt8], value: [UInt8]) throws(EngineError) {
        self.digest = try Self.inspector(kind)(key, value)
    }

    private typealias Inspector = (
        _ key: [UInt8], _ value: [UInt8]
    ) throws(EngineError) -> DigestRow.Key?

    private static func read<R: Row>(
        _ type: R.Type
    ) -> Inspector {
        { (key, value) throws(EngineError) in
            let place = try R.Key(bytes: key)
            let row = try R(bytes: value)
            guard let layer = R.layer, row.isOpen else { return nil }
            return DigestRow.Key(home: place.site, layer: layer)
        }
    }

    private static func inspector(_ kind: RowKind) -> Inspector {
        switch kind {
        case .item: read(ItemRow.self)
        case .site: read(SiteRow.self)
        case .node: read(NodeRow.self)
        case .policy: read(PolicyRow.self)
        case .person: read(PersonRow.self)
        case .period: read(PeriodRow.self)
        case .location: read(LocationRow.self)
        case .bucket: read(BucketRow.self)
        case .orderLine: read(OrderLineRow.self)
        case .surplus: read(SurplusRow.self)
        case .transferLine: read(TransferLineRow.self)
        case .purchaseLine: read(PurchaseLineRow.self)
        case .returnedReceipt: read(ReturnedReceiptRow.self)
        case .lot: read(LotRow.self)
        case .lotDue: read(LotDueRow.self)
        case .serial: read(SerialRow.self)
        case .serialPlace: read(SerialPlaceRow.self)
        case .allocation: read(AllocationRow.self)
        case .staged: read(StagedRow.self)
        case .remoteLine: read(RemoteLineRow.self)
        case .remoteRights: read(RemoteRightsRow.self)
        case .rights: read(RightsRow.self)
        case .task: read(TaskRow.self)
        case .freeze: read(FreezeRow.self)
        case .rightsRequest: read(RightsRequestRow.self)
        case .hold: read(HoldRow.self)
        case .valuation: read(ValuationRow.self)
        case .account: read(AccountRow.self)
        case .costLayer: read(CostLayerRow.self)
        case .periodTotal: read(PeriodTotalRow.self)
        case .order: read(OrderRow.self)
        case .purchaseOrder: read(PurchaseOrderRow.self)
        case .purchaseReceipt: read(PurchaseReceiptRow.self)
        case .transfer: read(TransferRow.self)
        case .customerReturn: read(ReturnRow.self)
        case .count: read(CountRow.self)
        case .adjustment: read(AdjustmentRow.self)
        case .backorder: read(BackorderRow.self)
        case .countedPlace: read(CountedPlaceRow.self)
        case .summary: read(StockSummary.self)
        case .movement: read(MovementRow.self)
        case .journal: read(JournalRow.self)
        case .conflict: read(ConflictRow.self)
        case .exception: read(ExceptionRow.self)
        case .parked: read(ParkedRow.self)
        case .operation: read(OperationRow.self)
        case .orderEffect: read(OrderEffectRow.self)
        case .posting: read(PostingRow.self)
        case .digest: read(DigestRow.self)
        case .awaited: read(AwaitedRow.self)
        }
    }
}
