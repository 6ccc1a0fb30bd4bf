package dev.trellis.node.shard;

/// Where a request came from, and where its reply goes.
///
/// @param connection unique in the process; given by the shell
/// @param clientId names the client's sequences and breaks ties between its writes and others'
/// @param principal who asks; `anonymous` until there is authentication, [#PEER] for other replicas
public record Origin(long connection, long clientId, String principal) {
  public static final String ANONYMOUS = "anonymous";

  /// The principal of replicas of the same cluster; only these may merge entries as they stand.
  public static final String PEER = "peer";
}
