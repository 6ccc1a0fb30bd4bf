package dev.trellis.history.check;

import static dev.trellis.history.check.Histories.invalid;
import static dev.trellis.history.check.Histories.refused;
import static dev.trellis.history.check.Histories.unknown;
import static dev.trellis.history.check.Histories.valid;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Counters, registers, replicas, and many keys at once.
class ValueCheckersTest {
  private static final Checker COUNTER = new CounterInterval(false);
  private static final Checker LAGGING_COUNTER = new CounterInterval(true);
  private static final Checker LWW = new LwwConvergence(Duration.ZERO);
  private static final Checker REPLICAS = new ReplicaConvergence();

  @Test
  void aCounterShowsWhatWasAcknowledgedAndNoMoreThanWhatMayHaveHappened() {
    String adds =
        """
        0 add 5
        1 invoke add 3
        1 info add 3
        2 invoke add 100
        2 fail add 100
        3 invoke add 1
        4 invoke read
        3 ok add 1
        4 ok read %d
        """;
    for (int value : List.of(5, 6, 8, 9)) {
      valid(COUNTER, adds.formatted(value));
    }
    for (int value : List.of(4, 10, 105)) {
      invalid(COUNTER, "out-of-bounds", adds.formatted(value));
    }
  }

  @Test
  void whatIsTakenFromACounterMovesTheOtherBound() {
    String adds =
        """
        0 add 5
        0 add -2
        1 invoke add -1
        1 info add -1
        2 read -> %d
        """;
    valid(COUNTER, adds.formatted(3));
    valid(COUNTER, adds.formatted(2));
    invalid(COUNTER, "out-of-bounds", adds.formatted(4));
    invalid(COUNTER, "out-of-bounds", adds.formatted(1));
  }

  @Test
  void aLaggingCounterMustShowEverythingOnlyInTheEnd() {
    valid(LAGGING_COUNTER, "0 add 5\n1 read -> 0\n1 read -> 5 | :final true");
    invalid(LAGGING_COUNTER, "out-of-bounds", "0 add 5\n1 read -> 4 | :final true");
    invalid(LAGGING_COUNTER, "out-of-bounds", "0 add 5\n1 read -> 6\n1 read -> 5 | :final true");
    unknown(LAGGING_COUNTER, "0 add 5\n1 read -> 5");
    invalid(COUNTER, "out-of-bounds", "0 add 5\n1 read -> 0");
    refused(COUNTER, "should be a whole number", "0 read -> \"5\"");
  }

  @Test
  void allReadTheLastWriteInTheEnd() {
    valid(LWW, "0 write 1\n1 write 2\n0 read -> 2 | :final true\n1 read -> 2 | :final true");
    valid(LWW, "0 read -> nil | :final true");
    valid(LWW, "0 invoke write 1\n0 info write 1\n1 read -> nil | :final true");
    valid(LWW, "0 invoke write 1\n0 info write 1\n1 write 2\n1 read -> 1 | :final true");
    valid(LWW, "0 write 1\n0 delete\n1 read -> nil | :final true");
    invalid(
        LWW,
        "diverged",
        """
        0 invoke write 1
        1 invoke write 2
        2 read -> 1 | :final true
        3 read -> 2 | :final true
        """);
    invalid(LWW, "unexpected", "0 write 1\n1 read -> 3 | :final true");
    invalid(LWW, "failed-write", "0 invoke write 1\n0 fail write 1\n1 read -> 1 | :final true");
    invalid(LWW, "lost", "0 write 1\n1 read -> nil | :final true");
    invalid(LWW, "lost", "0 write 1\n1 write 2\n1 read -> 1 | :final true");
    invalid(LWW, "lost", "0 delete\n1 write 2\n1 read -> nil | :final true");
    unknown(LWW, "0 write 1\n1 read -> 1");
    refused(LWW, "the value 1 is written twice", "0 write 1\n0 write 1");
  }

  @Test
  void clocksThatDifferExcuseWritesThatAreNearEachOther() {
    Checker skewed = new LwwConvergence(Duration.ofNanos(100));
    String writes = "0 write 1 | :time 500\n1 write 2 | :time %d\n";
    valid(skewed, writes.formatted(600) + "1 read -> 1 | :final true");
    invalid(skewed, "lost", writes.formatted(601) + "1 read -> 1 | :final true");
    invalid(
        skewed,
        "diverged",
        writes.formatted(600) + "1 read -> 1 | :final true\n1 read -> 2 | :final true");
    refused(skewed, "no :time", "0 write 1\n1 write 2\n1 read -> 1 | :final true");
  }

  @Test
  void replicasHoldTheSameAfterHealing() {
    valid(REPLICAS, ":nemesis info replicas {\"a\" [1 2], \"b\" [1 2]}");
    valid(REPLICAS, ":nemesis info replicas {\"a\" nil, \"b\" nil}");
    valid(
        REPLICAS,
        ":nemesis info replicas {\"a\" 1, \"b\" 2}\n:nemesis info replicas {\"a\" 2, \"b\" 2}");
    invalid(REPLICAS, "diverged", ":nemesis info replicas {\"a\" 1, \"b\" 2}");
    invalid(REPLICAS, "diverged", "0 replicas -> {\"a\" nil, \"b\" 2}");
    unknown(REPLICAS, "0 write 1");
    unknown(REPLICAS, ":nemesis info replicas {\"a\" 1}");
    refused(REPLICAS, "should be a map", ":nemesis info replicas 1");
  }

  @Test
  void keysAreJudgedOneByOne() {
    Checker checker = new EachKey(COUNTER);
    CheckResult right =
        valid(
            checker,
            """
            0 add ["a" 1]
            :nemesis info kill "node-0"
            1 invoke add ["b" 5]
            0 invoke read ["a" nil]
            0 ok read ["a" 1]
            1 info add nil
            2 invoke read ["b" nil]
            2 ok read ["b" 0]
            """);
    assertEquals(2L, right.details().get("keys"));
    CheckResult wrong =
        new EachKey(COUNTER)
            .check(
                Histories.history(
                    """
                    0 add ["a" 1]
                    0 add ["b" 1]
                    0 invoke read ["b" nil]
                    0 ok read ["b" 2]
                    0 invoke read ["a" nil]
                    0 ok read ["a" 1]
                    """));
    assertEquals(Verdict.INVALID, wrong.verdict());
    assertEquals(List.of("b"), wrong.details().get("invalid"));
    unknown(checker, "");
    refused(checker, "should be a vector [key value]", "0 add 1");
  }
}
