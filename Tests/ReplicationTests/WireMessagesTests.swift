import Causality
import InventoryEngine
import Replication
import TestSupport
import Testing

@Suite
struct WireMessagesTests {
    @Test(arguments: WireEncoding.allCases)
    func `every message comes back as it was`(encoding: WireEncoding) throws {
        for message in try WireMessage.samples() {
            #expect(try message.decodeAgain(message.encoded(as: encoding), as: encoding) == message)
        }
    }

    @Test(arguments: WireEncoding.allCases)
    func `the least message comes back as it was`(encoding: WireEncoding) throws {
        for message in try WireMessage.leastSamples() {
            #expect(try message.decodeAgain(message.encoded(as: encoding), as: encoding) == message)
        }
    }

    @Test
    func `fields that are not known are ignored`() throws {
        for message in try WireMessage.samples() {
            let more = WireBytes(all: message.encoded(as: .protobuf)).text(99, "news")
            #expect(try message.decodeAgain(more.all, as: .protobuf) == message)
            var json = message.encoded(as: .json)
            json.removeLast()
            json += Array(#","news":{"of":[1,2]}}"#.utf8)
            #expect(try message.decodeAgain(json, as: .json) == message)
        }
    }

    @Test
    func `a refusal in JSON can be read by people`() throws {
        let refusal = SyncRefusal(code: "hello_first", message: "Say hello.", expectedSequence: 7)
        let json = String(decoding: WireFormat.encode(refusal, as: .json), as: UTF8.self)
        #expect(
            json == #"{"code":"hello_first","message":"Say hello.","expectedSequence":"7"}"#
        )
        let bare = try WireFormat.decodeSyncRefusal(Array(#"{"code":"x"}"#.utf8), as: .json)
        #expect(bare == SyncRefusal(code: "x", message: ""))
    }

    @Test
    func `what is out of bounds is refused by name`() throws {
        let node = WireBytes().fixed(1, 1).fixed(2, 2)
        let batch = WireBytes().message(1, node).varint(3, 1).bytes(
            4,
            Array(repeating: 0, count: 32)
        )
        let ruling = WireBytes().varint(1, 5)
        let entry = WireBytes().varint(1, 1)
            .message(2, WireBytes().fixed(1, 1).varint(3, 1))
        func page(_ entry: WireBytes) -> WireBytes {
            WireBytes().bytes(4, Array(repeating: 0, count: 32))
                .message(2, WireBytes().message(1, entry))
        }
        let cases: [(String, () throws(ReplicationError) -> Void)] = [
            ("events", decoding(batch, WireFormat.decodeEventBatch)),
            ("events[0]", decoding(batch.bytes(5, []), WireFormat.decodeEventBatch)),
            ("first", decoding(batch.varint(3, 0).bytes(5, [1]), WireFormat.decodeEventBatch)),
            ("first", decoding(batch.varint(3, .max).bytes(5, [1]), WireFormat.decodeEventBatch)),
            (
                "previous_hash",
                decoding(batch.bytes(4, [1]).bytes(5, [1]), WireFormat.decodeEventBatch)
            ),
            ("node", decoding(WireBytes().varint(3, 1).bytes(5, [1]), WireFormat.decodeEventBatch)),
            ("node", decoding(WireBytes(), WireFormat.decodeJoinRequest)),
            ("hub", decoding(WireBytes(), WireFormat.decodeJoinReply)),
            ("node", decoding(WireBytes(), WireFormat.decodeHelloRequest)),
            ("action", decoding(WireBytes().varint(1, 7), WireFormat.decodeHelloReply)),
            ("acknowledged_hash", decoding(WireBytes(), WireFormat.decodePushReply)),
            ("node", decoding(WireBytes(), WireFormat.decodePullRequest)),
            ("cursor_hash", decoding(WireBytes(), WireFormat.decodePullReply)),
            ("ruling", decoding(page(entry), WireFormat.decodePullReply)),
            (
                "ruling.verdict",
                decoding(page(entry.message(3, ruling)), WireFormat.decodePullReply)
            ),
            ("code", decoding(WireBytes(), WireFormat.decodeSyncRefusal)),
        ]
        for (field, decode) in cases {
            let error = #expect(throws: ReplicationError.self) { try decode() }
            #expect(error?.code == .malformed)
            #expect(error?.message.hasPrefix("The field \(field) ") == true, "\(field): \(error)")
        }
    }

    private func decoding<Message>(
        _ bytes: WireBytes,
        _ decode: @escaping ([UInt8], WireEncoding) throws(ReplicationError) -> Message
    ) -> () throws(ReplicationError) -> Void {
        { () throws(ReplicationError) in _ = try decode(bytes.all, .protobuf) }
    }

    @Test
    func `a refusal tells the node what to do`() {
        let codes: [(String, ReplicationError.Code, Bool)] = [
            ("sequence_gap", .sequenceGap, true), ("hello_first", .helloFirst, true),
            ("epoch_mismatch", .epochMismatch, true), ("node_revoked", .nodeRevoked, false),
            ("signature_invalid", .refused, false), ("network_mismatch", .refused, false),
            ("storage_failed", .refused, false), ("", .refused, false),
        ]
        for (text, code, isRetryable) in codes {
            let refusal = SyncRefusal(code: text, message: "", expectedSequence: 4)
            let error = ReplicationError(refusal: refusal)
            #expect(error.code == code)
            #expect(error.refusal == refusal)
            #expect(error.isRetryable == isRetryable)
        }
    }

    @Test
    func `encodings are named by their content types`() {
        #expect(WireEncoding(contentType: "application/x-protobuf") == .protobuf)
        #expect(WireEncoding(contentType: "application/json") == .json)
        #expect(WireEncoding(contentType: "text/html") == nil)
    }
}

/// Any message of the calls, so that one test can go through all of them.
enum WireMessage: Hashable {
    case joinRequest(JoinRequest)
    case joinReply(JoinReply)
    case helloRequest(HelloRequest)
    case helloReply(HelloReply)
    case batch(EventBatch)
    case pushReply(PushReply)
    case pullRequest(PullRequest)
    case pullReply(PullReply)
    case refusal(SyncRefusal)

    func encoded(as encoding: WireEncoding) -> [UInt8] {
        switch self {
        case .joinRequest(let message): WireFormat.encode(message, as: encoding)
        case .joinReply(let message): WireFormat.encode(message, as: encoding)
        case .helloRequest(let message): WireFormat.encode(message, as: encoding)
        case .helloReply(let message): WireFormat.encode(message, as: encoding)
        case .batch(let message): WireFormat.encode(message, as: encoding)
        case .pushReply(let message): WireFormat.encode(message, as: encoding)
        case .pullRequest(let message): WireFormat.encode(message, as: encoding)
        case .pullReply(let message): WireFormat.encode(message, as: encoding)
        case .refusal(let message): WireFormat.encode(message, as: encoding)
        }
    }

    /// Decodes bytes as the same kind of message.
    func decodeAgain(
        _ bytes: [UInt8],
        as encoding: WireEncoding
    ) throws(ReplicationError) -> WireMessage {
        switch self {
        case .joinRequest: .joinRequest(try WireFormat.decodeJoinRequest(bytes, as: encoding))
        case .joinReply: .joinReply(try WireFormat.decodeJoinReply(bytes, as: encoding))
        case .helloRequest: .helloRequest(try WireFormat.decodeHelloRequest(bytes, as: encoding))
        case .helloReply: .helloReply(try WireFormat.decodeHelloReply(bytes, as: encoding))
        case .batch: .batch(try WireFormat.decodeEventBatch(bytes, as: encoding))
        case .pushReply: .pushReply(try WireFormat.decodePushReply(bytes, as: encoding))
        case .pullRequest: .pullRequest(try WireFormat.decodePullRequest(bytes, as: encoding))
        case .pullReply: .pullReply(try WireFormat.decodePullReply(bytes, as: encoding))
        case .refusal: .refusal(try WireFormat.decodeSyncRefusal(bytes, as: encoding))
        }
    }

    static func page() throws -> PullReply {
        var page = PullReply(
            epoch: WireSamples.epoch,
            cursor: HubPosition(90),
            cursorHash: WireSamples.hash
        )
        for (index, verdict) in Verdict.allCases.enumerated() {
            let ruling = Ruling(
                verdict: verdict,
                reason: index == 0 ? nil : VerdictReason(code: "stock_short", sentence: "Short."),
                sites: try (0..<index).map { try WireSamples.identifier("S\($0)") },
                carried: (0..<index).map { Money(units: Int64($0) - 2) },
                rulesVersion: 3,
                receivedAt: Instant(microseconds: 1_795_424_400_000_000)
            )
            let entry = Entry(
                position: HubPosition(UInt64(index) + 80),
                event: EventID(node: WireSamples.node, sequence: UInt64(index) + 1),
                ruling: ruling,
                chainHash: WireSamples.hash
            )
            page.entries.append(
                PulledEntry(entry: entry, eventBytes: index == 1 ? nil : [1, 2, 3])
            )
        }
        page.acknowledgedAtCursor = 12
        page.hasMore = true
        page.head = HubPosition(100)
        page.durable = HubPosition(50)
        for layer in Layer.allCases {
            let site: SiteCode? = layer == .network ? nil : try WireSamples.identifier("LON")
            page.digests.append(
                LayerDigest(site: site, layer: layer, sum: DigestSum(words: (1, 2, 3, 4)))
            )
        }
        page.summaries = [
            SummaryRow(
                site: try WireSamples.identifier("MUC"),
                sku: try WireSamples.identifier("85123A"),
                value: [9, 8]
            )
        ]
        page.summariesCursor = HubPosition(77)
        page.signature = Array(repeating: 7, count: 64)
        return page
    }

    static func samples() throws -> [WireMessage] {
        var hello = HelloRequest(
            node: WireSamples.node,
            programVersion: "1.0.0",
            sentAt: Instant(microseconds: 5)
        )
        hello.epoch = WireSamples.epoch
        hello.applied = HubPosition(4)
        hello.appliedHash = WireSamples.hash
        hello.lastSequence = 9
        hello.tip = WireSamples.hash
        hello.acknowledged = 8
        hello.ackReceipt = Array(repeating: 1, count: 64)
        hello.pending = 1
        hello.oldestPendingSeconds = 60
        hello.freeBytes = .max
        hello.openConflicts = 2
        hello.digestAgrees = true
        let reason = VerdictReason(code: "op_reused", sentence: "Another order has this op.")
        return [
            .joinRequest(
                JoinRequest(
                    token: "t-1",
                    node: WireSamples.node,
                    site: try WireSamples.identifier("LON"),
                    publicKey: Array(0..<32),
                    currency: try WireSamples.identifier("GBP"),
                    moneyScale: 6,
                    name: try WireSamples.identifier("lon-1")
                )
            ),
            .joinReply(
                JoinReply(
                    hub: WireSamples.otherNode,
                    hubPublicKey: Array(0..<32),
                    epoch: WireSamples.epoch,
                    name: try WireSamples.identifier("lon-1")
                )
            ),
            .helloRequest(hello),
            .helloReply(
                HelloReply(
                    action: .handBack,
                    reason: "The hub was restored.",
                    epoch: WireSamples.epoch,
                    head: HubPosition(3),
                    acknowledged: 4,
                    acknowledgedHash: WireSamples.hash,
                    durable: HubPosition(2),
                    batchEventsMax: 1_000,
                    receivedAt: Instant(microseconds: -7),
                    sentAt: Instant(microseconds: .min)
                )
            ),
            .batch(
                EventBatch(
                    node: WireSamples.node,
                    epoch: WireSamples.epoch,
                    first: 4,
                    previousHash: WireSamples.hash,
                    events: [[1], [2, 3]],
                    signature: Array(repeating: 3, count: 64)
                )
            ),
            .pushReply(
                PushReply(
                    acknowledged: 5,
                    acknowledgedHash: WireSamples.hash,
                    receipt: Array(repeating: 3, count: 64),
                    durable: HubPosition(1),
                    head: HubPosition(8),
                    verdicts: [
                        EventVerdict(sequence: 4, verdict: .duplicate, reason: reason),
                        EventVerdict(sequence: 5, verdict: .adjusted, reason: nil),
                    ],
                    nextBatchEvents: 256
                )
            ),
            .pullRequest(
                PullRequest(
                    node: WireSamples.node,
                    epoch: WireSamples.epoch,
                    after: HubPosition(8),
                    bytesMax: 1 << 20,
                    waitMilliseconds: 30_000,
                    summariesAfter: .start
                )
            ),
            .pullReply(try page()),
            .refusal(SyncRefusal(code: "sequence_gap", message: "A gap.", expectedSequence: 4)),
        ]
    }

    /// Messages with nothing that may be left out.
    static func leastSamples() throws -> [WireMessage] {
        [
            .helloRequest(
                HelloRequest(
                    node: WireSamples.node,
                    programVersion: "",
                    sentAt: Instant(microseconds: 0)
                )
            ),
            .batch(
                EventBatch(
                    node: WireSamples.node,
                    epoch: .none,
                    first: 1,
                    previousHash: .zero,
                    events: [[0]],
                    signature: []
                )
            ),
            .pushReply(
                PushReply(
                    acknowledged: 0,
                    acknowledgedHash: .zero,
                    receipt: [],
                    durable: .start,
                    head: .start,
                    verdicts: [],
                    nextBatchEvents: 0
                )
            ),
            .pullRequest(
                PullRequest(
                    node: WireSamples.node,
                    epoch: .none,
                    after: .start,
                    bytesMax: 0,
                    waitMilliseconds: 0,
                    summariesAfter: nil,
                    wantsDigests: false
                )
            ),
            .pullReply(PullReply(epoch: .none, cursor: .start, cursorHash: .zero)),
            .refusal(SyncRefusal(code: "x", message: "")),
        ]
    }
}
