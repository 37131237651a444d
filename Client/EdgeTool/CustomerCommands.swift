import ArgumentParser
import Causality
import Edge
import Foundation
import Interchange
import InventoryEngine
import SQLiteStorage

struct CustomerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "customer",
        abstract: "Keeps who customers are, apart from what is recorded for ever.",
        discussion: """
            Orders name a customer by an opaque reference. Who that is stays at this node,
            in a file of its own that does not replicate, and can be erased.

            Example:
              plumbline customer set C-17850 --name "Ann Lee" --contact ann@example.org
              plumbline customer erase C-17850
            """,
        subcommands: [
            CustomerSetCommand.self, CustomerShowCommand.self, CustomerListCommand.self,
            CustomerEraseCommand.self,
        ]
    )
}

/// The reference of a customer.
struct CustomerArgument: ParsableArguments {
    @Argument(help: "The reference that orders hold.")
    var reference: String

    /// The reference as events can hold it.
    func checked() throws -> String {
        guard Label(reference) != nil else {
            throw Failure(
                CommandResult.Refusal(
                    code: "identifier_invalid",
                    message: "A reference has 1 to 64 characters and no control characters.",
                    field: "reference"
                )
            )
        }
        return reference
    }
}

extension CommonOptions {
    /// Who customers are, beside the node's database.
    fileprivate func customers() throws -> CustomerTable {
        guard FileManager.default.fileExists(atPath: "\(directory)/node.sqlite") else {
            throw Failure(
                CommandResult.Refusal(
                    code: "not_initialised",
                    message: "There is no node in \(directory).",
                    hint: "Run `plumbline init --site SITE`, or name the directory with --data."
                )
            )
        }
        return CustomerTable(path: "\(directory)/customers.sqlite")
    }

    fileprivate func show(_ customers: [CustomerTable.Customer], asList: Bool) {
        guard json else {
            for customer in customers {
                let words = [
                    customer.reference, customer.name ?? "", customer.contact ?? "",
                    customer.erasedAt.map { "erased \($0)" } ?? "",
                ]
                Console.print(words.filter { !$0.isEmpty }.joined(separator: "  "))
            }
            return
        }
        var writer = JSONWriter()
        func write(_ customer: CustomerTable.Customer, _ writer: inout JSONWriter) {
            writer.object { writer in
                writer.member("customer", customer.reference)
                writer.member("name", orNull: customer.name)
                writer.member("contact", orNull: customer.contact)
                writer.member("erased_at", orNull: customer.erasedAt)
            }
        }
        if asList {
            writer.array { writer in for customer in customers { write(customer, &writer) } }
        } else if let customer = customers.first {
            write(customer, &writer)
        }
        Console.print(writer.bytes)
    }
}

struct CustomerSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Stores who a customer is; what is left out stays.",
        discussion: "Example: plumbline customer set C-17850 --name \"Ann Lee\""
    )

    @OptionGroup var options: CommonOptions
    @OptionGroup var customer: CustomerArgument
    @Option(help: "The name.") var name: String?
    @Option(help: "How to reach the customer.") var contact: String?

    func validate() throws {
        guard name != nil || contact != nil else {
            throw ValidationError("Say who it is: --name, --contact or both.")
        }
    }

    func run() async throws {
        try await options.run {
            let reference = try customer.checked()
            for (field, text) in [("name", name), ("contact", contact)] {
                guard let text, text.unicodeScalars.count > InventoryCommand.noteLengthMax else {
                    continue
                }
                throw Failure(
                    CommandResult.Refusal(
                        code: "text_too_long",
                        message: "It has more than \(InventoryCommand.noteLengthMax) characters.",
                        field: field
                    )
                )
            }
            let table = try options.customers()
            guard try table.store(reference, name: name, contact: contact) else {
                throw Failure(
                    CommandResult.Refusal(
                        code: "customer_erased",
                        message: "\(reference) was erased and stays so.",
                        field: "reference",
                        hint: "Give the customer another reference."
                    )
                )
            }
            options.show([try table.customer(reference)].compactMap(\.self), asList: false)
            return 0
        }
    }
}

struct CustomerShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows who a customer is.",
        discussion: "Example: plumbline customer show C-17850"
    )

    @OptionGroup var options: CommonOptions
    @OptionGroup var customer: CustomerArgument

    func run() async throws {
        try await options.run {
            let reference = try customer.checked()
            guard let found = try options.customers().customer(reference) else {
                throw Failure(
                    CommandResult.Refusal(
                        code: "not_found",
                        message: "Nothing is stored here about \(reference).",
                        field: "reference",
                        hint: "It may be at the node that took the order."
                    )
                )
            }
            options.show([found], asList: false)
            return 0
        }
    }
}

struct CustomerListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists who customers are, by reference.",
        discussion: "Example: plumbline customer list --after C-17850 --limit 50"
    )

    @OptionGroup var options: CommonOptions
    @Option(help: ArgumentHelp("Begins after this reference.", valueName: "reference"))
    var after: String?
    @Option(help: "How many at most, 1 to 1000.") var limit = 100

    func validate() throws {
        guard 1...1_000 ~= limit else { throw ValidationError("--limit is 1 to 1000.") }
    }

    func run() async throws {
        try await options.run {
            options.show(
                try options.customers().customers(after: after, limit: limit),
                asList: true
            )
            return 0
        }
    }
}

struct CustomerEraseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase",
        abstract: "Erases who a customer is, for good; orders keep the bare reference.",
        discussion: """
            The bytes are overwritten in the node's file. Copies that were made of it
            elsewhere are not: erase there too.

            Example: plumbline customer erase C-17850
            """
    )

    @OptionGroup var options: CommonOptions
    @OptionGroup var customer: CustomerArgument

    func run() async throws {
        try await options.run {
            let reference = try customer.checked()
            let table = try options.customers()
            _ = try table.erase(reference, at: Console.now().rfc3339)
            options.show([try table.customer(reference)].compactMap(\.self), asList: false)
            return 0
        }
    }
}
