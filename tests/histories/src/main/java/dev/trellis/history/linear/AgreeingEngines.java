package dev.trellis.history.linear;

import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Verdict;
import dev.trellis.history.edn.Edn;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Two engines that must come to the same verdict. If one of them does not know, the other's holds.
///
/// The result is that of the first, with the other's among the details, under its name.
public final class AgreeingEngines implements Engine {
  private final Engine first;
  private final Engine second;

  public AgreeingEngines(Engine first, Engine second) {
    this.first = first;
    this.second = second;
  }

  @Override
  public String name() {
    return first.name() + "+" + second.name();
  }

  /// @param timeLimit of each
  /// @throws EnginesDisagreeException if one says valid and the other invalid
  @Override
  public CheckResult check(History history, String model, Duration timeLimit) {
    CheckResult other = second.check(history, model, timeLimit); // may be missing: that comes first
    CheckResult result = first.check(history, model, timeLimit);
    boolean known = result.verdict() != Verdict.UNKNOWN;
    if (known && other.verdict() != Verdict.UNKNOWN && result.verdict() != other.verdict()) {
      throw new EnginesDisagreeException(
          "the engines disagree: "
              + first.name()
              + " says "
              + Edn.write(result.toEdn())
              + ", and "
              + second.name()
              + " says "
              + Edn.write(other.toEdn()));
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>(result.details());
    details.put(second.name(), other.toEdn());
    CheckResult holding = known ? result : other;
    return new CheckResult(holding.verdict(), holding.anomalies(), details);
  }
}
