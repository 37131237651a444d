import Causality
import InventoryEngine

/// What happened in a conflict, in sentences for people: who knew what when, which rule decided,
/// and what is left to do.
struct ConflictStory {
    /// One of the events, with what is known of it here.
    struct Side {
        /// How people read its id.
        var event: String
        /// Nil where only its id is known.
        var recorded: InventoryEvent?
        /// Where the hub's order has it; nil while it is pending.
        var position: HubPosition?
        var context: CausalContext
    }

    let conflict: ConflictRow
    let sides: [Side]
    let isConcurrent: Bool

    /// The sentences, in the order in which they are read.
    var sentences: [String] {
        var lines = sides.map { sentence(of: $0) }
        lines.append(knowledge)
        if !conflict.before.isEmpty { lines.append("Before: \(conflict.before).") }
        lines.append("Rule: \(conflict.resolution)")
        if !conflict.after.isEmpty { lines.append("After: \(conflict.after).") }
        if !conflict.compensation.isEmpty { lines.append("To do: \(conflict.compensation)") }
        lines.append(decision)
        return lines
    }

    private func sentence(of side: Side) -> String {
        var text = side.event
        if let event = side.recorded {
            let type = event.body.type.replacing("_", with: " ")
            let actor = event.actor.map { " by \($0)" } ?? ""
            text += ": \(type) at \(event.site)\(actor), recorded \(event.recordedAt.wall.rfc3339)"
        }
        let place = side.position.map { "position \($0.rawValue) of the hub's order" }
        text += ", \(place ?? "not ordered by the hub yet")"
        let known = side.context.position.rawValue
        return text + "; it was recorded knowing that order up to \(known)."
    }

    private var knowledge: String {
        guard sides.count == 2, isConcurrent else {
            return "One of them was recorded in knowledge of the other."
        }
        return
            "Neither \(sides[0].event) nor \(sides[1].event) was recorded in knowledge of the other."
    }

    private var decision: String {
        guard let choice = conflict.choice else {
            return conflict.isResolved
                ? "Decided by the rule; nobody has to decide."
                : "Open: somebody has to decide, with `conflicts resolve`."
        }
        let reason = conflict.reason.map { ": \($0)" } ?? ""
        return "Decided by \(conflict.decidedBy): \(choice)\(reason)."
    }
}
