import GRDB

/// The schema, as the steps that led to it.
///
/// Steps are appended and never changed: a store of any age is brought up by those it lacks, and a
/// store with a step that is not in this list was written by a newer program.
enum SchemaMigrations {
    /// Marks a file as a store of Plumbline in its header: `PLMB`.
    static let applicationID = 0x504C_4D42

    /// All steps, oldest first.
    static var all: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("Create event log") { database in
            try database.execute(sql: eventLog)
            try database.execute(sql: "PRAGMA application_id = \(0x504C_4D42)")
        }
        return migrator
    }

    /// Events, the hub's order, rows and settings.
    ///
    /// An entry has one row in `entry_site` for each site that it concerns, or one with the empty
    /// site if it concerns them all. In the overlay a row without a value hides the base's.
    private static let eventLog = """
        CREATE TABLE event (
            node BLOB NOT NULL CHECK (length(node) = 16),
            sequence INTEGER NOT NULL CHECK (sequence > 0),
            chain BLOB NOT NULL CHECK (length(chain) = 32),
            bytes BLOB NOT NULL,
            PRIMARY KEY (node, sequence)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE entry (
            position INTEGER PRIMARY KEY CHECK (position > 0),
            node BLOB NOT NULL CHECK (length(node) = 16),
            sequence INTEGER NOT NULL CHECK (sequence > 0),
            verdict INTEGER NOT NULL CHECK (verdict BETWEEN 0 AND 4),
            reason_code TEXT,
            reason_sentence TEXT,
            sites TEXT NOT NULL,
            carried BLOB NOT NULL CHECK (length(carried) % 8 = 0),
            rules INTEGER NOT NULL CHECK (rules BETWEEN 0 AND 4294967295),
            received_at INTEGER NOT NULL,
            chain BLOB NOT NULL CHECK (length(chain) = 32),
            UNIQUE (node, sequence),
            CHECK ((reason_code IS NULL) = (reason_sentence IS NULL))
        ) STRICT;
        CREATE INDEX entry_by_node ON entry (node, position, sequence);

        CREATE TABLE entry_site (
            site TEXT NOT NULL,
            position INTEGER NOT NULL REFERENCES entry (position),
            PRIMARY KEY (site, position)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE layer_row (
            view INTEGER NOT NULL CHECK (view BETWEEN 0 AND 2),
            kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 255),
            key BLOB NOT NULL,
            value BLOB,
            sequence INTEGER NOT NULL CHECK (sequence >= 0),
            PRIMARY KEY (view, kind, key),
            CHECK (view = 1 OR value IS NOT NULL)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX layer_row_overlay ON layer_row (sequence) WHERE view = 1;

        CREATE TABLE summary_change (
            site TEXT NOT NULL CHECK (site <> ''),
            sku TEXT NOT NULL CHECK (sku <> ''),
            position INTEGER NOT NULL CHECK (position > 0),
            PRIMARY KEY (site, sku)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX summary_change_by_position ON summary_change (position, site, sku);

        CREATE TABLE setting (
            name TEXT NOT NULL PRIMARY KEY,
            value BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}
