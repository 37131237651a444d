import Replication
import Synchronization
import TestSupport
import Testing

/// A disk that takes transactions only when the test lets it, and notes them.
private final class Desk: Sendable {
    struct Failed: Error, Hashable {
        let group: [Int]
    }

    private let groupsSeen = Mutex<[[Int]]>([])
    private let gates = AsyncStream.makeStream(of: Void.self)
    private let starts = AsyncStream.makeStream(of: [Int].self)
    private let failing: @Sendable (Int) -> Bool

    init(failing: @escaping @Sendable (Int) -> Bool = { _ in false }) {
        self.failing = failing
    }

    /// The transactions so far, as the pieces of work in each.
    var groups: [[Int]] { groupsSeen.withLock(\.self) }

    /// Lets the transaction that is at work, or the next one, finish.
    func letOnePass() { gates.continuation.yield() }

    /// Lets everything pass from now on.
    func open() { gates.continuation.finish() }

    /// Waits until a transaction has begun, and returns its work.
    func begun() async -> [Int] {
        for await group in starts.stream { return group }
        return []
    }

    func queue(weightMax: Int, isGated: Bool = true) -> GroupCommit<Int, String> {
        GroupCommit(
            weightMax: weightMax,
            weight: { $0 % 1_000 },
            perform: { [self] group in try await perform(group, isGated: isGated) }
        )
    }

    private func perform(
        _ group: [Int],
        isGated: Bool
    ) async throws -> [Result<String, any Error>] {
        groupsSeen.withLock { $0.append(group) }
        starts.continuation.yield(group)
        if isGated {
            for await _ in gates.stream { break }
        }
        try Task.checkCancellation()
        if group.contains(where: failing) { throw Failed(group: group) }
        return group.map { work in
            // A piece of work may fail alone, too.
            work == 13_001 ? .failure(Failed(group: [work])) : .success("answer to \(work)")
        }
    }
}

/// Work is a number; its last three digits are its weight.
@Suite(.timeLimit(.minutes(2)))
struct GroupCommitTests {
    /// Has a piece of work at the disk, and others waiting behind it in order.
    private func line(
        _ desk: Desk,
        _ queue: GroupCommit<Int, String>,
        first: Int,
        then others: [Int],
        in group: inout TaskGroup<(work: Int, result: Result<String, any Error>)>
    ) async {
        add(first, queue, to: &group)
        _ = await desk.begun()
        for other in others { add(other, queue, to: &group) }
    }

    /// Adds a caller, who has taken a place in the queue when this returns.
    private func add(
        _ work: Int,
        _ queue: GroupCommit<Int, String>,
        to group: inout TaskGroup<(work: Int, result: Result<String, any Error>)>
    ) {
        group.addImmediateTask {
            do {
                return (work, .success(try await queue.run(work)))
            } catch {
                return (work, .failure(error))
            }
        }
    }

    @Test func `a thousand callers each get their own answer, in far fewer transactions`()
        async throws
    {
        let desk = Desk()
        let queue = desk.queue(weightMax: 100)
        let answers = await withTaskGroup(
            of: (work: Int, result: Result<String, any Error>).self
        ) { group in
            for number in 1...1_000 { add(number * 1_000 + 1, queue, to: &group) }
            _ = await desk.begun()
            desk.open()
            var answers: [Int: String] = [:]
            for await (work, result) in group { answers[work] = try? result.get() }
            return answers
        }
        #expect(answers.count == 999)
        for number in 1...1_000 {
            let work = number * 1_000 + 1
            if work == 13_001 {
                #expect(answers[work] == nil, "work that fails alone fails alone")
            } else {
                #expect(answers[work] == "answer to \(work)")
            }
        }
        let all: [Int] = (1...1_000).map { number in number * 1_000 + 1 }
        let performed: [Int] = desk.groups.flatMap(\.self).sorted()
        #expect(performed == all)
        #expect(desk.groups.allSatisfy { $0.count <= 100 })
        #expect(desk.groups.count < 500, "\(desk.groups.count) transactions for 1,000 callers")
    }

    @Test func `whoever arrives while the disk is busy shares the next transaction, in order`()
        async
    {
        let desk = Desk()
        let queue = desk.queue(weightMax: 100)
        await withTaskGroup(of: (work: Int, result: Result<String, any Error>).self) { group in
            await line(desk, queue, first: 1_001, then: [2_001, 3_001, 4_001], in: &group)
            desk.open()
            for await (work, result) in group {
                #expect((try? result.get()) == "answer to \(work)")
            }
        }
        #expect(desk.groups == [[1_001], [2_001, 3_001, 4_001]])
    }

    @Test func `a transaction takes on no more than its weight, but for a first piece above it`()
        async
    {
        let desk = Desk()
        let queue = desk.queue(weightMax: 10)
        await withTaskGroup(of: (work: Int, result: Result<String, any Error>).self) { group in
            await line(
                desk,
                queue,
                first: 1_001,
                then: [2_006, 3_004, 4_001, 5_050, 6_001, 7_009, 8_001],
                in: &group
            )
            desk.open()
            for await (work, result) in group {
                #expect((try? result.get()) == "answer to \(work)")
            }
        }
        #expect(
            desk.groups == [[1_001], [2_006, 3_004], [4_001], [5_050], [6_001, 7_009], [8_001]]
        )
    }

    @Test func `a transaction that fails fails all of its group and nobody else`() async {
        let desk = Desk { $0 == 3_005 }
        let queue = desk.queue(weightMax: 10)
        var failed: [Int: [Int]] = [:]
        var answered: [Int] = []
        await withTaskGroup(of: (work: Int, result: Result<String, any Error>).self) { group in
            await line(
                desk,
                queue,
                first: 1_001,
                then: [2_005, 3_005, 4_005, 5_005],
                in: &group
            )
            desk.open()
            for await (work, result) in group {
                switch result {
                case .success: answered.append(work)
                case .failure(let error): failed[work] = (error as? Desk.Failed)?.group
                }
            }
        }
        #expect(failed == [2_005: [2_005, 3_005], 3_005: [2_005, 3_005]])
        #expect(answered.sorted() == [1_001, 4_005, 5_005])
    }

    @Test func `a leader that is cancelled does not fail those who wait with it`() async {
        let desk = Desk()
        let queue = desk.queue(weightMax: 100)
        await withTaskGroup(of: (work: Int, result: Result<String, any Error>).self) { group in
            let leader = Task.immediate { try await queue.run(1_001) }
            _ = await desk.begun()
            let second = Task.immediate { try await queue.run(2_001) }
            for work in [3_001, 4_001] {
                add(work, queue, to: &group)
            }
            desk.letOnePass()
            #expect((try? await leader.value) == "answer to 1001")
            // Now the second leads a transaction with the two others, and is cancelled in it.
            #expect(await desk.begun() == [2_001, 3_001, 4_001])
            second.cancel()
            desk.letOnePass()
            await #expect(throws: CancellationError.self) { try await second.value }
            desk.open()
            for await (work, result) in group {
                #expect((try? result.get()) == "answer to \(work)")
            }
        }
        #expect(desk.groups == [[1_001], [2_001, 3_001, 4_001], [3_001, 4_001]])
        #expect((try? await queue.run(9_001)) == "answer to 9001", "it goes on afterwards")
    }

    @Test func `one caller after the other each gets a transaction, and none hangs`() async throws {
        let desk = Desk()
        let queue = desk.queue(weightMax: 1, isGated: false)
        for number in 1...50 {
            #expect(try await queue.run(number * 1_000 + 2) == "answer to \(number * 1_000 + 2)")
        }
        #expect(desk.groups.count == 50)
    }
}
