import Causality
import Foundation
import InventoryEngine
import SwiftProtobuf

// Promise rights and the nodes that hold them.

extension WireRightsGrant {
    init(_ body: RightsGrant) {
        self.init()
        sku = body.sku.text
        quantity = body.quantity.units
        scale = UInt32(body.scale)
        stockSite = body.stockSite?.text ?? ""
        to = WireNodeId(body.to)
        if let request = body.request { self.request = WireEventId(request) }
        toSite = body.toSite?.text ?? ""
    }

    func value() throws(ReplicationError) -> RightsGrant {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var grant = RightsGrant(
            sku: try WireField.identifier(sku, "sku"),
            quantity: try WireField.quantity(quantity, "quantity"),
            scale: try WireField.scale(scale, max: WireFormat.quantityScaleMax, "scale"),
            stockSite: try WireField.identifierIfAny(stockSite, "stock_site"),
            to: try to.value("to")
        )
        if hasRequest { grant.request = try request.value("request") }
        grant.toSite = try WireField.identifierIfAny(toSite, "to_site")
        return grant
    }
}

extension WireNodeRegistration {
    init(_ body: NodeRegistration) {
        self.init()
        node = WireNodeId(body.node)
        name = body.name.text
        site = body.site?.text ?? ""
        publicKey = Data(body.publicKey)
        active = body.isActive
    }

    func value() throws(ReplicationError) -> NodeRegistration {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return NodeRegistration(
            node: try node.value("body.node"),
            name: try WireField.identifier(name, "name"),
            site: try WireField.identifierIfAny(site, "body.site"),
            publicKey: try WireField.publicKey(publicKey, "public_key"),
            isActive: active
        )
    }
}

extension WireRightsRequest {
    init(_ body: RightsRequest) {
        self.init()
        sku = body.sku.text
        quantity = body.quantity.units
        scale = UInt32(body.scale)
        stockSite = body.stockSite?.text ?? ""
        to = WireNodeId(body.to)
    }

    func value() throws(ReplicationError) -> RightsRequest {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return RightsRequest(
            sku: try WireField.identifier(sku, "sku"),
            quantity: try WireField.quantity(quantity, "quantity"),
            scale: try WireField.scale(scale, max: WireFormat.quantityScaleMax, "scale"),
            stockSite: try WireField.identifierIfAny(stockSite, "stock_site"),
            to: try to.value("to")
        )
    }
}

extension WireRightsReclaim {
    init(_ body: RightsReclaim) {
        self.init()
        sku = body.sku.text
        quantity = body.quantity.units
        scale = UInt32(body.scale)
        stockSite = body.stockSite?.text ?? ""
        from = WireNodeId(body.from)
        if let receiver = body.to { to = WireNodeId(receiver) }
        holderSites = body.holderSites.map(\.text)
    }

    func value() throws(ReplicationError) -> RightsReclaim {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var reclaim = RightsReclaim(
            sku: try WireField.identifier(sku, "sku"),
            quantity: try WireField.quantity(quantity, "quantity"),
            scale: try WireField.scale(scale, max: WireFormat.quantityScaleMax, "scale"),
            stockSite: try WireField.identifierIfAny(stockSite, "stock_site"),
            from: try from.value("from"),
            to: hasTo ? try to.value("to") : nil
        )
        reclaim.holderSites = try WireField.sites(holderSites)
        return reclaim
    }
}

extension WireRightsThaw {
    init(_ body: RightsThaw) {
        self.init()
        items = body.items.map { item in
            var wire = Item()
            wire.event = WireEventId(item.event)
            wire.sku = item.sku.text
            return wire
        }
    }

    func value() throws(ReplicationError) -> RightsThaw {
        try WireField.expectNothing(in: unknownFields, of: "body")
        var thawed: [RightsThaw.Item] = []
        for item in items {
            try WireField.expectNothing(in: item.unknownFields, of: "item")
            thawed.append(
                RightsThaw.Item(
                    event: try item.event.value("event"),
                    sku: try WireField.identifier(item.sku, "sku")
                )
            )
        }
        return RightsThaw(items: thawed)
    }
}

extension WireNodeChange {
    init(_ body: NodeChange) {
        self.init()
        node = WireNodeId(body.node)
    }

    func value() throws(ReplicationError) -> NodeChange {
        try WireField.expectNothing(in: unknownFields, of: "body")
        return NodeChange(node: try node.value("node"))
    }
}
