import Foundation
import Interchange
import TestSupport
import Testing

/// Two nodes at one site with the real programs: who promises what while the hub is gone.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(10)))
struct RightsOfTwoNodesTests {
    private func line(_ order: String, in output: Programs.Output) throws -> JSONValue {
        let rows = try JSONReader.read(Array(output.text.utf8)).elements
        return try #require(rows.first { $0["order"]?.text == order }, "\(output.text)")
    }

    private func balances(_ network: RunningNetwork) throws -> [String: String] {
        let output = try network.plumblineHub("rights", "show", "--sku", "P", "--json")
        var found: [String: String] = [:]
        for row in try JSONReader.read(Array(output.text.utf8)).elements {
            found[row["holder"]?.text ?? ""] = row["balance"]?.text
        }
        return found
    }

    @Test func `two nodes promise the last units while the hub is down, and none twice`()
        async throws
    {
        try await withRunningNetwork(["LON", "LON"]) { network in
            let (one, two) = (network.sites[0], network.sites[1])
            try await network.startAll()
            try network.plumbline(one, "item", "P", "--name", "Pan")
            try network.plumbline(one, "receive", "P", "10", "--unit-cost", "1.00")
            _ = try network.settle()
            // The newcomer becomes active once the first node has heard of it.
            try network.plumbline(one, "rights", "grant", "P", "4", "--to", two.node)
            _ = try network.settle()
            #expect(try balances(network) == [one.node: "6", two.node: "4"])

            await network.hub.stop()
            let final = try network.plumbline(two, "order", "confirm", "SO-1", "P=4@2", "--json")
            #expect(try JSONReader.read(Array(final.text.utf8))["finality"]?.text == "final")
            let beyond = try network.plumbline(two, "order", "confirm", "SO-2", "P=2@2", "--json")
            let answer = try JSONReader.read(Array(beyond.text.utf8))
            #expect(answer["finality"]?.text == "provisional")
            let own = try network.plumbline(one, "order", "confirm", "SO-3", "P=5@2", "--json")
            #expect(try JSONReader.read(Array(own.text.utf8))["finality"]?.text == "final")

            try await network.startHub()
            _ = try network.settle()
            let orders = try network.plumblineHub("orders", "--json")
            #expect(try line("SO-1", in: orders)["reserved"]?.text == "4")
            #expect(try line("SO-3", in: orders)["reserved"]?.text == "5")
            // One unit was left, and went to the promise that waited.
            #expect(try line("SO-2", in: orders)["reserved"]?.text == "1")
            #expect(try line("SO-2", in: orders)["backordered"]?.text == "1")

            // What a cancellation frees goes to who waits, after the other node was heard.
            try network.plumbline(one, "order", "cancel", "SO-3")
            _ = try network.settle()
            let later = try network.plumblineHub("orders", "--json")
            #expect(try line("SO-2", in: later)["backordered"]?.text == "0")
            #expect(try balances(network)["frozen"] ?? "0" == "0")

            let refused = try network.programs.run(
                "plumbline-hub",
                [
                    "rights", "reclaim", "P", "1", "--site", "LON", "--from", one.node, "--data",
                    "hub",
                ]
            )
            #expect(refused.status == 1)
            #expect(refused.errors.contains("node_active") || refused.errors.contains("retire"))
            // A node that is lost is retired, and only then can what it holds be taken.
            try network.plumblineHub("node", "retire", two.node)
            let nodes = try network.plumblineHub("nodes", "--json")
            let states = try JSONReader.read(Array(nodes.text.utf8)).elements.map {
                "\($0["node"]?.text ?? "") \($0["state"]?.text == "retired")"
            }
            #expect(states.sorted() == ["\(one.node) false", "\(two.node) true"])
            await network.stopAll()
            for site in network.sites { try network.plumbline(site, "verify") }
            try network.plumblineHub("verify")
        }
    }
}
