public import Causality
public import InventoryEngine

/// Rows in memory, alone or on top of others, with the events that rows refer to.
///
/// What lies on top hides what lies below, as the overlay of a node hides its base.
public final class InMemoryRowSource: RowSource {
    private struct Table {
        var keys: [[UInt8]] = []
        var values: [[UInt8]?] = []

        func place(_ key: [UInt8]) -> Int {
            var low = 0
            var high = keys.count
            while low < high {
                let middle = low + (high - low) / 2
                if keys[middle].lexicographicallyPrecedes(key) {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            return low
        }
    }

    private let below: InMemoryRowSource?
    private var tables: [RowKind: Table] = [:]
    private var events: [EventID: LocatedEvent] = [:]

    /// Makes an empty source.
    ///
    /// - Parameter below: The rows that show through; nil for none.
    public init(over below: InMemoryRowSource? = nil) {
        self.below = below
    }

    /// A source of its own with the same rows and events.
    ///
    /// - Parameter below: The copy of the rows that show through; nil for none.
    /// - Returns: The copy; what is written to one of them does not show in the other.
    public func copied(over below: InMemoryRowSource? = nil) -> InMemoryRowSource {
        let copy = InMemoryRowSource(over: below)
        copy.tables = tables
        copy.events = events
        return copy
    }

    private func own(_ kind: RowKind, _ key: [UInt8]) -> [UInt8]?? {
        guard let table = tables[kind] else { return nil }
        let place = table.place(key)
        guard place < table.keys.count, table.keys[place] == key else { return nil }
        return .some(table.values[place])
    }

    /// Reads one row.
    public func row(_ kind: RowKind, _ key: [UInt8]) -> [UInt8]? {
        if let value = own(kind, key) { return value }
        return below?.row(kind, key)
    }

    /// Reads the rows of a range of keys.
    public func rows(
        _ kind: RowKind,
        from lower: [UInt8],
        to upper: [UInt8],
        limit: Int,
        descending: Bool
    ) -> [(key: [UInt8], value: [UInt8])] {
        var found =
            below?.rows(kind, from: lower, to: upper, limit: .max, descending: false) ?? []
        if let table = tables[kind] {
            let range = table.place(lower)..<max(table.place(lower), table.place(upper))
            if !range.isEmpty, !found.isEmpty {
                let hidden = Set(table.keys[range])
                found.removeAll { hidden.contains($0.key) }
            }
            let needsSort = !found.isEmpty
            for index in range {
                if let value = table.values[index] { found.append((table.keys[index], value)) }
            }
            if needsSort { found.sort { $0.key.lexicographicallyPrecedes($1.key) } }
        }
        if descending { found.reverse() }
        return Array(found.prefix(limit))
    }

    /// All rows of a kind, in key order.
    public func rows(_ kind: RowKind) -> [(key: [UInt8], value: [UInt8])] {
        let last = [UInt8](repeating: 0xFF, count: 9)
        return rows(kind, from: [], to: last, limit: .max, descending: false)
    }

    /// Finds an event that was noted here or below.
    public func located(_ id: EventID) -> LocatedEvent? {
        events[id] ?? below?.located(id)
    }

    /// Remembers an event, or what the hub has since decided about it.
    public func note(_ event: LocatedEvent) {
        events[event.event.id] = event
    }

    /// Writes what a commit changed.
    public func apply(_ changes: [RowChange]) {
        for change in changes {
            var table = tables.removeValue(forKey: change.kind) ?? Table()
            let place = table.place(change.key)
            if place < table.keys.count, table.keys[place] == change.key {
                if change.value == nil, below == nil {
                    table.keys.remove(at: place)
                    table.values.remove(at: place)
                } else {
                    table.values[place] = change.value
                }
            } else if change.value != nil || below != nil {
                table.keys.insert(change.key, at: place)
                table.values.insert(change.value, at: place)
            }
            tables[change.kind] = table
        }
    }

    /// Forgets the rows, not the events.
    public func removeRows() {
        tables = [:]
    }

    /// The rows that belong to one site, or with nil to the network, by kind and key.
    public func rows(of site: SiteCode?) -> [RowName: [UInt8]] {
        var found: [RowName: [UInt8]] = [:]
        // What events wait for is the hub's own index.
        for kind in RowKind.allCases where kind != .awaited {
            for row in rows(kind) where Self.home(kind, row.key) == site {
                found[RowName(kind: kind, key: row.key)] = row.value
            }
        }
        return found
    }

    private static func home(_ kind: RowKind, _ key: [UInt8]) -> SiteCode? {
        switch kind {
        case .item, .site, .node, .policy, .person: nil
        default: SiteCode(String(decoding: key.prefix { $0 != 0 }, as: UTF8.self))
        }
    }
}

/// A row's kind and key; prints what people can read of it.
public struct RowName: Hashable, Sendable, CustomStringConvertible {
    /// The kind of row.
    public var kind: RowKind
    /// The key's bytes.
    public var key: [UInt8]

    /// Names a row.
    public init(kind: RowKind, key: [UInt8]) {
        self.kind = kind
        self.key = key
    }

    /// The kind, and the printable characters of the key.
    public var description: String {
        let text = key.map { (32..<127).contains($0) ? String(UnicodeScalar($0)) : "·" }
        return "\(kind) \(text.joined())"
    }
}

/// One copy of the state: rows, the cache over them, and what the engine is told about it.
public struct EngineCopy {
    /// Where the rows are.
    public let source: InMemoryRowSource
    /// What the engine is told.
    public let settings: StateSettings
    /// Whether rows stay in memory between transactions; the result must not depend on it.
    public var keepsCache = true
    private var cache = RowCache()

    /// Makes a copy over rows.
    public init(source: InMemoryRowSource, settings: StateSettings) {
        self.source = source
        self.settings = settings
    }

    /// Works on the state and writes what changed, or nothing if `body` throws.
    public mutating func transact<Result>(
        _ body: (inout StockState) throws -> Result
    ) throws -> Result {
        let held = keepsCache ? cache : RowCache()
        cache = RowCache()  // so that the rows are not copied; after an error they are read again
        var state = StockState(cache: held, source: source, settings: settings)
        let result = try body(&state)
        source.apply(try state.takeChanges())
        cache = state.intoCache()
        return result
    }

    /// The same state over another source that holds the same rows.
    public func moved(to source: InMemoryRowSource) -> EngineCopy {
        var copy = EngineCopy(source: source, settings: settings)
        copy.keepsCache = keepsCache
        return copy
    }

    /// Forgets the rows in memory.
    public mutating func dropCache() {
        cache = RowCache()
    }
}

/// The rounds after which follow-ups that bring about others count as a fault.
private let followUpRoundsMax = 64

/// Follow-ups that never end.
public struct EndlessFollowUps: Error {}

/// What recording one command has brought about.
public struct Recorded: Sendable {
    /// The event that was recorded.
    public var event: InventoryEvent
    /// What applying it has brought about.
    public var outcome: Outcome
    /// The promises that became final through it, recorded as events of their own.
    public var promises: [InventoryEvent]
}

/// A node at a site, without disk and network: a base that the hub ordered, an overlay that it
/// predicts, and the events that the hub has not seen.
public struct EdgeHarness {
    /// The node.
    public let node: NodeID
    /// Its site.
    public let site: SiteCode
    /// What the hub has ordered.
    public private(set) var base: EngineCopy
    /// The base with what is pending on top: what the node shows.
    public private(set) var overlay: EngineCopy
    /// What the hub has not acknowledged, in order.
    public private(set) var pending: [InventoryEvent] = []
    /// Up to where the base goes.
    public private(set) var applied = HubPosition.start
    /// What the clock shows; each command moves it on by a second.
    public var now: Instant
    /// How often obeying the hub gave another verdict than the hub's.
    public private(set) var differenceCount = 0
    private var epoch = Epoch.none
    private var sequence: UInt64 = 0
    private var sentCount = 0

    /// Makes a node that knows nothing.
    public init(
        node: NodeID,
        site: SiteCode,
        moneyScale: UInt8 = 4,
        epoch: Epoch,
        now: Instant,
        keepsDigestsOfOverlay: Bool = false
    ) {
        self.node = node
        self.site = site
        self.now = now
        var settings = StateSettings(
            scope: .site(site),
            moneyScale: moneyScale,
            node: node,
            epoch: epoch,
            keepsDigests: true
        )
        base = EngineCopy(source: InMemoryRowSource(), settings: settings)
        settings.keepsDigests = keepsDigestsOfOverlay
        overlay = EngineCopy(source: InMemoryRowSource(over: base.source), settings: settings)
    }

    /// A node of its own that stands where this one does.
    public func copied() -> EdgeHarness {
        var copy = self
        copy.base = base.moved(to: base.source.copied())
        copy.overlay = overlay.moved(to: overlay.source.copied(over: copy.base.source))
        return copy
    }

    /// Whether rows stay in memory between transactions.
    public var keepsCache: Bool {
        get { base.keepsCache }
        set {
            base.keepsCache = newValue
            overlay.keepsCache = newValue
        }
    }

    /// The rows that the node shows.
    public var rows: InMemoryRowSource { overlay.source }

    /// Asks what the node shows.
    public mutating func reading<Result>(
        _ body: (inout StockState) throws -> Result
    ) throws -> Result {
        try overlay.transact(body)
    }

    /// Decides and records a command, and what follows from it.
    ///
    /// - Throws: ``EngineError`` when it is refused; then nothing has changed.
    @discardableResult
    public mutating func record(_ command: InventoryCommand) throws -> Recorded {
        let time = now.adding(microseconds: 1_000_000)
        let node = node
        let site = site
        let source = base.source
        let context = CausalContext(epoch: epoch, position: applied, extra: VectorClock())
        var last = sequence
        let recorded = try overlay.transact { state in
            state.decidesAt = time
            let body = try InventoryRules.decide(command, in: &state, by: node, at: site)
            last += 1
            let event = InventoryEvent(
                id: EventID(node: node, sequence: last),
                site: site,
                at: command.at,
                recordedAt: HybridTimestamp(wall: time, counter: 0),
                op: command.op,
                actor: command.actor,
                device: command.device,
                note: command.note,
                context: context,
                corrects: command.corrects,
                isForced: command.isForced,
                commandHash: command.op == nil ? nil : command.contentHash,
                body: body
            )
            let outcome = try state.apply(event, ordering: .recording)
            source.note(LocatedEvent(event: event, entry: nil))
            try Self.predict(&state, after: event)
            var promises: [InventoryEvent] = []
            while true {
                let due = try state.takeDuePromises(by: node)
                guard !due.isEmpty else { break }
                guard promises.count < followUpRoundsMax * 16 else { throw EndlessFollowUps() }
                for (_, body) in due {
                    last += 1
                    let promise = InventoryEvent(
                        id: EventID(node: node, sequence: last),
                        site: site,
                        recordedAt: HybridTimestamp(wall: time, counter: UInt32(last % 1_000)),
                        context: context,
                        body: body
                    )
                    _ = try state.apply(promise, ordering: .recording)
                    source.note(LocatedEvent(event: promise, entry: nil))
                    try Self.predict(&state, after: promise)
                    promises.append(promise)
                }
            }
            return Recorded(event: event, outcome: outcome, promises: promises)
        }
        now = time
        sequence = last
        pending.append(recorded.event)
        pending += recorded.promises
        return recorded
    }

    private static func predict(
        _ state: inout StockState,
        after event: InventoryEvent
    ) throws {
        for _ in 0..<followUpRoundsMax {
            let bodies = try state.takeCostAdjustments()
            guard !bodies.isEmpty else { return }
            for body in bodies {
                guard case .costAdjusted(let adjustment) = body else { continue }
                let prediction = InventoryEvent(
                    id: EventID(node: NodeID(high: 0, low: 0), sequence: event.id.sequence),
                    site: adjustment.site,
                    recordedAt: event.recordedAt,
                    context: event.context,
                    body: body
                )
                _ = try state.apply(prediction, ordering: .pending)
            }
        }
        throw EndlessFollowUps()
    }

    /// Hands out the next events that were not sent, at most `limit`.
    public mutating func send(limit: Int = .max) -> [InventoryEvent] {
        let events = Array(pending.dropFirst(sentCount).prefix(limit))
        sentCount += events.count
        return events
    }

    /// Takes what the hub has ordered since, and folds what is pending again on top.
    ///
    /// One transaction applies at most `transactionLimit` entries.
    public mutating func pull(from hub: HubHarness, transactionLimit: Int = .max) throws {
        epoch = hub.epoch
        let news = hub.entries.dropFirst(Int(applied.rawValue)).filter { located in
            guard let sites = located.entry?.ruling.sites else { return false }
            return sites.isEmpty || sites.contains(site)
        }
        var left = news[...]
        while !left.isEmpty {
            let page = left.prefix(max(1, transactionLimit))
            left = left.dropFirst(page.count)
            let source = base.source
            let differences = try base.transact { state in
                var differences = 0
                for located in page {
                    guard let entry = located.entry else { continue }
                    source.note(located)
                    let outcome = try state.apply(
                        located.event,
                        ordering: .ordered(at: entry.position, entry.ruling)
                    )
                    if outcome.differsFromHub { differences += 1 }
                }
                return differences
            }
            differenceCount += differences
        }
        if let last = hub.entries.last?.entry?.position { applied = last }
        let acknowledged = hub.acknowledged(of: node)
        let before = pending.count
        pending.removeAll { $0.id.sequence <= acknowledged }
        sentCount = max(0, sentCount - (before - pending.count))
        try foldPendingAgain()
    }

    private mutating func foldPendingAgain() throws {
        overlay.source.removeRows()
        overlay.dropCache()
        let pending = pending
        try overlay.transact { state in
            for event in pending {
                _ = try state.apply(event, ordering: .pending)
                try Self.predict(&state, after: event)
            }
        }
    }
}

/// The hub, without disk and network: it gives events their positions.
public struct HubHarness {
    /// The hub's node.
    public let node: NodeID
    /// The hub's history.
    public let epoch: Epoch
    /// The state of all sites.
    public private(set) var copy: EngineCopy
    /// The log, position 1 first.
    public private(set) var entries: [LocatedEvent] = []
    private var sequence: UInt64 = 0
    private var counts: [NodeID: UInt64] = [:]

    /// Makes a hub with an empty log.
    public init(node: NodeID, epoch: Epoch, moneyScale: UInt8 = 4) {
        self.node = node
        self.epoch = epoch
        copy = EngineCopy(
            source: InMemoryRowSource(),
            settings: StateSettings(
                scope: .everything,
                moneyScale: moneyScale,
                node: node,
                epoch: epoch,
                keepsDigests: true
            )
        )
    }

    /// A hub of its own that stands where this one does.
    public func copied() -> HubHarness {
        var hub = self
        hub.copy = copy.moved(to: copy.source.copied())
        return hub
    }

    /// Whether rows stay in memory between transactions.
    public var keepsCache: Bool {
        get { copy.keepsCache }
        set { copy.keepsCache = newValue }
    }

    /// The rows of all sites.
    public var rows: InMemoryRowSource { copy.source }

    /// The last sequence of a node that the hub holds.
    public func acknowledged(of node: NodeID) -> UInt64 { counts[node] ?? 0 }

    /// Orders a batch, and after it, or after each event of it, what follows.
    ///
    /// - Returns: What applying each event of the batch has brought about.
    @discardableResult
    public mutating func receive(
        _ events: [InventoryEvent],
        at receivedAt: Instant,
        followsUpEachEvent: Bool = false
    ) throws -> [Outcome] {
        var work = self
        let outcomes = try work.copy.transact { [original = self] state in
            var log = original
            var outcomes: [Outcome] = []
            for event in events {
                outcomes.append(try log.order(event, &state, receivedAt))
                if followsUpEachEvent { try log.followUp(&state, receivedAt) }
            }
            try log.followUp(&state, receivedAt)
            return (outcomes, log)
        }
        self = outcomes.1
        copy = work.copy
        return outcomes.0
    }

    /// Records bodies as entries of the hub's own: sites and nodes.
    public mutating func record(_ bodies: [EventBody], at now: Instant) throws {
        var events: [InventoryEvent] = []
        for body in bodies { events.append(own(body, at: nil, now)) }
        try receive(events, at: now)
    }

    private mutating func own(
        _ body: EventBody,
        at site: SiteCode?,
        _ now: Instant
    ) -> InventoryEvent {
        sequence += 1
        let position = HubPosition(UInt64(entries.count))
        return InventoryEvent(
            id: EventID(node: node, sequence: sequence),
            site: site ?? Self.ownSite,
            recordedAt: HybridTimestamp(wall: now, counter: 0),
            context: CausalContext(epoch: epoch, position: position, extra: VectorClock()),
            body: body
        )
    }

    private static let ownSite: SiteCode = {
        guard let site = SiteCode("HUB") else { preconditionFailure("HUB is a site code.") }
        return site
    }()

    private mutating func order(
        _ event: InventoryEvent,
        _ state: inout StockState,
        _ receivedAt: Instant
    ) throws -> Outcome {
        let position = HubPosition(UInt64(entries.count) + 1)
        rows.note(LocatedEvent(event: event, entry: nil))
        let outcome = try state.apply(
            event,
            ordering: .ordering(at: position, receivedAt: receivedAt)
        )
        let entry = Entry(
            position: position,
            event: event.id,
            ruling: outcome.ruling,
            chainHash: .zero
        )
        let located = LocatedEvent(event: event, entry: entry)
        rows.note(located)
        entries.append(located)
        counts[event.id.node] = max(counts[event.id.node] ?? 0, event.id.sequence)
        return outcome
    }

    private mutating func followUp(_ state: inout StockState, _ receivedAt: Instant) throws {
        for _ in 0..<followUpRoundsMax {
            var due: [(site: SiteCode, body: EventBody)] = []
            for body in try state.takeCostAdjustments() {
                guard case .costAdjusted(let adjustment) = body else { continue }
                due.append((adjustment.site, body))
            }
            due += try state.takeDuePromises(by: node)
            guard !due.isEmpty else { return }
            for (site, body) in due {
                let event = own(body, at: site, receivedAt)
                _ = try order(event, &state, receivedAt)
            }
        }
        throw EndlessFollowUps()
    }
}
