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
        groupedSubcommands: [
            CommandGroup(
                name: "Node",
                subcommands: [
                    InitCommand.self, JoinCommand.self, AgentCommand.self,
                    SyncCommand.self, StatusCommand.self, VerifyCommand.self,
                ]
            ),
            CommandGroup(
                name: "Catalogue and supply",
                subcommands: [
                    ItemCommand.self, LocationCommand.self, PurchaseCommand.self,
                    ReceiveCommand.self, SupplierReturnCommand.self,
                ]
            ),
            CommandGroup(
                name: "Orders",
                subcommands: [
                    OrderCommand.self, AllocateCommand.self, PickCommand.self,
                    UnpickCommand.self, PackCommand.self, ShipCommand.self, ReturnCommand.self,
                ]
            ),
            CommandGroup(
                name: "Work in the warehouse",
                subcommands: [
                    CountCommand.self, AdjustCommand.self, MoveCommand.self,
                    StatusChangeCommand.self, ScrapCommand.self, RepackCommand.self,
                    TransferCommand.self, ReverseCommand.self,
                ]
            ),
            CommandGroup(
                name: "Money",
                subcommands: [
                    InvoiceCommand.self, LandedCostCommand.self, RevalueCommand.self,
                    WriteDownCommand.self,
                    CostingCommand.self, StandardCostCommand.self,
                ]
            ),
            CommandGroup(
                name: "Reading",
                subcommands: [
                    StockCommand.self, OrdersCommand.self, TransfersCommand.self,
                    JournalCommand.self, TrialBalanceCommand.self, PeriodsCommand.self,
                    EventsCommand.self, ConflictsCommand.self,
                    ExceptionsCommand.self, ParkedCommand.self, RightsCommand.self,
                    TasksCommand.self, LotsCommand.self, SerialsCommand.self, ExportCommand.self,
                    PolicyCommand.self,
                ]
            ),
            CommandGroup(
                name: "People",
                subcommands: [PeopleCommand.self, CustomerCommand.self]
            ),
            CommandGroup(
                name: "Bulk",
                subcommands: [RecordCommand.self, ImportCommand.self]
            ),
        ]
    )
}
