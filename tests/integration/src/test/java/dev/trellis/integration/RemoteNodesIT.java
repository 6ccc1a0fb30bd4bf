package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// `node remove` and `node tolerate` with `--address`: on a cluster of `run node`, as on machines
/// and in containers, of which `up` knows nothing.
class RemoteNodesIT {
  private static final List<String> IDS = List.of("a", "b", "c", "d");

  @TempDir Path folder;
  private LocalTrellis local;
  private final Map<String, Process> nodes = new HashMap<>();

  @BeforeEach
  void choosePorts() {
    local = new LocalTrellis(folder);
  }

  @AfterEach
  void down() {
    for (Process node : nodes.values()) {
      node.destroyForcibly();
      node.onExit().join();
    }
    local.close();
  }

  private int controlPort(String id) {
    return local.portBase() + 100 + 20 * IDS.indexOf(id);
  }

  private Path secrets() {
    return folder.resolve("secrets");
  }

  private void start(String id, boolean secure) throws IOException {
    int port = controlPort(id);
    List<String> lines =
        new ArrayList<>(
            List.of(
                "node.id = " + id,
                "cluster.seeds = [\"127.0.0.1:" + controlPort("a") + "\"]",
                "cluster.founders = 2",
                "control.port = " + port,
                "admin.port = " + (port + 1),
                "data.ports = " + (port + 2)));
    if (secure) {
      lines.add("security = on");
      lines.add("secrets.folder = \"" + secrets().resolve("nodes/" + id) + '"');
    }
    Path config = Files.write(folder.resolve(id + ".conf"), lines);
    ProcessBuilder builder =
        new ProcessBuilder(
                LocalTrellis.script().toString(), "run", "node", "--config", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve(id + ".log").toFile());
    builder.environment().putAll(local.environment());
    nodes.put(id, builder.start());
  }

  private Execution trellis(boolean secure, String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(
        List.of(
            "--address",
            "127.0.0.1:" + (controlPort("a") + 2) + ",127.0.0.1:" + (controlPort("b") + 2)));
    if (secure) {
      all.addAll(
          List.of(
              "--ca",
              secrets().resolve("client/ca.crt").toString(),
              "--key-file",
              secrets().resolve("client/admin.key").toString()));
    }
    return local.trellis(all.toArray(String[]::new));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void membershipIsChangedByOrdersToNodesThatUpKnowsNothingOf(boolean secure) throws Exception {
    if (secure) {
      List<String> init = new ArrayList<>(List.of("security", "init", secrets().toString()));
      IDS.forEach(id -> init.addAll(List.of("--node", id)));
      local.trellis(init.toArray(String[]::new)).expect(0);
    }
    for (String id : IDS) {
      start(id, secure);
    }
    RecordedLoad.Conditions.await(
        "the cluster takes writes", () -> trellis(secure, "put", "k", "v").exitCode() == 0);
    assertEquals(
        "Each key is kept by 3 nodes.\n",
        trellis(secure, "node", "tolerate", "2").expect(0).output());
    assertEquals(
        "error: K 16 is outside 0 to 15\n",
        trellis(secure, "node", "tolerate", "16").expect(2).error());

    assertEquals(
        "error: d answers at 127.0.0.1, so it is not dead; 'trellis node remove d' has it hand over"
            + " its keys and leave\n",
        trellis(secure, "node", "remove", "d", "--dead").expect(3).error());
    String removed = trellis(secure, "node", "remove", "d").expect(0).output();
    assertTrue(removed.matches("d hands over its keys and leaves\\.\nd has left after .* s\\.\n"));
    assertEquals(0, nodes.get("d").onExit().join().exitValue());
    assertEquals(
        "error: there is no node 'd' in the cluster; the nodes are a, b, c\n",
        trellis(secure, "node", "remove", "d", "--dead").expect(2).error());

    nodes.get("c").destroyForcibly().onExit().join();
    assertEquals(
        "c is declared gone: what only it held is lost.\n",
        trellis(secure, "node", "remove", "c", "--dead").expect(0).output());
    assertEquals(
        "error: there is no node 'c' in the cluster; the nodes are a, b\n",
        trellis(secure, "node", "remove", "c", "--dead").expect(2).error());
    // With one copy less to be had, the two keep all, and may be told that this is enough.
    assertEquals(
        "{\"faultTolerance\":1,\"nodes\":2}",
        trellis(secure, "node", "tolerate", "1", "--json").expect(0).line());
    assertEquals("v\n", trellis(secure, "get", "k").expect(0).output());
    if (secure) {
      Path bare = Files.createDirectory(folder.resolve("bare"));
      for (String file : List.of("ca.crt", "admin.key")) {
        Files.copy(secrets().resolve("client").resolve(file), bare.resolve(file));
      }
      Execution refused =
          local
              .trellis(
                  "node",
                  "remove",
                  "b",
                  "--address",
                  "127.0.0.1:" + (controlPort("a") + 2),
                  "--ca",
                  bare.resolve("ca.crt").toString(),
                  "--key-file",
                  bare.resolve("admin.key").toString())
              .expect(2);
      assertTrue(refused.error().contains("need keys of the control plane"), refused::toString);
    }
  }

  /// Else 'up' would take the node for one that has crashed, and start it again.
  @Test
  void aClusterOfUpRemembersWhatIsDoneToItByItsAddress() {
    local.up("--memory-nodes", "3");
    String node = "127.0.0.1:" + (local.portBase() + 102);
    long pid = LocalTrellis.node(local.status(), "node-2").get("pid").asLong();
    local.trellis("node", "remove", "node-2", "--detach", "--address", node).expect(0);
    RecordedLoad.Conditions.await("node-2 ends", () -> !LocalTrellis.isRunning(pid));
    RecordedLoad.Conditions.await(
        "nobody speaks of node-2",
        () -> LocalTrellis.node(local.status(), "node-2").isMissingNode());
    assertTrue(local.up().output().startsWith("A cluster is running here already"));
    assertEquals(
        "error: --port-base is for a cluster of 'trellis up' on this machine, and --address for any"
            + " other; give one of them\n",
        local
            .trellis("node", "tolerate", "1", "--address", node, "--port-base", "7400")
            .expect(2)
            .error());
  }
}
