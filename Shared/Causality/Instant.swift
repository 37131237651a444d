/// A point in time: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
@frozen
public struct Instant: Hashable, Comparable, Sendable {
    /// Microseconds since 1970-01-01T00:00:00Z; negative before it.
    public let microseconds: Int64

    /// Makes an instant from its microseconds.
    @inlinable
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Reads a time as RFC 3339 writes it, and two shorter forms that people type.
    ///
    /// | Text                          | Read as                                            |
    /// | ----------------------------- | -------------------------------------------------- |
    /// | `2026-11-23T10:15:00Z`        | as it says; `t` and `z` may be lower case          |
    /// | `2026-11-23T10:15:00.5+01:00` | 2026-11-23T09:15:00.5Z                             |
    /// | `2026-11-23 10:15:00`         | UTC; with a blank the zone may be left out         |
    /// | `2026-11-23`                  | the first moment of that day in UTC                |
    ///
    /// A fraction has 1 to 9 digits; what is below a microsecond is cut off. Everything else
    /// gives `nil`: a day that the month does not have, second 60, hour 24, a zone of 24 hours or
    /// more, `T` without a zone, blanks around the text, and any instant outside the years 1 to
    /// 9999 of UTC.
    ///
    /// Source: RFC 3339, *Date and Time on the Internet: Timestamps* (2002), section 5.6.
    public init?(rfc3339 text: String) {
        guard let time = TimeText.read(text) else { return nil }
        self = time.instant
    }

    /// Returns the instant that is later by a number of microseconds, or earlier if negative.
    ///
    /// - Parameter microseconds: How much later; any value.
    /// - Returns: The sum; where 64 bits cannot hold it, the last or first instant that they can.
    @inlinable
    public func adding(microseconds: Int64) -> Instant {
        let (sum, overflow) = self.microseconds.addingReportingOverflow(microseconds)
        if overflow { return Instant(microseconds: microseconds < 0 ? .min : .max) }
        return Instant(microseconds: sum)
    }

    /// How much later than another instant this one is, in microseconds, negative if it is earlier;
    /// what cannot be represented becomes the nearest number that can.
    ///
    /// - Parameter other: The other instant.
    /// - Returns: Microseconds.
    public func microseconds(since other: Instant) -> Int64 {
        let (difference, overflow) = microseconds.subtractingReportingOverflow(other.microseconds)
        return overflow ? (self < other ? .min : .max) : difference
    }

    /// The time in UTC as RFC 3339 writes it: `2026-11-23T09:15:00.5Z`.
    ///
    /// A fraction appears only when it is not zero, and without trailing zeros. Outside the years
    /// 1 to 9999 the year carries a sign, which RFC 3339 does not know and ``init(rfc3339:)``
    /// refuses.
    public var rfc3339: String { TimeText.write(self, offsetMinutes: 0) }

    /// The day in UTC.
    public var date: CivilDate { CivilDate(daysSince1970: TimeText.split(self).days) }

    /// Orders by time.
    @inlinable
    public static func < (first: Instant, second: Instant) -> Bool {
        first.microseconds < second.microseconds
    }
}
