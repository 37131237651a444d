internal import CCurl

/// Owns the libcurl multi handle: the open connections and the transfers under way.
///
/// All of it belongs to the curl thread, but for ``wakeUp()``.
@safe struct CurlMulti: ~Copyable {  // safe: the only owner, freed once
    /// How many idle connections stay open: one for calls, one for a long poll, and spares.
    private static let idleConnectionCountMax = 8

    private let pointer: OpaquePointer

    /// Makes a handle; `nil` when there is no memory for it.
    init?() {
        guard let made = unsafe curl_multi_init() else { return nil }
        unsafe pointer = made
        unsafe plumbline_multi_set_long(
            pointer,
            CURLMOPT_MAXCONNECTS,
            Self.idleConnectionCountMax
        )
    }

    deinit {
        unsafe curl_multi_cleanup(pointer)
    }

    @unsafe func add(_ easy: OpaquePointer) -> Bool {
        unsafe curl_multi_add_handle(pointer, easy) == CURLM_OK
    }

    @unsafe func remove(_ easy: OpaquePointer) {
        unsafe curl_multi_remove_handle(pointer, easy)
    }

    /// Moves all transfers on as far as they go without waiting; false when libcurl is broken.
    func perform() -> Bool {
        var runningCount: Int32 = 0
        return unsafe curl_multi_perform(pointer, &runningCount) == CURLM_OK
    }

    /// Takes the next transfer that has ended.
    func nextFinished() -> (number: UInt64, result: CURLcode)? {
        var number: UInt64 = 0
        var result = CURLE_OK
        guard unsafe plumbline_multi_next(pointer, &number, &result) else { return nil }
        return (number, result)
    }

    /// Waits for the network, for ``wakeUp()``, or for one of libcurl's own timers.
    func wait(atMost milliseconds: Int32) {
        unsafe curl_multi_poll(pointer, nil, 0, milliseconds, nil)
    }

    /// Ends a ``wait(atMost:)``, the current or else the next one; may be called from any thread.
    func wakeUp() {
        unsafe curl_multi_wakeup(pointer)
    }
}

/// The handle may be freed by any thread once no other uses it. Only `wakeUp()` is called from
/// more than one thread, and libcurl allows that; `CurlThread` alone sees the rest.
extension CurlMulti: @unchecked Sendable {}
