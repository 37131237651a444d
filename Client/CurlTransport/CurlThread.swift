internal import CCurl
internal import Glibc
internal import Replication
internal import Synchronization

/// The one thread on which libcurl runs, and the box through which it gets its work.
///
/// libcurl waits for the network, so it must not run on the threads that serve tasks. Callers put
/// an order into the box and wake the thread; the thread resumes the caller when the reply is
/// whole. The thread keeps this object alive until it is told to stop.
final class CurlThread: Sendable {
    /// How many transfers run at once: far more than a node needs (calls, one long poll each for
    /// a few views), few enough for any limit on open files.
    private static let runningCountMax = 64
    /// How many orders may wait for their turn; one more is refused.
    private static let waitingCountMax = 1_024
    /// How many transfers without an exchange are kept for later.
    private static let idleCountMax = 8
    /// How long the thread sleeps at most when nothing happens; it is woken for everything.
    private static let sleepMilliseconds: Int32 = 60_000

    private struct Inbox {
        var orders: [CurlOrder] = []
        var cancelled: [UInt64] = []
        var lastNumber: UInt64 = 0
        var isStopping = false
    }

    private let inbox = Mutex(Inbox())
    private let multi: CurlMulti
    /// The thread until somebody has joined it.
    private let thread = Mutex<pthread_t?>(nil)

    private static let isLibraryReady = plumbline_global_start()

    /// Starts the thread.
    init() throws(PeerError) {
        guard Self.isLibraryReady, let multi = CurlMulti() else {
            throw PeerError(
                code: .unreachable,
                message: "libcurl could not start.",
                hint: "Try again when the machine has memory to spare."
            )
        }
        self.multi = multi
        let user = unsafe Unmanaged.passRetained(self)  // the thread takes this reference over
        var made = pthread_t()
        let status = unsafe pthread_create(
            &made,
            nil,
            { user in
                guard let user = unsafe user else { return nil }
                unsafe Unmanaged<CurlThread>.fromOpaque(user).takeRetainedValue().run()
                return nil
            },
            user.toOpaque()
        )
        guard status == 0 else {
            unsafe user.release()
            throw PeerError(
                code: .unreachable,
                message: "The thread of the transport could not start (error \(status)).",
                hint: "Try again when the machine has threads to spare."
            )
        }
        thread.withLock { [made] in $0 = made }
    }

    /// Gives a name to an exchange that is about to be submitted.
    func nextNumber() -> UInt64 {
        inbox.withLock { inbox in
            inbox.lastNumber += 1  // 64 bits do not run out
            return inbox.lastNumber
        }
    }

    /// Hands an exchange over to the thread, which will resume its continuation exactly once.
    func submit(_ order: CurlOrder) {
        let refusal: PeerError? = inbox.withLock { inbox in
            if inbox.isStopping { return .cancelledExchange }
            if inbox.orders.count >= Self.waitingCountMax {
                return PeerError(
                    code: .unreachable,
                    message: "\(Self.waitingCountMax) exchanges are waiting already.",
                    hint: "Try again when some of them have ended."
                )
            }
            inbox.orders.append(order)
            return nil
        }
        if let refusal {
            order.continuation.resume(returning: .failure(refusal))
        } else {
            multi.wakeUp()
        }
    }

    /// Asks the thread to end an exchange; does nothing if it has ended or was never submitted.
    func cancel(_ number: UInt64) {
        let waiting: CurlOrder? = inbox.withLock { inbox in
            if let index = inbox.orders.firstIndex(where: { $0.number == number }) {
                return inbox.orders.remove(at: index)
            }
            if !inbox.isStopping { inbox.cancelled.append(number) }
            return nil
        }
        if let waiting {
            waiting.continuation.resume(returning: .failure(.cancelledExchange))
        } else {
            multi.wakeUp()
        }
    }

    /// Ends all exchanges with the code `cancelled` and the thread itself, and waits for that.
    func stop() {
        inbox.withLock { $0.isStopping = true }
        multi.wakeUp()
        // Held while joining, so that every caller returns to a thread that is gone. The thread
        // itself never takes this lock.
        thread.withLock { thread in
            guard let joined = thread else { return }
            thread = nil
            if pthread_equal(joined, pthread_self()) != 0 {
                pthread_detach(joined)  // a thread cannot wait for itself
            } else {
                pthread_join(joined, nil)
            }
        }
    }

    // MARK: - On the thread

    private func run() {
        unsafe plumbline_name_this_thread("plumbline-curl")
        // A broken connection must be an error here and no signal, and the signals of the process
        // are for its other threads.
        var signals = sigset_t()
        unsafe sigfillset(&signals)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)

        var running: [UInt64: CurlTransfer] = [:]
        var idle: [CurlTransfer] = []
        while true {
            let work = takeWork(countMax: Self.runningCountMax - running.count)
            if work.isStopping {
                for order in work.orders {
                    order.continuation.resume(returning: .failure(.cancelledExchange))
                }
                endAll(&running, with: .cancelledExchange)
                return
            }
            for number in work.cancelled {
                guard let transfer = running.removeValue(forKey: number) else { continue }
                transfer.end(with: .failure(.cancelledExchange), on: multi)
                keep(transfer, in: &idle)
            }
            for order in work.orders {
                begin(order, &running, &idle)
            }
            if !multi.perform() {
                endAll(&running, with: CurlError.broken.peerError(at: "The hub"))
            }
            while let (number, result) = multi.nextFinished() {
                guard let transfer = running.removeValue(forKey: number) else { continue }
                transfer.finish(result, on: multi)
                keep(transfer, in: &idle)
            }
            if running.count < Self.runningCountMax, hasOrders { continue }
            multi.wait(atMost: Self.sleepMilliseconds)
        }
    }

    private var hasOrders: Bool { inbox.withLock { !$0.orders.isEmpty } }

    /// Takes the orders for which there is room, or all of them when the thread stops.
    private func takeWork(countMax: Int) -> Inbox {
        inbox.withLock { inbox in
            var work = inbox
            let count = inbox.isStopping ? inbox.orders.count : min(countMax, inbox.orders.count)
            work.orders = Array(inbox.orders[..<count])
            inbox.orders.removeFirst(count)
            inbox.cancelled = []
            return work
        }
    }

    private func begin(
        _ order: CurlOrder,
        _ running: inout [UInt64: CurlTransfer],
        _ idle: inout [CurlTransfer]
    ) {
        guard let transfer = idle.popLast() ?? CurlTransfer() else {
            let error = CurlError.outOfMemory.peerError(at: order.url)
            order.continuation.resume(returning: .failure(error))
            return
        }
        if transfer.begin(order, on: multi) {
            running[order.number] = transfer
        } else {
            keep(transfer, in: &idle)
        }
    }

    private func keep(_ transfer: CurlTransfer, in idle: inout [CurlTransfer]) {
        if idle.count < Self.idleCountMax { idle.append(transfer) }
    }

    private func endAll(_ running: inout [UInt64: CurlTransfer], with error: PeerError) {
        for transfer in running.values {
            transfer.end(with: .failure(error), on: multi)
        }
        running = [:]
    }
}
