import Foundation
import TestSupport
import Testing

@Suite struct TemporaryDirectoryTests {
    private struct Interrupted: Error {}

    @Test func `the folder is there in the scope and gone after it`() async throws {
        let url = try await withTemporaryDirectory { directory in
            try Data("a".utf8).write(to: directory.file("b"))
            #expect(FileManager.default.fileExists(atPath: directory.path + "/b"))
            return directory.url
        }
        #expect(!FileManager.default.fileExists(atPath: url.path))
    }

    @Test func `the folder is gone when the test throws, and its error comes through`() async throws
    {
        var url: URL?
        await #expect(throws: Interrupted.self) {
            try await withTemporaryDirectory { directory in
                url = directory.url
                await Task.yield()
                throw Interrupted()
            }
        }
        let path = try #require(url).path
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `two folders at a time are two`() async throws {
        try await withTemporaryDirectory { first in
            try await withTemporaryDirectory { second in
                #expect(first.path != second.path)
            }
        }
    }
}
