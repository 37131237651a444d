import Causality
import InventoryEngine
import Replication
import TestSupport
import Testing

/// Receipts whose costs are in another currency than the network's, which is GBP here.
@Suite(.tags(.simulation))
struct CurrencyTests {
    private func receipt(
        _ currency: String?,
        _ rate: ExactDecimal?,
        _ change: (inout EventLine) -> Void
    ) throws -> EventBody {
        let sku = try #require(RightsCluster.sku)
        var line = EventLine(sku: sku, quantity: Quantity(units: 3))
        change(&line)
        let label = currency.flatMap { Label($0) }
        return .goodsReceived(GoodsReceipt(currency: label, rate: rate, lines: [line]))
    }

    private func cluster() async throws -> RightsCluster {
        var cluster = try await RightsCluster(["LON", "MUC"])
        try await cluster.record(0, .item(#require(RightsCluster.sku)))
        try await cluster.settle()
        return cluster
    }

    @Test func `a value in another currency is rounded once, after the rate`() async throws {
        var cluster = try await cluster()
        let rate = ExactDecimal(mantissa: 8_612, scale: 4)
        // 3 × 0.33335 × 0.8612 = 0.86124306; with the unit cost rounded first it would be 0.8614.
        let unit = try receipt("EUR", rate) {
            $0.unitCost = ExactDecimal(mantissa: 33_335, scale: 5)
        }
        let first = try await cluster.record(0, unit)
        #expect(first.refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.summary(at: "LON").value == Money(units: 8_612))
        // 10.0001 × 0.8612 = 8.61208612.
        let amount = try receipt("EUR", rate) { $0.amount = Money(units: 100_001) }
        #expect(try await cluster.record(0, amount).refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.summary(at: "LON").value == Money(units: 8_612 + 86_121))
        let undo = EventBody.reversed(
            Reversal(event: try #require(first.event), reason: "wrong rate")
        )
        #expect(try await cluster.record(0, undo).refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.summary(at: "LON").value == Money(units: 86_121))
        #expect(try await cluster.disagreements() == [])
        #expect(try await cluster.identityFaults() == [])
    }

    @Test func `a rate belongs to another currency, and its lines say what they cost`()
        async throws
    {
        var cluster = try await cluster()
        let rate = ExactDecimal(mantissa: 2, scale: 0)
        func priced(_ line: inout EventLine) { line.unitCost = ExactDecimal(mantissa: 1, scale: 0) }
        let huge = ExactDecimal(mantissa: .max, scale: 0)
        for (body, code) in [
            (try receipt("EUR", nil, priced), "currency_mismatch"),
            (try receipt("GBP", rate, priced), "rate_not_needed"),
            (try receipt(nil, rate, priced), "rate_not_needed"),
            (try receipt("EUR", rate) { _ in }, "cost_missing"),
            (try receipt("EUR", ExactDecimal(mantissa: 1, scale: 13), priced), "too_many_decimals"),
            (try receipt("EUR", ExactDecimal(mantissa: -1, scale: 0), priced), "rate_invalid"),
            (try receipt("EUR", huge) { $0.unitCost = huge }, "overflow"),
        ] {
            let refused = try await cluster.record(0, body).refusal
            #expect(refused?.code.text == code)
            #expect(try await cluster.recordAtHub("LON", body).refusal?.code.text == code)
        }
        #expect(try await cluster.record(0, receipt("GBP", nil, priced)).refusal == nil)
        try await cluster.settle()
        #expect(try await cluster.disagreements() == [])
    }
}
