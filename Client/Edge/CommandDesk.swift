import Causality
public import Interchange
import InventoryEngine
import Replication

/// Takes commands as they are written, one JSON object per line, and gives a result for each.
public struct CommandDesk: Sendable {
    private let node: EdgeNode

    /// Opens the desk of a node.
    public init(_ node: EdgeNode) {
        self.node = node
    }

    /// Records lines of JSON in one transaction.
    ///
    /// - Parameter lines: One command each, at most ``EdgeNode/commandsMax``.
    /// - Returns: One result per line, in order; a line that is no command is refused by itself.
    /// - Throws: A storage error; then nothing was recorded.
    public func record(_ lines: [[UInt8]]) async throws -> [CommandResult] {
        let identity = node.identity
        var names = [identity.name.text: identity.node]
        if let link = try await node.log.read({ log in try log.link() }) {
            names["hub"] = link.hub
        }
        var commands: [InventoryCommand] = []
        var results: [CommandResult?] = []
        for line in lines {
            do throws(InterchangeError) {
                commands.append(
                    try CommandFormat.decode(
                        line,
                        moneyScale: identity.moneyScale,
                        nodeNamed: { names[$0] }
                    )
                )
                results.append(nil)
            } catch {
                results.append(CommandResult(op: Self.op(of: line), refusal: .init(error)))
            }
        }
        var recordings = try await node.record(commands).makeIterator()
        return results.compactMap { result in
            result ?? recordings.next().map(self.result)
        }
    }

    /// The op of a line that may be no JSON at all.
    private static func op(of line: [UInt8]) -> String? {
        do throws(InterchangeError) {
            return CommandFormat.op(
                of: try JSONReader.read(line, bytesMax: CommandFormat.bytesMax)
            )
        } catch {
            return nil  // the refusal tells why
        }
    }

    /// What programs read of a recording.
    private func result(_ recording: Recording) -> CommandResult {
        if let refusal = recording.refusal {
            return CommandResult(op: recording.op?.text, refusal: .init(refusal))
        }
        return CommandResult(
            op: recording.op?.text,
            event: recording.event.map(node.text) ?? "",
            isDuplicate: recording.isDuplicate,
            finality: recording.isFinal.map { $0 ? .final : .provisional },
            exceptions: recording.exceptions
        )
    }
}
