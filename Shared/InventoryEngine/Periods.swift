public import Causality

/// A month of the books.
public struct Period: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first day of the month.
    public let firstDay: CivilDate

    /// The month that a day is in.
    public init(_ date: CivilDate) {
        firstDay = CivilDate(year: date.year, month: date.month, day: 1) ?? date
    }

    /// Reads `YYYY-MM`, exactly.
    public init?(_ text: String) {
        guard let date = CivilDate("\(text)-01") else { return nil }
        firstDay = date
    }

    /// Makes the month that is so many months after the first of year 0; nil outside the years 1 to
    /// 9999.
    init?(number: UInt64) {
        guard let number = Int(exactly: number),
            let date = CivilDate(year: number / 12, month: number % 12 + 1, day: 1)
        else { return nil }
        firstDay = date
    }

    /// How many months it is after the first of year 0.
    var number: UInt64 { UInt64(max(0, firstDay.year * 12 + firstDay.month - 1)) }

    /// The month after it; itself at the end of the calendar.
    public var next: Period { Period(number: number + 1) ?? self }

    /// The month as `YYYY-MM`.
    public var description: String { String(firstDay.description.dropLast(3)) }

    /// Whether a day is in it.
    public func contains(_ date: CivilDate) -> Bool {
        date.year == firstDay.year && date.month == firstDay.month
    }

    /// Orders by time.
    public static func < (first: Period, second: Period) -> Bool {
        first.firstDay < second.firstDay
    }
}

/// The end of a month of the books, and of all before it: what becomes known of it later is posted
/// in the first month that is open.
public struct PeriodClosing: Hashable, Sendable {
    /// The month.
    public var period: Period
    /// Why it is closed although nodes are silent; nil where none was, or nobody may.
    public var override: String?
    /// The nodes that had not shown that they hold nothing back of that month.
    public var silent: [NodeID]

    /// How long the reason of an override may be.
    public static let overrideBytesMax = 1_000

    /// Makes a closing.
    public init(period: Period, override: String? = nil, silent: [NodeID] = []) {
        self.period = period
        self.override = override
        self.silent = silent
    }
}

/// A closed month of the books.
package struct PeriodRow: Row {
    package static let kind = RowKind.period
    package static let layer: Layer? = .network

    package struct Key: RowKey {
        /// The month; nil for the row that repeats the last closing.
        package var period: Period?
        package var site: SiteCode? { nil }

        package init(period: Period?) { self.period = period }

        package func encode(into writer: inout ByteWriter) {
            writer.ordered(period?.number ?? 0)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            let number = try reader.ordered()
            period = Period(number: number)
            guard period != nil || number == 0 else {
                throw .damaged("A stored period is no month.")
            }
        }
    }

    package var period: Period
    package var closedBy: EventRef
    package var closedAt: Instant
    package var actor: ActorID?
    package var override: String?
    package var silent: [NodeID]

    package init(
        _ closing: PeriodClosing,
        by event: EventRef,
        at instant: Instant,
        actor: ActorID? = nil
    ) {
        period = closing.period
        closedBy = event
        closedAt = instant
        self.actor = actor
        override = closing.override
        silent = closing.silent
    }

    package func encode(into writer: inout ByteWriter) {
        writer.ordered(period.number)
        writer.reference(closedBy)
        writer.signed(closedAt.microseconds)
        writer.id(actor)
        writer.optional(override) { $0.text($1) }
        writer.varint(UInt64(silent.count))
        for node in silent { writer.node(node) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        guard let period = Period(number: try reader.ordered()) else {
            throw .damaged("A stored period is no month.")
        }
        self.period = period
        closedBy = try reader.reference()
        closedAt = Instant(microseconds: try reader.signed())
        actor = try reader.optionalID()
        override = try reader.optional { (r) throws(EngineError) in try r.text() }
        silent = []
        for _ in 0..<(try reader.varint()) { silent.append(try reader.node()) }
    }
}

/// What is posted to one account of one site in one month.
package struct PeriodTotalRow: Row {
    package static let kind = RowKind.periodTotal
    package static let layer: Layer? = nil

    package struct Key: RowKey {
        package var home: SiteCode
        package var account: Account
        package var period: Period
        package var site: SiteCode? { home }

        package init(home: SiteCode, account: Account, period: Period) {
            self.home = home
            self.account = account
            self.period = period
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.byte(account.rawValue)
            writer.ordered(period.number)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            home = try reader.id()
            account = try reader.raw(Account.self)
            guard let period = Period(number: try reader.ordered()) else {
                throw .damaged("A stored period is no month.")
            }
            self.period = period
        }
    }

    package var debit = Money.zero
    package var credit = Money.zero

    package init() {}

    package func encode(into writer: inout ByteWriter) {
        writer.money(debit)
        writer.money(credit)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        debit = try reader.money()
        credit = try reader.money()
    }
}
