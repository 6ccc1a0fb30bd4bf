package dev.trellis.casestudy;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Trellis;
import dev.trellis.client.Watch;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Processes that elect a leader through mailboxes of a store, one log each, which a watch empties.
/// The leader is killed, another elected, the former comes back, again and again.
final class ElectionRun implements AutoCloseable {
  /// As the paper's blackboard; who misses a message asks again.
  private static final CallOptions ONE =
      CallOptions.DEFAULT.withAcknowledgement(Acknowledgement.ONE);

  private static final long HEARTBEAT_MILLIS = 25;
  private static final long SILENCE_MILLIS = 100;
  private static final long ROUND_MAX_NANOS = TimeUnit.SECONDS.toNanos(60);

  /// One round.
  ///
  /// @param detectionMillis from the leader's end to the first ELECTION
  /// @param electionMillis from there to the last COORDINATOR
  /// @param messages that were sent meanwhile
  record Round(int first, double detectionMillis, double electionMillis, long messages) {}

  /// One process, guarded by itself.
  private final class Candidate {
    private final int number;
    private final BullyCore core;
    private CausalContext seen = CausalContext.EMPTY;
    private boolean dead;
    private @Nullable Watch watch;

    Candidate(int number, BullyCore.Variant variant, long answerMillis) {
      this.number = number;
      this.core = new BullyCore(number, processes, variant, answerMillis, ElectionRun.this::send);
    }

    void listen() {
      watch = client.watch(key(number), Optional.of(Kind.LOG), reply -> told(reply.outcome()));
    }

    private void told(Outcome outcome) {
      if (!(outcome instanceof Outcome.Done done)
          || !(done.view() instanceof View.Records records)) {
        return;
      }
      List<Dot> taken = new ArrayList<>();
      synchronized (this) {
        for (View.LogRecord record : records.records()) {
          if (seen.contains(record.dot())) {
            continue;
          }
          taken.add(record.dot());
          if (!dead) {
            core.receive(message(record.value()), nowMillis());
          }
        }
        seen = seen.merge(CausalContext.ofDots(taken));
      }
      if (!taken.isEmpty()) {
        var _ =
            client
                .log(key(number))
                .withOptions(ONE)
                .trimAsync(CausalContext.ofDots(taken))
                .whenComplete((trimmed, failed) -> note(failed));
      }
    }

    synchronized void tick() {
      if (!dead) {
        core.tick(nowMillis());
      }
    }

    synchronized boolean follows(int leader, long afterTerm) {
      return dead || (core.leader() == leader && core.term() > afterTerm);
    }

    synchronized void suspect() {
      core.suspect(nowMillis());
    }

    synchronized void setDead(boolean now) {
      dead = now;
    }

    synchronized long term() {
      return core.term();
    }

    synchronized String describe() {
      return number + " follows " + core.leader() + " in term " + core.term();
    }
  }

  private final Trellis client;
  private final String prefix;
  private final int processes;
  private final Random random;
  private final List<Candidate> all = new ArrayList<>();
  private final AtomicLong sent = new AtomicLong();
  private final AtomicLong beats = new AtomicLong();
  private final AtomicLong failures = new AtomicLong();
  private volatile String failure = "none"; // the last
  private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
  private volatile boolean leaderLives = true;

  /// @param answerMillis how long a process waits for answers
  ElectionRun(
      Trellis client,
      String prefix,
      int processes,
      BullyCore.Variant variant,
      long answerMillis,
      long seed) {
    this.client = client;
    this.prefix = prefix;
    this.processes = processes;
    this.random = new Random(seed);
    for (int i = 1; i <= processes; i++) {
      all.add(new Candidate(i, variant, answerMillis));
    }
  }

  private static long nowMillis() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
  }

  private Payload key(int process) {
    return Payload.ofText(prefix + process);
  }

  private Payload heartbeat() {
    return Payload.ofText(prefix + "heartbeat");
  }

  private void send(int to, BullyCore.Message message) {
    sent.incrementAndGet();
    String text = message.kind() + " " + message.from() + " " + message.term();
    var _ =
        client
            .log(key(to))
            .withOptions(ONE)
            .appendAsync(List.of(Payload.ofText(text)))
            .whenComplete((done, failed) -> note(failed));
  }

  /// What was not sent is missed by somebody, who may wait for it for ever.
  private void note(@Nullable Throwable failed) {
    if (failed != null) {
      failures.incrementAndGet();
      failure = String.valueOf(failed.getMessage());
    }
  }

  private static BullyCore.Message message(Payload record) {
    String[] words = record.text().split(" ", -1);
    return new BullyCore.Message(
        BullyCore.Kind.valueOf(words[0].toUpperCase(Locale.ROOT)),
        Integer.parseInt(words[1]),
        Long.parseLong(words[2]));
  }

  /// Has the leader killed so often.
  List<Round> run(int rounds) throws InterruptedException {
    all.forEach(Candidate::listen);
    var _ = clock.scheduleAtFixedRate(this::tick, 0, 1, TimeUnit.MILLISECONDS);
    var _ = clock.scheduleAtFixedRate(this::beat, 0, HEARTBEAT_MILLIS, TimeUnit.MILLISECONDS);
    List<Round> done = new ArrayList<>();
    for (int i = 0; i <= rounds; i++) {
      done.add(round());
    }
    return done.subList(1, done.size()); // the first one made the mailboxes
  }

  private void tick() {
    all.forEach(Candidate::tick);
  }

  private void beat() {
    if (leaderLives) {
      var _ = client.max(heartbeat()).raiseAsync(beats.incrementAndGet());
    }
  }

  private Round round() throws InterruptedException {
    Candidate leader = all.getLast();
    int first = 1 + random.nextInt(processes - 1);
    Candidate detector = all.get(first - 1);
    long term = leader.term();
    AtomicLong heardNanos = new AtomicLong(System.nanoTime());
    CountDownLatch heard = new CountDownLatch(2); // what is there, and then one beat
    long killed;
    try (Watch _ =
        client.watch(
            heartbeat(),
            Optional.of(Kind.MAX),
            reply -> {
              heardNanos.set(System.nanoTime());
              heard.countDown();
            })) {
      heard.await();
      leaderLives = false;
      leader.setDead(true);
      killed = System.nanoTime();
      await(
          () ->
              System.nanoTime() - heardNanos.get() > TimeUnit.MILLISECONDS.toNanos(SILENCE_MILLIS),
          "the end of process " + processes + " is not noticed");
    }
    long before = sent.get();
    long begun = System.nanoTime();
    detector.suspect();
    await(() -> allFollow(processes - 1, term), "nobody leads");
    long ended = System.nanoTime();
    long messages = sent.get() - before;
    leader.setDead(false);
    leader.suspect();
    await(() -> allFollow(processes, -1), "process " + processes + " does not lead again");
    leaderLives = true;
    return new Round(first, (begun - killed) / 1e6, (ended - begun) / 1e6, messages);
  }

  private boolean allFollow(int leader, long term) {
    for (Candidate each : all) {
      if (!each.follows(leader, term)) {
        return false;
      }
    }
    return true;
  }

  private void await(BooleanSupplier condition, String otherwise) throws InterruptedException {
    long begun = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - begun > ROUND_MAX_NANOS) {
        throw new IllegalStateException(
            otherwise
                + "; messages sent: "
                + sent
                + ", of them or their trims failed: "
                + failures
                + ", the last with: "
                + failure
                + "; not following: "
                + all.stream()
                    .filter(each -> !each.follows(processes - 1, 0))
                    .limit(10)
                    .map(Candidate::describe)
                    .toList());
      }
      TimeUnit.MICROSECONDS.sleep(200); // how finely an end is seen
    }
  }

  @Override
  public void close() {
    clock.shutdownNow();
    for (Candidate each : all) {
      Watch open = each.watch;
      if (open != null) {
        open.close();
      }
    }
  }
}
