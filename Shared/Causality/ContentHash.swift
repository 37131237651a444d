/// A SHA-256 hash, kept in place as four words so that comparing it costs no allocation.
@frozen
public struct ContentHash: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The 32 bytes, eight in a word, big end first in each.
    public let words: (UInt64, UInt64, UInt64, UInt64)

    /// All bits zero: what a hash chain starts from.
    public static let zero = ContentHash(words: (0, 0, 0, 0))

    /// Makes a hash from its words.
    @inlinable
    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// Makes a hash from its 32 bytes; any other number gives `nil`.
    public init?(bytes: some Collection<UInt8>) {
        var iterator = bytes.makeIterator()
        guard
            let first = UInt64(takingBytesFrom: &iterator),
            let second = UInt64(takingBytesFrom: &iterator),
            let third = UInt64(takingBytesFrom: &iterator),
            let fourth = UInt64(takingBytesFrom: &iterator),
            iterator.next() == nil
        else { return nil }
        words = (first, second, third, fourth)
    }

    /// Reads what ``description`` writes: 64 hexadecimal digits, in lower or upper case.
    public init?(_ text: String) {
        var rest = text[...].utf8
        guard
            let first = Hexadecimal.takeWord(from: &rest),
            let second = Hexadecimal.takeWord(from: &rest),
            let third = Hexadecimal.takeWord(from: &rest),
            let fourth = Hexadecimal.takeWord(from: &rest),
            rest.isEmpty
        else { return nil }
        words = (first, second, third, fourth)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        words.0.appendBytes(to: &bytes)
        words.1.appendBytes(to: &bytes)
        words.2.appendBytes(to: &bytes)
        words.3.appendBytes(to: &bytes)
        return bytes
    }

    /// The hash as 64 lower-case hexadecimal digits.
    public var description: String {
        Hexadecimal.text(of: words.0, words.1, words.2, words.3)
    }

    /// Whether all bits agree.
    @inlinable
    public static func == (first: ContentHash, second: ContentHash) -> Bool {
        first.words == second.words
    }

    /// Orders hashes as their bytes, and so as their texts.
    @inlinable
    public static func < (first: ContentHash, second: ContentHash) -> Bool {
        first.words < second.words
    }

    /// Feeds the bits to a hash table's hasher.
    ///
    /// - Parameter hasher: The hasher to feed.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
