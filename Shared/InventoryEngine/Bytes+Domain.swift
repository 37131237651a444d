package import Causality

extension ByteWriter {
    package mutating func id<Tag>(_ identifier: Identifier<Tag>) {
        terminated(identifier.text)
    }

    /// An identifier that may be absent: absent sorts first.
    package mutating func id<Tag>(_ identifier: Identifier<Tag>?) {
        terminated(identifier?.text ?? "")
    }

    package mutating func node(_ node: NodeID) {
        ordered(node.high)
        ordered(node.low)
    }

    package mutating func event(_ event: EventID) {
        node(event.node)
        ordered(event.sequence)
    }

    package mutating func quantity(_ quantity: Quantity) {
        signed(quantity.units)
    }

    package mutating func money(_ money: Money) {
        signed(money.units)
    }

    package mutating func optional<Value>(
        _ value: Value?,
        _ write: (inout ByteWriter, Value) -> Void
    ) {
        bool(value != nil)
        if let value { write(&self, value) }
    }

    package mutating func reference(_ reference: EventRef) {
        event(reference.id)
        varint(reference.position?.rawValue ?? 0)
    }

    package mutating func decimal(_ decimal: ExactDecimal) {
        signed(decimal.mantissa)
        byte(decimal.scale)
    }

    package mutating func movement(_ key: MovementKey) {
        ordered(signed: key.effective.microseconds)
        ordered(key.position.rawValue)
        ordered(key.sequence)
        ordered(UInt64(key.index))
    }
}

extension ByteReader {
    package mutating func id<Tag>() throws(EngineError) -> Identifier<Tag> {
        guard let value = Identifier<Tag>(try terminated()) else {
            throw .damaged("A stored identifier is not well formed.")
        }
        return value
    }

    package mutating func optionalID<Tag>() throws(EngineError) -> Identifier<Tag>? {
        let text = try terminated()
        guard !text.isEmpty else { return nil }
        guard let value = Identifier<Tag>(text) else {
            throw .damaged("A stored identifier is not well formed.")
        }
        return value
    }

    package mutating func node() throws(EngineError) -> NodeID {
        NodeID(high: try ordered(), low: try ordered())
    }

    package mutating func event() throws(EngineError) -> EventID {
        EventID(node: try node(), sequence: try ordered())
    }

    package mutating func quantity() throws(EngineError) -> Quantity {
        Quantity(units: try signed())
    }

    package mutating func money() throws(EngineError) -> Money {
        Money(units: try signed())
    }

    package mutating func optional<Value>(
        _ read: (inout ByteReader) throws(EngineError) -> Value
    ) throws(EngineError) -> Value? {
        try bool() ? try read(&self) : nil
    }

    package mutating func reference() throws(EngineError) -> EventRef {
        let id = try event()
        let position = try varint()
        return EventRef(id: id, position: position == 0 ? nil : HubPosition(position))
    }

    package mutating func decimal() throws(EngineError) -> ExactDecimal {
        ExactDecimal(mantissa: try signed(), scale: try byte())
    }

    package mutating func movement() throws(EngineError) -> MovementKey {
        MovementKey(
            effective: Instant(microseconds: try orderedSigned()),
            position: HubPosition(try ordered()),
            sequence: try ordered(),
            index: UInt32(truncatingIfNeeded: try ordered())
        )
    }

    package mutating func raw<Value: RawRepresentable>(
        _ type: Value.Type
    ) throws(EngineError) -> Value where Value.RawValue == UInt8 {
        guard let value = Value(rawValue: try byte()) else {
            throw .damaged("A stored choice is not one of the known ones.")
        }
        return value
    }
}
