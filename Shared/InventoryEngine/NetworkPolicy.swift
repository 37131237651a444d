import Causality

/// What a network has decided about how its rules work; the hub's operator sets it.
public enum NetworkPolicy: String, CaseIterable, Hashable, Sendable {
    /// Who approves an adjustment: another than its proposer, or anybody.
    case approval
    /// Up to how many units per line a count's variance is approved by itself.
    case countToleranceQuantity = "count_tolerance_quantity"
    /// Up to which value in all a count's variance is approved by itself.
    case countToleranceValue = "count_tolerance_value"
    /// How far apart the clocks of two nodes may be without making a count doubtful, in seconds.
    case countGuardSeconds = "count_guard_seconds"
    /// Who may record at a node: anybody, only people of the network, or only who proves it.
    case actors
    /// What becomes of a promise that nobody can keep: it waits, another site is asked, or it is
    /// rejected.
    case backorderCompensation = "backorder_compensation"
    /// How much of what it can spare a node gives to the hub that asks, in percent.
    case rightsShareHub = "rights_share_hub"
    /// How much of what it can spare a node gives to another node that asks, in percent.
    case rightsShareNode = "rights_share_node"
    /// How much of what it can spare a node gives to a node of another site that asks, in percent.
    case rightsShareSite = "rights_share_site"
    /// Up to which part of the rights of both a node brings the hub without being asked, in percent.
    case rightsTopUpHub = "rights_topup_hub"
    /// Up to which part of the rights of both a node brings another active node of its site without
    /// being asked, in percent.
    case rightsTopUpNode = "rights_topup_node"
    /// The time zone in which the days and months of the books begin and end.
    case timeZone = "time_zone"

    /// What holds while nobody has set it.
    public var standard: String {
        switch self {
        case .approval: "two_person"
        case .countToleranceQuantity, .countToleranceValue: "none"
        case .countGuardSeconds: "60"
        case .actors: "any"
        case .backorderCompensation: "stay"
        case .rightsShareHub: "100"
        case .rightsShareNode, .rightsShareSite: "50"
        case .rightsTopUpHub, .rightsTopUpNode: "0"
        case .timeZone: "UTC"
        }
    }

    /// What it may be, for people.
    public var choices: String {
        switch self {
        case .approval: "two_person or single"
        case .countToleranceQuantity: "none, or units such as 2 or 0.5"
        case .countToleranceValue: "none, or an amount of money such as 10.00"
        case .countGuardSeconds: "seconds, 0 to 3600"
        case .actors: "any, known or verified"
        case .backorderCompensation: "stay (backordered), other_site or reject"
        case .rightsShareHub, .rightsShareNode, .rightsShareSite: "percent, 0 to 100"
        case .rightsTopUpHub, .rightsTopUpNode: "percent, 0 (never) to 50 (evenly)"
        case .timeZone:
            "UTC, an offset such as +01:00, or a rule such as CET-1CEST,M3.5.0,M10.5.0/3"
        }
    }

    /// Whether it can be set to a value.
    func allows(_ value: String) -> Bool {
        switch self {
        case .approval: return ["two_person", "single"].contains(value)
        case .countToleranceQuantity, .countToleranceValue:
            return value == "none" || ExactDecimal(policy: value) != nil
        case .countGuardSeconds: return Self.number(value).map { $0 <= 3_600 } ?? false
        case .backorderCompensation: return ["stay", "other_site", "reject"].contains(value)
        case .actors: return ["any", "known", "verified"].contains(value)
        case .rightsShareHub, .rightsShareNode, .rightsShareSite:
            return Self.number(value).map { $0 <= 100 } ?? false
        case .rightsTopUpHub, .rightsTopUpNode:
            return Self.number(value).map { $0 <= 50 } ?? false
        case .timeZone: return NetworkTimeZone(value) != nil
        }
    }

    /// A whole number of at most four digits.
    static func number(_ text: String) -> Int64? {
        guard 1...4 ~= text.utf8.count,
            text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
        else { return nil }
        return Int64(text)
    }
}

extension ExactDecimal {
    /// Reads digits with at most one decimal point, such as `12.50`; nil for anything else.
    init?(policy text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard 1...2 ~= parts.count, text.utf8.count <= 18,
            parts.allSatisfy({ part in
                !part.isEmpty
                    && part.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            }), let mantissa = Int64(parts.joined())
        else { return nil }
        let scale = parts.count == 2 ? parts[1].utf8.count : 0
        guard scale <= Int(Self.scaleMax) else { return nil }
        self.init(mantissa: mantissa, scale: UInt8(scale))
    }

    /// The number at another scale, rounded down; nil if that is too large.
    func units(at other: UInt8) -> Int64? {
        var value = mantissa
        for _ in 0..<abs(Int(other) - Int(scale)) {
            if other > scale {
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                if overflow { return nil }
                value = product
            } else {
                value /= 10
            }
        }
        return value
    }
}

/// What one policy is set to.
package struct PolicyRow: Row {
    package static let kind = RowKind.policy
    package static let layer: Layer? = .network

    package struct Key: RowKey {
        /// The name; one that this version does not know is kept too.
        package var name: String
        package var site: SiteCode? { nil }

        package init(name: String) { self.name = name }

        package func encode(into writer: inout ByteWriter) { writer.terminated(name) }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.name = try reader.terminated()
        }
    }

    package var value: String
    package var setBy: EventRef

    package init(value: String, setBy: EventRef) {
        self.value = value
        self.setBy = setBy
    }

    package func encode(into writer: inout ByteWriter) {
        writer.text(value)
        writer.reference(setBy)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.value = try reader.text()
        self.setBy = try reader.reference()
    }
}

extension StockState {
    mutating func postPolicySet(
        _ current: Current,
        _ body: PolicyChange
    ) throws(EngineError) {
        let key = PolicyRow.Key(name: body.policy)
        let row = PolicyRow(value: body.value, setBy: current.ref)
        try cache.policies.set(key, to: row, from: reader)
    }

    /// What a policy is set to.
    package mutating func value(of policy: NetworkPolicy) throws(EngineError) -> String {
        let key = PolicyRow.Key(name: policy.rawValue)
        guard let row = try cache.policies.row(key, from: reader), policy.allows(row.value) else {
            return policy.standard
        }
        return row.value
    }

    /// A policy that is a number.
    mutating func number(_ policy: NetworkPolicy) throws(EngineError) -> Int64 {
        NetworkPolicy.number(try value(of: policy)) ?? 0
    }

    /// How far the clocks of two nodes may be apart without making a count doubtful.
    mutating func countGuardMicroseconds() throws(EngineError) -> Int64 {
        try number(.countGuardSeconds) * 1_000_000
    }
}
