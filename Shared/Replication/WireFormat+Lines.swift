import Causality
import InventoryEngine
import SwiftProtobuf

/// Lines on the wire, without what they repeat.
///
/// This is the one place that knows how. Orders and receipts repeat themselves: one location, one
/// status, two decimals in each price, lines numbered from 1, all granted. What all lines share is
/// written once, and a further order line of a six-letter SKU takes 12 bytes, or 15 with its price.
///
/// | On the wire       | Means                                           | Written when       |
/// | ----------------- | ----------------------------------------------- | ------------------ |
/// | field of the line | the line's value                                | lines differ in it |
/// | field of `same`   | the value of each line that has none of its own | all lines have it  |
/// | `same.decimals`   | decimals of each price, cost and quantity       | all lines agree    |
/// | `numbered`        | line numbers 1, 2, 3…                           | they are so        |
/// | `granted_in_full` | each line's `granted` is its `quantity`         | it is so           |
///
/// A single line shares nothing. Whether a value was shared leaves no trace in what is decoded.
private struct SharedValues {
    /// The fields that all lines have alike; nil where they differ or have none.
    ///
    /// Its SKU and quantity mean nothing.
    var line: EventLine
    /// What ``decimals(of:)`` gives for all lines alike; 0 where they differ.
    var decimals: UInt32 = 0
    var isNumbered = false
    var isGrantedInFull = false

    /// Nothing is shared.
    init(nothingOf line: EventLine) {
        self.line = EventLine(sku: line.sku, quantity: .zero)
    }

    /// Finds what the lines share; nil if there are none.
    init?(of lines: [EventLine]) {
        guard let first = lines.first else { return nil }
        self.init(nothingOf: first)
        guard lines.count > 1 else { return }
        line = first
        line.serials = []
        decimals = Self.decimals(of: first)
        isNumbered = true
        isGrantedInFull = true
        for (index, other) in lines.enumerated() {
            if other.line != Int32(exactly: index + 1) { isNumbered = false }
            if other.granted != other.quantity { isGrantedInFull = false }
            if other.line != line.line { line.line = nil }
            if other.granted != line.granted { line.granted = nil }
            if Self.decimals(of: other) != decimals { decimals = 0 }
            if other.uom != line.uom { line.uom = nil }
            if other.location != line.location { line.location = nil }
            if other.toLocation != line.toLocation { line.toLocation = nil }
            if other.lot != line.lot { line.lot = nil }
            if other.expiry != line.expiry { line.expiry = nil }
            if other.status != line.status { line.status = nil }
            if other.toStatus != line.toStatus { line.toStatus = nil }
            if other.unitCost != line.unitCost { line.unitCost = nil }
            if other.amount != line.amount { line.amount = nil }
            if other.unitPrice != line.unitPrice { line.unitPrice = nil }
            if other.short != line.short { line.short = nil }
            if other.disposition != line.disposition { line.disposition = nil }
        }
        if isNumbered { line.line = nil }
        if isGrantedInFull { line.granted = nil }
    }

    /// The decimals of a line's price, cost and quantities, as one number.
    static func decimals(of line: EventLine) -> UInt32 {
        UInt32(line.unitPrice?.scale ?? 0)
            | UInt32(line.unitCost?.scale ?? 0) << 8
            | UInt32(line.scale) << 16
    }
}

extension WireLines {
    /// Writes lines; nil if there are none.
    init?(_ lines: [EventLine]) {
        guard let shared = SharedValues(of: lines) else { return nil }
        self.init()
        line = lines.map { WireLine($0, sharing: shared) }  // set once: appending would copy all
        numbered = shared.isNumbered
        grantedInFull = shared.isGrantedInFull
        if let same = WireLine(of: shared) { self.same = same }
    }

    /// Reads lines, at most ``WireFormat/linesMax``.
    func values() throws(ReplicationError) -> [EventLine] {
        guard line.count <= WireFormat.linesMax else {
            throw .malformed("lines", "has more than \(WireFormat.linesMax) lines")
        }
        try WireField.expectNothing(in: unknownFields, of: "lines")
        try WireField.expectNothing(in: same.unknownFields, of: "lines.same")
        let same = same
        var lines: [EventLine] = []
        lines.reserveCapacity(line.count)
        for (index, each) in line.enumerated() {
            lines.append(try value(of: each, at: index, same: same))
        }
        return lines
    }

    private func value(
        of wire: WireLine,
        at index: Int,
        same: WireLine
    ) throws(ReplicationError) -> EventLine {
        try WireField.expectNothing(in: wire.unknownFields, of: "lines[\(index)]")
        var line = EventLine(
            sku: try WireField.identifier(wire.sku, "lines[\(index)].sku"),
            quantity: try WireField.quantity(wire.quantity, "lines[\(index)].quantity")
        )
        let decimals = wire.hasDecimals ? wire.decimals : same.decimals
        line.scale = try WireField.scale(
            decimals >> 16,
            max: WireFormat.quantityScaleMax,
            "lines[\(index)].decimals"
        )
        if wire.hasLine || same.hasLine {
            line.line = wire.hasLine ? wire.line : same.line
        } else if numbered {
            line.line = Int32(truncatingIfNeeded: index + 1)  // at most WireFormat.linesMax
        }
        line.uom = try WireField.identifierIfAny(
            wire.uom.isEmpty ? same.uom : wire.uom,
            "lines[\(index)].uom"
        )
        line.location = try WireField.identifierIfAny(
            wire.location.isEmpty ? same.location : wire.location,
            "lines[\(index)].location"
        )
        line.toLocation = try WireField.identifierIfAny(
            wire.toLocation.isEmpty ? same.toLocation : wire.toLocation,
            "lines[\(index)].to_location"
        )
        line.lot = try WireField.identifierIfAny(
            wire.lot.isEmpty ? same.lot : wire.lot,
            "lines[\(index)].lot"
        )
        line.serials = try serials(of: wire, at: index)
        if wire.hasExpiry || same.hasExpiry {
            let number = wire.hasExpiry ? wire.expiry : same.expiry
            line.expiry = try WireField.date(number, "lines[\(index)].expiry")
        }
        if wire.hasStatus || same.hasStatus {
            let status = wire.hasStatus ? wire.status : same.status
            line.status = try WireField.choice(status, "lines[\(index)].status")
        }
        if wire.hasToStatus || same.hasToStatus {
            let status = wire.hasToStatus ? wire.toStatus : same.toStatus
            line.toStatus = try WireField.choice(status, "lines[\(index)].to_status")
        }
        if wire.hasDisposition || same.hasDisposition {
            let disposition = wire.hasDisposition ? wire.disposition : same.disposition
            line.disposition = try WireField.choice(disposition, "lines[\(index)].disposition")
        }
        try readAmounts(of: wire, at: index, same: same, into: &line)
        return line
    }

    private func serials(
        of wire: WireLine,
        at index: Int
    ) throws(ReplicationError) -> [SerialNumber] {
        guard wire.serials.count <= WireFormat.linesMax else {
            throw .malformed("lines", "has a line with more than \(WireFormat.linesMax) units")
        }
        var serials: [SerialNumber] = []
        serials.reserveCapacity(wire.serials.count)
        for serial in wire.serials {
            serials.append(try WireField.identifier(serial, "lines[\(index)].serials"))
        }
        return serials
    }

    private func readAmounts(
        of wire: WireLine,
        at index: Int,
        same: WireLine,
        into line: inout EventLine
    ) throws(ReplicationError) {
        let decimals = wire.hasDecimals ? wire.decimals : same.decimals
        if wire.hasUnitCost || same.hasUnitCost {
            let scale = try WireField.scale(
                decimals >> 8 & 0xFF,
                max: ExactDecimal.scaleMax,
                "lines[\(index)].decimals"
            )
            let mantissa = wire.hasUnitCost ? wire.unitCost : same.unitCost
            line.unitCost = ExactDecimal(mantissa: mantissa, scale: scale)
        }
        if wire.hasUnitPrice || same.hasUnitPrice {
            let scale = try WireField.scale(
                decimals & 0xFF,
                max: ExactDecimal.scaleMax,
                "lines[\(index)].decimals"
            )
            let mantissa = wire.hasUnitPrice ? wire.unitPrice : same.unitPrice
            line.unitPrice = ExactDecimal(mantissa: mantissa, scale: scale)
        }
        if wire.hasAmount || same.hasAmount {
            let amount = wire.hasAmount ? wire.amount : same.amount
            line.amount = try WireField.money(amount, "lines[\(index)].amount")
        }
        if wire.hasGranted || same.hasGranted {
            let granted = wire.hasGranted ? wire.granted : same.granted
            line.granted = try WireField.quantity(granted, "lines[\(index)].granted")
        } else if grantedInFull {
            line.granted = line.quantity
        }
        if wire.hasShort || same.hasShort {
            let short = wire.hasShort ? wire.short : same.short
            line.short = try WireField.quantity(short, "lines[\(index)].short")
        }
    }
}

extension WireLine {
    /// Writes a line without what all lines share.
    fileprivate init(_ line: EventLine, sharing shared: borrowing SharedValues) {
        self.init()
        sku = line.sku.text
        quantity = line.quantity.units
        let decimals = SharedValues.decimals(of: line)
        if decimals != shared.decimals { self.decimals = decimals }
        if let number = line.line, !shared.isNumbered, shared.line.line == nil {
            self.line = number
        }
        if let granted = line.granted, !shared.isGrantedInFull, shared.line.granted == nil {
            self.granted = granted.units
        }
        if let uom = line.uom, shared.line.uom == nil { self.uom = uom.text }
        if let place = line.location, shared.line.location == nil { location = place.text }
        if let place = line.toLocation, shared.line.toLocation == nil { toLocation = place.text }
        if let lot = line.lot, shared.line.lot == nil { self.lot = lot.text }
        serials = line.serials.map(\.text)
        if let date = line.expiry, shared.line.expiry == nil { expiry = WireField.number(of: date) }
        if let status = line.status, shared.line.status == nil {
            self.status = WireStockStatus(status)
        }
        if let status = line.toStatus, shared.line.toStatus == nil {
            toStatus = WireStockStatus(status)
        }
        if let cost = line.unitCost, shared.line.unitCost == nil { unitCost = cost.mantissa }
        if let amount = line.amount, shared.line.amount == nil { self.amount = amount.units }
        if let price = line.unitPrice, shared.line.unitPrice == nil { unitPrice = price.mantissa }
        if let short = line.short, shared.line.short == nil { self.short = short.units }
        if let fate = line.disposition, shared.line.disposition == nil {
            disposition = WireDisposition(fate)
        }
    }

    /// Writes what all lines share, or gives nothing if that is nothing.
    fileprivate init?(of shared: SharedValues) {
        self.init(shared.line, sharing: SharedValues(nothingOf: shared.line))
        sku = ""
        quantity = 0
        clearDecimals()
        if shared.decimals != 0 { decimals = shared.decimals }
        guard self != WireLine() else { return nil }
    }
}
