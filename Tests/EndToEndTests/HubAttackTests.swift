import Causality
import Compression
import CurlTransport
import Foundation
import Interchange
import InventoryEngine
import Replication
import SQLiteStorage
import TestSupport
import Testing

/// A node that has joined, whose key somebody uses to say what no node says.
private struct Attacker {
    let node: NodeID
    let epoch: Epoch
    let key: NodeKey
    let peer: CurlPeer
    /// What the node really recorded, in sequence.
    let events: [[UInt8]]

    init(_ site: Site, url: String) async throws {
        key = try site.key()
        peer = try CurlPeer(address: url)
        let log = try SQLiteEventLog(path: site.database, create: false)
        (node, epoch, events) = try await log.read { log in
            let node = try log.identity().node
            let held = try log.events(of: node, after: 0, limit: 1_000, bytesMax: 8 << 20)
            return (node, try log.progress().epoch, held.map(\.bytes))
        }
    }

    /// The chain after so many of the real events.
    func tip(after count: Int) -> ContentHash {
        var chain = HashChain(tip: .zero)
        for event in events.prefix(count) { chain.append(event) }
        return chain.tip
    }

    /// A batch whose signature is right.
    func batch(first: UInt64, after tip: ContentHash, _ events: [[UInt8]]) throws -> EventBatch {
        var batch = EventBatch(
            node: node,
            epoch: epoch,
            first: first,
            previousHash: tip,
            events: events,
            signature: []
        )
        try batch.sign(with: key)
        return batch
    }

    /// Sends a body as the node's own request, or as nobody's.
    func send(
        _ body: [UInt8],
        to path: String = SyncProtocol.pushPath,
        as contentType: String = WireEncoding.protobuf.contentType,
        headers: [PeerHeader] = [],
        isSigned: Bool = true,
        signedBody: [UInt8]? = nil
    ) async throws -> PeerReply {
        var headers = headers
        if isSigned {
            headers += try RequestSignature(
                method: "POST",
                path: path,
                body: signedBody ?? body,
                node: node,
                at: Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)),
                with: key
            ).headers
        }
        return try await peer.exchange(
            PeerRequest(path: path, headers: headers, body: body, contentType: contentType)
        )
    }
}

/// Hostile bytes at the hub's door, by a stranger and by the key of a node that has joined.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(20)))
struct HubAttackTests {
    /// The code of a refusal; an accepted call and a fault of the hub are failures of the test.
    private func refusal(
        _ reply: PeerReply,
        _ what: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> String {
        let encoding = reply.contentType.flatMap { WireEncoding(contentType: $0) } ?? .protobuf
        let refusal = try? WireFormat.decodeSyncRefusal(reply.body, as: encoding)
        #expect(
            400..<500 ~= reply.status && refusal?.code.isEmpty == false,
            "\(what): \(reply.status) \(refusal?.code ?? "-")",
            sourceLocation: sourceLocation
        )
        #expect(refusal?.message.isEmpty == false, "\(what)", sourceLocation: sourceLocation)
        return "\(reply.status) \(refusal?.code ?? "-")"
    }

    /// Where the hub stands: its head, what it acknowledged, and all digests.
    private func standing(_ network: RunningNetwork) throws -> [JSONValue?] {
        let output = try network.plumblineHub("status", "--json")
        let status = try JSONReader.read(Array(output.text.utf8))
        guard case .array(let nodes)? = status["nodes"] else { return [] }
        return [status["head"], status["digests"], status["attention"]]
            + nodes.map { $0["acknowledged"] }
    }

    /// A hub with an honest node at work and a node whose key was stolen.
    private func withAttacker(
        _ body: (RunningNetwork, Attacker) async throws -> Void
    ) async throws {
        try await withRunningNetwork(["LON", "MAN"]) { network in
            let (honest, stolen) = (network.sites[0], network.sites[1])
            let url = try await network.startHub()
            for site in network.sites {
                try network.plumbline(
                    site,
                    "record",
                    input: (1...12).map { number in
                        #"{"type":"item_registered","sku":"\#(number)","name":"No. \#(number)"}"#
                            + "\n"
                            + #"{"type":"goods_received","lines":[{"sku":"\#(number)","#
                            + #""quantity":7,"unit_cost":"1.25"}]}"# + "\n"
                    }.joined()
                )
                try network.plumbline(site, "join", url, "--token", network.invite(site))
            }
            try await honest.agent.start()
            try network.plumbline(honest, "sync", "--wait")
            let process = await network.hub.processIdentifier
            let attacker = try await Attacker(stolen, url: url)
            defer { attacker.peer.shutdown() }

            try await body(network, attacker)

            #expect(await network.hub.processIdentifier == process)
            let live = try await attacker.peer.exchange(PeerRequest(path: "/livez", method: "GET"))
            #expect(live.status == 200, "the hub is alive")
            try network.plumbline(
                honest,
                "record",
                input: #"{"type":"goods_received","lines":[{"sku":"1","quantity":1}]}"#
            )
            try network.plumbline(honest, "sync", "--wait")
            await network.stopAll()
        }
    }

    @Test(.sharedData(HostileTexts.folder))
    func `hostile JSON at every call is refused, signed or not, and changes nothing`()
        async throws
    {
        let files = try HostileTexts.files()
        try await withAttacker { network, attacker in
            let before = try standing(network)
            for file in files {
                for path in ["/v1/join", "/v1/sync/hello", "/v1/sync/push", "/v1/sync/pull"] {
                    for isSigned in [true, false] {
                        let reply = try await attacker.send(
                            file.bytes,
                            to: path,
                            as: "application/json",
                            isSigned: isSigned
                        )
                        let code = refusal(reply, "\(path) \(file.name)")
                        if path != "/v1/join", !isSigned {
                            #expect(code == "401 unauthenticated", "\(path) \(file.name)")
                        } else if file.mustBeRefused {
                            #expect(code == "400 malformed", "\(path) \(file.name)")
                        }
                    }
                }
            }
            #expect(try standing(network) == before)
        }
    }

    @Test func `garbage and changed batches are refused with a code and change nothing`()
        async throws
    {
        try await withAttacker { network, attacker in
            let before = try standing(network)
            var generator = SeededGenerator(seed: 11)
            for _ in 0..<Nightly.size(150, nightly: 5_000) {
                let size = Int.random(in: 0...400, using: &generator)
                let garbage = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
                for encoding in WireEncoding.allCases {
                    _ = refusal(
                        try await attacker.send(garbage, as: encoding.contentType),
                        "garbage"
                    )
                }
                let stranger = try await attacker.send(garbage, isSigned: false)
                #expect(refusal(stranger, "unsigned") == "401 unauthenticated")
            }
            // A real batch that would leave a gap is never accepted, whatever is changed in it.
            let late = try attacker.batch(
                first: 5,
                after: attacker.tip(after: 4),
                Array(attacker.events[4..<9])
            )
            for encoding in WireEncoding.allCases {
                let whole = WireFormat.encode(late, as: encoding)
                for _ in 0..<Nightly.size(150, nightly: 5_000) {
                    var bytes = whole
                    switch Int.random(in: 0..<3, using: &generator) {
                    case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
                    case 1:
                        let place = Int.random(in: 0..<bytes.count, using: &generator)
                        bytes.remove(at: place)
                    default:
                        let place = Int.random(in: 0..<bytes.count, using: &generator)
                        bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
                    }
                    let reply = try await attacker.send(bytes, as: encoding.contentType)
                    _ = refusal(reply, "changed \(encoding)")
                }
            }
            #expect(try standing(network) == before)
        }
    }

    @Test func `a batch that does not fit its node, its chain or its limits is refused by name`()
        async throws
    {
        try await withAttacker { network, attacker in
            let before = try standing(network)
            let events = attacker.events
            let tip = attacker.tip(after: 0)
            var other = try attacker.batch(first: 1, after: tip, Array(events[..<3]))
            other.node = NodeID(high: 9, low: 9)
            var unsigned = try attacker.batch(first: 1, after: tip, Array(events[..<3]))
            unsigned.signature = []
            var exchanged = try attacker.batch(first: 1, after: tip, Array(events[..<3]))
            exchanged.events.swapAt(0, 1)
            let many = [[UInt8]](repeating: events[0], count: 5_000)
            let cases: [(EventBatch, String, String)] = [
                (other, "403 other_node", "for another node"),
                (unsigned, "409 signature_invalid", "without signature"),
                (exchanged, "409 signature_invalid", "exchanged after signing"),
                (
                    try attacker.batch(
                        first: 3,
                        after: attacker.tip(after: 2),
                        Array(events[2..<4])
                    ), "409 sequence_gap", "a gap"
                ),
                (
                    try attacker.batch(
                        first: 1,
                        after: attacker.tip(after: 2),
                        Array(events[..<2])
                    ), "409 fork_detected", "another beginning"
                ),
                (try attacker.batch(first: 1, after: tip, []), "400 malformed", "empty"),
                (try attacker.batch(first: 1, after: tip, many), "400 batch_malformed", "many"),
                (
                    try attacker.batch(first: .max, after: tip, Array(events[..<2])),
                    "400 malformed", "at the last number"
                ),
            ]
            for encoding in WireEncoding.allCases {
                for (batch, code, what) in cases {
                    let reply = try await attacker.send(
                        WireFormat.encode(batch, as: encoding),
                        as: encoding.contentType
                    )
                    #expect(refusal(reply, what) == code, "\(what) \(encoding)")
                }
            }
            #expect(try standing(network) == before)
        }
    }

    @Test func `bodies that are too large, packed too tight or of another kind are refused`()
        async throws
    {
        try await withAttacker { network, attacker in
            let before = try standing(network)
            let gzip = PeerHeader(name: "Content-Encoding", value: "gzip")
            let plain = PeerHeader(name: "Content-Encoding", value: "identity")
            let brotli = PeerHeader(name: "Content-Encoding", value: "br")
            let batch = WireFormat.encode(
                try attacker.batch(first: 5, after: .zero, Array(attacker.events[4..<9]))
            )
            let packed = try GzipCodec.compress(batch)
            let bomb = try GzipCodec.compress([UInt8](repeating: 0, count: (64 << 20) + 1))
            #expect(bomb.count < 1 << 20)
            let nested = try GzipCodec.compress(bomb)
            let large = [UInt8](repeating: 7, count: (16 << 20) + 1)
            let protobuf = WireEncoding.protobuf.contentType
            let cases: [(body: [UInt8], type: String, header: PeerHeader, code: String)] = [
                (large, protobuf, plain, "413 body_too_large"),
                (bomb, protobuf, gzip, "413 body_too_large"),
                (nested, protobuf, gzip, "400 malformed"),
                (Array(packed.dropLast(3)), protobuf, gzip, "400 malformed"),
                (packed + [1, 2, 3], protobuf, gzip, "400 malformed"),
                (batch, protobuf, gzip, "400 malformed"),
                (batch, protobuf, brotli, "415 unsupported_media_type"),
                (batch, "text/plain", plain, "415 unsupported_media_type"),
                (batch, "application/json", plain, "400 malformed"),
            ]
            for (number, entry) in cases.enumerated() {
                for isSigned in [true, false] {
                    let content =
                        entry.header.value == "gzip"
                        ? (try? GzipCodec.decompress(entry.body, sizeMax: 64 << 20)) : nil
                    let reply = try await attacker.send(
                        entry.body,
                        as: entry.type,
                        headers: [entry.header],
                        isSigned: isSigned,
                        signedBody: content
                    )
                    let code = refusal(reply, "case \(number)")
                    let isRead = entry.code == "400 malformed" && entry.header.value != "gzip"
                    let isAuthenticatedFirst = isRead || number == 2
                    let expected =
                        !isSigned && isAuthenticatedFirst ? "401 unauthenticated" : entry.code
                    #expect(code == expected, "case \(number), signed: \(isSigned)")
                }
            }
            #expect(try standing(network) == before)
        }
    }

    @Test func `an event that means nothing is parked, and blocks neither its node nor others`()
        async throws
    {
        try await withAttacker { network, attacker in
            let before = try standing(network)
            var generator = SeededGenerator(seed: 12)
            var events: [[UInt8]] = [[], [0], Array(repeating: 0xFF, count: 300)]
            // The garbage of its own is enough where the naughty strings are not at hand.
            if SharedData.url(HostileTexts.naughtyFile) != nil {
                events += try HostileTexts.strings().prefix(60).map { Array($0.utf8) }
            }
            for event in attacker.events {
                events.append(event.dropLast(Int.random(in: 1..<event.count, using: &generator)))
                var changed = event
                let place = Int.random(in: 0..<event.count, using: &generator)
                changed[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
                events.append(changed)
            }
            var chain = HashChain(tip: .zero)
            var held: UInt64 = 0
            var verdicts: [Verdict: Int] = [:]
            for event in events {
                let batch = try attacker.batch(first: held + 1, after: chain.tip, [event])
                let reply = try await attacker.send(WireFormat.encode(batch))
                guard reply.status == 200 else {
                    // Such as one that knows of what the hub does not have.
                    _ = refusal(reply, "\(event)")
                    continue
                }
                let answer = try WireFormat.decodePushReply(reply.body)
                chain.append(event)
                held += 1
                #expect(answer.acknowledged == held)
                #expect(answer.acknowledgedHash == chain.tip)
                verdicts[answer.verdicts.first?.verdict ?? .accepted, default: 0] += 1
            }
            #expect(verdicts[.parked, default: 0] >= attacker.events.count)
            #expect(held >= UInt64(events.count) * 9 / 10, "\(verdicts)")

            let after = try standing(network)
            #expect(after[1]?["LON"] == before[1]?["LON"])
            // The node goes on after them: what it says then is heard.
            let last = try attacker.batch(first: held + 1, after: chain.tip, [attacker.events[0]])
            let reply = try await attacker.send(WireFormat.encode(last))
            #expect(reply.status == 200)
        }
    }
}
