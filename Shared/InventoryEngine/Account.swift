public import Causality

/// An account of the double-entry journal, mapped to a company's own chart on export.
public enum Account: UInt8, CaseIterable, Hashable, Sendable {
    /// Stock on hand.
    case inventory = 0
    /// Stock between two sites; it belongs to the source.
    case goodsInTransit = 1
    /// Goods received, not invoiced.
    case goodsReceivedNotInvoiced = 2
    /// Cost of goods sold.
    case costOfGoodsSold = 3
    /// Gains and losses by adjustment.
    case adjustment = 4
    /// Stock that was thrown away.
    case scrap = 5
    /// Short transfers.
    case transitLoss = 6
    /// Transfers that brought more than was sent.
    case transitGain = 7
    /// Paid less standard or method cost.
    case purchasePriceVariance = 8
    /// Stock that is worth more or less than it was bought for.
    case revaluation = 9
    /// Stock that is worth less than it was bought for, as an expense.
    case writeDown = 10
    /// Freight, duty and the like, until the invoice for it is booked.
    case landedCostClearing = 11
    /// What suppliers have invoiced.
    case payable = 12

    /// The stable code.
    public var code: String {
        switch self {
        case .inventory: "inventory"
        case .goodsInTransit: "goods_in_transit"
        case .goodsReceivedNotInvoiced: "grni"
        case .costOfGoodsSold: "cogs"
        case .adjustment: "adjustment"
        case .scrap: "scrap"
        case .transitLoss: "transit_loss"
        case .transitGain: "transit_gain"
        case .purchasePriceVariance: "purchase_price_variance"
        case .revaluation: "revaluation"
        case .writeDown: "write_down"
        case .landedCostClearing: "landed_cost_clearing"
        case .payable: "payable"
        }
    }

    /// Makes an account of its stable code.
    public init?(code: String) {
        guard let value = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = value
    }
}

/// The place of one valued movement in the history of a (site, SKU): by effective time, then by
/// position, then by sequence for what is pending, then by line.
public struct MovementKey: Hashable, Comparable, Sendable {
    /// The effective time.
    public var effective: Instant
    /// The hub's position; the largest number while pending.
    public var position: HubPosition
    /// The recording node's sequence.
    public var sequence: UInt64
    /// The index among the lines of the event.
    public var index: UInt32

    /// Makes a key.
    public init(effective: Instant, position: HubPosition, sequence: UInt64, index: UInt32) {
        self.effective = effective
        self.position = position
        self.sequence = sequence
        self.index = index
    }

    /// Orders by effective time, position, sequence and line.
    public static func < (left: MovementKey, right: MovementKey) -> Bool {
        (left.effective, left.position, left.sequence, left.index)
            < (right.effective, right.position, right.sequence, right.index)
    }
}

/// The document line that a valued movement served, if any.
public enum MovementReference: Hashable, Sendable {
    /// A line of an order, by the site that took the order.
    case orderLine(site: SiteCode, order: DocumentID, line: Int32)
    /// A line of a transfer, by the two sites.
    case transferLine(source: SiteCode, destination: SiteCode, transfer: DocumentID, line: Int32)
}
