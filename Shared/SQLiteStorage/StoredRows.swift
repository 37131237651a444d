import Causality
import InventoryEngine
import Replication

/// The rows of one view, in one transaction.
struct StoredRows: RowSource {
    let reader: LogReader
    let view: StateView

    func row(_ kind: RowKind, _ key: [UInt8]) throws -> [UInt8]? {
        try reader.row(kind, key, in: view)
    }

    func rows(
        _ kind: RowKind,
        from lower: [UInt8],
        to upper: [UInt8],
        limit: Int,
        descending: Bool
    ) throws -> [(key: [UInt8], value: [UInt8])] {
        try reader.rows(
            kind,
            from: lower,
            to: upper,
            limit: limit,
            descending: descending,
            in: view
        )
    }

    func located(_ id: EventID) throws -> LocatedEvent? {
        guard let sealed = try reader.event(id) else { return nil }
        return LocatedEvent(
            event: try WireFormat.decodeEvent(sealed.bytes),
            entry: try reader.entry(of: id)
        )
    }
}
