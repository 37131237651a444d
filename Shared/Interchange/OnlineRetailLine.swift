internal import InventoryEngine

/// What a line of the order history means for stock; the first rule that applies decides.
public enum OnlineRetailKind: UInt8, CaseIterable, Hashable, Sendable {
    /// Goods that a customer bought: they leave.
    case sale
    /// Goods that came back with a cancellation invoice: they enter.
    case customerReturn
    /// Damaged or lost goods: they leave.
    case writeoff
    /// Goods that turned up, without a price and without a customer: they enter.
    case found
    /// Goods that a customer got for nothing: they leave.
    case free
    /// Postage, fees, discounts, vouchers: revenue only, no stock.
    case nonstock

    /// The codes that stand for no goods, besides those that begin with `gift_`.
    static let nonstockCodes: Set<String> = [
        "POST", "D", "M", "m", "DOT", "S", "BANK CHARGES", "AMAZONFEE", "CRUK", "C2", "B", "PADS",
    ]

    /// Classifies a line.
    ///
    /// | Rule | Condition                                             | Kind                 |
    /// | ---: | ----------------------------------------------------- | -------------------- |
    /// |    1 | the code stands for no goods, or begins with `gift_`  | ``nonstock``         |
    /// |    2 | the invoice begins with `A`                           | ``nonstock``         |
    /// |    3 | the invoice begins with `C`                           | ``customerReturn``   |
    /// |    4 | the quantity is negative                              | ``writeoff``         |
    /// |    5 | the price is zero, and no customer is named           | ``found``            |
    /// |    6 | the price is zero, and a customer is named            | ``free``             |
    /// |    7 | everything else                                       | ``sale``             |
    ///
    /// - Parameters:
    ///   - invoice: The invoice number, compared byte by byte.
    ///   - code: The stock code, compared byte by byte.
    ///   - quantity: Units, negative in returns and write-offs.
    ///   - isPriceZero: Whether the unit price is zero.
    ///   - hasCustomer: Whether a customer is named.
    public init(
        invoice: String,
        code: String,
        quantity: Int64,
        isPriceZero: Bool,
        hasCustomer: Bool
    ) {
        let first = invoice.utf8.first
        if Self.nonstockCodes.contains(code) || code.utf8.starts(with: "gift_".utf8) {
            self = .nonstock
        } else if first == UInt8(ascii: "A") {
            self = .nonstock
        } else if first == UInt8(ascii: "C") {
            self = .customerReturn
        } else if quantity < 0 {
            self = .writeoff
        } else if isPriceZero {
            self = hasCustomer ? .free : .found
        } else {
            self = .sale
        }
    }

    /// The units of a line of this kind: positive, but for nonstock, which keeps its sign.
    func units(ofQuantity quantity: Int64) -> Int64 {
        self == .nonstock ? quantity : abs(quantity)
    }

    /// What a line of this kind adds to the stock on hand.
    func effect(ofUnits units: Int64) -> Int64 {
        switch self {
        case .sale, .free, .writeoff: -units
        case .customerReturn, .found: units
        case .nonstock: 0
        }
    }
}

/// One line of the history, packed: 209,029 of them take 7 MB.
struct OnlineRetailLine: Sendable {
    /// The price without its decimal point.
    var priceMantissa: Int64
    /// The line of the file, from 1 with the header.
    var number: UInt32
    /// Which of the history's invoices.
    var invoice: UInt32
    /// Which of the history's codes.
    var code: UInt32
    /// Units as in ``OnlineRetailKind/units(ofQuantity:)``; a line has at most 10^9.
    var units: Int32
    /// The month: 12 times the year, plus the month, less one.
    var month: Int32
    /// Decimals of the price.
    var priceScale: UInt8
    /// What the line means.
    var kind: OnlineRetailKind

    var price: ExactDecimal { ExactDecimal(mantissa: priceMantissa, scale: priceScale) }
    var effect: Int64 { kind.effect(ofUnits: Int64(units)) }
}
