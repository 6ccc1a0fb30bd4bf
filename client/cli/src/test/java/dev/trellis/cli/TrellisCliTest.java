package dev.trellis.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrellisCliTest {
  private final Recorder recorder = new Recorder();

  @Test
  void withoutArgumentsItListsTheCommandsAndWhatToTry() {
    assertEquals(ExitCode.OK, recorder.run());
    assertTrue(recorder.output().contains("  put          Store a value."), recorder.output());
    assertTrue(recorder.output().contains("trellis put greeting hello"), recorder.output());
    assertEquals("", recorder.error());
  }

  @Test
  void everyCommandHasHelp() {
    for (Object command : new ValueCommands().commands()) {
      String name = new picocli.CommandLine(command).getCommandName();
      assertEquals(ExitCode.OK, recorder.run(name, "--help"));
      assertTrue(recorder.output().startsWith("Usage: trellis " + name), recorder.output());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          gte              | error: unknown command 'gte'; did you mean 'get'? Else see 'trellis --help'
          set ad           | error: unknown command 'ad'; did you mean 'add'? Else see 'trellis set --help'
          set              | error: missing required subcommand; see 'trellis set --help'
          put a b c        | error: one argument too many: 'c'; see 'trellis put --help'
          put              | error: missing required parameter: 'KEY'; see 'trellis put --help'
          put a            | error: give either a VALUE or --file FILE
          set add a b --knid | error: unknown option '--knid'; did you mean '--kind'? Else see 'trellis set add --help'
          put a b --ttl 5  | error: invalid value for option '--ttl': '5' is no duration: write a whole number and ms, s, m, h or d, such as 10s; see 'trellis put --help'
          put a b --ttl 0s | error: invalid value for option '--ttl': '0s' is no time at all; give 1ms or more; see 'trellis put --help'
          put a b --ttl 4000d | error: ttl PT96000H is outside PT0.001S to PT87672H
          put a b --ack two | error: invalid value for option '--ack': unknown acknowledgement 'two'; known are default, one, replicated, durable; see 'trellis put --help'
          put a b --kind counter | error: a counter is added to, not put as a whole: use 'trellis incr KEY NUMBER'
          put a b --kind max | error: "b" is no whole number from -9223372036854775808 to 9223372036854775807
          put a b --kind flag | error: a flag can only become true, not "b"; delete the key to clear it
          put a b --kind priority | error: --kind priority needs --priority NUMBER
          put a b --priority 1 | error: --priority goes with --kind priority only
          put a b --replace | error: --replace goes with --kind causal or multicausal only
          sorted add a b   | error: 'b' is no MEMBER=SCORE, such as alice=10
          sorted add a b=x | error: the score in 'b=x' is no number; write MEMBER=SCORE, such as alice=10
          sorted add a b=NaN | error: the score of "b" is NaN, which has no order
          sorted top a --limit 0 | error: limit 0 is below 1
          scan --limit 0   | error: --limit 0 is below 1
          expire a soon    | error: 'soon' is no duration: write a whole number and ms, s, m, h or d, such as 10s
          placement a --memory -1 | error: --memory -1 is outside 0 to 1000
          placement a --ssd 1001 | error: --ssd 1001 is outside 0 to 1000
          placement a --shards-per-node 0 | error: --shards-per-node 0 is outside 1 to 1000
          placement a --memory two | error: invalid value for option '--memory': 'two' is
          placement a --default --ssd 1 | error: --default goes with none of --memory, --ssd and --shards-per-node
          get a --address x | error: address 'x' is malformed: it must be host:port
          """)
  void misuseIsTold(String typed, String message) {
    assertEquals(ExitCode.MISUSE, recorder.run(typed.split(" ")), recorder.error());
    assertTrue(recorder.error().startsWith(message), recorder.error());
    assertEquals(1, recorder.error().lines().count());
    assertEquals("", recorder.output());
  }

  @Test
  void anUnknownKindIsToldWithAllThatThereAre() {
    assertEquals(ExitCode.MISUSE, recorder.run("put", "a", "b", "--kind", "set"));
    assertTrue(
        recorder.error().contains("unknown kind 'set'; the kinds are lww, max, min"),
        recorder.error());
  }

  @Test
  void errorsAreJsonWhereThatIsAskedFor() {
    assertEquals(ExitCode.MISUSE, recorder.run("gte", "--json"));
    Object error = ((Map<?, ?>) Json.read(recorder.error())).get("error");
    assertEquals(2L, ((Map<?, ?>) error).get("exitCode"));
    assertTrue(((Map<?, ?>) error).get("message").toString().startsWith("unknown command 'gte'"));
  }

  @Test
  void whereNoClusterAnswersTheErrorSaysWhatToDo() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    String address = "127.0.0.1:" + port;
    assertEquals(ExitCode.UNREACHABLE, recorder.run("get", "a", "--address", address));
    assertEquals(
        "error: no cluster answers at "
            + address
            + "; start one with 'trellis up', or say with --address where it is\n",
        recorder.error());
    assertEquals(ExitCode.UNREACHABLE, recorder.run("get", "a", "--address", address, "--json"));
    assertTrue(recorder.error().contains("\"code\":\"NO_NODES\""), recorder.error());
    assertEquals(ExitCode.UNREACHABLE, recorder.run("get", "a", "--address", address, "--verbose"));
    assertTrue(recorder.error().contains("\tat dev.trellis."), recorder.error());
  }

  @Test
  void theClusterOfThisMachineIsFoundByItsFolder(@TempDir Path home) throws IOException {
    Console console = recorder.withVariable("TRELLIS_HOME", home.toString()).console();
    assertEquals(List.of(), LocalClusters.ports(console));
    Path folder = Files.createDirectories(home.resolve("clusters/9400"));
    assertEquals(List.of(), LocalClusters.ports(console), "it was stopped");
    Files.writeString(folder.resolve(LocalClusters.STATE_FILE), "{}");
    assertEquals(List.of(9400), LocalClusters.ports(console));
    assertEquals(9400, LocalClusters.likelyPort(console).orElseThrow());
    Path another = Files.createDirectories(home.resolve("clusters/9500"));
    Files.writeString(another.resolve(LocalClusters.STATE_FILE), "{}");
    assertTrue(LocalClusters.likelyPort(console).isEmpty(), "either may be meant");
  }

  @Test
  void theFileOfAValueThatCannotBeReadIsNamed(@TempDir Path folder) {
    String missing = folder.resolve("none").toString();
    assertEquals(ExitCode.ENVIRONMENT, recorder.run("put", "a", "--file", missing));
    assertEquals("error: cannot read " + missing + ": no such file\n", recorder.error());
    assertEquals(ExitCode.ENVIRONMENT, recorder.run("import", missing, "--address", "127.0.0.1:1"));
    assertEquals("error: cannot read " + missing + ": no such file\n", recorder.error());
  }

  @Test
  void aShellFromAPipeRunsEveryLineAndTellsTheFirstFailure() {
    recorder.withInput("# a comment\n\nset\nput --help\n'open\n");
    assertEquals(ExitCode.MISUSE, recorder.run("shell"));
    assertTrue(recorder.output().startsWith("Usage: trellis put"), recorder.output());
    assertEquals(
        """
        error: missing required subcommand; see 'trellis set --help'
        error: line 5 has a quote that is not closed
        """,
        recorder.error());
    recorder.withInput("shell\n");
    assertEquals(ExitCode.MISUSE, recorder.run("shell"));
    recorder.withInput("exit\nset\n");
    assertEquals(ExitCode.OK, recorder.run("shell"));
    assertFalse(recorder.error().contains("set"));
  }
}
