package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Bounds what a counter may show: at least what was acknowledged before the read began, at most
/// what may have happened before it ended. For adds that are negative it is the other way round.
///
/// Form: `:add n`, n a whole number; `:read` → the value. One counter, 0 at first. `:final true`
/// marks reads that were made once all was mended and at rest.
///
/// Invalid: a read outside of its bounds. Unknown: nothing was read that is bound on both sides.
public final class CounterInterval implements Checker {
  private final boolean lagging;

  /// @param lagging whether reads may lag behind what was acknowledged: then only those with
  ///   `:final true` must show all of it, and the others at most what may have happened
  public CounterInterval(boolean lagging) {
    this.lagging = lagging;
  }

  @Override
  public String name() {
    return "counter";
  }

  @Override
  public CheckResult check(History history) {
    List<Call> adds = history.calls("add").stream().filter(Predicate.not(Call::isFailed)).toList();
    List<Call> reads = new ArrayList<>(history.calls("read").stream().filter(Call::isOk).toList());
    Sums acknowledged =
        new Sums(
            adds.stream()
                .filter(Call::isOk)
                .sorted(Comparator.comparingInt(Call::completedAt))
                .toList(),
            true);
    Sums possible = new Sums(adds, false);
    List<Anomaly> anomalies = new ArrayList<>();
    long bound = 0;
    for (Call read : reads) {
      long value = Forms.wholeNumber(Forms.completion(read));
      int from = read.invokedAt();
      int to = read.completedAt();
      boolean settled = !lagging || Forms.isFinal(read);
      // Of what is surely there and what may be there, each sign moves one bound.
      long least = (settled ? acknowledged.positive(from) : 0) + possible.negative(to);
      long most = possible.positive(to) + (settled ? acknowledged.negative(from) : 0);
      bound += settled ? 1 : 0;
      if (value < least || value > most) {
        anomalies.add(
            new Anomaly(
                "out-of-bounds",
                "the counter was read as " + value + " and may be " + least + " to " + most,
                Forms.operations(read)));
      }
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("reads", (long) reads.size());
    details.put("bound-reads", bound);
    return CheckResult.of(anomalies, bound == 0, details);
  }

  /// Sums of all adds that come before a place in the history.
  private static final class Sums {
    private final int[] places;
    private final long[] positive; // of the first so many
    private final long[] negative;

    /// @param adds in the order of their places
    Sums(List<Call> adds, boolean byCompletion) {
      places =
          adds.stream()
              .mapToInt(add -> byCompletion ? add.completedAt() : add.invokedAt())
              .toArray();
      positive = new long[places.length + 1];
      negative = new long[places.length + 1];
      for (int i = 0; i < places.length; i++) {
        long by = Forms.wholeNumber(adds.get(i).invoke());
        positive[i + 1] = positive[i] + Math.max(0, by);
        negative[i + 1] = negative[i] + Math.min(0, by);
      }
    }

    long positive(int before) {
      return positive[count(before)];
    }

    long negative(int before) {
      return negative[count(before)];
    }

    private int count(int before) {
      int at = Arrays.binarySearch(places, before);
      return at >= 0 ? at : -at - 1;
    }
  }
}
