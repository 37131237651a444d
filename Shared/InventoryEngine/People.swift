public import Causality

/// What a person may do; each role includes those before it.
public enum PersonRole: UInt8, CaseIterable, Hashable, Comparable, Sendable {
    /// Records work.
    case worker = 0
    /// Also approves and rejects adjustments.
    case approver = 1
    /// Also reverses events, decides conflicts and acknowledges exceptions.
    case manager = 2

    /// The stable text.
    public var text: String {
        switch self {
        case .worker: "worker"
        case .approver: "approver"
        case .manager: "manager"
        }
    }

    /// Makes a role of its stable text.
    public init?(_ text: String) {
        guard let role = Self.allCases.first(where: { $0.text == text }) else { return nil }
        self = role
    }

    /// Orders by what a role may do.
    public static func < (left: PersonRole, right: PersonRole) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A registration, change or retirement of a person; what is nil stays.
///
/// Events are for ever, so a person is an opaque reference here: names belong elsewhere.
public struct PersonChange: Hashable, Sendable {
    /// The reference by which the person acts.
    public var person: ActorID
    /// What the person may do; nil in a registration means a worker.
    public var role: PersonRole?
    /// The SHA-256 of the token that proves who acts; the token itself is nowhere.
    public var credential: ContentHash?
    /// The version that the editor saw; nil in a registration.
    public var baseVersion: UInt64?

    /// Makes a change.
    public init(
        person: ActorID,
        role: PersonRole? = nil,
        credential: ContentHash? = nil,
        baseVersion: UInt64? = nil
    ) {
        self.person = person
        self.role = role
        self.credential = credential
        self.baseVersion = baseVersion
    }
}

/// A person of the network.
package struct PersonRow: Row {
    package static let kind = RowKind.person
    package static let layer: Layer? = .network

    package struct Key: RowKey {
        package var person: ActorID
        package var site: SiteCode? { nil }

        package init(person: ActorID) { self.person = person }

        package func encode(into writer: inout ByteWriter) { writer.id(person) }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.person = try reader.id()
        }
    }

    package var role: PersonRole
    package var credential: ContentHash?
    package var version: UInt64 = 1
    package var isRetired = false
    package var changedBy: EventRef

    package init(role: PersonRole, credential: ContentHash?, changedBy: EventRef) {
        self.role = role
        self.credential = credential
        self.changedBy = changedBy
    }

    package func encode(into writer: inout ByteWriter) {
        writer.byte(role.rawValue)
        writer.optional(credential) { $0.raw($1.bytes) }
        writer.varint(version)
        writer.bool(isRetired)
        writer.reference(changedBy)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.role = try reader.raw(PersonRole.self)
        self.credential = try reader.optional { (reader) throws(EngineError) in
            guard let hash = ContentHash(bytes: try reader.raw(32)) else {
                throw .damaged("A stored hash has the wrong length.")
            }
            return hash
        }
        self.version = try reader.varint()
        self.isRetired = try reader.bool()
        self.changedBy = try reader.reference()
    }
}

extension StockState {
    mutating func postPerson(
        _ current: Current,
        _ body: PersonChange,
        isRetired: Bool = false
    ) throws(EngineError) {
        let key = PersonRow.Key(person: body.person)
        guard var row = try cache.people.row(key, from: reader) else {
            let row = PersonRow(
                role: body.role ?? .worker,
                credential: body.credential,
                changedBy: current.ref
            )
            return try cache.people.set(key, to: row, from: reader)
        }
        if let role = body.role { row.role = role }
        if let credential = body.credential { row.credential = credential }
        row.isRetired = isRetired
        row.version &+= 1
        row.changedBy = current.ref
        try cache.people.set(key, to: row, from: reader)
    }

    /// Whether a token is that of a person who is in the network.
    package mutating func isVerified(
        _ actor: ActorID?,
        by token: String?
    ) throws(EngineError) -> Bool {
        guard let actor, let token, let credential = try person(actor)?.credential else {
            return false
        }
        return ContentHash.of(Array(token.utf8)) == credential
    }

    /// A person who is in the network and not retired.
    mutating func person(_ actor: ActorID) throws(EngineError) -> PersonRow? {
        let row = try cache.people.row(PersonRow.Key(person: actor), from: reader)
        return row?.isRetired == true ? nil : row
    }
}

// MARK: Who may

extension EventBody {
    /// The least that a person must be to record it.
    var roleNeeded: PersonRole {
        switch self {
        case .adjustmentApproved, .adjustmentRejected: .approver
        case .reversed, .conflictResolved, .exceptionAcknowledged, .supplierInvoiceMatched,
            .landedCostAllocated, .stockRevalued, .writtenDown, .standardCostSet, .costingChanged,
            .periodClosed:
            .manager
        default: .worker
        }
    }
}

extension Decider {
    /// Checks who acts: what is said must be true, and what the network demands must be said.
    ///
    /// Commands at the hub are those of its operator, whom the hub's own door lets in.
    mutating func checkActor(_ command: InventoryCommand) throws(EngineError) {
        guard !command.isAutomatic else { return }
        let isVerified = try state.isVerified(command.actor, by: command.token)
        guard command.token == nil || isVerified else {
            throw .refused(
                "actor_not_verified",
                "The token is not that of \(command.actor?.text ?? "anybody").",
                field: "token",
                hint: "Name the person as actor, with the token that was given out."
            )
        }
        let person: PersonRow? =
            if let actor = command.actor { try state.person(actor) } else { nil }
        if case .site = state.settings.scope {
            let demand = try state.value(of: .actors)
            if demand != "any" { try checkKnown(command, person) }
            guard demand != "verified" || isVerified else {
                throw .refused(
                    "actor_not_verified",
                    "The network asks everybody to prove who acts.",
                    field: "token",
                    hint: "Give the token with --token, or in PLUMBLINE_TOKEN."
                )
            }
        }
        let needed = command.body.roleNeeded
        guard let person, person.role < needed else { return }
        throw .refused(
            "role_missing",
            "That needs the role \(needed.text), and the person is a \(person.role.text).",
            field: "actor",
            hint: "Ask somebody who has it."
        )
    }

    private func checkKnown(
        _ command: InventoryCommand,
        _ person: PersonRow?
    ) throws(EngineError) {
        guard let actor = command.actor else {
            throw .refused(
                "actor_missing",
                "The network asks who acts.",
                field: "actor",
                hint: "Name the person with --actor."
            )
        }
        guard person != nil else {
            throw .refused(
                "unknown_person",
                "\(actor) is no person of the network.",
                field: "actor",
                hint: "The hub's operator registers people with `plumbline-hub person add`."
            )
        }
    }

    /// People are registered by the hub's operator.
    mutating func registered(_ change: PersonChange) throws(EngineError) -> PersonChange {
        try checkHub()
        let key = PersonRow.Key(person: change.person)
        guard try state.cache.people.row(key, from: state.reader) == nil else {
            throw .refused(
                "person_exists",
                "\(change.person) is registered already.",
                field: "person",
                hint: "Use person_changed to change the role or the credential."
            )
        }
        var change = change
        change.role = change.role ?? .worker
        return change
    }

    mutating func changed(_ change: PersonChange) throws(EngineError) -> PersonChange {
        try checkHub()
        let key = PersonRow.Key(person: change.person)
        guard let row = try state.cache.people.row(key, from: state.reader) else {
            throw .refused(
                "unknown_person",
                "\(change.person) is no person of the network.",
                field: "person"
            )
        }
        guard change.baseVersion == nil || change.baseVersion == row.version else {
            throw .refused(
                "version_stale",
                "\(change.person) is at version \(row.version).",
                field: "base_version",
                hint: "Look at it again, then repeat the change."
            )
        }
        return change
    }
}
