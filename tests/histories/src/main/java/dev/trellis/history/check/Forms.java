package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.HistoryException;
import dev.trellis.history.Operation;
import dev.trellis.history.edn.Edn;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// What checkers have in common: the shapes of values, and errors about others.
final class Forms {
  private Forms() {}

  static HistoryException wrong(Operation operation, String problem) {
    return new HistoryException(operation + ": " + problem);
  }

  /// What an `:ok` call was told.
  static Operation completion(Call call) {
    return call.completion().orElseThrow();
  }

  /// The elements that an `:ok` read returned.
  static Collection<?> elements(Call read) {
    if (read.result() instanceof Set<?> set) {
      return set;
    }
    if (read.result() instanceof List<?> list) {
      return list;
    }
    throw wrong(completion(read), "the value of a :read should be a set or a vector");
  }

  static long wholeNumber(Operation operation) {
    if (operation.value() instanceof Long number) {
      return number;
    }
    throw wrong(operation, "the value should be a whole number");
  }

  /// Whether a read was made once all was mended and at rest: `:final true`, in its invocation or
  /// its completion.
  static boolean isFinal(Call call) {
    return Boolean.TRUE.equals(call.invoke().extra("final"))
        || call.completion().map(done -> Boolean.TRUE.equals(done.extra("final"))).orElse(false);
  }

  /// Whose call it is: the field `:session` of its invocation, or else its process.
  static Object session(Call call) {
    Object session = call.invoke().extra("session");
    return session != null ? session : call.process();
  }

  /// The calls by session, in the order in which they were made.
  static Map<Object, List<Call>> bySession(List<Call> calls) {
    Map<Object, List<Call>> sessions = new LinkedHashMap<>();
    for (Call call : calls) {
      sessions.computeIfAbsent(session(call), session -> new ArrayList<>()).add(call);
    }
    return sessions;
  }

  /// The calls that wrote each value, `:fail` or not.
  ///
  /// @throws HistoryException if two wrote the same: a read of it would not say which
  static Map<@Nullable Object, Call> writers(History history) {
    Map<@Nullable Object, Call> writers = new HashMap<>();
    for (Call write : history.calls("write")) {
      Call before = writers.put(write.argument(), write);
      if (before != null) {
        throw wrong(
            write.invoke(),
            "the value "
                + Edn.write(write.argument())
                + " is written twice; each should be written once");
      }
    }
    return writers;
  }

  /// Whether one write has a later stamp than another, since it began so long after that had ended.
  static boolean isLater(Call write, Call other, Duration clockError) {
    if (!other.precedes(write)) {
      return false;
    }
    if (clockError.isZero()) {
      return true;
    }
    if (write.invokedTime() == Operation.NOT_STATED
        || other.completedTime() == Operation.NOT_STATED) {
      throw wrong(
          write.invoke(), "has no :time, or another has none; clocks that differ need them");
    }
    return write.invokedTime() - other.completedTime() > clockError.toNanos();
  }

  /// The operations of some calls, in the order of the history; of one whose outcome is unknown
  /// only the invocation.
  static List<Operation> operations(Call... calls) {
    Map<Integer, Operation> byPlace = new TreeMap<>();
    for (Call call : calls) {
      byPlace.put(call.invokedAt(), call.invoke());
      if (!call.isUnknown()) {
        byPlace.put(call.completedAt(), completion(call));
      }
    }
    return List.copyOf(byPlace.values());
  }

  /// Compares versions, which are whole numbers or vectors of them.
  static int compareVersions(Object one, Object other) {
    List<?> left = one instanceof List<?> list ? list : List.of(one);
    List<?> right = other instanceof List<?> list ? list : List.of(other);
    for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
      if (!(left.get(i) instanceof Long a) || !(right.get(i) instanceof Long b)) {
        throw new HistoryException(
            ":version "
                + Edn.write(one)
                + " and "
                + Edn.write(other)
                + " should be whole numbers or vectors of them");
      }
      if (!a.equals(b)) {
        return a.compareTo(b);
      }
    }
    return Integer.compare(left.size(), right.size());
  }
}
