package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StartupException;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A small disk of its own, which the test makes in memory and fills. Needs the right to mount.
class FullDiskIT {
  private static final int DISK_MEBIBYTES = 24;

  @TempDir Path folder;
  private Path disk;
  private boolean isMounted;

  @BeforeEach
  void mount() throws IOException {
    disk = Files.createDirectory(folder.resolve("disk"));
    isMounted = mountOptions("size=" + DISK_MEBIBYTES + "m", "-t", "tmpfs", "tmpfs");
    assumeTrue(isMounted, "no right to mount a file system");
  }

  private boolean mountOptions(String options, String... more) {
    String[] command = new String[more.length + 4];
    command[0] = "mount";
    System.arraycopy(more, 0, command, 1, more.length);
    command[more.length + 1] = "-o";
    command[more.length + 2] = options;
    command[more.length + 3] = disk.toString();
    return Execution.of(folder, Map.of(), List.of(command)).exitCode() == 0;
  }

  @AfterEach
  void unmount() {
    if (isMounted) {
      Execution.of(folder, Map.of(), List.of("umount", disk.toString())).expect(0);
    }
  }

  private NodeConfig config() {
    return NodeConfig.of(
        StrictConfig.ofText(
            NodeConfig.reference(),
            """
            node.id = n1, data.ports = 0, admin.port = 0, cluster.fault-tolerance = 0
            node.tier = ssd, data.folder = "%s"
            """
                .formatted(disk.resolve("data")),
            Map.of()));
  }

  private static Trellis connect(TrellisNode node) {
    return Trellis.connect("127.0.0.1:" + node.descriptor().shardPorts().getFirst());
  }

  @Test
  void aFullDiskRefusesWhatAddsAndNothingElseAndGoesOnByItself() throws IOException {
    Payload value = Payload.of(new byte[60_000]);
    Map<String, Payload> written = new HashMap<>();
    try (TrellisNode node = TrellisNode.start(config());
        Trellis client = connect(node)) {
      TrellisException full = null;
      for (int number = 0; full == null && number < 10_000; number++) {
        try {
          client.register("k" + number).put(value);
          written.put("k" + number, value);
        } catch (TrellisException e) {
          full = e;
        }
      }
      DefiniteException refused = assertInstanceOf(DefiniteException.class, full);
      assertEquals(ErrorCode.DISK_FULL, refused.code());
      // Where what is to be written lags far behind, the node has as much as the disk is large
      // before
      // a write to it fails.
      String why = String.valueOf(refused.getMessage());
      assertTrue(why.contains("can't write to its disk") || why.contains(" of at most "), why);
      written.forEach(
          (key, text) -> assertEquals(text, client.register(key).get().orElseThrow(), key));
      client.register("k0").delete();
      written.remove("k0");
      assertTrue(mountOptions("remount,size=" + 4 * DISK_MEBIBYTES + "m"), "more space");
      RecordedLoad.Conditions.await("it goes on", () -> puts(client, value));
      written.put("again", value);
    }
    try (TrellisNode node = TrellisNode.start(config());
        Trellis client = connect(node)) {
      written.forEach(
          (key, text) -> assertEquals(text, client.register(key).get().orElseThrow(), key));
      assertTrue(client.register("k0").get().isEmpty());
    }
  }

  private static boolean puts(Trellis client, Payload value) {
    try {
      client.register("again").put(value);
      return true;
    } catch (TrellisException e) {
      return false;
    }
  }

  @Test
  void aFolderThatCanOnlyBeReadIsRefused() throws IOException {
    TrellisNode.start(config()).close();
    assertTrue(mountOptions("remount,ro"));
    String message =
        String.valueOf(
            assertThrows(StartupException.class, () -> TrellisNode.start(config())).getMessage());
    assertTrue(message.contains("data.folder " + disk.resolve("data") + " cannot be written"));
    assertTrue(mountOptions("remount,rw"));
    TrellisNode.start(config()).close();
  }
}
