internal import Causality

/// Writes an order history in the UCI *Online Retail* format, for machines without the real one.
///
/// It has the same columns and the same habits: few items make most of the sales, an invoice has 1
/// to 40 lines, some lines are exact copies of others, codes differ in letter case only, invoices
/// are cancelled, goods break, vanish and turn up, postage stands between the goods, an invoice now
/// and then takes two minutes. The lines are in time order. The same arguments give the same bytes
/// on every machine.
public struct OnlineRetailSample: Hashable, Sendable {
    /// The first day of every sample: that of the published file.
    public static let firstDay = "2010-12-01"
    /// How many items a sample sells.
    public static let itemCount = 400
    /// The most days of a sample, ten years; more are cut to it.
    public static let daysMax = 3_650
    /// The most orders on one day, as many as the opening hours have minutes; more are cut to it.
    public static let ordersPerDayMax = 600

    /// Decides everything that is left to chance.
    public var seed: UInt64
    /// How many days there are, one after the other.
    public var days: Int
    /// How many orders each day has; returns and adjustments come on top.
    public var ordersPerDay: Int

    /// Makes a sample; no bytes are written yet.
    public init(seed: UInt64, days: Int, ordersPerDay: Int) {
        self.seed = seed
        self.days = days
        self.ordersPerDay = ordersPerDay
    }

    /// The file, not packed.
    ///
    /// - Complexity: O(*n*) in the number of lines, some 11 per order.
    public var csv: [UInt8] {
        var writer = Writer(seed: seed)
        for day in 0..<min(max(days, 0), Self.daysMax) {
            writer.writeDay(day, orderCount: min(max(ordersPerDay, 0), Self.ordersPerDayMax))
        }
        return writer.bytes
    }
}

extension OnlineRetailSample {
    /// One line before it is written.
    private struct Line {
        var item: Item
        var quantity: Int
        var price: Int  // in thousandths
    }

    private struct Item {
        var code: String
        var description: String
        var price: Int  // in thousandths
    }

    private struct Sold {
        var line: Line
        var customer: String
        var country: String
    }

    /// What is left to chance, repeatable by its seed.
    ///
    /// Source: G. Steele, D. Lea, C. Flood, *Fast Splittable Pseudorandom Number Generators*
    /// (2014), SplitMix64.
    private struct Chance {
        private var state: UInt64

        init(seed: UInt64) {
            state = seed
        }

        private mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }

        /// A number from 0, less than `bound`, which is more than zero.
        mutating func number(below bound: Int) -> Int {
            Int(next() % UInt64(max(bound, 1)))
        }

        /// A number of which small ones are far more frequent: the least of three.
        mutating func small(below bound: Int) -> Int {
            min(number(below: bound), number(below: bound), number(below: bound))
        }

        /// True once in so many times.
        mutating func isOnce(in times: Int) -> Bool { number(below: times) == 0 }
    }

    private struct Writer {
        private static let microsecondsPerMinute: Int64 = 60_000_000
        private static let minutesPerDay = 24 * 60
        private static let openingMinute = 8 * 60
        private static let openMinutes = 10 * 60
        private static let quantities = [
            1, 1, 1, 1, 2, 2, 2, 3, 4, 4, 6, 6, 6, 8, 10, 12, 12, 12, 24, 24, 48, 96, 240,
        ]
        private static let prices = [
            190, 290, 420, 550, 650, 850, 1_250, 1_450, 1_650, 1_650, 1_950, 2_100, 2_550, 2_950,
            3_750, 4_250, 4_950, 5_950, 7_950, 9_950, 12_750, 42, 395,
        ]
        private static let colours = ["WHITE", "RED", "BLUE", "PINK", "IVORY", "VINTAGE", "RETRO"]
        private static let motifs = ["HEART", "SPOT", "STAR", "OWL", "STRAWBERRY", "UNION JACK"]
        private static let things = [
            "T-LIGHT HOLDER", "LUNCH BOX", "TRAY, BREAKFAST IN BED", "CAKE CASES", "PARASOL ",
            "RECORD FRAME 7\" SINGLE SIZE", "HOT WATER BOTTLE", "£1 GIFT TAG", "MUG", "BUNTING",
        ]
        private static let reasons = ["damaged", "?", "", " lost ", "wet, mouldy", "thrown away"]
        private static let countries = [
            "United Kingdom", "United Kingdom", "United Kingdom", "United Kingdom", "Germany",
            "France", "EIRE", "Spain", "Channel Islands",
        ]

        private(set) var bytes: [UInt8] = []
        private var chance: Chance
        private var items: [Item] = []
        private var sold: [Sold] = []
        private var invoice = 536_365
        private var minuteBefore = 0
        private let origin: Instant?

        init(seed: UInt64) {
            chance = Chance(seed: seed)
            origin = Instant(rfc3339: OnlineRetailSample.firstDay)
            bytes.append(
                contentsOf: "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,".utf8
            )
            bytes.append(contentsOf: "CustomerID,Country\n".utf8)
            for index in 0..<OnlineRetailSample.itemCount {
                items.append(makeItem(index))
            }
        }

        /// Items in pairs: every tenth has the code of the one before it in the other case.
        private mutating func makeItem(_ index: Int) -> Item {
            let number = 20_000 + index / 10 * 70 + index % 10
            let letters = ["", "", "", "", "A", "B", "C", "G"]
            var code = "\(number)\(letters[index % letters.count])"
            if index % 10 == 8 { code = "\(number)L" }
            if index % 10 == 9 { code = "\(number - 1)l" }
            let words = [
                Self.colours[chance.number(below: Self.colours.count)],
                Self.motifs[chance.number(below: Self.motifs.count)],
                Self.things[chance.number(below: Self.things.count)],
            ]
            return Item(
                code: code,
                description: words.joined(separator: " "),
                price: Self.prices[chance.number(below: Self.prices.count)]
            )
        }

        mutating func writeDay(_ day: Int, orderCount: Int) {
            let orders = (0..<orderCount).map { _ in chance.number(below: Self.openMinutes) }
            for opened in orders.sorted() {
                let minute = day * Self.minutesPerDay + Self.openingMinute + opened
                writeOrder(minute: minute)
                if chance.isOnce(in: 8) { writeReturn(minute: minute) }
                if chance.isOnce(in: 16) { writeAdjustment(minute: minute) }
            }
        }

        private mutating func writeOrder(minute: Int) {
            let number = takeInvoice()
            let isAnonymous = chance.isOnce(in: 4)
            let customer = isAnonymous ? "" : "\(12_346 + chance.small(below: 4_000)).0"
            let country = Self.countries[chance.number(below: Self.countries.count)]
            let lineCount = 1 + chance.small(below: 40)
            var lines: [Line] = []
            for _ in 0..<lineCount {
                let item = popularItem()
                let dearer = chance.isOnce(in: 5) ? item.price / 5 : 0
                let isFree = !isAnonymous && chance.isOnce(in: 400)
                let line = Line(
                    item: item,
                    quantity: Self.quantities[chance.number(below: Self.quantities.count)],
                    price: isFree ? 0 : item.price + dearer
                )
                lines.append(line)
                if chance.isOnce(in: 100) { lines.append(line) }  // an exact copy, wanted
                sold.append(Sold(line: line, customer: customer, country: country))
            }
            for (index, line) in lines.enumerated() {
                let isLate = index > 0 && index == lines.count - 1 && chance.isOnce(in: 100)
                write(
                    number,
                    line,
                    minute: isLate ? minute + 1 : minute,
                    customer: customer,
                    country: country
                )
            }
            if chance.isOnce(in: 6) {
                let postage = Item(code: "POST", description: "POSTAGE", price: 18_000)
                let line = Line(item: postage, quantity: 1, price: postage.price)
                write(number, line, minute: minute, customer: customer, country: country)
            }
        }

        /// Cancels a part of one of the last hundreds of lines.
        private mutating func writeReturn(minute: Int) {
            guard !sold.isEmpty else { return }
            let recent = min(sold.count, 500)
            let origin = sold[sold.count - 1 - chance.number(below: recent)]
            var line = origin.line
            line.quantity = -(1 + chance.number(below: line.quantity))
            write(
                "C" + takeInvoice(),
                line,
                minute: minute,
                customer: origin.customer,
                country: origin.country
            )
        }

        /// Writes goods off, or finds some.
        private mutating func writeAdjustment(minute: Int) {
            var item = popularItem()
            item.description = Self.reasons[chance.number(below: Self.reasons.count)]
            let quantity = 1 + chance.small(below: 60)
            let line = Line(
                item: item,
                quantity: chance.isOnce(in: 2) ? quantity : -quantity,
                price: 0
            )
            write(takeInvoice(), line, minute: minute, customer: "", country: "United Kingdom")
        }

        /// An item; the first tenth of them makes more than half of the lines.
        private mutating func popularItem() -> Item {
            items[chance.small(below: 1 + chance.small(below: items.count))]
        }

        private mutating func takeInvoice() -> String {
            invoice += 1
            return "\(invoice - 1)"
        }

        private mutating func write(
            _ number: String,
            _ line: Line,
            minute: Int,
            customer: String,
            country: String
        ) {
            // What follows a late line is not earlier than it: the file is in time order.
            minuteBefore = max(minuteBefore, minute)
            let fields = [
                number, line.item.code, line.item.description, "\(line.quantity)",
                date(minuteBefore), price(line.price), customer, country,
            ]
            for (index, field) in fields.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(field)
            }
            bytes.append(UInt8(ascii: "\n"))
        }

        private mutating func append(_ field: String) {
            let needsQuotes = field.utf8.contains {
                $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"")
            }
            guard needsQuotes else {
                bytes.append(contentsOf: field.utf8)
                return
            }
            bytes.append(UInt8(ascii: "\""))
            for byte in field.utf8 {
                if byte == UInt8(ascii: "\"") { bytes.append(byte) }
                bytes.append(byte)
            }
            bytes.append(UInt8(ascii: "\""))
        }

        /// `2010-12-01 08:26:00`, from minutes since the first day began.
        private func date(_ minute: Int) -> String {
            guard let origin else { return OnlineRetailSample.firstDay }
            let time = origin.adding(microseconds: Int64(minute) * Self.microsecondsPerMinute)
            return String(time.rfc3339.prefix(19)).replacing("T", with: " ")
        }

        /// Pounds as the source writes them: `2.55`, `2.1`, `0.0`.
        private func price(_ thousandths: Int) -> String {
            let pounds = thousandths / 1_000
            var decimals = String(String(1_000 + thousandths % 1_000).dropFirst())
            while decimals.count > 1, decimals.hasSuffix("0") { decimals.removeLast() }
            return "\(pounds).\(decimals)"
        }
    }
}
