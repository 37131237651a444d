import Foundation

/// The results of several rounds of the same work.
struct Figure: Sendable {
    /// The unit of each value, such as `events/s`.
    var unit: String
    /// One value per round, ascending, never empty.
    private(set) var values: [Double]

    /// Makes a figure of the values of its rounds, at least one.
    init(_ values: [Double], _ unit: String) {
        precondition(!values.isEmpty, "A figure needs a round.")
        self.values = values.sorted()
        self.unit = unit
    }

    /// The value in the middle, of an even number the mean of the two.
    var median: Double {
        let upper = values.count / 2
        return values.count.isMultiple(of: 2)
            ? (values[upper - 1] + values[upper]) / 2 : values[upper]
    }

    /// The least and the largest value.
    var range: ClosedRange<Double> { values[0]...values[values.count - 1] }

    /// The figure with its spread, as the table shows it.
    var text: String {
        let spread =
            values.count > 1
            ? " (\(range.lowerBound.figureText)–\(range.upperBound.figureText))" : ""
        return "\(median.figureText) \(unit)\(spread)"
    }
}

/// One line of the table.
struct Measurement: Sendable {
    /// What was done.
    var work: String
    /// What came out.
    var figure: Figure
    /// What the same machine did in the same run by other means.
    var peer: (name: String, figure: Figure)?
    /// What has to come out; nil for a line that only informs.
    var goal: Goal?

    /// The figure divided by the peer's.
    var ratio: Double? { peer.map { figure.median / $0.figure.median } }

    init(
        _ work: String,
        _ figure: Figure,
        peer: (name: String, figure: Figure)? = nil,
        goal: Goal? = nil
    ) {
        self.work = work
        self.figure = figure
        self.peer = peer
        self.goal = goal
    }
}

extension Double {
    /// Three digits that count, with commas between thousands.
    var figureText: String {
        guard isFinite else { return "\(self)" }
        let decimals = magnitude >= 100 || self == rounded() ? 0 : magnitude >= 10 ? 1 : 2
        let text = String(format: "%.\(decimals)f", self)
        let parts = text.split(separator: ".", maxSplits: 1)
        var grouped = ""
        for (index, digit) in parts[0].enumerated() {
            let left = parts[0].count - index
            if index > 0, left.isMultiple(of: 3), grouped != "-" { grouped += "," }
            grouped.append(digit)
        }
        return parts.count == 2 ? "\(grouped).\(parts[1])" : grouped
    }
}

/// Runs work several times.
///
/// - Returns: What each round measured, with its unit.
func rounds(
    _ count: Int,
    _ unit: String,
    _ round: (Int) async throws -> Double
) async throws -> Figure {
    var values: [Double] = []
    for index in 0..<count { values.append(try await round(index)) }
    return Figure(values, unit)
}

extension Duration {
    /// The duration in seconds.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

extension [Double] {
    /// The value below which a share of the values lie; the list is sorted and not empty.
    func percentile(_ share: Double) -> Double {
        self[Swift.min(count - 1, Int(Double(count) * share))]
    }
}
