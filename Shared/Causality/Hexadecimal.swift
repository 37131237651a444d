/// Reads and writes 64-bit words as bytes and as lower-case hexadecimal text, big end first.
enum Hexadecimal {
    private static let digits: [UInt8] = Array("0123456789abcdef".utf8)

    /// Puts 16 lower-case digits, the whole word, after the bytes already there.
    static func append(_ word: UInt64, to text: inout [UInt8]) {
        for shift in stride(from: 60, through: 0, by: -4) {
            text.append(digits[Int((word >> UInt64(shift)) & 0xF)])
        }
    }

    /// Writes words one after another, 16 digits each.
    static func text(of words: UInt64...) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(words.count * 16)
        for word in words {
            append(word, to: &text)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Takes 16 digits, lower or upper case, from the front.
    ///
    /// - Returns: `nil` when there are fewer, or one of them is no digit.
    static func takeWord(from text: inout Substring.UTF8View) -> UInt64? {
        var word: UInt64 = 0
        for _ in 0..<16 {
            guard let byte = text.popFirst(), let digit = value(of: byte) else { return nil }
            word = word << 4 | UInt64(digit)
        }
        return word
    }

    private static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// Words as bytes, big end first.
extension UInt64 {
    /// Puts the eight bytes of this word after the bytes already there.
    func appendBytes(to bytes: inout [UInt8]) {
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: self >> UInt64(shift)))
        }
    }

    /// Takes eight bytes from an iterator, or `nil` when it ends before.
    init?(takingBytesFrom bytes: inout some IteratorProtocol<UInt8>) {
        var word: UInt64 = 0
        for _ in 0..<8 {
            guard let byte = bytes.next() else { return nil }
            word = word << 8 | UInt64(byte)
        }
        self = word
    }
}
