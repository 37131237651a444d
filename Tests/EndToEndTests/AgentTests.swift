import CurlTransport
import Foundation
import Interchange
import Replication
import TestSupport
import Testing

/// The agent as a process: it records whatever becomes of the hub, and one agent owns a node.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(15)))
struct AgentTests {
    private let item = #"{"type":"item_registered","sku":"A","name":"A","op":"i-1"}"#

    private func receipt(_ number: Int) -> String {
        #"{"type":"goods_received","op":"r-\#(number)","#
            + #""lines":[{"sku":"A","quantity":1,"unit_cost":"1.53"}]}"#
    }

    /// The member of a node's status, asked of whoever answers.
    private func status(_ network: RunningNetwork, _ site: Site) throws -> JSONValue {
        let output = try network.programs.run(
            "plumbline",
            ["status", "--json", "--data", site.name]
        )
        return try JSONReader.read(Array(output.text.utf8))
    }

    /// A refusal as a program reads it.
    private func code(_ output: Programs.Output) throws -> String {
        try JSONReader.read(Array(output.errors.utf8)).at("error", "code")?.text ?? "-"
    }

    private func record(_ number: Int, _ peer: CurlPeer) async throws -> CommandResult {
        let reply = try await peer.exchange(
            PeerRequest(
                path: "/api/v1/commands",
                body: Array(receipt(number).utf8),
                contentType: "application/x-ndjson"
            )
        )
        #expect(reply.status == 200)
        return try ResultFormat.decode(Array(reply.body.dropLast()))
    }

    // MARK: The hub

    @Test(arguments: [SIGSTOP, SIGKILL])
    func `a hub that hangs or is gone delays no commit, and gets everything later`(signal: Int32)
        async throws
    {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try await network.startAll()
            try network.plumbline(site, "record", input: item)
            _ = try network.settle()
            if signal == SIGKILL {
                try await network.hub.kill()
            } else {
                await network.hub.send(signal)
            }
            let peer = try site.peer()
            defer { peer.shutdown() }
            let start = ContinuousClock.now
            for number in 1...40 {
                #expect(try await record(number, peer).status == .recorded)
            }
            // The hub's answer would be waited for a minute and more, for each of them. Tests do not
            // time: the bound tells the two apart on the busiest machine, and no more.
            #expect(ContinuousClock.now - start < .seconds(300))
            #expect(try status(network, site).at("events", "pending")?.integer == 40)
            if signal == SIGKILL {
                try await network.hub.start()
            } else {
                await network.hub.send(SIGCONT)
            }
            let settled = try #require(try network.settle(seconds: 120).first)
            #expect(settled["state"]?.text == "in_sync")
            #expect(settled.at("events", "pending")?.integer == 0)
            await network.stopAll()
            let stock = try network.plumblineHub("stock", "A", "--json")
            #expect(stock.text.contains(#""on_hand":"40""#))
        }
    }

    @Test func `an agent that runs before its node has joined replicates once it has`() async throws
    {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try await site.agent.start()
            try network.plumbline(site, "record", input: item + "\n" + receipt(1))
            #expect(try status(network, site)["state"]?.text == "offline")
            #expect(try status(network, site).at("agent", "running") == .bool(true))
            let url = try await network.startHub()
            let identity = try network.plumbline(
                site,
                "join",
                url,
                "--json",
                "--token",
                network.invite(site)
            )
            #expect(identity.text.contains(#""node":"lon-1""#))
            let settled = try #require(try network.settle().first)
            #expect(settled["state"]?.text == "in_sync")
            #expect(settled.at("hub", "state")?.text == "connected")
            await network.stopAll()
        }
    }

    @Test func `sync --wait says that the hub is unreachable when its time has passed`()
        async throws
    {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            let never = try network.programs.run(
                "plumbline",
                ["sync", "--wait", "--timeout", "2", "--json", "--data", site.name]
            )
            #expect(never.status == 3, "a node that has joined no hub has none to reach")
            try await network.startAll()
            try network.plumbline(site, "record", input: item)
            _ = try network.settle()
            // First a hub that hangs, then one that is gone; first by the agent, then by the file.
            for (isHanging, isByAgent) in [
                (true, true), (false, true), (false, false), (true, false),
            ] {
                if isHanging {
                    if !isByAgent { try await network.hub.start() }
                    await network.hub.send(SIGSTOP)
                } else if isByAgent {
                    try await network.hub.kill()
                } else {
                    #expect(await site.agent.stop() == .exited(0))
                }
                let start = ContinuousClock.now
                defer { #expect(ContinuousClock.now - start < .seconds(30), "not a minute") }
                let output = try network.programs.run(
                    "plumbline",
                    ["sync", "--wait", "--timeout", "2", "--json", "--data", site.name]
                )
                #expect(output.status == 3, "\(output.text) \(output.errors)")
                #expect(try code(output) == "hub_unreachable")
                let shown = try network.programs.run("plumbline", "status", "--data", site.name)
                #expect(shown.status == 3)
            }
        }
    }

    // MARK: The agent

    @Test func `a second agent on the same directory is refused as locked`() async throws {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try await site.agent.start()
            let second = try network.programs.run(
                "plumbline",
                ["agent", "--json", "--data", site.name]
            )
            #expect(second.status == 6)
            #expect(try code(second) == "locked")
            // The first one was not disturbed.
            try network.plumbline(site, "record", input: item)
            #expect(await site.agent.stop() == .exited(0))
        }
    }

    @Test func `an agent that is told to stop ends in order and takes its socket along`()
        async throws
    {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            for signal in [SIGTERM, SIGINT] {
                let agent = try RunningProgram(
                    "plumbline",
                    ["agent", "--data", site.name],
                    name: "told to stop",
                    in: network.folder
                )
                _ = try await agent.line(containing: "answers at")
                let attributes = try FileManager.default.attributesOfItem(atPath: site.socketPath)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "for its owner alone")
                agent.send(signal)
                #expect(await agent.wait() == .exited(0))
                #expect(!FileManager.default.fileExists(atPath: site.socketPath))
            }
        }
    }

    @Test func `the command line works on the file when an agent was killed and left its socket`()
        async throws
    {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try await site.agent.start()
            try network.plumbline(site, "record", input: item)
            try await site.agent.kill()
            #expect(FileManager.default.fileExists(atPath: site.socketPath), "it is left over")
            try network.plumbline(site, "record", input: receipt(1))
            let status = try status(network, site)
            #expect(status.at("agent", "running") == .bool(false))
            #expect(status.at("events", "recorded")?.integer == 2)
            let stock = try network.plumbline(site, "stock", "--json")
            #expect(stock.text.contains(#""on_hand":"1""#))
            // And an agent begins where the killed one was.
            try await site.agent.start()
            try network.plumbline(site, "record", input: receipt(2))
            #expect(await site.agent.stop() == .exited(0))
        }
    }

    @Test func `a long list of commands gets a result for each through the agent`() async throws {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try await site.agent.start()
            // Far above the size from which a body is compressed, and above one transaction.
            let lines = [item] + (1...1_200).map(receipt)
            let output = try network.plumbline(
                site,
                "record",
                input: lines.joined(separator: "\n")
            )
            let results = try output.lines.map { try ResultFormat.decode(Array($0.utf8)) }
            #expect(results.map(\.op) == ["i-1"] + (1...1_200).map { "r-\($0)" })
            #expect(results.allSatisfy { $0.status == .recorded })
            let again = try network.plumbline(
                site,
                "record",
                input: lines.joined(separator: "\n")
            )
            let repeated = try again.lines.map { try ResultFormat.decode(Array($0.utf8)) }
            #expect(repeated.allSatisfy { $0.status == .duplicate })
            #expect(repeated.map(\.event) == results.map(\.event))
            #expect(await site.agent.stop() == .exited(0))
        }
    }

    @Test func `bodies that the agent cannot read are refused, and nothing is recorded`()
        async throws
    {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try await site.agent.start()
            let peer = try site.peer()
            defer { peer.shutdown() }
            let large = [UInt8](repeating: 0x20, count: (16 << 20) + 1)
            let cases: [(body: [UInt8], encoding: String, status: Int, code: String)] = [
                (Array(item.utf8), "gzip", 400, "malformed"),
                (Array(item.utf8), "br", 415, "unsupported_media_type"),
                (large, "identity", 413, "body_too_large"),
            ]
            for entry in cases {
                let reply = try await peer.exchange(
                    PeerRequest(
                        path: "/api/v1/commands",
                        headers: [PeerHeader(name: "Content-Encoding", value: entry.encoding)],
                        body: entry.body,
                        contentType: "application/x-ndjson"
                    )
                )
                #expect(reply.status == entry.status, "\(entry.encoding)")
                let failure = ProblemFormat.decode(reply.body, status: reply.status)
                #expect(failure.refusal.code == entry.code)
            }
            #expect(try status(network, site).at("events", "recorded")?.integer == 0)
            #expect(await site.agent.stop() == .exited(0))
        }
    }
}
