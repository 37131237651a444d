import CurlTransport
import Foundation
import Interchange
import Replication
import TestSupport
import Testing

/// What one site records is seen at the others as soon as it is ordered: a commit wakes the push,
/// the hub's commit wakes the waiting pulls, and no timer is waited for.
@Suite(.tags(.process), .serialized, .timeLimit(.minutes(10)))
struct NetworkViewTests {
    /// Far above what is measured and far below every timer of the exchange: the hub keeps a pull
    /// for 25 s, a rest lasts up to 60 s.
    private static let bound = Duration.seconds(2)

    @Test func `what a site records is in another site's network view without a timer`()
        async throws
    {
        try await withRunningNetwork(["LON", "MAN"]) { network in
            try await network.startAll()
            let (london, manchester) = (network.sites[0], network.sites[1])
            try network.plumbline(
                london,
                "record",
                input: #"{"type":"item_registered","sku":"A","name":"A"}"#
            )
            _ = try network.settle()
            let (here, there) = (try london.peer(), try manchester.peer())
            defer {
                here.shutdown()
                there.shutdown()
            }
            let clock = ContinuousClock()
            var delays: [Duration] = []
            for number in 1...200 {
                let start = clock.now
                try await receive(1, here)
                // Asked again and again: what is measured includes the asking.
                while try await onHand(of: "LON", there) != Int64(number) {
                    try #require(clock.now - start < .seconds(60), "event \(number) never came")
                }
                delays.append(clock.now - start)
            }
            delays.sort()
            let (half, most) = (delays[99], delays[197])
            print("NetworkViewTests: 200 events, p50 \(half), p99 \(most), all \(delays[199])")
            #expect(most < Self.bound)
            for status in try network.settle() {
                #expect(status["state"]?.text == "in_sync")
            }
            await network.stopAll()
        }
    }

    private func receive(_ quantity: Int, _ peer: CurlPeer) async throws {
        let command =
            #"{"type":"goods_received","lines":[{"sku":"A","quantity":\#(quantity),"#
            + #""unit_cost":"1.53"}]}"#
        let reply = try await peer.exchange(
            PeerRequest(
                path: "/api/v1/commands",
                body: Array(command.utf8),
                contentType: "application/x-ndjson"
            )
        )
        let result = try ResultFormat.decode(Array(reply.body.dropLast()))
        #expect(result.status == .recorded)
    }

    /// What another site has on hand, as this agent has heard.
    private func onHand(of site: String, _ peer: CurlPeer) async throws -> Int64? {
        let reply = try await peer.exchange(
            PeerRequest(path: "/api/v1/stock?network=true&sku=A", method: "GET")
        )
        #expect(reply.status == 200)
        let rows = try JSONReader.read(reply.body).elements
        return rows.first { $0["site"]?.text == site }?["on_hand"]?.integer
    }
}
