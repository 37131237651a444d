/// What a history held, and what of it could not be interpreted.
public struct OnlineRetailReport: Hashable, Sendable {
    /// Why a line, or its description, was left out.
    public enum Reason: String, CaseIterable, Hashable, Sendable {
        /// The line does not have eight fields.
        case fieldCount = "it does not have eight fields"
        /// The invoice number cannot be the number of an order.
        case invoice = "the invoice number is empty, longer than 32 characters or not plain text"
        /// The stock code cannot be a SKU.
        case code = "the stock code is empty, longer than 64 characters or not plain text"
        /// The quantity is no whole number, zero, or beyond a thousand millions.
        case quantity = "the quantity is zero, too large or not a whole number"
        /// The date cannot be read.
        case date = "the date does not read like 2010-12-01 08:26:00"
        /// The price cannot be read, or goods have a price below zero.
        case price = "the price is below zero, too large or has more than 6 decimals"
        /// A cancellation of goods with a positive quantity.
        case positiveReturn = "a cancelled line has a positive quantity"
        /// The description is not plain text; the line counts, as if it had none.
        case description = "the description is not plain text and was ignored"
    }

    /// One line that could not be interpreted, or only in part.
    public struct Issue: Hashable, Sendable {
        /// The line of the file, from 1 with the header.
        public let line: Int
        /// What is wrong with it.
        public let reason: Reason
    }

    /// How many lines and units are of one kind.
    public struct Tally: Hashable, Sendable {
        /// Lines of the file.
        public internal(set) var lineCount = 0
        /// Units: positive, but for nonstock lines, which keep their sign.
        public internal(set) var units: Int64 = 0
    }

    /// How many issues are kept with their line; all are counted.
    public static let issuesMax = 20

    /// How many rows the file has below its header.
    public internal(set) var rowCount = 0
    /// How many issues there are in all.
    public internal(set) var issueCount = 0
    /// The first ``issuesMax`` issues, in file order.
    public internal(set) var issues: [Issue] = []

    private var tallies = [Tally](repeating: Tally(), count: OnlineRetailKind.allCases.count)

    init() {}

    /// The lines and units of one kind.
    public subscript(kind: OnlineRetailKind) -> Tally { tallies[Int(kind.rawValue)] }

    mutating func note(_ reason: Reason, line: Int) {
        issueCount += 1
        if issues.count < Self.issuesMax {
            issues.append(Issue(line: line, reason: reason))
        }
    }

    mutating func count(_ kind: OnlineRetailKind, units: Int64) {
        tallies[Int(kind.rawValue)].lineCount += 1
        tallies[Int(kind.rawValue)].units += units  // 2^32 lines of 10^9 units stay below 2^63
    }
}
