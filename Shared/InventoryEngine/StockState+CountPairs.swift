import Causality

/// Counts that meet another count of the same place, or the approval of one.
///
/// A count takes the place of those that it knows. Of two that did not know of each other one is
/// enough where they agree; where they differ, neither posts anything and somebody counts again.
extension StockState {
    /// The counts of the same places that the one at hand knows.
    mutating func knownCounts(
        _ current: Current,
        _ body: StockCount
    ) throws(EngineError) -> [DocumentID] {
        var known: [DocumentID] = []
        for line in body.lines {
            let stock = StockKey(home: current.site, sku: line.sku)
            for document in try counts(of: stock, line.location ?? .stock)
            where !known.contains(document) {
                let key = DocumentKey<CountRow>(home: current.site, document: document)
                guard let count = try cache.counts.row(key, from: reader),
                    !isConcurrent(current, with: count.recordedBy)
                else { continue }
                known.append(document)
            }
        }
        return known
    }

    private mutating func counts(
        of stock: StockKey,
        _ location: LocationID
    ) throws(EngineError) -> [DocumentID] {
        let key = CountedPlaceRow.Key(stock: stock, location: location)
        return try cache.countedPlaces.row(key, from: reader)?.counts ?? []
    }

    /// A count does what it was asked for before it.
    mutating func doRecounts(
        _ current: Current,
        _ body: StockCount
    ) throws(EngineError) {
        for line in body.lines {
            let key = TaskRow.Key(
                home: current.site,
                purpose: .recount,
                subject: (line.location ?? .stock).text,
                sku: line.sku
            )
            guard let task = try cache.tasks.row(key, from: reader), let asked = task.askedBy,
                !isConcurrent(current, with: asked)
            else { continue }
            try cache.tasks.set(key, to: nil, from: reader)
        }
    }

    /// Settles what a count and earlier ones of the same places propose.
    mutating func meetOtherCounts(
        _ current: Current,
        _ key: CountRow.Key,
        _ count: inout CountRow
    ) throws(EngineError) {
        for index in count.lines.indices {
            let line = count.lines[index]
            let stock = StockKey(home: key.home, sku: line.sku)
            let placeKey = CountedPlaceRow.Key(stock: stock, location: line.location)
            var row =
                try cache.countedPlaces.row(placeKey, from: reader) ?? CountedPlaceRow(counts: [])
            for document in row.counts where document != key.document {
                try meet(
                    current,
                    key,
                    &count,
                    index,
                    DocumentKey(home: key.home, document: document)
                )
            }
            row.counts.removeAll { $0 == key.document }
            row.counts.append(key.document)
            row.counts.removeFirst(max(0, row.counts.count - CountedPlaceRow.countsMax))
            try cache.countedPlaces.set(placeKey, to: row, from: reader)
        }
    }

    private mutating func meet(
        _ current: Current,
        _ key: CountRow.Key,
        _ count: inout CountRow,
        _ index: Int,
        _ otherKey: CountRow.Key
    ) throws(EngineError) {
        let line = count.lines[index]
        guard var other = try cache.counts.row(otherKey, from: reader), other.proposes,
            let place = other.lines.firstIndex(where: { $0.isSamePlace(as: line) })
        else { return }
        if !isConcurrent(current, with: other.recordedBy) {
            guard other.lines[place].withdrawnBy == nil else { return }
            other.lines[place].withdrawnBy = current.ref
            return try withdraw(other, otherKey)
        }
        let found = other.lines[place]
        guard found.withdrawnBy == nil || found.isDisputed else { return }
        let stock = StockKey(home: key.home, sku: line.sku)
        let (own, theirs) = (try line.variance(), try found.variance())
        if own == theirs, !found.isDisputed {
            // One is enough; what that one has posted is part of the other's book.
            try raiseCountsMeet(current, with: other.recordedBy, stock, line, agree: true)
            let isPosted = try isApproved(otherKey)
            if isPosted || other.recordedBy.id < current.event.id {
                count.lines[index].withdrawnBy = other.recordedBy
                other.replaces.append(key.document)
            } else {
                other.lines[place].withdrawnBy = current.ref
                count.replaces.append(otherKey.document)
            }
            return try withdraw(other, otherKey)
        }
        count.lines[index].withdrawnBy = other.recordedBy
        count.lines[index].isDisputed = true
        try raiseCountsMeet(current, with: other.recordedBy, stock, line, agree: false)
        let difference = try own.minus(theirs)
        let units = difference.units < 0 ? -difference : difference
        let open = units.isZero ? Quantity(units: 1) : units
        try addTask(.recount, line.location.text, stock, open, askedBy: current.ref)
        guard found.withdrawnBy == nil else { return }
        other.lines[place].withdrawnBy = current.ref
        other.lines[place].isDisputed = true
        if try isApproved(otherKey) {
            try cache.counts.set(otherKey, to: other, from: reader)
            try undo(other, otherKey, [found])
        } else {
            try withdraw(other, otherKey)
        }
    }

    private mutating func isApproved(_ key: CountRow.Key) throws(EngineError) -> Bool {
        let adjustment = DocumentKey<AdjustmentRow>(home: key.home, document: key.document)
        return try cache.adjustments.row(adjustment, from: reader)?.state == .approved
    }

    /// Keeps a count and brings what it proposes in line with what is left of it.
    private mutating func withdraw(
        _ count: CountRow,
        _ key: CountRow.Key
    ) throws(EngineError) {
        try cache.counts.set(key, to: count, from: reader)
        let adjustmentKey = DocumentKey<AdjustmentRow>(home: key.home, document: key.document)
        guard var adjustment = try cache.adjustments.row(adjustmentKey, from: reader),
            adjustment.state == .proposed
        else { return }
        adjustment.lines = try count.varianceLines()
        try cache.adjustments.set(adjustmentKey, to: adjustment, from: reader)
    }

    /// Proposes the opposite of what lines of a count have posted.
    private mutating func undo(
        _ count: CountRow,
        _ key: CountRow.Key,
        _ lines: [CountRow.Line]
    ) throws(EngineError) {
        for line in lines {
            var opposite: [DocumentLine] = []
            for var part in try line.varianceLines() {
                part.quantity = -part.quantity
                opposite.append(part)
            }
            guard !opposite.isEmpty else { continue }
            let stock = StockKey(home: key.home, sku: line.sku)
            try proposeCorrection(count, key, stock, opposite)
        }
    }

    // MARK: Approvals

    /// What an approval posts is part of the book of the counts in whose place its count is not any
    /// more, whenever it comes.
    mutating func correctReplacing(
        _ current: Current,
        _ approved: DocumentID,
        _ stock: StockKey,
        _ moved: [PostingRow.Line]
    ) throws(EngineError) {
        for line in moved {
            for document in try counts(of: stock, line.location) where document != approved {
                let key = DocumentKey<CountRow>(home: stock.home, document: document)
                guard var count = try cache.counts.row(key, from: reader),
                    count.replaces.contains(approved),
                    isConcurrent(current, with: count.recordedBy),
                    let index = count.lines.firstIndex(where: {
                        $0.sku == stock.sku && $0.covers(line)
                    })
                else { continue }
                try count.lines[index].add(line.delta, line.status)
                try cache.counts.set(key, to: count, from: reader)
                if count.proposes { try correct(count, key, stock, [line]) }
            }
        }
    }

    /// What an approval posts besides what is still proposed: lines that another count has
    /// withdrawn of which the approver did not know.
    mutating func withdrawnLines(
        _ current: Current,
        _ adjustment: DocumentID
    ) throws(EngineError) -> [DocumentLine] {
        let key = DocumentKey<CountRow>(home: current.site, document: adjustment)
        guard let count = try cache.counts.row(key, from: reader) else { return [] }
        var lines: [DocumentLine] = []
        var disputed: [CountRow.Line] = []
        for line in count.lines {
            guard let other = line.withdrawnBy, isConcurrent(current, with: other) else { continue }
            let stock = StockKey(home: key.home, sku: line.sku)
            lines += try line.varianceLines()
            if line.isDisputed {
                disputed.append(line)
            } else {
                try raiseApprovedMeanwhile(current, with: other, stock, adjustment)
            }
        }
        try undo(count, key, disputed)
        return lines
    }

    /// The count whose variance an event has posted; nil for any other event.
    mutating func approved(by event: EventID) throws(EngineError) -> DocumentID? {
        try located(event)?.event.body.approvedCount
    }

    // MARK: Records

    /// Pair 2: whether the movement is part of what was counted is for somebody to look at.
    mutating func raiseCountedAndMoved(
        _ current: Current,
        with other: EventRef,
        _ stock: StockKey,
        _ line: PostingRow.Line
    ) throws(EngineError) {
        try raiseConflict(
            .countedAndMoved,
            current,
            with: other,
            sku: stock.sku,
            subject: "\(stock.sku) at \(line.location)",
            resolution: "The variance is against the book as of the count, by the two clocks.",
            before: "counted and moved within the guard window, neither knowing of the other",
            after: "\(line.delta.units) units moved so near to the count that clocks may err",
            compensation: "Count the place again.",
            isResolved: true,
            at: stock.home
        )
    }

    /// Pair 6: an approval did not know that a newer count had taken the place of the older one.
    mutating func raiseApprovedMeanwhile(
        _ current: Current,
        with other: EventRef,
        _ stock: StockKey,
        _ older: DocumentID
    ) throws(EngineError) {
        try raiseConflict(
            .adjustedAndCounted,
            current,
            with: other,
            sku: stock.sku,
            subject: older.text,
            resolution: "What was approved stands, and is part of the newer count's book.",
            before: "\(older) approved and counted again, neither knowing of the other",
            after: "the newer count proposes only what is left",
            compensation: "None is needed.",
            isResolved: true
        )
    }

    /// Pair 7: two counts of one place.
    private mutating func raiseCountsMeet(
        _ current: Current,
        with other: EventRef,
        _ stock: StockKey,
        _ line: CountRow.Line,
        agree: Bool
    ) throws(EngineError) {
        try raiseConflict(
            .countedTwice,
            current,
            with: other,
            sku: stock.sku,
            subject: "\(stock.sku) at \(line.location)",
            resolution: agree
                ? "The counts agree: one of them is enough."
                : "The counts differ: neither posts anything, and what is posted is undone.",
            before: "counted twice, neither knowing of the other",
            after: agree ? "one variance is proposed" : "no variance is proposed",
            compensation: agree ? "None is needed." : "Count the place again.",
            isResolved: true
        )
    }
}

extension CountRow.Line {
    /// Whether another line is about the same units.
    fileprivate func isSamePlace(as other: CountRow.Line) -> Bool {
        sku == other.sku && location == other.location && lot == other.lot
            && status == other.status
    }
}
