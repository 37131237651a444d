internal import CCurl

/// Owns one libcurl easy handle, the state of one transfer at a time.
@safe struct CurlHandle: ~Copyable {  // safe: the only owner, freed once
    private let pointer: OpaquePointer
    private let errorBuffer: UnsafeMutablePointer<CChar>

    /// Makes a handle; `nil` when there is no memory for it.
    init?() {
        guard let made = unsafe curl_easy_init() else { return nil }
        unsafe pointer = made
        unsafe errorBuffer = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorBuffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        unsafe curl_easy_cleanup(pointer)
        unsafe errorBuffer.deallocate()
    }

    /// Forgets all options; connections live in the multi handle and stay open.
    func reset() {
        unsafe curl_easy_reset(pointer)
        unsafe errorBuffer.pointee = 0
        unsafe plumbline_easy_set_error_buffer(pointer, errorBuffer)
    }

    func set(_ option: CURLoption, _ value: Int) throws(CurlError) {
        try check(unsafe plumbline_easy_set_long(pointer, option, value))
    }

    func set(_ option: CURLoption, _ value: Bool) throws(CurlError) {
        try set(option, value ? 1 : 0)
    }

    /// Sets a text that libcurl copies.
    func set(_ option: CURLoption, _ value: String) throws(CurlError) {
        try check(unsafe plumbline_easy_set_text(pointer, option, value))
    }

    /// Sets the body, which libcurl copies, so that it can send it again on a new connection.
    func setBody(_ bytes: [UInt8]) throws(CurlError) {
        let size = unsafe plumbline_easy_set_offset(
            pointer,
            CURLOPT_POSTFIELDSIZE_LARGE,
            curl_off_t(bytes.count)
        )
        try check(size)
        let copied = unsafe bytes.withUnsafeBytes { bytes in
            // An empty array has no address, and no address would mean "ask the read callback".
            guard let start = bytes.baseAddress else {
                return unsafe plumbline_easy_set_body(pointer, "")
            }
            return unsafe plumbline_easy_set_body(pointer, start)
        }
        try check(copied)
    }

    /// Sets the headers; the list must live until the transfer ends.
    func setHeaders(_ headers: borrowing CurlHeaderList) throws(CurlError) {
        try check(unsafe plumbline_easy_set_headers(pointer, headers.pointer))
    }

    /// Lets the transfer hand over what arrives; it must live until the transfer ends.
    func setReceiver(_ transfer: CurlTransfer) throws(CurlError) {
        let user = unsafe Unmanaged.passUnretained(transfer).toOpaque()
        let code = unsafe plumbline_easy_set_receivers(
            pointer,
            { bytes, size, count, user in
                unsafe CurlHandle.withReceived(bytes, size * count, user) { transfer, line in
                    transfer.receiveHeaderLine(line)
                }
            },
            { bytes, size, count, user in
                unsafe CurlHandle.withReceived(bytes, size * count, user) { transfer, bytes in
                    transfer.receiveBody(bytes)
                }
            },
            user
        )
        try check(code)
        try check(unsafe plumbline_easy_set_number(pointer, transfer.number))
    }

    /// The status of the last reply, or zero.
    var responseStatus: Int { unsafe plumbline_easy_get_long(pointer, CURLINFO_RESPONSE_CODE) }

    /// Whether the reply came over HTTP/1, where only headers say how long a body is.
    var isHTTP1: Bool {
        let version = unsafe plumbline_easy_get_long(pointer, CURLINFO_HTTP_VERSION)
        return version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1
    }

    /// What libcurl has to say about a transfer that ended with this result.
    func error(_ result: CURLcode) -> CurlError {
        CurlError(
            result: result,
            detail: unsafe String(cString: errorBuffer),
            wasConnected: unsafe plumbline_easy_get_offset(pointer, CURLINFO_PRETRANSFER_TIME_T) > 0
        )
    }

    func attach(to multi: borrowing CurlMulti) -> Bool {
        unsafe multi.add(pointer)
    }

    func detach(from multi: borrowing CurlMulti) {
        unsafe multi.remove(pointer)
    }

    private func check(_ code: CURLcode) throws(CurlError) {
        guard code == CURLE_OK else { throw error(code) }
    }

    /// Hands bytes from a C callback to the transfer; a count other than `count` ends the transfer.
    @unsafe private static func withReceived(
        _ bytes: UnsafeMutablePointer<CChar>?,
        _ count: Int,
        _ user: UnsafeMutableRawPointer?,
        _ handOver: (CurlTransfer, Span<UInt8>) -> Bool
    ) -> Int {
        guard let user = unsafe user else { return 0 }
        guard count > 0, let bytes = unsafe bytes else { return count }
        // The curl thread holds the transfer for as long as its handle is attached.
        let transfer = unsafe Unmanaged<CurlTransfer>.fromOpaque(user).takeUnretainedValue()
        let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
        let isWanted = unsafe buffer.withMemoryRebound(to: UInt8.self) { bytes in
            unsafe handOver(transfer, bytes.span)
        }
        // Zero ends the transfer, and the transfer has noted why.
        return isWanted ? count : 0
    }
}

/// Owns a list of header lines.
@safe struct CurlHeaderList: ~Copyable {  // safe: the only owner, freed once
    fileprivate private(set) var pointer: UnsafeMutablePointer<curl_slist>?

    init() {
        unsafe pointer = nil
    }

    deinit {
        unsafe curl_slist_free_all(pointer)
    }

    /// Appends a line, which libcurl copies; false when there is no memory for it.
    mutating func append(_ line: String) -> Bool {
        guard let longer = unsafe curl_slist_append(pointer, line) else { return false }
        unsafe pointer = longer
        return true
    }
}
