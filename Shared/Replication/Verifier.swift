import Causality
import InventoryEngine

/// A proof of a store in the making.
struct Verifier {
    /// How many events, entries or rows are read at a time.
    static let pageCount = 1_000
    /// The most bytes of events that are read at a time.
    private static let pageBytesMax = 8 << 20
    /// The most rows that stay decoded between pages.
    private static let cachedRowsMax = 100_000

    let log: any LogReading
    let identity: NodeIdentity
    let scope: Scope
    let epoch: Epoch
    var result = Verification()
    /// Where an identity was found broken already.
    private var brokenPlaces: Set<String> = []

    init(log: any LogReading, identity: NodeIdentity, scope: Scope, epoch: Epoch) {
        self.log = log
        self.identity = identity
        self.scope = scope
        self.epoch = epoch
    }

    /// How far the fold has come: what was ordered later was not known then.
    private final class FoldPosition {
        var last = HubPosition.start
    }

    // MARK: The two kinds of store

    mutating func proveNode(_ ledger: NodeLedger, _ progress: NodeProgress) {
        attempt("the node's events") { (verifier) in
            let last = try verifier.proveChain(of: ledger.identity.node)
            try verifier.proveCursor(progress, last)
        }
        guard let base = folded({ try $0.foldBase() }) else { return }
        attempt("the base") { try $0.compareBase(with: base) }
        var isExact = false
        attempt("the overlay's cursor") { (verifier) in
            isExact = try verifier.log.overlayPosition() == progress.applied
        }
        guard isExact else { return }
        let overlay = folded { try $0.foldOverlay(over: base, ledger, progress) }
        guard let overlay else { return }
        attempt("the overlay") { try $0.compareOverlay(with: overlay) }
        result.isOverlayChecked = true
    }

    mutating func proveHub() {
        guard let base = folded({ try $0.foldBase() }) else { return }
        attempt("the nodes' events") { (verifier) in
            var nodes = [verifier.identity.node]
            var pages = RowPages(source: base, kind: .node)
            while let (key, _) = try pages.next() {
                let node = try NodeRow.Key(bytes: key).node
                if !nodes.contains(node) { nodes.append(node) }
            }
            let head = try verifier.log.head(in: nil)
            for node in nodes {
                let last = try verifier.proveChain(of: node)
                let ordered = try verifier.log.acknowledged(of: node, at: head)
                guard ordered != last else { continue }
                verifier.result.add(
                    .entryMissing,
                    "The hub holds events up to \(last) of the node, and has ordered \(ordered).",
                    at: "\(node)"
                )
            }
        }
        attempt("the base") { try $0.compareBase(with: base) }
    }

    /// Runs a part of the proof; what cannot be read is a finding and ends that part.
    private mutating func attempt(_ what: String, _ part: (inout Verifier) throws -> Void) {
        do {
            try part(&self)
        } catch {
            result.add(.unreadable, "\(Self.sentence(error))", at: what)
        }
    }

    private mutating func folded(
        _ part: (inout Verifier) throws -> FoldedRows
    ) -> FoldedRows? {
        var rows: FoldedRows?
        attempt("the history") { rows = try part(&$0) }
        return rows
    }

    private static func sentence(_ error: any Error) -> String {
        switch error {
        case let error as EngineError: error.message
        case let error as ReplicationError: error.message
        default: "\(error)"
        }
    }

    // MARK: Events

    /// Computes a node's chain again.
    ///
    /// - Returns: The last sequence that is held.
    private mutating func proveChain(of node: NodeID) throws -> UInt64 {
        var last: UInt64 = 0
        var tip = ContentHash.zero
        while true {
            let events = try log.events(
                of: node,
                after: last,
                limit: Self.pageCount,
                bytesMax: Self.pageBytesMax
            )
            guard !events.isEmpty else { return last }
            for event in events {
                result.eventCount += 1
                if event.id.sequence != last + 1 {
                    result.add(
                        .eventMissing,
                        "The events from \(last + 1) to \(event.id.sequence - 1) are missing.",
                        at: "\(event.id)"
                    )
                } else if HashChain.link(tip, event.bytes) != event.chainHash {
                    result.add(
                        .eventChainBroken,
                        "The event is not what the chain says, or the chain was changed.",
                        at: "\(event.id)"
                    )
                }
                last = event.id.sequence
                tip = event.chainHash
            }
        }
    }

    private mutating func proveCursor(_ progress: NodeProgress, _ last: UInt64) throws {
        let place = "position \(progress.applied.rawValue)"
        if let entry = try log.entry(at: progress.applied),
            entry.chainHash != progress.appliedHash
        {
            result.add(
                .cursorDiffers,
                "The hub's chain there is not the one of the entry.",
                at: place
            )
        }
        if try log.head(in: nil) > progress.applied {
            result.add(.cursorDiffers, "There are entries beyond the cursor.", at: place)
        }
        let ordered = try log.acknowledged(of: identity.node, at: progress.applied)
        if ordered != progress.retired || progress.retired > last {
            result.add(
                .cursorDiffers,
                "Own events up to \(progress.retired) are retired, and \(ordered) are ordered.",
                at: place
            )
        }
    }

    // MARK: Folding

    private func state(_ rows: FoldedRows, _ cache: consuming RowCache) -> StockState {
        StockState(
            cache: cache,
            source: rows,
            settings: StateSettings(
                scope: scope,
                moneyScale: identity.moneyScale,
                node: identity.node,
                epoch: epoch,
                keepsDigests: false
            )
        )
    }

    /// Folds all entries from nothing, obeying what they say.
    private mutating func foldBase() throws -> FoldedRows {
        let log = log
        let isHub = scope == .everything
        let own = identity.node
        let position = FoldPosition()
        let rows = FoldedRows { id in
            guard let sealed = try log.event(id) else { return nil }
            let entry = try log.entry(of: id)
            if let entry, entry.position > position.last {
                // Only what was recorded here was there before it was ordered.
                guard !isHub, id.node == own else { return nil }
                return LocatedEvent(event: try WireFormat.decodeEvent(sealed.bytes), entry: nil)
            }
            return LocatedEvent(event: try WireFormat.decodeEvent(sealed.bytes), entry: entry)
        }
        var cache = RowCache()
        var tip = ContentHash.zero
        while true {
            let entries = try log.entries(after: position.last, in: nil, limit: Self.pageCount)
            guard !entries.isEmpty else { return rows }
            var state = state(rows, cache)
            cache = RowCache()
            for entry in entries {
                result.entryCount += 1
                proveOrder(entry, after: position.last, tip)
                position.last = entry.position
                tip = entry.chainHash
                guard let event = try event(of: entry) else { continue }
                let outcome = try state.apply(
                    event,
                    ordering: .ordered(at: entry.position, entry.ruling)
                )
                guard outcome.differsFromHub else { continue }
                result.add(
                    .rulingDiffers,
                    "The entry says \(entry.ruling.verdict.text), the rules say "
                        + "\(outcome.ruling.verdict.text).",
                    at: "position \(entry.position.rawValue)"
                )
            }
            rows.apply(try state.takeChanges())
            cache = state.intoCache()
            cache.trim(rowsMax: Self.cachedRowsMax)
        }
    }

    private mutating func proveOrder(
        _ entry: Entry,
        after last: HubPosition,
        _ tip: ContentHash
    ) {
        let place = "position \(entry.position.rawValue)"
        guard entry.position > last else {
            result.add(.entryOutOfOrder, "The position does not follow the one before.", at: place)
            return
        }
        guard scope == .everything else { return }  // a node holds only what is in its scope
        if entry.position != last.next {
            result.add(.entryOutOfOrder, "A position before it is missing.", at: place)
        } else if HashChain.link(tip, entry.chainedBytes) != entry.chainHash {
            result.add(
                .entryChainBroken,
                "The entry is not what the hub's chain says, or the chain was changed.",
                at: place
            )
        }
    }

    /// The event of an entry as it was folded; nil if it is not held.
    private mutating func event(of entry: Entry) throws -> InventoryEvent? {
        let place = "position \(entry.position.rawValue), event \(entry.event)"
        guard let sealed = try log.event(entry.event) else {
            result.add(.entryWithoutEvent, "The event of the entry is not held.", at: place)
            return nil
        }
        if scope != .everything, entry.event.node != identity.node {
            result.eventCount += 1
            // Of another node's events not all are held: each stands with its own hash.
            if sealed.chainHash != ContentHash.of(sealed.bytes) {
                result.add(.eventChainBroken, "The event is not what was pulled.", at: place)
            }
        }
        let site: SiteCode?
        switch scope {
        case .site(let own): site = own
        case .everything: site = entry.ruling.sites.first ?? SiteCode("HUB")
        }
        guard let site else { return nil }
        var event = try HubLedger.decoded(sealed.bytes, id: entry.event, site: site)
        if entry.ruling.verdict != .parked, case .unknown("malformed") = event.body {
            result.add(.eventUnreadable, "The bytes of the event are none.", at: place)
        }
        if scope == .everything, entry.ruling.sites != event.namedSites {
            // What a node may not say is kept and parked under its own site.
            if entry.ruling.verdict == .parked, let home = entry.ruling.sites.first {
                event.site = home
                event.body = .unknown(type: event.body.type)
            } else {
                result.add(
                    .rulingDiffers,
                    "The entry names other sites than its event.",
                    at: place
                )
            }
        }
        return event
    }

    /// Folds the pending events on top of the base.
    private mutating func foldOverlay(
        over base: FoldedRows,
        _ ledger: NodeLedger,
        _ progress: NodeProgress
    ) throws -> FoldedRows {
        let log = log
        let rows = FoldedRows(over: base) { id in
            guard let sealed = try log.event(id) else { return nil }
            return LocatedEvent(
                event: try WireFormat.decodeEvent(sealed.bytes),
                entry: try log.entry(of: id)
            )
        }
        var after = progress.retired
        while true {
            let events = try log.events(
                of: identity.node,
                after: after,
                limit: Self.pageCount,
                bytesMax: Self.pageBytesMax
            )
            guard let last = events.last else { return rows }
            var state = state(rows, RowCache())
            for sealed in events {
                let event = try HubLedger.decoded(sealed.bytes, id: sealed.id, site: ledger.site)
                _ = try state.apply(event, ordering: .pending)
                try ledger.predictCosts(&state, after: event)
            }
            rows.apply(try state.takeChanges())
            after = last.id.sequence
        }
    }

    // MARK: Rows

    private mutating func compareBase(with folded: FoldedRows) throws {
        var digests: [DigestRow.Key: DigestSum] = [:]
        var identities = StateIdentities()
        for kind in RowKind.allCases where kind != .digest {
            let stored = log.source(.base)
            try compare(kind, stored, folded) { (verifier, key, value) in
                verifier.result.rowCount += 1
                do {
                    let row = try RowInspection(kind, key: key, value: value)
                    try identities.add(kind, key: key, value: value)
                    guard let digest = row.digest else { return }
                    digests[digest, default: .zero].add(rowHash(kind, key, value))
                } catch {
                    verifier.result.add(
                        .rowUnreadable,
                        Self.sentence(error),
                        at: Self.name(kind, key)
                    )
                }
            } report: { (verifier, difference, key) in
                switch difference {
                case .missing:
                    verifier.result.add(
                        .rowMissing,
                        "The events make a row that is not stored.",
                        at: Self.name(kind, key)
                    )
                case .surplus:
                    verifier.result.add(
                        .rowSurplus,
                        "A row is stored that no event makes.",
                        at: Self.name(kind, key)
                    )
                case .different:
                    verifier.result.add(
                        .rowDiffers,
                        "The stored row is not the one that the events make.",
                        at: Self.name(kind, key)
                    )
                }
            }
        }
        try compareDigests(digests)
        report(identities)
    }

    private mutating func compareDigests(_ sums: [DigestRow.Key: DigestSum]) throws {
        var open = sums.filter { $0.value != .zero }
        func place(_ key: DigestRow.Key) -> String {
            "\(key.layer.text) of \(key.home?.text ?? "the network")"
        }
        var pages = RowPages(source: log.source(.base), kind: .digest)
        while let (key, value) = try pages.next() {
            result.rowCount += 1
            guard let name = try? DigestRow.Key(bytes: key),
                let row = try? DigestRow(bytes: value)
            else {
                result.add(
                    .rowUnreadable,
                    "The digest cannot be read.",
                    at: Self.name(.digest, key)
                )
                continue
            }
            let sum = open.removeValue(forKey: name) ?? .zero
            if sum != row.sum {
                result.add(
                    .digestDiffers,
                    "The digest is not the sum of the stored rows.",
                    at: place(name)
                )
            }
        }
        for key in open.keys.sorted(by: { place($0) < place($1) }) {
            result.add(.digestDiffers, "The digest is missing.", at: place(key))
        }
    }

    private mutating func compareOverlay(with folded: FoldedRows) throws {
        let base = log.source(.base)
        var identities: StateIdentities? = StateIdentities()
        for kind in RowKind.allCases where kind != .digest {
            try compare(kind, log.source(.overlay), folded) { (verifier, key, value) in
                if folded.isOwn(kind, key) { verifier.result.rowCount += 1 }
                do {
                    try identities?.add(kind, key: key, value: value)
                } catch {
                    identities = nil  // a row that cannot be read is told where it is compared
                }
            } report: { (verifier, difference, key) in
                // Where nothing lies on top, the base was compared already.
                if !folded.isOwn(kind, key) {
                    let shown = try verifier.log.source(.overlay).row(kind, key)
                    if try base.row(kind, key) == shown { return }
                }
                let code: Verification.Finding.Code
                let sentence: String
                switch difference {
                case .missing:
                    (code, sentence) = (
                        .overlayRowMissing, "The pending events make a row that is not stored."
                    )
                case .surplus:
                    (code, sentence) = (
                        .overlayRowSurplus, "A row is stored that no pending event makes."
                    )
                case .different:
                    (code, sentence) = (
                        .overlayRowDiffers,
                        "The stored row is not the one that the pending events make."
                    )
                }
                verifier.result.add(code, sentence, at: Self.name(kind, key))
            }
        }
        report(identities)
    }

    /// Tells the identities that do not hold, once for base and overlay.
    private mutating func report(_ identities: StateIdentities?) {
        for fault in identities?.faults() ?? [] where brokenPlaces.insert(fault.place).inserted {
            result.add(.identityBroken, fault.sentence, at: fault.place)
        }
    }

    private enum Difference {
        case missing
        case surplus
        case different
    }

    /// Walks through the stored rows and the folded ones of a kind side by side.
    private mutating func compare(
        _ kind: RowKind,
        _ stored: any RowSource,
        _ folded: FoldedRows,
        visit: (inout Verifier, _ key: [UInt8], _ value: [UInt8]) throws -> Void,
        report: (inout Verifier, Difference, _ key: [UInt8]) throws -> Void
    ) throws {
        var storedPages = RowPages(source: stored, kind: kind)
        var foldedPages = RowPages(source: folded, kind: kind)
        var wanted = try foldedPages.next()
        while let (key, value) = try storedPages.next() {
            while let row = wanted, row.key.lexicographicallyPrecedes(key) {
                try report(&self, .missing, row.key)
                wanted = try foldedPages.next()
            }
            try visit(&self, key, value)
            if let row = wanted, row.key == key {
                if row.value != value { try report(&self, .different, key) }
                wanted = try foldedPages.next()
            } else {
                try report(&self, .surplus, key)
            }
        }
        while let row = wanted {
            try report(&self, .missing, row.key)
            wanted = try foldedPages.next()
        }
    }

    /// A row as people can read it: its kind, and what of its key is text.
    private static func name(_ kind: RowKind, _ key: [UInt8]) -> String {
        let parts = key.split { !(0x20..<0x7F).contains($0) }
        return "\(kind) " + parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }
}

/// All rows of a kind in key order, a page at a time.
struct RowPages {
    private let source: any RowSource
    private let kind: RowKind
    private var page: [(key: [UInt8], value: [UInt8])] = []
    private var index = 0
    private var lower: [UInt8] = []
    private var isAtEnd = false

    /// Above every key: none is as long, and text never holds the byte.
    private static let upper = [UInt8](repeating: 0xFF, count: 256)

    init(source: any RowSource, kind: RowKind) {
        self.source = source
        self.kind = kind
    }

    /// The next row; nil after the last.
    mutating func next() throws -> (key: [UInt8], value: [UInt8])? {
        if index == page.count {
            guard !isAtEnd else { return nil }
            page = try source.rows(
                kind,
                from: lower,
                to: Self.upper,
                limit: Verifier.pageCount,
                descending: false
            )
            index = 0
            isAtEnd = page.count < Verifier.pageCount
            guard let last = page.last else { return nil }
            lower = last.key + [0]
        }
        defer { index += 1 }
        return page[index]
    }
}
