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
/// @param inboundMemoryBytes that long requests of all connections may take while they arrive and
///   wait, at least 1 MiB
/// @param outboundMemoryBytes that answers of all connections may take until they are read, at
///   least 1 MiB
/// @param stallTimeout how long a connection may be behind a megabyte a second with it, while
///   others wait for it, 10 ms to 1 h
/// @param pollTime how long a shard looks at its sockets again and again, after they last had
///   something, before it sleeps until they have, 0 to 10 ms
public record ConnectionConfig(
    int connectionsMax,
    Duration handshakeTimeout,
    int requestsMax,
    int outboundBytesMax,
    long inboundMemoryBytes,
    long outboundMemoryBytes,
    Duration stallTimeout,
    Duration pollTime) {
  public ConnectionConfig {
    requireWithin("connections.max", connectionsMax, 1, 1_000_000);
    requireWithin(
        "handshake.timeout", handshakeTimeout, Duration.ofMillis(10), Duration.ofMinutes(1));
    requireWithin("requests.max", requestsMax, 1, 65_536);
    requireBytesWithin("outbound.max", outboundBytesMax, 64 << 10, 64 << 20);
    requireBytesWithin("memory.inbound", inboundMemoryBytes, 1 << 20, Long.MAX_VALUE);
    requireBytesWithin("memory.outbound", outboundMemoryBytes, 1 << 20, Long.MAX_VALUE);
    requireWithin("stall.timeout", stallTimeout, Duration.ofMillis(10), Duration.ofHours(1));
    requireWithin("poll.time", pollTime, Duration.ZERO, Duration.ofMillis(10));
  }
}
