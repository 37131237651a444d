import Causality
import Interchange
import InventoryEngine
import Replication

/// The hub's log, and behind it what is pending here.
extension ReportReader {
    /// Where a page of events begins.
    private enum Start {
        /// After a position, or below it where the newest comes first.
        case position(HubPosition)
        /// After an own event that is pending, or before it where the newest comes first.
        case pending(UInt64)

        var text: String {
            switch self {
            case .position(let position): String(position.rawValue)
            case .pending(let sequence): "pending:\(sequence)"
            }
        }

        var isPosition: Bool {
            switch self {
            case .position: true
            case .pending: false
            }
        }
    }

    mutating func events() throws -> ReportPage {
        if let text = query.event { return try oneEvent(text) }
        let start = try startOfEvents()
        let next =
            query.isNewestFirst
            ? try addNewestFirst(from: start) : try addOldestFirst(from: start)
        return ReportPage(rows: page.rows, next: next?.text)
    }

    private func startOfEvents() throws -> Start? {
        guard let text = query.after else { return nil }
        let prefix = "pending:"
        if text.hasPrefix(prefix), viewer.ownSite != nil,
            let sequence = UInt64(text.dropFirst(prefix.count))
        {
            return .pending(sequence)
        }
        guard let number = UInt64(text) else { throw InterchangeError.invalidCursor }
        var head = try log.head(in: nil)
        if viewer.ownSite != nil { head = try max(head, log.progress().applied) }
        guard number <= head.rawValue || query.isNewestFirst else {
            throw InterchangeError(
                .cursorAhead,
                "The log ends at \(head.rawValue), before the cursor \(number).",
                field: ReportParameter.after.rawValue,
                hint: "The hub may have been restored: go on after \(head.rawValue)."
            )
        }
        return .position(HubPosition(number))
    }

    private mutating func oneEvent(_ text: String) throws -> ReportPage {
        let event = try event(named: text)
        let entry = try log.entry(of: event)
        guard let sealed = try log.event(event) else { throw unknownEvent(text) }
        if let row = try row(sealed, entry) { page.add(row) }
        return ReportPage(rows: page.rows, next: nil)
    }

    /// The last own sequence that the hub has committed, which may have no entry here yet.
    private mutating func acknowledged() throws -> UInt64 {
        if let acknowledgedOnce { return acknowledgedOnce }
        let acknowledged = try log.progress().acknowledged
        acknowledgedOnce = acknowledged
        return acknowledged
    }

    /// The last own sequence that has an entry here; those above it are pending.
    private func lastOrdered() throws -> UInt64 { try log.progress().retired }

    private mutating func addOldestFirst(from start: Start?) throws -> Start? {
        var last = start
        var position = HubPosition.start
        if case .position(let given) = start { position = given }
        if case .pending = start {
        } else {
            while true {
                let limit = page.isFull ? 1 : page.fetchCount
                let entries = try log.entries(after: position, in: query.site, limit: limit)
                for entry in entries {
                    if page.isFull { return last }
                    try add(entry)
                    position = entry.position
                    last = .position(position)
                }
                if entries.count < limit { break }
            }
        }
        guard viewer.ownSite != nil else { return nil }
        var sequence = try lastOrdered()
        if case .pending(let given) = start { sequence = max(sequence, given) }
        while true {
            let events = try log.events(
                of: identity.node,
                after: sequence,
                limit: page.isFull ? 1 : page.fetchCount,
                bytesMax: PageBuilder.bytesMax
            )
            for sealed in events {
                if page.isFull { return last }
                try addPending(sealed)
                sequence = sealed.id.sequence
                last = .pending(sequence)
            }
            if events.isEmpty { return nil }
        }
    }

    private mutating func addNewestFirst(from start: Start?) throws -> Start? {
        var last = start
        var position = HubPosition(UInt64.max)
        if case .position(let given) = start { position = given }
        if viewer.ownSite != nil, start?.isPosition != true {
            let lowest = try lastOrdered()
            var bound = try log.lastEvent(of: identity.node)?.sequence ?? 0
            if case .pending(let given) = start { bound = min(bound, given > 0 ? given - 1 : 0) }
            while bound > lowest {
                if page.isFull { return last }
                // Few at once, for they are held together: an event may be large.
                let count = min(page.fetchCount, 64)
                let first = max(lowest, bound - min(bound, UInt64(count)))
                let events = try log.events(
                    of: identity.node,
                    after: first,
                    limit: count,
                    bytesMax: .max
                )
                for sealed in events.reversed() where sealed.id.sequence <= bound {
                    if page.isFull { return last }
                    try addPending(sealed)
                    last = .pending(sealed.id.sequence)
                }
                bound = first
            }
        }
        while true {
            let limit = page.isFull ? 1 : page.fetchCount
            let entries = try log.entriesDescending(
                below: position,
                in: query.site,
                limit: limit
            )
            for entry in entries {
                if page.isFull { return last }
                try add(entry)
                position = entry.position
                last = .position(position)
            }
            if entries.count < limit { return nil }
        }
    }

    // MARK: Rows

    /// What an event says; nil for bytes that are none, which are kept and shown all the same.
    func decoded(_ sealed: SealedEvent) throws(ReplicationError) -> InventoryEvent? {
        do throws(ReplicationError) {
            return try WireFormat.decodeEvent(sealed.bytes)
        } catch {
            guard error.code == .malformed else { throw error }
            return nil
        }
    }

    private mutating func add(_ entry: Entry) throws {
        page.visit()
        guard let sealed = try log.event(entry.event) else {
            throw EngineError(
                .damaged,
                "The event \(entry.event) of an entry is not held.",
                hint: "Run `verify` and restore from the other side."
            )
        }
        if let row = try row(sealed, entry) { page.add(row) }
    }

    private mutating func addPending(_ sealed: SealedEvent) throws {
        page.visit()
        if let row = try row(sealed, nil) { page.add(row) }
    }

    private mutating func row(_ sealed: SealedEvent, _ entry: Entry?) throws -> [UInt8]? {
        let event = try decoded(sealed)
        let type = event?.body.type ?? "malformed"
        guard query.type == nil || query.type == type else { return nil }
        let name = try text(of: sealed.id)
        let corrects = try event?.corrects.map { try text(of: $0) }
        var isPending = entry == nil
        if isPending, sealed.id.node == identity.node {
            isPending = try acknowledged() < sealed.id.sequence
        }
        let ruling = entry?.ruling
        let moneyScale = identity.moneyScale
        let time = event?.at?.rfc3339 ?? event?.recordedAt.wall.rfc3339
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("position", orNull: entry.map { String($0.position.rawValue) })
            writer.member("event", name)
            writer.member("type", type)
            writer.member("site", orNull: event?.site.text)
            writer.member("at", orNull: time)
            writer.member("recorded_at", orNull: event?.recordedAt.wall.rfc3339)
            writer.member("received_at", orNull: ruling?.receivedAt.rfc3339)
            writer.member("op", orNull: event?.op?.text)
            writer.member("actor", orNull: event?.actor?.text)
            writer.member("actor_verified", event?.isActorVerified ?? false)
            writer.member("note", orNull: event?.note)
            writer.member("corrects", orNull: corrects)
            writer.member("pending", isPending)
            writer.member("verdict", orNull: ruling?.verdict.text)
            writer.key("reason")
            if let reason = ruling?.reason {
                writer.object { writer in
                    writer.member("code", reason.code)
                    writer.member("message", reason.sentence)
                }
            } else {
                writer.null()
            }
            writer.key("body")
            if let event {
                writer.eventBody(event.body, moneyScale: moneyScale)
            } else {
                writer.null()
            }
        }
        return writer.bytes
    }
}
