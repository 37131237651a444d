public import Causality

/// Stock on hand that is worth something else from a time on: revalued, or written down.
public struct Revaluation: Hashable, Sendable {
    /// The item.
    public var sku: SKU
    /// What a unit is worth from then on; nil if ``amount`` is given.
    public var unitCost: ExactDecimal?
    /// What the stock is worth more, less where it is negative; of a write-down what it is worth
    /// less.
    ///
    /// Money at the network's scale.
    public var amount: Money?
    /// Why.
    public var reason: String?

    /// Makes a revaluation.
    public init(
        sku: SKU,
        unitCost: ExactDecimal? = nil,
        amount: Money? = nil,
        reason: String? = nil
    ) {
        self.sku = sku
        self.unitCost = unitCost
        self.amount = amount
        self.reason = reason
    }
}

/// Another costing method of an item, or another standard cost, at every site.
public struct CostingChange: Hashable, Sendable {
    /// The item.
    public var sku: SKU
    /// The method from then on; nil if only the standard cost changes.
    public var costing: CostingMethod?
    /// What a unit costs by the standard, in the network's currency.
    public var standardCost: ExactDecimal?

    /// Makes a change.
    public init(
        sku: SKU,
        costing: CostingMethod? = nil,
        standardCost: ExactDecimal? = nil
    ) {
        self.sku = sku
        self.costing = costing
        self.standardCost = standardCost
    }
}

/// A supplier's invoice for goods that were received.
public struct InvoiceMatch: Hashable, Sendable {
    /// What of one line of a receipt is invoiced.
    public struct Share: Hashable, Sendable {
        /// The receipt.
        public var receipt: EventID
        /// The index of its line, from 0.
        public var line: UInt32
        /// The item of the line.
        public var sku: SKU
        /// How many units are invoiced, at the item's scale.
        public var quantity: Quantity
        /// What the supplier asks for them.
        public var amount: Money
        /// What was expected for them: it is not outstanding any more.
        public var expected: Money

        /// Makes a share.
        public init(
            receipt: EventID,
            line: UInt32,
            sku: SKU,
            quantity: Quantity,
            amount: Money,
            expected: Money
        ) {
            self.receipt = receipt
            self.line = line
            self.sku = sku
            self.quantity = quantity
            self.amount = amount
            self.expected = expected
        }
    }

    /// The purchase order whose receipts are invoiced, the oldest first.
    public var purchaseOrder: DocumentID?
    /// The receipt that is invoiced; nil if ``purchaseOrder`` is given.
    public var receipt: EventID?
    /// What is invoiced, each with a unit cost or an amount.
    public var lines: [EventLine]
    /// The receipts' lines that it is for; filled in when it is decided.
    public var shares: [Share]

    /// Makes a match.
    public init(
        purchaseOrder: DocumentID? = nil,
        receipt: EventID? = nil,
        lines: [EventLine],
        shares: [Share] = []
    ) {
        self.purchaseOrder = purchaseOrder
        self.receipt = receipt
        self.lines = lines
        self.shares = shares
    }
}

/// By what a landed cost is split over receipts.
public enum LandedCostBasis: UInt8, CaseIterable, Hashable, Sendable {
    /// By what the goods cost.
    case value = 0
    /// By how many units there are.
    case quantity = 1

    /// The stable text.
    public var text: String {
        switch self {
        case .value: "value"
        case .quantity: "quantity"
        }
    }

    /// Makes a basis of its stable text.
    public init?(_ text: String) {
        guard let value = Self.allCases.first(where: { $0.text == text }) else { return nil }
        self = value
    }
}

/// Freight, duty and the like that received goods have cost besides their price.
public struct LandedCost: Hashable, Sendable {
    /// What one line of a receipt gets.
    public struct Share: Hashable, Sendable {
        /// The receipt.
        public var receipt: EventID
        /// The index of its line, from 0.
        public var line: UInt32
        /// The item of the line.
        public var sku: SKU
        /// Its share of the cost.
        public var amount: Money

        /// Makes a share.
        public init(receipt: EventID, line: UInt32, sku: SKU, amount: Money) {
            self.receipt = receipt
            self.line = line
            self.sku = sku
            self.amount = amount
        }
    }

    /// The purchase order whose receipts share it; nil if ``receipts`` names them.
    public var purchaseOrder: DocumentID?
    /// The receipts that share it.
    public var receipts: [EventID]
    /// The whole cost, more than zero, at the network's money scale.
    public var amount: Money
    /// By what it is split.
    public var basis: LandedCostBasis
    /// What each line gets; filled in when it is decided.
    ///
    /// The shares add up to ``amount``.
    public var shares: [Share]

    /// Makes a landed cost.
    public init(
        purchaseOrder: DocumentID? = nil,
        receipts: [EventID] = [],
        amount: Money,
        basis: LandedCostBasis = .value,
        shares: [Share] = []
    ) {
        self.purchaseOrder = purchaseOrder
        self.receipts = receipts
        self.amount = amount
        self.basis = basis
        self.shares = shares
    }
}

extension Money {
    /// Splits an amount by weights: floors first, then one unit each to the largest remainders, ties
    /// in the order of the weights.
    ///
    /// | Amount | Weights | Shares  |
    /// | -----: | ------- | ------- |
    /// |    100 | 1, 1, 1 | 34, 33, 33 |
    /// |    -10 | 2, 1    | -7, -3  |
    ///
    /// Source: the method of largest remainders (Hamilton).
    ///
    /// - Parameter weights: Zero or more each, more than zero together.
    /// - Returns: As many shares as there are weights; they add up to the amount.
    /// - Throws: ``EngineError`` with the code `overflow`.
    package func split(by weights: [Int128]) throws(EngineError) -> [Money] {
        var whole: Int128 = 0
        for weight in weights {
            let (sum, overflow) = whole.addingReportingOverflow(weight)
            guard weight >= 0, !overflow else { throw .overflow("The weights are too large.") }
            whole = sum
        }
        guard whole > 0 else { throw .overflow("A share of nothing is not defined.") }
        var shares: [Int64] = []
        var remainders: [(index: Int, remainder: Int128)] = []
        var left = Int64(units.magnitude)
        for (index, weight) in weights.enumerated() {
            let (product, overflow) = Int128(units.magnitude).multipliedReportingOverflow(
                by: weight
            )
            guard !overflow else { throw .overflow("The amount is too large to be split.") }
            let (quotient, remainder) = product.quotientAndRemainder(dividingBy: whole)
            shares.append(Int64(quotient))
            remainders.append((index, remainder))
            left -= Int64(quotient)
        }
        remainders.sort { ($1.remainder, $0.index) < ($0.remainder, $1.index) }
        for (index, _) in remainders.prefix(Int(left)) { shares[index] += 1 }
        return shares.map { Money(units: units < 0 ? -$0 : $0) }
    }
}
