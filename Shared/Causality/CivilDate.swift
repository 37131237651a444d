/// A day of the Gregorian calendar.
@frozen
public struct CivilDate: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The year, 1 to 9999 where it was read from text.
    public let year: Int
    /// The month, 1 to 12.
    public let month: Int
    /// The day of the month, from 1.
    public let day: Int

    /// Makes a date, or `nil` if the calendar has no such day in the years 1 to 9999.
    public init?(year: Int, month: Int, day: Int) {
        guard
            1...9999 ~= year, 1...12 ~= month, day >= 1,
            day <= Self.dayCount(year: year, month: month)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// Reads `YYYY-MM-DD`, exactly.
    public init?(_ text: String) {
        var rest = text[...].utf8
        guard let date = TimeText.takeDate(from: &rest), rest.isEmpty else { return nil }
        self = date
    }

    /// Makes the date that is a number of days after 1970-01-01.
    ///
    /// Source: H. Hinnant, *chrono-Compatible Low-Level Date Algorithms* (2013): years start in
    /// March, so that the leap day comes last, and 400 years always have 146,097 days.
    ///
    /// - Parameter days: Within 10^9 of zero; 64 bits of microseconds reach a tenth of that.
    package init(daysSince1970 days: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// How many days this date is after 1970-01-01; negative before it.
    package var daysSince1970: Int {
        let yearFromMarch = month <= 2 ? year - 1 : year
        let era = (yearFromMarch >= 0 ? yearFromMarch : yearFromMarch - 399) / 400
        let yearOfEra = yearFromMarch - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The date as `YYYY-MM-DD`; a year outside 1 to 9999 carries a sign and cannot be read back.
    public var description: String {
        var text: [UInt8] = []
        TimeText.append(self, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Orders by time.
    @inlinable
    public static func < (first: CivilDate, second: CivilDate) -> Bool {
        if first.year != second.year { return first.year < second.year }
        if first.month != second.month { return first.month < second.month }
        return first.day < second.day
    }

    private static func dayCount(year: Int, month: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
