internal import Causality
internal import Compression
public import InventoryEngine

/// A wholesaler's order history in the UCI *Online Retail* format, read and understood.
///
/// It holds the lines of the whole file, packed, and what follows from all of them together: the
/// items with their names and unit costs. ``plan(atSite:receipts:costing:until:)`` makes the
/// commands that replay it at a site.
///
/// Source: D. Chen, *Online Retail*, UCI Machine Learning Repository (2015).
public struct OnlineRetailHistory: Sendable {
    /// An item of the history.
    public struct Item: Hashable, Sendable {
        /// The stock code; two that differ in letter case are two items.
        public let sku: SKU
        /// The first description that is not empty, without blanks around it; else the code.
        public let name: String
        /// 0.6 of the first price above zero, rounded half up to four decimals; else zero.
        public let unitCost: ExactDecimal

        /// Which of the history's codes.
        let code: UInt32
        /// The line of the file on which the item first appears.
        let firstLine: UInt32
    }

    struct Invoice: Sendable {
        var number: DocumentID
        var at: Instant
        var month: Int32
        var siteIndex: Int
        var customer: Label?
    }

    struct Code: Sendable {
        var sku: SKU
        var name = ""
        var firstLine: UInt32?
        var firstCost: Int64?
        /// The unit cost of each month that has a price above zero, ascending.
        var monthCosts: [(month: Int32, cost: Int64)] = []
    }

    /// The sites among which the published rule divides the invoices.
    public static let sites = ["LON", "MAN", "GLA"].compactMap { SiteCode($0) }

    /// The most bytes that a packed file may unpack to: 1 GiB, sixty times the published file.
    public static let unpackedBytesMax = 1024 * 1024 * 1024

    /// What the file held, and what of it could not be interpreted.
    public internal(set) var report = OnlineRetailReport()
    /// Every item of the file, by first appearance; codes that stand for no goods are none.
    public private(set) var items: [Item] = []

    private(set) var lines: [OnlineRetailLine] = []
    private(set) var reasons: [UInt32: String] = [:]
    var invoices: [Invoice] = []
    var codes: [Code] = []
    /// The lines by invoice, each invoice's in file order; and where each invoice begins.
    private(set) var linesByInvoice: [UInt32] = []
    private(set) var invoiceStarts: [Int] = []

    init() {}

    /// Reads a whole file, packed by gzip or not.
    ///
    /// A packed file is unpacked piece by piece, so it is never in memory as a whole.
    ///
    /// - Parameter file: The bytes of the file.
    /// - Throws: ``ImportError`` with the code `malformed`, `too_large`, `wrong_columns` or
    ///   `not_in_time_order`.
    public init(file: [UInt8]) throws(ImportError) {
        var reader = OnlineRetailReader()
        if file.starts(with: [0x1F, 0x8B]) {
            try Self.unpack(file, into: &reader)
        } else {
            try reader.read(file)
        }
        self = try reader.finish()
    }

    private static func unpack(
        _ file: [UInt8],
        into reader: inout OnlineRetailReader
    ) throws(ImportError) {
        let pieceBytes = 64 * 1024
        do {
            var decompressor = try GzipDecompressor(sizeMax: unpackedBytesMax)
            for start in stride(from: 0, to: file.count, by: pieceBytes) {
                let end = min(start + pieceBytes, file.count)
                var part: [UInt8] = []
                try decompressor.decompress(file.span.extracting(start..<end), into: &part)
                try reader.read(part)
            }
            try decompressor.finish()
        } catch let error as ImportError {
            throw error
        } catch let error as CompressionError {
            throw ImportError(
                error.code == .tooLarge ? .tooLarge : .malformed,
                error.message,
                hint: error.hint,
                cause: error
            )
        } catch {
            throw ImportError(
                .malformed,
                "The file could not be unpacked.",
                hint: "Check it with `gzip --test`.",
                cause: error
            )
        }
    }

    /// The site that the published rule gives an invoice to.
    ///
    /// The first eight hexadecimal digits of the SHA-256 hash of the number, modulo three.
    public static func site(of invoice: DocumentID) -> SiteCode {
        sites[siteIndex(of: invoice)]
    }

    static func siteIndex(of invoice: DocumentID) -> Int {
        let hash = ContentHash.of(Array(invoice.text.utf8))
        return Int((hash.words.0 >> 32) % UInt64(sites.count))
    }

    /// Adds a line after all others.
    mutating func append(_ line: OnlineRetailLine, description: String) {
        let index = UInt32(lines.count)
        report.count(line.kind, units: Int64(line.units))
        lines.append(line)
        guard line.kind != .nonstock else { return }
        if line.kind == .writeoff || line.kind == .found {
            reasons[index] = description.isEmpty ? "unspecified" : description
        }
        codes[Int(line.code)].take(line, description: description)
    }

    /// Derives what follows from all lines together.
    mutating func finish() {
        items = codes.indices.compactMap { codes[$0].item(index: $0) }
            .sorted { $0.firstLine < $1.firstLine }

        var counts = [Int](repeating: 0, count: invoices.count + 1)
        for line in lines {
            counts[Int(line.invoice) + 1] += 1
        }
        for index in invoices.indices {
            counts[index + 1] += counts[index]
        }
        invoiceStarts = counts
        linesByInvoice = [UInt32](repeating: 0, count: lines.count)
        for (index, line) in lines.enumerated() {
            linesByInvoice[counts[Int(line.invoice)]] = UInt32(index)
            counts[Int(line.invoice)] += 1
        }
    }

    /// The lines of an invoice, in file order, as places in ``lines``.
    func lines(ofInvoice index: Int) -> ArraySlice<UInt32> {
        linesByInvoice[invoiceStarts[index]..<invoiceStarts[index + 1]]
    }

    /// Sixty per cent of a price, rounded half up to four decimals, without its decimal point.
    ///
    /// | Price |   Cost |
    /// | ----: | -----: |
    /// |  2.55 | 1.5300 |
    /// | 0.001 | 0.0006 |
    static func cost(ofPrice price: ExactDecimal) -> Int64 {
        var divisor: Int64 = 1
        for _ in 0..<price.scale {
            divisor *= 10
        }
        // A price has at most 10^14 without its point and 6 decimals: all of this fits.
        return (2 * price.mantissa * 6_000 + divisor) / (2 * divisor)
    }
}

extension OnlineRetailHistory.Code {
    /// Learns from the code's next line that is about goods.
    mutating func take(_ line: OnlineRetailLine, description: String) {
        if firstLine == nil { firstLine = line.number }
        if name.isEmpty { name = description }
        guard line.priceMantissa > 0 else { return }
        let cost = OnlineRetailHistory.cost(ofPrice: line.price)
        if firstCost == nil { firstCost = cost }
        if monthCosts.last?.month != line.month {
            monthCosts.append((line.month, cost))
        }
    }

    /// The item that the code stands for; nil if none of its lines is about goods.
    func item(index: Int) -> OnlineRetailHistory.Item? {
        guard let firstLine else { return nil }
        return OnlineRetailHistory.Item(
            sku: sku,
            name: name.isEmpty ? sku.text : name,
            unitCost: ExactDecimal(mantissa: firstCost ?? 0, scale: 4),
            code: UInt32(index),
            firstLine: firstLine
        )
    }

    /// The unit cost of goods that arrive at the start of a month.
    ///
    /// It follows the first price above zero of that month, else that of the latest month before
    /// that has one, else that of the whole file.
    func cost(inMonth month: Int32) -> Int64 {
        monthCosts.last { $0.month <= month }?.cost ?? firstCost ?? 0
    }
}
