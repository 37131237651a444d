import Causality
import InventoryEngine

/// P1: the engine alone, in memory, on one core.
enum EngineBenchmark {
    /// How many events share one commit, after which the changed rows are handed out.
    private static let commitEvents = 1_000

    static func run(_ bench: Workbench) async throws -> [Measurement] {
        var stories = TwoLineCommands(seed: 1, skuCount: 1_000)
        let preparation = stories.preparation()
        var commands: [InventoryCommand] = []
        while commands.count < 100_000 { commands += stories.next() }
        let mixed = try History(preparation: preparation, commands: commands)

        let (realPreparation, orders) = try bench.orders(limit: 8_000)
        let real = try History(preparation: realPreparation, commands: orders)

        let applied = try await rounds(5, "events/s") { _ in try mixed.eventsPerSecond() }
        let lines = try await rounds(3, "lines/s") { _ in
            try real.eventsPerSecond() * real.linesPerEvent
        }
        return [
            Measurement(
                "P1 apply events of two lines, rows handed out each 1,000",
                applied,
                goal: .figure(atLeast: 400_000)
            ),
            Measurement("P1 decide and apply the same", mixed.decided),
            Measurement(
                "P1 apply \(bench.ordersText), \(real.linesPerEvent.figureText) lines each",
                lines
            ),
        ]
    }

    /// Events that were decided once, and can be applied again and again.
    private struct History {
        private let preparation: [InventoryEvent]
        private let events: [InventoryEvent]
        /// How fast commands were decided and applied while the history was made.
        let decided: Figure
        let linesPerEvent: Double

        init(preparation: [InventoryCommand], commands: [InventoryCommand]) throws {
            var engine = Engine()
            self.preparation = try preparation.map { try engine.record($0) }
            engine.commit()
            let start = ContinuousClock.now
            events = try engine.record(commands)
            let seconds = start.duration(to: .now).seconds
            decided = Figure([Double(events.count) / seconds], "events/s")
            let lineCount = events.reduce(0) { $0 + $1.body.lineCount }
            linesPerEvent = Double(lineCount) / Double(events.count)
        }

        func eventsPerSecond() throws -> Double {
            var engine = Engine()
            for event in preparation { try engine.apply(event) }
            engine.commit()
            let start = ContinuousClock.now
            for event in events {
                engine.commitIfDue(before: event.body)
                try engine.apply(event)
            }
            engine.commit()
            return Double(events.count) / start.duration(to: .now).seconds
        }
    }

    /// A state over nothing: what is not in memory does not exist.
    private struct Engine {
        private static let node = NodeID(high: 1, low: 1)
        private var state = Engine.state(RowCache())
        private var sequence: UInt64 = 0
        private var eventsSinceCommit = 0

        private static func state(_ cache: consuming RowCache) -> StockState {
            StockState(
                cache: cache,
                source: NoRows(),
                settings: StateSettings(
                    scope: .site(BenchmarkSite.code),
                    moneyScale: 4,
                    node: node,
                    epoch: Epoch(counter: 1, high: 0, low: 0),
                    keepsDigests: false
                )
            )
        }

        mutating func record(_ command: InventoryCommand) throws -> InventoryEvent {
            let body = try InventoryRules.decide(
                command,
                in: &state,
                by: Self.node,
                at: BenchmarkSite.code
            )
            sequence += 1
            let event = InventoryEvent(
                id: EventID(node: Self.node, sequence: sequence),
                site: BenchmarkSite.code,
                at: command.at,
                recordedAt: HybridTimestamp(
                    wall: Instant(microseconds: 1_700_000_000_000_000 + Int64(sequence) * 1_000),
                    counter: 0
                ),
                op: command.op,
                actor: command.actor,
                context: CausalContext(
                    epoch: Epoch(counter: 1, high: 0, low: 0),
                    position: .start,
                    extra: VectorClock()
                ),
                commandHash: .zero,
                body: body
            )
            try apply(event)
            return event
        }

        mutating func record(_ commands: [InventoryCommand]) throws -> [InventoryEvent] {
            var events: [InventoryEvent] = []
            events.reserveCapacity(commands.count)
            for command in commands {
                commitIfDue(before: command.body)
                events.append(try record(command))
            }
            return events
        }

        mutating func apply(_ event: InventoryEvent) throws {
            _ = try state.apply(event, ordering: .recording)
            eventsSinceCommit += 1
        }

        /// Commits when enough has come together; a proposal and its approval stay together, since
        /// nothing can be read back here.
        mutating func commitIfDue(before body: EventBody) {
            if case .adjustmentApproved = body { return }
            if eventsSinceCommit >= commitEvents { commit() }
        }

        /// Hands out what must be written, and forgets history, as a commit does.
        mutating func commit() {
            guard (try? state.takeChanges()) != nil else {
                preconditionFailure("Nothing is read, so nothing can fail.")
            }
            eventsSinceCommit = 0
            var cache = state.intoCache()
            cache.trim(rowsMax: 1_000_000)
            state = Engine.state(cache)
        }
    }

    private struct NoRows: RowSource {
        func row(_: RowKind, _: [UInt8]) -> [UInt8]? { nil }

        func rows(
            _: RowKind,
            from _: [UInt8],
            to _: [UInt8],
            limit _: Int,
            descending _: Bool
        ) -> [(key: [UInt8], value: [UInt8])] { [] }

        func located(_: EventID) -> LocatedEvent? { nil }
    }
}

extension EventBody {
    /// How many lines the body has; one for what has none.
    var lineCount: Int {
        switch self {
        case .goodsReceived(let body): body.lines.count
        case .orderConfirmed(let body): body.lines.count
        case .pickCompleted(let body), .packCompleted(let body), .shipmentDispatched(let body):
            body.lines.count
        case .returnReceived(let body): body.lines.count
        case .adjustmentProposed(let body), .adjustmentApproved(let body): body.lines.count
        case .moved(let body): body.lines.count
        default: 1
        }
    }
}
