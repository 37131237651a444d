import Foundation
import Interchange
import TestSupport
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What people decide, with the real programs: conflicts and parked events.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(10)))
struct DecisionTests {
    private func rows(_ output: Programs.Output) throws -> [JSONValue] {
        try JSONReader.read(Array(output.text.utf8)).elements
    }

    @Test func `a hub that cannot listen says so and names a code`() async throws {
        try await withRunningNetwork(["LON"]) { network in
            let url = try await network.startHub()
            let address = try #require(url.split(separator: "/").last)
            _ = try network.programs.run("plumbline-hub", ["init", "--data", "other"])
            let refused = try network.programs.run(
                "plumbline-hub",
                ["serve", "--insecure", "--data", "other", "--listen", String(address)]
            )
            #expect(refused.status != 0)
            #expect(refused.errors.contains("Error: "), "\(refused.errors)")
            #expect(!refused.errors.contains("parsable"))
            await network.hub.stop()
        }
    }

    @Test func `an agent lets a reservation end when its time has passed, without any hub`()
        async throws
    {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try await site.agent.start()
            try network.plumbline(site, "item", "P", "--name", "Pan")
            try network.plumbline(site, "receive", "P", "9", "--unit-cost", "1")
            let until = Date().addingTimeInterval(2)
            let text = ISO8601DateFormatter().string(from: until)
            try network.plumbline(site, "order", "confirm", "SO-1", "P=4@1", "--hold-until", text)
            func reserved() throws -> String? {
                let orders = try rows(network.plumbline(site, "orders", "SO-1", "--json"))
                return orders.first?["reserved"]?.text
            }
            #expect(try reserved() == "4")
            while try reserved() == "4", Date() < until.addingTimeInterval(20) {}
            #expect(try reserved() == "0")
            let events = try rows(network.plumbline(site, "events", "--newest", "--json"))
            #expect(events.first?["type"]?.text == "reservation_released")
            #expect(events.first?["op"]?.text == "expire:SO-1")
            await network.stopAll()
            try network.plumbline(site, "verify")
        }
    }

    @Test func `a lot past its date is taken out by an agent, and a recall finds who got it`()
        async throws
    {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try await site.agent.start()
            try network.plumbline(site, "item", "P", "--name", "Milk", "--lot-tracked")
            func receive(_ quantity: String, _ lot: String, _ expiry: String) throws {
                try network.plumbline(
                    site,
                    "receive",
                    "P",
                    quantity,
                    "--lot",
                    lot,
                    "--expiry",
                    expiry,
                    "--status",
                    "sellable",
                    "--unit-cost",
                    "1"
                )
            }
            try receive("9", "L1", "2026-01-31")
            try receive("5", "L2", "2099-12-31")
            func statuses() throws -> [String: String] {
                var found: [String: String] = [:]
                for row in try rows(network.plumbline(site, "stock", "--by", "lot", "--json")) {
                    found[row["lot"]?.text ?? ""] = row["status"]?.text
                }
                return found
            }
            let until = Date().addingTimeInterval(20)
            while try statuses() != ["L1": "expired", "L2": "sellable"], Date() < until {}
            #expect(try statuses() == ["L1": "expired", "L2": "sellable"])
            let events = try rows(network.plumbline(site, "events", "--json"))
            #expect(events.contains { $0["op"]?.text == "expire:P/L1" })

            // Only what is not past its date is promised, and it is set aside by itself.
            try network.plumbline(site, "order", "confirm", "SO-1", "P=7@2")
            try network.plumbline(site, "allocate", "SO-1")
            let order = try #require(
                try rows(network.plumbline(site, "orders", "SO-1", "--json")).first
            )
            #expect(order["allocated"]?.text == "5")
            #expect(order["backordered"]?.text == "2")
            #expect(order["places"]?.elements.first?["lot"]?.text == "L2")
            try network.plumbline(site, "pick", "SO-1", "P=2", "--short", "3")
            let tasks = try rows(network.plumbline(site, "tasks", "--json"))
            #expect(tasks.map { $0["task"]?.text } == ["recount"])
            try network.plumbline(site, "pack", "SO-1")
            try network.plumbline(site, "ship", "SO-1")
            let lots = try rows(network.plumbline(site, "lots", "L2", "--json"))
            #expect(lots.map { $0["order"]?.text } == ["SO-1"])
            #expect(lots.first?["shipped"]?.text == "2")
            await network.stopAll()
            try network.plumbline(site, "verify")
        }
    }

    @Test func `a unit is followed by its serial number, and two nodes cannot both have it`()
        async throws
    {
        try await withRunningNetwork(["LON", "LON"]) { network in
            let (site, other) = (network.sites[0], network.sites[1])
            try await network.startAll()
            try network.plumbline(site, "item", "P", "--name", "Pump", "--serial-tracked")
            try network.plumbline(
                site,
                "receive",
                "P=2@10",
                "--serial",
                "N1",
                "--serial",
                "N2"
            )
            try network.plumbline(site, "order", "confirm", "SO-1", "P=1")
            try network.plumbline(site, "order", "confirm", "SO-2", "P=1")
            _ = try network.settle()

            // Both are cut off, and both take N1.
            await network.hub.stop()
            try network.plumbline(site, "pick", "SO-1", "P=1", "--serial", "N1")
            try network.plumbline(other, "pick", "SO-2", "P=1", "--serial", "N1")
            let again = ["pick", "SO-2", "P=1", "--serial", "N1", "--data", site.name]
            let taken = try network.programs.run("plumbline", again)
            #expect(taken.status == 1)
            #expect("\(taken.text)\(taken.errors)".contains("serial_taken"))
            try await network.hub.start()
            _ = try network.settle()

            for node in [site, other] {
                let rows = try self.rows(network.plumbline(node, "serials", "N1", "--json"))
                #expect(rows.first?["state"]?.text == "picked")
                #expect(rows.first?["order"]?.text == "SO-1")
                #expect(rows.count == 2)
                let conflicts = try self.rows(network.plumbline(node, "conflicts", "--json"))
                #expect(conflicts.map { $0["rule"]?.text } == ["serial_taken_twice"])
                let tasks = try self.rows(network.plumbline(node, "tasks", "--json"))
                #expect(tasks.map { $0["task"]?.text } == ["recount"])
            }
            let parked = try rows(network.plumblineHub("parked", "--json"))
            #expect(parked.map { $0["code"]?.text } == ["serial_taken"])
            await network.stopAll()
            try network.plumbline(site, "verify")
        }
    }

    @Test func `a person proves who acts with a token that is shown once`() async throws {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try await network.startAll()
            try network.plumbline(site, "item", "P", "--name", "Pan")
            let added = try network.plumblineHub("person", "add", "E-7", "--json").text
            var shown: [String] = []
            for line in added.split(separator: "\n") {
                let value = try JSONReader.read(Array(line.utf8))
                if let token = value["token"]?.text { shown.append(token) }
            }
            let token = try #require(shown.first)
            try network.plumblineHub("policy", "set", "actors", "verified")
            _ = try network.settle()
            let people = try rows(network.plumbline(site, "people", "--json"))
            #expect(people.first?["person"]?.text == "E-7")
            #expect(people.first?["role"]?.text == "worker")
            let receipt = ["receive", "P", "9", "--unit-cost", "1", "--data", site.name]
            for (given, status) in [
                ([], 1), (["--actor", "E-7"], 1), (["--actor", "E-7", "--token", "guess"], 1),
                (["--actor", "E-7", "--token", token], 0),
            ] as [([String], Int32)] {
                let output = try network.programs.run("plumbline", receipt + given)
                #expect(output.status == status, "\(given) \(output.errors)")
            }
            let events = try rows(network.plumbline(site, "events", "--newest", "--json"))
            #expect(events.first?["actor"]?.text == "E-7")
            #expect(events.first?["actor_verified"] == .bool(true))
            await network.stopAll()
            try network.plumbline(site, "verify")
        }
    }

    @Test
    func `an open conflict is decided at a node or at the hub, and the first decision stands`()
        async throws
    {
        try await withRunningNetwork(["LON", "LON"]) { network in
            let (one, two) = (network.sites[0], network.sites[1])
            try await network.startAll()
            try network.plumbline(one, "item", "P", "--name", "Pan")
            let order = [
                #"{"type":"purchase_order_placed","purchase_order":"PO-1","#
                    + #""lines":[{"line":1,"sku":"P","quantity":"5","unit_cost":"1"}]}"#
            ]
            try network.plumbline(one, "record", "-", input: order.joined())
            _ = try network.settle()

            await network.hub.stop()
            for site in [one, two] {
                let receipt =
                    #"{"type":"goods_received","purchase_order":"PO-1","#
                    + #""lines":[{"line":1,"sku":"P","quantity":"5"}]}"#
                try network.plumbline(site, "record", "-", input: receipt)
            }
            let url = try await network.startHub()
            _ = try network.settle()
            let open = try rows(network.plumblineHub("conflicts", "--state", "open", "--json"))
            let conflict = try #require(open.first)
            let id = try #require(conflict["id"]?.text)
            #expect(conflict["rule"]?.text == "received_twice")
            let told = try network.plumblineHub("conflicts", "show", id).text
            for part in [
                "\(one.node):", "\(two.node):", "goods received at LON",
                "was recorded in knowledge of the other", "To do: ", "Open: somebody has to decide",
            ] {
                #expect(told.contains(part), "\(part): \(told)")
            }

            try network.plumbline(
                one,
                "conflicts",
                "resolve",
                id,
                "--choice",
                "release",
                "--reason",
                "both are there"
            )
            _ = try network.settle()
            let shown = try rows(network.plumblineHub("conflicts", "show", id, "--json"))
            #expect(shown.map { $0["state"]?.text } == ["resolved"])
            #expect(shown.first?["choice"]?.text == "release")
            let resolution = try #require(shown.first?["resolution"]?.text)
            #expect(!resolution.isEmpty)

            // Another decision comes too late, on the command line and over HTTP.
            let late = try network.programs.run(
                "plumbline-hub",
                ["conflicts", "resolve", id, "--choice", "reverse", "--data", "hub"]
            )
            #expect(late.status == 1 && late.errors.contains("already"))
            let secret = try Data(contentsOf: network.programs.directory.file("hub/operator.token"))
            let token = secret.map { String(format: "%02x", $0) }.joined()
            var request = URLRequest(
                url: try #require(URL(string: "\(url)/api/v1/conflicts/\(id)/resolve"))
            )
            request.httpMethod = "POST"
            request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
            for (body, status, code) in [
                (#"{"choice":"reverse"}"#, 409, "already_decided"),
                (#"{"choice":"reverse","colour":"red"}"#, 400, "unknown_field"),
                (#"{"choice":7}"#, 400, "type_mismatch"),
                (#"[]"#, 400, "type_mismatch"),
            ] {
                request.httpBody = Data(body.utf8)
                let (data, response) = try await URLSession.shared.data(for: request)
                #expect((response as? HTTPURLResponse)?.statusCode == status, "\(body)")
                let problem = try JSONReader.read([UInt8](data))
                #expect(problem["code"]?.text == code, "\(problem)")
            }
            request.setValue(nil, forHTTPHeaderField: "Authorization")
            let (_, response) = try await URLSession.shared.data(for: request)
            #expect((response as? HTTPURLResponse)?.statusCode == 401)

            let nothing = try network.programs.run(
                "plumbline-hub",
                ["parked", "retry", "\(one.node):1", "--data", "hub"]
            )
            #expect(nothing.status == 1 && nothing.errors.contains("not parked"))
            await network.stopAll()
            for site in network.sites { try network.plumbline(site, "verify") }
            try network.plumblineHub("verify")
        }
    }
}
