/// The line on which a node hands its events to the hub, as a value: it is told what happened and
/// says what to do next.
///
/// | Told                                   | Says                                             |
/// | -------------------------------------- | ------------------------------------------------ |
/// | it begins, or a commit has woken it    | read the next batch                              |
/// | a batch was read                       | send it                                          |
/// | nothing was read                       | rest until a commit                              |
/// | the hub acknowledged all of the batch  | store that, then read on; twice as many if quick |
/// | the hub acknowledged less              | say hello: the histories may differ              |
/// | the batch was too large or too slow    | read again, half as many                         |
/// | anything else went wrong               | say hello                                        |
public struct PushSession: Sendable {
    /// What to do next.
    public enum Action: Sendable {
        /// Read the next events that the hub has not acknowledged, at most so many.
        case read(eventsMax: Int)
        /// Sign the batch and send it.
        case send(EventBatch)
        /// Store the acknowledgement, durably.
        case store(PushReply)
        /// Wait until something was recorded.
        case rest
        /// Begin again with a hello, for this reason.
        case sayHello(ReplicationError)
    }

    private enum State {
        case reading
        case sending(last: UInt64)
        case storing
        case resting
        case ended
    }

    /// How many events the first batch carries: small, so that a slow line shows soon.
    static let eventsFirst = 256
    /// The largest batch.
    static let eventsMost = 4_096
    /// A batch that took less than this may be followed by one twice as large.
    static let quick = Duration.seconds(2)

    private var state = State.resting
    private var eventsMax = PushSession.eventsFirst

    /// Makes a line at rest.
    public init() {}

    /// Begins, or begins again after a rest.
    public mutating func wake() -> Action {
        state = .reading
        return .read(eventsMax: eventsMax)
    }

    /// Takes what was read: the next batch, or nil if nothing waits.
    public mutating func read(_ batch: EventBatch?) -> Action {
        guard let batch else {
            state = .resting
            return .rest
        }
        state = .sending(last: batch.last)
        return .send(batch)
    }

    /// Takes the hub's answer, whose receipt was verified.
    ///
    /// - Parameters:
    ///   - reply: The answer.
    ///   - elapsed: How long it took.
    /// - Returns: To store the acknowledgement, or to say hello.
    public mutating func received(_ reply: PushReply, after elapsed: Duration) -> Action {
        guard case .sending(let last) = state else { return unexpected("an acknowledgement") }
        guard reply.acknowledged >= last else {
            state = .ended
            return .sayHello(
                ReplicationError(
                    .sequenceGap,
                    "The hub holds events up to \(reply.acknowledged), not up to \(last).",
                    hint: "It is tried again by itself."
                )
            )
        }
        let hubMax = max(1, Int(clamping: reply.nextBatchEvents))
        if elapsed < Self.quick { eventsMax *= 2 }
        eventsMax = min(eventsMax, Self.eventsMost, hubMax)
        state = .storing
        return .store(reply)
    }

    /// Goes on after an acknowledgement was stored.
    public mutating func stored() -> Action { wake() }

    /// Takes a failure of the call.
    public mutating func failed(_ error: ReplicationError) -> Action {
        guard case .sending = state, eventsMax > 1, error.asksForLess else {
            state = .ended
            return .sayHello(error)
        }
        eventsMax /= 2
        return wake()
    }

    private mutating func unexpected(_ what: String) -> Action {
        state = .ended
        return .sayHello(ReplicationError(.malformed, "The hub sent \(what) unasked."))
    }
}

extension ReplicationError {
    /// Whether a smaller message may get through where this one did not.
    var asksForLess: Bool {
        if refusal?.code == "body_too_large" { return true }
        guard let cause = cause as? PeerError else { return false }
        return cause.code == .timedOut
    }
}
