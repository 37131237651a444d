/// A Swift source cut into tokens, so that comments and string literals raise no false alarm.
///
/// This is not a parser. It knows as much of Swift's lexical structure as the house rules need:
/// nested comments, raw and multi-line strings with code in their interpolations, regex literals,
/// and names in backticks.
struct SwiftSource {
    struct Token: Hashable {
        enum Kind { case word, quotedName, number, string, symbol }

        var kind: Kind
        var text: String
        var line: Int
        /// Whether nothing, not even a space, stands between this token and the one before.
        var isAdjacent: Bool

        func isWord(_ words: String...) -> Bool { kind == .word && words.contains(text) }

        func isSymbol(_ symbols: String...) -> Bool { kind == .symbol && symbols.contains(text) }
    }

    struct Comment: Hashable {
        var text: String
        var line: Int
    }

    /// The path below the root of the checkout, with slashes.
    let path: String
    let tokens: [Token]
    /// A comment of several lines is one entry a line.
    let comments: [Comment]

    init(path: String, text: String) {
        self.path = path
        var lexer = Lexer(bytes: Array(text.utf8))
        lexer.readCode(untilParenthesisCloses: false)
        tokens = lexer.tokens
        comments = lexer.comments
    }

    /// The file name without folder and extension.
    var baseName: String {
        let fileName = path.split(separator: "/").last ?? ""
        return String(fileName.prefix { $0 != "." })
    }

    /// Whether a generator wrote this file; only the rules about imports and names hold for it.
    var isGenerated: Bool { path.hasSuffix(".pb.swift") }

    func isInside(_ folders: String...) -> Bool {
        folders.contains { path.hasPrefix($0 + "/") }
    }

    /// The token a number of places after another one, or nil past either end.
    func token(_ offset: Int, after index: Int) -> Token? {
        tokens.indices.contains(index + offset) ? tokens[index + offset] : nil
    }
}

private struct Lexer {
    let bytes: [UInt8]
    var tokens: [SwiftSource.Token] = []
    var comments: [SwiftSource.Comment] = []
    private var index = 0
    private var line = 1
    private var endOfLastToken = -1

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads tokens to the end, or to the parenthesis that ends an interpolation.
    mutating func readCode(untilParenthesisCloses: Bool) {
        var depth = 0
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                index += 1
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                index += 1
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"):
                readLineComment()
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"):
                readBlockComment()
            case UInt8(ascii: "/") where startsRegex():
                readRegex()
            case UInt8(ascii: "\""):
                readString(hashCount: 0)
            case UInt8(ascii: "#"):
                readAfterHash()
            case UInt8(ascii: "`"):
                readQuotedName()
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                readNumber()
            case _ where isWordByte(byte):
                let start = index
                while let next = peek(), isWordByte(next) { index += 1 }
                append(.word, from: start, startLine: line)
            default:
                if byte == UInt8(ascii: "(") { depth += 1 }
                if byte == UInt8(ascii: ")") { depth -= 1 }
                index += 1
                if untilParenthesisCloses, depth < 0 { return }
                append(.symbol, from: index - 1, startLine: line)
            }
        }
    }

    private func peek(_ offset: Int = 0) -> UInt8? {
        index + offset < bytes.count ? bytes[index + offset] : nil
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"),
            0x80...0xFF:
            true
        default:
            false
        }
    }

    private mutating func append(
        _ kind: SwiftSource.Token.Kind,
        from start: Int,
        to end: Int? = nil,
        startLine: Int,
        isAdjacent: Bool? = nil
    ) {
        tokens.append(
            SwiftSource.Token(
                kind: kind,
                text: String(decoding: bytes[start..<(end ?? index)], as: UTF8.self),
                line: startLine,
                isAdjacent: isAdjacent ?? (start == endOfLastToken)
            )
        )
        endOfLastToken = index
    }

    private mutating func readLineComment() {
        let start = index
        while let byte = peek(), byte != UInt8(ascii: "\n") { index += 1 }
        comments.append(
            .init(text: String(decoding: bytes[start..<index], as: UTF8.self), line: line)
        )
    }

    private mutating func readBlockComment() {
        let start = index
        let startLine = line
        var depth = 0
        repeat {
            switch (peek(), peek(1)) {
            case (UInt8(ascii: "/"), UInt8(ascii: "*")):
                depth += 1
                index += 2
            case (UInt8(ascii: "*"), UInt8(ascii: "/")):
                depth -= 1
                index += 2
            case (let byte, _):
                if byte == UInt8(ascii: "\n") { line += 1 }
                index += 1
            }
        } while depth > 0 && index < bytes.count
        let text = String(decoding: bytes[start..<min(index, bytes.count)], as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (offset, text) in lines.enumerated() {
            comments.append(.init(text: String(text), line: startLine + offset))
        }
    }

    /// Reads what a hash starts: a raw string, an extended regex, or a word such as `#expect`.
    private mutating func readAfterHash() {
        var hashCount = 0
        while peek(hashCount) == UInt8(ascii: "#") { hashCount += 1 }
        switch peek(hashCount) {
        case UInt8(ascii: "\""):
            readString(hashCount: hashCount)
        case UInt8(ascii: "/"):
            let start = index
            let startLine = line
            index += hashCount + 1
            while index < bytes.count, !(bytes[index - 1] == UInt8(ascii: "/") && closes(hashCount))
            {
                if bytes[index] == UInt8(ascii: "\n") { line += 1 }
                index += 1
            }
            index = min(index + hashCount, bytes.count)
            append(.string, from: start, startLine: startLine)
        default:
            index += 1
            append(.symbol, from: index - 1, startLine: line)
        }
    }

    /// Whether as many hashes stand here as opened a raw literal.
    private func closes(_ hashCount: Int) -> Bool {
        (0..<hashCount).allSatisfy { peek($0) == UInt8(ascii: "#") }
    }

    /// Reads a string literal; the code of its interpolations follows it as tokens of their own.
    private mutating func readString(hashCount: Int) {
        let quote = UInt8(ascii: "\"")
        let startLine = line
        let opening = index
        let isAdjacent = opening == endOfLastToken
        index += hashCount
        let isMultiline = peek(1) == quote && peek(2) == quote
        let quoteCount = isMultiline ? 3 : 1
        index += quoteCount
        let start = index
        let place = tokens.count
        var end = bytes.count
        while let byte = peek() {
            if byte == quote, isClosingQuote(quoteCount, hashCount: hashCount) {
                end = index
                index += quoteCount + hashCount
                break
            }
            if byte == UInt8(ascii: "\\"), closesAfter(1, hashCount) {
                index += 1 + hashCount
                if peek() == UInt8(ascii: "(") {
                    index += 1
                    readCode(untilParenthesisCloses: true)
                } else if peek() != UInt8(ascii: "\n") {
                    index += 1
                }
                continue
            }
            if byte == UInt8(ascii: "\n") {
                // A literal of one line that does not end is broken code: go on with the next line.
                guard isMultiline else {
                    end = index
                    break
                }
                line += 1
            }
            index += 1
        }
        let interpolated = tokens[place...]
        tokens.removeSubrange(place...)
        append(.string, from: start, to: end, startLine: startLine, isAdjacent: isAdjacent)
        tokens += interpolated
        endOfLastToken = index
    }

    private func isClosingQuote(_ quoteCount: Int, hashCount: Int) -> Bool {
        (0..<quoteCount).allSatisfy { peek($0) == UInt8(ascii: "\"") }
            && closesAfter(quoteCount, hashCount)
    }

    private func closesAfter(_ offset: Int, _ hashCount: Int) -> Bool {
        (0..<hashCount).allSatisfy { peek(offset + $0) == UInt8(ascii: "#") }
    }

    private mutating func readQuotedName() {
        let start = index + 1
        let startLine = line
        index = start
        while let byte = peek(), byte != UInt8(ascii: "`"), byte != UInt8(ascii: "\n") {
            index += 1
        }
        let end = index
        if peek() == UInt8(ascii: "`") { index += 1 }
        append(.quotedName, from: start, to: end, startLine: startLine)
    }

    /// Reads a number; in `pair.0.1` each digit is one of its own.
    private mutating func readNumber() {
        let start = index
        let isTupleMember = tokens.last?.isSymbol(".") == true && start == endOfLastToken
        while let byte = peek() {
            let isExponentSign =
                (byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+"))
                && isExponentMark(bytes[index - 1], numberStart: start)
            let isPoint =
                byte == UInt8(ascii: ".") && !isTupleMember
                && peek(1).map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } == true
            guard isWordByte(byte) || isExponentSign || isPoint else { break }
            index += 1
        }
        append(.number, from: start, startLine: line)
    }

    private func isExponentMark(_ byte: UInt8, numberStart: Int) -> Bool {
        let isHexadecimal =
            numberStart + 1 < bytes.count && bytes[numberStart + 1] == UInt8(ascii: "x")
        switch byte {
        case UInt8(ascii: "e"), UInt8(ascii: "E"): return !isHexadecimal
        case UInt8(ascii: "p"), UInt8(ascii: "P"): return isHexadecimal
        default: return false
        }
    }

    /// Tells a regex literal from a division, as the compiler does: by what stands around the slash.
    private func startsRegex() -> Bool {
        if let last = tokens.last {
            switch last.kind {
            case .word:
                let takesOperand = [
                    "return", "in", "case", "try", "await", "if", "guard", "while", "else", "throw",
                ]
                guard takesOperand.contains(last.text) else { return false }
            case .number, .string, .quotedName:
                return false
            case .symbol:
                guard !last.isSymbol(")", "]", "}", "?", "!") else { return false }
            }
        }
        guard let next = peek(1), next != UInt8(ascii: " "), next != UInt8(ascii: "\t") else {
            return false
        }
        return endOfRegex() != nil
    }

    private func endOfRegex() -> Int? {
        var position = index + 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") {
            switch bytes[position] {
            case UInt8(ascii: "\\"): position += 2
            case UInt8(ascii: "/"): return position + 1
            default: position += 1
            }
        }
        return nil
    }

    private mutating func readRegex() {
        let start = index
        index = endOfRegex() ?? index + 1
        append(.string, from: start, startLine: line)
    }
}
