import Foundation

/// What a run found: printed line by line, and written as JSON at the end.
struct Report {
    private var lines: [Line] = []
    /// Whether a benchmark could not be finished.
    private(set) var hasFailed = false

    private struct Line: Encodable {
        struct Values: Encodable {
            var unit: String
            var median: Double
            var rounds: [Double]

            init(_ figure: Figure) {
                unit = figure.unit
                median = figure.median
                rounds = figure.values
            }
        }

        var work: String
        var figure: Values
        var peer: String?
        var peerFigure: Values?
        var ratio: Double?
        var goal: String?
        var isMet: Bool?
    }

    private struct Document: Encodable {
        var machine: String
        var measuredAt: String
        var measurements: [Line]
    }

    /// Prints a measurement, and keeps it.
    mutating func add(_ measurement: Measurement) {
        let isMet = measurement.goal.flatMap { $0.isMet(by: measurement) }
        let goal = measurement.goal?.text(unit: measurement.figure.unit)
        var cells = [measurement.work, measurement.figure.text]
        if let peer = measurement.peer, let ratio = measurement.ratio {
            cells.append("\(peer.name): \(peer.figure.text)")
            cells.append("\(ratio.figureText) ×")
        } else {
            cells += ["", ""]
        }
        cells.append(goal ?? "")
        cells.append(isMet.map { $0 ? "met" : "NOT MET" } ?? (goal == nil ? "" : "no peer"))
        if lines.isEmpty {
            say("| Work | Figure | Peer | Ratio | Goal | Met |")
            say("|---|---|---|---|---|---|")
        }
        say("| \(cells.joined(separator: " | ")) |")
        lines.append(
            Line(
                work: measurement.work,
                figure: Line.Values(measurement.figure),
                peer: measurement.peer?.name,
                peerFigure: measurement.peer.map { Line.Values($0.figure) },
                ratio: measurement.ratio,
                goal: goal,
                isMet: isMet
            )
        )
    }

    /// Says that a benchmark could not be finished.
    mutating func addFailure(of id: String, _ error: any Error) {
        hasFailed = true
        say("| \(id) FAILED: \(error) | | | | | |")
    }

    /// Writes all measurements.
    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let document = Document(
            machine: Machine.text,
            measuredAt: Date.now.formatted(.iso8601),
            measurements: lines
        )
        try encoder.encode(document).write(to: URL(filePath: path))
        say("\n\(Machine.text). Written to \(path).")
    }
}

/// The machine on which a run takes place.
enum Machine {
    /// Its processor, cores, memory and kernel.
    static var text: String {
        let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = info.split(separator: "\n").first { $0.hasPrefix("model name") }
            .flatMap { $0.split(separator: ":").last }?
            .trimmingCharacters(in: .whitespaces)
        let process = ProcessInfo.processInfo
        let gibibytes = Double(process.physicalMemory) / 1_073_741_824
        return "\(model ?? "unknown processor"), \(process.activeProcessorCount) cores,"
            + " \(gibibytes.figureText) GiB, \(process.operatingSystemVersionString)"
    }
}

/// Prints a line at once, also when nobody but a file listens.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}
