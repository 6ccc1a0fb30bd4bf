package dev.trellis.node.shard;

import dev.trellis.access.Caller;

/// Where a request came from, and where its reply goes.
///
/// @param connection unique in the process; given by the shell
/// @param clientId names the client's sequences and breaks ties between its writes and others'
/// @param caller who asks, and what he may do
public record Origin(long connection, long clientId, Caller caller) {}
