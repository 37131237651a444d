package import Causality

/// Events that cannot be applied yet: kept in plain sight, released when the reason is gone, or
/// closed by a person.
extension StockState {
    /// How many waiting events one look returns.
    package static let releasesMax = 1_000

    /// Keeps an event in plain sight that has no postings.
    ///
    /// - Parameters:
    ///   - current: The event.
    ///   - verdict: What was decided; only what is parked or rejected is kept.
    ///   - reason: Why.
    ///   - sites: The sites that the hub's entry names, since a program that cannot read the event
    ///     names others than one that can; nil where there is no entry yet.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    mutating func noteUnapplied(
        _ current: Current,
        _ verdict: Verdict,
        _ reason: VerdictReason?,
        at sites: [SiteCode]? = nil
    ) throws(EngineError) {
        guard verdict == .parked || verdict == .rejected else { return }
        var row = ParkedRow(
            verdict: verdict,
            code: reason?.code ?? verdict.text,
            sentence: reason?.sentence ?? "",
            raisedAt: current.receivedAt ?? current.effective
        )
        row.position = current.position
        for home in homes(sites ?? current.event.namedSites) where settings.scope.holds(home) {
            let key = ParkedRow.Key(home: home, event: current.event.id)
            try cache.parked.set(key, to: row, from: reader)
        }
        if row.code == "serial_taken" { try raiseSerialsTaken(current) }
        guard case .everything = settings.scope, verdict == .parked else { return }
        for cause in try causes(of: row, current.event) {
            try setAwaited(cause, row.position, current.event.id, isWaiting: true)
        }
    }

    private func homes(_ sites: [SiteCode]) -> [SiteCode?] {
        sites.isEmpty ? [nil] : sites.map { $0 }
    }

    /// What a parked event waits for, as far as it may come by itself.
    private mutating func causes(
        of row: ParkedRow,
        _ event: InventoryEvent
    ) throws(EngineError) -> [AwaitedRow.Cause] {
        switch row.code {
        case EngineError.Code.unknownType.text: return [.program]
        case EngineError.Code.unknownSKU.text:
            var causes: [AwaitedRow.Cause] = []
            for sku in event.body.skus
            where try cache.items.row(ItemRow.Key(sku: sku), from: reader) == nil {
                causes.append(.item(sku))
            }
            return causes
        default: return []
        }
    }

    private mutating func setAwaited(
        _ cause: AwaitedRow.Cause,
        _ position: HubPosition?,
        _ event: EventID,
        isWaiting: Bool
    ) throws(EngineError) {
        guard let position else { return }
        let key = AwaitedRow.Key(cause: cause, position: position, event: event)
        try cache.awaited.set(key, to: AwaitedRow(isWaiting: isWaiting), from: reader)
    }

    /// Closes the parked event that the event at hand has released.
    mutating func closeReleased(_ current: Current) throws(EngineError) {
        guard let entry = current.release, case .parkedReleased(let release) = entry.body else {
            return
        }
        let closing = ParkedRow.Closing(
            outcome: .released,
            event: EventRef(id: entry.id, position: current.position),
            actor: entry.actor
        )
        try close(release.event, at: release.sites, closing, skus: current.event.body.skus)
    }

    mutating func postParkedCompensated(
        _ current: Current,
        _ body: ParkedCompensation
    ) throws(EngineError) {
        let closing = ParkedRow.Closing(
            outcome: .compensated,
            event: current.ref,
            actor: current.event.actor,
            reason: body.reason
        )
        var skus: [SKU] = []
        if case .everything = settings.scope {
            skus = try located(body.event)?.event.body.skus ?? []
        }
        try close(body.event, at: body.sites, closing, skus: skus)
    }

    private mutating func close(
        _ event: EventID,
        at sites: [SiteCode],
        _ closing: ParkedRow.Closing,
        skus: [SKU]
    ) throws(EngineError) {
        for home in homes(sites) where settings.scope.holds(home) {
            let key = ParkedRow.Key(home: home, event: event)
            guard var row = try cache.parked.row(key, from: reader) else {
                throw .refused(
                    "unknown_parked",
                    "The event \(event) is not parked.",
                    field: "event"
                )
            }
            guard !row.isClosed else {
                throw .refused(
                    "already_decided",
                    "The event \(event) is \(row.closing?.outcome.text ?? "closed") already.",
                    field: "event"
                )
            }
            row.closing = closing
            try cache.parked.set(key, to: row, from: reader)
            guard case .everything = settings.scope else { continue }
            try setAwaited(.program, row.position, event, isWaiting: false)
            for sku in skus { try setAwaited(.item(sku), row.position, event, isWaiting: false) }
        }
    }

    // MARK: What is due

    /// The parked events that wait for items which have come into the catalogue since the last
    /// look, in their old order.
    ///
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    package mutating func takeReleasable() throws(EngineError) -> [EventID] {
        guard !dues.arrived.isEmpty else { return [] }
        let arrived = dues.arrived
        dues.arrived = []
        var found: [AwaitedRow.Key] = []
        for sku in arrived { found += try awaiting(.item(sku), limit: Self.releasesMax) }
        return found.sorted { $0.position < $1.position }.map(\.event)
    }

    /// The parked events whose reason may be gone: their items are in the catalogue, or another
    /// version of the program may know their type.
    ///
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(parked events that wait).
    package mutating func releasable() throws(EngineError) -> [EventID] {
        var found: [HubPosition: EventID] = [:]
        let all = try cache.awaited.rows(
            from: [],
            to: upperBound(ofPrefix: []),
            limit: .max,
            source: reader
        )
        for (key, _) in all {
            if case .item(let sku) = key.cause,
                try cache.items.row(ItemRow.Key(sku: sku), from: reader) == nil
            {
                continue
            }
            found[key.position] = key.event
        }
        return found.sorted { $0.key < $1.key }.map(\.value)
    }

    private mutating func awaiting(
        _ cause: AwaitedRow.Cause,
        limit: Int
    ) throws(EngineError) -> [AwaitedRow.Key] {
        var prefix = ByteWriter()
        cause.encode(into: &prefix)
        return try cache.awaited.rows(
            from: prefix.bytes,
            to: upperBound(ofPrefix: prefix.bytes),
            limit: limit,
            source: reader
        ).map(\.key)
    }

    /// The open parked events that a node recorded for its site, in the order in which it did.
    ///
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(parked events of the site).
    package mutating func parkedEvents(
        of node: NodeID,
        at site: SiteCode
    ) throws(EngineError) -> [EventID] {
        var found: [EventID] = []
        for home in [nil, site] as [SiteCode?] {
            var prefix = ByteWriter()
            prefix.id(home)
            let rows = try cache.parked.rows(
                from: prefix.bytes,
                to: upperBound(ofPrefix: prefix.bytes),
                limit: .max,
                source: reader
            )
            for (key, row) in rows
            where key.event.node == node && row.verdict == .parked && !row.isClosed {
                found.append(key.event)
            }
        }
        return found.sorted { $0.sequence < $1.sequence }
    }

    /// What is known of a parked event or a rejected claim, at the first of the sites that show it.
    package mutating func parkedRow(
        _ event: EventID,
        at home: SiteCode?
    ) throws(EngineError) -> ParkedRow? {
        try cache.parked.row(ParkedRow.Key(home: home, event: event), from: reader)
    }

    /// The sites that show a conflict of a site; none if the site has no such conflict.
    package mutating func sites(
        of conflict: String,
        at site: SiteCode
    ) throws(EngineError) -> [SiteCode] {
        let key = ConflictRow.Key(home: site, id: conflict)
        return try cache.conflicts.row(key, from: reader)?.sites ?? []
    }

    /// The first site that shows a conflict; nil if none does, or the network's catalogue.
    package mutating func siteOfConflict(_ id: String) throws(EngineError) -> SiteCode? {
        for site in try heldSites() {
            let key = ConflictRow.Key(home: site, id: id)
            if try cache.conflicts.row(key, from: reader) != nil { return site }
        }
        return nil
    }

    /// The first of the sites that shows an exception; nil if none does.
    package mutating func siteOfException(
        _ id: String,
        among sites: [SiteCode]
    ) throws(EngineError) -> SiteCode? {
        let parts = id.split(separator: "/")
        guard parts.count == 2, let event = EventID(String(parts[0])),
            let index = UInt32(String(parts[1]))
        else { return nil }
        for site in sites {
            let key = ExceptionRow.Key(home: site, event: event, index: index)
            if try cache.exceptions.row(key, from: reader) != nil { return site }
        }
        return nil
    }
}
