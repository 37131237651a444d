import Causality
import Interchange
import InventoryEngine
import Replication
import Reports
import TestSupport
import Testing

/// Lists in pages, and what is refused.
@Suite struct ReportPagingTests {
    /// A history with many rows of each kind, some of them pending at the first node.
    private func busyHistory(
        in directory: TemporaryDirectory,
        _ random: inout SeededGenerator,
        seed: UInt64
    ) async throws -> ReportHistory {
        var history = try await ReportHistory(in: directory, seed: seed)
        try await history.play()
        for round in 0..<2 {
            for index in [0, 1] {
                var commands: [InventoryCommand] = []
                for number in 0..<25 {
                    commands.append(try command(&random, "\(index)-\(round)-\(number)", index))
                }
                try await history.record(index, commands)
            }
            if round == 0 { for index in [0, 1, 0, 1] { try await history.sync(index) } }
        }
        return history
    }

    private func command(
        _ random: inout SeededGenerator,
        _ name: String,
        _ index: Int
    ) throws -> InventoryCommand {
        let sku = ["A", "B"].randomElement(using: &random) ?? "A"
        let quantity = Int.random(in: 1...4, using: &random)
        let line = #"{"sku":"\#(sku)","quantity":\#(quantity)}"#
        let other = index == 0 ? "MAN" : "LON"
        let known = "T-\(Int.random(in: 1...3, using: &random))"
        let text =
            switch Int.random(in: 0..<6, using: &random) {
            case 0: #"{"type":"goods_received","lines":[\#(line)]}"#
            case 1: #"{"type":"order_confirmed","order":"SO-\#(name)","lines":[\#(line),\#(line)]}"#
            case 2:
                #"{"type":"transfer_dispatched","transfer":"\#(known)","to_site":"\#(other)","lines":[\#(line)],"force":true}"#
            case 3:
                #"{"type":"transfer_received","transfer":"\#(known)","from_site":"\#(other)","lines":[\#(line)]}"#
            case 4:
                #"{"type":"scrapped","force":true,"reason":"x","lines":[\#(line)]}"#
            default:
                #"{"type":"status_changed","reason":"x","lines":[{"sku":"\#(sku)","quantity":1,"from_status":"sellable","to_status":"hold"}]}"#
            }
        return try CommandFormat.decode(Array(text.utf8), moneyScale: 4)
    }

    private static let queries: [[(name: String, value: String)]] = [
        [], [("by", "location")], [("by", "lot")], [("network", "true")], [("sku", "A")],
        [("sku", "A"), ("sku", "B")], [("newest", "true")], [("state", "open")],
        [("account", "inventory")], [("type", "goods_received")], [("site", "LON")],
    ]

    @Test(arguments: Seeds.forThisRun.prefix(4))
    func `the pages of a list add up to the list, whatever their size`(seed: UInt64) async throws {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: seed)
            let history = try await busyHistory(in: directory, &random, seed: seed)
            var listed = 0
            for kind in ReportKind.allCases {
                for parameters in Self.queries {
                    guard let query = try? ReportQuery(kind, parameters: parameters) else {
                        continue  // another list's parameter
                    }
                    for index in [nil, 0] as [Int?] {
                        func page(_ query: ReportQuery) async throws -> ReportPage {
                            if let index { return try await history.page(index, query) }
                            return try await history.hubPage(query)
                        }
                        let whole = try await page(query)
                        #expect(whole.next == nil)
                        listed += whole.rows.count
                        var pieces: [[UInt8]] = []
                        var piece = query
                        repeat {
                            piece.limit = Int.random(in: 1...9, using: &random)
                            let page = try await page(piece)
                            #expect(page.rows.count <= piece.limit)
                            pieces += page.rows
                            piece.after = page.next
                        } while piece.after != nil
                        #expect(
                            pieces.map { String(decoding: $0, as: UTF8.self) }
                                == whole.rows.map { String(decoding: $0, as: UTF8.self) },
                            "\(kind) \(parameters) at \(index ?? -1); replay with SEED=\(seed)"
                        )
                    }
                }
            }
            #expect(listed > 1_000, "the history is large enough to mean something")
        }
    }

    @Test(arguments: [
        ("limit", "0"), ("limit", "10001"), ("limit", "-1"), ("limit", "1e3"), ("limit", ""),
        ("limit", "99999999999999999999"), ("site", ""), ("site", "L\u{7}N"), ("sku", ""),
        ("sku", String(repeating: "x", count: 65)), ("network", "yes"), ("by", "shelf"),
        ("below", "1e9"), ("below", "0.0000001"), ("below", "99999999999999999999"),
        ("state", "open"), ("color", "red"), ("", ""), ("account", "cogs"),
    ])
    func `a parameter that a list cannot use is refused by its name`(
        name: String,
        value: String
    ) throws {
        let error = #expect(throws: InterchangeError.self) {
            try ReportQuery(.stock, parameters: [(name, value)])
        }
        #expect(error?.field == name)
        #expect([.parameterInvalid, .unknownParameter].contains(error?.code))
        #expect(error?.hint.isEmpty == false)
    }

    @Test func `parameters that exclude each other or repeat are refused`() {
        let pairs = [
            [("by", "lot"), ("network", "true")], [("by", "location"), ("below", "1")],
            [("site", "LON"), ("site", "LON")], [("limit", "1"), ("limit", "2")],
        ]
        for pair in pairs {
            let error = #expect(throws: InterchangeError.self) {
                try ReportQuery(.stock, parameters: pair)
            }
            #expect([.parametersConflict, .parameterRepeated].contains(error?.code))
        }
        for (name, value) in [("account", "sales"), ("period", "2026-13"), ("event", "lon-1")] {
            #expect(throws: InterchangeError.self) {
                try ReportQuery(.journal, parameters: [(name, value)])
            }
        }
    }

    @Test func `a query survives being written as parameters and read again`() throws {
        let parameters = [
            ("sku", "A b+c&d=é"), ("sku", "B"), ("site", "LON"), ("account", "grni"),
            ("event", "lon-1:42"), ("period", "2026-11"), ("newest", "true"), ("limit", "7"),
            ("after", "02ab"),
        ]
        let query = try ReportQuery(.journal, parameters: parameters)
        #expect(try ReportQuery(.journal, parameters: query.parameters) == query)
        #expect(query.parameters.map(\.name).sorted() == parameters.map(\.0).sorted())
        #expect(query.urlQuery.hasPrefix("sku=A%20b%2Bc%26d%3D%C3%A9&sku=B&"))
        #expect(query.urlQuery.contains("event=lon-1%3A42"))
        let stock = try ReportQuery(
            .stock,
            parameters: [("below", "-1.50"), ("by", "lot")].suffix(1)
        )
        #expect(try ReportQuery(.stock, parameters: stock.parameters) == stock)
    }

    @Test(arguments: Seeds.forThisRun.prefix(2))
    func `a cursor from anywhere gives rows of the list or a refusal, never harm`(
        seed: UInt64
    ) async throws {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: seed)
            let history = try await busyHistory(in: directory, &random, seed: seed)
            var refusals = 0
            for kind in ReportKind.allCases {
                for parameters in Self.queries {
                    guard var query = try? ReportQuery(kind, parameters: parameters) else {
                        continue
                    }
                    let whole = Set(try await history.page(0, query).rows)
                    for _ in 0..<12 {
                        query.after = Self.cursor(&random)
                        do {
                            let page = try await history.page(0, query)
                            #expect(whole.isSuperset(of: page.rows))
                        } catch let error as InterchangeError {
                            #expect([.cursorInvalid, .cursorAhead].contains(error.code))
                            refusals += 1
                        }
                    }
                }
            }
            #expect(refusals > 100)
        }
    }

    /// A cursor that may be well formed, with bytes that no key has.
    private static func cursor(_ random: inout SeededGenerator) -> String {
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            return ["", "0", "zz", "-1", "pending:", "pending:x", "ff", "0G"].randomElement(
                using: &random
            ) ?? ""
        case 1: return String(UInt64.random(in: 0...40, using: &random))
        case 2: return "pending:\(UInt64.random(in: 0...90, using: &random))"
        default:
            let count = Int.random(in: 0...40, using: &random)
            let kind = UInt8.random(in: 0...10, using: &random)
            let bytes =
                [kind]
                + (0..<count).map { _ in
                    [0, 0x4C, 0x4F, 0x4E, 0xFF, UInt8.random(in: 0...255, using: &random)]
                        .randomElement(using: &random) ?? 0
                }
            return bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
    }

    @Test func `another list's cursor and a foreign site are refused`() async throws {
        try await withTemporaryDirectory { directory in
            var history = try await ReportHistory(in: directory)
            try await history.play()
            let first = try await history.page(
                0,
                ReportQuery(.orders, parameters: [("limit", "1")])
            )
            let cursor = try #require(first.next)
            func code(
                _ kind: ReportKind,
                _ parameters: [(name: String, value: String)],
                at index: Int?
            ) async throws -> InterchangeError.Code? {
                do {
                    _ = try await history.rows(kind, parameters, at: index)
                    return nil
                } catch let error as InterchangeError {
                    return error.code
                }
            }
            let cases:
                [(
                    kind: ReportKind, parameters: [(name: String, value: String)], at: Int?,
                    code: InterchangeError.Code?
                )] = [
                    (.orders, [("after", cursor)], 0, nil),
                    (.rights, [("after", cursor)], 0, .cursorInvalid),
                    (.journal, [("site", "MAN")], 0, .otherSite),
                    (.stock, [("site", "MAN"), ("by", "lot")], 0, .otherSite),
                    (.stock, [("site", "NYC")], 0, .unknownSite),
                    (.stock, [("site", "NYC")], nil, .unknownSite),
                    (.journal, [("event", "lon-1:99")], 0, .notFound),
                    (.events, [("event", "nobody:1")], nil, .notFound),
                ]
            for (kind, parameters, index, expected) in cases {
                let found = try await code(kind, parameters, at: index)
                #expect(found == expected, "\(kind) \(parameters)")
            }
        }
    }
}
