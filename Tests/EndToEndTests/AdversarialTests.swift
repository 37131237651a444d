import Causality
import CurlTransport
import Foundation
import Interchange
import InventoryEngine
import Replication
import SQLiteStorage
import TestSupport
import Testing

/// Hostile texts at the doors of a node: its command line, on the file and through the agent.
///
/// Whatever comes in is refused with a code or recorded as it is; nothing crashes, nothing is half
/// recorded, and both doors decide alike.
@Suite(
    .tags(.process),
    .serialized,
    .sharedData(HostileTexts.naughtyFile),
    .timeLimit(.minutes(30))
)
struct AdversarialTests {
    /// What a status must still say after a refusal.
    private struct Standing: Equatable {
        let recorded: JSONValue?
        let digest: JSONValue?

        init(_ network: RunningNetwork, _ site: Site) throws {
            let output = try network.programs.run(
                "plumbline",
                ["status", "--json", "--data", site.name]
            )
            let status = try JSONReader.read(Array(output.text.utf8))
            recorded = status.at("events", "recorded")
            digest = status["digest"]
            #expect(recorded != nil && digest != nil)
        }
    }

    /// Expects a result to be a refusal that a program and a person can read.
    private func expectRefusal(_ result: CommandResult, _ what: String) {
        #expect(result.status == .refused, "\(what)")
        guard let refusal = result.refusal else { return }
        let isStable = refusal.code.utf8.allSatisfy {
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || $0 == UInt8(ascii: "_")
        }
        #expect(isStable && !refusal.code.isEmpty, "\(what): \(refusal.code)")
        #expect(refusal.code != "internal", "\(what): \(refusal.message)")
        #expect(!refusal.message.isEmpty, "\(what)")
        // A hostile text does nothing to the terminal that shows it.
        let isPlain = refusal.message.unicodeScalars.allSatisfy { $0.value >= 0x20 }
        #expect(isPlain, "\(what)")
    }

    private func record(
        _ lines: [[UInt8]],
        _ network: RunningNetwork,
        _ site: Site,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [CommandResult] {
        let output = try network.programs.run(
            "plumbline",
            ["record", "--data", site.name, "--json"],
            bytes: Array(lines.joined(separator: [UInt8(ascii: "\n")]))
        )
        #expect(
            [0, 1].contains(output.status) && output.errors.isEmpty,
            "\(output.status): \(output.errors)",
            sourceLocation: sourceLocation
        )
        let results = try output.lines.map { try ResultFormat.decode(Array($0.utf8)) }
        #expect(results.count == lines.count, sourceLocation: sourceLocation)
        return results
    }

    private func restart(_ site: Site, after body: () async throws -> Void) async throws {
        try await body()
        // It was alive to the end, and stops in order.
        #expect(await site.agent.stop() == .exited(0))
    }

    // MARK: JSON texts

    @Test func `every hostile JSON text is refused with a code, alike by file and by agent`()
        async throws
    {
        let files = try HostileTexts.files()
        #expect(files.count >= 100)
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try network.plumbline(
                site,
                "record",
                input: #"{"type":"item_registered","sku":"A","name":"A"}"#
            )
            let before = try Standing(network, site)
            let byFile = try refuse(files, network, site)
            #expect(try Standing(network, site) == before)
            try await site.agent.start()
            try await restart(site) {
                let byAgent = try refuse(files, network, site)
                #expect(byAgent == byFile, "one parser decides for both doors")
                try await refuseBodies(files, site)
                #expect(try Standing(network, site) == before)
            }
            #expect(try Standing(network, site) == before)
        }
    }

    /// Records each text as a line and as a value inside a command; returns the codes.
    private func refuse(
        _ files: [HostileTexts.File],
        _ network: RunningNetwork,
        _ site: Site
    ) throws -> [String] {
        var codes: [String] = []
        let lines = files.filter(\.isOneLine)
        for (file, result) in zip(lines, try record(lines.map(\.bytes), network, site)) {
            expectRefusal(result, file.name)
            codes.append(result.refusal?.code ?? "")
        }
        // In the place of a name the whole line is as malformed as the text is.
        let before = Array(#"{"type":"item_registered","sku":"A","name":"#.utf8)
        let inside = lines.map { before + $0.bytes + Array(#","uom":"BAD"}"#.utf8) }
        for (file, result) in zip(lines, try record(inside, network, site)) {
            expectRefusal(result, file.name)
            if file.mustBeRefused {
                #expect(result.refusal?.code.hasPrefix("json_") == true, "\(file.name)")
            }
            codes.append(result.refusal?.code ?? "")
        }
        // What holds line breaks is several lines, none of which is a command.
        for file in files where !file.isOneLine {
            let output = try network.programs.run(
                "plumbline",
                ["record", "--data", site.name, "--json"],
                bytes: file.bytes
            )
            #expect([0, 1].contains(output.status), "\(file.name): \(output.errors)")
            for line in output.lines {
                let result = try ResultFormat.decode(Array(line.utf8))
                expectRefusal(result, file.name)
                codes.append(result.refusal?.code ?? "")
            }
        }
        return codes
    }

    /// Sends each text as the body of every call of the local API that takes JSON.
    private func refuseBodies(_ files: [HostileTexts.File], _ site: Site) async throws {
        let peer = try site.peer()
        defer { peer.shutdown() }
        for file in files {
            for path in ["/api/v1/commands", "/api/v1/sync", "/api/v1/join"] {
                let reply = try await peer.exchange(
                    PeerRequest(path: path, body: file.bytes, contentType: "application/json")
                )
                let what = "\(path) \(file.name): \(String(decoding: reply.body, as: UTF8.self))"
                if path == "/api/v1/commands" {
                    #expect(reply.status == 200, "\(what)")
                    for line in reply.body.split(separator: UInt8(ascii: "\n")) {
                        expectRefusal(try ResultFormat.decode(Array(line)), file.name)
                    }
                } else {
                    // A node that has not joined cannot sync, whatever it is asked.
                    #expect([400, 409, 503].contains(reply.status), "\(what)")
                    let failure = ProblemFormat.decode(reply.body, status: reply.status)
                    #expect(failure.refusal.code != "reply_not_understood", "\(what)")
                    if file.mustBeRefused, !file.bytes.isEmpty {
                        #expect(reply.status == 400, "\(what)")
                    }
                }
            }
        }
        #expect(try await peer.exchange(PeerRequest(path: "/livez", method: "GET")).status == 200)
    }

    // MARK: Naughty strings

    /// Commands of which one text is naughty: one for each text field of a command.
    private func commands(with text: String, _ number: Int) -> [[UInt8]] {
        let naughty = JSONValue.string(text)
        func name(_ prefix: String) -> JSONValue { .string("\(prefix)-\(number)") }
        func lines(_ more: KeyValuePairs<String, JSONValue> = [:]) -> JSONValue {
            let own: [JSONValue.Member] = [
                .init(key: "sku", value: .string("A")),
                .init(key: "quantity", value: .string("1")),
            ]
            let others = more.map { JSONValue.Member(key: $0, value: $1) }
            return .array([.object(own + others)])
        }
        return [
            commandLine(["type": .string("item_registered"), "sku": naughty, "name": naughty]),
            commandLine([
                "type": .string("item_registered"), "sku": name("U"), "name": naughty,
                "uom": naughty,
            ]),
            commandLine([
                "type": .string("item_registered"), "sku": name("G"), "name": name("G"),
                "gtin": naughty,
            ]),
            commandLine(["type": .string("location_registered"), "location": naughty]),
            commandLine([
                "type": .string("purchase_order_placed"), "purchase_order": naughty,
                "supplier": naughty, "lines": lines(),
            ]),
            commandLine([
                "type": .string("goods_received"), "supplier": naughty, "note": naughty,
                "actor": naughty, "device": naughty, "lines": lines(),
            ]),
            commandLine(["type": .string("goods_received"), "op": naughty, "lines": lines()]),
            commandLine([
                "type": .string("goods_received"), "lines": lines(["location": naughty]),
            ]),
            commandLine(["type": .string("goods_received"), "lines": lines(["lot": naughty])]),
            commandLine(["type": .string("goods_received"), "lines": lines(["uom": naughty])]),
            commandLine([
                "type": .string("goods_received"), "currency": naughty, "lines": lines(),
            ]),
            commandLine([
                "type": .string("order_confirmed"), "order": naughty, "customer": naughty,
                "channel": naughty, "lines": lines(),
            ]),
            commandLine([
                "type": .string("pack_completed"), "order": naughty, "container": naughty,
            ]),
            commandLine([
                "type": .string("shipment_dispatched"), "order": naughty, "shipment": naughty,
            ]),
            commandLine([
                "type": .string("return_received"), "return": naughty, "lines": lines(),
            ]),
            commandLine([
                "type": .string("scrapped"), "reason": naughty, "lines": lines(),
            ]),
            commandLine([
                "type": .string("count_recorded"), "count": naughty, "propose": .bool(false),
                "lines": lines(),
            ]),
            commandLine([
                "type": .string("adjustment_proposed"), "adjustment": naughty,
                "reason": naughty, "lines": lines(),
            ]),
            commandLine([
                "type": .string("transfer_requested"), "transfer": naughty,
                "to_site": .string("MAN"), "lines": lines(),
            ]),
            commandLine([
                "type": .string("transfer_requested"), "transfer": name("T"),
                "to_site": naughty, "lines": lines(),
            ]),
            commandLine(["type": naughty, "lines": lines()]),
            commandLine([
                "type": .string("exception_acknowledged"), "exception": naughty,
                "reason": naughty,
            ]),
        ]
    }

    @Test func `every naughty string in every text field is refused or kept byte for byte`()
        async throws
    {
        let strings = try HostileTexts.strings()
        #expect(strings.count >= 200)
        try await withRunningNetwork(["LON", "MAN"]) { network in
            let setUp = #"{"type":"item_registered","sku":"A","name":"A"}"#
            for site in network.sites { try network.plumbline(site, "record", input: setUp) }
            let byFile = try recordAll(strings, network, network.sites[0])

            // The other site by its agent, while that replicates.
            let url = try await network.startHub()
            for site in network.sites {
                try network.plumbline(site, "join", url, "--token", network.invite(site))
                try await site.agent.start()
            }
            let byAgent = try recordAll(strings, network, network.sites[1])
            // To name another site is refused only once the network is known.
            for (file, agent) in zip(byFile, byAgent) where file.code != agent.code {
                #expect(agent.code == "unknown_site" || agent.code == "same_site", "\(file.line)")
            }
            try check(byFile + byAgent)
            let statuses = try network.settle(seconds: 300)
            for status in statuses {
                #expect(status.at("digest", "agrees_with_hub") == .bool(true))
                #expect(status.at("attention", "parked")?.integer == 0)
            }
            await network.stopAll()
            try checkStock(strings, network)
            for (site, recorded) in zip(network.sites, [byFile, byAgent]) {
                try await checkEvents(site, recorded, network)
            }
        }
    }

    /// One command and what became of it.
    private struct Attempt {
        let text: String
        let line: String
        let result: CommandResult
        var code: String { result.refusal?.code ?? "" }
    }

    private func recordAll(
        _ strings: [String],
        _ network: RunningNetwork,
        _ site: Site
    ) throws -> [Attempt] {
        // Every field by day, too, but each string in a part of them only.
        let part = Nightly.size(4, nightly: 1)
        let lines = strings.enumerated().flatMap { number, text in
            commands(with: text, number).enumerated()
                .filter { field, _ in (field + number) % part == 0 }
                .map { _, line in (text: text, line: line) }
        }
        var attempts: [Attempt] = []
        for start in stride(from: 0, to: lines.count, by: 500) {
            let piece = lines[start..<min(start + 500, lines.count)]
            let results = try record(piece.map(\.line), network, site)
            for ((text, line), result) in zip(piece, results) {
                let line = String(decoding: line, as: UTF8.self)
                attempts.append(Attempt(text: text, line: line, result: result))
            }
        }
        return attempts
    }

    private func check(_ attempts: [Attempt]) throws {
        for attempt in attempts where attempt.result.status == .refused {
            expectRefusal(attempt.result, attempt.line)
        }
        let recorded = attempts.count { $0.result.status != .refused }
        #expect(recorded > attempts.count / 4, "most strings are harmless to most fields")
        #expect(recorded < attempts.count, "some strings are no identifiers")
        // An op is printed back as it was given.
        for attempt in attempts {
            let given = try JSONReader.read(Array(attempt.line.utf8))["op"]
            guard let given, attempt.result.status != .refused else { continue }
            #expect(attempt.result.op.map(JSONValue.string) == given)
        }
    }

    /// The codes of items are printed as they were given, at the nodes and at the hub.
    private func checkStock(_ strings: [String], _ network: RunningNetwork) throws {
        let names = Set(strings.map { Array($0.utf8) })
        for site in network.sites {
            let rows = try JSONReader.read(
                Array(network.plumbline(site, "stock", "--json").text.utf8)
            )
            for row in rows.elements {
                let sku = row["sku"]?.text ?? ""
                let isGiven = sku == "A" || sku.hasPrefix("U-") || sku.hasPrefix("G-")
                #expect(isGiven || names.contains(Array(sku.utf8)))
            }
        }
    }

    /// Every recorded command stands in the store of its node and of the hub with the very bytes
    /// of its text.
    private func checkEvents(
        _ site: Site,
        _ attempts: [Attempt],
        _ network: RunningNetwork
    ) async throws {
        let node = try SQLiteEventLog(path: site.database, create: false)
        let hub = try SQLiteEventLog(path: network.hubDatabase, create: false)
        let id = try await node.read { try $0.identity() }.node
        for attempt in attempts where attempt.result.status == .recorded {
            let sequence = try #require(
                attempt.result.event?.split(separator: ":").last.flatMap { UInt64($0) }
            )
            let event = EventID(node: id, sequence: sequence)
            let own = try #require(try await node.read { try $0.event(event) })
            let held = try #require(try await hub.read { try $0.event(event) })
            #expect(own == held)
            let given = Array(attempt.text.utf8)
            let isThere = given.isEmpty || own.bytes.firstRange(of: given) != nil
            #expect(isThere, "\(attempt.line)")
        }
    }
}
