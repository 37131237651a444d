import Causality
public import Interchange
import InventoryEngine
import Replication
import Reports

/// Takes commands as they are written, one JSON object per line, and gives a result for each.
public struct CommandDesk: Sendable {
    private let node: EdgeNode

    /// Opens the desk of a node.
    public init(_ node: EdgeNode) {
        self.node = node
    }

    /// Records lines of JSON in one transaction.
    ///
    /// - Parameter lines: One command each, at most ``CommandBatch/commandsMax``.
    /// - Returns: One result per line, in order; a line that is no command is refused by itself.
    /// - Throws: A storage error; then nothing was recorded.
    public func record(_ lines: [[UInt8]]) async throws -> [CommandResult] {
        let identity = node.identity
        var names = [identity.name.text: identity.node]
        if let link = try await node.log.read({ log in try log.link() }) {
            names["hub"] = link.hub
        }
        // Few commands name another node, and only they pay for reading the names.
        var isAsked = false
        var batch = CommandBatch(lines: lines, moneyScale: identity.moneyScale) { name in
            isAsked = isAsked || names[name] == nil
            return names[name]
        }
        if isAsked {
            names.merge(try await node.log.read { try NodeNames.all(in: $0) }) { own, _ in own }
            batch = CommandBatch(lines: lines, moneyScale: identity.moneyScale) { names[$0] }
        }
        return batch.results(of: try await node.record(batch.commands), text: node.text)
    }
}
