import Causality

/// Units of an order line that are set aside in one place.
package struct AllocatedPlace: Equatable, Sendable {
    package var location: LocationID
    package var lot: LotID?
    package var quantity: Quantity

    package init(location: LocationID, lot: LotID?, quantity: Quantity) {
        self.location = location
        self.lot = lot
        self.quantity = quantity
    }

    func isAt(_ other: AllocatedPlace) -> Bool { location == other.location && lot == other.lot }
}

/// What is set aside in a place for one order line: the lines' places, the other way round.
package struct AllocationRow: Row {
    package static let kind = RowKind.allocation

    package struct Key: RowKey {
        package var stock: StockKey
        package var location: LocationID
        package var lot: LotID?
        package var orderSite: SiteCode
        package var order: DocumentID
        package var line: Int32
        package var site: SiteCode? { stock.home }

        package init(
            stock: StockKey,
            location: LocationID,
            lot: LotID?,
            orderSite: SiteCode,
            order: DocumentID,
            line: Int32
        ) {
            self.stock = stock
            self.location = location
            self.lot = lot
            self.orderSite = orderSite
            self.order = order
            self.line = line
        }

        package func encode(into writer: inout ByteWriter) {
            stock.encode(into: &writer)
            writer.id(location)
            writer.id(lot)
            writer.id(orderSite)
            writer.id(order)
            writer.ordered(signed: Int64(line))
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.stock = try StockKey(from: &reader)
            self.location = try reader.id()
            self.lot = try reader.optionalID()
            self.orderSite = try reader.id()
            self.order = try reader.id()
            self.line = Int32(truncatingIfNeeded: try reader.orderedSigned())
        }
    }

    package var quantity: Quantity
    package var isVacant: Bool { quantity.isZero }

    package init(quantity: Quantity) { self.quantity = quantity }

    package func encode(into writer: inout ByteWriter) { writer.quantity(quantity) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.quantity = try reader.quantity()
    }
}

extension OrderLineRow {
    /// Brings ``places`` in line with ``allocated``.
    ///
    /// What is no longer allocated was set aside in the place of the event, and then in the places
    /// that come last; what is allocated more lies in the place of the event.
    mutating func fitPlaces(preferring place: AllocatedPlace?) throws(EngineError) {
        var sum = Quantity.zero
        for place in places { sum = try sum.plus(place.quantity) }
        if sum > allocated {
            var left = try sum.minus(allocated)
            var order = Array(places.indices.reversed())
            if let place, let first = places.firstIndex(where: { $0.isAt(place) }) {
                order.removeAll { $0 == first }
                order.insert(first, at: 0)
            }
            for index in order {
                let taken = min(places[index].quantity, left)
                places[index].quantity = try places[index].quantity.minus(taken)
                left = try left.minus(taken)
            }
            places.removeAll { $0.quantity.isZero }
        } else if sum < allocated {
            var more = place ?? AllocatedPlace(location: .stock, lot: nil, quantity: .zero)
            more.quantity = try allocated.minus(sum)
            if let index = places.firstIndex(where: { $0.isAt(more) }) {
                places[index].quantity = try places[index].quantity.plus(more.quantity)
            } else {
                places.append(more)
            }
        }
    }
}

extension OrderLineRow {
    /// Changes what is set aside in a place; ``allocated`` is left to the caller.
    mutating func add(_ quantity: Quantity, at place: AllocatedPlace) throws(EngineError) {
        if let index = places.firstIndex(where: { $0.isAt(place) }) {
            places[index].quantity = try places[index].quantity.plus(quantity)
        } else {
            places.append(
                AllocatedPlace(location: place.location, lot: place.lot, quantity: quantity)
            )
        }
        places.removeAll { $0.quantity.isZero }
    }
}

extension EventLine {
    /// The place that the line names.
    var allocatedPlace: AllocatedPlace {
        AllocatedPlace(location: location ?? .stock, lot: lot, quantity: quantity)
    }
}

extension StockState {
    /// Keeps the index of what is set aside by place.
    mutating func keepAllocations(
        _ key: OrderLineRow.Key,
        from old: OrderLineRow?,
        to line: OrderLineRow
    ) throws(EngineError) {
        let before = old?.places ?? []
        guard before != line.places else { return }
        let stock = StockKey(home: key.home, sku: line.sku)
        func row(_ place: AllocatedPlace) -> AllocationRow.Key {
            AllocationRow.Key(
                stock: stock,
                location: place.location,
                lot: place.lot,
                orderSite: key.orderSite,
                order: key.order,
                line: key.line
            )
        }
        for place in before where !line.places.contains(where: { $0.isAt(place) }) {
            try cache.allocations.set(row(place), to: AllocationRow(quantity: .zero), from: reader)
        }
        for place in line.places {
            try cache.allocations.set(
                row(place),
                to: AllocationRow(quantity: place.quantity),
                from: reader
            )
        }
    }

    /// What is set aside in a place, by order line.
    ///
    /// - Complexity: O(order lines for which something is set aside there).
    mutating func allocations(
        _ stock: StockKey,
        _ location: LocationID,
        _ lot: LotID?
    ) throws(EngineError) -> [(key: AllocationRow.Key, row: AllocationRow)] {
        var prefix = ByteWriter()
        stock.encode(into: &prefix)
        prefix.id(location)
        prefix.id(lot)
        return try cache.allocations.rows(
            from: prefix.bytes,
            to: upperBound(ofPrefix: prefix.bytes),
            limit: .max,
            source: reader
        )
    }

    /// What of a place is sellable and not set aside for anybody; negative if more is set aside.
    mutating func unallocated(
        _ stock: StockKey,
        _ location: LocationID,
        _ lot: LotID?
    ) throws(EngineError) -> Quantity {
        let bucket = BucketRow.Key(
            home: stock.home,
            sku: stock.sku,
            location: location,
            lot: lot,
            status: .sellable
        )
        var free = try cache.buckets.row(bucket, from: reader)?.quantity ?? .zero
        for (_, row) in try allocations(stock, location, lot) {
            free = try free.minus(row.quantity)
        }
        return free
    }

    /// What was set aside where units have left since is set aside nowhere any more.
    ///
    /// - Complexity: O(lines of the event, and order lines set aside where it takes units).
    mutating func releaseUncovered(_ current: Current) throws(EngineError) {
        for (stock, lines) in report.moves.sorted(by: { $0.key < $1.key }) {
            guard let summary = try cache.summaries.row(stock, from: reader),
                summary.allocated.units > 0
            else { continue }
            for line in lines
            where line.status == .sellable && line.delta.units < 0 && line.location != .staging {
                try releaseAllocations(current, stock, line.location, line.lot)
            }
        }
    }

    /// Units that are moved take along what is set aside of them.
    mutating func moveAllocations(
        _ stock: StockKey,
        _ line: EventLine,
        from: LocationID,
        to: LocationID
    ) throws(EngineError) {
        guard holds(stock.home), line.status ?? .sellable == .sellable,
            let summary = try cache.summaries.row(stock, from: reader),
            summary.allocated.units > 0
        else { return }
        var beyond = min(line.quantity, try -unallocated(stock, from, line.lot))
        guard beyond.units > 0 else { return }
        for (key, row) in try allocations(stock, from, line.lot).reversed() {
            let moved = min(row.quantity, beyond)
            guard moved.units > 0 else { break }
            let lineKey = OrderLineRow.Key(
                home: stock.home,
                orderSite: key.orderSite,
                order: key.order,
                line: key.line
            )
            guard var served = try cache.orderLines.row(lineKey, from: reader) else { continue }
            let old = AllocatedPlace(location: from, lot: line.lot, quantity: moved)
            let new = AllocatedPlace(location: to, lot: line.lot, quantity: moved)
            try served.add(-moved, at: old)
            try served.add(moved, at: new)
            try setOrderLine(lineKey, to: served)
            beyond = try beyond.minus(moved)
        }
    }

    // MARK: Allocations

    /// Gives up what is set aside in a place beyond what is sellable there.
    mutating func releaseAllocations(
        _ current: Current,
        _ stock: StockKey,
        _ location: LocationID,
        _ lot: LotID?
    ) throws(EngineError) {
        var beyond = try -unallocated(stock, location, lot)
        guard beyond.units > 0 else { return }
        for (key, row) in try allocations(stock, location, lot).reversed() {
            let back = min(row.quantity, beyond)
            guard back.units > 0 else { break }
            let line = OrderLineRow.Key(
                home: stock.home,
                orderSite: key.orderSite,
                order: key.order,
                line: key.line
            )
            guard var served = try cache.orderLines.row(line, from: reader) else { continue }
            served.allocated = try served.allocated.minus(back)
            served.reserved = try served.reserved.plus(back)
            let place = AllocatedPlace(location: location, lot: lot, quantity: back)
            try setOrderLine(line, to: served, at: place)
            beyond = try beyond.minus(back)
            try noteReleasedAllocation(current, line, served.sku, back)
        }
    }

    private mutating func noteReleasedAllocation(
        _ current: Current,
        _ key: OrderLineRow.Key,
        _ sku: SKU,
        _ quantity: Quantity
    ) throws(EngineError) {
        let orderKey = OrderRow.Key(home: key.home, orderSite: key.orderSite, order: key.order)
        guard case .statusChanged = current.event.body,
            let order = try cache.orders.row(orderKey, from: reader),
            let other = unknown(order.allocatedBy, to: current)
        else {
            raise(
                "allocation_lost",
                sku,
                "Some of \(sku) that was set aside for \(key.order) is not there any more."
            )
            return
        }
        try raiseAllocationLost(current, with: other, key, sku, quantity)
    }

    /// What was set aside where it is quarantined is reserved, whichever of the two comes first.
    mutating func raiseAllocationLost(
        _ current: Current,
        with other: EventRef,
        _ key: OrderLineRow.Key,
        _ sku: SKU,
        _ quantity: Quantity
    ) throws(EngineError) {
        try raiseQuarantine(
            current,
            with: other,
            sku,
            "\(key.order)/\(key.line)",
            after: "\(quantity.units) units are reserved and set aside nowhere",
            compensation: "Allocate others."
        )
    }
}
