import Replication
public import Reports

extension EdgeNode {
    /// Reads one page of a list: the node's own site with what is pending on top, and of other
    /// sites what was last heard.
    ///
    /// - Throws: What ``Reports/page(_:in:as:)`` throws.
    public func report(_ query: ReportQuery) async throws -> ReportPage {
        let identity = identity
        return try await log.read { log in
            try Reports.page(query, in: log, as: .node(identity))
        }
    }
}
