package dev.trellis.node;

import dev.trellis.node.control.BackupProgress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Copies what the shards of a node have on disk into a folder, while they go on. One copy at a
/// time, each on a thread of its own; any thread may ask.
final class NodeBackup implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NodeBackup.class);

  private final Stores stores;
  private @Nullable Thread thread; // of the latest copy; guarded by this
  private boolean closed; // guarded by this
  private volatile BackupProgress latest = BackupProgress.NONE; // but for the bytes by now

  NodeBackup(Stores stores) {
    this.stores = stores;
  }

  /// Begins to copy.
  ///
  /// @param folder is made; must not be there
  /// @return why it does not begin; empty if it does
  synchronized Optional<String> begin(Path folder) {
    if (!stores.isOnDisk()) {
      return Optional.of("it is a memory node, and has no data on disk");
    }
    if (!folder.isAbsolute()) {
      return Optional.of("the folder '" + folder + "' is no absolute path");
    }
    if (closed) {
      return Optional.of("it stops");
    }
    if (latest.state() == BackupProgress.State.RUNNING) {
      return Optional.of("it copies its data to " + latest.folder() + " already");
    }
    latest = BackupProgress.running(folder, stores.copyBytes());
    thread = Thread.ofPlatform().daemon().name("backup").start(() -> run(folder));
    return Optional.empty();
  }

  private void run(Path folder) {
    LOG.info("copies what is on disk to {}", folder);
    try {
      stores.copyTo(folder);
      latest = latest.done(stores.copiedBytes(folder));
      LOG.info("has copied {} MiB to {}", latest.bytes() >> 20, folder);
    } catch (IOException e) {
      fail(folder, DataFolder.reason(e));
    } catch (InterruptedException e) {
      fail(folder, "the node stops");
    }
  }

  private void fail(Path folder, String reason) {
    latest = latest.failed(reason);
    LOG.warn("what is on disk can't be copied to {}: {}", folder, reason);
  }

  /// How far the latest copy is.
  BackupProgress progress() {
    BackupProgress now = latest;
    return now.state() == BackupProgress.State.RUNNING
        ? now.withBytes(stores.copiedBytes(Path.of(now.folder())))
        : now;
  }

  /// Waits for the shard that is being copied: its files must not be closed meanwhile.
  @Override
  public void close() {
    Thread running;
    synchronized (this) {
      closed = true;
      running = thread;
    }
    if (running != null) {
      running.interrupt();
      try {
        running.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
