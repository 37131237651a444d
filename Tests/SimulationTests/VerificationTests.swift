import Causality
import InventoryEngine
import Replication
import SQLiteStorage
import TestSupport
import Testing

@Suite(.tags(.simulation))
struct VerificationTests {
    private typealias Code = Verification.Finding.Code

    private func proof(_ cluster: Cluster, _ index: Int) async throws -> Verification {
        let (log, ledger, _) = cluster.nodes[index]
        let identity = ledger.identity
        return try await log.read { try Verification.ofNode(identity, in: $0) }
    }

    private func proofOfHub(_ cluster: Cluster) async throws -> Verification {
        let ledger = cluster.ledger
        return try await cluster.hub.read {
            Verification.ofHub(ledger.identity, epoch: ledger.epoch, in: $0)
        }
    }

    private func found(_ verification: Verification) -> Set<Code> {
        Set(verification.findings.map(\.code))
    }

    /// A random command, now and then one that looks back: a count, a reversal, an allocation.
    private func command(
        _ random: inout SeededGenerator,
        _ skus: [SKU],
        _ sites: [SiteCode],
        _ own: Int,
        _ last: EventID?
    ) throws -> InventoryCommand {
        let line = EventLine(
            sku: skus[Int.random(in: 0..<skus.count, using: &random)],
            quantity: Quantity(units: Int64.random(in: 1...9, using: &random))
        )
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
            guard let last else { break }
            return InventoryCommand(body: .reversed(Reversal(event: last, reason: "mistake")))
        case 1:
            let number = Int.random(in: 1...1_000_000, using: &random)
            let count = try #require(DocumentID("C-\(number)"))
            return InventoryCommand(body: .countRecorded(StockCount(count: count, lines: [line])))
        case 2:
            let order = try #require(DocumentID("SO-\(Int.random(in: 1...12, using: &random))"))
            return InventoryCommand(body: .allocated(OrderWork(order: order, lines: [line])))
        default: break
        }
        return try ConvergenceTests().command(&random, skus, sites, own)
    }

    @Test(arguments: Seeds.forThisRun)
    func `stores are clean at any moment of a random day`(seed: UInt64) async throws {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: seed &+ 77)
            let names = ["LON", "MAN"]
            let sites = try names.map { try #require(SiteCode($0)) }
            let skus = try ["A", "B-1"].map { try #require(SKU($0)) }
            var cluster = try await Cluster(sites: names, in: directory, seed: seed)
            for index in names.indices {
                _ = try await cluster.record(index, skus.map(ConvergenceTests().item))
            }
            var last: [EventID?] = [nil, nil]
            for step in 0..<80 {
                let index = Int.random(in: 0..<names.count, using: &random)
                if Int.random(in: 0..<8, using: &random) == 0 {
                    // Part of what is pending stays so.
                    try await cluster.sync(index, batchesMax: Int.random(in: 0...2, using: &random))
                }
                let command = try command(&random, skus, sites, index, last[index])
                let recorded = try await cluster.record(index, [command])
                last[index] = recorded[0].event ?? last[index]
                guard step % 16 == 15 else { continue }
                let node = try await proof(cluster, index)
                #expect(node.isClean, "\(node.findings) SEED=\(seed)")
                #expect(node.isOverlayChecked, "SEED=\(seed)")
                let hub = try await proofOfHub(cluster)
                #expect(hub.isClean, "\(hub.findings) SEED=\(seed)")
            }
            for _ in 0..<3 {
                for index in names.indices { try await cluster.sync(index) }
            }
            for index in names.indices {
                let node = try await proof(cluster, index)
                #expect(node.isClean, "\(node.findings) SEED=\(seed)")
                #expect(node.entryCount > 0 && node.rowCount > 0 && node.eventCount > 0)
            }
            #expect(try await proofOfHub(cluster).isClean)
        }
    }

    /// Two sites that agree, and at the first an event that is pending.
    private func damageable(
        in directory: TemporaryDirectory
    ) async throws -> Cluster {
        var cluster = try await Cluster(sites: ["LON", "MAN"], in: directory, seed: 3)
        let sku = try #require(SKU("A"))
        let order = try #require(DocumentID("SO-1"))
        var receipt = EventLine(sku: sku, quantity: Quantity(units: 9))
        receipt.unitCost = ExactDecimal(mantissa: 2, scale: 0)
        let line = EventLine(sku: sku, quantity: Quantity(units: 4))
        let away = try #require(SiteCode("MAN"))
        let transfer = try #require(DocumentID("T-1"))
        let commands = [
            ConvergenceTests().item(sku),
            InventoryCommand(body: .goodsReceived(GoodsReceipt(lines: [receipt]))),
            InventoryCommand(body: .orderConfirmed(OrderConfirmation(order: order, lines: [line]))),
            InventoryCommand(
                body: .transferDispatched(
                    Transfer(transfer: transfer, toSite: away, lines: [line])
                )
            ),
        ]
        for result in try await cluster.record(0, commands) { #expect(result.refusal == nil) }
        for index in [0, 1, 0] { try await cluster.sync(index) }
        let pick = InventoryCommand(body: .pickCompleted(OrderWork(order: order)))
        #expect(try await cluster.record(0, [pick])[0].refusal == nil)
        #expect(try await proof(cluster, 0).isClean)
        #expect(try await proof(cluster, 1).isClean)
        #expect(try await proofOfHub(cluster).isClean)
        return cluster
    }

    /// One act of damage, and what has to be found then.
    struct Damage: Sendable, CustomTestStringConvertible {
        /// Which store: a node by its index, or the hub.
        enum Store: Sendable {
            case node(Int)
            case hub
        }

        var name: String
        var store: Store
        var sql: String
        var code: Verification.Finding.Code
        /// Whether it is all that is found.
        var isAlone = false

        var testDescription: String { name }
    }

    private static let bucket = "view = 0 AND kind = \(RowKind.bucket.rawValue)"
    /// Any row but the first of a kind's; keys are text.
    private static let aBucket =
        "\(bucket) AND key = (SELECT min(key) FROM layer_row WHERE \(bucket))"
    private static let overlay = "view = 1 AND kind = \(RowKind.bucket.rawValue)"
    /// Replaces the last byte of a value; every damaged value stays one of its kind.
    private static let otherQuantity = "UPDATE layer_row SET value = x'02' WHERE"

    static let damages: [Damage] = [
        Damage(
            name: "a row says something else",
            store: .node(0),
            sql: "\(otherQuantity) \(aBucket)",
            code: .rowDiffers
        ),
        Damage(
            name: "a row of the hub says something else",
            store: .hub,
            sql: "\(otherQuantity) \(aBucket)",
            code: .rowDiffers
        ),
        Damage(
            name: "a row breaks the sums",
            store: .node(0),
            sql: "\(otherQuantity) \(aBucket)",
            code: .identityBroken
        ),
        Damage(
            name: "a row is garbage",
            store: .node(0),
            sql: "UPDATE layer_row SET value = x'FFFFFF' WHERE \(aBucket)",
            code: .rowUnreadable
        ),
        Damage(
            name: "a row is gone",
            store: .node(0),
            sql: "DELETE FROM layer_row WHERE \(aBucket)",
            code: .rowMissing
        ),
        Damage(
            name: "a row of history is gone",
            store: .hub,
            sql: "DELETE FROM layer_row WHERE kind = \(RowKind.movement.rawValue)",
            code: .rowMissing
        ),
        Damage(
            name: "a row of history names another one before it",
            store: .node(0),
            sql: """
                UPDATE layer_row
                SET value = CAST(substr(value, 1, length(value) - 1) || x'01' AS BLOB)
                WHERE view = 0 AND kind = \(RowKind.posting.rawValue) AND key = (
                    SELECT max(key) FROM layer_row
                    WHERE view = 0 AND kind = \(RowKind.posting.rawValue))
                """,
            code: .identityBroken
        ),
        Damage(
            name: "a row is too many",
            store: .node(0),
            sql: """
                INSERT INTO layer_row
                SELECT 0, kind, CAST(replace(CAST(key AS TEXT), 'LON', 'LOO') AS BLOB), x'02', 0
                FROM layer_row WHERE view = 0 AND kind = \(RowKind.bucket.rawValue)
                """,
            code: .rowSurplus
        ),
        Damage(
            name: "a digest says something else",
            store: .node(0),
            sql: """
                UPDATE layer_row SET value = zeroblob(32)
                WHERE view = 0 AND kind = \(RowKind.digest.rawValue)
                """,
            code: .digestDiffers,
            isAlone: true
        ),
        Damage(
            name: "a digest of the hub is gone",
            store: .hub,
            sql: "DELETE FROM layer_row WHERE kind = \(RowKind.digest.rawValue)",
            code: .digestDiffers,
            isAlone: true
        ),
        Damage(
            name: "an overlay row says something else",
            store: .node(0),
            sql: "\(otherQuantity) \(overlay)",
            code: .overlayRowDiffers
        ),
        Damage(
            name: "an overlay row hides the base",
            store: .node(0),
            sql: """
                UPDATE layer_row SET value = NULL
                WHERE view = 1 AND kind = \(RowKind.orderLine.rawValue)
                """,
            code: .overlayRowMissing
        ),
        Damage(
            name: "an overlay row is too many",
            store: .node(0),
            sql: """
                INSERT INTO layer_row
                SELECT 1, kind, CAST(replace(CAST(key AS TEXT), 'LON', 'LOO') AS BLOB), x'02', 9
                FROM layer_row WHERE \(overlay)
                """,
            code: .overlayRowSurplus
        ),
        Damage(
            name: "an own event has another byte",
            store: .node(0),
            sql: "UPDATE event SET bytes = CAST(bytes || x'00' AS BLOB) WHERE sequence = 2",
            code: .eventChainBroken
        ),
        Damage(
            name: "an event of the hub's store has another byte",
            store: .hub,
            sql: """
                UPDATE event SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'01' AS BLOB)
                WHERE sequence = 3
                """,
            code: .eventChainBroken
        ),
        Damage(
            name: "an own event is gone",
            store: .node(0),
            sql: "DELETE FROM event WHERE sequence = 5",
            code: .overlayRowSurplus
        ),
        Damage(
            name: "an event in the middle is gone",
            store: .hub,
            sql: "DELETE FROM event WHERE sequence = 2",
            code: .eventMissing
        ),
        Damage(
            name: "an event of an entry is gone",
            store: .hub,
            sql: "DELETE FROM event WHERE sequence = 2",
            code: .entryWithoutEvent
        ),
        Damage(
            name: "another node's event is garbage",
            store: .node(1),
            sql: "UPDATE event SET bytes = x'FF'",
            code: .eventUnreadable
        ),
        Damage(
            name: "a verdict says something else at a node",
            store: .node(1),
            sql: "UPDATE entry SET verdict = \(Verdict.adjusted.rawValue) WHERE position > 4",
            code: .rulingDiffers,
            isAlone: true
        ),
        Damage(
            name: "a verdict says something else at the hub",
            store: .hub,
            sql: "UPDATE entry SET verdict = \(Verdict.adjusted.rawValue) WHERE position = 6",
            code: .entryChainBroken
        ),
        Damage(
            name: "the time of an entry says something else",
            store: .hub,
            sql: "UPDATE entry SET received_at = received_at + 1 WHERE position = 6",
            code: .entryChainBroken
        ),
        Damage(
            name: "an entry is gone",
            store: .hub,
            sql: """
                DELETE FROM entry_site WHERE position = 6;
                DELETE FROM entry WHERE position = 6
                """,
            code: .entryOutOfOrder
        ),
        Damage(
            name: "the last entry is gone",
            store: .hub,
            sql: """
                DELETE FROM entry_site WHERE position = (SELECT max(position) FROM entry);
                DELETE FROM entry WHERE position = (SELECT max(position) FROM entry)
                """,
            code: .entryMissing
        ),
        Damage(
            name: "a node's last entry is gone",
            store: .node(0),
            sql: """
                DELETE FROM entry_site WHERE position = (SELECT max(position) FROM entry);
                DELETE FROM entry WHERE position = (SELECT max(position) FROM entry)
                """,
            code: .cursorDiffers
        ),
        Damage(
            name: "an entry cannot be read",
            store: .hub,
            sql: "UPDATE entry SET sites = char(1) WHERE position = 6",
            code: .unreadable,
            isAlone: true
        ),
    ]

    private func plant(_ damage: Damage, in log: SQLiteEventLog) throws {
        for statement in damage.sql.split(separator: ";") {
            _ = try log.texts(ofSQL: String(statement))
        }
    }

    @Test(arguments: damages)
    func `damage is found, and called by its name`(damage: Damage) async throws {
        try await withTemporaryDirectory { directory in
            let cluster = try await damageable(in: directory)
            let verification: Verification
            switch damage.store {
            case .node(let index):
                try plant(damage, in: cluster.nodes[index].log)
                verification = try await proof(cluster, index)
            case .hub:
                try plant(damage, in: cluster.hub)
                verification = try await proofOfHub(cluster)
            }
            #expect(!verification.isClean)
            #expect(found(verification).contains(damage.code), "\(verification.findings)")
            if damage.isAlone {
                #expect(found(verification) == [damage.code], "\(verification.findings)")
            }
        }
    }

    @Test func `every kind of damage but that of the file is planted once`() {
        let planted = Set(Self.damages.map(\.code))
        #expect(planted == Set(Verification.Finding.Code.allCases).subtracting([.fileDamaged]))
    }

    @Test func `the list of findings ends, and the count goes on`() async throws {
        var verification: Verification?
        try await withTemporaryDirectory { directory in
            let cluster = try await damageable(in: directory)
            _ = try cluster.hub.texts(ofSQL: "DELETE FROM layer_row WHERE view = 0")
            verification = try await proofOfHub(cluster)
        }
        var proof = try #require(verification)
        let before = proof.findingCount
        for _ in 0..<200 { proof.add(.fileDamaged, "A page is torn.", at: "page 7") }
        #expect(proof.findingCount == before + 200)
        #expect(proof.findings.count == Verification.findingsMax)
    }
}
