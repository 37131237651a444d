package import Causality

/// An event that is kept and shown but not applied, with the reason; or a claim turned down.
package struct ParkedRow: Row {
    package static let kind = RowKind.parked

    /// How a parked event was closed.
    package struct Closing: Equatable, Sendable {
        package var outcome: Outcome
        /// The entry that closed it.
        package var event: EventRef
        /// Who closed it; nil where the hub did by itself.
        package var actor: ActorID?
        /// What a person did about it instead.
        package var reason: String

        package init(
            outcome: Outcome,
            event: EventRef,
            actor: ActorID? = nil,
            reason: String = ""
        ) {
            self.outcome = outcome
            self.event = event
            self.actor = actor
            self.reason = reason
        }
    }

    /// What became of a parked event.
    package enum Outcome: UInt8, CaseIterable, Sendable {
        /// It took effect after all.
        case released = 0
        /// It never will; a person did something else about it.
        case compensated = 1

        /// The stable text.
        package var text: String {
            switch self {
            case .released: "released"
            case .compensated: "compensated"
            }
        }
    }

    package struct Key: RowKey {
        package var home: SiteCode?
        package var event: EventID
        package var site: SiteCode? { home }

        package init(home: SiteCode?, event: EventID) {
            self.home = home
            self.event = event
        }

        package func encode(into writer: inout ByteWriter) {
            writer.id(home)
            writer.event(event)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            self.home = try reader.optionalID()
            self.event = try reader.event()
        }
    }

    package var verdict: Verdict
    package var code: String
    package var sentence: String
    package var raisedAt: Instant
    /// Where the hub's order has it; nil while it is pending.
    package var position: HubPosition?
    /// How it was closed; nil while it is open.
    package var closing: Closing?

    package var isClosed: Bool { closing != nil }

    package init(verdict: Verdict, code: String, sentence: String, raisedAt: Instant) {
        self.verdict = verdict
        self.code = code
        self.sentence = sentence
        self.raisedAt = raisedAt
    }

    package func encode(into writer: inout ByteWriter) {
        writer.byte(verdict.rawValue)
        writer.text(code)
        writer.text(sentence)
        writer.signed(raisedAt.microseconds)
        writer.varint(position?.rawValue ?? 0)
        writer.optional(closing) {
            $0.byte($1.outcome.rawValue)
            $0.reference($1.event)
            $0.id($1.actor)
            $0.text($1.reason)
        }
    }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.verdict = try reader.raw(Verdict.self)
        self.code = try reader.text()
        self.sentence = try reader.text()
        self.raisedAt = Instant(microseconds: try reader.signed())
        let position = try reader.varint()
        self.position = position == 0 ? nil : HubPosition(position)
        self.closing = try reader.optional { (r) throws(EngineError) in
            Closing(
                outcome: try r.raw(Outcome.self),
                event: try r.reference(),
                actor: try r.optionalID(),
                reason: try r.text()
            )
        }
    }
}

/// What a parked event waits for: the hub's index, which tells what to release when it arrives.
package struct AwaitedRow: Row {
    package static let kind = RowKind.awaited

    /// What an event may wait for.
    package enum Cause: Hashable, Sendable {
        /// The item is not in the catalogue.
        case item(SKU)
        /// The program does not know the event's type.
        case program

        func encode(into writer: inout ByteWriter) {
            switch self {
            case .program: writer.byte(0)
            case .item(let sku):
                writer.byte(1)
                writer.id(sku)
            }
        }
    }

    package struct Key: RowKey {
        package var cause: Cause
        package var position: HubPosition
        package var event: EventID
        package var site: SiteCode? { nil }

        package init(cause: Cause, position: HubPosition, event: EventID) {
            self.cause = cause
            self.position = position
            self.event = event
        }

        package func encode(into writer: inout ByteWriter) {
            cause.encode(into: &writer)
            writer.ordered(position.rawValue)
            writer.event(event)
        }

        package init(from reader: inout ByteReader) throws(EngineError) {
            switch try reader.byte() {
            case 0: self.cause = .program
            case 1: self.cause = .item(try reader.id())
            default: throw .damaged("A parked event waits for something unknown.")
            }
            self.position = HubPosition(try reader.ordered())
            self.event = try reader.event()
        }
    }

    /// Whether the event still waits.
    package var isWaiting: Bool
    package var isVacant: Bool { !isWaiting }

    package init(isWaiting: Bool) { self.isWaiting = isWaiting }

    package func encode(into writer: inout ByteWriter) { writer.bool(isWaiting) }

    package init(from reader: inout ByteReader) throws(EngineError) {
        self.isWaiting = try reader.bool()
    }
}
