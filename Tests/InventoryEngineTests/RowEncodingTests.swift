import Causality
import Foundation
import InventoryEngine
import TestSupport
import Testing

struct RowEncodingTests {
    @Test(arguments: Seeds.forThisRun)
    func `every kind of row is read as it was written`(seed: UInt64) throws {
        var samples = RowSamples(seed: seed)
        for _ in 0..<20 {
            let rows = try samples.all()
            #expect(Set(rows.map(\.name.kind)) == Set(RowKind.allCases))
            for (name, value) in rows {
                let again = try rewritten(name, value)
                #expect(again.key == name.key, "\(name.kind) SEED=\(seed)")
                #expect(again.value == value, "\(name.kind) SEED=\(seed)")
            }
        }
    }

    @Test(arguments: Seeds.forThisRun)
    func `damaged bytes are refused or read, never trapped`(seed: UInt64) throws {
        var samples = RowSamples(seed: seed)
        var refusals = 0
        for (name, value) in try samples.all() {
            func damage(_ key: [UInt8], _ value: [UInt8]) throws {
                do {
                    _ = try rewritten(RowName(kind: name.kind, key: key), value)
                } catch let error as EngineError {
                    #expect(error.code == .damaged, "\(error)")
                    refusals += 1
                }
            }
            for length in value.indices { try damage(name.key, Array(value[..<length])) }
            for length in name.key.indices { try damage(Array(name.key[..<length]), value) }
            try damage(name.key, value + [0])
            try damage(name.key + [0], value)
            for index in value.indices {
                var flipped = value
                flipped[index] ^= 1 << UInt8.random(in: 0...7, using: &samples.random)
                try damage(name.key, flipped)
                flipped[index] = 0xFF
                try damage(name.key, flipped)
            }
            for index in name.key.indices {
                var flipped = name.key
                flipped[index] ^= 1 << UInt8.random(in: 0...7, using: &samples.random)
                try damage(flipped, value)
            }
        }
        #expect(refusals > 100)
    }

    @Test
    func `a row that is cut short or has more after it is damaged`() throws {
        var samples = RowSamples(seed: 1)
        for (name, value) in try samples.all() {
            #expect(throws: EngineError.self) { _ = try rewritten(name, Array(value.dropLast())) }
            #expect(throws: EngineError.self) { _ = try rewritten(name, value + [0]) }
        }
    }

    // MARK: Order

    /// Checks that bytes sort as the parts do.
    private func expectOrder<Key: RowKey>(
        _ keys: [Key],
        seed: UInt64,
        _ precedes: (Key, Key) -> Bool
    ) {
        for first in keys {
            for second in keys where first != second {
                #expect(
                    first.bytes.lexicographicallyPrecedes(second.bytes) == precedes(first, second),
                    "\(first) \(second) SEED=\(seed)"
                )
            }
        }
    }

    @Test(arguments: Seeds.forThisRun)
    func `keys sort like their parts`(seed: UInt64) throws {
        var samples = RowSamples(seed: seed)
        expectOrder((0..<20).map { _ in samples.bucketKey() }, seed: seed) { first, second in
            if first.home != second.home { return first.home < second.home }
            if first.sku != second.sku { return first.sku < second.sku }
            if first.location != second.location { return first.location < second.location }
            let (ours, theirs) = (first.lot, second.lot)
            if ours != theirs {
                guard let ours else { return true }
                guard let theirs else { return false }
                return ours < theirs
            }
            return first.status.rawValue < second.status.rawValue
        }
        expectOrder((0..<20).map { _ in samples.orderLineKey() }, seed: seed) { first, second in
            if first.home != second.home { return first.home < second.home }
            if first.orderSite != second.orderSite { return first.orderSite < second.orderSite }
            if first.order != second.order { return first.order < second.order }
            return first.line < second.line
        }
        let stock = StockKey(home: "W", sku: "P")
        let movements = (0..<20).map { _ in
            MovementRow.Key(stock: stock, place: samples.movement())
        }
        expectOrder(movements, seed: seed) { $0.place < $1.place }
        let waiting = try (0..<20).map { _ in
            BackorderRow.Key(
                home: "W",
                sku: "P",
                promise: try samples.promise(),
                orderSite: "W",
                order: "SO",
                line: 1
            )
        }
        expectOrder(waiting, seed: seed) { first, second in
            let (ours, theirs) = (first.promise, second.promise)
            if ours.priority != theirs.priority { return ours.priority > theirs.priority }
            if ours.time != theirs.time { return ours.time < theirs.time }
            if ours.event.id != theirs.event.id { return ours.event.id < theirs.event.id }
            return (ours.event.position ?? .start) < (theirs.event.position ?? .start)
        }
    }

    @Test
    func `an identifier sorts before those that it begins`() {
        let codes: [SKU] = ["A", "A ", "A-", "AA", "B", "a", "é"]
        let keys = codes.map { StockKey(home: "W", sku: $0) }
        expectOrder(keys, seed: 0) { $0.sku < $1.sku }
    }

    @Test
    func `the bound of a prefix is above all that begins with it`() {
        #expect(upperBound(ofPrefix: [1, 2]) == [1, 3])
        #expect(upperBound(ofPrefix: [1, 0xFF]) == [2])
        let bound = upperBound(ofPrefix: [0xFF, 0xFF])
        #expect([0xFF, 0xFF, 0xFF].lexicographicallyPrecedes(bound))
    }

    // MARK: For good

    private static let file = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "Fixtures/rows-v1.txt")

    private static func read() throws -> [(name: RowName, value: [UInt8])] {
        let text = try String(contentsOf: file, encoding: .utf8)
        return try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { row in
            let parts = row.split(separator: " ")
            try #require(parts.count == 3)
            let kind = try #require(UInt8(parts[0]).flatMap(RowKind.init(rawValue:)))
            let key = try #require(bytes(parts[1]))
            return (RowName(kind: kind, key: key), try #require(bytes(parts[2])))
        }
    }

    private static func bytes(_ hex: Substring) -> [UInt8]? {
        let digits = Array(hex.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            let pair = String(decoding: digits[index...(index + 1)], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Each line has the kind, the key and the row in hexadecimal digits.
    ///
    /// The file is for good: a change of our encoding must leave it readable, and may not replace
    /// it.
    @Test
    func `rows of version 1 are read for good, and still written so`() throws {
        if !FileManager.default.fileExists(atPath: Self.file.path) {
            var samples = RowSamples(seed: 2_026)
            var lines = ["# Rows of version 1: kind, key, value. Never change a line."]
            for _ in 0..<3 {
                for (name, value) in try samples.all() {
                    lines.append("\(name.kind.rawValue) \(Self.hex(name.key)) \(Self.hex(value))")
                }
            }
            let text = lines.joined(separator: "\n") + "\n"
            try FileManager.default.createDirectory(
                at: Self.file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try text.write(to: Self.file, atomically: true, encoding: .utf8)
            Issue.record("\(Self.file.path) was missing and has been written; look and commit it.")
        }
        let rows = try Self.read()
        #expect(Set(rows.map(\.name.kind)) == Set(RowKind.allCases))
        #expect(rows.count == 168)
        for (name, value) in rows {
            let again = try rewritten(name, value)
            #expect(again.key == name.key, "\(name)")
            #expect(again.value == value, "\(name)")
        }
    }
}
