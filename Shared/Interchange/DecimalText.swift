/// Reads and writes exact decimal numbers: an integer and how many of its digits are decimals.
///
/// | Units | Scale | Text     |
/// | ----: | ----: | -------- |
/// |   153 |     2 | `1.53`   |
/// |   150 |     2 | `1.50`   |
/// |    -5 |     4 | `-0.0005`|
/// |    42 |     0 | `42`     |
public enum DecimalText {
    /// Why a text is not a decimal that can be held.
    public enum Problem: Error, Hashable, Sendable {
        /// It is not written as digits, or digits, a point and digits, with an optional minus.
        case malformed
        /// It has more decimals than are accepted.
        case tooManyDecimals
        /// Its digits do not fit 64 bits.
        case tooLarge
    }

    /// Writes a number with all decimals of its scale.
    ///
    /// - Parameters:
    ///   - units: The number without its decimal point; any value.
    ///   - scale: How many of its digits are decimals; zeros are put in front where it has fewer.
    /// - Returns: Digits, a point before the decimals if there are any, and a minus in front.
    public static func format(units: Int64, scale: UInt8) -> String {
        var text: [UInt8] = []
        append(units: units, scale: scale, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Puts what ``format(units:scale:)`` writes after the bytes already there.
    static func append(units: Int64, scale: UInt8, to text: inout [UInt8]) {
        let digits = String(units.magnitude).utf8
        if units < 0 { text.append(UInt8(ascii: "-")) }
        guard scale > 0 else {
            text.append(contentsOf: digits)
            return
        }
        let wholeCount = digits.count - Int(scale)
        if wholeCount > 0 {
            text.append(contentsOf: digits.prefix(wholeCount))
        } else {
            text.append(UInt8(ascii: "0"))
        }
        text.append(UInt8(ascii: "."))
        text.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, -wholeCount)))
        text.append(contentsOf: digits.suffix(Int(scale)))
    }

    /// Reads a number as it was entered; trailing zeros count as decimals.
    ///
    /// Accepted is what JSON accepts as a number without an exponent: `7`, `-7.50`, `0.5`; neither
    /// `+7`, `07`, `.5`, `7.`, nor blanks or separators of thousands.
    ///
    /// - Parameters:
    ///   - text: The digits.
    ///   - scaleMax: The most decimals that are accepted.
    /// - Returns: The number without its point, within ±(2^63 − 1), and its decimals.
    /// - Throws: ``Problem``.
    /// - Complexity: O(*n*) in the length of the text.
    public static func parse(
        _ text: String,
        scaleMax: UInt8
    ) throws(Problem) -> (units: Int64, scale: UInt8) {
        let zero = UInt8(ascii: "0")
        var units: Int64 = 0
        var isTooLarge = false
        var wholeCount = 0
        var decimalCount = 0
        var hasPoint = false
        var hasLeadingZero = false
        var bytes = text.utf8.makeIterator()
        var upcoming = bytes.next()
        let isNegative = upcoming == UInt8(ascii: "-")
        if isNegative { upcoming = bytes.next() }
        while let byte = upcoming {
            switch byte {
            case zero...UInt8(ascii: "9"):
                let (product, overflow) = units.multipliedReportingOverflow(by: 10)
                let (sum, overflowed) = product.addingReportingOverflow(Int64(byte - zero))
                isTooLarge = isTooLarge || overflow || overflowed
                units = isTooLarge ? 0 : sum
                if hasPoint {
                    decimalCount += 1
                } else {
                    hasLeadingZero = hasLeadingZero || (wholeCount == 0 && byte == zero)
                    wholeCount += 1
                }
            case UInt8(ascii: ".") where !hasPoint && wholeCount > 0: hasPoint = true
            default: throw .malformed
            }
            upcoming = bytes.next()
        }
        guard
            wholeCount > 0, hasPoint == (decimalCount > 0), !(hasLeadingZero && wholeCount > 1)
        else { throw .malformed }
        guard decimalCount <= Int(scaleMax) else { throw .tooManyDecimals }
        guard !isTooLarge else { throw .tooLarge }
        return (isNegative ? -units : units, UInt8(decimalCount))
    }
}
