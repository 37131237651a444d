package import Causality

/// What the network knows of one item.
package struct ItemRow: Row {
    package static let kind = RowKind.item
    package static let layer: Layer? = .network

    package struct Key: RowKey {
        package var sku: SKU
        package var site: SiteCode? { nil }
        package init(sku: SKU) { self.sku = sku }
        package func encode(into writer: inout ByteWriter) { writer.id(sku) }
        package init(from reader: inout ByteReader) throws(EngineError) {
            self.sku = try reader.id()
        }
    }

    /// A field that can be edited by itself.
    package enum Field: UInt8, CaseIterable, Sendable {
        case name = 0
        case standardCost = 1
        case gtin = 2
        case safetyStock = 3
        case isRetired = 4

        /// The name of the field in commands.
        var text: String {
            switch self {
            case .name: "name"
            case .standardCost: "standard_cost"
            case .gtin: "gtin"
            case .safetyStock: "safety_stock"
            case .isRetired: "retired"
            }
        }
    }

    package var properties: ItemProperties
    /// How often the item was changed; 1 after the registration.
    package var version: UInt64
    package var isRetired: Bool
    /// Who last set each field, in the order of ``Field``.
    package var lastEdits: [EventRef]

    package init(properties: ItemProperties, by event: EventRef) {
        self.properties = properties
        self.version = 1
        self.isRetired = false
        self.lastEdits = Array(repeating: event, count: Field.allCases.count)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.text(properties.name)
        writer.id(properties.uom)
        writer.byte(properties.scale)
        writer.byte(properties.costing.rawValue)
        writer.optional(properties.standardCost) { $0.decimal($1) }
        writer.optional(properties.gtin) { $0.text($1) }
        writer.bool(properties.isLotTracked)
        writer.bool(properties.isSerialTracked)
        writer.bool(properties.isLotCosted)
        writer.quantity(properties.safetyStock)
        writer.varint(UInt64(properties.conversions.count))
        for conversion in properties.conversions {
            writer.id(conversion.uom)
            writer.signed(conversion.numerator)
            writer.signed(conversion.denominator)
        }
        writer.varint(version)
        writer.bool(isRetired)
        for edit in lastEdits { writer.reference(edit) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        var properties = ItemProperties(name: try reader.text())
        properties.uom = try reader.id()
        properties.scale = try reader.byte()
        properties.costing = try reader.raw(CostingMethod.self)
        properties.standardCost = try reader.optional { (r) throws(EngineError) in try r.decimal() }
        properties.gtin = try reader.optional { (r) throws(EngineError) in try r.text() }
        properties.isLotTracked = try reader.bool()
        properties.isSerialTracked = try reader.bool()
        properties.isLotCosted = try reader.bool()
        properties.safetyStock = try reader.quantity()
        for _ in 0..<(try reader.varint()) {
            properties.conversions.append(
                UnitConversion(
                    uom: try reader.id(),
                    numerator: try reader.signed(),
                    denominator: try reader.signed()
                )
            )
        }
        self.properties = properties
        self.version = try reader.varint()
        self.isRetired = try reader.bool()
        self.lastEdits = []
        for _ in Field.allCases { lastEdits.append(try reader.reference()) }
    }
}

/// What the network knows of one site.
package struct SiteRow: Row {
    package static let kind = RowKind.site
    package static let layer: Layer? = .network

    package struct Key: RowKey {
        package var code: SiteCode
        package var site: SiteCode? { nil }
        package init(code: SiteCode) { self.code = code }
        package func encode(into writer: inout ByteWriter) { writer.id(code) }
        package init(from reader: inout ByteReader) throws(EngineError) {
            self.code = try reader.id()
        }
    }

    package var name: String?
    /// The site's nodes that may promise, in the order of their activation.
    package var activeNodes: [NodeID]
    /// The site's nodes that have joined and may not promise yet.
    package var joiningNodes: [NodeID] = []

    package init(name: String?) {
        self.name = name
        self.activeNodes = []
    }

    package func encode(into writer: inout ByteWriter) {
        writer.optional(name) { $0.text($1) }
        writer.varint(UInt64(activeNodes.count))
        for node in activeNodes { writer.node(node) }
        writer.varint(UInt64(joiningNodes.count))
        for node in joiningNodes { writer.node(node) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.name = try reader.optional { (r) throws(EngineError) in try r.text() }
        self.activeNodes = []
        for _ in 0..<(try reader.varint()) { activeNodes.append(try reader.node()) }
        for _ in 0..<(try reader.varint()) { joiningNodes.append(try reader.node()) }
    }
}

/// What the network knows of one node.
package struct NodeRow: Row {
    package static let kind = RowKind.node
    package static let layer: Layer? = .network

    package struct Key: RowKey {
        package var node: NodeID
        package var site: SiteCode? { nil }
        package init(node: NodeID) { self.node = node }
        package func encode(into writer: inout ByteWriter) { writer.node(node) }
        package init(from reader: inout ByteReader) throws(EngineError) {
            self.node = try reader.node()
        }
    }

    package var name: Label
    /// The node's site; nil for the hub.
    package var homeSite: SiteCode?
    package var publicKey: [UInt8]
    package var isActive: Bool
    /// Where the hub registered it: the others of its site have to know that.
    package var registeredAt = HubPosition.start
    /// Whether an operator has taken it out of the network for good.
    package var isRetired = false

    package func encode(into writer: inout ByteWriter) {
        writer.id(name)
        writer.id(homeSite)
        writer.varint(UInt64(publicKey.count))
        writer.raw(publicKey)
        writer.bool(isActive)
        writer.varint(registeredAt.rawValue)
        writer.bool(isRetired)
    }

    package init(name: Label, homeSite: SiteCode?, publicKey: [UInt8], isActive: Bool) {
        self.name = name
        self.homeSite = homeSite
        self.publicKey = publicKey
        self.isActive = isActive
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.name = try reader.id()
        self.homeSite = try reader.optionalID()
        let count = try reader.varint()
        guard count <= 64 else { throw .damaged("A stored key is too long.") }
        self.publicKey = try reader.raw(Int(count))
        self.isActive = try reader.bool()
        self.registeredAt = HubPosition(try reader.varint())
        self.isRetired = try reader.bool()
    }
}

/// A place inside a site.
package struct LocationRow: Row {
    package static let kind = RowKind.location
    package static let layer: Layer? = .physical

    package struct Key: RowKey {
        package var home: SiteCode
        package var location: LocationID
        package var site: SiteCode? { home }
        package init(home: SiteCode, location: LocationID) {
            self.home = home
            self.location = location
        }
        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.id(location)
        }
        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.id()
            self.location = try reader.id()
        }
    }

    package var purpose: LocationKind
    package var version: UInt64
    package var isRetired: Bool
    /// The event that retired it; nil while it is in use.
    package var retiredBy: EventRef?

    package init(purpose: LocationKind) {
        self.purpose = purpose
        self.version = 1
        self.isRetired = false
    }

    package func encode(into writer: inout ByteWriter) {
        writer.byte(purpose.rawValue)
        writer.varint(version)
        writer.bool(isRetired)
        writer.optional(retiredBy) { $0.reference($1) }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.purpose = try reader.raw(LocationKind.self)
        self.version = try reader.varint()
        self.isRetired = try reader.bool()
        self.retiredBy = try reader.optionalReference()
    }
}
