import Causality
import TestSupport

/// A network of nodes and a hub that record, push, pull and hand over at random.
///
/// Next to each event's compact context it keeps the classical vector clock, a plain dictionary
/// that is merged on every delivery: the reference to which the module is held.
struct RandomHistory {
    struct Event {
        var id: EventID
        var context: CausalContext
        /// What the recording node had seen, computed delivery by delivery, the event included.
        var seen: [NodeID: UInt64]
    }

    private struct Node {
        var id: NodeID
        var recorded: UInt64 = 0
        var pushed: UInt64 = 0
        var epoch: Epoch
        var applied = HubPosition.start
        var extra = VectorClock()
        var seen: [NodeID: UInt64] = [:]
    }

    private(set) var events: [EventID: Event] = [:]
    /// The hub's order in the current epoch: position 1 stands at index 0.
    private(set) var order: [EventID] = []
    private(set) var epoch: Epoch
    private(set) var restoreCount = 0
    private var nodes: [Node]
    private var generator: SeededGenerator

    /// Runs a history; where the hub restores, it now and then forgets its last entries.
    init(seed: UInt64, stepCount: Int, restores: Bool = false) {
        var generator = SeededGenerator(seed: seed)
        let epoch = Epoch(counter: 1, high: generator.next(), low: generator.next())
        self.epoch = epoch
        nodes = (0..<Int.random(in: 2...6, using: &generator)).map { _ in
            Node(id: .random(using: &generator), epoch: epoch)
        }
        self.generator = generator
        for _ in 0..<stepCount {
            step(restores: restores)
        }
    }

    /// The place of each event in the hub's current order.
    var positions: [EventID: HubPosition] {
        var positions: [EventID: HubPosition] = [:]
        for (index, id) in order.enumerated() {
            positions[id] = HubPosition(UInt64(index + 1))
        }
        return positions
    }

    /// What the entries up to a position hold, counted by reading them all.
    func frontier(at position: HubPosition) -> VectorClock {
        var clock = VectorClock()
        for id in order.prefix(Int(position.rawValue)) {
            clock.record(id)
        }
        return clock
    }

    private mutating func step(restores: Bool) {
        let index = Int.random(in: 0..<nodes.count, using: &generator)
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<40: record(at: index)
        case 40..<65: push(from: index)
        case 65..<90: pull(to: index)
        case 90..<97: handOver(from: index, to: Int.random(in: 0..<nodes.count, using: &generator))
        default:
            if restores { restoreHub() }
        }
    }

    private mutating func record(at index: Int) {
        nodes[index].recorded += 1
        let id = EventID(node: nodes[index].id, sequence: nodes[index].recorded)
        nodes[index].seen[id.node] = id.sequence
        events[id] = Event(
            id: id,
            context: CausalContext(
                epoch: nodes[index].epoch,
                position: nodes[index].applied,
                extra: nodes[index].extra
            ),
            seen: nodes[index].seen
        )
    }

    private mutating func push(from index: Int) {
        let pending = nodes[index].recorded - nodes[index].pushed
        let count = UInt64.random(in: 0...pending, using: &generator)
        for _ in 0..<count {
            nodes[index].pushed += 1
            order.append(EventID(node: nodes[index].id, sequence: nodes[index].pushed))
        }
    }

    private mutating func pull(to index: Int) {
        let applied = Int(nodes[index].applied.rawValue)
        let end = Int.random(in: applied...order.count, using: &generator)
        for id in order[applied..<end] {
            guard let event = events[id] else { continue }
            // An event brings what its author had seen, as in classical vector time.
            nodes[index].seen.merge(event.seen, uniquingKeysWith: max)
            nodes[index].extra.merge(event.context.extra)
        }
        nodes[index].applied = HubPosition(UInt64(end))
        if Bool.random(using: &generator) { prune(index) }
    }

    /// Gives all that one node has seen to another, past the hub.
    private mutating func handOver(from: Int, to: Int) {
        guard from != to, nodes[from].recorded > 0 else { return }
        let own = EventID(node: nodes[from].id, sequence: nodes[from].recorded)
        let context = CausalContext(
            epoch: epoch,
            position: nodes[from].applied,
            extra: nodes[from].extra
        )
        nodes[to].extra.merge(context.expand(own: own, frontier: frontier(at:)))
        nodes[to].seen.merge(nodes[from].seen, uniquingKeysWith: max)
    }

    /// Keeps only the extra dots that the hub's entries up to here do not cover.
    private mutating func prune(_ index: Int) {
        let covered = frontier(at: nodes[index].applied)
        var kept = VectorClock()
        for (node, count) in nodes[index].extra.entries where count > covered[node] {
            kept.record(EventID(node: node, sequence: count))
        }
        nodes[index].extra = kept
    }

    /// The hub loses its last entries and starts a new epoch; every node learns of it at once.
    private mutating func restoreHub() {
        restoreCount += 1
        order.removeLast(Int.random(in: 0...order.count, using: &generator))
        epoch = Epoch(
            counter: epoch.counter + 1,
            high: generator.next(),
            low: generator.next()
        )
        let held = frontier(at: HubPosition(UInt64(order.count)))
        for index in nodes.indices {
            nodes[index].epoch = epoch
            nodes[index].applied = min(nodes[index].applied, HubPosition(UInt64(order.count)))
            nodes[index].pushed = held[nodes[index].id]
        }
    }
}
