import Causality
import InventoryEngine
import Replication
import TestSupport
import Testing

@Suite
struct WireFormatTests {
    @Test
    func `every body comes back as it was`() throws {
        for event in try WireSamples.events() {
            #expect(try WireFormat.decodeEvent(WireFormat.encode(event)) == event)
        }
    }

    @Test(arguments: Seeds.forThisRun)
    func `random events come back as they were`(seed: UInt64) throws {
        var generator = try WireGenerator(seed: seed)
        for _ in 0..<Nightly.size(100, nightly: 2_000) {
            let event = try generator.event()
            let decoded = try WireFormat.decodeEvent(WireFormat.encode(event))
            #expect(decoded == event, "Replay with SEED=\(seed)")
        }
    }

    @Test
    func `a cost adjustment keeps the document lines that it runs through`() throws {
        let site = try WireSamples.identifier("LON") as SiteCode
        let document = try WireSamples.identifier("T-7") as DocumentID
        let references: [MovementReference?] = [
            nil,
            .orderLine(site: site, order: document, line: 3),
            .transferLine(
                source: site,
                destination: try WireSamples.identifier("MAN"),
                transfer: document,
                line: 2
            ),
        ]
        var event = try WireSamples.events()[0]
        let movement = MovementKey(
            effective: Instant(microseconds: 1),
            position: HubPosition(2),
            sequence: 3,
            index: 4
        )
        event.body = .costAdjusted(
            CostAdjustment(
                cause: event.id,
                site: site,
                sku: try WireSamples.identifier("A"),
                items: references.map {
                    CostAdjustment.Item(
                        movement: movement,
                        delta: Money(units: -5),
                        account: .goodsInTransit,
                        reference: $0
                    )
                }
            )
        )
        #expect(try WireFormat.decodeEvent(WireFormat.encode(event)) == event)
    }

    /// How many bytes a further line takes: a SKU of six letters takes eight of them.
    @Test(arguments: [(false, 12.5), (true, 15.5)])
    func `a further line of an order takes few bytes`(hasPrice: Bool, bytesMax: Double) throws {
        func size(_ count: Int) throws -> Int {
            var lines = try WireSamples.orderLines(count)
            if !hasPrice { for index in lines.indices { lines[index].unitPrice = nil } }
            var event = try WireSamples.events()[0]
            event.body = .orderConfirmed(
                OrderConfirmation(order: try WireSamples.identifier("SO-536365"), lines: lines)
            )
            return WireFormat.encode(event).count
        }
        let perLine = Double(try size(25) - size(1)) / 24
        #expect(perLine <= bytesMax)
    }

    @Test
    func `a body that is not known is kept as unknown`() throws {
        let frame = Self.frame
        let cases: [(WireBytes, String)] = [
            (frame, "none"),
            (frame.message(199, WireBytes().text(1, "x")), "199"),
            (frame.message(4_000, WireBytes()), "4000"),
            (frame.text(23, "pallet_stacked").message(199, WireBytes()), "pallet_stacked"),
            (frame.varint(24, 1).message(32, Self.retirement), "field 24"),
            (frame.message(32, Self.retirement.varint(9, 1)), "field 9 of body"),
            (frame.message(32, Self.retirement).message(199, WireBytes()), "199"),
            (Self.move(Self.line.varint(29, 1)), "field 29 of lines[0]"),
            (
                frame.message(32, Self.retirement).message(19, Self.dot.varint(8, 1)),
                "field 8 of origin"
            ),
        ]
        for (bytes, type) in cases {
            let event = try WireFormat.decodeEvent(bytes.all)
            #expect(event.body == .unknown(type: type))
            #expect(event.id == EventID(node: NodeID(high: 1, low: 2), sequence: 3))
        }
        #expect(
            try WireFormat.decodeEvent(frame.message(32, Self.retirement).all).body
                == .itemRetired(
                    ItemRetirement(sku: WireSamples.identifier("85123A"), baseVersion: 0)
                )
        )
    }

    @Test
    func `a body of a later version is not looked at`() throws {
        let bytes = Self.frame.varint(1, 2).message(32, WireBytes().text(1, ""))
        #expect(try WireFormat.decodeEvent(bytes.all).body == .unknown(type: "version 2"))
    }

    @Test
    func `what is out of bounds is refused by name`() throws {
        let frame = Self.frame
        let long = String(repeating: "x", count: 65)
        let beyond = Quantity.magnitudeMax + 1
        let cases: [(WireBytes, String)] = [
            (WireBytes(), "format_version"),
            (frame.varint(1, 0), "format_version"),
            (frame.fixed(2, 0).fixed(3, 0), "node"),
            (frame.varint(4, 0), "sequence"),
            (frame.text(5, ""), "site"),
            (frame.text(5, "L\nN"), "site"),
            (frame.text(12, long), "op"),
            (frame.text(13, long), "actor"),
            (frame.bytes(14, [1]), "command_hash"),
            (frame.signed(15, .max), "at"),
            (frame.signed(15, 0).signed(16, 1_440), "at"),
            (frame.signed(16, 60), "at"),
            (frame.text(17, long), "device"),
            (frame.message(19, WireBytes().fixed(1, 1)), "origin.sequence"),
            (frame.message(20, WireBytes().varint(3, 1)), "corrects.node"),
            (frame.message(22, Self.dot).message(22, Self.dot), "context_extra"),
            (frame.message(22, WireBytes().fixed(1, 9)), "context_extra.sequence"),
            (frame.message(32, WireBytes()), "sku"),
            (Self.move(WireBytes()), "lines[0].sku"),
            (Self.move(Self.line.signed(2, beyond)), "lines[0].quantity"),
            (Self.move(Self.line.signed(2, -beyond)), "lines[0].quantity"),
            (Self.move(Self.line.signed(4, beyond)), "lines[0].granted"),
            (Self.move(Self.line.signed(14, beyond)), "lines[0].short"),
            (Self.move(Self.line.signed(8, .max)), "lines[0].amount"),
            (Self.move(Self.line.varint(11, 7 << 16)), "lines[0].decimals"),
            (Self.move(Self.line.varint(11, 1 << 24)), "lines[0].decimals"),
            (Self.move(Self.line.signed(6, 1).varint(11, 13 << 8)), "lines[0].decimals"),
            (Self.move(Self.line.signed(5, 1).varint(11, 13)), "lines[0].decimals"),
            (Self.move(Self.line.varint(9, 6)), "lines[0].status"),
            (Self.move(Self.line.varint(13, 300)), "lines[0].to_status"),
            (Self.move(Self.line.varint(15, UInt64(bitPattern: -1))), "lines[0].disposition"),
            (Self.move(Self.line.text(7, long)), "lines[0].location"),
        ]
        for (bytes, field) in cases {
            let error = #expect(throws: ReplicationError.self) {
                try WireFormat.decodeEvent(bytes.all)
            }
            #expect(error?.code == .malformed)
            #expect(error?.message.hasPrefix("The field \(field) ") == true, "\(field): \(error)")
        }
    }

    @Test
    func `too large an event is refused`() throws {
        var event = try WireSamples.events()[0]
        let line = EventLine(sku: try WireSamples.identifier("A"), quantity: .zero)
        func decode(_ count: Int) throws -> InventoryEvent {
            event.body = .moved(StockChange(lines: Array(repeating: line, count: count)))
            return try WireFormat.decodeEvent(WireFormat.encode(event))
        }
        #expect(try decode(WireFormat.linesMax) == event)
        #expect(throws: ReplicationError.self) { try decode(WireFormat.linesMax + 1) }
        event.note = String(repeating: "n", count: WireFormat.eventBytesMax)
        #expect(throws: ReplicationError.self) {
            try WireFormat.decodeEvent(WireFormat.encode(event))
        }
    }

    @Test
    func `the content of a command is what was asked, not who carried it`() throws {
        let event = try #require(WireSamples.events().first { $0.at != nil && $0.note != nil })
        let command = InventoryCommand(
            body: event.body,
            op: event.op,
            at: event.at,
            actor: event.actor,
            device: event.device,
            note: event.note,
            isForced: true,
            corrects: EventID(node: WireSamples.node, sequence: 1),
            site: event.site
        )
        let content = WireFormat.encodeContent(of: command)
        var same = command
        same.op = try WireSamples.identifier("another op")
        same.device = nil
        same.contentHash = WireSamples.hash
        #expect(WireFormat.encodeContent(of: same) == content)

        let changes: [(inout InventoryCommand) -> Void] = [
            { $0.body = .unknown(type: "x") }, { $0.at = nil }, { $0.actor = nil },
            { $0.note = nil }, { $0.isForced = false }, { $0.corrects = nil }, { $0.site = nil },
        ]
        for change in changes {
            var other = command
            change(&other)
            #expect(WireFormat.encodeContent(of: other) != content)
        }
    }

    // MARK: - Parts

    static let frame = WireBytes().varint(1, 1).fixed(2, 1).fixed(3, 2).varint(4, 3).text(5, "LON")
    static let retirement = WireBytes().text(1, "85123A")
    static let line = WireBytes().text(1, "85123A").signed(2, 1)
    static let dot = WireBytes().fixed(1, 9).fixed(2, 9).varint(3, 1)

    static func move(_ line: WireBytes) -> WireBytes {
        frame.message(62, WireBytes().message(2, WireBytes().message(1, line)))
    }
}
