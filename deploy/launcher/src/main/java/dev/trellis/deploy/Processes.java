package dev.trellis.deploy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/// Processes of this machine, by id. An id alone may have passed to another process, so the time of
/// its start is compared too.
final class Processes {
  /// The start of a process is told in jiffies since boot, and the time of boot is adjusted with
  /// the clock.
  private static final Duration START_TOLERANCE = Duration.ofSeconds(2);

  private static final Duration POLL = Duration.ofMillis(20);

  private Processes() {}

  /// When a process started; the epoch where the system does not tell.
  static Instant startOf(ProcessHandle process) {
    return process.info().startInstant().orElse(Instant.EPOCH);
  }

  /// Whether the very process that was started is still there.
  static boolean isRunning(ServerState server) {
    return handle(server).isPresent();
  }

  /// Asks a server to stop. To ask again changes nothing.
  static void askToStop(ServerState server) {
    handle(server).ifPresent(ProcessHandle::destroy);
  }

  /// Ends a server the hard way. It has ended soon after.
  static void end(ServerState server) {
    handle(server).ifPresent(ProcessHandle::destroyForcibly);
  }

  /// Waits until a server that was asked to has stopped, and ends it the hard way if it takes
  /// longer than `patience`.
  ///
  /// @return whether it stopped by itself, or was gone before
  static boolean awaitStop(ServerState server, Duration patience) throws InterruptedException {
    if (awaitEnd(server, patience)) {
      return true;
    }
    end(server);
    awaitEnd(server, patience);
    return false;
  }

  private static boolean awaitEnd(ServerState server, Duration patience)
      throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (isRunning(server)) {
      if (System.nanoTime() - deadline > 0) {
        return false;
      }
      Thread.sleep(POLL);
    }
    return true;
  }

  private static Optional<ProcessHandle> handle(ServerState server) {
    Instant expected = Instant.ofEpochMilli(server.startedAtMillis());
    return ProcessHandle.of(server.pid())
        .filter(ProcessHandle::isAlive)
        .filter(process -> !isZombie(process.pid()))
        .filter(
            process ->
                Duration.between(expected, startOf(process)).abs().compareTo(START_TOLERANCE) <= 0);
  }

  /// Whether a process has ended and just waits for its parent to take note: where the first
  /// process of a container does not, it stays in the table for ever.
  private static boolean isZombie(long pid) {
    try {
      String status = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      // The name before the state stands in parentheses and may hold anything.
      return status.startsWith(") Z", status.lastIndexOf(')'));
    } catch (IOException e) {
      return false; // no Linux, or gone just now
    }
  }
}
