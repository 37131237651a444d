import ArgumentParser

/// The hub's program.
@main
struct HubCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plumbline-hub",
        abstract: "Orders the events of all warehouses.",
        subcommands: [
            InitCommand.self, ServeCommand.self, InviteCommand.self, StatusCommand.self,
            StockCommand.self, RecordCommand.self, SiteCommand.self, BackupCommand.self,
            VerifyCommand.self,
        ]
    )
}
