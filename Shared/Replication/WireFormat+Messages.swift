import Causality
import Foundation
import InventoryEngine
import SwiftProtobuf

// Every message of the calls. A field that is not known is ignored, unlike in an event.
extension WireFormat {
    /// Encodes a request to join.
    public static func encode(
        _ message: JoinRequest,
        as encoding: WireEncoding = .protobuf
    ) -> [UInt8] {
        bytes(of: WireJoinRequest(message), as: encoding)
    }

    /// Decodes a request to join.
    ///
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    public static func decodeJoinRequest(
        _ bytes: [UInt8],
        as encoding: WireEncoding = .protobuf
    ) throws(ReplicationError) -> JoinRequest {
        try message(WireJoinRequest.self, in: bytes, as: encoding).value()
    }

    /// Encodes the answer to a request to join.
    public static func encode(
        _ message: JoinReply,
        as encoding: WireEncoding = .protobuf
    ) -> [UInt8] {
        bytes(of: WireJoinReply(message), as: encoding)
    }

    /// Decodes the answer to a request to join.
    ///
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    public static func decodeJoinReply(
        _ bytes: [UInt8],
        as encoding: WireEncoding = .protobuf
    ) throws(ReplicationError) -> JoinReply {
        try message(WireJoinReply.self, in: bytes, as: encoding).value()
    }

    /// Encodes a hello.
    public static func encode(
        _ message: HelloRequest,
        as encoding: WireEncoding = .protobuf
    ) -> [UInt8] {
        bytes(of: WireHelloRequest(message), as: encoding)
    }

    /// Decodes a hello.
    ///
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    public static func decodeHelloRequest(
        _ bytes: [UInt8],
        as encoding: WireEncoding = .protobuf
    ) throws(ReplicationError) -> HelloRequest {
        try message(WireHelloRequest.self, in: bytes, as: encoding).value()
    }

    /// Encodes the answer to a hello.
    public static func encode(
        _ message: HelloReply,
        as encoding: WireEncoding = .protobuf
    ) -> [UInt8] {
        bytes(of: WireHelloReply(message), as: encoding)
    }

    /// Decodes the answer to a hello.
    ///
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    public static func decodeHelloReply(
        _ bytes: [UInt8],
        as encoding: WireEncoding = .protobuf
    ) throws(ReplicationError) -> HelloReply {
        try message(WireHelloReply.self, in: bytes, as: encoding).value()
    }

    /// Encodes a batch; its events stay the bytes they are.
    public static func encode(
        _ message: EventBatch,
        as encoding: WireEncoding = .protobuf
    ) -> [UInt8] {
        bytes(of: WireEventBatch(message), as: encoding)
    }

    /// Decodes a batch; its events stay the bytes they are.
    ///
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    public static func decodeEventBatch(
        _ bytes: [UInt8],
        as encoding: WireEncoding = .protobuf
    ) throws(ReplicationError) -> EventBatch {
        try message(WireEventBatch.self, in: bytes, as: encoding).value()
    }

    /// Encodes the answer to a batch.
    public static func encode(
        _ message: PushReply,
        as encoding: WireEncoding = .protobuf
    ) -> [UInt8] {
        bytes(of: WirePushReply(message), as: encoding)
    }

    /// Decodes the answer to a batch.
    ///
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    public static func decodePushReply(
        _ bytes: [UInt8],
        as encoding: WireEncoding = .protobuf
    ) throws(ReplicationError) -> PushReply {
        try message(WirePushReply.self, in: bytes, as: encoding).value()
    }

    /// Encodes a request for a page.
    public static func encode(
        _ message: PullRequest,
        as encoding: WireEncoding = .protobuf
    ) -> [UInt8] {
        bytes(of: WirePullRequest(message), as: encoding)
    }

    /// Decodes a request for a page.
    ///
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    public static func decodePullRequest(
        _ bytes: [UInt8],
        as encoding: WireEncoding = .protobuf
    ) throws(ReplicationError) -> PullRequest {
        try message(WirePullRequest.self, in: bytes, as: encoding).value()
    }

    /// Encodes a page; its events stay the bytes they are.
    public static func encode(
        _ message: PullReply,
        as encoding: WireEncoding = .protobuf
    ) -> [UInt8] {
        bytes(of: WirePullReply(message), as: encoding)
    }

    /// Decodes a page; its events stay the bytes they are.
    ///
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    public static func decodePullReply(
        _ bytes: [UInt8],
        as encoding: WireEncoding = .protobuf
    ) throws(ReplicationError) -> PullReply {
        try message(WirePullReply.self, in: bytes, as: encoding).value()
    }

    /// Encodes a refusal.
    public static func encode(
        _ message: SyncRefusal,
        as encoding: WireEncoding = .protobuf
    ) -> [UInt8] {
        bytes(of: WireSyncRefusal(message), as: encoding)
    }

    /// Decodes a refusal.
    ///
    /// - Throws: ``ReplicationError`` with the code `malformed`.
    public static func decodeSyncRefusal(
        _ bytes: [UInt8],
        as encoding: WireEncoding = .protobuf
    ) throws(ReplicationError) -> SyncRefusal {
        try message(WireSyncRefusal.self, in: bytes, as: encoding).value()
    }
}

// MARK: - Joining

extension WireJoinRequest {
    init(_ message: JoinRequest) {
        self.init()
        token = message.token
        node = WireNodeId(message.node)
        site = message.site.text
        publicKey = Data(message.publicKey)
        currency = message.currency.text
        moneyScale = UInt32(message.moneyScale)
        name = message.name.text
    }

    func value() throws(ReplicationError) -> JoinRequest {
        JoinRequest(
            token: token,
            node: try node.valueIgnoringUnknown("node"),
            site: try WireField.identifier(site, "site"),
            publicKey: try WireField.publicKey(publicKey, "public_key"),
            currency: try WireField.identifier(currency, "currency"),
            moneyScale: try WireField.scale(
                moneyScale,
                max: WireFormat.moneyScaleMax,
                "money_scale"
            ),
            name: try WireField.identifier(name, "name")
        )
    }
}

extension WireJoinReply {
    init(_ message: JoinReply) {
        self.init()
        hub = WireNodeId(message.hub)
        hubPublicKey = Data(message.hubPublicKey)
        if message.epoch != .none { epoch = WireEpoch(message.epoch) }
        name = message.name.text
    }

    func value() throws(ReplicationError) -> JoinReply {
        JoinReply(
            hub: try hub.valueIgnoringUnknown("hub"),
            hubPublicKey: try WireField.publicKey(hubPublicKey, "hub_public_key"),
            epoch: epoch.value,
            name: try WireField.identifier(name, "name")
        )
    }
}

// MARK: - Hello

extension WireHelloRequest {
    init(_ message: HelloRequest) {
        self.init()
        protocolVersion = message.protocolVersion
        rulesVersion = message.rulesVersion
        node = WireNodeId(message.node)
        programVersion = message.programVersion
        if message.epoch != .none { epoch = WireEpoch(message.epoch) }
        applied = message.applied.rawValue
        appliedHash = Data(message.appliedHash)
        lastSequence = message.lastSequence
        tip = Data(message.tip)
        acknowledged = message.acknowledged
        ackReceipt = Data(message.ackReceipt)
        pending = message.pending
        oldestPendingSeconds = message.oldestPendingSeconds
        freeBytes = message.freeBytes
        openConflicts = message.openConflicts
        digestAgrees = message.digestAgrees
        sentAt = message.sentAt.microseconds
        if let position = message.summariesAfter { summariesAfter = position.rawValue }
    }

    func value() throws(ReplicationError) -> HelloRequest {
        var message = HelloRequest(
            node: try node.valueIgnoringUnknown("node"),
            programVersion: programVersion,
            sentAt: Instant(microseconds: sentAt)
        )
        message.protocolVersion = protocolVersion
        message.rulesVersion = rulesVersion
        message.epoch = epoch.value
        message.applied = HubPosition(applied)
        message.appliedHash = try WireField.hash(appliedHash, "applied_hash")
        message.lastSequence = lastSequence
        message.tip = try WireField.hash(tip, "tip")
        message.acknowledged = acknowledged
        message.ackReceipt = [UInt8](ackReceipt)
        message.pending = pending
        message.oldestPendingSeconds = oldestPendingSeconds
        message.freeBytes = freeBytes
        message.openConflicts = openConflicts
        message.digestAgrees = digestAgrees
        message.summariesAfter = hasSummariesAfter ? HubPosition(summariesAfter) : nil
        return message
    }
}

extension WireHelloReply {
    init(_ message: HelloReply) {
        self.init()
        action = WireHelloAction(message.action)
        reason = message.reason
        if message.epoch != .none { epoch = WireEpoch(message.epoch) }
        head = message.head.rawValue
        acknowledged = message.acknowledged
        acknowledgedHash = Data(message.acknowledgedHash)
        durable = message.durable.rawValue
        batchEventsMax = message.batchEventsMax
        summariesChanged = message.summariesChanged
        receivedAt = message.receivedAt.microseconds
        sentAt = message.sentAt.microseconds
    }

    func value() throws(ReplicationError) -> HelloReply {
        HelloReply(
            action: try WireField.choice(action, "action"),
            reason: reason,
            epoch: epoch.value,
            head: HubPosition(head),
            acknowledged: acknowledged,
            acknowledgedHash: try WireField.hash(acknowledgedHash, "acknowledged_hash"),
            durable: HubPosition(durable),
            batchEventsMax: batchEventsMax,
            summariesChanged: summariesChanged,
            receivedAt: Instant(microseconds: receivedAt),
            sentAt: Instant(microseconds: sentAt)
        )
    }
}

// MARK: - Push

extension WireEventBatch {
    init(_ message: EventBatch) {
        self.init()
        node = WireNodeId(message.node)
        if message.epoch != .none { epoch = WireEpoch(message.epoch) }
        first = message.first
        previousHash = Data(message.previousHash)
        events = message.events.map { Data($0) }
        signature = Data(message.signature)
    }

    func value() throws(ReplicationError) -> EventBatch {
        guard !events.isEmpty else { throw .malformed("events", "is empty") }
        guard events.count <= WireFormat.batchEventsMax else {
            throw .malformed("events", "has more than \(WireFormat.batchEventsMax) events")
        }
        let first = try WireField.sequence(self.first, "first")
        guard !first.addingReportingOverflow(UInt64(events.count)).overflow else {
            throw .malformed("first", "leaves no sequences for the events")
        }
        var encoded: [[UInt8]] = []
        encoded.reserveCapacity(events.count)
        for (index, event) in events.enumerated() {
            encoded.append(try WireField.eventBytes(event, "events[\(index)]"))
        }
        return EventBatch(
            node: try node.valueIgnoringUnknown("node"),
            epoch: epoch.value,
            first: first,
            previousHash: try WireField.hash(previousHash, "previous_hash"),
            events: encoded,
            signature: [UInt8](signature)
        )
    }
}

extension WireVerdictReason {
    init(_ reason: VerdictReason) {
        self.init()
        code = reason.code
        sentence = reason.sentence
    }

    var value: VerdictReason { VerdictReason(code: code, sentence: sentence) }
}

extension WireEventVerdict {
    init(_ message: EventVerdict) {
        self.init()
        sequence = message.sequence
        verdict = WireVerdict(message.verdict)
        if let reason = message.reason { self.reason = WireVerdictReason(reason) }
    }

    func value() throws(ReplicationError) -> EventVerdict {
        EventVerdict(
            sequence: try WireField.sequence(sequence, "verdicts.sequence"),
            verdict: try WireField.choice(verdict, "verdicts.verdict"),
            reason: hasReason ? reason.value : nil
        )
    }
}

extension WirePushReply {
    init(_ message: PushReply) {
        self.init()
        acknowledged = message.acknowledged
        acknowledgedHash = Data(message.acknowledgedHash)
        receipt = Data(message.receipt)
        durable = message.durable.rawValue
        head = message.head.rawValue
        verdicts = message.verdicts.map { WireEventVerdict($0) }
        nextBatchEvents = message.nextBatchEvents
    }

    func value() throws(ReplicationError) -> PushReply {
        guard verdicts.count <= WireFormat.batchEventsMax else {
            throw .malformed("verdicts", "has more than \(WireFormat.batchEventsMax) verdicts")
        }
        var values: [EventVerdict] = []
        values.reserveCapacity(verdicts.count)
        for verdict in verdicts {
            values.append(try verdict.value())
        }
        return PushReply(
            acknowledged: acknowledged,
            acknowledgedHash: try WireField.hash(acknowledgedHash, "acknowledged_hash"),
            receipt: [UInt8](receipt),
            durable: HubPosition(durable),
            head: HubPosition(head),
            verdicts: values,
            nextBatchEvents: nextBatchEvents
        )
    }
}

// MARK: - Pull

extension WirePullRequest {
    init(_ message: PullRequest) {
        self.init()
        node = WireNodeId(message.node)
        if message.epoch != .none { epoch = WireEpoch(message.epoch) }
        after = message.after.rawValue
        bytesMax = message.bytesMax
        waitMilliseconds = message.waitMilliseconds
        if let position = message.summariesAfter { summariesAfter = position.rawValue }
        digestAgrees = message.digestAgrees
        wantsDigests = message.wantsDigests
        recorded = message.recorded
    }

    func value() throws(ReplicationError) -> PullRequest {
        PullRequest(
            node: try node.valueIgnoringUnknown("node"),
            epoch: epoch.value,
            after: HubPosition(after),
            bytesMax: bytesMax,
            waitMilliseconds: waitMilliseconds,
            summariesAfter: hasSummariesAfter ? HubPosition(summariesAfter) : nil,
            wantsDigests: wantsDigests,
            digestAgrees: digestAgrees,
            recorded: recorded
        )
    }
}

extension WireRuling {
    init(_ message: Ruling) {
        self.init()
        verdict = WireVerdict(message.verdict)
        if let reason = message.reason { self.reason = WireVerdictReason(reason) }
        sites = message.sites.map(\.text)
        carried = message.carried.map(\.units)
        rulesVersion = message.rulesVersion
        receivedAt = message.receivedAt.microseconds
    }

    func value() throws(ReplicationError) -> Ruling {
        guard carried.count <= WireFormat.carriedMax else {
            throw .malformed("ruling.carried", "has more than \(WireFormat.carriedMax) values")
        }
        var sites: [SiteCode] = []
        sites.reserveCapacity(self.sites.count)
        for site in self.sites {
            sites.append(try WireField.identifier(site, "ruling.sites"))
        }
        var carried: [Money] = []
        carried.reserveCapacity(self.carried.count)
        for units in self.carried {
            carried.append(try WireField.money(units, "ruling.carried"))
        }
        return Ruling(
            verdict: try WireField.choice(verdict, "ruling.verdict"),
            reason: hasReason ? reason.value : nil,
            sites: sites,
            carried: carried,
            rulesVersion: rulesVersion,
            receivedAt: Instant(microseconds: receivedAt)
        )
    }
}

extension WireEntry {
    init(_ message: Entry) {
        self.init()
        position = message.position.rawValue
        event = WireEventId(message.event)
        ruling = WireRuling(message.ruling)
        chainHash = Data(message.chainHash)
    }

    func value() throws(ReplicationError) -> Entry {
        guard hasRuling else { throw .malformed("ruling", "is missing") }
        return Entry(
            position: HubPosition(try WireField.sequence(position, "position")),
            event: try event.valueIgnoringUnknown("event"),
            ruling: try ruling.value(),
            chainHash: try WireField.hash(chainHash, "chain_hash")
        )
    }
}

extension WirePulledEntry {
    init(_ message: PulledEntry) {
        self.init()
        entry = WireEntry(message.entry)
        if let bytes = message.eventBytes { event = Data(bytes) }
    }

    func value() throws(ReplicationError) -> PulledEntry {
        PulledEntry(
            entry: try entry.value(),
            eventBytes: hasEvent ? try WireField.eventBytes(event, "event") : nil
        )
    }
}

extension WireLayerDigest {
    init(_ message: LayerDigest) {
        self.init()
        site = message.site?.text ?? ""
        layer = WireLayer(message.layer)
        sum = Data(message.sum.bytes)
    }

    func value() throws(ReplicationError) -> LayerDigest {
        guard let value = DigestSum(bytes: sum) else {
            throw .malformed("digests.sum", "is not 32 bytes long")
        }
        return LayerDigest(
            site: try WireField.identifierIfAny(site, "digests.site"),
            layer: try WireField.choice(layer, "digests.layer"),
            sum: value
        )
    }
}

extension WireSummaryRow {
    init(_ message: SummaryRow) {
        self.init()
        site = message.site.text
        sku = message.sku.text
        value = Data(message.value)
    }

    func row() throws(ReplicationError) -> SummaryRow {
        SummaryRow(
            site: try WireField.identifier(site, "summaries.site"),
            sku: try WireField.identifier(sku, "summaries.sku"),
            value: [UInt8](value)
        )
    }
}

extension WirePullReply {
    init(_ message: PullReply) {
        self.init()
        if message.epoch != .none { epoch = WireEpoch(message.epoch) }
        entries = message.entries.map { WirePulledEntry($0) }
        cursor = message.cursor.rawValue
        cursorHash = Data(message.cursorHash)
        acknowledgedAtCursor = message.acknowledgedAtCursor
        hasMore_p = message.hasMore
        head = message.head.rawValue
        durable = message.durable.rawValue
        digests = message.digests.map { WireLayerDigest($0) }
        summaries = message.summaries.map { WireSummaryRow($0) }
        summariesCursor = message.summariesCursor.rawValue
        signature = Data(message.signature)
    }

    func value() throws(ReplicationError) -> PullReply {
        guard entries.count <= WireFormat.batchEventsMax else {
            throw .malformed("entries", "has more than \(WireFormat.batchEventsMax) entries")
        }
        var message = PullReply(
            epoch: epoch.value,
            cursor: HubPosition(cursor),
            cursorHash: try WireField.hash(cursorHash, "cursor_hash")
        )
        message.entries.reserveCapacity(entries.count)
        for entry in entries {
            message.entries.append(try entry.value())
        }
        message.acknowledgedAtCursor = acknowledgedAtCursor
        message.hasMore = hasMore_p
        message.head = HubPosition(head)
        message.durable = HubPosition(durable)
        for digest in digests {
            message.digests.append(try digest.value())
        }
        for summary in summaries {
            message.summaries.append(try summary.row())
        }
        message.summariesCursor = HubPosition(summariesCursor)
        message.signature = [UInt8](signature)
        return message
    }
}

// MARK: - Refusals

extension WireSyncRefusal {
    init(_ message: SyncRefusal) {
        self.init()
        code = message.code
        self.message = message.message
        expectedSequence = message.expectedSequence
    }

    func value() throws(ReplicationError) -> SyncRefusal {
        guard !code.isEmpty else { throw .malformed("code", "is missing") }
        return SyncRefusal(code: code, message: message, expectedSequence: expectedSequence)
    }
}
