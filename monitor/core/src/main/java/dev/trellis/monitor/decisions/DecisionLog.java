package dev.trellis.monitor.decisions;

import dev.trellis.causal.CausalContext;
import dev.trellis.client.LogHandle;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The record of all decisions, a `log` in the store itself. A decision stands there as often as it
/// got further, the last time counts. Any thread.
public final class DecisionLog {
  /// Where it is.
  public static final String KEY = "_trellis/monitor/decisions";

  private static final Logger LOG = LoggerFactory.getLogger(DecisionLog.class);
  private static final int RECORDS_MAX = 6_000;
  private static final int RECORDS_KEPT = 4_000;

  /// Of records that are appended at once, unless it is one: after the store was long away there
  /// may be more than a value may have.
  private static final int APPENDED_BYTES_MAX = 64 << 10;

  private final LogHandle log;
  private final AtomicInteger appended = new AtomicInteger(); // records since it was made shorter
  private volatile CausalContext seen = CausalContext.EMPTY; // what was read

  public DecisionLog(Trellis trellis) {
    this.log = trellis.log(KEY);
  }

  /// Writes decisions down as they are now. Now and then it drops the oldest records, and half of
  /// them when the log, which is one value, has as many bytes as a value may have.
  public CompletableFuture<Void> append(Collection<Recorded> decisions) {
    CompletableFuture<Void> written = CompletableFuture.completedFuture(null);
    for (List<Payload> part : parts(decisions)) {
      written = written.thenCompose(_ -> appendAtOnce(part));
    }
    if (appended.addAndGet(decisions.size()) <= RECORDS_MAX - RECORDS_KEPT) {
      return written;
    }
    appended.set(0);
    return written.thenCompose(_ -> trimmed(RECORDS_KEPT)).thenAccept(_ -> {});
  }

  private static List<List<Payload>> parts(Collection<Recorded> decisions) {
    List<List<Payload>> parts = new ArrayList<>();
    long bytes = APPENDED_BYTES_MAX; // of the last part
    for (Recorded decision : decisions) {
      Payload record = DecisionCodec.encode(decision);
      bytes += record.size();
      if (bytes > APPENDED_BYTES_MAX) {
        parts.add(new ArrayList<>());
        bytes = record.size();
      }
      parts.getLast().add(record);
    }
    return parts;
  }

  private CompletableFuture<Void> appendAtOnce(List<Payload> records) {
    return log.appendAsync(records)
        .exceptionallyCompose(
            problem ->
                isFull(problem)
                    ? log.sizeAsync()
                        .thenCompose(size -> trimmed(size / 2))
                        .thenCompose(_ -> log.appendAsync(records))
                    : CompletableFuture.failedFuture(problem))
        .thenAccept(_ -> {});
  }

  private static boolean isFull(Throwable problem) {
    Throwable cause =
        problem instanceof CompletionException && problem.getCause() != null
            ? problem.getCause()
            : problem;
    return cause instanceof TrellisException refused && refused.code() == ErrorCode.VALUE_TOO_LARGE;
  }

  /// All that are there, the oldest first, each as it was last. What can't be read, as that of a
  /// later version, is passed over. Drops the oldest records if there are too many.
  public CompletableFuture<List<Recorded>> read() {
    return log.readSinceAsync(CausalContext.EMPTY, RECORDS_MAX + 1)
        .thenCompose(
            all ->
                all.records().size() <= RECORDS_MAX
                    ? CompletableFuture.completedFuture(seen(all))
                    : trimmed(RECORDS_KEPT).thenCompose(_ -> read()));
  }

  /// As [#read], but only those that were written since this was last read.
  public CompletableFuture<List<Recorded>> readOn() {
    return log.readSinceAsync(seen, RECORDS_MAX).thenApply(this::seen);
  }

  private CompletableFuture<Long> trimmed(long kept) {
    return log.sizeAsync()
        .thenCompose(
            size ->
                size <= kept
                    ? CompletableFuture.completedFuture(0L)
                    : log.readSinceAsync(CausalContext.EMPTY, (int) (size - kept))
                        .thenCompose(oldest -> log.trimAsync(oldest.seen())));
  }

  private List<Recorded> seen(View.Records read) {
    seen = read.seen();
    return latest(read);
  }

  private static List<Recorded> latest(View.Records all) {
    Map<Long, Recorded> latest = new LinkedHashMap<>();
    for (View.LogRecord record : all.records()) {
      try {
        Recorded decision = DecisionCodec.decode(record.value());
        latest.remove(decision.id());
        latest.put(decision.id(), decision);
      } catch (IllegalArgumentException e) {
        LOG.warn("a record of decisions is passed over: {}", e.getMessage());
      }
    }
    List<Recorded> decisions = new ArrayList<>(latest.values());
    decisions.sort((a, b) -> Long.compare(a.id(), b.id()));
    return decisions;
  }
}
