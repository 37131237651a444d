import Causality
import Foundation
import InventoryEngine
import SwiftProtobuf

// What the hub decides: policies, and what becomes of parked events.

extension WireParkedRelease {
    init(_ body: ParkedRelease) {
        self.init()
        event = WireEventId(body.event)
        if let parked = body.content { content = Data(WireFormat.encode(parked)) }
        receivedAt = body.receivedAt.microseconds
        sites = body.sites.map(\.text)
    }

    func value() throws(ReplicationError) -> ParkedRelease {
        try WireField.expectNothing(in: unknownFields, of: "body")
        let id = try event.value("event")
        guard content.count <= WireFormat.eventBytesMax else {
            throw .malformed("content", "is larger than \(WireFormat.eventBytesMax) bytes")
        }
        let wire = try WireFormat.message(
            WireInventoryEvent.self,
            in: Array(content),
            as: .protobuf
        )
        // One release within another, and so on, would be as deep as the sender likes.
        if case .parkedReleased = wire.body {
            throw .malformed("content", "is a release itself")
        }
        let parked = try wire.value()
        guard parked.id == id else { throw .malformed("content", "is not the event that is named") }
        return ParkedRelease(
            event: id,
            content: parked,
            receivedAt: Instant(microseconds: receivedAt),
            sites: try WireField.sites(sites)
        )
    }
}

extension WirePersonChange {
    init(_ body: PersonChange) {
        self.init()
        person = body.person.text
        if let role = body.role {
            switch role {
            case .worker: self.role = .worker
            case .approver: self.role = .approver
            case .manager: self.role = .manager
            }
        }
        if let hash = body.credential { credential = Data(hash.bytes) }
        if let version = body.baseVersion { baseVersion = version }
    }

    func value() throws(ReplicationError) -> PersonChange {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var known: PersonRole?
        if hasRole {
            known = try WireField.choice(role, "role")
        }
        return PersonChange(
            person: try WireField.identifier(person, "person"),
            role: known,
            credential: credential.isEmpty ? nil : try WireField.hash(credential, "credential"),
            baseVersion: hasBaseVersion ? baseVersion : nil
        )
    }
}

extension WireParkedCompensation {
    init(_ body: ParkedCompensation) {
        self.init()
        event = WireEventId(body.event)
        sites = body.sites.map(\.text)
        reason = body.reason
    }

    func value() throws(ReplicationError) -> ParkedCompensation {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return ParkedCompensation(
            event: try event.value("event"),
            sites: try WireField.sites(sites),
            reason: reason
        )
    }
}

extension WirePolicyChange {
    init(_ body: PolicyChange) {
        self.init()
        policy = body.policy
        setting = body.value
    }

    func value() throws(ReplicationError) -> PolicyChange {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return PolicyChange(policy: policy, value: setting)
    }
}

extension WirePeriodClosing {
    init(_ body: PeriodClosing) {
        self.init()
        period = WireField.number(of: body.period.firstDay) / 100
        if let reason = body.override { self.override = reason }
        silent = body.silent.map { WireNodeId($0) }
    }

    func value() throws(ReplicationError) -> PeriodClosing {
        try WireField.expectNothing(in: unknownFields, of: "body")
        guard period <= 999_912 else { throw .malformed("period", "is no month") }
        var closing = PeriodClosing(
            period: Period(try WireField.date(period * 100 + 1, "period")),
            override: hasOverride ? self.override : nil
        )
        for node in silent { closing.silent.append(try node.value("silent")) }
        return closing
    }
}
