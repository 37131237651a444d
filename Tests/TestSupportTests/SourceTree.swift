import Foundation
import TestSupport

/// The files of the checkout that are, or are about to be, committed.
struct SourceTree {
    struct File {
        var path: String
        var text: String
    }

    /// Every file that is text, in the order of the paths.
    let files: [File]
    let swiftSources: [SwiftSource]
    let manifest: Manifest

    static let checkout = Result { try SourceTree(root: Checkout.root) }

    init(root: URL) throws {
        let paths = try Self.paths(below: root)
        files = try paths.compactMap { path in
            let bytes = try Data(contentsOf: root.appending(path: path))
            guard let text = String(data: bytes, encoding: .utf8) else { return nil }
            return File(path: path, text: text)
        }
        swiftSources = files.filter { $0.path.hasSuffix(".swift") }
            .map { SwiftSource(path: $0.path, text: $0.text) }
        let manifestText = files.first { $0.path == "Package.swift" }?.text ?? ""
        manifest = Manifest(SwiftSource(path: "Package.swift", text: manifestText))
    }

    /// What builds and tools leave behind; the committed ignore file names the same.
    static func isIgnored(_ name: String) -> Bool {
        name == ".git" || name.hasPrefix(".build") || name == ".swiftpm" || name == ".DS_Store"
            || name == "Package.resolved" || name == "bench.json" || name.hasSuffix(".swp")
    }

    private static func paths(below root: URL) throws -> [String] {
        var paths: [String] = []
        var folders = [""]
        while let folder = folders.popLast() {
            let url = folder.isEmpty ? root : root.appending(path: folder)
            for name in try FileManager.default.contentsOfDirectory(atPath: url.path) {
                guard !isIgnored(name) else { continue }
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                var isFolder: ObjCBool = false
                let full = root.appending(path: path).path
                guard FileManager.default.fileExists(atPath: full, isDirectory: &isFolder) else {
                    continue
                }
                if isFolder.boolValue { folders.append(path) } else { paths.append(path) }
            }
        }
        return paths.sorted()
    }
}

/// What `Package.swift` declares, as far as the house rules ask.
struct Manifest {
    struct Target: Hashable {
        /// `target`, `executableTarget`, `testTarget`, `systemLibrary` and so on.
        var kind: String
        var name: String
        /// Nil when the target leaves its folder to a default.
        var path: String?
        var line: Int
        /// Whether the target sets compiler options itself, and so apart from the common list.
        var hasOwnSettings: Bool
    }

    let source: SwiftSource
    let targets: [Target]

    init(_ source: SwiftSource) {
        self.source = source
        let kinds = [
            "target", "executableTarget", "testTarget", "systemLibrary", "macro", "plugin",
            "binaryTarget",
        ]
        var targets: [Target] = []
        var index = 0
        while index < source.tokens.count {
            let token = source.tokens[index]
            guard token.kind == .word, kinds.contains(token.text),
                source.token(-1, after: index)?.isSymbol(".") == true,
                source.token(1, after: index)?.isSymbol("(") == true
            else {
                index += 1
                continue
            }
            var target = Target(
                kind: token.text,
                name: "",
                path: nil,
                line: token.line,
                hasOwnSettings: false
            )
            var depth = 0
            repeat {
                index += 1
                guard let token = source.token(0, after: index) else { break }
                if token.isSymbol("(", "[") { depth += 1 }
                if token.isSymbol(")", "]") { depth -= 1 }
                guard depth == 1, source.token(1, after: index)?.isSymbol(":") == true else {
                    continue
                }
                let value = source.token(2, after: index)
                if token.isWord("name") { target.name = value?.text ?? "" }
                if token.isWord("path") { target.path = value?.text }
                if token.isWord("swiftSettings") { target.hasOwnSettings = true }
            } while depth > 0
            targets.append(target)
        }
        self.targets = targets
    }

    /// The target that a file is compiled into.
    func target(of path: String) -> Target? {
        targets.first { target in target.path.map { path.hasPrefix($0 + "/") } ?? false }
    }
}
