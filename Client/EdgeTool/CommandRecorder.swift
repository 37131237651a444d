import Causality
import Edge
import Interchange
import InventoryEngine
import Replication

/// Records commands as they are written, with a result for each.
struct CommandRecorder {
    /// How many commands share one transaction, and so one wait for the disk.
    static let commandsMax = 500

    private let node: EdgeNode
    private let names: [String: NodeID]

    init(_ node: EdgeNode) async throws {
        self.node = node
        let identity = node.identity
        var names = [identity.name.text: identity.node]
        if let link = try await node.log.read({ log in try log.link() }) {
            names["hub"] = link.hub
        }
        self.names = names
    }

    /// Records lines of JSON in one transaction.
    ///
    /// - Returns: One result per line, in order.
    /// - Throws: A storage error; then nothing was recorded.
    func record(_ lines: [[UInt8]]) async throws -> [CommandResult] {
        var commands: [InventoryCommand] = []
        var results: [CommandResult?] = []
        for line in lines {
            do throws(InterchangeError) {
                commands.append(try decode(line))
                results.append(nil)
            } catch {
                results.append(CommandResult(op: op(of: line), refusal: .init(error)))
            }
        }
        var recordings = try await node.record(commands).makeIterator()
        return results.compactMap { result in
            result ?? recordings.next().map(self.result)
        }
    }

    private func decode(_ line: [UInt8]) throws(InterchangeError) -> InventoryCommand {
        try CommandFormat.decode(
            line,
            moneyScale: node.identity.moneyScale,
            nodeNamed: { names[$0] }
        )
    }

    /// The op of a line that may be no JSON at all.
    private func op(of line: [UInt8]) -> String? {
        do throws(InterchangeError) {
            return CommandFormat.op(
                of: try JSONReader.read(line, bytesMax: CommandFormat.bytesMax)
            )
        } catch {
            return nil  // the refusal tells why
        }
    }

    /// What programs read of a recording.
    func result(_ recording: Recording) -> CommandResult {
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
