package dev.trellis.monitor.statistics;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.ClusterView.Node;
import dev.trellis.monitor.policy.ClusterView.Population;
import dev.trellis.monitor.policy.ClusterView.Shard;
import dev.trellis.monitor.policy.ClusterView.Taken;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.NodeReport.Heavy;
import dev.trellis.wire.NodeReport.Histogram;
import dev.trellis.wire.NodeReport.Idle;
import dev.trellis.wire.Placement;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Makes one view of the cluster of what its nodes tell. Takes time as an argument, so what was
/// recorded can be played again. Not for several threads. Holds a bounded number of reports of each
/// member, and none of who is no member any more.
///
/// Loads of nodes are means over a few periods, so that one busy moment moves nothing; those of
/// keys are of the last period, so that a key is seen to be hot soon.
public final class Observations {
  /// What the store's own processes keep in it.
  private static final Payload OWN = Payload.ofText("_trellis/");

  private static final int KEYS_MAX = 4_096;

  private final Duration window;
  private final Duration promoteWindow;
  private final Map<String, Told> nodes = new HashMap<>(); // by id
  private final Map<Payload, Deque<Access>> ssdAccesses = new HashMap<>();
  private long nowMillis;

  /// Accesses that the SSD tier answered in one period.
  private record Access(long atMillis, double count) {}

  /// What one incarnation of a node has told.
  private static final class Told {
    private final long incarnation;
    private final Deque<Received> reports = new ArrayDeque<>(); // the latest last
    private State state = State.JOINING;
    private long sinceMillis;
    private int mostLeft; // partitions to fetch or hand over, since there were none

    Told(long incarnation) {
      this.incarnation = incarnation;
    }
  }

  /// @param atMillis by the monitor's clock
  private record Received(NodeReport report, long atMillis) {}

  /// @param window over which the loads of nodes, and latencies, are averaged
  /// @param promoteWindow over which accesses to keys of the SSD tier are counted
  public Observations(Duration window, Duration promoteWindow) {
    this.window = window;
    this.promoteWindow = promoteWindow;
  }

  /// Takes a report. Late ones, and those of an incarnation that another has followed, are passed
  /// over.
  ///
  /// @param atMillis when it came, by the monitor's clock
  /// @return whether it was taken
  public boolean accept(NodeReport report, long atMillis) {
    nowMillis = Math.max(nowMillis, atMillis);
    Told told = nodes.get(report.nodeId());
    if (told == null || told.incarnation != report.incarnation()) {
      if (told != null && atMillis - latest(told).atMillis() < report.periodMillis() / 2) {
        return false; // two processes of one name: the one that is heard stays
      }
      told = new Told(report.incarnation());
      told.sinceMillis = atMillis;
      nodes.put(report.nodeId(), told);
    } else if (latest(told).report().sequence() >= report.sequence()) {
      return false;
    }
    told.reports.addLast(new Received(report, atMillis));
    long keep = Math.max(window.toMillis(), report.periodMillis());
    while (told.reports.size() > 1 && told.reports.getFirst().atMillis() < atMillis - keep) {
      told.reports.removeFirst();
    }
    if (report.tier() == Tier.SSD) {
      countAccesses(report, atMillis);
    }
    return true;
  }

  private static Received latest(Told told) {
    return told.reports.getLast();
  }

  private void countAccesses(NodeReport report, long atMillis) {
    for (NodeReport.Shard shard : report.shards()) {
      for (Heavy heavy : shard.heavy()) {
        double count = heavy.reads() + heavy.writes();
        if (count > 0 && (ssdAccesses.size() < KEYS_MAX || ssdAccesses.containsKey(heavy.key()))) {
          ssdAccesses
              .computeIfAbsent(heavy.key(), _ -> new ArrayDeque<>())
              .addLast(new Access(atMillis, count));
        }
      }
    }
    long from = atMillis - promoteWindow.toMillis();
    ssdAccesses
        .values()
        .removeIf(
            accesses -> {
              while (!accesses.isEmpty() && accesses.getFirst().atMillis() < from) {
                accesses.removeFirst();
              }
              return accesses.isEmpty();
            });
  }

  /// What is known now.
  ///
  /// @param map the members; who is none is forgotten
  /// @param taken decisions still remembered, the latest first
  public ClusterView view(Frame.ClusterMap map, List<Taken> taken, long atMillis) {
    nowMillis = Math.max(nowMillis, atMillis);
    Set<String> members = new HashSet<>();
    map.nodes().forEach(node -> members.add(node.id()));
    nodes.keySet().retainAll(members);
    List<Node> seen = new ArrayList<>();
    boolean isWhole = !map.nodes().isEmpty();
    for (NodeDescriptor member :
        map.nodes().stream().sorted(Comparator.comparing(NodeDescriptor::id)).toList()) {
      Node node = node(member);
      seen.add(node);
      isWhole &= !node.isSuspected() && node.state() == State.ACTIVE && isComplete(member.id());
    }
    Placement byDefault = Placement.ofDefault(map.faultTolerance());
    List<ClusterView.Key> keys = keys(byDefault);
    return new ClusterView(
        nowMillis,
        map.faultTolerance(),
        isWhole,
        seen,
        keys,
        population(seen, keys),
        latency(),
        taken);
  }

  /// What a node gets from others, or gives to them, in partitions.
  ///
  /// @param why its state
  /// @param done of `total`
  public record Handoff(String nodeId, String why, long sinceMillis, int done, int total) {}

  /// The handoffs under way, as of the last view, by node.
  public List<Handoff> handoffs() {
    List<Handoff> handoffs = new ArrayList<>();
    nodes.forEach(
        (id, told) -> {
          int left = 0;
          int held = 0;
          for (NodeReport.Shard shard : latest(told).report().shards()) {
            left += shard.progress().incomplete() + shard.progress().surplus();
            held += shard.progress().held();
          }
          told.mostLeft = left == 0 ? 0 : Math.max(told.mostLeft, left);
          if (left > 0) {
            int total = told.state == State.JOINING ? Math.max(held, left) : told.mostLeft;
            handoffs.add(new Handoff(id, told.state.word(), told.sinceMillis, total - left, total));
          }
        });
    handoffs.sort(Comparator.comparing(Handoff::nodeId));
    return handoffs;
  }

  private boolean isComplete(String nodeId) {
    Told told = nodes.get(nodeId);
    return told != null
        && latest(told).report().shards().stream().allMatch(NodeReport.Shard::isComplete);
  }

  private Node node(NodeDescriptor member) {
    Told told = nodes.get(member.id());
    if (told == null || told.incarnation != member.incarnation()) {
      return new Node(member.id(), member.tier(), member.state(), nowMillis, true, List.of());
    }
    if (told.state != member.state()) {
      told.state = member.state();
      told.sinceMillis = nowMillis;
    }
    return new Node(
        member.id(), member.tier(), member.state(), told.sinceMillis, isSilent(told), shards(told));
  }

  /// Whether a node has told nothing for three periods, of which two may get lost.
  private boolean isSilent(Told told) {
    Received latest = latest(told);
    return nowMillis - latest.atMillis() > 3L * latest.report().periodMillis() + 500;
  }

  private static List<Shard> shards(Told told) {
    NodeReport latest = latest(told).report();
    List<Shard> shards = new ArrayList<>();
    for (int index = 0; index < latest.shards().size(); index++) {
      double millis = 0;
      double busyNanos = 0;
      double reads = 0;
      double writes = 0;
      for (Received received : told.reports) {
        if (index < received.report().shards().size()) {
          NodeReport.Shard shard = received.report().shards().get(index);
          millis += received.report().periodMillis();
          busyNanos += shard.busyNanos();
          reads += shard.reads();
          writes += shard.mutations();
        }
      }
      NodeReport.Shard now = latest.shards().get(index);
      shards.add(
          new Shard(
              Math.clamp(busyNanos / 1e6 / millis, 0, 1),
              reads / millis * 1e3,
              writes / millis * 1e3,
              now.entries(),
              now.bytes(),
              now.bytesMax()));
    }
    return shards;
  }

  /// What is being put together of one key.
  private static final class Gathered {
    double reads; // per second
    double writes;
    double ssdReads;
    long bytes;
    long idleMillis;
    boolean isIdle;
    @Nullable Placement placement;
  }

  private List<ClusterView.Key> keys(Placement byDefault) {
    Map<Payload, Gathered> gathered = new LinkedHashMap<>();
    for (Told told : nodes.values()) {
      NodeReport report = latest(told).report();
      if (isSilent(told)) {
        continue;
      }
      double seconds = report.periodMillis() / 1e3;
      for (NodeReport.Shard shard : report.shards()) {
        for (Heavy heavy : shard.heavy()) {
          Gathered key = gathered.computeIfAbsent(heavy.key(), _ -> new Gathered());
          key.reads += heavy.reads() / seconds;
          key.writes += heavy.writes() / seconds;
          key.ssdReads += report.tier() == Tier.SSD ? heavy.reads() / seconds : 0;
          key.bytes = Math.max(key.bytes, heavy.bytes());
          heavy.placement().ifPresent(placement -> key.placement = placement);
        }
        for (Idle idle : shard.idle()) {
          Gathered key = gathered.computeIfAbsent(idle.key(), _ -> new Gathered());
          key.isIdle = true;
          key.bytes = Math.max(key.bytes, idle.bytes());
          key.idleMillis = Math.max(key.idleMillis, idle.idleMillis());
        }
      }
    }
    gathered.keySet().removeIf(key -> key.startsWith(OWN)); // or each decision would bring others
    List<ClusterView.Key> keys = new ArrayList<>(gathered.size());
    gathered.forEach(
        (key, one) -> {
          Optional<Placement> own =
              Optional.ofNullable(one.placement).filter(placement -> !placement.equals(byDefault));
          boolean isUsed = one.reads + one.writes > 0;
          keys.add(
              new ClusterView.Key(
                  key,
                  1,
                  own.orElse(byDefault),
                  own.isEmpty(),
                  one.reads,
                  one.writes,
                  one.bytes,
                  one.ssdReads,
                  accesses(key),
                  one.isIdle && !isUsed ? one.idleMillis : 0));
        });
    keys.sort(Comparator.comparing(ClusterView.Key::key));
    return keys;
  }

  private double accesses(Payload key) {
    Deque<Access> accesses = ssdAccesses.get(key);
    return accesses == null ? 0 : accesses.stream().mapToDouble(Access::count).sum();
  }

  /// Those that stand out are known one by one; the others share what is left.
  private static Population population(List<Node> nodes, List<ClusterView.Key> keys) {
    double operations = nodes.stream().mapToDouble(Node::operationsPerSecond).sum();
    double entries =
        nodes.stream()
            .filter(node -> node.tier() == Tier.MEMORY)
            .flatMap(node -> node.shards().stream())
            .mapToDouble(Shard::entries)
            .sum();
    double count = Math.max(entries, keys.size());
    if (count == 0) {
      return new Population(0, 0, 0);
    }
    double mean = operations / count;
    double known = 0;
    double squares = 0;
    for (ClusterView.Key key : keys) {
      known += key.operationsPerSecond();
      squares += square(key.operationsPerSecond() - mean);
    }
    double others = count - keys.size();
    if (others > 0) {
      squares += others * square(Math.max(0, operations - known) / others - mean);
    }
    return new Population(count, mean, Math.sqrt(squares / count));
  }

  private static double square(double number) {
    return number * number;
  }

  /// Of the window, and of the last report of each node that is not silent: nodes may tell more
  /// seldom than the window is long, and no latency at all would be taken for one that is too long.
  private Latency latency() {
    long[] seen = new long[Histogram.CLASSES];
    long[] service = new long[Histogram.CLASSES];
    for (Told told : nodes.values()) {
      for (Received received : told.reports) {
        boolean isOfNow =
            received.atMillis() >= nowMillis - window.toMillis()
                || (received == latest(told) && !isSilent(told));
        if (isOfNow) {
          for (NodeReport.Shard shard : received.report().shards()) {
            add(shard.seen(), seen);
            add(shard.service(), service);
          }
        }
      }
    }
    Latency byClients = latency(seen, true);
    return byClients.samples() > 0 ? byClients : latency(service, false);
  }

  private static void add(Histogram histogram, long[] counts) {
    for (int at = 0; at < Math.min(counts.length, histogram.counts().size()); at++) {
      counts[at] += histogram.counts().get(at);
    }
  }

  /// Each duration is taken for the middle of its class.
  private static Latency latency(long[] counts, boolean isFromClients) {
    long samples = 0;
    double sum = 0;
    for (int at = 0; at < counts.length; at++) {
      samples += counts[at];
      sum += counts[at] * middleMicros(at);
    }
    if (samples == 0) {
      return Latency.NONE;
    }
    long below = 0;
    int at = 0;
    while (below + counts[at] < samples * 0.95) {
      below += counts[at];
      at++;
    }
    double within = (samples * 0.95 - below) / Math.max(1, counts[at]);
    double begins = at == 0 ? 0 : Histogram.beginsAtMicros(at);
    double p95 = begins + within * (Histogram.beginsAtMicros(at + 1) - begins);
    return new Latency(samples, sum / samples, p95, isFromClients);
  }

  private static double middleMicros(int number) {
    double begins = number == 0 ? 0 : Histogram.beginsAtMicros(number);
    return (begins + Histogram.beginsAtMicros(number + 1)) / 2;
  }
}
