/// How what one side knows relates to what another side knows.
@frozen
public enum CausalOrder: Hashable, Sendable {
    /// Both know the same events.
    case equal
    /// The other side knows all that this one knows, and more.
    case before
    /// This side knows all that the other one knows, and more.
    case after
    /// Each side knows an event that the other does not know.
    case concurrent

    /// The same relation, seen from the other side: before and after change places.
    @inlinable
    public var reversed: CausalOrder {
        switch self {
        case .equal: .equal
        case .before: .after
        case .after: .before
        case .concurrent: .concurrent
        }
    }
}
