package dev.trellis.monitor.console;

import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.functions.mailbox.Delivery;
import dev.trellis.functions.mailbox.Message;
import dev.trellis.lattice.Payload;
import dev.trellis.monitor.console.ConsoleState.Handoff;
import dev.trellis.monitor.console.ConsoleState.Monitor;
import dev.trellis.monitor.console.DecisionEntry.State;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.ClusterView.Population;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.monitor.policy.PolicySettings;
import dev.trellis.monitor.policy.PolicySettings.Objective;
import dev.trellis.monitor.policy.PolicySettings.Statistic;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Topology;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/// A shop's cluster on a busy afternoon, made up and always the same: eleven minutes before
/// [#START] a cart became hot and was replicated, seven minutes before it the load doubled and a
/// memory node was added, and just now a second SSD node joins.
final class FakeCluster implements ConsoleSource {
  static final Instant START = Instant.parse("2026-03-14T14:32:08Z");

  /// What a hostile client would call a key.
  static final String HOSTILE =
      "<script>document.title='owned'</script><img src=x onerror=alert(1)>";

  static final PolicySettings SETTINGS = settings();
  private static final SortedMap<String, List<Message>> MAILBOXES =
      new TreeMap<>(
          Map.of(
              "orders/eu",
              List.of(
                  Message.ofText("{\"cart\": \"7f3a91\"}").withFrom("shop"),
                  Message.ofText("is 4711 in stock?")
                      .withPurpose(new Message.Purpose.Question("replies/shop", 1)),
                  Message.ofText(HOSTILE).withHeaders(Map.of("kind", HOSTILE)),
                  Message.of(Payload.of(new byte[3_000]))),
              "orders/us",
              List.of()));

  private static final double GIBIBYTE = 1L << 30;

  private volatile InstantSource time = InstantSource.fixed(START);
  private final Map<List<NodeDescriptor>, RingShares> ringShares = new ConcurrentHashMap<>();
  volatile boolean isSilent;
  volatile boolean isEmpty;
  volatile boolean isDryRun;
  volatile boolean isLeader = true;
  volatile long ageMillis; // how old the states are that are given
  volatile List<DecisionEntry> decisions = story();

  private static PolicySettings settings() {
    PolicySettings paper = PolicySettings.PAPER;
    return new PolicySettings(
        new Objective(Statistic.P95, Duration.ofNanos(2_500_000)),
        Optional.of(8.0),
        1.2,
        0.6,
        paper.hotDeviations(),
        paper.promoteAccesses(),
        paper.promoteWindow(),
        paper.memoryUse(),
        paper.ssdUse(),
        paper.latencyFraction(),
        paper.occupancy(),
        paper.stepFactor(),
        paper.grace(),
        paper.keyGrace(),
        paper.memoryNodes(),
        paper.ssdNodes());
  }

  /// The time of the cluster, which stands still until somebody moves it.
  InstantSource clock() {
    return () -> time.instant();
  }

  void advance(Duration by) {
    time = InstantSource.fixed(time.instant().plus(by));
  }

  /// Lets the time pass from now on.
  void run() {
    time = Clock.offset(Clock.systemUTC(), Duration.between(Instant.now(), START));
  }

  @Override
  public Optional<ConsoleState> state() {
    return isSilent ? Optional.empty() : Optional.of(stateAt(time.millis() - ageMillis));
  }

  @Override
  public List<DecisionEntry> decisions(int limit, long before) {
    return decisions.stream().filter(entry -> entry.id() < before).limit(limit).toList();
  }

  @Override
  public Optional<List<Mailbox>> mailboxes(int limit, Predicate<String> isShown) {
    return isSilent
        ? Optional.empty()
        : Optional.of(
            MAILBOXES.entrySet().stream()
                .filter(each -> isShown.test(each.getKey()))
                .limit(limit)
                .map(each -> new Mailbox(each.getKey(), each.getValue().size()))
                .toList());
  }

  @Override
  public Optional<List<Delivery>> messages(String mailbox, int limit) {
    List<Message> waiting = MAILBOXES.getOrDefault(mailbox, List.of());
    return isSilent
        ? Optional.empty()
        : Optional.of(
            IntStream.range(0, Math.min(limit, waiting.size()))
                .mapToObj(
                    i ->
                        new Delivery(
                            mailbox,
                            new Dot(new ReplicaId(7, 1), i + 1),
                            0,
                            HybridTimestamp.of(time.millis() - 5_000, 0),
                            waiting.get(i),
                            0))
                .toList());
  }

  /// The last six hours.
  ConsoleHistory history() {
    ConsoleHistory history = new ConsoleHistory();
    for (int second = -6 * 3600; second < 0; second += second < -3600 ? 10 : 1) {
      history.add(stateAt(time.millis() + 1000L * second));
    }
    return history;
  }

  private static double secondsAt(long millis) {
    return (millis - START.toEpochMilli()) / 1000.0;
  }

  /// 0 before a time, 1 after another, and in between on the way.
  private static double ramp(double at, double from, double to) {
    return Math.clamp((at - from) / (to - from), 0, 1);
  }

  /// Different for each second and name, and always the same: -1 to 1.
  private static double noise(double at, String name) {
    return KeyHash.of(Payload.ofText(name + Math.round(at))) / (double) Long.MAX_VALUE;
  }

  private static int memoryNodes(double at) {
    return at < -18_400 ? 3 : at < -294 ? 2 : 3;
  }

  private static int ssdNodes(double at) {
    return at < -96 ? 1 : 2;
  }

  private static double load(double at) {
    double day = 0.75 + 0.25 * Math.sin(at / 4200);
    double spike = 1 + 0.95 * ramp(at, -420, -360);
    return 52_000 * day * spike * (1 + 0.03 * noise(at, "load"));
  }

  private static double p95Micros(double at) {
    double hot = 2200 * (ramp(at, -700, -660) - ramp(at, -652, -640));
    double crowded = 1900 * (ramp(at, -415, -350) - ramp(at, -292, -270));
    double spike = at > -12_015 && at < -11_985 ? 9000 : 0;
    double wave = 180 * Math.sin(at / 1300);
    return 1180 + hot + crowded + spike + wave + 90 * noise(at, "p95");
  }

  ConsoleState stateAt(long millis) {
    double at = secondsAt(millis);
    List<NodeDescriptor> members = isEmpty ? List.of() : members(at);
    ClusterView view =
        new ClusterView(
            millis,
            1,
            isEmpty || at < -96,
            members.stream().map(member -> node(member, at)).toList(),
            isEmpty ? List.of() : keys(at),
            new Population(1_240_000, load(at) / 1_240_000, 0.9),
            isEmpty ? Latency.NONE : new Latency(4200, p95Micros(at) * 0.42, p95Micros(at), true),
            List.of());
    return ConsoleState.of(
        "shop-eu",
        view,
        ringShares.computeIfAbsent(members, all -> RingShares.of(Topology.of(all, 1))),
        SETTINGS,
        new Monitor("local", isDryRun, 12, isLeader),
        isEmpty || at < -96 ? List.of() : handoffs(at),
        isEmpty ? List.of() : decisions);
  }

  private static List<NodeDescriptor> members(double at) {
    List<NodeDescriptor> members = new ArrayList<>();
    for (int number = 1; number <= memoryNodes(at); number++) {
      members.add(member("m" + number, Tier.MEMORY, NodeDescriptor.State.ACTIVE));
    }
    for (int number = 1; number <= ssdNodes(at); number++) {
      members.add(
          member(
              "s" + number,
              Tier.SSD,
              number == 2 ? NodeDescriptor.State.JOINING : NodeDescriptor.State.ACTIVE));
    }
    return members;
  }

  private static NodeDescriptor member(String id, Tier tier, NodeDescriptor.State state) {
    List<Integer> ports = tier == Tier.MEMORY ? List.of(1, 2, 3, 4) : List.of(1, 2);
    return new NodeDescriptor(id, tier, "host-" + id, ports, 0, 1, 1, state);
  }

  private static ClusterView.Node node(NodeDescriptor member, double at) {
    boolean isMemory = member.tier() == Tier.MEMORY;
    boolean isJoining = member.state() == NodeDescriptor.State.JOINING;
    double tierLoad = load(at) * (isMemory ? 1 : 0.18);
    double share =
        isMemory
            ? (member.id().equals("m2") ? 1.22 : 0.89) / memoryNodes(at)
            : isJoining ? 0.06 : 0.94;
    int shards = member.shardPorts().size();
    List<ClusterView.Shard> each =
        IntStream.range(0, shards)
            .mapToObj(
                shard -> {
                  double part = 1 + 0.28 * noise(shard, member.id());
                  double operations = tierLoad * share * part / shards;
                  double fill = isMemory ? 0.44 : isJoining ? 0.37 : 0.71;
                  return new ClusterView.Shard(
                      Math.min(1, operations / (isMemory ? 62_000 : 34_000)),
                      operations * 0.83,
                      operations * 0.17,
                      Math.floor(isMemory ? 141_000 * part : 392_000 * part),
                      (isMemory ? 1 : 16) * GIBIBYTE * fill * part,
                      (isMemory ? 1 : 16) * GIBIBYTE);
                })
            .toList();
    long since = START.toEpochMilli() - (isJoining ? 96_000 : 5_400_000);
    return new ClusterView.Node(member.id(), member.tier(), member.state(), since, false, each);
  }

  private static List<ClusterView.Key> keys(double at) {
    double load = load(at);
    return List.of(
        key(Payload.ofText("cart:7f3a91"), new Placement(3, 1, 2), load, 0.081, 0.21),
        key(Payload.ofText("product:espresso-machine"), new Placement(3, 1, 1), load, 0.043, 0.01),
        key(Payload.ofText("session:amélie/münchen"), new Placement(2, 1, 1), load, 0.017, 0.34),
        key(Payload.ofText(HOSTILE), new Placement(1, 1, 1), load, 0.0092, 0.5),
        key(Payload.ofText("price\u202egnp.exe"), new Placement(1, 1, 1), load, 0.0061, 0.05),
        key(
            Payload.of(new byte[] {(byte) 0xff, 0, 0x41, (byte) 0x80}),
            new Placement(1, 1, 1),
            load,
            0.0048,
            0.4),
        key(
            Payload.ofText("feed:" + "abcdefgh".repeat(30)),
            new Placement(1, 1, 1),
            load,
            0.0031,
            0),
        key(Payload.ofText("stock:warehouse-2"), new Placement(0, 2, 1), load, 0.0012, 0.9));
  }

  private static ClusterView.Key key(
      Payload key, Placement placement, double load, double share, double writes) {
    double operations = load * share;
    return new ClusterView.Key(
        key,
        1,
        placement,
        placement.equals(Placement.ofDefault(1)),
        operations * (1 - writes),
        operations * writes,
        640,
        0,
        40,
        0);
  }

  private static List<Handoff> handoffs(double at) {
    int total = 7_904;
    int done = (int) Math.min(total, (at + 96) / 155 * total);
    return List.of(
        new Handoff("s2", "joining", START.toEpochMilli() - 96_000, done, total),
        new Handoff("s1", "handing over", START.toEpochMilli() - 93_000, done / 3, 3_960));
  }

  // ---- decisions

  private static List<DecisionEntry> story() {
    List<DecisionEntry> story = new ArrayList<>();
    add(
        story,
        -20_900,
        place(Move.PROMOTE, "catalogue:spring", 1, at(0, 2, 1), at(1, 1, 1), true),
        State.DONE);
    add(
        story,
        -19_700,
        place(Move.DEREPLICATE, "product:grinder", 1, at(3, 1, 1), at(1, 1, 1), true),
        State.DONE);
    add(story, -18_460, resize(Tier.MEMORY, 3, 2, List.of("m3")), State.DONE);
    add(
        story,
        -15_300,
        place(Move.DEMOTE, "session:2026-03-13", 18_400, at(1, 1, 1), at(0, 2, 1), false),
        State.DONE);
    add(
        story,
        -13_900,
        place(Move.PROMOTE, "voucher:march", 1, at(0, 2, 1), at(1, 1, 1), true),
        State.DONE);
    add(
        story,
        -11_980,
        place(Move.REPLICATE, "stock:espresso", 1, at(1, 1, 1), at(2, 1, 1), false),
        State.DONE);
    add(
        story,
        -10_100,
        place(Move.DEREPLICATE, "stock:espresso", 1, at(2, 1, 1), at(1, 1, 1), true),
        State.DONE);
    add(
        story,
        -8_600,
        place(Move.PROMOTE, "feed:latest", 1, at(0, 2, 1), at(1, 1, 1), true),
        State.DONE);
    add(
        story,
        -6_900,
        place(Move.DEMOTE, "basket:abandoned", 7_200, at(1, 1, 1), at(0, 2, 1), false),
        State.DONE);
    add(
        story,
        -5_200,
        place(Move.PROMOTE, "banner:front", 1, at(0, 2, 1), at(1, 1, 1), true),
        State.DONE);
    add(
        story,
        -3_900,
        place(Move.REPLICATE, "banner:front", 1, at(1, 1, 1), at(2, 1, 1), false),
        State.DONE);
    add(
        story,
        -2_700,
        place(Move.DEREPLICATE, "banner:front", 1, at(2, 1, 1), at(1, 1, 1), true),
        State.DONE);
    add(
        story,
        -1_900,
        place(Move.DEMOTE, "log:2026-03-12", 3_100, at(1, 1, 1), at(0, 2, 1), false),
        State.DONE);
    add(
        story,
        -1_240,
        place(Move.REPLICATE, "session:amélie/münchen", 1, at(1, 1, 1), at(2, 1, 1), false),
        State.DONE);
    add(
        story,
        -798,
        place(Move.DEREPLICATE, HOSTILE, 1, at(2, 1, 1), at(1, 1, 1), true),
        State.DONE);
    add(
        story,
        -655,
        place(Move.REPLICATE, "cart:7f3a91", 1, at(1, 1, 1), at(2, 1, 2), false),
        State.DONE);
    add(story, -366, resize(Tier.MEMORY, 2, 3, List.of()), State.FAILED);
    add(story, -340, resize(Tier.MEMORY, 2, 3, List.of()), State.DONE);
    add(
        story,
        -281,
        place(Move.REPLICATE, "cart:7f3a91", 1, at(2, 1, 2), at(3, 1, 2), false),
        State.DONE);
    add(story, -122, resize(Tier.SSD, 1, 2, List.of()), State.ORDERED);
    return story.stream().sorted(Comparator.comparingLong(DecisionEntry::id).reversed()).toList();
  }

  private static Placement at(int memory, int ssd, int shards) {
    return new Placement(memory, ssd, shards);
  }

  private static void add(List<DecisionEntry> story, int second, Decision decision, State state) {
    long at = START.toEpochMilli() + 1000L * second;
    boolean isResize = decision instanceof Decision.Resize;
    story.add(
        new DecisionEntry(
            story.size() + 101,
            at,
            decision,
            state,
            state == State.FAILED ? "The scaler refused: port 7560 is in use." : "",
            state == State.DONE
                ? OptionalLong.of(at + (isResize ? 46_000 : 1_300))
                : OptionalLong.empty(),
            state == State.DONE ? effect(decision) : Map.of()));
  }

  private static Map<String, Double> effect(Decision decision) {
    Map<String, Double> effect = new LinkedHashMap<>();
    decision.explanation().expected().forEach((name, value) -> effect.put(name, value * 1.06));
    return effect;
  }

  private static Map<String, Double> numbers(Object... namesAndValues) {
    Map<String, Double> numbers = new LinkedHashMap<>();
    for (int at = 0; at < namesAndValues.length; at += 2) {
      numbers.put((String) namesAndValues[at], ((Number) namesAndValues[at + 1]).doubleValue());
    }
    return numbers;
  }

  private static Decision resize(Tier tier, int from, int to, List<String> leaving) {
    Explanation explanation;
    if (tier == Tier.SSD) {
      explanation =
          new Explanation(
              "storage",
              "The SSD tier is 78% full, more than the 75% up to which it is kept.",
              numbers("use", 0.78, "bytes", 25.0 * GIBIBYTE, "nodes", from),
              "ssd.use.high = 0.75",
              numbers("use", 0.39));
    } else if (to < from) {
      explanation =
          new Explanation(
              "elasticity",
              "Latency is far below the objective and the memory tier is hardly busy, so a node can go.",
              numbers("p95Micros", 910, "occupancy", 0.041, "nodes", from),
              "occupancy.low = 0.05",
              numbers("p95Micros", 1_150, "occupancy", 0.062));
    } else {
      explanation =
          new Explanation(
              "elasticity",
              "Latency is above the objective and the whole memory tier is busy, so no single key is to blame.",
              numbers(
                  "p95Micros",
                  2_940,
                  "occupancy",
                  0.27,
                  "operationsPerSecond",
                  98_400,
                  "nodes",
                  from),
              "occupancy.high = 0.2",
              numbers("p95Micros", 1_500, "occupancy", 0.18));
    }
    return new Decision.Resize(tier, from, to, leaving, explanation);
  }

  private static Decision place(
      Move move, String key, long count, Placement from, Placement to, boolean toDefault) {
    Explanation explanation =
        switch (move) {
          case REPLICATE ->
              new Explanation(
                  "hot-keys",
                  "Latency is above the objective while the tier as a whole is not busy: this key alone has 8% of the load.",
                  numbers(
                      "p95Micros",
                      3_310,
                      "keyOperationsPerSecond",
                      4_210,
                      "keyShare",
                      0.081,
                      "occupancy",
                      0.14),
                  "hot.deviations = 3",
                  numbers("p95Micros", 1_300, "keyShare", 0.041));
          case DEREPLICATE ->
              new Explanation(
                  "hot-keys",
                  "The key is no longer hot: it has less load than the mean and three deviations.",
                  numbers("keyOperationsPerSecond", 1.2, "p95Micros", 1_190),
                  "hot.deviations = 3",
                  numbers("p95Micros", 1_190));
          case PROMOTE ->
              new Explanation(
                  "movement",
                  "It was read 14 times within a minute, each time from SSD.",
                  numbers("accesses", 14, "ssdReadsPerSecond", 0.23, "memoryUse", 0.41),
                  "promote.accesses = 2",
                  numbers("ssdReadsPerSecond", 0, "memoryUse", 0.41));
          case DEMOTE ->
              new Explanation(
                  "movement",
                  "Memory is nearly as full as it may be, and nobody has asked for these for hours.",
                  numbers("memoryUse", 0.59, "idleMillis", 11_400_000, "bytes", 182.0 * (1 << 20)),
                  "memory.use.high = 0.6",
                  numbers("memoryUse", 0.51, "ssdOperationsPerSecond", 0.4));
        };
    return new Decision.Place(Payload.ofText(key), count, move, from, to, toDefault, explanation);
  }
}
