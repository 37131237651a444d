public import Causality
public import InventoryEngine
public import Replication

/// Lines of commands on their way to a recorder, of which some may be no commands at all.
public struct CommandBatch: Sendable {
    /// How many commands share one transaction, and so one wait for the disk.
    public static let commandsMax = 500

    /// The lines that are well formed, in order.
    public let commands: [InventoryCommand]
    /// What became of each line already; nil for one that is to be recorded.
    private let refusals: [CommandResult?]

    /// Decodes lines.
    ///
    /// - Parameters:
    ///   - lines: One JSON object each.
    ///   - moneyScale: The network's money scale, 0 to 6.
    ///   - nodeNamed: Finds the node that a text such as `lon-1` names.
    public init(lines: [[UInt8]], moneyScale: UInt8, nodeNamed: (String) -> NodeID?) {
        var commands: [InventoryCommand] = []
        var refusals: [CommandResult?] = []
        for line in lines {
            do throws(InterchangeError) {
                let command = try CommandFormat.decode(
                    line,
                    moneyScale: moneyScale,
                    nodeNamed: nodeNamed
                )
                commands.append(command)
                refusals.append(nil)
            } catch {
                refusals.append(CommandResult(op: Self.op(of: line), refusal: .init(error)))
            }
        }
        self.commands = commands
        self.refusals = refusals
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

    /// What became of the lines.
    ///
    /// - Parameters:
    ///   - recordings: One for each of ``commands``, in order.
    ///   - text: Writes an event, such as `lon-1:42`.
    /// - Returns: One result per line, in order.
    public func results(
        of recordings: [Recording],
        text: (EventID) -> String
    ) -> [CommandResult] {
        var rest = recordings.makeIterator()
        return refusals.compactMap { refusal in
            refusal ?? rest.next().map { CommandResult($0, text: text) }
        }
    }
}

extension CommandResult {
    /// The result of a command that a recorder took.
    ///
    /// - Parameters:
    ///   - recording: What came of it.
    ///   - text: Writes an event, such as `lon-1:42`.
    public init(_ recording: Recording, text: (EventID) -> String) {
        if let refusal = recording.refusal {
            self.init(op: recording.op?.text, refusal: Refusal(refusal))
            return
        }
        self.init(
            op: recording.op?.text,
            event: recording.event.map(text) ?? "",
            isDuplicate: recording.isDuplicate,
            finality: recording.isFinal.map { $0 ? .final : .provisional },
            exceptions: recording.exceptions
        )
    }
}
