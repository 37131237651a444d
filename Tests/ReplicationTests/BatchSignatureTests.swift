import Causality
import InventoryEngine
import Replication
import Testing

@Suite
struct BatchSignatureTests {
    private let key = NodeKey.generate()
    private let otherKey = NodeKey.generate()
    private let node = WireSamples.node
    private let hub = WireSamples.otherNode

    private func signedBatch() throws -> EventBatch {
        var batch = EventBatch(
            node: node,
            epoch: WireSamples.epoch,
            first: 5,
            previousHash: WireSamples.hash,
            events: [[1, 2], [3], [4, 5, 6]],
            signature: []
        )
        try batch.sign(with: key)
        return batch
    }

    private func expectRefusal(
        _ code: ReplicationError.Code = .signatureInvalid,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () throws -> Void
    ) {
        let error = #expect(throws: ReplicationError.self, sourceLocation: sourceLocation) {
            try body()
        }
        #expect(error?.code == code, sourceLocation: sourceLocation)
    }

    @Test
    func `a signed batch gives the chain of its events`() throws {
        let batch = try signedBatch()
        #expect(batch.last == 7)
        #expect(batch.signature.count == BatchSignature.byteCount)
        let chain = try batch.verifiedChain(after: WireSamples.hash, signedBy: key.publicKey)
        var expected = HashChain(tip: WireSamples.hash)
        #expect(chain.hashes == batch.events.map { expected.append($0) })
        #expect(chain.tip == expected.tip)
    }

    @Test
    func `a batch that was changed is refused`() throws {
        let changes: [(inout EventBatch) -> Void] = [
            { $0.node = WireSamples.otherNode }, { $0.first = 6 }, { $0.events[1] = [9] },
            { $0.events.removeLast() }, { $0.events.append([7]) }, { $0.events.swapAt(0, 1) },
            { $0.signature[0] ^= 1 }, { $0.signature = [] }, { $0.signature.append(0) },
        ]
        for change in changes {
            var batch = try signedBatch()
            change(&batch)
            expectRefusal {
                _ = try batch.verifiedChain(after: WireSamples.hash, signedBy: key.publicKey)
            }
        }
        let batch = try signedBatch()
        expectRefusal {
            _ = try batch.verifiedChain(after: WireSamples.hash, signedBy: otherKey.publicKey)
        }
        expectRefusal { _ = try batch.verifiedChain(after: WireSamples.hash, signedBy: [1, 2]) }
        expectRefusal(.chainBroken) {
            _ = try batch.verifiedChain(after: .zero, signedBy: key.publicKey)
        }
    }

    @Test
    func `a batch's statement depends on each of its parts`() {
        let statements: Set = [
            BatchSignature.batch(node: node, first: 1, last: 2, tip: .zero),
            BatchSignature.batch(node: hub, first: 1, last: 2, tip: .zero),
            BatchSignature.batch(node: node, first: 2, last: 2, tip: .zero),
            BatchSignature.batch(node: node, first: 1, last: 1, tip: .zero),
            BatchSignature.batch(node: node, first: 1, last: 2, tip: WireSamples.hash),
        ]
        #expect(statements.count == 5)
    }

    @Test
    func `a receipt is good for its node, epoch, sequence and hash only`() throws {
        func receipt(
            hub: NodeID = WireSamples.otherNode,
            node: NodeID = WireSamples.node,
            epoch: Epoch = WireSamples.epoch,
            acknowledged: UInt64 = 9,
            hash: ContentHash = WireSamples.hash
        ) -> BatchSignature.Statement {
            BatchSignature.acknowledgement(
                hub: hub,
                node: node,
                epoch: epoch,
                acknowledged: acknowledged,
                hash: hash
            )
        }
        let signature = try key.sign(receipt())
        try receipt().verify(signature, signedBy: key.publicKey)
        let others = [
            receipt(hub: node), receipt(node: hub), receipt(epoch: .none),
            receipt(acknowledged: 10), receipt(hash: .zero),
            BatchSignature.batch(node: node, first: 1, last: 9, tip: WireSamples.hash),
        ]
        for other in others {
            expectRefusal { try other.verify(signature, signedBy: key.publicKey) }
        }
    }

    @Test
    func `a page that was changed is refused`() throws {
        var page = try WireMessage.page()
        try page.sign(with: key, hub: hub, node: node)
        try page.verify(signedBy: key.publicKey, hub: hub, node: node)
        let carried = try WireFormat.decodePullReply(WireFormat.encode(page))
        try carried.verify(signedBy: key.publicKey, hub: hub, node: node)

        let changes: [(inout PullReply) -> Void] = [
            { $0.epoch = .none }, { $0.cursor = .start }, { $0.cursorHash = .zero },
            { $0.acknowledgedAtCursor += 1 }, { $0.hasMore = false }, { $0.head = .start },
            { $0.durable = .start }, { $0.entries.removeFirst() }, { $0.entries.swapAt(0, 1) },
            { $0.entries[0].eventBytes = [9] }, { $0.entries[0].eventBytes = nil },
            { $0.entries[1].eventBytes = [] },
            { $0.entries[0].entry.position = HubPosition(1) },
            { $0.entries[0].entry.event = EventID(node: WireSamples.node, sequence: 99) },
            { $0.entries[0].entry.chainHash = .zero },
            { $0.entries[0].entry.ruling.verdict = .parked },
            { $0.entries[1].entry.ruling.reason = nil },
            { $0.entries[1].entry.ruling.reason?.sentence = "Long." },
            { $0.entries[2].entry.ruling.sites.removeLast() },
            { $0.entries[2].entry.ruling.carried[0] = .zero },
            { $0.entries[0].entry.ruling.rulesVersion = 4 },
            { $0.entries[0].entry.ruling.receivedAt = Instant(microseconds: 0) },
            { $0.digests.removeLast() }, { $0.digests[0].sum = .zero },
            { $0.digests[0].site = nil }, { $0.summaries = [] }, { $0.summaries[0].value = [1] },
            { $0.summariesCursor = .start }, { $0.signature[3] ^= 4 },
        ]
        for change in changes {
            var changed = page
            change(&changed)
            expectRefusal { try changed.verify(signedBy: key.publicKey, hub: hub, node: node) }
        }
        expectRefusal { try page.verify(signedBy: key.publicKey, hub: node, node: node) }
        expectRefusal { try page.verify(signedBy: key.publicKey, hub: hub, node: hub) }
        expectRefusal { try page.verify(signedBy: otherKey.publicKey, hub: hub, node: node) }
    }

    @Test
    func `a request carries its signature in three headers`() throws {
        let signed = try RequestSignature(
            method: "POST",
            path: "/v1/sync/pull",
            body: [1, 2, 3],
            node: node,
            at: Instant(microseconds: 1_795_424_400_123_999),
            with: key
        )
        #expect(
            signed.headers.map(\.name)
                == ["plumbline-node", "plumbline-time", "plumbline-signature"]
        )
        #expect(signed.headers[1].value == "1795424400123")
        let headers = signed.headers
        let parsed = try RequestSignature { name in headers.first { $0.name == name }?.value }
        #expect(parsed == signed)
        try parsed.verify(
            method: "POST",
            path: "/v1/sync/pull",
            body: [1, 2, 3],
            signedBy: key.publicKey
        )
        expectRefusal {
            try parsed.verify(
                method: "GET",
                path: "/v1/sync/pull",
                body: [1, 2, 3],
                signedBy: key.publicKey
            )
        }
        expectRefusal {
            try parsed.verify(
                method: "POST",
                path: "/v1/sync/push",
                body: [1, 2, 3],
                signedBy: key.publicKey
            )
        }
        expectRefusal {
            try parsed.verify(
                method: "POST",
                path: "/v1/sync/pull",
                body: [1, 2],
                signedBy: key.publicKey
            )
        }
    }

    @Test(arguments: RequestHeaders.damaged)
    func `headers that are no signature are refused`(headers: RequestHeaders) {
        expectRefusal { _ = try RequestSignature { headers.values[$0] } }
    }

    @Test
    func `a key comes back from its bytes`() throws {
        let again = try NodeKey(rawRepresentation: key.rawRepresentation)
        #expect(key.rawRepresentation.count == 32)
        #expect(again.publicKey == key.publicKey)
        expectRefusal(.malformed) { _ = try NodeKey(rawRepresentation: [1, 2, 3]) }
    }

    /// RFC 8032, section 7.1: the public key that belongs to the private key of test 1.
    @Test
    func `keys are those of Ed25519`() throws {
        let secret = try #require(
            ContentHash("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
        )
        let key = try NodeKey(rawRepresentation: secret.bytes)
        #expect(
            ContentHash(bytes: key.publicKey)?.description
                == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        )
    }
}

/// Headers of a request, each damaged in one way.
struct RequestHeaders: Sendable {
    var values: [String: String] = [
        RequestSignature.nodeHeader: String(repeating: "a", count: 32),
        RequestSignature.timeHeader: "1",
        RequestSignature.signatureHeader: String(repeating: "0", count: 128),
    ]

    static let damaged: [RequestHeaders] = [
        RequestHeaders(values: [:]),
        without(RequestSignature.nodeHeader), without(RequestSignature.timeHeader),
        without(RequestSignature.signatureHeader),
        with(RequestSignature.nodeHeader, "lon-1"),
        with(RequestSignature.timeHeader, "now"),
        with(RequestSignature.timeHeader, "9223372036854775808"),
        with(RequestSignature.signatureHeader, String(repeating: "0", count: 127)),
        with(RequestSignature.signatureHeader, String(repeating: "0", count: 130)),
        with(RequestSignature.signatureHeader, String(repeating: "g", count: 128)),
    ]

    private static func without(_ name: String) -> RequestHeaders {
        var headers = RequestHeaders()
        headers.values[name] = nil
        return headers
    }

    private static func with(_ name: String, _ value: String) -> RequestHeaders {
        var headers = RequestHeaders()
        headers.values[name] = value
        return headers
    }
}
