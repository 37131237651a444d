import Testing

@testable import TestSupport

@Suite struct SeedsTests {
    @Test(
        arguments: [
            ([:], 1...32), (["SEED": "7"], 7...7), (["SEED": "0x10", "SEEDS": "5"], 16...16),
            (["SEEDS": "3"], 1...3), (["SEED_FIRST": "5000", "SEEDS": "2"], 5000...5001),
            (["SEED": "", "SEEDS": ""], 1...32),
            (["SEED_FIRST": "18446744073709551615", "SEEDS": "1"], UInt64.max...UInt64.max),
        ] as [([String: String], ClosedRange<UInt64>)]
    )
    func `the environment chooses the seeds`(
        environment: [String: String],
        expected: ClosedRange<UInt64>
    ) throws {
        #expect(try Seeds.list(environment: environment) == Array(expected))
    }

    @Test(arguments: [
        ["SEED": "seven"], ["SEEDS": "0"], ["SEEDS": "-1"], ["SEEDS": "1000001"],
        ["SEED_FIRST": "1.5"],
        ["SEED_FIRST": "18446744073709551615", "SEEDS": "2"],
    ])
    func `a mistyped variable is refused by name`(environment: [String: String]) throws {
        let error = #expect(throws: SeedsError.self) {
            try Seeds.list(environment: environment)
        }
        #expect(error?.message.hasPrefix("SEED") == true)
    }
}
