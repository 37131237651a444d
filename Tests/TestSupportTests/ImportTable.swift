/// Which modules each target may import besides the standard library.
///
/// The build's own check sees neither an import that comes in through another dependency nor
/// Foundation, so this table is held by reading the sources.
enum ImportTable {
    /// A module that a target may import, in all of its files or in those that match a pattern.
    struct Allowance {
        var module: String
        /// Patterns of paths below the target's folder; `*` stands for any characters.
        var files = ["*"]
    }

    static let rows: [String: [Allowance]] = [
        "Causality": .only("Crypto", in: ["HashChain.swift"]),
        "InventoryEngine": all("Causality"),
        "Replication": all("Causality", "InventoryEngine", "Logging", "ServiceLifecycle")
            + .only("Crypto", in: ["BatchSignature.swift"])
            + .only("SwiftProtobuf", "Foundation", in: ["WireFormat*.swift", "Wire/*"]),
        "Compression": all("CZlib"),
        "Interchange": all("Causality", "InventoryEngine", "Replication", "Compression")
            + all("Foundation"),
        // What both sides read stands once: it needs rows, events and JSON, but no store, since a
        // transaction of any store is handed to it, and no clock, files or calendar of Foundation.
        "Reports": all("Causality", "InventoryEngine", "Replication", "Interchange"),
        "SQLiteStorage": all("Causality", "InventoryEngine", "Replication", "Foundation")
            + all("GRDB", "GRDBSQLite"),
        "PostgresStorage": all("Causality", "InventoryEngine", "Replication", "Foundation")
            + all("CLibPQ"),
        "CurlTransport": all("Causality", "InventoryEngine", "Replication", "Compression")
            + all("Foundation", "CCurl")
            + .only("Glibc", in: ["CurlThread.swift"]),
        "Edge": sharedWithoutStorage + all("Foundation")
            + all("Logging", "Configuration", "ServiceLifecycle")
            + .only("Hummingbird", in: ["LocalAPI*"]),
        "Hub": sharedWithoutStorage + all("Foundation")
            + all("Logging", "Metrics", "Configuration", "ServiceLifecycle")
            + all("Hummingbird", "HummingbirdTLS", "Mustache")
            + .only("Crypto", "X509", "JWTKit", in: ["*Authenticat*"]),
        "EdgeTool": sharedWithoutStorage + all("SQLiteStorage", "CurlTransport", "Edge") + programs,
        "HubTool": sharedWithoutStorage + all("SQLiteStorage", "PostgresStorage", "Hub") + programs
            + .only("FoundationNetworking", in: ["OperatorTarget.swift"]),
    ]

    private static let sharedWithoutStorage = all(
        "Causality",
        "InventoryEngine",
        "Replication",
        "Interchange",
        "Reports",
        "Compression"
    )

    /// What a program needs to read its arguments, to set up logging, and to stop on a signal.
    private static let programs = all(
        "ArgumentParser",
        "Configuration",
        "Foundation",
        "Logging",
        "ServiceLifecycle",
        "UnixSignals"
    )

    private static let standardLibrary: Set = ["Swift", "Synchronization", "RegexBuilder"]

    private static func all(_ modules: String...) -> [Allowance] {
        modules.map { Allowance(module: $0) }
    }

    struct Import: Hashable {
        var module: String
        var line: Int
    }

    /// The modules that a source imports, whatever the form: `public import struct Module.Type`.
    static func imports(of source: SwiftSource) -> [Import] {
        source.tokens.indices.compactMap { index in
            guard source.tokens[index].isWord("import"),
                // Not `.import`, and not an argument's label.
                source.token(-1, after: index)?.isSymbol(".", "(", ",") != true,
                var module = source.token(1, after: index), module.kind == .word
            else { return nil }
            let kinds = [
                "struct", "class", "enum", "protocol", "typealias", "func", "let", "var", "actor",
            ]
            if kinds.contains(module.text), let next = source.token(2, after: index) {
                module = next
            }
            // Half of Foundation is still Foundation.
            let name = module.text == "FoundationEssentials" ? "Foundation" : module.text
            return Import(module: name, line: module.line)
        }
    }

    /// Finds the imports that the table does not allow to a target of the product.
    static func violations(in source: SwiftSource, target: Manifest.Target) -> [Violation] {
        guard let row = rows[target.name] else {
            return [Violation(source.path, 1, "the target \(target.name) has no row in the table")]
        }
        let folder = target.path ?? ""
        let fileInTarget = String(source.path.dropFirst(folder.count + 1))
        return imports(of: source).compactMap { found in
            let isAllowed =
                standardLibrary.contains(found.module)
                || row.contains { allowance in
                    allowance.module == found.module
                        && allowance.files.contains { matches(fileInTarget, pattern: $0) }
                }
            guard !isAllowed else { return nil }
            return Violation(
                source.path,
                found.line,
                "\(target.name) may not import \(found.module) here"
            )
        }
    }

    /// Finds the imports of modules that a source must not import whatever its target is.
    static func violations(
        in source: SwiftSource,
        forbidden modules: Set<String>
    ) -> [Violation] {
        imports(of: source).filter { modules.contains($0.module) }
            .map { Violation(source.path, $0.line, "imports \($0.module)") }
    }

    static func matches(_ path: String, pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count > 1 else { return path == pattern }
        guard path.hasPrefix(first) else { return false }
        var rest = path.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(parts.last ?? "")
    }
}

extension [ImportTable.Allowance] {
    fileprivate static func only(_ modules: String..., in files: [String]) -> Self {
        modules.map { ImportTable.Allowance(module: $0, files: files) }
    }
}
