import Dispatch
import Foundation
import Glibc
import Synchronization

/// A request as the loopback server read it.
struct ServedRequest: Sendable {
    var method: String
    var path: String
    /// Names in lower case.
    var headers: [String: String]
    var body: [UInt8]
    /// Which connection it came on, from 1.
    var connection: Int
}

/// What the loopback server does about a request.
enum ServedAnswer: Sendable {
    /// Sends the bytes and keeps the connection.
    case reply([UInt8])
    /// Sends the bytes and closes the connection.
    case replyAndClose([UInt8])
    /// Sends nothing until the gate opens, then the bytes.
    case hold(Gate, [UInt8])
    /// Sends the first bytes, then nothing until the gate opens, then closes.
    case stall([UInt8], Gate)
}

/// Holds a server thread until somebody opens it; stays open.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() {
        semaphore.signal()
    }

    func pass() {
        semaphore.wait()
        semaphore.signal()
    }
}

/// A tiny HTTP/1.1 server on loopback or on a Unix socket, with threads of its own.
final class LoopbackServer: Sendable {
    private struct State {
        var connectionCount = 0
        var requests: [ServedRequest] = []
        var open: Set<Int32> = []
        var isStopped = false
    }

    let port: UInt16
    var address: String { "http://127.0.0.1:\(port)" }
    /// Yields each request as soon as it is read, before it is answered.
    let arrivals: AsyncStream<ServedRequest>

    private let listener: Int32
    private let answer: @Sendable (ServedRequest) -> ServedAnswer
    private let arrived: AsyncStream<ServedRequest>.Continuation
    private let state = Mutex(State())

    init(
        unixSocketPath: String? = nil,
        answer: @escaping @Sendable (ServedRequest) -> ServedAnswer
    ) throws {
        self.answer = answer
        (arrivals, arrived) = AsyncStream.makeStream()
        if let unixSocketPath {
            listener = try Self.listen(unixSocketPath: unixSocketPath)
            port = 0
        } else {
            (listener, port) = try Self.listenOnLoopback()
        }
        Thread.detachNewThread { [self] in acceptAll() }
    }

    var connectionCount: Int { state.withLock { $0.connectionCount } }
    var requests: [ServedRequest] { state.withLock { $0.requests } }

    /// Closes the listener and all connections; threads then end by themselves.
    func stop() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.isStopped = true
            shutdown(listener, Int32(SHUT_RDWR))
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
        arrived.finish()
    }

    private func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            let number = state.withLock { state in
                state.connectionCount += 1
                state.open.insert(descriptor)
                return state.connectionCount
            }
            Thread.detachNewThread { [self] in
                serve(descriptor, number)
                state.withLock { _ = $0.open.remove(descriptor) }
                close(descriptor)
            }
        }
        close(listener)
    }

    private func serve(_ descriptor: Int32, _ number: Int) {
        var buffered: [UInt8] = []
        while let request = readRequest(descriptor, number, &buffered) {
            state.withLock { $0.requests.append(request) }
            let answer = answer(request)
            arrived.yield(request)
            switch answer {
            case .reply(let bytes):
                guard send(bytes, descriptor) else { return }
            case .replyAndClose(let bytes):
                _ = send(bytes, descriptor)
                shutdown(descriptor, Int32(SHUT_WR))
                return
            case .hold(let gate, let bytes):
                gate.pass()
                guard send(bytes, descriptor) else { return }
            case .stall(let bytes, let gate):
                _ = send(bytes, descriptor)
                gate.pass()
                return
            }
        }
    }

    private func readRequest(
        _ descriptor: Int32,
        _ number: Int,
        _ buffered: inout [UInt8]
    ) -> ServedRequest? {
        let end = Array("\r\n\r\n".utf8)
        var headEnd: Int?
        while headEnd == nil {
            headEnd = buffered.firstRange(of: end)?.lowerBound
            if headEnd == nil, !receive(descriptor, &buffered) { return nil }
        }
        guard let headEnd else { return nil }
        let head = String(decoding: buffered[..<headEnd], as: UTF8.self)
        let lines = head.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            let value = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
            headers[parts[0].lowercased()] = value
        }
        let bodyCount = headers["content-length"].flatMap { Int($0) } ?? 0
        let bodyStart = headEnd + end.count
        while buffered.count < bodyStart + bodyCount {
            guard receive(descriptor, &buffered) else { return nil }
        }
        let body = Array(buffered[bodyStart..<bodyStart + bodyCount])
        buffered.removeFirst(bodyStart + bodyCount)
        return ServedRequest(
            method: String(words[0]),
            path: String(words[1]),
            headers: headers,
            body: body,
            connection: number
        )
    }

    private func receive(_ descriptor: Int32, _ buffered: inout [UInt8]) -> Bool {
        var part = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &part, part.count, 0)
        guard count > 0 else { return false }
        buffered += part[..<count]
        return true
    }

    private func send(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private struct ListenError: Error {}

    private static func listenOnLoopback() throws -> (Int32, UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, size) == 0 && Glibc.listen(descriptor, 64) == 0
                    && getsockname(descriptor, pointer, &size) == 0
            }
        }
        guard isBound else { throw ListenError() }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private static func listen(unixSocketPath: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: unixSocketPath.utf8) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, size) == 0 && Glibc.listen(descriptor, 64) == 0
            }
        }
        guard isBound else { throw ListenError() }
        return descriptor
    }
}

/// The bytes of a whole HTTP/1.1 reply with a length.
func wholeReply(
    _ body: [UInt8] = [],
    status: String = "200 OK",
    headers: [String] = []
) -> [UInt8] {
    let head = (["HTTP/1.1 \(status)", "Content-Length: \(body.count)"] + headers)
        .joined(separator: "\r\n")
    return Array((head + "\r\n\r\n").utf8) + body
}

/// The bytes of a whole HTTP/1.1 reply in chunks.
func chunkedReply(_ chunks: [[UInt8]], headers: [String] = []) -> [UInt8] {
    let head = (["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"] + headers)
        .joined(separator: "\r\n")
    var bytes = Array((head + "\r\n\r\n").utf8)
    for chunk in chunks {
        bytes += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8)
    }
    return bytes + Array("0\r\n\r\n".utf8)
}
