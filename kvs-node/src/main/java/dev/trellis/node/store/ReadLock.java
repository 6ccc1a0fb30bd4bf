package dev.trellis.node.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/// Keeps nodes from using a folder while it is read; others may read it too.
public final class ReadLock implements AutoCloseable {
  /// The file that a node locks in each folder that it uses.
  static final String FILE = "lock";

  private final Optional<FileChannel> channel;

  private ReadLock(Optional<FileChannel> channel) {
    this.channel = channel;
  }

  /// Takes the lock; where no node has ever used the folder, as in a backup, there is none to take.
  ///
  /// @throws IOException if a node uses the folder
  public static ReadLock take(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    if (!Files.exists(file)) {
      return new ReadLock(Optional.empty());
    }
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    if (isFree(channel)) {
      return new ReadLock(Optional.of(channel));
    }
    channel.close();
    throw new DiskFiles.Unusable(
        "data folder " + folder + " is in use by a node that runs; stop that first");
  }

  /// The lock of nothing.
  public static ReadLock none() {
    return new ReadLock(Optional.empty());
  }

  private static boolean isFree(FileChannel channel) throws IOException {
    try {
      return channel.tryLock(0, Long.MAX_VALUE, true) != null;
    } catch (OverlappingFileLockException inThisProcess) {
      return false;
    }
  }

  @Override
  public void close() {
    try {
      if (channel.isPresent()) {
        channel.get().close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
