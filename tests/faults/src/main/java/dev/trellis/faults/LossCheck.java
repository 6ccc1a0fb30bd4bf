package dev.trellis.faults;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.check.Anomaly;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import dev.trellis.history.check.SetFull;
import dev.trellis.history.edn.Edn;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What a set may lose that one replica has acknowledged: only what was on its way to others when a
/// process ended. Looks at `:add v`, each v once, and at `:read`, as [SetFull] does, which tells
/// what is lost; all else that it finds is found here too.
///
/// The age of a lost element is the time from when it was known (its add was acknowledged, or a
/// read that saw it ended) until when a process was still there for sure, so it may have been
/// older; of several processes, the one that makes it least, among those that were gone after the
/// add was asked for. Invalid: something older was lost than may be, or without any process having
/// ended.
final class LossCheck implements Checker {
  private static final String ACKNOWLEDGED = "acknowledged";
  private static final String LOST = "lost-count";
  private static final String OLDEST = "oldest-lost-millis";
  private static final String ALLOWED = "allowed-millis";
  private static final double NANOS_PER_MILLI = 1e6;

  private final Duration ageMax;
  private final List<Ending> endings;

  /// @param ageMax that what is lost may have
  /// @param endings of processes
  LossCheck(Duration ageMax, List<Ending> endings) {
    this.ageMax = ageMax;
    this.endings = List.copyOf(endings);
  }

  @Override
  public String name() {
    return "loss";
  }

  @Override
  public CheckResult check(History history) {
    CheckResult found = new SetFull().check(history);
    Findings findings = new Findings();
    for (Anomaly anomaly : found.anomalies()) {
      if (!anomaly.kind().equals("lost")) {
        findings.add(
            anomaly.kind(), anomaly.explanation(), anomaly.operations().toArray(Operation[]::new));
      }
    }
    Map<Object, Call> adds = new HashMap<>();
    history.calls("add").forEach(add -> adds.put(Objects.requireNonNull(add.argument()), add));
    Collection<?> lost = (Collection<?>) Objects.requireNonNull(found.details().get("lost"));
    double oldest = 0;
    for (Object element : lost) {
      Call add = Objects.requireNonNull(adds.get(element));
      Optional<Duration> age = age(history, add);
      oldest = Math.max(oldest, age.map(LossCheck::millis).orElse(0.0));
      if (age.isEmpty() || age.get().compareTo(ageMax) > 0) {
        findings.add("lost", describe(element, age), operations(add));
      }
    }
    findings.detail(ACKNOWLEDGED, adds.values().stream().filter(Call::isOk).count());
    findings.detail(LOST, (long) lost.size());
    findings.detail(OLDEST, oldest);
    findings.detail(ALLOWED, ageMax.toMillis());
    // Where hardly anything was added it may all be lost.
    return findings.result(!adds.isEmpty() && !history.calls("read").isEmpty());
  }

  /// What several of these checks measured together, for people; empty if there are none.
  static Optional<String> summary(List<CheckResult> results) {
    List<CheckResult> own =
        results.stream().filter(result -> result.details().containsKey(ALLOWED)).toList();
    if (own.isEmpty()) {
      return Optional.empty();
    }
    double lost = own.stream().mapToDouble(result -> number(result, LOST)).sum();
    return Optional.of(
        String.format(
            Locale.ROOT,
            "of %,.0f acknowledged adds %,.0f were lost%s; up to %.0f ms is allowed",
            own.stream().mapToDouble(result -> number(result, ACKNOWLEDGED)).sum(),
            lost,
            lost == 0
                ? ""
                : String.format(
                    Locale.ROOT,
                    ", the oldest %.0f ms before a process ended",
                    own.stream().mapToDouble(result -> number(result, OLDEST)).max().orElse(0)),
            own.stream().mapToDouble(result -> number(result, ALLOWED)).max().orElse(0)));
  }

  private static double number(CheckResult result, String detail) {
    return result.details().get(detail) instanceof Number number ? number.doubleValue() : 0;
  }

  private String describe(@Nullable Object element, Optional<Duration> age) {
    return "element "
        + Edn.write(element)
        + age.map(
                known ->
                    String.format(
                        Locale.ROOT,
                        " was known %.0f ms before a process ended, and is lost; what is older"
                            + " than %d ms must be kept",
                        millis(known),
                        ageMax.toMillis()))
            .orElse(" is lost, and no process has ended since it was added");
  }

  private static double millis(Duration duration) {
    return duration.toNanos() / NANOS_PER_MILLI;
  }

  private static Operation[] operations(Call add) {
    return add.completion()
        .map(completion -> new Operation[] {add.invoke(), completion})
        .orElseGet(() -> new Operation[] {add.invoke()});
  }

  /// Empty if no process was gone after it was asked for.
  private Optional<Duration> age(History history, Call add) {
    long known = knownTime(history, add);
    return endings.stream()
        .filter(ending -> ending.gone() >= add.invokedTime())
        .map(ending -> Duration.ofNanos(Math.max(0, ending.alive() - known)))
        .min(Duration::compareTo);
  }

  private static long knownTime(History history, Call add) {
    long seen =
        history.calls("read").stream()
            .filter(Call::isOk)
            .filter(read -> elements(read).contains(add.argument()))
            .mapToLong(Call::completedTime)
            .min()
            .orElse(Long.MAX_VALUE);
    return add.isOk() ? Math.min(seen, add.completedTime()) : seen;
  }

  private static Collection<?> elements(Call read) {
    return (Collection<?>) Objects.requireNonNull(read.result());
  }
}
