import Interchange

/// Where a page of stored rows ended, as a text that says nothing to its reader.
///
/// It is the key of the last row that was looked at, so that the next page costs no more than the
/// first, and stays valid when rows before it come and go.
struct ReportCursor: Hashable {
    /// The most bytes of a key: no part of one is longer than 256 bytes, and none has seven.
    static let bytesMax = 2_048

    var kind: ReportKind
    /// The key of the last row, and what the list puts behind it.
    var key: [UInt8]

    /// The cursor as a text of letters and digits.
    var text: String {
        let digits = Array("0123456789abcdef".utf8)
        let index = UInt8(truncatingIfNeeded: ReportKind.allCases.firstIndex(of: kind) ?? 0)
        var text: [UInt8] = []
        for byte in [index] + key {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 0xF)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    init(kind: ReportKind, key: [UInt8]) {
        self.kind = kind
        self.key = key
    }

    /// Reads what ``text`` wrote for the same list.
    init(_ text: String, kind: ReportKind) throws(InterchangeError) {
        var bytes: [UInt8] = []
        var high: UInt8?
        guard text.utf8.count <= 2 * Self.bytesMax, text.utf8.count.isMultiple(of: 2) else {
            throw .invalidCursor
        }
        for character in text.utf8 {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            default: throw .invalidCursor
            }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        guard let index = bytes.first, Int(index) < ReportKind.allCases.count,
            ReportKind.allCases[Int(index)] == kind
        else { throw .invalidCursor }
        self.init(kind: kind, key: Array(bytes.dropFirst()))
    }
}
