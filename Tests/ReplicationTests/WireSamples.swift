import Causality
import InventoryEngine
import Testing

/// Fixed events, one of every body and with every field; `wire-v1.bin` holds them encoded.
///
/// The list only grows at its end, since the file is for good.
enum WireSamples {
    static let node = NodeID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
    static let otherNode = NodeID(high: 0x1111_2222_3333_4444, low: 0x5555_6666_7777_8888)
    static let epoch = Epoch(counter: 3, high: 0xAAAA_0000_BBBB_1111, low: 0x2222_CCCC_3333_DDDD)
    static let hash = ContentHash(words: (1, 2, 3, 0x8000_0000_0000_0000))

    static func identifier<Tag>(_ text: String) throws -> Identifier<Tag> {
        try #require(Identifier<Tag>(text))
    }

    /// All bodies, each in an event with another selection of fields around it.
    static func events() throws -> [InventoryEvent] {
        var events: [InventoryEvent] = []
        for (index, body) in try bodies().enumerated() {
            var event = InventoryEvent(
                id: EventID(node: node, sequence: UInt64(index) + 1),
                site: try identifier("LON"),
                recordedAt: HybridTimestamp(
                    wall: Instant(microseconds: 1_795_424_400_000_000 + Int64(index)),
                    counter: UInt32(index % 3)
                ),
                context: .empty,
                body: body
            )
            if index % 2 == 0 {
                event.op = try identifier("scan-\(index)")
                event.commandHash = hash
                event.context.epoch = epoch
                event.context.position = HubPosition(1 << 40)
            }
            if index % 3 == 0 {
                event.actor = try identifier("Åsa")
                event.device = try identifier("scanner 7")
                event.note = index % 2 == 0 ? "" : "Two boxes were wet."
                event.at = WallTime(
                    instant: Instant(microseconds: 1_795_420_800_500_000),
                    offsetMinutes: index % 2 == 0 ? 60 : -150
                )
            }
            if index % 5 == 0 {
                event.origin = EventID(node: otherNode, sequence: .max)
                event.corrects = EventID(node: node, sequence: 1)
                event.isForced = true
                event.context.extra.record(EventID(node: otherNode, sequence: 12))
                event.context.extra.record(EventID(node: node, sequence: 7))
            }
            events.append(event)
        }
        return events
    }

    /// A line with every field.
    static func fullLine(_ number: Int32) throws -> EventLine {
        var line = EventLine(
            sku: try identifier("85123A"),
            quantity: Quantity(units: -Quantity.magnitudeMax),
            scale: 6,
            line: number,
            location: try identifier("A-01-03")
        )
        line.uom = try identifier("CASE")
        line.toLocation = .staging
        line.lot = try identifier("L2026-11")
        line.status = .hold
        line.toStatus = .expired
        line.unitCost = ExactDecimal(mantissa: .min, scale: 12)
        line.amount = Money(units: Money.magnitudeMax)
        line.unitPrice = ExactDecimal(mantissa: .max, scale: 0)
        line.granted = Quantity(units: 5)
        line.short = .zero
        line.disposition = .supplier
        return line
    }

    /// Lines of an ordinary order: numbered, granted in full, prices with two decimals.
    static func orderLines(_ count: Int) throws -> [EventLine] {
        var lines: [EventLine] = []
        for number in 1...count {
            var line = EventLine(
                sku: try identifier("\(22_000 + number * 7)B"),
                quantity: Quantity(units: Int64(number % 12 + 1)),
                line: Int32(number)
            )
            line.granted = line.quantity
            line.unitPrice = ExactDecimal(mantissa: Int64(95 + number * 13), scale: 2)
            lines.append(line)
        }
        return lines
    }

    /// Lines that differ in which fields they have.
    static func mixedLines() throws -> [EventLine] {
        var bare = EventLine(sku: try identifier("71053"), quantity: .zero)
        bare.unitCost = ExactDecimal(mantissa: 339, scale: 2)
        var priced = EventLine(sku: try identifier("84406B"), quantity: Quantity(units: 8), line: 3)
        priced.unitCost = .zero
        priced.status = .sellable
        return [bare, priced, try fullLine(3)]
    }

    static func bodies() throws -> [EventBody] {
        let bodies = try catalogueBodies() + supplyBodies() + demandBodies() + siteBodies()
        return try bodies + networkBodies() + rightsBodies() + parkedBodies()
            + goodsBodies() + lotBodies() + remoteBodies() + serialBodies() + costBodies()
    }

    private static func catalogueBodies() throws -> [EventBody] {
        var change = ItemChange(sku: try identifier("85123A"), baseVersion: 4)
        change.name = ""
        change.standardCost = ExactDecimal(mantissa: 255, scale: 2)
        change.gtin = "05012345678900"
        change.safetyStock = ExactDecimal(mantissa: 12, scale: 0)
        return [
            .itemRegistered(
                ItemRegistration(
                    sku: try identifier("85123A"),
                    properties: ItemProperties(
                        name: "WHITE HANGING HEART T-LIGHT HOLDER",
                        uom: try identifier("KG"),
                        scale: 3,
                        costing: .fifo,
                        standardCost: ExactDecimal(mantissa: 2_550, scale: 3),
                        gtin: "05012345678900",
                        isLotTracked: true,
                        isSerialTracked: true,
                        isLotCosted: true,
                        safetyStock: Quantity(units: 12_000),
                        conversions: [
                            UnitConversion(
                                uom: try identifier("CASE"),
                                numerator: 24,
                                denominator: 1
                            ),
                            UnitConversion(
                                uom: try identifier("LB"),
                                numerator: 4_536,
                                denominator: 10_000
                            ),
                        ]
                    )
                )
            ),
            .itemChanged(change),
            .itemRetired(ItemRetirement(sku: try identifier("71053"), baseVersion: 0)),
            .siteRegistered(SiteRegistration(site: try identifier("MUC"), name: "München")),
            .locationRegistered(LocationChange(location: try identifier("A-01-03"), kind: .bin)),
            .locationChanged(
                LocationChange(location: try identifier("A-01-03"), kind: .hold, baseVersion: 1)
            ),
            .locationRetired(LocationChange(location: try identifier("A-01-03"), baseVersion: 0)),
        ]
    }

    private static func supplyBodies() throws -> [EventBody] {
        let order: DocumentID = try identifier("PO-7")
        var received = try orderLines(2)
        for index in received.indices {
            received[index].location = .stock
            received[index].status = .receiving
            received[index].granted = nil
            received[index].unitPrice = nil
            received[index].unitCost = ExactDecimal(mantissa: 153, scale: 2)
        }
        return [
            .purchaseOrderPlaced(
                PurchaseOrder(
                    purchaseOrder: order,
                    supplier: try identifier("Acme"),
                    lines: try orderLines(3)
                )
            ),
            .purchaseOrderAmended(PurchaseOrder(purchaseOrder: order, lines: try mixedLines())),
            .purchaseOrderClosed(PurchaseOrder(purchaseOrder: order)),
            .goodsReceived(
                GoodsReceipt(
                    purchaseOrder: order,
                    supplier: try identifier("Acme"),
                    currency: try identifier("GBP"),
                    lines: received
                )
            ),
        ]
    }

    private static func demandBodies() throws -> [EventBody] {
        var confirmation = OrderConfirmation(
            order: try identifier("SO-536365"),
            lines: try orderLines(25)
        )
        confirmation.channel = try identifier("web")
        confirmation.customer = try identifier("17850")
        confirmation.priority = -2
        confirmation.shipFrom = try identifier("LON")
        confirmation.holdUntil = Instant(microseconds: -1)
        confirmation.refusesBackorder = true
        let work = OrderWork(
            order: try identifier("SO-536365"),
            orderSite: try identifier("MUC"),
            container: try identifier("340123450000000018"),
            shipment: try identifier("SH-1"),
            lines: [try fullLine(1)]
        )
        let bare = OrderWork(order: try identifier("SO-536365"))
        let goods = CustomerReturn(
            returnID: try identifier("R-1"),
            order: try identifier("SO-536365"),
            orderSite: try identifier("MUC"),
            shipment: try identifier("SH-1"),
            lines: [try fullLine(1), try fullLine(2)]
        )
        let fate = CustomerReturn(returnID: try identifier("R-1"), lines: try mixedLines())
        return [
            .orderConfirmed(confirmation), .orderAmended(work), .orderCancelled(bare),
            .reservationReleased(work), .backorderPromised(work), .allocated(work),
            .pickCompleted(work), .unpicked(bare), .packCompleted(work),
            .shipmentDispatched(work), .returnReceived(goods), .returnDispositioned(fate),
        ]
    }

    private static func siteBodies() throws -> [EventBody] {
        let transfer = Transfer(
            transfer: try identifier("T-1"),
            fromSite: try identifier("LON"),
            toSite: try identifier("MUC"),
            reason: "lost on the way",
            lines: try mixedLines()
        )
        let adjustment: DocumentID = try identifier("ADJ-1")
        return [
            .transferRequested(Transfer(transfer: try identifier("T-1"))),
            .transferCancelled(transfer), .transferDispatched(transfer),
            .transferReceived(transfer), .transferSettled(transfer),
            .countRecorded(
                StockCount(count: try identifier("C-1"), proposes: false, lines: try mixedLines())
            ),
            .adjustmentProposed(
                Adjustment(adjustment: adjustment, reason: "broken", lines: try orderLines(2))
            ),
            .adjustmentApproved(Adjustment(adjustment: adjustment, lines: try orderLines(2))),
            .adjustmentRejected(Adjustment(adjustment: adjustment, reason: "")),
            .moved(StockChange(lines: [try fullLine(1)])),
            .statusChanged(StockChange(reason: "wet", lines: try mixedLines())),
            .scrapped(StockChange(reason: "wet", lines: [])),
            .reversed(Reversal(event: EventID(node: otherNode, sequence: 9), reason: "typing")),
        ]
    }

    /// New kinds come last: the golden file grows at its end.
    private static func rightsBodies() throws -> [EventBody] {
        [
            .rightsRequested(
                RightsRequest(
                    sku: try identifier("85123A"),
                    quantity: Quantity(units: 7),
                    scale: 1,
                    stockSite: try identifier("LON"),
                    to: otherNode
                )
            ),
            .rightsReclaimed(
                RightsReclaim(
                    sku: try identifier("85123A"),
                    quantity: Quantity(units: 7),
                    from: otherNode,
                    to: node
                )
            ),
            .rightsThawed(
                RightsThaw(items: [
                    RightsThaw.Item(
                        event: EventID(node: otherNode, sequence: 3),
                        sku: try identifier("85123A")
                    )
                ])
            ),
            .nodeActivated(NodeChange(node: otherNode)),
            .nodeRetired(NodeChange(node: node)),
        ]
    }

    private static func parkedBodies() throws -> [EventBody] {
        let parked = InventoryEvent(
            id: EventID(node: otherNode, sequence: 3),
            site: try identifier("LON"),
            recordedAt: HybridTimestamp(wall: Instant(microseconds: 5), counter: 1),
            context: .empty,
            body: .scrapped(StockChange(reason: "wet", lines: []))
        )
        return [
            .parkedReleased(
                ParkedRelease(
                    event: parked.id,
                    content: parked,
                    receivedAt: Instant(microseconds: -7),
                    sites: [try identifier("LON")]
                )
            ),
            .parkedCompensated(
                ParkedCompensation(
                    event: parked.id,
                    sites: [try identifier("LON"), try identifier("MUC")],
                    reason: "received again"
                )
            ),
            .conflictResolved(
                Decision(
                    subject: "c-1",
                    choice: "keep",
                    reason: "older",
                    sites: [try identifier("MUC")]
                )
            ),
            .policySet(PolicyChange(policy: "approval", value: "single")),
        ]
    }

    private static func goodsBodies() throws -> [EventBody] {
        var line = Repack.Line(
            sku: try identifier("85123A"),
            quantity: Quantity(units: 15),
            scale: 1,
            from: try identifier("CASE"),
            to: .each,
            location: .stock,
            lot: try identifier("L2026-11")
        )
        line.from.numerator = 24
        line.to.denominator = 3
        line.baseQuantity = Quantity(units: 36_000)
        line.baseScale = 3
        let bare = Repack.Line(
            sku: try identifier("71053"),
            quantity: Quantity(units: 1),
            from: .each,
            to: try identifier("CASE")
        )
        return [
            .supplierReturnDispatched(
                SupplierReturn(
                    purchaseOrder: try identifier("PO-7"),
                    receipt: EventID(node: otherNode, sequence: 9),
                    lines: try mixedLines()
                )
            ),
            .supplierReturnDispatched(SupplierReturn(lines: [])),
            .repacked(Repack(lines: [line, bare])),
        ]
    }

    private static func remoteBodies() throws -> [EventBody] {
        let (order, sku) = (try identifier("SO-8") as DocumentID, try identifier("85123A") as SKU)
        let (lon, par) = (try identifier("LON") as SiteCode, try identifier("PAR") as SiteCode)
        var line = EventLine(sku: sku, quantity: Quantity(units: 3), line: 2)
        line.granted = Quantity(units: 1)
        var back = CustomerReturn(returnID: try identifier("R-8"), order: order, lines: [line])
        back.shipFrom = par
        var grant = RightsGrant(sku: sku, quantity: Quantity(units: 4), to: node)
        grant.toSite = par
        var reclaim = RightsReclaim(sku: sku, quantity: Quantity(units: 4), from: node)
        reclaim.holderSites = [par]
        var progress = LineProgress()
        for (index, part) in LineProgress.parts.enumerated() {
            progress[keyPath: part] = Quantity(units: Int64(index) - 1)
        }
        var some = LineProgress()
        some.ordered = Quantity(units: 5)
        var notice = ConflictNotice(id: "c-7", rule: 3, isResolved: true)
        notice.sku = sku
        notice.subject = "SO-8"
        var known = VectorClock()
        known.record(EventID(node: node, sequence: 4))
        notice.sides = [
            ConflictNotice.Side(
                event: EventID(node: node, sequence: 5),
                position: HubPosition(9),
                context: CausalContext(
                    epoch: Epoch(counter: 1, high: 2, low: 3),
                    position: HubPosition(8),
                    extra: known
                )
            ),
            ConflictNotice.Side(
                event: EventID(node: node, sequence: 6),
                position: nil,
                context: .empty
            ),
        ]
        notice.resolution = "The dispatch stands."
        notice.before = "cancelled and dispatched"
        notice.after = "shipped"
        notice.compensation = "Ask for it."
        notice.sites = [lon, par]
        return [
            .orderCancelled(
                OrderWork(
                    order: order,
                    lines: [],
                    elsewhere: [RemoteLines(shipFrom: par, lines: [line])]
                )
            ),
            .returnReceived(back), .rightsGranted(grant), .rightsReclaimed(reclaim),
            .orderProgressed(
                OrderProgress(
                    order: order,
                    shipFrom: par,
                    lines: [
                        OrderProgress.Line(line: 2, sku: sku, scale: 0, progress: progress),
                        OrderProgress.Line(line: -3, sku: sku, scale: 2, progress: some),
                        OrderProgress.Line(line: 4, sku: sku, scale: 0, progress: LineProgress()),
                    ],
                    notices: [
                        OrderProgress.Notice(code: "promise_rejected", sku: sku, sentence: "None.")
                    ],
                    conflicts: [notice]
                )
            ),
            .orderResourced(
                OrderResourcing(
                    order: order,
                    orderSite: lon,
                    shipFrom: par,
                    line: EventLine(sku: sku, quantity: Quantity(units: 3), line: 2),
                    promise: OrderResourcing.Promise(
                        priority: -2,
                        time: Instant(microseconds: 77),
                        event: EventID(node: node, sequence: 5),
                        position: HubPosition(3)
                    )
                )
            ),
        ]
    }

    private static func lotBodies() throws -> [EventBody] {
        var lines = try mixedLines()
        for index in lines.indices {
            lines[index].lot = try identifier("L\(index)")
            lines[index].expiry = CivilDate(year: 2027, month: 1, day: index + 1)
        }
        var shared = lines
        for index in shared.indices { shared[index].expiry = CivilDate("2026-12-24") }
        return [
            .goodsReceived(GoodsReceipt(lines: lines)), .goodsReceived(GoodsReceipt(lines: shared)),
            .personRegistered(
                PersonChange(
                    person: try identifier("E-1042"),
                    role: .approver,
                    credential: ContentHash.of([1, 2, 3])
                )
            ),
            .personChanged(
                PersonChange(person: try identifier("E-1042"), role: .worker, baseVersion: 3)
            ),
            .personRetired(PersonChange(person: try identifier("E-1042"))),
        ]
    }

    private static func serialBodies() throws -> [EventBody] {
        var lines = try mixedLines()
        for index in lines.indices {
            lines[index].serials = try (0..<index).map { try identifier("SN-\(index)-\($0)") }
        }
        return [
            .moved(StockChange(lines: lines)),
            .adjustmentApproved(Adjustment(adjustment: try identifier("C-9"), lines: lines)),
        ]
    }

    private static func networkBodies() throws -> [EventBody] {
        var grant = RightsGrant(
            sku: try identifier("85123A"),
            quantity: Quantity(units: 40),
            scale: 2,
            stockSite: try identifier("LON"),
            to: otherNode
        )
        grant.request = EventID(node: otherNode, sequence: 3)
        return [
            .rightsGranted(grant),
            .nodeRegistered(
                NodeRegistration(
                    node: otherNode,
                    name: try identifier("muc-1"),
                    site: try identifier("MUC"),
                    publicKey: Array(0..<32),
                    isActive: true
                )
            ),
            .conflictResolved(Decision(subject: "c-1", choice: "keep", reason: "older")),
            .exceptionAcknowledged(Decision(subject: "x-1")),
            .costAdjusted(
                CostAdjustment(
                    cause: EventID(node: node, sequence: 5),
                    site: try identifier("LON"),
                    sku: try identifier("85123A"),
                    items: Account.allCases.prefix(9).enumerated().map { index, account in
                        CostAdjustment.Item(
                            movement: MovementKey(
                                effective: Instant(microseconds: Int64(index) - 4),
                                position: HubPosition(.max),
                                sequence: UInt64(index),
                                index: UInt32(index)
                            ),
                            delta: Money(units: -Int64(index)),
                            account: account
                        )
                    }
                )
            ),
            .unknown(type: "pallet_stacked"),
        ]
    }

    private static func costBodies() throws -> [EventBody] {
        let receipt = EventID(node: node, sequence: 9)
        let sku: SKU = try identifier("85123A")
        return [
            .landedCostAllocated(
                LandedCost(
                    purchaseOrder: try identifier("PO-7"),
                    receipts: [receipt],
                    amount: Money(units: 125_000),
                    basis: .quantity,
                    shares: [
                        LandedCost.Share(
                            receipt: receipt,
                            line: 2,
                            sku: sku,
                            amount: Money(units: 125_000)
                        )
                    ]
                )
            ),
            .supplierInvoiceMatched(
                InvoiceMatch(
                    receipt: receipt,
                    lines: try mixedLines(),
                    shares: [
                        InvoiceMatch.Share(
                            receipt: receipt,
                            line: 1,
                            sku: sku,
                            quantity: Quantity(units: 3),
                            amount: Money(units: 31),
                            expected: Money(units: 30)
                        )
                    ]
                )
            ),
            .stockRevalued(Revaluation(sku: sku, amount: Money(units: -4), reason: "rate")),
            .writtenDown(
                Revaluation(sku: sku, unitCost: ExactDecimal(mantissa: 125, scale: 3))
            ),
            .standardCostSet(
                CostingChange(sku: sku, standardCost: ExactDecimal(mantissa: 15, scale: 1))
            ),
            .costingChanged(CostingChange(sku: sku, costing: .fifo)),
            .costAdjusted(
                CostAdjustment(
                    cause: receipt,
                    site: try identifier("LON"),
                    sku: sku,
                    items: Account.allCases.suffix(4).map { account in
                        CostAdjustment.Item(
                            movement: MovementKey(
                                effective: Instant(microseconds: 7),
                                position: HubPosition(3),
                                sequence: 4,
                                index: 0
                            ),
                            delta: Money(units: 5),
                            account: account
                        )
                    } + [
                        CostAdjustment.Item(
                            movement: MovementKey(
                                effective: Instant(microseconds: 7),
                                position: HubPosition(3),
                                sequence: 4,
                                index: 0
                            ),
                            delta: Money(units: 5),
                            account: .goodsInTransit,
                            reference: .transferLine(
                                source: try identifier("LON"),
                                destination: try identifier("MUC"),
                                transfer: try identifier("T-1"),
                                line: 1
                            ),
                            parts: [
                                CostPart(value: Money(units: 30), quantity: Quantity(units: 3)),
                                CostPart(value: Money(units: 50), quantity: Quantity(units: 4)),
                            ]
                        )
                    ]
                )
            ),
            .periodClosed(PeriodClosing(period: try #require(Period("2026-11")))),
            .periodClosed(
                PeriodClosing(
                    period: try #require(Period("0001-01")),
                    override: "burnt down",
                    silent: [receipt.node]
                )
            ),
            .goodsReceived(
                GoodsReceipt(
                    currency: try identifier("EUR"),
                    rate: ExactDecimal(mantissa: 8_612, scale: 4),
                    lines: try mixedLines()
                )
            ),
        ]
    }
}
