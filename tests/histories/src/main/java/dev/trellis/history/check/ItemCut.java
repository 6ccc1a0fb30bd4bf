package dev.trellis.history.check;

import dev.trellis.history.History;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Item cut isolation: who reads a key twice in one transaction reads the same, unless it has
/// written the key in between.
///
/// Form: `:txn` with a vector of `[:r k v]`, `[:w k v]` or `[:append k v]`.
///
/// Invalid: two reads of a key in one `:ok` transaction differ. Unknown: no transaction has read a
/// key twice.
///
/// @see "Bailis et al., Highly Available Transactions: Virtues and Limitations, VLDB 2013, §5.1"
public final class ItemCut implements Checker {
  @Override
  public String name() {
    return "item-cut";
  }

  @Override
  public CheckResult check(History history) {
    List<Anomaly> anomalies = new ArrayList<>();
    long repeats = 0;
    for (Transaction transaction : Transaction.of(history)) {
      if (!transaction.reads()) {
        continue;
      }
      Map<@Nullable Object, @Nullable Object> read = new HashMap<>();
      for (Transaction.MicroOperation operation : transaction.operations()) {
        Object key = operation.key();
        if (operation.kind() != Transaction.Kind.READ) {
          read.remove(key);
          continue;
        }
        if (read.containsKey(key)) {
          repeats++;
          if (!Objects.equals(read.get(key), operation.value())) {
            anomalies.add(
                new Anomaly(
                    "unrepeatable",
                    "one transaction read "
                        + Edn.write(read.get(key))
                        + " and then "
                        + Edn.write(operation.value())
                        + " of the key "
                        + Edn.write(key),
                    Forms.operations(transaction.call())));
          }
        }
        read.put(key, operation.value());
      }
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("repeated-reads", repeats);
    return CheckResult.of(anomalies, repeats == 0, details);
  }
}
