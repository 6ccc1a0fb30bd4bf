package dev.trellis.node.control;

import java.nio.file.Path;
import java.util.Locale;

/// How far a node is with copying what it has on disk.
///
/// @param folder where to; empty if there was no copy yet
/// @param bytes that were copied
/// @param bytesExpected about how many there will be
/// @param problem why it failed; empty if it did not
public record BackupProgress(
    State state, String folder, long bytes, long bytesExpected, String problem) {
  /// Where a copy stands.
  public enum State {
    NONE,
    RUNNING,
    DONE,
    FAILED
  }

  /// Of a node that has made no copy since it started.
  public static final BackupProgress NONE = new BackupProgress(State.NONE, "", 0, 0, "");

  /// A copy that begins.
  public static BackupProgress running(Path folder, long bytesExpected) {
    return new BackupProgress(State.RUNNING, folder.toString(), 0, bytesExpected, "");
  }

  public BackupProgress withBytes(long now) {
    return new BackupProgress(state, folder, now, bytesExpected, problem);
  }

  /// The same copy when it is made.
  ///
  /// @param all bytes that were copied
  public BackupProgress done(long all) {
    return new BackupProgress(State.DONE, folder, all, all, "");
  }

  public BackupProgress failed(String why) {
    return new BackupProgress(State.FAILED, folder, bytes, bytesExpected, why);
  }

  String word() {
    return state.name().toLowerCase(Locale.ROOT);
  }
}
