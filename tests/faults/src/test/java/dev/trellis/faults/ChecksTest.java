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
}
