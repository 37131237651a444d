import Foundation
import TestSupport
import Testing

/// Every row of the posting table and every pair of the table of concurrent pairs has a test whose
/// name says it.
@Suite struct RuleCoverageTests {
    /// The numbers that follow a word at the beginning of the names of tests; `rows 15 to 17` and
    /// `rows 4 and 5` count for each of them.
    private func numbers(after words: [String], in sources: [String]) -> Set<Int> {
        var found: Set<Int> = []
        for source in sources {
            for line in source.split(separator: "\n") where line.contains("func `") {
                let name = line.components(separatedBy: "func `").last ?? ""
                guard let word = words.first(where: { name.hasPrefix($0 + " ") }),
                    let head = name.dropFirst(word.count + 1).split(separator: ":").first
                else { continue }
                let parts = head.split { !$0.isNumber }.compactMap { Int($0) }
                guard let first = parts.first else { continue }
                if head.contains(" to "), let last = parts.last, last >= first {
                    found.formUnion(first...last)
                } else if head.contains(" and ") {
                    found.formUnion(parts)
                } else {
                    found.insert(first)
                }
            }
        }
        return found
    }

    private func sources() throws -> [String] {
        try SourceTree.checkout.get().files
            .filter { $0.path.hasPrefix("Tests/") && $0.path.hasSuffix(".swift") }
            .map(\.text)
    }

    @Test func `every row of the posting table has a test that names it`() throws {
        let named = numbers(after: ["row", "rows"], in: try sources())
        let wanted = Set(1...28)
        #expect(wanted.subtracting(named).sorted() == [])
    }

    @Test func `every pair of concurrent events has a test that names it`() throws {
        let named = numbers(after: ["pair", "pairs"], in: try sources())
        let wanted = Set(1...23)
        #expect(wanted.subtracting(named).sorted() == [])
    }

    @Test func `the reference page lists each of those rows and pairs`() throws {
        let path = "Shared/InventoryEngine/InventoryEngine.docc/Rules.md"
        let page = try String(contentsOf: Checkout.root.appending(path: path), encoding: .utf8)
        for pair in 1...23 {
            #expect(page.contains("\n| \(pair) "), "pair \(pair) is not in \(path)")
        }
        let events = page.components(separatedBy: "## Who may promise").first ?? ""
        var rows = numbers(after: ["row", "rows"], in: [])
        for line in events.split(separator: "\n") where line.hasPrefix("| `") {
            let last = line.split(separator: "|").last.map(String.init) ?? ""
            let parts = last.split { !$0.isNumber }.compactMap { Int($0) }
            if last.contains(" to "), let first = parts.first, let end = parts.last, end >= first {
                rows.formUnion(first...end)
            } else {
                rows.formUnion(parts)
            }
        }
        let wanted = Set(1...28)
        #expect(wanted.subtracting(rows).sorted() == [])
    }
}
