import Synchronization

/// Joins the work of concurrent callers into one durable transaction each time the disk is free.
///
/// Durability then costs one wait for the disk per group and not one per caller. Whoever finds
/// nobody at work performs the next group, its own work first; everybody who arrives meanwhile
/// waits for the group after it. No caller performs more than one group, and there is no task
/// besides those of the callers.
public final class GroupCommit<Work: Sendable, Answer: Sendable>: Sendable {
    private enum Turn: Sendable {
        case lead
        case answered(Result<Answer, any Error>)
    }

    private struct Waiter {
        let work: Work
        let continuation: CheckedContinuation<Turn, Never>
    }

    private struct Queue {
        var waiting: [Waiter] = []
        var isLed = false
    }

    private let queue = Mutex(Queue())
    private let weightMax: Int
    private let weight: @Sendable (Work) -> Int
    private let perform: @Sendable ([Work]) async throws -> [Result<Answer, any Error>]

    /// Makes a queue without work.
    ///
    /// - Parameters:
    ///   - weightMax: How much one transaction takes on, but for its first piece of work.
    ///   - weight: What a piece of work counts.
    ///   - perform: Performs work in one durable transaction, in order, and returns an answer for
    ///     each piece; a throw says that nothing of all of it was kept.
    public init(
        weightMax: Int,
        weight: @escaping @Sendable (Work) -> Int,
        perform: @escaping @Sendable ([Work]) async throws -> [Result<Answer, any Error>]
    ) {
        self.weightMax = weightMax
        self.weight = weight
        self.perform = perform
    }

    /// Has work performed, together with what others have waiting, and returns its answer.
    ///
    /// Work that waits is performed whatever becomes of its caller's task.
    ///
    /// - Throws: What the work's own answer is, or why the transaction was given up.
    public func run(_ work: Work) async throws -> Answer {
        let turn = await withCheckedContinuation { continuation in
            let leads = queue.withLock { queue in
                queue.waiting.append(Waiter(work: work, continuation: continuation))
                defer { queue.isLed = true }
                return queue.isLed ? nil : queue.waiting.first
            }
            leads?.continuation.resume(returning: .lead)
        }
        switch turn {
        case .answered(let answer): return try answer.get()
        case .lead: return try await lead()
        }
    }

    /// Performs one group, whose first piece is the caller's own, and hands the lead on.
    private func lead() async throws -> Answer {
        let group = queue.withLock { queue in
            var total = 0
            var count = 0
            for waiter in queue.waiting {
                total += weight(waiter.work)
                guard count == 0 || total <= weightMax else { break }
                count += 1
            }
            let group = Array(queue.waiting[..<count])
            queue.waiting.removeFirst(count)
            return group
        }
        let outcome: Result<[Result<Answer, any Error>], any Error>
        do {
            let answers = try await perform(group.map(\.work))
            precondition(answers.count == group.count, "An answer for each piece of work.")
            outcome = .success(answers)
        } catch {
            outcome = .failure(error)
        }
        var followers = group.dropFirst()
        if case .failure(is CancellationError) = outcome {
            // Only the leader's task was cancelled, and nothing was kept: the others go on.
            let returned = followers
            queue.withLock { $0.waiting.insert(contentsOf: returned, at: 0) }
            followers = []
        }
        let next = queue.withLock { queue in
            queue.isLed = !queue.waiting.isEmpty
            return queue.waiting.first
        }
        next?.continuation.resume(returning: .lead)
        for (offset, waiter) in followers.enumerated() {
            waiter.continuation.resume(
                returning: .answered(outcome.flatMap { $0[offset + 1] })
            )
        }
        return try outcome.flatMap { $0[0] }.get()
    }
}
