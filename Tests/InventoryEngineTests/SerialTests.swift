import Causality
import InventoryEngine
import TestSupport
import Testing

/// Stock of which each unit has a serial number: it is in one place, and every fact names it.
struct SerialTests {
    /// N1 to N3 in STOCK and N4 at A, all of one receipt for 10.0000 each, and an order for three.
    private func pumps() throws -> EdgeHarness {
        var edge = soloNode()
        try edge.record(.item("P", isSerialTracked: true))
        try edge.record(.location("A"))
        try edge.record(
            .receive([
                line("P", 3, amount: 300_000, serials: ["N1", "N2", "N3"]),
                line("P", 1, at: "A", amount: 100_000, serials: ["N4"]),
            ])
        )
        try edge.record(.confirm("SO-1", [line("P", 3)]))
        return edge
    }

    /// Where each unit is.
    private func places(_ edge: EdgeHarness) throws -> [String: String] {
        var places: [String: String] = [:]
        for (key, row) in try edge.rows.typed(SerialRow.self) where key.step == 0 {
            let place = row.place
            let parts = [place.location?.text, place.lot?.text, place.order?.order.text]
            var text = ([place.standing.text] + parts.compactMap(\.self)).joined(separator: " ")
            if place.standing != .away, place.status != .sellable {
                text += " \(place.status.text)"
            }
            places[key.serial.text] = text
        }
        #expect(try Recount(edge.rows).faults == [])
        return places
    }

    private func refusal(_ edge: inout EdgeHarness, _ command: InventoryCommand) -> String? {
        #expect(throws: EngineError.self) { try edge.record(command) }?.code.text
    }

    @Test
    func `a unit goes its way step by step, and what was left out is found`() throws {
        var edge = try pumps()
        #expect(
            try places(edge) == [
                "N1": "available STOCK", "N2": "available STOCK", "N3": "available STOCK",
                "N4": "available A",
            ]
        )
        // The place is where the unit is; nobody has to name it.
        let pick = try edge.effect(of: .pick("SO-1", [line("P", 2, serials: ["N4", "N1"])]))
        #expect(pick["P A sellable"] == -1)
        #expect(pick["P STOCK sellable"] == -1)
        #expect(pick["P STAGING sellable"] == 2)
        #expect(try places(edge)["N4"] == "picked SO-1")
        // Two are picked, so packing two can only mean them.
        try edge.record(.pack("SO-1"))
        #expect(try places(edge)["N1"] == "packed SO-1")
        try edge.record(.dispatch("SO-1", [line("P", 1, serials: ["N1"])]))
        #expect(try places(edge)["N1"] == "away")
        #expect(try places(edge)["N4"] == "packed SO-1")
        try edge.record(.dispatch("SO-1"))
        #expect(try places(edge)["N4"] == "away")

        try edge.record(.giveBack("R-1", [line("P", 1, serials: ["N4"])], order: "SO-1"))
        #expect(try places(edge)["N4"] == "available STOCK returned")
        try edge.record(.disposition("R-1", [line("P", 1, disposition: .refurbish)]))
        #expect(try places(edge)["N4"] == "available STOCK hold")
        try edge.record(.move([line("P", 1, to: "A", serials: ["N4"])]))
        #expect(try places(edge)["N4"] == "available A hold")
        try edge.record(
            .status([line("P", 1, status: .hold, toStatus: .sellable, serials: ["N4"])])
        )
        try edge.record(.scrap([line("P", 1, at: "A")]))
        #expect(try places(edge)["N4"] == "away")
        // Its whole way is known: received, picked, packed, shipped, back, on hold, moved,
        // sellable, scrapped.
        let key = SerialRow.Key(stock: StockKey(home: "W", sku: "P"), serial: "N4")
        #expect(try edge.rows.typed(SerialRow.self).first { $0.key == key }?.row.steps == 9)
        #expect(
            try edge.rows.typed(SerialRow.self).filter { $0.key.serial == "N4" }.count == 9
        )
    }

    @Test
    func `an unpick, and a reversal, bring each unit back to where it was`() throws {
        var edge = try pumps()
        let before = try edge.figures()
        let old = try places(edge)
        let pick = try edge.record(.pick("SO-1", [line("P", 2, serials: ["N4", "N1"])]))
        try edge.record(.reverse(pick.event.id))
        #expect(try edge.figures() == before)
        #expect(try places(edge) == old)
        try edge.record(.pick("SO-1", [line("P", 2, serials: ["N4", "N1"])]))
        try edge.record(.unpick("SO-1", [line("P", 1, at: "A", serials: ["N1"])]))
        #expect(try places(edge)["N1"] == "available A")
        // What has gone on meanwhile cannot be undone.
        let receipt = try edge.record(
            .receive([line("P", 1, amount: 1, serials: ["N7"])])
        )
        let scrap = try edge.record(.scrap([line("P", 1, serials: ["N7"])]))
        #expect(refusal(&edge, .reverse(receipt.event.id)) == "serial_taken")
        try edge.record(.reverse(scrap.event.id))
        try edge.record(.reverse(receipt.event.id))
        #expect(try places(edge)["N7"] == nil)
    }

    @Test
    func `what names no units, too many, unknown ones or others is refused`() throws {
        var edge = try pumps()
        try edge.record(.item("Q"))
        try edge.record(.receive([line("Q", 5, amount: 5)]))
        let cases: [(String, InventoryCommand)] = [
            ("serials_missing", .receive([line("P", 1, amount: 1)])),
            (
                "serials_differ_from_quantity",
                .receive([line("P", 2, amount: 1, serials: ["N9"])])
            ),
            ("serial_repeated", .receive([line("P", 2, amount: 1, serials: ["N9", "N9"])])),
            ("serial_present", .receive([line("P", 1, amount: 1, serials: ["N1"])])),
            ("serial_not_tracked", .receive([line("Q", 1, amount: 1, serials: ["N9"])])),
            ("serials_not_taken", .confirm("SO-2", [line("P", 1, serials: ["N1"])])),
            ("serials_missing", .pick("SO-1", [line("P", 2)])),
            ("unknown_serial", .pick("SO-1", [line("P", 1, serials: ["N9"])])),
            ("serial_elsewhere", .pick("SO-1", [line("P", 1, at: "A", serials: ["N1"])])),
            ("serial_elsewhere", .scrap([line("P", 1, status: .hold, serials: ["N1"])])),
            ("serial_taken", .unpick("SO-1", [line("P", 1, serials: ["N1"])]).with(forced: true)),
            ("serials_missing", .scrap([line("P", 1)])),
            ("serials_missing", .count("C-1", [line("P", 3)])),
            ("serials_missing", .propose("ADJ-1", [line("P", -1)])),
            ("serial_present", .propose("ADJ-1", [line("P", 1, serials: ["N1"])])),
            ("unknown_serial", .propose("ADJ-1", [line("P", -1, serials: ["N9"])])),
        ]
        let many = (0...InventoryRules.serialsMax).map { SerialNumber(trustedForTests: "M\($0)") }
        let tooMany = line("P", Int64(many.count), amount: 1, serials: many)
        #expect(refusal(&edge, .receive([tooMany])) == "too_many_serials")
        let before = try edge.figures()
        for (code, command) in cases {
            #expect(refusal(&edge, command) == code, "\(command.body)")
        }
        #expect(try edge.figures() == before)
        var item = ItemProperties(name: "R", scale: 2)
        item.isSerialTracked = true
        let half = InventoryCommand(
            body: .itemRegistered(ItemRegistration(sku: "R", properties: item))
        )
        #expect(refusal(&edge, half) == "serials_need_whole_units")
        // What is picked for one order is not in another's hands.
        try edge.record(.pick("SO-1", [line("P", 1, serials: ["N1"])]))
        try edge.record(.confirm("SO-3", [line("P", 1)]))
        #expect(refusal(&edge, .pick("SO-3", [line("P", 1, serials: ["N1"])])) == "serial_taken")
        #expect(
            refusal(&edge, .dispatch("SO-3", [line("P", 1, serials: ["N1"])])) == "serial_taken"
        )
    }

    @Test
    func `what is shipped without being picked is taken from where it is`() throws {
        var edge = try pumps()
        try edge.record(.pick("SO-1", [line("P", 1, serials: ["N2"])]))
        let ship = try edge.effect(
            of: .dispatch("SO-1", [line("P", 2, serials: ["N4", "N2"])])
        )
        #expect(ship["P A sellable"] == -1)
        #expect(ship["P STAGING sellable"] == -1)
        #expect(try places(edge)["N4"] == "away")
        #expect(try places(edge)["N2"] == "away")
    }

    @Test
    func `a count tells which units are missing and which appeared, and the approval posts them`()
        throws
    {
        var edge = try pumps()
        let count = try edge.record(.count("C-1", [line("P", 2, serials: ["N1", "N2"])]))
        #expect(count.outcome.exceptions == ["serials_differ"])
        let sentence = try edge.rows.typed(ExceptionRow.self).first?.row.sentence
        #expect(sentence?.contains("not found: N3") == true)
        let approval = try edge.record(.approve("C-1"))
        #expect(approval.event.body.unitLines.map(\.serials) == [["N3"]])
        #expect(try places(edge)["N3"] == "away")

        // One is missing and another is there: the quantity agrees, so people say which is which.
        let other = try edge.record(.count("C-2", [line("P", 2, serials: ["N1", "N9"])]))
        #expect(other.outcome.exceptions == ["serials_differ"])
        let lines = [line("P", -1, serials: ["N2"]), line("P", 1, serials: ["N9"])]
        try edge.record(.propose("ADJ-1", lines))
        try edge.record(.approve("ADJ-1"))
        #expect(try places(edge)["N2"] == "away")
        #expect(try places(edge)["N9"] == "available STOCK")
        // A count that sees one more finds it.
        try edge.record(.count("C-3", [line("P", 2, at: "A", serials: ["N4", "N8"])]))
        try edge.record(.approve("C-3"))
        #expect(try places(edge)["N8"] == "available A")
        #expect(
            try edge.record(.count("C-4", [line("P", 2, at: "A", serials: ["N4", "N8"])]))
                .outcome.exceptions == []
        )
    }

    @Test
    func `a transfer takes its units along, lot by lot`() throws {
        var network = try Network(["A", "B"])
        try network.nodes[0].record(.item("P", isLotTracked: true, isSerialTracked: true))
        try network.nodes[0].record(
            .receive([
                line("P", 2, lot: "L1", amount: 2, serials: ["N1", "N2"]),
                line("P", 2, lot: "L2", amount: 2, serials: ["N3", "N4"]),
            ])
        )
        try network.settle()
        try network.nodes[0].record(
            .transfer(
                EventBody.transferDispatched,
                "T-1",
                to: "B",
                [line("P", 3, serials: ["N1", "N2", "N3"])]
            )
        )
        try network.settle()
        // What was sent is known, so a part is named and the rest is found.
        try network.nodes[1].record(
            .transfer(
                EventBody.transferReceived,
                "T-1",
                from: "A",
                [line("P", 1, number: 1, serials: ["N3"])]
            )
        )
        try network.nodes[1].record(
            .transfer(
                EventBody.transferReceived,
                "T-1",
                from: "A",
                [line("P", 2, number: 1, lot: "L1")]
            )
        )
        try network.settle()
        #expect(
            try places(network.nodes[1]) == [
                "N1": "available STOCK L1", "N2": "available STOCK L1", "N3": "available STOCK L2",
            ]
        )
        #expect(try places(network.nodes[0])["N1"] == "away L1")
        #expect(try places(network.nodes[0])["N4"] == "available STOCK L2")
        #expect(try Recount(network.hub.rows).faults == [])
    }

    // MARK: Pair 12

    /// What a node does with N1 where the other node's deed is not known.
    enum Deed: String, CaseIterable {
        case pickFirst, pickSecond, move, scrap, send, ship

        func record(at node: inout EdgeHarness) throws -> EventID {
            let unit: [SerialNumber] = ["N1"]
            let command: InventoryCommand =
                switch self {
                case .pickFirst: .pick("SO-1", [line("P", 1, serials: unit)])
                case .pickSecond: .pick("SO-2", [line("P", 1, serials: unit)])
                case .move: .move([line("P", 1, to: "A", serials: unit)])
                case .scrap: .scrap([line("P", 1, serials: unit)])
                case .send:
                    .transfer(
                        EventBody.transferDispatched,
                        "T-1",
                        to: "V",
                        [line("P", 1, serials: unit)]
                    )
                case .ship: .dispatch("SO-2", [line("P", 1, serials: unit)])
                }
            return try node.record(command).event.id
        }
    }

    private func shared() throws -> Network {
        var network = try Network(["W", "W", "V"])
        try network.nodes[0].record(.item("P", isSerialTracked: true))
        try network.nodes[0].record(.location("A"))
        try network.nodes[0].record(.receive([line("P", 2, amount: 2, serials: ["N1", "N2"])]))
        try network.nodes[0].record(.confirm("SO-1", [line("P", 1)]))
        try network.nodes[0].record(.confirm("SO-2", [line("P", 1)]))
        try network.settle()
        return network
    }

    @Test(arguments: Deed.allCases, Deed.allCases)
    func `pair 12: of two deeds with one unit the later is parked, and somebody looks`(
        one: Deed,
        other: Deed
    ) throws {
        for first in [0, 1] {
            // Who ships for an order what another has picked for it has done the next step.
            let (before, after) = first == 0 ? (one, other) : (other, one)
            if before == .pickSecond, after == .ship { continue }
            var network = try shared()
            let ids = [
                try one.record(at: &network.nodes[0]), try other.record(at: &network.nodes[1]),
            ]
            try network.push(first)
            try network.push(1 - first)
            try network.settle()
            let late = ids[1 - first]
            for rows in [network.hub.rows, network.nodes[0].rows, network.nodes[1].rows] {
                #expect(try Recount(rows).faults == [])
                let parked = try rows.typed(ParkedRow.self).filter { $0.key.home == "W" }
                #expect(parked.map(\.key.event) == [late])
                #expect(parked.first?.row.code == "serial_taken")
                let conflicts = try rows.typed(ConflictRow.self).filter {
                    $0.key.home == "W" && $0.row.rule == .serialTakenTwice
                }
                #expect(conflicts.count == 1)
                let conflict = try #require(conflicts.first?.row)
                #expect(conflict.sides.map(\.event.id) == [ids[first], late])
                #expect(!conflict.isResolved)
                let tasks = try rows.typed(TaskRow.self).filter { $0.key.purpose == .recount }
                #expect(tasks.count == 1)
            }
            // The unit is where the first deed has it, at every node.
            let units = try network.nodes.prefix(2).map { try places($0)["N1"] }
            #expect(units[0] == units[1])
            #expect(network.nodes.allSatisfy { $0.differenceCount == 0 })
        }
    }

    @Test
    func `pair 12: one label read at two nodes is one unit, and the later receipt is parked`()
        throws
    {
        for first in [0, 1] {
            var network = try shared()
            for index in [0, 1] {
                try network.nodes[index].record(
                    .receive([line("P", 1, amount: 1, serials: ["N7"])])
                )
            }
            try network.push(first)
            try network.push(1 - first)
            try network.settle()
            let parked = try network.hub.rows.typed(ParkedRow.self)
            #expect(parked.map(\.row.code) == ["serial_taken"])
            #expect(try places(network.nodes[0])["N7"] == "available STOCK")
        }
    }

    @Test
    func `pair 12: what follows a parked pick is parked too, and the first goes on`() throws {
        var network = try shared()
        try network.nodes[0].record(.pick("SO-1", [line("P", 1, serials: ["N1"])]))
        try network.nodes[1].record(.pick("SO-2", [line("P", 1, serials: ["N1"])]))
        try network.nodes[1].record(.pack("SO-2", [line("P", 1, serials: ["N1"])]))
        try network.nodes[1].record(.dispatch("SO-2", [line("P", 1, serials: ["N1"])]))
        try network.push(0)
        try network.push(1)
        try network.settle()
        let parked = try network.hub.rows.typed(ParkedRow.self)
        #expect(parked.map(\.row.code) == Array(repeating: "serial_taken", count: 3))
        // What was promised is promised still; the picker takes another unit.
        let figures = try network.nodes[1].figures().values
        #expect(figures["SO-2/1 reserved"] == 1)
        try network.nodes[1].record(.pick("SO-2", [line("P", 1, serials: ["N2"])]))
        try network.nodes[0].record(.pack("SO-1"))
        try network.nodes[0].record(.dispatch("SO-1"))
        try network.settle()
        #expect(try places(network.nodes[0]) == ["N1": "away", "N2": "picked SO-2"])
        #expect(try network.hub.rows.typed(ParkedRow.self).count == 3)
    }

    @Test
    func `pair 15: a unit that left by transfer is called back, whichever comes first`() throws {
        for first in [0, 1] {
            var network = try shared()
            _ = try Deed.send.record(at: &network.nodes[0])
            try network.nodes[1].record(
                .status([line("P", 1, status: .sellable, toStatus: .hold, serials: ["N1"])])
            )
            try network.push(first)
            try network.push(1 - first)
            try network.settle()
            for rows in [network.hub.rows, network.nodes[0].rows, network.nodes[1].rows] {
                let recalls = try rows.typed(TaskRow.self).filter { $0.key.purpose == .recall }
                #expect(recalls.map(\.key.subject) == ["N1"], "first \(first)")
                let conflicts = try rows.typed(ConflictRow.self).map { ($0.key.home, $0.row.rule) }
                #expect(conflicts.map(\.1) == [.quarantinedAndTaken])
                #expect(conflicts.map(\.0) == ["W"], "the other site cannot know")
                #expect(try rows.typed(ParkedRow.self).isEmpty)
            }
            #expect(try Recount(network.hub.rows).faults == [])
            #expect(network.nodes.allSatisfy { $0.differenceCount == 0 })
            #expect(try places(network.nodes[0])["N1"] == "away")
        }
    }

    @Test
    func `row 26: what is parked has posted nothing, and cannot be reversed`() throws {
        var network = try shared()
        try network.nodes[0].record(.pick("SO-1", [line("P", 1, serials: ["N1"])]))
        let late = try network.nodes[1].record(.pick("SO-2", [line("P", 1, serials: ["N1"])]))
        // Its recorder does not know yet that it will be parked.
        let early = try network.nodes[1].record(.reverse(late.event.id))
        try network.push(0)
        try network.push(1)
        try network.settle()
        let before = try places(network.nodes[1])
        let parked = try network.hub.rows.typed(ParkedRow.self)
        #expect(Set(parked.map(\.key.event)) == [late.event.id, early.event.id])
        #expect(refusal(&network.nodes[1], .reverse(late.event.id)) == "not_reversible")
        #expect(try places(network.nodes[1]) == before)
        #expect(try network.nodes[1].figures().values["SO-2/1 reserved"] == 1)
    }

    @Test
    func `a quarantine follows a unit that was moved or picked meanwhile, in either order`()
        throws
    {
        for deed in [Deed.move, .pickFirst] {
            var ends: [[String: String]] = []
            for first in [0, 1] {
                var network = try shared()
                _ = try deed.record(at: &network.nodes[0])
                try network.nodes[1].record(
                    .status([line("P", 1, status: .sellable, toStatus: .hold, serials: ["N1"])])
                )
                try network.push(first)
                try network.push(1 - first)
                try network.settle()
                #expect(try network.hub.rows.typed(ParkedRow.self).isEmpty)
                #expect(try Recount(network.hub.rows).faults == [])
                ends.append(try places(network.nodes[0]))
            }
            #expect(ends[0] == ends[1], "\(deed)")
            #expect(ends[0]["N1"]?.hasSuffix("hold") == true)
        }
    }
}
