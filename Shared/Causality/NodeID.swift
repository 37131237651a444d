/// Names one node of the network for ever: 128 random bits.
///
/// A node that is restored from a backup, re-imaged or cloned becomes a new node with a new
/// identifier, so two database files never speak under one name.
@frozen
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first eight bytes, big end first.
    public let high: UInt64
    /// The last eight bytes, big end first.
    public let low: UInt64

    /// Makes an identifier from its two halves.
    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Makes an identifier from 16 bytes, big end first; any other number gives `nil`.
    public init?(bytes: some Collection<UInt8>) {
        var iterator = bytes.makeIterator()
        guard
            let high = UInt64(takingBytesFrom: &iterator),
            let low = UInt64(takingBytesFrom: &iterator),
            iterator.next() == nil
        else { return nil }
        self.init(high: high, low: low)
    }

    /// Reads what ``description`` writes: 32 hexadecimal digits, in lower or upper case.
    public init?(_ text: String) {
        var rest = text[...].utf8
        guard
            let high = Hexadecimal.takeWord(from: &rest),
            let low = Hexadecimal.takeWord(from: &rest),
            rest.isEmpty
        else { return nil }
        self.init(high: high, low: low)
    }

    /// Draws a new identifier: all 128 bits are random.
    ///
    /// - Parameter generator: A secure source wherever the result names a real node.
    /// - Returns: An identifier that, for all practical purposes, no other node has.
    public static func random(using generator: inout some RandomNumberGenerator) -> NodeID {
        NodeID(high: generator.next(), low: generator.next())
    }

    /// The 16 bytes, big end first.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        high.appendBytes(to: &bytes)
        low.appendBytes(to: &bytes)
        return bytes
    }

    /// The identifier as 32 lower-case hexadecimal digits.
    public var description: String { Hexadecimal.text(of: high, low) }

    /// Orders identifiers as their bytes, and so as their texts.
    @inlinable
    public static func < (first: NodeID, second: NodeID) -> Bool {
        first.high != second.high ? first.high < second.high : first.low < second.low
    }
}
