package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.OpaqueValue;
import dev.trellis.lattice.Payload;
import dev.trellis.node.net.DataPlane;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.Slot;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuarantineTest {
  private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");
  @TempDir private Path folder;

  private static ShardCore holding(ShardConfig config, Entry entry) {
    MemoryStore store = new MemoryStore();
    store.put(new Slot(Payload.ofText("k" + config.shard()), entry, 0));
    return new ShardCore(config, store);
  }

  private void write(Optional<Path> to, Entry entry) {
    try (DataPlane plane =
        DataPlane.bind(
            Nodes.config("shards = 2\nstop.timeout = 100ms"),
            Optional.empty(),
            InetAddress.getLoopbackAddress(),
            0x7f,
            InstantSource.system(),
            new Random(1),
            1L << 30,
            config -> holding(config, entry))) {
      NodeDescriptor self =
          new NodeDescriptor(
              "n1",
              NodeDescriptor.Tier.MEMORY,
              "127.0.0.1",
              plane.ports(),
              1,
              0x7f,
              1,
              NodeDescriptor.State.ACTIVE);
      Quarantine.write(to, self, plane, NOW);
    }
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  @Test
  void whatAllShardsHoldIsInAFileNamedForNodeLifeAndTime() throws IOException {
    write(Optional.of(folder), Entry.of(HybridTimestamp.ZERO, new MaxRegister(5)));
    Path file = folder.resolve("quarantine-n1-7f-20260102T030405Z.jsonl");
    assertEquals(List.of(file), files());
    assertEquals(
        List.of(
            "{\"key\": \"k0\", \"kind\": \"max\", \"value\": 5}",
            "{\"key\": \"k1\", \"kind\": \"max\", \"value\": 5}"),
        Files.readAllLines(file));
  }

  @Test
  void whereNothingCanBeToldThereIsNoFile() throws IOException {
    write(Optional.of(folder), Entry.empty(HybridTimestamp.ofMillis(7)));
    write(
        Optional.of(folder),
        Entry.of(HybridTimestamp.ZERO, OpaqueValue.of(99, List.of(Payload.ofText("?")))));
    assertEquals(List.of(), files());
  }

  /// The node ends all the same.
  @Test
  void aFolderThatIsNotThereIsNoReasonToFail() throws IOException {
    Entry entry = Entry.of(HybridTimestamp.ZERO, new MaxRegister(5));
    write(Optional.empty(), entry);
    write(Optional.of(folder.resolve("none")), entry);
    assertEquals(List.of(), files());
  }
}
