package dev.trellis.client;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.Census;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Reply;
import io.netty.channel.EventLoop;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.BinaryOperator;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What a client knows of its cluster: the map, the lanes to the shards, the clock, and the numbers
/// under which it writes. Any thread may use it.
///
/// Where the map comes from: routers know the whole cluster, so the first of them to answer is
/// believed. Where only nodes are configured, the map is what those say that answer, see [Census];
/// where none of them answers, the members of the last map are asked.
///
/// Which of a key's holders a call goes to: the first that there is, or may be, a connection to and
/// that has not refused it. A shard whose connection was lost, or takes long to be made, is tried
/// again while calls that would go there go to others.
final class Cluster {
  private static final Logger log = LoggerFactory.getLogger(Cluster.class);

  /// Keys of which their generation, or their placement, is remembered.
  static final int LEARNED_KEYS_MAX = 16_384;

  /// Between two looks at the map that answers give reason for.
  private static final long DOUBT_PAUSE_MILLIS_MIN = 100;

  /// Between two questions to those who say that they do not know yet whom to let in.
  private static final long EARLY_PAUSE_MILLIS_MIN = 20;

  private static final long EARLY_PAUSE_MILLIS_MAX = 500;

  /// Shards that know no ring answer with this, or less.
  private static final long NO_RING_VERSION = 1;

  private final ClientConfig config;
  private final EventLoops loops;
  private final EventLoop home; // the map is asked for and changed here only
  private final List<MapSource> sources; // the configured addresses
  private final Map<Address, MapSource> members = new HashMap<>(); // asked where those are no use
  private final SharedClock clock;
  private final long clientId = newClientId();
  private final Map<Optional<Routing.Target>, Lane> lanes = new ConcurrentHashMap<>();
  private final Map<Long, AtomicLong> sequences = new ConcurrentHashMap<>(); // by incarnation
  private final BoundedCache<Payload, HybridTimestamp> generations =
      new BoundedCache<>(LEARNED_KEYS_MAX);
  private final BoundedCache<FieldPath, FieldGeneration> fieldGenerations =
      new BoundedCache<>(LEARNED_KEYS_MAX);
  private final BoundedCache<Payload, Placement> placements = new BoundedCache<>(LEARNED_KEYS_MAX);
  private final AtomicReference<CompletableFuture<Void>> refreshing = new AtomicReference<>();
  private final AtomicLong doubtNanos = new AtomicLong(System.nanoTime()); // when it may be next
  private volatile long doubtPauseMillis = DOUBT_PAUSE_MILLIS_MIN;
  private final AtomicBoolean closed = new AtomicBoolean();
  private final long timeoutMillis;
  private volatile Routing routing;
  private volatile FirstLanes firstLanes; // of the routing, or of one before
  private volatile String principal = ""; // as told by whoever was greeted last
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
    timeoutMillis = config.timeout().toMillis();
    routing =
        new Routing(
            new Frame.ClusterMap(0, 0, config.clusterName().orElse(""), 0, List.of()),
            config.scope(),
            clientId);
    firstLanes = new FirstLanes(routing);
  }

  /// The lanes that calls for keys in their default place go to, as found out so far: most calls
  /// do, and looking the lane up by its target costs more than all else that is done to place one.
  private static final class FirstLanes {
    final Routing of;
    final AtomicReferenceArray<@Nullable Lane> byPartition =
        new AtomicReferenceArray<>(Partitions.STANDARD.count());

    FirstLanes(Routing of) {
      this.of = of;
    }
  }

  private static long newClientId() {
    SecureRandom random = new SecureRandom(); // clients cloned from one snapshot must differ
    long id = random.nextLong();
    while (id == 0) {
      id = random.nextLong();
    }
    return id;
  }

  /// Asks for the map and waits for it; up to the timeout, if whoever answers has just started and
  /// does not know yet who may be let in.
  ///
  /// @throws TrellisException if nobody answers with one
  /// @throws IllegalArgumentException if there is an API key and no TLS
  static Cluster connect(ClientConfig config, SharedClock clock) {
    if (config.tls().isEmpty() && config.showsApiKey()) {
      throw new IllegalArgumentException(
          "the API key would travel readable by everybody: set withTls too, or --ca");
    }
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
    long endNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
    home.execute(() -> askForFirstMap(started, endNanos, EARLY_PAUSE_MILLIS_MIN));
    return started;
  }

  /// @param endNanos until when to ask again if it is too early to be let in
  private void askForFirstMap(CompletableFuture<Void> started, long endNanos, long pauseMillis) {
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
          public void noMap(TrellisException failure, boolean isEarly) {
            long leftMillis = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
            if (!isEarly || leftMillis <= pauseMillis) {
              started.completeExceptionally(failure);
              return;
            }
            long next = Math.min(2 * pauseMillis, EARLY_PAUSE_MILLIS_MAX);
            var unused =
                home.schedule(
                    () -> askForFirstMap(started, endNanos, next),
                    pauseMillis,
                    TimeUnit.MILLISECONDS);
          }
        });
  }

  // ---- What lanes and calls ask ----

  ClientConfig config() {
    return config;
  }

  EventLoops loops() {
    return loops;
  }

  /// How long calls wait that do not say so themselves.
  long timeoutMillis() {
    return timeoutMillis;
  }

  SharedClock clock() {
    return clock;
  }

  long clientId() {
    return clientId;
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

  /// Whom the cluster takes this client for, as it last said; empty where it has no security.
  String principal() {
    return principal;
  }

  void learnPrincipal(String told) {
    principal = told;
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
    Lane lane = laneTaking(call, moved);
    if (lane != null) {
      lane.wake();
    }
  }

  /// Gives calls to the lanes of their keys, each lane its calls together.
  void placeAll(List<Pending.OfCall> calls) {
    Set<Lane> lanesToWake = new LinkedHashSet<>();
    for (Pending.OfCall call : calls) {
      Lane lane = laneTaking(call, false);
      if (lane != null) {
        lanesToWake.add(lane);
      }
    }
    lanesToWake.forEach(Lane::wake);
  }

  /// The lane that has taken the call, and is to be woken; null if it was failed instead.
  private @Nullable Lane laneTaking(Pending.OfCall call, boolean moved) {
    while (!closed.get()) {
      Routing current = routing;
      Lane lane = laneFor(current, call);
      // Else the lane may be one that the new map has just done away with.
      if (current == routing) {
        call.routedBy = current;
        if (!call.wasNeverRefused()
            && lane.target().isPresent()
            && call.wasRefusedBy(lane.target().get(), current)) {
          call.forgetRefusals(); // everybody has had the chance
        }
        return lane.take(call, moved) ? lane : null;
      }
    }
    Lane.failClosed(call);
    return null;
  }

  void place(ActiveWatch watch) {
    if (closed.get()) {
      watch.end();
      return;
    }
    laneFor(routing, watch).watch(watch);
  }

  void place(Pending.OfScan scan, Routing.Target target) {
    if (closed.get()) {
      Lane.failClosed(scan);
      return;
    }
    Lane lane = lane(Optional.of(target));
    lane.probe();
    if (lane.take(scan, false)) {
      lane.wake();
    }
  }

  /// Whether a lane leads to a shard that holds what the call is about.
  boolean isRightLane(Lane lane, Pending.OfCall call) {
    return isAmong(candidates(routing, call), lane);
  }

  /// Whether a lane leads to a shard that holds the watched key.
  boolean isRightLane(Lane lane, ActiveWatch watch) {
    return isAmong(candidates(routing, watch.key(), watch.keyHash()), lane);
  }

  private static boolean isAmong(List<Routing.Target> candidates, Lane lane) {
    return lane.target().isEmpty()
        ? candidates.isEmpty()
        : candidates.contains(lane.target().get());
  }

  /// Whether a call had better go elsewhere than to a lane without connection. The others without
  /// one are tried too.
  boolean hasBetterLane(Lane lane, Pending.OfCall call) {
    return isBetter(laneFor(routing, call), lane);
  }

  boolean hasBetterLane(Lane lane, ActiveWatch watch) {
    return isBetter(laneFor(routing, watch), lane);
  }

  private static boolean isBetter(Lane other, Lane lane) {
    return other != lane && !other.isDown();
  }

  /// A lane has its connection again, so calls that wait for others may go there.
  void laneIsUp() {
    lanes.values().stream().filter(Lane::isDown).forEach(Lane::lookElsewhere);
  }

  private Lane laneFor(Routing current, Pending.OfCall call) {
    if (call.wasNeverRefused()
        && !Operations.isForHome(call.operation)
        && placements.find(call.key).isEmpty()) {
      return firstLane(current, call.keyHash);
    }
    return choose(candidates(current, call), target -> call.wasRefusedBy(target, current));
  }

  private Lane firstLane(Routing current, long keyHash) {
    FirstLanes known = firstLanes;
    int partition = Partitions.STANDARD.of(keyHash);
    if (known.of == current) {
      Lane lane = known.byPartition.get(partition);
      if (lane != null && !lane.isDown()) {
        return lane;
      }
    } else {
      known = new FirstLanes(current);
    }
    List<Routing.Target> holders = current.holders(keyHash);
    Lane chosen = choose(holders, target -> false);
    if (!holders.isEmpty() && chosen.target().equals(Optional.of(holders.get(0)))) {
      known.byPartition.set(partition, chosen);
      firstLanes = known;
    }
    return chosen;
  }

  private Lane laneFor(Routing current, ActiveWatch watch) {
    return choose(candidates(current, watch.key(), watch.keyHash()), target -> false);
  }

  private List<Routing.Target> candidates(Routing current, Pending.OfCall call) {
    return Operations.isForHome(call.operation)
        ? current.homes(call.keyHash)
        : candidates(current, call.key, call.keyHash);
  }

  private List<Routing.Target> candidates(Routing current, Payload key, long keyHash) {
    Optional<Placement> placement = placements.find(key);
    return placement.isEmpty()
        ? current.holders(keyHash)
        : current.holders(keyHash, placement.get(), ThreadLocalRandom.current());
  }

  /// The first that can be reached and has not refused; else who has refused, since that may have
  /// changed; else who can't be reached, who is tried again.
  private Lane choose(List<Routing.Target> candidates, Predicate<Routing.Target> hasRefused) {
    @Nullable Lane second = null;
    @Nullable Lane third = null;
    for (Routing.Target candidate : candidates) {
      Lane lane = lane(Optional.of(candidate));
      if (lane.isDown()) {
        lane.probe();
        third = third == null ? lane : third;
      } else if (hasRefused.test(candidate)) {
        second = second == null ? lane : second;
      } else {
        return lane;
      }
    }
    if (second != null) {
      return second;
    }
    return third != null ? third : lane(Optional.empty());
  }

  private Lane lane(Optional<Routing.Target> target) {
    return lanes.computeIfAbsent(target, missing -> new Lane(this, missing, loops.next()));
  }

  // ---- What answers teach ----

  /// Where a field is.
  ///
  /// @param fields names from the key inwards, at least one
  private record FieldPath(Payload key, List<Payload> fields) {}

  /// The generation that a field is in, which means nothing in another generation of its key.
  private record FieldGeneration(HybridTimestamp ofKey, HybridTimestamp ofField) {
    private static final BinaryOperator<FieldGeneration> LATER =
        BinaryOperator.maxBy(
            Comparator.comparing(FieldGeneration::ofKey).thenComparing(FieldGeneration::ofField));
  }

  /// Takes from the answer to an operation what later calls need to know of its field.
  void learnFields(Payload key, Operation operation, Reply reply) {
    if (reply.fieldGenerations().isEmpty() || !(reply.outcome() instanceof Outcome.Done)) {
      return;
    }
    List<Payload> path = Operations.path(operation);
    int known = Math.min(path.size(), reply.fieldGenerations().size());
    for (int depth = 1; depth <= known; depth++) {
      HybridTimestamp generation = reply.fieldGenerations().get(depth - 1);
      if (generation.isAfter(HybridTimestamp.ZERO)) {
        fieldGenerations.merge(
            new FieldPath(key, List.copyOf(path.subList(0, depth))),
            new FieldGeneration(reply.generation(), generation),
            FieldGeneration.LATER);
      }
    }
  }

  /// What the generations of the fields that an operation goes through must not be behind in a
  /// generation of its key, as far as is known; empty for nothing.
  List<HybridTimestamp> fieldGenerationsOf(
      Payload key, Operation operation, HybridTimestamp generation) {
    if (fieldGenerations.isEmpty() || !(operation instanceof Mutation.UpdateField)) {
      return List.of();
    }
    List<Payload> path = Operations.path(operation);
    List<HybridTimestamp> named = new ArrayList<>();
    boolean any = false;
    for (int depth = 1; depth <= path.size(); depth++) {
      HybridTimestamp ofField =
          fieldGenerations
              .find(new FieldPath(key, path.subList(0, depth)))
              .filter(known -> known.ofKey.equals(generation))
              .map(FieldGeneration::ofField)
              .orElse(HybridTimestamp.ZERO);
      named.add(ofField);
      any |= ofField.isAfter(HybridTimestamp.ZERO);
    }
    return any ? named : List.of();
  }

  /// Takes from an answer what later calls need to know of the key and of the cluster.
  void learn(Payload key, Reply reply) {
    HybridTimestamp generation = reply.generation();
    boolean isDone = reply.outcome() instanceof Outcome.Done;
    if (isDone && generation.isAfter(HybridTimestamp.ZERO)) {
      generations.merge(key, generation, HybridTimestamp::max);
    }
    if (reply.placement().isPresent()) {
      placements.put(key, reply.placement().get());
    } else if (isDone) {
      placements.remove(key);
    }
    if (reply.ringVersion() > NO_RING_VERSION && reply.ringVersion() != routing.ringVersion()) {
      doubtMap();
    }
  }

  /// The generation that a mutation of the key must not fall behind, as far as is known: a replica
  /// that has not heard of a deletion yet would let it end with the generation that is over.
  Optional<HybridTimestamp> generationOf(Payload key) {
    return generations.find(key);
  }

  /// Takes the word of a shard for the generation that a key is in, even if it is an earlier one:
  /// what all replicas have forgotten is not to be insisted on.
  void correctGeneration(Payload key, HybridTimestamp generation) {
    if (generation.isAfter(HybridTimestamp.ZERO)) {
      generations.put(key, generation);
    } else {
      generations.remove(key);
    }
  }

  /// Forgets where a key was said to be.
  void forgetPlacement(Payload key) {
    placements.remove(key);
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
                  public void noMap(TrellisException failure, boolean isEarly) {
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

  /// Asks for the map because a shard goes by another ring than the map gives; not at once if that
  /// was done just now, and ever more seldom while it helps nothing.
  private void doubtMap() {
    long now = System.nanoTime();
    long due = doubtNanos.get();
    long pause = TimeUnit.MILLISECONDS.toNanos(doubtPauseMillis);
    if (now - due < 0 || !doubtNanos.compareAndSet(due, now + pause)) {
      return;
    }
    Routing before = routing;
    refreshMapThen(
        () ->
            doubtPauseMillis =
                routing == before
                    ? Math.min(2 * doubtPauseMillis, config.mapRefresh().toMillis())
                    : DOUBT_PAUSE_MILLIS_MIN);
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

    /// @param isEarly whether somebody answered that he does not know yet whom to let in
    void noMap(TrellisException failure, boolean isEarly);
  }

  /// Asks everybody; done as soon as a router has answered, or nobody is left to wait for.
  private void askSources(MapReceiver receiver) {
    ask(
        sources,
        failures -> {
          List<MapSource> members = memberSources();
          if (members.isEmpty()) {
            receiver.noMap(noAnswer(failures), isEarly(failures));
          } else {
            ask(
                members,
                ignored -> receiver.noMap(noAnswer(failures), isEarly(failures)),
                receiver);
          }
        },
        receiver);
  }

  /// The members of the map, each as one to ask, where the configured addresses are no use.
  private List<MapSource> memberSources() {
    Set<Address> wanted = new LinkedHashSet<>();
    for (NodeDescriptor node : routing.map().nodes()) {
      wanted.add(new Address(node.host(), node.shardPorts().get(0)));
    }
    sources.forEach(source -> wanted.remove(source.address()));
    members.entrySet().removeIf(member -> !wanted.contains(member.getKey()) && closes(member));
    return wanted.stream()
        .map(address -> members.computeIfAbsent(address, it -> new MapSource(this, it, home)))
        .toList();
  }

  private static boolean closes(Map.Entry<Address, MapSource> member) {
    member.getValue().close();
    return true;
  }

  /// @param nobody is told why, if none of them answers; else the receiver is told
  private void ask(
      List<MapSource> asked, Consumer<List<MapSource.NoAnswer>> nobody, MapReceiver receiver) {
    List<MapSource.NoAnswer> failures = new ArrayList<>();
    AtomicInteger left = new AtomicInteger(asked.size());
    AtomicBoolean done = new AtomicBoolean();
    for (MapSource source : asked) {
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
              if (failures.size() == asked.size()) {
                nobody.accept(failures);
              } else {
                receiver.map(census(asked));
              }
            }
          });
    }
  }

  private TrellisException noAnswer(List<MapSource.NoAnswer> failures) {
    Optional<ErrorCode> refusal = failures.get(0).closure().refusal();
    boolean refused =
        refusal.isPresent()
            && failures.stream().allMatch(each -> each.closure().refusal().equals(refusal));
    String reasons = failures.stream().map(Object::toString).collect(Collectors.joining("; "));
    return TrellisException.of(
        new TrellisException.Failure(
            refused ? refusal.get() : ErrorCode.NO_NODES,
            (refused ? "the cluster refuses this client: " : "no router or node answers: ")
                + reasons,
            failures.get(0).closure().cause()));
  }

  private static boolean isEarly(List<MapSource.NoAnswer> failures) {
    return failures.stream()
        .anyMatch(each -> each.closure().refusal().equals(Optional.of(ErrorCode.NO_NODES)));
  }

  /// What the nodes that were asked say together.
  private static Frame.ClusterMap census(List<MapSource> asked) {
    Map<Address, Census.Word> words = new LinkedHashMap<>();
    long version = 0;
    String clusterName = "";
    for (MapSource source : asked) {
      if (source.last().isPresent()) {
        MapSource.Answer answer = source.last().get();
        version = Math.max(version, answer.map().version());
        clusterName = answer.map().clusterName();
        words.put(
            source.address(), new Census.Word(answer.from(), answer.map(), source.isAnswering()));
      }
    }
    Census census = Census.of(words.values());
    return new Frame.ClusterMap(0, version, clusterName, census.faultTolerance(), census.members());
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
    if (!hasSurvivors(before, map)) {
      // What generations its keys were in is nothing to tell a cluster that has started anew.
      generations.clear();
      fieldGenerations.clear();
    }
    routing = next;
    for (Map.Entry<Optional<Routing.Target>, Lane> lane : List.copyOf(lanes.entrySet())) {
      boolean stays = lane.getKey().isEmpty() || next.has(lane.getKey().get());
      if (!stays) {
        lanes.remove(lane.getKey());
      }
      lane.getValue().reroute(stays);
    }
  }

  private static boolean hasSurvivors(Frame.ClusterMap before, Frame.ClusterMap after) {
    Set<Long> incarnations =
        before.nodes().stream().map(NodeDescriptor::incarnation).collect(Collectors.toSet());
    return after.nodes().stream().anyMatch(node -> incarnations.contains(node.incarnation()));
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
    onHome(
        () -> {
          sources.forEach(MapSource::close);
          members.values().forEach(MapSource::close);
        });
    all.forEach(Lane::close);
    loops.stop();
    all.forEach(Lane::failInbox);
  }
}
