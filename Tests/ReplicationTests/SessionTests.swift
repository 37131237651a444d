import Causality
import Testing

@testable import Replication

private func refusal(_ code: String) -> ReplicationError {
    ReplicationError(refusal: SyncRefusal(code: code, message: "No."))
}

private func unreached(_ code: PeerError.Code) -> ReplicationError {
    let cause = PeerError(code: code, message: "It failed.", hint: "")
    return ReplicationError(.hubUnreachable, cause.message, cause: cause)
}

/// Each row of the table of ``PushSession``.
@Suite struct PushSessionTests {
    private let node = NodeID(high: 1, low: 2)

    private func batch(first: UInt64 = 1, count: Int) -> EventBatch {
        EventBatch(
            node: node,
            epoch: .none,
            first: first,
            previousHash: .zero,
            events: (0..<count).map { [UInt8(truncatingIfNeeded: $0)] },
            signature: []
        )
    }

    private func reply(acknowledged: UInt64, next: UInt32 = 4_096) -> PushReply {
        PushReply(
            acknowledged: acknowledged,
            acknowledgedHash: .zero,
            receipt: [],
            durable: .start,
            head: .start,
            verdicts: [],
            nextBatchEvents: next
        )
    }

    private func readCount(_ action: PushSession.Action) -> Int? {
        if case .read(let count) = action { count } else { nil }
    }

    private func reason(_ action: PushSession.Action) -> ReplicationError.Code? {
        if case .sayHello(let error) = action { error.code } else { nil }
    }

    private func isRest(_ action: PushSession.Action) -> Bool {
        if case .rest = action { true } else { false }
    }

    /// A session that has sent a batch of some events.
    private func sending(_ count: Int, eventsMax: Int = 256) throws -> PushSession {
        var session = PushSession()
        var action = session.wake()
        while let count = readCount(action), count < eventsMax {
            _ = session.read(batch(count: count))
            _ = session.received(reply(acknowledged: UInt64(count)), after: .zero)
            action = session.stored()
        }
        guard case .send = session.read(batch(count: count)) else {
            throw NotSent()
        }
        return session
    }

    private struct NotSent: Error {}

    @Test func `it begins with 256 events, and a commit wakes it from rest`() {
        var session = PushSession()
        #expect(readCount(session.wake()) == 256)
        #expect(isRest(session.read(nil)))
        #expect(readCount(session.wake()) == 256)
    }

    @Test func `what was read is sent`() {
        var session = PushSession()
        _ = session.wake()
        guard case .send(let sent) = session.read(batch(first: 5, count: 3)) else {
            Issue.record("not sent")
            return
        }
        #expect(sent == batch(first: 5, count: 3))
    }

    @Test func `an acknowledgement is stored before it reads on, twice as many if it was quick`()
        throws
    {
        for (elapsed, next) in [
            (Duration.milliseconds(1_999), 512), (.seconds(2), 256), (.seconds(50), 256),
        ] {
            var session = try sending(3)
            guard case .store(let stored) = session.received(reply(acknowledged: 3), after: elapsed)
            else {
                Issue.record("not stored")
                return
            }
            #expect(stored.acknowledged == 3)
            #expect(readCount(session.stored()) == next)
        }
    }

    @Test func `a batch grows to 4096 events and no further, nor above what the hub says`() throws {
        var session = PushSession()
        var sizes: [Int] = []
        var action = session.wake()
        while let count = readCount(action), sizes.count < 7 {
            sizes.append(count)
            _ = session.read(batch(count: count))
            _ = session.received(reply(acknowledged: UInt64(count)), after: .zero)
            action = session.stored()
        }
        #expect(sizes == [256, 512, 1_024, 2_048, 4_096, 4_096, 4_096])
        for (hubMax, next) in [(UInt32(300), 300), (1, 1), (0, 1), (.max, 512)] {
            var session = try sending(3)
            _ = session.received(reply(acknowledged: 3, next: hubMax), after: .zero)
            #expect(readCount(session.stored()) == next)
        }
    }

    @Test func `a hub that acknowledged less is told hello`() throws {
        var session = try sending(3)
        #expect(reason(session.received(reply(acknowledged: 2), after: .zero)) == .sequenceGap)
        var ahead = try sending(3)
        guard case .store = ahead.received(reply(acknowledged: 9), after: .zero) else {
            Issue.record("a hub that has more, from before a lost answer, is believed")
            return
        }
    }

    @Test(arguments: [refusal("body_too_large"), unreached(.timedOut)])
    func `a batch that was too large or too slow is read again, half as many, down to one`(
        error: ReplicationError
    ) throws {
        var session = try sending(256)
        var sizes: [Int] = []
        var action = session.failed(error)
        while let count = readCount(action), sizes.count < 20 {
            sizes.append(count)
            _ = session.read(batch(count: count))
            action = session.failed(error)
        }
        #expect(sizes == [128, 64, 32, 16, 8, 4, 2, 1])
        #expect(reason(action) == error.code)
    }

    @Test(
        arguments: [
            refusal("sequence_gap"), refusal("node_revoked"), refusal("hello_first"),
            unreached(.unreachable), unreached(.malformedReply), unreached(.cancelled),
        ]
    )
    func `any other failure is told hello, with its reason`(error: ReplicationError) throws {
        var session = try sending(3)
        #expect(reason(session.failed(error)) == error.code)
    }

    @Test func `an answer that nobody asked for ends in a hello and never in a trap`() throws {
        var resting = PushSession()
        #expect(reason(resting.received(reply(acknowledged: 1), after: .zero)) == .malformed)
        var twice = try sending(3)
        _ = twice.received(reply(acknowledged: 3), after: .zero)
        #expect(reason(twice.received(reply(acknowledged: 3), after: .zero)) == .malformed)
    }
}

/// Each row of the table of ``PullSession``.
@Suite struct PullSessionTests {
    private func page(cursor: UInt64, hasMore: Bool) -> PullReply {
        var page = PullReply(epoch: .none, cursor: HubPosition(cursor), cursorHash: .zero)
        page.hasMore = hasMore
        return page
    }

    private func asked(_ action: PullSession.Action) -> (bytes: UInt32, wait: UInt32)? {
        if case .request(let bytes, let wait) = action { (bytes, wait) } else { nil }
    }

    private func reason(_ action: PullSession.Action) -> ReplicationError.Code? {
        if case .sayHello(let error) = action { error.code } else { nil }
    }

    private func isApply(_ action: PullSession.Action) -> Bool {
        if case .apply = action { true } else { false }
    }

    @Test func `it begins by asking for 4 MiB without waiting`() throws {
        var session = PullSession(after: HubPosition(5))
        let first = try #require(asked(session.next()))
        #expect(first == (4 << 20, 0))
        #expect(!session.isAtHead)
    }

    @Test func `a page that continues is applied, and it waits only at the head`() throws {
        var session = PullSession(after: HubPosition(5))
        #expect(isApply(session.received(page(cursor: 9, hasMore: true))))
        #expect(!session.isAtHead)
        #expect(asked(session.next())?.wait == 0)
        #expect(isApply(session.received(page(cursor: 12, hasMore: false))))
        #expect(session.isAtHead)
        #expect(asked(session.next())?.wait == PullSession.waitMilliseconds)
        #expect(isApply(session.received(page(cursor: 12, hasMore: false))), "no news is fine")
    }

    @Test func `a page that ends before its cursor is never applied`() {
        var back = PullSession(after: HubPosition(5))
        #expect(reason(back.received(page(cursor: 4, hasMore: false))) == .cursorMismatch)
        var stuck = PullSession(after: HubPosition(5))
        #expect(
            reason(stuck.received(page(cursor: 5, hasMore: true))) == .cursorMismatch,
            "a hub that always has more and never moves on would be asked for ever"
        )
    }

    @Test(
        arguments: [refusal("body_too_large"), unreached(.timedOut), unreached(.replyTooLarge)]
    )
    func `a page that was too large or too slow is asked for again, half as large, down to 64 KiB`(
        error: ReplicationError
    ) {
        var session = PullSession(after: .start)
        var sizes: [UInt32] = []
        var action = session.failed(error)
        while let (bytes, _) = asked(action), sizes.count < 20 {
            sizes.append(bytes >> 10)
            action = session.failed(error)
        }
        #expect(sizes == [2_048, 1_024, 512, 256, 128, 64])
        #expect(reason(action) == error.code)
    }

    @Test(arguments: [refusal("epoch_mismatch"), unreached(.unreachable), unreached(.tlsFailed)])
    func `any other failure is told hello, with its reason`(error: ReplicationError) {
        var session = PullSession(after: .start)
        #expect(reason(session.failed(error)) == error.code)
    }
}
