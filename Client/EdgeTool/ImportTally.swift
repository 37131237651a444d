import Interchange

/// What came of an import, and how far it is.
struct Tally {
    /// How many refusals are shown by themselves.
    private static let refusalsMax = 20

    private let total: Int
    private var recorded = 0
    private var duplicates = 0
    private(set) var refused = 0

    init(total: Int) { self.total = total }

    /// Counts what came of some commands.
    mutating func add(_ results: [CommandResult]) {
        for result in results {
            if let refusal = result.refusal {
                refused += 1
                if refused <= Self.refusalsMax {
                    let op = result.op ?? "a command"
                    Console.note("Refused \(op): \(refusal.code): \(refusal.message)")
                }
            } else if result.status == .duplicate {
                duplicates += 1
            } else {
                recorded += 1
            }
        }
        if Console.isWatched {
            Console.note("\r\(recorded + duplicates + refused) of \(total)", terminator: "")
        }
    }

    /// Prints the counts.
    func show(json: Bool, issues: Int) {
        if Console.isWatched { Console.note("") }
        guard json else {
            Console.print(
                "\(recorded) recorded, \(duplicates) duplicates, \(refused) refused, "
                    + "\(issues) lines not interpreted"
            )
            return
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("recorded", number: recorded)
            writer.member("duplicates", number: duplicates)
            writer.member("refused", number: refused)
            writer.member("not_interpreted", number: issues)
        }
        Console.print(writer.bytes)
    }
}
