/// Reads and writes times as RFC 3339 does, byte by byte.
enum TimeText {
    private static let microsecondsPerSecond: Int64 = 1_000_000
    private static let microsecondsPerMinute: Int64 = 60 * microsecondsPerSecond
    private static let microsecondsPerDay: Int64 = 24 * 60 * microsecondsPerMinute

    /// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z: 719,162 days before 1970, and
    /// 2,932,897 days after it less a microsecond.
    private static let writable =
        (-719_162 * microsecondsPerDay)...(2_932_897 * microsecondsPerDay - 1)

    /// Whether four digits can hold the year.
    static func isWritable(_ instant: Instant) -> Bool {
        writable.contains(instant.microseconds)
    }

    /// The instant at which UTC shows what the zone shows at the given one.
    static func local(_ instant: Instant, offsetMinutes: Int16) -> Instant {
        instant.adding(microseconds: Int64(offsetMinutes) * microsecondsPerMinute)
    }

    /// Splits an instant into whole days since 1970, rounded down, and the rest of the day.
    static func split(_ instant: Instant) -> (days: Int, microseconds: Int64) {
        let days = instant.microseconds / microsecondsPerDay
        let rest = instant.microseconds % microsecondsPerDay
        return rest < 0 ? (Int(days) - 1, rest + microsecondsPerDay) : (Int(days), rest)
    }

    /// Reads a whole text; the forms are those of ``Instant/init(rfc3339:)``.
    static func read(_ text: String) -> (instant: Instant, offsetMinutes: Int16)? {
        var rest = text[...].utf8
        guard let date = takeDate(from: &rest) else { return nil }
        // At most 2,932,896 days of 86,400,000,000: 18 digits, so 64 bits hold it.
        var microseconds = Int64(date.daysSince1970) * microsecondsPerDay
        var offsetMinutes: Int64 = 0
        if let separator = rest.popFirst() {
            let isBlank = separator == UInt8(ascii: " ")
            guard
                isBlank || separator == UInt8(ascii: "T") || separator == UInt8(ascii: "t"),
                let timeOfDay = takeTimeOfDay(from: &rest)
            else { return nil }
            microseconds += timeOfDay
            if !(isBlank && rest.isEmpty) {
                guard let offset = takeOffset(from: &rest), rest.isEmpty else { return nil }
                offsetMinutes = offset
            }
        }
        let instant = Instant(microseconds: microseconds - offsetMinutes * microsecondsPerMinute)
        return isWritable(instant) ? (instant, Int16(offsetMinutes)) : nil
    }

    /// Takes `YYYY-MM-DD` from the front.
    static func takeDate(from text: inout Substring.UTF8View) -> CivilDate? {
        guard
            let year = takeNumber(digitCount: 4, from: &text), text.popFirst() == UInt8(ascii: "-"),
            let month = takeNumber(digitCount: 2, from: &text),
            text.popFirst() == UInt8(ascii: "-"),
            let day = takeNumber(digitCount: 2, from: &text)
        else { return nil }
        return CivilDate(year: Int(year), month: Int(month), day: Int(day))
    }

    /// Takes `HH:MM:SS` and a fraction from the front, as microseconds since midnight.
    private static func takeTimeOfDay(from text: inout Substring.UTF8View) -> Int64? {
        guard
            let hour = takeNumber(digitCount: 2, from: &text), hour < 24,
            text.popFirst() == UInt8(ascii: ":"),
            let minute = takeNumber(digitCount: 2, from: &text), minute < 60,
            text.popFirst() == UInt8(ascii: ":"),
            let second = takeNumber(digitCount: 2, from: &text), second < 60
        else { return nil }
        let whole = ((hour * 60 + minute) * 60 + second) * microsecondsPerSecond
        guard text.first == UInt8(ascii: ".") else { return whole }
        text.removeFirst()
        guard let fraction = takeFraction(from: &text) else { return nil }
        return whole + fraction
    }

    /// Takes 1 to 9 digits from the front, as microseconds; the last three are cut off.
    private static func takeFraction(from text: inout Substring.UTF8View) -> Int64? {
        var nanoseconds: Int64 = 0
        var digitCount = 0
        while let digit = text.first, isDigit(digit) {
            digitCount += 1
            guard digitCount <= 9 else { return nil }
            nanoseconds = nanoseconds * 10 + Int64(digit - UInt8(ascii: "0"))
            text.removeFirst()
        }
        guard digitCount > 0 else { return nil }
        for _ in digitCount..<9 {
            nanoseconds *= 10
        }
        return nanoseconds / 1_000
    }

    /// Takes `Z` or a signed `HH:MM` from the front, as minutes ahead of UTC.
    private static func takeOffset(from text: inout Substring.UTF8View) -> Int64? {
        guard let sign = text.popFirst() else { return nil }
        if sign == UInt8(ascii: "Z") || sign == UInt8(ascii: "z") { return 0 }
        guard
            sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let hours = takeNumber(digitCount: 2, from: &text), hours < 24,
            text.popFirst() == UInt8(ascii: ":"),
            let minutes = takeNumber(digitCount: 2, from: &text), minutes < 60
        else { return nil }
        let offset = hours * 60 + minutes
        return sign == UInt8(ascii: "-") ? -offset : offset
    }

    private static func takeNumber(
        digitCount: Int,
        from text: inout Substring.UTF8View
    ) -> Int64? {
        var number: Int64 = 0
        for _ in 0..<digitCount {
            guard let digit = text.popFirst(), isDigit(digit) else { return nil }
            number = number * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return number
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }

    /// Writes an instant as the clock of a zone shows it.
    static func write(_ instant: Instant, offsetMinutes: Int16) -> String {
        let (days, microseconds) = split(local(instant, offsetMinutes: offsetMinutes))
        let seconds = microseconds / microsecondsPerSecond
        var text: [UInt8] = []
        text.reserveCapacity(32)
        append(CivilDate(daysSince1970: days), to: &text)
        text.append(UInt8(ascii: "T"))
        append(seconds / 3_600, digitCount: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(seconds / 60 % 60, digitCount: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(seconds % 60, digitCount: 2, to: &text)
        appendFraction(microseconds % microsecondsPerSecond, to: &text)
        appendOffset(offsetMinutes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Writes `YYYY-MM-DD`; a year outside 1 to 9999 carries a sign.
    static func append(_ date: CivilDate, to text: inout [UInt8]) {
        if !(1...9999 ~= date.year) {
            text.append(date.year < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        }
        append(Int64(date.year.magnitude), digitCount: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        append(Int64(date.month), digitCount: 2, to: &text)
        text.append(UInt8(ascii: "-"))
        append(Int64(date.day), digitCount: 2, to: &text)
    }

    private static func appendFraction(_ microseconds: Int64, to text: inout [UInt8]) {
        guard microseconds > 0 else { return }
        text.append(UInt8(ascii: "."))
        append(microseconds, digitCount: 6, to: &text)
        while text.last == UInt8(ascii: "0") {
            text.removeLast()
        }
    }

    private static func appendOffset(_ minutes: Int16, to text: inout [UInt8]) {
        guard minutes != 0 else {
            text.append(UInt8(ascii: "Z"))
            return
        }
        text.append(minutes < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        append(Int64(minutes.magnitude) / 60, digitCount: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(Int64(minutes.magnitude) % 60, digitCount: 2, to: &text)
    }

    /// Writes a number that is not negative in decimal, with zeros in front up to a width.
    private static func append(_ number: Int64, digitCount: Int, to text: inout [UInt8]) {
        let digits = String(number).utf8
        for _ in 0..<max(0, digitCount - digits.count) {
            text.append(UInt8(ascii: "0"))
        }
        text.append(contentsOf: digits)
    }
}
