package dev.trellis.node;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.config.StorageConfig;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.ShardFiles;
import dev.trellis.node.store.SsdStore;
import dev.trellis.node.store.Store;
import dev.trellis.process.StartupException;
import dev.trellis.wire.NodeDescriptor.Tier;
import io.prometheus.client.Collector;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Where the shards of a node keep their entries, each for itself: in memory, or in a folder of its
/// own on disk.
final class Stores implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Stores.class);
  private static final long LOOK_SECONDS = 5;

  /// The files of a store are larger than what is in them: there are gaps, and what was replaced is
  /// still there while somebody reads it.
  private static final int FILES_PER_CONTENT = 3;

  private static final long FILE_BYTES_MIN = 256L << 20;

  /// How long a disk may take to write what it was given before a copy begins.
  private static final Duration WRITTEN_WITHIN = Duration.ofMinutes(1);

  private final NodeConfig config;
  private final RandomGenerator random;
  private final Map<Integer, SsdStore> onDisk = new TreeMap<>(); // by shard; complete once bound
  private final DiskMetrics metrics = new DiskMetrics();
  private final long diskBytesMax; // for all shards; 0 in memory
  private final ScheduledExecutorService looks;
  private boolean hasWarned;

  /// @throws StartupException if the disk of the folder can't be looked at
  Stores(NodeConfig config, RandomGenerator random) {
    this.config = config;
    this.random = random;
    StorageConfig storage = config.storage();
    diskBytesMax =
        storage.tier() == Tier.MEMORY
            ? 0
            : storage.diskBytesMax().orElseGet(() -> diskOf(storage).total());
    looks =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread made = new Thread(work, "disk-space");
              made.setDaemon(true);
              return made;
            });
    if (storage.tier() == Tier.SSD) {
      var _ = looks.scheduleWithFixedDelay(this::look, 0, LOOK_SECONDS, TimeUnit.SECONDS);
    }
  }

  /// The space of a disk, in bytes.
  private record Space(long free, long total) {
    boolean isShort(int percentMin) {
      return (double) free / total < percentMin / 100.0;
    }
  }

  private static Space diskOf(StorageConfig storage) {
    Path folder = storage.folder().orElseThrow();
    try {
      FileStore disk = Files.getFileStore(folder);
      return new Space(disk.getUsableSpace(), disk.getTotalSpace());
    } catch (IOException e) {
      throw new StartupException(
          "the disk of data.folder " + folder + " can't be looked at: " + e.getMessage(), e);
    }
  }

  private void look() {
    try {
      Space space = diskOf(config.storage());
      metrics.space(space.free);
      boolean isShort = space.isShort(config.storage().freeShareMin());
      if (isShort && !hasWarned) {
        LOG.warn(
            "the disk of data.folder {} is nearly full: {} of {} MiB are free, less than ssd.free.min"
                + " ({} %); free space there, or add a node",
            config.storage().folder().orElseThrow(),
            space.free >> 20,
            space.total >> 20,
            config.storage().freeShareMin());
      } else if (!isShort && hasWarned) {
        LOG.info(
            "the disk of data.folder {} has space again: {} MiB are free",
            config.storage().folder().orElseThrow(),
            space.free >> 20);
      }
      hasWarned = isShort;
    } catch (StartupException e) {
      LOG.warn("{}", e.getMessage());
    }
  }

  /// The most that the entries of a shard may weigh.
  long bytesMax() {
    long all =
        config.storage().tier() == Tier.SSD ? diskBytesMax : config.storage().memoryBytesMax();
    return all / config.shards();
  }

  /// Opens the store of a shard; to be called once for each.
  ///
  /// @throws StartupException naming its folder, what is wrong with it and what to do
  Store open(ShardConfig shard) {
    if (config.storage().tier() == Tier.MEMORY) {
      // Collections may be objects on the heap up to half of what the shard may hold, and all
      // shards
      // together to a quarter of the heap, which is for other things too.
      long share = Runtime.getRuntime().maxMemory() / 4 / shard.shardCount();
      return new MemoryStore(random.nextLong(), Math.min(share, shard.bytesMax() / 2));
    }
    Path folder = DataFolder.shard(config.storage().folder().orElseThrow(), shard.shard());
    try {
      SsdStore store =
          SsdStore.open(
              folder,
              new SsdStore.Owner(
                  config.clusterName(), config.nodeId(), shard.shard(), shard.shardCount()),
              new SsdStore.Settings(
                  Math.max(FILES_PER_CONTENT * bytesMax(), FILE_BYTES_MIN),
                  config.storage().syncInterval(),
                  shard.waitingBytesMax() / 2,
                  metrics.meter(shard.shard())));
      onDisk.put(shard.shard(), store);
      metrics.add(shard.shard(), store);
      return store;
    } catch (IOException e) {
      throw new StartupException(String.valueOf(e.getMessage()), e);
    }
  }

  /// Copies all that is on disk, of each shard as of one moment, into a folder for each, while the
  /// shards go on. Any thread.
  ///
  /// What the shards had answered when this was called is in it.
  ///
  /// @param folder is made; must not be there
  void copyTo(Path folder) throws IOException, InterruptedException {
    Files.createDirectory(folder);
    for (SsdStore store : onDisk.values()) {
      store.awaitWritten(WRITTEN_WITHIN);
    }
    for (Map.Entry<Integer, SsdStore> shard : onDisk.entrySet()) {
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      Path copy = DataFolder.shard(folder, shard.getKey());
      Files.createDirectory(copy);
      shard.getValue().copyTo(copy);
      sync(copy.resolve(ShardFiles.DATA));
      sync(copy);
    }
    sync(folder);
  }

  private static void sync(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path)) {
      channel.force(true);
    }
  }

  /// Whether the shards keep their entries on disk. Any thread.
  boolean isOnDisk() {
    return !onDisk.isEmpty();
  }

  /// About how large a copy of all shards is, in bytes. Any thread.
  long copyBytes() {
    return onDisk.values().stream().mapToLong(SsdStore::copyBytes).sum();
  }

  /// How large a copy in a folder is by now, in bytes.
  long copiedBytes(Path folder) {
    return onDisk.keySet().stream()
        .mapToLong(
            shard -> DataFolder.shard(folder, shard).resolve(ShardFiles.DATA).toFile().length())
        .sum();
  }

  /// What the disks do, for Prometheus; nothing of a node without any.
  Collector metrics() {
    return metrics;
  }

  /// Writes what waits, and lets go of the files; to be called when the shards have ended.
  @Override
  public void close() {
    looks.shutdownNow();
    RuntimeException problem = null;
    for (SsdStore store : onDisk.values()) {
      try {
        store.close();
      } catch (UncheckedIOException e) {
        problem = e;
      }
    }
    onDisk.clear();
    if (problem != null) {
      throw problem;
    }
  }
}
