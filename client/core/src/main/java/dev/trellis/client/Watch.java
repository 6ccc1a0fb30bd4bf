package dev.trellis.client;

import dev.trellis.lattice.Payload;

/// A watch on a key, until it is closed.
public interface Watch extends AutoCloseable {
  /// The key that is watched.
  Payload key();

  /// Whether states may still arrive: false once closed or failed.
  boolean isOpen();

  /// Ends the watch. A listener that is running is not waited for. Closing twice is harmless.
  @Override
  void close();
}
