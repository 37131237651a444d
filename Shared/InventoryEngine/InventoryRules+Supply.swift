import Causality

/// Decisions about the catalogue, places, purchase orders and receipts.
extension Decider {
    mutating func decide(_ body: ItemRegistration) throws(EngineError) -> ItemRegistration {
        let properties = body.properties
        guard properties.scale <= 6 else {
            throw .refused("scale_out_of_range", "The scale is 0 to 6.", field: "scale")
        }
        try InventoryRules.checkText(properties.name, field: "name")
        try InventoryRules.checkDecimals(properties.standardCost, field: "standard_cost")
        guard properties.costing != .standard || properties.standardCost != nil else {
            throw .refused(
                "standard_cost_missing",
                "What is valued at standard cost needs one.",
                field: "standard_cost",
                hint: "Say what a unit costs by the standard, or value it by average or fifo."
            )
        }
        guard !properties.isLotCosted else {
            throw .refused(
                "not_supported_yet",
                "Costs by lot are not supported by this version.",
                field: "lot_costed"
            )
        }
        guard !properties.isSerialTracked || properties.scale == 0 else {
            throw .refused(
                "serials_need_whole_units",
                "What is kept by serial number has no parts of a unit.",
                field: "scale",
                hint: "Leave the scale out."
            )
        }
        guard properties.safetyStock.units >= 0 else {
            throw .refused(
                "quantity_negative",
                "The safety stock cannot be negative.",
                field: "safety_stock"
            )
        }
        for conversion in properties.conversions
        where conversion.numerator <= 0 || conversion.denominator <= 0
            || conversion.numerator > Quantity.magnitudeMax
            || conversion.denominator > 1_000_000_000
        {
            throw .refused(
                "conversion_invalid",
                "A conversion needs positive numbers.",
                field: "conversions"
            )
        }
        let key = ItemRow.Key(sku: body.sku)
        if let known = try state.cache.items.row(key, from: state.reader),
            known.properties != properties
        {
            throw .refused(
                "sku_exists",
                "\(body.sku) is registered already, with other properties.",
                field: "sku",
                hint: "Use item_changed to change it."
            )
        }
        return body
    }

    mutating func checkVersion(_ sku: SKU, _ version: UInt64) throws(EngineError) {
        let item = try item(sku, field: "sku")
        guard version == item.version else {
            throw .refused(
                "version_stale",
                "\(sku) is at version \(item.version), not \(version).",
                field: "base_version",
                hint: "Look at it again, then repeat the change."
            )
        }
    }

    mutating func decide(_ body: ItemChange) throws(EngineError) -> ItemChange {
        try checkVersion(body.sku, body.baseVersion)
        try InventoryRules.checkText(body.name, field: "name")
        try InventoryRules.checkDecimals(body.standardCost, field: "standard_cost")
        if let safety = body.safetyStock {
            let item = try item(body.sku, field: "sku")
            let quantity = try InventoryRules.quantity(
                safety.mantissa,
                scale: safety.scale,
                itemScale: item.properties.scale,
                field: "safety_stock"
            )
            guard quantity.units >= 0 else {
                throw .refused(
                    "quantity_negative",
                    "The safety stock cannot be negative.",
                    field: "safety_stock"
                )
            }
        }
        return body
    }

    mutating func registered(_ change: LocationChange) throws(EngineError) -> LocationChange {
        let key = LocationRow.Key(home: site, location: change.location)
        let known = try state.cache.locations.row(key, from: state.reader)
        let kind = change.kind ?? .bin
        if change.location == .stock || change.location == .staging
            || (known != nil && known?.purpose != kind)
        {
            throw .refused(
                "location_exists",
                "\(change.location) exists already at \(site).",
                field: "location"
            )
        }
        return LocationChange(location: change.location, kind: kind)
    }

    mutating func changed(_ change: LocationChange) throws(EngineError) -> LocationChange {
        let key = LocationRow.Key(home: site, location: change.location)
        guard let row = try state.cache.locations.row(key, from: state.reader) else {
            throw .refused(
                "unknown_location",
                "The location \(change.location) is not known at \(site).",
                field: "location"
            )
        }
        if let version = change.baseVersion, version != row.version {
            throw .refused(
                "version_stale",
                "\(change.location) is at version \(row.version).",
                field: "base_version"
            )
        }
        return change
    }

    mutating func placed(_ order: PurchaseOrder) throws(EngineError) -> PurchaseOrder {
        let key = DocumentKey<PurchaseOrderRow>(home: site, document: order.purchaseOrder)
        guard try state.cache.purchaseOrders.row(key, from: state.reader) == nil else {
            throw .refused(
                "purchase_order_exists",
                "\(order.purchaseOrder) was placed before.",
                field: "purchase_order"
            )
        }
        var order = order
        order.lines = try resolve(order.lines, isClaim: true)
        try number(&order.lines)
        return order
    }

    mutating func checkOpen(_ id: DocumentID) throws(EngineError) {
        let key = DocumentKey<PurchaseOrderRow>(home: site, document: id)
        guard let row = try state.cache.purchaseOrders.row(key, from: state.reader) else {
            throw .refused(
                "unknown_purchase_order",
                "Purchase order \(id) is not known at \(site).",
                field: "purchase_order"
            )
        }
        guard row.closedBy == nil else {
            throw .refused(
                "purchase_order_closed",
                "\(id) is closed.",
                field: "purchase_order",
                hint: "Place a new one."
            )
        }
    }

    mutating func amended(_ order: PurchaseOrder) throws(EngineError) -> PurchaseOrder {
        try checkOpen(order.purchaseOrder)
        var order = order
        order.lines = try resolve(order.lines, .zeroOrMore)
        for (index, line) in order.lines.enumerated() where line.line == nil {
            throw .refused(
                "missing_field",
                "An amendment names its lines.",
                field: "lines[\(index)].line"
            )
        }
        return order
    }

    mutating func received(_ receipt: GoodsReceipt) throws(EngineError) -> GoodsReceipt {
        var receipt = receipt
        try InventoryRules.checkDecimals(receipt.rate, field: "rate")
        receipt.lines = try resolve(receipt.lines)
        try checkExpiry(&receipt.lines)
        try place(&receipt.lines, status: .sellable)
        try requireLots(receipt.lines)
        if let order = receipt.purchaseOrder {
            try matchPurchaseLines(&receipt.lines, order)
        }
        for index in receipt.lines.indices {
            let line = receipt.lines[index]
            guard line.unitCost == nil || line.amount == nil else {
                throw .refused(
                    "cost_twice",
                    "A line has a unit cost or an amount, not both.",
                    field: "lines[\(index)].amount"
                )
            }
            if line.unitCost == nil, line.amount == nil {
                guard receipt.rate == nil else {
                    throw .refused(
                        "cost_missing",
                        "A receipt in another currency says what each line costs.",
                        field: "lines[\(index)].unit_cost",
                        hint: "Give the unit cost in that currency, or leave currency and rate out."
                    )
                }
                try fillCost(&receipt.lines[index], receipt.purchaseOrder)
            }
        }
        return receipt
    }

    /// Finds the purchase order line of each received line by its number or its SKU.
    mutating func matchPurchaseLines(
        _ lines: inout [EventLine],
        _ order: DocumentID
    ) throws(EngineError) {
        let key = DocumentKey<PurchaseOrderRow>(home: site, document: order)
        guard let row = try state.cache.purchaseOrders.row(key, from: state.reader) else {
            guard isForced else {
                throw .refused(
                    "unknown_purchase_order",
                    "Purchase order \(order) is not known at \(site).",
                    field: "purchase_order",
                    hint: "Check the number, or insist with force."
                )
            }
            return
        }
        for index in lines.indices where lines[index].line == nil {
            for number in row.lines {
                let lineKey = PurchaseLineRow.Key(home: site, purchaseOrder: order, line: number)
                if let line = try state.cache.purchaseLines.row(lineKey, from: state.reader),
                    line.sku == lines[index].sku
                {
                    lines[index].line = number
                    break
                }
            }
        }
    }

    /// A receipt without a cost takes the purchase order's price, else the last receipt's (under
    /// standard cost it does not), else the standard cost; else it has none, and an exception says
    /// so.
    private mutating func fillCost(
        _ line: inout EventLine,
        _ order: DocumentID?
    ) throws(EngineError) {
        if let order, let number = line.line {
            let key = PurchaseLineRow.Key(home: site, purchaseOrder: order, line: number)
            if let row = try state.cache.purchaseLines.row(key, from: state.reader),
                let cost = row.unitCost
            {
                line.unitCost = cost
                return
            }
        }
        let stock = StockKey(home: site, sku: line.sku)
        let pool = try state.cache.valuations.row(stock, from: state.reader)?.pool
        if let last = pool?.lastReceipt, !last.quantity.isZero, pool?.costing.entryCost == nil {
            line.amount = try last.value(of: line.quantity)
            return
        }
        if let standard = pool?.costing.entryCost {
            line.unitCost = standard
        } else {
            line.unitCost = try item(line.sku, field: "sku").properties.standardCost
        }
    }
}
