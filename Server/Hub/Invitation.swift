public import Causality
public import InventoryEngine
import Replication

/// What an operator allows a new node: to join one site under one name, once, for a while.
public struct Invitation: Hashable, Sendable {
    /// How long an invitation is valid: a day.
    public static let lifetimeMicroseconds: Int64 = 86_400_000_000

    /// The site that the node will belong to.
    public var site: SiteCode
    /// The name that the node will have.
    public var name: Label
    /// When it can no longer be used.
    public var expiresAt: Instant

    /// Makes an invitation.
    public init(site: SiteCode, name: Label, expiresAt: Instant) {
        self.site = site
        self.name = name
        self.expiresAt = expiresAt
    }

    /// The bytes that the store keeps.
    var bytes: [UInt8] { Array("\(site)\n\(name)\n\(expiresAt.microseconds)\n".utf8) }

    /// Reads what ``bytes`` wrote; nil if it is damaged.
    init?(bytes: [UInt8]) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard
            lines.count == 3,
            let site = SiteCode(String(lines[0])),
            let name = Label(String(lines[1])),
            let expiry = Int64(lines[2])
        else { return nil }
        self.init(site: site, name: name, expiresAt: Instant(microseconds: expiry))
    }

    /// Where the store keeps the invitation of a token.
    static func setting(token: String) -> LogSetting {
        .invitation(ContentHash.of(Array(token.utf8)))
    }
}
