package dev.trellis.history.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.Console;
import dev.trellis.cli.Json;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckCommandTest {
  private static final String VALID =
      "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write}\n";
  private static final String INVALID =
      VALID
          + "{:process 1, :type :invoke, :f :read}\n{:process 1, :type :ok, :f :read, :value 2}\n";

  @TempDir Path folder;

  private record Run(int exitCode, String output, String error) {}

  private Run run(String history, String... options) throws IOException {
    Path file = Files.writeString(folder.resolve("history.edn"), history);
    List<String> arguments = new ArrayList<>(List.of("check", file.toString()));
    arguments.addAll(List.of(options));
    return execute("", arguments.toArray(String[]::new));
  }

  private static Run execute(String input, String... arguments) {
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    ByteArrayOutputStream error = new ByteArrayOutputStream();
    Console console =
        new Console(
            new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
            output,
            error,
            false,
            false,
            false,
            Map.of());
    int exitCode = TrellisCli.execute(console, arguments);
    return new Run(
        exitCode, output.toString(StandardCharsets.UTF_8), error.toString(StandardCharsets.UTF_8));
  }

  @Test
  void theVerdictIsPrintedAsEdnAndIsTheExitCode() throws IOException {
    Run valid = run(VALID, "--model", "register");
    assertEquals(0, valid.exitCode, valid.error);
    assertEquals(
        "{:valid? true, :model :register, :engine :trellis, :calls 1, :configurations 1}\n",
        valid.output);
    Run invalid = run(INVALID);
    assertEquals(1, invalid.exitCode, invalid.error);
    assertTrue(invalid.output.startsWith("{:valid? false, :model :cas-register, "), invalid.output);
    assertTrue(invalid.output.contains(":failing-prefix 4, "), invalid.output);
    assertTrue(invalid.output.contains(":states [1]"), invalid.output);
    assertEquals("", invalid.error);
  }

  @Test
  void theVerdictIsPrintedAsJson() throws IOException {
    assertEquals(true, json(run(VALID, "--json"), 0).get("valid"));
    Map<?, ?> invalid = json(run(INVALID, "--json"), 1);
    assertEquals(false, invalid.get("valid"));
    assertEquals("cas-register", invalid.get("model"));
    assertEquals(4L, invalid.get("failingPrefix"));
    assertEquals(Map.of("process", 1L, "type", "ok", "f", "read", "value", 2L), invalid.get("op"));
    assertEquals(1, ((List<?>) invalid.get("anomalies")).size());
  }

  private static Map<?, ?> json(Run run, int exitCode) {
    assertEquals(exitCode, run.exitCode, run.error);
    return (Map<?, ?>) Json.read(run.output.strip());
  }

  @Test
  void withoutTimeTheAnswerIsUnknown() throws IOException {
    StringBuilder history = new StringBuilder();
    StringBuilder elements = new StringBuilder();
    for (int i = 0; i < 60; i++) {
      history.append("{:process ").append(i).append(" :type :invoke :f :add :value ");
      history.append(i).append("}\n");
      elements.append(i).append(' ');
    }
    history.append(
        "{:process 99 :type :invoke :f :read}\n{:process 99 :type :ok :f :read :value [");
    history.append(elements).append("99]}");
    Run unknown = run(history.toString(), "--model", "set", "--time-limit", "50ms");
    assertEquals(3, unknown.exitCode, unknown.error);
    assertTrue(unknown.output.startsWith("{:valid? :unknown, "), unknown.output);
    assertEquals(
        "unknown",
        json(run(history.toString(), "--model", "set", "--time-limit", "50ms", "--json"), 3)
            .get("valid"));
  }

  @Test
  void keysAreCheckedOneByOne() throws IOException {
    String history =
        """
        {:process 0, :type :invoke, :f :write, :value ["a" 1]}
        {:process 0, :type :ok, :f :write, :value ["a" 1]}
        {:process 1, :type :invoke, :f :read, :value ["%s" nil]}
        {:process 1, :type :ok, :f :read, :value ["%s" nil]}
        """;
    Map<?, ?> valid = json(run(history.formatted("b", "b"), "--each-key", "--json"), 0);
    assertEquals(2L, valid.get("keys"));
    Map<?, ?> invalid = json(run(history.formatted("a", "a"), "--each-key", "--json"), 1);
    assertEquals(List.of("a"), invalid.get("invalid"));
    assertEquals(4L, invalid.get("failingPrefix"));
    misused(run(VALID, "--each-key"), "the value should be a vector [key value]");
  }

  @Test
  void aHistoryMayComeFromStandardInput() {
    assertEquals(0, execute(VALID, "check", "-").exitCode);
    assertEquals(1, execute(INVALID, "check", "-").exitCode);
  }

  @Test
  void misuseIsToldWithWhatIsWrong() throws IOException {
    misused(execute("", "check", "/no/such/file.edn"), "there is no file /no/such/file.edn");
    misused(execute("", "check", folder.toString()), "is a folder");
    misused(execute("", "check"), "FILE");
    misused(run(VALID, "--model", "queue"), "--model 'queue' should be cas-register, register");
    misused(run(VALID, "--engine", "elle"), "--engine 'elle' should be trellis, knossos");
    misused(run(VALID, "--time-limit", "soon"), "'soon' is no time above zero");
    misused(run("{:process 0,\n :type :ok"), "history.edn, line 2, column 11: the text ends here");
    misused(run("[{:process 0 :type :ok :f :read :value 1}]"), "told of a call that it did not");
    misused(run("{:process 0 :type :invoke :f :add}"), "the model cas-register has no function");
    misused(run(VALID, "--model", "mutex"), "has no function :write, only :acquire and :release");
  }

  private static void misused(Run run, String expected) {
    assertEquals(2, run.exitCode, run.error);
    assertEquals("", run.output);
    assertEquals(1, run.error.lines().count(), run.error);
    assertTrue(run.error.contains(expected), run.error);
  }

  @Test
  void withoutKnossosTheCommandSaysHowToGetIt() throws IOException {
    Run run = run(VALID, "--engine", "knossos");
    if (run.exitCode != 0) { // with -P knossos it is there
      misused(run, "Knossos is not on the class path");
    }
  }
}
