import Causality
import Foundation
import InventoryEngine
import TestSupport
import Testing

/// The triples of events that the table of pairs names, in every order of three and in every way that
/// three nodes of one site can know of each other, in every order of arrival.
///
/// A pair of the table often names a third event: what is put back after a cancelled order was
/// picked, the recount after two counts, the order that arrives after two facts about it. Each
/// family below holds the events of such rows, and all triples of it are run. They are judged by
/// the model of `EnumerationTests`. `CASE=…` runs those alone whose name holds the text.
@Suite(.timeLimit(.minutes(30)))
struct TripleEnumerationTests {
    typealias Deed = EnumerationTests.Deed
    private typealias Course = TripleCourse

    /// Events that rows of the table name together, and where they begin.
    struct Family: Sendable {
        var name: String
        var pairs: [Int]
        var deeds: [String]
        var starts: [String]
        /// How many of its cases can be recorded, at least.
        var least: Int
    }

    static let families: [Family] = [
        Family(
            name: "cancelled",
            pairs: [3, 4],
            deeds: ["cancel", "cancelOne", "pick", "unpick", "pack", "dispatch"],
            starts: ["promised", "picked", "packed"],
            least: 430
        ),
        Family(
            name: "amended",
            pairs: [11, 14, 19],
            deeds: ["amendUp", "amendDown", "release", "pick", "pickTwo", "unpick", "receive"],
            starts: ["promised", "waiting", "partlyPicked"],
            least: 4900
        ),
        Family(
            name: "counted",
            pairs: [2, 7],
            deeds: ["count", "countOther", "receive", "scrap", "move", "hold", "pick"],
            starts: ["stocked", "promised"],
            least: 4290
        ),
        Family(
            name: "adjusted",
            pairs: [6, 10, 21],
            deeds: ["propose", "approve", "reject", "count", "countOther", "scrap"],
            starts: ["stocked", "promised"],
            least: 2970
        ),
        Family(
            name: "quarantined",
            pairs: [15],
            deeds: ["hold", "allocate", "pick", "move", "dispatch", "unpick"],
            starts: ["promised", "allocated", "packed"],
            least: 940
        ),
        Family(
            name: "bought",
            pairs: [5, 13],
            deeds: ["receiveOnOrder", "amendPurchase", "closePurchase", "count", "scrap"],
            starts: ["stocked"],
            least: 910
        ),
        Family(
            name: "edited",
            pairs: [8, 20],
            deeds: ["rename", "retire", "receive", "move", "confirm", "retireBin"],
            starts: ["stocked", "promised"],
            least: 2750
        ),
        Family(
            name: "returned",
            pairs: [10],
            deeds: ["giveBack", "scrap", "cancel", "countOther", "hold", "confirm"],
            starts: ["partlyShipped", "shipped"],
            least: 2000
        ),
        Family(
            name: "early",
            pairs: [23],
            deeds: ["pickEarly", "packEarly", "dispatchEarly", "confirmEarly", "pick", "receive"],
            starts: ["stocked", "promised"],
            least: 2550
        ),
        Family(
            name: "named",
            pairs: [1, 22],
            deeds: ["confirmSame", "pickSame", "cancelSame", "confirm", "countSame"],
            starts: ["stocked", "promised"],
            least: 470
        ),
    ]

    private static let deeds: [String: Deed] = {
        let own: [Deed] = [
            Deed(name: "retireBin") { _ in .retire(location: "A-01", version: 1) },
            Deed(name: "pickEarly") { _ in
                .pick("SO-9", [line("P", 2, number: 1)]).with(forced: true)
            },
            Deed(name: "packEarly") { _ in
                .pack("SO-9", [line("P", 1, number: 1)]).with(forced: true)
            },
            Deed(name: "dispatchEarly") { _ in
                .dispatch("SO-9", [line("P", 1, number: 1)]).with(forced: true)
            },
            Deed(name: "confirmEarly") { _ in .confirm("SO-9", [line("P", 3, number: 1)]) },
            Deed(name: "confirmSame") { .confirm("SO-8", [line("P", Int64($0) + 2)]) },
            Deed(name: "pickSame") { _ in .pick("SO-8") },
            Deed(name: "cancelSame") { _ in .cancel("SO-8") },
            Deed(name: "countSame") { .count("C-8", [line("P", 6 + Int64($0))]) },
        ]
        return Dictionary(
            uniqueKeysWithValues: (EnumerationTests.deeds + own).map { ($0.name, $0) }
        )
    }()

    /// A site with three nodes, and what `EnumerationTests` begins with.
    private func network(_ start: String) throws -> Network {
        let start = try #require(EnumerationTests.starts.first { $0.name == start })
        return try EnumerationTests.network(["W", "W", "W"], start)
    }

    // MARK: What the table promises

    /// What the table leaves to the hub's order, beside what `EnumerationTests` names.
    private static let byPosition: [Set<String>] = [
        ["receiveOnOrder"], ["confirmSame"], ["countSame"], ["confirmEarly"],
    ]
    /// Steps that imply those before them, as `dispatchForced` does.
    private static let implying: Set<String> = ["packEarly", "dispatchEarly"]
    private static let early: Set<String> = ["pickEarly", "packEarly", "dispatchEarly"]
    private static let picking: Set<String> = ["pick", "pickTwo"]

    /// Whether the outcome must be equal in every order of arrival: where it must be for each two of
    /// the three that did not know each other.
    ///
    /// Three things are not named by the table as triples, and go by the hub's order: a reservation
    /// that has ended while goods of it are picked and put back, or amended and picked; and how much
    /// of an order that waits for goods is promised, when some are picked and some put back.
    private func isSame(_ names: [String], _ course: Course, _ start: String) -> Bool {
        for one in 0..<3 {
            for other in (one + 1)..<3 where !course.knows(one, other) {
                let pair: Set<String> = [names[one], names[other]]
                guard EnumerationTests.isSameInEitherOrder(names[one], names[other], start),
                    !Self.byPosition.contains(pair),
                    !pair.isSubset(of: Self.early) || pair.isDisjoint(with: Self.implying)
                else { return false }
            }
        }
        let all = Set(names)
        let isPicked = !all.isDisjoint(with: Self.picking)
        if all.contains("release"), all.count == 3 {
            let isAmended = !all.isDisjoint(with: ["amendUp", "amendDown"])
            if isAmended, isPicked || all.contains("unpick") { return false }
            if isPicked, all.contains("unpick") { return false }
        }
        return !(start == "waiting" && isPicked && all.contains("unpick"))
    }

    // MARK: The cases

    /// Runs one case.
    ///
    /// - Returns: What is wrong, and the quantities at the end; nil if one of the three cannot be
    ///   recorded.
    private func run(
        _ deeds: [Deed],
        _ course: Course,
        _ arrival: [Int],
        from prepared: Network
    ) throws -> TripleTally.Outcome {
        var network = prepared.copied()
        var events: [InventoryEvent] = []
        do {
            for (index, deed) in deeds.enumerated() {
                let node = course == .secondKnowsFirst && index == 1 ? 0 : index
                events.append(try network.nodes[node].record(deed.command(index + 1)).event)
                switch course {
                case .bothKnowFirst where index == 0, .inOrder: try network.settle()
                case .thirdKnowsBoth where index == 1:
                    for node in arrival.prefix(2) { try network.push(node) }
                    try network.settle()
                default: break
                }
            }
        } catch let error as EngineError {
            guard error.code != .identityBroken, error.code != .damaged else { throw error }
            return nil
        }
        for index in arrival {
            let node = course == .secondKnowsFirst && index == 1 ? 0 : index
            try network.push(node, limit: 1)
        }
        try network.settle()
        try network.settle()
        return try EnumerationTests.judged(network, events)
    }

    private func tally(_ family: Family, _ start: String) throws -> TripleTally {
        let prepared = try network(start)
        let deeds = try family.deeds.map { try #require(Self.deeds[$0]) }
        var tally = TripleTally()
        try tally.run(deeds, \.name, start) { names, course in
            isSame(names, course, start)
        } run: { triple, course, arrival in
            try run(triple, course, arrival, from: prepared)
        }
        return tally
    }

    @Test(arguments: families.indices)
    func `every triple that the table names comes out by it, whoever knew what`(index: Int) throws {
        let family = Self.families[index]
        var run = 0
        for start in family.starts {
            let tally = try tally(family, start)
            run += tally.run
            #expect(
                tally.faults.isEmpty,
                "\(family.name), pairs \(family.pairs): \(tally.faults.prefix(20))"
            )
        }
        TripleTally.expect(run, of: family.least, family.name)
    }
}
