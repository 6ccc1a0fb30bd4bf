package dev.trellis.monitor.console;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.ClusterView.Shard;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.PolicySettings;
import dev.trellis.monitor.policy.PolicySettings.Band;
import dev.trellis.monitor.policy.PolicySettings.Objective;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Placement;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/// All that the console shows of one moment. Immutable.
///
/// @param cluster the name of the cluster
/// @param atMillis the time of the view that it was made of, as of the monitor's clock
/// @param objective what latency clients are to see
/// @param budgetPerHour what the nodes may cost at most
/// @param costPerHour what they cost
/// @param faultTolerance k, the number of lost nodes to survive
/// @param isWhole whether every range has all its copies and nothing is handed over
/// @param tiers both, memory first, also one without nodes
/// @param nodes by tier, then id
/// @param hotKeys the busiest first
/// @param latency what clients saw
/// @param handoffs those under way
/// @param decisions the latest, the latest first
public record ConsoleState(
    String cluster,
    long atMillis,
    Objective objective,
    Optional<Double> budgetPerHour,
    double costPerHour,
    int faultTolerance,
    boolean isWhole,
    Monitor monitor,
    List<Tier> tiers,
    List<Node> nodes,
    List<HotKey> hotKeys,
    Latency latency,
    List<Handoff> handoffs,
    List<DecisionEntry> decisions) {
  /// How many keys are shown at most, and how many decisions.
  static final int HOT_KEYS_MAX = 20;

  static final int DECISIONS_MAX = 20;

  public ConsoleState {
    tiers = List.copyOf(tiers);
    nodes = List.copyOf(nodes);
    hotKeys = List.copyOf(hotKeys);
    handoffs = List.copyOf(handoffs);
    decisions = List.copyOf(decisions);
  }

  /// The monitor that shows this.
  ///
  /// @param scaler its name, as in `local`
  /// @param isDryRun whether it decides and orders nothing
  /// @param epoch of the monitor that leads
  /// @param isLeader whether that is this one; another stands by and orders nothing
  public record Monitor(String scaler, boolean isDryRun, long epoch, boolean isLeader) {}

  /// A tier.
  ///
  /// @param nodes how many it has, those that leave left out
  /// @param wanted how many it is to have
  /// @param operationsPerSecond of all its nodes
  /// @param bytes what its entries take, of memory or disk
  /// @param bytesMax what they may take
  /// @param occupancyBand between which its shards are kept busy; empty if the tier is not sized by
  ///   that
  /// @param useBand between which shares of `bytesMax` it is kept
  /// @param ringImbalance the largest share of the ring that a node has, by the mean; 1 if all are
  ///   equal, 0 for a tier without nodes
  /// @param loadImbalance the same of the load; 0 without load
  public record Tier(
      NodeDescriptor.Tier tier,
      int nodes,
      int wanted,
      double operationsPerSecond,
      double bytes,
      double bytesMax,
      Optional<Band> occupancyBand,
      Band useBand,
      double ringImbalance,
      double loadImbalance) {}

  /// A node.
  ///
  /// @param sinceMillis when it came to be in its state
  /// @param isSuspected whether it does not answer; then its numbers are the last that are known
  /// @param ringShare of the copies that its tier holds of keys in their default places, this
  ///   node's share
  /// @param loadShare of the operations of its tier, this node's share
  public record Node(
      String id,
      NodeDescriptor.Tier tier,
      NodeDescriptor.State state,
      long sinceMillis,
      boolean isSuspected,
      List<Shard> shards,
      double ringShare,
      double loadShare) {
    public Node {
      shards = List.copyOf(shards);
    }

    private double sum(ToDoubleFunction<Shard> of) {
      return shards.stream().mapToDouble(of).sum();
    }

    /// The mean busy share of its shards.
    public double occupancy() {
      return shards.isEmpty() ? 0 : sum(Shard::occupancy) / shards.size();
    }

    public double readsPerSecond() {
      return sum(Shard::readsPerSecond);
    }

    public double writesPerSecond() {
      return sum(Shard::writesPerSecond);
    }

    public double operationsPerSecond() {
      return sum(Shard::operationsPerSecond);
    }

    public double entries() {
      return sum(Shard::entries);
    }

    public double bytes() {
      return sum(Shard::bytes);
    }

    public double bytesMax() {
      return sum(Shard::bytesMax);
    }
  }

  /// A key that stands out.
  ///
  /// @param isDefault whether it is where it would be without a decision
  /// @param loadShare of all operations, those on this key
  /// @param bytes what one copy takes
  public record HotKey(
      Payload key,
      Placement placement,
      boolean isDefault,
      double readsPerSecond,
      double writesPerSecond,
      double bytes,
      double loadShare) {}

  /// What a node gets from others or gives to them since the ring changed.
  ///
  /// @param why one or a few words, as in `joining`
  /// @param partitionsDone of `partitionsTotal`
  public record Handoff(
      String nodeId, String why, long sinceMillis, int partitionsDone, int partitionsTotal) {}

  /// What there is to show of a view.
  ///
  /// @param ringShares of the same members
  /// @param settings by which the policies decide
  /// @param decisions the latest of the record, the latest first; more than are shown do no harm
  public static ConsoleState of(
      String cluster,
      ClusterView view,
      RingShares ringShares,
      PolicySettings settings,
      Monitor monitor,
      List<Handoff> handoffs,
      List<DecisionEntry> decisions) {
    List<Node> nodes =
        view.nodes().stream()
            .sorted(
                Comparator.comparing(ClusterView.Node::tier).thenComparing(ClusterView.Node::id))
            .map(node -> node(node, view, ringShares.share(node.id())))
            .toList();
    double costPerHour =
        view.nodes().stream()
            .mapToDouble(
                node ->
                    node.tier() == NodeDescriptor.Tier.MEMORY
                        ? settings.memoryPrice()
                        : settings.ssdPrice())
            .sum();
    return new ConsoleState(
        cluster,
        view.nowMillis(),
        settings.objective(),
        settings.budgetPerHour(),
        costPerHour,
        view.faultTolerance(),
        view.isWhole(),
        monitor,
        Arrays.stream(NodeDescriptor.Tier.values())
            .map(tier -> tier(tier, view, nodes, settings, monitor))
            .toList(),
        nodes,
        hotKeys(view),
        view.latency(),
        handoffs,
        decisions.stream().limit(DECISIONS_MAX).toList());
  }

  private static Node node(ClusterView.Node node, ClusterView view, double ringShare) {
    double ofTier =
        view.nodes().stream()
            .filter(other -> other.tier() == node.tier())
            .mapToDouble(ClusterView.Node::operationsPerSecond)
            .sum();
    return new Node(
        node.id(),
        node.tier(),
        node.state(),
        node.sinceMillis(),
        node.isSuspected(),
        node.shards(),
        ringShare,
        share(node.operationsPerSecond(), ofTier));
  }

  private static Tier tier(
      NodeDescriptor.Tier tier,
      ClusterView view,
      List<Node> all,
      PolicySettings settings,
      Monitor monitor) {
    List<Node> nodes = all.stream().filter(node -> node.tier() == tier).toList();
    int staying = view.staying(tier).size();
    boolean isMemory = tier == NodeDescriptor.Tier.MEMORY;
    return new Tier(
        tier,
        staying,
        monitor.isDryRun() ? staying : wanted(tier, view).orElse(staying),
        nodes.stream().mapToDouble(Node::operationsPerSecond).sum(),
        nodes.stream().mapToDouble(Node::bytes).sum(),
        nodes.stream().mapToDouble(Node::bytesMax).sum(),
        isMemory ? Optional.of(settings.occupancy()) : Optional.empty(),
        isMemory ? settings.memoryUse() : settings.ssdUse(),
        imbalance(nodes, Node::ringShare),
        imbalance(nodes, Node::loadShare));
  }

  /// What the latest decision on the tier's size aims at, unless it is there already.
  private static Optional<Integer> wanted(NodeDescriptor.Tier tier, ClusterView view) {
    return view.taken().stream()
        .filter(taken -> taken.decision() instanceof Decision.Resize of && of.tier() == tier)
        .findFirst()
        .filter(taken -> !taken.isDone())
        .map(taken -> ((Decision.Resize) taken.decision()).to());
  }

  /// The nodes that leave are to have nothing, so they don't count.
  private static double imbalance(List<Node> nodes, ToDoubleFunction<Node> share) {
    double[] shares =
        nodes.stream()
            .filter(node -> node.state() != NodeDescriptor.State.LEAVING)
            .mapToDouble(share)
            .toArray();
    double sum = Arrays.stream(shares).sum();
    return sum == 0 ? 0 : Arrays.stream(shares).max().orElse(0) * shares.length / sum;
  }

  private static List<HotKey> hotKeys(ClusterView view) {
    double all = view.population().keys() * view.population().mean();
    return view.keys().stream()
        .filter(key -> key.operationsPerSecond() > 0)
        .sorted(Comparator.comparingDouble(ClusterView.Key::operationsPerSecond).reversed())
        .limit(HOT_KEYS_MAX)
        .map(
            key ->
                new HotKey(
                    key.key(),
                    key.placement(),
                    key.isDefault(),
                    key.readsPerSecond(),
                    key.writesPerSecond(),
                    key.bytes(),
                    share(key.operationsPerSecond(), all)))
        .toList();
  }

  private static double share(double part, double whole) {
    return whole > 0 ? Math.min(1, part / whole) : 0;
  }

  /// What is shown of a tier.
  ///
  /// @throws IllegalStateException if the state was made without it
  public Tier tier(NodeDescriptor.Tier tier) {
    return tiers.stream()
        .filter(candidate -> candidate.tier() == tier)
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("the state has no " + tier.word() + " tier"));
  }

  /// Operations of all nodes.
  public double operationsPerSecond() {
    return tiers.stream().mapToDouble(Tier::operationsPerSecond).sum();
  }
}
