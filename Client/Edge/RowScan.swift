import InventoryEngine

extension RowSource {
    /// Visits all rows of a kind, a thousand at a time, in key order.
    func scan(
        _ kind: RowKind,
        _ visit: (_ key: [UInt8], _ value: [UInt8]) throws -> Void
    ) throws {
        // Longer than any run of largest bytes that a key can begin with.
        let end = [UInt8](repeating: 0xFF, count: 64)
        var start: [UInt8] = []
        while true {
            let rows = try rows(kind, from: start, to: end, limit: 1_000, descending: false)
            guard let last = rows.last else { return }
            for row in rows { try visit(row.key, row.value) }
            start = last.key + [0]
        }
    }
}
