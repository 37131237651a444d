import Causality

/// Items and locations that are retired and still moved: what was done stands.
extension StockState {
    /// Says that the event at hand is about what is retired: a conflict if it did not know, else an
    /// exception.
    mutating func noteRetired(_ current: Current) throws(EngineError) {
        guard !report.retired.isEmpty else { return }
        let retired = report.retired
        var subjects: Set<String> = []
        for (sku, place, retirement) in retired {
            let subject = place.map { "\($0.home)/\($0.location)" } ?? sku.text
            guard subjects.insert(subject).inserted else { continue }
            if isConcurrent(current, with: retirement) {
                try raiseMovedRetired(current, with: retirement, sku, subject, at: place?.home)
            } else if let place {
                raise(
                    "location_retired",
                    sku,
                    "\(place.location) is retired, and \(sku) moved there.",
                    at: place.home
                )
            } else {
                raise("item_retired", sku, "\(sku) is retired and still moved.")
            }
        }
    }

    /// The retirement of an item meets movements that it did not know of, at each site for itself.
    mutating func noteMovedMeanwhile(
        _ current: Current,
        _ sku: SKU
    ) throws(EngineError) {
        for site in try heldSites() {
            let stock = StockKey(home: site, sku: sku)
            guard let summary = try cache.summaries.row(stock, from: reader),
                let movement = unknown(summary.movedBy, to: current)
            else { continue }
            try raiseMovedRetired(current, with: movement, sku, sku.text, at: site)
        }
    }

    /// The sites whose rows this copy holds.
    mutating func heldSites() throws(EngineError) -> [SiteCode] {
        switch settings.scope {
        case .site(let own): return [own]
        case .everything:
            return try cache.sites.rows(
                from: [],
                to: upperBound(ofPrefix: []),
                limit: .max,
                source: reader
            ).map(\.key.code)
        }
    }

    private mutating func raiseMovedRetired(
        _ current: Current,
        with other: EventRef,
        _ sku: SKU,
        _ subject: String,
        at site: SiteCode? = nil
    ) throws(EngineError) {
        try raiseConflict(
            .movedAfterRetirement,
            current,
            with: other,
            sku: sku,
            subject: subject,
            resolution: "What was done stands; \(subject) stays retired.",
            before: "moved and retired, neither knowing of the other",
            after: "\(subject) is retired",
            compensation: "Use up what is left, or register \(subject) again.",
            isResolved: true,
            at: site
        )
    }
}
