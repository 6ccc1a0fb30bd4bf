package dev.trellis.history.check;

import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Checks each key's part of a history by itself. The values of operations are `[key value]`, as
/// with Jepsen's independent keys; the checker for one key sees the values. Operations of the
/// nemesis belong to a key if their values have that form, else to none.
public final class EachKey implements Checker {
  private final Checker checker;

  /// @param checker of one key
  public EachKey(Checker checker) {
    this.checker = checker;
  }

  @Override
  public String name() {
    return checker.name();
  }

  /// Valid if every key is. The details are `:keys`, how many there are, `:invalid` and `:unknown`,
  /// the keys with such verdicts, and the details of the first key whose verdict is the worst.
  @Override
  public CheckResult check(History history) {
    List<Verdict> verdicts = new ArrayList<>();
    List<Anomaly> anomalies = new ArrayList<>();
    Map<Verdict, List<@Nullable Object>> keys = new LinkedHashMap<>();
    Map<Verdict, CheckResult> firsts = new LinkedHashMap<>();
    Map<@Nullable Object, History> parts = byKey(history);
    parts.forEach(
        (key, part) -> {
          CheckResult result = checker.check(part);
          verdicts.add(result.verdict());
          result.anomalies().forEach(anomaly -> anomalies.add(keyed(key, anomaly)));
          keys.computeIfAbsent(result.verdict(), verdict -> new ArrayList<>()).add(key);
          firsts.putIfAbsent(result.verdict(), result);
        });
    Verdict verdict = parts.isEmpty() ? Verdict.UNKNOWN : Verdict.ofAll(verdicts);
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("keys", (long) parts.size());
    details.put("invalid", keys.getOrDefault(Verdict.INVALID, List.of()));
    details.put("unknown", keys.getOrDefault(Verdict.UNKNOWN, List.of()));
    CheckResult first = firsts.get(verdict);
    if (first != null) {
      first.details().forEach(details::putIfAbsent);
    }
    return new CheckResult(
        verdict,
        anomalies.subList(0, Math.min(anomalies.size(), CheckResult.ANOMALIES_MAX)),
        details);
  }

  /// The anomaly with the operations as they were before the key was taken off.
  private static Anomaly keyed(@Nullable Object key, Anomaly anomaly) {
    return new Anomaly(
        anomaly.kind(),
        "key " + Edn.write(key) + ": " + anomaly.explanation(),
        anomaly.operations().stream()
            .map(operation -> operation.withValue(Arrays.asList(key, operation.value())))
            .toList());
  }

  /// The history of each key, in the order in which they come up.
  ///
  /// @throws dev.trellis.history.HistoryException if a client's value is not `[key value]`
  public static Map<@Nullable Object, History> byKey(History history) {
    Map<Long, @Nullable Object> keyOfProcess = new HashMap<>();
    Map<@Nullable Object, List<Operation>> parts = new LinkedHashMap<>();
    for (Operation operation : history.operations()) {
      List<?> pair =
          operation.value() instanceof List<?> list && list.size() == 2 ? list : List.of();
      boolean keyed = !pair.isEmpty();
      if (!keyed && operation.isClient() && operation.type() == Operation.Type.INVOKE) {
        throw Forms.wrong(operation, "the value should be a vector [key value]");
      }
      Object key = keyed ? pair.get(0) : null;
      Object value = keyed ? pair.get(1) : operation.value();
      if (operation.process() instanceof Long process) {
        // A completion belongs to its invocation, whatever it says.
        if (operation.type() == Operation.Type.INVOKE) {
          keyOfProcess.put(process, key);
        } else {
          key = keyOfProcess.get(process);
        }
      } else if (!keyed) {
        continue;
      }
      parts.computeIfAbsent(key, absent -> new ArrayList<>()).add(operation.withValue(value));
    }
    Map<@Nullable Object, History> histories = new LinkedHashMap<>();
    parts.forEach((key, operations) -> histories.put(key, History.of(operations)));
    return histories;
  }
}
