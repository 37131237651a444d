import Causality
import TestSupport
import Testing

@Suite
struct IdentifierTests {
    private let node = NodeID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
    private let text = "0123456789abcdeffedcba9876543210"

    @Test
    func `a node's text and bytes are big end first`() {
        #expect(node.description == text)
        #expect(node.bytes.prefix(3) == [0x01, 0x23, 0x45])
        #expect(node.bytes.last == 0x10)
        #expect(NodeID(text.uppercased()) == node)
    }

    @Test(arguments: Seeds.forThisRun)
    func `nodes and events come back from text and bytes`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let node = NodeID.random(using: &generator)
        #expect(NodeID(node.description) == node)
        #expect(NodeID(bytes: node.bytes) == node)
        #expect(NodeID(bytes: ([9] + node.bytes).dropFirst()) == node)
        let shift = UInt64.random(in: 0..<64, using: &generator)
        let event = EventID(node: node, sequence: generator.next() >> shift | 1)
        #expect(EventID(event.description) == event)
    }

    @Test(arguments: Seeds.forThisRun)
    func `identifiers are ordered as their bytes`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let first = NodeID.random(using: &generator)
        let second = NodeID(high: first.high, low: generator.next())
        let third = NodeID.random(using: &generator)
        for (one, other) in [(first, second), (first, third), (first, first)] {
            #expect((one < other) == one.bytes.lexicographicallyPrecedes(other.bytes))
            #expect((one < other) == (one.description < other.description))
        }
        let early = EventID(node: first, sequence: 2)
        #expect(early < EventID(node: first, sequence: 10))
        #expect((early < EventID(node: third, sequence: 1)) == (first < third))
    }

    @Test(arguments: [
        "", "0123456789abcdeffedcba987654321", "0123456789abcdeffedcba98765432100",
        "0123456789abcdeffedcba987654321g", "+123456789abcdeffedcba9876543210",
        " 123456789abcdeffedcba9876543210", "01234567-89ab-cdef-fedc-ba9876543210",
        "0123456789abcdeffedcba98765432\u{0661}",
    ])
    func `any other text names no node`(text: String) {
        #expect(NodeID(text) == nil)
    }

    @Test(arguments: [0, 1, 15, 17, 32])
    func `any other number of bytes names no node`(count: Int) {
        #expect(NodeID(bytes: [UInt8](repeating: 7, count: count)) == nil)
    }

    @Test(arguments: [
        "", ":", ":0", ":01", ":+1", ":-1", ":-0", ": 1", ":1 ", ":1:2", ":1x", "1",
        ":18446744073709551616", ":99999999999999999999999", ":\u{0661}",
    ])
    func `any other text names no event`(end: String) {
        #expect(EventID(text + end) == nil)
    }

    @Test
    func `an event's text is its node and its sequence`() {
        #expect(EventID(node: node, sequence: 42).description == text + ":42")
        #expect(EventID(text + ":18446744073709551615")?.sequence == .max)
    }

    @Test
    func `positions count up from the start and end where 64 bits do`() {
        #expect(HubPosition.start.next == HubPosition(1))
        #expect(HubPosition(1) == HubPosition(rawValue: 1))
        #expect(HubPosition(.max - 1).next == HubPosition(.max))
        #expect(HubPosition(.max).next == nil)
        #expect(HubPosition.start < HubPosition(1))
    }

    @Test
    func `epochs are ordered by counter, then by their bits`() {
        let sorted = [
            Epoch.none,
            Epoch(counter: 1, high: 0, low: 9),
            Epoch(counter: 1, high: 1, low: 0),
            Epoch(counter: 1, high: 1, low: 1),
            Epoch(counter: 2, high: 0, low: 0),
        ]
        #expect(sorted.reversed().sorted() == sorted)
        #expect(Set(sorted).count == sorted.count)
    }
}
