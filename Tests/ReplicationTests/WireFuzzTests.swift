import Causality
import InventoryEngine
import Replication
import TestSupport
import Testing

@Suite
struct WireFuzzTests {
    /// Over 32 seeds this is 50,000 damaged inputs; whatever is still accepted is a valid value,
    /// which comes back as it was when it is encoded again.
    @Test(arguments: Seeds.forThisRun)
    func `no bytes do more than be refused`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let events = try WireSamples.events()
        let messages = try WireMessage.samples()
        for _ in 0..<Nightly.size(1_000, nightly: 50_000) {
            let sample = events[Int.random(in: events.indices, using: &random)]
            let other = events[Int.random(in: events.indices, using: &random)]
            let damaged = Self.damage(
                WireFormat.encode(sample),
                with: WireFormat.encode(other),
                using: &random
            )
            do throws(ReplicationError) {
                let event = try WireFormat.decodeEvent(damaged)
                guard event.formatVersion == InventoryEvent.formatVersionCurrent else { continue }
                let again = try WireFormat.decodeEvent(WireFormat.encode(event))
                #expect(again == event, "Replay with SEED=\(seed)")
            } catch {
                #expect(error.code == .malformed, "Replay with SEED=\(seed)")
            }
        }
        for _ in 0..<Nightly.size(600, nightly: 50_000) {
            let sample = messages[Int.random(in: messages.indices, using: &random)]
            let other = messages[Int.random(in: messages.indices, using: &random)]
            let encoding: WireEncoding = Bool.random(using: &random) ? .protobuf : .json
            let damaged = Self.damage(
                sample.encoded(as: encoding),
                with: other.encoded(as: encoding),
                using: &random
            )
            do throws(ReplicationError) {
                let message = try sample.decodeAgain(damaged, as: encoding)
                let again = try message.decodeAgain(message.encoded(as: encoding), as: encoding)
                #expect(again == message, "Replay with SEED=\(seed)")
            } catch {
                #expect(error.code == .malformed, "Replay with SEED=\(seed)")
            }
        }
    }

    @Test(arguments: Seeds.forThisRun)
    func `an event cut short is never taken for a whole one`(seed: UInt64) throws {
        var generator = try WireGenerator(seed: seed)
        let event = try generator.event()
        let bytes = WireFormat.encode(event)
        for count in bytes.indices {
            let cut = try? WireFormat.decodeEvent(Array(bytes.prefix(count)))
            #expect(cut != event, "Replay with SEED=\(seed)")
        }
    }

    /// Changes a few bytes, cuts, repeats, or mixes in a part of another input.
    private static func damage(
        _ bytes: [UInt8],
        with other: [UInt8],
        using random: inout SeededGenerator
    ) -> [UInt8] {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard !damaged.isEmpty else { return other }
            let place = Int.random(in: damaged.indices, using: &random)
            let end = min(damaged.count, place + Int.random(in: 1...8, using: &random))
            switch Int.random(in: 0..<9, using: &random) {
            case 0: damaged[place] = UInt8.random(in: 0...255, using: &random)
            case 1: damaged[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
            case 2: damaged[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
            case 3: damaged.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 4: damaged.removeSubrange(place..<end)
            case 5: damaged.removeSubrange(place...)
            case 6: damaged.insert(contentsOf: damaged[place..<end], at: place)
            case 7: damaged.replaceSubrange(place..., with: other.suffix(other.count / 2))
            default: damaged.replaceSubrange(place..<end, with: Array(repeating: 0xFF, count: 9))
            }
        }
        return damaged
    }
}
