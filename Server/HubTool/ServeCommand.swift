import ArgumentParser
import Foundation
import Hub
import Logging

/// Runs the hub.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Runs the hub until it is told to stop.",
        discussion: "Example: plumbline-hub serve --listen 127.0.0.1:8080 --insecure"
    )
    @OptionGroup var directory: HubDirectory
    @OptionGroup var output: OutputOptions
    @Option(help: "The address and port; 0 takes a free port.")
    var listen = "127.0.0.1:8080"
    @Flag(help: "Serves without TLS, which only loopback may.")
    var insecure = false

    private var address: (host: String, port: Int)? {
        guard
            let colon = listen.lastIndex(of: ":"),
            let port = Int(listen[listen.index(after: colon)...]), 0...65_535 ~= port
        else { return nil }
        return (String(listen[..<colon]), port)
    }

    func validate() throws {
        guard let address else { throw ValidationError("--listen is HOST:PORT.") }
        guard insecure else {
            throw ValidationError("This hub has no TLS of its own: say --insecure on loopback.")
        }
        guard ["127.0.0.1", "localhost"].contains(address.host) else {
            throw ValidationError("--insecure is for loopback; put a TLS proxy in front.")
        }
    }

    func run() async throws {
        guard let address else { throw ValidationError("--listen is HOST:PORT.") }
        try await output.run {
            let service = try await directory.open()
            let released = try await service.releaseParked(now: Console.now())
            if released > 0 { Console.note("released \(released) parked events") }
            let hub = HubApplication(
                service: service,
                operatorToken: try directory.operatorToken(),
                logger: Logger(label: "plumbline-hub"),
                now: Console.now,
                drawToken: { HubSecret.text(of: HubSecret.draw()) }
            )
            let directory = directory
            try await hub.run(host: address.host, port: address.port) { port in
                let listening = "\(address.host):\(port)"
                try directory.noteListening(listening)
                // Written at once, not when a buffer is full: scripts wait for this line.
                try FileHandle.standardOutput.write(
                    contentsOf: Data("listening on \(listening)\n".utf8)
                )
            }
            try directory.noteListening(nil)
            return 0
        }
    }
}
