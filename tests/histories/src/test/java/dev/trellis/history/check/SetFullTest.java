package dev.trellis.history.check;

import static dev.trellis.history.check.Histories.invalid;
import static dev.trellis.history.check.Histories.refused;
import static dev.trellis.history.check.Histories.unknown;
import static dev.trellis.history.check.Histories.valid;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.history.edn.Edn;
import java.util.List;
import org.junit.jupiter.api.Test;

class SetFullTest {
  private static final Checker CHECKER = new SetFull();

  @Test
  void whatStaysIsStable() {
    CheckResult result =
        valid(
            CHECKER,
            """
            0 add 1
            0 add nil
            1 read -> #{1 nil}
            1 read -> [nil 1]
            """);
    assertEquals(2L, result.details().get("stable-count"));
    assertEquals(0L, result.details().get("never-read-count"));
  }

  @Test
  void whatWasAcknowledgedAndNeverSeenIsLost() {
    CheckResult result =
        invalid(
            CHECKER,
            "lost",
            """
            0 add 1
            0 add 2
            1 read -> #{1}
            """);
    assertEquals(List.of(2L), result.details().get("lost"));
  }

  @Test
  void whatWasSeenAndIsGoneIsLost() {
    invalid(
        CHECKER,
        "lost",
        """
        0 add 1
        1 read -> #{1}
        1 read -> #{}
        """);
    invalid(
        CHECKER,
        "lost",
        """
        0 invoke add 1
        0 info add 1
        1 read -> #{1}
        1 read -> #{}
        """);
  }

  @Test
  void whatWasSeenMayGoWhereOnlyWhatWasAcknowledgedIsSafe() {
    valid(
        SetFull.ofAcknowledged(),
        """
        0 add 0
        0 invoke add 1
        0 info add 1
        1 read -> #{0 1}
        1 read -> #{0}
        """);
    invalid(
        SetFull.ofAcknowledged(),
        "lost",
        """
        0 add 0
        0 add 1
        1 read -> #{0 1}
        1 read -> #{0}
        """);
  }

  @Test
  void whatNobodyKnowsOfNeedNotBeThere() {
    CheckResult result =
        valid(
            CHECKER,
            """
            0 add 0
            0 invoke add 1
            0 info add 1
            2 invoke add 2
            1 invoke read
            2 ok add 2
            1 ok read #{0}
            """);
    assertEquals(2L, result.details().get("never-read-count"));
    assertEquals(0L, result.details().get("lost-count"));
  }

  @Test
  void aReadThatBeganBeforeTheElementWasKnownMayMissIt() {
    valid(
        CHECKER,
        """
        0 add 0
        0 invoke add 1
        1 invoke read
        0 ok add 1
        1 ok read #{0}
        2 read -> #{0 1}
        """);
  }

  @Test
  void whatIsMissedForAWhileIsStaleWithTheTimeItTook() {
    String late =
        """
        0 add 1 | :time 1000000
        1 read -> [] | :time 4000000
        1 read -> [] | :time 6000000
        1 read -> [1] | :time 7000000
        """;
    CheckResult result = valid(CHECKER, late);
    assertEquals(List.of(1L), result.details().get("stale"));
    assertEquals(
        "{0.0 5.0, 0.5 5.0, 0.95 5.0, 0.99 5.0, 1.0 5.0}",
        Edn.write(result.details().get("stable-latencies")));
    invalid(new SetFull(true), "stale", late);
  }

  @Test
  void elementsFromNowhereAreFound() {
    invalid(CHECKER, "unexpected", "0 add 1\n1 read -> [1 2]");
    invalid(CHECKER, "unexpected", "0 add 1\n1 read -> [1 2]\n0 add 2\n1 read -> [1 2]");
    invalid(CHECKER, "duplicate", "0 add 1\n1 read -> [1 1]");
    invalid(
        CHECKER,
        "failed-add",
        """
        0 add 1
        0 invoke add 2
        0 fail add 2
        1 read -> [1 2]
        """);
  }

  @Test
  void aSetThatWasNeverReadShowsNothing() {
    unknown(CHECKER, "0 add 1");
    unknown(CHECKER, "0 read -> []");
  }

  @Test
  void otherFormsAreRefused() {
    refused(CHECKER, "should be a set or a vector", "0 read -> 1");
    refused(CHECKER, "the element is added twice", "0 add 1\n0 add 1");
  }
}
