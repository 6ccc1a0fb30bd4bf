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

  /// Messages to peers, siblings within the node included; counted as sent when they were written.
  final Tally peerMessagesSent = new Tally();

  final Tally peerMessagesReceived = new Tally();

  /// Messages that no connection was there for, or that the peer did not read in time.
  final Tally peerMessagesDropped = new Tally();

  final Tally peerBytesSent = new Tally();
  final Tally peerBytesReceived = new Tally();
  final Tally peerLinks = new Tally(); // open now
  final Tally peersRefused = new Tally(); // by this side or the other

  final ServiceTime reads = new ServiceTime();
  final ServiceTime mutations = new ServiceTime();
}
