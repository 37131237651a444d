import Replication
import TestSupport
import Testing

@Suite struct BackoffPolicyTests {
    @Test(arguments: [(1, 1), (2, 2), (3, 4), (5, 16), (9, 256), (10, 300), (11, 300), (200, 300)])
    func `the delay stays below a limit that doubles up to 300 seconds, and uses its whole range`(
        failures: Int,
        limitSeconds: Int
    ) {
        let limit = Duration.seconds(limitSeconds)
        var random = SeededGenerator(seed: 7)
        var delays: [Duration] = []
        for _ in 0..<400 {
            var policy = BackoffPolicy()
            var delay = Duration.zero
            for _ in 0..<failures { delay = policy.delay(using: &random) }
            delays.append(delay)
        }
        #expect(delays.allSatisfy { .zero <= $0 && $0 <= limit })
        #expect(delays.contains { $0 < limit / 20 }, "a fleet must not come back as one")
        #expect(delays.contains { $0 > limit * 19 / 20 })
    }

    @Test func `a success makes the next failure wait as briefly as the first`() {
        var random = SeededGenerator(seed: 7)
        var policy = BackoffPolicy()
        for _ in 0..<50 { _ = policy.delay(using: &random) }
        for _ in 0..<400 {
            policy.reset()
            #expect(policy.failures == 0)
            #expect(policy.delay(using: &random) <= .seconds(1))
            #expect(policy.failures == 1)
        }
    }

    @Test func `never less is waited than the hub asked for, also above the last limit`() {
        var random = SeededGenerator(seed: 7)
        var policy = BackoffPolicy()
        for _ in 0..<100 {
            #expect(policy.delay(asked: .seconds(120), using: &random) >= .seconds(120))
        }
        #expect(policy.delay(asked: .seconds(86_400), using: &random) == .seconds(86_400))
        policy.reset()
        #expect(policy.delay(asked: .seconds(-5), using: &random) >= .zero)
    }

    @Test func `limits of one's own are kept`() {
        var random = SeededGenerator(seed: 7)
        var policy = BackoffPolicy(first: .milliseconds(10), last: .milliseconds(35))
        for limit in [10, 20, 35, 35, 35] {
            #expect(policy.delay(using: &random) <= .milliseconds(limit))
        }
    }
}
