import Causality
import GRDB
import InventoryEngine
import Replication

/// What a transaction reads, on one connection; it lives no longer than the transaction.
class LogReader: LogReading {
    private let database: Database
    /// The statements that this transaction has used, by ``LogStatement``.
    private var prepared = [DirectStatement?](repeating: nil, count: LogStatement.allCases.count)

    init(_ database: Database) {
        self.database = database
    }

    /// A statement, ready to be bound.
    func statement(_ name: LogStatement) throws(StorageError) -> DirectStatement {
        if let statement = prepared[name.rawValue] { return statement }
        do {
            let statement = DirectStatement(try database.cachedStatement(sql: name.sql))
            prepared[name.rawValue] = statement
            return statement
        } catch {
            throw StorageError(wrapping: error)
        }
    }

    /// A bound of what is read: what is above all that is stored stays so.
    private func bound(_ value: UInt64) -> Int64 { Int64(clamping: value) }

    // MARK: - Rows

    func source(_ view: StateView) -> any RowSource {
        StoredRows(reader: self, view: view)
    }

    /// The bytes of a row in one view alone; a row that the overlay hides has a nil value.
    private func storedRow(
        _ kind: RowKind,
        _ key: [UInt8],
        in view: StateView
    ) throws(StorageError) -> (isStored: Bool, value: [UInt8]?) {
        let statement = try statement(.row)
        try statement.bind(Int64(view.rawValue), at: 1)
        try statement.bind(Int64(kind.rawValue), at: 2)
        return try statement.withBound(key, at: 3) { () throws(StorageError) in
            guard try statement.step() else { return (false, nil) }
            return (true, statement.isNull(0) ? nil : statement.bytes(0))
        }
    }

    /// The bytes of a row as a view shows it.
    func row(
        _ kind: RowKind,
        _ key: [UInt8],
        in view: StateView
    ) throws(StorageError) -> [UInt8]? {
        let (isStored, value) = try storedRow(kind, key, in: view)
        if isStored || view != .overlay { return value }
        return try storedRow(kind, key, in: .base).value
    }

    /// The rows of a range of keys as a view shows them.
    func rows(
        _ kind: RowKind,
        from lower: [UInt8],
        to upper: [UInt8],
        limit: Int,
        descending: Bool,
        in view: StateView
    ) throws(StorageError) -> [(key: [UInt8], value: [UInt8])] {
        guard limit > 0 else { return [] }
        let name: LogStatement =
            switch (view, descending) {
            case (.overlay, false): .rowsOfBoth
            case (.overlay, true): .rowsOfBothDescending
            case (.base, false), (.network, false): .rows
            case (.base, true), (.network, true): .rowsDescending
            }
        let statement = try statement(name)
        if view != .overlay { try statement.bind(Int64(view.rawValue), at: 1) }
        try statement.bind(Int64(kind.rawValue), at: 2)
        try statement.bind(lower, at: 3)
        try statement.bind(upper, at: 4)
        try statement.bind(Int64(limit), at: 5)
        defer { statement.reset() }
        var found: [(key: [UInt8], value: [UInt8])] = []
        while try statement.step() {
            found.append((statement.bytes(0), statement.bytes(1)))
        }
        return found
    }

    // MARK: - Settings

    func setting(_ setting: LogSetting) throws -> [UInt8]? {
        let statement = try statement(.setting)
        try statement.bind(setting.rawValue, at: 1)
        defer { statement.reset() }
        return try statement.step() ? statement.bytes(0) : nil
    }

    func settings(prefix: String) throws -> [(setting: LogSetting, value: [UInt8])] {
        let statement = try statement(.settingsFrom)
        try statement.bind(prefix, at: 1)
        defer { statement.reset() }
        var found: [(setting: LogSetting, value: [UInt8])] = []
        while try statement.step() {
            let name = statement.text(0)
            // Names sort by their bytes, so the first without the prefix ends the run.
            guard name.utf8.starts(with: prefix.utf8) else { break }
            found.append((LogSetting(rawValue: name), statement.bytes(1)))
        }
        return found
    }

    // MARK: - Events

    func event(_ id: EventID) throws -> SealedEvent? {
        let statement = try statement(.eventOfID)
        try statement.bind(id.node, at: 1)
        try statement.bind(bound(id.sequence), at: 2)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return SealedEvent(
            id: id,
            bytes: statement.bytes(1),
            chainHash: try statement.hash(0)
        )
    }

    func events(
        of node: NodeID,
        after sequence: UInt64,
        limit: Int,
        bytesMax: Int
    ) throws -> [SealedEvent] {
        guard limit > 0 else { return [] }
        let statement = try statement(.eventsAfter)
        try statement.bind(node, at: 1)
        try statement.bind(bound(sequence), at: 2)
        try statement.bind(Int64(limit), at: 3)
        defer { statement.reset() }
        var found: [SealedEvent] = []
        var byteCount = 0
        while try statement.step() {
            let bytes = statement.bytes(2)
            byteCount += bytes.count
            guard found.isEmpty || byteCount <= bytesMax else { break }
            found.append(
                SealedEvent(
                    id: EventID(node: node, sequence: try statement.unsigned(0)),
                    bytes: bytes,
                    chainHash: try statement.hash(1)
                )
            )
        }
        return found
    }

    func lastEvent(of node: NodeID) throws -> (sequence: UInt64, chainHash: ContentHash)? {
        let statement = try statement(.lastEvent)
        try statement.bind(node, at: 1)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return (try statement.unsigned(0), try statement.hash(1))
    }

    // MARK: - Entries

    func entry(at position: HubPosition) throws -> Entry? {
        let statement = try statement(.entryAtPosition)
        try statement.bind(bound(position.rawValue), at: 1)
        return try entries(of: statement).first
    }

    func entry(of event: EventID) throws -> Entry? {
        let statement = try statement(.entryOfEvent)
        try statement.bind(event.node, at: 1)
        try statement.bind(bound(event.sequence), at: 2)
        return try entries(of: statement).first
    }

    func entries(after position: HubPosition, in site: SiteCode?, limit: Int) throws -> [Entry] {
        try entries(.entriesAfter, .entriesAfterInSite, from: position, in: site, limit: limit)
    }

    func entriesDescending(
        below position: HubPosition,
        in site: SiteCode?,
        limit: Int
    ) throws -> [Entry] {
        try entries(.entriesBelow, .entriesBelowInSite, from: position, in: site, limit: limit)
    }

    private func entries(
        _ ofAll: LogStatement,
        _ ofSite: LogStatement,
        from position: HubPosition,
        in site: SiteCode?,
        limit: Int
    ) throws(StorageError) -> [Entry] {
        guard limit > 0 else { return [] }
        guard let site else {
            let statement = try statement(ofAll)
            try statement.bind(bound(position.rawValue), at: 1)
            try statement.bind(Int64(limit), at: 2)
            return try entries(of: statement)
        }
        let statement = try statement(ofSite)
        try statement.bind(site.text, at: 1)
        try statement.bind(bound(position.rawValue), at: 2)
        try statement.bind(Int64(limit), at: 3)
        return try entries(of: statement)
    }

    func head(in site: SiteCode?) throws -> HubPosition {
        let statement = try statement(site == nil ? .head : .headInSite)
        if let site { try statement.bind(site.text, at: 1) }
        defer { statement.reset() }
        guard try statement.step() else { return .start }
        return HubPosition(try statement.unsigned(0))  // NULL reads as 0
    }

    func acknowledged(of node: NodeID, at position: HubPosition) throws -> UInt64 {
        let statement = try statement(.acknowledged)
        try statement.bind(node, at: 1)
        try statement.bind(bound(position.rawValue), at: 2)
        defer { statement.reset() }
        return try statement.step() ? try statement.unsigned(0) : 0
    }

    /// Reads all rows of a bound statement as entries, and resets it.
    private func entries(of statement: DirectStatement) throws(StorageError) -> [Entry] {
        defer { statement.reset() }
        var found: [Entry] = []
        while try statement.step() { found.append(try entry(in: statement)) }
        return found
    }

    private func entry(in statement: DirectStatement) throws(StorageError) -> Entry {
        guard
            let verdict = UInt8(exactly: statement.number(3)).flatMap(Verdict.init(rawValue:)),
            let rulesVersion = UInt32(exactly: statement.number(8)),
            let sites = EntryColumns.sites(in: statement.text(6)),
            let carried = EntryColumns.carried(in: statement.bytes(7))
        else {
            throw .damaged("The entry at position \(statement.number(0)) cannot be read.")
        }
        let reason =
            statement.isNull(4)
            ? nil : VerdictReason(code: statement.text(4), sentence: statement.text(5))
        return Entry(
            position: HubPosition(try statement.unsigned(0)),
            event: EventID(
                node: try statement.node(1),
                sequence: try statement.unsigned(2)
            ),
            ruling: Ruling(
                verdict: verdict,
                reason: reason,
                sites: sites,
                carried: carried,
                rulesVersion: rulesVersion,
                receivedAt: Instant(microseconds: statement.number(9))
            ),
            chainHash: try statement.hash(10)
        )
    }

    // MARK: - Summaries

    func summaryChanges(
        after position: HubPosition,
        excluding site: SiteCode?,
        limit: Int
    ) throws -> [(site: SiteCode, sku: SKU, position: HubPosition)] {
        guard limit > 0 else { return [] }
        let statement = try statement(.summaryChanges)
        try statement.bind(bound(position.rawValue), at: 1)
        try statement.bind(site?.text ?? "", at: 2)  // no site has an empty code
        try statement.bind(Int64(limit), at: 3)
        defer { statement.reset() }
        var found: [(site: SiteCode, sku: SKU, position: HubPosition)] = []
        while try statement.step() {
            guard let site = SiteCode(statement.text(0)), let sku = SKU(statement.text(1)) else {
                throw StorageError.damaged("A stored site or SKU is not well formed.")
            }
            found.append((site, sku, HubPosition(try statement.unsigned(2))))
        }
        return found
    }
}

/// How the lists of an entry are written in one column each.
enum EntryColumns {
    /// The codes of the sites, a line each: no code holds a line break.
    static func text(of sites: [SiteCode]) -> String {
        sites.map(\.text).joined(separator: "\n")
    }

    /// Reads what ``text(of:)`` wrote.
    static func sites(in text: String) -> [SiteCode]? {
        if text.isEmpty { return [] }
        var sites: [SiteCode] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard let site = SiteCode(String(line)) else { return nil }
            sites.append(site)
        }
        return sites
    }

    /// The units of the amounts, eight bytes each, big end first.
    static func bytes(of carried: [Money]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 * carried.count)
        for amount in carried {
            let units = UInt64(bitPattern: amount.units)
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: units >> shift))
            }
        }
        return bytes
    }

    /// Reads what ``bytes(of:)`` wrote.
    static func carried(in bytes: [UInt8]) -> [Money]? {
        guard bytes.count.isMultiple(of: 8) else { return nil }
        return stride(from: 0, to: bytes.count, by: 8).map { start in
            let units = bytes[start..<(start + 8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return Money(units: Int64(bitPattern: units))
        }
    }
}
