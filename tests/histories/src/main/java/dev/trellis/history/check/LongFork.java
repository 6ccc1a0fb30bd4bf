package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Long forks: two readers who see two writes in opposite orders. Parallel snapshot isolation, and
/// causal consistency, allow them: so they are reported and fail nothing.
///
/// Form: `:txn` with `[[:w k v]]`, each k written once; and with `[[:r k v] …]`, v nil if there is
/// nothing yet.
///
/// Always valid, with an anomaly for each fork; unknown if no two reads have two keys in common.
///
/// @see "Sovran et al., Transactional Storage for Geo-Replicated Systems, SOSP 2011"
public final class LongFork implements Checker {
  @Override
  public String name() {
    return "long-fork";
  }

  @Override
  public CheckResult check(History history) {
    Map<@Nullable Object, Call> writers = new HashMap<>();
    // Reads that saw the same are one: else a long history would have too many pairs.
    Map<Map<@Nullable Object, Boolean>, Call> views = new LinkedHashMap<>();
    for (Transaction transaction : Transaction.of(history)) {
      Map<@Nullable Object, Boolean> view = new LinkedHashMap<>();
      for (Transaction.MicroOperation operation : transaction.operations()) {
        if (operation.kind() == Transaction.Kind.READ) {
          view.put(operation.key(), operation.value() != null);
        } else if (writers.put(operation.key(), transaction.call()) != null) {
          throw Forms.wrong(
              transaction.call().invoke(),
              "the key " + Edn.write(operation.key()) + " is written twice; only once is allowed");
        }
      }
      if (transaction.reads() && view.size() > 1) {
        views.putIfAbsent(view, transaction.call());
      }
    }
    List<Anomaly> forks = new ArrayList<>();
    long compared = 0;
    List<Map<@Nullable Object, Boolean>> all = new ArrayList<>(views.keySet());
    for (int i = 0; i < all.size(); i++) {
      for (int j = i + 1; j < all.size(); j++) {
        Map<@Nullable Object, Boolean> one = all.get(i);
        Map<@Nullable Object, Boolean> other = all.get(j);
        compared += one.keySet().stream().filter(other::containsKey).limit(2).count() == 2 ? 1 : 0;
        Optional<Map.Entry<@Nullable Object, Boolean>> ahead = seenOnlyBy(one, other);
        Optional<Map.Entry<@Nullable Object, Boolean>> behind = seenOnlyBy(other, one);
        if (ahead.isPresent() && behind.isPresent()) {
          forks.add(
              new Anomaly(
                  "long-fork",
                  "one read saw the key "
                      + Edn.write(ahead.get().getKey())
                      + " and not yet "
                      + Edn.write(behind.get().getKey())
                      + ", another saw it the other way round",
                  Forms.operations(
                      Objects.requireNonNull(views.get(one)),
                      Objects.requireNonNull(views.get(other)))));
        }
      }
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("views", (long) all.size());
    details.put("long-fork-count", (long) forks.size());
    boolean telling = compared > 0;
    return new CheckResult(
        telling ? Verdict.VALID : Verdict.UNKNOWN,
        forks.subList(0, Math.min(forks.size(), CheckResult.ANOMALIES_MAX)),
        details);
  }

  private static Optional<Map.Entry<@Nullable Object, Boolean>> seenOnlyBy(
      Map<@Nullable Object, Boolean> one, Map<@Nullable Object, Boolean> other) {
    return one.entrySet().stream()
        .filter(entry -> entry.getValue() && Boolean.FALSE.equals(other.get(entry.getKey())))
        .findFirst();
  }
}
