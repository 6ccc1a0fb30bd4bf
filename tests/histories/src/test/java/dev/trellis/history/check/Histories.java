package dev.trellis.history.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.history.History;
import dev.trellis.history.HistoryException;
import dev.trellis.history.HistoryReader;
import dev.trellis.history.Operation;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.stream.Collectors;

/// Histories in few words, and what a checker must find in them.
///
/// | line | stands for |
/// |---|---|
/// | `0 write 5` | process 0 asks, and is told `:ok` at once, both with 5 |
/// | `0 read -> 5` | it asks with nil and is told 5 |
/// | `0 invoke write 5`, `0 info write 5` | one operation |
/// | `… \| :final true` | with these fields in each of them |
final class Histories {
  private static final String TYPES = "invoke|ok|fail|info";

  private Histories() {}

  static History history(String lines) {
    StringBuilder text = new StringBuilder();
    lines.lines().filter(line -> !line.isBlank()).forEach(line -> append(line.strip(), text));
    try (HistoryReader reader = new HistoryReader(new StringReader(text.toString()), "test")) {
      return reader.readAll();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void append(String line, StringBuilder text) {
    String[] halves = line.split(" \\| ", 2);
    String fields = halves.length == 2 ? halves[1] : "";
    String[] words = halves[0].split(" ", 3);
    if (words[1].matches(TYPES)) {
      String[] rest = words[2].split(" ", 2);
      append(words[0], words[1], rest[0], rest.length == 2 ? rest[1] : "nil", fields, text);
      return;
    }
    String value = words.length == 3 ? words[2] : "nil";
    boolean asks = value.startsWith("-> ");
    append(words[0], "invoke", words[1], asks ? "nil" : value, fields, text);
    append(words[0], "ok", words[1], asks ? value.substring(3) : value, fields, text);
  }

  private static void append(
      String process, String type, String f, String value, String fields, StringBuilder text) {
    text.append("{:process ").append(process).append(" :type :").append(type);
    text.append(" :f :").append(f).append(" :value ").append(value).append(' ');
    text.append(fields).append("}\n");
  }

  static CheckResult valid(Checker checker, String lines) {
    return found(checker, Verdict.VALID, lines);
  }

  static CheckResult unknown(Checker checker, String lines) {
    return found(checker, Verdict.UNKNOWN, lines);
  }

  /// @param kinds of the anomalies, in order
  static CheckResult invalid(Checker checker, String kinds, String lines) {
    CheckResult result = found(checker, Verdict.INVALID, lines);
    assertEquals(
        kinds, result.anomalies().stream().map(Anomaly::kind).collect(Collectors.joining(" ")));
    return result;
  }

  private static CheckResult found(Checker checker, Verdict verdict, String lines) {
    History history = history(lines);
    CheckResult result = checker.check(history);
    assertEquals(verdict, result.verdict(), () -> lines + result.toEdn());
    for (Anomaly anomaly : result.anomalies()) {
      List<Operation> operations = anomaly.operations();
      assertTrue(!operations.isEmpty(), anomaly.toString());
      assertTrue(history.operations().containsAll(operations), anomaly.toString());
    }
    return result;
  }

  static void refused(Checker checker, String expected, String lines) {
    String message =
        assertThrows(HistoryException.class, () -> checker.check(history(lines))).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
