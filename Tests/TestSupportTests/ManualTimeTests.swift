import Causality
import TestSupport
import Testing

@Suite struct ManualTimeTests {
    @Test func `the clock stands still until it is moved, either way`() {
        let clock = ManualTime(startingAt: Instant(microseconds: 10))
        #expect(clock.now.microseconds == 10)
        #expect(clock.advance(by: .seconds(2)).microseconds == 2_000_010)
        clock.advance(by: .milliseconds(-1))
        #expect(clock.now.microseconds == 1_999_010)
        clock.set(to: Instant(microseconds: 5))
        #expect(clock.now.microseconds == 5)
    }
}
