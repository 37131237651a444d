import Causality

/// Counts: what somebody saw, against the book as of that moment, whenever its facts arrive.
///
/// The book of a count is made of the events that it knows and of concurrent ones that took effect
/// before it; with an explicit time it is made of all that took effect before that time. So the
/// variance is the same in whatever order a count and a fact arrive.
extension StockState {
    /// The place of the event at hand in the history of stock; a reversal takes the place of what
    /// it undoes.
    private func posting(_ current: Current) -> MovementKey {
        MovementKey(
            effective: report.valuedAt ?? current.effective,
            position: current.position ?? HubPosition(UInt64.max),
            sequence: current.event.id.sequence,
            index: 0
        )
    }

    /// Writes what the event at hand moved into the history, and corrects the counts for which it
    /// comes too late.
    mutating func writePostings(_ current: Current) throws(EngineError) {
        guard !report.moves.isEmpty else { return }
        let place = posting(current)
        for (stock, lines) in report.moves.sorted(by: { $0.key < $1.key }) {
            let row = PostingRow(event: current.event.id, lines: lines)
            try addPosting(row, stock, place, by: current.ref)
            if let approved = current.event.body.approvedCount {
                try correctReplacing(current, approved, stock, lines)
            }
            guard let counted = try cache.summaries.row(stock, from: reader)?.countedAt,
                place.effective <= counted.adding(microseconds: try countGuardMicroseconds())
            else { continue }
            try correctCounts(current, stock, place, lines)
        }
    }

    // MARK: Recording

    mutating func postCountRecorded(
        _ current: Current,
        _ recorded: StockCount
    ) throws(EngineError) {
        guard holds(current.site) else { return }
        var body = recorded
        body.count = try nameAdjustment(current, body.count)
        var count = CountRow(
            recordedBy: current.ref,
            actor: current.event.actor,
            proposes: body.proposes
        )
        count.hasOwnTime = current.event.at != nil
        let place = posting(current)
        let document = DocumentKey<CountRow>(home: current.site, document: body.count)
        try doRecounts(current, body)
        count.replaces = try knownCounts(current, body)
        for line in body.lines {
            try knownItem(line)
            let stock = StockKey(home: current.site, sku: line.sku)
            var counted = CountRow.Line(
                sku: line.sku,
                counted: line.quantity,
                location: line.location ?? .stock,
                lot: line.lot,
                status: line.status
            )
            for status in line.status.map({ [$0] }) ?? StockStatus.allCases {
                let key = BucketRow.Key(
                    home: current.site,
                    sku: line.sku,
                    location: counted.location,
                    lot: line.lot,
                    status: status
                )
                let quantity = try cache.buckets.row(key, from: reader)?.quantity ?? .zero
                try counted.add(quantity, status)
            }
            if report.serialTracked.contains(line.sku) { try compareSerials(stock, line) }
            try takeOutLater(current, stock, place, count.replaces, &counted)
            count.lines.append(counted)
            let marker = PostingRow(event: current.event.id, lines: [], count: body.count)
            try addPosting(marker, stock, place)
            try changeSummary(stock) { (summary) throws(EngineError) in
                summary.countedAt = max(summary.countedAt ?? place.effective, place.effective)
            }
        }
        let key = document
        if count.proposes { try meetOtherCounts(current, key, &count) }
        try cache.counts.set(key, to: count, from: reader)
        guard count.proposes else { return }
        // What another count withdraws is still a proposal: its approval may be on its way.
        var isVariance = false
        for line in count.lines where !isVariance { isVariance = try !line.variance().isZero }
        guard isVariance else { return }
        let variance = try count.varianceLines()
        try propose(count, key, as: body.count, variance)
        if current.position == nil || current.event.id.node == settings.node {
            dues.counted.append(key)
        }
    }

    /// Takes the counts whose variance the network's tolerance approves, as approvals to record.
    ///
    /// Each line must be within the tolerance by quantity, and all together within that by value;
    /// what has no tolerance is not limited by it, but without any nothing is approved by itself.
    /// A variance in stock that is worth nothing known is not approved by value.
    ///
    /// - Returns: One body per count; who records it is not the one who counted.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    package mutating func takeDueApprovals() throws(EngineError) -> [EventBody] {
        guard !dues.counted.isEmpty else { return [] }
        let counted = dues.counted
        dues.counted = []
        var bodies: [EventBody] = []
        for key in counted {
            let adjustmentKey = DocumentKey<AdjustmentRow>(home: key.home, document: key.document)
            guard let row = try cache.adjustments.row(adjustmentKey, from: reader),
                row.state == .proposed, try isTolerated(row.lines, at: key.home)
            else { continue }
            let approval = Adjustment(adjustment: key.document, reason: "within tolerance")
            bodies.append(.adjustmentApproved(approval))
        }
        return bodies
    }

    private mutating func isTolerated(
        _ lines: [DocumentLine],
        at home: SiteCode
    ) throws(EngineError) -> Bool {
        let most = ExactDecimal(policy: try value(of: .countToleranceQuantity))
        let worth = ExactDecimal(policy: try value(of: .countToleranceValue))
        guard most != nil || worth != nil else { return false }
        var total = Money.zero
        for line in lines {
            let units = line.quantity.units < 0 ? -line.quantity : line.quantity
            let item = try cache.items.row(ItemRow.Key(sku: line.sku), from: reader)
            // Which units it is about is for a person to say.
            if item?.properties.isSerialTracked ?? false { return false }
            if let most {
                guard let limit = most.units(at: item?.properties.scale ?? 0),
                    units.units <= limit
                else { return false }
            }
            guard worth != nil else { continue }
            let stock = StockKey(home: home, sku: line.sku)
            guard let pool = try cache.valuations.row(stock, from: reader)?.pool,
                try pool.quantity().units > 0
            else { return false }
            total = try total.plus(pool.value().share(units, of: pool.quantity()))
        }
        guard let worth else { return true }
        guard let limit = worth.units(at: settings.moneyScale) else { return false }
        return total.units <= limit
    }

    private mutating func propose(
        _ count: CountRow,
        _ key: CountRow.Key,
        as adjustment: DocumentID,
        _ lines: [DocumentLine]
    ) throws(EngineError) {
        try cache.adjustments.set(
            DocumentKey<AdjustmentRow>(home: key.home, document: adjustment),
            to: AdjustmentRow(
                proposedBy: count.recordedBy,
                proposer: count.actor,
                reason: "count \(key.document)",
                lines: lines
            ),
            from: reader
        )
    }

    /// Takes out of today's book what is no part of the book as of the count.
    private mutating func takeOutLater(
        _ current: Current,
        _ stock: StockKey,
        _ place: MovementKey,
        _ replaced: [DocumentID],
        _ line: inout CountRow.Line
    ) throws(EngineError) {
        let since = place.effective.adding(microseconds: -(try countGuardMicroseconds()))
        for (key, row) in try history(stock, since: since) where row.count == nil {
            let other = EventRef(
                id: row.event,
                position: key.place.position == HubPosition(UInt64.max) ? nil : key.place.position
            )
            let isUnknown = isConcurrent(current, with: other)
            var isLater = key.place > place && (current.event.at != nil || isUnknown)
            if isUnknown, let older = try approved(by: row.event), replaced.contains(older) {
                isLater = false
                try raiseApprovedMeanwhile(current, with: other, stock, older)
            }
            for moved in row.lines where line.covers(moved) {
                if isLater { try line.add(-moved.delta, moved.status) }
                if isUnknown, row.event.node != current.event.id.node {
                    try countAgain(current, with: other, stock, place, key.place, moved)
                }
            }
        }
    }

    /// Puts what the event at hand moved, or a count, into the history of a stock.
    private mutating func addPosting(
        _ row: PostingRow,
        _ stock: StockKey,
        _ place: MovementKey,
        by mover: EventRef? = nil
    ) throws(EngineError) {
        let last = try cache.summaries.row(stock, from: reader)?.lastPosting
        let newest = try insert(row, into: \.postings, stock, at: place, after: last)
        guard newest != last || mover != nil else { return }
        try changeSummary(stock) { (summary) throws(EngineError) in
            summary.lastPosting = newest
            if let mover { summary.movedBy.note(mover) }
        }
    }

    /// What was moved of a stock from a moment on, and the counts of it, oldest first.
    private mutating func history(
        _ stock: StockKey,
        since: Instant
    ) throws(EngineError) -> [(key: PostingRow.Key, row: PostingRow)] {
        let last = try cache.summaries.row(stock, from: reader)?.lastPosting
        return try history(\.postings, stock, from: last) { (place, _) in
            place.effective >= since
        }
    }

    /// Clocks differ: what another node moved within the guard window of a count may have been
    /// before it or after it, so somebody looks again.
    private mutating func countAgain(
        _ current: Current,
        with other: EventRef,
        _ stock: StockKey,
        _ count: MovementKey,
        _ moved: MovementKey,
        _ line: PostingRow.Line
    ) throws(EngineError) {
        let guarded = try countGuardMicroseconds()
        guard moved.effective <= count.effective.adding(microseconds: guarded),
            count.effective <= moved.effective.adding(microseconds: guarded)
        else { return }
        let units = line.delta.units < 0 ? -line.delta : line.delta
        try addTask(.recount, line.location.text, stock, units, askedBy: current.ref)
        try raiseCountedAndMoved(current, with: other, stock, line)
    }

    // MARK: Correcting

    /// Corrects the counts of a stock that the event at hand comes too late for.
    private mutating func correctCounts(
        _ current: Current,
        _ stock: StockKey,
        _ place: MovementKey,
        _ moved: [PostingRow.Line]
    ) throws(EngineError) {
        let since = place.effective.adding(microseconds: -(try countGuardMicroseconds()))
        for (key, marker) in try history(stock, since: since) {
            guard let document = marker.count else { continue }
            let countKey = DocumentKey<CountRow>(home: stock.home, document: document)
            guard var count = try cache.counts.row(countKey, from: reader) else { continue }
            let isUnknown = isConcurrent(current, with: count.recordedBy)
            let approved = current.event.body.approvedCount
            if let approved, count.replaces.contains(approved) { continue }
            let isPart = place < key.place && (count.hasOwnTime || isUnknown)
            let isOwnAdjustment = approved == document
            var correction: [PostingRow.Line] = []
            for line in moved {
                let places = count.lines.indices.filter {
                    count.lines[$0].sku == stock.sku && count.lines[$0].covers(line)
                }
                guard let index = places.first else { continue }
                if isUnknown, current.event.id.node != marker.event.node {
                    let counted = count.recordedBy
                    try countAgain(current, with: counted, stock, key.place, place, line)
                }
                guard isPart, !isOwnAdjustment else { continue }
                try count.lines[index].add(line.delta, line.status)
                correction.append(line)
            }
            guard !correction.isEmpty else { continue }
            try cache.counts.set(countKey, to: count, from: reader)
            if count.proposes { try correct(count, countKey, stock, correction) }
        }
    }

    /// Brings what a count proposed in line with its new variance; what is posted already gets an
    /// adjustment of its own.
    mutating func correct(
        _ count: CountRow,
        _ countKey: CountRow.Key,
        _ stock: StockKey,
        _ correction: [PostingRow.Line]
    ) throws(EngineError) {
        let document = countKey.document
        let key = DocumentKey<AdjustmentRow>(home: stock.home, document: document)
        guard let adjustment = try cache.adjustments.row(key, from: reader) else {
            let variance = try count.varianceLines()
            if !variance.isEmpty { try propose(count, countKey, as: document, variance) }
            return
        }
        switch adjustment.state {
        case .proposed:
            var changed = adjustment
            changed.lines = try count.varianceLines()
            try cache.adjustments.set(key, to: changed, from: reader)
        case .rejected: break
        case .approved:
            raise(
                "count_outdated",
                stock.sku,
                "\(stock.sku) was moved before count \(document), which is posted already.",
                at: stock.home
            )
            let lines = correction.map { line in
                DocumentLine(
                    sku: stock.sku,
                    quantity: -line.delta,
                    location: line.location,
                    lot: line.lot,
                    status: line.status
                )
            }
            try proposeCorrection(count, countKey, stock, lines)
        }
    }

    mutating func proposeCorrection(
        _ count: CountRow,
        _ countKey: CountRow.Key,
        _ stock: StockKey,
        _ lines: [DocumentLine]
    ) throws(EngineError) {
        for number in 1...CountRow.correctionsMax {
            guard let id = DocumentID("\(countKey.document)~\(number)") else { break }
            let key = DocumentKey<AdjustmentRow>(home: stock.home, document: id)
            guard var open = try cache.adjustments.row(key, from: reader) else {
                return try propose(count, countKey, as: id, lines)
            }
            guard open.state == .proposed else { continue }
            open.lines += lines
            return try cache.adjustments.set(key, to: open, from: reader)
        }
        // No name is left for a correction: people have to look.
        for line in lines {
            let units = line.quantity.units < 0 ? -line.quantity : line.quantity
            try addTask(.recount, line.location.text, stock, units)
        }
    }
}

extension EventBody {
    /// The count whose variance, or a correction of it, the event posts; or an adjustment's id.
    var approvedCount: DocumentID? {
        guard case .adjustmentApproved(let adjustment) = self else { return nil }
        let name = adjustment.adjustment.text
        guard let mark = name.lastIndex(of: "~"),
            name[mark...].dropFirst().utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return adjustment.adjustment }
        return DocumentID(String(name[..<mark]))
    }
}
