import Causality

/// Decisions about what happens inside a site and between sites.
extension Decider {
    // MARK: Transfers

    mutating func requested(_ transfer: Transfer) throws(EngineError) -> Transfer {
        var transfer = try addressed(transfer)
        guard try known(transfer) == nil else {
            throw .refused(
                "transfer_exists",
                "Transfer \(transfer.transfer) is known already.",
                field: "transfer"
            )
        }
        transfer.lines = try resolve(transfer.lines, isClaim: true)
        try number(&transfer.lines)
        return transfer
    }

    /// Fills in the two sites of a transfer that leaves this one.
    private mutating func addressed(_ transfer: Transfer) throws(EngineError) -> Transfer {
        var transfer = transfer
        transfer.fromSite = transfer.fromSite ?? site
        let row = try known(transfer)
        guard let destination = transfer.toSite ?? row?.destination else {
            throw .refused("missing_field", "The other site is missing.", field: "to_site")
        }
        transfer.toSite = destination
        if transfer.fromSite == site {
            try checkSite(destination, field: "to_site")
        } else if let source = transfer.fromSite {
            try checkSite(source, field: "from_site")
        }
        if transfer.fromSite == site,
            let other = try copies(transfer).first(where: { $0.destination != destination }),
            other.requestedBy != nil || other.dispatchedBy.event != nil
        {
            throw .refused(
                "transfer_differs",
                "Transfer \(transfer.transfer) goes to \(other.destination).",
                field: "to_site",
                hint: "Give each destination a transfer of its own."
            )
        }
        return transfer
    }

    /// The transfer as this site knows it; without a destination the only one of its
    /// number, or the one that was asked for or left.
    mutating func known(_ transfer: Transfer) throws(EngineError) -> TransferRow? {
        let rows = try copies(transfer)
        if let destination = transfer.toSite {
            return rows.first { $0.destination == destination }
        }
        return rows.count == 1
            ? rows.first : rows.first { $0.requestedBy != nil || $0.dispatchedBy.event != nil }
    }

    /// All that this site knows under a transfer's number, one row a destination.
    private mutating func copies(_ transfer: Transfer) throws(EngineError) -> [TransferRow] {
        var prefix = ByteWriter()
        prefix.id(site)
        prefix.id(transfer.fromSite ?? site)
        prefix.id(transfer.transfer)
        return try state.cache.transfers.rows(
            from: prefix.bytes,
            to: upperBound(ofPrefix: prefix.bytes),
            limit: InventoryRules.destinationsMax,
            source: state.reader
        ).map(\.row)
    }

    mutating func cancelled(_ transfer: Transfer) throws(EngineError) -> Transfer {
        var transfer = try addressed(transfer)
        guard let row = try known(transfer) else {
            throw .refused(
                "unknown_transfer",
                "Transfer \(transfer.transfer) is not known.",
                field: "transfer"
            )
        }
        let isPart = !transfer.lines.isEmpty
        guard row.cancelledBy.event == nil, isPart || row.dispatchedBy.event == nil else {
            throw .refused(
                "already_decided",
                "Transfer \(transfer.transfer) has left or is cancelled.",
                field: "transfer",
                hint: "What has not left yet can be cancelled by its lines."
            )
        }
        if isPart { try checkCancelledLines(&transfer, row) }
        return transfer
    }

    /// A part of a transfer can be cancelled as far as it is asked for and has not left.
    private mutating func checkCancelledLines(
        _ transfer: inout Transfer,
        _ row: TransferRow
    ) throws(EngineError) {
        transfer.lines = try resolve(transfer.lines)
        try matchTransferLines(&transfer, row)
        var cancelled: [Int32: Quantity] = [:]
        for (index, line) in transfer.lines.enumerated() {
            guard let number = line.line, let known = try transferLine(transfer, number) else {
                throw .refused(
                    "unknown_transfer_line",
                    "Transfer \(transfer.transfer) has no such line.",
                    field: "lines[\(index)]"
                )
            }
            let before = cancelled[number] ?? .zero
            let open = try known.open().minus(before)
            guard line.quantity <= open else {
                throw .refused(
                    "nothing_to_cancel",
                    "Only \(open.units) units are left to cancel.",
                    field: "lines[\(index)].quantity"
                )
            }
            cancelled[number] = try before.plus(line.quantity)
        }
    }

    mutating func dispatched(_ transfer: Transfer) throws(EngineError) -> Transfer {
        var transfer = try addressed(transfer)
        guard transfer.fromSite == site else {
            throw .refused(
                "other_site",
                "Only the sending site can dispatch.",
                field: "from_site"
            )
        }
        let row = try known(transfer)
        if transfer.lines.isEmpty, let row {
            for number in row.lines {
                let line = try transferLine(transfer, number)
                guard let line, try line.open().units > 0 else { continue }
                transfer.lines.append(
                    EventLine(
                        sku: line.sku,
                        quantity: try line.open(),
                        scale: try item(line.sku, field: "sku").properties.scale,
                        line: number
                    )
                )
            }
        } else {
            transfer.lines = try resolve(transfer.lines)
        }
        guard !transfer.lines.isEmpty else {
            throw .refused("lines_missing", "At least one line is needed.", field: "lines")
        }
        try matchTransferLines(&transfer, row)
        transfer.lines = try transferLots(try splittingUnits(transfer.lines))
        try place(&transfer.lines)
        return transfer
    }

    private mutating func transferLine(
        _ transfer: Transfer,
        _ number: Int32
    ) throws(EngineError) -> TransferLineRow? {
        guard let destination = transfer.toSite else { return nil }
        let key = TransferLineRow.Key(
            home: site,
            source: transfer.fromSite ?? site,
            transfer: transfer.transfer,
            destination: destination,
            line: number
        )
        return try state.cache.transferLines.row(key, from: state.reader)
    }

    /// Gives every line its number: that of the known line of its SKU, else a new one.
    private mutating func matchTransferLines(
        _ transfer: inout Transfer,
        _ row: TransferRow?
    ) throws(EngineError) {
        var taken = Set(transfer.lines.compactMap(\.line))
        var next = (row?.lines.max() ?? 0)
        for index in transfer.lines.indices {
            let line = transfer.lines[index]
            if let number = line.line {
                if let known = try transferLine(transfer, number), known.sku != line.sku {
                    throw .refused(
                        "line_differs",
                        "Line \(number) is about \(known.sku).",
                        field: "lines[\(index)].sku"
                    )
                }
                continue
            }
            for number in row?.lines ?? [] where !taken.contains(number) {
                if try transferLine(transfer, number)?.sku == line.sku {
                    transfer.lines[index].line = number
                    break
                }
            }
            if transfer.lines[index].line == nil {
                repeat { next += 1 } while taken.contains(next)
                transfer.lines[index].line = next
            }
            if let number = transfer.lines[index].line { taken.insert(number) }
        }
    }

    mutating func received(_ transfer: Transfer) throws(EngineError) -> Transfer {
        var transfer = transfer
        guard let source = transfer.fromSite else {
            throw .refused("missing_field", "The sending site is missing.", field: "from_site")
        }
        transfer.toSite = site
        try checkSite(source, field: "from_site")
        let row = try known(transfer)
        transfer.lines = try resolve(transfer.lines)
        try matchTransferLines(&transfer, row)
        transfer.lines = try splittingUnits(transfer.lines)
        try fillArrived(&transfer.lines, row)
        try place(&transfer.lines)
        try requireLots(transfer.lines)
        return transfer
    }

    /// Fills in the lots that arrive, where the dispatch says which left.
    private mutating func fillArrived(
        _ lines: inout [EventLine],
        _ row: TransferRow?
    ) throws(EngineError) {
        guard let event = row?.dispatchedBy.event, let located = try state.located(event.id),
            case .transferDispatched(let sent) = located.event.body
        else { return }
        var filled: [EventLine] = []
        for line in lines {
            let left = sent.lines.filter {
                $0.line == line.line && $0.lot != nil
                    && (line.serials.isEmpty || !Set($0.serials).isDisjoint(with: line.serials))
            }
            guard line.lot == nil, let first = left.first else {
                filled.append(line)
                continue
            }
            var sum = Quantity.zero
            for part in left { sum = try sum.plus(part.quantity) }
            if Set(left.map(\.lot)).count == 1 {
                var one = line
                (one.lot, one.expiry) = (first.lot, first.expiry)
                filled.append(one)
            } else if sum == line.quantity {
                for part in left {
                    var one = line
                    (one.lot, one.expiry, one.quantity) = (part.lot, part.expiry, part.quantity)
                    filled.append(one)
                }
            } else {
                filled.append(line)
            }
        }
        lines = filled
    }

    mutating func settled(_ transfer: Transfer) throws(EngineError) -> Transfer {
        var transfer = transfer
        transfer.fromSite = transfer.fromSite ?? site
        try InventoryRules.checkText(transfer.reason, field: "reason")
        guard transfer.reason != nil else {
            throw .refused("missing_field", "A reason is needed.", field: "reason")
        }
        guard let row = try known(transfer) else {
            throw .refused(
                "unknown_transfer",
                "Transfer \(transfer.transfer) is not known.",
                field: "transfer"
            )
        }
        transfer.toSite = row.destination
        transfer.lines = try resolve(transfer.lines, .signed)
        try matchTransferLines(&transfer, row)
        for (index, line) in transfer.lines.enumerated() {
            let open = try transferLine(transfer, line.line ?? 0)?.inTransit() ?? .zero
            guard line.quantity.units.signum() == open.units.signum(),
                line.quantity.units.magnitude <= open.units.magnitude
            else {
                throw .refused(
                    "over_settled",
                    "Only \(open.units) units are open.",
                    field: "lines[\(index)].quantity"
                )
            }
        }
        return transfer
    }

    // MARK: Counts, adjustments, moves

    mutating func counted(_ count: StockCount) throws(EngineError) -> StockCount {
        let key = DocumentKey<CountRow>(home: site, document: count.count)
        guard try state.cache.counts.row(key, from: state.reader) == nil,
            try state.cache.adjustments.row(
                DocumentKey<AdjustmentRow>(home: site, document: count.count),
                from: state.reader
            ) == nil
        else {
            throw .refused("count_exists", "Count \(count.count) is known already.", field: "count")
        }
        var count = count
        count.lines = try resolve(count.lines, .zeroOrMore)
        try place(&count.lines)
        try requireLots(count.lines)
        return count
    }

    mutating func proposed(_ adjustment: Adjustment) throws(EngineError) -> Adjustment {
        let key = DocumentKey<AdjustmentRow>(home: site, document: adjustment.adjustment)
        guard try state.cache.adjustments.row(key, from: state.reader) == nil else {
            throw .refused(
                "adjustment_exists",
                "Adjustment \(adjustment.adjustment) is known already.",
                field: "adjustment"
            )
        }
        try InventoryRules.checkText(adjustment.reason, field: "reason")
        var adjustment = adjustment
        adjustment.lines = try resolve(adjustment.lines, .signed)
        try place(&adjustment.lines, status: .sellable)
        try requireLots(adjustment.lines)
        return adjustment
    }

    mutating func decided(
        _ adjustment: Adjustment,
        isApproved: Bool
    ) throws(EngineError) -> Adjustment {
        let key = DocumentKey<AdjustmentRow>(home: site, document: adjustment.adjustment)
        guard let row = try state.cache.adjustments.row(key, from: state.reader) else {
            throw .refused(
                "unknown_adjustment",
                "Adjustment \(adjustment.adjustment) is not known at \(site).",
                field: "adjustment"
            )
        }
        guard row.state == .proposed else {
            throw .refused(
                "already_decided",
                "Adjustment \(adjustment.adjustment) is \(row.state.text) already.",
                field: "adjustment"
            )
        }
        let countKey = DocumentKey<CountRow>(home: site, document: adjustment.adjustment)
        let count = try state.cache.counts.row(countKey, from: state.reader)
        let isWithdrawn = count?.lines.contains { $0.withdrawnBy != nil } ?? false
        guard !isApproved || !row.lines.isEmpty || !isWithdrawn else {
            throw .refused(
                "superseded",
                "Another count of the same place has taken the place of \(adjustment.adjustment).",
                field: "adjustment",
                hint: "See the newer count, or count again."
            )
        }
        let isSingle = try state.value(of: .approval) == "single"
        guard !isApproved || isSingle || actor != row.proposer else {
            throw .refused(
                "approver_is_proposer",
                "An adjustment is approved by another than its proposer.",
                field: "actor",
                hint: "Name the person who approves as actor."
            )
        }
        return Adjustment(adjustment: adjustment.adjustment, reason: adjustment.reason)
    }

    mutating func moved(_ change: StockChange) throws(EngineError) -> StockChange {
        var change = change
        change.lines = try resolve(change.lines)
        try place(&change.lines, status: .sellable)
        try fillLots(&change.lines)
        for index in change.lines.indices {
            guard let to = change.lines[index].toLocation else {
                throw .refused(
                    "missing_field",
                    "A move needs a place to move to.",
                    field: "lines[\(index)].to"
                )
            }
            try checkLocation(to, field: "lines[\(index)].to")
            guard to != change.lines[index].location else {
                throw .refused(
                    "same_location",
                    "A move needs two places.",
                    field: "lines[\(index)].to"
                )
            }
        }
        return change
    }

    mutating func statusChanged(_ change: StockChange) throws(EngineError) -> StockChange {
        var change = change
        try InventoryRules.checkText(change.reason, field: "reason")
        change.lines = try resolve(change.lines)
        try place(&change.lines)
        for (index, line) in change.lines.enumerated() {
            guard let from = line.status, let to = line.toStatus else {
                throw .refused(
                    "missing_field",
                    "A change of status needs both.",
                    field: "lines[\(index)].to_status"
                )
            }
            guard from != to else {
                throw .refused(
                    "same_status",
                    "The status is \(to.text) already.",
                    field: "lines[\(index)].to_status"
                )
            }
        }
        try fillLots(&change.lines)
        return change
    }

    mutating func scrapped(_ change: StockChange) throws(EngineError) -> StockChange {
        var change = change
        try InventoryRules.checkText(change.reason, field: "reason")
        change.lines = try resolve(change.lines)
        try place(&change.lines, status: .sellable)
        try fillLots(&change.lines)
        return change
    }

    mutating func reversed(_ reversal: Reversal) throws(EngineError) -> Reversal {
        try InventoryRules.checkText(reversal.reason, field: "reason")
        guard try state.reversalMark(of: reversal.event, at: site) == nil else {
            throw .refused(
                "already_reversed",
                "The event \(reversal.event) is reversed already.",
                field: "event"
            )
        }
        guard let located = try state.located(reversal.event) else {
            throw .refused(
                "unknown_event",
                "The event \(reversal.event) is not known here.",
                field: "event"
            )
        }
        guard located.event.site == site else {
            throw .refused(
                "other_site",
                "The event belongs to \(located.event.site).",
                field: "event"
            )
        }
        try state.checkPosted(located)
        return reversal
    }
}
