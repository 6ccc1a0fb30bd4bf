package dev.trellis.history.check;

import static dev.trellis.history.check.Histories.history;
import static dev.trellis.history.check.Histories.invalid;
import static dev.trellis.history.check.Histories.refused;
import static dev.trellis.history.check.Histories.unknown;
import static dev.trellis.history.check.Histories.valid;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Transactions and causality.
class TransactionCheckersTest {
  private static final Checker CUT = new ItemCut();
  private static final Checker COMMITTED = new ReadCommitted();
  private static final Checker CAUSAL = new CausalOrder();
  private static final Checker FORK = new LongFork();
  private static final Checker FRACTURED = new FracturedReads();
  private static final Checker OWN = new ReadYourWrites();

  @Test
  void aTransactionReadsAKeyAsBefore() {
    valid(CUT, "0 txn [[:r :x 1] [:r :y 2] [:r :x 1]]");
    valid(CUT, "0 txn [[:r :x 1] [:w :x 2] [:r :x 2] [:r :x 2]]");
    valid(CUT, "0 txn [[:r :x [1]] [:append :x 2] [:r :x [1 2]] [:r :x [1 2]]]");
    invalid(CUT, "unrepeatable", "0 txn [[:r :x 1] [:r :x 2]]");
    invalid(CUT, "unrepeatable", "0 txn [[:r :x nil] [:w :y 1] [:r :x 2]]");
    unknown(CUT, "0 txn [[:r :x 1]]\n0 txn [[:r :x 2]]");
    refused(CUT, "should be a vector of [f key value]", "0 txn 1");
    refused(CUT, "[:add :x 1] should be [:r key value]", "0 txn [[:add :x 1]]");
  }

  @Test
  void listsThatWereCommittedInAnOrderAreRead() {
    valid(
        COMMITTED,
        """
        0 txn [[:append :x 1] [:append :y 1]]
        1 txn [[:r :x [1]] [:append :x 2]]
        2 txn [[:r :x [1 2]] [:r :y [1]] [:r :z []] [:r :z nil]]
        3 txn [[:append :x 3] [:r :x [1 2 3]]]
        """);
    unknown(COMMITTED, "0 txn [[:append :x 1] [:r :x [1]]]");
  }

  @Test
  void transactionsThatWroteOverEachOtherAreFound() {
    CheckResult result =
        invalid(
            COMMITTED,
            "G0",
            """
            0 txn [[:append :x 1] [:append :y 1]]
            1 txn [[:append :x 2] [:append :y 2]]
            2 txn [[:r :x [1 2]]]
            3 txn [[:r :y [2 1]]]
            """);
    assertTrue(result.anomalies().get(0).explanation().contains(" writes over "));
  }

  @Test
  void whatFailedIsNotRead() {
    invalid(
        COMMITTED,
        "G1a",
        "0 invoke txn [[:append :x 1]]\n0 fail txn [[:append :x 1]]\n1 txn [[:r :x [1]]]");
    invalid(COMMITTED, "G1a", "0 invoke txn [[:w :x 1]]\n0 fail txn\n1 txn [[:r :x 1]]");
    valid(COMMITTED, "0 invoke txn [[:w :x 1]]\n0 info txn\n1 txn [[:r :x 1]]");
  }

  @Test
  void whatIsHalfDoneIsNotRead() {
    invalid(COMMITTED, "G1b", "0 txn [[:append :x 1] [:append :x 2]]\n1 txn [[:r :x [1]]]");
    valid(COMMITTED, "0 txn [[:append :x 1] [:append :x 2]]\n1 txn [[:r :x [1 2]]]");
    invalid(COMMITTED, "G1b", "0 txn [[:w :x 1] [:w :x 2]]\n1 txn [[:r :x 1]]");
    valid(COMMITTED, "0 txn [[:w :x 1] [:w :x 2]]\n1 txn [[:r :x 2]]");
  }

  @Test
  void whoReadsFromEachOtherIsFound() {
    invalid(
        COMMITTED,
        "G1c",
        """
        0 invoke txn [[:w :x 1] [:r :y nil]]
        1 invoke txn [[:w :y 1] [:r :x nil]]
        0 ok txn [[:w :x 1] [:r :y 1]]
        1 ok txn [[:w :y 1] [:r :x 1]]
        """);
    // One writes over the other in a list, and the other reads from it.
    invalid(
        COMMITTED,
        "G1c",
        """
        0 invoke txn [[:append :x 1] [:r :y nil]]
        1 txn [[:append :x 2] [:append :y 2]]
        0 ok txn [[:append :x 1] [:r :y [2]]]
        2 txn [[:r :x [1 2]]]
        """);
  }

  @Test
  void theOrderOfRegistersIsThatOfSessionsAndVersions() {
    String two =
        """
        0 txn [[:w :x 1] [:w :y 1]] | :versions {:x 1 :y %d}
        1 txn [[:w :x 2] [:w :y 2]] | :versions {:x 2 :y 2}
        2 txn [[:r :x 1]]
        """;
    valid(COMMITTED, two.formatted(1));
    invalid(COMMITTED, "G0", two.formatted(3));
    invalid(
        COMMITTED,
        "G1c",
        """
        0 invoke txn [[:r :y nil] [:w :x 1]]
        0 ok txn [[:r :y 2] [:w :x 1]]
        0 txn [[:w :x 2]]
        1 txn [[:r :x 2] [:w :y 2]]
        """);
  }

  @Test
  void listsThatMakeNoSenseAreFound() {
    invalid(COMMITTED, "unexpected", "0 txn [[:append :x 1]]\n1 txn [[:r :x [1 9]]]");
    invalid(COMMITTED, "duplicate", "0 txn [[:append :x 1]]\n1 txn [[:r :x [1 1]]]");
    invalid(
        COMMITTED,
        "incompatible-order",
        """
        0 txn [[:append :x 1]]
        0 txn [[:append :x 2]]
        1 txn [[:r :x [1]]]
        2 txn [[:r :x [2]]]
        """);
    refused(COMMITTED, "is written twice to the key :x", "0 txn [[:w :x 1]]\n1 txn [[:w :x 1]]");
    refused(COMMITTED, "both written and appended", "0 txn [[:w :x 1]]\n1 txn [[:append :x 2]]");
    refused(COMMITTED, "should have a vector", "0 txn [[:append :x 1]]\n1 txn [[:r :x 1]]");
  }

  @Test
  void longHistoriesTakeNoRecursion() {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 20_000; i++) {
      lines.append("0 txn [[:w ").append(i + 1).append(" 1] [:r ").append(i).append(" 1]]\n");
    }
    lines.append("1 txn [[:w 0 1]]\n");
    valid(COMMITTED, lines.toString());
    lines.setLength(lines.length() - "1 txn [[:w 0 1]]\n".length());
    lines.append("1 txn [[:w 0 1] [:r 20000 1]]\n");
    CheckResult result = COMMITTED.check(history(lines.toString()));
    assertEquals("G1c", result.anomalies().get(0).kind());
  }

  @Test
  void whoSeesAnEffectSeesItsCauses() {
    valid(
        CAUSAL,
        """
        0 write [:x 1]
        1 invoke read [:x nil]
        1 ok read [:x 1]
        """);
    String chain =
        """
        0 write [:x 1]
        0 write [:x 2]
        1 invoke read [:x nil]
        1 ok read [:x 2]
        1 write [:y 1]
        2 invoke read [:y nil]
        2 ok read [:y 1]
        2 invoke read [:x nil]
        2 ok read [:x %s]
        """;
    valid(CAUSAL, chain.formatted("2"));
    invalid(CAUSAL, "overwritten", chain.formatted("1"));
    invalid(CAUSAL, "missing", chain.formatted("nil"));
    invalid(CAUSAL, "unexpected", chain.formatted("3"));
    valid(CAUSAL, "9 invoke delete [:x nil]\n" + chain.formatted("nil"));
    invalid(CAUSAL, "failed-write", "9 invoke write [:x 3]\n9 fail write\n" + chain.formatted("3"));
    valid(CAUSAL, "9 invoke write [:x 3]\n9 info write\n" + chain.formatted("3"));
    unknown(CAUSAL, "0 write [:x 1]");
    refused(CAUSAL, "should be a vector [key value]", "0 write 1");
    refused(CAUSAL, "written twice", "0 write [:x 1]\n1 write [:x 1]");
    refused(CAUSAL, "should not be nil", "0 write [:x nil]");
  }

  @Test
  void valuesThatStandSideBySideAreReadTogether() {
    String concurrent =
        """
        0 write [:x 1]
        1 write [:x 2]
        2 invoke read [:x nil]
        2 ok read [:x #{1 2}]
        2 write [:y 1]
        3 invoke read [:y nil]
        3 ok read [:y #{1}]
        3 invoke read [:x nil]
        3 ok read [:x %s]
        """;
    valid(CAUSAL, concurrent.formatted("#{2 1}"));
    invalid(CAUSAL, "lost", concurrent.formatted("#{1}"));
    invalid(CAUSAL, "missing", concurrent.formatted("#{}"));
    invalid(CAUSAL, "unexpected", concurrent.formatted("#{1 2 3}"));
    String replaced =
        concurrent.formatted("#{1 2}")
            + """
            2 write [:x 3]
            2 write [:y 4]
            3 invoke read [:y nil]
            3 ok read [:y #{4}]
            3 invoke read [:x nil]
            3 ok read [:x %s]
            """;
    valid(CAUSAL, replaced.formatted("#{3}"));
    invalid(CAUSAL, "overwritten", replaced.formatted("#{3 1}"));
  }

  @Test
  void whatFollowsOnAWriteOfUnknownOutcomeMayComeFirst() {
    String unknown =
        """
        0 invoke write [:x 1]
        0 info write
        0 write [:y 1]
        1 invoke read [:y nil]
        1 ok read [:y 1]
        1 invoke read [:x nil]
        1 ok read [:x nil]
        """;
    valid(CAUSAL, unknown + "1 invoke read [:x nil]\n1 ok read [:x 1]");
  }

  @Test
  void concurrentWritesMayBeSeenInAnyOrderButOneThatFollowsMayNot() {
    String reads =
        """
        2 invoke read [:x nil]
        2 ok read [:x 1]
        2 invoke read [:x nil]
        2 ok read [:x 2]
        2 invoke read [:x nil]
        2 ok read [:x 1]
        """;
    valid(CAUSAL, "0 write [:x 1]\n1 write [:x 2]\n" + reads);
    invalid(CAUSAL, "overwritten", "0 write [:x 1]\n0 write [:x 2]\n" + reads);
    invalid(
        CAUSAL,
        "overwritten",
        """
        0 write [:x 1]
        0 delete [:x nil]
        0 write [:y 1]
        1 invoke read [:y nil]
        1 ok read [:y 1]
        1 invoke read [:x nil]
        1 ok read [:x 1]
        """);
  }

  @Test
  void whatIsReadBeforeItsCauseIsACycle() {
    invalid(
        CAUSAL,
        "cycle",
        """
        0 invoke read [:x nil]
        0 ok read [:x 1]
        0 write [:y 1]
        1 invoke read [:y nil]
        1 ok read [:y 1]
        1 write [:x 1]
        """);
  }

  @Test
  void causalOrderGoesThroughTokensOfSessions() {
    String history =
        """
        0 write [:x 1] | :session "a"
        1 write [:y 1] | :session "a"
        2 invoke read [:y nil]
        2 ok read [:y 1]
        2 invoke read [:x nil]
        2 ok read [:x nil]
        """;
    invalid(CAUSAL, "missing", history);
    valid(CAUSAL, history.replace(" | :session \"a\"", ""));
  }

  /// A store of one copy, which cannot be wrong, under random sessions; and one that now and then
  /// answers with a value of before.
  @Test
  void oneCopyIsCausalAndOneThatForgetsIsNot() {
    long seed = Long.getLong("seed", System.nanoTime());
    int found = 0;
    for (long i = seed; i < seed + 200; i++) {
      assertEquals(
          Verdict.VALID,
          CAUSAL.check(history(sessions(new Random(i), 0))).verdict(),
          "-Dseed=" + i);
      found +=
          CAUSAL.check(history(sessions(new Random(i), 0.2))).verdict() == Verdict.INVALID ? 1 : 0;
    }
    assertTrue(found > 100, "only " + found + " of 200 found, -Dseed=" + seed);
  }

  private static String sessions(Random random, double forgetting) {
    List<List<Integer>> keys = List.of(new ArrayList<>(), new ArrayList<>());
    StringBuilder lines = new StringBuilder();
    for (int i = 1; i <= 80; i++) {
      int process = random.nextInt(4);
      int key = random.nextInt(2);
      List<Integer> values = keys.get(key);
      if (i <= 4 || random.nextInt(3) == 0) {
        values.add(i);
        lines.append(process).append(" write [").append(key).append(' ').append(i).append("]\n");
      } else {
        int at = values.size() - 1;
        if (at > 0 && random.nextDouble() < forgetting) {
          at = random.nextInt(at);
        }
        Object value = at < 0 ? "nil" : values.get(at);
        lines.append(process).append(" invoke read [").append(key).append(" nil]\n");
        lines.append(process).append(" ok read [").append(key).append(' ').append(value);
        lines.append("]\n");
      }
    }
    return lines.toString();
  }

  @Test
  void whoSeesOneWriteOfATransactionSeesAllOfIt() {
    String writes =
        """
        0 txn [[:w :x 1] [:w :y 1]] | :versions {:x 1 :y 1}
        1 txn [[:w :x 2] [:w :y 2]] | :versions {:x 2 :y 2}
        2 txn [[:w :y 3]] | :versions {:y 3}
        """;
    valid(FRACTURED, writes + "3 txn [[:r :x 1] [:r :y 1]]");
    valid(FRACTURED, writes + "3 txn [[:r :x 2] [:r :y 2]]\n3 txn [[:r :x 1]]");
    valid(FRACTURED, writes + "3 txn [[:r :y 3] [:r :x 2]]");
    valid(FRACTURED, writes + "3 txn [[:r :x nil] [:r :y 3]]\n4 txn [[:r :x 2] [:r :y 2]]");
    invalid(FRACTURED, "fractured", writes + "3 txn [[:r :x 2] [:r :y 1]]");
    invalid(FRACTURED, "fractured", writes + "3 txn [[:r :y 1] [:r :x 2]]");
    invalid(FRACTURED, "fractured", writes + "3 txn [[:r :x 1] [:r :y nil]]");
    invalid(FRACTURED, "fractured", writes + "3 txn [[:r :x 1] [:w :z 1] [:r :y 2]]");
    unknown(FRACTURED, writes + "3 txn [[:r :x 2]]\n3 txn [[:r :y 1]]");
    unknown(FRACTURED, writes + "3 txn [[:r :x 2] [:r :z nil]]");
  }

  @Test
  void eachReadThatIsTooOldForAnotherCountsOnceAndSoDoesItsTransaction() {
    CheckResult result =
        invalid(
            FRACTURED,
            "fractured fractured",
            """
            0 txn [[:w :x 1] [:w :y 1] [:w :z 1]] | :versions {:x [1 0] :y [1 1] :z [1 2]}
            1 txn [[:w :x 2] [:w :y 2] [:w :z 2]] | :versions {:x [1 3] :y [1 4] :z [2]}
            2 txn [[:r :x 2] [:r :y 1] [:r :z 1] [:r :x 2]]
            """);
    assertEquals(1L, result.details().get("transaction-count"));
    assertEquals(4L, result.details().get("judged-reads"));
    assertEquals(2L, result.details().get("anomaly-count"));
  }

  @Test
  void readsAreFracturedByVersionsAndNotByWhoCameFirst() {
    // In the order of versions the one that was acknowledged first is the later one.
    String writes =
        """
        0 txn [[:w :x 1] [:w :y 1]] | :versions {:x 9 :y 9}
        1 txn [[:w :x 2] [:w :y 2]] | :versions {:x 2 :y 2}
        """;
    valid(FRACTURED, writes + "3 txn [[:r :x 1] [:r :y 1]]");
    invalid(FRACTURED, "fractured", writes + "3 txn [[:r :x 1] [:r :y 2]]");
    // Written over by the reader itself, with a stamp that is older than what it has read.
    invalid(
        FRACTURED,
        "fractured",
        writes + "3 txn [[:w :y 3] [:r :y 3] [:r :x 1]] | :versions {:y 5}");
  }

  @Test
  void onlyWholeTransactionsOfOthersFracture() {
    // Its own writes, and a key read twice, are for other checkers.
    unknown(FRACTURED, "0 txn [[:w :x 1] [:w :y 1] [:r :x 1] [:r :y nil]] | :versions {:x 1 :y 1}");
    String writes =
        "0 txn [[:w :x 1] [:w :y 1]] | :versions {:x 1 :y 1}\n0 invoke txn [[:w :x 2] [:w :y 2]]\n";
    String read = "\n1 txn [[:r :x 2] [:r :y 1]]";
    valid(FRACTURED, writes + "0 info txn nil | :versions {:x 2 :y 2}" + read);
    valid(FRACTURED, writes + "0 fail txn nil | :versions {:x 2 :y 2}" + read);
    unknown(FRACTURED, writes + "0 ok txn [[:w :x 2] [:w :y 2]]" + read);
    invalid(
        FRACTURED,
        "fractured",
        writes + "0 ok txn [[:w :x 2] [:w :y 2]] | :versions {:x 2 :y 2}" + read);
    // What is read may well be of one that failed half-way, as long as its version is told.
    String half = writes + "0 info txn nil | :versions {:x 2}\n1 txn [[:r :y 1] [:r :x ";
    valid(FRACTURED, half + "2]]");
    invalid(FRACTURED, "fractured", half + "nil]]");
    invalid(FRACTURED, "unexpected", writes + "0 info txn\n1 txn [[:r :x 7]]");
    refused(FRACTURED, "is written twice to the key :x", "0 txn [[:w :x 1]]\n1 txn [[:w :x 1]]");
    refused(
        FRACTURED,
        "should be whole numbers",
        writes.replace("1 :y 1}", "[:a] :y \"b\"}")
            + "0 ok txn [[:w :x 2] [:w :y 2]] | :versions {:x 2 :y 2}"
            + read);
  }

  /// A store of one copy in which transactions happen one after the other, and one that now and
  /// then answers a read with a value of before.
  @Test
  void oneCopyReadsAtomicallyAndOneThatForgetsDoesNot() {
    long seed = Long.getLong("seed", System.nanoTime());
    int found = 0;
    for (long i = seed; i < seed + 200; i++) {
      for (Checker checker : List.of(FRACTURED, OWN)) {
        assertEquals(
            Verdict.VALID,
            checker.check(history(transactions(new Random(i), 0))).verdict(),
            checker.name() + " -Dseed=" + i);
      }
      String forgetful = transactions(new Random(i), 0.2);
      found += FRACTURED.check(history(forgetful)).verdict() == Verdict.INVALID ? 1 : 0;
    }
    assertTrue(found > 100, "only " + found + " of 200 found, -Dseed=" + seed);
  }

  private static String transactions(Random random, double forgetting) {
    List<List<Integer>> keys = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    StringBuilder lines = new StringBuilder();
    for (int number = 1; number <= 60; number++) {
      StringBuilder operations = new StringBuilder();
      StringBuilder versions = new StringBuilder();
      for (int key = 0; key < keys.size(); key++) {
        List<Integer> values = keys.get(key);
        if (random.nextBoolean()) {
          values.add(number);
          operations.append("[:w ").append(key).append(' ').append(number).append("] ");
          versions.append(key).append(' ').append(number).append(' ');
        }
      }
      for (int key = 0; key < keys.size(); key++) {
        List<Integer> values = keys.get(key);
        int at = values.size() - 1;
        if (at > 0 && random.nextDouble() < forgetting) {
          at = random.nextInt(at);
        }
        Object value = at < 0 ? "nil" : values.get(at);
        operations.append("[:r ").append(key).append(' ').append(value).append("] ");
      }
      lines.append(random.nextInt(3)).append(" txn [").append(operations).append("] | :versions {");
      lines.append(versions).append("}\n");
    }
    return lines.toString();
  }

  @Test
  void aTransactionReadsWhatItWroteOrSomethingNewer() {
    String others = "9 txn [[:w :x 1]] | :versions {:x 1}\n8 txn [[:w :x 3]] | :versions {:x 3}\n";
    valid(OWN, others + "0 txn [[:w :x 2] [:r :x 2] [:r :x 3]] | :versions {:x 2}");
    valid(OWN, others + "0 txn [[:r :x 1] [:w :x 2] [:r :x 2]] | :versions {:x 2}");
    CheckResult result =
        invalid(
            OWN,
            "stale-own stale-own",
            others + "0 txn [[:w :x 2] [:r :x 1] [:r :x nil]] | :versions {:x 2}");
    assertEquals(1L, result.details().get("transaction-count"));
    assertEquals(2L, result.details().get("judged-reads"));
    // Also a transaction before, of the same session and no other.
    String own = others + "0 txn [[:w :x 2]] | :versions {:x 2} :session \"s\"\n";
    invalid(OWN, "stale-own", own + "1 txn [[:r :x 1]] | :session \"s\"");
    unknown(OWN, own + "1 txn [[:r :x 1]] | :session \"t\"");
    unknown(OWN, others + "0 txn [[:w :x 2] [:r :y nil]] | :versions {:x 2}");
    unknown(OWN, others + "0 txn [[:w :x 2] [:r :x 1]]");
  }

  @Test
  void longForksAreReportedAndFailNothing() {
    String writes = "0 txn [[:w :x 1]]\n1 txn [[:w :y 1]]\n";
    CheckResult none =
        valid(
            FORK,
            writes
                + "2 txn [[:r :x nil] [:r :y nil]]\n3 txn [[:r :y 1] [:r :x nil]]\n"
                + "4 txn [[:r :x 1] [:r :y 1]]");
    assertEquals(0, none.anomalies().size());
    CheckResult fork =
        valid(FORK, writes + "2 txn [[:r :x 1] [:r :y nil]]\n3 txn [[:r :x nil] [:r :y 1]]");
    assertEquals(1L, fork.details().get("long-fork-count"));
    assertEquals("long-fork", fork.anomalies().get(0).kind());
    unknown(FORK, writes + "2 txn [[:r :x 1]]");
    refused(FORK, "is written twice", "0 txn [[:w :x 1]]\n0 txn [[:w :x 2]]");
  }
}
