/// What a benchmark must reach: a bound on its figure, or on the ratio to its peer.
struct Goal: Sendable {
    /// On which side of the limit the work has to stay.
    enum Bound: Sendable {
        case atLeast
        case atMost
    }

    /// What is compared with the limit.
    enum Subject: Sendable {
        /// The figure itself, in its own unit.
        case figure
        /// The figure divided by the peer's.
        case ratio
    }

    var subject: Subject
    var bound: Bound
    var limit: Double

    static func figure(atLeast limit: Double) -> Goal {
        Goal(subject: .figure, bound: .atLeast, limit: limit)
    }

    static func figure(atMost limit: Double) -> Goal {
        Goal(subject: .figure, bound: .atMost, limit: limit)
    }

    static func ratio(atLeast limit: Double) -> Goal {
        Goal(subject: .ratio, bound: .atLeast, limit: limit)
    }

    static func ratio(atMost limit: Double) -> Goal {
        Goal(subject: .ratio, bound: .atMost, limit: limit)
    }

    /// Whether a measurement reaches the goal; nil if its peer was not measured.
    func isMet(by measurement: Measurement) -> Bool? {
        let value: Double
        switch subject {
        case .figure: value = measurement.figure.median
        case .ratio:
            guard let ratio = measurement.ratio else { return nil }
            value = ratio
        }
        switch bound {
        case .atLeast: return value >= limit
        case .atMost: return value <= limit
        }
    }

    /// The goal as the table shows it.
    func text(unit: String) -> String {
        let sign = bound == .atLeast ? "≥" : "≤"
        switch subject {
        case .figure: return "\(sign) \(limit.figureText) \(unit)"
        case .ratio: return "\(sign) \(limit.figureText) ×"
        }
    }
}
