import Foundation
import Replication
import SQLiteStorage
import TestSupport
import Testing

@Suite(.tags(.simulation))
struct ConcurrentAccessTests {
    @Test func `no reader makes a writer fail, nor a writer a reader, however many there are`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let log = try SQLiteEventLog(path: directory.file("node.sqlite").path, create: true)
            let setting = LogSetting(rawValue: "test")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<16 {
                    group.addTask {
                        for number in 0..<(Nightly.isOn ? 10_000 : 400) {
                            let value = [UInt8(caller), UInt8(truncatingIfNeeded: number)]
                            _ = try await log.read { log in try log.setting(setting) }
                            try await log.write { log in try log.set(setting, to: value) }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
