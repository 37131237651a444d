import Edge
import Interchange

/// How a node stands, as its agent or its file told it.
struct NodeStatus {
    private let bytes: [UInt8]
    private let value: JSONValue
    private let state: EdgeStatus.State

    /// Reads a status.
    ///
    /// - Throws: `InterchangeError` if it is none.
    init(json bytes: [UInt8]) throws {
        self.bytes = bytes
        value = try JSONReader.read(bytes)
        guard let state = value["state"]?.text.flatMap(EdgeStatus.State.init) else {
            throw InterchangeError(
                .resultMalformed,
                "The agent's status has no state that this program knows.",
                field: "state",
                hint: "Check that both programs are of the same version."
            )
        }
        self.state = state
    }

    /// What `status` exits with.
    var exitCode: Int32 { state.exitCode }

    /// Prints it.
    func show(json: Bool) {
        guard !json else { return Console.print(bytes) }
        for line in lines { Console.print(line) }
    }

    /// A member of an object, as people read it.
    private func text(_ object: String, _ member: String) -> String? {
        switch value[object]?[member] {
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let flag): flag ? "yes" : "no"
        case .null, .array, .object, nil: nil
        }
    }

    private func count(_ object: String, _ member: String) -> String {
        text(object, member) ?? "?"
    }

    /// The status for people, a line each.
    private var lines: [String] {
        let node = value["node"]?.text ?? "?"
        let site = value["site"]?.text ?? "-"
        var hub = "\(text("hub", "state") ?? "?") \(text("hub", "url") ?? "")"
        if let next = text("hub", "next_attempt") { hub += ", tried again at \(next)" }
        var events =
            "\(count("events", "recorded")) recorded, \(count("events", "acknowledged"))"
            + " acknowledged, \(count("events", "pending")) pending"
        if let seconds = value["events"]?["oldest_pending_seconds"]?.integer, seconds > 0 {
            events += ", the oldest for \(seconds) s"
        }
        let agrees = value["digest"]?["agrees_with_hub"] == .bool(true)
        let attention = ["conflicts", "exceptions", "parked", "provisional_orders"].map { name in
            "\(count("attention", name)) \(name.replacing("_", with: " "))"
        }
        var lines = [
            "\(node) at \(site): \(state.rawValue)",
            "  hub        \(hub)",
            "  events     \(events)",
            "  position   \(count("position", "applied")) of \(count("position", "hub_head"))",
            "  digests    \(agrees ? "agree" : "do not agree") with the hub's",
            "  attention  \(attention.joined(separator: ", "))",
        ]
        if let failure = text("hub", "failure") { lines.append("  failure    \(failure)") }
        if let process = text("agent", "pid") { lines.append("  agent      process \(process)") }
        return lines
    }
}
