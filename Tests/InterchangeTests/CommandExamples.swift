import Causality
import Interchange
import InventoryEngine

/// One well-formed command of each type, with every field that the type has.
///
/// They stand in the documented order and at full scale, so that each is its own canonical form.
enum CommandExamples {
    static let node = NodeID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
    static let event = #""0123456789abcdeffedcba9876543210:42""#
    static let moneyScale: UInt8 = 4

    static let all: [String] = [
        #"{"type":"item_registered","sku":"85123A","name":"T-light holder","uom":"EA","scale":2,"#
            + #""costing":"fifo","standard_cost":"1.530","gtin":"4006381333931","#
            + #""lot_tracked":true,"serial_tracked":true,"lot_costed":true,"#
            + #""safety_stock":"12.50","conversions":[{"uom":"BOX","numerator":"12","#
            + #""denominator":"1"}]}"#,
        #"{"type":"item_changed","sku":"A","base_version":"3","name":"New","#
            + #""standard_cost":"2","gtin":"96385074","safety_stock":"1.5"}"#,
        #"{"type":"item_retired","sku":"A","base_version":"3"}"#,
        #"{"type":"site_registered","op":"s","site":"LON","name":"London"}"#,
        #"{"type":"policy_set","policy":"approval","value":"single"}"#,
        #"{"type":"period_closed","period":"2026-11","override":"lon-2 burnt down"}"#,
        #"{"type":"person_registered","person":"E-1042","role":"approver","#
            + #""credential":"000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"}"#,
        #"{"type":"person_changed","person":"E-1042","role":"worker","base_version":"1"}"#,
        #"{"type":"person_retired","person":"E-1042"}"#,
        #"{"type":"location_registered","location":"A-01","kind":"hold","base_version":"0"}"#,
        #"{"type":"location_changed","location":"A-01","kind":"dock","base_version":"1"}"#,
        #"{"type":"location_retired","location":"A-01","base_version":"2"}"#,
        #"{"type":"purchase_order_placed","purchase_order":"PO-7","supplier":"Acme","#
            + #""lines":[{"line":1,"sku":"A","quantity":"10","unit_cost":"1.53","uom":"BOX"}]}"#,
        #"{"type":"purchase_order_amended","purchase_order":"PO-7","#
            + #""lines":[{"line":1,"sku":"A","quantity":"9","unit_cost":"1.530000000001"}]}"#,
        #"{"type":"purchase_order_closed","purchase_order":"PO-7"}"#,
        #"{"type":"goods_received","op":"r-1","at":"2026-11-23T10:15:00.5+01:00","#
            + #""actor":"ann","device":"scanner-3","note":"wet","force":true,"corrects":\#(event),"#
            + #""site":"LON","lines":[{"sku":"A","quantity":"120","location":"A-01-03","lot":"L1","#
            + #""status":"damaged","unit_cost":"1.53","line":1,"uom":"EA"},"#
            + #"{"sku":"B","quantity":"0.125","amount":"12.3400"}],"purchase_order":"PO-7","#
            + #""supplier":"Acme","currency":"EUR"}"#,
        #"{"type":"order_confirmed","order":"O-1","#
            + #""lines":[{"line":1,"sku":"A","quantity":"2","unit_price":"2.9500"}],"#
            + #""channel":"web","customer":"c-77","priority":-3,"ship_from":"MAN","#
            + #""hold_until":"2026-12-01T00:00:00Z","backorder":"refuse"}"#,
        #"{"type":"order_amended","order":"O-1","order_site":"MAN","#
            + #""lines":[{"line":1,"quantity":"3"},{"line":2,"sku":"A","quantity":"0"}]}"#,
        #"{"type":"order_cancelled","order":"O-1","#
            + #""lines":[{"line":1},{"line":2,"quantity":"1"}]}"#,
        #"{"type":"reservation_released","order":"O-1"}"#,
        #"{"type":"allocated","order":"O-1","#
            + #""lines":[{"line":1,"sku":"A","quantity":"2","location":"A-01","lot":"L1"}]}"#,
        #"{"type":"pick_completed","order":"O-1","order_site":"MAN","#
            + #""lines":[{"line":1,"sku":"A","quantity":"1.50","location":"A-01","lot":"L1","#
            + #""short":"0.25"}]}"#,
        #"{"type":"unpicked","order":"O-1","#
            + #""lines":[{"line":1,"sku":"A","quantity":"1","location":"A-01","lot":"L1"}]}"#,
        #"{"type":"pack_completed","order":"O-1","container":"003401","#
            + #""lines":[{"line":1,"sku":"A","quantity":"2","lot":"L1","serials":["N-1","N 2"]}]}"#,
        #"{"type":"shipment_dispatched","order":"O-1","shipment":"S-1"}"#,
        #"{"type":"return_received","return":"R-1","order":"O-1","order_site":"MAN","#
            + #""shipment":"S-1","lines":[{"sku":"A","quantity":"1","location":"A-01","lot":"L1","#
            + #""status":"hold","line":1}]}"#,
        #"{"type":"return_dispositioned","return":"R-1","lines":[{"sku":"A","quantity":"1","#
            + #""disposition":"refurbish","location":"A-01","lot":"L1"}]}"#,
        #"{"type":"transfer_requested","transfer":"T-1","from_site":"LON","to_site":"MAN","#
            + #""lines":[{"line":1,"sku":"A","quantity":"1"}]}"#,
        #"{"type":"transfer_cancelled","transfer":"T-1"}"#,
        #"{"type":"transfer_dispatched","transfer":"T-1","to_site":"MAN","#
            + #""lines":[{"line":1,"sku":"A","quantity":"1","location":"A-01","lot":"L1"}]}"#,
        #"{"type":"transfer_received","transfer":"T-1","from_site":"LON","#
            + #""lines":[{"line":1,"sku":"A","quantity":"1","location":"A-01","lot":"L1"}]}"#,
        #"{"type":"transfer_settled","transfer":"T-1","from_site":"LON","#
            + #""lines":[{"line":1,"sku":"A","quantity":"-1"}],"reason":"over"}"#,
        #"{"type":"count_recorded","count":"C-1","lines":[{"sku":"A","quantity":"0","#
            + #""location":"A-01","lot":"L1","status":"expired"}],"propose":false}"#,
        #"{"type":"adjustment_proposed","adjustment":"J-1","reason":"found","#
            + #""lines":[{"sku":"A","quantity":"-7","location":"A-01","lot":"L1","#
            + #""status":"receiving"}]}"#,
        #"{"type":"adjustment_approved","adjustment":"J-1"}"#,
        #"{"type":"adjustment_rejected","adjustment":"J-1","reason":"miscounted"}"#,
        #"{"type":"moved","lines":[{"sku":"A","quantity":"1","from":"A-01","to":"A-02","#
            + #""lot":"L1","status":"sellable"}]}"#,
        #"{"type":"status_changed","lines":[{"sku":"A","quantity":"1","#
            + #""from_status":"sellable","to_status":"hold","location":"A-01","lot":"L1"}],"#
            + #""reason":"torn"}"#,
        #"{"type":"scrapped","lines":[{"sku":"A","quantity":"1","location":"A-01","lot":"L1","#
            + #""status":"damaged"}],"reason":"broken"}"#,
        #"{"type":"supplier_return_dispatched","purchase_order":"PO-7","event":\#(event),"#
            + #""lines":[{"line":1,"sku":"A","quantity":"2","location":"A-01","lot":"L1","#
            + #""status":"damaged","uom":"BOX"}]}"#,
        #"{"type":"supplier_invoice_matched","event":\#(event),"#
            + #""lines":[{"line":1,"sku":"A","quantity":"2","unit_cost":"1.250","uom":"BOX"}]}"#,
        #"{"type":"landed_cost_allocated","purchase_order":"PO-7","events":[\#(event)],"#
            + #""amount":"12.5000","by":"quantity"}"#,
        #"{"type":"stock_revalued","sku":"A","amount":"-4.5000","reason":"rate"}"#,
        #"{"type":"written_down","sku":"A","unit_cost":"0.125","reason":"old"}"#,
        #"{"type":"standard_cost_set","sku":"A","standard_cost":"1.5"}"#,
        #"{"type":"costing_changed","sku":"A","costing":"standard","standard_cost":"1.5"}"#,
        #"{"type":"repacked","lines":[{"sku":"A","from_uom":"BOX","to_uom":"EA","#
            + #""quantity":"0.50","location":"A-01","lot":"L1"}]}"#,
        #"{"type":"reversed","event":\#(event),"reason":"typo"}"#,
        #"{"type":"rights_granted","sku":"A","quantity":"0","stock_site":"LON","#
            + #""to":"0123456789abcdeffedcba9876543210","request":\#(event)}"#,
        #"{"type":"rights_requested","sku":"A","quantity":"3","stock_site":"LON","#
            + #""to":"0123456789abcdeffedcba9876543210"}"#,
        #"{"type":"rights_reclaimed","site":"LON","sku":"A","quantity":"3","#
            + #""from":"0123456789abcdeffedcba9876543210","#
            + #""to":"0123456789abcdeffedcba9876543210"}"#,
        #"{"type":"node_activated","node":"0123456789abcdeffedcba9876543210"}"#,
        #"{"type":"node_retired","node":"0123456789abcdeffedcba9876543210"}"#,
        #"{"type":"conflict_resolved","conflict":"K-1","choice":"keep","reason":"called"}"#,
        #"{"type":"exception_acknowledged","exception":"X-1","reason":"seen"}"#,
        #"{"type":"parked_released","event":\#(event)}"#,
        #"{"type":"parked_compensated","event":\#(event),"reason":"received again"}"#,
    ]

    static func decode(_ text: String) throws(InterchangeError) -> InventoryCommand {
        try decode(Array(text.utf8))
    }

    static func decode(_ bytes: [UInt8]) throws(InterchangeError) -> InventoryCommand {
        try CommandFormat.decode(bytes, moneyScale: moneyScale) { name in
            name == "lon-1" || name == "hub" || name == "a:b" ? node : nil
        }
    }

    static func encode(_ command: InventoryCommand) throws(InterchangeError) -> [UInt8] {
        try CommandFormat.encode(command, moneyScale: moneyScale)
    }
}

extension JSONValue {
    /// How many values that are neither arrays nor objects stand in this one.
    var leafCount: Int {
        switch self {
        case .null, .bool, .number, .string: 1
        case .array(let values): values.reduce(0) { $0 + $1.leafCount }
        case .object(let members): members.reduce(0) { $0 + $1.value.leafCount }
        }
    }

    /// This value with one of its leaves replaced, and the key of the member that holds the leaf.
    func replacing(leaf index: Int, with leaf: JSONValue) -> (value: JSONValue, key: String) {
        var rest = index
        var key = ""
        return (replacing(&rest, under: "", with: leaf, foundUnder: &key), key)
    }

    private func replacing(
        _ rest: inout Int,
        under key: String,
        with leaf: JSONValue,
        foundUnder found: inout String
    ) -> JSONValue {
        switch self {
        case .null, .bool, .number, .string:
            rest -= 1
            guard rest == -1 else { return self }
            found = key
            return leaf
        case .array(let values):
            return .array(
                values.map { $0.replacing(&rest, under: key, with: leaf, foundUnder: &found) }
            )
        case .object(let members):
            return .object(
                members.map { member in
                    let value = member.value.replacing(
                        &rest,
                        under: member.key,
                        with: leaf,
                        foundUnder: &found
                    )
                    return Member(key: member.key, value: value)
                }
            )
        }
    }
}
