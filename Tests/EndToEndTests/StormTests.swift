import Foundation
import Interchange
import Synchronization
import TestSupport
import Testing

/// Sixteen callers promise the same few units through real agents, while the links to a real hub
/// are cut and healed at random: no unit is promised finally twice, every promise can be kept, and
/// who lost waits exactly once.
///
/// `RightsStormTests` plays the same storm in one process, thousands of times; here it blows once,
/// through processes, sockets and files.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(10)))
struct StormTests {
    /// Two nodes at the first site, which share what they may promise.
    fileprivate static let codes = ["LON", "LON", "MAN", "BRS"]
    private static let callersPerNode = 4
    private static let callsPerCaller = 22
    private static let openingUnits = 16

    @Test func `sixteen callers promise no unit twice while links are cut and healed`()
        async throws
    {
        let seed = Seeds.forThisRun.first ?? 1
        try await withRunningNetwork(Self.codes) { network in
            let start = ContinuousClock.now
            let relays = try await join(network)
            defer { for relay in relays { relay.close() } }
            let board = StormBoard()
            try open(network, board)

            let outages = try await blow(network, relays, board, seed: seed)
            let blown = ContinuousClock.now
            _ = try network.settle(seconds: 120)
            let putBack = try putBack(network)
            var judge = StormJudge(network: network, record: board.record)
            try judge.judge(network.settle())
            try pickWhatIsPromised(network, faults: &judge.faults)
            try judge.judge(network.settle())
            await network.stopAll()
            for site in network.sites { try network.plumbline(site, "verify") }
            try network.plumblineHub("verify")

            #expect(
                judge.faults.isEmpty,
                "Replay with SEED=\(seed): \(judge.faults.count): \(judge.faults.prefix(5))"
            )
            let record = board.record
            print(
                "StormTests: SEED=\(seed), \(record.summary); \(outages);"
                    + " \(judge.summary), \(putBack) put back; storm \(blown - start), judged in"
                    + " \(ContinuousClock.now - blown)"
            )
            // A storm in which nobody lost and no link broke proves nothing.
            #expect(record.orders.values.contains { !$0.isFinal }, "SEED=\(seed)")
            #expect(record.orders.values.contains { $0.isFinal }, "SEED=\(seed)")
            #expect(record.duplicates > 0, "SEED=\(seed)")
            #expect(outages.cuts > 3 && outages.stops + outages.kills > 3, "SEED=\(seed)")
        }
    }

    /// Starts the hub and the agents, each of which reaches the hub by a relay of its own.
    private func join(_ network: RunningNetwork) async throws -> [LinkRelay] {
        let url = try await network.startHub()
        let port = try #require(url.split(separator: ":").last.flatMap { UInt16($0) })
        var relays: [LinkRelay] = []
        for site in network.sites {
            let relay = try LinkRelay(to: port)
            relays.append(relay)
            try network.plumbline(
                site,
                "join",
                "http://127.0.0.1:\(relay.port)",
                "--token",
                network.invite(site)
            )
            try await site.agent.start()
        }
        return relays
    }

    /// Registers the items and receives the first units at every node, which may promise them.
    private func open(_ network: RunningNetwork, _ board: StormBoard) throws {
        let catalog = StormCaller.items.map {
            #"{"type":"item_registered","sku":"\#($0)","name":"Item \#($0)","op":"i-\#($0)"}"#
        }
        try network.plumbline(network.sites[0], "record", input: catalog.joined(separator: "\n"))
        _ = try network.settle()
        for site in network.sites {
            for sku in StormCaller.items {
                try network.plumbline(
                    site,
                    "receive",
                    sku,
                    "\(Self.openingUnits)",
                    "--unit-cost",
                    "1.53"
                )
                board.received(Int64(Self.openingUnits), sku, at: site.code)
            }
        }
        _ = try network.settle()
    }

    /// Lets all callers work at once while the weather rages, and clears it up afterwards.
    private func blow(
        _ network: RunningNetwork,
        _ relays: [LinkRelay],
        _ board: StormBoard,
        seed: UInt64
    ) async throws -> StormWeather.Outages {
        try await withThrowingTaskGroup(of: Void.self) { callers in
            for (index, site) in network.sites.enumerated() {
                for number in 1...Self.callersPerNode {
                    let caller = StormCaller(
                        name: "\(site.node)-\(number)",
                        site: site,
                        programs: network.programs,
                        board: board,
                        seed: seed &* 1_000 &+ UInt64(index * Self.callersPerNode + number)
                    )
                    // A thread for each: they wait for processes, and none may wait for another.
                    callers.addTask {
                        try await onThread { try caller.run(calls: Self.callsPerCaller) }
                    }
                }
            }
            async let weather = StormWeather(network: network, relays: relays, seed: seed)
                .rage(while: { !board.isOver })
            do {
                try await callers.waitForAll()
            } catch {
                board.close()
                throw error
            }
            board.close()
            return try await weather
        }
    }

    /// Where two nodes picked the same units, or one picked what another cancelled, somebody puts
    /// back what is too many; what is packed stays with its order.
    private func putBack(_ network: RunningNetwork) throws -> Int64 {
        func rows(_ name: String) throws -> [JSONValue] {
            let output = try network.plumblineHub(name, "--json")
            return try JSONReader.read(Array(output.text.utf8)).elements
        }
        // What was carried to staging, by order and item, as the events say, and who came last.
        var carried: [String: Int64] = [:]
        var last: [String: String] = [:]
        for event in try rows("events") where event["type"]?.text == "pick_completed" {
            for line in event.at("body", "lines")?.elements ?? [] {
                let key = "\(event.at("body", "order")?.text ?? "")/\(line["sku"]?.text ?? "")"
                carried[key, default: 0] += units(line, "quantity")
                last[key] = event["event"]?.text
            }
        }
        let orders = try rows("orders")
        func key(_ row: JSONValue) -> String {
            "\(row["order"]?.text ?? "")/\(row["sku"]?.text ?? "")"
        }
        for row in orders {
            let ofOrder = units(row, "picked") + units(row, "packed") + units(row, "shipped")
            carried[key(row)]? -= ofOrder
        }
        var all: Int64 = 0
        for row in orders {
            // The surplus is of the order; its first line takes it.
            let surplus = carried.removeValue(forKey: key(row)) ?? 0
            let back = surplus + min(units(row, "to_put_back"), units(row, "picked"))
            guard back > 0 else { continue }
            all += back
            // Who carried too much puts it back, and can promise it again.
            let carrier = try #require(last[key(row)]?.split(separator: ":").first)
            let site = try #require(network.sites.first { $0.node == carrier })
            let order = row["order"]?.text ?? ""
            let line = StormCaller.line(row, back)
            try network.plumbline(
                site,
                "record",
                input: #"{"type":"unpicked","order":"\#(order)",\#(line)}"#
            )
        }
        return all
    }

    /// Picks all units that are still promised, at the nodes of the site in turn: every promise
    /// can be kept.
    private func pickWhatIsPromised(_ network: RunningNetwork, faults: inout [String]) throws {
        let rows = try JSONReader.read(Array(network.plumblineHub("orders", "--json").text.utf8))
        var commands: [String: [String]] = [:]
        for (index, row) in rows.elements.enumerated() where units(row, "reserved") > 0 {
            let nodes = network.sites.filter { $0.code == row["site"]?.text }
            let site = nodes[index % nodes.count]
            let line = StormCaller.line(row, units(row, "reserved"))
            commands[site.name, default: []].append(
                #"{"type":"pick_completed","order":"\#(row["order"]?.text ?? "")",\#(line)}"#
            )
        }
        for site in network.sites {
            let output = try network.programs.run(
                "plumbline",
                ["record", "--json", "--data", site.name],
                input: (commands[site.name] ?? []).joined(separator: "\n") + "\n"
            )
            for line in output.lines where !line.contains(#""status":"recorded""#) {
                faults.append("\(site.name): a promised unit cannot be picked: \(line)")
            }
            for line in output.lines where line.contains("negative_stock") {
                faults.append("\(site.name): more was picked than was there: \(line)")
            }
            if output.lines.count != commands[site.name]?.count ?? 0 {
                faults.append("\(site.name): \(output.errors)")
            }
        }
    }
}

/// Does blocking work on a thread of its own.
private func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (waiting: CheckedContinuation<Void, any Error>) in
        Thread.detachNewThread { waiting.resume(with: Swift.Result { try body() }) }
    }
}

/// The units that a member of a row says.
private func units(_ row: JSONValue, _ name: String) -> Int64 { row[name]?.integer ?? 0 }

/// A row as a message tells it: what is there and not zero.
private func told(_ row: JSONValue) -> String {
    guard case .object(let members) = row else { return "\(row)" }
    return members.compactMap { member in
        let text = member.value.text ?? member.value.integer.map(String.init) ?? ""
        return ["", "0", "0.0000"].contains(text) ? nil : "\(member.key) \(text)"
    }
    .joined(separator: ", ")
}

/// An item at a site.
private struct Pool: Hashable, CustomStringConvertible {
    let site: String
    let sku: String

    var description: String { "\(sku) at \(site)" }
}

extension Pool {
    /// What a row of a list is about.
    fileprivate init(_ row: JSONValue) {
        self.init(site: row["site"]?.text ?? "", sku: row["sku"]?.text ?? "")
    }
}

/// What the callers did, as they were told.
private struct StormRecord: Sendable {
    /// An order and what was answered when it was confirmed.
    struct Order: Sendable {
        let site: String
        /// The lines in their order: the units of an item.
        let lines: [(sku: String, units: Int64)]
        let isFinal: Bool
    }

    var orders: [String: Order] = [:]
    var received: [Pool: Int64] = [:]
    var recorded = 0
    var duplicates = 0
    /// How often a command was refused, by the code.
    var refusals: [String: Int] = [:]

    var summary: String {
        let finals = orders.values.count(where: \.isFinal)
        let refused = refusals.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return "\(orders.count) orders, \(finals) final at once, \(recorded) commands recorded,"
            + " \(duplicates) repeated, refused: \(refused.joined(separator: ", "))"
    }
}

/// What all callers know and share.
private final class StormBoard: Sendable {
    private let state = Mutex((record: StormRecord(), recent: [String: [String]](), isOver: false))

    var record: StormRecord { state.withLock { $0.record } }
    var isOver: Bool { state.withLock { $0.isOver } }

    func close() { state.withLock { $0.isOver = true } }

    func note(_ change: (inout StormRecord) -> Void) { state.withLock { change(&$0.record) } }

    func received(_ units: Int64, _ sku: String, at site: String) {
        note { $0.received[Pool(site: site, sku: sku), default: 0] += units }
    }

    func confirmed(_ name: String, _ order: StormRecord.Order) {
        state.withLock {
            $0.record.orders[name] = order
            $0.recent[order.site, default: []].append(name)
        }
    }

    /// One of the last orders of a site, so that callers collide.
    func recent(at site: String, using generator: inout SeededGenerator) -> String? {
        let names = state.withLock { $0.recent[site]?.suffix(8) ?? [] }
        return names.randomElement(using: &generator)
    }
}

/// A person or a shop that records at a node, a process for each call.
private struct StormCaller {
    static let items = ["85123A", "22423", "47566"]
    /// What may be refused because somebody else was there first; anything else is a defect.
    private static let refusals: Set<String> = [
        "unknown_order", "nothing_to_pick", "nothing_to_pack", "nothing_to_ship",
        "nothing_to_cancel", "insufficient_rights",
    ]

    /// A command that was recorded, and what was answered.
    private struct Done {
        let command: String
        let event: String
    }

    let name: String
    let site: Site
    let programs: Programs
    let board: StormBoard
    private var generator: SeededGenerator
    private var number = 0
    private var done: [Done] = []
    /// Its own orders, of which it packs and ships what is picked.
    private var own: [String] = []

    init(name: String, site: Site, programs: Programs, board: StormBoard, seed: UInt64) {
        self.name = name
        self.site = site
        self.programs = programs
        self.board = board
        generator = SeededGenerator(seed: seed)
    }

    /// The line of a row of orders, with so many units.
    static func line(_ row: JSONValue, _ units: Int64) -> String {
        #""lines":[{"line":\#(row["line"]?.integer ?? 1),"sku":"\#(row["sku"]?.text ?? "")","#
            + #""quantity":\#(units)}]"#
    }

    /// Calls so often, with a moment between two calls.
    func run(calls: Int) throws {
        var caller = self
        for _ in 0..<calls {
            try caller.call()
            Thread.sleep(forTimeInterval: .random(in: 0...0.25, using: &caller.generator))
        }
    }

    private mutating func call() throws {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<45: try confirm()
        case 45..<55: try work(["order_cancelled"], recent())
        case 55..<70: try work(["pick_completed"], recent())
        case 70..<80: try work(["pick_completed", "pack_completed"], ownOrder())
        case 80..<86: try work(["pack_completed", "shipment_dispatched"], ownOrder())
        case 86..<91: try receive()
        case 91..<94: try moveRights()
        default: try again()
        }
    }

    private mutating func recent() -> String? { board.recent(at: site.code, using: &generator) }

    private mutating func ownOrder() -> String? {
        own.suffix(5).randomElement(using: &generator)
    }

    private mutating func op() -> String {
        number += 1
        return "\(name)-\(number)"
    }

    private mutating func anItem() throws -> String {
        try #require(Self.items.randomElement(using: &generator))
    }

    /// Confirms an order of few units.
    private mutating func confirm() throws {
        let order = "SO-\(op())"
        let first = try anItem()
        var lines = [(sku: first, units: Int64.random(in: 1...4, using: &generator))]
        if Int.random(in: 0..<3, using: &generator) == 0 {
            lines.append((try anItem(), .random(in: 1...3, using: &generator)))
        }
        let texts = lines.enumerated().map { index, line in
            #"{"line":\#(index + 1),"sku":"\#(line.sku)","quantity":\#(line.units)}"#
        }
        let priority = Int.random(in: 0...1, using: &generator)
        let command =
            #"{"type":"order_confirmed","op":"\#(order)","order":"\#(order)","#
            + #""priority":\#(priority),"lines":[\#(texts.joined(separator: ","))]}"#
        guard let answer = try record([command]).first else { return }
        let finality = answer["finality"]?.text
        #expect(finality == "final" || finality == "provisional", "\(answer)")
        own.append(order)
        board.confirmed(
            order,
            StormRecord.Order(site: site.code, lines: lines, isFinal: finality == "final")
        )
    }

    /// Does things with all that can be done of an order, in one call.
    private mutating func work(_ types: [String], _ order: String?) throws {
        guard let order else { return }
        let commands = types.map { #"{"type":"\#($0)","op":"\#(op())","order":"\#(order)"}"# }
        _ = try record(commands)
    }

    private mutating func receive() throws {
        let (sku, units) = (try anItem(), Int64.random(in: 1...3, using: &generator))
        let answers = try record([
            #"{"type":"goods_received","op":"\#(op())","lines":["#
                + #"{"sku":"\#(sku)","quantity":\#(units),"unit_cost":"1.53"}]}"#
        ])
        if !answers.isEmpty { board.received(units, sku, at: site.code) }
    }

    /// Gives promise rights to another node of the site or to the hub, or asks for theirs.
    private mutating func moveRights() throws {
        let isGrant = Bool.random(using: &generator)
        var others = ["hub"]
        if site.code == "LON" { others.append(site.number == 1 ? "lon-2" : "lon-1") }
        let other = try #require(others.randomElement(using: &generator))
        let units = Int.random(in: 1...3, using: &generator)
        _ = try record([
            #"{"type":"rights_\#(isGrant ? "granted" : "requested")","op":"\#(op())","#
                + #""sku":"\#(try anItem())","quantity":\#(units),"to":"\#(other)"}"#
        ])
    }

    /// Repeats a command, as somebody does who did not get the answer.
    private mutating func again() throws {
        guard let first = done.randomElement(using: &generator) else { return }
        let output = try run([first.command])
        let answer = try JSONReader.read(Array(output.text.utf8))
        #expect(answer["duplicate"] == .bool(true), "\(first.command) \(output.text)")
        #expect(answer["event"]?.text == first.event, "\(first.command) \(output.text)")
        board.note { $0.duplicates += 1 }
    }

    private func run(_ commands: [String]) throws -> Programs.Output {
        try programs.run(
            "plumbline",
            ["record", "--json", "--data", site.name],
            input: commands.joined(separator: "\n") + "\n"
        )
    }

    /// Records commands and returns the answers to those that were recorded.
    private mutating func record(_ commands: [String]) throws -> [JSONValue] {
        let output = try run(commands)
        let answers = try output.lines.map { try JSONReader.read(Array($0.utf8)) }
        #expect(answers.count == commands.count, "\(name): \(output.text) \(output.errors)")
        var recorded: [JSONValue] = []
        for (command, answer) in zip(commands, answers) {
            if answer["status"]?.text == "recorded", let event = answer["event"]?.text {
                done.append(Done(command: command, event: event))
                recorded.append(answer)
            } else {
                let code = answer.at("error", "code")?.text ?? "\(answer)"
                #expect(Self.refusals.contains(code), "\(name): \(command) \(output.text)")
                board.note { $0.refusals[code, default: 0] += 1 }
            }
        }
        board.note { $0.recorded += recorded.count }
        return recorded
    }
}

/// What cuts and heals the links of a network at random.
private struct StormWeather {
    /// What was broken, and how often.
    struct Outages: CustomStringConvertible {
        var cuts = 0
        var silences = 0
        var stops = 0
        var kills = 0

        var description: String {
            "\(cuts) links cut, \(silences) silent, hub stopped \(stops) times, killed \(kills)"
        }
    }

    let network: RunningNetwork
    let relays: [LinkRelay]
    private var generator: SeededGenerator
    private var outages = Outages()

    init(network: RunningNetwork, relays: [LinkRelay], seed: UInt64) {
        self.network = network
        self.relays = relays
        generator = SeededGenerator(seed: seed &* 7_000)
    }

    /// Breaks one thing after another, and heals everything at the end.
    func rage(while goesOn: @Sendable () -> Bool) async throws -> Outages {
        var weather = self
        while goesOn() {
            try await weather.blow()
            try await weather.pause(milliseconds: 50...400)
        }
        for relay in weather.relays { relay.set(.open) }
        return weather.outages
    }

    private mutating func blow() async throws {
        let relay = try #require(relays.randomElement(using: &generator))
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<35:
            relay.set(.cut)
            outages.cuts += 1
        case 35..<50:
            relay.set(.silent)
            outages.silences += 1
        case 50..<75: relay.set(.open)
        case 75..<88:
            await network.hub.send(SIGSTOP)
            outages.stops += 1
            try await pause(milliseconds: 100...900)
            await network.hub.send(SIGCONT)
        default:
            try await network.hub.kill()
            outages.kills += 1
            try await pause(milliseconds: 100...900)
            try await network.hub.start()
        }
    }

    private mutating func pause(milliseconds: ClosedRange<Int>) async throws {
        let pause = Int.random(in: milliseconds, using: &generator)
        try await Task.sleep(for: .milliseconds(pause))
    }
}

/// What everybody shows at one moment, by the name of the list.
private struct Shown {
    let hub: [String: JSONValue]
    var nodes: [(site: Site, lists: [String: JSONValue])]

    /// The lines of all orders.
    var orders: [JSONValue] { hub["orders"]?.elements ?? [] }
}

/// The rows of a list that are of a site.
private func rows(_ list: JSONValue?, of code: String) -> [JSONValue] {
    (list?.elements ?? []).filter { $0["site"]?.text == code }
}

/// Judges what everybody shows against what the callers were told.
private struct StormJudge {
    let network: RunningNetwork
    let record: StormRecord
    var faults: [String] = []
    private var counts: [String: Int64] = [:]

    init(network: RunningNetwork, record: StormRecord) {
        self.network = network
        self.record = record
    }

    var summary: String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    private func read(_ output: Programs.Output) throws -> JSONValue {
        try JSONReader.read(Array(output.text.utf8))
    }

    private mutating func expect(_ isRight: Bool, _ fault: @autoclosure () -> String) {
        if !isRight { faults.append(fault()) }
    }

    /// Judges a network in sync by the statuses of its nodes.
    mutating func judge(_ statuses: [JSONValue]) throws {
        var hub: [String: JSONValue] = [:]
        let names = ["orders", "stock", "conflicts", "exceptions", "events", "rights", "parked"]
        for name in names + ["status"] {
            hub[name] = try read(network.plumblineHub(name, "--json"))
        }
        var shown = Shown(hub: hub, nodes: [])
        for (site, status) in zip(network.sites, statuses) {
            var node = ["status": status]
            for name in ["orders", "stock", "conflicts"] {
                node[name] = try read(network.plumbline(site, name, "--json"))
            }
            shown.nodes.append((site, node))
        }
        judgeAgreement(shown)
        judgeFinals(shown.orders)
        judgeLosers(shown)
        judgePromises(shown)
        judgeRights(shown)
    }

    /// All nodes and the hub show the same.
    private mutating func judgeAgreement(_ shown: Shown) {
        let hub = shown.hub["status"]
        for (site, node) in shown.nodes {
            let status = node["status"]
            let isInSync = ["in_sync", "attention"].contains(status?["state"]?.text)
            expect(isInSync, "\(site.name): \(String(describing: status))")
            expect(
                status?.at("digest", "agrees_with_hub") == .bool(true),
                "\(site.name) does not agree with the hub"
            )
            for layer in ["physical", "commitment", "financial"] {
                let sum = status?.at("digest", layer)?.text
                let isSame = sum != nil && sum == hub?.at("digests", site.code, layer)?.text
                expect(isSame, "\(site.name): the \(layer) layer is not the hub's")
            }
            for name in ["orders", "conflicts"] {
                let there = rows(shown.hub[name], of: site.code)
                let isSame = rows(node[name], of: site.code) == there
                expect(isSame, "\(site.name) and the hub show other \(name)")
            }
        }
        let conflicts = shown.hub["conflicts"]?.elements ?? []
        let ids = conflicts.map { $0["id"]?.text ?? "" }
        expect(Set(ids).count == ids.count, "a conflict is listed twice")
        let open = Int64(conflicts.count { $0["state"]?.text == "open" })
        expect(hub?.at("attention", "conflicts")?.integer == open, "not \(open) open conflicts")
        // Who picked what another node had picked has less to give than it thought when it gave;
        // the hub turns such a grant down. Nothing else may be turned down or wait.
        let parked = shown.hub["parked"]?.elements ?? []
        for row in parked {
            let isGrant = row["type"]?.text == "rights_granted"
            expect(isGrant && row["verdict"]?.text == "rejected", "parked: \(told(row))")
        }
        counts["grants turned down"] = Int64(parked.count)
        counts["conflicts"] = Int64(ids.count)
        for row in shown.hub["exceptions"]?.elements ?? [] {
            expect(row["code"]?.text != "negative_stock", "below zero: \(told(row))")
        }
    }

    /// No unit was promised finally twice, and no final promise was taken back.
    private mutating func judgeFinals(_ orders: [JSONValue]) {
        var promised: [Pool: Int64] = [:]
        var final: [Pool: Int64] = [:]
        for row in orders {
            let name = row["order"]?.text ?? ""
            guard let order = record.orders[name] else {
                faults.append("\(name) was never confirmed")
                continue
            }
            let pool = Pool(row)
            let kept = ["reserved", "picked", "packed", "shipped"].reduce(0) { $0 + units(row, $1) }
            promised[pool, default: 0] += kept
            guard order.isFinal else { continue }
            final[pool, default: 0] += units(row, "ordered") - units(row, "cancelled")
            expect(units(row, "backordered") == 0, "\(name) was final, and waits")
            expect(row["finality"]?.text == "final", "\(name) was final, and is not")
        }
        for (pool, received) in record.received {
            for (what, sum) in [("finally", final), ("in all", promised)] {
                let sum = sum[pool] ?? 0
                expect(sum <= received, "\(pool): \(sum) promised \(what) of \(received)")
            }
        }
        counts["units received"] = record.received.values.reduce(0, +)
        counts["units promised"] = promised.values.reduce(0, +)
    }

    /// Who lost is either served later or waits, and is listed exactly once.
    private mutating func judgeLosers(_ shown: Shown) {
        var listed: [String: Int] = [:]
        var waiting: [String: Int64] = [:]
        for row in shown.orders {
            let name = row["order"]?.text ?? ""
            let line = Int(row["line"]?.integer ?? 0)
            listed["\(name)/\(line)", default: 0] += 1
            if units(row, "backordered") > 0 { waiting[row["site"]?.text ?? "", default: 0] += 1 }
            guard let asked = record.orders[name]?.lines, asked.indices.contains(line - 1) else {
                faults.append("nobody asked for line \(line) of \(name)")
                continue
            }
            expect(units(row, "ordered") == asked[line - 1].units, "\(name): \(told(row))")
            expect(row["sku"]?.text == asked[line - 1].sku, "\(name): \(told(row))")
            let parts = ["reserved", "picked", "packed", "shipped", "backordered", "cancelled"]
            let sum = parts.reduce(0) { $0 + units(row, $1) }
            expect(sum == units(row, "ordered"), "\(name): its parts are \(sum): \(told(row))")
            let isFinal = row["finality"]?.text == "final"
            expect(isFinal == (units(row, "backordered") == 0), "\(name): \(told(row))")
        }
        for (name, order) in record.orders {
            for number in 1...order.lines.count {
                let count = listed["\(name)/\(number)"] ?? 0
                expect(count == 1, "line \(number) of \(name) is listed \(count) times")
            }
        }
        let all = waiting.values.reduce(0, +)
        counts["lines waiting"] = all
        var told = [("hub", all, shown.hub["status"])]
        for (site, node) in shown.nodes {
            told.append((site.name, waiting[site.code] ?? 0, node["status"]))
        }
        for (who, lines, status) in told {
            let count = status?.at("attention", "provisional_orders")?.integer ?? -1
            expect(count == lines, "\(who): \(lines) lines wait, it shows \(count)")
        }
    }

    /// What was promised later was promised to who had waited, and who waits no more got it so.
    private mutating func judgePromises(_ shown: Shown) {
        var later: [String: Int64] = [:]
        var count: Int64 = 0
        for event in shown.hub["events"]?.elements ?? []
        where event["type"]?.text == "backorder_promised" {
            let name = event.at("body", "order")?.text ?? ""
            count += 1
            for line in event.at("body", "lines")?.elements ?? [] {
                later["\(name)/\(units(line, "line"))", default: 0] += units(line, "quantity")
            }
        }
        counts["later promises"] = count
        // Two holders may both promise the same line while neither hears the other; it gets no
        // more than it waits for, which its parts show.
        var served: [String: Int64] = [:]
        var waits: [String: Int64] = [:]
        for row in shown.orders {
            let name = row["order"]?.text ?? ""
            let promised = later["\(name)/\(units(row, "line"))"] ?? 0
            if record.orders[name]?.isFinal == true {
                expect(promised == 0, "\(name) was final, and was promised again")
            }
            served[name, default: 0] += promised
            waits[name, default: 0] += units(row, "backordered") + units(row, "cancelled")
        }
        for (name, order) in record.orders where !order.isFinal && waits[name] == 0 {
            expect(served[name] ?? 0 > 0, "\(name) waits no more, and nobody promised it")
        }
    }

    /// Rights are what is free, at the hub and at every node; and nobody waits for what is free.
    private mutating func judgeRights(_ shown: Shown) {
        var waiting: [Pool: Int64] = [:]
        var shipped: [Pool: Int64] = [:]
        for row in shown.orders {
            waiting[Pool(row), default: 0] += units(row, "backordered")
            shipped[Pool(row), default: 0] += units(row, "shipped")
        }
        var stocks = [("hub", shown.hub["stock"]?.elements ?? [], Set(StormTests.codes).count)]
        for (site, node) in shown.nodes {
            stocks.append((site.name, rows(node["stock"], of: site.code), 1))
        }
        for (who, stock, sites) in stocks {
            let count = sites * StormCaller.items.count
            expect(stock.count == count, "\(who) shows \(stock.count) pools, not \(count)")
            for row in stock {
                let pool = Pool(row)
                let bound = ["reserved", "allocated", "picked", "packed", "surplus"]
                    .reduce(0) { $0 + units(row, $1) }
                let rights = units(row, "rights_held") + units(row, "rights_granted")
                let free = units(row, "sellable") - bound
                let what = "\(who): \(told(row))"
                expect(rights == free, "\(rights) rights, \(free) free: \(what)")
                expect(free >= 0, "more is promised than is there: \(what)")
                let there = (record.received[pool] ?? 0) - (shipped[pool] ?? 0)
                expect(units(row, "on_hand") == there, "\(there) should be there: \(what)")
                expect(units(row, "surplus") == 0, "not put back: \(what)")
                let waits = waiting[pool] ?? 0
                expect(units(row, "backordered") == waits, "\(waits) wait: \(what)")
                expect(free == 0 || waits == 0, "what is free is waited for: \(what)")
            }
        }
        for row in shown.hub["rights"]?.elements ?? [] {
            expect(units(row, "balance") >= 0, "promised too much: \(told(row))")
            let isFrozen = row["holder"]?.text == "frozen" && units(row, "balance") != 0
            expect(!isFrozen, "frozen for ever: \(told(row))")
        }
    }
}

/// A link between a node and the hub that can be cut: while open, it passes on what comes by TCP.
private final class LinkRelay: Sendable {
    /// What becomes of what comes.
    enum Mode {
        /// It is passed on.
        case open
        /// Every connection is broken, and no new one is made.
        case cut
        /// Nothing passes, and nobody is told.
        case silent
    }

    /// Why a socket cannot be had.
    struct SocketError: Error { let code = errno }

    /// A connection: from the node, and on to the hub.
    private struct Pair {
        let near: Int32
        let far: Int32
        /// The ways that are still open, of two.
        var ways = 2
    }

    private struct State {
        var mode = Mode.open
        var pairs: [Int: Pair] = [:]
        var next = 0
        var isClosed = false
    }

    private let listener: Int32
    private let hubPort: UInt16
    private let state = Mutex(State())
    /// Where nodes connect.
    let port: UInt16

    /// Listens at a free port, and passes on to the hub's.
    init(to hubPort: UInt16) throws {
        self.hubPort = hubPort
        listener = try Self.socket()
        var address = Self.loopback(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (file, length) = (listener, size)
        let bound = Self.with(&address) { bind(file, $0, length) }
        guard bound == 0, listen(file, 64) == 0,
            Self.with(&address, { getsockname(file, $0, &size) }) == 0
        else { throw SocketError() }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { self.accept() }
    }

    /// Changes what becomes of what comes, from this moment on.
    func set(_ mode: Mode) {
        state.withLock { state in
            state.mode = mode
            if mode == .cut { Self.breakAll(state) }
        }
    }

    /// Ends everything.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.mode = .cut
            Self.breakAll(state)
        }
        // Wakes the thread that accepts, which closes it.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func breakAll(_ state: State) {
        for pair in state.pairs.values {
            shutdown(pair.near, Int32(SHUT_RDWR))
            shutdown(pair.far, Int32(SHUT_RDWR))
        }
    }

    private static func socket() throws -> Int32 {
        // The programs that the test starts must not have it.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let file = Foundation.socket(AF_INET, kind, 0)
        guard file >= 0 else { throw SocketError() }
        return file
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    private static func with<Result>(
        _ address: inout sockaddr_in,
        _ body: (UnsafeMutablePointer<sockaddr>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
        }
    }

    private func accept() {
        while true {
            let near = Foundation.accept(listener, nil, nil)
            if state.withLock({ $0.isClosed }) { break }
            guard near >= 0 else { continue }
            _ = fcntl(near, F_SETFD, FD_CLOEXEC)
            connect(near)
        }
        Foundation.close(listener)
    }

    /// Connects a node to the hub, or hangs up.
    private func connect(_ near: Int32) {
        guard state.withLock({ $0.mode != .cut }), let far = try? Self.socket() else {
            hangUp(near)
            return
        }
        var address = Self.loopback(port: hubPort)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = Self.with(&address) { Foundation.connect(far, $0, size) }
        let id: Int? = state.withLock { state in
            guard connected == 0, state.mode != .cut else { return nil }
            state.next += 1
            state.pairs[state.next] = Pair(near: near, far: far)
            return state.next
        }
        guard let id else {
            hangUp(near)
            Foundation.close(far)
            return
        }
        for (from, to) in [(near, far), (far, near)] {
            Thread.detachNewThread { self.pass(id, from: from, to: to) }
        }
    }

    private func hangUp(_ file: Int32) {
        // First, as a program that starts just now may have got it too.
        shutdown(file, Int32(SHUT_RDWR))
        Foundation.close(file)
    }

    /// Passes on one way of a connection until it ends.
    private func pass(_ id: Int, from: Int32, to: Int32) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(from, &buffer, buffer.count, 0)
            guard count > 0, waitUntilOpen(), send(buffer[..<count], to: to) else { break }
        }
        // The other side hears the end; the files are closed once neither way needs them.
        shutdown(to, Int32(SHUT_WR))
        state.withLock { state in
            state.pairs[id]?.ways -= 1
            guard let pair = state.pairs[id], pair.ways == 0 else { return }
            state.pairs[id] = nil
            Foundation.close(pair.near)
            Foundation.close(pair.far)
        }
    }

    /// Waits while the link is silent; false if it was cut.
    private func waitUntilOpen() -> Bool {
        while true {
            switch state.withLock({ $0.mode }) {
            case .open: return true
            case .cut: return false
            case .silent: Thread.sleep(forTimeInterval: 0.01)
            }
        }
    }

    private func send(_ bytes: ArraySlice<UInt8>, to file: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
