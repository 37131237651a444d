import Causality

/// Where one unit is that is kept by serial number.
package struct SerialPlace: Hashable, Sendable {
    /// What may be done with a unit.
    package enum Standing: UInt8, CaseIterable, Sendable {
        /// Not at the site: it left, was scrapped, or was lost.
        case away = 0
        /// In a place of the site.
        case available = 1
        /// In staging for an order.
        case picked = 2
        /// In a container of an order.
        case packed = 3

        /// The stable text.
        package var text: String {
            switch self {
            case .away: "away"
            case .available: "available"
            case .picked: "picked"
            case .packed: "packed"
            }
        }
    }

    /// An order that a unit was picked for.
    package struct Order: Hashable, Sendable {
        package var site: SiteCode
        package var order: DocumentID

        package init(site: SiteCode, order: DocumentID) {
            self.site = site
            self.order = order
        }
    }

    package var standing: Standing
    /// Where it lies; nil unless it is available.
    package var location: LocationID?
    package var lot: LotID?
    package var status = StockStatus.sellable
    /// What it was picked for; nil unless it is picked or packed.
    package var order: Order?

    package init(
        _ standing: Standing,
        at location: LocationID? = nil,
        lot: LotID? = nil,
        status: StockStatus = .sellable,
        for order: Order? = nil
    ) {
        self.standing = standing
        self.location = location
        self.lot = lot
        self.status = status
        self.order = order
    }

    var isHere: Bool { standing != .away }
    var isStaged: Bool { standing == .picked || standing == .packed }
    /// Whether it would have to be picked first.
    var isFree: Bool { standing == .available }
    /// Whether it would have to be packed first.
    var isNotPacked: Bool { standing == .available || standing == .picked }

    package func encode(into writer: inout ByteWriter) {
        writer.byte(standing.rawValue)
        writer.id(location)
        writer.id(order?.site)
        writer.id(order?.order)
        writer.id(lot)
        writer.byte(status.rawValue)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.standing = try reader.raw(Standing.self)
        self.location = try reader.optionalID()
        let site: SiteCode? = try reader.optionalID()
        let order: DocumentID? = try reader.optionalID()
        if let site, let order { self.order = Order(site: site, order: order) }
        self.lot = try reader.optionalID()
        self.status = try reader.raw(StockStatus.self)
    }

    /// Where it is, for people.
    var sentence: String {
        switch standing {
        case .away: "has left"
        case .available: "is at \(location?.text ?? "a place"), \(status.text)"
        case .picked, .packed: "is \(standing.text) for \(order?.order.text ?? "an order")"
        }
    }
}

/// One unit of an item that is kept by serial number: where it is, and where it was before.
package struct SerialRow: Row {
    package static let kind = RowKind.serial
    package static let layer: Layer? = .physical

    package struct Key: RowKey {
        package var stock: StockKey
        package var serial: SerialNumber
        /// 0 for where it is now; else which of the places where it was before, from 1.
        package var step: UInt64
        package var site: SiteCode? { stock.home }

        package init(stock: StockKey, serial: SerialNumber, step: UInt64 = 0) {
            self.stock = stock
            self.serial = serial
            self.step = step
        }

        package func encode(into writer: inout ByteWriter) {
            stock.encode(into: &writer)
            writer.id(serial)
            writer.ordered(step)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.stock = try StockKey(from: &reader)
            self.serial = try reader.id()
            self.step = try reader.ordered()
        }
    }

    package var place: SerialPlace
    /// Who brought it there.
    package var by: EventRef
    /// How many places it has been in, this one included.
    package var steps: UInt64

    package init(place: SerialPlace, by: EventRef, steps: UInt64) {
        self.place = place
        self.by = by
        self.steps = steps
    }

    package func encode(into writer: inout ByteWriter) {
        place.encode(into: &writer)
        writer.reference(by)
        writer.varint(steps)
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.place = try SerialPlace(from: &reader)
        self.by = try reader.reference()
        self.steps = try reader.varint()
    }
}

/// The units that are in one place, so that nobody has to look through those that have left.
package struct SerialPlaceRow: Row {
    package static let kind = RowKind.serialPlace

    package struct Key: RowKey {
        package var stock: StockKey
        package var place: SerialPlace
        package var serial: SerialNumber
        package var site: SiteCode? { stock.home }

        package init(stock: StockKey, place: SerialPlace, serial: SerialNumber) {
            self.stock = stock
            self.place = place
            self.serial = serial
        }

        package func encode(into writer: inout ByteWriter) {
            stock.encode(into: &writer)
            place.encode(into: &writer)
            writer.id(serial)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.stock = try StockKey(from: &reader)
            self.place = try SerialPlace(from: &reader)
            self.serial = try reader.id()
        }
    }

    package var isHere: Bool
    package var isVacant: Bool { !isHere }

    package init(isHere: Bool) { self.isHere = isHere }

    package func encode(into writer: inout ByteWriter) { writer.bool(isHere) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.isHere = try reader.bool()
    }
}

// MARK: Keeping them

extension StockState {
    /// What is known of a unit; nil for one that never was at the site.
    mutating func serial(
        _ stock: StockKey,
        _ serial: SerialNumber
    ) throws(EngineError) -> SerialRow? {
        try cache.serials.row(SerialRow.Key(stock: stock, serial: serial), from: reader)
    }

    /// The units that stand alike, in the order of their numbers.
    ///
    /// Those that are available lie at `location`, or with nil anywhere; those in staging were
    /// picked for `order`.
    ///
    /// - Complexity: O(units of the item that stand so), not of those that have left.
    mutating func serials(
        of stock: StockKey,
        _ standing: SerialPlace.Standing,
        at location: LocationID? = nil,
        for order: SerialPlace.Order? = nil
    ) throws(EngineError) -> [(serial: SerialNumber, place: SerialPlace)] {
        var prefix = ByteWriter()
        stock.encode(into: &prefix)
        prefix.byte(standing.rawValue)
        if let location { prefix.id(location) }
        if let order {
            prefix.id(location)
            prefix.id(order.site)
            prefix.id(order.order)
        }
        return try cache.serialPlaces.rows(
            from: prefix.bytes,
            to: upperBound(ofPrefix: prefix.bytes),
            limit: .max,
            source: reader
        ).map { ($0.key.serial, $0.key.place) }
    }

    /// Brings a unit to a place, and remembers where it was.
    mutating func put(
        _ current: Current,
        _ stock: StockKey,
        _ serial: SerialNumber,
        _ place: SerialPlace
    ) throws(EngineError) {
        let key = SerialRow.Key(stock: stock, serial: serial)
        let old = try cache.serials.row(key, from: reader)
        if let old {
            let past = SerialRow.Key(stock: stock, serial: serial, step: old.steps)
            try cache.serials.set(past, to: old, from: reader)
        }
        let row = SerialRow(place: place, by: current.ref, steps: (old?.steps ?? 0) + 1)
        try cache.serials.set(key, to: row, from: reader)
        try index(stock, serial, from: old?.place, to: place)
    }

    /// Brings a unit back to where it was before it came where it is.
    mutating func putBack(
        _ stock: StockKey,
        _ serial: SerialNumber
    ) throws(EngineError) {
        let key = SerialRow.Key(stock: stock, serial: serial)
        guard let row = try cache.serials.row(key, from: reader) else { return }
        var old: SerialRow?
        if row.steps > 1 {
            let past = SerialRow.Key(stock: stock, serial: serial, step: row.steps - 1)
            old = try cache.serials.row(past, from: reader)
            try cache.serials.set(past, to: nil, from: reader)
        }
        try cache.serials.set(key, to: old, from: reader)
        try index(stock, serial, from: row.place, to: old?.place)
    }

    private mutating func index(
        _ stock: StockKey,
        _ serial: SerialNumber,
        from old: SerialPlace?,
        to new: SerialPlace?
    ) throws(EngineError) {
        guard old != new else { return }
        for (place, isHere) in [(old, false), (new, true)] {
            guard let place, place.isHere else { continue }
            let key = SerialPlaceRow.Key(stock: stock, place: place, serial: serial)
            try cache.serialPlaces.set(key, to: SerialPlaceRow(isHere: isHere), from: reader)
        }
    }
}
