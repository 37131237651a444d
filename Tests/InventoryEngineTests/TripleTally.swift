import Foundation
import TestSupport
import Testing

/// Who of the three knew what.
enum TripleCourse: String, CaseIterable {
    /// Nobody knew anything.
    case apart
    /// The second knew the first, by the same node; the third neither.
    case secondKnowsFirst
    /// The second and the third knew the first.
    case bothKnowFirst
    /// The third knew both others, which did not know each other.
    case thirdKnowsBoth
    /// Each knew those before it.
    case inOrder

    /// The orders in which the three can reach the hub.
    var arrivals: [[Int]] {
        switch self {
        case .apart:
            [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
        case .secondKnowsFirst: [[0, 1, 2], [0, 2, 1], [2, 0, 1]]
        case .bothKnowFirst: [[0, 1, 2], [0, 2, 1]]
        case .thirdKnowsBoth: [[0, 1, 2], [1, 0, 2]]
        case .inOrder: [[0, 1, 2]]
        }
    }

    /// Whether a triple and the one with these two exchanged are the same cases.
    func exchanges(_ one: Int, _ other: Int) -> Bool {
        switch self {
        case .apart: true
        case .bothKnowFirst: one == 1 && other == 2
        case .thirdKnowsBoth: one == 0 && other == 1
        case .secondKnowsFirst, .inOrder: false
        }
    }

    /// Whether one of two knew the other.
    func knows(_ one: Int, _ other: Int) -> Bool {
        switch self {
        case .apart: false
        case .secondKnowsFirst: max(one, other) == 1
        case .bothKnowFirst: min(one, other) == 0
        case .thirdKnowsBoth: max(one, other) == 2
        case .inOrder: true
        }
    }
}

/// Runs triples of deeds and keeps what was found wrong.
struct TripleTally {
    private(set) var run = 0
    private(set) var refused = 0
    private(set) var faults: [String] = []

    /// Of how many triples one is run by day; at night all are.
    private static let stride = 7

    /// What a case leaves: what is wrong, and the figures at the end; nil if it cannot be recorded.
    typealias Outcome = (faults: [String], figures: [String: Int64])?

    /// Runs every triple of some deeds in every course and every order of arrival.
    ///
    /// - Parameters:
    ///   - deeds: What may be done.
    ///   - name: The name of a deed.
    ///   - start: The name of the state in which all of them begin.
    ///   - isSame: Whether a triple must come out alike in every order of arrival.
    ///   - run: Runs one case.
    /// - Throws: What running a case throws.
    mutating func run<Deed>(
        _ deeds: [Deed],
        _ name: (Deed) -> String,
        _ start: String,
        isSame: ([String], TripleCourse) -> Bool,
        run: ([Deed], TripleCourse, [Int]) throws -> Outcome
    ) throws {
        let wanted = ProcessInfo.processInfo.environment["CASE"]
        var place = 0
        for (a, first) in deeds.enumerated() {
            for (b, second) in deeds.enumerated() {
                for (c, third) in deeds.enumerated() {
                    for course in TripleCourse.allCases {
                        if course.exchanges(0, 1), a > b { continue }
                        if course.exchanges(1, 2), b > c { continue }
                        let triple = [first, second, third]
                        let names = triple.map(name)
                        let title = "\(start)/\(names.joined(separator: "/"))/\(course.rawValue)"
                        place += 1
                        if let wanted {
                            guard title.contains(wanted) else { continue }
                        } else if !Nightly.isOn, !place.isMultiple(of: Self.stride) {
                            continue
                        }
                        try add(title, isSame(names, course), course) {
                            try run(triple, course, $0)
                        }
                    }
                }
            }
        }
    }

    /// Runs a triple in every order of arrival.
    private mutating func add(
        _ title: String,
        _ isSame: Bool,
        _ course: TripleCourse,
        _ run: ([Int]) throws -> Outcome
    ) throws {
        var first: [String: Int64]?
        for arrival in course.arrivals {
            guard let (found, end) = try run(arrival) else {
                refused += 1
                continue
            }
            self.run += 1
            let order = arrival.map { "\($0 + 1)" }.joined()
            faults += found.map { "\(title)/\(order): \($0)" }
            guard let before = first else {
                first = end
                continue
            }
            guard isSame, before != end else { continue }
            let differing = Set(before.keys).union(end.keys).filter { before[$0] != end[$0] }
                .sorted().map { "\($0) \(before[$0] ?? 0) or \(end[$0] ?? 0)" }
            faults.append("\(title)/\(order): the order of arrival matters: \(differing)")
        }
    }

    /// Expects that at least so many cases could be recorded; by day only a part of them is run.
    static func expect(_ run: Int, of least: Int, _ name: String) {
        guard ProcessInfo.processInfo.environment["CASE"] == nil else { return }
        let wanted = Nightly.isOn ? least : least / (2 * stride)
        #expect(run >= wanted, "only \(run) of \(name) could be recorded")
    }
}
