/// A sum of hashes modulo 2^256: equal sets of rows give equal sums, in whatever order.
///
/// A row that changes costs one subtraction and one addition, so a digest is kept up to date
/// without reading the other rows. A row that is there twice counts twice; it does not cancel out,
/// as it would with exclusive or.
///
/// Source: M. Bellare and D. Micciancio, *A New Paradigm for Collision-Free Hashing* (1997),
/// AdHash. The sum guards against faults; signatures guard against people who forge rows.
@frozen
public struct DigestSum: Hashable, Sendable, CustomStringConvertible {
    /// The 256 bits, the least significant word first.
    public let words: (UInt64, UInt64, UInt64, UInt64)

    /// The sum of no rows.
    public static let zero = DigestSum(words: (0, 0, 0, 0))

    /// Makes a sum from its words, the least significant first.
    @inlinable
    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// Makes a sum from its 32 bytes, big end first; any other number gives `nil`.
    public init?(bytes: some Collection<UInt8>) {
        guard let hash = ContentHash(bytes: bytes) else { return nil }
        self.init(words: (hash.words.3, hash.words.2, hash.words.1, hash.words.0))
    }

    /// Adds a row to the sum.
    @inlinable
    public mutating func add(_ hash: ContentHash) {
        var carry: UInt64 = 0
        self = DigestSum(
            words: (
                Self.sum(words.0, hash.words.3, &carry),
                Self.sum(words.1, hash.words.2, &carry),
                Self.sum(words.2, hash.words.1, &carry),
                Self.sum(words.3, hash.words.0, &carry)
            )
        )
    }

    /// Takes a row out of the sum: undoes ``add(_:)``.
    @inlinable
    public mutating func subtract(_ hash: ContentHash) {
        var carry: UInt64 = 1  // in two's complement, minus x is the complement of x plus one
        self = DigestSum(
            words: (
                Self.sum(words.0, ~hash.words.3, &carry),
                Self.sum(words.1, ~hash.words.2, &carry),
                Self.sum(words.2, ~hash.words.1, &carry),
                Self.sum(words.3, ~hash.words.0, &carry)
            )
        )
    }

    /// Adds two words and the carry, 0 or 1, and leaves the next carry.
    @inlinable
    static func sum(_ first: UInt64, _ second: UInt64, _ carry: inout UInt64) -> UInt64 {
        let (half, firstOverflow) = first.addingReportingOverflow(second)
        let (whole, secondOverflow) = half.addingReportingOverflow(carry)
        carry = firstOverflow || secondOverflow ? 1 : 0
        return whole
    }

    /// The 32 bytes, big end first: the sum of a single row has the bytes of its hash.
    public var bytes: [UInt8] { ContentHash(words: bigEndianWords).bytes }

    /// The sum as 64 lower-case hexadecimal digits.
    public var description: String { ContentHash(words: bigEndianWords).description }

    private var bigEndianWords: (UInt64, UInt64, UInt64, UInt64) {
        (words.3, words.2, words.1, words.0)
    }

    /// Whether all bits agree.
    @inlinable
    public static func == (first: DigestSum, second: DigestSum) -> Bool {
        first.words == second.words
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
