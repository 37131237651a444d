/// Goods that were put from one unit of measure into another: no base unit comes or goes.
public struct Repack: Hashable, Sendable {
    /// One item.
    public struct Line: Hashable, Sendable {
        /// The item.
        public var sku: SKU
        /// As entered, in units of ``from`` at ``scale`` decimals; more than zero.
        public var quantity: Quantity
        /// The decimals of ``quantity`` as entered.
        public var scale: UInt8
        /// The unit that the goods were in; in an event with its factor, which holds for good.
        public var from: UnitConversion
        /// The unit that the goods are in now; in an event with its factor.
        public var to: UnitConversion
        /// In an event ``quantity`` in base units.
        public var baseQuantity: Quantity
        /// In an event the item's scale.
        public var baseScale: UInt8
        /// Where; in an event always there.
        public var location: LocationID?
        /// The production lot.
        public var lot: LotID?

        /// Makes a line as it is entered.
        public init(
            sku: SKU,
            quantity: Quantity,
            scale: UInt8 = 0,
            from: UnitCode,
            to: UnitCode,
            location: LocationID? = nil,
            lot: LotID? = nil
        ) {
            self.sku = sku
            self.quantity = quantity
            self.scale = scale
            self.from = UnitConversion(uom: from, numerator: 1, denominator: 1)
            self.to = UnitConversion(uom: to, numerator: 1, denominator: 1)
            self.baseQuantity = .zero
            self.baseScale = 0
            self.location = location
            self.lot = lot
        }
    }

    /// What was repacked.
    public var lines: [Line]

    /// Makes a repacking.
    public init(lines: [Line]) { self.lines = lines }
}

extension StockState {
    /// Boxes that became pieces are the same base units at the same value: nothing moves.
    mutating func postRepacked(_ body: Repack) throws(EngineError) {
        for line in body.lines {
            try knownItem(EventLine(sku: line.sku, quantity: .zero, scale: line.baseScale))
        }
    }
}

extension Decider {
    /// Freezes the factors of both units, and refuses what is not a whole number of either side's
    /// base units, or not a whole number of the new packs.
    mutating func repacked(_ repack: Repack) throws(EngineError) -> Repack {
        var entered: [EventLine] = []
        for line in repack.lines {
            var plain = EventLine(
                sku: line.sku,
                quantity: line.quantity,
                scale: line.scale,
                location: line.location
            )
            plain.uom = line.from.uom
            plain.lot = line.lot
            entered.append(plain)
        }
        var lines = try resolve(entered)
        try place(&lines)
        var repack = repack
        for (index, line) in lines.enumerated() {
            let properties = try item(line.sku, field: "lines[\(index)].sku").properties
            var new = repack.lines[index]
            guard new.from.uom != new.to.uom else {
                throw .refused(
                    "same_unit",
                    "Repacking needs two units.",
                    field: "lines[\(index)].to_uom"
                )
            }
            new.from = try conversion(properties, new.from.uom, "lines[\(index)].from_uom")
            new.to = try conversion(properties, new.to.uom, "lines[\(index)].to_uom")
            new.baseQuantity = line.quantity
            new.baseScale = line.scale
            new.location = line.location
            try checkWholePacks(new, properties, "lines[\(index)].quantity")
            repack.lines[index] = new
        }
        return repack
    }

    /// The factor of one of an item's units; the base unit is its own.
    private func conversion(
        _ properties: ItemProperties,
        _ uom: UnitCode,
        _ field: String
    ) throws(EngineError) -> UnitConversion {
        if uom == properties.uom {
            return UnitConversion(uom: uom, numerator: 1, denominator: 1)
        }
        guard let known = properties.conversions.first(where: { $0.uom == uom }) else {
            throw .refused(
                "unknown_unit",
                "The item is not counted in \(uom).",
                field: field,
                hint: "Its base unit is \(properties.uom)."
            )
        }
        return known
    }

    /// A pack is whole: only the base unit has decimals.
    private func checkWholePacks(
        _ line: Repack.Line,
        _ properties: ItemProperties,
        _ field: String
    ) throws(EngineError) {
        guard line.to.uom != properties.uom else { return }
        _ = try InventoryRules.quantity(
            line.baseQuantity.units,
            scale: line.baseScale,
            itemScale: 0,
            numerator: line.to.denominator,
            denominator: line.to.numerator,
            field: field
        )
    }
}
