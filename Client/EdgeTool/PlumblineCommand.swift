import ArgumentParser
import Edge

/// The command line of an edge node.
@main
struct PlumblineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plumbline",
        abstract: "Keeps a site's inventory, with or without the network.",
        discussion: """
            Example:
              plumbline init --site LON
              plumbline item 85123A --name "Heart T-light holder"
              plumbline receive 85123A 120 --unit-cost 1.53
              plumbline stock
            """,
        version: EdgeNode.programVersion,
        subcommands: [
            InitCommand.self, JoinCommand.self, AgentCommand.self, RecordCommand.self,
            ItemCommand.self,
            ReceiveCommand.self, StockCommand.self, StatusCommand.self, SyncCommand.self,
            ImportCommand.self,
        ]
    )
}
