package dev.trellis.wire;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.Optional;

/// What travels on a data connection: a 4-byte big-endian length, then one Protobuf message. The
/// client opens with [Hello]; the node answers [Welcome], or [Refused] and closes.
public sealed interface Frame {
  /// The protocol version spoken by this code; it serves this one and the one before.
  int PROTOCOL_VERSION = 1;

  /// What the connection will carry requests for.
  enum Scope {
    /// Keys of the shard that listens on this port; others answer `NOT_OWNER`.
    SHARD(1),
    /// Keys of any shard of the node, which passes them between its shards.
    NODE(2);

    private final int number;

    Scope(int number) {
      this.number = number;
    }

    /// The number on the wire.
    public int number() {
      return number;
    }
  }

  /// The first frame of a client, or of a replica that connects to another.
  ///
  /// @param versionMin oldest protocol version the client speaks
  /// @param versionMax newest
  /// @param clusterName the cluster it expects; empty to accept any
  /// @param clientId random, one per client process; names its sequences and its writes
  /// @param credentials opaque; empty for `anonymous`
  /// @param agent name and version of the software, for the node's log
  /// @param introduction for a connection between replicas, which then carries [FromPeer] towards
  ///   the receiver and nothing else; empty for a client
  record Hello(
      int versionMin,
      int versionMax,
      String clusterName,
      long clientId,
      Scope scope,
      Payload credentials,
      String agent,
      Optional<Introduction> introduction)
      implements Frame {
    /// The first frame of a client.
    public Hello(
        int versionMin,
        int versionMax,
        String clusterName,
        long clientId,
        Scope scope,
        Payload credentials,
        String agent) {
      this(
          versionMin,
          versionMax,
          clusterName,
          clientId,
          scope,
          credentials,
          agent,
          Optional.empty());
    }

    public VersionRange versions() {
      return new VersionRange(versionMin, versionMax);
    }

    /// Everything but the credentials.
    @Override
    public String toString() {
      return "Hello[versions "
          + versions()
          + ", cluster '"
          + clusterName
          + "', client "
          + Long.toHexString(clientId)
          + ", "
          + scope
          + ", "
          + (credentials.isEmpty() ? "no credentials, " : "credentials, ")
          + agent
          + introduction.map(known -> ", " + known).orElse("")
          + "]";
    }
  }

  /// Who connects to whom.
  ///
  /// @param to who is meant to listen there: an address may have been given to another since
  /// @param timeMillis the sender's clock, since the epoch, as it sends this: clocks that differ
  ///   too much are found before anything is written by them
  record Introduction(Peer from, Peer to, long timeMillis) {}

  /// The first frame of a node.
  ///
  /// @param version the one both will speak
  /// @param shard index of the shard that listens on this port, from 0
  /// @param incarnation of the shard: sequences and dots are remembered within one
  /// @param clock of the shard; towards a replica, its time of day, which no one else's clock has
  ///   moved
  /// @param principal whom the node takes the client for; empty where there is no security
  record Welcome(
      int version,
      String clusterName,
      String nodeId,
      int shard,
      long incarnation,
      HybridTimestamp clock,
      Limits limits,
      long ringVersion,
      String principal)
      implements Frame {
    /// Without security.
    public Welcome(
        int version,
        String clusterName,
        String nodeId,
        int shard,
        long incarnation,
        HybridTimestamp clock,
        Limits limits,
        long ringVersion) {
      this(version, clusterName, nodeId, shard, incarnation, clock, limits, ringVersion, "");
    }
  }

  /// The connection cannot go on; the sender closes it after this.
  record Refused(ErrorCode code, String message) implements Frame {}

  /// One request.
  record Single(Request request) implements Frame {}

  /// Several requests, carried out one by one and answered one by one: not atomic.
  record Batch(List<Request> requests) implements Frame {
    public Batch {
      requests = List.copyOf(requests);
    }
  }

  /// The reply to one request, sent singly or in a batch.
  record Answer(Reply reply) implements Frame {}

  /// Replies that were ready together. A batch may be answered by several of these.
  record Answers(List<Reply> replies) implements Frame {
    public Answers {
      replies = List.copyOf(replies);
    }
  }

  /// What a replica tells another. Who they are was told by [Introduction].
  record FromPeer(PeerMessage message) implements Frame {}

  /// A part of the message of a [FromPeer] that is longer than the receiver's longest frame. Pieces
  /// follow each other directly.
  ///
  /// @param remaining bytes of the message that come in the pieces after this one, 0 or more
  /// @param content the bytes of this one, not empty
  record PeerPiece(int remaining, Payload content) implements Frame {}

  /// Asks to be told the key's value now and after each change, until [Unwatch] or disconnection.
  ///
  /// @param id names the watch within the connection
  /// @param receipt whether the states shall tell [Receipt#asOf] and [Receipt#served]
  /// @param state whether they shall be whole entries, as [Read.State] shows them, for who keeps a
  ///   copy; then without a kind
  record Watch(long id, Payload key, Optional<Kind> kind, boolean receipt, boolean state)
      implements Frame {
    public Watch {
      if (state && kind.isPresent()) {
        throw new IllegalArgumentException("a watch of whole entries is of no kind, not " + kind);
      }
    }

    /// A watch that asks for no more than values.
    public Watch(long id, Payload key, Optional<Kind> kind) {
      this(id, key, kind, false, false);
    }
  }

  /// Ends a watch; or, of the request of that id, the wait for a threshold, which is then answered
  /// with `NOT_REACHED`. Unknown ids are ignored, as the watch may just have ended.
  record Unwatch(long id) implements Frame {}

  /// The state of a watched key: at once after [Watch], then after changes. Changes that come
  /// faster than the reader reads are coalesced; the last state always arrives.
  ///
  /// @param reply as to a `Get` with the watch's id and kind, or to a `State`; a failure ends the
  ///   watch
  record Changed(Reply reply) implements Frame {}

  /// Asks for a page of the shard's live keys in byte order.
  ///
  /// @param after keys up to and including this are left out; empty for the start
  /// @param limit at most this many keys, 1 to [Limits#SCAN_KEYS_MAX]
  /// @param withValues whether to send values too
  record Scan(long id, Payload prefix, Optional<Payload> after, int limit, boolean withValues)
      implements Frame {}

  /// A key found by a scan.
  ///
  /// @param kinds of its live values
  /// @param view its value if asked for and there is one kind, else [View.Nothing]
  record ScannedKey(Payload key, List<Kind> kinds, View view) {
    public ScannedKey {
      kinds = List.copyOf(kinds);
    }
  }

  /// A page of a scan. It may be shorter than asked for, where values are large or much lies
  /// between keys that is not shown.
  ///
  /// @param more whether keys may follow the last one here, after which the next page starts; never
  ///   without a key
  record Scanned(long id, List<ScannedKey> keys, boolean more, Optional<Outcome.Failed> failure)
      implements Frame {
    public Scanned {
      keys = List.copyOf(keys);
    }
  }

  /// Asks for the cluster map.
  record MapRequest(long id) implements Frame {}

  /// The members of the cluster. Served by routers and nodes.
  ///
  /// @param version grows whenever the content changes
  /// @param faultTolerance k, the number of lost nodes to survive
  record ClusterMap(
      long id, long version, String clusterName, int faultTolerance, List<NodeDescriptor> nodes)
      implements Frame {
    public ClusterMap {
      nodes = List.copyOf(nodes);
    }
  }

  /// Asks for a sign of life.
  ///
  /// @param receipt whether to tell [Pong#asOf], as who keeps copies of watched keys wants to know
  record Ping(long id, boolean receipt) implements Frame {
    public Ping(long id) {
      this(id, false);
    }
  }

  /// The answer to [Ping]. It leaves after every change of a watched key that came before it: who
  /// has it knows all that the connection had to tell at `clock`.
  ///
  /// @param asOf all that was first written up to then, wherever that was, to keys in their default
  ///   place that this connection watches, is in what it was told; zero where that was not asked,
  ///   or is not known
  record Pong(long id, HybridTimestamp clock, HybridTimestamp asOf) implements Frame {
    public Pong(long id, HybridTimestamp clock) {
      this(id, clock, HybridTimestamp.ZERO);
    }
  }
}
