import Interchange
import InventoryEngine
import TestSupport
import Testing

/// Random damage to well-formed commands: never a crash, and what is still accepted is stable.
@Suite struct CommandFuzzTests {
    /// How many commands each seed damages; with 32 seeds some 20,000 in all.
    private static let mutationCount = Nightly.size(640, nightly: 20_000)

    @Test(arguments: Seeds.forThisRun)
    func `damaged bytes are refused with a code or decoded stably`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<Self.mutationCount {
            let example = try #require(CommandExamples.all.randomElement(using: &generator))
            var bytes = Array(example.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                Self.damage(&bytes, &generator)
            }
            try Self.check(bytes, seed: seed)
        }
    }

    @Test(arguments: Seeds.forThisRun)
    func `fields with other values are refused with a code or decoded stably`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var acceptedCount = 0
        for _ in 0..<Self.mutationCount {
            let example = try #require(CommandExamples.all.randomElement(using: &generator))
            var command = try JSONReader.read(Array(example.utf8))
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let leaf = Int.random(in: 1..<max(2, command.leafCount), using: &generator)
                command = command.replacing(leaf: leaf, with: Self.leaf(&generator)).value
            }
            var writer = JSONWriter(style: .pretty)
            writer.value(command)
            if try Self.check(writer.bytes, seed: seed) { acceptedCount += 1 }
        }
        #expect(acceptedCount > Self.mutationCount / 10, "Replay with SEED=\(seed)")
    }

    /// Whether a text is accepted; then its canonical form must be a fixed point.
    @discardableResult
    private static func check(_ bytes: [UInt8], seed: UInt64) throws -> Bool {
        let command: InventoryCommand
        do {
            command = try CommandExamples.decode(bytes)
        } catch {
            #expect(!error.code.text.isEmpty && !error.hint.isEmpty, "Replay with SEED=\(seed)")
            return false
        }
        let canonical = try CommandExamples.encode(command)
        let again = try CommandExamples.decode(canonical)
        #expect(again == command, "Replay with SEED=\(seed)")
        #expect(try CommandExamples.encode(again) == canonical, "Replay with SEED=\(seed)")
        return true
    }

    private static func damage(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let index = Int.random(in: bytes.indices, using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: index)
        case 2: bytes.insert(UInt8.random(in: 0x20..<0x7F, using: &generator), at: index)
        case 3:
            bytes[index] =
                Array(#"0123456789-.eE"\,:{}[]"#.utf8).randomElement(using: &generator) ?? 0
        case 4:
            let end = min(bytes.count, index + Int.random(in: 1...12, using: &generator))
            bytes.insert(contentsOf: bytes[index..<end], at: index)
        default:
            let end = min(bytes.count, index + Int.random(in: 1...12, using: &generator))
            bytes.removeSubrange(index..<end)
        }
    }

    /// A value that some field may accept, or nearly.
    private static func leaf(_ generator: inout SeededGenerator) -> JSONValue {
        let shift = Int64.random(in: 0..<64, using: &generator)
        let number = Int64.random(in: (-.max)...(.max), using: &generator) >> shift
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: return .number(JSONNumber(number))
        case 1, 2:
            let scale = UInt8.random(in: 0...14, using: &generator)
            return .string(DecimalText.format(units: number, scale: scale))
        case 3: return .bool(Bool.random(using: &generator))
        case 4: return .null
        default:
            let words = [
                "A", "é", "e\u{301}", "", "hold", "sellable", "fifo", "lon-1:7", "hub", "GBP",
                "2026-11-23T10:15:00.123456789-00:30", "0001-01-01T00:00:00Z", "refuse", "allow",
                "\u{FFFF}", "\u{1F600}", "a\u{7}", String(repeating: "y", count: 64),
                "4006381333931",
            ]
            return .string(words.randomElement(using: &generator) ?? "")
        }
    }
}
