import Causality

/// The list of cost layers of a stock: added to at the young end, taken from at the old one.
extension StockState {
    private mutating func layer(
        _ stock: StockKey,
        _ id: LayerID
    ) throws(EngineError) -> CostLayerRow {
        let key = CostLayerRow.Key(stock: stock, id: id)
        guard let row = try cache.costLayers.row(key, from: reader) else {
            throw .damaged("A cost layer of \(stock.sku) is missing.")
        }
        return row
    }

    private mutating func setLayer(
        _ stock: StockKey,
        _ id: LayerID,
        _ row: CostLayerRow?
    ) throws(EngineError) {
        try cache.costLayers.set(
            CostLayerRow.Key(stock: stock, id: id),
            to: row,
            from: reader
        )
    }

    /// Puts a layer where its neighbours say, between them.
    private mutating func link(
        _ stock: StockKey,
        _ id: LayerID,
        _ row: CostLayerRow,
        _ ends: inout LayerEnds
    ) throws(EngineError) {
        try setLayer(stock, id, row)
        if let older = row.neighbours.older {
            var other = try layer(stock, older)
            other.neighbours.younger = id
            try setLayer(stock, older, other)
        } else {
            ends.older = id
        }
        if let younger = row.neighbours.younger {
            var other = try layer(stock, younger)
            other.neighbours.older = id
            try setLayer(stock, younger, other)
        } else {
            ends.younger = id
        }
    }

    private mutating func unlink(
        _ stock: StockKey,
        _ id: LayerID,
        _ row: CostLayerRow,
        _ ends: inout LayerEnds
    ) throws(EngineError) {
        try setLayer(stock, id, nil)
        if let older = row.neighbours.older {
            var other = try layer(stock, older)
            other.neighbours.younger = row.neighbours.younger
            try setLayer(stock, older, other)
        } else {
            ends.older = row.neighbours.younger
        }
        if let younger = row.neighbours.younger {
            var other = try layer(stock, younger)
            other.neighbours.older = row.neighbours.older
            try setLayer(stock, younger, other)
        } else {
            ends.younger = row.neighbours.older
        }
    }

    /// Adds the youngest layers, one for each part that a movement brought.
    mutating func addLayers(
        _ parts: [CostPart],
        by event: EventID,
        _ index: UInt32,
        to stock: StockKey,
        _ ends: inout LayerEnds
    ) throws(EngineError) {
        for (number, part) in parts.enumerated() {
            let id = LayerID(event: event, index: index, part: UInt32(number))
            let row = CostLayerRow(
                quantity: part.quantity,
                value: part.value,
                neighbours: LayerEnds(older: ends.younger)
            )
            try link(stock, id, row, &ends)
        }
    }

    /// Takes units out of the layers, those of one receipt first if one is named, then the oldest;
    /// no more than all layers hold.
    ///
    /// It costs O(layers that are touched).
    mutating func takeLayers(
        _ quantity: Quantity,
        of receipt: EventID?,
        from stock: StockKey,
        _ ends: inout LayerEnds
    ) throws(EngineError) -> [LayerTaking] {
        var takings: [LayerTaking] = []
        var left = quantity
        if let receipt {
            let prefix = CostLayerRow.Key.prefix(stock, receipt)
            let own = try cache.costLayers.rows(
                from: prefix,
                to: upperBound(ofPrefix: prefix),
                limit: .max,
                source: reader
            )
            for (key, _) in own where left.units > 0 {
                takings.append(try take(left, out: key.id, of: stock, &ends))
                left = try left.minus(takings[takings.count - 1].quantity)
            }
        }
        while left.units > 0 {
            guard let oldest = ends.older else {
                throw .damaged("The cost layers of \(stock.sku) hold less than their total.")
            }
            takings.append(try take(left, out: oldest, of: stock, &ends))
            left = try left.minus(takings[takings.count - 1].quantity)
        }
        return takings
    }

    /// Takes what a layer has of a quantity; the last unit takes what rounding left over.
    private mutating func take(
        _ quantity: Quantity,
        out id: LayerID,
        of stock: StockKey,
        _ ends: inout LayerEnds
    ) throws(EngineError) -> LayerTaking {
        var row = try layer(stock, id)
        let taken = min(quantity, row.quantity)
        let value = try row.value.share(taken, of: row.quantity)
        if taken == row.quantity {
            try unlink(stock, id, row, &ends)
            return LayerTaking(
                layer: id,
                quantity: taken,
                value: value,
                removedFrom: row.neighbours
            )
        }
        row.quantity = try row.quantity.minus(taken)
        row.value = try row.value.minus(value)
        try setLayer(stock, id, row)
        return LayerTaking(layer: id, quantity: taken, value: value)
    }

    /// Changes what all layers are worth, in proportion to what they are worth; to their quantity if
    /// they are worth nothing.
    ///
    /// It costs O(layers).
    mutating func spread(
        _ change: Money,
        over stock: StockKey,
        _ ends: LayerEnds
    ) throws(EngineError) -> [LayerTaking] {
        var layers: [(id: LayerID, row: CostLayerRow)] = []
        var next = ends.older
        while let id = next {
            let row = try layer(stock, id)
            layers.append((id, row))
            next = row.neighbours.younger
        }
        var weights = layers.map { Int128(max(0, $0.row.value.units)) }
        if weights.allSatisfy({ $0 == 0 }) {
            weights = layers.map { Int128($0.row.quantity.units) }
        }
        var takings: [LayerTaking] = []
        for (index, share) in try change.split(by: weights).enumerated() where !share.isZero {
            var (id, row) = layers[index]
            row.value = try row.value.plus(share)
            try setLayer(stock, id, row)
            takings.append(LayerTaking(layer: id, quantity: .zero, value: -share))
        }
        return takings
    }

    /// Undoes what the youngest movement did to the layers: those that it made go, those that it
    /// took from get back what they had.
    ///
    /// Movements are undone in the opposite of their order, so that each finds the list as it left
    /// it; a removed layer goes back between the neighbours that it had.
    mutating func unwind(
        _ row: inout MovementRow,
        at place: MovementKey,
        _ stock: StockKey,
        _ ends: inout LayerEnds
    ) throws(EngineError) {
        for part in (0..<row.layersMade).reversed() {
            let id = LayerID(event: row.event, index: place.index, part: part)
            try unlink(stock, id, layer(stock, id), &ends)
        }
        row.layersMade = 0
        for taking in row.takings.reversed() {
            if let neighbours = taking.removedFrom {
                let back = CostLayerRow(
                    quantity: taking.quantity,
                    value: taking.value,
                    neighbours: neighbours
                )
                try link(stock, taking.layer, back, &ends)
            } else {
                var back = try layer(stock, taking.layer)
                back.quantity = try back.quantity.plus(taking.quantity)
                back.value = try back.value.plus(taking.value)
                try setLayer(stock, taking.layer, back)
            }
        }
        row.takings = []
    }
}
