import Causality

/// The histories of stock: lists that run from the newest row to the oldest.
extension StockState {
    /// Puts a new row in its place in the history of a stock.
    ///
    /// A row that is there already at that place is replaced.
    ///
    /// - Parameters:
    ///   - row: The row; its ``HistoryRow/previous`` is set here.
    ///   - table: The rows of its kind.
    ///   - stock: Whose history it is.
    ///   - place: Where it belongs.
    ///   - last: The place of the stock's newest row; nil if it has none.
    /// - Returns: The place of the newest row afterwards.
    /// - Throws: ``EngineError`` with the code `storage_failed` or `damaged`.
    /// - Complexity: O(later rows of the stock): constant unless the row is late.
    mutating func insert<R: HistoryRow>(
        _ row: R,
        into table: WritableKeyPath<RowCache, Table<R>>,
        _ stock: StockKey,
        at place: MovementKey,
        after last: MovementKey?
    ) throws(EngineError) -> MovementKey {
        var row = row
        let key = HistoryKey<R>(stock: stock, place: place)
        guard let last, place <= last else {
            row.previous = last
            cache[keyPath: table].insert(key, row)
            return place
        }
        var next: (place: MovementKey, row: R)?
        var found = try step(table, stock, to: last)
        while let later = found, place < later.place {
            next = later
            found = try step(table, stock, to: later.row.previous)
        }
        if let same = found, same.place == place {
            row.previous = same.row.previous
            try cache[keyPath: table].set(key, to: row, from: reader)
            return last
        }
        row.previous = found?.place
        cache[keyPath: table].insert(key, row)
        guard var next else { return place }
        next.row.previous = place
        let later = HistoryKey<R>(stock: stock, place: next.place)
        try cache[keyPath: table].set(later, to: next.row, from: reader)
        return last
    }

    /// The rows of a stock from the newest back to the first for which a test does not hold any
    /// more, oldest first; that one is not among them.
    ///
    /// - Complexity: O(rows that are found).
    mutating func history<R: HistoryRow>(
        _ table: WritableKeyPath<RowCache, Table<R>>,
        _ stock: StockKey,
        from last: MovementKey?,
        while isWanted: (MovementKey, R) -> Bool
    ) throws(EngineError) -> [(key: HistoryKey<R>, row: R)] {
        var rows: [(key: HistoryKey<R>, row: R)] = []
        var pointer = last
        while let (place, row) = try step(table, stock, to: pointer), isWanted(place, row) {
            rows.append((HistoryKey<R>(stock: stock, place: place), row))
            pointer = row.previous
        }
        rows.reverse()
        return rows
    }

    /// Follows a pointer to a row of a stock.
    ///
    /// In an overlay the pointer may name an event that was pending when it was written and that
    /// the hub has ordered since: its row then stands in the base, at its position. It is the last
    /// row of the stock before the place that the pointer names, and is searched for there.
    private mutating func step<R: HistoryRow>(
        _ table: WritableKeyPath<RowCache, Table<R>>,
        _ stock: StockKey,
        to pointer: MovementKey?
    ) throws(EngineError) -> (place: MovementKey, row: R)? {
        guard let pointer else { return nil }
        let key = HistoryKey<R>(stock: stock, place: pointer)
        if let row = try cache[keyPath: table].row(key, from: reader) { return (pointer, row) }
        var upper = key.bytes
        var floor = ByteWriter()
        floor.id(stock.home)
        var limit = 64
        while true {
            let rows = try cache[keyPath: table].rows(
                from: floor.bytes,
                to: upper,
                limit: limit,
                descending: true,
                source: reader
            )
            if let found = rows.first(where: { $0.key.stock == stock }) {
                return (found.key.place, found.row)
            }
            guard rows.count == limit, let oldest = rows.last else { return nil }
            upper = oldest.key.bytes
            limit = min(limit * 2, 4_096)
        }
    }
}
