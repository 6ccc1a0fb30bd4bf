package dev.trellis.node.config;

import static dev.trellis.process.Ranges.requireBytesWithin;
import static dev.trellis.process.Ranges.requireWithin;

import java.time.Duration;

/// What the connections of a shard may take up.
///
/// @param connectionsMax connections at a time, 1 to 1,000,000
/// @param handshakeTimeout how long a new one may take to introduce itself, 10 ms to 1 min
/// @param requestsMax requests of one connection under way at a time, 1 to 65,536
/// @param outboundBytesMax bytes that one connection has yet to read before its requests wait, 64
///   KiB to 64 MiB; one value may come on top, for each shard that the connection uses
public record ConnectionConfig(
    int connectionsMax, Duration handshakeTimeout, int requestsMax, int outboundBytesMax) {
  public ConnectionConfig {
    requireWithin("connections.max", connectionsMax, 1, 1_000_000);
    requireWithin(
        "handshake.timeout", handshakeTimeout, Duration.ofMillis(10), Duration.ofMinutes(1));
    requireWithin("requests.max", requestsMax, 1, 65_536);
    requireBytesWithin("outbound.max", outboundBytesMax, 64 << 10, 64 << 20);
  }
}
