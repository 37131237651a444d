import Causality
import Foundation
import InventoryEngine
import TestSupport
import Testing

/// Every ordered pair of deeds on one transfer between two sites, in every start state, with and
/// without knowledge of each other, in every order of arrival.
///
/// All goods cost 1, so that the model tells not only what is where but what it is worth, without any
/// share and any rounding; receipts and dispatches also where they cost 3 at the destination.
/// `CASE=…` runs those cases alone whose name holds the
/// text, as in `EnumerationTests`.
@Suite(.timeLimit(.minutes(30)))
struct TransferEnumerationTests {
    /// One thing that somebody of a site may do.
    struct Deed: Sendable {
        var name: String
        var site: SiteCode
        /// Those of a case are told apart by their place in it, from 1, so that all can be recorded.
        var command: @Sendable (_ place: Int) -> InventoryCommand

        init(
            _ name: String,
            at site: SiteCode,
            _ command: @escaping @Sendable (_ place: Int) -> InventoryCommand
        ) {
            self.name = name
            self.site = site
            self.command = command
        }
    }

    /// How far the transfer T-1 of four has come when the pair begins.
    struct Start: Sendable {
        var name: String
        /// How many of its cases can be recorded, at least; in others the second is refused.
        var least: Int
        var steps: @Sendable () -> [(node: Int, command: InventoryCommand)]
    }

    /// Who knew what, and which of the two arrived first.
    enum Course: String, CaseIterable {
        case firstArrivesFirst, secondArrivesFirst, secondKnowsFirst

        var isConcurrent: Bool { self != .secondKnowsFirst }
    }

    /// The nodes of the network of pairs: two of the source, two of the destination.
    private static let sites: [SiteCode] = ["L", "L", "M", "M"]

    private static func numbered(_ prefix: String, _ number: Int) -> DocumentID {
        DocumentID(stringLiteral: "\(prefix)-\(number)")
    }

    private static func request(_ quantity: Int64) -> InventoryCommand {
        .transfer(EventBody.transferRequested, "T-1", to: "M", [line("X", quantity)])
    }

    private static func cancel(_ quantity: Int64? = nil) -> InventoryCommand {
        let lines = quantity.map { [line("X", $0)] } ?? []
        return .transfer(EventBody.transferCancelled, "T-1", from: "L", to: "M", lines)
    }

    private static func send(_ quantity: Int64? = nil) -> InventoryCommand {
        let lines = quantity.map { [line("X", $0)] } ?? []
        return .transfer(EventBody.transferDispatched, "T-1", to: "M", lines)
    }

    private static func take(_ quantity: Int64) -> InventoryCommand {
        .transfer(EventBody.transferReceived, "T-1", from: "L", [line("X", quantity)])
    }

    private static func settle(_ quantity: Int64) -> InventoryCommand {
        .transfer(
            EventBody.transferSettled,
            "T-1",
            from: "L",
            to: "M",
            reason: "counted",
            [line("X", quantity)]
        )
    }

    static let deeds: [Deed] = [
        Deed("request", at: "L") { request(5 - Int64($0)) },
        Deed("cancel", at: "L") { _ in cancel() },
        Deed("cancelThere", at: "M") { _ in cancel() },
        Deed("cancelTwo", at: "L") { _ in cancel(2) },
        Deed("cancelTwoThere", at: "M") { _ in cancel(2) },
        Deed("send", at: "L") { _ in send() },
        Deed("sendTwo", at: "L") { _ in send(2) },
        Deed("sendFive", at: "L") { _ in send(5) },
        Deed("takeOne", at: "M") { _ in take(1) },
        Deed("takeTwo", at: "M") { _ in take(2) },
        Deed("takeFour", at: "M") { _ in take(4) },
        Deed("takeFive", at: "M") { _ in take(5) },
        Deed("lose", at: "L") { _ in settle(1) },
        Deed("loseTwo", at: "L") { _ in settle(2) },
        Deed("loseThere", at: "M") { _ in settle(1) },
        Deed("gain", at: "L") { _ in settle(-1) },
        Deed("gainThere", at: "M") { _ in settle(-1) },
        Deed("scrap", at: "L") { _ in .scrap([line("X", 1)]) },
        Deed("count", at: "L") { .count(numbered("C", $0 + 1), [line("X", 9)]) },
        Deed("scrapThere", at: "M") { _ in .scrap([line("X", 1)]) },
        Deed("holdThere", at: "M") { _ in
            .status([line("X", 2, status: .sellable, toStatus: .hold)])
        },
        Deed("countThere", at: "M") { .count(numbered("C", $0 + 1), [line("X", 4)]) },
        Deed("sellThere", at: "M") { .confirm(numbered("SO", $0 + 1), [line("X", 2)]) },
    ]

    static let starts: [Start] = [
        Start(name: "stocked", least: 520) { [] },
        Start(name: "requested", least: 860) { [(0, request(4))] },
        Start(name: "partCancelled", least: 855) { [(0, request(4)), (0, cancel(1))] },
        Start(name: "cancelled", least: 520) { [(0, request(4)), (0, cancel())] },
        Start(name: "partSent", least: 900) { [(0, request(4)), (0, send(2))] },
        Start(name: "sent", least: 670) { [(0, request(4)), (0, send())] },
        Start(name: "sentUnasked", least: 670) { [(0, send(4))] },
        Start(name: "takenEarly", least: 900) { [(0, request(4)), (2, take(2))] },
        Start(name: "partTaken", least: 660) { [(0, request(4)), (0, send()), (2, take(2))] },
        Start(name: "partLost", least: 580) {
            [(0, request(4)), (0, send()), (2, take(2)), (0, settle(1))]
        },
        Start(name: "taken", least: 445) { [(0, request(4)), (0, send()), (2, take(4))] },
        Start(name: "takenOver", least: 585) { [(0, request(4)), (0, send()), (2, take(6))] },
        Start(name: "lost", least: 445) {
            [(0, request(4)), (0, send()), (2, take(3)), (0, settle(1))]
        },
        Start(name: "gained", least: 445) {
            [(0, request(4)), (0, send()), (2, take(5)), (0, settle(-1))]
        },
    ]

    /// Twenty units at the source for 1 each, and three at the destination for `there` each.
    static func network(
        _ sites: [SiteCode],
        _ start: Start,
        there: String
    ) throws -> Network {
        let destination = try #require(sites.firstIndex(of: "M"))
        var network = try Network(sites)
        try network.nodes[0].record(.item("X"))
        try network.nodes[0].record(.receive([line("X", 20, cost: "1")]))
        try network.settle()
        try network.nodes[destination].record(.receive([line("X", 3, cost: there)]))
        try network.settle()
        for (node, command) in start.steps() {
            try network.nodes[node == 0 ? 0 : destination].record(command)
            try network.settle()
        }
        return network
    }

    // MARK: The model

    /// What is known of the goods without the engine: sums over what was recorded.
    struct Model {
        var atSource: Int64 = 20
        var atDestination: Int64 = 3
        var scrapped: Int64 = 0
        var sent: Int64 = 0
        var taken: Int64 = 0
        /// What was gained with all dispatches known, and what without one of them.
        var gained: Int64 = 0
        var gainedUnaware: Int64 = 0
        /// What was written off with all receipts known, and what without one of them.
        var lost: Int64 = 0
        var lostUnaware: Int64 = 0

        mutating func take(_ event: InventoryEvent, isUnaware: Bool) {
            func sum(_ lines: [EventLine]) -> Int64 {
                lines.reduce(0) { $0 + $1.quantity.units }
            }
            switch event.body {
            case .transferDispatched(let transfer): sent += sum(transfer.lines)
            case .transferReceived(let transfer): taken += sum(transfer.lines)
            case .transferSettled(let transfer):
                let units = sum(transfer.lines)
                if units < 0 {
                    if isUnaware { gainedUnaware -= units } else { gained -= units }
                } else if isUnaware {
                    lostUnaware += units
                } else {
                    lost += units
                }
            case .scrapped(let change):
                scrapped += sum(change.lines)
                if event.site == "L" {
                    atSource -= sum(change.lines)
                } else {
                    atDestination -= sum(change.lines)
                }
            default: break
            }
        }

        /// What is settled in the end: nothing is lost that has arrived, and nothing gained that was
        /// sent, whoever knew of it.
        var settled: Int64 {
            let found = gained + min(gainedUnaware, max(0, taken - sent + lost - gained))
            return lost + min(lostUnaware, max(0, sent - taken - lost + found)) - found
        }
        var inTransit: Int64 { sent - taken - settled }
    }

    /// What both sites show, as sums.
    private struct Shown {
        var onHand: [SiteCode: Int64] = [:]
        var accounts: [SiteCode: [Account: Int64]] = [:]
        var total: Int64 = 0
        var sent: Int64 = 0
        var taken: Int64 = 0
        var settled: Int64 = 0
        var transitValue: Int64 = 0
        var bound: [SiteCode: Int64] = [:]
        var sellable: [SiteCode: Int64] = [:]
        var rights: [SiteCode: Int64] = [:]
        var askedBack: Int64 = 0

        init(_ rows: InMemoryRowSource) throws {
            for (key, row) in try rows.typed(BucketRow.self) {
                onHand[key.home, default: 0] += row.quantity.units
                if key.status == .sellable { sellable[key.home, default: 0] += row.quantity.units }
            }
            for (key, row) in try rows.typed(AccountRow.self) {
                let amount = row.debit.units - row.credit.units
                accounts[key.home, default: [:]][key.account, default: 0] += amount
                total += amount
            }
            for (key, row) in try rows.typed(TransferLineRow.self) where key.home == key.source {
                sent += row.dispatched.units
                taken += row.received.units
                settled += row.settled.units
                transitValue += row.transitValue.units
            }
            for (key, row) in try rows.typed(TaskRow.self) where key.purpose == .returnTransfer {
                askedBack += row.quantity.units
            }
            for (key, row) in try rows.typed(OrderLineRow.self) {
                bound[key.home, default: 0] += row.reserved.units
            }
            for (key, row) in try rows.typed(RightsRow.self) {
                rights[key.home, default: 0] += row.balance.units
            }
        }

        /// What is wrong with it against the model.
        func faults(_ model: Model, isOneCost: Bool) -> [String] {
            var faults: [String] = []
            func expect(_ name: String, _ shown: Int64, _ wanted: Int64) {
                if shown != wanted { faults.append("\(name) \(shown), by the model \(wanted)") }
            }
            let (source, destination) = (accounts["L"] ?? [:], accounts["M"] ?? [:])
            expect("on hand at the source", onHand["L"] ?? 0, model.atSource - model.sent)
            expect(
                "on hand at the destination",
                onHand["M"] ?? 0,
                model.atDestination + model.taken
            )
            expect("sent", sent, model.sent)
            expect("taken", taken, model.taken)
            expect("settled", settled, model.settled)
            for site in ["L", "M"] as [SiteCode] {
                let free = (sellable[site] ?? 0) - (bound[site] ?? 0)
                expect("rights at \(site)", rights[site] ?? 0, free)
            }
            if askedBack > sent { faults.append("\(askedBack) are asked back, sent \(sent)") }
            expect("the books", total, 0)
            expect("in transit by its lines", transitValue, source[.goodsInTransit] ?? 0)
            let left = (model.atSource - model.sent) * 10_000
            expect("worth at the source", source[.inventory] ?? 0, left)
            guard isOneCost || model.inTransit >= 0 else { return faults }
            expect("worth in transit", transitValue, model.inTransit * 10_000)
            let arrived = (destination[.inventory] ?? 0) + (destination[.scrap] ?? 0)
            let before: Int64 = 3 * (isOneCost ? 10_000 : 30_000)
            expect("worth of what arrived", arrived, before + model.taken * 10_000)
            let lost = (source[.transitLoss] ?? 0) + (source[.transitGain] ?? 0)
            expect("worth of what is settled", lost, model.settled * 10_000)
            return faults
        }
    }

    // MARK: What the table of pairs says

    private static let sending: Set<String> = ["send", "sendTwo", "sendFive"]
    private static let taking: Set<String> = ["takeOne", "takeTwo", "takeFour", "takeFive"]
    private static let cancelling: Set<String> = ["cancel", "cancelThere"]
    private static let cancellingPart: Set<String> = ["cancelTwo", "cancelTwoThere"]
    private static let losing: Set<String> = ["lose", "loseTwo", "loseThere"]
    private static let settling = losing.union(["gain", "gainThere"])

    /// The rules that a concurrent pair must leave a record of, by the table, and those that it
    /// must not; what depends on quantities is asked of the model.
    private func expected(
        _ first: String,
        _ second: String,
        _ start: String,
        _ model: Model
    ) -> [ConflictRow.Rule] {
        func pairs(_ one: Set<String>, _ other: Set<String>) -> Bool {
            one.contains(first) && other.contains(second)
                || one.contains(second) && other.contains(first)
        }
        if pairs(Self.cancelling, Self.sending) { return [.transferCancelledTooLate] }
        if pairs(Self.cancellingPart, ["send", "sendFive"]), start == "requested" {
            return [.transferCancelledTooLate]
        }
        if pairs(Self.sending, Self.taking) {
            let differs = model.sent != model.taken
            return differs
                ? [.receivedBeforeDispatch, .transferDiffers] : [.receivedBeforeDispatch]
        }
        if pairs(Self.taking, Self.taking), model.sent > 0,
            model.taken > model.sent - model.settled
        {
            return [.receivedTwice]
        }
        if pairs(["gain", "gainThere"], Self.sending), model.settled > -1 - model.gained {
            return [.receivedBeforeDispatch]
        }
        if pairs(Self.losing, Self.taking), model.settled < model.lost + model.lostUnaware {
            return [.returnedAfterWriteOff]
        }
        if pairs(["countThere"], Self.taking.union(["scrapThere", "holdThere"])) {
            return [.countedAndMoved]
        }
        if pairs(["count"], Self.sending.union(["scrap"])) { return [.countedAndMoved] }
        if pairs(["count"], ["count"]) || pairs(["countThere"], ["countThere"]) {
            return [.countedTwice]
        }
        return []
    }

    /// Whether the outcome must be equal whatever arrives first.
    ///
    /// By the hub's order go two claims about one transfer, a second receipt of what one has
    /// brought already, and two decisions.
    static func isSameInEitherOrder(_ first: String, _ second: String) -> Bool {
        let claims = cancelling.union(cancellingPart).union(["request"])
        let pair: Set<String> = [first, second]
        return !pair.isSubset(of: claims) && !pair.isSubset(of: settling)
            && !pair.isSubset(of: taking)
    }

    // MARK: The cases

    /// What both sites show but who holds rights, and of the tasks those to send goods back.
    private static func figures(_ network: Network) throws -> [String: Int64] {
        var figures: [String: Int64] = [:]
        for site in ["L", "M"] as [SiteCode] {
            let node = try #require(network.nodes.first { $0.site == site }).node
            let own = try Figures(network.hub.rows, at: site, node: node)
            for (name, value) in own.values
            where !name.contains("rights")
                && (!name.hasPrefix("task") || name.contains("return_transfer"))
            {
                figures["\(site) \(name)"] = value
            }
        }
        return figures
    }

    /// What is wrong with a network in which all is known to all, and the figures that it shows.
    ///
    /// - Parameters:
    ///   - network: The network.
    ///   - events: The events of the case: no fact of them may be turned down or parked.
    ///   - isConcurrent: Whether a settlement among them did not know the others.
    ///   - isOneCost: Whether the goods cost the same at both sites.
    ///   - model: What is known of the goods without the engine, as it was before the history.
    /// - Returns: The faults, and each figure by its name.
    /// - Throws: What reading the rows throws.
    static func judged(
        _ network: Network,
        _ events: [InventoryEvent],
        isConcurrent: Bool,
        isOneCost: Bool,
        _ model: inout Model
    ) throws -> (faults: [String], figures: [String: Int64]) {
        let own = Set(events.map(\.id))
        for located in network.hub.entries where !own.contains(located.event.id) {
            model.take(located.event, isUnaware: false)
        }
        var faults: [String] = []
        for event in events {
            let ruling = network.hub.entries.first { $0.event.id == event.id }?.entry?.ruling
            let isTaken = ruling?.verdict == .accepted || ruling?.verdict == .adjusted
            if event.body.kind != .claim, !isTaken {
                faults.append(
                    "the fact \(event.body.type) is \(ruling?.verdict.text ?? "lost")"
                )
            }
            if ruling?.verdict == .parked { faults.append("\(event.body.type) is parked") }
            if isTaken { model.take(event, isUnaware: isConcurrent) }
        }
        faults += try Shown(network.hub.rows).faults(model, isOneCost: isOneCost)
        faults += try Recount(network.hub.rows).faults.map { "\($0)" }
        for node in network.nodes {
            if node.differenceCount > 0 { faults.append("a node decided otherwise than the hub") }
            let shown = try Figures(node.rows, at: node.site, node: node.node).values
            let theirs = try Figures(network.hub.rows, at: node.site, node: node.node).values
            if shown != theirs { faults.append("a node of \(node.site) shows other figures") }
        }
        return (faults, try figures(network))
    }

    /// Runs one case.
    ///
    /// - Returns: What is wrong, and the figures at the end; nil if the pair cannot be recorded.
    private func run(
        _ first: Deed,
        _ second: Deed,
        _ start: Start,
        _ course: Course,
        there: String,
        from prepared: Network
    ) throws -> (faults: [String], figures: [String: Int64])? {
        var network = prepared.copied()
        var model = Model()
        let one = first.site == "L" ? 0 : 2
        let other = second.site == first.site ? one + 1 : 2 - one
        var events: [InventoryEvent] = []
        do {
            events.append(try network.nodes[one].record(first.command(1)).event)
            if course == .secondKnowsFirst { try network.settle() }
            events.append(try network.nodes[other].record(second.command(2)).event)
        } catch let error as EngineError {
            guard error.code != .identityBroken, error.code != .damaged else { throw error }
            return nil
        }
        if course.isConcurrent {
            try network.push(course == .firstArrivesFirst ? one : other)
            try network.push(course == .firstArrivesFirst ? other : one)
        }
        try network.settle()
        try network.settle()

        var (faults, end) = try Self.judged(
            network,
            events,
            isConcurrent: course.isConcurrent,
            isOneCost: there == "1",
            &model
        )
        let rules = Set(try network.hub.rows.typed(ConflictRow.self).map(\.row.rule))
        if course.isConcurrent {
            for rule in expected(first.name, second.name, start.name, model)
            where !rules.contains(rule) {
                faults.append("no record of pair \(rule.rawValue)")
            }
        } else if !rules.isEmpty {
            faults.append("in order, and yet a conflict: \(rules.map(\.text).sorted())")
        }
        return (faults, end)
    }

    /// How many cases were run, by how they ended.
    private struct Tally {
        var run = 0
        var refused = 0
        var faults: [String] = []
    }

    private func tally(_ start: Start, there: String) throws -> Tally {
        var tally = Tally()
        let wanted = caseWanted
        let prepared = try Self.network(Self.sites, start, there: there)
        for first in Self.deeds {
            for second in Self.deeds {
                var outcomes: [[String: Int64]] = []
                for course in Course.allCases {
                    let name = "\(start.name)/\(first.name)/\(second.name)/\(course.rawValue)"
                    if let wanted, !name.contains(wanted) { continue }
                    guard
                        let (faults, end) = try run(
                            first,
                            second,
                            start,
                            course,
                            there: there,
                            from: prepared
                        )
                    else {
                        tally.refused += 1
                        continue
                    }
                    tally.run += 1
                    tally.faults += faults.map { "\(name): \($0)" }
                    if course.isConcurrent { outcomes.append(end) }
                }
                if outcomes.count == 2, outcomes[0] != outcomes[1],
                    Self.isSameInEitherOrder(first.name, second.name)
                {
                    let names = Set(outcomes[0].keys).union(outcomes[1].keys)
                    let differing = names.filter { outcomes[0][$0] != outcomes[1][$0] }.sorted()
                        .map { "\($0) \(outcomes[0][$0] ?? 0) or \(outcomes[1][$0] ?? 0)" }
                    tally.faults.append(
                        "\(start.name)/\(first.name)/\(second.name): the order of arrival "
                            + "matters: \(differing.joined(separator: ", "))"
                    )
                }
            }
        }
        return tally
    }

    @Test(arguments: starts.indices)
    func `every pair of deeds on a transfer comes out by the table, whoever knew what`(
        index: Int
    ) throws {
        let tally = try tally(Self.starts[index], there: "1")
        #expect(tally.faults.isEmpty, "\(tally.faults.count): \(tally.faults.prefix(40))")
        if caseWanted == nil {
            let all = Self.deeds.count * Self.deeds.count * Course.allCases.count
            #expect(tally.run + tally.refused == all)
            let least = Self.starts[index].least
            #expect(tally.run >= least, "only \(tally.run) of \(all) could be recorded")
        }
    }

    @Test(arguments: starts.indices)
    func `pair 17: what arrives before its dispatch costs the same, whichever is known first`(
        index: Int
    ) throws {
        let start = Self.starts[index]
        let prepared = try Self.network(Self.sites, start, there: "3")
        for sending in Self.deeds where Self.sending.contains(sending.name) {
            for taking in Self.deeds where Self.taking.contains(taking.name) {
                // What arrives while just nothing is in transit has no price of its sender to go by.
                if ["takenEarly", "takenOver"].contains(start.name), sending.name == "sendTwo" {
                    continue
                }
                var outcomes: [[String: Int64]] = []
                for course in [Course.firstArrivesFirst, .secondArrivesFirst] {
                    let end = try run(sending, taking, start, course, there: "3", from: prepared)
                    guard let (faults, figures) = end else { continue }
                    #expect(faults == [], "\(start.name)/\(sending.name)/\(taking.name)")
                    outcomes.append(figures)
                }
                guard outcomes.count == 2 else { continue }
                #expect(
                    outcomes[0] == outcomes[1],
                    "\(start.name)/\(sending.name)/\(taking.name)"
                )
            }
        }
    }

    private var caseWanted: String? {
        ProcessInfo.processInfo.environment["CASE"]
    }
}
