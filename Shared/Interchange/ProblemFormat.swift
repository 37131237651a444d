/// Failures as HTTP carries them: problem details with the codes of the command line.
///
/// ```json
/// {"type":"about:blank","status":409,"title":"refused","code":"op_reused","detail":"The op …",
///  "field":"op","hint":"Give each command an op of its own."}
/// ```
///
/// Source: RFC 9457, *Problem Details for HTTP APIs*; `code`, `field` and `hint` are extensions.
public enum ProblemFormat {
    /// What the body is.
    public static let contentType = "application/problem+json"

    /// Writes a failure.
    ///
    /// - Parameters:
    ///   - refusal: What failed.
    ///   - status: The HTTP status of the reply.
    /// - Returns: One JSON object in UTF-8.
    public static func encode(_ refusal: CommandResult.Refusal, status: Int) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("type", "about:blank")
            writer.member("status", number: status)
            writer.member("title", status < 500 ? "refused" : "failed")
            writer.member("code", refusal.code)
            writer.member("detail", refusal.message)
            writer.member("field", orNull: refusal.field)
            writer.member("hint", refusal.hint)
        }
        return writer.bytes
    }

    /// Reads a failure; nil if the body is no problem of ours.
    public static func decode(_ body: [UInt8]) -> CommandResult.Refusal? {
        do throws(InterchangeError) {
            let value = try JSONReader.read(body)
            guard let code = value["code"]?.text else { return nil }
            return CommandResult.Refusal(
                code: code,
                message: value["detail"]?.text ?? value["message"]?.text ?? code,
                field: value["field"]?.text,
                hint: value["hint"]?.text ?? ""
            )
        } catch {
            return nil  // a proxy's page, or nothing
        }
    }
}
