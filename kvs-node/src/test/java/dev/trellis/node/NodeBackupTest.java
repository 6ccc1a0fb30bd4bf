package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.node.control.ControlClient;
import dev.trellis.node.control.OrderRefusedException;
import dev.trellis.node.store.ShardFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The orders by which a node copies what it has.
class NodeBackupTest {
  @TempDir Path folder;

  private static ControlClient client(TrellisNode node) {
    return new ControlClient("127.0.0.1", node.descriptor().controlPort(), Duration.ofSeconds(60));
  }

  private TrellisNode start() {
    return Nodes.start(
        "node.tier = ssd, control.port = 0, shards = 2, data.folder = \""
            + folder.resolve("data")
            + "\"");
  }

  private static String awaitEnd(TrellisNode node) throws IOException {
    long deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
    String progress = client(node).backupProgress();
    while (progress.contains("\"running\"")) {
      assertTrue(System.nanoTime() - deadline < 0, "it does not end");
      LockSupport.parkNanos(1_000_000);
      progress = client(node).backupProgress();
    }
    return progress;
  }

  @Test
  void eachShardIsCopiedIntoAFolderThatWasNotThere() throws Exception {
    Path copy = folder.resolve("copy");
    try (TrellisNode node = start()) {
      client(node).beginBackup(copy);
      String done = awaitEnd(node);
      assertTrue(done.startsWith("{\"state\":\"done\",\"folder\":\"" + copy + "\","), done);
      for (int shard = 0; shard < 2; shard++) {
        try (ShardFiles files = ShardFiles.open(copy.resolve("shard-" + shard))) {
          assertEquals("n1", files.owner().node());
          assertEquals(shard, files.owner().shard());
        }
      }
      client(node).beginBackup(copy);
      String failed = awaitEnd(node);
      assertTrue(failed.contains("\"failed\""), failed);
      assertTrue(failed.contains("\"problem\":\"" + copy + " is there already\""), failed);
      client(node).beginBackup(folder.resolve("missing/copy"));
      String missing = awaitEnd(node);
      assertTrue(missing.contains("missing is not there"), missing);
    }
    try (ShardFiles files = ShardFiles.open(folder.resolve("data/shard-0"))) {
      assertEquals(0, files.keys());
    }
  }

  @Test
  void whatCantBeCopiedIsRefused() throws Exception {
    try (TrellisNode node = start()) {
      assertEquals(
          "the folder 'copy' is no absolute path",
          assertThrows(OrderRefusedException.class, () -> client(node).beginBackup(Path.of("copy")))
              .getMessage());
    }
    try (TrellisNode memory = Nodes.start("control.port = 0")) {
      assertEquals(
          "it is a memory node, and has no data on disk",
          assertThrows(
                  OrderRefusedException.class,
                  () -> client(memory).beginBackup(folder.resolve("copy")))
              .getMessage());
    }
  }
}
