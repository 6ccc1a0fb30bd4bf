package dev.trellis.faults;

import dev.trellis.history.History;
import dev.trellis.history.Operation;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A process is gone that was not asked to leave its cluster, and with it what it alone knew.
///
/// @param alive when it was still there for sure, in nanoseconds of the history
/// @param gone when it was gone for sure
record Ending(long alive, long gone) {
  private static final String F = "process-ended";
  private static final String ALIVE = "alive";

  /// What is written down when a process is gone.
  static Operation operation(String node, long alive) {
    return Operation.nemesis(F, Map.of("node", node, ALIVE, alive));
  }

  /// Those of a history.
  static List<Ending> of(History history) {
    return history.operations().stream()
        .filter(operation -> !operation.isClient() && operation.isAbout(F))
        .map(operation -> new Ending(alive(operation).orElse(operation.time()), operation.time()))
        .toList();
  }

  private static Optional<Long> alive(Operation operation) {
    return operation.value() instanceof Map<?, ?> value
        ? value.entrySet().stream()
            .filter(field -> field.getKey().toString().endsWith(ALIVE))
            .map(Map.Entry::getValue)
            .filter(Long.class::isInstance)
            .map(Long.class::cast)
            .findFirst()
        : Optional.empty();
  }
}
