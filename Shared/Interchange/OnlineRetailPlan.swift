public import Causality
public import InventoryEngine

/// Where the goods of a replayed history come from.
public enum OnlineRetailReceipts: String, CaseIterable, Hashable, Sendable {
    /// One receipt before everything: the least with which no line runs short.
    case opening
    /// At the start of each month in which stock would run short, half as much again as is short.
    case restock
    /// Nothing is received, so that stock goes below zero.
    case none
}

/// Goods that a plan receives.
public struct OnlineRetailReceipt: Hashable, Sendable {
    /// The day, always the first of a month; they arrive at its first moment in UTC.
    public let date: CivilDate
    /// The item.
    public let sku: SKU
    /// More than zero.
    public let quantity: Quantity
    /// At four decimals, in pounds sterling.
    public let unitCost: ExactDecimal
}

/// The commands that replay a history at one site, in order, made one at a time.
///
/// First every item of the file is registered, alike at each site and in each plan. Then come the
/// invoices in the order of their first lines, each whole and at the time of its first line, with
/// the receipts of a month before its first invoice:
///
/// | Lines of an invoice | Commands                                                               |
/// | ------------------- | ---------------------------------------------------------------------- |
/// | sale and free       | order confirmed, pick, pack and shipment, with one line per file line  |
/// | return              | one return, sellable at once                                           |
/// | write-off or found  | an adjustment each, proposed by `import`, approved by `import-policy`  |
/// | nonstock            | none                                                                   |
///
/// Each command has an op key made of invoice and file line, so a replay may be cut off anywhere
/// and begun again, also with a later last day. The sequence may be gone through any number of
/// times; it holds the packed history and makes no command before it is asked for.
public struct OnlineRetailPlan: Sequence, Sendable {
    /// The most lines of one receipt: 500, so that a first delivery of thousands of items stays
    /// in events of some 50 KB.
    public static let receiptLinesMax = 500

    /// How many commands there are in all.
    public let commandCount: Int
    /// How many orders there are.
    public let orderCount: Int
    /// How many returns there are.
    public let returnCount: Int
    /// How many adjustments there are.
    public let adjustmentCount: Int
    /// What is received, by day and then by item; at most once per item and day.
    public let receipts: [OnlineRetailReceipt]

    let history: OnlineRetailHistory
    let plan: OnlineRetailReceipts
    let costing: CostingMethod
    let invoices: [UInt32]

    /// The number of commands.
    public var underestimatedCount: Int { commandCount }

    init(
        history: OnlineRetailHistory,
        siteIndex: Int?,
        receipts plan: OnlineRetailReceipts,
        costing: CostingMethod,
        until: CivilDate?
    ) {
        self.history = history
        self.plan = plan
        self.costing = costing
        let stock = OnlineRetailStock(history: history, siteIndex: siteIndex)
        let receipts = stock.receipts(by: plan).filter { receipt in
            until.map { receipt.date <= $0 } ?? true
        }
        var invoices: [UInt32] = []
        var (orderCount, returnCount, adjustmentCount) = (0, 0, 0)
        for (index, invoice) in history.invoices.enumerated() {
            if let siteIndex, invoice.siteIndex != siteIndex { continue }
            if let until, invoice.at.date > until { continue }
            invoices.append(UInt32(index))
            var (isOrder, isReturn) = (false, false)
            for place in history.lines(ofInvoice: index) {
                switch history.lines[Int(place)].kind {
                case .sale, .free: isOrder = true
                case .customerReturn: isReturn = true
                case .writeoff, .found: adjustmentCount += 1
                case .nonstock: break
                }
            }
            if isOrder { orderCount += 1 }
            if isReturn { returnCount += 1 }
        }
        var receiptCount = 0
        var start = 0
        while start < receipts.count {
            start = Self.endOfReceipt(startingAt: start, in: receipts)
            receiptCount += 1
        }
        self.receipts = receipts
        self.invoices = invoices
        self.orderCount = orderCount
        self.returnCount = returnCount
        self.adjustmentCount = adjustmentCount
        commandCount =
            history.items.count + receiptCount + 4 * orderCount + returnCount
            + 2 * adjustmentCount
    }

    /// Where the receipt event ends that starts at a place: at another day, or when it is full.
    static func endOfReceipt(startingAt start: Int, in receipts: [OnlineRetailReceipt]) -> Int {
        var end = start
        while end < receipts.count, end - start < receiptLinesMax,
            receipts[end].date == receipts[start].date
        {
            end += 1
        }
        return end
    }

    /// Begins at the first command.
    public func makeIterator() -> Iterator { Iterator(self) }

    /// Makes the commands one after the other.
    public struct Iterator: IteratorProtocol, Sendable {
        private let plan: OnlineRetailPlan
        private var itemIndex = 0
        private var receiptIndex = 0
        private var receiptsOfDay = 0
        private var invoiceIndex = 0
        private var ready: [InventoryCommand] = []
        private var readyIndex = 0

        init(_ plan: OnlineRetailPlan) {
            self.plan = plan
        }

        /// Makes the next command.
        public mutating func next() -> InventoryCommand? {
            if itemIndex < plan.history.items.count {
                itemIndex += 1
                return plan.registration(of: plan.history.items[itemIndex - 1])
            }
            while readyIndex == ready.count {
                let invoice =
                    invoiceIndex < plan.invoices.count
                    ? plan.history.invoices[Int(plan.invoices[invoiceIndex])] : nil
                if let receipt = nextReceipt(before: invoice?.at) { return receipt }
                guard invoice != nil else { return nil }
                ready = plan.commands(ofInvoice: Int(plan.invoices[invoiceIndex]))
                readyIndex = 0
                invoiceIndex += 1
            }
            readyIndex += 1
            return ready[readyIndex - 1]
        }

        private mutating func nextReceipt(before instant: Instant?) -> InventoryCommand? {
            guard receiptIndex < plan.receipts.count else { return nil }
            let date = plan.receipts[receiptIndex].date
            if let instant, instant.date < date { return nil }
            let isSameDay = receiptIndex > 0 && plan.receipts[receiptIndex - 1].date == date
            receiptsOfDay = isSameDay ? receiptsOfDay + 1 : 1
            let end = OnlineRetailPlan.endOfReceipt(startingAt: receiptIndex, in: plan.receipts)
            let lines = plan.receipts[receiptIndex..<end]
            receiptIndex = end
            return plan.receipt(of: lines, on: date, number: receiptsOfDay)
        }
    }
}

extension OnlineRetailHistory {
    /// Makes the commands that replay the history at one site.
    ///
    /// Items and receipts follow from the whole file, whatever is left out of the lines.
    ///
    /// - Parameters:
    ///   - atSite: Keeps the invoices that the published rule gives to this site; nil keeps all,
    ///     as if there were one site.
    ///   - receipts: Where the goods come from.
    ///   - costing: How issues of every item are valued; the default is the average.
    ///   - until: The last day whose invoices and receipts are kept; nil keeps all.
    /// - Returns: The commands, not yet made.
    /// - Throws: ``ImportError`` with the code `unknown_site`.
    /// - Complexity: O(*n*) in the number of lines.
    public func plan(
        atSite: SiteCode?,
        receipts: OnlineRetailReceipts,
        costing: CostingMethod = .average,
        until: CivilDate? = nil
    ) throws(ImportError) -> OnlineRetailPlan {
        let siteIndex = atSite.flatMap { Self.sites.firstIndex(of: $0) }
        if let atSite, siteIndex == nil {
            throw ImportError(
                .unknownSite,
                "The published rule gives no invoice to the site \(atSite).",
                hint: "Choose one of LON, MAN and GLA, or import all lines to this site."
            )
        }
        return OnlineRetailPlan(
            history: self,
            siteIndex: siteIndex,
            receipts: receipts,
            costing: costing,
            until: until
        )
    }
}
