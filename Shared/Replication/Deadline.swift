/// Runs work, and gives it up when its time has passed.
///
/// Work that is given up is cancelled and waited for; what it had stored stays.
///
/// - Parameters:
///   - limit: How long the work may take; nothing is begun without any time.
///   - work: Ends soon when its task is cancelled.
/// - Returns: What the work returned, or nil if its time passed before.
/// - Throws: What the work throws before its time has passed.
public func within<Result: Sendable>(
    _ limit: Duration,
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result? {
    guard limit > .zero else { return nil }
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
    }
}
