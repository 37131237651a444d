import ArgumentParser
import Interchange
import Reports

// What a person decides at the hub: conflicts, exceptions and parked events.

struct ConflictsResolveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "Says what was decided about an open conflict, at every site that it touches.",
        discussion: """
            The decision is kept with the conflict, and every node learns of it. It moves
            no stock: record what you do about it as well, such as a status change or a
            reversal. Who decides first stands; another decision is refused.

            Example: plumbline-hub conflicts resolve c-0123456789abcdef --choice release \\
              --reason "Both deliveries are there" --actor ann
            """
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: "The id of the conflict.") var conflict: String
    @Option(help: ArgumentHelp("What is decided, in a word or two.", valueName: "text"))
    var choice: String
    @Option(help: ArgumentHelp("Why.", valueName: "text"))
    var reason: String?
    @Option(help: ArgumentHelp("Who decides.", valueName: "person"))
    var actor: String?

    func run() async throws {
        try await output.record("conflict_resolved", at: target) { command in
            command.member("conflict", conflict)
            command.member("choice", choice)
            if let reason { command.member("reason", reason) }
            if let actor { command.member("actor", actor) }
        }
    }
}

struct ExceptionsAcknowledgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acknowledge",
        abstract: "Says that somebody has seen to an exception.",
        discussion: """
            Example: plumbline-hub exceptions acknowledge 0123456789abcdef0123456789abcdef:7/0 \\
              --reason "Counted again"
            """
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: "The id of the exception, as `exceptions` shows it.") var id: String
    @Option(help: ArgumentHelp("What was done.", valueName: "text"))
    var reason: String
    @Option(help: ArgumentHelp("Who has done it.", valueName: "person"))
    var actor: String?

    func run() async throws {
        try await output.record("exception_acknowledged", at: target) { command in
            command.member("exception", id)
            command.member("reason", reason)
            if let actor { command.member("actor", actor) }
        }
    }
}

struct ParkedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parked",
        abstract: "Events that are kept but not applied, and claims turned down.",
        discussion: """
            An event is parked when the hub cannot apply it: its item is not in the
            catalogue, its type is from a newer version, its bytes mean nothing. It blocks
            nothing, and the node that recorded it goes on to show what it means. The hub
            releases it by itself when the item is registered or the program upgraded; it
            takes effect then, at its own time.

            Examples:
              plumbline-hub parked list --state open
              plumbline-hub parked retry lon-1:42
              plumbline-hub parked compensate lon-1:43 --reason "Received again as lon-1:57"
            """,
        subcommands: [
            ParkedListCommand.self, ParkedShowCommand.self, ParkedRetryCommand.self,
            ParkedCompensateCommand.self,
        ],
        defaultSubcommand: ParkedListCommand.self
    )
}

struct ParkedListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists them, with the reason and what became of each.",
        discussion: "Example: plumbline-hub parked list --state open"
    )

    @OptionGroup var list: ListOptions
    @Option(help: ArgumentHelp("This site alone.", valueName: "site"))
    var site: String?
    @Option(
        help: ArgumentHelp("Only those that are `open`, or only `closed`.", valueName: "state")
    )
    var state: String?

    func run() async throws {
        try await list.show(.parked, [("site", site), ("state", state)])
    }
}

struct ParkedShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows one of them.",
        discussion: "Example: plumbline-hub parked show lon-1:42 --json"
    )

    @OptionGroup var list: ListOptions
    @Argument(help: "The event.") var event: String

    func run() async throws {
        try await list.show(.parked, [("event", event)])
    }
}

struct ParkedRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Applies a parked event now, if it can be.",
        discussion: """
            If it still cannot be applied, the reason is told and nothing changes.

            Example: plumbline-hub parked retry lon-1:42
            """
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: "The event.") var event: String
    @Option(help: ArgumentHelp("Who decides it.", valueName: "person"))
    var actor: String?

    func run() async throws {
        try await output.record("parked_released", at: target) { command in
            command.member("event", event)
            if let actor { command.member("actor", actor) }
        }
    }
}

struct ParkedCompensateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compensate",
        abstract: "Closes a parked event, or a claim turned down: it will never take effect.",
        discussion: """
            The event stays in the log. Its node stops showing what it would have meant;
            record what has to be true instead, and say so in the reason.

            Example: plumbline-hub parked compensate lon-1:43 --reason "Received again as lon-1:57"
            """
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: "The event.") var event: String
    @Option(help: ArgumentHelp("What was done about it instead.", valueName: "text"))
    var reason: String
    @Option(help: ArgumentHelp("Who decides it.", valueName: "person"))
    var actor: String?

    func run() async throws {
        try await output.record("parked_compensated", at: target) { command in
            command.member("event", event)
            command.member("reason", reason)
            if let actor { command.member("actor", actor) }
        }
    }
}

struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "What the network has decided about how its rules work.",
        discussion: """
            A policy holds for every site from the moment when its node has heard of it.

            Examples:
              plumbline-hub policy list
              plumbline-hub policy set approval single
              plumbline-hub policy set count_tolerance_quantity 2
            """,
        subcommands: [PolicyListCommand.self, PolicySetCommand.self],
        defaultSubcommand: PolicyListCommand.self
    )
}

struct PolicyListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists all policies, what each may be, and what it is set to.",
        discussion: "Example: plumbline-hub policy list --json"
    )

    @OptionGroup var list: ListOptions

    func run() async throws { try await list.show(.policies, []) }
}

struct PolicySetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Sets a policy for the whole network.",
        discussion: "Example: plumbline-hub policy set count_tolerance_value 10.00 --actor ann"
    )

    @OptionGroup var target: OperatorTarget
    @OptionGroup var output: OutputOptions
    @Argument(help: "The policy, as `policy list` shows it.") var policy: String
    @Argument(help: "What it is set to.") var value: String
    @Option(help: ArgumentHelp("Who decides it.", valueName: "person"))
    var actor: String?

    func run() async throws {
        try await output.record("policy_set", at: target) { command in
            command.member("policy", policy)
            command.member("value", value)
            if let actor { command.member("actor", actor) }
        }
    }
}
