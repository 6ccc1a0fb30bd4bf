package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.ClientConfig;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/// Several threads that write counters, sets and registers through one client, one call at a time
/// each, and remember the outcome of each call; and the check that nothing acknowledged was lost.
final class RecordedLoad implements AutoCloseable {
  private static final int THREADS = 4;
  private static final int SHARED_KEYS = 40;
  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(30);
  private static final long PATIENCE_NANOS = Duration.ofSeconds(60).toNanos();

  private final Trellis trellis;
  private final long seed;
  private final List<Writer> writers = new ArrayList<>();
  private final Queue<String> broken = new ConcurrentLinkedQueue<>();
  private final Queue<String> unknown = new ConcurrentLinkedQueue<>();
  private volatile boolean stopping; // written by the test, read by the writers

  /// What was asked of a counter: in all that was acknowledged, and what may have happened beside.
  private static final class Sum {
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicLong unknown = new AtomicLong();
  }

  /// What was added to a set.
  private record Elements(Set<String> acknowledged, Set<String> unknown) {
    static Elements none() {
      return new Elements(ConcurrentHashMap.newKeySet(), ConcurrentHashMap.newKeySet());
    }
  }

  private final Map<String, Sum> sums = new ConcurrentHashMap<>();
  private final Map<String, Elements> sets = new ConcurrentHashMap<>();

  /// @param address of a router
  RecordedLoad(String address, long seed) {
    this.trellis = Trellis.connect(ClientConfig.of(address).withTimeout(CALL_TIMEOUT));
    this.seed = seed;
  }

  Trellis client() {
    return trellis;
  }

  void start() {
    for (int number = 0; number < THREADS; number++) {
      Writer writer = new Writer(number);
      writers.add(writer);
      writer.thread.start();
    }
  }

  /// Returns once each thread has had so many calls answered from now on.
  void awaitCalls(long number) {
    List<Long> wanted = writers.stream().map(writer -> writer.calls.get() + number).toList();
    for (int at = 0; at < writers.size(); at++) {
      Writer writer = writers.get(at);
      long enough = wanted.get(at);
      Conditions.await(
          "thread " + at + " of the load gets " + number + " answers",
          () -> writer.calls.get() >= enough || !broken.isEmpty());
    }
    requireSound();
  }

  /// Fails if a call ended as none should.
  void requireSound() {
    assertTrue(broken.isEmpty(), () -> "seed " + seed + ": " + broken);
  }

  /// The calls so far whose outcome the client could not tell.
  int unknown() {
    return unknown.size();
  }

  /// How many threads there are, each with one call under way.
  int threads() {
    return THREADS;
  }

  long calls() {
    return writers.stream().mapToLong(writer -> writer.calls.get()).sum();
  }

  /// Ends the load once each thread has its last answer.
  void stop() throws InterruptedException {
    stopping = true;
    for (Writer writer : writers) {
      writer.thread.join(TimeUnit.NANOSECONDS.toMillis(PATIENCE_NANOS));
    }
    requireSound();
  }

  /// Checks what is in the store against what was answered.
  void verify() {
    sums.forEach(
        (key, sum) -> {
          long value = trellis.counter(key).value();
          long least = sum.acknowledged.get();
          long most = least + sum.unknown.get();
          assertTrue(
              least <= value && value <= most,
              () ->
                  "seed " + seed + ": " + key + " is " + value + ", not " + least + " to " + most);
        });
    sets.forEach(
        (key, elements) -> {
          Set<String> lost = new HashSet<>(elements.acknowledged());
          Set<String> there = new HashSet<>(trellis.set(key).texts());
          lost.removeAll(there);
          assertEquals(Set.of(), lost, () -> "seed " + seed + ": lost from " + key);
          there.removeAll(elements.acknowledged());
          there.removeAll(elements.unknown());
          assertEquals(Set.of(), there, () -> "seed " + seed + ": nobody added to " + key);
        });
    writers.forEach(Writer::verify);
  }

  @Override
  public void close() {
    stopping = true;
    trellis.close();
  }

  /// One thread. The registers are its own, so it knows what must be in them.
  private final class Writer {
    private final int number;
    private final RandomGenerator random;
    private final AtomicLong calls = new AtomicLong();
    private final List<Long> registers = new ArrayList<>(); // the last number put in each
    private final Thread thread;
    private long written;

    Writer(int number) {
      this.number = number;
      this.random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed * 31 + number);
      this.thread = Thread.ofPlatform().name("writer-" + number).unstarted(this::run);
    }

    private void run() {
      try {
        while (!stopping && broken.isEmpty()) {
          switch (random.nextInt(5)) {
            case 0 -> increment();
            case 1 -> addToSet();
            case 2 -> putNew();
            case 3 -> putAgain();
            default -> read();
          }
          calls.incrementAndGet();
        }
      } catch (TrellisException e) {
        broken.add(e.toString());
      } catch (RuntimeException | Error e) {
        broken.add("a call ended in an unknown way: " + e);
      }
    }

    private void increment() {
      String key = "counter:" + random.nextInt(SHARED_KEYS);
      Sum sum = sums.computeIfAbsent(key, ignored -> new Sum());
      long amount = 1L + random.nextInt(9);
      if (isAcknowledged(key, () -> trellis.counter(key).add(amount))) {
        sum.acknowledged.addAndGet(amount);
      } else {
        sum.unknown.addAndGet(amount);
      }
    }

    private void addToSet() {
      String key = "set:" + random.nextInt(SHARED_KEYS);
      Elements elements = sets.computeIfAbsent(key, ignored -> Elements.none());
      String element = number + "-" + written++;
      boolean acknowledged = isAcknowledged(key, () -> trellis.set(key).add(element));
      (acknowledged ? elements.acknowledged() : elements.unknown()).add(element);
    }

    /// Runs a mutation that is not repeated on another replica, lest it count twice: then, and then
    /// only, the client may not know what became of it.
    private boolean isAcknowledged(String key, Runnable mutation) {
      try {
        mutation.run();
        return true;
      } catch (IndefiniteException.OutcomeUnknown e) {
        unknown.add(key + ": " + e.getMessage());
        return false;
      }
    }

    private void putNew() {
      put(registers.size(), 0);
    }

    private void putAgain() {
      if (!registers.isEmpty()) {
        int register = random.nextInt(registers.size());
        put(register, registers.get(register) + 1);
      }
    }

    private void put(int register, long value) {
      trellis.register(keyOf(register)).putText(Long.toString(value));
      if (register == registers.size()) {
        registers.add(value);
      } else {
        registers.set(register, value);
      }
    }

    /// What was once acknowledged is never missing, whoever is asked, though it may be old.
    private void read() {
      if (!registers.isEmpty()) {
        int register = random.nextInt(registers.size());
        Optional<String> found = trellis.register(keyOf(register)).getText();
        if (found.isEmpty()) {
          broken.add(keyOf(register) + " is missing, though its put was acknowledged");
        }
      }
    }

    private String keyOf(int register) {
      return "register:" + number + ":" + register;
    }

    private void verify() {
      for (int register = 0; register < registers.size(); register++) {
        String key = keyOf(register);
        long last = registers.get(register);
        assertEquals(
            Optional.of(Long.toString(last)),
            trellis.register(key).getText(),
            () -> "seed " + seed + ": " + key);
      }
    }
  }

  /// Waiting for what others do, without a deadline that a busy machine could miss.
  static final class Conditions {
    private static final long POLL_MILLIS = 20;

    private Conditions() {}

    static void await(String what, BooleanSupplier condition) {
      long deadline = System.nanoTime() + PATIENCE_NANOS;
      while (!condition.getAsBoolean()) {
        assertTrue(System.nanoTime() - deadline < 0, () -> "in vain: " + what);
        try {
          Thread.sleep(POLL_MILLIS);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new AssertionError("interrupted while waiting: " + what, e);
        }
      }
    }
  }
}
