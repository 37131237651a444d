import Causality
import TestSupport
import Testing

@Suite
struct HashChainTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func `hashes are those of the SHA-256 standard`(text: String, expected: String) {
        #expect(ContentHash.of(Array(text.utf8)).description == expected)
    }

    @Test(arguments: Seeds.forThisRun)
    func `hashes come back from bytes and text and are ordered as they are`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let hash = ContentHash.random(using: &generator)
        #expect(ContentHash(bytes: hash.bytes) == hash)
        #expect(ContentHash(hash.description) == hash)
        let words = (hash.words.0, hash.words.1, hash.words.2, generator.next())
        for other in [.random(using: &generator), ContentHash(words: words), hash] {
            #expect((hash < other) == hash.bytes.lexicographicallyPrecedes(other.bytes))
            #expect((hash == other) == (hash.bytes == other.bytes))
        }
        #expect(ContentHash(bytes: hash.bytes.dropLast()) == nil)
        #expect(ContentHash(bytes: hash.bytes + [0]) == nil)
        #expect(ContentHash(hash.description + "0") == nil)
    }

    @Test(arguments: Seeds.forThisRun)
    func `a link is the hash of the previous hash and the bytes`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let previous = ContentHash.random(using: &generator)
        let bytes = randomBytes(using: &generator)
        #expect(HashChain.link(previous, bytes) == .of(previous.bytes + bytes))
    }

    @Test(arguments: Seeds.forThisRun)
    func `every flip, swap, removal and addition is noticed`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var chain = HashChain(tip: .random(using: &generator))
        let start = chain.tip
        let run = (0..<12).map { index in [UInt8(index)] + randomBytes(using: &generator) }
        for bytes in run { chain.append(bytes) }
        func isWhole(_ run: [[UInt8]]) -> Bool {
            HashChain.verify(run, after: start, reaching: chain.tip)
        }
        #expect(isWhole(run))
        for index in run.indices {
            var flipped = run
            let place = Int.random(in: 0..<run[index].count, using: &generator)
            flipped[index][place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(!isWhole(flipped))
            var removed = run
            removed.remove(at: index)
            #expect(!isWhole(removed))
            var added = run
            added.insert([], at: index)
            #expect(!isWhole(added))
            #expect(!isWhole(Array(run.prefix(index))))
            for other in run.indices where other != index {
                var swapped = run
                swapped.swapAt(index, other)
                #expect(!isWhole(swapped))
            }
        }
        #expect(!HashChain.verify(run, after: .zero, reaching: chain.tip))
        // Moving bytes from one link to the next is a change too.
        #expect(!isWhole([run[0] + run[1]] + run.dropFirst(2)))
    }

    @Test
    func `an empty run leads from a hash to itself`() {
        #expect(HashChain().tip == .zero)
        #expect(HashChain.verify([], after: .zero, reaching: .zero))
        #expect(!HashChain.verify([[]], after: .zero, reaching: .zero))
    }

    private func randomBytes(using generator: inout SeededGenerator) -> [UInt8] {
        (0..<Int.random(in: 0...150, using: &generator)).map { _ in
            UInt8.random(in: 0...255, using: &generator)
        }
    }
}

extension ContentHash {
    static func random(using generator: inout SeededGenerator) -> ContentHash {
        ContentHash(
            words: (generator.next(), generator.next(), generator.next(), generator.next())
        )
    }
}
