/// A number of base units of one item, at the item's fixed decimal scale.
///
/// For an item of scale 2, `Quantity(units: 150)` is 1.50 of its base unit. Arithmetic is checked:
/// the result must lie within ±2^53, the bound of every quantity in the system.
public struct Quantity: Hashable, Comparable, Sendable {
    /// The largest magnitude of any quantity: 2^53 base units.
    public static let magnitudeMax: Int64 = 1 << 53

    /// None at all.
    public static let zero = Quantity(units: 0)

    /// How many base units.
    public var units: Int64

    /// Makes a quantity of a number of base units.
    public init(units: Int64) {
        self.units = units
    }

    /// Orders by number of units.
    public static func < (left: Quantity, right: Quantity) -> Bool { left.units < right.units }

    /// Whether there are none.
    public var isZero: Bool { units == 0 }

    /// The same number with the opposite sign.
    ///
    /// Cannot overflow within the bound.
    public static prefix func - (quantity: Quantity) -> Quantity {
        Quantity(units: 0 &- quantity.units)
    }

    /// The sum of two quantities.
    ///
    /// - Throws: ``EngineError`` with the code `overflow` beyond ±2^53.
    public func plus(_ other: Quantity) throws(EngineError) -> Quantity {
        let (sum, overflow) = units.addingReportingOverflow(other.units)
        guard !overflow, sum >= -Self.magnitudeMax, sum <= Self.magnitudeMax else {
            throw .overflow("The quantity would leave the range of ±2^53 base units.")
        }
        return Quantity(units: sum)
    }

    /// The difference of two quantities.
    ///
    /// - Throws: ``EngineError`` with the code `overflow` beyond ±2^53.
    public func minus(_ other: Quantity) throws(EngineError) -> Quantity {
        try plus(-other)
    }

    /// Adds in place; see ``plus(_:)``.
    mutating func add(_ other: Quantity) throws(EngineError) {
        self = try plus(other)
    }

    /// Subtracts in place; see ``minus(_:)``.
    mutating func subtract(_ other: Quantity) throws(EngineError) {
        self = try plus(-other)
    }

    /// This quantity, or zero if it is negative.
    var clampedToZero: Quantity { units < 0 ? .zero : self }
}
