public import Causality
import Replication
public import Reports

/// What an operator reads.
extension HubService {
    /// Reads one page of a list: every site, as the hub ordered it.
    ///
    /// - Parameters:
    ///   - query: Which rows.
    ///   - now: The hub's wall clock, which tells the silent nodes.
    /// - Returns: The rows and the cursor of the next page.
    /// - Throws: What ``Reports/page(_:in:as:)`` throws.
    public func report(_ query: ReportQuery, at now: Instant) async throws -> ReportPage {
        let viewer = ReportViewer.hub(ledger.identity, contacts: contacts.all, now: now)
        return try await log.read { log in try Reports.page(query, in: log, as: viewer) }
    }

    /// Reads how the hub and its nodes stand.
    ///
    /// - Throws: `EngineError` with the code `damaged`, or a storage error.
    public func status(at now: Instant) async throws -> HubStatus {
        let identity = ledger.identity
        let epoch = ledger.epoch
        let known = contacts.all
        let rate = contacts.rate(at: now)
        return try await log.read { log in
            try HubStatus(
                in: log,
                identity: identity,
                epoch: epoch,
                contacts: known,
                ingest: rate,
                at: now
            )
        }
    }
}
