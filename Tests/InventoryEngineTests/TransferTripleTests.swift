import Causality
import InventoryEngine
import TestSupport
import Testing

/// Triples of deeds on one transfer: what is asked for, cancelled, sent and received, by three nodes
/// of two sites, in every way that they can know of each other and in every order of arrival.
///
/// Pairs 9, 16 and 17 of the table name them: what arrives before its dispatch is known, and is then
/// sent; what is cancelled while it is sent, and arrives. They are judged by the model of
/// `TransferEnumerationTests`.
@Suite(.timeLimit(.minutes(30)))
struct TransferTripleTests {
    typealias Deed = TransferEnumerationTests.Deed

    /// The names of the deeds: what is settled by hand is a decision, and has its pairs.
    private static let names = [
        "cancel", "cancelTwoThere", "send", "sendTwo", "takeTwo", "takeFour", "scrapThere",
    ]
    /// States in which the triples begin, and how many cases can be recorded, at least.
    static let starts: [(name: String, least: Int)] = [
        ("requested", 1800), ("partSent", 1150), ("sent", 460), ("takenEarly", 1800),
    ]
    private static let sites: [SiteCode] = ["L", "L", "L", "M", "M", "M"]

    /// Runs one case.
    ///
    /// - Returns: What is wrong, and the figures at the end; nil if one of the three cannot be
    ///   recorded.
    private func run(
        _ deeds: [Deed],
        _ course: TripleCourse,
        _ arrival: [Int],
        from prepared: Network
    ) throws -> TripleTally.Outcome {
        // Each deed has a node of its own at its site; the second, where it knew the first by its
        // own node, the first's.
        var nodes = deeds.enumerated().map { $0.offset + ($0.element.site == "L" ? 0 : 3) }
        if course == .secondKnowsFirst {
            guard deeds[0].site == deeds[1].site else { return nil }
            nodes[1] = nodes[0]
        }
        var network = prepared.copied()
        var events: [InventoryEvent] = []
        do {
            for (index, deed) in deeds.enumerated() {
                events.append(try network.nodes[nodes[index]].record(deed.command(index + 1)).event)
                switch course {
                case .bothKnowFirst where index == 0, .inOrder: try network.settle()
                case .thirdKnowsBoth where index == 1:
                    for place in arrival.prefix(2) { try network.push(nodes[place]) }
                    try network.settle()
                default: break
                }
            }
        } catch let error as EngineError {
            guard error.code != .identityBroken, error.code != .damaged else { throw error }
            return nil
        }
        for place in arrival { try network.push(nodes[place], limit: 1) }
        try network.settle()
        try network.settle()
        var model = TransferEnumerationTests.Model()
        let (faults, figures) = try TransferEnumerationTests.judged(
            network,
            events,
            isConcurrent: false,
            isOneCost: true,
            &model
        )
        return (faults, figures)
    }

    private func isSame(_ names: [String], _ course: TripleCourse) -> Bool {
        for one in 0..<3 {
            for other in (one + 1)..<3 where !course.knows(one, other) {
                guard TransferEnumerationTests.isSameInEitherOrder(names[one], names[other]) else {
                    return false
                }
            }
        }
        return true
    }

    @Test(arguments: starts.indices)
    func `every triple on a transfer that the table names comes out by it`(index: Int) throws {
        let (name, least) = Self.starts[index]
        let start = try #require(TransferEnumerationTests.starts.first { $0.name == name })
        let deeds = try Self.names.map { name in
            try #require(TransferEnumerationTests.deeds.first { $0.name == name })
        }
        let prepared = try TransferEnumerationTests.network(Self.sites, start, there: "1")
        var tally = TripleTally()
        try tally.run(deeds, \.name, name, isSame: isSame) { triple, course, arrival in
            try run(triple, course, arrival, from: prepared)
        }
        #expect(
            tally.faults.isEmpty,
            "\(name) \(tally.faults.count): \(tally.faults.prefix(20))"
        )
        TripleTally.expect(tally.run, of: least, name)
    }
}
