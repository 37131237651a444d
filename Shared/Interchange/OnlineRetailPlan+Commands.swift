internal import Causality
internal import InventoryEngine

extension OnlineRetailPlan {
    /// The steps of an order, whose names end the op keys.
    private enum Step: String, CaseIterable {
        case confirm
        case pick
        case pack
        case dispatch
    }

    func registration(of item: OnlineRetailHistory.Item) -> InventoryCommand {
        let properties = ItemProperties(
            name: item.name,
            costing: costing,
            standardCost: item.unitCost
        )
        var print = Fingerprint("item_registered")
        print.add(item.sku.text)
        print.add(item.name)
        print.add(item.unitCost)
        print.add(costing.text)
        // The same in every plan, so that another plan at the same node registers nothing twice.
        return command(
            .itemRegistered(ItemRegistration(sku: item.sku, properties: properties)),
            op: "retail:item:\(item.firstLine)",
            at: nil,
            print: print
        )
    }

    func receipt(
        of receipts: ArraySlice<OnlineRetailReceipt>,
        on date: CivilDate,
        number: Int
    ) -> InventoryCommand {
        var print = Fingerprint("goods_received")
        var lines: [EventLine] = []
        lines.reserveCapacity(receipts.count)
        for receipt in receipts {
            var line = EventLine(sku: receipt.sku, quantity: receipt.quantity)
            line.unitCost = receipt.unitCost
            lines.append(line)
            print.add(line)
        }
        return command(
            .goodsReceived(GoodsReceipt(currency: Label("GBP"), lines: lines)),
            op: "retail:\(plan.rawValue):receipt:\(date):\(number)",
            at: Instant(rfc3339: "\(date)"),
            print: print
        )
    }

    /// The commands of one invoice: an order or a return where its first such line stands.
    func commands(ofInvoice index: Int) -> [InventoryCommand] {
        let places = history.lines(ofInvoice: index)
        let invoice = history.invoices[index]
        var commands: [InventoryCommand] = []
        var (hasOrder, hasReturn) = (false, false)
        let early = adjustedBeforeSale(places)
        for place in early { commands += adjustment(of: place, in: invoice) }
        for place in places where !early.contains(place) {
            switch history.lines[Int(place)].kind {
            case .sale, .free:
                if !hasOrder { commands += order(of: places, in: invoice) }
                hasOrder = true
            case .customerReturn:
                if !hasReturn { commands.append(customerReturn(of: places, in: invoice)) }
                hasReturn = true
            case .writeoff, .found:
                commands += adjustment(of: place, in: invoice)
            case .nonstock:
                break
            }
        }
        return commands
    }

    /// The lines of an invoice that adjust an item which a later line of it sells: the order stands
    /// where its first line is, and what was found before a sale is there when it leaves.
    private func adjustedBeforeSale(_ places: ArraySlice<UInt32>) -> [UInt32] {
        var sold: Set<UInt32> = []
        var early: [UInt32] = []
        for place in places.reversed() {
            let line = history.lines[Int(place)]
            switch line.kind {
            case .sale, .free: sold.insert(line.code)
            case .writeoff, .found: if sold.contains(line.code) { early.append(place) }
            case .customerReturn, .nonstock: break
            }
        }
        return early.reversed()
    }

    private func order(
        of places: ArraySlice<UInt32>,
        in invoice: OnlineRetailHistory.Invoice
    ) -> [InventoryCommand] {
        var ordered: [EventLine] = []
        var moved: [EventLine] = []
        var print = Fingerprint(invoice.number.text)
        print.add(invoice.customer?.text ?? "")
        for place in places {
            let line = history.lines[Int(place)]
            guard line.kind == .sale || line.kind == .free else { continue }
            var entry = EventLine(
                sku: history.codes[Int(line.code)].sku,
                quantity: Quantity(units: Int64(line.units)),
                line: Int32(ordered.count + 1)
            )
            moved.append(entry)
            entry.unitPrice = line.price
            ordered.append(entry)
            print.add(entry)
        }
        return Step.allCases.map { step in
            let body: EventBody
            switch step {
            case .confirm:
                var confirmation = OrderConfirmation(order: invoice.number, lines: ordered)
                confirmation.customer = invoice.customer
                body = .orderConfirmed(confirmation)
            case .pick:
                body = .pickCompleted(OrderWork(order: invoice.number, lines: moved))
            case .pack:
                body = .packCompleted(OrderWork(order: invoice.number, lines: moved))
            case .dispatch:
                body = .shipmentDispatched(OrderWork(order: invoice.number, lines: moved))
            }
            var stepPrint = print
            stepPrint.add(step.rawValue)
            return command(
                body,
                op: "retail:\(plan.rawValue):\(invoice.number):\(step.rawValue)",
                at: invoice.at,
                print: stepPrint
            )
        }
    }

    private func customerReturn(
        of places: ArraySlice<UInt32>,
        in invoice: OnlineRetailHistory.Invoice
    ) -> InventoryCommand {
        var lines: [EventLine] = []
        var print = Fingerprint("return_received")
        print.add(invoice.number.text)
        for place in places {
            let line = history.lines[Int(place)]
            guard line.kind == .customerReturn else { continue }
            var entry = EventLine(
                sku: history.codes[Int(line.code)].sku,
                quantity: Quantity(units: Int64(line.units))
            )
            entry.status = .sellable
            lines.append(entry)
            print.add(entry)
        }
        return command(
            .returnReceived(CustomerReturn(returnID: invoice.number, lines: lines)),
            op: "retail:\(plan.rawValue):\(invoice.number):return",
            at: invoice.at,
            print: print
        )
    }

    private func adjustment(
        of place: UInt32,
        in invoice: OnlineRetailHistory.Invoice
    ) -> [InventoryCommand] {
        let line = history.lines[Int(place)]
        guard let number = DocumentID("ADJ-\(line.number)") else { return [] }
        let reason = history.reasons[place] ?? "unspecified"
        let entry = EventLine(
            sku: history.codes[Int(line.code)].sku,
            quantity: Quantity(units: line.effect)
        )
        var print = Fingerprint("adjustment")
        print.add(number.text)
        print.add(reason)
        print.add(entry)
        let op = "retail:\(plan.rawValue):adjust:\(line.number)"
        let proposal = Adjustment(adjustment: number, reason: reason, lines: [entry])
        var approvalPrint = print
        approvalPrint.add("approved")
        return [
            command(
                .adjustmentProposed(proposal),
                op: "\(op):propose",
                at: invoice.at,
                print: print
            ),
            command(
                .adjustmentApproved(Adjustment(adjustment: number)),
                op: "\(op):approve",
                at: invoice.at,
                actor: "import-policy",
                print: approvalPrint
            ),
        ]
    }

    private func command(
        _ body: EventBody,
        op: String,
        at instant: Instant?,
        actor: String = "import",
        print: Fingerprint
    ) -> InventoryCommand {
        var print = print
        print.add(instant?.microseconds ?? 0)
        print.add(actor)
        return InventoryCommand(
            body: body,
            op: OpKey(op),
            at: instant.flatMap { WallTime(instant: $0, offsetMinutes: 0) },
            actor: ActorID(actor),
            contentHash: ContentHash.of(print.bytes)
        )
    }
}

/// What a command says, as bytes to hash; none of its texts holds the byte that separates them.
private struct Fingerprint {
    private static let separator: UInt8 = 0x1F

    private(set) var bytes: [UInt8] = []

    init(_ text: String) {
        add(text)
    }

    mutating func add(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        bytes.append(Self.separator)
    }

    mutating func add(_ number: Int64) {
        add(String(number))
    }

    mutating func add(_ decimal: ExactDecimal) {
        add(decimal.mantissa)
        add(Int64(decimal.scale))
    }

    mutating func add(_ line: EventLine) {
        add(line.sku.text)
        add(line.quantity.units)
        add(line.unitPrice ?? line.unitCost ?? .zero)
    }
}
