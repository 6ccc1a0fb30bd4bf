package dev.trellis.node.config;

import static dev.trellis.process.Ranges.requireBytesWithin;
import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/// Where a node keeps its entries.
///
/// @param tier of the node
/// @param folder that must be writable; empty for none, which only the memory tier may have
/// @param memoryBytesMax weight of all entries in the memory tier above which writes that add are
///   refused
/// @param diskBytesMax the same for the SSD tier, and about the most that the folder grows to;
///   empty for as much as its disk has
/// @param syncInterval the least time from one sync of a shard to the next, 0 to 10 s; writes that
///   are to be durable wait for it
/// @param bufferBytesMax what may wait in memory to be written, for all shards together
/// @param freeShareMin of the disk; with less than that free the node warns, 0 to 90 percent
public record StorageConfig(
    Tier tier,
    Optional<Path> folder,
    long memoryBytesMax,
    Optional<Long> diskBytesMax,
    Duration syncInterval,
    long bufferBytesMax,
    int freeShareMin) {
  private static final int FREE_PERCENT_MAX = 90;

  public StorageConfig {
    if (tier == Tier.SSD && folder.isEmpty()) {
      throw new ConfigurationException(
          "node.tier is ssd and data.folder is not set; name the folder that the node keeps its data"
              + " in");
    }
    requireWithin("ssd.interval", syncInterval, Duration.ZERO, Duration.ofSeconds(10));
    requireWithin("ssd.free.min", freeShareMin, 0, FREE_PERCENT_MAX);
  }

  static StorageConfig of(StrictConfig config, int shards, long heapBytes) {
    StorageConfig storage =
        new StorageConfig(
            tier(config),
            config.optionalText("data.folder").map(folder -> path(config, folder)),
            config.bytesOrShare("memory.max", heapBytes),
            config.optionalText("ssd.max").map(_ -> config.bytes("ssd.max")),
            interval(config),
            config.bytesOrShare("ssd.buffer", heapBytes),
            config.number("ssd.free.min"));
    long least = (long) shards << 20;
    requireBytesWithin("memory.max", storage.memoryBytesMax, least, Long.MAX_VALUE);
    requireBytesWithin("ssd.buffer", storage.bufferBytesMax, least, Long.MAX_VALUE);
    storage.diskBytesMax.ifPresent(
        bytes -> requireBytesWithin("ssd.max", bytes, 16 * least, Long.MAX_VALUE));
    return storage;
  }

  private static Tier tier(StrictConfig config) {
    return switch (config.text("node.tier")) {
      case "memory" -> Tier.MEMORY;
      case "ssd" -> Tier.SSD;
      default -> throw config.wrong("node.tier", "must be memory or ssd");
    };
  }

  private static Duration interval(StrictConfig config) {
    return switch (config.text("ssd.sync")) {
      case "commit" -> Duration.ZERO;
      case "interval" -> config.duration("ssd.interval");
      default -> throw config.wrong("ssd.sync", "must be commit or interval");
    };
  }

  private static Path path(StrictConfig config, String folder) {
    try {
      return Path.of(folder);
    } catch (InvalidPathException e) {
      throw config.wrong("data.folder", "is no path: " + e.getReason());
    }
  }
}
