public import Causality
import InventoryEngine

/// What a proof of a store has found: everything folded again from nothing and compared.
///
/// | Proved                  | How                                                             |
/// | ----------------------- | --------------------------------------------------------------- |
/// | Events                  | Each chain is computed again from its first event                |
/// | The hub's order         | Positions ascend, without gaps at the hub, whose chain is redone |
/// | Rows of the base        | All entries folded from nothing, obeying their rulings           |
/// | Rows of the overlay     | The pending events folded on top of that                         |
/// | Digests                 | Summed again over the stored rows                                |
/// | Identities              | Counted again over the stored rows, see `domain.md` section 2    |
///
/// Other nodes' events have no chain at a node, since it does not hold all of them: each is compared
/// with the hash that it had when it was pulled.
public struct Verification: Sendable {
    /// One thing that is not as it should be.
    public struct Finding: Hashable, Sendable {
        /// What kind of damage it is.
        public enum Code: String, CaseIterable, Hashable, Sendable {
            /// An event is not what its node's chain, or its own hash, says.
            case eventChainBroken = "event_chain_broken"
            /// A number is missing in a node's events.
            case eventMissing = "event_missing"
            /// An event's bytes are none, and its verdict does not say so.
            case eventUnreadable = "event_unreadable"
            /// An event has no entry although it should have one.
            case entryMissing = "entry_missing"
            /// An entry refers to an event that is not held.
            case entryWithoutEvent = "entry_without_event"
            /// An entry is not what the hub's chain says.
            case entryChainBroken = "entry_chain_broken"
            /// Positions do not ascend, or at the hub a position is missing.
            case entryOutOfOrder = "entry_out_of_order"
            /// What the fold says of an event is not what its entry says.
            case rulingDiffers = "ruling_differs"
            /// A cursor does not fit what it counts.
            case cursorDiffers = "cursor_differs"
            /// A row of the base should be there and is not.
            case rowMissing = "row_missing"
            /// A row of the base is there and should not be.
            case rowSurplus = "row_surplus"
            /// A row of the base says something else than the events.
            case rowDiffers = "row_differs"
            /// A row's bytes are none of its kind.
            case rowUnreadable = "row_unreadable"
            /// A row of the overlay should be there and is not.
            case overlayRowMissing = "overlay_row_missing"
            /// A row of the overlay is there and should not be.
            case overlayRowSurplus = "overlay_row_surplus"
            /// A row of the overlay says something else than the pending events.
            case overlayRowDiffers = "overlay_row_differs"
            /// A stored digest is not the sum of the stored rows.
            case digestDiffers = "digest_differs"
            /// The rows of the layers do not fit each other.
            case identityBroken = "identity_broken"
            /// The file itself is damaged.
            case fileDamaged = "file_damaged"
            /// Something stored could not be read, so that the proof ends there.
            case unreadable
        }

        /// What kind of damage it is; stable for programs.
        public var code: Code
        /// One sentence for people.
        public var sentence: String
        /// Where: an event, a position, a row.
        public var place: String

        /// Makes a finding.
        public init(code: Code, sentence: String, place: String) {
            self.code = code
            self.sentence = sentence
            self.place = place
        }
    }

    /// The most findings that are listed; the others are only counted.
    public static let findingsMax = 100

    /// How many events were read, each once.
    public internal(set) var eventCount: UInt64 = 0
    /// How many entries were folded again.
    public internal(set) var entryCount: UInt64 = 0
    /// How many stored rows of base and overlay were compared.
    public internal(set) var rowCount: UInt64 = 0
    /// Whether the overlay was compared: not at a hub, and not while it stands on an older base,
    /// as it may between two pages or with much that is pending.
    public internal(set) var isOverlayChecked = false
    /// What was found, in the order of the proof; at most ``findingsMax``.
    public private(set) var findings: [Finding] = []
    /// How much was found in all.
    public private(set) var findingCount: UInt64 = 0

    /// Whether all is as it should be.
    public var isClean: Bool { findingCount == 0 }

    init() {}

    /// Adds a finding.
    public mutating func add(_ code: Finding.Code, _ sentence: String, at place: String) {
        findingCount += 1
        guard findings.count < Self.findingsMax else { return }
        findings.append(Finding(code: code, sentence: sentence, place: place))
    }

    /// Proves the store of whom it belongs to.
    ///
    /// - Parameter log: One transaction that reads; the store is not changed.
    /// - Returns: What was found.
    /// - Throws: ``ReplicationError`` with the code `storage_failed` if the store was never made,
    ///   or a storage error before anything could be read.
    public static func ofStore(_ log: any LogReading) throws -> Verification {
        let identity = try log.identity()
        guard identity.site == nil else { return try ofNode(identity, in: log) }
        guard let bytes = try log.setting(.epoch) else {
            throw ReplicationError(
                .storage,
                "The hub's database has no epoch.",
                hint: "Run `init` first."
            )
        }
        var reader = ByteReader(bytes)
        return ofHub(identity, epoch: try reader.epoch(), in: log)
    }

    /// Proves a node's store.
    ///
    /// Memory grows with the rows, not with the history.
    ///
    /// - Parameters:
    ///   - identity: The node.
    ///   - log: One transaction that reads; the store is not changed.
    /// - Returns: What was found.
    /// - Throws: ``ReplicationError`` with the code `storage_failed` if the identity has no site,
    ///   or a storage error before anything could be read.
    /// - Complexity: O(events + rows · log rows), and what replays of late facts cost.
    public static func ofNode(
        _ identity: NodeIdentity,
        in log: any LogReading
    ) throws -> Verification {
        let ledger = try NodeLedger(identity: identity)
        let progress = try log.progress()
        var verifier = Verifier(
            log: log,
            identity: identity,
            scope: .site(ledger.site),
            epoch: progress.epoch
        )
        verifier.proveNode(ledger, progress)
        return verifier.result
    }

    /// Proves a hub's store.
    ///
    /// Memory grows with the rows, not with the history.
    ///
    /// - Parameters:
    ///   - identity: The hub.
    ///   - epoch: The hub's history.
    ///   - log: One transaction that reads; the store is not changed.
    /// - Returns: What was found.
    /// - Complexity: O(events + rows · log rows), and what replays of late facts cost.
    public static func ofHub(
        _ identity: NodeIdentity,
        epoch: Epoch,
        in log: any LogReading
    ) -> Verification {
        var verifier = Verifier(log: log, identity: identity, scope: .everything, epoch: epoch)
        verifier.proveHub()
        return verifier.result
    }
}
