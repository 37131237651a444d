public import Testing

extension Tag {
    /// A suite that runs a whole simulated cluster from a seed.
    @Tag public static var simulation: Self

    /// A suite that starts the real programs as processes of the system.
    @Tag public static var process: Self
}
