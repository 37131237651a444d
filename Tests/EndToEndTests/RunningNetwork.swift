import CurlTransport
import Foundation
import Interchange
import Replication
import TestSupport
import Testing

/// A program that is started, killed and started again in one directory.
actor Station {
    private let program: String
    private let name: String
    private let folder: URL
    private let readyMark: String
    private var arguments: [String]
    private var current: RunningProgram?

    /// How often it was killed.
    private(set) var killCount = 0
    /// The last line that said it was ready.
    private(set) var readyLine = ""

    init(
        _ program: String,
        _ arguments: [String],
        name: String,
        in folder: URL,
        readyMark: String
    ) {
        self.program = program
        self.arguments = arguments
        self.name = name
        self.folder = folder
        self.readyMark = readyMark
    }

    /// The process; nil before the first start.
    var processIdentifier: Int32? { current?.processIdentifier }

    /// Replaces an argument for the next start.
    func replace(_ argument: String, by other: String) {
        arguments = arguments.map { $0 == argument ? other : $0 }
    }

    /// Starts the program and waits until it says that it is ready.
    func start() async throws {
        for attempt in 1...20 {
            let program = try launch()
            do {
                readyLine = try await program.line(containing: readyMark)
                return
            } catch let error as ProgramEnded where error.status == 6 && attempt < 20 {
                // A command has the file for a moment; a service manager starts it again too.
            }
        }
    }

    /// Starts the program and does not wait.
    @discardableResult
    func launch() throws -> RunningProgram {
        let program = try RunningProgram(program, arguments, name: name, in: folder)
        current = program
        return program
    }

    /// Kills the program as a power cut does, and waits for its end.
    func kill() async throws {
        guard let program = current else { return }
        program.send(SIGKILL)
        let end = await program.wait()
        current = nil
        switch end {
        case .killed(SIGKILL): killCount += 1
        case .exited(6): break  // a command had the file
        case .exited, .killed, nil:
            let how = String(describing: end)
            throw ProgramEnded(name: name, status: -1, errors: "\(how) \(try program.errors)")
        }
    }

    /// Sends a signal to the program.
    func send(_ signal: Int32) { current?.send(signal) }

    /// Tells the program to stop, and waits until it has.
    @discardableResult
    func stop() async -> RunningProgram.End? {
        guard let program = current else { return nil }
        program.send(SIGTERM)
        current = nil
        return await program.wait()
    }

    /// Ends the program whatever it does.
    func abandon() {
        current?.send(SIGKILL)
        current = nil
    }
}

/// A node at a site: its files and its agent.
struct Site: Sendable {
    let code: String
    /// Which of the site's nodes it is, from 1.
    let number: Int
    let folder: URL
    let agent: Station

    /// Also the name of its directory.
    var name: String { Self.name(code, number) }
    /// The name that the node joins under.
    var node: String { "\(code.lowercased())-\(number)" }

    static func name(_ code: String, _ number: Int) -> String {
        number == 1 ? code.lowercased() : "\(code.lowercased())-\(number)"
    }
    var directory: URL { folder.appending(path: name) }
    var database: String { directory.appending(path: "node.sqlite").path }
    var socketPath: String { directory.appending(path: "agent.sock").path }

    /// The way to the agent, by libcurl over its Unix socket.
    func peer() throws -> CurlPeer {
        try CurlPeer(address: "http://localhost", unixSocketPath: socketPath)
    }

    /// The node's key, as the agent has it.
    func key() throws -> NodeKey {
        let file = directory.appending(path: "node.key")
        return try NodeKey(rawRepresentation: [UInt8](try Data(contentsOf: file)))
    }
}

/// A hub and the nodes of some sites as real processes on this machine.
struct RunningNetwork: Sendable {
    let programs: Programs
    let hub: Station
    let sites: [Site]

    var folder: URL { programs.directory.url }
    var hubDatabase: String { folder.appending(path: "hub/hub.sqlite").path }

    fileprivate init(_ codes: [String], in directory: TemporaryDirectory) throws {
        programs = Programs(directory: directory)
        let folder = directory.url
        hub = Station(
            "plumbline-hub",
            ["serve", "--data", "hub", "--listen", "127.0.0.1:0", "--insecure"],
            name: "hub",
            in: folder,
            readyMark: "listening on"
        )
        // A code that is there again is another node of that site.
        sites = codes.enumerated().map { index, code in
            let number = codes[...index].count { $0 == code }
            let name = Site.name(code, number)
            return Site(
                code: code,
                number: number,
                folder: folder,
                agent: Station(
                    "plumbline",
                    ["agent", "--data", name],
                    name: name,
                    in: folder,
                    readyMark: "answers at"
                )
            )
        }
        try plumblineHub("init")
        for site in sites { try plumbline(site, "init", "--site", site.code) }
    }

    /// Runs a command at a node that must succeed.
    @discardableResult
    func plumbline(
        _ site: Site,
        _ arguments: String...,
        input: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Programs.Output {
        let output = try programs.run(
            "plumbline",
            arguments + ["--data", site.name],
            input: input
        )
        #expect(
            output.status == 0,
            "\(arguments) \(output.text) \(output.errors)",
            sourceLocation: sourceLocation
        )
        return output
    }

    /// Runs a command of the hub's operator that must succeed.
    @discardableResult
    func plumblineHub(
        _ arguments: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Programs.Output {
        let output = try programs.run("plumbline-hub", arguments + ["--data", "hub"])
        // A status tells the state: 4 where somebody must look, 10 where a node is silent or behind.
        #expect(
            output.status == 0
                || arguments.first == "status" && [4, 10].contains(output.status),
            "\(arguments) \(output.text) \(output.errors)",
            sourceLocation: sourceLocation
        )
        return output
    }

    /// Starts the hub and returns its address, which it keeps from then on.
    @discardableResult
    func startHub() async throws -> String {
        try await hub.start()
        let address = try #require(await hub.readyLine.split(separator: " ").last)
        await hub.replace("127.0.0.1:0", by: String(address))
        return "http://\(address)"
    }

    /// Draws a token by which a site's node can join.
    func invite(_ site: Site) throws -> String {
        try #require(
            try plumblineHub("invite", "--site", site.code, "--node", site.node).lines.last
        )
    }

    /// Starts the hub and all agents, and lets all nodes join.
    func startAll() async throws {
        let url = try await startHub()
        for site in sites {
            try plumbline(site, "join", url, "--token", invite(site))
            try await site.agent.start()
        }
    }

    /// Waits until every node is in sync, each so long in steps of half a minute, and returns
    /// their statuses.
    func settle(seconds: Int = 60) throws -> [JSONValue] {
        // Twice: what one node pushed last is news for those that were in sync before it.
        for site in sites { _ = try sync(site, seconds: seconds) }
        return try sites.map { try sync($0, seconds: seconds) }
    }

    /// Waits until a node is in sync, and returns its status.
    private func sync(_ site: Site, seconds: Int) throws -> JSONValue {
        let arguments = ["sync", "--wait", "--timeout", "30", "--json", "--data", site.name]
        var output = try programs.run("plumbline", arguments)
        for _ in stride(from: 30, to: seconds, by: 30) where output.status == 10 {
            output = try programs.run("plumbline", arguments)
        }
        // 4: in sync, and something waits for a person.
        let outcome = "\(site.name): \(output.text) \(output.errors)"
        #expect([0, 4].contains(output.status), "\(outcome)")
        return try JSONReader.read(Array(output.text.utf8))
    }

    /// Tells everything to stop; what runs must end in order.
    func stopAll() async {
        for station in sites.map(\.agent) + [hub] where await station.processIdentifier != nil {
            let end = await station.stop()
            #expect(end == .exited(0))
        }
    }

    fileprivate func abandon() async {
        for station in sites.map(\.agent) + [hub] { await station.abandon() }
    }
}

/// Runs a test with a network of its own, of which nothing runs yet; nothing outlives the test.
func withRunningNetwork<Result>(
    _ codes: [String],
    _ body: (RunningNetwork) async throws -> Result
) async throws -> Result {
    try await withTemporaryDirectory { directory in
        let network = try RunningNetwork(codes, in: directory)
        do {
            let result = try await body(network)
            await network.abandon()
            return result
        } catch {
            await network.abandon()
            throw error
        }
    }
}

extension JSONValue {
    /// The member at the end of a path.
    func at(_ path: String...) -> JSONValue? {
        path.reduce(Optional(self)) { $0?[$1] }
    }

    /// The elements of an array.
    var elements: [JSONValue] {
        if case .array(let elements) = self { elements } else { [] }
    }
}
