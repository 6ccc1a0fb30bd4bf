package dev.trellis.history.linear;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.check.Anomaly;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Verdict;
import dev.trellis.history.edn.Edn;
import dev.trellis.history.edn.Keyword;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Our own engine: see [Search].
///
/// The details of an invalid history are `:failing-prefix`, the least number of operations from the
/// first on that no order explains, given which calls failed; `:op`, the last of them;
/// `:concurrent`, the other calls that were open then; and `:states`, what the model may hold
/// before it in the orders that explain the rest, but for those that only calls without completion
/// would bring about.
public final class TrellisEngine implements Engine {
  /// An invalid history may take this part of the time left to find out how much of it is invalid.
  private static final int SHARE_FOR_SHORTEST = 10;

  private final long bytesMax;

  private record Deadline(long start, long limit) {
    Deadline(Duration timeLimit) {
      this(System.nanoTime(), timeLimit.toNanos());
    }

    /// Ends when a part of the time that is left from now has passed.
    BooleanSupplier share(int part) {
      long end = start + limit;
      long now = System.nanoTime();
      long shareEnd = now + (end - now) / part;
      return () -> System.nanoTime() - shareEnd > 0;
    }
  }

  /// An engine that uses up to half of the heap.
  public TrellisEngine() {
    this(Runtime.getRuntime().maxMemory() / 2);
  }

  TrellisEngine(long bytesMax) {
    this.bytesMax = bytesMax;
  }

  @Override
  public String name() {
    return "trellis";
  }

  @Override
  public CheckResult check(History history, String model, Duration timeLimit) {
    return check(history, Model.named(model), timeLimit);
  }

  private <S> CheckResult check(History history, Model<S> model, Duration timeLimit) {
    Deadline deadline = new Deadline(timeLimit);
    Search<S> search = new Search<>(model, history, false);
    Search.Outcome<S> outcome;
    boolean shortest = true;
    Search.Outcome<S> endless =
        search.hasCrashedCalls()
            ? new Search<>(model, history, true).run(bytesMax, deadline.share(2))
            : null;
    if (endless != null && endless.verdict() == Verdict.INVALID) {
      // The verdict is sure; what remains to be seen is whether a shorter prefix fails.
      outcome = search.run(bytesMax, deadline.share(SHARE_FOR_SHORTEST));
      if (outcome.verdict() != Verdict.INVALID) {
        shortest = false;
        outcome = endless;
      }
    } else {
      outcome = search.run(bytesMax, deadline.share(1));
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("model", Keyword.of(model.name()));
    details.put("engine", Keyword.of(name()));
    details.put("calls", (long) history.calls().size());
    details.put("configurations", (long) outcome.configurations());
    if (outcome.verdict() == Verdict.UNKNOWN) {
      details.put("cause", Keyword.of(outcome.reason()));
    }
    List<Anomaly> anomalies = new ArrayList<>();
    for (Call failing : outcome.failing()) {
      List<Call> concurrent = concurrentWith(failing, history);
      List<@Nullable Object> states = new ArrayList<>();
      outcome.states().forEach(state -> states.add(model.toEdn(state)));
      Operation completion = failing.completion().orElseThrow();
      details.put("failing-prefix", failing.completedAt() + 1L);
      if (!shortest) {
        details.put("shortest", false);
      }
      details.put("op", completion.toMap());
      details.put("concurrent", concurrent.stream().map(call -> call.invoke().toMap()).toList());
      details.put("states", states);
      List<Operation> operations = new ArrayList<>();
      operations.add(failing.invoke());
      concurrent.forEach(call -> operations.add(call.invoke()));
      operations.add(completion);
      anomalies.add(
          new Anomaly(
              "nonlinearizable", explanation(model, failing, concurrent, states), operations));
    }
    return new CheckResult(outcome.verdict(), anomalies, details);
  }

  /// Calls that were open when the given one completed and may have happened by then.
  private static List<Call> concurrentWith(Call failing, History history) {
    return history.calls().stream()
        .filter(call -> !call.equals(failing) && !call.isFailed())
        .filter(call -> call.invokedAt() < failing.completedAt())
        .filter(call -> call.completedAt() > failing.completedAt())
        .toList();
  }

  private static String explanation(
      Model<?> model, Call failing, List<Call> concurrent, List<?> states) {
    return "no order of the calls explains operation "
        + failing.completedAt()
        + ", "
        + failing.completion().orElseThrow()
        + ": before it the "
        + model.name()
        + " may be "
        + states.stream().map(Edn::write).collect(Collectors.joining(" or "))
        + "; other calls that are open then: "
        + concurrent.size();
  }
}
