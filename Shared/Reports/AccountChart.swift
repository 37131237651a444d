public import Interchange
import InventoryEngine

/// What the accounts of the journal are called in a company's own books.
public struct AccountChart: Sendable {
    /// The account of what sites owe each other, which only an export has: an entry at two sites is
    /// exported at each, and both must balance.
    static let betweenSites = "between_sites"
    private static let nameBytesMax = 200

    private var names: [String: String] = [
        Self.betweenSites: "Equity:BetweenSites",
        Account.inventory.code: "Assets:Inventory:{site}",
        Account.goodsInTransit.code: "Assets:GoodsInTransit:{site}",
        Account.goodsReceivedNotInvoiced.code: "Liabilities:GoodsReceivedNotInvoiced",
        Account.costOfGoodsSold.code: "Expenses:CostOfGoodsSold",
        Account.adjustment.code: "Expenses:InventoryAdjustment",
        Account.scrap.code: "Expenses:Scrap",
        Account.transitLoss.code: "Expenses:TransitLoss",
        Account.transitGain.code: "Income:TransitGain",
        Account.purchasePriceVariance.code: "Expenses:PurchasePriceVariance",
        Account.revaluation.code: "Income:Revaluation",
        Account.writeDown.code: "Expenses:WriteDown",
        Account.landedCostClearing.code: "Liabilities:LandedCostClearing",
        Account.payable.code: "Liabilities:Payable",
    ]

    /// The names that are used where nobody gives others.
    public init() {}

    /// Reads names from a text with a line `code = name` for each account that is called otherwise;
    /// `{site}` in a name stands for the site, and a line that begins with `#` says nothing.
    ///
    /// - Throws: ``InterchangeError`` with the code `chart_invalid`, and the line in its message.
    public init(text: String) throws(InterchangeError) {
        var seen: Set<String> = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let line = line.trimmed
            if line.isEmpty || line.hasPrefix("#") { continue }
            let parts = line.split(separator: "=", maxSplits: 1).map(\.trimmed)
            let code = parts.first ?? ""
            guard parts.count == 2, names[code] != nil else {
                let known = names.keys.sorted().joined(separator: ", ")
                throw .chart(index, "names no account", "The accounts are \(known).")
            }
            guard seen.insert(code).inserted else {
                throw .chart(index, "names \(code) again", "Keep the line that is meant.")
            }
            guard Self.isName(parts[1]) else {
                throw .chart(
                    index,
                    "has no name of an account",
                    "Write a name such as Assets:Stock:{site}: parts of letters, digits and -, "
                        + "each from a capital letter or a digit on."
                )
            }
            names[code] = parts[1]
        }
    }

    /// Whether every one of the programs takes it as the name of an account.
    private static func isName(_ text: String) -> Bool {
        guard text.utf8.count <= nameBytesMax else { return false }
        let parts = text.replacing("{site}", with: "S")
            .split(separator: ":", omittingEmptySubsequences: false)
        let roots = ["Assets", "Liabilities", "Equity", "Income", "Expenses"]
        guard parts.count >= 2, roots.contains(String(parts[0])) else { return false }
        return parts.allSatisfy { part in
            guard let first = part.utf8.first, isCapital(first) || isDigit(first) else {
                return false
            }
            return part.utf8.allSatisfy(isPlain)
        }
    }

    /// The name of an account at a site.
    func name(_ code: String, at site: String) -> String {
        (names[code] ?? code).replacing("{site}", with: Self.part(site))
    }

    /// A site's code as a part of a name; what cannot stand there is written by its number.
    private static func part(_ site: String) -> String {
        var text = ""
        for byte in site.utf8 {
            text +=
                isPlain(byte) && byte != UInt8(ascii: "-")
                ? String(UnicodeScalar(byte)) : "-\(String(byte, radix: 16, uppercase: true))"
        }
        guard let first = text.utf8.first, isCapital(first) || isDigit(first) else {
            return "S-" + text
        }
        return text
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }

    private static func isCapital(_ byte: UInt8) -> Bool {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        isDigit(byte) || isCapital(byte) || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
            || byte == UInt8(ascii: "-")
    }
}

extension StringProtocol {
    /// Without blanks at both ends.
    fileprivate var trimmed: String {
        var rest = self[...]
        while let last = rest.last, last.isWhitespace { rest = rest.dropLast() }
        return String(rest.drop(while: \.isWhitespace))
    }
}

extension InterchangeError {
    fileprivate static func chart(
        _ index: Int,
        _ what: String,
        _ hint: String
    ) -> InterchangeError {
        InterchangeError(
            InterchangeError.Code("chart_invalid"),
            "Line \(index + 1) of the chart \(what).",
            field: "chart",
            hint: hint
        )
    }
}
