package dev.trellis.simulation;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.node.shard.Origin;
import dev.trellis.node.shard.Outbox;
import dev.trellis.node.shard.Sabotage;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.shard.ShardStatistics;
import dev.trellis.node.store.Slot;
import dev.trellis.node.store.Store;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.PlacementSetting;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// One life of a shard: the real core, and what its shell keeps: who waits for which reply.
final class SimulatedShard implements Outbox {
  private record Asked(long connection, long requestId) {}

  private record Waiting(Consumer<Reply> answer, long sinceMillis) {}

  private final SimulatedNode node;
  private final ShardConfig config;
  private final Store store;
  private final ShardCore core;
  private final SimulatedCluster cluster;
  private final Map<Asked, Deque<Waiting>> waiting = new HashMap<>();
  private final Set<Long> closed = new HashSet<>(); // connections
  private final Map<Long, Consumer<Reply>> watchers = new HashMap<>(); // by connection
  private MembershipView view; // that it acts upon

  SimulatedShard(
      SimulatedNode node,
      ShardConfig config,
      Store store,
      Set<Sabotage> sabotage,
      SimulatedCluster cluster) {
    this.node = node;
    this.config = config;
    this.store = store;
    this.core = new ShardCore(config, store, sabotage);
    core.onDiskProgress(this::persist);
    this.cluster = cluster;
    this.view = node.view();
  }

  SimulatedNode node() {
    return node;
  }

  Peer peer() {
    return new Peer(config.nodeId(), config.nodeIncarnation(), config.shard());
  }

  long incarnation() {
    return config.incarnation();
  }

  void handle(Origin origin, Request request, Consumer<Reply> answer) {
    if (closed.contains(origin.connection())) {
      return;
    }
    waiting
        .computeIfAbsent(
            new Asked(origin.connection(), request.id()), ignored -> new ArrayDeque<>())
        .add(new Waiting(answer, cluster.nowMillis()));
    core.handle(origin, request, node.clockMillis(), this);
    persist();
  }

  /// Ends a turn.
  private void persist() {
    core.persist(() -> Instant.ofEpochMilli(node.clockMillis()), this);
  }

  /// The process has ended.
  void stop() {
    if (store instanceof SimulatedDisk disk) {
      disk.lose();
    }
  }

  void disconnected(Origin origin) {
    if (closed.add(origin.connection())) {
      core.disconnected(origin);
      waiting.keySet().removeIf(asked -> asked.connection == origin.connection());
    }
  }

  void tick() {
    core.tick(node.clockMillis(), this);
    persist();
  }

  void membership(MembershipView now) {
    view = now;
    core.membership(view, node.clockMillis(), this);
    persist();
    cluster.trace().tell(() -> this + " acts upon " + core.progress());
  }

  void found() {
    core.found();
    persist();
  }

  void receive(Peer from, PeerMessage message) {
    core.receive(from, message, node.clockMillis(), this);
    persist();
  }

  void connected(Peer peer) {
    core.connected(peer, node.clockMillis(), this);
  }

  ShardProgress progress() {
    return core.progress();
  }

  ShardStatistics statistics() {
    return core.statistics();
  }

  Entry entryOf(Payload key) {
    return core.entryOf(key);
  }

  /// What was decided about where a key belongs, as far as this shard knows.
  Optional<PlacementSetting> settingOf(Payload key) {
    return store.find(key).flatMap(Slot::setting);
  }

  /// The shards that shall hold a key, as this one sees it.
  List<Peer> holders(Payload key) {
    return SimulatedCluster.holders(
        view.topology(), key, settingOf(key).flatMap(PlacementSetting::placement));
  }

  /// Whether this shard waits for what another one has, if it is to have all that was written: it
  /// is a member, whether it holds the key or not.
  boolean waitsFor(SimulatedShard other) {
    return view.topology()
        .member(other.node.id())
        .filter(known -> known.incarnation() == other.node.identity().incarnation())
        .isPresent();
  }

  /// The requests that wait for an answer since before `millis`, by id.
  List<Long> unansweredSince(long millis) {
    List<Long> late = new ArrayList<>();
    waiting.forEach(
        (asked, waiters) -> {
          if (!waiters.isEmpty() && waiters.peek().sinceMillis < millis) {
            late.add(asked.requestId);
          }
        });
    late.sort(null);
    return late;
  }

  @Override
  public void reply(Origin origin, Reply reply) {
    if (closed.contains(origin.connection())) {
      return;
    }
    Asked asked = new Asked(origin.connection(), reply.id());
    Deque<Waiting> waiters = waiting.getOrDefault(asked, new ArrayDeque<>());
    if (waiters.isEmpty()) {
      cluster.violated(this + " answers twice, or what nobody asked: " + reply);
      return;
    }
    Waiting first = waiters.remove();
    if (waiters.isEmpty()) {
      waiting.remove(asked);
    }
    first.answer.accept(reply);
  }

  /// Watches a key over a connection of its own, which does not break.
  ///
  /// @param told each state that the watcher is told, and the refusal that ends the watch
  void watch(Origin origin, Payload key, Consumer<Reply> told) {
    watchers.put(origin.connection(), told);
    core.watch(origin, new Frame.Watch(1, key, Optional.empty()), node.clockMillis(), this);
  }

  @Override
  public void changesPending(Origin origin) {
    // A reader takes what there is when it comes to it; what changes meanwhile is coalesced.
    cluster
        .scheduler()
        .after(cluster.random().nextLong(1, 20), () -> node.execute(() -> tellWatcher(origin)));
  }

  private void tellWatcher(Origin origin) {
    Consumer<Reply> watcher = watchers.get(origin.connection());
    for (Optional<Frame.Changed> next = core.nextChange(origin, node.clockMillis());
        next.isPresent();
        next = core.nextChange(origin, node.clockMillis())) {
      if (watcher == null) {
        cluster.violated(this + " tells a watcher that there is not: " + next);
      } else {
        watcher.accept(next.get().reply());
      }
    }
  }

  @Override
  public void send(Peer to, PeerMessage message) {
    cluster.send(this, to, message);
  }

  @Override
  public String toString() {
    return config.nodeId() + "/" + config.shard();
  }
}
