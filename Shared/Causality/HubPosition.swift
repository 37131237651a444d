/// An entry's place in the hub's single order: gapless from 1 within one ``Epoch``.
@frozen
public struct HubPosition: RawRepresentable, Hashable, Comparable, Sendable {
    /// The number of entries up to and including this one.
    public let rawValue: UInt64

    /// Before the first entry: the position of a reader that has read nothing.
    public static let start = HubPosition(rawValue: 0)

    /// Makes a position from its number.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Makes a position from its number.
    @inlinable
    public init(_ rawValue: UInt64) {
        self.init(rawValue: rawValue)
    }

    /// The position after this one, or `nil` at the last that 64 bits can name.
    @inlinable
    public var next: HubPosition? {
        rawValue == .max ? nil : HubPosition(rawValue: rawValue + 1)
    }

    /// Orders positions of one epoch; across epochs the answer means nothing.
    @inlinable
    public static func < (first: HubPosition, second: HubPosition) -> Bool {
        first.rawValue < second.rawValue
    }
}
