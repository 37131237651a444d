import Causality
import Interchange
import InventoryEngine
import Replication
import Reports
import SQLiteStorage
import TestSupport
import Testing

/// What each list says of one small history.
@Suite struct ReportRowsTests {
    private func withHistory(
        _ body: (inout ReportHistory) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            var history = try await ReportHistory(in: directory)
            try await history.play()
            try await body(&history)
        }
    }

    private static let stockKeys = [
        "site", "sku", "on_hand", "sellable", "reserved", "allocated", "picked", "packed",
        "backordered", "in_transit_in", "in_transit_out", "surplus", "safety_stock", "on_order",
        "rights_here", "rights_held", "rights_granted", "available", "value", "unit_cost",
        "currency", "provisional",
    ]

    @Test func `stock has every documented field at a node and at the hub, with equal figures`()
        async throws
    {
        try await withHistory { history in
            let hub = try await history.rows(.stock, [("site", "LON")])
            let node = try await history.rows(.stock, at: 0)
            #expect(hub.count == 2)
            for (theirs, ours) in zip(hub, node) {
                #expect(theirs.keys == Self.stockKeys)
                #expect(ours.keys == Self.stockKeys)
                for key in Self.stockKeys where key != "rights_here" {
                    #expect(theirs[key] == ours[key], "\(key)")
                }
            }
            // 10 received, 4 shipped, 2 sent away: 4 are left, of which 2 may never be promised.
            #expect(
                node[0].texts("sku", "on_hand", "reserved", "backordered", "in_transit_out")
                    == ["A", "4", "2", "7", "1"]
            )
            #expect(
                node[0].texts("rights_here", "available", "value", "unit_cost", "provisional")
                    == ["2", "0", "6.0000", "1.5000", "false"]
            )
            // More was lost than was there, at a scale of two decimals.
            #expect(node[1].texts("sku", "on_hand", "available") == ["B", "-0.50", "-0.50"])
        }
    }

    @Test func `what is pending is marked until the hub has ordered it`() async throws {
        try await withHistory { history in
            try await history.record(
                0,
                #"{"type":"goods_received","lines":[{"sku":"A","quantity":7,"unit_cost":"1"}]}"#
            )
            let before = try await history.rows(.stock, [("sku", "A")], at: 0)
            #expect(before[0].texts("on_hand", "provisional") == ["11", "true"])
            let orders = try await history.rows(.orders, [("id", "SO-2")], at: 0)
            #expect(orders[0].texts("finality", "provisional") == ["final", "true"])
            let journal = try await history.rows(.journal, at: 0)
            #expect(journal.last?.texts("entry", "provisional") == [nil, "true"])
            let events = try await history.rows(.events, at: 0)
            #expect(events.last?.texts("position", "pending", "verdict") == [nil, "true", nil])
            try await history.sync(0)
            let after = try await history.rows(.stock, [("sku", "A")], at: 0)
            #expect(after[0].texts("on_hand", "provisional") == ["11", "false"])
            let settled = try await history.rows(.events, at: 0)
            #expect(settled.allSatisfy { $0.texts("pending") == ["false"] })
            #expect(settled.allSatisfy { $0["position"] != .null })
        }
    }

    @Test func `a node shows other sites as they were last heard of`() async throws {
        try await withHistory { history in
            let all = try await history.rows(.stock, [("network", "true")], at: 0)
            #expect(
                all.map { $0.texts("site", "sku") } == [
                    ["LON", "A"], ["LON", "B"], ["MAN", "A"],
                ]
            )
            #expect(all[2].keys == Self.stockKeys)
            #expect(all[2].texts("on_hand", "rights_here", "rights_held") == ["4", nil, nil])
            let one = try await history.rows(.stock, [("site", "MAN"), ("sku", "A")], at: 0)
            #expect(one == [all[2]])
            let named = try await history.rows(.stock, [("network", "true"), ("sku", "A")], at: 0)
            #expect(named.map { $0.texts("site") } == [["LON"], ["MAN"]])
        }
    }

    @Test func `stock below a quantity compares exactly, whatever the decimals`() async throws {
        try await withHistory { history in
            func skus(_ below: String) async throws -> [[String?]] {
                try await history.rows(.stock, [("below", below), ("site", "LON")])
                    .map { $0.texts("sku") }
            }
            let cases = [("0", ["B"]), ("0.0001", ["A", "B"]), ("-0.4999", ["B"]), ("-0.50", [])]
            for (below, expected) in cases {
                let found = try await skus(below)
                #expect(found == expected.map { [$0] }, "below \(below)")
            }
        }
    }

    @Test func `stock by place adds up to the stock by lot`() async throws {
        try await withHistory { history in
            try await history.record(
                0,
                #"{"type":"moved","lines":[{"sku":"A","quantity":1,"from":"STOCK","to":"A-01"}]}"#
            )
            let places = try await history.rows(.stock, [("by", "location")], at: 0)
            #expect(places[0].keys == ["site", "sku", "location", "lot", "status", "on_hand"])
            let apples = places.filter { $0.texts("sku") == ["A"] }
            #expect(
                apples.map { $0.texts("location", "on_hand") } == [["A-01", "1"], ["STOCK", "3"]]
            )
            let lots = try await history.rows(.stock, [("by", "lot")], at: 0)
            #expect(
                lots.map { $0.texts("sku", "lot", "status", "on_hand") }
                    == [["A", nil, "sellable", "4"], ["B", nil, "sellable", "-0.50"]]
            )
        }
    }

    @Test func `orders say where each line stands`() async throws {
        try await withHistory { history in
            let keys = ["order", "line", "sku", "ordered", "shipped", "backordered", "finality"]
            let rows = try await history.rows(.orders)
            #expect(
                rows.map { row in keys.map { row.texts($0)[0] } } == [
                    ["SO-1", "1", "A", "4", "4", "0", "final"],
                    ["SO-2", "1", "A", "9", "0", "7", "provisional"],
                ]
            )
            #expect(
                rows[0].texts("customer", "state", "confirmed_by") == ["c-9", "closed", "lon-1:5"]
            )
            let open = try await history.rows(.orders, [("state", "open")], at: 0)
            #expect(open.map { $0.texts("order") } == [["SO-2"]])
            let error = await #expect(throws: InterchangeError.self) {
                try await history.rows(.orders, [("id", "SO-9")])
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test func `a transfer is one row at the hub and the same row at both its sites`() async throws
    {
        try await withHistory { history in
            let hub = try await history.rows(.transfers)
            #expect(hub.count == 1)
            #expect(
                hub[0].texts("transfer", "from_site", "to_site", "dispatched", "received")
                    == ["T-1", "LON", "MAN", "2", "1"]
            )
            #expect(hub[0].texts("in_transit", "settled", "state") == ["1", "0", "open"])
            #expect(try await history.rows(.transfers, [("id", "T-1")], at: 0) == hub)
            #expect(try await history.rows(.transfers, [("id", "T-1")], at: 1) == hub)
        }
    }

    @Test func `the journal balances, entry by entry, and its filters cut it cleanly`() async throws
    {
        try await withHistory { history in
            let rows = try await history.rows(.journal)
            #expect(
                rows[0].keys == [
                    "entry", "posting_date", "valuation_date", "event", "account", "site", "sku",
                    "debit", "credit", "currency", "late", "provisional",
                ]
            )
            var sums: [String: Int64] = [:]
            for row in rows {
                let debit = try DecimalText.parse(row["debit"]?.text ?? "", scaleMax: 4)
                let credit = try DecimalText.parse(row["credit"]?.text ?? "", scaleMax: 4)
                sums[row["event"]?.text ?? "", default: 0] += debit.units - credit.units
            }
            #expect(!sums.isEmpty)
            #expect(sums.values.allSatisfy { $0 == 0 })
            let cogs = try await history.rows(.journal, [("account", "cogs")])
            #expect(cogs.map { $0.texts("event", "debit") } == [["lon-1:8", "6.0000"]])
            let one = try await history.rows(.journal, [("event", "lon-1:8")])
            #expect(one.map { $0.texts("account") } == [["inventory"], ["cogs"]])
            #expect(try await history.rows(.journal, [("event", "lon-1:8")], at: 0) == one)
            #expect(try await history.rows(.journal, [("period", "2011-03")]).count == rows.count)
            #expect(try await history.rows(.journal, [("period", "2011-04")]).isEmpty)
            let flour = try await history.rows(.journal, [("sku", "B"), ("site", "LON")])
            #expect(!flour.isEmpty && flour.allSatisfy { $0.texts("sku") == ["B"] })
        }
    }

    @Test func `events carry position, verdict and what they say`() async throws {
        try await withHistory { history in
            let rows = try await history.rows(.events)
            let positions = rows.compactMap { $0["position"]?.text.flatMap { UInt64($0) } }
            #expect(positions == Array(1...UInt64(rows.count)))
            let receipt = try #require(rows.first { $0.texts("op") == ["r-1"] })
            #expect(
                receipt.texts("event", "type", "site", "actor", "verdict", "pending")
                    == ["lon-1:4", "goods_received", "LON", "ann", "accepted", "false"]
            )
            guard case .array(let lines)? = receipt["body"]?["lines"] else {
                Issue.record("The body has no lines.")
                return
            }
            #expect(lines[1].texts("sku", "quantity", "location") == ["B", "2.50", "A-01"])
            let byType = try await history.rows(.events, [("type", "goods_received")])
            #expect(byType.count == 2)
            let one = try await history.rows(.events, [("event", "lon-1:4")], at: 0)
            #expect(one == [receipt])
            let late = try await history.rows(.events, [("after", "\(rows.count - 1)")])
            #expect(late == [rows[rows.count - 1]])
            #expect(try await history.rows(.events, [("after", "\(rows.count)")]).isEmpty)
            let newest = try await history.rows(.events, [("newest", "true")])
            #expect(newest == rows.reversed())
            let error = await #expect(throws: InterchangeError.self) {
                try await history.rows(.events, [("after", "\(rows.count + 1)")])
            }
            #expect(error?.code == .cursorAhead)
            #expect(error?.hint.contains("\(rows.count)") == true)
        }
    }

    @Test func `a conflict shows the contexts that prove it, and that the events are concurrent`()
        async throws
    {
        try await withHistory { history in
            let rows = try await history.rows(.conflicts, at: 1)
            let row = try #require(rows.first { $0.texts("rule") == ["received_before_dispatch"] })
            #expect(row.texts("site", "concurrent", "decided_by") == ["MAN", "true", "rule"])
            guard case .array(let sides)? = row["events"] else {
                Issue.record("The conflict has no events.")
                return
            }
            #expect(sides.map { $0.texts("event") } == [["man-1:2"], ["lon-1:9"]])
            #expect(sides.allSatisfy { $0["context"]?["epoch"] == .number(JSONNumber(1)) })
            let id = try #require(row["id"]?.text)
            let atHub = try await history.rows(.conflicts, [("id", id)])
            #expect(atHub.map { $0.texts("site") } == [["LON"], ["MAN"]])
            let state = try #require(row["state"]?.text)
            let other = state == "open" ? "resolved" : "open"
            let none = try await history.rows(.conflicts, [("state", other), ("site", "MAN")])
            #expect(!none.contains(row))
        }
    }

    @Test func `an exception is open until somebody acknowledges it by its id`() async throws {
        try await withHistory { history in
            let rows = try await history.rows(.exceptions, [("sku", "B")], at: 0)
            let row = try #require(rows.first)
            #expect(
                row.texts("state", "site", "event", "acknowledged_by") == [
                    "open", "LON", "lon-1:10", nil,
                ]
            )
            let id = try #require(row["id"]?.text)
            try await history.record(
                0,
                #"{"type":"exception_acknowledged","exception":"\#(id)","reason":"seen"}"#
            )
            let closed = try await history.rows(.exceptions, [("state", "acknowledged")], at: 0)
            #expect(closed.map { $0.texts("id") } == [[id]])
            #expect(closed[0]["acknowledged_by"] == .string("lon-1:12"))
            let open = try await history.rows(.exceptions, [("state", "open")], at: 0)
            #expect(!open.contains { $0.texts("id") == [id] })
        }
    }

    @Test func `an event that the hub set aside is shown with its reason`() async throws {
        try await withHistory { history in
            // Registered at two sites at once, with other decimals: one of them cannot stand.
            try await history.record(0, #"{"type":"item_registered","sku":"C","name":"C"}"#)
            try await history.record(
                1,
                #"{"type":"item_registered","sku":"C","name":"C","scale":3}"#
            )
            try await history.sync(0)
            try await history.sync(1)
            let events = try await history.rows(.events, [("newest", "true"), ("limit", "1")])
            let event = try #require(events.first)
            #expect(event.texts("event", "verdict") == ["man-1:3", "parked"])
            for index in [nil, 1] as [Int?] {
                let parked = try await history.rows(.parked, at: index)
                let row = try #require(parked.first)
                #expect(parked.count == 1)
                #expect(
                    row.keys == [
                        "event", "state", "type", "site", "verdict", "code", "message", "at",
                        "closed_by", "decided_by", "reason", "provisional",
                    ]
                )
                #expect(
                    row.texts("event", "type", "verdict") == [
                        "man-1:3", "item_registered", "parked",
                    ]
                )
                #expect(row["code"] == event["reason"]?["code"])
            }
        }
    }

    @Test func `rights add up to what is free to promise`() async throws {
        try await withHistory { history in
            let rows = try await history.rows(.rights, [("sku", "B"), ("site", "LON")])
            #expect(rows.map { $0.texts("holder", "balance") } == [["lon-1", "-0.50"]])
            let stock = try await history.rows(.stock, [("sku", "B"), ("site", "LON")])
            #expect(stock[0].texts("rights_held") == ["-0.50"])
        }
    }

    @Test func `nodes are silent until they are heard of, then say what they told`() async throws {
        try await withHistory { history in
            let silent = try await history.rows(.nodes)
            #expect(
                silent.map { $0.texts("state", "applied") } == [["silent", nil], ["silent", nil]]
            )
            let node = history.nodes[0].ledger
            let now = history.now
            let hello = try await history.nodes[0].log.read {
                var hello = try node.hello(in: $0, at: now.adding(microseconds: 250_000))
                hello.programVersion = "1.0.0"
                return hello
            }
            var contact = NodeContact(at: now)
            contact.hear(hello, at: now)
            let contacts = [node.identity.node: contact]
            let page = try await history.hubPage(
                ReportQuery(.nodes, parameters: [("site", "LON")]),
                contacts: contacts
            )
            let row = try JSONReader.read(try #require(page.rows.first))
            #expect(
                row.texts("node", "site", "state", "pending", "version", "clock_offset_ms")
                    == ["lon-1", "LON", "in_sync", "0", "1.0.0", "250"]
            )
            #expect(row.texts("acknowledged", "digest_agrees") == ["11", "true"])
        }
    }

    @Test func `the hub's status is the worst that is true`() async throws {
        try await withTemporaryDirectory { directory in
            var history = try await ReportHistory(in: directory)
            try await history.record(0, #"{"type":"item_registered","sku":"A","name":"A"}"#)
            for index in [0, 1, 0, 1] { try await history.sync(index) }
            let start = history.now
            var contacts: [NodeID: NodeContact] = [:]
            for (log, ledger, _) in history.nodes {
                let hello = try await log.read {
                    try ledger.hello(in: $0, at: start)
                }
                var contact = NodeContact(at: start)
                contact.hear(hello, at: start)
                contacts[ledger.identity.node] = contact
            }
            func state(_ contacts: [NodeID: NodeContact], at now: Instant) async throws
                -> HubStatus.State
            {
                let ledger = history.ledger
                return try await history.hub.read {
                    try HubStatus(
                        in: $0,
                        identity: ledger.identity,
                        epoch: ledger.epoch,
                        contacts: contacts,
                        ingest: IngestRate(eventsPerSecond: 0, queueDepth: 0),
                        at: now
                    ).state
                }
            }
            let late = start.adding(microseconds: 60_000_000)
            let tooLate = start.adding(microseconds: 60_000_001)
            let node = history.nodes[0].ledger.identity.node
            var pushing = contacts
            pushing[node]?.hear(pushedThrough: 2, at: start)
            var wrong = HelloRequest(node: node, programVersion: "1", sentAt: start)
            wrong.applied = try await history.hub.read { try $0.head(in: nil) }
            wrong.lastSequence = 1
            var damaged = contacts
            damaged[node]?.hear(wrong, at: start)
            let cases: [(String, [NodeID: NodeContact], Instant, HubStatus.State)] = [
                ("all told that they are equal", contacts, start, .inSync),
                ("they told a minute ago", contacts, late, .inSync),
                ("they told more than a minute ago", contacts, tooLate, .behind),
                ("nobody told anything", [:], start, .behind),
                ("an event is on its way", pushing, start, .behind),
                ("a node found other digests", damaged, start, .damage),
            ]
            for (name, contacts, now, expected) in cases {
                let found = try await state(contacts, at: now)
                #expect(found == expected, "\(name)")
            }
            try await history.record(
                0,
                #"{"type":"scrapped","force":true,"reason":"x","lines":[{"sku":"A","quantity":1}]}"#
            )
            try await history.sync(0)
            let open = try await state(contacts, at: start)
            #expect(open == .attention)
        }
    }
}
