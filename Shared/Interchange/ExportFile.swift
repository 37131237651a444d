import Foundation

/// Where an export goes: a new file, or the standard output.
public struct ExportFile {
    private let handle: FileHandle
    private let path: String?

    /// Makes the file; the standard output without a path.
    ///
    /// - Throws: ``InterchangeError`` with the code `file_not_writable`: there is a file of that name,
    ///   which is left as it is, or none can be made.
    public init(path: String?) throws(InterchangeError) {
        self.path = path
        guard let path else {
            handle = .standardOutput
            return
        }
        do {
            let url = URL(fileURLWithPath: path)
            try Data().write(to: url, options: .withoutOverwriting)
            handle = try FileHandle(forWritingTo: url)
        } catch {
            let isThere = FileManager.default.fileExists(atPath: path)
            throw InterchangeError(
                InterchangeError.Code("file_not_writable"),
                isThere
                    ? "There is a file \(path) already, which is left as it is."
                    : "The file \(path) cannot be made.",
                field: "out",
                hint: isThere ? "Name another file." : "Check the folder and its permissions."
            )
        }
    }

    /// Writes bytes.
    ///
    /// - Throws: What the system says.
    public func write(_ bytes: [UInt8]) throws { try handle.write(contentsOf: Data(bytes)) }

    /// Removes a file that could not be completed.
    public func discard() {
        guard let path else { return }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Reads a small file of text, such as a chart of accounts.
    ///
    /// - Parameter path: The file.
    /// - Returns: Its text.
    /// - Throws: ``InterchangeError`` with the code `chart_invalid` if it is none, or too large.
    public static func chartText(path: String) throws(InterchangeError) -> String {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20,
            let text = String(data: data, encoding: .utf8)
        else {
            throw InterchangeError(
                InterchangeError.Code("chart_invalid"),
                "The chart \(path) cannot be read as text.",
                field: "chart",
                hint: "Name a file with a line such as: inventory = Assets:Stock:{site}"
            )
        }
        return text
    }
}
