public import Replication

extension JSONWriter {
    /// Writes what a proof of a store has found, as `verify --json` shows it.
    ///
    /// | Member              | Value                                             |
    /// | ------------------- | ------------------------------------------------- |
    /// | `clean`             | Whether nothing was found                         |
    /// | `checked`           | How many `events`, `entries` and `rows` were read |
    /// | `overlay_checked`   | Whether the overlay was compared                  |
    /// | `finding_count`     | How much was found in all                         |
    /// | `findings`          | The first of it: `code`, `message`, `place`       |
    public mutating func value(_ verification: Verification) {
        object { writer in
            writer.member("clean", verification.isClean)
            writer.key("checked")
            writer.object { writer in
                writer.member("events", number: verification.eventCount)
                writer.member("entries", number: verification.entryCount)
                writer.member("rows", number: verification.rowCount)
            }
            writer.member("overlay_checked", verification.isOverlayChecked)
            writer.member("finding_count", number: verification.findingCount)
            writer.key("findings")
            writer.array { writer in
                for finding in verification.findings {
                    writer.object { writer in
                        writer.member("code", finding.code.rawValue)
                        writer.member("message", finding.sentence)
                        writer.member("place", finding.place)
                    }
                }
            }
        }
    }
}

extension Verification {
    /// What was found, for people: a line each, the sum last.
    public var lines: [String] {
        var lines = findings.map { "\($0.code.rawValue): \($0.place): \($0.sentence)" }
        let more = findingCount - UInt64(findings.count)
        if more > 0 { lines.append("… and \(more) more") }
        let checked = "\(eventCount) events, \(entryCount) entries and \(rowCount) rows checked"
        lines.append(isClean ? "Clean: \(checked)." : "Damage: \(findingCount) found; \(checked).")
        return lines
    }
}
