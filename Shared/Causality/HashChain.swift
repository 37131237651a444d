import Crypto

/// A run of byte strings, each bound to all before it.
///
/// Each link is SHA-256 over the previous hash and then the bytes, so bytes that were flipped,
/// swapped, added or removed give another tip. Whoever holds the tip can tell; a chain that was
/// cut and whose tip was cut with it looks whole, which is why nodes tell each other their tips.
public struct HashChain: Hashable, Sendable {
    /// The hash of the last link; ``ContentHash/zero`` for a chain without links.
    public private(set) var tip: ContentHash

    /// Makes a chain that continues after a hash, by default from the very beginning.
    public init(tip: ContentHash = .zero) {
        self.tip = tip
    }

    /// Adds a link.
    ///
    /// - Parameter bytes: What the link binds; may be empty.
    /// - Returns: The new tip.
    /// - Complexity: O(*n*) in the number of bytes.
    @discardableResult
    public mutating func append(_ bytes: [UInt8]) -> ContentHash {
        tip = Self.link(tip, bytes)
        return tip
    }

    /// Computes one link: SHA-256 over the previous hash and then the bytes.
    ///
    /// The previous hash always has 32 bytes, so no two pairs run together into the same input.
    ///
    /// - Parameters:
    ///   - previous: The hash of the link before; ``ContentHash/zero`` for the first.
    ///   - bytes: What the link binds; may be empty.
    /// - Returns: The hash of the link.
    /// - Complexity: O(*n*) in the number of bytes, which are not copied.
    public static func link(_ previous: ContentHash, _ bytes: [UInt8]) -> ContentHash {
        var hasher = SHA256()
        hasher.update(data: previous.bytes)
        hasher.update(data: bytes)
        return ContentHash(digest: hasher.finalize())
    }

    /// Says whether a run of byte strings leads from one hash to another.
    ///
    /// - Parameters:
    ///   - run: What the links bind, in order; may be empty.
    ///   - previous: The hash before the first of them.
    ///   - tip: The hash that the last of them must have.
    /// - Returns: Whether nothing in the run was changed, moved, added or removed.
    /// - Complexity: O(*n*) in the number of bytes.
    public static func verify(
        _ run: some Sequence<[UInt8]>,
        after previous: ContentHash,
        reaching tip: ContentHash
    ) -> Bool {
        var chain = HashChain(tip: previous)
        for bytes in run {
            chain.append(bytes)
        }
        return chain.tip == tip
    }
}

/// Hashing itself; it stands here because this file alone imports the cryptographic library.
extension ContentHash {
    /// Computes the SHA-256 hash of bytes.
    ///
    /// Source: FIPS 180-4, *Secure Hash Standard* (2015), section 6.2.
    ///
    /// - Parameter bytes: What to hash; may be empty.
    /// - Returns: Its hash.
    /// - Complexity: O(*n*) in the number of bytes.
    public static func of(_ bytes: [UInt8]) -> ContentHash {
        ContentHash(digest: SHA256.hash(data: bytes))
    }

    fileprivate init(digest: SHA256Digest) {
        var iterator = digest.makeIterator()
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        // A SHA-256 digest always has 32 bytes.
        words.0 = UInt64(takingBytesFrom: &iterator) ?? 0
        words.1 = UInt64(takingBytesFrom: &iterator) ?? 0
        words.2 = UInt64(takingBytesFrom: &iterator) ?? 0
        words.3 = UInt64(takingBytesFrom: &iterator) ?? 0
        self.init(words: words)
    }
}
