import ArgumentParser
import Foundation
import Hub
import Interchange
import Replication
import Reports

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A hub that an operator asks: the one that runs, or else its files.
struct OperatorTarget: ParsableArguments {
    @OptionGroup var directory: HubDirectory
    @Option(name: .customLong("hub"), help: "The URL of the hub; default: the one that runs here.")
    var url: String?

    /// What a hub that runs has answered.
    struct Reply {
        var body: [UInt8]
        var cursor: String?
    }

    /// Reads one page of a list.
    func report(_ query: ReportQuery) async throws -> ReportPage {
        let path = ReportHTTP.pathPrefix + query.kind.rawValue
        let asked = try await ask(
            path,
            query: query.urlQuery,
            accept: ReportHTTP.linesContentType
        )
        guard let reply = asked else {
            return try await directory.open().report(query, at: Console.now())
        }
        return try ReportPage(lines: reply.body, next: reply.cursor)
    }

    /// Asks the hub that runs.
    ///
    /// - Parameters:
    ///   - path: Which call.
    ///   - query: What stands behind the question mark, escaped.
    ///   - accept: The media type of the reply.
    ///   - body: What is sent; nil makes the call a GET.
    /// - Returns: The reply; nil if no hub runs here and none was named.
    /// - Throws: ``Failure``: what the hub refused, or that it did not answer.
    func ask(
        _ path: String,
        query: String = "",
        accept: String = ReportHTTP.arrayContentType,
        body: [UInt8]? = nil
    ) async throws -> Reply? {
        guard let base = url ?? directory.runningHub() else { return nil }
        var request = URLRequest(url: try address(base, path, query))
        let token = try directory.operatorToken()
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        request.setValue(accept, forHTTPHeaderField: "Accept")
        if let body {
            request.httpMethod = "POST"
            request.httpBody = Data(body)
        }
        let data: Data
        let response: URLResponse
        do {
            (data, response) = try await URLSession.shared.data(for: request)
        } catch let error as URLError where error.code == .cannotConnectToHost && url == nil {
            return nil  // left over from a hub that was killed: its files answer
        } catch let error as URLError {
            throw Failure(
                CommandResult.Refusal(
                    code: "hub_unreachable",
                    message: "No hub answers at \(base): \(error.localizedDescription)",
                    hint: "Start it with `plumbline-hub serve`, or check --hub."
                ),
                exit: .hubUnreachable
            )
        }
        let http = response as? HTTPURLResponse
        guard let http, http.statusCode == 200 else {
            throw ProblemFormat.decode([UInt8](data), status: http?.statusCode ?? 0)
        }
        return Reply(
            body: [UInt8](data),
            cursor: http.value(forHTTPHeaderField: ReportHTTP.cursorHeader)
        )
    }

    private func address(
        _ base: String,
        _ path: String,
        _ query: String
    ) throws -> URL {
        var parts = URLComponents(string: base)
        parts?.path = path
        if !query.isEmpty { parts?.percentEncodedQuery = query }
        guard let url = parts?.url, url.host() != nil else {
            throw Failure(
                CommandResult.Refusal(
                    code: "invalid_address",
                    message: "\(base) is not the URL of a hub.",
                    field: "hub",
                    hint: "Write it as http://127.0.0.1:8080."
                )
            )
        }
        return url
    }
}
