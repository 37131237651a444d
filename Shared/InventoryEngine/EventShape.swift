/// What every event keeps, whoever recorded it and whatever it is about.
///
/// The rules decide no event that breaks it. But the hub hears of events from programs that may be
/// broken and from people who may not be honest: a promise of fewer than no units would make rights
/// out of nothing. Such an event is parked like any other that cannot be applied.
extension EventBody {
    /// What the quantity of a line may be.
    private enum Sign {
        case positive
        case zeroOrMore
        case signed
    }

    /// Checks the numbers of an event by themselves, without looking at any state.
    ///
    /// - Throws: ``EngineError`` with the code that a command with such a number is refused with.
    /// - Complexity: O(*n*) in the number of lines.
    func checkShape() throws(EngineError) {
        switch self {
        case .goodsReceived(let body):
            try check(body.lines, .positive)
            if let rate = body.rate, rate.mantissa <= 0 || body.currency == nil {
                throw .refused(
                    "rate_invalid",
                    "A rate is more than zero, and says of which currency it is.",
                    field: "rate"
                )
            }
        case .supplierReturnDispatched(let body): try check(body.lines, .positive)
        case .orderConfirmed(let body):
            try check(body.lines, .positive)
            for (index, line) in body.lines.enumerated() {
                guard let granted = line.granted, granted.units < 0 else { continue }
                throw Self.negative("lines[\(index)].granted")
            }
        case .orderAmended(let body): try check(body, .zeroOrMore)
        case .pickCompleted(let body): try check(body, .zeroOrMore)
        case .orderCancelled(let body), .reservationReleased(let body),
            .backorderPromised(let body), .allocated(let body), .unpicked(let body),
            .packCompleted(let body), .shipmentDispatched(let body):
            try check(body, .positive)
        case .orderResourced(let body): try check([body.line], .positive)
        case .returnReceived(let body), .returnDispositioned(let body):
            try check(body.lines, .positive)
        case .transferRequested(let body), .transferCancelled(let body),
            .transferDispatched(let body), .transferReceived(let body):
            try check(body.lines, .positive)
        case .transferSettled(let body): try check(body.lines, .signed)
        case .countRecorded(let body): try check(body.lines, .zeroOrMore)
        case .adjustmentProposed(let body), .adjustmentApproved(let body):
            try check(body.lines, .signed)
        case .moved(let body), .statusChanged(let body), .scrapped(let body):
            try check(body.lines, .positive)
        case .purchaseOrderPlaced(let body): try check(body.lines, .positive)
        case .purchaseOrderAmended(let body): try check(body.lines, .zeroOrMore)
        case .stockRevalued(let body), .writtenDown(let body):
            if let cost = body.unitCost, cost.isNegative { throw Self.negativeCost("unit_cost") }
            guard (body.unitCost == nil) != (body.amount == nil) else {
                throw .refused("cost_twice", "It says two values, or none.", field: "amount")
            }
        case .standardCostSet(let body), .costingChanged(let body):
            if let cost = body.standardCost, cost.isNegative {
                throw Self.negativeCost("standard_cost")
            }
        case .landedCostAllocated(let body): try check(body)
        case .supplierInvoiceMatched(let body):
            try check(body.lines, .positive)
            for share in body.shares {
                guard share.quantity.units > 0 else { throw Self.negative("shares.quantity") }
                guard share.amount.units >= 0 else { throw Self.negativeCost("shares.amount") }
            }
        case .rightsGranted(let body): try check(body.quantity)
        case .rightsRequested(let body): try check(body.quantity)
        case .rightsReclaimed(let body): try check(body.quantity)
        case .itemRegistered(let body): try check(body.properties)
        case .itemChanged(let body):
            if let cost = body.standardCost, cost.mantissa < 0 {
                throw Self.negativeCost("standard_cost")
            }
            if let stock = body.safetyStock, stock.mantissa < 0 {
                throw Self.negative("safety_stock")
            }
        case .repacked, .itemRetired, .siteRegistered, .policySet, .periodClosed, .personRegistered,
            .personChanged, .personRetired, .locationRegistered, .locationChanged,
            .locationRetired, .purchaseOrderClosed, .orderProgressed, .adjustmentRejected,
            .reversed, .rightsThawed, .nodeRegistered, .nodeActivated, .nodeRetired,
            .conflictResolved, .exceptionAcknowledged, .parkedReleased, .parkedCompensated,
            .costAdjusted, .unknown:
            return  // no number of theirs can be wrong by itself
        }
    }

    private func check(_ work: OrderWork, _ sign: Sign) throws(EngineError) {
        try check(work.lines, sign)
        for part in work.elsewhere { try check(part.lines, sign) }
    }

    private func check(_ lines: [EventLine], _ sign: Sign) throws(EngineError) {
        let namesUnits = movesUnits
        for (index, line) in lines.enumerated() {
            let units = line.quantity.units
            switch sign {
            case .positive where units <= 0:
                throw .refused(
                    "quantity_not_positive",
                    "The quantity must be more than zero.",
                    field: "lines[\(index)].quantity"
                )
            case .zeroOrMore where units < 0: throw Self.negative("lines[\(index)].quantity")
            case .signed where units == 0:
                throw .refused(
                    "quantity_zero",
                    "The quantity cannot be zero.",
                    field: "lines[\(index)].quantity"
                )
            case .positive, .zeroOrMore, .signed: break
            }
            if let short = line.short, short.units < 0 {
                throw Self.negative("lines[\(index)].short")
            }
            if let cost = line.unitCost, cost.mantissa < 0 {
                throw Self.negativeCost("lines[\(index)].unit_cost")
            }
            if let amount = line.amount, amount.units < 0 {
                throw Self.negativeCost("lines[\(index)].amount")
            }
            if let number = line.line, number < 1 {
                throw .refused(
                    "line_number_invalid",
                    "Line numbers start at 1.",
                    field: "lines[\(index)].line"
                )
            }
            guard namesUnits, !line.serials.isEmpty else { continue }
            guard units.magnitude == UInt64(line.serials.count) else {
                throw .refused(
                    "serials_differ_from_quantity",
                    "The line is about \(units.magnitude) units and names \(line.serials.count).",
                    field: "lines[\(index)].serials"
                )
            }
        }
    }

    private func check(_ cost: LandedCost) throws(EngineError) {
        var sum = Money.zero
        for share in cost.shares {
            guard share.amount.units >= 0 else { throw Self.negativeCost("shares.amount") }
            sum = try sum.plus(share.amount)
        }
        guard cost.amount.units > 0, sum == cost.amount else {
            throw .refused(
                "shares_differ",
                "The shares do not add up to the cost.",
                field: "amount"
            )
        }
    }

    private func check(_ quantity: Quantity) throws(EngineError) {
        if quantity.units < 0 { throw Self.negative("quantity") }
    }

    private func check(_ properties: ItemProperties) throws(EngineError) {
        if let cost = properties.standardCost, cost.mantissa < 0 {
            throw Self.negativeCost("standard_cost")
        }
        if properties.safetyStock.units < 0 { throw Self.negative("safety_stock") }
        for conversion in properties.conversions
        where conversion.numerator <= 0 || conversion.denominator <= 0 {
            throw .refused(
                "conversion_invalid",
                "A conversion needs positive numbers.",
                field: "conversions"
            )
        }
    }

    private static func negative(_ field: String) -> EngineError {
        .refused("quantity_negative", "The quantity cannot be negative.", field: field)
    }

    private static func negativeCost(_ field: String) -> EngineError {
        .refused("cost_negative", "A cost cannot be negative.", field: field)
    }
}
