package dev.trellis.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.LocalClusters;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalClusterTest {
  private static final String MARK = "a-node-that-nobody-knows";

  @TempDir Path folder;

  /// A `bin/trellis` whose servers just stay.
  @BeforeEach
  void makeScript() throws IOException {
    Path script = Files.createDirectories(folder.resolve("bin")).resolve("trellis");
    Files.writeString(script, "#!/bin/bash\nexec -a " + MARK + " sleep 600\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    System.setProperty("trellis.home", folder.toString());
  }

  @AfterEach
  void forgetScript() {
    System.clearProperty("trellis.home");
    ProcessHandle.current().children().forEach(ProcessHandle::destroyForcibly);
  }

  @Test
  void whatCannotBeRememberedDoesNotRunOn() throws Exception {
    Console console = LocalScalerSource.silent(Map.of(Console.HOME, folder.toString()));
    ClusterState none =
        new ClusterState(
            new Ports(freePort()),
            1,
            "64m",
            1,
            Map.of(),
            Optional.empty(),
            Optional.empty(),
            folder.resolve("data"),
            List.of());
    Path state = ClusterState.folderOf(console, none.ports().base());
    // Where it is written before it takes the former one's place.
    Files.createDirectories(state.resolve(LocalClusters.STATE_FILE + ".new"));
    LocalCluster cluster = new LocalCluster(console, none);

    CommandFailure failure =
        assertThrows(CommandFailure.class, () -> cluster.add(new PlannedNode(0, Tier.MEMORY)));

    assertEquals(ExitCode.ENVIRONMENT, failure.exitCode(), failure::toString);
    assertTrue(
        String.valueOf(failure.getMessage()).startsWith("cannot remember what runs: "),
        failure::toString);
    assertEquals(List.of(), cluster.state().servers());
    for (ProcessHandle child : ProcessHandle.current().children().toList()) {
      child.onExit().get(1, TimeUnit.MINUTES); // fails if it stays
    }
  }

  /// Of a cluster whose first node finds its ports free; below those of outgoing connections.
  private static int freePort() {
    return IntStream.iterate(10_000, base -> base < 32_000, base -> base + 20)
        .filter(
            base -> {
              Ports ports = new Ports(base);
              return IntStream.rangeClosed(ports.nodeControl(0), ports.nodeStatistics(0))
                  .allMatch(PortOwner::isFree);
            })
        .findFirst()
        .orElseThrow();
  }
}
