import Causality
import Interchange
import InventoryEngine
import Replication

/// The months of the books, and what the accounts say of them.
extension ReportReader {
    mutating func periods() throws -> ReportPage {
        // The row of number zero repeats the last closing.
        let first = [UInt8](repeating: 0, count: 7) + [1]
        let ranges = [RowRange(view, .period, from: first, to: RowRange.end)]
        return try pageOfRows(ranges) { (reader, _, _, value) throws in
            let row = try PeriodRow(bytes: value)
            let event = try reader.text(of: row.closedBy.id)
            var silent: [String] = []
            for node in row.silent { silent.append(try reader.text(of: node)) }
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("period", row.period.description)
                writer.member("state", "closed")
                writer.member("closed_at", row.closedAt.rfc3339)
                writer.member("event", event)
                writer.member("actor", orNull: row.actor?.text)
                writer.member("override", orNull: row.override)
                writer.key("silent")
                writer.array { writer in
                    for name in silent { writer.string(name) }
                }
            }
            return writer.bytes
        }
    }

    private struct Balance {
        var opening: Int128 = 0
        var debit: Int128 = 0
        var credit: Int128 = 0
    }

    /// Sums the accounts over the sites in question: of all months, or of one with what was before.
    mutating func trialBalance() throws -> ReportPage {
        var balances: [Account: Balance] = [:]
        for range in ranges(.periodTotal) {
            let rows = try source.rows(
                .periodTotal,
                from: range.lower,
                to: range.upper,
                limit: .max,
                descending: false
            )
            for row in rows {
                let key = try PeriodTotalRow.Key(bytes: row.key)
                let total = try PeriodTotalRow(bytes: row.value)
                let (debit, credit) = (Int128(total.debit.units), Int128(total.credit.units))
                if let period = query.period, key.period < period {
                    balances[key.account, default: Balance()].opening += debit - credit
                } else if query.period == nil || key.period == query.period {
                    balances[key.account, default: Balance()].debit += debit
                    balances[key.account, default: Balance()].credit += credit
                }
            }
        }
        let identity = identity
        let start = try startKey()
        var last: [UInt8]?
        for (account, balance) in balances.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let key = [account.rawValue]
            if let start, !start.lexicographicallyPrecedes(key) { continue }
            if page.isFull { return finished(lastKey: last) }
            last = key
            let amounts: [(name: String, units: Int128)] = [
                ("opening", balance.opening), ("debit", balance.debit),
                ("credit", balance.credit),
                ("closing", balance.opening + balance.debit - balance.credit),
            ]
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("account", account.code)
                writer.member("site", orNull: site?.text)
                writer.member("period", orNull: query.period?.description)
                for amount in amounts {
                    writer.member(
                        amount.name,
                        unitsOrNull: Int64(exactly: amount.units),
                        scale: identity.moneyScale
                    )
                }
                writer.member("currency", identity.currency.text)
            }
            page.add(writer.bytes)
        }
        return finished(lastKey: nil)
    }
}
