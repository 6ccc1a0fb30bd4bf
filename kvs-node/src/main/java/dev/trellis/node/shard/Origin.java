package dev.trellis.node.shard;

import dev.trellis.access.Caller;

/// Where a request came from, and where its reply goes. Two are equal if they stand for the same
/// connection, though its caller may have changed between them.
///
/// @param connection unique in the process; given by the shell
/// @param clientId names the client's sequences and breaks ties between its writes and others'
/// @param caller who asks, and what he may do
public record Origin(long connection, long clientId, Caller caller) {
  /// The same connection with another caller.
  public Origin with(Caller other) {
    return new Origin(connection, clientId, other);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Origin origin
        && origin.connection == connection
        && origin.clientId == clientId;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(31 * connection + clientId);
  }
}
