import ArgumentParser
import Hub

/// The hub's program.
@main
struct HubCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plumbline-hub",
        abstract: "Orders the events of all warehouses.",
        discussion: """
            Example:
              plumbline-hub init
              plumbline-hub invite --site LON --node lon-1
              plumbline-hub serve --insecure
              plumbline-hub status
            """,
        version: HubApplication.programVersion,
        groupedSubcommands: [
            CommandGroup(
                name: "Hub",
                subcommands: [
                    InitCommand.self, ServeCommand.self, InviteCommand.self, StatusCommand.self,
                    NodesCommand.self, NodeCommand.self, SiteCommand.self, PolicyCommand.self,
                    PersonCommand.self, PeriodCommand.self,
                    BackupCommand.self,
                    VerifyCommand.self,
                ]
            ),
            CommandGroup(name: "Recording", subcommands: [RecordCommand.self]),
            CommandGroup(
                name: "Reading",
                subcommands: [
                    StockCommand.self, OrdersCommand.self, TransfersCommand.self,
                    JournalCommand.self, TrialBalanceCommand.self, EventsCommand.self,
                    ConflictsCommand.self,
                    ExceptionsCommand.self, ParkedCommand.self, RightsCommand.self,
                    TasksCommand.self, LotsCommand.self, SerialsCommand.self,
                    ExportCommand.self,
                ]
            ),
        ]
    )
}
