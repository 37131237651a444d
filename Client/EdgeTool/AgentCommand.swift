import ArgumentParser
import CurlTransport
import Edge
import Foundation
import Interchange
import Logging
import Replication
import ServiceLifecycle
import UnixSignals

struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Replicates with the hub and answers commands until it is told to stop.",
        discussion: """
            Other commands find it by its socket, DIR/agent.sock, and use it by themselves. It works \
            before the node has joined a hub, and whatever becomes of the hub.

            Example: plumbline agent --data /var/lib/plumbline
            """
    )

    @OptionGroup var options: CommonOptions
    @Option(
        help: """
            Also answers at HOST:PORT, of loopback alone; whoever is on this machine can then use \
            it, while the socket is the owner's.
            """
    )
    var listen: String?

    private var address: (host: String, port: Int)? {
        guard let listen, let colon = listen.lastIndex(of: ":"),
            let port = Int(listen[listen.index(after: colon)...]), 1...65_535 ~= port
        else { return nil }
        return (String(listen[..<colon]), port)
    }

    func validate() throws {
        guard listen != nil else { return }
        guard let address, ["127.0.0.1", "localhost", "::1"].contains(address.host) else {
            throw ValidationError("--listen is HOST:PORT with the host 127.0.0.1 or localhost.")
        }
    }

    func run() async throws {
        try await options.run {
            let path = options.socketPath
            guard path.utf8.count < CommonOptions.socketPathBytesMax else {
                throw Failure(
                    CommandResult.Refusal(
                        code: "path_too_long",
                        message: "The socket's path \(path) is too long for this system.",
                        hint: "Keep the node in a directory with a shorter name."
                    )
                )
            }
            let logger = Logger(label: "plumbline")
            let node = try await options.openNode()
            let agent = EdgeAgent(node: node, key: try options.key(), logger: logger) { url in
                try CurlPeer(address: url)
            }
            // This process owns the store, so a socket that is there is left over.
            try Self.removeFile(path)
            umask(0o177)  // the socket is for the owner alone, who reads and writes it
            let api = LocalAPI(agent: agent, logger: logger)
            let name = node.identity.name
            var services: [any Service] = [
                agent,
                api.service(socketPath: path) {
                    Console.print("\(name) answers at \(path)")
                },
            ]
            if let address {
                services.append(
                    api.service(host: address.host, port: address.port) {
                        Console.print("\(name) answers at \(address.host):\(address.port)")
                    }
                )
            }
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: services.map { .init(service: $0) },
                    gracefulShutdownSignals: [.sigterm, .sigint],
                    logger: logger
                )
            )
            try await group.run()
            try Self.removeFile(path)
            return 0
        }
    }

    private static func removeFile(_ path: String) throws {
        let files = FileManager.default
        if files.fileExists(atPath: path) { try files.removeItem(atPath: path) }
    }
}
