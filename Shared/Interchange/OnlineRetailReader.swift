internal import Causality
internal import InventoryEngine

/// Reads an order history in the UCI *Online Retail* format from bytes that arrive in parts.
///
/// The columns are InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID
/// and Country; the lines stand in time order. A line that cannot be interpreted is reported and
/// left out; a file that is no such history ends with an error.
public struct OnlineRetailReader: Sendable {
    /// The most characters of an invoice number.
    ///
    /// 32: with `retail:restock:` before it and `:dispatch` after it, an op key has 56 of its 64.
    public static let invoiceLengthMax = 32
    /// The most units of one line: 10^9, so that sums over any file fit into 64 bits.
    public static let quantityMax: Int64 = 1_000_000_000
    /// The most lines of a file that are accepted: 2^32 less one, the range of a line's number.
    static let lineNumberMax = Int(UInt32.max)
    /// The columns, in order.
    static let columns = [
        "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice",
        "CustomerID", "Country",
    ]

    private enum Column {
        static let invoice = 0
        static let code = 1
        static let description = 2
        static let quantity = 3
        static let date = 4
        static let price = 5
        static let customer = 6
    }

    private var reader = CSVReader()
    private var hasHeader = false
    private var history = OnlineRetailHistory()
    private var invoiceIndices: [DocumentID: UInt32] = [:]
    private var codeIndices: [SKU: UInt32] = [:]
    private var dateBytes: ArraySlice<UInt8> = []
    private var instant: Instant?
    private var month: Int32 = 0
    private var instantBefore: Instant?

    /// Makes a reader at the beginning of a file.
    public init() {}

    /// Reads the next bytes of the unpacked file.
    ///
    /// - Parameter bytes: The next part; may be empty, and may be cut anywhere.
    /// - Throws: ``ImportError`` with the code `malformed`, `too_large`, `wrong_columns` or
    ///   `not_in_time_order`; the file is then not to be read on.
    public mutating func read(_ bytes: [UInt8]) throws(ImportError) {
        reader.append(bytes)
        while let row = try reader.next() {
            try take(row)
        }
    }

    /// Ends the file.
    ///
    /// - Returns: The whole history.
    /// - Throws: ``ImportError`` as ``read(_:)`` does; an empty file has the wrong columns.
    public consuming func finish() throws(ImportError) -> OnlineRetailHistory {
        reader.finish()
        while let row = try reader.next() {
            try take(row)
        }
        guard hasHeader else { throw Self.wrongColumns(line: 1) }
        history.finish()
        return history
    }

    private static func wrongColumns(line: Int) -> ImportError {
        ImportError(
            .wrongColumns,
            "The first row does not name the columns of this format.",
            line: line,
            hint: "The first row must be \(columns.joined(separator: ",")) and nothing else."
        )
    }

    private mutating func take(_ row: CSVRow) throws(ImportError) {
        guard hasHeader else {
            let names = (0..<row.count).map { row.text(at: $0) }
            guard names == Self.columns else { throw Self.wrongColumns(line: row.line) }
            hasHeader = true
            return
        }
        guard row.line <= Self.lineNumberMax else {
            throw ImportError(
                .tooLarge,
                "The file has too many lines.",
                line: row.line,
                hint: "Split the file by months."
            )
        }
        history.report.rowCount += 1
        if let reason = try interpret(row) {
            history.report.note(reason, line: row.line)
        }
    }

    /// Adds a line to the history, or says why not.
    private mutating func interpret(
        _ row: CSVRow
    ) throws(ImportError) -> OnlineRetailReport.Reason? {
        guard row.count == Self.columns.count else { return .fieldCount }
        guard
            let invoiceText = row.text(at: Column.invoice),
            invoiceText.unicodeScalars.count <= Self.invoiceLengthMax,
            let invoice = DocumentID(invoiceText)
        else { return .invoice }
        guard let codeText = row.text(at: Column.code), let sku = SKU(codeText) else {
            return .code
        }
        guard
            let quantity = row.text(at: Column.quantity).flatMap({ Int64($0) }),
            -Self.quantityMax...Self.quantityMax ~= quantity
        else { return .quantity }
        guard let instant = readDate(row[Column.date]) else { return .date }
        guard let price = Self.price(row[Column.price]) else { return .price }
        let kind = OnlineRetailKind(
            invoice: invoiceText,
            code: codeText,
            quantity: quantity,
            isPriceZero: price.mantissa == 0,
            hasCustomer: !row[Column.customer].isEmpty
        )
        if kind != .nonstock {
            if quantity == 0 { return .quantity }
            if price.isNegative { return .price }
            if kind == .customerReturn, quantity > 0 { return .positiveReturn }
        }
        if let before = instantBefore, instant < before {
            throw ImportError(
                .notInTimeOrder,
                "The line is earlier than the line before it.",
                line: row.line,
                hint: "Sort the file by InvoiceDate; lines of one minute must keep their order."
            )
        }
        instantBefore = instant

        let description = Self.plainText(row.text(at: Column.description))
        let line = OnlineRetailLine(
            priceMantissa: price.mantissa,
            number: UInt32(row.line),
            invoice: invoiceIndex(invoice, at: instant, row: row),
            code: codeIndex(sku),
            units: Int32(kind.units(ofQuantity: quantity)),
            month: month,
            priceScale: price.scale,
            kind: kind
        )
        history.append(line, description: description ?? "")
        return description == nil ? .description : nil
    }

    private mutating func invoiceIndex(
        _ number: DocumentID,
        at instant: Instant,
        row: CSVRow
    ) -> UInt32 {
        if let index = invoiceIndices[number] { return index }
        let index = UInt32(history.invoices.count)
        invoiceIndices[number] = index
        history.invoices.append(
            OnlineRetailHistory.Invoice(
                number: number,
                at: instant,
                month: month,
                siteIndex: OnlineRetailHistory.siteIndex(of: number),
                customer: row.text(at: Column.customer).flatMap { Label($0) }
            )
        )
        return index
    }

    private mutating func codeIndex(_ sku: SKU) -> UInt32 {
        if let index = codeIndices[sku] { return index }
        let index = UInt32(history.codes.count)
        codeIndices[sku] = index
        history.codes.append(OnlineRetailHistory.Code(sku: sku))
        return index
    }

    /// Reads a date, which is UTC; most lines have the date of the line before them.
    private mutating func readDate(_ bytes: ArraySlice<UInt8>) -> Instant? {
        if instant != nil, bytes.elementsEqual(dateBytes) { return instant }
        instant = String(validating: bytes, as: UTF8.self).flatMap { Instant(rfc3339: $0) }
        if let date = instant?.date {
            month = Int32(date.year * 12 + date.month - 1)
        }
        dateBytes = bytes
        return instant
    }

    /// Reads digits with at most one point: `2.55` as 255 with two decimals.
    ///
    /// At most 10^14 without the point and six decimals, so that sixty per cent of it at four
    /// decimals, and its product with a quantity, stay within 128 bits.
    static func price(_ bytes: ArraySlice<UInt8>) -> ExactDecimal? {
        var rest = bytes
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest.removeFirst() }
        var mantissa: Int64 = 0
        var digitCount = 0
        var scale: UInt8?
        for byte in rest {
            if byte == UInt8(ascii: "."), scale == nil, digitCount > 0 {
                scale = 0
            } else if UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
                mantissa = mantissa * 10 + Int64(byte - UInt8(ascii: "0"))
                digitCount += 1
                guard mantissa <= 100_000_000_000_000 else { return nil }
                if let decimals = scale {
                    guard decimals < 6 else { return nil }
                    scale = decimals + 1
                }
            } else {
                return nil
            }
        }
        guard digitCount > 0, scale != 0 else { return nil }
        return ExactDecimal(mantissa: isNegative ? -mantissa : mantissa, scale: scale ?? 0)
    }

    /// A description without blanks around it; nil where it is not plain text.
    private static func plainText(_ text: String?) -> String? {
        guard let text else { return nil }
        var scalars = text.unicodeScalars[...]
        while scalars.first?.properties.isWhitespace == true { scalars.removeFirst() }
        while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
        for scalar in scalars {
            switch scalar.value {
            case 0...0x1F, 0x7F...0x9F, 0x2028, 0x2029: return nil
            default: break
            }
        }
        return String(String.UnicodeScalarView(scalars.prefix(InventoryCommand.noteLengthMax)))
    }
}
