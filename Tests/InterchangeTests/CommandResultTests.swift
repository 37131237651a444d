import Interchange
import InventoryEngine
import Testing

@Suite struct CommandResultTests {
    private static let results: [(CommandResult, String)] = [
        (
            CommandResult(op: "A-1", event: "lon-1:42", finality: .final),
            #"{"op":"A-1","event":"lon-1:42","status":"recorded","finality":"final","#
                + #""exceptions":[]}"#
        ),
        (
            CommandResult(
                op: "A-1",
                event: "lon-1:42",
                isDuplicate: true,
                finality: .provisional,
                exceptions: ["negative_stock", "x"]
            ),
            #"{"op":"A-1","event":"lon-1:42","status":"duplicate","duplicate":true,"#
                + #""finality":"provisional","exceptions":["negative_stock","x"]}"#
        ),
        (
            CommandResult(op: nil, event: "hub:1"),
            #"{"op":null,"event":"hub:1","status":"recorded","finality":null,"exceptions":[]}"#
        ),
        (
            CommandResult(
                op: "A-2",
                refusal: CommandResult.Refusal(
                    code: "unknown_sku",
                    message: "The SKU \"X\"\nis not known.",
                    field: "lines[0].sku",
                    hint: "Register it."
                )
            ),
            #"{"op":"A-2","status":"refused","error":{"code":"unknown_sku","#
                + #""message":"The SKU \"X\"\nis not known.","field":"lines[0].sku","#
                + #""hint":"Register it."}}"#
        ),
    ]

    @Test func `a result is one line with the documented fields in their order`() throws {
        for (result, text) in Self.results {
            let bytes = ResultFormat.encode(result)
            #expect(String(decoding: bytes, as: UTF8.self) == text)
            #expect(!bytes.contains(0x0A))
            #expect(try ResultFormat.decode(bytes) == result)
        }
    }

    @Test func `both kinds of error become the same refusal`() {
        let malformed = InterchangeError(.missingField, "m.", field: "f", hint: "h")
        let refused = EngineError(EngineError.Code("missing_field"), "m.", field: "f", hint: "h")
        #expect(CommandResult.Refusal(malformed) == CommandResult.Refusal(refused))
        #expect(CommandResult.Refusal(malformed).code == "missing_field")
    }

    @Test func `fields of a later version are ignored`() throws {
        let text = #"{"status":"recorded","event":"lon-1:1","op":"k","later":{"a":[1]}}"#
        let result = try ResultFormat.decode(Array(text.utf8))
        #expect(result == CommandResult(op: "k", event: "lon-1:1"))
    }

    @Test(arguments: [
        "[]", "{}", #"{"status":"lost"}"#, #"{"status":"recorded"}"#, #"{"status":"refused"}"#,
        #"{"status":"refused","error":{}}"#, #"{"status":"recorded","event":7}"#,
        #"{"status":"recorded","event":"lon-1:1","finality":"soon"}"#,
        #"{"status":"recorded","event":"lon-1:1","exceptions":[1]}"#,
    ])
    func `a reply that is no result is refused`(text: String) {
        do {
            _ = try ResultFormat.decode(Array(text.utf8))
            Issue.record("accepted")
        } catch {
            #expect(error.code.text == "result_malformed")
        }
    }
}
