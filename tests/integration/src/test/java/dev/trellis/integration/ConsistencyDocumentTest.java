package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.Console;
import dev.trellis.cli.TrellisCli;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// What `docs/consistency.md` says is true: the tests that it names exist, and the command that it
/// shows says what it shows.
class ConsistencyDocumentTest {
  private static final Path ROOT = Path.of(System.getProperty("trellis.root"));
  private static final Path DOCUMENT = ROOT.resolve("docs/consistency.md");
  private static final Pattern TEST = Pattern.compile("`([A-Z]\\w*)\\.(\\w+)`");
  private static final String TABLE = "| promise |";
  private static final String COMMAND = "$ bin/trellis ";

  @Test
  void everyPromiseNamesTestsThatExist() throws IOException {
    List<String> rows = promises(Files.readString(DOCUMENT));
    assertTrue(rows.size() >= 10, rows.toString());
    List<Path> sources = testSources();
    for (String row : rows) {
      List<String> missing = missing(row, sources);
      assertEquals(List.of(), missing, row);
    }
  }

  @Test
  void whatSurvivesWhatIsTested() throws IOException {
    String page = Files.readString(ROOT.resolve("docs/durability.md"));
    List<Path> sources = testSources();
    List<String> rows =
        page.lines().filter(line -> line.matches("\\| `(one|replicated|durable)` \\|.*")).toList();
    assertEquals(3, rows.size(), rows.toString());
    for (String row : rows) {
      assertEquals(List.of(), missing(row, sources), row);
    }
  }

  @Test
  void everyAttackNamesTestsThatExist() throws IOException {
    List<String> rows =
        Files.readString(ROOT.resolve("docs/security.md"))
            .lines()
            .dropWhile(line -> !line.startsWith("| attack |"))
            .skip(2)
            .takeWhile(line -> line.startsWith("|"))
            .toList();
    assertTrue(rows.size() >= 10, rows.toString());
    List<Path> sources = testSources();
    for (String row : rows) {
      assertEquals(List.of(), missing(row, sources), row);
    }
  }

  @Test
  void aTestThatDoesNotExistIsNoticed() throws IOException {
    List<Path> sources = testSources();
    assertEquals(List.of("no test is named"), missing("| all is well | `ack=one` |", sources));
    assertEquals(
        List.of("ConsistencyDocumentTest.nothing", "Nobody.aTestThatDoesNotExistIsNoticed"),
        missing(
            "`ConsistencyDocumentTest.nothing` `Nobody.aTestThatDoesNotExistIsNoticed`", sources));
    // A method that is no test does not count.
    assertEquals(
        List.of("ConsistencyDocumentTest.missing"),
        missing("`ConsistencyDocumentTest.missing`", sources));
  }

  /// The rows of the table of promises.
  private static List<String> promises(String document) {
    return document
        .lines()
        .dropWhile(line -> !line.startsWith(TABLE))
        .skip(2)
        .takeWhile(line -> line.startsWith("|"))
        .toList();
  }

  private static List<Path> testSources() throws IOException {
    try (Stream<Path> files = Files.walk(ROOT)) {
      return files
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> file.toString().contains("/src/test/java/"))
          .toList();
    }
  }

  /// Which of the tests that a text names do not exist.
  private static List<String> missing(String text, List<Path> sources) throws IOException {
    List<String> missing = new ArrayList<>();
    Matcher named = TEST.matcher(text);
    int count = 0;
    while (named.find()) {
      count++;
      if (!exists(named.group(1), named.group(2), sources)) {
        missing.add(named.group(1) + "." + named.group(2));
      }
    }
    return count == 0 ? List.of("no test is named") : missing;
  }

  private static boolean exists(String type, String method, List<Path> sources) throws IOException {
    // From the annotation to the name there is neither a blank line nor the end of another method,
    // though there may be that of the cases of a test, which has a parenthesis behind it.
    Pattern declared =
        Pattern.compile(
            "@(Parameterized|Repeated)?Test\\b(?:.(?!\n\n|\n  }(?!\\))))*\\bvoid " + method + "\\(",
            Pattern.DOTALL);
    for (Path source : sources) {
      if (source.endsWith(type + ".java") && declared.matcher(Files.readString(source)).find()) {
        return true;
      }
    }
    return false;
  }

  @Test
  void theRunThatIsNotLinearizableIsFoundToBeInvalid() throws IOException {
    List<String> lines = Files.readString(DOCUMENT).lines().toList();
    int at =
        lines.indexOf(
            lines.stream()
                .filter(line -> line.startsWith(COMMAND + "check "))
                .findFirst()
                .orElseThrow());
    List<String> shown =
        lines.subList(at + 1, lines.size()).stream()
            .takeWhile(line -> !line.startsWith("```"))
            .toList();
    List<String> arguments = new ArrayList<>();
    for (String argument : lines.get(at).substring(COMMAND.length()).split(" ", -1)) {
      arguments.add(argument.endsWith(".edn") ? ROOT.resolve(argument).toString() : argument);
    }
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    ByteArrayOutputStream error = new ByteArrayOutputStream();
    int exitCode =
        TrellisCli.execute(
            new Console(
                new ByteArrayInputStream(new byte[0]),
                output,
                error,
                false,
                false,
                false,
                Map.of()),
            arguments.toArray(String[]::new));
    assertEquals(1, exitCode, error.toString(StandardCharsets.UTF_8));
    assertEquals(
        String.join("\n", shown).replaceAll("\\s+", " "),
        output.toString(StandardCharsets.UTF_8).strip());
    assertFalse(shown.isEmpty());
  }
}
