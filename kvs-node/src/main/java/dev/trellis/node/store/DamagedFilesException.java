package dev.trellis.node.store;

import java.io.IOException;

/// Files of a shard that are not as they were written, so far that nothing in them can be trusted
/// to lead to the rest.
public final class DamagedFilesException extends IOException {
  private static final long serialVersionUID = 1;

  /// @param message names the file and what is wrong with it
  public DamagedFilesException(String message) {
    super(message);
  }
}
