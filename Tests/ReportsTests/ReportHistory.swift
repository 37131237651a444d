import Causality
import Foundation
import Interchange
import InventoryEngine
import Replication
import Reports
import SQLiteStorage
import TestSupport
import Testing

/// A hub and two nodes with a small history, each in a real database.
struct ReportHistory {
    let hub: SQLiteEventLog
    let ledger: HubLedger
    private(set) var nodes: [(log: SQLiteEventLog, ledger: NodeLedger, key: NodeKey)] = []
    private(set) var now = Instant(microseconds: 1_300_000_000_000_000)

    init(in directory: TemporaryDirectory, seed: UInt64 = 1) async throws {
        var random = SeededGenerator(seed: seed)
        let currency = try #require(Label("GBP"))
        let identity = NodeIdentity(
            node: NodeID.random(using: &random),
            site: nil,
            name: try #require(Label("hub")),
            currency: currency,
            moneyScale: 4
        )
        hub = try SQLiteEventLog(path: directory.file("hub.sqlite").path, create: true)
        ledger = HubLedger(identity: identity, epoch: Epoch(counter: 1, high: 7, low: seed))
        let ledger = ledger
        for name in ["LON", "MAN"] {
            let site = try #require(SiteCode(name))
            let node = NodeIdentity(
                node: NodeID.random(using: &random),
                site: site,
                name: try #require(Label("\(name.lowercased())-1")),
                currency: currency,
                moneyScale: 4
            )
            let log = try SQLiteEventLog(path: directory.file(name).path, create: true)
            let key = NodeKey.generate()
            let at = now
            let registration = NodeRegistration(
                node: node.node,
                name: node.name,
                site: site,
                publicKey: key.publicKey,
                isActive: true
            )
            try await hub.write { log in
                try ledger.record(
                    [
                        .siteRegistered(SiteRegistration(site: site)),
                        .nodeRegistered(registration),
                    ],
                    in: log,
                    at: at
                )
            }
            nodes.append((log, try NodeLedger(identity: node), key))
        }
    }

    /// Records commands as programs write them; each must be accepted.
    mutating func record(_ index: Int, _ lines: String...) async throws {
        now = now.adding(microseconds: 1_000_000)
        let commands = try lines.map { line in
            try CommandFormat.decode(Array(line.utf8), moneyScale: 4)
        }
        for recording in try await record(index, commands) {
            #expect(recording.refusal == nil)
        }
    }

    /// Records commands; some may be refused.
    @discardableResult
    mutating func record(
        _ index: Int,
        _ commands: [InventoryCommand]
    ) async throws -> [Recording] {
        now = now.adding(microseconds: 1_000_000)
        let (log, ledger, _) = nodes[index]
        let at = now
        return try await log.write { try ledger.record(commands, in: $0, at: at) }
    }

    /// Pushes all that waits and pulls all that is new, the network view too.
    mutating func sync(_ index: Int) async throws {
        now = now.adding(microseconds: 1_000_000)
        let at = now
        let (log, node, key) = nodes[index]
        let hubLedger = ledger
        while var batch = try await log.read({
            try node.nextBatch(in: $0, limit: 50, bytesMax: 1 << 20)
        }) {
            batch.epoch = hubLedger.epoch
            try batch.sign(with: key)
            let signed = batch
            let checked = try HubLedger.CheckedBatch(
                signed,
                chain: signed.chain(),
                site: node.site
            )
            let ingest = try await hub.write {
                try hubLedger.ingest(checked, in: $0, receivedAt: at)
            }
            let reply = PushReply(
                acknowledged: ingest.acknowledged,
                acknowledgedHash: ingest.acknowledgedHash,
                receipt: [],
                durable: .start,
                head: ingest.head,
                verdicts: ingest.verdicts,
                nextBatchEvents: 50
            )
            try await log.write {
                try node.acknowledge(reply, epoch: hubLedger.epoch, in: $0, at: at)
            }
        }
        let applied = try await log.read { try $0.progress().applied }
        let request = PullRequest(
            node: node.identity.node,
            epoch: ledger.epoch,
            after: applied,
            bytesMax: 8 << 20,
            waitMilliseconds: 0,
            summariesAfter: .start
        )
        let site = node.site
        let page = try await hub.read { try hubLedger.page(request, for: site, in: $0) }
        #expect(!page.hasMore)
        try await log.write { try node.apply(page, after: applied, in: $0, at: at) }
    }

    // MARK: Reading

    /// One page as a node sees it.
    func page(_ index: Int, _ query: ReportQuery) async throws -> ReportPage {
        let (log, ledger, _) = nodes[index]
        return try await log.read {
            try Reports.page(query, in: $0, as: .node(ledger.identity))
        }
    }

    /// One page as the hub sees it.
    func hubPage(
        _ query: ReportQuery,
        contacts: [NodeID: NodeContact] = [:]
    ) async throws -> ReportPage {
        let identity = ledger.identity
        let now = now
        return try await hub.read {
            try Reports.page(query, in: $0, as: .hub(identity, contacts: contacts, now: now))
        }
    }

    /// A list as the hub or, with an index, a node sees it.
    func rows(
        _ kind: ReportKind,
        _ parameters: [(name: String, value: String)] = [],
        at index: Int? = nil
    ) async throws -> [JSONValue] {
        let query = try ReportQuery(kind, parameters: parameters)
        let page = if let index { try await page(index, query) } else { try await hubPage(query) }
        return try page.rows.map { try JSONReader.read($0) }
    }

    // MARK: A day

    /// What both sites did before anything was pending: a little of everything.
    mutating func play() async throws {
        try await record(
            0,
            #"{"type":"item_registered","sku":"A","name":"Apple","safety_stock":"2"}"#,
            #"{"type":"item_registered","sku":"B","name":"Flour","scale":2}"#,
            #"{"type":"location_registered","location":"A-01"}"#,
            #"{"type":"goods_received","op":"r-1","actor":"ann","lines":[{"sku":"A","quantity":10,"unit_cost":"1.50"},{"sku":"B","quantity":"2.50","unit_cost":"4","location":"A-01"}]}"#,
            #"{"type":"order_confirmed","order":"SO-1","customer":"c-9","lines":[{"sku":"A","quantity":4}]}"#
        )
        try await sync(0)
        try await sync(1)
        try await record(
            1,
            #"{"type":"goods_received","lines":[{"sku":"A","quantity":3,"unit_cost":"2"}]}"#
        )
        try await sync(1)
        try await record(
            0,
            #"{"type":"pick_completed","order":"SO-1","lines":[{"sku":"A","quantity":4}]}"#,
            #"{"type":"pack_completed","order":"SO-1","lines":[{"sku":"A","quantity":4}]}"#,
            #"{"type":"shipment_dispatched","order":"SO-1"}"#,
            #"{"type":"transfer_dispatched","transfer":"T-1","to_site":"MAN","lines":[{"sku":"A","quantity":2}]}"#,
            #"{"type":"scrapped","force":true,"reason":"lost","lines":[{"sku":"B","quantity":"3.00","location":"A-01"}]}"#,
            #"{"type":"order_confirmed","order":"SO-2","lines":[{"sku":"A","quantity":9}]}"#
        )
        // The receipt of a transfer whose dispatch is not known yet: two concurrent events.
        try await record(
            1,
            #"{"type":"transfer_received","transfer":"T-1","from_site":"LON","lines":[{"sku":"A","quantity":1}]}"#
        )
        for index in [1, 0, 1, 0] { try await sync(index) }
    }
}

extension JSONValue {
    /// The texts and numbers of some members, as they are written.
    func texts(_ keys: String...) -> [String?] {
        keys.map { key in
            switch self[key] {
            case .string(let text): text
            case .number(let number): number.text
            case .bool(let flag): "\(flag)"
            case nil, .null, .array, .object: nil
            }
        }
    }

    /// The names of an object's members, in order.
    var keys: [String] {
        guard case .object(let members) = self else { return [] }
        return members.map(\.key)
    }
}
