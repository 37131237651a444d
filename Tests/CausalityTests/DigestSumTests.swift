import Causality
import TestSupport
import Testing

@Suite
struct DigestSumTests {
    private func sum(of hashes: [ContentHash]) -> DigestSum {
        var sum = DigestSum.zero
        for hash in hashes { sum.add(hash) }
        return sum
    }

    private func randomHashes(using generator: inout SeededGenerator) -> [ContentHash] {
        (0..<50).map { _ in .random(using: &generator) }
    }

    @Test(arguments: Seeds.forThisRun)
    func `the sum does not depend on the order of its rows`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let hashes = randomHashes(using: &generator)
        #expect(sum(of: hashes) == sum(of: hashes.shuffled(using: &generator)))
        #expect(sum(of: hashes) != sum(of: hashes + [hashes[0]]))
        #expect(sum(of: hashes) != sum(of: Array(hashes.dropLast())))
    }

    @Test(arguments: Seeds.forThisRun)
    func `subtracting undoes adding, in any order`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let kept = randomHashes(using: &generator)
        let removed = randomHashes(using: &generator)
        var sum = DigestSum.zero
        for hash in removed { sum.subtract(hash) }
        for hash in (kept + removed).shuffled(using: &generator) { sum.add(hash) }
        #expect(sum == self.sum(of: kept))
        for hash in kept.shuffled(using: &generator) { sum.subtract(hash) }
        #expect(sum == .zero)
    }

    @Test(arguments: Seeds.forThisRun)
    func `the sum is that of long addition, byte by byte`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let hashes = randomHashes(using: &generator)
        var expected = [UInt8](repeating: 0, count: 32)
        for hash in hashes {
            var carry = 0
            for (index, byte) in hash.bytes.enumerated().reversed() {
                let digit = Int(expected[index]) + Int(byte) + carry
                expected[index] = UInt8(digit % 256)
                carry = digit / 256
            }
        }
        #expect(sum(of: hashes).bytes == expected)
    }

    @Test
    func `the carry runs through all words and out at the end`() {
        let ones = ContentHash(words: (.max, .max, .max, .max))
        let one = ContentHash(words: (0, 0, 0, 1))
        #expect(sum(of: [ones, one]) == .zero)
        var sum = DigestSum.zero
        sum.subtract(one)
        #expect(sum == self.sum(of: [ones]))
        // A word of all ones with a carry coming in overflows in the second addition only.
        let low = ContentHash(words: (0, 0, .max, .max))
        #expect(self.sum(of: [low, low]).words == (.max - 1, .max, 1, 0))
    }

    @Test(arguments: Seeds.forThisRun)
    func `a sum comes back from its bytes, and one row has its hash's bytes`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let hash = ContentHash.random(using: &generator)
        #expect(sum(of: [hash]).bytes == hash.bytes)
        #expect(sum(of: [hash]).description == hash.description)
        let sum = sum(of: randomHashes(using: &generator))
        #expect(DigestSum(bytes: sum.bytes) == sum)
        #expect(DigestSum(bytes: sum.bytes.dropLast()) == nil)
    }
}
