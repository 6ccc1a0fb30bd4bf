package dev.trellis.node.net;

/// What the shell of a shard counts, beside what the shard itself does. Written by the shard's
/// thread, read by the admin threads.
final class ShardTallies {
  final Tally connections = new Tally(); // open now
  final Tally connectionsAccepted = new Tally();
  final Tally connectionsRefused = new Tally(); // by a frame that says why
  final Tally connectionsStalled = new Tally(); // closed to free the memory they held
  final Tally bytesReceived = new Tally();
  final Tally bytesSent = new Tally();

  /// Bytes that clients have yet to read: encoded ones and those passed on by other shards.
  final Tally bytesPending = new Tally();

  /// Requests decoded and not yet handed to a shard, and those handed over that wait here.
  final Tally requestsQueued = new Tally();

  /// Requests that were answered without asking a shard, as they could not be read.
  final Tally requestsMalformed = new Tally();

  final ServiceTime reads = new ServiceTime();
  final ServiceTime mutations = new ServiceTime();
}
