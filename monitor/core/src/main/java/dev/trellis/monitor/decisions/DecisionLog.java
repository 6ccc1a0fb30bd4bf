package dev.trellis.monitor.decisions;

import dev.trellis.causal.CausalContext;
import dev.trellis.client.LogHandle;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
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

  private final LogHandle log;
  private final AtomicInteger appended = new AtomicInteger(); // records since it was made shorter

  public DecisionLog(Trellis trellis) {
    this.log = trellis.log(KEY);
  }

  /// Writes decisions down as they are now. Now and then it drops the oldest records.
  public CompletableFuture<Void> append(Collection<Recorded> decisions) {
    List<Payload> records = decisions.stream().map(DecisionCodec::encode).toList();
    CompletableFuture<Void> written = log.appendAsync(records).thenAccept(_ -> {});
    if (appended.addAndGet(records.size()) <= RECORDS_MAX - RECORDS_KEPT) {
      return written;
    }
    appended.set(0);
    return written.thenCompose(_ -> trimmed()).thenAccept(_ -> {});
  }

  /// All that are there, the oldest first, each as it was last. What can't be read, as that of a
  /// later version, is passed over. Drops the oldest records if there are too many.
  public CompletableFuture<List<Recorded>> read() {
    return log.readSinceAsync(CausalContext.EMPTY, RECORDS_MAX + 1)
        .thenCompose(
            all ->
                all.records().size() <= RECORDS_MAX
                    ? CompletableFuture.completedFuture(latest(all))
                    : trimmed().thenCompose(_ -> read()));
  }

  private CompletableFuture<Long> trimmed() {
    return log.sizeAsync()
        .thenCompose(
            size ->
                size <= RECORDS_KEPT
                    ? CompletableFuture.completedFuture(0L)
                    : log.readSinceAsync(CausalContext.EMPTY, (int) (size - RECORDS_KEPT))
                        .thenCompose(oldest -> log.trimAsync(oldest.seen())));
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
