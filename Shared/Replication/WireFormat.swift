public import InventoryEngine
import SwiftProtobuf

/// How a message of a call is written.
public enum WireEncoding: CaseIterable, Hashable, Sendable {
    /// Protocol Buffers, the default.
    case protobuf
    /// Canonical protobuf-JSON, so that every exchange can be read and replayed with curl.
    case json

    /// The media type of the HTTP body.
    public var contentType: String {
        switch self {
        case .protobuf: "application/x-protobuf"
        case .json: "application/json"
        }
    }

    /// Makes an encoding of a media type without parameters, in lower case.
    public init?(contentType: String) {
        guard let encoding = Self.allCases.first(where: { $0.contentType == contentType }) else {
            return nil
        }
        self = encoding
    }
}

/// Our types as bytes, and back.
///
/// What is decoded is a valid value of our own types: each identifier is well formed, each
/// quantity, amount and scale within its bounds, each sequence above zero. Anything else is
/// refused with the code `malformed`, and the message names the field. No bytes can do more.
///
/// An event is encoded once, when it is recorded; afterwards only its bytes count. Decoding and
/// encoding gives the same value again, not necessarily the same bytes.
public enum WireFormat {
    /// The largest event in bytes: 1 MiB, some fifty times an order of 1,000 lines.
    public static let eventBytesMax = 1 << 20
    /// The most lines of an event.
    public static let linesMax = 10_000
    /// How many values an entry carries at most: one per line, and two for each of its cost parts.
    static let carriedMax = linesMax * (1 + 2 * TransitFlow.partsMax)
    /// The most events of a batch, and the most entries of a page.
    public static let batchEventsMax = 100_000
    /// The most decimals of a quantity.
    static let quantityScaleMax: UInt8 = 6
    /// The most decimals of an amount.
    static let moneyScaleMax: UInt8 = 6

    /// Encodes an event.
    ///
    /// The value must keep the bounds of ``WireFormat``, as every event does that the rules
    /// decided; otherwise the bytes are refused when they are decoded. The same goes for an event
    /// that becomes larger than ``eventBytesMax``.
    ///
    /// - Parameter event: The event as decided.
    /// - Returns: The bytes to hash, store and send.
    /// - Complexity: O(*n*) in the number of lines.
    public static func encode(_ event: InventoryEvent) -> [UInt8] {
        bytes(of: WireInventoryEvent(event), as: .protobuf)
    }

    /// Decodes an event.
    ///
    /// A body that this program does not understand becomes ``EventBody/unknown(type:)``: a type
    /// or a field that is not known to it, or any body of a later format version. Nothing is lost,
    /// since the bytes are what is kept.
    ///
    /// - Parameter bytes: At most ``eventBytesMax``.
    /// - Returns: A valid event.
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    /// - Complexity: O(*n*) in the number of bytes.
    public static func decodeEvent(
        _ bytes: [UInt8]
    ) throws(ReplicationError) -> InventoryEvent {
        guard bytes.count <= eventBytesMax else {
            throw .malformed("event", "is larger than \(eventBytesMax) bytes")
        }
        return try message(WireInventoryEvent.self, in: bytes, as: .protobuf).value()
    }

    /// Encodes what makes a command the same command when it is repeated.
    ///
    /// That is its body, time, actor, site, force, correction and note as they were given; not
    /// the op, which names the command, and not the device, since a scanner may be replaced.
    /// Different contents give different bytes, and the bytes of a content never change, because
    /// their hash is stored with each op for good.
    ///
    /// - Parameter command: The command as it was given.
    /// - Returns: The bytes to hash.
    public static func encodeContent(of command: InventoryCommand) -> [UInt8] {
        bytes(of: WireInventoryEvent(contentOf: command), as: .protobuf)
    }

    // MARK: - Messages in general

    /// Writes a message.
    static func bytes(of message: some Message, as encoding: WireEncoding) -> [UInt8] {
        do {
            switch encoding {
            case .protobuf: return try message.serializedBytes()
            case .json: return try message.jsonUTF8Bytes()
            }
        } catch {
            // Our messages have no required fields, extensions or embedded types.
            preconditionFailure("A message above 2 GiB cannot be encoded: \(error)")
        }
    }

    /// Reads a message, without looking at the meaning of its fields.
    static func message<Wire: Message>(
        _ type: Wire.Type,
        in bytes: [UInt8],
        as encoding: WireEncoding
    ) throws(ReplicationError) -> Wire {
        do {
            switch encoding {
            case .protobuf:
                return try Wire(serializedBytes: bytes)
            case .json:
                var options = JSONDecodingOptions()
                options.ignoreUnknownFields = true
                return try Wire(jsonUTF8Bytes: bytes, options: options)
            }
        } catch {
            throw ReplicationError(
                .malformed,
                "The bytes are not a \(Wire.protoMessageName) as \(encoding.contentType).",
                hint: "Check the content type, and send the message again.",
                cause: error
            )
        }
    }
}
