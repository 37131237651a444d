import Causality

/// What all lines have in common: the item, the quantity, the place.
extension Decider {
    /// Which quantities a line may have.
    enum Sign {
        case positive
        case zeroOrMore
        case signed
    }

    mutating func item(
        _ sku: SKU,
        field: String
    ) throws(EngineError) -> ItemRow {
        guard let item = try state.cache.items.row(ItemRow.Key(sku: sku), from: state.reader) else {
            throw EngineError(
                .unknownSKU,
                "The SKU \(sku) is not in the catalogue.",
                field: field,
                hint: "Register it with item_registered, or check the spelling."
            )
        }
        return item
    }

    /// Resolves the lines of a command: item, unit, scale, quantity.
    mutating func resolve(
        _ lines: [EventLine],
        _ sign: Sign = .positive,
        mayBeEmpty: Bool = false,
        isClaim: Bool = false
    ) throws(EngineError) -> [EventLine] {
        guard mayBeEmpty || !lines.isEmpty else {
            throw .refused("lines_missing", "At least one line is needed.", field: "lines")
        }
        guard lines.count <= InventoryRules.linesMax else {
            throw .refused(
                "too_many_lines",
                "At most \(InventoryRules.linesMax) lines fit one event.",
                field: "lines",
                hint: "Split it into several."
            )
        }
        var resolved: [EventLine] = []
        resolved.reserveCapacity(lines.count)
        for (index, line) in lines.enumerated() {
            resolved.append(try resolve(line, sign, "lines[\(index)]", isClaim: isClaim))
        }
        return resolved
    }

    /// Resolves one line of a command, which is the one called `field`.
    mutating func resolve(
        _ entered: EventLine,
        _ sign: Sign,
        _ field: String,
        isClaim: Bool
    ) throws(EngineError) -> EventLine {
        guard
            let item = try state.cache.items.row(
                ItemRow.Key(sku: entered.sku),
                from: state.reader
            )
        else {
            throw EngineError(
                .unknownSKU,
                "The SKU \(entered.sku) is not in the catalogue.",
                field: "\(field).sku",
                hint: "Register it with item_registered, or check the spelling."
            )
        }
        if isClaim, item.isRetired {
            throw .refused(
                "item_retired",
                "\(entered.sku) is retired: no new promises or orders.",
                field: "\(field).sku"
            )
        }
        try InventoryRules.checkDecimals(entered.unitCost, field: "\(field).unit_cost")
        try InventoryRules.checkDecimals(entered.unitPrice, field: "\(field).unit_price")
        var line = entered
        var numerator: Int64 = 1
        var denominator: Int64 = 1
        if let uom = entered.uom, uom != item.properties.uom {
            guard let conversion = item.properties.conversions.first(where: { $0.uom == uom })
            else {
                throw .refused(
                    "unknown_unit",
                    "\(entered.sku) is not counted in \(uom).",
                    field: "\(field).uom",
                    hint: "Its base unit is \(item.properties.uom)."
                )
            }
            numerator = conversion.numerator
            denominator = conversion.denominator
        }
        line.uom = nil
        line.scale = item.properties.scale
        line.quantity = try InventoryRules.quantity(
            entered.quantity.units,
            scale: entered.scale,
            itemScale: item.properties.scale,
            numerator: numerator,
            denominator: denominator,
            field: "\(field).quantity"
        )
        if let short = entered.short {
            line.short = try InventoryRules.quantity(
                short.units,
                scale: entered.scale,
                itemScale: item.properties.scale,
                numerator: numerator,
                denominator: denominator,
                field: "\(field).short"
            )
            guard short.units >= 0 else {
                throw .refused(
                    "quantity_not_positive",
                    "A shortage cannot be negative.",
                    field: "\(field).short"
                )
            }
        }
        switch sign {
        case .positive where line.quantity.units <= 0:
            throw .refused(
                "quantity_not_positive",
                "The quantity must be more than zero.",
                field: "\(field).quantity"
            )
        case .zeroOrMore where line.quantity.units < 0:
            throw .refused(
                "quantity_negative",
                "The quantity cannot be negative.",
                field: "\(field).quantity"
            )
        case .signed where line.quantity.isZero:
            throw .refused(
                "quantity_zero",
                "The quantity cannot be zero.",
                field: "\(field).quantity"
            )
        case .positive, .zeroOrMore, .signed: break
        }
        if let number = line.line, number < 1 {
            throw .refused(
                "line_number_invalid",
                "Line numbers start at 1.",
                field: "\(field).line"
            )
        }
        if line.lot != nil, !item.properties.isLotTracked {
            throw .refused(
                "lot_not_tracked",
                "\(line.sku) is not kept by lot.",
                field: "\(field).lot"
            )
        }
        return line
    }

    /// Fills in and checks the place of each line.
    mutating func place(
        _ lines: inout [EventLine],
        status: StockStatus? = nil
    ) throws(EngineError) {
        for index in lines.indices {
            let location = lines[index].location ?? .stock
            try checkLocation(location, field: "lines[\(index)].location")
            lines[index].location = location
            if lines[index].status == nil { lines[index].status = status }
        }
    }

    mutating func checkLocation(_ location: LocationID, field: String) throws(EngineError) {
        if location == .stock || location == .staging { return }
        let key = LocationRow.Key(home: site, location: location)
        guard try state.cache.locations.row(key, from: state.reader) != nil else {
            throw .refused(
                "unknown_location",
                "The location \(location) is not known at \(site).",
                field: field,
                hint: "Register it with location_registered."
            )
        }
    }

    /// Checks another site's code: known, once the node knows any site at all.
    mutating func checkSite(_ code: SiteCode, field: String) throws(EngineError) {
        guard code != site else {
            throw .refused("same_site", "The other site is the own one.", field: field)
        }
        let own = try state.cache.sites.row(SiteRow.Key(code: site), from: state.reader)
        guard own != nil else { return }  // never joined: nobody to ask
        guard try state.cache.sites.row(SiteRow.Key(code: code), from: state.reader) != nil else {
            throw .refused(
                "unknown_site",
                "The site \(code) is not in the network.",
                field: field
            )
        }
    }

    /// Numbers the lines of a new document 1, 2, … where the command did not.
    func number(_ lines: inout [EventLine]) throws(EngineError) {
        var taken: Set<Int32> = []
        for (index, line) in lines.enumerated() {
            guard let number = line.line else { continue }
            guard taken.insert(number).inserted else {
                throw .refused(
                    "line_repeated",
                    "Line \(number) is there twice.",
                    field: "lines[\(index)].line"
                )
            }
        }
        var next: Int32 = 1
        for index in lines.indices where lines[index].line == nil {
            while taken.contains(next) { next += 1 }
            lines[index].line = next
            taken.insert(next)
        }
    }
}
