package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/// Keeps two commands from starting or stopping the same cluster at once. Lets go when the process
/// ends, however it ends.
final class ClusterLock implements AutoCloseable {
  /// A scaler is at work for a moment only, unless a node that it asks to leave is slow to answer.
  private static final Duration PATIENCE = ControlPort.ORDER_TIMEOUT.multipliedBy(2);

  private static final long LOOK_MILLIS = 20;

  private final FileChannel channel;

  private ClusterLock(FileChannel channel) {
    this.channel = channel;
  }

  /// Takes the lock of the cluster with this port base.
  ///
  /// @throws CommandFailure if another command has it, and keeps it for some seconds
  static ClusterLock take(Console console, int portBase) {
    return take(console, portBase, channel -> lockWithin(channel, PATIENCE));
  }

  /// Takes the lock if nobody has it at this moment.
  ///
  /// @throws CommandFailure if somebody has it
  static ClusterLock takeAtOnce(Console console, int portBase) {
    return take(console, portBase, channel -> lockWithin(channel, Duration.ZERO));
  }

  /// Takes the lock, if need be once the other command has ended. That may be this very one: when
  /// the process ends while the command is at work, what is done at its end need not wait for it.
  static ClusterLock await(Console console, int portBase) {
    return take(console, portBase, ClusterLock::lockHowever);
  }

  /// A way to get the lock of a file; false if it can't be had.
  @FunctionalInterface
  private interface Way {
    boolean locks(FileChannel channel) throws IOException;
  }

  private static ClusterLock take(Console console, int portBase, Way way) {
    Path folder = ClusterState.folderOf(console, portBase);
    Path file = folder.resolve("lock");
    try {
      Files.createDirectories(folder);
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (!way.locks(channel)) {
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

  private static boolean lockWithin(FileChannel channel, Duration patience) throws IOException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (channel.tryLock() == null) {
      if (System.nanoTime() - deadline >= 0) {
        return false;
      }
      try {
        Thread.sleep(LOOK_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CommandFailure(ExitCode.INTERRUPTED, "interrupted", e);
      }
    }
    return true;
  }

  private static boolean lockHowever(FileChannel channel) throws IOException {
    try {
      return channel.lock().isValid();
    } catch (OverlappingFileLockException e) {
      return true; // this process has it
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
