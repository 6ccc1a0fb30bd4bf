package dev.trellis.process.http;

import java.net.InetSocketAddress;
import java.time.Duration;

/// How an [HttpServer] listens and what it puts up with.
///
/// @param address where it listens; port 0 takes a free one
/// @param name of its threads
/// @param connectionsMax connections at once; what is beyond pushes out those that wait
/// @param lineBytesMax longest request line
/// @param headerBytesMax longest header, all fields together
/// @param bodyBytesMax longest body
/// @param requestTimeout how long a request may take to arrive, the handshake of TLS included
/// @param idleTimeout how long a connection may be silent between requests
/// @param writeTimeout how long an answer may take to be read
public record HttpConfig(
    InetSocketAddress address,
    String name,
    int connectionsMax,
    int lineBytesMax,
    int headerBytesMax,
    int bodyBytesMax,
    Duration requestTimeout,
    Duration idleTimeout,
    Duration writeTimeout) {
  /// What suits a port that people and their tools ask now and then: 512 connections, 10 s for a
  /// request, 1 min between two.
  public static HttpConfig of(InetSocketAddress address, String name) {
    return new HttpConfig(
        address,
        name,
        512,
        8 << 10,
        16 << 10,
        8 << 10,
        Duration.ofSeconds(10),
        Duration.ofMinutes(1),
        Duration.ofSeconds(30));
  }

  /// The same with other bounds.
  public HttpConfig withConnectionsMax(int other) {
    return new HttpConfig(
        address,
        name,
        other,
        lineBytesMax,
        headerBytesMax,
        bodyBytesMax,
        requestTimeout,
        idleTimeout,
        writeTimeout);
  }

  /// The same with other times.
  public HttpConfig withTimeouts(Duration request, Duration idle, Duration write) {
    return new HttpConfig(
        address,
        name,
        connectionsMax,
        lineBytesMax,
        headerBytesMax,
        bodyBytesMax,
        request,
        idle,
        write);
  }
}
