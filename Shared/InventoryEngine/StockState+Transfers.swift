import Causality

/// Transfers: goods on the way from one site to another, with their value.
extension StockState {
    func sites(
        _ current: Current,
        _ body: Transfer
    ) -> (source: SiteCode, destination: SiteCode) {
        (body.fromSite ?? current.site, body.toSite ?? current.site)
    }

    /// Changes both sites' copies of a transfer, as far as they are held.
    private mutating func changeTransfer(
        _ current: Current,
        _ body: Transfer,
        _ change: (inout TransferRow) -> Void
    ) throws(EngineError) {
        let (source, destination) = sites(current, body)
        for home in Set([source, destination]) where holds(home) {
            let key = TransferRow.Key(
                home: home,
                source: source,
                transfer: body.transfer,
                destination: destination
            )
            var row =
                try cache.transfers.row(key, from: reader) ?? TransferRow(destination: destination)
            for line in body.lines {
                if let number = line.line, !row.lines.contains(number) {
                    row.lines.append(number)
                    row.lines.sort()
                }
            }
            change(&row)
            try cache.transfers.set(key, to: row, from: reader)
        }
    }

    private mutating func transfer(
        _ current: Current,
        _ body: Transfer
    ) throws(EngineError) -> TransferRow? {
        let (source, destination) = sites(current, body)
        for home in [source, destination] where holds(home) {
            let key = TransferRow.Key(
                home: home,
                source: source,
                transfer: body.transfer,
                destination: destination
            )
            if let row = try cache.transfers.row(key, from: reader) { return row }
        }
        return nil
    }

    /// One copy of a transfer line, whichever site's is held; both are the same.
    mutating func transferLine(
        _ current: Current,
        _ body: Transfer,
        _ line: EventLine
    ) throws(EngineError) -> TransferLineRow {
        let (source, destination) = sites(current, body)
        for home in [source, destination] where holds(home) {
            let key = TransferLineRow.Key(
                home: home,
                source: source,
                transfer: body.transfer,
                destination: destination,
                line: line.line ?? 1
            )
            if let row = try cache.transferLines.row(key, from: reader) { return row }
        }
        return TransferLineRow(sku: line.sku)
    }

    /// Writes both sites' copies of a line, as far as they are held.
    private mutating func setCopies(
        _ current: Current,
        _ body: Transfer,
        _ number: Int32,
        to row: TransferLineRow
    ) throws(EngineError) {
        let (source, destination) = sites(current, body)
        for home in Set([source, destination]) where holds(home) {
            let key = TransferLineRow.Key(
                home: home,
                source: source,
                transfer: body.transfer,
                destination: destination,
                line: number
            )
            try setTransferLine(key, to: row)
        }
    }

    private mutating func setTransferLines(
        _ current: Current,
        _ body: Transfer,
        _ line: EventLine,
        to row: TransferLineRow
    ) throws(EngineError) {
        let (source, destination) = sites(current, body)
        try setCopies(current, body, line.line ?? 1, to: row)
        let key = TransferLineRow.Key(
            home: source,
            source: source,
            transfer: body.transfer,
            destination: destination,
            line: line.line ?? 1
        )
        if holds(source) { dues.flows[key] = current.event.id }
    }

    /// Posts a step of a transfer between two different sites, which may come into the network later.
    mutating func postTransfer(
        _ current: Current,
        _ body: Transfer
    ) throws(EngineError) -> Verdict {
        let (source, destination) = sites(current, body)
        guard source != destination else {
            throw .refused("same_site", "The other site is the own one.")
        }
        switch current.event.body {
        case .transferRequested: try postTransferRequested(current, body)
        case .transferCancelled: return try postTransferCancelled(current, body)
        case .transferDispatched: try postTransferDispatched(current, body)
        case .transferReceived: try postTransferReceived(current, body)
        default: return try postTransferSettled(current, body)
        }
        return .accepted
    }

    private mutating func postTransferRequested(
        _ current: Current,
        _ body: Transfer
    ) throws(EngineError) {
        try changeTransfer(current, body) { $0.requestedBy = current.ref }
        for line in body.lines {
            try knownItem(line)
            var row = try transferLine(current, body, line)
            row.requested = line.quantity
            try setTransferLines(current, body, line, to: row)
        }
    }

    /// A cancelled transfer is not dispatched any more; a dispatch that did not know wins.
    private mutating func postTransferCancelled(
        _ current: Current,
        _ body: Transfer
    ) throws(EngineError) -> Verdict {
        guard let row = try transfer(current, body) else {
            throw .refused("unknown_transfer", "Transfer \(body.transfer) is not known.")
        }
        guard body.lines.isEmpty else { return try cancelLines(current, body) }
        try changeTransfer(current, body) { $0.cancelledBy.note(current.ref) }
        guard row.dispatchedBy.event != nil else { return .accepted }
        if let dispatch = unknown(row.dispatchedBy, to: current) {
            try raiseDispatchWins(current, body, with: dispatch)
        } else {
            raise(
                "transfer_already_dispatched",
                nil,
                "Transfer \(body.transfer) had left when it was cancelled."
            )
        }
        return .adjusted
    }

    /// Cancels a part of a transfer; what has left already stays on its way.
    private mutating func cancelLines(
        _ current: Current,
        _ body: Transfer
    ) throws(EngineError) -> Verdict {
        var isWhole = true
        for line in body.lines {
            try knownItem(line)
            var row = try transferLine(current, body, line)
            let lostBefore = try row.lost()
            row.cancelled = try row.cancelled.plus(line.quantity)
            guard row.sku == line.sku, row.cancelled <= row.requested else {
                throw .refused(
                    "already_decided",
                    "Less of \(line.sku) is left of transfer \(body.transfer) to cancel."
                )
            }
            row.cancelledBy.note(current.ref)
            row.note(.cancelled, current.ref, line.quantity)
            let lost = try row.lost().minus(lostBefore)
            let sent = try unknownUnits(.sent, of: row, current, atMost: lost)
            try askBack(current, body, line.line, &row, sent)
            try setTransferLines(current, body, line, to: row)
            guard lost.units > 0 else { continue }
            isWhole = false
            try letDispatchWin(current, body, line, row.dispatchedBy) {
                (
                    "transfer_already_dispatched",
                    "\(line.sku) of \(body.transfer) had left when it was cancelled."
                )
            }
        }
        return isWhole ? .accepted : .adjusted
    }

    /// Asks units back that have left, and none that are asked back already.
    private mutating func askBack(
        _ current: Current,
        _ body: Transfer,
        _ number: Int32?,
        _ row: inout TransferLineRow,
        _ quantity: Quantity
    ) throws(EngineError) {
        let asked = min(quantity, try row.dispatched.minus(row.askedBack).clampedToZero)
        row.askedBack = try row.askedBack.plus(asked)
        try addTask(
            .returnTransfer,
            "\(body.transfer)/\(number ?? 1)",
            StockKey(home: sites(current, body).destination, sku: row.sku),
            asked
        )
    }

    /// What left although it was cancelled is on its way.
    private mutating func letDispatchWin(
        _ current: Current,
        _ body: Transfer,
        _ line: EventLine,
        _ other: Latest,
        _ exception: () -> (code: String, sentence: String)
    ) throws(EngineError) {
        if let other = unknown(other, to: current) {
            let subject = "\(body.transfer)/\(line.line ?? 1)"
            try raiseDispatchWon(current, with: other, sku: line.sku, subject)
        } else {
            let (code, sentence) = exception()
            raise(code, line.sku, sentence)
        }
    }

    private mutating func raiseDispatchWon(
        _ current: Current,
        with other: EventRef,
        sku: SKU?,
        _ subject: String
    ) throws(EngineError) {
        try raiseConflict(
            .transferCancelledTooLate,
            current,
            with: other,
            sku: sku,
            subject: subject,
            resolution: "The dispatch stands; the cancellation came too late.",
            before: "cancelled and dispatched, neither knowing of the other",
            after: "in transit",
            compensation: "Send the goods back with a transfer of their own.",
            isResolved: true
        )
    }

    private mutating func raiseDispatchWins(
        _ current: Current,
        _ body: Transfer,
        with other: EventRef
    ) throws(EngineError) {
        try raiseDispatchWon(current, with: other, sku: nil, body.transfer.text)
        let (source, destination) = sites(current, body)
        guard let row = try transfer(current, body) else { return }
        for number in row.lines {
            let known = try transferLineRow(source, destination, body.transfer, number)
            guard var line = known else { continue }
            let sent = try unknownUnits(.sent, of: line, current, atMost: line.dispatched)
            try askBack(current, body, number, &line, sent)
            try setCopies(current, body, number, to: line)
        }
    }

    private mutating func transferLineRow(
        _ source: SiteCode,
        _ destination: SiteCode,
        _ transfer: DocumentID,
        _ number: Int32
    ) throws(EngineError) -> TransferLineRow? {
        for home in [source, destination] where holds(home) {
            let key = TransferLineRow.Key(
                home: home,
                source: source,
                transfer: transfer,
                destination: destination,
                line: number
            )
            if let row = try cache.transferLines.row(key, from: reader) { return row }
        }
        return nil
    }

    private mutating func postTransferDispatched(
        _ current: Current,
        _ body: Transfer
    ) throws(EngineError) {
        let (source, destination) = sites(current, body)
        let known = try transfer(current, body)
        let cancel = known.flatMap { unknown($0.cancelledBy, to: current) }
        try changeTransfer(current, body) { $0.dispatchedBy.note(current.ref) }
        for line in body.lines {
            let item = try knownItem(line)
            let stock = StockKey(home: source, sku: line.sku)
            try noteExpiry(stock, line)
            try noteExpiry(StockKey(home: destination, sku: line.sku), line)
            try takeOut(stock, line, .sellable)
            try recallQuarantined(current, stock, line)
            let sent = try issue(
                current,
                stock,
                line.quantity,
                account: .goodsInTransit,
                reference: .transferLine(
                    source: source,
                    destination: destination,
                    transfer: body.transfer,
                    line: line.line ?? 1
                ),
                carries: true
            )
            var row = try transferLine(current, body, line)
            row.flow = try row.flowSoFar(isPooled: item.properties.costing != .fifo)
            try takeBackGain(current, body, line, &row)
            let lostBefore = try row.lost()
            row.dispatched = try row.dispatched.plus(line.quantity)
            row.transitValue = try row.transitValue.plus(sent.value)
            try row.flow.add(
                TransitFlow.Step(
                    .sent,
                    line.quantity,
                    movement: sent.movement,
                    parts: sent.parts
                )
            )
            row.dispatchedBy.note(current.ref)
            row.note(.sent, current.ref, line.quantity)
            let lost = try row.lost().minus(lostBefore)
            // What the sender knew to be cancelled and sent nevertheless is not asked back.
            let unaware = try unknownUnits(.cancelled, of: row, current, atMost: lost)
            let asked = cancel == nil ? unaware : line.quantity
            try askBack(current, body, line.line, &row, asked)
            try setTransferLines(current, body, line, to: row)
            if lost.units > 0 {
                let sentence = "\(line.sku) of \(body.transfer) left although cancelled."
                if unaware.units > 0, unaware < lost {
                    raise("dispatched_after_cancel", line.sku, sentence)
                }
                try letDispatchWin(current, body, line, row.cancelledBy) {
                    ("dispatched_after_cancel", sentence)
                }
            }
            if row.received.units > 0, let receipt = unknown(row.lastReceipt, to: current) {
                try raiseReceivedEarly(current, body, line, with: receipt)
                try raiseDifference(current, body, line, row, with: receipt)
            }
        }
        if let cancel {
            try raiseDispatchWon(current, with: cancel, sku: nil, body.transfer.text)
        } else if known?.cancelledBy.event != nil {
            raise("dispatched_after_cancel", nil, "\(body.transfer) left although cancelled.")
        }
    }

    private mutating func postTransferReceived(
        _ current: Current,
        _ body: Transfer
    ) throws(EngineError) {
        let (source, destination) = sites(current, body)
        try changeTransfer(current, body) { _ in }
        for line in body.lines {
            let isFirstInFirstOut = try knownItem(line).properties.costing == .fifo
            var row = try transferLine(current, body, line)
            try takeBackWriteOff(current, body, line, &row)
            let stock = StockKey(home: destination, sku: line.sku)
            let inTransit = try row.inTransit()
            let held = try heldBack(current, body, line, row, inTransit)
            let location = line.location ?? .stock
            try noteExpiry(stock, line)
            try moveStock(
                stock,
                location,
                line.lot,
                .sellable,
                by: line.quantity.minus(held)
            )
            try moveStock(stock, location, line.lot, .hold, by: held)
            var arrived = try worth(of: line.quantity, &row, isPooled: !isFirstInFirstOut)
            let (value, movement) = try enter(
                current,
                stock,
                line.quantity,
                rule: .given,
                given: arrived.value,
                account: .goodsInTransit,
                accountSite: source,
                reference: .transferLine(
                    source: source,
                    destination: destination,
                    transfer: body.transfer,
                    line: line.line ?? 1
                ),
                in: arrived.parts,
                carries: true
            )
            arrived.settle(line.quantity, at: value)
            row.received = try row.received.plus(line.quantity)
            row.transitValue = try row.transitValue.minus(value)
            try row.flow.add(
                TransitFlow.Step(
                    .received,
                    line.quantity,
                    movement: movement,
                    parts: arrived.parts,
                    beyond: arrived.beyond
                )
            )
            row.lastReceipt.note(current.ref)
            row.lastReceiptMovement = movement ?? row.lastReceiptMovement
            try setTransferLines(current, body, line, to: row)
            if let dispatch = unknown(row.dispatchedBy, to: current) {
                try raiseReceivedEarly(current, body, line, with: dispatch)
                try raiseDifference(current, body, line, row, with: dispatch)
            } else if row.dispatchedBy.event != nil {
                guard try row.inTransit().units < 0, held.isZero else { continue }
                raise(
                    "over_receipt",
                    line.sku,
                    "More of \(line.sku) arrived on \(body.transfer) than is on its way."
                )
            } else {
                raise(
                    "received_before_dispatch",
                    line.sku,
                    "\(body.transfer) arrived before its dispatch is known."
                )
            }
        }
    }

    /// What arrives beyond what is in transit after a concurrent receipt of the same line may be
    /// the same goods: it is held back.
    private mutating func heldBack(
        _ current: Current,
        _ body: Transfer,
        _ line: EventLine,
        _ row: TransferLineRow,
        _ inTransit: Quantity
    ) throws(EngineError) -> Quantity {
        guard row.dispatchedBy.event != nil, line.quantity > inTransit,
            let last = unknown(row.lastReceipt, to: current)
        else { return .zero }
        let excess = min(try line.quantity.minus(inTransit.clampedToZero), line.quantity)
        try raiseConflict(
            .receivedTwice,
            current,
            with: last,
            sku: line.sku,
            subject: "\(body.transfer)/\(line.line ?? 1)",
            resolution: "Both receipts stand; what exceeds the dispatch is on hold.",
            before: "in transit \(inTransit.units)",
            after: "on hold \(excess.units)",
            compensation: "Look whether the goods are there twice, then settle or reverse.",
            isResolved: false
        )
        return excess
    }

    /// What units are worth that arrive: those on their way take their parts along, those beyond
    /// are taken to be worth what those on their way are.
    private mutating func worth(
        of quantity: Quantity,
        _ row: inout TransferLineRow,
        isPooled: Bool
    ) throws(EngineError) -> Arrival {
        row.flow = try row.flowSoFar(isPooled: isPooled)
        var arrival = Arrival(parts: try row.flow.worth(of: quantity))
        var left = quantity
        for part in arrival.parts { left = try left.minus(part.quantity) }
        let inTransit = try row.inTransit()
        if left.isZero {
            arrival.value = try arrival.parts.total()
        } else if inTransit.units > 0 {
            let beyond = CostPart(
                value: try row.transitValue.share(left, of: inTransit),
                quantity: left
            )
            arrival.beyond = beyond
            arrival.parts.append(beyond)
            arrival.value = try arrival.parts.total()
        }
        return arrival
    }

    /// What units are worth that arrive by transfer.
    private struct Arrival {
        var parts: [CostPart]
        /// What is not on its way.
        var beyond: CostPart?
        /// Nil where nothing on its way says what they are worth.
        var value: Money?

        /// Takes the value that the destination found where nothing said it.
        mutating func settle(_ quantity: Quantity, at found: Money) {
            guard value == nil else { return }
            let beyond = CostPart(value: found, quantity: quantity)
            self.beyond = beyond
            parts = [beyond]
        }
    }

    private mutating func postTransferSettled(
        _ current: Current,
        _ body: Transfer
    ) throws(EngineError) -> Verdict {
        let (source, _) = sites(current, body)
        var isWhole = true
        guard try transfer(current, body) != nil else {
            throw .refused("unknown_transfer", "Transfer \(body.transfer) is not known.")
        }
        for line in body.lines {
            let item = try knownItem(line)
            var row = try transferLine(current, body, line)
            let inTransit = try row.inTransit()
            let isShort = line.quantity.units > 0
            var quantity = line.quantity
            if isShort, quantity > inTransit, let receipt = unknown(row.lastReceipt, to: current) {
                quantity = min(quantity, inTransit.clampedToZero)
                isWhole = false
                let arrived = try line.quantity.minus(quantity)
                try raiseWriteOff(current, body, line, arrived, with: receipt)
                if quantity.isZero { continue }
            }
            if !isShort, quantity < inTransit, let dispatch = unknown(row.dispatchedBy, to: current)
            {
                // What was sent without being known is no gain.
                quantity = max(quantity, min(inTransit, .zero))
                isWhole = false
                try raiseNoGain(
                    current,
                    body,
                    line,
                    quantity.minus(line.quantity),
                    with: dispatch
                )
                if quantity.isZero { continue }
            }
            guard isShort == (inTransit.units > 0),
                quantity.units.magnitude <= inTransit.units.magnitude
            else {
                throw .refused(
                    "already_decided",
                    "Only \(inTransit.units) units of \(line.sku) are open on \(body.transfer)."
                )
            }
            row.flow = try row.flowSoFar(isPooled: item.properties.costing != .fifo)
            var step = TransitFlow.Step(isShort ? .lost : .gained, isShort ? quantity : -quantity)
            step.parts = try row.flow.worth(of: step)
            try row.flow.add(step)
            let total = try step.parts.total()
            let value = isShort ? total : -total
            row.settled = try row.settled.plus(quantity)
            row.transitValue = try row.transitValue.minus(value)
            if isShort {
                row.writtenOff = try row.writtenOff.plus(quantity)
                row.writtenOffValue = try row.writtenOffValue.plus(value)
                row.writtenOffBy.note(current.ref)
                row.note(.lost, current.ref, quantity)
            } else {
                row.gained = try row.gained.minus(quantity)
                row.gainedValue = try row.gainedValue.minus(value)
                row.gainedBy.note(current.ref)
                row.note(.gained, current.ref, -quantity)
            }
            try post(source, .goodsInTransit, line.sku, -value)
            try post(source, isShort ? .transitLoss : .transitGain, line.sku, value)
            try setTransferLines(current, body, line, to: row)
        }
        return isWhole ? .accepted : .adjusted
    }
}
