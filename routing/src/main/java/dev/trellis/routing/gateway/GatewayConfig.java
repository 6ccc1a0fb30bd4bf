package dev.trellis.routing.gateway;

import static dev.trellis.process.Ranges.requireBytesWithin;
import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.wire.Limits;
import java.net.InetSocketAddress;
import java.time.Duration;

/// How the REST gateway listens and what it puts up with.
///
/// @param address where it listens; port 0 takes a free one
/// @param threads event loops, 1 to 64
/// @param limits sizes of keys, values and batches; `limits.frame` is the longest JSON document
/// @param lineBytesMax longest request line, 256 B to 64 KiB
/// @param headerBytesMax longest header, all fields together, 1 to 64 KiB
/// @param connectionsMax connections at once, 1 to 100,000; more are closed with 503
/// @param memoryBytesMax bodies, answers and events of all connections together, at least
///   `limits.frame`; beyond it, requests are refused with 503
/// @param headerTimeout how long a header may take to arrive from its first byte on, 10 ms to 10
///   min
/// @param bodyTimeout how long a body may take to arrive, 10 ms to 1 h
/// @param idleTimeout how long a connection may be silent between requests, 10 ms to 1 h
/// @param writeTimeout how long a client may take nothing of an answer, 10 ms to 1 h
/// @param heartbeat time between signs of life on a watch, 10 ms to 1 h
/// @param stopTimeout how long requests under way may take when the gateway stops, 0 to 1 min
/// @param principalsMax where security is on, API keys in use at once, 1 to 10,000: each has a
///   client of the cluster, with connections and a thread
public record GatewayConfig(
    InetSocketAddress address,
    int threads,
    Limits limits,
    int lineBytesMax,
    int headerBytesMax,
    int connectionsMax,
    long memoryBytesMax,
    Duration headerTimeout,
    Duration bodyTimeout,
    Duration idleTimeout,
    Duration writeTimeout,
    Duration heartbeat,
    Duration stopTimeout,
    int principalsMax) {
  private static final Duration TIMEOUT_MIN = Duration.ofMillis(10);
  private static final Duration HOUR = Duration.ofHours(1);

  public GatewayConfig {
    requireWithin("gateway.threads", threads, 1, 64);
    requireBytesWithin("gateway.line.max", lineBytesMax, 256, 64 << 10);
    requireBytesWithin("gateway.header.max", headerBytesMax, 1 << 10, 64 << 10);
    requireWithin("gateway.connections.max", connectionsMax, 1, 100_000);
    // The longest document must have a chance to arrive.
    requireBytesWithin("gateway.memory.max", memoryBytesMax, limits.frameBytesMax(), 1L << 40);
    requireWithin("gateway.header.timeout", headerTimeout, TIMEOUT_MIN, Duration.ofMinutes(10));
    requireWithin("gateway.body.timeout", bodyTimeout, TIMEOUT_MIN, HOUR);
    requireWithin("gateway.idle.timeout", idleTimeout, TIMEOUT_MIN, HOUR);
    requireWithin("gateway.write.timeout", writeTimeout, TIMEOUT_MIN, HOUR);
    requireWithin("gateway.heartbeat", heartbeat, TIMEOUT_MIN, HOUR);
    requireWithin("gateway.stop.timeout", stopTimeout, Duration.ZERO, Duration.ofMinutes(1));
    requireWithin("gateway.principals.max", principalsMax, 1, 10_000);
  }

  /// Of `gateway.memory.max`, what may be held for one principal: half, or three of the largest
  /// values if that is more.
  long shareBytesMax() {
    return Math.min(memoryBytesMax, Math.max(memoryBytesMax / 2, 3L * limits.valueBytesMax()));
  }

  /// The longest body that a route takes, in bytes.
  int bodyBytesMax(Route.Body body) {
    return switch (body) {
      case NONE -> 0;
      case VALUE -> limits.valueBytesMax();
      case DOCUMENT -> limits.frameBytesMax();
    };
  }
}
