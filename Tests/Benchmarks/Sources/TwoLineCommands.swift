import Causality
import InventoryEngine

/// A seeded day of a warehouse in which every command has two lines.
///
/// Of ten stories six are orders that are confirmed, picked, packed and shipped; the others are a
/// receipt, a move between shelves, a return, and an adjustment with its approval.
struct TwoLineCommands {
    private var random: SeededRandom
    private var story = 0
    private let skus: [SKU]
    private let shelf: LocationID = identifier("A-01")

    init(seed: UInt64, skuCount: Int) {
        random = SeededRandom(seed: seed)
        skus = (0..<skuCount).map { identifier("SKU-\($0 + 100_000)") }
    }

    /// Registers the items and the shelf, and receives 1,000,000 of each.
    func preparation() -> [InventoryCommand] {
        var commands = [
            InventoryCommand(
                body: .locationRegistered(LocationChange(location: shelf, kind: .bin))
            )
        ]
        for sku in skus {
            let properties = ItemProperties(name: "Item \(sku)")
            commands.append(
                InventoryCommand(
                    body: .itemRegistered(ItemRegistration(sku: sku, properties: properties))
                )
            )
        }
        for start in stride(from: 0, to: skus.count, by: 100) {
            let lines = skus[start..<min(start + 100, skus.count)].map { sku in
                var line = EventLine(sku: sku, quantity: Quantity(units: 1_000_000))
                line.unitCost = ExactDecimal(mantissa: 125, scale: 2)
                return line
            }
            commands.append(
                InventoryCommand(
                    body: .goodsReceived(
                        GoodsReceipt(currency: BenchmarkSite.currency, lines: lines)
                    )
                )
            )
        }
        return commands
    }

    /// The commands of the next story.
    mutating func next() -> [InventoryCommand] {
        defer { story += 1 }
        let number = story
        switch number % 10 {
        case 0:
            let lines = self.lines().map { line in
                var line = line
                line.unitCost = ExactDecimal(mantissa: 130, scale: 2)
                return line
            }
            return commands([
                .goodsReceived(GoodsReceipt(currency: BenchmarkSite.currency, lines: lines))
            ])
        case 3:
            let lines = self.lines().map { line in
                var line = line
                line.location = .stock
                line.toLocation = shelf
                return line
            }
            return commands([.moved(StockChange(lines: lines))])
        case 5:
            let lines = self.lines().map { line in
                var line = line
                line.status = .sellable
                return line
            }
            return commands([
                .returnReceived(
                    CustomerReturn(returnID: identifier("R-\(number)"), lines: lines)
                )
            ])
        case 7:
            let adjustment: DocumentID = identifier("A-\(number)")
            let reason = "counted"
            return commands([
                .adjustmentProposed(
                    Adjustment(adjustment: adjustment, reason: reason, lines: lines())
                ),
                .adjustmentApproved(Adjustment(adjustment: adjustment)),
            ])
        default:
            let order: DocumentID = identifier("O-\(number)")
            let lines = lines()
            return commands([
                .orderConfirmed(OrderConfirmation(order: order, lines: lines)),
                .pickCompleted(OrderWork(order: order, lines: lines)),
                .packCompleted(OrderWork(order: order, lines: lines)),
                .shipmentDispatched(OrderWork(order: order, lines: lines)),
            ])
        }
    }

    private mutating func lines() -> [EventLine] {
        let first = random.number(below: skus.count)
        let second = (first + 1 + random.number(below: skus.count - 1)) % skus.count
        return [first, second].enumerated().map { index, place in
            EventLine(
                sku: skus[place],
                quantity: Quantity(units: Int64(1 + random.number(below: 9))),
                line: Int32(index + 1)
            )
        }
    }

    private mutating func commands(_ bodies: [EventBody]) -> [InventoryCommand] {
        bodies.enumerated().map { index, body in
            InventoryCommand(
                body: body,
                op: identifier("bench:\(story):\(index)"),
                actor: identifier(index == 1 ? "second" : "first")
            )
        }
    }
}

/// SplitMix64: the same numbers on every machine.
///
/// Source: G. L. Steele, D. Lea, C. H. Flood, *Fast Splittable Pseudorandom Number Generators*
/// (2014).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// A number from zero to below a bound.
    mutating func number(below bound: Int) -> Int {
        Int(next() % UInt64(bound))
    }
}
