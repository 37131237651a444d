import Causality
import Foundation
import InventoryEngine
import SwiftProtobuf

/// The frame of an event: everything but its body.
extension WireInventoryEvent {
    /// The first number of a body; lower ones belong to the frame.
    private static let bodyNumberMin: UInt32 = 30

    init(_ event: InventoryEvent) {
        self.init()
        formatVersion = event.formatVersion
        nodeHigh = event.id.node.high
        nodeLow = event.id.node.low
        sequence = event.id.sequence
        site = event.site.text
        recordedAt = event.recordedAt.wall.microseconds
        recordedAtCounter = event.recordedAt.counter
        contextPosition = event.context.position.rawValue
        contextEpochCounter = event.context.epoch.counter
        contextEpochHigh = event.context.epoch.high
        contextEpochLow = event.context.epoch.low
        if !event.context.extra.isEmpty {
            contextExtra = event.context.extra.entries.map { entry in
                WireEventId(EventID(node: entry.node, sequence: entry.count))
            }
        }
        if let op = event.op { self.op = op.text }
        if let actor = event.actor { self.actor = actor.text }
        if event.isActorVerified { actorVerified = true }
        if let device = event.device { self.device = device.text }
        if let hash = event.commandHash {
            // The half that is zero does not travel.
            let isHalf = hash.words.2 == 0 && hash.words.3 == 0
            commandHash = Data(isHalf ? Array(hash.bytes.prefix(16)) : hash.bytes)
        }
        if let origin = event.origin { self.origin = WireEventId(origin) }
        setCommon(
            body: event.body,
            at: event.at,
            note: event.note,
            corrects: event.corrects,
            isForced: event.isForced
        )
    }

    /// Writes what ``WireFormat/encodeContent(of:)`` promises, and nothing else.
    init(contentOf command: InventoryCommand) {
        self.init()
        if let site = command.site { self.site = site.text }
        if let actor = command.actor { self.actor = actor.text }
        setCommon(
            body: command.body,
            at: command.at,
            note: command.note,
            corrects: command.corrects,
            isForced: command.isForced
        )
    }

    /// Writes what a command and its event have in common.
    private mutating func setCommon(
        body: EventBody,
        at: WallTime?,
        note: String?,
        corrects: EventID?,
        isForced: Bool
    ) {
        if let at {
            self.at = at.instant.microseconds
            atOffsetMinutes = Int32(at.offsetMinutes)
        }
        if let note { self.note = note }
        if let corrects { self.corrects = WireEventId(corrects) }
        if isForced { forced = true }
        self.body = OneOf_Body(body)
        if case .unknown(let type) = body { self.type = type }
    }

    func value() throws(ReplicationError) -> InventoryEvent {
        guard formatVersion > 0 else { throw .malformed("format_version", "is missing or zero") }
        var event = InventoryEvent(
            formatVersion: formatVersion,
            id: EventID(
                node: try WireField.node(high: nodeHigh, low: nodeLow, "node"),
                sequence: try WireField.sequence(sequence, "sequence")
            ),
            site: try WireField.identifier(site, "site"),
            recordedAt: HybridTimestamp(
                wall: Instant(microseconds: recordedAt),
                counter: recordedAtCounter
            ),
            context: try contextValue(),
            body: .unknown(type: "")
        )
        event.at = try atValue()
        event.op = try WireField.identifierIfAny(op, "op")
        event.actor = try WireField.identifierIfAny(actor, "actor")
        event.isActorVerified = actorVerified
        event.device = try WireField.identifierIfAny(device, "device")
        if hasNote { event.note = note }
        event.isForced = forced
        if !commandHash.isEmpty {
            let zeros = Data(repeating: 0, count: commandHash.count == 16 ? 16 : 0)
            event.commandHash = try WireField.hash(commandHash + zeros, "command_hash")
        }
        do throws(ReplicationError) {
            if hasOrigin { event.origin = try origin.value("origin") }
            if hasCorrects { event.corrects = try corrects.value("corrects") }
            event.body = try bodyValue()
        } catch {
            guard error.code == .notUnderstood else { throw error }
            event.body = .unknown(type: error.message)
        }
        return event
    }

    private func contextValue() throws(ReplicationError) -> CausalContext {
        var extra = VectorClock()
        var last: NodeID?
        for wire in contextExtra {
            let dot = try wire.valueIgnoringUnknown("context_extra")
            // Ascending, so that each dot is put at the end of the clock and not into its midst.
            if let last, last >= dot.node {
                throw .malformed("context_extra", "is not in ascending order of node")
            }
            last = dot.node
            extra.record(dot)
        }
        return CausalContext(
            epoch: Epoch(
                counter: contextEpochCounter,
                high: contextEpochHigh,
                low: contextEpochLow
            ),
            position: HubPosition(contextPosition),
            extra: extra
        )
    }

    private func atValue() throws(ReplicationError) -> WallTime? {
        guard hasAt else {
            guard atOffsetMinutes == 0 else { throw .malformed("at", "has a zone but no time") }
            return nil
        }
        guard
            let offset = Int16(exactly: atOffsetMinutes),
            let time = WallTime(instant: Instant(microseconds: at), offsetMinutes: offset)
        else { throw .malformed("at", "is outside the years 1 to 9999 or has no such zone") }
        return time
    }

    /// Reads the body, or says why this program does not understand it.
    private func bodyValue() throws(ReplicationError) -> EventBody {
        guard formatVersion <= InventoryEvent.formatVersionCurrent else {
            return .unknown(type: "version \(formatVersion)")
        }
        if hasType { return .unknown(type: type) }
        if let number = WireField.firstNumber(in: unknownFields) {
            return .unknown(type: number < Self.bodyNumberMin ? "field \(number)" : "\(number)")
        }
        for dot in contextExtra {
            try WireField.expectNothing(in: dot.unknownFields, of: "context_extra")
        }
        guard let body else { return .unknown(type: "none") }
        return try body.value()
    }
}
