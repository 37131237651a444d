import Causality
import TestSupport
import Testing

@Suite
struct InstantTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ("2000-02-29T12:00:00Z", 951_825_600_000_000),
        ("2026-11-23T10:15:00.25Z", 1_795_428_900_250_000),
    ])
    func `known moments are read and written`(text: String, microseconds: Int64) {
        #expect(Instant(rfc3339: text) == Instant(microseconds: microseconds))
        #expect(Instant(microseconds: microseconds).rfc3339 == text)
    }

    @Test(arguments: [
        ("2026-11-23t10:15:00z", "2026-11-23T10:15:00Z"),
        ("2026-11-23 10:15:00", "2026-11-23T10:15:00Z"),
        ("2026-11-23 10:15:00.5", "2026-11-23T10:15:00.5Z"),
        ("2026-11-23 10:15:00+01:00", "2026-11-23T09:15:00Z"),
        ("2026-11-23", "2026-11-23T00:00:00Z"),
        ("2026-11-23T10:15:00+01:30", "2026-11-23T08:45:00Z"),
        ("2026-11-23T23:15:00-01:30", "2026-11-24T00:45:00Z"),
        ("2026-11-23T10:15:00-00:00", "2026-11-23T10:15:00Z"),
        ("2026-11-23T10:15:00.123456789Z", "2026-11-23T10:15:00.123456Z"),
        ("2026-11-23T10:15:00.9999999Z", "2026-11-23T10:15:00.999999Z"),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
        ("2026-11-23T10:15:00.000Z", "2026-11-23T10:15:00Z"),
        ("2026-11-23T10:15:00.100200Z", "2026-11-23T10:15:00.1002Z"),
        ("2024-02-29T00:00:00+23:59", "2024-02-28T00:01:00Z"),
    ])
    func `other forms of a moment are read`(text: String, canonical: String) {
        #expect(Instant(rfc3339: text)?.rfc3339 == canonical)
    }

    @Test(arguments: [
        "", "2026", "2026-11", "2026-11-2", "2026-11-23T", "2026-11-23 ", " 2026-11-23",
        "2026-11-23T10:15Z", "2026-11-23T10:15:00", "2026-11-23T10:15:00.Z",
        "2026-11-23T10:15:00.1234567890Z", "2026-11-23T10:15:00,5Z", "2026-11-23T10:15:00ZZ",
        "2026-11-23T10:15:00Z ", "2026-11-23T10:15:00+01", "2026-11-23T10:15:00+0100",
        "2026-11-23T10:15:00+24:00", "2026-11-23T10:15:00+01:60", "2026-11-23T10:15:00~01:00",
        "2026-11-23T24:00:00Z", "2026-11-23T10:60:00Z", "2026-06-30T23:59:60Z",
        "2026-00-23", "2026-13-23", "2026-11-00", "2026-11-31", "2026-02-29", "1900-02-29",
        "2100-02-29", "2024-02-30", "0000-01-01", "10000-01-01", "-001-01-01", "+026-11-23",
        "2026/11/23", "20261123", "2026-11-23X10:15:00Z", "2026-11-23 10:15", "now",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-11-2\u{0663}",
    ])
    func `anything else is refused`(text: String) {
        #expect(Instant(rfc3339: text) == nil)
        #expect(WallTime(rfc3339: text) == nil)
    }

    @Test(arguments: Seeds.forThisRun)
    func `every instant of four-digit years comes back from its text`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var microseconds = Int64.random(
                in: -62_135_596_800_000_000...253_402_300_799_999_999,
                using: &generator
            )
            if Bool.random(using: &generator) { microseconds -= microseconds % 1_000_000 }
            let instant = Instant(microseconds: microseconds)
            #expect(Instant(rfc3339: instant.rfc3339) == instant, "\(instant)")
            let offset = Int16.random(in: -1_439...1_439, using: &generator)
            guard let time = WallTime(instant: instant, offsetMinutes: offset) else { continue }
            #expect(WallTime(rfc3339: time.rfc3339) == time, "\(time)")
        }
    }

    @Test(arguments: [Int64.min, .max, -62_135_596_800_000_001, 253_402_300_800_000_000])
    func `a year that four digits cannot hold is shown with a sign and refused`(
        microseconds: Int64
    ) {
        let instant = Instant(microseconds: microseconds)
        #expect(["+", "-"].contains(instant.rfc3339.first))
        #expect(Instant(rfc3339: instant.rfc3339) == nil)
        #expect(WallTime(instant: instant, offsetMinutes: 0) == nil)
    }

    @Test
    func `every day of four hundred years follows the one before`() throws {
        var expected = try #require(CivilDate(year: 1899, month: 12, day: 31))
        var instant = try #require(Instant(rfc3339: expected.description))
        for _ in 0..<146_097 {
            let next =
                CivilDate(year: expected.year, month: expected.month, day: expected.day + 1)
                ?? CivilDate(year: expected.year, month: expected.month + 1, day: 1)
                ?? CivilDate(year: expected.year + 1, month: 1, day: 1)
            expected = try #require(next)
            instant = instant.adding(microseconds: 86_400_000_000)
            guard instant.date == expected, Instant(rfc3339: expected.description) == instant else {
                Issue.record("\(expected) is not \(instant.date)")
                return
            }
        }
        #expect(expected.description == "2299-12-31")
    }

    @Test
    func `a date is the whole day in UTC and the local one in a zone`() throws {
        let last = try #require(Instant(rfc3339: "2026-11-23T23:59:59.999999Z"))
        #expect(last.date.description == "2026-11-23")
        #expect(last.adding(microseconds: 1).date.description == "2026-11-24")
        #expect(Instant(microseconds: -1).date == CivilDate(year: 1969, month: 12, day: 31))
        #expect(WallTime(instant: last, offsetMinutes: 60)?.date.description == "2026-11-24")
        #expect(CivilDate("0001-01-01")?.description == "0001-01-01")
        #expect(CivilDate("2026-11-23T00:00:00Z") == nil)
        #expect(CivilDate(year: 2026, month: 2, day: 29) == nil)
    }

    @Test
    func `dates are ordered by time`() throws {
        let sorted = ["1999-12-31", "2000-01-01", "2000-01-02", "2000-02-01", "2001-01-01"]
        let dates = try sorted.map { try #require(CivilDate($0)) }
        #expect(dates.reversed().sorted() == dates)
    }

    @Test
    func `adding stops at the ends of time`() {
        #expect(Instant(microseconds: 5).adding(microseconds: -7).microseconds == -2)
        #expect(Instant(microseconds: .max - 1).adding(microseconds: 2).microseconds == .max)
        #expect(Instant(microseconds: .min + 1).adding(microseconds: -2).microseconds == .min)
        #expect(Instant(microseconds: .min).adding(microseconds: .max).microseconds == -1)
    }

    @Test(arguments: [
        "2026-11-23T10:15:00Z", "2026-11-23T10:15:00.5+01:00", "2026-11-23T10:15:00-09:30",
        "2026-11-23T10:15:00+14:00", "0001-01-01T00:00:00-01:00", "9999-12-31T23:59:59+01:00",
    ])
    func `a wall time keeps its zone`(text: String) {
        #expect(WallTime(rfc3339: text)?.rfc3339 == text)
        #expect(WallTime(rfc3339: text)?.instant == Instant(rfc3339: text))
    }

    @Test(arguments: [Int16.min, -1_440, 1_440, .max])
    func `a zone of a day or more is refused`(offset: Int16) {
        #expect(WallTime(instant: Instant(microseconds: 0), offsetMinutes: offset) == nil)
    }

    @Test func `a distance that cannot be represented is the nearest that can`() {
        let (first, last) = (Instant(microseconds: .min), Instant(microseconds: .max))
        let zero = Instant(microseconds: 0)
        #expect(last.microseconds(since: zero) == .max)
        #expect(last.microseconds(since: first) == .max)
        #expect(first.microseconds(since: last) == .min)
        #expect(Instant(microseconds: 7).microseconds(since: Instant(microseconds: 9)) == -2)
    }
}
