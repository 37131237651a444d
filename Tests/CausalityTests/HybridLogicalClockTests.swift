import Causality
import TestSupport
import Testing

@Suite
struct HybridLogicalClockTests {
    private let limit = HybridLogicalClock.aheadMicrosecondsMax

    @Test(arguments: Seeds.forThisRun)
    func `timestamps always rise, and no remote clock drags ours ahead`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var clock = HybridLogicalClock()
        var now = Instant(microseconds: 1_700_000_000_000_000)
        var latest = now
        for _ in 0..<2_000 {
            let jump = Int64.random(in: -2 * limit...2 * limit, using: &generator)
            now = now.adding(microseconds: Bool.random(using: &generator) ? jump : jump / 1_000_000)
            latest = max(latest, now)
            let before = clock.last
            if Bool.random(using: &generator) {
                let timestamp = clock.tick(at: now)
                #expect(timestamp > before)
                #expect(timestamp.wall >= now)
                #expect(clock.last == timestamp)
            } else {
                let ahead = Int64.random(in: -2 * limit...2 * limit, using: &generator)
                let remote = HybridTimestamp(
                    wall: now.adding(microseconds: ahead),
                    counter: Bool.random(using: &generator) ? .max : 3
                )
                let isMerged = clock.merge(remote, at: now)
                #expect(isMerged == (ahead <= limit))
                #expect(clock.last == (isMerged ? max(before, remote) : before))
            }
            // A full counter may add a microsecond for each tick, here at most 2,000.
            #expect(clock.last.wall <= latest.adding(microseconds: limit + 2_000))
        }
    }

    @Test(arguments: [(0, true), (1, false), (-1, true)])
    func `the limit is five minutes, itself included`(excess: Int64, isMerged: Bool) {
        #expect(limit == 300_000_000)
        let now = Instant(microseconds: 1_000)
        let remote = HybridTimestamp(
            wall: now.adding(microseconds: limit + excess),
            counter: 8
        )
        var clock = HybridLogicalClock()
        let before = clock
        let answer = clock.merge(remote, at: now)
        #expect(answer == isMerged)
        #expect(isMerged ? clock.last == remote : clock == before)
    }

    @Test
    func `a clock at the end of time neither traps nor poisons`() {
        let end = HybridTimestamp(wall: Instant(microseconds: .max), counter: .max)
        var clock = HybridLogicalClock()
        let isMerged = clock.merge(end, at: Instant(microseconds: 0))
        #expect(!isMerged)
        #expect(clock == HybridLogicalClock())
        var last = HybridLogicalClock(last: end)
        let timestamp = last.tick(at: Instant(microseconds: 0))
        #expect(timestamp == end)
    }

    @Test
    func `a clock that stands still or goes back is counted, and time takes over again`() {
        var clock = HybridLogicalClock()
        let ten = Instant(microseconds: 10)
        let eleven = Instant(microseconds: 11)
        let timestamps = [ten, ten, Instant(microseconds: 3), eleven].map { clock.tick(at: $0) }
        #expect(
            timestamps == [
                HybridTimestamp(wall: ten, counter: 0),
                HybridTimestamp(wall: ten, counter: 1),
                HybridTimestamp(wall: ten, counter: 2),
                HybridTimestamp(wall: eleven, counter: 0),
            ]
        )
    }

    @Test
    func `a full counter moves the wall time on by a microsecond`() {
        let ten = Instant(microseconds: 10)
        let eleven = Instant(microseconds: 11)
        var clock = HybridLogicalClock(last: HybridTimestamp(wall: ten, counter: .max - 1))
        let timestamps = [ten, ten].map { clock.tick(at: $0) }
        #expect(
            timestamps == [
                HybridTimestamp(wall: ten, counter: .max),
                HybridTimestamp(wall: eleven, counter: 0),
            ]
        )
    }
}
