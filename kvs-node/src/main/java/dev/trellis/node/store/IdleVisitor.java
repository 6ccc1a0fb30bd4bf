package dev.trellis.node.store;

import dev.trellis.lattice.Payload;

/// Is shown keys that were not asked for; must not touch the store.
public interface IdleVisitor {
  /// What a key must take, in bytes, to be shown.
  long bytesMin();

  /// Takes a key.
  ///
  /// @param bytes that it takes
  void visit(Payload key, long bytes);
}
