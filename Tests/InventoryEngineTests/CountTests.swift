import Causality
import InventoryEngine
import TestSupport
import Testing

struct CountTests {
    private func at(_ minutes: Int64) -> Instant {
        startOfTests.adding(microseconds: (minutes - 1_000) * 60_000_000)
    }

    private func proposed(
        _ id: DocumentID,
        _ rows: InMemoryRowSource
    ) throws -> [Int64]? {
        try rows.typed(AdjustmentRow.self).first { $0.key.document == id }?.row.lines
            .map(\.quantity.units)
    }

    private func start() throws -> EdgeHarness {
        var edge = soloNode()
        try edge.record(.item("P"))
        try edge.record(.receive([line("P", 10, cost: "1")]).with(at: at(10)))
        try edge.record(.receive([line("P", 5, cost: "1")]).with(at: at(30)))
        return edge
    }

    @Test
    func `a count as of an earlier time is compared with the book of that time`() throws {
        var edge = try start()
        try edge.record(.count("C-1", [line("P", 8)]).with(at: at(20)))
        #expect(try proposed("C-1", edge.rows) == [-2])
        try edge.record(.approve("C-1"))
        #expect(try edge.figures().values["P STOCK sellable"] == 13)
        #expect(try Recount(edge.rows).faults == [])
    }

    @Test
    func `a count without a time is compared with all that its node knows`() throws {
        var edge = try start()
        try edge.record(.count("C-1", [line("P", 8)]))
        #expect(try proposed("C-1", edge.rows) == [-7])
    }

    @Test
    func `a fact that comes too late for a count changes what it proposes`() throws {
        var edge = try start()
        try edge.record(.count("C-1", [line("P", 8)]).with(at: at(20)))
        try edge.record(.receive([line("P", 3, cost: "1")]).with(at: at(15)))
        #expect(try proposed("C-1", edge.rows) == [-5])
        try edge.record(.receive([line("P", 7, cost: "1")]).with(at: at(25)))
        #expect(try proposed("C-1", edge.rows) == [-5])
        try edge.record(.approve("C-1"))
        #expect(try edge.figures().values["P STOCK sellable"] == 20)
    }

    @Test
    func `a variance that is posted already gets an adjustment of its own`() throws {
        var edge = try start()
        try edge.record(.count("C-1", [line("P", 8)]).with(at: at(20)))
        try edge.record(.approve("C-1"))
        let late = try edge.exceptions(
            of: .receive([line("P", 3, cost: "1")]).with(at: at(15))
        )
        #expect(late == ["count_outdated"])
        #expect(try proposed("C-1", edge.rows) == [-2])
        #expect(try proposed("C-1~1", edge.rows) == [-3])
        try edge.record(.approve("C-1~1"))
        #expect(try edge.figures().values["P STOCK sellable"] == 13)
        let later = try edge.exceptions(
            of: .receive([line("P", 1, cost: "1")]).with(at: at(16))
        )
        #expect(later == ["count_outdated"])
        #expect(try proposed("C-1~2", edge.rows) == [-1])
    }

    @Test
    func `what a reversal undoes was never part of the book of an earlier time`() throws {
        var edge = try start()
        let wrong = try edge.record(.receive([line("P", 4, cost: "1")]).with(at: at(15))).event.id
        try edge.record(.count("C-1", [line("P", 10)]).with(at: at(20)))
        #expect(try proposed("C-1", edge.rows) == [-4])
        try edge.record(.reverse(wrong))
        #expect(try proposed("C-1", edge.rows) == [])
    }

    @Test(arguments: [-300, 300, -30, 30] as [Int64], [0, 1])
    func `a count and another node's movement come out alike in either order`(
        seconds: Int64,
        first: Int
    ) throws {
        var network = try Network(["W", "W"])
        try network.nodes[0].record(.item("P"))
        try network.nodes[0].record(.receive([line("P", 10, cost: "1")]))
        try network.settle()
        let counted = network.now.adding(microseconds: 3_600_000_000)
        network.nodes[0].now = counted
        network.nodes[1].now = counted.adding(microseconds: seconds * 1_000_000)
        try network.nodes[0].record(.count("C-1", [line("P", 8)]))
        try network.nodes[1].record(.receive([line("P", 3, cost: "1")]))
        try network.push(first)
        try network.push(1 - first)
        try network.settle()
        let isBefore = seconds < 0
        for rows in [network.hub.rows, network.nodes[0].rows, network.nodes[1].rows] {
            #expect(try proposed("C-1", rows) == [isBefore ? -5 : -2])
            let tasks = try rows.typed(TaskRow.self).filter { $0.key.purpose == .recount }
            #expect(tasks.map(\.row.quantity.units) == (abs(seconds) <= 60 ? [3] : []))
        }
        try network.nodes[0].record(.approve("C-1"))
        try network.settle()
        let figures = try network.nodes[1].figures()
        #expect(figures.values["P STOCK sellable"] == (isBefore ? 8 : 11))
        #expect(try Recount(network.hub.rows).faults == [])
        #expect(network.nodes.allSatisfy { $0.differenceCount == 0 })
    }
}
