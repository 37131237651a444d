import Foundation
import TestSupport
import Testing

/// Shows of each check of the house rules that it finds what it should, and nothing else.
@Suite struct HouseRuleCheckTests {
    /// A text, where it stands, and the lines on which a check must find something.
    struct Sample: CustomTestStringConvertible {
        var text: String
        var path: String
        var lines: [Int]

        init(_ text: String, at path: String = "Shared/Replication/Sample.swift", _ lines: Int...) {
            self.text = text
            self.path = path
            self.lines = lines
        }

        var source: SwiftSource { SwiftSource(path: path, text: text) }

        var testDescription: String { "\(path): \(text.debugDescription)" }
    }

    @Test(arguments: [
        Sample("let a = try! b()\nlet c = d as! E\nfatalError(\"f\")", 1, 2, 3),
        Sample("let a = \"\\(try! b())\"", 1),
        Sample("let a = try? b() as? C\nlet d = e.fatalErrorCount", at: "Tests/T/A.swift"),
        Sample("// try! a\n/* as! /* b */\n fatalError( */ let c = \"try! \\n as! fatalError()\""),
        Sample("let a = #\"\" try! \"#\nlet b = \"\"\"\n    as! \"C\"\n    \"\"\"\ntry! d()", 5),
        Sample("func `a try! is found`() {}"),
        Sample("let a = /try!\"/\nlet b = c / d / try! e()", 2),
        Sample("x = try! generated()", at: "Shared/Replication/Wire/plumbline.pb.swift"),
    ])
    func `traps are found in code, but not in comments, strings and names`(sample: Sample) {
        #expect(HouseRules.traps(in: sample.source).map(\.line) == sample.lines)
    }

    @Test(arguments: [
        Sample("assert(a > b)\nassertionFailure()", 1, 2),
        Sample("precondition(a)\nlog.assert(b)\nlet assert = 1"),
        Sample("assert(a)", at: "Client/Edge/Sample.swift"),
    ])
    func `debug assertions are found in shared code`(sample: Sample) {
        #expect(HouseRules.debugAssertions(in: sample.source).map(\.line) == sample.lines)
    }

    @Test(arguments: [
        Sample("Task { await a() }\nTask.detached { }\nTask(priority: .low) { }", 1, 2, 3),
        Sample("let a: Task<Void, Never>?\nTask.immediate { }", 1, 2),
        Sample(
            "if Task.isCancelled { }\nCountTask { }\nstruct Task { }\ntry await Task.sleep(for: a)"
        ),
        Sample("Task { }", at: "Tests/EdgeTests/Sample.swift"),
    ])
    func `unstructured tasks are found in the product`(sample: Sample) {
        #expect(HouseRules.unstructuredTasks(in: sample.source).map(\.line) == sample.lines)
    }

    @Test(arguments: [
        Sample("unsafe f()\na.withUnsafeBytes { }\nvar b: UnsafeRawPointer", 1, 2, 3),
        Sample("nonisolated(unsafe) var a = 1\n@unsafe func b() {}", 1, 2),
        Sample("let isSafe = \"unsafe\"  // unsafe"),
        Sample("unsafe f()", at: "Client/CurlTransport/CurlHandle.swift"),
        Sample("unsafe f()", at: "Shared/Causality/HashChain.swift"),
        Sample("unsafe f()", at: "Shared/Causality/NodeID.swift", 1),
    ])
    func `unsafe code is found outside the wrappers`(sample: Sample) {
        #expect(HouseRules.unsafeCode(in: sample.source).map(\.line) == sample.lines)
    }

    @Test(arguments: [
        Sample(
            "var a: Double\nlet b = Float(c)\nlet d = 1.5\nlet e = 2e-3",
            at: engine,
            1,
            2,
            3,
            4
        ),
        Sample("let a = 0x1e\nlet b = pair.0.1\nlet c = 1...5\nlet d = \"1.5\"", at: engine),
        Sample("let doubled = a.doubledUp", at: engine),
        Sample("var a: Double", at: "Server/Hub/HubMetrics.swift"),
    ])
    func `floating point is found in the engine`(sample: Sample) {
        #expect(HouseRules.floatingPoint(in: sample.source).map(\.line) == sample.lines)
    }

    @Test(arguments: [
        Sample("struct EventPacket {}\nfunc saveCheckpoint() {}\nenum OutboxState {}", 1, 2, 3),
        Sample("func `a lost packet is sent again`() {}", 1),
        Sample("struct EventBatch {}\nlet packet = 1\nfunc packed() {}\nstruct Packets1 {}", 4),
        Sample("func checkpoint() {}", at: "Shared/SQLiteStorage/SQLiteEventLog.swift"),
        Sample("func packet() {}", at: "Shared/SQLiteStorage/SQLiteEventLog.swift", 1),
    ])
    func `words that the glossary replaces are found in declarations`(sample: Sample) {
        #expect(HouseRules.glossary(in: sample.source).map(\.line) == sample.lines)
    }

    @Test(
        arguments: [
            ("Shared/Causality/Utils.swift", 1), ("Tests/A/StringHelpers.swift", 1),
            ("Client/Edge/EdgeNode+Common.swift", 1), ("Server/Hub/HTTPUtil.swift", 1),
            ("Shared/Causality/CommonAncestor.swift", 1), ("Shared/Causality/VectorClock.swift", 0),
            ("Shared/Causality/Utilization.swift", 0), ("Tests/Helpers/A.swift", 0),
        ]
    )
    func `vague file names are found`(path: String, count: Int) {
        #expect(HouseRules.vagueFileName(of: path).count == count)
    }

    @Test(arguments: [
        ("SQLiteEventLog+Helpers", ["sq", "lite", "event", "log", "helpers"]),
        ("withUnsafeBytes", ["with", "unsafe", "bytes"]), ("HTTPUtil", ["http", "util"]),
        ("a_b1c", ["a", "b", "c"]), ("", []),
    ])
    func `a name is cut where its words begin`(name: String, words: [String]) {
        #expect(HouseRules.words(of: name) == words)
    }

    @Test func `marks of unfinished work are found in comments and code`() {
        let mark = "TO" + "DO"
        let text = "let a = \"\(mark)\"\n// \(mark): b\n/* c\n \(mark) */\nlet \(mark)s = 1\n"
        let source = SwiftSource(path: "Shared/A/B.swift", text: text)
        #expect(HouseRules.unfinishedMarks(in: source).map(\.line) == [2, 4])
        let file = SourceTree.File(path: "Makefile", text: "a:\n\t# \(mark) b\n\tmktemp XXXXXX\n")
        #expect(HouseRules.unfinishedMarks(in: file).map(\.line) == [2])
    }

    @Test func `places of one machine are found in any text`() {
        let text = "cd /wo" + "rk/main\ncd Shared\nurl = /opt/sw" + "ift-x\n"
        let file = SourceTree.File(path: "README.md", text: text)
        #expect(HouseRules.places(in: file).map(\.line) == [1, 3])
    }

    // MARK: - Imports

    @Test(arguments: [
        Sample("import Causality\npublic import Foundation", at: "\(causality)/NodeID.swift", 1, 2),
        Sample(
            "internal import Crypto\nimport Synchronization",
            at: "\(causality)/HashChain.swift"
        ),
        Sample("import Crypto", at: "\(causality)/VectorClock.swift", 1),
        Sample("import FoundationEssentials", at: "\(causality)/Instant.swift", 1),
        Sample("import struct Foundation.Date", at: "\(causality)/Instant.swift", 1),
        Sample("@testable import Foundation", at: "\(causality)/Instant.swift", 1),
        Sample(
            "// import Foundation\n#if canImport(Foundation)\n#endif",
            at: "\(causality)/A.swift"
        ),
    ])
    func `imports outside the row of a target are found`(sample: Sample) {
        let target = Self.target("Causality", in: "Shared")
        let found = ImportTable.violations(in: sample.source, target: target)
        #expect(found.map(\.line) == sample.lines)
    }

    @Test(arguments: [
        ("WireFormat.swift", true), ("WireFormat+Events.swift", true),
        ("Wire/plumbline.pb.swift", true), ("PushSession.swift", false),
        ("Sessions/WireFormat.swift", false),
    ])
    func `replication names Foundation in its wire format only`(file: String, isAllowed: Bool) {
        let source = SwiftSource(path: "Shared/Replication/\(file)", text: "import Foundation")
        let target = Self.target("Replication", in: "Shared")
        #expect(ImportTable.violations(in: source, target: target).isEmpty == isAllowed)
    }

    @Test func `the hub names Crypto in its authentication files only`() {
        let target = Self.target("Hub", in: "Server")
        let found = ["NodeAuthenticator", "Authentication/Token", "SyncRoutes"].map { file in
            let source = SwiftSource(path: "Server/Hub/\(file).swift", text: "import Crypto")
            return ImportTable.violations(in: source, target: target).count
        }
        #expect(found == [0, 0, 1])
    }

    @Test func `a target without a row is found`() {
        let source = SwiftSource(path: "Shared/New/New.swift", text: "")
        let target = Self.target("New", in: "Shared")
        #expect(ImportTable.violations(in: source, target: target).count == 1)
    }

    @Test func `a forbidden import is found in each of its forms`() {
        let text = """
            import Hub
            @preconcurrency package import class Hub.HubApplication
            import Hubble
            func `import`(import Hub: A, b: B = .import)
            """
        let source = SwiftSource(path: "Client/Edge/EdgeNode.swift", text: text)
        #expect(ImportTable.violations(in: source, forbidden: ["Hub"]).map(\.line) == [1, 2])
    }

    // MARK: - The package

    @Test func `the manifest is read with its targets, paths and own settings`() {
        let manifest = Self.manifest(
            """
            .target(name: "A", dependencies: ["B", .target(name: "C")], path: "Shared/A"),
            .testTarget(name: "ATests", path: "Tests/ATests", swiftSettings: [.define("X")]),
            // .target(name: "D", path: "Shared/D"),
            .executableTarget(name: "E"),
            """
        )
        #expect(manifest.targets.map(\.name) == ["A", "ATests", "E"])
        #expect(manifest.targets.map(\.path) == ["Shared/A", "Tests/ATests", nil])
        #expect(manifest.targets.map(\.hasOwnSettings) == [false, true, false])
    }

    @Test(
        arguments: [
            (Self.loop, 0),
            (
                Self.loop.replacing(
                    "    settings.append(.treatAllWarnings(as: .error))\n",
                    with: ""
                ), 1
            ),
            (Self.loop.replacing("treatAllWarnings(as: .error)", with: "define(\"A\")"), 1),
            (
                Self.loop.replacing(
                    "package.targets where",
                    with: "package.targets.dropFirst() where"
                ), 1
            ),
            (Self.loop.replacing("    target.swiftSettings = settings\n", with: ""), 1),
            (Self.loop + "\n.target(name: \"A\", path: \"Shared/A\", swiftSettings: [])", 1),
        ]
    )
    func `a manifest whose loop misses a target or the warnings is found`(text: String, count: Int)
    {
        #expect(HouseRules.settings(of: Self.manifest(text)).count == count)
    }

    @Test func `a dependency that floats or is a copy is found`() {
        let manifest = Self.manifest(
            """
            .package(url: "https://github.com/apple/swift-log", exact: "1.0.0"),
            .package(url: "https://github.com/apple/swift-nio", from: "2.0.0"),
            .package(url: "https://packages.example/swift-log", exact: "1.0.0"),
            .package(path: "../swift-log"),
            """
        )
        #expect(HouseRules.dependencies(of: manifest).map(\.line) == [2, 3, 4])
    }

    @Test func `a target in another folder than that of its name is found`() {
        let manifest = Self.manifest(
            """
            .target(name: "A", path: "Shared/A"),
            .target(name: "B", path: "Shared/A"),
            .testTarget(name: "C", path: "Shared/C"),
            .executableTarget(name: "D"),
            """
        )
        #expect(HouseRules.folders(of: manifest).map(\.line) == [2, 3, 4])
    }

    @Test(
        arguments: [
            ("Shared/A/B.swift", 0), ("Shared/A/Wire/a.proto", 0), ("Makefile", 0), (".ci/run", 0),
            ("Tests/Benchmarks/Sources/A.swift", 0), ("Shared/AB/C.swift", 1),
            ("Shared/D.swift", 1),
            ("Sources/CA/A.swift", 1), ("notes.txt", 1), ("Docs/a.md", 1),
        ]
    )
    func `a file outside the tree is found`(path: String, count: Int) {
        let manifest = Self.manifest(
            """
            .target(name: "A", path: "Shared/A"),
            .systemLibrary(name: "CA", path: "Sources/CA"),
            """
        )
        #expect(HouseRules.placement(of: path, manifest: manifest).count == count)
    }

    @Test func `a filter that matches no test is found`() async throws {
        try await withTemporaryDirectory { directory in
            try write("@Test func `a`() {}", to: "Tests/ATests/A.swift", in: directory)
            try write("// @Test func b() {}", to: "Tests/BTests/B.swift", in: directory)
            try write(
                """
                .testTarget(name: "ATests", path: "Tests/ATests"),
                .testTarget(name: "BTests", path: "Tests/BTests"),
                """,
                to: "Package.swift",
                in: directory
            )
            let tree = try SourceTree(root: directory.url)
            let makefile =
                "swift test --filter ATests\nswift test --filter BTests --filter CTests\n"
            let found = HouseRules.emptyFilters(inMakefile: makefile, tree: tree)
            #expect(found.count == 2)
            let list = "some := ATests BTests\n$(some:%=--filter '^%')\nrun me"
            #expect(HouseRules.emptyFilters(inMakefile: list, tree: tree).count == 1)
        }
    }

    @Test func `the tree leaves out what builds leave behind`() async throws {
        try await withTemporaryDirectory { directory in
            let kept = [".ci/run", "Package.swift", "Shared/A/A.swift"]
            let ignored = [".build/a.swift", "Tests/Benchmarks/.build-x/b.swift", ".git/config"]
            for path in kept + ignored + ["Package.resolved"] {
                try write("", to: path, in: directory)
            }
            #expect(try SourceTree(root: directory.url).files.map(\.path) == kept)
        }
    }

    private func write(_ text: String, to path: String, in directory: TemporaryDirectory) throws {
        let url = directory.file(path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try text.write(to: url, atomically: false, encoding: .utf8)
    }

    private static let causality = "Shared/Causality"
    private static let engine = "Shared/InventoryEngine/Quantity.swift"

    private static let loop = """
        for target in package.targets where target.type != .system {
            var settings: [SwiftSetting] = []
            settings.append(.treatAllWarnings(as: .error))
            target.swiftSettings = settings
        }
        """

    private static func manifest(_ text: String) -> Manifest {
        Manifest(SwiftSource(path: "Package.swift", text: text))
    }

    private static func target(_ name: String, in folder: String) -> Manifest.Target {
        Manifest.Target(
            kind: "target",
            name: name,
            path: "\(folder)/\(name)",
            line: 1,
            hasOwnSettings: false
        )
    }
}
