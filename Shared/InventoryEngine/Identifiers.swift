/// A name that people give to something: a SKU, a site, an order number.
///
/// Two identifiers are the same only if their UTF-8 bytes are the same: `85123A` and `85123a` are
/// two SKUs, and so are a precomposed and a decomposed `é`. An identifier has 1 to
/// ``lengthMax`` characters and no control characters; ``init(_:)`` refuses anything else, so a
/// value of this type is always fit to be stored, sorted and shown.
public struct Identifier<Tag>: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The most characters (Unicode scalars) an identifier may have.
    public static var lengthMax: Int { 64 }

    /// The text as it was entered.
    public let text: String

    /// The text's hash, drawn anew in each process: rows are found by keys made of identifiers, and
    /// a number is compared and hashed many times faster than a text.
    private let textHash: Int
    /// Whether all bytes are ASCII, so that canonical equivalence is equality of bytes.
    private let isASCII: Bool

    /// Makes an identifier of a text, or nothing if the text is empty, longer than
    /// ``lengthMax`` scalars, or holds a control character.
    public init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 4 * Self.lengthMax else { return nil }
        guard let isASCII = Self.isWellFormed(text) else { return nil }
        self.text = text
        self.textHash = text.hashValue
        self.isASCII = isASCII
    }

    /// Makes an identifier of a text that is known to be well formed, such as a constant of ours.
    init(trusted text: String) {
        self.text = text
        self.textHash = text.hashValue
        self.isASCII = text.utf8.allSatisfy { $0 < 0x80 }
    }

    /// Checks length and characters.
    ///
    /// - Returns: Whether all bytes are ASCII; nil if the text is not well formed.
    private static func isWellFormed(_ text: String) -> Bool? {
        var isASCII = true
        var isPrintable = true
        for byte in text.utf8 {
            if byte >= 0x80 { isASCII = false }
            if byte < 0x20 || byte == 0x7F { isPrintable = false }
        }
        guard isPrintable else { return nil }
        if isASCII { return text.utf8.count <= lengthMax ? true : nil }
        var length = 0
        for scalar in text.unicodeScalars {
            length += 1
            switch scalar.value {
            case 0x80...0x9F, 0x2028, 0x2029: return nil
            default: break
            }
        }
        return length <= lengthMax ? false : nil
    }

    /// The text as it was entered.
    public var description: String { text }

    /// Compares byte by byte, not by canonical equivalence as `String` does.
    public static func == (left: Self, right: Self) -> Bool {
        left.textHash == right.textHash && left.text == right.text
            && (left.isASCII || left.text.utf8.elementsEqual(right.text.utf8))
    }

    /// Orders by UTF-8 bytes.
    public static func < (left: Self, right: Self) -> Bool {
        left.isASCII && right.isASCII
            ? left.text < right.text
            : left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    /// Feeds the text; equal bytes give equal hashes.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(textHash)
    }
}

/// Tags that keep identifiers of different things apart.
public enum IdentifierTag {
    /// Marks a warehouse.
    public enum Site {}
    /// Marks an item of stock.
    public enum SKU {}
    /// Marks a place inside a site.
    public enum Location {}
    /// Marks a production lot.
    public enum Lot {}
    /// Marks one unit of an item.
    public enum Serial {}
    /// Marks a document: an order, a purchase order, a transfer, a return, a count, an adjustment.
    public enum Document {}
    /// Marks an idempotency key of a caller.
    public enum Operation {}
    /// Marks a person or program that acted.
    public enum Actor {}
    /// Marks a unit of measure.
    public enum Unit {}
    /// Marks free text that is bounded like an identifier: a supplier, a channel, a shipment.
    public enum Label {}
}

/// The code of a warehouse, such as `LON`.
public typealias SiteCode = Identifier<IdentifierTag.Site>
/// The code of an item of stock.
public typealias SKU = Identifier<IdentifierTag.SKU>
/// The code of a place inside a site, such as `A-01-03`.
public typealias LocationID = Identifier<IdentifierTag.Location>
/// The code of a production lot.
public typealias LotID = Identifier<IdentifierTag.Lot>
/// The serial number of one unit, unique per item and site.
public typealias SerialNumber = Identifier<IdentifierTag.Serial>
/// The number of a document, unique per kind and site.
public typealias DocumentID = Identifier<IdentifierTag.Document>
/// A caller's idempotency key, unique per site.
public typealias OpKey = Identifier<IdentifierTag.Operation>
/// The name of a person or program that acted.
public typealias ActorID = Identifier<IdentifierTag.Actor>
/// The code of a unit of measure, such as `EA`.
public typealias UnitCode = Identifier<IdentifierTag.Unit>
/// A short free text: a supplier, a channel, a customer reference, a container.
public typealias Label = Identifier<IdentifierTag.Label>

extension Identifier where Tag == IdentifierTag.Location {
    /// The site's default location, which exists from the start.
    public static var stock: LocationID { LocationID(trusted: "STOCK") }
    /// Where picked goods wait; it exists from the start.
    public static var staging: LocationID { LocationID(trusted: "STAGING") }
}

extension Identifier where Tag == IdentifierTag.Unit {
    /// The default unit of measure: each.
    public static var each: UnitCode { UnitCode(trusted: "EA") }
}
