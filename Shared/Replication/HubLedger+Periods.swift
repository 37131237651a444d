public import Causality
import InventoryEngine

/// Which nodes may hold something back of a month that is to be closed.
extension HubLedger {
    private static let watermarkPrefix = "watermark/"

    private static func setting(_ node: NodeID) -> LogSetting {
        LogSetting(rawValue: watermarkPrefix + node.description)
    }

    /// A node's watermark: the latest time of the hub at which the node had recorded nothing that
    /// the hub did not hold; nil if it has never been so.
    ///
    /// - Throws: `EngineError` with the code `damaged`, or a storage error.
    public static func watermark(
        of node: NodeID,
        in log: any LogReading
    ) throws -> Instant? {
        guard let bytes = try log.setting(setting(node)) else { return nil }
        var reader = ByteReader(bytes)
        return Instant(microseconds: try reader.signed())
    }

    /// Keeps watermarks; one that is not later than what is kept changes nothing.
    ///
    /// - Throws: A storage error.
    public static func keep(
        _ watermarks: [NodeID: Instant],
        in log: any LogTransaction
    ) throws {
        for (node, instant) in watermarks {
            if let kept = try watermark(of: node, in: log), kept >= instant { continue }
            var writer = ByteWriter()
            writer.signed(instant.microseconds)
            try log.set(setting(node), to: writer.bytes)
        }
    }

    /// Names the nodes whose watermark is older than a month's end.
    ///
    /// - Throws: `EngineError` with the code `nodes_silent` if there are some and nobody overrides.
    func completed(
        _ closing: PeriodClosing,
        in log: any LogReading,
        _ state: inout StockState
    ) throws -> PeriodClosing {
        let end = try state.timeZone().start(of: closing.period.next.firstDay)
        var silent: [(node: NodeID, name: String, watermark: Instant?)] = []
        let rows = try log.source(.base).rows(
            .node,
            from: [],
            to: [UInt8](repeating: 0xFF, count: 17),
            limit: .max,
            descending: false
        )
        for row in rows {
            let node = try NodeRow.Key(bytes: row.key).node
            let known = try NodeRow(bytes: row.value)
            guard known.homeSite != nil, !known.isRetired else { continue }
            let watermark = try Self.watermark(of: node, in: log)
            if let watermark, watermark >= end { continue }
            silent.append((node, known.name.text, watermark))
        }
        var closing = closing
        closing.silent = silent.map(\.node)
        guard closing.override == nil, !silent.isEmpty else { return closing }
        // A month that is not over, or is closed, is refused for that.
        guard end <= state.decidesAt ?? end, try !state.isClosed(closing.period) else {
            return closing
        }
        let names = silent.prefix(10).map { silent in
            "\(silent.name) (\(silent.watermark.map { "last on \($0.rfc3339)" } ?? "never"))"
        }
        let others = silent.count > 10 ? " and \(silent.count - 10) others" : ""
        throw EngineError(
            EngineError.Code("nodes_silent"),
            "Not all nodes have shown since \(end.rfc3339) that they hold nothing back of"
                + " \(closing.period): \(names.joined(separator: ", "))\(others).",
            field: "override",
            hint: "Let them synchronise, retire those that are lost, or override with a reason."
        )
    }
}
