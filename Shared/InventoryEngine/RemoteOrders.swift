public import Causality

/// The lines of a claim that one other site ships.
public struct RemoteLines: Hashable, Sendable {
    /// The site that ships.
    public var shipFrom: SiteCode
    /// `line`, `sku`, `quantity`, `granted`.
    public var lines: [EventLine]

    /// Names the lines of a site.
    public init(shipFrom: SiteCode, lines: [EventLine]) {
        self.shipFrom = shipFrom
        self.lines = lines
    }
}

/// How far one line of an order has come, in base units.
public struct LineProgress: Hashable, Sendable {
    /// What this site is to ship: the sum of what follows up to `cancelled`.
    public var ordered = Quantity.zero
    /// Promised.
    public var reserved = Quantity.zero
    /// Promised, and set aside in a place.
    public var allocated = Quantity.zero
    /// Taken from its place.
    public var picked = Quantity.zero
    /// In a container.
    public var packed = Quantity.zero
    /// Gone.
    public var shipped = Quantity.zero
    /// Waiting for stock.
    public var backordered = Quantity.zero
    /// Not wanted any more.
    public var cancelled = Quantity.zero
    /// What of `picked` and `packed` was cancelled.
    public var toPutBack = Quantity.zero
    /// What of `shipped` came back.
    public var returned = Quantity.zero

    /// Nothing yet.
    public init() {}

    /// Its parts, in the order in which they are written.
    package static let parts: [any WritableKeyPath<LineProgress, Quantity> & Sendable] = [
        \.ordered, \.reserved, \.allocated, \.picked, \.packed, \.shipped, \.backordered,
        \.cancelled, \.toPutBack, \.returned,
    ]

    /// Whether something is still to be done.
    public var isOpen: Bool {
        !(reserved.isZero && allocated.isZero && picked.isZero && packed.isZero
            && backordered.isZero)
    }
}

/// What has become of an order at the site that ships it; the hub records it at the site that took
/// the order.
public struct OrderProgress: Hashable, Sendable {
    /// One line, as it stands at the site that ships it.
    public struct Line: Hashable, Sendable {
        /// Its number in the order.
        public var line: Int32
        /// What it is about.
        public var sku: SKU
        /// Decimals of the quantities.
        public var scale: UInt8
        /// How far it has come.
        public var progress: LineProgress

        /// Tells how far a line has come.
        public init(line: Int32, sku: SKU, scale: UInt8, progress: LineProgress) {
            self.line = line
            self.sku = sku
            self.scale = scale
            self.progress = progress
        }
    }

    /// What the site that took the order has to know of.
    public struct Notice: Hashable, Sendable {
        /// The code of the exception.
        public var code: String
        /// The item, if it is about one.
        public var sku: SKU?
        /// What it is, as people say it.
        public var sentence: String

        /// Makes a notice.
        public init(code: String, sku: SKU?, sentence: String) {
            self.code = code
            self.sku = sku
            self.sentence = sentence
        }
    }

    /// The order's number.
    public var order: DocumentID
    /// The site that ships.
    public var shipFrom: SiteCode
    /// The lines that have changed.
    public var lines: [Line]
    /// What was raised there about what this site has claimed.
    public var notices: [Notice]
    /// Conflicts there that concern the order.
    public var conflicts: [ConflictNotice]

    /// Tells what has become of an order.
    public init(
        order: DocumentID,
        shipFrom: SiteCode,
        lines: [Line],
        notices: [Notice] = [],
        conflicts: [ConflictNotice] = []
    ) {
        self.order = order
        self.shipFrom = shipFrom
        self.lines = lines
        self.notices = notices
        self.conflicts = conflicts
    }
}

/// A conflict of another site, for a site that it concerns and that cannot see it by itself.
public struct ConflictNotice: Hashable, Sendable {
    /// One of the two events, and what it knew.
    public struct Side: Hashable, Sendable {
        /// The event.
        public var event: EventID
        /// Its place in the hub's order, if it has one.
        public var position: HubPosition?
        /// What its recorder knew.
        public var context: CausalContext

        /// Names one side of a conflict.
        public init(event: EventID, position: HubPosition?, context: CausalContext) {
            self.event = event
            self.position = position
            self.context = context
        }
    }

    /// The conflict's id.
    public var id: String
    /// The number of its rule in the table of pairs.
    public var rule: UInt8
    /// Whether the rule has resolved it.
    public var isResolved: Bool
    /// The item, if it is about one.
    public var sku: SKU?
    /// What it is about, as people say it.
    public var subject: String
    /// The two events.
    public var sides: [Side]
    /// What the rule says.
    public var resolution: String
    /// What was, before.
    public var before: String
    /// What is now.
    public var after: String
    /// What has to be done about it.
    public var compensation: String
    /// The sites that it concerns.
    public var sites: [SiteCode]

    /// An empty notice, to be filled in.
    public init(id: String, rule: UInt8, isResolved: Bool) {
        self.id = id
        self.rule = rule
        self.isResolved = isResolved
        self.sku = nil
        self.subject = ""
        self.sides = []
        self.resolution = ""
        self.before = ""
        self.after = ""
        self.compensation = ""
        self.sites = []
    }
}

/// Units that wait at one site and shall be shipped by another one: a compensation of the hub's.
public struct OrderResourcing: Hashable, Sendable {
    /// Who promised the units, and when: their rank among what waits.
    public struct Promise: Hashable, Sendable {
        /// The order's priority.
        public var priority: Int32
        /// When it was promised.
        public var time: Instant
        /// The event that promised it.
        public var event: EventID
        /// The place of that event in the hub's order.
        public var position: HubPosition?

        /// Makes a rank.
        public init(priority: Int32, time: Instant, event: EventID, position: HubPosition?) {
            self.priority = priority
            self.time = time
            self.event = event
            self.position = position
        }

        var ref: EventRef { EventRef(id: event, position: position) }
    }

    /// The order's number.
    public var order: DocumentID
    /// The site that took the order; nil means the event's own.
    public var orderSite: SiteCode?
    /// The site that is to ship them.
    public var shipFrom: SiteCode
    /// The line and how much of what is backordered.
    public var line: EventLine
    /// Its rank.
    public var promise: Promise

    /// Asks another site for what waits.
    public init(
        order: DocumentID,
        orderSite: SiteCode? = nil,
        shipFrom: SiteCode,
        line: EventLine,
        promise: Promise
    ) {
        self.promise = promise
        self.order = order
        self.orderSite = orderSite
        self.shipFrom = shipFrom
        self.line = line
    }
}
