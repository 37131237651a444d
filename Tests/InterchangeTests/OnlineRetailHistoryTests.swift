import Causality
import InventoryEngine
import Testing

@testable import Interchange

/// Small histories that show one rule or trap each.
struct OnlineRetailHistoryTests {
    private static let header =
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

    private func history(_ lines: String) throws(ImportError) -> OnlineRetailHistory {
        try OnlineRetailHistory(file: Array((Self.header + lines + "\n").utf8))
    }

    private func bodies(
        _ lines: String,
        receipts: OnlineRetailReceipts = .none,
        until: CivilDate? = nil
    ) throws -> [EventBody] {
        try history(lines).plan(atSite: nil, receipts: receipts, until: until)
            .map(\.body)
            .filter { body in
                if case .itemRegistered = body { false } else { true }
            }
    }

    private func line(
        _ invoice: String = "536365",
        _ code: String = "85123A",
        _ description: String = "HEART",
        _ quantity: Int = 6,
        _ date: String = "2010-12-01 08:26:00",
        _ price: String = "2.55",
        customer: String = "17850.0"
    ) -> String {
        "\(invoice),\(code),\(description),\(quantity),\(date),\(price),\(customer),United Kingdom"
    }

    @Test(arguments: [
        ("536365", "85123A", 6, false, true, OnlineRetailKind.sale),
        ("536365", "POST", 1, false, true, .nonstock),
        ("536365", "m", 1, false, true, .nonstock),
        ("536365", "post", 1, false, true, .sale),
        ("536365", "gift_0001_20", 1, false, false, .nonstock),
        ("536365", "Gift_0001_20", 1, false, false, .sale),
        ("A563185", "85123A", 1, false, false, .nonstock),
        ("C536379", "85123A", -1, false, true, .customerReturn),
        ("C536379", "D", -1, false, true, .nonstock),
        ("536365", "85123A", -1, true, false, .writeoff),
        ("536365", "85123A", 1, true, false, .found),
        ("536365", "85123A", 1, true, true, .free),
    ])
    func `the first rule that applies decides`(
        invoice: String,
        code: String,
        quantity: Int64,
        isPriceZero: Bool,
        hasCustomer: Bool,
        kind: OnlineRetailKind
    ) {
        let own = OnlineRetailKind(
            invoice: invoice,
            code: code,
            quantity: quantity,
            isPriceZero: isPriceZero,
            hasCustomer: hasCustomer
        )
        #expect(own == kind)
    }

    @Test(arguments: [
        ("2.55", 15_300), ("0.001", 6), ("0.125", 750), ("16888.02", 101_328_120),
        ("0.0", 0), ("1", 6_000), ("0.000083", 0), ("0.000084", 1),
    ])
    func `a unit cost is sixty per cent, rounded half up to four decimals`(
        price: String,
        cost: Int64
    ) throws {
        let price = try #require(OnlineRetailReader.price(Array(price.utf8)[...]))
        #expect(OnlineRetailHistory.cost(ofPrice: price) == cost)
    }

    @Test(arguments: [
        "", ".", "1.", ".5", "1.2.3", "1e3", "+1", "--1", "1,5", " 1", "1.2345678",
        "99999999999999999",
    ])
    func `a price that is not plain digits is refused`(text: String) {
        #expect(OnlineRetailReader.price(Array(text.utf8)[...]) == nil)
    }

    @Test func `an order has one line per file line, exact copies included`() throws {
        let copies = [line(), line(), line(quantity2: 3), line()].joined(separator: "\n")
        let bodies = try bodies(copies)
        guard case .orderConfirmed(let order) = try #require(bodies.first) else {
            Issue.record("\(bodies)")
            return
        }
        #expect(bodies.count == 4)
        #expect(order.order.text == "536365")
        #expect(order.customer?.text == "17850.0")
        #expect(order.lines.map(\.line) == [1, 2, 3, 4])
        #expect(order.lines.map(\.quantity.units) == [6, 6, 3, 6])
        #expect(order.lines.map(\.unitPrice) == Array(repeating: decimal(255, 2), count: 4))
    }

    private func line(quantity2 quantity: Int) -> String {
        line("536365", "85123A", "HEART", quantity)
    }

    private func decimal(_ mantissa: Int64, _ scale: UInt8) -> ExactDecimal {
        ExactDecimal(mantissa: mantissa, scale: scale)
    }

    @Test func `codes that differ in letter case are two items`() throws {
        let history = try history(
            [line(), line("536366", "85123a", "OTHER")].joined(separator: "\n")
        )
        #expect(history.items.map(\.sku.text) == ["85123A", "85123a"])
        #expect(history.items.map(\.name) == ["HEART", "OTHER"])
    }

    @Test func `an item has its first description that is not empty, else its code`() throws {
        let history = try history(
            [
                line("536365", "1", "  "), line("536366", "1", " FIRST "),
                line("536367", "1", "SECOND"), line("536368", "2", ""),
                line("536369", "POST", "POSTAGE"),
            ].joined(separator: "\n")
        )
        #expect(history.items.map(\.name) == ["FIRST", "2"])
    }

    @Test func `an item's cost follows the first price above zero of goods, returns included`()
        throws
    {
        let history = try history(
            [
                line("536365", "1", "X", 1, "2010-12-01 08:26:00", "0.0"),
                line("A536366", "1", "X", 1, "2010-12-01 08:26:00", "9.0"),
                line("C536367", "1", "X", -1, "2010-12-01 08:26:00", "2.5"),
                line("536368", "1", "X", 1, "2010-12-01 08:26:00", "3.0"),
            ].joined(separator: "\n")
        )
        #expect(history.items.map(\.unitCost) == [decimal(15_000, 4)])
    }

    @Test func `an invoice of two minutes, interrupted by another, is one order at its first time`()
        throws
    {
        let plan = try history(
            [
                line("542806", "1", "X", 1, "2010-12-01 08:26:00"),
                line("542807", "2", "X", 1, "2010-12-01 08:26:00"),
                line("542806", "3", "X", 1, "2010-12-01 08:27:00"),
            ].joined(separator: "\n")
        ).plan(atSite: nil, receipts: .none)
        let confirmed = plan.compactMap { command -> (String, Int, String?)? in
            guard case .orderConfirmed(let order) = command.body else { return nil }
            return (order.order.text, order.lines.count, command.at?.rfc3339)
        }
        #expect(confirmed.map(\.0) == ["542806", "542807"])
        #expect(confirmed.map(\.1) == [2, 1])
        #expect(confirmed.map(\.2) == Array(repeating: "2010-12-01T08:26:00Z", count: 2))
    }

    @Test func `an invoice of sold, given and found goods is an order and an adjustment`() throws {
        let bodies = try bodies(
            [
                line("1", "1", "X", 1, "2010-12-01 08:26:00", "1.0"),
                line("1", "2", "X", 2, "2010-12-01 08:26:00", "0.0"),
                line("1", "POST", "X", 1, "2010-12-01 08:26:00", "9.0"),
                line("1", "3", " found ", 3, "2010-12-01 08:26:00", "0.0", customer: ""),
            ].joined(separator: "\n")
        )
        #expect(bodies.count == 6)
        guard
            case .orderConfirmed(let order) = bodies[0],
            case .adjustmentProposed(let proposal) = bodies[4],
            case .adjustmentApproved(let approval) = bodies[5]
        else {
            Issue.record("\(bodies)")
            return
        }
        #expect(order.lines.map(\.unitPrice) == [decimal(10, 1), decimal(0, 1)])
        #expect(proposal.adjustment.text == "ADJ-5")
        #expect(proposal.reason == "found")
        #expect(proposal.lines.map(\.quantity.units) == [3])
        #expect(approval.adjustment == proposal.adjustment)
    }

    @Test func `a write-off without a description has an unspecified reason`() throws {
        let bodies = try bodies(
            line("1", "1", "  ", -7, "2010-12-01 08:26:00", "0.0", customer: "")
        )
        guard case .adjustmentProposed(let proposal) = try #require(bodies.first) else {
            Issue.record("\(bodies)")
            return
        }
        #expect(proposal.reason == "unspecified")
        #expect(proposal.lines.map(\.quantity.units) == [-7])
    }

    @Test func `a cancellation is one return without an order, sellable at once`() throws {
        let bodies = try bodies(
            [line("C1", "1", "X", -2), line("C1", "D", "X", -1), line("C1", "1", "X", -3)]
                .joined(separator: "\n")
        )
        guard bodies.count == 1, case .returnReceived(let goods) = bodies[0] else {
            Issue.record("\(bodies)")
            return
        }
        #expect(goods.returnID.text == "C1")
        #expect(goods.order == nil)
        #expect(goods.lines.map(\.quantity.units) == [2, 3])
        #expect(goods.lines.allSatisfy { $0.status == .sellable })
    }

    /// Over two months: 10 leave and 4 return, then 9 leave; the price rises in January.
    private var twoMonths: String {
        [
            line("1", "1", "X", 10, "2010-12-05 08:00:00", "1.0"),
            line("C2", "1", "X", -4, "2010-12-06 08:00:00", "1.0"),
            line("3", "1", "X", 4, "2011-01-03 08:00:00", "2.0"),
            line("4", "1", "X", 9, "2011-01-04 08:00:00", "3.0"),
        ].joined(separator: "\n")
    }

    @Test func `opening stock is the least that never runs short`() throws {
        let receipts = try history(twoMonths).plan(atSite: nil, receipts: .opening).receipts
        #expect(receipts.map(\.quantity.units) == [19])
        #expect(receipts.map(\.unitCost) == [decimal(6_000, 4)])
        #expect(receipts.map(\.date.description) == ["2010-12-01"])
    }

    @Test func `restocking brings half as much again as is short, at the month's price`() throws {
        let receipts = try history(twoMonths).plan(atSite: nil, receipts: .restock).receipts
        // December: 10 short, 15 come, 9 are left; January: 13 leave, 4 short, 6 come.
        #expect(receipts.map(\.quantity.units) == [15, 6])
        #expect(receipts.map(\.unitCost) == [decimal(6_000, 4), decimal(12_000, 4)])
        #expect(receipts.map(\.date.description) == ["2010-12-01", "2011-01-01"])
    }

    @Test func `receipts come before all lines of their month`() throws {
        let bodies = try bodies(twoMonths, receipts: .restock)
        let places = bodies.indices.filter { index in
            if case .goodsReceived = bodies[index] { true } else { false }
        }
        #expect(places == [0, 6])
        #expect(bodies.count == 2 + 3 * 4 + 1)
    }

    @Test func `a last day leaves out later invoices, but changes no receipt and no op`() throws {
        let history = try history(twoMonths)
        for receipts in OnlineRetailReceipts.allCases {
            let whole = try history.plan(atSite: nil, receipts: receipts)
            let cut = try history.plan(
                atSite: nil,
                receipts: receipts,
                until: CivilDate("2010-12-06")
            )
            #expect(Array(cut) == Array(whole.prefix(cut.commandCount)))
            #expect(cut.orderCount == 1)
            #expect(cut.returnCount == 1)
            let start = try history.plan(
                atSite: nil,
                receipts: receipts,
                until: CivilDate("2011-01-01")
            )
            #expect(start.orderCount == 1)
            #expect(start.receipts == whole.receipts)
        }
    }

    @Test func `sites together hold each invoice once, and register every item`() throws {
        let lines = (0..<60).map { line("\(600_000 + $0)", "\($0)") }.joined(separator: "\n")
        let history = try history(lines)
        var count = 0
        for site in OnlineRetailHistory.sites {
            let plan = try history.plan(atSite: site, receipts: .opening)
            let registered = plan.count { command in
                if case .itemRegistered = command.body { true } else { false }
            }
            #expect(registered == 60)
            count += plan.orderCount
        }
        #expect(count == 60)
        let whole = try history.plan(atSite: nil, receipts: .opening)
        #expect(whole.orderCount == 60)
    }

    @Test func `a site outside the published rule is refused`() throws {
        let history = try history(line())
        let error = #expect(throws: ImportError.self) {
            try history.plan(atSite: SiteCode("PAR"), receipts: .none)
        }
        #expect(error?.code == .unknownSite)
    }

    @Test func `a large receipt is split and every op is used once`() throws {
        let lines = (0..<1_201).map { line("\(600_000 + $0)", "\($0)") }.joined(separator: "\n")
        let plan = try history(lines).plan(atSite: nil, receipts: .opening)
        let sizes = plan.compactMap { command -> Int? in
            guard case .goodsReceived(let receipt) = command.body else { return nil }
            return receipt.lines.count
        }
        #expect(sizes == [500, 500, 201])
        let ops = plan.map { $0.op }
        #expect(!ops.contains(nil))
        #expect(Set(ops).count == plan.commandCount)
    }

    @Test func `another price, reason, quantity or costing gives another content hash`() throws {
        func hashes(
            _ text: String,
            costing: CostingMethod = .average
        ) throws -> [ContentHash] {
            try history(text).plan(atSite: nil, receipts: .opening, costing: costing)
                .map(\.contentHash)
        }
        let sale = try hashes(line())
        #expect(try hashes(line()) == sale)
        #expect(Set(sale).count == sale.count)
        let dearer = try hashes(line("536365", "85123A", "HEART", 6, "2010-12-01 08:26:00", "2.65"))
        for (one, other) in zip(sale, dearer) { #expect(one != other) }
        #expect(try hashes(line(quantity2: 7)).dropFirst().first != sale.dropFirst().first)
        #expect(try hashes(line(), costing: .fifo).first != sale.first)
        let broken = line("1", "1", "broken", -1, "2010-12-01 08:26:00", "0.0", customer: "")
        let lost = line("1", "1", "lost", -1, "2010-12-01 08:26:00", "0.0", customer: "")
        #expect(try hashes(broken).last != hashes(lost).last)
    }

    @Test(arguments: [
        ("1,2", OnlineRetailReport.Reason.fieldCount),
        (",1,X,1,2010-12-01 08:26:00,1.0,,UK", .invoice),
        ("123456789012345678901234567890123,1,X,1,2010-12-01 08:26:00,1.0,,UK", .invoice),
        ("1,,X,1,2010-12-01 08:26:00,1.0,,UK", .code),
        ("1,\"a\nb\",X,1,2010-12-01 08:26:00,1.0,,UK", .code),
        ("1,1,X,1.5,2010-12-01 08:26:00,1.0,,UK", .quantity),
        ("1,1,X,0,2010-12-01 08:26:00,1.0,,UK", .quantity),
        ("1,1,X,1000000001,2010-12-01 08:26:00,1.0,,UK", .quantity),
        ("1,1,X,9223372036854775808,2010-12-01 08:26:00,1.0,,UK", .quantity),
        ("1,1,X,1,12/1/2010 8:26,1.0,,UK", .date),
        ("1,1,X,1,2010-12-01 08:26:00,free,,UK", .price),
        ("1,1,X,1,2010-12-01 08:26:00,-1.0,,UK", .price),
        ("C1,1,X,1,2010-12-01 08:26:00,1.0,,UK", .positiveReturn),
    ])
    func `a line that cannot be interpreted is reported and left out`(
        text: String,
        reason: OnlineRetailReport.Reason
    ) throws {
        let history = try history([line(), text].joined(separator: "\n"))
        #expect(history.report.rowCount == 2)
        #expect(history.report.issueCount == 1)
        #expect(history.report.issues.map(\.line) == [3])
        #expect(history.report.issues.map(\.reason) == [reason])
        #expect(history.lines.count == 1)
        #expect(history.items.count == 1)
    }

    @Test func `a description that is no plain text is reported, and its line counts`() throws {
        var bytes = Array((Self.header + "1,1,").utf8)
        bytes += [0xA3]
        bytes += Array(
            ",5,2010-12-01 08:26:00,1.0,,UK\n2,2,\"a\nb\",1,2010-12-01 08:26:00,1,,\n".utf8
        )
        let history = try OnlineRetailHistory(file: bytes)
        #expect(history.report.issues.map(\.line) == [2, 3])
        #expect(history.report.issues.map(\.reason) == [.description, .description])
        #expect(history.items.map(\.name) == ["1", "2"])
        #expect(history.lines.count == 2)
    }

    @Test func `only the first issues are kept, but all are counted`() throws {
        let history = try history(Array(repeating: "x", count: 50).joined(separator: "\n"))
        #expect(history.report.issueCount == 50)
        #expect(history.report.issues.count == OnlineRetailReport.issuesMax)
    }

    @Test(arguments: [
        ("", ImportError.Code.wrongColumns),
        ("a,b\n", .wrongColumns),
        (
            header + "1,1,X,1,2010-12-02 08:26:00,1,,\n1,1,X,1,2010-12-01 08:26:00,1,,",
            .notInTimeOrder
        ),
        (header + "1,\"1", .malformed),
        ("\u{1F}\u{8B}", .wrongColumns),
    ])
    func `a file that is no such history is refused`(text: String, code: ImportError.Code) {
        let error = #expect(throws: ImportError.self) {
            try OnlineRetailHistory(file: Array(text.utf8))
        }
        #expect(error?.code == code)
    }

    @Test func `a broken gzip file is refused`() {
        let error = #expect(throws: ImportError.self) {
            try OnlineRetailHistory(file: [0x1F, 0x8B, 0x00, 0x01])
        }
        #expect(error?.code == .malformed)
        #expect(error?.cause != nil)
    }

    @Test func `an empty history has no commands`() throws {
        let history = try OnlineRetailHistory(file: Array(Self.header.utf8))
        for receipts in OnlineRetailReceipts.allCases {
            let plan = try history.plan(atSite: nil, receipts: receipts)
            #expect(plan.commandCount == 0)
            #expect(Array(plan).isEmpty)
        }
    }
}
