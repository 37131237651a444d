/// A point in time as a clock on the wall showed it: with the zone's distance from UTC.
///
/// The distance is kept because people and papers speak of the local day.
@frozen
public struct WallTime: Hashable, Sendable {
    /// The point in time; zones play no part in it.
    public let instant: Instant
    /// How far the local clock is ahead of UTC: from -1439, to the west, to 1439, which is 23:59.
    public let offsetMinutes: Int16

    /// Makes a time from its parts, or `nil` where ``rfc3339`` could not write it.
    ///
    /// - Parameters:
    ///   - instant: Within the years 1 to 9999, both in UTC and in the zone.
    ///   - offsetMinutes: From -1439 to 1439.
    public init?(instant: Instant, offsetMinutes: Int16) {
        let local = TimeText.local(instant, offsetMinutes: offsetMinutes)
        guard
            -1_439...1_439 ~= offsetMinutes,
            TimeText.isWritable(instant), TimeText.isWritable(local)
        else { return nil }
        self.instant = instant
        self.offsetMinutes = offsetMinutes
    }

    /// Reads what ``Instant/init(rfc3339:)`` reads, and keeps the zone; UTC where it is left out.
    public init?(rfc3339 text: String) {
        guard let time = TimeText.read(text) else { return nil }
        self.init(instant: time.instant, offsetMinutes: time.offsetMinutes)
    }

    /// The time in its zone as RFC 3339 writes it: `2026-11-23T10:15:00.5+01:00`, or `Z` for UTC.
    public var rfc3339: String { TimeText.write(instant, offsetMinutes: offsetMinutes) }

    /// The day in its zone.
    public var date: CivilDate {
        let local = TimeText.local(instant, offsetMinutes: offsetMinutes)
        return CivilDate(daysSince1970: TimeText.split(local).days)
    }
}
