import Foundation
import Interchange
import TestSupport
import Testing

/// One site sells what another one ships, with the real programs, while the hub is down.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(10)))
struct RemoteOrderProcessTests {
    private func row(_ order: String, _ output: Programs.Output) throws -> JSONValue {
        let rows = try JSONReader.read(Array(output.text.utf8)).elements
        return try #require(rows.first { $0["order"]?.text == order }, "\(output.text)")
    }

    @Test func `a site promises another's stock in an outage, and sees it shipped`()
        async throws
    {
        try await withRunningNetwork(["LON", "PAR"]) { network in
            let (lon, par) = (network.sites[0], network.sites[1])
            try await network.startAll()
            try network.plumbline(par, "item", "P", "--name", "Pan")
            try network.plumbline(par, "receive", "P", "10", "--unit-cost", "1.00")
            _ = try network.settle()
            try network.plumbline(
                lon,
                "rights",
                "request",
                "P",
                "4",
                "--from",
                "PAR",
                "--stock-site",
                "PAR"
            )
            _ = try network.settle()
            let held = try network.plumbline(lon, "rights", "--sku", "P", "--json")
            let balance = try JSONReader.read(Array(held.text.utf8)).elements.first
            #expect(balance?["site"]?.text == "PAR" && balance?["balance"]?.text == "4")

            await network.hub.stop()
            let done = try network.plumbline(
                lon,
                "order",
                "confirm",
                "SO-1",
                "P=3@2",
                "--ship-from",
                "PAR",
                "--json"
            )
            #expect(try JSONReader.read(Array(done.text.utf8))["finality"]?.text == "final")
            // PAR may promise what it did not give away, and no more.
            let own = try network.plumbline(par, "order", "confirm", "SO-1", "P=7@2", "--json")
            #expect(try JSONReader.read(Array(own.text.utf8))["finality"]?.text == "provisional")
            let early = try network.plumbline(lon, "orders", "SO-1", "--json")
            #expect(try row("SO-1", early)["reserved"]?.text == "3")
            #expect(try row("SO-1", early)["provisional"] == .bool(true))

            try await network.startHub()
            _ = try network.settle()
            let there = try network.plumbline(par, "orders", "--json")
            let lines = try JSONReader.read(Array(there.text.utf8)).elements
            let reserved = lines.map {
                "\($0["order_site"]?.text ?? "") \($0["reserved"]?.text ?? "")"
            }
            #expect(reserved.sorted() == ["LON 3", "PAR 6"])
            for step in ["pick", "pack", "ship"] {
                try network.plumbline(par, step, "SO-1", "--order-site", "LON")
            }
            _ = try network.settle()
            let shipped = try network.plumbline(lon, "orders", "--json")
            #expect(try row("SO-1", shipped)["shipped"]?.text == "3")
            #expect(try row("SO-1", shipped)["site"]?.text == "PAR")
            let atHub = try network.plumblineHub("orders", "--site", "LON", "--json")
            #expect(try row("SO-1", atHub)["shipped"]?.text == "3")
            let late = try network.programs.run(
                "plumbline",
                ["pick", "SO-1", "--data", lon.directory.path]
            )
            #expect(late.status != 0 && late.errors.contains("ships_elsewhere"))
            await network.stopAll()
            for site in network.sites { try network.plumbline(site, "verify") }
            try network.plumblineHub("verify")
        }
    }
}
