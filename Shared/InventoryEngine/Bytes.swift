/// Writes the canonical bytes of rows and keys: the same value always gives the same bytes, on
/// every machine, because digests are sums over them.
package struct ByteWriter {
    package var bytes: [UInt8] = []

    package init(capacity: Int = 48) {
        bytes.reserveCapacity(capacity)
    }

    package mutating func byte(_ value: UInt8) {
        bytes.append(value)
    }

    /// Seven bits a byte, least significant first.
    package mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Signed numbers, small magnitudes short.
    package mutating func signed(_ value: Int64) {
        varint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Eight bytes, most significant first, so that byte order is number order.
    package mutating func ordered(_ value: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    /// Eight bytes whose byte order is the order of signed numbers.
    package mutating func ordered(signed value: Int64) {
        ordered(UInt64(bitPattern: value) ^ (1 << 63))
    }

    /// A text that holds no NUL, ended by one, so that byte order is text order in keys.
    package mutating func terminated(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
    }

    /// A text with its length before it.
    package mutating func text(_ text: String) {
        varint(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    package mutating func raw(_ other: [UInt8]) {
        bytes.append(contentsOf: other)
    }

    package mutating func bool(_ value: Bool) {
        bytes.append(value ? 1 : 0)
    }
}

/// Reads what ``ByteWriter`` wrote; anything else is damage, never a trap.
package struct ByteReader {
    private let bytes: [UInt8]
    private var index = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package var isAtEnd: Bool { index == bytes.count }

    package mutating func byte() throws(EngineError) -> UInt8 {
        guard index < bytes.count else { throw .damaged("A stored row ends too early.") }
        defer { index += 1 }
        return bytes[index]
    }

    package mutating func varint() throws(EngineError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            guard shift < 63 || (shift == 63 && next <= 1) else {
                throw .damaged("A stored number is too long.")
            }
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
            shift += 7
        }
    }

    package mutating func signed() throws(EngineError) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    package mutating func ordered() throws(EngineError) -> UInt64 {
        var value: UInt64 = 0
        for _ in 0..<8 {
            value = value << 8 | UInt64(try byte())
        }
        return value
    }

    package mutating func orderedSigned() throws(EngineError) -> Int64 {
        Int64(bitPattern: try ordered() ^ (1 << 63))
    }

    package mutating func terminated() throws(EngineError) -> String {
        let start = index
        while try byte() != 0 {}
        return try string(start..<(index - 1))
    }

    package mutating func text() throws(EngineError) -> String {
        let count = try varint()
        guard count <= UInt64(bytes.count - index) else {
            throw .damaged("A stored text is longer than its row.")
        }
        let start = index
        index += Int(count)
        return try string(start..<index)
    }

    package mutating func raw(_ count: Int) throws(EngineError) -> [UInt8] {
        guard count >= 0, count <= bytes.count - index else {
            throw .damaged("A stored row ends too early.")
        }
        defer { index += count }
        return Array(bytes[index..<(index + count)])
    }

    package mutating func bool() throws(EngineError) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        default: throw .damaged("A stored flag is neither 0 nor 1.")
        }
    }

    private func string(_ range: Range<Int>) throws(EngineError) -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw .damaged("A stored text is not UTF-8.")
        }
        return text
    }
}
