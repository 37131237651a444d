import Foundation
import Interchange
import TestSupport
import Testing

/// The hostile texts of the reference data.
enum HostileTexts {
    static let folder = "adversarial/json"
    static let naughtyFile = "adversarial/naughty-strings.json"

    /// A JSON text that some parser was found to mishandle.
    struct File {
        let name: String
        let bytes: [UInt8]

        /// Whether no parser may accept it.
        var mustBeRefused: Bool { name.hasPrefix("n_") }
        /// Whether it can stand in a file of one command per line.
        var isOneLine: Bool {
            !bytes.contains(UInt8(ascii: "\n"))
                && !bytes.allSatisfy { [0x20, 0x09, 0x0D].contains($0) }
        }
    }

    /// Every JSON text, in order of name.
    static func files() throws -> [File] {
        let folder = try #require(SharedData.url(folder))
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            .map { name in
                let bytes = [UInt8](try Data(contentsOf: folder.appending(path: name)))
                return File(name: name, bytes: bytes)
            }
    }

    /// Every different naughty string, in order.
    static func strings() throws -> [String] {
        let file = try #require(SharedData.url(naughtyFile))
        let value = try JSONReader.read([UInt8](try Data(contentsOf: file)))
        var seen: Set<[UInt8]> = []
        return value.elements.compactMap(\.text).filter { seen.insert(Array($0.utf8)).inserted }
    }
}

/// A JSON object of texts, of which one is naughty, as one line.
func commandLine(_ members: KeyValuePairs<String, JSONValue>) -> [UInt8] {
    var writer = JSONWriter()
    writer.value(.object(members.map { JSONValue.Member(key: $0, value: $1) }))
    return writer.bytes
}
