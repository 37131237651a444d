public import Causality
import InventoryEngine
public import Replication

/// Making a hub's store, and opening it again.
extension HubService {
    /// Writes a new hub's identity and epoch.
    ///
    /// - Throws: `ReplicationError` with the code `storage_failed` if the store has one already.
    public static func initialise(
        _ log: any EventLog,
        identity: NodeIdentity,
        epoch: Epoch
    ) async throws {
        try await log.write { log in
            guard try log.setting(.identity) == nil else {
                throw ReplicationError(.storage, "The database belongs to a hub already.")
            }
            var writer = ByteWriter()
            writer.epoch(epoch)
            try log.set(.identity, to: identity.bytes)
            try log.set(.epoch, to: writer.bytes)
        }
    }

    /// Opens the hub that ``initialise(_:identity:epoch:)`` made.
    ///
    /// - Throws: `ReplicationError` with the code `storage_failed` if there is none.
    public static func open(_ log: any EventLog, key: NodeKey) async throws -> HubService {
        let (identity, epoch) = try await log.read { log in
            guard let bytes = try log.setting(.epoch) else {
                throw ReplicationError(
                    .storage,
                    "The database has no epoch.",
                    hint: "Run `init` first."
                )
            }
            var reader = ByteReader(bytes)
            return (try log.identity(), try reader.epoch())
        }
        return HubService(log: log, key: key, identity: identity, epoch: epoch)
    }
}
