import Causality
import Foundation
import InventoryEngine
import Replication
import TestSupport
import Testing

@Suite
struct WireGoldenTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Fixtures/wire-v1.bin")

    /// The file holds each encoded event after its length in four bytes, big end first.
    ///
    /// It is for good: a change of our encoder must leave it readable, and may not replace it.
    @Test
    func `events of version 1 are read for good`() throws {
        let samples = try WireSamples.events()
        if !FileManager.default.fileExists(atPath: Self.file.path) {
            try Self.write(samples)
            Issue.record("\(Self.file.path) was missing and has been written; look and commit it.")
        }
        let golden = try Self.read()
        #expect(golden.count == samples.count)
        for (bytes, event) in zip(golden, samples) {
            #expect(try WireFormat.decodeEvent(bytes) == event)
        }
    }

    @Test
    func `today's encoder still writes version 1`() throws {
        for (bytes, event) in zip(try Self.read(), try WireSamples.events()) {
            #expect(WireFormat.encode(event) == bytes)
        }
    }

    /// A stored content hash must be found again after an upgrade, so no encoder may change it.
    @Test
    func `the content of each command has its hash for good`() throws {
        var chain = HashChain()
        for event in try WireSamples.events().prefix(42) {
            let command = InventoryCommand(
                body: event.body,
                at: event.at,
                actor: event.actor,
                note: event.note,
                isForced: event.isForced,
                corrects: event.corrects,
                site: event.site
            )
            chain.append(WireFormat.encodeContent(of: command))
        }
        #expect(
            chain.tip.description
                == "7f6b5c486db387c949c9378d189ef9e0c30cf2808313378a3b6863bdd55664d5"
        )
    }

    private static func read() throws -> [[UInt8]] {
        var rest = [UInt8](try Data(contentsOf: file))[...]
        var events: [[UInt8]] = []
        while !rest.isEmpty {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            events.append(Array(rest.dropFirst(4).prefix(length)))
            rest = rest.dropFirst(4 + length)
        }
        return events
    }

    private static func write(_ events: [InventoryEvent]) throws {
        var bytes: [UInt8] = []
        for event in events {
            let encoded = WireFormat.encode(event)
            for shift in [24, 16, 8, 0] {
                bytes.append(UInt8(truncatingIfNeeded: encoded.count >> shift))
            }
            bytes += encoded
        }
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(bytes).write(to: file)
    }
}
