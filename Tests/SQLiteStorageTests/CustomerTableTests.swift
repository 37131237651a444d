import Foundation
import SQLiteStorage
import TestSupport
import Testing

/// Who customers are: kept apart from what is recorded for ever, and erasable.
struct CustomerTableTests {
    private func bytes(in folder: URL) throws -> Data {
        var all = Data()
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            all += try Data(contentsOf: folder.appending(path: name))
        }
        return all
    }

    @Test func `what was erased is in no file any more, and the reference stays`() async throws {
        try await withTemporaryDirectory { folder in try self.eraseAll(folder) }
    }

    private func eraseAll(_ folder: TemporaryDirectory) throws {
        let table = CustomerTable(path: folder.url.appending(path: "customers.sqlite").path)
        #expect(try table.customer("C-1") == nil)
        #expect(try table.customers(limit: 9).isEmpty)
        // Long enough that nothing else comes to lie on all of it.
        let words = (1...60).map { "Quickwater\($0)" }
        let name = words.joined(separator: " ")
        #expect(try table.store("C-1", name: name, contact: nil))
        #expect(try table.store("C-1", name: nil, contact: "ann@example.org"))
        for number in 2...200 {
            let text = String(repeating: "x", count: number)
            #expect(try table.store("C-\(number)", name: text, contact: nil))
        }
        let stored = try #require(try table.customer("C-1"))
        #expect(stored.name == name)
        #expect(stored.contact == "ann@example.org")
        let mode = try FileManager.default.attributesOfItem(
            atPath: folder.url.appending(path: "customers.sqlite").path
        )[.posixPermissions]
        #expect(mode as? Int == 0o600)
        #expect(try bytes(in: folder.url).range(of: Data("Quickwater31".utf8)) != nil)

        #expect(try table.erase("C-1", at: "2026-11-26T12:00:00Z"))
        #expect(try !table.erase("C-1", at: "2026-11-27T12:00:00Z"))
        for part in words + ["ann@example"] {
            #expect(try bytes(in: folder.url).range(of: Data(part.utf8)) == nil, "\(part)")
        }
        let erased = try #require(try table.customer("C-1"))
        #expect(erased.name == nil && erased.contact == nil)
        #expect(erased.erasedAt == "2026-11-26T12:00:00Z")
        #expect(try !table.store("C-1", name: name, contact: nil), "erased for good")
        #expect(try table.customer("C-1")?.name == nil)
        let page = try table.customers(after: "C-1", limit: 2)
        #expect(page.map(\.reference) == ["C-10", "C-100"])
    }

    @Test func `a file that is something else is refused and left alone`() async throws {
        try await withTemporaryDirectory { folder in try self.refuse(folder) }
    }

    private func refuse(_ folder: TemporaryDirectory) throws {
        let file = folder.url.appending(path: "customers.sqlite")
        try Data("no database, only a note of somebody\n".utf8).write(to: file)
        let before = try Data(contentsOf: file)
        let table = CustomerTable(path: file.path)
        #expect(throws: StorageError.self) { _ = try table.store("C", name: "A", contact: nil) }
        #expect(try Data(contentsOf: file) == before)
    }
}
