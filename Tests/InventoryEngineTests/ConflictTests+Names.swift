import Causality
import InventoryEngine
import TestSupport
import Testing

/// Pair 22: two documents with one id at one site.
extension ConflictTests {
    /// What the second document of a name is called when a node's came second.
    private func second(_ name: String, first: Int) -> String { "\(name)~W-\(2 - first)" }

    private func expectNamed(
        _ network: Network,
        _ name: String,
        first: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let found = try conflicts(.sameDocument, network.hub.rows, at: "W")
        #expect(found.map(\.subject) == [name], sourceLocation: sourceLocation)
        #expect(
            found.first?.after == "\(name) and \(second(name, first: first))",
            sourceLocation: sourceLocation
        )
        for node in network.nodes {
            #expect(node.differenceCount == 0, sourceLocation: sourceLocation)
            #expect(
                try conflicts(.sameDocument, node.rows, at: "W").count == 1,
                sourceLocation: sourceLocation
            )
        }
        let parked = try network.hub.rows.typed(ParkedRow.self).map(\.row.code)
        #expect(parked.isEmpty, sourceLocation: sourceLocation)
    }

    @Test(arguments: [0, 1])
    func `pair 22: two orders of one number both stand, and each node's work is on its own`(
        first: Int
    ) throws {
        var network = try oneSite()
        try network.nodes[0].record(.confirm("SO-7", [line("P", 2)]))
        try network.nodes[0].record(.pick("SO-7", [line("P", 1)]))
        try network.nodes[1].record(.confirm("SO-7", [line("P", 3)]))
        let pick = try network.nodes[1].record(.pick("SO-7", [line("P", 3)])).event.id
        try network.nodes[1].record(.pack("SO-7", [line("P", 2)]))
        try deliver(&network, first: first)
        try expectNamed(network, "SO-7", first: first)
        let ours = first == 0 ? "SO-7" : second("SO-7", first: 1)
        let theirs = first == 1 ? "SO-7" : second("SO-7", first: 0)
        var rows = try layers(network, at: "W")
        #expect(rows["\(ours)/1 ordered"] == 2)
        #expect(rows["\(ours)/1 picked"] == 1)
        #expect(rows["\(theirs)/1 ordered"] == 3)
        #expect(rows["\(theirs)/1 packed"] == 2)
        #expect(rows["\(theirs)/1 picked"] == 1)
        #expect(!rows.keys.contains { $0.contains("surplus") })

        // Who knows of both means by the number the one that has it.
        let loser = 1 - first
        let refused = #expect(throws: EngineError.self) {
            try network.nodes[loser].record(.confirm("SO-7", [line("P", 1)]))
        }
        #expect(refused?.code.text == "order_exists")
        let name = try #require(DocumentID(second("SO-7", first: first)))
        try network.nodes[loser].record(.pack(name, [line("P", 1)]))
        try network.nodes[loser].record(.pack("SO-7", [line("P", 1)]))
        try network.settle()
        rows = try layers(network, at: "W")
        #expect(rows["\(ours)/1 packed"] == 1)
        #expect(rows["\(theirs)/1 packed"] == 3)

        // A reversal of what was recorded under the number undoes it where it is.
        let undone = try network.nodes[1].record(.reverse(pick))
        #expect(undone.outcome.ruling.verdict == .accepted)
        try network.settle()
        #expect(try Recount(network.hub.rows).faults.isEmpty)
        #expect(try layers(network, at: "W")["\(ours)/1 ordered"] == 2)
    }

    @Test func `pair 22: the longest numbers and the longest names of nodes make a name`() throws {
        var network = try oneSite()
        // A letter with as many marks as a name may have is one character.
        let name = "n" + String(repeating: "\u{301}", count: 63)
        let number = try #require(DocumentID(String(repeating: "é", count: 64)))
        try network.hub.record(
            [
                .nodeRegistered(
                    NodeRegistration(
                        node: network.nodes[1].node,
                        name: try #require(Label(name)),
                        site: "W",
                        publicKey: [UInt8](repeating: 1, count: 32),
                        isActive: false
                    )
                )
            ],
            at: network.now
        )
        try network.pullAll()
        try network.nodes[0].record(.confirm(number, [line("P", 2)]))
        try network.nodes[1].record(.confirm(number, [line("P", 3)]))
        try deliver(&network, first: 0)
        let orders = try network.hub.rows.typed(OrderRow.self).map(\.key.order)
        let second = try #require(orders.first { $0 != number && $0 != "SO-1" })
        #expect(second.text.unicodeScalars.count == DocumentID.lengthMax)
        #expect(second.text.hasPrefix("éé"))
    }

    @Test(arguments: [0, 1])
    func `pair 22: two purchase orders of one number both stand`(first: Int) throws {
        var network = try oneSite()
        for node in [0, 1] {
            let quantity = Int64(node + 2)
            try network.nodes[node].record(.placePO("PO-7", [line("P", quantity, cost: "1")]))
            try network.nodes[node].record(
                .receive([line("P", 1, number: 1, cost: "1")], po: "PO-7")
            )
        }
        try deliver(&network, first: first)
        try expectNamed(network, "PO-7", first: first)
        let rows = try layers(network, at: "W")
        #expect(rows["PO-7/1 on order"] == (first == 0 ? 1 : 2))
        #expect(rows["PO-7/1 received"] == 1)
        #expect(rows["\(second("PO-7", first: first))/1 on order"] == (first == 0 ? 2 : 1))
        #expect(rows["\(second("PO-7", first: first))/1 received"] == 1)
    }

    @Test(arguments: [0, 1])
    func `pair 22: two adjustments, counts and returns of one number both stand`(
        first: Int
    ) throws {
        for kind in ["adjustment", "count", "count and adjustment", "return"] {
            var network = try oneSite()
            try network.nodes[0].record(.item("Q"))
            try network.nodes[0].record(.receive([line("Q", 5, amount: 5)]))
            try network.settle()
            for (node, sku) in [(0, "P"), (1, "Q")] as [(Int, SKU)] {
                let isCount = kind == "count" || kind == "count and adjustment" && node == 0
                if kind == "return" {
                    try network.nodes[node].record(.giveBack("N-1", [line(sku, 1)]))
                    try network.nodes[node].record(
                        .disposition("N-1", [line(sku, 1, disposition: .restock)])
                    )
                } else if isCount {
                    try network.nodes[node].record(.count("N-1", [line(sku, 1)]))
                    try network.nodes[node].record(.approve("N-1"))
                } else {
                    try network.nodes[node].record(.propose("N-1", [line(sku, -2)]))
                    try network.nodes[node].record(.approve("N-1"))
                }
            }
            let before = try network.nodes.map { try $0.figures().values }
            try deliver(&network, first: first)
            try expectNamed(network, "N-1", first: first)
            let rows = try layers(network, at: "W")
            #expect(rows["P STOCK sellable"] == before[0]["P STOCK sellable"], "\(kind)")
            #expect(rows["Q STOCK sellable"] == before[1]["Q STOCK sellable"], "\(kind)")
        }
    }
}
