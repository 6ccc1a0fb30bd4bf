package dev.trellis.faults;

import dev.trellis.faults.Lab.Host;
import dev.trellis.history.Operation;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// Does one kind of [Fault] to a cluster again and again, each for a while, and writes down what it
/// did and whether that really happened: a process is gone, stands still, packets were dropped, a
/// clock is wrong, a node has joined or left. What can lose data is done only to a cluster that is
/// whole, to one node at a time: more is not promised to be survived.
final class Nemesis {
  private static final Duration RECOVERY_PATIENCE = Duration.ofMinutes(2);
  private static final Duration STOP_PATIENCE = Duration.ofSeconds(30);
  private static final Duration CLOCK_TOLERANCE = Duration.ofMillis(150);
  private static final Duration CLOCK_PATIENCE = Duration.ofSeconds(5);
  private static final long CALM_MILLIS_MIN = 500;
  private static final long CALM_MILLIS_MAX = 4_000;
  private static final long HOLD_MILLIS_MIN = 500;

  /// A leave takes some hundred milliseconds, a join some seconds.
  private static final long CHURN_MILLIS_SOON = 400;

  private static final long CHURN_MILLIS_LATE = 6_000;

  private static final long DARK_MILLIS_MAX = 1_000; // until the next of them starts again
  private static final long AGAIN_MILLIS_MAX = 8_000; // until the next time

  /// Well beyond the time after which the others go on without a silent node.
  private static final long HOLD_MILLIS_MAX = 12_000;

  private final FaultCluster cluster;
  private final Fault fault;
  private final RandomGenerator random;
  private final Diary diary;
  private final Duration time;
  private final Set<String> hit = new HashSet<>(); // nodes that had their turn
  private final List<String> problems = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger happened = new AtomicInteger();

  /// @param time that the faults of a run are spread over
  Nemesis(FaultCluster cluster, Fault fault, RandomGenerator random, Diary diary, Duration time) {
    this.cluster = cluster;
    this.fault = fault;
    this.random = random;
    this.diary = diary;
    this.time = time;
  }

  /// How many faults really happened so far.
  int happened() {
    return happened.get();
  }

  private void count(boolean real) {
    if (real) {
      happened.incrementAndGet();
    }
  }

  /// What the cluster did not recover from, for people.
  List<String> problems() {
    synchronized (problems) {
      return List.copyOf(problems);
    }
  }

  /// When to end.
  interface Until {
    boolean isOver();
  }

  /// Works until it is told that it is over; then everything is mended, though the cluster may not
  /// have recovered yet.
  void run(Until until) throws IOException, InterruptedException {
    while (true) {
      sleep(
          random.nextLong(
              CALM_MILLIS_MIN, Math.clamp(time.toMillis() / 10, 1_000, CALM_MILLIS_MAX)),
          until);
      if (until.isOver() || !problems.isEmpty()) {
        return;
      }
      switch (fault) {
        case KILL -> end(until, false);
        case BLACKOUT -> blackOut(until);
        case RESTART -> end(until, true);
        case PAUSE -> pause(until);
        case ISOLATE, HALVES, RING, ONE_WAY, CLIENTS -> cut(until);
        case CLOCK, CLOCK_FAR -> skew(until);
        case MEMBERS, CHURN -> join(until);
      }
    }
  }

  private void hold(Until until) throws InterruptedException {
    sleep(
        random.nextLong(HOLD_MILLIS_MIN, Math.clamp(time.toMillis() / 4, 2_000, HOLD_MILLIS_MAX)),
        until);
  }

  private static void sleep(long millis, Until until) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofMillis(millis).toNanos();
    while (System.nanoTime() - deadline < 0 && !until.isOver()) {
      Thread.sleep(Duration.ofMillis(20));
    }
  }

  private void tell(String phase, boolean real, Object... keysAndValues) {
    Map<String, @Nullable Object> value = new LinkedHashMap<>();
    for (int at = 0; at < keysAndValues.length; at += 2) {
      value.put(String.valueOf(keysAndValues[at]), keysAndValues[at + 1]);
    }
    diary.all(Operation.nemesis(fault.word() + "-" + phase, value).with("real", real));
  }

  /// Kills a process, and writes down when it was gone.
  private boolean kill(Server victim) throws InterruptedException {
    long alive = diary.now();
    boolean ended = victim.kill();
    if (ended) {
      diary.all(Ending.operation(victim.name(), alive));
    }
    return ended;
  }

  /// Asks a process to end, and writes down when it was gone.
  private boolean stop(Server victim) throws InterruptedException {
    boolean ended = victim.stop(STOP_PATIENCE);
    if (ended) {
      // It served for a while after it was asked.
      diary.all(Ending.operation(victim.name(), diary.now()));
    }
    return ended;
  }

  private List<Server> some(int count) {
    List<Server> shuffled = new ArrayList<>(cluster.members());
    Collections.shuffle(shuffled, Random.from(random));
    return shuffled.subList(0, Math.min(count, shuffled.size()));
  }

  /// Another one each time, until each has had its turn: few faults by chance alone would often hit
  /// only those for which they mean little.
  private Server victim() {
    List<Server> members = cluster.members();
    if (members.stream().allMatch(member -> hit.contains(member.name()))) {
      hit.clear();
    }
    List<Server> left = members.stream().filter(member -> !hit.contains(member.name())).toList();
    Server victim = left.get(random.nextInt(left.size()));
    hit.add(victim.name());
    return victim;
  }

  private static List<String> names(List<Server> servers) {
    return servers.stream().map(Server::name).sorted().toList();
  }

  private void end(Until until, boolean politely) throws IOException, InterruptedException {
    if (!awaitWhole("before", until)) {
      return;
    }
    Server victim = victim();
    long pid = victim.pid();
    boolean ended = politely ? stop(victim) : kill(victim);
    tell("begin", ended, "node", victim.name(), "process", pid);
    if (politely && !ended) {
      problems.add(victim.name() + " did not stop within " + STOP_PATIENCE.toSeconds() + " s");
      var _ = kill(victim);
    }
    hold(until);
    cluster.restart(victim);
    tell("end", ended, "node", victim.name(), "process", victim.pid());
    count(ended);
    awaitRecovery();
  }

  /// At any moment, also while the cluster comes back from the last time.
  private void blackOut(Until until) throws IOException, InterruptedException {
    List<Server> victims = some(Integer.MAX_VALUE);
    boolean ended = true;
    for (Server victim : victims) {
      ended &= kill(victim);
    }
    tell("begin", ended, "nodes", names(victims));
    for (Server victim : some(Integer.MAX_VALUE)) {
      if (random.nextInt(3) == 0) {
        Thread.sleep(random.nextLong(DARK_MILLIS_MAX));
      }
      cluster.restart(victim);
    }
    tell("end", ended, "nodes", names(victims));
    count(ended);
    if (until.isOver() || random.nextInt(4) != 0) {
      awaitRecovery();
    } else {
      Thread.sleep(random.nextLong(AGAIN_MILLIS_MAX));
    }
  }

  /// Once a cluster is not whole for so long, something is wrong with it.
  private void awaitRecovery() throws InterruptedException {
    long began = System.nanoTime();
    String shortage = cluster.awaitWhole(RECOVERY_PATIENCE);
    if (shortage.isEmpty()) {
      tell("whole", true, "millis", (System.nanoTime() - began) / 1_000_000);
    } else {
      tell("not-whole", true, "shortage", shortage);
      problems.add(
          "not whole " + RECOVERY_PATIENCE.toSeconds() + " s after the last fault: " + shortage);
    }
  }

  private boolean awaitWhole(String when, Until until) throws InterruptedException {
    String shortage =
        Patience.await(RECOVERY_PATIENCE, () -> until.isOver() ? "" : cluster.shortage());
    if (!shortage.isEmpty()) {
      problems.add("not whole " + when + " a fault: " + shortage);
    }
    return shortage.isEmpty() && !until.isOver();
  }

  private void pause(Until until) throws IOException, InterruptedException {
    List<Server> victims = some(1 + random.nextInt(2));
    boolean real = true;
    for (Server victim : victims) {
      real &= victim.pause();
    }
    tell("begin", real, "nodes", names(victims));
    hold(until);
    for (Server victim : victims) {
      victim.resume();
    }
    tell("end", real, "nodes", names(victims));
    count(real);
  }

  private void cut(Until until) throws IOException, InterruptedException {
    List<Server> shuffled = some(Integer.MAX_VALUE);
    int count = shuffled.size();
    int minority = (count - 1) / 2;
    List<Server> first;
    switch (fault) {
      case ISOLATE -> {
        first = shuffled.subList(0, 1);
        separate(first, shuffled.subList(1, count), true);
      }
      case HALVES -> {
        first = shuffled.subList(0, minority);
        separate(first, shuffled.subList(minority, count), true);
      }
      case ONE_WAY -> {
        int deaf = 1 + random.nextInt(minority);
        first = shuffled.subList(0, deaf);
        separate(shuffled.subList(deaf, count), first, false);
      }
      case RING -> {
        first = shuffled;
        ring(shuffled);
      }
      case CLIENTS -> {
        first = shuffled.subList(0, 1);
        cluster.lab().cutClients(first.getFirst().host());
        cluster.lab().cut(cluster.router().host(), first.getFirst().host());
      }
      default -> throw new IllegalStateException(fault + " cuts nothing");
    }
    tell("begin", true, "nodes", fault == Fault.RING ? inOrder(first) : names(first));
    hold(until);
    long dropped = cluster.lab().heal();
    tell("end", dropped > 0, "droppedPackets", dropped);
    count(dropped > 0);
  }

  private static List<String> inOrder(List<Server> servers) {
    return servers.stream().map(Server::name).toList();
  }

  private void separate(List<Server> from, List<Server> to, boolean bothWays) throws IOException {
    for (Server one : from) {
      for (Server other : to) {
        cluster.lab().cut(one.host(), other.host());
        if (bothWays) {
          cluster.lab().cut(other.host(), one.host());
        }
      }
    }
  }

  /// Each hears itself and its neighbours in a ring, as many as make a majority.
  private void ring(List<Server> ring) throws IOException {
    int count = ring.size();
    int neighbours = (count / 2 + 1) / 2; // on each side
    for (int one = 0; one < count; one++) {
      for (int other = 0; other < count; other++) {
        int apart = Math.min(Math.floorMod(one - other, count), Math.floorMod(other - one, count));
        if (apart > neighbours) {
          Host from = ring.get(one).host();
          cluster.lab().cut(from, ring.get(other).host());
        }
      }
    }
  }

  private void skew(Until until) throws IOException, InterruptedException {
    List<Server> victims = some(1 + random.nextInt(2));
    long most = fault.skewMax().toMillis();
    long millis = random.nextLong(most / 2, most + 1);
    Duration offset = Duration.ofMillis(random.nextBoolean() ? millis : -millis);
    for (Server victim : victims) {
      victim.clock().orElseThrow().set(offset);
    }
    boolean real = true;
    List<String> seen = new ArrayList<>();
    for (Server victim : victims) {
      String obstacle =
          Patience.await(
              CLOCK_PATIENCE, () -> isNear(victim, offset) ? "" : "the clock has not followed");
      real &= obstacle.isEmpty();
      seen.add(victim.name() + (obstacle.isEmpty() ? "" : ": " + obstacle));
    }
    tell("begin", real, "nodes", seen, "offsetMillis", offset.toMillis());
    hold(until);
    for (Server victim : victims) {
      victim.clock().orElseThrow().set(Duration.ZERO);
    }
    tell("end", real, "nodes", names(victims));
    count(real);
  }

  private static boolean isNear(Server server, Duration offset) {
    try {
      return ClockReading.offset(server.host())
          .filter(read -> read.minus(offset).abs().compareTo(CLOCK_TOLERANCE) <= 0)
          .isPresent();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void join(Until until) throws IOException, InterruptedException {
    if (!awaitWhole("before", until)) {
      return;
    }
    Server added = cluster.add();
    tell("begin", true, "joins", added.name());
    killAnother(added);
    String shortage = cluster.awaitWhole(RECOVERY_PATIENCE);
    tell("end", shortage.isEmpty(), "joins", added.name());
    if (!shortage.isEmpty()) {
      problems.add(added.name() + " did not get its share: " + shortage);
      return;
    }
    count(true);
    hold(until);
    if (!awaitWhole("before", until)) {
      return;
    }
    Server leaves = some(1).getFirst();
    cluster.leave(leaves);
    tell("begin", true, "leaves", leaves.name());
    killAnother(leaves);
    boolean left = leaves.awaitEnd(RECOVERY_PATIENCE);
    tell("end", left, "leaves", leaves.name());
    count(left);
    if (!left) {
      problems.add(leaves.name() + " did not leave");
    }
    awaitRecovery();
  }

  /// Kills one of those that neither join nor leave, at some moment while another does, and starts
  /// it again. That is one failure, as is promised to be survived.
  private void killAnother(Server other) throws IOException, InterruptedException {
    if (fault != Fault.CHURN) {
      return;
    }
    Thread.sleep(random.nextLong(random.nextBoolean() ? CHURN_MILLIS_SOON : CHURN_MILLIS_LATE));
    List<Server> candidates = some(Integer.MAX_VALUE);
    Server victim = candidates.get(candidates.getFirst().equals(other) ? 1 : 0);
    boolean ended = kill(victim);
    tell("kill", ended, "node", victim.name());
    Thread.sleep(random.nextLong(CHURN_MILLIS_LATE));
    cluster.restart(victim);
    tell("restart", ended, "node", victim.name());
  }
}
