package dev.trellis.faults;

import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import dev.trellis.history.linear.TrellisEngine;
import java.time.Duration;

/// Whether a register was linearizable. Looks at `:write v` and `:read`.
final class LinearCheck implements Checker {
  private static final Duration TIME_LIMIT = Duration.ofSeconds(2);

  @Override
  public String name() {
    return "linearizable";
  }

  @Override
  public CheckResult check(History history) {
    return new TrellisEngine().check(history, "register", TIME_LIMIT);
  }
}
