/// An amount at the network's money scale: at scale 4, `Money(units: 10_000)` is one pound.
///
/// Arithmetic is checked within the range of 64 bits less one bit of head room, so that a negation
/// never overflows.
public struct Money: Hashable, Comparable, Sendable {
    /// The largest magnitude of an amount: 2^62 units.
    public static let magnitudeMax: Int64 = 1 << 62

    /// Nothing.
    public static let zero = Money(units: 0)

    /// How many units of the money scale.
    public var units: Int64

    /// Makes an amount of a number of units.
    public init(units: Int64) {
        self.units = units
    }

    /// Orders by number of units.
    public static func < (left: Money, right: Money) -> Bool { left.units < right.units }

    /// Whether the amount is nothing.
    public var isZero: Bool { units == 0 }

    /// The same amount with the opposite sign.
    public static prefix func - (money: Money) -> Money { Money(units: 0 &- money.units) }

    /// The sum of two amounts.
    ///
    /// - Throws: ``EngineError`` with the code `overflow`.
    public func plus(_ other: Money) throws(EngineError) -> Money {
        let (sum, overflow) = units.addingReportingOverflow(other.units)
        guard !overflow, sum >= -Self.magnitudeMax, sum <= Self.magnitudeMax else {
            throw .overflow("The amount is too large to be represented.")
        }
        return Money(units: sum)
    }

    /// The difference of two amounts.
    ///
    /// - Throws: ``EngineError`` with the code `overflow`.
    public func minus(_ other: Money) throws(EngineError) -> Money {
        try plus(-other)
    }

    /// Adds in place; see ``plus(_:)``.
    mutating func add(_ other: Money) throws(EngineError) {
        self = try plus(other)
    }

    /// The share of this amount that belongs to a part of a whole, rounded half up.
    ///
    /// `round_half_up(a / b) = floor((2a + b) / 2b)`. The whole takes the whole amount, so shares
    /// taken one after the other from what remains always add up.
    ///
    /// - Parameters:
    ///   - part: The part, of the same sign as `whole` or zero.
    ///   - whole: The whole, not zero.
    /// - Returns: The part's share; the whole amount when the part is the whole.
    /// - Throws: ``EngineError`` with the code `overflow`.
    public func share(_ part: Quantity, of whole: Quantity) throws(EngineError) -> Money {
        if part == whole { return self }
        guard whole.units != 0 else {
            throw .overflow("A share of nothing is not defined.")
        }
        return try Money(
            roundedHalfUp: Int128(units) * Int128(part.units),
            dividedBy: Int128(whole.units)
        )
    }

    /// Divides and rounds half up, towards plus infinity at the half.
    ///
    /// - Throws: ``EngineError`` with the code `overflow` if the result does not fit.
    init(roundedHalfUp dividend: Int128, dividedBy divisor: Int128) throws(EngineError) {
        let (numerator, denominator) = divisor < 0 ? (-dividend, -divisor) : (dividend, divisor)
        let (twice, overflow) = numerator.multipliedReportingOverflow(by: 2)
        guard !overflow else { throw .overflow("The amount is too large to be represented.") }
        let (sum, overflowed) = twice.addingReportingOverflow(denominator)
        let (double, doubled) = denominator.multipliedReportingOverflow(by: 2)
        guard !overflowed, !doubled else {
            throw .overflow("The amount is too large to be represented.")
        }
        var (quotient, remainder) = sum.quotientAndRemainder(dividingBy: double)
        if remainder < 0 {
            quotient -= 1
            remainder += double
        }
        guard quotient >= -Int128(Self.magnitudeMax), quotient <= Int128(Self.magnitudeMax) else {
            throw .overflow("The amount is too large to be represented.")
        }
        self.units = Int64(quotient)
    }
}

/// An exact decimal number, such as a unit cost or a price as it was entered.
///
/// `Decimal(mantissa: 153, scale: 2)` is 1.53. A unit cost may have more decimals than the
/// network's money scale; only values (a unit cost times a quantity) are rounded to that scale.
public struct ExactDecimal: Hashable, Sendable, CustomStringConvertible {
    /// The most decimals that are accepted.
    public static let scaleMax: UInt8 = 12

    /// Zero without decimals.
    public static let zero = ExactDecimal(mantissa: 0, scale: 0)

    /// The number without its decimal point.
    public var mantissa: Int64
    /// How many of the mantissa's digits stand behind the decimal point, 0 to ``scaleMax``.
    public var scale: UInt8

    /// Makes a decimal of its digits and scale.
    public init(mantissa: Int64, scale: UInt8) {
        self.mantissa = mantissa
        self.scale = scale
    }

    /// The number with all its decimals: `-1.53`.
    public var description: String {
        let digits = String(mantissa.magnitude)
        let sign = mantissa < 0 ? "-" : ""
        guard scale > 0 else { return sign + digits }
        let padded = String(repeating: "0", count: max(0, Int(scale) + 1 - digits.count)) + digits
        let point = padded.index(padded.endIndex, offsetBy: -Int(scale))
        return sign + padded[..<point] + "." + padded[point...]
    }

    /// Whether the number is below zero.
    public var isNegative: Bool { mantissa < 0 }

    /// What a quantity costs at this price, at the money scale, rounded half up.
    ///
    /// - Parameters:
    ///   - quantity: Base units at the item's scale.
    ///   - quantityScale: The item's scale.
    ///   - moneyScale: The network's money scale.
    /// - Returns: Money at the network's scale.
    /// - Throws: ``EngineError`` with the code `overflow`.
    public func value(
        of quantity: Quantity,
        quantityScale: UInt8,
        moneyScale: UInt8
    ) throws(EngineError) -> Money {
        try value(of: quantity, quantityScale: quantityScale, moneyScale: moneyScale, at: nil)
    }

    /// What a quantity costs at this price in another currency, rounded half up once.
    ///
    /// - Parameters:
    ///   - quantity: Base units at the item's scale.
    ///   - quantityScale: The item's scale.
    ///   - moneyScale: The network's money scale.
    ///   - rate: What one unit of the price's currency is worth in the network's; nil for one.
    /// - Returns: Money at the network's scale.
    /// - Throws: ``EngineError`` with the code `overflow`.
    func value(
        of quantity: Quantity,
        quantityScale: UInt8,
        moneyScale: UInt8,
        at rate: ExactDecimal?
    ) throws(EngineError) -> Money {
        let rate = rate ?? ExactDecimal(mantissa: 1, scale: 0)
        var product = Int128(mantissa)
        for factor in [Int128(quantity.units), Int128(rate.mantissa), powerOfTen(moneyScale)] {
            let (next, overflow) = product.multipliedReportingOverflow(by: factor)
            guard !overflow else {
                throw .overflow("The value of the line is too large to be represented.")
            }
            product = next
        }
        return try Money(
            roundedHalfUp: product,
            dividedBy: powerOfTen(scale + quantityScale + rate.scale)
        )
    }
}

/// Ten to the power of a small exponent, at most 30.
func powerOfTen(_ exponent: UInt8) -> Int128 {
    var power: Int128 = 1
    for _ in 0..<min(exponent, 30) { power *= 10 }
    return power
}
