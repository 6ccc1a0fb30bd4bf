package dev.trellis.simulation;

import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.edn.Keyword;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What the sessions of a run asked for and were told, in the form that checkers read; kept apart
/// by the kind of the key, since checkers look at one each.
final class SessionHistory {
  private static final Keyword READ = Keyword.of("r");
  private static final Keyword WRITE = Keyword.of("w");

  private final Map<String, List<Operation>> operations = new LinkedHashMap<>();
  private final Map<String, Set<String>> leftOut = new HashMap<>(); // keys, by kind

  /// One call: its invocation is written down already.
  final class Asked {
    private final String kind;
    private final Operation invocation;

    private Asked(String kind, Operation invocation) {
      this.kind = kind;
      this.invocation = invocation;
    }

    void ok(@Nullable Object value) {
      add(kind, invocation.completed(Operation.Type.OK, value));
    }

    void ok(@Nullable Object value, String field, Object told) {
      add(kind, invocation.completed(Operation.Type.OK, value).with(field, told));
    }

    void fail() {
      add(kind, invocation.completed(Operation.Type.FAIL, invocation.value()));
    }

    void info() {
      add(kind, invocation.completed(Operation.Type.INFO, invocation.value()));
    }
  }

  private void add(String kind, Operation operation) {
    operations.computeIfAbsent(kind, first -> new ArrayList<>()).add(operation);
  }

  /// A session asks.
  Asked invoke(String kind, long process, String session, String f, @Nullable Object value) {
    Operation invocation = Operation.invoke(process, f, value).with("session", session);
    add(kind, invocation);
    return new Asked(kind, invocation);
  }

  /// What is there in the end.
  void finalRead(String kind, long process, @Nullable Object asked, @Nullable Object told) {
    Operation invocation = Operation.invoke(process, "read", asked).with("final", true);
    add(kind, invocation);
    add(kind, invocation.completed(Operation.Type.OK, told).with("final", true));
  }

  /// Leaves a key out of what is checked, of a kind whose operations are about one key of many.
  void leaveOut(String kind, String key) {
    leftOut.computeIfAbsent(kind, first -> new HashSet<>()).add(key);
  }

  /// The histories by kind.
  Map<String, History> all() {
    Map<String, History> all = new LinkedHashMap<>();
    operations.forEach(
        (kind, list) -> {
          Set<String> without = leftOut.getOrDefault(kind, Set.of());
          all.put(kind, History.of(list.stream().filter(one -> !isOf(one, without)).toList()));
        });
    return all;
  }

  private static boolean isOf(Operation operation, Set<String> keys) {
    return operation.value() instanceof List<?> keyed && keys.contains(keyed.get(0));
  }

  /// The value of an operation on one key of many.
  static List<@Nullable Object> keyed(String key, @Nullable Object value) {
    return Arrays.asList(key, value);
  }

  static List<@Nullable Object> write(String key, long value) {
    return Arrays.asList(WRITE, key, value);
  }

  static List<@Nullable Object> read(String key, @Nullable Object value) {
    return Arrays.asList(READ, key, value);
  }
}
