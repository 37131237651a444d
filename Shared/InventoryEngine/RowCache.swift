import Causality

/// The rows of one kind that are held in memory, with what has to be written and undone.
///
/// A key is looked up once, and not at all if it is the one that was asked for last, as it mostly
/// is: one line of an event changes the same few rows several times. Each row then has a place, and
/// what has to be written or undone is noted by place.
struct Table<R: Row>: Sendable {
    /// What has been noted of a row.
    private struct Mark: Sendable {
        /// Whether it is among the rows to write.
        var isDirty = false
        /// Whether it is among the rows to undo.
        var isNews = false
        /// Whether an event that stands has touched it since the rows to write were last taken.
        var isTouched = false
    }

    private var places: [R.Key: Int] = [:]
    private var lastPlace = 0
    private var keys: [R.Key] = []
    private var rows: [R?] = []
    private var marks: [Mark] = []
    /// The rows that changed since they were last taken, with what is stored of them.
    private var dirty: [(place: Int, stored: R?)] = []
    /// The rows that the event at hand has changed, as they were before it.
    private var undo: [(place: Int, row: R?)] = []

    /// How many rows are held.
    var count: Int { keys.count }

    /// Where a row is held; nil if it is not.
    private mutating func place(of key: R.Key) -> Int? {
        if lastPlace < keys.count, keys[lastPlace] == key { return lastPlace }
        guard let place = places[key] else { return nil }
        lastPlace = place
        return place
    }

    private mutating func hold(_ row: R?, _ key: R.Key) -> Int {
        let place = keys.count
        places[key] = place
        keys.append(key)
        rows.append(row)
        marks.append(Mark())
        lastPlace = place
        return place
    }

    private mutating func exchange(_ row: R?, at place: Int) {
        var exchanged = row
        swap(&rows[place], &exchanged)
        if !marks[place].isDirty {
            marks[place].isDirty = true
            dirty.append((place, exchanged))
        }
        if !marks[place].isNews {
            marks[place].isNews = true
            undo.append((place, exchanged))
        }
    }

    /// Reads a row, from memory or from the source.
    mutating func row(
        _ key: R.Key,
        from source: borrowing some RowReading
    ) throws(EngineError) -> R? {
        if let place = place(of: key) { return rows[place] }
        let row = try source.read(R.self, key)
        _ = hold(row, key)
        return row
    }

    /// Sets a row, or removes it with nil or a vacant row.
    mutating func set(
        _ key: R.Key,
        to row: R?,
        from source: borrowing some RowReading
    ) throws(EngineError) {
        let value = row.flatMap { $0.isVacant ? nil : $0 }
        if let place = place(of: key) {
            exchange(value, at: place)
        } else {
            exchange(value, at: hold(try source.read(R.self, key), key))
        }
    }

    /// Sets a row whose key names the event at hand, so that the source cannot have it yet.
    mutating func insert(_ key: R.Key, _ row: R) {
        exchange(row, at: place(of: key) ?? hold(nil, key))
    }

    /// Notes that the source has no row of a key: what it belongs to is not there either.
    mutating func noteAbsent(_ key: R.Key) {
        if place(of: key) == nil { _ = hold(nil, key) }
    }

    /// Forgets how to undo: the event stands.
    mutating func keep() {
        guard !undo.isEmpty else { return }
        for (place, _) in undo {
            marks[place].isNews = false
            marks[place].isTouched = true
        }
        undo.removeAll(keepingCapacity: true)
    }

    /// Takes back every change since the last ``keep()``.
    mutating func rollBack() {
        for (place, row) in undo {
            rows[place] = row
            marks[place].isNews = false
        }
        undo.removeAll(keepingCapacity: true)
    }

    /// Hands out what changed since the last call, and takes it as stored.
    ///
    /// - Parameters:
    ///   - includesTouched: Whether rows that events have touched and left as they were are handed
    ///     out too.
    ///   - body: Takes a row that has to be written, with what is stored of it.
    mutating func takeChanges(
        includesTouched: Bool,
        _ body: (R.Key, _ old: R?, _ new: R?) throws -> Void
    ) rethrows {
        guard !dirty.isEmpty else { return }
        for (place, stored) in dirty {
            let isTouched = marks[place].isTouched
            marks[place].isDirty = false
            marks[place].isTouched = false
            guard includesTouched && isTouched || rows[place] != stored else { continue }
            try body(keys[place], stored, rows[place])
        }
        dirty.removeAll(keepingCapacity: true)
    }

    /// The rows whose keys lie in `lower ..< upper`, in key order or against it: those of the
    /// source with the changes on top.
    func rows(
        from lower: [UInt8],
        to upper: [UInt8],
        limit: Int,
        descending: Bool = false,
        source: borrowing some RowReading
    ) throws(EngineError) -> [(key: R.Key, row: R)] {
        var found: [(bytes: [UInt8], key: R.Key, row: R)] = []
        for (place, _) in dirty {
            guard let row = rows[place] else { continue }
            let key = keys[place]
            let bytes = key.bytes
            if !bytes.lexicographicallyPrecedes(lower), bytes.lexicographicallyPrecedes(upper) {
                found.append((bytes, key, row))
            }
        }
        // Rows that were removed or changed in memory hide what the source still says of them.
        let (sum, overflow) = limit.addingReportingOverflow(dirty.count)
        let stored = try source.scan(
            R.self,
            from: lower,
            to: upper,
            limit: overflow ? limit : sum,
            descending: descending
        )
        for (bytes, row) in stored {
            let key = try R.Key(bytes: bytes)
            let isChanged = places[key].map { marks[$0].isDirty } ?? false
            if !isChanged { found.append((bytes, key, row)) }
        }
        found.sort {
            descending
                ? $1.bytes.lexicographicallyPrecedes($0.bytes)
                : $0.bytes.lexicographicallyPrecedes($1.bytes)
        }
        return found.prefix(limit).map { ($0.key, $0.row) }
    }
}

/// How tables read what they do not hold.
protocol RowReading {
    func read<R: Row>(_ type: R.Type, _ key: R.Key) throws(EngineError) -> R?
    func scan<R: Row>(
        _ type: R.Type,
        from lower: [UInt8],
        to upper: [UInt8],
        limit: Int,
        descending: Bool
    ) throws(EngineError) -> [(key: [UInt8], row: R)]
}

/// Reads typed rows from a ``RowSource``.
struct SourceReader: RowReading {
    let source: any RowSource

    func read<R: Row>(_ type: R.Type, _ key: R.Key) throws(EngineError) -> R? {
        let bytes: [UInt8]?
        do {
            bytes = try source.row(R.kind, key.bytes)
        } catch {
            throw .storage(error)
        }
        guard let bytes else { return nil }
        return try R(bytes: bytes)
    }

    func scan<R: Row>(
        _ type: R.Type,
        from lower: [UInt8],
        to upper: [UInt8],
        limit: Int,
        descending: Bool
    ) throws(EngineError) -> [(key: [UInt8], row: R)] {
        let rows: [(key: [UInt8], value: [UInt8])]
        do {
            rows = try source.rows(
                R.kind,
                from: lower,
                to: upper,
                limit: limit,
                descending: descending
            )
        } catch {
            throw .storage(error)
        }
        var result: [(key: [UInt8], row: R)] = []
        result.reserveCapacity(rows.count)
        for row in rows { result.append((row.key, try R(bytes: row.value))) }
        return result
    }
}

extension EngineError {
    /// Wraps what a row source threw; an engine error goes through as it is.
    static func storage(_ error: any Error) -> EngineError {
        if let error = error as? EngineError { return error }
        return EngineError(
            .storage,
            "The stored rows could not be read.",
            hint: "Check the disk, then run `verify`.",
            cause: error
        )
    }
}

/// All the rows that are held in memory between transactions: a cache that can be thrown away at
/// any commit, since every change has then been handed out.
public struct RowCache: Sendable {
    var items = Table<ItemRow>()
    var sites = Table<SiteRow>()
    var nodes = Table<NodeRow>()
    var policies = Table<PolicyRow>()
    var people = Table<PersonRow>()
    var periods = Table<PeriodRow>()
    var locations = Table<LocationRow>()
    var buckets = Table<BucketRow>()
    var orderLines = Table<OrderLineRow>()
    var surpluses = Table<SurplusRow>()
    var transferLines = Table<TransferLineRow>()
    var purchaseLines = Table<PurchaseLineRow>()
    var rights = Table<RightsRow>()
    var tasks = Table<TaskRow>()
    var freezes = Table<FreezeRow>()
    var rightsRequests = Table<RightsRequestRow>()
    var holds = Table<HoldRow>()
    var returnedReceipts = Table<ReturnedReceiptRow>()
    var lots = Table<LotRow>()
    var lotsDue = Table<LotDueRow>()
    var serials = Table<SerialRow>()
    var serialPlaces = Table<SerialPlaceRow>()
    var allocations = Table<AllocationRow>()
    var staged = Table<StagedRow>()
    var remoteLines = Table<RemoteLineRow>()
    var remoteRights = Table<RemoteRightsRow>()
    var valuations = Table<ValuationRow>()
    var accounts = Table<AccountRow>()
    var costLayers = Table<CostLayerRow>()
    var periodTotals = Table<PeriodTotalRow>()
    var orders = Table<OrderRow>()
    var purchaseOrders = Table<PurchaseOrderRow>()
    var purchaseReceipts = Table<PurchaseReceiptRow>()
    var transfers = Table<TransferRow>()
    var returns = Table<ReturnRow>()
    var counts = Table<CountRow>()
    var countedPlaces = Table<CountedPlaceRow>()
    var adjustments = Table<AdjustmentRow>()
    var backorders = Table<BackorderRow>()
    var summaries = Table<StockSummary>()
    var movements = Table<MovementRow>()
    var journals = Table<JournalRow>()
    var conflicts = Table<ConflictRow>()
    var exceptions = Table<ExceptionRow>()
    var parked = Table<ParkedRow>()
    var operations = Table<OperationRow>()
    var orderEffects = Table<OrderEffectRow>()
    var postings = Table<PostingRow>()
    var digests = Table<DigestRow>()
    var awaited = Table<AwaitedRow>()

    /// An empty cache.
    public init() {}

    /// How many rows are held, of those kinds that are worth holding.
    public var count: Int {
        items.count + locations.count + buckets.count + orderLines.count + rights.count
            + valuations.count + summaries.count + orders.count
    }

    /// Throws history away, which is written once and seldom read, and everything else too when
    /// more than `rowsMax` rows are held.
    ///
    /// Call it between transactions only.
    public mutating func trim(rowsMax: Int) {
        if count > rowsMax {
            self = RowCache()
            return
        }
        movements = Table()
        journals = Table()
        operations = Table()
        orderEffects = Table()
        postings = Table()
        exceptions = Table()
        conflicts = Table()
        parked = Table()
        awaited = Table()
        backorders = Table()
        returns = Table()
        counts = Table()
        countedPlaces = Table()
        adjustments = Table()
        freezes = Table()
        rightsRequests = Table()
        holds = Table()
        returnedReceipts = Table()
        lots = Table()
        lotsDue = Table()
        serials = Table()
        serialPlaces = Table()
        allocations = Table()
        staged = Table()
        remoteLines = Table()
        remoteRights = Table()
        costLayers = Table()
        purchaseReceipts = Table()
    }
}

/// Performs one operation on each table of a cache.
protocol TableVisitor {
    mutating func visit<R: Row>(_ table: inout Table<R>) throws(EngineError)
}

extension RowCache {
    mutating func visitAll(_ visitor: inout some TableVisitor) throws(EngineError) {
        try visitor.visit(&items)
        try visitor.visit(&sites)
        try visitor.visit(&nodes)
        try visitor.visit(&policies)
        try visitor.visit(&people)
        try visitor.visit(&periods)
        try visitor.visit(&locations)
        try visitor.visit(&buckets)
        try visitor.visit(&orderLines)
        try visitor.visit(&surpluses)
        try visitor.visit(&transferLines)
        try visitor.visit(&purchaseLines)
        try visitor.visit(&rights)
        try visitor.visit(&tasks)
        try visitor.visit(&freezes)
        try visitor.visit(&rightsRequests)
        try visitor.visit(&holds)
        try visitor.visit(&returnedReceipts)
        try visitor.visit(&lots)
        try visitor.visit(&lotsDue)
        try visitor.visit(&serials)
        try visitor.visit(&serialPlaces)
        try visitor.visit(&allocations)
        try visitor.visit(&staged)
        try visitor.visit(&remoteLines)
        try visitor.visit(&remoteRights)
        try visitor.visit(&valuations)
        try visitor.visit(&accounts)
        try visitor.visit(&costLayers)
        try visitor.visit(&periodTotals)
        try visitor.visit(&orders)
        try visitor.visit(&purchaseOrders)
        try visitor.visit(&purchaseReceipts)
        try visitor.visit(&transfers)
        try visitor.visit(&returns)
        try visitor.visit(&counts)
        try visitor.visit(&countedPlaces)
        try visitor.visit(&adjustments)
        try visitor.visit(&backorders)
        try visitor.visit(&summaries)
        try visitor.visit(&movements)
        try visitor.visit(&journals)
        try visitor.visit(&conflicts)
        try visitor.visit(&exceptions)
        try visitor.visit(&parked)
        try visitor.visit(&operations)
        try visitor.visit(&orderEffects)
        try visitor.visit(&postings)
        try visitor.visit(&digests)
        try visitor.visit(&awaited)
    }
}
