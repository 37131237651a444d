/// One row of a CSV file: its fields as bytes, without their quotes.
public struct CSVRow: Hashable, Sendable {
    /// The line of the file on which the row begins, from 1; a quoted field may span several.
    public let line: Int

    private let bytes: [UInt8]
    private let ends: [Int]

    init(line: Int, bytes: [UInt8], ends: [Int]) {
        self.line = line
        self.bytes = bytes
        self.ends = ends
    }

    /// How many fields the row has, at least one.
    public var count: Int { ends.count }

    /// The bytes of a field, in whatever encoding the file has.
    ///
    /// - Parameter index: From 0, less than ``count``.
    public subscript(index: Int) -> ArraySlice<UInt8> {
        bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
    }

    /// The text of a field.
    ///
    /// - Parameter index: From 0.
    /// - Returns: The text, or nil where the row has no such field or it is not UTF-8.
    public func text(at index: Int) -> String? {
        guard ends.indices.contains(index) else { return nil }
        return String(validating: self[index], as: UTF8.self)
    }
}

/// Reads comma-separated values from bytes that arrive in parts.
///
/// Parts may be cut anywhere, also inside a field. Fields are separated by commas, rows by LF or
/// CRLF; a field in double quotes may hold commas, line ends and doubled quotes. A byte order mark
/// in front is dropped, and an empty line is no row. Nothing else is forgiven: what the format does
/// not allow ends the reading with an error that names the line.
///
/// ```swift
/// var reader = CSVReader()
/// for part in parts {
///     reader.append(part)
///     while let row = try reader.next() { … }
/// }
/// reader.finish()
/// while let row = try reader.next() { … }
/// ```
///
/// | Bytes         | Fields                    |
/// | ------------- | ------------------------- |
/// | `a,"b ""c"""` | `a` and `b "c"`           |
/// | `a,,`         | `a`, empty, empty         |
/// | `a"b`         | malformed: a stray quote  |
///
/// Source: RFC 4180, *Common Format and MIME Type for Comma-Separated Values (CSV) Files* (2005).
public struct CSVReader: Sendable {
    /// The most bytes that one field may have: 64 KiB, a long text.
    public static let fieldBytesMax = 64 * 1024
    /// The most bytes that the fields of one row may have together: 1 MiB.
    public static let rowBytesMax = 1024 * 1024
    /// The most fields that one row may have.
    public static let fieldCountMax = 1_024

    private enum State {
        case rowStart
        case fieldStart
        case plain
        case quoted
        case quoteInQuoted
        case carriageReturn
        case failed(ImportError)
    }

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    private static let quote = UInt8(ascii: "\"")
    private static let comma = UInt8(ascii: ",")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    private var state = State.rowStart
    private var input: [UInt8] = []
    private var position = 0
    private var hasBegun = false
    private var isFinished = false
    private var line = 1
    private var rowLine = 1
    private var quoteLine = 1
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    /// Makes a reader at the beginning of a file.
    public init() {}

    /// Hands over the next bytes of the file.
    ///
    /// To keep little in memory, call ``next()`` until it returns nil before the next part.
    ///
    /// - Parameter part: May be empty, and may be cut anywhere.
    public mutating func append(_ part: [UInt8]) {
        if position == input.count {
            input = part
        } else {
            input.removeSubrange(..<position)
            input.append(contentsOf: part)
        }
        position = 0
    }

    /// Says that the file has no more bytes, so that a last row without a line end is read too.
    public mutating func finish() {
        isFinished = true
    }

    /// Reads the next row.
    ///
    /// - Returns: The row, or nil when more bytes are needed; after ``finish()``, at the end.
    /// - Throws: ``ImportError`` with the code `malformed` or `too_large`; every later call throws
    ///   the same.
    public mutating func next() throws(ImportError) -> CSVRow? {
        if case .failed(let error) = state { throw error }
        do {
            return try readRow()
        } catch {
            state = .failed(error)
            throw error
        }
    }

    private mutating func readRow() throws(ImportError) -> CSVRow? {
        guard skipByteOrderMark() else { return nil }
        while position < input.count {
            let byte = input[position]
            position += 1
            if let row = try take(byte) { return row }
        }
        return isFinished ? try takeEnd() : nil
    }

    /// Skips the mark; says whether enough bytes are there to know that none follows.
    private mutating func skipByteOrderMark() -> Bool {
        if hasBegun { return true }
        let head = input[position...].prefix(Self.byteOrderMark.count)
        if Self.byteOrderMark.starts(with: head) {
            if head.count == Self.byteOrderMark.count {
                position += head.count
            } else if !isFinished {
                return false
            }
        }
        hasBegun = true
        return true
    }

    private mutating func take(_ byte: UInt8) throws(ImportError) -> CSVRow? {
        switch state {
        case .rowStart:
            rowLine = line
            if byte == Self.lineFeed {
                line += 1
            } else if byte == Self.carriageReturn {
                state = .carriageReturn
            } else {
                try begin(with: byte)
            }
        case .fieldStart:
            if byte == Self.lineFeed { return try endRow() }
            if byte == Self.carriageReturn {
                try endField()
                state = .carriageReturn
            } else {
                try begin(with: byte)
            }
        case .plain:
            if byte == Self.comma {
                try endField()
            } else if byte == Self.lineFeed {
                return try endRow()
            } else if byte == Self.carriageReturn {
                try endField()
                state = .carriageReturn
            } else if byte == Self.quote {
                throw malformed("A quote stands inside a field that does not begin with one.")
            } else {
                try keep(byte)
            }
        case .quoted:
            if byte == Self.quote {
                state = .quoteInQuoted
            } else {
                if byte == Self.lineFeed { line += 1 }
                try keep(byte)
            }
        case .quoteInQuoted:
            if byte == Self.quote {
                try keep(byte)
                state = .quoted
            } else if byte == Self.comma {
                try endField()
            } else if byte == Self.lineFeed {
                return try endRow()
            } else if byte == Self.carriageReturn {
                try endField()
                state = .carriageReturn
            } else {
                throw malformed("Something follows the closing quote of a field.")
            }
        case .carriageReturn:
            guard byte == Self.lineFeed else {
                throw malformed("A carriage return stands alone.")
            }
            line += 1
            return finishRow()
        case .failed(let error):
            throw error
        }
        return nil
    }

    private mutating func takeEnd() throws(ImportError) -> CSVRow? {
        switch state {
        case .rowStart:
            return nil
        case .fieldStart, .plain, .quoteInQuoted:
            return try endRow()
        case .quoted:
            line = quoteLine
            throw malformed("A quote is opened here and never closed.")
        case .carriageReturn:
            throw malformed("A carriage return stands alone.")
        case .failed(let error):
            throw error
        }
    }

    /// Begins a field with its first byte, which ends no row.
    private mutating func begin(with byte: UInt8) throws(ImportError) {
        if byte == Self.quote {
            quoteLine = line
            state = .quoted
        } else if byte == Self.comma {
            try endField()
        } else {
            state = .plain
            try keep(byte)
        }
    }

    private mutating func keep(_ byte: UInt8) throws(ImportError) {
        guard
            bytes.count - (ends.last ?? 0) < Self.fieldBytesMax, bytes.count < Self.rowBytesMax
        else {
            throw tooLarge(
                "A field is larger than \(Self.fieldBytesMax) bytes, or its row than "
                    + "\(Self.rowBytesMax)."
            )
        }
        bytes.append(byte)
    }

    private mutating func endField() throws(ImportError) {
        guard ends.count < Self.fieldCountMax else {
            throw tooLarge("A row has more than \(Self.fieldCountMax) fields.")
        }
        ends.append(bytes.count)
        state = .fieldStart
    }

    private mutating func endRow() throws(ImportError) -> CSVRow? {
        try endField()
        line += 1
        return finishRow()
    }

    /// Hands out what was read, or nothing for an empty line.
    private mutating func finishRow() -> CSVRow? {
        state = .rowStart
        guard !ends.isEmpty else { return nil }
        let row = CSVRow(line: rowLine, bytes: bytes, ends: ends)
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        return row
    }

    private func malformed(_ message: String) -> ImportError {
        ImportError(
            .malformed,
            message,
            line: line,
            hint: "Export the file again as CSV with quotes doubled inside quoted fields."
        )
    }

    private func tooLarge(_ message: String) -> ImportError {
        ImportError(
            .tooLarge,
            message,
            line: rowLine,
            hint: "Look for a quote that is never closed at or before this line."
        )
    }
}
