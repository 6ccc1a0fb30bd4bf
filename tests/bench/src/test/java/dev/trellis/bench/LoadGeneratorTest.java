package dev.trellis.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.cli.Json;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

/// Loads on a store whose time is simulated: it answers each call after a set time, but for a
/// stall, in which it answers none.
class LoadGeneratorTest {
  private static final long MILLI = 1_000_000;
  private static final long SERVICE = MILLI / 10;
  private static final Reply FOUND = reply(new View.Bytes(Payload.of(new byte[64]), 0));
  private static final Reply MISSING = reply(new View.Missing());

  private static Reply reply(View view) {
    return new Reply(
        1,
        new Outcome.Done(view, 0, false),
        HybridTimestamp.ZERO,
        Optional.empty(),
        CausalContext.EMPTY,
        Receipt.NONE,
        HybridTimestamp.ZERO,
        1);
  }

  /// A call that will be answered.
  private record Due(long at, Reply reply, CompletableFuture<Reply> future) {}

  private static final class SimulatedStore implements Store, Ticker {
    private final PriorityQueue<Due> due = new PriorityQueue<>(Comparator.comparingLong(Due::at));
    private final long stallFrom;
    private final long stallTo;
    private final long end;
    private long now;
    private int calls;
    private int waits;
    private Runnable atEnd = () -> {};
    private final List<String> operations = new ArrayList<>();
    private Reply answer = FOUND;

    SimulatedStore(long stallFrom, long stallTo, long end) {
      this.stallFrom = stallFrom;
      this.stallTo = stallTo;
      this.end = end;
    }

    @Override
    public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
      calls++;
      operations.add(operation.getClass().getSimpleName() + " " + key);
      CompletableFuture<Reply> future = new CompletableFuture<>();
      long at = now + SERVICE;
      due.add(new Due(at >= stallFrom && at < stallTo ? stallTo : at, answer, future));
      return future;
    }

    @Override
    public List<CompletableFuture<Reply>> executeAll(List<Call> batch) {
      return batch.stream()
          .map(call -> execute(call.key(), call.operation(), call.options()))
          .toList();
    }

    @Override
    public long nanos() {
      return now;
    }

    @Override
    public void waitUntil(long nanos) {
      while (!due.isEmpty() && due.element().at() <= nanos) {
        answerNext();
      }
      now = Math.max(now, nanos);
      if (now >= end) {
        atEnd.run();
      }
    }

    @Override
    public void waitForAnswer() {
      waits++;
      if (due.isEmpty()) {
        throw new IllegalStateException("all lanes wait, and nobody answers");
      }
      answerNext();
    }

    private void answerNext() {
      Due next = due.remove();
      now = Math.max(now, next.at());
      next.future().complete(next.reply());
    }

    void runTo(long nanos) {
      waitUntil(nanos);
    }
  }

  private static Load load(OptionalInt rate, Mix mix, int pipeline, int batch) {
    return new Load(
        1,
        pipeline,
        rate,
        Duration.ofSeconds(1),
        Duration.ZERO,
        100,
        "bench:",
        3,
        ValueSizes.of(64),
        mix,
        batch,
        Keys.UNIFORM,
        0.99,
        Load.Target.LWW,
        1);
  }

  private static Histogram reads(LoadGenerator generator) {
    return generator.meter().take(OperationType.READ, null);
  }

  @Test
  void anOpenLoopCountsTheWaitOfEveryCallThatFellIntoAStall() {
    long stall = 200 * MILLI;
    SimulatedStore store = new SimulatedStore(400 * MILLI, 400 * MILLI + stall, 1_000 * MILLI);
    LoadGenerator generator =
        new LoadGenerator(
            load(OptionalInt.of(1_000), Mix.ofReads(100), 4, 1), CallOptions.DEFAULT, store);
    store.atEnd = generator::stop;
    generator.start(store, 0);
    generator.keepSchedule();
    store.runTo(2_000 * MILLI);
    Histogram latencies = reads(generator);
    // One call is due each millisecond. 200 of 1,000 fell into the stall, though just 4 could be
    // sent
    // in it, and waited for its end: from 200 ms for the first to 1 ms for the last.
    assertEquals(1_000.0, (double) latencies.getTotalCount(), 2.0);
    assertTrue(store.waits > 0, "it ran out of lanes");
    assertEquals(200, millis(latencies.getMaxValue()), 2);
    assertEquals(0.1, millis(latencies.getValueAtPercentile(75)), 0.01);
    assertEquals(100, millis(latencies.getValueAtPercentile(90)), 5);
    assertEquals(180, millis(latencies.getValueAtPercentile(98)), 5);
    assertEquals(0, generator.unanswered());
  }

  @Test
  void aClosedLoopSeesTheSameStallInFewCallsOnly() {
    SimulatedStore store = new SimulatedStore(400 * MILLI, 600 * MILLI, Long.MAX_VALUE);
    LoadGenerator generator =
        new LoadGenerator(
            load(OptionalInt.empty(), Mix.ofReads(100), 4, 1), CallOptions.DEFAULT, store);
    generator.start(store, 0);
    store.runTo(1_000 * MILLI);
    generator.stop();
    store.runTo(1_100 * MILLI);
    Histogram latencies = reads(generator);
    assertEquals(200, millis(latencies.getMaxValue()), 2);
    assertEquals(0.1, millis(latencies.getValueAtPercentile(99)), 0.01);
    assertEquals(0, generator.unanswered());
  }

  @Test
  void anOpenLoopOfBatchesIsDueByKeys() {
    SimulatedStore store = new SimulatedStore(0, 0, 1_000 * MILLI);
    LoadGenerator generator =
        new LoadGenerator(
            load(OptionalInt.of(1_000), Mix.ofReads(100), 4, 10), CallOptions.DEFAULT, store);
    store.atEnd = generator::stop;
    generator.start(store, 0);
    generator.keepSchedule();
    store.runTo(2_000 * MILLI);
    assertEquals(1_000.0, store.calls, 10.0);
    assertEquals(store.calls, reads(generator).getTotalCount());
  }

  @Test
  void aReadModifyWriteReadsAndThenWritesTheSameKeyAndCountsOnce() {
    SimulatedStore store = new SimulatedStore(0, 0, Long.MAX_VALUE);
    LoadGenerator generator =
        new LoadGenerator(
            load(OptionalInt.empty(), new Mix(0, 0, 0, 100), 1, 1), CallOptions.DEFAULT, store);
    generator.start(store, 0);
    store.runTo(100 * MILLI);
    generator.stop();
    store.runTo(200 * MILLI);
    Histogram latencies = generator.meter().take(OperationType.READ_MODIFY_WRITE, null);
    assertEquals(store.calls / 2, latencies.getTotalCount());
    assertEquals(0.2, millis(latencies.getMinValue()), 0.01);
    String read = store.operations.get(0);
    assertEquals(
        read.replace(Read.Get.class.getSimpleName(), "Put"),
        store.operations.get(1),
        "the key that was read");
  }

  @Test
  void insertsTakeNewKeysAndReadsThatFindNothingAreCounted() {
    SimulatedStore store = new SimulatedStore(0, 0, Long.MAX_VALUE);
    store.answer = MISSING;
    LoadGenerator generator =
        new LoadGenerator(
            load(OptionalInt.empty(), new Mix(50, 0, 50, 0), 1, 1), CallOptions.DEFAULT, store);
    generator.start(store, 0);
    store.runTo(100 * MILLI);
    generator.stop();
    store.runTo(200 * MILLI);
    long inserted = generator.meter().take(OperationType.INSERT, null).getTotalCount();
    assertEquals(
        inserted,
        store.operations.stream().filter(each -> each.startsWith("Put")).distinct().count());
    assertTrue(store.operations.stream().anyMatch(each -> each.contains("bench:100")));
    Histogram reads = reads(generator);
    // An insert answers with no view, yet this store says "missing" to all.
    assertEquals(reads.getTotalCount() + inserted, generator.meter().takeMissing());
  }

  @Test
  void aMeasurementsJsonHasWhatWasAskedAndWhatCameOfIt() {
    SimulatedStore store = new SimulatedStore(0, 0, 1_000 * MILLI);
    Load load = load(OptionalInt.of(1_000), Mix.ofReads(50), 4, 1);
    LoadGenerator generator = new LoadGenerator(load, CallOptions.DEFAULT, store);
    store.atEnd = generator::stop;
    generator.start(store, 0);
    generator.keepSchedule();
    store.runTo(2_000 * MILLI);
    Measurement measurement = new Measurement(load, Optional.of(new Measurement.Filling(100, 0.5)));
    measurement.take(generator.meter(), 1.0);
    Map<?, ?> json = (Map<?, ?>) Json.read(Json.write(measurement.json()));
    assertEquals("open", json.get("loop"));
    assertEquals(1_000L, json.get("rate"));
    assertEquals("64", json.get("valueBytes"));
    assertEquals(200.0, ((Map<?, ?>) json.get("load")).get("keysPerSecond"));
    assertEquals(1_000.0, ((Number) json.get("operationsPerSecond")).doubleValue(), 3);
    Map<?, ?> latencies = (Map<?, ?>) json.get("latencyMicros");
    assertEquals(java.util.Set.of("read", "write"), latencies.keySet());
    Map<?, ?> reads = (Map<?, ?>) latencies.get("read");
    assertEquals(
        java.util.Set.of("count", "mean", "p50", "p95", "p99", "p99.9", "max"), reads.keySet());
    assertEquals(100.0, ((Number) reads.get("p50")).doubleValue(), 1);
    assertEquals(Map.of(), json.get("failures"));
    assertEquals(1, ((List<?>) json.get("intervals")).size());
    String page = MeasurementPage.of(measurement);
    assertTrue(page.contains("<svg") && page.endsWith("</body></html>\n"), page);
    assertTrue(!page.contains("http") && !page.contains("<script"), "nothing from elsewhere");
    assertTrue(!page.contains("NaN") && !page.contains("Infinity"), page);
  }

  @Test
  void whatALoadMayNotBeIsRefusedWithTheOptionTheValueAndTheRange() {
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class, () -> load(OptionalInt.of(0), Mix.ofReads(50), 4, 1));
    assertEquals("--rate 0 is outside 1 to 10000000", refused.getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> load(OptionalInt.empty(), new Mix(50, 0, 0, 50), 4, 2));
  }

  private static double millis(long nanos) {
    return nanos / (double) MILLI;
  }
}
