import Interchange
import InventoryEngine
import Testing

/// Each code by which a command is refused, with the field that it names.
@Suite struct CommandRefusalTests {
    /// One malformed command.
    struct Case: Sendable, CustomTestStringConvertible {
        let code: String
        let field: String?
        let text: String

        init(_ code: String, _ field: String?, _ text: String) {
            self.code = code
            self.field = field
            self.text = text
        }

        /// A receipt of one line, which has only these fields.
        init(_ code: String, line field: String, _ fields: String) {
            let text = #"{"type":"goods_received","lines":[{\#(fields)}]}"#
            self.init(code, "lines[0].\(field)", text)
        }

        /// A receipt with these fields besides its line.
        init(_ code: String, command field: String, _ fields: String) {
            let line = #"{"sku":"A","quantity":1}"#
            self.init(
                code,
                field,
                #"{"type":"goods_received","lines":[\#(line)],\#(fields)}"#
            )
        }

        /// An item with these fields besides its SKU and name.
        init(_ code: String, item field: String, _ fields: String) {
            let text = #"{"type":"item_registered","sku":"A","name":"B",\#(fields)}"#
            self.init(code, field, text)
        }

        var testDescription: String { "\(code): \(text.prefix(80))" }
    }

    private static let long = String(repeating: "x", count: 65)
    private static let longer = String(repeating: "x", count: 1_001)

    static let cases: [Case] = [
        Case("json_malformed", nil, #"{"type":"#),
        Case("json_duplicate_key", "type", #"{"type":"moved","type":"moved"}"#),
        Case("json_too_deep", nil, String(repeating: "[", count: 100)),
        Case("json_too_large", nil, String(repeating: " ", count: 4 << 20) + "{}"),
        Case("json_invalid_text", nil, #"{"type":"\ud800"}"#),
        Case("type_mismatch", nil, "[]"),
        Case("type_mismatch", "type", #"{"type":7}"#),
        Case("missing_field", "type", "{}"),
        Case("unknown_type", "type", #"{"type":"goods_recieved"}"#),
        Case("unknown_type", "type", #"{"type":"period_opened","period":"2026-11"}"#),
        Case("period_invalid", "period", #"{"type":"period_closed","period":"2026-13"}"#),
        Case("period_invalid", "period", #"{"type":"period_closed","period":"2026-11-01"}"#),
        Case(
            "rate_invalid",
            "rate",
            #"{"type":"goods_received","currency":"EUR","rate":"0","lines":[]}"#
        ),
        Case("unknown_type", "type", #"{"type":"backorder_promised","order":"O"}"#),
        Case("unknown_type", "type", #"{"type":"node_registered"}"#),
        Case("unknown_type", "type", #"{"type":"unknown"}"#),
        Case("unknown_field", command: "quantiy", #""quantiy":1"#),
        Case("unknown_field", line: "qty", #""sku":"A","qty":1"#),
        Case("unknown_field", line: "unit_price", #""sku":"A","quantity":1,"unit_price":1"#),
        Case(
            "unknown_field",
            "conversions[0].unit",
            #"{"type":"item_registered","sku":"A","name":"B","conversions":[{"unit":"X"}]}"#
        ),
        Case("missing_field", "lines", #"{"type":"goods_received"}"#),
        Case("missing_field", line: "quantity", #""sku":"A""#),
        Case("missing_field", line: "sku", #""quantity":1"#),
        Case(
            "missing_field",
            "lines[0].sku",
            #"{"type":"pack_completed","order":"O","lines":[{"line":1,"quantity":1}]}"#
        ),
        Case(
            "missing_field",
            "lines[0].line",
            #"{"type":"order_amended","order":"O","lines":[{"quantity":1}]}"#
        ),
        Case(
            "missing_field",
            "reason",
            #"{"type":"scrapped","lines":[{"sku":"A","quantity":1}]}"#
        ),
        Case(
            "missing_field",
            "lines[1].to",
            #"{"type":"moved","lines":[{"sku":"A","quantity":1,"from":"X","to":"Y"},"#
                + #"{"sku":"A","quantity":1,"from":"X"}]}"#
        ),
        Case("missing_field", "base_version", #"{"type":"item_retired","sku":"A"}"#),
        Case(
            "missing_field",
            "to_site",
            #"{"type":"transfer_requested","transfer":"T","lines":[{"sku":"A","quantity":1}]}"#
        ),
        Case("type_mismatch", "lines", #"{"type":"goods_received","lines":{}}"#),
        Case("type_mismatch", "lines[0]", #"{"type":"goods_received","lines":[7]}"#),
        Case("type_mismatch", line: "sku", #""sku":1,"quantity":1"#),
        Case("type_mismatch", line: "quantity", #""sku":"A","quantity":true"#),
        Case("type_mismatch", command: "note", #""note":null"#),
        Case("type_mismatch", command: "force", #""force":"true""#),
        Case("lines_missing", "lines", #"{"type":"goods_received","lines":[]}"#),
        Case(
            "lines_missing",
            "lines",
            #"{"type":"shipment_dispatched","order":"O","lines":[]}"#
        ),
        Case(
            "cost_twice",
            line: "amount",
            #""sku":"A","quantity":1,"unit_cost":1,"amount":1"#
        ),
        Case("identifier_invalid", line: "serials", #""sku":"A","quantity":1,"serials":[""]"#),
        Case("type_mismatch", line: "serials", #""sku":"A","quantity":1,"serials":"1""#),
        Case("type_mismatch", line: "serials", #""sku":"A","quantity":1,"serials":[{}]"#),
        Case(
            "date_malformed",
            line: "expiry",
            #""sku":"A","quantity":1,"expiry":"2027-02-29""#
        ),
        Case("choice_unknown", line: "status", #""sku":"A","quantity":1,"status":"Sellable""#),
        Case("choice_unknown", item: "costing", #""costing":"lifo""#),
        Case("choice_unknown", "kind", #"{"type":"location_changed","location":"A","kind":"x"}"#),
        Case(
            "choice_unknown",
            "backorder",
            #"{"type":"order_confirmed","order":"O","lines":[{"sku":"A","quantity":1}],"#
                + #""backorder":"maybe"}"#
        ),
        Case(
            "choice_unknown",
            "lines[0].disposition",
            #"{"type":"return_dispositioned","return":"R","#
                + #""lines":[{"sku":"A","quantity":1,"disposition":"burn"}]}"#
        ),
        Case("identifier_invalid", line: "sku", #""sku":"","quantity":1"#),
        Case("identifier_invalid", line: "sku", #""sku":"\#(long)","quantity":1"#),
        Case("identifier_invalid", line: "sku", #""sku":"a\nb","quantity":1"#),
        Case("identifier_invalid", line: "sku", #""sku":"\uffff","quantity":1"#),
        Case("identifier_invalid", line: "lot", #""sku":"A","quantity":1,"lot":"\u0000""#),
        Case("identifier_invalid", command: "op", #""op":"""#),
        Case("identifier_invalid", command: "actor", #""actor":"\u2028""#),
        Case("text_too_long", command: "note", #""note":"\#(longer)""#),
        Case("text_invalid", command: "note", #""note":"a\tb""#),
        Case("text_invalid", "reason", #"{"type":"reversed","event":"hub:1","reason":""}"#),
        Case("text_invalid", "name", #"{"type":"item_registered","sku":"A","name":""}"#),
        Case("number_not_exact", line: "quantity", #""sku":"A","quantity":1.5"#),
        Case("number_not_exact", line: "quantity", #""sku":"A","quantity":1e3"#),
        Case("number_not_exact", line: "unit_cost", #""sku":"A","quantity":1,"unit_cost":1.53"#),
        Case("number_not_exact", item: "scale", #""scale":2.0"#),
        Case("quantity_malformed", line: "quantity", #""sku":"A","quantity":"""#),
        Case("quantity_malformed", line: "quantity", #""sku":"A","quantity":"1e3""#),
        Case("quantity_malformed", line: "quantity", #""sku":"A","quantity":"1,5""#),
        Case("quantity_malformed", line: "quantity", #""sku":"A","quantity":"+1""#),
        Case("quantity_malformed", line: "quantity", #""sku":"A","quantity":"١""#),
        Case(
            "quantity_out_of_range",
            line: "quantity",
            #""sku":"A","quantity":9007199254740993"#
        ),
        Case(
            "quantity_out_of_range",
            line: "quantity",
            #""sku":"A","quantity":"-9007199254740993""#
        ),
        Case(
            "quantity_out_of_range",
            line: "quantity",
            #""sku":"A","quantity":\#(String(repeating: "9", count: 10_000))"#
        ),
        Case("quantity_not_exact", line: "quantity", #""sku":"A","quantity":"0.0000000000001""#),
        Case("quantity_not_exact", item: "safety_stock", #""scale":1,"safety_stock":"1.25""#),
        Case(
            "quantity_out_of_range",
            item: "safety_stock",
            #""scale":6,"safety_stock":"9007199254740992""#
        ),
        Case(
            "quantity_not_positive",
            "lines[0].quantity",
            #"{"type":"order_cancelled","order":"O","lines":[{"line":1,"quantity":"0"}]}"#
        ),
        Case(
            "quantity_out_of_range",
            "lines[0].quantity",
            #"{"type":"pick_completed","order":"O","lines":[{"sku":"A","#
                + #""quantity":9007199254740992,"short":"0.5"}]}"#
        ),
        Case("amount_malformed", line: "amount", #""sku":"A","quantity":1,"amount":"£5""#),
        Case("amount_negative", line: "unit_cost", #""sku":"A","quantity":1,"unit_cost":"-1""#),
        Case("amount_negative", line: "amount", #""sku":"A","quantity":1,"amount":"-0.01""#),
        Case("amount_negative", item: "standard_cost", #""standard_cost":-1"#),
        Case("amount_scale", line: "amount", #""sku":"A","quantity":1,"amount":"1.23456""#),
        Case(
            "amount_scale",
            line: "unit_cost",
            #""sku":"A","quantity":1,"unit_cost":"0.0000000000001""#
        ),
        Case(
            "amount_out_of_range",
            line: "unit_cost",
            #""sku":"A","quantity":1,"unit_cost":9223372036854775808"#
        ),
        Case(
            "amount_out_of_range",
            line: "amount",
            #""sku":"A","quantity":1,"amount":"4611686018427387904""#
        ),
        Case(
            "amount_out_of_range",
            line: "amount",
            #""sku":"A","quantity":1,"amount":"461168601842738.7905""#
        ),
        Case("integer_malformed", item: "scale", #""scale":"two""#),
        Case("integer_malformed", item: "scale", #""scale":"2.0""#),
        Case("integer_out_of_range", item: "scale", #""scale":7"#),
        Case("integer_out_of_range", item: "scale", #""scale":-1"#),
        Case("integer_out_of_range", line: "line", #""sku":"A","quantity":1,"line":0"#),
        Case("integer_out_of_range", line: "line", #""sku":"A","quantity":1,"line":2147483648"#),
        Case(
            "integer_out_of_range",
            "base_version",
            #"{"type":"item_retired","sku":"A","base_version":"99999999999999999999"}"#
        ),
        Case(
            "integer_out_of_range",
            "conversions[0].denominator",
            #"{"type":"item_registered","sku":"A","name":"B","#
                + #""conversions":[{"uom":"X","numerator":1,"denominator":0}]}"#
        ),
        Case("time_malformed", command: "at", #""at":"2026-11-23""#),
        Case("time_malformed", command: "at", #""at":"2026-11-23 10:15:00""#),
        Case("time_malformed", command: "at", #""at":"2026-11-23T10:15:00""#),
        Case("time_malformed", command: "at", #""at":"2026-02-30T10:15:00Z""#),
        Case("time_malformed", command: "at", #""at":"yesterday""#),
        Case("event_malformed", command: "corrects", #""corrects":"lon-1""#),
        Case("event_malformed", command: "corrects", #""corrects":"lon-1:0""#),
        Case("event_malformed", command: "corrects", #""corrects":"lon-1:+1""#),
        Case("event_malformed", command: "corrects", #""corrects":":1""#),
        Case("unknown_node", command: "corrects", #""corrects":"man-1:1""#),
        Case(
            "unknown_node",
            "to",
            #"{"type":"rights_granted","sku":"A","quantity":1,"to":"man-1"}"#
        ),
        Case("gtin_malformed", item: "gtin", #""gtin":"123456789""#),
        Case("gtin_malformed", item: "gtin", #""gtin":"400638133393X""#),
        Case("check_digit_wrong", item: "gtin", #""gtin":"4006381333932""#),
        Case("check_digit_wrong", item: "gtin", #""gtin":"4006381339331""#),
        Case("currency_unknown", command: "currency", #""currency":"gbp""#),
        Case("currency_unknown", command: "currency", #""currency":"GBPX""#),
    ]

    @Test(arguments: cases)
    func `a malformed command is refused with a code, a field and a hint`(refusal: Case) {
        do {
            _ = try CommandExamples.decode(refusal.text)
            Issue.record("accepted")
        } catch {
            #expect(error.code.text == refusal.code)
            #expect(error.field == refusal.field)
            #expect(error.message.hasSuffix("."))
            #expect(!error.hint.isEmpty)
            #expect(error.message.utf8.count < 300)
        }
    }

    @Test(arguments: [
        (#"{"type":"goods_received","lines":[{"sku":"A","qty":1}]}"#, "quantity"),
        (#"{"type":"goods_received","lines":[],"suplier":"X"}"#, "supplier"),
        (#"{"type":"order_confirmed","order":"O","lines":[],"holdUntil":"X"}"#, "hold_until"),
        (#"{"type":"goods_recieved"}"#, "goods_received"),
        (#"{"type":"OrderConfirmed"}"#, "order_confirmed"),
    ])
    func `a misspelt name is answered with the name that is near`(text: String, name: String) {
        do {
            _ = try CommandExamples.decode(text)
            Issue.record("accepted")
        } catch {
            #expect(error.hint == "Did you mean `\(name)`?")
        }
    }

    @Test(arguments: ["96385074", "012345678905", "4006381333931", "10012345678902"])
    func `numbers with the right check digit are accepted`(gtin: String) throws {
        let text = #"{"type":"item_registered","sku":"A","name":"B","gtin":"\#(gtin)"}"#
        let command = try CommandExamples.decode(text)
        guard case .itemRegistered(let registration) = command.body else {
            Issue.record("another body")
            return
        }
        #expect(registration.properties.gtin == gtin)
    }

    @Test func `a message repeats foreign text bounded and without control characters`() {
        let key = "\\u001b[31m" + String(repeating: "k", count: 10_000)
        do {
            _ = try CommandExamples.decode(#"{"type":"goods_received","\#(key)":1}"#)
            Issue.record("accepted")
        } catch {
            #expect(error.code.text == "unknown_field")
            let shown = error.message + (error.field ?? "")
            #expect(shown.utf8.count < 500)
            #expect(!shown.unicodeScalars.contains("\u{1B}"))
        }
    }

    @Test func `an amount has as many decimals as the network's money`() throws {
        let text = #"{"type":"goods_received","lines":[{"sku":"A","quantity":1,"amount":"5.25"}]}"#
        for (scale, units) in [(2, 525), (4, 52_500), (6, 5_250_000)] as [(UInt8, Int64)] {
            let command = try CommandFormat.decode(Array(text.utf8), moneyScale: scale)
            guard case .goodsReceived(let receipt) = command.body else {
                Issue.record("another body")
                return
            }
            #expect(receipt.lines.first?.amount == Money(units: units))
        }
        #expect(throws: InterchangeError.self) {
            try CommandFormat.decode(Array(text.utf8), moneyScale: 1)
        }
    }
}
