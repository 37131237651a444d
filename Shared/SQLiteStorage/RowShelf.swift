import InventoryEngine
import Replication
import Synchronization

/// Keeps rows in memory from one writing transaction to the next.
///
/// A transaction takes the rows of a view and puts them back when it is durable. One that is given
/// up puts nothing back, so the rows are then read anew: what is kept is always what is stored. It
/// relies on there being one writer.
final class RowShelf: Sendable {
    private let rowsMax: Int
    private let rows = Mutex<[StateView: RowCache]>([:])

    /// Makes an empty shelf.
    ///
    /// - Parameter rowsMax: How many rows of a view are kept; beyond that all of them are let go.
    init(rowsMax: Int) {
        self.rowsMax = rowsMax
    }

    /// Takes the rows of a view; until they are put back there are none.
    func take(_ view: StateView) -> RowCache {
        rows.withLock { $0.removeValue(forKey: view) } ?? RowCache()
    }

    /// Puts rows back whose changes are durable.
    func put(back rows: RowCache, of view: StateView) {
        var kept = rows
        kept.trim(rowsMax: rowsMax)
        let trimmed = kept
        self.rows.withLock { $0[view] = trimmed }
    }
}
