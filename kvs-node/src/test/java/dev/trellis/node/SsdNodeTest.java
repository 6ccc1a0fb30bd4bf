package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.node.net.AdminClient;
import dev.trellis.node.net.RawClient;
import dev.trellis.process.StartupException;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A node of the SSD tier that stands alone, and its folder.
class SsdNodeTest {
  @TempDir Path folder;

  private String settings(String more) {
    return "node.tier = ssd, shards = 2, data.folder = \"" + folder + "\"\n" + more;
  }

  private TrellisNode start() {
    return Nodes.start(settings(""));
  }

  private static RawClient connect(TrellisNode node) throws IOException {
    return RawClient.open(node.descriptor().shardPorts().getFirst(), Frame.Scope.NODE);
  }

  private String refusal(String more) {
    return String.valueOf(
        assertThrows(StartupException.class, () -> Nodes.start(settings(more))).getMessage());
  }

  @Test
  void hasItsDataAgainWhenItStartsAgain() throws IOException {
    Payload value = Payload.ofText("v".repeat(10_000));
    try (TrellisNode node = start();
        RawClient client = connect(node)) {
      assertEquals(NodeDescriptor.Tier.SSD, node.descriptor().tier());
      for (int at = 0; at < 100; at++) {
        client.put("k" + at, value);
      }
    }
    try (TrellisNode node = start();
        RawClient client = connect(node)) {
      for (int at = 0; at < 100; at++) {
        assertEquals(value, assertInstanceOf(View.Bytes.class, client.get("k" + at)).value());
      }
      assertInstanceOf(View.Missing.class, client.get("other"));
    }
  }

  @Test
  void aFolderOfSomebodyElseIsRefusedWithWhatToDo() {
    start().close();
    String cluster = refusal("cluster.name = other");
    assertTrue(
        cluster.contains(
            "data.folder "
                + folder
                + " belongs to cluster 'trellis', not 'other'; set cluster.name to that, or use"
                + " another data.folder"),
        cluster);
    String node = refusal("node.id = n2");
    assertTrue(node.contains("belongs to node 'n1', not 'n2'; set node.id"), node);
    String shards = refusal("shards = 3");
    assertTrue(shards.contains("belongs to shards '2', not '3'; set shards to that"), shards);
    start().close();
  }

  @Test
  void aFolderIsForOneProcess() {
    try (TrellisNode _ = start()) {
      String message = refusal("");
      assertTrue(message.contains("is in use by another process; end that"), message);
    }
  }

  @Test
  void aFolderOfANewerFormatIsRefused() throws IOException {
    start().close();
    Path member = folder.resolve("member");
    byte[] bytes = Files.readAllBytes(member);
    bytes[7]++; // the format, without its checksum
    Files.write(member, bytes);
    assertTrue(refusal("").contains("can't be read: its checksum is wrong"));
  }

  @Test
  void aFileInPlaceOfTheFolderIsRefused() throws IOException {
    folder = Files.writeString(folder.resolve("file"), "x");
    String message = refusal("");
    assertTrue(message.contains("data.folder " + folder + " cannot be written"), message);
  }

  @Test
  void tellsWhatItsDisksDo() throws Exception {
    try (TrellisNode node = start();
        RawClient client = connect(node);
        AdminClient admin = new AdminClient(node)) {
      client.put("k", Payload.ofText("v"));
      String metrics = admin.get("/metrics").body();
      assertTrue(metrics.contains("trellis_disk_stopped{shard=\"1\",} 0.0"), metrics);
      assertTrue(metrics.contains("trellis_disk_sync_seconds_count"), metrics);
      assertTrue(metrics.contains("trellis_disk_free_bytes"), metrics);
      assertTrue(metrics.contains("trellis_records_broken_total{shard=\"0\",} 0.0"), metrics);
    }
  }
}
