/// A place in a file that breaks a house rule.
struct Violation: Hashable, CustomStringConvertible {
    var path: String
    var line: Int
    var message: String

    init(_ path: String, _ line: Int, _ message: String) {
        self.path = path
        self.line = line
        self.message = message
    }

    var description: String { "\(path):\(line): \(message)" }
}

/// The checks behind the house rules: each reads one file and returns where it breaks the rule.
enum HouseRules {
    /// The folders of the product; tests may do some things that it may not.
    static func isProduct(_ source: SwiftSource) -> Bool {
        source.isInside("Shared", "Client", "Server")
    }

    // MARK: - Rules about code

    /// Finds `try!`, `as!` and `fatalError(`: each turns what can happen into a crash.
    static func traps(in source: SwiftSource) -> [Violation] {
        guard !source.isGenerated else { return [] }
        return violations(in: source) { token, index in
            let next = source.token(1, after: index)
            if token.isWord("try", "as"), let next, next.isSymbol("!"), next.isAdjacent {
                return "\(token.text)! traps; throw or use the optional form"
            }
            if token.isWord("fatalError"), next?.isSymbol("(") == true {
                return "fatalError traps; throw, or use a precondition for a programmer's error"
            }
            return nil
        }
    }

    /// Finds assertions that a release build leaves out.
    static func debugAssertions(in source: SwiftSource) -> [Violation] {
        guard source.isInside("Shared"), !source.isGenerated else { return [] }
        return violations(in: source) { token, index in
            guard token.isWord("assert", "assertionFailure"),
                source.token(1, after: index)?.isSymbol("(") == true,
                source.token(-1, after: index)?.isSymbol(".") != true
            else { return nil }
            return "\(token.text) is off in release; use precondition"
        }
    }

    /// Finds tasks that outlive the scope that starts them.
    static func unstructuredTasks(in source: SwiftSource) -> [Violation] {
        guard isProduct(source), !source.isGenerated else { return [] }
        return violations(in: source) { token, index in
            let declarations = ["struct", "class", "enum", "actor", "protocol", "typealias"]
            guard token.isWord("Task"),
                declarations.contains(source.token(-1, after: index)?.text ?? "") == false,
                let next = source.token(1, after: index)
            else { return nil }
            let startsOne =
                next.isSymbol("{", "(", "<")
                || next.isSymbol(".")
                    && source.token(2, after: index)?
                        .isWord("detached", "immediate", "immediateDetached", "init") == true
            return startsOne ? "an unstructured task; use a task group or a service" : nil
        }
    }

    /// Finds unsafe code outside the modules that wrap a C library, and the hash chain.
    static func unsafeCode(in source: SwiftSource) -> [Violation] {
        let wrappers = [
            "Client/CurlTransport/", "Shared/SQLiteStorage/", "Server/PostgresStorage/",
            "Shared/Compression/", "Shared/Causality/HashChain.swift",
        ]
        guard isProduct(source), !source.isGenerated,
            !wrappers.contains(where: source.path.hasPrefix)
        else { return [] }
        return violations(in: source) { token, _ in
            let isUnsafe = token.kind == .word && words(of: token.text).contains("unsafe")
            return isUnsafe ? "\(token.text) is unsafe, and this module wraps no C library" : nil
        }
    }

    /// Finds binary floating point in the engine, whose quantities and amounts are integers.
    static func floatingPoint(in source: SwiftSource) -> [Violation] {
        guard source.isInside("Shared/InventoryEngine") else { return [] }
        return violations(in: source) { token, _ in
            if token.isWord(
                "Double",
                "Float",
                "Float16",
                "Float32",
                "Float64",
                "Float80",
                "CGFloat"
            ) {
                return "\(token.text) is a floating point type"
            }
            return isFloatingPoint(token) ? "\(token.text) is a floating point literal" : nil
        }
    }

    private static func isFloatingPoint(_ token: SwiftSource.Token) -> Bool {
        guard token.kind == .number else { return false }
        let mark = token.text.hasPrefix("0x") ? "p" : "e"
        return token.text.contains(".")
            || !token.text.hasPrefix("0b") && token.text.lowercased().contains(mark)
    }

    // MARK: - Rules about names

    /// Finds types and functions named with words that the glossary replaces.
    static func glossary(in source: SwiftSource) -> [Violation] {
        var replaced = [
            "packet": "batch", "packets": "batches", "outbox": "event log",
            "outboxes": "event logs", "checkpoint": "cursor", "checkpoints": "cursors",
        ]
        if source.isInside("Shared/SQLiteStorage", "Tests/SQLiteStorageTests") {
            // There it is SQLite's own, of its write-ahead log.
            replaced["checkpoint"] = nil
            replaced["checkpoints"] = nil
        }
        return violations(in: source) { token, index in
            let declarations = [
                "struct", "class", "enum", "actor", "protocol", "typealias", "func",
                "associatedtype",
            ]
            guard token.kind == .word || token.kind == .quotedName,
                let keyword = source.token(-1, after: index), keyword.kind == .word,
                declarations.contains(keyword.text)
            else { return nil }
            guard let word = words(of: token.text).first(where: { replaced[$0] != nil }) else {
                return nil
            }
            return
                "\"\(word)\" in the name \(token.text): the glossary says \(replaced[word] ?? "")"
        }
    }

    /// Finds files whose name says nothing about what is in them.
    static func vagueFileName(of path: String) -> [Violation] {
        let vague: Set = [
            "util", "utils", "utility", "utilities", "helper", "helpers", "common", "misc",
        ]
        let name = path.split(separator: "/").last ?? ""
        guard let word = words(of: name).first(where: vague.contains) else { return [] }
        return [Violation(path, 1, "the file name says \"\(word)\"; name it after its type")]
    }

    /// Cuts a name into its lowercase words: `SQLiteRow+Helpers` is sq, lite, row, helpers.
    static func words(of name: some StringProtocol) -> [String] {
        var words: [String] = []
        var word = ""
        for character in name {
            guard character.isLetter else {
                words.append(word)
                word = ""
                continue
            }
            if character.isUppercase, word.last?.isLowercase == true {
                words.append(word)
                word = ""
            }
            if character.isLowercase, word.count > 1, word.last?.isUppercase == true {
                // The last capital of a run of capitals begins the next word.
                let first = word.removeLast()
                words.append(word)
                word = String(first)
            }
            word.append(character)
        }
        words.append(word)
        return words.filter { !$0.isEmpty }.map { $0.lowercased() }
    }

    // MARK: - Rules about texts

    // The words are written in two parts, so that this file does not break its own rule.
    private static let unfinishedMarks: Set<Substring> = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]

    /// Finds marks of unfinished work in code and comments, but not in string literals.
    static func unfinishedMarks(in source: SwiftSource) -> [Violation] {
        let inCode = source.tokens.filter { $0.kind == .word }.map {
            (text: $0.text, line: $0.line)
        }
        let inComments = source.comments.map { (text: $0.text, line: $0.line) }
        return (inCode + inComments).flatMap { part in
            unfinishedMarks(inLine: part.text, number: part.line, of: source.path)
        }
    }

    /// Finds marks of unfinished work in a file that is not Swift.
    static func unfinishedMarks(in file: SourceTree.File) -> [Violation] {
        lines(of: file).flatMap { line in
            unfinishedMarks(inLine: line.text, number: line.number, of: file.path)
        }
    }

    private static func unfinishedMarks(
        inLine text: some StringProtocol,
        number: Int,
        of path: String
    ) -> [Violation] {
        text.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
            .filter { unfinishedMarks.contains(Substring($0)) }
            .map { Violation(path, number, "\($0): finish it or file an issue") }
    }

    /// Finds lines that name the place where someone happened to work, or where packages were
    /// copied from: both mean nothing to a reader, and stop working elsewhere.
    static func places(in file: SourceTree.File) -> [Violation] {
        // In two parts for the same reason as above.
        let places = [
            "/wo" + "rk/", "/fa" + "rm/", "/opt/sw" + "ift", "fa" + "rm-", "/.lib" + "rary",
            "before-st" + "op", "swift-pack" + "ages/", "deb " + "http", "index-" + "url",
            "set-" + "mirror",
        ]
        return lines(of: file).flatMap { line in
            places.filter { line.text.contains($0) }
                .map { Violation(file.path, line.number, "names a place of this machine: \($0)") }
        }
    }

    private static func lines(of file: SourceTree.File) -> [(number: Int, text: Substring)] {
        file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { (number: $0.offset + 1, text: $0.element) }
    }

    // MARK: - Rules about the package

    /// Finds what keeps the one list of compiler settings from holding for every target.
    static func settings(of manifest: Manifest) -> [Violation] {
        let path = manifest.source.path
        var found = manifest.targets.filter(\.hasOwnSettings).map { target in
            Violation(path, target.line, "\(target.name) has settings apart from the common list")
        }
        let code = manifest.source.tokens.map(\.text).joined(separator: " ")
        let parts = [
            "for target in package . targets where target . type ! = . system {",
            "settings . append ( . treatAllWarnings ( as : . error ) )",
            "target . swiftSettings = settings }",
        ]
        var rest = code[...]
        for part in parts {
            guard let range = rest.firstRange(of: part) else {
                found.append(Violation(path, 1, "the loop over all targets lacks: \(part)"))
                continue
            }
            rest = rest[range.upperBound...]
        }
        if code.contains("unsafeFlags") {
            found.append(Violation(path, 1, "unsafeFlags bypasses the common settings"))
        }
        return found
    }

    /// Finds dependencies that do not come from where their authors publish them, or float.
    static func dependencies(of manifest: Manifest) -> [Violation] {
        let source = manifest.source
        return violations(in: source) { token, index in
            guard token.isWord("package"), source.token(1, after: index)?.isSymbol("(") == true,
                source.token(-1, after: index)?.isSymbol(".") == true
            else { return nil }
            let address = source.token(4, after: index)
            guard source.token(2, after: index)?.isWord("url") == true,
                address?.text.hasPrefix("https://github.com/") == true
            else { return "a dependency is named by its address on github.com" }
            guard source.token(6, after: index)?.isWord("exact") == true else {
                return "a direct dependency is pinned with exact:"
            }
            return nil
        }
    }

    /// Finds files outside the tree: Swift that no target compiles, and strange top-level entries.
    static func placement(of path: String, manifest: Manifest) -> [Violation] {
        let topLevel: Set<Substring> = [
            "Package.swift", "README.md", "Makefile", ".ci", ".swift-format", ".editorconfig",
            ".gitignore", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md", "Sources", "Shared",
            "Client", "Server", "Tests",
        ]
        let first = path.prefix { $0 != "/" }
        guard topLevel.contains(first) else {
            return [Violation(path, 1, "\(first) does not belong at the top level")]
        }
        // The benchmarks are a package of their own, which the main build never waits for.
        guard path.hasSuffix(".swift"), path != "Package.swift",
            !path.hasPrefix("Tests/Benchmarks/")
        else { return [] }
        guard let target = manifest.target(of: path) else {
            return [Violation(path, 1, "no target of Package.swift compiles this file")]
        }
        guard target.kind != "systemLibrary" else {
            return [Violation(path, 1, "\(target.name) is a C module and holds no Swift")]
        }
        return []
    }

    /// Finds targets whose folder is not the one that their name and side ask for.
    static func folders(of manifest: Manifest) -> [Violation] {
        manifest.targets.compactMap { target in
            let sides =
                switch target.kind {
                case "systemLibrary": ["Sources"]
                case "testTarget": ["Tests"]
                default: ["Shared", "Client", "Server", "Tests"]
                }
            guard !sides.contains(where: { target.path == "\($0)/\(target.name)" }) else {
                return nil
            }
            return Violation(
                manifest.source.path,
                target.line,
                "\(target.name) belongs in \(sides.joined(separator: ", ")), with path: to say so"
            )
        }
    }

    /// Finds test targets that the Makefile selects by name and that hold no test: a filter that
    /// matches nothing would pass.
    static func emptyFilters(inMakefile text: String, tree: SourceTree) -> [Violation] {
        let words = text.split { !$0.isLetter && $0 != "_" }
        // `$(list:%=--filter %)` is a filter for each word of the variable `list`.
        let filters = zip(words, zip(words.dropFirst(), words.dropFirst(2)))
            .filter { $0.1.0 == "filter" }
            .flatMap { before, filter in
                text.split(separator: "\n").first { $0.hasPrefix("\(before) := ") }?
                    .split { !$0.isLetter }.filter { $0.hasSuffix("Tests") } ?? [filter.1]
            }
        return Set(filters).sorted().compactMap { name in
            let folder = tree.manifest.targets.first { $0.name == name }?.path
            let holdsTest = tree.swiftSources.contains { source in
                guard let folder, source.isInside(folder) else { return false }
                return source.tokens.indices.contains { index in
                    source.tokens[index].isSymbol("@")
                        && source.token(1, after: index)?.isWord("Test") == true
                }
            }
            return holdsTest ? nil : Violation("Makefile", 1, "--filter \(name) matches no test")
        }
    }

    // MARK: -

    private static func violations(
        in source: SwiftSource,
        of check: (SwiftSource.Token, Int) -> String?
    ) -> [Violation] {
        source.tokens.indices.compactMap { index in
            let token = source.tokens[index]
            return check(token, index).map { Violation(source.path, token.line, $0) }
        }
    }
}
