package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/// Keeps two commands from starting or stopping the same cluster at once. Lets go when the process
/// ends, however it ends.
final class ClusterLock implements AutoCloseable {
  private final FileChannel channel;

  private ClusterLock(FileChannel channel) {
    this.channel = channel;
  }

  /// Takes the lock of the cluster with this port base.
  ///
  /// @throws CommandFailure if another command has it
  static ClusterLock take(Console console, int portBase) {
    return take(console, portBase, false);
  }

  /// Takes the lock, if need be once the other command has ended. That may be this very one: when
  /// the process ends while the command is at work, what is done at its end need not wait for it.
  static ClusterLock await(Console console, int portBase) {
    return take(console, portBase, true);
  }

  private static ClusterLock take(Console console, int portBase, boolean patient) {
    Path folder = ClusterState.folderOf(console, portBase);
    Path file = folder.resolve("lock");
    try {
      Files.createDirectories(folder);
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      @Nullable FileLock lock = patient ? lock(channel) : channel.tryLock();
      if (lock == null && !patient) {
        channel.close();
        throw new CommandFailure(
            ExitCode.ENVIRONMENT,
            "another command, such as 'trellis up' or 'trellis down', is at work on the cluster of port "
                + portBase
                + "; wait for it to end");
      }
      return new ClusterLock(channel);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "cannot write to "
              + Failures.of(file, e)
              + "; set TRELLIS_HOME to a folder that can be written",
          e);
    }
  }

  private static @Nullable FileLock lock(FileChannel channel) throws IOException {
    try {
      return channel.lock();
    } catch (OverlappingFileLockException e) {
      return null; // this process has it
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "cannot let go of a lock", e);
    }
  }
}
