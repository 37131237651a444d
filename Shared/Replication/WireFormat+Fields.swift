import Causality
import Foundation
import InventoryEngine
import SwiftProtobuf

/// Checks single fields of a message and makes them values of our own types.
///
/// Names of fields are closures, because they are needed only when something is wrong.
enum WireField {
    typealias Name = () -> String

    static func identifier<Tag>(
        _ text: String,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> Identifier<Tag> {
        guard let identifier = Identifier<Tag>(text) else {
            throw .malformed(name(), text.isEmpty ? "is missing" : "is not an identifier")
        }
        return identifier
    }

    /// A date as the number YYYYMMDD.
    static func number(of date: CivilDate) -> UInt32 {
        UInt32(date.year * 10_000 + date.month * 100 + date.day)
    }

    static func date(
        _ number: UInt32,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> CivilDate {
        let (month, day) = (Int(number / 100 % 100), Int(number % 100))
        guard let date = CivilDate(year: Int(number / 10_000), month: month, day: day) else {
            throw .malformed(name(), "is no day of the calendar")
        }
        return date
    }

    /// The empty text means that there is none.
    static func identifierIfAny<Tag>(
        _ text: String,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> Identifier<Tag>? {
        if text.isEmpty { return nil }
        return try identifier(text, name())
    }

    /// Sites in a list.
    static func sites(_ texts: [String]) throws(ReplicationError) -> [SiteCode] {
        var sites: [SiteCode] = []
        for text in texts { sites.append(try identifier(text, "sites")) }
        return sites
    }

    static func quantity(
        _ units: Int64,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> Quantity {
        guard units >= -Quantity.magnitudeMax, units <= Quantity.magnitudeMax else {
            throw .malformed(name(), "is beyond ±2^53 base units")
        }
        return Quantity(units: units)
    }

    static func money(
        _ units: Int64,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> Money {
        guard units >= -Money.magnitudeMax, units <= Money.magnitudeMax else {
            throw .malformed(name(), "is beyond ±2^62 units")
        }
        return Money(units: units)
    }

    static func scale(
        _ scale: UInt32,
        max: UInt8,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> UInt8 {
        guard let scale = UInt8(exactly: scale), scale <= max else {
            throw .malformed(name(), "has more than \(max) decimals")
        }
        return scale
    }

    static func sequence(
        _ sequence: UInt64,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> UInt64 {
        guard sequence > 0 else { throw .malformed(name(), "is missing or zero") }
        return sequence
    }

    /// All zero bits are a node that was left out.
    static func node(
        high: UInt64,
        low: UInt64,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> NodeID {
        guard high != 0 || low != 0 else { throw .malformed(name(), "is missing") }
        return NodeID(high: high, low: low)
    }

    /// The value of one of our enums, whose raw values are the numbers on the wire.
    static func choice<Choice: RawRepresentable<UInt8>>(
        _ wire: some Enum,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> Choice {
        guard let raw = UInt8(exactly: wire.rawValue), let choice = Choice(rawValue: raw) else {
            throw .malformed(name(), "has the unknown value \(wire.rawValue)")
        }
        return choice
    }

    static func hash(
        _ data: Data,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> ContentHash {
        guard data.count == 32 else { throw .malformed(name(), "is not 32 bytes long") }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        // Each byte shifts the 256 bits; ContentHash(bytes:) would ask a witness for each byte.
        for (index, byte) in [UInt8](data).enumerated() {
            switch index >> 3 {
            case 0: words.0 = words.0 << 8 | UInt64(byte)
            case 1: words.1 = words.1 << 8 | UInt64(byte)
            case 2: words.2 = words.2 << 8 | UInt64(byte)
            default: words.3 = words.3 << 8 | UInt64(byte)
            }
        }
        return ContentHash(words: words)
    }

    static func publicKey(
        _ data: Data,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> [UInt8] {
        guard data.count == 32 else { throw .malformed(name(), "is not 32 bytes long") }
        return [UInt8](data)
    }

    static func eventBytes(
        _ data: Data,
        _ name: @autoclosure Name
    ) throws(ReplicationError) -> [UInt8] {
        guard !data.isEmpty, data.count <= WireFormat.eventBytesMax else {
            throw .malformed(name(), "is empty or larger than \(WireFormat.eventBytesMax) bytes")
        }
        return [UInt8](data)
    }

    /// Refuses to interpret a part of an event that carries what only a newer program knows.
    ///
    /// - Throws: ``ReplicationError`` with the internal code `notUnderstood`.
    static func expectNothing(
        in unknown: UnknownStorage,
        of name: @autoclosure Name
    ) throws(ReplicationError) {
        guard !unknown.data.isEmpty else { return }
        let number = firstNumber(in: unknown).map { "\($0)" } ?? "?"
        throw ReplicationError(.notUnderstood, "field \(number) of \(name())")
    }

    /// The number of the first unknown field, or nil if there is none.
    static func firstNumber(in unknown: UnknownStorage) -> UInt32? {
        var tag: UInt64 = 0
        var shift: UInt64 = 0
        for byte in unknown.data.prefix(5) {  // a tag has at most 32 bits: five times seven
            tag |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return UInt32(truncatingIfNeeded: tag >> 3) }
            shift += 7
        }
        return nil
    }
}

// MARK: - Parts of messages

extension WireEventId {
    init(_ id: EventID) {
        self.init()
        nodeHigh = id.node.high
        nodeLow = id.node.low
        sequence = id.sequence
    }

    func value(_ name: @autoclosure WireField.Name) throws(ReplicationError) -> EventID {
        try WireField.expectNothing(in: unknownFields, of: name())
        return try valueIgnoringUnknown(name())
    }

    func valueIgnoringUnknown(
        _ name: @autoclosure WireField.Name
    ) throws(ReplicationError) -> EventID {
        EventID(
            node: try WireField.node(high: nodeHigh, low: nodeLow, "\(name()).node"),
            sequence: try WireField.sequence(sequence, "\(name()).sequence")
        )
    }
}

extension WireNodeId {
    init(_ node: NodeID) {
        self.init()
        high = node.high
        low = node.low
    }

    func value(_ name: @autoclosure WireField.Name) throws(ReplicationError) -> NodeID {
        try WireField.expectNothing(in: unknownFields, of: name())
        return try valueIgnoringUnknown(name())
    }

    func valueIgnoringUnknown(
        _ name: @autoclosure WireField.Name
    ) throws(ReplicationError) -> NodeID {
        try WireField.node(high: high, low: low, name())
    }
}

extension WireEpoch {
    init(_ epoch: Epoch) {
        self.init()
        counter = epoch.counter
        high = epoch.high
        low = epoch.low
    }

    var value: Epoch { Epoch(counter: counter, high: high, low: low) }
}

extension WireDecimal {
    init(_ decimal: ExactDecimal) {
        self.init()
        mantissa = decimal.mantissa
        scale = UInt32(decimal.scale)
    }

    func value(_ name: @autoclosure WireField.Name) throws(ReplicationError) -> ExactDecimal {
        try WireField.expectNothing(in: unknownFields, of: name())
        return ExactDecimal(
            mantissa: mantissa,
            scale: try WireField.scale(scale, max: ExactDecimal.scaleMax, name())
        )
    }
}

extension Data {
    init(_ hash: ContentHash) {
        self.init(hash.bytes)
    }
}

/// Our enums and those of the messages share their numbers.
extension Enum where RawValue == Int {
    init(_ choice: some RawRepresentable<UInt8>) {
        // A number without a name would become an unrecognized value, which is refused in decoding.
        self = Self(rawValue: Int(choice.rawValue)) ?? Self()
    }
}
