import Causality
import InventoryEngine
import TestSupport
import Testing

/// Makes random valid events; lines repeat themselves as often as they differ.
struct WireGenerator {
    var random: SeededGenerator
    private let bodies: [EventBody]

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        bodies = try WireSamples.bodies()
    }

    mutating func chance() -> Bool { Bool.random(using: &random) }

    mutating func text() -> String {
        let letters = ["A", "z", "0", "-", " ", "é", "e\u{301}", "日", "🚚", "'"]
        return (0..<Int.random(in: 1...12, using: &random))
            .map { _ in letters.randomElement(using: &random) ?? "x" }
            .joined()
    }

    mutating func identifier<Tag>() throws -> Identifier<Tag> {
        try #require(Identifier<Tag>(text()))
    }

    mutating func identifierIfAny<Tag>() throws -> Identifier<Tag>? {
        chance() ? try identifier() : nil
    }

    mutating func number(_ max: Int64) -> Int64 {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: 0
        case 1: max
        case 2: -max
        case 3: Int64.random(in: -max...max, using: &random)
        default: Int64.random(in: -300...300, using: &random)
        }
    }

    mutating func quantity() -> Quantity { Quantity(units: number(Quantity.magnitudeMax)) }

    mutating func decimal() -> ExactDecimal {
        let scale = chance() ? 2 : UInt8.random(in: 0...ExactDecimal.scaleMax, using: &random)
        return ExactDecimal(mantissa: number(.max), scale: scale)
    }

    mutating func line() throws -> EventLine {
        var line = EventLine(sku: try identifier(), quantity: quantity())
        line.scale = UInt8.random(in: 0...6, using: &random)
        line.line = chance() ? Int32.random(in: .min ... .max, using: &random) : nil
        line.uom = try identifierIfAny()
        line.location = try identifierIfAny()
        line.toLocation = try identifierIfAny()
        line.lot = try identifierIfAny()
        line.serials = try (0..<Int.random(in: 0...2, using: &random)).map { _ in
            try identifier()
        }
        line.status = chance() ? StockStatus.allCases.randomElement(using: &random) : nil
        line.toStatus = chance() ? StockStatus.allCases.randomElement(using: &random) : nil
        line.unitCost = chance() ? decimal() : nil
        line.amount = chance() ? Money(units: number(Money.magnitudeMax)) : nil
        line.unitPrice = chance() ? decimal() : nil
        line.granted = chance() ? quantity() : nil
        line.short = chance() ? quantity() : nil
        line.disposition = chance() ? Disposition.allCases.randomElement(using: &random) : nil
        return line
    }

    /// Up to ten lines; each keeps some values of the first, and often none differs in a field.
    mutating func lines() throws -> [EventLine] {
        let first = try line()
        let isNumbered = chance()
        let isGranted = chance()
        let differing = chance() ? Set<Int>() : Set((0..<12).filter { _ in chance() })
        var lines: [EventLine] = []
        for index in 0..<Int.random(in: 0...10, using: &random) {
            let other = try line()
            var line = first
            line.sku = other.sku
            line.quantity = other.quantity
            if differing.contains(0) { line.scale = other.scale }
            if differing.contains(1) { line.line = other.line }
            if differing.contains(2) { line.uom = other.uom }
            if differing.contains(3) { line.location = other.location }
            if differing.contains(4) { line.toLocation = other.toLocation }
            if differing.contains(5) { line.lot = other.lot }
            if differing.contains(6) { (line.status, line.toStatus) = (other.status, nil) }
            if differing.contains(7) { line.unitCost = other.unitCost }
            if differing.contains(8) { line.amount = other.amount }
            if differing.contains(9) { line.unitPrice?.mantissa = other.quantity.units }
            if differing.contains(10) { (line.granted, line.short) = (other.granted, other.short) }
            if differing.contains(11) { line.disposition = other.disposition }
            if isNumbered { line.line = Int32(index + 1) }
            if isGranted { line.granted = line.quantity }
            lines.append(line)
        }
        return lines
    }

    mutating func body() throws -> EventBody {
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
            var order = OrderConfirmation(order: try identifier(), lines: try lines())
            order.channel = try identifierIfAny()
            order.priority = Int32.random(in: .min ... .max, using: &random)
            return .orderConfirmed(order)
        case 1:
            return .pickCompleted(
                OrderWork(
                    order: try identifier(),
                    container: try identifierIfAny(),
                    lines: try lines()
                )
            )
        case 2:
            return .goodsReceived(
                GoodsReceipt(supplier: try identifierIfAny(), lines: try lines())
            )
        case 3:
            return .transferDispatched(
                Transfer(
                    transfer: try identifier(),
                    reason: chance() ? text() : nil,
                    lines: try lines()
                )
            )
        case 4: return .moved(StockChange(lines: try lines()))
        case 5: return .countRecorded(StockCount(count: try identifier(), lines: try lines()))
        default: return bodies.randomElement(using: &random) ?? .unknown(type: "none")
        }
    }

    mutating func event() throws -> InventoryEvent {
        var event = InventoryEvent(
            id: EventID(
                node: .random(using: &random),
                sequence: UInt64.random(in: 1...(.max), using: &random)
            ),
            site: try identifier(),
            recordedAt: HybridTimestamp(
                wall: Instant(microseconds: number(.max)),
                counter: UInt32.random(in: 0...3, using: &random)
            ),
            op: try identifierIfAny(),
            actor: try identifierIfAny(),
            device: try identifierIfAny(),
            note: chance() ? text() : nil,
            context: .empty,
            isForced: chance(),
            body: try body()
        )
        if chance() {
            event.at = WallTime(
                instant: Instant(microseconds: Int64.random(in: 0...(1 << 50), using: &random)),
                offsetMinutes: Int16.random(in: -1_439...1_439, using: &random)
            )
        }
        if chance() { event.context.epoch = WireSamples.epoch }
        event.context.position = HubPosition(random.next() >> 20)
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            event.context.extra.record(EventID(node: .random(using: &random), sequence: 4))
        }
        if chance() { event.commandHash = .of([UInt8(truncatingIfNeeded: random.next())]) }
        return event
    }
}

/// Writes the fields of a message one by one, so that tests can write what our encoder never does.
struct WireBytes {
    var all: [UInt8] = []

    private mutating func put(_ number: UInt64) {
        var rest = number
        while rest > 0x7F {
            all.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        all.append(UInt8(truncatingIfNeeded: rest))
    }

    func varint(_ field: UInt64, _ number: UInt64) -> WireBytes {
        var copy = self
        copy.put(field << 3)
        copy.put(number)
        return copy
    }

    func signed(_ field: UInt64, _ number: Int64) -> WireBytes {
        varint(field, UInt64(bitPattern: (number << 1) ^ (number >> 63)))
    }

    func fixed(_ field: UInt64, _ number: UInt64) -> WireBytes {
        var copy = self
        copy.put(field << 3 | 1)
        for shift in stride(from: 0, to: 64, by: 8) {
            copy.all.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
        }
        return copy
    }

    func bytes(_ field: UInt64, _ bytes: [UInt8]) -> WireBytes {
        var copy = self
        copy.put(field << 3 | 2)
        copy.put(UInt64(bytes.count))
        copy.all += bytes
        return copy
    }

    func text(_ field: UInt64, _ text: String) -> WireBytes { bytes(field, Array(text.utf8)) }

    func message(_ field: UInt64, _ message: WireBytes) -> WireBytes { bytes(field, message.all) }
}
