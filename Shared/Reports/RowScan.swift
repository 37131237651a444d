import InventoryEngine
import Replication

/// The rows of one kind whose keys lie in `lower ..< upper`, in one view.
struct RowRange {
    var view: StateView
    var kind: RowKind
    var lower: [UInt8]
    var upper: [UInt8]

    /// Above every key: no key begins with nine largest bytes.
    static let end = [UInt8](repeating: 0xFF, count: 9)

    /// All rows whose keys begin with some bytes.
    init(_ view: StateView, _ kind: RowKind, prefix: [UInt8]) {
        self.init(view, kind, from: prefix, to: upperBound(ofPrefix: prefix))
    }

    /// The rows between two keys.
    init(_ view: StateView, _ kind: RowKind, from lower: [UInt8], to upper: [UInt8]) {
        self.view = view
        self.kind = kind
        self.lower = lower
        self.upper = upper
    }

    /// Whether a key lies in the range.
    func holds(_ key: [UInt8]) -> Bool {
        !key.lexicographicallyPrecedes(lower) && key.lexicographicallyPrecedes(upper)
    }

    /// The one row with a key.
    init(_ view: StateView, _ kind: RowKind, key: [UInt8]) {
        self.init(view, kind, from: key, to: key + [0])
    }
}

/// A page in the making, with the bounds of what it may cost.
struct PageBuilder {
    /// How many bytes of rows a page carries, but for its last row: 4 MiB.
    static let bytesMax = 4 << 20
    /// How many stored rows a page looks at to find those that a filter lets through.
    ///
    /// 50,000 rows take some 0.1 s; a page that finds fewer rows than it may have says where to go
    /// on.
    static let visitsMax = 50_000

    let limit: Int
    private(set) var rows: [[UInt8]] = []
    private var byteCount = 0
    private var visitCount = 0

    init(limit: Int) { self.limit = limit }

    /// Whether nothing more may be looked at.
    var isFull: Bool {
        rows.count >= limit || byteCount >= Self.bytesMax || visitCount >= Self.visitsMax
    }

    /// How many stored rows are worth fetching at once.
    var fetchCount: Int { min(max(limit - rows.count, 32), 1_000) }

    mutating func add(_ row: [UInt8]) {
        rows.append(row)
        byteCount += row.count
    }

    mutating func visit() { visitCount += 1 }
}

extension LogReading {
    /// Visits the rows of some ranges until the page is full.
    ///
    /// - Parameters:
    ///   - ranges: Without overlap, in key order.
    ///   - last: The key after which to go on; nil from the start.
    ///   - isDescending: Whether the order is turned round.
    ///   - page: What the visits fill.
    ///   - visit: Adds what the page shall say of a row.
    /// - Returns: The key of the last row that was visited if more rows follow, else nil.
    /// - Throws: What `visit` throws, or a storage error.
    func scan(
        _ ranges: [RowRange],
        after last: [UInt8]?,
        isDescending: Bool = false,
        into page: inout PageBuilder,
        _ visit: (_ view: StateView, _ key: [UInt8], _ value: [UInt8], inout PageBuilder) throws
            -> Void
    ) throws -> [UInt8]? {
        var lastKey = last
        for range in isDescending ? ranges.reversed() : ranges {
            var range = range
            while true {
                if let lastKey {
                    if isDescending {
                        range.upper = Self.lesser(range.upper, lastKey)
                    } else {
                        range.lower = Self.greater(range.lower, lastKey + [0])
                    }
                }
                guard range.lower.lexicographicallyPrecedes(range.upper) else { break }
                let isFull = page.isFull
                let limit = isFull ? 1 : page.fetchCount
                let rows = try source(range.view).rows(
                    range.kind,
                    from: range.lower,
                    to: range.upper,
                    limit: limit,
                    descending: isDescending
                )
                if rows.isEmpty { break }
                if isFull { return lastKey }
                for row in rows {
                    if page.isFull { return lastKey }
                    page.visit()
                    try visit(range.view, row.key, row.value, &page)
                    lastKey = row.key
                }
                if rows.count < limit { break }
            }
        }
        return nil
    }

    private static func lesser(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        left.lexicographicallyPrecedes(right) ? left : right
    }

    private static func greater(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        left.lexicographicallyPrecedes(right) ? right : left
    }
}

extension RowSource {
    /// Visits all rows of a kind, a thousand at a time, in key order.
    func scan(
        _ kind: RowKind,
        _ visit: (_ key: [UInt8], _ value: [UInt8]) throws -> Void
    ) throws {
        var start: [UInt8] = []
        while true {
            let rows = try rows(
                kind,
                from: start,
                to: RowRange.end,
                limit: 1_000,
                descending: false
            )
            guard let last = rows.last else { return }
            for row in rows { try visit(row.key, row.value) }
            start = last.key + [0]
        }
    }

    /// The prefixes, one identifier longer than a given one, that keys of a kind begin with.
    ///
    /// One read each: whole sites are jumped over, whatever is in them.
    func prefixes(_ kind: RowKind, below prefix: [UInt8]) throws -> [[UInt8]] {
        let upper = prefix.isEmpty ? RowRange.end : upperBound(ofPrefix: prefix)
        var found: [[UInt8]] = []
        var start = prefix
        while let key = try rows(kind, from: start, to: upper, limit: 1, descending: false)
            .first?.key
        {
            guard key.count > prefix.count else {
                start = key + [0]
                continue
            }
            let end = key[prefix.count...].firstIndex(of: 0) ?? key.endIndex - 1
            let longer = Array(key[...end])
            found.append(longer)
            start = upperBound(ofPrefix: longer)
        }
        return found
    }

    /// A row of a type, or nil if there is none.
    func row<R: Row>(_ type: R.Type, _ key: R.Key) throws -> R? {
        try row(R.kind, key.bytes).map { try R(bytes: $0) }
    }
}

/// The bytes of some identifiers in a row as keys hold them.
func keyPrefix(_ texts: String...) -> [UInt8] {
    var writer = ByteWriter()
    for text in texts { writer.terminated(text) }
    return writer.bytes
}
