/// A failure as an HTTP reply carries it: problem details with the codes of the command line.
///
/// ```json
/// {"type":"about:blank","title":"Not Found","status":404,"detail":"There is no order SO-7.",
///  "code":"not_found","field":"id","hint":"List them all to see their ids."}
/// ```
///
/// Source: RFC 9457, *Problem Details for HTTP APIs* (2023).
public enum ProblemFormat {
    /// The media type of the body.
    public static let contentType = "application/problem+json"

    /// The status of the reply: 400, 401, 403, 404, 409, 413, 415, 500 or 503.
    public static func status(of failure: Failure) -> Int {
        switch failure.exit {
        case .locked, .hubUnreachable: return 503
        case .damage, .internal: return 500
        case .refused, .attention, .usage: break
        }
        switch failure.refusal.code {
        case "unauthenticated": return 401
        case "forbidden", "other_node": return 403
        case "not_found", "unknown_site": return 404
        case "body_too_large", "json_too_large": return 413
        case "unsupported_media_type": return 415
        case "malformed", "cursor_invalid", "parameter_invalid", "parameter_repeated",
            "parameters_conflict", "unknown_parameter", "other_site", "unknown_field",
            "missing_field", "type_mismatch", "unknown_type":
            return 400
        case let code where code.hasPrefix("json_"): return 400
        default: return 409
        }
    }

    /// Writes the body of a reply.
    public static func encode(_ failure: Failure) -> [UInt8] {
        let status = status(of: failure)
        let refusal = failure.refusal
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("type", "about:blank")
            writer.member("title", title(of: status))
            writer.member("status", number: status)
            writer.member("detail", refusal.message)
            writer.member("code", refusal.code)
            writer.member("field", orNull: refusal.field)
            writer.member("hint", refusal.hint)
        }
        return writer.bytes
    }

    /// Reads the body of a reply that is not a success.
    ///
    /// - Returns: The failure; for a body that is none, one that says which status it had.
    public static func decode(_ body: [UInt8], status: Int) -> Failure {
        var exit: Failure.Exit =
            switch status {
            case 503: .locked
            case 500...: .internal
            default: .refused
            }
        do throws(InterchangeError) {
            let value = try JSONReader.read(body)
            guard let code = value["code"]?.text, let message = value["detail"]?.text else {
                return unreadable(status)
            }
            if code == "hub_unreachable" { exit = .hubUnreachable }
            return Failure(
                CommandResult.Refusal(
                    code: code,
                    message: message,
                    field: value["field"]?.text,
                    hint: value["hint"]?.text ?? ""
                ),
                exit: exit
            )
        } catch {
            return unreadable(status)
        }
    }

    private static func unreadable(_ status: Int) -> Failure {
        Failure(
            CommandResult.Refusal(
                code: "reply_not_understood",
                message: "Something answered with the status \(status) that is not this program.",
                hint: "Check the address, and the proxies before it."
            ),
            exit: .hubUnreachable
        )
    }

    private static func title(of status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 503: "Service Unavailable"
        default: "Internal Server Error"
        }
    }
}
