import Interchange
import InventoryEngine
import Replication
import Testing

/// What an error of any layer means to a person, a script and an HTTP client.
@Suite struct FailureTests {
    /// A store that fails as it is told.
    private struct StoreFailure: EventLogFailure {
        var kind: EventLogFailureKind
        var stableCode: String { "disk_full" }
        var message: String { "The disk is full." }
        var hint: String { "Free some space." }
    }

    private static let cases: [(error: any Error, exit: Failure.Exit, code: String, status: Int)] =
        [
            (EngineError(.unknownSKU, "Unknown."), .refused, "unknown_sku", 409),
            (EngineError(.damaged, "Torn."), .damage, "damaged", 500),
            (EngineError(.storage, "Gone."), .internal, "storage_failed", 500),
            (InterchangeError(.unknownField, "What?"), .refused, "unknown_field", 400),
            (InterchangeError(.jsonMalformed, "What?"), .refused, "json_malformed", 400),
            (ReplicationError(.hubUnreachable, "No."), .hubUnreachable, "hub_unreachable", 503),
            (ReplicationError(.chainBroken, "Torn."), .damage, "chain_broken", 500),
            (
                SyncRefusal(code: "unauthenticated", message: "Who?"), .refused, "unauthenticated",
                401
            ),
            (
                ReplicationError(refusal: SyncRefusal(code: "name_taken", message: "Taken.")),
                .refused, "name_taken", 409
            ),
            (
                PeerError(code: .timedOut, message: "Slow.", hint: ""),
                .hubUnreachable, "hub_unreachable", 503
            ),
            (
                PeerError(code: .invalidRequest, message: "Where?", hint: ""),
                .refused, "invalid_address", 409
            ),
            (StoreFailure(kind: .locked), .locked, "disk_full", 503),
            (StoreFailure(kind: .damaged), .damage, "disk_full", 500),
            (StoreFailure(kind: .failed), .internal, "disk_full", 500),
            (CancellationError(), .internal, "internal", 500),
        ]

    @Test(arguments: cases.indices)
    func `each error has its exit code, its stable code and its status`(index: Int) throws {
        let (error, exit, code, status) = Self.cases[index]
        let failure = Failure(error)
        #expect(failure.exit == exit)
        #expect(failure.refusal.code == code)
        #expect(ProblemFormat.status(of: failure) == status)
        #expect(Failure(failure) == failure, "a failure stays what it is")
        let value = try JSONReader.read(ProblemFormat.encode(failure))
        #expect(value["status"] == .number(JSONNumber(Int64(status))))
        let read = ProblemFormat.decode(ProblemFormat.encode(failure), status: status)
        #expect(read.refusal == failure.refusal)
    }

    @Test func `people read two lines, programs one object, with the same content`() throws {
        let failure = Failure(
            InterchangeError(.unknownField, "The field is unknown.", field: "qty", hint: "Say it.")
        )
        #expect(
            failure.text(json: false)
                == "Error: The field is unknown. [unknown_field, qty]\nTry: Say it."
        )
        let error = try #require(JSONReader.read(Array(failure.text(json: true).utf8))["error"])
        #expect(error["code"]?.text == "unknown_field")
        #expect(error["field"]?.text == "qty")
        #expect(error["hint"]?.text == "Say it.")
    }

    @Test(arguments: ["", "<html>", "{}", "[1]", #"{"code":7,"detail":"x"}"#])
    func `a reply that is no problem of ours says that something else answered`(body: String) {
        let failure = ProblemFormat.decode(Array(body.utf8), status: 502)
        #expect(failure.refusal.code == "reply_not_understood")
        #expect(failure.exit == .hubUnreachable)
        #expect(failure.refusal.message.contains("502"))
    }
}
