import Causality
import Interchange
import InventoryEngine
import Replication

/// What waits for a person, and what has waited: conflicts, exceptions, parked events.
extension ReportReader {
    // MARK: Conflicts

    mutating func conflicts() throws -> ReportPage {
        try pageOfRows(conflictRanges()) { (reader, _, bytes, value) throws in
            let key = try ConflictRow.Key(bytes: bytes)
            let conflict = try ConflictRow(bytes: value)
            guard reader.wants(conflict.sku, state: conflict.isResolved ? 1 : 0) else {
                return nil
            }
            let isProvisional = try reader.isProvisional(.conflict, bytes, value)
            return try reader.row(key, conflict, isProvisional: isProvisional)
        }
    }

    private func conflictRanges() throws -> [RowRange] {
        guard let id = query.id else { return ranges(.conflict, withNetwork: true) }
        var homes = try homes(.conflict)
        if viewer.ownSite != nil, query.site == nil { homes.insert(keyPrefix(""), at: 0) }
        return homes.map { RowRange(view, .conflict, key: $0 + keyPrefix(id)) }
    }

    /// Whether a row is of the items and in the state that are asked for.
    private func wants(_ sku: SKU?, state: Int) -> Bool {
        if !query.skus.isEmpty {
            guard let sku, query.skus.contains(sku) else { return false }
        }
        return query.state == nil || query.state == query.kind.states[state]
    }

    private mutating func row(
        _ key: ConflictRow.Key,
        _ conflict: ConflictRow,
        isProvisional: Bool
    ) throws -> [UInt8] {
        var sides: [(event: String, context: CausalContext, extra: [(String, UInt64)])] = []
        for side in conflict.sides {
            let extra = try side.context.extra.entries.map { ($0.count, try text(of: $0.node)) }
            sides.append(
                (try text(of: side.event.id), side.context, extra.map { ($0.1, $0.0) })
            )
        }
        let isConcurrent = conflict.isConcurrent
        let story = query.id == nil ? nil : try story(of: conflict, isConcurrent)
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", key.id)
            writer.member("rule", conflict.rule.text)
            writer.member("state", conflict.isResolved ? "resolved" : "open")
            writer.member("site", orNull: key.home?.text)
            writer.member("sku", orNull: conflict.sku?.text)
            writer.member("subject", conflict.subject)
            writer.key("events")
            writer.array { writer in
                for side in sides {
                    writer.object { writer in
                        writer.member("event", side.event)
                        writer.key("context")
                        writer.object { writer in
                            writer.member("epoch", number: side.context.epoch.counter)
                            writer.member("position", quoted: side.context.position.rawValue)
                            writer.key("extra")
                            writer.object { writer in
                                for (node, count) in side.extra {
                                    writer.member(node, quoted: count)
                                }
                            }
                        }
                    }
                }
            }
            writer.member("concurrent", isConcurrent)
            writer.member("resolution", conflict.resolution)
            writer.member("before", conflict.before)
            writer.member("after", conflict.after)
            writer.member("compensation", conflict.compensation)
            writer.member("decided_by", conflict.decidedBy)
            writer.member("choice", orNull: conflict.choice)
            writer.member("reason", orNull: conflict.reason)
            writer.member("at", conflict.raisedAt.rfc3339)
            writer.member("provisional", isProvisional)
            if let story { writer.member("explanation", story.sentences) }
        }
        return writer.bytes
    }

    /// The story of a conflict that is asked for by its id.
    private mutating func story(
        of conflict: ConflictRow,
        _ isConcurrent: Bool
    ) throws -> ConflictStory {
        var sides: [ConflictStory.Side] = []
        for side in conflict.sides {
            let sealed = try log.event(side.event.id)
            let position = try side.event.position ?? log.entry(of: side.event.id)?.position
            sides.append(
                ConflictStory.Side(
                    event: try text(of: side.event.id),
                    recorded: try sealed.flatMap { try decoded($0) },
                    position: position,
                    context: side.context
                )
            )
        }
        return ConflictStory(conflict: conflict, sides: sides, isConcurrent: isConcurrent)
    }

    // MARK: Exceptions

    mutating func exceptions() throws -> ReportPage {
        let ranges = ranges(.exception, withNetwork: true)
        return try pageOfRows(ranges) { (reader, _, bytes, value) throws in
            let key = try ExceptionRow.Key(bytes: bytes)
            let exception = try ExceptionRow(bytes: value)
            let isOpen = exception.acknowledgedBy == nil
            guard reader.wants(exception.sku, state: isOpen ? 0 : 1) else { return nil }
            let isProvisional = try reader.isProvisional(.exception, bytes, value)
            let event = try reader.text(of: key.event)
            let acknowledgedBy = try exception.acknowledgedBy.map { try reader.text(of: $0.id) }
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("id", "\(key.event)/\(key.index)")
                writer.member("state", isOpen ? "open" : "acknowledged")
                writer.member("code", exception.code)
                writer.member("site", orNull: key.home?.text)
                writer.member("sku", orNull: exception.sku?.text)
                writer.member("event", event)
                writer.member("message", exception.sentence)
                writer.member("at", exception.raisedAt.rfc3339)
                writer.member("acknowledged_by", orNull: acknowledgedBy)
                writer.member("provisional", isProvisional)
            }
            return writer.bytes
        }
    }

    // MARK: Parked events

    mutating func parked() throws -> ReportPage {
        let ranges = ranges(.parked, withNetwork: true)
        let wanted = try query.event.map { try event(named: $0) }
        return try pageOfRows(ranges) { (reader, _, bytes, value) throws in
            let key = try ParkedRow.Key(bytes: bytes)
            let parked = try ParkedRow(bytes: value)
            guard reader.wants(nil, state: parked.isClosed ? 1 : 0),
                wanted == nil || wanted == key.event
            else { return nil }
            let closedBy = try parked.closing.map { try reader.text(of: $0.event.id) }
            let isProvisional = try reader.isProvisional(.parked, bytes, value)
            let event = try reader.text(of: key.event)
            let type = try reader.type(of: key.event)
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("event", event)
                writer.member("state", parked.closing?.outcome.text ?? "open")
                writer.member("type", orNull: type)
                writer.member("site", orNull: key.home?.text)
                writer.member("verdict", parked.verdict.text)
                writer.member("code", parked.code)
                writer.member("message", parked.sentence)
                writer.member("at", parked.raisedAt.rfc3339)
                writer.member("closed_by", orNull: closedBy)
                writer.member("decided_by", orNull: parked.closing?.actor?.text)
                writer.member("reason", orNull: parked.closing.map(\.reason))
                writer.member("provisional", isProvisional)
            }
            return writer.bytes
        }
    }

    /// The type of an event, as far as it can be read.
    private func type(of event: EventID) throws -> String? {
        guard let sealed = try log.event(event) else { return nil }
        return try decoded(sealed)?.body.type ?? "malformed"
    }
}

extension ConflictRow {
    /// Whether the contexts prove that no side knew of another.
    ///
    /// A position counts in the epoch of the context that names it, which is doubt in favour of
    /// order: within another epoch it would prove nothing.
    fileprivate var isConcurrent: Bool {
        for (index, side) in sides.enumerated() {
            for other in sides[..<index] {
                let knows =
                    side.context.knows(
                        other.event.id,
                        at: other.event.position,
                        in: side.context.epoch,
                        recordedBy: side.event.id
                    )
                    || other.context.knows(
                        side.event.id,
                        at: side.event.position,
                        in: other.context.epoch,
                        recordedBy: other.event.id
                    )
                if knows { return false }
            }
        }
        return true
    }
}
