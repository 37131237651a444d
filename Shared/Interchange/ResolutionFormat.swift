/// The body of `POST /api/v1/conflicts/{id}/resolve`: a decision without its type and its conflict.
public enum ResolutionFormat {
    /// What a body may say; the members are those of the command `conflict_resolved`.
    private static let members = ["choice", "reason", "actor", "token", "op", "note", "at", "site"]

    /// Makes the command that a call asks for.
    ///
    /// - Parameters:
    ///   - conflict: The id of the path.
    ///   - body: A JSON object, such as `{"choice":"release","reason":"both are there"}`.
    /// - Returns: One command as JSON.
    /// - Throws: ``InterchangeError`` with the code `malformed_json`, `type_mismatch` or
    ///   `unknown_field`.
    public static func command(
        resolving conflict: String,
        body: [UInt8]
    ) throws(InterchangeError) -> [UInt8] {
        let value = try JSONReader.read(body, bytesMax: CommandFormat.bytesMax)
        guard case .object(let given) = value else {
            throw InterchangeError(
                .typeMismatch,
                "A decision is an object, but this is \(value.kind).",
                hint: #"Write {"choice":…, "reason":…}."#
            )
        }
        var writer = JSONWriter()
        try writer.object { (writer) throws(InterchangeError) in
            writer.member("type", CommandType.conflictResolved.rawValue)
            writer.member("conflict", conflict)
            try write(given, to: &writer)
        }
        return writer.bytes
    }

    private static func write(
        _ given: [JSONValue.Member],
        to writer: inout JSONWriter
    ) throws(InterchangeError) {
        for member in given {
            guard members.contains(member.key) else {
                throw InterchangeError(
                    .unknownField,
                    "A decision has no member `\(InterchangeError.shown(member.key))`.",
                    field: InterchangeError.shown(member.key),
                    hint: "It may have \(members.joined(separator: ", "))."
                )
            }
            guard let text = member.value.text else {
                throw InterchangeError(
                    .typeMismatch,
                    "The member \(member.key) must be a text.",
                    field: member.key
                )
            }
            writer.member(member.key, text)
        }
    }
}
