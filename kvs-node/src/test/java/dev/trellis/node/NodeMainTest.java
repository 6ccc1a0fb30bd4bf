package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.net.RawClient;
import dev.trellis.wire.Frame;
import dev.trellis.wire.View;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The node as a process: what it prints, and the code it exits with.
class NodeMainTest {
  private static final String FREE_PORTS = "data.ports = 0\nadmin.port = 0\nclock.skew.max = 1m\n";
  private static final Pattern PORTS =
      Pattern.compile("data ports \\[[0-9]+, ([0-9]+)], admin port ([0-9]+)");

  @TempDir private Path folder;

  private record Ended(int code, String out, String err) {}

  private Process start(List<String> options, Map<String, String> environment, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m"));
    command.addAll(
        List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"));
    String logging = System.getProperty("logback.configurationFile");
    if (logging != null) {
      command.add("-Dlogback.configurationFile=" + logging);
    }
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(NodeMain.class.getName());
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.startsWith("TRELLIS_"));
    builder.environment().putAll(environment);
    return builder.start();
  }

  private Ended run(Map<String, String> environment, String... arguments) throws Exception {
    Process process = start(List.of(), environment, arguments);
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), out, err);
  }

  /// Runs what cannot start, and returns why not.
  private String refusal(String config, Map<String, String> environment) throws Exception {
    Ended ended = run(environment, "--config", write(config));
    assertEquals(2, ended.code(), ended.err());
    List<String> errors = ended.err().lines().filter(line -> line.startsWith("error: ")).toList();
    assertEquals(1, errors.size(), ended.err());
    assertFalse(ended.err().contains("\tat "), ended.err());
    return errors.getFirst().substring("error: ".length());
  }

  private String refusal(String config) throws Exception {
    return refusal(config, Map.of());
  }

  private String write(String config) throws IOException {
    return Files.writeString(folder.resolve("trellis.conf"), config).toString();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aNodeServesUntilItIsTerminatedAndExitsWithZero(boolean withoutNative) throws Exception {
    Process process =
        start(
            List.of("-Dio.netty.transport.noNative=" + withoutNative),
            Map.of("TRELLIS_NODE_ID", "n7", "TRELLIS_SHARDS", "2"),
            "--config",
            write(FREE_PORTS + "node.id = overridden\ncluster.name = test"));
    try (BufferedReader log = process.errorReader()) {
      String line = log.readLine();
      assertTrue(line.contains("node starts with"), line);
      assertTrue(line.contains("cluster.name=\"test\" "), line);
      assertTrue(line.contains("node.id=\"n7\""), line);
      String started = log.readLine();
      Matcher ports = PORTS.matcher(started);
      assertTrue(ports.find(), started);
      assertTrue(started.contains("node n7 of cluster test serves 127.0.0.1"), started);
      try (RawClient client = RawClient.open(Integer.parseInt(ports.group(1)), Frame.Scope.NODE)) {
        client.put("k", Payload.ofText("v"));
        assertEquals(new View.Bytes(Payload.ofText("v"), 0), client.get("k"));
        process.toHandle().destroy(); // SIGTERM, with the streams left open
        assertTrue(client.refusal().isEmpty());
      }
      assertEquals(0, process.waitFor());
      assertEquals(
          List.of("node stops", "node stopped"),
          log.lines().map(end -> end.replaceAll(".*: ", "")).toList());
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void everySettingIsPrintedOnRequest() throws Exception {
    assertEquals(new Ended(0, NodeConfig.reference(), ""), run(Map.of(), "--reference"));
  }

  @Test
  void wrongArgumentsAreAnsweredWithTheRightOnes() throws Exception {
    Ended ended = run(Map.of(), "--port", "7");
    assertEquals(2, ended.code());
    assertEquals(
        "error: usage: node --config FILE, or --reference to print every setting there is\n",
        ended.err());
  }

  @Test
  void anUnknownKeyIsNamedWithItsLineAndTheNearestKnownOne() throws Exception {
    assertEquals(
        folder.resolve("trellis.conf")
            + ": 2: unknown key 'shard'; the nearest known one is 'shards'",
        refusal("node.id = n1\nshard = 2"));
  }

  @Test
  void anUnknownVariableIsNamedWithTheNearestKnownOne() throws Exception {
    assertEquals(
        "unknown environment variable TRELLIS_SHARD; the nearest known one is TRELLIS_SHARDS",
        refusal("node.id = n1", Map.of("TRELLIS_SHARD", "2")));
  }

  @Test
  void otherAddressesThanLoopbackNeedAWord() throws Exception {
    assertTrue(
        refusal(FREE_PORTS + "node.id = n1\nbind = 0.0.0.0\nadvertise = localhost")
            .startsWith("bind 0.0.0.0 is not a loopback address"));
  }

  @Test
  void aPortInUseIsNamedWithWhoNeedsIt() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = taken.getLocalPort();
      assertEquals(
          "port "
              + port
              + " of 127.0.0.1 is in use, and shard 1 of node n1 needs it; stop what listens there,"
              + " or set data.ports to another port (0 takes a free one)",
          refusal("node.id = n1\nshards = 2\nadmin.port = 0\ndata.ports = [0, " + port + "]"));
      assertEquals(
          "port "
              + port
              + " of 127.0.0.1 is in use, and the admin port of node n1 needs it; stop what listens"
              + " there, or set admin.port to another port (0 takes a free one)",
          refusal("node.id = n1\ndata.ports = 0\nadmin.port = " + port));
    }
  }

  @Test
  void aDataFolderThatCannotBeWrittenIsNamedWithTheReason() throws Exception {
    Path file = Files.writeString(folder.resolve("occupied"), "by a file");
    assertEquals(
        "data.folder "
            + file
            + " cannot be written: "
            + file
            + " is a file; name another folder, or give this user the right to write there",
        refusal(FREE_PORTS + "node.id = n1\ndata.folder = \"" + file + "\""));
    Path within = file.resolve("data");
    String refusal = refusal(FREE_PORTS + "node.id = n1\ndata.folder = \"" + within + "\"");
    assertTrue(refusal.startsWith("data.folder " + within + " cannot be written: "), refusal);
  }
}
