import Causality
import InventoryEngine
import TestSupport
import Testing

struct IdentityTests {
    @Test(arguments: Seeds.forThisRun)
    func `every identity holds after every event of a random day`(seed: UInt64) throws {
        var edge = soloNode()
        edge.keepsCache = seed % 2 == 0
        let skus: [SKU] = ["P", "Q", "R"]
        try edge.record(.item("P", standardCost: "1.25"))
        try edge.record(.item("Q", costing: .fifo))
        try edge.record(.item("R", costing: .standard, standardCost: "0.3333", safetyStock: 3))
        try edge.record(.location("A"))
        try edge.record(.location("B"))
        var day = RandomDay(seed: seed, skus: skus)
        var types: Set<String> = []
        var refusals = 0
        for step in 0..<Nightly.size(220, nightly: 700) {
            let command = try day.command(edge)
            let before = edge.allRows
            do {
                let recorded = try edge.record(command)
                types.insert(recorded.event.body.type)
            } catch let error as EngineError {
                #expect(error.code != .identityBroken, "\(error) \(command) SEED=\(seed)")
                #expect(error.code != .damaged && error.code != .storage, "\(error) SEED=\(seed)")
                #expect(edge.allRows == before, "\(command.body) left a trace, SEED=\(seed)")
                refusals += 1
                continue
            }
            let faults = try Recount(edge.rows).faults
            try #require(faults.isEmpty, "\(faults) after \(step) \(command.body), SEED=\(seed)")
        }
        let digests = edge.allRows.filter { $0.key.kind == .digest }
        #expect(try digestsFromNothing(of: edge.rows) == digests, "SEED=\(seed)")
        #expect(types.count > 15, "too few types were accepted, SEED=\(seed)")
        #expect(
            refusals * 3 < Nightly.size(220, nightly: 700) * 2,
            "too many commands were refused, SEED=\(seed)"
        )
    }
}
