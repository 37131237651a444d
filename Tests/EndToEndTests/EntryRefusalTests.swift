import Foundation
import Interchange
import TestSupport
import Testing

/// What a node refuses at entry, through the real program: each with its code and field, and
/// nothing of it is left behind.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(10)))
struct EntryRefusalTests {
    private struct Case {
        let line: String
        let code: String
        let field: String?

        init(_ line: String, _ code: String, _ field: String? = nil) {
            self.line = line
            self.code = code
            self.field = field
        }
    }

    private static let setUp = """
        {"type":"item_registered","sku":"P","name":"P","conversions":[{"uom":"CS","numerator":12,"denominator":1},{"uom":"THD","numerator":1,"denominator":3}]}
        {"type":"item_registered","sku":"Q","name":"Q","scale":2}
        {"type":"location_registered","location":"A-01"}
        {"type":"goods_received","op":"r-1","lines":[{"sku":"P","quantity":20,"unit_cost":"1.50"}]}
        {"type":"purchase_order_placed","purchase_order":"PO-1","lines":[{"sku":"P","quantity":5,"unit_cost":"2"}]}
        {"type":"purchase_order_placed","purchase_order":"PO-2","lines":[{"sku":"P","quantity":5,"unit_cost":"2"}]}
        {"type":"purchase_order_closed","purchase_order":"PO-2"}
        {"type":"order_confirmed","order":"SO-1","lines":[{"line":1,"sku":"P","quantity":4}]}
        {"type":"order_confirmed","order":"SO-2","lines":[{"line":1,"sku":"P","quantity":2}]}
        {"type":"pick_completed","order":"SO-2","lines":[{"line":1,"sku":"P","quantity":2}]}
        {"type":"pack_completed","order":"SO-2","lines":[{"line":1,"sku":"P","quantity":2}]}
        {"type":"shipment_dispatched","order":"SO-2"}
        {"type":"return_received","return":"R-1","order":"SO-2","lines":[{"sku":"P","quantity":1}]}
        {"type":"count_recorded","count":"C-1","propose":false,"lines":[{"sku":"Q","quantity":0}]}
        {"type":"adjustment_proposed","adjustment":"J-1","reason":"found","lines":[{"sku":"P","quantity":1}]}
        {"type":"transfer_requested","transfer":"T-1","to_site":"MAN","lines":[{"sku":"P","quantity":1}]}
        """

    private static func receipt(_ line: String) -> String {
        #"{"type":"goods_received","lines":[\#(line)]}"#
    }

    private static func work(_ type: String, _ order: String, _ quantity: Int) -> String {
        #"{"type":"\#(type)","order":"\#(order)","lines":[{"sku":"P","quantity":\#(quantity)}]}"#
    }

    /// What looks like a typing error, and is a fact if it is forced.
    private static let suspicious: [Case] = [
        Case(work("pick_completed", "SO-1", 5), "over_pick", "lines[0].quantity"),
        Case(work("pack_completed", "SO-1", 5), "over_pack", "lines[0].quantity"),
        Case(work("shipment_dispatched", "SO-1", 5), "over_ship", "lines[0].quantity"),
        Case(work("pick_completed", "SO-9", 1), "unknown_order", "order"),
        Case(work("pack_completed", "SO-9", 1), "unknown_order", "order"),
        Case(work("shipment_dispatched", "SO-9", 1), "unknown_order", "order"),
        Case(
            #"{"type":"return_received","return":"R-9","order":"SO-9","#
                + #""lines":[{"sku":"P","quantity":1}]}"#,
            "unknown_order",
            "order"
        ),
        Case(
            #"{"type":"goods_received","purchase_order":"PO-9","#
                + #""lines":[{"sku":"P","quantity":1}]}"#,
            "unknown_purchase_order",
            "purchase_order"
        ),
    ]

    private static func cases() -> [Case] {
        let long = String(repeating: "x", count: 65)
        var cases = [
            // Unknown SKU, unit, location.
            Case(receipt(#"{"sku":"X","quantity":1}"#), "unknown_sku", "lines[0].sku"),
            Case(
                receipt(#"{"sku":"P","quantity":1},{"sku":"p","quantity":1}"#),
                "unknown_sku",
                "lines[1].sku"
            ),
            Case(
                receipt(#"{"sku":"P","quantity":1,"uom":"KG"}"#),
                "unknown_unit",
                "lines[0].uom"
            ),
            Case(
                receipt(#"{"sku":"P","quantity":1,"location":"Z"}"#),
                "unknown_location",
                "lines[0].location"
            ),
            // Quantities.
            Case(
                receipt(#"{"sku":"P","quantity":0}"#),
                "quantity_not_positive",
                "lines[0].quantity"
            ),
            Case(
                receipt(#"{"sku":"P","quantity":"-1"}"#),
                "quantity_not_positive",
                "lines[0].quantity"
            ),
            Case(
                receipt(#"{"sku":"P","quantity":"1.5"}"#),
                "quantity_not_exact",
                "lines[0].quantity"
            ),
            Case(
                receipt(#"{"sku":"Q","quantity":"1.234"}"#),
                "quantity_not_exact",
                "lines[0].quantity"
            ),
            Case(
                receipt(#"{"sku":"P","quantity":1,"uom":"THD"}"#),
                "quantity_not_exact",
                "lines[0].quantity"
            ),
            Case(
                receipt(#"{"sku":"P","quantity":"9007199254740993"}"#),
                "quantity_out_of_range",
                "lines[0].quantity"
            ),
            Case(
                receipt(#"{"sku":"P","quantity":"9007199254740000","uom":"CS"}"#),
                "quantity_out_of_range",
                "lines[0].quantity"
            ),
            Case(
                receipt(#"{"sku":"P","quantity":"99999999999999999999"}"#),
                "quantity_out_of_range",
                "lines[0].quantity"
            ),
            Case(
                receipt(#"{"sku":"P","quantity":1.5}"#),
                "number_not_exact",
                "lines[0].quantity"
            ),
            Case(
                #"{"type":"count_recorded","count":"C-9","lines":[{"sku":"P","quantity":"-1"}]}"#,
                "quantity_negative",
                "lines[0].quantity"
            ),
            Case(
                #"{"type":"adjustment_proposed","adjustment":"J-9","reason":"r","#
                    + #""lines":[{"sku":"P","quantity":0}]}"#,
                "quantity_zero",
                "lines[0].quantity"
            ),
            // Overflow, currency, check digit.
            Case(
                receipt(
                    #"{"sku":"P","quantity":"9007199254740992","unit_cost":"9223372036854775807"}"#
                ),
                "overflow"
            ),
            Case(
                #"{"type":"goods_received","currency":"EUR","lines":[{"sku":"P","quantity":1}]}"#,
                "currency_mismatch",
                "currency"
            ),
            Case(
                #"{"type":"item_registered","sku":"N","name":"N","gtin":"4006381333932"}"#,
                "check_digit_wrong",
                "gtin"
            ),
            // Identifiers.
            Case(receipt(#"{"sku":"","quantity":1}"#), "identifier_invalid", "lines[0].sku"),
            Case(
                receipt(#"{"sku":"\#(long)","quantity":1}"#),
                "identifier_invalid",
                "lines[0].sku"
            ),
            Case(
                receipt(#"{"sku":"a\u0000b","quantity":1}"#),
                "identifier_invalid",
                "lines[0].sku"
            ),
            Case(
                #"{"type":"location_registered","location":"a\nb"}"#,
                "identifier_invalid",
                "location"
            ),
            // An amendment of what is closed; an op with other content.
            Case(
                #"{"type":"purchase_order_amended","purchase_order":"PO-2","#
                    + #""lines":[{"line":1,"sku":"P","quantity":1,"unit_cost":"1"}]}"#,
                "purchase_order_closed",
                "purchase_order"
            ),
            Case(
                #"{"type":"order_amended","order":"SO-2","lines":[{"line":1,"quantity":1}]}"#,
                "amend_too_late",
                "lines[0].quantity"
            ),
            Case(
                #"{"type":"goods_received","op":"r-1","lines":[{"sku":"P","quantity":21}]}"#,
                "op_reused",
                "op"
            ),
            // An id of another document of its kind.
            Case(
                #"{"type":"order_confirmed","order":"SO-1","lines":[{"sku":"P","quantity":1}]}"#,
                "order_exists",
                "order"
            ),
            Case(
                #"{"type":"purchase_order_placed","purchase_order":"PO-1","#
                    + #""lines":[{"sku":"P","quantity":1,"unit_cost":"1"}]}"#,
                "purchase_order_exists",
                "purchase_order"
            ),
            Case(
                #"{"type":"return_received","return":"R-1","lines":[{"sku":"P","quantity":1}]}"#,
                "return_exists",
                "return"
            ),
            Case(
                #"{"type":"count_recorded","count":"C-1","lines":[{"sku":"P","quantity":1}]}"#,
                "count_exists",
                "count"
            ),
            Case(
                #"{"type":"adjustment_proposed","adjustment":"J-1","reason":"r","#
                    + #""lines":[{"sku":"P","quantity":1}]}"#,
                "adjustment_exists",
                "adjustment"
            ),
            Case(
                #"{"type":"transfer_requested","transfer":"T-1","to_site":"MAN","#
                    + #""lines":[{"sku":"P","quantity":1}]}"#,
                "transfer_exists",
                "transfer"
            ),
            Case(
                #"{"type":"location_registered","location":"STAGING"}"#,
                "location_exists",
                "location"
            ),
            // A misspelt field must not be lost.
            Case(
                receipt(#"{"sku":"P","quantity":1,"qty":2}"#),
                "unknown_field",
                "lines[0].qty"
            ),
            Case(#"{"type":"goods_recieved","lines":[]}"#, "unknown_type", "type"),
        ]
        cases += suspicious
        return cases
    }

    private func record(
        _ lines: [String],
        _ network: RunningNetwork
    ) throws -> [CommandResult] {
        let output = try network.programs.run(
            "plumbline",
            ["record", "--data", network.sites[0].name],
            input: lines.joined(separator: "\n")
        )
        #expect(output.errors.isEmpty, "\(output.errors)")
        let results = try output.lines.map { try ResultFormat.decode(Array($0.utf8)) }
        #expect(results.count == lines.count)
        return results
    }

    /// All that a node shows of itself and of its stock.
    private func picture(_ network: RunningNetwork) throws -> [JSONValue?] {
        let site = network.sites[0]
        let shown = try network.programs.run(
            "plumbline",
            ["status", "--json", "--data", site.name]
        )
        let status = try JSONReader.read(Array(shown.text.utf8))
        let stock = try network.plumbline(site, "stock", "--json")
        let places = try network.plumbline(site, "stock", "--by", "location", "--json")
        return [
            status["events"]?["recorded"], status["digest"], status["attention"],
            .string(stock.text), .string(places.text),
        ]
    }

    @Test func `each refusal has its code and field, and leaves nothing behind`() async throws {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try network.plumbline(site, "record", input: Self.setUp)
            let before = try picture(network)
            let cases = Self.cases()
            for (entry, result) in zip(cases, try record(cases.map(\.line), network)) {
                #expect(result.status == .refused, "\(entry.line)")
                #expect(result.refusal?.code == entry.code, "\(entry.line)")
                #expect(result.refusal?.field == entry.field, "\(entry.line)")
                #expect(result.refusal?.message.hasSuffix(".") == true, "\(entry.line)")
            }
            #expect(try picture(network) == before)

            // Another site's order, and a receipt whose dispatch is not known yet, are no errors.
            let early = try record(
                [
                    #"{"type":"return_received","return":"R-7","order":"SO-7","#
                        + #""order_site":"MAN","lines":[{"sku":"P","quantity":1}]}"#,
                    #"{"type":"transfer_received","transfer":"T-7","from_site":"MAN","#
                        + #""lines":[{"sku":"P","quantity":1}]}"#,
                ],
                network
            )
            #expect(early.map(\.status) == [.recorded, .recorded])
        }
    }

    @Test func `what looks like a typing error is a fact with an exception if it is forced`()
        async throws
    {
        try await withRunningNetwork(["LON"]) { network in
            try network.plumbline(network.sites[0], "record", input: Self.setUp)
            // Later steps first: what is picked may then be packed without any doubt.
            let forced = Self.suspicious.reversed().map { #"{"force":true,"# + $0.line.dropFirst() }
            for (line, result) in zip(forced, try record(forced, network)) {
                #expect(result.status == .recorded, "\(line)")
                #expect(!result.exceptions.isEmpty, "\(line)")
            }
        }
    }

    @Test func `once joined, a site that the network does not know is refused`() async throws {
        try await withRunningNetwork(["LON"]) { network in
            let site = network.sites[0]
            try network.plumbline(site, "record", input: Self.setUp)
            let line =
                #"{"type":"transfer_requested","transfer":"T-8","to_site":"GLA","#
                + #""lines":[{"sku":"P","quantity":1}]}"#
            let url = try await network.startHub()
            try network.plumbline(site, "join", url, "--token", network.invite(site))
            try network.plumbline(site, "sync")
            let result = try #require(try record([line], network).first)
            #expect(result.refusal?.code == "unknown_site")
            #expect(result.refusal?.field == "to_site")
            await network.stopAll()
        }
    }
}
