import Causality
import InventoryEngine
import Replication

/// A node whose signature was verified.
public struct AuthenticatedNode: Hashable, Sendable {
    /// The node.
    let node: NodeID
    /// Its site.
    let site: SiteCode
    /// Its Ed25519 public key, 32 bytes.
    let publicKey: [UInt8]
}

/// Finds out which node a request comes from.
struct NodeAuthenticator: Sendable {
    let log: any EventLog
    let ledger: HubLedger

    /// Verifies a request's signature against the key that the node joined with.
    ///
    /// - Throws: ``SyncRefusal`` with the code `unauthenticated`; it does not say whether the node
    ///   or the signature was wrong.
    func authenticate(
        method: String,
        path: String,
        body: [UInt8],
        header: (String) -> String?
    ) async throws -> AuthenticatedNode {
        let refusal = SyncRefusal(
            code: "unauthenticated",
            message: "The request is not signed by a node that has joined."
        )
        let signature: RequestSignature
        do {
            signature = try RequestSignature(header: header)
        } catch {
            throw refusal
        }
        let ledger = ledger
        let node = signature.node
        guard let known = try await log.read({ try ledger.credentials(of: node, in: $0) }) else {
            throw refusal
        }
        do {
            try signature.verify(method: method, path: path, body: body, signedBy: known.publicKey)
        } catch {
            throw refusal
        }
        return AuthenticatedNode(node: node, site: known.site, publicKey: known.publicKey)
    }
}
