public import Causality

/// The line on which a node takes the hub's log, as a value: it is told what happened and says
/// what to do next.
///
/// | Told                                 | Says                                           |
/// | ------------------------------------ | ---------------------------------------------- |
/// | it begins                            | ask for a page, without waiting                |
/// | a page that continues from the cursor | apply it                                      |
/// | a page that does not                 | say hello                                      |
/// | the page was applied, more waits     | ask on, without waiting                        |
/// | the page was applied, no more waits  | ask on; the hub answers when there is news     |
/// | the reply was too large or too slow  | ask again for half as much                     |
/// | anything else went wrong             | say hello                                      |
public struct PullSession: Sendable {
    /// What to do next.
    public enum Action: Sendable {
        /// Ask for a page after the cursor that is stored.
        case request(bytesMax: UInt32, waitMilliseconds: UInt32)
        /// Verify that the page continues from where it was asked for, and apply it durably.
        case apply(PullReply)
        /// Begin again with a hello, for this reason.
        case sayHello(ReplicationError)
    }

    /// How many bytes of entries a page may carry.
    static let bytesMost: UInt32 = 4 << 20
    /// The smallest page that is worth asking for.
    static let bytesLeast: UInt32 = 64 << 10
    /// How long the hub may keep a request until there is news.
    public static let waitMilliseconds: UInt32 = 25_000

    private var after: HubPosition
    private var bytesMax = PullSession.bytesMost
    private var hasMore = true

    /// Makes a line that continues after a position.
    public init(after position: HubPosition) {
        after = position
    }

    /// Whether the last page reached the head of the scope.
    public var isAtHead: Bool { !hasMore }

    /// Asks for the next page.
    public mutating func next() -> Action {
        .request(
            bytesMax: bytesMax,
            waitMilliseconds: hasMore ? 0 : Self.waitMilliseconds
        )
    }

    /// Takes a page whose signature was verified.
    public mutating func received(_ page: PullReply) -> Action {
        let movesOn = page.cursor > after
        guard page.cursor >= after, movesOn || !page.hasMore else {
            return .sayHello(
                ReplicationError(
                    .cursorMismatch,
                    "The hub's page ends at \(page.cursor.rawValue), after which it was asked.",
                    hint: "It is tried again by itself."
                )
            )
        }
        after = page.cursor
        hasMore = page.hasMore
        return .apply(page)
    }

    /// Takes a failure of the call.
    public mutating func failed(_ error: ReplicationError) -> Action {
        let isSmaller =
            error.asksForLess || (error.cause as? PeerError)?.code == .replyTooLarge
        guard isSmaller, bytesMax > Self.bytesLeast else { return .sayHello(error) }
        bytesMax /= 2
        return next()
    }
}
