import ArgumentParser
import Causality
import Interchange
import InventoryEngine
import Reports

struct PersonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "person",
        abstract: "Who may record at the sites, and what.",
        discussion: """
            People are known by an opaque reference; names belong elsewhere, since what is
            recorded stays for ever. Each is given a token once, which proves who acts;
            only its hash is kept. `plumbline-hub policy set actors` says whether nodes ask
            for it: `any` does not, `known` wants a registered person, `verified` wants the
            token.

            Example:
              plumbline-hub person add E-1042 --role approver
              plumbline-hub policy set actors verified
            """,
        subcommands: [
            PersonAddCommand.self, PersonChangeCommand.self, PersonRetireCommand.self,
            PersonListCommand.self,
        ],
        defaultSubcommand: PersonListCommand.self
    )
}

/// The role of a person.
struct RoleOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "worker, approver (of adjustments) or manager (also reverses and decides).",
            valueName: "role"
        ),
        completion: .list(PersonRole.allCases.map(\.text))
    )
    var role: String?
}

/// A token that nobody can guess.
private func freshToken() -> String {
    var random = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
        let digits = String(random.next() as UInt64, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
}

struct PersonAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Registers a person and prints the token, once.",
        discussion: "Example: plumbline-hub person add E-1042 --role approver"
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: "The reference by which the person acts; no name.") var person: String
    @OptionGroup var role: RoleOption

    func run() async throws {
        let token = freshToken()
        try await output.record("person_registered", at: target) { command in
            command.member("person", person)
            if let role = role.role { command.member("role", role) }
            command.member("credential", ContentHash.of(Array(token.utf8)).description)
        }
        output.tell(token: token, of: person)
    }
}

extension OutputOptions {
    /// Prints a new token: as JSON where that is asked for, so that a script can read it.
    fileprivate func tell(token: String, of person: String) {
        guard json else {
            Console.print("The token of \(person), shown only now: \(token)")
            return
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("person", person)
            writer.member("token", token)
        }
        Console.print(String(decoding: writer.bytes, as: UTF8.self))
    }
}

struct PersonChangeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "change",
        abstract: "Changes the role of a person, or gives out another token.",
        discussion: """
            A retired person who is changed is back.

            Examples:
              plumbline-hub person change E-1042 --role manager
              plumbline-hub person change E-1042 --new-token
            """
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: "The person.") var person: String
    @OptionGroup var role: RoleOption
    @Flag(help: "Makes and prints another token; the old one is worth nothing from then on.")
    var newToken = false

    func validate() throws {
        guard role.role != nil || newToken else {
            throw ValidationError("Say what to change: --role or --new-token.")
        }
    }

    func run() async throws {
        let token = newToken ? freshToken() : nil
        try await output.record("person_changed", at: target) { command in
            command.member("person", person)
            if let role = role.role { command.member("role", role) }
            guard let token else { return }
            command.member("credential", ContentHash.of(Array(token.utf8)).description)
        }
        if let token { output.tell(token: token, of: person) }
    }
}

struct PersonRetireCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire",
        abstract: "Takes a person out of the network: the token is worth nothing from then on.",
        discussion: "Example: plumbline-hub person retire E-1042"
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: "The person.") var person: String

    func run() async throws {
        try await output.record("person_retired", at: target) { command in
            command.member("person", person)
        }
    }
}

struct PersonListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the people of the network.",
        discussion: "Example: plumbline-hub person list --json"
    )

    @OptionGroup var list: ListOptions

    func run() async throws { try await list.show(.people, []) }
}
