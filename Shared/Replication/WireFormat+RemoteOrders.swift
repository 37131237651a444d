import Causality
import InventoryEngine

/// Orders that another site ships, in the wire format.
extension WireRemoteLines {
    init(_ body: RemoteLines) {
        self.init()
        shipFrom = body.shipFrom.text
        if let lines = WireLines(body.lines) { self.lines = lines }
    }

    func value() throws(ReplicationError) -> RemoteLines {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return RemoteLines(
            shipFrom: try WireField.identifier(shipFrom, "ship_from"),
            lines: try lines.values()
        )
    }
}

extension WireOrderProgress {
    init(_ body: OrderProgress) {
        self.init()
        order = body.order.text
        shipFrom = body.shipFrom.text
        lines = body.lines.map { Line($0) }
        notices = body.notices.map { notice in
            var wire = Notice()
            wire.code = notice.code
            wire.sku = notice.sku?.text ?? ""
            wire.sentence = notice.sentence
            return wire
        }
        conflicts = body.conflicts.map { WireConflictNotice($0) }
    }

    func value() throws(ReplicationError) -> OrderProgress {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var progress = OrderProgress(
            order: try WireField.identifier(order, "order"),
            shipFrom: try WireField.identifier(shipFrom, "ship_from"),
            lines: []
        )
        for line in lines { progress.lines.append(try line.value()) }
        for notice in notices {
            try WireField.expectNothing(in: notice.unknownFields, of: "notices")
            progress.notices.append(
                OrderProgress.Notice(
                    code: notice.code,
                    sku: try WireField.identifierIfAny(notice.sku, "sku"),
                    sentence: notice.sentence
                )
            )
        }
        for conflict in conflicts { progress.conflicts.append(try conflict.value()) }
        return progress
    }
}

extension WireOrderProgress.Line {
    init(_ body: OrderProgress.Line) {
        self.init()
        line = body.line
        sku = body.sku.text
        scale = UInt32(body.scale)
        quantities = LineProgress.parts.map { body.progress[keyPath: $0].units }
        while quantities.last == 0 { quantities.removeLast() }
    }

    func value() throws(ReplicationError) -> OrderProgress.Line {
        try WireField.expectNothing(in: unknownFields, of: "lines")
        guard quantities.count <= LineProgress.parts.count else {
            throw .malformed("quantities", "are more than there are parts of a line")
        }
        var progress = LineProgress()
        for (part, units) in zip(LineProgress.parts, quantities) {
            progress[keyPath: part] = try WireField.quantity(units, "quantities")
        }
        return OrderProgress.Line(
            line: line,
            sku: try WireField.identifier(sku, "sku"),
            scale: try WireField.scale(scale, max: WireFormat.quantityScaleMax, "scale"),
            progress: progress
        )
    }
}

extension WireConflictNotice {
    init(_ body: ConflictNotice) {
        self.init()
        id = body.id
        rule = UInt32(body.rule)
        isResolved = body.isResolved
        sku = body.sku?.text ?? ""
        subject = body.subject
        sides = body.sides.map { Side($0) }
        resolution = body.resolution
        before = body.before
        after = body.after
        compensation = body.compensation
        sites = body.sites.map(\.text)
    }

    func value() throws(ReplicationError) -> ConflictNotice {
        try WireField.expectNothing(in: unknownFields, of: "conflicts")
        guard let rule = UInt8(exactly: rule) else {
            throw .malformed("rule", "is not the number of a rule")
        }
        var notice = ConflictNotice(id: id, rule: rule, isResolved: isResolved)
        notice.sku = try WireField.identifierIfAny(sku, "sku")
        notice.subject = subject
        for side in sides { notice.sides.append(try side.value()) }
        notice.resolution = resolution
        notice.before = before
        notice.after = after
        notice.compensation = compensation
        notice.sites = try WireField.sites(sites)
        return notice
    }
}

extension WireConflictNotice.Side {
    init(_ body: ConflictNotice.Side) {
        self.init()
        event = WireEventId(body.event)
        if let place = body.position { position = place.rawValue }
        contextPosition = body.context.position.rawValue
        contextEpoch = WireEpoch(body.context.epoch)
        contextExtra = body.context.extra.entries.map { entry in
            WireEventId(EventID(node: entry.node, sequence: entry.count))
        }
    }

    func value() throws(ReplicationError) -> ConflictNotice.Side {
        try WireField.expectNothing(in: unknownFields, of: "sides")
        var extra = VectorClock()
        for dot in contextExtra { extra.record(try dot.value("context_extra")) }
        return ConflictNotice.Side(
            event: try event.value("event"),
            position: hasPosition ? HubPosition(position) : nil,
            context: CausalContext(
                epoch: contextEpoch.value,
                position: HubPosition(contextPosition),
                extra: extra
            )
        )
    }
}

extension WireOrderResourcing {
    init(_ body: OrderResourcing) {
        self.init()
        order = body.order.text
        orderSite = body.orderSite?.text ?? ""
        shipFrom = body.shipFrom.text
        if let lines = WireLines([body.line]) { self.lines = lines }
        priority = body.promise.priority
        promisedAt = body.promise.time.microseconds
        promisedBy = WireEventId(body.promise.event)
        if let place = body.promise.position { promisedPosition = place.rawValue }
    }

    func value() throws(ReplicationError) -> OrderResourcing {
        try WireField.expectNothing(in: unknownFields, of: "body")
        let read = try lines.values()
        guard read.count == 1 else { throw .malformed("lines", "are not exactly one") }
        return OrderResourcing(
            order: try WireField.identifier(order, "order"),
            orderSite: try WireField.identifierIfAny(orderSite, "order_site"),
            shipFrom: try WireField.identifier(shipFrom, "ship_from"),
            line: read[0],
            promise: OrderResourcing.Promise(
                priority: priority,
                time: Instant(microseconds: promisedAt),
                event: try promisedBy.value("promised_by"),
                position: hasPromisedPosition ? HubPosition(promisedPosition) : nil
            )
        )
    }
}
