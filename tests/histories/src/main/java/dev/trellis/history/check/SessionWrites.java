package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import org.jspecify.annotations.Nullable;

/// What checkers of the order of a session's writes have in common.
final class SessionWrites {
  private SessionWrites() {}

  /// Whether it wrote a register, and is known to have.
  static boolean isVersioned(Call call) {
    return (call.isAbout("write") || call.isAbout("delete")) && hasVersion(call);
  }

  static boolean isVersionedRead(Call call) {
    return call.isAbout("read") && hasVersion(call);
  }

  private static boolean hasVersion(Call call) {
    return call.isOk() && Forms.completion(call).extra("version") != null;
  }

  /// Whether one call wrote or read an older version than another.
  static boolean isOlder(Call one, Call other) {
    return Forms.compareVersions(version(one), version(other)) < 0;
  }

  private static Object version(Call call) {
    return Objects.requireNonNull(Forms.completion(call).extra("version"));
  }

  /// @param how the session knew of the newer version
  static Anomaly overtaken(String how, Call before, Call write) {
    return new Anomaly(
        "overtaken",
        "a session "
            + how
            + " version "
            + Edn.write(version(before))
            + " and then wrote "
            + Edn.write(write.argument())
            + " as version "
            + Edn.write(version(write))
            + ", which is older",
        Forms.operations(before, write));
  }

  /// Removals of elements that their session knew, and the final reads in which they are missing,
  /// or are not.
  static final class Removals {
    private record Removed(Call known, Call remove, Object element) {}

    private final List<Removed> removed = new ArrayList<>();
    private final List<Call> finalReads = new ArrayList<>();

    /// @param isKnown whether the session knew an element from an `:ok` call
    Removals(History history, BiPredicate<Call, Object> isKnown) {
      Set<@Nullable Object> added = new HashSet<>();
      for (Call add : history.calls("add")) {
        if (!added.add(add.argument())) {
          throw Forms.wrong(
              add.invoke(),
              "the element "
                  + Edn.write(add.argument())
                  + " is added twice; each should be added once");
        }
      }
      for (Call read : history.calls("read")) {
        if (read.isOk() && Forms.isFinal(read)) {
          finalReads.add(read);
        }
      }
      for (List<Call> session : Forms.bySession(history.calls()).values()) {
        List<Call> before = new ArrayList<>();
        for (Call call : session) {
          Object element = call.argument();
          if (call.isAbout("remove") && call.isOk() && element != null) {
            Optional<Call> known =
                before.stream().filter(earlier -> isKnown.test(earlier, element)).findFirst();
            known.ifPresent(from -> removed.add(new Removed(from, call, element)));
          }
          if (call.isOk()) {
            before.add(call);
          }
        }
      }
    }

    /// How many there are that a final read tells of.
    long judged() {
      return finalReads.isEmpty() ? 0 : removed.size();
    }

    /// @param how the session knew the element
    List<Anomaly> anomalies(String how) {
      List<Anomaly> anomalies = new ArrayList<>();
      for (Removed one : removed) {
        for (Call read : finalReads) {
          Collection<?> elements = Forms.elements(read);
          if (read.invokedAt() > one.remove.completedAt() && elements.contains(one.element)) {
            anomalies.add(
                new Anomaly(
                    "kept",
                    "a session "
                        + how
                        + " "
                        + Edn.write(one.element)
                        + " and then removed it, and it is there in the end",
                    Forms.operations(one.known, one.remove, read)));
          }
        }
      }
      return anomalies;
    }
  }
}
