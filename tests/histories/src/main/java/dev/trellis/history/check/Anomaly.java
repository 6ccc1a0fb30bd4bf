package dev.trellis.history.check;

import dev.trellis.history.Operation;
import dev.trellis.history.edn.Keyword;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// One thing that a history shows and should not.
///
/// @param kind what sort of thing, such as `lost` or `G1a`
/// @param explanation a sentence for people, with the values
/// @param operations the operations that show it, in the order of the history
public record Anomaly(String kind, String explanation, List<Operation> operations) {
  public Anomaly {
    operations = List.copyOf(operations);
  }

  /// As a map in EDN.
  public Map<Keyword, @Nullable Object> toEdn() {
    Map<Keyword, @Nullable Object> map = new LinkedHashMap<>();
    map.put(Keyword.of("kind"), Keyword.of(kind));
    map.put(Keyword.of("explanation"), explanation);
    map.put(Keyword.of("operations"), operations.stream().map(Operation::toMap).toList());
    return map;
  }
}
