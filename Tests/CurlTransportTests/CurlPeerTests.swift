import Compression
import CurlTransport
import Foundation
import Replication
import Testing

/// Runs an exchange that must fail, and returns why it did.
private func failure(of peer: CurlPeer, _ request: PeerRequest) async -> PeerError? {
    do throws(PeerError) {
        let reply = try await peer.exchange(request)
        Issue.record("Got status \(reply.status) with \(reply.body.count) bytes.")
        return nil
    } catch {
        return error
    }
}

/// Bytes that do not compress away, the same for the same seed.
private func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 40)
    }
}

private let push = PeerRequest(path: "/v1/sync/push", body: [1, 2, 3])

@Suite(.timeLimit(.minutes(1)))
struct CurlPeerTests {
    @Test(arguments: [0, 1, 1_024, 1_025, 100_000, 3_000_000])
    func `bytes come back as they were sent`(size: Int) async throws {
        let server = try LoopbackServer { request in
            let body =
                request.headers["content-encoding"] == "gzip"
                ? (try? GzipCodec.decompress(request.body, sizeMax: 10_000_000)) ?? []
                : request.body
            return .reply(wholeReply(body))
        }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        for body in [noise(size), [UInt8](repeating: 7, count: size)] {
            let reply = try await peer.exchange(PeerRequest(path: "/echo?a=b", body: body))
            #expect(reply.status == 200)
            #expect(reply.body == body)
        }
    }

    @Test func `a request carries its method, path, headers and type`() async throws {
        let server = try LoopbackServer { _ in .reply(wholeReply()) }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address + "/base/")
        defer { peer.shutdown() }
        var request = push
        request.headers = [
            PeerHeader(name: "X-Plumbline-Node", value: "lon-1"),
            PeerHeader(name: "X-Empty", value: ""),
        ]
        _ = try await peer.exchange(request)
        _ = try await peer.exchange(PeerRequest(path: "/v1/status", method: "GET"))
        _ = try await peer.exchange(PeerRequest(path: "/v1/thing", body: [9], method: "DELETE"))
        let requests = server.requests
        #expect(requests.map(\.method) == ["POST", "GET", "DELETE"])
        #expect(
            requests.map(\.path) == ["/base/v1/sync/push", "/base/v1/status", "/base/v1/thing"]
        )
        #expect(requests.map(\.body) == [[1, 2, 3], [], [9]])
        #expect(requests[0].headers["content-type"] == "application/x-protobuf")
        #expect(requests[0].headers["x-plumbline-node"] == "lon-1")
        #expect(requests[0].headers["x-empty"] == "")
        #expect(requests[0].headers["accept-encoding"] == "gzip")
        #expect(requests[0].headers["expect"] == nil)
        #expect(requests[1].headers["x-plumbline-node"] == nil)
        #expect(requests[1].headers["content-type"] == nil)
    }

    @Test func `a body above one kibibyte is sent as gzip, a smaller one plain`() async throws {
        let server = try LoopbackServer { _ in .reply(wholeReply()) }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        let bodies = [1_024, 1_025].map { [UInt8](repeating: 65, count: $0) }
        for body in bodies { _ = try await peer.exchange(PeerRequest(path: "/", body: body)) }
        let requests = server.requests
        #expect(requests[0].headers["content-encoding"] == nil)
        #expect(requests[0].body == bodies[0])
        #expect(requests[1].headers["content-encoding"] == "gzip")
        #expect(requests[1].body.count < 100)
        #expect(try GzipCodec.decompress(requests[1].body, sizeMax: 2_000) == bodies[1])
    }

    @Test func `a gzip reply arrives decompressed, in chunks too`() async throws {
        let body = [UInt8](repeating: 66, count: 200_000) + noise(5_000)
        let compressed = try GzipCodec.compress(body)
        let header = "Content-Encoding: gzip"
        let server = try LoopbackServer { request in
            if request.path == "/whole" { return .reply(wholeReply(compressed, headers: [header])) }
            let chunks = stride(from: 0, to: compressed.count, by: 700).map { start in
                Array(compressed[start..<min(start + 700, compressed.count)])
            }
            return .reply(chunkedReply(chunks, headers: [header]))
        }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        #expect(try await peer.exchange(PeerRequest(path: "/whole")).body == body)
        #expect(try await peer.exchange(PeerRequest(path: "/chunks")).body == body)
    }

    @Test func `a reply tells its status, headers, type and when to come again`() async throws {
        let server = try LoopbackServer { _ in
            let headers = [
                "Retry-After: 7", "Content-Type:  Application/JSON; charset=utf-8 ", "X-A: 1",
                "x-a: 2",
            ]
            let early = Array("HTTP/1.1 103 Early Hints\r\nX-A: 0\r\n\r\n".utf8)
            return .reply(
                early + wholeReply([1], status: "503 Service Unavailable", headers: headers)
            )
        }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        let reply = try await peer.exchange(push)
        #expect(reply.status == 503)
        #expect(reply.retryAfter == .seconds(7))
        #expect(reply.contentType == "application/json")
        #expect(reply.header(named: "X-a") == "1")
        #expect(reply.headers.filter { $0.name.lowercased() == "x-a" }.map(\.value) == ["1", "2"])
        #expect(reply.body == [1])
    }

    @Test func `one connection serves exchanges one after another`() async throws {
        let server = try LoopbackServer { _ in .reply(wholeReply([1])) }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        for _ in 1...50 { _ = try await peer.exchange(push) }
        #expect(server.requests.count == 50)
        #expect(server.connectionCount == 1)
    }

    @Test func `a connection that the hub closed meanwhile is replaced in silence`() async throws {
        let server = try LoopbackServer { _ in .replyAndClose(wholeReply([1])) }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        for _ in 1...50 { #expect(try await peer.exchange(push).body == [1]) }
    }

    @Test func `a long poll does not hold up a push`() async throws {
        let gate = Gate()
        let server = try LoopbackServer { request in
            request.path == "/pull" ? .hold(gate, wholeReply([2])) : .reply(wholeReply([1]))
        }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        async let pulled = peer.exchange(PeerRequest(path: "/pull", patience: .seconds(30)))
        var arrivals = server.arrivals.makeAsyncIterator()
        #expect(await arrivals.next()?.path == "/pull")
        for _ in 1...10 { #expect(try await peer.exchange(push).body == [1]) }
        gate.open()
        #expect(try await pulled.body == [2])
        #expect(server.connectionCount == 2)
    }

    @Test func `many exchanges at once all get their own reply`() async throws {
        let server = try LoopbackServer { request in .reply(wholeReply(Array(request.path.utf8))) }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        // More than run at once, so that some wait for their turn.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...200 {
                group.addTask {
                    let reply = try await peer.exchange(PeerRequest(path: "/\(number)"))
                    #expect(reply.body == Array("/\(number)".utf8))
                }
            }
            try await group.waitForAll()
        }
        #expect(server.requests.count == 200)
    }

    @Test func `a Unix socket serves as well as the network`() async throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("plumbline-\(UInt32.random(in: 0 ... .max)).sock").path
        let server = try LoopbackServer(unixSocketPath: path) { request in
            .reply(wholeReply(request.body))
        }
        defer {
            server.stop()
            try? FileManager.default.removeItem(atPath: path)
        }
        let peer = try CurlPeer(address: "http://localhost", unixSocketPath: path)
        defer { peer.shutdown() }
        for _ in 1...3 { #expect(try await peer.exchange(push).body == [1, 2, 3]) }
        #expect(server.connectionCount == 1)
    }
}

@Suite(.timeLimit(.minutes(1)))
struct CurlPeerFailureTests {
    /// What is cut: replies with a length, in chunks, both compressed, and one that ends in headers.
    static let replies: [(bytes: [UInt8], body: [UInt8])] = {
        let body = Array("0123456789".utf8)
        let compressed = (try? GzipCodec.compress(body)) ?? []
        let header = "Content-Encoding: gzip"
        return [
            (wholeReply(body), body),
            (chunkedReply([Array(body[..<4]), Array(body[4...])]), body),
            (wholeReply(compressed, headers: [header]), body),
            (chunkedReply([compressed], headers: [header]), body),
            (wholeReply([], headers: ["Retry-After: 3600"]), []),
        ]
    }()

    @Test(arguments: replies)
    func `a connection cut after any byte is an error and never a part of the reply`(
        reply: [UInt8],
        body: [UInt8]
    ) async throws {
        let server = try LoopbackServer { request in
            .replyAndClose(Array(reply[..<(Int(request.path.dropFirst()) ?? 0)]))
        }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        for count in 0..<reply.count {
            do throws(PeerError) {
                let got = try await peer.exchange(PeerRequest(path: "/\(count)", body: [1]))
                // Of chunks nothing is missing when only the very last line feed is.
                #expect(
                    !body.isEmpty && got.body == body && count == reply.count - 1,
                    "cut after \(count) bytes"
                )
            } catch {
                #expect(error.isRetryable, "cut after \(count) bytes: \(error)")
            }
        }
        let whole = try await peer.exchange(PeerRequest(path: "/\(reply.count)"))
        #expect(whole.body == body)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\n\r\nno length",
        "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n\u{1F}",
        "HTTP/1.1 200 OK\r\nContent-Length: twelve\r\n\r\nxx",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ])
    func `a reply that is broken in itself is an error`(text: String) async throws {
        let server = try LoopbackServer { _ in .replyAndClose(Array(text.utf8)) }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        let error = await failure(of: peer, push)
        #expect(error?.code == .malformedReply || error?.code == .unreachable)
        #expect(error?.isRetryable == true)
    }

    @Test func `a compressed body without its end is refused though its length is right`()
        async throws
    {
        let compressed = try GzipCodec.compress(noise(3_000))
        let server = try LoopbackServer { request in
            let count = Int(request.path.dropFirst()) ?? 0
            return .reply(
                wholeReply(Array(compressed[..<count]), headers: ["Content-Encoding: gzip"])
            )
        }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        for count in [1, 10, 1_500, compressed.count - 9, compressed.count - 1] {
            let error = await failure(of: peer, PeerRequest(path: "/\(count)"))
            #expect(error?.code == .malformedReply, "after \(count) bytes")
        }
    }

    @Test func `a reply above the limit is refused, however it is sent`() async throws {
        let body = [UInt8](repeating: 0, count: 1_000_001)
        let compressed = try GzipCodec.compress(body)
        let server = try LoopbackServer { request in
            switch request.path {
            case "/length": .reply(wholeReply(body))
            case "/chunks": .reply(chunkedReply([body]))
            default: .reply(wholeReply(compressed, headers: ["Content-Encoding: gzip"]))
            }
        }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        for path in ["/length", "/chunks", "/gzip"] {
            var request = PeerRequest(path: path, replyBytesMax: 1_000_000)
            let error = await failure(of: peer, request)
            #expect(error?.code == .replyTooLarge, "\(path)")
            #expect(error?.isRetryable == false)
            request.replyBytesMax = 1_000_001
            #expect(try await peer.exchange(request).body == body, "\(path)")
        }
    }

    @Test func `a hub that sends headers without end is refused`() async throws {
        let line = "X-Long: " + String(repeating: "a", count: 1_000)
        let server = try LoopbackServer { _ in
            .reply(wholeReply(headers: [String](repeating: line, count: 100)))
        }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        #expect(await failure(of: peer, push)?.code == .replyTooLarge)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirect is refused and not followed`(status: Int) async throws {
        let server = try LoopbackServer { _ in
            .reply(wholeReply(status: "\(status) Moved", headers: ["Location: /elsewhere"]))
        }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        let error = await failure(of: peer, push)
        #expect(error?.code == .redirected)
        #expect(error?.isRetryable == false)
        #expect(error?.message.contains("/elsewhere") == true)
        #expect(server.requests.count == 1)
    }

    @Test func `not modified is a reply and no redirect`() async throws {
        let server = try LoopbackServer { _ in
            .reply(Array("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n".utf8))
        }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        #expect(try await peer.exchange(PeerRequest(path: "/", method: "GET")).status == 304)
    }

    @Test func `a hub that is not there can be tried again`() async throws {
        let peer = try CurlPeer(address: "http://127.0.0.1:1")  // a port that nobody serves
        defer { peer.shutdown() }
        let error = await failure(of: peer, push)
        #expect(error?.code == .unreachable)
        #expect(error?.isRetryable == true)
    }

    @Test func `a hub without TLS is no hub for an https address`() async throws {
        let server = try LoopbackServer { _ in .reply(wholeReply()) }
        defer { server.stop() }
        let peer = try CurlPeer(address: "https://127.0.0.1:\(server.port)")
        defer { peer.shutdown() }
        // The server waits for a line that never comes; what it gets ends the handshake.
        async let ended = failure(of: peer, push)
        server.stop()
        #expect(await ended?.code == .unreachable)
    }

    @Test func `silence beyond the limit is a time-out, patience makes it longer`() async throws {
        let gate = Gate()
        let server = try LoopbackServer { _ in .stall([], gate) }
        defer {
            gate.open()
            server.stop()
        }
        var limits = CurlLimits()
        limits.slowTime = .seconds(1)
        let peer = try CurlPeer(address: server.address, limits: limits)
        defer { peer.shutdown() }
        let clock = ContinuousClock()
        let start = clock.now
        let error = await failure(of: peer, push)
        let waited = clock.now - start
        #expect(error?.code == .timedOut)
        #expect(error?.isRetryable == true)
        var patient = push
        patient.patience = .seconds(2)
        #expect(await failure(of: peer, patient)?.code == .timedOut)
        #expect(clock.now - start - waited >= .seconds(2))
    }

    @Test(arguments: [
        "", "hub.example", "ftp://hub.example", "http://", "https:///x", "http://a b",
        "http://user:word@hub", "http://hub/?q", "http://hub/#f", "file:///etc/passwd",
    ])
    func `an address that is no plain URL is refused`(address: String) {
        do throws(PeerError) {
            _ = try CurlPeer(address: address)
            Issue.record("\(address) was accepted.")
        } catch {
            #expect(error.code == .invalidRequest)
            #expect(!error.isRetryable)
        }
    }

    @Test(arguments: [
        PeerRequest(path: "v1"), PeerRequest(path: "/a b"), PeerRequest(path: "/a#b"),
        PeerRequest(path: "/\r\nX: y"), PeerRequest(path: "/", method: "TRACE"),
        PeerRequest(path: "/", body: [1], method: "GET"),
        PeerRequest(path: "/", contentType: "a\r\nX: y"),
        PeerRequest(path: "/", headers: [PeerHeader(name: "X", value: "a\nY: b")]),
        PeerRequest(path: "/", headers: [PeerHeader(name: "X: y", value: "a")]),
        PeerRequest(path: "/", headers: [PeerHeader(name: "", value: "a")]),
        PeerRequest(path: "/", headers: [PeerHeader(name: "Content-Length", value: "5")]),
    ])
    func `a request that would smuggle something is refused`(request: PeerRequest) async throws {
        let server = try LoopbackServer { _ in .reply(wholeReply()) }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        #expect(await failure(of: peer, request)?.code == .invalidRequest)
        #expect(server.requests.isEmpty)
    }
}

struct PeerReplyTests {
    @Test(arguments: [
        ("7", Duration.seconds(7)), ("0", .zero), ("86401", .seconds(86_400)),
        ("99999999999999999999999", .seconds(86_400)), ("", nil), ("-1", nil), ("1.5", nil),
        ("+1", nil), ("Wed, 21 Oct 2026 07:28:00 GMT", nil),
    ])
    func `only whole seconds say when to come again`(value: String, expected: Duration?) {
        let header = PeerHeader(name: "retry-after", value: value)
        #expect(PeerReply(status: 503, headers: [header]).retryAfter == expected)
    }
}

@Suite(.timeLimit(.minutes(1)))
struct CurlPeerEndTests {
    @Test func `cancelling a task ends its exchange at once, and no other`() async throws {
        let (gate, other) = (Gate(), Gate())
        let server = try LoopbackServer { request in
            .hold(request.path == "/other" ? other : gate, wholeReply([5]))
        }
        defer {
            gate.open()
            server.stop()
        }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        async let kept = peer.exchange(PeerRequest(path: "/other"))
        var arrivals = server.arrivals.makeAsyncIterator()
        _ = await arrivals.next()
        let clock = ContinuousClock()
        let (error, took) = await withTaskGroup(of: PeerError?.self) { group in
            group.addTask { await failure(of: peer, push) }
            _ = await arrivals.next()
            let start = clock.now
            group.cancelAll()
            let error = await group.next() ?? nil
            return (error, clock.now - start)
        }
        #expect(error?.code == .cancelled)
        #expect(error?.isRetryable == false)
        #expect(took < .seconds(5))
        other.open()
        #expect(try await kept.body == [5])
    }

    @Test func `a task that is cancelled already sends nothing that stays`() async throws {
        let gate = Gate()
        let server = try LoopbackServer { _ in .hold(gate, wholeReply()) }
        defer {
            gate.open()
            server.stop()
        }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        for _ in 1...200 {
            await withTaskGroup(of: Void.self) { group in
                group.cancelAll()
                group.addTask { #expect(await failure(of: peer, push)?.code == .cancelled) }
            }
        }
    }

    @Test func `cancelling at any moment ends the exchange once`() async throws {
        let server = try LoopbackServer { _ in .reply(wholeReply([1])) }
        defer { server.stop() }
        let peer = try CurlPeer(address: server.address)
        defer { peer.shutdown() }
        for round in 1...200 {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    do throws(PeerError) {
                        #expect(try await peer.exchange(push).body == [1])
                    } catch {
                        #expect(error.code == .cancelled)
                    }
                }
                for _ in 0..<(round % 20) { await Task.yield() }
                group.cancelAll()
            }
        }
        #expect(try await peer.exchange(push).body == [1])
    }

    @Test func `shutting down ends all exchanges under way as cancelled`() async throws {
        let gate = Gate()
        let server = try LoopbackServer { _ in .hold(gate, wholeReply()) }
        defer {
            gate.open()
            server.stop()
        }
        let peer = try CurlPeer(address: server.address)
        let codes = await withTaskGroup(of: PeerError.Code?.self) { group in
            // More than run at once: those that wait for their turn end too.
            for _ in 1...100 { group.addTask { await failure(of: peer, push)?.code } }
            var arrivals = server.arrivals.makeAsyncIterator()
            for _ in 1...64 { _ = await arrivals.next() }
            peer.shutdown()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes == [PeerError.Code?](repeating: .cancelled, count: 100))
        #expect(await failure(of: peer, push)?.code == .cancelled)
        peer.shutdown()
    }

    @Test func `letting go of a peer ends its thread`() async throws {
        let server = try LoopbackServer { _ in .reply(wholeReply([1])) }
        defer { server.stop() }
        for _ in 1...200 {
            let peer = try CurlPeer(address: server.address)
            #expect(try await peer.exchange(push).body == [1])
        }
        // Other tests run beside this one and have peers too, though not so many.
        #expect(try curlThreadCount() < 100)
    }

    private func curlThreadCount() throws -> Int {
        let tasks = "/proc/self/task"
        return try FileManager.default.contentsOfDirectory(atPath: tasks).count { task in
            let name = try? String(contentsOfFile: "\(tasks)/\(task)/comm", encoding: .utf8)
            return name == "plumbline-curl\n"
        }
    }
}
