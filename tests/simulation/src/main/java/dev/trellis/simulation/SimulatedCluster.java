package dev.trellis.simulation;

import dev.trellis.access.Caller;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.OrderedSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.Value;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.node.shard.Origin;
import dev.trellis.node.shard.Sabotage;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.Store;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.placement.Topology;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/// All nodes of a run, those that live and those that lived, and the network between them.
final class SimulatedCluster {
  /// Few, so that there is little to compare; several keys share each.
  private static final Partitions PARTITIONS = new Partitions(5);

  /// What a topology follows from.
  private record Members(List<NodeDescriptor> nodes, int faultTolerance) {}

  /// A mutation that a shard was told.
  record Written(SimulatedNode node, Payload key) {}

  /// What a node of the SSD tier has when it starts again.
  private static final class OnDisk {
    private final List<SimulatedDisk.Content> shards = new ArrayList<>();
    private final List<Long> lives = new ArrayList<>(); // all of them have these data
    private NodeDescriptor.State state = NodeDescriptor.State.JOINING;
  }

  private final FaultPlan plan;
  private final Defect defect;
  private final Set<Sabotage> sabotage;
  private final Scheduler scheduler;
  private final RandomGenerator random;
  private final Network network;
  private final Trace trace;
  private final Tally tally;
  private final List<String> violations;
  private final Map<String, SimulatedNode> latest = new TreeMap<>(); // life of each node
  private final Map<String, OnDisk> disks = new TreeMap<>(); // of the SSD nodes
  private final Map<Members, Topology> topologies = new HashMap<>();
  private final List<Integer> tolerances = new ArrayList<>(); // each that was set, the first first
  private Consumer<SimulatedNode> beforeCrash = node -> {};
  private int tolerated; // the least that was in force since the cluster was whole
  private long lives;
  private long connections;
  private long lossesSinceWhole;
  private long losses;
  private long ended;
  private long wholeSinceMillis = Long.MAX_VALUE;
  private final Set<String> startingAgain = new TreeSet<>(); // nodes that will
  private long fairSinceMillis = Long.MAX_VALUE;
  private boolean calm; // whether nothing more is to go wrong but for messages
  private Optional<Written> lastWritten = Optional.empty();
  private Consumer<SimulatedNode> whenLeft = node -> {};
  private boolean healed;

  /// @param defect of whoever is not a shard
  SimulatedCluster(
      FaultPlan plan,
      Defect defect,
      Scheduler scheduler,
      RandomGenerator random,
      Trace trace,
      Tally tally,
      List<String> violations) {
    this(plan, defect, defect.sabotage(), scheduler, random, trace, tally, violations);
  }

  /// @param defect of whoever is not a shard
  /// @param sabotage of the shards
  SimulatedCluster(
      FaultPlan plan,
      Defect defect,
      Set<Sabotage> sabotage,
      Scheduler scheduler,
      RandomGenerator random,
      Trace trace,
      Tally tally,
      List<String> violations) {
    this.plan = plan;
    this.defect = defect;
    this.sabotage = sabotage;
    this.scheduler = scheduler;
    this.random = random;
    this.network = new Network(plan, scheduler, random);
    this.trace = trace;
    this.tally = tally;
    this.violations = violations;
    tolerances.add(plan.faultTolerance());
    tolerated = plan.faultTolerance();
    for (int index = 0; index < plan.nodes(); index++) {
      boolean ssd = index >= plan.nodes() - plan.ssdNodes();
      add(ssd ? NodeDescriptor.Tier.SSD : NodeDescriptor.Tier.MEMORY);
    }
    scheduler.after(100, this::observe);
  }

  FaultPlan plan() {
    return plan;
  }

  Scheduler scheduler() {
    return scheduler;
  }

  RandomGenerator random() {
    return random;
  }

  Network network() {
    return network;
  }

  Trace trace() {
    return trace;
  }

  Tally tally() {
    return tally;
  }

  long nowMillis() {
    return scheduler.nowMillis();
  }

  void violated(String promise) {
    trace.tell(() -> "VIOLATION " + promise);
    violations.add(promise);
  }

  /// One topology for all that know the same members: it is costly to build.
  Topology topology(List<NodeDescriptor> members, int faultTolerance) {
    List<NodeDescriptor> sorted = new ArrayList<>(members);
    sorted.sort((a, b) -> a.id().compareTo(b.id()));
    return topologies.computeIfAbsent(
        new Members(sorted, faultTolerance),
        of -> Topology.of(PARTITIONS, of.nodes, of.faultTolerance));
  }

  // ---- What is to be survived ----

  /// The number of lost nodes to survive after a change of it; that after none is the plan's.
  int tolerance(int change) {
    return tolerances.get(change);
  }

  /// The number of the last change of it.
  int toleranceChanges() {
    return tolerances.size() - 1;
  }

  /// The number of lost nodes to survive that was set last.
  int tolerance() {
    return tolerances.getLast();
  }

  /// How many nodes may be lost until the cluster is whole again: where that was changed since it
  /// was, the least.
  int tolerated() {
    return tolerated;
  }

  /// Has a node, and then the others, survive another number of lost nodes from now on.
  void tolerate(SimulatedNode operated, int nodes) {
    trace.tell(() -> operated + " is told to survive " + nodes + " lost nodes");
    tally.toleranceChanges++;
    tolerances.add(nodes);
    tolerated = Math.min(tolerated, nodes);
    wholeSinceMillis = Long.MAX_VALUE;
    operated.membership().tolerates(tolerances.size() - 1);
  }

  // ---- Lives ----

  /// Starts a node that never was.
  SimulatedNode add(NodeDescriptor.Tier tier) {
    int slot = latest.size();
    int shards = random.nextInt(1, plan.profile().shardsMax() + 1);
    return start(
        new SimulatedNode.Identity(
            "n" + slot, slot, lives++, random.nextLong(), tier, shards, plan.nodes(), List.of()));
  }

  int nodesEver() {
    return latest.size();
  }

  private SimulatedNode start(SimulatedNode.Identity identity) {
    Optional<SimulatedNode> former = Optional.ofNullable(latest.get(identity.id()));
    Optional<OnDisk> disk = Optional.empty();
    if (identity.tier() == NodeDescriptor.Tier.SSD) {
      disk = Optional.of(disks.computeIfAbsent(identity.id(), id -> new OnDisk()));
      disk.get().lives.add(identity.incarnation());
      while (disk.get().shards.size() < identity.shards()) {
        disk.get().shards.add(new SimulatedDisk.Content());
      }
    }
    SimulatedNode node =
        new SimulatedNode(
            identity,
            this,
            disk.map(kept -> kept.state).orElse(NodeDescriptor.State.JOINING),
            former.map(SimulatedNode::membership));
    node.setClock(clockOffset());
    latest.put(node.id(), node);
    List<SimulatedShard> shards = new ArrayList<>();
    for (int index = 0; index < identity.shards(); index++) {
      int at = index;
      long incarnation =
          defect == Defect.INCARNATION_REUSED && former.isPresent()
              ? former.get().shard(at).orElseThrow().incarnation()
              : random.nextLong();
      ShardConfig config = config(identity, index, incarnation);
      Store store =
          disk.<Store>map(kept -> new SimulatedDisk(kept.shards.get(at), work -> write(node, work)))
              .orElseGet(MemoryStore::new);
      shards.add(new SimulatedShard(node, config, store, sabotage, this));
    }
    trace.tell(() -> node.id() + " starts, " + identity);
    node.start(shards);
    return node;
  }

  /// Has a node's disk do something, which takes a while.
  private void write(SimulatedNode node, Runnable work) {
    long millis = random.nextInt(20) == 0 ? random.nextLong(50, 500) : random.nextLong(1, 15);
    scheduler.after(millis, () -> node.execute(work));
  }

  private ShardConfig config(SimulatedNode.Identity identity, int shard, long incarnation) {
    ShardConfig defaults = ShardConfig.of(identity.id(), shard, identity.shards(), incarnation);
    return new ShardConfig(
        defaults.nodeId(),
        defaults.shard(),
        defaults.shardCount(),
        defaults.incarnation(),
        defaults.limits(),
        defaults.clockSkewMax(),
        plan.tombstoneGrace(),
        defaults.bytesMax(),
        defaults.clientsMax(),
        defaults.watchesMax(),
        identity.incarnation(),
        PARTITIONS,
        plan.replication(),
        defaults.waitingBytesMax(),
        defaults.accesses(),
        plan.invocationLifetimeAt(identity.id()));
  }

  /// How wrong a node's clock is.
  long clockOffset() {
    int max = plan.nodeSkewMaxMillis();
    return max == 0 ? 0 : random.nextLong(-max, max + 1);
  }

  /// The nodes that live, by id.
  List<SimulatedNode> running() {
    List<SimulatedNode> running = new ArrayList<>();
    for (SimulatedNode node : latest.values()) {
      if (node.isRunning()) {
        running.add(node);
      }
    }
    return running;
  }

  List<SimulatedShard> shards() {
    return running().stream().flatMap(node -> node.shards().stream()).toList();
  }

  /// All nodes lose power. They start again, in any order.
  void blackOut() {
    trace.tell(() -> "blackout");
    tally.blackouts++;
    unfair();
    for (SimulatedNode node : running()) {
      crash(node);
      restartLater(node, random.nextLong(20, 4_000));
    }
  }

  /// Whether nodes are yet to start again.
  boolean isDark() {
    return !startingAgain.isEmpty();
  }

  /// Kills a node: all it had is lost, but for what is on disk.
  void crash(SimulatedNode node) {
    beforeCrash.accept(node);
    trace.tell(() -> node + " crashes");
    tally.crashes++;
    tally.crashesWhileJoining += node.state() == NodeDescriptor.State.JOINING ? 1 : 0;
    tally.crashesWhileLeaving += node.state() == NodeDescriptor.State.LEAVING ? 1 : 0;
    stop(node);
    countLoss();
  }

  /// Has somebody told of each node that is about to crash, with all that it has.
  void beforeCrash(Consumer<SimulatedNode> told) {
    beforeCrash = told;
  }

  private void stop(SimulatedNode node) {
    ended++;
    node.stop();
    node.shards().forEach(shard -> tally.add(shard.statistics()));
    forgetTolerances();
  }

  /// With a node that others did not hear any more went what only it was told to survive.
  private void forgetTolerances() {
    running().stream()
        .mapToInt(node -> node.membership().tolerance())
        .max()
        .ifPresent(known -> tolerances.subList(known + 1, tolerances.size()).clear());
  }

  void countLoss() {
    losses++;
    lossesSinceWhole++;
    wholeSinceMillis = Long.MAX_VALUE;
  }

  /// Whether another loss stays within what is promised.
  boolean mayLose() {
    return !plan.keepsPromise() || lossesSinceWhole < tolerated;
  }

  /// On how many nodes what was acknowledged as replicated must be now, so that it survives all
  /// losses that may come before the cluster is whole again.
  long copiesNeeded() {
    return plan.keepsPromise() ? 1 + tolerated - lossesSinceWhole : 0;
  }

  /// A shard was told a mutation, of which others hear after it.
  void wrote(SimulatedNode node, Payload key) {
    lastWritten = Optional.of(new Written(node, key));
  }

  /// The last mutation that any shard was told.
  Optional<Written> lastWritten() {
    return lastWritten;
  }

  /// Whether some others have all that a node has of a key, and some that have the key do not.
  boolean isHalfHeard(Written written) {
    Set<Boolean> equal = new HashSet<>();
    List<Entry> own = new ArrayList<>();
    Map<SimulatedShard, Entry> copies = copies(written.key);
    copies.forEach(
        (shard, entry) -> {
          if (shard.node() == written.node) {
            own.add(entry);
          }
        });
    copies.forEach(
        (shard, entry) -> {
          if (shard.node() != written.node) {
            equal.add(own.contains(entry));
          }
        });
    return equal.size() > 1;
  }

  /// How many lives of nodes have ended, in whatever way.
  long membersLost() {
    return ended;
  }

  /// On how many nodes all elements of an addition are.
  long nodesWith(Payload key, Mutation.Add add) {
    return running().stream()
        .filter(node -> node.shards().stream().anyMatch(shard -> holds(shard.entryOf(key), add)))
        .count();
  }

  private static boolean holds(Entry entry, Mutation.Add add) {
    return entry.value(add.to()).stream()
        .anyMatch(value -> add.elements().stream().allMatch(element -> holds(value, element)));
  }

  private static boolean holds(Value<?> value, Payload element) {
    return switch (value) {
      case GrowSet set -> set.contains(element);
      case OrderedSet set -> set.contains(element);
      default -> false;
    };
  }

  /// Whether any data was lost with a node.
  boolean hasLost() {
    return losses > 0;
  }

  /// Starts a node that has died again some time later, healed or not.
  void restartLater(SimulatedNode dead, long millis) {
    startingAgain.add(dead.id());
    scheduler.after(
        millis,
        () -> {
          startingAgain.remove(dead.id());
          restart(dead);
        });
  }

  /// Starts a node that has died again, under its id and with nothing but what is on its disk.
  private void restart(SimulatedNode dead) {
    if (latest.get(dead.id()) == dead && !dead.isRunning()) {
      tally.restarts++;
      List<Long> former =
          Optional.ofNullable(disks.get(dead.id()))
              .map(disk -> List.copyOf(disk.lives))
              .orElse(List.of());
      start(dead.identity().again(lives++, random.nextLong(), former));
    }
  }

  /// A node has handed over all it had.
  void left(SimulatedNode node) {
    List<SimulatedNode> reached =
        running().stream()
            .filter(other -> other != node && network.connects(node.slot(), other.slot()))
            .toList();
    if (reached.isEmpty()) {
      return; // it can tell nobody, and stays
    }
    trace.tell(() -> node + " leaves, " + progress(node));
    tally.leaves++;
    stop(node);
    for (SimulatedNode other : reached) {
      other.membership().leaves(node.incarnation());
    }
    whenLeft.accept(node);
  }

  /// Has somebody told of each node that has left.
  void whenLeft(Consumer<SimulatedNode> listener) {
    whenLeft = listener;
  }

  /// A node has learned that it was declared gone: it begins anew.
  void gaveUp(SimulatedNode node) {
    trace.tell(() -> node + " gives up");
    tally.givenUp++;
    stop(node);
    disks.remove(node.id()); // set aside
    restartLater(node, random.nextLong(10, 1_000));
  }

  void announced(SimulatedNode node) {
    Optional.ofNullable(disks.get(node.id()))
        .ifPresent(
            disk ->
                disk.state =
                    node.state() == NodeDescriptor.State.JOINING
                        ? node.state()
                        : NodeDescriptor.State.ACTIVE);
    tally.joins += node.state() == NodeDescriptor.State.ACTIVE ? 1 : 0;
  }

  // ---- Messages ----

  /// Sends what one replica has to tell another.
  void send(SimulatedShard from, Peer to, PeerMessage message) {
    SimulatedNode target = latest.get(to.nodeId());
    if (target == null || target.incarnation().number() != to.incarnation()) {
      return;
    }
    Peer sender = from.peer();
    Runnable arrival =
        () ->
            target.execute(
                () ->
                    target
                        .shard(to.shard())
                        .ifPresent(
                            shard -> {
                              trace.tell(() -> from + " -> " + shard + " " + message);
                              shard.receive(sender, message);
                            }));
    if (target == from.node()) {
      network.sendInside(arrival);
    } else {
      network.send(from.node().slot(), target.slot(), arrival);
    }
  }

  /// Tells the shards of a node that another one can be reached again.
  void reconnect(SimulatedNode node, NodeDescriptor other) {
    for (SimulatedShard shard : node.shards()) {
      for (int index = 0; index < other.shardPorts().size(); index++) {
        Peer peer = new Peer(other.id(), other.incarnation(), index);
        scheduler.after(random.nextLong(2, 60), () -> node.execute(() -> shard.connected(peer)));
      }
    }
  }

  /// Connections between nodes were lost, and come back.
  void reconnectAll() {
    for (SimulatedNode node : running()) {
      for (NodeDescriptor member : node.view().topology().members()) {
        if (!member.id().equals(node.id())) {
          reconnect(node, member);
        }
      }
    }
  }

  /// A number that no connection has.
  long nextConnection() {
    return ++connections;
  }

  /// Somebody who was not connected before.
  Origin newOrigin() {
    long connection = nextConnection();
    return new Origin(connection, connection, Caller.ANONYMOUS);
  }

  /// The shard that listens where a client wants to connect to; empty if nobody answers.
  Optional<SimulatedShard> connect(int clientSlot, String nodeId, int shard) {
    SimulatedNode node = latest.get(nodeId);
    if (node == null
        || !node.isRunning()
        || node.isPaused()
        || !network.connects(clientSlot, node.slot())) {
      return Optional.empty();
    }
    return node.shard(shard);
  }

  /// The topology as a random node that a client can reach sees it.
  Optional<Topology> map(int clientSlot) {
    List<SimulatedNode> reached =
        running().stream()
            .filter(node -> !node.isPaused() && network.connects(clientSlot, node.slot()))
            .toList();
    return reached.isEmpty()
        ? Optional.empty()
        : Optional.of(reached.get(random.nextInt(reached.size())).view().topology());
  }

  /// A client's connection is closed, as the shard sees it.
  void disconnect(SimulatedShard shard, Origin origin, long afterMillis) {
    scheduler.after(afterMillis, () -> shard.node().execute(() -> shard.disconnected(origin)));
  }

  // ---- What is so ----

  static int partitionOf(Payload key) {
    return PARTITIONS.of(KeyHash.of(key));
  }

  /// Share of the others that a membership service notices in one round.
  double attention() {
    return healed ? 1 : 0.95;
  }

  long viewDelay() {
    return healed ? 1 : random.nextLong(20);
  }

  /// Since when all that know of a key may be relied on to know what was replicated: since then
  /// nobody was cut off or wrongly taken for dead, and at that moment the cluster was whole. Far in
  /// the future while it is not so.
  long fairSinceMillis() {
    return fairSinceMillis;
  }

  /// Somebody was cut off or wrongly taken for dead.
  void unfair() {
    fairSinceMillis = Long.MAX_VALUE;
  }

  private void observe() {
    boolean whole = whatIsNotWhole().isEmpty();
    if (whole && wholeSinceMillis == Long.MAX_VALUE) {
      trace.tell(() -> "whole");
      wholeSinceMillis = nowMillis();
      lossesSinceWhole = 0;
      tolerated = tolerance();
    } else if (!whole) {
      wholeSinceMillis = Long.MAX_VALUE;
    }
    if (whole && !network.isCut() && fairSinceMillis == Long.MAX_VALUE) {
      fairSinceMillis = nowMillis();
    }
    if (running().stream().map(node -> node.view().topology().version()).distinct().count() > 1) {
      tally.differingViews++;
    }
    scheduler.after(100, this::observe);
  }

  /// Whether the cluster was whole all the time from an instant on.
  boolean wasWholeSince(long millis) {
    return wholeSinceMillis <= millis && whatIsNotWhole().isEmpty();
  }

  /// What keeps the cluster from being whole: all live nodes ACTIVE and known to all, nobody
  /// suspected, all shards with all that they shall have and no more.
  Optional<String> whatIsNotWhole() {
    List<SimulatedNode> running = running();
    if (running.isEmpty()) {
      return Optional.of("no node lives");
    }
    List<NodeDescriptor> members = running.stream().map(SimulatedNode::descriptor).toList();
    long version = topology(members, tolerance()).version();
    for (SimulatedNode node : running) {
      MembershipView view = node.view();
      if (node.state() != NodeDescriptor.State.ACTIVE) {
        return Optional.of(node + " is " + node.state() + ", " + progress(node));
      }
      if (view.topology().version() != version || !view.suspected().isEmpty()) {
        return Optional.of(node + " sees " + view);
      }
      for (SimulatedShard shard : node.shards()) {
        ShardProgress progress = shard.progress();
        if (progress.version() != version || !progress.isComplete() || progress.surplus() > 0) {
          return Optional.of(shard + " has " + progress);
        }
      }
    }
    return Optional.empty();
  }

  private static List<ShardProgress> progress(SimulatedNode node) {
    return node.shards().stream().map(SimulatedShard::progress).toList();
  }

  /// What keeps the cluster from being whole for good, now that nothing goes wrong any more.
  Optional<String> whatIsNotSettled() {
    if (!startingAgain.isEmpty()) {
      return Optional.of("nodes start again");
    }
    for (SimulatedNode node : running()) {
      if (!node.view().absent().isEmpty()) {
        return Optional.of(node + " misses " + node.view().absent());
      }
    }
    return whatIsNotWhole();
  }

  /// Ends all faults but those of single messages, and has operators deal with the nodes that are
  /// dead for good.
  void calm() {
    trace.tell(() -> "calm");
    calm = true;
    network.mend();
    mendNodes();
  }

  /// Whether nothing more is to go wrong but for single messages.
  boolean isCalm() {
    return calm;
  }

  /// Ends all faults, and has operators deal with the nodes that are dead for good.
  void heal() {
    trace.tell(() -> "healed");
    healed = true;
    calm = true;
    network.heal();
    mendNodes();
  }

  private void mendNodes() {
    for (SimulatedNode node : running()) {
      node.resume();
      node.keepUp();
      node.membership().hearAllAgain();
    }
    reconnectAll();
    for (SimulatedNode operated : running()) {
      for (Incarnation dead : deadIn(operated.view())) {
        operated.membership().declareGone(dead);
      }
    }
  }

  /// The incarnations that a view has as members or as absent, and that do not live, nor start
  /// again with what they had.
  private List<Incarnation> deadIn(MembershipView view) {
    Set<Incarnation> known = new HashSet<>(view.absent());
    for (NodeDescriptor member : view.topology().members()) {
      known.add(Incarnation.of(member));
    }
    running().forEach(node -> known.remove(node.incarnation()));
    known.removeIf(
        dead -> startingAgain.contains(dead.nodeId()) && disks.containsKey(dead.nodeId()));
    for (SimulatedNode node : running()) {
      node.identity().former().forEach(life -> known.remove(new Incarnation(node.id(), life)));
    }
    return List.copyOf(known);
  }

  /// The state of a key on every shard that has any.
  Map<SimulatedShard, Entry> copies(Payload key) {
    Map<SimulatedShard, Entry> copies = new LinkedHashMap<>();
    for (SimulatedShard shard : shards()) {
      Entry entry = shard.entryOf(key);
      if (!entry.equals(Entry.BOTTOM)) {
        copies.put(shard, entry);
      }
    }
    return copies;
  }

  /// What a shard has of a key, together with all that it would wait for.
  Entry known(SimulatedShard asked, Payload key) {
    Entry known = asked.entryOf(key);
    for (Map.Entry<SimulatedShard, Entry> copy : copies(key).entrySet()) {
      if (asked.waitsFor(copy.getKey())) {
        known = known.merge(copy.getValue());
      }
    }
    return known;
  }

  /// What was decided about where a key belongs, as all who know of it know it; empty for the
  /// default.
  Optional<Placement> placementOf(Payload key) {
    return shards().stream()
        .flatMap(shard -> shard.settingOf(key).stream())
        .reduce(PlacementSetting::merge)
        .flatMap(PlacementSetting::placement);
  }

  /// Whether all that are to hold a key, and all that are to tell where it is, know what was
  /// decided about that. A decision that was acknowledged by one of them reaches the others later.
  boolean knowsPlace(Payload key) {
    if (running().isEmpty()) {
      return false; // in the dark, nobody does
    }
    Optional<PlacementSetting> decided =
        shards().stream()
            .flatMap(shard -> shard.settingOf(key).stream())
            .reduce(PlacementSetting::merge);
    int partition = partitionOf(key);
    List<String> homes = running().get(0).view().topology().homes(partition);
    Set<SimulatedShard> concerned = new HashSet<>(holders(key));
    for (SimulatedShard shard : shards()) {
      boolean home = homes.contains(shard.node().id());
      if (home
          && PARTITIONS.shardOf(partition, shard.node().shards().size()) == shard.peer().shard()) {
        concerned.add(shard);
      }
    }
    return concerned.stream().allMatch(shard -> shard.settingOf(key).equals(decided));
  }

  /// The shards that shall hold a key, once all agree; in preference order.
  List<SimulatedShard> holders(Payload key) {
    List<SimulatedShard> holders = new ArrayList<>();
    for (Peer peer : holders(running().get(0).view().topology(), key, placementOf(key))) {
      holders.add(Objects.requireNonNull(latest.get(peer.nodeId())).shards().get(peer.shard()));
    }
    return holders;
  }

  /// The shards that hold a key as any that lives sees it: all that may answer for it.
  Set<Peer> seenHolders(Payload key) {
    Set<Peer> seen = new HashSet<>();
    shards().forEach(shard -> seen.addAll(shard.holders(key)));
    return seen;
  }

  /// The shards that hold a key with this placement; in preference order.
  static List<Peer> holders(Topology topology, Payload key, Optional<Placement> placement) {
    int partition = partitionOf(key);
    int wanted = placement.map(Placement::shardsPerNode).orElse(1);
    List<Peer> holders = new ArrayList<>();
    for (String id : topology.holders(partition, placement)) {
      NodeDescriptor node = topology.member(id).orElseThrow();
      for (int shard : topology.shardsOf(partition, node.shardPorts().size(), wanted)) {
        holders.add(new Peer(id, node.incarnation(), shard));
      }
    }
    return holders;
  }
}
