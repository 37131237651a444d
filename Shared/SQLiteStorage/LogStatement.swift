/// The statements of the event log; each connection prepares each of them once.
enum LogStatement: Int, CaseIterable {
    case insertEvent
    case eventOfID
    case eventsAfter
    case lastEvent

    case insertEntry
    case insertEntrySite
    case neighbours
    case entryAtPosition
    case entryOfEvent
    case entriesAfter
    case entriesAfterInSite
    case entriesBelow
    case entriesBelowInSite
    case head
    case headInSite
    case acknowledged

    case row
    case rows
    case rowsDescending
    case rowsOfBoth
    case rowsOfBothDescending
    case putRow
    case removeRow
    case isInOverlay
    case overlayIsInUse
    case dropOverlay

    case setting
    case settingsFrom
    case putSetting
    case removeSetting

    case putSummaryChange
    case summaryChanges

    /// The columns of an entry, in the order in which ``LogReader`` reads them.
    private static let entryColumns = """
        entry.position, entry.node, entry.sequence, entry.verdict, entry.reason_code, \
        entry.reason_sentence, entry.sites, entry.carried, entry.rules, entry.received_at, \
        entry.chain
        """

    /// The two streams of a scope, those of the site and those of all sites, merged in order.
    ///
    /// `CROSS JOIN` keeps SQLite from turning the loops inside out.
    private static func entriesInSite(_ comparison: String, _ order: String) -> String {
        """
        SELECT \(entryColumns) FROM (
            SELECT position FROM entry_site WHERE site = ?1 AND position \(comparison) ?2
            UNION ALL
            SELECT position FROM entry_site WHERE site = '' AND position \(comparison) ?2
            ORDER BY position \(order) LIMIT ?3
        ) AS scope CROSS JOIN entry ON entry.position = scope.position
        ORDER BY scope.position \(order)
        """
    }

    private static func rows(_ order: String) -> String {
        """
        SELECT key, value FROM layer_row
        WHERE view = ?1 AND kind = ?2 AND key >= ?3 AND key < ?4
        ORDER BY key \(order) LIMIT ?5
        """
    }

    /// Overlay and base, merged in key order; what is in the overlay hides the base.
    private static func rowsOfBoth(_ order: String) -> String {
        """
        SELECT key, value FROM layer_row
        WHERE view = 1 AND kind = ?2 AND key >= ?3 AND key < ?4 AND value IS NOT NULL
        UNION ALL
        SELECT key, value FROM layer_row AS base
        WHERE view = 0 AND kind = ?2 AND key >= ?3 AND key < ?4 AND NOT EXISTS (
            SELECT 1 FROM layer_row AS hiding
            WHERE hiding.view = 1 AND hiding.kind = ?2 AND hiding.key = base.key
        )
        ORDER BY key \(order) LIMIT ?5
        """
    }

    /// The text that is prepared.
    var sql: String {
        switch self {
        case .insertEvent:
            "INSERT INTO event (node, sequence, chain, bytes) VALUES (?1, ?2, ?3, ?4)"
        case .eventOfID:
            "SELECT chain, bytes FROM event WHERE node = ?1 AND sequence = ?2"
        case .eventsAfter:
            """
            SELECT sequence, chain, bytes FROM event WHERE node = ?1 AND sequence > ?2
            ORDER BY sequence LIMIT ?3
            """
        case .lastEvent:
            "SELECT sequence, chain FROM event WHERE node = ?1 ORDER BY sequence DESC LIMIT 1"
        case .insertEntry:
            """
            INSERT INTO entry (
                position, node, sequence, verdict, reason_code, reason_sentence, sites, carried,
                rules, received_at, chain
            ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
            """
        case .insertEntrySite:
            "INSERT INTO entry_site (site, position) VALUES (?1, ?2)"
        case .neighbours:
            """
            SELECT
                (SELECT sequence FROM entry WHERE node = ?1 AND position < ?2
                    ORDER BY position DESC LIMIT 1),
                (SELECT sequence FROM entry WHERE node = ?1 AND position > ?2
                    ORDER BY position LIMIT 1)
            """
        case .entryAtPosition:
            "SELECT \(Self.entryColumns) FROM entry WHERE position = ?1"
        case .entryOfEvent:
            "SELECT \(Self.entryColumns) FROM entry WHERE node = ?1 AND sequence = ?2"
        case .entriesAfter:
            """
            SELECT \(Self.entryColumns) FROM entry WHERE position > ?1
            ORDER BY position LIMIT ?2
            """
        case .entriesAfterInSite:
            Self.entriesInSite(">", "ASC")
        case .entriesBelow:
            """
            SELECT \(Self.entryColumns) FROM entry WHERE position < ?1
            ORDER BY position DESC LIMIT ?2
            """
        case .entriesBelowInSite:
            Self.entriesInSite("<", "DESC")
        case .head:
            "SELECT max(position) FROM entry"
        case .headInSite:
            """
            SELECT max(
                coalesce((SELECT max(position) FROM entry_site WHERE site = ?1), 0),
                coalesce((SELECT max(position) FROM entry_site WHERE site = ''), 0)
            )
            """
        case .acknowledged:
            """
            SELECT sequence FROM entry WHERE node = ?1 AND position <= ?2
            ORDER BY position DESC LIMIT 1
            """
        case .row:
            "SELECT value FROM layer_row WHERE view = ?1 AND kind = ?2 AND key = ?3"
        case .rows:
            Self.rows("ASC")
        case .rowsDescending:
            Self.rows("DESC")
        case .rowsOfBoth:
            Self.rowsOfBoth("ASC")
        case .rowsOfBothDescending:
            Self.rowsOfBoth("DESC")
        case .putRow:
            """
            INSERT INTO layer_row (view, kind, key, value, sequence) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (view, kind, key)
            DO UPDATE SET value = excluded.value, sequence = excluded.sequence
            """
        case .removeRow:
            "DELETE FROM layer_row WHERE view = ?1 AND kind = ?2 AND key = ?3"
        case .isInOverlay:
            "SELECT 1 FROM layer_row WHERE view = 1 AND kind = ?1 AND key = ?2"
        case .overlayIsInUse:
            "SELECT 1 FROM layer_row WHERE view = 1 LIMIT 1"
        case .dropOverlay:
            "DELETE FROM layer_row WHERE view = 1 AND sequence <= ?1"
        case .setting:
            "SELECT value FROM setting WHERE name = ?1"
        case .settingsFrom:
            "SELECT name, value FROM setting WHERE name >= ?1 ORDER BY name"
        case .putSetting:
            """
            INSERT INTO setting (name, value) VALUES (?1, ?2)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """
        case .removeSetting:
            "DELETE FROM setting WHERE name = ?1"
        case .putSummaryChange:
            """
            INSERT INTO summary_change (site, sku, position) VALUES (?1, ?2, ?3)
            ON CONFLICT (site, sku) DO UPDATE SET position = excluded.position
            """
        case .summaryChanges:
            """
            SELECT site, sku, position FROM summary_change WHERE position > ?1 AND site <> ?2
            ORDER BY position, site, sku LIMIT ?3
            """
        }
    }
}
