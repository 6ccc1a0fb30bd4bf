package dev.trellis.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.history.History;
import dev.trellis.history.HistoryReader;
import dev.trellis.history.check.Anomaly;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import dev.trellis.history.check.Verdict;
import java.io.IOException;
import java.io.StringReader;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Each check is shown histories that must pass and histories that must fail.
class ChecksTest {
  private static History history(String text) {
    try (HistoryReader reader = new HistoryReader(new StringReader(text), "a test")) {
      return reader.readAll();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /// One operation of a second's length, from second `at` on.
  private static String call(int process, String type, String f, String in, String out, int at) {
    return "{:process %d :type :invoke :f :%s :value %s :time %d}"
            .formatted(process, f, in, seconds(at))
        + " {:process %d :type :%s :f :%s :value %s :time %d}\n"
            .formatted(process, type, f, out, seconds(at + 1));
  }

  private static long seconds(int number) {
    return Duration.ofSeconds(number).toNanos();
  }

  private static String finalRead(String value, int at) {
    return "{:process 9 :type :invoke :f :read :value nil :final true :time %d}"
            .formatted(seconds(at))
        + " {:process 9 :type :ok :f :read :value %s :time %d}\n".formatted(value, seconds(at + 1));
  }

  private static void assertKinds(Checker checker, String history, String... kinds) {
    CheckResult result = checker.check(history(history));
    assertEquals(List.of(kinds), result.anomalies().stream().map(Anomaly::kind).toList());
    assertEquals(kinds.length == 0 ? Verdict.VALID : Verdict.INVALID, result.verdict());
  }

  private static void assertUnknown(Checker checker, String history) {
    assertEquals(Verdict.UNKNOWN, checker.check(history(history)).verdict());
  }

  @Test
  void whatWasDeletedMustNotComeBack() {
    String calls = call(0, "ok", "write", "1", "1", 0) + call(0, "ok", "delete", "nil", "nil", 3);
    DeleteCheck check = new DeleteCheck();
    assertKinds(check, calls + finalRead("nil", 9));
    assertKinds(check, calls + finalRead("1", 9), "resurrected");
    String again = calls + call(0, "ok", "write", "2", "2", 5);
    assertKinds(check, again + finalRead("2", 9));
    assertKinds(check, again + finalRead("nil", 9), "lost");
    String doubtful = calls + call(0, "info", "write", "2", "2", 5);
    assertKinds(check, doubtful + finalRead("nil", 9));
    assertKinds(check, doubtful + finalRead("2", 9));
    assertKinds(check, doubtful + finalRead("1", 9), "resurrected");
  }

  @Test
  void whatWasAcknowledgedMustBeRead() {
    String writes = call(0, "ok", "write", "1", "1", 0) + call(0, "info", "write", "2", "2", 2);
    GrowingCheck check = new GrowingCheck();
    assertKinds(check, writes + call(1, "ok", "read", "nil", "1", 5));
    assertKinds(check, writes + call(1, "ok", "read", "nil", "2", 5));
    assertKinds(check, writes + call(1, "ok", "read", "nil", "nil", 5), "stale");
    assertUnknown(check, writes);
  }

  /// Two elements, acknowledged at second 1 and 11, of which the last read has those given.
  private static String adds(String elements) {
    return call(0, "ok", "add", "1", "1", 0)
        + call(0, "ok", "add", "2", "2", 10)
        + finalRead(elements, 20);
  }

  /// With processes that were gone at these seconds, and were there for sure one before.
  private static LossCheck loss(int ageMaxSeconds, Integer... endings) {
    return new LossCheck(
        Duration.ofSeconds(ageMaxSeconds),
        Stream.of(endings).map(gone -> new Ending(seconds(gone - 1), seconds(gone))).toList());
  }

  @Test
  void onlyWhatWasAcknowledgedJustBeforeANodeWasGoneMayBeLost() {
    assertKinds(loss(2, 13), adds("[1 2]"));
    assertKinds(loss(2, 13), adds("[1]"));
    assertKinds(loss(0, 13), adds("[1]"), "lost");
    assertKinds(loss(2, 13), adds("[2]"), "lost");
    assertKinds(loss(2, 13), adds("[]"), "lost");
    assertKinds(loss(2, 3, 13), adds("[]"));
    assertKinds(loss(11, 13), adds("[]"));
    assertKinds(loss(2), adds("[1]"), "lost"); // nothing has ended
    assertKinds(loss(2, 9), adds("[1]"), "lost"); // before it was added
    assertKinds(loss(0, 10), adds("[1]")); // before it was acknowledged, not before it was asked
    assertUnknown(loss(2, 13), call(0, "ok", "add", "1", "1", 0));
  }

  @Test
  void whatAReadSawIsKnownFromThenOn() {
    String doubtful = call(0, "info", "add", "1", "1", 0);
    String seen = doubtful + call(1, "ok", "read", "nil", "[1]", 4);
    assertKinds(loss(2, 13), doubtful + finalRead("[]", 20));
    assertKinds(loss(2, 13), seen + finalRead("[]", 20), "lost");
    assertKinds(loss(2, 6), seen + finalRead("[]", 20));
  }

  @Test
  void whatWasNeverAddedIsNoLossEither() {
    assertKinds(loss(2, 13), adds("[1 2 3]"), "unexpected");
    assertKinds(
        loss(2, 13), call(0, "fail", "add", "1", "1", 0) + finalRead("[1]", 20), "failed-add");
  }

  @Test
  void lossesOfAllKeysAreMeasuredTogether() {
    List<CheckResult> results =
        List.of(
            loss(2, 13).check(history(adds("[1]"))),
            loss(2, 13).check(history(adds("[1 2]"))),
            new GrowingCheck().check(history(adds("[1]"))));
    assertEquals(
        Optional.of(
            "of 4 acknowledged adds 1 were lost, the oldest 1000 ms before a process ended; up"
                + " to 2000 ms is allowed"),
        LossCheck.summary(results));
    assertEquals(
        Optional.of("of 2 acknowledged adds 0 were lost; up to 2000 ms is allowed"),
        LossCheck.summary(List.of(loss(2).check(history(adds("[1 2]"))))));
    assertEquals(Optional.empty(), LossCheck.summary(results.subList(2, 3)));
  }
}
