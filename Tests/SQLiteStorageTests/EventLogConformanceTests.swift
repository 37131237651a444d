import Causality
import Foundation
import InventoryEngine
import Replication
import SQLiteStorage
import TestSupport
import Testing

/// One suite for every store: what the port promises, asked of the twin in memory and of SQLite.
@Suite(.timeLimit(.minutes(5)))
struct EventLogConformanceTests {
    enum Store: CaseIterable { case inMemory, sqlite }

    private struct GivenUp: Error {}

    private static let node = NodeID(high: 1, low: 2)
    private static let other = NodeID(high: 1, low: 3)

    private func withLog(
        _ store: Store,
        _ body: @Sendable (any EventLog) async throws -> Void
    ) async throws {
        switch store {
        case .inMemory: try await body(InMemoryEventLog())
        case .sqlite:
            try await withTemporaryDirectory { directory in
                let log = try SQLiteEventLog(path: directory.file("log.db").path, create: true)
                try await body(log)
                try log.close()
            }
        }
    }

    private static func event(_ node: NodeID, _ sequence: UInt64, size: Int = 8) -> SealedEvent {
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: size)
        return SealedEvent(
            id: EventID(node: node, sequence: sequence),
            bytes: bytes,
            chainHash: ContentHash.of(bytes)
        )
    }

    private static func entry(
        _ position: UInt64,
        _ node: NodeID,
        _ sequence: UInt64,
        _ sites: [String]
    ) -> Entry {
        Entry(
            position: HubPosition(position),
            event: EventID(node: node, sequence: sequence),
            ruling: Ruling(
                verdict: .accepted,
                sites: sites.compactMap { SiteCode($0) },
                carried: [Money(units: -3), Money(units: .max)],
                receivedAt: Instant(microseconds: Int64(clamping: position))
            ),
            chainHash: ContentHash.of([UInt8(truncatingIfNeeded: position)])
        )
    }

    // MARK: Transactions

    @Test(arguments: Store.allCases)
    func `what a transaction that throws has written is not there`(store: Store) async throws {
        try await withLog(store) { log in
            await #expect(throws: GivenUp.self) {
                try await log.write { log in
                    try log.append(Self.event(Self.node, 1))
                    try log.set(LogSetting(rawValue: "a"), to: [1])
                    throw GivenUp()
                }
            }
            let kept = try await log.read { log in
                let setting = try log.setting(LogSetting(rawValue: "a"))
                return (try log.event(EventID(node: Self.node, sequence: 1)), setting)
            }
            #expect(kept.0 == nil && kept.1 == nil)
        }
    }

    @Test(arguments: Store.allCases)
    func `a transaction whose write failed is not kept, even if its body goes on`(
        store: Store
    ) async throws {
        try await withLog(store) { log in
            await #expect(throws: (any Error).self) {
                try await log.write { log in
                    try log.append(Self.event(Self.node, 1))
                    try? log.append(Self.event(Self.node, 1))
                }
            }
            let last = try await log.read { try $0.lastEvent(of: Self.node)?.sequence }
            #expect(last == nil)
        }
    }

    @Test(arguments: Store.allCases)
    func `a transaction reads what it has written, and a reader the last commit`(
        store: Store
    ) async throws {
        try await withLog(store) { log in
            let written = try await log.write { log in
                try log.append(Self.event(Self.node, 1))
                return try log.lastEvent(of: Self.node)?.sequence
            }
            let read = try await log.read { try $0.lastEvent(of: Self.node)?.sequence }
            #expect(written == 1 && read == 1)
        }
    }

    @Test(arguments: Store.allCases)
    func `rows kept in memory are there for the next writer only if the transaction stood`(
        store: Store
    ) async throws {
        try await withLog(store) { log in
            try await log.write { log in
                var state = Self.state(log.takeRows(of: .base), log.source(.base))
                _ = try state.recordedOperation(OpKey("x").unwrapped(), at: "LON".site())
                log.keepRows(state.intoCache(), of: .base)
            }
            await #expect(throws: GivenUp.self) {
                try await log.write { log in
                    _ = log.takeRows(of: .base)
                    throw GivenUp()
                }
            }
            let count = try await log.write { $0.takeRows(of: .base).count }
            #expect(count == 0)
        }
    }

    private static func state(_ rows: RowCache, _ source: any RowSource) -> StockState {
        StockState(
            cache: rows,
            source: source,
            settings: StateSettings(
                scope: .everything,
                moneyScale: 4,
                node: node,
                epoch: .none,
                keepsDigests: false
            )
        )
    }

    // MARK: Refusals

    @Test(arguments: Store.allCases)
    func `an event, a position and an entry are stored once, and a node's entries in its order`(
        store: Store
    ) async throws {
        try await withLog(store) { log in
            try await log.write { log in
                for sequence in 1...3 as ClosedRange<UInt64> {
                    try log.append(Self.event(Self.node, sequence))
                }
                try log.append(Self.entry(5, Self.node, 2, ["LON"]))
            }
            let wrong: [@Sendable (any LogTransaction) throws -> Void] = [
                { try $0.append(Self.event(Self.node, 2)) },
                { try $0.append(Self.entry(5, Self.node, 3, [])) },
                { try $0.append(Self.entry(6, Self.node, 2, [])) },
                { try $0.append(Self.entry(6, Self.node, 1, [])) },
                { try $0.append(Self.entry(4, Self.node, 3, [])) },
                { try $0.append(Self.event(Self.node, 0)) },
                { try $0.append(Self.event(Self.node, .max)) },
                { try $0.append(Self.entry(.max, Self.other, 1, [])) },
                { try $0.apply([], to: .overlay, sequence: .max) },
            ]
            for (index, write) in wrong.enumerated() {
                await #expect(throws: (any Error).self, "\(index)") {
                    try await log.write { try write($0) }
                }
            }
            let entries = try await log.read { log in
                try log.entries(after: .start, in: nil, limit: 9).count
            }
            let last = try await log.read { try $0.lastEvent(of: Self.node)?.sequence }
            #expect(entries == 1 && last == 3)
        }
    }

    // MARK: The two stores answer alike

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `after a random history the twin and SQLite answer every question alike`(
        seed: UInt64
    ) async throws {
        try await withTemporaryDirectory { directory in
            let sqlite = try SQLiteEventLog(path: directory.file("log.db").path, create: true)
            let twin = InMemoryEventLog()
            var random = SeededGenerator(seed: seed)
            for _ in 0..<30 {
                let script = Script(using: &random)
                let first = await outcome { try await twin.write { try script.run($0) } }
                let second = await outcome { try await sqlite.write { try script.run($0) } }
                #expect(first == second, "SEED=\(seed): \(script)")
                let expected = try await twin.read { try Answers($0) }
                let answers = try await sqlite.read { try Answers($0) }
                #expect(answers.texts == expected.texts, "SEED=\(seed)")
            }
            let count = try await twin.read { try $0.entries(after: .start, in: nil, limit: 999) }
            #expect(!count.isEmpty, "SEED=\(seed) has entered nothing")
            try sqlite.close()
        }
    }

    private func outcome(_ body: () async throws -> Void) async -> Bool {
        do {
            try await body()
            return true
        } catch {
            return false
        }
    }

    /// What one transaction writes, drawn at random from little, so that much collides.
    private struct Script: Sendable, CustomStringConvertible {
        private enum Step: Sendable {
            case event(SealedEvent)
            case entry(Entry)
            case setting(String, [UInt8]?)
            case rows([RowChange], StateView, UInt64)
            case drop(UInt64)
            case summaries([StockKey], UInt64)
            case giveUp
        }

        private var steps: [Step] = []

        init(using random: inout SeededGenerator) {
            let nodes = [node, other]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let sequence = UInt64.random(in: 1...30, using: &random)
                let node = nodes[Int.random(in: 0...1, using: &random)]
                switch Int.random(in: 0..<14, using: &random) {
                case 0...2:
                    let size = Int.random(in: 0...40, using: &random)
                    steps.append(.event(EventLogConformanceTests.event(node, sequence, size: size)))
                case 3...6:
                    // Mostly in order: the position grows with the sequence.
                    let position = sequence * 2 + UInt64.random(in: 0...2, using: &random)
                    let sites = [[], ["LON"], ["MAN"], ["LON", "MAN"]]
                    steps.append(
                        .entry(
                            EventLogConformanceTests.entry(
                                position,
                                node,
                                sequence,
                                sites[Int.random(in: 0...3, using: &random)]
                            )
                        )
                    )
                case 7:
                    let name = ["a", "a/b", "b", "é"][Int.random(in: 0...3, using: &random)]
                    let isGone = Bool.random(using: &random)
                    steps.append(.setting(name, isGone ? nil : [UInt8(sequence)]))
                case 8...10:
                    let views: [StateView] = [.base, .overlay, .network]
                    steps.append(
                        .rows(
                            Self.changes(&random),
                            views[Int.random(in: 0...2, using: &random)],
                            sequence
                        )
                    )
                case 11: steps.append(.drop(sequence))
                case 12:
                    let skus = ["A", "a", "B"].compactMap { SKU($0) }
                    let stocks = skus.prefix(Int.random(in: 1...3, using: &random)).compactMap {
                        sku in SiteCode("LON").map { StockKey(home: $0, sku: sku) }
                    }
                    steps.append(.summaries(stocks, sequence))
                default:
                    if Int.random(in: 0..<4, using: &random) == 0 { steps.append(.giveUp) }
                }
            }
        }

        private static func changes(_ random: inout SeededGenerator) -> [RowChange] {
            (0..<Int.random(in: 1...3, using: &random)).map { _ in
                let length = Int.random(in: 0...2, using: &random)
                let bytes: [UInt8] = [0, 1, 0xFF]
                let key = (0..<length).map { _ in bytes.randomElement(using: &random) ?? 0 }
                let kinds: [RowKind] = [.bucket, .summary]
                return RowChange(
                    kind: kinds[Int.random(in: 0...1, using: &random)],
                    key: key,
                    value: Bool.random(using: &random)
                        ? [UInt8.random(in: 0...9, using: &random)] : nil
                )
            }
        }

        func run(_ log: any LogTransaction) throws {
            for step in steps {
                switch step {
                case .event(let event): try log.append(event)
                case .entry(let entry): try log.append(entry)
                case .setting(let name, let value):
                    try log.set(LogSetting(rawValue: name), to: value)
                case .rows(let changes, let view, let sequence):
                    try log.apply(changes, to: view, sequence: sequence)
                case .drop(let sequence): try log.dropOverlay(through: sequence)
                case .summaries(let stocks, let position):
                    try log.noteSummaryChanges(
                        stocks.map { ($0.home, $0.sku) },
                        at: HubPosition(position)
                    )
                case .giveUp: throw GivenUp()
                }
            }
        }

        var description: String { "\(steps)" }
    }

    /// The answers to every question of the port, over the whole range that scripts draw from.
    private struct Answers: Sendable {
        var texts: [String] = []

        init(_ log: any LogReading) throws {
            let sites: [SiteCode?] = [nil, SiteCode("LON"), SiteCode("MAN"), SiteCode("GLA")]
            for prefix in ["", "a", "a/", "é", "z"] {
                texts.append("\(try log.settings(prefix: prefix))")
            }
            texts.append("\(String(describing: try log.setting(LogSetting(rawValue: "a/b"))))")
            for node in [node, other] {
                texts.append("\(String(describing: try log.lastEvent(of: node)))")
                for sequence in [0, 1, 7, 29, UInt64.max] {
                    let id = EventID(node: node, sequence: sequence)
                    texts.append("\(String(describing: try log.event(id)))")
                    texts.append("\(String(describing: try log.entry(of: id)))")
                    for (limit, bytesMax) in [(0, 9), (1, 0), (5, 30), (.max, .max)] {
                        let events = try log.events(
                            of: node,
                            after: sequence,
                            limit: limit,
                            bytesMax: bytesMax
                        )
                        texts.append("\(events)")
                    }
                    let position = HubPosition(sequence)
                    texts.append("\(try log.acknowledged(of: node, at: position))")
                    texts.append("\(String(describing: try log.entry(at: position)))")
                }
            }
            for site in sites {
                texts.append("head \(try log.head(in: site))")
                for position in [0, 5, 21, 70, UInt64.max].map({ HubPosition($0) }) {
                    for limit in [0, 1, 3, .max] {
                        texts.append(
                            "\(try log.entries(after: position, in: site, limit: limit))"
                        )
                        texts.append(
                            "\(try log.entriesDescending(below: position, in: site, limit: limit))"
                        )
                        let changes = try log.summaryChanges(
                            after: position,
                            excluding: site,
                            limit: limit
                        )
                        texts.append("\(changes)")
                    }
                }
            }
            for view in [StateView.base, .overlay, .network] {
                let source = log.source(view)
                for kind in [RowKind.bucket, .summary, .item] {
                    texts.append("\(String(describing: try source.row(kind, [0, 1])))")
                    texts.append("\(String(describing: try source.row(kind, [])))")
                    for (lower, upper) in Self.ranges {
                        for limit in [0, 1, 2, .max] {
                            for descending in [false, true] {
                                let rows = try source.rows(
                                    kind,
                                    from: lower,
                                    to: upper,
                                    limit: limit,
                                    descending: descending
                                )
                                texts.append("\(rows)")
                            }
                        }
                    }
                }
            }
        }

        private static let ranges: [([UInt8], [UInt8])] = [
            ([], [0xFF, 0xFF, 0xFF]), ([0], [1]), ([0, 1], [0xFF]), ([1], [1]), ([1], [0]),
        ]
    }
}

extension Optional {
    /// The value, or a failure of the test.
    fileprivate func unwrapped() throws -> Wrapped { try #require(self) }
}

extension String {
    /// A site of a constant.
    fileprivate func site() throws -> SiteCode { try #require(SiteCode(self)) }
}
