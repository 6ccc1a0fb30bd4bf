package dev.trellis.functions.mailbox;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// Deliveries against replicas that lag, tell each other in any order, and take in what is sent and
/// trimmed wherever it happens to go; with handlers that fail, and receivers that end at any time.
class IntakeTest {
  private static final int REPLICAS = 3;
  private static final int SENDERS = 3;
  private static final int MESSAGES = 40; // of each sender
  private static final long SEEDS = 300;
  private static final long PATIENCE_MILLIS = 50;

  /// Who sends to whatever replica, and takes a new name now and then.
  private static final class Source {
    final int number;
    InvocationId name;
    long underName;
    Optional<Dot> last = Optional.empty();
    int sent;

    Source(int number, Random random) {
      this.number = number;
      this.name = InvocationId.mint(1_000 + number, random);
    }
  }

  /// One run.
  private static final class World {
    final Random random;
    final List<Log> replicas = new ArrayList<>();
    final List<Source> sources = new ArrayList<>();
    final Map<String, Integer> completions = new HashMap<>();
    final Map<Integer, Integer> lastCompleted = new HashMap<>(); // by source, in this life
    final Set<String> hit = new HashSet<>(); // hard cases
    final boolean crashes;
    Intake intake;
    List<Delivery> out = new ArrayList<>();
    final List<View.Records> answers = new ArrayList<>(); // on their way
    CausalContext trimming = CausalContext.EMPTY;
    long now = 10_000;

    World(long seed, boolean crashes) {
      this.random = new Random(seed);
      this.crashes = crashes;
      for (int i = 0; i < REPLICAS; i++) {
        replicas.add(Log.EMPTY);
      }
      for (int i = 0; i < SENDERS; i++) {
        sources.add(new Source(i, random));
      }
      intake = intake();
    }

    private Intake intake() {
      return new Intake(
          "m",
          true,
          ReceiverOptions.DEFAULT
              .withTriesMax(Integer.MAX_VALUE)
              .withRetryAfter(Duration.ofMillis(3))
              .withGapPatience(Duration.ofMillis(PATIENCE_MILLIS)));
    }

    void send(Source source) {
      if (source.sent == MESSAGES) {
        return;
      }
      if (source.underName > 0 && random.nextInt(12) == 0) {
        source.name = InvocationId.mint(1_000 + source.number, random);
        source.underName = 0;
        hit.add("renamed");
      }
      List<Payload> messages = new ArrayList<>();
      for (int i = random.nextInt(3); i >= 0 && source.sent < MESSAGES; i--) {
        messages.add(Packet.encode(Message.ofText(source.number + ":" + source.sent++)));
      }
      Payload record =
          Packet.join(source.underName == 0 ? source.last : Optional.empty(), messages);
      int position = (int) source.underName++;
      Tag tag = new Tag(source.name, 1);
      // A sender that has heard nothing sends the same again, elsewhere.
      for (int times = random.nextInt(3); times >= 0; times--) {
        int at = random.nextInt(REPLICAS);
        Log held = replicas.get(at);
        replicas.set(
            at,
            held.merge(
                held.append(tag, position, HybridTimestamp.ofMillis(now++), List.of(record))));
      }
      source.last = Optional.of(tag.dot(position));
    }

    void gossip() {
      int to = random.nextInt(REPLICAS);
      replicas.set(to, replicas.get(to).merge(replicas.get(random.nextInt(REPLICAS))));
    }

    void read() {
      if (!answers.isEmpty() && random.nextBoolean()) {
        View.Records late = answers.remove(random.nextInt(answers.size()));
        take(late.records(), late.seen());
        return;
      }
      Log log = replicas.get(random.nextInt(REPLICAS));
      List<View.LogRecord> records = records(log, 1 + random.nextInt(8));
      Set<ReplicaId> writers =
          records.stream().map(record -> record.dot().replica()).collect(Collectors.toSet());
      CausalContext trimmed = log.trimmed().ofReplicas(writers);
      if (random.nextInt(3) == 0) {
        answers.add(new View.Records(records, trimmed)); // is on its way for a while
      } else {
        take(records, trimmed);
      }
    }

    private void take(List<View.LogRecord> records, CausalContext trimmed) {
      if (intake.received(records, trimmed, now) < records.size()) {
        hit.add("shown twice");
      }
      if (intake.hasGap(now + 1_000)) {
        hit.add("gap");
      }
    }

    private List<View.LogRecord> records(Log log, int limit) {
      return log.since(intake.seen(), limit).stream()
          .map(
              one ->
                  new View.LogRecord(one.getKey().timestamp(), one.getKey().dot(), one.getValue()))
          .toList();
    }

    void look() {
      if (!intake.hasGap(now)) {
        return;
      }
      hit.add("looked");
      Log all = replicas.stream().reduce(Log.EMPTY, Log::merge);
      List<View.LogRecord> records = records(all, Integer.MAX_VALUE);
      CausalContext shown =
          CausalContext.ofDots(records.stream().map(View.LogRecord::dot).toList());
      intake.trimmedElsewhere(all.trimmed().less(intake.seen()).less(shown), now);
      intake.received(records, CausalContext.EMPTY, now);
      assertEquals(0, intake.skip(now - PATIENCE_MILLIS, now), "everything was there");
    }

    void handle() {
      if (!out.isEmpty() && random.nextBoolean()) {
        Delivery delivery = out.remove(random.nextInt(out.size()));
        if (random.nextInt(5) == 0) {
          hit.add("failed");
          intake.failed(delivery, now);
        } else {
          complete(delivery);
        }
      } else {
        intake.take(now).ifPresent(out::add);
      }
    }

    private void complete(Delivery delivery) {
      String text = delivery.message().body().text();
      int source = Integer.parseInt(text.substring(0, text.indexOf(':')));
      int number = Integer.parseInt(text.substring(text.indexOf(':') + 1));
      // Who has taken over may be shown what was done, and then go on behind what was done since.
      int next = lastCompleted.getOrDefault(source, -1) + 1;
      assertTrue(
          number >= next || (crashes && completions.containsKey(text)),
          "the order of sender " + source);
      for (; next < number; next++) {
        assertTrue(crashes, "sender " + source + ": " + next + " is left out before " + number);
        assertTrue(completions.containsKey(source + ":" + next), "left out and not done: " + next);
      }
      lastCompleted.merge(source, number, Math::max);
      completions.merge(text, 1, Integer::sum);
      assertTrue(intake.done(delivery, now));
    }

    void trim() {
      if (trimming.isEmpty()) {
        trimming = intake.takeTrim();
        return;
      }
      if (random.nextInt(4) == 0) {
        intake.notTrimmed();
        hit.add("trim lost");
      } else {
        int at = random.nextInt(REPLICAS);
        replicas.set(at, replicas.get(at).merge(replicas.get(at).trim(trimming)));
        intake.trimmed();
      }
      trimming = CausalContext.EMPTY;
    }

    void crash() {
      if (crashes && random.nextInt(40) == 0) {
        hit.add("crashed");
        intake = intake();
        out = new ArrayList<>();
        answers.clear();
        trimming = CausalContext.EMPTY;
        lastCompleted.clear();
      }
    }

    void step() {
      now++;
      switch (random.nextInt(8)) {
        case 0 -> send(sources.get(random.nextInt(SENDERS)));
        case 1 -> gossip();
        case 2 -> read();
        case 3 -> trim();
        case 4 -> look();
        case 5 -> crash();
        default -> handle();
      }
    }

    boolean isOver() {
      return sources.stream().allMatch(source -> source.sent == MESSAGES)
          && out.isEmpty()
          && intake.isTrimmed()
          && intake.heldBytes() == 0
          && completions.size() == SENDERS * MESSAGES
          && replicas.stream().allMatch(log -> log.size() == 0);
    }
  }

  private static World run(long seed, boolean crashes) {
    World world = new World(seed, crashes);
    int steps = 0;
    while (!world.isOver()) {
      world.step();
      assertTrue(++steps < 200_000, () -> "seed " + seed + " does not end");
    }
    assertEquals(0, world.intake.skipped());
    return world;
  }

  @Test
  void eachMessageIsDoneOnceAndInTheOrderOfItsSender() {
    Set<String> hit = new HashSet<>();
    for (long seed = 0; seed < SEEDS; seed++) {
      World world = run(seed, false);
      hit.addAll(world.hit);
      assertTrue(world.completions.values().stream().allMatch(times -> times == 1), "seed " + seed);
    }
    assertEquals(
        Set.of("renamed", "shown twice", "gap", "looked", "failed", "trim lost"),
        hit,
        "each hard case happened");
  }

  @Test
  void whoTakesOverGetsAllThatWasNotDoneAndKeepsTheOrder() {
    boolean again = false;
    for (long seed = 0; seed < SEEDS; seed++) {
      World world = run(seed, true);
      again |= world.completions.values().stream().anyMatch(times -> times > 1);
    }
    assertTrue(again, "a receiver ended before what it had done was trimmed");
  }

  @Test
  void aMessageThatComesTooLateIsHandedOverAllTheSame() {
    InvocationId sender = InvocationId.mint(1_000, new Random(1));
    Intake intake = new Intake("m", true, ReceiverOptions.DEFAULT);
    Tag tag = new Tag(sender, 1);
    intake.received(List.of(record(tag, 1, "second")), CausalContext.EMPTY, 0);
    assertTrue(intake.take(0).isEmpty());
    assertTrue(!intake.hasGap(1_999) && intake.hasGap(2_000));
    assertEquals(1, intake.skip(0, 2_000));
    Delivery second = intake.take(2_000).orElseThrow();
    assertEquals("second", second.message().body().text());
    intake.done(second, 2_000);
    intake.received(List.of(record(tag, 0, "first")), CausalContext.EMPTY, 3_000);
    assertEquals("first", intake.take(3_000).orElseThrow().message().body().text());
    assertEquals(1, intake.skipped());
  }

  @Test
  void whatFailsRestsLongerEachTimeAndIsDeadAfterSoMany() {
    ReceiverOptions options =
        ReceiverOptions.DEFAULT.withTriesMax(3).withRetryAfter(Duration.ofMillis(100));
    Intake intake = new Intake("m", true, options);
    Tag tag = new Tag(InvocationId.mint(1_000, new Random(1)), 1);
    intake.received(
        List.of(record(tag, 0, "first"), record(tag, 1, "second")), CausalContext.EMPTY, 0);
    Delivery first = intake.take(0).orElseThrow();
    assertEquals(Intake.Verdict.AGAIN, intake.failed(first, 0));
    assertTrue(intake.take(99).isEmpty());
    assertEquals(Optional.of(1L), intake.restMillis(99));
    assertEquals(1, intake.take(100).orElseThrow().tries());
    assertEquals(Intake.Verdict.AGAIN, intake.failed(first, 100));
    assertTrue(intake.take(299).isEmpty());
    assertEquals(2, intake.take(300).orElseThrow().tries());
    assertEquals(Intake.Verdict.DEAD, intake.failed(first, 300));
    assertTrue(intake.take(300).isEmpty(), "until it is kept elsewhere");
    intake.done(first, 300);
    assertEquals("second", intake.take(300).orElseThrow().message().body().text());
  }

  @Test
  void whatIsPostponedRestsThoughItHasNotFailed() {
    Intake intake =
        new Intake("m", true, ReceiverOptions.DEFAULT.withRetryAfter(Duration.ofMillis(100)));
    Tag tag = new Tag(InvocationId.mint(1_000, new Random(1)), 1);
    intake.received(List.of(record(tag, 0, "first")), CausalContext.EMPTY, 0);
    intake.postpone(intake.take(0).orElseThrow(), 0);
    assertTrue(intake.take(99).isEmpty());
    assertEquals(0, intake.take(100).orElseThrow().tries());
  }

  @Test
  void whoGoesOnCarefullySkipsWhatWasDoneOfARecord() {
    Tag tag = new Tag(InvocationId.mint(1_000, new Random(1)), 1);
    Intake intake = new Intake("m", true, ReceiverOptions.DEFAULT);
    intake.noteTries(Map.of(Delivery.id(tag.dot(0), 0), 1, Delivery.id(tag.dot(0), 1), 2));
    intake.received(List.of(record(tag, 0, "a", "b", "c")), CausalContext.EMPTY, 0);
    Delivery b = intake.take(0).orElseThrow();
    assertEquals("b", b.message().body().text());
    assertEquals(2, b.tries());
    intake.done(b, 0);
    Delivery c = intake.take(0).orElseThrow();
    assertEquals("c", c.message().body().text());
    assertEquals(0, c.tries());
    intake.done(c, 0);
    assertEquals(CausalContext.of(tag.dot(0)), intake.takeTrim());
  }

  private static View.LogRecord record(Tag tag, int position, String... texts) {
    List<Payload> messages = new ArrayList<>();
    for (String text : texts) {
      messages.add(Packet.encode(Message.ofText(text)));
    }
    return new View.LogRecord(
        HybridTimestamp.ofMillis(1), tag.dot(position), Packet.join(Optional.empty(), messages));
  }
}
