package dev.trellis.integration.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.routing.RouterConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SystemdUnitsTest {
  private static final Path SYSTEMD = Tree.DEPLOY.resolve("systemd");
  private static final List<String> UNITS =
      List.of("trellis-node@.service", "trellis-router.service", "trellis-monitor.service");
  private static final String INSTALLED = "/opt/trellis/bin/trellis";

  /// Of ten; what systemd calls OK is below 2 for a service of the network.
  private static final int EXPOSURE_TENTHS_MAX = 20;

  @TempDir private Path folder;

  /// What verifies units wants the programs to be there.
  private void install() throws Exception {
    for (String unit : UNITS) {
      String text = Tree.read(SYSTEMD.resolve(unit));
      assertTrue(text.contains("ExecStart=" + INSTALLED + " run "), text);
      Files.writeString(
          folder.resolve(unit),
          text.replace(INSTALLED, Tree.ROOT.resolve("bin/trellis").toString()));
    }
  }

  private String analyze(String... arguments) throws Exception {
    install();
    String[] command = new String[arguments.length + UNITS.size() + 1];
    command[0] = "systemd-analyze";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    for (int at = 0; at < UNITS.size(); at++) {
      command[1 + arguments.length + at] = UNITS.get(at);
    }
    return Command.run(folder, command);
  }

  @Test
  void systemdFindsNothingWrong() throws Exception {
    assertEquals("", analyze("verify", "--man=no"));
  }

  @Test
  void whatAUnitMayDoIsLittle() throws Exception {
    String judged =
        analyze("security", "--offline=yes", "--no-pager", "--threshold=" + EXPOSURE_TENTHS_MAX);
    assertEquals(3, judged.lines().filter(line -> line.contains("Overall exposure")).count());
  }

  @Test
  void aUnitStopsAsLongAsItsProcessMayTake() {
    NodeConfig node = node("ssd-0");
    String unit = Tree.read(SYSTEMD.resolve("trellis-node@.service"));
    long seconds =
        unit.lines()
            .filter(line -> line.startsWith("TimeoutStopSec="))
            .mapToLong(line -> Long.parseLong(line.substring("TimeoutStopSec=".length())))
            .findFirst()
            .orElseThrow();
    assertTrue(Duration.ofSeconds(seconds).compareTo(node.stopTimeout().multipliedBy(2)) > 0);
    assertTrue(unit.contains("Restart=on-failure\n"), "a node that has left stays away");
  }

  /// Each process refuses the settings of others, so that one file for all could have but few.
  @Test
  void eachUnitHasVariablesOfItsOwn() {
    Map<String, String> files =
        Map.of(
            "trellis-node@.service", "%i",
            "trellis-router.service", "router",
            "trellis-monitor.service", "monitor");
    assertEquals(Set.copyOf(UNITS), files.keySet());
    files.forEach(
        (unit, name) ->
            assertTrue(
                Tree.read(SYSTEMD.resolve(unit))
                    .contains("\nEnvironmentFile=-/etc/trellis/" + name + ".environment\n"),
                unit));
  }

  private static StrictConfig settings(String reference, String name, Map<String, String> given) {
    Map<String, String> environment = new HashMap<>(given);
    environment.put("TRELLIS_SECRETS_FOLDER", Tree.ROOT.toString());
    return StrictConfig.read(reference, SYSTEMD.resolve("examples/" + name + ".conf"), environment);
  }

  private static NodeConfig node(String name) {
    String unit = Tree.read(SYSTEMD.resolve("trellis-node@.service"));
    String environment = "Environment=TRELLIS_NODE_ID=%i TRELLIS_DATA_FOLDER=/var/lib/trellis/%i\n";
    assertTrue(unit.contains(environment), unit);
    assertTrue(unit.contains("StateDirectory=trellis/%i\n"), unit);
    return NodeConfig.of(
        settings(
            NodeConfig.reference(),
            name,
            Map.of("TRELLIS_NODE_ID", name, "TRELLIS_DATA_FOLDER", "/var/lib/trellis/" + name)));
  }

  @Test
  void theExamplesAreLegalAndTheirPortsAreAllDifferent() {
    Set<Integer> ports = new HashSet<>();
    int taken = 0;
    for (String name : List.of("memory-0", "memory-1", "ssd-0")) {
      NodeConfig config = node(name);
      assertEquals(name, config.nodeId());
      assertTrue(name.startsWith(config.storage().tier().word()));
      int control = config.cluster().controlPort().orElseThrow();
      assertTrue(config.cluster().seeds().contains("127.0.0.1:" + control));
      ports.add(control);
      ports.add(config.listen().adminPort());
      ports.addAll(config.listen().dataPorts());
      taken += 2 + config.listen().dataPorts().size();
    }
    RouterConfig router = RouterConfig.of(settings(RouterConfig.reference(), "router", Map.of()));
    ports.add(router.lookup().address().getPort());
    ports.add(router.gateway().address().getPort());
    ports.add(router.admin().getPort());
    taken += 3;
    assertEquals(taken, ports.size());
    router.lookup().nodes().forEach(address -> assertTrue(ports.contains(address.port())));
  }
}
