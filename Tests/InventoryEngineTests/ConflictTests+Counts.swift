import Causality
import InventoryEngine
import TestSupport
import Testing

/// Pairs 2, 6 and 7: counts that meet movements, approvals and other counts.
extension ConflictTests {
    /// What is proposed by an adjustment at every copy, which must agree.
    private func proposed(_ id: DocumentID, _ network: Network) throws -> [Int64]? {
        var found: [[Int64]?] = []
        for rows in [network.hub.rows, network.nodes[0].rows, network.nodes[1].rows] {
            found.append(
                try rows.typed(AdjustmentRow.self)
                    .first { $0.key.document == id && $0.row.state == .proposed }?
                    .row.lines.map(\.quantity.units)
            )
        }
        #expect(found.allSatisfy { $0 == found[0] }, "\(id): \(found)")
        return found[0]
    }

    private func recounts(_ network: Network) throws -> [Int64] {
        try network.hub.rows.typed(TaskRow.self)
            .filter { $0.key.purpose == .recount }.map(\.row.quantity.units)
    }

    private func sellable(_ network: Network) throws -> Int64? {
        try layers(network, at: "W")["P STOCK sellable"]
    }

    /// A network where both nodes work an hour after what has been recorded so far.
    private func laterNetwork() throws -> Network {
        var network = try oneSite()
        let later = network.now.adding(microseconds: 3_600_000_000)
        for index in network.nodes.indices { network.nodes[index].now = later }
        return network
    }

    private func pass(_ seconds: Int64, _ network: inout Network) {
        for index in network.nodes.indices {
            network.nodes[index].now = network.nodes[index].now
                .adding(microseconds: seconds * 1_000_000)
        }
    }

    @Test(arguments: [0, 1])
    func `pair 2: a movement within the guard window of a count leaves a record`(
        first: Int
    ) throws {
        var network = try laterNetwork()
        try network.nodes[0].record(.count("C-1", [line("P", 8)]))
        try network.nodes[1].record(.receive([line("P", 3, cost: "1")]))
        try deliver(&network, first: first)
        let found = try conflicts(.countedAndMoved, network.hub.rows, at: "W")
        #expect(found.count == 1)
        #expect(try conflicts(.countedAndMoved, network.nodes[0].rows, at: "W") == found)
        #expect(try recounts(network) == [3])
        // The count that was asked for is the answer to the task.
        pass(600, &network)
        try network.nodes[1].record(.count("C-2", [line("P", 11)]))
        try network.settle()
        #expect(try recounts(network) == [])
    }

    @Test
    func `pair 6: a newer count takes the place of an older one that it knows`() throws {
        var network = try laterNetwork()
        try network.nodes[0].record(.count("C-1", [line("P", 8)]))
        try network.settle()
        #expect(try proposed("C-1", network) == [-2])
        pass(600, &network)
        try network.nodes[1].record(.count("C-2", [line("P", 7)]))
        try network.settle()
        #expect(try proposed("C-1", network) == [])
        #expect(try proposed("C-2", network) == [-3])
        #expect(throws: EngineError.self) { try network.nodes[0].record(.approve("C-1")) }
        try network.nodes[0].record(.approve("C-2"))
        try network.settle()
        #expect(try sellable(network) == 7)
        #expect(try network.hub.rows.typed(ConflictRow.self).isEmpty)
        #expect(try Recount(network.hub.rows).faults == [])
    }

    @Test(arguments: [0, 1])
    func `pair 6: what is approved without knowing of a newer count is part of its book`(
        first: Int
    ) throws {
        var network = try laterNetwork()
        try network.nodes[0].record(.count("C-1", [line("P", 8)]))
        try network.settle()
        pass(600, &network)
        try network.nodes[0].record(.count("C-2", [line("P", 7)]))
        pass(600, &network)
        try network.nodes[1].record(.approve("C-1"))
        try deliver(&network, first: first)
        let found = try conflicts(.adjustedAndCounted, network.hub.rows, at: "W")
        #expect(found.count == 1)
        #expect(try sellable(network) == 8)
        #expect(try proposed("C-2", network) == [-1])
        try network.nodes[1].record(.approve("C-2"))
        try network.settle()
        #expect(try sellable(network) == 7)
        #expect(try Recount(network.hub.rows).faults == [])
        #expect(network.nodes.allSatisfy { $0.differenceCount == 0 })
    }

    @Test(arguments: [0, 1])
    func `pair 7: of two counts that agree one is enough`(first: Int) throws {
        var network = try laterNetwork()
        try network.nodes[0].record(.count("C-1", [line("P", 8)]))
        pass(600, &network)
        try network.nodes[1].record(.count("C-2", [line("P", 8)]))
        try deliver(&network, first: first)
        #expect(try conflicts(.countedTwice, network.hub.rows, at: "W").count == 1)
        let open = try [proposed("C-1", network) ?? [], proposed("C-2", network) ?? []]
        #expect(Set(open) == [[-2], []])
        #expect(try recounts(network) == [])
        try network.nodes[0].record(.approve(open[0] == [-2] ? "C-1" : "C-2"))
        try network.settle()
        #expect(try sellable(network) == 8)
    }

    @Test(arguments: [0, 1])
    func `pair 7: of two counts that agree one is posted, though it was approved meanwhile`(
        first: Int
    ) throws {
        for counter in [0, 1] {
            var network = try laterNetwork()
            try network.nodes[counter].record(.count("C-1", [line("P", 8)]))
            pass(600, &network)
            try network.nodes[1 - counter].record(.count("C-2", [line("P", 8)]))
            pass(600, &network)
            try network.nodes[counter].record(.approve("C-1"))
            try deliver(&network, first: first)
            #expect(try sellable(network) == 8)
            for id in ["C-1", "C-2", "C-1~1", "C-2~1"] as [DocumentID] {
                #expect(try proposed(id, network) ?? [] == [], "\(id)")
            }
            #expect(try Recount(network.hub.rows).faults == [])
            #expect(network.nodes.allSatisfy { $0.differenceCount == 0 })
        }
    }

    @Test(arguments: [0, 1])
    func `pair 7: of two counts that differ neither posts, and somebody counts again`(
        first: Int
    ) throws {
        var network = try laterNetwork()
        try network.nodes[0].record(.count("C-1", [line("P", 8)]))
        pass(600, &network)
        try network.nodes[1].record(.count("C-2", [line("P", 5)]))
        try deliver(&network, first: first)
        #expect(try conflicts(.countedTwice, network.hub.rows, at: "W").count == 1)
        #expect(try (proposed("C-1", network) ?? []) == [])
        #expect(try (proposed("C-2", network) ?? []) == [])
        #expect(try recounts(network) == [3])
        pass(600, &network)
        try network.nodes[0].record(.count("C-3", [line("P", 6)]))
        try network.settle()
        #expect(try recounts(network) == [])
        #expect(try proposed("C-3", network) == [-4])
        try network.nodes[1].record(.approve("C-3"))
        try network.settle()
        #expect(try sellable(network) == 6)
    }

    @Test(arguments: [0, 1])
    func `pair 7: what one of two counts that differ has posted is corrected to nothing`(
        first: Int
    ) throws {
        var network = try laterNetwork()
        try network.nodes[0].record(.count("C-1", [line("P", 8)]))
        pass(600, &network)
        try network.nodes[1].record(.count("C-2", [line("P", 5)]))
        pass(600, &network)
        try network.nodes[0].record(.approve("C-1"))
        try deliver(&network, first: first)
        #expect(try (proposed("C-2", network) ?? []) == [])
        #expect(try proposed("C-1~1", network) == [2])
        #expect(try recounts(network) == [3])
        try network.nodes[1].record(.approve("C-1~1"))
        try network.settle()
        #expect(try sellable(network) == 10)
        #expect(try Recount(network.hub.rows).faults == [])
        #expect(network.nodes.allSatisfy { $0.differenceCount == 0 })
    }
}
