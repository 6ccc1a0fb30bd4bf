package dev.trellis.history.check;

import static dev.trellis.history.check.Histories.invalid;
import static dev.trellis.history.check.Histories.refused;
import static dev.trellis.history.check.Histories.unknown;
import static dev.trellis.history.check.Histories.valid;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/// What sessions read, and what was deleted.
class SessionCheckersTest {
  private static final Checker OWN = new ReadYourWrites();
  private static final Checker MONOTONIC = new MonotonicReads();
  private static final Checker WRITES = new MonotonicWrites();
  private static final Checker FOLLOWING = new WritesFollowReads();
  private static final Checker GONE = new NoResurrection(false, Duration.ZERO);

  @Test
  void aSessionReadsWhatItWroteOrSomethingNewer() {
    valid(OWN, "0 write 1\n0 read -> 1");
    valid(OWN, "0 write 1\n1 write 2\n0 read -> 2");
    valid(OWN, "0 write 1\n1 invoke delete\n0 read -> nil");
    valid(OWN, "0 write 1\n0 delete\n0 read -> nil");
    valid(OWN, "0 write 1\n0 invoke write 2\n0 info write 2\n1 write 3\n1 read -> 2");
    invalid(OWN, "stale-own", "0 write 1\n0 write 2\n0 read -> 1");
    invalid(OWN, "stale-own", "0 write 1\n0 read -> nil");
    invalid(OWN, "stale-own", "0 delete\n0 write 1\n0 read -> nil");
    invalid(OWN, "stale-own", "0 write 1\n0 delete\n0 read -> 1");
    unknown(OWN, "0 write 1\n1 read -> nil");
  }

  @Test
  void aSessionMayBeSpreadOverProcesses() {
    valid(OWN, "0 write 1 | :session \"s\"\n1 read -> 1 | :session \"s\"");
    invalid(OWN, "stale-own", "0 write 1 | :session \"s\"\n1 read -> nil | :session \"s\"");
  }

  @Test
  void versionsShowWhatValuesDoNot() {
    String write = "1 write 7 | :version [5 0]\n0 write 1 | :version [5 1]\n";
    valid(OWN, write + "0 read -> 7 | :version [5 2]");
    invalid(OWN, "stale-own", write + "0 read -> 7 | :version [5 0]");
    invalid(OWN, "stale-own", write + "0 read -> 7 | :version 4");
    valid(MONOTONIC, "0 read -> 7 | :version 1\n0 read -> 8 | :version 2");
    invalid(MONOTONIC, "went-back", "0 read -> 7 | :version 2\n0 read -> 8 | :version 1");
    refused(OWN, "should be whole numbers", write + "0 read -> 7 | :version \"x\"");
  }

  @Test
  void aSessionNeverReadsSomethingOlder() {
    String writes = "0 write 1\n0 write 2\n9 write 3\n";
    valid(MONOTONIC, writes + "1 read -> 1\n1 read -> 2\n1 read -> 2\n1 read -> 3");
    valid(MONOTONIC, writes + "1 read -> 2\n2 read -> 1\n1 read -> 3");
    valid(MONOTONIC, writes + "0 delete\n1 read -> 2\n1 read -> nil");
    invalid(MONOTONIC, "went-back", writes + "1 read -> 2\n1 read -> 1");
    invalid(MONOTONIC, "went-back", writes + "1 read -> 1\n1 read -> 3\n1 read -> 1");
    invalid(MONOTONIC, "went-back", writes + "1 read -> 1\n1 read -> nil");
    unknown(MONOTONIC, writes + "1 read -> 1\n2 read -> nil");
  }

  @Test
  void aLaterWriteOfASessionDoesNotLoseToAnEarlierOne() {
    String first = "0 write 1 | :version [0 5 7]\n";
    valid(WRITES, first + "0 write 2 | :version [0 6 3]");
    valid(WRITES, first + "0 delete | :version [4]\n0 write 2 | :version [4 1 3]");
    unknown(WRITES, first + "0 invoke write 2\n0 info write 2\n1 write 3 | :version [0 4 7]");
    invalid(WRITES, "overtaken", first + "0 write 2 | :version [0 5 3]");
    invalid(WRITES, "overtaken", first + "0 delete | :version [4]\n0 write 2 | :version [0 6 3]");
    invalid(
        WRITES,
        "overtaken overtaken",
        first + "0 write 2 | :version [0 4 7]\n0 write 3 | :version [0 4 8]");
    unknown(WRITES, first + "1 write 2 | :version [0 4 7]");
  }

  @Test
  void aRemovalTakesAwayWhatItsSessionHasAdded() {
    String end = "9 read -> #{1} | :final true";
    valid(WRITES, "0 add 1\n1 remove 1\n" + "0 add 2\n0 remove 2\n" + end);
    valid(
        WRITES,
        "0 add 2\n0 invoke remove 2\n0 info remove 2\n1 add 1\n1 remove 1\n9 read -> #{2} | :final true");
    invalid(WRITES, "kept", "0 add 1\n0 remove 1\n" + end);
    unknown(WRITES, "0 add 1\n1 remove 1\n" + end);
    unknown(WRITES, "0 add 1\n0 remove 1\n9 read -> #{1}");
    refused(WRITES, "is added twice", "0 add 1\n1 add 1");
  }

  @Test
  void aWriteOfASessionFollowsWhatItHasRead() {
    String read = "0 read -> 1 | :version [0 5 7]\n";
    valid(FOLLOWING, read + "0 write 2 | :version [0 6 3]");
    valid(FOLLOWING, read + "1 write 2 | :version [0 4 3]\n0 write 3 | :version [0 7 3]");
    invalid(FOLLOWING, "overtaken", read + "0 write 2 | :version [0 5 3]");
    unknown(FOLLOWING, read + "1 write 2 | :version [0 4 3]");
    String seen = "1 add 1\n0 read -> #{1}\n";
    valid(FOLLOWING, seen + "0 remove 1\n9 read -> #{} | :final true");
    invalid(FOLLOWING, "kept", seen + "0 remove 1\n9 read -> #{1} | :final true");
    unknown(FOLLOWING, seen + "1 remove 1\n9 read -> #{1} | :final true");
  }

  @Test
  void manyKeysOfSessions() {
    invalid(
        new EachKey(MONOTONIC),
        "went-back",
        """
        0 write [:a 1]
        0 write [:b 1]
        1 invoke read [:a nil]
        1 ok read [:a 1]
        1 invoke read [:b nil]
        1 ok read [:b nil]
        1 invoke read [:a nil]
        1 ok read [:a nil]
        """);
  }

  @Test
  void whatWasDeletedDoesNotComeBack() {
    valid(GONE, "0 write 1\n0 delete\n1 read -> nil");
    valid(GONE, "0 write 1\n0 delete\n0 write 2\n1 read -> 2");
    valid(GONE, "0 invoke write 1\n1 delete\n0 ok write 1\n1 read -> 1");
    valid(GONE, "0 invoke write 1\n0 info write 1\n1 delete\n1 read -> 1");
    valid(GONE, "0 write 1\n1 invoke delete\n2 read -> 1\n1 ok delete\n2 read -> nil");
    invalid(GONE, "undeleted", "0 write 1\n0 delete\n1 read -> nil\n1 read -> 1");
    unknown(GONE, "0 write 1\n1 read -> 1");
  }

  @Test
  void laggingReadsAndSkewedClocksExcuse() {
    Checker lagging = new NoResurrection(true, Duration.ZERO);
    valid(lagging, "0 write 1\n0 delete\n1 read -> 1\n1 read -> nil | :final true");
    invalid(lagging, "undeleted", "0 write 1\n0 delete\n1 read -> 1 | :final true");
    Checker skewed = new NoResurrection(false, Duration.ofMillis(1));
    String write = "0 write 1 | :time 1\n%d delete | :time %d\n1 read -> 1 | :time 9000000\n";
    valid(skewed, write.formatted(1, 1_000_001));
    invalid(skewed, "undeleted", write.formatted(1, 1_000_002));
    invalid(skewed, "undeleted", write.formatted(0, 2));
  }

  @Test
  void whatHasExpiredDoesNotComeBack() {
    String write = "0 write 1 | :ttl 10 :time 1000000\n";
    valid(GONE, write + "1 read -> 1 | :time 11000000\n1 read -> nil | :time 20000000");
    Checker tolerant = new NoResurrection(false, Duration.ofMillis(1));
    valid(tolerant, write + "1 read -> 1 | :time 12000000\n1 read -> nil | :time 20000000");
    invalid(tolerant, "unexpired", write + "1 read -> 1 | :time 12000001");
    invalid(GONE, "unexpired", write + "1 read -> 1 | :time 11000001");
    unknown(GONE, write + "1 read -> 1 | :time 5000000");
    refused(GONE, ":ttl should be a whole number", "0 write 1 | :ttl 0 :time 5");
    refused(GONE, "needs :time", "0 write 1 | :ttl 10");
  }
}
