import Foundation
import TestSupport
import Testing

/// A node that people work at by the commands for people.
private struct Warehouse {
    let programs: Programs

    init(in directory: TemporaryDirectory) throws {
        programs = Programs(directory: directory)
        #expect(try run("init", "--site", "LON").status == 0)
    }

    func run(_ arguments: String...) throws -> Programs.Output { try run(arguments) }

    func run(_ arguments: [String]) throws -> Programs.Output {
        try programs.run("plumbline", arguments + ["--data", "lon", "--json"])
    }

    /// Records something that must succeed, and returns its event.
    @discardableResult
    func record(
        _ arguments: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let output = try run(arguments)
        #expect(output.status == 0, "\(output.errors)", sourceLocation: sourceLocation)
        let result = try Self.object(output.text)
        return try #require(result["event"] as? String, sourceLocation: sourceLocation)
    }

    /// Records something that must be refused.
    func refuse(
        _ code: String,
        _ arguments: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let output = try run(arguments)
        let command = arguments.joined(separator: " ")
        #expect(output.status == 1, "\(command)", sourceLocation: sourceLocation)
        #expect(output.text.isEmpty, "\(command)", sourceLocation: sourceLocation)
        let error = try Self.object(output.errors)["error"] as? [String: Any]
        #expect(error?["code"] as? String == code, "\(command)", sourceLocation: sourceLocation)
        let message = error?["message"] as? String ?? ""
        #expect(!message.isEmpty, "\(command)", sourceLocation: sourceLocation)
    }

    /// Expects some members of the row of an item.
    func expect(
        _ sku: String,
        _ members: KeyValuePairs<String, String>,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let output = try run("stock", sku)
        let rows = try JSONSerialization.jsonObject(with: Data(output.text.utf8))
        let row = try #require((rows as? [[String: Any]])?.first, sourceLocation: sourceLocation)
        for (member, value) in members {
            #expect(
                row[member] as? String == value,
                "\(member) of \(sku)",
                sourceLocation: sourceLocation
            )
        }
    }

    /// What is on hand of an item, by `LOCATION status`.
    func places(of sku: String) throws -> [String: String] {
        let output = try run("stock", sku, "--by", "location")
        let rows = try JSONSerialization.jsonObject(with: Data(output.text.utf8))
        var places: [String: String] = [:]
        for row in rows as? [[String: Any]] ?? [] {
            let place = "\(row["location"] ?? "") \(row["status"] ?? "")"
            places[place] = row["on_hand"] as? String
        }
        return places
    }

    static func object(_ text: String) throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
    }
}

@Suite(.tags(.process), .serialized, .timeLimit(.minutes(5)))
struct ShortcutTests {
    private let holder = "85123A"
    private let cake = "22423"

    @Test func `goods come in, are promised, picked, packed, shipped and come back`() async throws {
        try await withTemporaryDirectory { directory in
            let node = try Warehouse(in: directory)
            try node.record("item", holder, "--name", "Heart T-light holder")
            try node.record("item", "register", cake, "--name", "Cake stand", "--unit", "BX=12")
            try node.record("location", "A-01-03")
            try node.record("location", "register", "DOCK-1", "--kind", "dock")
            try node.record("purchase", "place", "PO-7", "\(holder)=120@1.53", "\(cake)=2@10.20")
            try node.expect(holder, ["on_order": "120", "on_hand": "0"])
            try node.record("receive", holder, "120", "--at", "A-01-03", "--po", "PO-7")
            try node.expect(holder, ["on_order": "0", "on_hand": "120", "value": "183.6000"])
            try node.record("receive", "\(cake)=1", "--uom", "BX", "--amount", "120")
            try node.expect(cake, ["on_hand": "12", "value": "120.0000", "on_order": "2"])

            try node.record(
                "order",
                "confirm",
                "SO-1",
                holder,
                "6@2.55",
                "\(cake)=2",
                "--price",
                "12.75"
            )
            try node.expect(holder, ["reserved": "6", "available": "114"])
            try node.expect(cake, ["reserved": "2", "available": "10"])
            try node.refuse(
                "insufficient_stock",
                ["order", "confirm", "SO-2", "\(holder)=200", "--backorder", "refuse"]
            )
            try node.record("order", "confirm", "SO-2", "\(holder)=10", "--customer", "C-1")
            try node.expect(holder, ["reserved": "16", "available": "104"])
            try node.record("order", "amend", "SO-2", "1=4")
            try node.expect(holder, ["reserved": "10", "available": "110"])
            try node.record("allocate", "SO-1", holder, "6", "--at", "A-01-03")
            try node.expect(holder, ["reserved": "4", "allocated": "6"])

            try node.record("pick", "SO-1", "\(holder)=6", "--at", "A-01-03")
            try node.expect(holder, ["allocated": "0", "picked": "6", "on_hand": "120"])
            try node.record("pick", "SO-1")
            try node.expect(cake, ["reserved": "0", "picked": "2"])
            try node.record("unpick", "SO-1", "\(cake)=1")
            try node.expect(cake, ["reserved": "1", "picked": "1"])
            try node.record("pack", "SO-1", "--container", "BOX-1")
            try node.expect(holder, ["picked": "0", "packed": "6", "on_hand": "120"])
            try node.record("ship", "SO-1", "--shipment", "SH-1")
            try node.expect(holder, ["packed": "0", "on_hand": "114", "value": "174.4200"])
            try node.expect(cake, ["on_hand": "11", "value": "110.0000", "reserved": "1"])
            try node.record("order", "cancel", "SO-1")
            try node.expect(cake, ["reserved": "0", "available": "11"])
            try node.record("order", "cancel", "SO-2", "1=1")
            try node.expect(holder, ["reserved": "3"])
            try node.record("order", "release", "SO-2")
            try node.expect(holder, ["reserved": "0", "available": "114"])

            try node.record("return", "R-1", holder, "2", "--order", "SO-1")
            try node.expect(
                holder,
                ["on_hand": "116", "sellable": "114", "value": "177.4800"]
            )
            try node.record("return", "disposition", "R-1", "\(holder)=1", "--as", "restock")
            try node.expect(holder, ["on_hand": "116", "sellable": "115"])
            try node.record("return", "disposition", "R-1", "\(holder)=1", "--as", "scrap")
            try node.expect(
                holder,
                ["on_hand": "115", "sellable": "115", "value": "175.9500"]
            )
        }
    }

    @Test func `what goods are worth is said by commands too`() async throws {
        try await withTemporaryDirectory { directory in
            let node = try Warehouse(in: directory)
            try node.refuse(
                "standard_cost_missing",
                ["item", "S", "--name", "Stand", "--costing", "standard"]
            )
            try node.record("item", cake, "--name", "Cake stand", "--costing", "fifo")
            let first = try node.record("receive", cake, "5", "--unit-cost", "10")
            try node.record("receive", cake, "5", "--unit-cost", "20")
            try node.record("scrap", cake, "6", "--reason", "broken")
            try node.expect(cake, ["on_hand": "4", "value": "80.0000"])
            // All of the first receipt is gone, and takes the freight along.
            let freight = try node.record("landed-cost", "12.50", "--receipt", first)
            try node.expect(cake, ["value": "80.0000"])
            let journal = try node.run("journal", "--account", "landed_cost_clearing")
            #expect(journal.text.contains(#""credit":"12.5000""#))
            #expect(try node.run("journal", "--account", "scrap").text.contains(#""12.5000""#))
            try node.record("reverse", freight, "--reason", "another receipt")
            try node.record("invoice", "\(cake)=5@10", "--receipt", first)
            try node.refuse("over_invoiced", ["invoice", "\(cake)=1@10", "--receipt", first])
            try node.record("revalue", cake, "--amount=-4")
            try node.record("write-down", cake, "--unit-cost", "15", "--reason", "old")
            try node.expect(cake, ["value": "60.0000"])
            try node.refuse("above_cost", ["write-down", cake, "--unit-cost", "99"])
            try node.record("costing", cake, "standard", "--standard-cost", "12")
            try node.expect(cake, ["value": "60.0000"])
            try node.record("standard-cost", cake, "11")
            try node.expect(cake, ["value": "44.0000"])
            try node.refuse("choice_unknown", ["costing", cake, "lifo"])
            try node.refuse("not_received", ["landed-cost", "5", "--receipt", freight])
            #expect(try node.run("verify").text.contains(#""clean":true"#))
        }
    }

    @Test func `goods go back to their supplier, and boxes are opened`() async throws {
        try await withTemporaryDirectory { directory in
            let node = try Warehouse(in: directory)
            try node.record("item", "register", cake, "--name", "Cake stand", "--unit", "BX=12")
            try node.record("purchase", "place", "PO-7", "\(cake)=12@10")
            let receipt = try node.record("receive", cake, "12", "--po", "PO-7")
            try node.record("receive", cake, "12", "--unit-cost", "20")
            try node.record("supplier-return", "\(cake)=2", "--po", "PO-7")
            try node.expect(cake, ["on_hand": "22", "value": "330.0000"])
            try node.record("supplier-return", cake, "1", "--receipt", receipt)
            try node.expect(cake, ["on_hand": "21", "value": "315.0000"])
            try node.refuse("over_return", ["supplier-return", cake, "12", "--receipt", receipt])
            try node.record("repack", cake, "1", "--from", "BX", "--to", "EA")
            try node.refuse(
                "quantity_not_exact",
                ["repack", cake, "5", "--from", "EA", "--to", "BX"]
            )
            try node.expect(cake, ["on_hand": "21", "value": "315.0000"])
        }
    }

    @Test func `stock is counted, adjusted, moved, damaged, scrapped, sent and put right`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let node = try Warehouse(in: directory)
            try node.record("item", holder, "--name", "Heart T-light holder", "--op", "item")
            try node.record("location", "A-01-03")
            // A line's own price goes before that of the lines without one.
            try node.record("item", cake, "--name", "Cake stand")
            try node.record(
                "receive",
                "\(holder)=100@1.50",
                "\(cake)=2",
                "--at",
                "A-01-03",
                "--unit-cost",
                "9"
            )
            try node.expect(cake, ["value": "18.0000"])

            try node.record("count", "C-1", holder, "98", "--at", "A-01-03", "--actor", "mary")
            try node.expect(holder, ["on_hand": "100"])
            try node.refuse(
                "approver_is_proposer",
                ["adjust", "approve", "C-1", "--actor", "mary"]
            )
            try node.record("adjust", "approve", "C-1", "--actor", "john")
            try node.expect(holder, ["on_hand": "98", "value": "147.0000"])
            try node.record("count", "C-2", "\(holder)=1", "--no-propose")
            try node.refuse("unknown_adjustment", ["adjust", "approve", "C-2"])
            let proposal = ["\(holder)=-1", "--at", "A-01-03", "--reason", "broken"]
            let proposed = try node.run(["adjust", "propose", "ADJ-1"] + proposal)
            #expect(proposed.status == 0, "\(proposed.errors)")
            try node.record("adjust", "reject", "ADJ-1", "--reason", "found again")
            try node.expect(holder, ["on_hand": "98"])

            try node.record("move", holder, "5", "--from", "A-01-03", "--to", "STOCK")
            #expect(
                try node.places(of: holder)
                    == ["A-01-03 sellable": "93", "STOCK sellable": "5"]
            )
            try node.record(
                "status-change",
                holder,
                "3",
                "--from",
                "sellable",
                "--to",
                "damaged",
                "--reason",
                "wet"
            )
            try node.expect(holder, ["on_hand": "98", "sellable": "95"])
            try node.record("scrap", "\(holder)=3", "--status", "damaged", "--reason", "wet")
            try node.expect(holder, ["on_hand": "95", "value": "142.5000"])

            try node.record("transfer", "request", "T-1", holder, "20", "--to", "MAN")
            try node.expect(holder, ["on_hand": "95", "in_transit_out": "0"])
            try node.record("transfer", "dispatch", "T-1", "\(holder)=20", "--at", "A-01-03")
            try node.expect(
                holder,
                ["on_hand": "75", "in_transit_out": "20", "value": "112.5000"]
            )
            try node.record("transfer", "settle", "T-1", "\(holder)=1", "--reason", "lost")
            try node.expect(holder, ["in_transit_out": "19"])
            try node.record("transfer", "request", "T-2", "\(holder)=1", "--to", "MAN")
            try node.record("transfer", "cancel", "T-2")
            try node.refuse("lines_missing", ["transfer", "dispatch", "T-3", "--to", "MAN"])
            try node.record("transfer", "receive", "T-9", holder, "2", "--from", "GLA")
            try node.expect(holder, ["on_hand": "77"])

            let wrong = try node.record("receive", holder, "500", "--unit-cost", "1.50")
            try node.expect(holder, ["on_hand": "577"])
            try node.record("reverse", wrong, "--reason", "typing error")
            try node.expect(holder, ["on_hand": "77"])
            try node.record("receive", "\(holder)=5@1.50", "--corrects", wrong)
            try node.expect(holder, ["on_hand": "82"])

            try node.record("purchase", "place", "PO-8", "\(holder)=10@1.60")
            try node.record("purchase", "amend", "PO-8", "\(holder)=20@1.40", "--line", "1")
            try node.expect(holder, ["on_order": "20"])
            try node.record("purchase", "close", "PO-8")
            try node.expect(holder, ["on_order": "0"])
            try node.record(
                "item",
                "change",
                holder,
                "--version-seen",
                "1",
                "--safety-stock",
                "10"
            )
            try node.expect(holder, ["safety_stock": "10", "available": "72"])
            try node.record("item", "retire", holder, "--version-seen", "2")
            try node.refuse("item_retired", ["order", "confirm", "SO-9", holder, "1"])
            try node.record("location", "change", "A-01-03", "--kind", "hold")
            try node.record("location", "retire", "A-01-03")
        }
    }

    @Test func `the common options reach the event, and a repeated op records nothing`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let node = try Warehouse(in: directory)
            try node.record("item", holder, "--name", "Holder")
            let receipt = [
                "receive", holder, "5", "--op", "scan-1", "--actor", "mary", "--note", "wet box",
                "--at-time", "2026-01-02T03:04:05+01:00",
            ]
            let first = try node.run(receipt)
            #expect(first.status == 0, "\(first.errors)")
            let second = try Warehouse.object(try node.run(receipt).text)
            #expect(second["duplicate"] as? Bool == true)
            #expect(
                second["event"] as? String == (try Warehouse.object(first.text))["event"] as? String
            )
            try node.expect(holder, ["on_hand": "5"])
            // The same op says something else once another note, or time, is in the event.
            try node.refuse(
                "op_reused",
                receipt.map { $0 == "wet box" ? "dry box" : $0 }
            )
            try node.refuse(
                "op_reused",
                receipt.map { $0.hasPrefix("2026") ? "2026-01-02T03:04:06+01:00" : $0 }
            )
            let plain = try node.programs.run(
                "plumbline",
                ["ship", "SO-1", "--data", "lon"]
            )
            #expect(plain.status == 1)
            #expect(plain.errors.hasPrefix("Error: "))
            #expect(plain.errors.contains("unknown_order"))
            #expect(plain.errors.contains("\nTry: "))
            try node.record("ship", "SO-1", "\(holder)=1", "--force")
            try node.expect(holder, ["on_hand": "4"])
        }
    }

    @Test func `what is wrong is refused with exit 1 and its code, and nothing is recorded`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let node = try Warehouse(in: directory)
            try node.record("item", holder, "--name", "Holder")
            try node.record("receive", "\(holder)=10@1.50")
            try node.record("order", "confirm", "SO-1", holder, "4")
            func state() throws -> [String] {
                let status = try Warehouse.object(try node.run("status").text)
                let recorded = (status["events"] as? [String: Any])?["recorded"].map { "\($0)" }
                return [try node.run("stock").text, try #require(recorded)]
            }
            let before = try state()
            let long = String(repeating: "9", count: 400)
            let refusals: [(code: String, arguments: [String])] = [
                ("unknown_sku", ["receive", "NONE", "5"]),
                ("missing_field", ["receive", holder]),
                ("quantity_not_positive", ["receive", "\(holder)=-5"]),
                ("quantity_not_positive", ["receive", holder, "0"]),
                ("quantity_malformed", ["receive", holder, "five"]),
                ("quantity_malformed", ["receive", holder, ""]),
                ("quantity_malformed", ["receive", "\(holder)=1e3"]),
                ("quantity_malformed", ["move", "\(holder)=1@2", "--from", "A", "--to", "B"]),
                ("quantity_not_exact", ["receive", holder, "1.5"]),
                ("quantity_not_exact", ["receive", holder, "1.0000000001"]),
                ("quantity_out_of_range", ["receive", holder, "9007199254740993"]),
                ("quantity_out_of_range", ["receive", holder, long]),
                ("amount_malformed", ["receive", "\(holder)=1@dear"]),
                ("amount_negative", ["receive", "\(holder)=1@-1"]),
                ("amount_scale", ["receive", "\(holder)=1@0.0000000000000000000001"]),
                ("cost_twice", ["receive", "\(holder)=1@2", "--amount", "3"]),
                ("identifier_invalid", ["receive", "", "5"]),
                ("identifier_invalid", ["receive", "\(holder)\u{7}", "5"]),
                ("identifier_invalid", ["receive", long, "5"]),
                ("identifier_invalid", ["receive", holder, "5", "--at", ""]),
                ("identifier_invalid", ["receive", holder, "5", "--po", "PO\u{1B}[2J"]),
                ("identifier_invalid", ["receive", holder, "5", "--op", ""]),
                ("text_invalid", ["receive", holder, "5", "--note", "two\nlines"]),
                ("time_malformed", ["receive", holder, "5", "--at-time", "yesterday"]),
                ("time_malformed", ["receive", holder, "5", "--at-time", "2026-01-02 03:04"]),
                ("choice_unknown", ["receive", holder, "5", "--status", "lost"]),
                ("unknown_location", ["receive", holder, "5", "--at", "NOWHERE"]),
                ("unknown_unit", ["receive", holder, "5", "--uom", "BX"]),
                ("unknown_purchase_order", ["receive", holder, "5", "--po", "PO-1"]),
                ("sku_exists", ["item", holder, "--name", "Another"]),
                ("text_invalid", ["item", "NEW", "--name", ""]),
                ("integer_out_of_range", ["item", "NEW", "--name", "N", "--scale", "7"]),
                ("check_digit_wrong", ["item", "NEW", "--name", "N", "--gtin", "4006381333932"]),
                ("integer_malformed", ["item", "NEW", "--name", "N", "--unit", "BX"]),
                ("version_stale", ["item", "retire", holder, "--version-seen", "9"]),
                ("location_exists", ["location", "STOCK"]),
                ("choice_unknown", ["location", "B-1", "--kind", "moon"]),
                ("order_exists", ["order", "confirm", "SO-1", holder, "1"]),
                ("unknown_order_line", ["order", "amend", "SO-1", "2=1"]),
                ("integer_malformed", ["order", "amend", "SO-1", "one=1"]),
                ("missing_field", ["order", "amend", "SO-1", "1"]),
                ("quantity_negative", ["order", "amend", "SO-1", "1=-1"]),
                ("nothing_to_cancel", ["order", "cancel", "SO-1", "1=5"]),
                ("unknown_order", ["pick", "SO-2"]),
                ("over_pick", ["pick", "SO-1", holder, "5"]),
                ("over_allocated", ["allocate", "SO-1", holder, "5"]),
                ("nothing_to_unpick", ["unpick", "SO-1"]),
                ("nothing_to_pack", ["pack", "SO-1"]),
                ("nothing_to_ship", ["ship", "SO-1"]),
                ("over_ship", ["ship", "SO-1", holder, "5"]),
                ("over_return", ["return", "R-1", holder, "1", "--order", "SO-1"]),
                ("unknown_return", ["return", "disposition", "R-1", holder, "1", "--as", "scrap"]),
                ("choice_unknown", ["return", "disposition", "R-1", holder, "1", "--as", "eat"]),
                ("quantity_negative", ["count", "C-1", "\(holder)=-1"]),
                ("quantity_zero", ["adjust", "propose", "A-1", "\(holder)=0", "--reason", "x"]),
                ("text_invalid", ["adjust", "propose", "A-1", "\(holder)=1", "--reason", ""]),
                ("unknown_adjustment", ["adjust", "approve", "A-1"]),
                ("same_location", ["move", holder, "1", "--from", "STOCK", "--to", "STOCK"]),
                (
                    "same_status",
                    [
                        "status-change", holder, "1", "--from", "hold", "--to", "hold",
                        "--reason", "x",
                    ]
                ),
                ("same_site", ["transfer", "request", "T-1", holder, "1", "--to", "LON"]),
                ("unknown_transfer", ["transfer", "cancel", "T-1", "--to", "MAN"]),
                ("unknown_transfer", ["transfer", "settle", "T-1", holder, "1", "--reason", "x"]),
                ("unknown_node", ["reverse", "man-1:1", "--reason", "x"]),
                ("unknown_event", ["reverse", "lon-1:99", "--reason", "x"]),
                ("event_malformed", ["reverse", "lon-1", "--reason", "x"]),
                ("unknown_event", ["receive", holder, "1", "--corrects", "lon-1:99"]),
            ]
            for (code, arguments) in refusals { try node.refuse(code, arguments) }
            #expect(try state() == before)
        }
    }

    @Test func `every command has help with an example, and the shell can complete them`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let programs = Programs(directory: directory)
            func subcommands(of path: [String]) throws -> [String] {
                let help = try programs.run("plumbline", path + ["--help"])
                #expect(help.status == 0)
                let name = path.joined(separator: " ")
                #expect(help.text.contains("Example"), "\(name) has no example")
                // Subcommands stand at two blanks behind a heading, before what they do.
                var names: [String] = []
                var isList = false
                for line in help.lines {
                    if line.hasSuffix("SUBCOMMANDS:") {
                        isList = true
                    } else if isList, line.hasPrefix("  "), !line.hasPrefix("   "),
                        !line.hasPrefix("  See")
                    {
                        names.append(String(line.split(separator: " ")[0]))
                    }
                }
                return names
            }
            var paths: [[String]] = [[]]
            var count = 0
            while let path = paths.popLast() {
                count += 1
                paths += try subcommands(of: path).map { path + [$0] }
            }
            #expect(count >= 45, "only \(count) levels were found")
            let script = try programs.run("plumbline", "--generate-completion-script", "bash")
            #expect(script.status == 0)
            #expect(script.text.contains("status-change"))
            #expect(try programs.run("plumbline", "--version").text.contains("."))
        }
    }
}
