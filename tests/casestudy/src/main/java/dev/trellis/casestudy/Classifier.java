package dev.trellis.casestudy;

import dev.trellis.lattice.Payload;
import java.util.concurrent.atomic.LongAdder;

/// Takes the dirty words out of batches of documents, and knows how long that alone took.
final class Classifier {
  private final LongAdder nanos = new LongAdder();
  private final LongAdder batches = new LongAdder();
  private Payload encoded = Payload.EMPTY;
  private DirtyWords model = DirtyWords.decode(Payload.EMPTY);

  /// For one thread.
  ///
  /// @param wanted the model; it is decoded where it is another one than that of the batch before
  Payload clean(Payload wanted, Payload batch) {
    long began = System.nanoTime();
    if (encoded != wanted && !encoded.equals(wanted)) {
      model = DirtyWords.decode(wanted);
    }
    encoded = wanted;
    Payload cleaned = model.clean(batch);
    nanos.add(System.nanoTime() - began);
    batches.increment();
    return cleaned;
  }

  /// Forgets how long it took so far. For any thread, as what follows.
  void reset() {
    nanos.reset();
    batches.reset();
  }

  /// The mean time for a batch.
  double meanMillis() {
    return batches.sum() == 0 ? 0 : nanos.sum() / 1e6 / batches.sum();
  }
}
