package dev.trellis.node.shard;

import dev.trellis.access.Caller;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.Store;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.placement.Topology;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.Threshold;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Several shards that hear each other at once and without loss, unless the test says otherwise,
/// and a clock that stands still until the test moves it.
final class TestCluster {
  static final Origin CLIENT = new Origin(1, 77, Caller.ANONYMOUS);

  private record Envelope(Peer from, Peer to, PeerMessage message) {}

  /// One shard of one node.
  final class Member implements Outbox {
    private final Peer self;
    private final ShardCore core;
    private final List<Reply> replies = new ArrayList<>();
    private @Nullable Request asked;

    private Member(Peer self, ShardCore core) {
      this.self = self;
      this.core = core;
    }

    ShardCore core() {
      return core;
    }

    @Override
    public void reply(Origin origin, Reply reply) {
      replies.add(reply);
    }

    @Override
    public void changesPending(Origin origin) {}

    @Override
    public void send(Peer to, PeerMessage message) {
      wire.add(new Envelope(self, to, message));
    }

    /// Asks, and delivers what follows at once.
    void ask(Operation operation, String key, Acknowledgement level) {
      ask(operation, key, level, Demand.NONE);
    }

    void ask(Mutation mutation, String key, Acknowledgement level, Optional<Tag> tag) {
      RequestContext context =
          RequestContext.mutation(++sequence, clientClock.tick(nowMillis))
              .withAcknowledgement(level)
              .withTag(tag);
      asked = new Request(sequence, Payload.ofText(key), mutation, context);
      core.handle(CLIENT, asked, nowMillis, this);
      deliver();
    }

    void ask(Operation operation, String key, Acknowledgement level, Demand demand) {
      RequestContext context =
          operation instanceof Mutation
              ? RequestContext.mutation(++sequence, clientClock.tick(nowMillis))
                  .withAcknowledgement(level)
              : RequestContext.READ;
      asked = new Request(sequence, Payload.ofText(key), operation, context.withDemand(demand));
      core.handle(CLIENT, asked, nowMillis, this);
      deliver();
    }

    /// Reads, and delivers what follows at once.
    void ask(Read read, String key, ReadMode mode) {
      RequestContext any = RequestContext.READ;
      RequestContext context =
          new RequestContext(
              0, false, any.timestamp(), any.generation(), any.acknowledgement(), mode, 0, 0, 0);
      asked = new Request(++sequence, Payload.ofText(key), read, context);
      core.handle(CLIENT, asked, nowMillis, this);
      deliver();
    }

    /// Waits for a threshold, and delivers what follows at once.
    ///
    /// @return the id of the request
    long await(Threshold threshold, String key, long timeoutMillis) {
      RequestContext read = RequestContext.READ;
      RequestContext context =
          new RequestContext(
              0,
              false,
              read.timestamp(),
              read.generation(),
              read.acknowledgement(),
              read.read(),
              0,
              timeoutMillis,
              0);
      long id = --awaitId; // apart from those of others
      Request request = new Request(id, Payload.ofText(key), new Read.Await(threshold), context);
      core.handle(CLIENT, request, nowMillis, this);
      deliver();
      return id;
    }

    /// Gives up what waits under an id, be it a threshold read or a watch.
    void giveUp(long id) {
      core.unwatch(CLIENT, id);
      core.giveUp(CLIENT, id, nowMillis, this);
      deliver();
    }

    /// The last request once more, as if its answer had got lost.
    void askAgain() {
      core.handle(CLIENT, Objects.requireNonNull(asked), nowMillis, this);
      deliver();
    }

    /// The reply to the last request; there must be one.
    Reply lastReply() {
      return replies.getLast();
    }

    int replies() {
      return replies.size();
    }

    List<Reply> replied() {
      return List.copyOf(replies);
    }

    Entry entryOf(String key) {
      return core.entryOf(Payload.ofText(key));
    }
  }

  private final Partitions partitions;
  private final int shards;
  private final Map<Peer, Member> members = new LinkedHashMap<>();
  private final Map<String, NodeDescriptor> descriptors = new LinkedHashMap<>();
  private final ArrayDeque<Envelope> wire = new ArrayDeque<>();
  private final HybridLogicalClock clientClock = new HybridLogicalClock(Long.MAX_VALUE / 2);
  private final Set<String> down = new HashSet<>();
  private BiPredicate<Peer, Peer> passes = (from, to) -> true;
  private Predicate<PeerMessage> doubled = message -> false;
  private Predicate<PeerMessage> held = message -> false;
  private final List<Envelope> heldBack = new ArrayList<>();
  private long monitorEpoch;
  private long nowMillis = TestShard.START_MILLIS;
  private long sequence;
  private long awaitId;
  private long nextIncarnation = 100;
  private long bytes;
  private int changesSent;
  private int messages;
  private long longestBytes;
  private Limits limits = Limits.DEFAULT;
  private ReplicationConfig replication = ReplicationConfig.DEFAULT;
  private Duration invocationLifetime = Duration.ofHours(1);

  TestCluster(Partitions partitions, int shards) {
    this.partitions = partitions;
    this.shards = shards;
  }

  /// Founds a cluster of nodes with these ids.
  static TestCluster of(String... ids) {
    return of(Duration.ofHours(1), ids);
  }

  /// Founds a cluster in which invocations live so long.
  static TestCluster of(Duration invocationLifetime, String... ids) {
    TestCluster cluster = new TestCluster(new Partitions(6), 1);
    cluster.invocationLifetime = invocationLifetime;
    for (String id : ids) {
      cluster.start(id, NodeDescriptor.State.ACTIVE);
    }
    cluster.tellViews(Set.of(), Set.of());
    cluster.members.values().forEach(member -> member.core.found());
    return cluster;
  }

  /// Has a node join that gets nothing of what it shall hold before [#release].
  Member joinWithNothing(String id) {
    holding(
        message ->
            message instanceof PeerMessage.Digests || message instanceof PeerMessage.Fetched);
    start(id, NodeDescriptor.State.JOINING);
    tellViews(Set.of(), Set.of());
    return member(id);
  }

  /// Sets how long nodes take an invocation's tags that are started from now on.
  void invocationLifetime(Duration lifetime) {
    invocationLifetime = lifetime;
  }

  /// Sets what nodes accept that are started from now on.
  void limits(Limits accepted) {
    limits = accepted;
  }

  /// Sets what is sent a second to bring other replicas up to date, by nodes that are started from
  /// now on.
  void handoffRate(long bytesPerSecond) {
    replication =
        new ReplicationConfig(
            replication.gossipEpoch(),
            replication.antiEntropyPeriod(),
            replication.acknowledgementTimeout(),
            replication.retransmitAfter(),
            replication.linkBytesMax(),
            bytesPerSecond);
  }

  /// Starts a node, or starts it again in a new incarnation; nobody is told yet. Its id says of
  /// which tier it is. A new cluster of `m`, a memory node, and `ssd`, which keeps its entries in a
  /// store with a disk.
  void foundWithDisk(Store store) {
    start("m", NodeDescriptor.State.ACTIVE);
    start("ssd", NodeDescriptor.State.ACTIVE, () -> store);
    tellViews(Set.of(), Set.of());
    member("m").core().found();
    member("ssd").core().found();
    persist();
  }

  /// Starts a node, or starts it again in a new incarnation; nobody is told yet. Its id says of
  /// which tier it is.
  void start(String id, NodeDescriptor.State state) {
    start(id, state, MemoryStore::new);
  }

  /// Starts a node whose shards have something already.
  void start(String id, NodeDescriptor.State state, Supplier<Store> stores) {
    long incarnation = nextIncarnation++;
    members.keySet().removeIf(peer -> peer.nodeId().equals(id));
    down.remove(id);
    descriptors.put(
        id,
        new NodeDescriptor(
            id,
            id.startsWith("ssd") ? NodeDescriptor.Tier.SSD : NodeDescriptor.Tier.MEMORY,
            "host-" + id,
            Collections.nCopies(shards, 1),
            1,
            incarnation,
            1,
            state));
    for (int shard = 0; shard < shards; shard++) {
      Peer self = new Peer(id, incarnation, shard);
      ShardConfig config =
          new ShardConfig(
              id,
              shard,
              shards,
              incarnation * 1_000 + shard,
              limits,
              Duration.ofMillis(500),
              Duration.ofSeconds(60),
              1L << 40,
              1_000,
              1_000,
              incarnation,
              partitions,
              replication,
              1L << 20,
              AccessConfig.DEFAULT,
              invocationLifetime);
      members.put(self, new Member(self, new ShardCore(config, stores.get())));
    }
  }

  void state(String id, NodeDescriptor.State state) {
    descriptors.computeIfPresent(id, (same, node) -> node.withState(state));
  }

  /// Ends a node without a word.
  void crash(String id) {
    down.add(id);
  }

  /// Takes a node out of what is told as members.
  NodeDescriptor remove(String id) {
    return Objects.requireNonNull(descriptors.remove(id), id);
  }

  /// Puts a node back among what is told as members.
  void add(NodeDescriptor node) {
    descriptors.put(node.id(), node);
  }

  /// Decides which messages pass.
  void passing(BiPredicate<Peer, Peer> rule) {
    passes = rule;
  }

  /// Decides which messages arrive twice.
  void doubling(Predicate<PeerMessage> rule) {
    doubled = rule;
  }

  /// Decides which messages stay on the way until [#release].
  void holding(Predicate<PeerMessage> rule) {
    held = rule;
  }

  /// Delivers what was held back, and holds back nothing more.
  void release() {
    held = message -> false;
    wire.addAll(heldBack);
    heldBack.clear();
    deliver();
  }

  /// Tells every live shard the present members.
  void tellViews(Set<String> suspected, Set<Incarnation> absent) {
    tellViews(suspected, absent, id -> true);
  }

  /// Tells the live shards of some nodes the present members; the others will hear later.
  void tellViews(Set<String> suspected, Set<Incarnation> absent, Predicate<String> who) {
    for (Member member : List.copyOf(members.values())) {
      if (who.test(member.self.nodeId())) {
        tellView(member, suspected, absent);
      }
    }
    deliver();
  }

  /// Has a monitor lead from the next views on.
  void monitorEpoch(long epoch) {
    monitorEpoch = epoch;
  }

  /// Tells the shards of one node the present members.
  void tellView(String id) {
    tellViews(Set.of(), Set.of(), id::equals);
  }

  private void tellView(Member member, Set<String> suspected, Set<Incarnation> absent) {
    MembershipView view =
        new MembershipView(
            Topology.of(partitions, descriptors.values(), 1),
            suspected,
            absent,
            Set.of(),
            Set.of(),
            monitorEpoch);
    if (!down.contains(member.self.nodeId())) {
      member.core.membership(view, nowMillis, member);
    }
  }

  /// Has each shard do what it does at the end of a turn.
  void persist() {
    for (Member member : members.values()) {
      if (!down.contains(member.self.nodeId())) {
        member.core.persist(() -> Instant.ofEpochMilli(nowMillis), member);
      }
    }
    deliver();
  }

  void deliver() {
    for (Envelope next = wire.poll(); next != null; next = wire.poll()) {
      if (next.message instanceof PeerMessage.Changes changes) {
        changesSent += changes.changes().size();
      }
      messages++;
      int length = FrameCodec.encode(new Frame.FromPeer(next.message)).length;
      bytes += length + Integer.BYTES;
      longestBytes = Math.max(longestBytes, length);
      Member to = members.get(next.to);
      if (to != null
          && !down.contains(next.to.nodeId())
          && !down.contains(next.from.nodeId())
          && passes.test(next.from, next.to)) {
        if (held.test(next.message)) {
          heldBack.add(next);
          continue;
        }
        to.core.receive(next.from, next.message, nowMillis, to);
        if (doubled.test(next.message)) {
          to.core.receive(next.from, next.message, nowMillis, to);
        }
      }
    }
  }

  /// Lets time pass, in steps as the shell would.
  void pass(long millis) {
    long end = nowMillis + millis;
    while (nowMillis < end) {
      nowMillis += 10;
      for (Member member : members.values()) {
        if (!down.contains(member.self.nodeId())) {
          member.core.tick(nowMillis, member);
        }
      }
      deliver();
    }
  }

  Member member(String id) {
    return member(id, 0);
  }

  Member member(String id, int shard) {
    return members.values().stream()
        .filter(member -> member.self.nodeId().equals(id) && member.self.shard() == shard)
        .findFirst()
        .orElseThrow();
  }

  /// The shard that a node has with its present life.
  Peer peer(String id) {
    return member(id).self;
  }

  NodeDescriptor descriptor(String id) {
    return Objects.requireNonNull(descriptors.get(id), id);
  }

  long nowMillis() {
    return nowMillis;
  }

  /// What has been sent between shards since the last call, in bytes.
  long takeBytes() {
    long taken = bytes;
    bytes = 0;
    return taken;
  }

  /// The longest message since the last call, in bytes.
  long takeLongestBytes() {
    long taken = longestBytes;
    longestBytes = 0;
    return taken;
  }

  /// How many messages have been sent between shards since the last call.
  int takeMessages() {
    int taken = messages;
    messages = 0;
    return taken;
  }

  /// How many states and deltas have been sent since the last call.
  int takeChanges() {
    int taken = changesSent;
    changesSent = 0;
    return taken;
  }

  /// Ids of the nodes that hold a key, in preference order.
  List<String> holdersOf(String key) {
    Topology topology = Topology.of(partitions, descriptors.values(), 1);
    return topology.holders(partitions.of(KeyHash.of(Payload.ofText(key))));
  }
}
