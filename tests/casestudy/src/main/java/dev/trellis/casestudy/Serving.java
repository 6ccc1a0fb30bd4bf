package dev.trellis.casestudy;

import dev.trellis.lattice.Payload;

/// A way to have documents classified by somebody else. For one thread.
interface Serving extends AutoCloseable {
  /// What it is, for people.
  String name();

  /// Sends a batch and waits for what comes back.
  Payload serve(Payload batch);

  /// Who classifies.
  Classifier classifier();

  @Override
  void close();
}
