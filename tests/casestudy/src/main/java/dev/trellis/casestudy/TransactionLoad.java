package dev.trellis.casestudy;

import dev.trellis.casestudy.TransactionPlan.FunctionPlan;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Handles;
import dev.trellis.client.TrellisException;
import dev.trellis.history.History;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongConsumer;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;

/// Transactions of several functions, some of them at a time. What they do is the same whatever
/// they are promised: that is a matter of the [Host]s on which they run.
///
/// All writes are stamped by one clock, so that of two versions of a key it is known which is the
/// older one, and no two are equal.
final class TransactionLoad {
  private static final int DIGITS = 3; // of latencies
  private static final int ATTEMPTS_MAX = 10;

  private final List<TransactionPlan> plans;
  private final Values values;
  private final String keyPrefix;
  private final HybridLogicalClock clock = new HybridLogicalClock(0);
  private final TransactionHistory history = new TransactionHistory();
  private final AtomicLong numbers = new AtomicLong(); // of attempts; 0 is what was there before
  private final ConcurrentHistogram latencyNanos = new ConcurrentHistogram(DIGITS);
  private final ConcurrentHistogram tokenBytes = new ConcurrentHistogram(DIGITS);
  private final Map<ErrorCode, LongAdder> failures = new ConcurrentSkipListMap<>();
  private final LongAdder repeats = new LongAdder();

  /// @param keyPrefix of the names of keys
  TransactionLoad(List<TransactionPlan> plans, Values values, String keyPrefix) {
    this.plans = List.copyOf(plans);
    this.values = values;
    this.keyPrefix = keyPrefix;
  }

  /// What became of all transactions.
  ///
  /// @param latencyNanos of each transaction, all attempts together
  /// @param tokenBytes what each function but the last handed to the next
  /// @param repeats attempts that were made because one before had failed
  /// @param failures calls that failed, by why
  record Outcome(
      History history,
      Histogram latencyNanos,
      Histogram tokenBytes,
      long repeats,
      Map<ErrorCode, Long> failures) {}

  /// The name of a key.
  String key(int number) {
    return keyPrefix + number;
  }

  /// What a key is now.
  CompletableFuture<Optional<Long>> readAsync(Handles handles, int key) {
    return values.getAsync(handles, key(key));
  }

  /// Writes each key once, to all replicas that it must have.
  void fill(Handles handles, int keys) {
    List<List<Object>> writes = new ArrayList<>();
    Map<String, Long> versions = new LinkedHashMap<>();
    long number = numbers.getAndIncrement();
    for (int key = 0; key < keys; key++) {
      HybridTimestamp stamp = nextStamp();
      values.put(handles, key(key), number, stamp, Acknowledgement.REPLICATED);
      writes.add(TransactionHistory.write(key(key), number));
      versions.put(key(key), stamp.packed());
    }
    history.begin(-1, number, writes);
    history.end(-1, writes, versions);
  }

  /// Carries all of them out. To be called once.
  ///
  /// @param hosts for each transaction that is to run at a time, where its functions run
  /// @param progress is told now and then how many are done
  Outcome run(List<List<Host>> hosts, LongConsumer progress) throws InterruptedException {
    AtomicInteger next = new AtomicInteger();
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < hosts.size(); i++) {
        int process = i;
        running.add(
            callers.submit(
                () -> {
                  for (int at = next.getAndIncrement();
                      at < plans.size();
                      at = next.getAndIncrement()) {
                    carryOut(process, plans.get(at), hosts.get(process));
                    progress.accept(at + 1L);
                  }
                }));
      }
      try {
        for (Future<?> each : running) {
          each.get();
        }
      } catch (ExecutionException e) {
        next.set(plans.size()); // the others end after what they are at
        if (e.getCause() instanceof RuntimeException failure) {
          throw failure;
        }
        throw new IllegalStateException("a transaction ended oddly", e);
      }
    }
    Map<ErrorCode, Long> failed = new LinkedHashMap<>();
    failures.forEach((code, count) -> failed.put(code, count.sum()));
    return new Outcome(history.history(), latencyNanos, tokenBytes, repeats.sum(), failed);
  }

  private void carryOut(long process, TransactionPlan plan, List<Host> hosts) {
    long began = System.nanoTime();
    for (int attempt = 1; ; attempt++) {
      try {
        attempt(process, plan, hosts);
        latencyNanos.recordValue(System.nanoTime() - began);
        return;
      } catch (TrellisException e) {
        failures.computeIfAbsent(e.code(), code -> new LongAdder()).increment();
        if (attempt == ATTEMPTS_MAX) {
          throw e;
        }
        repeats.increment();
      }
    }
  }

  private void attempt(long process, TransactionPlan plan, List<Host> hosts) {
    long number = numbers.getAndIncrement();
    Map<String, Long> versions = new LinkedHashMap<>();
    history.begin(process, number, asked(plan, number));
    try {
      List<List<Object>> done = new ArrayList<>();
      Payload token = Payload.EMPTY;
      for (int i = 0; i < plan.functions().size(); i++) {
        Access access = hosts.get(i).open(token);
        call(plan.functions().get(i), access.handles(), number, done, versions);
        if (i < plan.functions().size() - 1) {
          token = access.token();
          tokenBytes.recordValue(token.size());
        } else {
          access.commit().ifPresent(stamp -> versions.replaceAll((key, written) -> stamp.packed()));
        }
      }
      history.end(process, done, versions);
    } catch (TrellisException e) {
      history.abandon(process, versions);
      throw e;
    }
  }

  private void call(
      FunctionPlan plan,
      Handles handles,
      long number,
      List<List<Object>> done,
      Map<String, Long> versions) {
    String written = key(plan.write());
    HybridTimestamp stamp = nextStamp();
    versions.put(written, stamp.packed());
    values.put(handles, written, number, stamp, Acknowledgement.ONE);
    done.add(TransactionHistory.write(written, number));
    for (int read : plan.reads()) {
      Optional<Long> writer = values.get(handles, key(read));
      done.add(TransactionHistory.read(key(read), writer));
    }
  }

  private List<List<Object>> asked(TransactionPlan plan, long number) {
    List<List<Object>> asked = new ArrayList<>();
    for (FunctionPlan function : plan.functions()) {
      asked.add(TransactionHistory.write(key(function.write()), number));
      for (int read : function.reads()) {
        asked.add(TransactionHistory.read(key(read), Optional.empty()));
      }
    }
    return asked;
  }

  private HybridTimestamp nextStamp() {
    synchronized (clock) {
      return clock.tick(System.currentTimeMillis());
    }
  }
}
