import TestSupport
import Testing

/// The rules that this checkout keeps; ``HouseRuleCheckTests`` shows that each check can fail.
@Suite struct HouseRulesTests {
    let tree: SourceTree

    init() throws {
        tree = try SourceTree.checkout.get()
    }

    // MARK: - Who imports what

    @Test func `each target imports only what its row of the import table allows`() {
        expectNone(
            productSources.flatMap { source, target in
                ImportTable.violations(in: source, target: target)
            }
        )
    }

    @Test func `client and server never import each other`() {
        let client = names(ofTargetsIn: "Client")
        let server = names(ofTargetsIn: "Server")
        #expect(!client.isEmpty && !server.isEmpty)
        expectNone(
            tree.swiftSources.flatMap { source in
                if source.isInside("Client") {
                    ImportTable.violations(in: source, forbidden: server)
                } else if source.isInside("Server") {
                    ImportTable.violations(in: source, forbidden: client)
                } else {
                    [Violation]()
                }
            }
        )
    }

    @Test func `what both sides share imports neither side`() {
        let sides = names(ofTargetsIn: "Client").union(names(ofTargetsIn: "Server"))
        expectNone(
            tree.swiftSources.filter { $0.isInside("Shared") }.flatMap {
                ImportTable.violations(in: $0, forbidden: sides)
            }
        )
    }

    @Test func `no library imports what tests use`() {
        expectNone(
            productSources.flatMap { source, _ in
                ImportTable.violations(in: source, forbidden: ["TestSupport", "Testing", "XCTest"])
            }
        )
    }

    @Test func `nobody imports the programs`() {
        expectNone(
            tree.swiftSources.flatMap {
                ImportTable.violations(in: $0, forbidden: ["EdgeTool", "HubTool"])
            }
        )
    }

    // MARK: - What code holds

    @Test func `no source forces a try or a cast, or ends the program`() {
        expectNone(tree.swiftSources.flatMap(HouseRules.traps))
    }

    @Test func `shared code has no assertion that release leaves out`() {
        expectNone(tree.swiftSources.flatMap(HouseRules.debugAssertions))
    }

    @Test func `the product starts no unstructured task`() {
        expectNone(tree.swiftSources.flatMap(HouseRules.unstructuredTasks))
    }

    @Test func `only the wrappers of C libraries and the hash chain are unsafe`() {
        expectNone(tree.swiftSources.flatMap(HouseRules.unsafeCode))
    }

    @Test func `the engine knows no floating point`() {
        expectNone(tree.swiftSources.flatMap(HouseRules.floatingPoint))
    }

    // MARK: - Names and texts

    @Test func `types and functions use the words of the glossary`() {
        expectNone(tree.swiftSources.flatMap(HouseRules.glossary))
    }

    @Test func `every file name says what is in the file`() {
        expectNone(tree.files.flatMap { HouseRules.vagueFileName(of: $0.path) })
    }

    @Test func `nothing is left unfinished`() {
        expectNone(tree.swiftSources.flatMap { HouseRules.unfinishedMarks(in: $0) })
        expectNone(
            tree.files.filter { !$0.path.hasSuffix(".swift") }
                .flatMap { HouseRules.unfinishedMarks(in: $0) }
        )
    }

    @Test func `no file names a place of one machine or a copy of a package`() {
        expectNone(tree.files.flatMap(HouseRules.places))
    }

    // MARK: - The package

    @Test func `one list of settings serves all targets and makes each warning an error`() {
        #expect(!tree.manifest.targets.isEmpty)
        expectNone(HouseRules.settings(of: tree.manifest))
    }

    @Test func `each direct dependency is pinned and comes from its authors`() {
        expectNone(HouseRules.dependencies(of: tree.manifest))
    }

    @Test func `each target lies in the folder of its name`() {
        expectNone(HouseRules.folders(of: tree.manifest))
    }

    @Test func `every file belongs to the tree, and every Swift file to a target`() {
        expectNone(
            tree.files.flatMap {
                HouseRules.placement(of: $0.path, manifest: tree.manifest)
            }
        )
    }

    @Test func `every filter of the Makefile matches a test`() throws {
        let makefile = try #require(tree.files.first { $0.path == "Makefile" })
        expectNone(HouseRules.emptyFilters(inMakefile: makefile.text, tree: tree))
    }

    // MARK: -

    /// The sources of the product, each with the target that it is compiled into.
    private var productSources: [(SwiftSource, Manifest.Target)] {
        tree.swiftSources.filter(HouseRules.isProduct).compactMap { source in
            tree.manifest.target(of: source.path).map { (source, $0) }
        }
    }

    private func names(ofTargetsIn folder: String) -> Set<String> {
        Set(tree.manifest.targets.filter { $0.path?.hasPrefix("\(folder)/") == true }.map(\.name))
    }

    private func expectNone(
        _ violations: [Violation],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        guard !violations.isEmpty else { return }
        let list = violations.map { "\n  \($0)" }.joined()
        Issue.record(
            "Found \(violations.count):\(list)",
            sourceLocation: sourceLocation
        )
    }
}
