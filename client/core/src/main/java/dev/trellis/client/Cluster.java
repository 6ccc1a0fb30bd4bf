package dev.trellis.client;

import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.NodeDescriptor;
import io.netty.channel.EventLoop;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What a client knows of its cluster: the map, the lanes to the shards, the clock, and the numbers
/// under which it writes. Any thread may use it.
///
/// Where the map comes from: routers know the whole cluster, so the first of them to answer is
/// believed. Where only nodes are configured, each of which may know none but itself, the map is
/// the union of what they say, or said last: that a node does not answer right now is no reason to
/// look for its keys elsewhere.
final class Cluster {
  private static final Logger log = LoggerFactory.getLogger(Cluster.class);

  private final ClientConfig config;
  private final EventLoops loops;
  private final EventLoop home; // the map is asked for and changed here only
  private final List<MapSource> sources;
  private final SharedClock clock;
  private final long clientId = newClientId();
  private final Map<Optional<Routing.Target>, Lane> lanes = new ConcurrentHashMap<>();
  private final Map<Long, AtomicLong> sequences = new ConcurrentHashMap<>(); // by incarnation
  private final AtomicReference<CompletableFuture<Void>> refreshing = new AtomicReference<>();
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile Routing routing;
  private volatile Limits limits = Limits.DEFAULT; // as told by the shard that was greeted last

  private Cluster(ClientConfig config, EventLoops loops, SharedClock clock) {
    this.config = config;
    this.loops = loops;
    this.clock = clock;
    home = loops.next();
    sources =
        config.addresses().stream()
            .map(address -> new MapSource(this, Address.parse(address), home))
            .toList();
    routing =
        new Routing(
            new Frame.ClusterMap(0, 0, config.clusterName().orElse(""), 0, List.of()),
            config.scope(),
            clientId);
  }

  private static long newClientId() {
    SecureRandom random = new SecureRandom(); // clients cloned from one snapshot must differ
    long id = random.nextLong();
    while (id == 0) {
      id = random.nextLong();
    }
    return id;
  }

  /// Asks for the map and waits for it.
  ///
  /// @throws TrellisException if nobody answers with one
  static Cluster connect(ClientConfig config, SharedClock clock) {
    Cluster cluster = new Cluster(config, new EventLoops(config.eventLoopThreads()), clock);
    try {
      Blocking.await(cluster.start());
    } catch (RuntimeException e) {
      cluster.close();
      throw e;
    }
    return cluster;
  }

  private CompletableFuture<Void> start() {
    CompletableFuture<Void> started = new CompletableFuture<>();
    home.execute(
        () ->
            askSources(
                new MapReceiver() {
                  @Override
                  public void map(Frame.ClusterMap map) {
                    adopt(map);
                    long millis = config.mapRefresh().toMillis();
                    var unused =
                        home.scheduleWithFixedDelay(
                            () -> refreshMapThen(() -> {}), millis, millis, TimeUnit.MILLISECONDS);
                    started.complete(null);
                  }

                  @Override
                  public void noMap(TrellisException failure) {
                    started.completeExceptionally(failure);
                  }
                }));
    return started;
  }

  // ---- What lanes and calls ask ----

  ClientConfig config() {
    return config;
  }

  EventLoops loops() {
    return loops;
  }

  SharedClock clock() {
    return clock;
  }

  Routing routing() {
    return routing;
  }

  Limits limits() {
    return limits;
  }

  void learnLimits(Limits told) {
    limits = told;
  }

  /// The cluster that must be on the other side of a connection, once one is known.
  Optional<String> clusterName() {
    return config
        .clusterName()
        .or(() -> Optional.of(routing.map().clusterName()).filter(name -> !name.isEmpty()));
  }

  Frame.Hello hello(Frame.Scope scope) {
    return new Frame.Hello(
        Frame.PROTOCOL_VERSION,
        Frame.PROTOCOL_VERSION,
        clusterName().orElse(""),
        clientId,
        scope,
        config.credentials(),
        config.agent());
  }

  /// A new sequence for a mutation that goes to this incarnation of a shard. Counted here and not
  /// in the lane: a node that leaves the map and comes back gets a new lane, but remembers.
  long nextSequence(long incarnation) {
    return sequences.computeIfAbsent(incarnation, fresh -> new AtomicLong()).incrementAndGet();
  }

  long lastSequence(long incarnation) {
    return sequences.computeIfAbsent(incarnation, fresh -> new AtomicLong()).get();
  }

  // ---- Placing ----

  /// Gives a call to the lane of its key.
  ///
  /// @param moved whether another lane had it before
  void place(Pending.OfCall call, boolean moved) {
    laneTaking(call, moved).ifPresent(Lane::wake);
  }

  /// Gives calls to the lanes of their keys, each lane its calls together.
  void placeAll(List<Pending.OfCall> calls) {
    Set<Lane> lanesToWake = new LinkedHashSet<>();
    for (Pending.OfCall call : calls) {
      laneTaking(call, false).ifPresent(lanesToWake::add);
    }
    lanesToWake.forEach(Lane::wake);
  }

  /// The lane that has taken the call, and is to be woken; empty if it was failed instead.
  private Optional<Lane> laneTaking(Pending.OfCall call, boolean moved) {
    while (!closed.get()) {
      Routing current = routing;
      Lane lane = lane(current.targetOf(call.keyHash));
      // Else the lane may be one that the new map has just done away with.
      if (current == routing) {
        call.routedBy = current;
        return lane.take(call, moved) ? Optional.of(lane) : Optional.empty();
      }
    }
    Lane.failClosed(call);
    return Optional.empty();
  }

  void place(ActiveWatch watch) {
    if (closed.get()) {
      watch.end();
      return;
    }
    lane(routing.targetOf(watch.keyHash())).watch(watch);
  }

  void place(Pending.OfScan scan, Routing.Target target) {
    if (closed.get()) {
      Lane.failClosed(scan);
      return;
    }
    Lane lane = lane(Optional.of(target));
    if (lane.take(scan, false)) {
      lane.wake();
    }
  }

  boolean isRightLane(Lane lane, long keyHash) {
    return lanes.get(routing.targetOf(keyHash)) == lane;
  }

  private Lane lane(Optional<Routing.Target> target) {
    return lanes.computeIfAbsent(target, missing -> new Lane(this, missing, loops.next()));
  }

  // ---- The map ----

  /// Asks for the map; who asks while that goes on gets the same future. Completes normally in any
  /// case, within about twice the time to connect.
  CompletableFuture<Void> refreshMap() {
    CompletableFuture<Void> fresh = new CompletableFuture<>();
    CompletableFuture<Void> running = refreshing.compareAndExchange(null, fresh);
    if (running != null) {
      return running;
    }
    if (closed.get()) {
      refreshing.set(null);
      fresh.complete(null);
      return fresh;
    }
    onHome(
        () ->
            askSources(
                new MapReceiver() {
                  @Override
                  public void map(Frame.ClusterMap map) {
                    try {
                      adopt(map);
                    } finally {
                      settle();
                    }
                  }

                  @Override
                  public void noMap(TrellisException failure) {
                    log.debug("no new cluster map: {}", failure.getMessage());
                    settle();
                  }

                  private void settle() {
                    refreshing.set(null);
                    fresh.complete(null);
                  }
                }));
    return fresh;
  }

  /// Asks for the map, and runs `then` when that is over, whether it brought a new one or not.
  void refreshMapThen(Runnable then) {
    var unused = refreshMap().thenRun(then);
  }

  private void onHome(Runnable task) {
    try {
      home.execute(task);
    } catch (RejectedExecutionException e) {
      log.debug("the client is closed: {}", e.getMessage());
    }
  }

  /// Is told one of the two, once.
  private interface MapReceiver {
    void map(Frame.ClusterMap map);

    void noMap(TrellisException failure);
  }

  /// Asks everybody; done as soon as a router has answered, or nobody is left to wait for.
  private void askSources(MapReceiver receiver) {
    List<MapSource.NoAnswer> failures = new ArrayList<>();
    AtomicInteger left = new AtomicInteger(sources.size());
    AtomicBoolean done = new AtomicBoolean();
    for (MapSource source : sources) {
      source.ask(
          result -> {
            switch (result) {
              case MapSource.NoAnswer failure -> failures.add(failure);
              case MapSource.Answer answer -> {
                if (!answer.isNode() && done.compareAndSet(false, true)) {
                  receiver.map(answer.map());
                }
              }
            }
            if (left.decrementAndGet() == 0 && done.compareAndSet(false, true)) {
              conclude(failures, receiver);
            }
          });
    }
  }

  /// Does with what was heard when no router answered.
  private void conclude(List<MapSource.NoAnswer> failures, MapReceiver receiver) {
    if (failures.size() < sources.size()) {
      List<Frame.ClusterMap> heard =
          sources.stream()
              .flatMap(source -> source.last().stream())
              .map(MapSource.Answer::map)
              .toList();
      receiver.map(union(heard));
      return;
    }
    Optional<ErrorCode> refusal = failures.get(0).closure().refusal();
    boolean refused =
        refusal.isPresent()
            && failures.stream().allMatch(each -> each.closure().refusal().equals(refusal));
    String reasons = failures.stream().map(Object::toString).collect(Collectors.joining("; "));
    receiver.noMap(
        TrellisException.of(
            new TrellisException.Failure(
                refused ? refusal.get() : ErrorCode.NO_NODES,
                (refused ? "the cluster refuses this client: " : "no router or node answers: ")
                    + reasons,
                failures.get(0).closure().cause())));
  }

  private static Frame.ClusterMap union(List<Frame.ClusterMap> maps) {
    Map<String, NodeDescriptor> nodes = new LinkedHashMap<>();
    long version = 0;
    for (Frame.ClusterMap map : maps) {
      version = Math.max(version, map.version());
      for (NodeDescriptor node : map.nodes()) {
        nodes.putIfAbsent(node.id(), node);
      }
    }
    Frame.ClusterMap first = maps.get(0);
    return new Frame.ClusterMap(
        0, version, first.clusterName(), first.faultTolerance(), List.copyOf(nodes.values()));
  }

  private void adopt(Frame.ClusterMap map) {
    Frame.ClusterMap before = routing.map();
    boolean forgetful = map.nodes().isEmpty() && !before.nodes().isEmpty();
    boolean same =
        map.nodes().equals(before.nodes())
            && map.clusterName().equals(before.clusterName())
            && map.faultTolerance() == before.faultTolerance();
    if (same || forgetful || closed.get()) {
      // A router that has just started knows nobody yet; whom we know is the better guess.
      return;
    }
    Routing next;
    try {
      next = new Routing(map, config.scope(), clientId);
    } catch (IllegalArgumentException e) {
      log.warn("a cluster map makes no sense and is ignored: {}", e.getMessage());
      return;
    }
    log.debug("cluster map {}: {}", map.version(), map.nodes());
    routing = next;
    for (Map.Entry<Optional<Routing.Target>, Lane> lane : List.copyOf(lanes.entrySet())) {
      boolean stays = lane.getKey().isEmpty() || next.has(lane.getKey().get());
      if (!stays) {
        lanes.remove(lane.getKey());
      }
      lane.getValue().reroute(stays);
    }
  }

  // ---- The end ----

  boolean isClosed() {
    return closed.get();
  }

  /// The failure of a call that surely did nothing before the client was closed.
  static TrellisException closed(String what) {
    return new DefiniteException.NotSent(
        new TrellisException.Failure(ErrorCode.TIMEOUT, what + ": the client is closed"));
  }

  void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    Collection<Lane> all = lanes.values();
    onHome(() -> sources.forEach(MapSource::close));
    all.forEach(Lane::close);
    loops.stop();
    all.forEach(Lane::failInbox);
  }
}
