public import Causality

/// What may be recorded, and what a command means once everything it left out is filled in.
///
/// `decide` is the only door: a refusal changes nothing, and what passes is complete, so that the
/// fold never has to guess.
public enum InventoryRules {
    /// The version of the rules that this engine decides by.
    public static let version: UInt32 = 1
    /// The most lines of one event.
    public static let linesMax = 10_000
    /// The most units that the lines of one event name by serial number.
    public static let serialsMax = 10_000
    /// The most waiting promises that one commit makes final per item.
    static let promisesAtOnceMax = 1_000
    /// The most destinations that one transfer number is looked up for.
    static let destinationsMax = 100
    /// The most losers of a ranking that are named in conflicts per promise.
    static let losersNamedMax = 16

    /// Turns a command into the body of an event, or refuses it.
    ///
    /// - Parameters:
    ///   - command: What was asked; quantities at the decimals as entered.
    ///   - state: What the recording node sees. Only read rows are added to it.
    ///   - recorder: The node that records.
    ///   - site: The site whose stock it is about.
    /// - Returns: The body with every optional that the fold reads filled in.
    /// - Throws: ``EngineError`` with a stable code, the field and what to do.
    public static func decide(
        _ command: InventoryCommand,
        in state: inout StockState,
        by recorder: NodeID,
        at site: SiteCode
    ) throws(EngineError) -> EventBody {
        try checkText(command.note, field: "note")
        if let corrects = command.corrects {
            guard try state.located(corrects) != nil else {
                throw .refused(
                    "unknown_event",
                    "The event \(corrects) is not known here.",
                    field: "corrects"
                )
            }
        }
        // The rows move to the decision and back: a copy would cost as much as deciding.
        var decision = Decider(
            state: state.withoutRows(),
            recorder: recorder,
            site: site,
            isForced: command.isForced,
            actor: command.actor
        )
        swap(&decision.state, &state)
        defer { swap(&decision.state, &state) }
        try decision.checkActor(command)
        let body = try decision.placingSerials(command.body)
        return try decision.namingSerials(try decision.decide(body))
    }

    /// Converts entered digits to base units at the item's scale, exactly or not at all.
    static func quantity(
        _ mantissa: Int64,
        scale: UInt8,
        itemScale: UInt8,
        numerator: Int64 = 1,
        denominator: Int64 = 1,
        field: String
    ) throws(EngineError) -> Quantity {
        let (product, overflow) = Int128(mantissa).multipliedReportingOverflow(
            by: Int128(numerator)
        )
        let (scaled, overflowed) = product.multipliedReportingOverflow(by: powerOfTen(itemScale))
        guard !overflow, !overflowed else { throw .outOfRange(field) }
        let divisor = powerOfTen(scale) * Int128(denominator)
        guard divisor > 0 else { throw .outOfRange(field) }
        let (quotient, remainder) = scaled.quotientAndRemainder(dividingBy: divisor)
        guard remainder == 0 else {
            throw .refused(
                "quantity_not_exact",
                "The quantity is not a whole number of base units at \(itemScale) decimals.",
                field: field,
                hint: "Enter a quantity with at most \(itemScale) decimals of the base unit."
            )
        }
        guard quotient >= -Int128(Quantity.magnitudeMax),
            quotient <= Int128(Quantity.magnitudeMax)
        else { throw .outOfRange(field) }
        return Quantity(units: Int64(quotient))
    }

    /// Refuses a cost or price with more decimals than are kept.
    static func checkDecimals(_ decimal: ExactDecimal?, field: String) throws(EngineError) {
        guard let decimal, decimal.scale > ExactDecimal.scaleMax else { return }
        throw .refused(
            "too_many_decimals",
            "The number has more than \(ExactDecimal.scaleMax) decimals.",
            field: field,
            hint: "Round it to \(ExactDecimal.scaleMax) decimals."
        )
    }

    static func checkText(_ text: String?, field: String) throws(EngineError) {
        guard let text else { return }
        guard text.unicodeScalars.count <= InventoryCommand.noteLengthMax else {
            throw .refused(
                "text_too_long",
                "The text has more than \(InventoryCommand.noteLengthMax) characters.",
                field: field
            )
        }
    }
}

extension EngineError {
    static func outOfRange(_ field: String) -> EngineError {
        .refused(
            "quantity_out_of_range",
            "The quantity is beyond ±2^53 base units.",
            field: field,
            hint: "Check the quantity and its unit."
        )
    }
}

/// One decision in the making: the state that it reads and who asks.
struct Decider {
    var state: StockState
    let recorder: NodeID
    let site: SiteCode
    let isForced: Bool
    let actor: ActorID?

    mutating func decide(_ body: EventBody) throws(EngineError) -> EventBody {
        switch body {
        case .itemRegistered(let body): return .itemRegistered(try decide(body))
        case .itemChanged(let body): return .itemChanged(try decide(body))
        case .itemRetired(let body):
            try checkVersion(body.sku, body.baseVersion)
            return .itemRetired(body)
        case .siteRegistered: return body
        case .policySet(let change): return .policySet(try decided(change))
        case .periodClosed(let closing): return .periodClosed(try decided(closing))
        case .personRegistered(let change): return .personRegistered(try registered(change))
        case .personChanged(let change): return .personChanged(try changed(change))
        case .personRetired(let change): return .personRetired(try changed(change))
        case .locationRegistered(let change): return .locationRegistered(try registered(change))
        case .locationChanged(let change): return .locationChanged(try changed(change))
        case .locationRetired(let change): return .locationRetired(try changed(change))
        case .purchaseOrderPlaced(let order): return .purchaseOrderPlaced(try placed(order))
        case .purchaseOrderAmended(let order): return .purchaseOrderAmended(try amended(order))
        case .purchaseOrderClosed(let order):
            try checkOpen(order.purchaseOrder)
            return .purchaseOrderClosed(order)
        case .goodsReceived(let receipt): return .goodsReceived(try received(receipt))
        case .supplierReturnDispatched(let goods):
            return .supplierReturnDispatched(try returned(goods))
        case .supplierInvoiceMatched(let invoice):
            return .supplierInvoiceMatched(try matched(invoice))
        case .landedCostAllocated(let cost): return .landedCostAllocated(try allocated(cost))
        case .stockRevalued(let body):
            return .stockRevalued(try revalued(body, isWriteDown: false))
        case .writtenDown(let body): return .writtenDown(try revalued(body, isWriteDown: true))
        case .standardCostSet(let change): return .standardCostSet(try decidedStandard(change))
        case .costingChanged(let change): return .costingChanged(try decidedMethod(change))
        case .orderConfirmed(let order): return .orderConfirmed(try confirmed(order))
        case .orderAmended(let work): return .orderAmended(try amended(work))
        case .orderCancelled(let work): return .orderCancelled(try cancelled(work))
        case .reservationReleased(let work): return .reservationReleased(try released(work))
        case .allocated(let work): return .allocated(try allocated(work))
        case .pickCompleted(let work): return .pickCompleted(try picked(work))
        case .unpicked(let work): return .unpicked(try unpicked(work))
        case .packCompleted(let work): return .packCompleted(try packed(work))
        case .shipmentDispatched(let work): return .shipmentDispatched(try dispatched(work))
        case .returnReceived(let body): return .returnReceived(try returned(body))
        case .returnDispositioned(let body): return .returnDispositioned(try dispositioned(body))
        case .transferRequested(let transfer):
            return .transferRequested(try requested(transfer))
        case .transferCancelled(let transfer):
            return .transferCancelled(try cancelled(transfer))
        case .transferDispatched(let transfer):
            return .transferDispatched(try dispatched(transfer))
        case .transferReceived(let transfer): return .transferReceived(try received(transfer))
        case .transferSettled(let transfer): return .transferSettled(try settled(transfer))
        case .countRecorded(let count): return .countRecorded(try counted(count))
        case .adjustmentProposed(let adjustment):
            return .adjustmentProposed(try proposed(adjustment))
        case .adjustmentApproved(let adjustment):
            return .adjustmentApproved(try decided(adjustment, isApproved: true))
        case .adjustmentRejected(let adjustment):
            return .adjustmentRejected(try decided(adjustment, isApproved: false))
        case .moved(let change): return .moved(try moved(change))
        case .statusChanged(let change): return .statusChanged(try statusChanged(change))
        case .scrapped(let change): return .scrapped(try scrapped(change))
        case .repacked(let repack): return .repacked(try repacked(repack))
        case .reversed(let reversal): return .reversed(try reversed(reversal))
        case .rightsGranted(let grant): return .rightsGranted(try granted(grant))
        case .rightsRequested(let request): return .rightsRequested(try requested(request))
        case .rightsReclaimed(let reclaim): return .rightsReclaimed(try reclaimed(reclaim))
        case .nodeActivated(let change): return .nodeActivated(try activated(change))
        case .nodeRetired(let change): return .nodeRetired(try retired(change))
        case .conflictResolved(let decision), .exceptionAcknowledged(let decision):
            try InventoryRules.checkText(decision.reason, field: "reason")
            guard case .conflictResolved = body else { return body }
            return .conflictResolved(try resolved(decision))
        case .parkedReleased(let release):
            try checkOpenParked(release.event)
            return body
        case .parkedCompensated(let compensation):
            try InventoryRules.checkText(compensation.reason, field: "reason")
            try checkOpenParked(compensation.event)
            return body
        case .nodeRegistered, .costAdjusted, .backorderPromised, .orderResourced, .orderProgressed,
            .rightsThawed, .unknown:
            throw .refused(
                "not_a_command",
                "Events of type \(body.type) are recorded by the program itself.",
                field: "type"
            )
        }
    }
}
