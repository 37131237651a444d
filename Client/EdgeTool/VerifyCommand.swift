import ArgumentParser
import Edge
import Interchange
import Replication

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Folds everything again from nothing, and proves the database.",
        discussion: """
            Exits with 0 if all is as it should be, and with 5 if damage was found.

            Example: plumbline verify --json
            """
    )

    @OptionGroup var options: CommonOptions

    func run() async throws {
        try await options.run {
            let node = try await options.openNode()
            var verification = try await node.log.read { log in try Verification.ofStore(log) }
            for problem in try await node.log.integrityProblems() {
                verification.add(.fileDamaged, problem, at: "the database file")
            }
            if options.json {
                var writer = JSONWriter()
                writer.value(verification)
                Console.print(writer.bytes)
            } else {
                for line in verification.lines { Console.print(line) }
            }
            return verification.isClean ? 0 : Failure.Exit.damage.rawValue
        }
    }
}
