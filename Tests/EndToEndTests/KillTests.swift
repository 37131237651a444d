import Causality
import CurlTransport
import Foundation
import Interchange
import InventoryEngine
import Replication
import SQLiteStorage
import Synchronization
import TestSupport
import Testing

/// What one site did while everything around it was killed again and again.
private struct DayOfWork: Sendable {
    /// What is acknowledged: the event of each op.
    var events: [String: String] = [:]
    /// Received and shipped units by item.
    var onHand: [String: Int64] = [:]
    /// How many answers were lost, so that a command had to be repeated.
    var lostAnswers = 0
    /// How many repeated commands had been recorded the first time.
    var duplicates = 0
}

/// What the sites did, and whether the day is over.
private final class WorkLedger: Sendable {
    private let state = Mutex((work: [String: DayOfWork](), isOver: false))

    var work: [String: DayOfWork] { state.withLock { $0.work } }
    var isOver: Bool { state.withLock { $0.isOver } }

    func add(_ work: DayOfWork, of name: String) { state.withLock { $0.work[name] = work } }
    func close() { state.withLock { $0.isOver = true } }
}

/// Records commands at a site until it is told to stop, whatever becomes of the agent.
private struct Recorder {
    static let items = ["85123A", "22423", "47566"]

    let site: Site
    /// Every so many batches go through the command line in place of the socket.
    let commandLineEvery = 12
    var generator: SeededGenerator
    var work = DayOfWork()
    private var number = 0

    init(site: Site, seed: UInt64) {
        self.site = site
        generator = SeededGenerator(seed: seed)
    }

    /// The next commands that belong together: a receipt, or an order from promise to dispatch.
    private mutating func nextBatch() -> [String] {
        number += 1
        let sku = Self.items[Int.random(in: 0..<Self.items.count, using: &generator)]
        let stock = work.onHand[sku] ?? 0
        let name = "\(site.code)-\(number)"
        if stock < 10 || Bool.random(using: &generator) {
            let quantity = Int64.random(in: 1...24, using: &generator)
            work.onHand[sku, default: 0] += quantity
            return [
                #"{"type":"goods_received","op":"\#(name)-r","lines":["#
                    + #"{"sku":"\#(sku)","quantity":\#(quantity),"unit_cost":"1.53"}]}"#
            ]
        }
        let quantity = Int64.random(in: 1...6, using: &generator)
        work.onHand[sku, default: 0] -= quantity
        let lines = #""lines":[{"line":1,"sku":"\#(sku)","quantity":\#(quantity)}]"#
        return [
            ("order_confirmed", "c"), ("pick_completed", "p"), ("pack_completed", "k"),
            ("shipment_dispatched", "s"),
        ].map { type, step in
            #"{"type":"\#(type)","op":"\#(name)-\#(step)","order":"SO-\#(name)",\#(lines)}"#
        }
    }

    /// Records until told to stop.
    mutating func run(while goesOn: @Sendable () -> Bool, programs: Programs) async throws {
        let peer = try site.peer()
        defer { peer.shutdown() }
        while goesOn() {
            let batch = nextBatch()
            let isByCommandLine = number % commandLineEvery == 0
            while true {
                let results =
                    isByCommandLine
                    ? try byCommandLine(batch, programs) : await bySocket(batch, peer)
                if let results, results.count == batch.count {
                    take(results)
                    break
                }
                // Whether they were recorded is not known: the same again, with the same ops.
                work.lostAnswers += 1
                try await pause(milliseconds: 5...25)
            }
            try await pause(milliseconds: 0...50)
        }
    }

    private mutating func take(_ results: [CommandResult]) {
        for result in results {
            guard let op = result.op, let event = result.event, result.refusal == nil else {
                Issue.record("\(site.name): \(result)")
                continue
            }
            if result.status == .duplicate { work.duplicates += 1 }
            if let first = work.events[op] { #expect(first == event) }
            work.events[op] = event
        }
    }

    private func bySocket(_ batch: [String], _ peer: CurlPeer) async -> [CommandResult]? {
        let request = PeerRequest(
            path: "/api/v1/commands",
            body: Array(batch.joined(separator: "\n").utf8),
            contentType: "application/x-ndjson"
        )
        guard let reply = try? await peer.exchange(request), reply.status == 200 else {
            return nil  // killed before, while or after it recorded
        }
        return results(reply.body)
    }

    private func byCommandLine(_ batch: [String], _ programs: Programs) throws -> [CommandResult]? {
        let output = try programs.run(
            "plumbline",
            ["record", "--data", site.name, "--json"],
            input: batch.joined(separator: "\n") + "\n"
        )
        guard output.status == 0 else {
            // The agent was killed meanwhile, or was about to start.
            #expect(output.status == 6, "\(output.text) \(output.errors)")
            return nil
        }
        return results(Array(output.text.utf8))
    }

    private func results(_ bytes: [UInt8]) -> [CommandResult]? {
        try? bytes.split(separator: UInt8(ascii: "\n")).map { try ResultFormat.decode(Array($0)) }
    }

    private mutating func pause(milliseconds: ClosedRange<Int>) async throws {
        let pause = Int.random(in: milliseconds, using: &generator)
        try await Task.sleep(for: .milliseconds(pause))
    }
}

/// The real programs, killed at random moments: nothing that was acknowledged is lost, and nothing
/// happens twice.
///
/// Here time is what is tested, so the test waits: for the moment of the next kill, drawn from a
/// seed, and between two batches of a person's work.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(90)))
struct KillTests {
    /// How long a program runs until it is killed: often while it starts, at times in full work.
    private static let lifeMilliseconds = 0...1_800

    @Test func `kills of the hub and the agents lose nothing and repeat nothing`() async throws {
        let killsPerProgram = Nightly.size(52, nightly: 505)
        let seed = Seeds.forThisRun.first ?? 1
        try await withRunningNetwork(["LON", "MAN", "GLA"]) { network in
            try await network.startAll()
            let catalog = Recorder.items.map {
                #"{"type":"item_registered","sku":"\#($0)","name":"Item \#($0)","op":"i-\#($0)"}"#
            }
            // Registered alike at every site, so that each can work at once; no conflict.
            let first = network.sites[0]
            try network.plumbline(
                first,
                "record",
                input: catalog.joined(separator: "\n") + "\n"
            )
            _ = try network.settle()

            let work = try await killAndRecord(network, kills: killsPerProgram, seed: seed)

            var kills = await network.hub.killCount
            for site in network.sites { kills += await site.agent.killCount }
            let statuses = try network.settle(seconds: 240)
            try await check(network, work, statuses)
            let recorded = work.values.reduce(0) { $0 + $1.events.count }
            let lost = work.values.reduce(0) { $0 + $1.lostAnswers }
            let duplicates = work.values.reduce(0) { $0 + $1.duplicates }
            print(
                "KillTests: \(kills) kills, \(recorded) commands acknowledged, \(lost) batches"
                    + " without an answer, \(duplicates) commands that had been recorded"
            )
            #expect(kills >= Nightly.size(200, nightly: 2_000))
            #expect(lost > 0, "no kill ever hit a command at work: the test is too tame")
        }
    }

    /// Kills and restarts every program while all sites record; leaves everything running.
    private func killAndRecord(
        _ network: RunningNetwork,
        kills: Int,
        seed: UInt64
    ) async throws -> [String: DayOfWork] {
        let stations = [network.hub] + network.sites.map(\.agent)
        let ledger = WorkLedger()
        try await withThrowingTaskGroup(of: Void.self) { recorders in
            for (index, site) in network.sites.enumerated() {
                let ownSeed = seed &* 1_000 &+ UInt64(index)
                recorders.addTask {
                    var recorder = Recorder(site: site, seed: ownSeed)
                    try await recorder.run(
                        while: { !ledger.isOver },
                        programs: network.programs
                    )
                    ledger.add(recorder.work, of: site.name)
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { killers in
                for (index, station) in stations.enumerated() {
                    let ownSeed = seed &* 7_000 &+ UInt64(index)
                    killers.addTask {
                        var generator = SeededGenerator(seed: ownSeed)
                        while await station.killCount < kills {
                            let life = Int.random(in: Self.lifeMilliseconds, using: &generator)
                            try await Task.sleep(for: .milliseconds(life))
                            try await station.kill()
                            try await station.launch()
                        }
                        try await station.kill()
                        try await station.start()
                    }
                }
                try await killers.waitForAll()
            }
            ledger.close()
            try await recorders.waitForAll()
        }
        return ledger.work
    }

    /// Compares what everybody holds with what was acknowledged.
    private func check(
        _ network: RunningNetwork,
        _ work: [String: DayOfWork],
        _ statuses: [JSONValue]
    ) async throws {
        let hubStatus = try JSONReader.read(
            Array(network.plumblineHub("status", "--json").text.utf8)
        )
        for (site, status) in zip(network.sites, statuses) {
            #expect(status["state"]?.text == "in_sync", "\(site.name): \(status)")
            for layer in ["physical", "commitment", "financial"] {
                let sum = status.at("digest", layer)?.text
                #expect(sum != nil)
                #expect(hubStatus.at("digests", site.code, layer)?.text == sum, "\(layer)")
            }
        }
        await network.stopAll()
        try checkStock(network, work)
        let hub = try SQLiteEventLog(path: network.hubDatabase, create: false)
        try await checkEntries(of: hub)
        for site in network.sites {
            let done = try #require(work[site.name])
            let node = try SQLiteEventLog(path: site.database, create: false)
            let id = try await node.read { try $0.identity() }.node
            let own = try await chain(of: id, in: node)
            let held = try await chain(of: id, in: hub)
            #expect(own.tip == held.tip && own.ops.count == held.ops.count)
            let repeated = Dictionary(own.ops.map { ($0.op, 1) }, uniquingKeysWith: +)
                .filter { $0.value > 1 }
            #expect(repeated.isEmpty, "recorded twice: \(repeated)")
            let recorded = Dictionary(
                own.ops.map { ($0.op, "\(site.name)-1:\($0.sequence)") }
            ) { first, _ in first }
            let missing = done.events.filter { recorded[$0.key] != $0.value }
            #expect(missing.isEmpty, "acknowledged, and not there: \(missing)")
            let unasked = recorded.keys.filter { done.events[$0] == nil && !$0.hasPrefix("i-") }
            #expect(unasked.isEmpty, "recorded, and never acknowledged: \(unasked)")
        }
    }

    /// The hub's order has no gap, and its chain fits its entries.
    private func checkEntries(of hub: SQLiteEventLog) async throws {
        let (head, count) = try await hub.read { log in
            var position = HubPosition.start
            var count: UInt64 = 0
            while true {
                let entries = try log.entries(after: position, in: nil, limit: 1_000)
                guard let last = entries.last else { break }
                for entry in entries {
                    count += 1
                    #expect(entry.position.rawValue == count)
                }
                position = last.position
            }
            return (try log.head(in: nil), count)
        }
        #expect(head.rawValue == count)
    }

    /// Reads all events of a node, and computes their chain anew.
    private func chain(
        of node: NodeID,
        in log: SQLiteEventLog
    ) async throws -> (tip: ContentHash, ops: [(op: String, sequence: UInt64)]) {
        try await log.read { log in
            var chain = HashChain(tip: .zero)
            var ops: [(op: String, sequence: UInt64)] = []
            var sequence: UInt64 = 0
            while true {
                let events = try log.events(
                    of: node,
                    after: sequence,
                    limit: 500,
                    bytesMax: 8 << 20
                )
                if events.isEmpty { break }
                for sealed in events {
                    sequence += 1
                    #expect(sealed.id == EventID(node: node, sequence: sequence))
                    #expect(chain.append(sealed.bytes) == sealed.chainHash)
                    let event = try WireFormat.decodeEvent(sealed.bytes)
                    #expect(event.id == sealed.id)
                    if let op = event.op { ops.append((op.text, sequence)) }
                }
            }
            let last = try log.lastEvent(of: node)
            #expect(last?.sequence ?? 0 == sequence)
            #expect(last?.chainHash ?? .zero == chain.tip)
            return (chain.tip, ops)
        }
    }

    /// What is on hand is what was acknowledged, at the nodes and at the hub.
    private func checkStock(_ network: RunningNetwork, _ work: [String: DayOfWork]) throws {
        let hub = try JSONReader.read(Array(network.plumblineHub("stock", "--json").text.utf8))
        for site in network.sites {
            let node = try JSONReader.read(
                Array(network.plumbline(site, "stock", "--json").text.utf8)
            )
            for (name, rows) in [("hub", hub), (site.name, node)] {
                var onHand: [String: Int64] = [:]
                for row in rows.elements where row["site"]?.text == site.code {
                    onHand[row["sku"]?.text ?? ""] = row["on_hand"]?.integer
                    #expect(row["reserved"]?.integer == 0)
                    #expect(row["picked"]?.integer == 0)
                }
                #expect(onHand == work[site.name]?.onHand, "\(name) on \(site.code)")
            }
        }
    }
}
