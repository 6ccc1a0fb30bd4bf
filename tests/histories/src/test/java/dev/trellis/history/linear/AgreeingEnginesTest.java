package dev.trellis.history.linear;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Verdict;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AgreeingEnginesTest {
  private static final History EMPTY = History.of(List.of());

  private record Fixed(String name, Verdict verdict) implements Engine {
    @Override
    public CheckResult check(History history, String model, Duration timeLimit) {
      return new CheckResult(verdict, List.of(), Map.of());
    }
  }

  private static CheckResult both(Verdict one, Verdict other) {
    return new AgreeingEngines(new Fixed("one", one), new Fixed("other", other))
        .check(EMPTY, "register", Duration.ofSeconds(1));
  }

  @Test
  void whatBothSayHolds() {
    for (Verdict verdict : Verdict.values()) {
      CheckResult result = both(verdict, verdict);
      assertEquals(verdict, result.verdict());
      assertTrue(result.details().containsKey("other"));
    }
  }

  @Test
  void whatOneKnowsHolds() {
    for (Verdict verdict : List.of(Verdict.VALID, Verdict.INVALID)) {
      assertEquals(verdict, both(verdict, Verdict.UNKNOWN).verdict());
      assertEquals(verdict, both(Verdict.UNKNOWN, verdict).verdict());
    }
  }

  @Test
  void aContradictionIsAnError() {
    String message =
        assertThrows(EnginesDisagreeException.class, () -> both(Verdict.VALID, Verdict.INVALID))
            .getMessage();
    assertEquals(
        "the engines disagree: one says {:valid? true}, and other says {:valid? false}", message);
    assertThrows(EnginesDisagreeException.class, () -> both(Verdict.INVALID, Verdict.VALID));
  }
}
