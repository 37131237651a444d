internal import Causality
internal import InventoryEngine

/// What the lines in scope do to stock, item by item: from it the receipts of a plan follow.
struct OnlineRetailStock {
    private let history: OnlineRetailHistory
    /// The effects on each code's stock with their months, in file order.
    private var effects: [[Effect]]

    private struct Effect {
        var month: Int32
        var units: Int64
    }

    /// Gathers the effects of a site's lines; without a site, of all lines as one common stock.
    init(history: OnlineRetailHistory, siteIndex: Int?) {
        self.history = history
        effects = Array(repeating: [], count: history.codes.count)
        for line in history.lines where line.kind != .nonstock {
            if let siteIndex, history.invoices[Int(line.invoice)].siteIndex != siteIndex {
                continue
            }
            effects[Int(line.code)].append(Effect(month: line.month, units: line.effect))
        }
    }

    /// The receipts of a plan, by day and then by first appearance of the item.
    func receipts(by plan: OnlineRetailReceipts) -> [OnlineRetailReceipt] {
        guard let firstMonth = history.lines.first?.month else { return [] }
        var receipts: [OnlineRetailReceipt] = []
        for item in history.items {
            switch plan {
            case .none:
                return []
            case .opening:
                add(
                    lack(of: effects[Int(item.code)][...], onHand: 0),
                    of: item,
                    costing: item.unitCost.mantissa,
                    month: firstMonth,
                    to: &receipts
                )
            case .restock:
                addRestocks(of: item, to: &receipts)
            }
        }
        // Sorting is stable, so items of one day keep their order.
        return receipts.sorted { $0.date < $1.date }
    }

    private func addRestocks(
        of item: OnlineRetailHistory.Item,
        to receipts: inout [OnlineRetailReceipt]
    ) {
        let code = history.codes[Int(item.code)]
        var rest = effects[Int(item.code)][...]
        var onHand: Int64 = 0
        while let month = rest.first?.month {
            let effectsOfMonth = rest.prefix { $0.month == month }
            rest = rest.dropFirst(effectsOfMonth.count)
            let need = lack(of: effectsOfMonth, onHand: onHand)
            let units = need + need / 2
            add(units, of: item, costing: code.cost(inMonth: month), month: month, to: &receipts)
            onHand += units + effectsOfMonth.reduce(0) { $0 + $1.units }
        }
    }

    /// How many units are missing, at the lowest point of a run of effects.
    private func lack(of effects: ArraySlice<Effect>, onHand: Int64) -> Int64 {
        var balance = onHand
        var lowest = onHand
        for effect in effects {
            balance += effect.units
            lowest = min(lowest, balance)
        }
        return max(0, -lowest)
    }

    private func add(
        _ units: Int64,
        of item: OnlineRetailHistory.Item,
        costing mantissa: Int64,
        month: Int32,
        to receipts: inout [OnlineRetailReceipt]
    ) {
        guard
            units > 0,
            let date = CivilDate(year: Int(month / 12), month: Int(month % 12) + 1, day: 1)
        else { return }
        receipts.append(
            OnlineRetailReceipt(
                date: date,
                sku: item.sku,
                quantity: Quantity(units: units),
                unitCost: ExactDecimal(mantissa: mantissa, scale: 4)
            )
        )
    }
}
