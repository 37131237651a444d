import Causality

/// In which month of the books an event is posted (domain.md, section 5, rule 9).
extension StockState {
    /// The network's time zone.
    package mutating func timeZone() throws(EngineError) -> NetworkTimeZone {
        let key = PolicyRow.Key(name: NetworkPolicy.timeZone.rawValue)
        guard let row = try cache.policies.row(key, from: reader) else { return .utc }
        return NetworkTimeZone(row.value) ?? .utc
    }

    /// The last closing; all months up to its are closed.
    package mutating func lastClosing() throws(EngineError) -> PeriodRow? {
        try cache.periods.row(PeriodRow.Key(period: nil), from: reader)
    }

    /// Whether the books of a month are closed.
    package mutating func isClosed(_ period: Period) throws(EngineError) -> Bool {
        try lastClosing().map { period <= $0.period } ?? false
    }

    mutating func postPeriodClosed(
        _ current: Current,
        _ body: PeriodClosing
    ) throws(EngineError) -> Verdict {
        if try isClosed(body.period) { return .duplicate }
        let row = PeriodRow(
            body,
            by: current.ref,
            at: current.receivedAt ?? current.effective,
            actor: current.event.actor
        )
        for key in [nil, body.period] {
            try cache.periods.set(PeriodRow.Key(period: key), to: row, from: reader)
        }
        return .accepted
    }

    /// On which day an event is posted.
    struct PostingDay {
        /// The day of its own time.
        var effective: CivilDate
        /// The day on which it is posted.
        var posted: CivilDate
        /// The closing that moved it.
        var closing: PeriodRow?
    }

    /// The day on which the event at hand is posted: its own, or the first of the first open month.
    mutating func postingDay(_ current: Current) throws(EngineError) -> PostingDay {
        let day = try timeZone().date(of: current.effective)
        guard let closing = try lastClosing(), Period(day) <= closing.period else {
            return PostingDay(effective: day, posted: day)
        }
        return PostingDay(effective: day, posted: closing.period.next.firstDay, closing: closing)
    }

    /// Adds what one entry posts at one site to the totals of its month.
    mutating func noteMonth(
        _ day: PostingDay,
        _ lines: [JournalLine],
        at home: SiteCode
    ) throws(EngineError) {
        for line in lines {
            let key = PeriodTotalRow.Key(
                home: home,
                account: line.account,
                period: Period(day.posted)
            )
            var total = try cache.periodTotals.row(key, from: reader) ?? PeriodTotalRow()
            if line.amount.units > 0 {
                total.debit = try total.debit.plus(line.amount)
            } else {
                total.credit = try total.credit.minus(line.amount)
            }
            try cache.periodTotals.set(key, to: total, from: reader)
        }
    }

    /// Says that the event at hand belongs to a month that is closed: a conflict if it did not know
    /// of the closing, else an exception (domain.md, section 4, pair 18).
    ///
    /// What follows from another event says nothing: that one did.
    mutating func noteLate(_ current: Current, _ day: PostingDay) throws(EngineError) {
        guard let closing = day.closing, current.event.body.kind != .derived else { return }
        let sku = report.journal.first?.sku
        let period = Period(day.effective)
        guard isConcurrent(current, with: closing.closedBy) else {
            raise(
                "period_closed",
                sku,
                "It belongs to \(period), which is closed, and is posted on \(day.posted)."
            )
            return
        }
        try raiseConflict(
            .lateForPeriod,
            current,
            with: closing.closedBy,
            sku: sku,
            subject: "\(period)",
            resolution: "The quantity counts from its own time; the value is posted on"
                + " \(day.posted), in the first month that is open.",
            before: "dated \(day.effective) by who did not know that \(closing.period) is closed",
            after: "posted on \(day.posted)",
            compensation: "None is needed; `journal --late` lists it.",
            isResolved: true
        )
    }
}
