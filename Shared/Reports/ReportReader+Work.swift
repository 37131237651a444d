import Causality
import Interchange
import InventoryEngine

/// What somebody has to do, where the units of a lot went, and where each single unit is.
extension ReportReader {
    mutating func tasks() throws -> ReportPage {
        try pageOfRows(ranges(.task, withNetwork: false)) { (reader, _, bytes, value) throws in
            let key = try TaskRow.Key(bytes: bytes)
            guard reader.query.skus.isEmpty || reader.query.skus.contains(key.sku) else {
                return nil
            }
            let task = try TaskRow(bytes: value)
            let scale = try reader.scale(key.sku)
            let askedBy = try task.askedBy.map { try reader.text(of: $0.id) }
            let isProvisional = try reader.isProvisional(.task, bytes, value)
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("site", key.home.text)
                writer.member("task", key.purpose.text)
                writer.member("subject", key.subject)
                writer.member("sku", key.sku.text)
                writer.member("quantity", units: task.quantity.units, scale: scale)
                writer.member("asked_by", orNull: askedBy)
                writer.member("provisional", isProvisional)
            }
            return writer.bytes
        }
    }

    /// Where each unit is, and of a unit that is asked for where it was before, from the first on.
    mutating func serials() throws -> ReportPage {
        try pageOfRows(rangesBySKU(.serial)) { (reader, _, bytes, value) throws in
            let key = try SerialRow.Key(bytes: bytes)
            let isAsked = reader.query.id == key.serial.text
            guard isAsked || (reader.query.id == nil && key.step == 0) else { return nil }
            let row = try SerialRow(bytes: value)
            let place = row.place
            let state = place.standing == .away ? "away" : "here"
            guard reader.query.state ?? state == state else { return nil }
            let event = try reader.text(of: row.by.id)
            let isProvisional = try reader.isProvisional(.serial, bytes, value)
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("site", key.stock.home.text)
                writer.member("sku", key.stock.sku.text)
                writer.member("serial", key.serial.text)
                writer.member("state", place.standing.text)
                writer.member("location", orNull: place.location?.text)
                writer.member("lot", orNull: place.lot?.text)
                writer.member("status", orNull: place.standing == .away ? nil : place.status.text)
                writer.member("order_site", orNull: place.order?.site.text)
                writer.member("order", orNull: place.order?.order.text)
                writer.member("event", event)
                writer.member("step", number: row.steps)
                writer.member("is_now", key.step == 0)
                writer.member("provisional", isProvisional)
            }
            return writer.bytes
        }
    }

    mutating func lots() throws -> ReportPage {
        try pageOfRows(rangesBySKU(.staged)) { (reader, _, bytes, value) throws in
            let key = try StagedRow.Key(bytes: bytes)
            if let id = reader.query.id, key.lot?.text != id { return nil }
            let row = try StagedRow(bytes: value)
            let scale = try reader.scale(key.stock.sku)
            let lot = key.lot.map { LotRow.Key(stock: key.stock, lot: $0) }
            let expiry = try lot.flatMap { try reader.source.row(LotRow.self, $0)?.expiry }
            let isProvisional = try reader.isProvisional(.staged, bytes, value)
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("site", key.stock.home.text)
                writer.member("sku", key.stock.sku.text)
                writer.member("lot", orNull: key.lot?.text)
                writer.member("expiry", orNull: expiry?.description)
                writer.member("order_site", key.orderSite.text)
                writer.member("order", key.order.text)
                writer.member("staged", units: row.staged.units, scale: scale)
                writer.member("quarantined", units: row.held.units, scale: scale)
                writer.member("shipped", units: row.shipped.units, scale: scale)
                writer.member("provisional", isProvisional)
            }
            return writer.bytes
        }
    }
}
