import Causality
import Foundation
import Interchange
import InventoryEngine
import TestSupport
import Testing

@Suite struct CommandFormatTests {
    @Test func `there is an example of every type`() throws {
        let types = try CommandExamples.all.map { text in
            try JSONReader.read(Array(text.utf8))["type"]?.text
        }
        #expect(types == CommandType.allCases.map(\.rawValue))
    }

    @Test(arguments: CommandExamples.all)
    func `a command that is decoded and encoded again is the same text`(text: String) throws {
        let command = try CommandExamples.decode(text)
        #expect(String(decoding: try CommandExamples.encode(command), as: UTF8.self) == text)
    }

    @Test func `a receipt becomes exactly what it says`() throws {
        let text = try #require(CommandExamples.all.first { $0.contains("goods_received") })
        let command = try CommandExamples.decode(text)
        #expect(command.op?.text == "r-1")
        #expect(command.at?.instant == Instant(rfc3339: "2026-11-23T09:15:00.5Z"))
        #expect(command.at?.offsetMinutes == 60)
        #expect(command.actor?.text == "ann")
        #expect(command.device?.text == "scanner-3")
        #expect(command.note == "wet")
        #expect(command.isForced)
        #expect(command.corrects == EventID(node: CommandExamples.node, sequence: 42))
        #expect(command.site?.text == "LON")
        guard case .goodsReceived(let receipt) = command.body else {
            Issue.record("another body")
            return
        }
        #expect(receipt.purchaseOrder?.text == "PO-7")
        #expect(receipt.supplier?.text == "Acme")
        #expect(receipt.currency?.text == "EUR")
        let first = try #require(receipt.lines.first)
        #expect(first.sku.text == "A")
        #expect((first.quantity, first.scale) == (Quantity(units: 120), 0))
        #expect(first.location?.text == "A-01-03")
        #expect(first.lot?.text == "L1")
        #expect(first.status == .damaged)
        #expect(first.unitCost == ExactDecimal(mantissa: 153, scale: 2))
        #expect(first.line == 1)
        #expect(first.uom == .each)
        let second = try #require(receipt.lines.last)
        #expect((second.quantity, second.scale) == (Quantity(units: 125), 3))
        #expect(second.amount == Money(units: 123_400))
    }

    @Test func `what is left out has its documented default`() throws {
        let item = try CommandExamples.decode(#"{"type":"item_registered","sku":"A","name":"B"}"#)
        let sku = try #require(SKU("A"))
        let registration = ItemRegistration(sku: sku, properties: ItemProperties(name: "B"))
        #expect(item == InventoryCommand(body: .itemRegistered(registration)))

        let place = try CommandExamples.decode(#"{"type":"location_registered","location":"A"}"#)
        guard case .locationRegistered(let change) = place.body else {
            Issue.record("another body")
            return
        }
        #expect(change.kind == .bin)

        let count = try CommandExamples.decode(
            #"{"type":"count_recorded","count":"C","lines":[{"sku":"A","quantity":3}]}"#
        )
        guard case .countRecorded(let counted) = count.body else {
            Issue.record("another body")
            return
        }
        #expect(counted.proposes)
        #expect(counted.lines.first?.status == nil)
    }

    @Test func `a move and a change of status have two sides`() throws {
        let moved = try CommandExamples.decode(
            #"{"type":"moved","lines":[{"sku":"A","quantity":1,"from":"X","to":"Y"}]}"#
        )
        let changed = try CommandExamples.decode(
            #"{"type":"status_changed","reason":"r","lines":[{"sku":"A","quantity":1,"#
                + #""from_status":"hold","to_status":"sellable"}]}"#
        )
        guard case .moved(let move) = moved.body, case .statusChanged(let change) = changed.body
        else {
            Issue.record("other bodies")
            return
        }
        #expect(move.lines.first?.location?.text == "X")
        #expect(move.lines.first?.toLocation?.text == "Y")
        #expect(change.lines.first?.status == .hold)
        #expect(change.lines.first?.toStatus == .sellable)
    }

    @Test(
        arguments: [
            ("12", 12, 0), (#""12""#, 12, 0), (#""1.50""#, 150, 2), ("-3", -3, 0), ("-0", 0, 0),
            (#""-0.000001""#, -1, 6), ("9007199254740992", 1 << 53, 0),
            (#""-9007199254740992""#, -(1 << 53), 0),
        ] as [(String, Int64, UInt8)]
    )
    func `a quantity keeps its digits`(text: String, units: Int64, scale: UInt8) throws {
        let command = try CommandExamples.decode(
            #"{"type":"adjustment_proposed","adjustment":"J","reason":"r","#
                + #""lines":[{"sku":"A","quantity":\#(text)}]}"#
        )
        guard case .adjustmentProposed(let adjustment) = command.body else {
            Issue.record("another body")
            return
        }
        let line = try #require(adjustment.lines.first)
        #expect((line.quantity, line.scale) == (Quantity(units: units), scale))
    }

    @Test func `the two quantities of a pick share the larger scale`() throws {
        let command = try CommandExamples.decode(
            #"{"type":"pick_completed","order":"O","#
                + #""lines":[{"sku":"A","quantity":"2","short":"0.5"}]}"#
        )
        guard case .pickCompleted(let work) = command.body else {
            Issue.record("another body")
            return
        }
        let line = try #require(work.lines.first)
        #expect((line.quantity, line.scale) == (Quantity(units: 20), 1))
        #expect(line.short == Quantity(units: 5))
    }

    @Test func `a line that names only a document's line says so`() throws {
        let command = try CommandExamples.decode(
            #"{"type":"order_cancelled","order":"O","lines":[{"line":2}]}"#
        )
        guard case .orderCancelled(let work) = command.body else {
            Issue.record("another body")
            return
        }
        let line = try #require(work.lines.first)
        #expect(line.sku == CommandFormat.skuLeftOut)
        #expect(line.quantity == .zero)
        #expect(line.line == 2)
        #expect(CommandType.orderCancelled.mayLeaveOutQuantity)
        #expect(!CommandType.orderAmended.mayLeaveOutQuantity)
    }

    @Test(arguments: ["lon-1:42", "hub:42", "a:b:42", "0123456789abcdeffedcba9876543210:42"])
    func `an event may be named by its node's name or id`(text: String) throws {
        let command = try CommandExamples.decode(
            #"{"type":"reversed","event":"\#(text)","reason":"r"}"#
        )
        guard case .reversed(let reversal) = command.body else {
            Issue.record("another body")
            return
        }
        #expect(reversal.event == EventID(node: CommandExamples.node, sequence: 42))
    }

    @Test func `bodies that only the system records cannot be written as commands`() throws {
        let bodies: [EventBody] = [
            .unknown(type: "x"),
            .backorderPromised(OrderWork(order: try #require(DocumentID("O")))),
        ]
        for body in bodies {
            #expect(throws: InterchangeError.self) {
                try CommandExamples.encode(InventoryCommand(body: body))
            }
        }
    }

    @Test func `a refused line still tells its op`() throws {
        let value = try JSONReader.read(Array(#"{"op":"k-1","type":"nonsense"}"#.utf8))
        #expect(CommandFormat.op(of: value) == "k-1")
        #expect(CommandFormat.op(of: .array([])) == nil)
    }

    // MARK: Hostile texts

    @Test(.sharedData("adversarial/naughty-strings.json"))
    func `a hostile text in any field is kept byte for byte or refused with a code`() throws {
        let url = try #require(SharedData.url("adversarial/naughty-strings.json"))
        let file = try JSONReader.read([UInt8](try Data(contentsOf: url)))
        guard case .array(let values) = file else {
            Issue.record("no list")
            return
        }
        let texts = values.compactMap(\.text)
        #expect(texts.count == 260)
        var keys: Set<String> = []
        var keptCount = 0
        var refusedCount = 0
        for example in CommandExamples.all {
            let command = try JSONReader.read(Array(example.utf8))
            for leaf in 0..<command.leafCount {
                // Types share the code that reads a field, so by day one of them speaks for all.
                let isNew = keys.insert(command.replacing(leaf: leaf, with: .null).key).inserted
                guard isNew || Nightly.isOn else { continue }
                for text in texts {
                    let (changed, key) = command.replacing(leaf: leaf, with: .string(text))
                    var writer = JSONWriter()
                    writer.value(changed)
                    do {
                        let decoded = try CommandExamples.decode(writer.bytes)
                        let again = try JSONReader.read(try CommandExamples.encode(decoded))
                        // Numbers and the like are written in canonical form; texts are not.
                        if Self.texts.contains(key) { #expect(again == changed) }
                        keptCount += 1
                    } catch {
                        // Another scale can make the safety stock wrong, but nothing else.
                        let isNamed = error.field?.hasSuffix(key) == true || key == "scale"
                        #expect(isNamed, "\(error)")
                        #expect(!error.hint.isEmpty)
                        refusedCount += 1
                    }
                }
            }
        }
        #expect(keptCount > 2_000)
        #expect(refusedCount > 2_000)
    }

    /// The fields whose texts are free.
    private static let texts: Set = [
        "op", "actor", "device", "note", "site", "sku", "name", "uom", "location", "lot",
        "supplier", "purchase_order", "order", "order_site", "channel", "customer", "ship_from",
        "shipment", "container", "return", "transfer", "to_site", "from_site", "reason", "count",
        "adjustment", "from", "conflict", "choice", "exception",
    ]
}
