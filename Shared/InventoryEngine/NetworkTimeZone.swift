public import Causality

/// The time zone in which a network's days and months begin and end.
///
/// It is a rule, not a name, so that every machine computes the same day whatever it knows of the
/// world's time zones: a fixed offset, or the one that POSIX describes for the variable `TZ`.
///
/// Source: IEEE Std 1003.1-2017, *Base Definitions*, section 8.3, `TZ`, of which the `Mm.w.d` form of
/// dates is read.
public struct NetworkTimeZone: Hashable, Sendable {
    private static let secondsPerDay: Int64 = 86_400

    /// When daylight saving time begins or ends, by the clock that is then in use.
    private struct Change: Hashable, Sendable {
        var month: Int
        /// The week of the month from 1; 5 is the last.
        var week: Int
        /// The day of the week from Sunday, 0.
        var weekday: Int
        /// Seconds after midnight.
        var time: Int64

        /// The moment in a year, in seconds since 1970 as the clock shows them.
        func seconds(in year: Int) -> Int64 {
            guard let first = CivilDate(year: year, month: month, day: 1) else { return 0 }
            let days = first.daysSince1970
            // 1970-01-01 was a Thursday, 4.
            let firstWeekday = ((days + 4) % 7 + 7) % 7
            var day = (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
            while CivilDate(year: year, month: month, day: day + 1) == nil { day -= 7 }
            return Int64(days + day) * NetworkTimeZone.secondsPerDay + time
        }
    }

    private struct Daylight: Hashable, Sendable {
        var offset: Int64
        var begins: Change
        var ends: Change
    }

    /// Coordinated universal time.
    public static let utc = NetworkTimeZone(offset: 0)

    /// Seconds ahead of UTC outside daylight saving time.
    private let offset: Int64
    private let daylight: Daylight?

    private init(offset: Int64, daylight: Daylight? = nil) {
        self.offset = offset
        self.daylight = daylight
    }

    /// Reads `UTC`, an offset such as `+01:00`, or a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`; nil for
    /// anything else.
    public init?(_ text: String) {
        if text == "UTC" {
            self = .utc
            return
        }
        var rest = Array(text.utf8)[...]
        if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            guard text.utf8.count == 6, let time = Self.takeOffset(from: &rest), rest.isEmpty,
                text.utf8.dropFirst(3).first == UInt8(ascii: ":"), time.magnitude < 15 * 3_600
            else { return nil }
            self.init(offset: time)
            return
        }
        guard text.utf8.count <= 64, Self.takeName(from: &rest),
            let west = Self.takeOffset(from: &rest), west.magnitude <= 24 * 3_600
        else { return nil }
        guard !rest.isEmpty else {
            self.init(offset: -west)
            return
        }
        guard Self.takeName(from: &rest) else { return nil }
        var daylightOffset = 3_600 - west
        if rest.first != UInt8(ascii: ",") {
            guard let other = Self.takeOffset(from: &rest), other.magnitude <= 24 * 3_600 else {
                return nil
            }
            daylightOffset = -other
        }
        guard let begins = Self.takeChange(from: &rest), let ends = Self.takeChange(from: &rest),
            rest.isEmpty
        else { return nil }
        self.init(
            offset: -west,
            daylight: Daylight(offset: daylightOffset, begins: begins, ends: ends)
        )
    }

    /// The day that it is at an instant.
    public func date(of instant: Instant) -> CivilDate {
        instant.adding(microseconds: offset(at: instant) * 1_000_000).date
    }

    /// The moment at which a day begins.
    public func start(of date: CivilDate) -> Instant {
        let midnight = Instant(
            microseconds: Int64(date.daysSince1970) * Self.secondsPerDay * 1_000_000
        )
        let guess = midnight.adding(microseconds: -offset * 1_000_000)
        return midnight.adding(microseconds: -offset(at: guess) * 1_000_000)
    }

    /// Seconds ahead of UTC at an instant.
    private func offset(at instant: Instant) -> Int64 {
        guard let daylight else { return offset }
        let seconds = instant.microseconds / 1_000_000
        let year = instant.adding(microseconds: offset * 1_000_000).date.year
        let begins = daylight.begins.seconds(in: year) - offset
        let ends = daylight.ends.seconds(in: year) - daylight.offset
        let isDaylight =
            begins < ends
            ? begins <= seconds && seconds < ends : seconds < ends || begins <= seconds
        return isDaylight ? daylight.offset : offset
    }

    // MARK: Reading

    /// Takes three letters or more, or `<…>`.
    private static func takeName(from text: inout ArraySlice<UInt8>) -> Bool {
        if text.first == UInt8(ascii: "<") {
            guard let end = text.firstIndex(of: UInt8(ascii: ">")) else { return false }
            let name = text[text.index(after: text.startIndex)..<end]
            text = text[(end + 1)...]
            return name.count >= 3
                && name.allSatisfy { isLetter($0) || isDigit($0) || $0 == 0x2B || $0 == 0x2D }
        }
        let name = text.prefix(while: isLetter)
        text = text.dropFirst(name.count)
        return name.count >= 3
    }

    /// Takes `[+-]hh[:mm[:ss]]` as seconds.
    private static func takeOffset(from text: inout ArraySlice<UInt8>) -> Int64? {
        var sign: Int64 = 1
        if text.first == UInt8(ascii: "+") || text.first == UInt8(ascii: "-") {
            sign = text.removeFirst() == UInt8(ascii: "-") ? -1 : 1
        }
        guard var seconds = takeNumber(upTo: 167, from: &text).map({ $0 * 3_600 }) else {
            return nil
        }
        for unit in [60, 1] as [Int64] {
            guard text.first == UInt8(ascii: ":") else { break }
            text.removeFirst()
            guard let part = takeNumber(upTo: 59, from: &text) else { return nil }
            seconds += part * unit
        }
        return sign * seconds
    }

    /// Takes `,Mm.w.d[/time]`.
    private static func takeChange(from text: inout ArraySlice<UInt8>) -> Change? {
        guard text.popFirst() == UInt8(ascii: ","), text.popFirst() == UInt8(ascii: "M"),
            let month = takeNumber(upTo: 12, from: &text), month >= 1,
            text.popFirst() == UInt8(ascii: "."),
            let week = takeNumber(upTo: 5, from: &text), week >= 1,
            text.popFirst() == UInt8(ascii: "."),
            let weekday = takeNumber(upTo: 6, from: &text)
        else { return nil }
        var time: Int64 = 2 * 3_600
        if text.first == UInt8(ascii: "/") {
            text.removeFirst()
            guard let given = takeOffset(from: &text) else { return nil }
            time = given
        }
        return Change(month: Int(month), week: Int(week), weekday: Int(weekday), time: time)
    }

    private static func takeNumber(upTo max: Int64, from text: inout ArraySlice<UInt8>) -> Int64? {
        let digits = text.prefix(while: isDigit)
        guard 1...3 ~= digits.count else { return nil }
        text = text.dropFirst(digits.count)
        let number = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        return number <= max ? number : nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
            || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
    }
}
