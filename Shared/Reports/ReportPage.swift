public import Interchange

/// Some rows of a list, and where to go on.
public struct ReportPage: Hashable, Sendable {
    /// The rows, a JSON object each, without line breaks.
    public var rows: [[UInt8]]
    /// The cursor of the next page; nil when the list ends here.
    ///
    /// A page may have fewer rows than were asked for, even none, and still have a next one.
    public var next: String?

    /// Makes a page of its parts.
    public init(rows: [[UInt8]], next: String?) {
        self.rows = rows
        self.next = next
    }

    /// The rows as one JSON array.
    public var array: [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "[")]
        for (index, row) in rows.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += row
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }

    /// The rows with a line break after each.
    public var lines: [UInt8] {
        var bytes: [UInt8] = []
        for row in rows {
            bytes += row
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    /// Makes a page of what ``lines`` wrote, as it came from another process.
    ///
    /// - Parameters:
    ///   - lines: A JSON object on each line.
    ///   - next: The cursor of the next page.
    /// - Throws: ``InterchangeError`` with a code of ``JSONReader`` if a line is no JSON.
    public init(lines: [UInt8], next: String?) throws(InterchangeError) {
        rows = []
        self.next = next
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            let row = Array(line)
            _ = try JSONReader.read(row)
            rows.append(row)
        }
    }
}

/// How a page goes over HTTP, at the hub and at a node's local interface.
///
/// The body is an array of rows, or a row on each line if the request accepts
/// ``linesContentType``. The cursor of the next page stands in the header ``cursorHeader``, which
/// the last page has not.
public enum ReportHTTP {
    /// Below which path the lists lie, each under the name of its ``ReportKind``.
    public static let pathPrefix = "/api/v1/"
    /// The header that carries the cursor of the next page.
    public static let cursorHeader = "Next-Cursor"
    /// The media type of a body with a row on each line.
    public static let linesContentType = "application/x-ndjson"
    /// The media type of a body that is one array.
    public static let arrayContentType = "application/json"

    /// Chooses how a page goes into a reply.
    ///
    /// - Parameters:
    ///   - page: The page.
    ///   - accept: The request's header `Accept`; nil if it has none.
    /// - Returns: The body, its media type, and the headers beside it.
    public static func reply(
        with page: ReportPage,
        accept: String?
    ) -> (body: [UInt8], contentType: String, headers: [(name: String, value: String)]) {
        let headers = page.next.map { [(name: cursorHeader, value: $0)] } ?? []
        return accept?.contains(linesContentType) == true
            ? (page.lines, linesContentType, headers) : (page.array, arrayContentType, headers)
    }
}
