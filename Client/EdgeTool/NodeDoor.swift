import CurlTransport
import Edge
import Foundation
import Interchange
import InventoryEngine
import Logging
import Replication
import Reports
import SQLiteStorage

/// The node as commands reach it: through the agent that runs, or through its file if none does.
struct NodeDoor {
    private enum Way {
        case agent(CurlPeer)
        case file(EdgeNode)
    }

    /// How long to wait for another process that has the file for a moment.
    private static let patience = Duration.seconds(5)
    private static let pause = Duration.milliseconds(20)

    private let way: Way
    private let options: CommonOptions

    /// Opens whichever way there is.
    ///
    /// - Throws: ``Failure`` with the code `not_initialised`, or what opening the file throws;
    ///   `locked` if another process keeps it and does not answer.
    init(_ options: CommonOptions) async throws {
        self.options = options
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: Self.patience)
        while true {
            if let peer = try await Self.agent(at: options.socketPath) {
                way = .agent(peer)
                return
            }
            do {
                way = .file(try await options.openNode())
                return
            } catch let error as StorageError where error.code == .locked && clock.now < end {
                // An agent that starts or stops, or another command that is about to end.
                try await Task.sleep(for: Self.pause, clock: clock)
            }
        }
    }

    /// The agent, if one answers.
    private static func agent(at path: String) async throws -> CurlPeer? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let peer = try CurlPeer(address: "http://localhost", unixSocketPath: path)
        do {
            let reply = try await peer.exchange(PeerRequest(path: "/livez", method: "GET"))
            if reply.status == 200 { return peer }
        } catch {
            // Left over from an agent that was killed.
        }
        peer.shutdown()
        return nil
    }

    /// Calls the agent, and returns its answer.
    private func call(
        _ peer: CurlPeer,
        _ method: String,
        _ path: String,
        _ body: [UInt8] = [],
        accept: String = ReportHTTP.arrayContentType,
        patience: Duration = .zero
    ) async throws -> PeerReply {
        let reply: PeerReply
        do {
            reply = try await peer.exchange(
                PeerRequest(
                    path: path,
                    headers: [PeerHeader(name: "Accept", value: accept)],
                    body: body,
                    contentType: ReportHTTP.arrayContentType,
                    patience: patience,
                    method: method
                )
            )
        } catch {
            throw Failure(
                CommandResult.Refusal(
                    code: "agent_lost",
                    message: "The agent stopped before it answered: \(error.message)",
                    hint: "Try again; a command that carries an op is not recorded twice."
                ),
                exit: .locked
            )
        }
        guard reply.status == 200 else {
            throw ProblemFormat.decode(reply.body, status: reply.status)
        }
        return reply
    }

    // MARK: Calls

    /// Records lines of JSON, at most ``CommandBatch/commandsMax``.
    ///
    /// - Returns: One result per line, in order.
    /// - Throws: A storage error or ``Failure``; then it is not known whether they were recorded
    ///   if an agent was asked, and nothing was recorded otherwise.
    func record(_ lines: [[UInt8]]) async throws -> [CommandResult] {
        switch way {
        case .file(let node):
            return try await CommandDesk(node).record(lines)
        case .agent(let peer):
            let body = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
            let answer = try await call(peer, "POST", "/api/v1/commands", body).body
            let results = try answer.split(separator: UInt8(ascii: "\n")).map { line in
                try ResultFormat.decode(Array(line))
            }
            guard results.count == lines.count else {
                throw InterchangeError(
                    .resultMalformed,
                    "The agent answered \(results.count) of \(lines.count) commands.",
                    hint: "Check that both programs are of the same version."
                )
            }
            return results
        }
    }

    /// How the node stands, as JSON.
    func status() async throws -> [UInt8] {
        switch way {
        case .file(let node):
            return try await Self.encoded(EdgeStatus.read(from: node))
        case .agent(let peer):
            return try await call(peer, "GET", "/api/v1/status").body
        }
    }

    /// Replicates now.
    ///
    /// - Parameters:
    ///   - persists: Whether to go on until the node is in sync.
    ///   - timeout: How many seconds at most.
    /// - Returns: Whether it is in sync, and how the node stands, as JSON.
    /// - Throws: ``Failure`` or `ReplicationError`; what was replicated before it stays.
    func sync(
        persists: Bool,
        timeout: UInt32
    ) async throws -> (isInSync: Bool, status: [UInt8]) {
        switch way {
        case .file(let node):
            let link = try await node.joinedHub()
            let peer = try CurlPeer(address: link.url)
            defer { peer.shutdown() }
            let replicator = node.replicator(
                to: link,
                over: peer,
                key: try options.key(),
                logger: Logger(label: "plumbline")
            )
            let isInSync = try await Self.exchange(replicator, persists, timeout)
            return (isInSync, try await Self.encoded(EdgeStatus.read(from: node)))
        case .agent(let peer):
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("wait", persists)
                writer.member("timeout", number: timeout)
            }
            let answer = try JSONReader.read(
                await call(
                    peer,
                    "POST",
                    "/api/v1/sync",
                    writer.bytes,
                    patience: .seconds(Int64(timeout) + 30)
                ).body
            )
            var status = JSONWriter()
            status.value(answer["status"] ?? .null)
            return (answer["in_sync"] == .bool(true), status.bytes)
        }
    }

    private static func exchange(
        _ replicator: Replicator,
        _ persists: Bool,
        _ timeout: UInt32
    ) async throws -> Bool {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: .seconds(Int64(timeout)))
        var isFirst = true
        while true {
            do {
                // At least a moment: a time-out of nothing still asks once.
                let left = max(clock.now.duration(to: end), .milliseconds(200))
                guard let isInSync = try await within(left, { try await replicator.syncOnce() })
                else {
                    // Its time has passed in the middle of an exchange, or before the hub answered.
                    guard replicator.state.contact == .connected else {
                        throw ReplicationError.silentHub
                    }
                    return false
                }
                // What the hub adds of its own to what was pushed is news for a second exchange.
                if isInSync || clock.now >= end || (!persists && !isFirst) { return isInSync }
            } catch let error as ReplicationError {
                guard persists, error.isRetryable, clock.now < end else { throw error }
                try await Task.sleep(for: .milliseconds(500), clock: clock)
            }
            isFirst = false
        }
    }

    /// Enrols the node at a hub.
    ///
    /// - Returns: Who the node is, as JSON.
    func join(url: String, token: String) async throws -> [UInt8] {
        switch way {
        case .file(let node):
            let peer = try CurlPeer(address: url)
            defer { peer.shutdown() }
            let identity = try await node.join(
                url: url,
                token: token,
                peer: peer,
                key: options.key()
            )
            var writer = JSONWriter()
            identity.encode(to: &writer)
            return writer.bytes
        case .agent(let peer):
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("url", url)
                writer.member("token", token)
            }
            return try await call(
                peer,
                "POST",
                "/api/v1/join",
                writer.bytes,
                patience: .seconds(60)
            ).body
        }
    }

    /// Reads one page of a list.
    func report(_ query: ReportQuery) async throws -> ReportPage {
        switch way {
        case .file(let node):
            return try await node.report(query)
        case .agent(let peer):
            var path = ReportHTTP.pathPrefix + query.kind.rawValue
            if !query.urlQuery.isEmpty { path += "?" + query.urlQuery }
            let reply = try await call(
                peer,
                "GET",
                path,
                accept: ReportHTTP.linesContentType
            )
            return try ReportPage(
                lines: reply.body,
                next: reply.header(named: ReportHTTP.cursorHeader)
            )
        }
    }

    private static func encoded(_ status: EdgeStatus) -> [UInt8] {
        var writer = JSONWriter()
        status.encode(to: &writer)
        return writer.bytes
    }
}
