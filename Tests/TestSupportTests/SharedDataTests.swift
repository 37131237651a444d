import Foundation
import Testing

@testable import TestSupport

@Suite struct SharedDataTests {
    @Test func `a file is found beside the checkout, or where the environment says`() async throws {
        try await withTemporaryDirectory { directory in
            let checkout = directory.file("checkout")
            let beside = directory.file("shared/data/a")
            let elsewhere = directory.file("elsewhere/a")
            for folder in [checkout, beside, elsewhere] {
                try FileManager.default.createDirectory(
                    at: folder,
                    withIntermediateDirectories: true
                )
            }
            let named = ["PLUMBLINE_SHARED_DATA": directory.file("elsewhere").path]
            let found = SharedData.url("a", environment: [:], checkout: checkout)
            #expect(found?.path == beside.path)
            let foundByName = SharedData.url("a", environment: named, checkout: checkout)
            #expect(foundByName?.path == elsewhere.path)
            #expect(SharedData.url("b", environment: [:], checkout: checkout) == nil)
        }
    }

    @Test func `the checkout is the folder of the manifest`() {
        let file = Checkout.root.appending(path: "Tests/TestSupport/Checkout.swift")
        #expect(FileManager.default.fileExists(atPath: file.path))
    }
}
