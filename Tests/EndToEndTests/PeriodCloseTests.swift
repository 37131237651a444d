import Foundation
import Interchange
import TestSupport
import Testing

/// Closing a month of the books, with the real programs.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(10)))
struct PeriodCloseTests {
    private func rows(_ output: Programs.Output) throws -> [JSONValue] {
        try JSONReader.read(Array(output.text.utf8)).elements
    }

    /// The month before this one, and the first day of this one, in UTC.
    private func months() throws -> (last: String, today: String) {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        func text(_ date: Date) -> String {
            let parts = calendar.dateComponents([.year, .month], from: date)
            return String(format: "%04d-%02d", parts.year ?? 0, parts.month ?? 0)
        }
        let now = Date()
        let before = try #require(calendar.date(byAdding: .month, value: -1, to: now))
        return (text(before), "\(text(now))-01")
    }

    @Test
    func `a month is closed without a silent node, whose fact is then posted in the open one`()
        async throws
    {
        try await withRunningNetwork(["LON", "MUC"]) { network in
            let (lon, muc) = (network.sites[0], network.sites[1])
            let (last, today) = try months()
            let url = try await network.startHub()
            for site in network.sites {
                try network.plumbline(site, "join", url, "--token", network.invite(site))
                try network.plumbline(site, "item", "P", "--name", "Pan")
            }
            try network.plumbline(lon, "receive", "P", "9", "--unit-cost", "1")
            try network.plumbline(lon, "sync", "--wait", "--timeout", "30")
            let day = "\(last)-20T10:00:00Z"
            try network.plumbline(
                muc,
                "receive",
                "P",
                "4",
                "--unit-cost",
                "2.50",
                "--at-time",
                day
            )

            func close(_ arguments: String...) throws -> Programs.Output {
                try network.programs.run(
                    "plumbline-hub",
                    ["period", "close", last] + arguments + ["--data", "hub"]
                )
            }
            // What the hub has heard of LON outlives its process.
            await network.hub.stop()
            try await network.startHub()
            let refused = try close("--actor", "ann")
            #expect(refused.status != 0)
            #expect(refused.errors.contains("nodes_silent"), "\(refused.errors)")
            #expect(refused.errors.contains(muc.node), "\(refused.errors)")
            #expect(!refused.errors.contains(lon.node), "\(refused.errors)")
            let nodes = try rows(network.plumblineHub("nodes", "--json"))
            #expect(nodes.first { $0["node"]?.text == lon.node }?["watermark"]?.text != nil)
            #expect(nodes.first { $0["node"]?.text == muc.node }?["watermark"]?.text == nil)
            #expect(try close("--override", "MUC is cut off").errors.contains("actor_missing"))
            let closed = try close("--override", "MUC is cut off", "--actor", "ann")
            #expect(closed.status == 0, "\(closed.errors)")
            #expect(try close("--actor", "ann").errors.contains("period_closed"))

            for site in network.sites { try await site.agent.start() }
            _ = try network.settle()
            let late = try rows(network.plumbline(muc, "journal", "--late", "--json"))
            #expect(late.map { $0["posting_date"]?.text } == [today, today])
            #expect(late.allSatisfy { $0["valuation_date"]?.text == "\(last)-20" })
            #expect(try rows(network.plumbline(lon, "journal", "--late", "--json")).isEmpty)
            #expect(try rows(network.plumblineHub("journal", "--late", "--json")).count == 2)
            let periods = try rows(network.plumbline(lon, "periods", "--json"))
            #expect(periods.map { $0["period"]?.text } == [last])
            #expect(periods.first?["override"]?.text == "MUC is cut off")
            #expect(periods.first?["silent"]?.elements.map(\.text) == [muc.node])
            let conflicts = try rows(network.plumblineHub("conflicts", "--json"))
            #expect(conflicts.map { $0["rule"]?.text } == ["late_for_period"])
            let month = String(today.dropLast(3))
            let balance = try rows(
                network.plumblineHub("trial-balance", "--period", month, "--json")
            )
            #expect(balance.map { $0["account"]?.text } == ["inventory", "grni"])
            #expect(balance.map { $0["opening"]?.text } == ["0.0000", "0.0000"])
            #expect(balance.map { $0["closing"]?.text } == ["19.0000", "-19.0000"])
            let before = try network.plumblineHub("trial-balance", "--period", last)
            #expect(!before.text.contains("19.0000"))
            await network.stopAll()
            for site in network.sites { try network.plumbline(site, "verify") }
            try network.plumblineHub("verify")
        }
    }
}
