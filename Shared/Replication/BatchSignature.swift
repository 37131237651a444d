public import Causality
import Crypto
import InventoryEngine

/// What nodes and hubs sign, and how it is checked.
///
/// Each kind of statement begins with a text of its own, so a signature over one is never a
/// signature over another. All numbers are fixed in width, big end first, and every text and
/// every run of bytes comes after its length, so no two statements have the same bytes.
///
/// - batch: `plumbline batch v1` ‖ node ‖ first ‖ last ‖ chain tip
/// - receipt: `plumbline ack v1` ‖ hub ‖ node ‖ epoch ‖ acknowledged ‖ chain hash
/// - page: `plumbline page v1` ‖ hub ‖ node ‖ epoch ‖ cursor ‖ cursor hash ‖ acknowledged at cursor
///   ‖ head ‖ durable ‖ has more ‖ SHA-256 of the contents
/// - request: `plumbline request v1` ‖ method ‖ path ‖ node ‖ Unix milliseconds
///   ‖ SHA-256 of the body
///
/// The contents of a page are its entries, digests and summary rows, field by field, and not an
/// encoded message: a field that a later hub adds does not break the signature for today's nodes.
///
/// Source: RFC 8032, *Edwards-Curve Digital Signature Algorithm* (2017), Ed25519.
public enum BatchSignature {
    /// How many bytes a signature has.
    public static let byteCount = 64

    /// Something that is signed: the bytes that ``BatchSignature`` lists.
    public struct Statement: Hashable, Sendable {
        fileprivate let bytes: [UInt8]

        /// Checks that somebody signed this.
        ///
        /// - Parameters:
        ///   - signature: 64 bytes; anything else is refused like a wrong signature.
        ///   - publicKey: The signer's public key, 32 bytes.
        /// - Throws: ``ReplicationError`` with the code `signatureInvalid`.
        public func verify(
            _ signature: [UInt8],
            signedBy publicKey: [UInt8]
        ) throws(ReplicationError) {
            let key: Curve25519.Signing.PublicKey
            do {
                key = try Curve25519.Signing.PublicKey(rawRepresentation: publicKey)
            } catch {
                throw .signatureInvalid("The public key is not an Ed25519 key.", cause: error)
            }
            guard key.isValidSignature(signature, for: bytes) else {
                throw .signatureInvalid("The signature does not fit the content and the author.")
            }
        }
    }

    /// States which events a node pushes.
    ///
    /// - Parameters:
    ///   - node: The node that recorded the events.
    ///   - first: The sequence of the first event.
    ///   - last: The sequence of the last event.
    ///   - tip: The node's chain after the last event.
    /// - Returns: What the node signs.
    public static func batch(
        node: NodeID,
        first: UInt64,
        last: UInt64,
        tip: ContentHash
    ) -> Statement {
        var bytes = StatementBytes("plumbline batch v1")
        bytes.append(node)
        bytes.append(first)
        bytes.append(last)
        bytes.append(tip)
        return Statement(bytes: bytes.all)
    }

    /// States that the hub holds a node's events up to a sequence: a receipt.
    ///
    /// - Parameters:
    ///   - hub: The hub that holds them.
    ///   - node: The node that recorded them.
    ///   - epoch: The hub's epoch.
    ///   - acknowledged: The last sequence held.
    ///   - hash: The node's chain there.
    /// - Returns: What the hub signs.
    public static func acknowledgement(
        hub: NodeID,
        node: NodeID,
        epoch: Epoch,
        acknowledged: UInt64,
        hash: ContentHash
    ) -> Statement {
        var bytes = StatementBytes("plumbline ack v1")
        bytes.append(hub)
        bytes.append(node)
        bytes.append(epoch)
        bytes.append(acknowledged)
        bytes.append(hash)
        return Statement(bytes: bytes.all)
    }

    /// States what a page of the hub's log holds, all but ``PullReply/signature``.
    ///
    /// - Parameters:
    ///   - page: The page.
    ///   - hub: The hub that answers.
    ///   - node: The node that asked.
    /// - Returns: What the hub signs.
    /// - Complexity: O(*n*) in the number of bytes of the page.
    public static func page(_ page: PullReply, hub: NodeID, node: NodeID) -> Statement {
        var bytes = StatementBytes("plumbline page v1")
        bytes.append(hub)
        bytes.append(node)
        bytes.append(page.epoch)
        bytes.append(page.cursor.rawValue)
        bytes.append(page.cursorHash)
        bytes.append(page.acknowledgedAtCursor)
        bytes.append(page.head.rawValue)
        bytes.append(page.durable.rawValue)
        bytes.append(page.hasMore)
        bytes.append(contents(of: page))
        return Statement(bytes: bytes.all)
    }

    /// States one request of a node to the hub.
    ///
    /// - Parameters:
    ///   - method: In upper case, such as `POST`.
    ///   - path: As sent, with the query.
    ///   - node: The node that asks.
    ///   - unixMilliseconds: When it asked, by its wall clock.
    ///   - body: Before compression; may be empty.
    /// - Returns: What the node signs.
    /// - Complexity: O(*n*) in the number of bytes of the body.
    public static func request(
        method: String,
        path: String,
        node: NodeID,
        unixMilliseconds: Int64,
        body: [UInt8]
    ) -> Statement {
        var bytes = StatementBytes("plumbline request v1")
        bytes.append(method)
        bytes.append(path)
        bytes.append(node)
        bytes.append(UInt64(bitPattern: unixMilliseconds))
        bytes.append(ContentHash.of(body))
        return Statement(bytes: bytes.all)
    }

    private static func contents(of page: PullReply) -> ContentHash {
        var hasher = SHA256()
        var bytes = StatementBytes("")
        bytes.append(page.entries.count)
        for entry in page.entries {
            bytes.append(entry.entry)
            bytes.append(entry.eventBytes != nil)
            bytes.append(entry.eventBytes ?? [])
            bytes.move(to: &hasher)
        }
        bytes.append(page.digests.count)
        for digest in page.digests {
            bytes.append(digest.site?.text ?? "")
            bytes.append(Int(digest.layer.rawValue))
            bytes.append(digest.sum.bytes)
        }
        bytes.append(page.summariesCursor.rawValue)
        bytes.append(page.summaries.count)
        bytes.move(to: &hasher)
        for row in page.summaries {
            bytes.append(row.site.text)
            bytes.append(row.sku.text)
            bytes.append(row.value)
            bytes.move(to: &hasher)
        }
        // A SHA-256 digest always has 32 bytes.
        return ContentHash(bytes: Array(hasher.finalize())) ?? .zero
    }
}

/// A node's or hub's Ed25519 private key, which never leaves the machine.
public struct NodeKey: Sendable {
    private let key: Curve25519.Signing.PrivateKey

    private init(key: Curve25519.Signing.PrivateKey) {
        self.key = key
    }

    /// Draws a new key from the system's secure source.
    public static func generate() -> NodeKey {
        NodeKey(key: Curve25519.Signing.PrivateKey())
    }

    /// Makes a key of what ``rawRepresentation`` gave.
    ///
    /// - Parameter bytes: 32 bytes.
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    public init(rawRepresentation bytes: [UInt8]) throws(ReplicationError) {
        do {
            key = try Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
        } catch {
            throw ReplicationError(
                .malformed,
                "The node's key is not an Ed25519 private key of 32 bytes.",
                hint: "Restore the key file, or make this a new node.",
                cause: error
            )
        }
    }

    /// The secret itself, 32 bytes, for a file that only the node may read.
    public var rawRepresentation: [UInt8] { Array(key.rawRepresentation) }

    /// The public key, 32 bytes, by which others check the signatures.
    public var publicKey: [UInt8] { Array(key.publicKey.rawRepresentation) }

    /// Signs a statement.
    ///
    /// - Returns: 64 bytes.
    /// - Throws: ``ReplicationError`` with the code `signatureInvalid` if the cryptographic library
    ///   fails, which it does only for lack of memory.
    public func sign(
        _ statement: BatchSignature.Statement
    ) throws(ReplicationError) -> [UInt8] {
        do {
            return Array(try key.signature(for: statement.bytes))
        } catch {
            throw .signatureInvalid("The node's key could not sign.", cause: error)
        }
    }
}

/// The chain of a batch's events, computed from their bytes.
public struct BatchChain: Hashable, Sendable {
    /// The node's chain after each event, in sequence.
    public let hashes: [ContentHash]
    /// The node's chain after the last event; the previous hash if there are no events.
    public let tip: ContentHash
}

/// Signing and checking whole batches.
extension EventBatch {
    /// The sequence of the last event; one less than ``first`` if there are no events.
    public var last: UInt64 { first &+ UInt64(events.count) &- 1 }

    /// Computes the chain that the events continue from ``previousHash``.
    ///
    /// - Complexity: O(*n*) in the number of bytes.
    public func chain() -> BatchChain {
        var chain = HashChain(tip: previousHash)
        let hashes = events.map { chain.append($0) }
        return BatchChain(hashes: hashes, tip: chain.tip)
    }

    /// Signs the batch over its chain; the events must not change afterwards.
    ///
    /// - Parameter key: The key of ``node``.
    /// - Throws: ``ReplicationError`` with the code `signatureInvalid`; see ``NodeKey/sign(_:)``.
    public mutating func sign(with key: NodeKey) throws(ReplicationError) {
        signature = try key.sign(statement(tip: chain().tip))
    }

    /// Checks that the batch continues a known chain and that its node signed it.
    ///
    /// The events themselves are not looked at: whoever decodes one compares its identity.
    ///
    /// - Parameters:
    ///   - held: The node's chain before the first event, as the caller holds it.
    ///   - publicKey: The public key of ``node``, 32 bytes.
    /// - Returns: The chain, to be stored with the events.
    /// - Throws: ``ReplicationError`` with the code `chainBroken` if the batch starts from another
    ///   hash, or `signatureInvalid`.
    /// - Complexity: O(*n*) in the number of bytes.
    public func verifiedChain(
        after held: ContentHash,
        signedBy publicKey: [UInt8]
    ) throws(ReplicationError) -> BatchChain {
        guard previousHash == held else {
            throw ReplicationError(
                .chainBroken,
                "The batch from \(EventID(node: node, sequence: first)) does not continue the"
                    + " chain that is held.",
                hint: "Find out whether the node was cloned or its database changed."
            )
        }
        let chain = chain()
        try statement(tip: chain.tip).verify(signature, signedBy: publicKey)
        return chain
    }

    private func statement(tip: ContentHash) -> BatchSignature.Statement {
        BatchSignature.batch(node: node, first: first, last: last, tip: tip)
    }
}

/// Signing and checking whole pages.
extension PullReply {
    /// Signs the page; nothing of it must change afterwards.
    ///
    /// - Parameters:
    ///   - key: The hub's key.
    ///   - hub: The hub.
    ///   - node: The node that asked.
    /// - Throws: ``ReplicationError`` with the code `signatureInvalid`; see ``NodeKey/sign(_:)``.
    /// - Complexity: O(*n*) in the number of bytes of the page.
    public mutating func sign(
        with key: NodeKey,
        hub: NodeID,
        node: NodeID
    ) throws(ReplicationError) {
        signature = try key.sign(BatchSignature.page(self, hub: hub, node: node))
    }

    /// Checks that the hub signed the page for this node.
    ///
    /// - Parameters:
    ///   - publicKey: The hub's public key, 32 bytes.
    ///   - hub: The hub.
    ///   - node: The node that asked.
    /// - Throws: ``ReplicationError`` with the code `signatureInvalid`.
    /// - Complexity: O(*n*) in the number of bytes of the page.
    public func verify(
        signedBy publicKey: [UInt8],
        hub: NodeID,
        node: NodeID
    ) throws(ReplicationError) {
        let statement = BatchSignature.page(self, hub: hub, node: node)
        try statement.verify(signature, signedBy: publicKey)
    }
}

/// The headers by which a node proves that a request is its own.
///
/// The time is signed for the hub's log and for people. It is no reason to refuse a request: clocks
/// of warehouses are wrong, and every call may safely be repeated.
public struct RequestSignature: Hashable, Sendable {
    /// The header with the node, 32 hexadecimal digits.
    public static let nodeHeader = "plumbline-node"
    /// The header with the time, Unix milliseconds in decimal.
    public static let timeHeader = "plumbline-time"
    /// The header with the signature, 128 hexadecimal digits.
    public static let signatureHeader = "plumbline-signature"

    /// The node that asks.
    public let node: NodeID
    /// When it asked, by its wall clock.
    public let unixMilliseconds: Int64
    /// 64 bytes.
    public let signature: [UInt8]

    /// Signs a request.
    ///
    /// - Parameters:
    ///   - method: In upper case, such as `POST`.
    ///   - path: As sent, with the query.
    ///   - body: Before compression; may be empty.
    ///   - node: The node that asks.
    ///   - instant: Now, by the node's wall clock; cut off to milliseconds.
    ///   - key: The node's key.
    /// - Throws: ``ReplicationError`` with the code `signatureInvalid`; see ``NodeKey/sign(_:)``.
    public init(
        method: String,
        path: String,
        body: [UInt8],
        node: NodeID,
        at instant: Instant,
        with key: NodeKey
    ) throws(ReplicationError) {
        self.node = node
        unixMilliseconds = instant.microseconds / 1_000
        signature = try key.sign(
            BatchSignature.request(
                method: method,
                path: path,
                node: node,
                unixMilliseconds: unixMilliseconds,
                body: body
            )
        )
    }

    /// Reads the headers of a request; nothing is checked yet but their form.
    ///
    /// - Parameter header: Gives the value of the header with a name, or nil.
    /// - Throws: ``ReplicationError`` with the code `signatureInvalid`.
    public init(header: (String) -> String?) throws(ReplicationError) {
        guard let node = header(Self.nodeHeader).flatMap({ NodeID($0) }) else {
            throw .signatureInvalid("The header \(Self.nodeHeader) is missing or no node.")
        }
        guard let time = header(Self.timeHeader).flatMap({ Int64($0) }) else {
            throw .signatureInvalid("The header \(Self.timeHeader) is missing or no time.")
        }
        guard let signature = header(Self.signatureHeader).flatMap({ HexadecimalBytes.read($0) }),
            signature.count == BatchSignature.byteCount
        else {
            throw .signatureInvalid("The header \(Self.signatureHeader) is missing or too short.")
        }
        self.node = node
        unixMilliseconds = time
        self.signature = signature
    }

    /// The headers to send.
    public var headers: [PeerHeader] {
        [
            PeerHeader(name: Self.nodeHeader, value: node.description),
            PeerHeader(name: Self.timeHeader, value: "\(unixMilliseconds)"),
            PeerHeader(name: Self.signatureHeader, value: HexadecimalBytes.text(of: signature)),
        ]
    }

    /// Checks that ``node`` signed the request.
    ///
    /// - Parameters:
    ///   - method: In upper case, such as `POST`.
    ///   - path: As received, with the query.
    ///   - body: After decompression; may be empty.
    ///   - publicKey: The public key of ``node``, 32 bytes.
    /// - Throws: ``ReplicationError`` with the code `signatureInvalid`.
    public func verify(
        method: String,
        path: String,
        body: [UInt8],
        signedBy publicKey: [UInt8]
    ) throws(ReplicationError) {
        let statement = BatchSignature.request(
            method: method,
            path: path,
            node: node,
            unixMilliseconds: unixMilliseconds,
            body: body
        )
        try statement.verify(signature, signedBy: publicKey)
    }
}

// MARK: - Bytes

/// Bytes as lower-case hexadecimal text, for headers.
private enum HexadecimalBytes {
    private static let digits = Array("0123456789abcdef".utf8)

    static func text(of bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 0xF)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads digits of either case; nil for anything else.
    static func read(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in text.utf8 {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = digit - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }
}

/// Builds the bytes of a statement, or of a part of one, so that they can be read in one way only.
private struct StatementBytes {
    private(set) var all: [UInt8]

    /// Starts with the text that names the kind of statement.
    init(_ kind: String) {
        all = Array(kind.utf8)
    }

    mutating func append(_ number: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) {
            all.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
        }
    }

    mutating func append(_ count: Int) {
        append(UInt64(bitPattern: Int64(count)))
    }

    mutating func append(_ flag: Bool) {
        all.append(flag ? 1 : 0)
    }

    mutating func append(_ node: NodeID) {
        append(node.high)
        append(node.low)
    }

    mutating func append(_ epoch: Epoch) {
        append(epoch.counter)
        append(epoch.high)
        append(epoch.low)
    }

    mutating func append(_ hash: ContentHash) {
        append(hash.words.0)
        append(hash.words.1)
        append(hash.words.2)
        append(hash.words.3)
    }

    mutating func append(_ bytes: [UInt8]) {
        append(bytes.count)
        all.append(contentsOf: bytes)
    }

    mutating func append(_ text: String) {
        append(text.utf8.count)
        all.append(contentsOf: text.utf8)
    }

    mutating func append(_ entry: Entry) {
        append(entry.position.rawValue)
        append(entry.event.node)
        append(entry.event.sequence)
        append(entry.chainHash)
        append(Int(entry.ruling.verdict.rawValue))
        append(entry.ruling.reason != nil)
        append(entry.ruling.reason?.code ?? "")
        append(entry.ruling.reason?.sentence ?? "")
        append(entry.ruling.sites.count)
        for site in entry.ruling.sites {
            append(site.text)
        }
        append(entry.ruling.carried.count)
        for amount in entry.ruling.carried {
            append(UInt64(bitPattern: amount.units))
        }
        append(UInt64(entry.ruling.rulesVersion))
        append(UInt64(bitPattern: entry.ruling.receivedAt.microseconds))
    }

    /// Hands the bytes so far to a hasher and starts again, so that a page is never copied whole.
    mutating func move(to hasher: inout SHA256) {
        hasher.update(data: all)
        all.removeAll(keepingCapacity: true)
    }
}

extension ReplicationError {
    fileprivate static func signatureInvalid(
        _ message: String,
        cause: (any Error)? = nil
    ) -> ReplicationError {
        ReplicationError(
            .signatureInvalid,
            message,
            hint: "Check that the node is the one that joined, and its key the one it joined with.",
            cause: cause
        )
    }
}
